"""The page about options, fixtures, hooks and reports says what is so: its examples run, its tables are complete."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_apitest import hookspecs, plugin
from pytest_apitest.cli import main
from pytest_apitest.extensions import Extensions
from pytest_apitest.reports import COVERAGE_FILES, FILES
from tests.docs.pages import (
    DOCS,
    Block,
    blocks_of,
    check_terminal,
    commands_of,
    documented,
    run_command,
    write_files,
)
from tests.system.test_demo_scenarios import run_pytest

PAGE = DOCS / "cli.md"
BLOCKS = blocks_of(PAGE)
TABLES = documented(PAGE.read_text(encoding="utf-8"))
CONSOLES = [block for block in BLOCKS if block.language == "console"]


class _Parser:
    """Hears which options and ini values the plugin declares."""

    def __init__(self) -> None:
        self.options: set[str] = set()
        self.values: set[str] = set()

    def getgroup(self, *_: str) -> "_Parser":
        return self

    def addoption(self, name: str, **_: Any) -> None:
        self.options.add(name)

    def addini(self, name: str, *_: str, **__: Any) -> None:
        self.values.add(name)


@pytest.mark.parametrize("block", CONSOLES, ids=str)
def test_terminal(block: Block, tmp_path: Path) -> None:
    check_terminal(block, BLOCKS, tmp_path)


def test_options_and_ini_values() -> None:
    parser = _Parser()
    plugin.pytest_addoption(parser)  # type: ignore[arg-type]
    assert {name.partition("=")[0] for name in TABLES["option"]} == parser.options
    assert TABLES["ini value"] == parser.values


def test_hooks_fixtures_and_methods() -> None:
    hooks = {name for name, value in vars(hookspecs).items() if inspect.isfunction(value)}
    assert TABLES["hook"] == {name for name in hooks if name.startswith("pytest_")}
    assert TABLES["fixture"] == {name for name in vars(plugin) if name.startswith("apitest_")}
    methods = {name for name in vars(Extensions) if name.startswith("add_")}
    assert TABLES["method of `extensions`"] == methods


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    words = set(re.findall(r"(?m)^    (\w+) ", capsys.readouterr().out))
    assert {name.split()[1] for name in TABLES["command"]} == words


def test_what_init_writes(tmp_path: Path) -> None:
    made = next(block for block in BLOCKS if block.name == "museum/rooms.apitest.yaml")
    before = BLOCKS[made.index - 1]
    write_files(tmp_path, before, BLOCKS)
    for command, _ in commands_of(before):
        run_command(command, tmp_path)
    assert (tmp_path / made.name).read_text(encoding="utf-8") == made.text


def test_options_of_init(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["init", "--help"])
    words = set(re.findall(r"(?m)^  (--[\w-]+)", capsys.readouterr().out))
    assert {name.split()[0] for name in TABLES["option of init"]} == words


def test_report_files_and_the_badge(tmp_path: Path) -> None:
    write_files(tmp_path, BLOCKS[-1], BLOCKS[:1])
    run_pytest(tmp_path, "--apitest-scenario", "Quotes")
    assert set(FILES) == TABLES["file"]
    assert {file.name for file in (tmp_path / "report").iterdir()} == set(FILES) - set(COVERAGE_FILES)
    shown = next(block for block in BLOCKS if block.name == "shield.json")
    assert json.loads((tmp_path / "report" / "shield.json").read_text(encoding="utf-8")) == json.loads(
        shown.text
    )


def test_the_ini_file_is_one(tmp_path: Path) -> None:
    write_files(tmp_path, BLOCKS[-1], BLOCKS[:1])
    shown = next(block for block in BLOCKS if block.language == "ini")
    (tmp_path / "pytest.ini").write_text(shown.text, encoding="utf-8")
    done, result = run_pytest(tmp_path, "--apitest-scenario", "Quotes")
    assert done.returncode == 1, done.stdout
    assert {case["title"]: case["outcome"] for case in result["cases"]} == {
        "a quote can be made": "failed",
        "a list has pages": "passed",
        "a partner may write": "not_run",
    }
    assert '"Grace Hopper"' in done.stdout
    assert "not run: partner is not set" in done.stdout


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--apitest-endpoint", "api=http://127.0.0.1:1"], 1),
        (["--apitest-var", "partner=demo-token"], 0),
        ([], 0),
        (["--apitest-strict"], 1),
        (["--apitest-var", "prtner=x"], 4),
        (["--apitest-scenario", "Qotes"], 4),
        (["-k", "nothing"], 5),
        (["--apitest-scenario", "Quotes", "-k", "partner"], 5),
        (["wrong.apitest.yaml"], 2),
        (["wrong.apitest.yaml", "-n", "1"], 2),
        (["--apitest-var", "prtner=x", "-n", "1"], 4),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_exit_status(tmp_path: Path, words: list[str], status: int) -> None:
    write_files(tmp_path, BLOCKS[-1], BLOCKS[:1])
    (tmp_path / "wrong.apitest.yaml").write_text("scenario: x\n", encoding="utf-8")
    chosen = (
        words
        if "wrong.apitest.yaml" in words
        else [*words, *([] if "--apitest-scenario" in words else ["scenarios"])]
    )
    done, _ = run_pytest(tmp_path, *chosen)
    assert done.returncode == status, done.stdout + done.stderr
    assert status in {int(name) for name in _first_column("status")}


def _first_column(head: str) -> list[str]:
    rows = re.search(rf"(?ms)^\| {head} \|.*?\n\|[- |]+\n(.*?)\n\n", PAGE.read_text(encoding="utf-8"))
    assert rows is not None
    return [row.split("|")[1].strip() for row in rows[1].splitlines()]


def test_the_schema_of_results_is_printed(tmp_path: Path) -> None:
    schema = json.loads(run_command("apitest schema --result", tmp_path))
    assert schema["$id"] == "urn:pytest-apitest:result:1"
