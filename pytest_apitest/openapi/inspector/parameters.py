"""Rules about parameters and headers: their lists, how they are written, what excludes what."""

from typing import Any

from pytest_apitest.openapi.inspector.context import Context
from pytest_apitest.openapi.inspector.objects import METHODS
from pytest_apitest.openapi.inspector.walk import Seen
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.patterns import deferred

_SHOWN = 80
_TOKEN = deferred(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STYLES = {
    "path": ("matrix", "label", "simple"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form", "cookie"),
}
# Another word is told as a mistake of its own.
_ALL_STYLES = frozenset(style for styles in _STYLES.values() for style in styles)
_IGNORED_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
_OF_SCHEMA = ("style", "explode", "allowReserved")
_EXAMPLES = ("example", "examples")

# The parameters of a list by place and name, with their places in the document.
Declared = dict[tuple[str, str], Pointer]


class ParameterLists:
    """The parameters of path items and operations, each list looked at once.

    Args:
        context: the description.

    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lists: dict[Pointer, tuple[Declared, bool]] = {}

    def of(self, holder: dict[str, Any], pointer: Pointer) -> tuple[Declared, bool]:
        """Return the parameters of a path item or operation, and whether all of them are known.

        Args:
            holder: the path item or operation.
            pointer: where it is.

        """
        if pointer not in self._lists:
            self._lists[pointer] = self._declared(holder.get("parameters"), (*pointer, "parameters"))
        return self._lists[pointer]

    def _declared(self, value: Any, pointer: Pointer) -> tuple[Declared, bool]:
        found: Declared = {}
        known = True
        for index, one in enumerate(value if isinstance(value, list) else ()):
            at = (*pointer, index)
            target = self._context.followed(one, at)
            place, name = (target[1].get("in"), target[1].get("name")) if target is not None else (None, None)
            if not isinstance(place, str) or not isinstance(name, str):
                known = False
                continue
            # The names of headers have no case; braces around a name are a mistake that is told at the parameter.
            same = (
                place,
                name.lower() if place == "header" else name.strip("{}") if place == "path" else name,
            )
            if same in found:
                message = f'the {place} parameter "{name[:_SHOWN]}" is declared twice here'
                self._context.add("parameter-duplicate", message, at)
            found[same] = at
        return found, known


def check_parameters(context: Context, lists: ParameterLists) -> None:
    """Check parameters, headers and the lists of parameters.

    Args:
        context: the description.
        lists: its lists of parameters.

    """
    for seen in context.objects["Parameter"]:
        _parameter(context, seen)
    for seen in context.objects["Header"]:
        _schema_or_content(context, seen)
    for seen in context.objects["PathItem"]:
        shared = lists.of(seen.value, seen.pointer)[0]
        _querystrings(context, shared)
        more = seen.value.get("additionalOperations")
        operations = [(seen.value.get(method), (*seen.pointer, method)) for method in METHODS]
        for method, operation in more.items() if isinstance(more, dict) else ():
            operations.append((operation, (*seen.pointer, "additionalOperations", method)))
        for operation, at in operations:
            if isinstance(operation, dict):
                own = lists.of(operation, at)[0]
                _querystrings(context, {**shared, **own} if own else {})


def _querystrings(context: Context, declared: Declared) -> None:
    """Check that a parameter for the whole query is alone (OpenAPI 3.2, section 4.12.1 "Parameter Locations")."""
    if context.version < "3.2":
        return
    whole = [(name, at) for (place, name), at in declared.items() if place == "querystring"]
    for name, at in whole[1:]:
        message = f'"{name[:_SHOWN]}" is a second querystring parameter, and one stands for the whole query'
        context.add("parameter-duplicate", message, at)
    single = next((name for place, name in declared if place == "query"), None)
    if whole and single is not None:
        message = f'a querystring parameter stands for the whole query, "{single[:_SHOWN]}" included'
        context.add("parameter-duplicate", message, whole[0][1])


def _parameter(context: Context, seen: Seen) -> None:
    parameter, pointer = seen.value, seen.pointer
    place, name = parameter.get("in"), parameter.get("name")
    if place == "path":
        if parameter.get("required") is not True:
            context.add("path-parameter", "a path parameter is required: true", pointer, key=True)
        if isinstance(name, str) and ("{" in name or "}" in name):
            # It is to be a template expression of a path (section "Parameter Object", Fixed Fields), which has none.
            message = f'the name of a path parameter has no braces: "{name.strip("{}")[:_SHOWN]}"'
            context.add("path-parameter", message, (*pointer, "name"))
    if place == "header" and isinstance(name, str):
        if not is_header_name(name):
            message = f'"{name[:_SHOWN]}" cannot be the name of a header'
            context.add("header-name", message, (*pointer, "name"))
        elif name.lower() in _IGNORED_PARAMETERS:
            message = f"a parameter for the header {name} is ignored"
            context.add("ignored-header", message, (*pointer, "name"))
    if place == "querystring" and "schema" in parameter:
        message = "a querystring parameter is described by content, not by schema"
        context.add("conflicting-fields", message, (*pointer, "schema"), key=True)
        return
    _schema_or_content(context, seen)
    if "content" not in parameter and isinstance(place, str):
        _style(context, seen, place)


def _style(context: Context, seen: Seen, place: str) -> None:
    """Check how a parameter is written (section "Parameter Object", "Fixed Fields" and "Style Values")."""
    parameter, pointer = seen.value, seen.pointer
    style = parameter.get("style")
    allowed = _STYLES.get(place)
    if isinstance(style, str) and allowed is not None and style not in allowed and style in _ALL_STYLES:
        message = f'a {place} parameter cannot have the style "{style[:_SHOWN]}"; known: {", ".join(allowed)}'
        context.add("parameter-style", message, (*pointer, "style"))
    elif style == "cookie" and context.version < "3.2":
        context.add("parameter-style", 'the style "cookie" came with OpenAPI 3.2', (*pointer, "style"))
    if context.version == "3.0" or allowed is None:
        return  # there they say nothing, which is allowed
    if "allowEmptyValue" in parameter and place != "query":
        message = f'"allowEmptyValue" is for query parameters, and this one is in the {place}'
        context.add("parameter-style", message, (*pointer, "allowEmptyValue"), key=True)
    if "allowReserved" not in parameter:
        return
    if context.version == "3.1" and place != "query":
        message = f'"allowReserved" is for query parameters in OpenAPI 3.1, and this one is in the {place}'
        context.add("parameter-style", message, (*pointer, "allowReserved"), key=True)
    elif place == "header" or style == "cookie":
        message = f'"allowReserved" says nothing here: nothing is percent-encoded in the {place}'
        context.add("parameter-style", message, (*pointer, "allowReserved"), key=True)


def _schema_or_content(context: Context, seen: Seen) -> None:
    value, pointer = seen.value, seen.pointer
    if "schema" in value and "content" in value:
        context.add("conflicting-fields", '"content" excludes "schema"', (*pointer, "content"), key=True)
    elif "schema" not in value and "content" not in value:
        context.missing(("schema", "content"), '"schema" or "content" is missing here', pointer)
    elif "content" in value:
        # Section "Parameter Object", "Fixed Fields for use with schema"; examples are for both since 3.2.
        for field in (*_OF_SCHEMA, *(_EXAMPLES if context.version < "3.2" else ())):
            if field in value:
                where = '; it belongs into the media type below "content"' if field in _EXAMPLES else ""
                message = f'"{field}" goes with "schema", and "content" excludes it{where}'
                context.add("conflicting-fields", message, (*pointer, field), key=True)
    content = value.get("content")
    if isinstance(content, dict) and len(content) != 1:
        message = f"exactly one media type is due here, got {len(content)}"
        context.add("bad-value", message, (*pointer, "content"), key=True)


def is_header_name(name: str) -> bool:
    """Tell whether a header can have a name (RFC 9110, section 5.1)."""
    return _TOKEN.fullmatch(name) is not None
