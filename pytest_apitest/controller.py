"""What the controller of pytest-xdist does in the place of collection: the check that its workers all repeat.

Rules kept here:
- the problems of documents are reported by the controller in the words of the collector, and the run ends
  as it would without workers;
- a folder is searched as far as pytest would search it; what is found only by the workers is reported by
  them.
"""

from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_apitest.errors import ProblemsError

if TYPE_CHECKING:
    from pytest_apitest.language import Document
    from pytest_apitest.runtime import Runtime


def check_before_workers(
    session: pytest.Session, runtime: "Callable[[pytest.Config], Runtime]", suffixes: tuple[str, ...]
) -> None:
    """Check every document of the run; raise what pytest raises when collection fails.

    Args:
        session: the session of the controller.
        runtime: makes the plugin's state when there is a document at all.
        suffixes: how the names of documents end.

    Raises:
        pytest.UsageError: an option names nothing in the documents.
        pytest.Session.Interrupted: a document has problems; they were reported.

    """
    config = session.config
    files = list(dict.fromkeys(_documents(config, suffixes)))
    if not files:
        return
    state = runtime(config)
    documents: list[Document] = []
    errors = left_to_workers = 0
    for file in files:
        try:
            documents.append(state.library.document(file))
        except ProblemsError as error:
            if _has_unseen_conftest(config, file):
                left_to_workers += 1
                continue
            from pytest_apitest.collection import DocumentError, problems_of  # noqa: PLC0415 - seldom

            errors += 1
            shown = problems_of(DocumentError(error, state.masked(error)), state)
            report = pytest.CollectReport(_node_id(config, file), "failed", shown, [])
            config.hook.pytest_collectreport(report=report)
    if errors:
        raise session.Interrupted(f"{errors} error{'s' * (errors != 1)} during collection")
    if not left_to_workers:
        state.check_options(documents)


def _has_unseen_conftest(config: pytest.Config, file: Path) -> bool:
    """Tell whether a folder above a document may add to the language what only workers load."""
    for folder in file.parents:
        conftest = folder / "conftest.py"
        if conftest.is_file() and not config.pluginmanager.hasplugin(str(conftest)):
            return True
        if folder == config.rootpath:
            break
    return False


def _node_id(config: pytest.Config, file: Path) -> str:
    from pytest_apitest.errors import shown_path  # noqa: PLC0415
    from pytest_apitest.selection import package_node_id  # noqa: PLC0415 - loads the language

    return package_node_id(file, config.rootpath) or shown_path(file, config.rootpath)


def _documents(config: pytest.Config, suffixes: tuple[str, ...]) -> Iterator[Path]:
    skipped: list[str] = config.getini("norecursedirs")
    for arg in config.args:
        path = (config.invocation_params.dir / str(arg).partition("::")[0]).resolve()
        if path.is_file():
            if path.name.endswith(suffixes):
                yield path
        elif path.is_dir():
            yield from _below(path, skipped, suffixes)


def _below(folder: Path, skipped: list[str], suffixes: tuple[str, ...]) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            left_out = any(fnmatch(entry.name, pattern) for pattern in skipped)
            if not left_out and not entry.is_symlink() and not (entry / "pyvenv.cfg").exists():
                yield from _below(entry, skipped, suffixes)
        elif entry.name.endswith(suffixes):
            yield entry.resolve()
