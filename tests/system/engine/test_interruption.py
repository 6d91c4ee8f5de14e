"""Ctrl-C in the middle of a case: what was made is cleaned up, soon, and the outcome says so."""

import signal
import threading
import time

import pytest

from pytest_apitest.engine import DocumentState
from pytest_apitest.outcome import CaseOutcome
from tests.harness import Bench
from tests.hostile import Address, Peer, answer, serve

FILES = {
    "make.apitest.yaml": """
        fragment: Make
        inputs: {api: {required: true}}
        steps:
          - {request: "POST ${api}/made", cleanup: "DELETE ${api}/made"}
          - {request: "GET ${api}/stop"}
        teardown: [{request: "POST ${api}/leave"}]
    """
}


def press_ctrl_c() -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def interrupting(peer: Peer) -> None:
    """Answer everything, but press Ctrl-C when asked for `/stop`, and say nothing to what is `/slow`."""
    while True:
        path = peer.read_request().split(b" ")[1]
        if path.endswith(b"/stop"):
            press_ctrl_c()
            peer.wait_for_end()
        if path.endswith(b"/slow"):
            peer.wait_for_end()
        peer.send(answer(b"{}"))


def interrupted(bench: Bench, text: str) -> tuple[DocumentState, CaseOutcome]:
    """Run the only case of a document, which is interrupted."""
    document = bench.load(text, FILES)
    state = DocumentState(bench.engine, document)
    outcome = CaseOutcome("id", "title", "document", "file", 1)
    state.set_up({})
    with pytest.raises(KeyboardInterrupt):
        state.run(document.cases[0], outcome)
    return state, outcome


def asked(address: Address) -> list[str]:
    return [" ".join(request.decode().split(" ")[:2]) for request in address.requests]


def test_what_was_made_is_cleaned_up_after_ctrl_c(bench: Bench) -> None:
    with serve(interrupting) as address:
        _, outcome = interrupted(
            bench,
            f"""
            scenario: Stopped
            endpoints: {{api: "{address.url}"}}
            steps:
              - {{request: POST /made, cleanup: DELETE /made}}
              - {{request: GET /stop, cleanup: DELETE /stop}}
              - {{request: GET /never}}
            teardown: [{{request: POST /end}}]
            """,
        )
        assert asked(address) == ["POST /made", "GET /stop", "DELETE /made", "POST /end"]
    assert outcome.outcome == "error"
    assert [(step.name, step.outcome) for step in outcome.steps] == [
        ("POST /made", "passed"),
        ("GET /stop", "error"),
        ("DELETE /made", "passed"),
        ("POST /end", "passed"),
    ]
    assert [failure.message for failure in outcome.failures] == ["interrupted by Ctrl-C"]


def test_a_try_that_was_answered_is_cleaned_up_when_the_wait_for_the_next_is_interrupted(
    bench: Bench,
) -> None:
    with serve(interrupting) as address:
        timer = threading.Timer(0.3, press_ctrl_c)
        timer.start()
        interrupted(
            bench,
            f"""
            scenario: Stopped
            endpoints: {{api: "{address.url}"}}
            steps:
              - request: POST /made
                retry: {{times: 2, every: 20s}}
                cleanup: DELETE /made
                expect: {{status: 404}}
            """,
        )
        timer.join()
        assert asked(address) == ["POST /made", "DELETE /made"]


def test_the_end_of_an_interrupted_case_takes_its_grace_at_most(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_apitest.engine.case.GRACE", 0.5)
    with serve(interrupting) as address:
        started = time.monotonic()
        _, outcome = interrupted(
            bench,
            f"""
            scenario: Stopped
            endpoints: {{api: "{address.url}"}}
            steps:
              - {{request: POST /made, cleanup: DELETE /slow}}
              - {{request: GET /stop}}
            teardown: [{{request: POST /slow}}, {{request: POST /slow}}]
            """,
        )
        assert time.monotonic() - started < 1.5
    assert [step.outcome for step in outcome.steps] == ["passed", "error", "error", "error", "error"]


def test_a_fragment_that_is_interrupted_is_ended_and_its_teardown_runs(bench: Bench) -> None:
    with serve(interrupting) as address:
        use = 'steps: [{use: make.apitest.yaml, with: {api: "${api}"}}]'
        interrupted(bench, f'scenario: Stopped\nendpoints: {{api: "{address.url}"}}\n{use}\n')
        assert asked(address) == ["POST /made", "GET /stop", "DELETE /made", "POST /leave"]


def test_a_fragment_that_runs_once_and_is_interrupted_is_ended_with_the_process(bench: Bench) -> None:
    with serve(interrupting) as address:
        use = 'steps: [{name: make, use: make.apitest.yaml, with: {api: "${api}"}, once: true}]'
        state, outcome = interrupted(
            bench, f'scenario: Stopped\nendpoints: {{api: "{address.url}"}}\n{use}\n'
        )
        assert asked(address) == ["POST /made", "GET /stop"]
        assert [step.outcome for step in outcome.steps] == ["passed", "error"]
        again = CaseOutcome("id", "title", "document", "file", 1)
        state.run(state.document.cases[0], again)
        assert [failure.message for failure in again.failures] == [
            '"make" runs once and failed: interrupted by Ctrl-C'
        ]
        assert bench.engine.end_once() == []
        assert asked(address)[2:] == ["DELETE /made", "POST /leave"]
