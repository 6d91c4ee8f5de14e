"""Reading what is saved from a response: names to sources and their refinements (language, section 8)."""

from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean
from pytest_apitest.language.checks import read_regex
from pytest_apitest.language.model import PathTemplate, Save, SaveSource
from pytest_apitest.language.parts import header_name_schema
from pytest_apitest.language.paths import path_schema, read_path, read_written_path
from pytest_apitest.language.reader import Reader, mark_of
from pytest_apitest.language.records import Key, Record
from pytest_apitest.language.shapes import (
    HEADER_NAME,
    Book,
    Boolean,
    Choice,
    NameMap,
    OnlyTrue,
    PlainText,
    Schema,
    Shape,
    pattern,
)
from pytest_apitest.references import NAME
from pytest_apitest.source import Mapping, Node

_SOURCES = ("json", "header", "cookie", "text", "url")


@data
class HeaderName(Shape):
    """The name of a header."""

    def read(self, reader: Reader, node: Node) -> str:
        """Return the name."""
        name = reader.plain_text(node, "a header name")
        if not HEADER_NAME.fullmatch(name):
            reader.fail(node, f'"{name[:40]}" is no header name')
        return name

    def schema(self, book: Book) -> Schema:
        return header_name_schema(book)


@data
class _SourcePath(Shape):
    """The JSONPath of a source."""

    def read(self, reader: Reader, node: Node) -> PathTemplate:
        """Return the path."""
        return read_written_path(reader, node)

    def schema(self, book: Book) -> Schema:
        return path_schema(book)


@data
class _SourceRegex(Shape):
    """A regular expression applied to each value found."""

    def read(self, reader: Reader, node: Node) -> Any:
        """Return the compiled expression."""
        return read_regex(reader, node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1, "format": "regex"}


def _build_source(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> SaveSource:
    kind = next(name for name in _SOURCES if name in got)
    path = got["json"] if kind == "json" else None
    take = got.get("take")
    if path is not None and path.singular and take in ("first", "last") and "regex" not in got:
        # Whoever writes this means an element of the array that the path finds.
        reader.fail(mapping.key("take"), f"{path.text} finds at most one value: remove take, or write [*]")
    return SaveSource(
        kind,
        mark_of(mapping.key(kind)),
        path,
        got[kind] if kind in ("header", "cookie") else "",
        got.get("regex"),
        got.get("take"),
        got.get("optional", False),
        got.get("secret", False),
    )


SOURCE = Record(
    "a source of save",
    (
        Key("json", _SourcePath(), "From the JSON body."),
        Key("header", HeaderName(), "From the lines of a response header."),
        Key("cookie", PlainText("a cookie name"), "A cookie set by this response."),
        Key("text", OnlyTrue("text"), "The body as text."),
        Key("url", OnlyTrue("url"), "The URL of the response."),
        Key("regex", _SourceRegex(), "Every match in each value: its first group, else the match."),
        Key("take", Choice(("first", "last", "all")), "Which of several; left out: exactly one."),
        Key("optional", Boolean(), "true: nothing found leaves the name undefined."),
        Key("secret", Boolean(), "true: masked in every output."),
    ),
    _build_source,
    slips={
        "jsonpath": "json",
        "headers": "header",
        "cookies": "cookie",
        "body": "text",
        "pattern": "regex",
        "status": "write the text status",
    },
    exclusive=(_SOURCES,),
    some=((_SOURCES, "a source has one of json, header, cookie, text, url"),),
)


@data
class SourceShape(Shape):
    """A JSONPath, `status`, `url`, `text`, or a mapping with one source."""

    def read(self, reader: Reader, node: Node) -> SaveSource:
        """Return the source."""
        if isinstance(node, Mapping):
            source: SaveSource = SOURCE.read(reader, node)
            return source
        scalar = reader.scalar(node, "a JSONPath, status, url, text, or a source such as {header: Location}")
        text = scalar.text
        if text in ("status", "url", "text"):
            return SaveSource(text, mark_of(scalar))
        if text.startswith("$") and not text.startswith("${"):
            return SaveSource("json", mark_of(scalar), read_path(reader, scalar))
        if reader.dialect == "ng" and not text.startswith("${"):
            return SaveSource("json", mark_of(scalar), read_path(reader, scalar))
        hint = did_you_mean(text, ("status", "url", "text"))
        if not hint and NAME.fullmatch(text):
            hint = f"; write $.{text} for a member, {{header: {text}}} for a header"
        reader.expected(node, "a JSONPath, status, url, text, or a source such as {header: Location}", hint)

    def schema(self, book: Book) -> Schema:
        return book.refer(
            "save_source",
            lambda inner: {
                **SOURCE.record_schema(inner),
                "type": ["string", "object"],
                **pattern(
                    r"^(\$([\s.\[].*)?|status|url|text)$", "a JSONPath, status, url, text, or one source"
                ),
                "anyOf": [{"type": "string"}, *({"required": [name]} for name in _SOURCES)],
            },
        )


@data
class SaveShape(Shape):
    """Names to sources."""

    def read(self, reader: Reader, node: Node) -> tuple[Save, ...]:
        """Return the saves in written order."""
        found = NameMap(SourceShape(), "a mapping of names to sources for save").read(reader, node)
        return tuple(Save(key.text, source, mark_of(key)) for key, source in found)

    def schema(self, book: Book) -> Schema:
        return book.refer("save", NameMap(SourceShape()).schema)
