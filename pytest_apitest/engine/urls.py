"""URLs and header values that can be sent (language, section 5)."""

import urllib.parse

from pytest_apitest.jsonvalue import show
from pytest_apitest.references import RenderError


def host_of(url: str) -> str:
    """Return what stands in `Host` for a URL."""
    split = urllib.parse.urlsplit(url)
    return split.netloc.rpartition("@")[2]


def check_header(name: str, value: str) -> None:
    """Raise `RenderError` for a header that cannot be sent."""
    if any(character in value for character in "\r\n\0"):
        raise RenderError(f"the header {name} would hold a line break or NUL")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise RenderError(f"the header {name} holds a character outside of latin-1") from None


def checked(url: str) -> str:
    """Return a URL that can be sent; raises `RenderError`."""
    try:
        split = urllib.parse.urlsplit(url)
        host, port = split.hostname, split.port
    except ValueError:
        raise RenderError(f"the host or port of {show(url, 80)} is malformed") from None
    del port
    if split.scheme not in ("http", "https") or not host:
        raise RenderError(f"not a URL: {show(url, 80)}")
    if split.username is not None or split.password is not None:
        raise RenderError("a URL with user and password: write auth: {basic: …} instead")
    if not host.isascii():
        try:
            encoded = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise RenderError(f"the host {show(host, 60)} is no host name") from None
        url = url.replace(host, encoded, 1)
    return urllib.parse.urldefrag(url).url if "#" in url else url
