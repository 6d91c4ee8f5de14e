"""Origins and proxies from URLs; what is written for a request is tested over sockets, in tests/system."""

import random

import h11
import pytest

from pytest_apitest.exchange import Request, TransportError
from pytest_apitest.transport.outgoing import origin_of, outgoing_of, proxy_of, tunnel_to


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


def test_h11_reads_what_was_asked_for() -> None:
    """A reader that is not ours finds the method, target, lines and body that were given."""
    chance = random.Random(41)
    names = ["Host", "x-a", "X-B", "Accept", "Cookie", "X-Empty"]
    for _ in range(500):
        body = chance.choice([None, b"", b"abc", chance.randbytes(300)])
        lines = [("Host", "h")] + [
            (chance.choice(names[1:]), chance.choice(["", "1", "two words", "caf\xe9"]))
            for _ in range(chance.randrange(6))
        ]
        framed = chance.randrange(3)
        if framed == 1:
            lines.insert(chance.randrange(len(lines)), ("Content-Length", str(len(body or b""))))
        elif framed == 2:
            lines.append(("transfer-encoding", "chunked"))
        method = chance.choice(["GET", "POST", "DELETE", "PURGE"])
        target = chance.choice(["/", "/a/../b?x=%7e", "/;a=1?q"])
        outgoing = outgoing_of(Request(method, "http://h" + target, tuple(lines), body), None)
        server = h11.Connection(h11.SERVER)
        server.receive_data(b"".join(outgoing.pieces))
        event = server.next_event()
        assert isinstance(event, h11.Request)
        assert (event.method.decode(), event.target.decode()) == (method, target)
        read = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers.raw_items()
        ]
        assert read[: len(lines)] == lines
        added = (
            []
            if framed or (body is None and method != "POST")
            else [("Content-Length", str(len(body or b"")))]
        )
        assert read[len(lines) :] == added
        data = b""
        while isinstance(event := server.next_event(), h11.Data):
            data += event.data
        assert isinstance(event, h11.EndOfMessage)
        assert (data, server.trailing_data[0]) == (body or b"", b"")


def test_a_tunnel_is_asked_for_with_its_target_and_credentials_only() -> None:
    origin = origin_of("https", "example.org")
    assert tunnel_to(origin, proxy_of("http://p")) == (
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"
    )
    assert tunnel_to(origin, proxy_of("http://a:b@p")) == (
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nProxy-Authorization: Basic YTpi\r\n\r\n"
    )
