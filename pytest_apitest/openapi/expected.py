"""What the responses of an operation cannot hold, for the statuses that are expected (OpenAPI 3.1, section 4.8.16).

Rules kept here:
- what one of the responses may hold is possible;
- a response without content, or without any JSON among its media types, holds nothing that a path finds; a range
  such as `*/*`, or a media type without a schema, may hold anything;
- most paths lead through schemas of the usual kind and are told to be possible by a short look; `exclusion` looks at
  the others.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_apitest.json_schema.values import TYPES
from pytest_apitest.jsonpath import Segment
from pytest_apitest.openapi.description import DeadReferenceError, Pointer
from pytest_apitest.openapi.exclusion import ANY, Reason, Walk, best_of, mapping
from pytest_apitest.openapi.media import media_type
from pytest_apitest.openapi.operations import Operation, UnusableError

_MOST_SHORT_LOOKS = 100
_MOST_HOPS = 50
# What may stand beside a reference and says nothing of values.
_SAYS_NOTHING = frozenset(
    {"$ref", "description", "summary", "title", "default", "deprecated", "example", "examples"}
)
# With one of these a schema needs a closer look than most do.
_UNUSUAL = frozenset(
    {
        *("$ref", "$dynamicRef", "$id", "$schema", "anyOf", "oneOf", "prefixItems", "nullable"),
        *("maxProperties", "patternProperties", "propertyNames", "writeOnly"),
    }
)
# Without one of these an object may have any member.
_CLOSING = frozenset({"additionalProperties", "unevaluatedProperties"})


def expected_of(operation: Operation, statuses: frozenset[int]) -> "Expected":
    """Return what the responses of an operation may hold for some statuses, looked up once."""
    found: Expected | None = operation.kept.get(statuses)
    if found is None:
        found = operation.kept[statuses] = Expected(operation, statuses)
    return found


class Expected:
    """What the responses of an operation may hold for some statuses.

    Args:
        operation: the operation.
        statuses: the statuses that are expected.

    """

    def __init__(self, operation: Operation, statuses: frozenset[int]) -> None:
        self._description = operation.library.description
        # Schemas of JSON bodies with their places, and reasons why there is no JSON; empty: nothing is known.
        self._bodies: list[tuple[Any, Pointer] | Reason] = []
        self._looks = 0
        try:
            for has_body, response, pointer in operation.answers(statuses):
                self._bodies += self._of_response(operation, has_body, response, pointer)
        except UnusableError:
            self._bodies = []

    def _of_response(
        self, operation: Operation, has_body: bool, response: dict[str, Any], pointer: Pointer
    ) -> Iterator[tuple[Any, Pointer] | Reason]:
        content, at = operation.library.member(response, "content", pointer)
        if not has_body or not content:
            yield Reason(-1, "has no body", pointer)
            return
        known = False
        for key in content:
            sent = media_type(key)
            if sent.is_json or sent.is_stream or sent.essence in ("*/*", "*", "application/*"):
                known = True
                inner, below = operation.library.followed(content[key], (*at, key))
                closed = sent.is_json and "schema" in inner
                yield (inner["schema"] if closed else True), (*below, "schema")
        if not known:
            yield Reason(-1, f"is {' or '.join(list(content)[:5])}, no JSON", at)

    def why_not(self, segments: Sequence[Segment], value: Any = ANY) -> Reason | None:
        """Return why a path finds nothing, or not a value; None when it may.

        Args:
            segments: what the path selects.
            value: what is expected there, a JSON value; `ANY` when it may be any.

        """
        reasons = []
        self._looks = _MOST_SHORT_LOOKS
        for body in self._bodies:
            if not isinstance(body, Reason) and self._is_there(body[0], segments, value):
                return None
            found = (
                body if isinstance(body, Reason) else Walk(self._description, segments, value).reason(*body)
            )
            if found is None:
                return None
            reasons.append(found)
        return best_of(reasons)

    def _is_there(self, schema: Any, segments: Sequence[Segment], value: Any) -> bool:
        """Tell whether a path leads through schemas of the usual kind, and its value fits; False says nothing."""
        self._looks -= 1
        if self._looks < 0:
            return False
        for _ in range(_MOST_HOPS):
            if not isinstance(schema, dict) or "$ref" not in schema or not _SAYS_NOTHING.issuperset(schema):
                break
            try:
                schema = self._description.resolve(schema["$ref"])[1]
            except (DeadReferenceError, AttributeError):
                return False
        if not isinstance(schema, dict):
            return schema is True
        if not _UNUSUAL.isdisjoint(schema):
            return False
        branches = schema.get("allOf", ())
        if not all(self._is_there(branch, segments, value) for branch in branches):
            return False
        kind = schema.get("type")
        if not segments:
            return value is ANY or _is_plainly(schema, kind, value)
        selector = segments[0].selectors[0]
        if segments[0].descends or "enum" in schema or "const" in schema:
            return False
        if isinstance(selector, str) and kind in ("object", None):
            properties = mapping(schema, "properties")
            if selector in properties:
                return self._is_there(properties[selector], segments[1:], value)
            return _CLOSING.isdisjoint(schema)
        if kind != "array" or isinstance(selector, str | slice):
            return False
        needed = 1 if selector is None else max(selector + 1, -selector)
        most = schema.get("maxItems", needed)
        fits = type(most) is int and most >= needed
        return fits and self._is_there(schema.get("items", True), segments[1:], value)


def _is_plainly(schema: dict[str, Any], kind: Any, value: Any) -> bool:
    """Tell whether a value has a type and is one of the values of a schema, as far as a short look can say."""
    listed_values = [schema["const"]] if "const" in schema else schema.get("enum")
    if kind is not None and not (isinstance(kind, str) and kind in TYPES and TYPES[kind](value)):
        return False
    return listed_values is None or (isinstance(value, str) and value in listed_values)
