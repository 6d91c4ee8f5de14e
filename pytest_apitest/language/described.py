"""Reading what names an OpenAPI description (language, sections 3, 4 and 7, openapi).

Rules kept here:
- a description is a file beside the document; nothing is fetched;
- it is read when the document is, so that a broken one is a problem of collection, with its place.
"""

import posixpath
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.language.model import OpenApi
from pytest_apitest.language.reader import Reader, mark_of
from pytest_apitest.language.records import Key, Record
from pytest_apitest.language.shapes import Book, Choice, Schema, Shape, plain_schema
from pytest_apitest.source import Mapping, Node, Scalar

UNDOCUMENTED = ("fail", "warn", "allow")


class _BrokenError(Exception):
    """A description cannot be used; the message says where and why."""


@data
class DescriptionFile(Shape):
    """The path of a description."""

    def read(self, reader: Reader, node: Node) -> Any:
        """Return the contract of the file."""
        what = "the file of an OpenAPI description"
        written = reader.plain_text(node, what)
        if "://" in written:
            reader.fail(node, "an openapi description is a file beside this document; a URL is not read")
        file = reader.file(node, what)
        shown = posixpath.normpath(posixpath.join(posixpath.dirname(reader.source.shown), written))
        try:
            facts = file.stat()
            return _contract(file, shown, facts.st_mtime_ns, facts.st_size)
        except OSError as error:
            reader.fail(node, f"{written} cannot be read: {(error.strerror or 'error').lower()}")
        except _BrokenError as error:
            reader.fail(node, str(error))

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return plain_schema()


@lru_cache(maxsize=32)
def _contract(file: Path, shown: str, changed: int, size: int) -> Any:
    """Return the contract of a file, once for all documents that name it as long as it stays as it is."""
    del changed, size
    from pytest_apitest.openapi.contract import Contract, ContractError  # noqa: PLC0415 - only when one is named
    from pytest_apitest.openapi.description import DescriptionError, read_description  # noqa: PLC0415

    try:
        return Contract(read_description(file, shown))
    except (DescriptionError, ContractError) as error:
        raise _BrokenError(f"{shown}:{error.line}:{error.column}: {error.message}") from None


def _build(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> OpenApi:
    del reader
    return OpenApi(got["file"], got.get("undocumented", "fail"), mark_of(mapping))


OPENAPI = Record(
    "an openapi setting",
    (
        Key("file", DescriptionFile(), "File of the description, YAML or JSON, OpenAPI 3.0, 3.1 or 3.2."),
        Key(
            "undocumented",
            Choice(UNDOCUMENTED, "one"),
            "What becomes of paths, methods, statuses and media types that it does not have; fail unless written.",
        ),
    ),
    _build,
    required=("file",),
)


@data
class OpenApiShape(Shape):
    """The description of an endpoint: a file, or a mapping."""

    def read(self, reader: Reader, node: Node) -> OpenApi:
        """Return the description with its settings."""
        if isinstance(node, Mapping):
            found: OpenApi = OPENAPI.read(reader, node)
            return found
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return OpenApi(DescriptionFile().read(reader, node), "fail", mark_of(node))
        reader.expected(node, "the file of an OpenAPI description, or {file, undocumented}")

    def schema(self, book: Book) -> Schema:
        return {**OPENAPI.record_schema(book), **plain_schema(), "type": ["string", "object"]}


@data
class OpenApiOff(Shape):
    """false: the description of the endpoint does not count here."""

    def read(self, reader: Reader, node: Node) -> OpenApi:
        """Return what stands for no description."""
        scalar = reader.scalar(node, "false")
        if scalar.value is not False:
            reader.expected(node, "false", "; a description is named on the endpoint")
        return OpenApi(None, "allow", mark_of(node))

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"const": False}
