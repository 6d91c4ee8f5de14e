"""What a response cannot hold: the words for what is certain, and never a word about what may be."""

import json
import random
from typing import Any

import pytest

from pytest_apitest.jsonpath import Document, compile_path
from pytest_apitest.openapi.contract import Contract
from pytest_apitest.openapi.exclusion import ANY, Reason
from pytest_apitest.openapi.expected import Expected
from tests.unit.openapi.described import JSON, contract, exchange, of_schema

SUCCESS = frozenset(range(200, 300))


def why_not(one: Contract, path: str, value: Any = ANY, statuses: frozenset[int] = SUCCESS) -> Reason | None:
    operation = one.operations.only("POST", ["/a"])
    assert operation is not None
    segments = compile_path(path).segments
    assert segments is not None
    return Expected(operation, statuses).why_not(segments, value)


CLOSED = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "name": {}},
    "additionalProperties": False,
}
LIST = {"type": "array", "items": CLOSED}
PAIR = {"type": "array", "prefixItems": [{"type": "string"}, CLOSED], "items": False}
TREE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "below": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
    "additionalProperties": False,
}  # fmt: skip
COMPONENTS = {
    "Closed": CLOSED,
    "Tree": TREE,
    "Same": {"allOf": [{"$ref": "#/components/schemas/Same"}]},
    "Secret": {"type": "string", "writeOnly": True},
}
REF = {"$ref": "#/components/schemas/Closed"}


@pytest.mark.parametrize(
    ("schema", "path", "sentence"),
    [
        (CLOSED, "$.id", None),
        (CLOSED, "$", None),
        (CLOSED, "$.nam", 'has no member "nam"; did you mean "name"?'),
        (CLOSED, "$.colour", 'has no member "colour"; there are id, name'),
        (CLOSED, "$.id.x", "is of type integer"),
        (CLOSED, "$.name.x[3]..y", None),
        (CLOSED, "$[0]", "is of type object"),
        (CLOSED, "$['id','nam']", None),
        (CLOSED, "$['nmae','nam']", 'has no member "nmae"; did you mean "name"?'),
        ({"type": "object", "additionalProperties": False}, "$.a", 'has no member "a"'),
        ({"type": "object"}, "$.a.b", None),
        ({}, "$[7].a", None),
        (True, "$.a", None),
        (False, "$", "is not allowed"),
        (REF, "$.nam", 'has no member "nam"; did you mean "name"?'),
        ({**REF, "additionalProperties": {}}, "$.nam", 'has no member "nam"; did you mean "name"?'),
        ({"$ref": "#/components/schemas/Nobody"}, "$.a", None),
        ({"$ref": "other.yaml"}, "$.a", None),
        ({"$ref": "#/components/schemas/Same"}, "$.a", None),
        # all, one, any
        ({"allOf": [{"type": "object"}, REF]}, "$.nam", 'has no member "nam"; did you mean "name"?'),
        ({"anyOf": [{"type": "null"}, REF]}, "$.nam", 'has no member "nam"; did you mean "name"?'),
        ({"anyOf": [{"type": "null"}, REF]}, "$.name", None),
        ({"oneOf": [REF, {"type": "object"}]}, "$.nam", None),
        ({"oneOf": [REF, {"type": "object", "properties": {"nom": {}}, "additionalProperties": False}]}, "$.nam", 'has no member "nam"; did you mean "name"?'),
        ({"oneOf": [REF, {"type": "object", "properties": {"nom": {}}, "additionalProperties": False}]}, "$.nomm", 'has no member "nomm"; did you mean "nom"?'),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "$.x", "is of type string"),
        ({"type": ["object", "null"], "properties": {"a": {"type": ["string", "null"]}}}, "$.a.b", "is of type string or null"),
        # arrays
        (LIST, "$[7].id", None),
        (LIST, "$[-1].nam", 'has no member "nam"; did you mean "name"?'),
        (LIST, "$[*].nam", 'has no member "nam"; did you mean "name"?'),
        (LIST, "$[?@.id > 1].nam", 'has no member "nam"; did you mean "name"?'),
        (LIST, "$[1:3].nam", 'has no member "nam"; did you mean "name"?'),
        (LIST, "$.id", "is of type array"),
        ({**LIST, "maxItems": 2}, "$[2]", "has at most 2 items"),
        ({**LIST, "maxItems": 2}, "$[1].id", None),
        ({**LIST, "maxItems": 2}, "$[-3]", "has at most 2 items"),
        ({**LIST, "maxItems": 2}, "$[2:]", "has at most 2 items"),
        ({**LIST, "maxItems": 2}, "$[5::-1]", None),
        ({**LIST, "maxItems": 0}, "$[*]", "has no items"),
        (PAIR, "$[1].id", None),
        (PAIR, "$[0].id", "is of type string"),
        (PAIR, "$[2]", "has at most 2 items"),
        (PAIR, "$[-1].id", None),
        (PAIR, "$[-1].nam", 'has no member "nam"; did you mean "name"?'),
        ({"prefixItems": [{"type": "string"}]}, "$[1].id", None),
        ({"type": "array", "items": False}, "$[0]", "has no items"),
        # names
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"name": {}}}], "type": "object"}, "$.nam", 'has no member "nam"; did you mean "name"?'),
        ({"unevaluatedProperties": False, "anyOf": [{"patternProperties": {"^n": {}}}]}, "$.nam", None),
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"name": {}}}, {"additionalProperties": True}]}, "$.nam", None),
        ({"unevaluatedProperties": False, "if": {"properties": {"a": {}}}, "then": {"properties": {"b": {}}}, "type": "object"}, "$.b", None),
        ({"unevaluatedProperties": False, "if": {"properties": {"a": {}}}, "then": {"properties": {"b": {}}}, "type": "object"}, "$.c", 'has no member "c"; there are a, b'),
        ({"unevaluatedProperties": False, "$ref": "#/$defs/x"}, "$.c", None),
        ({"additionalProperties": False, "patternProperties": {"^x-": {"type": "string"}}, "type": "object"}, "$['x-a']", None),
        ({"additionalProperties": False, "patternProperties": {"^x-": {"type": "string"}}, "type": "object"}, "$['x-a'].b", "is of type string"),
        ({"additionalProperties": False, "patternProperties": {"^x-": {"type": "string"}}, "type": "object"}, "$.y", 'has no member "y"'),
        ({"additionalProperties": False, "patternProperties": {"(?=a)": {}}, "type": "object"}, "$.y", None),
        ({"additionalProperties": {"type": "integer"}, "type": "object"}, "$.any.x", "is of type integer"),
        ({"propertyNames": {"enum": ["a"]}, "type": "object"}, "$.b", 'has no member "b"'),
        ({"propertyNames": {"pattern": "^a"}, "type": "object"}, "$.b", 'has no member "b"'),
        ({"propertyNames": {"maxLength": 1}, "type": "object"}, "$.bb", None),
        ({"propertyNames": False, "type": "object"}, "$.b", 'has no member "b"'),
        ({"maxProperties": 0, "type": "object"}, "$.b", "has no members"),
        ({"maxProperties": 0, "type": "object"}, "$[*]", "has no members"),
        ({"properties": {"a": False}}, "$.a", "is not allowed"),
        ({"properties": {"a": {"type": "string", "writeOnly": True}}}, "$.a", 'has "a" only in requests, it is writeOnly'),
        ({"properties": {"a": {"$ref": "#/components/schemas/Secret"}}}, "$.a", 'has "a" only in requests, it is writeOnly'),
        # values that are listed
        ({"enum": ["a", "b"]}, "$.x", 'is one of "a", "b"'),
        ({"enum": ["a", {"x": 1}]}, "$.x", None),
        ({"const": 7}, "$[0]", "is one of 7"),
        # everything below
        (CLOSED, "$..id", None),
        (CLOSED, "$..nam", None),
        (TREE, "$..value", None),
        (TREE, "$..valu", 'has no member "valu"; did you mean "value"?'),
        (TREE, "$.below[0].below[1].value", None),
        (TREE, "$.below[0].below[1].valu", 'has no member "valu"; did you mean "value"?'),
        (TREE, "$..below[*].value.x", "is of type integer"),
        (TREE, "$..*", None),
        ({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}, "$[*][*][*]", "is of type string"),
        # what is not known here
        ({"$id": "https://a.example/", "additionalProperties": False}, "$.a", None),
        ({"$dynamicRef": "#a", "type": "object", "additionalProperties": False}, "$.a", None),
        ({"$schema": "https://old.example/draft-3", "additionalProperties": False}, "$.a", None),
        ({"type": "strin"}, "$.a", None),
        ({"properties": [], "additionalProperties": {"type": 3}}, "$.a.b", None),
        ([], "$.a", None),
    ],
)  # fmt: skip
def test_what_is_said_of_a_path(schema: Any, path: str, sentence: str | None) -> None:
    found = why_not(of_schema(schema, components=COMPONENTS), path)
    assert (found.sentence if found is not None else None) == sentence


@pytest.mark.parametrize(
    ("schema", "path", "sentence"),
    [
        ({"type": "object", "nullable": True, "properties": {"a": {"type": "string", "nullable": True}}}, "$.a.b", "is of type string or null"),
        ({"$ref": "#/components/schemas/Closed", "additionalProperties": True}, "$.nam", 'has no member "nam"; did you mean "name"?'),
        # keywords that 3.0 does not have
        ({"type": "object", "unevaluatedProperties": False}, "$.a", None),
        ({"type": "object", "propertyNames": False}, "$.a", None),
        ({"const": 7}, "$.a", None),
        ({"type": "object", "patternProperties": {"^x": {}}, "additionalProperties": False}, "$.x", 'has no member "x"'),
    ],
)  # fmt: skip
def test_schemas_of_3_0(schema: Any, path: str, sentence: str | None) -> None:
    found = why_not(of_schema(schema, "3.0.3", COMPONENTS), path)
    assert (found.sentence if found is not None else None) == sentence


STATE = {"type": "string", "enum": ["draft", "published"]}


@pytest.mark.parametrize(
    ("schema", "value", "sentence"),
    [
        (STATE, "draft", None),
        (STATE, "publishd", 'is one of "draft", "published"; did you mean "published"?'),
        (STATE, 1, "is of type string"),
        ({"type": "integer"}, 1.0, None),
        ({"type": "integer"}, 1.5, "is of type integer"),
        ({"type": "integer"}, True, "is of type integer"),
        ({"type": ["integer", "null"]}, None, None),
        ({"const": 1}, 1.0, None),
        ({"const": "a"}, "b", 'is "a"'),
        ({"enum": [{"a": 1}]}, {"a": 1.0}, None),
        ({"minimum": 3}, 1, None),
        ({"anyOf": [STATE, {"type": "null"}]}, None, None),
        ({"anyOf": [STATE, {"type": "null"}]}, "publishd", 'is one of "draft", "published"; did you mean "published"?'),
        ({"allOf": [{"type": "string"}, STATE]}, "x", 'is one of "draft", "published"'),
    ],
)  # fmt: skip
def test_what_is_said_of_a_value(schema: Any, value: Any, sentence: str | None) -> None:
    found = why_not(of_schema({"properties": {"a": schema}}), "$.a", value)
    assert (found.sentence if found is not None else None) == sentence


def answers(text: str) -> Contract:
    return contract(f"/a: {{post: {{responses: {text}}}}}")


CLOSED_TEXT = f"{{description: d, content: {{application/json: {{schema: {json.dumps(CLOSED)}}}}}}}"


@pytest.mark.parametrize(
    ("responses", "statuses", "sentence"),
    [
        (f"{{'200': {CLOSED_TEXT}}}", {200}, 'has no member "nam"; did you mean "name"?'),
        (f"{{'200': {CLOSED_TEXT}, '404': {{description: d}}}}", {200}, 'has no member "nam"; did you mean "name"?'),
        (f"{{'200': {CLOSED_TEXT}, '201': {{description: d, content: {{application/json: {{}}}}}}}}", {200, 201}, None),
        (f"{{2XX: {CLOSED_TEXT}}}", {202}, 'has no member "nam"; did you mean "name"?'),
        (f"{{'200': {{description: d, content: {{application/json: {{}}}}}}, 2XX: {CLOSED_TEXT}}}", {200}, None),
        (f"{{default: {CLOSED_TEXT}}}", {500}, 'has no member "nam"; did you mean "name"?'),
        (f"{{'200': {CLOSED_TEXT}}}", {404}, None),
        ("{'204': {description: d}}", {204}, "has no body"),
        ("{2XX: {description: d, content: {application/json: {}}}}", {204}, "has no body"),
        ("{'200': {description: d}}", {200}, "has no body"),
        ("{'200': {description: d, content: {text/plain: {}}}}", {200}, "is text/plain, no JSON"),
        ("{'200': {description: d, content: {text/plain: {}, application/xml: {}}}}", {200}, "is text/plain or application/xml, no JSON"),
        ("{'200': {description: d, content: {'*/*': {schema: false}}}}", {200}, None),
        ("{'200': {description: d, content: {application/jsonl: {}}}}", {200}, None),
        ("{'200': {description: d, content: {application/problem+json: {schema: {type: string}}}}}", {200}, "is of type string"),
        ("{'200': {$ref: '#/nowhere'}}", {200}, None),
        ("[]", {200}, None),
    ],
)  # fmt: skip
def test_which_responses_count(responses: str, statuses: set[int], sentence: str | None) -> None:
    found = why_not(answers(responses), "$.nam", statuses=frozenset(statuses))
    assert (found.sentence if found is not None else None) == sentence


@pytest.mark.parametrize(
    ("path", "template"),
    [
        (["/quotes"], "/quotes"),
        (["/quotes/", "7"], "/quotes/{id}"),
        (["/quotes/", None], None),  # may be /quotes/me
        (["/quotes/me"], "/quotes/me"),
        (["/quotes/", None, "/tags"], "/quotes/{id}/tags"),
        (["/quotes/me/", None], None),
        (["/quotes/", None, ".json"], "/quotes/{id}"),
        (["/files/", None], None),  # may end in .pdf
        (["/files/a.pdf"], "/files/{name}.pdf"),
        (["/files/", None, ".pdf"], None),
        (["/", None], None),
        (["/nowhere"], None),
        ([], None),
        (["/quotes/"], None),
        (["/" + "a/" * 300], None),
    ],
)
def test_which_operation_a_request_leads_to(path: list[str | None], template: str | None) -> None:
    templates = [
        "/quotes",
        "/quotes/{id}",
        "/quotes/me",
        "/quotes/{id}/tags",
        "/files/{name}",
        "/files/{name}.pdf",
    ]
    one = contract({name: {"get": {"responses": {}}} for name in templates})
    found = one.operations.only("GET", path)
    assert (found.template if found is not None else None) == template
    assert one.operations.only("PUT", path) is None


# -- what may be is never refused -----------------------------------------------------------------------

NAMES = ["a", "b", "c", "x-d"]


def some_schema(rand: random.Random, depth: int) -> Any:
    """Return a schema of any kind, deep or flat, that may be of no value at all."""
    kind = rand.choice(
        ["object", "object", "array", "scalar", "all", "any", "one", "ref", "listed", "open", "tree"]
    )
    if depth <= 0 or kind in ("scalar", "open"):
        return rand.choice([True, {}, {"type": "string"}, {"type": ["integer", "null"]}, {"type": "boolean"}])

    def below() -> Any:
        return some_schema(rand, depth - 1)

    if kind == "object":
        made: dict[str, Any] = {"properties": {name: below() for name in rand.sample(NAMES, 2)}}
        if rand.random() < 0.7:
            made["type"] = rand.choice(["object", ["object", "null"]])
        for keyword, value in (
            ("additionalProperties", rand.choice([False, below()])),
            ("patternProperties", {"^x-": below()}),
            ("unevaluatedProperties", False),
            ("propertyNames", {"enum": NAMES[:3]}),
            ("allOf", [below()]),
            ("if", {"required": ["a"]}),
            ("then", below()),
            ("dependentSchemas", {"a": below()}),
        ):
            if rand.random() < 0.25:
                made |= {keyword: value}
        return made
    if kind == "array":
        made = {"type": "array"} if rand.random() < 0.7 else {}
        for keyword, value in (
            ("items", rand.choice([False, below()])),
            ("prefixItems", [below(), below()]),
            ("maxItems", rand.randrange(4)),
            ("unevaluatedItems", False),
        ):
            if rand.random() < 0.5:
                made |= {keyword: value}
        return made
    if kind in ("all", "any", "one"):
        return {f"{kind}Of": [below() for _ in range(rand.randint(1, 3))]}
    if kind == "listed":
        return {"enum": [some_value(rand, 2) for _ in range(3)]}
    return {"$ref": f"#/components/schemas/{'Tree' if kind == 'tree' else rand.choice(['P', 'Q'])}"}


def some_value(rand: random.Random, depth: int) -> Any:
    kind = rand.choice(["object", "array", "scalar"]) if depth > 0 else "scalar"
    if kind == "object":
        return {name: some_value(rand, depth - 1) for name in rand.sample(NAMES, rand.randrange(4))}
    if kind == "array":
        return [some_value(rand, depth - 1) for _ in range(rand.randrange(4))]
    return rand.choice([None, True, 0, 1.5, "", "a"])


def value_of(rand: random.Random, schema: Any, components: dict[str, Any], depth: int) -> Any:
    """Return a value that is likely to fit a schema."""
    if depth <= 0 or not isinstance(schema, dict) or rand.random() < 0.05:
        return some_value(rand, 1)
    if "$ref" in schema:
        return value_of(rand, components[schema["$ref"].rpartition("/")[2]], components, depth - 1)
    if "enum" in schema:
        return rand.choice(schema["enum"])
    for keyword in ("allOf", "anyOf", "oneOf"):
        if keyword in schema and "properties" not in schema:
            return value_of(rand, rand.choice(schema[keyword]), components, depth)
    types = schema.get("type", rand.choice(["object", "array"]) if schema else "any")
    kind = types[0] if isinstance(types, list) else types
    if "properties" in schema or kind == "object":
        known = schema.get("properties", {})
        names = rand.sample([*known], rand.randint(0, len(known))) + [
            one for one in NAMES if rand.random() < 0.1
        ]
        return {name: value_of(rand, known.get(name, {}), components, depth - 1) for name in names}
    if kind == "array":
        first = schema.get("prefixItems", [])
        return [
            value_of(
                rand, first[index] if index < len(first) else schema.get("items", {}), components, depth - 1
            )
            for index in range(rand.randrange(4))
        ]
    return {"string": "a", "integer": 3, "boolean": True}.get(kind, some_value(rand, 2))


def paths_of(value: Any, rand: random.Random) -> list[str]:
    """Return paths that find something in a value, of every kind of selector."""
    found = ["$"]
    waiting = [("$", value)]
    while waiting:
        path, here = waiting.pop()
        inside = (
            list(here.items())
            if isinstance(here, dict)
            else list(enumerate(here))
            if isinstance(here, list)
            else []
        )
        for key, below in inside:
            forms = [f"[{key!r}]", "[*]", "[?true==true]", f"[{key!r}, 'zzz']"]
            if isinstance(key, int):
                forms += [f"[{key - len(inside)}]", f"[{key}:]", "[::-1]"]
            form = rand.choice(forms)
            # Whatever stands behind `..` is found from above as well.
            step = f"..{form}" if rand.random() < 0.3 else form
            found.append(path + step)
            waiting.append((path + step, below))
    return found


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize("seed", range(10))
def test_a_path_that_finds_something_in_a_fitting_value_is_possible(seed: int, version: str) -> None:
    rand = random.Random(f"{seed} {version}")
    tried = 0
    for _ in range(25):
        components = {"P": some_schema(rand, 2), "Q": some_schema(rand, 2), "Tree": TREE}
        schema = some_schema(rand, 3)
        one = of_schema(schema, version, components)
        for _ in range(12):
            value = value_of(rand, schema, components, 5)
            if one.violations(exchange("POST", body=json.dumps(value).encode(), content_type=JSON)):
                continue
            for path in paths_of(value, rand):
                places = compile_path(path).find(Document(value))
                assert places, path
                tried += 1
                assert why_not(one, path) is None, (schema, components, value, path)
                if compile_path(path).singular:
                    assert why_not(one, path, places[0][1]) is None, (schema, components, value, path)
    assert tried > 100
