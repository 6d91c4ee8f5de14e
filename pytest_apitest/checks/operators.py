"""The operators of checks on one value (language, section 7).

Rules kept here:
- an operator never raises and never passes on a value of a type it does not apply to; it says which type
  it needs (the table of section 7 is a test);
- numbers are compared exactly, texts by code points, objects without order, arrays with order;
- operators that hold other checks (`each`, `any`, `any_of`, `not`) are evaluated in `evaluation`.
"""

import inspect
from collections.abc import Callable
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.jsonvalue import Number, differ, equal, kind, show, show_typed
from pytest_apitest.registry import Table

TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")


@data
class Miss:
    """One way in which a value is not what a check asks for.

    Args:
        expected: what was asked for.
        got: what was found.
        message: the whole sentence instead of `expected …, got …`, without the path; may be empty.
        applies: False when the operator does not apply to a value of this type.
        path: where below the checked value, as the end of a path such as `[2].name`.

    """

    expected: str
    got: str
    message: str = ""
    applies: bool = True
    path: str = ""

    @property
    def sentence(self) -> str:
        """The sentence after the path."""
        return self.message or f"expected {self.expected}, got {self.got}"


@data
class Operator:
    """An operator.

    Args:
        name: as written.
        operand: what is written behind it: `value`, `content` (a value that is not empty), `members`,
            `text`, `regex`, `types`, `schema`, `format`, `length`, `bound`, `boolean`, `order`, `check`,
            `checks` or `operators`.
        test: returns what is wrong with a value, given the operand; an empty list when nothing is.
        wants: returns the operand's demand in words, for `expected …`.
        single: whether it asks for one value, so that a path that may match several is refused.

    """

    name: str
    operand: str
    test: Callable[[Any, Any], list[Miss]]
    wants: Callable[[Any], str]
    single: bool = False

    @property
    def doc(self) -> str:
        """The first paragraph of the docstring of the test, on one line."""
        return " ".join((inspect.getdoc(self.test) or "").split("\n\n")[0].split())


def needs(name: str, wanted: str, actual: Any) -> list[Miss]:
    """Return the miss of an operator that does not apply to a value of this type."""
    return [
        Miss(wanted, show_typed(actual), f"{name} needs {wanted}, got {show_typed(actual)}", applies=False)
    ]


def subset(pattern: Any, value: Any) -> bool:
    """Tell whether a value has all members of a pattern; nested arrays have equal length and order."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            name in value and subset(item, value[name]) for name, item in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and len(pattern) == len(value) and all(map(subset, pattern, value))
    return equal(pattern, value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Number) and not isinstance(value, bool)


# -- equality -------------------------------------------------------------------------------------------


def equals(actual: Any, operand: Any) -> list[Miss]:
    """Same JSON type and value; 1 equals 1.0, not "1", not true; any literal, also an object."""
    if equal(actual, operand):
        return []
    expected, got = differ(operand, actual)
    return [Miss(expected, got)]


def not_equals(actual: Any, operand: Any) -> list[Miss]:
    """Same JSON type (or null on one side) and another value."""
    if actual is not None and operand is not None and kind(actual) != kind(operand):
        return needs("not_equals", f"a value of the type of {show_typed(operand)}", actual)
    return [Miss(f"anything but {show(operand)}", show(actual))] if equal(actual, operand) else []


def one_of(actual: Any, operand: Any) -> list[Miss]:
    """Equals one member of the list."""
    if any(equal(actual, member) for member in operand):
        return []
    typed = all(kind(member) != kind(actual) for member in operand)
    return [Miss(_members(operand), show_typed(actual) if typed else show(actual))]


def _members(operand: Any) -> str:
    return (
        "one of "
        + ", ".join(show(member, 40) for member in operand[:12])
        + (", …" if len(operand) > 12 else "")
    )


# -- contents -------------------------------------------------------------------------------------------


def contains(actual: Any, operand: Any) -> list[Miss]:
    """Text: a substring. Array: an element, or each member of a list. Object: these members, deep."""
    holds = _holds("contains", actual, operand)
    if isinstance(holds, bool):
        return [] if holds else [Miss(_containing(actual, operand), show(actual, 200))]
    return holds


def not_contains(actual: Any, operand: Any) -> list[Miss]:
    """As contains, negated; the value must be one that could contain it."""
    holds = _holds("not_contains", actual, operand)
    if isinstance(holds, bool):
        return [Miss(f"nothing that contains {show(operand)}", show(actual, 200))] if holds else []
    return holds


def _holds(name: str, actual: Any, operand: Any) -> bool | list[Miss]:
    if isinstance(actual, list):
        wanted = operand if isinstance(operand, list) else [operand]
        return all(any(subset(member, element) for element in actual) for member in wanted)
    if isinstance(actual, str):
        if isinstance(operand, str):
            return operand in actual
        return needs(name, _searched(operand), actual)
    if isinstance(actual, dict):
        if isinstance(operand, dict):
            return subset(operand, actual)
        return needs(name, _searched(operand), actual)
    return needs(name, "a text, an array or an object", actual)


def _searched(operand: Any) -> str:
    """Return what an operand can be looked for in."""
    kinds = {"text": "a text or an array", "object": "an array or an object"}
    return f"{kinds.get(kind(operand), 'an array')} to look for {show(operand, 40)} in"


def _containing(actual: Any, operand: Any) -> str:
    if isinstance(actual, str):
        return f"a text that contains {show(operand)}"
    if isinstance(actual, list):
        return f"an array that contains {'all of ' if isinstance(operand, list) else ''}{show(operand)}"
    return f"an object that contains {show(operand)}"


# -- texts ----------------------------------------------------------------------------------------------


def starts_with(actual: Any, operand: Any) -> list[Miss]:
    """The text begins with this."""
    if not isinstance(actual, str):
        return needs("starts_with", "a text", actual)
    return (
        [] if actual.startswith(operand) else [Miss(f"a text that starts with {show(operand)}", show(actual))]
    )


def ends_with(actual: Any, operand: Any) -> list[Miss]:
    """The text ends with this."""
    if not isinstance(actual, str):
        return needs("ends_with", "a text", actual)
    return [] if actual.endswith(operand) else [Miss(f"a text that ends with {show(operand)}", show(actual))]


def matches(actual: Any, operand: Any) -> list[Miss]:
    """The regular expression (RE2 syntax) is found in the text; anchor it with ^ and $."""
    if not isinstance(actual, str):
        return needs("matches", "a text", actual)
    if operand.search(actual):
        return []
    return [Miss(f"a text that matches {operand.pattern}", show(actual))]


def format_(actual: Any, operand: Any) -> list[Miss]:
    """The text has this format: date, date-time, time, duration, email, uri, uuid, hostname, ipv4, ipv6."""
    from pytest_apitest.formats import FORMATS  # noqa: PLC0415 - only when used

    if not isinstance(actual, str):
        return needs("format", "a text", actual)
    return [] if FORMATS[operand](actual) else [Miss(f"a text of the format {operand}", show(actual))]


# -- types and structure --------------------------------------------------------------------------------


def type_(actual: Any, operand: Any) -> list[Miss]:
    """The JSON type: string, number, integer, boolean, array, object, null, or a list of them."""
    if any(_has_type(actual, name) for name in operand):
        return []
    return [Miss(" or ".join(operand), show_typed(actual))]


def _has_type(value: Any, name: str) -> bool:
    if name == "integer":
        if isinstance(value, Number):
            return bool(value == value.to_integral_value())
        return _is_number(value) and value % 1 == 0
    if name == "number":
        return _is_number(value)
    found = {"text": "string"}.get(kind(value), kind(value))
    return found == name


def schema(actual: Any, operand: Any) -> list[Miss]:
    """The value follows a JSON Schema (2020-12), inline or from a file; formats are asserted."""
    violations = operand.violations(actual)
    got = show(actual) if violations else ""
    wanted = "a value that follows the schema"
    return [Miss(wanted, got, f"schema: {one.message}", path=one.path[1:]) for one in violations]


def length(actual: Any, operand: Any) -> list[Miss]:
    """Number of characters, elements or members: a number, or bounds."""
    if not isinstance(actual, str | list | dict):
        return needs("length", "a text, an array or an object", actual)
    misses = [miss for operator, bound in operand for miss in operator.test(len(actual), bound)]
    return [Miss(f"length {miss.expected}", miss.got) for miss in misses]


def exists(actual: Any, operand: Any) -> list[Miss]:
    """true: something is there, null counts. false: nothing may be there; it stands alone."""
    return [] if operand else [Miss("nothing there", show(actual))]


def sorted_(actual: Any, operand: Any) -> list[Miss]:
    """The elements, all numbers or all texts, are in ascending or descending order; equal ones may stand together."""
    if not isinstance(actual, list):
        return needs("sorted", "an array", actual)
    if not (all(_is_number(item) for item in actual) or all(isinstance(item, str) for item in actual)):
        odd = next((item for item in actual if kind(item) not in ("number", "text")), actual)
        return needs("sorted", "an array of numbers or of texts", odd)
    for index in range(1, len(actual)):
        before, after = actual[index - 1], actual[index]
        if before > after if operand == "ascending" else before < after:
            first, second = show(before, 40), show(after, 40)
            message = f"expected {operand} order, but {first} at [{index - 1}] stands before {second}"
            return [Miss(f"{operand} order", show(actual), message)]
    return []


# -- bounds ---------------------------------------------------------------------------------------------


def less_than(actual: Any, operand: Any) -> list[Miss]:
    """The number is below this."""
    return _bound("less_than", "less than", actual, operand, lambda: actual < operand)


def at_most(actual: Any, operand: Any) -> list[Miss]:
    """The number is not above this."""
    return _bound("at_most", "at most", actual, operand, lambda: actual <= operand)


def greater_than(actual: Any, operand: Any) -> list[Miss]:
    """The number is above this."""
    return _bound("greater_than", "more than", actual, operand, lambda: actual > operand)


def at_least(actual: Any, operand: Any) -> list[Miss]:
    """The number is not below this."""
    return _bound("at_least", "at least", actual, operand, lambda: actual >= operand)


def _bound(name: str, words: str, actual: Any, operand: Any, holds: Callable[[], bool]) -> list[Miss]:
    if not _is_number(actual):
        return needs(name, "a number", actual)
    return [] if holds() else [Miss(f"{words} {show(operand)}", show(actual))]


def _nested(actual: Any, operand: Any) -> list[Miss]:
    raise AssertionError(f"evaluated in evaluation: {actual!r}, {operand!r}")  # pragma: no cover


def each(actual: Any, operand: Any) -> list[Miss]:
    """Every element passes; an empty array fails unless a length beside it admits 0."""
    return _nested(actual, operand)


def any_(actual: Any, operand: Any) -> list[Miss]:
    """At least one element passes; an empty array fails."""
    return _nested(actual, operand)


def any_of(actual: Any, operand: Any) -> list[Miss]:
    """One of these checks passes."""
    return _nested(actual, operand)


def not_(actual: Any, operand: Any) -> list[Miss]:
    """These operators do not all hold; one that does not apply still fails."""
    return _nested(actual, operand)


def _says(words: str) -> Callable[[Any], str]:
    return lambda operand: f"{words} {show(operand)}"


OPERATORS: Table[Operator] = Table("operator")
for _operator in (
    Operator("equals", "value", equals, show),
    Operator("not_equals", "value", not_equals, _says("anything but"), single=True),
    Operator("one_of", "members", one_of, _members, single=True),
    Operator("contains", "content", contains, _says("something that contains")),
    Operator("not_contains", "content", not_contains, _says("nothing that contains")),
    Operator("starts_with", "text", starts_with, _says("a text that starts with"), single=True),
    Operator("ends_with", "text", ends_with, _says("a text that ends with"), single=True),
    Operator(
        "matches", "regex", matches, lambda operand: f"a text that matches {operand.pattern}", single=True
    ),
    Operator("type", "types", type_, " or ".join, single=True),
    Operator("schema", "schema", schema, lambda _: "a value that follows the schema"),
    Operator("format", "format", format_, lambda operand: f"a text of the format {operand}", single=True),
    Operator(
        "length",
        "length",
        length,
        lambda operand: "length " + " and ".join(one.wants(bound) for one, bound in operand),
    ),
    Operator("less_than", "bound", less_than, _says("less than"), single=True),
    Operator("at_most", "bound", at_most, _says("at most"), single=True),
    Operator("greater_than", "bound", greater_than, _says("more than"), single=True),
    Operator("at_least", "bound", at_least, _says("at least"), single=True),
    Operator("exists", "boolean", exists, lambda operand: "something there" if operand else "nothing there"),
    Operator("each", "check", each, lambda _: "elements that pass"),
    Operator("any", "check", any_, lambda _: "an element that passes"),
    Operator("sorted", "order", sorted_, lambda operand: f"{operand} order"),
    Operator("any_of", "checks", any_of, lambda _: "one of several checks"),
    Operator("not", "operators", not_, lambda _: "not"),
):
    OPERATORS.add(_operator.name, _operator)
