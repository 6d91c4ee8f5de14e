"""What goes wrong is called by its name: bad answers, servers and names that cannot be reached."""

import time
import zlib

import pytest

from pytest_apitest.data import changed
from pytest_apitest.exchange import Request
from pytest_apitest.transport import Network
from tests import hostile
from tests.hostile import (
    CHUNKED,
    answer,
    answering,
    answering_always,
    serve,
)
from tests.system.transport.asking import (
    failure,
    request_to,
)

WRONG: dict[str, tuple[str, str]] = {
    "closed_before_answer": ("closed", "{peer} closed the connection without an answer"),
    "reset_before_answer": ("closed", "{peer} closed the connection without an answer"),
    "truncated_head": ("truncated", "answer cut off: the head ended after 27 bytes"),
    "truncated_body": ("truncated", "answer cut off: 12 of 100 bytes of the body arrived"),
    "truncated_chunk": ("truncated", "chunked body cut off: 12 bytes of it arrived"),
    "missing_last_chunk": ("truncated", "chunked body cut off: 5 bytes of it arrived"),
    "garbage": ("garbled", 'not an HTTP answer: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\\r"...'),
    "http2_preface": (
        "garbled",
        'not an HTTP answer: "\\x00\\x00\\x12\\x04\\x00\\x00\\x00\\x00\\x00\\x00"...',
    ),
    "unknown_version": ("garbled", "unknown HTTP version 9.9 in the answer"),
    "bad_content_length": ("garbled", "bad Content-Length in the answer"),
    "negative_length": ("garbled", "bad Content-Length in the answer"),
    "differing_lengths": ("garbled", "more than one Content-Length in the answer, and they differ"),
    "bad_chunk_size": ("garbled", "bad chunk size in the body"),
    "overlong_chunk": ("garbled", "bad chunk in the body: data longer than its size"),
    "bad_header_line": ("garbled", "bad header line 2 in the answer"),
    "nul_in_header": ("garbled", "bad header line 1 (X-Nul) in the answer"),
    "unknown_transfer_coding": ("garbled", "unknown transfer coding in the answer"),
    "switching": ("garbled", "answered 101 Switching Protocols, which leaves HTTP"),
    "truncated_gzip": ("garbled", "gzip body ends early"),
    "corrupt_gzip": ("garbled", "gzip body is damaged"),
    "plain_as_gzip": ("garbled", "gzip body is damaged"),
    "gzip_bomb": ("limit", "decompresses to more than 200 times its size"),
    "many_gzip_layers": ("limit", "200 content codings, at most 2"),
    "many_headers": ("limit", "more than 1,000 header lines"),
    "huge_header": ("limit", "head of the answer larger than 100 KiB"),
    "endless_body": ("limit", "body larger than 10 MiB"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_answer_is_called_by_its_name_and_its_connection_dropped(network: Network, name: str) -> None:
    kind, message = WRONG[name]
    with serve(hostile.HOSTILE[name]) as address:
        error = failure(network, request_to(address))
        assert (error.kind, error.message) == (kind, message.format(peer=address.peer))
        assert error.sent is True
        # The next request gets a connection of its own, and the same answer.
        again = failure(network, request_to(address))
        assert (again.kind, again.message) == (error.kind, error.message)
        assert address.connections == 2


def test_every_wrong_behaviour_is_covered() -> None:
    assert set(WRONG) == {*hostile.WRONG, "endless_body"}


def test_more_bad_answers(network: Network) -> None:
    cases: list[tuple[bytes, str, str]] = [
        (b"HTTP/2.0 200 OK\r\n\r\n", "garbled", "unknown HTTP version 2.0 in the answer"),
        (b"HTTP/1.1 099 Low\r\n\r\n", "garbled", "bad status code 099 in the answer"),
        (b"HTTP/1.1 2OO OK\r\n\r\n", "garbled", 'not an HTTP answer: "HTTP/1.1 2OO OK\\r\\n\\r\\n"'),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "garbled", "bad header line 1 in the answer"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "garbled", 'not an HTTP answer: "\\r\\nHTTP/1.1 200 OK\\r\\n\\r\\n"'),
        (b'<html>"\\\x7f', "garbled", 'not an HTTP answer: "<html>\\"\\\\\\x7f"'),
        (b"\x15\x03\x01\x00\x02\x02\x46", "garbled", 'not an HTTP answer, the server speaks TLS: "\\x15\\x03\\x01\\x00\\x02\\x02F"'),
        (answer(b"ok", "Content-Length: 2, 3", length=False), "garbled", "more than one Content-Length in the answer, and they differ"),
        (answer(b"ok", CHUNKED, CHUNKED, length=False), "garbled", "unknown transfer coding in the answer"),
        (answer(b"ok", "Transfer-Encoding: identity", length=False), "garbled", "unknown transfer coding in the answer"),
        (answer(CHUNKED.encode(), CHUNKED, length=False) + b"\r\n", "garbled", "bad chunk size in the body"),
        (answer(b"11111111111111111\r\n", CHUNKED, length=False), "garbled", "bad chunk size in the body"),
        (answer(b"-2\r\nok\r\n", CHUNKED, length=False), "garbled", "bad chunk size in the body"),
        (answer(b"2;" + b"x" * 200_000, CHUNKED, length=False), "limit", "text between chunks larger than 100 KiB"),
        (answer(b"0\r\n" + b"X: y\r\n" * 50_000, CHUNKED, length=False), "limit", "text between chunks larger than 100 KiB"),
        (answer(b"0\r\nno trailer\r\n\r\n", CHUNKED, length=False), "garbled", "answer breaks the rules of HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n X: folded\r\n\r\n", "garbled", "bad header line 1 in the answer"),
        (answer(b"", "Content-Length: 10485761", length=False), "limit", "body larger than 10 MiB"),
        (answer(zlib.compress(b"x") + b"y", "Content-Encoding: deflate"), "garbled", "deflate body goes on behind its end"),
    ]  # fmt: skip
    for raw, kind, message in cases:
        with serve(answering(raw)) as address:
            error = failure(network, request_to(address))
        assert (error.kind, error.message) == (kind, message), raw[:60]


def test_a_message_never_quotes_a_header_value_a_body_or_the_query(network: Network) -> None:
    secret = "s3cr3t-t0ken"
    raws = [
        answer(b"", f"Set-Cookie: {secret}\x00"),
        answer(b"", f"Content-Length: {secret}", length=False),
        answer(b"", f"Transfer-Encoding: {secret}", length=False),
        answer(secret.encode(), CHUNKED, length=False),
        answer(secret.encode(), "Content-Encoding: gzip"),
        answer(secret.encode(), "Content-Length: 99", length=False),
        b"HTTP/1.1 200 OK\r\n" + secret.encode() + b"\r\n\r\n",
        b"",
    ]
    for raw in raws:
        with serve(hostile.cut_off(raw)) as address:
            error = failure(
                network, request_to(address, f"?token={secret}", headers=(("Authorization", secret),))
            )
        assert secret not in error.message
    with hostile.refused_port() as address:
        assert secret not in failure(network, request_to(address, f"?token={secret}")).message


def test_a_refused_connection(network: Network) -> None:
    with hostile.refused_port() as address:
        error = failure(network, request_to(address))
        assert (error.kind, error.sent) == ("unreachable", False)
        assert error.message == f"cannot reach {address.peer}: connection refused"
        error = failure(
            network, Request("GET", f"http://localhost:{address.port}/", deadline=time.monotonic() + 5)
        )
        assert error.message == f"cannot reach localhost:{address.port}: connection refused"


def test_an_unreachable_network(network: Network) -> None:
    # There is no way to connect to the broadcast address.
    error = failure(network, Request("GET", "http://255.255.255.255/", deadline=time.monotonic() + 5))
    assert (error.kind, error.sent) == ("unreachable", False)
    assert error.message == "cannot reach 255.255.255.255:80: network unreachable"


@pytest.mark.parametrize("given", [["255.255.255.255", "127.0.0.1"], ["127.0.0.1", "255.255.255.255"]])
def test_of_several_addresses_the_most_telling_refusal_is_named(given: list[str]) -> None:
    with hostile.refused_port() as address, Network(lambda host, port: given) as network:
        request = Request("GET", f"http://two.test:{address.port}/", deadline=time.monotonic() + 5)
        error = failure(network, request)
    assert error.message == f"cannot reach two.test:{address.port}: connection refused"


def test_a_name_that_does_not_exist(network: Network) -> None:
    error = failure(network, Request("GET", "http://nosuch.invalid:81/", deadline=time.monotonic() + 5))
    assert (error.kind, error.sent) == ("name", False)
    # The second one is said by a machine without a name server.
    assert error.message in {
        "cannot resolve nosuch.invalid: name or service not known",
        "cannot resolve nosuch.invalid: temporary failure in name resolution",
    }
    error = failure(network, Request("GET", f"http://{'a' * 64}.test/", deadline=time.monotonic() + 5))
    assert error.message == f"cannot resolve {'a' * 64}.test: not a valid host name"


def test_the_resolver_of_the_user_is_asked_for_names_only() -> None:
    asked = []

    def resolver(host: str, port: int) -> list[str] | None:
        asked.append((host, port))
        return {"two.test": ["127.0.0.1", "127.0.0.2"], "none.test": [], "bad.test": ["nonsense"]}.get(host)

    with Network(resolver) as network, serve(answering_always(answer(b"ok")), host="127.0.0.2") as address:
        request = request_to(address)

        def to(host: str) -> Request:
            return changed(request, url=f"http://{host}:{address.port}/")

        # The first address refuses, the second one takes the connection.
        assert network.send(to("two.test")).body == b"ok"
        assert network.send(request).body == b"ok"
        assert asked == [("two.test", address.port)]
        assert (
            failure(network, to("none.test")).message == f"cannot reach none.test:{address.port}: no address"
        )
        assert failure(network, to("bad.test")).kind == "name"
        # None is a question to the system.
        assert (
            failure(network, to("localhost")).message
            == f"cannot reach localhost:{address.port}: connection refused"
        )


def test_a_resolver_that_fails_is_no_crash() -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise KeyError(host)

    with Network(resolver) as network:
        error = failure(network, Request("GET", "http://any.test/", deadline=time.monotonic() + 5))
        assert (error.kind, error.message) == (
            "name",
            "cannot resolve any.test: the resolver failed with KeyError",
        )
