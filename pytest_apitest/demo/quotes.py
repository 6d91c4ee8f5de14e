"""The routes of quotes: create, find, read, replace, change, remove, and the portrait of an author.

Rules kept here:
- a request is refused in this order: credentials, path, media type, syntax, fields, and only then the
  preconditions `If-Match` and `If-None-Match` (RFC 9110, section 13.2);
- every answer with a quote carries its strong entity tag;
- the list is cut after filters and order; `next` keeps both.
"""

import asyncio
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web

from pytest_apitest.demo.problems import FieldError, RefusedError, invalid
from pytest_apitest.demo.store import STORE, Quote, all_tags
from pytest_apitest.demo.validation import (
    MAX_AUTHOR,
    QUOTE_FIELDS,
    Query,
    check_fields,
    expect_type,
    read_json,
)

MAX_PAGE_SIZE = 100
MAX_IMAGE = 10 * 1024 * 1024
# What the other parts of a multipart body, and what stands between them, may take.
_MAX_FIELDS = 1024 * 1024
GZIP_FROM = 1024
PATCH_TYPE = "application/merge-patch+json"
DEFAULTS: Mapping[str, object] = {"tags": [], "lang": "en"}

ORDERS: dict[str, tuple[Callable[[Quote], str | datetime], bool]] = {
    "created": (lambda quote: quote.created, False),
    "-created": (lambda quote: quote.created, True),
    "author": (lambda quote: quote.author, False),
    "-author": (lambda quote: quote.author, True),
}


async def create(request: web.Request) -> web.StreamResponse:
    """Store a quote."""
    fields = await _read_fields(request, whole=True)
    quote = request.app[STORE].create_quote(fields)
    return _answer(quote, status=201, headers={"Location": quote.path})


async def list_all(request: web.Request) -> web.StreamResponse:
    """Answer one page of the quotes that match the filters."""
    query = Query(request.query)
    page = query.integer("page", 1, least=1, most=1_000_000)
    size = query.integer("size", 10, least=1, most=MAX_PAGE_SIZE)
    author = query.text("author")
    tags = query.texts("tag")
    order = query.text("sort", known=ORDERS) or "created"
    query.finish()
    found = [
        quote
        for quote in request.app[STORE].all_quotes()
        if (author is None or quote.author == author) and all(tag in quote.tags for tag in tags)
    ]
    key, is_reversed = ORDERS[order]
    found.sort(key=lambda quote: quote.id, reverse=is_reversed)
    found.sort(key=key, reverse=is_reversed)
    pages = -(-len(found) // size)
    following = [(name, value) for name, value in request.query.items() if name != "page"]
    more = f"/quotes?{urlencode([*following, ('page', str(page + 1))])}" if page < pages else None
    body = {
        "items": [quote.as_json() for quote in found[(page - 1) * size : page * size]],
        "page": page,
        "pages": pages,
        "total": len(found),
        "next": more,
    }
    return _compressed(request, json.dumps(body, ensure_ascii=False).encode())


async def read(request: web.Request) -> web.StreamResponse:
    """Answer one quote, or 304 when the client has it."""
    quote = _quote_of(request)
    known = request.headers.get("If-None-Match")
    if known is not None and (known.strip() == "*" or quote.etag in all_tags(known)):
        return web.Response(status=304, headers={"ETag": quote.etag})
    return _answer(quote)


async def replace_all(request: web.Request) -> web.StreamResponse:
    """Replace every field that a client sets."""
    quote = _quote_of(request)
    fields = await _read_fields(request, whole=True)
    _check_preconditions(request, quote)
    return _answer(request.app[STORE].change_quote(quote, {**DEFAULTS, **fields}))


async def change(request: web.Request) -> web.StreamResponse:
    """Replace the fields that are sent."""
    quote = _quote_of(request)
    fields = await _read_fields(request, whole=False)
    _check_preconditions(request, quote)
    return _answer(request.app[STORE].change_quote(quote, fields))


async def remove(request: web.Request) -> web.StreamResponse:
    """Forget a quote."""
    quote = _quote_of(request)
    _check_preconditions(request, quote)
    del request.app[STORE].quotes[quote.id]
    return web.Response(status=204)


async def add_portrait(request: web.Request) -> web.StreamResponse:
    """Take a picture of the author; a job works on it."""
    _quote_of(request)
    expect_type(request, "multipart/form-data")
    upload = await _read_upload(request)
    result = {
        "filename": upload.filename,
        "content_type": upload.content_type,
        "size": len(upload.data),
        "sha256": hashlib.sha256(upload.data).hexdigest(),
        "fields": upload.fields,
    }
    job = request.app[STORE].create_job("portrait", result)
    return web.json_response({"job": job.path, **result}, status=202, headers={"Location": job.path})


@dataclass(frozen=True, slots=True)
class _Upload:
    """A multipart body that is valid."""

    filename: str
    content_type: str
    data: bytes
    fields: dict[str, list[str]]


def _quote_of(request: web.Request) -> Quote:
    key = request.match_info["id"]
    quote = request.app[STORE].quote(key)
    if quote is None:
        message = f"there is no quote {key}"
        raise RefusedError(404, message)
    return quote


async def _read_fields(request: web.Request, *, whole: bool) -> dict[str, Any]:
    body = await read_json(request) if whole else await read_json(request, PATCH_TYPE)
    fields, errors = check_fields(body, QUOTE_FIELDS, ("author", "text") if whole else ())
    if errors:
        raise invalid(errors)
    return fields


def _check_preconditions(request: web.Request, quote: Quote) -> None:
    if_match = request.headers.get("If-Match")
    if if_match is not None and not quote.is_matched_by(if_match):
        message = "the quote was changed since it was read"
        raise RefusedError(412, message, headers=[("ETag", quote.etag)])
    if_none_match = request.headers.get("If-None-Match")
    if if_none_match is not None and (if_none_match.strip() == "*" or quote.etag in all_tags(if_none_match)):
        message = "the quote is there already"
        raise RefusedError(412, message, headers=[("ETag", quote.etag)])


def _answer(quote: Quote, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(quote.as_json(), status=status, headers={"ETag": quote.etag, **(headers or {})})


def _compressed(request: web.Request, body: bytes) -> web.Response:
    """Answer JSON, compressed when it is long and the client can read that."""
    headers = {"Content-Type": "application/json; charset=utf-8", "Vary": "Accept-Encoding"}
    if len(body) > GZIP_FROM and _accepts_gzip(request.headers.getall("Accept-Encoding", [])):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, mtime=0)
    return web.Response(body=body, headers=headers)


def _accepts_gzip(lines: list[str]) -> bool:
    quality: dict[str, float] = {}
    for item in ",".join(lines).lower().split(","):
        coding, _, parameter = item.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            quality[coding.strip()] = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            quality[coding.strip()] = 0.0
    return quality.get("gzip", quality.get("*", 0.0)) > 0


async def _read_upload(request: web.Request) -> _Upload:
    """Read the parts of a multipart body.

    Raises:
        RefusedError: 400 when it is malformed, 413 when the image is too large, 422 when a part is missing.

    """
    fields: dict[str, list[str]] = {}
    image: tuple[str, str, bytes] | None = None
    try:
        async for part in await _parts(request):
            if not isinstance(part, BodyPartReader) or not part.name:
                message = "a part of the body has no name"
                raise RefusedError(400, message)
            data = await _read_part(part)
            if part.filename is None:
                fields.setdefault(part.name, []).append(data.decode("utf-8"))
            elif part.name == "image":
                content_type = part.headers.get("Content-Type", "application/octet-stream")
                image = (part.filename, content_type, data)
    except (ValueError, AssertionError) as error:
        message = f"the body is no multipart/form-data: {error}"
        raise RefusedError(400, message) from None
    titles = fields.get("title", [])
    errors: list[FieldError] = []
    if not titles:
        errors.append(FieldError("title", "required", "title is missing"))
    elif len(titles[0]) > MAX_AUTHOR:
        errors.append(FieldError("title", "too_long", f"title has more than {MAX_AUTHOR} characters"))
    if image is None:
        code, what = ("type", "is no file") if "image" in fields else ("required", "is missing")
        errors.append(FieldError("image", code, f"image {what}"))
    if errors or image is None:
        raise invalid(errors)
    return _Upload(*image, fields=fields)


async def _parts(request: web.Request) -> MultipartReader:
    """Return the reader of a multipart body that has arrived as a whole.

    Where the network cuts it into small pieces, aiohttp's reader warns of itself.
    """
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > MAX_IMAGE + _MAX_FIELDS:
            message = f"the body is larger than {MAX_IMAGE + _MAX_FIELDS} bytes"
            raise RefusedError(413, message)
    stream = StreamReader(request.protocol, limit=len(body) + 1, loop=asyncio.get_running_loop())
    stream.feed_data(bytes(body))
    stream.feed_eof()
    return MultipartReader(request.headers, stream)


async def _read_part(part: BodyPartReader) -> bytes:
    data = bytearray()
    while piece := await part.read_chunk():
        data += piece
        if len(data) > MAX_IMAGE:
            message = f"a part of the body is larger than {MAX_IMAGE} bytes"
            raise RefusedError(413, message)
    return bytes(data)
