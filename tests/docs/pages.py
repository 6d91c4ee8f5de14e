"""Runs the examples of the documentation and tells what the tool says about each.

A page is Markdown. Its fenced blocks are examples:

- `yaml` is a whole document, `yaml WORD` a part of one, which is put where it belongs (see `WRAPPERS`); a
  `text` block right behind it holds what the tool says about it; without one it has to pass;
- `yaml NAME`, `json NAME`, `csv NAME` or `python NAME`, with a point or slash in the name, is a file that the
  blocks below it find;
- `console` holds commands behind `$` and what they print.

What differs from run to run (times, ports, versions) is masked on both sides before they are compared. Called as a
script with pages as arguments, this module writes what the tool says into them.
"""

import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_apitest.engine import DocumentState, Options
from pytest_apitest.engine.runs import Run, case_title, outcome_of, runs_of
from pytest_apitest.errors import ProblemsError, describe
from pytest_apitest.extensions import Extensions
from pytest_apitest.hosting import AppError, load_app
from pytest_apitest.language import Document, Library
from pytest_apitest.language.model import EndpointSpec
from pytest_apitest.outcome import NOT_RUN, SKIPPED, CaseOutcome
from pytest_apitest.references import Literal
from tests.harness import Bench

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^(`{3,})(\S*)[ \t]*(.*)$")
HEADING = re.compile(r"^(#+) +(.*)$")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Args:
        page: the file.
        line: line of its opening fence, from 1.
        language: the word behind the fence.
        words: the words behind that.
        text: what stands in it.
        heading: the heading above it.
        index: its number in the page, from 0.
    """

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str
    heading: str
    index: int

    @property
    def name(self) -> str:
        """The name of the file that it is, or an empty text."""
        return next((word for word in self.words if "." in word or "/" in word), "")

    @property
    def part(self) -> str:
        """What part of a document it is; empty for a whole one."""
        return next((word for word in self.words if word in WRAPPERS), "")

    def is_shown_by_terminal(self, blocks: "list[Block]") -> bool:
        """Tell whether a terminal below it shows what is said about it."""
        return (
            bool(self.name) and self.index + 1 < len(blocks) and blocks[self.index + 1].language == "console"
        )

    def __str__(self) -> str:
        return f"{self.line}-{re.sub('[^a-z0-9]+', '-', self.heading.lower()).strip('-')}"


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    found: list[Block] = []
    heading, fence, start = "", "", 0
    words: list[str] = []
    lines: list[str] = []
    language = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if fence:
            if line.rstrip() == fence:
                text = "".join(f"{one}\n" for one in lines)
                found.append(Block(page, start, language, tuple(words), text, heading, len(found)))
                fence = ""
            else:
                lines.append(line)
        elif match := FENCE.match(line):
            fence, language, start, lines = match[1], match[2], number, []
            words = match[3].split()
        elif match := HEADING.match(line):
            heading = match[2]
    assert not fence, f"{page.name}:{start}: this block is not closed"
    return found


def said_about(block: Block, blocks: list[Block]) -> Block | None:
    """Return the block that holds what the tool says about another, or None."""
    if block.index + 1 == len(blocks):
        return None
    following = blocks[block.index + 1]
    gap = block.page.read_text(encoding="utf-8").splitlines()
    between = gap[block.line + block.text.count("\n") + 1 : following.line - 1]
    return following if following.language == "text" and not any(map(str.strip, between)) else None


def write_files(folder: Path, block: Block, blocks: list[Block]) -> None:
    """Write the files that a block finds: those above it, and those that come with the demo."""
    for name in ("portrait.png", "quotes.csv", "quote.json", "quote.schema.json"):
        source = ROOT / "scenarios" / "demo" / "data" / name
        (folder / name).write_bytes(source.read_bytes())
    description = ROOT / "scenarios" / "demo" / "quotes.openapi.yaml"
    (folder / description.name).write_bytes(description.read_bytes())
    for earlier in blocks[: block.index]:
        if earlier.name:
            file = folder / earlier.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(earlier.text, encoding="utf-8")


# -- tables and prose -----------------------------------------------------------------------------------


def prose(text: str) -> list[str]:
    """Return the lines of a page outside of its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", text).splitlines()


def rows_of(text: str) -> Iterator[list[list[str]]]:
    """Return the tables of a page: rows of cells, the head first."""
    for is_table, lines in itertools.groupby(prose(text), lambda line: line.startswith("|")):
        if is_table:
            cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
            yield [cells[0], *cells[2:]]


def names_in(cell: str) -> list[str]:
    """Return the names in the first cell of a row, without what stands behind them in parentheses."""
    return [name.partition("(")[0] for name in re.findall("`([^`]+)`", cell)]


def documented(text: str) -> dict[str, set[str]]:
    """Return the names in the first column of every table, by the head of that column."""
    found: dict[str, set[str]] = {}
    for head, *rows in rows_of(text):
        names = [name for row in rows for name in names_in(row[0])]
        known = found.setdefault(head[0], set())
        twice = known & set(names)
        assert not twice, f"{twice} twice under {head[0]}"
        known.update(names)
    return found


# -- parts ----------------------------------------------------------------------------------------------

_API = 'endpoints:\n  api: {app: "pytest_apitest.demo:create_app", auth: {token: demo-token}}\n'
_QUOTE = """\
- request: {POST: /quotes, json: {author: Ada Lovelace, text: Measure before you cut., tags: [maths, craft]}}
  save: {quote: $.url}
  cleanup: DELETE ${quote}
  expect: {status: 201}
"""
_READ = "- request: GET ${quote}\n"


def _indented(text: str, depth: int) -> str:
    return textwrap.indent(text, " " * depth)


def _scenario(text: str, *, api: bool = True) -> str:
    head = _API if api and not re.search("^endpoints:", text, re.MULTILINE) else ""
    return f"scenario: Example\n{head}{text}"


def _quote_for(text: str) -> str:
    """Return the step that makes the quote which a part refers to."""
    return _QUOTE if "${quote" in text and not re.search(r"\bquote:", text) else ""


def _of_steps(text: str) -> str:
    return _scenario("steps:\n" + _indented(_quote_for(text) + text, 2))


def _of_step(text: str) -> str:
    return _of_steps("-" + _indented(text, 2)[1:])


def _of_expectation(text: str) -> str:
    return _scenario("steps:\n" + _indented(_QUOTE + _READ + "  expect:\n" + _indented(text, 4), 2))


def _of_save(text: str) -> str:
    return _scenario("steps:\n" + _indented(_QUOTE + _READ + "  save:\n" + _indented(text, 4), 2))


def _names_in(text: str) -> list[tuple[str, str]]:
    """Return the names of a mapping of declarations, each with the rest of its lines."""
    parts = re.split(r"(?m)^([A-Za-z_][\w-]*):", text)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _of_variables(text: str) -> str:
    shown = {name: f"{name} | base64" if "bytes" in rest else name for name, rest in _names_in(text)}
    values = "".join(f'        {name}: "${{{value}}}"\n' for name, value in shown.items())
    step = f"steps:\n  - request:\n      POST: /echo\n      json:\n{values}"
    return _scenario("variables:\n" + _indented(text, 2) + step)


def _of_endpoints(text: str) -> str:
    steps = "".join(f'  - request: "GET ${{{name}}}/health"\n' for name, _ in _names_in(text))
    return _scenario("endpoints:\n" + _indented(text, 2) + "steps:\n" + steps)


def _of_credentials(text: str) -> str:
    steps = "".join(
        "  - request: "
        + ("GET /auth/digest" if "digest" in rest else "{POST: /quotes, json: {author: Ada, text: Measure.}}")
        + f"\n    auth: {name}\n"
        for name, rest in _names_in(text)
    )
    return _scenario("credentials:\n" + _indented(text, 2) + "steps:\n" + steps)


WRAPPERS: dict[str, Callable[[str], str]] = {
    "scenario": _scenario,
    "contract": lambda text: _scenario(text).replace("scenario: Example", "contract: Example", 1),
    "cases": lambda text: _scenario("cases:\n" + _indented(text, 2)),
    "rules": lambda text: _scenario("rules:\n" + _indented(text, 2)).replace("scenario:", "contract:", 1),
    "steps": _of_steps,
    "step": _of_step,
    "request": lambda text: _of_steps("- request:\n" + _indented(text, 4)),
    "expect": _of_expectation,
    "json": lambda text: _of_expectation("json:\n" + _indented(text, 2)),
    "save": _of_save,
    "variables": _of_variables,
    "endpoints": _of_endpoints,
    "credentials": _of_credentials,
}


def document_of(block: Block) -> str:
    """Return the document that a block is, or that it is put into."""
    return WRAPPERS[block.part](block.text) if block.part else block.text


# -- running --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What the tool says about an example.

    Args:
        text: its words; empty when all passed.
        outcomes: outcomes of the cases; empty when the document cannot be run.
    """

    text: str
    outcomes: tuple[str, ...] = ()


def run_block(block: Block, bench: Bench) -> Said:
    """Run the document of a block and return what is said about it."""
    file = bench.folder / (block.name or "example.apitest.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(document_of(block), encoding="utf-8")
    library = Library(bench.extensions, [bench.folder], bench.folder, _load_app)
    try:
        document = library.document(file)
    except ProblemsError as error:
        return Said(_problems(block, error, library))
    warnings = library.warnings(file)
    text = _problems(block, ProblemsError(warnings, library.texts), library) if warnings else ""
    if document.kind == "fragment" or "checked" in block.words:
        return Said(text)
    cases = list(_run(document, bench))
    lines = [text] if text else []
    lines += [line for case in cases for line in _words(case)]
    return Said("\n".join(lines), tuple(case.outcome for case in cases))


def _problems(block: Block, error: ProblemsError, library: Library) -> str:
    """Return the problems of a document with their places, those of a part without: its lines are ours."""
    if not block.part:
        return describe(error.problems, library.texts)
    unique = dict.fromkeys(sorted(error.problems, key=lambda problem: problem.place))
    return "\n".join(f"{'warning: ' if one.warning else ''}{one.message}" for one in unique)


def _words(case: CaseOutcome) -> list[str]:
    if case.failures:
        return [failure.message for failure in case.failures]
    if case.outcome == NOT_RUN:
        return [case.reason]
    warnings = [f"warning: {warning.message}" for step in case.steps for warning in step.warnings]
    return warnings + [note for step in case.steps for note in step.notes]


def _load_app(spec: str, search: list[Path]) -> object:
    try:
        return load_app(spec, search)
    except AppError as error:
        raise ValueError(str(error)) from None


def _is_invented(spec: EndpointSpec) -> bool:
    """Tell whether nobody answers at an endpoint: the addresses of examples are invented."""
    address = spec.url or spec.default
    if address is None:
        return not spec.app and spec.required
    return isinstance(address, Literal) and ".example" in str(address.value)


def _run(document: Document, bench: Bench) -> Iterator[CaseOutcome]:
    """Run the cases of a document as pytest would."""
    url = bench.host.serve(_load_app("pytest_apitest.demo:create_app", [])).base_url
    given = {name: url for name, spec in document.endpoints.items() if _is_invented(spec)}
    state = DocumentState(bench.new_engine(Options(endpoints=given, environment={})), document)
    fixtures: dict[str, object] = {
        name: {"user": "ada", "password": "lovelace"} for name, _ in document.fixtures
    }
    state.set_up(fixtures)
    for run in runs_of(document):
        yield _run_case(state, run, fixtures)
    failed = [failure for step in state.tear_down() for failure in step.failures]
    assert not failed, failed


def _run_case(state: DocumentState, run: Run, fixtures: dict[str, object]) -> CaseOutcome:
    document, case, title = state.document, run.case, case_title(state.document, run.case)
    outcome = outcome_of(document, case, title, title, state.engine.redactor)
    reason = case.skip or document.skip
    if reason:
        outcome.outcome, outcome.reason = SKIPPED, reason
        return outcome
    state.run(case, outcome, run.row, fixtures)
    if case.xfail:
        assert not outcome.passed, f"{title}: marked xfail, but passed"
        return outcome_of(document, case, title, title, state.engine.redactor)
    return outcome


# -- commands -------------------------------------------------------------------------------------------

MASKS: tuple[tuple[str, str], ...] = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"(?m) +\d+ ms$", " 1 ms"),
    (r"\b\d+ ms\b", "1 ms"),
    (r"\bin \d+\.\d+s\b", "in 0.12s"),
    (r"gave up after \d+ tries", "gave up after 4 tries"),  # a job takes its time, and so does a busy machine
    (r"(?m)^platform .*$", "platform"),
    (r"(?m)^rootdir: .*$", "rootdir"),
    (r"(?m)^plugins: .*$", "plugins"),
    (r"(?m)^cachedir: .*\n", ""),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-01-01T00:00:00Z"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "Thu, 01 Jan 2026 00:00:00 GMT"),
    (r'ETag: "[0-9a-f]{16}', 'ETag: "0123456789abcdef'),
    (r"Python/\S+ aiohttp/\S+", "Python/3 aiohttp/3"),
    (r"pytest-apitest/\d[\w.]*", "pytest-apitest/0"),
    (r"(?m)^=+ (.*?) =+$", r"== \1 =="),
    (r"/(tmp|home)/[\w./-]*", "/FOLDER"),
    (r"(?m)[ \t]+$", ""),
)


def masked(text: str) -> str:
    """Return a text without what differs from run to run."""
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text)
    return text.strip("\n") + "\n"


def commands_of(block: Block) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what it prints."""
    parts = re.split(r"(?m)^\$ (.*)\n", block.text)
    assert not parts[0].strip(), f"{block.page.name}:{block.line}: a console block begins with $"
    return list(zip(parts[1::2], parts[2::2], strict=True))


# What a machine may have set and a reader's shell has not. With CI, BUILD_NUMBER or a colour setting pytest
# prints its summary otherwise than in a terminal of 80 columns.
NOT_A_READERS = ("PYTEST_", "APITEST_", "DEMO_", "CI", "BUILD_NUMBER", "FORCE_COLOR", "PY_COLORS")


def run_command(command: str, folder: Path) -> str:
    """Run a command of a console block in a folder and return what it prints."""
    words = shlex.split(command)
    program = {"pytest": "pytest", "apitest": "pytest_apitest.cli"}.get(words[0])
    assert program, f"{words[0]}: the documentation runs pytest and apitest"
    target = None
    if ">" in words:
        target = folder / words.pop()
        words.remove(">")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_A_READERS)}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", program, *words[1:]],
        cwd=folder,
        env={
            **kept,
            "PYTEST_ADDOPTS": "-p no:randomly -p no:cacheprovider",
            "COLUMNS": "80",
            "NO_COLOR": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        if words[:2] == ["apitest", "demo"]:
            return _until_interrupted(process)
        printed = process.communicate(timeout=120)[0]
    if target is None:
        return printed
    target.write_text(printed, encoding="utf-8")
    return ""


def _until_interrupted(process: subprocess.Popen[str]) -> str:
    """Read what a server says of itself, then press Ctrl-C."""
    assert process.stdout is not None
    lines = []
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            time.sleep(0.3)  # it has to wait for it first
            process.send_signal(signal.SIGINT)
    watchdog.cancel()
    assert process.wait() == 0, f"it did not end at Ctrl-C: status {process.returncode}"
    return "".join(lines)


# -- comparing ------------------------------------------------------------------------------------------


def check_example(block: Block, blocks: list[Block], bench: Bench) -> None:
    """Run an example and compare what is said about it with what the page says is said."""
    write_files(bench.folder, block, blocks)
    answer = said_about(block, blocks)
    said = run_block(block, bench)
    if answer is not None:
        assert masked(said.text) == masked(answer.text)
        return
    assert not said.text
    assert {"failed", "error", "not_run"}.isdisjoint(said.outcomes)


def check_terminal(block: Block, blocks: list[Block], folder: Path) -> None:
    """Run the commands of a console block and compare what they print."""
    write_files(folder, block, blocks)
    for command, printed in commands_of(block):
        assert masked(run_command(command, folder)) == masked(printed)


# -- writing what is said -------------------------------------------------------------------------------

# How what differs between machines is shown to readers.
SHOWN: tuple[tuple[str, str], ...] = (
    (r"(?m)^(platform .*?) -- /.*$", r"\1"),
    (r"(?m)^rootdir: .*$", "rootdir: /home/ada/quotes"),
    (r"(?m)^plugins: .*$", "plugins: apitest-0.1.0"),
    (r"(?m)^cachedir: .*\n", ""),
    (r"/tmp/tmp\w+", "/home/ada/quotes"),
)


def shown(text: str) -> str:
    """Return what a command printed as it is shown to readers."""
    for pattern, instead in SHOWN:
        text = re.sub(pattern, instead, text)
    return text


def rewrite(page: Path) -> None:
    """Write what the tool says about the examples of a page into it."""
    blocks = blocks_of(page)
    lines = page.read_text(encoding="utf-8").splitlines()
    changes: list[tuple[Block, str]] = []
    for block in blocks:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_files(folder, block, blocks)
            if block.language == "console":
                said = "".join(
                    f"$ {command}\n{shown(run_command(command, folder))}" for command, _ in commands_of(block)
                )
                if masked(said) != masked(block.text):
                    changes.append((block, said))
            elif block.language == "yaml" and (answer := said_about(block, blocks)) is not None:
                bench = Bench(folder, Extensions())
                try:
                    said = run_block(block, bench).text
                finally:
                    bench.close()
                if masked(said) != masked(answer.text):
                    changes.append((answer, said))
    for block, said in reversed(changes):
        lines[block.line : block.line + block.text.count("\n")] = said.strip("\n").split("\n")
        print(f"{page.name}:{block.line}: changed")
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        rewrite(Path(argument).resolve())
