"""How the tests of the transport ask a server, and what they expect of a failure."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from pytest_apitest.exchange import Request, Route, TransportError
from pytest_apitest.transport import Network
from pytest_apitest.transport.connection import Connection
from tests.hostile import Address, answer, answering, serve

ALLOWED = 0.4
LATE = 0.5
GENEROUS = 20.0


def request_to(address: Address, path: str = "", *, seconds: float = GENEROUS, **parts: Any) -> Request:
    parts.setdefault("method", "GET")
    parts.setdefault("headers", (("Host", address.peer),))
    return Request(url=address.url + path, deadline=time.monotonic() + seconds, **parts)


def failure(network: Network, request: Request) -> TransportError:
    with pytest.raises(TransportError) as caught:
        network.send(request)
    error = caught.value
    assert str(error) == error.message
    # Nothing that happened below `Network.send` is shown with the error: those frames hold secrets.
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    frames = {Path(entry.path).name for entry in caught.traceback}
    assert frames <= {"asking.py", "network.py"}
    return error


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "what the test waits for did not happen"
        time.sleep(0.002)


def tls_server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def tls_request(address: Address, route: Route, host: str = "localhost") -> Request:
    url = f"https://{host}:{address.port}/"
    return Request("GET", url, (("Host", host),), deadline=time.monotonic() + GENEROUS, route=route)


def sent_by(network: Network, path: str = "", **parts: Any) -> bytes:
    with serve(answering(answer(b"ok"))) as address:
        network.send(request_to(address, path, **parts))
    return address.requests[0]


def open_connections(network: Network) -> list[Connection]:
    """Return the connections of a network that are not closed."""
    return list(network._pool._open)


# An answer to nothing that was asked.
EXTRA = b"HTTP/1.1 500 Not Yours\r\nContent-Length: 0\r\n\r\n"
