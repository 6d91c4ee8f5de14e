"""Finding schemas: by place, by `$id`, by anchor, by reference (JSON Schema Core 2020-12, sections 8.2 and 9).

Nothing is ever fetched or read: a reference is `#...`, or an `$id` or `$anchor` of this very document.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean
from pytest_apitest.json_schema.nodes import Node, OperandError, SchemaError
from pytest_apitest.json_schema.words import brief, pointer, typed
from pytest_apitest.jsonpath import Location

DIALECT = "https://json-schema.org/draft/2020-12/schema"

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

# Keywords without subschemas, and words of other vocabularies that people write beside them.
# fmt: off
_OTHERS = frozenset({
    "const", "contentEncoding", "contentMediaType", "default", "dependencies", "dependentRequired",
    "deprecated", "description", "discriminator", "enum", "example", "examples", "exclusiveMaximum",
    "exclusiveMinimum", "externalDocs", "format", "maxContains", "maxItems", "maxLength", "maxProperties",
    "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "nullable",
    "pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly", "xml",
})
# fmt: on

IN_MAPPING = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})

# A keyword that nobody knows says nothing (section 4.3.1); one that is nearly known was meant to say something.
KEYWORDS = _IN_VALUE | _IN_LIST | IN_MAPPING | _OTHERS


@data
class Discriminator:
    """What selects a branch of `anyOf` or `oneOf`.

    Args:
        name: the member whose value selects it.
        chosen: the index of the branch by that value.
        default: the index where there is no such member, or none for its value; None when there has to be one.

    """

    name: str
    chosen: Mapping[str, int]
    default: int | None = None


class Schemas:
    """Makes nodes of documents and finds what references lead to.

    Args:
        check_target: called with what stands at a place that no keyword makes a schema, and the place, before
            a reference may lead there; None when nothing needs a look.

    """

    def __init__(self, check_target: Callable[[Any, Location], None] | None = None) -> None:
        self.nodes: dict[tuple[str, Location], Node] = {}
        self.dynamic_anchors: dict[tuple[str, str], Node] = {}
        self.linked = 0
        self._check_target = check_target
        self._resources: dict[str, Node] = {}
        self._anchors: dict[tuple[str, str], Node] = {}

    def add(self, schema: Any, uri: str) -> Node:
        """Take in a document under the URI that it has without an `$id`; return its root."""
        return self._index(uri, (), schema, uri)

    def discriminator(self, node: Node) -> Discriminator | None:  # noqa: ARG002 - see below
        """Return what selects a branch of `anyOf` or `oneOf` by a member of the value; or None.

        JSON Schema has no such keyword; descriptions of APIs have.
        """
        return None

    def child(self, node: Node, *keys: str | int) -> Node:
        """Return the schema below another one."""
        return self.nodes[node.document, (*node.place, *keys)]

    def _index(self, document: str, place: Location, schema: Any, base: str) -> Node:
        """Make the nodes of a schema and of all schemas in it; return the first."""
        waiting: list[tuple[Location, Any, str]] = [(place, schema, base)]
        while waiting:
            at, found, base_there = waiting.pop()
            if (document, at) in self.nodes:
                continue
            node = Node(document, at, found, base_there)
            self.nodes[document, at] = node
            if not at:
                self._resources[document] = node
            if isinstance(found, dict):
                self._name(node, found)
                below = [(at + keys, part, node.base) for keys, part in _subschemas(found)]
                waiting += reversed(below)  # taken from the end, so in the order of the document
        return self.nodes[document, place]

    def _name(self, node: Node, schema: dict[str, Any]) -> None:
        """Register a schema under its `$id` and anchors."""
        dialect = schema.get("$schema", DIALECT)
        if dialect.rstrip("#") != DIALECT:
            message = f"{brief(dialect)} is not supported; schemas here are of JSON Schema 2020-12, {DIALECT}"
            raise SchemaError(pointer((*node.place, "$schema")), message)
        if "$id" in schema:
            try:
                node.base = _joined(node.base, schema["$id"])[0]
            except OperandError as error:
                raise SchemaError(pointer((*node.place, "$id")), str(error)) from None
            if self._resources.setdefault(node.base, node) is not node:
                raise SchemaError(
                    pointer((*node.place, "$id")), f"a second schema with the $id {brief(node.base)}"
                )
        for keyword in ("$anchor", "$dynamicAnchor"):
            if keyword not in schema:
                continue
            key = (node.base, schema[keyword])
            if self._anchors.setdefault(key, node) is not node:
                message = f"a second schema with the anchor {brief(schema[keyword])}"
                raise SchemaError(pointer((*node.place, keyword)), message)
            if keyword == "$dynamicAnchor":
                self.dynamic_anchors[key] = node

    def target(self, node: Node, reference: str) -> Node:
        """Return the schema that a reference leads to (section 8.2.3)."""
        uri, fragment = _joined(node.base, reference)
        resource = self._resources.get(uri)
        if resource is None:
            raise OperandError(f"{brief(reference)} leads out of this document, and nothing else is read")
        fragment = unquote(fragment)
        if not fragment:
            return resource
        if fragment.startswith("/"):
            return self._pointed(resource, fragment, reference)
        anchored = self._anchors.get((uri, fragment))
        if anchored is None:
            names = [name for base, name in self._anchors if base == uri]
            raise OperandError(f"{brief(reference)} leads to nothing{did_you_mean(fragment, names)}")
        return anchored

    def _pointed(self, resource: Node, fragment: str, reference: str) -> Node:
        """Return the schema at a JSON pointer below a resource (RFC 6901)."""
        document, place, base = resource.document, resource.place, resource.base
        value: Any = resource.schema
        for token in fragment[1:].split("/"):
            name = token.replace("~1", "/").replace("~0", "~")
            key = _position_of(name) if isinstance(value, list) else name
            if not (key in value if isinstance(value, dict) else isinstance(key, int) and key < len(value)):
                raise OperandError(f"{brief(reference)} leads to nothing{_hint(name, value)}")
            value, place = value[key], (*place, key)
            if (document, place) in self.nodes:
                base = self.nodes[document, place].base
        if (document, place) not in self.nodes:
            if not isinstance(value, dict | bool):
                raise OperandError(f"{brief(reference)} leads to no schema, but to {typed(value)}")
            if self._check_target is not None:
                self._check_target(value, place)
        return self._index(document, place, value, base)


def _joined(base: str, reference: str) -> tuple[str, str]:
    """Return where a reference leads: URI of the resource, and fragment."""
    if reference.startswith("#"):  # urljoin cannot join this with every kind of base
        return base, reference[1:]
    try:
        uri, fragment = urldefrag(urljoin(base, reference))
    except ValueError as error:
        raise OperandError(f"{brief(reference)} is no URI reference: {error}") from None
    return uri, fragment


def _hint(name: str, value: Any) -> str:
    members = value.items() if isinstance(value, dict) else ()
    return did_you_mean(name, [near for near, below in members if isinstance(below, dict | list | bool)])


def _position_of(token: str) -> str | int:
    """Return the index that a token of a JSON pointer names (RFC 6901, section 4), or the token."""
    return int(token) if token.isascii() and token.isdigit() and str(int(token[:9])) == token else token


def _subschemas(schema: dict[str, Any]) -> Iterator[tuple[Location, Any]]:
    for keyword, operand in schema.items():
        if keyword in _IN_VALUE:
            yield (keyword,), operand
        elif keyword in _IN_LIST:
            for index, item in enumerate(operand):
                yield (keyword, index), item
        elif keyword in IN_MAPPING:
            for name, item in operand.items():
                yield (keyword, name), item
