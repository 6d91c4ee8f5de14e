"""The only module that touches pytest's private parts: representations of failures, scopes of fixtures.

pytest has no public home for these. Only its own representations survive the way from a worker to the
controller and give JUnit, annotations and summaries their line and message. Everything that may break with a
new pytest stands here, and tests look at it on the oldest and the newest version that is supported.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from _pytest._code.code import (
    ExceptionChainRepr,
    ReprEntry,
    ReprEntryNative,
    ReprFileLocation,
    ReprTraceback,
)

from pytest_apitest.redaction import Redactor
from pytest_apitest.screen import Line, only_errors

_STYLES: dict[str, dict[str, bool]] = {
    "error": {"red": True, "bold": True},
    "caret": {"red": True},
    "source": {},
    "dim": {},
}


class ScreenRepr(ExceptionChainRepr):
    """A failure screen; colours are for the terminal at hand, the lines for everyone."""

    def __init__(self, lines: Sequence[Line], file: str, line: int, message: str) -> None:
        place = ReprFileLocation(file, line, message)
        entry = ReprEntry([one.text for one in lines], None, None, place, "value")
        super().__init__([(ReprTraceback([entry], None, style="value"), place, None)])
        self.screen = list(lines)

    def toterminal(self, tw: Any) -> None:
        """Write the screen with colours."""
        for line in self.screen:
            tw.line(line.text, **_STYLES.get(line.style, {}))
        if self.screen:
            tw.line("")
        assert self.reprcrash is not None
        self.reprcrash.toterminal(tw)


def screen_repr(
    lines: Sequence[Line],
    file: str,
    line: int,
    message: str,
    *,
    style: str,
    native: bool,
    phase: str = "call",
) -> ExceptionChainRepr:
    """Return the representation of a failure.

    Args:
        lines: the screen.
        file: file of the failing line, as shown.
        line: the line, from 1.
        message: the message behind the place.
        style: pytest's `--tb`.
        native: whether something reads entries as Python source, which YAML is not.
        phase: `setup`, `call` or `teardown`.

    """
    place = ReprFileLocation(file, line, message)
    if style == "line":
        # pytest itself writes the place of a failure, but not that of an error.
        text = [] if phase == "call" else [f"{file}:{line}: {message}\n"]
        return ExceptionChainRepr(
            [(ReprTraceback([ReprEntryNative(text)], None, style="native"), place, None)]
        )
    shown = only_errors(lines) if style == "short" else list(lines)
    if native:
        text = [f"{one.text}\n" for one in shown] + [f"{file}:{line}: {message}\n"]
        return ExceptionChainRepr(
            [(ReprTraceback([ReprEntryNative(text)], None, style="native"), place, None)]
        )
    return ScreenRepr(shown, file, line, message)


def problems_repr(text: str, file: str, line: int, message: str) -> ExceptionChainRepr:
    """Return the representation of a document that cannot be collected: its problems, and the first in short."""
    entry = ReprEntryNative([f"{one}\n" for one in text.split("\n")])
    place = ReprFileLocation(file, line, message)
    return ExceptionChainRepr([(ReprTraceback([entry], None, style="native"), place, None)])


def fixture_scope(item: pytest.Function, name: str) -> str | None:
    """Return the scope of a fixture as an item sees it, or None when there is no such fixture."""
    definitions = item._fixtureinfo.name2fixturedefs.get(name)  # noqa: SLF001 - pytest offers nothing else
    if definitions:
        return str(definitions[-1].scope)
    return "function" if name == "request" else None


def redacted(representation: Any, redactor: Redactor) -> Any:
    """Return a representation that pytest made, with the secrets in its lines masked."""
    chain = getattr(representation, "chain", None)
    for traceback, crash, _ in chain or ():
        for entry in traceback.reprentries:
            entry.lines[:] = [redactor.text(line) for line in entry.lines]
            arguments = getattr(entry, "reprfuncargs", None)
            if arguments is not None:
                arguments.args = [(name, redactor.text(str(value))) for name, value in arguments.args]
            local = getattr(entry, "reprlocals", None)
            if local is not None:
                local.lines[:] = [redactor.text(line) for line in local.lines]
        if crash is not None:
            crash.message = redactor.text(crash.message)
    return representation if chain else redactor.text(str(representation))


def tell_row_from_name(item: pytest.Item) -> None:
    """Have the node id of a row read as pytest reads it from a cache or a worker: the label apart from the name.

    Since pytest 9.2 node ids are compared in parts, and only `parametrize` of its own makes them in parts.
    """
    whole = getattr(item, "_id", None)
    if whole is not None:
        item._id = type(whole).parse(item.nodeid)  # noqa: SLF001
