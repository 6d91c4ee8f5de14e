"""The socket side of the HTTP engine: names, connections, TLS, reading and writing, under one deadline.

The engine passes the `Attempt` of a request to each call as its timeout (see there), so that every wait
gets what is left of the deadline and not a fresh allowance.

Rules kept here:
- no wait is unbounded: looking up a name happens in a thread that is left behind when time runs out;
- a request is written once, from the bytes made for it; what the engine would write in its place is
  discarded, because the engine moves and changes header lines;
- when a connection used before turns out to be closed before a byte was written, `StaleConnectionError`
  says so: this is the only case in which a request may be tried again;
- reads go through the attempt's `Answer`, which holds the limits and keeps the bytes of a next answer
  away;
- a connection that is spent, broken or has anything left to read is reported as readable, and the engine
  then closes it instead of using it again.
"""

import errno
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import httpcore

from pytest_apitest.exchange import TransportError
from pytest_apitest.transport.attempt import (
    ANSWERING,
    CONNECTING,
    HANDSHAKE,
    RESOLVING,
    SENDING,
    TUNNELLING,
    Attempt,
)
from pytest_apitest.transport.tls import handshake_failed, tls_failed
from pytest_apitest.transport.wording import reason

# Given a host name and a port, returns the addresses to use, or None to ask the system.
Resolver = Callable[[str, int], Sequence[str] | None]

_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
# Less telling than what another address of the same name says.
_BLAND = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EHOSTUNREACH}
# One record of TLS: a larger write may fail with a part of it already sent, which could not be told.
_TLS_WRITE = 16 * 1024


class StaleConnectionError(Exception):
    """A connection of the pool was closed by the other side before a byte of the request was written."""


class DeadlineStream(httpcore.NetworkStream):
    """A connected socket.

    Args:
        sock: the socket.
        backend: who made it; it knows when everything is over.

    """

    def __init__(self, sock: socket.socket, backend: "DeadlineBackend") -> None:
        self._sock = sock
        self._backend = backend
        self._secure = isinstance(sock, ssl.SSLSocket)
        self._used = False
        self._poll: select.poll | None = None
        self.spent = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes of the answer; none when the end of the connection completes it."""
        attempt = _attempt(timeout)
        answer = attempt.tunnel or attempt.answer
        while True:
            data, clean = self._receive(answer.wanted(max_bytes), attempt)
            if not data:
                answer.ended(cleanly=clean)
                return data
            # Of a head, nothing is to be had before it is complete.
            data = answer.took(data)
            if answer.spent:
                self.spent = True
            if data:
                return data

    def _receive(self, at_most: int, attempt: Attempt) -> tuple[bytes, bool]:
        """Return what arrives next, and whether an end of the connection was an orderly one."""
        self._backend.check_open()
        try:
            self._sock.settimeout(attempt.left())
            return self._sock.recv(at_most), True
        except TimeoutError as error:
            if error.errno is None:
                raise attempt.expired() from None
        except ssl.SSLEOFError:
            pass
        except ssl.SSLError as error:
            raise tls_failed(attempt.peer, error) from None
        except (OSError, ValueError):
            # ValueError: another thread has closed the socket meanwhile, and with it the TLS object.
            pass
        return b"", False

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write the request; `buffer` only tells when."""
        if not buffer:
            return
        attempt = _attempt(timeout)
        if self._secure:
            attempt.tunnel = None  # a connection used before has its tunnel already
        if attempt.tunnel:
            attempt.phase = TUNNELLING
            self._write(buffer, attempt)
            return
        attempt.phase = SENDING
        pieces, attempt.pieces = attempt.pieces, ()
        for piece in pieces:
            self._write(piece, attempt)
        attempt.phase = ANSWERING

    def _write(self, piece: bytes, attempt: Attempt) -> None:
        rest = memoryview(piece)
        try:
            while rest:
                self._sock.settimeout(attempt.left())
                rest = rest[self._sock.send(rest[:_TLS_WRITE] if self._secure else rest) :]
                if attempt.tunnel is None:
                    attempt.sent = True
        except TimeoutError as error:
            if error.errno is None:
                # Of a record of TLS some bytes may be out without being counted.
                attempt.sent = attempt.sent or self._secure
                raise attempt.expired() from None
            raise httpcore.WriteError from None
        except (OSError, ValueError):
            self.spent = True
            if self._used and not attempt.sent:
                raise StaleConnectionError from None
            # The engine passes over this and reads: a server may answer and close before it has read all.
            if attempt.tunnel is None:
                attempt.phase = ANSWERING
            raise httpcore.WriteError from None
        finally:
            self._used = True

    def close(self) -> None:
        """Close the connection, also under the hands of a thread that waits on it."""
        with suppress(OSError):
            # A plain close would not wake a thread that waits in recv. Not the method of SSLSocket, which
            # takes the TLS object away from that thread.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "DeadlineStream":
        """Return the connection with TLS on it."""
        attempt = _attempt(timeout)
        attempt.tunnel = None
        attempt.phase = HANDSHAKE
        name = None if server_hostname is None else server_hostname.strip("[]")
        sock = self._sock
        try:
            # A connection that ends without the closing alert of TLS must not complete an answer, see
            # RFC 9112, section 9.8.
            sock = ssl_context.wrap_socket(
                sock, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
            sock.settimeout(attempt.left())
            sock.do_handshake()
        except BaseException as error:
            sock.close()
            if isinstance(error, TimeoutError) and error.errno is None:
                raise attempt.expired() from None
            if isinstance(error, (OSError, ValueError)):
                raise handshake_failed(attempt.peer, error) from None
            raise
        return DeadlineStream(sock, self._backend)

    def get_extra_info(self, info: str) -> object:
        """Return what the engine asks for: whether to close the idle connection, and the TLS object."""
        if info == "is_readable":
            return self._finished()
        if info == "ssl_object":
            return self._sock if self._secure else None
        return None

    def _finished(self) -> bool:
        sock = self._sock
        if self.spent or sock.fileno() < 0 or (isinstance(sock, ssl.SSLSocket) and sock.pending()):
            return True
        if self._poll is None:
            if not hasattr(select, "poll"):
                return bool(select.select([sock], [], [], 0)[0])
            self._poll = select.poll()
            self._poll.register(sock, select.POLLIN)
        return bool(self._poll.poll(0))


class DeadlineBackend(httpcore.NetworkBackend):
    """Makes connections.

    Args:
        user_resolver: asked first for the addresses of a name, for example to point it at a test server.

    """

    def __init__(self, user_resolver: Resolver | None) -> None:
        self._user_resolver = user_resolver
        self._closed = False

    def close(self) -> None:
        """Let nothing be read any more, also from a connection that its pool does not know of yet."""
        self._closed = True

    def check_open(self) -> None:
        """Raise an error of kind `closed` after `close`."""
        if self._closed:
            raise TransportError("closed", "the network was closed while the request was under way")

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - never set by our pools
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - the same
    ) -> DeadlineStream:
        """Return a connection to the first address of a host that takes it."""
        attempt = _attempt(timeout)
        attempt.phase = RESOLVING
        addresses = self._addresses(host.strip("[]"), port, attempt)
        attempt.phase = CONNECTING
        refusal: OSError | None = None
        for family, kind, protocol, _, address in addresses:
            try:
                return DeadlineStream(_connect(family, kind, protocol, address, attempt), self)
            except OSError as error:
                if refusal is None or refusal.errno in _BLAND:
                    refusal = error
        text = "no address" if refusal is None else reason(refusal)
        kind_of_error = "unreachable" if attempt.proxy is None else "proxy"
        raise TransportError(kind_of_error, f"cannot reach {attempt.next_hop}: {text}")

    def _addresses(self, host: str, port: int, attempt: Attempt) -> Sequence[_Address]:
        with suppress(socket.gaierror, UnicodeError):
            return _numeric(host, port)
        found: SimpleQueue[Sequence[_Address] | Exception] = SimpleQueue()

        def look_up() -> None:
            try:
                found.put(self._look_up(host, port))
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the thread that waits
                found.put(error)

        threading.Thread(target=look_up, name=f"apitest looks up {host}", daemon=True).start()
        try:
            result = found.get(timeout=attempt.left())
        except Empty:
            raise attempt.expired() from None
        if not isinstance(result, Exception):
            return result
        if isinstance(result, UnicodeError):
            text = "not a valid host name"
        elif isinstance(result, OSError):
            text = reason(result)
        else:
            text = f"the resolver failed with {type(result).__name__}"
        subject = host if attempt.proxy is None else f"proxy {host}"
        raise TransportError(
            "name" if attempt.proxy is None else "proxy", f"cannot resolve {subject}: {text}"
        )

    def _look_up(self, host: str, port: int) -> Sequence[_Address]:
        given = None if self._user_resolver is None else self._user_resolver(host, port)
        if given is None:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [address for text in given for address in _numeric(text, port)]


def _attempt(timeout: float | None) -> Attempt:
    # The engine types it as a number; it is what `Network` put into the request.
    assert isinstance(timeout, Attempt)
    return timeout


def _numeric(host: str, port: int) -> Sequence[_Address]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)


def _connect(
    family: socket.AddressFamily, kind: socket.SocketKind, protocol: int, address: Any, attempt: Attempt
) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(attempt.left())
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException as error:
        sock.close()
        if isinstance(error, TimeoutError) and error.errno is None:
            raise attempt.expired() from None
        raise
    return sock
