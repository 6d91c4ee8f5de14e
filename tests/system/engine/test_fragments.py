"""Fragments: their inputs, their settings, their failures, and those that run once."""

import pytest
from aiohttp import web

from pytest_apitest.errors import ProblemsError
from tests.harness import Bench
from tests.system.engine.noting import Noting

CREATE = """
    fragment: Create
    inputs: {api: {required: true}, status: {default: 200}, name: {default: it}}
    steps:
      - {name: make, request: "POST ${api}/${status}/${name}", save: {made: $.name}, cleanup: "DELETE ${api}/200/${made}"}
      - {name: look, request: "GET ${api}/200/${made}"}
    outputs: {name: "${made}"}
    teardown: [{name: leave, request: "POST ${api}/200/leave"}]
"""
OUTER = """
    fragment: Outer
    inputs: {api: {required: true}, status: {default: 200}}
    steps: [{name: inner, use: create.apitest.yaml, with: {api: "${api}", status: "${status}"}, save: {n: name}}]
    outputs: {name: "${n}"}
    teardown: [{name: outer end, request: "POST ${api}/200/outer-end"}]
"""
FILES = {"create.apitest.yaml": CREATE, "outer.apitest.yaml": OUTER}


def test_a_fragment_gives_its_outputs_and_joins_the_end_of_the_case(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Uses
        endpoints: {{api: "{api.url}"}}
        steps:
          - {{request: POST /200/own, cleanup: DELETE /200/own}}
          - {{name: log in, use: create.apitest.yaml, with: {{api: "${{api}}", name: hers}}, save: {{n: name}}}}
          - {{request: "GET /200/${{n}}"}}
        teardown: [{{request: GET /200/end}}]
        """,
        files=FILES,
    ).case
    assert case.outcome == "passed"
    assert api.asked == [
        *("POST own", "POST hers", "GET hers", "GET hers"),
        *("DELETE hers", "DELETE own", "POST leave", "GET end"),
    ]
    assert [step.name for step in case.steps][1:3] == ["log in > make", "log in > look"]


def test_a_failure_inside_is_shown_with_both_places(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Uses
        endpoints: {{api: "{api.url}"}}
        steps:
          - {{name: prepare, use: outer.apitest.yaml, with: {{api: "${{api}}", status: 503}}, save: {{n: name}}}}
          - {{request: "GET /200/${{n}}"}}
        """,
        files=FILES,
    ).case
    assert [(step.name, step.file, step.outcome, step.reason) for step in case.steps] == [
        ("prepare > inner > make", "create.apitest.yaml", "failed", ""),
        ("prepare > inner > look", "create.apitest.yaml", "not_run", 'after "prepare > inner > make" failed'),
        ("GET /200/${n}", "case.apitest.yaml", "not_run", 'after "prepare > inner > make" failed'),
        ("prepare > inner > DELETE ${api}/200/${made}", "create.apitest.yaml", "passed", ""),
        ("prepare > inner > leave", "create.apitest.yaml", "passed", ""),
        ("prepare > outer end", "outer.apitest.yaml", "passed", ""),
    ]
    assert case.steps[0].notes == ["used at outer.apitest.yaml:4, case.apitest.yaml:5"]
    [failure] = case.failures
    assert (failure.file, failure.line, failure.message) == (
        "create.apitest.yaml",
        5,
        "status: expected 2xx, got 503",
    )


def test_requests_of_a_fragment_take_the_settings_of_the_endpoint_where_it_is_declared(bench: Bench) -> None:
    seen: list[tuple[str, str]] = []

    async def note(request: web.Request) -> web.Response:
        seen.append((request.headers.get("Authorization", ""), request.headers.get("X-Tenant", "")))
        return web.json_response({"name": "it"})

    url = bench.serve(("*", "/{tail:.*}", note))
    ran = bench.run(
        f"""
        scenario: Settings
        endpoints: {{api: {{url: "{url}", auth: editor, headers: {{x-tenant: "${{tenant}}"}}}}}}
        credentials: {{editor: {{bearer: "${{token}}"}}}}
        variables: {{token: a-bearer-token, tenant: north}}
        steps: [{{use: create.apitest.yaml, with: {{api: "${{api}}"}}}}]
        """,
        files=FILES,
    )
    assert ran.messages == []
    assert seen == [("Bearer a-bearer-token", "north")] * 4


def test_the_slash_of_a_base_url_is_dropped_in_a_fragment_too(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Slash
        endpoints: {{api: "{api.url}/"}}
        steps: [{{use: outer.apitest.yaml, with: {{api: "${{api}}"}}}}]
        """,
        files=FILES,
    ).case
    assert case.outcome == "passed"
    assert case.steps[0].exchanges[0].url == f"{api.url}/200/it"


def test_once_runs_once_for_the_same_inputs_and_ends_with_the_process(bench: Bench, api: Noting) -> None:
    text = f"""
        scenario: Once
        endpoints: {{api: "{api.url}"}}
        cases:
          - case: it
            parametrize: {{name: [a, a, b]}}
            steps:
              - {{use: create.apitest.yaml, with: {{api: "${{api}}", name: "${{name}}"}}, once: true, save: {{n: name}}}}
              - {{request: "GET /200/use-${{n}}"}}
        """
    engine = bench.new_engine()
    ran = bench.run(text.replace("[a, a, b]", "[a, b, c]"), files=FILES, engine=engine)
    again = bench.run(text.replace("[a, a, b]", "[b, a]"), engine=engine)
    assert ran.outcomes + again.outcomes == ["passed"] * 5
    assert [one for one in api.asked if one.startswith("POST")] == ["POST a", "POST b", "POST c"]
    assert [one for one in api.asked if one.startswith("DELETE")] == []
    del api.asked[:]
    assert engine.end_once() == []
    assert api.asked == ["DELETE c", "POST leave", "DELETE b", "POST leave", "DELETE a", "POST leave"]
    assert engine.end_once() == []


def test_a_failure_of_once_is_everybodys_error_and_not_repeated(bench: Bench, api: Noting) -> None:
    text = f"""
        scenario: Once
        endpoints: {{api: "{api.url}"}}
        cases:
          - case: it
            parametrize: {{number: [1, 2]}}
            steps:
              - {{name: log in, use: create.apitest.yaml, with: {{api: "${{api}}", status: 500}}, once: true, save: {{n: name}}}}
              - {{request: "GET /200/${{n}}-${{number}}"}}
        """
    engine = bench.new_engine()
    ran = bench.run(text, files=FILES, engine=engine)
    told = '"log in" runs once and failed: status: expected 2xx, got 500'
    assert [[one.message for one in case.failures] for case in ran.cases] == [
        ["status: expected 2xx, got 500"],
        [told],
    ]
    assert ran.outcomes == ["error", "error"]
    assert api.asked == ["POST it"]
    assert engine.end_once() == []


def test_an_end_of_once_that_fails_is_returned(bench: Bench, api: Noting) -> None:
    text = f"""
        scenario: Once
        endpoints: {{api: "{api.url}"}}
        steps: [{{use: create.apitest.yaml, with: {{api: "${{api}}"}}, once: true}}]
        """
    engine = bench.new_engine()
    files = {
        "create.apitest.yaml": CREATE.replace("/200/leave", "/500/leave").replace(
            "DELETE ${api}/200", "DELETE ${api}/409"
        )
    }
    assert bench.run(text, files=files, engine=engine).outcomes == ["passed"]
    messages = [failure.message for step in engine.end_once() for failure in step.failures]
    assert messages == [
        'cleanup of "make": DELETE /409/it: expected 2xx, 404 or 410, got 409',
        "status: expected 2xx, got 500",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ('api: "${api}", count: "${word}"', "the input count: expected an integer"),
        ('api: "${api}", count: "${object}"', "the input count is of type integer, got object"),
    ],
)
def test_an_input_of_another_type_is_an_error(bench: Bench, api: Noting, given: str, message: str) -> None:
    fragment = 'fragment: Typed\ninputs: {api: {required: true}, count: {type: integer}}\nsteps: [{request: "GET ${api}/200/${count}"}]\n'
    ran = bench.run(
        f"""
        scenario: Typed
        endpoints: {{api: "{api.url}"}}
        variables: {{word: many, object: {{default: {{a: 1}}}}}}
        steps: [{{use: typed.apitest.yaml, with: {{{given}}}}}]
        """,
        files={"typed.apitest.yaml": fragment},
    )
    assert (ran.outcomes, ran.messages) == (["error"], [message])
    assert api.asked == []


def test_a_fragment_sees_nothing_of_the_document_but_its_inputs(bench: Bench, api: Noting) -> None:
    files = {
        "peek.apitest.yaml": 'fragment: Peek\ninputs: {api: {required: true}}\nsteps: [{request: "GET ${api}/200/${hidden}"}]\n'
    }
    with pytest.raises(ProblemsError) as caught:
        bench.load(
            f"""
            scenario: Peek
            endpoints: {{api: "{api.url}"}}
            variables: {{hidden: x}}
            steps: [{{use: peek.apitest.yaml, with: {{api: "${{api}}"}}}}]
            """,
            files,
        )
    assert '"hidden" is not defined' in str(caught.value)


def test_a_secret_of_a_fragment_stays_one(bench: Bench) -> None:
    async def give(_: web.Request) -> web.Response:
        return web.json_response({"token": "a-very-secret-token"})

    files = {
        "login.apitest.yaml": """
        fragment: Log in
        inputs: {api: {required: true}}
        steps: [{request: "POST ${api}/login", save: {token: {json: $.token, secret: true}}}]
        outputs: {access: "${token}"}
    """
    }
    ran = bench.run(
        f"""
        scenario: Secret
        endpoints: {{api: "{bench.serve(("*", "/{tail:.*}", give))}"}}
        steps:
          - {{use: login.apitest.yaml, with: {{api: "${{api}}"}}, save: {{token: access}}}}
          - {{request: {{POST: /x, json: {{t: "${{token}}"}}}}, expect: {{json: {{$.token: other}}}}}}
        """,
        files=files,
    )
    assert ran.messages == ['$.token: expected "other", got "[redacted: token]"']
    assert "a-very-secret-token" not in repr(ran.case.to_json())
