"""Reading what names an OpenAPI description (language, sections 3, 4 and 7, openapi).

Rules kept here:
- a description is a file beside the document, which is read when the document is, so that a broken one is a problem of
  collection, with its place;
- what needs the network, a URL or a path at the endpoint, is read during the run: collection never fetches.
"""

import posixpath
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.language.literal_urls import keep_secrets_of_url, secrets_of
from pytest_apitest.language.model import DescriptionSource, Mark, OpenApi
from pytest_apitest.language.reader import Reader, mark_of
from pytest_apitest.language.records import Key, Record
from pytest_apitest.language.shapes import Book, Choice, ListOf, Schema, Shape, pattern, plain_schema
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

UNDOCUMENTED = ("fail", "warn", "allow")


class _BrokenError(Exception):
    """A description cannot be used; the message says where and why."""


@data
class _Named:
    """A description as it is named.

    Args:
        node: where.
        at: its file, its URL, or its path at the endpoint.
        shown: its name in messages.

    """

    node: Node
    at: Path | str
    shown: str


@data
class DescriptionFile(Shape):
    """The file, the URL or the path at the endpoint of a description."""

    def read(self, reader: Reader, node: Node) -> _Named:
        """Return what is named."""
        what = "the file of an OpenAPI description"
        keep_secrets_of_url(reader, node)
        written = reader.plain_text(node, what)
        if "://" in written:
            from pytest_apitest.openapi.fetching import FetchError, sendable  # noqa: PLC0415 - loads the transport
            from pytest_apitest.openapi.reading import shown_url  # noqa: PLC0415

            try:
                return _Named(node, sendable(written), shown_url(written))
            except FetchError as error:
                reader.fail(node, str(error))
        if written.startswith("/"):
            if written.startswith("//") or "#" in written or not written.isprintable() or " " in written:
                reader.fail(node, "a path of the endpoint is written as in a URL, such as /openapi.json")
            return _Named(node, written, written.partition("?")[0])
        file = reader.file(node, what, documents=False)
        folder = posixpath.dirname(reader.source.shown)
        return _Named(node, file, posixpath.normpath(posixpath.join(folder, written)))

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return plain_schema()


@data
class Refs(Shape):
    """Whether references may lead to other files: a boolean, or a list of origins."""

    def read(self, reader: Reader, node: Node) -> tuple[bool, tuple[str, ...]]:
        """Return whether they may, and the further origins."""
        if not isinstance(node, Sequence):
            scalar = reader.scalar(node, "true, or a list of origins")
            if not isinstance(scalar.value, bool):
                reader.expected(node, "true, or a list of origins such as https://schemas.example")
            return scalar.value, ()
        origins: list[str] = ListOf(_Origin(), "a list of origins").read(reader, node)
        return True, tuple(origins)

    def schema(self, book: Book) -> Schema:
        return {"oneOf": [{"type": "boolean"}, ListOf(_Origin()).schema(book)]}


@data
class _Origin(Shape):
    """An origin: scheme, host and port of URLs."""

    def read(self, reader: Reader, node: Node) -> str:
        from pytest_apitest.openapi.fetching import origin_named  # noqa: PLC0415 - loads the transport

        keep_secrets_of_url(reader, node)
        try:
            return origin_named(reader.plain_text(node, "an origin such as https://schemas.example"))
        except ValueError as error:
            reader.fail(node, str(error))

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", **pattern("^https?://[^/@?#]+/?$", "an origin is a scheme and a host")}


def _made(
    reader: Reader, named: _Named, undocumented: str, refs: bool, origins: tuple[str, ...], mark: Mark
) -> OpenApi:
    """Return a description: read now when files are enough for that, else during the run."""
    contract = None
    if isinstance(named.at, Path):
        try:
            contract = _contract(named.at, named.shown, refs=refs and not origins)
        except OSError as error:
            reader.fail(named.node, f"{named.shown} cannot be read: {(error.strerror or 'error').lower()}")
        except _BrokenError as error:
            reader.fail(named.node, str(error))
        if not origins:
            return OpenApi(contract, undocumented, mark)
    secrets = secrets_of(named.node.text) if isinstance(named.node, Scalar) else ()
    return OpenApi(None, undocumented, mark, DescriptionSource(named.at, named.shown, refs, origins, secrets))


Facts = tuple[tuple[Path, int, int], ...]
_MOST_CONTRACTS = 32
_CONTRACTS: dict[tuple[Path, str, bool], tuple[Facts, Any]] = {}


def _contract(file: Path, shown: str, *, refs: bool) -> Any:
    """Return the contract of a file, once for all documents that name it as long as its files stay as they are."""
    key = (file, shown, refs)
    known = _CONTRACTS.get(key)
    if known is not None and _unchanged(known[0]):
        return known[1]
    facts = _facts([file])
    from pytest_apitest.openapi.contract import Contract  # noqa: PLC0415 - only when one is named
    from pytest_apitest.openapi.description import DescriptionError  # noqa: PLC0415
    from pytest_apitest.openapi.sources import read_source  # noqa: PLC0415

    try:
        description = read_source(file, shown, refs=refs)
        contract = Contract(description)
    except DescriptionError as error:
        raise _BrokenError(error.of(shown)) from None
    if len(_CONTRACTS) >= _MOST_CONTRACTS:
        _CONTRACTS.clear()
    if not description.unread:  # a file that is missing may be there next time
        _CONTRACTS[key] = facts + _facts(file.parent / name for name in description.files), contract
    return contract


def _unchanged(facts: Facts) -> bool:
    try:
        return _facts(file for file, _, _ in facts) == facts
    except OSError:
        return False


def _facts(files: Iterable[Path]) -> Facts:
    """Return what tells that files are still the same; raises `OSError`."""
    found = [(file, file.stat()) for file in files]
    return tuple((file, facts.st_mtime_ns, facts.st_size) for file, facts in found)


def _build(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> OpenApi:
    refs, origins = got.get("refs", (False, ()))
    return _made(reader, got["file"], got.get("undocumented", "fail"), refs, origins, mark_of(mapping))


OPENAPI = Record(
    "an openapi setting",
    (
        Key(
            "file",
            DescriptionFile(),
            "The description, OpenAPI 3.0, 3.1 or 3.2: a file, YAML or JSON, its URL, or its path at the endpoint.",
        ),
        Key(
            "undocumented",
            Choice(UNDOCUMENTED, "one"),
            "What becomes of paths, methods, statuses and media types that it does not have; fail unless written.",
        ),
        Key(
            "refs",
            Refs(),
            "Whether its references may lead to files below its folder or of its origin; a list allows origins too.",
        ),
    ),
    _build,
    required=("file",),
)


@data
class OpenApiShape(Shape):
    """The description of an endpoint: a file, a URL, a path, or a mapping."""

    def read(self, reader: Reader, node: Node) -> OpenApi:
        """Return the description with its settings."""
        if isinstance(node, Mapping):
            found: OpenApi = OPENAPI.read(reader, node)
            return found
        if isinstance(node, Scalar) and isinstance(node.value, str):
            named = DescriptionFile().read(reader, node)
            return _made(reader, named, "fail", refs=False, origins=(), mark=mark_of(node))
        reader.expected(node, "the file or URL of an OpenAPI description, or {file, undocumented, refs}")

    def schema(self, book: Book) -> Schema:
        return {**OPENAPI.record_schema(book), **plain_schema(), "type": ["string", "object"]}


@data
class OpenApiOff(Shape):
    """false: the description of the endpoint does not count here."""

    def read(self, reader: Reader, node: Node) -> OpenApi:
        """Return what stands for no description."""
        keep_secrets_of_url(reader, node)
        scalar = reader.scalar(node, "false")
        if scalar.value is not False:
            reader.expected(node, "false", "; a description is named on the endpoint")
        return OpenApi(None, "allow", mark_of(node))

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"const": False}
