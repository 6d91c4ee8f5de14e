"""Reading expectations: what a response must be, part by part (language, section 7)."""

from dataclasses import dataclass, replace
from typing import Any

from pytest_apitest.checks.evaluation import Check, Use
from pytest_apitest.checks.status import CLASSES, STATUS_OPERATORS
from pytest_apitest.errors import did_you_mean
from pytest_apitest.language.checks import BOUNDS, CheckShape, contradictions, refuse_for_several
from pytest_apitest.language.model import Expectation, PathTemplate
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.requests import path_schema, read_path
from pytest_apitest.language.shapes import (
    HEADER_NAME,
    REFERENCE,
    Book,
    Boolean,
    Choice,
    Key,
    NameText,
    Record,
    Schema,
    Shape,
)
from pytest_apitest.references import Literal, Value
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

_STATUS_WHAT = "a status: a number from 100 to 599, a class such as 2xx, or a list of them"


@dataclass(frozen=True)
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
            return reader.template(scalar)
        value = scalar.value
        if type(value) is int and 100 <= value <= 599:
            return Literal(value, node.line, node.column)
        if isinstance(value, str) and value in CLASSES and not scalar.style:
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
            return reader.template(node)
        items = reader.sequence(node, "a list of statuses").items
        values = []
        for item in items:
            with reader.going_on():
                values.append(self._status(reader, item))
        if len(values) != len(items):
            raise BadNodeError
        if all(isinstance(value, Literal) for value in values):
            constants = [value.value for value in values if isinstance(value, Literal)]
            return Literal(constants, node.line, node.column)
        from pytest_apitest.references import ListValue  # noqa: PLC0415

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
            value = reader.value(reader.scalar(node, f"a number for {name}"))
            if isinstance(value, Literal) and type(value.value) is not int:
                reader.expected(node, f"a number for {name}")
            return value
        return self._status(reader, node)

    def schema(self, book: Book) -> Schema:
        return book.refer("status", status_schema)


def status_schema(book: Book) -> Schema:
    """Return the schema of a status."""
    one: Schema = {
        "type": ["integer", "string"],
        "minimum": 100,
        "maximum": 599,
        "pattern": rf"^[1-5]xx$|{REFERENCE}",
        "patternErrorMessage": "a status is a number, a class such as 2xx, or a list of them",
    }
    many = {"type": ["array", "string"], "minItems": 1, "items": one, "pattern": REFERENCE}
    bound = {"type": ["integer", "string"], "pattern": REFERENCE}
    operators = {"equals": one, "not_equals": one, "one_of": many, **dict.fromkeys(BOUNDS, bound)}
    nested = {"type": "object", "properties": operators, "additionalProperties": False, "minProperties": 1}
    del book
    return {
        **one,
        "type": ["integer", "string", "array", "object"],
        "items": one,
        "minItems": 1,
        "properties": {**operators, "not": nested},
        "additionalProperties": False,
        "minProperties": 1,
    }


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
                name = key.text
                if self.headers:
                    if not HEADER_NAME.fullmatch(name):
                        reader.fail(
                            key, f'"{name[:40]}" is no header name; quote the value if a comma split it'
                        )
                    earlier = seen.setdefault(name.lower(), name)
                    if earlier != name:
                        reader.fail(key, f'header "{name}" twice, also written "{earlier}"')
                    self._etag(reader, name, value)
                found.append((name, CheckShape(booleans=False).read(reader, value)))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return tuple(found)

    def _etag(self, reader: Reader, name: str, node: Node) -> None:
        if name.lower() != "etag" or not isinstance(node, Scalar) or node.style != '"':
            return
        if node.text and '"' not in node.text and "${" not in node.text:
            reader.error(node, f"the quotes are YAML's; write '\"{node.text}\"'", warning=True)

    def schema(self, book: Book) -> Schema:
        names = (
            {"propertyNames": {"type": "string", "pattern": f"^{HEADER_NAME.pattern}$"}}
            if self.headers
            else {}
        )
        return {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": CheckShape(booleans=False).schema(book),
            **names,
        }


def _pairs(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> tuple[tuple[str, Check], ...]:
    del reader, mapping
    return tuple(got.items())


CONTENT_TYPE = Record(
    "content_type",
    (
        Key("type", CheckShape(), "Media type in lower case, without parameters."),
        Key("charset", CheckShape(), "Charset parameter in lower case, without quotes."),
    ),
    _pairs,
)


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class _Matches(Shape):
    """A regular expression behind `matches` of `body`."""

    def read(self, reader: Reader, node: Node) -> Check:
        """Return the check."""
        from pytest_apitest.language.checks import read_regex  # noqa: PLC0415

        operator = reader.extensions.operators["matches"]
        return Check(
            (Use(operator, read_regex(reader, node), node.line, node.column, node.width),),
            node.line,
            node.column,
        )

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1, "format": "regex"}


BODY = Record(
    "body",
    (
        Key("sha256", CheckShape(), "SHA-256 of the bytes, hexadecimal."),
        Key("size", CheckShape(), "Number of bytes."),
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
    return replace(
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
        mark=own.mark,
    )


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
        Key("content_type", CONTENT_TYPE, "The parsed Content-Type header."),
        Key("cookies", NamedChecks(), "Name of a cookie set by this response to a check."),
        Key(
            "duration",
            CheckShape(allowed=BOUNDS, durations=True, operators_only=True),
            "From the first byte sent to the last byte read: bounds.",
        ),
        Key("url", CheckShape(booleans=False), "URL of the last response."),
        Key("text", CheckShape(booleans=False), "Body as text, decoded by its charset."),
        Key("body", BODY, "The bytes of the body."),
        Key("json", JsonChecks(), "JSONPath to a check."),
    ),
    _build,
    later=frozenset({"openapi", "raw", "request", "same_as", "any_of", "no_answer"}),
    slips={
        "time": "duration",
        "body_json": "json",
        "header": "headers",
        "code": "status",
        "status_code": "status",
        "cookie": "cookies",
    },
)


@dataclass(frozen=True)
class ExpectationShape(Shape):
    """An expectation, or a name of `expectations`."""

    def read(self, reader: Reader, node: Node) -> Expectation:
        """Return the expectation with its `like` merged in."""
        if isinstance(node, Mapping):
            expectation: Expectation = EXPECTATION.read(reader, node)
            return expectation
        if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
            reader.fail(node, f"expect is a mapping: write {{status: {node.text}}}")
        name = reader.plain_text(node, "an expectation or a name of expectations")
        found: Expectation = reader.expectations.use(reader, node, name)
        return found

    def schema(self, book: Book) -> Schema:
        return book.refer("expect", expect_schema)


def expect_schema(book: Book) -> Schema:
    """Return the schema of an expectation."""
    record = EXPECTATION._schema(book)  # noqa: SLF001 - the same rules, with the name beside them
    record["type"] = ["object", "string"]
    record["pattern"] = "^[A-Za-z_][A-Za-z0-9_-]*$"
    record["description"] = "What the response must be, or a name of expectations."
    record["defaultSnippets"] = [
        {"label": "status", "body": {"status": "$1"}},
        {"label": "json", "body": {"json": {"\\$.$1": "$2"}}},
    ]
    return record
