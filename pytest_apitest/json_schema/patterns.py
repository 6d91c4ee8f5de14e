"""Expressions in schemas: RE2, found anywhere in a text (Validation 2020-12, section 6.3.3)."""

from collections.abc import Callable

from pytest_apitest.json_schema.nodes import OperandError
from pytest_apitest.regex import RegexError, compile_regex


def search_for(pattern: str, *below: str) -> Callable[[str], bool]:
    """Return a test whether an expression is found in a text."""
    try:
        search = compile_regex(pattern).search
    except RegexError as error:
        raise OperandError(str(error), below) from None
    return search
