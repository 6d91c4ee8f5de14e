"""What the plugin keeps for one run of pytest in one process: options, documents, the engine.

Rules kept here:
- it is made when the first document is collected or an option of ours is used, never before;
- transport and hosting are loaded at the first request and the first application.
"""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_apitest.coverage import DescriptionCoverage
from pytest_apitest.engine import DocumentState, Engine, Options
from pytest_apitest.errors import ProblemsError, UsageError
from pytest_apitest.extensions import Extensions
from pytest_apitest.language import Document, Library
from pytest_apitest.language.model import EndpointSpec
from pytest_apitest.outcome import StepOutcome
from pytest_apitest.redaction import Redactor
from pytest_apitest.selection import (
    Selection,
    check_names,
    coverage_wanted,
    options_of,
    package_scenarios,
    scenario_roots,
)

if TYPE_CHECKING:
    from pytest_apitest.hosting import Host
    from pytest_apitest.transport import Network


class Runtime:
    """The state of the plugin in one process.

    Args:
        config: pytest's configuration.

    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.extensions = Extensions()
        self.redactor = Redactor()
        self.strict = self._switch("apitest_strict")
        self.report_folder = self._folder(config.getoption("apitest_report"), config.getini("apitest_report"))
        self.shows_coverage = self._switch("apitest_coverage")
        self.options = self._options()
        self.coverage_wanted = self._coverage_wanted()
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
        self._hosted: dict[str | int, tuple[Any, str]] = {}
        self._states: dict[Path, DocumentState] = {}

    def _switch(self, name: str) -> bool:
        """Return whether an option or its ini value is on."""
        try:
            default = self.config.getini(name)
        except (ValueError, pytest.UsageError):
            raise pytest.UsageError(f"{name} in pytest's configuration: write true or false") from None
        return bool(self.config.getoption(name) or default)

    def _folder(self, option: str | None, default: str) -> Path | None:
        """Return the folder for reports; that it cannot be made is said before anything runs."""
        if option is not None and not option:
            raise pytest.UsageError("--apitest-report: a folder is needed")
        if not (option or default):
            return None
        folder = self.config.invocation_params.dir / (option or default)
        if not self.is_worker and not self.config.option.collectonly:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = error.strerror or error
                raise pytest.UsageError(f"--apitest-report {option or default}: {reason}") from None
            self._remove_reports(folder)
        return folder

    def _remove_reports(self, folder: Path) -> None:
        """Remove the reports of an earlier run: whatever ends this one, they must not be taken for its own."""
        from pytest_apitest.reports import FILES  # noqa: PLC0415 - only when asked for

        for name in FILES:
            try:
                (folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise pytest.UsageError(f"--apitest-report: {folder / name}: {error.strerror}") from None

    def _coverage_wanted(self) -> str | None:
        try:
            return coverage_wanted(self.config)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

    def _options(self) -> Options:
        try:
            return options_of(self.config)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

    @property
    def is_worker(self) -> bool:
        """Whether this is a worker of pytest-xdist."""
        return hasattr(self.config, "workerinput")

    @property
    def provider(self) -> bool:
        """Whether the run was asked for by name: a provider run."""
        return bool(self.config.getoption("apitest_scenario"))

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
            if self.shows_coverage or self.report_folder is not None or self.coverage_wanted is not None:
                self._engine.descriptions.sheets = {}
        return self._engine

    def _send(self, request: Any) -> Any:
        if self._network is None:
            from pytest_apitest.transport import Network  # noqa: PLC0415 - loads the transport

            self._network = Network()
            self.engine.send = self._network.send
        return self._network.send(request)

    def hosted(self, app: Any) -> str:
        """Return the base URL of an application that is hosted for the run, once however often it is asked for.

        Args:
            app: the application, a function that makes one, or `module:name` of either.

        Raises:
            pytest.UsageError: it is none, or cannot be started.

        """
        from pytest_apitest.hosting import AppError  # noqa: PLC0415 - loads aiohttp

        key = app if isinstance(app, str) else id(app)
        if key not in self._hosted:
            try:
                loaded = _load_app(app, [self.config.invocation_params.dir]) if isinstance(app, str) else app
                # The application is kept too, so that no other one gets its number.
                self._hosted[key] = loaded, self._running_host().serve(loaded).base_url
            except (AppError, ValueError) as error:
                raise pytest.UsageError(f"apitest_inspect: {error}") from None
        return self._hosted[key][1]

    def _running_host(self) -> "Host":
        if self._host is None:
            from pytest_apitest.hosting import Host  # noqa: PLC0415 - loads aiohttp

            self._host = Host()
        return self._host

    def _serve(self, spec: EndpointSpec) -> str:
        from pytest_apitest.hosting import AppError  # noqa: PLC0415
        from pytest_apitest.references import NotSentError  # noqa: PLC0415

        try:
            return self._running_host().serve(spec.loaded, name=spec.app).base_url
        except AppError as error:
            raise NotSentError(f"{spec.name}: {error}") from None

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

    def check_options(self, documents: list[Document]) -> None:
        """Raise `pytest.UsageError` for an option that names nothing in the documents."""
        if not documents:
            return
        try:
            check_names(self.options, documents)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

    # -- the end ----------------------------------------------------------------------------------------

    @property
    def coverage(self) -> list[DescriptionCoverage]:
        """What this process exercised of each description."""
        sheets = self._engine.descriptions.sheets if self._engine is not None else None
        return [sheet.coverage(self.redactor.text) for sheet in (sheets or {}).values()]

    def end_once(self) -> list[StepOutcome]:
        """Run the ends of fragments that ran once; return the steps that failed."""
        return [] if self._engine is None else self._engine.end_once()

    def close(self) -> None:
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
