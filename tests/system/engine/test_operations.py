"""Requests that are made of an operation of a description, as a server gets them over a socket."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_apitest.errors import ProblemsError
from pytest_apitest.openapi.decoding import decoded
from pytest_apitest.openapi.parameters import query_pairs
from tests.harness import Bench, Ran, bench_in
from tests.hostile import Address, answer, answering_always, serve
from tests.unit.openapi.test_writing import KINDS, combinations, parameter, values

OK = answering_always(answer(b"{}", "Content-Type: application/json"))
ANSWERS = {"200": {"description": "d", "content": {"application/json": {"schema": {"type": "object"}}}}}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


@pytest.fixture
def server() -> Iterator[Address]:
    with serve(OK) as address:
        yield address


def description(paths: dict[str, Any], **more: Any) -> dict[str, str]:
    """Return the file of a description whose operations all answer as the server does."""
    for item in paths.values():
        for operation in item.values():
            operation.setdefault("responses", ANSWERS)
    return {"api.yaml": json.dumps({"openapi": "3.1.0", "paths": paths, **more})}


def head_of(raw: bytes) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """Return method, target, headers and body of a raw request."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    return (
        method,
        target,
        [(name.lower(), text) for name, _, text in (line.partition(": ") for line in lines)],
        body,
    )


# -- parameters -----------------------------------------------------------------------------------------

ONE = """
scenario: One
fixtures: [values]
endpoints: {{api: {{url: "{url}base", openapi: api.yaml}}}}
steps:
  - for_each: {{value: "${{values}}"}}
    request: {{operation: getA, {part}: {{{name}: "${{value}}"}}{path}}}
"""
PARTS = {"path": "path", "query": "query", "header": "headers", "cookie": "cookies"}


@pytest.mark.parametrize(("place", "style", "explode", "kind"), [*combinations()])
def test_every_style_over_a_socket(
    bench: Bench, server: Address, place: str, style: str, explode: bool, kind: str
) -> None:
    """What the server gets reads as the value that was given, and the check of the exchange takes it."""
    made, one = parameter(place, style, explode, KINDS[kind])
    written = {"name": one.name, "in": place, "schema": KINDS[kind], "style": style, "explode": explode}
    others = [{"name": "p", "in": "path", "required": True, "schema": {}}] * (place != "path")
    operation = {"operationId": "getA", "parameters": [{**written, "required": True}, *others]}
    text = ONE.format(
        url=server.url, part=PARTS[place], name=one.name, path="" if place == "path" else ", path: {p: x}"
    )
    given = [*values(kind, place, style, explode)]
    ran = bench.run(text, files=description({"/a/{p}": {"get": operation}}), fixtures={"values": given})
    assert ran.messages == []
    assert [step.checks for step in ran.case.steps] == [2] * len(given)
    for value, raw in zip(given, server.requests, strict=True):
        _, target, headers, _ = head_of(raw)
        path, _, query = target.partition("?")
        sent: Any = path.removeprefix("/base/a/")
        if place == "query":
            sent = query_pairs(query)
        elif place == "header":
            sent = next(text for name, text in headers if name == "p")
        elif place == "cookie":
            line = next(text for name, text in headers if name == "cookie")
            sent = [(name, text) for name, _, text in (piece.partition("=") for piece in line.split("; "))]
        assert decoded(one, sent, made._library.looks) == value


# -- what is sent ---------------------------------------------------------------------------------------

QUOTE = {"type": "object", "properties": {"text": {"type": "string"}}}
PATHS: dict[str, Any] = {
    "/quotes": {
        "get": {
            "operationId": "listQuotes",
            "parameters": [
                {"name": "tag", "in": "query", "schema": {"type": "array"}, "explode": False},
                {"name": "X-Tenant", "in": "header", "required": True, "schema": {"type": "string"}},
            ],
        },
        "post": {
            "operationId": "createQuote",
            "requestBody": {
                "required": True,
                "content": {
                    "text/csv": {"example": "a;b"},
                    "application/vnd.quote+json": {
                        "schema": QUOTE,
                        "examples": {"first": {"$ref": "#/components/examples/quote"}, "second": {"value": {}}},
                    },
                },
            },
        },
    },
    "/quotes/{id}": {
        "get": {
            "operationId": "getQuote",
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
        },
        "patch": {
            "operationId": "changeQuote",
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "requestBody": {
                "content": {
                    "application/merge-patch+json": {"schema": {**QUOTE, "example": {"text": "of the schema"}}},
                    "application/json-patch+json": {},
                }
            },
        },
    },
    "/form": {
        "post": {
            "operationId": "sendForm",
            "requestBody": {
                "content": {"application/x-www-form-urlencoded": {"example": {"a": "b c", "n": 1, "l": ["x", "y"]}}}
            },
        }
    },
    "/note": {"put": {"operationId": "putNote", "requestBody": {"content": {"text/csv": {}, "text/markdown": {}}}}},
}  # fmt: skip
EXAMPLES = {"examples": {"quote": {"value": {"text": "of the examples", "n": 1.10}}}}
DOCUMENT = """
scenario: Several
endpoints: {{api: {{url: "{url}v1/", openapi: api.yaml, headers: {{x-tenant: a}}}}}}
variables: {{n: 7, tags: [a b, "c,d"]}}
requests:
  read: {{operation: getQuote, path: {{id: "${{n}}"}}, headers: {{x-a: b}}}}
  create: {{operation: createQuote, set: {{$.text: set}}}}
  plain: {{GET: "/nowhere/{{id}}", path: {{id: 5}}, query: {{q: [1, 2]}}, headers: {{x-b: c}}}}
steps:
  - {step}
"""


def sent(
    bench: Bench, server: Address, step: str, **more: Any
) -> list[tuple[str, str, dict[str, str], bytes]]:
    """Return what the server gets of a step that passes: method, target, headers and body of each request."""
    ran = run(bench, server, step, **more)
    assert ran.messages == []
    found = [head_of(raw) for raw in server.requests]
    return [(method, target, dict(headers), body) for method, target, headers, body in found]


def run(bench: Bench, server: Address, step: str, **more: Any) -> Ran:
    files = description(json.loads(json.dumps(PATHS)), components=EXAMPLES, **more)
    return bench.run(DOCUMENT.format(url=server.url, step=step), files=files)


@pytest.mark.parametrize(
    ("step", "first_line"),
    [
        ("{request: read}", "GET /v1/quotes/7"),
        ("{request: {like: read, path: {id: 8}}}", "GET /v1/quotes/8"),
        ("{request: {operation: getQuote, path: {id: 8}}}", "GET /v1/quotes/8"),
        ("{request: {operation: getQuote, endpoint: api, path: {id: 8}}}", "GET /v1/quotes/8"),
        ("{request: {operation: listQuotes, query: {tag: '${tags}'}}}", "GET /v1/quotes?tag=a%20b,c%2Cd"),
        ("{request: {operation: listQuotes, query: {tag: [1, x y]}}}", "GET /v1/quotes?tag=1,x%20y"),
        # What is wrong on purpose
        ("{request: {operation: getQuote, path: {id: x}}, openapi: false}", "GET /v1/quotes/x"),
        ("{request: {operation: getQuote, path: {id: 1}, query: {a: [1, b c]}}, expect: {openapi: response}}", "GET /v1/quotes/1?a=1&a=b%20c"),
        ("{request: {like: read, method: DELETE}, openapi: false}", "DELETE /v1/quotes/7"),
        # From an operation to a plain request, and the other way round
        ("{request: {like: read, GET: '/other/{id}'}, openapi: false}", "GET /v1/other/7"),
        ("{request: {like: plain, operation: getQuote}, openapi: false}", "GET /v1/quotes/5?q=1&q=2"),
        ("{request: {like: plain, operation: getQuote, query: {q: null}}}", "GET /v1/quotes/5"),
    ],
)  # fmt: skip
def test_method_and_url(bench: Bench, server: Address, step: str, first_line: str) -> None:
    ((method, target, _, _),) = sent(bench, server, step)
    assert f"{method} {target}" == first_line


def test_headers_of_the_named_request_and_of_the_endpoint_go_along(bench: Bench, server: Address) -> None:
    ((_, _, headers, _),) = sent(bench, server, "{request: {like: read, headers: {X-C: d}}}")
    assert (headers["x-a"], headers["x-c"], headers["x-tenant"]) == ("b", "d", "a")
    assert "content-type" not in headers


@pytest.mark.parametrize(
    ("step", "media_type", "body"),
    [
        ("{request: {operation: createQuote}}", "application/vnd.quote+json", b'{"text":"of the examples","n":1.1}'),
        ("{request: {operation: createQuote, set: {$.n: 2}, remove: [$.text]}}", "application/vnd.quote+json", b'{"n":2}'),
        ("{request: {like: create, remove: [$.n]}}", "application/vnd.quote+json", b'{"text":"set"}'),
        ("{request: {operation: createQuote, json: {text: own}}}", "application/vnd.quote+json", b'{"text":"own"}'),
        ("{request: {operation: createQuote, json: {text: own}, headers: {Content-Type: text/json}}, openapi: false}", "text/json", b'{"text":"own"}'),
        ("{request: {operation: createQuote, text: c}}", "text/csv", b"c"),
        ("{request: {operation: createQuote, form: {a: b}}, openapi: false}", "application/x-www-form-urlencoded", b"a=b"),
        ("{request: {operation: changeQuote, path: {id: 1}}}", "application/merge-patch+json", b'{"text":"of the schema"}'),
        ("{request: {operation: changeQuote, path: {id: 1}, json: {}, headers: {content-type: application/json-patch+json}}}", "application/json-patch+json", b"{}"),
        ("{request: {operation: sendForm}}", "application/x-www-form-urlencoded", b"a=b+c&n=1&l=x&l=y"),
        ("{request: {operation: sendForm, form: {a: z}}}", "application/x-www-form-urlencoded", b"a=z"),
        ("{request: {operation: putNote, text: a}}", "text/csv", b"a"),
        ("{request: {like: read, POST: '/quotes/{id}', json: {}}, openapi: false}", "application/json", b"{}"),
    ],
)  # fmt: skip
def test_the_body_and_its_media_type(
    bench: Bench, server: Address, step: str, media_type: str, body: bytes
) -> None:
    ((_, _, headers, got),) = sent(bench, server, step)
    assert (headers["content-type"], got) == (media_type, body)


def test_the_example_of_the_description_stays_as_it_is(bench: Bench, server: Address) -> None:
    step = "{for_each: {x: [1, 2]}, request: {operation: createQuote, set: {$.text: '${x | text}'}}}"
    bodies = [json.loads(body) for *_, body in sent(bench, server, step)]
    assert bodies == [{"text": "1", "n": 1.1}, {"text": "2", "n": 1.1}]


def test_a_step_is_called_by_method_and_path(bench: Bench, server: Address) -> None:
    ran = run(bench, server, "{request: {operation: getQuote, path: {id: 1}}}")
    assert ran.steps == [("GET /quotes/{id}", "passed")]
    assert run(bench, server, "{request: read}").steps == [("read", "passed")]


def test_clean_ups_are_operations_too(bench: Bench, server: Address) -> None:
    step = "{request: read, cleanup: {operation: getQuote, path: {id: 2}}}"
    assert [target for _, target, _, _ in sent(bench, server, step)] == ["/v1/quotes/7", "/v1/quotes/2"]


def test_every_place_of_a_contract(bench: Bench, server: Address) -> None:
    text = """
    contract: C
    endpoints: {api: {url: "URL", openapi: api.yaml}}
    setup: [{request: {operation: getQuote, path: {id: 1}}}]
    before_each: [{request: {operation: getQuote, path: {id: 2}}}]
    rules:
      - {id: A, rule: r, request: {operation: getQuote, path: {id: 3}}}
      - {id: B, rule: r, for_each: {n: [4, 5]}, steps: [{request: {operation: getQuote, path: {id: "${n}"}}}]}
    after_each: [{request: {operation: getQuote, path: {id: 6}}}]
    teardown: [{request: {operation: getQuote, path: {id: 7}}}]
    """
    files = description(json.loads(json.dumps(PATHS)), components=EXAMPLES)
    ran = bench.run(text.replace("URL", server.url), files=files)
    assert ran.outcomes == ["passed", "passed"]
    assert ran.end == []
    targets = [head_of(raw)[1].rpartition("/")[2] for raw in server.requests]
    assert "".join(targets) == "1" + "236" + "246" + "256" + "7"


# -- values that are known only while it runs ---------------------------------------------------------------

WRONG_KINDS = """
scenario: T
fixtures: [x]
endpoints: {api: {url: "URL", openapi: api.yaml, headers: {x-tenant: a}}}
steps: [{request: {operation: OPERATION, PART}}]
"""


@pytest.mark.parametrize(
    ("operation", "part", "value", "message"),
    [
        ("getQuote", "path: {id: '${x}'}", {"a": 1}, "path id is object; the description of getQuote says integer"),
        ("getQuote", "path: {id: '${x}'}", [1], "path id is array; the description of getQuote says integer"),
        ("getQuote", "path: {id: '${x}'}", "", "path id is empty: the URL would be another one"),
        ("getQuote", "path: {id: '${x}'}", None, "id is null; path needs a value"),
        ("getQuote", "path: '${x}'", {}, "{id} of /quotes/{id} is not in path"),
        ("getQuote", "path: '${x}'", {"id": 1, "no": 2}, "no {no} in /quotes/{id}, the path of getQuote"),
        ("getQuote", "path: '${x}'", [1], "path needs an object, got array"),
        ("getQuote", "path: {id: 1}, query: {other: '${x}'}, cookies: {a: b}", [[]], None),
        ("listQuotes", "query: {tag: '${x}'}", [], "query tag is an empty list: leave it out, or write one value"),
        ("listQuotes", "query: {tag: '${x}'}", [[1]], "query tag holds a list, which its style cannot write"),
        ("listQuotes", "headers: {x-tenant: '${x}'}", {"a": 1}, "header x-tenant is object; the description of listQuotes says string"),
        ("listQuotes", "headers: {x-tenant: '${x}'}", "a\nb", "the header x-tenant would hold a line break or NUL"),
        ("getQuote", "path: {id: '${x}'}", "seven", 'openapi: request path id: expected integer, got "seven" (text)'),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit(
    bench: Bench, server: Address, operation: str, part: str, value: Any, message: str | None
) -> None:
    text = WRONG_KINDS.replace("URL", server.url).replace("OPERATION", operation).replace("PART", part)
    files = description(json.loads(json.dumps(PATHS)), components=EXAMPLES)
    if message is None:  # said before anything is sent
        with pytest.raises(ProblemsError, match='getQuote has no query parameter "other"; it has none'):
            bench.run(text, files=files, fixtures={"x": value})
        return
    ran = bench.run(text, files=files, fixtures={"x": value})
    assert ran.outcomes == ["failed"]
    assert ran.messages[0].startswith(message)


# -- credentials ----------------------------------------------------------------------------------------

SECURED = """
scenario: Secured
endpoints: {api: {url: "URL", openapi: api.yaml, auth: {token: of-the-endpoint}}}
credentials:
  bearerAuth: {bearer: of-bearer-auth}
  keyOne: {header: {X-One: "1111"}}
  keyTwo: {header: {X-Two: "2222", X-More: "3333"}}
  custom: {header: {Authorization: Own 1234}}
  bearer: {bearer: of-bearer} # called like a scheme, as security schemes are
  unused: {bearer: "${unset}"}
variables: {unset: {required: false}}
steps:
  - STEP
"""
SCHEMES = {
    "bearerAuth": {"type": "http", "scheme": "Bearer"},
    "keyOne": {"type": "apiKey", "in": "header", "name": "x-one"},
    "keyTwo": {"type": "apiKey", "in": "header", "name": "X-Two"},
    "custom": {"type": "oauth2", "flows": {}},
    "strange": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
REQUIREMENTS: dict[str, Any] = {
    "one": [{"bearerAuth": []}],
    "first": [{"strange": []}, {"keyOne": []}, {"bearerAuth": []}],
    "both": [{"keyOne": [], "keyTwo": []}],
    "partly": [{"keyOne": [], "strange": []}, {"custom": []}],
    "none": [],
    "optional": [{}],
    "elsewhere": [{"strange": []}],
    "alike": [{"bearer": []}],
    "left": None,
}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("{request: {operation: one}}", {"authorization": "Bearer of-bearer-auth"}),
        ("{request: {operation: one}, auth: none}", {}),
        ("{request: {operation: alike}}", {"authorization": "Bearer of-bearer"}),
        ("{request: {operation: one}, auth: bearer}", {"authorization": "Bearer of-bearer"}),
        ("{request: {operation: one}, auth: keyOne}", {"x-one": "1111"}),
        ("{request: {operation: first}}", {"x-one": "1111"}),
        ("{request: {operation: both}}", {"x-one": "1111", "x-two": "2222", "x-more": "3333"}),
        ("{request: {operation: partly}}", {"authorization": "Own 1234"}),
        ("{request: {operation: none}}", {"authorization": "Token of-the-endpoint"}),
        ("{request: {operation: optional}}", {"authorization": "Token of-the-endpoint"}),
        ("{request: {operation: elsewhere}}", {"authorization": "Token of-the-endpoint"}),
        ("{request: {operation: left}}", {"authorization": "Own 1234"}),
        ("{request: {operation: one, headers: {authorization: null}}}", {}),
        ("{request: GET /one}", {"authorization": "Token of-the-endpoint"}),
    ],
)
def test_credentials_are_those_that_the_description_asks_for(
    bench: Bench, server: Address, step: str, expected: dict[str, str]
) -> None:
    paths: dict[str, Any] = {
        f"/{name}": {"get": {"operationId": name} | ({} if asked is None else {"security": asked})}
        for name, asked in REQUIREMENTS.items()
    }
    files = description(paths, components={"securitySchemes": SCHEMES}, security=[{"custom": []}])
    ran = bench.run(SECURED.replace("URL", server.url).replace("STEP", step), files=files)
    assert ran.messages == []
    headers = dict(head_of(server.requests[0])[2])
    names = ("authorization", "x-one", "x-two", "x-more")
    assert {name: headers[name] for name in names if name in headers} == expected
    for secret in expected.values():
        assert "[redacted]" in ran.redactor.text(secret)


def test_a_case_whose_credential_is_unset_is_not_run(bench: Bench, server: Address) -> None:
    text = SECURED.replace("URL", server.url).replace("STEP", "{request: {operation: one}}")
    files = description(
        {"/one": {"get": {"operationId": "one", "security": [{"unused": []}]}}},
        components={"securitySchemes": {"unused": {"type": "http", "scheme": "bearer"}}},
    )
    ran = bench.run(text, files=files)
    assert ran.outcomes == ["not_run"]
    assert server.requests == []


def test_an_endpoint_without_an_address_makes_the_case_not_run(bench: Bench) -> None:
    text = """
    scenario: T
    endpoints: {api: {required: false, openapi: api.yaml}}
    steps: [{request: {operation: getQuote, path: {id: 1}}}]
    """
    ran = bench.run(text, files=description(json.loads(json.dumps(PATHS)), components=EXAMPLES))
    assert ran.outcomes == ["not_run"]


def test_an_expectation_by_name_says_that_a_request_is_wrong_on_purpose(
    bench: Bench, server: Address
) -> None:
    text = """
    scenario: T
    endpoints: {api: {url: "URL", openapi: api.yaml}}
    expectations: {odd: {openapi: response}, odder: {like: odd, status: 200}}
    steps:
      - {request: {operation: getQuote, path: {id: a}}, expect: odd}
      - {request: {operation: getQuote, path: {id: b}}, expect: odder}
      - {request: {operation: getQuote, path: {id: c}}, expect: {like: odder, content_type: {type: application/json}}}
    """
    files = description(json.loads(json.dumps(PATHS)), components=EXAMPLES)
    ran = bench.run(text.replace("URL", server.url), files=files)
    assert ran.messages == []
    assert [head_of(raw)[1] for raw in server.requests] == ["/quotes/a", "/quotes/b", "/quotes/c"]


def test_credentials_of_a_clean_up_may_be_saved_by_its_step(bench: Bench, server: Address) -> None:
    text = """
    scenario: T
    endpoints: {api: {url: "URL", openapi: api.yaml}}
    credentials: {bearerAuth: {bearer: "${token}"}}
    steps:
      - request: GET /plain
        openapi: false
        save: {token: {header: content-type}}
        cleanup: {operation: one}
    """
    files = description(
        {"/one": {"get": {"operationId": "one", "security": [{"bearerAuth": []}]}}},
        components={"securitySchemes": SCHEMES},
    )
    ran = bench.run(text.replace("URL", server.url), files=files)
    assert ran.messages == []
    assert dict(head_of(server.requests[1])[2])["authorization"] == "Bearer application/json"


OTHER_KINDS = [
    ("year", {"style": "deepObject", "explode": True, "schema": {"type": "object"}}, 1871, 'expected object, got "1871" (text)'),
    ("page", {"schema": {"type": "integer"}}, [1, 2], "sent 2 times, expected one value"),
    ("flat", {"explode": False, "schema": {"type": "object"}}, "x", 'expected object, got "x" (text)'),
    ("apart", {"schema": {"type": "object", "properties": {"x": {"type": "integer"}}}}, "x", 'expected object, got "x" (text)'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "written", "value", "message"), OTHER_KINDS, ids=str)
def test_a_value_of_another_kind_by_reference_fails_the_step(
    bench: Bench, server: Address, name: str, written: dict[str, Any], value: Any, message: str
) -> None:
    operation = {"operationId": "listBooks", "parameters": [{"name": name, "in": "query", **written}]}
    document = f"""
    scenario: Kinds
    fixtures: [value]
    endpoints: {{api: {{url: "{server.url}", openapi: api.yaml}}}}
    steps:
      - {{request: {{operation: listBooks, query: {{{name}: "${{value}}"}}}}}}
    """
    ran = bench.run(document, files=description({"/books": {"get": operation}}), fixtures={"value": value})
    assert [one.partition(" (api.yaml")[0] for one in ran.messages] == [
        f"openapi: request query {name}: {message}"
    ]
    on_purpose = document.replace('"}}}', '"}}, expect: {openapi: response}}')
    ran = bench.run(on_purpose, files=description({"/books": {"get": operation}}), fixtures={"value": value})
    assert ran.messages == []
