"""Noting what of a description exchanges exercise: operations, statuses, parameters, properties of bodies.

Rules kept here:
- what was seen once is not looked for again, so that a run pays for what is new; that an exchange belongs where it
  does was found out when it was checked, and is not found out again;
- properties are those that the schema of a body names, through references and `allOf`, `anyOf`, `oneOf`, `if`
  (JSON Schema 2020-12 core, sections 10.2 and 10.3.2); those nearer to the top come first, and of endless ones there
  is a beginning;
- what is `readOnly` is no property of a request, what is `writeOnly` none of a response (OpenAPI 3.0, "Schema
  Object", Fixed Fields);
- only names are kept, never values.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from pytest_apitest.coverage import (
    MOST_UNDOCUMENTED,
    DescriptionCoverage,
    OperationCoverage,
    ParameterCoverage,
    PropertyCoverage,
    StatusCoverage,
    Undocumented,
    gathered,
)
from pytest_apitest.exchange import lines_of
from pytest_apitest.json_schema.words import cut
from pytest_apitest.jsonpath import normalized
from pytest_apitest.jsonvalue import NotJSONError
from pytest_apitest.openapi.contract import Contract, Exchange, Trace, body_value
from pytest_apitest.openapi.description import DeadReferenceError, Description
from pytest_apitest.openapi.media import BodyError
from pytest_apitest.openapi.operations import (
    NO_BODY,
    Operation,
    Parameter,
    UnusableError,
)
from pytest_apitest.openapi.parameters import ABSENT, SchemaTypes, cookie_pairs, decoded_query, query_pairs
from pytest_apitest.patterns import deferred

# Deeper properties, and more of one body, are not looked at: a recursive schema has no last one.
MOST_LEVELS = 8
MOST_PROPERTIES = 500

_STATUS = deferred(r"[1-5][0-9][0-9]|[1-5](?:XX|xx)|default")
_BRANCHES = ("allOf", "anyOf", "oneOf")
_LONGEST_PATH = 200


class _Shape:
    """What properties a value may have, and which of them are waited for.

    Args:
        path: where it stands.
        named: whether it is a property itself.

    """

    __slots__ = ("items", "members", "named", "others", "path", "seen", "waiting")

    def __init__(self, path: str, *, named: bool) -> None:
        self.path = path
        self.named = named
        self.seen = False
        self.members: dict[str, _Shape] = {}
        self.items: _Shape | None = None
        self.others: _Shape | None = None
        # Members with something in them that no body had yet.
        self.waiting: dict[str, _Shape] = {}

    def settle(self) -> bool:
        """Drop what cannot bear anything; return whether there is something to wait for here or below."""
        self.waiting = {name: one for name, one in self.members.items() if one.settle()}
        self.items = self.items if self.items is not None and self.items.settle() else None
        self.others = self.others if self.others is not None and self.others.settle() else None
        return self.open

    @property
    def open(self) -> bool:
        """Whether something here or below was not seen yet."""
        below = self.items is not None or self.others is not None
        return bool(self.waiting) or below or (self.named and not self.seen)

    def meet(self, value: Any) -> None:
        """Note which of the properties a value has."""
        self.seen = True
        if isinstance(value, dict):
            found = [name for name in self.waiting if name in value]
            for name in found:
                one = self.waiting[name]
                one.meet(value[name])
                if not one.open:
                    del self.waiting[name]
            others = self.others
            if others is not None:
                for name, member in value.items():
                    if name not in self.members and others.open:
                        others.meet(member)
                self.others = others if others.open else None
        elif isinstance(value, list) and self.items is not None:
            self._meet_items(self.items, value)

    def _meet_items(self, shape: "_Shape", items: list[Any]) -> None:
        if shape.items is None and shape.others is None:
            # Most items have nothing new, which one comparison of names tells.
            is_known = shape.waiting.keys().isdisjoint
            items = [item for item in items if type(item) is not dict or not is_known(item.keys())]
        for item in items:
            shape.meet(item)
            if not shape.open:
                self.items = None
                return


class _Body:
    """The properties of the bodies of a request, or of a response.

    Args:
        operation: the operation.
        status: key of the response; None for the request.
        bare: whether there never is a body.

    """

    def __init__(self, operation: Operation, status: str | None, *, bare: bool = False) -> None:
        hidden = "readOnly" if status is None else "writeOnly"
        self._shapes: list[_Shape] = []
        root = _Shape("$", named=False)
        try:
            schemas = [] if bare else list(operation.body_schemas(status))
        except UnusableError:
            schemas = []
        self._grow(root, schemas, operation.library.description, hidden)
        self.root: _Shape | None = root if root.settle() else None

    @property
    def properties(self) -> list[PropertyCoverage]:
        """Its properties, those of each object in their order."""
        return [PropertyCoverage(shape.path, shape.seen) for shape in self._shapes]

    def meet(self, value: Any) -> None:
        """Note which of the properties a body has."""
        if self.root is not None:
            self.root.meet(value)
            self.root = self.root if self.root.open else None

    def _grow(self, root: _Shape, schemas: list[Any], description: Description, hidden: str) -> None:
        # Level by level, so that what is left out is what stands deepest.
        waiting: deque[tuple[_Shape, _Place, list[Any], frozenset[int]]] = deque()
        waiting.append((root, (), schemas, frozenset()))
        while waiting:
            shape, place, found, above = waiting.popleft()
            faces = [face for face in _faces(found, description) if id(face) not in above]
            below = above | {id(face) for face in faces}
            if len(place) >= MOST_LEVELS:
                continue
            for name, given in _members(faces).items():
                if len(self._shapes) >= MOST_PROPERTIES:
                    return
                if _is_hidden(given, hidden, description):
                    continue
                where = (*place, name)
                one = shape.members[name] = _Shape(_path(where), named=True)
                self._shapes.append(one)
                waiting.append((one, where, given, below))
            if items := [face["items"] for face in faces if isinstance(face.get("items"), dict)]:
                shape.items = _Shape("", named=False)
                waiting.append((shape.items, (*place, _ITEM), items, below))
            if others := list(_others(faces)):
                shape.others = _Shape("", named=False)
                waiting.append((shape.others, (*place, _OTHER), others, below))


class _Wild:
    """A step of a path that stands for many."""

    def __init__(self, shown: str) -> None:
        self.shown = shown


_ITEM, _OTHER = _Wild("[*]"), _Wild(".*")
_Place: TypeAlias = tuple[str | _Wild, ...]


def _path(place: _Place) -> str:
    return "$" + "".join(
        step.shown if isinstance(step, _Wild) else normalized((cut(step),))[1:] for step in place
    )


def _faces(schemas: Iterable[Any], description: Description) -> Iterator[dict[str, Any]]:
    """Yield the schema objects that may hold for the same value: schemas, what they refer to, their branches."""
    known: set[int] = set()
    waiting = deque(schemas)
    while waiting:
        schema = waiting.popleft()
        if not isinstance(schema, dict) or id(schema) in known:
            continue
        known.add(id(schema))
        if isinstance(schema.get("$ref"), str):
            with suppress(DeadReferenceError):
                waiting.append(description.resolve(schema["$ref"])[1])
            if description.version == "3.0":
                continue  # there a reference has no siblings
        yield schema
        for keyword in _BRANCHES:
            branches = schema.get(keyword)
            waiting.extend(branches if isinstance(branches, list) else ())
        waiting.extend(schema[keyword] for keyword in ("if", "then", "else") if keyword in schema)
        dependent = schema.get("dependentSchemas")
        waiting.extend(dependent.values() if isinstance(dependent, dict) else ())


def _members(faces: list[dict[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for face in faces:
        properties = face.get("properties")
        for name, schema in (properties if isinstance(properties, dict) else {}).items():
            if schema is not False:
                found.setdefault(name, []).append(schema)
    return found


def _others(faces: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for face in faces:
        if isinstance(face.get("additionalProperties"), dict):
            yield face["additionalProperties"]
        patterns = face.get("patternProperties")
        yield from (one for one in (patterns if isinstance(patterns, dict) else {}).values() if one)


def _is_hidden(schemas: list[Any], keyword: str, description: Description) -> bool:
    return any(face.get(keyword) is True for face in _faces(schemas, description))


class _Status:
    """A documented status.

    Args:
        key: its key.

    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.exercised = 0
        self.violations = 0
        # Read when the first answer falls under it.
        self.body: _Body | None = None


class _Operation:
    """What was exercised of an operation.

    Args:
        operation: the operation.

    """

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.exercised = 0
        self.violations = 0
        self.statuses = {key: _Status(key) for key in operation.statuses if _STATUS.fullmatch(key)}
        # Statuses that came, each with the one that it fell under.
        self.met: dict[int, _Status | None] = {}
        self.parameters = _parameters(operation)
        self.unsent = list(self.parameters)
        # Read at the first exchange.
        self.request: _Body | None = None

    def status(self, code: int) -> _Status | None:
        """Return the documented status that a status falls under, or None."""
        if code not in self.met:
            try:
                key = self.operation.status_key(code)
            except UnusableError:
                key = None
            self.met[code] = self.statuses.get(key or "")
        return self.met[code]


def _parameters(operation: Operation) -> list[Parameter]:
    try:
        return list(operation.parameters)
    except UnusableError:
        return []


class Sheet:
    """What exchanges exercised of one description.

    Args:
        contract: the description.

    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._operations: dict[tuple[str, str], _Operation] = {}
        self._undocumented: dict[tuple[str, str, str, int], Undocumented] = {}
        self._left_out = 0

    def note(self, exchange: Exchange, trace: Trace, *, violated: bool) -> None:
        """Note an exchange that was checked.

        Args:
            exchange: the exchange.
            trace: where the check found that it belongs.
            violated: whether it is not as described.

        """
        path, operation = trace.path, trace.operation
        if path is None or operation is None:
            if trace.missing:
                self._unknown(trace.missing, exchange, path.template if path is not None else None)
            return
        key = (path.template, exchange.method)
        found = self._operations.get(key)
        if found is None:
            found = self._operations[key] = _Operation(operation)
        found.exercised += 1
        found.violations += violated
        if found.unsent:
            sent = _sent(found.unsent, path.parameters, exchange, operation.library.looks)
            found.unsent = [one for one in found.unsent if one not in sent]
        request = found.request
        if request is None:
            request = found.request = _Body(operation, None)
        if request.root is not None and exchange.request_body:
            request.meet(_request_value(operation, exchange) if trace.sent is ABSENT else trace.sent)
        status = found.status(exchange.status)
        if status is None:
            self._unknown("status", exchange, path.template)
            return
        status.exercised += 1
        status.violations += violated
        if status.body is None:
            bare = exchange.method == "HEAD" or exchange.status in NO_BODY
            status.body = _Body(operation, status.key, bare=bare)
        if status.body.root is not None and trace.came is not ABSENT:
            status.body.meet(trace.came)

    def _unknown(self, what: str, exchange: Exchange, template: str | None) -> None:
        path = template if template is not None else urlsplit(exchange.url).path.removeprefix(exchange.base)
        one = Undocumented(what, exchange.method, (path or "/")[:_LONGEST_PATH], exchange.status, 1)
        known = self._undocumented.get(one.key)
        if known is not None:
            known.exercised += 1
        elif len(self._undocumented) < MOST_UNDOCUMENTED:
            self._undocumented[one.key] = one
        else:
            self._left_out += 1

    def coverage(self, masked: Callable[[str], str]) -> DescriptionCoverage:
        """Return what was exercised.

        Args:
            masked: takes the secrets out of a text.

        """
        value = self._contract.description.value
        info = value.get("info") if isinstance(value.get("info"), dict) else {}
        undocumented, left_out = gathered(
            Undocumented(one.what, one.method, masked(one.path), one.status, one.exercised)
            for one in self._undocumented.values()
        )
        return DescriptionCoverage(
            masked(self._contract.description.shown),
            masked(str(info.get("title") or "")),
            masked(str(info.get("version") or "")),
            [self._operation(found, masked) for found in self._contract.operations.every()],
            undocumented,
            left_out + self._left_out,
        )

    def _operation(self, operation: Operation, masked: Callable[[str], str]) -> OperationCoverage:
        line, _ = self._contract.description.place(operation.pointer, key=True)
        found = self._operations.get((operation.template, operation.method)) or _Operation(operation)

        def listed(body: _Body | None) -> list[PropertyCoverage]:
            return [PropertyCoverage(masked(one.path), one.seen) for one in body.properties] if body else []

        return OperationCoverage(
            operation.method,
            masked(operation.template),
            masked(operation.operation_id),
            line,
            found.exercised,
            found.violations,
            [
                StatusCoverage(one.key, one.exercised, one.violations, listed(one.body))
                for one in found.statuses.values()
            ],
            [
                ParameterCoverage(one.place, masked(one.name), one.required, one not in found.unsent)
                for one in found.parameters
            ],
            listed(found.request),
        )


def _sent(
    parameters: list[Parameter], in_path: Any, exchange: Exchange, looks: SchemaTypes
) -> list[Parameter]:
    """Return which of some parameters a request has."""
    query = urlsplit(exchange.url).query
    pairs = {
        "query": query_pairs(query) if query else [],
        "cookie": cookie_pairs(exchange.request_headers)
        if any(one.place == "cookie" for one in parameters)
        else [],
    }
    names = {place: {name for name, _ in found} for place, found in pairs.items()}
    sent = []
    for one in parameters:
        if one.place == "path":
            has = one.name in in_path
        elif one.place == "header":
            has = bool(lines_of(exchange.request_headers, one.name))
        else:
            has = one.name in names[one.place]
            if not has and pairs[one.place] and one.style is not None and "object" in one.style.types:
                has = decoded_query(one.style, pairs[one.place], looks) is not ABSENT
        if has:
            sent.append(one)
    return sent


def _request_value(operation: Operation, exchange: Exchange) -> Any:
    """Return the value of a request's body that was not looked at; `ABSENT` when it has none, for any reason."""
    lines = lines_of(exchange.request_headers, "content-type")
    try:
        plan = operation.request_body(lines[0] if lines else None)
        if plan is None or plan.content is None or exchange.request_body is None:
            return ABSENT
        return body_value(plan, exchange.request_body, operation.library)
    except (UnusableError, NotJSONError, BodyError):
        return ABSENT
