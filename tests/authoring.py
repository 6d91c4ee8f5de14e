"""Documents written in tests: what is said of them when they are read, without pytest around it."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_apitest import jsonvalue
from pytest_apitest.checks.evaluation import Check, Look, evaluate
from pytest_apitest.engine.scope import Entry, RunScope
from pytest_apitest.errors import Problem, ProblemsError, describe
from pytest_apitest.extensions import Extensions
from pytest_apitest.language import Document, Library
from pytest_apitest.language.model import Expectation
from pytest_apitest.redaction import Redactor
from pytest_apitest.source import Mapping as Tree
from pytest_apitest.source import Node, Scalar, Sequence


def no_app(spec: str, folders: list[Path]) -> object:
    """Stand for any application: importing them is tested elsewhere."""
    del folders
    if spec == "missing:app":
        raise ValueError("there is no module missing")
    return object()


def library(folder: Path, extensions: Extensions | None = None) -> Library:
    """Return a library whose files stay below a folder and are shown relative to it."""
    return Library(extensions or Extensions(), [folder], folder, no_app)


def report(folder: Path, name: str, extensions: Extensions | None = None) -> str:
    """Return everything that is said of a document: its problems, or its warnings, or an empty text."""
    documents = library(folder, extensions)
    try:
        documents.document(folder / name)
    except ProblemsError as error:
        return f"{error}\n"
    found = documents.warnings(folder / name)
    return f"{describe(found, documents.texts)}\n" if found else ""


def as_editors_see(node: Node) -> Any:
    """Return the value of a tree as a validator of JSON Schema gets it in an editor."""
    if isinstance(node, Scalar):
        return jsonvalue.to_plain(node.value)
    if isinstance(node, Sequence):
        return [as_editors_see(item) for item in node.items]
    assert isinstance(node, Tree)
    return {name: as_editors_see(item) for name, (_, item) in node.entries.items()}


class Author:
    """Writes documents into a folder of its own and reads them.

    Args:
        folder: an empty folder.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.extensions = Extensions()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files."""
        for name, content in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def report(self, text: str | bytes, **files: str | bytes) -> str:
        """Return everything that is said of a document; other files go by their names with `_` for `.`."""
        self.write({"doc.yaml": text, **{name.replace("_", ".", 1): one for name, one in files.items()}})
        return report(self.folder, "doc.yaml", self.extensions)

    def problems(self, text: str | bytes) -> list[Problem]:
        """Return the problems of a document, warnings too, in the order of the file."""
        self.write({"doc.yaml": text})
        documents = library(self.folder, self.extensions)
        try:
            documents.document(self.folder / "doc.yaml")
        except ProblemsError as error:
            return sorted(error.problems, key=lambda problem: problem.place)
        return documents.warnings(self.folder / "doc.yaml")

    def messages(self, text: str | bytes) -> list[str]:
        """Return the problems of a document as `line:column: message`."""
        return [
            f"{problem.place.line}:{problem.place.column}: {problem.message}"
            for problem in self.problems(text)
        ]

    def document(self, text: str) -> Document:
        """Return a document that has no problems."""
        self.write({"doc.yaml": text})
        return library(self.folder, self.extensions).document(self.folder / "doc.yaml")

    def check(self, text: str) -> Check:
        """Return a check as it is read behind a path, where `${x}` and `${y}` are known names."""
        ((_, check),) = self._expectation(f"json: {{$: {text}}}").json
        return check

    def status(self, text: str) -> Check:
        """Return a check of a status."""
        check = self._expectation(f"status: {text}").status
        assert check is not None
        return check

    def _expectation(self, text: str) -> Expectation:
        head = "scenario: t\nfixtures: [x, y]\n"
        document = self.document(f"{head}steps: [{{request: GET https://a.example/, expect: {{{text}}}}}]\n")
        expectation = document.cases[0].steps[0].expect
        assert expectation is not None
        return expectation


def scope(**names: Any) -> RunScope:
    """Return a scope in which names have values."""
    entries = {name: Entry(value, "fixture", "a test") for name, value in names.items()}
    return RunScope({**entries}, Redactor(), random.Random(1))


def misses(check: Check, actual: Any, *, numeric_texts: bool = False, **names: Any) -> list[str]:
    """Return the sentences of everything in which a value is not what a check asks for, each behind its path."""
    found = evaluate(check, actual, Look(scope(**names), numeric_texts))
    return [f"{one.miss.path}: {one.miss.sentence}" if one.miss.path else one.miss.sentence for one in found]
