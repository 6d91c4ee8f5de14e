"""Samples are valid by their schemas, by our evaluator and by another one, or openly not made."""

import json
import random
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from pytest_apitest.jsonvalue import to_plain
from pytest_apitest.openapi.description import read_description
from pytest_apitest.openapi.sample_texts import matching, singular, words_of
from pytest_apitest.openapi.samples import SampleError, Sampler
from pytest_apitest.openapi.schemas import REQUEST, RESPONSE
from pytest_apitest.regex import compile_regex

PLACE = ("components", "schemas", "S")
R = "#/components/schemas/"
PET: dict[str, dict[str, Any]] = {
    "Pet": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}, "discriminator": {"propertyName": "kind"}},
    "Cat": {"allOf": [{"$ref": R + "Pet"}, {"type": "object", "required": ["lives"], "properties": {"lives": {"type": "integer", "maximum": 9}}}]},
    "Dog": {"allOf": [{"$ref": R + "Pet"}, {"type": "object", "required": ["bark"], "properties": {"bark": {"type": "boolean"}}}]},
}  # fmt: skip
# The same without a discriminator of its own, which would have to have the mapping too.
PLAIN = {**PET, "Pet": {name: value for name, value in PET["Pet"].items() if name != "discriminator"}}
ANY = object()
_ENDLESS = "its schema refers to itself without end"
_NOT_FOUND = "no value was found that is valid by its schema"


def sampler(schema: Any, version: str = "3.1.0", direction: str = REQUEST, **more: Any) -> Sampler:
    value = {
        "openapi": version,
        "info": {"title": "t", "version": "1"},
        "paths": {},
        "components": {"schemas": {"S": schema, **more}},
    }
    return Sampler(read_description(json.dumps(value).encode(), "api.json"), direction)


class Told(str):
    """Why there is no value."""

    __slots__ = ()


def made_or_told(one: Sampler) -> Any:
    """Return a sample, or why there is none."""
    try:
        return one.value(PLACE, "thing")
    except SampleError as error:
        return Told(error.message)


def obj(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


# A schema, what the sample is (ANY: whatever is valid), and other schemas.
TABLE: list[tuple[Any, Any, dict[str, Any]]] = [
    (True, ANY, {}),
    ({}, "thing", {}),
    ({"type": "null"}, None, {}),
    ({"type": "boolean"}, True, {}),
    ({"type": "integer"}, 1, {}),
    ({"type": "number"}, 1, {}),
    ({"type": "string"}, "thing", {}),
    ({"type": "array"}, ["thing"], {}),
    ({"type": "object"}, {}, {}),
    ({"type": ["null", "integer"]}, 1, {}),
    ({"type": ["object", "string"]}, {}, {}),
    # what the description says itself
    ({"type": "string", "example": "mine"}, "mine", {}),
    ({"type": "string", "examples": ["first", "second"]}, "first", {}),
    ({"type": "string", "examples": [7, "second"]}, "second", {}),
    ({"type": "integer", "default": 12}, 12, {}),
    ({"type": "integer", "default": "wrong", "minimum": 4}, 4, {}),
    ({"const": {"a": [1]}}, {"a": [1]}, {}),
    ({"enum": ["x", "y"]}, "x", {}),
    ({"enum": ["x", 2], "type": "integer"}, 2, {}),
    ({"enum": ["x", "y"], "default": "y"}, "y", {}),
    ({"type": "string", "enum": ["x", "y"], "not": {"const": "x"}}, "y", {}),
    # numbers
    ({"type": "integer", "minimum": 5}, 5, {}),
    ({"type": "integer", "maximum": -5}, -5, {}),
    ({"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7}, 6, {}),
    ({"type": "integer", "minimum": 5.5}, 6, {}),
    ({"type": "integer", "multipleOf": 7, "minimum": 1}, 7, {}),
    ({"type": "integer", "multipleOf": 7, "minimum": 50, "maximum": 60}, 56, {}),
    ({"type": "integer", "minimum": 10**30}, 10**30, {}),
    ({"type": "integer", "format": "int32", "minimum": 2**31 - 1}, 2**31 - 1, {}),
    ({"type": "number", "minimum": 0.1, "maximum": 0.2}, ANY, {}),
    ({"type": "number", "exclusiveMinimum": 0.1, "exclusiveMaximum": 0.2}, ANY, {}),
    ({"type": "number", "multipleOf": 0.01, "minimum": 0.005, "maximum": 0.015}, ANY, {}),
    ({"type": "number", "maximum": -1.5}, ANY, {}),
    ({"allOf": [{"multipleOf": 4}, {"multipleOf": 6}], "type": "integer", "minimum": 1}, ANY, {}),
    ({"type": "integer", "not": {"const": 1}}, ANY, {}),
    # texts
    ({"type": "string", "minLength": 20}, ANY, {}),
    ({"type": "string", "maxLength": 2}, "th", {}),
    ({"type": "string", "maxLength": 0}, "", {}),
    ({"type": "string", "minLength": 3, "maxLength": 3}, "thi", {}),
    ({"type": "string", "minLength": 1000}, ANY, {}),
    *(({"type": "string", "format": name}, ANY, {}) for name in (
        "date", "date-time", "time", "duration", "email", "uri", "uuid", "hostname", "ipv4", "ipv6", "byte", "uri-reference", "unheard-of"
    )),
    ({"type": "string", "format": "email", "maxLength": 16}, "ada@mail.example", {}),
    ({"type": "string", "pattern": r"\S"}, "thing", {}),
    ({"type": "string", "pattern": "^[a-z]{2}$"}, "ab", {}),
    ({"type": "string", "pattern": "^/quotes/[1-9][0-9]*$"}, ANY, {}),
    ({"type": "string", "pattern": r"^\d{4}-\d{2}$"}, ANY, {}),
    ({"type": "string", "pattern": "^(red|green)$"}, "red", {}),
    ({"type": "string", "pattern": r"^[A-Z]\w*$", "minLength": 8}, ANY, {}),
    ({"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"}, ANY, {}),
    ({"type": "string", "pattern": r"^\+?[0-9 .()-]{7,}$"}, ANY, {}),
    ({"type": "string", "pattern": r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$"}, ANY, {}),
    ({"type": "string", "pattern": "x", "minLength": 5}, ANY, {}),
    ({"allOf": [{"pattern": "a"}, {"pattern": "^[ab]+$"}], "type": "string"}, ANY, {}),
    # arrays
    ({"type": "array", "items": {"type": "integer"}}, [1], {}),
    ({"type": "array", "minItems": 3, "items": {"type": "integer"}}, ANY, {}),
    ({"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "string"}}, ["thing", "thing 2", "thing 3"], {}),
    ({"type": "array", "minItems": 2, "uniqueItems": True, "items": {"enum": [1, 2]}}, [1, 2], {}),
    ({"type": "array", "minItems": 30, "uniqueItems": True, "items": {"type": "string", "format": "date"}}, ANY, {}),
    ({"type": "array", "minItems": 12, "uniqueItems": True, "items": {"type": "integer", "maximum": 0}}, ANY, {}),
    ({"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "boolean"}, "maxItems": 3, "not": {}}, SampleError, {}),
    ({"type": "array", "minItems": 2, "uniqueItems": True, "items": obj("n", n={"type": "integer"})}, ANY, {}),
    ({"type": "array", "maxItems": 0, "items": {"type": "integer"}}, [], {}),
    ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "items": False}, ["thing", 1], {}),
    ({"type": "array", "contains": {"const": 7}}, [7], {}),
    ({"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 5}, "minContains": 2}, ANY, {}),
    # objects
    (obj("a b", a={"type": "string"}, b={"type": "integer"}, c={"type": "string"}), {"a": "a", "b": 1}, {}),
    (obj("", a={"type": "string"}, b={"type": "object"}), {"a": "a"}, {}),
    (obj("", a={"type": "string", "deprecated": True}, b={"type": "integer"}), {"b": 1}, {}),
    (obj("other"), {"other": "other"}, {}),
    (obj("id a", id={"type": "integer", "readOnly": True}, a={"type": "string"}), {"a": "a"}, {}),
    ({**obj("id a", id={"readOnly": True}, a={}), "example": {"id": 1, "a": 2}}, {"a": 2}, {}),
    ({**obj("in", **{"in": obj("", id={"readOnly": True}, b={})}), "example": {"in": {"id": 1, "b": 2}}}, {"in": {"b": 2}}, {}),
    ({"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}}, {"name": 1, "name 2": 1}, {}),
    ({"type": "object", "minProperties": 1, "patternProperties": {"^x-[a-z]+$": {"type": "boolean"}}, "propertyNames": {"pattern": "^x-[a-z]+$"}}, ANY, {}),
    ({"type": "object", "minProperties": 2, "properties": {"a": {}, "b": {}, "c": {}}, "additionalProperties": False}, ANY, {}),
    ({**obj("a", a={"type": "string"}, b={"type": "string"}), "dependentRequired": {"a": ["b"]}}, {"a": "a", "b": "b"}, {}),
    ({**obj("a", a={}), "dependentSchemas": {"a": {"required": ["c"]}}}, ANY, {}),
    ({**obj("a", a={"const": 1}, b={"type": "string"}), "if": obj("", a={"const": 1}), "then": {"required": ["b"]}}, {"a": 1, "b": "b"}, {}),
    ({**obj("a", a={"const": 2}), "if": obj("", a={"const": 1}), "then": {"required": ["b"]}, "else": {"required": ["c"]}}, ANY, {}),
    ({"unevaluatedProperties": False, "allOf": [obj("a", a={"type": "string"})], **obj("b", b={"type": "integer"})}, ANY, {}),
    ({"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"a": 1}, {}),
    # together
    ({"allOf": [{"$ref": R + "A"}, obj("b", b={"type": "integer"})]}, {"a": "a", "b": 1}, {"A": obj("a", a={"type": "string"})}),
    ({"allOf": [obj("a", a={"minimum": 3}), obj("", a={"type": "integer", "maximum": 4})]}, {"a": 3}, {}),
    ({"allOf": [{"$ref": R + "A"}, {"$ref": R + "B"}]}, {"a": 5, "b": 6}, {"A": {**obj("a", a={}), "example": {"a": 5}}, "B": {**obj("b", b={}), "example": {"b": 6}}}),
    ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1, {}),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, ANY, {}),
    ({"oneOf": [False, {"type": "boolean"}]}, True, {}),
    ({"oneOf": [obj("a", a={}), obj("b", b={})], "anyOf": [obj("c", c={}), obj("d", d={})]}, ANY, {}),
    ({"oneOf": [{"$ref": R + "Cat"}, {"$ref": R + "Dog"}], "discriminator": {"propertyName": "kind"}}, {"kind": "Cat", "lives": 1}, PET),
    ({"oneOf": [{"$ref": R + "Cat"}, {"$ref": R + "Dog"}], "discriminator": {"propertyName": "kind", "mapping": {"meow": R + "Cat"}}}, {"kind": "meow", "lives": 1}, PLAIN),
    ({"oneOf": [{"$ref": R + "Cat"}, {"$ref": R + "Dog"}], "discriminator": {"propertyName": "kind", "mapping": {"meow": R + "Cat"}}}, {"kind": "meow", "lives": 1}, PET),
    ({"$ref": R + "Pet"}, ANY, PET),
    ({"not": {"type": "string"}}, ANY, {}),
    ({"$ref": R + "A", "maxLength": 1}, "t", {"A": {"type": "string"}}),
    ({"$ref": "#/components/schemas/A/properties/x"}, 1, {"A": obj("", x={"type": "integer"})}),
    # round and round
    (obj("children", children={"type": "array", "items": {"$ref": R + "S"}}), {"children": []}, {}),
    (obj("next", next={"anyOf": [{"$ref": R + "S"}, {"type": "null"}]}), {"next": None}, {}),
    (obj("", next={"$ref": R + "S"}), {}, {}),
    (obj("a", a={"$ref": R + "B"}), {"a": {"b": []}}, {"B": obj("b", b={"type": "array", "items": {"$ref": R + "S"}})}),
    ({"anyOf": [{"type": "array", "items": {"$ref": R + "S"}, "minItems": 1}, {"type": "integer"}]}, ANY, {}),
    ({"type": "object", "additionalProperties": {"$ref": R + "S"}}, {}, {}),
]  # fmt: skip


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 80


@pytest.mark.parametrize(("schema", "expected", "more"), TABLE, ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "")  # fmt: skip
def test_a_sample_is_valid(schema: Any, expected: Any, more: dict[str, Any]) -> None:
    made = sampler(schema, **more)
    if expected is SampleError:
        with pytest.raises(SampleError):
            made.value(PLACE, "thing")
        return
    value = made.value(PLACE, "things")
    assert made.fits(PLACE, value)
    assert value == sampler(schema, **more).value(PLACE, "things"), (
        "the same description gives the same value"
    )
    if expected is not ANY:
        assert made.value(PLACE, "thing") == expected
    if "readOnly" not in json.dumps(schema):
        assert_valid_elsewhere(schema, value, more)


def assert_valid_elsewhere(schema: Any, value: Any, more: dict[str, Any]) -> None:
    """Fail when the library jsonschema does not take a value."""
    whole = {"$ref": R + "S", "components": {"schemas": {"S": schema, **more}}}
    if "multipleOf" not in json.dumps(whole):  # which the library reckons in floats
        formats = jsonschema.FormatChecker(("date", "date-time", "email", "uuid", "ipv4", "ipv6"))
        checker = jsonschema.Draft202012Validator(whole, format_checker=formats)
        assert not list(checker.iter_errors(to_plain(value))), value


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "nullable": True}, "thing"),
        ({"type": "integer", "minimum": 5, "exclusiveMinimum": True}, 6),
        ({"type": "integer", "maximum": 5, "exclusiveMaximum": True, "minimum": 4}, 4),
        ({"nullable": True, "type": "string", "enum": [None]}, None),
        ({"type": "number", "example": 2.50}, 2.5),
        ({"$ref": R + "A", "maxLength": 1}, "text of a"),
    ],
)
def test_a_sample_is_valid_by_a_schema_of_3_0(schema: Any, expected: Any) -> None:
    made = sampler(schema, "3.0.3", A={"type": "string", "example": "text of a"})
    assert made.value(PLACE, "thing") == expected
    assert made.fits(PLACE, expected)


def test_what_is_write_only_is_left_out_of_an_answer() -> None:
    schema = obj("a b", a={"type": "string", "writeOnly": True}, b={"type": "integer"})
    assert sampler(schema, direction=RESPONSE).value(PLACE) == {"b": 1}
    assert sampler(schema).value(PLACE) == {"a": "a", "b": 1}


def test_examples_beside_the_schema_go_first_where_they_are_valid() -> None:
    made = sampler({"type": "integer", "example": 1})
    assert made.value(PLACE, "", ["wrong", 7]) == 7
    assert made.value(PLACE, "", ["wrong"]) == 1


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (False, "nothing is allowed there"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "no value was found that is valid by its schema"),
        ({"type": "string", "pattern": "^(?=a)b"}, "its pattern cannot be checked here: ^(?=a)b"),
        (obj("a", a={"type": "string", "pattern": r"^\p{Greek}$"}), "a: no value was found that is valid by its schema"),
        (obj("a", a={"$ref": R + "S"}), "a: its schema refers to itself without end"),
        (obj("b", b=obj("c", c=False)), "b.c: nothing is allowed there"),
        ({**obj("a"), "additionalProperties": False}, "a is required and not allowed"),
        ({"type": "array", "minItems": 5000, "items": {}}, "it needs 5,000 items"),
        ({"type": "object", "minProperties": 5000}, "it needs 5,000 members"),
        ({"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "boolean"}}, "3 different items are not to be found"),
        ({"type": "string", "minLength": 1_000_000}, "no value was found that is valid by its schema"),
        ({"type": "strin"}, 'its schema is wrong: type is one of string, number, integer, boolean, array, object, null, not "strin"'),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_told(schema: Any, reason: str) -> None:
    with pytest.raises(SampleError) as caught:
        sampler(schema).value(PLACE, "thing")
    assert caught.value.message == reason


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf", "not"])
def test_a_schema_that_is_nested_very_deep_ends(keyword: str) -> None:
    schema: Any = {"type": "integer"}
    for _ in range(80):
        schema = {keyword: schema if keyword == "not" else [schema]}
    assert made_or_told(sampler(schema)) in (1, "it is nested too deep", _ENDLESS, _NOT_FOUND)


def test_a_schema_with_very_many_choices_ends() -> None:
    branch = {"anyOf": [{"required": ["a"], "not": {"required": ["a"]}}] * 12}
    with pytest.raises(SampleError):
        sampler({"type": "object", "allOf": [branch] * 12}).value(PLACE)


# -- random schemas -------------------------------------------------------------------------------------


def any_schema(chance: random.Random, depth: int = 0) -> Any:
    """Return a schema that somebody might write, sometimes one that nothing fits."""
    makers: list[Callable[[random.Random, int], Any]] = [_text, _number, _constant]
    if depth < 4:
        makers += [_array, _object, _object, _combined, lambda *_: {"$ref": R + chance.choice("SAB")}]
    schema = chance.choice(makers)(chance, depth)
    if isinstance(schema, dict) and "$ref" not in schema and chance.random() < 0.1:
        schema["not"] = {"const": chance.choice([1, "text", None])}
    return schema


def _text(chance: random.Random, _: int) -> Any:
    schema: dict[str, Any] = {"type": chance.choice(["string", ["string", "null"]])}
    kind = chance.random()
    if kind < 0.3:
        schema["format"] = chance.choice(["date", "date-time", "email", "uuid", "uri", "ipv4", "odd"])
    elif kind < 0.6:
        schema["pattern"] = chance.choice(["^[a-f]+$", r"\d{3}", "^(a|bc)*$", "^x?y{2,4}[^z]$", r"^\w+-\w+$"])
    if chance.random() < 0.4:
        schema["minLength"] = chance.randrange(12)
    if chance.random() < 0.4:
        schema["maxLength"] = chance.randrange(4, 40)
    return schema


def _number(chance: random.Random, _: int) -> Any:
    schema: dict[str, Any] = {"type": chance.choice(["integer", "number"])}
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if chance.random() < 0.3:
            schema[keyword] = chance.choice([-100, -1.5, 0, 0.5, 3, 1000])
    if chance.random() < 0.3:
        schema["multipleOf"] = chance.choice([2, 0.5, 7, 10])
    return schema


def _constant(chance: random.Random, _: int) -> Any:
    return chance.choice([{"enum": ["a", 1, None]}, {"const": {"a": 1}}, {"type": "boolean"}, {}, True])


def _array(chance: random.Random, depth: int) -> Any:
    schema: dict[str, Any] = {"type": "array", "items": any_schema(chance, depth + 1)}
    if chance.random() < 0.4:
        schema["minItems"] = chance.randrange(4)
    if chance.random() < 0.3:
        schema["uniqueItems"] = True
    if chance.random() < 0.2:
        schema["prefixItems"] = [any_schema(chance, depth + 1)]
    return schema


def _object(chance: random.Random, depth: int) -> Any:
    names = chance.sample(["id", "name", "first name", "tags", "next", "ü"], chance.randrange(1, 5))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: any_schema(chance, depth + 1) for name in names},
        "required": [name for name in names if chance.random() < 0.5],
    }
    if chance.random() < 0.3:
        schema["additionalProperties"] = chance.choice([False, {"type": "integer"}])
    if chance.random() < 0.2:
        schema["minProperties"] = chance.randrange(4)
    return schema


def _combined(chance: random.Random, depth: int) -> Any:
    keyword = chance.choice(["allOf", "anyOf", "oneOf"])
    return {keyword: [any_schema(chance, depth + 1) for _ in range(chance.randrange(1, 4))]}


@pytest.mark.parametrize("seed", range(6))
def test_samples_of_random_schemas_are_valid_or_openly_not_made(seed: int) -> None:
    chance = random.Random(seed)
    made = 0
    for _ in range(25):
        schema, more = any_schema(chance), {"A": any_schema(chance, 2), "B": any_schema(chance, 3)}
        one = sampler(schema, **more)
        value = made_or_told(one)
        if isinstance(value, Told):
            assert value
            continue
        made += 1
        assert one.fits(PLACE, value), schema
        assert_valid_elsewhere(schema, value, more)
    assert made > 10


# -- texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        "", "a", "^a$", "a|b", "(a)(?:b)(?P<c>c)(?<d>d)", "[abc]", "[^abc]", "[a-zA-Z0-9_-]", "[]a]", "[^]a]", r"[\d\s]", r"\d\D\w\W\s\S",
        "a*", "a+", "a?", "a{3}", "a{2,}", "a{2,5}", "a+?", "(ab|cd){2}", r"\.\*\?\\\/", r"\x41", r"\x{1F600}", r"\n\t", "^$", r"\bword\b",
        r"\p{L}+", r"\p{Lu}\p{Ll}\p{Nd}", "[é-ü]", "日本+", "^(?:[0-9]{1,3}\\.){3}[0-9]{1,3}$", "(|a)", "x{0}", "[.$^]", "[a\\-z]",
    ],
)  # fmt: skip
def test_texts_that_match_an_expression(pattern: str) -> None:
    texts = list(matching(pattern))
    assert texts
    assert len(texts) == len(set(texts))
    compiled = compile_regex(pattern.replace("(?<", "(?P<"))
    assert all(compiled.search(text) for text in texts)


@pytest.mark.parametrize("pattern", ["(?=a)", "(?!a)b", r"(a)\1", "(?i)a", "a)", "(a", "[a", "*", "[z-a]", r"\p{Greek}", "[[:alpha:]]", r"\q", "[^\\d\\D]"])  # fmt: skip
def test_expressions_that_are_not_constructed(pattern: str) -> None:
    assert list(matching(pattern)) == []


def test_many_different_texts() -> None:
    assert len(list(matching("^[a-z]{3}[0-9]{4}$"))) >= 100


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("firstName", ["first", "name"]),
        ("HTTPServer", ["http", "server"]),
        ("a-b_c d", ["a", "b", "c", "d"]),
        ("", []),
        ("日本", ["日本"]),
    ],
)
def test_words(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("plural", "one"),
    [("quotes", "quote"), ("categories", "category"), ("addresses", "address"), ("boxes", "box"), ("status", "status"), ("class", "class"), ("gas", "gas"), ("shelves", "shelf"), ("people", "person"), ("series", "series")],
)  # fmt: skip
def test_singulars(plural: str, one: str) -> None:
    assert singular(plural) == one
