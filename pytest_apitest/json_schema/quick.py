"""Telling quickly that a value fits: what nearly every answer of an API needs, and nothing more.

A node becomes one function from value to yes or no. It finds no places and no words; where it says no, or cannot
say, the evaluation says what is wrong. Rules kept here:
- the verdict is that of the evaluation, or there is none (`UnsureError`);
- looking at a value again and again, which combinations of schemas can ask for, has a bound.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pytest_apitest.formats import FORMATS
from pytest_apitest.json_schema.index import Schemas
from pytest_apitest.json_schema.nodes import Check, Node, OperandError
from pytest_apitest.json_schema.values import TYPES, exact, key_of
from pytest_apitest.jsonvalue import Number
from pytest_apitest.patterns import deferred

Test = Callable[[Any], bool]

# Schemas tried on values in combinations; then the evaluation takes over, which looks at each value once.
_MAX_TRIES = 20_000

_KINDS: dict[type, str] = {
    str: "string",
    int: "number",
    Number: "number",
    float: "number",
    Decimal: "number",
    bool: "boolean",
    type(None): "null",
    list: "array",
    dict: "object",
}

_OF_KIND = {
    **dict.fromkeys(("minLength", "maxLength", "pattern"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), "array"),
    **dict.fromkeys(("minProperties", "maxProperties", "dependentRequired"), "object"),
}

_BOUNDS = frozenset({"minLength", "maxLength", "minimum", "maximum"})
_COMBINATIONS = frozenset({"allOf", "anyOf", "oneOf", "$ref", "not"})
_KNOWN_PARTS = _COMBINATIONS | {"properties", "additionalProperties", "items"}

# The usual spelling of a format; what is spelled otherwise is looked at closely.
_USUAL = {
    "date-time": deferred(
        r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
        r"(?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
    ),
    "date": deferred(r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"),
    "uri": deferred(r"https?://[0-9A-Za-z.-]+(?::[0-9]{1,5})?(?:/[0-9A-Za-z._~/-]*)?"),
}


class UnsureError(Exception):
    """Only the evaluation can tell."""


class _Tries:
    """How often a schema may still be tried in a combination."""

    left = _MAX_TRIES


def fits_quickly(schemas: Schemas, root: Node, value: Any) -> bool:
    """Tell whether a value fits for sure; False says nothing.

    Args:
        schemas: the nodes, linked.
        root: one of them.
        value: a JSON value nested at most as deep as documents may be.

    """
    _Tries.left = _MAX_TRIES
    try:
        return (root.fits or _test_of(schemas, root))(value)
    except (UnsureError, RecursionError):
        return False


def _test_of(schemas: Schemas, node: Node) -> Test:
    """Return the test of a node, made once."""
    if node.fits is None:
        # A schema that refers to itself meets this function while its own is being made.
        node.fits = lambda value: _made(node)(value)  # noqa: PLW0108 - by then it is another one
        try:
            node.fits = _make(schemas, node)
        # A part that cannot be used, of a schema that is used all the same; or too long a chain of references.
        except (OperandError, RecursionError):
            node.fits = _unsure
    return node.fits


def _made(node: Node) -> Test:
    assert node.fits is not None
    return node.fits


def _make(schemas: Schemas, node: Node) -> Test:
    if isinstance(node.schema, bool):
        return _always if node.schema else _never
    parts = [keyword for keyword, _ in node.parts]
    if not _KNOWN_PARTS.issuperset(parts) or (
        "additionalProperties" in parts and "patternProperties" in parts
    ):
        return _unsure
    if not parts and (leaf := _leaf(node.schema, {keyword for keyword, _ in node.checks})) is not None:
        return leaf
    by_kind: dict[str, list[Test]] = {kind: [] for kind in (*_KINDS.values(), "integer")}
    for keyword, check in node.checks:
        _add_check(by_kind, node.schema, keyword, check)
    if "properties" in parts or "additionalProperties" in parts or "required" in node.schema:
        by_kind["object"].append(_members(schemas, node, parts))
    if "items" in parts:
        by_kind["array"].append(_items(schemas, node))
    for keyword in parts:
        if keyword in _COMBINATIONS:
            test = _combination(schemas, node, keyword)
            for tests in by_kind.values():
                tests.append(test)
    if len(parts) == 1 == len(node.schema) and parts[0] == "$ref":
        return _test_of(schemas, schemas.target(node, node.schema["$ref"]))
    return _dispatch(by_kind, node.schema.get("type") if any(k == "type" for k, _ in node.checks) else None)


def _leaf(schema: dict[str, Any], keywords: set[str]) -> Test | None:
    """Return one function for the most frequent schemas: texts with a length or of a list, numbers with bounds."""
    bounds = [schema[keyword] for keyword in keywords & _BOUNDS]
    if not all(type(bound) is int for bound in bounds):
        return None
    if schema.get("type") == "string" and "type" in keywords:
        if keywords <= {"type", "minLength", "maxLength"}:
            least, most = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
            return lambda value: (type(value) is str and least <= len(value) <= most) or _other(value)
        if keywords == {"type", "enum"} and all(isinstance(word, str) for word in schema["enum"]):
            words = frozenset(schema["enum"])
            return lambda value: (type(value) is str and value in words) or _other(value)
    if schema.get("type") == "integer" and keywords <= {"type", "minimum", "maximum"} and "type" in keywords:
        lowest, highest = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        return lambda value: (
            lowest <= value <= highest
            if type(value) is int
            else (TYPES["integer"](value) and lowest <= exact(value) <= highest) or _other(value)
        )
    return None


def _dispatch(by_kind: dict[str, list[Test]], allowed: Any) -> Test:
    """Return the test that looks at the type of a value, and makes the tests of that type."""
    names = (
        {allowed} if isinstance(allowed, str) else set(_KINDS.values()) if allowed is None else set(allowed)
    )
    tests: dict[type, Test] = {}
    for kind, name in _KINDS.items():
        own = list(by_kind[name])
        if name == "number" and "number" not in names:
            if "integer" not in names:
                continue
            if kind is not int:
                own.insert(0, TYPES["integer"])
        elif name not in names:
            continue
        elif kind in {float, Decimal}:
            own.insert(0, TYPES["number"])  # not NaN
        tests[kind] = _every(own)
    if len(tests) == 1:
        ((only, test),) = tests.items()
        return _only(only, test)

    def fits(value: Any) -> bool:
        found = tests.get(type(value))
        if found is None:
            return _other(value)
        return found(value)

    return fits


def _only(only: type, test: Test) -> Test:
    if test is _always:
        return lambda value: type(value) is only or _other(value)
    return lambda value: test(value) if type(value) is only else _other(value)


def _other(value: Any) -> bool:
    """Refuse a value of another type; of a class that JSON reading does not make nothing is known."""
    if type(value) in _KINDS:
        return False
    raise UnsureError


def _every(tests: list[Test]) -> Test:
    if not tests:
        return _always
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) and second(value)

    def every(value: Any) -> bool:
        return all(test(value) for test in tests)

    return every


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False


def _unsure(_: Any) -> bool:
    raise UnsureError


def _add_check(by_kind: dict[str, list[Test]], schema: dict[str, Any], keyword: str, check: Check) -> None:
    """Add the test of a keyword that needs only the value."""
    if keyword in {"type", "required"}:
        return
    operand = schema[keyword]
    test: Test = lambda value: not check(value)  # noqa: E731
    kind = _OF_KIND.get(keyword)
    if keyword in {"minLength", "maxLength", "minItems", "maxItems"} and type(operand) is int:
        test = _length(operand, least=keyword.startswith("min"))
    elif keyword in {"minimum", "maximum"} and type(operand) is int:
        by_kind["number"].append(_bound(operand, test, least=keyword == "minimum"))
        return
    elif keyword == "enum" and all(isinstance(value, str) for value in operand):
        words = frozenset(operand)
        by_kind["string"].append(lambda value: value in words)
        for name, tests in by_kind.items():
            if name != "string":
                tests.append(_never)
        return
    elif keyword == "const" and isinstance(operand, str):
        test = lambda value: value == operand and isinstance(value, str)  # noqa: E731
    elif keyword in {"enum", "const"}:
        keys = frozenset(map(key_of, operand if keyword == "enum" else [operand]))
        test = lambda value: key_of(value) in keys  # noqa: E731
    elif keyword == "format" and operand in FORMATS:
        kind, test = "string", _format(operand)
    for name in by_kind if kind is None else (kind,):
        by_kind[name].append(test)


def _length(operand: int, *, least: bool) -> Test:
    if least:
        return lambda value: len(value) >= operand
    return lambda value: len(value) <= operand


def _bound(operand: int, closely: Test, *, least: bool) -> Test:
    if least:
        return lambda value: value >= operand if type(value) is int else closely(value)
    return lambda value: value <= operand if type(value) is int else closely(value)


def _format(name: str) -> Test:
    closely = FORMATS[name]
    if name not in _USUAL:
        return closely
    usual = _USUAL[name]
    return lambda value: usual.fullmatch(value) is not None or closely(value)


def _members(schemas: Schemas, node: Node, parts: list[str]) -> Test:
    """Return the test of required, known and other members."""
    schema = node.schema
    assert isinstance(schema, dict)
    required = frozenset(schema.get("required", ()) if any(k == "required" for k, _ in node.checks) else ())
    tests = {
        name: _test_of(schemas, schemas.child(node, "properties", name))
        for name in (schema["properties"] if "properties" in parts else ())
    }
    known = tests.get
    other: Test = _always
    if "additionalProperties" in parts:
        if "patternProperties" in schema:
            return _unsure
        other = _test_of(schemas, schemas.child(node, "additionalProperties"))

    def fits(value: dict[str, Any]) -> bool:
        if required and not required <= value.keys():
            return False
        for name, item in value.items():  # noqa: SIM110 - all() takes half as long again
            if not known(name, other)(item):
                return False
        return True

    return fits


def _items(schemas: Schemas, node: Node) -> Test:
    assert isinstance(node.schema, dict)
    if "prefixItems" in node.schema:
        return _unsure
    test = _test_of(schemas, schemas.child(node, "items"))
    return lambda value: all(map(test, value))


def _combination(schemas: Schemas, node: Node, keyword: str) -> Test:
    assert isinstance(node.schema, dict)
    operand = node.schema[keyword]
    if keyword == "$ref":
        return _tried(_test_of(schemas, schemas.target(node, operand)))
    if keyword == "not":
        refused = _tried(_test_of(schemas, schemas.child(node, "not")))
        return lambda value: not refused(value)
    tests = [_tried(_test_of(schemas, schemas.child(node, keyword, index))) for index in range(len(operand))]
    discriminator = schemas.discriminator(node) if keyword != "allOf" else None
    if discriminator is not None:
        if discriminator.default is not None:
            return _unsure
        name = discriminator.name
        by_word = {word: tests[index] for word, index in discriminator.chosen.items()}
        return lambda value: (
            isinstance(value, dict)
            and isinstance(word := value.get(name), str)
            and word in by_word
            and by_word[word](value)
        )
    if keyword == "allOf":
        return lambda value: all(test(value) for test in tests)
    if keyword == "anyOf":
        return lambda value: any(test(value) for test in tests)
    return lambda value: sum(test(value) for test in tests) == 1


def _tried(test: Test) -> Test:
    def tried(value: Any) -> bool:
        _Tries.left -= 1
        if _Tries.left < 0:
            raise UnsureError
        return test(value)

    return tried
