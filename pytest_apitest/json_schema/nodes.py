"""What a schema is made into: nodes with checks and parts, and the calls that evaluate them.

Rules kept here, each with its source (JSON Schema Core 2020-12):
- a part of a schema that needs another one evaluated asks for it with `yield`, and gets a `Result` back;
- a member or an item that a part of a schema which fits has looked at is evaluated (section 11).
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import field
from typing import Any

from pytest_apitest.data import data, record
from pytest_apitest.jsonpath import Location


class SchemaError(ValueError):
    """A schema cannot be checked as it stands.

    Args:
        pointer: the place in the schema as a JSON pointer (RFC 6901); empty for the whole.
        message: what is wrong, one sentence without a final stop.

    """

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(f"#{pointer}: {message}")
        self.pointer = pointer
        self.message = message


class OperandError(Exception):
    """The value of a keyword cannot be used.

    Args:
        message: why.
        below: where in the value.

    """

    def __init__(self, message: str, below: Location = ()) -> None:
        super().__init__(message)
        self.below = below


class EndlessError(Exception):
    """A schema calls itself on one value again and again."""


# What a keyword finds: where below its value, and what is wrong there.
Found = tuple[Location, str]

Check = Callable[[Any], Iterable[Found]]

# What an evaluation finds: where in the whole value, what, and the schema and keyword that say so.
Finding = tuple[Location, str, "Node", str]

FINE: tuple[Found, ...] = ()


@record
class Node:
    """One schema: an object or a boolean at a place of a document.

    Args:
        document: URI that its document was taken in under.
        place: where it stands in there.
        schema: what stands there.
        base: URI of the schema resource that it belongs to.
        checks: keywords that need nothing but the value, by name.
        parts: keywords that need other schemas evaluated, by name.
        same_value: schemas that are evaluated on the same value whenever this one is, or may be.
        fits: tells quickly whether a value fits; made on first use, see `quick`.

    """

    document: str
    place: Location
    schema: dict[str, Any] | bool
    base: str
    checks: list[tuple[str, Check]] = field(default_factory=list)
    parts: list[tuple[str, "Part"]] = field(default_factory=list)
    same_value: list["Node"] = field(default_factory=list)
    fits: Callable[[Any], bool] | None = field(default=None, repr=False)

    def own(self, value: Any, place: Location) -> list[Finding]:
        """Return what the keywords find that need no other schema."""
        if self.schema is False:
            return [(place, "not allowed", self, "")]
        return [
            ((*place, *below), message, self, keyword)
            for keyword, check in self.checks
            for below, message in check(value)
        ]


@data
class Call:
    """A request to evaluate a schema on a value.

    Args:
        node: the schema.
        value: the value.
        place: where the value is.
        scope: URIs of the resources entered on the way, outermost first, each once (section 7.1).
        limit: number of findings after which the evaluation may end.
        hops: how many schemas in a row were evaluated on this same value.

    """

    node: Node
    value: Any
    place: Location
    scope: tuple[str, ...]
    limit: int
    hops: int = 0

    def same(self, node: Node, limit: int | None = None) -> "Call":
        """Return the call of another schema on the same value."""
        return self._call(node, self.value, self.place, limit, self.hops + 1)

    def below(self, node: Node, key: str | int, limit: int | None = None) -> "Call":
        """Return the call of a schema on a member or an item."""
        return self._call(node, self.value[key], (*self.place, key), limit, 0)

    def name(self, node: Node, name: str) -> "Call":
        """Return the call of a schema on the name of a member."""
        return self._call(node, name, (*self.place, name), 1, 0)

    def _call(self, node: Node, value: Any, place: Location, limit: int | None, hops: int) -> "Call":
        scope = self.scope if node.base in self.scope else (*self.scope, node.base)
        return Call(node, value, place, scope, self.limit if limit is None else limit, hops)


@record
class Result:
    """What came of a call.

    Args:
        found: what is wrong; empty when the value fits.
        seen: names or indexes that were evaluated; of no meaning when something was found.

    """

    found: list[Finding] = field(default_factory=list)
    seen: set[str | int] = field(default_factory=set)


# What was evaluated already, by schema, identity of the value, and scope.
Known = dict[tuple[Node, int, tuple[str, ...]], tuple[Call, Result]]

Steps = Generator[Call, Result, None]

Part = Callable[[Call, Result], Steps]
