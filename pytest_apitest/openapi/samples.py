"""Values that are valid by a schema of a description: its own examples first, else made from its keywords.

Rules kept here:
- every value is judged by the evaluator before it is handed out; a value that cannot be made is said to be so;
- the description's own `example`, `examples`, `default`, `const` and `enum` go first where they are valid
  (OpenAPI 3.1, section 4.8.24 "Schema Object"; JSON Schema Validation 2020-12, sections 6.1 and 9);
- what is `readOnly` is left out of a request, what is `writeOnly` out of a response;
- of an object the required members, and where none is, the simple ones; a schema that refers to itself ends as
  early as it allows;
- the same description gives the same value: nothing here is random.

A goal is a set of places whose schemas must all fit one value; `$ref`, `allOf` and the branch that is tried of
`oneOf`, `anyOf` and `if` add places to it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.json_schema.evaluation import findings
from pytest_apitest.json_schema.nodes import EndlessError, OperandError
from pytest_apitest.json_schema.quick import fits_quickly
from pytest_apitest.jsonvalue import equal
from pytest_apitest.openapi.description import Description, Pointer
from pytest_apitest.openapi.sample_parts import (
    MOST_ITEMS,
    Members,
    Part,
    SampleError,
    choices_of,
    is_simple,
    item_places,
    member_places,
    numbers_of,
    texts_of,
    types_of,
)
from pytest_apitest.openapi.sample_texts import singular, texts
from pytest_apitest.openapi.schemas import REQUEST, DescribedSchemas

__all__ = ["SampleError", "Sampler"]

_MAX_DEPTH = 24
_MAX_WORK = 2_000
_ENDLESS = "its schema refers to itself without end"
_MOST_TRIED = 60
_MOST_OF_KIND = 12
_MOST_OPTIONAL = 6


@data
class _Goal:
    """Places whose schemas must all fit, and what was decided on the way."""

    places: tuple[Pointer, ...]
    decided: frozenset[tuple[Pointer, str]] = frozenset()
    forced: tuple[tuple[str, str], ...] = ()


class Sampler:
    """Makes values that are valid by the schemas of a description.

    Args:
        description: the description.
        direction: `request` or `response`.

    """

    def __init__(self, description: Description, direction: str = REQUEST) -> None:
        self._description = description
        self._schemas = DescribedSchemas(description, direction)
        self._hidden = "readOnly" if direction == REQUEST else "writeOnly"
        self._work = 0

    def value(self, pointer: Pointer, name: str = "", given: Sequence[Any] = ()) -> Any:
        """Return a value that is valid by the schema at a place of the description.

        Args:
            pointer: where the schema is.
            name: of what the value is for, which texts are made of.
            given: examples from beside the schema, which go first.

        Raises:
            SampleError: none can be made.

        """
        self._work = 0
        goal = _Goal((pointer,))
        for example in given:
            for value in (self._pruned(example, goal), example):
                if self._fits(goal, value):
                    return value
        try:
            for value in self._values(goal, name, 0, ()):
                return value
        except RecursionError:  # also of a schema that is nested deeper than Python goes
            raise SampleError("it is nested too deep") from None
        raise SampleError("no value was found that is valid by its schema")

    def fits(self, pointer: Pointer, value: Any) -> bool:
        """Tell whether a value is valid by the schema at a place."""
        try:
            return self._fits(_Goal((pointer,)), value)
        except SampleError:
            return False

    def properties(self, places: Iterable[Pointer]) -> dict[str, tuple[Pointer, ...]]:
        """Return the members that schemas declare for this direction, and where the schemas of each are.

        Args:
            places: where the schemas are that one value fits.

        """
        members = self._members(self._known(places))
        return {name: tuple(at) for name, at in members.places.items() if name not in members.hidden}

    def types(self, places: Iterable[Pointer]) -> frozenset[str]:
        """Return the types that schemas allow, without null."""
        return frozenset(types_of(self._known(places))) - {"null"}

    def keyword(self, places: Iterable[Pointer], keyword: str) -> Any:
        """Return what schemas say in a keyword: the first that has it, or None."""
        raws = [part.raw for part in self._known(places) if isinstance(part.raw, dict)]
        return next((raw[keyword] for raw in raws if keyword in raw), None)

    def _fits(self, goal: _Goal, value: Any) -> bool:
        self._work += 1
        for place in goal.places:
            node = self._schemas.root(place)
            if fits_quickly(self._schemas, node, value):
                continue
            try:
                if findings(node, value, 1):
                    return False
            except EndlessError:
                raise SampleError(_ENDLESS) from None
        return True

    # -- looking into schemas ---------------------------------------------------------------------------

    def _parts(self, places: Iterable[Pointer]) -> list[Part]:
        """Return the schemas of places, behind references, with those of `allOf`."""
        waiting, found = list(places), {}
        while waiting:
            at = waiting.pop(0)
            if at in found:
                continue
            node = self._schemas.root(at)
            raw: Any = self._description.value
            for step in at:
                raw = raw[step]
            if node.schema is False:
                raise SampleError("nothing is allowed there")
            schema: dict[str, Any] = node.schema if isinstance(node.schema, dict) else {}
            if "unusable" in schema:
                raise SampleError(f"its schema is wrong: {schema['unusable']}")
            found[at] = Part(at, raw, schema)
            behind: list[Pointer] = []
            for keyword in ("$ref", "$dynamicRef"):
                if keyword in schema:
                    try:
                        target = self._schemas.target(node, schema[keyword])
                    except OperandError as error:
                        raise SampleError(str(error)) from None
                    behind.append(self._schemas.place(target, ""))
            inside = [(*at, "allOf", index) for index in range(len(schema.get("allOf", ())))]
            waiting[:0] = [*behind, *inside]
        return list(found.values())

    def _known(self, places: Iterable[Pointer]) -> list[Part]:
        """Return the schemas of places; none where they cannot be used."""
        try:
            return self._parts(places)
        except SampleError:
            return []

    def _members(self, parts: Sequence[Part]) -> Members:
        found = Members()
        for part in parts:
            for name, schema in part.schema.get("properties", {}).items():
                found.places.setdefault(name, []).append((*part.at, "properties", name))
                if isinstance(schema, dict) and schema.get(self._hidden) is True:
                    found.hidden.add(name)
        wanted = [name for part in parts for name in part.schema.get("required", ())]
        for name in wanted:  # grows while it is walked
            for part in parts:
                wanted += (
                    one for one in part.schema.get("dependentRequired", {}).get(name, ()) if one not in wanted
                )
        for name in (*found.places, *wanted):
            if name in wanted and name not in found.hidden and name not in found.required:
                found.required.append(name)
        return found

    def _pruned(self, value: Any, goal: _Goal) -> Any:
        """Return an example without what belongs to the other direction."""
        if not isinstance(value, dict | list):
            return value
        try:
            parts = self._parts(goal.places)
        except SampleError:
            return value
        if isinstance(value, list):
            places = [(*part.at, "items") for part in parts if isinstance(part.schema.get("items"), dict)]
            return [self._pruned(item, _Goal(tuple(places))) for item in value] if places else value
        branches = [
            (*part.at, keyword, index)
            for part in parts
            for keyword in ("oneOf", "anyOf")
            for index in range(len(part.schema.get(keyword, ())))
        ]
        try:
            members = self._members([*parts, *self._parts(branches)])
        except SampleError:
            members = self._members(parts)
        return {
            name: self._pruned(item, _Goal(tuple(members.places[name]))) if name in members.places else item
            for name, item in value.items()
            if name not in members.hidden
        }

    # -- values -----------------------------------------------------------------------------------------

    def _values(self, goal: _Goal, name: str, depth: int, trail: tuple[Pointer, ...]) -> Iterator[Any]:
        """Yield values that fit a goal, those first that are taken first."""
        self._work += 1
        if self._work > _MAX_WORK:
            raise SampleError("its schema is too large")
        parts = self._parts(goal.places)
        again = sum(part.at in trail for part in parts if len(part.at) <= 3 or "$ref" not in part.schema)
        if depth > _MAX_DEPTH or (again and trail.count(parts[-1].at) > 1):
            raise SampleError(_ENDLESS)
        shown: list[Any] = []
        for value in self._written(parts, goal):
            if self._fits(goal, value) and not any(equal(value, one) for one in shown):
                shown.append(value)
                yield value
        if any("const" in part.schema or "enum" in part.schema for part in parts):
            return
        branches = self._branches(parts, goal)
        if branches is not None:
            yield from self._of_branches(branches, name, depth, trail)
            return
        below = (*trail, *(part.at for part in parts))
        for value in self._made(parts, goal, name, depth, below):
            if self._fits(goal, value) and not any(equal(value, one) for one in shown):
                yield value

    def _written(self, parts: Sequence[Part], goal: _Goal) -> Iterator[Any]:
        """Yield the values that the description itself has."""
        raws = [part.raw for part in parts if isinstance(part.raw, dict)]
        for keyword in ("example", "examples", "default"):
            for raw in raws:
                if keyword in raw:
                    several = keyword == "examples"
                    found = raw[keyword] if several and isinstance(raw[keyword], list) else [raw[keyword]]
                    yield from (self._pruned(value, goal) for value in found)
        whole = [raw["example"] for raw in raws if isinstance(raw.get("example"), dict)]
        if len(whole) > 1:
            yield self._pruned({name: value for one in reversed(whole) for name, value in one.items()}, goal)
        for part in parts:
            if "const" in part.schema:
                yield part.schema["const"]
        for part in parts:
            yield from part.schema.get("enum", ())

    def _branches(self, parts: Sequence[Part], goal: _Goal) -> list[_Goal] | None:
        """Return the goals of the first choice that is not made yet, or None."""
        for part in parts:
            for keyword in ("oneOf", "anyOf", "children", "if", "dependentSchemas"):
                if keyword not in part.schema or (part.at, keyword) in goal.decided:
                    continue
                decided = goal.decided | {(part.at, keyword)}
                if keyword == "children" and part.schema[keyword].name in dict(goal.forced):
                    continue
                return [
                    _Goal((*goal.places, *places), decided, (*goal.forced, *forced))
                    for places, forced in choices_of(part, keyword, self._schemas)
                ]
        return None

    def _of_branches(
        self, branches: Sequence[_Goal], name: str, depth: int, trail: tuple[Pointer, ...]
    ) -> Iterator[Any]:
        """Yield the values of branches; those that lead back to where one came from come last."""
        errors: list[SampleError] = []
        yielded = False
        ending: list[_Goal] = []
        endless: list[_Goal] = []
        for branch in branches:
            try:
                parts = self._parts(branch.places)
            except SampleError as error:
                errors.append(error)
                continue
            back = any(part.at in trail for part in parts)
            (endless if back else ending).append(branch)
        for branch in (*ending, *endless):
            try:
                for value in self._values(branch, name, depth + 1, trail):
                    yielded = True
                    yield value
            except SampleError as error:
                errors.append(error)
        if errors and not yielded:
            raise errors[0]

    # -- values that are made ---------------------------------------------------------------------------

    def _made(
        self, parts: Sequence[Part], goal: _Goal, name: str, depth: int, trail: tuple[Pointer, ...]
    ) -> Iterator[Any]:
        error: SampleError | None = None
        yielded = False
        kinds = types_of(parts)
        most = _MOST_TRIED + MOST_ITEMS if len(kinds) == 1 else _MOST_OF_KIND
        for kind in kinds:
            try:
                for value in islice(self._of_type(kind, parts, goal, name, depth, trail), most):
                    yielded = True
                    yield value
            except SampleError as caught:
                error = error or caught
        if error is not None and not yielded:
            raise error

    def _of_type(
        self,
        kind: str,
        parts: Sequence[Part],
        goal: _Goal,
        name: str,
        depth: int,
        trail: tuple[Pointer, ...],
    ) -> Iterator[Any]:
        if kind == "null":
            yield None
        elif kind == "boolean":
            yield from (True, False)
        elif kind in ("integer", "number"):
            yield from numbers_of(parts, whole=kind == "integer")
        elif kind == "string":
            yield from texts_of(parts, name)
        elif kind == "array":
            yield from self._arrays(parts, name, depth, trail)
        else:
            yield from self._objects(parts, goal, depth, trail)

    def _arrays(
        self, parts: Sequence[Part], name: str, depth: int, trail: tuple[Pointer, ...]
    ) -> Iterator[list[Any]]:
        least = max((int(part.schema.get("minItems", 0)) for part in parts), default=0)
        contained = [(*part.at, "contains") for part in parts if "contains" in part.schema]
        count = max(
            least, *(int(part.schema.get("minContains", 1)) for part in parts if "contains" in part.schema), 0
        )
        if count > MOST_ITEMS:
            raise SampleError(f"it needs {count:,} items")
        first = max((len(part.schema.get("prefixItems", ())) for part in parts), default=0)
        failed: SampleError | None = None
        # One item says more than none, unless it leads back to where one came from.
        places = item_places(parts, 0)
        back = bool(places) and any(part.at in trail for part in self._parts(places))
        for size in dict.fromkeys((count if back else max(count, 1), count, count + 1, max(count, first))):
            try:
                yield self._array(parts, contained, size, name, depth, trail)
            except SampleError as error:
                failed = failed or error
        if failed is not None and count:
            raise failed
        yield []

    def _array(
        self,
        parts: Sequence[Part],
        contained: Sequence[Pointer],
        size: int,
        name: str,
        depth: int,
        trail: tuple[Pointer, ...],
    ) -> list[Any]:
        unique = any(part.schema.get("uniqueItems") is True for part in parts)
        series: dict[tuple[Pointer, ...], Iterator[Any]] = {}
        last: dict[tuple[Pointer, ...], Any] = {}
        items: list[Any] = []
        for index in range(size):
            places = tuple(dict.fromkeys((*item_places(parts, index), *contained)))
            if places not in series:
                series[places] = self._values(_Goal(places), singular(name), depth + 1, trail)
            for value in series[places]:
                if not unique or not any(equal(value, one) for one in items):
                    last[places] = value
                    break
            else:
                if unique or places not in last:
                    raise SampleError(f"{size} different items are not to be found")
            items.append(last[places])
        return items

    def _objects(
        self, parts: Sequence[Part], goal: _Goal, depth: int, trail: tuple[Pointer, ...]
    ) -> Iterator[dict[str, Any]]:
        members = self._members(parts)
        least = max((int(part.schema.get("minProperties", 0)) for part in parts), default=0)
        optional = [
            name for name in members.places if name not in members.required and name not in members.hidden
        ]
        simple = [name for name in optional if depth == 0 and is_simple(self._known(members.places[name]))]
        more = [] if members.required else simple[:_MOST_OPTIONAL]
        wanted: tuple[list[str], ...] = (
            more,
            optional[: max(least - len(members.required), 0)],
            optional,
            [],
        )
        failed: SampleError | None = None
        yielded = False
        for extra in wanted:
            for number in range(6):
                try:
                    yield self._object(parts, members, extra, goal, least, number, depth, trail)
                    yielded = True
                except SampleError as error:
                    failed = failed or error
                    break
        if failed is not None and not yielded:
            raise failed

    def _object(
        self,
        parts: Sequence[Part],
        members: Members,
        extra: Sequence[str],
        goal: _Goal,
        least: int,
        number: int,
        depth: int,
        trail: tuple[Pointer, ...],
    ) -> dict[str, Any]:
        """Return an object with the required members and more; `number` chooses among their values."""
        forced = dict(goal.forced)
        names = [
            name for name in members.places if name in members.required or name in extra or name in forced
        ]
        names += [name for name in (*members.required, *forced) if name not in names]
        made: dict[str, Any] = {}
        for name in dict.fromkeys(names):
            if name in forced:
                made[name] = forced[name]
                continue
            places = member_places(parts, members, name)
            if places is None:
                raise SampleError(f"{name} is required and not allowed")
            try:
                series = self._values(_Goal(places), name, depth + 1, trail)
                *_, made[name] = islice(series, number + 1)
            except SampleError as error:
                if name in members.required:
                    raise error.below(name) from None
            except ValueError:
                if name in members.required:
                    raise SampleError("no value was found that is valid by its schema", (name,)) from None
        if len(made) < least:
            self._fill(made, parts, members, least, depth, trail)
        return made

    def _fill(
        self,
        made: dict[str, Any],
        parts: Sequence[Part],
        members: Members,
        least: int,
        depth: int,
        trail: tuple[Pointer, ...],
    ) -> None:
        """Add members of names that are not declared."""
        if least > MOST_ITEMS:
            raise SampleError(f"it needs {least:,} members")
        ruled = tuple((*part.at, "propertyNames") for part in parts if "propertyNames" in part.schema)
        patterns = [pattern for part in parts for pattern in part.schema.get("patternProperties", ())]
        names = (
            self._values(_Goal(ruled), "name", depth + 1, trail)
            if ruled
            else texts("name", (), patterns, 1, 40)
        )
        for name in names:
            if len(made) >= least:
                return
            if not isinstance(name, str) or name in made or name in members.hidden:
                continue
            places = member_places(parts, members, name)
            if places is not None:
                for value in self._values(_Goal(places), name, depth + 1, trail):
                    made[name] = value
                    break
