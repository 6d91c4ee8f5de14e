"""Running steps: conditions, rows, tries, saves, checks, clean-up armed, fragments (language, sections 4, 7-9).

Rules kept here:
- the first step that is neither passed nor skipped ends its list; the rest are listed as not run;
- a try is: render, send, save, check; `retry` makes the whole of it again;
- a clean-up is armed as soon as an answer came, with the values of that moment;
- a fragment sees only its inputs; its requests, cookies and clean-ups are those of the case that uses it.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import field
from itertools import product
from typing import TYPE_CHECKING, Any

from pytest_apitest.checks.evaluation import Look, Missing, evaluate
from pytest_apitest.data import record
from pytest_apitest.engine.answers import Answer
from pytest_apitest.engine.capture import NothingFoundError, extract
from pytest_apitest.engine.endpoints import Endpoint
from pytest_apitest.engine.jars import Jar
from pytest_apitest.engine.records import RawStep
from pytest_apitest.engine.scope import Entry, RunScope, Unset
from pytest_apitest.engine.sending import Sender, Sent
from pytest_apitest.engine.verification import Verification, any_success
from pytest_apitest.jsonvalue import NotJSONError, show
from pytest_apitest.language.model import Condition, Document, Expectation, Rows, SaveSource, Step
from pytest_apitest.outcome import ERROR, FAILED, NOT_RUN, PASSED, SKIPPED, Failure, StepOutcome
from pytest_apitest.references import RenderError, UnsetError, Value

if TYPE_CHECKING:
    from pytest_apitest.engine.case import Engine

CLEANED = "2xx, 404 or 410"


@record
class Armed:
    """A clean-up that waits for the end of its scope.

    Args:
        step: the clean-up.
        runner: the runner of the step that armed it.
        scope: the values of that moment.
        creator: name of the step that armed it.

    """

    step: Step
    runner: "StepRunner"
    scope: RunScope
    creator: str


@record
class Trail:
    """What a case leaves behind while it runs; shared by the case and the fragments in it.

    Args:
        raw: the steps so far.
        armed: clean-ups, last armed last.
        finals: `teardown` lists of fragments, with their runners.
        latest: the moment after which nothing may go on.

    """

    raw: list[RawStep] = field(default_factory=list)
    armed: list[Armed] = field(default_factory=list)
    finals: list[tuple[tuple[Step, ...], "StepRunner"]] = field(default_factory=list)
    latest: float = float("inf")


@record
class Try:
    """What became of one try."""

    sent: Sent | None = None
    failures: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checks: int = 0
    outcome: str = PASSED
    answer: Answer | None = None


class StepRunner:
    """Runs the steps of one document within one run of a case.

    Args:
        engine: the process's state.
        document: the document that the steps stand in.
        endpoints: endpoints with an address, by name.
        scope: the names.
        jar: the cookies.
        trail: what the case leaves behind.
        prefix: what names of steps begin with, for steps of a fragment.

    """

    def __init__(
        self,
        engine: "Engine",
        document: Document,
        endpoints: Mapping[str, Endpoint],
        scope: RunScope,
        jar: Jar,
        trail: Trail,
        prefix: str = "",
    ) -> None:
        self.engine = engine
        self.document = document
        self.endpoints = endpoints
        self.scope = scope
        self.jar = jar
        self.trail = trail
        self.prefix = prefix

    # -- lists ------------------------------------------------------------------------------------------

    def run_list(self, steps: Iterable[Step], phase: str) -> bool:
        """Run steps until one does not pass; return whether all did."""
        stopped = ""
        for step in steps:
            if stopped:
                self._not_run(step, phase, stopped)
                continue
            before = len(self.trail.raw)
            if not self.run(step, phase):
                ended = self._first_ended(before)
                stopped = f'after "{ended.name}" {"was an error" if ended.outcome == ERROR else "failed"}'
                if ended.outcome == NOT_RUN:
                    stopped = ended.reason
        return not stopped

    def _first_ended(self, before: int) -> StepOutcome:
        ended = [
            raw.outcome for raw in self.trail.raw[before:] if raw.outcome.outcome in (FAILED, ERROR, NOT_RUN)
        ]
        return ended[0] if ended else self.trail.raw[-1].outcome

    def run_each(self, steps: Iterable[Step], phase: str) -> bool:
        """Run every step on its own, whatever became of the others; return whether all passed."""
        results = [self.run(step, phase, final=True) for step in steps]
        return all(results)

    def _not_run(self, step: Step, phase: str, reason: str, row: str = "") -> StepOutcome:
        outcome = self._outcome(step, phase, row)
        outcome.outcome = NOT_RUN
        outcome.reason = reason
        self.trail.raw.append(RawStep(outcome))
        return outcome

    def _outcome(self, step: Step, phase: str, row: str = "") -> StepOutcome:
        return StepOutcome(
            self.prefix + step.name, PASSED, self.document.source.shown, step.mark.line, row=row, phase=phase
        )

    # -- one step ---------------------------------------------------------------------------------------

    def run(self, step: Step, phase: str, *, final: bool = False) -> bool:
        """Run one step, for each of its rows; return whether the list may go on.

        Args:
            step: the step.
            phase: the list that it stands in.
            final: whether a missing save makes it not run, which is no failure.

        """
        try:
            if step.when is not None and not self.holds(step.when):
                self._skip(step, phase, "when is false")
                return True
            if step.for_each is None:
                return self._one(step, phase, "", final=final)
            rows = self.rows(step.for_each)
        except RenderError as error:
            return self._broken(step, phase, error, final=final)
        if not rows:
            message = "for_each has no rows; guard it with when"
            self._ended(step, phase, FAILED, self._failure(step, "for_each", message))
            return False
        fine = True
        for label, row in rows:
            # A name has one owner, so a row hides nothing; what its step saves stays behind.
            self.scope.entries.update(row)
            fine = self._one(step, phase, label, final=final) and fine
            for name in row:
                del self.scope.entries[name]
        return fine

    def _skip(self, step: Step, phase: str, reason: str, row: str = "") -> None:
        outcome = self._outcome(step, phase, row)
        outcome.outcome = SKIPPED
        outcome.reason = reason
        self.trail.raw.append(RawStep(outcome))
        names = [save.name for save in step.save] + [
            name for name, _, _ in (step.use.save if step.use else ())
        ]
        for name in names:
            if not isinstance(self.scope.entries.get(name), Entry):
                self.scope.entries[name] = Unset(
                    f'"{step.name}" was skipped, so {name} has no value', SKIPPED
                )

    def _broken(
        self, step: Step, phase: str, error: RenderError, row: str = "", *, final: bool = False
    ) -> bool:
        """Record a step that could not be rendered; return whether the list may go on."""
        if isinstance(error, UnsetError):
            if error.outcome == SKIPPED:
                self._skip(step, phase, error.message, row)
                return True
            missing_save = (
                isinstance(entry := self.scope.entries.get(error.name), Unset) and entry.kind == "save"
            )
            if error.outcome == NOT_RUN or (final and (missing_save or entry is None)):
                self._not_run(step, phase, error.message, row)
                return final
        self._ended(step, phase, error.outcome, self._render_failure(step, error), row)
        return False

    def _ended(self, step: Step, phase: str, word: str, failure: Failure, row: str = "") -> None:
        outcome = self._outcome(step, phase, row)
        outcome.outcome = word
        outcome.failures = [failure]
        self.trail.raw.append(RawStep(outcome, None, dict(self.scope.touched)))

    def _render_failure(self, step: Step, error: RenderError, path: str = "request") -> Failure:
        place = error.place
        if place is not None:
            return Failure(
                path, error.message, file=place.path, line=place.line, column=place.column, kind="request"
            )
        mark = step.request.mark if step.request is not None else step.mark
        return Failure(
            path,
            error.message,
            "",
            "",
            self.document.source.shown,
            mark.line,
            mark.column,
            mark.width,
            "request",
        )

    def _failure(self, step: Step, path: str, message: str) -> Failure:
        mark = step.mark
        return Failure(
            path, message, "", "", self.document.source.shown, mark.line, mark.column, 1, "request"
        )

    def _one(self, step: Step, phase: str, row: str, *, final: bool) -> bool:
        if step.use is not None:
            return self._use(step, phase, row)
        self.scope.touched = {}
        started = time.monotonic()
        outcome = self._outcome(step, phase, row)
        raw = RawStep(outcome)
        self.trail.raw.append(raw)
        try:
            last = self._tries(step, outcome)
        except RenderError as error:
            self.trail.raw.pop()
            return self._broken(step, phase, error, row, final=final)
        except BaseException as error:
            outcome.outcome = ERROR
            outcome.failures = [self._failure(step, "request", interruption(error))]
            outcome.duration = time.monotonic() - started
            raise
        outcome.duration = time.monotonic() - started
        outcome.outcome = last.outcome
        outcome.failures, outcome.warnings, outcome.notes = last.failures, last.warnings, last.notes
        outcome.checks = last.checks
        raw.sent = last.sent
        raw.touched = dict(self.scope.touched)
        return outcome.outcome == PASSED

    def _use(self, step: Step, phase: str, row: str) -> bool:
        """Run the fragment of a step; see `fragments`."""
        raise NotImplementedError

    # -- tries ------------------------------------------------------------------------------------------

    def _tries(self, step: Step, outcome: StepOutcome) -> Try:
        retry = step.retry
        if retry is None:
            outcome.tries = 1
            last = self._try(step, self.trail.latest)
            self._arm(step, last)
            return last
        started = time.monotonic()
        times = retry.times.render(self.scope) if retry.times is not None else None
        limit = float(retry.limit.render(self.scope)) if retry.limit is not None else None
        every = float(retry.every.render(self.scope))
        if times is not None and (type(times) is not int or times < 2):
            raise RenderError(f"times needs an integer of 2 or more, got {show(times)}")
        end = min(self.trail.latest, started + limit if limit is not None else float("inf"))
        while True:
            outcome.tries += 1
            last = self._try(step, end)
            if last.outcome == PASSED:
                break
            if last.answer is not None and retry.give_up_when is not None:
                reason = self._gives_up(retry.give_up_when, last.answer)
                if reason:
                    mark = retry.give_up_when.mark
                    message = f"gave up after {_tries(outcome.tries)}: {reason}"
                    failure = Failure(
                        "retry",
                        message,
                        "",
                        "",
                        self.document.source.shown,
                        mark.line,
                        mark.column,
                        mark.width,
                    )
                    last.failures.insert(0, failure)
                    break
            now = time.monotonic()
            over = (times is not None and outcome.tries >= times) or now + every >= end
            if over:
                self._say_over(last, outcome.tries, limit)
                break
            time.sleep(every)
        self._arm(step, last)
        return last

    def _say_over(self, last: Try, tries: int, limit: float | None) -> None:
        if not last.failures:
            return
        within = f"within {limit:g} s ({_tries(tries)})" if limit is not None else f"after {_tries(tries)}"
        first = last.failures[0]
        last.failures[0] = Failure(
            first.path,
            f"not {within}: {first.message}",
            first.expected,
            first.got,
            first.file,
            first.line,
            first.column,
            first.width,
            first.kind,
        )

    def _gives_up(self, expectation: Expectation, answer: Answer) -> str:
        """Return what holds when the retry is to be given up, or an empty text."""
        verification = Verification(answer, self.scope, self.document.source.shown)
        if verification.verify(expectation, None):
            return ""
        seen = []
        if expectation.status is not None:
            seen.append(f"status is {answer.response.status}")
        for template, _ in expectation.json:
            try:
                path = template.path(self.scope)
                found = path.find(answer.json)
            except (NotJSONError, RenderError):
                continue
            seen.append(f"{path.text} is {show(found[0][1])}" if found else f"{path.text} is not there")
        return ", ".join(seen) or "give_up_when holds"

    def _try(self, step: Step, latest: float) -> Try:
        assert step.request is not None
        sender = Sender(
            self.document, self.endpoints, self.scope, self.engine.send, self.jar, self.engine.extensions
        )
        draft = sender.draft(self.document.requests, step.request)
        sent = sender.send(draft, step.settings, latest)
        if sent.error is not None:
            failure = self._unanswered(step, sent)
            return Try(sent, [failure], outcome=ERROR)
        assert sent.response is not None
        answer = Answer(sent.response, sent.url, sent.duration)
        result = Try(sent, answer=answer)
        if sent.problem:
            result.failures.append(self._failure(step, "redirects", f"redirects: {sent.problem}"))
        self._save(step, answer, result)
        self._check(step, answer, result)
        if result.failures:
            result.outcome = FAILED
        return result

    def _unanswered(self, step: Step, sent: Sent) -> Failure:
        assert step.request is not None
        assert sent.error is not None
        mark = step.request.url_mark
        message = sent.error.message
        endpoint = sent.endpoint
        if endpoint is not None:
            origin = endpoint.origin.removeprefix("env ")
            message += f" ({endpoint.spec.name}, from {origin})"
        return Failure(
            "request",
            message,
            "",
            "",
            self.document.source.shown,
            mark.line,
            mark.column,
            mark.width,
            "request",
        )

    # -- saves ------------------------------------------------------------------------------------------

    def _save(self, step: Step, answer: Answer, result: Try) -> None:
        for save in step.save:
            source = save.source
            origin = f'saved by "{step.name}"'
            try:
                value = extract(source, answer, self.scope)
                entry = Entry(value, "save", origin, secret=source.secret, base_url=answer.url)
                self.scope.set(save.name, entry)
            except NothingFoundError as error:
                if source.optional:
                    message = f"{save.name} has no value: {error} (save at line {save.mark.line})"
                    self.scope.entries[save.name] = Unset(message, FAILED)
                    continue
                self._save_failed(step, save.name, source, str(error), result)
            except RenderError as error:
                self._save_failed(step, save.name, source, error.message, result)
        for label, source in step.report:
            try:
                result.notes.append(f"{label}: {show(extract(source, answer, self.scope), 200)}")
            except (NothingFoundError, RenderError) as error:
                result.notes.append(f"{label}: {error}")

    def _save_failed(self, step: Step, name: str, source: SaveSource, message: str, result: Try) -> None:
        del step
        mark = source.mark
        self.scope.entries[name] = Unset(f"{name} could not be saved: {message}", FAILED)
        result.failures.append(
            Failure(
                f"save {name}",
                f"save {name}: {message}",
                "",
                "",
                self.document.source.shown,
                mark.line,
                mark.column,
                mark.width,
                "save",
            )
        )

    # -- checks -----------------------------------------------------------------------------------------

    def _check(self, step: Step, answer: Answer, result: Try) -> None:
        expectation = step.expect or Expectation()
        shown = self.document.source.shown
        verification = Verification(answer, self.scope, shown, notes=result.notes)
        mark = step.expect.mark if step.expect is not None else step.mark
        status = any_success(mark.line, mark.column, mark.width)
        failures = verification.verify(expectation, status)
        result.checks += verification.checks
        if failures and failures[0].path == "status":
            # A wrong status explains why nothing could be saved; both as failures would say it twice.
            lost = [failure for failure in result.failures if failure.kind == "save"]
            result.failures = [failure for failure in result.failures if failure.kind != "save"]
            result.notes += [failure.message for failure in lost]
        result.failures += failures
        if step.should is not None:
            wished = Verification(answer, self.scope, shown, kind="should", notes=result.notes)
            result.warnings += wished.verify(step.should, None)
            result.checks += wished.checks

    # -- clean-up ---------------------------------------------------------------------------------------

    def _arm(self, step: Step, last: Try) -> None:
        if step.cleanup is not None and last.answer is not None:
            self.trail.armed.append(Armed(step.cleanup, self, self.scope.copy(), step.name))

    def clean_up(self, armed: Armed) -> bool:
        """Run a clean-up with the values of the moment it was armed; return whether it passed."""
        runner = armed.runner
        step = armed.step
        for usage in step.usages:
            entry = armed.scope.entries.get(usage.name)
            if not usage.optional and (entry is None or (isinstance(entry, Unset) and entry.kind == "save")):
                return True
        before, runner.scope = runner.scope, armed.scope
        try:
            return runner._clean(step, armed.creator)  # noqa: SLF001 - the same class
        finally:
            runner.scope = before

    def _clean(self, step: Step, creator: str) -> bool:
        self.scope.touched = {}
        started = time.monotonic()
        outcome = self._outcome(step, "cleanup")
        raw = RawStep(outcome)
        self.trail.raw.append(raw)
        try:
            sent, failures, checks = self._cleaning(step)
        except RenderError as error:
            outcome.outcome = FAILED
            outcome.failures = [self._render_failure(step, error, "cleanup")]
            sent, failures, checks = None, [], 0
        outcome.duration = time.monotonic() - started
        outcome.tries = 1
        outcome.checks = checks
        raw.sent, raw.touched = sent, dict(self.scope.touched)
        if sent is not None and sent.error is not None:
            outcome.outcome = ERROR
            outcome.failures = [self._unanswered(step, sent)]
        elif failures:
            outcome.outcome = FAILED
            outcome.failures = failures
        outcome.failures = [_of_cleanup(failure, creator, sent, step) for failure in outcome.failures]
        return outcome.outcome == PASSED

    def _cleaning(self, step: Step) -> tuple[Sent, list[Failure], int]:
        assert step.request is not None
        sender = Sender(
            self.document, self.endpoints, self.scope, self.engine.send, self.jar, self.engine.extensions
        )
        sent = sender.send(
            sender.draft(self.document.requests, step.request), step.settings, self.trail.latest
        )
        if sent.response is None:
            return sent, [], 0
        answer = Answer(sent.response, sent.url, sent.duration)
        verification = Verification(answer, self.scope, self.document.source.shown, kind="cleanup")
        mark = step.mark
        if step.expect is not None:
            failures = verification.verify(step.expect, any_success(mark.line, mark.column, mark.width))
            return sent, failures, verification.checks
        status = sent.response.status
        if 200 <= status < 300 or status in (404, 410):
            return sent, [], 1
        message = f"expected {CLEANED}, got {status}"
        failure = Failure(
            "status",
            message,
            CLEANED,
            str(status),
            self.document.source.shown,
            mark.line,
            mark.column,
            mark.width,
        )
        return sent, [failure], 1

    # -- conditions and rows ----------------------------------------------------------------------------

    def holds(self, condition: Condition) -> bool:
        """Tell whether a condition holds; a name without a value is missing."""
        look = Look(self.scope)
        for name, check in condition.checks:
            entry = self.scope.entry(name)
            actual = Missing() if entry is None else entry.value
            if evaluate(check, actual, look):
                return False
        return True

    def rows(self, rows: Rows) -> list[tuple[str, dict[str, Entry | Unset]]]:
        """Return the rows with their labels and values; raises `RenderError`."""
        return render_rows(rows, self.scope)


def render_rows(rows: Rows, scope: RunScope) -> list[tuple[str, dict[str, Entry | Unset]]]:
    """Return rows with their labels and values; raises `RenderError`."""
    found: list[tuple[str, dict[str, Entry | Unset]]] = []
    if rows.product:
        columns = [(name, _column(name, value, scope, rows)) for name, value in rows.product]
        names = [name for name, _ in columns]
        combinations = product(*(values for _, values in columns))
        return [_row(None, dict(zip(names, cells, strict=True)), rows) for cells in combinations]
    for label, row in zip(rows.labels, rows.rows, strict=True):
        values = {
            name: (value.render(scope), scope.came_from(value), scope.is_secret(value))
            for name, value in row.items()
        }
        found.append(_row(label, values, rows))
    return found


_Cell = tuple[Any, str, bool]


def _column(name: str, value: Value | tuple[Value, ...], scope: RunScope, rows: Rows) -> list[_Cell]:
    if isinstance(value, tuple):
        return [(one.render(scope), scope.came_from(one), scope.is_secret(one)) for one in value]
    items = value.render(scope)
    if not isinstance(items, list):
        raise RenderError(f"for_each: {name} needs a list, got {show(items, 40)}")
    del rows
    base_url, secret = scope.came_from(value), scope.is_secret(value)
    return [(item, base_url, secret) for item in items]


def _row(label: str | None, cells: Mapping[str, _Cell], rows: Rows) -> tuple[str, dict[str, Entry | Unset]]:
    entries: dict[str, Entry | Unset] = {
        name: Entry(value, "row", f"row, line {rows.mark.line}", secret=secret, base_url=base_url)
        for name, (value, base_url, secret) in cells.items()
    }
    return label or row_label(value for value, _, secret in cells.values() if not secret), entries


def row_label(values: Iterable[Any]) -> str:
    """Return what a row without a label is called: its scalar values."""
    words = []
    for value in values:
        if isinstance(value, str):
            words.append(value if value.strip() else show(value))
        elif not isinstance(value, dict | list | bytes):
            words.append(show(value))
    return "-".join(words)[:80]


def _of_cleanup(failure: Failure, creator: str, sent: Sent | None, step: Step) -> Failure:
    """Return a failure of a clean-up in the words of the report."""
    what = (
        f"{sent.hops[-1].request.method} {_path(sent.url)}" if sent is not None and sent.hops else step.name
    )
    message = failure.message
    if failure.path == "status" and not message.startswith("expected"):
        message = message.removeprefix("status: ")
    return Failure(
        "cleanup",
        f'cleanup of "{creator}": {what}: {message}',
        failure.expected,
        failure.got,
        failure.file,
        failure.line,
        failure.column,
        failure.width,
        "cleanup",
    )


def _path(url: str) -> str:
    rest = url.partition("://")[2]
    return rest[rest.find("/") :] if "/" in rest else "/"


def _tries(count: int) -> str:
    return f"{count} tr{'y' if count == 1 else 'ies'}"


def interruption(error: BaseException) -> str:
    """Return what is said of a step that was interrupted from outside."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by Ctrl-C"
    first = (str(error).splitlines() or [""])[0]
    return f"interrupted: {type(error).__name__}{f': {first}' if first else ''}"
