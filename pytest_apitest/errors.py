"""Places in files and the problems found there.

Rules kept here:
- a problem answers three questions: where (path, line, column, both counted from 1), what is wrong, and,
  where one can be known, how to mend it;
- whose fault it is shows in the class: `Problem` is the author's file, a `Failure` of the outcome is the
  tested API's, every other exception is ours;
- problems are collected and shown together, in the order of the file, each with an excerpt and a caret.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_apitest.data import data

# Nobody reads more problems of one run than these, or a longer one.
MOST_SHOWN = 200
_LONGEST = 600
# What is not compared with known words: too long, or too many.
_LONGEST_NAME = 80
_MOST_KNOWN = 1_000


class Place(NamedTuple):
    """A position in a file.

    Args:
        path: the file as shown to people, relative to where they stand when it can be.
        line: line, from 1.
        column: column in characters, from 1.

    """

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@data
class Problem:
    """One thing that is wrong in an author's file.

    Args:
        place: where.
        message: what is wrong and how to mend it, one sentence without a final stop; what it quotes from the
            file is shown on one line and cut when nobody would read it to its end.
        width: number of characters the caret line marks, from the column on.
        warning: True when the file can be run all the same.

    """

    place: Place
    message: str
    width: int = 1
    warning: bool = False

    def __post_init__(self) -> None:
        if not self.message.isprintable() or len(self.message) > _LONGEST:
            shown = "".join(map(_printable, self.message[:_LONGEST]))
            object.__setattr__(self, "message", shown + "…" * (len(self.message) > _LONGEST))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.place, self.message))


def _printable(character: str) -> str:
    return character if character.isprintable() else f"\\u{ord(character):04x}"


class ProblemsError(Exception):
    """The files cannot be run: carries every problem found.

    Args:
        problems: all problems, at least one of them no warning.
        texts: source text by the path used in the places, for the excerpts.

    """

    def __init__(self, problems: Sequence[Problem], texts: Mapping[str, str]) -> None:
        super().__init__(problems[0].message if problems else "no problem")
        self.problems = tuple(problems)
        self.texts = dict(texts)

    def __str__(self) -> str:
        return describe(self.problems, self.texts)


class UsageError(Exception):
    """An option or a name given on the command line cannot be used; the text is the whole message."""


def in_one_line(error: BaseException) -> str:
    """Return what an exception of somebody else's code is, in one line."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - not even its text can be relied on
        text = ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first[:_LONGEST]}" if first else type(error).__name__


def describe(problems: Iterable[Problem], texts: Mapping[str, str]) -> str:
    """Return the problems as text for people, each with its line of the file and a caret below it."""
    unique = list(dict.fromkeys(sorted(problems, key=lambda problem: problem.place)))
    lines: dict[str, list[str]] = {}
    shown = []
    for problem in unique[:MOST_SHOWN]:
        path = problem.place.path
        if path not in lines:
            lines[path] = _lines(texts.get(path, ""))
        shown.append(_describe_one(problem, lines[path]))
    if len(unique) > MOST_SHOWN:
        shown.append(f"and {len(unique) - MOST_SHOWN:,} more")
    return "\n".join(shown)


def _describe_one(problem: Problem, lines: Sequence[str]) -> str:
    word = "warning: " if problem.warning else ""
    head = f"{problem.place}: {word}{problem.message}"
    shown = _excerpt(lines, problem.place.line, problem.place.column, problem.width, 0)
    return f"{head}\n{shown}" if shown else head


def excerpt(text: str, line: int, column: int, width: int = 1, before: int = 0) -> str:
    """Return lines of a text up to `line` with their numbers, and a caret line below the last.

    Args:
        text: the whole text of the file.
        line: the line to mark, from 1.
        column: first marked column, from 1.
        width: number of marked characters.
        before: lines of context shown before it.

    """
    return _excerpt(_lines(text), line, column, width, before)


def _lines(text: str) -> list[str]:
    """Return the lines of a text as the reader of the file counts them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def _excerpt(lines: Sequence[str], line: int, column: int, width: int, before: int) -> str:
    if not 1 <= line <= len(lines):
        return ""
    first = max(1, line - before)
    number_width = max(5, len(str(line)) + 1)
    shown = []
    for number in range(first, line + 1):
        content, _ = _window(lines[number - 1], column if number == line else 1)
        shown.append(f"{number:>{number_width}} | {content}".rstrip())
    marked, shift = _window(lines[line - 1], column)
    start = max(0, min(column - 1 - shift, len(marked)))
    carets = "^" * max(1, min(width, len(marked) - start))
    # A tab before the caret is kept, so that the caret stands under its character in any terminal.
    indent = "".join("\t" if character == "\t" else " " for character in marked[:start])
    shown.append(f"{'':>{number_width}} | {indent}{carets}")
    return "\n".join(shown)


def _window(line: str, column: int, size: int = 140) -> tuple[str, int]:
    """Cut a long line around a column; return what is shown and how many characters were cut before it."""
    shift = 0
    if len(line) > size:
        shift = max(0, min(column - size // 2, len(line) - size))
        line = line[shift : shift + size]
    shown = (character if character.isprintable() or character == "\t" else "·" for character in line)
    return "".join(shown), shift


def near(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like a misspelt one, or None when nothing is near."""
    if len(word) > _LONGEST_NAME:
        return None
    candidates = list(known)
    lowered = {candidate.lower(): candidate for candidate in reversed(candidates)}
    folded = word.lower().replace("-", "_")
    if folded in lowered:
        return lowered[folded]
    if len(lowered) > _MOST_KNOWN:
        return None
    letters = sorted(folded)
    if len(letters) > 1 and (swapped := next((one for one in lowered if sorted(one) == letters), None)):
        return lowered[swapped]
    import difflib  # noqa: PLC0415 - only needed for a message

    found = difflib.get_close_matches(folded, lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the nearest known word, or an empty text."""
    found = near(word, known)
    return f'; did you mean "{found}"?' if found is not None else ""


def shown_path(path: Path, base: Path | None = None) -> str:
    """Return a path as people read it: relative to `base` (default: the current folder) when below it."""
    start = base or Path.cwd()
    try:
        return path.relative_to(start).as_posix()
    except ValueError:
        return str(path)
