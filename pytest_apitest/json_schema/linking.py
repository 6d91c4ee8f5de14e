"""Turning the keywords of schemas into checks and parts.

Rules kept here (JSON Schema Core 2020-12):
- a keyword that nobody knows says nothing (section 4.3.1);
- a schema may not call itself on the same value (section 9.4.1).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pytest_apitest.json_schema.applicators import PARTS
from pytest_apitest.json_schema.assertions import CHECKS
from pytest_apitest.json_schema.index import Schemas
from pytest_apitest.json_schema.nodes import Node, OperandError, SchemaError
from pytest_apitest.json_schema.words import pointer


def link(schemas: Schemas, *, asserts_formats: bool) -> None:
    """Give every node its checks and parts.

    Args:
        schemas: the nodes; references add more of them on the way.
        asserts_formats: whether `format` is checked.

    Raises:
        SchemaError: a keyword cannot be used.

    """
    linked = 0
    while linked < len(schemas.nodes):
        for node in list(schemas.nodes.values())[linked:]:
            linked += 1
            if isinstance(node.schema, bool):
                continue
            # What is left unevaluated is known only after all others.
            for keyword in sorted(node.schema, key=lambda name: name.startswith("unevaluated")):
                if keyword != "format" or asserts_formats:
                    _link_keyword(schemas, node, keyword, node.schema[keyword])


def _link_keyword(schemas: Schemas, node: Node, keyword: str, operand: Any) -> None:
    try:
        if keyword in CHECKS:
            node.checks.append(CHECKS[keyword](operand))
        elif keyword in PARTS:
            node.parts.append(PARTS[keyword](schemas, node, operand))
    except OperandError as error:
        raise SchemaError(pointer((*node.place, keyword, *error.below)), str(error)) from None


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
