"""Clean-ups: armed by an answer, run at the end of their scope (language, section 8, cleanup).

Rules kept here:
- a clean-up is armed as soon as an answer came, with the values of that moment;
- last armed first; one that names a save which is missing is left out;
- without `expect`, 2xx, 404 and 410 are fine: what is gone needs no cleaning.
"""

import time

from pytest_apitest.data import changed
from pytest_apitest.engine.answers import Answer
from pytest_apitest.engine.context import Armed, Context, Trail
from pytest_apitest.engine.described import violations
from pytest_apitest.engine.records import RawStep
from pytest_apitest.engine.scope import Unset
from pytest_apitest.engine.sending import Sent
from pytest_apitest.engine.verification import Verification, any_success
from pytest_apitest.language.model import Step
from pytest_apitest.outcome import ERROR, FAILED, PASSED, Failure
from pytest_apitest.references import NotSentError, RenderError

CLEANED = "2xx, 404 or 410"


def arm(context: Context, step: Step) -> None:
    """Keep the clean-up of a step, if it has one, for the end of the scope."""
    if step.cleanup is not None:
        context.trail.armed.append(Armed(step.cleanup, context.of_this_moment(), step.name))


def clean_up(trail: Trail) -> bool:
    """Run armed clean-ups, last armed first, then the ends of fragments; return whether all passed."""
    fine = True
    while trail.armed:
        fine = _run(trail.armed.pop()) and fine
    while trail.finals:
        fine = trail.finals.pop()() and fine
    return fine


def _run(armed: Armed) -> bool:
    """Run a clean-up with the values of the moment it was armed; return whether it passed."""
    context, step = armed.context, armed.step
    for usage in step.usages:
        entry = context.scope.entries.get(usage.name)
        if not usage.optional and (entry is None or (isinstance(entry, Unset) and entry.kind == "save")):
            return True
    context.scope.touched = {}
    started = time.monotonic()
    outcome = context.outcome(step, "cleanup")
    raw = RawStep(outcome, used=context.used)
    context.trail.raw.append(raw)
    try:
        sent, failures, checks = _sent_and_judged(context, step)
    except RenderError as error:
        outcome.outcome = FAILED
        outcome.failures = [context.render_failure(step, error, "cleanup")]
        sent, failures, checks = None, [], 0
    outcome.duration = time.monotonic() - started
    outcome.tries = 1
    outcome.checks = checks
    raw.sent, raw.touched = sent, dict(context.scope.touched)
    if sent is not None and sent.error is not None:
        outcome.outcome = ERROR
        outcome.failures = [context.unanswered(step, sent)]
    elif failures:
        outcome.outcome = FAILED
        outcome.failures = failures
    outcome.failures = [_in_words(failure, armed.creator, sent, step) for failure in outcome.failures]
    return outcome.outcome == PASSED


def _sent_and_judged(context: Context, step: Step) -> tuple[Sent, list[Failure], int]:
    sent = context.send(step, context.trail.latest, anyway=True)
    if sent.response is None:
        return sent, [], 0
    mark = step.mark
    answer = Answer(sent.response, sent.url, sent.duration)
    try:
        broken, _, described = violations(sent, step, answer, context.document.source.shown, context.sender())
    except NotSentError as error:  # what a step made is removed all the same
        broken, described = [context.render_failure(step, error, "cleanup")], 0
    if step.expect is not None:
        verification = Verification(answer, context.scope, context.document.source.shown, kind="cleanup")
        failures = verification.verify(step.expect, any_success(mark.line, mark.column, mark.width))
        return sent, failures + broken, verification.checks + described
    status = sent.response.status
    if 200 <= status < 300 or status in (404, 410):
        return sent, broken, 1 + described
    failure = context.failure(mark, "status", f"expected {CLEANED}, got {status}")
    return sent, [changed(failure, expected=CLEANED, got=str(status)), *broken], 1 + described


def _in_words(failure: Failure, creator: str, sent: Sent | None, step: Step) -> Failure:
    """Return a failure of a clean-up in the words of the report."""
    what = (
        f"{sent.hops[-1].request.method} {_path(sent.url)}" if sent is not None and sent.hops else step.name
    )
    message = failure.message
    if failure.path == "status":
        message = message.removeprefix("status: ")
    return changed(
        failure, path="cleanup", message=f'cleanup of "{creator}": {what}: {message}', kind="cleanup"
    )


def _path(url: str) -> str:
    rest = url.partition("://")[2]
    return rest[rest.find("/") :] if "/" in rest else "/"
