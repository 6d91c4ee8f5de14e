"""Sending one try: settings, credentials, cookies, redirects, within one deadline (language, sections 3, 4, 9).

Rules kept here:
- the whole try has one deadline, from connecting to the last byte, with redirects and a token fetch;
- credentials of an endpoint go to its origin only; a URL that came from a response gets credentials only
  when it belongs to a declared endpoint;
- redirects are off unless asked for; each is looked up anew, and across origins neither `auth` nor the
  request's own cookies go along;
- nothing is sent again, but for the answer to a digest challenge.
"""

import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

from pytest_apitest.data import changed, data
from pytest_apitest.engine.bodies import encode
from pytest_apitest.engine.credentials import (
    USER_AGENT,
    Identity,
    headers_after,
    headers_of,
    identity_of,
    no_identity,
)
from pytest_apitest.engine.descriptions import Descriptions
from pytest_apitest.engine.drafts import Draft, Drafter, add_query, fill_placeholders
from pytest_apitest.engine.endpoints import Endpoint, find_endpoint, origin_of
from pytest_apitest.engine.jars import Jar
from pytest_apitest.engine.scope import RunScope
from pytest_apitest.engine.urls import check_header, checked, host_of
from pytest_apitest.exchange import Request, Response, Route, Send, TransportError
from pytest_apitest.extensions import Extensions
from pytest_apitest.jsonvalue import show
from pytest_apitest.language.model import Document, OpenApi, Settings
from pytest_apitest.language.settings import DEFAULT_REDIRECTS, MAX_REDIRECTS
from pytest_apitest.references import NotSentError, RenderError

DEFAULT_TIMEOUT = 30.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Headers of a request that are meant for the host it names.
_OF_ONE_ORIGIN = ("authorization", "cookie", "host")
_BODY_HEADERS = ("content-type", "content-length", "content-encoding", "transfer-encoding")


@data
class Hop:
    """One request of a try and what came of it.

    Args:
        request: what was sent, or was about to be.
        response: what came, or None.
        error: why nothing came, or None.
        endpoint: the endpoint that it went to, or None.

    """

    request: Request
    response: Response | None
    error: TransportError | None = None
    endpoint: Endpoint | None = None


@data
class Sent:
    """One try.

    Args:
        hops: the requests in order, one for each redirect.
        endpoint: the endpoint of the last request, or None.
        problem: why the try failed although an answer came, such as too many redirects; empty otherwise.

    """

    hops: tuple[Hop, ...]
    endpoint: Endpoint | None
    problem: str = ""

    @property
    def response(self) -> Response | None:
        """The last answer."""
        return self.hops[-1].response if self.hops else None

    @property
    def error(self) -> TransportError | None:
        """Why no answer came."""
        return self.hops[-1].error if self.hops else None

    @property
    def url(self) -> str:
        """The URL of the last request."""
        return self.hops[-1].request.url if self.hops else ""

    @property
    def duration(self) -> float:
        """Seconds of all requests of the try."""
        return sum(hop.response.duration for hop in self.hops if hop.response is not None)


class Sender:
    """Sends the requests of one run of a case.

    Args:
        document: the document whose endpoints, credentials and requests count.
        endpoints: the endpoints that have an address, by name.
        scope: where references are looked up.
        send: the transport.
        jar: the cookies of the run.
        extensions: the auth schemes.
        descriptions: those that are read during the run.

    """

    def __init__(
        self,
        document: Document,
        endpoints: Mapping[str, Endpoint],
        scope: RunScope,
        send: Send,
        jar: Jar,
        extensions: Extensions,
        descriptions: Descriptions,
    ) -> None:
        self.document = document
        self.endpoints = endpoints
        self.scope = scope
        self.transport = send
        self.jar = jar
        self.extensions = extensions
        self.descriptions = descriptions

    # -- a try ------------------------------------------------------------------------------------------

    def draft(self, requests: Any, spec: Any) -> Draft:
        """Return a request with values; raises `RenderError`."""
        if spec.operation is not None:
            from pytest_apitest.engine.operations import OperationDrafter  # noqa: PLC0415 - only with a description

            return OperationDrafter(self.scope, requests, spec.operation).draft(spec)
        return Drafter(self.scope, requests).draft(spec)

    def send(self, draft: Draft, settings: Settings, latest: float, *, anyway: bool = False) -> Sent:
        """Send one try and follow redirects when they are asked for.

        Args:
            draft: the request with values.
            settings: those of the step.
            latest: the moment, as of `time.monotonic()`, after which nothing may go on.
            anyway: whether it is sent although the description that it is to follow cannot be read.

        Raises:
            RenderError: the request cannot be made, or its description cannot be read.

        """
        url, endpoint = self.address(draft)
        if not anyway:
            self.description(settings, endpoint)
        deadline = min(latest, time.monotonic() + self._timeout(settings, endpoint))
        redirects = self._redirects(settings, endpoint)
        identity = self._identity(settings, endpoint, draft, url)
        body, media_type = encode(draft, self.scope.generator)
        method, first_origin = draft.method, origin_of(url)
        hops: list[Hop] = []
        while True:
            same_origin = origin_of(url) == first_origin
            headers = self._headers(draft, endpoint, url, method, body, media_type, same_origin=same_origin)
            route = self._route(settings, endpoint)
            request = Request(method, url, headers, body, deadline, route)
            hop = changed(self._one(request, identity, draft), endpoint=endpoint)
            hops.append(hop)
            if hop.response is None:
                return Sent(tuple(hops), endpoint)
            location = _location(hop.response)
            if not redirects or location is None:
                return Sent(tuple(hops), endpoint)
            if len(hops) > redirects:
                return Sent(tuple(hops), endpoint, f"more than {redirects} redirect{'s' * (redirects > 1)}")
            try:
                target = _target(location, url)
            except (RenderError, ValueError):
                return Sent(tuple(hops), endpoint, f"cannot follow Location {show(location, 80)}")
            if origin_of(target) != origin_of(url) and identity.scheme is not None:
                identity = no_identity(own=False)
            url, endpoint = target, find_endpoint(target, self.endpoints.values())
            if not identity.own and endpoint is not None and identity.scheme is None:
                identity = self._identity_at(endpoint)
            if _becomes_get(hop.response.status, method):
                method, body, media_type = ("HEAD" if method == "HEAD" else "GET"), None, ""

    def _one(self, request: Request, identity: Identity, draft: Draft) -> Hop:
        """Send one request with its credentials and keep its cookies."""
        signed = request
        if identity.scheme is not None:
            headers = headers_of(identity, request, self.transport, self.scope.redactor)
            signed = self._with_headers(request, headers, draft)
        try:
            response = self.transport(signed)
            answer = headers_after(identity, request, response)
            if answer is not None:
                self._keep_cookies(signed.url, response)
                signed = self._with_headers(request, answer, draft)
                response = self.transport(signed)
        except TransportError as error:
            return Hop(signed, None, error)
        self._keep_cookies(signed.url, response)
        return Hop(signed, response)

    def _keep_cookies(self, url: str, response: Response) -> None:
        lines = response.header_lines("set-cookie")
        if lines:
            self.jar.store(url, lines, time.time())

    # -- descriptions -----------------------------------------------------------------------------------

    def description(self, settings: Settings, endpoint: Endpoint | None) -> tuple[OpenApi, Any] | None:
        """Return what the exchanges of a step with an endpoint are checked against, and the contract; else None.

        Raises:
            NotSentError: it is read during the run, and cannot be.

        """
        setting = settings.openapi
        if setting is None:
            setting = endpoint.spec.settings.openapi if endpoint is not None else None
        if setting is None or endpoint is None or (setting.contract is None and setting.source is None):
            return None
        return setting, self.descriptions.contract(setting, endpoint, self)

    def send_as(self, endpoint: Endpoint, request: Request, send: Send) -> Response:
        """Send a request that no step wrote, with headers, credentials and TLS settings of an endpoint.

        Args:
            endpoint: the endpoint of its origin.
            request: the request.
            send: the transport to send it over.

        Raises:
            RenderError: the settings have no values.
            TransportError: no answer came.

        """
        draft = Draft(request.method, request.url, cookies=None)
        headers = self._headers(draft, endpoint, request.url, request.method, None, "", same_origin=True)
        own = changed(request, headers=headers, route=self._route(Settings(), endpoint))
        identity = self._identity_at(endpoint)
        if identity.scheme is None:
            return send(own)
        signed = self._with_headers(
            own, headers_of(identity, own, self.transport, self.scope.redactor), draft
        )
        response = send(signed)
        answer = headers_after(identity, own, response)
        return response if answer is None else send(self._with_headers(own, answer, draft))

    # -- where ------------------------------------------------------------------------------------------

    def address(self, draft: Draft) -> tuple[str, Endpoint | None]:
        """Return the absolute URL of a request and the endpoint it belongs to; raises `RenderError`."""
        url = fill_placeholders(draft)
        endpoint = self.endpoints.get(draft.named) if draft.named else None
        if not url.startswith(("http://", "https://")):
            if draft.base_url:
                url = urllib.parse.urljoin(draft.base_url, url)
            elif url.startswith(("/", "?")) and not url.startswith("//"):
                endpoint = self._only_endpoint()
                url = endpoint.base + url
            else:
                raise RenderError(f"not a URL: {show(url, 60)}")
        url = checked(add_query(url, draft.query))
        return url, endpoint or find_endpoint(url, self.endpoints.values())

    def _only_endpoint(self) -> Endpoint:
        if len(self.document.endpoints) != 1:
            names = " or ".join(f"${{{name}}}/…" for name in list(self.document.endpoints)[:3])
            raise RenderError(f"which endpoint? write {names}" if names else "no endpoint is declared")
        name = next(iter(self.document.endpoints))
        self.scope.lookup(name)
        return self.endpoints[name]

    # -- settings ---------------------------------------------------------------------------------------

    def _scope_of(self, endpoint: Endpoint) -> RunScope:
        """Return where the settings of an endpoint are looked up: a fragment does not see those names."""
        return self.scope if endpoint.document is self.document else endpoint.scope

    def _setting(self, settings: Settings, endpoint: Endpoint | None, name: str) -> Any:
        """Return the value of a setting, of the step or else of the endpoint, or None."""
        found, scope = getattr(settings, name), self.scope
        if found is None and endpoint is not None:
            found, scope = getattr(endpoint.spec.settings, name), self._scope_of(endpoint)
        if isinstance(found, Mapping):
            return {key: str(value.render(scope)) for key, value in found.items()}
        return None if found is None else found.render(scope)

    def _timeout(self, settings: Settings, endpoint: Endpoint | None) -> float:
        value = self._setting(settings, endpoint, "timeout")
        return DEFAULT_TIMEOUT if value is None else float(value)

    def _redirects(self, settings: Settings, endpoint: Endpoint | None) -> int:
        wanted = self._setting(settings, endpoint, "follow_redirects")
        if wanted is None or isinstance(wanted, bool):
            return DEFAULT_REDIRECTS if wanted else 0
        if type(wanted) is not int or not 0 <= wanted <= MAX_REDIRECTS:
            raise RenderError(
                f"follow_redirects needs true, false or a number to {MAX_REDIRECTS}, got {show(wanted)}"
            )
        return wanted

    def _route(self, settings: Settings, endpoint: Endpoint | None) -> Route:
        verify = self._setting(settings, endpoint, "verify")
        cert = self._setting(settings, endpoint, "cert")
        proxy = self._setting(settings, endpoint, "proxy")
        if verify is None and cert is None and proxy is None:
            return _DIRECT
        files = cert or {}
        return Route(
            verify=True if verify is None else verify,
            cert=files.get("cert"),
            key=files.get("key"),
            password=files.get("password"),
            proxy=None if proxy is None else str(proxy),
        )

    # -- credentials ------------------------------------------------------------------------------------

    def _identity(self, settings: Settings, endpoint: Endpoint | None, draft: Draft, url: str) -> Identity:
        if settings.auth is not None:
            identity = identity_of(settings.auth, self.document, self.scope, self.extensions, own=True)
            if identity.scheme is not None and endpoint is None and draft.base_url:
                split = urllib.parse.urlsplit(url)
                raise NotSentError(
                    f"auth would go to {split.scheme}://{split.netloc}, which is no endpoint of this document"
                )
            return identity
        if endpoint is None:
            return no_identity(own=False)
        return self._identity_at(endpoint)

    def _identity_at(self, endpoint: Endpoint) -> Identity:
        auth, scope = endpoint.spec.settings.auth, self._scope_of(endpoint)
        return identity_of(auth, endpoint.document, scope, self.extensions, own=False)

    def _with_headers(self, request: Request, headers: Mapping[str, str], draft: Draft) -> Request:
        """Add headers of a scheme; a header that the request wrote, or removed, stays as it is."""
        added = []
        for name, value in headers.items():
            if name.lower() in draft.headers:
                continue
            check_header(name, value)
            self.scope.redactor.add_header(name)
            added.append((name, value))
        names = {name.lower() for name, _ in added}
        kept = tuple(pair for pair in request.headers if pair[0].lower() not in names)
        return changed(request, headers=(*kept, *added))

    # -- headers ----------------------------------------------------------------------------------------

    def _headers(
        self,
        draft: Draft,
        endpoint: Endpoint | None,
        url: str,
        method: str,
        body: bytes | None,
        media_type: str,
        *,
        same_origin: bool,
    ) -> tuple[tuple[str, str], ...]:
        """Return all header lines but those of credentials, in sending order."""
        lines: dict[str, tuple[str, list[str] | None]] = {
            "host": ("Host", [host_of(url)]),
            "user-agent": ("User-Agent", [USER_AGENT]),
            "accept": ("Accept", ["*/*"]),
            "accept-encoding": ("Accept-Encoding", ["gzip, deflate"]),
        }
        if endpoint is not None and endpoint.spec.headers:
            drafter = Drafter(self._scope_of(endpoint), {})
            for name, values in drafter.named_values("headers", endpoint.spec.headers):
                for value in values or ():
                    check_header(name, value)
                lines[name.lower()] = (name, values)
        if media_type:
            lines["content-type"] = ("Content-Type", [media_type])
        if body is not None:
            lines["content-length"] = ("Content-Length", [str(len(body))])
        elif method in ("POST", "PUT", "PATCH"):
            lines["content-length"] = ("Content-Length", ["0"])
        if (cookie := self._cookie(draft, url, same_origin=same_origin)) is not None:
            lines["cookie"] = ("Cookie", [cookie])
        for key, (name, values) in draft.headers.items():
            if body is None and draft.body and key in _BODY_HEADERS:
                continue  # a redirect to GET leaves the body and its headers behind
            if not same_origin and key in _OF_ONE_ORIGIN:
                continue
            lines[key] = (name, values)
        return tuple((name, value) for name, values in lines.values() for value in values or ())

    def _cookie(self, draft: Draft, url: str, *, same_origin: bool) -> str | None:
        if draft.cookies is None:
            return None
        own = draft.cookies if same_origin else {}
        for name, value in own.items():
            check_header(f"cookie {name}", value)
        return self.jar.header_for(url, time.time(), own)


_DIRECT = Route()


def _location(response: Response) -> str | None:
    """Return where a response sends the client to, as written, or None when it does not."""
    location = response.header("location") if response.status in _REDIRECTS else None
    return location.strip() if location and location.strip() else None


def _target(location: str, url: str) -> str:
    """Return the URL that a redirect leads to; raises `RenderError` or `ValueError` when none can be sent."""
    split = urllib.parse.urlsplit(location)
    if not split.netloc and (split.scheme or location.startswith("//")):
        raise RenderError("a URL without a host")
    target = checked(urllib.parse.urljoin(url, location))
    return urllib.parse.quote(target, safe="%/:?#[]@!$&'()*+,;=-._~")


def _becomes_get(status: int, method: str) -> bool:
    return status == 303 or (status in (301, 302) and method == "POST")
