"""Schema objects of 3.0, 3.1 and 3.2: what fits, what does not, and what is said of it."""

import json
import time
from typing import Any

import pytest

from tests.unit.openapi.described import exchange, of_schema, told

DOG = {
    "type": "object",
    "required": ["kind", "barks"],
    "properties": {"kind": {"type": "string"}, "barks": {"type": "boolean"}},
}
CAT = {
    "type": "object",
    "required": ["kind", "lives"],
    "properties": {"kind": {"type": "string"}, "lives": {"type": "integer"}},
}
PETS = {"Dog": DOG, "Cat": CAT}
BRANCHES = [{"$ref": "#/components/schemas/Dog"}, {"$ref": "#/components/schemas/Cat"}]
BY_KIND = {
    "oneOf": BRANCHES,
    "discriminator": {"propertyName": "kind", "mapping": {"d": "#/components/schemas/Dog", "c": "Cat"}},
}
TREE = {
    "type": "object",
    "properties": {"below": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("version", "schema", "value", "found"),
    [
        # 3.0
        ("3.0.3", {"type": "string", "nullable": True}, None, []),
        ("3.0.3", {"type": "string"}, None, ["$: expected string, got null"]),
        ("3.0.3", {"nullable": True, "enum": ["a", None]}, None, []),
        ("3.0.3", {"minimum": 5, "exclusiveMinimum": True}, 5, ["$: expected more than 5, got 5"]),
        ("3.0.3", {"minimum": 5, "exclusiveMinimum": False}, 5, []),
        ("3.0.3", {"maximum": 5, "exclusiveMaximum": True, "type": "integer"}, 5, ["$: expected less than 5, got 5"]),
        ("3.0.3", {"const": 1}, 2, []),  # not a keyword of 3.0
        ("3.0.3", {"$ref": "#/components/schemas/Dog", "type": "string"}, {"kind": "d", "barks": True}, []),
        ("3.0.3", {"allOf": [{"$ref": "#/components/schemas/Dog"}, {"required": ["age"]}]}, {"kind": "d", "barks": True}, ["$.age: missing"]),
        # 3.1
        ("3.1.0", {"type": ["string", "null"]}, None, []),
        ("3.1.0", {"type": "string", "nullable": True}, None, ["$: expected string, got null"]),
        ("3.1.0", {"exclusiveMinimum": 5}, 5, ["$: expected more than 5, got 5"]),
        ("3.1.0", {"const": 1}, 2, ["$: expected 1, got 2"]),
        ("3.1.0", {"$ref": "#/components/schemas/Dog", "required": ["age"]}, {"kind": "d", "barks": True}, ["$.age: missing"]),
        ("3.1.0", {"prefixItems": [{"type": "string"}], "items": False}, ["a", 1], ["$[1]: not allowed"]),
        ("3.1.0", {"$defs": {"a": {"$anchor": "here", "type": "integer"}}, "$ref": "#here"}, "x", ['$: expected integer, got "x" (text)']),
        ("3.1.0", {"$ref": "https://pets.example/named"}, "x", ['$: expected integer, got "x" (text)']),
        ("3.1.0", {"unevaluatedProperties": False, "allOf": [{"properties": {"a": True}}]}, {"a": 1, "b": 2}, ["$.b: not allowed"]),
        ("3.2.0", {"type": "integer"}, "x", ['$: expected integer, got "x" (text)']),
        ("3.1.0", True, 7, []),
        ("3.1.0", False, 7, ["$: not allowed"]),
        ("3.1.0", {"type": "object", "additionalProperties": False, "properties": {"id": {}}}, {"di": 1}, ['$.di: not allowed; did you mean "id"?']),
        # formats
        ("3.1.0", {"format": "int32"}, 2**31, ["$: expected format int32, got 2147483648"]),
        ("3.1.0", {"format": "int32", "type": "integer"}, -(2**31), []),
        ("3.1.0", {"format": "int64", "type": "integer"}, 2**63, ["$: expected format int64, got 9223372036854775808"]),
        ("3.0.3", {"format": "int64"}, 1.5, ["$: expected format int64, got 1.5"]),
        ("3.1.0", {"format": "int32"}, "x", []),
        ("3.1.0", {"format": "float"}, 1e39, ["$: expected format float, got 1e+39"]),
        ("3.1.0", {"format": "double"}, 1e39, []),
        ("3.0.3", {"type": "string", "format": "byte"}, "aGk=", []),
        ("3.0.3", {"type": "string", "format": "byte"}, "aGk", ['$: expected format byte, got "aGk"']),
        ("3.0.3", {"type": "string", "format": "password"}, "x", []),
        ("3.0.3", {"type": "string", "format": "binary"}, "x", []),
        ("3.0.3", {"type": "string", "format": "made-up"}, "x", []),
        ("3.1.0", {"format": "date-time"}, "2024-02-30T00:00:00Z", ['$: expected format date-time, got "2024-02-30T00:00:00Z"']),
        ("3.1.0", {"format": "uri"}, "no uri", ['$: expected format uri, got "no uri"']),
        # discriminator
        ("3.0.3", BY_KIND, {"kind": "d", "barks": True}, []),
        ("3.1.0", BY_KIND, {"kind": "Cat", "lives": 9}, []),
        ("3.1.0", BY_KIND, {"kind": "c", "lives": "9"}, ['$.lives: expected integer, got "9" (text)']),
        ("3.1.0", BY_KIND, {"kind": "x"}, ['$.kind: expected one of "Dog", "Cat", "d", "c", got "x" (text)']),
        ("3.1.0", BY_KIND, {"lives": 9}, ["$.kind: missing; it says which schema holds"]),
        ("3.1.0", BY_KIND, 7, ["$: expected object, got 7 (number)"]),
        ("3.1.0", {**BY_KIND, "oneOf": [*BRANCHES, {"type": "string"}]}, "x", []),  # no name for what stands inline
        # what cannot be used refuses everything
        ("3.1.0", {"type": "strin"}, "x", ['$: cannot be checked, the schema of the description is wrong: type is one of string, number, integer, boolean, array, object, null, not "strin"']),
        ("3.1.0", {"properties": {"a": {"$ref": "#/components/schemas/Dig"}}}, {"a": 1}, ['$.a: cannot be checked, the schema of the description is wrong: "#/components/schemas/Dig" leads to nothing; did you mean "Dog"?']),
        ("3.1.0", {"$ref": "other.yaml#/Dog"}, 1, ['$: cannot be checked, the schema of the description is wrong: "other.yaml#/Dog" leads out of this document, and nothing else is read']),
        ("3.1.0", {"$ref": "#/components/schemas/Loop"}, 1, ["$: cannot be checked, the schema refers to itself without end here"]),
        ("3.1.0", {"items": [1]}, [1], ["$[0]: cannot be checked, the schema of the description is wrong: a schema is an object, not [1]"]),
        ("3.1.0", {"$schema": "https://old.example/draft-3", "type": "string"}, "x", ['$: cannot be checked, the schema of the description is wrong: the dialect "https://old.example/draft-3" is not known here']),
        ("3.1.0", {"minLength": "3"}, "x", ['$: cannot be checked, the schema of the description is wrong: minLength is a whole number, 0 or more, not "3"']),
    ],
)  # fmt: skip
def test_what_is_said_of_a_value(version: str, schema: Any, value: Any, found: list[str]) -> None:
    components = {
        **PETS,
        "Loop": {"$ref": "#/components/schemas/Loop"},
        "Named": {"$id": "https://pets.example/named", "type": "integer"},
    }
    contract = of_schema(schema, version, components)
    for _ in range(2):  # the second time everything is kept
        said = told(contract.violations(exchange("POST", body=json.dumps(value).encode())))
        assert [one.removeprefix("body response ") for one in said] == found


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_what_belongs_to_the_other_side(version: str) -> None:
    components = {"Secret": {"type": "string", "writeOnly": True}}
    schema = {
        "type": "object",
        "required": ["id", "password", "name", "token"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "password": {"type": "string", "writeOnly": True},
            "token": {"$ref": "#/components/schemas/Secret"},
            "name": {"type": "string"},
        },
    }
    answers, asks = (
        of_schema(schema, version, components),
        of_schema(None, version, components, request=schema),
    )
    fine = {"id": 1, "name": "n"}
    assert told(answers.violations(exchange("POST", body=fine))) == []
    assert told(answers.violations(exchange("POST", body={**fine, "password": "p", "token": "t"}))) == [
        "body response $.password: write-only, not allowed in a response",
        "body response $.token: write-only, not allowed in a response",
    ]
    assert told(answers.violations(exchange("POST", body={"name": "n"}))) == ["body response $.id: missing"]
    sent = {"password": "p", "name": "n", "token": "t"}
    assert told(asks.violations(exchange("POST", sent=sent))) == []
    assert told(asks.violations(exchange("POST", sent={**sent, "id": 1}))) == [
        "body request $.id: read-only, not allowed in a request"
    ]
    assert told(asks.violations(exchange("POST", sent={"name": "n"}))) == [
        "body request $.password: missing",
        "body request $.token: missing",
    ]


def test_required_is_relieved_through_all_of() -> None:
    base = {"properties": {"id": {"type": "integer", "readOnly": True}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Base"}], "required": ["id", "name"]}
    asks = of_schema(None, "3.0.3", {"Base": base}, request=schema)
    assert told(asks.violations(exchange("POST", sent={"name": "n"}))) == []


def test_a_pattern_that_is_not_known_is_told_once_and_the_rest_is_checked() -> None:
    contract = of_schema({"type": "string", "pattern": "^(?=a)b", "minLength": 3})
    first = contract.violations(exchange("POST", body="xy"))
    assert [one.warning for one in first] == [False, True]
    assert "minLength" not in first[1].message
    assert first[1].message.startswith('the pattern "^(?=a)b" is not checked: ')
    assert [one.message for one in contract.violations(exchange("POST", body="xy"))] == [first[0].message]
    assert contract.violations(exchange("POST", body="xyz")) == []


def test_a_violation_has_its_place_in_the_description() -> None:
    contract = of_schema({"type": "array", "items": {"$ref": "#/components/schemas/Dog"}}, components=PETS)
    text = contract.description.text
    found = contract.violations(exchange("POST", body=[{"kind": 1}]))
    assert [one.at for one in found] == ["$[0].barks", "$[0].kind"]
    rest = [text[one.column - 1 :] for one in found]
    assert rest[0].startswith('["kind", "barks"]')
    assert rest[1].startswith('"string"}, "barks"')
    assert {one.place.rpartition(":")[0] for one in found} == {"api.json:1"}


def test_of_many_mistakes_the_first_are_told_and_that_there_are_more() -> None:
    contract = of_schema({"type": "array", "items": {"type": "integer"}}, "3.1.0")

    def said(count: int) -> list[str]:
        return told(contract.violations(exchange("POST", body=json.dumps(["a"] * count).encode())))

    few = [f'body response $[{index}]: expected integer, got "a" (text)' for index in range(20)]
    assert said(20) == few
    assert said(60) == [*few, "body response $: more is wrong than these 20"]


def test_recursive_schemas_and_deep_values_are_judged() -> None:
    contract = of_schema({"$ref": "#/components/schemas/Tree"}, components={"Tree": TREE})
    value: Any = {}
    for _ in range(120):
        value = {"below": [value]}
    assert contract.violations(exchange("POST", body=value)) == []
    wrong: Any = {"belo": []}
    for _ in range(120):
        wrong = {"below": [wrong]}
    assert len(contract.violations(exchange("POST", body=wrong))) == 1


def test_no_schema_and_no_value_makes_it_slow() -> None:
    """Each level tries the level below twice: 2 to the power of 60 ways, one look at each."""
    below = {"properties": {"a": {"$ref": "#/components/schemas/T"}}}
    twice = {"type": "object", "allOf": [below, below], "anyOf": [below, {"required": ["b"]}]}
    contract = of_schema({"$ref": "#/components/schemas/T"}, components={"T": twice})
    value: Any = {}
    for _ in range(60):
        value = {"a": value}
    started = time.process_time()
    assert contract.violations(exchange("POST", body=value)) == []
    assert time.process_time() - started < 5
