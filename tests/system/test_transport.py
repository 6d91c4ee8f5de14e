"""The network against real sockets: deadlines, limits, errors by name, and the bytes in both directions."""

import gzip
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from pytest_apitest.exchange import DIRECT, Headers, Limits, Request, Response, Route, Send, TransportError
from pytest_apitest.transport import Network
from pytest_apitest.transport.backend import DeadlineStream
from tests import hostile
from tests.hostile import (
    CHUNKED,
    Address,
    Behaviour,
    Gone,
    Peer,
    answer,
    answering,
    answering_always,
    chunked,
    serve,
)

ALLOWED = 0.4
LATE = 0.5
GENEROUS = 20.0


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


def request_to(address: Address, path: str = "", *, seconds: float = GENEROUS, **parts: Any) -> Request:
    parts.setdefault("method", "GET")
    parts.setdefault("headers", (("Host", address.peer),))
    return Request(url=address.url + path, deadline=time.monotonic() + seconds, **parts)


def failure(network: Network, request: Request) -> TransportError:
    with pytest.raises(TransportError) as caught:
        network.send(request)
    error = caught.value
    assert str(error) == error.message
    # Nothing of httpcore, h11 or ssl is shown above the error.
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert not [entry for entry in caught.traceback if "site-packages" in str(entry.path)]
    return error


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "what the test waits for did not happen"
        time.sleep(0.002)


# ---------------------------------------------------------------------------------------- the deadline


@contextmanager
def plain(behaviour: Behaviour) -> Iterator[str]:
    with serve(behaviour) as address:
        yield address.url


@contextmanager
def without_tls(behaviour: Behaviour) -> Iterator[str]:
    with serve(behaviour) as address:
        yield f"https://{address.peer}/"


@contextmanager
def backlog(_: Behaviour) -> Iterator[str]:
    with hostile.full_backlog() as address:
        yield address.url


Place = Callable[[Behaviour], Any]

SLOW: dict[str, tuple[Place, Behaviour, bytes | None, str]] = {
    "silence": (plain, hostile.silent, None, r"no answer within 0\.4 s \(waiting for the first byte\)"),
    "head": (
        plain,
        hostile.trickled_head,
        None,
        r"answer not complete within 0\.4 s \([1-9]\d* bytes of the head read\)",
    ),
    "body": (
        plain,
        hostile.trickled_body,
        None,
        r"answer not complete within 0\.4 s \([1-9]\d* bytes? of the body read\)",
    ),
    "chunks": (
        plain,
        hostile.trickled_chunks,
        None,
        r"answer not complete within 0\.4 s \([1-9]\d* bytes? of the body read\)",
    ),
    "flood of 103": (
        plain,
        hostile.interim_flood,
        None,
        r"no answer within 0\.4 s \(only interim answers came, the last one 103\)",
    ),
    "slow 100": (
        plain,
        hostile.slow_interim,
        None,
        r"no answer within 0\.4 s \(only interim answers came, the last one 100\)",
    ),
    "endless body": (
        plain,
        hostile.endless_body,
        None,
        r"answer not complete within 0\.4 s \([\d,]+ bytes of the body read\)",
    ),
    "endless chunks": (
        plain,
        hostile.endless_chunks,
        None,
        r"answer not complete within 0\.4 s \([\d,]+ bytes of the body read\)",
    ),
    "endless members": (
        plain,
        hostile.endless_members,
        None,
        r"answer not complete within 0\.4 s \([\d,]+ bytes of the body read\)",
    ),
    "upload never read": (plain, hostile.never_reading, bytes(30 << 20), r"request not sent within 0\.4 s"),
    "handshake silent": (without_tls, hostile.silent, None, r"TLS handshake not done within 0\.4 s"),
    "handshake trickled": (
        without_tls,
        hostile.trickled_handshake,
        None,
        r"TLS handshake not done within 0\.4 s",
    ),
    "full backlog": (backlog, hostile.silent, None, r"not connected within 0\.4 s"),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_request_is_over_at_its_deadline(network: Network, name: str) -> None:
    place, behaviour, body, message = SLOW[name]
    if name.startswith("handshake"):
        # Making the context costs up to 0.1 s under load, which is another test's business.
        network._contexts.context_for(DIRECT)
    with place(behaviour) as url:
        begun = time.monotonic()
        request = Request(
            "GET" if body is None else "POST",
            url,
            (("Host", "here"),),
            body,
            deadline=begun + ALLOWED,
            limits=Limits(body=1 << 40),
        )
        error = failure(network, request)
        took = time.monotonic() - begun
    assert error.kind == "timeout"
    assert re.fullmatch(message, error.message), error.message
    assert ALLOWED - 0.01 <= took < ALLOWED + LATE
    assert error.sent is (name != "full backlog" and not name.startswith("handshake"))


def test_a_slow_resolver_does_not_hold_the_deadline_up(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A real resolver cannot be made slow without owning the machine's DNS, so the system call is replaced.
    real = socket.getaddrinfo
    let_go = threading.Event()

    def slow(host: Any, *rest: Any, **options: Any) -> Any:
        if host == "slow.test":
            # Whether a name is an address is answered at once, as the real call does.
            if options.get("flags") != socket.AI_NUMERICHOST:
                let_go.wait(10)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    begun = time.monotonic()
    try:
        error = failure(network, Request("GET", "http://slow.test/", deadline=begun + ALLOWED))
        took = time.monotonic() - begun
    finally:
        let_go.set()
    assert (error.kind, error.message, error.sent) == ("timeout", "name not resolved within 0.4 s", False)
    assert ALLOWED - 0.01 <= took < ALLOWED + LATE


def test_a_slow_resolver_of_the_user_does_not_hold_the_deadline_up() -> None:
    let_go = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        let_go.wait(10)
        return []

    with Network(slow) as network:
        begun = time.monotonic()
        error = failure(network, Request("GET", "http://any.test/", deadline=begun + ALLOWED))
        took = time.monotonic() - begun
        let_go.set()
    assert error.message == "name not resolved within 0.4 s"
    assert took < ALLOWED + LATE


def test_a_deadline_that_has_passed_sends_nothing(network: Network) -> None:
    with serve(answering_always(answer(b"ok"))) as address:
        error = failure(network, request_to(address, seconds=-1))
    assert error.message == "no time left: the deadline had passed before the request was sent"
    assert (error.kind, error.sent) == ("timeout", False)
    assert address.connections == 0


def test_the_time_to_make_a_tls_context_counts(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> ssl.SSLContext:
        time.sleep(0.3)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(ssl, "create_default_context", slow)
    with serve(hostile.silent) as address:
        begun = time.monotonic()
        error = failure(network, Request("GET", f"https://{address.peer}/", deadline=begun + ALLOWED))
        took = time.monotonic() - begun
    assert error.message == "TLS handshake not done within 0.4 s"
    # Without a look at the clock after making it, this would take 0.3 s longer.
    assert took < ALLOWED + 0.25


def test_the_deadline_is_one_total_over_several_requests_of_a_connection(network: Network) -> None:
    """A reused connection gets the deadline of its second request, not what the first one left behind."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"ok"))
        peer.read_request()
        peer.pause(0.3)
        peer.send(answer(b"late but in time"))

    with serve(behave) as address:
        assert network.send(request_to(address, seconds=0.2)).body == b"ok"
        assert network.send(request_to(address, seconds=5)).body == b"late but in time"
        assert address.connections == 1


def test_without_a_deadline_a_request_waits(network: Network) -> None:
    with serve(answering(answer(b"ok"))) as address:
        assert network.send(Request("GET", address.url, (("Host", "a"),))).body == b"ok"


# ------------------------------------------------------------------------------------ hostile answers

WRONG: dict[str, tuple[str, str]] = {
    "closed_before_answer": ("closed", "{peer} closed the connection without an answer"),
    "reset_before_answer": ("closed", "{peer} closed the connection without an answer"),
    "truncated_head": ("truncated", "answer cut off: the head ended after 27 bytes"),
    "truncated_body": ("truncated", "answer cut off: 12 of 100 bytes of the body arrived"),
    "truncated_chunk": ("truncated", "chunked body cut off: 12 bytes of it arrived"),
    "missing_last_chunk": ("truncated", "chunked body cut off: 5 bytes of it arrived"),
    "garbage": ("garbled", 'not an HTTP answer: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\\r"...'),
    "http2_preface": (
        "garbled",
        'not an HTTP answer: "\\x00\\x00\\x12\\x04\\x00\\x00\\x00\\x00\\x00\\x00"...',
    ),
    "unknown_version": ("garbled", "unknown HTTP version 9.9 in the answer"),
    "bad_content_length": ("garbled", "bad Content-Length in the answer"),
    "negative_length": ("garbled", "bad Content-Length in the answer"),
    "differing_lengths": ("garbled", "more than one Content-Length in the answer, and they differ"),
    "bad_chunk_size": ("garbled", "bad chunk size in the body"),
    "overlong_chunk": ("garbled", "bad chunk in the body: data longer than its size"),
    "bad_header_line": ("garbled", "bad header line 2 in the answer"),
    "nul_in_header": ("garbled", "bad header line 1 (X-Nul) in the answer"),
    "unknown_transfer_coding": ("garbled", "unknown transfer coding in the answer"),
    "switching": ("garbled", "answered 101 Switching Protocols, which leaves HTTP"),
    "truncated_gzip": ("garbled", "gzip body ends early"),
    "corrupt_gzip": ("garbled", "gzip body is damaged"),
    "plain_as_gzip": ("garbled", "gzip body is damaged"),
    "gzip_bomb": ("limit", "decompresses to more than 200 times its size"),
    "many_gzip_layers": ("limit", "200 content codings, at most 2"),
    "many_headers": ("limit", "more than 1,000 header lines"),
    "huge_header": ("limit", "head of the answer larger than 100 KiB"),
    "endless_body": ("limit", "body larger than 10 MiB"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_answer_is_called_by_its_name_and_its_connection_dropped(network: Network, name: str) -> None:
    kind, message = WRONG[name]
    with serve(hostile.HOSTILE[name]) as address:
        error = failure(network, request_to(address))
        assert (error.kind, error.message) == (kind, message.format(peer=address.peer))
        assert error.sent is True
        # The next request gets a connection of its own, and the same answer.
        again = failure(network, request_to(address))
        assert (again.kind, again.message) == (error.kind, error.message)
        assert address.connections == 2


def test_every_hostile_behaviour_is_covered() -> None:
    used = {behaviour for _, behaviour, _, _ in SLOW.values()} | {hostile.HOSTILE[name] for name in WRONG}
    assert used == set(hostile.HOSTILE.values())


def test_more_bad_answers(network: Network) -> None:
    cases: list[tuple[bytes, str, str]] = [
        (b"HTTP/2.0 200 OK\r\n\r\n", "garbled", "unknown HTTP version 2.0 in the answer"),
        (b"HTTP/1.1 099 Low\r\n\r\n", "garbled", "bad status code 099 in the answer"),
        (b"HTTP/1.1 2OO OK\r\n\r\n", "garbled", 'not an HTTP answer: "HTTP/1.1 2OO OK\\r\\n\\r\\n"'),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "garbled", "bad header line 1 in the answer"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "garbled", 'not an HTTP answer: "\\r\\nHTTP/1.1 200 OK\\r\\n\\r\\n"'),
        (b'<html>"\\\x7f', "garbled", 'not an HTTP answer: "<html>\\"\\\\\\x7f"'),
        (b"\x15\x03\x01\x00\x02\x02\x46", "garbled", 'not an HTTP answer, the server speaks TLS: "\\x15\\x03\\x01\\x00\\x02\\x02F"'),
        (answer(b"ok", "Content-Length: 2, 3", length=False), "garbled", "more than one Content-Length in the answer, and they differ"),
        (answer(b"ok", CHUNKED, CHUNKED, length=False), "garbled", "unknown transfer coding in the answer"),
        (answer(b"ok", "Transfer-Encoding: identity", length=False), "garbled", "unknown transfer coding in the answer"),
        (answer(CHUNKED.encode(), CHUNKED, length=False) + b"\r\n", "garbled", "bad chunk size in the body"),
        (answer(b"11111111111111111\r\n", CHUNKED, length=False), "garbled", "bad chunk size in the body"),
        (answer(b"-2\r\nok\r\n", CHUNKED, length=False), "garbled", "bad chunk size in the body"),
        (answer(b"2;" + b"x" * 200_000, CHUNKED, length=False), "limit", "text between chunks larger than 100 KiB"),
        (answer(b"0\r\n" + b"X: y\r\n" * 50_000, CHUNKED, length=False), "limit", "text between chunks larger than 100 KiB"),
        (answer(b"0\r\nno trailer\r\n\r\n", CHUNKED, length=False), "garbled", "answer breaks the rules of HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n X: folded\r\n\r\n", "garbled", "bad header line 1 in the answer"),
        (answer(b"", "Content-Length: 10485761", length=False), "limit", "body larger than 10 MiB"),
        (answer(zlib.compress(b"x") + b"y", "Content-Encoding: deflate"), "garbled", "deflate body goes on behind its end"),
    ]  # fmt: skip
    for raw, kind, message in cases:
        with serve(answering(raw)) as address:
            error = failure(network, request_to(address))
        assert (error.kind, error.message) == (kind, message), raw[:60]


def test_limits_are_those_of_the_request(network: Network) -> None:
    cases: list[tuple[Limits, bytes, str]] = [
        (Limits(body=1_000), answer(b"x" * 1_001), "body larger than 1,000 bytes"),
        (Limits(body=1_000), answer(b"x" * 1_001, length=False), "body larger than 1,000 bytes"),
        (Limits(body=1_000), answer(b"", CHUNKED, length=False) + chunked(b"x" * 1_001), "body larger than 1,000 bytes"),
        (Limits(body=2_048), answer(gzip.compress(b"x" * 2_049), "Content-Encoding: gzip"), "decoded body larger than 2 KiB"),
        (Limits(headers=3), answer(b"", "A: 1", "B: 2", "C: 3"), "more than 3 header lines"),
        (Limits(head=64), answer(b"", "A: " + "x" * 64), "head of the answer larger than 64 bytes"),
        (Limits(codings=0), answer(b"", "Content-Encoding: gzip", length=False), "1 content codings, at most 0"),
        (Limits(ratio=3), answer(gzip.compress(b"x" * (1 << 20)), "Content-Encoding: gzip"), "decompresses to more than 3 times its size"),
    ]  # fmt: skip
    for limits, raw, message in cases:
        with serve(answering(raw)) as address:
            error = failure(network, request_to(address, limits=limits))
            assert (error.kind, error.message) == ("limit", message)
    # At the bound everything is well.
    good: list[tuple[Limits, bytes, int]] = [
        (Limits(body=1_000), answer(b"x" * 1_000), 1_000),
        (Limits(body=2_048), answer(gzip.compress(b"x" * 2_048), "Content-Encoding: gzip"), 2_048),
        (Limits(headers=3), answer(b"x", "A: 1", "B: 2"), 1),
        (Limits(head=56), answer(b"x", "A: 1234567890123"), 1),
        (Limits(ratio=3), answer(gzip.compress(b"x" * ((1 << 20) - 1)), "Content-Encoding: gzip"), (1 << 20) - 1),
    ]  # fmt: skip
    for limits, raw, length in good:
        with serve(answering(raw)) as address:
            assert len(network.send(request_to(address, limits=limits)).body) == length
    assert good[3][1].index(b"\r\n\r\n") + 4 == 56


def test_a_head_limit_counts_before_the_head_is_complete(network: Network) -> None:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20)
        peer.wait_for_end()

    with serve(behave) as address:
        error = failure(network, request_to(address, limits=Limits(headers=10)))
        assert error.message == "more than 10 header lines"
        error = failure(network, request_to(address, limits=Limits(head=100)))
        assert error.message == "head of the answer larger than 100 bytes"


def test_a_gzip_bomb_does_not_fill_the_memory(network: Network) -> None:
    bomb = answer(gzip.compress(bytes(64 << 20)), "Content-Encoding: gzip")
    with serve(answering_always(bomb)) as address:
        failure(network, request_to(address))
        tracemalloc.start()
        try:
            failure(network, request_to(address))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4 << 20


def test_a_message_never_quotes_a_header_value_a_body_or_the_query(network: Network) -> None:
    secret = "s3cr3t-t0ken"
    raws = [
        answer(b"", f"Set-Cookie: {secret}\x00"),
        answer(b"", f"Content-Length: {secret}", length=False),
        answer(b"", f"Transfer-Encoding: {secret}", length=False),
        answer(secret.encode(), CHUNKED, length=False),
        answer(secret.encode(), "Content-Encoding: gzip"),
        answer(secret.encode(), "Content-Length: 99", length=False),
        b"HTTP/1.1 200 OK\r\n" + secret.encode() + b"\r\n\r\n",
        b"",
    ]
    for raw in raws:
        with serve(hostile.cut_off(raw)) as address:
            error = failure(
                network, request_to(address, f"?token={secret}", headers=(("Authorization", secret),))
            )
        assert secret not in error.message
    with hostile.refused_port() as address:
        assert secret not in failure(network, request_to(address, f"?token={secret}")).message


def test_nothing_secret_reaches_the_debug_log(
    network: Network, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "s3cr3t-t0ken"
    good = answer(secret.encode(), f"Set-Cookie: {secret}")
    context = tls_server(authority.issue_cert("localhost"))
    with caplog.at_level("DEBUG"), ExitStack() as stack:
        address = stack.enter_context(serve(answering_always(good)))
        headers = (("Authorization", secret), ("Host", "h"))
        parts: dict[str, Any] = {"method": "POST", "headers": headers, "body": secret.encode()}
        network.send(request_to(address, f"?key={secret}", **parts))
        tls_address = stack.enter_context(serve(answering_always(good), tls=context))
        proxy = stack.enter_context(serve(proxying()))
        network.send(tls_request(tls_address, Route(verify=False, proxy=f"http://me:{secret}@{proxy.peer}")))
    assert "receive_response_headers.complete" in caplog.text
    assert secret not in caplog.text
    assert "czNjcjN0" not in caplog.text  # the beginning of it in base64, as proxies get it
    assert len(proxy.requests) == 1


# ------------------------------------------------------------------------------------- good answers


def test_a_deep_json_body_is_only_bytes_here(network: Network) -> None:
    with serve(hostile.deep_json) as address:
        response = network.send(request_to(address))
    assert response.body == b"[" * 200_000 + b"]" * 200_000
    assert response.received == 400_000


def test_received_header_lines_keep_order_case_and_repeats(network: Network) -> None:
    lines = (
        ("x-lower", "1"),
        ("X-UPPER", "two  words"),
        ("Set-Cookie", "a=1"),
        ("content-LENGTH", "2"),
        ("Set-Cookie", "b=2"),
        ("Content-Length", "2"),
        ("Transfer-Encoding", "ChunKed"),
        ("X-Latin", "caf\xe9 \x80"),
        ("X-Empty", ""),
        ("X-No-Break", "\xa0x\x85\x1f"),
        ("x-LOWER", "3"),
    )
    raw = answer(b"", *(f"{name}:\t {value} \t" for name, value in lines), length=False)
    with serve(answering(raw + chunked(b"ok"), raw + chunked(b"ok"))) as address:
        response = network.send(request_to(address))
        assert response.headers == lines
        assert (response.status, response.reason, response.body) == (200, "OK", b"ok")
        # Transfer-Encoding beside Content-Length: read in chunks, but that connection is not trusted any more.
        network.send(request_to(address))
        assert address.connections == 2


def test_folded_lines_bare_line_feeds_and_missing_reasons_are_read(network: Network) -> None:
    raws = {
        b"HTTP/1.1 200 OK\r\nX-Fold: one\r\n  two\r\n\tthree\r\nContent-Length: 2\r\n\r\nok": (
            "OK",
            "one two three",
        ),
        b"HTTP/1.1 200\nX-Fold: bare\nContent-Length: 2\n\nok": ("", "bare"),
        b"HTTP/1.0 200 \r\nX-Fold: old\r\n\r\nok": ("", "old"),
        b"HTTP/1.3 200 Not \xe9\tOK\r\nX-Fold: new\r\nContent-Length: 2\r\n\r\nok": ("Not \xe9\tOK", "new"),
    }
    for raw, (reason, value) in raws.items():
        with serve(hostile.cut_off(raw)) as address:
            response = network.send(request_to(address))
        assert (response.reason, response.header("x-fold"), response.body) == (reason, value, b"ok")


def test_interim_answers_are_skipped(network: Network) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with serve(answering(interim + answer(b"done", "X-Final: 1"))) as address:
        response = network.send(request_to(address))
    assert (response.status, response.body) == (200, b"done")
    assert response.headers == (("X-Final", "1"), ("Content-Length", "4"))


def test_an_answer_may_arrive_in_any_pieces(network: Network) -> None:
    body = gzip.compress(b"the whole body")
    for raw in (
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(b"the whole body", "X-A: 1"),
        answer(b"", CHUNKED, "X-A: 1", length=False)
        + chunked(b"the whole", b" body", end=b"0\r\nT: 1\r\n\r\n"),
        answer(body, "Content-Encoding: gzip", "X-A: 1"),
    ):

        def behave(peer: Peer, raw: bytes = raw) -> None:
            while True:
                peer.read_request()
                peer.trickle(raw, 0.0005)

        with serve(behave) as address:
            for _ in range(2):
                response = network.send(request_to(address))
                assert response.body == b"the whole body"
                assert response.header("X-A") == "1"
                assert response.received == (len(body) if b"gzip" in raw else 14)
            assert address.connections == 1


@pytest.mark.parametrize(
    "headers",
    [("Content-Length: 77",), (CHUNKED,), ("Content-Encoding: gzip, gzip, gzip", "Content-Length: 9")],
)
@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
def test_some_answers_have_no_body_whatever_their_head_says(
    network: Network, method: str, status: str, headers: tuple[str, ...]
) -> None:
    with serve(answering_always(answer(b"", *headers, status=status, length=False))) as address:
        for _ in range(2):
            response = network.send(request_to(address, method=method))
            assert (response.status, response.body, response.received) == (int(status[:3]), b"", 0)
        assert address.connections == 1


def test_content_codings_are_undone_and_the_wire_is_counted(network: Network) -> None:
    text = json.dumps(list(range(500))).encode()
    packed = gzip.compress(text)
    raw = zlib.compressobj(wbits=-15)
    cases: list[tuple[str, bytes]] = [
        ("gzip", packed),
        ("X-GZip", packed),
        ("gzip", gzip.compress(text[:100]) + gzip.compress(text[100:])),
        ("deflate", zlib.compress(text)),
        ("deflate", raw.compress(text) + raw.flush()),
        ("identity", text),
        ("deflate, identity ,gzip", gzip.compress(zlib.compress(text))),
    ]
    for coding, body in cases:
        for raw_answer in (
            answer(body, f"Content-Encoding: {coding}"),
            answer(b"", f"Content-Encoding: {coding}", CHUNKED, length=False) + chunked(body[:7], body[7:]),
        ):
            with serve(answering(raw_answer)) as address:
                response = network.send(request_to(address))
            assert (response.body, response.received) == (text, len(body)), coding
    for coding in ("br", "gzip, br", "br, gzip", "gzip;q=1"):
        with serve(answering(answer(packed, f"Content-Encoding: {coding}"))) as address:
            assert network.send(request_to(address)).body == packed
    with serve(answering(answer(b"", "Content-Encoding: gzip"))) as address:
        assert network.send(request_to(address)).body == b""


def test_the_duration_runs_from_connecting_to_the_last_byte(network: Network) -> None:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.pause(0.05)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        peer.pause(0.05)
        peer.send(b"k")
        peer.wait_for_end()

    with serve(behave) as address:
        begun = time.monotonic()
        response = network.send(request_to(address))
        took = time.monotonic() - begun
    assert 0.1 <= response.duration <= took


# --------------------------------------------------------------------------------- what goes over the wire


def sent_by(network: Network, path: str = "", **parts: Any) -> bytes:
    with serve(answering(answer(b"ok"))) as address:
        network.send(request_to(address, path, **parts))
    return address.requests[0]


def test_the_path_is_sent_byte_for_byte(network: Network) -> None:
    target = "a/../b%2Fc;p=1//d/./%7e?x=%7e&y=a+b&&z=1%20?/;"
    assert (
        sent_by(network, target, headers=(("Host", "h"),))
        == f"GET /{target} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    )
    with serve(answering(answer(b"ok"), answer(b"ok"))) as address:
        bare = address.url.removesuffix("/")
        for url in (bare, bare + "?q"):
            network.send(Request("GET", url, (("Host", "h"),), deadline=time.monotonic() + 5))
    assert address.requests == [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /?q HTTP/1.1\r\nHost: h\r\n\r\n"]


def test_header_lines_are_sent_as_given(network: Network) -> None:
    headers = (
        ("x-b", "2"),
        ("X-A", "1"),
        ("Host", "someone.else:99"),
        ("X-B", "caf\xe9"),
        ("x-b", "2"),
        ("X-Empty", ""),
        ("X-Spaces", "  a\tb  "),
        ("Cookie", "a=1; b=2"),
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    assert sent_by(network, headers=headers) == f"GET / HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
    # Not even a Host line is added.
    assert sent_by(network, headers=()) == b"GET / HTTP/1.1\r\n\r\n"


def test_only_the_length_of_a_body_is_added(network: Network) -> None:
    host: Headers = (("Host", "h"),)
    start = b" / HTTP/1.1\r\nHost: h\r\n"
    for method in ("POST", "PUT", "PATCH"):
        assert (
            sent_by(network, method=method, headers=host)
            == method.encode() + start + b"Content-Length: 0\r\n\r\n"
        )
    for method in ("GET", "DELETE", "OPTIONS", "TRACE", "PURGE", "m-search"):
        assert sent_by(network, method=method, headers=host) == method.encode() + start + b"\r\n"
    for method in ("POST", "GET", "DELETE"):
        sent = sent_by(network, method=method, headers=host, body=b"abc")
        assert sent == method.encode() + start + b"Content-Length: 3\r\n\r\nabc"
    assert (
        sent_by(network, method="GET", headers=host, body=b"")
        == b"GET" + start + b"Content-Length: 0\r\n\r\n"
    )
    given = (*host, ("content-length", "3"))
    assert (
        sent_by(network, method="PUT", headers=given, body=b"abc")
        == b"PUT" + start + b"content-length: 3\r\n\r\nabc"
    )
    given = (*host, ("Transfer-Encoding", "chunked"))
    start += b"Transfer-Encoding: chunked\r\n\r\n"
    assert (
        sent_by(network, method="PUT", headers=given, body=b"x" * 17)
        == b"PUT" + start + b"11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n"
    )
    assert sent_by(network, method="PUT", headers=given) == b"PUT" + start + b"0\r\n\r\n"


def test_a_large_body_arrives_whole(network: Network) -> None:
    body = os.urandom(1 << 20) * 3
    sent = sent_by(network, method="POST", body=body)
    assert sent.endswith(b"\r\n\r\n" + body)


def test_an_answer_to_a_half_sent_request_is_read(network: Network) -> None:
    def behave(peer: Peer) -> None:
        peer.sock.recv(1_000)
        peer.send(answer(b"too much", status="413 Content Too Large"))
        peer.sock.shutdown(socket.SHUT_WR)
        peer.pause(0.1)

    with serve(behave) as address:
        response = network.send(request_to(address, method="POST", body=bytes(30 << 20)))
    assert (response.status, response.body) == (413, b"too much")


SECRET = "the-value"
BASE = "http://server/"
WRONG_URL = "the URL must begin with http:// or https:// and have no fragment"
WRONG_HOST = "the URL must name a host in ASCII (xn--... for other names) and at most a port"
WRONG_PORT = "the port of the URL must be between 1 and 65535"
WRONG_CHARACTER = "the URL holds a character that must be percent-encoded"
WRONG_METHOD = "the method must be a token, for example GET"
UNSENDABLE: list[tuple[dict[str, Any], str]] = [
    ({"url": "ftp://h/"}, WRONG_URL),
    ({"url": "/path"}, WRONG_URL),
    ({"url": BASE + "#part"}, WRONG_URL),
    ({"url": "http://"}, WRONG_HOST),
    ({"url": "http:///path"}, WRONG_HOST),
    ({"url": "http://b\xfccher.test/"}, WRONG_HOST),
    ({"url": "http://a b/"}, WRONG_HOST),
    ({"url": "http://::1/"}, WRONG_HOST),
    ({"url": "http://h:x/"}, WRONG_HOST),
    ({"url": "http://h:0/"}, WRONG_PORT),
    ({"url": "http://h:65536/"}, WRONG_PORT),
    ({"url": f"http://user:{SECRET}@h/"}, "the URL must not hold a user name or password"),
    ({"url": BASE + "a b"}, WRONG_CHARACTER),
    ({"url": BASE + "a\r\nX: y"}, WRONG_CHARACTER),
    ({"url": BASE + "\xe9"}, WRONG_CHARACTER),
    ({"url": BASE + "?\x7f"}, WRONG_CHARACTER),
    ({"method": ""}, WRONG_METHOD),
    ({"method": "GET "}, WRONG_METHOD),
    ({"method": "GE\nT"}, WRONG_METHOD),
    ({"method": "G\xcaT"}, WRONG_METHOD),
    ({"method": "CONNECT"}, "the method CONNECT is for proxies only"),
    ({"headers": (("X-A", f"{SECRET}\r\nX-B: 1"),)}, "header X-A holds a control character"),
    ({"headers": (("X-A", f"{SECRET}\n"),)}, "header X-A holds a control character"),
    ({"headers": (("X-A", f"\x00{SECRET}"),)}, "header X-A holds a control character"),
    ({"headers": (("X-A", f"{SECRET} \u20ac"),)}, "header X-A holds a character outside latin-1"),
    ({"headers": (("X A", SECRET),)}, 'header name "X A" is not a token'),
    ({"headers": (("X:A", SECRET),)}, 'header name "X:A" is not a token'),
    ({"headers": (("", SECRET),)}, 'header name "" is not a token'),
    ({"headers": (("X\u20ac\n", SECRET),)}, 'header name "X?\\n" is not a token'),
    (
        {"headers": (("Content-Length", "5"),), "body": b"abc"},
        "the header Content-Length is not the length of the body, which is 3",
    ),
    (
        {"headers": (("Content-Length", "5"),)},
        "the header Content-Length is not the length of the body, which is 0",
    ),
    (
        {"headers": (("Content-Length", "3"), ("Transfer-Encoding", "chunked")), "body": b"abc"},
        "the headers Content-Length and Transfer-Encoding exclude each other",
    ),
    (
        {"headers": (("Transfer-Encoding", "chunked, chunked"),), "body": b"abc"},
        "the header Transfer-Encoding must end in chunked",
    ),
    (
        {"headers": (("Transfer-Encoding", "gzip"),), "body": b"abc"},
        "the header Transfer-Encoding must end in chunked",
    ),
    (
        {"headers": (("Transfer-Encoding", "chunked, gzip"),), "body": b"abc"},
        "the header Transfer-Encoding must end in chunked",
    ),
    ({"route": Route(proxy="socks5://h:1")}, "the URL of the proxy must be http://host:port"),
    (
        {"route": Route(proxy=f"http://u:{SECRET}@h:x")},
        "the URL of the proxy must be http://host:port",
    ),
    ({"route": Route(proxy="http://h:1/path")}, "the URL of the proxy must be http://host:port"),
]


def test_requests_that_cannot_be_sent_are_refused_before_connecting(network: Network) -> None:
    with serve(answering_always(answer(b"ok"))) as address:
        good = request_to(address)
        for change, message in UNSENDABLE:
            there = {name: value for name, value in change.items() if name != "url"}
            if "url" in change:
                there["url"] = change["url"].replace(BASE, address.url)
            error = failure(network, replace(good, **there))
            assert (error.kind, error.message, error.sent) == ("request", message, False), change
        network.send(good)
    assert address.connections == 1


# ------------------------------------------------------------------------------------ the connection kept


def test_a_connection_is_used_again(network: Network) -> None:
    bodies = [b"one", b"", b"three"]
    raw = [answer(bodies[0]), answer(b"", CHUNKED, length=False) + chunked(), answer(bodies[2])]
    with serve(answering(*raw)) as address:
        assert [network.send(request_to(address)).body for _ in bodies] == bodies
        assert address.connections == 1


@pytest.mark.parametrize("who", ["request", "answer", "version"])
def test_a_connection_is_closed_when_one_side_says_so(network: Network, who: str) -> None:
    headers: Headers = (("Host", "h"), ("Connection", "close")) if who == "request" else (("Host", "h"),)
    lines = ["Connection: close"] if who == "answer" else []
    raw = answer(b"ok", *lines, version="HTTP/1.0" if who == "version" else "HTTP/1.1")
    closed = threading.Event()

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(raw)
        peer.wait_for_end()
        closed.set()

    with serve(behave) as address:
        assert network.send(request_to(address, headers=headers)).body == b"ok"
        assert closed.wait(5)
        network.send(request_to(address, headers=headers))
        assert address.connections == 2


def test_a_connection_is_not_kept_for_long(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_apitest.transport.network._IDLE", 0.02)
    with serve(answering_always(answer(b"ok"))) as address:
        network.send(request_to(address))
        time.sleep(0.05)
        network.send(request_to(address))
        assert address.connections == 2


def test_a_connection_closed_while_idle_does_not_fail_the_next_request(network: Network) -> None:
    with serve(hostile.keep_alive_then_close()) as address:
        for _ in range(5):
            assert network.send(request_to(address, method="POST", body=b"x")).body == b"ok"
            wait_until(lambda: all(stream._finished() for stream in _idle_streams(network)))
        assert address.connections == len(address.requests) == 5


def test_a_connection_reset_while_idle_does_not_fail_the_next_request(network: Network) -> None:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"ok"))
        peer.reset()

    with serve(behave) as address:
        for _ in range(5):
            assert network.send(request_to(address, method="POST", body=b"x")).body == b"ok"
            wait_until(lambda: all(stream._finished() for stream in _idle_streams(network)))
        assert address.connections == len(address.requests) == 5


def _idle_streams(network: Network) -> list[DeadlineStream]:
    """Return the sockets in the pools; httpcore has no public way to them."""
    pools = network._pools.values()
    connections: list[Any] = [connection for pool in pools for connection in pool.connections]
    used = [connection._connection for connection in connections]
    return [connection._network_stream for connection in used if connection is not None]


def test_a_request_is_sent_again_only_when_nothing_of_it_was_written(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reset arrives between the look at the idle socket and the write; that moment is made by looking away."""
    idle = threading.Event()

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"ok"))
        if peer.address.connections == 1:
            idle.wait(5)
            peer.reset()
        peer.wait_for_end()

    with serve(behave) as address:
        network.send(request_to(address, method="POST", body=b"first"))
        assert len(_idle_streams(network)) == 1
        idle.set()
        wait_until(lambda: all(stream._finished() for stream in _idle_streams(network)))
        monkeypatch.setattr(DeadlineStream, "_finished", lambda stream: stream.spent)
        response = network.send(request_to(address, method="POST", body=b"second"))
        assert response.body == b"ok"
        assert address.connections == 2
    assert [request[-6:] for request in address.requests] == [b"\nfirst", b"second"]


def test_a_request_that_may_have_been_read_is_not_sent_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeadlineStream, "_finished", lambda stream: stream.spent)
    closed = threading.Event()

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"ok"))
        peer.sock.shutdown(socket.SHUT_WR)
        closed.set()
        peer.read_request()

    with serve(behave) as address:
        network.send(request_to(address, method="POST", body=b"first"))
        assert closed.wait(5)
        error = failure(network, request_to(address, method="POST", body=b"second"))
        assert (error.kind, error.sent) == ("closed", True)
        wait_until(lambda: len(address.requests) == 2)
        assert address.connections == 1


def test_a_post_that_dies_on_a_kept_connection_is_executed_once(network: Network) -> None:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"ok"))
        peer.read_request()

    with serve(behave) as address:
        for _ in range(3):
            network.send(request_to(address, method="POST", body=b"first"))
            error = failure(network, request_to(address, method="POST", body=b"second"))
            assert error.message == f"{address.peer} closed the connection without an answer"
            assert error.sent is True
    assert len(address.requests) == 6
    assert address.connections == 3


EXTRA = b"HTTP/1.1 500 Not Yours\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    "good",
    [
        answer(b"ok"),
        answer(b"", CHUNKED, length=False) + chunked(b"ok"),
        answer(b"", CHUNKED, length=False) + chunked(b"ok", end=b"0\r\nTrailer: 1\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("where", ["with it", "split", "later"])
def test_bytes_behind_an_answer_are_never_taken_for_the_next_one(
    network: Network, good: bytes, where: str
) -> None:
    sent = threading.Event()

    def behave(peer: Peer) -> None:
        peer.read_request()
        if where == "with it":
            peer.send(good + EXTRA)
        elif where == "split":
            peer.send(good[:-3])
            peer.pause(0.02)
            peer.send(good[-3:] + EXTRA)
        else:
            peer.send(good)
            peer.pause(0.02)
            peer.send(EXTRA)
        sent.set()
        peer.wait_for_end()

    with serve(behave) as address:
        for number in range(1, 4):
            sent.clear()
            response = network.send(request_to(address))
            assert (response.status, response.body) == (200, b"ok")
            assert sent.wait(5)
            assert address.connections == number
    assert len(address.requests) == 3


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No"), ("GET", "304 Not Modified")]
)
def test_a_body_where_none_belongs_is_not_read(network: Network, method: str, status: str) -> None:
    with serve(answering(answer(b"", status=status, length=False) + answer(b"more"))) as address:
        for number in (1, 2):
            response = network.send(request_to(address, method=method))
            assert (response.status, response.body) == (int(status[:3]), b"")
            assert address.connections == number


def test_many_threads_get_their_own_answers(network: Network) -> None:
    def behave(peer: Peer) -> None:
        while True:
            request = peer.read_request()
            body = request.split(b" ")[1] + b" " + request[-8:]
            peer.send(answer(body, "X-Path: " + request.split(b" ")[1].decode()))

    def run(worker: int) -> None:
        for number in range(25):
            path = f"{worker}/{number}"
            response = network.send(request_to(address, path, method="POST", body=b"%8d" % number))
            assert response.body == f"/{path} {number:8}".encode()
            assert response.header("X-Path") == f"/{path}"

    with serve(behave) as address, ThreadPoolExecutor(16) as workers:
        list(workers.map(run, range(16)))
    assert len(address.requests) == 400
    assert address.connections <= 16


def test_closing_the_network_ends_what_is_under_way() -> None:
    with serve(hostile.silent) as address, Network() as network:
        caught: list[TransportError] = []

        def run() -> None:
            try:
                network.send(request_to(address))
            except TransportError as error:
                caught.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        wait_until(lambda: _idle_streams(network) and address.connections)
        begun = time.monotonic()
        network.close()
        thread.join(5)
        assert time.monotonic() - begun < 1
        assert [(error.kind, error.message) for error in caught] == [
            ("closed", "the network was closed while the request was under way")
        ]
        error = failure(network, request_to(address))
        assert (error.kind, error.message, error.sent) == ("request", "the network is closed", False)


def test_closing_the_network_while_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is made just then is known to no pool yet."""
    connecting, go_on = threading.Event(), threading.Event()
    addresses = ["127.0.0.1"]

    def resolver(host: str, port: int) -> list[str]:
        connecting.set()
        go_on.wait(5)
        return addresses

    with serve(hostile.silent) as address, Network(resolver) as network, ThreadPoolExecutor(1) as workers:
        request = replace(request_to(address), url=f"http://name.test:{address.port}/")
        waiting = workers.submit(failure, network, request)
        assert connecting.wait(5)
        network.close()
        go_on.set()
        error = waiting.result(5)
        assert error.message == "the network was closed while the request was under way"
    assert len(address.requests) == 0


def test_the_network_is_a_send(network: Network) -> None:
    send: Send = network.send
    with serve(answering(answer(b"ok"))) as address:
        assert isinstance(send(request_to(address)), Response)


# ------------------------------------------------------------------------- names and unreachable servers


def test_a_refused_connection(network: Network) -> None:
    with hostile.refused_port() as address:
        error = failure(network, request_to(address))
        assert (error.kind, error.sent) == ("unreachable", False)
        assert error.message == f"cannot reach {address.peer}: connection refused"
        error = failure(
            network, Request("GET", f"http://localhost:{address.port}/", deadline=time.monotonic() + 5)
        )
        assert error.message == f"cannot reach localhost:{address.port}: connection refused"


def test_an_unreachable_network(network: Network) -> None:
    # There is no way to connect to the broadcast address.
    error = failure(network, Request("GET", "http://255.255.255.255/", deadline=time.monotonic() + 5))
    assert (error.kind, error.sent) == ("unreachable", False)
    assert error.message == "cannot reach 255.255.255.255:80: network unreachable"


def test_a_name_that_does_not_exist(network: Network) -> None:
    error = failure(network, Request("GET", "http://nosuch.invalid:81/", deadline=time.monotonic() + 5))
    assert (error.kind, error.sent) == ("name", False)
    # The second one is said by a machine without a name server.
    assert error.message in {
        "cannot resolve nosuch.invalid: name or service not known",
        "cannot resolve nosuch.invalid: temporary failure in name resolution",
    }
    error = failure(network, Request("GET", f"http://{'a' * 64}.test/", deadline=time.monotonic() + 5))
    assert error.message == f"cannot resolve {'a' * 64}.test: not a valid host name"


def test_the_resolver_of_the_user_is_asked_for_names_only() -> None:
    asked = []

    def resolver(host: str, port: int) -> list[str] | None:
        asked.append((host, port))
        return {"two.test": ["127.0.0.1", "127.0.0.2"], "none.test": [], "bad.test": ["nonsense"]}.get(host)

    with Network(resolver) as network, serve(answering_always(answer(b"ok")), host="127.0.0.2") as address:
        request = request_to(address)

        def to(host: str) -> Request:
            return replace(request, url=f"http://{host}:{address.port}/")

        # The first address refuses, the second one takes the connection.
        assert network.send(to("two.test")).body == b"ok"
        assert network.send(request).body == b"ok"
        assert asked == [("two.test", address.port)]
        assert (
            failure(network, to("none.test")).message == f"cannot reach none.test:{address.port}: no address"
        )
        assert failure(network, to("bad.test")).kind == "name"
        # None is a question to the system.
        assert (
            failure(network, to("localhost")).message
            == f"cannot reach localhost:{address.port}: connection refused"
        )


def test_a_resolver_that_fails_is_no_crash() -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise KeyError(host)

    with Network(resolver) as network:
        error = failure(network, Request("GET", "http://any.test/", deadline=time.monotonic() + 5))
        assert (error.kind, error.message) == (
            "name",
            "cannot resolve any.test: the resolver failed with KeyError",
        )


def test_an_ipv6_server(network: Network) -> None:
    with serve(answering(answer(b"ok")), host="::1") as address:
        assert network.send(request_to(address)).body == b"ok"
    assert address.requests[0] == f"GET / HTTP/1.1\r\nHost: [::1]:{address.port}\r\n\r\n".encode()


# --------------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def tls_server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def tls_request(address: Address, route: Route, host: str = "localhost") -> Request:
    url = f"https://{host}:{address.port}/"
    return Request("GET", url, (("Host", host),), deadline=time.monotonic() + GENEROUS, route=route)


def test_trusted_certificates(network: Network, authority: trustme.CA, ca_file: str) -> None:
    context = tls_server(authority.issue_cert("localhost", "127.0.0.1"))
    with serve(answering_always(answer(b"ok")), tls=context) as address:
        for _ in range(3):
            assert network.send(tls_request(address, Route(verify=ca_file))).body == b"ok"
        assert address.connections == 1
        assert network.send(tls_request(address, Route(verify=ca_file), "127.0.0.1")).body == b"ok"
        assert network.send(tls_request(address, Route(verify=False))).body == b"ok"


def test_certificates_that_are_not_trusted(network: Network, authority: trustme.CA, ca_file: str) -> None:
    stranger = trustme.CA()
    itself = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with stranger.private_key_pem.tempfile() as key, stranger.cert_pem.tempfile() as cert:
        itself.load_cert_chain(cert, key)
    now = datetime.now(UTC)
    old = authority.issue_cert("localhost", not_before=now - timedelta(2), not_after=now - timedelta(1))
    early = authority.issue_cert("localhost", not_before=now + timedelta(1), not_after=now + timedelta(2))
    issuer = "certificate not trusted (unable to get local issuer certificate)"
    cases: list[tuple[ssl.SSLContext, str | bool, str]] = [
        (itself, ca_file, "certificate not trusted (self-signed certificate)"),
        (tls_server(stranger.issue_cert("localhost")), ca_file, issuer),
        (tls_server(authority.issue_cert("localhost")), True, issuer),
        (tls_server(authority.issue_cert("other.test")), ca_file, "certificate is for another host name"),
        (tls_server(authority.issue_cert("127.0.0.9")), ca_file, "certificate is for another host name"),
        (tls_server(old), ca_file, "certificate has expired"),
        (tls_server(early), ca_file, "certificate is not valid yet"),
    ]
    for context, verify, message in cases:
        with serve(answering_always(answer(b"ok")), tls=context) as address:
            error = failure(network, tls_request(address, Route(verify=verify)))
            assert (error.kind, error.sent) == ("tls", False)
            assert error.message == f"TLS with localhost:{address.port}: {message}"
            # With an address in place of the name it is a mismatch as well.
            if "another host" in message:
                error = failure(network, tls_request(address, Route(verify=verify), "127.0.0.1"))
                assert error.message == f"TLS with 127.0.0.1:{address.port}: {message}"
            assert network.send(tls_request(address, Route(verify=False))).body == b"ok"


def test_a_client_certificate(network: Network, authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    server = tls_server(authority.issue_cert("localhost"))
    server.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server)
    mine = authority.issue_cert("me@example.org")
    stranger = trustme.CA().issue_cert("me@example.org")
    chain, key, both, other = (
        str(tmp_path / name) for name in ("chain.pem", "key.pem", "both.pem", "other.pem")
    )
    mine.cert_chain_pems[0].write_to_path(chain)
    mine.private_key_pem.write_to_path(key)
    mine.private_key_and_cert_chain_pem.write_to_path(both)
    stranger.private_key_and_cert_chain_pem.write_to_path(other)
    with serve(answering_always(answer(b"ok")), tls=server) as address:
        for route in (Route(verify=ca_file, cert=both), Route(verify=ca_file, cert=chain, key=key)):
            assert network.send(tls_request(address, route)).body == b"ok"
        start = f"TLS with localhost:{address.port}: the server "
        error = failure(network, tls_request(address, Route(verify=ca_file)))
        assert (error.kind, error.message) == ("tls", start + "requires a client certificate")
        error = failure(network, tls_request(address, Route(verify=ca_file, cert=other)))
        assert (error.kind, error.message) == ("tls", start + "refused the client certificate")


def test_files_of_the_tls_settings_that_cannot_be_used(
    network: Network, authority: trustme.CA, tmp_path: Path
) -> None:
    missing, text, chain, locked, other = (
        str(tmp_path / name) for name in ("missing.pem", "text.pem", "chain.pem", "locked.pem", "other.pem")
    )
    Path(text).write_text("no certificate")
    mine = authority.issue_cert("me@example.org")
    mine.cert_chain_pems[0].write_to_path(chain)
    authority.issue_cert("you@example.org").private_key_pem.write_to_path(other)
    Path(locked).write_bytes(_encrypted(mine.private_key_pem.bytes(), b"right"))
    wrong = "wrong password, or no certificate and key in PEM form"
    cases = [
        (Route(verify=missing), f'cannot trust the authorities in "{missing}": no such file'),
        (Route(verify=text), f'cannot trust the authorities in "{text}": it holds no certificate'),
        (Route(cert=missing), f'cannot use the client certificate "{missing}": no such file'),
        (Route(cert=text), f'cannot use the client certificate "{text}": no certificate and key in PEM form'),
        (Route(cert=chain), f'cannot use the client certificate "{chain}": no certificate and key in PEM form'),
        (Route(cert=chain, key=other), f'cannot use the client certificate "{chain}": the key belongs to another certificate'),
        (Route(cert=chain, key=locked), f'cannot use the client certificate "{chain}": the key needs a password'),
        (Route(cert=chain, key=locked, password="no"), f'cannot use the client certificate "{chain}": {wrong}'),
    ]  # fmt: skip
    with serve(hangs_up) as address:
        for route, message in cases:
            error = failure(network, tls_request(address, route))
            assert (error.kind, error.message, error.sent) == ("tls", message, False)
        assert address.connections == 0
        # The right password opens it: the failure is then the server's.
        error = failure(network, tls_request(address, Route(cert=chain, key=locked, password="right")))
        assert (
            error.message
            == f"TLS with localhost:{address.port}: the server closed the connection during the handshake"
        )


def _encrypted(pem: bytes, password: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(pem, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))


def speaking(raw: bytes) -> Behaviour:
    def behave(peer: Peer) -> None:
        peer.send(raw)
        peer.wait_for_end()

    return behave


def hangs_up(peer: Peer) -> None:
    peer.sock.recv(10_000)


def resets(peer: Peer) -> None:
    peer.sock.recv(10)
    peer.reset()


def test_servers_that_do_not_speak_tls(network: Network, authority: trustme.CA) -> None:
    start = "TLS with 127.0.0.1:{port}: the server "
    cases: list[tuple[Behaviour, str]] = [
        (speaking(answer(b"Bad Request", status="400 Bad Request")), "does not speak TLS on this port"),
        (speaking(b"SSH-2.0-OpenSSH\r\n" * 9), "does not speak TLS on this port"),
        (hangs_up, "closed the connection during the handshake"),
        (resets, "closed the connection during the handshake"),
    ]
    for behaviour, message in cases:
        with serve(behaviour) as address:
            error = failure(network, tls_request(address, Route(verify=False), "127.0.0.1"))
            assert (error.kind, error.sent) == ("tls", False)
            assert error.message == start.format(port=address.port) + message
    # The other way round: plain HTTP to a port that speaks TLS.
    with serve(hostile.silent, tls=tls_server(authority.issue_cert("localhost"))) as address:
        error = failure(
            network, replace(tls_request(address, DIRECT), url=f"http://127.0.0.1:{address.port}/")
        )
        assert error.kind in {"garbled", "closed"}
        if error.kind == "garbled":
            assert error.message.startswith('not an HTTP answer, the server speaks TLS: "\\x15')


def test_no_version_of_tls_in_common(network: Network, authority: trustme.CA, ca_file: str) -> None:
    context = tls_server(authority.issue_cert("localhost"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    mine = network._contexts.context_for(Route(verify=ca_file))
    mine.maximum_version = ssl.TLSVersion.TLSv1_2
    with serve(hostile.silent, tls=context) as address:
        error = failure(network, tls_request(address, Route(verify=ca_file)))
        assert error.message == f"TLS with localhost:{address.port}: no version of TLS in common"


def test_an_end_without_the_closing_alert_of_tls_does_not_complete_a_body(
    network: Network, authority: trustme.CA, ca_file: str
) -> None:
    context = tls_server(authority.issue_cert("localhost"))

    def breaks(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"perhaps all", length=False))

    def closes(peer: Peer) -> None:
        breaks(peer)
        assert isinstance(peer.sock, ssl.SSLSocket)
        peer.sock.unwrap()

    with serve(closes, tls=context) as address:
        assert network.send(tls_request(address, Route(verify=ca_file))).body == b"perhaps all"
    with serve(breaks, tls=context) as address:
        error = failure(network, tls_request(address, Route(verify=ca_file)))
        assert error.kind == "truncated"
        assert error.message == "answer cut off: the connection broke after 11 bytes of the body"


def test_bytes_behind_an_answer_over_tls(network: Network, authority: trustme.CA, ca_file: str) -> None:
    """They may wait within the TLS object, where the socket shows nothing to read."""
    context = tls_server(authority.issue_cert("localhost"))

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        peer.send(b"ok" + EXTRA)
        peer.wait_for_end()

    with serve(behave, tls=context) as address:
        for number in (1, 2, 3):
            assert network.send(tls_request(address, Route(verify=ca_file))).body == b"ok"
            assert address.connections == number


def test_a_large_body_over_tls(network: Network, authority: trustme.CA, ca_file: str) -> None:
    body = os.urandom(1 << 20) * 3

    def behave(peer: Peer) -> None:
        request = peer.read_request()
        peer.send(answer(request.partition(b"\r\n\r\n")[2]))
        peer.wait_for_end()

    with serve(behave, tls=tls_server(authority.issue_cert("localhost"))) as address:
        request = replace(tls_request(address, Route(verify=ca_file)), method="POST", body=body)
        assert network.send(request).body == body


def test_an_upload_over_tls_that_is_never_read(network: Network, authority: trustme.CA, ca_file: str) -> None:
    with serve(hostile.never_reading, tls=tls_server(authority.issue_cert("localhost"))) as address:
        network._contexts.context_for(Route(verify=ca_file))
        request = replace(tls_request(address, Route(verify=ca_file)), method="POST", body=bytes(30 << 20))
        begun = time.monotonic()
        error = failure(network, replace(request, deadline=begun + ALLOWED))
        assert time.monotonic() - begun < ALLOWED + LATE
    assert (error.message, error.sent) == ("request not sent within 0.4 s", True)


def test_a_tls_context_is_made_once_and_only_when_needed(
    network: Network, authority: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    real = ssl.create_default_context

    def counting(*arguments: Any, **options: Any) -> ssl.SSLContext:
        made.append(options)
        return real(*arguments, **options)

    monkeypatch.setattr(ssl, "create_default_context", counting)
    with ExitStack() as stack:
        plain_address = stack.enter_context(serve(answering_always(answer(b"ok"))))
        context = tls_server(authority.issue_cert("localhost"))
        tls_address = stack.enter_context(serve(answering_always(answer(b"ok")), tls=context))
        route = Route(verify=ca_file)
        network.send(request_to(plain_address, route=route))
        assert made == []
        with ThreadPoolExecutor(8) as workers:
            list(workers.map(lambda _: network.send(tls_request(tls_address, route)), range(16)))
        assert made == [{"cafile": ca_file}]


# ------------------------------------------------------------------------------------------------- proxies


def proxying(*, refuse: str | None = None) -> Behaviour:
    """A small forward proxy: tunnels for CONNECT, requests with a whole URL otherwise."""

    def behave(peer: Peer) -> None:
        while True:
            request = peer.read_request()
            if refuse is not None:
                peer.send(answer(b"no", "Proxy-Authenticate: Basic", status=refuse))
                continue
            method, target, _ = request.split(b" ", 2)
            if method == b"CONNECT":
                tunnel(peer, target.decode())
                return
            host, _, path = target.removeprefix(b"http://").partition(b"/")
            forwarded = request.replace(target, b"/" + path, 1)
            with upstream(host.decode()) as sock:
                sock.sendall(forwarded)
                head = sock.recv(65536)
            peer.send(head)

    return behave


def upstream(target: str) -> socket.socket:
    host, _, port = target.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=5)


def tunnel(peer: Peer, target: str) -> None:
    with upstream(target) as sock:
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")

        def back() -> None:
            while data := sock.recv(65536):
                peer.send(data)

        def forth() -> None:
            while data := peer.sock.recv(65536):
                sock.sendall(data)
            raise Gone

        thread = threading.Thread(target=lambda: _quietly(back), daemon=True)
        thread.start()
        try:
            forth()
        finally:
            sock.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _quietly(work: Callable[[], None]) -> None:
    try:
        work()
    except (Gone, OSError):
        return


def test_plain_http_through_a_proxy(network: Network) -> None:
    with serve(answering_always(answer(b"ok"))) as address, serve(proxying()) as proxy:
        route = Route(proxy=f"http://me:p%40ss@{proxy.peer}")
        for _ in range(2):
            response = network.send(
                request_to(address, "a/../b?x=%7e", route=route, headers=(("Host", "h"), ("X-A", "1")))
            )
            assert response.body == b"ok"
        network.send(request_to(address, route=Route(proxy=f"http://{proxy.peer}/")))
    line = f"GET {address.url}a/../b?x=%7e HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n"
    assert proxy.requests[0] == (line + "Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n").encode()
    assert b"Proxy-Authorization" not in proxy.requests[2]
    assert proxy.connections == 2
    # The proxy of this test forwards what it gets; a real one takes the line out.
    assert address.requests[0].startswith(b"GET /a/../b?x=%7e HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n")


def test_https_through_a_tunnel(network: Network, authority: trustme.CA, ca_file: str) -> None:
    context = tls_server(authority.issue_cert("localhost"))
    with serve(answering_always(answer(b"ok")), tls=context) as address, serve(proxying()) as proxy:
        route = Route(verify=ca_file, proxy=f"http://me:pass@{proxy.peer}")
        for _ in range(3):
            assert network.send(tls_request(address, route)).body == b"ok"
        assert (proxy.connections, address.connections) == (1, 1)
        # The certificate is looked at through the tunnel too.
        error = failure(network, tls_request(address, route, "127.0.0.1"))
        assert error.message == f"TLS with 127.0.0.1:{address.port}: certificate is for another host name"
    assert len(proxy.requests) == 2
    head = proxy.requests[0]
    target = f"localhost:{address.port}"
    assert head.startswith(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode())
    assert b"\r\nProxy-Authorization: Basic bWU6cGFzcw==\r\n" in head
    assert address.requests == [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] * 3


def test_https_to_an_ipv6_address_through_a_tunnel(
    network: Network, authority: trustme.CA, ca_file: str
) -> None:
    context = tls_server(authority.issue_cert("::1"))
    with serve(answering(answer(b"ok")), tls=context, host="::1") as address, serve(proxying()) as proxy:
        route = Route(verify=ca_file, proxy=f"http://{proxy.peer}")
        assert network.send(tls_request(address, route, "[::1]")).body == b"ok"
    assert proxy.requests[0].startswith(f"CONNECT [::1]:{address.port} HTTP/1.1\r\n".encode())


def test_a_proxy_that_fails(network: Network, authority: trustme.CA) -> None:
    cases: list[tuple[Behaviour, str]] = [
        (
            proxying(refuse="407 Proxy Authentication Required"),
            " refused the tunnel: 407 Proxy Authentication Required",
        ),
        (proxying(refuse="502"), " refused the tunnel: 502"),
        (hostile.closed_before_answer, " closed the connection without an answer"),
        (hostile.reset_before_answer, " closed the connection without an answer"),
        (hostile.garbage, ': not an HTTP answer: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\\r"...'),
        (hostile.huge_header, ": head of the answer larger than 100 KiB"),
        (hostile.truncated_head, ": answer cut off: the head ended after 27 bytes"),
    ]
    for behaviour, message in cases:
        with serve(behaviour) as proxy:
            route = Route(verify=False, proxy=f"http://u:s3cr3t@{proxy.peer}")
            error = failure(network, tls_request(Address("h", 443), route))
            assert (error.kind, error.sent) == ("proxy", False)
            assert error.message == f"proxy {proxy.peer}{message}"
    with hostile.refused_port() as proxy:
        for scheme in ("http", "https"):
            request = tls_request(Address("h", 443), Route(verify=False, proxy=f"http://{proxy.peer}"))
            error = failure(network, replace(request, url=f"{scheme}://h/"))
            assert (error.kind, error.message) == (
                "proxy",
                f"cannot reach proxy {proxy.peer}: connection refused",
            )
    request = tls_request(Address("h", 443), Route(verify=False, proxy="http://nosuch.invalid:1"))
    error = failure(network, request)
    assert error.kind == "proxy"
    assert error.message.startswith("cannot resolve proxy nosuch.invalid: ")
    # For plain http the proxy is who is spoken to.
    with serve(hostile.closed_before_answer) as proxy:
        request = replace(tls_request(Address("h", 80), Route(proxy=f"http://{proxy.peer}")), url="http://h/")
        error = failure(network, request)
        assert error.message == f"proxy {proxy.peer} closed the connection without an answer"
    # What a proxy answers to plain http is an answer like any other.
    with serve(proxying(refuse="407 Proxy Authentication Required")) as proxy:
        request = tls_request(Address("h", 80), Route(proxy=f"http://{proxy.peer}"))
        assert network.send(replace(request, url="http://h/")).status == 407


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (hostile.silent, "proxy {peer}: no tunnel within 0.4 s"),
        (hostile.trickled_head, "proxy {peer}: no tunnel within 0.4 s"),
        (hostile.interim_flood, "proxy {peer}: no tunnel within 0.4 s"),
        (hostile.cut_off(b""), "TLS handshake not done within 0.4 s"),
    ],
)
def test_the_deadline_holds_through_a_proxy(network: Network, behaviour: Behaviour, message: str) -> None:
    network._contexts.context_for(Route(verify=False))
    with ExitStack() as stack:
        if message.startswith("TLS"):
            target = stack.enter_context(serve(hostile.silent))
            proxy = stack.enter_context(serve(proxying()))
        else:
            target = Address("h", 443)
            proxy = stack.enter_context(serve(behaviour))
        route = Route(verify=False, proxy=f"http://{proxy.peer}")
        begun = time.monotonic()
        request = replace(tls_request(target, route, target.host), deadline=begun + ALLOWED)
        error = failure(network, request)
        assert ALLOWED - 0.01 <= time.monotonic() - begun < ALLOWED + LATE
        assert (error.kind, error.message) == ("timeout", message.format(peer=proxy.peer))
        assert error.sent is False


def test_the_deadline_holds_for_connecting_to_a_proxy(network: Network) -> None:
    with hostile.full_backlog() as proxy:
        begun = time.monotonic()
        request = tls_request(Address("h", 80), Route(proxy=f"http://{proxy.peer}"))
        error = failure(network, replace(request, url="http://h/", deadline=begun + ALLOWED))
        assert time.monotonic() - begun < ALLOWED + LATE
    assert error.message == f"proxy {proxy.peer}: not connected within 0.4 s"


def test_the_environment_names_no_proxy(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(answering(answer(b"ok"))) as address, hostile.refused_port() as nobody:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, nobody.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert network.send(request_to(address)).body == b"ok"


# -------------------------------------------------------------------------------------------------- import


def test_the_import_brings_no_client_library() -> None:
    code = (
        "import sys, ssl; contexts = []; ssl.create_default_context = contexts.append\n"
        "import pytest_apitest.transport\n"
        "print(sorted({'httpx', 'aiohttp', 'h2', 'requests'} & set(sys.modules)), contexts)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"


def test_httpcore_is_imported_here_only() -> None:
    root = Path(__file__).parents[2] / "pytest_apitest"
    users = {
        path.relative_to(root).parts[0]
        for path in root.rglob("*.py")
        if re.search(r"^\s*(import|from) (httpcore|h11)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert users == {"transport"}
