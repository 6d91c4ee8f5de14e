"""The bounds of an answer hold while it arrives."""

import gzip
import tracemalloc

from pytest_apitest.exchange import Limits
from pytest_apitest.transport import Network
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
)


def test_limits_are_those_of_the_request(network: Network) -> None:
    cases: list[tuple[Limits, bytes, str]] = [
        (Limits(body=1_000), answer(b"x" * 1_001), "body larger than 1,000 bytes"),
        (Limits(body=1_000), answer(b"x" * 1_001, length=False), "body larger than 1,000 bytes"),
        (Limits(body=1_000), answer(b"", CHUNKED, length=False) + chunked(b"x" * 1_001), "body larger than 1,000 bytes"),
        (Limits(body=2_048), answer(gzip.compress(b"x" * 2_049), "Content-Encoding: gzip"), "decoded body larger than 2 KiB"),
        (Limits(headers=3), answer(b"", "A: 1", "B: 2", "C: 3"), "more than 3 header lines"),
        (Limits(head=64), answer(b"", "A: " + "x" * 64), "head of the answer larger than 64 bytes"),
        (Limits(codings=0), answer(b"", "Content-Encoding: gzip", length=False), "1 content codings, at most 0"),
        (Limits(ratio=3), answer(gzip.compress(b"x" * (1 << 20)), "Content-Encoding: gzip"), "decompresses to more than 3 times its size"),
    ]  # fmt: skip
    for limits, raw, message in cases:
        with serve(answering(raw)) as address:
            error = failure(network, request_to(address, limits=limits))
            assert (error.kind, error.message) == ("limit", message)
    # At the bound everything is well.
    good: list[tuple[Limits, bytes, int]] = [
        (Limits(body=1_000), answer(b"x" * 1_000), 1_000),
        (Limits(body=2_048), answer(gzip.compress(b"x" * 2_048), "Content-Encoding: gzip"), 2_048),
        (Limits(headers=3), answer(b"x", "A: 1", "B: 2"), 1),
        (Limits(head=56), answer(b"x", "A: 1234567890123"), 1),
        (Limits(ratio=3), answer(gzip.compress(b"x" * ((1 << 20) - 1)), "Content-Encoding: gzip"), (1 << 20) - 1),
    ]  # fmt: skip
    for limits, raw, length in good:
        with serve(answering(raw)) as address:
            assert len(network.send(request_to(address, limits=limits)).body) == length
    assert good[3][1].index(b"\r\n\r\n") + 4 == 56


def test_a_head_limit_counts_before_the_head_is_complete(network: Network) -> None:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20)
        peer.wait_for_end()

    with serve(behave) as address:
        error = failure(network, request_to(address, limits=Limits(headers=10)))
        assert error.message == "more than 10 header lines"
        error = failure(network, request_to(address, limits=Limits(head=100)))
        assert error.message == "head of the answer larger than 100 bytes"


def test_a_gzip_bomb_does_not_fill_the_memory(network: Network) -> None:
    bomb = answer(gzip.compress(bytes(64 << 20)), "Content-Encoding: gzip")
    with serve(answering_always(bomb)) as address:
        failure(network, request_to(address))
        tracemalloc.start()
        try:
            failure(network, request_to(address))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4 << 20
