"""From a request as written to a request with values: URL, named parts, body (language, section 5).

Rules kept here:
- a reference that begins a URL stands as it is; any other is percent-encoded, `/` too, unless `raw` says so;
- `like` is merged after rendering, name by name; a body of another kind replaces the body;
- `set` is done in the order of the file, before `remove`; those of a named request come first;
- nothing rendered is changed in place: constants are shared between requests.
"""

import copy
import urllib.parse
from dataclasses import field
from typing import Any

from pytest_apitest.data import record
from pytest_apitest.engine.scope import RunScope
from pytest_apitest.functions import FilterError, as_text
from pytest_apitest.jsonpath import Location, normalized
from pytest_apitest.jsonvalue import kind, show
from pytest_apitest.language.model import Body, FilePart, Part, Parts, PathTemplate, RequestSpec
from pytest_apitest.language.operations import PLACEHOLDER
from pytest_apitest.language.requests import METHODS
from pytest_apitest.references import Reference, RenderError, Value, template_parts, text_of

# Everything that may stand in a URL as an author writes it; what may not is percent-encoded.
_WRITTEN = "%/:?#[]@!$&'()*+,;=-._~"
# Stands around the name of a placeholder until it is filled; no URL can hold it.
_FILL = "\x00"
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


@record
class Draft:
    """A request with values, before it belongs to an endpoint.

    Args:
        method: the method.
        url: absolute, or beginning with `/` or `?`; placeholders not filled.
        named: name of the endpoint that the URL begins with, or the empty text.
        base_url: URL of the response that the URL came from, or the empty text.
        path: values of the placeholders.
        query: names to values, in order.
        headers: lower-case names to the name as written and its lines; None for a removal.
        cookies: names to values, or None for not even the jar.
        body: kind of the body, or the empty text.
        content: the JSON value, text, form fields, multipart parts or file.
        media_type: the media type of the body; empty for that of its kind.

    """

    method: str = ""
    url: str = ""
    named: str = ""
    base_url: str = ""
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, list[str] | None] = field(default_factory=dict)
    headers: dict[str, tuple[str, list[str] | None]] = field(default_factory=dict)
    cookies: dict[str, str] | None = field(default_factory=dict)
    body: str = ""
    content: Any = None
    media_type: str = ""


class Drafter:
    """Renders requests.

    Args:
        scope: where references are looked up.
        requests: the named requests of the document.

    """

    def __init__(self, scope: RunScope, requests: Any) -> None:
        self.scope = scope
        self.requests = requests

    def draft(self, spec: RequestSpec) -> Draft:
        """Return the request with values; raises `RenderError`."""
        draft = Draft() if spec.like is None else self.draft(self.requests[spec.like].value)
        if spec.method is not None:
            draft.method = self._method(spec.method)
        if spec.url is not None:
            self._url(draft, spec.url)
        self._fill(draft, spec)
        return draft

    def _fill(self, draft: Draft, spec: RequestSpec) -> None:
        """Put the named parts and the body of a request into its draft."""
        for name, parts in spec.parts.items():
            self._part(draft, name, parts)
        if spec.body is not None:
            self._body(draft, spec.body)
        if spec.set or spec.remove:
            self._changes(draft, spec)

    def _method(self, value: Value) -> str:
        method = value.render(self.scope)
        if value.constant:
            return str(method)
        if not isinstance(method, str) or not method or not TOKEN.issuperset(method):
            raise RenderError(f"a method is a word such as {', '.join(METHODS[:3])}: got {show(method, 40)}")
        return method

    # -- URL --------------------------------------------------------------------------------------------

    def _url(self, draft: Draft, value: Value) -> None:
        parts = template_parts(value)
        assert parts is not None
        out: list[str] = []
        draft.named = draft.base_url = ""
        in_query = False
        for index, part in enumerate(parts):
            if isinstance(part, str):
                out.append(_written(part, in_query=in_query))
                in_query = in_query or "?" in part
                continue
            text = self._piece(part)
            if index == 0:
                if self._begins_with_base(draft, part) and len(parts) > 1:
                    text = text.removesuffix("/")
                out.append(urllib.parse.quote(text, safe=_WRITTEN))
                in_query = in_query or "?" in text
                continue
            if not text and not in_query:
                raise RenderError(f"{part.shown} is empty: the URL would be another one", part.place)
            out.append(text if part.raw else urllib.parse.quote(text, safe=""))
            in_query = in_query or (part.raw and "?" in text)
        draft.url = "".join(out)

    def _piece(self, reference: Reference) -> str:
        return text_of(reference.resolve(self.scope), reference)

    def _begins_with_base(self, draft: Draft, reference: Reference) -> bool:
        """Note what a URL begins with; tell whether it is the base URL of an endpoint."""
        entry = self.scope.entry(reference.name) if reference.name else None
        if entry is None:
            return False
        draft.base_url = entry.base_url
        if entry.kind == "endpoint" and not reference.filters:
            draft.named = reference.name
        return entry.kind in ("endpoint", "base") and not reference.filters

    # -- named parts ------------------------------------------------------------------------------------

    def _part(self, draft: Draft, name: str, parts: Parts) -> None:
        if name == "cookies" and isinstance(parts, Value) and parts.constant:
            draft.cookies = None
            return
        rendered = self.named_values(name, parts)
        if name == "headers":
            for key, values in rendered:
                draft.headers[key.lower()] = (key, header_lines(key, values))
        elif name == "query":
            for key, values in rendered:
                draft.query[key] = values
        elif name == "path":
            for key, values in rendered:
                draft.path[key] = self._one(key, values)
        else:
            draft.cookies = {} if draft.cookies is None else draft.cookies
            for key, values in rendered:
                draft.cookies[key] = self._one(key, values)

    def named_values(self, part: str, parts: Parts) -> list[tuple[str, list[str] | None]]:
        """Return names with their texts; None stands for a removal."""
        if isinstance(parts, Value):
            return self._from_mapping(part, parts.render(self.scope))
        return [(one.name, self._texts(part, one)) for one in parts]

    def _texts(self, part: str, one: Part) -> list[str] | None:
        if one.value is None:
            return None
        if isinstance(one.value, tuple):
            return [
                text for value in one.value for text in self._flat(part, one.name, value.render(self.scope))
            ]
        value = one.value.render(self.scope)
        if value is None and part == "headers":
            return None  # a lone reference to null says what null itself says
        return self._flat(part, one.name, value)

    def _flat(self, part: str, name: str, value: Any) -> list[str]:
        if isinstance(value, list) and part in ("query", "headers", "form"):
            if not value:
                raise RenderError(f"{name} is an empty list: leave it out, or write one value")
            return [_scalar(part, name, item) for item in value]
        return [_scalar(part, name, value)]

    def _from_mapping(self, part: str, value: Any) -> list[tuple[str, list[str] | None]]:
        if not isinstance(value, dict):
            raise RenderError(f"{part} needs an object, got {kind(value)}")
        found: list[tuple[str, list[str] | None]] = []
        for name, item in value.items():
            if item is None and part in ("headers", "query"):
                found.append((name, None))
            else:
                found.append((name, self._flat(part, name, item)))
        return found

    def _one(self, name: str, values: list[str] | None) -> str:
        if values is None or len(values) != 1:
            raise RenderError(f"{name} needs one value")
        return values[0]

    # -- body -------------------------------------------------------------------------------------------

    def _body(self, draft: Draft, body: Body) -> None:
        if body.kind == "json":
            content: Any = body.value.render(self.scope)
        elif body.kind == "text":
            content = as_text_of(body.value, self.scope)
        elif body.kind == "form":
            fields = dict(draft.content) if draft.body == "form" else {}
            fields.update(self.named_values("form", body.value))
            content = fields
        elif body.kind == "multipart":
            content = [(part.name, [self._multipart(one) for one in part.value]) for part in body.value]
        else:
            content = body.value
        draft.body = body.kind
        draft.content = content

    def _multipart(self, part: Value | FilePart) -> tuple[str, Any, str | None, str | None]:
        """Return kind, content, file name and media type of a part."""
        if isinstance(part, Value):
            return "text", _scalar("multipart", "a part", part.render(self.scope)), None, None
        filename = as_text_of(part.filename, self.scope) if part.filename is not None else None
        media_type = as_text_of(part.content_type, self.scope) if part.content_type is not None else None
        if part.kind == "json":
            return "json", part.value.render(self.scope), filename, media_type
        if part.kind == "text":
            return "text", as_text_of(part.value, self.scope), filename, media_type
        return "file", part.value, filename or part.value.name, media_type

    def _changes(self, draft: Draft, spec: RequestSpec) -> None:
        if draft.body != "json":
            what = draft.body or "no body"
            raise RenderError(f"set and remove change a json body; this request has {what}")
        content = copy.deepcopy(draft.content)
        for path, value in spec.set:
            content = set_at(
                content, self._location(path), copy.deepcopy(value.render(self.scope)), path.text
            )
        for path in spec.remove:
            content = remove_at(content, self._location(path), path.text)
        draft.content = content

    def _location(self, template: PathTemplate) -> Location:
        path = template.path(self.scope)
        if path.steps is None:
            raise RenderError(f"{path.text} may match several: write the path of one value")
        return path.steps


def _written(text: str, *, in_query: bool) -> str:
    """Return the text of a URL with what may not stand in it encoded, and its placeholders marked."""
    path, question, query = ("", "", text) if in_query else text.partition("?")
    if "{" in path:
        pieces = PLACEHOLDER.split(path)
        pieces[::2] = [urllib.parse.quote(piece, safe=_WRITTEN) for piece in pieces[::2]]
        pieces[1::2] = [f"{_FILL}{name}{_FILL}" for name in pieces[1::2]]
        return "".join(pieces) + question + urllib.parse.quote(query, safe=_WRITTEN)
    return urllib.parse.quote(text, safe=_WRITTEN)


def as_text_of(value: Value, scope: RunScope) -> str:
    """Return a value as text: numbers by their digits."""
    rendered = value.render(scope)
    try:
        return as_text(rendered)
    except FilterError as error:
        raise RenderError(f"expected a text: {error}") from None


def _scalar(part: str, name: str, value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        raise RenderError(f"{name} is {kind(value)}; {part} needs a text, a number or a boolean")
    try:
        return as_text(value)
    except FilterError as error:
        raise RenderError(f"{name}: {error}") from None


def header_lines(name: str, values: list[str] | None) -> list[str] | None:
    """Return the lines of a header without blanks around them; raises `RenderError` for what cannot be sent.

    Args:
        name: its name.
        values: the lines, or None for a removal, which is returned.

    """
    for value in values or ():
        if any(character in value for character in "\r\n\0"):
            raise RenderError(f"the header {name} would hold a line break or NUL")
        if not value.isascii():
            try:
                value.encode("latin-1")
            except UnicodeEncodeError:
                raise RenderError(f"the header {name} holds a character outside of latin-1") from None
    return [value.strip(" \t") for value in values] if values is not None else None


def fill_placeholders(draft: Draft) -> str:
    """Return the URL with its `{placeholders}` filled; raises `RenderError`."""
    pieces = draft.url.split(_FILL)
    names = pieces[1::2]
    for name in draft.path:
        if name not in names:
            raise RenderError(f"no {{{name}}} in the URL")
    for index in range(1, len(pieces), 2):
        name = pieces[index]
        if name not in draft.path:
            raise RenderError(f"{{{name}}} of the URL is not in path")
        if not draft.path[name]:
            raise RenderError(f"{{{name}}} is empty: the URL would be another one")
        pieces[index] = urllib.parse.quote(draft.path[name], safe="")
    return "".join(pieces)


def add_query(url: str, query: dict[str, list[str] | None]) -> str:
    """Return a URL with parameters appended to its own."""
    pairs = [
        f"{urllib.parse.quote(name, safe='')}={urllib.parse.quote(value, safe='')}"
        for name, values in query.items()
        for value in values or ()
    ]
    if not pairs:
        return url
    joint = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return url + joint + "&".join(pairs)


# -- changes of a JSON body -----------------------------------------------------------------------------


def set_at(content: Any, location: Location, value: Any, shown: str) -> Any:
    """Set a value at a place whose parent exists; an index may be at most the length of its array."""
    if not location:
        return value
    parent = _parent(content, location, shown)
    step = location[-1]
    if isinstance(step, str):
        if not isinstance(parent, dict):
            raise RenderError(f"set {shown}: {normalized(location[:-1])} is {_called(parent)}, no object")
        parent[step] = value
        return content
    if not isinstance(parent, list):
        raise RenderError(f"set {shown}: {normalized(location[:-1])} is {_called(parent)}, no array")
    index = step + len(parent) if step < 0 else step
    if not 0 <= index <= len(parent):
        raise RenderError(f"set {shown}: the array has {len(parent)} elements")
    if index == len(parent):
        parent.append(value)
    else:
        parent[index] = value
    return content


def remove_at(content: Any, location: Location, shown: str) -> Any:
    """Remove the value at a place; nothing there is an error."""
    if not location:
        raise RenderError(f"remove {shown}: the whole body cannot be removed; leave json out")
    parent = _parent(content, location, shown, verb="remove")
    step = location[-1]
    there = (isinstance(parent, dict) and step in parent) or (
        isinstance(parent, list) and isinstance(step, int) and -len(parent) <= step < len(parent)
    )
    if not there:
        raise RenderError(f"remove {shown}: nothing there")
    del parent[step]
    return content


def _parent(content: Any, location: Location, shown: str, verb: str = "set") -> Any:
    value = content
    for index, step in enumerate(location[:-1]):
        fits = (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value)
        )
        if not fits:
            raise RenderError(f"{verb} {shown}: nothing at {normalized(location[: index + 1])}")
        value = value[step]
    return value


def _called(value: Any) -> str:
    return kind(value)
