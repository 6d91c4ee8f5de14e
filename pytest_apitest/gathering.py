"""Gathering what became of the cases: from pytest's reports to the outcome of the run and its files.

Rules kept here:
- outcomes travel with pytest's reports, so that workers, reruns and interruptions are told as pytest tells
  them; the process without workers, or their controller, writes the reports;
- the outcome of the run lists cases in the order they were collected, those that never ran among them;
- what pytest did not report did not pass.
"""

import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_apitest.collection import ApitestItem
from pytest_apitest.coverage import DescriptionCoverage, merged, minimum_of
from pytest_apitest.errors import shown_path
from pytest_apitest.language import is_document
from pytest_apitest.outcome import ERROR, FAILED, NO_RESULTS, NOT_RUN, WARNED, CaseOutcome, RunOutcome
from pytest_apitest.runtime import Runtime
from pytest_apitest.screen import Line, notes_of, warnings_of

_CASE = "apitest_case"


class Gathering:
    """The plugin that gathers outcomes; registered when there is something to gather.

    Args:
        runtime: the state of this process.

    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.config = runtime.config
        self.started = time.monotonic()
        self.started_at = datetime.now(UTC)
        # Cases by node id: those that were collected, and those that pytest reported.
        self._expected: dict[str, CaseOutcome] = {}
        self._cases: dict[str, CaseOutcome] = {}
        self._items: dict[str, ApitestItem] = {}
        # What workers exercised of descriptions.
        self._coverage: list[DescriptionCoverage] = []
        # Workers that died, and with them what they exercised.
        self._lost_workers = 0
        # What pytest-xdist says of cases during which a worker died.
        self._lost: dict[str, str] = {}
        self._problems = 0
        self._run: RunOutcome | None = None
        self._unwritten = ""

    # -- collection -------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Check names given by options against the documents that were collected."""
        documents = {
            item.document.source.file: item.document for item in items if isinstance(item, ApitestItem)
        }
        self.runtime.check_options(list(documents.values()))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which cases are to be reported, in their order."""
        for item in session.items:
            if isinstance(item, ApitestItem):
                self._expected.setdefault(item.nodeid, item.new_outcome())
                self._items[item.nodeid] = item

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count documents that could not be collected."""
        if report.failed and report.nodeid.endswith((".apitest.yaml", ".apitest.yml")):
            self._problems += 1

    # -- reports of cases -------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hang the outcome of a case on pytest's report of it."""
        report = yield
        if isinstance(item, ApitestItem):
            item.take_report(report, call)
            setattr(report, _CASE, item.outcome)
        # What a hosted application logs and prints is shown with the test that called it.
        redact = self.runtime.redactor.text
        report.sections = [(name, redact(content)) for name, content in report.sections]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: Any) -> None:
        """Mask secrets in what is warned of."""
        text = str(warning_message.message)
        masked = self.runtime.redactor.text(text)
        if masked != text:
            warning_message.message = masked

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
        """Send the outcome of a case along when a report leaves a worker."""
        case = report.__dict__.pop(_CASE, None)
        data = yield
        if data is not None and case is not None:
            whole = report.when == "teardown"
            data["_apitest"] = case.to_json() if whole else {"word": case.outcome}
        if case is not None:
            setattr(report, _CASE, case)
        return data

    def receive(self, report: Any, sent: dict[str, Any]) -> None:
        """Hang on a report what a worker sent along with it."""
        if "word" in sent:
            case = CaseOutcome(report.nodeid, "", "", "", 0, outcome=sent["word"])
        else:
            case = CaseOutcome.from_json(sent)
        setattr(report, _CASE, case)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome of a case when pytest reports its last phase."""
        case = getattr(report, _CASE, None)
        if case is not None and report.when == "teardown":
            self._cases[report.nodeid] = case
        elif case is None and report.failed and is_document(Path(report.nodeid.partition("::")[0])):
            # A worker died: pytest-xdist tells it without us.
            self._lost[report.nodeid] = str(report.longrepr)[:200]

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """Show cases with warnings in their own word."""
        case = getattr(report, _CASE, None)
        if case is not None and report.when == "call" and report.passed and case.outcome == WARNED:
            return "warned", "w", ("WARNED", {"yellow": True})
        return None

    # -- the end ----------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Learn from a worker which cases it collected; one that died has nothing to say."""
        self._lost_workers += not hasattr(node, "workeroutput")
        sent = getattr(node, "workeroutput", {}).get("apitest", {})
        for data in sent.get("expected", ()):
            self._expected.setdefault(data["id"], CaseOutcome.from_json(data))
        self._coverage += [DescriptionCoverage.from_json(data) for data in sent.get("coverage", ())]

    @property
    def _stopped(self) -> bool:
        """Whether nothing ran because of documents that could not be collected."""
        return bool(self._problems) and not self._cases

    def _run_outcome(self) -> RunOutcome:
        for nodeid in self._lost:
            file, _, title = nodeid.partition("::")
            self._expected.setdefault(nodeid, CaseOutcome(nodeid, title, "", file, 0))
        cases = []
        for nodeid, expected in {**self._expected, **self._cases}.items():
            case = self._cases.get(nodeid)
            if case is None or nodeid in self._lost:
                case = expected
                case.outcome = ERROR if nodeid in self._lost else NOT_RUN
                case.reason = self._lost.get(nodeid, "") or case.reason or "the run ended before it"
                item = self._items.get(nodeid)
                if item is not None and item.outcome.steps:
                    # Ctrl-C ended it half way: what it did, and what its end did, is told all the same.
                    case = item.outcome
                    case.outcome = case.outcome if case.outcome in (FAILED, ERROR) else NOT_RUN
                    case.reason = case.reason or "interrupted"
            cases.append(case)
        coverage = merged([*self._coverage, *self.runtime.coverage])
        wanted = self.runtime.coverage_wanted if not self._stopped else None
        return RunOutcome(
            cases,
            self.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            time.monotonic() - self.started,
            self._problems,
            provider=self.runtime.provider,
            coverage=coverage,
            minimum=minimum_of(wanted, coverage) if wanted is not None else None,
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End fragments that ran once, write the reports, set the exit code; the terminal sums up after it."""
        self._end_once()
        if session.exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            self._problems += 1
        if self.runtime.is_worker:
            expected = [case.to_json() for case in self._expected.values()]
            coverage = [one.to_json() for one in self.runtime.coverage]
            sent = {"expected": expected, "coverage": coverage}
            self.config.workeroutput["apitest"] = sent  # type: ignore[attr-defined]
            return
        if self.config.option.collectonly:
            return
        run = self._run = self._run_outcome()
        if self.runtime.report_folder is not None:
            self._write(run, session)
        self.config.hook.pytest_apitest_outcome(run=run)
        stops = self._problems and not self.config.option.continue_on_collection_errors
        if stops and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            # Workers go on with what they could collect; pytest without workers would not.
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        if run.provider and run.verdict == NO_RESULTS and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
        if run.lacks_coverage and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _end_once(self) -> None:
        for step in self.runtime.end_once():
            for failure in step.failures:
                self.config.issue_config_time_warning(
                    pytest.PytestWarning(f"{failure.file}:{failure.line}: {failure.message}"), stacklevel=2
                )

    def _write(self, run: RunOutcome, session: pytest.Session) -> None:
        from pytest_apitest.reports import write_reports  # noqa: PLC0415 - only when asked for

        assert self.runtime.report_folder is not None
        try:
            write_reports(run, self.runtime.report_folder, self.runtime.extensions.reports)
        except OSError as error:
            # Told by the summary, so that what failed is shown all the same.
            self._unwritten = f"{error.strerror or error}"
            if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        """Say what was warned of, what was exercised, what came out of a provider run, and where the reports are."""
        run = self._run
        if run is None or exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            return
        if not self.config.getoption("disable_warnings", False):
            _show(terminalreporter, "API warnings", warnings_of(run.cases), yellow=True)
        if self.config.option.verbose > 0:
            _show(terminalreporter, "API notes", notes_of(run.cases))
        if (self.runtime.shows_coverage and not self._stopped) or run.minimum is not None:
            self._show_coverage(run, terminalreporter)
        if self.runtime.provider or self.runtime.report_folder:
            self._show_verdict(run, terminalreporter)

    def _show_coverage(self, run: RunOutcome, terminalreporter: Any) -> None:
        from pytest_apitest.reports.coverage_text import lines_of  # noqa: PLC0415 - only when asked for

        terminalreporter.section("API coverage", "-")
        if self.runtime.shows_coverage:
            for line in lines_of(run):
                terminalreporter.line(line.text, **({line.style: True} if line.style else {}))
        if run.minimum is not None:
            word = "ERROR: " if run.lacks_coverage else ""
            terminalreporter.line(word + run.minimum.sentence, red=run.lacks_coverage)
        if run.lacks_coverage and run.coverage and not self.runtime.shows_coverage:
            terminalreporter.line("what is missing: --apitest-coverage")
        if self._lost_workers:
            count = "a worker" if self._lost_workers == 1 else f"{self._lost_workers} workers"
            terminalreporter.line(f"incomplete: {count} died, and what ran there is not counted", red=True)

    def _show_verdict(self, run: RunOutcome, terminalreporter: Any) -> None:
        totals = run.totals
        words = [
            f"{totals[word]} {word.replace('_', ' ')}"
            for word in totals
            if totals[word] and word not in ("total", "checks")
        ]
        if self._stopped:
            words = [f"{self._problems} document{'s' * (self._problems != 1)} with mistakes, nothing ran"]
        terminalreporter.section("API scenarios", "-")
        count = f"{totals['checks']:,} check{'s' * (totals['checks'] != 1)}"
        why = ", too little coverage" if run.lacks_coverage else ""
        terminalreporter.line(f"{run.verdict}: {', '.join(words) or 'nothing ran'}, {count}{why}")
        if self.runtime.report_folder is not None:
            from pytest_apitest.reports import files_of  # noqa: PLC0415 - only when asked for

            folder = shown_path(self.runtime.report_folder, self.config.invocation_params.dir)
            if self._unwritten:
                terminalreporter.line(f"ERROR: no reports in {folder}: {self._unwritten}", red=True)
            else:
                names = ", ".join(files_of(run))
                terminalreporter.line(f"reports: {folder}/{names}")

    def pytest_unconfigure(self) -> None:
        """Close connections and stop hosted applications."""
        self.runtime.close()


def _show(terminalreporter: Any, title: str, lines: list[Line], **style: bool) -> None:
    if lines:
        terminalreporter.section(title, "-", **style)
        for line in lines:
            terminalreporter.line(line.text)
