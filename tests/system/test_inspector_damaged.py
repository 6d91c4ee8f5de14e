"""The inspector on descriptions that were damaged at random: it ends soon, with findings or one line, never otherwise."""

import copy
import json
import time
import xml.etree.ElementTree as ET
from random import Random
from typing import Any

import pytest
import yaml

from pytest_apitest.openapi.inspector import inspect
from pytest_apitest.openapi.inspector.reporting import as_json, as_junit, as_sarif, as_text
from pytest_apitest.openapi.reading import DescriptionError
from tests.golden_files import FOLDER
from tests.unit.openapi.test_wrong_descriptions import JUNK, places

SEEDS = sorted((FOLDER / "inspector").glob("*.yaml"))
BATCHES, RUNS = 8, 40
SECONDS = 2.0
HUGE: list[Any] = [
    *(10**400, -(10**400), 1e308, 5e-324, 10**20, "a" * 5_000, "{" * 50, "(a+)+$", "\x00", "\u202e" * 100),
    *({"$ref": "#/components"}, {"$ref": "#/components/schemas"}, {"allOf": [{"$ref": "#"}]}, {"": {"": {}}}),
    *({"x-apitest-ignore": ["unknown-field"]}, [[]] * 50, [None] * 10),
]  # fmt: skip
NAMES = (
    *("$ref", "type", "items", "properties", "schema", "content", "parameters", "in", "name", "enum", "default"),
    *("example", "examples", "discriminator", "required", "pattern", "servers", "variables", "security", "flows"),
    *("mapping", "headers", "links", "operationId", "openapi", "allOf", "responses", "$id", "$anchor", "x-apitest-ignore"),
)  # fmt: skip
CUTS = ("", "{", '"', ": ", "\t", "&a ", "*a", "\n", "!!x ", "<<: ")


def nest(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for level in range(depth):
        value = {"properties": {"a": value}} if level % 2 else {"allOf": [value]}
    return value


def at(value: Any, way: tuple[Any, ...]) -> Any:
    for step in way:
        value = value[step]
    return value


def damaged(random: Random, value: Any, other: Any) -> Any:
    """Return a description in which one to five things are gone, something else, elsewhere or of another."""
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        ways = list(places(value))
        if not ways:
            break
        *way, key = random.choice(ways)
        holder = at(value, tuple(way))
        kind = random.randrange(6)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            holder[key] = copy.deepcopy(random.choice(JUNK))
        elif kind == 2:
            holder[key] = copy.deepcopy(random.choice(HUGE))
        elif kind == 3:
            holder[key] = nest(random.choice((5, 50, 120)))
        elif kind == 4:
            holder[key] = copy.deepcopy(at(other, random.choice(list(places(other)))))
        elif isinstance(holder, dict):
            holder[random.choice(NAMES)] = copy.deepcopy(holder[key])
        else:
            holder.append(copy.deepcopy(holder[key]))
    return value


def content_of(random: Random) -> bytes:
    one, other = (
        json.loads(json.dumps(yaml.safe_load(file.read_bytes()))) for file in random.sample(SEEDS, 2)
    )
    text = json.dumps(damaged(random, one, other), indent=random.choice((None, 1)))
    if random.random() < 0.3:
        cut = random.randrange(len(text))
        text = text[:cut] + random.choice(CUTS) + text[cut + random.randrange(3) :]
    return text.encode()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_damaged_description_is_inspected(batch: int) -> None:
    unreadable = 0
    for number in range(batch * RUNS, (batch + 1) * RUNS):
        content = content_of(Random(number))
        lines = content.count(b"\n") + 1
        begun = time.process_time()
        try:
            for ruleset in ("oas", "adr"):
                inspection = inspect(content, "api", ruleset)
                assert all(1 <= one.line <= lines and one.column >= 1 for one in inspection.findings), number
                assert as_text([inspection]).endswith("\n")
                json.loads(as_json([inspection]))
                json.loads(as_sarif([inspection], ruleset))
                ET.fromstring(as_junit([inspection], ruleset, ("error",)))
        except DescriptionError:
            unreadable += 1
        assert time.process_time() - begun < SECONDS, number
    assert unreadable < RUNS // 2, "most are to be read"
