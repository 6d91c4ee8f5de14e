"""Texts for samples: plain words, texts of a format, texts that a regular expression matches.

Rules kept here:
- nothing here judges: whoever asks checks each text by its schema and takes the first that fits;
- expressions are made into texts by construction; what cannot be constructed (look-around, back-references, most
  properties of characters) gives no text, and no text is made up for it;
- hosts are those of RFC 2606 and RFC 5737, which belong to nobody.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.patterns import deferred

_MOST = 200
_LONGEST = 4_000
_REPEATS = (1, 2, 0, 3, 5, 8, 12, 16, 24, 32, 48, 64, 128)
_WORD = deferred(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\dA-Za-z_]+")
_LONG_CODE = deferred(r"\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{4})")
_SHORT_CODE = deferred(r"\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2})")
_BOUNDS = deferred(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")
_GROUP_NAME = deferred(r"P?<([A-Za-z_]\w*)>")
_POOL = "abcdefghijklmnopqrstuvwxyz1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:/ @+,;=!?#$%&'*()[]{}<>|~^`\"\\"
_DIGITS = "1234567890"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BLANKS = " \t\n\r\f\v"

_IRREGULAR = {
    "shelves": "shelf",
    "leaves": "leaf",
    "people": "person",
    "children": "child",
    "statuses": "status",
    "indices": "index",
    "series": "series",
    "news": "news",
}

# For each format a text for a number from 0 on; those of one format differ.
_FORMATS: dict[str, Callable[[int], str]] = {
    "date": lambda n: f"{2026 + n // 336}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02}",
    "date-time": lambda n: f"2026-01-31T{12 + n // 60 % 12:02}:{n % 60:02}:00Z",
    "time": lambda n: f"{12 + n // 60 % 12:02}:{n % 60:02}:00Z",
    "duration": lambda n: f"P{n + 1}D",
    "email": lambda n: f"ada{n + 1 if n else ''}@mail.example",
    "hostname": lambda n: f"host{n + 1 if n else ''}.example",
    "ipv4": lambda n: f"192.0.2.{n % 254 + 1}",
    "ipv6": lambda n: f"2001:db8::{n + 1:x}",
    "uri": lambda n: f"https://site.example/{n + 1 if n else ''}",
    "uri-reference": lambda n: f"/{n + 1 if n else ''}",
    "uuid": lambda n: f"f81d4fae-7dec-41d0-a765-00a0c91e{27638 + n:04x}",
    "byte": lambda n: ("dGV4", "dGV4dA==", "dGV4dHM=", "d29y", "d29yZA==", "d29yZHM=")[n % 6],
    "json-pointer": lambda n: f"/{n}",
    "regex": lambda n: f"^{'a' * (n + 1)}$",
}
_FORMATS["idn-email"] = _FORMATS["email"]
_FORMATS["idn-hostname"] = _FORMATS["hostname"]
_FORMATS["iri"] = _FORMATS["url"] = _FORMATS["uri"]
_FORMATS["iri-reference"] = _FORMATS["uri-reference"]


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: `firstName` and `first-name` have two."""
    return [found[0].lower() for found in _WORD.finditer(name)]


def singular(word: str) -> str:
    """Return the singular of an English plural as far as its ending tells, else the word itself."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return (
        word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word
    )


def texts(
    name: str, formats: Sequence[str], patterns: Sequence[str], least: int, most: int | None
) -> Iterator[str]:
    """Yield texts that may fit, the most natural ones first.

    Args:
        name: of the member that the text is for; empty for none.
        formats: names of formats that it should have.
        patterns: regular expressions that it should match.
        least: least number of characters.
        most: greatest number of characters, or None.

    """
    if least > _LONGEST:
        return
    for format_ in formats:
        make = _FORMATS.get(format_)
        if make is not None:
            yield from (make(number) for number in range(_MOST))
            return
    plain = _plain(name, least, most)
    if not patterns:
        yield from plain
        return
    yield next(plain)
    for pattern in patterns:
        for text in matching(pattern, least):
            if len(text) >= least and (most is None or len(text) <= most):
                yield text
            elif len(text) < least:
                yield text + text[-1:] * (least - len(text))
                yield text + "a" * (least - len(text))


def _plain(name: str, least: int, most: int | None) -> Iterator[str]:
    base = " ".join(words_of(name))[:40].strip() or "text"
    for number in range(_MOST):
        end = f" {number + 1}" if number else ""
        text = base + end
        if len(text) < least:
            text = (f"{base} " * (least // (len(base) + 1) + 1))[: least - len(end)].rstrip() + end
            text += "." * (least - len(text))
        if most is not None and len(text) > most:
            text = (base[: max(most - len(end.strip()), 0)] + end.strip())[-most:] if most else ""
        yield text


# -- regular expressions --------------------------------------------------------------------------------


class _UnknownError(Exception):
    """Something in an expression is not constructed here."""


@data
class _Chars:
    members: str


@data
class _Row:
    items: tuple[Any, ...]


@data
class _Either:
    branches: tuple[Any, ...]


@data
class _Repeat:
    item: Any
    least: int
    most: int | None


def matching(pattern: str, least: int = 0) -> Iterator[str]:
    """Yield texts in which an expression is found, each once; none where it cannot be constructed.

    Args:
        pattern: an expression, of RE2 or ECMA-262 as far as they agree.
        least: number of characters that are wanted at least.

    """
    try:
        tree = _Parser(pattern).parsed()
    except _UnknownError:
        return
    seen: set[str] = set()
    for number in range(_MOST):
        for repeats in (*_REPEATS, least) if number == 0 else (1, 2, 5, least):
            out: list[str] = []
            _made(tree, repeats, number, out)
            text = "".join(out)
            if text not in seen and len(text) <= _LONGEST:
                seen.add(text)
                yield text


def _made(node: Any, repeats: int, number: int, out: list[str]) -> None:
    if isinstance(node, _Chars):
        index = len(out)
        count = len(node.members)
        out.append(node.members[(index + number // count ** min(index, 3)) % count])
    elif isinstance(node, _Row):
        for item in node.items:
            _made(item, repeats, number, out)
    elif isinstance(node, _Either):
        _made(node.branches[number % len(node.branches)], repeats, number, out)
    elif isinstance(node, _Repeat):
        wanted = max(node.least, repeats)
        for _ in range(wanted if node.most is None else min(wanted, node.most)):
            if len(out) > _LONGEST:
                return
            _made(node.item, repeats, number, out)


class _Parser:
    """Reads an expression."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def parsed(self) -> Any:
        """Return the tree; raises `_UnknownError`."""
        tree = self._either()
        if self._at < len(self._text):
            raise _UnknownError
        return tree

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise _UnknownError
        self._at += 1
        return char

    def _skip(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        if found:
            self._at += len(text)
        return found

    def _either(self) -> Any:
        branches = [self._row()]
        while self._skip("|"):
            branches.append(self._row())
        return branches[0] if len(branches) == 1 else _Either(tuple(branches))

    def _row(self) -> Any:
        items: list[Any] = []
        while self._peek() not in ("", "|", ")"):
            item = self._atom()
            if item is not None:
                items.append(self._repeated(item))
        return _Row(tuple(items))

    def _repeated(self, item: Any) -> Any:
        while True:
            bounds = _BOUNDS.match(self._text, self._at)
            if bounds is not None:
                self._at = bounds.end()
                least = int(bounds[1])
                most = least if bounds[2] is None else int(bounds[3]) if bounds[3] else None
            elif self._peek() in ("*", "+", "?") and self._peek():
                sign = self._take()
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
            else:
                return item
            self._skip("?")
            item = _Repeat(item, least, most)

    def _atom(self) -> Any:
        char = self._take()
        if char in "^$":
            return None
        if char == ".":
            return _Chars(_POOL)
        if char == "(":
            return self._group()
        if char == "[":
            return self._set()
        if char == "\\":
            return self._escape(in_set=False)
        if char in "*+?{":
            raise _UnknownError
        return _Chars(char)

    def _group(self) -> Any:
        if self._skip("?"):
            named = _GROUP_NAME.match(self._text, self._at)
            if named is not None:
                self._at = named.end()
            elif not self._skip(":"):
                raise _UnknownError
        inner = self._either()
        if not self._skip(")"):
            raise _UnknownError
        return inner

    def _set(self) -> Any:
        negated = self._skip("^")
        members: list[str] = []
        first = True
        while first or self._peek() != "]":
            first = False
            low = self._member()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._take()
                high = self._member()
                if len(low) != 1 or len(high) != 1 or ord(high) < ord(low):
                    raise _UnknownError
                members += (chr(code) for code in range(ord(low), min(ord(high), ord(low) + 500) + 1))
            else:
                members += low
        self._take()
        chosen = [char for char in _POOL if (char in members) != negated]
        if not negated:
            chosen += (char for char in members if char not in _POOL and char.isprintable())
        if not chosen:
            raise _UnknownError
        return _Chars("".join(chosen))

    def _member(self) -> str:
        char = self._take()
        if char == "[" and self._peek() == ":":
            raise _UnknownError
        if char != "\\":
            return char
        found = self._escape(in_set=True)
        if found is None:
            raise _UnknownError
        members: str = found.members
        return members

    def _escape(self, *, in_set: bool) -> _Chars | None:
        char = self._take()
        if char in "AzZbB" and not in_set:
            return None
        classes = {"d": _DIGITS, "w": _LETTERS + _DIGITS + "_", "s": _BLANKS}
        if char in classes:
            return _Chars(_ordered(classes[char]))
        if char.lower() in classes:
            return _Chars("".join(one for one in _POOL if one not in classes[char.lower()]))
        controls = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
        if char in controls:
            return _Chars(controls[char])
        if char in "ux":
            code = (_LONG_CODE if char == "u" else _SHORT_CODE).match(self._text, self._at)
            if code is None or int(code[1] or code[2], 16) > 0x10FFFF:
                raise _UnknownError
            self._at = code.end()
            return _Chars(chr(int(code[1] or code[2], 16)))
        if char == "p":
            return self._property()
        if char.isalnum():
            raise _UnknownError
        return _Chars(char)

    def _property(self) -> _Chars:
        for names, members in (
            (("{L}", "{Letter}", "L", "{Ll}"), _LETTERS),
            (("{Lu}",), _LETTERS[26:]),
            (("{N}", "{Nd}", "N"), _DIGITS),
        ):
            if any(self._skip(name) for name in names):
                return _Chars(members if names[-1] != "{Ll}" else _LETTERS[:26])
        raise _UnknownError


def _ordered(members: Iterable[str]) -> str:
    kept = set(members)
    return "".join(char for char in _POOL if char in kept) or " "
