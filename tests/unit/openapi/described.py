"""Descriptions and exchanges for the tests of the contract."""

import json
from typing import Any

import yaml

from pytest_apitest.openapi.contract import Contract, Exchange, Violation
from pytest_apitest.openapi.description import read_description

Headers = tuple[tuple[str, str], ...]
JSON = "application/json"


def contract(paths: Any, version: str = "3.1.0", **more: Any) -> Contract:
    """Return the contract of a description with these paths, as YAML text or values."""
    value = yaml.safe_load(paths) if isinstance(paths, str) else paths
    text = json.dumps({"openapi": version, "info": {"title": "t", "version": "1"}, "paths": value, **more})
    return Contract(read_description(text.encode(), "api.json"))


def exchange(
    method: str = "GET",
    path: str = "/a",
    status: int = 200,
    body: Any = None,
    content_type: str | None = JSON,
    headers: Headers = (),
    sent: Any = None,
    sent_type: str = JSON,
    sent_headers: Headers = (),
    base: str = "",
) -> Exchange:
    """Return an exchange; bodies are bytes, or values that are sent as JSON."""
    answer = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    request = sent if isinstance(sent, bytes) or sent is None else json.dumps(sent).encode()
    of_type: Headers = (("Content-Type", content_type),) if content_type is not None and answer else ()
    of_request: Headers = (("Content-Type", sent_type),) if sent_type and request is not None else ()
    return Exchange(
        method,
        f"http://127.0.0.1:8000{path}",
        (*of_request, *sent_headers),
        request,
        status,
        (*of_type, *headers),
        answer,
        base,
    )


def told(violations: list[Violation]) -> list[str]:
    """Return violations in short."""
    return [
        " ".join(filter(None, (one.rule, one.side, one.at)))
        + ": "
        + one.message
        + (" (warning)" * one.warning)
        for one in violations
    ]


def of_schema(schema: Any, version: str = "3.1.0", components: Any = None, request: Any = None) -> Contract:
    """Return the contract of one operation, `POST /a`, whose answer, or request, has a schema."""
    operation: dict[str, Any] = {
        "responses": {"200": {"description": "d", "content": {JSON: {"schema": schema}}}}
    }
    if request is not None:
        operation = {
            "requestBody": {"content": {JSON: {"schema": request}}},
            "responses": {"200": {"description": "d"}},
        }
    return contract({"/a": {"post": operation}}, version, components={"schemas": components or {}})
