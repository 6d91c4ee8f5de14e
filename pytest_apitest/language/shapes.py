"""Shapes: what may stand at a place of a document, declared once for the reader and for the editor schema.

Rules kept here:
- a shape reads a node into a value of the model, and says the same as a JSON Schema (language, section 13);
- a record is a mapping with known keys; a key that comes with a later release is known and refused, a key
  that belongs elsewhere is sent there, any other is answered with the nearest known one;
- all keys of a record are read before it is given up, so that every problem is met.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as Names
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Any

from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.jsonvalue import kind
from pytest_apitest.language.reader import NEWER, BadNodeError, Reader, describe
from pytest_apitest.references import Literal, RenderError, Scope, Value
from pytest_apitest.source import Mapping, Node, Scalar

REFERENCE = r"^\$\{[^}]+\}$"
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
NAME_PATTERN = "^[A-Za-z_][A-Za-z0-9_-]*$"
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

Schema = dict[str, Any]


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


@dataclass(frozen=True)
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
        if self.one_line and "\n" in text.strip("\n"):
            reader.fail(node, f"expected {self.what} on one line")
        return text.strip("\n") if self.one_line else text

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class WrittenText(Shape):
    """A text position: the scalar counts as written, whatever it looks like."""

    what: str = "a text"

    def read(self, reader: Reader, node: Node) -> str:
        """Return the characters."""
        return reader.as_written(node, self.what)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": ["string", "number"]}


@dataclass(frozen=True)
class TextValue(Shape):
    """A text that may hold references."""

    what: str = "a text"
    empty: bool = False

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the text as a value."""
        return reader.text(node, self.what, empty=self.empty)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string"} if self.empty else {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class AnyValue(Shape):
    """Any value; the scalars in it may hold references."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the value."""
        return reader.value(node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {}


@dataclass(frozen=True)
class ObjectValue(Shape):
    """An object whose values may hold references, or one reference to an object."""

    what: str = "a mapping"

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the object as a value."""
        if isinstance(node, Scalar) and "${" in node.text:
            return reader.value(node)
        return reader.value(reader.mapping(node, self.what))

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": ["object", "string"], "pattern": REFERENCE}


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Integer(Shape):
    """An integer within bounds, or a reference to one."""

    least: int
    most: int | None = None

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the integer as a value."""
        what = f"an integer from {self.least}" + (f" to {self.most}" if self.most is not None else " on")
        scalar = reader.scalar(node, what)
        if "${" in scalar.text:
            return reader.template(scalar)
        value = reader.constant(scalar)
        if type(value) is not int or value < self.least or (self.most is not None and value > self.most):
            reader.expected(node, what)
        return Literal(value, node.line, node.column)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        bounds: Schema = {"minimum": self.least}
        if self.most is not None:
            bounds["maximum"] = self.most
        return {"type": ["integer", "string"], **bounds, "pattern": REFERENCE}


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
        if found is None:
            shown = f"{value}" if kind(value) in ("text", "number") else kind(value)
            raise RenderError(f"expected a duration such as 500ms or 30s, got {shown[:40]}")
        return found


def duration_seconds(text: str) -> float | None:
    """Return a duration such as `500ms` in seconds, or None when the text is none."""
    match = DURATION.fullmatch(text)
    return float(match[1]) * UNITS[match[2]] if match else None


@dataclass(frozen=True)
class Duration(Shape):
    """A number and one of ms, s, m, h."""

    what: str = "a duration such as 500ms or 30s"
    zero: bool = True

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the seconds as a value."""
        scalar = reader.scalar(node, self.what)
        if "${" in scalar.text:
            return DurationValue(reader.template(scalar), node.line, node.column)
        found = duration_seconds(scalar.text)
        if found is None:
            if isinstance(scalar.value, int) and not isinstance(scalar.value, bool):
                reader.fail(node, f"a duration has a unit: write {scalar.text}s")
            reader.expected(node, self.what)
        if found == 0 and not self.zero:
            reader.fail(node, f"expected {self.what}, got nothing: {scalar.text}")
        return Literal(found, node.line, node.column)

    def schema(self, book: Book) -> Schema:
        return book.refer(
            "duration",
            lambda _: {
                "type": "string",
                "pattern": r"^([0-9]+(\.[0-9]+)?|\$\{[^}]+\})(ms|s|m|h)$|^\$\{[^}]+\}$",
                "patternErrorMessage": "a duration is a number with a unit: 500ms, 2s, 5m, 1h",
                "examples": ["500ms", "2s", "5m"],
                "description": "A number and one unit: ms, s, m or h.",
            },
        )


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class NameText(Shape):
    """A name of the language."""

    what: str = "a name"

    def read(self, reader: Reader, node: Node) -> str:
        """Return the name."""
        return reader.name(reader.scalar(node, self.what), self.what)

    def schema(self, book: Book) -> Schema:
        return name_schema(book)


def name_schema(book: Book) -> Schema:
    """Return the schema of a name."""
    return book.refer(
        "name",
        lambda _: {
            "type": "string",
            "pattern": NAME_PATTERN,
            "patternErrorMessage": "a name is letters, digits, _ and -, and starts with a letter or _",
        },
    )


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Key:
    """A key of a record.

    Args:
        name: as written.
        shape: what stands behind it.
        doc: one sentence for the editor and the reference.
        phase: the part of the step in which its references are evaluated; None keeps that of the record.

    """

    name: str
    shape: Shape
    doc: str
    phase: int | None = None


Build = Callable[[Reader, Mapping, dict[str, Any]], Any]


@dataclass(frozen=True)
class Record(Shape):
    """A mapping with known keys.

    Args:
        what: what it is, with its article, for messages such as `unknown key "x" in a step`.
        keys: its keys.
        build: makes the value of the model from the values of the keys that were written.
        later: keys of a later release.
        slips: words that are often written, with the key that is meant.
        elsewhere: keys that belong elsewhere, with the sentence that says where.
        required: keys that must be written.
        exclusive: groups of keys of which at most one may be written.
        some: groups of keys of which at least one must be written, with the message.
        first: keys that are read before the others.
        define: name under which the editor schema keeps it; empty for none.
        lenient: whether it is built in spite of keys with problems, so that more can be looked at.
        extra: more of the editor schema.

    """

    what: str
    keys: Many[Key]
    build: Build
    later: frozenset[str] = frozenset()
    slips: Names[str, str] = field(default_factory=dict)
    elsewhere: Names[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    exclusive: tuple[tuple[str, ...], ...] = ()
    some: tuple[tuple[tuple[str, ...], str], ...] = ()
    first: tuple[str, ...] = ()
    define: str = ""
    lenient: bool = False
    extra: Names[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {key.name: key for key in self.keys})

    @property
    def by_name(self) -> dict[str, Key]:
        """The keys by name."""
        found: dict[str, Key] = self.__dict__["_by_name"]
        return found

    def read(self, reader: Reader, node: Node) -> Any:
        """Return what `build` makes of the keys."""
        mapping = reader.mapping(node, self.what)
        got: dict[str, Any] = {}
        bad = False
        names = mapping.entries
        if self.first:
            names = {name: names[name] for name in (*(n for n in self.first if n in names), *names)}
        outer, reader.parent = reader.parent, mapping
        for name, (key_node, value) in names.items():
            reader.parent = mapping
            key = self.by_name.get(name)
            if key is None:
                self.refuse(reader, key_node)
                bad = True
                continue
            try:
                if key.phase is None:
                    got[name] = key.shape.read(reader, value)
                else:
                    with reader.at_phase(key.phase):
                        got[name] = key.shape.read(reader, value)
            except BadNodeError:
                bad = True
        reader.parent = outer
        if not self._complete(reader, mapping) or (bad and not self.lenient):
            raise BadNodeError
        return self.build(reader, mapping, got)

    def refuse(self, reader: Reader, key: Scalar) -> None:
        """Record why a key cannot stand here."""
        name = key.text
        if name in self.later:
            reader.error(key, f'"{name}" is not available in this release')
            return
        if name in self.slips:
            meant = self.slips[name]
            if meant in self.by_name or meant in self.later:
                reader.error(key, f'unknown key "{name}" in {self.what}; did you mean "{meant}"?')
            else:
                reader.error(key, f'unknown key "{name}" in {self.what}: {meant}')
            return
        if name in self.elsewhere:
            reader.error(key, self.elsewhere[name])
            return
        hint = did_you_mean(name, self.by_name)
        if not hint and (nearest := near(name, self.elsewhere)):
            hint = f'; did you mean "{nearest}"? {self.elsewhere[nearest]}'
        reader.error(key, f'unknown key "{name}" in {self.what}' + (hint or f", {NEWER}"))

    def _complete(self, reader: Reader, mapping: Mapping) -> bool:
        fine = True
        for name in self.required:
            if name not in mapping:
                reader.error(mapping, f'"{name}" is missing in {self.what}')
                fine = False
        for names, message in self.some:
            if not any(name in mapping for name in names):
                reader.error(mapping, message)
                fine = False
        for names in self.exclusive:
            written = [name for name in names if name in mapping]
            if len(written) > 1:
                ordered = sorted(written, key=lambda name: (mapping.key(name).line, mapping.key(name).column))
                reader.error(
                    mapping.key(ordered[1]),
                    f'"{ordered[1]}" beside "{ordered[0]}" in {self.what}: write one of them',
                )
                fine = False
        return fine

    def schema(self, book: Book) -> Schema:
        if self.define:
            return book.refer(self.define, self._schema)
        return self._schema(book)

    def _schema(self, book: Book) -> Schema:
        properties = {key.name: described(key.shape.schema(book), key.doc) for key in self.keys}
        out: Schema = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "minProperties": 1,
        }
        if self.required:
            out["required"] = list(self.required)
        if dependent := forbidding(self.exclusive):
            out["dependentSchemas"] = dependent
        demands = [{"anyOf": [{"required": [name]} for name in names]} for names, _ in self.some]
        if len(demands) == 1:
            out |= demands[0]
        elif demands:
            out["allOf"] = demands
        for name, value in self.extra.items():
            out[name] = value(book) if callable(value) else value
        return out


def forbidding(groups: tuple[tuple[str, ...], ...]) -> dict[str, Schema]:
    """Return the dependent schemas by which the keys of each group forbid each other."""
    out: dict[str, Schema] = {}
    for names in groups:
        for name in names:
            others = {other: False for other in names if other != name}
            out.setdefault(name, {"properties": {}})["properties"] |= others
    return out


def described(schema: Schema, doc: str) -> Schema:
    """Return a schema with the description of the key it stands behind."""
    return {**schema, "description": doc} if doc else schema


def wrong_type(reader: Reader, node: Node, what: str) -> None:
    """Record that something else was expected, and go on."""
    reader.error(node, f"expected {what}, got {describe(node)}")
