"""Turns a `Request` into the bytes that go over the wire, or says why it cannot be sent.

Rules kept here:
- the request line and the header lines are written exactly as given: order, case, repeats, the path byte
  for byte;
- only what frames a body is added: Content-Length when there is a body and neither it nor
  Transfer-Encoding is given, and `Content-Length: 0` for POST, PUT and PATCH without a body;
- what would break the message open (control characters, a length that is not the body's, a length beside a
  Transfer-Encoding) is refused before anything is connected, by naming the part and never its value;
- the credentials of a proxy are written for the proxy alone.
"""

import functools
import re
from binascii import b2a_base64

from pytest_apitest.exchange import Request, TransportError
from pytest_apitest.patterns import deferred
from pytest_apitest.transport.wording import quoted

_TOKEN = deferred(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_URL = deferred(r"([Hh][Tt][Tt][Pp][Ss]?)://([^/?#]*)([^#]*)")
# A bracketed address, or visible ASCII without the marks that end a host; and a port.
_AUTHORITY = r"(\[[0-9A-Fa-f:.]+(?:%[-.~0-9A-Z_a-z]+)?\]|[!-9;-?A-Z^-~]+)(?::([0-9]*))?"
_VALUE = r"[\t\x20-\x7e\x80-\xff]*"
_PORTS = {"http": 80, "https": 443}
_WITH_LENGTH = {"POST", "PUT", "PATCH"}
_JOINED = 64 * 1024


class Origin:
    """Where a URL leads: a host, kept in brackets when it is an IPv6 address, and a port."""

    def __init__(self, secure: bool, host: str, port: int) -> None:
        self.secure, self.host, self.port = secure, host, port
        self.peer = f"{host}:{port}"  # as messages name it, for example `localhost:8000`


class Proxy:
    """An HTTP proxy and the value of the Proxy-Authorization line that it gets, if any."""

    def __init__(self, origin: Origin, authorization: str | None) -> None:
        self.origin, self.authorization = origin, authorization


class Outgoing:
    """A request ready to be written.

    Args:
        origin: where it is to go in the end.
        pieces: the bytes to write, in few pieces so that a large body is not copied.
        closes: whether the request asks to close the connection behind it.

    """

    def __init__(self, origin: Origin, pieces: tuple[bytes, ...], closes: bool) -> None:
        self.origin, self.pieces, self.closes = origin, pieces, closes


def outgoing_of(request: Request, proxy: Proxy | None) -> Outgoing:
    """Return what is written for a request; through a proxy, plain http takes the form that proxies read.

    It raises `TransportError` of kind `request` when the request cannot be sent.
    """
    found = _URL.fullmatch(request.url)
    if found is None:
        raise _refused("the URL must begin with http:// or https:// and have no fragment")
    scheme, authority, target = found.groups()
    origin = origin_of(scheme, authority)
    if not (target.isascii() and target.isprintable()) or " " in target:
        raise _refused("the URL holds a character that must be percent-encoded")
    if not target.startswith("/"):
        target = "/" + target
    method = request.method
    if not _lowered(method):
        raise _refused("the method must be a token, for example GET")
    if method == "CONNECT":
        raise _refused("the method CONNECT is for proxies only")
    lines, chunked, closes = _header_lines(request)
    if proxy is not None and not origin.secure:
        target = f"{scheme}://{authority}{target}"
        lines.append(_credentials(proxy))
    head = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1")
    return Outgoing(origin, _pieces(head, request.body or b"", chunked=chunked), closes)


def tunnel_to(origin: Origin, proxy: Proxy) -> bytes:
    """Return the request for a tunnel through a proxy."""
    head = f"CONNECT {origin.peer} HTTP/1.1\r\nHost: {origin.peer}\r\n{_credentials(proxy)}\r\n"
    return head.encode("ascii")


@functools.lru_cache(maxsize=256)
def origin_of(scheme: str, authority: str) -> Origin:
    """Return the origin that the scheme and authority of a URL name; raises `TransportError` for none."""
    scheme = scheme.lower()
    if "@" in authority:
        raise _refused("the URL must not hold a user name or password")
    found = re.fullmatch(_AUTHORITY, authority)
    if found is None:
        raise _refused("the URL must name a host in ASCII (xn--... for other names) and at most a port")
    port = int(found[2]) if found[2] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise _refused("the port of the URL must be between 1 and 65535")
    return Origin(scheme == "https", found[1], port)


@functools.lru_cache(maxsize=64)
def proxy_of(url: str) -> Proxy:
    """Return the proxy of a URL `http://[user:password@]host[:port]`; raises `TransportError` for others."""
    from urllib.parse import unquote_to_bytes  # noqa: PLC0415 - few requests go through a proxy

    scheme, _, rest = url.partition("://")
    user, at, authority = rest.removesuffix("/").rpartition("@")
    if scheme.lower() != "http" or any(mark in authority for mark in "/?#"):
        raise _refused("the URL of the proxy must be http://host:port")
    try:
        origin = origin_of(scheme, authority)
    except TransportError:
        raise _refused("the URL of the proxy must be http://host:port") from None
    if not at:
        return Proxy(origin, None)
    name, _, password = user.partition(":")
    secret = b2a_base64(unquote_to_bytes(name) + b":" + unquote_to_bytes(password), newline=False)
    return Proxy(origin, "Basic " + secret.decode("ascii"))


def _credentials(proxy: Proxy) -> str:
    return "" if proxy.authorization is None else f"Proxy-Authorization: {proxy.authorization}\r\n"


@functools.lru_cache(maxsize=512)
def _lowered(token: str) -> str:
    """Return a header name in lower case, or nothing when it is no token; looked at once for each name."""
    return token.lower() if _TOKEN.fullmatch(token) else ""


def _header_lines(request: Request) -> tuple[list[str], bool, bool]:
    """Return the lines to write, whether the body goes in chunks, and whether to close."""
    lines = []
    lengths = []
    codings = []
    closes = False
    for name, value in request.headers:
        lowered = _lowered(name)
        if not lowered:
            raise _refused(f"header name {quoted(name.encode('latin-1', 'replace'))} is not a token")
        if not (value.isascii() and value.isprintable()) and not re.fullmatch(_VALUE, value):
            outside = any(mark > "\xff" for mark in value)
            what = "a character outside latin-1" if outside else "a control character"
            raise _refused(f"header {name} holds {what}")
        lines.append(f"{name}: {value}\r\n")
        if lowered == "content-length":
            lengths.append(value.strip(" \t"))
        elif lowered == "transfer-encoding":
            codings.append(value)
        elif lowered == "connection" and "close" in value.lower():
            closes = True
    if codings:
        _check_codings(codings, lengths)
        return lines, True, closes
    body = request.body
    length = 0 if body is None else len(body)
    if lengths:
        if any(given != str(length) for given in lengths):
            raise _refused(f"the header Content-Length is not the length of the body, which is {length:,}")
    elif body is not None or request.method in _WITH_LENGTH:
        lines.append(f"Content-Length: {length}\r\n")
    return lines, False, closes


def _check_codings(codings: list[str], lengths: list[str]) -> None:
    if lengths:
        raise _refused("the headers Content-Length and Transfer-Encoding exclude each other")
    named = [part.strip(" \t").lower() for value in codings for part in value.split(",")]
    if named.count("chunked") != 1 or named[-1] != "chunked":
        raise _refused("the header Transfer-Encoding must end in chunked")


def _pieces(head: bytes, body: bytes, *, chunked: bool) -> tuple[bytes, ...]:
    if chunked:
        return (head, b"%x\r\n" % len(body), body, b"\r\n0\r\n\r\n") if body else (head, b"0\r\n\r\n")
    return (head + body,) if len(body) <= _JOINED else (head, body)


def _refused(message: str) -> TransportError:
    return TransportError("request", message)
