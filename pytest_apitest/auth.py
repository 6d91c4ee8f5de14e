"""Auth schemes: from the settings behind `auth` to the headers of a request (language, section 3, `auth`).

Rules kept here:
- a scheme is declared once, with its settings; reader, editor schema and reference derive from it;
- settings that are secret say so here, and so does every header a scheme makes;
- digest answers a 401 once (RFC 7616); oauth2 keeps its token per process until a minute before it ends
  or a 401 (RFC 6749, section 4.4); tokens of `jwt` are made anew for each request, since they carry the time.
"""

import base64
import hashlib
import inspect
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from pytest_apitest import jsonvalue
from pytest_apitest.data import data
from pytest_apitest.exchange import Headers, Response, lines_of
from pytest_apitest.jsonvalue import NotJSONError, show_typed
from pytest_apitest.patterns import deferred
from pytest_apitest.registry import Table

_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
# From the strongest to the weakest; OpenSSL knows the first, Python's own hashes do not.
_DIGESTS = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
# A scheme at the beginning of a challenge, if any, and a parameter.
# Nothing in it is read twice, so no server makes it slow.
_PARAMETER = deferred(
    r'(?<![\w-])(?:([\w-]++)[ \t]++)?(\w++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]++))'
)
_TARGET = deferred(r"[^:]+://[^/?]*(.*)")
UNKNOWN_LIFETIME = 300.0
_LONGEST_LIFETIME = 10**9


class AuthError(Exception):
    """Credentials could not be made; the message says why, without any secret."""


@data
class Field:
    """A setting of a scheme.

    Args:
        kind: `text`, `empty` (a text that may be empty), `url`, `object`, or the allowed words separated by
            `|`.
        required: whether it must be written.
        secret: whether its value is masked everywhere.
        doc: one sentence for the editor.

    """

    kind: str = "text"
    required: bool = True
    secret: bool = True
    doc: str = ""


@data
class SignedRequest:
    """What a scheme sees of a request.

    Args:
        method: the method.
        url: the absolute URL.
        headers: the header lines so far.
        body: the body, or None.

    """

    method: str
    url: str
    headers: Headers
    body: bytes | None


# Sends a form to a URL with headers and returns the answer; for schemes that fetch a token.
Post = Callable[[str, Mapping[str, str], Mapping[str, str]], Response]


@data
class Scheme:
    """An auth scheme.

    Args:
        name: as written.
        settings: its settings by name; None means a single text, given as `value`; an empty mapping means
            names and texts of the author's choice.
        headers: returns the headers of a request.
        challenge: returns the headers of the second try after a 401, or None to keep the first answer.
        fetch: returns the headers with the help of another request.
        forget: hears of a 401, so that what was fetched before is not used again.

    """

    name: str
    settings: Mapping[str, Field] | None
    headers: Callable[[SignedRequest, Mapping[str, Any]], Mapping[str, str]]
    challenge: Callable[[SignedRequest, Mapping[str, Any], Response], Mapping[str, str] | None] | None = None
    fetch: Callable[[Mapping[str, Any], Post], Mapping[str, str]] | None = None
    forget: Callable[[Mapping[str, Any]], None] | None = None
    documented: Callable[..., Any] | None = field(default=None, repr=False)

    @property
    def doc(self) -> str:
        """The first paragraph of the docstring, on one line."""
        text = inspect.getdoc(self.documented or self.headers) or ""
        return " ".join(text.split("\n\n")[0].split())


def token(request: SignedRequest, settings: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG001
    """`Authorization: Token <value>`."""
    return {"Authorization": f"Token {settings['value']}"}


def bearer(request: SignedRequest, settings: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG001
    """`Authorization: Bearer <value>` (RFC 6750)."""
    return {"Authorization": f"Bearer {settings['value']}"}


def basic(request: SignedRequest, settings: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG001
    """HTTP Basic with user name and password (RFC 7617)."""
    if ":" in settings["username"]:
        raise AuthError("basic: a user name holds no colon")
    pair = _utf8("basic", f"{settings['username']}:{settings['password']}")
    return {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}


def header(request: SignedRequest, settings: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG001
    """Credential headers by name; their values are masked."""
    return dict(settings)


def jwt(request: SignedRequest, settings: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG001
    """A signed Bearer token with client id and secret, made for each request (platform facts, section 4.1)."""
    client = settings["client_id"]
    algorithm = settings.get("alg", "HS256")
    for name in ("header", "claims"):
        if not isinstance(settings.get(name, {}), Mapping):
            raise AuthError(f"jwt: {name} needs an object, got {show_typed(settings[name], 40)}")
    head = {"typ": "JWT", "alg": algorithm, "client_identifier": client, **settings.get("header", {})}
    claims = {
        "iss": client,
        "iat": int(time.time()),
        "client_id": client,
        "user_id": "",
        "user_representation": "",
        **settings.get("claims", {}),
    }
    return {"Authorization": "Bearer " + sign_jwt(head, claims, settings["secret"], algorithm)}


def sign_jwt(head: Mapping[str, Any], claims: Mapping[str, Any], key: str, algorithm: str) -> str:
    """Return a signed JSON Web Token (RFC 7515, compact form); any key is taken, also a short or empty one."""
    try:
        parts = [_utf8("jwt", jsonvalue.dumps(part)) for part in (head, claims)]
    except TypeError as error:
        raise AuthError(f"jwt: {error}") from None
    import hmac  # noqa: PLC0415 - few sign

    signed = ".".join(map(_base64url, parts))
    digest = hmac.new(_utf8("jwt", key), signed.encode("ascii"), _HASHES[algorithm]).digest()
    return f"{signed}.{_base64url(digest)}"


def _utf8(scheme: str, text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise AuthError(f"{scheme}: half a surrogate pair has no UTF-8") from None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


# -- digest ---------------------------------------------------------------------------------------------


def _no_headers(request: SignedRequest, settings: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG001
    return {}


def digest(
    request: SignedRequest, settings: Mapping[str, Any], response: Response
) -> Mapping[str, str] | None:
    """HTTP Digest with user name and password (RFC 7616); the 401 round trip is no exchange of its own."""
    challenge = _digest_challenge(response.headers)
    if challenge is None:
        return None
    hashed = _hasher(_algorithm(challenge))
    realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
    offered = [word.strip().lower() for word in challenge.get("qop", "").split(",") if word.strip()]
    if offered and "auth" not in offered:
        raise AuthError(f"digest: the server asks for {', '.join(offered)}; only auth is known")
    import secrets  # noqa: PLC0415 - few use digest

    client_nonce = secrets.token_hex(16)
    secret = hashed(f"{settings['username']}:{realm}:{settings['password']}")
    if challenge.get("algorithm", "").upper().endswith("-SESS"):
        secret = hashed(f"{secret}:{nonce}:{client_nonce}")
    target = _target(request.url)
    request_hash = hashed(f"{request.method}:{target}")
    parts = [*_user(settings["username"], challenge, hashed), f'realm="{_quoted(realm)}"']
    parts += [f'nonce="{_quoted(nonce)}"', f'uri="{_quoted(target)}"']
    if offered:
        answer = hashed(f"{secret}:{nonce}:00000001:{client_nonce}:auth:{request_hash}")
        parts += ["qop=auth", "nc=00000001", f'cnonce="{client_nonce}"']
    else:
        answer = hashed(f"{secret}:{nonce}:{request_hash}")
    parts.append(f'response="{answer}"')
    if "opaque" in challenge:
        parts.append(f'opaque="{_quoted(challenge["opaque"])}"')
    if "algorithm" in challenge:
        parts.append(f"algorithm={challenge['algorithm']}")
    return {"Authorization": f"Digest {', '.join(parts)}"}


def _target(url: str) -> str:
    """Return the target as it stands in the request line."""
    match = _TARGET.match(url)
    assert match is not None
    found = str(match[1])
    return found if found.startswith("/") else f"/{found}"


def _user(name: str, challenge: Mapping[str, str], hashed: Callable[[str], str]) -> list[str]:
    """Return the parameters that name the user (RFC 7616, section 3.4)."""
    if challenge.get("userhash", "").lower() == "true":
        user = hashed(f"{name}:{challenge.get('realm', '')}")
        return [f'username="{user}"', "userhash=true"]
    if name.isascii():
        return [f'username="{_quoted(name)}"']
    return [f"username*=UTF-8''{urllib.parse.quote(name, safe='')}"]


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _algorithm(challenge: Mapping[str, str]) -> str:
    return challenge.get("algorithm", "MD5").upper().removesuffix("-SESS")


def _hasher(name: str) -> Callable[[str], str]:
    known = _DIGESTS.get(name)
    if known is None or known not in hashlib.algorithms_available:
        raise AuthError(f"digest: the server asks for {name[:40]}; known are {', '.join(_DIGESTS)}")
    return lambda text: hashlib.new(known, _utf8("digest", text)).hexdigest()


def _digest_challenge(headers: Headers) -> dict[str, str] | None:
    """Return the strongest digest challenge that we can answer, or any digest challenge, or None."""
    found: list[dict[str, str]] = []
    for line in lines_of(headers, "WWW-Authenticate"):
        current: dict[str, str] = {}
        for scheme, name, quoted, plain in _PARAMETER.findall(line):
            if scheme:
                current = {}
                if scheme.lower() == "digest":
                    found.append(current)
            current.setdefault(name.lower(), plain or re.sub(r"\\(.)", r"\1", quoted))
    strength = list(_DIGESTS)
    known = [pairs for pairs in found if _DIGESTS.get(_algorithm(pairs)) in hashlib.algorithms_available]
    known.sort(key=lambda pairs: strength.index(_algorithm(pairs)))
    return next(iter(known or found), None)


# -- oauth2 ---------------------------------------------------------------------------------------------

_tokens: dict[tuple[str, ...], tuple[str, float]] = {}
_token_lock = threading.Lock()


def oauth2(settings: Mapping[str, Any], post: Post) -> Mapping[str, str]:
    """OAuth 2.0 client credentials; the token is kept per process until a minute before it ends."""
    key = _client(settings)
    with _token_lock:
        kept = _tokens.get(key)
        if kept is None or kept[1] <= time.monotonic():
            kept = _fetch_token(settings, post)
            _tokens[key] = kept
    return {"Authorization": f"Bearer {kept[0]}"}


def _client(settings: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        settings["token_url"],
        settings["client_id"],
        settings["client_secret"],
        settings.get("scope", ""),
    )


def _forget_token(settings: Mapping[str, Any]) -> None:
    with _token_lock:
        _tokens.pop(_client(settings), None)


def _fetch_token(settings: Mapping[str, Any], post: Post) -> tuple[str, float]:
    form = {"grant_type": "client_credentials"}
    if settings.get("scope"):
        form["scope"] = settings["scope"]
    # RFC 6749, section 2.3.1: id and secret are form-encoded before they are joined.
    pair = f"{urllib.parse.quote_plus(settings['client_id'])}:{urllib.parse.quote_plus(settings['client_secret'])}"
    headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}
    response = post(settings["token_url"], form, headers)
    try:
        answer = jsonvalue.loads(response.body)
    except NotJSONError as error:
        answer = None
        reason = f"body is not JSON: {error}"
    else:
        reason = str(answer.get("error", "")) if isinstance(answer, dict) else "no object"
    if not 200 <= response.status < 300:
        raise AuthError(
            f"oauth2: the token endpoint answered {response.status}{f': {reason}' if reason else ''}"
        )
    access = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(access, str) or not access:
        raise AuthError(f"oauth2: the token endpoint sent no access_token{f' ({reason})' if reason else ''}")
    lifetime = answer.get("expires_in", UNKNOWN_LIFETIME) if isinstance(answer, dict) else UNKNOWN_LIFETIME
    if isinstance(lifetime, str) and lifetime.isascii() and lifetime.isdigit():
        lifetime = float(lifetime)  # not what RFC 6749 says, but what some servers send
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float | jsonvalue.Number):
        raise AuthError(f"oauth2: expires_in is {show_typed(lifetime)}")
    return access, time.monotonic() + float(min(lifetime, _LONGEST_LIFETIME)) - 60


SCHEMES: Table[Scheme] = Table("auth scheme")
_USER = {
    "username": Field(secret=False, doc="User name."),
    "password": Field("empty", doc="Password; masked."),
}
for _scheme in (
    Scheme("token", None, token),
    Scheme("bearer", None, bearer),
    Scheme("basic", _USER, basic),
    Scheme("digest", _USER, _no_headers, challenge=digest, documented=digest),
    Scheme("header", {}, header),
    Scheme(
        "jwt",
        {
            "client_id": Field(secret=False, doc="Issuer and client."),
            "secret": Field("empty", doc="Key of the signature; masked."),
            "alg": Field("HS256|HS384|HS512", required=False, secret=False, doc="HS256 unless written."),
            "header": Field("object", required=False, secret=False, doc="More header members, or others."),
            "claims": Field("object", required=False, secret=False, doc="More claims, or others."),
        },
        jwt,
    ),
    Scheme(
        "oauth2",
        {
            "token_url": Field("url", secret=False, doc="Token endpoint."),
            "client_id": Field(secret=False, doc="Client."),
            "client_secret": Field(doc="Secret; masked."),
            "scope": Field(required=False, secret=False, doc="Scopes, separated by blanks."),
        },
        _no_headers,
        fetch=oauth2,
        forget=_forget_token,
        documented=oauth2,
    ),
):
    SCHEMES.add(_scheme.name, _scheme)
