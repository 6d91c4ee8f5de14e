"""Rules about paths, operations, parameters, headers, bodies and responses."""

from collections.abc import Iterable, Iterator
from typing import Any

from pytest_apitest.errors import did_you_mean
from pytest_apitest.openapi.inspector.context import Context
from pytest_apitest.openapi.inspector.objects import METHODS, is_extension
from pytest_apitest.openapi.inspector.walk import Seen
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.patterns import deferred

_SHOWN = 80
_NAME = deferred(r"\{([^{}]*)\}")
_TOKEN = deferred(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MEDIA_TYPE = deferred(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*;[\x20-\x7e\t]*)?")
_STYLES = {
    "path": ("matrix", "label", "simple"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form", "cookie"),
}
_IGNORED_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
_WITHOUT_BODY = frozenset({"get", "head", "delete", "trace"})


def check_operations(context: Context) -> None:
    """Check paths, operations and all that belongs to them."""
    _paths(context)
    _operations(context)
    for seen in context.objects["Parameter"]:
        _parameter(context, seen)
    for seen in context.objects["Header"]:
        _schema_or_content(context, seen)
    for seen in context.objects["Responses"]:
        if not any(not is_extension(code) for code in seen.value):
            context.add("status-code", "at least one response is due here", seen.pointer, key=True)
    for seen in context.walk.maps:
        if seen.pointer[-1] == "content":
            _content(context, seen)
        elif seen.pointer[-1] == "headers" and seen.pointer[:-1] != ("components",):
            _headers(context, seen)


# -- paths ----------------------------------------------------------------------------------------------


def _paths(context: Context) -> None:
    shapes: dict[str, str] = {}
    for seen in context.objects["Paths"]:
        for template, item in seen.value.items():
            if not template.startswith("/"):
                continue
            pointer = (*seen.pointer, template)
            if message := _template_mistake(template):
                context.add("path-template", message, pointer, key=True)
                continue
            shape = _NAME.sub("{}", template)
            first = shapes.setdefault(shape, template)
            if first != template:
                message = f'matches the same URLs as "{first[:_SHOWN]}"'
                context.add("path-duplicate", message, pointer, key=True)
            found = context.followed(item, pointer)
            if found is not None:
                _path_parameters(context, template, found[1], found[0])


def _template_mistake(template: str) -> str:
    rest = _NAME.sub("", template)
    if "{" in rest or "}" in rest:
        return "the braces of this path are not balanced"
    names = _NAME.findall(template)
    if "" in names:
        return "a path parameter has a name between its braces"
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f'"{{{twice[:_SHOWN]}}}" stands twice in this path'
    if "?" in rest or "#" in rest:
        return "a path has neither query nor fragment; declare query parameters instead"
    return ""


Declared = dict[tuple[str, str], Pointer]


def _declared(context: Context, value: Any, pointer: Pointer) -> tuple[Declared, bool]:
    """Return the parameters of a list by place and name, and whether all of them are known."""
    found: Declared = {}
    known = True
    for index, one in enumerate(value if isinstance(value, list) else ()):
        at = (*pointer, index)
        target = context.followed(one, at)
        if target is None:
            known = False
            continue
        place, name = target[1].get("in"), target[1].get("name")
        if not isinstance(place, str) or not isinstance(name, str):
            known = False
            continue
        same = (place, name.lower() if place == "header" else name)
        if same in found:
            message = f'the {place} parameter "{name[:_SHOWN]}" is declared twice here'
            context.add("parameter-duplicate", message, at)
        found[same] = at
    return found, known


def _path_parameters(context: Context, template: str, item: Any, pointer: Pointer) -> None:
    if not isinstance(item, dict):
        return
    names = _NAME.findall(template)
    shared, shared_known = _declared(context, item.get("parameters"), (*pointer, "parameters"))
    missing: dict[str, list[Pointer]] = {}
    operations = 0
    for method, operation, at in _operations_of(item, pointer):
        own, known = _declared(context, operation.get("parameters"), (*at, "parameters"))
        operations += 1
        del method
        _unused(context, names, own)
        if known and shared_known:
            for name in names:
                if ("path", name) not in own and ("path", name) not in shared:
                    missing.setdefault(name, []).append(at)
    _unused(context, names, shared)
    for name, places in missing.items():
        message = f'the path parameter "{name[:_SHOWN]}" is not declared'
        # Where no operation declares it, that is one mistake of the path.
        everywhere = len(places) == operations and operations > 1
        for at in [pointer] if everywhere else places:
            context.add("path-parameter", message, at, key=True)


def _unused(context: Context, names: list[str], declared: Declared) -> None:
    for (place, name), at in declared.items():
        if place == "path" and name not in names:
            hint = did_you_mean(name, names)
            message = f'the path has no "{{{name[:_SHOWN]}}}"{hint}'
            context.add("path-parameter", message, at)


def _operations_of(item: dict[str, Any], pointer: Pointer) -> Iterator[tuple[str, dict[str, Any], Pointer]]:
    for method in METHODS:
        if isinstance(operation := item.get(method), dict):
            yield method, operation, (*pointer, method)
    more = item.get("additionalOperations")
    for method, operation in more.items() if isinstance(more, dict) else ():
        if isinstance(operation, dict):
            yield method, operation, (*pointer, "additionalOperations", method)


# -- operations -----------------------------------------------------------------------------------------


def _operations(context: Context) -> None:
    ids: dict[str, Pointer] = {}
    declared = [seen.value.get("name") for seen in context.objects["Tag"]]
    known_tags = {name for name in declared if isinstance(name, str)}
    for seen in sorted(context.objects["Operation"], key=_in_order(context)):
        operation, pointer = seen.value, seen.pointer
        name = operation.get("operationId")
        if isinstance(name, str):
            if name in ids:
                message = f'the operationId "{name[:_SHOWN]}" is used already, by {_shown(ids[name])}'
                context.add("operation-id", message, (*pointer, "operationId"))
            ids.setdefault(name, pointer)
        if context.version == "3.0" and "responses" not in operation:
            context.add("missing-field", '"responses" is missing in an Operation Object', pointer, key=True)
        if not operation.get("summary") and not operation.get("description"):
            message = "neither summary nor description says what this operation does"
            context.add("no-description", message, pointer, key=True)
        method = str(pointer[-1])
        if method in _WITHOUT_BODY and "requestBody" in operation:
            message = f"HTTP gives the body of a {method.upper()} request no meaning"
            context.add("body-without-meaning", message, (*pointer, "requestBody"), key=True)
        used = operation.get("tags")
        for index, tag in enumerate(used if isinstance(used, list) else ()):
            if known_tags and isinstance(tag, str) and tag not in known_tags:
                hint = did_you_mean(tag, sorted(known_tags))
                message = f'the tag "{tag[:_SHOWN]}" is not declared{hint}'
                context.add("undeclared-tag", message, (*pointer, "tags", index))


def _in_order(context: Context) -> Any:
    return lambda seen: context.description.place(seen.pointer)


def _shown(pointer: Pointer) -> str:
    """Return an operation in words: its method and path."""
    return " ".join(map(str, (str(pointer[-1]).upper(), *pointer[-2:-1])))[:_SHOWN]


# -- parameters and headers -----------------------------------------------------------------------------


def _parameter(context: Context, seen: Seen) -> None:
    parameter, pointer = seen.value, seen.pointer
    place, name = parameter.get("in"), parameter.get("name")
    if place == "path" and parameter.get("required") is not True:
        context.add("path-parameter", "a path parameter is required: true", pointer, key=True)
    if place == "header" and isinstance(name, str):
        if not _TOKEN.fullmatch(name):
            context.add(
                "header-name", f'"{name[:_SHOWN]}" cannot be the name of a header', (*pointer, "name")
            )
        elif name.lower() in _IGNORED_PARAMETERS:
            message = f"a parameter for the header {name} is ignored"
            context.add("ignored-header", message, (*pointer, "name"))
    style = parameter.get("style")
    allowed = _STYLES.get(place) if isinstance(place, str) else None
    if isinstance(style, str) and allowed is not None and style not in allowed:
        message = f'a {place} parameter cannot have the style "{style[:_SHOWN]}"; known: {", ".join(allowed)}'
        context.add("parameter-style", message, (*pointer, "style"))
    elif style == "cookie" and context.version < "3.2":
        context.add("parameter-style", 'the style "cookie" came with OpenAPI 3.2', (*pointer, "style"))
    if place == "querystring" and "schema" in parameter:
        message = "a querystring parameter is described by content, not by schema"
        context.add("conflicting-fields", message, (*pointer, "schema"), key=True)
        return
    _schema_or_content(context, seen)


def _schema_or_content(context: Context, seen: Seen) -> None:
    value, pointer = seen.value, seen.pointer
    if "schema" in value and "content" in value:
        context.add("conflicting-fields", '"content" excludes "schema"', (*pointer, "content"), key=True)
    elif "schema" not in value and "content" not in value:
        context.add("missing-field", '"schema" or "content" is missing here', pointer, key=True)
    content = value.get("content")
    if isinstance(content, dict) and len(content) != 1:
        message = f"exactly one media type is due here, got {len(content)}"
        context.add("bad-value", message, (*pointer, "content"), key=True)


def _content(context: Context, seen: Seen) -> None:
    for name in seen.value:
        if not _MEDIA_TYPE.fullmatch(name):
            message = f'"{name[:_SHOWN]}" is no media type and no range such as text/*'
            context.add("media-type", message, (*seen.pointer, name), key=True)


def _headers(context: Context, seen: Seen) -> None:
    for name in seen.value:
        at = (*seen.pointer, name)
        if not _TOKEN.fullmatch(name):
            context.add("header-name", f'"{name[:_SHOWN]}" cannot be the name of a header', at, key=True)
        elif name.lower() == "content-type":
            context.add("ignored-header", f"a declaration of the header {name} is ignored here", at, key=True)


def names_of(template: str) -> Iterable[str]:
    """Return the names between the braces of a template."""
    return list(_NAME.findall(template))
