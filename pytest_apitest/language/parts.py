"""Reading the named values of a request: path, query, headers, cookies, form (language, section 5)."""

import re

from pytest_apitest.data import data
from pytest_apitest.language.model import Part, Parts
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.shapes import HEADER_NAME, REFERENCE, Book, Schema, Shape, pattern
from pytest_apitest.patterns import deferred
from pytest_apitest.references import Literal, Value
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

NAMED_PARTS = ("path", "query", "headers", "cookies")
_QUOTED_ETAG = frozenset({"etag", "if-match", "if-none-match"})
_NO_COOKIE_NAME = deferred(r"[\x00-\x20\x7f()<>@,;:\\\"/\[\]?={}]")
_SCALARS = ("string", "number", "boolean")


@data
class PartsShape(Shape):
    """Named values of a request: a mapping, or one reference to one.

    Args:
        part: `path`, `query`, `headers`, `cookies` or `form`.
        described: whether values may be lists and mappings in a request that is made of an operation.

    """

    part: str
    described: bool = False

    def read(self, reader: Reader, node: Node) -> Parts:
        """Return the named values in written order."""
        if isinstance(node, Scalar) and "${" in node.text:
            return reader.one_reference(node, f"a mapping for {self.part}")
        if self.part == "cookies" and isinstance(node, Scalar) and node.text == "none":
            return Literal("none", node.line, node.column)
        if self.part == "headers" and isinstance(node, Sequence):
            reader.fail(node, '"headers" as a list is not available in this release')
        mapping = reader.mapping(node, f"a mapping of names to values for {self.part}")
        found: list[Part] = []
        seen: dict[str, str] = {}
        for key, item in mapping.entries.values():
            with reader.going_on():
                self._name(reader, key, seen)
                found.append(Part(key.text, self._value(reader, key, item), mark_of(key)))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return tuple(found)

    def _name(self, reader: Reader, key: Scalar, seen: dict[str, str]) -> None:
        reader.no_reference(key)
        if self.part == "headers":
            header_name(reader, key, seen, "a list value sends several lines")
        elif not key.text:
            reader.fail(key, "a name is missing")
        elif self.part == "cookies" and _NO_COOKIE_NAME.search(key.text):
            reader.fail(key, f'"{key.text[:40]}" is no cookie name')

    def _value(self, reader: Reader, key: Scalar, node: Node) -> Value | tuple[Value, ...] | None:
        described = self.described and reader.of_operation
        if described and not _is_plain(node):
            return reader.value(node)
        if isinstance(node, Mapping):
            reader.expected(node, f"a value for {key.text}")
        if isinstance(node, Sequence):
            if not described and self.part in ("path", "cookies"):
                reader.expected(node, f"one value for {key.text}")
            items = reader.sequence(node, f"a value or a list of values for {key.text}").items
            return tuple(reader.all_of(lambda one: self._scalar(reader, key, one), items))
        scalar = reader.scalar(node, f"a value for {key.text}")
        if self.part in ("headers", "query") and not scalar.style and scalar.value is None:
            return None
        return self._scalar(reader, key, scalar)

    def _scalar(self, reader: Reader, key: Scalar, node: Node) -> Value:
        scalar = part_scalar(reader, key, node)
        if self.part == "headers":
            self._header(reader, key, scalar)
        if self.part == "path" and not scalar.text:
            reader.fail(scalar, f"an empty value for {{{key.text}}} makes another path")
        return reader.text(scalar, f"a value for {key.text}", written=True, empty=True)

    def _header(self, reader: Reader, key: Scalar, scalar: Scalar) -> None:
        if re.search(r"[\r\n\x00]", scalar.text):
            reader.fail(scalar, f"a line break or NUL cannot stand in a header ({key.text})")
        if any(ord(character) > 255 for character in scalar.text):
            reader.fail(scalar, f"a character outside of latin-1 cannot stand in a header ({key.text})")
        if key.text.lower() in _QUOTED_ETAG and scalar.text != "*":
            warn_of_quotes(reader, scalar)

    def schema(self, book: Book) -> Schema:
        return book.refer(self.part + "_of_operation" * self.described, self._schema)

    def _schema(self, book: Book) -> Schema:
        value: Schema = {"type": list(_SCALARS)}
        if self.part in ("query", "headers", "form"):
            types = [*_SCALARS, "array"] + (["null"] if self.part != "form" else [])
            value = {"type": types, "items": {"type": list(_SCALARS)}, "minItems": 1}
        if self.described:
            types = [*_SCALARS, "array", "object"]
            value = {"type": types + ["null"] * (self.part in ("query", "headers")), "minItems": 1}
        out: Schema = {
            "type": ["object", "string"],
            **pattern(
                REFERENCE if self.part != "cookies" else f"^none$|{REFERENCE}",
                "a mapping, or one reference to one" + (", or none" if self.part == "cookies" else ""),
            ),
            "additionalProperties": value,
            "minProperties": 1,
        }
        if self.part == "headers":
            out["propertyNames"] = header_name_schema(book)
        if self.part == "cookies":
            out["propertyNames"] = pattern(f"^(?!.*{_NO_COOKIE_NAME.pattern})", "not a cookie name")
        return out


def _is_plain(node: Node) -> bool:
    """Tell whether a value is a scalar or a list of scalars, which count as written."""
    items = node.items if isinstance(node, Sequence) else [node]
    return all(isinstance(item, Scalar) for item in items)


def part_scalar(reader: Reader, key: Scalar, node: Node) -> Scalar:
    """Return the scalar of a named value, which is not null."""
    scalar = reader.scalar(node, f"a value for {key.text}")
    if not scalar.style and scalar.value is None:
        reader.expected(node, f"a value for {key.text}")
    return scalar


def header_name(reader: Reader, key: Scalar, seen: dict[str, str], hint: str = "") -> str:
    """Return the name of a header; the same one in another case is a problem.

    Args:
        reader: the reader.
        key: the name as written.
        seen: lower-case names to names as written, so far.
        hint: what to do instead of writing a name twice.

    """
    name = key.text
    if not HEADER_NAME.fullmatch(name):
        reader.fail(key, f'"{name[:40]}" is no header name; quote the value if a comma split it')
    earlier = seen.setdefault(name.lower(), name)
    if earlier != name:
        reader.fail(key, f'header "{name}" twice, also written "{earlier}"' + (f": {hint}" if hint else ""))
    return name


def header_name_schema(book: Book) -> Schema:
    """Return the schema of a header name."""
    return book.refer(
        "header_name",
        lambda _: {
            "type": "string",
            **pattern(f"^{HEADER_NAME.pattern}$", "not a header name; quote the value if a comma split it"),
        },
    )


def warn_of_quotes(reader: Reader, scalar: Scalar) -> None:
    """Warn of an entity tag whose quotes are those of YAML and are not sent or compared."""
    if scalar.style == '"' and scalar.text and '"' not in scalar.text and "${" not in scalar.text:
        reader.error(scalar, f"the quotes are YAML's; write '\"{scalar.text}\"'", warning=True)
