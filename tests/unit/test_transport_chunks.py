"""Chunked bodies: what RFC 9112 (7.1) allows is read, everything else is refused, however it arrives."""

import random

import pytest

from pytest_apitest.exchange import TransportError
from pytest_apitest.transport.chunks import Chunks


def taken(pieces: list[bytes]) -> tuple[bytes, bytes, bool] | str:
    """Return the body, what lies behind it, and whether it is complete; or the message."""
    chunks = Chunks()
    body = rest = b""
    try:
        for piece in pieces:
            carried, behind = chunks.take(piece)
            body += carried
            rest += behind
    except TransportError as error:
        return f"{error.kind}: {error.message}"
    return body, rest, chunks.done


SIZE = "garbled: bad chunk size in the body"
LONG = "garbled: bad chunk in the body: data longer than its size"
TRAILER = "garbled: answer breaks the rules of HTTP/1.1"

CASES: dict[bytes, tuple[bytes, bytes, bool] | str] = {
    b"": (b"", b"", False),
    b"0\r\n\r\n": (b"", b"", True),
    b"000\r\n\r\n": (b"", b"", True),
    b"2\r\nok\r\n0\r\n\r\n": (b"ok", b"", True),
    b"0A\r\n0123456789\r\n0\r\n\r\n": (b"0123456789", b"", True),
    b"0000000000000002\r\nok\r\n0\r\n\r\n": (b"ok", b"", True),
    b"2\r\n\r\n\r\n0\r\n\r\n": (b"\r\n", b"", True),
    b"2\r\nok\r\n": (b"ok", b"", False),
    b"2\r\no": (b"o", b"", False),
    # extensions, with the blanks that the grammar allows and those that old servers put behind the size
    b'2;a\r\nok\r\n0;b="c;d"\r\n\r\n': (b"ok", b"", True),
    b"2 ; a = b\r\nok\r\n0\r\n\r\n": (b"ok", b"", True),
    b"2 \t\r\nok\r\n0  \r\n\r\n": (b"ok", b"", True),
    b"2;caf\xe9\r\nok\r\n0\r\n\r\n": (b"ok", b"", True),
    # lines behind the last chunk
    b"0\r\nA: 1\r\nb:2\r\n\r\n": (b"", b"", True),
    b"0\r\nA: 1\r\n folded\r\n\r\n": (b"", b"", True),
    b"0\r\nA: 1\n\n": (b"", b"", True),
    # what belongs to a next answer
    b"2\r\nok\r\n0\r\n\r\nHTTP/1.1": (b"ok", b"HTTP/1.1", True),
    b"0\r\n\r\n\r\n": (b"", b"\r\n", True),
    # sizes that are none
    b"\r\n": SIZE,
    b" 2\r\nok\r\n": SIZE,
    b"0x2\r\nok\r\n": SIZE,
    b"+2\r\nok\r\n": SIZE,
    b"-2\r\nok\r\n": SIZE,
    b"2_0\r\nok\r\n": SIZE,
    b"g\r\n": SIZE,
    b"\xb2\r\nok\r\n": SIZE,
    b";a\r\n": SIZE,
    b"2 2\r\nok\r\n": SIZE,
    b"00000000000000002\r\nok\r\n": SIZE,
    b"2\nok\r\n0\r\n\r\n": SIZE,
    b"2\r\r\nok\r\n": SIZE,
    b"2;a\x00\r\nok\r\n": SIZE,
    b"2;a\rb\r\nok\r\n": SIZE,
    b"2;a\x7f\r\nok\r\n": SIZE,
    # chunks that do not end where they say
    b"2\r\nokay\r\n0\r\n\r\n": LONG,
    b"2\r\nok\n0\r\n\r\n": LONG,
    b"2\r\nok\rx": LONG,
    b"2\r\nok0\r\n\r\n": LONG,
    # lines behind the last chunk that are none
    b"0\r\nno colon\r\n\r\n": TRAILER,
    b"0\r\n folded: first\r\n\r\n": TRAILER,
    b"0\r\nA : 1\r\n\r\n": TRAILER,
    b"0\r\nA: \x00\r\n\r\n": TRAILER,
    b"0\r\nHTTP/1.1 200 OK\r\n\r\n": TRAILER,
}  # fmt: skip


@pytest.mark.parametrize("raw", CASES)
def test_chunks(raw: bytes) -> None:
    expected = CASES[raw]
    assert taken([raw]) == expected
    assert taken([bytes([number]) for number in raw]) == expected
    for cut in range(len(raw) + 1):
        assert taken([raw[:cut], raw[cut:]]) == expected, cut


def test_what_was_cut_into_chunks_comes_back() -> None:
    chance = random.Random(7)
    for _ in range(300):
        body = chance.randbytes(chance.randrange(2_000))
        raw, place = b"", 0
        while place < len(body):
            piece = body[place : place + chance.choice([1, 2, 17, 900])]
            raw += b"%x\r\n%s\r\n" % (len(piece), piece)
            place += len(piece)
        raw += b"0\r\n\r\n"
        cuts = sorted(chance.randrange(len(raw) + 1) for _ in range(chance.randrange(6)))
        pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
        assert taken(pieces) == (body, b"", True)


def test_text_between_chunks_is_bounded() -> None:
    limit = "limit: text between chunks larger than 100 KiB"
    assert taken([b"2;" + b"x" * 102_396 + b"\r\nok"]) == (b"ok", b"", False)
    assert taken([b"2;" + b"x" * 102_397 + b"\r\nok"]) == limit
    assert taken([b"0\r\n" + b"A: bcd\r\n" * 12_799 + b"\r\n"]) == (b"", b"", True)
    assert taken([b"0\r\n" + b"A: bcd\r\n" * 12_800 + b"\r\n"]) == limit
    # Also while a line goes on and on, in the smallest of pieces.
    assert taken([b"0\r\nA: "] + [b"x"] * 102_400) == limit
