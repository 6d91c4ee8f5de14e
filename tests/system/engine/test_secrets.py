"""A secret stays inside: nothing that a case leaves behind holds it in any form."""

import base64
import json
import urllib.parse

import pytest
from aiohttp import web

from pytest_apitest.engine import Options
from tests.harness import Bench, Ran

# Characters that every form of writing writes in another way.
SECRET = 's3cr/t "k+y" ü&=\\'
OPTIONS = Options(environment={"KEY": SECRET})


def forms(secret: str) -> dict[str, str]:
    """Return the ways in which a secret may show itself, by name."""
    escaped = json.dumps(secret)[1:-1]
    return {
        "plain": secret,
        "url": urllib.parse.quote(secret, safe=""),
        "path": urllib.parse.quote(secret),
        "form": urllib.parse.quote_plus(secret),
        "json": escaped,
        "json unicode": json.dumps(secret, ensure_ascii=False)[1:-1],
        "base64": base64.b64encode(secret.encode()).decode(),
        "urlsafe": base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
        "json in json": json.dumps(escaped)[1:-1],
    }


def dumped(ran: Ran) -> str:
    """Return everything that a run leaves behind, as one text."""
    everything = [case.to_json() for case in ran.cases] + [step.to_json() for step in ran.end]
    lines = [json.dumps(one, ensure_ascii=False, default=str) for one in everything]
    return "\n".join([*lines, *(repr(case) for case in ran.cases)])


def leaks(ran: Ran, secret: str = SECRET) -> list[str]:
    """Return the forms of a secret that are in what a run leaves behind."""
    text = dumped(ran)
    return [name for name, form in forms(secret).items() if form in text or form in json.dumps(text)]


def mirror(bench: Bench) -> str:
    """Host an API that answers with everything it was sent, wherever an answer has room."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.text()
        seen = {"url": str(request.rel_url), "headers": dict(request.headers), "body": body}
        values = [*request.query.values(), *request.headers.getall("X-Key", []), body]
        key = next((value for value in values if value), "none")
        headers = {"X-Seen": urllib.parse.quote(key), "X-Base": base64.b64encode(key.encode()).decode()}
        return web.json_response(
            {"seen": seen, "key": key, key: [key, {"deep": key}]}, status=418, headers=headers
        )

    return bench.serve(("*", "/{tail:.*}", answer))


HEAD = """
scenario: Secrets
endpoints: {{api: {{url: "{url}"{endpoint}}}}}
variables: {{key: {{env: KEY, secret: true}}}}
steps:
"""


def run(bench: Bench, steps: str, endpoint: str = "", options: Options = OPTIONS) -> Ran:
    text = HEAD.format(url=mirror(bench), endpoint=endpoint) + steps
    return bench.run(text, options=options)


@pytest.mark.parametrize(
    "request_",
    [
        '{GET: "/x/${key}"}',
        '{GET: /x, query: {q: "${key}"}}',
        '{GET: "/x?q=a${key}b"}',
        '{GET: /x, headers: {X-Key: "${key}"}}',
        '{GET: /x, cookies: {sid: "${key | base64}"}}',
        '{POST: /x, json: {a: [{b: "${key}"}]}}',
        '{POST: /x, json: {a: "${key | json}"}}',
        '{POST: /x, form: {a: "${key}"}}',
        '{POST: /x, text: "before ${key} after"}',
        '{POST: /x, multipart: {a: "${key}"}}',
        '{POST: /x, text: "${key | base64}"}',
        '{POST: /x, text: "${key | upper}"}',
    ],
)  # fmt: skip
def test_a_secret_of_a_request_is_nowhere(bench: Bench, request_: str) -> None:
    ran = run(bench, f"  - {{request: {request_}, expect: {{status: 418, json: {{$.key: nobody}}}}}}\n")
    assert ran.outcomes == ["failed"]
    assert leaks(ran) == []
    assert leaks(ran, SECRET.upper()) == []
    assert "[redacted: key]" in dumped(ran)


@pytest.mark.parametrize(
    "auth",
    [
        '{bearer: "${key}"}',
        '{token: "${key}"}',
        '{basic: {username: ada, password: "${key}"}}',
        '{header: {X-Key: "${key | urlencode}"}}',
        '{jwt: {client_id: ada, secret: "${key}"}}',
    ],
)
@pytest.mark.parametrize("place", ["endpoint", "step"])
def test_a_secret_of_credentials_is_nowhere(bench: Bench, auth: str, place: str) -> None:
    step = f", auth: {auth}" if place == "step" else ""
    ran = run(
        bench,
        f"  - {{request: GET /x{step}, expect: {{status: 200}}}}\n",
        f", auth: {auth}" if place == "endpoint" else "",
    )
    assert ran.messages == ["status: expected 200, got 418"]
    assert leaks(ran) == []
    assert "Authorization" in dumped(ran) or "X-Key" in dumped(ran)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("expect: {status: 418, json: {$.key: other}}", '$.key: expected "other", got "[redacted: key]"'),
        ("expect: {status: 418, json: {$.gone: 1}}", "$.gone: not found; there are seen, key, [redacted: key]"),
        ("expect: {status: 418, json: {$.none: '${key}'}}", "$.none: not found; there are seen, key, [redacted: key]"),
        ("expect: {status: 418, headers: {x-base: a}}", 'headers.x-base: expected "a", got "[redacted: key]"'),
        ("expect: {status: 418, headers: {x-seen: a}}", 'headers.x-seen: expected "a", got "[redacted: key]"'),
        ("expect: {status: 418, json: {$.key: {matches: '^${key}x'}}}", None),
        ("expect: {status: 418, json: {'$[${key}].deep': 1}}", None),
        ("save: {a: {json: $.key, regex: 'z(${key})'}}, expect: {status: 418}", None),
        ("save: {a: $.nothing}, expect: {status: 418}", "save a: nothing at $.nothing; there are seen, key, [redacted: key]"),
        ("report: {shown: $.key}, should: {json: {$.key: a}}, expect: {status: 418}", None),
        ("retry: {times: 2, every: 0s, give_up_when: {status: 418, json: {$.key: '${key}'}}}, expect: {json: {$.key: a}}", None),
    ],
)  # fmt: skip
def test_a_secret_that_comes_back_is_masked_in_every_message(
    bench: Bench, step: str, message: str | None
) -> None:
    ran = run(bench, f'  - {{request: {{GET: /x, query: {{q: "${{key}}"}}}}, {step}}}\n')
    assert leaks(ran) == []
    if message is not None:
        assert ran.messages == [message]


def test_a_saved_secret_is_masked_from_then_on_and_in_what_was_before(bench: Bench) -> None:
    async def give(_: web.Request) -> web.Response:
        return web.json_response({"token": SECRET, "url": f"/me?t={urllib.parse.quote(SECRET)}"})

    url = bench.serve(("*", "/{tail:.*}", give))
    ran = bench.run(
        f"""
        scenario: Saved
        endpoints: {{api: "{url}"}}
        steps:
          - request: POST /login
            save: {{token: {{json: $.token, secret: true}}, me: $.url}}
            should: {{json: {{$.token: other}}}}
          - {{request: "GET ${{me}}", expect: {{json: {{$.token: other, $.none: "${{token | sha256}}"}}}}}}
        """
    )
    assert ran.outcomes == ["failed"]
    assert leaks(ran) == []
    assert dumped(ran).count("[redacted: token]") >= 4


def test_a_secret_behind_a_failure_before_the_first_step_is_masked(bench: Bench) -> None:
    ran = run(
        bench,
        '  - {request: GET /x, save: {number: status}}\n  - {request: {GET: /x, query: {n: "${key | int}"}}}\n',
    )
    assert leaks(ran) == []
    text = HEAD.format(url="http://127.0.0.1:9", endpoint="").replace(
        "secret: true}", 'secret: true}, number: {default: "${key | int}"}'
    )
    ran = bench.run(text + "  - {request: 'GET /${number}'}\n", options=OPTIONS)
    assert ran.outcomes == ["error"]
    assert ran.messages == ['key | int: "[redacted: key]" is no number']
    assert leaks(ran) == []
    assert SECRET not in ran.case.reason


@pytest.mark.parametrize("list_", ["setup", "teardown", "before_each", "after_each"])
def test_a_secret_in_what_surrounds_the_cases_is_masked(bench: Bench, list_: str) -> None:
    text = HEAD.format(url=mirror(bench), endpoint="").replace(
        "steps:",
        f'{list_}: [{{request: {{POST: /x, text: "${{key}}"}}, expect: {{json: {{$.key: a}}}}}}]\n'
        "cases: [{case: it, steps: [{request: GET /x, expect: {status: 418}}]}]",
    )
    ran = bench.run(text, options=OPTIONS)
    assert leaks(ran) == []
    assert "[redacted: key]" in dumped(ran)


def test_a_secret_in_rows_and_names_of_steps_is_masked(bench: Bench) -> None:
    ran = run(
        bench,
        '  - {for_each: {value: ["${key}", "a"]}, request: {POST: /x, text: "${value}"}}\n',
    )
    assert [step.row for step in ran.case.steps] == ["", "a"]
    assert leaks(ran) == []
    literal = "long-literal-secret"
    ran = bench.run(
        f"""
        scenario: Literal
        endpoints: {{api: "{mirror(bench)}"}}
        variables: {{key: {{default: {literal}, secret: true}}}}
        steps:
          - {{request: {{GET: "/x?key={literal}", headers: {{x-key: "${{key}}"}}}}, expect: {{status: 418}}}}
          - {{request: {{GET: /x, headers: {{x-key: "${{key}}"}}}}, when: {{key: other}}, name: "skips {literal}"}}
        """
    )
    assert ran.outcomes == ["passed"]
    assert leaks(ran, literal) == []


def test_a_curl_line_takes_a_secret_from_the_environment(bench: Bench) -> None:
    ran = run(bench, '  - {request: {GET: /x, headers: {X-Other: "a ${key | base64}"}}}\n')
    curl = ran.case.steps[0].exchanges[0].curl
    assert "X-Other: a ${" in curl
    assert leaks(ran) == []


@pytest.mark.parametrize("secret", ["abc", "a"])
def test_a_secret_too_short_to_mask_is_refused_without_being_shown(bench: Bench, secret: str) -> None:
    ran = run(bench, "  - {request: 'GET /${key}'}\n", options=Options(environment={"KEY": secret}))
    assert ran.outcomes == ["error"]
    characters = f"{len(secret)} characters"
    assert ran.messages == [f"key is secret and has {characters}: it cannot be masked, 4 are needed"]


def test_an_unreachable_url_with_a_secret_is_masked(bench: Bench, closed: str) -> None:
    text = HEAD.format(url=f"http://{closed}", endpoint=", timeout: 1s")
    ran = bench.run(text + '  - {request: {GET: "/${key}", query: {key: "${key}"}}}\n', options=OPTIONS)
    assert ran.outcomes == ["error"]
    assert leaks(ran) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("'@/etc/hostname'", "--data-raw @/etc/hostname"),
        ('"two\\nlines"', r"--data-binary 'two'$'\n''lines'"),
        ('"${token}\\nbehind"', r"""--data-binary "${TOKEN}"$'\n'"behind" http"""),
        ('"${token | upper}"', '--data-binary "${TOKEN_FILTERED}"'),
    ],
)
def test_a_curl_line_sends_what_was_sent(bench: Bench, body: str, words: str) -> None:
    ran = bench.run(f"""
        scenario: Curl
        endpoints: {{api: {{app: "pytest_apitest.demo:create_app"}}}}
        variables: {{token: {{default: swordfish, env: TOKEN, secret: true}}}}
        steps: [{{request: {{POST: /echo, text: {body}}}, expect: {{status: 404}}}}]
    """)
    assert words in ran.case.steps[0].exchanges[0].curl
