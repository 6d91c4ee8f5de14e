"""The console script `apitest`: check documents, print the editor schema, run the demo API.

Rules kept here:
- `check` and `schema` go through pytest's configuration, so that operators, functions and schemes that a
  conftest.py adds are known here too; the messages are those of collection;
- exit status 0: fine, 1: problems were found, 2: the command itself cannot be carried out.
"""

import argparse
import io
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_apitest import __version__

if TYPE_CHECKING:
    import pytest

    from pytest_apitest.runtime import Runtime


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the console script and return its exit status.

    Args:
        arguments: the words behind `apitest`; those of the process when left out.

    """
    parser = argparse.ArgumentParser(prog="apitest", description="Tools for API scenarios in YAML.")
    parser.add_argument("--version", action="version", version=f"apitest {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="check documents without sending anything")
    check.add_argument("paths", nargs="+", metavar="PATH", help="a document or a folder with documents")
    schema = commands.add_parser("schema", help="print the JSON Schema of documents, for editors")
    schema.add_argument("--result", action="store_true", help="print the schema of result.json instead")
    demo = commands.add_parser("demo", help="serve the demo API until Ctrl-C")
    demo.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default: 8000; 0: any)")
    given = parser.parse_args(arguments)
    if given.command == "check":
        return _check(given.paths)
    if given.command == "schema":
        return _schema(result=given.result)
    from pytest_apitest.demo import serve  # noqa: PLC0415 - loads aiohttp

    serve(given.port)
    return 0


# -- with pytest's configuration ------------------------------------------------------------------------


class _Inside:
    """A pytest plugin that does a job in the place of collection."""

    def __init__(self, job: Any) -> None:
        self.job = job
        self.result: Any = None

    def pytest_collection(self, session: "pytest.Session") -> bool:
        """Do the job and collect nothing."""
        from pytest_apitest.plugin import runtime  # noqa: PLC0415

        self.result = self.job(runtime(session.config))
        return True


def _inside_pytest(job: Any, paths: Sequence[str]) -> Any:
    """Do a job where conftest files are loaded; their output, and pytest's, is shown only when it fails."""
    import pytest  # noqa: PLC0415 - not needed by `demo`

    inside = _Inside(job)
    said = io.StringIO()
    words = ["-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "-q", *paths]
    with redirect_stdout(said), redirect_stderr(said):
        status = pytest.main(words, plugins=[inside])
    if inside.result is None:
        sys.stderr.write(said.getvalue() or f"pytest ended with status {int(status)}\n")
    return inside.result


def _check(written: Sequence[str]) -> int:
    missing = [path for path in written if not Path(path).exists()]
    if missing:
        sys.stderr.write("".join(f"apitest check: no such file or folder: {path}\n" for path in missing))
        return 2

    def job(runtime: "Runtime") -> tuple[int, str]:
        return check_files(runtime, [Path(path) for path in written])

    found = _inside_pytest(job, written)
    if found is None:
        return 2
    status, text = found
    sys.stdout.write(text)
    return int(status)


def check_files(runtime: "Runtime", paths: Sequence[Path]) -> tuple[int, str]:
    """Check documents and return the exit status and what is to be printed.

    Args:
        runtime: the plugin's state.
        paths: documents and folders.

    """
    from pytest_apitest.errors import ProblemsError, describe  # noqa: PLC0415
    from pytest_apitest.selection import documents_below  # noqa: PLC0415

    files: list[Path] = []
    for path in paths:
        files += documents_below(path.resolve()) if path.is_dir() else [path.resolve()]
    if not files:
        return 1, "no documents (*.apitest.yaml) found\n"
    out: list[str] = []
    bad = warnings = 0
    for file in dict.fromkeys(files):
        try:
            runtime.library.document(file)
        except ProblemsError as error:
            bad += 1
            out.append(runtime.masked(error))
            continue
        found = runtime.library.warnings(file)
        if found:
            warnings += len(found)
            out.append(runtime.redactor.text(describe(found, runtime.library.texts)))
    count = len(dict.fromkeys(files))
    noun = "document" if count == 1 else "documents"
    if bad:
        out.append(f"{bad} of {count} {noun} cannot be run")
    else:
        out.append(
            f"{count} {noun} fine" + (f", {warnings} warning{'s' * (warnings != 1)}" if warnings else "")
        )
    return (1 if bad else 0), "\n".join(out) + "\n"


def _schema(*, result: bool) -> int:
    if result:
        from pytest_apitest.reports.result_json import SCHEMA_FILE  # noqa: PLC0415

        sys.stdout.write(SCHEMA_FILE.read_text(encoding="utf-8"))
        return 0
    from pytest_apitest.language.editor_schema import editor_schema  # noqa: PLC0415

    found = _inside_pytest(lambda runtime: editor_schema(runtime.extensions), [])
    if found is None:
        return 2
    sys.stdout.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
