"""What an operation asks of a request: its parameters, the media types and the example of its body, its security.

Rules kept here, each with its source:
- the example of a media type goes before that of its schema, `example` before the first of `examples` (OpenAPI 3.1,
  sections 4.8.14 "Media Type Object" and 4.8.24 "Schema Object"); JSON goes before a form, a form before a text;
- the security of an operation replaces that of the description (section 4.8.10 "Operation Object", `security`);
- everything is looked up at once, so that what is wrong with an operation is known before a request is made of it.
"""

from collections.abc import Mapping
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.openapi.contract import Contract
from pytest_apitest.openapi.description import Pointer
from pytest_apitest.openapi.media import FORM, MULTIPART, chosen, media_type
from pytest_apitest.openapi.operations import Operation, Parameter, UnusableError
from pytest_apitest.openapi.parameters import SchemaTypes

_ABSENT = object()
_BINARY = "application/octet-stream"
# The media types that the kinds of a body are sent with when nothing else is said.
_SENT = {"json": "application/json", "form": FORM, "multipart": MULTIPART, "text": "text/plain"}
# The kinds of an example, the first that there is goes before the others.
_ORDER = {"json": 0, "form": 1, "text": 2}


@data
class Example:
    """An example body.

    Args:
        kind: `json`, `form` or `text`.
        value: the JSON value, names to values, or the text.
        media_type: the media type it is an example of.

    """

    kind: str
    value: Any
    media_type: str


@data
class SecurityScheme:
    """A security scheme.

    Args:
        name: its name in the description.
        pointer: where it stands.
        value: the Security Scheme Object; None when there is none of that name.

    """

    name: str
    pointer: Pointer
    value: Mapping[str, Any] | None


class Call:
    """What an operation asks of a request.

    Args:
        contract: the description.
        operation: the operation.

    Raises:
        UnusableError: a part of the description that a request needs is wrong.

    """

    def __init__(self, contract: Contract, operation: Operation) -> None:
        self.contract = contract
        self.operation = operation
        self.method = operation.method
        self.template = operation.template
        self.looks: SchemaTypes = operation.library.looks
        # By place and name; names of headers in lower case.
        self.parameters: Mapping[tuple[str, str], Parameter] = {
            (one.place, one.name.lower() if one.place == "header" else one.name): one
            for one in operation.parameters
        }
        library, written = operation.library, operation.value
        body, self.body_pointer = library.member(written, "requestBody", operation.pointer)
        self.body_required = body.get("required") is True
        contents, at = library.member(body, "content", self.body_pointer)
        self._contents = {key: library.followed(one, (*at, key)) for key, one in contents.items()}
        self.example = self._example()
        self.security = self._alternatives()

    def takes_query(self, name: str) -> bool:
        """Tell whether a query may have a parameter: one that is described, or the API key of its security."""
        if ("query", name) in self.parameters or self.operation.takes_any_query:
            return True
        schemes = [
            self.security_scheme(one).value or {} for alternative in self.security for one in alternative
        ]
        return any(one.get("in") == "query" and one.get("name") == name for one in schemes)

    # -- the body ---------------------------------------------------------------------------------------

    @property
    def media_types(self) -> tuple[str, ...]:
        """The media types of its body, as written."""
        return tuple(self._contents)

    def takes(self, kind: str) -> bool:
        """Tell whether a body of a kind is described: `json`, `form`, `multipart`, `text` or `file`."""
        return bool(self._contents) if kind == "file" else bool(self.media_type(kind))

    def media_type(self, kind: str) -> str:
        """Return the media type that a kind of body is sent with, or an empty text when none is described."""
        usual = _SENT.get(kind, _BINARY)
        if chosen(self._contents, media_type(usual)) is not None:
            return usual
        for key in self._contents:
            if "*" not in key and _kind(key) == kind:
                return key
        return ""

    def _example(self) -> Example | None:
        keys = sorted(self._contents, key=lambda key: (_ORDER.get(_kind(key), 9), key != "application/json"))
        for key in keys:
            kind = _kind(key)
            if kind not in _ORDER:
                break
            found = self._example_of(key)
            if found is not _ABSENT and (
                kind == "json" or isinstance(found, dict if kind == "form" else str)
            ):
                return Example(kind, found, key)
        return None

    def _example_of(self, key: str) -> Any:
        """Return the example of a media type, or of its schema, or `_ABSENT`."""
        content, at = self._contents[key]
        library = self.operation.library
        if "example" in content:
            return content["example"]
        examples, below = library.member(content, "examples", at)
        for name, one in examples.items():
            written, _ = library.followed(one, (*below, name))
            for member in ("dataValue", "value"):
                if member in written:
                    return written[member]
        schema = self.looks.followed(content.get("schema"))
        if "example" in schema:
            return schema["example"]
        listed = schema.get("examples")
        return listed[0] if isinstance(listed, list) and listed else _ABSENT

    # -- security ---------------------------------------------------------------------------------------

    def _alternatives(self) -> tuple[tuple[str, ...], ...]:
        """Return the names of the schemes of each alternative."""
        description = self.operation.library.description.value
        written = self.operation.value.get("security", description.get("security"))
        return (
            tuple(tuple(one) for one in written if isinstance(one, dict)) if isinstance(written, list) else ()
        )

    def security_scheme(self, name: str) -> SecurityScheme:
        """Return a security scheme; raises `UnusableError`."""
        library = self.operation.library
        components, at = library.member(library.description.value, "components", ())
        schemes, below = library.member(components, "securitySchemes", at)
        if name not in schemes:
            return SecurityScheme(name, below, None)
        found, pointer = library.followed(schemes[name], (*below, name))
        return SecurityScheme(name, pointer, found)

    # -- places -----------------------------------------------------------------------------------------

    def place(self, pointer: Pointer | None = None) -> str:
        """Return a place in the description, `file:line:column`; without a pointer that of the operation."""
        return place_in(self.contract, self.operation.pointer if pointer is None else pointer)


def place_in(contract: Contract, pointer: Pointer) -> str:
    """Return a place in a description, `file:line:column`; of a member it is that of its name."""
    line, column = contract.description.place(pointer, key=True)
    return f"{contract.description.holder(pointer)[0].shown}:{line}:{column}"


def call_named(contract: Contract, operation_id: str) -> Call | None:
    """Return what an operation asks of a request, or None when no operation has this id; raises `UnusableError`."""
    operation = contract.operations.named(operation_id)
    return None if operation is None else Call(contract, operation)


def _kind(key: str) -> str:
    """Return the kind of body that is sent with a media type."""
    written = media_type(key)
    if written.is_json:
        return "json"
    if written.is_text:
        return "text"
    return {FORM: "form", MULTIPART: "multipart"}.get(written.essence, "")


__all__ = ["Call", "Example", "SecurityScheme", "UnusableError", "call_named", "place_in"]
