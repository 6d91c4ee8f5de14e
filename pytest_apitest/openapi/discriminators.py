"""Discriminators: which schema holds, by a member of the value (OpenAPI 3.1, section 4.8.25; 3.2, section 4.25).

Rules kept here:
- beside `oneOf` or `anyOf` it selects one of these, by the name of the schema or by `mapping`;
- in a schema without them it names one of the components that are made of this schema by `allOf`, or this schema
  itself: the value has to fit that one too;
- `defaultMapping` of 3.2 holds where there is no such member, or no schema for its value;
- which schemas hold together, and which property belongs to one direction only, is looked up here for all;
- where a schema stands inline, nothing can name it, and all of them are tried.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.json_schema.applicators import merge
from pytest_apitest.json_schema.index import Discriminator, Schemas
from pytest_apitest.json_schema.nodes import Call, Node, Part, Result, Steps
from pytest_apitest.json_schema.words import listed, typed
from pytest_apitest.openapi.description import DeadReferenceError, Description

_MOST_TOGETHER = 50


def holding_together(description: Description, schema: Any) -> list[dict[str, Any]]:
    """Return a schema with those that hold of the same value with it: of `allOf`, and behind references.

    Args:
        description: the description that they stand in.
        schema: the schema as written.

    """
    old = description.version == "3.0"
    found: list[dict[str, Any]] = []
    waiting = [schema]
    while waiting and len(found) < _MOST_TOGETHER:
        one = waiting.pop(0)
        if not isinstance(one, dict) or any(one is known for known in found):
            continue
        found.append(one)
        if isinstance(one.get("$ref"), str):
            with suppress(DeadReferenceError):
                waiting.append(description.resolve(one["$ref"])[1])
            if old:
                continue
        waiting += one["allOf"] if isinstance(one.get("allOf"), list) else ()
    return found


def is_hidden(description: Description, schema: Any, keyword: str) -> bool:
    """Tell whether a property belongs to one direction only, by its schema or the one that it refers to.

    Args:
        description: the description.
        schema: the schema of the property.
        keyword: `readOnly` or `writeOnly`.

    """
    old = description.version == "3.0"
    for _ in range(_MOST_TOGETHER):
        if not isinstance(schema, dict):
            return False
        if schema.get(keyword) is True and not (old and "$ref" in schema):
            return True
        if not isinstance(schema.get("$ref"), str):
            return False
        try:
            schema = description.resolve(schema["$ref"])[1]
        except DeadReferenceError:
            return False
    return False


def _reference(target: Any) -> str:
    """Return the reference that a name of a schema, or a reference, stands for."""
    return str(target) if {*str(target)} & {*"/#"} else f"#/components/schemas/{target}"


def _mapped(written: Mapping[str, Any]) -> dict[str, str]:
    mapping = written.get("mapping")
    return {word: _reference(target) for word, target in mapping.items()} if isinstance(mapping, dict) else {}


def by_name(schema: Mapping[str, Any], written: Mapping[str, Any], *, newer: bool) -> Discriminator | None:
    """Return what selects a branch of `oneOf` or `anyOf`; None when all of them are to be tried.

    Args:
        schema: the schema as written.
        written: its Discriminator Object.
        newer: whether `defaultMapping` is known.

    """
    name = written.get("propertyName")
    branches: list[Any] = next(
        (schema[key] for key in ("oneOf", "anyOf") if isinstance(schema.get(key), list)), []
    )
    references = [branch.get("$ref") if isinstance(branch, dict) else None for branch in branches]
    if not isinstance(name, str) or None in references:
        return None
    chosen = {str(reference).rpartition("/")[2]: index for index, reference in enumerate(references)}
    for word, reference in _mapped(written).items():
        if reference in references:
            chosen[word] = references.index(reference)
    default = _reference(written["defaultMapping"]) if newer and "defaultMapping" in written else None
    if default is None:
        return Discriminator(name, chosen)
    return Discriminator(name, chosen, references.index(default)) if default in references else None


@data
class Children:
    """The schemas that are made of one, by the words that select them.

    Args:
        name: the member whose value selects one.
        words: references by that value; empty for the schema itself.
        default: the reference where there is no such member, or none for its value; None when there has to be one.

    """

    name: str
    words: Mapping[str, str]
    default: str | None

    def renamed(self, rename: Callable[[str], str]) -> "Children":
        """Return the same with other references."""
        words = {word: reference and rename(reference) for word, reference in self.words.items()}
        return Children(self.name, words, self.default and rename(self.default))


class Discriminators:
    """Looks up which components are made of which schemas.

    Args:
        description: the description.

    """

    def __init__(self, description: Description) -> None:
        self._description = description
        self._made_of: dict[int, list[str]] | None = None

    def children(
        self, schema: Mapping[str, Any], written: Mapping[str, Any], *, newer: bool
    ) -> Children | None:
        """Return the schemas that are made of one; None when there are none.

        Args:
            schema: the schema as written.
            written: its Discriminator Object.
            newer: whether `defaultMapping` is known.

        """
        name = written.get("propertyName")
        if not isinstance(name, str):
            return None
        words = {one: f"#/components/schemas/{_escaped(one)}" for one in self._names(schema)}
        words |= _mapped(written)
        for word, reference in words.items():
            if self._is(reference, schema):
                words[word] = ""
        if not any(words.values()):
            return None
        default = _reference(written["defaultMapping"]) if newer and "defaultMapping" in written else None
        return Children(name, words, "" if default is not None and self._is(default, schema) else default)

    def _is(self, reference: str, schema: Mapping[str, Any]) -> bool:
        try:
            return self._description.resolve(reference)[1] is schema
        except DeadReferenceError:
            return False

    def _names(self, schema: Mapping[str, Any]) -> list[str]:
        if self._made_of is None:
            self._made_of = {}
            components = self._description.value.get("components")
            schemas = components.get("schemas") if isinstance(components, dict) else None
            for name, one in schemas.items() if isinstance(schemas, dict) else ():
                for part in holding_together(self._description, one):
                    self._made_of.setdefault(id(part), []).append(name)
        return self._made_of.get(id(schema), [])


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25")


def children_part(schemas: Schemas, node: Node, operand: Children) -> Part:
    """Return the part for a schema of which a member of the value names the one that holds as well."""
    targets = {
        word: schemas.target(node, reference) if reference else None
        for word, reference in operand.words.items()
    }
    default = schemas.target(node, operand.default) if operand.default else None
    node.same_value += [target for target in (*targets.values(), default) if target is not None]

    def part(call: Call, result: Result) -> Steps:
        if not isinstance(call.value, dict):
            return
        word = call.value.get(operand.name)
        target = default
        if isinstance(word, str) and word in targets:
            target = targets[word]
        elif operand.default is None:
            message = (
                f"expected one of {listed(list(targets))}, got {typed(word)}"
                if operand.name in call.value
                else "missing; it says which schema holds"
            )
            result.found.append(((*call.place, operand.name), message, call.node, "discriminator"))
        if target is not None:
            merge(result, (yield call.same(target)))

    return part
