"""The network as a `Send`: pools, one exchange from request to answer, and every failure by its name.

Rules kept here:
- a request is over at its deadline, whatever the other side does;
- a request is sent once; it is only tried again when a connection of the pool was closed before a byte of
  it was written;
- whatever goes wrong, the caller gets a `TransportError`: its text holds no header value, no body and no
  URL, and its traceback ends here, for the frames below hold all of them;
- proxies and credentials are never taken from the environment.

The pools, the order of an exchange on a connection, chunks and the tunnel through a proxy are httpcore's. It
sees stand-ins for the request (its method, the path `/`, one header) and for the head of the answer, so no
secret reaches its debug log; see `backend` and `answer` for the bytes that really go and come.
"""

import functools
import ssl
import threading
from collections.abc import Iterable
from time import monotonic
from types import TracebackType
from typing import Self, cast

import httpcore

from pytest_apitest.exchange import DEFAULT_LIMITS, Limits, Request, Response, Route, TransportError
from pytest_apitest.transport.answer import Answer
from pytest_apitest.transport.attempt import Attempt
from pytest_apitest.transport.backend import DeadlineBackend, Resolver, StaleConnectionError
from pytest_apitest.transport.content import codings_of, decoder_for
from pytest_apitest.transport.outgoing import Origin, Outgoing, Proxy, outgoing_of, proxy_of
from pytest_apitest.transport.tls import Contexts
from pytest_apitest.transport.wording import phrase

# Servers commonly close after five idle seconds; a connection that old may be closing right now.
_IDLE = 4.0
_STAND_IN = [(b"Host", b"-")]
_STAND_IN_CLOSING = [(b"Host", b"-"), (b"Connection", b"close")]


class Network:
    """Sends requests over real connections; safe to use from many threads.

    Args:
        user_resolver: given a host name and a port, returns the IP addresses to connect to, in order, or
            None to ask the system. Not asked for hosts that are IP addresses.

    """

    def __init__(self, user_resolver: Resolver | None = None) -> None:
        self._backend = DeadlineBackend(user_resolver)
        self._contexts = Contexts()
        self._pools: dict[tuple[Route, bool], httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        """Return the network itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the network."""
        self.close()

    def close(self) -> None:
        """Close all connections; requests under way in other threads end with an error, later ones too."""
        with self._lock:
            self._closed = True
            self._backend.close()
            pools = list(self._pools.values())
            self._pools.clear()
        for pool in pools:
            pool.close()

    def send(self, request: Request) -> Response:
        """Send a request and return the complete answer.

        Raises:
            TransportError: when there is none, for whatever reason.

        """
        begun = monotonic()
        proxy = None if request.route.proxy is None else proxy_of(request.route.proxy)
        outgoing = outgoing_of(request, proxy)
        pool = self._pool(request.route, proxy, secure=outgoing.origin.secure)
        while True:
            attempt = _attempt(request, outgoing, proxy, begun)
            try:
                return _exchange(pool, request, outgoing, proxy, attempt)
            except StaleConnectionError:
                # The engine has dropped that connection, so this ends with a new one at the latest.
                continue
            except (TransportError, httpcore.ProxyError, httpcore.ProtocolError) as error:
                raise self._failure(error, attempt).with_traceback(None) from None
            except (httpcore.NetworkError, OSError) as error:
                text = f"the connection to {attempt.next_hop} failed"
                raise TransportError("closed", text, sent=attempt.sent) from error

    def _pool(self, route: Route, proxy: Proxy | None, *, secure: bool) -> httpcore.ConnectionPool:
        key = (route, secure)
        pool = self._pools.get(key)
        if pool is not None:
            return pool
        context = self._contexts.context_for(route) if secure else None
        with self._lock:
            if self._closed:
                raise TransportError("request", "the network is closed")
            pool = self._pools.get(key)
            if pool is None:
                pool = self._pools[key] = self._new_pool(context, proxy)
        return pool

    def _new_pool(self, context: ssl.SSLContext | None, proxy: Proxy | None) -> httpcore.ConnectionPool:
        # No bound on connections: no request ever waits for another one, and callers bound their threads.
        if proxy is None or context is None:
            return httpcore.ConnectionPool(
                context, max_connections=None, keepalive_expiry=_IDLE, network_backend=self._backend
            )
        authorization = [] if proxy.authorization is None else [("Proxy-Authorization", proxy.authorization)]
        return httpcore.HTTPProxy(
            _url(proxy.origin),
            proxy_headers=authorization,
            ssl_context=context,
            max_connections=None,
            keepalive_expiry=_IDLE,
            network_backend=self._backend,
        )

    def _failure(self, error: Exception, attempt: Attempt) -> TransportError:
        if isinstance(error, TransportError):
            if self._closed and error.kind in {"closed", "truncated"}:
                error = TransportError("closed", "the network was closed while the request was under way")
            elif attempt.tunnel is not None and error.kind not in {"timeout", "proxy"}:
                # The proxy's answer is read like any other; what is wrong with it is the proxy's fault.
                text = error.message if attempt.next_hop in error.message else f"{attempt.next_hop}: {error}"
                error = TransportError("proxy", text)
            error.sent = attempt.sent
            return error
        if isinstance(error, httpcore.ProxyError) and attempt.tunnel is not None:
            answer = f"{attempt.tunnel.status} {phrase(attempt.tunnel.reason.encode('latin-1'))}".rstrip()
            return TransportError("proxy", f"{attempt.next_hop} refused the tunnel: {answer}")
        if attempt.tunnel is not None:
            return TransportError("proxy", f"{attempt.next_hop}: answer breaks the rules of HTTP/1.1")
        return TransportError("garbled", "answer breaks the rules of HTTP/1.1", sent=attempt.sent)


def _attempt(request: Request, outgoing: Outgoing, proxy: Proxy | None, begun: float) -> Attempt:
    if monotonic() >= request.deadline:
        raise TransportError("timeout", "no time left: the deadline had passed before the request was sent")
    origin = outgoing.origin
    answerer = peer = origin.peer
    tunnel = None
    if proxy is not None:
        if origin.secure:
            tunnel = Answer(f"proxy {proxy.origin.peer}", DEFAULT_LIMITS, head_only=True)
        else:
            answerer = f"proxy {proxy.origin.peer}"
    return Attempt(
        request.deadline,
        begun=begun,
        peer=peer,
        proxy=None if proxy is None else proxy.origin.peer,
        tunnel=tunnel,
        pieces=outgoing.pieces,
        answer=Answer(answerer, request.limits, head_only=request.method == "HEAD"),
    )


def _exchange(
    pool: httpcore.ConnectionPool, request: Request, outgoing: Outgoing, proxy: Proxy | None, attempt: Attempt
) -> Response:
    # Through a proxy, plain http goes to the proxy itself, with the whole URL as the target.
    hop = outgoing.origin if proxy is None or outgoing.origin.secure else proxy.origin
    began = monotonic()
    response = pool.handle_request(
        httpcore.Request(
            request.method,
            _url(hop),
            headers=_STAND_IN_CLOSING if outgoing.closes else _STAND_IN,
            content=(),
            extensions={"timeout": {"connect": attempt, "read": attempt, "write": attempt}},
        )
    )
    try:
        body = _read(response, attempt, request.limits)
    except BaseException:
        response.extensions["network_stream"].spent = True
        raise
    finally:
        response.close()
    answer = attempt.answer
    return Response(answer.status, answer.reason, answer.headers, body, answer.body_read, monotonic() - began)


def _read(response: httpcore.Response, attempt: Attempt, limits: Limits) -> bytes:
    answer = attempt.answer
    if response.status != answer.status:
        # Cannot happen as long as `Answer` finds the end of each answer: it would be an older one's rest.
        raise TransportError("garbled", "bytes of another answer on the connection")
    codings = codings_of(answer.encodings, limits) if answer.encodings and answer.length != 0 else ()
    decoder = decoder_for(codings, limits, attempt.left)
    taken: list[bytes] = []
    take = taken.append if decoder is None else decoder.feed
    for piece in cast("Iterable[bytes]", response.stream):
        # Many small chunks keep the engine busy without a read in between.
        if monotonic() >= attempt:
            raise attempt.expired()
        take(piece)
    return b"".join(taken) if decoder is None else decoder.finish()


@functools.lru_cache(maxsize=256)
def _url(origin: Origin) -> httpcore.URL:
    scheme = b"https" if origin.secure else b"http"
    return httpcore.URL(scheme=scheme, host=origin.host.encode("ascii"), port=origin.port, target=b"/")
