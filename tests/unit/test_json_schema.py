"""The schema engine: every keyword, every message, what is refused beforehand, numbers, depth and time.

`test_agrees_with_the_library` compares verdicts with the library jsonschema on made-up schemas and values.
"""

import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_apitest.formats import FORMATS
from pytest_apitest.json_schema import Compiled, SchemaError, compile_schema
from pytest_apitest.jsonvalue import Number, loads

Row = tuple[Any, Any, list[tuple[str, str]]]


def violations(schema: Any, value: Any, limit: int = 20) -> list[tuple[str, str]]:
    found = compile_schema(schema, None).violations(value, limit)
    return [(violation.path, violation.message) for violation in found]


def fits(schema: Any, value: Any) -> bool:
    return not violations(schema, value)


MESSAGES: list[Row] = [
    # any type
    ({"type": "string"}, 7, [("$", "expected string, got 7 (number)")]),
    ({"type": "integer"}, 1.5, [("$", "expected integer, got 1.5 (number)")]),
    ({"type": "number"}, "1", [("$", 'expected number, got "1" (text)')]),
    ({"type": "number"}, True, [("$", "expected number, got true (boolean)")]),
    ({"type": "object"}, [1, {"a": None}], [("$", 'expected object, got [1,{"a":null}] (array)')]),
    ({"type": ["string", "null"]}, {"a": 1}, [("$", 'expected string or null, got {"a":1} (object)')]),
    ({"type": "boolean"}, None, [("$", "expected boolean, got null")]),
    ({"const": 7}, 8, [("$", "expected 7, got 8")]),
    ({"const": 7}, "7", [("$", 'expected 7 (number), got "7" (text)')]),
    ({"const": None}, 0, [("$", "expected null, got 0 (number)")]),
    ({"const": {"a": [1]}}, {"a": [2]}, [("$", 'expected {"a":[1]}, got {"a":[2]}')]),
    ({"enum": ["a", 1, None]}, "b", [("$", 'expected one of "a", 1, null, got "b" (text)')]),
    (
        {"enum": list(range(100))},
        True,
        [("$", f"expected one of {', '.join(map(str, range(18)))}, …, got true (boolean)")],
    ),
    # numbers
    ({"minimum": 5}, 4, [("$", "expected at least 5, got 4")]),
    ({"maximum": 5}, 5.5, [("$", "expected at most 5, got 5.5")]),
    ({"exclusiveMinimum": 5}, 5, [("$", "expected more than 5, got 5")]),
    ({"exclusiveMaximum": 5}, Number("5.00"), [("$", "expected less than 5, got 5.00")]),
    ({"multipleOf": Number("0.01")}, Number("0.005"), [("$", "expected a multiple of 0.01, got 0.005")]),
    # texts
    ({"minLength": 3}, "a", [("$", 'expected at least 3 characters, got 1: "a"')]),
    ({"minLength": 1}, "", [("$", 'expected at least 1 character, got 0: ""')]),
    ({"maxLength": 2}, "abc", [("$", 'expected at most 2 characters, got 3: "abc"')]),
    ({"maxLength": 0}, "a", [("$", 'expected at most 0 characters, got 1: "a"')]),
    ({"pattern": "^[a-z]+$"}, "A1", [("$", 'expected a match of ^[a-z]+$, got "A1"')]),
    ({"format": "date"}, "2023-02-29", [("$", 'expected format date, got "2023-02-29"')]),
    # arrays
    ({"minItems": 2}, [1], [("$", "expected at least 2 items, got 1")]),
    ({"maxItems": 1}, [1, 2, 3], [("$", "expected at most 1 item, got 3")]),
    ({"uniqueItems": True}, [1, {"a": 1}, 2, {"a": 1}], [("$", 'items 1 and 3 are equal: {"a":1}')]),
    ({"items": {"type": "null"}}, [None, 1], [("$[1]", "expected null, got 1 (number)")]),
    ({"items": False}, [1], [("$[0]", "not allowed")]),
    ({"prefixItems": [{"type": "null"}]}, [1, 2], [("$[0]", "expected null, got 1 (number)")]),
    ({"prefixItems": [True], "items": False}, [1, 2, 3], [("$[1]", "not allowed"), ("$[2]", "not allowed")]),
    (
        {"contains": {"const": 1}},
        [2, 3],
        [("$", "expected at least 1 item to fit the schema in contains, got 0 of 2")],
    ),
    (
        {"contains": {"const": 1}, "minContains": 2},
        [1, 3],
        [("$", "expected at least 2 items to fit the schema in contains, got 1 of 2")],
    ),
    (
        {"contains": {"const": 1}, "maxContains": 1},
        [1, 1, 1],
        [("$", "expected at most 1 item to fit the schema in contains, got 3 of 3")],
    ),
    ({"prefixItems": [True], "unevaluatedItems": False}, [1, 2], [("$[1]", "not allowed")]),
    ({"unevaluatedItems": {"type": "null"}}, [None, 1], [("$[1]", "expected null, got 1 (number)")]),
    # objects
    ({"required": ["a", "b", "c"]}, {"b": 1}, [("$.a", "missing"), ("$.c", "missing")]),
    ({"minProperties": 2}, {"a": 1}, [("$", "expected at least 2 members, got 1")]),
    ({"maxProperties": 1}, {"a": 1, "b": 2}, [("$", "expected at most 1 member, got 2")]),
    (
        {"dependentRequired": {"card": ["address", "name"]}},
        {"card": 1, "name": 2},
        [("$.address", 'missing, needed beside "card"')],
    ),
    ({"properties": {"a": {"type": "null"}}}, {"a": 1, "b": 1}, [("$.a", "expected null, got 1 (number)")]),
    ({"properties": {"a": False}}, {"a": 1}, [("$.a", "not allowed")]),
    (
        {"properties": {"author": True}, "additionalProperties": False},
        {"autor": 1, "x": 2},
        [("$.autor", 'not allowed; did you mean "author"?'), ("$.x", "not allowed")],
    ),
    (
        {"patternProperties": {"^x-": {"type": "null"}}, "additionalProperties": {"type": "string"}},
        {"x-a": 1, "b": 2, "c": ""},
        [("$['x-a']", "expected null, got 1 (number)"), ("$.b", "expected string, got 2 (number)")],
    ),
    (
        {"propertyNames": {"maxLength": 1}},
        {"a": 1, "bc": 2},
        [("$.bc", 'the name: expected at most 1 character, got 2: "bc"')],
    ),
    ({"propertyNames": False}, {"a": 1}, [("$.a", "the name: not allowed")]),
    (
        {"properties": {"name": True}, "unevaluatedProperties": False},
        {"name": 1, "nmae": 2},
        [("$.nmae", 'not allowed; did you mean "name"?')],
    ),
    ({"unevaluatedProperties": {"type": "null"}}, {"a": 1}, [("$.a", "expected null, got 1 (number)")]),
    # schemas in schemas
    (False, 1, [("$", "not allowed")]),
    (
        {"allOf": [{"minimum": 3}, {"maximum": 1}]},
        2,
        [("$", "expected at least 3, got 2"), ("$", "expected at most 1, got 2")],
    ),
    (
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        7,
        [("$", "fits no schema in anyOf: expected string, got 7 (number); expected null, got 7 (number)")],
    ),
    (
        {"anyOf": [{"properties": {"kind": {"const": "a"}}}, {"required": ["id"]}]},
        {"kind": "b"},
        [("$", 'fits no schema in anyOf: .kind: expected "a", got "b"; .id: missing')],
    ),
    (
        {"anyOf": [{"const": number} for number in range(5)]},
        9,
        [("$", "fits no schema in anyOf: expected 0, got 9; expected 1, got 9; expected 2, got 9; …")],
    ),
    (
        {"oneOf": [{"type": "string"}, {"type": "string"}]},
        7,
        [("$", "fits no schema in oneOf: expected string, got 7 (number)")],
    ),
    (
        {"oneOf": [{"minimum": 1}, {"minimum": 5}, {"minimum": 2}]},
        3,
        [("$", "fits oneOf/0 and oneOf/2, but may fit only one")],
    ),
    (
        {"oneOf": [True] * 5},
        3,
        [("$", "fits oneOf/0 and oneOf/1 and oneOf/2 and 2 more, but may fit only one")],
    ),
    ({"not": {"type": "string"}}, "a", [("$", "fits the schema in not")]),
    (
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}},
        {"a": 1},
        [("$.b", "missing")],
    ),
    (
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}},
        {},
        [("$.c", "missing")],
    ),
    ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}, [("$.b", "missing")]),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, 1, [("$", "expected null, got 1 (number)")]),
]


@pytest.mark.parametrize(("schema", "value", "expected"), MESSAGES)
def test_messages(schema: Any, value: Any, expected: list[tuple[str, str]]) -> None:
    assert violations(schema, value) == expected


FITTING: list[tuple[Any, Any]] = [
    (True, None),
    ({}, {"a": 1}),
    ({"type": "string"}, ""),
    ({"type": "integer"}, 1.0),
    ({"type": "integer"}, Number("1.0")),
    ({"type": "integer"}, Number("10e-1")),
    ({"type": "integer"}, 2**80),
    ({"type": "number"}, Decimal("1.5")),
    ({"type": ["string", "null"]}, None),
    ({"const": {"a": 1, "b": [2]}}, {"b": [2.0], "a": Number("1.0")}),
    ({"enum": [[1], "a"]}, [1]),
    ({"minimum": 5, "maximum": 5}, 5),
    ({"exclusiveMinimum": 5}, 5.0000001),
    ({"minimum": 5, "multipleOf": 2, "exclusiveMaximum": 1}, "not a number"),
    ({"minLength": 2, "maxLength": 2}, "🎉🎉"),
    ({"minLength": 2, "pattern": "^a", "format": "date"}, 7),
    ({"pattern": "b"}, "abc"),
    ({"minItems": 1, "maxItems": 1, "uniqueItems": True, "items": False, "contains": False}, {"a": 1}),
    ({"uniqueItems": False}, [1, 1]),
    ({"uniqueItems": True}, [1, True, "1", 0, False, None, [1], [True], {}, []]),
    ({"prefixItems": [{"type": "null"}, {"type": "string"}]}, [None]),
    ({"prefixItems": [True, True], "items": False}, [1]),
    ({"contains": {"const": 1}, "minContains": 0}, [2]),
    ({"minContains": 5}, []),
    ({"required": ["a"], "minProperties": 5, "propertyNames": False, "properties": {"a": False}}, ["a"]),
    ({"required": ["a"]}, {"a": None}),
    ({"dependentRequired": {"a": ["b"]}}, {"b": 1}),
    ({"dependentSchemas": {"a": False}}, {"b": 1}),
    ({"patternProperties": {"^x": True}, "additionalProperties": False}, {"x1": 1}),
    ({"then": False, "else": False}, 1),
    ({"if": False, "then": False}, 1),
    ({"if": True, "else": False}, 1),
    ({"not": {"not": {}}}, 1),
    ({"oneOf": [{"type": "string"}, {"type": "null"}]}, None),
    ({"contentEncoding": "base64", "contentMediaType": "application/json", "contentSchema": False}, "x"),
    ({"title": "t", "default": 7, "examples": [1], "readOnly": True, "x-own": {"type": 5}}, 1),
]


@pytest.mark.parametrize(("schema", "value"), FITTING)
def test_values_that_fit(schema: Any, value: Any) -> None:
    assert violations(schema, value) == []


UNEVALUATED: list[tuple[Any, Any, bool]] = [
    ({"allOf": [{"properties": {"a": True}}]}, {"a": 1}, True),
    ({"anyOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": True}}]}, {"a": 2, "b": 1}, False),
    ({"anyOf": [{"properties": {"a": True}}, {"properties": {"b": True}}]}, {"a": 2, "b": 1}, True),
    ({"oneOf": [{"required": ["a"], "properties": {"a": True}}, {"required": ["b"]}]}, {"a": 1}, True),
    ({"not": {"properties": {"a": True}, "required": ["b"]}}, {"a": 1}, False),
    ({"if": {"required": ["a"]}, "then": {"properties": {"a": True}}}, {"a": 1}, True),
    ({"if": {"properties": {"a": True}}}, {"a": 1}, True),
    ({"if": {"properties": {"a": {"const": 2}}}, "else": True}, {"a": 1}, False),
    ({"dependentSchemas": {"a": {"properties": {"a": True, "b": True}}}}, {"a": 1, "b": 1}, True),
    ({"dependentSchemas": {"a": {"properties": {"b": True}}}}, {"b": 1}, False),
    ({"$ref": "#/$defs/d", "$defs": {"d": {"patternProperties": {"^a": True}}}}, {"a": 1}, True),
    ({"additionalProperties": True}, {"a": 1}, True),
    ({"allOf": [{"unevaluatedProperties": True}]}, {"a": 1}, True),
    ({"properties": {"a": {"properties": {"b": True}}}}, {"b": 1}, False),
    ({"allOf": [{"prefixItems": [True]}]}, [1], True),
    ({"allOf": [{"prefixItems": [True]}]}, [1, 2], False),
    ({"allOf": [{"items": True}]}, [1, 2], True),
    ({"contains": {"const": 1}}, [1, 1], True),
    ({"contains": {"const": 1}}, [1, 2], False),
    ({"allOf": [{"contains": {"const": 1}}, {"contains": {"const": 2}}]}, [1, 2], True),
]


@pytest.mark.parametrize(("schema", "value", "expected"), UNEVALUATED)
def test_what_other_keywords_have_looked_at_is_evaluated(schema: Any, value: Any, expected: bool) -> None:
    closed = {**schema, "unevaluatedProperties": False, "unevaluatedItems": False}
    assert fits(closed, value) is expected
    # The order of keywords does not count.
    assert fits({"unevaluatedProperties": False, "unevaluatedItems": False, **schema}, value) is expected


def test_what_is_left_unevaluated_by_another_failure_is_not_reported_beside_it() -> None:
    schema = {"allOf": [{"properties": {"a": {"type": "string"}}}], "unevaluatedProperties": False}
    assert violations(schema, {"a": 1}) == [("$.a", "expected string, got 1 (number)")]
    assert violations(schema, {"a": "", "b": 1}) == [("$.b", "not allowed")]


# -- references -----------------------------------------------------------------------------------------

REFERENCES: list[Any] = [
    {"$ref": "#/$defs/n", "$defs": {"n": {"type": "null"}}},
    {"$ref": "#n", "$defs": {"x": {"$anchor": "n", "type": "null"}}},
    {"$ref": "item", "$defs": {"x": {"$id": "item", "type": "null"}}},
    {"$ref": "item#/$defs/y", "$defs": {"x": {"$id": "item", "$defs": {"y": {"type": "null"}}}}},
    {"$ref": "item#n", "$defs": {"x": {"$id": "item", "$defs": {"y": {"$anchor": "n", "type": "null"}}}}},
    {
        "$id": "https://example.org/root.json",
        "$ref": "sub/item.json",
        "$defs": {
            "x": {
                "$id": "https://example.org/sub/item.json",
                "$ref": "#/$defs/y",
                "$defs": {"y": {"type": "null"}},
            }
        },
    },
    {
        "$id": "https://example.org/root.json",
        "$ref": "https://example.org/root.json#/$defs/x",
        "$defs": {"x": {"type": "null"}},
    },
    {"$id": "urn:example:root", "$ref": "#n", "$defs": {"x": {"$anchor": "n", "type": "null"}}},
    {"$id": "urn:example:root", "$ref": "urn:example:root#/$defs/x", "$defs": {"x": {"type": "null"}}},
    {"$ref": "#/$defs/a~1b~0c%25", "$defs": {"a/b~c%": {"type": "null"}}},
    {"$ref": "#/allOf/1", "allOf": [True, {"type": "null"}]},
    {"$ref": "#/components/schemas/x", "components": {"schemas": {"x": {"type": "null"}}}},
    {"$ref": "#/x/0", "x": [{"$ref": "#/y"}], "y": {"type": "null"}},
    {"$ref": "#/definitions/x", "definitions": {"x": {"type": "null"}}},
    {"$dynamicRef": "#n", "$defs": {"x": {"$dynamicAnchor": "n", "type": "null"}}},
    {"$dynamicRef": "#n", "$defs": {"x": {"$anchor": "n", "type": "null"}}},
    {"$dynamicRef": "#/$defs/x", "$defs": {"x": {"$dynamicAnchor": "n", "type": "null"}}},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "null"},
    {"$schema": "https://json-schema.org/draft/2020-12/schema#", "type": "null"},
]


@pytest.mark.parametrize("schema", REFERENCES)
def test_references_within_the_document(schema: Any) -> None:
    assert fits(schema, None)
    assert violations(schema, 1) == [("$", "expected null, got 1 (number)")]


def test_a_dynamic_reference_leads_to_the_outermost_anchor() -> None:
    tree = {
        "$id": "https://example.org/tree",
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    }
    strict = {
        "$id": "https://example.org/strict",
        "$dynamicAnchor": "node",
        "$ref": "tree",
        "unevaluatedProperties": False,
        "$defs": {"tree": tree},
    }
    slip = {"children": [{"daat": 1}]}
    assert violations(strict, slip) == [("$.children[0].daat", "not allowed")]
    assert fits(strict, {"children": [{"data": 1, "children": [{}]}]})
    assert fits(tree, slip)


def test_a_reference_to_the_own_file_stays_in_the_document(tmp_path: Path) -> None:
    schema = {"$ref": "quote.json#/$defs/x", "$defs": {"x": {"type": "null"}}}
    compiled = compile_schema(schema, tmp_path / "quote.json")
    assert [found.path for found in compiled.violations(1)] == ["$"]
    with pytest.raises(SchemaError) as caught:
        compile_schema(schema, tmp_path / "other.json")
    assert (
        caught.value.message == '"quote.json#/$defs/x" leads out of this document, and nothing else is read'
    )


def test_no_file_is_read_even_when_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(SchemaError, match="leads out of this document"):
        compile_schema({"$ref": "other.json"}, tmp_path / "quote.json")


FORMAT_LIST = "date, date-time, time, duration, email, uri, uuid, hostname, ipv4, ipv6"
NOT_HERE = "leads out of this document, and nothing else is read"
DIALECT_MESSAGE = (
    "is not supported; schemas here are of JSON Schema 2020-12, https://json-schema.org/draft/2020-12/schema"
)

REFUSED: list[tuple[Any, str, str]] = [
    # the metaschema
    (7, "", "expected object or boolean, got 7 (number)"),
    (None, "", "expected object or boolean, got null"),
    ({"type": "strng"}, "/type", 'unknown type "strng"; did you mean "string"?'),
    (
        {"type": "xyzzy"},
        "/type",
        'unknown type "xyzzy"; known: string, number, integer, boolean, array, object, null',
    ),
    ({"items": {"type": ["string", "nul"]}}, "/items/type", 'unknown type "nul"; did you mean "null"?'),
    (
        {"properties": {"type": "string"}},
        "/properties/type",
        'expected object or boolean, got "string" (text)',
    ),
    ({"minimum": "1"}, "/minimum", 'expected number, got "1" (text)'),
    ({"minLength": -1}, "/minLength", "expected at least 0, got -1"),
    ({"multipleOf": 0}, "/multipleOf", "expected more than 0, got 0"),
    ({"items": [{}]}, "/items", "expected object or boolean, got [{}] (array)"),
    ({"allOf": []}, "/allOf", "expected at least 1 item, got 0"),
    ({"required": ["a", "a"]}, "/required", 'items 0 and 1 are equal: "a"'),
    (
        {"properties": {"a/b~": {"required": "a"}}},
        "/properties/a~1b~0/required",
        'expected array, got "a" (text)',
    ),
    ({"$anchor": "1a"}, "/$anchor", 'expected a match of ^[A-Za-z_][-A-Za-z0-9._]*$, got "1a"'),
    ({"$id": "a#b"}, "/$id", 'expected a match of ^[^#]*#?$, got "a#b"'),
    ({"$ref": "#/x", "x": {"type": 5}}, "/x/type", "fits no schema in anyOf: expected one of "),
    # dialects
    (
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        "/$schema",
        f'"http://json-schema.org/draft-07/schema#" {DIALECT_MESSAGE}',
    ),
    (
        {"$defs": {"a": {"$id": "x", "$schema": "https://json-schema.org/draft/2019-09/schema"}}},
        "/$defs/a/$schema",
        f'"https://json-schema.org/draft/2019-09/schema" {DIALECT_MESSAGE}',
    ),
    # formats
    ({"format": "iri"}, "/format", f'format "iri" is not checked here; known: {FORMAT_LIST}'),
    (
        {"properties": {"a": {"anyOf": [{"items": {"format": "Date"}}]}}},
        "/properties/a/anyOf/0/items/format",
        f'format "Date" is not checked here; known: {FORMAT_LIST}',
    ),
    (
        {"$defs": {"unused": {"format": "regex"}}},
        "/$defs/unused/format",
        f'format "regex" is not checked here; known: {FORMAT_LIST}',
    ),
    (
        {"$ref": "#/own", "own": {"format": "iri"}},
        "/own/format",
        f'format "iri" is not checked here; known: {FORMAT_LIST}',
    ),
    # expressions
    ({"pattern": "a(?=b)"}, "/pattern", "look-ahead (?=…) is not part of RE2: write it as two checks"),
    (
        {"items": {"pattern": r"(a)\1"}},
        "/items/pattern",
        "back-references are not part of RE2: write it as two checks",
    ),
    ({"pattern": "("}, "/pattern", "not a regular expression (RE2): missing ): ("),
    ({"pattern": "\ud800"}, "/pattern", "half a surrogate pair is no character to search for"),
    (
        {"patternProperties": {"^a": True, "(?!x)/": True}},
        "/patternProperties/(?!x)~1",
        "look-ahead (?!…) is not part of RE2: write it as two checks",
    ),
    # references
    ({"$ref": "https://example.org/x.json"}, "/$ref", f'"https://example.org/x.json" {NOT_HERE}'),
    ({"$ref": "other.json"}, "/$ref", f'"other.json" {NOT_HERE}'),
    ({"$ref": "file:///etc/passwd"}, "/$ref", f'"file:///etc/passwd" {NOT_HERE}'),
    (
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        "/$ref",
        f'"https://json-schema.org/draft/2020-12/schema" {NOT_HERE}',
    ),
    (
        {"$id": "https://example.org/a", "items": {"$dynamicRef": "b#c"}},
        "/items/$dynamicRef",
        f'"b#c" {NOT_HERE}',
    ),
    (
        {"$ref": "#/$defs/qoute", "$defs": {"quote": {}}},
        "/$ref",
        '"#/$defs/qoute" leads to nothing; did you mean "quote"?',
    ),
    ({"$ref": "#/$defs/x"}, "/$ref", '"#/$defs/x" leads to nothing'),
    ({"$ref": "#/allOf/1", "allOf": [True]}, "/$ref", '"#/allOf/1" leads to nothing'),
    ({"$ref": "#/allOf/00", "allOf": [True]}, "/$ref", '"#/allOf/00" leads to nothing'),
    ({"$ref": "#/allOf/-1", "allOf": [True]}, "/$ref", '"#/allOf/-1" leads to nothing'),
    ({"$ref": "#/title/x", "title": "x"}, "/$ref", '"#/title/x" leads to nothing'),
    ({"$ref": "#/title", "title": "x"}, "/$ref", '"#/title" leads to no schema, but to "x" (text)'),
    (
        {"$ref": "#nod", "$defs": {"a": {"$anchor": "node"}}},
        "/$ref",
        '"#nod" leads to nothing; did you mean "node"?',
    ),
    ({"$ref": "#x"}, "/$ref", '"#x" leads to nothing'),
    (
        {"$id": "https://example.org/", "$defs": {"a": {"$id": "http://[x"}}},
        "/$defs/a/$id",
        '"http://[x" is no URI reference: Invalid IPv6 URL',
    ),
    (
        {"$defs": {"a": {"$id": "x"}, "b": {"$id": "x"}}},
        "/$defs/b/$id",
        'a second schema with the $id "x"',
    ),
    (
        {"$anchor": "x", "$defs": {"b": {"$dynamicAnchor": "x"}}},
        "/$defs/b/$dynamicAnchor",
        'a second schema with the anchor "x"',
    ),
    (
        {"allOf": [{"format": "iri"}, {"format": "regex"}]},
        "/allOf/0/format",
        f'format "iri" is not checked here; known: {FORMAT_LIST}',
    ),
    # loops
    ({"$ref": "#"}, "", "refers to itself without end"),
    ({"$dynamicRef": "#"}, "", "refers to itself without end"),
    ({"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "", "refers to itself without end"),
    (
        {
            "properties": {"a": {"$ref": "#/$defs/x"}},
            "$defs": {"x": {"allOf": [{"$ref": "#/$defs/y"}]}, "y": {"not": {"$ref": "#/$defs/x"}}},
        },
        "/$defs/x",
        "refers to itself without end",
    ),
    ({"if": True, "then": {"dependentSchemas": {"a": {"$ref": "#"}}}}, "", "refers to itself without end"),
]


@pytest.mark.parametrize(("schema", "pointer", "message"), REFUSED)
def test_schemas_that_cannot_be_checked(schema: Any, pointer: str, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        compile_schema(schema, None)
    shown = caught.value.message
    assert (caught.value.pointer, shown[: len(message)] if message.endswith(" one of ") else shown) == (
        pointer,
        message,
    )
    assert str(caught.value) == f"#{pointer}: {shown}"


def test_too_deep_a_schema_is_refused_without_a_crash() -> None:
    schema: Any = {}
    for _ in range(10_000):
        schema = {"not": schema}
    with pytest.raises(SchemaError) as caught:
        compile_schema(schema, None)
    assert (caught.value.pointer, caught.value.message) == ("", "nested deeper than 256 levels")
    schema = {}
    for _ in range(254):
        schema = {"items": schema}
    assert fits(schema, [[1]])


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_asserted(name: str) -> None:
    assert violations({"format": name}, "no, none") == [("$", f'expected format {name}, got "no, none"')]
    assert fits({"format": name}, 5)


# -- numbers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"multipleOf": 0.01}, 19.99, True),
        ({"multipleOf": 0.01}, Number("19.99"), True),
        ({"multipleOf": Number("0.01")}, 19.99, True),
        ({"multipleOf": Number("0.1")}, Number("0.30000000000000001"), False),
        ({"multipleOf": 3}, 10**40 + 2, True),
        ({"multipleOf": 3}, 10**40, False),
        ({"multipleOf": 1e-8}, 12391239123, True),
        ({"multipleOf": 7}, Decimal("7E+999999"), True),
        ({"multipleOf": 7}, Decimal("8E+999999"), False),
        ({"multipleOf": 7}, Decimal("7E-999999"), False),
        ({"multipleOf": Decimal("1E-999999")}, 7, True),
        ({"multipleOf": Decimal("1E+999999")}, 7, False),
        ({"multipleOf": Decimal("1E+999999")}, 0, True),
        ({"multipleOf": 2.5}, -5, True),
        ({"multipleOf": 100}, Number("1E+2"), True),
        ({"multipleOf": 100}, 10, False),
        ({"type": "integer"}, Decimal("1E+999999"), True),
        ({"type": "integer"}, Decimal("1E-999999"), False),
        ({"type": "integer"}, Number("1.10"), False),
        ({"type": "integer"}, True, False),
        ({"type": "number"}, float("nan"), False),
        ({"type": "number"}, float("inf"), False),
        ({"type": "number"}, Decimal("NaN"), False),
        ({"minimum": 1}, float("nan"), True),
        ({"minimum": 0.1}, Number("0.1"), True),
        ({"maximum": 0.1}, Number("0.1"), True),
        ({"exclusiveMinimum": 0.1}, Number("0.1"), False),
        ({"minimum": Number("0.1")}, 0.1, True),
        ({"minimum": 2**60 + 1}, 2**60, False),
        ({"maximum": 2**60}, 2**60 + 1, False),
        ({"maximum": Number("9007199254740992.5")}, 9007199254740993, False),
        ({"minimum": 0}, Decimal("1E-999999"), True),
        ({"minimum": 0}, False, True),
        ({"const": 0.1}, Number("0.10"), True),
        ({"const": 1}, True, False),
        ({"const": 0}, False, False),
        ({"const": [1, {"a": 2}]}, [Number("1.0"), {"a": 2.0}], True),
        ({"const": [1]}, [True], False),
        ({"enum": [1, 2]}, Decimal("2.000"), True),
        ({"const": 2**60}, 2**60 + 1, False),
        ({"const": 1}, "1", False),
        ({"uniqueItems": True}, [1, Number("1.0")], False),
        ({"uniqueItems": True}, [0.1, Number("0.1")], False),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": Number("1.0")}], False),
        ({"uniqueItems": True}, [1, True, {"a": 1}, {"a": True}], True),
        ({"minLength": 2.0}, "ab", True),
        ({"maxItems": Number("1.0")}, [1, 2], False),
    ],
)
def test_numbers_are_compared_by_value(schema: Any, value: Any, expected: bool) -> None:
    assert fits(schema, value) is expected


def test_numbers_are_shown_with_their_digits() -> None:
    (value,) = loads(b"[1.50]")
    assert violations({"minimum": loads(b"[2.0]")[0]}, value) == [("$", "expected at least 2.0, got 1.50")]


# -- paths, limits, lengths -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("items", "$.items"),
        ("_a1", "$._a1"),
        ("odd name", "$['odd name']"),
        ("1a", "$['1a']"),
        ("it's", r"$['it\'s']"),
        ("a\\b", r"$['a\\b']"),
        ("", "$['']"),
        ("a\nb\u202e", r"$['a\nb\u202e']"),
        ("x" * 60, f"$.{'x' * 60}"),
        ("x" * 61, f"$['{'x' * 60}…']"),
    ],
)
def test_paths(name: str, path: str) -> None:
    assert violations({"additionalProperties": {"type": "null"}}, {name: 1})[0][0] == path
    nested = {"properties": {"items": {"items": {"additionalProperties": False}}}}
    assert violations(nested, {"items": [{}, {}, {name: 1}]}) == [(f"$.items[2]{path[1:]}", "not allowed")]


def test_the_limit() -> None:
    schema = {"items": {"type": "null"}}
    assert len(violations(schema, [1] * 30)) == 20
    assert violations(schema, [1] * 30, 2) == [
        (f"$[{index}]", "expected null, got 1 (number)") for index in (0, 1)
    ]
    assert len(violations({"required": [str(index) for index in range(30)]}, {}, 5)) == 5
    assert len(violations({"additionalProperties": False}, {str(index): 1 for index in range(30)}, 5)) == 5
    assert violations({"allOf": [{"type": "null"}] * 3}, 1) == [("$", "expected null, got 1 (number)")]


@pytest.mark.parametrize("value", ["s" * 100_000, ["s" * 5_000] * 1_000, {"k" * 500: list(range(10_000))}])
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "null"},
        {"const": 1},
        {"enum": [1]},
        {"not": True},
        False,
        {"anyOf": [{"type": "null"}, {"const": "x" * 1_000}, {"enum": ["y" * 1_000]}]},
        {"maxLength": 1, "maxItems": 0, "maxProperties": 0},
        {"pattern": "^" + "[a-c]" * 100 + "$", "items": False, "propertyNames": {"maxLength": 5}},
        {"uniqueItems": True, "additionalProperties": False, "type": "null"},
    ],
)
def test_messages_and_paths_are_short(schema: Any, value: Any) -> None:
    found = violations(schema, value)
    assert found
    for path, message in found:
        assert len(path) <= 70
        assert len(message) <= 340


def test_values_are_cut_at_60_characters() -> None:
    assert violations({"type": "null"}, "x" * 61) == [("$", f'expected null, got "{"x" * 60}"… (text)')]
    assert violations({"type": "null"}, "x" * 60) == [("$", f'expected null, got "{"x" * 60}" (text)')]
    assert violations({"type": "null"}, [11] * 30) == [("$", f"expected null, got [{'11,' * 19}11… (array)")]


def test_the_public_objects_show_nothing_of_the_schema() -> None:
    compiled = compile_schema({"properties": {"a": {"$ref": "#"}}}, None)
    assert "properties" not in repr(compiled)
    assert isinstance(compiled, Compiled)
    assert compiled.violations({"a": {}}) == []
    assert repr(compile_schema(False, None).violations(1)) == "[Violation(path='$', message='not allowed')]"


# -- depth and time -------------------------------------------------------------------------------------


def deep(levels: int) -> Any:
    value: Any = {"k": 1}
    for _ in range(levels - 1):
        value = {"next": value}
    return value


SELF_REFERRING: list[Any] = [
    {"properties": {"next": {"$ref": "#"}}},
    {"allOf": [{"properties": {"next": {"$ref": "#"}, "k": True}}], "unevaluatedProperties": False},
    {
        "anyOf": [
            {"properties": {"next": {"$ref": "#"}}, "required": ["next"]},
            {"properties": {"next": {"$ref": "#"}, "k": {"const": 1}}},
        ]
    },
    {
        "$dynamicAnchor": "n",
        "oneOf": [
            {"required": ["k"]},
            {"properties": {"next": {"$dynamicRef": "#n"}}, "required": ["next"], "not": {"required": ["k"]}},
        ],
    },
    {"if": {"properties": {"next": {"$ref": "#"}}}, "then": {"properties": {"next": {"$ref": "#"}}}},
]


@pytest.mark.parametrize("schema", SELF_REFERRING)
def test_deep_data_under_a_self_referring_schema(schema: Any) -> None:
    began = time.perf_counter()
    assert fits(schema, deep(256))
    assert violations(schema, deep(257)) == [("$", "nested deeper than 256 levels")]
    assert violations(schema, deep(100_000)) == [("$", "nested deeper than 256 levels")]
    # Without remembering what was evaluated, twenty levels take a minute.
    assert time.perf_counter() - began < 30


def test_a_violation_at_the_bottom_of_deep_data_is_found() -> None:
    schema = {"properties": {"next": {"$ref": "#"}, "k": {"type": "null"}}}
    assert violations(schema, deep(256)) == [("$" + ".next" * 255 + ".k", "expected null, got 1 (number)")]
    nested: Any = 1
    for _ in range(256):
        nested = [nested]
    assert violations({"items": {"$ref": "#"}, "type": "array"}, nested)[0][0] == "$" + "[0]" * 256
    assert fits({"const": nested[0]}, nested[0])
    assert not fits({"uniqueItems": True}, [nested[0], nested[0]])


def test_a_value_that_holds_itself_ends() -> None:
    value: list[Any] = []
    value += [value, value]
    assert violations({"items": {"$ref": "#"}}, value) == [("$", "nested deeper than 256 levels")]


def test_one_object_at_two_places_is_reported_at_both() -> None:
    shared = {"k": {"k": 1}}
    schema = {
        "additionalProperties": {"$ref": "#/$defs/x"},
        "$defs": {"x": {"properties": {"k": {"items": False, "properties": {"k": {"type": "null"}}}}}},
    }
    assert [path for path, _ in violations(schema, {"a": shared, "b": shared})] == ["$.a.k.k", "$.b.k.k"]


def test_what_was_found_with_a_small_limit_is_looked_at_again_for_a_large_one() -> None:
    shared = {"properties": {"a": {"type": "null"}, "b": {"type": "null"}}}
    schema = {
        "anyOf": [{"$ref": "#/$defs/x"}, True],
        "allOf": [{"$ref": "#/$defs/x"}],
        "$defs": {"x": shared},
    }
    message = "expected null, got 1 (number)"
    assert violations(schema, {"a": 1, "b": 1}) == [("$.a", message), ("$.b", message)]


def test_a_loop_of_dynamic_references_ends() -> None:
    loop = "the schema refers to itself without end here"
    assert violations({"$dynamicAnchor": "n", "$dynamicRef": "#n"}, {}) == [("$", loop)]
    twice = {"$dynamicAnchor": "n", "anyOf": [{"$dynamicRef": "#n"}, {"$dynamicRef": "#n"}]}
    assert violations(twice, {"a": 1}) == [("$", loop)]


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": "(a|aa)+$"},
        {"pattern": "^(a+)+$"},
        {"propertyNames": {"pattern": "(a|aa)+$"}},
        {"patternProperties": {"(a|aa)+$": False}, "additionalProperties": {"type": "null"}},
        {"patternProperties": {"(a|aa)+$": True}, "unevaluatedProperties": False},
    ],
)
def test_no_expression_is_slow(schema: Any) -> None:
    text = "a" * 50 + "!"
    began = time.perf_counter()
    assert len(violations(schema, text if "pattern" in schema else {text: 1})) == 1
    assert time.perf_counter() - began < 30


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a$", "a\n", False),
        ("^a", "b\na", False),
        ("^.$", "é", True),
        ("^.$", "🎉", True),
        (r"^\d$", "٣", False),
        ("^.$", "\ud800", True),
        (r"^\?$", "\ud800", False),
        ("b", "\ud800b", True),
        (r"^\p{L}+$", "é", True),
    ],
)
def test_expressions_are_searched_by_re2(pattern: str, text: str, expected: bool) -> None:
    assert fits({"pattern": pattern}, text) is expected
    assert fits({"patternProperties": {pattern: True}, "additionalProperties": False}, {text: 1}) is expected


def test_large_values_take_time_in_proportion() -> None:
    began = time.perf_counter()
    assert fits({"uniqueItems": True, "items": {"type": "array"}}, [[index] for index in range(50_000)])
    assert fits({"enum": list(range(2_000))}, 1_999)
    many = {f"name{index}": index for index in range(20_000)}
    assert len(violations({"properties": {"x": True}, "additionalProperties": False}, many)) == 20
    assert fits({"unevaluatedProperties": {"type": "integer"}}, many)
    assert time.perf_counter() - began < 30


def test_nothing_expensive_is_imported_before_the_first_schema() -> None:
    program = (
        "import sys, pytest_apitest.json_schema as s\n"
        "heavy = {'jsonschema', 'jsonschema_specifications', 'referencing', 're2', 'jsonpath_rfc9535'}\n"
        "before = heavy & set(sys.modules)\n"
        "s.compile_schema({'type': 'string'}, None).violations('')\n"
        "print(sorted(before), 'jsonschema' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[] False"


# -- the library as a second opinion --------------------------------------------------------------------

NAMES = ("a", "b", "ab", "c")
PLAIN: dict[str, list[Any]] = {
    "type": [
        "string",
        "number",
        "integer",
        "array",
        "object",
        "null",
        ["string", "null"],
        ["object", "array"],
    ],
    "const": [None, 1, "a", [], {"a": 1}, True],
    "enum": [[1, "a", None], [[1], {}], [False, 2.0]],
    "minimum": [0, 1.5, 2],
    "exclusiveMaximum": [0, 1.5, 2],
    "multipleOf": [1, 2, 0.5],
    "minLength": [0, 1, 2],
    "maxLength": [0, 1, 2],
    "pattern": ["^a", "b$", "[0-9]"],
    "minItems": [0, 1, 2],
    "maxItems": [0, 1, 2],
    "uniqueItems": [True],
    "minProperties": [0, 1, 2],
    "required": [["a"], ["a", "b"], []],
    "dependentRequired": [{"a": ["b"]}, {"c": ["a", "ab"]}],
    "$ref": ["#/$defs/x", "#/$defs/y"],
}
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
SINGLE = (
    "not",
    "additionalProperties",
    "propertyNames",
    "items",
    "contains",
    "unevaluatedItems",
    "unevaluatedProperties",
)
MAPS = ("properties", "dependentSchemas", "patternProperties")


class Maker:
    """Makes small schemas and values, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def schema(self, depth: int = 0) -> Any:
        if self.random.random() < 0.12:
            return self.random.random() < 0.5
        made: dict[str, Any] = {}
        for _ in range(self.random.randrange(1, 4)):
            self.add_keyword(made, depth)
        return made

    def add_keyword(self, made: dict[str, Any], depth: int) -> None:
        kind = self.random.randrange(7 if depth < 4 else 2)
        if kind <= 1:
            keyword = self.random.choice([name for name in PLAIN if depth < 4 or name != "$ref"])
            made[keyword] = self.random.choice(PLAIN[keyword])
        elif kind == 2:
            made[self.random.choice(LISTS)] = [
                self.schema(depth + 1) for _ in range(self.random.randrange(1, 3))
            ]
        elif kind == 3:
            keyword = self.random.choice(MAPS)
            names = self.random.sample(("^a", "b", "c$") if keyword == "patternProperties" else NAMES, 2)
            made[keyword] = {name: self.schema(depth + 1) for name in names}
        elif kind == 4:
            words = self.random.sample(("then", "else"), self.random.randrange(3))
            made |= {word: self.schema(depth + 1) for word in ["if", *words]}
        else:
            keyword = self.random.choice(SINGLE)
            made[keyword] = self.schema(depth + 1)
            if keyword == "contains":
                made |= {word: self.random.randrange(3) for word in ("minContains", "maxContains")}

    def value(self, depth: int = 0) -> Any:
        kind = self.random.randrange(7 if depth < 3 else 5)
        if kind == 5:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        if kind == 6:
            return {
                name: self.value(depth + 1) for name in self.random.sample(NAMES, self.random.randrange(4))
            }
        return self.random.choice(
            [None, True, False, 0, 1, 2, -1, 1.0, 1.5, 0.5, "", "a", "ab", "abc", "1", "é"]
        )


@pytest.mark.parametrize("seed", range(40))
def test_agrees_with_the_library(seed: int) -> None:
    maker = Maker(seed)
    compared = 0
    while compared < 40:
        schema = maker.schema()
        if isinstance(schema, bool):
            continue
        schema["$defs"] = {"x": maker.schema(4), "y": {"properties": {"a": maker.schema(4)}}}
        compiled = compile_schema(schema, None)
        library = Draft202012Validator(schema)
        for _ in range(4):
            value = maker.value()
            expected = library.is_valid(value)
            assert (not compiled.violations(value)) == expected, (schema, value)
            assert (not compiled.violations(value, 1)) == expected, (schema, value)
            compared += 1
