"""The console script `apitest`: begin and check documents, inspect OpenAPI descriptions, print schemas, demo.

Rules kept here:
- `check` and `schema` go through pytest's configuration, so that operators, functions and schemes that a
  conftest.py adds are known here too; the messages are those of collection;
- what is wrong with the words of a command is said with the usage of that command, and with what was meant;
- exit status 0: fine, 1: problems were found, 2: the command itself cannot be carried out.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from pytest_apitest import __version__
from pytest_apitest.errors import did_you_mean

if TYPE_CHECKING:
    import pytest

    from pytest_apitest.runtime import Runtime


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the console script and return its exit status.

    Args:
        arguments: the words behind `apitest`; those of the process when left out.

    """
    given = _parser().parse_args(arguments)
    try:
        if given.command == "check":
            return _check(given.paths)
        if given.command == "init":
            return _init(given)
        if given.command == "inspect":
            return _inspect(given)
        if given.command == "schema":
            return _schema(result=given.result)
    except BrokenPipeError:
        # Whoever read the output went away.
        _discard(sys.stdout)
        return 1
    except _UnwritableError as error:
        _discard(error.stream)
        if error.stream is not sys.stderr:
            _say_if_possible(f"apitest: the output cannot be written: {error.why}\n")
        return 2
    return _demo(given.port)


# -- words ----------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser that says of every slip in which command it was made, and what was probably meant.

    Python's own leaves what a command does not know to the parser above it, which shows its own usage.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return what was given; nothing is left over.

        Args:
            args: the words; those of the process when left out.
            namespace: gets what was given.

        """
        words = sys.argv[1:] if args is None else list(args)
        self._refuse_unknown(words)
        found, rest = super().parse_known_args(words, namespace)
        if rest:
            self.error(f"not expected: {' '.join(rest)}")
        return found, rest

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        """End with the first unknown option, also where argparse would first say what is missing because of it."""
        known = [name for action in self._actions for name in action.option_strings]
        for word in words:
            is_option = len(word) > 1 and word[0] == "-" and not word[1].isdigit() and " " not in word
            if word == "--" or (not is_option and self._subparsers is not None):
                return  # what follows is no option, or one of a command
            name = word.partition("=")[0]
            # Beginnings of long options are allowed, and short ones with what belongs to them.
            if is_option and word[:2] not in known and not any(one.startswith(name) for one in known):
                self.error(f"unknown option {name}{did_you_mean(name, known)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(one) for one in action.choices]
        hint = did_you_mean(str(value), known) or f"; there are {', '.join(known)}"
        raise argparse.ArgumentError(action, f'unknown: "{value}"{hint}')


def _parser() -> _Parser:
    parser = _Parser(prog="apitest", description="Tools for API scenarios in YAML.")
    parser.add_argument("--version", action="version", version=f"apitest {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="check documents without sending anything")
    check.add_argument("paths", nargs="+", metavar="PATH", help="a document or a folder with documents")
    _declare_init(commands)
    schema = commands.add_parser("schema", help="print the JSON Schema of documents, for editors")
    schema.add_argument("--result", action="store_true", help="print the schema of result.json instead")
    _declare_inspect(commands)
    demo = commands.add_parser("demo", help="serve the demo API until Ctrl-C")
    demo.add_argument("--port", type=_port, default=8000, help="port on 127.0.0.1 (default: 8000; 0: any)")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:6]) > 65_535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def _declare_init(commands: Any) -> None:
    init = commands.add_parser("init", help="write first scenarios from an OpenAPI description")
    init.add_argument(
        "--from-openapi", metavar="FILE", required=True, help="the description, YAML or JSON (required)"
    )
    init.add_argument(
        "--refs", action="store_true", help="read files below the folder of the description that it refers to"
    )
    init.add_argument(
        "--output", metavar="DIR", default="scenarios", help="folder to write to (default: scenarios)"
    )
    address = init.add_mutually_exclusive_group()
    address.add_argument("--endpoint", metavar="URL", help="base URL of the API")
    address.add_argument("--app", metavar="MODULE:NAME", help="application that is hosted for the run")
    init.add_argument("--force", action="store_true", help="write over files that are there")


def _declare_inspect(commands: Any) -> None:
    inspect = commands.add_parser("inspect", help="say what is wrong with OpenAPI descriptions")
    inspect.add_argument("files", nargs="+", metavar="FILE", help="a description, YAML or JSON, or its URL")
    inspect.add_argument(
        "--ruleset",
        choices=("oas", "adr"),
        default="oas",
        help="oas: the rules of OpenAPI; adr: those of the NLGov REST API Design Rules, with a score "
        "(default: oas)",
    )
    inspect.add_argument(
        "--format",
        choices=("text", "json", "sarif", "junit"),
        default="text",
        help="text: findings with their lines; json: for programs; sarif: for code scanning; junit: for CI, "
        "a test for each rule (default: text)",
    )
    inspect.add_argument(
        "--fail-on",
        choices=("error", "warning"),
        default="error",
        help="least severity that makes the exit status 1 (default: error)",
    )
    inspect.add_argument(
        "--refs",
        action="store_true",
        help="read files below the folder, or of the origin, of the description",
    )
    inspect.add_argument(
        "--ref-origin", action="append", default=[], metavar="URL", help="read references to this origin too"
    )
    inspect.add_argument("--shield", metavar="FILE", help="write a badge with the score of --ruleset adr")


# -- commands -------------------------------------------------------------------------------------------


def _init(given: argparse.Namespace) -> int:
    from pytest_apitest.scaffold.command import Request, run  # noqa: PLC0415 - not needed by the others

    request = Request(
        given.from_openapi, given.output, given.endpoint, given.app, given.force, refs=given.refs
    )
    status, out, said = run(request)
    _say(sys.stdout, out)
    _say(sys.stderr, said)
    return status


def _inspect(given: argparse.Namespace) -> int:
    from pytest_apitest.openapi.inspector.command import run  # noqa: PLC0415 - not needed by the others

    status, out, said = run(
        given.files,
        given.ruleset,
        given.format,
        given.fail_on,
        given.shield,
        refs=given.refs,
        ref_origins=given.ref_origin,
    )
    _say(sys.stdout, out)
    _say(sys.stderr, said)
    return status


def _demo(port: int) -> int:
    from pytest_apitest.demo import serve  # noqa: PLC0415 - loads aiohttp
    from pytest_apitest.hosting import AppError  # noqa: PLC0415

    try:
        serve(port)
    except AppError as error:
        _say(sys.stderr, f"apitest demo: {error.message}\n")
        return 2
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
    words = ["-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "-q"]
    # This program is of the plugin's package, which is why that is imported already.
    words += ["-W", "ignore::pytest.PytestAssertRewriteWarning", *paths]
    # Options for test runs are not for this.
    kept = os.environ.pop("PYTEST_ADDOPTS", None)
    try:
        with redirect_stdout(said), redirect_stderr(said):
            status = pytest.main(words, plugins=[inside])
    finally:
        if kept is not None:
            os.environ["PYTEST_ADDOPTS"] = kept
    if inside.result is None:
        _say(sys.stderr, said.getvalue() or f"pytest ended with status {int(status)}\n")
    return inside.result


class _UnwritableError(Exception):
    """What is to be said cannot be written, because a disk is full for example.

    Args:
        stream: where it cannot be.
        why: what the system says.

    """

    def __init__(self, stream: TextIO, why: str) -> None:
        super().__init__(why)
        self.stream = stream
        self.why = why


def _say(stream: TextIO | None, text: str) -> None:
    """Write a text; what the terminal cannot show is written by its code, and nothing where there is no stream.

    Raises:
        BrokenPipeError: nobody reads any longer.
        _UnwritableError: it cannot be written for another reason.

    """
    if stream is None:  # it was closed before this program began
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _UnwritableError(stream, (error.strerror or "error").lower()) from None


def _say_if_possible(text: str) -> None:
    try:
        _say(sys.stderr, text)
    except (BrokenPipeError, _UnwritableError):
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: Python writes it when it ends, and would say that it cannot."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _check(written: Sequence[str]) -> int:
    missing = [path for path in written if not Path(path).exists()]
    if missing:
        _say(sys.stderr, "".join(f"apitest check: no such file or folder: {path}\n" for path in missing))
        return 2
    files = documents_of([Path(path) for path in written])

    def job(runtime: "Runtime") -> tuple[int, str]:
        return check_files(runtime, files)

    # pytest loads the conftest files beside what it is given, so it is given every document.
    found = _inside_pytest(job, [str(file) for file in files] or written)
    if found is None:
        return 2
    status, text = found
    _say(sys.stdout, text)
    return int(status)


def documents_of(paths: Sequence[Path]) -> list[Path]:
    """Return the documents that are named or stand below a folder that is, each once.

    Args:
        paths: documents and folders.

    """
    from pytest_apitest.selection import documents_below  # noqa: PLC0415 - loads the language

    files: list[Path] = []
    for path in paths:
        files += documents_below(path.resolve()) if path.is_dir() else [path.resolve()]
    return list(dict.fromkeys(files))


def check_files(runtime: "Runtime", files: Sequence[Path]) -> tuple[int, str]:
    """Check documents and return the exit status and what is to be printed.

    Args:
        runtime: the plugin's state.
        files: the documents.

    """
    from pytest_apitest.errors import ProblemsError  # noqa: PLC0415

    if not files:
        return 1, "no documents (*.apitest.yaml) found\n"
    out: list[str] = []
    bad = warnings = 0
    for file in files:
        try:
            runtime.library.document(file)
        except ProblemsError as error:
            bad += 1
            out.append(runtime.masked(error))
            continue
        found = runtime.library.warnings(file)
        if found:
            warnings += len(found)
            out.append(runtime.masked(ProblemsError(found, runtime.library.texts)))
    noun = "document" if len(files) == 1 else "documents"
    if bad:
        out.append(f"{bad} of {len(files)} {noun} cannot be run")
    else:
        more = f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""
        out.append(f"{len(files)} {noun} fine{more}")
    return (1 if bad else 0), "\n".join(out) + "\n"


def _schema(*, result: bool) -> int:
    if result:
        from pytest_apitest.reports.result_json import SCHEMA_FILE  # noqa: PLC0415

        _say(sys.stdout, SCHEMA_FILE.read_text(encoding="utf-8"))
        return 0
    from pytest_apitest.language.editor_schema import editor_schema  # noqa: PLC0415

    found = _inside_pytest(lambda runtime: editor_schema(runtime.extensions), [])
    if found is None:
        return 2
    _say(sys.stdout, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
