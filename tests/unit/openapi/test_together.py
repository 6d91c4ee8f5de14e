"""Schemas that mean something else beside others: what the other side requires, and what a discriminator selects."""

import json
from typing import Any

import pytest

from tests.unit.openapi.described import exchange, of_schema, told

HIDDEN = {"properties": {"id": {"type": "integer", "readOnly": True}, "name": {"type": "string"}}}
NEEDS = {"type": "object", "required": ["id", "name"]}
REF_HIDDEN, REF_NEEDS = {"$ref": "#/components/schemas/Hidden"}, {"$ref": "#/components/schemas/Needs"}


@pytest.mark.parametrize(
    ("version", "schema"),
    [
        ("3.0.3", {"allOf": [HIDDEN, NEEDS]}),
        ("3.0.3", {"allOf": [NEEDS, HIDDEN]}),
        ("3.0.3", {"allOf": [REF_NEEDS, REF_HIDDEN]}),
        ("3.0.3", {"allOf": [REF_NEEDS], **HIDDEN}),
        ("3.0.3", {"allOf": [{"allOf": [REF_NEEDS]}, REF_HIDDEN]}),
        ("3.0.3", {"allOf": [{"$ref": "#/components/schemas/NeedsMore"}, REF_HIDDEN]}),
        ("3.1.0", {**REF_NEEDS, **HIDDEN}),
        ("3.1.0", {**REF_HIDDEN, **NEEDS}),
        ("3.1.0", {"allOf": [REF_NEEDS, REF_HIDDEN]}),
    ],
)
def test_required_is_relieved_whichever_schema_says_what(version: str, schema: Any) -> None:
    components = {"Hidden": HIDDEN, "Needs": NEEDS, "NeedsMore": {"allOf": [REF_NEEDS, {"type": "object"}]}}
    asks = of_schema(None, version, components, request=schema)
    assert told(asks.violations(exchange("POST", sent={"name": "n"}))) == []
    assert told(asks.violations(exchange("POST", sent={}))) == ["body request $.name: missing"]
    assert told(asks.violations(exchange("POST", sent={"id": 1, "name": "n"}))) == [
        "body request $.id: read-only, not allowed in a request"
    ]
    answers = of_schema(schema, version, components)
    assert told(answers.violations(exchange("POST", body={"name": "n"}))) == ["body response $.id: missing"]


def test_a_schema_that_is_relieved_in_one_place_is_not_in_another() -> None:
    schema = {"properties": {"whole": {"allOf": [REF_NEEDS, REF_HIDDEN]}, "part": REF_NEEDS}}
    asks = of_schema(None, "3.1.0", {"Hidden": HIDDEN, "Needs": NEEDS}, request=schema)
    sent = {"whole": {"name": "n"}, "part": {"name": "n"}}
    (found,) = asks.violations(exchange("POST", sent=sent))
    assert told([found]) == ["body request $.part.id: missing"]
    line, column = asks.description.place(("components", "schemas", "Needs", "required"))
    assert (found.line, found.column) == (line, column)


def test_a_place_in_a_schema_that_was_relieved_is_its_own() -> None:
    schema = {"allOf": [REF_NEEDS, REF_HIDDEN]}
    asks = of_schema(None, "3.1.0", {"Hidden": HIDDEN, "Needs": NEEDS}, request=schema)
    (found,) = asks.violations(exchange("POST", sent={}))
    assert (found.line, found.column) == asks.description.place(
        ("components", "schemas", "Needs", "required")
    )


PET = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"type": "string"}},
    "discriminator": {"propertyName": "kind", "mapping": {"c": "Cat", "d": "#/components/schemas/Dog"}},
}
REF_PET = {"$ref": "#/components/schemas/Pet"}
PETS = {
    "Pet": PET,
    "Cat": {"allOf": [REF_PET, {"required": ["lives"], "properties": {"lives": {"type": "integer"}}}]},
    "Dog": {"allOf": [REF_PET, {"properties": {"barks": {"type": "boolean"}}}]},
    "Lion": {"allOf": [{"$ref": "#/components/schemas/Cat"}, {"properties": {"mane": {"type": "boolean"}}}]},
}
EXPECTED = 'expected one of "Pet", "Cat", "Dog", "Lion", "c", "d"'


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0", "3.2.0"])
@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        (REF_PET, {"kind": "Cat", "lives": 9}, []),
        (REF_PET, {"kind": "c", "lives": "9"}, ['$.lives: expected integer, got "9" (text)']),
        (REF_PET, {"kind": "Cat"}, ["$.lives: missing"]),
        (REF_PET, {"kind": "d", "barks": 1}, ["$.barks: expected boolean, got 1 (number)"]),
        (REF_PET, {"kind": "Pet"}, []),
        (REF_PET, {"kind": "Lion", "lives": 1, "mane": 3}, ["$.mane: expected boolean, got 3 (number)"]),
        (REF_PET, {"kind": "Lion", "mane": True}, ["$.lives: missing"]),
        (REF_PET, {"kind": "Cow"}, [f'$.kind: {EXPECTED}, got "Cow" (text)']),
        (REF_PET, {}, ["$.kind: missing", "$.kind: missing; it says which schema holds"]),
        (REF_PET, {"kind": 1}, ["$.kind: expected string, got 1 (number)", f"$.kind: {EXPECTED}, got 1 (number)"]),
        (REF_PET, 7, ["$: expected object, got 7 (number)"]),
        # a child by itself
        ({"$ref": "#/components/schemas/Cat"}, {"kind": "Cat", "lives": 9}, []),
        ({"$ref": "#/components/schemas/Cat"}, {"kind": "Lion", "lives": 9, "mane": 1}, ["$.mane: expected boolean, got 1 (number)"]),
        ({"items": REF_PET}, [{"kind": "Cat", "lives": 9}, {"kind": "Dog", "barks": "no"}], ['$[1].barks: expected boolean, got "no" (text)']),
    ],
)  # fmt: skip
def test_a_schema_names_the_one_that_is_made_of_it(
    version: str, schema: Any, value: Any, found: list[str]
) -> None:
    contract = of_schema(schema, version, PETS)
    for _ in range(2):
        said = told(contract.violations(exchange("POST", body=json.dumps(value).encode())))
        assert [one.removeprefix("body response ") for one in said] == found


def test_a_choice_that_selects_by_its_own_words_goes_before_the_parent() -> None:
    choice = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"meow": "Cat"}},
    }
    contract = of_schema(choice, "3.1.0", PETS)
    assert contract.violations(exchange("POST", body={"kind": "meow", "lives": 1})) == []
    assert told(contract.violations(exchange("POST", body={"kind": "meow"}))) == [
        "body response $.lives: missing"
    ]
    # Elsewhere the parent selects by its own words.
    (found,) = told(of_schema(REF_PET, "3.1.0", PETS).violations(exchange("POST", body={"kind": "meow"})))
    assert found == f'body response $.kind: {EXPECTED}, got "meow" (text)'


def test_a_discriminator_of_which_nothing_is_made_says_nothing() -> None:
    contract = of_schema(REF_PET, "3.1.0", {"Pet": {**PET, "discriminator": {"propertyName": "kind"}}})
    assert contract.violations(exchange("POST", body={"kind": "anything"})) == []


def test_a_mapping_that_leads_to_nothing_refuses_everything() -> None:
    odd = {**PET, "discriminator": {"propertyName": "kind", "mapping": {"c": "Cta"}}}
    contract = of_schema(REF_PET, "3.1.0", {**PETS, "Pet": odd})
    (found,) = told(contract.violations(exchange("POST", body={"kind": "Dog"})))
    assert found.startswith(
        'body response $: cannot be checked, the schema of the description is wrong: "#/components'
    )
    assert found.endswith('leads to nothing; did you mean "Cat"?')


def test_the_default_of_a_discriminator_holds_where_nothing_else_is_named() -> None:
    of_parent = {**PET, "required": [], "discriminator": {"propertyName": "kind", "defaultMapping": "Cat"}}
    contract = of_schema(REF_PET, "3.2.0", {**PETS, "Pet": of_parent})
    assert told(contract.violations(exchange("POST", body={}))) == ["body response $.lives: missing"]
    assert told(contract.violations(exchange("POST", body={"kind": "Cow", "lives": 1}))) == []
    of_choice = {
        "oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}],
        "discriminator": {"propertyName": "kind", "defaultMapping": "B"},
    }
    components = {"A": {"required": ["a"]}, "B": {"required": ["b"]}}
    chosen = of_schema(of_choice, "3.2.0", components)
    assert told(chosen.violations(exchange("POST", body={}))) == ["body response $.b: missing"]
    assert told(chosen.violations(exchange("POST", body={"kind": "A"}))) == ["body response $.a: missing"]
    assert told(chosen.violations(exchange("POST", body={"kind": "C", "b": 1}))) == []
    older = of_schema(of_choice, "3.1.0", components)
    assert told(older.violations(exchange("POST", body={}))) == [
        "body response $.kind: missing; it says which schema holds"
    ]


@pytest.mark.parametrize(
    ("schema", "fine", "wrong"),
    [
        ({"format": "int8"}, [127, "x", 1.0], [128, 1.5]),
        ({"format": "uint8"}, [0, 255], [-1, 256]),
        ({"format": "uint64"}, [2**64 - 1], [2**64]),
        ({"format": "double-int"}, [2**53 - 1], [2**53]),
        ({"format": "base64url"}, ["-_8", "aGk", 3], ["+/8=", "a"]),
        ({"format": "char"}, ["a", "é"], ["", "ab"]),
        ({"format": "json-pointer"}, ["", "/a~0/0"], ["a", "/a~2"]),
        ({"format": "binary"}, ["\x00"], []),
        ({"contentEncoding": "base64"}, ["aGk=", 7], ["aGk"]),
        ({"contentEncoding": "BASE64URL"}, ["aGk"], ["a+b="]),
        ({"contentEncoding": "quoted-printable"}, ["="], []),
        ({"contentMediaType": "application/json"}, ["[1]", 7], ["[1"]),
        ({"contentMediaType": "application/json", "contentEncoding": "base64"}, ["e30="], ["e30", "aGk="]),
        ({"contentMediaType": "image/png"}, ["x"], []),
        ({"contentEncoding": 7}, ["x"], []),
    ],
)
def test_formats_and_encodings(schema: Any, fine: list[Any], wrong: list[Any]) -> None:
    contract = of_schema(schema)
    for values, is_fine in ((fine, True), (wrong, False)):
        for value in values:
            found = contract.violations(exchange("POST", body=json.dumps(value).encode()))
            assert (found == []) is is_fine, value


def test_encodings_are_not_of_3_0() -> None:
    assert of_schema({"contentEncoding": "base64"}, "3.0.3").violations(exchange("POST", body="aGk")) == []
