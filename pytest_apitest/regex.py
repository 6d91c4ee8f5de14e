"""Regular expressions in linear time (RE2), compiled once (language, section 7, `matches`).

Rules kept here:
- only RE2 syntax is accepted; look-around and back-references are refused with a sentence;
- the engine is imported at the first expression, and no text can make it slow.
"""

from functools import lru_cache
from typing import Any


class RegexError(ValueError):
    """A regular expression is refused; the message says why."""


class Regex:
    """A compiled expression.

    Args:
        pattern: the expression as written.
        compiled: what the engine made of it.

    """

    __slots__ = ("_compiled", "groups", "pattern")

    def __init__(self, pattern: str, compiled: Any) -> None:
        self.pattern = pattern
        self.groups: int = compiled.groups
        self._compiled = compiled

    def search(self, text: str) -> bool:
        """Tell whether the expression is found in a text."""
        return self._compiled.search(_searchable(text)) is not None

    def values(self, text: str) -> list[str]:
        """Return every match in a text, one behind the other: its first group, else the match."""
        which = 1 if self.groups else 0
        return [match.group(which) or "" for match in self._compiled.finditer(_searchable(text))]


def _searchable(text: str) -> str:
    """Return a text that the engine can read: half a surrogate pair, which JSON may hold, is no character."""
    return (
        text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )


@lru_cache(maxsize=512)
def compile_regex(pattern: str) -> Regex:
    """Return a compiled expression.

    Raises:
        RegexError: the expression is no RE2 expression.

    """
    import re2  # noqa: PLC0415 - 4 ms, only for documents with an expression

    options = re2.Options()
    options.log_errors = False
    options.never_nl = False
    try:
        return Regex(pattern, re2.compile(pattern, options))
    except UnicodeEncodeError:  # JSON can hold one, RE2 cannot
        raise RegexError("half a surrogate pair is no character to search for") from None
    except re2.error as error:
        raise RegexError(_reason(pattern, error)) from None


def _reason(pattern: str, error: Exception) -> str:
    for mark, name in (
        ("(?=", "look-ahead"),
        ("(?!", "look-ahead"),
        ("(?<=", "look-behind"),
        ("(?<!", "look-behind"),
    ):
        if mark in pattern:
            return f"{name} {mark}…) is not part of RE2: write it as two checks"
    detail = error.args[0] if error.args else ""
    text = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
    if "invalid escape sequence" in text and any(f"\\{digit}" in pattern for digit in "123456789"):
        return "back-references are not part of RE2: write it as two checks"
    return f"not a regular expression (RE2): {text}"


def escape(text: str) -> str:
    """Return a text as an expression that matches just it."""
    return "".join(
        character if character.isalnum() or character == "_" or ord(character) > 127 else _escaped(character)
        for character in text
    )


def _escaped(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 32 or character == "\x7f" else "\\" + character
