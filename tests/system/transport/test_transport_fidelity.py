"""What is sent is what was given, and what is received is what was sent."""

import gzip
import json
import os
import socket
import time
import zlib
from typing import Any

import pytest

from pytest_apitest.data import changed
from pytest_apitest.exchange import Headers, Request, Route
from pytest_apitest.transport import Network
from tests import hostile
from tests.hostile import (
    CHUNKED,
    Peer,
    answer,
    answering,
    answering_always,
    chunked,
    serve,
)
from tests.system.transport.asking import (
    failure,
    request_to,
    sent_by,
)


def test_a_deep_json_body_is_only_bytes_here(network: Network) -> None:
    with serve(hostile.deep_json) as address:
        response = network.send(request_to(address))
    assert response.body == b"[" * 200_000 + b"]" * 200_000
    assert response.received == 400_000


def test_received_header_lines_keep_order_case_and_repeats(network: Network) -> None:
    lines = (
        ("x-lower", "1"),
        ("X-UPPER", "two  words"),
        ("Set-Cookie", "a=1"),
        ("content-LENGTH", "2"),
        ("Set-Cookie", "b=2"),
        ("Content-Length", "2"),
        ("Transfer-Encoding", "ChunKed"),
        ("X-Latin", "caf\xe9 \x80"),
        ("X-Empty", ""),
        ("X-No-Break", "\xa0x\x85\x1f"),
        ("x-LOWER", "3"),
    )
    raw = answer(b"", *(f"{name}:\t {value} \t" for name, value in lines), length=False)
    with serve(answering(raw + chunked(b"ok"), raw + chunked(b"ok"))) as address:
        response = network.send(request_to(address))
        assert response.headers == lines
        assert (response.status, response.reason, response.body) == (200, "OK", b"ok")
        # Transfer-Encoding beside Content-Length: read in chunks, but that connection is not trusted any more.
        network.send(request_to(address))
        assert address.connections == 2


def test_folded_lines_bare_line_feeds_and_missing_reasons_are_read(network: Network) -> None:
    raws = {
        b"HTTP/1.1 200 OK\r\nX-Fold: one\r\n  two\r\n\tthree\r\nContent-Length: 2\r\n\r\nok": (
            "OK",
            "one two three",
        ),
        b"HTTP/1.1 200\nX-Fold: bare\nContent-Length: 2\n\nok": ("", "bare"),
        b"HTTP/1.0 200 \r\nX-Fold: old\r\n\r\nok": ("", "old"),
        b"HTTP/1.3 200 Not \xe9\tOK\r\nX-Fold: new\r\nContent-Length: 2\r\n\r\nok": ("Not \xe9\tOK", "new"),
    }
    for raw, (reason, value) in raws.items():
        with serve(hostile.cut_off(raw)) as address:
            response = network.send(request_to(address))
        assert (response.reason, response.header("x-fold"), response.body) == (reason, value, b"ok")


def test_interim_answers_are_skipped(network: Network) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with serve(answering(interim + answer(b"done", "X-Final: 1"))) as address:
        response = network.send(request_to(address))
    assert (response.status, response.body) == (200, b"done")
    assert response.headers == (("X-Final", "1"), ("Content-Length", "4"))


def test_an_answer_may_arrive_in_any_pieces(network: Network) -> None:
    body = gzip.compress(b"the whole body")
    for raw in (
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(b"the whole body", "X-A: 1"),
        answer(b"", CHUNKED, "X-A: 1", length=False)
        + chunked(b"the whole", b" body", end=b"0\r\nT: 1\r\n\r\n"),
        answer(body, "Content-Encoding: gzip", "X-A: 1"),
    ):

        def behave(peer: Peer, raw: bytes = raw) -> None:
            while True:
                peer.read_request()
                peer.trickle(raw, 0.0005)

        with serve(behave) as address:
            for _ in range(2):
                response = network.send(request_to(address))
                assert response.body == b"the whole body"
                assert response.header("X-A") == "1"
                assert response.received == (len(body) if b"gzip" in raw else 14)
            assert address.connections == 1


@pytest.mark.parametrize(
    "headers",
    [("Content-Length: 77",), (CHUNKED,), ("Content-Encoding: gzip, gzip, gzip", "Content-Length: 9")],
)
@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
def test_some_answers_have_no_body_whatever_their_head_says(
    network: Network, method: str, status: str, headers: tuple[str, ...]
) -> None:
    with serve(answering_always(answer(b"", *headers, status=status, length=False))) as address:
        for _ in range(2):
            response = network.send(request_to(address, method=method))
            assert (response.status, response.body, response.received) == (int(status[:3]), b"", 0)
        assert address.connections == 1


def test_content_codings_are_undone_and_the_wire_is_counted(network: Network) -> None:
    text = json.dumps(list(range(500))).encode()
    packed = gzip.compress(text)
    raw = zlib.compressobj(wbits=-15)
    cases: list[tuple[str, bytes]] = [
        ("gzip", packed),
        ("X-GZip", packed),
        ("gzip", gzip.compress(text[:100]) + gzip.compress(text[100:])),
        ("deflate", zlib.compress(text)),
        ("deflate", raw.compress(text) + raw.flush()),
        ("identity", text),
        ("deflate, identity ,gzip", gzip.compress(zlib.compress(text))),
    ]
    for coding, body in cases:
        for raw_answer in (
            answer(body, f"Content-Encoding: {coding}"),
            answer(b"", f"Content-Encoding: {coding}", CHUNKED, length=False) + chunked(body[:7], body[7:]),
        ):
            with serve(answering(raw_answer)) as address:
                response = network.send(request_to(address))
            assert (response.body, response.received) == (text, len(body)), coding
    for coding in ("br", "gzip, br", "br, gzip", "gzip;q=1"):
        with serve(answering(answer(packed, f"Content-Encoding: {coding}"))) as address:
            assert network.send(request_to(address)).body == packed
    with serve(answering(answer(b"", "Content-Encoding: gzip"))) as address:
        assert network.send(request_to(address)).body == b""


def test_the_duration_runs_from_connecting_to_the_last_byte(network: Network) -> None:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.pause(0.05)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        peer.pause(0.05)
        peer.send(b"k")
        peer.wait_for_end()

    with serve(behave) as address:
        begun = time.monotonic()
        response = network.send(request_to(address))
        took = time.monotonic() - begun
    assert 0.1 <= response.duration <= took


def test_the_path_is_sent_byte_for_byte(network: Network) -> None:
    target = "a/../b%2Fc;p=1//d/./%7e?x=%7e&y=a+b&&z=1%20?/;"
    assert (
        sent_by(network, target, headers=(("Host", "h"),))
        == f"GET /{target} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    )
    with serve(answering(answer(b"ok"), answer(b"ok"))) as address:
        bare = address.url.removesuffix("/")
        for url in (bare, bare + "?q"):
            network.send(Request("GET", url, (("Host", "h"),), deadline=time.monotonic() + 5))
    assert address.requests == [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /?q HTTP/1.1\r\nHost: h\r\n\r\n"]


def test_header_lines_are_sent_as_given(network: Network) -> None:
    headers = (
        ("x-b", "2"),
        ("X-A", "1"),
        ("Host", "someone.else:99"),
        ("X-B", "caf\xe9"),
        ("x-b", "2"),
        ("X-Empty", ""),
        ("X-Spaces", "  a\tb  "),
        ("Cookie", "a=1; b=2"),
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    assert sent_by(network, headers=headers) == f"GET / HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
    # Not even a Host line is added.
    assert sent_by(network, headers=()) == b"GET / HTTP/1.1\r\n\r\n"


def test_only_the_length_of_a_body_is_added(network: Network) -> None:
    host: Headers = (("Host", "h"),)
    start = b" / HTTP/1.1\r\nHost: h\r\n"
    for method in ("POST", "PUT", "PATCH"):
        assert (
            sent_by(network, method=method, headers=host)
            == method.encode() + start + b"Content-Length: 0\r\n\r\n"
        )
    for method in ("GET", "DELETE", "OPTIONS", "TRACE", "PURGE", "m-search"):
        assert sent_by(network, method=method, headers=host) == method.encode() + start + b"\r\n"
    for method in ("POST", "GET", "DELETE"):
        sent = sent_by(network, method=method, headers=host, body=b"abc")
        assert sent == method.encode() + start + b"Content-Length: 3\r\n\r\nabc"
    assert (
        sent_by(network, method="GET", headers=host, body=b"")
        == b"GET" + start + b"Content-Length: 0\r\n\r\n"
    )
    given = (*host, ("content-length", "3"))
    assert (
        sent_by(network, method="PUT", headers=given, body=b"abc")
        == b"PUT" + start + b"content-length: 3\r\n\r\nabc"
    )
    given = (*host, ("Transfer-Encoding", "chunked"))
    start += b"Transfer-Encoding: chunked\r\n\r\n"
    assert (
        sent_by(network, method="PUT", headers=given, body=b"x" * 17)
        == b"PUT" + start + b"11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n"
    )
    assert sent_by(network, method="PUT", headers=given) == b"PUT" + start + b"0\r\n\r\n"


def test_a_large_body_arrives_whole(network: Network) -> None:
    body = os.urandom(1 << 20) * 3
    sent = sent_by(network, method="POST", body=body)
    assert sent.endswith(b"\r\n\r\n" + body)


def test_an_answer_to_a_half_sent_request_is_read(network: Network) -> None:
    def behave(peer: Peer) -> None:
        peer.sock.recv(1_000)
        peer.send(answer(b"too much", status="413 Content Too Large"))
        peer.sock.shutdown(socket.SHUT_WR)
        peer.pause(0.1)

    with serve(behave) as address:
        response = network.send(request_to(address, method="POST", body=bytes(30 << 20)))
    assert (response.status, response.body) == (413, b"too much")


SECRET = "the-value"
BASE = "http://server/"
WRONG_URL = "the URL must begin with http:// or https:// and have no fragment"
WRONG_HOST = "the URL must name a host in ASCII (xn--... for other names) and at most a port"
WRONG_PORT = "the port of the URL must be between 1 and 65535"
WRONG_CHARACTER = "the URL holds a character that must be percent-encoded"
WRONG_METHOD = "the method must be a token, for example GET"
UNSENDABLE: list[tuple[dict[str, Any], str]] = [
    ({"url": "ftp://h/"}, WRONG_URL),
    ({"url": "/path"}, WRONG_URL),
    ({"url": BASE + "#part"}, WRONG_URL),
    ({"url": "http://"}, WRONG_HOST),
    ({"url": "http:///path"}, WRONG_HOST),
    ({"url": "http://b\xfccher.test/"}, WRONG_HOST),
    ({"url": "http://a b/"}, WRONG_HOST),
    ({"url": "http://::1/"}, WRONG_HOST),
    ({"url": "http://h:x/"}, WRONG_HOST),
    ({"url": "http://h:0/"}, WRONG_PORT),
    ({"url": "http://h:65536/"}, WRONG_PORT),
    ({"url": f"http://user:{SECRET}@h/"}, "the URL must not hold a user name or password"),
    ({"url": BASE + "a b"}, WRONG_CHARACTER),
    ({"url": BASE + "a\r\nX: y"}, WRONG_CHARACTER),
    ({"url": BASE + "\xe9"}, WRONG_CHARACTER),
    ({"url": BASE + "?\x7f"}, WRONG_CHARACTER),
    ({"method": ""}, WRONG_METHOD),
    ({"method": "GET "}, WRONG_METHOD),
    ({"method": "GE\nT"}, WRONG_METHOD),
    ({"method": "G\xcaT"}, WRONG_METHOD),
    ({"method": "CONNECT"}, "the method CONNECT is for proxies only"),
    ({"headers": (("X-A", f"{SECRET}\r\nX-B: 1"),)}, "header X-A holds a control character"),
    ({"headers": (("X-A", f"{SECRET}\n"),)}, "header X-A holds a control character"),
    ({"headers": (("X-A", f"\x00{SECRET}"),)}, "header X-A holds a control character"),
    ({"headers": (("X-A", f"{SECRET} \u20ac"),)}, "header X-A holds a character outside latin-1"),
    ({"headers": (("X A", SECRET),)}, 'header name "X A" is not a token'),
    ({"headers": (("X:A", SECRET),)}, 'header name "X:A" is not a token'),
    ({"headers": (("", SECRET),)}, 'header name "" is not a token'),
    ({"headers": (("X\u20ac\n", SECRET),)}, 'header name "X?\\n" is not a token'),
    (
        {"headers": (("Content-Length", "5"),), "body": b"abc"},
        "the header Content-Length is not the length of the body, which is 3",
    ),
    (
        {"headers": (("Content-Length", "5"),)},
        "the header Content-Length is not the length of the body, which is 0",
    ),
    (
        {"headers": (("Content-Length", "3"), ("Transfer-Encoding", "chunked")), "body": b"abc"},
        "the headers Content-Length and Transfer-Encoding exclude each other",
    ),
    (
        {"headers": (("Transfer-Encoding", "chunked, chunked"),), "body": b"abc"},
        "the header Transfer-Encoding must end in chunked",
    ),
    (
        {"headers": (("Transfer-Encoding", "gzip"),), "body": b"abc"},
        "the header Transfer-Encoding must end in chunked",
    ),
    (
        {"headers": (("Transfer-Encoding", "chunked, gzip"),), "body": b"abc"},
        "the header Transfer-Encoding must end in chunked",
    ),
    ({"route": Route(proxy="socks5://h:1")}, "the URL of the proxy must be http://host:port"),
    (
        {"route": Route(proxy=f"http://u:{SECRET}@h:x")},
        "the URL of the proxy must be http://host:port",
    ),
    ({"route": Route(proxy="http://h:1/path")}, "the URL of the proxy must be http://host:port"),
]


def test_requests_that_cannot_be_sent_are_refused_before_connecting(network: Network) -> None:
    with serve(answering_always(answer(b"ok"))) as address:
        good = request_to(address)
        for change, message in UNSENDABLE:
            there = {name: value for name, value in change.items() if name != "url"}
            if "url" in change:
                there["url"] = change["url"].replace(BASE, address.url)
            error = failure(network, changed(good, **there))
            assert (error.kind, error.message, error.sent) == ("request", message, False), change
        network.send(good)
    assert address.connections == 1


def test_an_ipv6_server(network: Network) -> None:
    with serve(answering(answer(b"ok")), host="::1") as address:
        assert network.send(request_to(address)).body == b"ok"
    assert address.requests[0] == f"GET / HTTP/1.1\r\nHost: [::1]:{address.port}\r\n\r\n".encode()
