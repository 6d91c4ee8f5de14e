"""Checking exchanges against a description (OpenAPI 3.0.4, 3.1.1, 3.2.0).

Rules kept here:
- hosts are not compared: a test runs elsewhere than the servers of the description; base paths are, and the base
  path of the endpoint stands for any of them;
- what the description does not know (path, method, status, media type, a body where none is described) is
  `undocumented`, and fails, warns or is allowed as a whole;
- security is not looked at: tests send wrong credentials on purpose, and who may do what no description says;
- a part of the description that is needed and wrong is a violation too, never a pass;
- the description is looked up once: the same exchange again reads nothing but what was kept.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

from pytest_apitest.data import changed, data, record
from pytest_apitest.errors import did_you_mean
from pytest_apitest.exchange import Headers, lines_of
from pytest_apitest.json_schema.words import brief, path_of
from pytest_apitest.jsonpath import Location
from pytest_apitest.jsonvalue import NotJSONError, loads
from pytest_apitest.openapi.decoding import decoded
from pytest_apitest.openapi.description import Description, DescriptionError, Pointer
from pytest_apitest.openapi.finding import METHODS, Operations
from pytest_apitest.openapi.media import (
    FORM,
    MULTIPART,
    BodyError,
    chosen,
    form_value,
    look_at_xml,
    media_type,
    multipart_value,
    parts_of,
    stream_values,
    text_of,
)
from pytest_apitest.openapi.operations import (
    NO_BODY,
    BodyPlan,
    Judge,
    Library,
    Operation,
    Parameter,
    UnusableError,
)
from pytest_apitest.openapi.parameters import ABSENT, StyleError, cookie_pairs, query_pairs
from pytest_apitest.openapi.paths import PathFound

VERSIONS = ("3.0", "3.1", "3.2")
_BEFORE = {NotJSONError: "is no JSON: ", BodyError: "cannot be read: ", StyleError: ""}

Undocumented = Literal["fail", "warn", "allow"]
Side = Literal["exchange", "response"]


class ContractError(DescriptionError):
    """A description cannot be used for checking."""


@data
class Exchange:
    """What was sent and what came back.

    Args:
        method: the method.
        url: absolute URL, percent-encoded.
        request_headers: header lines that were sent.
        request_body: bytes that were sent, or None.
        status: the status code.
        headers: header lines that came.
        body: bytes that came, after content decoding.
        base: path of the endpoint's base URL, without a final slash.
        value: returns the JSON value of the body or raises `NotJSONError`, for those who have read it already.

    """

    method: str
    url: str
    request_headers: Headers
    request_body: bytes | None
    status: int
    headers: Headers
    body: bytes
    base: str = ""
    value: Callable[[], Any] | None = None


@data
class Violation:
    """One thing of an exchange that is not as described.

    Args:
        rule: what was looked at: `path`, `method`, `status`, `content-type`, `header`, `parameter`, `body`, or
            `description` when that is what is wrong.
        side: `request` or `response`; empty when it is the description that is wrong.
        at: where: `$.id` of a body, `query page`, `header etag`; empty for the whole.
        message: what was expected and what came, one sentence without a final stop.
        file: the description, as shown.
        line: line in it, from 1.
        column: column in characters, from 1.
        undocumented: whether the description knows nothing of it.
        warning: whether it is only told.

    """

    rule: str
    side: str
    at: str
    message: str
    file: str
    line: int
    column: int
    undocumented: bool = False
    warning: bool = False

    @property
    def place(self) -> str:
        """The place in the description, `file:line:column`."""
        return f"{self.file}:{self.line}:{self.column}"


@record
class Trace:
    """Where an exchange belongs, for who counts what was exercised.

    Args:
        missing: `path` or `method` when the description does not have it; empty when it does.
        path: its path; None when that is not described.
        operation: its operation; None when that is not described, or cannot be used.
        sent: value of the request's body; `ABSENT` when it was not read.
        came: value of the response's body; `ABSENT` when it was not read.

    """

    missing: str = "path"
    path: PathFound | None = None
    operation: Operation | None = None
    sent: Any = ABSENT
    came: Any = ABSENT


class Contract:
    """A description that exchanges are checked against.

    Args:
        description: the description, of OpenAPI 3.0, 3.1 or 3.2.

    Raises:
        ContractError: it is of another version, or has no paths.

    """

    def __init__(self, description: Description) -> None:
        self.description = description
        value = description.value
        if description.version not in VERSIONS:
            wrong = description.version_mistake()
            assert wrong is not None
            message, pointer, key = wrong
            raise ContractError(message, *description.place(pointer, key))
        if not isinstance(value.get("paths", {}), dict):
            raise ContractError("paths is an object", *description.place(("paths",)))
        self._library = Library(description)
        self.operations = Operations(description, self._library)

    # -- looking up -------------------------------------------------------------------------------------

    def violations(
        self,
        exchange: Exchange,
        undocumented: Undocumented = "fail",
        part: Side = "exchange",
        trace: Trace | None = None,
    ) -> list[Violation]:
        """Return everything of an exchange that is not as described, the request first.

        Args:
            exchange: the exchange.
            undocumented: whether what the description does not know fails, warns or is left out.
            part: `exchange`, or `response` when the request is wrong on purpose.
            trace: is told where the exchange belongs.

        """
        found: list[Violation] = []
        try:
            found.extend(self._found(exchange, part, trace or Trace()))  # what comes before an error is kept
        except UnusableError as error:
            message = f"the description cannot be used: {error.message}"
            found.append(self._violation("description", "", "", message, error.pointer))
        found += [
            changed(self._violation("description", "", "", message, pointer), warning=True)
            for message, pointer in self._library.unchecked()
        ]
        if not found or undocumented == "fail":
            return found
        if undocumented == "allow":
            return [one for one in found if not one.undocumented]
        return [changed(one, warning=True) if one.undocumented else one for one in found]

    def _found(self, exchange: Exchange, part: Side, trace: Trace) -> Iterator[Violation]:
        url = urlsplit(exchange.url)
        path = self.operations.path(url.path, exchange.base)
        if path is None:
            yield self._unknown_path(url.path or "/", exchange.base)
            return
        trace.path, trace.missing = path, ""
        operation = self.operations.of(path.template, exchange.method)
        if operation is None:
            trace.missing = "method"
            yield self._unknown_method(path.template, exchange.method)
            return
        trace.operation = operation
        if part == "exchange":
            yield from self._parameters(operation, path, url.query, exchange)
            yield from self._request_body(operation, exchange, trace)
        yield from self._response(operation, exchange, trace)

    def wrong_parameter(self, parameter: Parameter, sent: Any) -> Iterator[Violation]:
        """Yield what is wrong with a parameter of a request.

        Args:
            parameter: the parameter.
            sent: its text in a path or header, or what `query_pairs` returns.

        """
        return self._parameter(parameter, sent, "request")

    def wrong_json(
        self, operation: Operation, content_type: str, value: Any
    ) -> Iterator[tuple[Location, Violation]]:
        """Yield what is wrong with the JSON body of a request, and where; raises `UnusableError`.

        Args:
            operation: an operation of this description.
            content_type: the media type that the body is sent with, one of JSON.
            value: the body.

        """
        plan = operation.request_body(content_type)
        judge = plan.content.judge if plan is not None and plan.content is not None else None
        if judge is None:
            return
        for place, message, node, keyword in judge.wrong(value):
            pointer = judge.schemas.place(node, keyword)
            yield place, self._violation("body", "request", path_of(place), message, pointer)

    # -- violations -------------------------------------------------------------------------------------

    def _violation(
        self,
        rule: str,
        side: str,
        at: str,
        message: str,
        pointer: Pointer,
        *,
        undocumented: bool = False,
        key: bool = False,
    ) -> Violation:
        line, column = self.description.place(pointer, key)
        file = self.description.holder(pointer)[0].shown
        return Violation(rule, side, at, message, file, line, column, undocumented)

    def _unknown_path(self, path: str, base: str) -> Violation:
        relative = path[len(base) :] if path.startswith(base + "/") else path
        message = f"the path {brief(path)} is not described{did_you_mean(relative, self.operations.items)}"
        return self._violation("path", "request", "", message, ("paths",), undocumented=True, key=True)

    def _unknown_method(self, template: str, method: str) -> Violation:
        item, pointer = self._library.followed(self.operations.items[template], ("paths", template))
        known = [name.upper() for name in item if name in METHODS]
        message = f"{method} {template} is not described; there are {', '.join(known) or 'no methods'}"
        return self._violation("method", "request", "", message, pointer, undocumented=True, key=True)

    # -- the request ------------------------------------------------------------------------------------

    def _parameters(
        self, operation: Operation, path: PathFound, query: str, exchange: Exchange
    ) -> Iterator[Violation]:
        if operation.querystring is not None:
            yield from self._parameter(operation.querystring, query or ABSENT, "request")
        if not operation.parameters:
            return
        pairs = query_pairs(query)
        for parameter in operation.parameters:
            text: Any = ABSENT
            if parameter.place == "path":
                text = path.parameters.get(parameter.name, ABSENT)
            elif parameter.place == "header":
                lines = lines_of(exchange.request_headers, parameter.name)
                text = ", ".join(lines) if lines else ABSENT
            elif parameter.place == "query":
                text = pairs
            else:
                text = cookie_pairs(exchange.request_headers)
            yield from self._parameter(parameter, text, "request")

    def _parameter(self, parameter: Parameter, sent: Any, side: str) -> Iterator[Violation]:
        at = f"{parameter.place} {parameter.name}"
        rule = "header" if side == "response" else "parameter"
        try:
            value = decoded(parameter, sent, self._library.looks)
        except (NotJSONError, BodyError, StyleError) as error:
            yield self._violation(rule, side, at, f"{_BEFORE[type(error)]}{error}", parameter.pointer)
            return
        if value is ABSENT:
            if parameter.required:
                yield self._violation(rule, side, at, "missing, it is required", parameter.pointer)
            return
        if parameter.judge is None or (value == "" and parameter.empty):
            return
        for place, message, node, keyword in parameter.judge.wrong(value):
            below = path_of(place)[1:]
            pointer = parameter.judge.schemas.place(node, keyword)
            yield self._violation(rule, side, at + (f" at {below}" if below else ""), message, pointer)

    def _request_body(self, operation: Operation, exchange: Exchange, trace: Trace) -> Iterator[Violation]:
        lines = lines_of(exchange.request_headers, "content-type")
        plan = operation.request_body(lines[0] if lines else None)
        if not exchange.request_body:
            if plan is not None and plan.required and exchange.request_body is None:
                yield self._violation(
                    "body", "request", "", "the request body is missing", plan.pointer, key=True
                )
            return
        if plan is None:
            if not operation.takes_body:
                message = f"a body of {len(exchange.request_body):,} bytes was sent, and none is described"
                yield self._violation(
                    "body", "request", "", message, operation.pointer, undocumented=True, key=True
                )
            return
        yield from self._body(plan, exchange.request_body, "request", None, trace)

    # -- the response -----------------------------------------------------------------------------------

    def _response(self, operation: Operation, exchange: Exchange, trace: Trace) -> Iterator[Violation]:
        lines = lines_of(exchange.headers, "content-type")
        plan = operation.response(exchange.status, lines[0] if lines else None)
        if plan is None:
            message = f"status {exchange.status} is not described; there are {', '.join(operation.statuses) or 'none'}"
            pointer = (*operation.pointer, "responses")
            yield self._violation("status", "response", "", message, pointer, undocumented=True, key=True)
            return
        for header in plan.headers:
            yield from self._header(header, exchange.headers)
        if plan.body is None or exchange.method == "HEAD" or exchange.status in NO_BODY:
            return
        yield from self._body(plan.body, exchange.body, "response", exchange.value, trace)

    def _header(self, header: Parameter, headers: Headers) -> Iterator[Violation]:
        lines = lines_of(headers, header.name)
        if header.name.lower() == "set-cookie":  # its lines cannot be joined (RFC 9110, section 5.3)
            for line in lines:
                yield from self._parameter(header, line, "response")
        if header.name.lower() != "set-cookie" or not lines:
            yield from self._parameter(header, ", ".join(lines) if lines else ABSENT, "response")

    # -- bodies -----------------------------------------------------------------------------------------

    def _body(
        self, plan: BodyPlan, body: bytes, side: str, read: Callable[[], Any] | None, trace: Trace
    ) -> Iterator[Violation]:
        if plan.content is None or plan.sent is None:
            expected = " or ".join(plan.known[:5])
            got = "no Content-Type" if plan.sent is None else brief(plan.sent.essence)
            message = f"expected the content type {expected}, got {got}"
            undocumented = plan.sent is not None
            yield self._violation(
                "content-type", side, "", message, plan.pointer, undocumented=undocumented, key=True
            )
            return
        judge = plan.content.judge
        if plan.sent.essence == MULTIPART:
            yield from self._encodings(plan, body, side)
        try:
            value = body_value(plan, body, self._library, read)
        except NotJSONError as error:
            yield self._violation("body", side, "", f"the body is no JSON: {error}", plan.pointer, key=True)
            return
        except BodyError as error:
            yield self._violation(
                "body", side, "", f"the body cannot be read: {error}", plan.pointer, key=True
            )
            return
        if side == "response":
            trace.came = value
        else:
            trace.sent = value
        if value is ABSENT:
            return
        found: list[tuple[tuple[int, ...], Judge, Any]] = [((), judge, value)] if judge is not None else []
        if plan.content.items is not None:
            found += [((index,), plan.content.items, item) for index, item in enumerate(value)]
        for above, one, part in found:
            for place, message, node, keyword in one.wrong(part):
                pointer = one.schemas.place(node, keyword)
                yield self._violation("body", side, path_of((*above, *place)), message, pointer)

    def _encodings(self, plan: BodyPlan, body: bytes, side: str) -> Iterator[Violation]:
        """Check the content types of the parts of a form (section 4.8.15)."""
        assert plan.content is not None
        assert plan.sent is not None
        try:
            parts = parts_of(body, plan.sent)
        except BodyError:
            return  # said where the value is read
        for part in parts:
            rule = plan.content.encoding.get(part.name)
            wanted = rule.get("contentType") if isinstance(rule, dict) else None
            if not isinstance(wanted, str):
                continue
            keys = [key.strip() for key in wanted.split(",")]
            if chosen(keys, media_type(part.content_type or "text/plain")) is None:
                pointer = (*plan.content.pointer, "encoding", part.name, "contentType")
                got = brief(part.content_type) if part.content_type else "none"
                message = f"expected the content type {wanted}, got {got}"
                yield self._violation("content-type", side, f"part {brief(part.name)}", message, pointer)


def body_value(plan: BodyPlan, body: bytes, library: Library, read: Callable[[], Any] | None = None) -> Any:
    """Return the value of a body, or `ABSENT` for one that no schema here judges.

    Args:
        plan: what holds for it; its media type is described.
        body: its bytes.
        library: of the description.
        read: returns its JSON value, for who has read it already.

    Raises:
        NotJSONError: it is no JSON.
        BodyError: it is not what its media type says.

    """
    assert plan.content is not None
    assert plan.sent is not None
    sent, judge, looks = plan.sent, plan.content.judge, library.looks
    if sent.is_json:
        return read() if read is not None else loads(body)
    if sent.is_xml:
        look_at_xml(body)
        return ABSENT
    if sent.is_stream and library.description.version == "3.2":
        return stream_values(body, sent)
    if judge is None:
        return ABSENT
    if sent.essence == FORM:
        return form_value(body, judge.raw, looks)
    if sent.essence == MULTIPART:
        return multipart_value(parts_of(body, sent), judge.raw, looks)
    if sent.is_text:
        return looks.scalar(text_of(body, sent), judge.raw)
    return ABSENT
