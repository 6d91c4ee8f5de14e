"""Rules about the other objects: fields that exclude each other, components, servers, security, links, tags."""

from typing import Any

from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.openapi.description import DeadReferenceError
from pytest_apitest.openapi.inspector.context import Context
from pytest_apitest.openapi.inspector.operations import names_of
from pytest_apitest.openapi.inspector.walk import Seen
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.patterns import deferred

_SHOWN = 80
_COMPONENT = deferred(r"[A-Za-z0-9._-]+")

# Object, fields that exclude each other, since which version.
_CONFLICTS = (
    ("Parameter", "example", "examples", "3.0"),
    ("Header", "example", "examples", "3.0"),
    ("MediaType", "example", "examples", "3.0"),
    ("Example", "value", "externalValue", "3.0"),
    ("Example", "value", "dataValue", "3.2"),
    ("Example", "value", "serializedValue", "3.2"),
    ("Example", "serializedValue", "externalValue", "3.2"),
    ("License", "identifier", "url", "3.1"),
    ("Link", "operationRef", "operationId", "3.0"),
    ("MediaType", "encoding", "prefixEncoding", "3.2"),
    ("MediaType", "encoding", "itemEncoding", "3.2"),
    ("Encoding", "encoding", "prefixEncoding", "3.2"),
    ("Encoding", "encoding", "itemEncoding", "3.2"),
    ("XML", "attribute", "nodeType", "3.2"),
    ("XML", "wrapped", "nodeType", "3.2"),
)
_CONTAINERS = ("paths", "components", "webhooks")
_SCHEME_FIELDS = {
    "apiKey": ("name", "in"),
    "http": ("scheme",),
    "oauth2": ("flows",),
    "openIdConnect": ("openIdConnectUrl",),
    "mutualTLS": (),
}
_OF_SOME_SCHEMES = {
    "name": "apiKey",
    "in": "apiKey",
    "scheme": "http",
    "bearerFormat": "http",
    "flows": "oauth2",
    "openIdConnectUrl": "openIdConnect",
    "oauth2MetadataUrl": "oauth2",
}
_FLOW_FIELDS = {
    "implicit": ("authorizationUrl",),
    "password": ("tokenUrl",),
    "clientCredentials": ("tokenUrl",),
    "authorizationCode": ("authorizationUrl", "tokenUrl"),
    "deviceAuthorization": ("deviceAuthorizationUrl", "tokenUrl"),
}
_OF_SOME_FLOWS = ("authorizationUrl", "tokenUrl", "deviceAuthorizationUrl")


def check_parts(context: Context) -> None:
    """Check everything but operations and schemas."""
    for name, first, second, since in _CONFLICTS:
        if context.version >= since:
            for seen in context.objects[name]:
                if first in seen.value and second in seen.value:
                    message = f'"{second}" excludes "{first}"'
                    context.add("conflicting-fields", message, (*seen.pointer, second), key=True)
    _root(context)
    _components(context)
    for seen in context.objects["Response"]:
        if context.version < "3.2" and "description" not in seen.value:
            context.missing(("description",), '"description" is missing in a Response Object', seen.pointer)
    for seen in context.objects["Server"]:
        _server(context, seen)
    for seen in context.objects["SecurityScheme"]:
        _scheme(context, seen)
    for seen in context.objects["Flow"]:
        _flow(context, seen)
    for seen in context.objects["SecurityRequirement"]:
        _requirement(context, seen)
    for seen in context.objects["Discriminator"]:
        _discriminator(context, seen)
    _links(context)


def _root(context: Context) -> None:
    root = context.root
    if context.version == "3.0":
        if "paths" not in root:
            context.missing(("paths",), '"paths" is missing in the description', ())
    elif root.keys().isdisjoint(_CONTAINERS):
        context.missing(_CONTAINERS, '"paths", "components" or "webhooks" is missing in the description', ())
    if isinstance(own := root.get("$self"), str) and "#" in own:
        # OpenAPI 3.2.0, section 4.1.2: it serves as base URI, which has no fragment (RFC 3986, section 5.1).
        context.add(
            "bad-value", "the URI of a description has no fragment: leave out what begins with #", ("$self",)
        )
    seen: set[str] = set()
    for tag in context.objects["Tag"]:
        name = tag.value.get("name")
        if isinstance(name, str):
            seen.add(name)
    twice: set[str] = set()
    for tag in sorted(context.objects["Tag"], key=lambda one: one.pointer):
        name, parent = tag.value.get("name"), tag.value.get("parent")
        if isinstance(name, str):
            if name in twice:
                message = f'the tag "{name[:_SHOWN]}" is declared twice'
                context.add("tag-duplicate", message, (*tag.pointer, "name"))
            twice.add(name)
        if isinstance(parent, str) and parent not in seen:
            message = f'the tag "{parent[:_SHOWN]}" is not declared{did_you_mean(parent, sorted(seen))}'
            context.add("bad-value", message, (*tag.pointer, "parent"))


def _components(context: Context) -> None:
    for section, components in context.components.items():
        if section.startswith("x-"):
            continue
        for name in components:
            if not _COMPONENT.fullmatch(name):
                message = (
                    f'"{name[:_SHOWN]}": only letters, digits, ".", "-" and "_" make the name of a component'
                )
                context.add("component-name", message, ("components", section, name), key=True)


def _server(context: Context, seen: Seen) -> None:
    url, variables = seen.value.get("url"), seen.value.get("variables")
    declared = variables if isinstance(variables, dict) else {}
    at = (*seen.pointer, "variables")
    if isinstance(url, str):
        for name in dict.fromkeys(names_of(url)):
            if name not in declared:
                message = f'the variable "{name[:_SHOWN]}" is not declared{did_you_mean(name, declared)}'
                context.add("server-variables", message, (*seen.pointer, "url"))
        if any(character in url for character in ' <>"\\^`|'):
            context.add("bad-value", "a character here cannot stand in a URL", (*seen.pointer, "url"))
    for name, variable in declared.items():
        if not isinstance(variable, dict):
            continue
        values, default = variable.get("enum"), variable.get("default")
        if not isinstance(values, list) or not isinstance(default, str) or default in values:
            continue
        if values or context.version == "3.0":  # since OpenAPI 3.1 an empty list is a mistake of its own
            hint = did_you_mean(default, [one for one in values if isinstance(one, str)])
            message = f'the default "{default[:_SHOWN]}" is none of the values in enum{hint}'
            # Before OpenAPI 3.1 it only should be (3.0.4, section "Server Variable Object").
            rule = "server-default" if context.version == "3.0" else "server-variables"
            context.add(rule, message, (*at, name, "default"))


# -- security -------------------------------------------------------------------------------------------


def _scheme(context: Context, seen: Seen) -> None:
    scheme = seen.value
    kind = scheme.get("type")
    if not isinstance(kind, str) or kind not in _SCHEME_FIELDS:
        return
    if kind == "mutualTLS" and context.version == "3.0":
        context.add("bad-value", 'the type "mutualTLS" came with OpenAPI 3.1', (*seen.pointer, "type"))
    for field in _SCHEME_FIELDS[kind]:
        if field not in scheme:
            message = f'"{field}" is missing in a security scheme of type {kind}'
            context.missing((field,), message, seen.pointer)
    for field, other in _OF_SOME_SCHEMES.items():
        if field in scheme and other != kind:
            message = f'"{field}" does not belong to a security scheme of type {kind}'
            context.add("unknown-field", message, (*seen.pointer, field), key=True)


def _flow(context: Context, seen: Seen) -> None:
    kind = str(seen.pointer[-1])
    needed = _FLOW_FIELDS.get(kind, ())
    for field in needed:
        if field not in seen.value:
            context.missing((field,), f'"{field}" is missing in the flow {kind}', seen.pointer)
    for field in _OF_SOME_FLOWS:
        if field in seen.value and field not in needed:
            message = f'"{field}" does not belong to the flow {kind}'
            context.add("unknown-field", message, (*seen.pointer, field), key=True)


def _requirement(context: Context, seen: Seen) -> None:
    schemes = context.components.get("securitySchemes", {})
    for name, scopes in seen.value.items():
        at = (*seen.pointer, name)
        if name not in schemes:
            if context.version >= "3.2" and "/" in name:
                continue  # a URI of a scheme, since 3.2
            message = f'the security scheme "{name[:_SHOWN]}" is not declared{did_you_mean(name, schemes)}'
            # That nothing leads to the one that is meant is the same mistake.
            context.used.add(("components", "securitySchemes", near(name, schemes) or name))
            context.add("security-scheme", message, at, key=True)
            continue
        found = context.followed(schemes[name], ("components", "securitySchemes", name))
        if found is None or not isinstance(scopes, list):
            continue
        kind = found[1].get("type")
        if kind == "oauth2":
            known = _scopes(found[1].get("flows"))
            for index, scope in enumerate(scopes):
                if isinstance(scope, str) and scope not in known:
                    message = f'no flow of "{name[:_SHOWN]}" declares the scope "{scope[:_SHOWN]}"'
                    context.add("security-scopes", message + did_you_mean(scope, sorted(known)), (*at, index))
        elif scopes and context.version == "3.0" and kind in ("apiKey", "http"):
            message = f"a security scheme of type {kind} has no scopes in OpenAPI 3.0"
            context.add("security-scopes", message, at)


def _scopes(flows: Any) -> set[str]:
    found: set[str] = set()
    for flow in flows.values() if isinstance(flows, dict) else ():
        scopes = flow.get("scopes") if isinstance(flow, dict) else None
        found |= scopes.keys() if isinstance(scopes, dict) else set()
    return found


# -- discriminators and links ---------------------------------------------------------------------------


def _discriminator(context: Context, seen: Seen) -> None:
    schemas = context.components.get("schemas", {})
    mapping = seen.value.get("mapping")
    for key, value in mapping.items() if isinstance(mapping, dict) else ():
        if not isinstance(value, str) or value in schemas:
            continue
        at = (*seen.pointer, "mapping", key)
        if "/" not in value and "#" not in value:
            message = f'there is no schema "{value[:_SHOWN]}"{did_you_mean(value, schemas)}'
            context.add("discriminator", message, at)
        else:
            _dead(context, value, "discriminator", at)


def _links(context: Context) -> None:
    ids = [seen.value.get("operationId") for seen in context.objects["Operation"]]
    known = {name: None for name in ids if isinstance(name, str)}
    for seen in context.objects["Link"]:
        name, ref = seen.value.get("operationId"), seen.value.get("operationRef")
        if name is None and ref is None:
            message = '"operationId" or "operationRef" is missing in a Link Object'
            context.missing(("operationId", "operationRef"), message, seen.pointer)
        elif isinstance(name, str) and name not in known:
            message = f'there is no operation "{name[:_SHOWN]}"{did_you_mean(name, known)}'
            context.add("link-operation", message, (*seen.pointer, "operationId"))
        elif isinstance(ref, str):
            _dead(context, ref, "link-operation", (*seen.pointer, "operationRef"))


def _dead(context: Context, ref: str, rule: str, at: Pointer) -> None:
    """Report a reference that leads to nothing, under a rule, or to what is not read."""
    try:
        context.description.resolve(ref)
    except DeadReferenceError as error:
        message = error.message if error.external else "leads to nothing"
        context.add("ref-external" if error.external else rule, f'"{ref[:_SHOWN]}" {message}', at)
