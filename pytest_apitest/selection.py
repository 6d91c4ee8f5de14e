"""Which documents a run is about, and what the command line gives them (design, section 4).

Rules kept here:
- a name is a path, a glob, a title or a kit; a title is looked up below the project first, then in the
  package; twice in one of them is an error that names both files;
- an option that names nothing in the documents of the run is an error with the nearest name.
"""

import glob
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from pytest_apitest.engine import Options
from pytest_apitest.errors import UsageError, did_you_mean, shown_path
from pytest_apitest.language import Document, is_document
from pytest_apitest.language.data import DataError, read_data
from pytest_apitest.language.declarations import base_url_problem
from pytest_apitest.patterns import deferred
from pytest_apitest.source.nodes import Scalar

_HEAD = deferred(r"""(?m)^(scenario|contract|fragment|session_type)[ \t]*:[ \t]+(.+?)[ \t]*$""")
_HEAD_SIZE = 16 * 1024
_PERCENTAGE = deferred(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")


def package_scenarios() -> Path:
    """Return the folder of the scenarios that come with the package; in a checkout, that beside it."""
    inside = Path(__file__).parent / "scenarios"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "scenarios"


@lru_cache(maxsize=1)
def _package_folder() -> Path:
    return package_scenarios().resolve()


def package_node_id(file: Path, rootpath: Path) -> str | None:
    """Return the node id of a document that comes with the package, for which pytest knows no name, or None."""
    folder = _package_folder()
    installed = file.is_relative_to(Path(__file__).parent)
    if not file.is_relative_to(folder) or (file.is_relative_to(rootpath) and not installed):
        return None
    return f"pytest_apitest/scenarios/{file.relative_to(folder).as_posix()}"


def scenario_roots(config: pytest.Config) -> list[Path]:
    """Return the folders of `apitest_paths` that exist."""
    folders = [config.rootpath / path for path in config.getini("apitest_paths")]
    return [folder for folder in folders if folder.is_dir()]


def documents_below(folder: Path) -> list[Path]:
    """Return all documents below a folder, in the order of their paths; hidden folders are left out."""
    return sorted(
        path
        for pattern in ("*.apitest.yaml", "*.apitest.yml")
        for path in folder.rglob(pattern)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


@lru_cache(maxsize=4096)
def title_of(file: Path) -> tuple[str, str] | None:
    """Return kind and title of a document as far as its text tells at a glance, or None."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_HEAD_SIZE).decode("utf-8", "replace")
    except OSError:
        return None
    match = _HEAD.search(text.replace("\r", ""))
    if match is None:
        return None
    return match.group(1), _unquoted(match.group(2))


def _unquoted(written: str) -> str:
    quote = written[:1]
    if quote in "'\"" and (end := written.rfind(quote)) > 0:
        inner = written[1:end]
        return inner.replace("''", "'") if quote == "'" else inner.replace('\\"', '"')
    plain = written.split(" #", maxsplit=1)[0].rstrip()
    return str(Scalar(plain, "", 1, 1, 1).text)


class Selection:
    """The documents that `--apitest-scenario` names.

    Args:
        names: the values of the option.
        roots: the folders of `apitest_paths`.
        here: the folder that pytest was called in.
        rootdir: pytest's root folder.

    Raises:
        UsageError: a name stands for nothing, or for several documents.

    """

    def __init__(self, names: Sequence[str], roots: Sequence[Path], here: Path, rootdir: Path) -> None:
        self.roots = list(roots)
        self.here = here
        self.rootdir = rootdir
        self.files: list[Path] = []
        for name in names:
            for file in self._find(name):
                if file not in self.files:
                    self.files.append(file)
        self._above = {folder for file in self.files for folder in file.parents}

    def leads_to(self, path: Path) -> bool:
        """Tell whether a path is a chosen document or a folder above one."""
        return path in self._above or path in self.files

    def _find(self, name: str) -> list[Path]:
        if not name.strip():
            raise UsageError("--apitest-scenario: a title, a kit, a path or a glob is needed")
        path = self.here / name
        if path.is_dir():
            found = [file for file in documents_below(path) if runs_alone(file)]
            if not found:
                raise UsageError(f"--apitest-scenario {name}: no documents (*.apitest.yaml) in this folder")
            return found
        if path.is_file():
            return [self._runnable(name, path.resolve())]
        if any(character in name for character in "*?["):
            matches = sorted(Path(match).resolve() for match in glob.glob(str(path), recursive=True))  # noqa: PTH207
            found = [file for file in matches if is_document(file) and runs_alone(file)]
            if found:
                return found
            raise UsageError(f"--apitest-scenario {name}: no document matches")
        if name.endswith((".yaml", ".yml")) or "/" in name:
            raise UsageError(f"--apitest-scenario {name}: no such file{self._near_file(path)}")
        return self._by_title(name)

    def _near_file(self, path: Path) -> str:
        names = [child.name for child in path.parent.iterdir()] if path.parent.is_dir() else []
        return did_you_mean(path.name, names)

    def _runnable(self, name: str, file: Path) -> Path:
        if not is_document(file):
            raise UsageError(
                f"--apitest-scenario {name}: a document's name ends in .apitest.yaml or .apitest.yml"
            )
        found = title_of(file)
        if found is not None and found[0] == "fragment":
            raise UsageError(
                f"--apitest-scenario {name}: a fragment does not run by itself; use it in a scenario"
            )
        return file

    def _by_title(self, name: str) -> list[Path]:
        titles: dict[str, list[Path]] = {}
        for root in ([*self.roots] or [self.rootdir], [package_scenarios()]):
            here: dict[str, list[Path]] = {}
            for folder in root:
                for file in documents_below(folder):
                    found = title_of(file)
                    if found is not None:
                        here.setdefault(found[1], []).append(file.resolve())
            if name in here:
                return [self._only(name, here[name])]
            kit = self._kit(name, root)
            if kit:
                return kit
            titles.update({title: files for title, files in here.items() if title not in titles})
        runnable = [title for title, files in titles.items() if runs_alone(files[0])]
        hint = did_you_mean(name, runnable)
        known = f"; there are {', '.join(runnable[:12])}" if runnable else "; there are no documents"
        raise UsageError(f'--apitest-scenario "{name}": no document has this title{hint or known}')

    def _only(self, name: str, files: list[Path]) -> Path:
        distinct = sorted(set(files))
        if len(distinct) > 1:
            shown = " and ".join(shown_path(file, self.here) for file in distinct[:3])
            raise UsageError(f'--apitest-scenario "{name}": the title stands in {shown}; name the file')
        return self._runnable(name, distinct[0])

    def _kit(self, name: str, roots: Iterable[Path]) -> list[Path]:
        for root in roots:
            folder = root / name
            if name and folder.is_dir() and folder.parent == root:
                return [file.resolve() for file in documents_below(folder) if runs_alone(file)]
        return []


def runs_alone(file: Path) -> bool:
    """Tell whether a document is run when its folder is: fragments and session types are not."""
    found = title_of(file)
    return found is None or found[0] not in ("fragment", "session_type")


# -- what the command line gives ------------------------------------------------------------------------


def coverage_wanted(config: Any) -> str | None:
    """Return the percentage that must be exercised, by option or ini value; raises `UsageError`."""
    written, default = config.getoption("apitest_coverage_min"), config.getini("apitest_coverage_min")
    if written is not None:
        return percentage("--apitest-coverage-min", written)
    return percentage("apitest_coverage_min", default) if default else None


def percentage(name: str, written: str) -> str:
    """Return a percentage in its shortest form.

    Args:
        name: of the option or ini value.
        written: what was given for it.

    Raises:
        UsageError: it is no number from 0 to 100 with at most three decimals.

    """
    if _PERCENTAGE.fullmatch(written) and float(written) <= 100:
        return f"{float(written):g}"
    bare = written.strip().removesuffix("%").strip()
    hint = f"; write {bare} without %" if bare != written and _PERCENTAGE.fullmatch(bare) else ""
    raise UsageError(f'{name} "{written}": expected a percentage from 0 to 100, such as 80{hint}')


def options_of(config: pytest.Config) -> Options:
    """Return the values that options and ini settings give to documents; raises `UsageError`."""
    variables: dict[str, Any] = {}
    origins: dict[str, str] = {}
    here = config.invocation_params.dir
    for written in [*config.getini("apitest_vars"), *config.getoption("apitest_vars")]:
        for name, value in _vars_file(here, written).items():
            variables[name] = value
            origins[name] = written
    for pair in [*config.getini("apitest_var"), *config.getoption("apitest_var")]:
        name, value = _pair(pair, "--apitest-var", "N=V")
        variables[name] = value
        origins[name] = "--apitest-var"
    endpoints: dict[str, str] = {}
    for pair in [*config.getini("apitest_endpoint"), *config.getoption("apitest_endpoint")]:
        name, url = _pair(pair, "--apitest-endpoint", "N=URL")
        problem = base_url_problem(url)
        if problem:
            raise UsageError(f"--apitest-endpoint {name}: {problem}")
        endpoints[name] = url
    return Options(
        variables,
        origins,
        endpoints,
        config.getoption("apitest_seed") or config.getini("apitest_seed") or None,
    )


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        # What stands there may be a secret that lost its name.
        raise UsageError(f"{option}: write {form}")
    return name.strip(), value


def _vars_file(here: Path, written: str) -> Mapping[str, Any]:
    file = here / written
    if not file.is_file():
        raise UsageError(f"--apitest-vars {written}: no such file")
    try:
        data = read_data(file)
    except DataError as error:
        raise UsageError(f"--apitest-vars {written}: {error}") from None
    if not isinstance(data, dict):
        raise UsageError(f"--apitest-vars {written}: a mapping of names to values is needed")
    return data


def check_names(options: Options, documents: Iterable[Document]) -> None:
    """Raise `UsageError` for a variable or endpoint that no document of the run declares."""
    known = list(documents)
    variables = {name for document in known for name in document.variables}
    endpoints = {name for document in known for name in document.endpoints}
    for name in options.variables:
        if name in variables:
            continue
        source = options.origins.get(name, "--apitest-var")
        option = source if source.startswith(("--", "apitest_run")) else f"--apitest-vars {source}"
        other = f"; {name} is an endpoint: --apitest-endpoint {name}=URL" if name in endpoints else ""
        hint = other or did_you_mean(name, variables) or _listed(variables)
        raise UsageError(f'{option}: no document has a variable "{name}"{hint}')
    for name in options.endpoints:
        if name not in endpoints:
            other = f"; {name} is a variable: --apitest-var {name}=…" if name in variables else ""
            hint = other or did_you_mean(name, endpoints) or _listed(endpoints)
            raise UsageError(f'--apitest-endpoint: no document has an endpoint "{name}"{hint}')


def _listed(names: Iterable[str]) -> str:
    known = sorted(names)
    return f"; there are {', '.join(known[:12])}" if known else "; there are none"
