"""Writing the values of parameters by their styles, so that `parameters` reads the same values again.

Rules kept here, each with its source:
- the delimiters of a style stand between parts as they are, and are percent-encoded inside of them (OpenAPI 3.1,
  section 4.8.12, "Style Values" and "Style Examples"; RFC 6570, sections 3.2.2 to 3.2.9);
- `%20` and `%7C` are the delimiters of `spaceDelimited` and `pipeDelimited`, which nothing can stand for inside of a
  part: such a part is refused; so is a comma in a part of a header, where nothing is percent-encoded;
- `allowReserved` leaves what is reserved as it is, but for what a query gives a meaning: `#`, `&`, `+`, `[`, `]`;
- a value is written by its own kind: what is no list and no object is written as one text, whatever the schema says.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from pytest_apitest.functions import FilterError, as_text
from pytest_apitest.jsonvalue import dumps
from pytest_apitest.openapi.operations import Parameter
from pytest_apitest.openapi.parameters import SchemaTypes

_RESERVED = ":/?@!$'()*,;="
# What may stand in the value of a cookie (RFC 6265, section 4.1.1) and is not decoded to something else.
_IN_COOKIE = "!#$&'()*-./:<=>?@[]^_`{|}~"
_DELIMITERS = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}
_MEANT = {"%20": " ", "%7C": "|"}

Encode = Callable[[str], str]


class WritingError(Exception):
    """A value cannot be written in the style of its parameter; the message says why."""


def written_path(parameter: Parameter, value: Any, looks: SchemaTypes) -> str:
    """Return the text of a parameter in a path, percent-encoded.

    Args:
        parameter: the parameter.
        value: any value but null.
        looks: looks into schemas.

    Raises:
        WritingError: the value has no text in this style, or none at all, which would make another path.

    """
    style = parameter.style
    if style is None:
        return _encoded(_json(parameter, value, looks))
    label, matrix = style.style == "label", style.style == "matrix"
    parts = _parts(
        value, "=" if style.explode else ",", _without_dots if label and style.explode else _encoded
    )
    if not parts or parts == [""]:
        raise WritingError("is empty: the URL would be another one")
    if not matrix:
        return "." * label + ("." if label and style.explode else ",").join(parts)
    name = _encoded(parameter.name)
    if style.explode and isinstance(value, dict):
        return "".join(f";{part}" for part in parts)
    if style.explode:
        return "".join(f";{name}={part}" for part in parts)
    return f";{name}={','.join(parts)}"


def written_query(parameter: Parameter, value: Any, looks: SchemaTypes) -> list[str]:
    """Return the pieces `name=value` of a parameter in a query, percent-encoded.

    Args:
        parameter: the parameter.
        value: any value but null.
        looks: looks into schemas.

    Raises:
        WritingError: the value has no text in this style.

    """
    name, style = _encoded(parameter.name), parameter.style
    if style is None:
        return [f"{name}={_encoded(_json(parameter, value, looks))}"]
    encode: Encode = _encoded
    if parameter.reserved:
        parted = isinstance(value, list | dict) and not style.explode
        safe = _RESERVED.replace(",", "") if parted else _RESERVED
        encode = lambda text: quote(text, safe=safe)  # noqa: E731
    if isinstance(value, dict) and style.style == "deepObject":
        return [
            f"{name}%5B{_encoded(key)}%5D={encode(_text(one))}"
            for key, item in _members(value)
            for one in (item if isinstance(item, list) else [item])
        ]
    if isinstance(value, dict) and style.style == "form" and style.explode:
        return [f"{_encoded(key)}={encode(_text(item))}" for key, item in _members(value)]
    if isinstance(value, list) and style.explode:
        return [f"{name}={part}" for part in _parts(value, ",", encode)]
    delimiter = _DELIMITERS.get(style.style, ",")
    parts = _parts(value, delimiter, encode)
    if isinstance(value, list | dict) and delimiter != ",":
        _refuse_inside(value, _MEANT[delimiter], style.style)
    return [f"{name}={delimiter.join(parts)}"]


def written_header(parameter: Parameter, value: Any, looks: SchemaTypes) -> str:
    """Return the text of a parameter in a header, which is never percent-encoded.

    Args:
        parameter: the parameter.
        value: any value but null.
        looks: looks into schemas.

    Raises:
        WritingError: the value has no text in this style.

    """
    style = parameter.style
    if style is None:
        return "".join(
            one if one.isascii() else json.dumps(one)[1:-1] for one in _json(parameter, value, looks)
        )
    if isinstance(value, list | dict):
        _refuse_inside(value, ",", "of a header")
    if isinstance(value, dict) and style.explode and any("=" in key for key in value):
        raise WritingError("has a name with =, which the style of a header cannot write")
    return ",".join(_parts(value, "=" if style.explode else ",", lambda text: text))


def written_cookies(parameter: Parameter, value: Any, looks: SchemaTypes) -> dict[str, str]:
    """Return names and texts of a parameter among cookies; a list that is written apart is one text with its name.

    Args:
        parameter: the parameter.
        value: any value but null.
        looks: looks into schemas.

    Raises:
        WritingError: the value has no text in this style.

    """
    style = parameter.style
    if style is None:
        return {parameter.name: quote(_json(parameter, value, looks), safe=_IN_COOKIE)}

    def encode(text: str) -> str:
        return quote(text, safe=_IN_COOKIE)

    if isinstance(value, dict) and style.style == "form" and style.explode:
        return {key: encode(_text(item)) for key, item in _members(value)}
    if isinstance(value, list) and style.explode:
        return {parameter.name: f"; {parameter.name}=".join(_parts(value, ",", encode))}
    return {parameter.name: ",".join(_parts(value, ",", encode))}


# -- parts ----------------------------------------------------------------------------------------------


def _encoded(text: str) -> str:
    return quote(text, safe="")


def _without_dots(text: str) -> str:
    return _encoded(text).replace(".", "%2E")


def _parts(value: Any, joint: str, encode: Encode) -> list[str]:
    """Return the texts of a value, its parts apart.

    Args:
        value: any value.
        joint: what stands between name and value of a member; a comma makes them parts of their own.
        encode: encodes a text.

    """
    if isinstance(value, list):
        if not value:
            raise WritingError("is an empty list: leave it out, or write one value")
        return [encode(_text(item)) for item in value]
    if not isinstance(value, dict):
        return [encode(_text(value))]
    pairs = [(encode(key), encode(_text(item))) for key, item in _members(value)]
    if joint == "=":
        return [f"{key}={text}" for key, text in pairs]
    return [text for pair in pairs for text in pair]


def _members(value: dict[str, Any]) -> list[tuple[str, Any]]:
    if not value:
        raise WritingError("is an empty object: leave it out, or write one member")
    return list(value.items())


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list | dict):
        word = "a list" if isinstance(value, list) else "an object"
        raise WritingError(f"holds {word}, which its style cannot write")
    try:
        return as_text(value)
    except FilterError as error:
        raise WritingError(str(error)) from None


def _refuse_inside(value: Any, delimiter: str, style: str) -> None:
    texts = value if isinstance(value, list) else [one for pair in value.items() for one in pair]
    for one in texts:
        if delimiter in _text(one):
            shown = {" ": "a blank", ",": "a comma", "|": "a |"}[delimiter]
            what = style if style.startswith("of") else f"of {style}"
            raise WritingError(f"holds {shown}, which stands between the parts {what}")


def _json(parameter: Parameter, value: Any, looks: SchemaTypes) -> str:
    """Return a value as JSON; what was written as a text is what the schema takes it for."""
    schema = parameter.judge.raw if parameter.judge is not None else {}
    if isinstance(value, str):
        value = looks.scalar(value, schema)
    elif isinstance(value, list):
        item = looks.item(schema)
        value = [looks.scalar(one, item) if isinstance(one, str) else one for one in value]
    try:
        return dumps(value)
    except TypeError as error:
        raise WritingError(str(error)) from None
