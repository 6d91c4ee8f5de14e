"""Tries of a step: send, save, check, and again with `retry` (language, sections 7 to 9).

Rules kept here:
- a try is: render, send, save, check; `retry` makes the whole of it again, within the time of `for`;
- saves happen before the checks, also when these will fail;
- what the last try failed with is what is shown, with the number of tries.
"""

import time
from dataclasses import field

from pytest_apitest.data import changed, record
from pytest_apitest.engine.answers import Answer
from pytest_apitest.engine.capture import NothingFoundError, extract
from pytest_apitest.engine.cleaning import arm
from pytest_apitest.engine.context import Context
from pytest_apitest.engine.described import violations
from pytest_apitest.engine.scope import Entry, Unset
from pytest_apitest.engine.sending import Sent
from pytest_apitest.engine.verification import Verification, any_success
from pytest_apitest.jsonvalue import NotJSONError, show
from pytest_apitest.language.model import Expectation, Retry, SaveSource, Step
from pytest_apitest.outcome import ERROR, FAILED, PASSED, Failure, StepOutcome
from pytest_apitest.references import RenderError


@record
class Try:
    """What became of one try; `violates` tells that it does not follow the description of the endpoint."""

    sent: Sent | None = None
    failures: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checks: int = 0
    outcome: str = PASSED
    answer: Answer | None = None
    violates: bool = False


def run_tries(context: Context, step: Step, outcome: StepOutcome) -> Try:
    """Try a step as often as it asks for and return the last try.

    Args:
        context: what the step runs with.
        step: the step.
        outcome: its outcome, which counts the tries.

    Raises:
        RenderError: the request cannot be made.

    """
    if step.retry is not None:
        return _retried(context, step, step.retry, outcome)
    outcome.tries = 1
    return _try(context, step, context.trail.latest)


def _retried(context: Context, step: Step, retry: Retry, outcome: StepOutcome) -> Try:
    scope = context.scope
    started = time.monotonic()
    times = retry.times.render(scope) if retry.times is not None else None
    limit = float(retry.limit.render(scope)) if retry.limit is not None else None
    every = float(retry.every.render(scope))
    if times is not None and (type(times) is not int or times < 2):
        raise RenderError(f"times needs an integer of 2 or more, got {show(times)}")
    armed = len(context.trail.armed)
    end = min(context.trail.latest, started + limit if limit is not None else float("inf"))
    while True:
        outcome.tries += 1
        last = _try(context, step, end, armed)
        # An exchange that is not as described is wrong however often it is made.
        if last.outcome == PASSED or last.violates:
            return last
        if last.answer is not None and retry.give_up_when is not None:
            reason = _gives_up(context, retry.give_up_when, last.answer)
            if reason:
                message = f"gave up after {_tries(outcome.tries)}: {reason}"
                last.failures.insert(0, context.failure(retry.give_up_when.mark, "retry", message, "check"))
                return last
        enough = times is not None and outcome.tries >= times
        if enough or time.monotonic() + every >= end:
            _say_over(last, outcome.tries, None if enough else limit)
            return last
        time.sleep(every)


def _say_over(last: Try, tries: int, limit: float | None) -> None:
    if last.failures:
        within = f"within {limit:g} s ({_tries(tries)})" if limit is not None else f"after {_tries(tries)}"
        first = last.failures[0]
        last.failures[0] = changed(first, message=f"not {within}: {first.message}")


def _gives_up(context: Context, expectation: Expectation, answer: Answer) -> str:
    """Return what holds when the retry is to be given up, or an empty text."""
    verification = Verification(answer, context.scope, context.document.source.shown)
    if verification.verify(expectation, None):
        return ""
    seen = []
    if expectation.status is not None:
        seen.append(f"status is {answer.response.status}")
    for template, _ in expectation.json:
        try:
            path = template.path(context.scope)
            found = path.find(answer.json)
        except (NotJSONError, RenderError):
            continue
        seen.append(f"{path.text} is {show(found[0][1])}" if found else f"{path.text} is not there")
    return ", ".join(seen) or "give_up_when holds"


def _tries(count: int) -> str:
    return f"{count} tr{'y' if count == 1 else 'ies'}"


# -- one try --------------------------------------------------------------------------------------------


def _try(context: Context, step: Step, latest: float, armed: int | None = None) -> Try:
    """Make one try; its clean-up replaces that of an earlier one, which stands behind the first `armed`."""
    sent = context.send(step, latest)
    if sent.error is not None:
        # An answer that is past its bounds is the tested API's fault (language, section 9).
        outcome = FAILED if sent.error.kind == "limit" else ERROR
        return Try(sent, [context.unanswered(step, sent)], outcome=outcome)
    assert sent.response is not None
    answer = Answer(sent.response, sent.url, sent.duration)
    result = Try(sent, answer=answer)
    if sent.problem:
        result.failures.append(context.step_failure(step, "redirects", f"redirects: {sent.problem}"))
    _save(context, step, answer, result)
    if armed is not None:
        del context.trail.armed[armed:]
    arm(context, step)
    _check(context, step, answer, result)
    if result.failures:
        result.outcome = FAILED
    return result


def _save(context: Context, step: Step, answer: Answer, result: Try) -> None:
    scope = context.scope
    origin = f'saved by "{step.name}"'
    for save in step.save:
        source = save.source
        try:
            value = extract(source, answer, scope)
            scope.set(save.name, Entry(value, "save", origin, secret=source.secret, base_url=answer.url))
        except NothingFoundError as error:
            if source.optional:
                message = f"{save.name} has no value: {error} (save at line {save.mark.line})"
                scope.entries[save.name] = Unset(message, FAILED)
                continue
            _save_failed(context, save.name, source, str(error), result)
        except RenderError as error:
            _save_failed(context, save.name, source, error.message, result)
    for label, source in step.report:
        try:
            result.notes.append(f"{label}: {show(extract(source, answer, scope), 200)}")
        except (NothingFoundError, RenderError) as error:
            result.notes.append(f"{label}: {error}")


def _save_failed(context: Context, name: str, source: SaveSource, message: str, result: Try) -> None:
    context.scope.entries[name] = Unset(f"{name} could not be saved: {message}", FAILED)
    result.failures.append(context.failure(source.mark, f"save {name}", f"save {name}: {message}", "save"))


def _check(context: Context, step: Step, answer: Answer, result: Try) -> None:
    expectation = step.expect or Expectation()
    shown = context.document.source.shown
    verification = Verification(answer, context.scope, shown, notes=result.notes)
    mark = step.expect.mark if step.expect is not None else step.mark
    failures = verification.verify(expectation, any_success(mark.line, mark.column, mark.width))
    result.checks += verification.checks
    if failures and failures[0].path == "status":
        # A wrong status explains why nothing could be saved; both as failures would say it twice.
        lost = [failure for failure in result.failures if failure.kind == "save"]
        result.failures = [failure for failure in result.failures if failure.kind != "save"]
        result.notes += [failure.message for failure in lost]
    result.failures += failures
    if step.should is not None:
        wished = Verification(answer, context.scope, shown, kind="should", notes=result.notes)
        result.warnings += wished.verify(step.should, None)
        result.checks += wished.checks
    assert result.sent is not None
    broken, told, checks = violations(result.sent, step, answer, shown, context.sender())
    result.failures += broken
    result.warnings += told
    result.checks += checks
    result.violates = bool(broken)
