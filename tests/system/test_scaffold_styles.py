"""What `apitest init` writes for parameters, over the wire: every style and kind of value, read by the contract."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pytest_apitest.openapi.contract import Contract
from pytest_apitest.openapi.decoding import decoded
from pytest_apitest.openapi.description import read_description
from pytest_apitest.openapi.parameters import cookie_pairs, query_pairs
from pytest_apitest.scaffold.command import Request, run, scenarios
from tests.harness import Bench, bench_in
from tests.unit.openapi.test_writing import KINDS, STYLES

# Parameters with `content` are JSON in every place.
JSON = "json"
IN_JSON = [(place, JSON, False) for place in ("path", "query", "header", "cookie")]
TEXT = "a.b/c%20é ~+&=?#|;$!"
VALUES: dict[str, Any] = {
    "text": TEXT,
    "number": 3,
    "boolean": True,
    "texts": ["3", TEXT, "4.5"],
    "numbers": [3, 4],
    "object": {"R": 1, "a b": "x y", "äö[]": TEXT, "t": True},
    "free": {"x": "1", "y": "a b"},
    "deep": {"tags": [1, 2], "a&b": "a b"},
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


def writable(kind: str, place: str, style: str) -> Any:
    """Return a value of a kind without what a style cannot say."""
    without = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(style, "")
    if place == "header":
        without = ",=é"

    def cleaned(text: str) -> str:
        return "".join(one for one in text if one not in without)

    value = VALUES[kind]
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, list):
        return [cleaned(one) if isinstance(one, str) else one for one in value]
    if isinstance(value, dict):
        fitting = place not in ("header", "cookie")
        return {
            cleaned(name): cleaned(one) if isinstance(one, str) else one
            for name, one in value.items()
            # A name of a cookie is a token; an object in one or in a header has plain names.
            if fitting or name.isidentifier()
        }
    return value


def described(place: str, style: str, explode: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a description with an operation for each kind of value, and the values by the names of the kinds."""
    values: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for kind, schema in KINDS.items():
        # Of all styles only deepObject writes lists in objects, and it writes no lists.
        if kind in (("texts", "numbers") if style == "deepObject" else ("deep",)):
            continue
        values[kind] = writable(kind, place, style)
        holder = {"schema": schema, "example": values[kind]}
        one = {"name": "p", "in": place, "required": True}
        one |= (
            {"content": {"application/json": holder}}
            if style == JSON
            else {"style": style, "explode": explode, **holder}
        )
        path = f"/{kind}/{{p}}" if place == "path" else f"/{kind}"
        operation = {
            "tags": ["all"],
            "parameters": [one],
            "responses": {"200": {"description": "d"}},
        }
        paths[path] = {"get": operation}
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths}, values


@pytest.mark.parametrize(("place", "style", "explode"), [*STYLES, *IN_JSON])
def test_values_arrive_in_the_style_of_their_parameter(
    bench: Bench, place: str, style: str, explode: bool
) -> None:
    got: dict[str, web.Request] = {}

    async def answer(request: web.Request) -> web.Response:
        got[request.raw_path.split("/")[1].partition("?")[0]] = request
        return web.Response()

    url = bench.serve(("GET", "/{path:.*}", answer))
    value, sent = described(place, style, explode)
    file = bench.folder / "api.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    assert run(Request(str(file), str(bench.folder), url, None, force=False))[0] == 0
    text = (bench.folder / "all.apitest.yaml").read_text(encoding="utf-8")
    assert "Left out" not in text
    ran = bench.run(text)
    assert ran.messages == []
    assert ran.outcomes == ["passed"]
    contract = Contract(read_description(file, "api.json"))
    found = {kind: read(contract, request, place) for kind, request in got.items()}
    assert found == sent


def read(contract: Contract, request: web.Request, place: str) -> Any:
    """Return the value of the parameter of a request as the contract reads it."""
    path, _, query = request.raw_path.partition("?")
    there = contract.operations.path(path, "")
    assert there is not None
    operation = contract.operations.of(there.template, "GET")
    assert operation is not None
    lines = tuple((name.decode(), value.decode()) for name, value in request.raw_headers)
    by_place = {
        "path": there.parameters.get("p"),
        "query": query_pairs(query),
        "header": request.headers.get("p"),
        "cookie": cookie_pairs(lines),
    }
    return decoded(operation.parameters[0], by_place[place], contract._library.looks)


THINGS = """
openapi: 3.1.0
info: {title: t, version: '1'}
paths:
  /things:
    post:
      responses:
        "201":
          description: d
          content: {application/json: {schema: {type: object, properties: {id: {type: string}}}}}
  /things/{id}:
    parameters: [{name: id, in: path, required: true, style: STYLE, schema: {type: string}}]
    get: {responses: {"200": {description: d}}}
  /rooms/{room}:
    parameters: [{name: room, in: path, required: true, style: STYLE, schema: {type: string, example: a b}}]
    get: {tags: [things], responses: {"200": {description: d}}}
"""


@pytest.mark.parametrize(
    ("style", "thing", "room"), [("label", ".7", ".a%20b"), ("matrix", ";id=7", ";room=a%20b")]
)
def test_what_a_variable_holds_is_in_the_style_too(bench: Bench, style: str, thing: str, room: str) -> None:
    got: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        got.append(request.raw_path)
        if request.method == "POST":
            return web.json_response({"id": "7"}, status=201)
        return web.Response()

    url = bench.serve(("*", "/{path:.*}", answer))
    bench.write(THINGS.replace("STYLE", style), "api.yaml")
    assert run(Request(str(bench.folder / "api.yaml"), str(bench.folder), url, None, force=False))[0] == 0
    ran = bench.run((bench.folder / "things.apitest.yaml").read_text(encoding="utf-8"))
    assert ran.outcomes == ["passed"], ran.messages
    assert got == ["/things", f"/things/{thing}", f"/rooms/{room}"]


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [
        (
            '{"in": "query", "style": "spaceDelimited", "explode": false, "example": ["a b"], "schema": {"type": "array"}}',
            "the query parameter p holds a blank, which stands between the parts of spaceDelimited",
        ),
        (
            '{"in": "header", "example": ["a,b"], "schema": {"type": "array"}}',
            "the header parameter p holds a comma, which stands between the parts of a header",
        ),
        (
            '{"in": "query", "example": [], "schema": {"type": "array"}}',
            "the query parameter p is an empty list: leave it out, or write one value",
        ),
        (
            '{"in": "cookie", "example": {"a b": "c"}, "schema": {"type": "object"}}',
            "the cookie parameter p has no name that can be sent",
        ),
    ],
    ids=["blank", "comma", "empty", "cookie"],
)
def test_what_a_style_cannot_write_is_left_out_and_why_is_said(parameter: str, reason: str) -> None:
    one = {"name": "p", "required": True, **json.loads(parameter)}
    operation = {"parameters": [one], "responses": {"200": {"description": "d"}}}
    value = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": operation}}}
    made, lost = scenarios(read_description(json.dumps(value).encode(), "a.json"), "a.json", None, None)
    assert made == []
    assert lost == [f"GET /a: {reason}"]
