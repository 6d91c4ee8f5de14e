"""Who may call an operation: security schemes as credentials, with their secrets from the environment.

Rules kept here:
- of several requirements one has to be met, of its schemes all (OpenAPI 3.1, section 4.8.30 "Security Requirement
  Object"); an empty one, or an empty list, means anybody, and then nothing is sent;
- no secret is written: each is a variable with an environment variable;
- a credential is called like its security scheme, so that requests by `operation` find it;
- a cookie that an earlier step of the document was given is in its cookie jar already.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pytest_apitest.data import record
from pytest_apitest.references import NAME
from pytest_apitest.scaffold.naming import Names, identifier
from pytest_apitest.scaffold.operations import Operation, Operations


@record
class Grant:
    """What a request sends to say who it is from.

    Args:
        auth: name of a credential, or empty.
        headers, query, cookies: what is sent beside it.
        missing: what nothing here can send; empty when all is there.

    """

    auth: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    missing: str = ""


class Access:
    """The credentials of one document, made when they are first needed.

    Args:
        reader: reads the description.
        names: names of the document.

    """

    def __init__(self, reader: Operations, names: Names) -> None:
        self._names = names
        self._root = reader.description.value
        components = self._root.get("components") or {}
        self._schemes = {
            name: reader.followed(one, ("components", "securitySchemes", name))[0]
            for name, one in (components.get("securitySchemes") or {}).items()
        }
        self.variables: dict[str, Any] = {}
        self.hints: dict[str, str] = {}
        self.credentials: dict[str, Any] = {}
        self._known: dict[str, str] = {}
        self._scopes: dict[str, list[str]] = {}

    def of(self, operation: Operation, *, jar: bool) -> Grant:
        """Return what an operation needs.

        Args:
            operation: the operation.
            jar: whether an earlier step was given a cookie.

        """
        required = operation.value.get("security", self._root.get("security")) or []
        if not required or {} in required:
            return Grant()
        missing = ""
        for requirement in required:
            reason = self._reason(requirement)
            if not reason:
                return self._granted(requirement, jar=jar)
            missing = missing or reason
        return Grant(missing=missing)

    def _reason(self, requirement: Mapping[str, Any]) -> str:
        """Return why a requirement cannot be met, or an empty text."""
        of_header = 0
        for name in requirement:
            scheme = self._schemes.get(name, {})
            kind = scheme.get("type")
            if kind == "mutualTLS":
                return f"{name} asks for a client certificate: give it as cert on the endpoint"
            if kind not in ("apiKey", "http", "oauth2", "openIdConnect"):
                return f"the security scheme {name} is not known here"
            of_header += kind != "apiKey"
        return "two schemes want the header Authorization" if of_header > 1 else ""

    def _granted(self, requirement: Mapping[str, Any], *, jar: bool) -> Grant:
        grant = Grant()
        keys = [name for name in requirement if self._schemes[name].get("type") == "apiKey"]
        for name, scopes in requirement.items():
            scheme = self._schemes[name]
            if name not in keys:
                grant.auth = self._credential(name, scheme, scopes)
            elif scheme.get("in") == "header" and len(requirement) == 1:
                grant.auth = self._credential(name, scheme, ())
            elif scheme.get("in") == "header":
                grant.headers[str(scheme["name"])] = f"${{{self._variable(name)}}}"
            elif scheme.get("in") == "query":
                grant.query[str(scheme["name"])] = f"${{{self._variable(name)}}}"
            elif not jar:
                grant.cookies[str(scheme["name"])] = f"${{{self._variable(name)}}}"
        return grant

    def _variable(self, scheme: str, part: str = "", *, secret: bool = True) -> str:
        key = f"{scheme}\n{part}"
        if key not in self._known:
            plain = identifier(scheme, part)
            self._known[key] = name = self._names.new(plain)
            self.variables[name] = {"env": f"API_{name.upper()}", **({"secret": True} if secret else {})}
        return self._known[key]

    def _reference(self, scheme: str, part: str = "", *, secret: bool = True) -> str:
        return f"${{{self._variable(scheme, part, secret=secret)}}}"

    def _credential(self, name: str, scheme: Mapping[str, Any], scopes: Any) -> str:
        key = f"{name}\n:credential"
        if key not in self._known:
            self._known[key] = name if NAME.fullmatch(name) and name != "none" else f"by_{identifier(name)}"
            while self._known[key] in self.credentials:
                self._known[key] += "_2"
            self.credentials[self._known[key]] = self._settings(name, scheme)
        known = self._scopes.setdefault(name, [])
        known += (scope for scope in scopes if isinstance(scope, str) and scope not in known)
        grant = self.credentials[self._known[key]].get("oauth2")
        if grant is not None and known:
            grant["scope"] = " ".join(known)
        return self._known[key]

    def _settings(self, name: str, scheme: Mapping[str, Any]) -> dict[str, Any]:
        kind = scheme.get("type")
        word = str(scheme.get("scheme", "")).lower()
        if kind == "apiKey" or (kind == "http" and word not in ("basic", "digest", "bearer")):
            header = str(scheme["name"]) if kind == "apiKey" else "Authorization"
            if (
                header.lower() == "authorization"
            ):  # a prefix such as Token belongs to the value, and is forgotten
                self.hints[f"API_{self._variable(name).upper()}"] = f"the whole value of the header {header}"
            return {"header": {header: self._reference(name)}}
        if kind == "http" and word != "bearer":
            user = self._reference(name, "username", secret=False)
            return {word: {"username": user, "password": self._reference(name, "password")}}
        flows = scheme.get("flows") or {}
        if kind == "oauth2" and "clientCredentials" in flows:
            url = str(flows["clientCredentials"].get("tokenUrl", ""))
            return {
                "oauth2": {
                    "token_url": f"${{api}}{url}" if url.startswith("/") else url,
                    "client_id": self._reference(name, "client_id", secret=False),
                    "client_secret": self._reference(name, "client_secret"),
                }
            }
        # The other flows of OAuth and OpenID Connect need a person, who brings the token.
        return {"bearer": self._reference(name)}
