"""Requests that are made of an operation of a description: what can be said before they are sent.

Rules kept here (language, sections 3 and 5, `operation`):
- parameters and bodies are looked at as the check of the exchange will look at them; references are not known yet;
- a step that is wrong on purpose, with `openapi: false` or `expect: {openapi: response}`, may leave out what is
  required, add what is unknown and send what does not fit; without its path no request can be made at all;
- what is wrong is said once, with its place in the document and its place in the description.
"""

from typing import TYPE_CHECKING, Any

from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.jsonpath import Location
from pytest_apitest.jsonvalue import show_typed
from pytest_apitest.language.model import (
    Auth,
    Body,
    Expectation,
    Mark,
    Part,
    Parts,
    RequestSpec,
    Settings,
)
from pytest_apitest.language.operation_names import with_bases
from pytest_apitest.language.reader import Reader, mark_of
from pytest_apitest.patterns import deferred
from pytest_apitest.references import Literal, Value
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from pytest_apitest.openapi.calls import Call
    from pytest_apitest.openapi.contract import Violation
    from pytest_apitest.openapi.operations import Parameter

PLACEHOLDER = deferred(r"\{([^{}]*)\}")
# The parts of a request, by what a description calls them.
PLACES = {"path": "path", "query": "query", "headers": "header", "cookies": "cookie"}
# The kinds of bodies, with the values that they take.
_WRITTEN = {"json": "{…}", "form": "{…}", "multipart": "{…}", "text": "…", "file": "…"}
_ON_PURPOSE = "; if it is wrong on purpose, expect: {openapi: response}"
PART_OF = {place: part for part, place in PLACES.items()}


# -- what is said of a request ----------------------------------------------------------------------------


def look_at_operation(
    reader: Reader, node: Node, request: RequestSpec, settings: Settings, expect: Expectation | None
) -> None:
    """Record what is wrong with a request that is made of an operation.

    Args:
        reader: the reader.
        node: where the request is written.
        request: the request, with an operation.
        settings: those of its step.
        expect: the expectation of its step, or None.

    """
    asked = expect.openapi if expect is not None else ""
    off = settings.openapi is not None
    look = _Look(reader, node, request, settings.auth, wrong_on_purpose=off or asked == "response")
    look.hint = _ON_PURPOSE if _expects_refusal(expect) else ""
    look.look()


@data
class _Given:
    """What a request gives: values by place and name, and the places of which more is not known."""

    parts: dict[str, dict[str, Part]]
    unknown: set[str]

    def has(self, place: str, name: str) -> bool:
        """Tell whether a value is given, or may be."""
        part = self.parts[place].get(name)
        return place in self.unknown if part is None else part.value is not None


class _Look:
    """Looks at one request."""

    def __init__(
        self, reader: Reader, node: Node, request: RequestSpec, auth: Auth | None, *, wrong_on_purpose: bool
    ) -> None:
        assert request.operation is not None
        self.reader = reader
        self.request = request
        self.use = request.operation
        self.call: Call = request.operation.call
        self.auth = auth
        self.wrong_on_purpose = wrong_on_purpose
        # What is said behind every value that does not fit.
        self.hint = ""
        self.chain = list(with_bases(reader, node, request))
        # Where each of them is written.
        named = [reader.requests.entries[one.like][1] for one in self.chain if one.like is not None]
        self.nodes = [node, *named]
        self.given = _given(self.chain)

    def look(self) -> None:
        for place, parts in self.given.parts.items():
            for name, part in parts.items():
                self._part(place, name, part)
        self._missing()
        self._body()

    def _error(self, mark: Mark, message: str) -> None:
        """Record a problem; what a named request is wrong in is said once, however many use it."""
        where = (mark.line, mark.column)
        problems = self.reader.problems
        if not any(
            (one.place.line, one.place.column) == where and one.message == message for one in problems
        ):
            self.reader.error_at(*where, message, mark.width)

    # -- parameters -------------------------------------------------------------------------------------

    def _part(self, place: str, name: str, part: Part) -> None:
        parameter = self.call.parameters.get((place, name))
        if parameter is None:
            if part.value is not None:
                self._unknown(place, name, part)
            return
        literal, value = _literal(part)
        if not literal:
            return
        at = f"{place} {part.name}"
        message = _of_another_kind(parameter, value, lenient=self.wrong_on_purpose)
        if message:
            self._error(part.mark, f"{at}: {message} ({self.call.place(parameter.pointer)})")
            return
        from pytest_apitest.openapi.writing import WritingError  # noqa: PLC0415

        try:
            found = list(self.call.contract.wrong_parameter(parameter, _sent(self.call, parameter, value)))
        except WritingError as error:
            self._error(part.mark, f"{at} {error} ({self.call.place(parameter.pointer)})")
            return
        if found and not self.wrong_on_purpose:
            self._error(part.mark, _said(found) + (_as_list(parameter, value) or self.hint))

    def _unknown(self, place: str, name: str, part: Part) -> None:
        call, use = self.call, self.use.name
        if place == "path":
            names = PLACEHOLDER.findall(call.template)
            if name not in names:
                hint = did_you_mean(name, names) or (f"; it has {{{names[0]}}}" if len(names) == 1 else "")
                self._error(
                    part.mark, f"no {{{name}}} in {call.template}, the path of {use}{hint} ({call.place()})"
                )
        elif place == "query" and not self.wrong_on_purpose and not call.takes_query(name):
            known = [one for where, one in call.parameters if where == "query"]
            hint = did_you_mean(name, known) or (
                f"; there are {', '.join(known[:8])}" if known else "; it has none"
            )
            self._error(part.mark, f'{use} has no query parameter "{name}"{hint} ({call.place()})')

    def _missing(self) -> None:
        missing = [
            one
            for one in self.call.parameters.values()
            if one.required and self._lacks(one) and not self._misspelt(one.place, one.name)
        ]
        names = [f"{one.place} {one.name} ({self.call.place(one.pointer)})" for one in missing]
        known = {one.name for one in missing if one.place == "path"}
        names += [
            f"path {name} ({self.call.place()})"
            for name in PLACEHOLDER.findall(self.call.template)
            if ("path", name) not in self.call.parameters
            and name not in known
            and not self.given.has("path", name)
            and not self._misspelt("path", name)
        ]
        if names:
            first = missing[0] if missing else None
            part, name = (PART_OF[first.place], first.name) if first else ("path", names[0].split()[1])
            self._error(
                self.request.mark, f"{self.use.name} needs {', '.join(names)}: write {part}: {{{name}: …}}"
            )

    def _misspelt(self, place: str, name: str) -> bool:
        """Tell whether a name that is missing is what an unknown one beside it is meant for, which is said there."""
        placeholders = PLACEHOLDER.findall(self.call.template)
        known = placeholders if place == "path" else [one for at, one in self.call.parameters if at == place]
        unknown = [
            one
            for one, part in self.given.parts[place].items()
            if one not in known and part.value is not None
        ]
        if place == "query":
            unknown = [one for one in unknown if not self.call.takes_query(one)]
        alone = place == "path" and len(known) == 1 and bool(unknown)
        return place in ("path", "query") and (alone or any(near(one, known) == name for one in unknown))

    def _lacks(self, parameter: "Parameter") -> bool:
        place = parameter.place
        if self.wrong_on_purpose and place != "path":
            return False
        name = parameter.name.lower() if place == "header" else parameter.name
        if place == "header" and name not in self.given.parts[place] and self._comes_with_endpoint(name):
            return False
        return not self.given.has(place, name)

    def _comes_with_endpoint(self, name: str) -> bool:
        """Tell whether a header is one of the endpoint or of the credentials, as far as these are known."""
        endpoint = self.reader.endpoints[self.use.endpoint]
        headers = _given_by(endpoint.headers)
        names = self._of_credentials(self.auth if self.auth is not None else endpoint.settings.auth)
        return headers is None or names is None or name in headers or name in names

    def _of_credentials(self, auth: Auth | None) -> set[str] | None:
        """Return the headers of credentials; None when these are not known."""
        if auth is not None and auth.credential is not None:
            if not isinstance(auth.credential, Literal):
                return None
            found = self.reader.credentials.entries.get(str(auth.credential.value))
            if found is None:
                return set()
            auth = self.reader.credentials.read(self.reader, found[0], str(auth.credential.value)).value
        if auth is None or auth.scheme != "header":
            return set()
        return {name.lower() for name in auth.settings}

    # -- the body ---------------------------------------------------------------------------------------

    def _body(self) -> None:
        call, use = self.call, self.use.name
        body = next((one.body for one in self.chain if one.body is not None), None)
        changed = [(number, one) for number, one in enumerate(self.chain) if one.set or one.remove]
        kind = body.kind if body is not None else call.example.kind if call.example is not None else "none"
        if changed and kind != "json":
            self._cannot_change(*changed[0], kind, given=body is not None)
            return
        if self.wrong_on_purpose:
            return
        if body is None:
            if call.body_required and call.example is None:
                kinds = [one for one in _WRITTEN if one != "file" and call.takes(one)] or ["file"]
                cure = " or ".join(f"{one}: {_WRITTEN[one]}" for one in kinds)
                message = f"{use} needs a body, and the description has no example of one: write {cure}"
                self._error(self.request.mark, f"{message} ({call.place(call.body_pointer)})")
            return
        written, media_type = self._content_type()
        if not written and not call.takes(body.kind):
            described = ", ".join(call.media_types)
            what = f"takes no {body.kind}, but {described}" if described else "takes no body"
            pointer = call.body_pointer if described else None
            self._error(body.mark, f"{use} {what} ({call.place(pointer)})")
        elif body.kind == "json" and not changed and not (written and media_type is None):
            self._json(body, media_type or call.media_type("json"))

    def _cannot_change(self, number: int, one: RequestSpec, kind: str, *, given: bool) -> None:
        """Say that a request, the one of that number in the chain, changes a body that cannot be changed."""
        call, use = self.call, self.use.name
        path = one.set[0][0] if one.set else one.remove[0]
        word = "set" if one.set else "remove"
        none = f"{use} takes no body" if not given and not call.media_types else ""
        if number and one.operation is not None and one.operation.name != use:
            what = none or f"this request has {kind}"
            message = f"{what}, but {self.chain[number - 1].like} has {word}, which changes a json body"
            self._error(self.request.mark, f"{message} ({call.place()})")
        elif none:
            self._error(path.mark, f"{word} changes a json body; {none} ({call.place()})")
        else:
            hint = "" if given else "; the description has no example of one: write json"
            self._error(path.mark, f"{word} changes a json body; this request has {kind}{hint}")

    def _json(self, body: Body, media_type: str) -> None:
        from pytest_apitest.openapi.media import media_type as parsed  # noqa: PLC0415

        if not isinstance(body.value, Literal) or not parsed(media_type).is_json:
            return
        holder = next(node for one, node in zip(self.chain, self.nodes, strict=True) if one.body is body)
        written = holder.get("json") if isinstance(holder, Mapping) else None
        wrong: dict[Mark, list[Violation]] = {}
        for place, violation in self.call.contract.wrong_json(
            self.call.operation, media_type, body.value.value
        ):
            wrong.setdefault(_mark_at(written, place) or body.mark, []).append(violation)
        for mark, found in wrong.items():
            self._error(mark, _said(found, "json ") + self.hint)

    def _content_type(self) -> tuple[bool, str | None]:
        """Return whether the request writes its own media type, and which, when it is known."""
        part = self.given.parts["header"].get("content-type")
        if part is None:
            return "header" in self.given.unknown, None
        literal, value = _literal(part)
        return True, value if literal and isinstance(value, str) else None


def _mark_at(node: Node | None, place: Location) -> Mark | None:
    """Return where a part of a value is written: a scalar, else the name of the member; None for the whole."""
    key: Scalar | None = None
    for step in place:
        if isinstance(node, Mapping) and step in node:
            key, node = node.entries[str(step)]
        elif isinstance(node, Sequence) and isinstance(step, int):
            node = node.items[step]
        else:
            return None if key is None else mark_of(key)  # what is missing, in the last that is there
    if not place or node is None:
        return None
    return mark_of(node if isinstance(node, Scalar) or key is None else key)


def _given(chain: list[RequestSpec]) -> _Given:
    found = _Given({place: {} for place in PLACES.values()}, set())
    for one in reversed(chain):
        for part, values in one.parts.items():
            place = PLACES[part]
            if isinstance(values, Value):
                if not values.constant:  # else it is `cookies: none`
                    found.unknown.add(place)
                continue
            for value in values:
                found.parts[place][value.name.lower() if place == "header" else value.name] = value
    return found


def _given_by(parts: Parts) -> set[str] | None:
    """Return the headers that an endpoint gives; None when they are not known."""
    if isinstance(parts, Value):
        return None
    return {part.name.lower() for part in parts if part.value is not None}


def _literal(part: Part) -> tuple[bool, Any]:
    """Return whether a value is written in the document as a whole, and the value."""
    if isinstance(part.value, tuple):
        known = all(isinstance(one, Literal) for one in part.value)
        return known, [one.value for one in part.value if isinstance(one, Literal)]
    if isinstance(part.value, Literal):
        return True, part.value.value
    return False, None


def _of_another_kind(parameter: "Parameter", value: Any, *, lenient: bool) -> str:
    """Return why a value cannot be written for a parameter by its kind, or an empty text."""
    types = parameter.style.types if parameter.style is not None else frozenset()
    if not types:
        return ""
    words = " or ".join(sorted(types))
    if isinstance(value, dict):
        return "" if "object" in types else f"expected {words}, got a mapping"
    if isinstance(value, list):
        may_repeat = lenient and parameter.place in ("query", "header")
        return "" if "array" in types or may_repeat else f"expected {words}, got a list"
    if types == {"object"} and not lenient:
        return f"expected a mapping of names to values, got {show_typed(value, 40)}"
    return ""


def _as_list(parameter: "Parameter", value: Any) -> str:
    """Return how a list is written where its items stand in one text, or an empty text."""
    types = parameter.style.types if parameter.style is not None else frozenset()
    items = [one.strip() for one in value.split(",")] if isinstance(value, str) else []
    if "array" not in types or "string" in types or len(items) < 2 or not all(items):
        return ""
    return f"; write [{', '.join(items)}]"


def _expects_refusal(expect: Expectation | None) -> bool:
    """Tell whether a step expects that its request is refused, with a status of 4xx."""
    uses = expect.status.uses if expect is not None and expect.status is not None else ()
    for use in uses:
        if use.operator.name in ("equals", "one_of") and isinstance(use.operand, Literal):
            members = use.operand.value if isinstance(use.operand.value, list) else [use.operand.value]
            return all(str(member).startswith("4") for member in members)
    return False


def _sent(call: "Call", parameter: "Parameter", value: Any) -> Any:
    """Return what the check of an exchange gets to see of a value."""
    from pytest_apitest.openapi import writing  # noqa: PLC0415
    from pytest_apitest.openapi.parameters import query_pairs  # noqa: PLC0415

    if parameter.place == "path":
        return writing.written_path(parameter, value, call.looks)
    if parameter.place == "query":
        return query_pairs("&".join(writing.written_query(parameter, value, call.looks)))
    if parameter.place == "header":
        return writing.written_header(parameter, value, call.looks)
    pairs = writing.written_cookies(parameter, value, call.looks)
    pieces = "; ".join(f"{name}={text}" for name, text in pairs.items()).split("; ")
    return [(name, text) for name, _, text in (piece.partition("=") for piece in pieces)]


def _said(found: "list[Violation]", before: str = "") -> str:
    """Return what is wrong with one value in one sentence."""
    first = found[0]
    where = f"{before.strip()}: " if first.at == "$" else f"{before}{first.at}: " if first.at else before
    more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{where}{first.message} ({first.place}){more}"
