"""Who a request is from: tokens, Basic, API key, JWT, sessions, and the routes that hand them out.

Rules kept here:
- a write needs one credential of any kind; a wrong one is a 401 even if another, right one came along;
- every 401 says in `WWW-Authenticate` what would have been accepted; who is known but may not is a 403;
- secrets are compared in constant time and never part of an answer.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from aiohttp import web

from pytest_apitest.demo.digest import DigestGate
from pytest_apitest.demo.problems import Handler, Headers, RefusedError, invalid
from pytest_apitest.demo.store import STORE, now_utc, rfc3339
from pytest_apitest.demo.validation import check_fields, expect_type, read_json, strict_json, text

REALM = "quotes"
USER = "ada"
PASSWORD = "lovelace"  # noqa: S105 - the credentials of a demo are public
CLIENT = "demo"
CLIENT_SECRET = "demo-secret"  # noqa: S105
READER_TOKEN = "reader-token"  # noqa: S105
TOKEN_SECONDS = 3600
JWT_SECONDS = 3600
BASIC = f'Basic realm="{REALM}", charset="UTF-8"'
FORM_TYPE = "application/x-www-form-urlencoded"
SCOPES = {"write": True, "read": False}


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a credential belongs to.

    Args:
        user: name of the user or client.
        may_write: whether it is more than a reader.

    """

    user: str
    may_write: bool = True


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who logged in."""

    user: str
    since: str


@dataclass(slots=True)
class Gate:
    """The credentials of one application.

    Args:
        token: the token that may always write.

    """

    token: str
    issued: dict[str, tuple[Identity, float]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    digest: DigestGate = field(default_factory=lambda: DigestGate(REALM, USER, PASSWORD))

    def identify(self, request: web.Request) -> Identity:
        """Find out whom a request is from.

        Raises:
            RefusedError: 401, nobody or a credential that is wrong.

        """
        credentials = request.headers.get("Authorization")
        key = request.headers.get("X-API-Key")
        if credentials is not None:
            scheme, _, value = credentials.strip().partition(" ")
            value = value.strip()
            if scheme.lower() == "basic":
                if is_ada(value):
                    return Identity(USER)
                raise unauthorized("user or password is wrong")
            if scheme.lower() == "token":
                return self._fixed(value)
            if scheme.lower() == "bearer":
                return self._bearer(value)
            raise unauthorized(f"the scheme {scheme} is not known here")
        if key is not None:
            return self._fixed(key)
        raise unauthorized("this needs a credential")

    def issue(self, identity: Identity) -> str:
        """Make a token."""
        token = secrets.token_urlsafe(24)
        self.issued[token] = (identity, time.monotonic() + TOKEN_SECONDS)
        return token

    def _bearer(self, value: str) -> Identity:
        if value in self.issued:
            identity, ends = self.issued[value]
            if time.monotonic() >= ends:
                raise unauthorized("the token has expired", invalid_token=True)
            return identity
        if value.count(".") == 2:
            return Identity(_verify_jwt(value))
        return self._fixed(value)

    def _fixed(self, value: str) -> Identity:
        if _same(value, self.token):
            return Identity(USER)
        if _same(value, READER_TOKEN):
            return Identity("reader", may_write=False)
        raise unauthorized("the token is not known", invalid_token=True)


GATE: web.AppKey[Gate] = web.AppKey("gate", Gate)


def guarded(handler: Handler) -> Handler:
    """Make a route one that only somebody who may write can use."""

    async def checked(request: web.Request) -> web.StreamResponse:
        identity = request.app[GATE].identify(request)
        if not identity.may_write:
            message = f"{identity.user} may read only"
            raise RefusedError(403, message)
        return await handler(request)

    return checked


def unauthorized(detail: str, *, invalid_token: bool = False) -> RefusedError:
    """Make the 401 of a write."""
    error = ', error="invalid_token"' if invalid_token else ""
    challenges = (f'Token realm="{REALM}"', f'Bearer realm="{REALM}"{error}', BASIC)
    return RefusedError(401, detail, headers=[("WWW-Authenticate", challenge) for challenge in challenges])


def is_ada(encoded: str) -> bool:
    """Tell whether the credentials of Basic are the user's."""
    pair = _basic_pair(encoded)
    return pair is not None and _same(pair[0], USER) & _same(pair[1], PASSWORD)


async def basic(request: web.Request) -> web.StreamResponse:
    """Answer to Basic only."""
    scheme, _, value = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "basic" or not is_ada(value.strip()):
        message = "this needs Basic credentials"
        raise RefusedError(401, message, headers=[("WWW-Authenticate", BASIC)])
    return web.json_response({"user": USER, "scheme": "basic"})


async def digest(request: web.Request) -> web.StreamResponse:
    """Answer to Digest only."""
    algorithm, headers = request.app[GATE].digest.check(request)
    return web.json_response({"user": USER, "scheme": "digest", "algorithm": algorithm}, headers=headers)


async def oauth_token(request: web.Request) -> web.StreamResponse:
    """Grant a token to a client (RFC 6749, section 4.4); its errors have the shape of section 5.2."""
    if request.content_type != FORM_TYPE:
        return _oauth_error(400, "invalid_request", f"expected the content type {FORM_TYPE}")
    pairs = parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
    form = dict(pairs)
    if len(form) < len(pairs):
        return _oauth_error(400, "invalid_request", "a parameter was sent twice")
    credentials = request.headers.get("Authorization")
    if credentials is not None:
        scheme, _, value = credentials.strip().partition(" ")
        pair = _basic_pair(value.strip()) if scheme.lower() == "basic" else None
        client, secret = (unquote_plus(pair[0]), unquote_plus(pair[1])) if pair else ("", "")
    else:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
    if not (_same(client, CLIENT) & _same(secret, CLIENT_SECRET)):
        return _oauth_error(401, "invalid_client", "client or secret is wrong", [("WWW-Authenticate", BASIC)])
    if form.get("grant_type") != "client_credentials":
        code = "unsupported_grant_type" if form.get("grant_type") else "invalid_request"
        return _oauth_error(400, code, "expected grant_type=client_credentials")
    scope = form.get("scope") or "write"
    if scope not in SCOPES:
        return _oauth_error(400, "invalid_scope", f"the scopes are {' and '.join(SCOPES)}")
    token = request.app[GATE].issue(Identity(client, may_write=SCOPES[scope]))
    body = {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": scope}
    return web.json_response(body, headers={"Cache-Control": "no-store"})


async def log_in(request: web.Request) -> web.StreamResponse:
    """Start a session and hand out a token."""
    if request.content_type == FORM_TYPE:
        body: object = dict(
            parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
        )
    else:
        expect_type(request, "application/json", FORM_TYPE)
        body = await read_json(request)
    fields, errors = check_fields(body, {"user": text(100), "password": text(100)}, ("user", "password"))
    if errors:
        raise invalid(errors)
    if not (_same(fields["user"], USER) & _same(fields["password"], PASSWORD)):
        raise unauthorized("user or password is wrong")
    gate = request.app[GATE]
    key = secrets.token_urlsafe(24)
    gate.sessions[key] = Session(USER, rfc3339(now_utc()))
    response = web.json_response({"token": gate.issue(Identity(USER))}, headers={"Cache-Control": "no-store"})
    response.set_cookie("session", key, httponly=True, samesite="Lax")
    return response


async def me(request: web.Request) -> web.StreamResponse:
    """Answer who is logged in."""
    session = request.app[GATE].sessions.get(request.cookies.get("session", ""))
    if session is None:
        message = "nobody is logged in"
        challenge = f'Cookie realm="{REALM}", form-action="/login", cookie-name="session"'
        raise RefusedError(401, message, headers=[("WWW-Authenticate", challenge)])
    return web.json_response({"user": session.user, "since": session.since})


async def log_out(request: web.Request) -> web.StreamResponse:
    """End the session; nobody logged in is fine too."""
    request.app[GATE].sessions.pop(request.cookies.get("session", ""), None)
    return web.Response(
        status=204, headers={"Set-Cookie": "session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"}
    )


async def report(request: web.Request) -> web.StreamResponse:
    """Answer some counts."""
    store = request.app[STORE]
    states = [quote.state for quote in store.all_quotes()]
    counts = {state: states.count(state) for state in ("draft", "published", "rejected")}
    return web.json_response({"quotes": len(states), "jobs": len(store.jobs), "states": counts})


def _verify_jwt(token: str) -> str:
    """Check a token that the client signed with its own secret; return the client.

    Raises:
        RefusedError: 401, with the first thing that is wrong.

    """
    signed, _, signature = token.rpartition(".")
    try:
        header, claims = (strict_json(_base64url(part)) for part in signed.split("."))
        given = _base64url(signature)
    except (ValueError, RecursionError):
        raise unauthorized("the token is malformed", invalid_token=True) from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise unauthorized("the token is malformed", invalid_token=True)
    if header.get("alg") != "HS256":
        raise unauthorized("the token is not signed with HS256", invalid_token=True)
    expected = hmac.digest(CLIENT_SECRET.encode(), signed.encode(), hashlib.sha256)
    if not hmac.compare_digest(expected, given):
        raise unauthorized("the signature of the token is wrong", invalid_token=True)
    if not header.get("client_identifier", CLIENT) == claims.get("client_id") == claims.get("iss") == CLIENT:
        raise unauthorized("the client of the token is not known", invalid_token=True)
    issued, expires = claims.get("iat"), claims.get("exp")
    now = time.time()
    if type(issued) is not int or abs(now - issued) > JWT_SECONDS:
        raise unauthorized("the token was not issued within an hour", invalid_token=True)
    if expires is not None and (type(expires) not in (int, float) or expires <= now):
        raise unauthorized("the token has expired", invalid_token=True)
    return CLIENT


def _base64url(part: str) -> bytes:
    if not part.isascii() or "=" in part or "+" in part or "/" in part:
        message = "not base64url"
        raise ValueError(message)
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _basic_pair(encoded: str) -> tuple[str, str] | None:
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), known.encode())


def _oauth_error(status: int, code: str, description: str, headers: Headers = ()) -> web.Response:
    response = web.Response(
        status=status,
        body=json.dumps({"error": code, "error_description": description}).encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
    for name, value in headers:
        response.headers.add(name, value)
    return response
