"""What an endpoint's description says of a step before it is run: paths that find nothing, values that never come.

Rules kept here (language, section 7, openapi):
- only what is certain is said: of a step whose request leads to one operation, whose status is known, whose answer is
  not that of a redirect, and whose exchange is checked with `undocumented: fail`;
- a path that finds nothing under every response that the expected status admits is a problem where it is written, and
  so is a plain value that none of these responses can have there; what is optional or only reported is taken from any
  response;
- `exists: false` asserts absence and is never a problem; neither is what stands in a case that is skipped or expected
  to fail, or in a rule that is ignored;
- the steps of a fragment are looked at with the endpoints that a using document hands in.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_apitest.checks.evaluation import Check, Use
from pytest_apitest.checks.status import CLASSES
from pytest_apitest.data import data
from pytest_apitest.errors import Place, Problem
from pytest_apitest.jsonpath import JSONPathError, Segment, compile_path
from pytest_apitest.jsonvalue import show
from pytest_apitest.language.model import (
    Case,
    Document,
    EndpointSpec,
    Expectation,
    FragmentUse,
    Mark,
    OperationUse,
    PathTemplate,
    RequestSpec,
    Step,
)
from pytest_apitest.language.operations import PLACEHOLDER
from pytest_apitest.language.reader import Reader
from pytest_apitest.references import Literal, Reference, Single, Value, template_parts
from pytest_apitest.source import Source

if TYPE_CHECKING:
    from pytest_apitest.openapi.operations import Operation

Statuses = frozenset[int]

_CLASSES: dict[Any, Statuses] = {
    name: frozenset(range(int(name[0]) * 100, int(name[0]) * 100 + 100)) for name in CLASSES
}
_ALL: Statuses = frozenset(range(100, 600))
# What is expected of a step and of a clean-up that write no status.
_SUCCESS = _CLASSES["2xx"]
_CLEANED = _SUCCESS | {404, 410}
# Stands for a reference where a path is compiled to see what it selects; no author writes it.
_UNKNOWN = "\ue000"

Endpoints = Mapping[str, EndpointSpec]


def check_possible(reader: Reader, document: Document) -> None:
    """Record every path and value of a document that its descriptions exclude.

    Args:
        reader: the reader of the document.
        document: the document, as far as it could be read.

    """
    endpoints = {name: spec for name, spec in document.endpoints.items() if _contract(spec) is not None}
    if not endpoints or document.skip is not None:
        return
    look = _Look(reader)
    sole = next(iter(endpoints), None) if len(document.endpoints) == 1 else None
    inside = _Inside(document, endpoints, sole)
    left_out = [step for case in document.cases if _is_left_out(case) for step in case.steps]
    ignored = set(map(id, left_out))
    look.steps(inside, (step for step in document.all_steps() if id(step) not in ignored))


def _contract(spec: EndpointSpec) -> Any:
    setting = spec.settings.openapi
    return setting.contract if setting is not None and setting.undocumented == "fail" else None


def _is_left_out(case: Case) -> bool:
    level = case.rule.level if case.rule is not None else None
    is_ignored = isinstance(level, Literal) and level.value == "ignore"
    return case.skip is not None or case.xfail is not None or is_ignored


@data
class _Inside:
    """A document, and the described endpoints that names stand for in it.

    Args:
        document: the document.
        endpoints: the endpoints by the names that they have there.
        sole: the name of the endpoint that `/path` goes to, or None.

    """

    document: Document
    endpoints: Endpoints
    sole: str | None


class _Look:
    """Looks at steps and records what they expect in vain."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        # What was said already, since what is declared by name is used in several steps.
        self.said: set[tuple[str, Mark]] = set()
        # Fragments that were looked at, with what was handed in.
        self.seen: set[Any] = set()

    def steps(self, inside: _Inside, steps: Iterable[Step]) -> None:
        """Look at steps of a document."""
        for step in steps:
            if step.use is not None:
                self._fragment(inside, step.use)
                continue
            self._step(inside, step, _SUCCESS)
            if step.cleanup is not None:
                self._step(inside, step.cleanup, _CLEANED)

    def _fragment(self, inside: _Inside, use: FragmentUse) -> None:
        given = {
            name: inside.endpoints[value.reference.name]
            for name, value in use.inputs
            if isinstance(value, Single)
            and value.reference.name in inside.endpoints
            and not (value.reference.path or value.reference.filters or value.reference.function)
        }
        key = (id(use.fragment), tuple(sorted((name, id(spec)) for name, spec in given.items())))
        if given and key not in self.seen:
            self.seen.add(key)
            self.steps(_Inside(use.fragment, given, None), use.fragment.all_steps())

    def _step(self, inside: _Inside, step: Step, default: Statuses) -> None:
        wanted = list(_wanted(step, default))
        if not wanted or step.request is None or step.settings.openapi is not None:
            return
        found = _operation(inside, step)
        if found is None:
            return
        for statuses, path, check in wanted:
            if statuses:
                self._path(inside.document.source, found, statuses, path, check)

    def _path(
        self,
        source: Source,
        operation: "Operation",
        statuses: Statuses,
        path: PathTemplate,
        check: Check | None,
    ) -> None:
        from pytest_apitest.openapi.exclusion import ANY  # noqa: PLC0415 - only with a description
        from pytest_apitest.openapi.expected import expected_of  # noqa: PLC0415

        segments = _segments(path)
        if segments is None or (check is not None and _admits_nothing(check)):
            return
        expected = expected_of(operation, statuses)
        use = check.use("equals") if check is not None and path.singular else None
        value = use.operand.value if use is not None and isinstance(use.operand, Literal) else ANY
        reason = expected.why_not(segments, value)
        if reason is None:
            return
        mark, vain = path.mark, "contains it"
        if use is not None and value is not ANY:
            of_path = expected.why_not(segments)
            if of_path is None:
                mark, vain = Mark(use.line, use.column, use.width), f"has {show(value, 60)} there"
            reason = of_path or reason
        if (source.shown, mark) in self.said:
            return
        self.said.add((source.shown, mark))
        description = operation.library.description
        line, column = description.place(reason.pointer)
        shown = description.holder(reason.pointer)[0].shown
        at = _written(segments[: reason.depth]) if reason.depth >= 0 else "it"
        problem = Problem(
            Place(source.shown, mark.line, mark.column),
            f"{path.text}: no response of {operation.method} {operation.template} {vain}: {at} {reason.sentence} "
            f"({shown}:{line}:{column})",
            mark.width,
        )
        if problem not in self.reader.problems:
            self.reader.problems.append(problem)


# -- what is looked for ---------------------------------------------------------------------------------


def _wanted(step: Step, default: Statuses) -> Iterator[tuple[Statuses | None, PathTemplate, Check | None]]:
    """Yield the paths of a step: under which statuses each counts, and what is checked there."""
    expected = _statuses(step.expect, default)
    for source, needed in [(save.source, True) for save in step.save] + [
        (one, False) for _, one in step.report
    ]:
        if source.path is not None:
            # What may be missing is taken from whatever comes.
            yield expected if needed and not source.optional else _ALL, source.path, None
    for path, check in step.expect.json if step.expect is not None else ():
        yield expected, path, check
    if step.should is not None and step.should.json:
        own = _statuses(step.should, _ALL)
        for path, check in step.should.json:
            yield None if own is None or expected is None else own & expected, path, check
    give_up_when = step.retry.give_up_when if step.retry is not None else None
    if give_up_when is not None:
        for path, check in give_up_when.json:
            yield _statuses(give_up_when, _ALL), path, check


def _statuses(expectation: Expectation | None, default: Statuses) -> Statuses | None:
    """Return the statuses that an expectation admits; None when they are known only in the run."""
    if expectation is None or expectation.status is None:
        return default
    return _admitted(expectation.status)


def _admitted(check: Check) -> Statuses | None:
    found = _ALL
    for use in check.uses:
        admitted = _of_operator(use)
        if admitted is None:
            return None
        found &= admitted
    return found


def _of_operator(use: Use) -> Statuses | None:
    name, operand = use.operator.name, use.operand
    if name == "not":
        inner = _admitted(operand)
        return None if inner is None else _ALL - inner
    if not isinstance(operand, Literal):
        return None
    if name in ("equals", "not_equals", "one_of"):
        members = operand.value if isinstance(operand.value, list) else [operand.value]
        meant = frozenset[int]().union(*(_CLASSES.get(member) or {member} for member in members))
        return _ALL - meant if name == "not_equals" else meant
    return frozenset(status for status in _ALL if not use.operator.test(status, operand.value))


def _admits_nothing(check: Check) -> bool:
    """Tell whether a check passes where nothing is found."""
    return all(
        (use.operator.name == "exists" and use.operand is False)
        or (use.operator.name == "any_of" and any(map(_admits_nothing, use.operand)))
        for use in check.uses
    )


def _segments(path: PathTemplate) -> tuple[Segment, ...] | None:
    """Return what a path selects; of a reference, which is a name or an index, nothing is known."""
    if path.fixed is not None:
        return path.fixed.segments
    text = "".join(part if isinstance(part, str) else f"'{_UNKNOWN}'" for part in path.parts)
    try:
        found = compile_path(text, path.dialect).segments
    except JSONPathError:
        return None  # the bound of a slice
    return found and tuple(
        Segment(tuple(None if one == _UNKNOWN else one for one in segment.selectors), segment.descends)
        for segment in found
    )


def _written(segments: Iterable[Segment]) -> str:
    """Return segments as they are written in a path, on one line."""
    out = ["$"]
    for segment in segments:
        only = segment.selectors[0] if len(segment.selectors) == 1 else None
        short = isinstance(only, str) and only.isidentifier() and only.isascii()
        inner = ", ".join(map(_selector, segment.selectors))
        out.append(
            f"{'..' if segment.descends else '.'}{only}" if short else f"{'..' * segment.descends}[{inner}]"
        )
    return "".join(out)


def _selector(selector: Any) -> str:
    if isinstance(selector, slice):
        return ":".join("" if one is None else str(one) for one in (selector.start, selector.stop))
    return "*" if selector is None else show(selector, 40) if isinstance(selector, str) else str(selector)


# -- where a request goes -------------------------------------------------------------------------------


def _operation(inside: _Inside, step: Step) -> "Operation | None":
    """Return the operation that the request of a step leads to; None when it is not certain."""
    assert step.request is not None
    chain = list(_chain(inside.document, step.request))
    use = step.request.operation
    if use is not None:
        chain = [one for one in chain if one.operation is use]
    written = next((one.method for one in chain if one.method is not None), None)
    method = Literal(use.call.method) if use is not None and written is None else written
    if not isinstance(method, Literal) or method.value == "HEAD":
        return None
    found = _target(inside, chain) if use is None else _target_of(inside, use, chain)
    if found is None:
        return None
    endpoint, path = found
    redirects = step.settings.follow_redirects or endpoint.settings.follow_redirects
    if redirects is not None and not (isinstance(redirects, Literal) and redirects.value in (False, 0)):
        return None
    from pytest_apitest.openapi.operations import UnusableError  # noqa: PLC0415 - only with a description

    try:
        operation: Operation | None = _contract(endpoint).operations.only(method.value, path)
    except UnusableError:
        return None  # said when an exchange needs it
    return operation


def _chain(document: Document, request: RequestSpec) -> Iterator[RequestSpec]:
    """Yield a request, the named one it is like, and so on."""
    yield request
    while request.like is not None and request.like in document.requests:
        request = document.requests[request.like].value
        yield request


def _placeholders(chain: Iterable[RequestSpec]) -> dict[str, str | None]:
    """Return the values of placeholders, as they stand in the URL; None for what is not known."""
    known: dict[str, str | None] = {}
    for request in chain:
        parts = request.parts.get("path")
        for part in parts if isinstance(parts, tuple) else ():
            known.setdefault(part.name, _constant(part.value))
    return known


def _constant(value: Value | tuple[Value, ...] | None) -> str | None:
    from urllib.parse import quote  # noqa: PLC0415 - only where there is a description

    if not isinstance(value, Literal) or not isinstance(value.value, str | int):
        return None
    return (
        quote(show(value.value, 1_000) if not isinstance(value.value, str) else value.value, safe="") or None
    )


def _target(inside: _Inside, chain: list[RequestSpec]) -> tuple[EndpointSpec, list[str | None]] | None:
    """Return the endpoint of a request and its path below it, in pieces; None when they are not certain."""
    url = next((one.url for one in chain if one.url is not None), None)
    return None if url is None else _path_of(inside, url, _placeholders(chain))


def _target_of(
    inside: _Inside, use: OperationUse, chain: list[RequestSpec]
) -> tuple[EndpointSpec, list[str | None]] | None:
    """Return the endpoint of an operation and the path of a request made of it, in pieces."""
    endpoint = inside.endpoints.get(use.endpoint)
    known = _placeholders(chain)
    pieces = PLACEHOLDER.split(use.call.template)
    path = [known.get(piece) if index % 2 else piece for index, piece in enumerate(pieces)]
    return None if endpoint is None else (endpoint, path)


def _path_of(
    inside: _Inside, url: Value, placeholders: Mapping[str, str | None]
) -> tuple[EndpointSpec, list[str | None]] | None:
    """Return the endpoint of a URL and its path below it, in pieces; None when they are not certain."""
    parts = list(template_parts(url) or ())
    name = inside.sole
    first = parts[0] if parts else ""
    if isinstance(first, Reference):
        del parts[0]
        name = None if first.path or first.filters or first.function else first.name
    endpoint = inside.endpoints.get(name) if name is not None else None
    if endpoint is None or (parts and not str(parts[0]).startswith(("/", "?"))):
        return None
    path: list[str | None] = []
    for part in parts:
        if isinstance(part, Reference):
            if part.raw:
                return None
            path.append(None)
            continue
        text, query, _ = part.partition("?")
        pieces = PLACEHOLDER.split(text)
        # Every second piece is the name of a placeholder.
        path += [placeholders.get(piece) if index % 2 else piece for index, piece in enumerate(pieces)]
        if query:
            break
    return endpoint, path
