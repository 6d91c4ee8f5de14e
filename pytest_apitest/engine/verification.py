"""Checking an answer against an expectation, part by part (language, section 7).

Rules kept here:
- all checks run, in the order status, headers, content_type, cookies, duration, url, text, body, json;
- without `status` any 2xx is asked for;
- a body that is no JSON is one failure in place of all json checks.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from pytest_apitest.checks.evaluation import Check, Found, Look, Missing, Use, evaluate
from pytest_apitest.checks.status import STATUS_OPERATORS
from pytest_apitest.data import record
from pytest_apitest.engine.answers import Answer, NotTextError
from pytest_apitest.engine.scope import RunScope
from pytest_apitest.jsonpath import normalized
from pytest_apitest.jsonvalue import NotJSONError, Number
from pytest_apitest.language.model import Expectation, PathTemplate
from pytest_apitest.outcome import Failure
from pytest_apitest.references import Literal, RenderError

_LINES = ("each", "any", "length")


def any_success(line: int, column: int, width: int) -> Check:
    """Return the check that is made when no status is written: any 2xx."""
    return Check((Use(STATUS_OPERATORS["equals"], Literal("2xx"), line, column, width),), line, column)


@record
class Verification:
    """Checks an answer and counts.

    Args:
        answer: the answer.
        scope: where references of the checks are looked up.
        file: file of the expectation, as shown.
        kind: kind of the failures: `check`, `cleanup` or `should`.
        checks: number of checks made so far.
        notes: sentences that judge nothing.

    """

    answer: Answer
    scope: RunScope
    file: str
    kind: str = "check"
    checks: int = 0
    notes: list[str] | None = None

    def verify(self, expectation: Expectation, status: Check | None) -> list[Failure]:
        """Return everything that is not as expected.

        Args:
            expectation: what is expected.
            status: the check of the status when the expectation has none.

        """
        failures: list[Failure] = []
        wanted = expectation.status or status
        if wanted is not None:
            failures += self._one("status", wanted, self.answer.response.status)
        for part in (
            self._headers,
            self._content_type,
            self._cookies,
            self._duration,
            self._url,
            self._text,
            self._body,
            self._json,
        ):
            failures += part(expectation)
        return failures

    # -- one check --------------------------------------------------------------------------------------

    def _one(self, path: str, check: Check, actual: Any, *, numeric: bool = False) -> list[Failure]:
        self.checks += 1
        look = Look(self.scope, numeric)
        try:
            found = evaluate(check, actual, look)
        except RenderError as error:
            use = check.uses[0]
            place = error.place
            line, column = (place.line, place.column) if place is not None else (use.line, use.column)
            return [self._failure(path, f"{path}: {error.message}", "", "", line, column, use.width)]
        if look.notes and self.notes is not None:
            self.notes += [f"{path}: {note}" for note in look.notes]
        return [self._from_found(path, one) for one in found]

    def _from_found(self, path: str, found: Found) -> Failure:
        miss = found.miss
        at = _joined(path, miss.path)
        message = f"{at}: {miss.sentence}"
        return self._failure(at, message, miss.expected, miss.got, found.line, found.column, found.width)

    def _failure(
        self, path: str, message: str, expected: str, got: str, line: int, column: int, width: int
    ) -> Failure:
        return Failure(path, message, expected, got, self.file, line, column, width, self.kind)

    # -- the parts --------------------------------------------------------------------------------------

    def _headers(self, expectation: Expectation) -> Iterator[Failure]:
        for name, check in expectation.headers:
            lines = self.answer.response.header_lines(name)
            yield from self._lines(f"headers.{name.lower()}", check, lines)

    def _lines(self, path: str, check: Check, lines: list[str]) -> list[Failure]:
        """Check a header: `each`, `any` and `length` see its lines, every other operator the one text."""
        if not lines:
            return self._one(path, check, Missing("not sent"), numeric=True)
        of_lines = tuple(use for use in check.uses if use.operator.name in _LINES)
        of_text = tuple(use for use in check.uses if use.operator.name not in _LINES)
        failures: list[Failure] = []
        if of_lines:
            failures += self._one(path, Check(of_lines, check.line, check.column), lines, numeric=True)
        if of_text and len(lines) > 1 and any(use.operator.name != "exists" for use in of_text):
            use = of_text[0]
            self.checks += 1
            message = f"{path}: sent {len(lines)} times; use each, any or length"
            failures.append(
                self._failure(
                    path, message, "one line", f"{len(lines)} lines", use.line, use.column, use.width
                )
            )
        elif of_text:
            failures += self._one(path, Check(of_text, check.line, check.column), lines[0], numeric=True)
        return failures

    def _content_type(self, expectation: Expectation) -> Iterator[Failure]:
        for name, check in expectation.content_type:
            value = self.answer.media_type if name == "type" else self.answer.charset
            yield from self._one(
                f"content_type.{name}", check, Missing("not sent") if value is None else value
            )

    def _cookies(self, expectation: Expectation) -> Iterator[Failure]:
        for name, check in expectation.cookies:
            value = self.answer.cookies.get(name)
            actual = Missing("not set by this response") if value is None else value
            yield from self._one(f"cookies.{name}", check, actual)

    def _duration(self, expectation: Expectation) -> Iterator[Failure]:
        if expectation.duration is None:
            return
        self.checks += 1
        seconds = self.answer.duration
        for use in expectation.duration.uses:
            try:
                bound = use.operand.render(self.scope)
            except RenderError as error:
                yield self._failure(
                    "duration", f"duration: {error.message}", "", "", use.line, use.column, use.width
                )
                continue
            if use.operator.test(seconds, bound):
                words = use.operator.wants(0).removesuffix(" 0")
                expected, got = f"{words} {_seconds(bound)}", _seconds(seconds)
                message = f"duration: expected {expected}, got {got}"
                yield self._failure("duration", message, expected, got, use.line, use.column, use.width)

    def _url(self, expectation: Expectation) -> Iterator[Failure]:
        if expectation.url is not None:
            yield from self._one("url", expectation.url, self.answer.url)

    def _text(self, expectation: Expectation) -> Iterator[Failure]:
        if expectation.text is None:
            return
        try:
            text = self.answer.text
        except NotTextError as error:
            self.checks += 1
            use = expectation.text.uses[0]
            message = f"text: the body is no text: {error}"
            yield self._failure("text", message, "a text", str(error), use.line, use.column, use.width)
            return
        yield from self._one("text", expectation.text, text)

    def _body(self, expectation: Expectation) -> Iterator[Failure]:
        data = self.answer.response.body
        for name, check in expectation.body:
            path = f"body.{name}"
            if name == "size":
                yield from self._one(path, check, len(data))
            elif name == "sha256":
                yield from self._one(path, check, hashlib.sha256(data).hexdigest())
            elif name == "empty":
                yield from self._one(path, check, not data)
            elif name == "matches":
                yield from self._one(path, check, data.decode("latin-1"))
            else:
                yield from self._decodes(path, check, data)

    def _decodes(self, path: str, check: Check, data: bytes) -> list[Failure]:
        self.checks += 1
        use = check.uses[0]
        encoding = str(use.operand.render(self.scope))
        try:
            data.decode(encoding)
        except UnicodeDecodeError as error:
            message = f"{path}: byte {error.start} is not {encoding}"
            got = f"byte {error.start}"
            return [self._failure(path, message, encoding, got, use.line, use.column, use.width)]
        return []

    def _json(self, expectation: Expectation) -> Iterator[Failure]:
        if not expectation.json:
            return
        try:
            document = self.answer.json
        except NotJSONError as error:
            self.checks += 1
            mark = expectation.json[0][0].mark
            message = f"json: body is not JSON: {error}"
            yield self._failure("json", message, "JSON", str(error), mark.line, mark.column, mark.width)
            return
        for template, check in expectation.json:
            yield from self._path(template, check, document)

    def _path(self, template: PathTemplate, check: Check, document: Any) -> list[Failure]:
        try:
            path = template.path(self.scope)
        except RenderError as error:
            self.checks += 1
            mark = template.mark
            message = f"{template.text}: {error.message}"
            return [self._failure(template.text, message, "", "", mark.line, mark.column, mark.width)]
        found = path.find(document)
        if not found:
            return self._one(path.text, check, Missing(path.missing(document)))
        if path.singular:
            return self._one(path.text, check, found[0][1])
        failures = self._one(path.text, check, [value for _, value in found])
        # An element is named by where it stands in the body, not by its number among the matches.
        return [
            _relocated(failure, path.text, [normalized(place) for place, _ in found]) for failure in failures
        ]


def _relocated(failure: Failure, path: str, places: list[str]) -> Failure:
    rest = failure.path[len(path) :]
    if not rest.startswith("[") or "]" not in rest:
        return failure
    index, _, tail = rest[1:].partition("]")
    if not index.isdigit() or int(index) >= len(places):
        return failure
    at = places[int(index)] + tail
    message = at + failure.message[len(failure.path) :]
    return Failure(
        at,
        message,
        failure.expected,
        failure.got,
        failure.file,
        failure.line,
        failure.column,
        failure.width,
        failure.kind,
    )


def _joined(path: str, below: str) -> str:
    return path if not below else f"{path}{below}" if below[0] in ".[" else f"{path} {below}"


def _seconds(value: float | int | Number) -> str:
    """Return a duration as people read it."""
    number = float(value)
    return f"{number * 1000:.0f} ms" if number < 1 else f"{number:.2f} s"
