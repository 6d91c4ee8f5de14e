"""The usual slips of people who write YAML, recognised and explained (language, section 1, the table).

A YAML reader names the character it stumbled over; this module looks at the text around it and says what
the author meant and how to write it. Whatever is not recognised keeps the reader's own words.
"""

import re
from collections.abc import Sequence

import yaml

from pytest_apitest.errors import Place, Problem

QUOTE_REFERENCE = 'inside { } or [ ] quote the reference: "${x}"'
QUOTE_BRACKETS = (
    "a value or key with [ ] { } or * needs quotes inside { }, or write this mapping on several lines"
)
QUOTE_PATH = "quote the JSONPath"
COMMENT = '"#" starts a comment here; quote the value'
COLON = '": " ends a plain text; quote the whole value'
FIRST_CHARACTER = "a value cannot start with * (or @ % backtick): quote it"
NO_ALIASES = "anchors, aliases, merge keys and tags are not part of the language: use variables, requests or a fragment"
NO_DIRECTIVES = "directives are not part of the language: remove this line"
ONE_DOCUMENT = "a second document is not part of the language: write it in a file of its own"
TAB = "tab used to indent; use spaces"
ESCAPE = "use single quotes for regular expressions"
APOSTROPHE = "inside single quotes a single quote is written twice: ''"
DEEPER = "indented deeper than the line above it, which already has a value"
SPACE_AFTER_COLON = 'space missing after ":"'
QUOTE_COMMA = "quote a value with a comma"
KEY_IS_TEXT = "a key is one text: quote it, or write it without brackets"

_PATH_KEY = re.compile(r"\s*(?:- )*\$[.\[]")
_COMMENT_AFTER = re.compile(r"[ \t]+#\S")
_URL_LIKE = re.compile(r"(?:[A-Z]{3,7} +)?(?:https?://|/|\$\{)\S*$")
_HASH_LINE = re.compile(r"[ \t]#\S")


def from_yaml_error(error: yaml.YAMLError, lines: Sequence[str], shown: str) -> Problem:
    """Return the problem behind a syntax error of the YAML reader.

    Args:
        error: what the reader raised.
        lines: the lines of the file.
        shown: path of the file in messages.

    """
    if isinstance(error, yaml.reader.ReaderError):
        return _unreadable(error, lines, shown)
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(Place(shown, 1, 1), f"not YAML: {str(error).splitlines()[0]}")
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    context = (error.context_mark.line, error.context_mark.column) if error.context_mark else (line, column)
    row, offset, message = _diagnose(error.problem or "", line, column, context, lines)
    return Problem(Place(shown, row + 1, offset + 1), message)


def _unreadable(error: yaml.reader.ReaderError, lines: Sequence[str], shown: str) -> Problem:
    text = "\n".join(lines)
    # libyaml counts bytes here, PyYAML's own reader characters; the character itself is what we look for.
    found = next(
        (index for index, character in enumerate(text) if _control(character)), min(error.position, len(text))
    )
    row = text.count("\n", 0, found)
    column = found - (text.rfind("\n", 0, found) + 1)
    code = f"U+{ord(text[found]):04X}" if found < len(text) else "this character"
    return Problem(Place(shown, row + 1, column + 1), f"control character {code} cannot stand in YAML")


def _control(character: str) -> bool:
    code = ord(character)
    return (
        (code < 0x20 and character not in "\t\n\r")
        or (0x7F <= code < 0xA0 and code != 0x85)
        or code in (0xFFFE, 0xFFFF)
        or 0xD800 <= code < 0xE000
    )


def _diagnose(
    problem: str, line: int, column: int, context: tuple[int, int], lines: Sequence[str]
) -> tuple[int, int, str]:
    text = lines[line] if line < len(lines) else ""
    here = text[column : column + 1]
    if "unknown escape" in problem:
        return line, column, ESCAPE
    if "alphabetic or numeric" in problem:  # an alias without a name
        start = column - 1
        before = text[start - 1 : start]
        if before and before not in " \t-":
            return line, _token_start(text, start), QUOTE_BRACKETS
        return line, start, FIRST_CHARACTER
    if "cannot start any token" in problem or "found a tab" in problem:
        return _bad_start(line, column, text)
    if "mapping values are not allowed" in problem:
        return _stray_colon(line, column, text)
    if "expected ',' or" in problem:
        return _in_flow(line, column, here, context, lines)
    if "expected key" in problem or "could not find expected ':'" in problem:
        return _no_key(line, column, text, lines)
    if "unexpected end of stream" in problem:
        return context[0], context[1], "this quote is not closed"
    if "sequence entries are not allowed" in problem:
        return line, column, "a list begins on a line of its own"
    if "'-' indicator" in problem:
        return line, column, "a list stands here; check the indentation"
    return line, column, f"not YAML: {problem}"


def _bad_start(line: int, column: int, text: str) -> tuple[int, int, str]:
    here = text[column : column + 1]
    if here == "\t" or "\t" in text[: len(text) - len(text.lstrip())]:
        return line, text.index("\t"), TAB
    path = re.compile(r"\$[^\s,{}]*\[\?").search(text)
    if path is not None and path.start() < column:
        return line, path.start(), QUOTE_BRACKETS
    return line, column, FIRST_CHARACTER


def _stray_colon(line: int, column: int, text: str) -> tuple[int, int, str]:
    indent = len(text) - len(text.lstrip())
    earlier = re.search(r":\s", text[:column])
    if earlier is None:
        return line, indent, DEEPER
    if _PATH_KEY.match(text) and _open_quote(text[: earlier.start()]):
        return line, indent, QUOTE_PATH
    return line, column, COLON


def _in_flow(
    line: int, column: int, here: str, context: tuple[int, int], lines: Sequence[str]
) -> tuple[int, int, str]:
    text = lines[line] if line < len(lines) else ""
    if here == "{" and text[column - 1 : column] == "$":
        return line, column - 1, QUOTE_REFERENCE
    if here and here in "[{*":
        return line, _token_start(text, column), QUOTE_BRACKETS
    if here == ":":
        return line, column, COLON
    opened = lines[context[0]][context[1] : context[1] + 1] if context[0] < len(lines) else ""
    if not here or line > context[0]:
        return context[0], context[1], f'this "{opened}" is not closed before the next line that needs it'
    closing = {"{": "}", "[": "]"}.get(opened, "}")
    return line, column, f'expected "," or "{closing}" here; quote the text if it is one value'


def _token_start(text: str, column: int) -> int:
    start = column
    while start > 0 and text[start - 1] not in " \t,{":
        start -= 1
    return start


def _no_key(line: int, column: int, text: str, lines: Sequence[str]) -> tuple[int, int, str]:
    for row in range(min(line, len(lines) - 1), max(-1, line - 3), -1):
        candidate = lines[row]
        if (
            _PATH_KEY.match(candidate)
            and " #" in candidate
            and _open_quote(candidate[: candidate.index(" #")])
        ):
            return row, len(candidate) - len(candidate.lstrip()), QUOTE_PATH
    if text[column - 1 : column] == "'" and text[column : column + 1].strip():
        return line, column - 1, APOSTROPHE
    indent = len(text) - len(text.lstrip())
    if text.strip().startswith("- ") or text.strip() == "-":
        return line, indent, "a list item where a key is expected; check the indentation"
    return line, column, "a key is expected here; check the indentation"


def _open_quote(text: str) -> bool:
    return text.count("'") % 2 == 1 or text.count('"') % 2 == 1 or text.count("[") > text.count("]")


def hash_lines(text: str) -> frozenset[int]:
    """Return the lines, from 0, on which a `#` follows a blank and stands before something."""
    if "#" not in text:
        return frozenset()
    return frozenset(
        number for number, line in enumerate(text.split("\n")) if "#" in line and _HASH_LINE.search(line)
    )


def swallowed_by_comment(value: str, rest_of_line: str) -> bool:
    """Tell whether a `#` after this plain value was meant as part of it: the value is empty or a URL."""
    return _COMMENT_AFTER.match(rest_of_line) is not None and (
        not value or _URL_LIKE.match(value) is not None
    )


def unbalanced_path(value: str) -> bool:
    """Tell whether a plain scalar is a JSONPath that was cut off inside a quote or bracket."""
    return value.startswith(("$.", "$[")) and _open_quote(value)


def nothing_after(key: str, column: int, line: str) -> str:
    """Return the message for a key without a value.

    Args:
        key: the key as written.
        column: column right behind the key, from 0.
        line: the line of the file.

    """
    rest = line[column:].lstrip("'\" ")
    if rest.startswith(":"):
        after = rest[1:]
        if swallowed_by_comment("", after):
            return COMMENT
        return f'nothing after "{key}:"; write null if null is meant'
    if ":" in key and not key.startswith("$"):
        return SPACE_AFTER_COLON
    before = line[: max(0, column - len(key))].rstrip()
    if before.endswith(","):
        return QUOTE_COMMA
    return f'nothing after "{key}:"; write null if null is meant'
