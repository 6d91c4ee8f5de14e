"""Saving values of an answer (language, section 8).

Rules kept here:
- saves happen before the checks of the step, also when these will fail;
- exactly one value is asked for, unless `take` says which;
- nothing found fails the step with what is there, unless `optional` says that this is fine.
"""

from typing import Any

from pytest_apitest.engine.answers import Answer, NotTextError
from pytest_apitest.engine.scope import RunScope
from pytest_apitest.jsonvalue import NotJSONError, show_typed
from pytest_apitest.language.model import SaveSource
from pytest_apitest.references import RenderError

_NOTHING: list[Any] = []


class NothingFoundError(Exception):
    """Nothing was found; the message says what is there instead."""


def extract(source: SaveSource, answer: Answer, scope: RunScope) -> Any:
    """Return the value of a source.

    Raises:
        NothingFoundError: there is nothing, which `optional` forgives.
        RenderError: the answer cannot be read so, or there are several; nothing forgives that.

    """
    values = _values(source, answer, scope)
    if source.regex is not None:
        values = _matches(source, values, scope)
    if source.take == "all":
        return list(values)
    if source.take == "first":
        return values[0]
    if source.take == "last":
        return values[-1]
    if len(values) > 1:
        raise RenderError(f"found {len(values)}, expected one; say take: first, last or all")
    return values[0]


def _values(source: SaveSource, answer: Answer, scope: RunScope) -> list[Any]:
    if source.kind == "status":
        return [answer.response.status]
    if source.kind == "url":
        return [answer.url]
    if source.kind == "text":
        try:
            return [answer.text]
        except NotTextError as error:
            raise RenderError(f"the body is no text: {error}") from None
    if source.kind == "header":
        lines = answer.response.header_lines(source.name)
        if not lines:
            there = ", ".join(dict.fromkeys(name.lower() for name, _ in answer.response.headers))
            raise NothingFoundError(f"no header {source.name}; there are {there or 'none'}")
        return list(lines)
    if source.kind == "cookie":
        value = answer.cookies.get(source.name)
        if value is None:
            there = ", ".join(answer.cookies) or "none"
            raise NothingFoundError(f"no cookie {source.name} was set; there are {there}")
        return [value]
    return _json_values(source, answer, scope)


def _json_values(source: SaveSource, answer: Answer, scope: RunScope) -> list[Any]:
    assert source.path is not None
    path = source.path.path(scope)
    try:
        document = answer.json
    except NotJSONError as error:
        raise NothingFoundError(f"body is not JSON: {error}") from None
    found = path.find(document)
    if not found:
        reason = path.missing(document).partition("; ")[2]
        raise NothingFoundError(f"nothing at {path.text}; {reason}")
    return [value for _, value in found]


def _matches(source: SaveSource, values: list[Any], scope: RunScope) -> list[str]:
    expression = source.regex.render(scope)
    found: list[str] = []
    for value in values:
        if not isinstance(value, str):
            raise RenderError(f"regex needs a text, got {show_typed(value)}")
        found += expression.values(value)
    if not found:
        raise NothingFoundError(f"nothing matches {expression.pattern}")
    return found
