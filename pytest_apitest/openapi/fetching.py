"""Reading descriptions over HTTP.

Rules kept here:
- one deadline for all that is read, 16 MiB for each file before and after decompression, at most 5 redirects;
- no credentials are sent but those that a caller adds for its own origin; a proxy is never taken from the environment;
- every address is looked at when it is connected to, at each redirect and for each reference: what came from a public
  address leads to no address of this machine or of a private network;
- what decides is the text, not the content type;
- a message holds nothing of what came, and of the URL neither a user nor the query.
"""

import time
import urllib.parse
from collections.abc import Callable, Collection, Sequence

from pytest_apitest import __version__
from pytest_apitest.data import data
from pytest_apitest.exchange import Limits, Request, Response, Send, TransportError
from pytest_apitest.openapi.addresses import Reach, is_public, refusal
from pytest_apitest.openapi.reading import MAX_SIZE, shown_url
from pytest_apitest.transport import Network, Resolver

SECONDS = 30.0
MAX_REDIRECTS = 5

# How a request is sent: what adds the headers of an endpoint does it here.
Dressed = Callable[[Send, Request], Response]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE = "%/:?#[]@!$&'()*+,;=-._~"
_PORTS = {"http": 80, "https": 443}


class FetchError(Exception):
    """Nothing that can be used came from a URL; the message says why, without the URL."""


@data
class Fetched:
    """What was read.

    Args:
        url: where it came from in the end, without a fragment.
        content: its bytes, after content decoding.
        public: whether it came from a public address.

    """

    url: str
    content: bytes
    public: bool


def is_url(text: str) -> bool:
    """Tell whether a text is meant as an http or https URL."""
    return text[:8].lower().startswith(("http://", "https://"))


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL as one text that can be compared; raises `FetchError`."""
    try:
        split = urllib.parse.urlsplit(url)
        port = split.port
    except ValueError:
        raise FetchError("not a URL: its host or port is malformed") from None
    if split.scheme not in _PORTS or not split.hostname:
        raise FetchError("not a URL: it begins with http:// or https:// and a host")
    return f"{split.scheme}://{split.hostname}:{port or _PORTS[split.scheme]}"


def origin_named(text: str) -> str:
    """Return the origin that somebody names, such as `https://schemas.example`.

    Args:
        text: scheme, host and perhaps port.

    Raises:
        ValueError: it is none, or a URL with more than that; the message says what is written instead.

    """
    try:
        origin = origin_of(text)
        split = urllib.parse.urlsplit(text)
    except (FetchError, ValueError):
        origin, split = "", urllib.parse.urlsplit("")
    if not origin or split.path not in ("", "/") or split.query or split.fragment or "@" in split.netloc:
        raise ValueError(
            f"{shown_url(text)} is no origin: write scheme and host, such as https://schemas.example"
        )
    return origin


def sendable(url: str) -> str:
    """Return a URL as it is sent: encoded, without a fragment.

    Args:
        url: an absolute URL.

    Raises:
        FetchError: it is none, or holds a user.

    """
    origin_of(url)
    split = urllib.parse.urlsplit(urllib.parse.urldefrag(url).url)
    if "@" in split.netloc:
        raise FetchError("the URL holds a user or password, which is not sent")
    netloc = split.netloc
    if not netloc.isascii():
        try:
            netloc = netloc.encode("idna").decode("ascii")
        except UnicodeError:
            raise FetchError("not a URL: its host is no host name") from None
    return urllib.parse.quote(urllib.parse.urlunsplit(split._replace(netloc=netloc)), safe=_SAFE)


class Fetcher:
    """Reads URLs within one deadline; used by one thread.

    Args:
        reach: what may be read.
        seconds: the time for all that is read together.
        dressed: sends a request that a caller adds headers to.
        resolver: given a host name and a port, returns the addresses to use, or None to ask the system.

    """

    def __init__(
        self,
        reach: Reach | None = None,
        *,
        seconds: float = SECONDS,
        dressed: Dressed | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._reach = reach or Reach()
        self._seconds = seconds
        self.deadline = time.monotonic() + seconds
        self._dressed: Dressed = dressed or (lambda send, request: send(request))
        self._resolver = resolver
        self._networks: dict[bool, Network] = {}
        self._public: dict[tuple[str, int], bool] = {}

    def close(self) -> None:
        """Close all connections."""
        for network in self._networks.values():
            network.close()

    @property
    def late(self) -> bool:
        """Whether the deadline is over."""
        return time.monotonic() >= self.deadline

    def read(self, url: str, *, public: bool = False, origins: Collection[str] | None = None) -> Fetched:
        """Return what a URL leads to.

        Args:
            url: an absolute URL.
            public: whether what led here came from a public address.
            origins: the origins that redirects may lead to; None for any.

        Raises:
            FetchError: nothing came that can be used.

        """
        target = sendable(url)
        for _ in range(MAX_REDIRECTS + 1):
            response = self._sent(target, public=public)
            split = urllib.parse.urlsplit(target)
            public = public or self._public.get(
                (split.hostname or "", split.port or _PORTS[split.scheme]), False
            )
            if response.status not in _REDIRECTS:
                return Fetched(target, _content(response), public)
            target = _redirected(target, response, origins)
        raise FetchError(f"more than {MAX_REDIRECTS} redirects")

    def _sent(self, url: str, *, public: bool) -> Response:
        host = urllib.parse.urlsplit(url).netloc
        headers = (
            ("Host", host),
            ("User-Agent", f"pytest-apitest/{__version__}"),
            ("Accept", "application/json, application/yaml, */*;q=0.5"),
            ("Accept-Encoding", "gzip, deflate"),
        )
        request = Request("GET", url, headers, None, self.deadline, limits=Limits(body=MAX_SIZE))
        try:
            return self._dressed(self._network(public=public).send, request)
        except TransportError as error:
            if self.late:
                raise FetchError(f"not read within {self._seconds:g} s") from None
            raise FetchError(error.message) from None

    def _network(self, *, public: bool) -> Network:
        """Return the network for what came from a public address, or from elsewhere: connections are kept apart."""
        if public not in self._networks:

            def guard(host: str, port: int, addresses: Sequence[str]) -> str:
                self._public[host.strip("[]").lower(), port] = any(
                    is_public(address, self._reach.networks) for address in addresses
                )
                why = refusal(self._reach, port, addresses, public=public)
                return f"{host}:{port} is refused: {why}" if why else ""

            self._networks[public] = Network(self._resolver, guard)
        return self._networks[public]


def _redirected(url: str, response: Response, origins: Collection[str] | None) -> str:
    """Return where an answer leads."""
    location = (response.header("location") or "").strip()
    if not location:
        raise FetchError(f"answered {response.status} without a Location")
    try:
        target = sendable(urllib.parse.urljoin(url, location))
        origin = origin_of(target)
    except (FetchError, ValueError):
        raise FetchError("redirected to what is no http or https URL, or holds a user") from None
    if origins is not None and origin not in origins:
        raise FetchError("redirected to another origin, which is not followed")
    if url.startswith("https:") and target.startswith("http:"):
        raise FetchError("redirected from https to http, which is not followed")
    return target


def _content(response: Response) -> bytes:
    if not 200 <= response.status < 300:
        raise FetchError(f"answered {response.status}")
    coding = (response.header("content-encoding") or "").strip().lower()
    if any(one.strip() not in ("", "identity", "gzip", "x-gzip", "deflate") for one in coding.split(",")):
        raise FetchError("answered in a content coding that was not asked for")
    if response.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise FetchError("answered with HTML or XML, not with a description")
    return response.body
