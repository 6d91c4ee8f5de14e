"""Proxies: whole URLs for http, tunnels for https, and failures that are theirs."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import trustme

from pytest_apitest.data import changed
from pytest_apitest.exchange import Route
from pytest_apitest.transport import Network
from tests import hostile
from tests.hostile import (
    Address,
    Behaviour,
    Gone,
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
    tls_request,
    tls_server,
)


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
            error = failure(network, changed(request, url=f"{scheme}://h/"))
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
        request = changed(tls_request(Address("h", 80), Route(proxy=f"http://{proxy.peer}")), url="http://h/")
        error = failure(network, request)
        assert error.message == f"proxy {proxy.peer} closed the connection without an answer"
    # What a proxy answers to plain http is an answer like any other.
    with serve(proxying(refuse="407 Proxy Authentication Required")) as proxy:
        request = tls_request(Address("h", 80), Route(proxy=f"http://{proxy.peer}"))
        assert network.send(changed(request, url="http://h/")).status == 407


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
        request = changed(tls_request(target, route, target.host), deadline=begun + ALLOWED)
        error = failure(network, request)
        assert ALLOWED - 0.01 <= time.monotonic() - begun < ALLOWED + LATE
        assert (error.kind, error.message) == ("timeout", message.format(peer=proxy.peer))
        assert error.sent is False


def test_the_deadline_holds_for_connecting_to_a_proxy(network: Network) -> None:
    with hostile.full_backlog() as proxy:
        begun = time.monotonic()
        request = tls_request(Address("h", 80), Route(proxy=f"http://{proxy.peer}"))
        error = failure(network, changed(request, url="http://h/", deadline=begun + ALLOWED))
        assert time.monotonic() - begun < ALLOWED + LATE
    assert error.message == f"proxy {proxy.peer}: not connected within 0.4 s"


def test_the_environment_names_no_proxy(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(answering(answer(b"ok"))) as address, hostile.refused_port() as nobody:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, nobody.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert network.send(request_to(address)).body == b"ok"


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
    # Nothing at all is written to a log.
    assert caplog.records == []
    assert len(proxy.requests) == 1
