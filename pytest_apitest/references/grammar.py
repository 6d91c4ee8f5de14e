"""The grammar of `${…}` (language, section 6), compiled against the known functions and filters.

    expr   = ( name "(" args ")" | name { "." name | "[" ( integer | quoted ) "]" } ) { "|" filter }
    filter = name [ "(" args ")" ]
    arg    = number | quoted | true | false | null

Whatever is wrong is said with the place of the `$` and how it is written rightly.
"""

import re
from typing import Any

from pytest_apitest.functions import Callee
from pytest_apitest.jsonvalue import JSON_NUMBER, number
from pytest_apitest.references.values import Literal, Reference, Single, Text, Value
from pytest_apitest.registry import Table
from pytest_apitest.source import Scalar, Source

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# A function and a filter is named like a Python function.
_CALLEE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_INTEGER = re.compile(r"-?[0-9]+")
_BLANKS = re.compile(r"[ \t]*")
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}


class ReferenceSyntaxError(ValueError):
    """A text is no reference.

    Args:
        message: what is wrong.
        offset: where in the text, from 0.

    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Compiler:
    """Compiles texts with references.

    Args:
        source: the file the texts stand in.
        functions: the known functions.
        filters: the known filters.

    """

    def __init__(self, source: Source, functions: Table[Callee], filters: Table[Callee]) -> None:
        self.source = source
        self.functions = functions
        self.filters = filters

    def compile(self, scalar: Scalar, text: str | None = None) -> Value:
        """Return the compiled value of a scalar that holds `${`.

        Args:
            scalar: the node.
            text: the text to compile, when it is only a part of the node's.

        Raises:
            ReferenceSyntaxError: with the offset in the text.

        """
        whole = scalar.text if text is None else text
        parts: list[str | Reference] = []
        position = 0
        pending: list[str] = []
        while (start := whole.find("${", position)) >= 0:
            if start > 0 and whole[start - 1] == "$" and start - 1 >= position:
                pending.append(whole[position : start - 1] + "${")
                position = start + 2
                continue
            pending.append(whole[position:start])
            if before := "".join(pending):
                parts.append(before)
            pending = []
            reference, position = self._reference(scalar, whole, start)
            parts.append(reference)
        pending.append(whole[position:])
        if after := "".join(pending):
            parts.append(after)
        if not any(isinstance(part, Reference) for part in parts):
            return Literal(
                "".join(part for part in parts if isinstance(part, str)), scalar.line, scalar.column
            )
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return Single(parts[0], scalar.line, scalar.column)
        return Text(tuple(parts), scalar.line, scalar.column)

    def _reference(self, scalar: Scalar, text: str, start: int) -> tuple[Reference, int]:
        line, column = place_in(scalar, start)
        parser = _Parser(text, start + 2)
        reference = Reference(self.source, line, column, "")
        parser.blanks()
        head = parser.take(NAME)
        if head is None:
            raise ReferenceSyntaxError(_no_name(text, start), start)
        if parser.peek("("):
            reference.function = self._callee(self.functions, head, parser.arguments(), start, reference)
        else:
            reference.name = head
            reference.path = parser.path()
        reference.filters = self._filters(parser, start, reference)
        if not parser.peek("}"):
            raise ReferenceSyntaxError(_not_closed(text, start, parser.position), start)
        reference.text = text[start + 2 : parser.position]
        return reference, parser.position + 1

    def _callee(
        self, table: Table[Callee], name: str, args: tuple[Any, ...], start: int, reference: Reference
    ) -> Callee:
        callee = table.get(name)
        if callee is None:
            raise ReferenceSyntaxError(table.unknown(name), start)
        _check_count(callee, table.kind, len(args), start)
        reference.args = args
        return callee

    def _filters(
        self, parser: "_Parser", start: int, reference: Reference
    ) -> tuple[tuple[Callee, tuple[Any, ...]], ...]:
        found: list[tuple[Callee, tuple[Any, ...]]] = []
        while parser.peek("|"):
            parser.position += 1
            parser.blanks()
            name = parser.take(_CALLEE)
            if name is None:
                raise ReferenceSyntaxError('the name of a filter is missing after "|"', start)
            args = parser.arguments() if parser.peek("(") else ()
            callee = self.filters.get(name)
            if callee is None:
                raise ReferenceSyntaxError(self.filters.unknown(name), start)
            _check_count(callee, "filter", len(args), start)
            if name in ("each_key", "each_value"):
                args = (self._inner(name, args, start), *args[1:])
            if name == "raw":
                reference.raw = True
            found.append((callee, args))
        return tuple(found)

    def _inner(self, name: str, args: tuple[Any, ...], start: int) -> Callee:
        inner = self.filters.get(args[0]) if isinstance(args[0], str) else None
        if inner is None:
            wanted = args[0] if isinstance(args[0], str) else "…"
            raise ReferenceSyntaxError(f"{name}: {self.filters.unknown(str(wanted))}", start)
        _check_count(inner, "filter", len(args) - 1, start)
        return inner


def _check_count(callee: Callee, what: str, given: int, start: int) -> None:
    if given >= callee.least and (callee.most is None or given <= callee.most):
        return
    if callee.most == callee.least:
        wanted = "no argument" if callee.most == 0 else f"{callee.most} argument{'s' * (callee.most != 1)}"
    elif callee.most is None:
        wanted = f"at least {callee.least} argument{'s' * (callee.least != 1)}"
    else:
        wanted = f"{callee.least} to {callee.most} arguments"
    raise ReferenceSyntaxError(f"{what} {callee.name} takes {wanted}, got {given}", start)


def _no_name(text: str, start: int) -> str:
    rest = text[start + 2 : start + 22]
    if rest.startswith("{") or text[start:].startswith("${${"):
        return "a reference cannot stand inside another"
    if rest.lstrip().startswith("}"):
        return "a name is missing in ${}"
    return f'a reference begins with a name or a function, not "{rest[:10]}"; write $${{ for a literal ${{'


def _not_closed(text: str, start: int, position: int) -> str:
    rest = text[position:]
    if "}" not in text[start:]:
        return "unclosed ${; write $${ for a literal ${"
    if rest.startswith("${"):
        return "a reference cannot stand inside another"
    if rest[:1] in "+-*/%<>=!&?:" and rest[:1]:
        return f'no expressions in a reference: "{rest[:1]}" is not understood; use a filter, or compute it in Python'
    return f'"{rest[:10]}" is not understood in a reference'


def place_in(scalar: Scalar, offset: int) -> tuple[int, int]:
    """Return line and column of a character of a scalar; of a scalar on several lines, its beginning."""
    if scalar.style in ("|", ">"):
        if scalar.style == "|":
            before = scalar.text[:offset]
            row = before.count("\n")
            return scalar.line + 1 + row, offset - (before.rfind("\n") + 1) + 1
        return scalar.line, scalar.column
    if scalar.length == 1 and len(scalar.text) > 1:
        return scalar.line, scalar.column
    return scalar.line, scalar.column + offset + (1 if scalar.style else 0)


class _Parser:
    """Reads one reference from left to right."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position

    def blanks(self) -> None:
        match = _BLANKS.match(self.text, self.position)
        assert match is not None
        self.position = match.end()

    def peek(self, character: str) -> bool:
        self.blanks()
        return self.text.startswith(character, self.position)

    def take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match.group()

    def path(self) -> tuple[str | int, ...]:
        steps: list[str | int] = []
        while True:
            if self.text.startswith(".", self.position):
                at = self.position
                self.position += 1
                name = self.take(NAME)
                if name is None:
                    raise ReferenceSyntaxError("a name is missing after the point in a reference", at)
                steps.append(name)
            elif self.text.startswith("[", self.position):
                steps.append(self._index())
            else:
                return tuple(steps)

    def _index(self) -> str | int:
        at = self.position
        self.position += 1
        self.blanks()
        quoted = self.take(_QUOTED)
        step: str | int
        if quoted is not None:
            step = quoted[1:-1].replace("''", "'")
        else:
            integer = self.take(_INTEGER)
            if integer is None:
                raise ReferenceSyntaxError(
                    "an index is an integer or a name in single quotes: [0], ['a b']", at
                )
            step = int(integer)
        if not self.peek("]"):
            raise ReferenceSyntaxError('"]" is missing in a reference', at)
        self.position += 1
        return step

    def arguments(self) -> tuple[Any, ...]:
        at = self.position
        self.position += 1
        args: list[Any] = []
        if self.peek(")"):
            self.position += 1
            return ()
        while True:
            self.blanks()
            args.append(self._argument(at))
            if self.peek(","):
                self.position += 1
            elif self.peek(")"):
                self.position += 1
                return tuple(args)
            else:
                raise ReferenceSyntaxError('"," or ")" is missing between arguments', at)

    def _argument(self, at: int) -> Any:
        quoted = self.take(_QUOTED)
        if quoted is not None:
            return quoted[1:-1].replace("''", "'")
        digits = self.take(JSON_NUMBER)
        if digits is not None:
            return number(digits)
        word = self.take(NAME)
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        if word is not None:
            raise ReferenceSyntaxError(f"an argument is a number or a text in single quotes: '{word}'", at)
        if self.text.startswith('"', self.position):
            raise ReferenceSyntaxError("texts in a reference stand in single quotes", at)
        raise ReferenceSyntaxError(
            "an argument is a number, a text in single quotes, true, false or null", at
        )
