"""Follows the bytes of one answer as they come off the socket, before the HTTP engine sees them.

The engine (httpcore with h11) drives the connection and takes chunks apart, but it changes header lines,
writes them to its debug log, counts nothing, and keeps bytes behind the end of an answer for the next one. So
this reader stands before it, and gives it a stand-in for the head: the status and what frames the body.

Rules kept here:
- header lines are kept as they came: order, case, repeats;
- the bounds of head and body are held while the bytes arrive;
- an end of the connection is told apart: before the answer, within it, or as the end of a body that has
  neither a length nor chunks;
- the engine never gets a byte from behind the end of the answer; such a connection is `spent`;
- Transfer-Encoding overrides Content-Length (RFC 9112, 6.3), and a connection that carried both is spent too;
- a message quotes foreign bytes only when they are no HTTP at all, and never the value of a header.
"""

import re

from pytest_apitest.exchange import Headers, Limits, TransportError
from pytest_apitest.transport.wording import count, quoted, size

_ENGINE_LINES = 100 * 1024  # the longest chunk line or trailer that h11 takes, as httpcore sets it up
_BLANK_LINE = re.compile(rb"\n\r?\n")
_TEXT = r"[^\x00\n\x0b\x0c\r]*"
_NAME = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_STATUS_LINE = rf"HTTP/([0-9]\.[0-9]) ([0-9]{{3}})(?: ({_TEXT}))?\r?\n"
_HEAD = re.compile(rf"{_STATUS_LINE}((?:{_NAME}:{_TEXT}\r?\n)*)\r?\n")
_LINE = re.compile(rf"({_NAME})(:{_TEXT}\r?)?")
_FOLD = re.compile(r"\r?\n[ \t]+")
_LENGTH = re.compile(r"[0-9]{1,20}")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r\n]*)?[ \t]*")
_BODYLESS = {204, 304}


class Answer:
    """The answer to one request, as far as it has arrived.

    Args:
        peer: who answers, for messages.
        limits: the bounds.
        head_only: whether the request was a HEAD, whose answer has no body.

    """

    __slots__ = (
        "_chunks",
        "_head_only",
        "_interim",
        "_limits",
        "_peer",
        "_raw",
        "_searched",
        "body_read",
        "encodings",
        "headers",
        "length",
        "reason",
        "spent",
        "status",
    )

    def __init__(self, peer: str, limits: Limits, *, head_only: bool) -> None:
        self._peer = peer
        self._limits = limits
        self._head_only = head_only
        self._raw = bytearray()
        self._searched = 0
        self._interim = 0
        self._chunks: _Chunks | None = None
        self.status = 0
        self.reason = ""
        self.headers: Headers = ()
        self.length: int | None = None
        self.body_read = 0
        self.encodings: list[str] = []
        self.spent = False

    def wanted(self, at_most: int) -> int:
        """Return how many bytes to read next, so that a next answer stays where it is."""
        if self.status:
            return at_most if self.length is None else min(at_most, max(self.length - self.body_read, 1))
        # A small bite while the head is awaited: the deadline is looked at between bites.
        return min(at_most, 16 * 1024)

    def took(self, data: bytes) -> bytes:
        """Take what was read from the socket and return what the engine gets of it, perhaps nothing yet.

        Raises:
            TransportError: of kind `garbled` or `limit`.

        """
        if not self.status:
            return self._take_head(data)
        taken = self._take_body(data, 0)
        if taken == len(data):
            return data
        self.spent = True
        return data[:taken]

    def ended(self, *, cleanly: bool = True) -> None:
        """Take note that the connection ended; return only when the answer is complete with that.

        Args:
            cleanly: False for a reset, and for TLS that ended without its closing alert.

        Raises:
            TransportError: of kind `closed` or `truncated`.

        """
        if not self.status:
            if not self._raw:
                raise TransportError("closed", f"{self._peer} closed the connection without an answer")
            raise TransportError("truncated", f"answer cut off: the head ended after {count(len(self._raw))}")
        read = f"{self.body_read:,}"
        if self.length is not None and self.body_read < self.length:
            raise TransportError(
                "truncated", f"answer cut off: {read} of {count(self.length)} of the body arrived"
            )
        if self._chunks is not None and not self._chunks.done:
            raise TransportError("truncated", f"chunked body cut off: {count(self.body_read)} of it arrived")
        if not cleanly and self.length is None and self._chunks is None:
            message = f"answer cut off: the connection broke after {count(self.body_read)} of the body"
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
        raw: bytes | bytearray = data
        if self._raw:
            self._raw += data
            raw = self._raw
        start = 0
        while found := _BLANK_LINE.search(raw, max(start, self._searched)):
            head = raw[start : found.end()]
            self._check_head_size(head)
            stand_in = self._read_head(head.decode("latin-1"))
            start = found.end()
            self._searched = 0
            if stand_in is not None:
                self._raw = bytearray()
                end = start + self._take_body(bytes(raw), start)
                if end < len(raw):
                    self.spent = True
                return stand_in + raw[start:end]
        rest = raw[start:]
        if rest:
            self._check_head_size(rest)
            if not b"HTTP/".startswith(rest[:5]):
                raise self._not_http(rest)
        self._raw = bytearray(rest)
        # The blank line may be split over two reads: its first byte is at most three bytes back.
        self._searched = max(0, len(rest) - 3)
        return b""

    def _check_head_size(self, raw: bytes | bytearray) -> None:
        if len(raw) > self._limits.head:
            raise TransportError("limit", f"head of the answer larger than {size(self._limits.head)}")
        # The status line and the blank line are no header lines.
        if raw.count(b"\n") > self._limits.headers + 2:
            raise TransportError("limit", f"more than {self._limits.headers:,} header lines")

    def _read_head(self, text: str) -> bytes | None:
        """Read a complete head; return the one to give to the engine, or None for an interim answer."""
        found = _HEAD.fullmatch(text)
        if found is None:
            # Folded lines are old but allowed, except for a first one, which would end up in the status.
            status_line, _, lines = text.partition("\n")
            found = _HEAD.fullmatch(status_line + "\n" + _FOLD.sub(" ", lines))
        if found is None:
            raise self._bad_head(text)
        version, status, reason, lines = found.groups()
        if version[0] != "1":
            raise TransportError("garbled", f"unknown HTTP version {version} in the answer")
        code = int(status)
        if code == 101:
            raise TransportError("garbled", "answered 101 Switching Protocols, which leaves HTTP")
        if code < 200:
            if code < 100:
                raise TransportError("garbled", f"bad status code {status} in the answer")
            self._interim = code
            return None
        self.reason = reason or ""
        headers = []
        for line in lines.split("\n")[:-1]:
            name, _, value = line.partition(":")
            headers.append((name, value.strip(" \t\r")))
        self.headers = tuple(headers)
        framing = self._frame(code)
        self.status = code
        return f"HTTP/{version} {status} \r\n{framing}\r\n".encode("ascii")

    def _frame(self, code: int) -> str:
        """Find out where the body ends; return the header lines that tell the engine."""
        closing = ""
        lengths: set[str] = set()
        codings = []
        for name, value in self.headers:
            lowered = name.lower()
            if lowered == "content-length":
                lengths.update(part.strip(" \t") for part in value.split(","))
            elif lowered == "transfer-encoding":
                codings.append(value.lower())
            elif lowered == "content-encoding":
                self.encodings.append(value)
            elif lowered == "connection" and "close" in value.lower():
                closing = "Connection: close\r\n"
        if not all(map(_LENGTH.fullmatch, lengths)):
            raise TransportError("garbled", "bad Content-Length in the answer")
        if len(lengths) > 1:
            raise TransportError("garbled", "more than one Content-Length in the answer, and they differ")
        if codings and codings != ["chunked"]:
            raise TransportError("garbled", "unknown transfer coding in the answer")
        if codings and lengths:
            self.spent = True
        if self._head_only or code in _BODYLESS:
            self.length = 0
        elif codings:
            self._chunks = _Chunks()
            return closing + "Transfer-Encoding: chunked\r\n"
        elif lengths:
            self.length = int(lengths.pop())
            if self.length > self._limits.body:
                raise self._too_large()
            return f"{closing}Content-Length: {self.length}\r\n"
        return closing

    def _take_body(self, data: bytes, start: int) -> int:
        """Take bytes of the body; return how many of them belong to it."""
        taken = len(data) - start
        if self.length is not None:
            taken = min(taken, self.length - self.body_read)
            self.body_read += taken
        elif self._chunks is not None:
            end = self._chunks.walk(data, start)
            self.body_read = self._chunks.size
            if end is not None:
                taken = end - start
        else:
            self.body_read += taken
        if self.body_read > self._limits.body:
            raise self._too_large()
        return taken

    def _too_large(self) -> TransportError:
        return TransportError("limit", f"body larger than {size(self._limits.body)}")

    def _bad_head(self, text: str) -> TransportError:
        first, *lines = text.split("\n")
        if not re.fullmatch(_STATUS_LINE, first + "\n"):
            return self._not_http(text.encode("latin-1"))
        for number, line in enumerate(lines, 1):
            found = _LINE.match(line)
            if found is None or found.end() != len(line) or found[2] is None:
                name = f" ({found[1][:40]})" if found and line[found.end(1) : found.end(1) + 1] == ":" else ""
                return TransportError("garbled", f"bad header line {number}{name} in the answer")
        return TransportError("garbled", "bad header lines in the answer")

    def _not_http(self, raw: bytes | bytearray) -> TransportError:
        hint = ", the server speaks TLS" if raw[:2] == b"\x15\x03" else ""
        return TransportError("garbled", f"not an HTTP answer{hint}: {quoted(bytes(raw))}")


class _Chunks:
    """Walks along a chunked body to find its end; what it carries is left to the engine."""

    __slots__ = ("_line", "_skip", "_trailed", "_trailer", "done", "size")

    def __init__(self) -> None:
        self._line = b""
        self._skip = 0
        self._trailer = False
        self._trailed = 0
        self.done = False
        self.size = 0

    def walk(self, data: bytes, start: int) -> int | None:
        """Take the next bytes; return the place behind the end of the body, or None when it goes on."""
        place = start
        if self.done:
            return place
        while place < len(data):
            if self._skip > 2:
                step = min(self._skip - 2, len(data) - place)
                self.size += step
                self._skip -= step
                place += step
            elif self._skip:
                if data[place] != b"\n\r"[self._skip - 1]:
                    raise TransportError("garbled", "bad chunk in the body: data longer than its size")
                self._skip -= 1
                place += 1
            else:
                found = data.find(b"\n", place)
                end = len(data) if found < 0 else found + 1
                self._line += data[place:end]
                place = end
                if len(self._line) + self._trailed > _ENGINE_LINES:
                    raise TransportError("limit", f"text between chunks larger than {size(_ENGINE_LINES)}")
                if found >= 0:
                    self._take_line()
                    if self.done:
                        return place
        return None

    def _take_line(self) -> None:
        """Read one complete line."""
        line, self._line = self._line, b""
        if self._trailer:
            self._trailed += len(line)
            self.done = line in (b"\r\n", b"\n")
            return
        found = _CHUNK_LINE.fullmatch(line[:-2]) if line.endswith(b"\r\n") else None
        if found is None:
            raise TransportError("garbled", "bad chunk size in the body")
        length = int(found[1], 16)
        if length:
            self._skip = length + 2
        else:
            self._trailer = True
