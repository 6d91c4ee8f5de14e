"""Which operation makes what another one needs, and how its id is read off the answer.

Rules kept here:
- what `/quotes/{id}` needs is made by `POST /quotes`; the id is where a link of the description says it is
  (OpenAPI 3.1, section 4.8.20 "Link Object"), else the member of the body that is called so, else the last segment of
  the Location header (RFC 9110, section 10.2.2);
- a parameter somewhere else, or a required member of a body, that has the whole name of such an id (`quoteId`,
  `quote_id`) means the same;
- what cannot be made, or is made nowhere, is no source.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.json_schema.words import pointer as json_pointer
from pytest_apitest.openapi.media import media_type
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.openapi.sample_texts import singular
from pytest_apitest.openapi.samples import Sampler
from pytest_apitest.patterns import deferred
from pytest_apitest.scaffold.naming import identifier, pieces
from pytest_apitest.scaffold.operations import Operation, Operations, Response

LAST_SEGMENT = "([^/?#]+)/?$"
# Names of parameters that say nothing without the name of what they belong to.
_BARE = frozenset(
    {"id", "uuid", "guid", "key", "name", "code", "number", "nr", "no", "slug", "ref", "version"}
)
_WRAPPERS = ("data", "result", "item")
_SIMPLE_NAME = deferred(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPRESSION = deferred(r"\$response\.(?:body#(/.*)|header\.(.+))")


@data
class Source:
    """What a step saves of an answer.

    Args:
        save: the source in the words of the language.
        member: the member of the body that it is, when it is one of the first level.
        types: types that it may have; none when that is not known.

    """

    save: Any
    member: str = ""
    types: frozenset[str] = frozenset()


@data
class Creator:
    """An operation that makes something with an id.

    Args:
        operation: the operation.
        key: the path of what it makes, names of parameters left out.
        name: what the id is called in documents.
        source: where the id is.

    """

    operation: Operation
    key: str
    name: str
    source: Source


def segments_of(path: str) -> list[str]:
    """Return the segments of a path."""
    return [one for one in path.split("/") if one]


def is_parameter(segment: str) -> bool:
    """Tell whether a segment is a parameter as a whole."""
    return segment.startswith("{") and segment.endswith("}") and segment.count("{") == 1


def key_of(path: str) -> str:
    """Return a path without the names of its parameters and without a slash at its end."""
    return "/" + "/".join("{}" if is_parameter(one) else one for one in segments_of(path))


def parameters_of(path: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each whole-segment parameter of a path, and the key of the path up to it."""
    segments = segments_of(path)
    for index, segment in enumerate(segments):
        if is_parameter(segment):
            yield segment[1:-1], key_of("/".join(segments[: index + 1]))


def name_in(path: str, parameter: str) -> str:
    """Return what a path parameter is called in documents."""
    before = ""
    for segment in segments_of(path):
        if "{" + parameter + "}" in segment:
            break
        if "{" not in segment:
            before = segment
    words = pieces(parameter)
    if before and len(words) == 1 and words[0] in _BARE:
        return identifier(_singular(before), parameter)
    return identifier(parameter)


def resource_of(path: str) -> str:
    """Return what the last named segment of a path is about, in the singular."""
    named = [one for one in segments_of(path) if "{" not in one]
    return identifier(_singular(named[-1])) if named else "item"


def _singular(segment: str) -> str:
    words = pieces(segment)
    return " ".join([*words[:-1], singular(words[-1])]) if words else segment


def json_path(*names: str) -> str:
    """Return the JSONPath of a member (RFC 9535, section 2.3.1)."""
    return "$" + "".join(
        f".{name}"
        if _SIMPLE_NAME.fullmatch(name)
        else "['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']"
        for name in names
    )


class Flow:
    """The creators of a description.

    Args:
        reader: reads the description.
        operations: all of them.
        answers: knows the schemas of answers.
        makeable: tells whether a request can be made for an operation.

    """

    def __init__(
        self,
        reader: Operations,
        operations: Sequence[Operation],
        answers: Sampler,
        makeable: Callable[[Operation], bool],
    ) -> None:
        self._reader = reader
        self._answers = answers
        self.creators: dict[str, Creator] = {}
        self.removers = {key_of(one.path): one for one in operations if one.method == "DELETE"}
        self._called: dict[tuple[str, ...], list[str]] = {}
        posts = {key_of(one.path): one for one in operations if one.method == "POST"}
        for operation in operations:
            for parameter, key in parameters_of(operation.path):
                maker = posts.get(key.removesuffix("/{}") or "/")
                if key in self.creators or maker is None or not makeable(maker):
                    continue
                source = self._source(maker, operation, parameter)
                if source is not None:
                    name = name_in(operation.path, parameter)
                    self.creators[key] = Creator(maker, key, name, source)
                    for words in {tuple(name.split("_")), tuple(pieces(parameter))}:
                        if len(words) > 1:
                            self._called.setdefault(words, []).append(key)

    def of_path(self, path: str, parameter: str) -> Creator | None:
        """Return what makes the value of a path parameter, or None."""
        for name, key in parameters_of(path):
            if name == parameter and key in self.creators:
                return self.creators[key]
        return self.called(parameter)

    def called(self, name: str) -> Creator | None:
        """Return what makes the id that has a name, when just one does."""
        keys = set(self._called.get(tuple(pieces(name)), ()))
        return self.creators[keys.pop()] if len(keys) == 1 else None

    def json_of(self, response: Response) -> Pointer | None:
        """Return where the schema of the JSON body of a response is, or None."""
        contents, _ = self._reader.followed(response.value.get("content"), (*response.pointer, "content"))
        for media in contents:
            if media_type(media).is_json:
                value, pointer = self._reader.content(response.value, response.pointer, media)
                return (*pointer, "schema") if "schema" in value else None
        return None

    def _source(self, maker: Operation, user: Operation, parameter: str) -> Source | None:
        response = maker.success
        if response is None or not response.key.startswith(("2", "d")):
            return None
        linked = self._linked(response, user, parameter)
        return linked or self._in_body(response, user.path, parameter) or _in_location(response)

    def _linked(self, response: Response, user: Operation, parameter: str) -> Source | None:
        links, at = self._reader.followed(response.value.get("links"), (*response.pointer, "links"))
        for name, written in links.items():
            link, _ = self._reader.followed(written, (*at, name))
            reference = "#" + json_pointer(user.pointer)
            if link.get("operationRef") != reference and (
                "operationId" not in link or link["operationId"] != user.value.get("operationId")
            ):
                continue
            given = link.get("parameters")
            words = given if isinstance(given, Mapping) else {}
            expression = words.get(parameter, words.get(f"path.{parameter}"))
            found = _EXPRESSION.fullmatch(expression) if isinstance(expression, str) else None
            if found is not None and found[2] is not None:
                save: Any = {"header": found[2]}
                if found[2].lower() == "location":
                    save["regex"] = LAST_SEGMENT
                return Source(save)
            if found is not None:
                steps = [one.replace("~1", "/").replace("~0", "~") for one in found[1].split("/")[1:]]
                if not any(one.isdigit() for one in steps):
                    return Source(json_path(*steps), steps[0] if len(steps) == 1 else "")
        return None

    def _in_body(self, response: Response, path: str, parameter: str) -> Source | None:
        pointer = self.json_of(response)
        if pointer is None:
            return None
        members = self._answers.properties((pointer,))
        found = _member_called(members, path, parameter)
        if found is not None:
            return Source(json_path(found), found, self._answers.types(members[found]))
        for name, places in members.items():
            if name in _WRAPPERS or pieces(name) == pieces(resource_of(path)):
                inner = self._answers.properties(places)
                found = _member_called(inner, path, parameter)
                if found is not None:
                    return Source(json_path(name, found), "", self._answers.types(inner[found]))
        return None


def _member_called(members: Mapping[str, Any], path: str, parameter: str) -> str | None:
    words, last = pieces(parameter), pieces(parameter)[-1:]
    whole = name_in(path, parameter).split("_")
    for wanted in (words, whole, last):
        for name in members:
            if wanted and pieces(name) == wanted:
                return name
    return None


def _in_location(response: Response) -> Source | None:
    if "location" not in response.headers:
        return None
    return Source({"header": "Location", "regex": LAST_SEGMENT}, "", frozenset({"string"}))
