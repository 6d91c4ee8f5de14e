"""Runs documents in tests: with the engine alone, over real sockets, against an application that is hosted.

`run` takes the text of a document, and whatever files it names, and returns the outcomes of its cases.
"""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from pytest_apitest.engine import DocumentState, Engine, Options
from pytest_apitest.engine.runs import outcome_of, runs_of
from pytest_apitest.extensions import Extensions
from pytest_apitest.hosting import AppError, Host, load_app
from pytest_apitest.language import Document, Library
from pytest_apitest.outcome import CaseOutcome, StepOutcome
from pytest_apitest.redaction import Redactor
from pytest_apitest.references import NotSentError
from pytest_apitest.transport import Network

Handler = Callable[[web.Request], Any]


@dataclass
class Ran:
    """What a document did.

    Args:
        cases: outcomes in order.
        end: steps of the document's end that failed.
        redactor: knows the secrets.
    """

    cases: list[CaseOutcome]
    end: list[StepOutcome] = field(default_factory=list)
    redactor: Redactor = field(default_factory=Redactor)

    @property
    def case(self) -> CaseOutcome:
        """The only case."""
        assert len(self.cases) == 1
        return self.cases[0]

    @property
    def outcomes(self) -> list[str]:
        """The outcomes of the cases."""
        return [case.outcome for case in self.cases]

    @property
    def messages(self) -> list[str]:
        """The messages of all failures."""
        return [failure.message for case in self.cases for failure in case.failures]

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Names and outcomes of all steps of all cases."""
        return [(step.name, step.outcome) for case in self.cases for step in case.steps]


class Bench:
    """Runs documents; one transport and one host for all of them.

    Args:
        folder: where the documents are written.
        extensions: tables of the language.
    """

    def __init__(self, folder: Path, extensions: Extensions | None = None) -> None:
        self.folder = folder
        self.extensions = extensions or Extensions()
        self.network = Network()
        self.host = Host()
        self.redactor = Redactor()
        self.engine = self.new_engine()

    def new_engine(self, options: Options | None = None) -> Engine:
        """Return an engine over the same transport and host."""
        return Engine(
            self.extensions, options or Options(environment={}), self.redactor, self.network.send, self._serve
        )

    def _serve(self, spec: Any) -> str:
        try:
            return self.host.serve(spec.loaded).base_url
        except AppError as error:
            raise NotSentError(str(error)) from None

    def serve(self, *routes: tuple[str, str, Handler]) -> str:
        """Host an application of the given routes (method, path, handler) and return its base URL."""
        app = web.Application()
        for method, path, handler in routes:
            app.router.add_route(method, path, handler)
        return self.host.serve(app).base_url

    def close(self) -> None:
        """Close everything."""
        self.network.close()
        self.host.close()

    def write(self, text: str, name: str = "case.apitest.yaml") -> Path:
        """Write a file beside the documents."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def load(self, text: str, files: Mapping[str, str] | None = None) -> Document:
        """Return the document of a text; raises `ProblemsError`."""
        for name, content in (files or {}).items():
            self.write(content, name)
        library = Library(self.extensions, [self.folder], self.folder, load_app)
        return library.document(self.write(text))

    def run(
        self,
        text: str,
        *,
        files: Mapping[str, str] | None = None,
        options: Options | None = None,
        fixtures: Mapping[str, Any] | None = None,
        engine: Engine | None = None,
    ) -> Ran:
        """Run every case of a document, set-up and end included."""
        document = self.load(text, files)
        state = DocumentState(engine or self.new_engine(options), document)
        state.set_up(fixtures or {})
        cases = []
        for run in runs_of(document):
            outcome = outcome_of(document, run.case, run.name, run.name, state.engine.redactor)
            state.run(run.case, outcome, run.row, fixtures or {})
            cases.append(outcome)
        return Ran(cases, state.tear_down(), self.redactor)


@contextmanager
def bench_in(folder: Path) -> Iterator[Bench]:
    """Give a bench whose sockets and threads are gone afterwards."""
    bench = Bench(folder)
    try:
        yield bench
    finally:
        bench.close()
