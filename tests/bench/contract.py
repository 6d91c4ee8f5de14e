"""CPU of checking one answer against a description, with openapi-core beside it in the same run.

A script, not a test: `PYTHONPATH=. python tests/bench/contract.py [rounds]`. The description has one operation of
interest, and none or several thousand others; the answer is one object or a hundred. Figures are microseconds of
CPU per exchange, the best of the rounds; `read` is with the JSON read already, as in a step that has checks of its
own; `covered` is with what it exercised being noted, in a run where one described property never comes, so that every
object is looked at. The last figures are those of the description: reading it, and the first exchange.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import openapi_core
from openapi_core.datatypes import RequestParameters

from pytest_apitest import jsonvalue
from pytest_apitest.openapi.contract import Contract, Exchange, Trace
from pytest_apitest.openapi.coverage import Sheet
from pytest_apitest.openapi.description import read_description

_QUOTE = {
    "type": "object",
    "required": ["id", "author", "text", "state", "created"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "author": {"type": "string", "minLength": 1, "maxLength": 100},
        "text": {"type": "string", "maxLength": 500},
        "tags": {"type": "array", "items": {"type": "string"}},
        "state": {"type": "string", "enum": ["draft", "published"]},
        "created": {"type": "string", "format": "date-time"},
        "price": {"type": ["number", "null"]},
        "never": {"type": "string"},
    },
}
_HEADERS = (("Content-Type", "application/json"), ("ETag", '"1"'))
_VALUE = {
    "id": 17,
    "author": "Ada Lovelace",
    "text": "Measure before you cut.",
    "tags": ["maths", "craft"],
    "state": "draft",
    "created": "2024-01-02T03:04:05Z",
    "price": 1.5,
}


def description(others: int) -> dict[str, Any]:
    """Return a description with some operations that are not asked for."""

    def answers(schema: Any, *, has_id: bool = True) -> dict[str, Any]:
        content = {"application/json": {"schema": schema}}
        headers = {"ETag": {"required": True, "schema": {"type": "string"}}}
        identity = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        parameters = {"parameters": [identity]} if has_id else {}
        return parameters | {
            "get": {"responses": {"200": {"description": "d", "headers": headers, "content": content}}}
        }

    one = {"$ref": "#/components/schemas/Quote"}
    paths: dict[str, Any] = {
        f"/part{number}/{{id}}": answers({"type": "object", "properties": {"a": one}})
        for number in range(others)
    }
    paths |= {"/quotes/{id}": answers(one), "/quotes": answers({"type": "array", "items": one}, has_id=False)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "http://127.0.0.1:8000/"}],
        "paths": paths,
        "components": {"schemas": {"Quote": _QUOTE}},
    }


@dataclass
class _Asked:
    """A request as openapi-core sees it."""

    path: str
    host_url: str = "http://127.0.0.1:8000"
    method: str = "get"
    body: bytes | None = None
    content_type: str = ""
    parameters: RequestParameters = field(default_factory=RequestParameters)


@dataclass
class _Answered:
    """A response as openapi-core sees it."""

    data: bytes
    status_code: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"1"'})


def best(work: Callable[[], Any], rounds: int, often: int) -> float:
    """Return microseconds of CPU of one call, in the best round."""
    found = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(often):
            work()
        found = min(found, (time.process_time() - started) / often)
    return found * 1e6


def measured(
    contract: Contract, core: openapi_core.OpenAPI, path: str, answer: Any, rounds: int
) -> dict[str, float]:
    """Return the figures of one answer."""
    body = json.dumps(answer).encode()
    found = jsonvalue.loads(body)
    url = f"http://127.0.0.1:8000{path}"
    whole = Exchange("GET", url, (), None, 200, _HEADERS, body)
    read = Exchange("GET", url, (), None, 200, _HEADERS, body, "", lambda: found)
    started = time.process_time()
    assert contract.violations(whole) == []
    first = time.process_time() - started
    sheet = Sheet(contract)

    def noted(exchange: Exchange) -> None:
        trace = Trace()
        sheet.note(exchange, trace, violated=bool(contract.violations(exchange, trace=trace)))

    asked, answered = _Asked(path), _Answered(body)
    core.validate_response(asked, answered)
    return {
        "json": best(lambda: json.loads(body), rounds, 100),
        "ours": best(lambda: contract.violations(whole), rounds, 100),
        "ours, read": best(lambda: contract.violations(read), rounds, 100),
        "covered": best(lambda: noted(whole), rounds, 100),
        "covered, read": best(lambda: noted(read), rounds, 100),
        "openapi-core": best(lambda: core.validate_response(asked, answered), max(rounds // 5, 1), 3),
        "ours, first": first * 1e6,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=20)
    rounds = parser.parse_args().rounds
    for others in (0, 4_000):
        value = description(others)
        text = json.dumps(value).encode()
        started = time.process_time()
        contract = Contract(read_description(text, "api.json"))
        loaded = time.process_time() - started
        # The description is right; looking at that is not measured.
        config = openapi_core.Config(spec_validator_cls=None)  # type: ignore[arg-type]
        core = openapi_core.OpenAPI.from_dict(value, config=config)
        for shown, path, answer in (
            ("1 object", "/quotes/17", _VALUE),
            ("100 objects", "/quotes", [_VALUE] * 100),
        ):
            figures = measured(contract, core, path, answer, rounds)
            words = "  ".join(f"{name} {figure:9.1f}" for name, figure in figures.items())
            print(f"{others + 2:5} operations, {shown:11}  {words}")
        print(f"{others + 2:5} operations, {len(text):,} bytes read in {loaded * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
