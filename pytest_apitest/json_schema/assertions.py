"""Keywords that need only the value.

Each returns a check (JSON Schema Validation 2020-12, sections 6 and 7). Formats are asserted, and only for
texts (section 7.2.2).
"""

import operator
from collections.abc import Callable, Iterable, Sized
from typing import Any

from pytest_apitest.formats import FORMATS
from pytest_apitest.json_schema.nodes import FINE, Check, Found, OperandError
from pytest_apitest.json_schema.patterns import search_for
from pytest_apitest.json_schema.values import TYPES, exact, is_multiple, is_number, key_of
from pytest_apitest.json_schema.words import brief, count, cut, listed, typed
from pytest_apitest.jsonvalue import kind


def _type(operand: str | list[str]) -> Check:
    names = [operand] if isinstance(operand, str) else operand
    tests = [TYPES[name] for name in names]
    expected = " or ".join(names)

    def check(value: Any) -> Iterable[Found]:
        if any(test(value) for test in tests):
            return FINE
        return _one(f"expected {expected}, got {typed(value)}")

    return check


def _const(operand: Any) -> Check:
    key = key_of(operand)

    def check(value: Any) -> Iterable[Found]:
        if key_of(value) == key:
            return FINE
        shown = brief if kind(value) == kind(operand) else typed
        return _one(f"expected {shown(operand)}, got {shown(value)}")

    return check


def _enum(operand: list[Any]) -> Check:
    keys = frozenset(map(key_of, operand))

    def check(value: Any) -> Iterable[Found]:
        if key_of(value) in keys:
            return FINE
        return _one(f"expected one of {listed(operand)}, got {typed(value)}")

    return check


def _bound(words: str, holds: Callable[[Any, Any], bool]) -> Callable[[Any], Check]:
    def make(operand: Any) -> Check:
        bound = exact(operand)

        def check(value: Any) -> Iterable[Found]:
            if not is_number(value) or holds(exact(value), bound):
                return FINE
            return _one(f"expected {words} {brief(operand)}, got {brief(value)}")

        return check

    return make


def _multiple_of(operand: Any) -> Check:
    def check(value: Any) -> Iterable[Found]:
        if not is_number(value) or is_multiple(exact(value), exact(operand)):
            return FINE
        return _one(f"expected a multiple of {brief(operand)}, got {brief(value)}")

    return check


def _size(
    container: type[Sized], noun: str, words: str, holds: Callable[[Any, Any], bool]
) -> Callable[[Any], Check]:
    def make(operand: Any) -> Check:
        def check(value: Any) -> Iterable[Found]:
            if not isinstance(value, container) or holds(len(value), operand):
                return FINE
            shown = f": {brief(value)}" if isinstance(value, str) else ""
            return _one(f"expected {words} {count(operand, noun)}, got {len(value)}{shown}")

        return check

    return make


def _pattern(operand: str) -> Check:
    matches = search_for(operand)

    def check(value: Any) -> Iterable[Found]:
        if not isinstance(value, str) or matches(value):
            return FINE
        return _one(f"expected a match of {cut(operand)}, got {brief(value)}")

    return check


def _format(operand: str) -> Check:
    if operand not in FORMATS:
        raise OperandError(f"format {brief(operand)} is not checked here; known: {', '.join(FORMATS)}")
    fits = FORMATS[operand]

    def check(value: Any) -> Iterable[Found]:
        if not isinstance(value, str) or fits(value):
            return FINE
        return _one(f"expected format {operand}, got {brief(value)}")

    return check


def _unique_items(operand: bool) -> Check:
    def check(value: Any) -> Iterable[Found]:
        first: dict[Any, int] = {}
        for index, item in enumerate(value if operand and isinstance(value, list) else ()):
            other = first.setdefault(key_of(item), index)
            if other != index:
                return _one(f"items {other} and {index} are equal: {brief(item)}")
        return FINE

    return check


def _required(operand: list[str]) -> Check:
    def check(value: Any) -> Iterable[Found]:
        if not isinstance(value, dict):
            return FINE
        return [((name,), "missing") for name in operand if name not in value]

    return check


def _dependent_required(operand: dict[str, list[str]]) -> Check:
    def check(value: Any) -> Iterable[Found]:
        if not isinstance(value, dict):
            return FINE
        return [
            ((name,), f"missing, needed beside {brief(cause)}")
            for cause, names in operand.items()
            if cause in value
            for name in names
            if name not in value
        ]

    return check


MakeCheck = Callable[[Any], Check]

CHECKS: dict[str, MakeCheck] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    "minimum": _bound("at least", operator.ge),
    "maximum": _bound("at most", operator.le),
    "exclusiveMinimum": _bound("more than", operator.gt),
    "exclusiveMaximum": _bound("less than", operator.lt),
    "multipleOf": _multiple_of,
    "minLength": _size(str, "character", "at least", operator.ge),
    "maxLength": _size(str, "character", "at most", operator.le),
    "pattern": _pattern,
    "format": _format,
    "minItems": _size(list, "item", "at least", operator.ge),
    "maxItems": _size(list, "item", "at most", operator.le),
    "uniqueItems": _unique_items,
    "minProperties": _size(dict, "member", "at least", operator.ge),
    "maxProperties": _size(dict, "member", "at most", operator.le),
    "required": _required,
    "dependentRequired": _dependent_required,
}


def _one(message: str) -> Iterable[Found]:
    return (((), message),)
