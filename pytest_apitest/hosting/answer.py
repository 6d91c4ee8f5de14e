"""Writes one response onto a connection of aiohttp exactly as an ASGI or WSGI application gave it.

Rules kept here:
- name, order and repeats of the application's header lines are kept, no content type is invented; only
  framing, `Date` and `Connection` are ours, since the connection is;
- the head waits until the application pauses, so that it leaves in one piece with a short body, and a body
  that is known whole by then gets its length;
- a response that cannot be completed is reset, never ended: no client may take a part for the whole;
- a body that does not fit its Content-Length is a failure of the application.
"""

import asyncio
import contextlib
import re
import socket
import struct
import sys
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

HeaderLines = Iterable[tuple[bytes, bytes]]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# Hop-by-hop lines speak about a connection that the application does not own.
_OURS = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
_LINGER_ZERO = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Answer:
    """The response to one request: `start`, any number of `write`, then `finish`; or `reset`.

    Attributes:
        started: whether a head was accepted.
        complete: whether the last byte was handed to the connection.

    """

    def __init__(self, request: web.BaseRequest) -> None:
        self.started = False
        self.complete = False
        self._writer: AbstractStreamWriter = request.writer
        self._transport = request.transport
        self._is_head_request = request.method == "HEAD"
        self._is_http_1_1 = request.version >= (1, 1)
        self._keep_alive = request.keep_alive
        self._head: list[bytes] | None = None
        self._bodiless = False
        self._chunked = False
        self._length: int | None = None
        self._written = 0

    def start(self, status: int, headers: HeaderLines, reason: str | None = None) -> None:
        """Take the status and the header lines; they are sent with the first piece of the body.

        Raises:
            ValueError: the head cannot be sent as it is.

        """
        if self.started:
            message = "a response was started twice"
            raise RuntimeError(message)
        if not 200 <= status <= 999:
            message = f"{status} is no status of a final response"
            raise ValueError(message)
        lines: list[bytes] = []
        length: int | None = None
        dated = False
        for name, value in headers:
            key = name.lower()
            if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
                message = f"the header {name!r}: {value!r} holds characters that a header cannot"
                raise ValueError(message)
            if key in _OURS:
                if key == b"connection" and b"close" in value.lower():
                    self._keep_alive = False
                continue
            if key == b"content-length":
                if length is not None or not value.isdigit():
                    message = f"the header {name!r}: {value!r} is not one decimal length"
                    raise ValueError(message)
                length = int(value)
                if status == HTTPStatus.NO_CONTENT:
                    continue
            dated = dated or key == b"date"
            lines.append(name + b": " + value)
        if not dated:
            lines.append(b"date: " + formatdate(usegmt=True).encode())
        if reason is None:
            reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
        version = b"1.1" if self._is_http_1_1 else b"1.0"
        first = b"HTTP/%s %d %s" % (version, status, reason.encode("latin-1", "replace"))
        if _CONTROL.search(first):
            message = f"the reason {reason!r} holds control characters"
            raise ValueError(message)
        self._bodiless = self._is_head_request or status in (204, 304)
        self._length = length
        self._head = [first, *lines]
        self.started = True
        asyncio.get_running_loop().call_soon(self._flush)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body at once; waits while the connection is congested.

        Raises:
            ConnectionError: the client is gone.
            ValueError: the body is longer than its Content-Length.

        """
        self._written += len(data)
        if self._length is not None and self._written > self._length and not self._bodiless:
            message = f"the body is longer than its Content-Length of {self._length}"
            raise ValueError(message)
        head = self._take_head()
        if self._bodiless:
            data = b""
        if head and not self._chunked:
            await self._writer.write(head + data)
            return
        if head:
            await self._writer.write(head)
            self._writer.enable_chunking()
        if data:
            await self._writer.write(data)

    async def finish(self, data: bytes = b"") -> None:
        """Send the last piece of the body and end the response."""
        if self._head is not None and self._length is None and not self._bodiless:
            self._length = len(data)
            self._head.append(b"content-length: %d" % self._length)
        await self.write(data)
        if not self._bodiless:
            if self._length is not None and self._written < self._length:
                message = (
                    f"the body ended after {self._written} of {self._length} bytes of its Content-Length"
                )
                raise ValueError(message)
            await self._writer.write_eof()
        self.complete = True

    async def refuse(self, status: int) -> None:
        """Answer with a bare status of our own and close the connection after it."""
        phrase = HTTPStatus(status).phrase
        self._keep_alive = False
        self.start(status, [(b"content-type", b"text/plain; charset=utf-8")])
        with contextlib.suppress(ConnectionError):
            await self.finish(f"{status} {phrase}\n".encode())

    def reset(self) -> None:
        """Break the connection, so that what was sent cannot be taken for a whole response."""
        self._keep_alive = False
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        connection = transport.get_extra_info("socket")
        if connection is not None:
            # An orderly close would end a body without length as if it were complete.
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        transport.abort()

    def sent(self) -> web.StreamResponse:
        """Return what aiohttp expects of a handler: a response with nothing left to do."""
        return _Sent(keep_alive=self._keep_alive and self.complete)

    def _take_head(self) -> bytes:
        """Return the head, once; the framing is decided here."""
        if self._head is None:
            return b""
        head, self._head = self._head, None
        if self._length is None and not self._bodiless:
            if self._is_http_1_1:
                self._chunked = True
                head.append(b"transfer-encoding: chunked")
            else:
                self._keep_alive = False
        if not self._keep_alive:
            head.append(b"connection: close")
        elif not self._is_http_1_1:
            head.append(b"connection: keep-alive")
        return b"\r\n".join(head) + b"\r\n\r\n"

    def _flush(self) -> None:
        """Send a head whose body lets itself be waited for."""
        head = self._take_head()
        if not head or self._transport is None or self._transport.is_closing():
            return
        self._transport.write(head)
        if self._chunked:
            self._writer.enable_chunking()


class _Sent(web.StreamResponse):
    """A response that is already on the wire."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._reusable = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._reusable

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        del request
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        del data


async def ask_for_body(request: web.BaseRequest) -> None:
    """Send `100 Continue` to a client that waits for it before it sends the body."""
    if request.version >= (1, 1) and request.headers.get("Expect", "").lower() == "100-continue":
        with contextlib.suppress(ConnectionError):
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def target_of(request: web.BaseRequest) -> tuple[bytes, bytes]:
    """Return path and query of the request line as they were received, without host and fragment."""
    target = request.raw_path.encode("utf-8", "surrogateescape").partition(b"#")[0]
    path, _, query = target.partition(b"?")
    if not path.startswith(b"/") and b"://" in path:
        rest = path.partition(b"://")[2]
        path = b"/" + rest.partition(b"/")[2]
    return path, query
