"""What the schemas of a goal say together: types, members, items, numbers and texts that may fit."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Any

from pytest_apitest.data import data, record
from pytest_apitest.json_schema.index import Discriminator
from pytest_apitest.json_schema.nodes import OperandError
from pytest_apitest.json_schema.patterns import search_for
from pytest_apitest.jsonvalue import from_python
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.openapi.sample_texts import texts
from pytest_apitest.openapi.schemas import DescribedSchemas

MOST_ITEMS = 100
SIMPLE = frozenset({"string", "integer", "number", "boolean"})
_TYPES = ("string", "integer", "number", "boolean", "object", "array", "null")
# Keywords that say of which type a value is meant to be where `type` is not written.
_TELLING = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"),
    "string": ("pattern", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class SampleError(Exception):
    """No value can be made for a schema.

    Args:
        reason: why, without a final stop.
        path: names of the members that lead to where none can be made.

    """

    def __init__(self, reason: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    @property
    def message(self) -> str:
        """Where no value can be made, and why."""
        # Of a schema that goes round in circles the first round says it all.
        shown = ".".join(dict.fromkeys(self.path))
        return f"{shown}: {self.reason}" if shown else self.reason

    def below(self, name: str) -> "SampleError":
        """Return the error as that of what has a member."""
        return SampleError(self.reason, (name, *self.path))


@data
class Part:
    """A schema of a goal: where it is, as it is written, and as a JSON Schema 2020-12."""

    at: Pointer
    raw: Any
    schema: dict[str, Any]


@record
class Members:
    """What the parts of a goal say of the members of an object."""

    places: dict[str, list[Pointer]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    required: list[str] = field(default_factory=list)


Choice = tuple[tuple[Pointer, ...], tuple[tuple[str, str], ...]]


def choices_of(part: Part, keyword: str, schemas: DescribedSchemas) -> list[Choice]:
    """Return what each branch of a choice adds to a goal."""
    if keyword == "children":
        children, node = part.schema[keyword], schemas.root(part.at)
        targets = {
            word: (schemas.place(schemas.target(node, reference), ""),) if reference else ()
            for word, reference in children.words.items()
        }
        return [(places, ((children.name, word),)) for word, places in targets.items()]
    if keyword == "if":
        then, other = (
            tuple((*part.at, word) for word in words if word in part.schema)
            for words in (("if", "then"), ("else",))
        )
        return [((), ()), (then, ()), (other, ())]
    if keyword == "dependentSchemas":
        return [((), ()), (tuple((*part.at, keyword, name) for name in part.schema[keyword]), ())]
    selecting: Discriminator | None = part.schema.get("discriminator")
    found: list[Choice] = []
    for index in range(len(part.schema[keyword])):
        forced: tuple[tuple[str, str], ...] = ()
        if selecting is not None:
            # What the mapping says stands behind the names of the schemas, and is what is meant.
            words = [word for word, chosen in selecting.chosen.items() if chosen == index]
            forced = ((selecting.name, words[-1]),) if words else ()
        found.append((((*part.at, keyword, index),), forced))
    return found


def types_of(parts: Sequence[Part]) -> list[str]:
    """Return the types that a value may have, in the order in which they are tried."""
    allowed: list[str] | None = None
    for part in parts:
        written = part.schema.get("type")
        if written is None:
            continue
        names = written if isinstance(written, list) else [written]
        if allowed is None:
            allowed = list(names)
        else:
            wide = {"integer", "number"} if "number" in allowed else set()
            allowed = [name for name in names if name in allowed or (name in wide)] or (
                ["integer"] if "integer" in allowed and "number" in names else []
            )
    if allowed is None:
        telling = [
            kind
            for kind, words in _TELLING.items()
            if any(word in part.schema for part in parts for word in words)
        ]
        return [*telling, *(kind for kind in _TYPES if kind not in telling)]
    return sorted(allowed, key=lambda kind: kind == "null")


def item_places(parts: Sequence[Part], index: int) -> list[Pointer]:
    places: list[Pointer] = []
    for part in parts:
        first = part.schema.get("prefixItems", ())
        if index < len(first):
            places.append((*part.at, "prefixItems", index))
        elif "items" in part.schema:
            places.append((*part.at, "items"))
    return places


def member_places(parts: Sequence[Part], members: Members, name: str) -> tuple[Pointer, ...] | None:
    """Return what a member must fit; None when it is not allowed."""
    places = list(members.places.get(name, ()))
    for part in parts:
        matched = name in part.schema.get("properties", {})
        for pattern in part.schema.get("patternProperties", {}):
            try:
                if search_for(pattern)(name):
                    places.append((*part.at, "patternProperties", pattern))
                    matched = True
            except OperandError:
                return None
        if not matched and "additionalProperties" in part.schema:
            if part.schema["additionalProperties"] is False:
                return None
            places.append((*part.at, "additionalProperties"))
    return tuple(places)


def texts_of(parts: Sequence[Part], name: str) -> Iterator[str]:
    patterns = [part.raw["pattern"] for part in parts if isinstance(part.raw, dict) and "pattern" in part.raw]
    for pattern in patterns:
        try:
            search_for(pattern)
        except OperandError:
            raise SampleError(f"its pattern cannot be checked here: {pattern[:60]}") from None
    formats = [part.schema["format"] for part in parts if "format" in part.schema]
    least = max((int(part.schema.get("minLength", 0)) for part in parts), default=0)
    most = min((int(part.schema["maxLength"]) for part in parts if "maxLength" in part.schema), default=None)
    yield from texts(name, formats, patterns, least, most)


def numbers_of(parts: Sequence[Part], *, whole: bool) -> Iterator[Any]:
    """Yield numbers that may fit: 1 where it does, else from the bounds on."""

    def given(keyword: str) -> list[Decimal]:
        return [Decimal(str(part.schema[keyword])) for part in parts if keyword in part.schema]

    low = max((*given("minimum"), *given("exclusiveMinimum")), default=None)
    high = min((*given("maximum"), *given("exclusiveMaximum")), default=None)
    steps = given("multipleOf")
    step = math.prod(steps, start=Decimal(1)) if len(steps) > 1 else steps[0] if steps else Decimal(1)
    starts = [Decimal(1), Decimal(0)]
    if low is not None:
        starts.append(low)
    if high is not None:
        starts.append(high)
    if low is not None and high is not None:
        starts.append((low + high) / 2)
    if not whole:
        starts.append(Decimal("1.5"))
    for start in starts:
        # At the next multiple, and one further on, since a bound may be excluded.
        near = (start / step).to_integral_value() * step if steps or whole else start
        for number in (near, near + step, near - step):
            yield _plain_number(number, whole=whole)
    first = starts[2] if low is not None else high if high is not None else Decimal(1)
    assert first is not None
    turn = -1 if low is None and high is not None else 1
    base = (first / step).to_integral_value() * step if steps or whole else first
    for index in range(MOST_ITEMS):
        yield _plain_number(base + turn * index * step, whole=whole)


def _plain_number(number: Decimal, *, whole: bool) -> Any:
    return int(number) if whole or number == number.to_integral_value() else from_python(number.normalize())


def is_simple(parts: Sequence[Part]) -> bool:
    """Tell whether a member is one that somebody would send who need not send any."""
    raws = [part.raw for part in parts if isinstance(part.raw, dict)]
    kinds = types_of(parts)
    return (
        any(raw.keys() & {"example", "default", "enum"} for raw in raws) or bool(kinds and kinds[0] in SIMPLE)
    ) and not any(raw.get("deprecated") is True for raw in raws)
