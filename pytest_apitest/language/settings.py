"""Reading settings: auth, timeout, redirects, TLS, proxy, of endpoints and steps (language, sections 3 and 4)."""

import re
import urllib.parse
from typing import Any

from pytest_apitest.auth import Field, Scheme
from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean
from pytest_apitest.jsonvalue import kind
from pytest_apitest.language.model import Auth, Settings
from pytest_apitest.language.parts import header_name, header_name_schema
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.records import Key, Record, described, forbidding
from pytest_apitest.language.shapes import (
    NAME_PATTERN,
    REFERENCE,
    Book,
    Duration,
    Schema,
    Shape,
    TextValue,
    one_reference,
    pattern,
)
from pytest_apitest.references import ListValue, Literal, Text, Value
from pytest_apitest.source import Mapping, Node, Scalar

MAX_REDIRECTS = 20
DEFAULT_REDIRECTS = 10


@data
class AuthShape(Shape):
    """`none`, a name of `credentials`, or one scheme.

    Args:
        declaration: whether this is a credential being declared: a scheme, no name.

    """

    declaration: bool = False

    def read(self, reader: Reader, node: Node) -> Auth:
        """Return the auth as written."""
        if isinstance(node, Mapping):
            return self._scheme(reader, node)
        if self.declaration:
            reader.expected(node, f"one scheme: {', '.join(reader.extensions.schemes)}")
        scalar = reader.scalar(node, "none, a name of credentials, or one scheme")
        if "${" in scalar.text:
            return Auth("", reader.template(scalar), None, mark_of(scalar))
        name = scalar.text
        if not isinstance(scalar.value, str) or not name:
            reader.expected(scalar, "none, a name of credentials, or one scheme")
        word = name.partition(" ")[0].lower()
        if " " in name and word in reader.extensions.schemes:
            reader.fail(scalar, f"write {{{word}: …}}")
        if name == "none":
            return Auth("none", None, None, mark_of(scalar))
        if name in reader.extensions.schemes and name not in reader.credentials:
            reader.fail(scalar, f"{name} needs its settings: write {{{name}: …}}")
        if name not in reader.credentials and reader.credentials.known:
            hint = did_you_mean(name, [*reader.credentials.entries, "none"])
            where = "; declare it under credentials"
            if reader.kind == "fragment":
                where = "; a fragment has no credentials: write the scheme, with its inputs"
            reader.fail(scalar, f'no credential is named "{name}"{hint or where}')
        reader.credentials.use(reader, scalar, name)
        return Auth("", Literal(name, scalar.line, scalar.column), None, mark_of(scalar))

    def _scheme(self, reader: Reader, node: Mapping) -> Auth:
        mapping = reader.mapping(node, "one scheme")
        schemes = reader.extensions.schemes
        names = list(mapping.entries)
        for name in names:
            if name not in schemes:
                hint = did_you_mean(name, schemes) or f"; there are {', '.join(schemes)}"
                reader.fail(mapping.key(name), f'unknown auth scheme "{name}"{hint}')
        if len(names) > 1:
            reader.fail(mapping.key(names[1]), f"one scheme: {names[0]} or {names[1]}")
        scheme = schemes[names[0]]
        settings = self._settings(reader, scheme, mapping.entries[names[0]][1])
        return Auth(scheme.name, None, settings, mark_of(mapping.key(names[0])))

    def _settings(self, reader: Reader, scheme: Scheme, node: Node) -> Any:
        if scheme.settings is None:
            return {"value": _secret(reader, scheme.name, node, sent=True)}
        mapping = reader.mapping(
            node, f"the settings of {scheme.name}: {', '.join(scheme.settings) or 'names'}"
        )
        found: dict[str, Value] = {}
        seen: dict[str, str] = {}
        for key, item in mapping.entries.values():
            with reader.going_on():
                if scheme.settings:
                    field = scheme.settings.get(key.text)
                    if field is None:
                        hint = did_you_mean(key.text, scheme.settings)
                        known = f"; there are {', '.join(scheme.settings)}"
                        reader.fail(key, f'unknown setting "{key.text}" of {scheme.name}{hint or known}')
                    found[key.text] = self._field(reader, key, field, item)
                else:
                    name = header_name(reader, key, seen)
                    found[name] = _secret(reader, name, item, empty=True, sent=True)
        missing = [name for name, field in scheme.settings.items() if field.required and name not in mapping]
        if missing and len(found) == len(mapping.entries):
            reader.fail(mapping, f"{scheme.name} needs {', '.join(missing)}")
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return found

    def _field(self, reader: Reader, key: Scalar, field: Field, node: Node) -> Value:
        if field.kind == "object":
            value = reader.value(node)
            if isinstance(value, ListValue | Text) or (
                isinstance(value, Literal) and kind(value.value) != "object"
            ):
                reader.expected(node, f"a mapping for {key.text}")
            return value
        if field.kind == "url":
            value = reader.text(node, "a URL")
            if isinstance(value, Literal) and not str(value.value).startswith(("http://", "https://")):
                reader.expected(node, f"a URL for {key.text}, http:// or https://")
            return value
        if field.kind in ("text", "empty"):
            if field.secret:
                return _secret(reader, key.text, node, empty=field.kind == "empty")
            return _text(reader, key.text, node, empty=field.kind == "empty")
        words = field.kind.split("|")
        scalar = reader.scalar(node, f"one of {', '.join(words)}")
        if "${" in scalar.text:
            return reader.one_reference(scalar, f"one of {', '.join(words)}")
        if scalar.text not in words:
            reader.expected(node, f"one of {', '.join(words)}", did_you_mean(scalar.text, words))
        return Literal(scalar.text, scalar.line, scalar.column)

    def schema(self, book: Book) -> Schema:
        if self.declaration:
            return book.refer("scheme", scheme_schema)
        return book.refer("auth", auth_schema)


def _text(reader: Reader, name: str, node: Node, *, empty: bool) -> Value:
    """Return a text; a number counts as written."""
    scalar = reader.scalar(node, f"a text for {name}")
    if "${" not in scalar.text and isinstance(reader.constant(scalar), bool | None):
        reader.expected(node, f"a text for {name}")
    return reader.text(scalar, f"a text for {name}", written=True, empty=empty)


def _secret(reader: Reader, name: str, node: Node, *, empty: bool = False, sent: bool = False) -> Value:
    """Return a text that is masked everywhere.

    Args:
        reader: the reader.
        name: what it is called.
        node: where it is written.
        empty: whether the empty text is fine.
        sent: whether it is sent in a header as it is.

    """
    value = _text(reader, name, node, empty=empty)
    if isinstance(value, Literal):
        reader.secret(node, value.value)
        if sent and re.search(r"[\r\n\x00]", value.value):
            reader.fail(node, f"a line break or NUL cannot stand in a header ({name})")
    return value


def scheme_schema(book: Book) -> Schema:
    """Return the schema of one scheme."""
    properties: dict[str, Schema] = {}
    for name in book.extensions.schemes:
        scheme: Scheme = book.extensions.schemes[name]
        properties[name] = described(_one_scheme(book, scheme), scheme.doc)
    return {
        "type": "object",
        "description": "Exactly one scheme.",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "dependentSchemas": forbidding((tuple(properties),)),
    }


def _one_scheme(book: Book, scheme: Scheme) -> Schema:
    if scheme.settings is None:
        return {"type": ["string", "number"], "minLength": 1}
    if not scheme.settings:
        return {
            "type": "object",
            "additionalProperties": {"type": ["string", "number"]},
            "minProperties": 1,
            "propertyNames": header_name_schema(book),
        }
    fields: dict[str, Schema] = {}
    for name, field in scheme.settings.items():
        kinds: dict[str, Schema] = {
            "text": {"type": ["string", "number"], "minLength": 1},
            "empty": {"type": ["string", "number"]},
            "object": {"type": ["object", "string"], **one_reference("a mapping")},
            "url": {"type": "string", **pattern(r"^(https?://|\$\{)", "a URL, http:// or https://")},
        }
        words = pattern(rf"^({field.kind})$|{REFERENCE}", f"one of {field.kind.replace('|', ', ')}")
        fields[name] = described(kinds.get(field.kind, {"type": "string", **words}), field.doc)
    return {
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
        "minProperties": 1,
        "required": [name for name, field in scheme.settings.items() if field.required],
    }


def auth_schema(book: Book) -> Schema:
    """Return the schema of `auth`: a scheme, or a name."""
    return {
        **scheme_schema(book),
        "type": ["string", "object"],
        "description": "none, a name of credentials, or one scheme.",
        **pattern(f"{NAME_PATTERN}|{REFERENCE}", "none, a name of credentials, or one scheme"),
        "defaultSnippets": [{"label": "none", "body": "none"}, {"label": "bearer", "body": {"bearer": "$1"}}],
    }


@data
class Redirects(Shape):
    """false, true, or how many."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the number of redirects as a value."""
        what = f"true, false or a number from 0 to {MAX_REDIRECTS}"
        scalar = reader.scalar(node, what)
        if "${" in scalar.text:
            return reader.one_reference(scalar, what)
        value = reader.constant(scalar)
        if isinstance(value, bool) or (type(value) is int and 0 <= value <= MAX_REDIRECTS):
            return Literal(value, node.line, node.column)
        reader.expected(node, what)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {
            "type": ["boolean", "integer", "string"],
            "minimum": 0,
            "maximum": MAX_REDIRECTS,
            **one_reference("true, false or a number"),
        }


@data
class PemFile(Shape):
    """A PEM file, or a reference to its path.

    Args:
        booleans: whether true and false may stand instead.

    """

    booleans: bool = False

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the path, or the boolean, as a value."""
        what = "true, false or a PEM file" if self.booleans else "a PEM file"
        scalar = reader.scalar(node, what)
        if "${" in scalar.text:
            return reader.template(scalar)
        value = reader.constant(scalar)
        if self.booleans and isinstance(value, bool):
            return Literal(value, node.line, node.column)
        if not isinstance(value, str):
            reader.expected(node, what)
        return Literal(str(reader.file(node, what)), node.line, node.column)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": ["boolean", "string"] if self.booleans else "string", "minLength": 1}


def _build_cert(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> dict[str, Value]:
    del reader, mapping
    return got


CERT = Record(
    "a client certificate",
    (
        Key("cert", PemFile(), "PEM file with the certificate."),
        Key("key", PemFile(), "PEM file with the key, when it is a file of its own."),
        Key("password", TextValue("a password"), "Password of the key."),
    ),
    _build_cert,
    required=("cert",),
)


@data
class CertShape(Shape):
    """A PEM file with certificate and key, or both apart."""

    def read(self, reader: Reader, node: Node) -> dict[str, Value]:
        """Return the files as values."""
        if isinstance(node, Mapping):
            found: dict[str, Value] = CERT.read(reader, node)
            return found
        return {"cert": PemFile().read(reader, node)}

    def schema(self, book: Book) -> Schema:
        return {**CERT.record_schema(book), "type": ["string", "object"], "minLength": 1}


@data
class ProxyUrl(Shape):
    """The URL of an HTTP proxy."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the URL as a value."""
        what = "the URL of a proxy, http://host:port"
        value = reader.text(node, what)
        if isinstance(value, Literal) and not _is_proxy(str(value.value)):
            reader.expected(node, what)
        return value

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", **pattern(r"^(http://[^/]|\$\{)", "the URL of a proxy, http://host:port")}


def _is_proxy(url: str) -> bool:
    try:
        split = urllib.parse.urlsplit(url)
        _ = split.port  # reading it finds a malformed one
    except ValueError:
        return False
    return split.scheme == "http" and bool(split.hostname) and not split.query and not split.fragment


SETTING_KEYS: dict[str, tuple[Shape, str]] = {
    "auth": (AuthShape(), "none, a name of credentials, or one scheme."),
    "timeout": (
        Duration(zero=False),
        "Total time of one try, from connecting to the last byte; 30s unless written.",
    ),
    "follow_redirects": (
        Redirects(),
        "false unless written; true follows at most 10, a number at most so many.",
    ),
    "verify": (
        PemFile(booleans=True),
        "TLS: true unless written, false checks nothing, a file names authorities.",
    ),
    "cert": (CertShape(), "Client certificate: a PEM file, or cert, key and password."),
    "proxy": (ProxyUrl(), "HTTP proxy; proxy variables of the environment are never used."),
}


def build_settings(got: dict[str, Any]) -> Settings:
    """Return the settings among the values of a record."""
    return Settings(**{name: got[name] for name in (*SETTING_KEYS, "openapi") if name in got})
