"""Routes for what browsers live by: a form with a token against forgery, redirects, cookies, a picture."""

import html
import re
import secrets
import struct
import zlib
from functools import cache
from urllib.parse import parse_qs

from aiohttp import web

from pytest_apitest.demo.auth import FORM_TYPE
from pytest_apitest.demo.problems import FieldError, RefusedError, invalid
from pytest_apitest.demo.validation import Query, expect_type, path_number

MAX_REDIRECTS = 50
MAX_FORMS = 1000
COOKIE_SETTINGS = ("path", "secure", "httponly", "samesite", "max_age")

FORMS: web.AppKey[dict[str, None]] = web.AppKey("forms", dict)

_COOKIE_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
_COOKIE_PATH = re.compile(r"/[\x21-\x3a\x3c-\x7e]*")

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
_FORM = """\
<form method="post" action="/html">
<input type="hidden" name="csrf" value="{csrf}">
<label>Comment <input name="comment"></label>
<button>Send</button>
</form>"""


async def form_page(request: web.Request) -> web.StreamResponse:
    """Show a form; its token is good for one submission."""
    forms = request.app[FORMS]
    while len(forms) >= MAX_FORMS:
        del forms[next(iter(forms))]
    csrf = secrets.token_urlsafe(16)
    forms[csrf] = None
    return _page("Leave a comment", _FORM.format(csrf=html.escape(csrf)))


async def submit_form(request: web.Request) -> web.StreamResponse:
    """Take the form and send the browser on."""
    expect_type(request, FORM_TYPE)
    form = parse_qs((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
    csrf = form.get("csrf", [""])[0]
    if csrf not in request.app[FORMS]:
        message = "the token of the form is missing, wrong or used"
        raise RefusedError(403, message)
    del request.app[FORMS][csrf]
    return web.Response(status=303, headers={"Location": "/html/done"})


async def done_page(_: web.Request) -> web.StreamResponse:
    """Say thanks."""
    return _page("Thank you", "<p>Your comment was sent.</p>")


async def redirect(request: web.Request) -> web.StreamResponse:
    """Send the client on, n times in all."""
    left = path_number(request, "n", least=0, most=MAX_REDIRECTS)
    if left == 0:
        return web.json_response({"redirects": "done"})
    return web.Response(status=302, headers={"Location": f"/redirect/{left - 1}"})


async def redirect_post(request: web.Request) -> web.StreamResponse:
    """Send a POST on to `/echo`, as the query says."""
    query = Query(request.query)
    status = query.text("status", known=("301", "302", "303", "307", "308")) or "307"
    query.finish()
    return web.Response(status=int(status), headers={"Location": "/echo"})


async def set_cookies(request: web.Request) -> web.StreamResponse:
    """Set a cookie for each parameter that is no setting."""
    query = Query(request.query)
    path = query.text("path") or "/"
    secure, httponly = query.boolean("secure"), query.boolean("httponly")
    samesite = query.text("samesite", known=("Lax", "Strict", "None"))
    max_age = query.integer("max_age", 0, least=0, most=10_000_000)
    query.finish(others=True)
    cookies = {name: value for name, value in request.query.items() if name not in COOKIE_SETTINGS}
    errors = [
        FieldError(name, "format", f"{name} is no name or no value that a cookie can have")
        for name, value in cookies.items()
        if not _COOKIE_NAME.fullmatch(name) or not _COOKIE_VALUE.fullmatch(value)
    ]
    if not _COOKIE_PATH.fullmatch(path):
        errors.append(FieldError("path", "format", "path is no path that a cookie can have"))
    if errors:
        raise invalid(errors)
    settings = f"; Path={path}"
    settings += f"; Max-Age={max_age}" if "max_age" in request.query else ""
    settings += "; Secure" if secure else ""
    settings += "; HttpOnly" if httponly else ""
    settings += f"; SameSite={samesite}" if samesite else ""
    response = web.json_response({"cookies": cookies})
    for name, value in cookies.items():
        response.headers.add("Set-Cookie", f"{name}={value}{settings}")
    return response


async def logo(_: web.Request) -> web.StreamResponse:
    """Answer a picture."""
    return web.Response(body=draw_logo(), content_type="image/png")


@cache
def draw_logo() -> bytes:
    """Draw two quotation marks as a PNG of 48 x 32 pixels."""
    width, height = 48, 32
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # this row is not filtered
        for x in range(width):
            mark = (x % 24) - 12, y - 12
            is_ink = mark[0] ** 2 + mark[1] ** 2 < 36 or (0 < mark[0] < 6 and 0 <= mark[1] < 14 - mark[0])
            rows += b"\x1f\x3a\x5f" if is_ink else bytes((245, 240 - y, 225))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    drawn = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks:
        drawn += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return drawn


def _page(title: str, body: str) -> web.Response:
    return web.Response(text=_PAGE.format(title=title, body=body), content_type="text/html", charset="utf-8")
