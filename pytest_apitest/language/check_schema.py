"""The editor schema of checks: flat, one `check` with a list of types beside the operators (language, section 13)."""

from typing import Any

from pytest_apitest.checks.operators import TYPES
from pytest_apitest.formats import FORMATS
from pytest_apitest.language.shapes import REFERENCE, Book, Schema, described

_BOUND: Schema = {
    "type": ["number", "string"],
    "pattern": r"^(\$\{[^}]+\}|[0-9]+(\.[0-9]+)?(ms|s|m|h))$",
    "patternErrorMessage": "a number (a duration under duration), or one reference",
}
_BOUNDS = ("less_than", "at_most", "greater_than", "at_least")


def check_schema(book: Book, shape: Any) -> Schema:
    """Return the schema of a check, or of the few operators that a place allows."""
    if shape.allowed is not None:
        properties = {
            name: described(_operand(book, name, book.extensions.operators[name].operand), "")
            for name in shape.allowed
        }
        kinds = "object" if shape.operators_only else ["integer", "string", "object"]
        return {"type": kinds, "properties": properties, "additionalProperties": False, "minProperties": 1}
    return book.refer("check", _check)


def _check(book: Book) -> Schema:
    return {
        **_operators(book),
        "description": "A literal (equality, typed) or operators (all must hold). A literal object is {equals: {…}}.",
        "type": ["string", "number", "boolean", "null", "array", "object"],
    }


def _operators(book: Book) -> Schema:
    operators = book.extensions.operators
    properties = {
        name: described(_operand(book, name, operators[name].operand), operators[name].doc)
        for name in operators
    }
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "defaultSnippets": [
            {"label": "equals", "body": {"equals": "$1"}},
            {"label": "type", "body": {"type": "$1"}},
        ],
    }


def _operand(book: Book, name: str, operand: str) -> Schema:
    if operand == "operators":
        return book.refer("operators", _operators)
    if operand == "check":
        return book.refer("check", _check)
    if operand == "checks":
        return {"type": "array", "items": book.refer("check", _check), "minItems": 2}
    if operand == "types":
        names = [*TYPES, None]
        return {"anyOf": [{"enum": names}, {"type": "array", "minItems": 1, "items": {"enum": names}}]}
    if operand == "length":
        bounds = dict.fromkeys(_BOUNDS, _BOUND)
        return {
            "type": ["integer", "object", "string"],
            "minimum": 0,
            "pattern": REFERENCE,
            "patternErrorMessage": "a number, one reference, or bounds such as {at_least: 1}",
            "properties": bounds,
            "additionalProperties": False,
            "minProperties": 1,
        }
    del name
    simple: dict[str, Schema] = {
        "value": {},
        "content": {"not": {"enum": ["", [], {}]}},
        "members": {"type": ["array", "string"], "minItems": 1, "pattern": REFERENCE},
        "text": {"type": "string", "minLength": 1},
        "regex": {"type": "string", "minLength": 1, "format": "regex"},
        "schema": {"type": ["string", "object", "boolean"]},
        "format": {"enum": list(FORMATS)},
        "bound": _BOUND,
        "boolean": {"type": "boolean"},
        "order": {"enum": ["ascending", "descending"]},
    }
    return dict(simple[operand])
