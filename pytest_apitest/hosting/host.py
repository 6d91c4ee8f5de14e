"""Runs applications on loopback ports: aiohttp, ASGI and WSGI, with one server package for all.

Rules kept here:
- what is served is reached over a real socket on 127.0.0.1, so that the client under test is the one of
  production; the port comes from the system;
- a function is called for each `serve` and its application belongs to that call; an application object is
  used as it is, and serving it twice shares one server;
- an application is started before `serve` returns and shut down when its last `Served` or its host closes;
- every wait has an end, also for an application that blocks the loop;
- aiohttp is imported when something is served, not before.
"""

import asyncio
import inspect
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pytest_apitest.hosting import background
from pytest_apitest.hosting.loading import EXPECTED, AppError, describe, first_line, kind_of

if TYPE_CHECKING:
    from aiohttp import web

ADDRESS = "127.0.0.1"
CLOSED = "this host is closed"
START_SECONDS = 30.0
# Together below the five seconds that `close` promises: handlers get two times HANDLER_SECONDS, all of the
# shutdown STOP_SECONDS, a loop that does not answer CLOSE_SECONDS, its thread JOIN_SECONDS.
HANDLER_SECONDS = 0.5
STOP_SECONDS = 2.5
CLOSE_SECONDS = 3.2
JOIN_SECONDS = 1.0
# Larger than aiohttp's own, so that a limit met in a test is the application's.
LINE_LIMITS: dict[str, Any] = {"max_line_size": 65_536, "max_field_size": 65_536, "max_headers": 32_768}

logger = logging.getLogger("pytest_apitest.hosting")


class Served:
    """One application on one port.

    Attributes:
        base_url: `http://127.0.0.1:<port>`, without a slash at the end.

    """

    def __init__(self, base_url: str, release: Callable[[], None]) -> None:
        self.base_url = base_url
        self._release = release
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Let go of the application; it stops when nobody else serves the same object."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._release()


@dataclass(frozen=True, slots=True)
class _Server:
    """What listens, and how it is stopped."""

    base_url: str
    stop: Callable[[], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Site:
    """An application and everybody who asked for it; the reference keeps its id from being used again."""

    app: object
    users: int = 0
    server: _Server | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Host:
    """Serves applications until it is closed; also a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._background: background.Background | None = None
        self._sites: dict[int, _Site] = {}
        self._is_closing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def serve(self, app: object, *, name: str = "", port: int = 0) -> Served:
        """Start an application, or what a function makes, and return where it listens.

        Args:
            app: an application, or a function (also async) without required parameters that makes one.
            name: what messages call it, for example `orders.app:create_app`.
            port: the port to listen on; 0 lets the system choose.

        Raises:
            AppError: it is no application, or it could not be made or started.

        """
        called = name or _name_of(app)
        with self._lock:
            if self._closed:
                raise RuntimeError(CLOSED)
            if self._background is None:
                self._background = background.acquire()
            running = self._background
        opening = asyncio.run_coroutine_threadsafe(self._open(app, called, port, running), running.loop)
        try:
            site, base_url = opening.result(START_SECONDS + 1)
        except TimeoutError:
            opening.cancel()
            message = f"{called} did not return within {START_SECONDS:g} s"
            raise AppError(message) from None
        except CancelledError:
            # Closed by another thread; the loop ended before the application was made.
            raise RuntimeError(CLOSED) from None
        except BaseException:
            opening.cancel()
            raise
        return Served(base_url, lambda: self._release(site))

    def close(self) -> None:
        """Stop everything that is served; returns within five seconds whatever an application does."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            running = self._background
        if running is None:
            return
        blocked = False
        closing = asyncio.run_coroutine_threadsafe(self._close_all(), running.loop)
        try:
            closing.result(CLOSE_SECONDS)
        except TimeoutError:
            blocked = True
        finally:
            background.release(running, JOIN_SECONDS, blocked=blocked)

    def _release(self, site: _Site) -> None:
        with self._lock:
            if self._closed or self._background is None:
                return
            leaving = asyncio.run_coroutine_threadsafe(self._leave(site), self._background.loop)
        try:
            leaving.result(CLOSE_SECONDS)
        except TimeoutError:
            logger.warning("%s did not stop within %g s", _name_of(site.app), CLOSE_SECONDS)

    async def _open(
        self, given: object, name: str, port: int, running: background.Background
    ) -> tuple[_Site, str]:
        try:
            async with asyncio.timeout(START_SECONDS):
                app = await _make(given, name)
                if self._is_closing:
                    raise RuntimeError(CLOSED)
                site = self._sites.setdefault(id(app), _Site(app))
                # Counted before anything is awaited: a site with users is never dropped.
                site.users += 1
                try:
                    async with site.lock:
                        if site.server is None:
                            site.server = await _start(app, name, port, running)
                        return site, site.server.base_url
                except BaseException:
                    await self._leave(site)
                    raise
        except TimeoutError:
            message = f"{name} did not start within {START_SECONDS:g} s"
            raise AppError(message) from None

    async def _leave(self, site: _Site) -> None:
        site.users -= 1
        await self._stop(site)

    async def _stop(self, site: _Site) -> None:
        """Stop a site that nobody uses."""
        async with site.lock:
            server = site.server
            # Somebody may have asked for it again while this waited for the lock.
            if site.users <= 0 and server is not None:
                site.server = None
                await server.stop()
        if site.users <= 0:
            self._sites.pop(id(site.app), None)

    async def _close_all(self) -> None:
        self._is_closing = True
        sites = list(self._sites.values())
        for site in sites:
            site.users = 0
        if not sites:
            return
        stopping = {asyncio.create_task(self._stop(site)) for site in sites}
        _, late = await asyncio.wait(stopping, timeout=STOP_SECONDS)
        for task in late:
            logger.warning("a hosted application did not stop within %g s", STOP_SECONDS)
            task.cancel()


async def _make(given: object, name: str) -> object:
    """Return an application: the given one, or what the given function makes."""
    kind = kind_of(given)
    if kind is None:
        message = f"{name} is {describe(given)}; {EXPECTED}, or a function that makes one"
        raise AppError(message)
    if kind != "factory":
        return given
    assert callable(given)
    try:
        made: object = given()
        if inspect.isawaitable(made):
            made = await made
    except background.FAILURES as error:
        message = f"{name} failed: {first_line(error)}"
        raise AppError(message) from error
    if kind_of(made) in {None, "factory"}:
        message = f"{name} returned {describe(made)}; {EXPECTED}"
        raise AppError(message)
    return made


async def _start(app: Any, name: str, port: int, running: background.Background) -> _Server:
    """Start an application and listen for it."""
    from aiohttp import web  # noqa: PLC0415 - a run against a plain URL never pays for this import

    kind = kind_of(app)
    stop_bridge: Callable[[], Awaitable[None]] | None = None
    runner: web.BaseRunner
    if kind == "aiohttp":
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=HANDLER_SECONDS)
    else:
        if kind == "asgi":
            from pytest_apitest.hosting.asgi import AsgiBridge  # noqa: PLC0415

            asgi = AsgiBridge(app, name)
            await asgi.start()
            handle, stop_bridge = asgi.handle, asgi.stop
        else:
            from pytest_apitest.hosting.wsgi import WsgiBridge  # noqa: PLC0415

            handle = WsgiBridge(app, running.pool).handle
        # Bodies go through as they were sent, and a client that leaves is told to the bridge by cancelling.
        server = web.Server(
            handle, access_log=None, handler_cancellation=True, auto_decompress=False, **LINE_LIMITS
        )
        runner = web.ServerRunner(server, shutdown_timeout=HANDLER_SECONDS)

    async def stop() -> None:
        try:
            await runner.cleanup()
        except background.FAILURES:
            logger.exception("%s: the shutdown failed", name)
        if stop_bridge is not None:
            await stop_bridge()

    try:
        await runner.setup()
        await _listen(web.TCPSite(runner, ADDRESS, port), port)
    except (*background.FAILURES, asyncio.CancelledError) as error:
        await stop()
        if isinstance(error, (AppError, asyncio.CancelledError)):
            raise
        raise AppError(_refusal(name, error)) from error
    return _Server(f"http://{ADDRESS}:{runner.addresses[0][1]}", stop)


async def _listen(site: "web.TCPSite", port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        message = f"cannot listen on {ADDRESS}:{port}: {reason[:1].lower()}{reason[1:]}"
        raise AppError(message) from error


def _refusal(name: str, error: BaseException) -> str:
    if isinstance(error, RuntimeError) and "different loop" in str(error):
        return f"{name} is bound to a loop that has ended; give a function that makes the application"
    return f"{name} did not start: {first_line(error)}"


def _name_of(app: object) -> str:
    if inspect.isroutine(app) or inspect.isclass(app):
        return f"{app.__module__}:{app.__qualname__}"
    return type(app).__qualname__
