"""What the plugin keeps for one run of pytest: documents, engine, outcomes; and the hooks that need them.

Rules kept here:
- it is made when the first document is collected or an option of ours is used, never before;
- outcomes travel with pytest's reports, so that workers, reruns and interruptions are told as pytest tells
  them; the process without workers, or their controller, writes the reports;
- the outcome of the run lists cases in the order they were collected, those that never ran among them.
"""

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_apitest.engine import DocumentState, Engine, Options
from pytest_apitest.errors import ProblemsError, UsageError
from pytest_apitest.extensions import Extensions
from pytest_apitest.language import Document, Library
from pytest_apitest.language.model import EndpointSpec
from pytest_apitest.outcome import ERROR, NO_RESULTS, NOT_RUN, WARNED, CaseOutcome, RunOutcome
from pytest_apitest.redaction import Redactor
from pytest_apitest.selection import Selection, options_of, package_scenarios, scenario_roots

if TYPE_CHECKING:
    from pytest_apitest.hosting import Host
    from pytest_apitest.transport import Network

_CASE = "apitest_case"


class Runtime:
    """The state of the plugin in one process.

    Args:
        config: pytest's configuration.

    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.started = time.monotonic()
        self.started_at = datetime.now(UTC)
        self.extensions = Extensions()
        self.redactor = Redactor()
        self.strict = bool(config.getoption("apitest_strict") or config.getini("apitest_strict"))
        self.report_folder = self._folder(
            config.getoption("apitest_report") or config.getini("apitest_report")
        )
        self.options = self._options()
        self.roots = scenario_roots(config)
        self.library = Library(
            self.extensions,
            [*self.roots, config.rootpath, package_scenarios()],
            config.invocation_params.dir,
            _load_app,
            self.options.variables,
        )
        self.selection: Selection | None = None
        self._engine: Engine | None = None
        self._network: Network | None = None
        self._host: Host | None = None
        self._states: dict[Path, DocumentState] = {}
        # What is to be reported: cases by node id, in the order of collection.
        self._expected: dict[str, CaseOutcome] = {}
        self._cases: dict[str, CaseOutcome] = {}
        self._problems = 0

    def _folder(self, written: str) -> Path | None:
        return self.config.invocation_params.dir / written if written else None

    def _options(self) -> Options:
        try:
            return options_of(self.config)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

    @property
    def is_worker(self) -> bool:
        """Whether this is a worker of pytest-xdist."""
        return hasattr(self.config, "workerinput")

    def register(self) -> None:
        """Hang the hooks of this module in, and let projects add to the language."""
        self.config.pluginmanager.register(self, "apitest-runtime")
        self.config.hook.pytest_apitest_extend.call_historic(kwargs={"extensions": self.extensions})

    # -- choosing ---------------------------------------------------------------------------------------

    def choose(self) -> None:
        """Choose the documents that `--apitest-scenario` names; raises `pytest.UsageError`."""
        names = self.config.getoption("apitest_scenario")
        if not names:
            return
        try:
            self.selection = Selection(
                names, self.roots, self.config.invocation_params.dir, self.config.rootpath
            )
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        self.config.args[:] = [str(file) for file in self.selection.files]

    def leads_to_chosen(self, path: Path) -> bool:
        """Tell whether a path is a chosen document or a folder above one."""
        return self.selection is not None and self.selection.leads_to(path)

    # -- running ----------------------------------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        if self._engine is None:
            self._engine = Engine(self.extensions, self.options, self.redactor, self._send, self._serve)
        return self._engine

    def _send(self, request: Any) -> Any:
        if self._network is None:
            from pytest_apitest.transport import Network  # noqa: PLC0415 - loads the transport

            self._network = Network()
            self.engine.send = self._network.send
        return self._network.send(request)

    def _serve(self, spec: EndpointSpec, document: Document) -> str:
        if self._host is None:
            from pytest_apitest.hosting import Host  # noqa: PLC0415 - loads aiohttp

            self._host = Host()
        from pytest_apitest.hosting import AppError  # noqa: PLC0415
        from pytest_apitest.references import NotSentError  # noqa: PLC0415

        try:
            return self._host.serve(spec.loaded).base_url
        except AppError as error:
            raise NotSentError(f"{spec.name} ({spec.app}): {error}") from None
        finally:
            del document

    def state(self, document: Document) -> DocumentState:
        """Return the state of a document in this process."""
        file = document.source.file
        if file not in self._states:
            self._states[file] = DocumentState(self.engine, document)
        return self._states[file]

    def lock(self, name: str | None) -> AbstractContextManager[None]:
        """Return a lock that cases with the same `serial` hold, across the workers of a run."""
        if name is None or not self.is_worker:
            return nullcontext()
        from pytest_apitest.locks import file_lock  # noqa: PLC0415 - only with workers

        return file_lock(f"{self.config.workerinput['testrunuid']}/{name}")  # type: ignore[attr-defined]

    def masked(self, error: ProblemsError) -> str:
        """Return the problems of a document without the secrets that stand in its lines."""
        for value, name in self.library.secrets:
            self.redactor.add(value, name)
        return self.redactor.text(str(error))

    def text_of(self, shown: str) -> str:
        """Return the text of a document by its path in messages, without secrets written in it."""
        return self.redactor.text(self.library.texts.get(shown, ""))

    # -- collection -------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Check names given by options against the documents that were collected."""
        from pytest_apitest.collection import ApitestItem  # noqa: PLC0415

        documents = {
            item.document.source.file: item.document for item in items if isinstance(item, ApitestItem)
        }
        self.check_options(list(documents.values()))

    def check_options(self, documents: list[Document]) -> None:
        """Raise `pytest.UsageError` for an option that names nothing in the documents."""
        from pytest_apitest.selection import check_names  # noqa: PLC0415

        if not documents:
            return
        try:
            check_names(self.options, documents)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which cases are to be reported, in their order."""
        from pytest_apitest.collection import ApitestItem  # noqa: PLC0415

        for item in session.items:
            if isinstance(item, ApitestItem):
                self._expected.setdefault(item.nodeid, item.new_outcome())

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
        from pytest_apitest.collection import ApitestItem  # noqa: PLC0415

        if isinstance(item, ApitestItem):
            item.take_report(report, call)
            setattr(report, _CASE, item.outcome)
        return report

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
        elif case is None and report.failed and report.nodeid in self._expected:
            # A worker died: pytest-xdist tells it without us.
            lost = self._expected[report.nodeid]
            lost.outcome, lost.reason = ERROR, str(report.longrepr)[:200]
            self._cases[report.nodeid] = lost

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """Show cases with warnings in their own word."""
        case = getattr(report, _CASE, None)
        if case is not None and report.when == "call" and report.passed and case.outcome == WARNED:
            return "warned", "w", ("WARNED", {"yellow": True})
        return None

    # -- the end ----------------------------------------------------------------------------------------

    def pytest_testnodedown(self, node: Any) -> None:
        """Learn from a worker which cases it collected."""
        sent = getattr(node, "workeroutput", {}).get("apitest", {})
        for data in sent.get("expected", ()):
            self._expected.setdefault(data["id"], CaseOutcome.from_json(data))

    def run_outcome(self) -> RunOutcome:
        """Return the outcome of the run so far."""
        cases = []
        for nodeid, expected in {**self._expected, **self._cases}.items():
            case = self._cases.get(nodeid)
            if case is None:
                case = expected
                case.outcome = NOT_RUN
                case.reason = case.reason or "the run ended before it"
            cases.append(case)
        return RunOutcome(
            cases,
            self.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            time.monotonic() - self.started,
            self._problems,
            provider=bool(self.config.getoption("apitest_scenario")),
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """End fragments that ran once, close what is open, write the reports, set the exit code."""
        if self._engine is not None:
            self._end_once()
        result = yield
        if self.is_worker:
            expected = [case.to_json() for case in self._expected.values()]
            self.config.workeroutput["apitest"] = {"expected": expected}  # type: ignore[attr-defined]
            return result
        run = self.run_outcome()
        if self.config.option.collectonly:
            return result
        if self.report_folder is not None:
            self._write(run)
        self.config.hook.pytest_apitest_outcome(run=run)
        if run.provider and run.verdict == NO_RESULTS and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
        return result

    def _end_once(self) -> None:
        failed = self.engine.end_once()
        for step in failed:
            for failure in step.failures:
                self.config.issue_config_time_warning(
                    pytest.PytestWarning(f"{failure.file}:{failure.line}: {failure.message}"), stacklevel=2
                )

    def _write(self, run: RunOutcome) -> None:
        from pytest_apitest.reports import write_reports  # noqa: PLC0415 - only when asked for

        assert self.report_folder is not None
        try:
            write_reports(run, self.report_folder, self.extensions.reports)
        except OSError as error:
            raise pytest.UsageError(
                f"--apitest-report {self.report_folder}: {error.strerror or error}"
            ) from None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what came out of a provider run, and where the reports are."""
        if not self.config.getoption("apitest_scenario") and self.report_folder is None:
            return
        run = self.run_outcome()
        totals = run.totals
        words = [
            f"{totals[word]} {word.replace('_', ' ')}"
            for word in totals
            if totals[word] and word not in ("total", "checks")
        ]
        terminalreporter.section("API scenarios", "-")
        count = f"{totals['checks']:,} check{'s' * (totals['checks'] != 1)}"
        terminalreporter.line(f"{run.verdict}: {', '.join(words) or 'nothing ran'}, {count}")
        if self.report_folder is not None:
            from pytest_apitest.errors import shown_path  # noqa: PLC0415

            folder = shown_path(self.report_folder, self.config.invocation_params.dir)
            terminalreporter.line(f"reports: {folder}/result.json, shield.json, shield.svg")

    def pytest_unconfigure(self) -> None:
        """Close connections and stop hosted applications."""
        if self._network is not None:
            self._network.close()
        if self._host is not None:
            self._host.close()


def _load_app(spec: str, search: list[Path]) -> Any:
    from pytest_apitest.hosting import AppError, load_app  # noqa: PLC0415 - only for documents with an app

    try:
        return load_app(spec, search)
    except AppError as error:
        raise ValueError(str(error)) from None
