"""Routes that say back what they were sent: whole requests, forms, texts.

Rules kept here:
- what is said back is what arrived: header lines in order with their case and repeats, the path undecoded,
  JSON with the digits that were sent.
"""

import hashlib
import json
from urllib.parse import parse_qsl

from aiohttp import web

from pytest_apitest.demo.auth import FORM_TYPE
from pytest_apitest.demo.problems import RefusedError
from pytest_apitest.demo.validation import expect_type, strict_json

TEXT_TYPES = ("text/plain", "text/csv")


async def echo(request: web.Request) -> web.StreamResponse:
    """Describe the request."""
    body = await request.read()
    path, _, query = request.raw_path.partition("?")
    said = {
        "method": request.method,
        "path": path,
        "query": query,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.raw_headers],
        "cookies": dict(request.cookies),
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "text": _text_of(body),
    }
    # Spliced in as it was sent: parsing would lose the digits of large and decimal numbers.
    rendered = json.dumps(said, ensure_ascii=False)[:-1] + f', "json": {_json_of(body)}}}'
    return web.Response(body=rendered.encode("utf-8", "replace"), content_type="application/json")


async def form(request: web.Request) -> web.StreamResponse:
    """Say back the fields of a form."""
    expect_type(request, FORM_TYPE)
    try:
        pairs = parse_qsl(
            (await request.read()).decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=1000,
        )
    except ValueError as error:
        message = f"the body is no form: {error}"
        raise RefusedError(400, message) from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return web.json_response({"fields": fields, "pairs": pairs})


async def text(request: web.Request) -> web.StreamResponse:
    """Say back a text as it is, with the number of its bytes."""
    expect_type(request, *TEXT_TYPES)
    body = await request.read()
    try:
        body.decode(request.charset or "utf-8")
    except (UnicodeDecodeError, LookupError) as error:
        message = f"the body is no text: {error}"
        raise RefusedError(400, message) from None
    headers = {"Content-Type": request.headers["Content-Type"], "X-Byte-Count": str(len(body))}
    return web.Response(body=body, headers=headers)


def _text_of(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _json_of(body: bytes) -> str:
    try:
        strict_json(body)
    except (ValueError, RecursionError):
        return "null"
    return body.decode("utf-8")
