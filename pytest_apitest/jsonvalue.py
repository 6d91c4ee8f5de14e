"""JSON values: exact numbers, strict reading, writing, equality, and how a value is shown to people.

Rules kept here:
- integers are `int` of any size; every other number is a `Number`, an exact decimal that remembers its
  digits, so that `1.10` stays `1.10` in a text and `0.1` equals `0.1` (language, section 7, operators);
- reading refuses what RFC 8259 refuses, and what makes two readers disagree: NaN and Infinity, repeated
  member names, bytes that are not UTF-8, a byte order mark, nesting over 256, numbers over 1,000 digits;
- equality is typed: `true` is not `1`, `"1"` is not `1`, while `1.0` equals `1`.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from pytest_apitest.patterns import deferred

MAX_DEPTH = 256
MAX_DIGITS = 1_000
_MAX_EXPONENT = 5_000

# A text, also one that is not closed, or a bracket; nothing is looked at twice, so no body is slow.
_BRACKETS = deferred(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_TEXT = deferred(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
JSON_NUMBER = deferred(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class NotJSONError(ValueError):
    """A text is not JSON, or not JSON that all readers read the same; the message says why."""


class Number(Decimal):
    """A number with a fraction or an exponent: exact by value, and written as it was read.

    Args:
        text: the number as a JSON number.

    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Make the number from its text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def __format__(self, specifier: str) -> str:  # type: ignore[override]
        return super().__format__(specifier) if specifier else self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return (Number, (self.text,))


def number(text: str) -> int | Number:
    """Return the exact value of a JSON number.

    Raises:
        NotJSONError: the number has more digits or a larger exponent than anyone can mean.

    """
    if len(text) > MAX_DIGITS:
        raise NotJSONError(f"a number of {len(text)} digits; at most {MAX_DIGITS:,}")
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        found = Number(text)
    except InvalidOperation:  # an exponent that not even a decimal can hold
        found = None
    if found is None or abs(found.adjusted()) > _MAX_EXPONENT:
        raise NotJSONError(f"the number {text[:40]} is out of range")
    return found


def _refuse_constant(name: str) -> None:
    raise NotJSONError(f"{name} is no JSON value")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise NotJSONError(f'the name "{name[:60]}" stands twice in one object')
            seen.add(name)
    return members


# One decoder for all: building one costs more than reading a small document.
_decode = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=number, parse_constant=_refuse_constant
).decode


def loads(body: bytes) -> Any:
    """Return the value of a JSON text.

    Args:
        body: the text as UTF-8 bytes.

    Raises:
        NotJSONError: with the reason in words, never with more than a few characters of the text.

    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJSONError(f"byte {error.start} is not UTF-8") from None
    if not text or text.isspace():
        raise NotJSONError("it is empty")
    if text.startswith("\ufeff"):
        raise NotJSONError("it begins with a byte order mark")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper_than(body, MAX_DEPTH):
        raise NotJSONError(f"nested deeper than {MAX_DEPTH}")
    if len(body) > MAX_DIGITS and _has_long_number(body):
        raise NotJSONError(f"a number of more than {MAX_DIGITS:,} digits")
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        raise NotJSONError(f"line {error.lineno}, column {error.colno}: {_reason(error, text)}") from None
    except RecursionError:
        raise NotJSONError(f"nested deeper than {MAX_DEPTH}") from None


def _has_long_number(body: bytes) -> bool:
    """Tell whether digits stand in a row that nobody can mean, outside of a text."""
    row = b"0" * (MAX_DIGITS + 1)
    return row in body.translate(_DIGITS) and row in _TEXT.sub(b"", body).translate(_DIGITS)


def _reason(error: json.JSONDecodeError, text: str) -> str:
    if text.startswith("<", error.pos) and not text[: error.pos].strip():
        return "it looks like HTML or XML"
    if error.pos >= len(text):
        return "it ends early"
    reason = (error.msg[0].lower() + error.msg[1:]).removesuffix(" at")
    return f"{reason} at {show(text[error.pos : error.pos + 12])}"


def _deeper_than(body: bytes, limit: int) -> bool:
    depth = 0
    for match in _BRACKETS.finditer(body):
        token = match.group()
        if token in b"[{":
            depth += 1
            if depth > limit:
                return True
        elif token in b"]}":
            depth -= 1
    return False


_encode_fast = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_quote = json.JSONEncoder(ensure_ascii=False).encode


def dumps(value: Any) -> str:
    """Return a value as compact JSON text; numbers keep the digits they were read with.

    Raises:
        TypeError: the value holds something that JSON cannot say (bytes, NaN, a Python object).

    """
    try:
        return _encode_fast(value)
    except (TypeError, ValueError):
        return "".join(_pieces(value))


def _pieces(value: Any) -> list[str]:
    out: list[str] = []
    _write(value, out.append)
    return out


def _write(value: Any, put: Any) -> None:
    if isinstance(value, str):
        put(_quote(str(value)))
    elif value is None or isinstance(value, bool):
        put({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, Number):
        put(value.text)
    elif isinstance(value, float | Decimal):
        put(_finite(value))
    elif isinstance(value, dict):
        _write_members(value, put)
    elif isinstance(value, list | tuple):
        put("[")
        for index, item in enumerate(value):
            if index:
                put(",")
            _write(item, put)
        put("]")
    else:
        raise TypeError(f"{type(value).__name__} is no JSON value")


def _write_members(value: dict[Any, Any], put: Any) -> None:
    put("{")
    for index, (name, item) in enumerate(value.items()):
        if not isinstance(name, str):
            raise TypeError(f"the member name {name!r} is not a text")
        put(("," if index else "") + _quote(name) + ":")
        _write(item, put)
    put("}")


def _finite(value: float | Decimal) -> str:
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN differs from itself
        raise TypeError(f"{value} is no JSON value")
    return repr(value) if isinstance(value, float) else str(value)


def to_plain(value: Any) -> Any:
    """Return a copy in which numbers are plain `int` and `float`, for libraries that know only these."""
    if isinstance(value, dict):
        return {name: to_plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    return value


def from_python(value: Any) -> Any:
    """Return a value handed over by Python code as a value of the language: tuples become lists, floats exact.

    Values that are no JSON values are returned as they are; they fail where they are used.
    """
    if isinstance(value, float):
        return Number(repr(value)) if JSON_NUMBER.fullmatch(repr(value)) else value
    if isinstance(value, Decimal) and not isinstance(value, Number):
        return Number(str(value)) if JSON_NUMBER.fullmatch(str(value)) else value
    if isinstance(value, list | tuple):
        return [from_python(item) for item in value]
    if isinstance(value, dict):
        return {name: from_python(item) for name, item in value.items()}
    return value


def kind(value: Any) -> str:
    """Return the JSON type of a value in the words of our messages: text, number, boolean, array, object, null."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, list | tuple):
        return "array"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, bytes):
        return "bytes"
    return type(value).__name__


def equal(left: Any, right: Any) -> bool:
    """Tell whether two values are the same JSON value: same type, numbers by value, objects without order."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and left == right
    if isinstance(left, dict) or isinstance(right, dict):
        return (
            isinstance(left, dict)
            and isinstance(right, dict)
            and left.keys() == right.keys()
            and all(equal(value, right[name]) for name, value in left.items())
        )
    if isinstance(left, list) or isinstance(right, list):
        return (
            isinstance(left, list)
            and isinstance(right, list)
            and len(left) == len(right)
            and all(map(equal, left, right))
        )
    try:
        return bool(left == right)
    except Exception:  # noqa: BLE001 - an object of somebody's fixture, which is equal to no JSON value
        return False


def show(value: Any, limit: int = 80) -> str:
    """Return a value as JSON for a message, on one line and cut at `limit` characters."""
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    pieces: list[str] = []
    room = limit
    try:
        for piece in _beginning(value, limit):
            pieces.append(piece)
            room -= len(piece)
            if room < 0:
                break
    except TypeError:
        return _one_line(_repr(value)[:limit])
    text = "".join(pieces)
    if len(text) <= limit:
        return _one_line(text)
    # The cut of a text is made before quoting, so that an escape is never halved.
    return _one_line(text if isinstance(value, str) else text[:limit] + "…")


def _beginning(value: Any, limit: int) -> Iterator[str]:
    """Yield the pieces of a value's JSON text, so that a large value is not written out for its beginning."""
    if isinstance(value, str):
        yield _quote(str(value)) if len(value) <= limit else _quote(str(value[:limit])) + "…"
    elif isinstance(value, dict):
        yield "{"
        for index, (name, item) in enumerate(value.items()):
            yield ("," if index else "") + _quote(str(name)[:limit]) + ":"
            yield from _beginning(item, limit)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for index, item in enumerate(value):
            if index:
                yield ","
            yield from _beginning(item, limit)
        yield "]"
    else:
        yield dumps(value)


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - an object of somebody's fixture
        return f"<{type(value).__name__}>"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def show_typed(value: Any, limit: int = 80) -> str:
    """Return a value with its type, as in `7 (number)`; null stands for itself."""
    return "null" if value is None else f"{show(value, limit)} ({kind(value)})"


def differ(expected: Any, got: Any) -> tuple[str, str]:
    """Return both sides of a difference as texts, with their types where these differ."""
    if kind(expected) != kind(got):
        return show_typed(expected), show_typed(got)
    return show(expected), show(got)
