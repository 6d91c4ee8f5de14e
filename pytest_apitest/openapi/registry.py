"""Formats and encodings of descriptions beyond those of JSON Schema (OpenAPI Format Registry; OpenAPI 3.1, 4.8.24).

Rules kept here:
- numbers have the range of their format, whole ones no fraction; what is no number is not looked at;
- texts of `byte`, `base64url`, `char` and `json-pointer` are written as these are; `binary`, `password` and all others
  say nothing of a text;
- `contentEncoding` and `contentMediaType` of 3.1 say what `byte` says in 3.0, and are checked as it is: a text is
  base64 or base64url, and what it holds is JSON where that is its media type.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from pytest_apitest.json_schema.nodes import Check, Found
from pytest_apitest.json_schema.values import TYPES, is_number
from pytest_apitest.json_schema.words import brief
from pytest_apitest.jsonvalue import NotJSONError, loads
from pytest_apitest.patterns import deferred

_POINTER = deferred(r"(?:/(?:[^~/]|~[01])*)*")


def _within(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: not is_number(value) or (TYPES["integer"](value) and least <= value <= most)


def _signed(bits: int) -> Callable[[Any], bool]:
    return _within(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _real(largest: str) -> Callable[[Any], bool]:
    bound = Decimal(largest)
    return lambda value: not is_number(value) or -bound <= value <= bound


def is_base64(text: Any) -> bool:
    """Tell whether a text is base64 with its padding (RFC 4648, section 4); what is no text is."""
    return not isinstance(text, str) or _decoded(text) is not None


def _decoded(text: str, *, url: bool = False) -> bytes | None:
    """Return what a text in base64 stands for, or None; base64url may be without its padding (RFC 4648, section 5)."""
    try:
        if not url:
            return b64decode(text, validate=True)
        if not text.isascii() or set(text) & set("+/"):
            return None
        padded = text + "=" * (-len(text) % 4)
        return b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _of_text(fits: Callable[[str], bool]) -> Callable[[Any], bool]:
    return lambda value: not isinstance(value, str) or fits(value)


MORE_FORMATS: dict[str, Callable[[Any], bool]] = {
    **{f"int{bits}": _signed(bits) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": _within(0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "double-int": _within(-(2**53) + 1, 2**53 - 1),
    "float": _real("3.4028235677973366E+38"),
    "double": _real("1.7976931348623158E+308"),
    "byte": is_base64,
    "base64url": _of_text(lambda text: _decoded(text, url=True) is not None),
    "char": _of_text(lambda text: len(text) == 1),
    "json-pointer": _of_text(lambda text: _POINTER.fullmatch(text) is not None),
}


def _encoding(operand: dict[str, Any]) -> Check:
    encoding, media = operand["encoding"], operand["media"]
    url = encoding == "base64url"

    def check(value: Any) -> Iterable[Found]:
        if not isinstance(value, str):
            return ()
        content = value.encode("utf-8", "surrogatepass")
        if encoding in ("base64", "base64url"):
            decoded = _decoded(value, url=url)
            if decoded is None:
                return [((), f"expected {encoding}, got {brief(value)}")]
            content = decoded
        elif encoding:
            return ()
        if media == "application/json":
            try:
                loads(content)
            except NotJSONError as error:
                return [((), f"expected JSON in this text, got {brief(value)}: {error}")]
        return ()

    return check


ENCODED = {"contentEncoding": _encoding}


def encoded(schema: dict[str, Any]) -> dict[str, str] | None:
    """Return what a schema of 3.1 says of the content of a text; None when it says nothing that is checked."""
    encoding, media = schema.get("contentEncoding", ""), schema.get("contentMediaType", "")
    if not isinstance(encoding, str) or not isinstance(media, str) or not (encoding or media):
        return None
    return {"encoding": encoding.lower(), "media": media.partition(";")[0].strip().lower()}
