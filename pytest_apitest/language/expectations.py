"""Reading expectations: what a response must be, part by part (language, section 7)."""

from typing import Any

from pytest_apitest.checks.evaluation import Check, Use
from pytest_apitest.checks.status import CLASSES, STATUS_OPERATORS
from pytest_apitest.data import changed, data
from pytest_apitest.errors import did_you_mean
from pytest_apitest.language.checks import (
    BOUNDS,
    CheckShape,
    contradictions,
    read_number,
    read_regex,
    refuse_for_several,
)
from pytest_apitest.language.model import Expectation, PathTemplate
from pytest_apitest.language.parts import header_name, header_name_schema, warn_of_quotes
from pytest_apitest.language.paths import path_schema, read_path
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.records import Key, Record, described
from pytest_apitest.language.shapes import (
    NAME_PATTERN,
    REFERENCE,
    Book,
    Boolean,
    Choice,
    NameText,
    Schema,
    Shape,
    one_reference,
    pattern,
)
from pytest_apitest.references import ListValue, Literal, Value
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

_TEXT = ("text",)
_STATUS_WHAT = "a status: a number from 100 to 599, a class such as 2xx, or a list of them"


@data
class StatusShape(Shape):
    """A status code, a class, a list of both, or operators on the code."""

    def read(self, reader: Reader, node: Node) -> Check:
        """Return the check of the status."""
        if isinstance(node, Mapping):
            return self._operators(reader, node)
        if isinstance(node, Sequence):
            operator, operand = STATUS_OPERATORS["one_of"], self._members(reader, node)
        else:
            operator, operand = STATUS_OPERATORS["equals"], self._status(reader, node)
        return Check((Use(operator, operand, node.line, node.column, node.width),), node.line, node.column)

    def _status(self, reader: Reader, node: Node) -> Value:
        scalar = reader.scalar(node, _STATUS_WHAT)
        if "${" in scalar.text:
            return reader.one_reference(scalar, _STATUS_WHAT)
        value = scalar.value
        if (type(value) is int and 100 <= value <= 599) or value in CLASSES:
            return Literal(value, node.line, node.column)
        hint = ""
        if isinstance(value, str):
            if value.lower() in CLASSES:
                hint = f"; write {value.lower()}"
            elif value.isdigit():
                hint = f"; write {value} without quotes"
            elif value.lower() == "ok":
                hint = "; write 200"
        reader.expected(node, _STATUS_WHAT, hint)

    def _members(self, reader: Reader, node: Node) -> Value:
        if isinstance(node, Scalar) and "${" in node.text:
            return reader.one_reference(node, "a list of statuses")
        items = reader.sequence(node, "a list of statuses").items
        values = reader.all_of(lambda item: self._status(reader, item), items)
        constants = [value.value for value in values if isinstance(value, Literal)]
        if len(constants) == len(values):
            return Literal(constants, node.line, node.column)
        return ListValue(tuple(values), node.line, node.column)

    def _operators(self, reader: Reader, node: Mapping) -> Check:
        mapping = reader.mapping(node, "operators on the status")
        uses: list[Use] = []
        for key, operand in mapping.entries.values():
            with reader.going_on():
                operator = STATUS_OPERATORS.get(key.text)
                if operator is None:
                    hint = (
                        did_you_mean(key.text, STATUS_OPERATORS)
                        or f"; there are {', '.join(STATUS_OPERATORS)}"
                    )
                    reader.fail(key, f'unknown operator "{key.text}" for a status{hint}')
                uses.append(
                    Use(operator, self._operand(reader, key.text, operand), key.line, key.column, key.width)
                )
        if len(uses) != len(mapping.entries):
            raise BadNodeError
        check = Check(tuple(uses), node.line, node.column)
        contradictions(reader, check)
        return check

    def _operand(self, reader: Reader, name: str, node: Node) -> Any:
        if name == "not":
            if not isinstance(node, Mapping):
                reader.expected(node, "a mapping of operators for not")
            return self._operators(reader, node)
        if name == "one_of":
            return self._members(reader, node)
        if name in BOUNDS:
            return read_number(reader, node, f"a number for {name}", integer=True)
        return self._status(reader, node)

    def schema(self, book: Book) -> Schema:
        return book.refer("status", status_schema)


def status_schema(book: Book) -> Schema:
    """Return the schema of a status."""
    return {
        **_one_status(),
        "type": ["integer", "string", "array", "object"],
        "items": _one_status(),
        "minItems": 1,
        "properties": _status_operators(book),
        "additionalProperties": False,
        "minProperties": 1,
    }


def _one_status() -> Schema:
    return {
        "type": ["integer", "string"],
        "minimum": 100,
        "maximum": 599,
        **pattern(rf"^[1-5]xx$|{REFERENCE}", "a status is a number, a class such as 2xx, or a list of them"),
    }


def _status_operators(book: Book) -> dict[str, Schema]:
    many = {
        "type": ["array", "string"],
        "minItems": 1,
        "items": _one_status(),
        **one_reference("a list of statuses"),
    }
    bound = {"type": ["integer", "string"], **one_reference("a number")}
    inner = book.refer(
        "status_operators",
        lambda again: {
            "type": "object",
            "properties": _status_operators(again),
            "additionalProperties": False,
            "minProperties": 1,
        },
    )
    operands = {"equals": _one_status(), "not_equals": _one_status(), "one_of": many, "not": inner}
    operands |= dict.fromkeys(BOUNDS, bound)
    return {name: described(schema, STATUS_OPERATORS[name].doc) for name, schema in operands.items()}


@data
class JsonChecks(Shape):
    """JSONPaths to checks."""

    def read(self, reader: Reader, node: Node) -> tuple[tuple[PathTemplate, Check], ...]:
        """Return the paths with their checks in written order."""
        mapping = reader.mapping(node, "a mapping of JSONPaths to checks")
        found: list[tuple[PathTemplate, Check]] = []
        for key, value in mapping.entries.values():
            with reader.going_on():
                check: Check | None = None
                path: PathTemplate | None = None
                with reader.going_on():
                    path = read_path(reader, key)
                check = CheckShape().read(reader, value)
                if path is None:
                    continue
                if not path.singular:
                    before = len(reader.problems)
                    refuse_for_several(reader, check, path.text)
                    if len(reader.problems) > before:
                        continue
                found.append((path, check))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return tuple(found)

    def schema(self, book: Book) -> Schema:
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": path_schema(book),
            "additionalProperties": CheckShape().schema(book),
        }


@data
class NamedChecks(Shape):
    """Names to checks of texts.

    Args:
        headers: whether the names are header names, compared without case.

    """

    headers: bool = False

    def read(self, reader: Reader, node: Node) -> tuple[tuple[str, Check], ...]:
        """Return the names with their checks in written order."""
        mapping = reader.mapping(node, "a mapping of names to checks")
        found: list[tuple[str, Check]] = []
        seen: dict[str, str] = {}
        for key, value in mapping.entries.values():
            with reader.going_on():
                reader.no_reference(key)
                if self.headers:
                    header_name(reader, key, seen)
                    if key.text.lower() == "etag" and isinstance(value, Scalar):
                        warn_of_quotes(reader, value)
                elif not key.text:
                    reader.fail(key, "a name is missing")
                found.append((key.text, self._check.read(reader, value)))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return tuple(found)

    @property
    def _check(self) -> CheckShape:
        return CheckShape(literals=("text", "number") if self.headers else _TEXT, header=self.headers)

    def schema(self, book: Book) -> Schema:
        names = {"propertyNames": header_name_schema(book)} if self.headers else {}
        return {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": self._check.schema(book),
            **names,
        }


@data
class Parts(Shape):
    """A few names with a check each, behind one key of an expectation.

    Args:
        record: the names.
        key: the key.
        hint: what to write instead of a plain value.

    """

    record: Record
    key: str
    hint: str

    def read(self, reader: Reader, node: Node) -> Any:
        """Return the names with their checks in written order."""
        if not isinstance(node, Mapping):
            reader.expected(node, f"a mapping of checks for {self.key}", f"; {self.hint}")
        return self.record.read(reader, node)

    def schema(self, book: Book) -> Schema:
        return self.record.schema(book)


def _pairs(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> tuple[tuple[str, Check], ...]:
    del reader, mapping
    return tuple(got.items())


CONTENT_TYPE = Record(
    "the checks of content_type",
    (
        Key("type", CheckShape(literals=_TEXT), "Media type in lower case, without parameters."),
        Key("charset", CheckShape(literals=_TEXT), "Charset parameter in lower case, without quotes."),
    ),
    _pairs,
)


@data
class _Wrapped(Shape):
    """A plain value behind a key of `body`, compared for equality."""

    inner: Shape

    def read(self, reader: Reader, node: Node) -> Check:
        """Return the check."""
        value = self.inner.read(reader, node)
        operator = reader.extensions.operators["equals"]
        literal = value if isinstance(value, Value) else Literal(value, node.line, node.column)
        return Check((Use(operator, literal, node.line, node.column, node.width),), node.line, node.column)

    def schema(self, book: Book) -> Schema:
        return self.inner.schema(book)


@data
class _Matches(Shape):
    """A regular expression behind `matches` of `body`."""

    def read(self, reader: Reader, node: Node) -> Check:
        """Return the check."""
        operator = reader.extensions.operators["matches"]
        return Check(
            (Use(operator, read_regex(reader, node), node.line, node.column, node.width),),
            node.line,
            node.column,
        )

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1, "format": "regex"}


BODY = Record(
    "the checks of body",
    (
        Key("sha256", CheckShape(literals=_TEXT), "SHA-256 of the bytes, hexadecimal."),
        Key("size", CheckShape(literals=("number",)), "Number of bytes."),
        Key(
            "decodes_as",
            _Wrapped(Choice(("utf-8", "ascii", "latin-1", "utf-16", "utf-32"), "one")),
            "The bytes are text in this encoding.",
        ),
        Key("empty", _Wrapped(Boolean()), "Whether there is no byte."),
        Key("matches", _Matches(), "The regular expression is found in the bytes, read as latin-1."),
    ),
    _pairs,
)


def _build(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Expectation:
    own = Expectation(
        status=got.get("status"),
        headers=got.get("headers", ()),
        content_type=got.get("content_type", ()),
        cookies=got.get("cookies", ()),
        duration=got.get("duration"),
        url=got.get("url"),
        text=got.get("text"),
        body=got.get("body", ()),
        json=got.get("json", ()),
        openapi=got.get("openapi", ""),
        mark=mark_of(mapping),
    )
    if "like" not in got:
        return own
    base: Expectation = reader.expectations.use(reader, mapping.entries["like"][1], got["like"])
    return merge(base, own)


def merge(base: Expectation, own: Expectation) -> Expectation:
    """Return an expectation whose own keys replace those of another: `json`, `headers`, `cookies` by name."""
    headers = {name.lower(): (name, check) for name, check in base.headers}
    headers |= {name.lower(): (name, check) for name, check in own.headers}
    json = {path.text: (path, check) for path, check in base.json} | {
        path.text: (path, check) for path, check in own.json
    }
    return changed(
        base,
        status=own.status or base.status,
        headers=tuple(headers.values()),
        content_type=own.content_type or base.content_type,
        cookies=tuple((dict(base.cookies) | dict(own.cookies)).items()),
        duration=own.duration or base.duration,
        url=own.url or base.url,
        text=own.text or base.text,
        body=own.body or base.body,
        json=tuple(json.values()),
        openapi=own.openapi or base.openapi,
        mark=own.mark,
    )


class _Part(Choice):
    """The part of an exchange that is checked against the description."""

    def read(self, reader: Reader, node: Node) -> str:
        """Return the word."""
        if isinstance(node, Scalar) and node.value is False:
            reader.fail(node, "false belongs on the step: write openapi: false beside expect")
        return super().read(reader, node)


EXPECTATION = Record(
    "an expectation",
    (
        Key(
            "like",
            NameText("a name of expectations"),
            "A name of expectations; the other keys replace its keys.",
        ),
        Key(
            "status",
            StatusShape(),
            "A code, a class such as 2xx, a list of both, or operators. Left out: 2xx.",
        ),
        Key("headers", NamedChecks(headers=True), "Header name to a check."),
        Key(
            "content_type",
            Parts(CONTENT_TYPE, "content_type", "write {type: application/json}"),
            "The parsed Content-Type header.",
        ),
        Key("cookies", NamedChecks(), "Name of a cookie set by this response to a check."),
        Key(
            "duration",
            CheckShape(allowed=BOUNDS, durations=True, operators_only=True),
            "From the first byte sent to the last byte read: bounds.",
        ),
        Key("url", CheckShape(literals=_TEXT), "URL of the last response."),
        Key("text", CheckShape(literals=_TEXT), "Body as text, decoded by its charset."),
        Key(
            "body",
            Parts(BODY, "body", "the body as text is checked by text, as JSON by json"),
            "The bytes of the body.",
        ),
        Key("json", JsonChecks(), "JSONPath to a check."),
        Key(
            "openapi",
            _Part(("exchange", "response"), "one"),
            "exchange unless written; response when the request is wrong on purpose.",
        ),
    ),
    _build,
    later=frozenset({"raw", "request", "same_as", "any_of", "no_answer"}),
    slips={
        "time": "duration",
        "body_json": "json",
        "header": "headers",
        "code": "status",
        "status_code": "status",
        "cookie": "cookies",
    },
)


@data
class ExpectationShape(Shape):
    """An expectation, or a name of `expectations`."""

    def read(self, reader: Reader, node: Node) -> Expectation:
        """Return the expectation with its `like` merged in."""
        if isinstance(node, Mapping):
            expectation: Expectation = EXPECTATION.read(reader, node)
            return expectation
        if isinstance(node, Scalar) and type(node.value) is int and 100 <= node.value <= 599:
            reader.fail(node, f"expect is a mapping: write {{status: {node.text}}}")
        if isinstance(node, Sequence):
            reader.expected(
                node, "an expectation or a name of expectations", "; write a mapping: {status: 200}"
            )
        name = reader.plain_text(node, "an expectation or a name of expectations")
        if name in CLASSES:
            reader.fail(node, f"expect is a mapping: write {{status: {name}}}")
        found: Expectation = reader.expectations.use(reader, node, name)
        return found

    def schema(self, book: Book) -> Schema:
        return book.refer("expect", expect_schema)


def expect_schema(book: Book) -> Schema:
    """Return the schema of an expectation."""
    record = EXPECTATION.record_schema(book)
    record["type"] = ["object", "string"]
    record |= pattern(NAME_PATTERN, "a mapping, or a name of expectations")
    record["description"] = "What the response must be, or a name of expectations."
    record["defaultSnippets"] = [
        {"label": "status", "body": {"status": "$1"}},
        {"label": "json", "body": {"json": {"\\$.$1": "$2"}}},
    ]
    return record
