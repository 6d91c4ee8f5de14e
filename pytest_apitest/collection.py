"""Documents as pytest's files, cases as its items (design, section 4).

Rules kept here:
- an item is a `pytest.Function` under a `pytest.Module`, so that fixtures of every scope, marks, selection,
  durations and every tool that knows Python tests work as they do there;
- what an item runs takes the fixtures that the document names, and nothing of ours;
- `setup` of a document runs before its first case, its end with the last, as the finalizer of the file.
"""

import inspect
import types
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_apitest.engine.runs import outcome_of, runs_of
from pytest_apitest.errors import Problem, ProblemsError
from pytest_apitest.guarded import fixture_scope, problems_repr, redacted, screen_repr, tell_row_from_name
from pytest_apitest.language import Case, Document
from pytest_apitest.outcome import ERROR, FAILED, NOT_RUN, PASSED, SKIPPED, WARNED, CaseOutcome
from pytest_apitest.screen import Line, place, render, summary
from pytest_apitest.selection import package_node_id

if TYPE_CHECKING:
    from pytest_apitest.runtime import Runtime


class CaseEndedError(AssertionError):
    """A case did not pass; the text is the first line of its screen."""

    def __init__(self, case: CaseOutcome) -> None:
        super().__init__(summary(case))
        self.case = case


class CaseFailedError(CaseEndedError):
    """The tested API did not do what a case expects; this alone is what `xfail` expects."""


class CaseInErrorError(CaseEndedError):
    """A case could not be run to its end."""


class DocumentError(pytest.Collector.CollectError):
    """A document cannot be collected; the text is everything that is wrong with it."""

    def __init__(self, problems: ProblemsError, text: str) -> None:
        super().__init__(text)
        self.problems = [problem for problem in problems.problems if not problem.warning]


def problems_of(error: DocumentError, runtime: "Runtime") -> Any:
    """Return the representation of a document with problems: all of them, and the first for summaries."""
    first = min(error.problems, key=lambda problem: problem.place)
    more = len(error.problems) - 1
    message = f"line {first.place.line}: {first.message}" + (f" (and {more} more)" if more else "")
    text = runtime.redactor.text(message)
    return problems_repr(str(error), first.place.path, first.place.line, text)


class ApitestFile(pytest.Module):
    """A document."""

    runtime: "Runtime"
    document: Document

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, runtime: "Runtime") -> "ApitestFile":
        """Return the node of a document."""
        node: ApitestFile = cls.from_parent(
            parent, path=path, nodeid=package_node_id(path, parent.config.rootpath)
        )
        node.runtime = runtime
        # A module of its own for `request.module`; there is no Python file behind it.
        node.obj = types.ModuleType(path.name.partition(".")[0])
        return node

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Return an item for each case and row."""
        runtime = self.runtime
        try:
            self.document = runtime.library.document(self.path)
        except ProblemsError as error:
            raise DocumentError(error, runtime.masked(error)) from None
        for warning in runtime.library.warnings(self.path):
            self.warn(ProblemWarning(warning))
        if self.document.kind == "fragment":
            return []
        self._register_marks()
        items = list(self._items())
        self._check_fixtures(items[0])
        return items

    def _stop(self, problems: list[Problem]) -> None:
        """Raise the problems that only pytest knows of, in the form of the others."""
        if problems:
            error = ProblemsError(problems, self.runtime.library.texts)
            raise DocumentError(error, self.runtime.masked(error))

    def _register_marks(self) -> None:
        """Make the marks of the document known to pytest; with strict markers they must be registered."""
        problems = []
        source = self.document.source
        for name, mark in [
            *self.document.marks,
            *(one for case in self.document.cases for one in case.marks),
        ]:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", pytest.PytestUnknownMarkWarning)
                    getattr(pytest.mark, name)
            except pytest.PytestUnknownMarkWarning:
                self.config.addinivalue_line("markers", f"{name}: used by {source.shown}")
            except pytest.fail.Exception:
                message = f'the mark "{name}" is not registered: add it to markers in pytest\'s configuration'
                problems.append(Problem(mark.place(source), message, mark.width))
        self._stop(problems)

    def _check_fixtures(self, item: "ApitestItem") -> None:
        """Look whether the fixtures of the document exist, and those of `setup` live long enough."""
        document = self.document
        early = names_of_setup(document)
        problems = []
        for name, mark in document.fixtures:
            scope = fixture_scope(item, name)
            if scope is None:
                problems.append(
                    Problem(mark.place(document.source), f'there is no fixture "{name}"', mark.width)
                )
            elif scope in ("function", "class") and name in early:
                message = f'setup uses the fixture "{name}" of {scope} scope; it needs module scope or wider'
                problems.append(Problem(mark.place(document.source), message, mark.width))
        self._stop(problems)

    def _items(self) -> Iterator["ApitestItem"]:
        taken: dict[str, int] = {}
        for run in runs_of(self.document):
            yield self._item(unique(run.name, taken), run.case, run.row)

    def _item(self, name: str, case: Case, row: int | None) -> "ApitestItem":
        fixtures = [fixture for fixture, _ in self.document.fixtures]
        item: ApitestItem = ApitestItem.from_parent(self, name=name, callobj=_call(fixtures))
        if row is not None:
            tell_row_from_name(item)
        item.prepare(self, case, row)
        return item

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Return everything that is wrong with the document, and the first of it for summaries."""
        error = excinfo.value
        if isinstance(error, DocumentError) and error.problems:
            return problems_of(error, self.runtime)
        return super().repr_failure(excinfo)

    # -- set-up and end ---------------------------------------------------------------------------------

    def before_case(self, item: "ApitestItem") -> None:
        """Run the document's `setup` before its first case."""
        state = self.runtime.state(self.document)
        if state.document.single or state.started:
            return
        state.started = state.started or not self.document.setup
        # Added behind the fixtures of this item, so that they are still there when it runs.
        self.addfinalizer(self._end)
        state.set_up(item.fixture_values())

    def _end(self) -> None:
        state = self.runtime.state(self.document)
        failed = state.tear_down()
        state.started = False
        if failed:
            case = CaseOutcome(
                "", self.document.title, self.document.title, self._shown(), self.document.mark.line
            )
            case.outcome, case.steps = ERROR, failed
            raise CaseInErrorError(case)

    def _shown(self) -> str:
        return self.document.source.shown


class ProblemWarning(pytest.PytestWarning):
    """Something in a document that can be run all the same."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.place}: {problem.message}")


def _call(fixtures: list[str]) -> Any:
    """Return the function behind an item: its parameters are the fixtures of the document."""

    def run_case(**values: Any) -> None:
        raise AssertionError(values)  # pragma: no cover - the item runs the case itself

    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in fixtures]
    run_case.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run_case


class ApitestItem(pytest.Function):
    """A case, a row of a case, or a rule."""

    document: Document
    case: Case
    row: int | None
    file: ApitestFile
    outcome: CaseOutcome
    _phase = "call"

    def prepare(self, file: ApitestFile, case: Case, row: int | None) -> None:
        """Take over what the document says of this case."""
        self.file, self.document = file, file.document
        self.case, self.row = case, row
        self.outcome = self.new_outcome()
        document = self.document
        for mark, _ in (*document.marks, *case.marks):
            self.add_marker(mark)
        skip = case.skip or document.skip
        if skip:
            self.add_marker(pytest.mark.skip(reason=skip))
        if case.xfail:
            self.add_marker(pytest.mark.xfail(reason=case.xfail, strict=True, raises=CaseFailedError))
        lock = case.serial or document.serial
        if lock and self.config.pluginmanager.hasplugin("xdist"):
            self.add_marker(pytest.mark.xdist_group(lock))
        self.user_properties += [
            ("file", document.source.shown),
            ("line", case.mark.line),
            ("scenario", document.title),
        ]
        if case.rule is not None:
            self.user_properties.append(("rule", case.rule.id))

    def new_outcome(self) -> CaseOutcome:
        """Return a fresh outcome of this case."""
        outcome = outcome_of(self.document, self.case, self.nodeid, self.name, self.file.runtime.redactor)
        outcome.outcome = NOT_RUN
        return outcome

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return file, line from 0, and the name in headings."""
        title = self.document.title
        name = self.name if self.name.startswith(title) else f"{title} > {self.name}"
        return self.path, self.case.mark.line - 1, name

    # -- running ----------------------------------------------------------------------------------------

    def fixture_values(self) -> dict[str, Any]:
        """Return the values of the fixtures that the document names."""
        return {name: self.funcargs[name] for name, _ in self.document.fixtures}

    def setup(self) -> None:
        """Fill the fixtures, then run the document's `setup` when this is its first case."""
        self.outcome = self.new_outcome()
        state = self.file.runtime.state(self.document)  # knows the secrets, which a fixture may fail with
        super().setup()
        self.file.before_case(self)
        if state.failure:
            self.outcome.outcome = ERROR
            state.run(self.case, self.outcome, self.row, self.fixture_values())
            raise CaseInErrorError(self.outcome)

    def runtest(self) -> None:
        """Run the case."""
        self.outcome = self.new_outcome()
        state = self.file.runtime.state(self.document)
        with self.file.runtime.lock(self.case.serial or self.document.serial):
            state.run(self.case, self.outcome, self.row, self.fixture_values())
        self._judge()

    def _judge(self) -> None:
        outcome, strict = self.outcome, self.file.runtime.strict
        if outcome.outcome == ERROR:
            raise CaseInErrorError(outcome)
        if outcome.outcome == FAILED:
            raise CaseFailedError(outcome)
        if strict and outcome.outcome == NOT_RUN:
            raise CaseFailedError(outcome)
        if strict and outcome.outcome == WARNED and outcome.level != "may":
            raise CaseFailedError(outcome)
        if outcome.outcome in (SKIPPED, NOT_RUN):
            pytest.skip(outcome.reason or outcome.outcome)

    # -- reporting --------------------------------------------------------------------------------------

    def take_report(self, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        """Bring the outcome of the case in line with what pytest says of it."""
        outcome = self.outcome
        if report.failed and report.when != "call" and call.excinfo is not None:
            # Of the other phases pytest shows the code of ours that raised.
            self._phase = str(report.when)
            report.longrepr = self.repr_failure(call.excinfo)
            self._phase = "call"
        if report.skipped and isinstance(report.longrepr, tuple):
            # Where the reason stands is the case, not the line of ours that raised it.
            reason = report.longrepr[2]
            report.longrepr = (str(self.path), self.case.mark.line, reason)
        if report.when == "teardown":
            if report.failed:
                self._failed_at_end(call)
            return
        if report.skipped:
            self._skipped(report)
        elif report.failed and outcome.outcome not in (FAILED, ERROR):
            if not (report.when == "call" and outcome.outcome in (WARNED, NOT_RUN)):
                self._failed_outside(report, call)
            elif outcome.outcome == WARNED:
                outcome.outcome = FAILED

    def _skipped(self, report: pytest.TestReport) -> None:
        outcome = self.outcome
        if hasattr(report, "wasxfail"):
            outcome.outcome, outcome.reason = SKIPPED, f"expected to fail: {report.wasxfail}"
        elif outcome.outcome != NOT_RUN or report.when == "setup":
            outcome.outcome = SKIPPED
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            outcome.reason = outcome.reason or reason.removeprefix("Skipped: ")

    def _failed_outside(self, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        """Tell a failure that is none of a step: a fixture, an xfail that passed."""
        outcome = self.outcome
        strict = "[XPASS(strict)]" in str(report.longrepr)
        outcome.outcome = FAILED if strict else ERROR
        first = (str(call.excinfo.value) if call.excinfo is not None else str(report.longrepr)).split("\n")[0]
        reason = f"expected to fail, but passed: {self.case.xfail}" if strict else f"{report.when}: {first}"
        outcome.reason = self.file.runtime.redactor.text(reason)
        if strict:
            report.longrepr = self._screen(
                [], outcome.file, outcome.line, f"[XPASS(strict)] {outcome.reason}"
            )

    def _failed_at_end(self, call: pytest.CallInfo[None]) -> None:
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, CaseEndedError):
            self.outcome.steps += error.case.steps
        if self.outcome.outcome in (PASSED, WARNED, SKIPPED, NOT_RUN):
            self.outcome.outcome = ERROR
            self.outcome.reason = self.file.runtime.redactor.text(str(error).split("\n")[0])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Return the failure screen; of what is not ours, pytest's own representation without secrets."""
        error = excinfo.value
        case = error.case if isinstance(error, CaseEndedError) else None
        if case is None and isinstance(error, pytest.fail.Exception) and self.outcome.steps:
            case = self.outcome  # pytest-timeout, while a step was running
        runtime = self.file.runtime
        if case is None:
            return redacted(super().repr_failure(excinfo), runtime.redactor)
        config = self.config
        lines = [] if config.option.tbstyle == "no" else render(case, runtime.text_of, config.option.verbose)
        if not isinstance(error, CaseEndedError):
            lines.insert(0, Line(f"E   {runtime.redactor.text(str(error))}", "error"))
        return self._screen(lines, *place(case), summary(case))

    def _screen(self, lines: list[Line], file: str, line: int, message: str) -> Any:
        native = self.config.pluginmanager.hasplugin("rich")
        style = self.config.option.tbstyle
        return screen_repr(lines, file, line, message, style=style, native=native, phase=self._phase)


def names_of_setup(document: Document) -> set[str]:
    """Return the names that `setup` of a document of cases uses, directly or through variables."""
    if document.single:
        return set()
    open_names = [usage.name for step in document.setup for usage in step.usages]
    open_names += [usage.name for spec in document.endpoints.values() for usage in spec.usages]
    found: set[str] = set()
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            spec = document.variables.get(name)
            open_names += [usage.name for usage in spec.usages] if spec is not None else []
    return found if document.setup else set()


def unique(name: str, taken: dict[str, int]) -> str:
    """Return a name that was not taken yet; the second of a kind ends in `-2`."""
    number = taken[name] = taken.get(name, 0) + 1
    if number == 1:
        return name
    return f"{name[:-1]}-{number}]" if name.endswith("]") else f"{name}-{number}"
