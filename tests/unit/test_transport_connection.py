"""One connection, over a pair of sockets: how many calls a request takes, and several requests for one taker."""

import socket
from collections import Counter
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from pytest_apitest.exchange import DIRECT, Limits, TransportError
from pytest_apitest.transport import pool as pool_module
from pytest_apitest.transport.answer import Answer
from pytest_apitest.transport.attempt import Attempt
from pytest_apitest.transport.connection import Connection, Key, StaleConnectionError
from pytest_apitest.transport.pool import Pool

KEY: Key = (DIRECT, False, "h", 80)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class CountingSocket(socket.socket):
    """Counts the calls that reach the system."""

    calls: Counter[str]

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.calls = Counter()

    def send(self, *arguments: Any) -> int:
        self.calls["send"] += 1
        return super().send(*arguments)

    def recv(self, *arguments: Any) -> bytes:
        self.calls["recv"] += 1
        return super().recv(*arguments)


@pytest.fixture
def ends() -> Iterator[tuple[CountingSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with CountingSocket(ours) as counting, theirs:
        yield counting, theirs


def attempt() -> Attempt:
    return Attempt(monotonic() + 5, "h:80")


def answer() -> Answer:
    return Answer("h:80", Limits(), head_only=False, alive=lambda: None)


def test_a_small_exchange_takes_one_write_and_one_read(ends: tuple[CountingSocket, socket.socket]) -> None:
    ours, theirs = ends
    connection = Connection(ours, KEY)
    for _ in range(3):
        ours.calls.clear()
        theirs.send(OK)
        connection.write((b"GET / HTTP/1.1\r\n\r\n",), attempt())
        got = answer()
        connection.read(got, attempt())
        assert (got.status, got.body()) == (200, b"ok")
        assert ours.calls == {"send": 1, "recv": 1}
    assert theirs.recv(1000) == b"GET / HTTP/1.1\r\n\r\n" * 3
    assert not connection.spent


def test_several_requests_may_be_written_before_their_answers_are_read(
    ends: tuple[CountingSocket, socket.socket],
) -> None:
    """What a taker of the connection may do with it; bytes behind one answer are not kept for the next one."""
    ours, theirs = ends
    connection = Connection(ours, KEY)
    connection.write((b"first",), attempt())
    connection.write((b"sec", b"ond"), attempt())
    assert theirs.recv(1000) == b"firstsecond"
    for _ in range(2):
        theirs.send(OK)
        got = answer()
        connection.read(got, attempt())
        assert (got.body(), got.spent) == (b"ok", False)


def test_only_a_connection_that_was_idle_can_be_stale(ends: tuple[CountingSocket, socket.socket]) -> None:
    ours, theirs = ends
    connection = Connection(ours, KEY)
    theirs.close()
    way = attempt()
    connection.write((b"first",), way)
    assert (way.sent, connection.spent) == (False, True)
    with pytest.raises(TransportError, match="closed the connection without an answer"):
        connection.read(answer(), way)
    connection.idle_since = 1.0
    with pytest.raises(StaleConnectionError):
        connection.write((b"second",), attempt())


def test_a_record_of_tls_that_was_not_written_in_time_may_have_been_sent(
    ends: tuple[CountingSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*arguments: Any) -> int:
        raise TimeoutError

    ours, _ = ends
    monkeypatch.setattr(ours, "send", late, raising=False)
    connection = Connection(ours, KEY)
    for secure in (False, True):
        connection._secure = secure
        way = attempt()
        with pytest.raises(TransportError) as caught:
            connection.write((b"first",), way)
        assert (caught.value.kind, way.sent) == ("timeout", secure)


def test_an_idle_connection_with_something_to_read_is_finished(
    ends: tuple[CountingSocket, socket.socket],
) -> None:
    ours, theirs = ends
    connection = Connection(ours, KEY)
    assert not connection.finished()
    theirs.send(b"x")
    assert connection.finished()


class Idle(Connection):
    """A connection without a socket."""

    def __init__(self, key: Key = KEY) -> None:
        super().__init__(socket.socket(), key)
        self.over = False

    def finished(self) -> bool:
        return self.over

    @property
    def closed(self) -> bool:
        return self._sock.fileno() < 0


def test_the_pool_gives_the_connection_used_last_for_the_same_key() -> None:
    pool = Pool()
    other: Key = (DIRECT, True, "h", 80)
    first, second, third = Idle(), Idle(), Idle(other)
    for connection in (first, second, third):
        pool.add(connection)
        pool.give(connection)
    assert pool.take(KEY) is second
    assert pool.take(KEY) is first
    assert pool.take(KEY) is None
    assert pool.take(other) is third
    for connection in (first, second, third):
        assert not connection.closed
        pool.drop(connection)
        assert connection.closed


def test_the_pool_passes_over_connections_that_have_ended() -> None:
    pool = Pool()
    good, ended = Idle(), Idle()
    for connection in (good, ended):
        pool.add(connection)
        pool.give(connection)
    ended.over = True
    assert pool.take(KEY) is good
    assert ended.closed
    pool.drop(good)


def test_the_pool_keeps_a_bounded_number_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_MOST_IDLE", 3)
    now = 100.0
    monkeypatch.setattr(pool_module, "monotonic", lambda: now)
    pool = Pool()
    many = [Idle((DIRECT, False, "h", number)) for number in range(5)]
    for connection in many:
        pool.add(connection)
        pool.give(connection)
        now += 1.0
    assert [connection.closed for connection in many] == [True, True, False, False, False]
    # The oldest of them has rested for three seconds, and is closed when the others are asked for.
    now += 1.5
    assert pool.take(KEY) is None
    assert [connection.closed for connection in many[2:]] == [True, False, False]
    pool.close()
    assert all(connection.closed for connection in many)


def test_a_closed_pool_takes_nothing_back() -> None:
    pool = Pool()
    busy, late = Idle(), Idle()
    pool.add(busy)
    pool.close()
    assert not busy.closed
    pool.give(busy)
    assert busy.closed
    with pytest.raises(TransportError, match="closed while the request was under way"):
        pool.add(late)
    assert late.closed
    with pytest.raises(TransportError, match="the network is closed"):
        pool.take(KEY)
