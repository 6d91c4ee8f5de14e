"""The rules of the NLGov REST API Design Rules 2.0, under the ids of their public ruleset.

Source: the ruleset that is published with the standard (repository Logius-standaarden/API-Design-Rules, file
media/linter.yaml). What a rule looks at is what that ruleset looks at, also where the standard says more; a reference
counts as what it leads to.
"""

from collections.abc import Iterator
from typing import Any

from pytest_apitest.data import changed
from pytest_apitest.openapi.description import Description, Elsewhere
from pytest_apitest.openapi.inspector.context import Context
from pytest_apitest.openapi.inspector.rules import ADR_RULES, ERROR, OAS_RULES
from pytest_apitest.openapi.inspector.walk import Found
from pytest_apitest.openapi.reading import Pointer
from pytest_apitest.patterns import deferred

_SHOWN = 60
_VERSION_HEADERS = frozenset({"API-Version", "Api-Version", "Api-version", "api-version", "API-version"})
_PROBLEMS = ("application/problem+json", "application/problem+xml")
_MEMBERS = ("status", "title", "detail")
_FINE = deferred(r"[23][0-9][0-9]")
_ERROR = deferred(r"[45][0-9][0-9]")
_OPENAPI_3 = deferred(r"3(?:.[0-9]+){1,2}")
_MAJOR = deferred(r"/v[0-9+]")
_OWN_DESCRIPTION = deferred(r"/openapi\.json|yaml")
_KEBAB = deferred(
    r"(?:/|(?:/_[a-z0-9]+|/(?:(?:[a-z0-9\-]+|\{[^}]+\})(?:/(?:[a-z0-9\-.]+|\{[^}]+\}))*)(?:/_[a-z]+)?)/?)"
)
_QUERY_KEY = deferred(r"\$?[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)*")
# Two capitals in a row are for the end only, as in the functions of the published ruleset.
_PASCAL = deferred(r"[A-Z][a-z0-9]*(?:[A-Z0-9](?:[a-z0-9]+|$))*")
_CAMEL = deferred(r"[a-z][a-z0-9]*(?:[A-Z0-9](?:[a-z0-9]+|$))*")
_DATE = deferred(r"(?:\w+D|_[dD])(?:ate|atum)")
_SEMVER = deferred(
    r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)"
    r"(?:-(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)

# Our rules that stand behind a rule of the ruleset; every other error makes a description invalid.
_STANDS_FOR = {
    "operation-id": "operation-operationId-unique",
    "path-parameter": "path-params",
    "path-template": "path-params",
    "path-duplicate": "path-params",
    "path-name-twice": "path-params",
    "server-default": "oas3-server-variables",
    "tag-duplicate": "openapi-tags-uniqueness",
    "server-variables": "oas3-server-variables",
    "default-mismatch": "oas3-valid-schema-example",
}
_ALWAYS = (
    *("oas3-schema", "operation-operationId-unique", "path-params", "openapi-tags-uniqueness"),
    *("oas3-valid-media-example", "oas3-valid-schema-example", "oas3-server-variables", "oas3-api-servers"),
    *("info-contact", "nlgov:openapi3", "nlgov:openapi-root-exists"),
)


def under_names_of_adr(found: list[Found], description: Description) -> list[Found]:
    """Return the findings of the ruleset `oas` that the ruleset `adr` has too, under its ids."""
    renamed = []
    for one in found:
        if one.rule == "openapi-version":
            value = description.value
            has_root = isinstance(value, dict) and bool(value.get("openapi"))
            rule = "nlgov:openapi3" if has_root else "nlgov:openapi-root-exists"
        elif one.rule == "example-mismatch":
            in_schema = len(one.pointer) > 1 and _is_in_schema(one.pointer)
            rule = "oas3-valid-schema-example" if in_schema else "oas3-valid-media-example"
        elif one.rule in _STANDS_FOR:
            rule = _STANDS_FOR[one.rule]
        elif OAS_RULES[one.rule].severity == ERROR:
            rule = "oas3-schema"
        else:
            continue
        renamed.append(changed(one, rule=rule))
    return renamed


def _is_of_paths(pointer: Pointer) -> bool:
    """Tell whether something belongs to a path: it stands below paths, or in another file that these refer to."""
    return pointer[0] == "paths" or isinstance(pointer[0], Elsewhere)


def _is_in_schema(pointer: Pointer) -> bool:
    return "schema" in pointer[:-1] or pointer[:2] == ("components", "schemas")


def check_adr(context: Context) -> set[str]:
    """Add the findings of the rules that this ruleset has beside those of `oas`; return the rules that apply."""
    applying = set()
    for rule, holds, pointer, key, words in _Checks(context).all():
        applying.add(rule)
        if not holds:
            context.add(rule, words or _wrong(rule), pointer, key=key)
    return applying


def score_of(found: list[Found], applying: set[str]) -> int:
    """Return how many of the rules that apply hold, in percent, rounded down.

    Args:
        found: the findings, under the ids of this ruleset.
        applying: what `check_adr` returned.

    """
    broken = {one.rule for one in found}
    all_that_apply = applying | broken | {*_ALWAYS}
    return 100 * (len(all_that_apply) - len(broken)) // len(all_that_apply)


def _is_there(value: Any) -> bool:
    """Tell whether a value is what the published ruleset calls truthy: an empty object is."""
    return isinstance(value, dict | list) or bool(value)


def _wrong(rule: str) -> str:
    return f"does not hold: {ADR_RULES[rule].sentence}"


# A rule that was looked at: whether it holds, where, whether the key is meant, other words.
Look = tuple[str, bool, Pointer, bool, str]


class _Checks:
    """Looks at a description with every rule."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.root = context.root

    def all(self) -> Iterator[Look]:
        """Yield every look at something."""
        yield from self._info()
        yield from self._servers()
        yield from self._paths()
        yield from self._operations()
        for responses, pointer in self._responses():
            yield from self._of_responses(responses, pointer)
        yield from self._names()
        yield from self._properties()

    def _info(self) -> Iterator[Look]:
        version = self.root.get("openapi")
        yield "nlgov:openapi3", bool(_OPENAPI_3.fullmatch(str(version))), ("openapi",), False, ""
        info = self.root.get("info")
        info = info if isinstance(info, dict) else {}
        contact = info.get("contact")
        yield "info-contact", _is_there(contact), ("info",), True, "the field contact is missing here"
        if isinstance(contact, dict):
            missing = [name for name in ("email", "name", "url") if name not in contact]
            words = f"the contact has no {' and no '.join(missing)}"
            yield "nlgov:info-contact-fields-exist", not missing, ("info", "contact"), True, words
        if isinstance(number := info.get("version"), str):
            words = f'"{number[:_SHOWN]}" is no semantic version such as 1.0.0'
            yield "nlgov:semver", bool(_SEMVER.fullmatch(number)), ("info", "version"), False, words

    def _servers(self) -> Iterator[Look]:
        servers = self.root.get("servers")
        found = bool(servers) and isinstance(servers, list)
        yield (
            "oas3-api-servers",
            found,
            ("servers",) if servers is not None else (),
            True,
            "no servers are declared",
        )
        for index, server in enumerate(servers if isinstance(servers, list) else ()):
            url = server.get("url") if isinstance(server, dict) else None
            if isinstance(url, str):
                words = "the URL has no major version such as /v1"
                at: Pointer = ("servers", index, "url")
                yield "nlgov:include-major-version-in-uri", bool(_MAJOR.search(url)), at, False, words
        for seen in self.context.objects["Server"]:
            url = seen.value.get("url")
            if isinstance(url, str) and (seen.pointer[0] == "servers" or _is_of_paths(seen.pointer)):
                words = "the server does not use https"
                at = (*seen.pointer, "url")
                yield "nlgov:servers-use-https", not url.startswith("http://"), at, False, words

    def _paths(self) -> Iterator[Look]:
        paths = self.root.get("paths")
        for path, item in paths.items() if isinstance(paths, dict) else ():
            at: Pointer = ("paths", path)
            ends = len(path) > 1 and path.endswith("/")
            yield "path-keys-no-trailing-slash", not ends, at, True, "the path ends with a slash"
            words = "the path ends with a blank and a slash"
            yield "nlgov:paths-no-trailing-slash", not path.endswith(" /"), at, True, words
            if not _OWN_DESCRIPTION.search(path):
                words = f'"{path[:_SHOWN]}" is not in kebab-case'
                yield "nlgov:paths-kebab-case", bool(_KEBAB.fullmatch(path)), at, True, words
            if isinstance(item, dict) and ("description" in path.lower() or "summary" in path.lower()):
                for name in item:
                    standard = any(
                        word in name for word in ("post", "put", "get", "delete", "patch", "parameters")
                    )
                    words = f'"{name[:_SHOWN]}" is none of get, put, post, delete and patch'
                    yield "nlgov:http-methods", standard, (*at, name), True, words

    def _operations(self) -> Iterator[Look]:
        for seen in self.context.objects["Operation"]:
            operation, pointer = seen.value, seen.pointer
            if not _is_of_paths(pointer):
                continue
            method = pointer[-1]
            parameters = operation.get("parameters")
            parameters = parameters if isinstance(parameters, list) else []
            for index, one in enumerate(parameters):
                found = self.context.followed(one, (*pointer, "parameters", index))
                if found is not None and found[1].get("in") == "query":
                    yield self._query_key(found[1].get("name"), (*found[0], "name"))
            takes = method in ("put", "post", "patch") or (method in ("get", "delete") and bool(parameters))
            responses = operation.get("responses")
            if takes and isinstance(responses, dict):
                words = "this operation takes input, and cannot answer 400"
                yield "nlgov:problem-invalid-input", "400" in responses, (*pointer, "responses"), True, words
        for name, scheme in self.context.components.get("securitySchemes", {}).items():
            if isinstance(scheme, dict) and scheme.get("in") == "query":
                yield self._query_key(scheme.get("name"), ("components", "securitySchemes", name, "name"))

    def _query_key(self, name: Any, pointer: Pointer) -> Look:
        holds = not isinstance(name, str) or bool(_QUERY_KEY.fullmatch(name))
        return (
            "nlgov:query-keys-camel-case",
            holds,
            pointer,
            False,
            f'"{str(name)[:_SHOWN]}" is not in lower camelCase',
        )

    # -- responses --------------------------------------------------------------------------------------

    def _responses(self) -> Iterator[tuple[dict[str, Any], Pointer]]:
        for seen in self.context.objects["Responses"]:
            yield seen.value, seen.pointer
        if "responses" in self.context.components:
            yield self.context.components["responses"], ("components", "responses")

    def _of_responses(self, responses: dict[str, Any], pointer: Pointer) -> Iterator[Look]:
        for code, value in responses.items():
            at = (*pointer, code)
            found = self.context.followed(value, at)
            if found is None:
                continue
            response, at = found[1], (at if found[0][:2] != ("components", "responses") else found[0])
            if _FINE.search(code):
                headers = response.get("headers")
                words = "the response has no headers, so none with the version of the API"
                yield "nlgov:missing-header", _is_there(headers), at, True, words
                if isinstance(headers, dict):
                    words = "the header API-Version is missing here"
                    has = not _VERSION_HEADERS.isdisjoint(headers)
                    yield "nlgov:missing-version-header", has, (*at, "headers"), True, words
            content = response.get("content")
            if _ERROR.search(code) and isinstance(content, dict):
                words = "an error is application/problem+json or application/problem+xml"
                is_problem = any(one in content for one in _PROBLEMS)
                yield "nlgov:use-problem-schema", is_problem, (*at, "content"), True, words
                yield from self._problems(content, (*at, "content"))

    def _problems(self, content: dict[str, Any], pointer: Pointer) -> Iterator[Look]:
        for name in _PROBLEMS:
            media_type = content.get(name)
            schema = media_type.get("schema") if isinstance(media_type, dict) else None
            found = self.context.followed(schema, (*pointer, name, "schema"))
            if found is None:
                continue
            properties = found[1].get("properties")
            missing = (
                [one for one in _MEMBERS if one not in properties] if isinstance(properties, dict) else []
            )
            words = f"the schema of the problem has no {' and no '.join(missing)}"
            yield "nlgov:problem-schema-members", not missing, (*found[0], "properties"), True, words

    # -- schemas ----------------------------------------------------------------------------------------

    def _names(self) -> Iterator[Look]:
        for name, schema in self.context.components.get("schemas", {}).items():
            at: Pointer = ("components", "schemas", name)
            words = f'"{name[:_SHOWN]}" is not in UpperCamelCase'
            yield "nlgov:schema-camel-case", bool(_PASCAL.fullmatch(name)), at, True, words
            properties = schema.get("properties") if isinstance(schema, dict) else None
            for one, value in properties.items() if isinstance(properties, dict) else ():
                if "_links" in one.lower() and isinstance(value, dict):
                    for key in value:
                        here = (*at, "properties", one, key)
                        words = f'"{key[:_SHOWN]}" is not in lowerCamelCase'
                        yield "nlgov:property-casing", bool(_CAMEL.fullmatch(key)), here, True, words

    def _properties(self) -> Iterator[Look]:
        for seen in self.context.objects["Schema"]:
            properties = seen.value.get("properties")
            for name, written in properties.items() if isinstance(properties, dict) else ():
                at = (*seen.pointer, "properties", name)
                found = self.context.followed(written, at)
                if found is None:
                    continue
                form = found[1].get("format")
                if isinstance(form, str):
                    words = "the format date-time-local has no time zone; use date-time"
                    local = form == "date-time-local"
                    yield "nlgov:date-time-ensure-timezone", not local, (*found[0], "format"), False, words
                    words = "the format time has a time zone; use time-local"
                    yield "nlgov:time-without-timezone", form != "time", (*found[0], "format"), False, words
                if name in ("date", "datum") or _DATE.search(name):
                    words = f'"{name[:_SHOWN]}" is a date by its name, and has no format'
                    has = "format" in found[1] or self._all_have_format(found[1].get("allOf"), found[0])
                    yield "nlgov:specify-format-for-date-and-time", has, at, True, words
                    for place in self._formats(found[1], found[0]):
                        words = f'"{name[:_SHOWN]}" is a date by its name, and date-time by its format'
                        is_time = self._at(place) == "date-time"
                        yield "nlgov:use-date-instead-of-datetime", not is_time, place, False, words

    def _at(self, pointer: Pointer) -> Any:
        value: Any = self.root
        for part in pointer:
            value = value[part]
        return value

    def _all_have_format(self, branches: Any, pointer: Pointer) -> bool:
        if not isinstance(branches, list):
            return False
        found = [self.context.followed(one, (*pointer, "allOf", at)) for at, one in enumerate(branches)]
        return all(one is not None and "format" in one[1] for one in found)

    def _formats(self, value: Any, pointer: Pointer) -> Iterator[Pointer]:
        """Yield the places of every format in a schema, also in what it refers to."""
        waiting: list[tuple[Any, Pointer]] = [(value, pointer)]
        looked_at: set[int] = set()
        while waiting:
            one, at = waiting.pop()
            if id(one) in looked_at or not isinstance(one, dict | list):
                continue
            looked_at.add(id(one))
            if isinstance(one, list):
                waiting += [(below, (*at, index)) for index, below in enumerate(one)]
                continue
            if isinstance(one.get("format"), str):
                yield (*at, "format")
            target = self.context.target(ref) if isinstance(ref := one.get("$ref"), str) else None
            if target is not None:
                waiting.append((target[1], target[0]))
            waiting += [(below, (*at, name)) for name, below in one.items()]
