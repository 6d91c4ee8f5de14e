"""Lets an ASGI 3 application answer the requests of an aiohttp server.

Rules kept here:
- the application sees what the client sent: raw path and query, every header line in order, the body piece
  by piece; nothing is decoded or joined;
- a client that leaves is `http.disconnect` and never the end of a body: the last piece is only ever marked
  so when the parser saw the end of the message;
- an application that fails before its response started is a 500, later a reset connection; either way its
  traceback is logged;
- the lifespan is one task from start-up to shutdown, and an application without lifespan is served all the
  same.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from pytest_apitest.hosting.answer import Answer, ask_for_body, target_of
from pytest_apitest.hosting.background import FAILURES
from pytest_apitest.hosting.loading import AppError, first_line

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

VERSIONS = {"version": "3.0", "spec_version": "2.4"}
SHUTDOWN_SECONDS = 1.5
GRACE_SECONDS = 0.5

logger = logging.getLogger("pytest_apitest.hosting")


class AsgiBridge:
    """One hosted ASGI application.

    Args:
        app: the application.
        name: what messages call it.

    """

    def __init__(self, app: Application, name: str) -> None:
        self._app = app
        self._name = name
        self._lifespan = _Lifespan(app, name)
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Run the start-up of the application.

        Raises:
            AppError: the application says that it cannot start.

        """
        await self._lifespan.start()

    async def stop(self) -> None:
        """End what still runs for a request, then run the shutdown of the application."""
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE_SECONDS)
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE_SECONDS)
        await self._lifespan.stop()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of the server."""
        exchange = _Exchange(self._app, request, self._scope(request))
        task = asyncio.create_task(exchange.run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            # The application may go on after its response, for example with background tasks.
            await exchange.answered.wait()
        except asyncio.CancelledError:
            exchange.leave()
            raise
        return exchange.answer.sent()

    def _scope(self, request: web.BaseRequest) -> dict[str, Any]:
        path, query = target_of(request)
        transport = request.transport
        client = transport.get_extra_info("peername") if transport else None
        server = transport.get_extra_info("sockname") if transport else None
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": dict(VERSIONS),
            "http_version": f"{request.version.major}.{request.version.minor}",
            "method": request.method.upper(),
            "scheme": "http",
            "path": unquote(path.decode("ascii", "surrogateescape"), errors="replace"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.raw_headers],
            "client": client[:2] if client else None,
            "server": server[:2] if server else None,
            "extensions": {},
        }
        if self._lifespan.supported:
            scope["state"] = self._lifespan.state.copy()
        return scope


class _Exchange:
    """One request and its response, seen by the application through `receive` and `send`."""

    def __init__(self, app: Application, request: web.BaseRequest, scope: dict[str, Any]) -> None:
        self.answer = Answer(request)
        self.answered = asyncio.Event()
        self._app = app
        self._request = request
        self._scope = scope
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gone = False
        self._broken = False
        self._asked = False
        self._body_ended = False
        self._received = 0

    def leave(self) -> None:
        """Note that the client is gone."""
        self._gone = True
        self._end()

    async def run(self) -> None:
        """Call the application and see to it that the client gets a whole response, a 500 or a reset."""
        try:
            try:
                await self._app(self._scope, self._receive, self._send)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    self.answer.reset()
                    raise
                await self._fail("was cancelled by itself", error)
            except FAILURES as error:
                await self._fail("failed", error)
            else:
                if not self.answer.complete:
                    what = "the end of its response" if self.answer.started else "a response"
                    await self._fail(f"returned without {what}", None)
        finally:
            self._end()
            self.answered.set()

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            if not self._request.content.at_eof() and not self.answer.started:
                await ask_for_body(self._request)
        if self._body_ended or self._over.done():
            await asyncio.wait({self._over})
            return {"type": "http.disconnect"}
        piece = await self._next_piece()
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": not self._body_ended}

    async def _next_piece(self) -> bytes | None:
        """Read what has arrived of the body; None when the rest will never come."""
        content = self._request.content
        piece = b""
        if not content.at_eof():
            reading = asyncio.ensure_future(content.readany())
            either: set[asyncio.Future[Any]] = {reading, self._over}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not reading.done():
                    reading.cancel()
                    await asyncio.wait({reading})
            if reading.cancelled() or reading.exception() is not None:
                self._broken = not self._over.done()
                self._end()
                return None
            piece = reading.result()
        self._received += len(piece)
        if content.at_eof():
            announced = self._request.content_length
            if announced is not None and self._received < announced:
                self._broken = True
                self._end()
                return None
            self._body_ended = True
        return piece

    def _end(self) -> None:
        """From here on `receive` has nothing to tell but `http.disconnect`."""
        if not self._over.done():
            self._over.set_result(None)

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._gone:
            error = "the client is gone"
            raise ConnectionResetError(error)
        if self.answer.complete:
            error = f"{kind} after the end of the response"
            raise RuntimeError(error)
        if kind == "http.response.start":
            self.answer.start(
                message["status"], [(bytes(n), bytes(v)) for n, v in message.get("headers", ())]
            )
        elif kind == "http.response.body" and self.answer.started:
            body = bytes(message.get("body", b""))
            if message.get("more_body", False):
                await self.answer.write(body)
            else:
                await self.answer.finish(body)
                self._end()
                self.answered.set()
        else:
            error = f"{kind} is not expected here"
            raise RuntimeError(error)

    async def _fail(self, what: str, error: BaseException | None) -> None:
        if self._gone or (self._broken and not self.answer.complete):
            # The application was cut off by its client; what it threw then is a consequence of that.
            logger.debug("%s %s: the body never became complete", *self._where(), exc_info=error)
            await self._give_up(400)
            return
        logger.error("%s %s: the application %s", *self._where(), what, exc_info=error)
        await self._give_up(500)

    async def _give_up(self, status: int) -> None:
        if not self.answer.started:
            await self.answer.refuse(status)
        elif not self.answer.complete:
            self.answer.reset()

    def _where(self) -> tuple[str, str]:
        return self._scope["method"], self._scope["path"]


class _Lifespan:
    """Start-up and shutdown of one application, in one task."""

    def __init__(self, app: Application, name: str) -> None:
        self.supported = False
        self.state: dict[str, Any] = {}
        self._app = app
        self._name = name
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._started: asyncio.Future[str | None] | None = None
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._started = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        self._events.put_nowait({"type": "lifespan.startup"})
        try:
            failure = await self._started
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if failure is not None:
            await asyncio.wait({self._task}, timeout=GRACE_SECONDS)
            self._task.cancel()
            raise AppError(failure)

    async def stop(self) -> None:
        if self._task is None:
            return
        if self.supported and not self._task.done():
            self._events.put_nowait({"type": "lifespan.shutdown"})
            waiting = asyncio.ensure_future(self._stopped.wait())
            await asyncio.wait(
                {self._task, waiting}, timeout=SHUTDOWN_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            waiting.cancel()
            if not self._task.done():
                await asyncio.wait({self._task}, timeout=GRACE_SECONDS)
            if not self._stopped.is_set() and not self._task.done():
                logger.error("%s: the shutdown took more than %s s", self._name, SHUTDOWN_SECONDS)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=GRACE_SECONDS)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": dict(VERSIONS), "state": self.state}
        try:
            await self._app(scope, self._events.get, self._send)
        except asyncio.CancelledError:
            self._settle(None)
            raise
        except FAILURES as error:
            if self.supported:
                logger.exception("%s: the lifespan of the application failed", self._name)
            else:
                # Raising here is how an application says that it has no lifespan.
                logger.debug("%s: no lifespan: %s", self._name, first_line(error))
        self._settle(None)

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self.supported = True
            self._settle(None)
        elif kind == "lifespan.startup.failed":
            self._settle(_refusal(self._name, str(message.get("message", ""))))
        elif kind in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
            if kind == "lifespan.shutdown.failed":
                logger.error("%s: the shutdown failed: %s", self._name, message.get("message", ""))
            self._stopped.set()

    def _settle(self, failure: str | None) -> None:
        if self._started is not None and not self._started.done():
            self._started.set_result(failure)


def _refusal(name: str, message: str) -> str:
    """Make one sentence of a failed start-up; Starlette sends a whole traceback, which is logged."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if not lines:
        return f"{name} did not start and gave no reason"
    is_traceback = lines[0].startswith("Traceback")
    if len(lines) > 1:
        logger.error("%s: start-up failed:\n%s", name, message)
    return f"{name} did not start: {lines[-1 if is_traceback else 0]}"
