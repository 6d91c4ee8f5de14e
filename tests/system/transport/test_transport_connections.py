"""Connections are kept, tested, shared between threads and closed; nothing is executed twice."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from pytest_apitest.data import changed
from pytest_apitest.exchange import Headers, Response, Route, Send, TransportError
from pytest_apitest.transport import Network
from pytest_apitest.transport.connection import Connection
from tests import hostile
from tests.hostile import (
    CHUNKED,
    Peer,
    answer,
    answering,
    answering_always,
    chunked,
    serve,
)
from tests.system.transport.asking import (
    EXTRA,
    failure,
    open_connections,
    request_to,
    tls_request,
    tls_server,
    wait_until,
)


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
    monkeypatch.setattr("pytest_apitest.transport.pool._IDLE", 0.02)
    with serve(answering_always(answer(b"ok"))) as address:
        network.send(request_to(address))
        time.sleep(0.05)
        network.send(request_to(address))
        assert address.connections == 2


def test_a_connection_closed_while_idle_does_not_fail_the_next_request(network: Network) -> None:
    with serve(hostile.keep_alive_then_close()) as address:
        for _ in range(5):
            assert network.send(request_to(address, method="POST", body=b"x")).body == b"ok"
            wait_until(lambda: all(connection.finished() for connection in open_connections(network)))
        assert address.connections == len(address.requests) == 5


def test_a_connection_reset_while_idle_does_not_fail_the_next_request(network: Network) -> None:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"ok"))
        peer.reset()

    with serve(behave) as address:
        for _ in range(5):
            assert network.send(request_to(address, method="POST", body=b"x")).body == b"ok"
            wait_until(lambda: all(connection.finished() for connection in open_connections(network)))
        assert address.connections == len(address.requests) == 5


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
        assert len(open_connections(network)) == 1
        idle.set()
        wait_until(lambda: all(connection.finished() for connection in open_connections(network)))
        monkeypatch.setattr(Connection, "finished", lambda connection: False)
        response = network.send(request_to(address, method="POST", body=b"second"))
        assert response.body == b"ok"
        assert address.connections == 2
    assert [request[-6:] for request in address.requests] == [b"\nfirst", b"second"]


def test_a_request_that_may_have_been_read_is_not_sent_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "finished", lambda connection: False)
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


def test_a_request_of_which_a_part_was_written_is_not_sent_again(network: Network) -> None:
    """The server reads the beginning of a large upload on a kept connection and resets it."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"ok"))
        peer.sock.recv(1_000)
        peer.reset()

    with serve(behave) as address:
        network.send(request_to(address, method="POST", body=b"first"))
        error = failure(network, request_to(address, method="POST", body=bytes(30 << 20)))
        assert (error.kind, error.sent) == ("closed", True)
        assert address.connections == 1


def test_a_request_is_sent_again_only_once(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two idle connections were reset: the request goes over a new one, whatever becomes of that."""
    monkeypatch.setattr(Connection, "finished", lambda connection: False)
    both = threading.Barrier(2, timeout=5)

    def behave(peer: Peer) -> None:
        number = peer.address.connections
        peer.read_request()
        if number <= 2:
            both.wait()
            peer.send(answer(b"ok"))
            peer.pause(0.05)
            peer.reset()

    with serve(behave) as address, ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda _: network.send(request_to(address)), range(2)))
        wait_until(lambda: len(open_connections(network)) == 2)
        monkeypatch.undo()
        wait_until(lambda: all(connection.finished() for connection in open_connections(network)))
        monkeypatch.setattr(Connection, "finished", lambda connection: False)
        error = failure(network, request_to(address, method="POST", body=b"x"))
        assert (error.kind, error.sent) == ("closed", True)
        assert address.connections == 3
    assert len(address.requests) == 3


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
        wait_until(lambda: open_connections(network) and address.connections)
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
        request = changed(request_to(address), url=f"http://name.test:{address.port}/")
        waiting = workers.submit(failure, network, request)
        assert connecting.wait(5)
        network.close()
        go_on.set()
        error = waiting.result(5)
        assert error.message == "the network was closed while the request was under way"
    assert len(address.requests) == 0


@pytest.mark.parametrize("phase", ["handshake", "tunnel", "answer over TLS"])
def test_closing_the_network_amid_tls(phase: str, authority: trustme.CA) -> None:
    tls = tls_server(authority.issue_cert("localhost")) if phase == "answer over TLS" else None
    with serve(hostile.silent, tls=tls) as address, Network() as network, ThreadPoolExecutor(1) as workers:
        proxy = f"http://{address.peer}" if phase == "tunnel" else None
        waiting = workers.submit(failure, network, tls_request(address, Route(verify=False, proxy=proxy)))
        wait_until(lambda: open_connections(network) and address.connections)
        time.sleep(0.1)
        network.close()
        error = waiting.result(1)
        assert (error.kind, error.message) == (
            "closed",
            "the network was closed while the request was under way",
        )
        assert open_connections(network) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts the files of this process in /proc")
def test_no_failure_leaves_a_socket_behind(network: Network) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    for behaviour in hostile.WRONG.values():
        with serve(behaviour) as address:
            failure(network, request_to(address))
            failure(
                network,
                changed(
                    request_to(address),
                    url=f"https://{address.peer}/",
                    route=Route(verify=False),
                    deadline=time.monotonic() + 0.05,
                ),
            )
    assert open_connections(network) == []
    assert count() == before


def test_the_network_is_a_send(network: Network) -> None:
    send: Send = network.send
    with serve(answering(answer(b"ok"))) as address:
        assert isinstance(send(request_to(address)), Response)
