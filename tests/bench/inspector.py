"""CPU and memory of inspecting descriptions of 500 KB and 4 MB, with openapi-spec-validator beside it.

A script, not a test: `PYTHONPATH=. python tests/bench/inspector.py [rounds]`; `--without-library` leaves the library
out, which takes long. CPU time of this process is counted from the file on, the best of the rounds; the library gets
its values from PyYAML's C reader, which is what it uses itself where that is there. Memory is the most that a process
of its own had resident while it ran `apitest inspect`.
"""

import argparse
import functools
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pytest_apitest.openapi.description import read_description
from pytest_apitest.openapi.inspector import inspect

SIZES = {"500 KB": 500_000, "4 MB": 4_000_000}
BOUNDS = {"500 KB": 0.6, "4 MB": 4.0}
MEMORY = 400


def description(size: int) -> str:
    """Return a description of about so many characters of YAML, in which nothing is wrong."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1.0.0"},
        "servers": [{"url": "https://things.example/v1"}],
        "tags": [{"name": "things"}],
        "paths": {},
        "components": {"schemas": {}},
    }
    one_of_them = len(_dumped({**document, "paths": _paths(0), "components": {"schemas": _schemas(0)}}))
    for number in range(size // (one_of_them - len(_dumped(document)))):
        document["paths"].update(_paths(number))
        document["components"]["schemas"].update(_schemas(number))
    return _dumped(document)


def _dumped(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False)
    return text


def _answer(number: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/Thing{number}"}
    return {"description": "The thing.", "content": {"application/json": {"schema": schema}}}


def _paths(number: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/Thing{number}"}
    page = {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1, "default": 1}}
    body = {"application/json": {"schema": schema, "example": {"id": 1, "name": "a thing"}}}
    return {
        f"/things{number}/{{id}}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {
                "operationId": f"getThing{number}",
                "summary": "Read a thing",
                "tags": ["things"],
                "parameters": [page],
                "responses": {"200": _answer(number), "404": {"description": "It is gone."}},
            },
            "put": {
                "operationId": f"putThing{number}",
                "summary": "Change a thing",
                "tags": ["things"],
                "requestBody": {"required": True, "content": body},
                "responses": {"200": _answer(number), "422": {"description": "It cannot be used."}},
            },
        }
    }


def _schemas(number: int) -> dict[str, Any]:
    return {
        f"Thing{number}": {
            "type": "object",
            "description": "A thing, with a text that goes on for a while & says little * about it.",
            "required": ["id", "name"],
            "properties": {
                "id": {"type": "integer", "minimum": 1, "description": "The number."},
                "name": {"type": "string", "maxLength": 100, "example": "a name"},
                "when": {"type": "string", "format": "date-time"},
                "other": {"$ref": f"#/components/schemas/Thing{number - number % 10}"},
                "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b", "c"]}},
            },
        }
    }


def cpu(job: Callable[[], object], rounds: int) -> float:
    """Return seconds of CPU, the best of the rounds."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        job()
        best = min(best, time.process_time() - begun)
    return best


def of_the_library(file: Path) -> None:
    """Do with openapi-spec-validator what people do."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    value = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert not list(OpenAPIV31SpecValidator(value).iter_errors())


def memory_of(file: Path) -> int:
    """Return the most megabytes that `apitest inspect` had resident."""
    words = [sys.executable, "-m", "pytest_apitest.cli", "inspect", str(file)]
    silent = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    pid = os.posix_spawn(sys.executable, words, os.environ, file_actions=[silent])
    _, status, used = os.wait4(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return used.ru_maxrss // 1024


def measure(file: Path, as_json: Path, bound: float, rounds: int) -> None:
    """Print what reading and inspecting takes.

    Args:
        file: the description as YAML.
        as_json: the same as JSON, indented with tabs.
        bound: seconds of CPU that the inspection may take.
        rounds: how often each is done.

    """
    assert not inspect(file).findings
    print(f"  read YAML      {cpu(lambda: read_description(file, 'api.yaml'), rounds):6.2f} s")
    print(f"  read JSON      {cpu(lambda: read_description(as_json, 'api.json'), rounds):6.2f} s")
    print(f"  inspect YAML   {cpu(lambda: inspect(file), rounds):6.2f} s, bound {bound} s")
    print(f"  inspect JSON   {cpu(lambda: inspect(as_json), rounds):6.2f} s")
    print(f"  memory, YAML   {memory_of(file):6} MB, bound {MEMORY} MB")
    print(f"  memory, JSON   {memory_of(as_json):6} MB")
    print(f"  adr            {cpu(lambda: inspect(file, ruleset='adr'), rounds):6.2f} s")


def main() -> None:
    """Run the rounds and print seconds of CPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--without-library", action="store_true", help="measure only the inspector")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        for words, size in SIZES.items():
            text = description(size)
            file = Path(name) / "api.yaml"
            file.write_text(text, encoding="utf-8")
            as_json = Path(name) / "api.json"
            value = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            as_json.write_text(json.dumps(value, indent="\t"), encoding="utf-8")
            print(f"{words}: {len(text):,} characters of YAML")
            measure(file, as_json, BOUNDS[words], given.rounds)
            if not given.without_library:
                print(f"  the library    {cpu(functools.partial(of_the_library, file), 1):6.2f} s")


if __name__ == "__main__":
    main()
