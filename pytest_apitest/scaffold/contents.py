"""What a request holds: values of parameters and bodies, made by their schemas.

Rules kept here:
- what is optional is left out, but for a JSON body or a form that a method such as POST may have;
- JSON goes before forms, these before multipart, these before texts;
- parameters are written in their style by `openapi/writing`, as those of a request by `operation`; what a document
  can say by name and value is said so, the rest stands as it is sent;
- `${` of a description is text: it is written `$${`, and what cannot hold that is written in another way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import quote, unquote

from pytest_apitest.data import data, record
from pytest_apitest.functions import as_text
from pytest_apitest.jsonvalue import dumps
from pytest_apitest.language.shapes import HEADER_NAME
from pytest_apitest.openapi.media import FORM, MULTIPART, MediaType, media_type
from pytest_apitest.openapi.operations import Parameter as Described
from pytest_apitest.openapi.operations import UnusableError
from pytest_apitest.openapi.parameters import DEFAULT_STYLES
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.openapi.samples import SampleError, Sampler
from pytest_apitest.openapi.writing import (
    WritingError,
    written_cookies,
    written_header,
    written_path,
    written_query,
)
from pytest_apitest.scaffold.naming import pieces
from pytest_apitest.scaffold.operations import Operation, Operations, Parameter

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"})
_ENDINGS = {
    "application/json": "json",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/xml": "xml",
    "image/jpeg": "jpg",
    "image/svg+xml": "svg",
    "text/plain": "txt",
}
_KNOWN_ENDINGS = frozenset({"png", "gif", "csv", "html", "xml", "mp3", "mp4", "webp"})


class LeftOutError(Exception):
    """A step cannot be written.

    Args:
        message: why, without a final stop.

    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@data
class Body:
    """A body.

    Args:
        kind: `json`, `form`, `multipart` or `text`.
        value: what stands behind that key; references in texts are escaped.
        sent: the JSON value that is sent; None for other bodies.
        content_type: the header that it needs, or empty.
        members: places of the schemas of the members of a JSON object.

    """

    kind: str
    value: Any
    sent: Any = None
    content_type: str = ""
    members: Mapping[str, tuple[Pointer, ...]] = {}


@data
class InPath:
    """A parameter in a path.

    Args:
        before: what its style writes before a value.
        value: the value.
        text: all that stands in the path where no variable can hold the value, else empty.

    """

    before: str
    value: Any
    text: str


@record
class Contents:
    """What a request holds beside its path.

    Args:
        query: parameters by name.
        raw_query: parts of a query that are written as they are sent.
        headers: header lines by name.
        cookies: cookies by name.
        body: the body, or None.
        path: path parameters by name.

    """

    query: dict[str, Any] = field(default_factory=dict)
    raw_query: list[str] = field(default_factory=list)
    headers: dict[str, Any] = field(default_factory=dict)
    cookies: dict[str, Any] = field(default_factory=dict)
    body: Body | None = None
    path: dict[str, InPath] = field(default_factory=dict)


def literal(value: Any) -> Any:
    """Return a value whose texts hold no reference."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [literal(item) for item in value]
    if isinstance(value, dict):
        return {name: literal(item) for name, item in value.items()}
    return value


def text_of(value: Any) -> str:
    """Return a scalar as it stands in a URL or a header."""
    return value if isinstance(value, str) else dumps(value)


class Maker:
    """Makes what requests hold.

    Args:
        reader: reads the description.
        sampler: makes values of requests.

    """

    def __init__(self, reader: Operations, sampler: Sampler) -> None:
        self._reader = reader
        self._sampler = sampler
        self._known: dict[Pointer, Contents | str] = {}

    def makeable(self, operation: Operation) -> bool:
        """Tell whether a request can be made."""
        try:
            self.contents(operation)
        except LeftOutError:
            return False
        return True

    def types(self, places: Iterable[Pointer]) -> frozenset[str]:
        """Return the types that schemas of a request allow."""
        return self._sampler.types(places)

    def contents(self, operation: Operation) -> Contents:
        """Return what a request of an operation holds.

        Raises:
            LeftOutError: no request can be made.

        """
        if operation.pointer not in self._known:
            try:
                self._known[operation.pointer] = self._made(operation)
            except LeftOutError as error:
                self._known[operation.pointer] = error.message
        found = self._known[operation.pointer]
        if isinstance(found, str):
            raise LeftOutError(found)
        return found

    def _made(self, operation: Operation) -> Contents:
        if operation.servers:
            raise LeftOutError("it has servers of its own")
        made = Contents()
        for parameter in operation.parameters:
            if parameter.place == "querystring" and parameter.required:
                raise LeftOutError("its whole query is one value")
            if parameter.required and parameter.place in DEFAULT_STYLES:
                self._parameter(parameter, made)
        made.body = self._body(operation)
        return made

    # -- parameters -------------------------------------------------------------------------------------

    def _parameter(self, parameter: Parameter, made: Contents) -> None:
        value = self._value_of(parameter)
        called = f"the {parameter.place} parameter {parameter.name}"
        try:
            described = self._reader.described(parameter)
            if value is None and described.style is not None:
                raise LeftOutError(f"{called} is null")
            self._written(described, value, made)
        except WritingError as error:
            raise LeftOutError(f"{called} {error}") from None
        except UnusableError as error:
            raise LeftOutError(f"{called}: {error.message}") from None

    def _written(self, parameter: Described, value: Any, made: Contents) -> None:
        """Add a parameter in its style."""
        name, looks = parameter.name, self._reader.looks
        if parameter.place == "query":
            _query(made, parameter, value, written_query(parameter, value, looks))
        elif parameter.place == "path":
            made.path[name] = _in_path(parameter, value, written_path(parameter, value, looks))
        elif parameter.place == "header":
            text = written_header(parameter, value, looks)
            made.headers[name] = literal(value if _is_scalar(value) and as_text(value) == text else text)
        else:
            for key, text in written_cookies(parameter, value, looks).items():
                if not HEADER_NAME.fullmatch(key):
                    # The name of a cookie is a token, as that of a header (RFC 6265, section 4.1.1).
                    raise LeftOutError(f"the cookie parameter {name} has no name that can be sent")
                made.cookies[key] = literal(text)

    def _value_of(self, parameter: Parameter) -> Any:
        holder, pointer = parameter.value, parameter.pointer
        if (
            (parameter.place, parameter.name.lower()) == ("header", "if-match")
            and "schema" in holder
            and not self._examples(holder, pointer)
            and self._sampler.fits((*pointer, "schema"), "*")
        ):
            return "*"  # any state will do where nothing says which one it is (RFC 9110, section 13.1.1)
        as_json = False
        if "content" in holder:
            media = next(iter(holder["content"]), "")
            holder, pointer = self._reader.content(holder, pointer, media)
            as_json = media_type(media).is_json
        given = self._examples(holder, pointer) or (
            self._examples(parameter.value, parameter.pointer) if not as_json else []
        )
        try:
            if "schema" in holder:
                value = self._sampler.value((*pointer, "schema"), parameter.name, given)
            else:
                value = given[0] if given else " ".join(pieces(parameter.name)) or "text"
        except SampleError as error:
            raise LeftOutError(
                f"no value for the {parameter.place} parameter {parameter.name}: {error.message}"
            ) from None
        return value

    def _examples(self, holder: Mapping[str, Any], pointer: Pointer) -> list[Any]:
        found = [holder["example"]] if "example" in holder else []
        several = holder.get("examples")
        for name, written in (several if isinstance(several, Mapping) else {}).items():
            example, _ = self._reader.followed(written, (*pointer, "examples", name))
            found += (example[key] for key in ("dataValue", "value") if key in example)
        return found

    # -- bodies -----------------------------------------------------------------------------------------

    def _body(self, operation: Operation) -> Body | None:
        if operation.body is None:
            return None
        holder, pointer = operation.body
        required = holder.get("required") is True
        contents = holder.get("content")
        if (
            not isinstance(contents, Mapping)
            or not contents
            or (operation.method in _WITHOUT_BODY and not required)
        ):
            return None
        problem: LeftOutError | None = None
        for key in sorted(contents, key=_preference):
            try:
                value, at = self._reader.content(holder, pointer, key)
                if not required and "schema" not in value and not self._examples(value, at):
                    return None
                return self._body_of(key, value, at)
            except LeftOutError as error:
                problem = problem or error
        if required and problem is not None:
            raise problem
        return None

    def _body_of(self, key: str, value: Mapping[str, Any], at: Pointer) -> Body:
        sent = media_type(key)
        given = self._examples(value, at)
        schema = (*at, "schema") if "schema" in value else None
        if sent.is_json or sent.essence in ("*/*", "application/*"):
            sample = self._sample(schema, given, {})
            plain = sent.essence in ("application/json", "*/*", "application/*")
            return self._json(sample, "" if plain else key, schema)
        if sent.essence == FORM:
            return Body("form", self._form(self._sample(schema, given, {}), schema))
        if sent.essence == MULTIPART:
            sample = self._sample(schema, given, {})
            return Body("multipart", self._multipart(sample, schema, value))
        if not sent.is_text and sent.essence != "application/octet-stream" and not given:
            raise LeftOutError(f"no example for a body of the type {key}")
        sample = self._sample(schema, given, "text")
        if not isinstance(sample, str):
            sample = dumps(sample)
        return Body("text", literal(sample), None, "" if sent.essence in ("text/plain", "text/*") else key)

    def _sample(self, schema: Pointer | None, given: list[Any], default: Any) -> Any:
        if schema is None:
            return given[0] if given else default
        try:
            return self._sampler.value(schema, "", given)
        except SampleError as error:
            raise LeftOutError(f"no value for the body: {error.message}") from None

    def _json(self, sample: Any, content_type: str, schema: Pointer | None) -> Body:
        if _has_reference_in_names(sample):
            # A name cannot hold the sign of a reference, a text can.
            return Body("text", literal(dumps(sample)), None, content_type or "application/json")
        members = self._sampler.properties((schema,)) if schema is not None else {}
        return Body("json", literal(sample), sample, content_type, members)

    def _form(self, sample: Any, schema: Pointer | None) -> dict[str, Any]:
        if not isinstance(sample, dict):
            raise LeftOutError("the form is no object")
        fields = {name: _field(value) for name, value in sample.items() if value is not None}
        if not fields:
            # A form has a field; any will do where the schema does not mind.
            if schema is not None and not self._sampler.fits(schema, {"name": "text"}):
                raise LeftOutError("the form has no field")
            fields = {"name": "text"}
        if _has_reference_in_names(fields):
            raise LeftOutError("a name of the form holds ${")
        return literal(fields)  # type: ignore[no-any-return]

    def _multipart(self, sample: Any, schema: Pointer | None, holder: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(sample, dict) or not sample:
            raise LeftOutError("the form has no part")
        if _has_reference_in_names(dict.fromkeys(sample)):
            raise LeftOutError("a name of the form holds ${")
        members = self._sampler.properties((schema,)) if schema is not None else {}
        encoding = holder.get("encoding")
        parts: dict[str, Any] = {}
        for name, value in sample.items():
            rule = encoding.get(name) if isinstance(encoding, Mapping) else None
            written = rule.get("contentType") if isinstance(rule, Mapping) else None
            media = str(written).partition(",")[0].strip() if written else ""
            items = value if isinstance(value, list) else [value]
            made = [self._part(name, item, members.get(name, ()), media) for item in items]
            if made:
                parts[name] = made[0] if len(made) == 1 else made
        return parts

    def _part(self, name: str, value: Any, places: tuple[Pointer, ...], media: str) -> Any:
        written = self._sampler.keyword(places, "contentMediaType")
        binary = self._sampler.keyword(places, "format") == "binary" or written is not None
        sent = media_type(media or (written if isinstance(written, str) else ""))
        if isinstance(value, dict) or (isinstance(value, list) and sent.essence in ("", "application/json")):
            return {"json": literal(value)}
        text = literal(text_of(value))
        if binary or (sent.essence and not sent.is_text and not sent.is_json):
            essence = _concrete(sent)
            stem = "-".join(pieces(name)) or "file"
            return {"text": text, "filename": f"{stem}.{_ending(essence)}", "content_type": essence}
        return {"text": text, "content_type": media} if media else text


def _query(made: Contents, parameter: Described, value: Any, pieces: list[str]) -> None:
    """Add a parameter of the query: by name and value where that is sent as these pieces, else as they are."""
    leaves = [unquote(pieces[0].partition("=")[2])] if parameter.style is None else _leaves(value)
    named: dict[str, list[Any]] = {}
    plain = len(leaves) == len(pieces)
    for piece, leaf in zip(pieces, leaves, strict=False):
        left, _, text = piece.partition("=")
        name = unquote(left)
        plain = plain and _is_sent_as(leaf, text) and "${" not in name and name not in made.query
        named.setdefault(name, []).append(literal(leaf))
    if not plain:
        made.raw_query += pieces
        return
    for name, items in named.items():
        made.query[name] = items if isinstance(value, list) or len(items) > 1 else items[0]


def _in_path(parameter: Described, value: Any, text: str) -> InPath:
    style = parameter.style.style if parameter.style is not None else ""
    before = {"label": ".", "matrix": f";{quote(parameter.name, safe='')}="}.get(style, "")
    shown = unquote(text) if parameter.style is None else value
    plain = text.startswith(before) and _is_sent_as(shown, text.removeprefix(before))
    return InPath(before, shown, "" if plain else text)


def _is_scalar(value: Any) -> bool:
    return value is not None and not isinstance(value, dict | list)


def _is_sent_as(value: Any, text: str) -> bool:
    """Tell whether a value that a document gives for a name is sent as this text."""
    return _is_scalar(value) and quote(as_text(value), safe="") == text


def _leaves(value: Any) -> list[Any]:
    """Return the scalars of a value, in its order."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [leaf for one in inner for leaf in _leaves(one)]
    return [value]


def _nested(items: list[Any]) -> bool:
    return any(isinstance(item, dict | list) or item is None for item in items)


def _field(value: Any) -> Any:
    """Return a field of a form: a scalar, a list of scalars, JSON for anything else."""
    if isinstance(value, list) and value and not _nested(value):
        return value
    return dumps(value) if isinstance(value, dict | list) else value


def _preference(key: str) -> tuple[int, str]:
    sent = media_type(key)
    if sent.essence == "application/json":
        return 0, ""
    ranks = ((sent.is_json, 1), (sent.essence == FORM, 2), (sent.essence == MULTIPART, 3), (sent.is_text, 4))
    rank = next((rank for holds, rank in ranks if holds), 5 if "*" not in key else 6)
    return rank, "" if sent.essence == "text/plain" else key


def _concrete(sent: MediaType) -> str:
    if "*" in sent.essence or "/" not in sent.essence:
        return "image/png" if sent.essence.startswith("image/") else "application/octet-stream"
    return sent.essence


def _ending(essence: str) -> str:
    kind = essence.partition("/")[2]
    return _ENDINGS.get(essence, kind if kind in _KNOWN_ENDINGS else "bin")


def _has_reference_in_names(value: Any) -> bool:
    if isinstance(value, dict):
        return any("${" in name or _has_reference_in_names(item) for name, item in value.items())
    return isinstance(value, list) and any(map(_has_reference_in_names, value))
