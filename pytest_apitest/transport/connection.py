"""One connection: a socket with plain blocking calls, each of them bounded by the deadline of its request.

    connection = connect(key, host, port, attempt, resolver)
    connection.write(pieces, attempt)    # as often as there are requests for it
    connection.read(answer, attempt)

Rules kept here:
- no wait is unbounded, see `Attempt.left`;
- a request is written once; when a connection that was idle turns out to be closed before a byte was written,
  `StaleConnectionError` says so: this is the only case in which a request may be tried again;
- a server may answer and close before it has read everything, so a failed write is followed by a read;
- a connection on which anything broke, or on which something waits to be read, is never used again;
- ssl is not loaded for plain connections.
"""

import errno
import select
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from pytest_apitest.exchange import Route, TransportError
from pytest_apitest.transport.answer import Answer
from pytest_apitest.transport.attempt import ANSWERING, CONNECTING, HANDSHAKE, RESOLVING, Attempt
from pytest_apitest.transport.names import Address, Guard, Resolver, addresses_of
from pytest_apitest.transport.wording import reason

if TYPE_CHECKING:
    import ssl

# Route, whether TLS is spoken, host, port.
Key = tuple[Route, bool, str, int]

_BITE = 64 * 1024
# One record of TLS: a larger write may fail with a part of it already sent, which could not be told.
_TLS_WRITE = 16 * 1024
# Less telling than what another address of the same name says.
_BLAND = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EHOSTUNREACH}


class StaleConnectionError(Exception):
    """A connection that was idle was closed by the other side before a byte of the request was written."""


class Connection:
    """A connected socket, for requests with equal keys."""

    def __init__(self, sock: socket.socket, key: Key) -> None:
        self._sock = sock
        self._secure = False
        self.key = key
        self.spent = False
        self.idle_since = 0.0  # when it was last given back; nothing for a new one

    def secure(self, context: "ssl.SSLContext", host: str, attempt: Attempt) -> None:
        """Put TLS on the connection; raises `TransportError` of kind `tls` or `timeout`."""
        from pytest_apitest.transport.tls import handshake_failed  # noqa: PLC0415 - loads ssl

        attempt.phase = HANDSHAKE
        try:
            # A connection that ends without the closing alert of TLS must not complete an answer, see
            # RFC 9112, section 9.8.
            sock = self._sock = context.wrap_socket(
                self._sock,
                server_hostname=host.strip("[]"),
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,
            )
            sock.settimeout(attempt.left())
            sock.do_handshake()
        except (OSError, ValueError) as error:
            if _is_late(error):
                raise attempt.expired() from None
            raise handshake_failed(attempt.peer, error) from None
        self._secure = True

    def write(self, pieces: Iterable[bytes], attempt: Attempt) -> None:
        """Write a request; raises `StaleConnectionError`, or `TransportError` of kind `timeout`."""
        sock = self._sock
        most = _TLS_WRITE if self._secure else None
        try:
            for piece in pieces:
                rest: bytes | memoryview = piece
                while rest:
                    sock.settimeout(attempt.left())
                    written = sock.send(rest[:most])
                    attempt.sent = True
                    if written == len(rest):
                        break
                    rest = memoryview(rest)[written:]
        except (OSError, ValueError) as error:
            if _is_late(error):
                # Of a record of TLS some bytes may be out without being counted.
                attempt.sent = attempt.sent or self._secure
                raise attempt.expired() from None
            self.spent = True
            if self.idle_since and not attempt.sent:
                raise StaleConnectionError from None

    def read(self, answer: Answer, attempt: Attempt) -> None:
        """Read until the answer is complete; raises `TransportError`."""
        complete = False
        try:
            while not complete:
                data, clean = self._receive(answer.wanted(_BITE), attempt)
                if data:
                    complete = answer.took(data)
                else:
                    answer.ended(cleanly=clean)
                    complete = True
        except TransportError as error:
            if error.kind == "timeout" and attempt.phase is ANSWERING:
                raise TransportError("timeout", answer.late(attempt.allowed)) from None
            raise

    def _receive(self, at_most: int, attempt: Attempt) -> tuple[bytes, bool]:
        """Return what arrives next, and whether an end of the connection was an orderly one."""
        try:
            self._sock.settimeout(attempt.left())
            return self._sock.recv(at_most), True
        except (OSError, ValueError) as error:
            if _is_late(error):
                raise attempt.expired() from None
            if self._secure:
                from pytest_apitest.transport.tls import reading_failed  # noqa: PLC0415 - loads ssl

                reading_failed(attempt.peer, error)
        return b"", False

    def finished(self) -> bool:
        """Tell whether an idle connection is of no use: ended, or with bytes that nobody asked for."""
        sock = self._sock
        # Bytes may wait within the TLS object, where the socket shows nothing to read.
        if self._secure and cast("ssl.SSLSocket", sock).pending():
            return True
        if not hasattr(select, "poll"):
            return bool(select.select([sock], [], [], 0)[0])
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))

    def wake(self) -> None:
        """End the connection under the hands of a thread that waits on it, which will then close it."""
        # A plain close would not wake that thread, and would give the number of the socket away to others.
        # Not the method of SSLSocket, which takes the TLS object away from that thread.
        with suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()


def connect(
    key: Key,
    host: str,
    port: int,
    attempt: Attempt,
    resolver: Resolver | None,
    guard: Guard | None = None,
) -> Connection:
    """Return a connection to the first address of a host that takes it; raises `TransportError`."""
    attempt.phase = RESOLVING
    addresses = addresses_of(host.strip("[]"), port, attempt, resolver)
    # What was looked at is what is connected to: a name that is looked up again may lead elsewhere.
    if guard is not None and (refused := guard(host, port, [address[4][0] for address in addresses])):
        raise TransportError("refused", refused)
    attempt.phase = CONNECTING
    refusal: OSError | None = None
    for address in addresses:
        try:
            return Connection(_connected(address, attempt), key)
        except OSError as error:
            if refusal is None or refusal.errno in _BLAND:
                refusal = error
    text = "no address" if refusal is None else reason(refusal)
    kind = "unreachable" if attempt.proxy is None else "proxy"
    raise TransportError(kind, f"cannot reach {attempt.next_hop}: {text}")


def _connected(place: Address, attempt: Attempt) -> socket.socket:
    family, kind, protocol, _, address = place
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(attempt.left())
        sock.connect(address)
    except BaseException as error:
        sock.close()
        if _is_late(error):
            raise attempt.expired() from None
        raise
    return sock


def _is_late(error: BaseException) -> bool:
    # A timeout with a number is one of TCP itself: the other side is gone.
    return isinstance(error, TimeoutError) and error.errno is None
