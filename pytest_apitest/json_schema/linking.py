"""Turning the keywords of schemas into checks and parts.

Rules kept here (JSON Schema Core 2020-12):
- a keyword that nobody knows says nothing (section 4.3.1);
- a schema may not call itself on the same value (section 9.4.1).
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from pytest_apitest.json_schema.applicators import PARTS, MakePart
from pytest_apitest.json_schema.assertions import CHECKS, MakeCheck
from pytest_apitest.json_schema.index import Schemas
from pytest_apitest.json_schema.nodes import Node, OperandError, SchemaError
from pytest_apitest.json_schema.words import pointer


def link(
    schemas: Schemas,
    checks: Mapping[str, MakeCheck] = CHECKS,
    parts: Mapping[str, MakePart] = PARTS,
) -> list[Node]:
    """Give every node that has none yet its checks and parts; return these nodes.

    Args:
        schemas: the nodes; references add more of them on the way.
        checks: keywords that need only the value; those of JSON Schema unless said otherwise.
        parts: keywords that need other schemas evaluated; those of JSON Schema unless said otherwise.

    Raises:
        SchemaError: a keyword cannot be used.

    """
    first = schemas.linked
    while schemas.linked < len(schemas.nodes):
        for node in _newest(schemas, schemas.linked):
            schemas.linked += 1
            if isinstance(node.schema, bool):
                continue
            # What is left unevaluated is known only after all others.
            for keyword in sorted(node.schema, key=lambda name: name.startswith("unevaluated")):
                try:
                    if keyword in checks:
                        node.checks.append((keyword, checks[keyword](node.schema[keyword])))
                    elif keyword in parts:
                        node.parts.append((keyword, parts[keyword](schemas, node, node.schema[keyword])))
                except OperandError as error:
                    place = (*node.place, keyword, *error.below)
                    raise SchemaError(pointer(place), str(error)) from None
    return _newest(schemas, first)


def _newest(schemas: Schemas, first: int) -> list[Node]:
    """Return the nodes from a number on; from the end, since there may be very many before them."""
    return [*islice(reversed(schemas.nodes.values()), len(schemas.nodes) - first)][::-1]


def refuse_loops(nodes: Iterable[Node]) -> None:
    """Refuse schemas that call themselves on the same value (section 9.4.1)."""
    done: set[Node] = set()
    for start in nodes:
        path: dict[Node, Iterator[Node]] = {}
        following = None if start in done else start
        while following is not None or path:
            if following is None:
                done.add(path.popitem()[0])
            elif following in path:
                raise SchemaError(pointer(following.place), "refers to itself without end")
            elif following not in done:
                path[following] = iter(following.same_value)
            following = next(path[next(reversed(path))], None) if path else None
