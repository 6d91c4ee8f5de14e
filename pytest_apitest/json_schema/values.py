"""Values as JSON Schema compares them.

Numbers are compared by value: 1.0 is an integer and equals 1, and a float counts as the decimal that it is
written as, so that 19.99 is a multiple of 0.01 (Validation 2020-12, sections 6.1 and 6.2).
"""

from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any

from pytest_apitest.jsonvalue import kind


def is_number(value: Any) -> bool:
    """Tell whether a value is a number that JSON can say."""
    if isinstance(value, bool):
        return False
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) or (isinstance(value, float) and isfinite(value))


def _is_integer(value: Any) -> bool:
    return is_number(value) and is_multiple(exact(value), 1)


TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def exact(number: Any) -> int | Decimal:
    """Return a number as one that compares by value: a float as the decimal it is written as."""
    return Decimal(repr(float(number))) if isinstance(number, float) else number


def is_multiple(number: int | Decimal, divisor: int | Decimal) -> bool:
    """Tell whether a number is a whole multiple, exactly, without writing out large powers of ten."""
    (left, left_power), (right, right_power) = _scaled(number), _scaled(divisor)
    power = left_power - right_power
    if power >= 0:
        return left * pow(10, power, right) % right == 0
    # More zeros than the left number has bits cannot be in it.
    return left == 0 or (-power <= left.bit_length() and left % (right * 10**-power) == 0)


def _scaled(number: int | Decimal) -> tuple[int, int]:
    """Return a whole number and the power of ten that it is to be multiplied with."""
    if isinstance(number, int):
        return number, 0
    sign, digits, power = number.as_tuple()
    assert isinstance(power, int)
    return int(Decimal((sign, digits, 0))), power


def key_of(value: Any) -> Any:
    """Return what is equal and hashes alike for equal JSON values, and only these (Core, section 4.2.2)."""
    if isinstance(value, dict):
        return ("object", frozenset(zip(value, map(key_of, value.values()), strict=True)))
    if isinstance(value, list):
        return ("array", tuple(map(key_of, value)))
    if is_number(value):
        return ("number", exact(value))
    if isinstance(value, str):
        return str(value)
    return (kind(value), repr(value))
