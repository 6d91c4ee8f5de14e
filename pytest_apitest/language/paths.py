"""Reading JSONPaths, which may hold references (language, sections 6 and 7, JSONPath)."""

import re

from pytest_apitest.data import data
from pytest_apitest.jsonpath import JSONPathError, Path, compile_path
from pytest_apitest.language.model import PathTemplate
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.shapes import Book, Schema, Shape, pattern
from pytest_apitest.references import Reference, Text, Value
from pytest_apitest.source import Mapping, Node, Scalar


def read_path(reader: Reader, scalar: Scalar) -> PathTemplate:
    """Return a JSONPath that may hold references; it is compiled here to find what is wrong with it."""
    text = scalar.text
    if text.startswith("${"):
        end = text.find("}") + 1 or len(text)
        reader.fail(scalar, f"a JSONPath starts with $: write $[{text[:end]}]{text[end:]}")
    if not text.startswith("$") and reader.dialect == "rfc9535":
        name = text.lstrip(".")
        rest = f".{name}" if re.match(r"\w", name) else name
        if not re.fullmatch(r"[\w.\[\]]*|\[.*", name):
            rest = f"['{name[:40]}']"
        reader.fail(scalar, f"a JSONPath starts with $: write ${rest or '.…'}")
    if "${" not in text:
        try:
            path = compile_path(text, reader.dialect)
        except JSONPathError as error:
            reader.fail(scalar, str(error))
        return PathTemplate((text,), reader.dialect, path, mark_of(scalar), text, path.singular)
    value = reader.template(scalar)
    assert isinstance(value, Text)
    _look_at_references(reader, value)
    path = _probe(reader, scalar, value)
    return PathTemplate(value.parts, reader.dialect, None, mark_of(scalar), text, path.singular)


def read_written_path(reader: Reader, node: Node) -> PathTemplate:
    """Return a JSONPath that stands as a value, which must be a text."""
    scalar = reader.scalar(node, "a JSONPath")
    if not isinstance(scalar.value, str) or not scalar.text:
        reader.expected(node, "a JSONPath")
    return read_path(reader, scalar)


def _probe(reader: Reader, scalar: Scalar, value: Text) -> Path:
    """Compile a path with literals in the place of its references: a text fits in most, a number in slices."""
    problem = ""
    for literal in ("'x'", "0"):
        written = "".join(part if isinstance(part, str) else literal for part in value.parts)
        try:
            return compile_path(written, reader.dialect)
        except JSONPathError as error:
            problem = str(error)
    reader.fail(scalar, problem)


def _look_at_references(reader: Reader, value: Text) -> None:
    """Record references that stand inside quotes or behind a point, where no literal can stand."""
    quote = ""
    before = ""
    for part in value.parts:
        if isinstance(part, str):
            quote = _open_quote(part, quote)
            before = part
            continue
        if quote:
            _misplaced(reader, part, f"write ${{{part.text}}} without quotes: it is quoted by itself")
        if before.endswith("."):
            _misplaced(
                reader, part, f"a reference in a JSONPath stands in brackets: write [${{{part.text}}}]"
            )


def _misplaced(reader: Reader, reference: Reference, message: str) -> None:
    reader.error_at(reference.line, reference.column, message, reference.width)
    raise BadNodeError


def _open_quote(text: str, quote: str) -> str:
    """Return the quote that is open behind a piece of a path, given the one that is open before it."""
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif quote:
            escaped = character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    return quote


@data
class PathShape(Shape):
    """A JSONPath.

    Args:
        singular: whether a path that may find several values is refused.
        whole: whether the path of the whole document is fine.

    """

    singular: bool = False
    whole: bool = True

    def read(self, reader: Reader, node: Node) -> PathTemplate:
        """Return the path."""
        path = read_written_path(reader, node)
        if self.singular and not path.singular:
            reader.fail(node, f"{path.text} may match several: write the path of one value")
        if not self.whole and path.text == "$":
            reader.fail(node, "$ is the whole body: leave json out instead")
        return path

    def schema(self, book: Book) -> Schema:
        return path_schema(book)


def path_schema(book: Book) -> Schema:
    """Return the schema of a JSONPath."""
    return book.refer(
        "jsonpath",
        lambda _: {"type": "string", **pattern(r"^\$(\s|[.\[]|$)", "a JSONPath starts with $")},
    )


@data
class SetShape(Shape):
    """JSONPaths to the values that are set there."""

    def read(self, reader: Reader, node: Node) -> tuple[tuple[PathTemplate, Value], ...]:
        """Return the changes in written order."""
        mapping: Mapping = reader.mapping(node, "a mapping of JSONPaths to values for set")
        found = []
        for key, value in mapping.entries.values():
            with reader.going_on():
                path = PathShape(singular=True).read(reader, key)
                found.append((path, reader.value(value)))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return tuple(found)

    def schema(self, book: Book) -> Schema:
        return {"type": "object", "minProperties": 1, "propertyNames": path_schema(book)}
