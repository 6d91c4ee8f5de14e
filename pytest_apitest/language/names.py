"""Who owns a name, what can be known of its value, and names that refer to each other (language, section 3)."""

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.language.model import Auth, Document, EndpointSpec, Mark, Rows, Settings, Step, Usage
from pytest_apitest.language.model import VariableSpec as Spec
from pytest_apitest.references import (
    ListValue,
    Literal,
    MapValue,
    Reference,
    RenderError,
    Value,
    template_parts,
)


@data
class Owner:
    """Who owns a name.

    Args:
        what: what it is, for messages: `a variable`, `an endpoint`, `a row key`, `saved by setup`…
        mark: where it is declared.
        kind: `endpoint`, `variable`, `local`, `row`, `save`, `setup`, `fixture` or `input`.
        values: all values that it can have, when these are written in the document.

    """

    what: str
    mark: Mark
    kind: str
    values: tuple[Value, ...] = ()


Names = dict[str, Owner]


# -- what is known of values ----------------------------------------------------------------------------


def written_value(spec: Spec, *, overridden: bool) -> tuple[Value, ...]:
    """Return the value of a variable when nothing from outside can give it another."""
    return () if spec.env or overridden or spec.default is None else (spec.default,)


def written_rows(rows: Rows, name: str) -> tuple[Value, ...]:
    """Return the values of a row key when all of them are written in the document."""
    for product_name, values in rows.product:
        if product_name == name:
            return values if isinstance(values, tuple) else ()
    return tuple(row[name] for row in rows.rows if name in row)


def leads_nowhere(reference: Reference, value: Value) -> str | None:
    """Return why the path of a reference leads nowhere in a value, or None when it may lead somewhere."""
    steps = list(reference.path)
    current = value
    while steps and not isinstance(current, Literal):
        step = steps.pop(0)
        if isinstance(current, MapValue) and isinstance(step, str):
            found = dict(current.entries).get(step)
        elif isinstance(current, ListValue) and isinstance(step, int):
            inside = -len(current.items) <= step < len(current.items)
            found = current.items[step] if inside else None
        elif isinstance(current, MapValue | ListValue):
            found = None
        else:
            return None  # a reference: known when it is evaluated
        if found is None:
            break
        current = found
    try:
        reference.walk(_skeleton(value))
    except RenderError as error:
        return error.message
    return None


def _skeleton(value: Value) -> Any:
    """Return a value with null in the place of what is not known yet."""
    if isinstance(value, Literal):
        return value.value
    if isinstance(value, MapValue):
        return {name: _skeleton(item) for name, item in value.entries}
    if isinstance(value, ListValue):
        return [_skeleton(item) for item in value.items]
    return None


# -- names that refer to each other ---------------------------------------------------------------------


def cycle(graph: Mapping[str, list[str]]) -> list[str]:
    """Return a chain of names that leads back to its first, or an empty list."""
    done: set[str] = set()
    for start in graph:
        chain = _cycle_from(graph, start, done)
        if chain:
            return chain
    return []


def _cycle_from(graph: Mapping[str, list[str]], start: str, done: set[str]) -> list[str]:
    stack: list[tuple[str, int]] = [(start, 0)]
    path: dict[str, None] = {}
    while stack:
        name, index = stack.pop()
        if index == 0:
            if name in path:
                names = list(path)
                return [*names[names.index(name) :], name]
            if name in done:
                continue
            path[name] = None
        if index < len(graph[name]):
            stack.append((name, index + 1))
            stack.append((graph[name][index], 0))
        else:
            path.popitem()
            done.add(name)
    return []


# -- what an endpoint brings to a request ---------------------------------------------------------------


def address_usages(spec: EndpointSpec) -> list[Usage]:
    """Return the references in the address of an endpoint, which is made before any step."""
    values = [value for value in (spec.url, spec.default) if value is not None]
    references = [reference for value in values for reference in value.references()]
    return [usage for usage in spec.usages if usage.reference in references]


def named_endpoint(document: Document, step: Step) -> EndpointSpec | None:
    """Return the endpoint that the URL of a step names, as far as its text tells, or that of its operation."""
    spec = step.request
    if spec is not None and spec.operation is not None:
        return document.endpoints.get(spec.operation.endpoint)
    while spec is not None and spec.url is None and spec.like is not None:
        named = document.requests.get(spec.like)
        spec = named.value if named is not None else None
    parts = template_parts(spec.url) if spec is not None and spec.url is not None else None
    if not parts:
        return None
    first = parts[0]
    if isinstance(first, Reference):
        return document.endpoints.get(first.name)
    if first.startswith(("/", "?")) and len(document.endpoints) == 1:
        return next(iter(document.endpoints.values()))
    return None


def borrowed_names(document: Document, endpoint: EndpointSpec, own: Settings) -> Iterator[str]:
    """Yield the names that the settings of an endpoint bring to a step that does not write its own."""
    for name, value in endpoint.settings.written():
        if getattr(own, name) is not None:
            continue
        if isinstance(value, Auth):
            yield from auth_names(document, value)
        else:
            for one in value.values() if isinstance(value, dict) else (value,):
                yield from _names(one)
    for part in endpoint.headers if isinstance(endpoint.headers, tuple) else ():
        for one in part.value if isinstance(part.value, tuple) else (part.value,):
            yield from _names(one)
    if isinstance(endpoint.headers, Value):
        yield from _names(endpoint.headers)


def auth_names(document: Document, auth: Auth) -> Iterator[str]:
    """Yield the names that credentials refer to."""
    if auth.credential is not None:
        yield from _names(auth.credential)
        named = (
            document.credentials.get(auth.credential.value) if isinstance(auth.credential, Literal) else None
        )
        for usage in named.usages if named is not None else ():
            if not usage.optional:
                yield usage.name
    for value in auth.settings.values() if auth.settings is not None else ():
        yield from _names(value)


def _names(value: Value | None) -> Iterator[str]:
    for reference in value.references() if value is not None else ():
        if reference.name and not reference.has_default:
            yield reference.name
