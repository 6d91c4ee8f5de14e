"""How the messages of the transport spell seconds, sizes, foreign bytes and the system's reasons.

Rules kept here:
- bytes of a stranger appear escaped, printable and at most forty characters long;
- the reason of a failed system call reads the same on every platform.
"""

import errno
import os
import socket

_QUOTED = 40
# Windows keeps its own numbers for sockets, which come second.
_NUMBERS = {
    "connection refused": (errno.ECONNREFUSED, 10061),
    "connection reset": (errno.ECONNRESET, 10054),
    "connection aborted": (errno.ECONNABORTED, 10053),
    "connection closed": (errno.EPIPE,),
    "no route to host": (errno.EHOSTUNREACH, 10065),
    "network unreachable": (errno.ENETUNREACH, 10051),
    "connection timed out": (errno.ETIMEDOUT, 10060),
    "address not available": (errno.EADDRNOTAVAIL, 10049),
    "too many open files": (errno.EMFILE,),
    "no such file": (errno.ENOENT,),
}
_REASONS = {number: text for text, numbers in _NUMBERS.items() for number in numbers}


def seconds(value: float) -> str:
    """Return a span of time as people write it: `30 s`, `2.5 s`, `40 ms`."""
    if value < 0.095:
        return f"{max(value, 0) * 1000:.0f} ms"
    if value < 9.95:
        return f"{value:.1f}".removesuffix(".0") + " s"
    return f"{value:,.0f} s"


def count(number: int) -> str:
    """Return a number of bytes to the last one: `1,234 bytes`."""
    return f"{number:,} byte" if number == 1 else f"{number:,} bytes"


def size(number: int) -> str:
    """Return a bound in bytes: `10 MiB` or `100 KiB` when it is a whole number of them, else the bytes."""
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= unit and number % unit == 0:
            return f"{number // unit:,} {name}"
    return count(number)


def quoted(raw: bytes) -> str:
    """Return foreign bytes in double quotes, escaped, cut at forty characters."""
    text, rest = _escaped(raw)
    return f'"{text}"' + rest


def phrase(raw: bytes) -> str:
    """Return foreign bytes that are one phrase of a sentence, escaped, cut at forty characters."""
    return "".join(_escaped(raw))


def _escaped(raw: bytes) -> tuple[str, str]:
    text = ""
    for number in raw[: _QUOTED + 1]:
        if number in b'"\\':
            piece = "\\" + chr(number)
        elif 0x20 <= number < 0x7F:
            piece = chr(number)
        else:
            piece = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}.get(number, f"\\x{number:02x}")
        if len(text) + len(piece) > _QUOTED:
            return text, "..."
        text += piece
    return text, ""


def reason(error: OSError) -> str:
    """Return why a system call failed, in lower case and without its number."""
    number = error.errno
    # The numbers of name resolution are of another kind and may be equal to those of system calls.
    if number in _REASONS and not isinstance(error, socket.gaierror):
        return _REASONS[number]
    text = error.strerror or (os.strerror(number) if number and number > 0 else "") or "unknown reason"
    return text[:1].lower() + text[1:]
