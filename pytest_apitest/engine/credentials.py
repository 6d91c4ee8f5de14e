"""Credentials of a request: which count, with their values, and what they add (language, section 3, `auth`).

Rules kept here:
- credentials of a step count before those of its endpoint; their names are those of the document they stand in;
- what a scheme calls secret, and every header it makes, is masked from then on.
"""

import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from pytest_apitest import __version__
from pytest_apitest.auth import AuthError, Scheme, SignedRequest
from pytest_apitest.data import record
from pytest_apitest.engine.scope import RunScope, keep_secret
from pytest_apitest.engine.urls import checked, host_of
from pytest_apitest.exchange import Request, Response, Send, TransportError
from pytest_apitest.extensions import Extensions
from pytest_apitest.jsonvalue import show
from pytest_apitest.language.model import Auth, Document
from pytest_apitest.redaction import SHORTEST, Redactor
from pytest_apitest.references import NotSentError, RenderError

USER_AGENT = f"pytest-apitest/{__version__}"


@record
class Identity:
    """The credentials of a try.

    Args:
        scheme: the scheme, or None for none.
        settings: its settings with values.
        own: whether the step wrote them itself.

    """

    scheme: Scheme | None
    settings: dict[str, Any]
    own: bool


def no_identity(*, own: bool) -> Identity:
    """Return what stands for no credentials."""
    return Identity(None, {}, own)


def identity_of(
    auth: Auth | None, document: Document, scope: RunScope, extensions: Extensions, *, own: bool
) -> Identity:
    """Return credentials with values; raises `RenderError`.

    Args:
        auth: what is written.
        document: where its names are declared.
        scope: where its references are looked up.
        extensions: the auth schemes.
        own: whether the step wrote it itself.

    """
    if auth is None or auth.scheme == "none":
        return no_identity(own=own)
    if auth.credential is not None:
        name = auth.credential.render(scope)
        if name == "none":
            return no_identity(own=own)
        named = document.credentials.get(name) if isinstance(name, str) else None
        if named is None:
            raise RenderError(f"no credential is named {show(name, 40)}")
        return identity_of(named.value, document, scope, extensions, own=own)
    scheme = extensions.schemes[auth.scheme]
    settings = {name: value.render(scope) for name, value in auth.settings.items()}
    _look_at_settings(scheme, settings, scope.redactor)
    return Identity(scheme, settings, own=own)


def _look_at_settings(scheme: Scheme, settings: dict[str, Any], redactor: Redactor) -> None:
    for name, value in settings.items():
        field = (scheme.settings or {}).get(name)
        wanted = field.kind if field is not None else "text"
        if wanted == "object":
            if not isinstance(value, dict):
                raise RenderError(f"{scheme.name}: {name} needs an object")
            continue
        if not isinstance(value, str):
            value = settings[name] = show(value) if isinstance(value, int) else value  # noqa: PLW2901
        if not isinstance(value, str) or (not value and wanted == "text" and scheme.settings != {}):
            raise RenderError(f"{scheme.name}: {name} needs a text that is not empty")
        if "|" in wanted and value not in wanted.split("|"):
            raise RenderError(f"{scheme.name}: {name} is one of {wanted.replace('|', ', ')}")
        if field is None or field.secret:
            try:
                settings[name] = keep_secret(redactor, value, "")
            except RenderError:
                raise RenderError(
                    f"{scheme.name}: {name} has {len(value)} characters: it cannot be masked, {SHORTEST} are needed"
                ) from None


def headers_of(identity: Identity, request: Request, send: Send, redactor: Redactor) -> Mapping[str, str]:
    """Return the headers that credentials add to a request.

    Args:
        identity: the credentials, with a scheme.
        request: the request without them.
        send: fetches a token where the scheme asks for one.
        redactor: hears of a token.

    Raises:
        NotSentError: the credentials cannot be made.

    """
    scheme = identity.scheme
    assert scheme is not None
    try:
        headers = dict(scheme.headers(_view(request), identity.settings))
        if scheme.fetch is not None:
            fetched = scheme.fetch(identity.settings, _poster(request, send))
            for value in fetched.values():
                redactor.add(value.partition(" ")[2])
            headers |= fetched
    except AuthError as error:
        raise NotSentError(str(error)) from None
    return headers


def headers_after(identity: Identity, request: Request, response: Response) -> Mapping[str, str] | None:
    """Return the headers to send a request with again after its answer, or None to keep the answer.

    Args:
        identity: the credentials.
        request: the request without them.
        response: the answer.

    Raises:
        NotSentError: the answer asks for what cannot be made.

    """
    scheme = identity.scheme
    if scheme is None or response.status != 401:
        return None
    if scheme.forget is not None:
        scheme.forget(identity.settings)
    if scheme.challenge is None:
        return None
    try:
        return scheme.challenge(_view(request), identity.settings, response)
    except AuthError as error:
        raise NotSentError(str(error)) from None


def _view(request: Request) -> SignedRequest:
    return SignedRequest(request.method, request.url, request.headers, request.body)


def _poster(request: Request, send: Send) -> Callable[..., Response]:
    def post(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Response:
        body = urllib.parse.urlencode(form).encode("ascii")
        lines = (
            ("Host", host_of(url)),
            ("User-Agent", USER_AGENT),
            ("Accept", "application/json"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", str(len(body))),
            *headers.items(),
        )
        try:
            return send(Request("POST", checked(url), lines, body, request.deadline, request.route))
        except TransportError as error:
            raise AuthError(f"oauth2: {error.message}") from None

    return post
