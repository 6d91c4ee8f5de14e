"""Operators on a status code, which know classes such as `2xx` (language, section 7, `status`)."""

from typing import Any

from pytest_apitest.checks.operators import OPERATORS, Miss, Operator
from pytest_apitest.jsonvalue import show
from pytest_apitest.references import RenderError

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


def _is(actual: int, wanted: Any) -> bool:
    """Tell whether a code is the wanted one or of the wanted class."""
    if wanted in CLASSES:
        return actual // 100 == int(wanted[0])
    if type(wanted) is int and 100 <= wanted <= 599:
        return actual == wanted
    raise RenderError(f"expected a status from 100 to 599 or a class such as 2xx, got {show(wanted)}")


def _words(wanted: Any) -> str:
    return str(wanted) if not isinstance(wanted, list) else "one of " + ", ".join(map(str, wanted))


def equals(actual: Any, operand: Any) -> list[Miss]:
    """The code, or its class."""
    return [] if _is(actual, operand) else [Miss(_words(operand), str(actual))]


def not_equals(actual: Any, operand: Any) -> list[Miss]:
    """Any other code or class."""
    return [Miss(f"anything but {_words(operand)}", str(actual))] if _is(actual, operand) else []


def one_of(actual: Any, operand: Any) -> list[Miss]:
    """One of these codes and classes."""
    if any([_is(actual, member) for member in operand]):  # noqa: C419 - every member is looked at
        return []
    return [Miss(_words(operand), str(actual))]


STATUS_OPERATORS: dict[str, Operator] = {
    "equals": Operator("equals", "value", equals, _words),
    "not_equals": Operator(
        "not_equals", "value", not_equals, lambda wanted: f"anything but {_words(wanted)}"
    ),
    "one_of": Operator("one_of", "members", one_of, _words),
    "not": OPERATORS["not"],
    **{name: OPERATORS[name] for name in ("less_than", "at_most", "greater_than", "at_least")},
}
