"""Scenarios whose exchanges are checked against a description: the demo API with one thing broken, and the rules.

Each mutant of the demo API passes a scenario that checks nothing but 2xx, and fails it where `openapi` is written.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pytest_apitest.demo import create_app
from pytest_apitest.errors import ProblemsError
from pytest_apitest.selection import package_scenarios
from tests.golden_files import Golden
from tests.harness import Bench, Ran, bench_in

DESCRIPTION = Path(__file__).parents[2] / "pytest_apitest" / "demo" / "quotes.openapi.yaml"
BESIDE_THE_SCENARIOS = package_scenarios() / "demo" / "quotes.openapi.yaml"
PLAIN = """
scenario: Plain
endpoints: {{api: {{url: "{url}", auth: {{token: demo-token}}{openapi}}}}}
steps:
  - request: {{POST: /quotes, json: {{author: Ada, text: Cut., tags: [a]}}}}
    save: {{quote: $.url}}
    cleanup: DELETE ${{quote}}
  - {{request: "GET ${{quote}}"}}
  - {{request: GET /quotes?tag=a}}
  - {{request: GET /nowhere, openapi: false, expect: {{status: {{at_least: 100}}}}}}
"""
Change = Callable[[Any], None]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        made.write(DESCRIPTION.read_text(encoding="utf-8"), "quotes.openapi.yaml")
        yield made


def broken(method: str, path: str, change: Callable[[web.Response], web.Response]) -> web.Application:
    """Return the demo API with the answers of one method to paths with one beginning changed."""
    app = create_app()

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        answer = await handler(request)
        if request.method == method and request.path.startswith(path) and isinstance(answer, web.Response):
            return change(answer)
        return answer

    app.middlewares.insert(0, middleware)
    return app


def anew(answer: web.Response, **given: Any) -> web.Response:
    """Return a response with something else in it."""
    headers = answer.headers.copy()
    for name in ("Content-Length", "Content-Type"):
        headers.pop(name, None)
    content_type = given.pop("content_type", answer.content_type)
    return web.Response(
        **{"body": answer.body, "status": answer.status, "headers": headers, "content_type": content_type}
        | given
    )


def in_json(change: Change) -> Callable[[web.Response], web.Response]:
    def changed(answer: web.Response) -> web.Response:
        assert isinstance(answer.body, bytes)
        value = json.loads(answer.body)
        change(value)
        return anew(answer, body=json.dumps(value).encode())

    return changed


def without(name: str) -> Callable[[web.Response], web.Response]:
    def changed(answer: web.Response) -> web.Response:
        del answer.headers[name]
        return answer

    return changed


MUTANTS: dict[str, tuple[str, str, Callable[[web.Response], web.Response], str]] = {
    "a wrong type": ("GET", "/quotes/", in_json(lambda quote: quote.update(id=str(quote["id"]))), "response $.id: expected integer, got "),
    "a missing property": ("GET", "/quotes/", in_json(lambda quote: quote.pop("lang")), "response $.lang: missing "),
    "an extra property": ("POST", "/quotes", in_json(lambda quote: quote.update(surplus=1)), "response $.surplus: not allowed"),
    "no date-time": ("GET", "/quotes/", in_json(lambda quote: quote.update(created="yesterday")), 'response $.created: expected format date-time, got "yesterday" '),
    "a wrong type in a list": ("GET", "/quotes", in_json(lambda page: page.get("items", [{}])[0].update(text=None)), "response $.items[0].text: expected string, got null "),
    "an undocumented status": ("POST", "/quotes", lambda answer: anew(answer, status=202), "response: status 202 is not described; there are 201, 400, "),
    "a wrong content type": ("GET", "/quotes/", lambda answer: anew(answer, content_type="text/plain"), 'response: expected the content type application/json, got "text/plain" '),
    "no JSON": ("GET", "/quotes/", lambda answer: anew(answer, body=b"{"), "response: the body is no JSON: "),
    "a missing header": ("POST", "/quotes", without("Location"), "response header Location: missing, it is required "),
    "a wrong header": ("GET", "/quotes/", lambda answer: anew(answer, headers={"ETag": "weak"}), "response header ETag: "),
    "a clean-up that is answered wrongly": ("DELETE", "/quotes/", lambda answer: anew(answer, status=200), 'cleanup of "POST /quotes": DELETE /quotes/1: openapi: response: status 200 is not described; '),
}  # fmt: skip


def run(bench: Bench, app: web.Application, openapi: str = ", openapi: quotes.openapi.yaml") -> Ran:
    return bench.run(PLAIN.format(url=bench.host.serve(app).base_url, openapi=openapi))


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught_by_the_description_alone(bench: Bench, mutant: str) -> None:
    method, path, change, message = MUTANTS[mutant]
    assert run(bench, broken(method, path, change), "").outcomes == ["passed"]
    ran = run(bench, broken(method, path, change))
    assert ran.outcomes == ["failed"]
    first = ran.messages[0]
    assert first.removeprefix("openapi: ").startswith(message)
    place = first.rpartition("(")[2].removesuffix(")").split(":")
    assert place[0] == "quotes.openapi.yaml"
    assert all(number.isdigit() and int(number) > 0 for number in place[1:])


def test_the_demo_api_itself_follows_its_description(bench: Bench) -> None:
    ran = run(bench, create_app())
    assert ran.messages == []
    # 2xx and the description, for each step that is checked.
    assert [step.checks for step in ran.case.steps] == [2, 2, 2, 1, 2]


RULES = """
scenario: Rules
endpoints: {{api: {{app: "pytest_apitest.demo:create_app", openapi: {openapi}}}}}
steps:
  - {step}
"""
FILE = "quotes.openapi.yaml"
NOT_DESCRIBED = 'openapi: request: the path "/nowhere" is not described (quotes.openapi.yaml:28:1)'
WRONG_PAGE = 'openapi: request query page: expected integer, got "x" (text) (quotes.openapi.yaml:860:22)'


@pytest.mark.parametrize(
    ("openapi", "step", "outcome", "said"),
    [
        (FILE, "{request: GET /nowhere, expect: {status: 404}}", "failed", [NOT_DESCRIBED]),
        ("{file: quotes.openapi.yaml, undocumented: fail}", "{request: GET /nowhere, expect: {status: 404}}", "failed", [NOT_DESCRIBED]),
        ("{file: quotes.openapi.yaml, undocumented: warn}", "{request: GET /nowhere, expect: {status: 404}}", "warned", [NOT_DESCRIBED]),
        ("{file: quotes.openapi.yaml, undocumented: allow}", "{request: GET /nowhere, expect: {status: 404}}", "passed", []),
        ("{file: quotes.openapi.yaml, undocumented: warn}", "{request: GET /quotes?page=x, expect: {status: 422}}", "failed", [WRONG_PAGE]),
        (FILE, "{request: GET /nowhere, openapi: false, expect: {status: 404}}", "passed", []),
        (FILE, "{request: GET /quotes?page=x, expect: {status: 422}}", "failed", [WRONG_PAGE]),
        (FILE, "{request: GET /quotes?page=x, expect: {status: 422, openapi: exchange}}", "failed", [WRONG_PAGE]),
        (FILE, "{request: GET /quotes?page=x, expect: {status: 422, openapi: response}}", "passed", []),
        (FILE, "{request: GET /nowhere, expect: {status: 404, openapi: response}}", "failed", [NOT_DESCRIBED]),
        # behind the other checks
        (FILE, "{request: GET /nowhere, expect: {json: {$.status: 405}}}", "failed", ["status: expected 2xx, got 404", "$.status: expected 405, got 404", NOT_DESCRIBED]),
        # each request of a redirect
        (FILE, "{request: GET /redirect/2, follow_redirects: true}", "passed", []),
        (FILE, "{request: GET /redirect/x, follow_redirects: true, expect: {status: 404}}", "failed", None),
    ],
)  # fmt: skip
def test_what_fails_warns_and_passes(
    bench: Bench, openapi: str, step: str, outcome: str, said: list[str] | None
) -> None:
    ran = bench.run(RULES.format(openapi=openapi, step=step))
    assert ran.outcomes == [outcome]
    found = [one.message for one in ran.case.steps[0].failures + ran.case.steps[0].warnings]
    assert said is None or found == said


def test_a_violation_ends_a_retry(bench: Bench) -> None:
    step = "{request: GET /nowhere, retry: {times: 50, every: 1s}, expect: {status: 200}}"
    ran = bench.run(RULES.format(openapi=FILE, step=step))
    assert ran.outcomes == ["failed"]
    assert ran.case.steps[0].tries == 1
    warns = RULES.format(
        openapi="{file: quotes.openapi.yaml, undocumented: warn}",
        step=step.replace("50", "2").replace("1s", "1ms"),
    )
    assert bench.run(warns).case.steps[0].tries == 2


def test_a_request_to_an_endpoint_without_a_description_cannot_be_checked(bench: Bench) -> None:
    text = """
    scenario: Two
    endpoints:
      api: {app: "pytest_apitest.demo:create_app", openapi: quotes.openapi.yaml}
      other: {app: "pytest_apitest.demo:create_app"}
    steps:
      - {request: "GET ${other}/health"}
      - {request: "GET ${other}/health", expect: {openapi: exchange}}
    """
    ran = bench.run(text)
    assert ran.messages == ["openapi: the endpoint of this request has no description"]


def test_the_description_is_read_again_when_it_changed(bench: Bench) -> None:
    step = "{request: GET /health}"
    assert bench.run(
        RULES.format(openapi="own.yaml", step=step),
        files={"own.yaml": "{openapi: 3.1.0, paths: {/health: {get: {}}}}"},
    ).outcomes == ["failed"]
    described = "{openapi: 3.1.0, paths: {/health: {get: {responses: {200: {description: d}}}}}}"
    assert bench.run(RULES.format(openapi="own.yaml", step=step), files={"own.yaml": described}).outcomes == [
        "passed"
    ]


def test_nothing_of_a_file_that_is_no_description_is_shown(bench: Bench) -> None:
    files = {"secret.yaml": "password: [hunter2\n"}
    with pytest.raises(ProblemsError) as caught:
        bench.load(RULES.format(openapi="secret.yaml", step="{request: GET /health}"), files)
    assert "secret.yaml:" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_description_beside_the_scenarios_is_that_of_the_demo(golden: Golden) -> None:
    golden.equal(BESIDE_THE_SCENARIOS, DESCRIPTION.read_text(encoding="utf-8"))
