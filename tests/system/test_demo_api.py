"""The demo API over a real socket. Every answer is also checked against its OpenAPI description."""

import base64
import functools
import gzip
import hashlib
import hmac
import json
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from importlib import resources
from typing import Any

import httpx
import jsonschema
import jwt
import openapi_core
import pytest
import yaml
from openapi_core.datatypes import RequestParameters
from openapi_core.validation.exceptions import ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.datastructures import Headers, ImmutableMultiDict

from pytest_apitest.demo import create_app
from pytest_apitest.demo.app import ROUTES
from pytest_apitest.demo.store import Job
from pytest_apitest.hosting import Host

ADA = {"author": "Ada Lovelace", "text": "Measure before you cut."}
TOKEN = {"Authorization": "Token demo-token"}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
# What the router answers by itself stands in no description.
UNDESCRIBED = (404, 405)


# --- every answer against the description --------------------------------------------------------------


@functools.cache
def description() -> dict[str, Any]:
    path = resources.files("pytest_apitest.demo").joinpath("quotes.openapi.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@functools.cache
def contract() -> openapi_core.OpenAPI:
    def read_text(body: bytes, charset: str = "utf-8") -> str:
        return body.decode(charset)

    readers: dict[str, Callable[..., Any]] = {"application/problem+json": json.loads, "text/csv": read_text}
    config = openapi_core.Config(extra_media_type_deserializers=readers)
    return openapi_core.OpenAPI.from_dict(description(), config=config)


class Sent:
    """A request in the shape that openapi-core reads."""

    def __init__(self, request: httpx.Request) -> None:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
        self.host_url = f"http://{request.url.netloc.decode()}"
        self.path = request.url.path
        self.method = request.method.lower()
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(request.url.params.multi_items()),
            header=Headers(request.headers.multi_items()),
            cookie=ImmutableMultiDict({name: morsel.value for name, morsel in cookies.items()}),
        )
        self.body = request.read()
        self.content_type = request.headers.get("content-type", "")


class Got:
    """A response in the shape that openapi-core reads."""

    def __init__(self, response: httpx.Response) -> None:
        self.data = response.read()
        self.status_code = response.status_code
        self.content_type = response.headers.get("content-type", "")
        self.headers = Headers(response.headers.multi_items())


def check(response: httpx.Response) -> None:
    operations = description()["paths"]
    method, path = response.request.method.lower(), response.request.url.path
    is_described = any(
        method in item and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        for template, item in operations.items()
    )
    if is_described:
        contract().validate_response(Sent(response.request), Got(response))
    else:
        assert response.status_code in UNDESCRIBED or method in ("options", "head", "propfind")


@pytest.fixture
def base_url() -> Iterator[str]:
    with Host() as host:
        yield host.serve(create_app).base_url


@pytest.fixture
def guest(base_url: str) -> Iterator[httpx.Client]:
    """A client without credentials."""
    with httpx.Client(
        base_url=base_url, trust_env=False, verify=False, timeout=10, event_hooks={"response": [check]}
    ) as client:
        yield client


@pytest.fixture
def api(guest: httpx.Client) -> httpx.Client:
    """A client that may write."""
    guest.headers.update(TOKEN)
    return guest


def expect_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    return body


def errors_of(response: httpx.Response) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in expect_problem(response, 422)["errors"]]


def create(api: httpx.Client, **fields: Any) -> str:
    response = api.post("/quotes", json=ADA | fields)
    assert response.status_code == 201, response.text
    return str(response.headers["location"])


def log_in(api: httpx.Client) -> httpx.Response:
    return api.post("/login", json={"user": "ada", "password": "lovelace"})


def poll(ask: Callable[[], Any], *, until: str) -> None:
    """Ask until a state is reached."""
    ends = time.monotonic() + 10
    while (state := ask().json()["state"]) != until:
        assert time.monotonic() < ends, state
        time.sleep(0.01)


# --- the description itself ----------------------------------------------------------------------------


def test_the_description_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(description()).iter_errors()] == []


def operations() -> set[tuple[str, str]]:
    return {
        (method, path)
        for path, item in description()["paths"].items()
        for method in item
        if method in METHODS
    }


def test_routes_and_operations_are_the_same() -> None:
    routes = {
        (method, entry.path)
        for entry in ROUTES
        for method in (METHODS if entry.method == "*" else (entry.method.lower(),))
    }

    assert routes == operations()
    assert len(ROUTES) == len({(entry.method, entry.path) for entry in ROUTES})


def test_operation_ids_are_unique_words_in_camel_case() -> None:
    ids = [description()["paths"][path][method]["operationId"] for method, path in operations()]

    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)] == []
    assert {"createQuote", "listQuotes", "getQuote", "replaceQuote", "changeQuote", "deleteQuote"} <= set(ids)


def test_examples_of_schemas_are_valid() -> None:
    document = description()
    seen = 0

    def walk(node: Any) -> None:
        nonlocal seen
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            if isinstance(node.get("examples"), list):
                schema = {"$ref": "#/schema", "schema": node, "components": document["components"]}
                for example in node["examples"]:
                    seen += 1
                    jsonschema.Draft202012Validator(schema).validate(example)
            for value in node.values():
                walk(value)

    walk(document["components"]["schemas"])
    walk(document["paths"])
    assert seen > 10


def test_every_problem_response_is_described_as_one() -> None:
    document = description()
    for path, item in document["paths"].items():
        for method in METHODS:
            for status, response in item.get(method, {}).get("responses", {}).items():
                name = response.get("$ref", "").rpartition("/")[2]
                resolved = document["components"]["responses"][name] if name else response
                if status[0] in "45" and path != "/oauth/token":
                    assert list(resolved["content"]) == ["application/problem+json"], (path, method, status)


def test_the_description_is_served(guest: httpx.Client) -> None:
    assert guest.get("/openapi.json").json() == description()


def test_the_check_of_these_tests_can_fail() -> None:
    request = httpx.Request("GET", "http://h/health")
    wrong = httpx.Response(200, json={"status": "ok", "quotes": -1}, request=request)

    with pytest.raises(ValidationError):
        check(wrong)
    with pytest.raises(AssertionError):
        check(httpx.Response(200, request=httpx.Request("GET", "http://h/unknown")))


def echo(method: str, api: httpx.Client) -> httpx.Response:
    return api.request(method, "/echo")


SAMPLES: dict[str, Callable[[httpx.Client], httpx.Response]] = {
    "listQuotes": lambda api: api.get("/quotes"),
    "createQuote": lambda api: api.post("/quotes", json=ADA),
    "getQuote": lambda api: api.get(create(api)),
    "replaceQuote": lambda api: api.put(create(api), json=ADA),
    "changeQuote": lambda api: api.patch(create(api), json={"lang": "nl"}),
    "deleteQuote": lambda api: api.delete(create(api)),
    "addPortrait": lambda api: upload(api, create(api)),
    "startJob": lambda api: api.post("/jobs", json={"kind": "succeed"}),
    "getJob": lambda api: api.get(api.post("/jobs", json={"kind": "fail"}).headers["location"]),
    "checkBasic": lambda api: api.get("/auth/basic", auth=("ada", "lovelace")),
    "checkDigest": lambda api: api.get("/auth/digest", auth=httpx.DigestAuth("ada", "lovelace")),
    "createToken": lambda api: api.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=("demo", "demo-secret")
    ),
    "logIn": log_in,
    "getMe": lambda api: log_in(api) and api.get("/me"),
    "logOut": lambda api: api.post("/logout"),
    "getReport": lambda api: api.get("/admin/report"),
    **{f"echo{word}": (functools.partial(echo, word.upper())) for word in map(str.title, METHODS)},
    "sendForm": lambda api: api.post("/forms", data={"a": ["b", "c"]}),
    "sendText": lambda api: api.post("/text", content=b"a;b", headers={"content-type": "text/csv"}),
    "showForm": lambda api: api.get("/html"),
    "submitForm": lambda api: submit(api, csrf_of(api)),
    "showDone": lambda api: api.get("/html/done"),
    "redirect": lambda api: api.get("/redirect/0"),
    "redirectPost": lambda api: api.post("/redirect-post"),
    "setCookies": lambda api: api.get("/cookies/set?a=b"),
    "getLogo": lambda api: api.get("/logo.png"),
    "getNumbers": lambda api: api.get("/numbers"),
    "getSlow": lambda api: api.get("/slow?ms=1"),
    "getStatus": lambda api: api.get("/status/299"),
    "getFlaky": lambda api: api.get("/flaky?key=a&fails=0"),
    "reset": lambda api: api.post("/reset"),
    "getHealth": lambda api: api.get("/health"),
    "getDescription": lambda api: api.get("/openapi.json"),
}


def test_there_is_a_sample_of_every_operation() -> None:
    described = [description()["paths"][path][method]["operationId"] for method, path in operations()]
    assert sorted(SAMPLES) == sorted(described)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_good_answer_of_every_operation_is_as_described(api: httpx.Client, name: str) -> None:
    response = SAMPLES[name](api)

    assert response.status_code < 400
    contract().validate_response(Sent(response.request), Got(response))


# --- quotes --------------------------------------------------------------------------------------------


def test_a_quote_is_created_read_and_removed(api: httpx.Client) -> None:
    made = api.post("/quotes", json=ADA | {"tags": ["work", "wood"], "lang": "nl"})
    path = made.headers["location"]
    read = api.get(path)

    assert made.status_code == 201
    assert path == "/quotes/1"
    expected = {
        "id": 1,
        "url": path,
        **ADA,
        "tags": ["work", "wood"],
        "lang": "nl",
        "state": "draft",
        "published": None,
    }
    assert made.json() == expected | {"created": made.json()["created"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made.json()["created"])
    assert (read.json()["text"], read.status_code) == (ADA["text"], 200)
    assert api.delete(path).status_code == 204
    expect_problem(api.get(path), 404)
    expect_problem(api.delete(path), 404)


def test_put_replaces_and_patch_changes(api: httpx.Client) -> None:
    path = create(api, tags=["work"], lang="nl")

    changed = api.patch(
        path, content=b'{"author": "Ada King"}', headers={"content-type": "application/merge-patch+json"}
    )
    replaced = api.put(path, json=ADA)

    assert (changed.json()["author"], changed.json()["tags"], changed.json()["lang"]) == (
        "Ada King",
        ["work"],
        "nl",
    )
    assert (replaced.json()["author"], replaced.json()["tags"], replaced.json()["lang"]) == (
        ADA["author"],
        [],
        "en",
    )
    assert changed.json()["created"] == replaced.json()["created"]
    assert api.get(path).json()["author"] == ADA["author"]


@pytest.mark.parametrize("key", ["0", "01", "-1", "2", "abc", "1.0", "99999999999999999999"])
def test_an_unknown_quote_is_a_404(api: httpx.Client, key: str) -> None:
    create(api)

    problem = expect_problem(api.get(f"/quotes/{key}"), 404)

    assert problem["detail"] == f"there is no quote {key}"
    expect_problem(api.patch(f"/quotes/{key}", json={}), 404)


def test_a_quote_is_published_after_a_moment(api: httpx.Client) -> None:
    made = api.post("/quotes", json=ADA)
    path = made.headers["location"]
    assert (made.json()["state"], made.json()["published"]) == ("draft", None)

    poll(lambda: api.get(path), until="published")

    read = api.get(path).json()
    assert read["published"] > read["created"]
    assert api.get("/quotes").json()["items"] == [read]


def test_a_forbidden_quote_is_rejected(api: httpx.Client) -> None:
    path = create(api, text="This is Forbidden here.")

    poll(lambda: api.get(path), until="rejected")
    assert api.get(path).json()["published"] is None


def test_what_is_published_stays_published(api: httpx.Client) -> None:
    path = create(api)
    poll(lambda: api.get(path), until="published")

    assert api.patch(path, json={"text": "forbidden by now"}).json()["state"] == "published"
    assert api.get(path).json()["state"] == "published"


def test_the_delays_and_the_token_can_be_chosen() -> None:
    with Host() as host:
        base_url = host.serve(lambda: create_app(publication_delay=0, job_delay=0, token="mine")).base_url
        with httpx.Client(
            base_url=base_url, trust_env=False, verify=False, headers={"X-API-Key": "mine"}
        ) as api:
            assert api.get(create(api)).json()["state"] == "published"
            assert api.post("/jobs", json={"kind": "succeed"}).json()["state"] == "done"
            assert api.post("/quotes", json=ADA, headers={"X-API-Key": "demo-token"}).status_code == 401


# --- the list ------------------------------------------------------------------------------------------


def test_the_list_is_cut_into_pages(api: httpx.Client) -> None:
    for number in range(5):
        create(api, text=f"Number {number}")
    texts: list[str] = []
    following: str | None = "/quotes?size=2"
    pages = []
    while following:
        page = api.get(following).json()
        pages.append((page["page"], page["pages"], page["total"]))
        texts += [item["text"] for item in page["items"]]
        following = page["next"]

    assert texts == [f"Number {number}" for number in range(5)]
    assert pages == [(1, 3, 5), (2, 3, 5), (3, 3, 5)]
    assert api.get("/quotes?page=9").json()["items"] == []


def test_an_empty_list(api: httpx.Client) -> None:
    assert api.get("/quotes").json() == {"items": [], "page": 1, "pages": 0, "total": 0, "next": None}


def test_filters_and_order_are_kept_by_next(api: httpx.Client) -> None:
    for author, tags in (("Bo & Co", ["a", "b"]), ("Ada", ["a"]), ("Cy", ["b", "a"]), ("Bo & Co", ["b"])):
        create(api, author=author, tags=tags)

    def authors(query: str) -> list[str]:
        return [item["author"] for item in api.get(f"/quotes?{query}").json()["items"]]

    assert authors("sort=author") == ["Ada", "Bo & Co", "Bo & Co", "Cy"]
    assert authors("sort=-author") == ["Cy", "Bo & Co", "Bo & Co", "Ada"]
    assert [item["id"] for item in api.get("/quotes?sort=-created").json()["items"]] == [4, 3, 2, 1]
    assert authors("tag=a") == ["Bo & Co", "Ada", "Cy"]
    assert authors("tag=a&tag=b") == ["Bo & Co", "Cy"]
    assert authors("author=Bo%20%26%20Co&tag=b") == ["Bo & Co", "Bo & Co"]
    page = api.get("/quotes?size=1&author=Bo%20%26%20Co&tag=b&sort=-created").json()
    assert page["items"][0]["id"] == 4
    assert api.get(page["next"]).json()["items"][0]["id"] == 1


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("page=0", [("page", "out_of_range")]),
        ("page=x&size=101", [("page", "type"), ("size", "out_of_range")]),
        ("page=1&page=2", [("page", "type")]),
        ("sort=text", [("sort", "unknown")]),
        ("autor=Ada", [("autor", "unknown")]),
    ],
)
def test_a_wrong_query_is_refused(api: httpx.Client, query: str, errors: list[tuple[str, str]]) -> None:
    assert errors_of(api.get(f"/quotes?{query}")) == errors


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("br", False),
        ("gzip;q=x", False),
    ],
)
def test_a_long_list_is_compressed_for_those_who_can_read_it(
    api: httpx.Client, accepted: str, is_compressed: bool
) -> None:
    headers = {"accept-encoding": accepted}
    short = api.get("/quotes", headers=headers)
    create(api, text="x" * 1000)

    response = api.get("/quotes", headers=headers)

    assert "content-encoding" not in short.headers
    assert short.headers["vary"] == response.headers["vary"] == "Accept-Encoding"
    assert (response.headers.get("content-encoding") == "gzip") is is_compressed
    assert response.json()["items"][0]["text"] == "x" * 1000
    assert (int(response.headers["content-length"]) < 1000) is is_compressed


# --- entity tags ---------------------------------------------------------------------------------------


def test_entity_tags_follow_the_changes(api: httpx.Client) -> None:
    made = api.post("/quotes", json=ADA)
    path, first = made.headers["location"], made.headers["etag"]
    poll(lambda: api.get(path), until="published")
    published = api.get(path).headers["etag"]
    second = api.patch(path, json={"text": "Cut once."}).headers["etag"]
    third = api.put(path, json=ADA).headers["etag"]

    assert len({first, published, second, third}) == 4
    assert all(re.fullmatch('"[^"]+"', tag) for tag in (first, published, second, third))
    assert api.get(path).headers["etag"] == third


def test_if_none_match(api: httpx.Client) -> None:
    path = create(api)
    poll(lambda: api.get(path), until="published")
    tag = api.get(path).headers["etag"]

    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        answer = api.get(path, headers={"if-none-match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert api.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    assert api.put(path, json=ADA, headers={"if-none-match": "*"}).status_code == 412


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match(api: httpx.Client, method: str) -> None:
    path = create(api)
    old = api.get(path).headers["etag"]
    new = api.patch(path, json={"lang": "nl"}).headers["etag"]
    body = None if method == "DELETE" else ADA

    for stale in (old, f"W/{new}", new.strip('"'), '"nothing"', ""):
        problem = expect_problem(api.request(method, path, json=body, headers={"if-match": stale}), 412)
        assert problem["detail"] == "the quote was changed since it was read"
    assert api.request(method, path, json=body, headers={"if-match": f'"x", {new}'}).is_success


def test_publication_is_no_change_in_the_sense_of_if_match(api: httpx.Client) -> None:
    made = api.post("/quotes", json=ADA)
    poll(lambda: api.get(made.headers["location"]), until="published")

    changed = api.patch(
        made.headers["location"], json={"lang": "nl"}, headers={"if-match": made.headers["etag"]}
    )

    assert changed.status_code == 200


def test_fields_are_checked_before_preconditions(api: httpx.Client) -> None:
    path = create(api)

    assert errors_of(api.put(path, json={}, headers={"if-match": '"old"'})) == [
        ("author", "required"),
        ("text", "required"),
    ]


# --- validation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("author", "required"), ("text", "required")]),
        ({"author": "", "text": " \n"}, [("author", "empty"), ("text", "empty")]),
        ({"author": 7, "text": None}, [("author", "type"), ("text", "type")]),
        ({"author": "a" * 101, "text": "b" * 1001}, [("author", "too_long"), ("text", "too_long")]),
        (ADA | {"tags": "work"}, [("tags", "type")]),
        (
            ADA | {"tags": ["a", "", 5, "c" * 31]},
            [("tags[1]", "empty"), ("tags[2]", "type"), ("tags[3]", "too_long")],
        ),
        (ADA | {"tags": ["a"] * 11}, [("tags", "too_long")]),
        (ADA | {"lang": "EN"}, [("lang", "format")]),
        (ADA | {"lang": False}, [("lang", "type")]),
        (ADA | {"colour": 1, "id": 2}, [("colour", "unknown"), ("id", "unknown")]),
        ({"text": "", "autor": "Ada"}, [("author", "required"), ("text", "empty"), ("autor", "unknown")]),
        ([ADA], [("", "type")]),
        ("text", [("", "type")]),
    ],
)
def test_all_errors_of_a_quote_come_at_once(
    api: httpx.Client, body: Any, errors: list[tuple[str, str]]
) -> None:
    assert errors_of(api.post("/quotes", json=body)) == errors
    assert api.get("/quotes").json()["total"] == 0


def test_a_change_needs_no_field_but_checks_all(api: httpx.Client) -> None:
    path = create(api)

    assert api.patch(path, json={}).status_code == 200
    assert errors_of(api.patch(path, json={"author": "", "x": 1})) == [("author", "empty"), ("x", "unknown")]


def test_an_error_says_what_it_is_about(api: httpx.Client) -> None:
    problem = expect_problem(api.post("/quotes", json={"author": "Ada", "text": "b" * 1001}), 422)

    assert problem["detail"] == "1 field is not valid"
    assert problem["errors"] == [
        {"field": "text", "code": "too_long", "message": "text has 1001 characters, more than 1000"}
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b"1" * 5000,
        b'\xef\xbb\xbf{"a": 1}',
    ],
    ids=["empty", "open", "nan", "twice", "bytes", "deep", "digits", "bom"],
)
def test_what_is_no_json_is_a_400(api: httpx.Client, body: bytes) -> None:
    response = api.post("/quotes", content=body, headers={"content-type": "application/json"})

    assert "the body is" in expect_problem(response, 400)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "accepted"),
    [
        ("POST", "/quotes", "application/json"),
        ("PATCH", "/quotes/1", "application/json, application/merge-patch+json"),
        ("POST", "/quotes/1/portrait", "multipart/form-data"),
        ("POST", "/forms", "application/x-www-form-urlencoded"),
        ("POST", "/text", "text/plain, text/csv"),
        ("POST", "/login", "application/json, application/x-www-form-urlencoded"),
        ("POST", "/html", "application/x-www-form-urlencoded"),
    ],
)
def test_a_wrong_content_type_is_a_415(api: httpx.Client, method: str, path: str, accepted: str) -> None:
    create(api)

    for headers in ({"content-type": "application/xml"}, {}):
        response = api.request(method, path, content=b"<quote/>", headers=headers)
        expect_problem(response, 415)
        assert response.headers["accept"] == accepted


def test_unknown_paths_and_methods(api: httpx.Client) -> None:
    assert expect_problem(api.get("/qoutes"), 404)["detail"] == "there is nothing at /qoutes"
    refused = api.delete("/quotes")
    expect_problem(refused, 405)
    assert refused.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_options_and_head(api: httpx.Client) -> None:
    path = create(api)
    options, head, read = api.options(path), api.head(path), api.get(path)

    assert (options.status_code, options.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(read.content))
    assert "etag" in head.headers
    assert api.options("/unknown").status_code == 404


# --- portraits and jobs --------------------------------------------------------------------------------


def upload(api: httpx.Client, path: str, **data: Any) -> httpx.Response:
    fields = {"title": "Portrait"} | data
    return api.post(f"{path}/portrait", data=fields, files={"image": ("ada.png", PNG, "image/png")})


def test_a_portrait_becomes_a_job(api: httpx.Client) -> None:
    response = upload(api, create(api), title="Ada, 1840", more=["a", "b"])
    described = {
        "filename": "ada.png",
        "content_type": "image/png",
        "size": len(PNG),
        "sha256": hashlib.sha256(PNG).hexdigest(),
        "fields": {"title": ["Ada, 1840"], "more": ["a", "b"]},
    }
    path = response.headers["location"]

    assert response.status_code == 202
    assert response.json() == {"job": path, **described}
    poll(lambda: api.get(path), until="done")
    job = api.get(path).json()
    assert (job["url"], job["kind"], job["result"], job["error"]) == (path, "portrait", described, None)
    assert job["finished"] > job["created"]


def test_a_large_portrait(api: httpx.Client) -> None:
    data = bytes(range(256)) * 20_480
    files = {"image": ("big.bin", data, "application/octet-stream")}

    response = api.post(f"{create(api)}/portrait", data={"title": "Big"}, files=files)

    assert (response.json()["size"], response.json()["sha256"]) == (
        len(data),
        hashlib.sha256(data).hexdigest(),
    )


def test_a_portrait_over_10_mib_is_refused(api: httpx.Client) -> None:
    files = {"image": ("big.bin", bytes(10 * 1024 * 1024 + 1))}

    expect_problem(api.post(f"{create(api)}/portrait", data={"title": "Big"}, files=files), 413)


BOUNDARY = {"content-type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b"--x--\r\n", [("title", "required"), ("image", "required")]),
        (
            b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nno file\r\n--x\r\n'
            b'Content-Disposition: form-data; name="title"\r\n\r\n' + b"t" * 101 + b"\r\n--x--\r\n",
            [("title", "too_long"), ("image", "type")],
        ),
    ],
)
def test_an_incomplete_portrait(api: httpx.Client, body: bytes, errors: list[tuple[str, str]]) -> None:
    assert errors_of(api.post(f"{create(api)}/portrait", content=body, headers=BOUNDARY)) == errors


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"nothing of this kind", BOUNDARY),
        (b"--x--", {"content-type": "multipart/form-data"}),
        (b"--x\r\n\r\nno name\r\n--x--\r\n", BOUNDARY),
        (b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xff\r\n--x--\r\n', BOUNDARY),
    ],
    ids=["text", "boundary", "name", "bytes"],
)
def test_a_malformed_portrait(api: httpx.Client, body: bytes, headers: dict[str, str]) -> None:
    expect_problem(api.post(f"{create(api)}/portrait", content=body, headers=headers), 400)


@pytest.mark.parametrize(
    ("kind", "seconds", "state"),
    [
        ("succeed", 0, "waiting"),
        ("succeed", 2.9, "waiting"),
        ("succeed", 3, "running"),
        ("succeed", 8.9, "running"),
        ("succeed", 9, "done"),
        ("fail", 8.9, "running"),
        ("fail", 9, "failed"),
    ],
)
def test_the_progress_of_a_job(kind: str, seconds: float, state: str) -> None:
    created = datetime(2026, 1, 1, tzinfo=UTC)
    job = Job("1", kind, created, 9, {"size": 3}).as_json(created + timedelta(seconds=seconds))

    assert job["state"] == state
    assert job["finished"] == ("2026-01-01T00:00:09.000Z" if state in ("done", "failed") else None)
    assert job["result"] == ({"size": 3} if state == "done" else None)
    assert (job["error"] is not None) is (state == "failed")


def test_jobs_end_as_they_are_told(api: httpx.Client) -> None:
    failing, fine = (api.post("/jobs", json={"kind": kind}) for kind in ("fail", "succeed"))

    assert failing.status_code == 202
    assert failing.json()["url"] == failing.headers["location"]
    poll(lambda: api.get(failing.headers["location"]), until="failed")
    assert api.get(failing.headers["location"]).json()["error"] == "this job was made to fail"
    poll(lambda: api.get(fine.headers["location"]), until="done")
    assert errors_of(api.post("/jobs", json={"kind": "sleep"})) == [("kind", "unknown")]
    assert errors_of(api.post("/jobs", json={"kind": 1})) == [("kind", "type")]
    expect_problem(api.get("/jobs/unknown"), 404)


# --- credentials ---------------------------------------------------------------------------------------


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def jwt_of(secret: str = "demo-secret", alg: str = "HS256", header: Any = None, **changes: Any) -> str:
    claims = {
        "iss": "demo",
        "client_id": "demo",
        "iat": int(time.time()),
        "user_id": "",
        "user_representation": "",
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    named = {"client_identifier": "demo"} if header is None else header
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the secret of the demo is shorter than PyJWT likes
        return "Bearer " + jwt.encode(claims, "" if alg == "none" else secret, algorithm=alg, headers=named)


GOOD: dict[str, Callable[[httpx.Client], dict[str, str]]] = {
    "token": lambda _: {"Authorization": "Token demo-token"},
    "token in small letters": lambda _: {"Authorization": "token demo-token"},
    "bearer": lambda _: {"Authorization": "Bearer demo-token"},
    "basic": lambda _: {"Authorization": basic("ada", "lovelace")},
    "key": lambda _: {"X-API-Key": "demo-token"},
    "login": lambda api: {"Authorization": f"Bearer {log_in(api).json()['token']}"},
    "oauth": lambda api: {"Authorization": f"Bearer {grant(api).json()['access_token']}"},
    "jwt": lambda _: {"Authorization": jwt_of()},
    "jwt without client_identifier": lambda _: {"Authorization": jwt_of(header={})},
    "jwt of 59 minutes ago": lambda _: {"Authorization": jwt_of(iat=int(time.time()) - 3540)},
}


@pytest.mark.parametrize("name", GOOD)
def test_credentials_that_may_write(guest: httpx.Client, name: str) -> None:
    headers = GOOD[name](guest)

    assert guest.post("/quotes", json=ADA, headers=headers).status_code == 201


BAD: dict[str, Callable[[], dict[str, str]]] = {
    "nothing": dict,
    "token": lambda: {"Authorization": "Token wrong"},
    "no value": lambda: {"Authorization": "Token"},
    "empty key": lambda: {"X-API-Key": ""},
    "key": lambda: {"X-API-Key": "wrong"},
    "a wrong one beside a right one": lambda: {"Authorization": "Token wrong", "X-API-Key": "demo-token"},
    "scheme": lambda: {"Authorization": "Secret demo-token"},
    "basic": lambda: {"Authorization": basic("ada", "wrong")},
    "basic user": lambda: {"Authorization": basic("bob", "lovelace")},
    "basic without colon": lambda: {"Authorization": "Basic YWRh"},
    "basic garbage": lambda: {"Authorization": "Basic ==="},
    "bearer": lambda: {"Authorization": "Bearer wrong"},
    "jwt secret": lambda: {"Authorization": jwt_of("other-secret")},
    "jwt alg": lambda: {"Authorization": jwt_of(alg="HS512")},
    "jwt none": lambda: {"Authorization": jwt_of(alg="none")},
    "jwt client": lambda: {"Authorization": jwt_of(client_id="other")},
    "jwt issuer": lambda: {"Authorization": jwt_of(iss="other")},
    "jwt identifier": lambda: {"Authorization": jwt_of(header={"client_identifier": "other"})},
    "jwt old": lambda: {"Authorization": jwt_of(iat=int(time.time()) - 3700)},
    "jwt of the future": lambda: {"Authorization": jwt_of(iat=int(time.time()) + 3700)},
    "jwt without time": lambda: {"Authorization": jwt_of(iat=None)},
    "jwt expired": lambda: {"Authorization": jwt_of(exp=int(time.time()) - 1)},
    "jwt garbage": lambda: {"Authorization": "Bearer a.b.c"},
    "jwt of arrays": lambda: {"Authorization": "Bearer W10.W10.AA"},
}


@pytest.mark.parametrize("name", BAD)
def test_credentials_that_are_refused(guest: httpx.Client, name: str) -> None:
    response = guest.post("/quotes", json=ADA, headers=BAD[name]())

    expect_problem(response, 401)
    schemes = [line.partition(" ")[0] for line in response.headers.get_list("www-authenticate")]
    assert schemes == ["Token", "Bearer", "Basic"]
    assert guest.get("/quotes").json()["total"] == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/quotes"),
        ("PUT", "/quotes/1"),
        ("PATCH", "/quotes/1"),
        ("DELETE", "/quotes/1"),
        ("POST", "/quotes/1/portrait"),
        ("POST", "/jobs"),
        ("GET", "/admin/report"),
    ],
)
def test_what_needs_a_credential(guest: httpx.Client, method: str, path: str) -> None:
    expect_problem(guest.request(method, path), 401)
    for headers in (
        {"Authorization": "Token reader-token"},
        {"Authorization": "Bearer reader-token"},
        {"X-API-Key": "reader-token"},
    ):
        assert (
            expect_problem(guest.request(method, path, headers=headers), 403)["detail"]
            == "reader may read only"
        )


def test_the_report_is_for_those_who_may_write(api: httpx.Client) -> None:
    create(api)
    create(api, text="forbidden")
    poll(lambda: api.get("/quotes/2"), until="rejected")

    assert api.get("/admin/report").json() == {
        "quotes": 2,
        "jobs": 0,
        "states": {"draft": 0, "published": 1, "rejected": 1},
    }


def test_a_jwt_is_judged_by_its_signature_and_not_by_what_it_says(guest: httpx.Client) -> None:
    def forge(alg: str) -> str:
        parts = ({"alg": alg}, {"iss": "demo", "client_id": "demo", "iat": int(time.time())})
        signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
        signature = base64.urlsafe_b64encode(hmac.digest(b"demo-secret", signed, "sha256")).rstrip(b"=")
        return f"Bearer {signed.decode()}.{signature.decode()}"

    statuses = [
        guest.post("/quotes", json=ADA, headers={"Authorization": forge(alg)}).status_code
        for alg in ("HS256", "HS512", "none")
    ]

    assert statuses == [201, 401, 401]


def test_tokens_expire(guest: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_apitest.demo import auth

    monkeypatch.setattr(auth, "TOKEN_SECONDS", 0)
    token = log_in(guest).json()["token"]

    problem = expect_problem(
        guest.post("/quotes", json=ADA, headers={"Authorization": f"Bearer {token}"}), 401
    )
    assert problem["detail"] == "the token has expired"


def test_basic(guest: httpx.Client) -> None:
    for headers in ({}, {"Authorization": basic("ada", "x")}, TOKEN):
        response = guest.get("/auth/basic", headers=headers)
        expect_problem(response, 401)
        assert response.headers["www-authenticate"] == 'Basic realm="quotes", charset="UTF-8"'
    assert guest.get("/auth/basic", auth=("ada", "lovelace")).json() == {"user": "ada", "scheme": "basic"}


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_digest_with_a_client_of_others(guest: httpx.Client, algorithm: str) -> None:
    auth = httpx.DigestAuth("ada", "lovelace")
    for _ in range(3):  # the second uses the nonce of the first
        response = guest.get("/auth/digest", params={"algorithm": algorithm}, auth=auth)
        assert response.json() == {"user": "ada", "scheme": "digest", "algorithm": algorithm}
    assert 'rspauth="' in response.headers["authentication-info"]
    assert guest.get("/auth/digest", auth=httpx.DigestAuth("ada", "wrong")).status_code == 401
    assert errors_of(guest.get("/auth/digest?algorithm=SHA-1")) == [("algorithm", "unknown")]


def digest_of(challenge: str, shown: dict[str, str] | None = None, **changes: str) -> str:
    """Answer a challenge by the formula of RFC 7616, section 3.4.1; `shown` is changed after hashing."""
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.removeprefix("Digest ")))
    hashed = hashlib.md5 if given["algorithm"] == "MD5" else hashlib.sha256
    answer = {
        "username": "ada",
        "realm": given["realm"],
        "nonce": given["nonce"],
        "uri": "/auth/digest",
        "algorithm": given["algorithm"],
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "abc",
        "password": "lovelace",
    } | changes
    one = hashed(f"{answer['username']}:{answer['realm']}:{answer.pop('password')}".encode()).hexdigest()
    two = hashed(f"GET:{answer['uri']}".encode()).hexdigest()
    middle = ":".join(answer[name] for name in ("nonce", "nc", "cnonce", "qop"))
    answer["response"] = hashed(f"{one}:{middle}:{two}".encode()).hexdigest()
    answer |= shown or {}
    bare = ("algorithm", "qop", "nc")
    return "Digest " + ", ".join(f"{k}={v}" if k in bare else f'{k}="{v}"' for k, v in answer.items())


def test_digest_by_hand(guest: httpx.Client) -> None:
    def ask(shown: dict[str, str] | None = None, **changes: str) -> httpx.Response:
        headers = {"Authorization": digest_of(challenge, shown, **changes)}
        return guest.get("/auth/digest", headers=headers)

    challenges = guest.get("/auth/digest").headers.get_list("www-authenticate")
    assert [re.findall("algorithm=([^,]+)", line) for line in challenges] == [["SHA-256"], ["MD5"]]
    for challenge in challenges:
        number = "00000001" if "SHA" in challenge else "00000002"
        refused = [
            ask(nc=number, password="x"),
            ask(nc=number, username="bob"),
            ask(nc=number, realm="other"),
            ask(nc=number, uri="/other"),
            ask(nc=number, qop="auth-int"),
            ask(nc="1"),
            ask({"username": "bob"}, nc=number),
            ask({"uri": "/other"}, nc=number),
            ask({"realm": "other"}, nc=number),
            ask({"algorithm": "SHA-1"}, nc=number),
        ]
        assert [answer.status_code for answer in refused] == [401] * 10
        assert not any("stale" in answer.headers["www-authenticate"] for answer in refused)
        assert ask(nc=number).status_code == 200
        used_up = [ask(nc=number), ask(nc="00000009", nonce="made up")]
        assert [answer.status_code for answer in used_up] == [401, 401]
        assert all("stale=true" in answer.headers["www-authenticate"] for answer in used_up)


def grant(api: httpx.Client, **changes: Any) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"} | changes
    headers = {"authorization": ""}
    request = api.build_request(
        "POST", "/oauth/token", data={k: v for k, v in form.items() if v is not None}, headers=headers
    )
    del request.headers["authorization"]
    return api.send(request)


def test_oauth(guest: httpx.Client) -> None:
    by_body = grant(guest)
    by_basic = guest.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=("demo", "demo-secret")
    )

    for response in (by_body, by_basic):
        granted = response.json()
        assert (granted["token_type"], granted["expires_in"], granted["scope"]) == ("Bearer", 3600, "write")
        assert response.headers["cache-control"] == "no-store"
    assert by_body.json()["access_token"] != by_basic.json()["access_token"]


def test_oauth_for_reading_may_not_write(guest: httpx.Client) -> None:
    token = grant(guest, scope="read").json()["access_token"]

    expect_problem(guest.post("/quotes", json=ADA, headers={"Authorization": f"Bearer {token}"}), 403)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": None}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"scope": "admin"}, 400, "invalid_scope"),
        ({"client_id": ["demo", "demo"]}, 400, "invalid_request"),
    ],
)
def test_oauth_refusals(guest: httpx.Client, changes: dict[str, Any], status: int, code: str) -> None:
    response = grant(guest, **changes)

    assert (response.status_code, response.json()["error"]) == (status, code)
    assert ("www-authenticate" in response.headers) is (status == 401)


def test_oauth_reads_forms_only(guest: httpx.Client) -> None:
    assert guest.post("/oauth/token", json={}).json()["error"] == "invalid_request"


def test_a_session(guest: httpx.Client) -> None:
    before = guest.get("/me")
    expect_problem(before, 401)
    assert before.headers["www-authenticate"].startswith('Cookie realm="quotes"')

    by_form = guest.post("/login", data={"user": "ada", "password": "lovelace"})
    assert re.fullmatch(r"session=[\w-]{20,}; HttpOnly; Path=/; SameSite=Lax", by_form.headers["set-cookie"])
    key = guest.cookies["session"]
    assert guest.get("/me").json()["user"] == "ada"

    out = guest.post("/logout")
    assert out.status_code == 204
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert "session" not in guest.cookies
    expect_problem(guest.get("/me", headers={"cookie": f"session={key}"}), 401)
    assert guest.post("/logout").status_code == 204


def test_a_login_that_fails(guest: httpx.Client) -> None:
    expect_problem(guest.post("/login", json={"user": "ada", "password": "x"}), 401)
    assert errors_of(guest.post("/login", json={"user": "", "pasword": "x"})) == [
        ("user", "empty"),
        ("password", "required"),
        ("pasword", "unknown"),
    ]
    assert "session" not in guest.cookies


# --- mirrors -------------------------------------------------------------------------------------------


def test_echo(guest: httpx.Client) -> None:
    headers = [("X-Trace", "one"), ("x-TRACE", "two"), ("Cookie", "a=1; b=2")]
    body = b'{"price": 1.10, "big": 1152921504606846977}'

    response = guest.request("PUT", "/echo?q=%20&q=a+b", headers=headers, content=body)

    said = response.json()
    assert (said["method"], said["path"], said["query"]) == ("PUT", "/echo", "q=%20&q=a+b")
    assert [pair for pair in said["headers"] if pair[0].lower() == "x-trace"] == [
        ["X-Trace", "one"],
        ["x-TRACE", "two"],
    ]
    assert said["cookies"] == {"a": "1", "b": "2"}
    assert (said["size"], said["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert said["text"] == body.decode()
    assert b'"json": ' + body in response.content


@pytest.mark.parametrize(
    ("body", "text", "parsed"),
    [
        (b"", "", None),
        (b"\xff", None, None),
        (b"[1", "[1", None),
        (b'{"a":1,"a":2}', '{"a":1,"a":2}', None),
        (b"[1]", "[1]", [1]),
    ],
)
def test_echo_of_bodies(guest: httpx.Client, body: bytes, text: str | None, parsed: Any) -> None:
    said = guest.post("/echo", content=body).json()

    assert (said["text"], said["json"], said["size"]) == (text, parsed, len(body))


@pytest.mark.parametrize("method", [*METHODS, "propfind"])
def test_echo_answers_any_method(guest: httpx.Client, method: str) -> None:
    response = guest.request(method.upper(), "/echo")

    assert response.status_code == 200
    assert method == "head" or response.json()["method"] == method.upper()


def test_forms(guest: httpx.Client) -> None:
    content = "tags=a&id=&tags=b+c&n%C3%A4me=%26"
    headers = {"content-type": "application/x-www-form-urlencoded"}

    said = guest.post("/forms", content=content, headers=headers).json()

    assert said["fields"] == {"tags": ["a", "b c"], "id": [""], "näme": ["&"]}
    assert said["pairs"] == [["tags", "a"], ["id", ""], ["tags", "b c"], ["näme", "&"]]
    expect_problem(guest.post("/forms", content=b"a=%ff", headers=headers), 400)


def test_texts(guest: httpx.Client) -> None:
    body = "naïve;1\r\n".encode("latin-1")

    said = guest.post("/text", content=body, headers={"content-type": "text/csv; charset=latin-1"})

    assert (said.content, said.headers["content-type"]) == (body, "text/csv; charset=latin-1")
    assert said.headers["x-byte-count"] == "9"
    for wrong in ("text/plain", "text/plain; charset=klingon"):
        expect_problem(guest.post("/text", content=body, headers={"content-type": wrong}), 400)


# --- pages ---------------------------------------------------------------------------------------------


def csrf_of(api: httpx.Client) -> str:
    found = re.findall('name="csrf" value="([^"]+)"', api.get("/html").text)
    assert len(found) == 1
    return str(found[0])


def submit(api: httpx.Client, csrf: str) -> httpx.Response:
    return api.post("/html", data={"csrf": csrf, "comment": "hello"})


def test_a_form_page(guest: httpx.Client) -> None:
    csrf = csrf_of(guest)
    taken = submit(guest, csrf)

    assert guest.get("/html").headers["content-type"] == "text/html; charset=utf-8"
    assert (taken.status_code, taken.headers["location"]) == (303, "/html/done")
    assert "<h1>Thank you</h1>" in guest.get("/html/done").text
    for refused in (
        submit(guest, csrf),
        submit(guest, "wrong"),
        guest.post("/html", data={"comment": "hello"}),
    ):
        expect_problem(refused, 403)


def test_redirects(guest: httpx.Client) -> None:
    one = guest.get("/redirect/3")
    followed = guest.get("/redirect/3", follow_redirects=True)

    assert (one.status_code, one.headers["location"]) == (302, "/redirect/2")
    assert [hop.status_code for hop in followed.history] == [302, 302, 302]
    assert followed.json() == {"redirects": "done"}
    assert errors_of(guest.get("/redirect/51")) == [("n", "out_of_range")]
    assert errors_of(guest.get("/redirect/x")) == [("n", "type")]


@pytest.mark.parametrize(("status", "method", "body"), [(307, "POST", "hello"), (303, "GET", "")])
def test_redirected_posts(guest: httpx.Client, status: int, method: str, body: str) -> None:
    followed = guest.post(f"/redirect-post?status={status}", content=b"hello", follow_redirects=True)

    assert followed.history[0].status_code == status
    assert (followed.json()["method"], followed.json()["text"]) == (method, body)
    assert guest.post("/redirect-post").status_code == 307
    assert errors_of(guest.post("/redirect-post?status=200")) == [("status", "unknown")]


def test_cookies(guest: httpx.Client) -> None:
    response = guest.get("/cookies/set?colour=blue&size=&path=/echo&httponly=true&samesite=Lax&max_age=60")

    settings = "; Path=/echo; Max-Age=60; HttpOnly; SameSite=Lax"
    assert response.headers.get_list("set-cookie") == [f"colour=blue{settings}", f"size={settings}"]
    assert response.json() == {"cookies": {"colour": "blue", "size": ""}}
    assert guest.get("/echo").json()["cookies"] == {"colour": "blue", "size": ""}
    assert guest.get("/cookies/set?a=b&secure=true").headers["set-cookie"] == "a=b; Path=/; Secure"
    assert guest.get("/echo").json()["cookies"] == {"colour": "blue", "size": ""}


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("a=b%3B", [("a", "format")]),
        ("a%20b=c", [("a b", "format")]),
        ("a=b&path=x%0d%0aSet-Cookie:y", [("path", "format")]),
        ("secure=yes&samesite=lax", [("secure", "unknown"), ("samesite", "unknown")]),
    ],
)
def test_cookies_that_cannot_be(guest: httpx.Client, query: str, errors: list[tuple[str, str]]) -> None:
    response = guest.get(f"/cookies/set?{query}")

    assert errors_of(response) == errors
    assert "set-cookie" not in response.headers


def test_the_logo_is_a_png(guest: httpx.Client) -> None:
    response = guest.get("/logo.png")

    assert response.headers["content-type"] == "image/png"
    assert response.content.startswith(
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x30\x00\x00\x00\x20"
    )
    assert response.content.endswith(b"IEND\xaeB`\x82")
    assert len(response.content) > 100


# --- the service ---------------------------------------------------------------------------------------


def test_numbers_keep_their_digits(guest: httpx.Client) -> None:
    response = guest.get("/numbers")

    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.text, parse_int=str, parse_float=str) == {
        "big": "1152921504606846977",
        "negative_big": "-1152921504606846977",
        "digits": "12345678901234567890123",
        "tenth": "0.1",
        "price": "1.10",
        "one": "1.0",
        "exponent": "1.5e3",
        "small": "1e-7",
        "zero": "0",
        "negative_zero": "-0.0",
    }
    assert response.json()["big"] == 2**60 + 1


def test_slow(guest: httpx.Client) -> None:
    started = time.monotonic()

    assert guest.get("/slow?ms=200").json() == {"waited_ms": 200}
    assert time.monotonic() - started >= 0.2
    assert errors_of(guest.get("/slow")) == [("ms", "required")]
    assert errors_of(guest.get("/slow?ms=60001")) == [("ms", "out_of_range")]


@pytest.mark.parametrize(
    "code", [200, 201, 204, 205, 299, 302, 304, 308, 400, 401, 404, 405, 407, 418, 429, 500, 503, 599]
)
def test_any_status(guest: httpx.Client, code: int) -> None:
    response = guest.get(f"/status/{code}")

    assert response.status_code == code
    assert ("location" in response.headers) is (code in (302, 308))
    assert ("www-authenticate" in response.headers) is (code == 401)
    assert (response.content == b"") is (code in (204, 205, 304))


@pytest.mark.parametrize(
    ("code", "error"), [("199", "out_of_range"), ("600", "out_of_range"), ("ok", "type")]
)
def test_a_status_that_cannot_be(guest: httpx.Client, code: str, error: str) -> None:
    assert errors_of(guest.get(f"/status/{code}")) == [("code", error)]


def test_flaky(guest: httpx.Client) -> None:
    def ask(key: str) -> int:
        response = guest.get(f"/flaky?key={key}&fails=2")
        assert (response.headers.get("retry-after") == "1") is (response.status_code == 503)
        return response.status_code

    assert [ask("a"), ask("b"), ask("a"), ask("a"), ask("b"), ask("b"), ask("a")] == [
        503,
        503,
        503,
        200,
        503,
        200,
        200,
    ]
    assert guest.get("/flaky?key=a").json() == {"key": "a", "attempts": 5}
    assert errors_of(guest.get("/flaky?fails=-1")) == [("key", "required"), ("fails", "out_of_range")]
    assert errors_of(guest.get("/flaky?key=")) == [("key", "empty")]


def test_reset_forgets_data_and_keeps_credentials(api: httpx.Client) -> None:
    token = log_in(api).json()["token"]
    create(api)
    job = api.post("/jobs", json={"kind": "fail"}).headers["location"]
    api.get("/flaky?key=a")

    assert api.post("/reset").status_code == 204

    assert api.get("/health").json() == {"status": "ok", "quotes": 0}
    expect_problem(api.get(job), 404)
    expect_problem(api.get("/flaky?key=a&fails=1"), 503)
    assert api.get("/me").status_code == 200
    assert (
        api.post("/quotes", json=ADA, headers={"Authorization": f"Bearer {token}"}).headers["location"]
        == "/quotes/1"
    )


def test_two_applications_share_nothing() -> None:
    with Host() as host, httpx.Client(trust_env=False, verify=False, headers=TOKEN) as client:
        one, two = (host.serve(create_app).base_url for _ in range(2))
        client.post(f"{one}/quotes", json=ADA)

        assert client.get(f"{one}/quotes").json()["total"] == 1
        assert client.get(f"{two}/quotes").json()["total"] == 0


def test_a_failure_of_the_application_is_a_problem(
    guest: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pytest_apitest.demo import store

    def broken(self: object) -> None:
        message = "the secret is 42"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(store.Store, "all_quotes", broken)
    with httpx.Client(base_url=guest.base_url, trust_env=False, verify=False) as unchecked:
        problem = expect_problem(unchecked.get("/quotes"), 500)

    assert problem["detail"] == "the demo API failed"
    assert "ZeroDivisionError" in caplog.text


# --- the command ---------------------------------------------------------------------------------------


def test_the_command_serves_until_interrupted() -> None:
    command = [sys.executable, "-W", "error", "-m", "pytest_apitest.demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline()]
            while "Ctrl-C" not in lines[-1]:
                assert lines[-1], process.stderr and process.stderr.read()
                lines.append(process.stdout.readline())
            text = "".join(lines)
            base_url = text.splitlines()[0].removeprefix("Demo API on ")
            curl = next(line for line in lines if line.startswith("curl"))
            found = re.fullmatch(
                r"curl -i -X (\S+) (\S+) -H '(\S+): (.+)' -H '(\S+): (.+)' -d '(.+)'\n", curl
            )
            assert found is not None, curl
            method, url, *rest = found.groups()
            headers = {rest[0]: rest[1], rest[2]: rest[3]}
            made = httpx.request(
                method, url, headers=headers, content=rest[4].encode(), trust_env=False, verify=False
            )
            process.send_signal(signal.SIGINT)
            end, errors = process.communicate(timeout=20)
        finally:
            watchdog.cancel()
            watchdog.join()
            process.kill()

    assert "Token that may write: demo-token\n" in text
    assert made.status_code == 201
    assert url.startswith(base_url)
    assert (end, errors, process.returncode) == ("\n", "", 0)


def test_the_command_says_when_a_port_is_taken(base_url: str) -> None:
    port = str(httpx.URL(base_url).port)
    command = [sys.executable, "-m", "pytest_apitest.demo", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"cannot listen on 127.0.0.1:{port}: address already in use\n"


def test_importing_the_demo_imports_no_server() -> None:
    code = "import sys, pytest_apitest.demo; print('aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_a_compressed_request_is_read(api: httpx.Client) -> None:
    body = gzip.compress(json.dumps(ADA).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}

    assert api.post("/quotes", content=body, headers=headers).status_code == 201
