"""The `schema` operator: JSON Schema 2020-12, checked completely before a run, evaluated without recursion.

Rules kept here, each with its source (JSON Schema Core 2020-12 where nothing else is named):
- a schema is refused unless it can be checked as it stands: it follows the metaschema, its formats are those
  of `formats`, its expressions are RE2's, its references lead to places in it (sections 8.2 and 9.4.1);
- nothing is ever fetched or read: a reference is `#...`, or an `$id` or `$anchor` of this very document;
- formats are asserted (Validation, section 7.2.2), and only for texts;
- numbers are compared by value: 1.0 is an integer and equals 1, and a float counts as the decimal that it is
  written as, so that 19.99 is a multiple of 0.01 (Validation, sections 6.1 and 6.2);
- a member or an item that a part of a schema which fits has looked at is evaluated (section 11); where a
  schema fails otherwise, what is left unevaluated is not reported beside it;
- no data and no schema makes it slow: a schema looks at a value once, however many ways lead there, and
  expressions take linear time;
- data may be nested 256 levels deep. Depth costs no stack: a part of a schema that needs another one
  evaluated asks for it with `yield`, and one loop (`_run`) serves them all;
- messages are short: values are cut at 60 characters, and never read further than that.

The metaschema is evaluated here as well. The library jsonschema is not used for evaluation: it takes time
exponential in the depth of the data where `unevaluatedProperties` meets a self-reference, and the stack ends
before 256 levels do. Its metaschemas are used, and the tests compare with it.
"""

import operator
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from pytest_apitest.errors import did_you_mean
from pytest_apitest.formats import FORMATS
from pytest_apitest.jsonpath import Location, normalized, value_at
from pytest_apitest.jsonvalue import MAX_DEPTH, kind, show
from pytest_apitest.regex import RegexError, compile_regex

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SHOWN = 60
_MAX_REASONS = 3
_MAX_REASON_LENGTH = 300
# Far over what any schema needs on one value, far under what a loop of dynamic references does.
_MAX_HOPS = 10_000
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"

# Where subschemas stand: as the value, in a list, in a mapping (sections 8.2.4, 10, 11; Validation, 8.5).
_IN_VALUE = frozenset(
    {
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_IN_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_IN_MAPPING = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})


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


@dataclass(frozen=True, slots=True)
class Violation:
    """One place of a value that does not follow the schema.

    Args:
        path: the place, such as `$.items[2].name`; of a missing member where it should be.
        message: what is wrong there, one sentence without a final stop.

    """

    path: str
    message: str


_Found = tuple[Location, str]
_Check = Callable[[Any], Iterable[_Found]]
_FINE: tuple[_Found, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class _Node:
    """One schema: an object or a boolean at a place of a document.

    Args:
        document: URI that its document was taken in under.
        place: where it stands in there.
        schema: what stands there.
        base: URI of the schema resource that it belongs to.
        checks: keywords that need nothing but the value.
        parts: keywords that need other schemas evaluated.
        same_value: schemas that are evaluated on the same value whenever this one is, or may be.

    """

    document: str
    place: Location
    schema: dict[str, Any] | bool
    base: str
    checks: list[_Check] = field(default_factory=list)
    parts: list["_Part"] = field(default_factory=list)
    same_value: list["_Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Call:
    """A request to evaluate a schema on a value.

    Args:
        node: the schema.
        value: the value.
        place: where the value is.
        scope: URIs of the resources entered on the way, outermost first, each once (section 7.1).
        limit: number of findings after which the evaluation may end.
        hops: how many schemas in a row were evaluated on this same value.

    """

    node: _Node
    value: Any
    place: Location
    scope: tuple[str, ...]
    limit: int
    hops: int = 0

    def same(self, node: _Node, limit: int | None = None) -> "_Call":
        """Return the call of another schema on the same value."""
        return self._call(node, self.value, self.place, limit, self.hops + 1)

    def below(self, node: _Node, key: str | int, limit: int | None = None) -> "_Call":
        """Return the call of a schema on a member or an item."""
        return self._call(node, self.value[key], (*self.place, key), limit, 0)

    def name(self, node: _Node, name: str) -> "_Call":
        """Return the call of a schema on the name of a member."""
        return self._call(node, name, (*self.place, name), 1, 0)

    def _call(self, node: _Node, value: Any, place: Location, limit: int | None, hops: int) -> "_Call":
        scope = self.scope if node.base in self.scope else (*self.scope, node.base)
        return _Call(node, value, place, scope, self.limit if limit is None else limit, hops)


@dataclass(slots=True)
class _Result:
    """What came of a call.

    Args:
        found: places and messages; empty when the value fits.
        seen: names or indexes that were evaluated; of no meaning when something was found.

    """

    found: list[_Found] = field(default_factory=list)
    seen: set[str | int] = field(default_factory=set)


# What was evaluated already, by schema, identity of the value, and scope.
_Known = dict[tuple[_Node, int, tuple[str, ...]], tuple[_Call, _Result]]
_Steps = Generator[_Call, _Result, None]
_Part = Callable[[_Call, _Result], _Steps]


class _EndlessError(Exception):
    """A schema calls itself on one value again and again."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A schema that was found to be checkable."""

    _root: _Node = field(repr=False)

    def violations(self, value: Any, limit: int = 20) -> list[Violation]:
        """Return where a JSON value does not follow the schema, at most `limit` places; none when it does.

        Args:
            value: None, bool, int, float, Decimal, str, list, dict, and what is derived from them.
            limit: 1 or more.

        """
        try:
            found = _found(self._root, value, limit)
        except _EndlessError:
            found = [((), "the schema refers to itself without end here")]
        return [Violation(_path(place), message) for place, message in found]


def compile_schema(schema: Any, base: Path | None) -> Compiled:
    """Return a schema ready for use.

    Args:
        schema: an object, or true or false.
        base: the file that it was read from, or None. References to its own name stay in the document.

    Raises:
        SchemaError: the schema cannot be checked as it stands.

    """
    _follow_metaschema(schema, ())
    builder = _Builder(asserts_formats=True, checks_targets=True)
    root = builder.add(schema, "" if base is None else base.absolute().as_uri())
    builder.link()
    _refuse_loops(builder.nodes.values())
    return Compiled(root)


def _follow_metaschema(schema: Any, place: Location) -> None:
    if _is_too_deep(schema):
        raise SchemaError(_pointer(place), _TOO_DEEP)
    for below, message in _found(_metaschema(), schema, 1):
        raise SchemaError(_pointer((*place, *below)), _type_hint(schema, below) or message)


def _type_hint(schema: Any, place: Location) -> str | None:
    """Return better words than the metaschema's for the most frequent slip, a name that is no type."""
    if place[-1:] != ("type",) or not _IN_MAPPING.isdisjoint(place[-2:-1]):
        return None
    value = value_at(schema, place)
    names = value if isinstance(value, list) else [value]
    unknown = next((name for name in names if isinstance(name, str) and name not in _TYPES), None)
    if unknown is None:
        return None
    return f"unknown type {_show(unknown)}{did_you_mean(unknown, _TYPES) or '; known: ' + ', '.join(_TYPES)}"


@lru_cache(maxsize=1)
def _metaschema() -> _Node:
    # 70 ms, paid only where there is a schema; the package comes with jsonschema and is its data.
    registry = import_module("jsonschema_specifications").REGISTRY
    builder = _Builder(asserts_formats=False, checks_targets=False)
    root = builder.add(registry.contents(DIALECT), DIALECT)
    for uri in registry.contents(DIALECT)["$vocabulary"]:
        vocabulary = uri.replace("/vocab/", "/meta/")
        builder.add(registry.contents(vocabulary), vocabulary)
    builder.link()
    return root


# -- from a document to nodes ---------------------------------------------------------------------------


class _Builder:
    """Makes nodes of documents and joins them.

    Args:
        asserts_formats: whether `format` is checked.
        checks_targets: whether a reference may lead to places that no keyword makes a schema; what stands
            there is checked like a schema then.

    """

    def __init__(self, *, asserts_formats: bool, checks_targets: bool) -> None:
        self.asserts_formats = asserts_formats
        self.nodes: dict[tuple[str, Location], _Node] = {}
        self.dynamic_anchors: dict[tuple[str, str], _Node] = {}
        self._checks_targets = checks_targets
        self._resources: dict[str, _Node] = {}
        self._anchors: dict[tuple[str, str], _Node] = {}

    def add(self, schema: Any, uri: str) -> _Node:
        """Take in a document under the URI that it has without an `$id`; return its root."""
        return self._index(uri, (), schema, uri)

    def link(self) -> None:
        """Turn the keywords of all nodes into checks and parts."""
        linked = 0
        while linked < len(self.nodes):  # references add nodes on the way
            for node in list(self.nodes.values())[linked:]:
                linked += 1
                if isinstance(node.schema, bool):
                    continue
                # What is left unevaluated is known only after all others.
                for keyword in sorted(node.schema, key=lambda name: name.startswith("unevaluated")):
                    self._link_keyword(node, keyword, node.schema[keyword])

    def _link_keyword(self, node: _Node, keyword: str, operand: Any) -> None:
        try:
            if keyword in _CHECKS and (keyword != "format" or self.asserts_formats):
                node.checks.append(_CHECKS[keyword](operand))
            elif keyword in _PARTS:
                node.parts.append(_PARTS[keyword](self, node, operand))
        except _OperandError as error:
            raise SchemaError(_pointer((*node.place, keyword, *error.below)), str(error)) from None

    def child(self, node: _Node, *keys: str | int) -> _Node:
        """Return the schema below another one."""
        return self.nodes[node.document, (*node.place, *keys)]

    def _index(self, document: str, place: Location, schema: Any, base: str) -> _Node:
        """Make the nodes of a schema and of all schemas in it; return the first."""
        waiting: list[tuple[Location, Any, str]] = [(place, schema, base)]
        while waiting:
            at, found, base_there = waiting.pop()
            if (document, at) in self.nodes:
                continue
            node = _Node(document, at, found, base_there)
            self.nodes[document, at] = node
            if not at:
                self._resources[document] = node
            if isinstance(found, dict):
                self._name(node, found)
                below = [(at + keys, part, node.base) for keys, part in _subschemas(found)]
                waiting += reversed(below)  # taken from the end, so in the order of the document
        return self.nodes[document, place]

    def _name(self, node: _Node, schema: dict[str, Any]) -> None:
        """Register a schema under its `$id` and anchors."""
        dialect = schema.get("$schema", DIALECT)
        if dialect.rstrip("#") != DIALECT:
            message = f"{_show(dialect)} is not supported; schemas here are of JSON Schema 2020-12, {DIALECT}"
            raise SchemaError(_pointer((*node.place, "$schema")), message)
        if "$id" in schema:
            try:
                node.base = _joined(node.base, schema["$id"])[0]
            except _OperandError as error:
                raise SchemaError(_pointer((*node.place, "$id")), str(error)) from None
            if self._resources.setdefault(node.base, node) is not node:
                raise SchemaError(
                    _pointer((*node.place, "$id")), f"a second schema with the $id {_show(node.base)}"
                )
        for keyword in ("$anchor", "$dynamicAnchor"):
            if keyword not in schema:
                continue
            key = (node.base, schema[keyword])
            if self._anchors.setdefault(key, node) is not node:
                message = f"a second schema with the anchor {_show(schema[keyword])}"
                raise SchemaError(_pointer((*node.place, keyword)), message)
            if keyword == "$dynamicAnchor":
                self.dynamic_anchors[key] = node

    def target(self, node: _Node, reference: str) -> _Node:
        """Return the schema that a reference leads to (section 8.2.3)."""
        uri, fragment = _joined(node.base, reference)
        resource = self._resources.get(uri)
        if resource is None:
            raise _OperandError(f"{_show(reference)} leads out of this document, and nothing else is read")
        fragment = unquote(fragment)
        if not fragment:
            return resource
        if fragment.startswith("/"):
            return self._pointed(resource, fragment, reference)
        anchored = self._anchors.get((uri, fragment))
        if anchored is None:
            names = [name for base, name in self._anchors if base == uri]
            raise _OperandError(f"{_show(reference)} leads to nothing{did_you_mean(fragment, names)}")
        return anchored

    def _pointed(self, resource: _Node, pointer: str, reference: str) -> _Node:
        """Return the schema at a JSON pointer below a resource."""
        document, place, base = resource.document, resource.place, resource.base
        value: Any = resource.schema
        for token in pointer[1:].split("/"):
            name = token.replace("~1", "/").replace("~0", "~")
            key = _index_of(name) if isinstance(value, list) else name
            if not (key in value if isinstance(value, dict) else isinstance(key, int) and key < len(value)):
                raise _OperandError(f"{_show(reference)} leads to nothing{_hint(name, value)}")
            value, place = value[key], (*place, key)
            if (document, place) in self.nodes:
                base = self.nodes[document, place].base
        if (document, place) not in self.nodes:
            if not isinstance(value, dict | bool):
                raise _OperandError(f"{_show(reference)} leads to no schema, but to {_typed(value)}")
            if self._checks_targets:
                _follow_metaschema(value, place)
        return self._index(document, place, value, base)


def _joined(base: str, reference: str) -> tuple[str, str]:
    """Return where a reference leads: URI of the resource, and fragment."""
    if reference.startswith("#"):  # urljoin cannot join this with every kind of base
        return base, reference[1:]
    try:
        uri, fragment = urldefrag(urljoin(base, reference))
    except ValueError as error:
        raise _OperandError(f"{_show(reference)} is no URI reference: {error}") from None
    return uri, fragment


class _OperandError(Exception):
    """The value of a keyword cannot be used.

    Args:
        message: why.
        below: where in the value.

    """

    def __init__(self, message: str, below: Location = ()) -> None:
        super().__init__(message)
        self.below = below


def _hint(name: str, value: Any) -> str:
    members = value.items() if isinstance(value, dict) else ()
    return did_you_mean(name, [near for near, below in members if isinstance(below, dict | list | bool)])


def _index_of(token: str) -> str | int:
    """Return the index that a token of a JSON pointer names (RFC 6901, section 4), or the token."""
    return int(token) if token.isascii() and token.isdigit() and str(int(token[:9])) == token else token


def _subschemas(schema: dict[str, Any]) -> Iterator[tuple[Location, Any]]:
    for keyword, operand in schema.items():
        if keyword in _IN_VALUE:
            yield (keyword,), operand
        elif keyword in _IN_LIST:
            for index, item in enumerate(operand):
                yield (keyword, index), item
        elif keyword in _IN_MAPPING:
            for name, item in operand.items():
                yield (keyword, name), item


def _refuse_loops(nodes: Iterable[_Node]) -> None:
    """Refuse schemas that call themselves on the same value (section 9.4.1)."""
    done: set[_Node] = set()
    for start in nodes:
        path: dict[_Node, Iterator[_Node]] = {}
        following = None if start in done else start
        while following is not None or path:
            if following is None:
                done.add(path.popitem()[0])
            elif following in path:
                raise SchemaError(_pointer(following.place), "refers to itself without end")
            elif following not in done:
                path[following] = iter(following.same_value)
            following = next(path[next(reversed(path))], None) if path else None


# -- evaluation -----------------------------------------------------------------------------------------


def _found(root: _Node, value: Any, limit: int) -> list[_Found]:
    """Return what is wrong with a value, without repeats."""
    if _is_too_deep(value):
        return [((), _TOO_DEEP)]
    result = _run(_Call(root, value, (), (root.base,), limit))
    return list(dict.fromkeys(result.found))[:limit]


def _run(first: _Call) -> _Result:
    """Evaluate a call and all that it asks for."""
    known: _Known = {}
    running: list[tuple[_Call, Generator[_Call, _Result, _Result]]] = []
    wanted: _Call | None = first
    answer: _Result | None = None
    while True:
        if wanted is not None:
            answer = _at_once(wanted, known)
            if answer is None:
                running.append((wanted, _evaluate(wanted)))
        if not running:
            assert answer is not None
            return answer
        call, steps = running[-1]
        try:
            wanted = steps.send(answer)  # type: ignore[arg-type]  # None starts a generator
        except StopIteration as end:
            wanted, answer = None, end.value
            if isinstance(call.value, dict | list):
                known[call.node, id(call.value), call.scope] = (call, end.value)
            running.pop()


def _at_once(call: _Call, known: _Known) -> _Result | None:
    """Return the result of a call that asks for no other, or that was made before."""
    if not call.node.parts:
        return _Result(_own(call.node, call.value, call.place))
    if call.hops > _MAX_HOPS:
        raise _EndlessError
    if not isinstance(call.value, dict | list):
        return None  # soon done again; and one text or number may be at many places
    before, result = known.get((call.node, id(call.value), call.scope), (None, None))
    if before is None or result is None or before.place != call.place:
        return None
    return result if not result.found or before.limit >= call.limit else None


def _evaluate(call: _Call) -> Generator[_Call, _Result, _Result]:
    result = _Result(_own(call.node, call.value, call.place))
    for part in call.node.parts:
        if len(result.found) >= call.limit:
            break
        yield from part(call, result)
    return result


def _own(node: _Node, value: Any, place: Location) -> list[_Found]:
    """Return what the keywords of a schema that need no other schema find."""
    if node.schema is False:
        return [(place, "not allowed")]
    return [((*place, *below), message) for check in node.checks for below, message in check(value)]


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        # By identity: a value of Python's own making may hold one list a million times, or itself.
        below = {id(item): item for outer in level for item in _items(outer) if isinstance(item, dict | list)}
        level = list(below.values())
        if not level:
            return False
    return True


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


# -- parts: keywords that ask for other schemas (sections 8.2.3, 10 and 11) ------------------------------


def _reference(builder: _Builder, node: _Node, operand: str) -> _Part:
    target = builder.target(node, operand)
    node.same_value.append(target)
    return _all([target])


def _dynamic_reference(builder: _Builder, node: _Node, operand: str) -> _Part:
    first = builder.target(node, operand)
    name = operand.rpartition("#")[2]
    if builder.dynamic_anchors.get((first.base, name)) is not first:
        node.same_value.append(first)
        return _all([first])

    def part(call: _Call, result: _Result) -> _Steps:
        anchored = (builder.dynamic_anchors.get((uri, name)) for uri in call.scope)
        target = next((found for found in anchored if found is not None), first)
        _merge(result, (yield call.same(target)))

    return part


def _all_of(builder: _Builder, node: _Node, operand: list[Any]) -> _Part:
    return _all(_branches(builder, node, "allOf", operand))


def _all(nodes: list[_Node]) -> _Part:
    def part(call: _Call, result: _Result) -> _Steps:
        for node in nodes:
            if len(result.found) < call.limit:
                _merge(result, (yield call.same(node)))

    return part


def _branches(builder: _Builder, node: _Node, keyword: str, operand: list[Any]) -> list[_Node]:
    nodes = [builder.child(node, keyword, index) for index in range(len(operand))]
    node.same_value += nodes
    return nodes


def _merge(result: _Result, other: _Result) -> None:
    result.found += other.found
    if not other.found:
        result.seen |= other.seen


def _try_all(call: _Call, nodes: list[_Node]) -> Generator[_Call, _Result, list[_Result]]:
    results = []
    for node in nodes:
        results.append((yield call.same(node, 1)))  # noqa: PERF401 - a comprehension cannot yield
    return results


def _any_of(builder: _Builder, node: _Node, operand: list[Any]) -> _Part:
    nodes = _branches(builder, node, "anyOf", operand)

    def part(call: _Call, result: _Result) -> _Steps:
        results = yield from _try_all(call, nodes)
        fitting = [other for other in results if not other.found]
        for other in fitting:
            _merge(result, other)
        if not fitting:
            result.found.append((call.place, _no_branch("anyOf", call, results)))

    return part


def _one_of(builder: _Builder, node: _Node, operand: list[Any]) -> _Part:
    nodes = _branches(builder, node, "oneOf", operand)

    def part(call: _Call, result: _Result) -> _Steps:
        results = yield from _try_all(call, nodes)
        fitting = [index for index, other in enumerate(results) if not other.found]
        if len(fitting) == 1:
            _merge(result, results[fitting[0]])
        elif fitting:
            listed = " and ".join(f"oneOf/{index}" for index in fitting[:_MAX_REASONS])
            more = f" and {len(fitting) - _MAX_REASONS} more" if len(fitting) > _MAX_REASONS else ""
            result.found.append((call.place, f"fits {listed}{more}, but may fit only one"))
        else:
            result.found.append((call.place, _no_branch("oneOf", call, results)))

    return part


def _no_branch(keyword: str, call: _Call, results: list[_Result]) -> str:
    reasons = []
    for place, message in (result.found[0] for result in results):
        below = _path(place[len(call.place) :])[1:]
        reasons.append(f"{below}: {message}" if below else message)
    reasons = list(dict.fromkeys(reasons))
    more = "; …" if len(reasons) > _MAX_REASONS else ""
    text = f"fits no schema in {keyword}: {'; '.join(reasons[:_MAX_REASONS])}{more}"
    return text if len(text) <= _MAX_REASON_LENGTH else f"{text[:_MAX_REASON_LENGTH]}…"


def _not(builder: _Builder, node: _Node, _: Any) -> _Part:
    refused = builder.child(node, "not")
    node.same_value.append(refused)

    def part(call: _Call, result: _Result) -> _Steps:
        if not (yield call.same(refused, 1)).found:
            result.found.append((call.place, "fits the schema in not"))

    return part


def _if(builder: _Builder, node: _Node, _: Any) -> _Part:
    assert isinstance(node.schema, dict)
    condition = builder.child(node, "if")
    branches = {word: builder.child(node, word) for word in ("then", "else") if word in node.schema}
    node.same_value += [condition, *branches.values()]

    def part(call: _Call, result: _Result) -> _Steps:
        outcome = yield call.same(condition, 1)
        branch = branches.get("else" if outcome.found else "then")
        if not outcome.found:
            _merge(result, outcome)
        if branch is not None:
            _merge(result, (yield call.same(branch)))

    return part


def _dependent_schemas(builder: _Builder, node: _Node, operand: dict[str, Any]) -> _Part:
    nodes = {name: builder.child(node, "dependentSchemas", name) for name in operand}
    node.same_value += nodes.values()

    def part(call: _Call, result: _Result) -> _Steps:
        if isinstance(call.value, dict):
            for name, dependent in nodes.items():
                if name in call.value:
                    _merge(result, (yield call.same(dependent)))

    return part


def _each(call: _Call, result: _Result, wanted: Iterable[tuple[str | int, _Node]]) -> _Steps:
    """Evaluate schemas on members or items, until enough was found."""
    for key, node in wanted:
        if len(result.found) >= call.limit:
            return
        result.seen.add(key)
        if node.parts:
            result.found += (yield call.below(node, key)).found
        else:  # most values are leaves: they need no call of their own
            result.found += _own(node, call.value[key], (*call.place, key))


def _properties(builder: _Builder, node: _Node, operand: dict[str, Any]) -> _Part:
    nodes = {name: builder.child(node, "properties", name) for name in operand}

    def part(call: _Call, result: _Result) -> _Steps:
        if isinstance(call.value, dict):
            yield from _each(call, result, [item for item in nodes.items() if item[0] in call.value])

    return part


def _pattern_properties(builder: _Builder, node: _Node, operand: dict[str, Any]) -> _Part:
    nodes = [(_search(text, text), builder.child(node, "patternProperties", text)) for text in operand]

    def part(call: _Call, result: _Result) -> _Steps:
        if isinstance(call.value, dict):
            wanted = [(name, below) for name in call.value for matches, below in nodes if matches(name)]
            yield from _each(call, result, wanted)

    return part


def _additional_properties(builder: _Builder, node: _Node, _: Any) -> _Part:
    assert isinstance(node.schema, dict)
    other = builder.child(node, "additionalProperties")
    known = node.schema.get("properties", {})
    searches = [_search(pattern) for pattern in node.schema.get("patternProperties", {})]

    def part(call: _Call, result: _Result) -> _Steps:
        if isinstance(call.value, dict):
            names = [
                name
                for name in call.value
                if name not in known and not any(matches(name) for matches in searches)
            ]
            yield from _each_other(call, result, other, names, known)

    return part


def _each_other(
    call: _Call, result: _Result, other: _Node, names: Iterable[str | int], known: Iterable[str]
) -> _Steps:
    """As `_each`; where nothing is allowed, name the known member that a name is most like."""
    if other.schema is not False:
        yield from _each(call, result, [(name, other) for name in names])
        return
    for name in names:
        if len(result.found) >= call.limit:
            return
        hint = did_you_mean(name[:_SHOWN], known) if isinstance(name, str) else ""
        result.found.append(((*call.place, name), f"not allowed{hint}"))


def _property_names(builder: _Builder, node: _Node, _: Any) -> _Part:
    rule = builder.child(node, "propertyNames")

    def part(call: _Call, result: _Result) -> _Steps:
        for name in call.value if isinstance(call.value, dict) else ():
            if len(result.found) >= call.limit:
                return
            outcome = yield call.name(rule, name)
            result.found += [(place, f"the name: {message}") for place, message in outcome.found]

    return part


def _prefix_items(builder: _Builder, node: _Node, operand: list[Any]) -> _Part:
    nodes = [builder.child(node, "prefixItems", index) for index in range(len(operand))]

    def part(call: _Call, result: _Result) -> _Steps:
        if isinstance(call.value, list):
            yield from _each(call, result, list(enumerate(nodes))[: len(call.value)])

    return part


def _array_items(builder: _Builder, node: _Node, _: Any) -> _Part:
    assert isinstance(node.schema, dict)
    rest = builder.child(node, "items")
    first = len(node.schema.get("prefixItems", ()))

    def part(call: _Call, result: _Result) -> _Steps:
        if isinstance(call.value, list):
            yield from _each(call, result, ((index, rest) for index in range(first, len(call.value))))

    return part


def _contains(builder: _Builder, node: _Node, _: Any) -> _Part:
    assert isinstance(node.schema, dict)
    wanted = builder.child(node, "contains")
    least, most = node.schema.get("minContains", 1), node.schema.get("maxContains")

    def part(call: _Call, result: _Result) -> _Steps:
        if not isinstance(call.value, list):
            return
        fitting = 0
        for index in range(len(call.value)):
            if not (yield call.below(wanted, index, 1)).found:
                fitting += 1
                result.seen.add(index)
        if fitting < least:
            words = f"at least {_count(least, 'item')}"
        elif most is not None and fitting > most:
            words = f"at most {_count(most, 'item')}"
        else:
            return
        message = f"expected {words} to fit the schema in contains, got {fitting} of {len(call.value)}"
        result.found.append((call.place, message))

    return part


def _unevaluated(keyword: str, container: type[Sized]) -> Callable[[_Builder, _Node, Any], _Part]:
    def make(builder: _Builder, node: _Node, _: Any) -> _Part:
        other = builder.child(node, keyword)

        def part(call: _Call, result: _Result) -> _Steps:
            if result.found or not isinstance(call.value, container):
                return
            keys = call.value if isinstance(call.value, dict) else range(len(call.value))
            left = [key for key in keys if key not in result.seen]
            known = [key for key in result.seen if isinstance(key, str)]
            yield from _each_other(call, result, other, left, known)

        return part

    return make


_PARTS: dict[str, Callable[[_Builder, _Node, Any], _Part]] = {
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


# -- checks: keywords that need only the value (Validation, sections 6 and 7) ----------------------------


def _type(operand: str | list[str]) -> _Check:
    names = [operand] if isinstance(operand, str) else operand
    tests = [_TYPES[name] for name in names]
    expected = " or ".join(names)

    def check(value: Any) -> Iterable[_Found]:
        if any(test(value) for test in tests):
            return _FINE
        return _one(f"expected {expected}, got {_typed(value)}")

    return check


def _const(operand: Any) -> _Check:
    key = _key(operand)

    def check(value: Any) -> Iterable[_Found]:
        if _key(value) == key:
            return _FINE
        shown = _show if kind(value) == kind(operand) else _typed
        return _one(f"expected {shown(operand)}, got {shown(value)}")

    return check


def _enum(operand: list[Any]) -> _Check:
    keys = frozenset(map(_key, operand))

    def check(value: Any) -> Iterable[_Found]:
        if _key(value) in keys:
            return _FINE
        return _one(f"expected one of {_listed(operand)}, got {_typed(value)}")

    return check


def _bound(words: str, holds: Callable[[Any, Any], bool]) -> Callable[[Any], _Check]:
    def make(operand: Any) -> _Check:
        bound = _exact(operand)

        def check(value: Any) -> Iterable[_Found]:
            if not _is_number(value) or holds(_exact(value), bound):
                return _FINE
            return _one(f"expected {words} {_show(operand)}, got {_show(value)}")

        return check

    return make


def _multiple_of(operand: Any) -> _Check:
    def check(value: Any) -> Iterable[_Found]:
        if not _is_number(value) or _is_multiple(_exact(value), _exact(operand)):
            return _FINE
        return _one(f"expected a multiple of {_show(operand)}, got {_show(value)}")

    return check


def _size(
    container: type[Sized], noun: str, words: str, holds: Callable[[Any, Any], bool]
) -> Callable[[Any], _Check]:
    def make(operand: Any) -> _Check:
        def check(value: Any) -> Iterable[_Found]:
            if not isinstance(value, container) or holds(len(value), operand):
                return _FINE
            shown = f": {_show(value)}" if isinstance(value, str) else ""
            return _one(f"expected {words} {_count(operand, noun)}, got {len(value)}{shown}")

        return check

    return make


def _pattern(operand: str) -> _Check:
    matches = _search(operand)

    def check(value: Any) -> Iterable[_Found]:
        if not isinstance(value, str) or matches(value):
            return _FINE
        return _one(f"expected a match of {_cut(operand)}, got {_show(value)}")

    return check


def _format(operand: str) -> _Check:
    if operand not in FORMATS:
        raise _OperandError(f"format {_show(operand)} is not checked here; known: {', '.join(FORMATS)}")
    fits = FORMATS[operand]

    def check(value: Any) -> Iterable[_Found]:
        if not isinstance(value, str) or fits(value):
            return _FINE
        return _one(f"expected format {operand}, got {_show(value)}")

    return check


def _unique_items(operand: bool) -> _Check:
    def check(value: Any) -> Iterable[_Found]:
        first: dict[Any, int] = {}
        for index, item in enumerate(value if operand and isinstance(value, list) else ()):
            other = first.setdefault(_key(item), index)
            if other != index:
                return _one(f"items {other} and {index} are equal: {_show(item)}")
        return _FINE

    return check


def _required(operand: list[str]) -> _Check:
    def check(value: Any) -> Iterable[_Found]:
        if not isinstance(value, dict):
            return _FINE
        return [((name,), "missing") for name in operand if name not in value]

    return check


def _dependent_required(operand: dict[str, list[str]]) -> _Check:
    def check(value: Any) -> Iterable[_Found]:
        if not isinstance(value, dict):
            return _FINE
        return [
            ((name,), f"missing, needed beside {_show(cause)}")
            for cause, names in operand.items()
            if cause in value
            for name in names
            if name not in value
        ]

    return check


_CHECKS: dict[str, Callable[[Any], _Check]] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    "minimum": _bound("at least", operator.ge),
    "maximum": _bound("at most", operator.le),
    "exclusiveMinimum": _bound("more than", operator.gt),
    "exclusiveMaximum": _bound("less than", operator.lt),
    "multipleOf": _multiple_of,
    "minLength": _size(str, "character", "at least", operator.ge),
    "maxLength": _size(str, "character", "at most", operator.le),
    "pattern": _pattern,
    "format": _format,
    "minItems": _size(list, "item", "at least", operator.ge),
    "maxItems": _size(list, "item", "at most", operator.le),
    "uniqueItems": _unique_items,
    "minProperties": _size(dict, "member", "at least", operator.ge),
    "maxProperties": _size(dict, "member", "at most", operator.le),
    "required": _required,
    "dependentRequired": _dependent_required,
}


def _one(message: str) -> Iterable[_Found]:
    return (((), message),)


# -- values ---------------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) or (isinstance(value, float) and isfinite(value))


def _is_integer(value: Any) -> bool:
    return _is_number(value) and _is_multiple(_exact(value), 1)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def _exact(number: Any) -> int | Decimal:
    """Return a number as one that compares by value: a float as the decimal it is written as."""
    return Decimal(repr(float(number))) if isinstance(number, float) else number


def _is_multiple(number: int | Decimal, divisor: int | Decimal) -> bool:
    """Tell whether a number is a whole multiple, exactly, without writing out large powers of ten."""
    (left, left_power), (right, right_power) = _scaled(number), _scaled(divisor)
    power = left_power - right_power
    if power >= 0:
        return left * pow(10, power, right) % right == 0
    # More zeros than the left number has bits cannot be in it.
    return left == 0 or (-power <= left.bit_length() and left % (right * 10**-power) == 0)


def _scaled(number: int | Decimal) -> tuple[int, int]:
    """Return a whole number and the power of ten that it is to be multiplied with."""
    if isinstance(number, int):
        return number, 0
    sign, digits, power = number.as_tuple()
    assert isinstance(power, int)
    return int(Decimal((sign, digits, 0))), power


def _key(value: Any) -> Any:
    """Return what is equal and hashes alike for equal JSON values, and only these (Core, section 4.2.2)."""
    if isinstance(value, dict):
        return ("object", frozenset(zip(value, map(_key, value.values()), strict=True)))
    if isinstance(value, list):
        return ("array", tuple(map(_key, value)))
    if _is_number(value):
        return ("number", _exact(value))
    if isinstance(value, str):
        return str(value)
    return (kind(value), repr(value))


def _search(pattern: str, *below: str) -> Callable[[str], bool]:
    """Return a test whether an expression is found in a text."""
    try:
        search = compile_regex(pattern).search
    except RegexError as error:
        raise _OperandError(str(error), below) from None
    except UnicodeEncodeError:
        raise _OperandError("half a surrogate pair is no character to search for", below) from None

    return search


def _show(value: Any) -> str:
    """Return a value as JSON on one line, cut; a large one is not read further than needed."""
    if not isinstance(value, dict | list):
        return show(value, _SHOWN)
    text = ""
    for token in _tokens(value):
        text += token
        if len(text) > _SHOWN:
            return text[:_SHOWN] + "…"
    return text


def _tokens(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield "{"
        for index, (name, item) in enumerate(value.items()):
            yield f"{',' if index else ''}{show(name, _SHOWN)}:"
            yield from _tokens(item)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for index, item in enumerate(value):
            yield "," if index else ""
            yield from _tokens(item)
        yield "]"
    else:
        yield show(value, _SHOWN)


def _typed(value: Any) -> str:
    return "null" if value is None else f"{_show(value)} ({kind(value)})"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _listed(values: list[Any]) -> str:
    """Return values with commas between them; as many as are short enough together."""
    text = ""
    for value in values:
        shown = _show(value)
        if text and len(text) + len(shown) > _SHOWN:
            return f"{text}, …"
        text = f"{text}, {shown}" if text else shown
    return text


def _count(number: Any, noun: str) -> str:
    return f"{_show(number)} {noun}" if number == 1 else f"{_show(number)} {noun}s"


def _path(place: Location) -> str:
    short = [key if isinstance(key, int) else _cut(key) for key in place]
    # As in `show`: a line break in a name must not break the line of the message.
    return "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}"
        for character in normalized(short)
    )


def _pointer(place: Location) -> str:
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in place)
