"""The verdict on exchanges, ours and that of openapi-core, on one table of cases.

Where they differ, the row says why; a row that says so and does not differ any more fails too.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openapi_core
import pytest
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from pytest_apitest.openapi.contract import Contract
from pytest_apitest.openapi.description import read_description
from tests.unit.openapi.described import JSON, exchange

_PET: dict[str, Any] = {
    "type": "object",
    "required": ["kind", "id"],
    "properties": {"kind": {"type": "string"}, "id": {"type": "integer"}},
}
_SCHEMAS = {
    "Cat": {**_PET, "properties": {**_PET["properties"], "lives": {"type": "integer"}}},
    "Dog": {**_PET, "properties": {**_PET["properties"], "barks": {"type": "boolean"}}},
    "Animal": {**_PET, "discriminator": {"propertyName": "kind", "mapping": {"b": "Bird"}}},
    "Bird": {
        "allOf": [{"$ref": "#/components/schemas/Animal"}, {"properties": {"eggs": {"type": "integer"}}}]
    },
    "Needs": {"type": "object", "required": ["id", "name"]},
    "Hides": {"properties": {"id": {"type": "integer", "readOnly": True}, "name": {"type": "string"}}},
}
_ANIMAL = {"$ref": "#/components/schemas/Animal"}
_TOGETHER = {"allOf": [{"$ref": "#/components/schemas/Needs"}, {"$ref": "#/components/schemas/Hides"}]}
_BY_KIND = {
    "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
    "discriminator": {"propertyName": "kind"},
}
_MAPPED = {
    **_BY_KIND,
    "discriminator": {"propertyName": "kind", "mapping": {"c": "#/components/schemas/Cat", "d": "Dog"}},
}
_SECRET = {
    "type": "object",
    "required": ["id", "name", "password"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string"},
        "password": {"type": "string", "writeOnly": True},
    },
}


@dataclass(frozen=True)
class Row:
    """An exchange and a description.

    Args:
        what: what it is about.
        fits: our verdict.
        reason: why openapi-core says something else; empty when it agrees.

    """

    what: str
    fits: bool
    schema: Any = None
    value: Any = None
    version: str = "3.1.0"
    operation: Any = None
    path: str = "/a"
    template: str = "/a"
    method: str = "GET"
    status: int = 200
    content_type: str = JSON
    described: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    sent: Any = None
    sent_schema: Any = None
    sent_type: str = JSON
    of_request: bool = False
    parameters: list[Any] = field(default_factory=list)
    sent_headers: tuple[tuple[str, str], ...] = ()
    response_headers: Any = None
    reason: str = ""

    def description(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"description": "d"}
        if self.schema is not None:
            answer["content"] = {self.described: {"schema": self.schema}}
        if self.response_headers:
            answer["headers"] = self.response_headers
        operation: dict[str, Any] = {"responses": {"200": answer}} | (self.operation or {})
        if self.parameters:
            operation["parameters"] = self.parameters
        if self.sent_schema is not None:
            operation["requestBody"] = {"required": True, "content": {JSON: {"schema": self.sent_schema}}}
        return {
            "openapi": self.version,
            "info": {"title": "t", "version": "1"},
            "servers": [{"url": "http://127.0.0.1:8000"}],
            "paths": {self.template: {self.method.lower() if self.method != "PATCH" else "get": operation}},
            "components": {"schemas": _SCHEMAS},
        }


def value(what: str, schema: Any, got: Any, *, fits: bool, version: str = "3.1.0", reason: str = "") -> Row:
    return Row(what, fits, schema, got, version, reason=reason)


def query(what: str, text: str, fits: bool, reason: str = "", **parameter: Any) -> Row:
    given = {"name": "q", "in": "query", **parameter}
    return Row(what, fits, path=f"/a?{text}", parameters=[given], of_request=True, reason=reason)


_INTEGERS = {"type": "array", "items": {"type": "integer"}}
_POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}

_NUMBERS = {"schema": _INTEGERS}
_DEEP = {"type": "object", "properties": {"x": _INTEGERS}}
_CONTENT = "what a text holds is not looked at"
_XML = "its values are compared with the schema: that of an empty element is a text"
_ONCE = "of several values the last is read"
_BARE = "a parameter that is not in its style counts as not sent"
_PARENT = "only a discriminator beside oneOf or anyOf is looked at"

ROWS = [
    # schemas of answers
    value("an object", _PET, {"kind": "x", "id": 1}, fits=True),
    value("a missing property", _PET, {"kind": "x"}, fits=False),
    value("a wrong type", _PET, {"kind": "x", "id": "1"}, fits=False),
    value("a boolean is no integer", {"type": "integer"}, True, fits=False),
    value("1.0 is an integer", {"type": "integer"}, 1.0, fits=True),
    value("additionalProperties", {**_PET, "additionalProperties": False}, {"kind": "x", "id": 1, "n": 1}, fits=False),
    value("3.0 nullable", {"type": "string", "nullable": True}, None, fits=True, version="3.0.3"),
    value("3.0 not nullable", {"type": "string"}, None, fits=False, version="3.0.3"),
    value("3.0 exclusiveMinimum", {"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 1, fits=False, version="3.0.3"),
    value("3.0 exclusiveMinimum false", {"type": "integer", "minimum": 1, "exclusiveMinimum": False}, 1, fits=True, version="3.0.3"),
    value("3.1 exclusiveMinimum", {"type": "integer", "exclusiveMinimum": 1}, 1, fits=False),
    value("3.1 type list", {"type": ["integer", "null"]}, None, fits=True),
    value("3.1 const", {"const": "a"}, "b", fits=False),
    value("3.2", {"type": "integer"}, "x", fits=False, version="3.2.0"),
    value("enum", {"enum": ["a", "b"]}, "c", fits=False),
    value("pattern", {"type": "string", "pattern": "^a+$"}, "b", fits=False),
    value("array", _INTEGERS, [1, 2], fits=True),
    value("array of the wrong", _INTEGERS, [1, "2"], fits=False),
    value("uniqueItems", {"type": "array", "items": {}, "uniqueItems": True}, [1, 1], fits=False),
    value("allOf", {"allOf": [_PET, {"required": ["n"]}]}, {"kind": "x", "id": 1}, fits=False),
    value("anyOf", {"anyOf": [{"type": "string"}, {"type": "integer"}]}, 1, fits=True),
    value("oneOf, both", {"oneOf": [{"type": "number"}, {"type": "integer"}]}, 1, fits=False),
    value("not", {"not": {"type": "string"}}, "x", fits=False),
    value("date-time", {"type": "string", "format": "date-time"}, "2024-13-01T00:00:00Z", fits=False),
    value("date", {"type": "string", "format": "date"}, "2024-02-30", fits=False),
    value("uuid", {"type": "string", "format": "uuid"}, "x", fits=False),
    value("uri", {"type": "string", "format": "uri"}, "no uri", fits=False, reason="the format uri is only checked with packages that are not installed with it"),
    value("int32", {"type": "integer", "format": "int32"}, 2**31, fits=False),
    value("int32 in 3.0", {"type": "integer", "format": "int32"}, 2**31, fits=False, version="3.0.3"),
    value("byte", {"type": "string", "format": "byte"}, "aGk", fits=False, version="3.0.3"),
    value("a format that nobody knows", {"type": "string", "format": "shoe-size"}, "x", fits=True),
    value("discriminator", _BY_KIND, {"kind": "Cat", "id": 1, "lives": "many"}, fits=False, version="3.0.3"),
    value("discriminator of a name that is not known", _BY_KIND, {"kind": "Cow", "id": 1}, fits=False, version="3.0.3"),
    value("discriminator where both fit", _BY_KIND, {"kind": "Cat", "id": 1}, fits=True, version="3.0.3"),
    value("3.0 writeOnly", _SECRET, {"id": 1, "name": "n", "password": "p"}, fits=False, version="3.0.3"),
    value("3.0 required but writeOnly", _SECRET, {"id": 1, "name": "n"}, fits=True, version="3.0.3"),
    value("3.0 binary", {"type": "string", "format": "binary"}, "\x00", fits=True, version="3.0.3"),
    value("3.1 contentEncoding", {"type": "string", "contentEncoding": "base64"}, "aGk", fits=False, reason=_CONTENT),
    value("3.1 contentMediaType", {"contentMediaType": "application/json"}, "{", fits=False, reason=_CONTENT),
    value("uint8", {"format": "uint8"}, 256, fits=False, reason="only the formats of the specification itself are known"),
    value("discriminator by a mapped reference", _MAPPED, {"kind": "c", "id": 1, "lives": "many"}, fits=False, version="3.0.3"),
    value("discriminator by a mapped name", _MAPPED, {"kind": "d", "id": 1, "barks": 1}, fits=False, version="3.0.3"),
    value("discriminator of a parent", _ANIMAL, {"kind": "Bird", "id": 1, "eggs": 2}, fits=True, version="3.0.3"),
    value("discriminator of a parent, a wrong child", _ANIMAL, {"kind": "Bird", "id": 1, "eggs": "two"}, fits=False, version="3.0.3", reason=_PARENT),
    value("discriminator of a parent, by mapping", _ANIMAL, {"kind": "b", "id": 1, "eggs": "two"}, fits=False, version="3.0.3", reason=_PARENT),
    value("discriminator of a parent, nobody's name", _ANIMAL, {"kind": "Cow", "id": 1}, fits=False, version="3.0.3", reason=_PARENT),
    # what is described
    Row("an unknown path", False, path="/b", of_request=True),
    Row("a final slash", False, path="/a/", of_request=True),
    Row("an unknown method", False, method="PATCH", of_request=True),
    Row("an unknown status", False, status=500),
    Row("a status of a class", True, status=404, operation={"responses": {"4XX": {"description": "d"}}}),
    Row("default", True, status=404, operation={"responses": {"default": {"description": "d"}}}),
    Row("a literal before a template", True, path="/a/me", template="/a/me", of_request=True),
    # media types
    Row("a charset", True, _PET, {"kind": "x", "id": 1}, content_type="application/json; charset=utf-8"),
    Row("another media type", False, _PET, b"kind: x", content_type="application/yaml"),
    Row("a range", True, {"type": "string"}, b"x", content_type="text/csv", described="text/*", reason="only text/plain and text/html are read as text"),
    Row("text", True, {"type": "string"}, b"x", content_type="text/plain", described="text/plain"),
    Row("problem+json", True, {"type": "object"}, {"title": "t"}, content_type="application/problem+json", described="application/problem+json", reason="+json is not read as JSON"),
    Row("a body that is no JSON", False, _PET, b"{"),
    # headers of answers
    Row("a header", True, headers=(("X-Rate", "7"),), response_headers={"X-Rate": {"schema": {"type": "integer"}}}),
    Row("a wrong header", False, headers=(("X-Rate", "x"),), response_headers={"X-Rate": {"schema": {"type": "integer"}}}),
    Row("a missing header", False, response_headers={"X-Rate": {"required": True, "schema": {"type": "integer"}}}),
    Row("a header with a list", True, headers=(("X-Rate", "7,8"),), response_headers={"X-Rate": _NUMBERS}),
    Row("a header with a wrong list", False, headers=(("X-Rate", "7,x"),), response_headers={"X-Rate": _NUMBERS}),
    Row("a header with an object", True, headers=(("X-Rate", "x,7"),), response_headers={"X-Rate": {"schema": _POINT}}),
    Row("a header with a wrong object", False, headers=(("X-Rate", "x,y"),), response_headers={"X-Rate": {"schema": _POINT}}),
    Row("a header with an exploded object", True, headers=(("X-Rate", "x=7"),), response_headers={"X-Rate": {"schema": _POINT, "explode": True}}),
    # other bodies
    Row("XML", True, {"type": "object"}, b"<a/>", content_type="application/xml", described="application/xml", reason=_XML),
    Row("XML that is not well-formed", False, {"type": "object"}, b"<a>", content_type="application/xml", described="application/xml"),
    # parameters
    query("an integer twice", "q=1&q=2", False, _ONCE, schema={"type": "integer"}),
    query("a text twice", "q=a&q=b", False, _ONCE, schema={"type": "string"}),
    query("JSON twice", "q=%5B1%5D&q=%5B2%5D", False, _ONCE, content={JSON: _NUMBERS}),
    query("a list with commas, twice", "q=1,2&q=3", False, _ONCE, explode=False, schema=_INTEGERS),
    query("a list with pipes, twice", "q=1&q=2", False, _ONCE, explode=False, style="pipeDelimited", schema=_INTEGERS),
    query("a text for deepObject", "q=1", False, _BARE, explode=True, style="deepObject", schema=_POINT),
    query("a text for an object", "q=x", False, "a name without a value is left out", explode=False, schema={"type": "object"}),
    query("a text for an object whose members stand apart", "q=x", False, schema=_POINT),
    query("JSON", "q=%5B1%5D", True, content={JSON: _NUMBERS}),
    query("wrong JSON", "q=%5B%22a%22%5D", False, content={JSON: _NUMBERS}),
    query("no JSON", "q=%5B", False, content={JSON: _NUMBERS}),
    query("deepObject with a list", "q[x]=1&q[x]=2", True, "a name in brackets is read once", explode=True, style="deepObject", schema=_DEEP),
    query("deepObject with a wrong list", "q[x]=1&q[x]=a", False, explode=True, style="deepObject", schema=_DEEP),
    query("an integer", "q=1", True, schema={"type": "integer"}),
    query("no integer", "q=x", False, schema={"type": "integer"}),
    query("missing", "", False, required=True, schema={"type": "integer"}),
    query("optional", "", True, schema={"type": "integer"}),
    query("a boolean", "q=true", True, schema={"type": "boolean"}),
    query("no boolean", "q=maybe", False, schema={"type": "boolean"}),
    query("a yes", "q=yes", False, schema={"type": "boolean"}, reason="yes and 1 are read as true"),
    query("a list", "q=1&q=2", True, schema=_INTEGERS),
    query("a wrong list", "q=1&q=x", False, schema=_INTEGERS),
    query("a list with commas", "q=1,2", True, explode=False, schema=_INTEGERS),
    query("a list with pipes", "q=1|2", True, explode=False, style="pipeDelimited", schema=_INTEGERS),
    query("a list with blanks", "q=1%20x", False, explode=False, style="spaceDelimited", schema=_INTEGERS),
    query("deepObject", "q[x]=1", True, explode=True, style="deepObject", schema=_POINT),
    query("a wrong deepObject", "q[x]=a", False, explode=True, style="deepObject", schema=_POINT),
    query("an enumeration", "q=c", False, schema={"type": "string", "enum": ["a", "b"]}),
    query("a parameter that nobody knows", "r=1", True, schema={"type": "integer"}),
    Row("a path parameter", True, path="/a/7", template="/a/{id}", parameters=[{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}], of_request=True),
    Row("a wrong path parameter", False, path="/a/x", template="/a/{id}", parameters=[{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}], of_request=True),
    Row("a header parameter", False, parameters=[{"name": "X-A", "in": "header", "required": True, "schema": {"type": "integer"}}], sent_headers=(("X-A", "x"),), of_request=True),
    Row("a missing header parameter", False, parameters=[{"name": "X-A", "in": "header", "required": True, "schema": {"type": "integer"}}], of_request=True),
    # request bodies
    Row("a request body", True, method="POST", sent={"kind": "x", "id": 1}, sent_schema=_PET, of_request=True),
    Row("a wrong request body", False, method="POST", sent={"kind": "x"}, sent_schema=_PET, of_request=True),
    Row("a missing request body", False, method="POST", sent_schema=_PET, of_request=True),
    Row("a request body of another type", False, method="POST", sent=b"x", sent_type="text/plain", sent_schema=_PET, of_request=True),
    Row("a request body where none is described", False, method="POST", sent={"a": 1}, of_request=True, reason="a body that is not described is not looked at"),
    Row("3.0 readOnly", False, method="POST", sent={"id": 1, "name": "n", "password": "p"}, sent_schema=_SECRET, of_request=True, version="3.0.3"),
    Row("required and readOnly in two parts", True, method="POST", sent={"name": "n"}, sent_schema=_TOGETHER, of_request=True, version="3.0.3", reason="required is relieved only in the schema that declares the property"),
    Row("readOnly in another part, sent", False, method="POST", sent={"id": 1, "name": "n"}, sent_schema=_TOGETHER, of_request=True, version="3.0.3"),
    Row("3.0 required but readOnly", True, method="POST", sent={"name": "n", "password": "p"}, sent_schema=_SECRET, of_request=True, version="3.0.3"),
]  # fmt: skip


@dataclass
class Asked:
    """A request as openapi-core sees it."""

    path: str
    method: str
    parameters: RequestParameters
    body: bytes | None
    content_type: str
    host_url: str = "http://127.0.0.1:8000"


@dataclass
class Answered:
    """A response as openapi-core sees it."""

    data: bytes
    status_code: int
    content_type: str
    headers: Headers


def fits_openapi_core(row: Row) -> bool:
    config = openapi_core.Config(spec_validator_cls=None)  # type: ignore[arg-type]
    core = openapi_core.OpenAPI.from_dict(row.description(), config=config)
    split = urlsplit(row.path)
    parameters = RequestParameters(
        query=ImmutableMultiDict(parse_qsl(split.query, keep_blank_values=True)),
        header=Headers(row.sent_headers),
    )
    sent = row.sent if isinstance(row.sent, bytes) or row.sent is None else json.dumps(row.sent).encode()
    request = Asked(
        split.path, row.method.lower(), parameters, sent, row.sent_type if sent is not None else ""
    )
    data = row.value if isinstance(row.value, bytes) else json.dumps(row.value).encode()
    try:
        if row.of_request:
            core.validate_request(request)
        else:
            core.validate_response(
                request, Answered(data, row.status, row.content_type, Headers(row.headers))
            )
    except OpenAPIError:
        return False
    return True


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_the_verdict_is_that_of_openapi_core(row: Row) -> None:
    contract = Contract(read_description(json.dumps(row.description()).encode(), "api.json"))
    data = row.value if isinstance(row.value, bytes) else json.dumps(row.value).encode()
    got = exchange(
        row.method,
        row.path,
        row.status,
        data,
        row.content_type,
        row.headers,
        row.sent,
        row.sent_type,
        row.sent_headers,
    )
    found = [one for one in contract.violations(got) if not one.warning]
    if row.of_request:
        found = [one for one in found if one.side == "request"]
    assert (not found) is row.fits, found
    assert (fits_openapi_core(row) is row.fits) is (not row.reason), row.reason
