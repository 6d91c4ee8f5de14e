"""Keywords that ask for other schemas: references, combinations, members and items.

Each returns a part for a node (JSON Schema Core 2020-12, sections 8.2.3, 10 and 11).
"""

from collections.abc import Callable, Generator, Iterable, Sized
from typing import Any

from pytest_apitest.errors import did_you_mean
from pytest_apitest.json_schema.index import Discriminator, Schemas
from pytest_apitest.json_schema.nodes import Call, Node, Part, Result, Steps
from pytest_apitest.json_schema.patterns import search_for
from pytest_apitest.json_schema.words import SHOWN, count, listed, path_of, typed

_MAX_REASONS = 3

_MAX_REASON_LENGTH = 300


def _reference(schemas: Schemas, node: Node, operand: str) -> Part:
    target = schemas.target(node, operand)
    node.same_value.append(target)
    return _all([target])


def _dynamic_reference(schemas: Schemas, node: Node, operand: str) -> Part:
    first = schemas.target(node, operand)
    name = operand.rpartition("#")[2]
    if schemas.dynamic_anchors.get((first.base, name)) is not first:
        node.same_value.append(first)
        return _all([first])

    def part(call: Call, result: Result) -> Steps:
        anchored = (schemas.dynamic_anchors.get((uri, name)) for uri in call.scope)
        target = next((found for found in anchored if found is not None), first)
        merge(result, (yield call.same(target)))

    return part


def _all_of(schemas: Schemas, node: Node, operand: list[Any]) -> Part:
    return _all(_branches(schemas, node, "allOf", operand))


def _all(nodes: list[Node]) -> Part:
    def part(call: Call, result: Result) -> Steps:
        for node in nodes:
            if len(result.found) < call.limit:
                merge(result, (yield call.same(node)))

    return part


def _branches(schemas: Schemas, node: Node, keyword: str, operand: list[Any]) -> list[Node]:
    nodes = [schemas.child(node, keyword, index) for index in range(len(operand))]
    node.same_value += nodes
    return nodes


def merge(result: Result, other: Result) -> None:
    """Add to a result what another schema found on the same value, or else what it looked at."""
    result.found += other.found
    if not other.found:
        result.seen |= other.seen


def _try_all(call: Call, nodes: list[Node]) -> Generator[Call, Result, list[Result]]:
    results = []
    for node in nodes:
        results.append((yield call.same(node, 1)))  # noqa: PERF401 - a comprehension cannot yield
    return results


def _any_of(schemas: Schemas, node: Node, operand: list[Any]) -> Part:
    nodes = _branches(schemas, node, "anyOf", operand)
    if (discriminator := schemas.discriminator(node)) is not None:
        return _selected(nodes, discriminator)

    def part(call: Call, result: Result) -> Steps:
        results = yield from _try_all(call, nodes)
        fitting = [other for other in results if not other.found]
        for other in fitting:
            merge(result, other)
        if not fitting:
            result.found.append((call.place, _no_branch("anyOf", call, results), call.node, "anyOf"))

    return part


def _selected(nodes: list[Node], discriminator: Discriminator) -> Part:
    """Return the part for branches of which a member of the value names the one that holds."""
    name, chosen, default = discriminator.name, discriminator.chosen, discriminator.default

    def part(call: Call, result: Result) -> Steps:
        if not isinstance(call.value, dict):
            message = f"expected object, got {typed(call.value)}"
            result.found.append((call.place, message, call.node, "discriminator"))
        elif default is not None and call.value.get(name) not in [*chosen]:
            merge(result, (yield call.same(nodes[default])))
        elif name not in call.value:
            message = "missing; it says which schema holds"
            result.found.append(((*call.place, name), message, call.node, "discriminator"))
        elif not isinstance(word := call.value[name], str) or word not in chosen:
            message = f"expected one of {listed(list(chosen))}, got {typed(word)}"
            result.found.append(((*call.place, name), message, call.node, "discriminator"))
        else:
            merge(result, (yield call.same(nodes[chosen[word]])))

    return part


def _one_of(schemas: Schemas, node: Node, operand: list[Any]) -> Part:
    nodes = _branches(schemas, node, "oneOf", operand)
    if (discriminator := schemas.discriminator(node)) is not None:
        return _selected(nodes, discriminator)

    def part(call: Call, result: Result) -> Steps:
        results = yield from _try_all(call, nodes)
        fitting = [index for index, other in enumerate(results) if not other.found]
        if len(fitting) == 1:
            merge(result, results[fitting[0]])
        elif fitting:
            listed = " and ".join(f"oneOf/{index}" for index in fitting[:_MAX_REASONS])
            more = f" and {len(fitting) - _MAX_REASONS} more" if len(fitting) > _MAX_REASONS else ""
            message = f"fits {listed}{more}, but may fit only one"
            result.found.append((call.place, message, call.node, "oneOf"))
        else:
            result.found.append((call.place, _no_branch("oneOf", call, results), call.node, "oneOf"))

    return part


def _no_branch(keyword: str, call: Call, results: list[Result]) -> str:
    reasons = []
    for place, message, *_ in (result.found[0] for result in results):
        below = path_of(place[len(call.place) :])[1:]
        reasons.append(f"{below}: {message}" if below else message)
    reasons = list(dict.fromkeys(reasons))
    more = "; …" if len(reasons) > _MAX_REASONS else ""
    text = f"fits no schema in {keyword}: {'; '.join(reasons[:_MAX_REASONS])}{more}"
    return text if len(text) <= _MAX_REASON_LENGTH else f"{text[:_MAX_REASON_LENGTH]}…"


def _not(schemas: Schemas, node: Node, _: Any) -> Part:
    refused = schemas.child(node, "not")
    node.same_value.append(refused)

    def part(call: Call, result: Result) -> Steps:
        if not (yield call.same(refused, 1)).found:
            result.found.append((call.place, "fits the schema in not", call.node, "not"))

    return part


def _if(schemas: Schemas, node: Node, _: Any) -> Part:
    assert isinstance(node.schema, dict)
    condition = schemas.child(node, "if")
    branches = {word: schemas.child(node, word) for word in ("then", "else") if word in node.schema}
    node.same_value += [condition, *branches.values()]

    def part(call: Call, result: Result) -> Steps:
        outcome = yield call.same(condition, 1)
        branch = branches.get("else" if outcome.found else "then")
        if not outcome.found:
            merge(result, outcome)
        if branch is not None:
            merge(result, (yield call.same(branch)))

    return part


def _dependent_schemas(schemas: Schemas, node: Node, operand: dict[str, Any]) -> Part:
    nodes = {name: schemas.child(node, "dependentSchemas", name) for name in operand}
    node.same_value += nodes.values()

    def part(call: Call, result: Result) -> Steps:
        if isinstance(call.value, dict):
            for name, dependent in nodes.items():
                if name in call.value:
                    merge(result, (yield call.same(dependent)))

    return part


def _each(call: Call, result: Result, wanted: Iterable[tuple[str | int, Node]]) -> Steps:
    """Evaluate schemas on members or items, until enough was found."""
    for key, node in wanted:
        if len(result.found) >= call.limit:
            return
        result.seen.add(key)
        if node.parts:
            result.found += (yield call.below(node, key)).found
        else:  # most values are leaves: they need no call of their own
            result.found += node.own(call.value[key], (*call.place, key))


def _properties(schemas: Schemas, node: Node, operand: dict[str, Any]) -> Part:
    nodes = {name: schemas.child(node, "properties", name) for name in operand}

    def part(call: Call, result: Result) -> Steps:
        if isinstance(call.value, dict):
            yield from _each(call, result, [item for item in nodes.items() if item[0] in call.value])

    return part


def _pattern_properties(schemas: Schemas, node: Node, operand: dict[str, Any]) -> Part:
    nodes = [(search_for(text, text), schemas.child(node, "patternProperties", text)) for text in operand]

    def part(call: Call, result: Result) -> Steps:
        if isinstance(call.value, dict):
            wanted = [(name, below) for name in call.value for matches, below in nodes if matches(name)]
            yield from _each(call, result, wanted)

    return part


def _additional_properties(schemas: Schemas, node: Node, _: Any) -> Part:
    assert isinstance(node.schema, dict)
    other = schemas.child(node, "additionalProperties")
    known = node.schema.get("properties", {})
    searches = [search_for(pattern) for pattern in node.schema.get("patternProperties", {})]

    def part(call: Call, result: Result) -> Steps:
        if isinstance(call.value, dict):
            names = [
                name
                for name in call.value
                if name not in known and not any(matches(name) for matches in searches)
            ]
            yield from _each_other(call, result, other, names, known)

    return part


def _each_other(
    call: Call, result: Result, other: Node, names: Iterable[str | int], known: Iterable[str]
) -> Steps:
    """As `_each`; where nothing is allowed, name the known member that a name is most like."""
    if other.schema is not False:
        yield from _each(call, result, [(name, other) for name in names])
        return
    for name in names:
        if len(result.found) >= call.limit:
            return
        hint = did_you_mean(name[:SHOWN], known) if isinstance(name, str) else ""
        result.found.append(((*call.place, name), f"not allowed{hint}", other, ""))


def _property_names(schemas: Schemas, node: Node, _: Any) -> Part:
    rule = schemas.child(node, "propertyNames")

    def part(call: Call, result: Result) -> Steps:
        for name in call.value if isinstance(call.value, dict) else ():
            if len(result.found) >= call.limit:
                return
            outcome = yield call.name(rule, name)
            result.found += [
                (below, f"the name: {message}", by, keyword) for below, message, by, keyword in outcome.found
            ]

    return part


def _prefix_items(schemas: Schemas, node: Node, operand: list[Any]) -> Part:
    nodes = [schemas.child(node, "prefixItems", index) for index in range(len(operand))]

    def part(call: Call, result: Result) -> Steps:
        if isinstance(call.value, list):
            yield from _each(call, result, list(enumerate(nodes))[: len(call.value)])

    return part


def _array_items(schemas: Schemas, node: Node, _: Any) -> Part:
    assert isinstance(node.schema, dict)
    rest = schemas.child(node, "items")
    first = len(node.schema.get("prefixItems", ()))

    def part(call: Call, result: Result) -> Steps:
        if isinstance(call.value, list):
            yield from _each(call, result, ((index, rest) for index in range(first, len(call.value))))

    return part


def _contains(schemas: Schemas, node: Node, _: Any) -> Part:
    assert isinstance(node.schema, dict)
    wanted = schemas.child(node, "contains")
    least, most = node.schema.get("minContains", 1), node.schema.get("maxContains")

    def part(call: Call, result: Result) -> Steps:
        if not isinstance(call.value, list):
            return
        fitting = 0
        for index in range(len(call.value)):
            if not (yield call.below(wanted, index, 1)).found:
                fitting += 1
                result.seen.add(index)
        if fitting < least:
            words = f"at least {count(least, 'item')}"
        elif most is not None and fitting > most:
            words = f"at most {count(most, 'item')}"
        else:
            return
        message = f"expected {words} to fit the schema in contains, got {fitting} of {len(call.value)}"
        result.found.append((call.place, message, call.node, "contains"))

    return part


def _unevaluated(keyword: str, container: type[Sized]) -> Callable[[Schemas, Node, Any], Part]:
    def make(schemas: Schemas, node: Node, _: Any) -> Part:
        other = schemas.child(node, keyword)

        def part(call: Call, result: Result) -> Steps:
            if result.found or not isinstance(call.value, container):
                return
            keys = call.value if isinstance(call.value, dict) else range(len(call.value))
            left = [key for key in keys if key not in result.seen]
            known = [key for key in result.seen if isinstance(key, str)]
            yield from _each_other(call, result, other, left, known)

        return part

    return make


MakePart = Callable[[Schemas, Node, Any], Part]

PARTS: dict[str, MakePart] = {
    "$ref": _reference,
    "$dynamicRef": _dynamic_reference,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "dependentSchemas": _dependent_schemas,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "prefixItems": _prefix_items,
    "items": _array_items,
    "contains": _contains,
    "unevaluatedItems": _unevaluated("unevaluatedItems", list),
    "unevaluatedProperties": _unevaluated("unevaluatedProperties", dict),
}
