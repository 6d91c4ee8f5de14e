"""Examples and defaults: that they fit their schemas.

A value fits when it does as a whole, as a request or as a response: what is readOnly may be left out of the one, what
is writeOnly out of the other (OpenAPI 3.0, "Schema Object", Fixed Fields).
"""

import functools
from decimal import Decimal
from typing import Any

from pytest_apitest.json_schema.words import path_of
from pytest_apitest.jsonvalue import equal
from pytest_apitest.openapi.inspector.context import Context
from pytest_apitest.openapi.inspector.schema_rules import fits_type
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.openapi.schemas import REQUEST, RESPONSE, DescribedSchemas

# Keywords that `_fits_at_once` knows, among them those that say nothing about a value.
_KNOWN = frozenset(
    {
        *("type", "nullable", "minimum", "maximum", "minLength", "maxLength", "enum"),
        *("description", "title", "example", "examples", "default", "readOnly", "writeOnly"),
        *("deprecated", "externalDocs"),
    }
)
# A schema with more wrong examples than this has another problem.
_MOST = 1
_JSON = ("application/json", "+json")


class _BothWays(DescribedSchemas):
    """The schemas of a description for values that are neither sent nor received."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.description, REQUEST)
        self._hidden = ""


class _Judge:
    """Finds what is wrong with a value."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @functools.cached_property
    def _ways(self) -> list[DescribedSchemas]:
        description = self._context.description
        ways = (
            _BothWays(self._context),
            DescribedSchemas(description, REQUEST),
            DescribedSchemas(description, RESPONSE),
        )
        return list(ways)

    def wrong(self, schema: Any, pointer: Pointer, value: Any) -> str:
        """Return what is wrong with a value, or an empty text.

        Args:
            schema: the schema.
            pointer: where it is.
            value: the value.

        """
        if isinstance(schema, dict) and _KNOWN.issuperset(schema) and _fits_at_once(schema, value):
            return ""
        if isinstance(schema, dict) and len(schema) == 1:  # of what many places refer to, one root is made
            found_there = self._context.followed(schema, pointer)
            pointer = found_there[0] if found_there is not None else pointer
        message = ""
        for way in self._ways:
            found = way.wrong(way.root(pointer), value, _MOST)
            if not found:
                return ""
            message = message or f"{path_of(found[0][0])}: {found[0][1]}"
        return message


def _fits_at_once(schema: dict[str, Any], value: Any) -> bool:
    """Tell whether a value fits a simple schema for sure, which most examples are beside."""
    kind = schema.get("type")
    if kind is not None and not (isinstance(kind, str) and fits_type(value, kind)):
        return False
    if isinstance(value, str) and not schema.get("minLength", 0) <= len(value) <= schema.get(
        "maxLength", len(value)
    ):
        return False
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if is_number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return False
    return "enum" not in schema or any(equal(value, one) for one in schema["enum"])


def check_examples(context: Context) -> None:
    """Check the examples and defaults of schemas, parameters, headers and media types."""
    judge = _Judge(context)
    for seen in context.objects["Schema"]:
        schema, pointer = seen.value, seen.pointer
        if "example" in schema:
            _judge(context, judge, "example", schema, pointer, schema["example"], (*pointer, "example"))
        if "default" in schema:
            _judge(context, judge, "default", schema, pointer, schema["default"], (*pointer, "default"))
        if context.version != "3.0" and isinstance(several := schema.get("examples"), list):
            for index, value in enumerate(several):
                _judge(context, judge, "example", schema, pointer, value, (*pointer, "examples", index))
    for name in ("Parameter", "Header", "MediaType"):
        for seen in context.objects[name]:
            _of_object(context, judge, seen.value, seen.pointer)


def _of_object(context: Context, judge: _Judge, value: dict[str, Any], pointer: Pointer) -> None:
    schema, at = value.get("schema"), (*pointer, "schema")
    if not isinstance(schema, dict):
        return
    is_media_type = len(pointer) > 1 and pointer[-2] == "content"
    if is_media_type and not str(pointer[-1]).partition(";")[0].strip().endswith(_JSON):
        return  # other types are written in ways of their own
    if "example" in value:
        _judge(context, judge, "example", schema, at, value["example"], (*pointer, "example"))
    several = value.get("examples")
    for name, one in several.items() if isinstance(several, dict) else ():
        found = context.followed(one, (*pointer, "examples", name))
        if found is None:
            continue
        example, place = found[1], found[0]
        for field in ("value", "dataValue"):
            if field in example:
                here = (*pointer, "examples", name)
                shown = (*place, field) if place == here else here
                _judge(context, judge, "example", schema, at, example[field], shown)


def _judge(
    context: Context, judge: _Judge, what: str, schema: Any, pointer: Pointer, value: Any, shown: Pointer
) -> None:
    if message := judge.wrong(schema, pointer, value):
        hint = ""
        if value is None and message.startswith("$:"):
            hint = (
                "; nullable: true allows it"
                if context.version == "3.0"
                else '; "null" among the types allows it'
            )
        context.add(f"{what}-mismatch", f"the {what} does not fit its schema: {message}{hint}", shown)
