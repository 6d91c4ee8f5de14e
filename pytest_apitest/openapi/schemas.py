"""Schema objects of a description as JSON Schemas 2020-12 that are made when an exchange first needs them.

Rules kept here, each with its source:
- a schema of 3.0 has the keywords of its version, a `$ref` has no siblings, `nullable` adds null to the `type` beside
  it, the exclusive bounds are booleans (OpenAPI 3.0, "Schema Object", "Reference Object"); one of 3.1 and 3.2 is a
  JSON Schema 2020-12 (OpenAPI 3.1, section 4.8.24 "Schema Object");
- what is `readOnly` is not sent in a request, what is `writeOnly` not in a response, and `required` holds for the
  other side only (OpenAPI 3.0, "Schema Object", Fixed Fields), whichever of the schemas that hold together, those of
  `allOf` and behind `$ref`, says the one and which the other;
- a `discriminator` selects the schema that holds, see `discriminators`;
- a schema that means something else beside others, one of these two reasons, is converted again for that place;
- formats are those of JSON Schema and those of the registry that `registry` knows; every other format says nothing;
- a keyword that cannot be used refuses every value: nothing passes because it could not be looked at. Only a
  `pattern` that RE2 does not know is left out, and told of.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from pytest_apitest.data import data
from pytest_apitest.formats import FORMATS
from pytest_apitest.json_schema.applicators import PARTS, MakePart
from pytest_apitest.json_schema.assertions import CHECKS
from pytest_apitest.json_schema.evaluation import findings
from pytest_apitest.json_schema.index import DIALECT, Discriminator, Schemas
from pytest_apitest.json_schema.linking import link
from pytest_apitest.json_schema.nodes import (
    Call,
    Check,
    EndlessError,
    Finding,
    Found,
    Node,
    OperandError,
    Part,
    Result,
    SchemaError,
    Steps,
)
from pytest_apitest.json_schema.patterns import search_for
from pytest_apitest.json_schema.quick import fits_quickly
from pytest_apitest.json_schema.values import TYPES, is_number
from pytest_apitest.json_schema.words import brief
from pytest_apitest.json_schema.words import pointer as json_pointer
from pytest_apitest.openapi.description import ALLOWING, DeadReferenceError, Description, Pointer
from pytest_apitest.openapi.discriminators import (
    Discriminators,
    by_name,
    children_part,
    holding_together,
    is_hidden,
)
from pytest_apitest.openapi.registry import ENCODED, MORE_FORMATS, encoded

REQUEST, RESPONSE = "request", "response"

_HIDDEN = {REQUEST: "readOnly", RESPONSE: "writeOnly"}
_MAX_HOPS = 50

_IN_VALUE = ("additionalProperties", "items", "not")
_IN_VALUE_31 = (
    *_IN_VALUE,
    *("contains", "else", "if", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
)
_IN_LIST = ("allOf", "anyOf", "oneOf")
_IN_MAPPING_31 = ("$defs", "definitions", "dependentSchemas", "patternProperties")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_count(value: Any) -> bool:
    return TYPES["integer"](value) and value >= 0


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in TYPES for name in names)


def _is_known_dialect(value: Any) -> bool:
    return isinstance(value, str) and (value.rstrip("#") == DIALECT or "spec.openapis.org/oas/" in value)


# What the operand of a keyword must be; with anything else it cannot be used.
_OPERANDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_is_type, f"one of {', '.join(TYPES)}"),
    "enum": (lambda value: isinstance(value, list), "a list"),
    "multipleOf": (lambda value: is_number(value) and value > 0, "a number above 0"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), (is_number, "a number")),
    **dict.fromkeys(
        (
            *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
            *("minContains", "maxContains"),
        ),
        (_is_count, "a whole number, 0 or more"),
    ),
    **dict.fromkeys(
        ("pattern", "format", "$ref", "$dynamicRef", "$id", "$anchor", "$dynamicAnchor"), (_is_text, "a text")
    ),
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
    "required": (_is_texts, "a list of names"),
    "dependentRequired": (
        lambda value: isinstance(value, dict) and all(map(_is_texts, value.values())),
        "lists of names",
    ),
}
_KEYWORDS_30 = frozenset(
    {
        *("type", "enum", "multipleOf", "minimum", "maximum", "minLength", "maxLength", "pattern", "format"),
        *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required"),
    }
)
_KEYWORDS_31 = frozenset({*_OPERANDS, "const"})


# -- checks ---------------------------------------------------------------------------------------------


def _format(operand: str) -> Check:
    if operand in FORMATS:
        return CHECKS["format"](operand)
    fits = MORE_FORMATS.get(operand)

    def check(value: Any) -> Iterable[Found]:
        if fits is None or fits(value):
            return ()
        return [((), f"expected format {operand}, got {brief(value)}")]

    return check


def _always_found(message: str) -> Check:
    return lambda _: [((), message)]


def _unusable(message: str) -> Check:
    return _always_found(f"cannot be checked, the schema of the description is wrong: {message}")


def _safely(make: Callable[[Any], Check]) -> Callable[[Any], Check]:
    def made(operand: Any) -> Check:
        try:
            return make(operand)
        except OperandError as error:
            return _unusable(str(error))

    return made


_CHECKS: dict[str, Callable[[Any], Check]] = {
    **{keyword: _safely(make) for keyword, make in CHECKS.items()},
    "format": _format,
    "readOnly": lambda _: _always_found("read-only, not allowed in a request"),
    "writeOnly": lambda _: _always_found("write-only, not allowed in a response"),
    "unusable": _unusable,
    **ENCODED,
}


def _fitting_nothing(keyword: str, make: MakePart) -> MakePart:
    """Return what makes a part; where the operand cannot be used, no value fits."""

    def made(schemas: Schemas, node: Node, operand: Any) -> Part:
        try:
            return make(schemas, node, operand)
        except OperandError as error:
            node.checks.append((keyword, _unusable(str(error))))
            return _no_part

    return made


def _no_part(call: Call, result: Result) -> Steps:
    del call, result
    yield from ()


_PARTS = {
    keyword: _fitting_nothing(keyword, make) for keyword, make in {**PARTS, "children": children_part}.items()
}


@data
class _Around:
    """What the schemas beside a schema, which hold of the same value, change in it.

    Args:
        hidden: members that belong to the other direction, so that they cannot be required.
        chosen: schemas, by identity, whose discriminator was followed already.

    """

    hidden: frozenset[str] = frozenset()
    chosen: frozenset[int] = frozenset()


_ALONE = _Around()
# Stands between a reference and the number of what is around it.
_MARK = "\x00"


# -- the schemas of a description -------------------------------------------------------------------------


class DescribedSchemas(Schemas):
    """The schemas of a description, for one direction.

    Args:
        description: the description.
        direction: `request` or `response`.

    """

    def __init__(self, description: Description, direction: str) -> None:
        super().__init__()
        self.description = description
        # Patterns that are left out, with their places; who tells of them takes them out.
        self.unchecked: list[tuple[str, Pointer]] = []
        self._hidden = _HIDDEN[direction]
        self._old = description.version == "3.0"
        self._pointers: dict[str, Pointer] = {}
        self._roots: dict[Pointer, Node] = {}
        self._all_known = False
        self._discriminators = Discriminators(description)
        texts = [one.text for one in (description, *description.files.values())]
        # A schema with a name of its own is not converted twice: two would have the name.
        self._may_vary = not any(
            name in text for text in texts for name in ("$id", "$anchor", "$dynamicAnchor")
        )
        self._may_hide = any(self._hidden in text for text in texts)
        self._arounds: dict[str, _Around] = {"": _ALONE}

    def root(self, pointer: Pointer) -> Node:
        """Return the schema at a place of the description, ready to judge values."""
        node = self._roots.get(pointer)
        if node is None:
            node = self._branch(pointer) or self._at(pointer, self._value_at(pointer))
            link(self, _CHECKS, _PARTS)
            self._roots[pointer] = node
        return node

    def _branch(self, pointer: Pointer) -> Node | None:
        """Return a branch as its schema has it, whose discriminator may select it; None for what is no branch."""
        if len(pointer) < 3 or pointer[-2] not in ("oneOf", "anyOf") or not isinstance(pointer[-1], int):
            return None
        whole = self.root(pointer[:-2])
        return self.nodes.get((whole.document, (*whole.place, *pointer[-2:])))

    def wrong(self, node: Node, value: Any, limit: int = 20) -> list[Finding]:
        """Return what is wrong with a value; `limit` findings, and one that tells when there are more.

        Args:
            node: a root.
            value: a JSON value, nested at most as deep as JSON may be.
            limit: 1 or more.

        """
        if fits_quickly(self, node, value):
            return []
        try:
            found = findings(node, value, limit + 1)
        except EndlessError:
            return [((), "cannot be checked, the schema refers to itself without end here", node, "")]
        if len(found) > limit:
            found[limit:] = [((), f"more is wrong than these {limit}", node, "")]
        return found

    def place(self, node: Node, keyword: str) -> Pointer:
        """Return where a schema, or a keyword of it, stands in the description."""
        pointer = (*self._pointers[node.document], *node.place)
        found = self._value_at(pointer)
        return (*pointer, keyword) if isinstance(found, dict) and keyword in found else pointer

    def _value_at(self, pointer: Pointer) -> Any:
        value = self.description.value
        for part in pointer:
            value = value[part]
        return value

    def _at(self, pointer: Pointer, value: Any, around: str = "") -> Node:
        document = "#" + json_pointer(pointer)
        document += _MARK + around if around else ""
        if document in self._pointers:
            return self.nodes[document, ()]
        self._pointers[document] = pointer
        try:
            return self._index(document, (), self.converted(value, pointer, self._arounds[around]), "")
        except SchemaError as error:
            node = Node(document, (), {"unusable": error.message}, "")
            self.nodes[document, ()] = node
            return node

    def target(self, node: Node, reference: str) -> Node:
        """Return the schema that a reference leads to: one of the description, or one with an `$id` or anchor."""
        reference, _, around = reference.partition(_MARK)
        if not node.base and (
            reference == "#" or reference.startswith("#/") or self.description.is_read(reference)
        ):
            try:
                return self._at(*self.description.resolve(reference), around)
            except DeadReferenceError as error:
                raise OperandError(f"{brief(reference)} {error.message}{error.cure(*ALLOWING)}") from None
        found = self._named(node, reference)
        if found is None and not self._all_known:
            self._all_known = True  # an `$id` or an anchor may stand in a schema that nobody asked for yet
            for name, schema in self._components().items():
                self._at(("components", "schemas", name), schema)
            found = self._named(node, reference)
        if found is None and not node.base and reference.startswith("#"):
            raise OperandError(f"{brief(reference)} leads to nothing")
        if found is None and not node.base and (why := self.description.why_unread(reference)):
            raise OperandError(f"{brief(reference)} {why}")
        return found if found is not None else super().target(node, reference)

    def _named(self, node: Node, reference: str) -> Node | None:
        """Return the schema with an `$id` or an anchor that a reference leads to, or None."""
        if not node.base and reference.startswith("#"):  # all schemas without an `$id` are of one resource
            return self._anchors.get(("", unquote(reference[1:])))
        try:
            return super().target(node, reference)
        except OperandError:
            return None

    def _components(self) -> Mapping[str, Any]:
        components = self.description.value.get("components")
        schemas = components.get("schemas") if isinstance(components, dict) else None
        return schemas if isinstance(schemas, dict) else {}

    def discriminator(self, node: Node) -> Discriminator | None:
        """Return what selects a branch."""
        return node.schema.get("discriminator") if isinstance(node.schema, dict) else None

    # -- conversion -------------------------------------------------------------------------------------

    def converted(self, schema: Any, at: Pointer, around: _Around = _ALONE) -> Any:
        """Return a schema object as a JSON Schema 2020-12; its parts keep their places."""
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            return {"unusable": f"a schema is an object, not {brief(schema)}"}
        if self._old and "$ref" in schema:
            return (
                {"$ref": self._referring(schema["$ref"], around)}
                if isinstance(schema["$ref"], str)
                else {"unusable": "$ref is no text"}
            )
        out: dict[str, Any] = {}
        for keyword in _KEYWORDS_30 if self._old else _KEYWORDS_31:
            if keyword in schema:
                self._keyword(out, keyword, schema[keyword], at)
        if self._may_hide and (hidden := self._hidden_beside(schema)):
            around = _Around(around.hidden | hidden, around.chosen)
        if isinstance(out.get("$ref"), str):
            out["$ref"] = self._referring(out["$ref"], around)
        self._subschemas(out, schema, at, around)
        if isinstance(out.get("required"), list):
            out["required"] = [name for name in out["required"] if name not in around.hidden]
        if self._old:
            self._as_of_30(out, schema)
        elif (content := encoded(schema)) is not None:
            out["contentEncoding"] = content
        if not self._old and not _is_known_dialect(schema.get("$schema", DIALECT)):
            out["unusable"] = f"the dialect {brief(schema['$schema'])} is not known here"
        if isinstance(discriminator := schema.get("discriminator"), dict):
            self._discriminate(out, schema, discriminator, around)
        return out

    def _discriminate(
        self, out: dict[str, Any], schema: dict[str, Any], written: dict[str, Any], around: _Around
    ) -> None:
        """Add what selects a branch, or the schemas that are made of this one."""
        newer = self.description.version == "3.2"
        if any(isinstance(schema.get(name), list) for name in ("oneOf", "anyOf")):
            if (found := by_name(schema, written, newer=newer)) is not None:
                out["discriminator"] = found
                for branch in (*out.get("oneOf", ()), *out.get("anyOf", ())):
                    if isinstance(branch, dict) and isinstance(branch.get("$ref"), str):
                        branch["$ref"] = self._selected(branch["$ref"], found.name)
        elif self._may_vary and id(schema) not in around.chosen:
            children = self._discriminators.children(schema, written, newer=newer)
            if children is not None:
                chosen = _Around(around.hidden, around.chosen | {id(schema)})
                out["children"] = children.renamed(lambda reference: self._referring(reference, chosen))

    def _selected(self, reference: str, name: str) -> str:
        """Return a reference to a branch whose own discriminators have nothing left to select."""
        try:
            beside = holding_together(self.description, self.description.resolve(reference)[1])
        except DeadReferenceError:
            return reference
        found = [
            id(one)
            for one in beside
            if isinstance(one.get("discriminator"), dict)
            and one["discriminator"].get("propertyName") == name
            and not isinstance(one.get("oneOf"), list)
            and not isinstance(one.get("anyOf"), list)
        ]
        return self._referring(reference, _Around(chosen=frozenset(found))) if found else reference

    def _referring(self, reference: str, around: _Around) -> str:
        """Return a reference to a schema as it is meant beside others."""
        if around is _ALONE or not self._may_vary:
            return reference
        try:
            beside = holding_together(self.description, self.description.resolve(reference)[1])
        except DeadReferenceError:
            return reference
        required = {name for one in beside if _is_texts(one.get("required")) for name in one["required"]}
        relevant = _Around(around.hidden & required, around.chosen & set(map(id, beside)))
        if not relevant.hidden and not relevant.chosen:
            return reference
        for known, one in self._arounds.items():
            if (one.hidden, one.chosen) == (relevant.hidden, relevant.chosen):
                return f"{reference}{_MARK}{known}"
        name = str(len(self._arounds))
        self._arounds[name] = relevant
        return f"{reference}{_MARK}{name}"

    def _keyword(self, out: dict[str, Any], keyword: str, operand: Any, at: Pointer) -> None:
        fits, words = _OPERANDS.get(keyword, (lambda _: True, ""))
        if not fits(operand):
            out["unusable"] = f"{keyword} is {words}, not {brief(operand)}"
            return
        if keyword == "pattern":
            try:
                search_for(operand)
            except OperandError as error:
                self.unchecked.append(
                    (f"the pattern {brief(operand)} is not checked: {error}", (*at, keyword))
                )
                return
        out[keyword] = operand

    def _subschemas(self, out: dict[str, Any], schema: dict[str, Any], at: Pointer, around: _Around) -> None:
        for keyword in _IN_VALUE if self._old else _IN_VALUE_31:
            if keyword in schema:
                out[keyword] = self.converted(schema[keyword], (*at, keyword))
        for keyword in _IN_LIST if self._old else (*_IN_LIST, "prefixItems"):
            if keyword not in schema:
                continue
            if isinstance(schema[keyword], list):
                beside = around if keyword == "allOf" else _ALONE
                out[keyword] = [
                    self.converted(item, (*at, keyword, index), beside)
                    for index, item in enumerate(schema[keyword])
                ]
            else:
                out["unusable"] = f"{keyword} is a list of schemas"
        for keyword in ("properties",) if self._old else ("properties", *_IN_MAPPING_31):
            if keyword not in schema:
                continue
            if not isinstance(schema[keyword], dict):
                out["unusable"] = f"{keyword} is an object of schemas"
                continue
            out[keyword] = {
                name: self.converted(item, (*at, keyword, name)) for name, item in schema[keyword].items()
            }
            if keyword == "properties":
                for name, item in schema[keyword].items():
                    if self._is_hidden(item) and isinstance(out[keyword][name], dict):
                        out[keyword][name][self._hidden] = True

    def _is_hidden(self, schema: Any) -> bool:
        return is_hidden(self.description, schema, self._hidden)

    def _hidden_beside(self, schema: dict[str, Any]) -> frozenset[str]:
        """Return the members that belong to the other direction by a schema or those that hold with it."""
        return frozenset(
            name
            for one in holding_together(self.description, schema)
            if isinstance(one.get("properties"), dict)
            for name, item in one["properties"].items()
            if self._is_hidden(item)
        )

    def _as_of_30(self, out: dict[str, Any], schema: dict[str, Any]) -> None:
        if schema.get("nullable") is True and isinstance(out.get("type"), str):
            out["type"] = [out["type"], "null"]
        for keyword, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if schema.get(keyword) is True and bound in out:
                out[keyword] = out.pop(bound)
