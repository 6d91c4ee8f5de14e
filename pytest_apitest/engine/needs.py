"""What a case needs before it starts: names that must be set, names that are computed (language, section 10).

Rules kept here:
- a case that refers to an unset name, directly or through others, sends nothing;
- steps whose condition is false before the run do not count; those whose condition hangs on a save are
  looked at when their turn comes;
- credentials count where they are used: those of a step, else those of its endpoint.
"""

from collections.abc import Iterable, Iterator

from pytest_apitest.data import data
from pytest_apitest.language.model import Auth, Case, Document, EndpointSpec, Step, Usage, VariableSpec
from pytest_apitest.language.names import named_endpoint
from pytest_apitest.references import Reference


@data
class Need:
    """A name that a part of a case refers to.

    Args:
        name: the name.
        step: the step that refers to it, or None for the case itself.

    """

    name: str
    step: Step | None
    usage: Usage | None = None


def needed(document: Document, case: Case) -> list[Need]:
    """Return the names that a case refers to directly, in the order of its steps."""
    found = [Need(usage.name, None, usage) for usage in case.usages if not usage.optional]
    found += [Need(name, None) for name, _ in document.needs]
    if case.rule is not None:
        found += [Need(name, None) for name, _ in case.rule.needs]
    steps: tuple[Step, ...] = (*document.before_each, *case.steps, *document.after_each)
    if document.single:
        steps = (*document.setup, *steps, *document.teardown)
    for step in steps:
        found += step_needs(document, step)
    return found


def step_needs(document: Document, step: Step) -> Iterator[Need]:
    """Return the names that one step refers to, with those of its endpoint and credentials."""
    for usage in step.usages:
        if not usage.optional:
            yield Need(usage.name, step, usage)
    for part in (step, step.cleanup):
        if part is None or part.request is None:
            continue
        endpoint = named_endpoint(document, part)
        if endpoint is None:
            continue
        yield Need(endpoint.name, part)
        if part.settings.auth is None:
            for name in auth_names(document, endpoint.settings.auth):
                yield Need(name, part)


def auth_names(document: Document, auth: Auth | None) -> Iterator[str]:
    """Return the names that credentials refer to."""
    if auth is None or auth.scheme == "none":
        return
    if auth.credential is not None:
        yield from _names(auth.credential.references())
        if auth.credential.constant:
            named = document.credentials.get(auth.credential.render(None))  # type: ignore[arg-type]
            for usage in named.usages if named is not None else ():
                if not usage.optional:
                    yield usage.name
        return
    for value in auth.settings.values():
        yield from _names(value.references())


def _names(references: Iterable[Reference]) -> Iterator[str]:
    for reference in references:
        if reference.name and not reference.has_default:
            yield reference.name


def computed(document: Document, case: Case) -> list[str]:
    """Return the names that are computed at the start of a case, whether it will need them or not.

    Every endpoint with an address is among them, since a URL of a response may belong to it; an application
    is only started when the case names it.
    """
    names = dict.fromkeys(need.name for need in needed(document, case))
    for steps in (document.setup, document.before_each, case.steps, document.after_each, document.teardown):
        for step in steps:
            names.update(dict.fromkeys(usage.name for usage in step.usages))
    for condition in (document.when, case.when):
        names.update(dict.fromkeys(name for name, _ in condition.checks) if condition is not None else {})
    for spec in document.endpoints.values():
        if not spec.app:
            names.setdefault(spec.name)
        if spec.name in names:
            names.update(dict.fromkeys(usage.name for usage in spec.usages))
    for named in document.credentials.values():
        names.update(dict.fromkeys(usage.name for usage in named.usages))
    return list(names)


def made_from(document: Document, names: Iterable[str]) -> list[str]:
    """Return the variables and endpoints of a document that refer to one of some names, directly or not."""
    declared: dict[str, VariableSpec | EndpointSpec] = {**document.variables, **document.endpoints}
    known = set(names)
    found: list[str] = []
    while more := [
        name
        for name, spec in declared.items()
        if name not in known and any(usage.name in known for usage in spec.usages)
    ]:
        known.update(more)
        found += more
    return found
