"""Tries: until it passes, until time or number is over, until it is given up; the last one counts."""

import time
from collections.abc import Sequence

import pytest

from tests.harness import Bench
from tests.hostile import Behaviour, Peer, answer, serve, silent

STATES = {name: answer(f'{{"state": "{name}"}}'.encode()) for name in ("new", "busy", "done", "failed")}
BROKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut"


def in_turn(*answers: bytes) -> Behaviour:
    """Answer each connection with the next answer, and with the last one from then on."""
    left = list(answers)

    def behave(peer: Peer) -> None:
        peer.read_request()
        raw = left.pop(0) if len(left) > 1 else left[0]
        peer.send(raw.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))

    return behave


def states(*names: str) -> Sequence[bytes]:
    return [STATES.get(name, BROKEN) for name in names]


STEP = """
scenario: Waiting
endpoints: {{api: {{url: "{url}", timeout: 1s}}}}
steps:
  - request: GET /job
    retry: {{{retry}}}
    save: {{state: $.state}}
    expect: {{json: {{$.state: done}}}}
  - {{request: "GET /after/${{state}}", expect: {{json: {{$.state: {{exists: true}}}}}}}}
"""
WANTED = '$.state: expected "done", got '


@pytest.mark.parametrize(
    ("answers", "retry", "tries", "outcomes", "message"),
    [
        (("new", "busy", "done"), "times: 5, every: 1ms", 3, ["passed", "passed"], None),
        (("new", "cut", "done"), "times: 5, every: 0s", 3, ["passed", "passed"], None),
        (("new", "busy"), "times: 3, every: 1ms", 3, ["failed", "not_run"], f'not after 3 tries: {WANTED}"busy"'),
        (("new", "cut"), "times: 2, every: 1ms", 2, ["error", "not_run"], "not after 2 tries: "),
        (("new", "failed", "done"), "times: 9, every: 1ms, give_up_when: {json: {$.state: failed}}", 2,
         ["failed", "not_run"], 'gave up after 2 tries: $.state is "failed"'),
        (("failed",), "times: 9, every: 1ms, give_up_when: {status: 200}", 1,
         ["failed", "not_run"], "gave up after 1 try: status is 200"),
        (("new", "done"), "times: 9, every: 1ms, give_up_when: {json: {$.gone: failed}}", 2, ["passed", "passed"], None),
        (("done",), "times: 2", 1, ["passed", "passed"], None),
    ],
)  # fmt: skip
def test_tries_end(
    bench: Bench, answers: Sequence[str], retry: str, tries: int, outcomes: list[str], message: str | None
) -> None:
    with serve(in_turn(*states(*answers))) as address:
        case = bench.run(STEP.format(url=address.url, retry=retry)).case
        assert address.connections == tries + outcomes.count("passed") - (outcomes[0] == "passed")
    assert [step.outcome for step in case.steps] == outcomes
    assert case.steps[0].tries == tries
    if message is None:
        assert case.failures == []
    else:
        assert case.failures[0].message.startswith(message)
    assert len(case.steps[0].exchanges) == 1


def test_the_time_ends_a_retry_and_is_told_with_its_tries(bench: Bench) -> None:
    with serve(in_turn(STATES["new"])) as address:
        started = time.monotonic()
        case = bench.run(STEP.format(url=address.url, retry="for: 300ms, every: 50ms")).case
        took = time.monotonic() - started
    tries = case.steps[0].tries
    assert 2 <= tries <= 7
    assert took < 1
    assert case.failures[0].message == f'not within 0.3 s ({tries} tries): {WANTED}"new"'


def test_the_number_is_told_when_it_was_what_ended_the_tries(bench: Bench) -> None:
    with serve(in_turn(STATES["new"])) as address:
        case = bench.run(STEP.format(url=address.url, retry="times: 2, for: 30s, every: 1ms")).case
    assert case.failures[0].message == f'not after 2 tries: {WANTED}"new"'


def test_a_try_has_at_most_what_is_left_of_the_time(bench: Bench) -> None:
    with serve(silent) as address:
        started = time.monotonic()
        case = bench.run(STEP.format(url=address.url, retry="for: 400ms, every: 10ms")).case
        assert time.monotonic() - started < 0.9
    assert case.outcome == "error"
    assert case.failures[0].message.startswith("not within 0.4 s (1 try): no answer within ")


def test_only_the_last_try_is_told_and_saves_are_its_own(bench: Bench) -> None:
    with serve(in_turn(*states("new", "busy"))) as address:
        case = bench.run(
            STEP.format(url=address.url, retry="times: 2, every: 1ms").replace(
                "\n  - {", "\nteardown:\n  - {"
            )
        ).case
        last = address.requests[-1]
    assert len(case.steps[0].failures) == 1
    assert last.startswith(b"GET /after/busy ")


def test_a_request_is_rendered_anew_for_each_try(bench: Bench) -> None:
    with serve(in_turn(*states("new", "busy", "done"))) as address:
        text = STEP.format(url=address.url, retry="times: 3, every: 1ms").replace(
            "GET /job", "GET /job/${state}/${uuid()}"
        )
        text = text.replace("steps:", "variables: {state: none}\nsteps:", 1)
        assert bench.run(text).outcomes == ["passed"]
        paths = [request.split(b" ")[1].decode().split("/") for request in address.requests]
    assert [path[2] for path in paths[:3]] == ["none", "new", "busy"]
    assert len({path[3] for path in paths[:3]}) == 3


@pytest.mark.parametrize(
    ("times", "message"),
    [("1", "times needs an integer of 2 or more, got 1"), ('"two"', 'times needs an integer of 2 or more, got "two"')],
)  # fmt: skip
def test_a_number_of_tries_by_reference_is_looked_at(bench: Bench, times: str, message: str) -> None:
    text = STEP.format(url="http://127.0.0.1:9", retry='times: "${times}"')
    ran = bench.run(text.replace("steps:", f"variables: {{times: {times}}}\nsteps:", 1))
    assert ran.messages == [message]


def test_refused_connections_are_tries_that_failed(bench: Bench, closed: str) -> None:
    case = bench.run(STEP.format(url=f"http://{closed}", retry="times: 3, every: 1ms")).case
    assert (case.outcome, case.steps[0].tries) == ("error", 3)
    assert case.failures[0].message == (
        f"not after 3 tries: cannot reach {closed}: connection refused (api, from line 3)"
    )


def test_paging_by_retry_follows_the_next_page(bench: Bench) -> None:
    pages = [b'{"next": "/p2", "ids": [1]}', b'{"next": "/p3", "ids": [2]}', b'{"next": null, "ids": [3]}']
    for wanted, message in ((3, None), (9, "gave up after 3 tries: $.next is null")):
        with serve(in_turn(*map(answer, pages))) as address:
            ran = bench.run(
                f"""
                scenario: Pages
                endpoints: {{api: "{address.url}"}}
                variables: {{next: /p1}}
                steps:
                  - request: GET ${{next}}
                    retry: {{times: 10, every: 0s, give_up_when: {{json: {{$.next: null}}}}}}
                    save: {{next: $.next}}
                    expect: {{json: {{$.ids: {{contains: {wanted}}}}}}}
                """
            )
            assert [request.split(b" ")[1] for request in address.requests] == [b"/p1", b"/p2", b"/p3"]
        assert ran.messages[:1] == ([message] if message else [])
