"""Fixtures for Python tests: run a document, inspect a description, make a badge."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_apitest.data import data
from pytest_apitest.engine import DocumentState, Engine, Options
from pytest_apitest.engine.runs import outcome_of, runs_of
from pytest_apitest.errors import UsageError
from pytest_apitest.jsonvalue import from_python
from pytest_apitest.outcome import SKIPPED, CaseOutcome, RunOutcome
from pytest_apitest.reports.shield_files import LABEL, shield_of
from pytest_apitest.selection import Selection, check_names
from pytest_apitest.shield import to_json, to_svg

if TYPE_CHECKING:
    from pytest_apitest.openapi.inspector import Inspection
    from pytest_apitest.runtime import Runtime


@data
class ShieldFiles:
    """A badge in both forms.

    Args:
        json: the shields.io endpoint form.
        svg: the drawing.

    """

    json: dict[str, Any]
    svg: str


def make_shield(outcome: RunOutcome | CaseOutcome, *, label: str = LABEL, style: str = "flat") -> ShieldFiles:
    """Return the badge of an outcome.

    Args:
        outcome: of a run, or of one case.
        label: the left half.
        style: `flat`, `flat-square`, `plastic` or `for-the-badge`.

    """
    run = outcome if isinstance(outcome, RunOutcome) else RunOutcome([outcome])
    shield = shield_of(run, label)
    return ShieldFiles(to_json(shield), to_svg(shield, style))


def make_run(request: pytest.FixtureRequest, runtime: "Runtime") -> Callable[..., RunOutcome]:
    """Return the function behind the fixture `apitest_run`.

    Args:
        request: the test that runs documents; fixtures that a document names are taken from it.
        runtime: the plugin's state.

    """

    def run(name: str, /, *, endpoints: dict[str, str] | None = None, **variables: Any) -> RunOutcome:
        """Run a document and return its outcome; nothing is raised when it fails.

        Args:
            name: a path relative to the test's folder or to where pytest was called, or a title.
            endpoints: base URLs by name.
            variables: values of variables by name.

        Raises:
            pytest.UsageError: there is no such document, or it has no such variable.
            ProblemsError: the document has problems; the text lists them all.

        """
        document = runtime.library.document(_file(request, runtime, str(name)))
        origins = dict.fromkeys(variables, "apitest_run")
        options = Options(
            {**runtime.options.variables, **{key: from_python(value) for key, value in variables.items()}},
            {**runtime.options.origins, **origins},
            {**runtime.options.endpoints, **(endpoints or {})},
            runtime.options.seed,
        )
        try:
            check_names(Options(variables, origins, endpoints or {}), [document])
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        engine = runtime.engine
        own = Engine(
            engine.extensions,
            options,
            engine.redactor,
            engine.send,
            engine.serve,
            engine.once,
            engine.descriptions,
        )
        return _run_all(request, DocumentState(own, document))

    return run


def make_inspect(request: pytest.FixtureRequest, runtime: "Runtime") -> Callable[..., "Inspection"]:
    """Return the function behind the fixture `apitest_inspect`.

    Args:
        request: the test that inspects descriptions.
        runtime: the plugin's state, which hosts applications.

    """

    def inspect_(
        source: Path | str | bytes,
        /,
        *,
        ruleset: str = "oas",
        app: Any = None,
        refs: bool = False,
        ref_origins: Collection[str] = (),
    ) -> "Inspection":
        """Inspect a description and return what was found; the test fails when it cannot be read.

        Args:
            source: a path relative to the test's folder or to where pytest was called, a URL, or the bytes of a
                description; with `app` the path of the description there, such as `/openapi.json`.
            ruleset: `oas` or `adr`.
            app: an application, a function that makes one, or `module:name` of either, to host for the run.
            refs: whether references may lead to files below its folder or, for a URL, to what is of its origin.
            ref_origins: further origins that they may lead to, such as `https://schemas.example`.

        Raises:
            ValueError: there is no such ruleset, or an origin is none.
            TypeError: the source or the origins are of a wrong type.
            pytest.UsageError: the application cannot be hosted.

        """
        # What is wrong is raised here, so that pytest shows the line of the test and none of ours.
        __tracebackhide__ = True
        wrong = _wrong_call(source, ruleset, app, ref_origins)
        if wrong is None:
            found = _inspected(request, runtime, source, ruleset, app, refs, ref_origins)
            if not isinstance(found, str | pytest.UsageError):
                return found
            if isinstance(found, str):
                pytest.fail(found)
            wrong = found
        raise wrong

    return inspect_


def _wrong_call(source: Any, ruleset: str, app: Any, ref_origins: Any) -> Exception | None:
    """Return what is wrong with the arguments of `apitest_inspect`."""
    from pytest_apitest.openapi.fetching import origin_named  # noqa: PLC0415
    from pytest_apitest.openapi.inspector.inspection import check_ruleset  # noqa: PLC0415 - few tests inspect

    if not isinstance(source, Path | str | bytes):
        kind = type(source).__name__
        return TypeError(
            f"apitest_inspect takes a path, a URL or the bytes of a description, not {kind}"
            + ("; write json.dumps(…).encode()" if isinstance(source, dict) else "")
        )
    if app is not None and not (isinstance(source, str) and source.startswith("/")):
        return pytest.UsageError(
            "apitest_inspect: with app the source is a path there, such as /openapi.json"
        )
    if isinstance(ref_origins, str) or not isinstance(ref_origins, Collection):
        return TypeError('ref_origins is a list: write ref_origins=["https://schemas.example"]')
    try:
        check_ruleset(ruleset)
        for origin in ref_origins:
            origin_named(origin)
    except ValueError as error:
        return error.with_traceback(None)
    return None


def _inspected(
    request: pytest.FixtureRequest,
    runtime: "Runtime",
    source: Path | str | bytes,
    ruleset: str,
    app: Any,
    refs: bool,
    ref_origins: Collection[str],
) -> "Inspection | str | pytest.UsageError":
    """Return what was found; a text when the description cannot be read, an error when the application cannot."""
    from pytest_apitest.openapi.inspector import DescriptionError, inspect  # noqa: PLC0415
    from pytest_apitest.openapi.reading import shown_url  # noqa: PLC0415

    shown = None
    if app is not None:
        try:
            source, shown = runtime.hosted(app) + str(source), str(source)
        except pytest.UsageError as error:
            return error.with_traceback(None)
    elif not isinstance(source, bytes) and "://" not in str(source):
        beside = request.path.parent / source
        shown = str(source)
        source = beside if beside.exists() else runtime.config.invocation_params.dir / source
    try:
        return inspect(source, shown, ruleset, refs=refs, ref_origins=ref_origins)
    except DescriptionError as error:
        name = shown or (shown_url(str(source)) if isinstance(source, str) else "description")
        return error.of(name)


def _file(request: pytest.FixtureRequest, runtime: "Runtime", name: str) -> Any:
    beside = request.path.parent / name
    if beside.is_file():
        return beside
    try:
        selection = Selection(
            [name], runtime.roots, runtime.config.invocation_params.dir, runtime.config.rootpath
        )
    except UsageError as error:
        raise pytest.UsageError(str(error).replace("--apitest-scenario", "apitest_run")) from None
    if len(selection.files) != 1:
        raise pytest.UsageError(f"apitest_run {name}: names {len(selection.files)} documents; name one")
    return selection.files[0]


def _run_all(request: pytest.FixtureRequest, state: DocumentState) -> RunOutcome:
    """Run every case of a document, set-up and end included."""
    document = state.document
    fixtures = {fixture: request.getfixturevalue(fixture) for fixture, _ in document.fixtures}
    cases: list[CaseOutcome] = []
    state.set_up(fixtures)
    try:
        for run in runs_of(document):
            id_ = f"{document.source.shown}::{run.name}"
            outcome = outcome_of(document, run.case, id_, run.name, state.engine.redactor)
            cases.append(outcome)
            skip = run.case.skip or document.skip
            if skip:
                outcome.outcome, outcome.reason = SKIPPED, skip
                continue
            state.run(run.case, outcome, run.row, fixtures)
    finally:
        failed = state.tear_down()
        if failed and cases:
            cases[-1].steps += failed
            cases[-1].outcome = "error" if cases[-1].passed else cases[-1].outcome
    return RunOutcome(cases)
