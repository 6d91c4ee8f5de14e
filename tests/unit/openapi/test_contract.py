"""Exchanges against descriptions: paths, statuses, media types, headers, parameters, bodies."""

from typing import Any

import pytest

from pytest_apitest.openapi.contract import Contract, ContractError, Exchange
from pytest_apitest.openapi.description import read_description
from tests.unit.openapi.described import contract, exchange, told

ANSWERS = """
/a:
  get:
    responses:
      200:
        description: d
        headers:
          X-Rate: {required: true, schema: {type: integer, minimum: 0}}
          X-List: {schema: {type: array, items: {type: integer}}}
          X-Object: {schema: {type: object, required: [r], properties: {r: {type: integer}}}}
          X-Json: {content: {application/json: {schema: {type: object}}}}
          Set-Cookie: {schema: {type: string, pattern: "^[ab]="}}
          Content-Type: {required: true, schema: {type: integer}}
        content:
          application/json: {schema: {type: object, required: [id]}}
          application/json;v=2: {schema: {type: object, required: [two]}}
          text/plain: {schema: {type: integer}}
          text/*: {schema: {type: string, maxLength: 3}}
          image/png: {schema: {type: string, format: binary}}
      4XX: {$ref: "#/components/responses/Problem"}
      404: {description: gone}
      default: {description: other, content: {"*/*": {}}}
  head: {responses: {200: {description: d, headers: {X-Rate: {required: true, schema: {type: integer}}}, content: {application/json: {schema: {type: object}}}}}}
  put: {responses: {204: {description: d, content: {application/json: {schema: {type: object}}}}}}
/b: {$ref: "#/components/pathItems/B"}
/broken: {get: {responses: {200: {$ref: "#/components/responses/Nothing"}}}}
/loop: {$ref: "#/paths/~1loop"}
/text: {get: hello}
"""
PROBLEM = {
    "description": "p",
    "content": {"application/problem+json": {"schema": {"type": "object", "required": ["title"]}}},
}
COMPONENTS = {
    "responses": {"Problem": PROBLEM},
    "pathItems": {"B": {"get": {"responses": {"200": {"description": "d"}}}}},
}
OF_ANSWERS = contract(ANSWERS, components=COMPONENTS)
RATE = (("x-rate", "7"),)


def answer(*headers: tuple[str, str], **given: Any) -> Exchange:
    return exchange(**{"body": {"id": 1}, "headers": (*RATE, *headers), **given})


@pytest.mark.parametrize(
    ("got", "found"),
    [
        (answer(), []),
        # what the description does not know
        (answer(path="/tex"), ['path request: the path "/tex" is not described; did you mean "/text"?']),
        (answer(method="PATCH"), ["method request: PATCH /a is not described; there are GET, HEAD, PUT"]),
        (answer(method="get"), ["method request: get /a is not described; there are GET, HEAD, PUT"]),
        (answer(method="PUT", status=200), ["status response: status 200 is not described; there are 204"]),
        (answer(path="/b"), []),
        # statuses
        (answer(status=404, body=b"x", content_type="text/html"), []),
        (answer(status=409, body={"title": "t"}, content_type="application/problem+json"), []),
        (answer(status=409, body={}, content_type="application/problem+json; charset=utf-8"), ["body response $.title: missing"]),
        (answer(status=500, body=b"<html>", content_type="text/html"), []),
        (answer(method="HEAD", body=b"", content_type=None), []),
        (answer(method="HEAD", body=b"", content_type=None, headers=()), ["header response header X-Rate: missing, it is required"]),
        (answer(method="PUT", status=204, body=b"", content_type=None), []),
        # media types
        (answer(content_type="Application/JSON; charset=UTF-8"), []),
        (answer(content_type="application/json; v=2"), ["body response $.two: missing"]),
        (answer(content_type="application/hal+json"), ['content-type response: expected the content type application/json or application/json;v=2 or text/plain or text/* or image/png, got "application/hal+json"']),
        (answer(content_type=None), ["content-type response: expected the content type application/json or application/json;v=2 or text/plain or text/* or image/png, got no Content-Type"]),
        (answer(status=409), ['content-type response: expected the content type application/problem+json, got "application/json"']),
        (answer(body=b"7", content_type="text/plain"), []),
        (answer(body=b"x", content_type="text/plain"), ['body response $: expected integer, got "x" (text)']),
        (answer(body=b"abcd", content_type="text/csv"), ['body response $: expected at most 3 characters, got 4: "abcd"']),
        (answer(body=b"\xff", content_type="text/csv"), ["body response: the body cannot be read: byte 0 is not utf-8"]),
        (answer(body=b"\xff", content_type="text/csv; charset=latin-1"), []),
        (answer(body=b"\x89PNG", content_type="image/png"), []),
        (answer(body=b"{"), ["body response: the body is no JSON: line 1, column 2: it ends early"]),
        # headers
        (answer(headers=(("x-rate", "-1"),)), ["header response header X-Rate: expected at least 0, got -1"]),
        (answer(headers=(("x-rate", "1.5"),)), ["header response header X-Rate: expected integer, got 1.5 (number)"]),
        (answer(headers=(("x-rate", "x"),)), ['header response header X-Rate: expected integer, got "x" (text)']),
        (answer(headers=()), ["header response header X-Rate: missing, it is required"]),
        (answer(("X-List", "1, 2"), ("x-list", "3")), []),
        (answer(("X-List", "1,b")), ['header response header X-List at [1]: expected integer, got "b" (text)']),
        (answer(("X-Object", "r,1,g,2")), []),
        (answer(("X-Object", "g,2")), ["header response header X-Object at .r: missing"]),
        (answer(("X-Json", '{"a": 1}')), []),
        (answer(("X-Json", "[")), ["header response header X-Json: is no JSON: line 1, column 2: it ends early"]),
        (answer(("Set-Cookie", "a=1, b"), ("Set-Cookie", "b=2")), []),
        (answer(("Set-Cookie", "a=1"), ("Set-Cookie", "c=2")), ['header response header Set-Cookie: expected a match of ^[ab]=, got "c=2"']),
        # the description is wrong
        (answer(path="/broken"), ['description: the description cannot be used: $ref "#/components/responses/Nothing" leads to nothing']),
        (answer(path="/loop"), ["description: the description cannot be used: refers to itself without end"]),
        (answer(path="/text"), ["description: the description cannot be used: an operation is an object"]),
    ],
)  # fmt: skip
def test_what_is_said_of_an_answer(got: Exchange, found: list[str]) -> None:
    for _ in range(2):  # the second time from what was kept
        assert told(OF_ANSWERS.violations(got)) == found
    assert told(OF_ANSWERS.violations(got, part="response")) == found


PARAMETERS = """
/p/{id}:
  parameters:
    - {name: id, in: path, required: true, schema: {type: integer}}
    - {name: size, in: query, schema: {type: string, enum: [never]}}
  get:
    parameters:
      - {name: size, in: query, schema: {type: integer, maximum: 9}}
      - {name: q, in: query, required: true, schema: {type: string}}
      - {name: tags, in: query, schema: {type: array, items: {type: integer}}}
      - {name: list, in: query, explode: false, schema: {type: array, items: {type: integer}}}
      - {name: blanks, in: query, style: spaceDelimited, explode: false, schema: {type: array, maxItems: 2, items: {type: string}}}
      - {name: pipes, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: integer}}}
      - {name: deep, in: query, style: deepObject, explode: true, schema: {type: object, properties: {a: {type: integer}, b: {type: array, items: {type: integer}}}, additionalProperties: false}}
      - {name: flat, in: query, explode: false, schema: {type: object, properties: {x: {type: integer}}}}
      - {name: apart, in: query, schema: {type: object, properties: {lat: {type: number}, lon: {type: number}}, required: [lat, lon]}}
      - {name: flag, in: query, schema: {type: boolean}}
      - {name: empty, in: query, allowEmptyValue: true, schema: {type: integer}}
      - {name: filter, in: query, content: {application/json: {schema: {type: object, required: [f]}}}}
      - {name: either, in: query, schema: {anyOf: [{type: integer}, {type: string, enum: [all]}]}}
      - {name: free, in: query, schema: {minimum: 1}}
      - {name: X-Point, in: header, schema: {type: object}}
      - {name: X-Count, in: header, schema: {type: integer}}
      - {name: Accept, in: header, required: true, schema: {type: integer}}
      - {name: session, in: cookie, schema: {type: string, minLength: 3}}
      - {$ref: "#/components/parameters/Page"}
    responses: {200: {description: d}}
/simple/{a}: {get: {parameters: [{name: a, in: path, required: true, schema: {type: array, items: {type: integer}}}], responses: {200: {description: d}}}}
/label/{a}: {get: {parameters: [{name: a, in: path, required: true, style: label, explode: true, schema: {type: array, items: {type: integer}}}], responses: {200: {description: d}}}}
/matrix/{a}: {get: {parameters: [{name: a, in: path, required: true, style: matrix, schema: {type: array, items: {type: integer}}}], responses: {200: {description: d}}}}
/matrices/{a}: {get: {parameters: [{name: a, in: path, required: true, style: matrix, explode: true, schema: {type: object, properties: {x: {type: integer}}}}], responses: {200: {description: d}}}}
/object/{a}: {get: {parameters: [{name: a, in: path, required: true, schema: {type: object, properties: {x: {type: integer}}}}], responses: {200: {description: d}}}}
/objects/{a}: {get: {parameters: [{name: a, in: path, required: true, explode: true, schema: {type: object, properties: {x: {type: integer}}}}], responses: {200: {description: d}}}}
"""
OF_PARAMETERS = contract(
    PARAMETERS,
    components={"parameters": {"Page": {"name": "page", "in": "query", "schema": {"type": "integer"}}}},
)


@pytest.mark.parametrize(
    ("path", "headers", "found"),
    [
        ("/p/7?q=", (), []),
        ("/p/x?q=1", (), ['path id: expected integer, got "x" (text)']),
        ("/p/7", (), ["query q: missing, it is required"]),
        ("/p/7?q=1&size=10", (), ["query size: expected at most 9, got 10"]),
        ("/p/7?q=1&size=never", (), ['query size: expected integer, got "never" (text)']),
        ("/p/7?q=1&tags=1&tags=2", (), []),
        ("/p/7?q=1&tags=1&tags=b", (), ['query tags at [1]: expected integer, got "b" (text)']),
        ("/p/7?q=1&list=1,2", (), []),
        ("/p/7?q=1&list=1%2C2", (), ['query list at [0]: expected integer, got "1,2" (text)']),
        ("/p/7?q=1&list=1,b", (), ['query list at [1]: expected integer, got "b" (text)']),
        ("/p/7?q=1&blanks=a%20b", (), []),
        ("/p/7?q=1&blanks=a%20b+c", (), ["query blanks: expected at most 2 items, got 3"]),
        ("/p/7?q=1&pipes=1|2%7C3", (), []),
        ("/p/7?q=1&pipes=1|b", (), ['query pipes at [1]: expected integer, got "b" (text)']),
        ("/p/7?q=1&deep[a]=1&deep%5Bb%5D=2&deep[b]=3", (), []),
        ("/p/7?q=1&deep[a]=x", (), ['query deep at .a: expected integer, got "x" (text)']),
        ("/p/7?q=1&deep[c]=1", (), ["query deep at .c: not allowed"]),
        ("/p/7?q=1&flat=x,1,y,2", (), []),
        ("/p/7?q=1&flat=x,b", (), ['query flat at .x: expected integer, got "b" (text)']),
        ("/p/7?q=1&size=1&size=x", (), ["query size: sent 2 times, expected one value"]),
        ("/p/7?q=1&q=2&q=3", (), ["query q: sent 3 times, expected one value"]),
        ("/p/7?q=1&filter=%7B%22f%22%3A1%7D&filter=1", (), ["query filter: sent 2 times, expected one value"]),
        ("/p/7?q=1&list=1&list=2", (), ["query list: sent 2 times; explode is false: one value, with , between the items"]),
        ("/p/7?q=1&pipes=1&pipes=2", (), ["query pipes: sent 2 times; explode is false: one value, with %7C between the items"]),
        ("/p/7?q=1&deep=1871", (), ['query deep: expected object, got "1871" (text)']),
        ("/p/7?q=1&deep=1871&deep[a]=1", (), ['query deep: expected object, got "1871" (text)']),
        ("/p/7?q=1&flat=x", (), ['query flat: expected object, got "x" (text)']),
        ("/p/7?q=1&flat=x,1&flat=x,2", (), ["query flat: sent 2 times, expected one value"]),
        ("/p/7?q=1&apart=x", (), ['query apart: expected object, got "x" (text)']),
        ("/p/7?q=1&free=1&free=2", (), []),
        ("/p/7?q=1", (("Cookie", "session=abc; session=abcd"),), ["cookie session: sent 2 times, expected one value"]),
        ("/p/7?q=1", (("X-Point", "x"),), ['header X-Point: expected object, got "x" (text)']),
        ("/objects/x", (), ['path a: expected object, got "x" (text)']),
        ("/object/x,1,y", (), ['path a: expected object, got "x,1,y" (text)']),
        ("/matrices/;x", (), ['path a at .x: expected integer, got "" (text)']),
        ("/p/7?q=1&lat=1.5&lon=2", (), []),
        ("/p/7?q=1&lat=1.5", (), ["query apart at .lon: missing"]),
        ("/p/7?q=1&flag=true", (), []),
        ("/p/7?q=1&flag=yes", (), ['query flag: expected boolean, got "yes" (text)']),
        ("/p/7?q=1&empty=", (), []),
        ("/p/7?q=1&empty", (), []),
        ("/p/7?q=1&filter=%7B%22f%22%3A1%7D", (), []),
        ("/p/7?q=1&filter=%7B%7D", (), ["query filter at .f: missing"]),
        ("/p/7?q=1&filter=x", (), ['query filter: is no JSON: line 1, column 1: expecting value at "x"']),
        ("/p/7?q=1&either=7", (), []),
        ("/p/7?q=1&either=all", (), []),
        ("/p/7?q=1&page=x", (), ['query page: expected integer, got "x" (text)']),
        ("/p/7?q=1&other=1", (), []),
        ("/p/7?q=1", (("x-count", "7"),), []),
        ("/p/7?q=1", (("x-count", "x"),), ['header X-Count: expected integer, got "x" (text)']),
        ("/p/7?q=1", (("Cookie", "a=1; session=abc"),), []),
        ("/p/7?q=1", (("Cookie", "session=ab"),), ['cookie session: expected at least 3 characters, got 2: "ab"']),
        ("/simple/1,2", (), []),
        ("/simple/1,b", (), ['path a at [1]: expected integer, got "b" (text)']),
        ("/label/.1.2", (), []),
        ("/label/1.2", (), ['path a: expected array, got "1.2" (text)']),
        ("/matrix/;a=1,2", (), []),
        ("/matrix/;a=1,b", (), ['path a at [1]: expected integer, got "b" (text)']),
        ("/matrix/;b=1", (), ['path a: expected array, got ";b=1" (text)']),
        ("/matrices/;x=1", (), []),
        ("/matrices/;x=b", (), ['path a at .x: expected integer, got "b" (text)']),
        ("/object/x,1", (), []),
        ("/object/x,b", (), ['path a at .x: expected integer, got "b" (text)']),
        ("/objects/x=b", (), ['path a at .x: expected integer, got "b" (text)']),
    ],
)  # fmt: skip
def test_what_is_said_of_parameters(
    path: str, headers: tuple[tuple[str, str], ...], found: list[str]
) -> None:
    got = exchange(path=path, sent_headers=headers)
    assert told(OF_PARAMETERS.violations(got)) == [f"parameter request {one}" for one in found]
    assert OF_PARAMETERS.violations(got, part="response") == []


BODIES = """
/json: {post: {requestBody: {required: true, content: {application/json: {schema: {type: object, required: [id]}}}}, responses: {200: {description: d}}}}
/maybe: {post: {requestBody: {content: {application/json: {schema: {type: object}}}}, responses: {200: {description: d}}}}
/none: {post: {responses: {200: {description: d}}}}
/form:
  post:
    requestBody:
      content:
        application/x-www-form-urlencoded:
          schema: {type: object, required: [n], additionalProperties: false, properties: {n: {type: integer}, tags: {type: array, items: {type: integer}}, o: {type: object, required: [x]}}}
    responses: {200: {description: d}}
/parts:
  post:
    requestBody:
      content:
        multipart/form-data:
          schema: {type: object, required: [title, image], properties: {title: {type: string, maxLength: 3}, n: {type: integer}, image: {type: string, format: binary, minLength: 2}, meta: {type: object, required: [x]}, many: {type: array, items: {type: string}, maxItems: 2}}}
          encoding: {image: {contentType: "image/png, image/gif"}}
    responses: {200: {description: d}}
"""
OF_BODIES = contract(BODIES)
FORM = "application/x-www-form-urlencoded"
MULTIPART = 'multipart/form-data; boundary="b b"'


def parts(*written: tuple[str, bytes]) -> bytes:
    body = b"".join(
        b"--b b\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + data + b"\r\n"
        for head, data in written
    )
    return body + b"--b b--\r\n"


IMAGE = ('name="image"; filename="a.png"\r\nContent-Type: image/png', b"\x89\r\n--PNG")
TITLE = ("name=title", b"abc")


@pytest.mark.parametrize(
    ("path", "sent", "sent_type", "found"),
    [
        ("/json", {"id": 1}, "application/json", []),
        ("/json", {}, "application/json", ["body request $.id: missing"]),
        ("/json", b"{", "application/json", ["body request: the body is no JSON: line 1, column 2: it ends early"]),
        ("/json", None, "", ["body request: the request body is missing"]),
        ("/json", {"id": 1}, "text/plain", ['content-type request: expected the content type application/json, got "text/plain"']),
        ("/json", {"id": 1}, "", ["content-type request: expected the content type application/json, got no Content-Type"]),
        ("/maybe", None, "", []),
        ("/none", None, "", []),
        ("/none", {"a": 1}, "application/json", ["body request: a body of 8 bytes was sent, and none is described"]),
        ("/form", b"n=1&tags=1&tags=2&o=%7B%22x%22%3A1%7D", FORM, []),
        ("/form", b"n=a+b", FORM, ['body request $.n: expected integer, got "a b" (text)']),
        ("/form", b"n=1&tags=b", FORM, ['body request $.tags[0]: expected integer, got "b" (text)']),
        ("/form", b"n=1&n=2", FORM, ['body request $.n: expected integer, got ["1","2"] (array)']),
        ("/form", b"n=1&m=2", FORM, ["body request $.m: not allowed"]),
        ("/form", b"n=1&o=%7B%7D", FORM, ["body request $.o.x: missing"]),
        ("/form", b"n=\xff", FORM, ["body request: the body cannot be read: byte 2 is not ASCII, as those of a form are"]),
        ("/parts", parts(TITLE, IMAGE), MULTIPART, []),
        ("/parts", parts(TITLE), MULTIPART, ["body request $.image: missing"]),
        ("/parts", parts(("name=title", b"abcd"), IMAGE), MULTIPART, ['body request $.title: expected at most 3 characters, got 4: "abcd"']),
        ("/parts", parts(TITLE, IMAGE, ("name=n", b"x")), MULTIPART, ['body request $.n: expected integer, got "x" (text)']),
        ("/parts", parts(TITLE, IMAGE, ("name=n", b"7"), ("name=meta", b'{"x":1}')), MULTIPART, []),
        ("/parts", parts(TITLE, IMAGE, ("name=meta\r\nContent-Type: application/json", b"{}")), MULTIPART, ["body request $.meta.x: missing"]),
        ("/parts", parts(TITLE, IMAGE, ("name=meta\r\nContent-Type: application/json", b"{")), MULTIPART, ["body request: the body cannot be read: the part meta is no JSON: line 1, column 2: it ends early"]),
        ("/parts", parts(TITLE, IMAGE, *[("name=many", b"x")] * 3), MULTIPART, ["body request $.many: expected at most 2 items, got 3"]),
        ("/parts", parts(TITLE, (IMAGE[0].replace("png", "tiff"), IMAGE[1])), MULTIPART, ['content-type request part "image": expected the content type image/png, image/gif, got "image/tiff"']),
        ("/parts", b"x", MULTIPART, ["body request: the body cannot be read: its closing boundary is missing"]),
        ("/parts", b"x", "multipart/form-data", ["body request: the body cannot be read: no boundary in its Content-Type"]),
    ],
)  # fmt: skip
def test_what_is_said_of_request_bodies(path: str, sent: Any, sent_type: str, found: list[str]) -> None:
    got = exchange("POST", path, sent=sent, sent_type=sent_type)
    for _ in range(2):
        assert told(OF_BODIES.violations(got)) == found
    assert OF_BODIES.violations(got, part="response") == []


@pytest.mark.parametrize(
    "got",
    [
        answer(path="/c"),
        answer(method="PATCH"),
        answer(method="PUT", status=200),
        answer(content_type="application/hal+json"),
    ],
)
def test_what_is_undocumented_fails_warns_or_is_allowed(got: Exchange) -> None:
    found = [OF_ANSWERS.violations(got, level) for level in ("fail", "warn", "allow")]
    assert [[(one.undocumented, one.warning) for one in level] for level in found] == [
        [(True, False)],
        [(True, True)],
        [],
    ]


def test_what_is_described_fails_at_every_level() -> None:
    for level in ("fail", "warn", "allow"):
        assert [one.warning for one in OF_ANSWERS.violations(answer(body={}), level)] == [False]


@pytest.mark.parametrize(
    ("servers", "base", "path", "found"),
    [
        ([{"url": "https://x.example/v1"}], "", "/v1/a", True),
        ([{"url": "https://x.example/v1"}], "", "/a", True),  # the endpoint stands for the server
        ([{"url": "https://x.example/v1"}], "/mirror", "/mirror/a", True),
        ([{"url": "https://x.example/v1"}], "/mirror", "/a", False),
        ([{"url": "/"}, {"url": "/v2/"}], "", "/v2/a", True),
        (None, "", "/a", True),
        (None, "/v1", "/v1/a", True),
    ],
)
def test_servers_and_endpoints(servers: Any, base: str, path: str, found: bool) -> None:
    more = {"servers": servers} if servers else {}
    one = contract({"/a": {"get": {"responses": {"200": {"description": "d"}}}}}, **more)
    assert (one.violations(exchange(path=path, base=base)) == []) is found


def test_servers_of_a_path_and_of_an_operation() -> None:
    operation = {"responses": {"200": {"description": "d"}}}
    one = contract(
        {
            "/a": {"servers": [{"url": "/own"}], "get": operation},
            "/b": {"get": {**operation, "servers": [{"url": "/get"}]}},
        },
        servers=[{"url": "/all"}],
    )
    for path, is_known in [("/own/a", True), ("/all/a", False), ("/get/b", True), ("/all/b", True)]:
        assert (one.violations(exchange(path=path)) == []) is is_known, path


def test_operations_of_3_2() -> None:
    operation = {"responses": {"200": {"description": "d"}}}
    paths = {"/a": {"query": operation, "additionalOperations": {"COPY": operation}}}
    newer, older = contract(paths, "3.2.0"), contract(paths, "3.1.0")
    for method in ("QUERY", "COPY"):
        assert newer.violations(exchange(method)) == []
        assert [one.rule for one in older.violations(exchange(method))] == ["method"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "swagger: '2.0'\npaths: {}",
            'this is Swagger "2.0"; OpenAPI 3.0, 3.1 and 3.2 are known here: convert it first',
        ),
        ("openapi: 4.0.0\npaths: {}", 'the version "4.0.0" is not known here; known: 3.0.x, 3.1.x and 3.2.x'),
        ("[]", "this is no OpenAPI description: an object with the field openapi is due"),
        ("paths: {}", 'this is no OpenAPI description: the field "openapi" is missing'),
        ("openapi: 3.1.0\npaths: []", "paths is an object"),
    ],
)
def test_a_description_that_cannot_be_used(text: str, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        Contract(read_description(text.encode(), "a.yaml"))
    assert caught.value.message == message


def test_a_description_without_paths_knows_no_path() -> None:
    one = Contract(read_description(b"openapi: 3.1.0\nwebhooks: {}", "a.yaml"))
    assert [found.rule for found in one.violations(exchange())] == ["path"]


def test_the_description_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    referring = ANSWERS.replace(
        "{type: integer}}}\n          X-Object", "{$ref: '#/components/schemas/Number'}}}\n          X-Object"
    )
    assert referring != ANSWERS
    one = contract(referring, components={**COMPONENTS, "schemas": {"Number": {"type": "integer"}}})
    got = answer(("X-List", "1,2"))
    assert one.violations(got) == []

    def refuse(*_: Any) -> Any:
        raise AssertionError("looked up again")

    monkeypatch.setattr(type(one.description), "resolve", refuse)
    monkeypatch.setattr(type(one.description), "place", refuse)
    monkeypatch.setattr(one.description, "value", None)
    assert one.violations(got) == []


def test_json_that_was_read_already_is_not_read_again() -> None:
    read: list[int] = []

    def value() -> Any:
        read.append(1)
        return {}

    got = Exchange(
        "GET",
        "http://127.0.0.1/a",
        (),
        None,
        200,
        (("Content-Type", "application/json"), *RATE),
        b"?",
        "",
        value,
    )
    assert told(OF_ANSWERS.violations(got)) == ["body response $.id: missing"]
    assert read == [1]
