"""Takes the body out of chunks (RFC 9112, section 7.1).

Rules kept here:
- each size line ends in CRLF and each chunk too; anything else could hide another answer in the body;
- extensions and the lines behind the last chunk are read, bounded and dropped.
"""

import re

from pytest_apitest.exchange import TransportError
from pytest_apitest.transport.wording import size

_TEXT_LIMIT = 100 * 1024  # of one size line, and of all lines behind the last chunk
_HEX = b"0123456789ABCDEFabcdef"
_VISIBLE = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
_TRAILER = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+:[^\x00\n\x0b\x0c\r]*\r?\n"
_FOLDED = rb"[ \t][^\x00\n\x0b\x0c\r]*\r?\n"


class Chunks:
    """A chunked body, as far as it has arrived."""

    __slots__ = ("_left", "_line", "_trailed", "_trailer", "done")

    def __init__(self) -> None:
        self._left = 0  # of the chunk begun, with the two bytes behind it
        self._line = bytearray()
        self._trailer = False
        self._trailed = 0
        self.done = False

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Take the next bytes; return what they carry, and what lies behind the body."""
        carried = []
        place = 0
        while place < len(data) and not self.done:
            if self._left > 2:
                piece = data[place : place + self._left - 2]
                carried.append(piece)
                self._left -= len(piece)
                place += len(piece)
            elif self._left:
                if data[place] != b"\n\r"[self._left - 1]:
                    raise TransportError("garbled", "bad chunk in the body: data longer than its size")
                self._left -= 1
                place += 1
            else:
                end = data.find(b"\n", place) + 1 or len(data)
                self._line += data[place:end]
                place = end
                if len(self._line) + self._trailed > _TEXT_LIMIT:
                    raise TransportError("limit", f"text between chunks larger than {size(_TEXT_LIMIT)}")
                if data[place - 1] == 0x0A:
                    self._take_line(bytes(self._line))
                    self._line.clear()
        return b"".join(carried), data[place:]

    def _take_line(self, line: bytes) -> None:
        """Read one complete line."""
        if not self._trailer:
            digits, _, extension = line[:-2].partition(b";")
            digits = digits.rstrip(b" \t")
            if not line.endswith(b"\r\n") or not 0 < len(digits) <= 16 or digits.strip(_HEX):
                raise TransportError("garbled", "bad chunk size in the body")
            if extension.translate(None, _VISIBLE):
                raise TransportError("garbled", "bad chunk size in the body")
            length = int(digits, 16)
            self._left = length + 2 if length else 0
            self._trailer = not length
        elif line in (b"\r\n", b"\n"):
            self.done = True
        elif re.fullmatch(_TRAILER, line) or (self._trailed and re.fullmatch(_FOLDED, line)):
            self._trailed += len(line)
        else:
            raise TransportError("garbled", "answer breaks the rules of HTTP/1.1")
