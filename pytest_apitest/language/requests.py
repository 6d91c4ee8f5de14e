"""Reading requests: the short form, the long form, the URL (language, section 5)."""

import re
import urllib.parse
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean
from pytest_apitest.language.bodies import BODIES, FileBody, JsonBody, Multipart
from pytest_apitest.language.model import CLEANUP, Body, Mark, OperationUse, Parts, RequestSpec
from pytest_apitest.language.operation_names import (
    calls_operation,
    find_operation,
    operation_named,
    places_of_parameter,
    with_bases,
)
from pytest_apitest.language.operations import PART_OF, PLACEHOLDER
from pytest_apitest.language.parts import NAMED_PARTS, PartsShape
from pytest_apitest.language.paths import PathShape, SetShape
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.records import Key, Record
from pytest_apitest.language.shapes import (
    Book,
    ListOf,
    NameText,
    PlainText,
    Schema,
    Shape,
    TextValue,
    pattern,
)
from pytest_apitest.patterns import deferred
from pytest_apitest.references import NAME, Literal, Reference, Value, template_parts
from pytest_apitest.source import Mapping, Node, Scalar

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
_URL_BEGINS = r"https?://[^/?]|/(?!/)|\?|\$\{"
# A reference in the place of the method may hold blanks; nothing is tried twice, so no text is slow.
_SHORT = deferred(r"((?:\$\{[^}]{0,500}+\}|\S)++)\s++(\S.*+)", re.DOTALL)
SETTINGS_HERE = {
    name: f"{name} belongs on the step"
    for name in ("auth", "timeout", "follow_redirects", "verify", "cert", "proxy", "openapi")
} | {
    name: f"{name} belongs on the step, beside request"
    for name in ("expect", "save", "retry", "cleanup", "when", "for_each", "name", "should", "report")
}


@data
class RequestShape(Shape):
    """A request: `METHOD URL`, a name of `requests`, or a mapping.

    Args:
        declared: whether this is one of `requests`, which others complete.

    """

    declared: bool = False

    def read(self, reader: Reader, node: Node) -> RequestSpec:
        """Return the request as written."""
        before, reader.of_operation = reader.of_operation, calls_operation(reader, node, METHODS)
        try:
            request: RequestSpec = (
                self._short(reader, node) if isinstance(node, Scalar) else REQUEST_RECORD.read(reader, node)
            )
        finally:
            reader.of_operation = before
        if not self.declared:
            look_at_whole(reader, node, request)
        return request

    def _short(self, reader: Reader, node: Scalar) -> RequestSpec:
        text = node.text.strip()
        if not text or not isinstance(reader.scalar(node).value, str):
            reader.expected(node, "METHOD and URL, such as GET /quotes, or a name of requests")
        short = _SHORT.fullmatch(text)
        if short is None:
            return self._named(reader, node, text)
        shift = node.column + node.text.index(text) + (1 if node.style in ("'", '"') else 0)
        method_scalar = Scalar(short[1], "", node.line, shift, len(short[1]))
        method: Value = Literal(short[1], node.line, node.column)
        with reader.going_on():  # the URL is looked at all the same
            method = read_method(reader, method_scalar)
        url_scalar = Scalar(short[2], "", node.line, shift + short.start(2), len(short[2]))
        url = read_url(reader, url_scalar)
        return RequestSpec(method, url, None, {}, None, (), (), mark_of(node), mark_of(url_scalar))

    def _named(self, reader: Reader, node: Scalar, name: str) -> RequestSpec:
        if name not in reader.requests:
            if name.upper() in METHODS:
                reader.fail(node, f"a URL is missing: write {name.upper()} /path")
            if not NAME.fullmatch(name):
                method = "DELETE" if reader.phase == CLEANUP else "GET"
                reader.fail(node, f"a request is METHOD and URL: write {method} {name[:60]}")
            if (meant := operation_named(reader, name)) is not None:
                what = f"{name} is an operation" if meant == name else f'no request is named "{name}"'
                reader.fail(node, f"{what}: write {{operation: {meant}}}")
        operation = reader.requests.use(reader, node, name).operation
        return RequestSpec(None, None, name, {}, None, (), (), mark_of(node), mark_of(node), operation)

    def schema(self, book: Book) -> Schema:
        return book.refer("request", request_schema)


def read_method(reader: Reader, scalar: Scalar) -> Value:
    """Return a method: a known word, or a reference to any."""
    if "${" in scalar.text:
        return reader.template(scalar)
    if scalar.text not in METHODS:
        hint = did_you_mean(scalar.text, METHODS) or f"; there are {', '.join(METHODS)}"
        reader.fail(scalar, f'unknown method "{scalar.text}"{hint}')
    return Literal(scalar.text, scalar.line, scalar.column)


# -- URL ------------------------------------------------------------------------------------------------


def read_url(reader: Reader, scalar: Scalar) -> Value:
    """Return a URL with references, after looking at what can be known of it."""
    text = scalar.text
    if not text:
        reader.fail(scalar, "a URL is missing")
    value = reader.template(scalar, url=True) if "${" in text else Literal(text, scalar.line, scalar.column)
    parts = template_parts(value) or (text,)
    literal_text = "".join(part for part in parts if isinstance(part, str))
    if "{{" in literal_text:
        reader.fail(scalar, "a reference is written ${x}, not {{x}}")
    if "#" in literal_text:
        reader.fail(scalar, "a URL is sent without a fragment: remove #…")
    if re.search(r"\s", literal_text):
        reader.fail(scalar, "a blank in a URL: write %20, or put the value under query")
    if not literal_text.isprintable():
        reader.fail(scalar, "a control character in a URL")
    if "{}" in literal_text.partition("?")[0]:
        reader.fail(scalar, "{} in a URL has no name: write {name}, and its value under path")
    _look_at_beginning(reader, scalar, parts)
    return value


def _look_at_beginning(reader: Reader, scalar: Scalar, parts: tuple[str | Reference, ...]) -> None:
    first = parts[0]
    endpoints = reader.endpoint_names
    if isinstance(first, Reference):
        if first.name in endpoints and not first.filters and not first.path and len(parts) > 1:
            _look_behind_base(reader, scalar, first, parts[1])
        return
    if first.startswith(("http://", "https://")):
        _look_at_host(reader, scalar, first, whole=len(parts) == 1)
        return
    if first.startswith("//"):
        reader.fail(scalar, f"a URL begins with one / or with http://: write http:{first[:60]}")
    if re.match(r"\$\w", first):
        reader.fail(scalar, "a reference is written ${x}, not $x")
    if not first.startswith(("/", "?")):
        hint = f": write /{first}" if re.match(r"[A-Za-z0-9_-]+(/|$)", first) else ""
        if re.match(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]+)?(/|$)", first) and (
            ":" in first or "." in first
        ):
            hint = f": write http://{first}"
        reader.fail(scalar, f"a URL begins with http://, https://, /path or ${{endpoint}}{hint}")
    if reader.kind == "fragment":
        base = next(iter(endpoints), "api")
        message = f"/path in a fragment has no endpoint: take the base URL as an input, ${{{base}}}/path"
        reader.fail(scalar, message)
    if not endpoints and not reader.names_known:
        raise BadNodeError
    if not endpoints:
        reader.fail(scalar, "no endpoint is declared: declare endpoints, or write the whole URL")
    if not all(NAME.fullmatch(name) for name in endpoints):
        return  # which names there are is not known before these are mended
    if len(endpoints) > 1:
        choices = [f"${{{name}}}{first}" for name in list(endpoints)[:3]]
        reader.fail(scalar, f"which endpoint? write {' or '.join(choices)}")


def _look_behind_base(reader: Reader, scalar: Scalar, base: Reference, following: str | Reference) -> None:
    """Look at what stands behind the base URL of an endpoint, or behind an input, which may be a whole URL."""
    text = following if isinstance(following, str) else ""
    wrong = not text.startswith(("/", "?"))
    if reader.kind == "fragment":
        wrong = bool(re.match(r"\w", text))
    if wrong:
        reader.fail(scalar, f"a / is missing: write ${{{base.name}}}/…")


def _look_at_host(reader: Reader, scalar: Scalar, beginning: str, *, whole: bool) -> None:
    """Look at scheme, host and port, as far as they are written before the first reference."""
    if not whole:
        if beginning.partition("://")[2].startswith(("/", "?")):
            reader.fail(scalar, "a host is missing in this URL")
        return
    try:
        split = urllib.parse.urlsplit(beginning)
        _ = split.port  # reading it finds a malformed one
    except ValueError:
        reader.fail(scalar, "the host or port of this URL is malformed")
    if not split.hostname:
        reader.fail(scalar, "a host is missing in this URL")


@data
class UrlShape(Shape):
    """A URL."""

    def read(self, reader: Reader, node: Node) -> tuple[Value, Mark]:
        """Return the URL and its place."""
        scalar = reader.scalar(node, "a URL")
        if not isinstance(scalar.value, str):
            reader.expected(node, "a URL")
        return read_url(reader, scalar), mark_of(scalar)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        message = "a URL begins with http://, https://, /path or ${endpoint}"
        return {"type": "string", **pattern(f"^({_URL_BEGINS})", message)}


@data
class MethodShape(Shape):
    """A method: a known word or a reference."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the method."""
        scalar = reader.scalar(node, "a method")
        if not isinstance(scalar.value, str) or not scalar.text:
            reader.expected(node, "a method")
        return read_method(reader, scalar)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        words = "|".join(METHODS)
        return {"type": "string", **pattern(rf"^({words})$|\$\{{", f"one of {', '.join(METHODS)}")}


# -- the long form --------------------------------------------------------------------------------------


def _build(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> RequestSpec:
    method, url, url_mark = _target(reader, mapping, got)
    like = got.get("like")
    operation = _operation(reader, mapping, got)
    kind = next((name for name in BODIES if name in got), None)
    body = Body(kind, got[kind], mark_of(mapping.key(kind))) if kind else None
    _look_at_changes(reader, mapping, got, kind)
    parts: dict[str, Parts] = {name: got[name] for name in NAMED_PARTS if name in got}
    if like is None:
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
        operation,
    )


def _operation(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> OperationUse | None:
    """Return the operation that a request is made of: its own, else that of `like`."""
    if "endpoint" in got and "operation" not in got:
        reader.fail(
            mapping.key("endpoint"), "endpoint belongs beside operation; a URL begins with its endpoint"
        )
    base = None
    if "like" in got:
        base = reader.requests.use(reader, mapping.entries["like"][1], got["like"]).operation
    if "operation" in got:
        return find_operation(reader, mapping, got["operation"], got.get("endpoint"))
    if any(name in got for name in METHODS):
        return None
    if base is not None and "url" in got and "method" not in got:
        reader.fail(mapping.key("url"), f"{got['like']} is an operation, whose URL is made: write GET: /path")
    return None if "url" in got else base


def _target(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> tuple[Value | None, Value | None, Mark]:
    written = next((name for name in METHODS if name in got), None)
    if written is not None:
        url, mark = got[written]
        key = mapping.key(written)
        return Literal(written, key.line, key.column), url, mark
    if "operation" in got:
        return None, None, mark_of(mapping)
    if "like" not in got and "url" not in got:
        reader.fail(mapping, "a request has a method and a URL: write GET: /path, or method and url")
    if "like" not in got and "method" not in got:
        reader.fail(mapping.key("url"), "method is missing beside url")
    if "url" in got:
        url, mark = got["url"]
        return got.get("method"), url, mark
    return got.get("method"), None, mark_of(mapping)


def _look_at_changes(reader: Reader, mapping: Mapping, got: dict[str, Any], kind: str | None) -> None:
    for name in ("set", "remove"):
        if name in got and kind not in (None, "json"):
            reader.fail(mapping.key(name), f"{name} changes a json body; this request has {kind}")
        if name in got and kind is None and "like" not in got and "operation" not in got:
            reader.fail(mapping.key(name), f"{name} changes a json body; this request has none")


def _look_at_removals(reader: Reader, parts: dict[str, Parts]) -> None:
    query = parts.get("query")
    for part in query if isinstance(query, tuple) else ():
        if part.value is None:
            _refuse(
                reader,
                part.mark,
                f"null removes a parameter of like; leave {part.name} out, or write '' to send it empty",
            )


def _refuse(reader: Reader, mark: Mark, message: str) -> None:
    reader.error_at(mark.line, mark.column, message, mark.width)
    raise BadNodeError


# -- what is sent in the end ----------------------------------------------------------------------------


def look_at_whole(reader: Reader, node: Node, request: RequestSpec) -> None:
    """Look at a request together with the named ones it is like: what is missing, what does not fit."""
    chain = list(with_bases(reader, node, request))
    if request.operation is None:
        _look_at_placeholders(reader, request, chain)
    body = next((one.body for one in chain if one.body is not None), None)
    kind = body.kind if body is not None else "none"
    described = request.operation is not None  # whose example may be the body; see `operations`
    if request.like is not None and (request.set or request.remove) and kind != "json" and not described:
        path = request.set[0][0] if request.set else request.remove[0]
        word = "set" if request.set else "remove"
        _refuse(reader, path.mark, f"{word} changes a json body; this request has {kind}")
    if kind == "multipart":
        _look_at_boundary(reader, request, chain)


def _look_at_placeholders(reader: Reader, request: RequestSpec, chain: list[RequestSpec]) -> None:
    url = next((one.url for one in chain if one.url is not None), None)
    given = [one.parts["path"] for one in chain if "path" in one.parts]
    if url is None or any(isinstance(parts, Value) for parts in given):
        return
    text = "".join(part for part in template_parts(url) or () if isinstance(part, str))
    wanted = PLACEHOLDER.findall(text.partition("?")[0])
    names = {part.name for parts in given if isinstance(parts, tuple) for part in parts}
    for name in wanted:
        if name not in names:
            message = f"{{{name}}} of the URL is not given: add path: {{{name}: …}}"
            _refuse(reader, request.url_mark, message)
    own = request.parts.get("path")
    for part in own if isinstance(own, tuple) else ():
        if part.name not in wanted:
            _refuse(reader, part.mark, f"no {{{part.name}}} in the URL" + did_you_mean(part.name, wanted))


def _look_at_boundary(reader: Reader, request: RequestSpec, chain: list[RequestSpec]) -> None:
    for one in chain:
        headers = one.parts.get("headers")
        for part in headers if isinstance(headers, tuple) else ():
            if part.name.lower() == "content-type":
                # The header of a named request is pointed at where that request is used.
                mark = part.mark if one is request else request.mark
                _refuse(
                    reader,
                    mark,
                    "multipart writes its own content-type, with the boundary: remove this header",
                )


def short_name(node: Node, request: RequestSpec) -> str:
    """Return what a step without a name is called: its request in short; of an operation its method and path.

    Args:
        node: the request as written.
        request: the request.

    """
    if isinstance(node, Scalar):
        return node.text
    assert isinstance(node, Mapping)
    for method in METHODS:
        url = node.get(method)
        if isinstance(url, Scalar):
            return f"{method} {url.text}"
    if request.operation is not None and "operation" in node:
        return f"{request.operation.call.method} {request.operation.call.template}"
    url, method_node, like = node.get("url"), node.get("method"), node.get("like")
    words = [one.text for one in (method_node, url) if isinstance(one, Scalar)]
    if isinstance(like, Scalar):
        words.insert(0, like.text)
    return " ".join(words)


def _judge(reader: Reader, mapping: Mapping, key: Scalar) -> str | None:
    """Return where a parameter of an operation is written that stands in the request itself."""
    node = mapping.get("operation")
    places = places_of_parameter(reader, node.text, key.text) if isinstance(node, Scalar) else []
    if not places:
        return None
    written = " or ".join(f"{PART_OF[place]}: {{{key.text}: …}}" for place in places)
    return f"{key.text} is a parameter of {node.text}: write {written}"  # type: ignore[union-attr]


REQUEST_RECORD = Record(
    "a request",
    (
        *(Key(method, UrlShape(), f"{method} this URL.") for method in METHODS),
        Key("operation", PlainText("an operationId"), "An operation of the description of an endpoint."),
        Key("endpoint", NameText("the name of an endpoint"), "Endpoint, when several have the operation."),
        Key("method", MethodShape(), "Method, when it is a reference, or replaces that of `like`."),
        Key("url", UrlShape(), "URL, beside method, or replaces that of `like`."),
        Key(
            "like",
            NameText("a name of requests"),
            "A name of requests; the other keys replace its keys one by one.",
        ),
        Key("path", PartsShape("path", described=True), "Values of the {placeholders} of the URL."),
        Key(
            "query",
            PartsShape("query", described=True),
            "Query parameters; a list repeats; null removes one of `like`.",
        ),
        Key(
            "headers",
            PartsShape("headers", described=True),
            "Header lines; a list sends several; null removes one.",
        ),
        Key(
            "cookies",
            PartsShape("cookies", described=True),
            "Cookies of this request only; none: not even the jar.",
        ),
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
            ListOf(PathShape(singular=True, whole=False), "a list of JSONPaths"),
            "JSONPaths removed from the JSON body.",
        ),
    ),
    _build,
    slips={
        "body": "json",
        "params": "query",
        "data": "form",
        "header": "headers",
        "cookie": "cookies",
        "files": "multipart",
        "parameters": "write path, query, headers or cookies",
    },
    elsewhere=SETTINGS_HERE,
    judge=_judge,
    exclusive=(
        (*METHODS, "method", "operation"),
        (*METHODS, "url", "operation"),
        BODIES,
    ),
)


def request_schema(book: Book) -> Schema:
    """Return the schema of a request in both forms."""
    record = REQUEST_RECORD.record_schema(book)
    methods = "|".join(METHODS)
    record["type"] = ["string", "object"]
    record |= pattern(
        rf"^(({methods})|\$\{{[^}}]+\}}) +({_URL_BEGINS})|^(?!({methods})$)[A-Za-z_][A-Za-z0-9_-]*$",
        "a request is METHOD and URL (GET /quotes) or a name of requests",
    )
    dependent = record["dependentSchemas"]
    for name in ("form", "multipart", "text", "file"):
        dependent[name]["properties"] |= {"set": False, "remove": False}
    record["if"] = {"type": "object"}
    for name in ("set", "remove"):
        dependent[name] = {"anyOf": [{"required": [one]} for one in ("json", "like", "operation")]}
    targets = [[name] for name in (*METHODS, "operation", "like")] + [["method", "url"]]
    record["dependentRequired"] = {"endpoint": ["operation"]}
    # Lists and mappings as values are for operations; `like` may lead to one.
    made = [{"type": "string"}, {"required": ["operation"]}, {"required": ["like"]}]
    plain = {"properties": {part: PartsShape(part).schema(book) for part in NAMED_PARTS}}
    record["allOf"] = [{"if": {"anyOf": made}, "else": plain}]
    record["then"] = {"anyOf": [{"required": names} for names in targets]}
    record["defaultSnippets"] = [
        {"label": "GET", "body": "GET ${1:url}"},
        {"label": "POST json", "body": {"POST": "$1", "json": {"$2": "$3"}}},
    ]
    return record
