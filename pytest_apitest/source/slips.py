"""The usual slips of people who write YAML, recognised and explained (language, section 1, the table).

A YAML reader names the character it stumbled over; this module looks at the text around it and says what
the author meant and how to write it. Whatever is not recognised keeps the reader's own words.
"""

import re
from collections.abc import Sequence

import yaml

from pytest_apitest.errors import Place, Problem
from pytest_apitest.patterns import deferred

QUOTE_REFERENCE = 'inside { } or [ ] quote the reference: "${x}"'
QUOTE_BRACKETS = (
    "a value or key with [ ] { } or * needs quotes inside { }, or write this mapping on several lines"
)
QUOTE_PATH = "quote the JSONPath"
COMMENT = '"#" starts a comment here; quote the value'
COLON = '": " ends a plain text; quote the whole value'
BEGIN_BEFORE = ", or begin a new line before "
FIRST_CHARACTER = "a value cannot start with * (or @ % backtick): quote it"
NO_ALIASES = "anchors, aliases, merge keys and tags are not part of the language: use variables, requests or a fragment"
NO_DIRECTIVES = "directives are not part of the language: remove this line"
ONE_DOCUMENT = "a second document is not part of the language: write it in a file of its own"
BYTE_ORDER_MARK = "a byte order mark (U+FEFF) stands only at the beginning of a file: remove it"
TAB_BEHIND = "a tab where a blank is due; use a blank"
TAB = "tab used to indent; use spaces"
ESCAPE = "use single quotes for regular expressions"
APOSTROPHE = "inside single quotes a single quote is written twice: ''"
NO_COLON_ABOVE = 'the line above has no ":" behind its key, or this line is indented too deep'
DEEPER = "indented deeper than the line above it, which already has a value"
SPACE_AFTER_COLON = 'space missing after ":"'
QUOTE_COMMA = "quote a value with a comma"
KEY_IS_TEXT = "a key is one text: quote it, or write it without brackets"
DOUBTFUL = "looks like a number to some readers: quote it, or write a JSON number"
BLOCK_IN_FLOW = "a list inside { } or [ ] is written with brackets: [a, b]"

_PATH_KEY = deferred(r"\s*(?:- )*\$[.\[]")
_COMMENT_AFTER = deferred(r"[ \t]+#\S")
_URL_LIKE = deferred(r"(?:[A-Z]{3,7} +)?(?:https?://|/|\$\{)\S*$")
_HASH_LINE = deferred(r"[ \t]#\S")
_BRACKET_OR_SKIPPED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|(?:^|\s)#.*|[\[\]{}]")
_QUOTED_OR_COMMENT = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|[:,\[{][ \t]+(#)\S")
_BEHIND_KEY = deferred(r"['\" ]*:?")


def from_yaml_error(error: yaml.YAMLError, lines: Sequence[str], shown: str) -> Problem:
    """Return the problem behind a syntax error of the YAML reader.

    Args:
        error: what the reader raised.
        lines: the lines of the file.
        shown: path of the file in messages.

    """
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(Place(shown, 1, 1), f"not YAML: {str(error).splitlines()[0]}")
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    context = (error.context_mark.line, error.context_mark.column) if error.context_mark else (line, column)
    problem = _in_words_of_libyaml(error.problem or "", error.context or "")
    if "unknown escape" in problem and lines[line][column : column + 1] != "\\":
        column -= 1
    row, offset, message = _diagnose(problem, line, column, context, lines)
    return Problem(Place(shown, row + 1, offset + 1), message)


def _in_words_of_libyaml(problem: str, context: str) -> str:
    """Return a problem in the words of libyaml, also when PyYAML was built without it."""
    if problem.startswith("expected <block end>"):
        return "did not find expected key" if "mapping" in context else "did not find expected '-' indicator"
    for part, words in (
        ("'<document start>'", "expected <document start>"),
        ("chomping", "comment or line break"),
    ):
        if part in problem:
            return words
    return problem


def _diagnose(
    problem: str, line: int, column: int, context: tuple[int, int], lines: Sequence[str]
) -> tuple[int, int, str]:
    text = lines[line] if line < len(lines) else ""
    if "\ufeff" in text[:column]:
        return line, text.index("\ufeff"), BYTE_ORDER_MARK
    if "unknown escape" in problem:
        return line, column, f"{ESCAPE}; inside double quotes {text[column : column + 2]} is no escape"
    if "alphabetic or numeric" in problem:  # an alias without a name
        start = column - 1
        before = text[start - 1 : start]
        if before and before not in " \t-":
            return line, _token_start(text, start), QUOTE_BRACKETS
        return line, start, FIRST_CHARACTER
    if "cannot start any token" in problem or "found a tab" in problem:
        return _bad_start(line, column, text)
    if "mapping values are not allowed" in problem:
        return _stray_colon(line, column, lines)
    if "unexpected end of stream" in problem:
        return context[0], context[1], "this quote is not closed"
    if "expected ',' or" in problem:
        return _in_flow(line, column, context, lines)
    if "node content" in problem:
        return _no_content(line, column, lines)
    if "expected key" in problem:
        return _no_key(line, column, text, lines)
    if "could not find expected ':'" in problem:
        return _no_colon(line, column, context, lines)
    if "expected <document start>" in problem:
        return line, column, ONE_DOCUMENT
    return line, column, _in_words(problem)


def _in_words(problem: str) -> str:
    for part, message in (
        ("sequence entries are not allowed", "a list begins on a line of its own"),
        ("mapping keys are not allowed", 'a value cannot start with "? ": quote it'),
        ("'-' indicator", "a key where the next item of a list is expected; check the indentation"),
        ("comment or line break", "the text behind | or > begins on the next line"),
    ):
        if part in problem:
            return message
    return f"not YAML: {problem}"


def _bad_start(line: int, column: int, text: str) -> tuple[int, int, str]:
    here = text[column : column + 1]
    if here == "\t" or "\t" in text[: len(text) - len(text.lstrip())]:
        return line, text.index("\t"), TAB if not text[:column].strip() else TAB_BEHIND
    found = text.find("[?", 0, column)
    if found >= 0 and text[start := _token_start(text, found)] == "$":
        return line, start, QUOTE_BRACKETS
    return line, column, FIRST_CHARACTER


def _stray_colon(line: int, column: int, lines: Sequence[str]) -> tuple[int, int, str]:
    text = lines[line] if line < len(lines) else ""
    indent = len(text) - len(text.lstrip())
    earlier = re.search(r":\s", text[:column])
    if earlier is None:
        above = lines[line - 1] if line else ""
        return line, indent, DEEPER if re.search(r":(\s|$)", above) else NO_COLON_ABOVE
    if _PATH_KEY.match(text) and _open_quote(text[: earlier.start()]):
        return line, indent, QUOTE_PATH
    inside = text[earlier.end() : column].strip()
    mapping = f"{BEGIN_BEFORE}{inside}" if re.fullmatch(r"[a-z_]+", inside) else ""
    return line, column, COLON + mapping


def _in_flow(line: int, column: int, context: tuple[int, int], lines: Sequence[str]) -> tuple[int, int, str]:
    text = lines[line] if line < len(lines) else ""
    here = text[column : column + 1]
    opened = lines[context[0]][context[1] : context[1] + 1] if context[0] < len(lines) else ""
    if here == "{" and text[column - 1 : column] == "$":
        return line, column - 1, QUOTE_REFERENCE
    if here and here in "[{*":
        return line, _token_start(text, column), QUOTE_BRACKETS
    if here == ":":
        cut = _comment_in(lines[context[0]], context[1]) if line > context[0] else None
        if cut is not None:
            return context[0], cut, COMMENT
        if line > context[0] and not re.search(r"[:,{\[]\s", text[:column]):
            # A line that looks like the next key: the comma before it, or the closing bracket, is missing.
            indent = len(text) - len(text.lstrip())
            unclosed = f'the "{opened}" of line {context[0] + 1} is not closed'
            return line, indent, f"a comma is missing before this, or {unclosed}"
        return line, column, COLON
    if line > context[0] and (cut := _comment_in(lines[context[0]], context[1])) is not None:
        return context[0], cut, COMMENT
    if not here or line > context[0]:
        return context[0], context[1], f'this "{opened}" is not closed'
    closing = {"{": "}", "[": "]"}.get(opened, "}")
    return line, column, f'expected "," or "{closing}" here; quote the text if it is one value'


def _comment_in(text: str, start: int) -> int | None:
    """Return the column of the first "#" that begins a comment where a value is due, or None."""
    for found in _QUOTED_OR_COMMENT.finditer(text, start):
        if found[1] is not None:
            return found.start(1)
    return None


def _token_start(text: str, column: int) -> int:
    start = column
    while start > 0 and text[start - 1] not in " \t,{":
        start -= 1
    return start


def _no_content(line: int, column: int, lines: Sequence[str]) -> tuple[int, int, str]:
    if line >= len(lines) - 1 and (opened := _open_bracket(lines)) is not None:
        row, start = opened
        return row, start, f'this "{lines[row][start]}" is not closed'
    text = lines[line] if line < len(lines) else ""
    here = text[column : column + 1]
    if here == "-":
        above = lines[line - 1] if line else ""
        opened_at = above.find("{")
        if opened_at >= 0 and (cut := _comment_in(above, opened_at)) is not None:
            return line - 1, cut, COMMENT
        return line, column, BLOCK_IN_FLOW
    before = text[:column].rstrip()
    if here in ("]", "}") and not before.endswith((",", "[", "{")):
        return line, column, f'a value cannot start with "{here}": quote it'
    return line, column, f'a value is missing before this "{here}"' if here else "a value is missing here"


def _open_bracket(lines: Sequence[str]) -> tuple[int, int] | None:
    """Return the place of the last bracket that nothing closes, or None."""
    opened: list[tuple[int, int]] = []
    for row, line in enumerate(lines):
        for found in _BRACKET_OR_SKIPPED.finditer(line):
            if found[0] in "[{":
                opened.append((row, found.start()))
            elif found[0] in "]}" and opened:
                opened.pop()
    return opened[-1] if opened else None


def _no_key(line: int, column: int, text: str, lines: Sequence[str]) -> tuple[int, int, str]:
    cut = _cut_path(line, lines)
    if cut is not None:
        return cut
    if text[column - 1 : column] == "'" and text[column : column + 1].strip():
        return line, column - 1, APOSTROPHE
    if text[column : column + 1] in ("]", "}"):
        return line, column, f'this "{text[column]}" closes nothing: remove it, or quote the text'
    indent = len(text) - len(text.lstrip())
    if text.strip().startswith("- ") or text.strip() == "-":
        return line, indent, "a list item where a key is expected; check the indentation"
    if text[:column].rstrip().endswith(('"', "'", "]", "}")):
        return line, column, "nothing can stand behind this value; quote the whole value if it is one text"
    return line, column, "a key is expected here; check the indentation"


def _no_colon(line: int, column: int, context: tuple[int, int], lines: Sequence[str]) -> tuple[int, int, str]:
    """Explain a text that stands where a key is due and has no colon behind it."""
    cut = _cut_path(line, lines)
    if cut is not None:
        return cut
    row, start = context
    text = lines[row] if row < len(lines) else ""
    if text[start : start + 1] in ("'", '"') and _open_quote(text[start:]):
        return row, start, "this quote is not closed"
    if text[column - 1 : column] == "'" and row == line:
        return line, column - 1, APOSTROPHE
    return row, start, 'a key with ":" is expected here; check the indentation'


def _cut_path(line: int, lines: Sequence[str]) -> tuple[int, int, str] | None:
    """Return the place of a JSONPath, here or a few lines above, that a comment cut off inside a quote."""
    for row in range(min(line, len(lines) - 1), max(-1, line - 3), -1):
        text = lines[row]
        if _PATH_KEY.match(text) and " #" in text and _open_quote(text[: text.index(" #")]):
            return row, len(text) - len(text.lstrip()), QUOTE_PATH
    return None


def _open_quote(text: str) -> bool:
    return text.count("'") % 2 == 1 or text.count('"') % 2 == 1 or text.count("[") > text.count("]")


def hash_lines(lines: Sequence[str]) -> frozenset[int]:
    """Return the lines, from 0, on which a `#` follows a blank and stands before something."""
    return frozenset(number for number, line in enumerate(lines) if "#" in line and _HASH_LINE.search(line))


def swallowed_by_comment(value: str, line: str, column: int) -> bool:
    """Tell whether a `#` after this plain value was meant as part of it: the value is empty or a URL.

    Args:
        value: the value.
        line: the line it ends on.
        column: the column behind it, from 0.

    """
    return _COMMENT_AFTER.match(line, column) is not None and (
        not value or _URL_LIKE.match(value) is not None
    )


def unbalanced_path(value: str) -> bool:
    """Tell whether a plain scalar is a JSONPath that was cut off inside a quote or bracket."""
    return value.startswith(("$.", "$[")) and _open_quote(value)


def behind_colon(line: str, column: int) -> int:
    """Return the column, from 0, behind the colon of a key that ends at a column."""
    match = _BEHIND_KEY.match(line, column)
    return match.end() if match is not None else column


def nothing_after(key: str, start: int, end: int, line: str) -> str:
    """Return the message for a key without a value.

    Args:
        key: the key as written.
        start: its first column, from 0.
        end: the column right behind it.
        line: the line of the file.

    """
    message = f'nothing after "{key}:"; write null if null is meant'
    if line[behind_colon(line, end) - 1 : behind_colon(line, end)] == ":":
        return message
    if ":" in key and not key.startswith("$"):
        return SPACE_AFTER_COLON
    while start > 0 and line[start - 1] in " \t":
        start -= 1
    return QUOTE_COMMA if line[start - 1 : start] == "," else message
