"""Operations of a description, looked up once: parameters, request bodies, responses (OpenAPI 3.1, 4.8.10 to 4.8.21).

Rules kept here:
- a parameter of the operation replaces that of its path item with the same place and name (section 4.8.10);
- header parameters named Accept, Content-Type and Authorization say nothing, nor does a response header named
  Content-Type (sections 4.8.12.1 and 4.8.17);
- an exact status goes before its class, `2XX`, and both before `default` (section 4.8.16).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.json_schema.nodes import Finding, Node
from pytest_apitest.json_schema.words import brief
from pytest_apitest.openapi.description import ALLOWING, DeadReferenceError, Description, Pointer
from pytest_apitest.openapi.media import FORM, MediaType, chosen, media_type
from pytest_apitest.openapi.parameters import DEFAULT_STYLES, SchemaTypes, Style
from pytest_apitest.openapi.schemas import REQUEST, RESPONSE, DescribedSchemas
from pytest_apitest.patterns import deferred

_MAX_HOPS = 50
_NO_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
_MOST_PLANS = 64
_CODE = deferred(r"[1-5][0-9]{2}")
# Statuses whose answers have no body (RFC 9110, section 15).
NO_BODY = frozenset({204, 205, 304})


class UnusableError(Exception):
    """A part of the description that an exchange needs is wrong.

    Args:
        message: why, one sentence without a final stop.
        pointer: where.

    """

    def __init__(self, message: str, pointer: Pointer) -> None:
        super().__init__(message)
        self.message = message
        self.pointer = pointer


@data
class Judge:
    """A schema of the description that judges values.

    Args:
        schemas: the schemas of its direction.
        node: the schema, linked.
        raw: the schema object as written.

    """

    schemas: DescribedSchemas
    node: Node
    raw: Any

    def wrong(self, value: Any) -> list[Finding]:
        """Return what is wrong with a value."""
        return self.schemas.wrong(self.node, value)


@data
class Parameter:
    """A parameter, or a header of a response.

    Args:
        place: `path`, `query`, `header`, `cookie` or `querystring`.
        name: its name.
        required: whether it must be sent.
        pointer: where it is described.
        style: how it is written; None when it is JSON.
        judge: its schema; None when it has none.
        empty: whether its value may be empty.
        reserved: whether reserved characters stand in its value as they are.
        form: whether it is the whole query, written as a form.

    """

    place: str
    name: str
    required: bool
    pointer: Pointer
    style: Style | None
    judge: Judge | None
    empty: bool = False
    reserved: bool = False
    form: bool = False


@data
class Content:
    """What is said of the bodies of one media type.

    Args:
        pointer: where.
        judge: its schema; None when it has none.
        encoding: the Encoding Objects by name of the part.
        items: the schema of each value of a stream; None when it has none.

    """

    pointer: Pointer
    judge: Judge | None
    encoding: Mapping[str, Any]
    items: Judge | None = None


@data
class BodyPlan:
    """What holds for a body of one media type.

    Args:
        pointer: where the contents are described.
        known: the media types that are described.
        sent: the media type that was sent; None when none was.
        content: what holds; None when that media type is not described.
        required: whether there must be a body.

    """

    pointer: Pointer
    known: tuple[str, ...]
    sent: MediaType | None
    content: Content | None
    required: bool = False


@data
class ResponsePlan:
    """What holds for responses of one status and media type.

    Args:
        pointer: where the response is described.
        headers: what is said of headers.
        body: what is said of bodies; None when nothing is.

    """

    pointer: Pointer
    headers: tuple[Parameter, ...]
    body: BodyPlan | None


class Library:
    """Looks things up in a description and keeps what it found.

    Args:
        description: the description.

    """

    def __init__(self, description: Description) -> None:
        self.description = description
        self.looks = SchemaTypes(description)
        # Places of what is not checked, and those that nobody told of yet.
        self._unchecked: set[Pointer] = set()
        self._untold: list[tuple[str, Pointer]] = []
        self.schemas = {
            direction: DescribedSchemas(description, direction) for direction in (REQUEST, RESPONSE)
        }

    def unchecked(self) -> Iterator[tuple[str, Pointer]]:
        """Yield what is not checked and was not told of yet, with its place."""
        for schemas in self.schemas.values():
            yield from schemas.unchecked
            schemas.unchecked.clear()
        yield from self._untold
        self._untold.clear()

    def followed(self, value: Any, pointer: Pointer) -> tuple[dict[str, Any], Pointer]:
        """Return an object of the description, and where it stands, behind its references.

        Raises:
            UnusableError: it refers to nothing, or is no object.

        """
        for _ in range(_MAX_HOPS):
            if not isinstance(value, dict):
                raise UnusableError(f"expected an object, got {brief(value)}", pointer)
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return value, pointer
            try:
                found, value = self.description.resolve(reference)
            except DeadReferenceError as error:
                words = f"$ref {brief(reference)} {error.message}{error.cure(*ALLOWING)}"
                raise UnusableError(words, (*pointer, "$ref")) from None
            pointer = found
        raise UnusableError("refers to itself without end", pointer)

    def member(self, value: dict[str, Any], name: str, pointer: Pointer) -> tuple[dict[str, Any], Pointer]:
        """Return a member that is an object, behind its references; an empty one when it is not there."""
        return self.followed(value[name], (*pointer, name)) if name in value else ({}, (*pointer, name))

    def judge(
        self, holder: dict[str, Any], pointer: Pointer, direction: str, key: str = "schema"
    ) -> Judge | None:
        """Return the `schema` of an object, or the schema under another key."""
        if key not in holder:
            return None
        schemas = self.schemas[direction]
        return Judge(schemas, schemas.root((*pointer, key)), holder[key])

    def parameter(
        self, written: dict[str, Any], pointer: Pointer, place: str, name: str, direction: str
    ) -> Parameter:
        """Return a parameter or a header."""
        content, at = self.member(written, "content", pointer)
        required = written.get("required") is True
        if content:
            key = next(iter(content))
            inner, at = self.followed(content[key], (*at, key))
            if not media_type(key).is_json:  # some text, of which nothing more is known
                plain = Style(name, DEFAULT_STYLES[place], False, None, frozenset())
                return Parameter(place, name, required, pointer, plain, None)
            return Parameter(place, name, required, pointer, None, self.judge(inner, at, direction))
        style = written.get("style", DEFAULT_STYLES[place])
        if not isinstance(style, str):
            raise UnusableError(f"style is a text, not {brief(style)}", pointer)
        schema = written.get("schema")
        return Parameter(
            place,
            name,
            required,
            pointer,
            Style(
                name, style, written.get("explode", style == "form") is True, schema, self.looks.types(schema)
            ),
            self.judge(written, pointer, direction),
            written.get("allowEmptyValue") is True,
            place == "query" and written.get("allowReserved") is True,
        )

    def querystring(self, written: dict[str, Any], pointer: Pointer, name: str) -> Parameter:
        """Return a parameter that is the whole query, of which a form and JSON are read (OpenAPI 3.2, 4.12.2.1)."""
        content, at = self.member(written, "content", pointer)
        key = next(iter(content), "")
        inner, at = self.followed(content.get(key, {}), (*at, key))
        sent = media_type(key)
        is_form = sent.essence == FORM
        judge = self.judge(inner, at, REQUEST) if sent.is_json or is_form else None
        required = written.get("required") is True
        return Parameter("querystring", name, required, pointer, None, judge, form=is_form)

    def body_plan(
        self, holder: dict[str, Any], pointer: Pointer, content_type: str | None, direction: str
    ) -> BodyPlan | None:
        """Return what holds for a body; None when nothing is said of any."""
        contents, at = self.member(holder, "content", pointer)
        if not contents:
            return None
        required = holder.get("required") is True
        if content_type is None:
            return BodyPlan(at, tuple(contents), None, None, required)
        sent = media_type(content_type)
        key = chosen(contents, sent)
        if key is None:
            return BodyPlan(at, tuple(contents), sent, None, required)
        inner, at = self.followed(contents[key], (*at, key))
        encoding = inner.get("encoding")
        newer = self.description.version == "3.2"
        content = Content(
            at,
            self.judge(inner, at, direction),
            encoding if isinstance(encoding, dict) else {},
            self.judge(inner, at, direction, "itemSchema") if newer and sent.is_stream else None,
        )
        if sent.is_xml and content.judge is not None and at not in self._unchecked:
            self._unchecked.add(at)
            message = "the schema of XML is not checked, only that it is well-formed"
            self._untold.append((message, (*at, "schema")))
        return BodyPlan(at, tuple(contents), sent, content, required)


class Operation:
    """One operation.

    Args:
        library: where things are looked up.
        pointer: where it stands.
        value: the Operation Object.
        item: its path item, and where that stands.
        template: its path as written.
        method: its method, in capitals.

    """

    def __init__(
        self,
        library: Library,
        pointer: Pointer,
        value: dict[str, Any],
        item: tuple[dict[str, Any], Pointer],
        template: str,
        method: str,
    ) -> None:
        self.pointer = pointer
        self.template = template
        self.method = method
        self.takes_any_query = False
        self._library = library
        self._value = value
        self._item = item
        self._parameters: tuple[Parameter, ...] | None = None
        self._querystring: Parameter | None = None
        self._responses: dict[tuple[int, str | None], ResponsePlan | None] = {}
        self._bodies: dict[str | None, BodyPlan | None] = {}
        # What others found out about its responses, by what they asked for.
        self.kept: dict[frozenset[int], Any] = {}

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters; raises `UnusableError`."""
        if self._parameters is None:
            found: dict[tuple[str, str], Parameter] = {}
            for holder, at in (self._item, (self._value, self.pointer)):
                listed = holder.get("parameters", [])
                if not isinstance(listed, list):
                    raise UnusableError("parameters is a list", (*at, "parameters"))
                for index, one in enumerate(listed):
                    written, pointer = self._library.followed(one, (*at, "parameters", index))
                    place, name = written.get("in"), written.get("name")
                    if not isinstance(name, str) or not isinstance(place, str):
                        raise UnusableError("a parameter has a name and a place, name and in", pointer)
                    if place == "querystring" and self._library.description.version == "3.2":
                        self._querystring = self._library.querystring(written, pointer, name)
                        self.takes_any_query = True
                        continue
                    if place not in DEFAULT_STYLES:
                        raise UnusableError(f"in is {', '.join(DEFAULT_STYLES)}, not {brief(place)}", pointer)
                    if place == "header" and name.lower() in _NO_PARAMETERS:
                        continue
                    key = name.lower() if place == "header" else name
                    found[place, key] = self._library.parameter(written, pointer, place, name, REQUEST)
            self._parameters = tuple(found.values())
        return self._parameters

    @property
    def querystring(self) -> Parameter | None:
        """The parameter that is the whole query, of 3.2; raises `UnusableError`."""
        _ = self.parameters  # they are read together
        return self._querystring

    @property
    def value(self) -> dict[str, Any]:
        """The Operation Object as written."""
        return self._value

    @property
    def library(self) -> Library:
        """Where its parts are looked up."""
        return self._library

    @property
    def takes_body(self) -> bool:
        """Whether a request body is described."""
        return "requestBody" in self._value

    def request_body(self, content_type: str | None) -> BodyPlan | None:
        """Return what holds for a request body; None when nothing is said of any; raises `UnusableError`."""
        if content_type not in self._bodies:
            holder, pointer = self._library.member(self._value, "requestBody", self.pointer)
            if len(self._bodies) >= _MOST_PLANS:
                self._bodies.clear()
            self._bodies[content_type] = self._library.body_plan(holder, pointer, content_type, REQUEST)
        return self._bodies[content_type]

    def response(self, status: int, content_type: str | None) -> ResponsePlan | None:
        """Return what holds for a response; None when its status is not described; raises `UnusableError`."""
        key = (status, content_type)
        if key not in self._responses:
            if len(self._responses) >= _MOST_PLANS:
                self._responses.clear()
            self._responses[key] = self._planned(status, content_type)
        return self._responses[key]

    @property
    def statuses(self) -> tuple[str, ...]:
        """The keys of the responses."""
        responses = self._value.get("responses")
        return tuple(responses) if isinstance(responses, dict) else ()

    def answers(self, statuses: frozenset[int]) -> Iterator[tuple[bool, dict[str, Any], Pointer]]:
        """Yield the responses that are described for some statuses: whether there is a body, what, and where.

        Raises:
            UnusableError: a part that is needed is wrong.

        """
        responses, pointer = self._library.member(self._value, "responses", self.pointer)
        left = statuses - {int(key) for key in responses if _CODE.fullmatch(key)}
        for key in responses:
            if _CODE.fullmatch(key):
                meant: frozenset[int] = statuses & {int(key)}
            elif key[1:] in ("XX", "xx"):
                meant = frozenset(status for status in left if str(status)[0] == key[0])
            else:
                meant = left if key == "default" else frozenset()
            if not meant:
                continue
            response = self._library.followed(responses[key], (*pointer, key))
            for has_body in (True, False):
                if meant - NO_BODY if has_body else meant & NO_BODY:
                    yield has_body, *response

    def _planned(self, status: int, content_type: str | None) -> ResponsePlan | None:
        responses, pointer = self._library.member(self._value, "responses", self.pointer)
        key = _key_of(status, responses)
        if key is None:
            return None
        response, at = self._library.followed(responses[key], (*pointer, key))
        described, below = self._library.member(response, "headers", at)
        headers = []
        for name, one in described.items():
            if name.lower() != "content-type":
                written, where = self._library.followed(one, (*below, name))
                headers.append(self._library.parameter(written, where, "header", name, RESPONSE))
        return ResponsePlan(at, tuple(headers), self._library.body_plan(response, at, content_type, RESPONSE))

    def status_key(self, status: int) -> str | None:
        """Return the key that a status falls under, or None; raises `UnusableError`."""
        return _key_of(status, self._library.member(self._value, "responses", self.pointer)[0])

    @property
    def operation_id(self) -> str:
        """Its operationId; empty when it has none."""
        found = self._value.get("operationId", "")
        return found if isinstance(found, str) else ""

    def body_schemas(self, status: str | None) -> Iterator[Any]:
        """Yield the schemas of its bodies, one for each media type; raises `UnusableError`.

        Args:
            status: key of a response; None for the request.

        """
        holder, at = self._value, self.pointer
        for name in ("requestBody",) if status is None else ("responses", status):
            holder, at = self._library.member(holder, name, at)
        contents, at = self._library.member(holder, "content", at)
        for key, one in contents.items():
            inner, _ = self._library.followed(one, (*at, key))
            if "schema" in inner:
                yield inner["schema"]
            if "itemSchema" in inner and self._library.description.version == "3.2":
                yield {"items": inner["itemSchema"]}


def _key_of(status: int, responses: Mapping[str, Any]) -> str | None:
    """Return the key of the responses that holds for a status, or None."""
    code = str(status)
    return next(
        (name for name in (code, f"{code[0]}XX", f"{code[0]}xx", "default") if name in responses), None
    )
