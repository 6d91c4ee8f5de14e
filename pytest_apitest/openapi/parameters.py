"""Parameters and headers: from what was sent to values that schemas judge (OpenAPI 3.1, sections 4.8.12, 4.8.21).

Rules kept here:
- the style says which characters stand between parts, and these are looked for before percent-decoding ("Style
  Values"): `simple`, `label`, `matrix`, `form`, `spaceDelimited`, `pipeDelimited`, `deepObject`;
- what is not in the style of its parameter, such as a plain text for `deepObject`, stays a text too, and is judged as
  one; so is a list of names and values in which one has no partner;
- in a query and among cookies only an array that is written apart may come more than once: of two values of anything
  else some servers read the first and some the last;
- a text becomes an integer, number, boolean or null where the schema asks for one and the text is one as JSON
  writes it; otherwise it stays a text, and the schema says what is wrong with that.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote, unquote_plus

from pytest_apitest.data import data
from pytest_apitest.exchange import Headers, lines_of
from pytest_apitest.jsonvalue import JSON_NUMBER, NotJSONError, loads, number
from pytest_apitest.openapi.description import DeadReferenceError, Description

DEFAULT_STYLES = {"path": "simple", "header": "simple", "query": "form", "cookie": "form"}
_DELIMITERS = {
    "form": (",",),
    "simple": (",",),
    "spaceDelimited": ("%20", "+", " "),
    "pipeDelimited": ("%7C", "%7c", "|"),
}
_MAX_HOPS = 50
_MOST_KEPT = 10_000
# The schema of what nothing is said of; one for all, since schemas are known by identity.
_ANYTHING: dict[str, Any] = {}

Pairs = Sequence[tuple[str, str]]


class Absent:
    """Stands for a parameter that was not sent."""


ABSENT = Absent()


class StyleError(Exception):
    """A parameter was sent in a way that has no value in its style; the message says how, without its name."""


class SchemaTypes:
    """Looks into schema objects for the types that a text may be meant as.

    Args:
        description: the description that the schemas belong to.

    """

    def __init__(self, description: Description) -> None:
        self._description = description
        # By identity, with the schema itself, so that no other one can take its place.
        self._types: dict[int, tuple[Any, frozenset[str]]] = {}
        self._members: dict[tuple[int, str], tuple[Any, Any]] = {}

    def followed(self, schema: Any) -> Any:
        """Return the schema that a schema refers to, or itself."""
        for _ in range(_MAX_HOPS):
            if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
                break
            try:
                schema = self._description.resolve(schema["$ref"])[1]
            except DeadReferenceError:
                return _ANYTHING
        return schema if isinstance(schema, dict) else _ANYTHING

    def _with_branches(self, schema: Any) -> Iterable[dict[str, Any]]:
        """Yield a schema and what its combinations add, up to a bound."""
        waiting = [schema]
        for _ in range(_MAX_HOPS):
            if not waiting:
                return
            found = self.followed(waiting.pop(0))
            yield found
            for keyword in ("allOf", "anyOf", "oneOf"):
                if isinstance(found.get(keyword), list):
                    waiting += found[keyword]

    def types(self, schema: Any) -> frozenset[str]:
        """Return the types that a value may have; none when anything may be."""
        known = self._types.get(id(schema))
        if known is None or known[0] is not schema:
            known = self._types[id(schema)] = (schema, self._looked_up(schema))
        return known[1]

    def _looked_up(self, schema: Any) -> frozenset[str]:
        found: set[str] = set()
        for one in self._with_branches(schema):
            kinds = one.get("type")
            found |= {
                kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)
            }
            if one.get("nullable") is True:
                found.add("null")
            if kinds is None and isinstance(one.get("properties"), dict):
                found.add("object")
        return frozenset(found)

    def member(self, schema: Any, name: str) -> Any:
        """Return the schema of a member."""
        key = (id(schema), name)
        known = self._members.get(key)
        if known is None or known[0] is not schema:
            if len(self._members) >= _MOST_KEPT:  # names come from what was sent
                self._members.clear()
            known = self._members[key] = (schema, self._found(schema, name))
        return known[1]

    def _found(self, schema: Any, name: str) -> Any:
        for one in self._with_branches(schema):
            properties = one.get("properties")
            if isinstance(properties, dict) and name in properties:
                return properties[name]
        return next(
            (
                one["additionalProperties"]
                for one in self._with_branches(schema)
                if "additionalProperties" in one
            ),
            _ANYTHING,
        )

    def names_members(self, schema: Any) -> bool:
        """Tell whether a schema says anything of some member."""
        return any(one.get("properties") for one in self._with_branches(schema))

    def item(self, schema: Any) -> Any:
        """Return the schema of the items."""
        return next((one["items"] for one in self._with_branches(schema) if "items" in one), _ANYTHING)

    def scalar(self, text: str, schema: Any) -> Any:
        """Return what a text is meant as."""
        types = self.types(schema)
        if types & {"integer", "number"} and JSON_NUMBER.fullmatch(text):
            try:
                return number(text)
            except NotJSONError:
                return text
        if "boolean" in types and text in ("true", "false"):
            return text == "true"
        if "null" in types and "string" not in types and text in ("", "null"):
            return None
        return text

    def members(self, pairs: Iterable[tuple[str, str]], schema: Any) -> dict[str, Any]:
        """Return the object of names and texts."""
        return {name: self.scalar(text, self.member(schema, name)) for name, text in pairs}


@data
class Style:
    """How a parameter is written.

    Args:
        name: of the parameter.
        style: the style.
        explode: whether items and members are written apart.
        schema: its schema object.
        types: types of the schema.

    """

    name: str
    style: str
    explode: bool
    schema: Any
    types: frozenset[str]


def query_pairs(query: str) -> list[tuple[str, str]]:
    """Return names, decoded, and values, still encoded, of a query or a form."""
    pairs = []
    for piece in query.split("&") if query else ():
        name, _, value = piece.partition("=")
        pairs.append((unquote_plus(name), value))
    return pairs


def cookie_pairs(headers: Headers) -> list[tuple[str, str]]:
    """Return names and values of the cookies of a request."""
    pairs = []
    for line in lines_of(headers, "cookie"):
        for piece in line.split(";"):
            name, _, value = piece.strip().partition("=")
            pairs.append((name, value))
    return pairs


def decoded_query(style: Style, pairs: Pairs, looks: SchemaTypes) -> Any:
    """Return the value of a parameter in a query, a form or a cookie, or `ABSENT`.

    Args:
        style: how it is written.
        pairs: what `query_pairs` returns.
        looks: looks into schemas.

    Raises:
        StyleError: it was sent more than once, and is no array that is written apart.

    """
    texts = [text for name, text in pairs if name == style.name]
    if "object" in style.types and style.style == "deepObject" and not texts:
        found = [(_inner(name, style.name), unquote_plus(text)) for name, text in pairs]
        members = [(name, text) for name, text in found if name is not None]
        return _deep(members, style.schema, looks) if members else ABSENT
    if "object" in style.types and style.style == "form" and style.explode:
        # Of an object that says nothing of its members, every parameter may be one.
        others: tuple[Any, ...] = ({}, False) if looks.names_members(style.schema) else (False,)
        members = [
            (name, unquote_plus(text))
            for name, text in pairs
            if looks.member(style.schema, name) not in others
        ]
        if members or not texts:
            return looks.members(members, style.schema) if members else ABSENT
    if not texts:
        return ABSENT
    delimiters = _DELIMITERS.get(style.style, (",",))
    if "array" in style.types:
        item = looks.item(style.schema)
        if not style.explode and len(texts) > 1:
            raise StyleError(
                f"sent {len(texts)} times; explode is false: one value, with {delimiters[0]} between the items"
            )
        pieces = texts if style.explode else _split(texts[0], delimiters)
        return [looks.scalar(unquote_plus(piece), item) for piece in pieces]
    if not style.types and style.explode:
        return looks.scalar(unquote_plus(texts[0]), style.schema)  # nothing is said against an array
    text = the_only(texts)
    if (
        "object" in style.types
        and style.style != "deepObject"
        and not (style.style == "form" and style.explode)
    ):
        return _object(_split(text, delimiters), text, style, looks, apart=False)
    return looks.scalar(unquote_plus(text), style.schema)


def the_only(texts: Sequence[str]) -> str:
    """Return the value of a parameter that is sent once; raises `StyleError` for several."""
    if len(texts) > 1:
        raise StyleError(f"sent {len(texts)} times, expected one value")
    return texts[0]


def _inner(name: str, outer: str) -> str | None:
    if name.startswith(outer + "[") and name.endswith("]"):
        return name[len(outer) + 1 : -1]
    return None


def _deep(members: list[tuple[str, str]], schema: Any, looks: SchemaTypes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in members:
        below = looks.member(schema, name)
        if "array" in looks.types(below):
            found.setdefault(name, []).append(looks.scalar(text, looks.item(below)))
        else:
            found[name] = looks.scalar(text, below)
    return found


def _split(text: str, delimiters: Iterable[str]) -> list[str]:
    if not text:
        return []
    first, *others = delimiters
    for other in others:
        text = text.replace(other, first)
    return text.split(first)


def _pairs(pieces: list[str], *, apart: bool) -> list[tuple[str, str]] | None:
    """Return names and values, with `=` between them or in turn; None when one has no partner."""
    if apart:
        found = [piece.partition("=") for piece in pieces]
        return [(name, text) for name, _, text in found] if all(sign for _, sign, _ in found) else None
    return list(zip(pieces[::2], pieces[1::2], strict=True)) if len(pieces) % 2 == 0 else None


def _object(pieces: list[str], text: str, style: Style, looks: SchemaTypes, *, apart: bool) -> Any:
    """Return the object of encoded names and values, or what a text that holds none is meant as."""
    pairs = _pairs(pieces, apart=apart)
    if pairs is None:
        return looks.scalar(unquote(text), style.schema)
    return looks.members([(unquote(name), unquote(value)) for name, value in pairs], style.schema)


def decoded_path(style: Style, text: str, looks: SchemaTypes) -> Any:
    """Return the value of a parameter in a path; one that is not in its style is returned as text."""
    delimiter = ","
    if style.style == "label":
        if not text.startswith("."):
            return unquote(text)
        text = text[1:]
        delimiter = "." if style.explode else ","
    elif style.style == "matrix":
        return _matrix(style, text, looks)
    return _parts(style, text, delimiter, looks)


def _matrix(style: Style, text: str, looks: SchemaTypes) -> Any:
    if not text.startswith(";"):
        return unquote(text)
    pieces = text[1:].split(";")
    if "object" in style.types and style.explode:
        # A member whose value is empty has no `=` (RFC 6570, section 3.2.7).
        pieces = [one if "=" in one else f"{one}=" for one in pieces]
        return _object(pieces, text, style, looks, apart=True)
    named = [
        value for name, _, value in (piece.partition("=") for piece in pieces) if unquote(name) == style.name
    ]
    if not named:
        return unquote(text)
    return _parts(style, ",".join(named), ",", looks)


def decoded_header(style: Style, text: str, looks: SchemaTypes) -> Any:
    """Return the value of a header: style `simple`, never percent-encoded; blanks around commas do not count."""
    if "array" in style.types:
        item = looks.item(style.schema)
        return [looks.scalar(piece.strip(), item) for piece in text.split(",")] if text else []
    if "object" in style.types:
        pairs = _pairs([piece.strip() for piece in text.split(",")], apart=style.explode)
        if pairs is not None:
            return looks.members(pairs, style.schema)
    return looks.scalar(text, style.schema)


def _parts(style: Style, text: str, delimiter: str, looks: SchemaTypes) -> Any:
    if "array" in style.types:
        item = looks.item(style.schema)
        return [looks.scalar(unquote(piece), item) for piece in text.split(delimiter)] if text else []
    if "object" in style.types:
        return _object(text.split(delimiter), text, style, looks, apart=style.explode)
    return looks.scalar(unquote(text), style.schema)


def as_json(text: str) -> Any:
    """Return the value of a parameter that is JSON; raises `NotJSONError`."""
    return loads(text.encode("utf-8", "surrogateescape"))
