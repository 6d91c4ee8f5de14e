"""Exchanges against descriptions of several files."""

import json
from pathlib import Path
from typing import Any

from pytest_apitest.openapi.contract import Contract
from pytest_apitest.openapi.sources import read_source
from tests.unit.openapi.described import JSON, exchange, told


def test_violations_name_the_file_that_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "api.yaml").write_text(
        'openapi: 3.1.0\ninfo: {title: t, version: "1"}\npaths:\n  /a: {$ref: parts/paths.yaml#/a}\n',
        encoding="utf-8",
    )
    (tmp_path / "parts" / "paths.yaml").write_text(
        "a:\n  parameters: [{$ref: '#/page'}]\n  get:\n    responses:\n      '200':\n        description: d\n"
        "        content: {application/json: {schema: {$ref: 'schemas.yaml#pet'}}}\n"
        "page: {name: page, in: query, required: true, schema: {$ref: schemas.yaml#/Page}}\n",
        encoding="utf-8",
    )
    (tmp_path / "parts" / "schemas.yaml").write_text(
        "Page: {type: integer}\nPet:\n  $anchor: pet\n  oneOf: [{$ref: '#/Cat'}, {$ref: '#/Dog'}]\n"
        "  discriminator: {propertyName: kind, mapping: {cat: '#/Cat', dog: 'schemas.yaml#/Dog'}}\n"
        "Cat: {type: object, properties: {kind: {type: string}, next: {$ref: '#pet'}, lives: {maximum: 9}}}\n"
        "Dog: {type: object, required: [bark]}\n",
        encoding="utf-8",
    )
    checked = Contract(read_source(tmp_path / "api.yaml", "api.yaml", refs=True))

    def found(path: str, body: Any) -> list[str]:
        return [
            f"{one.place} {one.at}: {one.message}"
            for one in checked.violations(exchange("GET", path, body=body))
        ]

    assert found("/a?page=1", {"kind": "cat", "next": {"kind": "dog", "bark": 1}}) == []
    assert found("/a?page=x", {"kind": "cat", "next": {"kind": "cat", "lives": 10}}) == [
        'parts/schemas.yaml:1:14 query page: expected integer, got "x" (text)',
        "parts/schemas.yaml:6:95 $.next.lives: expected at most 9, got 10",
    ]
    assert found("/a", {"kind": "dog"}) == [
        "parts/paths.yaml:8:7 query page: missing, it is required",
        "parts/schemas.yaml:7:31 $.bark: missing",
    ]


def test_a_file_that_was_not_read_is_a_violation_where_it_is_needed(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "gone.yaml#/A"}, "b": {"$ref": "../b.yaml"}}}
    responses = {
        "200": {"description": "d", "content": {JSON: {"schema": schema}}},
        "404": {"$ref": "gone.yaml#/B"},
    }
    value = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"get": {"responses": responses}}},
    }
    (tmp_path / "api.json").write_text(json.dumps(value), encoding="utf-8")
    checked = Contract(read_source(tmp_path / "api.json", "api.json", refs=True))
    assert told(checked.violations(exchange(body={}))) == []
    assert told(checked.violations(exchange(body={"a": 1, "b": 1}))) == [
        'body response $.a: cannot be checked, the schema of the description is wrong: "gone.yaml#/A" cannot be read: no such file or directory',
        'body response $.b: cannot be checked, the schema of the description is wrong: "../b.yaml" leads out of the folder of the description, and is not read',
    ]
    assert told(checked.violations(exchange(status=404))) == [
        'description: the description cannot be used: $ref "gone.yaml#/B" cannot be read: no such file or directory'
    ]
