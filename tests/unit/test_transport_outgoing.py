"""Origins and proxies from URLs; what is written for a request is tested over sockets, in tests/system."""

import pytest

from pytest_apitest.exchange import Request, TransportError
from pytest_apitest.transport.outgoing import origin_of, outgoing_of, proxy_of


def test_origins() -> None:
    for scheme, authority, expected in (
        ("http", "h", (False, "h", 80)),
        ("HTTPS", "h", (True, "h", 443)),
        ("http", "h:", (False, "h", 80)),
        ("http", "EXAMPLE.org:8080", (False, "EXAMPLE.org", 8080)),
        ("https", "[::1]:1", (True, "[::1]", 1)),
        ("http", "[fe80::1%eth0]", (False, "[fe80::1%eth0]", 80)),
    ):
        origin = origin_of(scheme, authority)
        assert (origin.secure, origin.host, origin.port) == expected
    for authority in ("", ":80", "[::1", "[::1]x", "a b", "a:b:c", "h:-1", "[x]", "a\\b", "h\x7f"):
        with pytest.raises(TransportError):
            origin_of("http", authority)


def test_proxies() -> None:
    assert proxy_of("http://h:1").authorization is None
    assert proxy_of("HTTP://h:1/").origin.peer == "h:1"
    assert proxy_of("http://a%3Ab:c%40d@h").authorization == "Basic YTpiOmNAZA=="
    assert proxy_of("http://user@h").authorization == "Basic dXNlcjo="
    for url in (
        "",
        "h:1",
        "https://h:1",
        "http://",
        "http://h:1/x",
        "http://h?x",
        "http://u:p@",
        "http://h:99999",
    ):
        with pytest.raises(TransportError) as caught:
            proxy_of(url)
        assert caught.value.message == "the URL of the proxy must be http://host:port"


def test_a_large_body_is_not_copied() -> None:
    body = bytes(100_000)
    assert outgoing_of(Request("POST", "http://h/", body=body), None).pieces[1] is body
    assert len(outgoing_of(Request("POST", "http://h/", body=b"small"), None).pieces) == 1
