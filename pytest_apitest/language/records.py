"""Records: mappings with known keys, declared once for the reader and for the editor schema.

Rules kept here:
- all keys of a record are read before it is given up, so that every problem is met;
- a key that comes with a later release is known and refused, a key that belongs elsewhere is sent there, any
  other is answered with the nearest known one;
- which keys exclude or need each other is said here, and the editor schema says the same.
"""

from collections.abc import Callable
from collections.abc import Mapping as Names
from collections.abc import Sequence as Many
from dataclasses import field
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import near
from pytest_apitest.jsonvalue import show
from pytest_apitest.language.reader import NEWER, BadNodeError, Reader
from pytest_apitest.language.shapes import Book, Schema, Shape
from pytest_apitest.source import Mapping, Node, Scalar


@data
class Key:
    """A key of a record.

    Args:
        name: as written.
        shape: what stands behind it.
        doc: one sentence for the editor and the reference.
        phase: the part of the step in which its references are evaluated; None keeps that of the record.

    """

    name: str
    shape: Shape
    doc: str
    phase: int | None = None


# Stands for the key that was meant by one that was sent to another place: it may be any of those that are missing.
ANOTHER_PLACE = "*"
Build = Callable[[Reader, Mapping, dict[str, Any]], Any]
# Returns why a key cannot stand in a mapping, where that depends on what stands beside it.
Judge = Callable[[Reader, Mapping, Scalar], str | None]


@data
class Record(Shape):
    """A mapping with known keys.

    Args:
        what: what it is, with its article, for messages such as `unknown key "x" in a step`.
        keys: its keys.
        build: makes the value of the model from the values of the keys that were written.
        later: keys of a later release.
        slips: words that are often written, with the key that is meant, or with what to do instead.
        elsewhere: keys that belong elsewhere, with the sentence that says where.
        judge: says more of a key that cannot stand here.
        required: keys that must be written.
        exclusive: groups of keys of which at most one may be written.
        some: groups of keys of which at least one must be written, with the message.
        beside: pairs of keys that exclude each other for a reason of their own, with the message.
        first: keys that are read before the others.
        define: name under which the editor schema keeps it; empty for none.
        example: how one is written, for those who wrote something else.
        lenient: whether it is built in spite of problems, so that more can be looked at; what is missing is
            then not among the values that `build` gets.

    """

    what: str
    keys: Many[Key]
    build: Build
    later: frozenset[str] = frozenset()
    slips: Names[str, str] = field(default_factory=dict)
    elsewhere: Names[str, str] = field(default_factory=dict)
    judge: Judge | None = None
    required: tuple[str, ...] = ()
    exclusive: tuple[tuple[str, ...], ...] = ()
    some: tuple[tuple[tuple[str, ...], str], ...] = ()
    beside: tuple[tuple[str, str, str], ...] = ()
    first: tuple[str, ...] = ()
    define: str = ""
    example: str = ""
    lenient: bool = False
    by_name: dict[str, Key] = field(init=False, repr=False)
    _groups: tuple[frozenset[str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {key.name: key for key in self.keys})
        object.__setattr__(self, "_groups", tuple(map(frozenset, self.exclusive)))

    def read(self, reader: Reader, node: Node) -> Any:
        """Return what `build` makes of the keys."""
        if self.example and not isinstance(node, Mapping):
            reader.expected(node, self.what, f"; write {self.example}")
        mapping = reader.mapping(node, self.what)
        got: dict[str, Any] = {}
        bad = False
        # The keys that were meant by those that cannot stand here: nobody says that these are missing.
        meant: set[str] = set()
        names = mapping.entries
        if self.first:
            names = {name: names[name] for name in (*(n for n in self.first if n in names), *names)}
        phase = reader.phase
        for name, (key_node, value) in names.items():
            key = self.by_name.get(name)
            if key is None:
                meant.add(self._refuse(reader, mapping, key_node))
                bad = True
                continue
            if key.phase is not None:
                reader.phase = key.phase
            try:
                got[name] = key.shape.read(reader, value)
            except BadNodeError:
                bad = True
            reader.phase = phase
        complete = self._complete(reader, mapping, meant)
        if (bad or not complete) and not self.lenient:
            raise BadNodeError
        return self.build(reader, mapping, got)

    def _refuse(self, reader: Reader, mapping: Mapping, key: Scalar) -> str:
        """Record why a key cannot stand here; return the key that was meant, or an empty text."""
        name = key.text
        reason = self.judge(reader, mapping, key) if self.judge is not None else None
        if reason is not None:
            reader.error(key, reason)
        elif name in self.later:
            reader.error(key, later(name))
        elif name in self.elsewhere:
            reader.error(key, self.elsewhere[name])
            return ANOTHER_PLACE
        elif name in self.slips:
            meant = self.slips[name]
            known = meant in self.by_name or meant in self.later
            reader.error(key, self._unknown(name, f'; did you mean "{meant}"?' if known else f": {meant}"))
            return meant if known else ANOTHER_PLACE
        elif reader.many_problems:
            reader.error(key, self._unknown(name, f", {NEWER}"))
        elif (found := near(name, self.by_name)) is not None:
            reader.error(key, self._unknown(name, f'; did you mean "{found}"?'))
            return found
        elif (found := near(name, self.elsewhere)) is not None:
            reader.error(key, self._unknown(name, f'; did you mean "{found}"? {self.elsewhere[found]}'))
        else:
            reader.error(key, self._unknown(name, f", {NEWER}"))
        return ""

    def _unknown(self, name: str, hint: str) -> str:
        return f"unknown key {show(name, 60)} in {self.what}{hint}"

    def _complete(self, reader: Reader, mapping: Mapping, meant: set[str]) -> bool:
        fine = True
        for name in self.required:
            if name not in mapping.entries and name not in meant:
                reader.error(mapping, f'"{name}" is missing in {self.what}')
                fine = False
        for names, message in self.some:
            if ANOTHER_PLACE not in meant and not any(
                name in mapping.entries or name in meant for name in names
            ):
                reader.error(mapping, message)
                fine = False
        for group in self._groups:
            written = [name for name in mapping.entries if name in group]
            if len(written) > 1:
                message = f'"{written[1]}" beside "{written[0]}" in {self.what}: write one of them'
                reader.error(mapping.key(written[1]), message)
                fine = False
        for one, other, message in self.beside:
            if one in mapping.entries and other in mapping.entries:
                reader.error(mapping.key(one), message)
                fine = False
        return fine

    def schema(self, book: Book) -> Schema:
        if self.define:
            return book.refer(self.define, self.record_schema)
        return self.record_schema(book)

    def record_schema(self, book: Book) -> Schema:
        """Return the schema itself, also of a record that is kept under a name."""
        properties = {key.name: described(key.shape.schema(book), key.doc) for key in self.keys}
        out: Schema = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "minProperties": 1,
        }
        if self.required:
            out["required"] = list(self.required)
        groups = (*self.exclusive, *((one, other) for one, other, _ in self.beside))
        if dependent := forbidding(groups):
            out["dependentSchemas"] = dependent
        demands = [{"anyOf": [{"required": [name]} for name in names]} for names, _ in self.some]
        if len(demands) == 1:
            out |= demands[0]
        elif demands:
            out["allOf"] = demands
        return out


def later(name: str) -> str:
    """Return what is said of a word that a later release brings."""
    return f'"{name}" is not available in this release'


def forbidding(groups: tuple[tuple[str, ...], ...]) -> dict[str, Schema]:
    """Return the dependent schemas by which the keys of each group forbid each other."""
    out: dict[str, Schema] = {}
    for names in groups:
        for name in names:
            others = {other: False for other in names if other != name}
            out.setdefault(name, {"properties": {}})["properties"] |= others
    return out


def described(schema: Schema, doc: str) -> Schema:
    """Return a schema with the description of the key it stands behind."""
    return {**schema, "description": doc} if doc else schema
