"""Reading requests: the short form, the long form, their parts and bodies (language, section 5)."""

import re
from dataclasses import dataclass
from typing import Any

from pytest_apitest.errors import did_you_mean
from pytest_apitest.jsonpath import JSONPathError, compile_path
from pytest_apitest.language.model import Body, FilePart, Mark, Part, Parts, PathTemplate, RequestSpec
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.shapes import (
    HEADER_NAME,
    NAME_PATTERN,
    REFERENCE,
    AnyValue,
    Book,
    Key,
    ListOf,
    NameText,
    Record,
    Schema,
    Shape,
    TextValue,
)
from pytest_apitest.references import NAME, Literal, Reference, Single, Text, Value, template_parts
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
BODIES = ("json", "form", "multipart", "text", "file")
NAMED_PARTS = ("path", "query", "headers", "cookies")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_QUOTED_ETAG = frozenset({"etag", "if-match", "if-none-match"})
SETTINGS_HERE = {
    name: f"{name} belongs on the step"
    for name in ("auth", "timeout", "follow_redirects", "verify", "cert", "proxy", "openapi")
} | {
    name: f"{name} belongs on the step, beside request"
    for name in ("expect", "save", "retry", "cleanup", "when", "for_each", "name", "should", "report")
}


def split_short(text: str) -> tuple[str, str] | None:
    """Return method and URL of a short form, or None for a bare word."""
    word, blank, rest = text.strip().partition(" ")
    return (word, rest.strip()) if blank else None


@dataclass(frozen=True)
class RequestShape(Shape):
    """A request: `METHOD URL`, a name of `requests`, or a mapping."""

    def read(self, reader: Reader, node: Node) -> RequestSpec:
        """Return the request as written."""
        if isinstance(node, Scalar):
            return self._short(reader, node)
        request: RequestSpec = REQUEST_RECORD.read(reader, node)
        return request

    def _short(self, reader: Reader, node: Scalar) -> RequestSpec:
        text = node.text
        if not isinstance(node.value, str) or not text.strip():
            reader.expected(node, "METHOD and URL, such as GET /quotes, or a name of requests")
        short = split_short(text)
        if short is None:
            return self._named(reader, node)
        method_text, url_text = short
        offset = text.index(url_text, len(method_text)) if url_text else len(text)
        method: Value
        if "${" in method_text:
            method = reader.compiler.compile(node, method_text)
            reader.note(method)
        else:
            with reader.going_on():  # the URL is looked at all the same
                _known_method(reader, node, method_text)
            method = Literal(method_text, node.line, node.column)
        column = node.column + offset + (1 if node.style else 0)
        url_scalar = Scalar(url_text, "", node.line, column, max(2, len(url_text)))
        url = read_url(reader, url_scalar)
        return RequestSpec(method, url, None, {}, None, (), (), mark_of(node), mark_of(url_scalar))

    def _named(self, reader: Reader, node: Scalar) -> RequestSpec:
        name = node.text
        if name not in reader.requests:
            if name.upper() in METHODS:
                reader.fail(node, f"a URL is missing: write {name.upper()} /path")
            if not NAME.fullmatch(name):
                reader.fail(node, f"a request is METHOD and URL: write GET {name[:60]}")
        reader.requests.use(reader, node, name)
        return RequestSpec(None, None, name, {}, None, (), (), mark_of(node), mark_of(node))

    def schema(self, book: Book) -> Schema:
        return book.refer("request", request_schema)


def _known_method(reader: Reader, node: Scalar, method: str) -> None:
    if method not in METHODS:
        hint = did_you_mean(method, METHODS)
        width = len(method) if node.text.startswith(method) else node.width
        reader.error(
            node, f'unknown method "{method}"' + (hint or f"; there are {', '.join(METHODS)}"), width=width
        )
        raise BadNodeError


# -- URL ------------------------------------------------------------------------------------------------


def read_url(reader: Reader, scalar: Scalar) -> Value:
    """Return a URL with references, after looking at what can be known of it."""
    text = scalar.text
    if not text:
        reader.fail(scalar, "a URL is missing")
    value = reader.template(scalar) if "${" in text else Literal(text, scalar.line, scalar.column)
    parts = template_parts(value) or (text,)
    literal_text = "".join(part for part in parts if isinstance(part, str))
    if "#" in literal_text:
        reader.fail(scalar, "a URL is sent without a fragment: remove #…")
    if re.search(r"\s", literal_text):
        reader.fail(scalar, "a blank in a URL: write %20, or put the value under query")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in literal_text):
        reader.fail(scalar, "a control character in a URL")
    _look_at_beginning(reader, scalar, parts)
    return value


def _look_at_beginning(reader: Reader, scalar: Scalar, parts: tuple[str | Reference, ...]) -> None:
    first = parts[0] if parts else ""
    endpoints = reader.endpoint_names
    if isinstance(first, Reference):
        following = parts[1] if len(parts) > 1 and isinstance(parts[1], str) else ""
        plain_endpoint = first.name in endpoints and not first.filters and not first.path
        if plain_endpoint and len(parts) > 1 and not following.startswith(("/", "?")):
            reader.fail(scalar, f"a / is missing: write ${{{first.name}}}/…")
        return
    if first.startswith(("http://", "https://")):
        return
    if first.startswith("//"):
        reader.fail(scalar, "a URL begins with http://, https://, /path or ${endpoint}")
    if not first.startswith(("/", "?")):
        hint = f": write /{first}" if re.match(r"[A-Za-z0-9_-]+(/|$)", first) else ""
        reader.fail(scalar, f"a URL begins with http://, https://, /path or ${{endpoint}}{hint}")
    if reader.kind == "fragment":
        inputs = next(iter(reader.endpoint_names), "api")
        reader.fail(
            scalar, f"/path in a fragment has no endpoint: take the base URL as an input, ${{{inputs}}}/path"
        )
    if not endpoints:
        reader.fail(scalar, "no endpoint is declared: declare endpoints, or write the whole URL")
    if len(endpoints) > 1:
        choices = [f"${{{name}}}{first}" for name in list(endpoints)[:3]]
        reader.fail(scalar, f"which endpoint? write {' or '.join(choices)}")


@dataclass(frozen=True)
class UrlShape(Shape):
    """A URL."""

    def read(self, reader: Reader, node: Node) -> tuple[Value, Mark]:
        """Return the URL and its place."""
        scalar = reader.scalar(node, "a URL")
        if not isinstance(scalar.value, str):
            reader.expected(node, "a URL")
        return read_url(reader, scalar), mark_of(scalar)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class MethodShape(Shape):
    """A method: a known word or a reference."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the method."""
        scalar = reader.scalar(node, "a method")
        if "${" in scalar.text:
            return reader.template(scalar)
        _known_method(reader, scalar, scalar.text)
        return Literal(scalar.text, node.line, node.column)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1}


# -- named parts ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PartsShape(Shape):
    """Named values of a request: a mapping, or one reference to one.

    Args:
        part: `path`, `query`, `headers`, `cookies` or `form`.

    """

    part: str

    def read(self, reader: Reader, node: Node) -> Parts:
        """Return the named values in written order."""
        if isinstance(node, Scalar) and "${" in node.text:
            value = reader.template(node)
            if not isinstance(value, Single):
                reader.expected(node, f"a mapping for {self.part}, or one reference to one")
            return value
        if self.part == "cookies" and isinstance(node, Scalar) and node.text == "none":
            return Literal("none", node.line, node.column)
        if self.part == "headers" and isinstance(node, Sequence):
            reader.fail(node, '"headers" as a list is not available in this release')
        mapping = reader.mapping(node, f"a mapping of names to values for {self.part}")
        found: list[Part] = []
        seen: dict[str, str] = {}
        for key, item in mapping.entries.values():
            with reader.going_on():
                self._name(reader, key, seen)
                found.append(Part(key.text, self._value(reader, key, item), mark_of(key)))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return tuple(found)

    def _name(self, reader: Reader, key: Scalar, seen: dict[str, str]) -> None:
        reader.no_reference(key)
        if self.part == "headers":
            if not HEADER_NAME.fullmatch(key.text):
                reader.fail(key, f'"{key.text[:40]}" is no header name; quote the value if a comma split it')
            earlier = seen.setdefault(key.text.lower(), key.text)
            if earlier != key.text:
                reader.fail(
                    key,
                    f'header "{key.text}" twice, also written "{earlier}": a list value sends several lines',
                )
        elif not key.text:
            reader.fail(key, "a name is missing")
        elif self.part == "cookies" and re.search(r"[\x00-\x20\x7f()<>@,;:\\\"/\[\]?={}]", key.text):
            reader.fail(key, f'"{key.text[:40]}" is no cookie name')

    def _value(self, reader: Reader, key: Scalar, node: Node) -> Value | tuple[Value, ...] | None:
        if isinstance(node, Mapping):
            reader.expected(node, f"a value for {key.text}")
        if isinstance(node, Sequence):
            if self.part in ("path", "cookies"):
                reader.expected(node, f"one value for {key.text}")
            items = reader.sequence(node, f"a value or a list of values for {key.text}").items
            return tuple(self._scalar(reader, key, item) for item in items)
        scalar = reader.scalar(node, f"a value for {key.text}")
        if not scalar.style and scalar.value is None:
            if self.part in ("headers", "query"):
                return None
            reader.expected(node, f"a value for {key.text}")
        return self._scalar(reader, key, scalar)

    def _scalar(self, reader: Reader, key: Scalar, node: Node) -> Value:
        scalar = reader.scalar(node, f"a value for {key.text}")
        if not scalar.style and scalar.value is None:
            reader.expected(node, f"a value for {key.text}")
        if self.part == "headers":
            self._header(reader, key, scalar)
        if self.part == "path" and not scalar.text:
            reader.fail(scalar, f"an empty value for {{{key.text}}} makes another path")
        return reader.text(scalar, f"a value for {key.text}", written=True, empty=True)

    def _header(self, reader: Reader, key: Scalar, scalar: Scalar) -> None:
        if re.search(r"[\r\n\x00]", scalar.text.rstrip("\n") if scalar.style in "|>" else scalar.text):
            reader.fail(scalar, f"a line break or NUL cannot stand in a header ({key.text})")
        if (
            scalar.style == '"'
            and key.text.lower() in _QUOTED_ETAG
            and scalar.text not in ("*", "")
            and '"' not in scalar.text
            and "${" not in scalar.text
        ):
            reader.error(scalar, f"the quotes are YAML's; write '\"{scalar.text}\"'", warning=True)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        one = ["string", "number", "boolean"]
        value: Schema = {"type": one}
        if self.part in ("query", "headers", "form"):
            types = [*one, "array"] + (["null"] if self.part != "form" else [])
            value = {"type": types, "items": {"type": one}, "minItems": 1}
        out: Schema = {
            "type": ["object", "string"],
            "pattern": REFERENCE if self.part != "cookies" else f"^none$|{REFERENCE}",
            "patternErrorMessage": "a mapping, or one reference to one",
            "additionalProperties": value,
            "minProperties": 1,
        }
        if self.part == "headers":
            out["propertyNames"] = {"type": "string", "pattern": f"^{HEADER_NAME.pattern}$"}
        return out


# -- bodies ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JsonBody(Shape):
    """Any JSON value."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the value; a text that looks like JSON gets a warning."""
        if isinstance(node, Scalar) and node.style in ("|", ">") and node.text.lstrip()[:1] in ("{", "["):
            reader.error(
                node,
                "json is a text here: the server gets a JSON string; use text: to send it raw",
                warning=True,
            )
        return reader.value(node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {}


@dataclass(frozen=True)
class FileBody(Shape):
    """The path of a file that is sent."""

    def read(self, reader: Reader, node: Node) -> Any:
        """Return the file."""
        return reader.file(node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Multipart(Shape):
    """Names to values, files, texts, JSON, or lists of them."""

    def read(self, reader: Reader, node: Node) -> tuple[Part, ...]:
        """Return the parts in written order."""
        mapping = reader.mapping(node, "a mapping of names to parts for multipart")
        found: list[Part] = []
        for key, value in mapping.entries.values():
            with reader.going_on():
                reader.no_reference(key)
                items = (
                    reader.sequence(value, "a list of parts").items
                    if isinstance(value, Sequence)
                    else [value]
                )
                parts = []
                for item in items:
                    with reader.going_on():
                        parts.append(self._part(reader, key, item))
                if len(parts) == len(items):
                    found.append(Part(key.text, tuple(parts), mark_of(key)))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return tuple(found)

    def _part(self, reader: Reader, key: Scalar, node: Node) -> Any:
        if isinstance(node, Mapping):
            return MULTIPART_PART.read(reader, node)
        scalar = reader.scalar(node, f"a value for {key.text}")
        if not scalar.style and scalar.value is None:
            reader.expected(node, f"a value for {key.text}")
        return reader.text(scalar, f"a value for {key.text}", written=True, empty=True)

    def schema(self, book: Book) -> Schema:
        part = MULTIPART_PART.schema(book)
        one = {**part, "type": ["string", "number", "boolean", "object"]}
        return {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                **one,
                "type": ["string", "number", "boolean", "array", "object"],
                "items": one,
                "minItems": 1,
            },
        }


def _build_part(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> FilePart:
    del reader
    kind = next(name for name in ("file", "text", "json") if name in got)
    return FilePart(kind, got[kind], got.get("filename"), got.get("content_type"), mark_of(mapping))


MULTIPART_PART = Record(
    "a part of multipart",
    (
        Key("file", FileBody(), "File that is sent."),
        Key("text", TextValue(empty=True), "Text that is sent."),
        Key("json", AnyValue(), "JSON value that is sent."),
        Key("filename", TextValue("a file name"), "File name that is sent; that of the file unless written."),
        Key("content_type", TextValue("a media type"), "Media type of the part."),
    ),
    _build_part,
    exclusive=(("file", "text", "json"),),
    some=((("file", "text", "json"), "a part of multipart has one of file, text, json"),),
)


# -- paths ----------------------------------------------------------------------------------------------


def read_path(reader: Reader, scalar: Scalar) -> PathTemplate:
    """Return a JSONPath that may hold references; it is compiled here to find what is wrong with it."""
    text = scalar.text
    if text.startswith("${") or (not text.startswith("$") and reader.dialect == "rfc9535"):
        name = text.split("${")[0].lstrip(".")
        reader.fail(scalar, f"a JSONPath starts with $: write $.{name or '…'}")
    if "${" not in text:
        try:
            path = compile_path(text, reader.dialect)
        except JSONPathError as error:
            reader.fail(scalar, str(error))
        return PathTemplate((text,), reader.dialect, path, mark_of(scalar), text, path.singular)
    value = reader.template(scalar)
    assert isinstance(value, Text)
    _quoted_references(reader, scalar, value)
    for probe in ("'x'", "0"):
        try:
            path = compile_path(
                "".join(p if isinstance(p, str) else probe for p in value.parts), reader.dialect
            )
        except JSONPathError as error:
            problem = str(error)
            continue
        return PathTemplate(value.parts, reader.dialect, None, mark_of(scalar), text, path.singular)
    reader.fail(scalar, problem)


def _quoted_references(reader: Reader, scalar: Scalar, value: Text) -> None:
    before = ""
    for part in value.parts:
        if isinstance(part, str):
            before += part
        elif before.count("'") % 2 or before.count('"') % 2:
            reader.fail(scalar, f"write ${{{part.text}}} without quotes: it is quoted by itself")


@dataclass(frozen=True)
class PathShape(Shape):
    """A JSONPath.

    Args:
        singular: whether a path that may find several values is refused.

    """

    singular: bool = False

    def read(self, reader: Reader, node: Node) -> PathTemplate:
        """Return the path."""
        scalar = reader.scalar(node, "a JSONPath")
        path = read_path(reader, scalar)
        if self.singular and not path.singular:
            reader.fail(scalar, f"{path.text} may match several: write the path of one value")
        return path

    def schema(self, book: Book) -> Schema:
        return path_schema(book)


def path_schema(book: Book) -> Schema:
    """Return the schema of a JSONPath."""
    return book.refer(
        "jsonpath",
        lambda _: {"type": "string", "pattern": r"^\$", "patternErrorMessage": "a JSONPath starts with $"},
    )


@dataclass(frozen=True)
class SetShape(Shape):
    """JSONPaths to the values that are set there."""

    def read(self, reader: Reader, node: Node) -> tuple[tuple[PathTemplate, Value], ...]:
        """Return the changes in written order."""
        mapping = reader.mapping(node, "a mapping of JSONPaths to values for set")
        found = []
        for key, value in mapping.entries.values():
            with reader.going_on():
                path = PathShape(singular=True).read(reader, key)
                found.append((path, reader.value(value)))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return tuple(found)

    def schema(self, book: Book) -> Schema:
        return {"type": "object", "minProperties": 1, "propertyNames": path_schema(book)}


# -- the long form --------------------------------------------------------------------------------------


def _build(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> RequestSpec:
    method, url, url_mark = _target(reader, mapping, got)
    like = got.get("like")
    if like is not None:
        reader.requests.use(reader, mapping.entries["like"][1], like)
    kind = next((name for name in BODIES if name in got), None)
    body = Body(kind, got[kind], mark_of(mapping.key(kind))) if kind else None
    _look_at_body(reader, mapping, got, kind, like)
    parts: dict[str, Parts] = {name: got[name] for name in NAMED_PARTS if name in got}
    if like is None:
        _look_at_placeholders(reader, mapping, url, parts)
        _look_at_removals(reader, parts)
    return RequestSpec(
        method,
        url,
        like,
        parts,
        body,
        got.get("set", ()),
        tuple(got.get("remove", ())),
        mark_of(mapping),
        url_mark,
    )


def _target(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> tuple[Value | None, Value | None, Mark]:
    written = [name for name in METHODS if name in got]
    if written:
        url, mark = got[written[0]]
        key = mapping.key(written[0])
        return Literal(written[0], key.line, key.column), url, mark
    if "like" not in got and "url" not in got:
        reader.fail(mapping, "a request has a method and a URL: write GET: /path, or method and url")
    if "like" not in got and "method" not in got:
        reader.fail(mapping.key("url"), "method is missing beside url")
    if "url" in got:
        url, mark = got["url"]
        return got.get("method"), url, mark
    return got.get("method"), None, mark_of(mapping)


def _look_at_body(
    reader: Reader, mapping: Mapping, got: dict[str, Any], kind: str | None, like: str | None
) -> None:
    for name in ("set", "remove"):
        if name in got and kind not in (None, "json"):
            reader.fail(mapping.key(name), f"{name} changes a json body; this request has {kind}")
        if name in got and kind is None and like is None:
            reader.fail(mapping.key(name), f"{name} changes a json body; this request has none")
    headers = got.get("headers")
    if kind == "multipart" and isinstance(headers, tuple):
        for part in headers:
            if part.name.lower() == "content-type":
                reader.error_at(
                    part.mark.line,
                    part.mark.column,
                    "multipart writes its own content-type, with the boundary: remove this header",
                    part.mark.width,
                )
                raise BadNodeError


def _look_at_placeholders(
    reader: Reader, mapping: Mapping, url: Value | None, parts: dict[str, Parts]
) -> None:
    if url is None:
        return
    text = "".join(part for part in template_parts(url) or () if isinstance(part, str))
    wanted = [name for name in PLACEHOLDER.findall(text.partition("?")[0]) if name]
    given = parts.get("path")
    if isinstance(given, Value):
        return
    names = [part.name for part in given or ()]
    for name in wanted:
        if name not in names:
            reader.error_at(
                url.line, url.column, f"{{{name}}} of the URL is not given: add path: {{{name}: …}}", 1
            )
            raise BadNodeError
    for part in given or ():
        if part.name not in wanted:
            reader.error_at(
                part.mark.line,
                part.mark.column,
                f"no {{{part.name}}} in the URL" + did_you_mean(part.name, wanted),
                part.mark.width,
            )
            raise BadNodeError
    del mapping


def _look_at_removals(reader: Reader, parts: dict[str, Parts]) -> None:
    query = parts.get("query")
    for part in query if isinstance(query, tuple) else ():
        if part.value is None:
            reader.error_at(
                part.mark.line,
                part.mark.column,
                f"null removes a parameter of like; leave {part.name} out, or write '' to send it empty",
                part.mark.width,
            )
            raise BadNodeError


REQUEST_RECORD = Record(
    "a request",
    (
        *(Key(method, UrlShape(), f"{method} this URL.") for method in METHODS),
        Key("method", MethodShape(), "Method, when it is a reference, or replaces that of `like`."),
        Key("url", UrlShape(), "URL, beside method, or replaces that of `like`."),
        Key(
            "like",
            NameText("a name of requests"),
            "A name of requests; the other keys replace its keys one by one.",
        ),
        Key("path", PartsShape("path"), "Values of the {placeholders} of the URL."),
        Key("query", PartsShape("query"), "Query parameters; a list repeats; null removes one of `like`."),
        Key("headers", PartsShape("headers"), "Header lines; a list sends several; null removes one."),
        Key("cookies", PartsShape("cookies"), "Cookies of this request only; none: not even the jar."),
        Key("json", JsonBody(), "JSON body: any value."),
        Key("form", PartsShape("form"), "URL-encoded form."),
        Key("multipart", Multipart(), "multipart/form-data: names to values, files, texts, JSON, or lists."),
        Key(
            "text",
            TextValue("a text", empty=True),
            "Body as text, text/plain unless a header says otherwise.",
        ),
        Key("file", FileBody(), "Body from a file below the scenario root."),
        Key("set", SetShape(), "JSONPath to a value: changes the JSON body."),
        Key(
            "remove",
            ListOf(PathShape(singular=True), "a list of JSONPaths"),
            "JSONPaths removed from the JSON body.",
        ),
    ),
    _build,
    later=frozenset({"operation", "endpoint"}),
    slips={
        "body": "json",
        "params": "query",
        "data": "form",
        "header": "headers",
        "cookie": "cookies",
        "files": "multipart",
    },
    elsewhere=SETTINGS_HERE,
    exclusive=(
        (*METHODS, "method"),
        (*METHODS, "url"),
        BODIES,
    ),
)


def request_schema(book: Book) -> Schema:
    """Return the schema of a request in both forms."""
    record = REQUEST_RECORD._schema(book)  # noqa: SLF001 - the same rules, with the short form beside them
    methods = "|".join(METHODS)
    record["type"] = ["string", "object"]
    record["pattern"] = rf"^(({methods})|\$\{{[^}}]+\}}) +\S.*$|{NAME_PATTERN}"
    record["patternErrorMessage"] = "a request is METHOD and URL (GET /quotes) or a name of requests"
    dependent = record["dependentSchemas"]
    for name in ("form", "multipart", "text", "file"):
        dependent[name]["properties"] |= {"set": False, "remove": False}
    record["if"] = {"type": "object"}
    record["then"] = {"anyOf": [{"required": [name]} for name in (*METHODS, "like", "url")]}
    record["defaultSnippets"] = [
        {"label": "GET", "body": "GET ${1:url}"},
        {"label": "POST json", "body": {"POST": "$1", "json": {"$2": "$3"}}},
    ]
    return record
