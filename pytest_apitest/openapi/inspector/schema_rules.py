"""Rules about schemas that their declaration cannot say: bounds, patterns, enums, required names, examples."""

import re
import warnings
from typing import Any

from pytest_apitest.errors import did_you_mean
from pytest_apitest.jsonvalue import show
from pytest_apitest.openapi.inspector.context import Context
from pytest_apitest.openapi.reading import Pointer

_SHOWN = 60
_BOUNDS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minContains", "maxContains"),
)
# Where the value is looked at by more than this schema, which need not say everything.
_ONE_OF_MANY = frozenset({"allOf", "anyOf", "oneOf"})
_CONDITIONS = frozenset({"not", "if", "then", "else"})
_OTHERS_LOOK = frozenset(
    {"$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties", "$dynamicRef", "dependentSchemas"}
)
_MAX_PATTERN = 10_000


def check_schemas(context: Context) -> None:
    """Check every schema by itself."""
    old = context.version == "3.0"
    patterns: dict[str, str] = {}
    for seen in context.objects["Schema"]:
        schema, pointer = seen.value, seen.pointer
        no_items = old and schema.get("type") == "array" and "items" not in schema
        if no_items and (pointer, "items") not in context.walk.misspelt:
            message = '"items" is missing in a schema of type array; items: {} allows anything'
            context.add("array-items", message, pointer, key=True)
        for low, high in _BOUNDS:
            if low in schema and high in schema and _is_over(schema[low], schema[high]):
                message = f"{low} {show(schema[low], _SHOWN)} is over {high} {show(schema[high], _SHOWN)}"
                context.add("schema-bounds", message, (*pointer, low))
        if "enum" in schema:
            _enum(context, schema, pointer)
        if "required" in schema and "properties" in schema:
            _required(context, schema, pointer)
        if "pattern" in schema or (not old and "patternProperties" in schema):
            _patterns(context, schema, pointer, patterns)
        if schema.get("readOnly") is True and schema.get("writeOnly") is True and old:
            message = '"writeOnly" excludes "readOnly"'
            context.add("conflicting-fields", message, (*pointer, "writeOnly"), key=True)


def _patterns(context: Context, schema: dict[str, Any], pointer: Pointer, known: dict[str, str]) -> None:
    """Check the patterns of a schema; `known` holds what was found out about texts."""
    several = schema.get("patternProperties") if context.version != "3.0" else None
    written = (
        [(name, (*pointer, "patternProperties", name)) for name in several]
        if isinstance(several, dict)
        else []
    )
    if isinstance(pattern := schema.get("pattern"), str):
        written.append((pattern, (*pointer, "pattern")))
    for text, at in written:
        if text not in known:
            known[text] = _mistake_in(text)
        if known[text]:
            context.add("schema-pattern", known[text], at, key=len(at) > len(pointer) + 1)


def _is_over(low: Any, high: Any) -> bool:
    numbers = not any(isinstance(one, bool | str | list | dict) or one is None for one in (low, high))
    return numbers and bool(low > high)


def _mistake_in(pattern: str) -> str:
    """Return what is wrong with a regular expression of ECMA-262, as far as this can be told."""
    if len(pattern) > _MAX_PATTERN:
        return ""
    # What JavaScript has and Python has not, or writes otherwise.
    python = re.sub(r"\\p\{[^}]*\}|\\P\{[^}]*\}|\\c[A-Za-z]|\\u\{[0-9a-fA-F]+\}|\\[^\W\d_]|\\/", "x", pattern)
    python = (
        python.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!").replace("[^]", "x")
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Python may read otherwise one day
            re.compile(python)
    except (re.error, OverflowError, RecursionError) as error:
        words = getattr(error, "msg", "it is too large")
        if "look-behind" in words:
            return ""
        return f"no regular expression: {words}"
    return ""


def _enum(context: Context, schema: dict[str, Any], pointer: Pointer) -> None:
    values = schema["enum"]
    if not isinstance(values, list):
        return
    types = schema.get("type")
    names = [types] if isinstance(types, str) else types if isinstance(types, list) else []
    nullable = schema.get("nullable") is True and context.version == "3.0"
    texts: set[str] = set()
    others: list[str] = []
    for index, value in enumerate(values):
        at = (*pointer, "enum", index)
        shown = show(value, _SHOWN)
        if (value in texts) if isinstance(value, str) else (shown in others):
            context.add("enum-values", f"{shown} stands twice in this list", at)
        elif (
            names
            and not (nullable and value is None)
            and not any(fits_type(value, str(one)) for one in names)
        ):
            context.add("enum-values", f"{shown} is not of type {' or '.join(map(str, names))}", at)
        if isinstance(value, str):
            texts.add(value)
        else:
            others.append(shown)


def fits_type(value: Any, name: str) -> bool:
    """Tell whether a value is of a type; of a type that does not exist everything is."""
    if name == "string":
        return isinstance(value, str)
    if name == "object":
        return isinstance(value, dict)
    if name == "array":
        return isinstance(value, list)
    if name == "boolean":
        return isinstance(value, bool)
    if name == "null":
        return value is None
    if name in ("integer", "number"):
        if value is None or isinstance(value, bool | str | list | dict):
            return False
        return name == "number" or value == int(value)
    return True


def _required(context: Context, schema: dict[str, Any], pointer: Pointer) -> None:
    if not _OTHERS_LOOK.isdisjoint(schema) or not isinstance(schema.get("additionalProperties", False), bool):
        return
    if (len(pointer) > 1 and pointer[-2] in _ONE_OF_MANY) or (pointer and pointer[-1] in _CONDITIONS):
        return
    properties, names = schema["properties"], schema["required"]
    if not isinstance(properties, dict) or not isinstance(names, list):
        return
    for index, name in enumerate(names):
        if isinstance(name, str) and name not in properties:
            message = (
                f'the required property "{name[:_SHOWN]}" is not declared{did_you_mean(name, properties)}'
            )
            context.add("required-property", message, (*pointer, "required", index))
