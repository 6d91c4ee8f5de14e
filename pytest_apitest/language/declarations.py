"""Reading what a document declares: variables, inputs, endpoints, credentials (language, section 3)."""

import urllib.parse
from collections.abc import Mapping as Names
from pathlib import Path
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import near
from pytest_apitest.language.data import DataError, read_bytes, read_data, read_text
from pytest_apitest.language.described import OpenApiShape
from pytest_apitest.language.fragments import TYPE_KINDS, has_type
from pytest_apitest.language.model import EndpointSpec, VariableSpec
from pytest_apitest.language.parts import PartsShape
from pytest_apitest.language.reader import Reader, mark_of
from pytest_apitest.language.records import Key, Record
from pytest_apitest.language.settings import SETTING_KEYS, AuthShape, build_settings
from pytest_apitest.language.shapes import (
    AnyValue,
    Book,
    Boolean,
    Choice,
    NameMap,
    PlainText,
    Schema,
    Shape,
    name_schema,
    pattern,
    plain_schema,
)
from pytest_apitest.references import Literal, Value, template_parts
from pytest_apitest.source import Mapping, Node, Scalar

TYPES = tuple(TYPE_KINDS)

# -- variables ------------------------------------------------------------------------------------------


@data
class DataFile(Shape):
    """The path of a file whose content is a value."""

    def read(self, reader: Reader, node: Node) -> Path:
        """Return the file."""
        return reader.file(node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return plain_schema()


def _build_variable(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> VariableSpec:
    spec = VariableSpec(
        "",
        mark_of(mapping),
        default=got.get("default"),
        env=got.get("env", ""),
        file=got.get("file"),
        type=got.get("type"),
        secret=got.get("secret", False),
        required=got.get("required", True),
    )
    if spec.file is not None:
        spec.default = _file_value(reader, mapping, spec)
    default = spec.default
    if spec.type is not None and isinstance(default, Literal) and not has_type(default.value, spec.type):
        reader.expected(mapping.entries["default"][1], f"a value of type {spec.type}")
    if spec.secret and isinstance(default, Literal):
        node = mapping.get("default") or mapping.get("file")
        reader.secret(node if node is not None else mapping, default.value)
    return spec


def _file_value(reader: Reader, mapping: Mapping, spec: VariableSpec) -> Value:
    node = mapping.entries["file"][1]
    assert spec.file is not None
    try:
        if spec.type == "bytes":
            value: Any = read_bytes(spec.file)
        elif spec.type == "string" or spec.file.suffix not in (".json", ".yaml", ".yml"):
            value = read_text(spec.file)
        else:
            value = read_data(spec.file)
    except DataError as error:
        name = node.text if isinstance(node, Scalar) else spec.file.name
        reader.fail(node, f"{name}: {error}")
    if spec.type is not None and not has_type(value, spec.type):
        reader.fail(node, f"the content of this file is not of type {spec.type}")
    return Literal(value, node.line, node.column)


_DEFAULT = Key("default", AnyValue(), "The value when nothing else gives one.")
_ENV = Key(
    "env", PlainText("the name of an environment variable"), "Environment variable; empty counts as unset."
)
_FILE = Key("file", DataFile(), "File whose content is the value: .json and .yaml parsed, else text.")
_TYPE = Key("type", Choice(TYPES), "What text from outside is read as.")
_SECRET = Key("secret", Boolean(), "true: masked everywhere.")
_REQUIRED = Key(
    "required", Boolean(), "true unless written: unset is an error; false: cases that use it are not run."
)


def _variable_record(
    what: str, *keys: Key, later: frozenset[str], elsewhere: Names[str, str] | None = None
) -> Record:
    exclusive = (("default", "file"), ("env", "file")) if _FILE in keys else ()
    return Record(
        what,
        keys,
        _build_variable,
        later=later,
        slips={"value": "default", "environment": "env"},
        elsewhere=elsewhere or {},
        exclusive=exclusive,
    )


VARIABLE = _variable_record(
    "a variable", _DEFAULT, _ENV, _FILE, _TYPE, _SECRET, _REQUIRED, later=frozenset({"since", "jwt"})
)
LOCAL = _variable_record(
    "a local variable",
    _DEFAULT,
    _FILE,
    _TYPE,
    _SECRET,
    later=frozenset({"jwt"}),
    elsewhere={
        name: f'"{name}" is for variables of the document; a local one has default, file, type, secret'
        for name in ("env", "required")
    },
)
INPUT = _variable_record("an input", _DEFAULT, _TYPE, _SECRET, _REQUIRED, later=frozenset())


@data
class Variables(Shape):
    """Names to values or declarations.

    Args:
        record: what a declaration may say.
        what: what one is called in messages.
        plain: whether a value may stand without a declaration.

    """

    record: Record
    what: str
    plain: bool = True

    def read(self, reader: Reader, node: Node) -> dict[str, VariableSpec]:
        """Return the declarations by name."""
        mapping = reader.mapping(node, f"a mapping of names to {self.what}s")
        found: dict[str, VariableSpec] = {}
        for key, value in mapping.entries.values():
            with reader.going_on():
                name = reader.name(key, f"the name of {self.record.what}")
                # A broken declaration still declares its name.
                found[name] = VariableSpec(name, mark_of(key), required=False)
                with reader.noting() as usages:
                    spec = self._one(reader, key, value)
                spec.name = name
                spec.mark = mark_of(key)
                spec.usages = tuple(usages)
                found[name] = spec
        return found

    def _one(self, reader: Reader, key: Scalar, node: Node) -> VariableSpec:
        if isinstance(node, Mapping):
            if self.plain and not any(self._declares(name) for name in node.entries):
                value = "{default: {…}}" if node.entries else "{default: {}}"
                reader.fail(
                    node, f"a mapping here declares a {self.what}; write the value as {key.text}: {value}"
                )
            _mask_early(reader, node)
            spec: VariableSpec = self.record.read(reader, node)
            return spec
        if not self.plain:
            reader.expected(node, f"a declaration such as {{required: true}} for {key.text}")
        return VariableSpec("", mark_of(node), default=reader.value(node))

    def _declares(self, name: str) -> bool:
        """Tell whether a key is one of a declaration, or meant to be one."""
        record = self.record
        known = (record.by_name, record.later, record.slips, record.elsewhere)
        return any(name in words for words in known) or near(name, record.by_name) is not None

    def schema(self, book: Book) -> Schema:
        declaration = self.record.schema(book)
        plain = ["string", "number", "boolean", "null", "array"] if self.plain else []
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": name_schema(book),
            "additionalProperties": {**declaration, "type": [*plain, "object"] if plain else "object"},
        }


def _mask_early(reader: Reader, node: Mapping) -> None:
    """Remember a secret before its declaration is read: an excerpt of a broken one must not show it."""
    secret, default = node.get("secret"), node.get("default")
    if not isinstance(secret, Scalar) or secret.text == "false" or not isinstance(default, Scalar):
        return
    if "${" not in default.text and not isinstance(default.value, bool | None):
        reader.secrets.append((default.text, ""))
        reader.secret_nodes.append(default)


# -- endpoints ------------------------------------------------------------------------------------------


_NO_QUERY = "no query and no fragment in a base URL"
_NO_BLANK = "a blank in a base URL"


@data
class BaseUrl(Shape):
    """The base URL of an endpoint."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the URL as a value."""
        value = reader.text(node, "a base URL")
        parts = template_parts(value) or ()
        if isinstance(value, Literal):
            problem = base_url_problem(str(value.value))
            if problem:
                reader.fail(node, problem)
            return value
        if isinstance(parts[0], str) and not parts[0].startswith(("http://", "https://")):
            reader.fail(node, "a base URL begins with http:// or https://")
        literal_text = "".join(part for part in parts if isinstance(part, str))
        if "?" in literal_text or "#" in literal_text:
            reader.fail(node, _NO_QUERY)
        if any(character.isspace() for character in literal_text):
            reader.fail(node, _NO_BLANK)
        return value

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {
            "type": "string",
            "minLength": 1,
            **pattern(r"^(https?://|\$\{)", "a base URL begins with http:// or https://"),
        }


def base_url_problem(url: str) -> str | None:
    """Return what is wrong with a base URL, or None."""
    if not url.startswith(("http://", "https://")):
        return "a base URL begins with http:// or https://"
    try:
        split = urllib.parse.urlsplit(url)
        port = split.port
    except ValueError:
        return "the host or port of this base URL is malformed"
    del port
    if not split.hostname:
        return "a host is missing in this base URL"
    if split.username is not None or split.password is not None:
        return "no user in a base URL: write auth: {basic: {username: …, password: …}}"
    if split.query or split.fragment or "?" in url or "#" in url:
        return _NO_QUERY
    if any(character.isspace() for character in url):
        return _NO_BLANK
    return None


def _build_endpoint(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> EndpointSpec:
    addresses = [name for name in ("url", "app", "env", "required") if name in got]
    if not addresses:
        reader.fail(mapping, "an endpoint has one of url, app, env, required")
    if "default" in got and "env" not in got:
        reader.fail(mapping.key("default"), '"default" belongs beside env; write url instead')
    spec = EndpointSpec(
        "",
        mark_of(mapping),
        url=got.get("url"),
        app=got.get("app", ""),
        env=got.get("env", ""),
        default=got.get("default"),
        required=got.get("required", True),
        headers=got.get("headers", ()),
        settings=build_settings(got),
    )
    if spec.app:
        try:
            spec.loaded = reader.around.load_app(spec.app, reader.source.file)
        except ValueError as error:
            reader.fail(mapping.entries["app"][1], str(error))
    return spec


ENDPOINT = Record(
    "an endpoint",
    (
        Key("url", BaseUrl(), "Base URL."),
        Key(
            "app",
            PlainText("an application, module:name"),
            "module:name of an aiohttp, ASGI or WSGI application, or of a function that makes one.",
        ),
        Key(
            "env", PlainText("the name of an environment variable"), "Environment variable with the base URL."
        ),
        Key("default", BaseUrl(), "Base URL when the environment variable is unset."),
        Key(
            "required",
            Boolean(),
            "true: must be given by an option; false: cases that use it are not run without it.",
        ),
        Key("headers", PartsShape("headers"), "Headers sent with every request."),
        *(Key(name, shape, doc) for name, (shape, doc) in SETTING_KEYS.items()),
        Key("openapi", OpenApiShape(), "OpenAPI description that every exchange is checked against."),
    ),
    _build_endpoint,
    later=frozenset({"sink", "record"}),
    slips={"base_url": "url", "base": "url", "address": "url"},
    exclusive=(("url", "app", "env", "required"),),
)


@data
class Endpoints(Shape):
    """Names to endpoints."""

    def read(self, reader: Reader, node: Node) -> dict[str, EndpointSpec]:
        """Return the endpoints by name."""
        mapping = reader.mapping(node, "a mapping of names to endpoints")
        found: dict[str, EndpointSpec] = {}
        reader.endpoints = found
        for key, value in mapping.entries.values():
            known, reader.endpoints_known = reader.endpoints_known, False
            with reader.going_on():
                name = reader.name(key, "the name of an endpoint")
                found[name] = EndpointSpec(name, mark_of(key))
                with reader.noting() as usages:
                    spec = self._one(reader, value)
                spec.name = name
                spec.mark = mark_of(key)
                spec.usages = tuple(usages)
                found[name] = spec
                reader.endpoints_known = known
                if (described := spec.settings.openapi) is not None:
                    if described.source is None:
                        reader.contracts[name] = described.contract
                    else:
                        reader.described_later[name] = described.source.shown
        return found

    def _one(self, reader: Reader, node: Node) -> EndpointSpec:
        if isinstance(node, Mapping):
            spec: EndpointSpec = ENDPOINT.read(reader, node)
            return spec
        if not isinstance(node, Scalar):
            reader.expected(node, "a base URL, or a mapping with url, app, env or required")
        return EndpointSpec("", mark_of(node), url=BaseUrl().read(reader, node))

    def schema(self, book: Book) -> Schema:
        one = ENDPOINT.record_schema(book)
        one["dependentRequired"] = {"default": ["env"]}
        addresses = [{"required": [name]} for name in ("url", "app", "env", "required")]
        one["anyOf"] = [{"type": "string"}, *addresses]
        return book.refer(
            "endpoints",
            lambda inner: {
                "type": "object",
                "minProperties": 1,
                "propertyNames": name_schema(inner),
                "additionalProperties": {**one, "type": ["string", "object"]},
            },
        )


# -- credentials ----------------------------------------------------------------------------------------


@data
class Credential(Shape):
    """One scheme, declared under a name."""

    def read(self, reader: Reader, node: Node) -> Any:
        """Return the auth."""
        return AuthShape(declaration=True).read(reader, node)

    def schema(self, book: Book) -> Schema:
        return AuthShape(declaration=True).schema(book)


@data
class NamedNodes(Shape):
    """Names to nodes that were read when they were first used; see `Declared`.

    Args:
        item: the shape of each.
        table: the attribute of the reader that reads them.

    """

    item: Shape
    table: str

    def read(self, reader: Reader, node: Node) -> Any:
        """Return everything that is declared, by name."""
        reader.mapping(node, f"a mapping of names for {self.table}")
        return getattr(reader, self.table).read_all(reader)

    def schema(self, book: Book) -> Schema:
        out = NameMap(self.item).schema(book)
        if self.table == "credentials":
            # Only beside a description may one be called like a scheme, which the reader looks at.
            out["propertyNames"] = {**out["propertyNames"], "not": {"const": "none"}}
        return out
