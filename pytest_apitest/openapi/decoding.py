"""The value of a parameter from what was sent, whatever says how it is written: a style, JSON or a form."""

from typing import Any
from urllib.parse import unquote, unquote_plus

from pytest_apitest.openapi.media import form_value
from pytest_apitest.openapi.operations import Parameter
from pytest_apitest.openapi.parameters import (
    ABSENT,
    SchemaTypes,
    as_json,
    decoded_header,
    decoded_path,
    decoded_query,
    the_only,
)


def decoded(parameter: Parameter, sent: Any, looks: SchemaTypes) -> Any:
    """Return the value of a parameter from its text, or from names and texts; or `ABSENT`.

    Args:
        parameter: the parameter.
        sent: its text in a path or header, the whole query, what `query_pairs` or `cookie_pairs` returns, or `ABSENT`.
        looks: looks into schemas.

    Raises:
        NotJSONError: it is no JSON where it should be.
        BodyError: it is no form where it should be.
        StyleError: it was sent in a way that has no value in its style.

    """
    if sent is ABSENT:
        return ABSENT
    if parameter.form:
        return form_value(sent.encode(), parameter.judge.raw if parameter.judge is not None else {}, looks)
    if parameter.place == "querystring":
        return as_json(unquote(sent)) if parameter.judge is not None else sent
    if isinstance(sent, list) and parameter.style is None:
        texts = [text for name, text in sent if name == parameter.name]
        return as_json(unquote_plus(the_only(texts))) if texts else ABSENT
    if parameter.style is None:
        return as_json(unquote_plus(sent) if parameter.place == "path" else sent)
    if isinstance(sent, list):
        return decoded_query(parameter.style, sent, looks)
    decode = decoded_path if parameter.place == "path" else decoded_header
    return decode(parameter.style, sent, looks)
