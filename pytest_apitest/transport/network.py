"""The network as a `Send`: one exchange from request to answer, and every failure by its name.

Rules kept here:
- a request is over at its deadline, whatever the other side does;
- a request is sent once; it is only tried again, once and on a new connection, when a connection of the
  pool was closed before a byte of it was written;
- whatever goes wrong, the caller gets a `TransportError`: its text holds no header value, no body and no
  URL, and its traceback ends here, for the frames below hold all of them;
- proxies and credentials are never taken from the environment.
"""

import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Self

from pytest_apitest.exchange import DEFAULT_LIMITS, Request, Response, TransportError
from pytest_apitest.transport.answer import Answer
from pytest_apitest.transport.attempt import ANSWERING, SENDING, TUNNELLING, Attempt
from pytest_apitest.transport.connection import Connection, Key, StaleConnectionError, connect
from pytest_apitest.transport.names import Guard, Resolver
from pytest_apitest.transport.outgoing import Outgoing, Proxy, outgoing_of, proxy_of, tunnel_to
from pytest_apitest.transport.pool import Pool
from pytest_apitest.transport.wording import phrase

if TYPE_CHECKING:
    from pytest_apitest.transport.tls import Contexts


class Network:
    """Sends requests over real connections; safe to use from many threads.

    Args:
        user_resolver: given a host name and a port, returns the IP addresses to connect to, in order, or
            None to ask the system. Not asked for hosts that are IP addresses.
        guard: looks at the addresses of each new connection, and says why there must be none. Those of a proxy
            are not looked at: who connects there, and to what, the proxy decides.

    """

    def __init__(self, user_resolver: Resolver | None = None, guard: Guard | None = None) -> None:
        self._user_resolver = user_resolver
        self._guard = guard
        self._pool = Pool()
        self._lock = threading.Lock()
        self._made_contexts: Contexts | None = None

    def __enter__(self) -> Self:
        """Return the network itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the network."""
        self.close()

    def close(self) -> None:
        """Close all connections; requests under way in other threads end with an error, later ones too."""
        self._pool.close()

    def send(self, request: Request) -> Response:
        """Send a request and return the complete answer; raises `TransportError` when there is none."""
        attempt = Attempt(request.deadline)
        route = request.route
        try:
            proxy = None if route.proxy is None else proxy_of(route.proxy)
            outgoing = outgoing_of(request, proxy)
            origin = outgoing.origin
            attempt.peer = origin.peer
            attempt.proxy = None if proxy is None else proxy.origin.peer
            attempt.left()
            # Through a proxy, plain http goes to the proxy itself, with the whole URL as the target.
            hop = origin if proxy is None or origin.secure else proxy.origin
            key = (route, origin.secure, hop.host, hop.port)
            connection = self._pool.take(key)
            if connection is not None:
                with suppress(StaleConnectionError):
                    return self._exchange(connection, request, outgoing, attempt, monotonic())
            connection, began = self._opened(key, outgoing, proxy, attempt)
            return self._exchange(connection, request, outgoing, attempt, began)
        except (TransportError, OSError) as error:
            raise self._failure(error, attempt).with_traceback(None) from None

    def _exchange(
        self, connection: Connection, request: Request, outgoing: Outgoing, attempt: Attempt, began: float
    ) -> Response:
        """Send a request over a connection, which then goes back to the pool if it can serve once more."""
        answerer = attempt.peer if outgoing.origin.secure else attempt.next_hop
        answer = Answer(answerer, request.limits, head_only=request.method == "HEAD", alive=attempt.left)
        kept = False
        try:
            attempt.phase = SENDING
            connection.write(outgoing.pieces, attempt)
            attempt.phase = ANSWERING
            connection.read(answer, attempt)
            body = answer.body()
            kept = not (connection.spent or answer.spent or outgoing.closes)
        finally:
            if kept:
                self._pool.give(connection)
            else:
                self._pool.drop(connection)
        return Response(
            answer.status, answer.reason, answer.headers, body, answer.body_read, monotonic() - began
        )

    def _opened(
        self, key: Key, outgoing: Outgoing, proxy: Proxy | None, attempt: Attempt
    ) -> tuple[Connection, float]:
        """Return a new connection, known to the pool and ready for requests, and when connecting began."""
        origin = outgoing.origin
        # Making a context takes long and files into account, so it comes before anything is connected.
        context = self._contexts.context_for(key[0]) if origin.secure else None
        attempt.left()
        began = monotonic()
        hop = origin if proxy is None else proxy.origin
        guard = self._guard if proxy is None else None
        connection = connect(key, hop.host, hop.port, attempt, self._user_resolver, guard)
        self._pool.add(connection)
        try:
            if context is not None:
                if proxy is not None:
                    _tunnel(connection, outgoing, proxy, attempt)
                connection.secure(context, origin.host, attempt)
        except BaseException:
            self._pool.drop(connection)
            raise
        return connection, began

    @property
    def _contexts(self) -> "Contexts":
        from pytest_apitest.transport.tls import Contexts  # noqa: PLC0415 - loads ssl

        with self._lock:
            if self._made_contexts is None:
                self._made_contexts = Contexts()
            return self._made_contexts

    def _failure(self, error: TransportError | OSError, attempt: Attempt) -> TransportError:
        if isinstance(error, OSError):
            error = TransportError("closed", f"the connection to {attempt.next_hop} failed")
        if self._pool.closed and error.kind in {"closed", "truncated", "tls", "proxy"}:
            error = TransportError("closed", "the network was closed while the request was under way")
        error.sent = attempt.sent
        return error


def _tunnel(connection: Connection, outgoing: Outgoing, proxy: Proxy, attempt: Attempt) -> None:
    """Have the proxy connect through to the origin; what goes wrong with its answer is its fault."""
    hop = attempt.next_hop
    answer = Answer(hop, DEFAULT_LIMITS, head_only=True, alive=attempt.left)
    attempt.phase = TUNNELLING
    try:
        connection.write([tunnel_to(outgoing.origin, proxy)], attempt)
        connection.read(answer, attempt)
    except TransportError as error:
        if error.kind == "timeout":
            raise
        raise TransportError("proxy", error.message if hop in error.message else f"{hop}: {error}") from None
    finally:
        attempt.sent = False  # of the request itself, which is what `sent` tells about
    if not 200 <= answer.status < 300:
        shown = f"{answer.status} {phrase(answer.reason.encode('latin-1'))}".rstrip()
        raise TransportError("proxy", f"{hop} refused the tunnel: {shown}")
