"""Values of variables and addresses of endpoints, from options, environment and the document (language, 3).

Rules kept here:
- precedence: `--apitest-var`, `--apitest-vars`, `env`, then `default` or `file`; an empty environment
  variable counts as unset;
- text from outside is read as the declared type, or as the type of the default, or as text;
- values are computed once, in dependency order; cycles were refused by the static check.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any

from pytest_apitest import jsonvalue
from pytest_apitest.data import data
from pytest_apitest.engine.scope import Entry, RunScope, Unset
from pytest_apitest.jsonvalue import JSON_NUMBER, NotJSONError, kind
from pytest_apitest.language.fragments import has_type
from pytest_apitest.language.model import Document, EndpointSpec, VariableSpec
from pytest_apitest.references import Literal, NotSentError, RenderError, UnsetError


@data
class Options:
    """What the command line gives to documents.

    Args:
        variables: names to texts or values.
        origins: names of variables to where they came from: `--apitest-var`, or a file.
        endpoints: names to base URLs.
        seed: repeats random values, or None.
        environment: environment variables.

    """

    variables: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    seed: str | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


def read_outside(text: str, type_: str | None) -> Any:
    """Return a text from outside as a value of a declared type.

    Raises:
        ValueError: the text cannot be read so; the message says what is expected.

    """
    if type_ in (None, "string"):
        return text
    if type_ == "bytes":
        return text.encode("utf-8")
    if type_ == "boolean":
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise ValueError("expected true or false")
    if type_ in ("integer", "number"):
        if not JSON_NUMBER.fullmatch(text):
            raise ValueError("expected an integer" if type_ == "integer" else "expected a number")
        found = jsonvalue.number(text)
        if not has_type(found, str(type_)):
            raise ValueError("expected an integer")
        return found
    try:
        value = jsonvalue.loads(text.encode("utf-8"))
    except NotJSONError as error:
        raise ValueError(f"expected an {type_} as JSON: {error}") from None
    if not has_type(value, str(type_)):
        raise ValueError(f"expected an {type_} as JSON, got {kind(value)}")
    return value


_TYPE_OF_DEFAULT = {"number": "number", "boolean": "boolean", "array": "array", "object": "object"}


def type_of(spec: VariableSpec) -> str | None:
    """Return the type that text from outside is read as."""
    if spec.type is not None:
        return spec.type
    if isinstance(spec.default, Literal):
        return _TYPE_OF_DEFAULT.get(kind(spec.default.value))
    return None


def variable_entry(spec: VariableSpec, scope: RunScope, options: Options) -> Entry | Unset:
    """Return the value of a declared variable.

    Args:
        spec: the declaration.
        scope: where references of its default are looked up.
        options: what the command line gives.

    Raises:
        RenderError: the default cannot be made, or a value from outside cannot be read.

    """
    if spec.secret and spec.env:
        scope.redactor.variables[spec.name] = spec.env
    outside = _outside(spec, options)
    if outside is not None:
        value, origin = outside
        if isinstance(value, str):
            value = _read(spec, value, origin)
        elif spec.type is not None and not has_type(value, spec.type):
            raise NotSentError(
                f"{spec.name} ({origin}): expected a value of type {spec.type}, got {kind(value)}"
            )
        return Entry(value, "variable", origin, secret=spec.secret)
    if spec.default is None:
        return Unset(unset_message(spec), "error" if spec.required else "not_run", "variable")
    value = spec.default.render(scope)
    origin = spec.file.name if spec.file is not None else f"line {spec.mark.line}"
    return Entry(value, "variable", origin, secret=spec.secret or scope.is_secret(spec.default))


def given_secrets(document: Document, options: Options) -> Iterator[tuple[str, Any]]:
    """Return names and values of the secrets of a document that are known before anything is computed."""
    for spec in document.variables.values():
        if not spec.secret:
            continue
        outside = _outside(spec, options)
        if outside is not None:
            yield spec.name, outside[0]
        elif spec.default is not None and spec.default.constant:
            yield spec.name, spec.default.render(None)  # type: ignore[arg-type]
    for endpoint in document.endpoints.values():
        setting = endpoint.settings.openapi
        if setting is not None and setting.source is not None:
            yield from (("", secret) for secret in setting.source.secrets)


def _outside(spec: VariableSpec, options: Options) -> tuple[Any, str] | None:
    if spec.name in options.variables:
        return options.variables[spec.name], options.origins.get(spec.name, "--apitest-var")
    if spec.env and (text := options.environment.get(spec.env)):
        return text, f"env {spec.env}"
    return None


def _read(spec: VariableSpec, text: str, origin: str) -> Any:
    try:
        return read_outside(text, type_of(spec))
    except ValueError as error:
        shown = "a secret" if spec.secret else jsonvalue.show(text, 40)
        raise NotSentError(f"{spec.name} ({origin}): {error}, got {shown}") from None


def unset_message(spec: VariableSpec) -> str:
    """Return what is said of a variable without a value."""
    if not spec.required:
        return f"{spec.name} is not set"
    env = f", or the environment variable {spec.env}" if spec.env else ""
    return f"{spec.name} is not set: --apitest-var {spec.name}=…{env}"


def endpoint_entry(
    spec: EndpointSpec, scope: RunScope, options: Options, serve: Callable[[EndpointSpec], str]
) -> Entry | Unset:
    """Return the base URL of an endpoint.

    Args:
        spec: the declaration.
        scope: where references of its address are looked up.
        options: what the command line gives.
        serve: hosts an application and returns its base URL.

    """
    if spec.name in options.endpoints:
        return Entry(options.endpoints[spec.name], "endpoint", "--apitest-endpoint")
    if spec.env and (text := options.environment.get(spec.env)):
        return _address(spec, text, f"env {spec.env}")
    if spec.app:
        return Entry(serve(spec), "endpoint", spec.app)
    value = spec.url or spec.default
    if value is not None:
        return _address(spec, value.render(scope), f"line {spec.mark.line}")
    env = f", or the environment variable {spec.env}" if spec.env else ""
    message = f"{spec.name} is not set"
    if spec.required:
        message += f": --apitest-endpoint {spec.name}=URL{env}"
    return Unset(message, "error" if spec.required else "not_run", "endpoint")


def _address(spec: EndpointSpec, url: Any, origin: str) -> Entry:
    from pytest_apitest.language.declarations import base_url_problem  # noqa: PLC0415

    problem = base_url_problem(url) if isinstance(url, str) else "a base URL is a text"
    if problem:
        raise NotSentError(f"{spec.name} ({origin}): {problem}")
    return Entry(url, "endpoint", origin)


class Computation:
    """Computes the variables and endpoints of a document for one run, each once.

    Args:
        document: the document.
        local: local variables that replace those of the document.
        scope: the names so far; it grows by every value that is computed.
        options: what the command line gives.
        serve: hosts an application and returns its base URL.

    """

    def __init__(
        self,
        document: Document,
        local: Mapping[str, VariableSpec],
        scope: RunScope,
        options: Options,
        serve: Callable[[EndpointSpec], str],
    ) -> None:
        self.document = document
        self.local = local
        self.scope = scope
        self.options = options
        self.serve = serve
        self._open: set[str] = set()

    def value(self, name: str) -> None:
        """Compute a name, and before it everything that it refers to.

        Raises:
            RenderError: a value cannot be made.

        """
        if name in self.scope.entries or name in self._open:
            return
        spec = self.local.get(name) or self.document.variables.get(name)
        endpoint = self.document.endpoints.get(name)
        if spec is None and endpoint is None:
            return
        self._open.add(name)
        if spec is not None:
            for usage in spec.usages:
                self.value(usage.name)
            entry = self._made(spec, lambda: variable_entry(spec, self.scope, self.options))
            self.scope.set(name, entry)
        elif endpoint is not None:
            for value in (endpoint.url, endpoint.default):
                for reference in value.references() if value is not None else ():
                    self.value(reference.name)
            entry = self._made(
                endpoint, lambda: endpoint_entry(endpoint, self.scope, self.options, self.serve)
            )
            self.scope.set(name, entry)

    def _made(self, spec: VariableSpec | EndpointSpec, make: Callable[[], Entry | Unset]) -> Entry | Unset:
        """Make a value; a name that it needs and that is unset makes it unset in the same way."""
        try:
            return make()
        except UnsetError as error:
            return Unset(error.message, error.outcome, "variable")
        except RenderError as error:
            if error.place is None:
                error.place = spec.mark.place(self.document.source)
            raise
