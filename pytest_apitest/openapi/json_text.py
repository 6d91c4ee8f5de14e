"""Values of a JSON text, and where they stand in it.

Python's reader knows no places and libyaml refuses tabs, so that places come from a scanner of our own, which runs
when the first is asked for.
"""

import json
from typing import Any

from pytest_apitest.jsonvalue import MAX_DEPTH, NotJSONError, number
from pytest_apitest.openapi.reading import (
    TOO_DEEP,
    DescriptionError,
    Pointer,
    collection_paused,
    error_at,
)
from pytest_apitest.patterns import deferred

_PIECE = deferred(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]|[^\s\[\]{},:"]+')
_SURROGATE = deferred(r"\\u[dD][89a-fA-F]")


def from_json(text: str) -> tuple[Any, "JsonPlaces"]:
    twice = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        found = dict(pairs)
        twice = twice or len(found) != len(pairs)
        return found

    def refuse(_: str) -> None:
        raise NotJSONError("NaN and Infinity are no JSON values")

    decode = json.JSONDecoder(
        object_pairs_hook=members, parse_int=number, parse_float=number, parse_constant=refuse
    )
    try:
        value = decode.decode(text)
    except NotJSONError as error:
        raise DescriptionError(f"not JSON: {_without_text(str(error))}") from None
    except RecursionError:
        raise DescriptionError(TOO_DEEP) from None
    _bound_depth(value)
    if _SURROGATE.search(text):
        _refuse_halves(text)
    return value, JsonPlaces(text, twice=twice)


def _refuse_halves(text: str) -> None:
    """Refuse a text that no UTF-8 can hold (RFC 8259, section 8.2); it could not be shown to anybody."""
    for match in _PIECE.finditer(text):
        if _SURROGATE.search(match.group()):
            try:
                json.loads(match.group(), strict=False).encode("utf-8")
            except UnicodeEncodeError:
                raise error_at(text, match.start(), "this text has half of a surrogate pair") from None


def _without_text(message: str) -> str:
    return "a number is out of range" if message.startswith("the number") else message


def json_mistake(error: json.JSONDecodeError, text: str) -> DescriptionError:
    """Return the error about a text that is no JSON; versions of Python word it and place it differently."""
    if error.pos >= len(text):
        return error_at(text, error.pos, "not JSON: it ends early")
    before = text[: error.pos + (text[error.pos] == ",")].rstrip()
    after = text[len(before) :].lstrip()[:1]
    if before.endswith(",") and after in ("}", "]"):
        return error_at(text, len(before) - 1, f'not JSON: a comma too many before "{after}"')
    words = (error.msg[0].lower() + error.msg[1:]).removesuffix(" at")
    return error_at(text, error.pos, f"not JSON: {words}")


def _bound_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            item
            for outer in level
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise DescriptionError(TOO_DEEP)


# A scalar is its offset; a list is its offset and items, an object its offset and members, each with the offset of
# its name. Classes would take twice the time.
_Found = int | tuple[int, Any]


class JsonPlaces:
    """Finds where things stand in a JSON text that was read already."""

    def __init__(self, text: str, *, twice: bool) -> None:
        self._text = text
        self._twice = twice
        self._again: list[tuple[Pointer, int]] = []
        self._root: _Found | None = None

    def duplicates(self) -> list[tuple[Pointer, int]]:
        if self._twice:
            self._scanned()
        return self._again

    def offset(self, pointer: Pointer, key: bool) -> int:
        node = self._scanned()
        name_at = None
        for part in pointer:
            below = None if isinstance(node, int) else node[1]
            if isinstance(below, dict) and part in below:
                name_at, node = below[part]
            elif isinstance(below, list) and isinstance(part, int) and part < len(below):
                name_at, node = None, below[part]
            else:
                name_at = None
                break
        if key and name_at is not None:
            return int(name_at)
        return node if isinstance(node, int) else node[0]

    def _scanned(self) -> _Found:
        if self._root is None:
            with collection_paused():
                self._root = self._scan()
        return self._root

    def _scan(self) -> _Found:
        """Return the places of all values; the text is known to be JSON."""
        here: Any = []
        name: str | None = None
        name_at = 0
        # The open collections around this one, each with the key under which the next stands in it.
        around: list[tuple[Any, str | int]] = []
        for match in _PIECE.finditer(self._text):
            piece, at = match.group(), match.start()
            if piece in "]}":
                here, _ = around.pop()
                continue
            is_object = type(here) is dict
            if is_object and name is None:
                name, name_at = (json.loads(piece, strict=False) if "\\" in piece else piece[1:-1]), at
                if name in here:
                    self._again.append(((*(key for _, key in around[1:]), name), name_at))
                continue
            below: Any = {} if piece == "{" else [] if piece == "[" else None
            found = at if below is None else (at, below)
            key: str | int = len(here)
            if is_object:
                key, name = name or "", None
                here[key] = (name_at, found)
            else:
                here.append(found)
            if below is not None:
                around.append((here, key))
                here = below
        return here[0]  # type: ignore[no-any-return]
