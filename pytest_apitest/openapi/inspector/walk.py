"""One walk through a description by the declarations of its objects, without recursion.

Every mistake is one finding: what stands in a field of the wrong type, or in an unknown field, is not looked into.
Beside the findings the walk gathers the objects by name and the references, for the rules that come after it.
"""

from collections.abc import Iterable
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.jsonvalue import show, show_typed
from pytest_apitest.openapi.inspector.objects import (
    PATTERNED,
    Kind,
    Shape,
    called,
    is_extension,
    kind_of,
    shapes_of,
)
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.patterns import deferred

IGNORE = "x-apitest-ignore"
TYPES = ("array", "boolean", "integer", "number", "object", "string")
TYPES_31 = (*TYPES, "null")
_CODE = deferred(r"[1-5](?:[0-9][0-9]|XX)|default")
_URI = deferred(r'[^\x00-\x20<>"\\^`{|}\x7f]*')
_EMAIL = deferred(r"[^@\s]+@[^@\s]+")

_SHOWN = 60
_NAMES = "a list of names"
_WORD = deferred(r"[A-Za-z0-9_.:/-]{1,40}")
# What Swagger 2.0 and programming languages call what OpenAPI 3 calls otherwise.
_OF_OTHERS = {
    ("in", "body"): "requestBody beside parameters",
    ("in", "formdata"): "requestBody beside parameters",
    ("type", "file"): "type: string and format: binary",
    ("type", "int"): "integer",
    ("type", "long"): "integer",
    ("type", "float"): "number",
    ("type", "double"): "number",
    ("type", "decimal"): "number",
    ("type", "bool"): "boolean",
    ("type", "str"): "string",
    ("type", "text"): "string",
    ("type", "date"): "type: string and format: date",
    ("type", "datetime"): "type: string and format: date-time",
    ("type", "date-time"): "type: string and format: date-time",
    ("type", "uuid"): "type: string and format: uuid",
    ("type", "dict"): "object",
    ("type", "map"): "object",
    ("type", "list"): "array",
}
# Objects whose mistakes depend on where they are.
_SEVERAL_TIMES = frozenset({"Paths", "PathItem", "Operation"})


@data
class Found:
    """A finding before it has a place.

    Args:
        rule: id of the rule.
        message: what is wrong.
        pointer: where.
        key: whether the name of the member is meant and not its value.

    """

    rule: str
    message: str
    pointer: Pointer
    key: bool = False


@data
class Use:
    """A reference.

    Args:
        pointer: the field that holds it.
        ref: its text.
        kind: name of the object that is due.

    """

    pointer: Pointer
    ref: str
    kind: str


@data
class Seen:
    """An object of the description.

    Args:
        pointer: where it is.
        value: the object.

    """

    pointer: Pointer
    value: dict[str, Any]


class Walk:
    """What a walk found and gathered.

    Args:
        version: `3.0`, `3.1` or `3.2`.

    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.shapes = shapes_of(version)
        self.found: list[Found] = []
        self.uses: list[Use] = []
        self.objects: dict[str, list[Seen]] = {
            name: [] for name in (*self.shapes, *PATTERNED, "SecurityRequirement")
        }
        self.maps: list[Seen] = []
        self.ignored: list[tuple[Pointer, Any]] = []
        # Fields that are there under another name, with the object that holds them.
        self.misspelt: set[tuple[Pointer, str]] = set()
        self._types = TYPES if version == "3.0" else TYPES_31
        self._schema = kind_of("&Schema" if version == "3.0" else "Schema")
        self._waiting: list[tuple[Kind, Any, Pointer]] = []
        # What an alias shares is looked at once; a description of aliases takes no longer than its text.
        self._walked: set[tuple[str, int]] = set()

    def add(self, rule: str, message: str, pointer: Pointer, *, key: bool = False) -> None:
        """Add a finding."""
        self.found.append(Found(rule, message, pointer, key))

    def missing(self, fields: tuple[str, ...], message: str, pointer: Pointer) -> None:
        """Add that a field is missing, but where it is there under a misspelt name, which is told already.

        Args:
            fields: the fields of which one is due.
            message: what is wrong.
            pointer: the object without it.

        """
        if not any((pointer, field) in self.misspelt for field in fields):
            self.add("missing-field", message, pointer, key=True)

    def walk(self, name: str, value: Any, pointer: Pointer = ()) -> None:
        """Walk through an object and all below it.

        Args:
            name: the object, such as `OpenAPI`.
            value: what stands there.
            pointer: where.

        """
        waiting = self._waiting
        waiting.append((kind_of(name) if name != "Schema" else kind_of("schema"), value, pointer))
        while waiting:
            kind, one, at = waiting.pop()
            op = kind.op
            if op == "object":
                self._object(kind, one, at)
            elif op == "map":
                self._map(kind, one, at)
            elif op == "list":
                self._list(kind, one, at)
            elif op in ("schema", "either"):
                if isinstance(one, bool) and (op == "either" or self.version != "3.0"):
                    continue
                if isinstance(one, dict):
                    self._object(self._schema, one, at)
                else:
                    self._wrong(
                        "a Schema Object" + " or true or false" * (op == "either" or self.version != "3.0"),
                        one,
                        at,
                    )
            else:
                self._scalar(kind, one, at)

    # -- objects ----------------------------------------------------------------------------------------

    def _object(self, kind: Kind, value: Any, pointer: Pointer) -> None:
        name = kind.name
        if not isinstance(value, dict):
            self._wrong(called(name), value, pointer)
            return
        if kind.reference and "$ref" in value:
            self._reference(name, value, pointer)
            return
        if name not in _SEVERAL_TIMES:
            if (name, id(value)) in self._walked:
                return
            self._walked.add((name, id(value)))
        if IGNORE in value:
            self.ignored.append((pointer, value[IGNORE]))
        if name in PATTERNED:
            self._patterned(name, value, pointer)
            return
        self.objects[name].append(Seen(pointer, value))
        if name == "SecurityRequirement":
            self._waiting += [(kind_of("[text]"), scopes, (*pointer, key)) for key, scopes in value.items()]
            return
        shape = self.shapes[name]
        fields, waiting = shape.fields, self._waiting
        for field, one in value.items():
            wanted = fields.get(field)
            if wanted is None:
                if not field.startswith("x-"):
                    self._unknown(shape, field, value, pointer)
            elif wanted.op == "text":
                if type(one) is not str:
                    self._wrong("a text", one, (*pointer, field))
                elif field == "$ref":
                    self.uses.append(Use((*pointer, field), one, name))
            elif wanted.op != "any":
                waiting.append((wanted, one, (*pointer, field)))
        for field in shape.required:
            if field not in value:
                self.missing((field,), f'"{field}" is missing in {called(name)}', pointer)

    def _unknown(self, shape: Shape, field: str, value: dict[str, Any], pointer: Pointer) -> None:
        message = shape.unknown(field, self.version)
        nearest = shape.nearest(field)
        if nearest is not None and nearest not in value:
            self.misspelt.add((pointer, nearest))
        if shape.name == "Schema" and self.version != "3.0":
            # JSON Schema lets anybody add keywords (Core 2020-12, section 4.3.1).
            if field == "nullable" and value[field] is True:
                message = (
                    '"nullable" says nothing since OpenAPI 3.1; write type: [string, "null"], for example'
                )
                self.add("unknown-keyword", message, (*pointer, field), key=True)
            elif "did you mean" in message:
                self.add(
                    "unknown-keyword",
                    message.replace("unknown field", "unknown keyword"),
                    (*pointer, field),
                    key=True,
                )
            return
        self.add("unknown-field", message, (*pointer, field), key=True)

    def _patterned(self, name: str, value: dict[str, Any], pointer: Pointer) -> None:
        self.objects[name].append(Seen(pointer, value))
        wanted = kind_of(PATTERNED[name])
        for key, one in value.items():
            if is_extension(key):
                continue
            if name == "Paths" and not key.startswith("/"):
                message = f'a path begins with a slash: "/{key[:_SHOWN]}"'
                self.add("path-template", message, (*pointer, key), key=True)
                continue
            if name == "Responses" and not _CODE.fullmatch(key):
                meant = key.upper() if _CODE.fullmatch(key.upper()) else near(key, ["default"])
                hint = f'; did you mean "{meant}"?' if meant is not None else ""
                message = f'"{key[:_SHOWN]}" is no status code from 100 to 599, no range such as 4XX and not default'
                self.add("status-code", message + hint, (*pointer, key), key=True)
                continue
            self._waiting.append((wanted, one, (*pointer, key)))

    def _reference(self, name: str, value: dict[str, Any], pointer: Pointer) -> None:
        ref, at = value["$ref"], (*pointer, "$ref")
        if not isinstance(ref, str):
            self._wrong("a text", ref, at)
            return
        if name == "MediaType" and self.version < "3.2":
            self.add(
                "unknown-field", "a reference to a Media Type Object came with OpenAPI 3.2", at, key=True
            )
            return
        self.uses.append(Use(at, ref, name))
        if IGNORE in value:
            self.ignored.append((pointer, value[IGNORE]))
        if len(value) == 1:
            return
        for field, one in value.items():
            if field == "$ref" or is_extension(field):
                continue
            if self.version == "3.0":
                message = f'"{field[:_SHOWN]}" stands beside $ref, and is ignored in OpenAPI 3.0'
                self.add("ref-siblings", message, (*pointer, field), key=True)
            elif field not in ("summary", "description"):
                message = f'"{field[:_SHOWN]}" stands beside $ref, where only summary and description count'
                self.add("unknown-field", message, (*pointer, field), key=True)
            elif not isinstance(one, str):
                self._wrong("a text", one, (*pointer, field))

    # -- collections ------------------------------------------------------------------------------------

    def _map(self, kind: Kind, value: Any, pointer: Pointer) -> None:
        if not isinstance(value, dict):
            self._wrong("an object", value, pointer)
            return
        item = kind.item
        assert item is not None
        if item.op == "object":
            self.maps.append(Seen(pointer, value))
        if item.op != "any":
            self._waiting += [(item, one, (*pointer, key)) for key, one in value.items()]

    def _list(self, kind: Kind, value: Any, pointer: Pointer) -> None:
        if not isinstance(value, list):
            self._wrong("a list", value, pointer)
            return
        if len(value) < kind.least:
            self.add("bad-value", "a list that is not empty is due here", pointer)
        item = kind.item
        assert item is not None
        if item.op != "any":
            self._waiting += [(item, one, (*pointer, index)) for index, one in enumerate(value)]

    # -- scalars ----------------------------------------------------------------------------------------

    def _wrong(self, due: str, value: Any, pointer: Pointer) -> None:
        hint = ""
        if due == "a text" and value is not None and not isinstance(value, dict | list):
            hint = "; quote it"
        elif due in ("a list", _NAMES) and isinstance(value, str) and _WORD.fullmatch(value):
            hint = f"; write [{value}]"
        elif due == _NAMES and isinstance(value, bool):
            hint = "; it belongs to the schema around this one, which lists the names of its properties"
        self.add("wrong-type", f"expected {due}, got {show_typed(value, _SHOWN)}{hint}", pointer)

    def _scalar(self, kind: Kind, value: Any, pointer: Pointer) -> None:
        op = kind.op
        if op == "flag":
            if not isinstance(value, bool):
                self._wrong("true or false", value, pointer)
        elif op in ("text", "uri", "email", "choice"):
            if not isinstance(value, str):
                self._wrong("a text", value, pointer)
            elif op != "text":
                self._text(kind, value, pointer)
        elif op in ("number", "positive", "count"):
            self._number(op, value, pointer)
        elif op == "bound":
            if self.version == "3.0":
                if not isinstance(value, bool):
                    self._wrong("true or false (in OpenAPI 3.0)", value, pointer)
            elif not _is_number(value):
                self._wrong("a number (since OpenAPI 3.1)", value, pointer)
        elif op == "names":
            self._names(value, pointer)
        elif op == "values":
            if not isinstance(value, list):
                self._wrong("a list", value, pointer)
            elif not value and self.version == "3.0":
                self.add("bad-value", "a list that is not empty is due here", pointer)
        elif op == "types":
            self._type(value, pointer)

    def _text(self, kind: Kind, value: str, pointer: Pointer) -> None:
        if kind.op == "choice":
            known = kind.name.split("|")
            if pointer[-1] == "in" and self.version < "3.2":
                known = [one for one in known if one != "querystring"]
            if value not in known:
                self._not_one_of(value, known, pointer)
        elif kind.op == "uri" and not _URI.fullmatch(value):
            self.add("bad-value", f"{show(value, _SHOWN)} is no URL", pointer)
        elif kind.op == "email" and not _EMAIL.fullmatch(value):
            self.add("bad-value", f"{show(value, _SHOWN)} is no email address", pointer)

    def _not_one_of(self, value: str, known: Iterable[str], pointer: Pointer) -> None:
        known = list(known)
        meant = _OF_OTHERS.get((str(pointer[-1]), value.lower()))
        hint = f"; write {meant}" if meant is not None else did_you_mean(value, known)
        hint = hint or f"; known: {', '.join(known)}"
        self.add("bad-value", f'"{value[:_SHOWN]}" is not allowed in "{pointer[-1]}"{hint}', pointer)

    def _number(self, op: str, value: Any, pointer: Pointer) -> None:
        if not _is_number(value):
            self._wrong("a number", value, pointer)
        elif op == "positive" and value <= 0:
            self.add("bad-value", f"expected a number over 0, got {show(value)}", pointer)
        elif op == "count" and (value < 0 or value != int(value)):
            self.add("bad-value", f"expected a whole number, 0 or more, got {show(value)}", pointer)

    def _names(self, value: Any, pointer: Pointer) -> None:
        if not isinstance(value, list):
            self._wrong(_NAMES, value, pointer)
            return
        seen = set()
        for index, name in enumerate(value):
            if not isinstance(name, str):
                self._wrong("a text", name, (*pointer, index))
            elif name in seen:
                self.add("bad-value", f'"{name[:_SHOWN]}" stands twice in this list', (*pointer, index))
            else:
                seen.add(name)
        if not value and self.version == "3.0":
            self.add("bad-value", "a list that is not empty is due here", pointer)

    def _type(self, value: Any, pointer: Pointer) -> None:
        if isinstance(value, str):
            if value == "null" and self.version == "3.0":
                message = 'the type "null" came with OpenAPI 3.1; write nullable: true beside another type'
                self.add("bad-value", message, pointer)
            elif value not in self._types:
                self._not_one_of(value, self._types, pointer)
        elif isinstance(value, list) and self.version != "3.0":
            if not value:
                self.add("bad-value", "a list that is not empty is due here", pointer)
            for index, one in enumerate(value):
                if not isinstance(one, str):
                    self._wrong("a text", one, (*pointer, index))
                elif one not in self._types:
                    self._not_one_of(one, self._types, (*pointer[:-1], "type"))
                elif one in value[:index]:
                    self.add("bad-value", f'"{one}" stands twice in this list', (*pointer, index))
        elif isinstance(value, list):
            self.add("wrong-type", "a list of types came with OpenAPI 3.1; write one type", pointer)
        else:
            self._wrong("a type", value, pointer)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool | str | list | dict) and value is not None
