"""Loading documents: from a file to a checked document, with the fragments it uses (language, sections 1-8).

Rules kept here:
- a file is read once per run, however often it is used;
- all problems of a document come together: of its nodes, its model and its names; after a YAML syntax error
  there is only that one;
- the problems of a fragment are reported once, at the fragment, and at every place that uses it.
"""

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from pytest_apitest.errors import Problem, ProblemsError, shown_path
from pytest_apitest.extensions import Extensions
from pytest_apitest.language.documents import read_document
from pytest_apitest.language.model import Document
from pytest_apitest.language.reader import Reader
from pytest_apitest.language.static import check_names
from pytest_apitest.redaction import SHORTEST
from pytest_apitest.source import Scalar, load, read_file

SUFFIXES = (".apitest.yaml", ".apitest.yml")
# Lines behind the sign of a block scalar in which its text is looked for.
_MOST_LINES = 4


def is_document(path: Path) -> bool:
    """Tell whether a file is a document by its name."""
    return path.name.endswith(SUFFIXES)


class Library:
    """The documents of a run.

    Args:
        extensions: tables of operators, functions, filters and schemes.
        roots: folders that files of a document stay below; the nearest one above a document counts.
        base: folder that paths in messages are relative to.
        load_app: imports an application, given `module:name` and folders to look in; raises ValueError.
        overridden: names of variables that options give another value.

    """

    def __init__(
        self,
        extensions: Extensions,
        roots: Collection[Path],
        base: Path,
        load_app: Callable[[str, list[Path]], Any] | None = None,
        overridden: Collection[str] = (),
    ) -> None:
        self.extensions = extensions
        self.roots = [root.resolve() for root in roots]
        self.base = base
        self._load_app = load_app
        self._overridden = frozenset(overridden)
        self._loaded: dict[Path, tuple[Document | None, list[Problem]]] = {}
        self.texts: dict[str, str] = {}
        # Secrets that stand in documents, for whoever shows excerpts.
        self.secrets: list[tuple[Any, str]] = []

    def document(self, file: Path) -> Document:
        """Return the document of a file.

        Raises:
            ProblemsError: with every problem of the document and of the fragments it uses.

        """
        document, problems = self.fragment(_real(file), ())
        if document is None:
            raise ProblemsError(problems, self.texts)
        return document

    def warnings(self, file: Path) -> list[Problem]:
        """Return the warnings of a document that was loaded."""
        return self._loaded.get(_real(file), (None, []))[1]

    def fragment(self, file: Path, chain: tuple[Path, ...]) -> tuple[Document | None, list[Problem]]:
        """Return the document of a file, or None and its problems."""
        if file not in self._loaded:
            try:
                self._loaded[file] = self._read(file, chain)
            except ProblemsError as error:
                self.texts.update(error.texts)
                self._loaded[file] = (None, list(error.problems))
        return self._loaded[file]

    def _read(self, file: Path, chain: tuple[Path, ...]) -> tuple[Document | None, list[Problem]]:
        source = read_file(file, shown_path(file, self.base))
        self.texts[source.shown] = source.text
        root, problems = load(source)
        reader = Reader(source, self.root_of(file), self, chain)
        reader.problems.extend(problems)
        document = read_document(reader, root)
        if document is not None and reader.names_known:
            check_names(reader, document)
        if document is not None and any(spec.settings.openapi for spec in document.endpoints.values()):
            from pytest_apitest.language.impossible import check_possible  # noqa: PLC0415 - only with a description

            check_possible(reader, document)
        self.secrets += reader.secrets
        self.texts[source.shown] = _without_secrets(source.text, reader)
        if any(not problem.warning for problem in reader.problems):
            return None, reader.problems
        return document, reader.problems

    def root_of(self, file: Path) -> Path:
        """Return the folder that files named in a document stay below."""
        above = [root for root in self.roots if file.is_relative_to(root)]
        return max(above, key=lambda root: len(root.parts), default=file.parent)

    def load_app(self, spec: str, document: Path) -> Any:
        """Import an application; raises ValueError with a sentence."""
        if self._load_app is None:
            return None
        return self._load_app(spec, [self.base, document.parent])

    def overridden(self, name: str) -> bool:
        """Tell whether an option gives another value to a variable."""
        return name in self._overridden


def _real(file: Path) -> Path:
    """Return a file with its links followed; links in a ring are left as they are, for the reading to say."""
    return Path(os.path.realpath(file))


def _without_secrets(text: str, reader: Reader) -> str:
    """Return the text of a file for excerpts: its secrets are overwritten, and every place stays where it is."""
    lines = text.split("\n")
    for node in reader.secret_nodes:
        # A scalar on several lines has no length of its own; its lines are found as texts below.
        row, start = node.line - 1, node.column - 1
        end = start + (node.width if node.width > 1 else 0)
        lines[row] = lines[row][:start] + "*" * (end - start) + lines[row][end:]
    for scalar, spans in reader.secret_spans:
        _overwrite(lines, scalar, spans)
    text = "\n".join(lines)
    for value, _ in reader.secrets:
        for line in value.splitlines() if isinstance(value, str) else ():
            if len(line.strip()) >= SHORTEST:
                text = text.replace(line.strip(), "*" * len(line.strip()))
    return text


def _overwrite(lines: list[str], scalar: Scalar, spans: Iterable[tuple[int, int]]) -> None:
    """Overwrite parts of a scalar in the lines of its file; all of it where it is written with escapes."""
    first, text = scalar.line - 1, scalar.text.rstrip("\n")
    for row in range(first, min(first + _MOST_LINES, len(lines))):
        start = scalar.column - 1 if row == first else 0
        line, shown = lines[row], lines[row][start:]
        if (at := shown.find(text)) >= 0:
            for begin, end in spans:
                shown = shown[: at + begin] + "*" * (end - begin) + shown[at + end :]
            lines[row] = line[:start] + shown
            return
        if scalar.width > 1:
            lines[row] = line[:start] + "*" * scalar.width + line[start + scalar.width :]
            return
