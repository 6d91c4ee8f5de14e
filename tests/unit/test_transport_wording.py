"""How seconds, sizes, foreign bytes and reasons are spelt."""

import errno
import socket

from pytest_apitest.transport.wording import count, phrase, quoted, reason, seconds, size


def test_spans_of_time() -> None:
    spelt = {0: "0 ms", -1: "0 ms", 0.05: "50 ms", 0.1: "0.1 s", 0.39996: "0.4 s", 1: "1 s", 1.5: "1.5 s", 9.96: "10 s",
             29.9999: "30 s", 1800: "1,800 s"}  # fmt: skip
    assert {value: seconds(value) for value in spelt} == spelt


def test_numbers_of_bytes() -> None:
    assert [size(number) for number in (0, 1, 1023, 1024, 1025, 102_400, 10 << 20, 3 << 30)] == [
        "0 bytes",
        "1 byte",
        "1,023 bytes",
        "1 KiB",
        "1,025 bytes",
        "100 KiB",
        "10 MiB",
        "3,072 MiB",
    ]
    assert count(1024) == "1,024 bytes"


def test_foreign_bytes_are_quoted_safely() -> None:
    assert quoted(b"plain") == '"plain"'
    assert quoted(b'a"b\\c\r\n\t') == '"a\\"b\\\\c\\r\\n\\t"'
    assert quoted(b"\x00\x1b\x7f\x80\xff") == '"\\x00\\x1b\\x7f\\x80\\xff"'
    assert quoted(b"x" * 40) == '"' + "x" * 40 + '"'
    assert quoted(b"x" * 41) == '"' + "x" * 40 + '"...'
    assert quoted(b"x" * 38 + b"\x00") == '"' + "x" * 38 + '"...'


def test_a_foreign_phrase_is_escaped_without_quotes() -> None:
    assert phrase(b"Proxy Authentication Required") == "Proxy Authentication Required"
    assert phrase(b"\x1b[31m" + b"x" * 50) == "\\x1b[31m" + "x" * 32 + "..."


def test_reasons() -> None:
    assert (
        reason(ConnectionRefusedError(errno.ECONNREFUSED, "Whatever the system says")) == "connection refused"
    )
    assert reason(OSError(10061, "No connection could be made")) == "connection refused"
    assert reason(OSError(errno.EPERM, "Operation not permitted")) == "operation not permitted"
    assert reason(OSError("no number")) == "unknown reason"
    # Its numbers are no error numbers: 2 is not a missing file here.
    assert reason(socket.gaierror(2, "Name not known")) == "name not known"
