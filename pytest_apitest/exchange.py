"""What goes over the wire and what comes back: the values every other part of the flow meets at.

Rules kept here:
- a `Request` is complete: encoded URL, every header that will be sent, the body's bytes, the moment by
  which the answer must be whole, and the route (TLS, proxy) that it takes;
- a `Response` holds the body after content decoding and remembers how many bytes the wire carried;
- sending is one narrow callable, `Send`, so that the network, a script in a test and a recorder are
  interchangeable.
"""

from collections.abc import Callable, Iterable
from dataclasses import field

from pytest_apitest.data import data

Headers = tuple[tuple[str, str], ...]


@data
class Limits:
    """The bounds of one answer; crossing one ends the step by name.

    Args:
        body: bytes of the body, before and after content decoding.
        headers: number of header lines.
        head: bytes of status line and headers together.
        ratio: decoded bytes for each byte received, looked at from 1 MiB of decoded body on.
        codings: layers of content coding.

    """

    body: int = 10 * 1024 * 1024
    headers: int = 1_000
    head: int = 100 * 1024
    ratio: int = 200
    codings: int = 2


DEFAULT_LIMITS = Limits()


@data
class Route:
    """How a request gets to its host; equal routes share one connection pool.

    Args:
        verify: True checks certificates against the system's authorities, False checks nothing, a text
            is the path of a PEM file with the authorities to trust.
        cert: path of a PEM file with the client's certificate (and key), or None.
        key: path of the PEM file with the key, when it is a file of its own.
        password: password of the key.
        proxy: URL of an HTTP proxy, or None for a direct connection.

    """

    verify: bool | str = True
    cert: str | None = None
    key: str | None = None
    password: str | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Route) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.verify, self.cert, self.key, self.proxy))


DIRECT = Route()


@data
class Request:
    """One request as it will be sent.

    Args:
        method: the method, as written.
        url: absolute http or https URL, percent-encoded, without fragment.
        headers: all header lines in sending order, `Host` included; names and values are latin-1 texts.
        body: the bytes of the body, or None for no body. Content-Length is added when it is missing; POST,
            PUT and PATCH without a body send `Content-Length: 0`.
        deadline: the value of `time.monotonic()` by which the last byte of the answer must have arrived.
        route: TLS settings and proxy.
        limits: bounds of the answer.

    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = None
    deadline: float = float("inf")
    route: Route = DIRECT
    limits: Limits = DEFAULT_LIMITS


@data
class Response:
    """One complete answer.

    Args:
        status: the status code.
        reason: the reason phrase, often empty.
        headers: all header lines as received: order, case and repeats are kept; latin-1 texts.
        body: the body after content decoding.
        received: number of body bytes that came, before content decoding and without the framing of chunks.
        duration: seconds from the first byte sent (connecting included) to the last byte read.

    """

    status: int
    reason: str
    headers: Headers
    body: bytes
    received: int
    duration: float

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whatever the case of its name, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def header_lines(self, name: str) -> list[str]:
        """Return all values of a header in order; an empty list when it was not sent."""
        return lines_of(self.headers, name)


Send = Callable[[Request], Response]


def lines_of(headers: Iterable[tuple[str, str]], name: str) -> list[str]:
    """Return the values of one header name in order, compared without case."""
    wanted = name.lower()
    return [value for key, value in headers if key.lower() == wanted]


class TransportError(Exception):
    """No complete answer came: the request could not be sent, or what came back cannot be used.

    Args:
        kind: one of `unreachable`, `name`, `tls`, `timeout`, `closed`, `truncated`, `garbled`, `limit`,
            `proxy` (also when the proxy itself cannot be resolved or reached), `request`, `refused` (an
            address that must not be connected to).
        message: one sentence for people, without the URL, for example
            `cannot reach localhost:8000: connection refused`.
        sent: whether a byte of the request may have reached the server.

    """

    def __init__(self, kind: str, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.sent = sent
