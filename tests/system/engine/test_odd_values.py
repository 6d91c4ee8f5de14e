"""Whatever an answer holds may stand wherever a reference may: an outcome with one-line failures, never an exception."""

import json

import pytest

from tests.harness import Bench
from tests.system.engine.noting import fixed

# A lone surrogate, numbers beyond every float, NUL, a very long text, and one of each type.
BODY = r"""{"half": "\ud800x", "none": null, "list": [1], "object": {"k": 1}, "int": 7, "decimal": 1.5, "huge": 1e400,
 "text": "abc", "empty": "", "negative": -5, "nul": "a\u0000b", "duration": "30ms", "yes": true, "long": "LONG"}"""
VALUES = list(json.loads(BODY))
SETTINGS = [
    'timeout: "${v}"',
    'retry: {times: "${v}", every: 0s}',
    'retry: {times: 2, every: "${v}"}',
    'retry: {for: "${v}", every: 1ms}',
    'verify: "${v}"',
    'cert: {cert: "${v}", key: "${v}"}',
    'proxy: "${v}"',
    'follow_redirects: "${v}"',
    'auth: "${v}"',
    'auth: {bearer: "${v}"}',
    'auth: {basic: {username: "${v}", password: "${v}"}}',
    'auth: {digest: {username: "${v}", password: "${v}"}}',
    'auth: {jwt: {client_id: "${v}", secret: "${v}", alg: "${v}"}}',
    'auth: {jwt: {client_id: abc, secret: "${v}", header: "${v}", claims: {x: "${v}"}}}',
    'auth: {oauth2: {token_url: "${v}", client_id: "${v}", client_secret: "${v}"}}',
    'auth: {header: {X-A: "${v}"}}',
    'when: {v: {matches: "${v}", at_least: "${v}"}}',
    'for_each: {x: "${v}"}',
    'save: {q: {json: "$[${v}]"}, r: {text: true, regex: "${v}"}}',
    'report: {v: "$[${v}]"}, should: {json: {$.half: "${v}"}}',
]
CHECKS = [
    'status: "${v}"',
    'status: {at_least: "${v}"}',
    'headers: {server: {at_least: "${v}", contains: "${v}"}}',
    'content_type: {type: "${v}"}, cookies: {a: "${v}"}, url: "${v}"',
    'duration: {less_than: "${v}"}',
    'text: {contains: "${v}", matches: "${v}"}',
    'body: {size: "${v}", sha256: "${v}", matches: "${v}"}',
    'json: {$.half: "${v}", $.list: {contains: "${v}", one_of: "${v}", length: {at_least: "${v}"}}}',
    'json: {"$[${v}]": 1, "$.list[?@ == ${v}]": {any: 1}}',
    'json: {$.huge: {less_than: "${v}"}, $.text: {starts_with: "${v}", not: {one_of: "${v}"}}}',
    "json: {$.half: {format: uri}, $.text: {format: date}, $.long: {format: email}, $.list: {sorted: ascending}}",
]
REQUESTS = [
    '"GET ${api}/${v}"',
    '"GET ${v}"',
    '"GET ${api}/${v | raw}"',
    '{GET: "${api}/{p}", path: {p: "${v}"}}',
    '{GET: "${api}/x", query: {q: "${v}"}, headers: {x: "${v}"}, cookies: {c: "${v}"}}',
    '{GET: "${api}/x", query: "${v}"}',
    '{GET: "${api}/x", headers: "${v}"}',
    '{GET: "${api}/x", cookies: "${v}"}',
    '{POST: "${api}/x", json: {a: "${v}", b: "b${v}"}}',
    '{POST: "${api}/x", form: {a: "${v}"}}',
    '{POST: "${api}/x", form: "${v}"}',
    '{POST: "${api}/x", text: "${v}"}',
    '{POST: "${api}/x", multipart: {a: "${v}"}}',
    '{POST: "${api}/x", multipart: {a: {text: x, filename: "${v}", content_type: "${v}"}}}',
    '{POST: "${api}/x", json: "${v}", set: {$.k: "${v}"}, remove: ["$[${v}]"]}',
    '{POST: "${api}/x", json: {k: []}, set: {"$.k[${v}]": 1}}',
]
FILTERS = [
    "text", "int", "number", "json", "from_json", "base64", "from_base64", "urlencode", "lower", "trim", "sha256",
    "split(',')", "first", "last", "replace('a', 'b')", "slice(0, -1)", "plus('P10Y')", "each_key('upper')",
    "each_value('upper')",
]  # fmt: skip
STEPS = [
    *(f'request: "GET ${{api}}/y", {one}' for one in SETTINGS),
    *(f'request: "GET ${{api}}/y", expect: {{{one}}}' for one in CHECKS),
    *(f"request: {one}" for one in REQUESTS),
    *(f'request: {{POST: "${{api}}/x", json: "${{v | {one}}}"}}' for one in FILTERS),
]


@pytest.mark.parametrize("step", STEPS)
def test_any_value_may_stand_anywhere(bench: Bench, step: str) -> None:
    url = fixed(bench, BODY.replace("LONG", "x" * 5000))
    for value in VALUES:
        case = bench.run(
            f"""
            scenario: Odd
            endpoints: {{api: {{url: "{url}", timeout: 2s}}}}
            steps:
              - {{request: "GET ${{api}}/x", save: {{v: $.{value}}}}}
              - {{{step}}}
            """
        ).case
        assert case.outcome in ("passed", "failed", "error", "skipped", "warned")
        assert case.steps[0].outcome == "passed"
        assert [one for one in case.failures if "\n" in one.message or not one.message] == []
        assert json.dumps(case.to_json(), ensure_ascii=False).encode("utf-8")


def test_half_a_character_is_not_sent(bench: Bench) -> None:
    ran = bench.run(
        f"""
        scenario: Half
        endpoints: {{api: "{fixed(bench, BODY)}"}}
        steps:
          - {{request: GET /x, save: {{v: $.half}}}}
          - {{request: {{POST: /x, text: "${{v}}"}}}}
        """
    )
    assert ran.messages == ["half a character (a lone surrogate) cannot be sent"]
    assert {one.name: one.value for one in ran.case.steps[1].variables}["v"] == "\\ud800x"
