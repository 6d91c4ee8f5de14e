"""What is sent: requests as written, with their settings and the paths into their bodies (language, 3, 5, 6)."""

import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from pytest_apitest.data import data
from pytest_apitest.errors import Place
from pytest_apitest.jsonpath import JSONPathError, Path, compile_path, literal
from pytest_apitest.references import Reference, RenderError, Scope, Value
from pytest_apitest.source import Source


class Mark(NamedTuple):
    """A position in the document's file.

    Args:
        line: line, from 1.
        column: column, from 1.
        width: marked characters.

    """

    line: int
    column: int
    width: int = 1

    def place(self, source: Source) -> Place:
        """Return the position with its file."""
        return Place(source.shown, self.line, self.column)


START = Mark(1, 1)


@data
class PathTemplate:
    """A JSONPath that may hold references, which stand for literals.

    Args:
        parts: texts and references in order.
        dialect: `rfc9535` or `ng`.
        fixed: the compiled path when there is no reference.
        mark: where it stands.
        text: as written.
        singular: whether it finds at most one value.

    """

    parts: tuple[str | Reference, ...]
    dialect: str
    fixed: Path | None
    mark: Mark
    text: str
    singular: bool

    def path(self, scope: Scope) -> Path:
        """Return the compiled path; raises `RenderError`."""
        if self.fixed is not None:
            return self.fixed
        out: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                out.append(part)
                continue
            value = part.resolve(scope)
            try:
                out.append(literal(value))
            except JSONPathError as error:
                raise RenderError(f"{part.shown}: {error}", part.place) from None
        try:
            return compile_path("".join(out), self.dialect)
        except JSONPathError as error:
            raise RenderError(f"{''.join(out)}: {error}") from None


@data
class Auth:
    """What is written behind `auth`.

    Args:
        scheme: name of a scheme, `none`, or the empty text when a credential is named.
        credential: a name of `credentials`, or a value that renders to one.
        settings: the rendered-to-be settings of the scheme: a value, or names to values.
        mark: where it stands.

    """

    scheme: str
    credential: Value | None
    settings: Any
    mark: Mark


@data
class DescriptionSource:
    """A description that is read during the run, since the network is needed for it.

    Args:
        at: its file, its URL, or its path at the endpoint, which begins with `/`.
        shown: its name in messages.
        refs: whether references may lead to other files below its folder or of its origin.
        origins: further origins that they may lead to.
        secrets: parts of its URL that are masked in every output.

    """

    at: pathlib.Path | str
    shown: str
    refs: bool = False
    origins: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


@data
class OpenApi:
    """The description that exchanges are checked against.

    Args:
        contract: the description, an `openapi.contract.Contract`; None when exchanges are not checked, and when it
            is known during the run only.
        undocumented: `fail`, `warn` or `allow`: what becomes of what the description does not have.
        mark: where it is named.
        source: where it is read during the run; None when it was read with the document.

    """

    contract: Any
    undocumented: str
    mark: Mark
    source: DescriptionSource | None = None


SETTINGS = ("auth", "timeout", "follow_redirects", "verify", "cert", "proxy")


@data
class Settings:
    """Settings of an endpoint or step; None means not written.

    Args:
        auth: credentials to send.
        timeout: seconds of one try.
        follow_redirects: how many redirects are followed.
        verify: TLS verification: a boolean or a path.
        cert: client certificate: names `cert`, `key`, `password` to values.
        proxy: URL of a proxy.
        openapi: the description that exchanges are checked against.

    """

    auth: Auth | None = None
    timeout: Value | None = None
    follow_redirects: Value | None = None
    verify: Value | None = None
    cert: dict[str, Value] | None = None
    proxy: Value | None = None
    openapi: OpenApi | None = None

    def written(self) -> Iterator[tuple[str, Any]]:
        """Yield the settings that are written and may hold references, by name."""
        for name in SETTINGS:
            value = getattr(self, name)
            if value is not None:
                yield name, value


NO_SETTINGS = Settings()


@data
class Part:
    """A named value of a request: a header, query parameter, form field, path value or cookie.

    Args:
        name: the name as written.
        value: the value, a list of values that are sent one by one, or None for a removal.
        mark: where the name stands.

    """

    name: str
    value: Value | tuple[Value, ...] | None
    mark: Mark


# The named values in written order, or one reference to a mapping.
Parts = tuple[Part, ...] | Value


@data
class FilePart:
    """A part of a multipart body that is not a plain value.

    Args:
        kind: `file`, `text` or `json`.
        value: the text or JSON value, or the path of the file.
        filename: name sent, or None.
        content_type: media type sent, or None.

    """

    kind: str
    value: Any
    filename: Value | None
    content_type: Value | None
    mark: Mark


@data
class Body:
    """The body of a request.

    Args:
        kind: `json`, `form`, `multipart`, `text` or `file`.
        value: the value of `json` and `text`, the parts of `form`, the named parts of `multipart`, the path
            of `file`.
        mark: where it stands.

    """

    kind: str
    value: Any
    mark: Mark


@data
class OperationUse:
    """The operation of a description that a request is made of.

    Args:
        name: its operationId.
        endpoint: name of the endpoint whose description has it.
        call: what it asks of a request, an `openapi.calls.Call`.
        mark: where it is named.

    """

    name: str
    endpoint: str
    call: Any
    mark: Mark


@data
class RequestSpec:
    """A request as written.

    Args:
        method: the method, or None to take that of `like`.
        url: the URL, or None to take that of `like`.
        like: name of the request it starts from.
        parts: `path`, `query`, `headers`, `cookies` by name.
        body: the body, or None.
        set: changes of the JSON body, in order.
        remove: removals from the JSON body, in order.
        mark: where the request stands.
        url_mark: where its URL stands.
        operation: the operation that it is made of, its own or that of `like`; None when its URL is written.

    """

    method: Value | None
    url: Value | None
    like: str | None
    parts: dict[str, Parts]
    body: Body | None
    set: tuple[tuple[PathTemplate, Value], ...]
    remove: tuple[PathTemplate, ...]
    mark: Mark
    url_mark: Mark
    operation: OperationUse | None = None
