"""Endpoints that cannot be reached or misbehave: told in one line, in time, and never passed."""

import time
from pathlib import Path

import pytest
import trustme

from pytest_apitest.engine import Options
from tests.harness import Bench, Ran
from tests.hostile import HOSTILE, Peer, answer, answering, deep_json, serve, trickled_body
from tests.system.transport.asking import tls_server

SECONDS = 1.0
PAST_BOUNDS = {"endless_body", "gzip_bomb", "huge_header", "many_gzip_layers", "many_headers"}
# A bound is met by work, which a busy machine is slow at; the deadline is not what these are about.
PAST_BOUNDS_SECONDS = 20.0
LATE = 1.0


def asked(
    bench: Bench, url: str, more: str = "", options: Options | None = None, seconds: float = SECONDS
) -> Ran:
    return bench.run(
        f"""
        scenario: Asking
        endpoints: {{api: {{env: API, default: "{url}", timeout: {seconds:g}s}}}}
        steps:
          - {{request: GET /x, expect: {{status: {{at_least: 100}}}}{more}}}
          - {{request: GET /behind}}
        """,
        options=options,
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_no_misbehaviour_passes_or_takes_longer_than_its_deadline(bench: Bench, name: str) -> None:
    with serve(HOSTILE[name]) as address:
        seconds = PAST_BOUNDS_SECONDS if name in PAST_BOUNDS else SECONDS
        started = time.monotonic()
        case = asked(bench, address.url, seconds=seconds).case
        took = time.monotonic() - started
    assert took < seconds + LATE
    # What is past its bounds did come, so it is judged; else nothing came that could be.
    word, reason = ("failed", "failed") if name in PAST_BOUNDS else ("error", "was an error")
    assert [step.outcome for step in case.steps] == [word, "not_run"]
    assert case.steps[1].reason == f'after "GET /x" {reason}'
    [failure] = case.failures
    assert "\n" not in failure.message
    assert failure.message.endswith(" (api, from line 3)")
    assert failure.line == 5
    assert case.steps[0].exchanges[0].error


@pytest.mark.parametrize(
    ("origin", "options"),
    [
        ("line 3", Options(environment={})),
        ("API", Options(environment={"API": "http://{closed}"})),
        ("--apitest-endpoint", Options(environment={}, endpoints={"api": "http://{closed}"})),
    ],
)
def test_a_host_that_refuses_is_named_with_where_its_url_came_from(
    bench: Bench, closed: str, origin: str, options: Options
) -> None:
    given = Options(
        environment={name: text.format(closed=closed) for name, text in options.environment.items()},
        endpoints={name: text.format(closed=closed) for name, text in options.endpoints.items()},
    )
    ran = asked(bench, f"http://{closed}", options=given)
    assert ran.messages == [f"cannot reach {closed}: connection refused (api, from {origin})"]


def test_a_whole_try_has_one_deadline_redirects_included(bench: Bench) -> None:
    redirect = answer(b"", "Location: /again", status="302 Found")
    slow = (redirect,) * 12

    def behave(peer: Peer) -> None:
        for raw in slow:
            peer.read_request()
            peer.pause(0.2)
            peer.send(raw)

    with serve(behave) as address:
        started = time.monotonic()
        ran = asked(bench, address.url, ", follow_redirects: 20")
        assert time.monotonic() - started < SECONDS + LATE
    assert ran.outcomes == ["error"]
    hops = len(ran.case.steps[0].exchanges)
    assert 2 < hops < 8
    assert ran.messages[0].endswith(f", after {hops - 1} redirects (api, from line 3)")


def test_a_retry_ends_at_its_time_though_the_server_drips(bench: Bench) -> None:
    with serve(trickled_body) as address:
        started = time.monotonic()
        ran = asked(bench, address.url, ", retry: {for: 600ms, every: 100ms}")
        assert time.monotonic() - started < 0.6 + LATE
    assert ran.outcomes == ["error"]
    assert ran.messages[0].startswith("not within 0.6 s (1 try): ")


def test_json_that_is_too_deep_fails_the_check(bench: Bench) -> None:
    with serve(deep_json) as address:
        ran = asked(bench, address.url, ", save: {a: {json: $.a, optional: true}}")
    assert ran.case.steps[0].outcome == "passed"  # nobody asked for JSON but an optional save
    with serve(deep_json) as address:
        ran = asked(bench, address.url, ", save: {a: $.a}")
    assert ran.outcomes == ["failed"]
    assert ran.messages[0].startswith("save a: body is not JSON: ")


def test_a_certificate_that_is_not_trusted_is_an_error(bench: Bench) -> None:
    authority = trustme.CA()
    context = tls_server(authority.issue_cert("localhost"))
    with serve(answering(answer(b"{}")), tls=context) as address:
        url = f"https://localhost:{address.port}"
        ran = asked(bench, url)
        assert ran.outcomes == ["error"]
        told = f"TLS with localhost:{address.port}: certificate not trusted"
        assert ran.messages[0].startswith(told)
        assert address.requests == []


@pytest.mark.parametrize("verify", ["false", "ca.pem"])
def test_a_certificate_is_trusted_when_asked(bench: Bench, tmp_path: Path, verify: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = tls_server(authority.issue_cert("localhost"))
    with serve(answering(answer(b"{}"), answer(b"{}")), tls=context) as address:
        ran = asked(bench, f"https://localhost:{address.port}", f", verify: {verify}")
    assert ran.case.steps[0].outcome == "passed"


def test_a_client_certificate_is_shown(bench: Bench, tmp_path: Path) -> None:
    import ssl

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    client = authority.issue_cert("client")
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    client.private_key_pem.write_to_path(tmp_path / "client.key")
    context = tls_server(authority.issue_cert("localhost"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with serve(answering(answer(b"{}"), answer(b"{}")), tls=context) as address:
        url = f"https://localhost:{address.port}"
        without = asked(bench, url, ", verify: ca.pem")
        shown = asked(bench, url, ", verify: ca.pem, cert: {cert: client.pem, key: client.key}")
    assert without.outcomes == ["error"]
    assert shown.case.steps[0].outcome == "passed"


def test_proxies_of_the_environment_are_ignored(
    bench: Bench, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://{closed}")
    with serve(answering(answer(b"{}"), answer(b"{}"))) as address:
        assert asked(bench, address.url).outcomes == ["passed"]


def test_a_proxy_is_used_when_asked_for(bench: Bench) -> None:
    with serve(answering(answer(b"{}"))) as proxy:
        ran = asked(bench, "http://behind.example", f', proxy: "{proxy.url}"')
        assert proxy.requests[0].startswith(b"GET http://behind.example/x HTTP/1.1\r\n")
    assert ran.case.steps[0].outcome == "passed"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "api (API): "),
        ("ftp://127.0.0.1", "api (API): "),
        ("http://user:word@127.0.0.1", "api (API): "),
        ("http://127.0.0.1:99999", "api (API): "),
    ],
)
def test_an_address_from_outside_that_is_none_is_told(bench: Bench, url: str, message: str) -> None:
    ran = asked(bench, "http://127.0.0.1:9", options=Options(environment={"API": url}))
    assert ran.outcomes == ["error"]
    assert ran.messages[0].replace("env API", "API").startswith(message)
    assert [step.name for step in ran.case.steps] == ["before the first step"]
