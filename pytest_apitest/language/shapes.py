"""Shapes: what may stand at a place of a document, declared once for the reader and for the editor schema.

Rules kept here:
- a shape reads a node into a value of the model, and says the same as a JSON Schema (language, section 13);
- a record is a mapping with known keys; a key that comes with a later release is known and refused, a key
  that belongs elsewhere is sent there, any other is answered with the nearest known one;
- all keys of a record are read before it is given up, so that every problem is met.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean
from pytest_apitest.jsonvalue import Number, show, show_typed
from pytest_apitest.language.reader import BadNodeError, Reader
from pytest_apitest.patterns import deferred
from pytest_apitest.references import Literal, Reference, RenderError, Scope, Value
from pytest_apitest.source import Node, Scalar

REFERENCE = r"^\$\{[^}]+\}$"
DURATION = deferred(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
# Longer is a slip, and not every wait of the system can be that long.
LONGEST = 1000 * 3600.0
NAME_PATTERN = "^[A-Za-z_][A-Za-z0-9_-]*$"
HEADER_NAME = deferred(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

Schema = dict[str, Any]


def pattern(expression: str, message: str) -> Schema:
    """Return a pattern with what an editor says when it does not match."""
    return {"pattern": expression, "patternErrorMessage": message}


def one_reference(what: str) -> Schema:
    """Return the pattern of a text that must be one reference, because something else is wanted."""
    return pattern(REFERENCE, f"{what}, or one reference to it")


def plain_schema() -> Schema:
    """Return the schema of a text in which no reference is replaced."""
    return {
        "type": "string",
        "minLength": 1,
        **pattern(r"^([^$]|\$(?!\{))*$", "no reference is replaced here: write the text itself"),
    }


class Book:
    """Collects the parts of an editor schema that are referred to by name."""

    def __init__(self, extensions: Any) -> None:
        self.extensions = extensions
        self.definitions: dict[str, Schema] = {}

    def refer(self, name: str, make: Callable[["Book"], Schema]) -> Schema:
        """Return a reference to a named part, and make the part the first time."""
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = make(self)
        return {"$ref": f"#/$defs/{name}"}


class Shape:
    """What may stand at a place."""

    def read(self, reader: Reader, node: Node) -> Any:
        """Return the value of the model; raises `BadNodeError` after recording what is wrong."""
        raise NotImplementedError

    def schema(self, book: Book) -> Schema:
        """Return the JSON Schema of the same rule."""
        raise NotImplementedError


@data
class PlainText(Shape):
    """A text without references, such as a name for people.

    Args:
        what: what is expected, for the message.
        one_line: whether line breaks are refused.

    """

    what: str = "a text"
    one_line: bool = False

    def read(self, reader: Reader, node: Node) -> str:
        """Return the text."""
        text = reader.plain_text(node, self.what)
        if not self.one_line:
            return text
        text = text.strip("\n")
        if "\n" in text:
            reader.fail(node, f"expected {self.what} on one line")
        if not text.isprintable():
            reader.fail(node, f"expected {self.what} in characters that can be shown, got {show(text, 40)}")
        return text

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return plain_schema()


@data
class WrittenText(Shape):
    """A text position: the scalar counts as written, whatever it looks like."""

    what: str = "a text"

    def read(self, reader: Reader, node: Node) -> str:
        """Return the characters."""
        return reader.as_written(node, self.what)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": ["string", "number", "boolean"], "minLength": 1}


@data
class TextValue(Shape):
    """A text that may hold references."""

    what: str = "a text"
    empty: bool = False

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the text as a value."""
        return reader.text(node, self.what, empty=self.empty)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string"} if self.empty else {"type": "string", "minLength": 1}


@data
class AnyValue(Shape):
    """Any value; the scalars in it may hold references."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the value."""
        return reader.value(node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {}


@data
class Boolean(Shape):
    """true or false."""

    def read(self, reader: Reader, node: Node) -> bool:
        """Return the boolean."""
        scalar = reader.scalar(node, "true or false")
        if not isinstance(scalar.value, bool):
            reader.expected(node, "true or false")
        return scalar.value

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "boolean"}


@data
class OnlyTrue(Shape):
    """true; leaving the key out says the opposite."""

    key: str

    def read(self, reader: Reader, node: Node) -> bool:
        """Return true."""
        scalar = reader.scalar(node, "true")
        if scalar.value is not True:
            reader.expected(node, "true", f"; leave {self.key} out instead")
        return True

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"const": True}


@data
class Integer(Shape):
    """An integer within bounds, or a reference to one."""

    least: int
    most: int | None = None

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the integer as a value."""
        what = f"an integer from {self.least}" + (f" to {self.most}" if self.most is not None else " on")
        scalar = reader.scalar(node, what)
        if "${" in scalar.text:
            return reader.one_reference(scalar, what)
        value = reader.constant(scalar)
        if type(value) is not int or value < self.least or (self.most is not None and value > self.most):
            reader.expected(node, what)
        return Literal(value, node.line, node.column)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        bounds: Schema = {"minimum": self.least}
        if self.most is not None:
            bounds["maximum"] = self.most
        return {"type": ["integer", "string"], **bounds, **one_reference("an integer")}


class DurationValue(Value):
    """A duration that holds references; renders to seconds."""

    __slots__ = ("text",)

    def __init__(self, text: Value, line: int, column: int) -> None:
        self.text = text
        self.line = line
        self.column = column

    def render(self, scope: Scope) -> float:
        value = self.text.render(scope)
        found = duration_seconds(value) if isinstance(value, str) else None
        if found is None or found > LONGEST:
            what = (
                f"a duration of at most {LONGEST / 3600:g}h" if found else "a duration such as 500ms or 30s"
            )
            raise RenderError(f"expected {what}, got {show_typed(value, 40)}")
        return found

    def references(self) -> Iterator[Reference]:
        return self.text.references()


def duration_seconds(text: str) -> float | None:
    """Return a duration such as `500ms` in seconds, or None when the text is none."""
    match = DURATION.fullmatch(text)
    return float(match[1]) * UNITS[match[2]] if match else None


@data
class Duration(Shape):
    """A number and one of ms, s, m, h.

    Args:
        zero: whether no time at all is fine.

    """

    zero: bool = True

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the seconds as a value."""
        what = "a duration such as 500ms or 30s"
        scalar = reader.scalar(node, what)
        if "${" in scalar.text:
            return DurationValue(reader.template(scalar), node.line, node.column)
        found = duration_seconds(scalar.text)
        if found is None:
            value = scalar.value
            if isinstance(value, int | Number) and not isinstance(value, bool) and value >= 0:
                reader.fail(node, f"a duration has a unit: write {scalar.text}s")
            reader.expected(node, what)
        if found == 0 and not self.zero:
            reader.fail(node, f"expected a duration longer than {scalar.text}")
        if found > LONGEST:
            reader.fail(node, f"a duration is at most {LONGEST / 3600:g}h")
        return Literal(found, node.line, node.column)

    def schema(self, book: Book) -> Schema:
        if not self.zero:
            some = pattern("^(?!0+([.]0+)?[a-z]+$)", "a duration longer than nothing")
            return {**Duration().schema(book), **some}
        return book.refer(
            "duration",
            lambda _: {
                "type": "string",
                **pattern(
                    r"^([0-9]+(\.[0-9]+)?|\$\{[^}]+\})(ms|s|m|h)$|^\$\{[^}]+\}$",
                    "a duration is a number with a unit: 500ms, 2s, 5m, 1h",
                ),
                "examples": ["500ms", "2s", "5m"],
                "description": "A number and one unit: ms, s, m or h.",
            },
        )


@data
class Choice(Shape):
    """One of a few words.

    Args:
        words: the words.
        what: what they are, for the message.

    """

    words: tuple[str, ...]
    what: str = "one"

    def read(self, reader: Reader, node: Node) -> str:
        """Return the word."""
        scalar = reader.scalar(node, f"{self.what} of {', '.join(self.words)}")
        if scalar.text not in self.words:
            hint = did_you_mean(scalar.text, self.words)
            reader.expected(node, f"{self.what} of {', '.join(self.words)}", hint)
        return scalar.text

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"enum": list(self.words)}


@data
class NameText(Shape):
    """A name of the language."""

    what: str = "a name"

    def read(self, reader: Reader, node: Node) -> str:
        """Return the name."""
        scalar = reader.scalar(node, self.what)
        if not isinstance(scalar.value, str) or not scalar.text:
            reader.expected(node, self.what)
        return reader.name(scalar, self.what)

    def schema(self, book: Book) -> Schema:
        return name_schema(book)


def name_schema(book: Book) -> Schema:
    """Return the schema of a name."""
    return book.refer(
        "name",
        lambda _: {
            "type": "string",
            **pattern(NAME_PATTERN, "a name is letters, digits, _ and -, and starts with a letter or _"),
        },
    )


@data
class ListOf(Shape):
    """A list with at least one item.

    Args:
        item: what each item is.
        what: what the list is, for the message.
        least: smallest number of items.

    """

    item: Shape
    what: str = "a list"
    least: int = 1

    def read(self, reader: Reader, node: Node) -> list[Any]:
        """Return the items."""
        items = reader.sequence(node, self.what).items
        if len(items) < self.least:
            reader.fail(node, f"expected {self.what} of at least {self.least}, got {len(items)}")
        found = []
        for item in items:
            with reader.going_on():
                found.append(self.item.read(reader, item))
        if len(found) != len(items):
            raise BadNodeError
        return found

    def schema(self, book: Book) -> Schema:
        return {"type": "array", "items": self.item.schema(book), "minItems": self.least}


@data
class NameMap(Shape):
    """A mapping from names of the author's choice to one shape; gives pairs of key node and value.

    Args:
        item: what each value is.
        what: what the mapping is, for the message.
        any_key: whether any text is a key, not only names.

    """

    item: Shape
    what: str = "a mapping from names"
    any_key: bool = False

    def read(self, reader: Reader, node: Node) -> list[tuple[Scalar, Any]]:
        """Return the keys with their values."""
        entries = reader.mapping(node, self.what).entries
        found: list[tuple[Scalar, Any]] = []
        for key, value in entries.values():
            with reader.going_on():
                if self.any_key:
                    reader.no_reference(key)
                else:
                    reader.name(key)
                found.append((key, self.item.read(reader, value)))
        if len(found) != len(entries):
            raise BadNodeError
        return found

    def schema(self, book: Book) -> Schema:
        names: Schema = {} if self.any_key else {"propertyNames": name_schema(book)}
        return {"type": "object", "minProperties": 1, "additionalProperties": self.item.schema(book), **names}
