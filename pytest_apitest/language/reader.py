"""The reader: turns nodes into the model and keeps every problem it meets (language, sections 1, 2, 14).

Rules kept here:
- a node that cannot be used records its problem and raises `BadNodeError`; the record around it goes on
  with its other keys, so that one run of the checker reports everything;
- every reference is noted with the part of the step it will be evaluated in;
- what is written where no reference is evaluated may not look like one.
"""

import posixpath
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Names
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

from pytest_apitest import __version__
from pytest_apitest.data import changed
from pytest_apitest.errors import MOST_SHOWN, Place, Problem, did_you_mean, near
from pytest_apitest.extensions import Extensions
from pytest_apitest.jsonvalue import show
from pytest_apitest.language.model import REQUEST, Document, EndpointSpec, Mark, Named, Usage
from pytest_apitest.language.words import as_list, describe
from pytest_apitest.redaction import SHORTEST
from pytest_apitest.references import (
    NAME,
    Compiler,
    ListValue,
    Literal,
    MapValue,
    ReferenceSyntaxError,
    Single,
    Value,
)
from pytest_apitest.source import Mapping, Node, Scalar, Sequence, Source
from pytest_apitest.source.slips import DOUBTFUL

# How often a request or expectation may be like one that is like another.
MAX_LIKE = 20
Found = TypeVar("Found")
NEWER = f"or the file needs a newer release than {__version__}"


class BadNodeError(Exception):
    """A node cannot be used; its problem is recorded already."""


class _GoingOn:
    """Swallows the giving-up of a node, so that its neighbours are read too."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, BadNodeError)


# One for all: it keeps nothing between uses, and making it anew costs more than most nodes.
_GOING_ON = _GoingOn()


class _Noting:
    """Lets a reader note references into a list of their own."""

    __slots__ = ("before", "reader")

    def __init__(self, reader: "Reader") -> None:
        self.reader = reader

    def __enter__(self) -> list[Usage]:
        noted: list[Usage] = []
        self.before, self.reader.usages = self.reader.usages, noted
        return noted

    def __exit__(self, *_: object) -> None:
        self.reader.usages = self.before


class Surroundings(Protocol):
    """What a reader needs from outside its file."""

    extensions: Extensions

    def fragment(self, file: Path, chain: tuple[Path, ...]) -> tuple[Document | None, list[Problem]]:
        """Return the document of a fragment, or None and its problems."""

    def load_app(self, spec: str, document: Path) -> Any:
        """Import an application; raises ValueError with a sentence."""

    def overridden(self, name: str) -> bool:
        """Tell whether an option gives another value to a variable of the document."""


class Declared:
    """What a document declares by name and uses elsewhere; each is read when it is first needed.

    Args:
        what: what one is called in messages.
        entries: names to key and node.
        read: reads a node; None while there is nothing to read.

    """

    def __init__(
        self,
        what: str,
        entries: Names[str, tuple[Scalar, Node]],
        read: "Callable[[Reader, Node], Any] | None" = None,
    ) -> None:
        self.what = what
        self.entries = entries
        self._read = read
        # False when the key that declares them is broken, so that looking a name up says nothing.
        self.known = True
        self._found: dict[str, Named | None] = {}
        self._open: list[str] = []

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def use(self, reader: "Reader", node: Node, name: str) -> Any:
        """Return what a name stands for, and note its references as those of the place that uses it.

        Raises:
            BadNodeError: the name is unknown, refers to itself, or what it stands for has problems.

        """
        named = self.read(reader, node, name)
        reader.usages.extend(changed(usage, phase=reader.phase) for usage in named.usages)
        return named.value

    def read(self, reader: "Reader", node: Node, name: str) -> Named:
        """Return the declaration of a name; raises `BadNodeError`."""
        entry = self.entries.get(name)
        if entry is None and not self.known:
            raise BadNodeError
        if entry is None:
            hint = did_you_mean(name, self.entries)
            reader.fail(
                node, f'no {self.what} is named "{name}"' + (hint or f"; declare it under {self.what}s")
            )
        if len(self._open) > MAX_LIKE:
            reader.fail(node, f"{self.what}s are like each other more than {MAX_LIKE} times")
        if name in self._open:
            chain = " -> ".join((*self._open[self._open.index(name) :], name))
            reader.fail(node, f"{self.what}s refer to each other: {chain}")
        if name not in self._found:
            key, value = entry
            self._found[name] = None
            self._open.append(name)
            try:
                assert self._read is not None
                with reader.noting() as usages, reader.going_on():
                    reader.name(key)
                    read = self._read(reader, value)
                    self._found[name] = Named(name, mark_of(key), read, tuple(usages))
            finally:
                self._open.pop()
        found = self._found[name]
        if found is None:
            raise BadNodeError
        return found

    def read_all(self, reader: "Reader") -> dict[str, Named]:
        """Read what was not used yet, and return everything without problems."""
        for name, (key, _) in self.entries.items():
            with reader.going_on():
                self.read(reader, key, name)
        return {name: named for name, named in self._found.items() if named is not None}


class Reader:
    """Reads one file.

    Args:
        source: the file.
        root: folder that files named in it must stay below.
        around: extensions, fragments and applications.
        chain: files whose `use` led here, outermost first.

    """

    def __init__(
        self, source: Source, root: Path, around: Surroundings, chain: tuple[Path, ...] = ()
    ) -> None:
        self.source = source
        self.root = root
        self.around = around
        self.extensions = around.extensions
        self.chain = (*chain, source.file)
        self.problems: list[Problem] = []
        self.compiler = Compiler(source, self.extensions.functions, self.extensions.filters)
        self.kind = "scenario"
        # False when the keys that declare names are broken, so that looking names up says nothing.
        self.names_known = True
        # False when an endpoint is broken, so that nothing is known of its settings.
        self.endpoints_known = True
        self.dialect = "rfc9535"
        # Secrets written in the file, so that excerpts of it can be masked.
        self.secrets: list[tuple[Any, str]] = []
        self.secret_nodes: list[Node] = []
        # Scalars of which only parts are secret, and where these begin and end.
        self.secret_spans: list[tuple[Scalar, list[tuple[int, int]]]] = []
        self.usages: list[Usage] = []
        self.phase = REQUEST
        # How deep the fragments that are used here use others, themselves counted.
        self.levels = 0
        # Names declared in the document, known before what uses them is read.
        self.endpoint_names: Names[str, Scalar] = {}
        # Endpoints, once they are read, and their descriptions: of those to be read in the run only the names.
        self.endpoints: Names[str, EndpointSpec] = {}
        self.contracts: dict[str, Any] = {}
        self.described_later: dict[str, str] = {}
        # Whether the request at hand is made of an operation, whose values may be lists and mappings.
        self.of_operation = False
        self.credentials = Declared("credential", {})
        self.requests = Declared("request", {})
        self.expectations = Declared("expectation", {})

    # -- problems ---------------------------------------------------------------------------------------

    @property
    def many_problems(self) -> bool:
        """Whether there are more problems than are shown, so that hints for others need not be looked for."""
        return len(self.problems) > MOST_SHOWN

    def error(self, node: Node, message: str, *, width: int | None = None, warning: bool = False) -> None:
        """Record a problem at a node."""
        self.error_at(node.line, node.column, message, width or node.width, warning=warning)

    def error_at(
        self, line: int, column: int, message: str, width: int = 1, *, warning: bool = False
    ) -> None:
        """Record a problem at a place of this file."""
        self.problems.append(Problem(Place(self.source.shown, line, column), message, width, warning))

    def fail(self, node: Node, message: str) -> NoReturn:
        """Record a problem at a node and give the node up."""
        self.error(node, message)
        raise BadNodeError

    def fail_once(self, node: Node, message: str) -> NoReturn:
        """Record a problem unless the same was said elsewhere, and give the node up."""
        if all(problem.message != message for problem in self.problems):
            self.error(node, message)
        raise BadNodeError

    def expected(self, node: Node, what: str, hint: str = "") -> NoReturn:
        """Record that something else was expected at a node, and give the node up."""
        if node.reported:
            raise BadNodeError
        self.fail(node, f"expected {what}, got {describe(node)}{hint}")

    def unknown(self, node: Node, what: str, word: str, known: Any) -> None:
        """Record an unknown word with the nearest known one."""
        hint = did_you_mean(word, known)
        self.error(node, f'unknown {what} "{word}"' + (hint or f", {NEWER}"))

    # -- structure --------------------------------------------------------------------------------------

    def mapping(self, node: Node, what: str = "a mapping") -> Mapping:
        """Return a node that must be a mapping with something in it."""
        if not isinstance(node, Mapping):
            self.expected(node, what)
        if not node.entries:
            self.fail(node, f"{{}} is empty: expected {what}")
        return node

    def sequence(self, node: Node, what: str = "a list") -> Sequence:
        """Return a node that must be a list with something in it."""
        if not isinstance(node, Sequence):
            self.expected(node, what, as_list(node))
        if not node.items:
            self.fail(node, f"[] is empty: expected {what}")
        return node

    def scalar(self, node: Node, what: str = "a text") -> Scalar:
        """Return a node that must be a scalar with something in it."""
        if not isinstance(node, Scalar):
            self.expected(node, what)
        if node.reported:
            raise BadNodeError
        return node

    # -- scalars ----------------------------------------------------------------------------------------

    def plain_text(self, node: Node, what: str = "a text") -> str:
        """Return a text in which no references are replaced."""
        scalar = self.scalar(node, what)
        value = self.constant(scalar)
        if not isinstance(value, str):
            self.expected(node, what)
        if not value.strip():
            self.fail(node, f"expected {what}, got an empty text")
        self.no_reference(scalar)
        return value

    def as_written(self, node: Node, what: str = "a text") -> str:
        """Return the characters of a scalar whatever its type (text positions, section 1)."""
        scalar = self.scalar(node, what)
        if not scalar.style and scalar.value is None:
            self.expected(node, what)
        if not scalar.text.strip():
            self.fail(node, f"expected {what}, got an empty text")
        self.no_reference(scalar)
        return scalar.text

    def no_reference(self, scalar: Node) -> None:
        """Record a problem when a text that is fixed looks like a reference."""
        if isinstance(scalar, Scalar) and "${" in scalar.text:
            self.fail(scalar, "no reference is replaced here: write the text itself")

    def constant(self, scalar: Scalar) -> Any:
        """Return the value of a scalar without references; a doubtful number is a problem."""
        if scalar.doubtful:
            self.fail(scalar, DOUBTFUL)
        return scalar.value

    def name(self, scalar: Scalar, what: str = "a name") -> str:
        """Return a name: letters, digits, _ and -, beginning with a letter or _."""
        if not NAME.fullmatch(scalar.text):
            self.fail(
                scalar,
                f"{what} is letters, digits, _ and -, and starts with a letter or _: got {show(scalar.text, 40)}",
            )
        return scalar.text

    # -- values -----------------------------------------------------------------------------------------

    def value(self, node: Node) -> Value:
        """Return any value: the scalars in it may hold references, the names of its members may not."""
        if isinstance(node, Scalar):
            if node.reported:
                raise BadNodeError
            if "${" in node.text:
                return self.template(node)
            return Literal(self.constant(node), node.line, node.column)
        if isinstance(node, Sequence):
            items = self.all_of(self.value, node.items)
            if all(item.constant for item in items):
                return Literal(
                    [item.value for item in items if isinstance(item, Literal)], node.line, node.column
                )
            return ListValue(tuple(items), node.line, node.column)
        assert isinstance(node, Mapping)
        fine = False
        with self.going_on():
            self.all_of(self.no_reference, (key for key, _ in node.entries.values()))
            fine = True
        values = self.all_of(self.value, (value for _, value in node.entries.values()))
        if not fine:
            raise BadNodeError
        entries = tuple(zip(node.entries, values, strict=True))
        if all(value.constant for value in values):
            constants = {name: value.value for name, value in entries if isinstance(value, Literal)}
            return Literal(constants, node.line, node.column)
        return MapValue(entries, node.line, node.column)

    def all_of(self, read: Callable[[Node], Found], nodes: Iterable[Node]) -> list[Found]:
        """Read every node, so that all problems are met, and give up at the end when there was one."""
        found: list[Found] = []
        bad = False
        for node in nodes:
            try:
                found.append(read(node))
            except BadNodeError:
                bad = True
        if bad:
            raise BadNodeError
        return found

    def template(self, scalar: Scalar, *, url: bool = False) -> Value:
        """Compile a scalar with references and note them.

        Args:
            scalar: the node.
            url: whether this is a URL, where `raw` means something.

        """
        try:
            value = self.compiler.compile(scalar)
        except ReferenceSyntaxError as error:
            message = error.message
            if message.startswith("unknown ") and "did you mean" not in message:
                message = f"{message.split('; known')[0]}, {NEWER}"
            self.error_at(error.line, error.column, message, error.width)
            raise BadNodeError from None
        if not url and "raw" in scalar.text:
            for reference in value.references():
                if reference.raw:
                    self.error_at(
                        reference.line, reference.column, "raw stands only in a URL", reference.width
                    )
                    raise BadNodeError
        self.note(value)
        return value

    def one_reference(self, scalar: Scalar, what: str) -> Value:
        """Compile a scalar that must be exactly one reference, because it is no text that is wanted."""
        value = self.template(scalar)
        if not isinstance(value, Single):
            self.expected(scalar, f"{what}, or one reference to it")
        return value

    def text(self, node: Node, what: str = "a text", *, written: bool = False, empty: bool = False) -> Value:
        """Return a text that may hold references.

        Args:
            node: the node.
            what: what is expected, for the message.
            written: whether it is a text position, where the scalar counts as written.
            empty: whether the empty text is fine.

        """
        scalar = self.scalar(node, what)
        if "${" in scalar.text:
            return self.template(scalar)
        value = scalar.text if written else self.constant(scalar)
        if not isinstance(value, str):
            self.expected(node, what)
        if not value and not empty:
            self.fail(node, f"expected {what}, got an empty text")
        return Literal(value, scalar.line, scalar.column)

    def secret(self, node: Node, value: Any) -> None:
        """Remember a secret that is written in the file; one that is too short to be masked is a problem."""
        text = value if isinstance(value, str) else str(value)
        self.secrets.append((value, ""))
        if isinstance(node, Scalar):
            self.secret_nodes.append(node)
        count = "1 character" if len(text) == 1 else f"{len(text)} characters"
        if 0 < len(text) < SHORTEST and not isinstance(value, bool | None):
            self.fail(node, f"a secret of {count} cannot be masked; it needs {SHORTEST} or more")

    def note(self, value: Value) -> None:
        """Note the references of a value with the part of the step at hand."""
        for reference in value.references():
            if reference.function is None:
                mark = Mark(reference.line, reference.column, reference.width)
                self.usages.append(
                    Usage(reference.name, self.phase, mark, reference, optional=reference.has_default)
                )

    # -- context ----------------------------------------------------------------------------------------

    def going_on(self) -> _GoingOn:
        """Swallow the giving-up of a node, so that its neighbours are read too."""
        return _GOING_ON

    def noting(self) -> _Noting:
        """Note references into a list of their own."""
        return _Noting(self)

    # -- files ------------------------------------------------------------------------------------------

    def file(self, node: Node, what: str = "a file", *, documents: bool = True) -> Path:
        """Return the file that a path names: relative to the document, below the scenario root, readable."""
        written = self.plain_text(node, what)
        path = self.resolve_file(written, documents=documents)
        if isinstance(path, str):
            self.fail(node, path)
        return path

    def resolve_file(self, written: str, *, documents: bool = True) -> Path | str:
        """Return the file of a written path, or the sentence that says why there is none."""
        return find_file(written, self.source.file.parent, self.root, documents=documents)


def find_file(written: str, folder: Path, root: Path, *, documents: bool = True) -> Path | str:
    """Return the file of a written path, or the sentence that says why it cannot be used.

    Args:
        written: the path as written.
        folder: the folder it is relative to.
        root: the folder it must stay below, links followed.
        documents: whether a document may be meant.

    """
    try:
        path = (folder / written).resolve()
        if not path.is_relative_to(root.resolve()):
            below = root.name or root
            return f"{written} is outside of {below}, the folder that files of this document stay below"
        if path.is_dir():
            return f"{written} is a directory; a file is needed"
        if path.is_file():
            return path
        there = [child.name for child in sorted(path.parent.iterdir())] if path.parent.is_dir() else []
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, links in a ring
        return f"{written} is no path of a file"
    hint = near(path.name, (one for one in there if documents or ".apitest." not in one))
    meant = posixpath.join(posixpath.dirname(written), hint) if hint else ""
    return f"no file {written} beside this document" + (f'; did you mean "{meant}"?' if hint else "")


def mark_of(node: Node) -> Mark:
    """Return the place of a node as a mark of the model."""
    return Mark(node.line, node.column, node.width)
