"""Which endpoint a request belongs to, by name or by URL (language, section 3, Endpoints).

Rules kept here:
- the endpoint that is named counts; else that of the same origin whose base path is the longest prefix of
  the URL by whole segments; else the only endpoint of that origin; else none;
- every redirect and every captured URL is looked up anew.
"""

import urllib.parse
from collections.abc import Iterable
from functools import lru_cache

from pytest_apitest.data import data
from pytest_apitest.engine.scope import RunScope
from pytest_apitest.language.model import Document, EndpointSpec


@data
class Endpoint:
    """An endpoint with its address.

    Args:
        spec: the declaration.
        base_url: its base URL, with a trailing slash as it was given.
        origin: where the address came from, in words.
        document: the document that declares it.
        scope: the names of that document, which its settings refer to.

    """

    spec: EndpointSpec
    base_url: str
    origin: str
    document: Document
    scope: RunScope

    @property
    def base(self) -> str:
        """The base URL without one trailing slash."""
        return self.base_url.removesuffix("/")


@lru_cache(maxsize=1024)
def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL as one text that can be compared."""
    split = urllib.parse.urlsplit(url)
    default = {"http": 80, "https": 443}.get(split.scheme)
    try:
        port = split.port or default
    except ValueError:
        port = None
    return f"{split.scheme}://{(split.hostname or '').lower()}:{port}"


def find_endpoint(url: str, endpoints: Iterable[Endpoint]) -> Endpoint | None:
    """Return the endpoint that a URL belongs to, or None."""
    origin = origin_of(url)
    same = [endpoint for endpoint in endpoints if origin_of(endpoint.base_url) == origin]
    if not same:
        return None
    path = urllib.parse.urlsplit(url).path or "/"
    best: Endpoint | None = None
    length = -1
    for endpoint in same:
        prefix = urllib.parse.urlsplit(endpoint.base_url).path.rstrip("/")
        if (path == prefix or path.startswith(prefix + "/")) and len(prefix) > length:
            best, length = endpoint, len(prefix)
    if best is not None:
        return best
    return same[0] if len(same) == 1 else None
