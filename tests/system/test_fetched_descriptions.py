"""Descriptions that are read during the run: of the endpoint itself, from a URL, in several files."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pytest_apitest.engine import DocumentState
from pytest_apitest.engine.runs import outcome_of, runs_of
from pytest_apitest.errors import ProblemsError
from tests import hostile
from tests.harness import Bench, Ran, bench_in
from tests.hostile import answer, answering_always, serve, serving
from tests.plugin.project import Project

SCENARIO = """
scenario: Fetched
endpoints: {{api: {{url: "{url}"{more}, openapi: {openapi}}}}}
cases:
  - case: one
    steps: [{{request: GET /quote{query}}}]
  - case: two
    steps: [{{request: GET /quote}}]
"""


def description(**more: Any) -> dict[str, Any]:
    """Return a description of `GET /quote`, whose answer has a text."""
    schema = more.pop(
        "schema", {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    )
    responses = {"200": {"description": "d", "content": {"application/json": {"schema": schema}}}}
    parameters = [{"name": "page", "in": "query", "schema": {"type": "integer"}}]
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/quote": {"get": {"parameters": parameters, "responses": responses}}},
        **more,
    }


class Api:
    """An API with a description, and what it was asked for."""

    def __init__(self, files: dict[str, Any]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.headers: dict[str, dict[str, str]] = {}

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        self.headers[request.path] = dict(request.headers)
        found = self.files.get(request.path)
        if isinstance(found, web.Response):
            return web.Response(status=found.status, headers=found.headers, body=found.body)
        return web.json_response(found) if found is not None else web.Response(status=404, text="hush")

    def count(self, path: str) -> int:
        return self.asked.count(path)


QUOTE = {"text": "Measure before you cut."}


def api_of(bench: Bench, files: dict[str, Any]) -> tuple[Api, str]:
    api = Api({"/quote": QUOTE, **files})
    return api, bench.serve(("GET", "/{path:.*}", api.handle))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


def run(bench: Bench, url: str, openapi: str = "/openapi.json", more: str = "", query: str = "") -> Ran:
    return bench.run(SCENARIO.format(url=url, openapi=openapi, more=more, query=query))


def test_an_api_is_checked_against_its_own_description(bench: Bench) -> None:
    api, url = api_of(bench, {"/openapi.json": description()})
    ran = run(bench, url)
    assert ran.outcomes == ["passed", "passed"]
    assert api.asked == ["/openapi.json", "/quote", "/quote"]
    api.files["/quote"] = {"text": 1}
    ran = run(bench, url, query="?page=x")
    assert ran.outcomes == ["failed", "failed"]
    assert [message.partition(" (/")[0] for message in ran.messages] == [
        'openapi: request query page: expected integer, got "x" (text)',
        "openapi: response $.text: expected string, got 1 (number)",
        "openapi: response $.text: expected string, got 1 (number)",
    ]
    assert all("(/openapi.json:1:" in message for message in ran.messages)


def test_a_url(bench: Bench) -> None:
    api, url = api_of(bench, {"/openapi.json": description()})
    ran = run(bench, url, f'"{url}/openapi.json?token=hush"')
    assert ran.outcomes == ["passed", "passed"]
    assert api.asked == ["/openapi.json", "/quote", "/quote"]


def test_the_path_is_joined_to_the_base(bench: Bench) -> None:
    files = {"/v1/openapi.json": description(servers=[{"url": "/v1"}]), "/v1/quote": {"text": 1}}
    api, url = api_of(bench, files)
    ran = run(bench, f"{url}/v1/")
    assert ran.outcomes == ["failed", "failed"]
    assert api.asked == ["/v1/openapi.json", "/v1/quote", "/v1/quote"]


def test_settings_of_the_endpoint_go_to_its_origin(bench: Bench) -> None:
    more = ", auth: {token: hush-hush}, headers: {X-Tenant: one}"
    api, url = api_of(
        bench, {"/openapi.json": description(schema={"$ref": "parts/quote.json"}), "/parts/quote.json": True}
    )
    api.files["/parts/quote.json"] = {"type": "object"}
    assert run(bench, url, "{file: /openapi.json, refs: true}", more).outcomes == ["passed", "passed"]
    for path in ("/openapi.json", "/parts/quote.json", "/quote"):
        assert "hush-hush" in api.headers[path]["Authorization"]
        assert api.headers[path]["X-Tenant"] == "one"
    other, elsewhere = api_of(bench, {"/openapi.json": description()})
    assert run(bench, url, f'"{elsewhere}/openapi.json"', more).outcomes == ["passed", "passed"]
    assert not {"Authorization", "X-Tenant"} & set(other.headers["/openapi.json"])


def test_further_origins_are_read_during_the_run_and_get_nothing(bench: Bench) -> None:
    other, elsewhere = api_of(bench, {"/quote.json": {"required": ["page"]}})
    api, url = api_of(bench, {"/openapi.json": description(schema={"$ref": f"{elsewhere}/quote.json"})})
    ran = run(bench, url, f'{{file: /openapi.json, refs: ["{elsewhere}"]}}', ", auth: {token: hush-hush}")
    assert ran.outcomes == ["failed", "failed"]
    assert ran.messages[0] == f"openapi: response $.page: missing ({elsewhere}/quote.json:1:14)"
    assert other.asked == ["/quote.json"]
    assert "Authorization" not in other.headers["/quote.json"]
    del api
    bench.write(json.dumps(description(schema={"$ref": f"{elsewhere}/quote.json"})), "api.json")
    ran = run(bench, url, f'{{file: api.json, refs: ["{elsewhere}"]}}')
    assert ran.outcomes == ["failed", "failed"]
    assert other.asked == ["/quote.json", "/quote.json"]


def test_references_that_are_not_allowed_are_violations(bench: Bench) -> None:
    api, url = api_of(bench, {"/openapi.json": description(schema={"$ref": "quote.json"}), "/quote.json": {}})
    ran = run(bench, url)
    assert ran.outcomes == ["failed", "failed"]
    assert (
        "leads out of this document, and nothing else is read" in ran.messages[0]
        or "cannot be" in ran.messages[0]
    )
    assert "/quote.json" not in api.asked


def test_a_file_of_several_is_read_with_the_document(bench: Bench) -> None:
    bench.write(json.dumps(description(schema={"$ref": "parts/quote.json#/Quote"})), "api.json")
    bench.write('{"Quote": {"required": ["page"]}}', "parts/quote.json")
    _, url = api_of(bench, {})
    ran = run(bench, url, "{file: api.json, refs: true}")
    assert ran.messages == ["openapi: response $.page: missing (parts/quote.json:1:24)"] * 2
    # What was read is not kept when a file changes, also one that is only referred to.
    bench.write('{"Quote": {"required": ["text"], "description": "changed"}}', "parts/quote.json")
    assert run(bench, url, "{file: api.json, refs: true}").outcomes == ["passed", "passed"]
    (bench.folder / "parts" / "quote.json").unlink()
    ran = run(bench, url, "{file: api.json, refs: true}")
    assert "cannot be read: no such file or directory" in ran.messages[0]


# -- what goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "cannot be used: answered 404"),
        (web.Response(text="hush", status=503), "cannot be used: answered 503"),
        (web.Response(text="<html>hush"), "cannot be used: answered with HTML or XML, not with a description"),
        (web.Response(text=""), "cannot be used: it is empty"),
        (web.Response(text="a: b\nhush: ["), "cannot be used: not YAML: "),
        ({"swagger": "2.0"}, 'cannot be used: this is Swagger "2.0"; OpenAPI 3.0, 3.1 and 3.2 are known here: convert it first'),
        ({"openapi": "4.0.0"}, 'cannot be used: the version "4.0.0" is not known here; known: 3.0.x, 3.1.x and 3.2.x'),
        (QUOTE, 'cannot be used: this is no OpenAPI description: the field "openapi" is missing'),
        (web.Response(body=b"#" * ((16 << 20) + 1)), "cannot be used: body larger than 16 MiB"),
        (web.Response(status=302, headers={"Location": "/openapi.json"}), "cannot be used: more than 5 redirects"),
        (web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "cannot be used: redirected to another origin, which is not followed"),
    ],
    ids=lambda value: value.removeprefix("cannot be used: ") if isinstance(value, str) else "",
)  # fmt: skip
def test_what_cannot_be_used_is_an_error_and_nothing_is_sent(bench: Bench, found: Any, message: str) -> None:
    api, url = api_of(bench, {"/openapi.json": found} if found is not None else {})
    ran = run(bench, url)
    assert ran.outcomes == ["error", "error"]
    one, other = (case.failures[0] for case in ran.cases)
    assert one.message == other.message
    assert message in one.message
    assert one.message.startswith("openapi: /openapi.json")
    assert "hush" not in one.message
    assert (one.file, one.line, one.column) == ("case.apitest.yaml", 3, 36 + len(url) + 1)
    assert not api.count("/quote")
    assert api.count("/openapi.json") == (6 if "redirects" in message else 1)


def test_who_does_not_answer(bench: Bench) -> None:
    _, url = api_of(bench, {})
    with hostile.refused_port() as address:
        ran = run(bench, url, f'"{address.url}api.json?token=hush"')
    assert ran.outcomes == ["error", "error"]
    said = f"openapi: {address.url}api.json cannot be used: cannot reach {address.peer}: connection refused"
    assert ran.messages == [said, said]


def test_a_gzip_bomb(bench: Bench) -> None:
    _, url = api_of(bench, {})
    with serve(hostile.gzip_bomb) as address:
        ran = run(bench, url, f'"{address.url}api.json"')
    assert ran.outcomes == ["error", "error"]
    assert ran.messages[0].endswith("decompresses to more than 200 times its size")


def test_what_is_not_needed_is_not_read(bench: Bench) -> None:
    with serve(answering_always(answer(b"", status="500 No"))) as address:
        text = f"""
        scenario: t
        endpoints:
          unused: {{url: "{address.url}", openapi: /openapi.json}}
          used: {{url: "{api_of(bench, {})[1]}", openapi: "{address.url}openapi.json"}}
        steps:
          - {{request: "GET ${{used}}/quote", openapi: false}}
        """
        assert bench.run(text).outcomes == ["passed"]
        assert not address.connections


def test_what_was_made_is_removed_although_a_description_cannot_be_read(bench: Bench) -> None:
    removed: list[str] = []

    async def remove(request: web.Request) -> web.Response:
        removed.append(request.path)
        return web.Response(status=204)

    url = bench.serve(("DELETE", "/quote", remove))
    _, plain = api_of(bench, {})
    ran = bench.run(
        f"""
        scenario: t
        endpoints:
          plain: {{url: "{plain}"}}
          broken: {{url: "{url}", openapi: /openapi.json}}
        steps:
          - {{request: "GET ${{plain}}/quote", cleanup: "DELETE ${{broken}}/quote"}}
        """
    )
    assert removed == ["/quote"]
    assert ran.outcomes != ["passed"]
    assert any("/openapi.json cannot be used: answered 404" in message for message in ran.messages)


def test_a_redirect_to_an_endpoint_whose_description_cannot_be_read_is_no_pass(bench: Bench) -> None:
    _, target = api_of(bench, {})
    _, url = api_of(bench, {"/away": web.Response(status=302, headers={"Location": f"{target}/quote"})})
    ran = bench.run(
        f"""
        scenario: t
        endpoints:
          here: {{url: "{url}", follow_redirects: true}}
          there: {{url: "{target}", openapi: /openapi.json}}
        steps:
          - {{request: "GET ${{here}}/away"}}
        """
    )
    assert ran.outcomes == ["error"]
    assert ran.messages == ["openapi: /openapi.json cannot be used: answered 404"]


def test_it_is_read_once_by_many_threads(bench: Bench) -> None:
    calls: list[str] = []
    gate = threading.Event()

    def behave(peer: hostile.Peer) -> None:
        while True:
            target = peer.read_request().split(b" ")[1].decode()
            calls.append(target)
            if target == "/openapi.json":
                gate.wait(5)
                peer.send(answer(json.dumps(description()).encode()))
            else:
                peer.send(answer(json.dumps(QUOTE).encode(), "Content-Type: application/json"))

    with serve(behave) as address:
        engine = bench.new_engine()
        text = SCENARIO.format(url=address.url, openapi="/openapi.json", more="", query="")
        document = bench.load(text)

        def run_one(_: int) -> str:
            state = DocumentState(engine, document)
            first = next(iter(runs_of(document)))
            outcome = outcome_of(document, first.case, first.name, first.name, engine.redactor)
            state.run(first.case, outcome, first.row, {})
            return outcome.outcome

        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(run_one, at) for at in range(8)]
            gate.set()
            assert [future.result() for future in futures] == ["passed"] * 8
    assert calls.count("/openapi.json") == 1
    assert calls.count("/quote") == 8


DEMO = """\
scenario: Demo
endpoints: {api: {app: "pytest_apitest.demo:create_app", openapi: /openapi.json}}
cases:
  - case: described
    steps: [{request: GET /quotes}]
  - case: not described
    steps: [{request: GET /nowhere, expect: {status: 404}}]
  - case: wrong on purpose
    steps: [{request: GET /quotes?page=none, expect: {status: 422, openapi: response}}]
"""


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["one", "workers"])
def test_an_app_is_tested_against_its_own_description(project: Project, words: tuple[str, ...]) -> None:
    project.write("demo.apitest.yaml", DEMO)
    done = project.run(*words)
    assert done.outcomes == {
        "described": "passed",
        "not described": "failed",
        "wrong on purpose": "passed",
    }
    assert 'the path "/nowhere" is not described (/openapi.json:1:' in done.all


def test_collection_fetches_nothing(project: Project) -> None:
    with serve(serving({})) as address:
        text = SCENARIO.format(url=address.url, openapi="/openapi.json", more="", query="")
        project.write("fetched.apitest.yaml", text)
        done = project.run("--co", "-q", report=False)
        assert done.exit == 0
        assert not address.connections
        done = project.run()
        assert done.exit == 1
        assert list(done.outcomes.values()) == ["error", "error"]
        assert done.line("fetched.apitest.yaml:3: ")
        assert len(address.requests) == 1


def test_an_operation_of_another_file(bench: Bench) -> None:
    _, url = api_of(bench, {})
    paths = description()["paths"]
    paths["/quote"]["get"]["operationId"] = "readQuote"
    bench.write(json.dumps(description(paths={"/quote": {"$ref": "parts/paths.json#/~1quote"}})), "api.json")
    bench.write(json.dumps(paths), "parts/paths.json")
    text = f"""
    scenario: t
    endpoints: {{api: {{url: "{url}", openapi: {{file: api.json, refs: true}}}}}}
    steps:
      - {{request: {{operation: readQuote}}, expect: {{json: {{$.text: {{starts_with: Measure}}}}}}}}
    """
    assert bench.run(text).outcomes == ["passed"]
    with pytest.raises(ProblemsError, match=r"parts/paths\.json:1:\d+"):
        bench.load(text.replace("$.text", "$.text.length"))


def test_the_whole_value_is_marked_where_a_description_cannot_be_read(bench: Bench) -> None:
    _, url = api_of(bench, {})
    ran = run(bench, url, "/404.json")
    for case in ran.cases:
        (failure,) = case.failures
        assert (failure.line, failure.width) == (3, len("/404.json"))


def test_no_scenario_is_suggested_as_a_description(project: Project) -> None:
    project.write(
        "books.apitest.yaml", SCENARIO.format(url="http://a.example", openapi="books.yaml", more="", query="")
    )
    run = project.run("--co")
    assert "no file books.yaml beside this document\n" in run.out
