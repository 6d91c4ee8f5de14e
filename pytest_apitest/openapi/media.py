"""Media types and bodies: which content of a description holds, and what a body says (OpenAPI 3.1, section 4.8.14).

Rules kept here:
- media types are compared without case (RFC 9110, section 8.3.1); the most specific key of `content` holds: a type
  with parameters, a type, `type/*`, `*/*` (OpenAPI 3.1, section 4.8.17 "Response Object", `content`);
- what ends in `+json` is JSON (RFC 6839, section 3.1) and nothing else than the key that it is written as;
- a part of a form is what its schema asks for: a text, a number, a list of the parts of its name, JSON for an
  object (OpenAPI 3.1, sections 4.8.14.4 and 4.8.15).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from pytest_apitest.data import data
from pytest_apitest.jsonvalue import NotJSONError, loads
from pytest_apitest.openapi.parameters import SchemaTypes, query_pairs
from pytest_apitest.patterns import deferred

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
STREAMS = frozenset({"application/jsonl", "application/json-seq", "application/x-ndjson"})

_PARAMETER = deferred(r';\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
_MOST_PARTS = 1_000


class BodyError(Exception):
    """A body is not what its media type says; the message says why."""


@data
class MediaType:
    """A media type as it was sent or written.

    Args:
        essence: type and subtype, in lower case.
        parameters: parameters by name in lower case.

    """

    essence: str
    parameters: Mapping[str, str]

    @property
    def is_json(self) -> bool:
        """Whether a body of this type is JSON."""
        return self.essence in ("application/json", "text/json") or self.essence.endswith("+json")

    @property
    def is_stream(self) -> bool:
        """Whether a body of this type is a sequence of JSON values (OpenAPI 3.2, section 4.14.3)."""
        return self.essence in STREAMS or self.essence.endswith("+json-seq")

    @property
    def is_xml(self) -> bool:
        """Whether a body of this type is XML (RFC 7303, section 4.2)."""
        return self.essence in ("application/xml", "text/xml") or self.essence.endswith("+xml")

    @property
    def is_text(self) -> bool:
        """Whether a body of this type is text that no other rule reads."""
        return self.essence.startswith("text/") and not self.is_xml


def media_type(text: str) -> MediaType:
    """Return a media type as it was sent; one that makes no sense has an essence that no other equals."""
    essence, semicolon, rest = text.partition(";")
    parameters = {}
    for name, quoted, plain in _PARAMETER.findall(semicolon + rest):
        parameters[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
    return MediaType(essence.strip().lower(), parameters)


def chosen(keys: Iterable[str], sent: MediaType) -> str | None:
    """Return the key of `content` that holds for a media type, or None."""
    best, rank = None, 0
    for key in keys:
        written = media_type(key)
        if written.essence == sent.essence:
            given = {name: value.lower() for name, value in sent.parameters.items()}
            if any(given.get(name) != value.lower() for name, value in written.parameters.items()):
                continue
            points = 10 + len(written.parameters)
        elif written.essence.endswith("/*") and written.essence != "*/*":
            points = 2 if sent.essence.startswith(written.essence[:-1]) else 0
        else:
            points = 1 if written.essence in ("*/*", "*") else 0
        if points > rank:
            best, rank = key, points
    return best


@data
class Part:
    """A part of a multipart body.

    Args:
        name: its name.
        content_type: its media type; empty when it says none.
        filename: whether it has a file name.
        body: its bytes.

    """

    name: str
    content_type: str
    filename: bool
    body: bytes


def text_of(body: bytes, sent: MediaType) -> str:
    """Return a body as text, by its charset or as UTF-8; raises `BodyError`."""
    charset = sent.parameters.get("charset", "utf-8")
    try:
        return body.decode(charset)
    except UnicodeDecodeError as error:
        raise BodyError(f"byte {error.start} is not {charset}") from None
    except (LookupError, ValueError, TypeError, AttributeError):
        raise BodyError(f"the charset {charset[:40]} is unknown") from None


def stream_values(body: bytes, sent: MediaType) -> list[Any]:
    """Return the values of a sequence of JSON (OpenAPI 3.2, section 4.14.3; RFC 7464); raises `BodyError`."""
    mark = b"\x1e" if sent.essence.endswith("json-seq") else b"\n"
    found = []
    for number, piece in enumerate(body.split(mark)):
        if not piece.strip():
            continue
        try:
            found.append(loads(piece.strip()))
        except NotJSONError as error:
            what = f"line {number + 1}" if mark == b"\n" else f"value {number}"
            raise BodyError(f"{what} is no JSON: {error}") from None
    return found


def look_at_xml(body: bytes) -> None:
    """Raise `BodyError` unless a body is well-formed XML without a document type, which could name entities."""
    from xml.parsers import expat  # noqa: PLC0415 - only where XML is described

    def refuse(*_: Any) -> None:
        raise BodyError("a document type is not read")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        where = f"line {error.lineno}, column {error.offset + 1}"
        raise BodyError(f"no well-formed XML, {where}: {expat.ErrorString(error.code)}") from None


def form_value(body: bytes, schema: Any, looks: SchemaTypes) -> dict[str, Any]:
    """Return the object that a form says; raises `BodyError`."""
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError as error:
        raise BodyError(f"byte {error.start} is not ASCII, as those of a form are") from None
    found: dict[str, list[Any]] = {}
    for name, value in query_pairs(text):
        found.setdefault(name, []).append(unquote_plus(value))
    return {name: _field(texts, looks.member(schema, name), looks) for name, texts in found.items()}


def _field(texts: Sequence[str], schema: Any, looks: SchemaTypes) -> Any:
    types = looks.types(schema)
    if "array" in types:
        item = looks.item(schema)
        return [_one(text, item, looks) for text in texts]
    if len(texts) > 1:
        return list(texts)
    return _one(texts[0], schema, looks)


def _one(text: str, schema: Any, looks: SchemaTypes) -> Any:
    if looks.types(schema) & {"object", "array"}:
        try:
            return loads(text.encode())
        except NotJSONError:
            return text
    return looks.scalar(text, schema)


def parts_of(body: bytes, sent: MediaType) -> list[Part]:
    """Return the parts of a multipart body (RFC 2046, section 5.1; RFC 7578); raises `BodyError`."""
    boundary = sent.parameters.get("boundary")
    if not boundary:
        raise BodyError("no boundary in its Content-Type")
    line = b"--" + boundary.encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(b"\r\n" + line)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BodyError("its closing boundary is missing")
    if len(pieces) > _MOST_PARTS:
        raise BodyError(f"more than {_MOST_PARTS:,} parts")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, _, body = piece.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
    headers = {}
    for line in head.split(b"\r\n"):
        name, _, value = line.decode("utf-8", "replace").partition(":")
        headers[name.strip().lower()] = value.strip()
    disposition = media_type(headers.get("content-disposition", ""))
    return Part(
        disposition.parameters.get("name", ""),
        headers.get("content-type", ""),
        "filename" in disposition.parameters,
        body,
    )


def multipart_value(parts: Iterable[Part], schema: Any, looks: SchemaTypes) -> dict[str, Any]:
    """Return the object that the parts of a form say; of a file its bytes, as latin-1."""
    found: dict[str, Any] = {}
    for part in parts:
        member = looks.member(schema, part.name)
        types = looks.types(member)
        value = _part_value(part, looks.item(member) if "array" in types else member, looks)
        if "array" in types and not isinstance(value, list):
            found.setdefault(part.name, []).append(value)
        elif part.name in found:
            earlier = found[part.name]
            found[part.name] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
        else:
            found[part.name] = value
    return found


def _part_value(part: Part, schema: Any, looks: SchemaTypes) -> Any:
    sent = media_type(part.content_type)
    if sent.is_json:
        try:
            return loads(part.body)
        except NotJSONError as error:
            raise BodyError(f"the part {part.name[:60]} is no JSON: {error}") from None
    if part.filename or (part.content_type and not sent.is_text):
        return part.body.decode("latin-1")
    try:
        text = part.body.decode("utf-8")
    except UnicodeDecodeError:
        return part.body.decode("latin-1")
    return _one(text, schema, looks)
