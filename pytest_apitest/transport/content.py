"""Undoes the content codings of a body while it arrives, and gives up as soon as it outgrows the limits.

Rules kept here:
- gzip (also of several members), x-gzip, deflate (in a zlib wrapper or raw) and identity are undone, the
  last named coding first; with any other coding among them the body stays as it was received;
- every layer is bounded on its own, in bytes and in the ratio to what the wire carried, and is decoded in
  steps, so a body that grows a thousandfold is given up after one step too much;
- damaged data, data that ends early and data behind the end are errors; a body of no bytes is not looked
  into;
- `alive` is called at each step and may raise: work on a body ends with the deadline too.
"""

import zlib
from collections.abc import Callable, Iterable

from pytest_apitest.exchange import Limits, TransportError
from pytest_apitest.patterns import deferred
from pytest_apitest.transport.wording import size

STEP = 64 * 1024
RATIO_FROM = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS
_KNOWN = {"gzip", "x-gzip", "deflate"}
_SEPARATORS = deferred(r"[ \t]*,[ \t,]*")


def codings_of(values: Iterable[str], limits: Limits) -> tuple[str, ...]:
    """Return the codings named by Content-Encoding lines in lower case, `identity` left out.

    More of them than the limits allow are a `TransportError`.
    """
    named = [name for value in values for name in _SEPARATORS.split(value.strip(" \t,").lower())]
    codings = tuple(name for name in named if name and name != "identity")
    if len(codings) > limits.codings:
        raise TransportError("limit", f"{len(codings)} content codings, at most {limits.codings}")
    return codings


def decoder_for(codings: tuple[str, ...], limits: Limits, alive: Callable[[], object]) -> "Decoder | None":
    """Return the decoder of a body, or None when it is to be left as received."""
    if not codings or not _KNOWN.issuperset(codings):
        return None
    return Decoder(codings, limits, alive)


class Decoder:
    """Decodes the body of one answer piece by piece: `feed` each piece, then take the whole from `finish`."""

    def __init__(self, codings: tuple[str, ...], limits: Limits, alive: Callable[[], object]) -> None:
        self._layers = [_Layer("deflate" if name == "deflate" else "gzip") for name in reversed(codings)]
        self._limits = limits
        self._alive = alive
        self._received = 0
        self._decoded: list[bytes] = []

    def feed(self, piece: bytes) -> None:
        """Take the next bytes from the wire."""
        self._received += len(piece)
        self._push(piece, 0)

    def finish(self) -> bytes:
        """Return the decoded body once the last piece was fed."""
        if self._received:
            for layer in self._layers:
                layer.check_end()
        return b"".join(self._decoded)

    def _push(self, piece: bytes, depth: int) -> None:
        if depth == len(self._layers):
            self._decoded.append(piece)
            return
        layer = self._layers[depth]
        layer.pending += piece
        while True:
            self._alive()
            step = layer.step()
            if step is None:
                return
            if step:
                self._bound(layer.made)
                self._push(step, depth + 1)

    def _bound(self, made: int) -> None:
        if made > self._limits.body:
            raise TransportError("limit", f"decoded body larger than {size(self._limits.body)}")
        # What was received but not looked into does not count, so that the verdict is the same however it came.
        if made >= RATIO_FROM and made > self._limits.ratio * (self._received - len(self._layers[0].pending)):
            raise TransportError("limit", f"decompresses to more than {self._limits.ratio:,} times its size")


class _Layer:
    """One coding being undone; `made` counts what came out of it."""

    __slots__ = ("_begun", "_coding", "_full", "_inflate", "made", "pending")

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._inflate = zlib.decompressobj(_GZIP) if coding == "gzip" else None
        self._begun = False
        self._full = False
        self.made = 0
        self.pending = b""

    def step(self) -> bytes | None:
        """Return the next decoded bytes, at most one step of them, or None when more has to arrive first."""
        if self._inflate is None:
            if len(self.pending) < 2:
                return None
            self._inflate = zlib.decompressobj(_deflate_bits(self.pending))
        if self._inflate.eof:
            self._next_member()
            return None if not self.pending else b""
        if not self.pending and not self._full:
            return None
        self._begun = True
        try:
            piece = self._inflate.decompress(self.pending, STEP)
        except zlib.error:
            raise TransportError("garbled", f"{self._coding} body is damaged") from None
        self.pending = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        self.made += len(piece)
        # zlib may have taken every byte of input and still hold output back, when a step was filled.
        self._full = len(piece) == STEP
        return piece

    def check_end(self) -> None:
        """Raise unless the data ended where its coding says that it ends."""
        if not (self._inflate and self._inflate.eof) and (self._begun or self.pending):
            raise TransportError("garbled", f"{self._coding} body ends early")

    def _next_member(self) -> None:
        if not self.pending:
            return
        if self._coding == "deflate" or not self.pending.startswith(b"\x1f"):
            raise TransportError("garbled", f"{self._coding} body goes on behind its end")
        self._inflate = zlib.decompressobj(_GZIP)


def _deflate_bits(start: bytes) -> int:
    # RFC 1950: the low four bits are 8 and the first two bytes are a multiple of 31. A raw stream would
    # begin so only with a stored block whose padding is not zero, which no encoder writes.
    wrapped = start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
