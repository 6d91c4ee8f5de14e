"""Running a case: values, set-up, steps, clean-ups, and the end that always comes (language, sections 9 and 10).

Rules kept here:
- every run of a case starts with its values computed, an empty cookie jar and, in documents of cases, what
  `setup` saved;
- clean-ups, `after_each` and `teardown` run whatever happened before, also when the run is interrupted, then
  within ten seconds; their failures stand beside the first cause, never instead of it;
- the outcome of the case is that of the first step that decides.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any

from pytest_apitest.data import record
from pytest_apitest.engine.cleaning import clean_up
from pytest_apitest.engine.context import Trail
from pytest_apitest.engine.descriptions import Descriptions
from pytest_apitest.engine.endpoints import Endpoint
from pytest_apitest.engine.fragments import OnceResult, Runner
from pytest_apitest.engine.jars import Jar
from pytest_apitest.engine.needs import Need, computed, made_from, needed, step_needs
from pytest_apitest.engine.records import RawStep, finish
from pytest_apitest.engine.rows import render_rows
from pytest_apitest.engine.scope import Entry, RunScope, Unset
from pytest_apitest.engine.steps import StepRunner
from pytest_apitest.engine.variables import Computation, Options, given_secrets
from pytest_apitest.errors import in_one_line
from pytest_apitest.exchange import Send
from pytest_apitest.extensions import Extensions
from pytest_apitest.jsonvalue import from_python
from pytest_apitest.language.model import Case, Condition, Document, EndpointSpec, Mark, Step
from pytest_apitest.outcome import (
    ERROR,
    FAILED,
    NOT_RUN,
    PASSED,
    SKIPPED,
    WARNED,
    CaseOutcome,
    Failure,
    StepOutcome,
)
from pytest_apitest.redaction import Redactor
from pytest_apitest.references import NotSentError, RenderError, UnsetError

GRACE = 10.0
_ORDER = {"setup": ERROR, "before_each": ERROR}


@record
class Engine:
    """What the cases of one process share.

    Args:
        extensions: operators, functions, filters and auth schemes.
        options: what the command line gives.
        redactor: knows the secrets.
        send: the transport.
        serve: hosts an application and returns its base URL.
        once: results of fragments that run once.
        descriptions: descriptions that are read during the run.

    """

    extensions: Extensions
    options: Options
    redactor: Redactor
    send: Send
    serve: Callable[[EndpointSpec], str]
    once: dict[tuple[str, str], OnceResult] = field(default_factory=dict)
    descriptions: Descriptions = field(default_factory=Descriptions)

    def new_jar(self) -> Jar:
        """Return an empty cookie jar."""
        return Jar()

    def generator(self, name: str) -> random.Random:
        """Return the source of random values of a case; a seed makes it repeat them."""
        if self.options.seed is None:
            return random.Random()  # noqa: S311 - test data, no secrets
        return random.Random(f"{self.options.seed}/{name}")  # noqa: S311

    def end_once(self) -> list[StepOutcome]:
        """Run the clean-ups and `teardown` of fragments that ran once; return what failed."""
        failed: list[StepOutcome] = []
        for result in reversed(list(self.once.values())):
            trail = result.trail
            done = len(trail.raw)
            trail.latest = time.monotonic() + GRACE * 3
            clean_up(trail)
            failed += [finish(raw, self.redactor) for raw in trail.raw[done:] if not _fine(raw)]
        self.once.clear()
        return failed


def _fine(raw: RawStep) -> bool:
    return raw.outcome.outcome in (PASSED, SKIPPED, NOT_RUN)


class DocumentState:
    """A document in one process: what its set-up saved, and its end.

    Args:
        engine: what the cases share.
        document: the document.

    """

    def __init__(self, engine: Engine, document: Document) -> None:
        self.engine = engine
        self.document = document
        self.shared: dict[str, Entry | Unset] = {}
        self.started = False
        # Whether the condition of the document does not hold, so that nothing of it runs.
        self.idle = False
        self.failure = ""
        self.failed_steps: list[StepOutcome] = []
        self._trail = Trail()
        self._jar = engine.new_jar()
        self._served: dict[str, str] = {}
        self._plans: dict[int, tuple[list[Need], list[str]]] = {}
        # A fixture may fail with a secret before any value is computed.
        for name, value in given_secrets(document, engine.options):
            engine.redactor.add(value, name)

    def plan(self, case: Case) -> tuple[list[Need], list[str]]:
        """Return what a case needs and what is computed for it."""
        found = self._plans.get(id(case))
        if found is None:
            found = needed(self.document, case), computed(self.document, case)
            self._plans[id(case)] = found
        return found

    # -- set-up and end of a document of cases ----------------------------------------------------------

    def set_up(self, fixtures: Mapping[str, Any]) -> None:
        """Run `setup` once; its failure is kept for every case."""
        if self.started or self.document.single or not self.document.setup:
            return
        self.started = True
        scope = RunScope({}, self.engine.redactor, self.engine.generator("setup"))
        try:
            scope.entries.update(fixture_entries(fixtures))
            self._compute(self._names(self.document.setup), {}, scope)
            runner = self._runner(scope, self._jar, self._trail)
            unset = any(isinstance(scope.entries.get(name), Unset) for name, _ in self.document.needs)
            if unset or (self.document.when is not None and not runner.holds(self.document.when)):
                # No case will run for it.
                self.idle = True
                return
        except RenderError as error:
            self.failure = error.message
            return
        if not runner.run_list(self.document.setup, "setup"):
            self._keep_failure()
        self.shared = dict(scope.entries)

    def _names(self, steps: Iterable[Step]) -> Iterable[str]:
        """Return the names that are computed for `setup` or `teardown`."""
        for step in steps:
            yield from (usage.name for usage in step.usages)
            yield from (need.name for need in step_needs(self.document, step))
        for spec in self.document.endpoints.values():
            if not spec.app:
                yield spec.name
            yield from (usage.name for usage in spec.usages)
        yield from computed(self.document, Case("", Mark(1, 1), ()))

    def _keep_failure(self) -> None:
        steps = [finish(raw, self.engine.redactor) for raw in self._trail.raw]
        self.failed_steps = steps
        ended = next(step for step in steps if step.outcome in (FAILED, ERROR, NOT_RUN))
        reason = ended.failures[0].message if ended.failures else ended.reason
        self.failure = f'setup failed at "{ended.name}" ({ended.file}:{ended.line}): {reason}'

    def tear_down(self) -> list[StepOutcome]:
        """Run the clean-ups of the document and `teardown`; return the steps that failed."""
        document = self.document
        if document.single or self.idle or not (self.started or document.teardown):
            return []
        done = len(self._trail.raw)
        self._trail.latest = time.monotonic() + GRACE * 3
        clean_up(self._trail)
        if document.teardown:
            entries = dict(self.shared)
            scope = RunScope(entries, self.engine.redactor, self.engine.generator("teardown"))
            try:
                self._compute(self._names(document.teardown), {}, scope)
            except RenderError as error:
                problem = _problem_step(document, document.mark, error.message, "teardown")
                return [finish(problem, self.engine.redactor)]
            self._runner(scope, self._jar, self._trail).run_each(document.teardown, "teardown")
        return [finish(raw, self.engine.redactor) for raw in self._trail.raw[done:] if not _fine(raw)]

    # -- cases ------------------------------------------------------------------------------------------

    def _compute(self, names: Iterable[str], local: Mapping[str, Any], scope: RunScope) -> None:
        computation = Computation(self.document, local, scope, self.engine.options, self._serve)
        for name in names:
            computation.value(name)

    def _serve(self, spec: EndpointSpec) -> str:
        """Host an application, one instance for the document (language, section 3, Endpoints)."""
        if spec.name not in self._served:
            self._served[spec.name] = self.engine.serve(spec)
        return self._served[spec.name]

    def _runner(self, scope: RunScope, jar: Jar, trail: Trail) -> StepRunner:
        endpoints = {}
        for name, spec in self.document.endpoints.items():
            entry = scope.entry(name)
            if entry is not None:
                endpoints[name] = Endpoint(spec, str(entry.value), entry.origin, self.document, scope)
        return Runner(self.engine, self.document, endpoints, scope, jar, trail)

    def run(
        self,
        case: Case,
        outcome: CaseOutcome,
        row: int | None = None,
        fixtures: Mapping[str, Any] | None = None,
    ) -> CaseOutcome:
        """Run a case and fill in its outcome.

        Args:
            case: the case.
            outcome: its outcome, with id, title and place.
            row: number of its row of `parametrize`, from 0, or None.
            fixtures: values of pytest fixtures by name.

        Raises:
            BaseException: an interruption, after the clean-ups; the outcome is filled in before.

        """
        started = time.monotonic()
        run = _CaseRun(self, case, outcome, row, fixtures or {})
        try:
            run.run()
        finally:
            outcome.duration = time.monotonic() - started
            outcome.steps += [finish(raw, self.engine.redactor) for raw in run.raw]
            outcome.reason = self.engine.redactor.text(outcome.reason)
            self._judge(case, outcome, run)
            self.engine.descriptions.register(self.document, outcome)
        return outcome

    def _judge(self, case: Case, outcome: CaseOutcome, run: "_CaseRun") -> None:
        """Set the outcome of a case from its steps."""
        if run.decided:
            outcome.outcome = run.decided
            return
        outcome.outcome = judged(outcome.steps)
        if outcome.outcome in (NOT_RUN, SKIPPED) and not outcome.reason:
            outcome.reason = next((s.reason for s in outcome.steps if s.outcome == outcome.outcome), "")
        if outcome.outcome == FAILED and case.rule is not None and outcome.level in ("should", "may"):
            outcome.outcome = WARNED


def judged(steps: Iterable[StepOutcome]) -> str:
    """Return the outcome of a case whose steps came out like this."""
    seen = list(steps)
    for step in seen:
        if step.outcome in (FAILED, ERROR):
            return _ORDER.get(step.phase, step.outcome)
    ran = [step for step in seen if step.outcome == PASSED and step.phase != "cleanup"]
    if any(step.outcome == NOT_RUN for step in seen if step.phase in ("setup", "before_each", "steps")):
        return NOT_RUN
    if not ran:
        return SKIPPED
    return WARNED if any(step.warnings for step in seen) else PASSED


class _CaseRun:
    """One run of the engine over a case, with all rows of its `for_each`."""

    def __init__(
        self,
        state: DocumentState,
        case: Case,
        outcome: CaseOutcome,
        row: int | None,
        fixtures: Mapping[str, Any],
    ) -> None:
        self.state = state
        self.document = state.document
        self.case = case
        self.outcome = outcome
        self.row = row
        self.fixtures = fixtures
        self.raw: list[RawStep] = []
        # The outcome when it was decided before any step.
        self.decided = ""

    def run(self) -> None:
        state = self.state
        if state.failure:
            self._decide(ERROR, state.failure)
            self.outcome.steps += state.failed_steps
            if not state.failed_steps:
                self.raw.append(self._problem(state.failure))
            return
        scope = RunScope(dict(state.shared), state.engine.redactor, state.engine.generator(self.outcome.id))
        try:
            scope.entries.update(fixture_entries(self.fixtures))
            runs = self._prepare(scope)
        except RenderError as error:
            self._decide(ERROR, error.message)
            self.raw.append(self._problem(error.message, error))
            return
        if not runs:
            return
        for label, entries in runs:
            self._one_run(label, entries, scope)
            if self.decided:
                return

    def _decide(self, outcome: str, reason: str) -> None:
        self.decided = outcome
        self.outcome.reason = reason

    def _problem(self, message: str, error: RenderError | None = None) -> RawStep:
        place = error.place if error is not None else None
        return _problem_step(self.document, self.case.mark, message, "steps", place)

    # -- before the first step --------------------------------------------------------------------------

    def _prepare(self, scope: RunScope) -> list[tuple[str, dict[str, Entry | Unset]]]:
        """Compute the values and return the rows to run; empty when it was decided not to run."""
        case, state = self.case, self.state
        needs, names = state.plan(case)
        outer = [name for name in names if name not in case.variables]
        state._compute(outer, {}, scope)  # noqa: SLF001 - a part of running a document
        if self.row is not None and case.parametrize is not None:
            scope.entries.update(render_rows(case.parametrize, scope)[self.row][1])
        if case.for_each is None:
            self._locals(scope)
            if not self._may_run(needs, scope):
                return []
            return [("", {})]
        if not self._may_run([need for need in needs if need.step is None], scope):
            return []
        rows = render_rows(case.for_each, scope)
        if not rows:
            message = "for_each has no rows; guard it with when"
            problem = self._problem(message)
            problem.outcome.outcome = FAILED
            self.raw.append(problem)
            self._decide(FAILED, message)
        return rows

    def _locals(self, scope: RunScope) -> None:
        """Compute the local variables, which replace those of the document, and what is made from these."""
        local = self.case.variables
        names = [*local, *made_from(self.document, local)]
        for name in names:
            entry = scope.entries.get(name)
            if name in local or (isinstance(entry, Entry | Unset) and entry.kind in ("variable", "endpoint")):
                scope.entries.pop(name, None)
        self.state._compute(names, local, scope)  # noqa: SLF001

    def _may_run(self, needs: list[Need], scope: RunScope) -> bool:
        """Look at level, unset names and conditions; decide the outcome when it may not run."""
        if self._level(scope) == "ignore":
            self._decide(SKIPPED, "level is ignore")
            return False
        runner = self.state._runner(scope, self.state.engine.new_jar(), Trail())  # noqa: SLF001
        for condition in (self.document.when, self.case.when):
            if condition is not None and not runner.holds(condition):
                self._decide(SKIPPED, f"when is false: {_words(condition)}")
                return False
        for need in needs:
            entry = scope.entries.get(need.name)
            if not isinstance(entry, Unset) or entry.kind == "save":
                continue
            if need.step is not None and need.step.when is not None and not self._counts(runner, need.step):
                continue
            return self._unset(need, entry)
        return True

    def _counts(self, runner: StepRunner, step: Step) -> bool:
        """Tell whether a step with a condition runs for sure, as far as is known before the run."""
        assert step.when is not None
        if any(runner.scope.entries.get(name) is None for name, _ in step.when.checks):
            return False  # it hangs on a save; looked at when its turn comes
        return runner.holds(step.when)

    def _unset(self, need: Need, entry: Unset) -> bool:
        if entry.outcome == NOT_RUN:
            self._decide(NOT_RUN, f"not run: {entry.message}")
            return False
        error = UnsetError(entry.message, need.name, entry.outcome)
        declared = self.document.variables.get(need.name) or self.document.endpoints.get(need.name)
        if need.usage is not None:
            error.place = need.usage.mark.place(self.document.source)
        elif declared is not None:
            error.place = declared.mark.place(self.document.source)
        self._decide(ERROR, entry.message)
        self.raw.append(self._problem(entry.message, error))
        return False

    def _level(self, scope: RunScope) -> str:
        rule = self.case.rule
        if rule is None:
            return ""
        level = "must" if rule.level is None else rule.level.render(scope)
        if level not in ("must", "should", "may", "ignore"):
            raise RenderError("level is one of must, should, may, ignore")
        self.outcome.level = str(level)
        return str(level)

    # -- one run ----------------------------------------------------------------------------------------

    def _one_run(self, label: str, row: dict[str, Entry | Unset], outer: RunScope) -> None:
        state, case, document = self.state, self.case, self.document
        scope = outer.copy()
        scope.entries.update(row)
        if case.for_each is not None:
            needs = [need for need in state.plan(case)[0] if need.step is not None]
            try:
                self._locals(scope)
                if not self._may_run(needs, scope):
                    return
            except RenderError as error:
                problem = self._problem(error.message, error)
                problem.outcome.row = label
                self.raw.append(problem)
                return
        trail = Trail()
        runner = state._runner(scope, state.engine.new_jar(), trail)  # noqa: SLF001
        try:
            if document.single:
                fine = runner.run_list(document.setup, "setup") if document.setup else True
            else:
                fine = runner.run_list(document.before_each, "before_each") if document.before_each else True
            if fine:
                runner.run_list(case.steps, "steps")
            else:
                for step in case.steps:
                    runner.not_run(step, "steps", "what runs before did not pass")
        except BaseException:
            trail.latest = time.monotonic() + GRACE
            raise
        finally:
            if trail.latest == float("inf"):
                trail.latest = time.monotonic() + 3600.0
            self._end(runner, trail)
            for raw in trail.raw:
                raw.outcome.row = raw.outcome.row or label
            self.raw += trail.raw

    def _end(self, runner: StepRunner, trail: Trail) -> None:
        clean_up(trail)
        document = self.document
        if document.single:
            runner.run_each(document.teardown, "teardown")
        else:
            runner.run_each(document.after_each, "after_each")


def fixture_entries(fixtures: Mapping[str, Any]) -> dict[str, Entry | Unset]:
    """Return the values of pytest fixtures as values of names; raises `NotSentError`."""
    entries: dict[str, Entry | Unset] = {}
    for name, value in fixtures.items():
        try:
            entries[name] = Entry(from_python(value), "fixture", f"fixture {name}")
        except Exception as error:  # noqa: BLE001 - a value of somebody's code, which may do anything
            raise NotSentError(
                f"the value of the fixture {name} cannot be read: {in_one_line(error)}"
            ) from None
    return entries


def _words(condition: Condition) -> str:
    return ", ".join(name for name, _ in condition.checks)


def _problem_step(document: Document, mark: Mark, message: str, phase: str, place: Any = None) -> RawStep:
    """Return a step that stands for what went wrong before any step."""
    shown = document.source.shown
    failure = Failure(
        "values",
        message,
        file=place.path if place is not None else shown,
        line=place.line if place is not None else mark.line,
        column=place.column if place is not None else mark.column,
        width=1 if place is not None else mark.width,
        kind="request",
    )
    return RawStep(
        StepOutcome("before the first step", ERROR, shown, mark.line, phase=phase, failures=[failure])
    )
