"""Running a fragment in the place of a step, or once per process (language, section 8, `use`).

Rules kept here:
- the fragment sees its inputs and nothing else; its requests belong to the endpoints of the using document;
- its clean-ups and `teardown` join those of the case; with `once` they wait for the end of the session;
- with `once` the fragment runs once per process for each file and inputs, with cookies of its own; its
  failure is an error of every step that uses it, without being tried again.
"""

from pytest_apitest.data import data
from pytest_apitest.engine.context import Trail
from pytest_apitest.engine.jars import Jar
from pytest_apitest.engine.scope import Entry, RunScope, Unset
from pytest_apitest.engine.steps import StepRunner, interruption
from pytest_apitest.engine.variables import read_outside
from pytest_apitest.jsonvalue import dumps, kind
from pytest_apitest.language.fragments import has_type
from pytest_apitest.language.model import Document, FragmentUse, Step, VariableSpec
from pytest_apitest.outcome import ERROR, FAILED, NOT_RUN, Failure
from pytest_apitest.references import NotSentError, RenderError, Single, UnsetError, Value


@data
class OnceResult:
    """What a fragment that runs once left behind.

    Args:
        outputs: its outputs by name.
        failure: why it failed, or an empty text.
        trail: its steps and clean-ups, for the end of the session.

    """

    outputs: dict[str, Entry | Unset]
    failure: str
    trail: Trail


class Runner(StepRunner):
    """Runs steps, those that use a fragment among them."""

    def _use(self, step: Step, phase: str, row: str, *, final: bool) -> bool:
        return run_fragment(self, step, phase, row, final=final)


def run_fragment(runner: StepRunner, step: Step, phase: str, row: str, *, final: bool) -> bool:
    """Run the fragment of a step and take over its outputs; return whether the list may go on."""
    use = step.use
    assert use is not None
    try:
        inputs = _inputs(runner, use)
    except RenderError as error:
        return runner.broken(step, phase, error, row, final=final)
    if use.once:
        return _once(runner, step, phase, row, inputs)
    inner = _inner(runner, step, inputs, runner.jar, runner.trail)
    _leave_end(use.fragment, inner)
    fine = inner.run_list(use.fragment.cases[0].steps, phase)
    if not fine:
        return False
    outputs = _outputs(inner, use)
    return _take_over(runner, step, phase, row, outputs)


def _inner(
    runner: StepRunner, step: Step, inputs: dict[str, Entry | Unset], jar: Jar, trail: Trail
) -> StepRunner:
    assert step.use is not None
    scope = RunScope(inputs, runner.scope.redactor, runner.scope.generator)
    prefix = f"{runner.prefix}{step.name} > "
    used = f"{runner.document.source.shown}:{step.mark.line}" + (f", {runner.used}" if runner.used else "")
    return Runner(runner.engine, step.use.fragment, runner.endpoints, scope, jar, trail, prefix, used)


def _leave_end(fragment: Document, inner: StepRunner) -> None:
    """Leave the `teardown` of a fragment for the end of what it runs in."""
    if fragment.teardown:
        inner.trail.finals.append(lambda: inner.run_each(fragment.teardown, "teardown"))


def _inputs(runner: StepRunner, use: FragmentUse) -> dict[str, Entry | Unset]:
    """Return the inputs with values; raises `RenderError`."""
    found: dict[str, Entry | Unset] = {}
    given = dict(use.inputs)
    for name, spec in use.fragment.inputs.items():
        if name in given:
            found[name] = _given(runner, spec, given[name])
        elif spec.default is not None:
            value = spec.default.render(runner.scope)
            found[name] = Entry(value, "input", f"default of {use.fragment.title}", secret=spec.secret)
        else:
            found[name] = Unset(f"the input {name} is not given", "not_run", "input")
    scope = RunScope({}, runner.scope.redactor, runner.scope.generator)
    for name, entry in found.items():
        scope.set(name, entry)
    return scope.entries


def _given(runner: StepRunner, spec: VariableSpec, value: Value) -> Entry:
    rendered = value.render(runner.scope)
    if spec.type is not None and isinstance(rendered, str) and spec.type not in ("string", "bytes"):
        try:
            rendered = read_outside(rendered, spec.type)
        except ValueError as error:
            raise NotSentError(f"the input {spec.name}: {error}") from None
    if spec.type is not None and not has_type(rendered, spec.type):
        raise NotSentError(f"the input {spec.name} is of type {spec.type}, got {kind(rendered)}")
    secret = spec.secret or runner.scope.is_secret(value)
    base_url = runner.scope.came_from(value)
    origin = f"with, line {value.line}" if value.line else "with"
    entry_kind = "input"
    if isinstance(value, Single):
        source = runner.scope.entry(value.reference.name)
        if source is not None and source.kind in ("endpoint", "base"):
            origin = source.origin
            entry_kind = "input" if value.reference.filters else "base"
    return Entry(rendered, entry_kind, origin, secret=secret, base_url=base_url)


def _outputs(inner: StepRunner, use: FragmentUse) -> dict[str, Entry | Unset]:
    found: dict[str, Entry | Unset] = {}
    for name, value in use.fragment.outputs:
        try:
            rendered = value.render(inner.scope)
        except UnsetError as error:
            found[name] = Unset(f"the output {name} has no value: {error.message}", error.outcome)
        except RenderError as error:
            found[name] = Unset(f"the output {name} has no value: {error.message}", FAILED)
        else:
            found[name] = Entry(
                rendered,
                "save",
                f"output of {use.fragment.title}",
                secret=inner.scope.is_secret(value),
                base_url=inner.scope.came_from(value),
            )
    return found


def _take_over(
    runner: StepRunner, step: Step, phase: str, row: str, outputs: dict[str, Entry | Unset]
) -> bool:
    assert step.use is not None
    for name, output, _ in step.use.save:
        entry = outputs[output]
        if isinstance(entry, Unset) and entry.outcome != FAILED:
            runner.scope.entries[name] = entry
            continue
        if isinstance(entry, Unset):
            mark = step.use.mark
            failure = Failure(
                f"save {name}",
                f"save {name}: {entry.message}",
                file=runner.document.source.shown,
                line=mark.line,
                column=mark.column,
                width=mark.width,
                kind="save",
            )
            runner.ended(step, phase, FAILED, failure, row)
            return False
        runner.scope.set(name, entry)
    return True


# -- once -----------------------------------------------------------------------------------------------


def _once(runner: StepRunner, step: Step, phase: str, row: str, inputs: dict[str, Entry | Unset]) -> bool:
    use = step.use
    assert use is not None
    engine = runner.engine
    key = (str(use.fragment.source.file), _fingerprint(inputs))
    result = engine.once.get(key)
    if result is None:
        result = _run_once(runner, step, phase, key, inputs)
        engine.once[key] = result
        runner.trail.raw += result.trail.raw
        if result.failure:
            # An error for this user as for all others; only here it is shown with its exchange.
            for raw in result.trail.raw:
                raw.outcome.outcome = ERROR if raw.outcome.outcome == FAILED else raw.outcome.outcome
            return False
    if result.failure:
        mark = use.mark
        failure = Failure(
            "use",
            f'"{step.name}" runs once and failed: {result.failure}',
            file=runner.document.source.shown,
            line=mark.line,
            column=mark.column,
            width=mark.width,
            kind="request",
        )
        runner.ended(step, phase, ERROR, failure, row)
        return False
    return _take_over(runner, step, phase, row, result.outputs)


def _run_once(
    runner: StepRunner, step: Step, phase: str, key: tuple[str, str], inputs: dict[str, Entry | Unset]
) -> OnceResult:
    use = step.use
    assert use is not None
    trail = Trail(latest=runner.trail.latest)
    inner = _inner(runner, step, inputs, runner.engine.new_jar(), trail)
    _leave_end(use.fragment, inner)
    try:
        fine = inner.run_list(use.fragment.cases[0].steps, phase)
    except BaseException as error:
        # What it armed is cleaned up at the end all the same.
        runner.engine.once[key] = OnceResult({}, interruption(error), trail)
        runner.trail.raw += trail.raw
        raise
    failure = ""
    if not fine:
        ended = [raw.outcome for raw in trail.raw if raw.outcome.outcome in (FAILED, ERROR, NOT_RUN)]
        first = ended[0]
        failure = first.failures[0].message if first.failures else first.reason
    return OnceResult(_outputs(inner, use) if fine else {}, failure, trail)


def _fingerprint(inputs: dict[str, Entry | Unset]) -> str:
    """Return a text that is equal for equal inputs."""
    parts = []
    for name, entry in sorted(inputs.items()):
        if isinstance(entry, Unset):
            parts.append(f"{name} unset")
            continue
        try:
            parts.append(f"{name}={dumps(entry.value)}")
        except TypeError:
            parts.append(f"{name}={entry.value!r}")
    return "\n".join(parts)
