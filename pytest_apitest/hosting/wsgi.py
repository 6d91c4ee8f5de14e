"""Lets a WSGI application answer the requests of an aiohttp server, as PEP 3333 says.

Rules kept here:
- the application runs in a daemon thread of a pool and never in the loop; one that hangs costs a thread, not
  the loop and not the end of the process;
- it is called only once the whole body is there: a client that leaves half-way is never seen by it;
- `start_response` is answered by a head only with the first piece of the body; up to then a failure is a
  500, later a reset connection; either way the traceback is logged;
- what the application returned is closed whatever happened.
"""

import asyncio
import io
import logging
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Executor, Future
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web

from pytest_apitest.hosting.answer import Answer, ask_for_body, target_of

Environ = dict[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
Write = Callable[[bytes], object]
Application = Callable[[Environ, Callable[..., Write]], Iterable[bytes]]

MAX_BODY = 64 * 1024 * 1024
POLL_SECONDS = 1.0

logger = logging.getLogger("pytest_apitest.hosting")

_STATUS = re.compile(r"([1-9][0-9]{2}) ?(.*)")


class WsgiBridge:
    """One hosted WSGI application.

    Args:
        app: the application.
        pool: runs it.

    """

    def __init__(self, app: Application, pool: Executor) -> None:
        self._app = app
        self._pool = pool

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of the server."""
        answer = Answer(request)
        status, body = await _read(request)
        if status is not None:
            await answer.refuse(status)
            return answer.sent()
        loop = asyncio.get_running_loop()
        call = _Call(self._app, _environ(request, body), answer, loop)
        error = await loop.run_in_executor(self._pool, call.run)
        if error is None:
            try:
                await call.finish()
            except (ConnectionError, ValueError) as late:
                error = late
        if error is not None:
            await _give_up(request, answer, error)
        return answer.sent()


class _Call:
    """One call of the application, in a thread of the pool."""

    def __init__(
        self, app: Application, environ: Environ, answer: Answer, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._app = app
        self._environ = environ
        self._answer = answer
        self._loop = loop
        self._head: tuple[int, str, list[tuple[bytes, bytes]]] | None = None
        self._rest = b""
        self._sending: asyncio.Task[None] | None = None  # the loop itself holds tasks weakly

    def run(self) -> BaseException | None:
        """Call the application and send what it returns; gives back what it raised."""
        try:
            result = self._app(self._environ, self._start_response)
            try:
                if isinstance(result, (list, tuple)):
                    # All of it is here: the loop sends it in one piece once this thread is done.
                    self._rest = b"".join(result)
                else:
                    for piece in result:
                        self._write(piece)
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()
            if self._head is None:
                message = "start_response was never called"
                raise RuntimeError(message)  # noqa: TRY301 - reported like any failure of the application
        except BaseException as error:  # noqa: BLE001 - even SystemExit must reach the client as a 500
            return error
        return None

    async def finish(self) -> None:
        """Send what is left, in the loop."""
        self._start()
        await self._answer.finish(self._rest)

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Write:
        if exc_info is not None:
            if self._answer.started:
                raise exc_info[1].with_traceback(exc_info[2])
        elif self._head is not None:
            message = "start_response was called twice without exc_info"
            raise RuntimeError(message)
        match = _STATUS.fullmatch(status)
        if match is None:
            message = f"start_response got {status!r} as status; expected a number and a reason"
            raise ValueError(message)
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._head = (int(match[1]), match[2], lines)
        return self._write

    def _write(self, piece: bytes) -> None:
        """Send a piece and wait until the connection took it; empty pieces do not send the head."""
        if self._head is None:
            message = "the body began before start_response was called"
            raise RuntimeError(message)
        if not isinstance(piece, bytes):
            message = f"the body holds a piece of type {type(piece).__name__}; expected bytes"
            raise TypeError(message)
        if not piece:
            return None
        done: Future[None] = Future()
        self._loop.call_soon_threadsafe(self._begin, piece, done)
        while True:
            try:
                return done.result(POLL_SECONDS)
            except TimeoutError:
                if self._loop.is_closed():
                    message = "the host was closed"
                    raise ConnectionResetError(message) from None

    def _begin(self, piece: bytes, done: Future[None]) -> None:
        """Start sending, in the loop; `done` tells the waiting thread how it ended."""

        async def push() -> None:
            try:
                self._start()
                await self._answer.write(piece)
            except BaseException as error:
                done.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            else:
                done.set_result(None)

        self._sending = self._loop.create_task(push())

    def _start(self) -> None:
        if not self._answer.started:
            assert self._head is not None
            status, reason, headers = self._head
            self._answer.start(status, headers, reason)


async def _read(request: web.BaseRequest) -> tuple[int | None, bytes]:
    """Read the whole body, or say with which status to refuse it.

    Raises:
        ConnectionError: the client left before the body was complete.

    """
    announced = request.content_length
    if announced is not None and announced > MAX_BODY:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b""
    if not request.content.at_eof():
        await ask_for_body(request)
    pieces: list[bytes] = []
    size = 0
    try:
        while not request.content.at_eof():
            pieces.append(await request.content.readany())
            size += len(pieces[-1])
            if size > MAX_BODY:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b""
    except web.RequestPayloadError:
        return HTTPStatus.BAD_REQUEST, b""
    if announced is not None and size < announced:
        message = "the client left before the body was complete"
        raise ConnectionResetError(message)
    return None, b"".join(pieces)


async def _give_up(request: web.BaseRequest, answer: Answer, error: BaseException) -> None:
    transport = request.transport
    path = target_of(request)[0].decode("latin-1")
    if isinstance(error, (ConnectionError, CancelledError)) and (transport is None or transport.is_closing()):
        logger.debug("%s %s: the client left", request.method, path, exc_info=error)
        return
    logger.error("%s %s: the application failed", request.method, path, exc_info=error)
    if answer.started:
        answer.reset()
    else:
        await answer.refuse(500)


def _environ(request: web.BaseRequest, body: bytes) -> Environ:
    path, query = target_of(request)
    transport = request.transport
    host, port = (transport.get_extra_info("sockname") if transport else None) or ("127.0.0.1", 0)
    peer, peer_port = (transport.get_extra_info("peername") if transport else None) or ("127.0.0.1", 0)
    environ: Environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # PEP 3333: bytes in the shape of latin-1 text.
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "REQUEST_URI": request.raw_path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{request.version.major}.{request.version.minor}",
        "REMOTE_ADDR": peer,
        "REMOTE_PORT": str(peer_port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in request.raw_headers:
        name = raw_name.decode("latin-1").upper()
        value = raw_value.decode("latin-1")
        if "_" in name or name in {"CONTENT-LENGTH", "TRANSFER-ENCODING"}:
            # An underscore would pass for a hyphen; the body is whole by now, so its length is known.
            continue
        if name == "CONTENT-TYPE":
            environ.setdefault("CONTENT_TYPE", value)
            continue
        key = f"HTTP_{name.replace('-', '_')}"
        joint = "; " if name == "COOKIE" else ", "
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    if body or request.content_length is not None:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ
