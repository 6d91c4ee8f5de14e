"""The grammar of `${…}` (language, section 6), compiled against the known functions and filters.

    expr   = ( name "(" args ")" | name { "." name | "[" ( integer | quoted ) "]" } ) { "|" filter }
    filter = name [ "(" args ")" ]
    arg    = number | quoted | true | false | null

Whatever is wrong is said with its place and how it is written rightly.
"""

import re
from bisect import bisect_right
from typing import Any

from pytest_apitest.functions import NESTING, Callee, FilterError
from pytest_apitest.jsonvalue import JSON_NUMBER, NotJSONError, number, show
from pytest_apitest.patterns import deferred
from pytest_apitest.references.values import Filters, Literal, Reference, Single, Text, Value
from pytest_apitest.registry import Table
from pytest_apitest.source import Scalar, Source

NAME = deferred(r"[A-Za-z_][A-Za-z0-9_-]*")
# A function and a filter is named like a Python function.
_CALLEE = deferred(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = deferred(r"'(?:[^']|'')*'")
_INTEGER = deferred(r"-?[0-9]{1,18}(?![0-9])")
_SIMPLE = deferred(r"\$\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_BLANKS = deferred(r"[ \t\n]*")
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
_NESTED = "a reference cannot stand inside another"


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
        # Where in the file, and how much of it; known to whoever knows the scalar.
        self.line = self.column = 0
        self.width = 2


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
        self._line_starts: list[int] = []

    def line_starts(self) -> list[int]:
        """Return the offset of every line of the file."""
        if not self._line_starts:
            self._line_starts = [0, *(match.end() for match in re.finditer("\n", self.source.text))]
        return self._line_starts

    def compile(self, scalar: Scalar) -> Value:
        """Return the compiled value of a scalar that holds `${`.

        Args:
            scalar: the node.

        Raises:
            ReferenceSyntaxError: with its place in the file.

        """
        text = scalar.text
        parts: list[str | Reference] = []
        places = _Places(scalar, self)
        position = 0
        pending = ""
        while (start := text.find("${", position)) >= 0:
            line, column = places.following(start)
            if start > position and text[start - 1] == "$":
                pending += text[position : start - 1] + "${"
                position = start + 2
                continue
            pending += text[position:start]
            if pending:
                parts.append(pending)
                pending = ""
            try:
                reference, position = self._reference(text, start, line, column)
            except ReferenceSyntaxError as error:
                end = text.find("}", error.offset, error.offset + 80)
                error.line, error.column = line, column + error.offset - start
                error.width = end + 1 - error.offset if end >= 0 else 2
                raise
            parts.append(reference)
        pending += text[position:]
        if not parts:
            return Literal(pending, scalar.line, scalar.column)
        if pending:
            parts.append(pending)
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return Single(parts[0], scalar.line, scalar.column)
        return Text(tuple(parts), scalar.line, scalar.column)

    def _reference(self, text: str, start: int, line: int, column: int) -> tuple[Reference, int]:
        simple = _SIMPLE.match(text, start)
        if simple is not None:  # most references are a name and nothing else
            reference = Reference(self.source, line, column, simple[1])
            reference.name = simple[1]
            return reference, simple.end()
        parser = _Parser(text, start + 2)
        reference = Reference(self.source, line, column, "")
        parser.blanks()
        head = parser.take(NAME)
        if head is None:
            raise ReferenceSyntaxError(_no_name(text, start), start)
        if parser.peek("("):
            args = parser.arguments()
            reference.function = _known(self.functions, head, start)
            _check_arguments(reference.function, "function", args, start)
            reference.args = args
        else:
            reference.name = head
            reference.path = parser.path()
        if parser.peek("|"):
            reference.filters = self._filters(parser, start, reference)
        if not parser.peek("}"):
            raise ReferenceSyntaxError(_not_closed(text, start, parser.position), start)
        reference.text = text[start + 2 : parser.position]
        return reference, parser.position + 1

    def _filters(self, parser: "_Parser", start: int, reference: Reference) -> Filters:
        found: list[tuple[Callee, tuple[Any, ...]]] = []
        while parser.peek("|"):
            parser.position += 1
            parser.blanks()
            name = parser.take(_CALLEE)
            if name is None:
                raise ReferenceSyntaxError('the name of a filter is missing after "|"', start)
            args = parser.arguments() if parser.peek("(") else ()
            callee = _known(self.filters, name, start)
            reference.raw = reference.raw or name == "raw"
            found.append((callee, self._with_inner(callee, args, start)))
        return tuple(found)

    def _with_inner(self, callee: Callee, args: tuple[Any, ...], start: int) -> tuple[Any, ...]:
        """Return the arguments of a filter; of one that applies another, with that one looked up."""
        if callee.name not in NESTING or not args:
            _check_arguments(callee, "filter", args, start)
            return args
        if not isinstance(args[0], str):
            message = f"{callee.name} needs the name of a filter in single quotes, got {show(args[0], 40)}"
            raise ReferenceSyntaxError(message, start)
        inner = _known(self.filters, args[0], start)
        if inner.name == "raw":
            raise ReferenceSyntaxError(f"raw stands only in a URL, not in {callee.name}", start)
        return (inner, *self._with_inner(inner, args[1:], start))


def _known(table: Table[Callee], name: str, start: int) -> Callee:
    callee = table.get(name)
    if callee is None:
        raise ReferenceSyntaxError(table.unknown(name), start)
    return callee


def _check_arguments(callee: Callee, what: str, args: tuple[Any, ...], start: int) -> None:
    if len(args) < callee.least or (callee.most is not None and len(args) > callee.most):
        raise ReferenceSyntaxError(
            f"{what} {callee.name} takes {_wanted(callee)}, got {len(args)}", start
        ) from None
    if callee.check is not None:
        try:
            callee.check(*args)
        except FilterError as error:
            raise ReferenceSyntaxError(f"{callee.name}: {error}", start) from None


def _wanted(callee: Callee) -> str:
    if callee.most is None:
        return f"at least {callee.least} argument{'s' * (callee.least != 1)}"
    if callee.most != callee.least:
        return f"{callee.least} to {callee.most} arguments"
    return "no argument" if callee.most == 0 else f"{callee.most} argument{'s' * (callee.most != 1)}"


def _no_name(text: str, start: int) -> str:
    rest = text[start + 2 : start + 22]
    if rest.startswith("{") or text.startswith("${${", start):
        return _NESTED
    if rest.lstrip().startswith("}"):
        return "a name is missing in ${}"
    if not rest:
        return "unclosed ${; write $${ for a literal ${"
    begun = rest[:10].strip()
    return f'a reference begins with a name or a function, not "{begun}"; write $${{ for a literal ${{'


def _not_closed(text: str, start: int, position: int) -> str:
    rest = text[position : position + 10]
    if text.find("}", start) < 0:
        return "unclosed ${; write $${ for a literal ${"
    if rest.startswith("${"):
        return _NESTED
    if rest[:1] in "+-*/%<>=!&?:" and rest[:1]:
        return f'no expressions in a reference: "{rest[:1]}" is not understood; use a filter, or compute it in Python'
    return f'"{rest}" is not understood in a reference'


class _Places:
    """Tells where in the file the references of a scalar stand.

    Escapes, folded lines and indentation make the text of a scalar differ from the file; the n-th `${` is the
    n-th in both.
    """

    def __init__(self, scalar: Scalar, compiler: Compiler) -> None:
        self.scalar = scalar
        self.compiler = compiler
        self.quote = 1 if scalar.style in ("'", '"') else 0
        # Written on one line without escapes: what stands in the file is the text.
        self.plain = scalar.length == len(scalar.text) + 2 * self.quote
        self.position = -1

    def following(self, start: int) -> tuple[int, int]:
        """Return line and column of the next `${`, which begins at an offset of the text."""
        scalar = self.scalar
        if self.plain:
            return scalar.line, scalar.column + self.quote + start
        starts = self.compiler.line_starts()
        if self.position < 0:
            # The line with the sign of a block is not part of it.
            block = scalar.style in ("|", ">")
            self.position = starts[scalar.line] if block else starts[scalar.line - 1] + scalar.column - 1
        found = self.compiler.source.text.find("${", self.position)
        if found < 0:  # written with an escape
            return scalar.line, scalar.column
        self.position = found + 2
        line = bisect_right(starts, found)
        return line, found - starts[line - 1] + 1


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
        if not self.text.startswith(character, self.position):
            self.blanks()
            return self.text.startswith(character, self.position)
        return True

    def take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match.group()

    def path(self) -> tuple[str | int, ...]:
        steps: list[str | int] = []
        while True:
            if self.peek("."):
                at = self.position
                self.position += 1
                self.blanks()
                name = self.take(NAME)
                if name is None:
                    raise ReferenceSyntaxError("a name is missing after the point in a reference", at)
                steps.append(name)
            elif self.peek("["):
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
            try:
                return number(digits)
            except NotJSONError as error:
                raise ReferenceSyntaxError(str(error), at) from None
        word = self.take(NAME)
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        if word is not None:
            raise ReferenceSyntaxError(f"an argument is a number or a text in single quotes: '{word}'", at)
        raise ReferenceSyntaxError(self._no_argument(), at)

    def _no_argument(self) -> str:
        if self.text.startswith("${", self.position):
            return _NESTED
        if self.text.startswith('"', self.position):
            return "texts in a reference stand in single quotes"
        if self.text.startswith("'", self.position):
            return "a single quote is not closed in a reference"
        return "an argument is a number, a text in single quotes, true, false or null"
