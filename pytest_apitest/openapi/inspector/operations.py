"""Rules about paths, operations, parameters, headers, bodies and responses."""

from collections.abc import Iterable, Iterator
from typing import Any

from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.jsonvalue import show
from pytest_apitest.openapi.inspector.context import Context
from pytest_apitest.openapi.inspector.objects import METHODS, is_extension
from pytest_apitest.openapi.inspector.parameters import (
    Declared,
    ParameterLists,
    check_parameters,
    is_header_name,
)
from pytest_apitest.openapi.inspector.walk import Seen
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.patterns import deferred

_SHOWN = 80
_NAME = deferred(r"\{([^{}]*)\}")
_MEDIA_TYPE = deferred(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*;[\x20-\x7e\t]*)?")
# What a path cannot have between its template expressions (RFC 3986, section 3.3).
_NO_PCHAR = deferred(r"[^A-Za-z0-9._~!$&'()*+,;=:@%/-]|%(?![0-9A-Fa-f]{2})")
_WORDS = ("summary", "description")
_WITHOUT_BODY = frozenset({"get", "head", "delete", "trace"})


def check_operations(context: Context) -> None:
    """Check paths, operations and all that belongs to them."""
    lists = ParameterLists(context)
    _paths(context, lists)
    _operations(context)
    check_parameters(context, lists)
    for seen in context.objects["Responses"]:
        if not any(not is_extension(code) for code in seen.value):
            context.add("status-code", "at least one response is due here", seen.pointer, key=True)
    for seen in context.walk.maps:
        if seen.pointer[-1] == "content":
            _content(context, seen)
        elif seen.pointer[-1] == "headers" and seen.pointer[:-1] != ("components",):
            _headers(context, seen)


# -- paths ----------------------------------------------------------------------------------------------


def _paths(context: Context, lists: ParameterLists) -> None:
    shapes: dict[str, str] = {}
    for seen in context.objects["Paths"]:
        for template, item in seen.value.items():
            if not template.startswith("/"):
                continue
            pointer = (*seen.pointer, template)
            rule, message = _template_mistake(template, context.version)
            if message:
                context.add(rule, message, pointer, key=True)
                if rule == "path-template":
                    continue
            shape = _NAME.sub("{}", template)
            first = shapes.setdefault(shape, template)
            if first != template:
                message = f'matches the same URLs as "{first[:_SHOWN]}"'
                context.add("path-duplicate", message, pointer, key=True)
            found = context.followed(item, pointer)
            if found is not None:
                _path_parameters(context, lists, template, found[1], found[0])


def _template_mistake(template: str, version: str) -> tuple[str, str]:
    """Return what is wrong with a path, and by which rule.

    Source: OpenAPI 3.2.0, section 4.8.2 "Path Templating", which has the grammar and forbids to say a name twice;
    the versions before it leave both open.
    """
    rest = _NAME.sub("", template)
    if "{" in rest or "}" in rest:
        return "path-template", "the braces of this path are not balanced"
    names = _NAME.findall(template)
    if "" in names:
        return "path-template", "a path parameter has a name between its braces"
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        rule = "path-name-twice" if version < "3.2" else "path-template"
        return rule, f'"{{{twice[:_SHOWN]}}}" stands twice in this path'
    if "?" in rest or "#" in rest:
        rule = "path-query" if version < "3.2" else "path-template"
        return rule, "a path has neither query nor fragment; declare query parameters instead"
    if version >= "3.2":
        wrong = _NO_PCHAR.search(rest)
        if wrong is not None:
            return "path-template", f"{show(wrong[0])} cannot stand in a path; percent-encode it"
        if "//" in template:
            return "path-template", "a segment of this path is empty"
    return "", ""


def _path_parameters(
    context: Context, lists: ParameterLists, template: str, item: dict[str, Any], pointer: Pointer
) -> None:
    names = _NAME.findall(template)
    shared, shared_known = lists.of(item, pointer)
    missing: dict[str, list[Pointer]] = {}
    operations = 0
    for operation, at in _operations_of(item, pointer):
        own, known = lists.of(operation, at)
        operations += 1
        _unused(context, names, own)
        if known and shared_known:
            declared = {name for place, name in (*own, *shared) if place == "path"}
            # A misspelt one is told where it is declared.
            misspelt = [name for name in declared if name not in names]
            for name in names:
                if name not in declared and near(name, misspelt) is None:
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


def _operations_of(item: dict[str, Any], pointer: Pointer) -> Iterator[tuple[dict[str, Any], Pointer]]:
    for method in METHODS:
        if isinstance(operation := item.get(method), dict):
            yield operation, (*pointer, method)
    more = item.get("additionalOperations")
    for method, operation in more.items() if isinstance(more, dict) else ():
        if isinstance(operation, dict):
            yield operation, (*pointer, "additionalOperations", method)


# -- operations -----------------------------------------------------------------------------------------


def _operations(context: Context) -> None:
    _operation_ids(context)
    declared = [seen.value.get("name") for seen in context.objects["Tag"]]
    known_tags = {name for name in declared if isinstance(name, str)}
    for seen in context.objects["Operation"]:
        operation, pointer = seen.value, seen.pointer
        if context.version == "3.0" and "responses" not in operation:
            context.missing(("responses",), '"responses" is missing in an Operation Object', pointer)
        said = any(operation.get(field) or (pointer, field) in context.walk.misspelt for field in _WORDS)
        if not said:
            message = "neither summary nor description says what this operation does"
            context.add("no-description", message, pointer, key=True)
        method = str(pointer[-1])
        if method.lower() in METHODS and pointer[-2:-1] == ("additionalOperations",) and method.isupper():
            # OpenAPI 3.2.0, section 4.9.1, additionalOperations.
            message = f'the method {method} has a field of its own: "{method.lower()}"'
            context.add("conflicting-fields", message, pointer, key=True)
        if method in _WITHOUT_BODY and "requestBody" in operation:
            message = f"HTTP gives the body of a {method.upper()} request no meaning"
            context.add("body-without-meaning", message, (*pointer, "requestBody"), key=True)
        used = operation.get("tags")
        for index, tag in enumerate(used if isinstance(used, list) else ()):
            if known_tags and isinstance(tag, str) and tag not in known_tags:
                hint = did_you_mean(tag, sorted(known_tags))
                message = f'the tag "{tag[:_SHOWN]}" is not declared{hint}'
                context.add("undeclared-tag", message, (*pointer, "tags", index))


def _operation_ids(context: Context) -> None:
    ids: dict[str, list[Pointer]] = {}
    for seen in context.objects["Operation"]:
        name = seen.value.get("operationId")
        if isinstance(name, str):
            ids.setdefault(name, []).append(seen.pointer)
    for name, pointers in ids.items():
        if len(pointers) > 1:  # only then the order of the file counts, which takes long to find
            first, *more = sorted(pointers, key=context.description.place)
            message = f'the operationId "{name[:_SHOWN]}" is used already, by {_shown(first)}'
            for pointer in more:
                context.add("operation-id", message, (*pointer, "operationId"))


def _shown(pointer: Pointer) -> str:
    """Return an operation in words: its method and path."""
    return " ".join(map(str, (str(pointer[-1]).upper(), *pointer[-2:-1])))[:_SHOWN]


# -- bodies and headers ---------------------------------------------------------------------------------


def _content(context: Context, seen: Seen) -> None:
    for name in seen.value:
        if not _MEDIA_TYPE.fullmatch(name):
            message = f'"{name[:_SHOWN]}" is no media type and no range such as text/*'
            context.add("media-type", message, (*seen.pointer, name), key=True)


def _headers(context: Context, seen: Seen) -> None:
    for name in seen.value:
        at = (*seen.pointer, name)
        if not is_header_name(name):
            context.add("header-name", f'"{name[:_SHOWN]}" cannot be the name of a header', at, key=True)
        elif name.lower() == "content-type":
            context.add("ignored-header", f"a declaration of the header {name} is ignored here", at, key=True)


def names_of(template: str) -> Iterable[str]:
    """Return the names between the braces of a template."""
    return list(_NAME.findall(template))
