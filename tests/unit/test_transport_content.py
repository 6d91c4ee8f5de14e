"""Content decoding on generated data: every split of every coding, the bounds, and damage of every kind."""

import gzip
import itertools
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest

from pytest_apitest.exchange import Limits, TransportError
from pytest_apitest.transport.content import STEP, Decoder, codings_of, decoder_for

WIDE = Limits(body=1 << 30, ratio=1 << 30, codings=9)


def raw_deflate(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", lambda data: gzip.compress(data, 1)),
    "gzip, stored": ("gzip", lambda data: gzip.compress(data, 0)),
    "members": ("gzip", lambda data: b"".join(gzip.compress(data[i : i + 7_000]) for i in range(0, len(data) + 1, 7_000))),
    "zlib": ("deflate", zlib.compress),
    "zlib, stored": ("deflate", lambda data: zlib.compress(data, 0)),
    "raw deflate": ("deflate", raw_deflate),
}  # fmt: skip


def bodies() -> Iterator[bytes]:
    chance = random.Random(11)
    yield b""
    yield b"x"
    yield b"hello world" * 3
    yield bytes(STEP)
    yield bytes(STEP + 1)
    yield bytes(STEP * 3)
    yield chance.randbytes(STEP + 17)
    yield bytes(chance.choices(b"abc", k=200_000))


def decoded(codings: tuple[str, ...], pieces: list[bytes], limits: Limits = WIDE) -> bytes:
    decoder = decoder_for(codings, limits, lambda: None)
    assert decoder is not None
    for piece in pieces:
        decoder.feed(piece)
    return decoder.finish()


@pytest.mark.parametrize("name", ENCODERS)
def test_what_was_encoded_comes_back_however_it_arrives(name: str) -> None:
    coding, encode = ENCODERS[name]
    for body in bodies():
        data = encode(body)
        assert decoded((coding,), [data]) == body
        assert decoded((coding,), [data[i : i + 1_000] for i in range(0, len(data), 1_000)]) == body
        if len(data) < 200:
            assert decoded((coding,), [bytes([number]) for number in data]) == body
            for cut in range(len(data) + 1):
                assert decoded((coding,), [data[:cut], data[cut:]]) == body


@pytest.mark.parametrize(("first", "second"), list(itertools.product(ENCODERS, repeat=2)))
def test_two_layers_come_off_in_reverse_order(first: str, second: str) -> None:
    (inner, encode), (outer, encode_again) = ENCODERS[first], ENCODERS[second]
    for body in (b"", b"hello world", bytes(STEP * 2 + 1), random.Random(5).randbytes(20_000)):
        data = encode_again(encode(body))
        assert decoded((inner, outer), [data]) == body
        assert decoded((inner, outer), [data[i : i + 777] for i in range(0, len(data), 777)]) == body


@pytest.mark.parametrize("name", ENCODERS)
def test_data_that_ends_early_is_called_so(name: str) -> None:
    coding, encode = ENCODERS[name]
    shown = coding.removeprefix("x-")
    data = encode(b"some text that is not short " * 3)
    ends = {len(data)}
    if name == "members":
        ends.add(len(data) - len(gzip.compress(b"")))
    for cut in range(1, len(data)):
        if cut in ends:
            continue
        with pytest.raises(TransportError) as caught:
            decoded((coding,), [data[:cut]])
        assert (caught.value.kind, caught.value.message) == ("garbled", f"{shown} body ends early"), cut


@pytest.mark.parametrize("name", ENCODERS)
def test_bytes_behind_the_end_are_an_error(name: str) -> None:
    coding, encode = ENCODERS[name]
    shown = coding.removeprefix("x-")
    data = encode(b"text")
    for pieces in ([data + b"more"], [data, b"more"], [data + b"\x00"]):
        with pytest.raises(TransportError) as caught:
            decoded((coding,), pieces)
        assert (caught.value.kind, caught.value.message) == (
            "garbled",
            f"{shown} body goes on behind its end",
        )


def test_damaged_data_never_decodes_to_something_else() -> None:
    # A few bits mean nothing, so that the same body comes back; hardly any of them.
    chance = random.Random(3)
    body = bytes(chance.choices(b"abcdef", k=500))
    for coding, encode in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        data = bytearray(encode(body))
        # Not the time stamp, flags and system of a gzip head, which no checksum covers.
        start = 10 if coding == "gzip" else 2
        found = 0
        messages = set()
        for _ in range(300):
            place = chance.randrange(start, len(data))
            damaged = bytearray(data)
            damaged[place] ^= 1 << chance.randrange(8)
            try:
                result = decoded((coding,), [bytes(damaged)])
            except TransportError as error:
                messages.add((error.kind, error.message))
                found += 1
            else:
                assert result == body
        assert found > 280
        endings = ("is damaged", "ends early", "goes on behind its end")
        assert messages <= {("garbled", f"{coding} body {ending}") for ending in endings}


def test_any_bytes_end_in_a_transport_error_or_a_body() -> None:
    chance = random.Random(17)
    outcomes = set()
    for _ in range(2_000):
        data = chance.choice([b"", b"\x1f\x8b\x08\x00", b"\x78\x9c", b"\x00"]) + chance.randbytes(
            chance.randrange(40)
        )
        for codings in (("gzip",), ("deflate",), ("deflate", "gzip"), ("gzip", "deflate")):
            try:
                decoded(codings, [data], Limits())
                outcomes.add("body")
            except TransportError as error:
                outcomes.add(error.kind)
    assert outcomes == {"body", "garbled"}


def test_no_bytes_at_all_are_an_empty_body() -> None:
    for codings in (("gzip",), ("deflate",), ("gzip", "deflate")):
        assert decoded(codings, []) == b""
        assert decoded(codings, [b""]) == b""


def test_the_decoded_size_is_bounded() -> None:
    limits = Limits(body=100_000, ratio=1 << 30)
    for coding, encode in ENCODERS.values():
        assert len(decoded((coding,), [encode(bytes(100_000))], limits)) == 100_000
        with pytest.raises(TransportError) as caught:
            decoded((coding,), [encode(bytes(100_001))], limits)
        assert (caught.value.kind, caught.value.message) == (
            "limit",
            "decoded body larger than 100,000 bytes",
        )


def test_the_ratio_counts_from_one_mebibyte_on() -> None:
    mebibyte = 1 << 20
    limits = Limits(body=1 << 30, ratio=200)
    assert len(decoded(("gzip",), [gzip.compress(bytes(mebibyte - 1))], limits)) == mebibyte - 1
    with pytest.raises(TransportError) as caught:
        decoded(("gzip",), [gzip.compress(bytes(mebibyte))], limits)
    assert (caught.value.kind, caught.value.message) == (
        "limit",
        "decompresses to more than 200 times its size",
    )
    # What compresses well but not that well is no bomb.
    text = b"".join(b'{"id": %d}, ' % number for number in range(300_000))
    assert decoded(("gzip",), [gzip.compress(text)], limits) == text


def test_a_layer_in_the_middle_is_bounded_too() -> None:
    # A thousand megabytes of empty gzip members, which themselves decode to nothing.
    empty = gzip.compress(b"")
    squeeze = zlib.compressobj()
    data = squeeze.compress(empty * 400_000) + squeeze.flush()
    with pytest.raises(TransportError) as caught:
        decoded(("gzip", "deflate"), [data], Limits())
    assert caught.value.message == "decompresses to more than 200 times its size"


def test_a_bomb_is_given_up_after_one_step_too_much() -> None:
    bomb = gzip.compress(bytes(256 << 20), 1)
    tracemalloc.start()
    try:
        with pytest.raises(TransportError):
            decoded(("gzip",), [bomb], Limits(body=2 << 20, ratio=1 << 30))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 << 20


def test_every_step_asks_whether_to_go_on() -> None:
    class StopError(Exception):
        pass

    asked = 0

    def alive() -> None:
        nonlocal asked
        asked += 1
        if asked > 50:
            raise StopError

    decoder = Decoder(("gzip",), WIDE, alive)
    with pytest.raises(StopError):
        decoder.feed(gzip.compress(b"") * 1_000)
    asked = 0
    decoder = Decoder(("gzip",), WIDE, alive)
    with pytest.raises(StopError):
        decoder.feed(gzip.compress(bytes(STEP * 100)))


def test_codings_are_read_from_all_lines() -> None:
    limits = Limits(codings=4)
    assert codings_of([], limits) == ()
    assert codings_of(["gzip"], limits) == ("gzip",)
    assert codings_of(["GZip , Deflate", "identity", " br,,\t x-GZIP ,"], limits) == (
        "gzip",
        "deflate",
        "br",
        "x-gzip",
    )
    assert codings_of(["", " , ,", "Identity"], limits) == ()
    with pytest.raises(TransportError) as caught:
        codings_of(["gzip, gzip", "gzip, identity, gzip, br"], limits)
    assert (caught.value.kind, caught.value.message) == ("limit", "5 content codings, at most 4")


@pytest.mark.parametrize(
    "codings", [(), ("br",), ("gzip", "br"), ("br", "gzip"), ("gzip;q=1",), ("compress",)]
)
def test_other_codings_are_left_alone(codings: tuple[str, ...]) -> None:
    assert decoder_for(codings, WIDE, lambda: None) is None
