"""The one thread and event loop of the process in which every hosted application runs.

Rules kept here:
- the first host that needs the loop starts it and the last one that lets go ends it; applications of several
  hosts share it, since objects bound to a loop break on a second one;
- nothing that an application does ends the loop while a host needs it: not `SystemExit` in a task, not
  `loop.stop()`;
- every thread is a daemon and every wait has an end: an application that blocks the loop is left behind, and
  the next host gets a new loop.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# What an application may throw; let through, the first two would end the loop of all applications.
FAILURES = (SystemExit, KeyboardInterrupt, Exception, BaseExceptionGroup)

POOL_SIZE = 40
WIND_DOWN_SECONDS = 0.5

logger = logging.getLogger("pytest_apitest.hosting")

_lock = threading.Lock()
_current: "Background | None" = None


class DaemonPool(ThreadPoolExecutor):
    """An executor of daemon threads, made as they are needed.

    The threads of the standard library's executor are joined when the interpreter ends, so that one hanging
    application would keep a finished test run alive.
    """

    def __init__(self, size: int = POOL_SIZE) -> None:
        super().__init__(max_workers=size)  # starts no thread by itself
        self._size = size
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._members: list[threading.Thread] = []
        self._guard = threading.Lock()
        self._idle = 0
        self._ended = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function in one of the threads."""
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - the future carries it to whoever waits
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._guard:
            if self._ended:
                message = "the pool was shut down"
                raise RuntimeError(message)
            if self._idle > 0:
                self._idle -= 1
            elif len(self._members) < self._size:
                name = f"apitest-hosting-worker-{len(self._members)}"
                member = threading.Thread(target=self._work, name=name, daemon=True)
                self._members.append(member)
                member.start()
            self._jobs.put(job)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Let the threads end once their work is done; never waits, see `join`."""
        with self._guard:
            if self._ended:
                return
            self._ended = True
            for _ in self._members:
                self._jobs.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the threads to end, at most the given time in all."""
        ends = time.monotonic() + seconds
        for member in self._members:
            member.join(max(0.0, ends - time.monotonic()))

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            job()
            del job  # a waiting thread keeps nothing of the last request alive
            with self._guard:
                # Counts one too many when a queued job follows at once; only at full size, where it is moot.
                self._idle += 1


class Background:
    """A thread with an event loop, shared by `users` hosts."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.pool = DaemonPool()
        self.users = 0
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="apitest-hosting", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs; it does not in a forked child."""
        return self._thread.is_alive()

    def end(self, seconds: float) -> None:
        """Stop the loop and wait for the thread, at most the given time."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(seconds)
        if self._thread.is_alive():
            logger.warning("a hosted application blocks the loop; its thread is left behind")

    def _run(self) -> None:
        self.loop.set_default_executor(self.pool)
        # Waiting for a task (not run_forever) gives anyio a root task, which its worker threads live by.
        main = self.loop.create_task(self._stop.wait())
        while not main.done():
            try:
                self.loop.run_until_complete(main)
            except (SystemExit, KeyboardInterrupt, RuntimeError):
                logger.exception("a hosted application tried to end the loop")
        try:
            self._wind_down()
        except FAILURES:
            logger.exception("a hosted application failed while the loop ended")
        finally:
            self.loop.close()

    def _wind_down(self) -> None:
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left, timeout=WIND_DOWN_SECONDS))
        ending = self.loop.create_task(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(asyncio.wait({ending}, timeout=WIND_DOWN_SECONDS))
        self.pool.shutdown()
        self.pool.join(WIND_DOWN_SECONDS)


def acquire() -> Background:
    """Return the loop of the process; each call needs one `release`."""
    global _current  # noqa: PLW0603 - one loop for the process is the point
    with _lock:
        if _current is None or not _current.is_alive:
            _current = Background()
        _current.users += 1
        return _current


def release(background: Background, seconds: float, *, blocked: bool = False) -> None:
    """Give the loop back; the last user ends it, and nobody gets a blocked one any more."""
    global _current  # noqa: PLW0603
    with _lock:
        background.users -= 1
        is_last = background.users == 0
        if (is_last or blocked) and _current is background:
            _current = None
    if is_last:
        background.end(seconds)
