"""Values with references in them, compiled once and rendered for every request (language, section 6).

Rules kept here:
- a scalar that is exactly one reference keeps the type of what it refers to; inside other text numbers
  stand by their digits, and what has no text form is refused;
- values are looked up, never evaluated: what comes out of a reference is data, whatever it looks like;
- a value without references is a constant and is shared, so nothing that is rendered may be changed in
  place.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pytest_apitest.errors import Place
from pytest_apitest.functions import Callee, FilterError, ForeignError
from pytest_apitest.jsonvalue import Number, kind, show
from pytest_apitest.patterns import deferred
from pytest_apitest.source import Source

Filters = tuple[tuple[Callee, tuple[Any, ...]], ...]

_BEFORE_FILTERS = deferred(r"(?:[^|']|'[^']*')*")


class RenderError(Exception):
    """A value cannot be made; the step fails with it.

    Args:
        message: what is wrong, one sentence.
        place: where the reference or value stands.
        width: number of characters there that a caret line marks.

    """

    outcome = "failed"

    def __init__(self, message: str, place: Place | None = None, width: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.width = width


class NotSentError(RenderError):
    """A request cannot be sent for a reason that is not the tested API's; the step is an error."""

    outcome = "error"


class UnsetError(RenderError):
    """A name has no value.

    Args:
        message: what is wrong.
        name: the name.
        outcome: what the step or case becomes: `failed`, `error`, `skipped` or `not_run`.
        place: where the reference stands.

    """

    def __init__(self, message: str, name: str, outcome: str, place: Place | None = None) -> None:
        super().__init__(message, place)
        self.name = name
        self.outcome = outcome


class Scope(Protocol):
    """What a reference is looked up in."""

    def lookup(self, name: str) -> Any:
        """Return the value of a name; raises `UnsetError`."""

    def call(self, function: Callee, arguments: tuple[Any, ...]) -> Any:
        """Return the value of a function; raises `FilterError`."""

    def derived(self, name: str, value: Any) -> None:
        """Hear of a value that filters made from a name, which is secret when the name is."""


class Reference:
    """One `${…}`.

    Args:
        source: the file it stands in.
        line: its line, from 1.
        column: its column, from 1.
        text: what stands between the braces.

    """

    __slots__ = ("args", "column", "filters", "function", "line", "name", "path", "raw", "source", "text")

    def __init__(self, source: Source, line: int, column: int, text: str) -> None:
        self.source = source
        self.line = line
        self.column = column
        self.text = text
        self.name = ""
        self.path: tuple[str | int, ...] = ()
        self.function: Callee | None = None
        self.args: tuple[Any, ...] = ()
        self.filters: Filters = ()
        self.raw = False

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.source.shown, self.line, self.column)

    @property
    def width(self) -> int:
        """Number of characters it takes in the file."""
        return len(self.text) + 3

    @property
    def has_default(self) -> bool:
        """Whether a `default` filter stands ready when the name is unset."""
        return any(callee.name == "default" for callee, _ in self.filters)

    def resolve(self, scope: Scope) -> Any:
        """Return the value.

        Raises:
            RenderError: the name is unset, the path leads nowhere or a filter cannot convert.

        """
        try:
            value, filters = self._start(scope)
            if not filters:
                return value
            for callee, args in filters:
                try:
                    value = callee.call(value, *args)
                except ForeignError as error:
                    raise RenderError(str(error), self.place) from None
                except FilterError as error:
                    raise RenderError(f"{self.shown} | {callee.name}: {error}", self.place) from None
            if self.name:
                scope.derived(self.name, value)
        except RenderError as error:
            error.place = error.place or self.place
            raise
        return value

    def _from_default(self) -> Filters:
        """Return the filters from the first `default` on: nothing before it has anything to work on."""
        for index, (callee, _) in enumerate(self.filters):
            if callee.name == "default":
                return self.filters[index:]
        return ()

    @property
    def shown(self) -> str:
        """The name with its path, or the function, as people read it."""
        match = _BEFORE_FILTERS.match(self.text)
        assert match is not None
        return match.group().strip()

    def _start(self, scope: Scope) -> tuple[Any, Filters]:
        """Return the value before filters, and the filters that are left to apply."""
        if self.function is not None:
            try:
                return scope.call(self.function, self.args), self.filters
            except ForeignError as error:
                raise RenderError(str(error), self.place) from None
            except FilterError as error:
                raise RenderError(f"{self.function.name}: {error}", self.place) from None
        try:
            value = scope.lookup(self.name)
            return (self.walk(value) if self.path else value), self.filters
        except RenderError as error:
            rest = self._from_default()
            if not rest or (isinstance(error, UnsetError) and error.outcome == "skipped"):
                raise
            return None, rest

    def walk(self, value: Any) -> Any:
        """Follow the path from a value; raises `RenderError` naming what is there instead."""
        shown = self.name
        for step in self.path:
            if isinstance(step, str):
                if not isinstance(value, dict):
                    raise RenderError(f"{shown} is {_what(value)}, so it has no {show(step)}", self.place)
                if step not in value:
                    raise RenderError(f"{shown} has no {show(step)}; there {_names(value)}", self.place)
                value = value[step]
                shown += f".{step}"
            else:
                if not isinstance(value, list):
                    raise RenderError(f"{shown} is {_what(value)}, so it has no [{step}]", self.place)
                if not -len(value) <= step < len(value):
                    raise RenderError(f"{shown} has {_elements(len(value))}, so no [{step}]", self.place)
                value = value[step]
                shown += f"[{step}]"
        return value


def _elements(count: int) -> str:
    return "1 element" if count == 1 else f"{count} elements"


def _what(value: Any) -> str:
    found = kind(value)
    return found if found in ("null", "bytes") else f"{'an' if found[0] in 'aeiou' else 'a'} {found}"


def _names(value: dict[str, Any]) -> str:
    names = ", ".join(list(value)[:12])
    return f"are {names}" if len(value) > 1 else f"is {names}" if names else "is nothing in it"


def text_of(value: Any, reference: Reference) -> str:
    """Return a value as it stands inside other text.

    Raises:
        RenderError: null, arrays, objects and bytes have no text form.

    """
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int | Number):
        return str(value)
    raise RenderError(
        f"{reference.shown} is {_what(value)} inside a text; use | json or | default('')", reference.place
    )


class Value:
    """A compiled value; `constant` tells that `value` is it, without a scope."""

    __slots__ = ("column", "line")
    constant = False
    line: int
    column: int

    def render(self, scope: Scope) -> Any:
        """Return the value; raises `RenderError`."""
        raise NotImplementedError

    def references(self) -> Iterator[Reference]:
        """All references in it."""
        return iter(())


class Literal(Value):
    """A value without references."""

    __slots__ = ("value",)
    constant = True

    def __init__(self, value: Any, line: int = 0, column: int = 0) -> None:
        self.value = value
        self.line = line
        self.column = column

    def render(self, scope: Scope) -> Any:  # noqa: ARG002 - a constant needs no scope
        return self.value

    def __repr__(self) -> str:
        return f"Literal({self.value!r})"


class Single(Value):
    """A scalar that is exactly one reference: keeps the type."""

    __slots__ = ("reference",)

    def __init__(self, reference: Reference, line: int, column: int) -> None:
        self.reference = reference
        self.line = line
        self.column = column

    def render(self, scope: Scope) -> Any:
        return self.reference.resolve(scope)

    def references(self) -> Iterator[Reference]:
        yield self.reference


class Text(Value):
    """A text with references in it."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[str | Reference, ...], line: int, column: int) -> None:
        self.parts = parts
        self.line = line
        self.column = column

    def render(self, scope: Scope) -> str:
        return self.join(scope, text_of)

    def join(self, scope: Scope, convert: Callable[[Any, Reference], str]) -> str:
        """Return the text with each reference converted by a rule of its own, such as percent-encoding."""
        return "".join(
            part if isinstance(part, str) else convert(part.resolve(scope), part) for part in self.parts
        )

    def references(self) -> Iterator[Reference]:
        return (part for part in self.parts if isinstance(part, Reference))


class ListValue(Value):
    """A list with references somewhere in it."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Value, ...], line: int, column: int) -> None:
        self.items = items
        self.line = line
        self.column = column

    def render(self, scope: Scope) -> list[Any]:
        return [item.render(scope) for item in self.items]

    def references(self) -> Iterator[Reference]:
        for item in self.items:
            yield from item.references()


class MapValue(Value):
    """A mapping with references somewhere in its values."""

    __slots__ = ("entries",)

    def __init__(self, entries: tuple[tuple[str, Value], ...], line: int, column: int) -> None:
        self.entries = entries
        self.line = line
        self.column = column

    def render(self, scope: Scope) -> dict[str, Any]:
        return {name: value.render(scope) for name, value in self.entries}

    def references(self) -> Iterator[Reference]:
        for _, value in self.entries:
            yield from value.references()


def template_parts(value: Value) -> tuple[str | Reference, ...] | None:
    """Return the parts of a text with references, or None when it is no text."""
    if isinstance(value, Text):
        return value.parts
    if isinstance(value, Single):
        return (value.reference,)
    if isinstance(value, Literal) and isinstance(value.value, str):
        return (value.value,)
    return None
