"""The editor schema of checks: flat, one `check` with a list of types beside the operators (language, section 13)."""

from typing import Any

from pytest_apitest.checks.operators import TYPES
from pytest_apitest.formats import FORMATS
from pytest_apitest.language.records import described
from pytest_apitest.language.shapes import REFERENCE, Book, Schema, one_reference, pattern

_BOUND: Schema = {
    "type": ["number", "string"],
    **pattern(
        r"^(\$\{[^}]+\}|[0-9]+(\.[0-9]+)?(ms|s|m|h))$",
        "a number (a duration under duration), or one reference",
    ),
}
_BOUNDS = ("less_than", "at_most", "greater_than", "at_least")


def check_schema(book: Book, shape: Any) -> Schema:
    """Return the schema of a check, or of the few operators that a place allows."""
    if shape.allowed is None:
        check = book.refer("check", _check)
        if shape.literals is None:
            return check
        kinds = {"text": "string"}
        return {**check, "type": [*(kinds.get(one, one) for one in shape.literals), "object"]}
    properties = {name: _described(book, name) for name in shape.allowed}
    return {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}


def _described(book: Book, name: str) -> Schema:
    operator = book.extensions.operators[name]
    return described(_operand(book, operator.operand), operator.doc)


def _check(book: Book) -> Schema:
    return {
        **_operators(book),
        "description": "A literal (equality, typed) or operators (all must hold). A literal object is {equals: {…}}.",
        "type": ["string", "number", "boolean", "null", "array", "object"],
    }


def _operators(book: Book) -> Schema:
    return {
        "type": "object",
        "properties": {name: _described(book, name) for name in book.extensions.operators},
        "additionalProperties": False,
        "minProperties": 1,
        "dependentSchemas": {
            "equals": {"maxProperties": 1},
            "exists": {
                "if": {"properties": {"exists": {"const": False}}},
                "then": {"maxProperties": 1},
            },
        },
        "defaultSnippets": [
            {"label": "equals", "body": {"equals": "$1"}},
            {"label": "type", "body": {"type": "$1"}},
        ],
    }


def _operand(book: Book, operand: str) -> Schema:
    if operand == "operators":
        return {**book.refer("operators", _operators), "properties": {"exists": False}}
    if operand == "check":
        return book.refer("check", _check)
    if operand == "checks":
        return {"type": "array", "items": book.refer("check", _check), "minItems": 2}
    if operand == "types":
        names = [*TYPES, None]
        return {"anyOf": [{"enum": names}, {"type": "array", "minItems": 1, "items": {"enum": names}}]}
    if operand == "length":
        bounds = {name: _described(book, name) for name in _BOUNDS}
        return {
            "type": ["integer", "object", "string"],
            "minimum": 0,
            **pattern(REFERENCE, "a number, one reference, or bounds such as {at_least: 1}"),
            "properties": bounds,
            "additionalProperties": False,
            "minProperties": 1,
        }
    simple: dict[str, Schema] = {
        "value": {},
        "content": {"not": {"enum": ["", [], {}]}},
        "members": {"type": ["array", "string"], "minItems": 1, **one_reference("a list")},
        "text": {"type": "string", "minLength": 1},
        "regex": {"type": "string", "minLength": 1, "format": "regex"},
        "schema": {"type": ["string", "object", "boolean"]},
        "format": {"enum": list(FORMATS)},
        "bound": _BOUND,
        "boolean": {"type": "boolean"},
        "order": {"enum": ["ascending", "descending"]},
    }
    return dict(simple[operand])
