"""From a request that is made of an operation to a request with values (language, section 5, `operation`).

Rules kept here:
- method and path are those of the description, below the base URL of the endpoint;
- values are written by the style of their parameter; what is not described is written as in any other request;
- the example of the description is the body from the start, so that what is written replaces it, and `set` and
  `remove` change it;
- a JSON body has the JSON media type of the description, unless a header says otherwise.
"""

import urllib.parse
from typing import TYPE_CHECKING, Any

from pytest_apitest.engine.drafts import Draft, Drafter, add_query, header_lines
from pytest_apitest.engine.scope import RunScope
from pytest_apitest.jsonvalue import dumps, kind
from pytest_apitest.language.model import Body, OperationUse, Parts, RequestSpec
from pytest_apitest.language.operations import PLACEHOLDER, PLACES
from pytest_apitest.openapi import writing
from pytest_apitest.references import RenderError, Value

if TYPE_CHECKING:
    from pytest_apitest.openapi.calls import Call
    from pytest_apitest.openapi.operations import Parameter


class OperationDrafter(Drafter):
    """Renders a request that is made of an operation.

    Args:
        scope: where references are looked up.
        requests: the named requests of the document.
        use: the operation.

    """

    def __init__(self, scope: RunScope, requests: Any, use: OperationUse) -> None:
        super().__init__(scope, requests)
        self.use = use
        self.call: Call = use.call
        # Values by place and name as written, names of headers and theirs in lower case; None for a removal.
        self.given: dict[str, dict[str, tuple[str, Any]]] = {place: {} for place in PLACES.values()}
        self.without_jar = False

    def draft(self, spec: RequestSpec) -> Draft:
        """Return the request with values; raises `RenderError`."""
        draft = self._draft(spec)
        draft.named = self.use.endpoint
        base = str(self.scope.lookup(self.use.endpoint)).removesuffix("/")
        draft.url = self._query(base + self._path())
        for key, (name, value) in self.given["header"].items():
            draft.headers.update(self._header(key, name, value))
        draft.cookies = None if self.without_jar else self._cookies()
        if not draft.media_type and draft.body in ("json", "text"):
            usual = draft.body == "text" and self.call.media_type("text") in ("", "text/plain")
            draft.media_type = "" if usual else self.call.media_type(draft.body)
        return draft

    def _draft(self, spec: RequestSpec) -> Draft:
        if spec.like is None:
            draft, example = Draft(method=self.call.method), self.call.example
            if example is not None:
                draft.body, draft.media_type = example.kind, example.media_type
                draft.content = _fields(example.value) if example.kind == "form" else example.value
        else:
            draft = self._draft(self.requests[spec.like].value)
        # A method of a request below this operation is not that of the operation.
        if spec.method is not None and spec.operation is self.use:
            draft.method = self._method(spec.method)
        self._fill(draft, spec)
        return draft

    def _body(self, draft: Draft, body: Body) -> None:
        if draft.media_type:  # the example is replaced as a whole, also by a form
            draft.body = draft.media_type = ""
        super()._body(draft, body)

    # -- values -----------------------------------------------------------------------------------------

    def _part(self, draft: Draft, name: str, parts: Parts) -> None:
        del draft
        if isinstance(parts, Value):
            if name == "cookies" and parts.constant:
                self.without_jar = True
                return
            found = parts.render(self.scope)
            if not isinstance(found, dict):
                raise RenderError(f"{name} needs an object, got {kind(found)}")
            pairs = list(found.items())
        else:
            pairs = [(part.name, self._value(part.value)) for part in parts]
        if name == "cookies":
            self.without_jar = False
        place = PLACES[name]
        for key, value in pairs:
            if value is None and place in ("path", "cookie"):
                raise RenderError(f"{key} is null; {name} needs a value")
            self.given[place][key.lower() if place == "header" else key] = (key, value)

    def _value(self, written: Value | tuple[Value, ...] | None) -> Any:
        if isinstance(written, tuple):
            return [one.render(self.scope) for one in written]
        return None if written is None else written.render(self.scope)

    def _parameter(self, place: str, key: str, name: str, value: Any) -> "Parameter | None":
        """Return the parameter that a value is for; raises `RenderError` for a value of a kind that it is not."""
        parameter = self.call.parameters.get((place, key))
        types = (
            parameter.style.types if parameter is not None and parameter.style is not None else frozenset()
        )
        wanted = "object" if isinstance(value, dict) else "array"
        repeats = wanted == "array" and place in ("query", "header")
        unfit = isinstance(value, dict | list) and bool(types) and wanted not in types and not repeats
        if unfit:
            words = " or ".join(sorted(types))
            raise RenderError(
                f"{place} {name} is {kind(value)}; the description of {self.use.name} says {words}"
            )
        return parameter

    # -- where it goes ----------------------------------------------------------------------------------

    def _path(self) -> str:
        given = self.given["path"]
        pieces = PLACEHOLDER.split(self.call.template)
        names = pieces[1::2]
        for name in given:
            if name not in names:
                raise RenderError(f"no {{{name}}} in {self.call.template}, the path of {self.use.name}")
        for index, name in enumerate(names):
            if name not in given:
                raise RenderError(f"{{{name}}} of {self.call.template} is not in path")
            pieces[2 * index + 1] = self._in_path(name, given[name][1])
        pieces[::2] = [urllib.parse.quote(piece, safe="%/:@!$&'()*+,;=-._~") for piece in pieces[::2]]
        return "".join(pieces)

    def _in_path(self, name: str, value: Any) -> str:
        parameter = self._parameter("path", name, name, value)
        if parameter is not None:
            try:
                return writing.written_path(parameter, value, self.call.looks)
            except writing.WritingError as error:
                raise RenderError(f"path {name} {error}") from None
        text = self._one(name, self._flat("path", name, value))
        if not text:
            raise RenderError(f"{{{name}}} is empty: the URL would be another one")
        return urllib.parse.quote(text, safe="")

    def _query(self, url: str) -> str:
        pieces: list[str] = []
        for key, (name, value) in self.given["query"].items():
            if value is None:
                continue
            parameter = self._parameter("query", key, name, value)
            if parameter is None:
                pieces.append(add_query("", {name: self._flat("query", name, value)}).removeprefix("?"))
                continue
            try:
                pieces += writing.written_query(parameter, value, self.call.looks)
            except writing.WritingError as error:
                raise RenderError(f"query {name} {error}") from None
        return f"{url}?{'&'.join(pieces)}" if pieces else url

    def _header(self, key: str, name: str, value: Any) -> dict[str, tuple[str, list[str] | None]]:
        if value is None:
            return {key: (name, None)}
        parameter = self._parameter("header", key, name, value)
        if parameter is None or (isinstance(value, list) and not _is_array(parameter)):
            return {key: (name, header_lines(name, self._flat("headers", name, value)))}
        try:
            return {
                key: (name, header_lines(name, [writing.written_header(parameter, value, self.call.looks)]))
            }
        except writing.WritingError as error:
            raise RenderError(f"header {name} {error}") from None

    def _cookies(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, (name, value) in self.given["cookie"].items():
            parameter = self._parameter("cookie", key, name, value)
            if parameter is None:
                found[name] = self._one(name, self._flat("cookies", name, value))
                continue
            try:
                found.update(writing.written_cookies(parameter, value, self.call.looks))
            except writing.WritingError as error:
                raise RenderError(f"cookie {name} {error}") from None
        return found


def _is_array(parameter: "Parameter") -> bool:
    return parameter.style is None or not parameter.style.types or "array" in parameter.style.types


def _fields(example: dict[str, Any]) -> dict[str, list[str]]:
    """Return an example of a form as names and texts."""
    found: dict[str, list[str]] = {}
    for name, value in example.items():
        items = value if isinstance(value, list) else [value]
        found[name] = [item if isinstance(item, str) else dumps(item) for item in items]
    return found
