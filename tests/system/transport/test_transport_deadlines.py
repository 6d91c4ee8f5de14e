"""A request is over at its deadline, whatever the other side, the name server or the system does."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_apitest.exchange import DIRECT, Limits, Request
from pytest_apitest.transport import Network
from tests import hostile
from tests.hostile import (
    Behaviour,
    Peer,
    answer,
    answering,
    answering_always,
    serve,
)
from tests.system.transport.asking import (
    ALLOWED,
    LATE,
    failure,
    request_to,
)


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


def test_every_endless_behaviour_is_covered() -> None:
    assert {behaviour for _, behaviour, _, _ in SLOW.values()} == set(hostile.ENDLESS.values())


def test_a_slow_resolver_does_not_hold_the_deadline_up(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A real resolver cannot be made slow without owning the machine's DNS, so the system call is replaced.
    real = socket.getaddrinfo
    let_go = threading.Event()

    def slow(host: Any, *rest: Any, **options: Any) -> Any:
        if host == b"slow.test":
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
