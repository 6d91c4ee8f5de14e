"""Reading the bodies of requests: JSON, multipart, files (language, section 5)."""

from typing import Any

from pytest_apitest.data import data
from pytest_apitest.language.model import FilePart, Part
from pytest_apitest.language.parts import part_scalar
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.records import Key, Record
from pytest_apitest.language.shapes import AnyValue, Book, Schema, Shape, TextValue, plain_schema
from pytest_apitest.references import Value
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

BODIES = ("json", "form", "multipart", "text", "file")


@data
class JsonBody(Shape):
    """Any JSON value."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the value; a text that looks like JSON gets a warning."""
        if isinstance(node, Scalar) and node.style in ("|", ">") and node.text.lstrip()[:1] in ("{", "["):
            message = "json is a text here: the server gets a JSON string; use text: to send it raw"
            reader.error(node, message, warning=True)
        return reader.value(node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {}


@data
class FileBody(Shape):
    """The path of a file that is sent."""

    def read(self, reader: Reader, node: Node) -> Any:
        """Return the file."""
        return reader.file(node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return plain_schema()


@data
class Multipart(Shape):
    """Names to values, files, texts, JSON, or lists of them."""

    def read(self, reader: Reader, node: Node) -> tuple[Part, ...]:
        """Return the parts in written order."""
        mapping = reader.mapping(node, "a mapping of names to parts for multipart")
        found: list[Part] = []
        for key, value in mapping.entries.values():
            with reader.going_on():
                reader.no_reference(key)
                if not key.text:
                    reader.fail(key, "a name is missing")
                found.append(Part(key.text, self._parts(reader, key, value), mark_of(key)))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return tuple(found)

    def _parts(self, reader: Reader, key: Scalar, node: Node) -> tuple[Any, ...]:
        items = reader.sequence(node, "a list of parts").items if isinstance(node, Sequence) else [node]
        return tuple(reader.all_of(lambda item: self._part(reader, key, item), items))

    def _part(self, reader: Reader, key: Scalar, node: Node) -> Any:
        if isinstance(node, Mapping):
            return MULTIPART_PART.read(reader, node)
        return reader.value(part_scalar(reader, key, node))

    def schema(self, book: Book) -> Schema:
        part = MULTIPART_PART.record_schema(book)
        scalars = ["string", "number", "boolean"]
        one = {**part, "type": [*scalars, "object"]}
        # What a mapping must have does not hold of a value.
        del one["anyOf"]
        one["if"], one["then"] = {"type": "object"}, {"anyOf": part["anyOf"]}
        return {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                **one,
                "type": [*scalars, "array", "object"],
                "items": one,
                "minItems": 1,
            },
        }


def _build_part(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> FilePart:
    del reader
    kind = next(name for name in ("file", "text", "json") if name in got)
    return FilePart(kind, got[kind], got.get("filename"), got.get("content_type"), mark_of(mapping))


MULTIPART_PART = Record(
    "a part of multipart",
    (
        Key("file", FileBody(), "File that is sent."),
        Key("text", TextValue(empty=True), "Text that is sent."),
        Key("json", AnyValue(), "JSON value that is sent."),
        Key("filename", TextValue("a file name"), "File name that is sent; that of the file unless written."),
        Key("content_type", TextValue("a media type"), "Media type of the part."),
    ),
    _build_part,
    exclusive=(("file", "text", "json"),),
    some=((("file", "text", "json"), "a part of multipart has one of file, text, json"),),
)
