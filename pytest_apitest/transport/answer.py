"""Makes an answer of the bytes that come off a connection: head, framing of the body, limits.

Rules kept here:
- header lines are kept as they came: order, case, repeats;
- the bounds of head and body are held while the bytes arrive;
- an end of the connection is told apart: before the answer, within it, or as the end of a body that has
  neither a length nor chunks;
- nothing from behind the end of the answer is taken; a connection that carried such bytes is `spent`, as is
  one that its server closes;
- Transfer-Encoding overrides Content-Length (RFC 9112, 6.3), and a connection that carried both is spent too;
- a message quotes foreign bytes only when they are no HTTP at all, and never the value of a header.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_apitest.exchange import Headers, Limits, TransportError
from pytest_apitest.patterns import deferred
from pytest_apitest.transport.chunks import Chunks
from pytest_apitest.transport.wording import count, quoted, size

if TYPE_CHECKING:
    from pytest_apitest.transport.content import Decoder

_TEXT = r"[^\x00\n\x0b\x0c\r]*"
_NAME = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_BLANK_LINE = deferred(rb"\n\r?\n")
_STATUS_LINE = deferred(rf"HTTP/([0-9]\.[0-9]) ([0-9]{{3}})(?: ({_TEXT}))?\r?\n")
_FIELD = deferred(rf"^({_NAME}):({_TEXT})\r?\n", re.MULTILINE)
_FRAMING = {"content-length", "transfer-encoding", "content-encoding", "connection"}
_BODYLESS = {204, 304}


class Answer:
    """The answer to one request, as far as it has arrived.

    Args:
        peer: who answers, for messages.
        limits: the bounds.
        head_only: whether the request was a HEAD, whose answer has no body.
        alive: called now and then while a body is decoded; may raise.

    """

    status = 0
    reason = ""
    headers: Headers = ()
    body_read = 0
    spent = False
    _length: int | None = None
    _chunks: Chunks | None = None
    _decoder: "Decoder | None" = None
    _interim = 0
    _searched = 0

    def __init__(self, peer: str, limits: Limits, *, head_only: bool, alive: Callable[[], object]) -> None:
        self._peer = peer
        self._limits = limits
        self._head_only = head_only
        self._alive = alive
        self._raw = bytearray()
        self._pieces: list[bytes] = []

    def wanted(self, at_most: int) -> int:
        """Return how many bytes to read next, so that a next answer stays where it is."""
        return at_most if self._length is None else max(1, min(at_most, self._length - self.body_read))

    def took(self, data: bytes) -> bool:
        """Take what was read from the connection and return whether the answer is complete.

        It raises `TransportError` of kind `garbled` or `limit`, and what `alive` raises.
        """
        if not self.status:
            data = self._take_head(data)
            if not self.status:
                return False
        carried, complete = self._take_body(data)
        if self._decoder is not None:
            self._decoder.feed(carried)
        elif carried:
            self._pieces.append(carried)
        return complete

    def body(self) -> bytes:
        """Return the body of the complete answer, its content codings undone; raises `TransportError`."""
        return b"".join(self._pieces) if self._decoder is None else self._decoder.finish()

    def ended(self, *, cleanly: bool = True) -> None:
        """Take note that the connection ended; raises `TransportError` unless that completes the answer.

        An end is not clean when it was a reset, or that of TLS without its closing alert.
        """
        if not self.status and not self._raw:
            raise TransportError("closed", f"{self._peer} closed the connection without an answer")
        arrived = count(self.body_read)
        if not self.status:
            message = f"answer cut off: the head ended after {count(len(self._raw))}"
        elif self._length is not None and self.body_read < self._length:
            message = f"answer cut off: {self.body_read:,} of {count(self._length)} of the body arrived"
        elif self._chunks is not None and not self._chunks.done:
            message = f"chunked body cut off: {arrived} of it arrived"
        elif not cleanly and self._length is None and self._chunks is None:
            message = f"answer cut off: the connection broke after {arrived} of the body"
        else:
            return
        raise TransportError("truncated", message)

    def late(self, allowed: str) -> str:
        """Return the message for an answer that is not complete in time."""
        if self.status:
            return f"answer not complete within {allowed} ({count(self.body_read)} of the body read)"
        # A flood may have been left amid an interim answer: they say so by the first digit of the code.
        if self._raw and not (self._interim and self._raw[9:10] in b"1"):
            return f"answer not complete within {allowed} ({count(len(self._raw))} of the head read)"
        if self._interim:
            return f"no answer within {allowed} (only interim answers came, the last one {self._interim})"
        return f"no answer within {allowed} (waiting for the first byte)"

    def _take_head(self, data: bytes) -> bytes:
        """Take bytes of the head; return those behind it."""
        raw: bytes | bytearray = data
        if self._raw:
            self._raw += data
            raw = self._raw
        start = 0
        while found := _BLANK_LINE.search(raw, max(start, self._searched)):
            head = raw[start : found.end()]
            self._check_head_size(head)
            self._read_head(head.decode("latin-1"))
            start = found.end()
            self._searched = 0
            if self.status:
                return bytes(raw[start:])
        if start or raw is data:
            raw = self._raw = bytearray(raw[start:])
        if raw:
            self._check_head_size(raw)
            if not b"HTTP/".startswith(raw[:5]):
                raise _not_http(bytes(raw))
        # The blank line may be split over two reads: its first byte is at most three bytes back.
        self._searched = max(0, len(raw) - 3)
        return b""

    def _check_head_size(self, raw: bytes | bytearray) -> None:
        if len(raw) > self._limits.head:
            raise TransportError("limit", f"head of the answer larger than {size(self._limits.head)}")
        # The status line and the blank line are no header lines.
        if raw.count(b"\n") > self._limits.headers + 2:
            raise TransportError("limit", f"more than {self._limits.headers:,} header lines")

    def _read_head(self, text: str) -> None:
        """Read a complete head, which may be that of an interim answer."""
        found = _STATUS_LINE.match(text)
        if found is None:
            raise _not_http(text.encode("latin-1"))
        version, status, reason = found.groups()
        fields = _FIELD.findall(text, found.end())
        if len(fields) != text.count("\n") - 2:
            # Folded lines are old but allowed, except for a first one, which belongs to no field.
            lines = text[found.end() :]
            unfolded = re.sub(r"\r?\n[ \t]+", " ", lines)
            fields = _FIELD.findall(unfolded)
            if len(fields) != unfolded.count("\n") - 1:
                raise _bad_field(lines)
        if version[0] != "1":
            raise TransportError("garbled", f"unknown HTTP version {version} in the answer")
        code = int(status)
        if code == 101:
            raise TransportError("garbled", "answered 101 Switching Protocols, which leaves HTTP")
        if code < 200:
            if code < 100:
                raise TransportError("garbled", f"bad status code {status} in the answer")
            self._interim = code
            return
        self.reason = reason or ""
        self.headers = tuple([(name, value.strip(" \t")) for name, value in fields])
        self.spent = version == "1.0"
        self._frame(code)
        self.status = code

    def _frame(self, code: int) -> None:
        """Find out where the body ends and how it is coded."""
        lengths: set[str] = set()
        transfer: list[str] = []
        content: list[str] = []
        for name, value in self.headers:
            lowered = name.lower()
            if lowered not in _FRAMING:
                continue
            if lowered == "content-length":
                lengths.update([part.strip(" \t") for part in value.split(",")])
            elif lowered == "transfer-encoding":
                transfer.append(value.lower())
            elif lowered == "content-encoding":
                content.append(value)
            elif "close" in value.lower():
                self.spent = True
        for length in lengths:
            if not (length.isascii() and length.isdecimal() and len(length) <= 20):
                raise TransportError("garbled", "bad Content-Length in the answer")
        if len(lengths) > 1:
            raise TransportError("garbled", "more than one Content-Length in the answer, and they differ")
        if transfer and transfer != ["chunked"]:
            raise TransportError("garbled", "unknown transfer coding in the answer")
        if transfer and lengths:
            self.spent = True
        if self._head_only or code in _BODYLESS:
            self._length = 0
        elif transfer:
            self._chunks = Chunks()
        elif lengths:
            self._length = int(lengths.pop())
            if self._length > self._limits.body:
                raise self._too_large()
        else:
            self.spent = True
        if content and self._length != 0:
            from pytest_apitest.transport.content import codings_of, decoder_for  # noqa: PLC0415 - loads zlib

            self._decoder = decoder_for(codings_of(content, self._limits), self._limits, self._alive)

    def _take_body(self, data: bytes) -> tuple[bytes, bool]:
        """Take bytes of the body; return what they carry, and whether it is complete."""
        rest = b""
        if self._chunks is not None:
            data, rest = self._chunks.take(data)
            complete = self._chunks.done
        elif self._length is not None:
            missing = self._length - self.body_read
            data, rest = data[:missing], data[missing:]
            complete = len(data) == missing
        else:
            complete = False
        if rest:
            self.spent = True
        self.body_read += len(data)
        if self.body_read > self._limits.body:
            raise self._too_large()
        return data, complete

    def _too_large(self) -> TransportError:
        return TransportError("limit", f"body larger than {size(self._limits.body)}")


def _not_http(raw: bytes) -> TransportError:
    hint = ", the server speaks TLS" if raw[:2] == b"\x15\x03" else ""
    return TransportError("garbled", f"not an HTTP answer{hint}: {quoted(raw)}")


def _bad_field(lines: str) -> TransportError:
    """Return the error that says which of the lines is no header line, and its name if it has one."""
    numbered = enumerate(lines.split("\n"), 1)
    number, line = next(pair for pair in numbered if not re.fullmatch(rf"{_NAME}:{_TEXT}\r?", pair[1]))
    found = re.match(f"({_NAME}):", line)
    name = f" ({found[1][:40]})" if found else ""
    return TransportError("garbled", f"bad header line {number}{name} in the answer")
