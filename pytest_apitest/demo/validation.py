"""What a client may send: the rules for the fields of bodies and the parameters of queries.

Rules kept here:
- a check collects errors and never stops at the first one; they come in the order of the rules, unknown
  names last;
- JSON is read strictly: UTF-8, no NaN, no name twice;
- an unknown name is an error, also in a query: a misspelt filter would return everything.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from pytest_apitest.demo.problems import FieldError, RefusedError, invalid

Check = Callable[[str, object], list[FieldError]]

MAX_AUTHOR = 100
MAX_TEXT = 1000
MAX_TAGS = 10
MAX_TAG = 30

_KINDS = {
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def kind_of(value: object) -> str:
    """Name the JSON type of a value, with its article."""
    return _KINDS[type(value)]


async def read_json(request: web.Request, *also: str) -> object:
    """Read the JSON body of a request.

    Args:
        request: the request.
        also: media types that are accepted beside `application/json`.

    Raises:
        RefusedError: 415 for another media type, 400 when the body is no JSON.

    """
    expect_type(request, "application/json", *also)
    body = await request.read()
    if not body:
        message = "the body is empty; expected JSON"
        raise RefusedError(400, message)
    try:
        return strict_json(body)
    except (ValueError, RecursionError) as error:
        message = f"the body is not JSON: {error}"
        raise RefusedError(400, message) from None


def strict_json(body: bytes) -> Any:
    """Parse JSON as RFC 8259 says.

    Raises:
        ValueError: it is none, or a name stands twice in an object.

    """
    return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)


def expect_type(request: web.Request, *types: str) -> None:
    """Refuse a body of another media type with 415."""
    sent = request.content_type if "Content-Type" in request.headers else "none"
    if sent not in types:
        message = f"expected the content type {' or '.join(types)}, got {sent}"
        raise RefusedError(415, message, headers=[("Accept", ", ".join(types))])


def check_fields(
    body: object, checks: Mapping[str, Check], required: Collection[str]
) -> tuple[dict[str, Any], list[FieldError]]:
    """Check an object against rules for its fields; return its fields and every error."""
    if not isinstance(body, dict):
        return {}, [FieldError("", "type", f"expected an object, got {kind_of(body)}")]
    errors: list[FieldError] = []
    for name, check in checks.items():
        if name in body:
            errors.extend(check(name, body[name]))
        elif name in required:
            errors.append(FieldError(name, "required", f"{name} is missing"))
    errors.extend(
        FieldError(name, "unknown", f"{name} is not a field that can be set")
        for name in body
        if name not in checks
    )
    return body, errors


def text(most: int) -> Check:
    """Make the rule for a text that says something and has at most so many characters."""

    def check(name: str, value: object) -> list[FieldError]:
        if not isinstance(value, str):
            return [FieldError(name, "type", f"expected a text, got {kind_of(value)}")]
        if not value.strip():
            return [FieldError(name, "empty", f"{name} is empty")]
        if len(value) > most:
            return [FieldError(name, "too_long", f"{name} has {len(value)} characters, more than {most}")]
        return []

    return check


def one_of(*known: str) -> Check:
    """Make the rule for a text out of a few."""

    def check(name: str, value: object) -> list[FieldError]:
        if not isinstance(value, str):
            return [FieldError(name, "type", f"expected a text, got {kind_of(value)}")]
        if value not in known:
            return [FieldError(name, "unknown", f"{name} is none of {', '.join(known)}")]
        return []

    return check


def check_tags(name: str, value: object) -> list[FieldError]:
    """Check a list of tags and each tag in it."""
    if not isinstance(value, list):
        return [FieldError(name, "type", f"expected an array, got {kind_of(value)}")]
    errors = []
    if len(value) > MAX_TAGS:
        errors.append(FieldError(name, "too_long", f"{name} has {len(value)} elements, more than {MAX_TAGS}"))
    for index, tag in enumerate(value):
        errors.extend(_CHECK_TAG(f"{name}[{index}]", tag))
    return errors


def check_language(name: str, value: object) -> list[FieldError]:
    """Check a language of two letters."""
    if not isinstance(value, str):
        return [FieldError(name, "type", f"expected a text, got {kind_of(value)}")]
    if not re.fullmatch("[a-z]{2}", value):
        return [FieldError(name, "format", f"{name} is not two small letters")]
    return []


_CHECK_TAG = text(MAX_TAG)

QUOTE_FIELDS: Mapping[str, Check] = {
    "author": text(MAX_AUTHOR),
    "text": text(MAX_TEXT),
    "tags": check_tags,
    "lang": check_language,
}


class Query:
    """Reads the parameters of a query and collects what is wrong with them."""

    def __init__(self, parameters: MultiMapping[str]) -> None:
        self._parameters = parameters
        self._known: list[str] = []
        self._errors: list[FieldError] = []

    def text(self, name: str, *, known: Collection[str] | None = None, required: bool = False) -> str | None:
        """Return the only value of a parameter, None when it was not sent."""
        values = self.texts(name)
        if len(values) > 1:
            self._refuse(name, "type", f"{name} was sent {len(values)} times")
        elif values and known is not None and values[0] not in known:
            self._refuse(name, "unknown", f"{name} is none of {', '.join(known)}")
        elif values and required and not values[0]:
            self._refuse(name, "empty", f"{name} is empty")
        elif values:
            return values[0]
        elif required:
            self._refuse(name, "required", f"{name} is missing")
        return None

    def texts(self, name: str) -> list[str]:
        """Return all values of a parameter."""
        self._known.append(name)
        return self._parameters.getall(name, [])

    def integer(self, name: str, default: int | None, *, least: int, most: int) -> int:
        """Return a whole number; without default it is required."""
        value = self.text(name, required=default is None)
        if value is None:
            return least if default is None else default
        if not re.fullmatch(r"-?[0-9]{1,12}", value):
            self._refuse(name, "type", f"{name} is not a whole number")
        elif not least <= int(value) <= most:
            self._refuse(name, "out_of_range", f"{name} is not between {least} and {most}")
        else:
            return int(value)
        return least

    def boolean(self, name: str) -> bool:
        """Return whether a parameter is `true`."""
        return self.text(name, known=("true", "false")) == "true"

    def finish(self, *, others: bool = False) -> None:
        """Refuse the request if anything was wrong.

        Args:
            others: whether parameters that were not asked for are fine.

        Raises:
            RefusedError: 422 with all errors.

        """
        if not others:
            for name in dict.fromkeys(self._parameters):
                if name not in self._known:
                    self._refuse(name, "unknown", f"{name} is not a parameter")
        if self._errors:
            raise invalid(self._errors)

    def _refuse(self, field: str, code: str, message: str) -> None:
        self._errors.append(FieldError(field, code, message))


def path_number(request: web.Request, name: str, *, least: int, most: int) -> int:
    """Return a whole number of the path.

    Raises:
        RefusedError: 422 when it is none or out of range.

    """
    value = request.match_info[name]
    if not re.fullmatch(r"[0-9]{1,12}", value):
        raise invalid([FieldError(name, "type", f"{name} is not a whole number")])
    if not least <= int(value) <= most:
        raise invalid([FieldError(name, "out_of_range", f"{name} is not between {least} and {most}")])
    return int(value)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        message = f'the name "{twice}" stands twice in an object'
        raise ValueError(message)
    return made


def _refuse_constant(name: str) -> object:
    message = f"{name} is no JSON value"
    raise ValueError(message)
