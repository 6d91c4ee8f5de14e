"""Descriptions with something wrong in them: what needs it fails, with a place, and nothing ends in an exception."""

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from pytest_apitest.openapi.contract import Contract, ContractError, Exchange
from pytest_apitest.openapi.description import read_description
from tests.unit.openapi import test_contract
from tests.unit.openapi.described import contract, exchange, told
from tests.unit.openapi.test_agreement import ROWS

# What stands where something else should.
JUNK: list[Any] = [
    *(None, 7, -1.5, "x", "", "(", True, [], {}, [1], [None], ["string"], {"a": 1}),
    *({"$ref": 7}, {"$ref": "#"}, {"$ref": "#/paths"}, [{"$ref": "#/nope"}], {"$anchor": 5}, {"$id": "http://[", "$ref": "#/x"}),
]  # fmt: skip
KEYS = (
    *("$ref", "$id", "$anchor", "$dynamicRef", "$schema", "type", "items", "properties", "patternProperties", "allOf"),
    *("additionalProperties", "discriminator", "format", "pattern", "required", "enum", "schema", "content", "encoding"),
    *("servers", "parameters", "headers", "style", "explode", "name", "in"),
)  # fmt: skip


def places(value: Any, around: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in a value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*around, key)
        yield from places(value[key], (*around, key))


def damaged(random: Random, value: dict[str, Any]) -> dict[str, Any]:
    """Return a description in which one to three things are something else."""
    value = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 2, 3))):
        *way, key = random.choice([way for way in places(value) if way != ("openapi",)])
        holder: Any = value
        for step in way:
            holder = holder[step]
        if isinstance(holder, dict) and random.random() < 0.3:
            key = random.choice(KEYS)
        holder[key] = copy.deepcopy(random.choice(JUNK))
    return value


def samples() -> list[tuple[dict[str, Any], list[Exchange]]]:
    """Return descriptions with exchanges that need every part of them."""
    asked = [
        exchange(path=path, sent_headers=headers)
        for path in (
            "/p/7?q=1&tags=1&list=1,2&deep[a]=1&flat=x,1&lat=1&lon=2&filter=%7B%7D&page=1",
            "/simple/1",
            "/label/.1",
        )
        for headers in ((("x-count", "7"), ("Cookie", "session=abc")),)
    ]
    sent = [
        exchange("POST", "/json", sent={"id": 1}),
        exchange("POST", "/form", sent=b"n=1&tags=1", sent_type=test_contract.FORM),
        exchange(
            "POST",
            "/parts",
            sent=test_contract.parts(test_contract.TITLE, test_contract.IMAGE),
            sent_type=test_contract.MULTIPART,
        ),
    ]
    answers = [test_contract.answer(), test_contract.answer(status=409), test_contract.answer(path="/b")]
    found = [
        (test_contract.OF_ANSWERS.description.value, answers),
        (test_contract.OF_PARAMETERS.description.value, asked),
        (test_contract.OF_BODIES.description.value, sent),
    ]
    for row in ROWS:
        data = row.value if isinstance(row.value, bytes) else json.dumps(row.value).encode()
        found.append((row.description(), [exchange(row.method, row.path, row.status, data, sent=row.sent)]))
    return [(json.loads(json.dumps(value)), exchanges) for value, exchanges in found]


@pytest.mark.parametrize("seed", range(8))
def test_no_damage_ends_in_an_exception(seed: int) -> None:
    random, looked = Random(seed), 0
    given = samples()
    for _ in range(150):
        value, exchanges = random.choice(given)
        try:
            one = Contract(read_description(json.dumps(damaged(random, value)).encode(), "api.json"))
        except ContractError:
            continue
        for got in exchanges:
            for violation in one.violations(got):
                assert violation.message.isprintable()
                assert violation.line >= 1
            looked += 1
    assert looked > 100


PARAMETER = {"name": "q", "in": "query", "schema": {}}


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"parameters": {}}, "parameters is a list"),
        ({"parameters": [7]}, "expected an object, got 7"),
        ({"parameters": [{**PARAMETER, "in": "body"}]}, 'in is path, header, query, cookie, not "body"'),
        ({"parameters": [{**PARAMETER, "in": ["query"]}]}, "a parameter has a name and a place, name and in"),
        ({"parameters": [{**PARAMETER, "style": 7}]}, "style is a text, not 7"),
        ({"parameters": [{"$ref": "#/nope"}]}, '$ref "#/nope" leads to nothing'),
        (
            {"parameters": [{"$ref": "b.yaml"}]},
            '$ref "b.yaml" leads out of this document, and nothing else is read; "refs: true" in "openapi" reads it',
        ),
        (
            {"parameters": [{"$ref": "https://a.example/b.yaml"}]},
            '$ref "https://a.example/b.yaml" leads out of this document, and nothing else is read; "refs: [\'https://a.example\']" in "openapi" reads it',
        ),
        (
            {"parameters": [{"$ref": "../b.yaml"}]},
            '$ref "../b.yaml" leads out of this document, and nothing else is read',
        ),
        ({"requestBody": {"content": []}}, "expected an object, got []"),
        ({"responses": []}, "expected an object, got []"),
        ({"responses": {"200": "fine"}}, 'expected an object, got "fine"'),
    ],
)
def test_what_is_needed_and_wrong_fails(operation: dict[str, Any], message: str) -> None:
    one = contract({"/a": {"post": {"responses": {"200": {"description": "d"}}} | operation}})
    found = one.violations(exchange("POST", sent={} if "requestBody" in operation else None))
    assert told(found) == [f"description: the description cannot be used: {message}"]
    assert found[0].column > 1


def test_what_was_found_before_is_kept() -> None:
    parameters = [{"name": "q", "in": "query", "required": True, "schema": {}}]
    one = contract({"/a": {"post": {"parameters": parameters, "responses": {"200": {"$ref": "#/nope"}}}}})
    assert told(one.violations(exchange("POST"))) == [
        "parameter request query q: missing, it is required",
        'description: the description cannot be used: $ref "#/nope" leads to nothing',
    ]
