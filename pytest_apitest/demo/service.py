"""Routes about the service itself, and those that are slow, wrong or odd on purpose."""

import asyncio
import json
from functools import cache
from importlib import resources

import yaml
from aiohttp import web

from pytest_apitest.demo.pages import FORMS
from pytest_apitest.demo.problems import problem
from pytest_apitest.demo.store import STORE
from pytest_apitest.demo.validation import Query, path_number

MAX_WAIT_MS = 60_000
DESCRIPTION = "quotes.openapi.yaml"

# Written out, since a serializer would round what this route is for.
NUMBERS = """\
{"big": 1152921504606846977, "negative_big": -1152921504606846977, "digits": 12345678901234567890123, \
"tenth": 0.1, "price": 1.10, "one": 1.0, "exponent": 1.5e3, "small": 1e-7, "zero": 0, "negative_zero": -0.0}
"""


async def health(request: web.Request) -> web.StreamResponse:
    """Answer that all is well."""
    return web.json_response({"status": "ok", "quotes": len(request.app[STORE].quotes)})


async def reset(request: web.Request) -> web.StreamResponse:
    """Forget quotes, jobs and counters; tokens and sessions stay."""
    request.app[STORE].clear()
    request.app[FORMS].clear()
    return web.Response(status=204)


async def describe(_: web.Request) -> web.StreamResponse:
    """Answer the OpenAPI description."""
    return web.Response(body=_description(), content_type="application/json")


async def numbers(_: web.Request) -> web.StreamResponse:
    """Answer numbers that a careless reader loses digits of."""
    return web.Response(body=NUMBERS.encode(), content_type="application/json")


async def slow(request: web.Request) -> web.StreamResponse:
    """Answer after a while."""
    query = Query(request.query)
    milliseconds = query.integer("ms", None, least=0, most=MAX_WAIT_MS)
    query.finish()
    await asyncio.sleep(milliseconds / 1000)
    return web.json_response({"waited_ms": milliseconds})


async def status(request: web.Request) -> web.StreamResponse:
    """Answer any final status, with what the standard wants beside it."""
    code = path_number(request, "code", least=200, most=599)
    headers: dict[str, str] = {}
    if code in {301, 302, 303, 307, 308}:
        headers["Location"] = "/status/200"
    if code == 401:
        headers["WWW-Authenticate"] = 'Basic realm="quotes"'
    if code == 405:
        headers["Allow"] = "GET, HEAD, OPTIONS"
    if code == 407:
        headers["Proxy-Authenticate"] = 'Basic realm="quotes"'
    if code in {204, 205, 304}:
        return web.Response(status=code, headers=headers)
    if code >= 400:
        return problem(code, "this was asked for", headers=list(headers.items()))
    return web.json_response({"status": code}, status=code, headers=headers)


async def flaky(request: web.Request) -> web.StreamResponse:
    """Fail the first times that a key is used."""
    query = Query(request.query)
    key = query.text("key", required=True)
    fails = query.integer("fails", 2, least=0, most=1000)
    query.finish()
    assert key is not None
    attempts = request.app[STORE].attempts
    attempts[key] = attempts.get(key, 0) + 1
    if attempts[key] <= fails:
        return problem(503, f"try {attempts[key]} of {fails} that fail", headers=[("Retry-After", "1")])
    return web.json_response({"key": key, "attempts": attempts[key]})


@cache
def _description() -> bytes:
    source = resources.files("pytest_apitest.demo").joinpath(DESCRIPTION).read_text(encoding="utf-8")
    return json.dumps(yaml.safe_load(source)).encode()
