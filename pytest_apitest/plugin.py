"""The entry point of pytest: options, hooks, and the door to everything else.

Rules kept here:
- this module is imported by every pytest run of an environment, so it imports the standard library and
  pytest, and nothing else until a document is collected or an option of ours is used;
- options and documents are checked before anything runs, on the controller of pytest-xdist too, so that exit
  codes are the same with and without workers.
"""

import os
import sys
from collections.abc import Generator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_apitest.gathering import Gathering
    from pytest_apitest.runtime import Runtime

SUFFIXES = (".apitest.yaml", ".apitest.yml")
_OPTIONS = (
    *("apitest_scenario", "apitest_report", "apitest_var", "apitest_vars", "apitest_endpoint"),
    *("apitest_coverage", "apitest_coverage_min"),
)
_KEY: "pytest.StashKey[Runtime]" = pytest.StashKey()
_GATHERING: "pytest.StashKey[Gathering]" = pytest.StashKey()
_BAD_INI: "pytest.StashKey[pytest.UsageError]" = pytest.StashKey()


class _PlainFinder:
    """Finds our own modules before pytest does.

    pytest rewrites the asserts of every module of a plugin's distribution, and compiles them anew in every
    run that cannot keep the result. There are no tests in ours, and their bytecode was made at installation.
    """

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of ours is, as Python itself finds it."""
        return PathFinder.find_spec(name, path, target) if name.startswith("pytest_apitest.") else None


if not any(finder is _PlainFinder for finder in sys.meta_path):
    sys.meta_path.insert(0, _PlainFinder)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and ini values."""
    group = parser.getgroup("apitest", "API scenarios (pytest-apitest)")
    for flag, meaning in (
        (
            "--apitest-scenario",
            {"metavar": "NAME", "help": "run only this: a title, a kit, a path or a glob; may be repeated"},
        ),
        ("--apitest-var", {"metavar": "N=V", "help": "value of a variable; may be repeated"}),
        (
            "--apitest-vars",
            {"metavar": "FILE", "help": "JSON or YAML file with values of variables; may be repeated"},
        ),
        ("--apitest-endpoint", {"metavar": "N=URL", "help": "base URL of an endpoint; may be repeated"}),
    ):
        group.addoption(flag, action="append", default=[], **meaning)
    group.addoption("--apitest-report", metavar="DIR", help="write result.json, badges and coverage into DIR")
    group.addoption(
        "--apitest-coverage",
        action="store_true",
        default=None,
        help="say at the end what of the OpenAPI descriptions was not exercised",
    )
    group.addoption(
        "--apitest-coverage-min",
        metavar="PERCENT",
        help="fail when less of the operations and their documented statuses was exercised",
    )
    group.addoption(
        "--apitest-strict",
        action="store_true",
        default=None,
        help="warnings and cases that did not run are failures",
    )
    group.addoption("--apitest-seed", metavar="SEED", help="repeat random values of an earlier run")
    parser.addini(
        "apitest_paths",
        "folders with scenarios, for names (default: scenarios)",
        type="args",
        default=["scenarios"],
    )
    parser.addini("apitest_report", "default of --apitest-report", default="")
    parser.addini("apitest_coverage", "default of --apitest-coverage", type="bool", default=False)
    parser.addini("apitest_coverage_min", "default of --apitest-coverage-min", default="")
    parser.addini("apitest_strict", "default of --apitest-strict", type="bool", default=False)
    parser.addini("apitest_seed", "default of --apitest-seed", default="")
    parser.addini("apitest_vars", "default of --apitest-vars", type="args", default=[])
    parser.addini("apitest_var", "variables as N=V, one a line", type="linelist", default=[])
    parser.addini("apitest_endpoint", "endpoints as N=URL, one a line", type="linelist", default=[])


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks of the language."""
    from pytest_apitest import hookspecs  # noqa: PLC0415 - a few lines

    pluginmanager.add_hookspecs(hookspecs)


def runtime(config: pytest.Config) -> "Runtime":
    """Return what the plugin keeps for a run of pytest, and make it when it is first needed."""
    found = config.stash.get(_KEY, None)
    if found is None:
        from pytest_apitest.gathering import Gathering  # noqa: PLC0415 - loads the language
        from pytest_apitest.runtime import Runtime  # noqa: PLC0415

        found = config.stash[_KEY] = Runtime(config)
        gathering = config.stash[_GATHERING] = Gathering(found)
        config.pluginmanager.register(gathering, "apitest-gathering")
        config.hook.pytest_apitest_extend.call_historic(kwargs={"extensions": found.extensions})
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Choose what `--apitest-scenario` names; everything else waits for the first document."""
    if any(config.getoption(name) not in (None, []) for name in _OPTIONS):
        runtime(config).choose()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Check documents before the workers of pytest-xdist are given anything to run."""
    if session.config.pluginmanager.hasplugin("dsession"):
        from pytest_apitest.controller import check_before_workers  # noqa: PLC0415 - only with workers

        check_before_workers(session, runtime, SUFFIXES)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect documents."""
    if not file_path.name.endswith(SUFFIXES) or _BAD_INI in parent.config.stash:
        return None
    if not _asked_for(file_path, parent.config):
        return None
    from pytest_apitest.collection import ApitestFile  # noqa: PLC0415 - loads the language

    try:
        return ApitestFile.of(parent, file_path, runtime(parent.config))
    except pytest.UsageError as error:
        # Here pytest would take it for a fault of this folder.
        parent.config.stash[_BAD_INI] = error
        return None


def _asked_for(file: Path, config: pytest.Config) -> bool:
    """Tell whether an argument names a document or a folder above it; pytest offers all its neighbours too."""
    for arg in config.args:
        path = Path(os.path.abspath(config.invocation_params.dir / str(arg).partition("::")[0]))  # noqa: PTH100
        # What is no path is a package, with --pyargs.
        if path == file or path in file.parents or not path.exists():
            return True
    return False


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Raise what is wrong with the ini values, which are first read for a document."""
    if _BAD_INI in config.stash:
        raise config.stash[_BAD_INI]


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Let pytest walk to chosen documents, also through folders that it leaves out, such as an environment."""
    found = config.stash.get(_KEY, None)
    return False if found is not None and found.leads_to_chosen(collection_path) else None


@pytest.hookimpl(wrapper=True)
def pytest_report_from_serializable(config: pytest.Config, data: dict[str, Any]) -> Generator[None, Any, Any]:
    """Take the outcome of a case out of what a worker sent."""
    sent = data.pop("_apitest", None)
    report = yield
    if sent is not None and report is not None:
        runtime(config)
        config.stash[_GATHERING].receive(report, sent)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Gather what a worker did, also when only workers met documents, in Python tests."""
    config = node.config
    if _KEY not in config.stash and "apitest" in getattr(node, "workeroutput", {}):
        runtime(config)
        config.stash[_GATHERING].pytest_testnodedown(node)


@pytest.fixture
def apitest_run(request: pytest.FixtureRequest) -> Any:
    """Run a document from Python: `apitest_run(path_or_name, **variables)` returns its outcome."""
    from pytest_apitest.fixtures import make_run  # noqa: PLC0415 - loads the language

    return make_run(request, runtime(request.config))


@pytest.fixture
def apitest_inspect(request: pytest.FixtureRequest) -> Any:
    """Inspect an OpenAPI description: `apitest_inspect(path_or_url)` has `.valid`, `.findings` and `.report`."""
    from pytest_apitest.fixtures import make_inspect  # noqa: PLC0415 - loads the language

    return make_inspect(request, runtime(request.config))


@pytest.fixture
def apitest_shield() -> Any:
    """Return the badge of an outcome: `apitest_shield(outcome)` has `.json` and `.svg`."""
    from pytest_apitest.fixtures import make_shield  # noqa: PLC0415 - loads the badge

    return make_shield
