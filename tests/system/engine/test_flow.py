"""The order of steps, and what still runs when one of them fails."""

import pytest
from aiohttp import web

from pytest_apitest.engine import Options
from tests.harness import Bench
from tests.hostile import Peer, answer, serve
from tests.system.engine.noting import Noting

HOOKS = """
    scenario: Order
    endpoints: {{api: "{url}"}}
    setup: [{{request: GET /{setup}/setup}}]
    before_each: [{{request: GET /{before}/before}}]
    after_each: [{{request: GET /{after}/after}}, {{request: GET /200/after-2}}]
    teardown: [{{request: GET /{teardown}/teardown}}, {{request: GET /200/teardown-2}}]
    cases:
      - {{case: one, steps: [{{request: GET /{step}/one}}, {{request: GET /200/one-2}}]}}
      - {{case: two, steps: [{{request: GET /200/two}}]}}
"""
FINE = {"setup": 200, "before": 200, "after": 200, "teardown": 200, "step": 200}


def hooks(api: Noting, **failing: int) -> str:
    """Return the document with some of its steps failing."""
    return HOOKS.format(url=api.url, **{**FINE, **failing})


ALL = "setup before one one-2 after after-2 before two after after-2 teardown teardown-2"


@pytest.mark.parametrize(
    ("failing", "outcomes", "asked", "end"),
    [
        ({}, ["passed", "passed"], ALL, []),
        ({"setup": 500}, ["error", "error"], "setup teardown teardown-2", []),
        (
            {"before": 500},
            ["error", "error"],
            "setup before after after-2 before after after-2 teardown teardown-2",
            [],
        ),
        ({"step": 500}, ["failed", "passed"], ALL.replace("one-2 ", ""), []),
        ({"after": 500}, ["failed", "failed"], ALL, []),
        ({"teardown": 500}, ["passed", "passed"], ALL, ["status: expected 2xx, got 500"]),
    ],
    ids=["all pass", "setup", "before_each", "a step", "after_each", "teardown"],
)
def test_the_lists_around_cases_run_in_order_whatever_fails(
    bench: Bench, api: Noting, failing: dict[str, int], outcomes: list[str], asked: str, end: list[str]
) -> None:
    ran = bench.run(hooks(api, **failing))
    assert ran.outcomes == outcomes
    assert [one.removeprefix("GET ") for one in api.asked] == asked.split()
    assert [failure.message for step in ran.end for failure in step.failures] == end


def test_a_failure_of_setup_is_the_reason_of_every_case(bench: Bench, api: Noting) -> None:
    ran = bench.run(hooks(api, setup=503))
    reason = 'setup failed at "GET /503/setup" (case.apitest.yaml:4): status: expected 2xx, got 503'
    assert [case.reason for case in ran.cases] == [reason, reason]
    assert ran.messages == ["status: expected 2xx, got 503"] * 2
    assert [step.phase for case in ran.cases for step in case.steps] == ["setup", "setup"]


def test_steps_behind_a_failure_are_listed_with_the_reason(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Stops
        endpoints: {{api: "{api.url}"}}
        steps:
          - {{name: first, request: GET /200/first}}
          - {{name: second, request: GET /404/second}}
          - {{name: third, request: GET /200/third}}
          - {{name: fourth, when: {{api: {{exists: false}}}}, request: GET /200/fourth}}
        teardown: [{{name: last, request: GET /200/last}}]
        """
    ).case
    assert [(step.name, step.outcome, step.reason) for step in case.steps] == [
        ("first", "passed", ""),
        ("second", "failed", ""),
        ("third", "not_run", 'after "second" failed'),
        ("fourth", "not_run", 'after "second" failed'),
        ("last", "passed", ""),
    ]
    assert case.outcome == "failed"


def test_what_fails_at_the_end_stands_beside_the_first_cause(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Ends
        endpoints: {{api: "{api.url}"}}
        steps:
          - {{request: POST /200/made, cleanup: DELETE /500/made}}
          - {{name: the cause, request: GET /404/missing}}
        teardown:
          - {{name: bye, request: POST /409/bye}}
          - {{name: bye again, request: POST /200/again}}
        """
    ).case
    assert case.outcome == "failed"
    assert [failure.message for failure in case.failures] == [
        "status: expected 2xx, got 404",
        'cleanup of "POST /200/made": DELETE /500/made: expected 2xx, 404 or 410, got 500',
        "status: expected 2xx, got 409",
    ]
    assert [failure.kind for failure in case.failures] == ["check", "cleanup", "check"]
    assert api.asked == ["POST made", "GET missing", "DELETE made", "POST bye", "POST again"]


@pytest.mark.parametrize("end", ["cleanup: DELETE /500/a", "teardown"])
def test_a_failure_at_the_end_makes_a_passed_case_failed(bench: Bench, api: Noting, end: str) -> None:
    step = f"{{request: POST /200/a, {end}}}" if end != "teardown" else "{request: POST /200/a}"
    last = "teardown: [{request: GET /500/b}]" if end == "teardown" else ""
    text = f'scenario: Ends\nendpoints: {{api: "{api.url}"}}\nsteps: [{step}]\n{last}\n'
    assert bench.run(text).outcomes == ["failed"]


def test_cleanups_run_last_armed_first_with_the_values_of_their_moment(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Clean-ups
        endpoints: {{api: "{api.url}"}}
        steps:
          - request: POST /200/a
            save: {{made: $.name}}
            cleanup: DELETE /200/${{made}}
          - for_each: {{what: [b, c]}}
            request: POST /200/${{what}}
            save: {{made: $.name}}
            cleanup: DELETE /404/${{made}}
          - request: GET /500/d
            cleanup: DELETE /410/d
          - {{request: POST /200/never, cleanup: DELETE /200/never}}
        teardown: [{{request: GET /200/end}}]
        """
    ).case
    assert api.asked[4:] == ["DELETE d", "DELETE c", "DELETE b", "DELETE a", "GET end"]
    assert [step.outcome for step in case.steps if step.phase == "cleanup"] == ["passed"] * 4
    assert case.outcome == "failed"


def test_a_cleanup_is_left_out_when_what_it_names_was_not_saved(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Nothing made
        endpoints: {{api: "{api.url}"}}
        steps:
          - request: POST /422/refused
            save: {{url: {{json: $.url, optional: true}}}}
            cleanup: DELETE ${{url}}
            expect: {{status: 422}}
        """
    ).case
    assert (case.outcome, api.asked) == ("passed", ["POST refused"])


def test_a_try_that_was_answered_is_cleaned_up_though_the_last_was_not(bench: Bench) -> None:
    asked: list[bytes] = []

    def once_then_silent(peer: Peer) -> None:
        request = peer.read_request()
        asked.append(request.split(b" HTTP")[0])
        if request.startswith(b"DELETE"):
            peer.send(answer(b""))
        elif len(asked) == 1:
            peer.send(answer(b'{"state": "new"}', "Connection: close"))

    with serve(once_then_silent) as address:
        case = bench.run(
            f"""
            scenario: Made, then gone
            endpoints: {{api: "{address.url}"}}
            steps:
              - request: POST /made
                retry: {{times: 2, every: 0s}}
                cleanup: DELETE /made
                expect: {{json: {{$.state: done}}}}
            """
        ).case
    assert asked == [b"POST /made", b"POST /made", b"DELETE /made"]
    assert case.outcome == "error"
    assert case.failures[0].message.startswith("not after 2 tries: ")


def test_when_decides_for_steps_and_cases(bench: Bench, api: Noting) -> None:
    ran = bench.run(
        f"""
        scenario: When
        endpoints: {{api: "{api.url}"}}
        variables: {{stage: test, count: 3}}
        cases:
          - case: steps
            steps:
              - {{request: GET /200/a, when: {{stage: prod}}, save: {{id: $.name}}}}
              - {{request: GET /200/b, when: {{count: {{at_least: 3}}, stage: {{not: {{equals: prod}}}}}}}}
              - {{request: "GET /200/${{id}}"}}
          - {{case: whole, when: {{stage: prod}}, steps: [{{request: GET /200/never}}]}}
          - {{case: nothing ran, steps: [{{request: GET /200/never, when: {{stage: {{not: {{equals: test}}}}}}}}]}}
        """
    )
    assert ran.outcomes == ["passed", "skipped", "skipped"]
    assert [case.reason for case in ran.cases] == ["", "when is false: stage", "when is false"]
    assert [(step.outcome, step.reason) for step in ran.cases[0].steps] == [
        ("skipped", "when is false"),
        ("passed", ""),
        ("skipped", '"GET /200/a" was skipped, so id has no value'),
    ]
    assert api.asked == ["GET b"]


def test_every_row_of_a_step_runs_and_names_its_failure(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Rows
        endpoints: {{api: "{api.url}"}}
        steps:
          - for_each: [{{case: good, status: 200}}, {{case: bad, status: 500}}, {{case: worse, status: 503}}]
            request: GET /${{status}}/x
          - {{request: GET /200/behind}}
        """
    ).case
    assert [(step.row, step.outcome) for step in case.steps] == [
        ("good", "passed"),
        ("bad", "failed"),
        ("worse", "failed"),
        ("", "not_run"),
    ]
    assert [failure.got for failure in case.failures] == ["500", "503"]


def test_rows_of_a_case_run_each_with_its_own_values_and_cleanups(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Rows
        endpoints: {{api: "{api.url}"}}
        cases:
          - case: pairs
            for_each: {{a: [1, 2], b: [x, y]}}
            variables: {{label: "${{a}}${{b}}"}}
            steps:
              - {{request: "POST /200/${{label}}", cleanup: "DELETE /200/${{label}}"}}
        """
    ).case
    assert [step.row for step in case.steps if step.phase == "steps"] == ["1-x", "1-y", "2-x", "2-y"]
    assert api.asked == [
        f"{verb} {label}" for label in ("1x", "1y", "2x", "2y") for verb in ("POST", "DELETE")
    ]


@pytest.mark.parametrize("place", ["step", "case"])
def test_rows_that_are_none_fail(bench: Bench, api: Noting, place: str) -> None:
    rows = 'for_each: {x: "${none}"}'
    text = f"""
        scenario: None
        endpoints: {{api: "{api.url}"}}
        variables: {{none: {{default: []}}}}
        cases:
          - case: it
            {rows if place == "case" else "description: on the step"}
            steps:
              - {{{rows + ", " if place == "step" else ""}request: GET /200/x}}
        """
    ran = bench.run(text)
    assert ran.outcomes == ["failed"]
    assert ran.messages == ["for_each has no rows; guard it with when"]
    assert api.asked == []


def test_a_value_of_a_row_that_cannot_be_made_fails_that_row_alone(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Rows
        endpoints: {{api: "{api.url}"}}
        cases:
          - case: numbers
            for_each: {{text: ["1", one, "3"]}}
            variables: {{number: "${{text | int}}"}}
            steps: [{{request: "GET /200/${{number}}"}}]
        """
    ).case
    assert case.outcome == "error"
    assert [(step.row, step.outcome) for step in case.steps] == [
        ("1", "passed"),
        ("one", "error"),
        ("3", "passed"),
    ]
    assert [failure.message for failure in case.failures] == ['text | int: "one" is no number']


PRODUCT = """
    parametrize: {fruit: [apple, pear], age: [1, 2]}
    steps: [{request: "GET /200/${fruit}-${age}"}]
"""
ROWS = """
    parametrize: [{case: short, size: 1}, {size: 99}]
    steps: [{request: "GET /200/${size}"}]
"""
FILE = """
    parametrize: fruit.csv
    steps: [{request: "GET /200/${name}-${count}"}]
"""


@pytest.mark.parametrize(
    ("text", "titles", "asked"),
    [
        (PRODUCT, ["apple-1", "apple-2", "pear-1", "pear-2"], ["apple-1", "apple-2", "pear-1", "pear-2"]),
        (ROWS, ["short", "99"], ["1", "99"]),
        (FILE, ["apple-01", "big pear-2"], ["apple-01", "big pear-2"]),
    ],
    ids=["product", "rows", "file"],
)
def test_every_row_of_parametrize_is_a_case(
    bench: Bench, api: Noting, text: str, titles: list[str], asked: list[str]
) -> None:
    head = f'scenario: Fruit\nendpoints: {{api: "{api.url}"}}\n'
    body = "\n".join(line[4:] for line in text.splitlines())
    ran = bench.run(head + body, files={"fruit.csv": "name,count\napple,01\nbig pear,2\n"})
    assert ran.outcomes == ["passed"] * len(asked)
    assert [case.title.partition("[")[2].rstrip("]") for case in ran.cases] == titles
    assert api.asked == [f"GET {one}" for one in asked]


def test_a_name_that_is_not_set_keeps_the_case_from_running(bench: Bench, api: Noting) -> None:
    ran = bench.run(
        f"""
        scenario: Unset
        endpoints: {{api: "{api.url}"}}
        variables:
          must: {{env: MUST}}
          may: {{env: MAY, required: false}}
          through: {{default: "x-${{may}}"}}
        cases:
          - {{case: required, steps: [{{request: GET /200/first}}, {{request: "GET /200/${{must}}"}}]}}
          - {{case: optional, steps: [{{request: GET /200/first}}, {{request: "GET /200/${{through}}"}}]}}
          - {{case: guarded, steps: [{{request: GET /200/second}}, {{request: "GET /200/${{may}}", when: {{may: {{exists: true}}}}}}]}}
        """
    )
    assert ran.outcomes == ["error", "not_run", "passed"]
    assert ran.messages == ["must is not set: --apitest-var must=…, or the environment variable MUST"]
    assert ran.cases[1].reason == "not run: may is not set"
    assert api.asked == ["GET second"]


CONTRACT = """
    contract: Levels
    endpoints: {{api: "{url}"}}
    variables: {{wish: should, key: {{required: false}}}}
    rules:
      - {{id: L-1, rule: must, request: GET /500/must}}
      - {{id: L-2, rule: should, level: "${{wish}}", request: GET /500/should}}
      - {{id: L-3, rule: may, level: may, request: GET /500/may}}
      - {{id: L-4, rule: ignored, level: ignore, request: GET /500/ignored}}
      - {{id: L-5, rule: needs a key, needs: [key], request: GET /200/needs}}
      - {{id: L-6, rule: unreachable, level: should, request: "GET http://{closed}/x"}}
"""


def test_levels_and_needs_of_rules(bench: Bench, api: Noting, closed: str) -> None:
    ran = bench.run(CONTRACT.format(url=api.url, closed=closed))
    assert ran.outcomes == ["failed", "warned", "warned", "skipped", "not_run", "error"]
    assert [case.level for case in ran.cases] == ["must", "should", "may", "ignore", "must", "should"]
    assert [case.reason for case in ran.cases][3:5] == ["level is ignore", "not run: key is not set"]
    assert api.asked == ["GET must", "GET should", "GET may"]


def test_wishes_warn_and_do_not_fail(bench: Bench, api: Noting) -> None:
    case = bench.run(
        f"""
        scenario: Wishes
        endpoints: {{api: "{api.url}"}}
        steps: [{{request: GET /200/x, should: {{json: {{$.name: y}}}}, report: {{server: {{header: x-none}}}}}}]
        """
    ).case
    step = case.steps[0]
    assert (case.outcome, step.outcome) == ("warned", "passed")
    assert [warning.message for warning in step.warnings] == ['$.name: expected "y", got "x"']
    assert step.notes[0].startswith("server: no header x-none; there are ")


def test_a_step_of_the_end_whose_save_is_missing_is_not_run_and_no_failure(bench: Bench, api: Noting) -> None:
    fragment = "fragment: Leave\ninputs: {api: {required: true}, who: {required: true}}\nsteps: [{request: 'POST ${api}/200/${who}'}]\n"
    case = bench.run(
        f"""
        scenario: Missing
        endpoints: {{api: "{api.url}"}}
        steps:
          - {{request: GET /200/a, save: {{who: {{json: $.who, optional: true}}}}}}
        teardown:
          - {{request: "POST /200/${{who}}"}}
          - {{use: leave.apitest.yaml, with: {{api: "${{api}}", who: "${{who}}"}}}}
          - {{request: GET /200/end}}
        """,
        files={"leave.apitest.yaml": fragment},
    ).case
    assert [step.outcome for step in case.steps] == ["passed", "not_run", "not_run", "passed"]
    assert (case.outcome, api.asked) == ("passed", ["GET a", "GET end"])


def test_what_setup_made_is_cleaned_up_at_the_end_of_the_document(bench: Bench, api: Noting) -> None:
    ran = bench.run(
        f"""
        scenario: Setup makes
        endpoints: {{api: "{api.url}"}}
        setup:
          - {{request: POST /200/a, save: {{a: $.name}}, cleanup: "DELETE /200/${{a}}"}}
          - {{request: POST /200/b, cleanup: DELETE /500/b}}
        teardown: [{{request: GET /200/end}}]
        cases: [{{case: it, steps: [{{request: POST /200/c, cleanup: DELETE /200/c}}]}}]
        """
    )
    assert ran.outcomes == ["passed"]
    assert [one.split()[1] for one in api.asked] == ["a", "b", "c", "c", "b", "a", "end"]
    assert [failure.message for step in ran.end for failure in step.failures] == [
        'cleanup of "POST /200/b": DELETE /500/b: expected 2xx, 404 or 410, got 500'
    ]


def test_local_variables_reach_what_is_made_from_the_ones_they_replace(bench: Bench) -> None:
    ran = bench.run("""
        scenario: Local
        endpoints: {api: {app: "pytest_apitest.demo:create_app"}}
        variables: {v: abcd, dep: "${v}x", further: "${dep}y", other: kept}
        cases:
          - case: one
            variables: {v: local}
            steps:
              - request: {GET: /echo, query: {q: "${v} ${dep} ${further} ${other}"}}
                expect: {json: {$.query: "q=local%20localx%20localxy%20kept"}}
          - case: two
            steps:
              - request: {GET: /echo, query: {q: "${v} ${dep} ${further}"}}
                expect: {json: {$.query: "q=abcd%20abcdx%20abcdxy"}}
    """)
    assert ran.messages == []
    assert ran.outcomes == ["passed", "passed"]


@pytest.mark.parametrize(
    ("kind", "condition", "word"),
    [
        ("scenario", "when: {w: {exists: true}}", "skipped"),
        ("contract", "needs: [w]", "not_run"),
    ],
)
def test_nothing_of_a_document_runs_when_its_condition_does_not_hold(
    bench: Bench, kind: str, condition: str, word: str
) -> None:
    seen: list[str] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=404)

    url = bench.serve(("GET", "/{name}", note))
    ran = bench.run(f"""
        {kind}: Idle
        endpoints: {{api: "{url}"}}
        variables: {{w: {{required: false}}}}
        {condition}
        setup: [{{request: GET /setup}}]
        teardown: [{{request: GET /teardown}}]
        {"cases: [{case: one," if kind == "scenario" else "rules: [{id: R-1, rule: one,"} steps: [{{request: GET /one}}]}}]
    """)
    assert (ran.outcomes, ran.end, seen) == ([word], [], [])


@pytest.mark.parametrize(
    ("variable", "place"),
    [("{env: NOT_SET}", 6), ("{env: PORT, type: integer}", 4)],
)
def test_a_value_that_cannot_be_made_is_told_where_it_is_declared_or_used(
    bench: Bench, variable: str, place: int
) -> None:
    ran = bench.run(
        f"""
        scenario: Values
        endpoints: {{api: {{app: "pytest_apitest.demo:create_app"}}}}
        variables: {{port: {variable}}}
        steps:
          - request: GET /echo?p=${{port}}
        """,
        options=Options(environment={"PORT": "abc"}),
    )
    assert ran.outcomes == ["error"]
    assert [failure.line for failure in ran.case.failures] == [place]
