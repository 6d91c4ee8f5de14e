"""Why a path finds nothing in any value of a schema, as far as the schema says for certain.

Rules kept here (OpenAPI 3.1, section 4.8.24; JSON Schema Core 2020-12, sections 10 and 11):
- a path is impossible when it finds nothing in any value that fits; what is open, unclear or wrong in the
  description makes it possible;
- of schemas that must all hold one is enough to exclude it, of schemas of which one must hold all have to; each is
  looked at by itself, so that what only two of them together exclude is not seen;
- what a path finds is the least that can be: schemas that refer to each other are looked at again until nothing
  changes;
- nothing is converted and no expression compiled but those of the schemas that a path leads through.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import near
from pytest_apitest.json_schema.index import DIALECT
from pytest_apitest.json_schema.nodes import OperandError
from pytest_apitest.json_schema.patterns import search_for
from pytest_apitest.json_schema.values import TYPES, key_of
from pytest_apitest.json_schema.words import brief, listed
from pytest_apitest.jsonpath import Segment, Selector
from pytest_apitest.openapi.description import DeadReferenceError, Description, Pointer
from pytest_apitest.openapi.discriminators import is_hidden

_IN_PLACE = ("allOf", "anyOf", "oneOf")
_MOST_LOOKS = 5_000


class Anything:
    """Stands for a value of which nothing is known."""


ANY = Anything()


class _Below:
    """Stands for everything in a value: what `..` goes on with."""


_BELOW = _Below()
_END = Anything()


@data
class Reason:
    """Why a path finds nothing.

    Args:
        depth: how many segments of the path may lead somewhere; below 0 when there is no JSON at all.
        words: what is said of the value there, beginning with a verb.
        pointer: where the description says so.
        names: the members that a value there may have, when it is a name that it has not.
        wanted: that name.

    """

    depth: int
    words: str
    pointer: Pointer
    names: tuple[str, ...] = ()
    wanted: str = ""

    @property
    def sentence(self) -> str:
        """What is said of the value, with the name that is probably meant."""
        if not self.wanted:
            return self.words
        meant = near(self.wanted, self.names)
        there = f"there {'are' if len(self.names) > 1 else 'is'} {', '.join(self.names[:12])}"
        more = ", …" if len(self.names) > 12 else ""
        hint = f'did you mean "{meant}"?' if meant is not None else f"{there}{more}" if self.names else ""
        return f"{self.words}; {hint}" if hint else self.words


class _LostError(Exception):
    """Too much would have to be looked at."""


# A schema by identity, how many segments led to it, and what is looked for from there on.
_Key = tuple[int, int, Any]


class Walk:
    """One walk of a path through schemas.

    Args:
        description: the description that they stand in.
        segments: what the path selects.
        value: what is expected there, a JSON value; `ANY` when it may be any.

    """

    def __init__(self, description: Description, segments: Sequence[Segment], value: Any) -> None:
        self._description = description
        self._old = description.version == "3.0"
        self._segments = segments
        self._value = value
        # What earlier rounds found possible, what this one found, whether it met a schema that was being looked at.
        self._possible: set[_Key] = set()
        self._found: dict[_Key, Reason | None] = {}
        self._circular = False
        # What is being looked at, with its level of the value.
        self._open: dict[_Key, int] = {}
        self._level = 0

    def reason(self, schema: Any, pointer: Pointer) -> Reason | None:
        """Return why the path finds nothing in values of a schema, or None."""
        try:
            while True:
                self._found, self._circular = {}, False
                found = self._why(schema, pointer, 0)
                possible = {key for key, reason in self._found.items() if reason is None}
                if found is None or not self._circular or possible <= self._possible:
                    return found
                self._possible |= possible
        except (_LostError, RecursionError):
            return None

    def _why(self, schema: Any, pointer: Pointer, depth: int) -> Reason | None:
        """Return why the rest of the path finds nothing: every selector by itself must find nothing."""
        if depth == len(self._segments):
            return self._looked_at(schema, pointer, depth, _END)
        segment = self._segments[depth]
        below = (_BELOW,) if segment.descends else ()
        return _none_of(
            self._looked_at(schema, pointer, depth, wanted) for wanted in (*segment.selectors, *below)
        )

    def _looked_at(self, schema: Any, pointer: Pointer, depth: int, wanted: Any) -> Reason | None:
        if schema is False:
            return Reason(depth, "is not allowed", pointer)
        if not isinstance(schema, dict):
            return None
        key = (id(schema), depth, str(wanted) if isinstance(wanted, slice) else wanted)
        if key in self._found:
            return self._found[key]
        if key in self._open:
            if self._open[key] == self._level or key in self._possible:
                return None  # the first refers to itself on one and the same value
            self._circular = True
            return Reason(depth, "leads to itself again and again", pointer)
        if len(self._found) + len(self._open) > _MOST_LOOKS:
            raise _LostError
        self._open[key] = self._level
        found = self._of_schema(schema, pointer, depth, wanted)
        del self._open[key]
        self._found[key] = found
        return found

    def _below(self, schema: Any, pointer: Pointer, depth: int) -> Reason | None:
        self._level += 1
        try:
            return self._why(schema, pointer, depth)
        finally:
            self._level -= 1

    # -- one schema -------------------------------------------------------------------------------------

    def _of_schema(self, schema: dict[str, Any], pointer: Pointer, depth: int, wanted: Any) -> Reason | None:
        if "$ref" in schema:
            found = self._target(schema["$ref"])
            reason = self._looked_at(*found, depth, wanted) if found is not None else None
            if reason is not None or self._old:
                return reason
        if not self._old and not _is_plain(schema):
            return None
        reason = self._own(schema, pointer, depth, wanted)
        for keyword in _IN_PLACE:
            branches = schema.get(keyword)
            if reason is not None or not isinstance(branches, list) or not branches:
                continue
            looks = (
                self._looked_at(branch, (*pointer, keyword, index), depth, wanted)
                for index, branch in enumerate(branches)
            )
            reason = (
                next((one for one in looks if one is not None), None)
                if keyword == "allOf"
                else _none_of(looks)
            )
        return reason

    def _target(self, reference: Any) -> tuple[Any, Pointer] | None:
        """Return the schema that a reference leads to, when it is one by its place in the description."""
        if not isinstance(reference, str) or "#/" not in reference:
            return None
        try:
            pointer, value = self._description.resolve(reference)
        except DeadReferenceError:
            return None
        return value, pointer

    def _own(self, schema: dict[str, Any], pointer: Pointer, depth: int, wanted: Any) -> Reason | None:
        """Return what the keywords of a schema exclude that need no other schema on the same value."""
        types, values = self._types(schema), self._values(schema)
        if wanted is _END:
            return self._end(schema, pointer, depth)
        if values is not None and not any(isinstance(value, dict | list) for value in values[1]):
            return Reason(depth, f"is one of {listed(values[1])}", (*pointer, values[0]))
        if isinstance(wanted, str):
            if types is not None and "object" not in types:
                return Reason(depth, f"is of type {' or '.join(types)}", (*pointer, "type"))
            return self._member(schema, pointer, depth, wanted)
        next_depth = depth if wanted is _BELOW else depth + 1
        reasons = []
        if not isinstance(wanted, int | slice) and (types is None or "object" in types):
            reasons.append(self._members(schema, pointer, depth, next_depth))
        if types is None or "array" in types:
            selector = None if wanted is _BELOW else wanted
            reasons.append(self._items(schema, pointer, depth, next_depth, selector))
        if not reasons:
            return Reason(depth, f"is of type {' or '.join(types or ())}", (*pointer, "type"))
        return _none_of(reasons)

    def _types(self, schema: dict[str, Any]) -> list[str] | None:
        written = schema.get("type")
        types: list[Any] = written if isinstance(written, list) else [written]
        if not types or not all(isinstance(name, str) and name in TYPES for name in types):
            return None
        return [*types, "null"] if self._old and schema.get("nullable") is True else types

    def _values(self, schema: dict[str, Any]) -> tuple[str, list[Any]] | None:
        if not self._old and "const" in schema:
            return "const", [schema["const"]]
        values = schema.get("enum")
        return ("enum", values) if isinstance(values, list) else None

    def _end(self, schema: dict[str, Any], pointer: Pointer, depth: int) -> Reason | None:
        if self._value is ANY:
            return None
        types, values = self._types(schema), self._values(schema)
        if types is not None and not any(TYPES[name](self._value) for name in types):
            return Reason(depth + 1, f"is of type {' or '.join(types)}", (*pointer, "type"))
        if values is None or key_of(self._value) in {key_of(value) for value in values[1]}:
            return None
        word = "is" if values[0] == "const" else "is one of"
        texts = tuple(value for value in values[1] if isinstance(value, str))
        meant = near(self._value, texts) if isinstance(self._value, str) else None
        hint = f'; did you mean "{meant}"?' if meant is not None else ""
        return Reason(depth + 1, f"{word} {listed(values[1])}{hint}", (*pointer, values[0]))

    # -- objects ----------------------------------------------------------------------------------------

    def _member(self, schema: dict[str, Any], pointer: Pointer, depth: int, name: str) -> Reason | None:
        """Return why an object has no member of a name, or why that leads nowhere."""
        properties = mapping(schema, "properties")
        reason = self._refused_name(schema, pointer, depth, name)
        if reason is not None:
            return reason
        if name in properties:
            reason = self._property(properties[name], (*pointer, "properties", name), depth, depth + 1)
        patterns = {} if self._old else mapping(schema, "patternProperties")
        matched: bool | None = name in properties
        for pattern, below in patterns.items():
            fits = _fits(pattern, name)
            if fits:
                matched = True
                place = (*pointer, "patternProperties", pattern)
                reason = reason or self._below(below, place, depth + 1)
            elif fits is None:
                matched = matched or None
        if reason is not None or matched is not False:
            return reason
        other = schema.get("additionalProperties")
        if other is False:
            hidden = {one for one in properties if is_hidden(self._description, properties[one], "writeOnly")}
            names: Iterable[str] = [one for one in properties if one not in hidden]
            return _no_member(depth, name, names, (*pointer, "additionalProperties"))
        if "additionalProperties" in schema:
            return self._below(other, (*pointer, "additionalProperties"), depth + 1)
        if not self._old and schema.get("unevaluatedProperties") is False:
            known = self._evaluated(schema)
            if known is not None and name not in known:
                return _no_member(depth, name, sorted(known), (*pointer, "unevaluatedProperties"))
        return None

    def _refused_name(self, schema: dict[str, Any], pointer: Pointer, depth: int, name: str) -> Reason | None:
        if schema.get("maxProperties") == 0 and schema["maxProperties"] is not False:
            return Reason(depth, "has no members", (*pointer, "maxProperties"))
        rule = None if self._old else schema.get("propertyNames")
        refused = rule is False
        if isinstance(rule, dict) and _is_plain(rule):
            walk = Walk(self._description, (), name)
            refused = walk.reason(rule, ()) is not None
            refused = refused or (
                isinstance(rule.get("pattern"), str) and _fits(rule["pattern"], name) is False
            )
        return _no_member(depth, name, (), (*pointer, "propertyNames")) if refused else None

    def _property(self, schema: Any, pointer: Pointer, depth: int, next_depth: int) -> Reason | None:
        """Return why a member leads nowhere: what is only sent does not come back."""
        if is_hidden(self._description, schema, "writeOnly"):
            return Reason(depth, f"has {brief(pointer[-1])} only in requests, it is writeOnly", pointer)
        return self._below(schema, pointer, next_depth)

    def _members(
        self, schema: dict[str, Any], pointer: Pointer, depth: int, next_depth: int
    ) -> Reason | None:
        """Return why no member of an object leads anywhere."""
        if schema.get("maxProperties") == 0 and schema["maxProperties"] is not False:
            return Reason(depth, "has no members", (*pointer, "maxProperties"))
        if "additionalProperties" in schema:
            other = schema["additionalProperties"]
        else:
            closed = not self._old and schema.get("unevaluatedProperties") is False
            other = not (closed and self._evaluated(schema) == {*mapping(schema, "properties")})
        place = (*pointer, "additionalProperties")
        reasons: list[Reason | None] = [
            Reason(depth, "has no members that lead on", pointer)
            if other is False
            else self._below(other, place, next_depth)
        ]
        for name, below in mapping(schema, "properties").items() if reasons[0] is not None else ():
            reasons.append(self._property(below, (*pointer, "properties", name), depth, next_depth))
        patterns = {} if self._old else mapping(schema, "patternProperties")
        for pattern, below in patterns.items() if None not in reasons else ():
            reasons.append(self._below(below, (*pointer, "patternProperties", pattern), next_depth))
        return _none_of(reasons)

    def _evaluated(self, schema: Any) -> set[str] | None:
        """Return the members that a schema and those beside it look at; None when it may be any."""
        names: set[str] = set()
        waiting, seen = [schema], set()
        while waiting:
            found = waiting.pop()
            if isinstance(found, bool) or id(found) in seen:
                continue
            seen.add(id(found))
            if not isinstance(found, dict) or not _is_plain(found) or found.get("patternProperties"):
                return None
            others = (found.get("additionalProperties", False), found.get("unevaluatedProperties", False))
            if others != (False, False):
                return None
            names |= mapping(found, "properties").keys()
            for keyword in _IN_PLACE:
                waiting += found[keyword] if isinstance(found.get(keyword), list) else ()
            waiting += [found[keyword] for keyword in ("if", "then", "else") if keyword in found]
            waiting += mapping(found, "dependentSchemas").values()
            if "$ref" in found:
                target = self._target(found["$ref"])
                if target is None:
                    return None
                waiting.append(target[0])
        return names

    # -- arrays -----------------------------------------------------------------------------------------

    def _items(
        self, schema: dict[str, Any], pointer: Pointer, depth: int, next_depth: int, wanted: Selector
    ) -> Reason | None:
        """Return why an array has no such element, or why that leads nowhere."""
        first = schema.get("prefixItems")
        prefix = first if isinstance(first, list) and not self._old else []
        rest = schema.get("items", True)
        most = schema.get("maxItems")
        limit, keyword = (most, "maxItems") if TYPES["integer"](most) else (None, "items")
        if rest is False and (limit is None or len(prefix) < limit):
            limit, keyword = len(prefix), "items"
        start = wanted.start or 0 if isinstance(wanted, slice) else 0
        needed = max(wanted + 1, -wanted) if isinstance(wanted, int) else start + 1 if start > 0 else 1
        if isinstance(wanted, slice) and (wanted.step or 1) < 0:
            needed = 1
        if limit is not None and needed > limit:
            count = "no items" if limit == 0 else f"at most {limit} item{'s' * (limit != 1)}"
            return Reason(depth, f"has {count}", (*pointer, keyword))
        known = [(below, (*pointer, "prefixItems", index)) for index, below in enumerate(prefix)]
        if isinstance(wanted, int) and 0 <= wanted < len(known):
            known = [known[wanted]]
        elif rest is not False:
            other = (rest, (*pointer, "items"))
            known = [other] if isinstance(wanted, int) and wanted >= 0 else [other, *known]
        return _none_of(self._below(below, place, next_depth) for below, place in known)


def _none_of(reasons: Iterable[Reason | None]) -> Reason | None:
    """Return the best reason when there is one for each of several ways, else None."""
    found = []
    for reason in reasons:
        if reason is None:
            return None
        found.append(reason)
    return best_of(found)


def best_of(reasons: list[Reason]) -> Reason | None:
    """Return the reason that is furthest on the way; of names that are missing, with all that are there."""
    if not reasons:
        return None
    best = max(reasons, key=lambda reason: (reason.depth, bool(reason.wanted)))
    if not best.wanted:
        return best
    alike = [one for one in reasons if one.depth == best.depth and one.wanted == best.wanted]
    names = tuple(dict.fromkeys(name for one in alike for name in one.names))
    return Reason(best.depth, best.words, best.pointer, names, best.wanted)


def _no_member(depth: int, name: str, names: Iterable[str], pointer: Pointer) -> Reason:
    return Reason(depth, f"has no member {brief(name)}", pointer, tuple(names), name)


def mapping(schema: dict[str, Any], keyword: str) -> dict[str, Any]:
    """Return a keyword that is a mapping; an empty one when it is not there, or something else."""
    found = schema.get(keyword)
    return found if isinstance(found, dict) else {}


def _fits(pattern: str, name: str) -> bool | None:
    """Tell whether an expression is found in a name; None when it cannot be used."""
    try:
        return bool(search_for(pattern)(name))
    except OperandError:
        return None


def _is_plain(schema: dict[str, Any]) -> bool:
    """Tell whether references from a schema lead where they seem to, and its keywords mean what they seem to."""
    if "$id" in schema or "$dynamicRef" in schema:
        return False
    dialect = schema.get("$schema", DIALECT)
    return isinstance(dialect, str) and (
        dialect.rstrip("#") == DIALECT or "spec.openapis.org/oas/" in dialect
    )
