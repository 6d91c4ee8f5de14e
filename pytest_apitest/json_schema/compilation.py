"""From a schema to something that judges values: checked completely before it is used.

A schema is refused unless it can be checked as it stands: it follows the metaschema, its formats are those of
`formats`, its expressions are RE2's, its references lead to places in it (JSON Schema Core 2020-12, sections
8.2 and 9.4.1).
"""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean
from pytest_apitest.json_schema.assertions import CHECKS
from pytest_apitest.json_schema.evaluation import TOO_DEEP, findings, is_too_deep
from pytest_apitest.json_schema.index import DIALECT, IN_MAPPING, KEYWORDS, Schemas
from pytest_apitest.json_schema.linking import link, refuse_loops
from pytest_apitest.json_schema.nodes import EndlessError, Node, SchemaError
from pytest_apitest.json_schema.quick import fits_quickly
from pytest_apitest.json_schema.values import TYPES
from pytest_apitest.json_schema.words import brief, path_of, pointer
from pytest_apitest.jsonpath import Location, value_at

_NAMES = sorted(word for word in KEYWORDS if word[0] != "$")


@data
class Violation:
    """One place of a value that does not follow the schema.

    Args:
        path: the place, such as `$.items[2].name`; of a missing member where it should be.
        message: what is wrong there, one sentence without a final stop.

    """

    path: str
    message: str


class Compiled:
    """A schema that was found to be checkable."""

    __slots__ = ("_root", "_schemas")

    def __init__(self, root: Node, schemas: Schemas) -> None:
        self._root = root
        self._schemas = schemas

    def violations(self, value: Any, limit: int = 20) -> list[Violation]:
        """Return where a JSON value does not follow the schema, at most `limit` places; none when it does.

        Args:
            value: None, bool, int, float, Decimal, str, list, dict, and what is derived from them.
            limit: 1 or more.

        """
        if not is_too_deep(value) and fits_quickly(self._schemas, self._root, value):
            return []
        try:
            found = findings(self._root, value, limit)
        except EndlessError:
            return [Violation(path_of(()), "the schema refers to itself without end here")]
        return [Violation(path_of(place), message) for place, message, *_ in found]


def compile_schema(schema: Any, base: Path | None) -> Compiled:
    """Return a schema ready for use.

    Args:
        schema: an object, or true or false.
        base: the file that it was read from, or None. References to its own name stay in the document.

    Raises:
        SchemaError: the schema cannot be checked as it stands.

    """
    _follow_metaschema(schema, ())
    schemas = Schemas(_follow_metaschema)
    root = schemas.add(schema, "" if base is None else base.absolute().as_uri())
    _refuse_misspelt(schemas.nodes.values())
    refuse_loops(link(schemas))
    return Compiled(root, schemas)


def _follow_metaschema(schema: Any, place: Location) -> None:
    """Raise `SchemaError` unless a value at a place of a document is a schema."""
    if is_too_deep(schema):
        raise SchemaError(pointer(place), TOO_DEEP)
    for below, message, *_ in findings(_metaschema(), schema, 1):
        raise SchemaError(pointer((*place, *below)), _type_hint(schema, below) or message)


def _refuse_misspelt(nodes: Iterable[Node]) -> None:
    """Refuse keywords that are nearly known: they were meant to say something."""
    for node in nodes:
        for keyword in node.schema if isinstance(node.schema, dict) else ():
            if keyword in KEYWORDS or keyword[:1] == "$":
                continue
            meant = get_close_matches(keyword, _NAMES, 1, 0.8)
            if meant:
                message = f'unknown keyword {brief(keyword)}; did you mean "{meant[0]}"?'
                raise SchemaError(pointer((*node.place, keyword)), message)


def _type_hint(schema: Any, place: Location) -> str | None:
    """Return better words than the metaschema's for the most frequent slip, a name that is no type."""
    if place[-1:] != ("type",) or not IN_MAPPING.isdisjoint(place[-2:-1]):
        return None
    value = value_at(schema, place)
    names = value if isinstance(value, list) else [value]
    unknown = next((name for name in names if isinstance(name, str) and name not in TYPES), None)
    if unknown is None:
        return None
    return f"unknown type {brief(unknown)}{did_you_mean(unknown, TYPES) or '; known: ' + ', '.join(TYPES)}"


@lru_cache(maxsize=1)
def _metaschema() -> Node:
    # 70 ms, paid only where there is a schema; the package comes with jsonschema and is its data.
    registry = import_module("jsonschema_specifications").REGISTRY
    schemas = Schemas()
    root = schemas.add(registry.contents(DIALECT), DIALECT)
    for uri in registry.contents(DIALECT)["$vocabulary"]:
        vocabulary = uri.replace("/vocab/", "/meta/")
        schemas.add(registry.contents(vocabulary), vocabulary)
    link(schemas, {keyword: make for keyword, make in CHECKS.items() if keyword != "format"})
    return root
