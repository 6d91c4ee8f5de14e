"""Following the bytes of an answer: however they arrive, wherever they end, and never into the next answer."""

import random
from typing import Any

import h11
import pytest

from pytest_apitest.exchange import DEFAULT_LIMITS, Limits, TransportError
from pytest_apitest.transport.answer import Answer


def follow(
    pieces: list[bytes], *, limits: Limits = DEFAULT_LIMITS, head_only: bool = False
) -> tuple[Answer, bool]:
    """Feed the pieces to a reader; return it and whether it has its whole answer."""
    answer = Answer("h:80", limits, head_only=head_only, alive=lambda: None)
    complete = False
    for piece in pieces:
        complete = answer.took(piece)
    return answer, complete


def outcome(pieces: list[bytes], **options: Any) -> object:
    """What following the pieces, and then the end of the connection, comes to."""
    try:
        answer, complete = follow(pieces, **options)
        answer.ended()
        return answer.status, answer.reason, answer.headers, answer.body(), answer.spent, complete
    except TransportError as error:
        return error.kind, error.message


ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: 1\r\n\r\nHTTP/1.1 204 No\r\nX: y\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0a \r\n0123456789\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: 1\r\nB: 2\r\n\r\nHTTP/1.1 500",
    b"HTTP/1.1 200 OK\nA: 1\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\n\r\nuntil\r\n\r\nthe end",
    b"HTTP/1.1 200 OK\r\nA: folded\r\n  line\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nA B: 1\r\n\r\nx",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/3.0 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n Content-Length: 1\r\n\r\nx",
]


@pytest.mark.parametrize("raw", ANSWERS)
def test_the_outcome_does_not_depend_on_how_the_bytes_arrive(raw: bytes) -> None:
    whole = outcome([raw])
    assert outcome([bytes([number]) for number in raw]) == whole
    for cut in range(1, len(raw)):
        assert outcome([raw[:cut], raw[cut:]]) == whole, cut


def test_a_stranger_is_told_by_its_first_bytes() -> None:
    for raw in (b"S", b"HTTS", b"\r", b"http/1.1 200", b"HTTP 1.1"):
        with pytest.raises(TransportError, match="not an HTTP answer"):
            follow([raw])
    for raw in (b"H", b"HTTP", b"HTTP/", b"HTTP/1.1 2"):
        assert follow([raw])[1] is False


def engine(raw: bytes) -> tuple[bytes, bytes] | None:
    """What h11 makes of an answer: its body and what lies behind it, or None when it finds fault with it."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=100 * 1024)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    body = b""
    try:
        client.receive_data(raw)
        while True:
            event = client.next_event()
            if event is h11.NEED_DATA:
                client.receive_data(b"")
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return body, client.trailing_data[0]
            elif isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None


def test_reader_and_h11_agree_on_what_an_answer_carries() -> None:
    """On answers with random damage: what the reader takes for good, h11 reads to the same body."""
    chance = random.Random(23)
    agreed = refused = 0
    for _ in range(6_000):
        raw = bytearray(chance.choice(ANSWERS))
        for _ in range(chance.randrange(3)):
            place = chance.randrange(len(raw))
            change = chance.choice(
                [b"", b"\r\n", b"\n", b"0", b" ", b"1", b":", b"\x00", b"X", bytes(raw[place : place + 3])]
            )
            raw[place : place + chance.randrange(2)] = change
        result = outcome([bytes(raw)])
        read = engine(bytes(raw))
        assert isinstance(result, tuple)
        if isinstance(result[0], int) and result[0]:
            assert read is not None, raw
            assert read[0] == result[3], raw
            # What lies behind the end, if anything, spends the connection.
            assert result[4] or not read[1], raw
            agreed += 1
        else:
            refused += 1
    # Both kinds must really occur, else this test proves nothing.
    assert agreed > 1_000
    assert refused > 1_000


def test_an_answer_is_never_asked_to_read_into_the_next_one() -> None:
    answer, _ = follow([b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x" * 990])
    assert answer.wanted(65536) == 10
    answer, _ = follow([b"HTTP/1.1 200 OK\r\n\r\n"])
    assert answer.wanted(65536) == 65536


def test_an_answer_to_head_ends_with_its_head() -> None:
    answer, complete = follow([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"], head_only=True)
    assert (complete, answer.body(), answer.body_read, answer.spent) == (True, b"", 0, True)


def test_a_chunk_may_not_be_longer_than_any_body() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert outcome([head + b"ffffffffffffffff\r\nx"]) == (
        "truncated",
        "chunked body cut off: 1 byte of it arrived",
    )
    assert outcome([head + b"fffffffffffffffff\r\nx"]) == ("garbled", "bad chunk size in the body")
    limits = Limits(body=4)
    assert outcome([head + b"5\r\nhello"], limits=limits) == ("limit", "body larger than 4 bytes")
    assert outcome([head + b"2\r\nhe\r\n2\r\nll\r\n1\r\no\r\n"], limits=limits) == (
        "limit",
        "body larger than 4 bytes",
    )
