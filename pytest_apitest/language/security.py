"""Credentials for operations: from the security of a description to `auth` (language, sections 3 and 5).

Rules kept here:
- a step without `auth` takes the first alternative whose schemes all have a credential of the same name; where
  there is none, the `auth` of its endpoint counts as always;
- a credential that cannot be what its scheme asks for is wrong in every step, and is said once, at the credential;
- several schemes at once go together when all of them are headers.
"""

from typing import TYPE_CHECKING, Any

from pytest_apitest.data import changed
from pytest_apitest.jsonvalue import show
from pytest_apitest.language.model import Auth, Expectation, OperationUse, RequestSpec, Settings
from pytest_apitest.language.operations import look_at_operation
from pytest_apitest.language.reader import Reader
from pytest_apitest.references import Literal
from pytest_apitest.source import Node

if TYPE_CHECKING:
    from pytest_apitest.openapi.calls import SecurityScheme

_BEARER = ("bearer", "jwt", "oauth2")
# The auth schemes that send what an HTTP authentication scheme asks for (RFC 9110, section 11.1).
_OF_HTTP = {"basic": ("basic",), "bearer": _BEARER, "digest": ("digest",), "token": ("token",)}
_BUILT_IN = ("token", "bearer", "basic", "digest", "header", "jwt", "oauth2")


def settings_of(
    reader: Reader,
    node: Node,
    request: RequestSpec,
    settings: Settings,
    expect: Expectation | None,
    phase: int,
) -> Settings:
    """Return the settings of a step with the credentials that the operation of its request asks for, if any.

    Args:
        reader: the reader, which hears what is wrong with a request that is made of an operation.
        node: where the request is written.
        request: the request.
        settings: those that the step writes.
        expect: the expectation of the step, or None.
        phase: the part of the step in which the credentials are made.

    """
    use = request.operation
    if use is None:
        return settings
    look_at_operation(reader, node, request, settings, expect)
    if settings.auth is None:
        return _with_security(reader, node, use, settings, phase)
    return settings


def _with_security(reader: Reader, node: Node, use: OperationUse, settings: Settings, phase: int) -> Settings:
    for names in use.call.security:
        if not names or any(name not in reader.credentials for name in names):
            continue
        before, reader.phase = reader.phase, phase
        try:
            found = [_fitting(reader, node, use, name) for name in names]
            auth = found[0] if len(names) == 1 else _together(reader, node, use, names)
        finally:
            reader.phase = before
        return changed(settings, auth=auth)
    return settings


def _fitting(reader: Reader, node: Node, use: OperationUse, name: str) -> Auth:
    """Return the use of a credential, when it is of a kind that the scheme asks for."""
    from pytest_apitest.openapi.calls import UnusableError, place_in  # noqa: PLC0415

    declared: Auth = reader.credentials.use(reader, node, name)
    try:
        scheme: SecurityScheme = use.call.security_scheme(name)
    except UnusableError as error:
        reader.fail_once(
            node,
            f"{use.name} cannot be used: {error.message} ({place_in(use.call.contract, error.pointer)})",
        )
    place = place_in(use.call.contract, scheme.pointer)
    if scheme.value is None:
        reader.fail_once(node, f'{use.name} cannot be used: there is no security scheme "{name}" ({place})')
    fits, wanted = _asked(scheme.value, declared)
    if not fits:
        key = reader.credentials.entries[name][0]
        reader.fail_once(
            key,
            f"{name} is {declared.scheme}, but the security scheme of that name asks for {wanted} ({place})",
        )
    return Auth("", Literal(name, use.mark.line, use.mark.column), None, use.mark)


def _asked(scheme: Any, declared: Auth) -> tuple[bool, str]:
    """Return whether a credential can be what a scheme asks for, and that in words."""
    own = declared.scheme
    kind = scheme.get("type")
    headers = {name.lower() for name in declared.settings} if own == "header" else set()
    custom = own not in _BUILT_IN
    if kind == "apiKey":
        place, name = scheme.get("in"), str(scheme.get("name", ""))
        if place != "header":
            part = "cookies" if place == "cookie" else "query"
            return custom, f"an API key in the {place} {show(name)}: write it under {part} of the request"
        alike = name.lower() == "authorization" and own != "header"
        return custom or alike or name.lower() in headers, f"the header {name}: write header: {{{name}: …}}"
    if kind == "http":
        word = str(scheme.get("scheme", "")).lower()
        known = _OF_HTTP.get(word, ("header",))
        fits = custom or own in known or "authorization" in headers
        return fits, f"http {word}: write {' or '.join(known)}"
    if kind in ("oauth2", "openIdConnect"):
        return custom or own in _BEARER or "authorization" in headers, f"{kind}: write {' or '.join(_BEARER)}"
    return (
        custom,
        f"{kind}: write cert" if kind == "mutualTLS" else f"of type {show(kind)}, which is not known",
    )


def _together(reader: Reader, node: Node, use: OperationUse, names: tuple[str, ...]) -> Auth:
    """Return several credentials as one, which only headers can be."""
    headers: dict[str, Any] = {}
    for name in names:
        declared: Auth = reader.credentials.read(reader, node, name).value
        if declared.scheme != "header":
            message = f"{use.name} asks for {' and '.join(names)} at once, which only headers can: write auth"
            reader.fail_once(node, f"{message} ({use.call.place()})")
        headers |= declared.settings
    return Auth("header", None, headers, use.mark)
