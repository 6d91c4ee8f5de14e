"""What a description says of each operation, as far as a scenario needs it (OpenAPI 3.1, sections 4.8.10 to 4.8.21)."""

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.openapi.description import Description, Pointer
from pytest_apitest.openapi.operations import Library, UnusableError
from pytest_apitest.openapi.operations import Parameter as Described
from pytest_apitest.openapi.parameters import SchemaTypes
from pytest_apitest.openapi.schemas import REQUEST

METHODS = ("get", "head", "options", "trace", "post", "put", "patch", "delete")
# Header parameters that say nothing (section 4.8.12.1).
_IGNORED = frozenset({"accept", "content-type", "authorization"})
_REDIRECTS = ("301", "302", "303", "307", "308", "3XX", "3xx")


@data
class Parameter:
    """A parameter of an operation.

    Args:
        place: `path`, `query`, `header` or `cookie`.
        name: its name.
        required: whether it must be sent.
        value: the Parameter Object.
        pointer: where that is.

    """

    place: str
    name: str
    required: bool
    value: Mapping[str, Any]
    pointer: Pointer


@data
class Response:
    """A response of an operation.

    Args:
        key: status, class or `default`, as written.
        value: the Response Object.
        pointer: where that is.
        headers: names of its headers in lower case.

    """

    key: str
    value: Mapping[str, Any]
    pointer: Pointer
    headers: Mapping[str, Mapping[str, Any]]


@data
class Operation:
    """An operation of a description.

    Args:
        method: the method, in capitals.
        path: the path template.
        tag: what its scenarios are filed under.
        value: the Operation Object.
        pointer: where that is.
        parameters: its parameters, those of the path item among them.
        responses: its responses in written order.
        body: its Request Body Object and where that is, or None.
        servers: whether it has servers of its own.

    """

    method: str
    path: str
    tag: str
    value: Mapping[str, Any]
    pointer: Pointer
    parameters: tuple[Parameter, ...]
    responses: tuple[Response, ...]
    body: tuple[Mapping[str, Any], Pointer] | None
    servers: bool

    @property
    def label(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"

    @property
    def success(self) -> Response | None:
        """The response that is expected: the first 2xx, else `default`, else the first."""
        two = sorted(
            (one for one in self.responses if one.key.startswith("2")), key=lambda one: one.key.upper()
        )
        default = [one for one in self.responses if one.key == "default"]
        return next(iter((*two, *default, *self.responses)), None)

    @property
    def status(self) -> int | str | list[int] | None:
        """The status to expect; None where any 2xx is fine."""
        success = self.success
        if success is None or success.key == "default":
            return None
        keys = [one.key for one in self.responses if one.key.startswith("2")] or [success.key]
        classes = [key for key in keys if not key.isdigit()]
        if classes:
            return classes[0].lower()
        return int(keys[0]) if len(keys) == 1 else sorted(int(key) for key in keys)

    @property
    def redirects(self) -> bool:
        """Whether it may answer with a redirect on the way to the answer that is expected."""
        success = self.success
        return (
            success is not None
            and success.key.startswith("2")
            and any(one.key in _REDIRECTS and "location" in one.headers for one in self.responses)
        )

    @property
    def tries(self) -> bool:
        """Whether it says that it may have to be asked again: a 503 that always has a Retry-After."""
        return any(
            one.key == "503" and one.headers.get("retry-after", {}).get("required") is True
            for one in self.responses
        )

    def parameter(self, place: str, name: str) -> Parameter | None:
        """Return a parameter, or None; headers go by name without case."""
        wanted = name.lower() if place == "header" else name
        return next(
            (
                one
                for one in self.parameters
                if one.place == place and (one.name.lower() if place == "header" else one.name) == wanted
            ),
            None,
        )


class Operations:
    """The operations of a description.

    Args:
        description: the description, without errors.

    """

    def __init__(self, description: Description) -> None:
        self.description = description
        self._library = Library(description)
        self.looks: SchemaTypes = self._library.looks

    def followed(self, value: Any, pointer: Pointer) -> tuple[Mapping[str, Any], Pointer]:
        """Return an object, behind its references, and where it is; an empty one where there is none."""
        try:
            return self._library.followed(value, pointer)
        except UnusableError:
            return {}, pointer

    def all(self) -> Iterator[Operation]:
        """Yield the operations in the order of the description."""
        paths = self.description.value.get("paths") or {}
        for path, written in paths.items():
            item, at = self.followed(written, ("paths", path))
            for method in item:
                if method in METHODS:
                    value, pointer = self.followed(item[method], (*at, method))
                    yield self._operation(method, path, (value, pointer), (item, at))

    def others(self) -> Iterator[str]:
        """Yield method and path of the operations whose methods a request cannot have."""
        paths = self.description.value.get("paths") or {}
        for path, written in paths.items():
            item, _ = self.followed(written, ("paths", path))
            if "query" in item:
                yield f"QUERY {path}"
            others = item.get("additionalOperations")
            yield from (f"{method} {path}" for method in (others if isinstance(others, dict) else ()))

    def _operation(
        self,
        method: str,
        path: str,
        operation: tuple[Mapping[str, Any], Pointer],
        item: tuple[Mapping[str, Any], Pointer],
    ) -> Operation:
        value, pointer = operation
        tags = value.get("tags") or ()
        segments = [one for one in path.split("/") if one and "{" not in one]
        tag = str(tags[0]) if tags else segments[0] if segments else "api"
        body = (
            self.followed(value["requestBody"], (*pointer, "requestBody")) if "requestBody" in value else None
        )
        return Operation(
            method.upper(),
            path,
            tag,
            value,
            pointer,
            tuple(self._parameters(operation, item)),
            tuple(self._responses(value, pointer)),
            body if body is not None and body[0] else None,
            bool(value.get("servers") or item[0].get("servers")),
        )

    def _parameters(
        self, operation: tuple[Mapping[str, Any], Pointer], item: tuple[Mapping[str, Any], Pointer]
    ) -> list[Parameter]:
        found: dict[tuple[str, str], Parameter] = {}
        for holder, at in (item, operation):
            for index, written in enumerate(holder.get("parameters") or ()):
                value, pointer = self.followed(written, (*at, "parameters", index))
                place, name = value.get("in"), value.get("name")
                if not isinstance(place, str) or not isinstance(name, str):
                    continue
                if place == "header" and name.lower() in _IGNORED:
                    continue
                required = value.get("required") is True or place == "path"
                key = (place, name.lower() if place == "header" else name)
                found[key] = Parameter(place, name, required, value, pointer)
        return list(found.values())

    def _responses(self, value: Mapping[str, Any], pointer: Pointer) -> Iterator[Response]:
        responses = value.get("responses") or {}
        for key, written in responses.items():
            if key.startswith("x-"):
                continue
            response, at = self.followed(written, (*pointer, "responses", key))
            headers = {
                name.lower(): self.followed(one, (*at, "headers", name))[0]
                for name, one in (response.get("headers") or {}).items()
            }
            yield Response(key, response, at, headers)

    def described(self, parameter: Parameter) -> Described:
        """Return a parameter as the contract has it, which is what it is written by; raises `UnusableError`."""
        written = dict(parameter.value)
        return self._library.parameter(written, parameter.pointer, parameter.place, parameter.name, REQUEST)

    def content(
        self, holder: Mapping[str, Any], pointer: Pointer, media: str
    ) -> tuple[Mapping[str, Any], Pointer]:
        """Return the Media Type Object of a media type of a body or response, and where it is."""
        contents, at = self.followed(holder.get("content"), (*pointer, "content"))
        return self.followed(contents.get(media), (*at, media))
