"""The connections that are open, and which of them may be used again.

Rules kept here:
- a connection belongs to one request at a time, and is used again only for the same route and host;
- an idle connection is kept for a short while, tested before use, and there is a bound on their number;
- there is no bound on those in use: no request ever waits for another one, and callers bound their threads;
- the lock is never held while anything is done to a socket.
"""

import threading
from time import monotonic

from pytest_apitest.exchange import TransportError
from pytest_apitest.transport.connection import Connection, Key

# Servers commonly close after five idle seconds; a connection that old may be closing right now.
_IDLE = 4.0
_MOST_IDLE = 100


class Pool:
    """The open connections of a network."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []  # the one that rests longest comes first
        self.closed = False

    def take(self, key: Key) -> Connection | None:
        """Return an idle connection that is good for use, the last one used, or None.

        The one who takes it gives it back or drops it; meanwhile it may serve any number of requests.
        """
        while True:
            with self._lock:
                if self.closed:
                    raise TransportError("request", "the network is closed")
                oldest = monotonic() - _IDLE
                old = [connection for connection in self._idle if connection.idle_since < oldest]
                del self._idle[: len(old)]
                found = next((one for one in reversed(self._idle) if one.key == key), None)
                if found is not None:
                    self._idle.remove(found)
            for connection in old:
                self.drop(connection)
            if found is None or not found.finished():
                return found
            self.drop(found)

    def add(self, connection: Connection) -> None:
        """Take note of a new connection, so that `close` ends it too; after that, raise `TransportError`."""
        with self._lock:
            self._open.add(connection)
            if not self.closed:
                return
        self.drop(connection)
        raise TransportError("closed", "the network was closed while the request was under way")

    def give(self, connection: Connection) -> None:
        """Take a connection back for the next request."""
        with self._lock:
            connection.idle_since = monotonic()
            self._idle.append(connection)
            if len(self._idle) <= _MOST_IDLE and not self.closed:
                return
            connection = self._idle.pop(0)
        self.drop(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection that is not to be used again."""
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close all idle connections and wake the threads that wait on the other ones, which close those."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
            busy = self._open.difference(idle)
        for connection in idle:
            self.drop(connection)
        for connection in busy:
            connection.wake()
