"""The page about the inspector says what is so: its terminals run, every rule is in it with an example that it finds."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_apitest.openapi.inspector import inspect
from pytest_apitest.openapi.inspector.rules import RULESETS
from tests.docs.pages import DOCS, Block, blocks_of, check_terminal, documented, rows_of

PAGE = DOCS / "inspector.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)
CLEAN = next(block.text for block in BLOCKS if block.name == "clean.yaml")
ROWS = {
    (head[0].removeprefix("rule of "), row[0].strip("`")): row
    for head, *rows in rows_of(TEXT)
    if head[0].startswith("rule of ")
    for row in rows
}


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "console"], ids=str)
def test_terminal(block: Block, tmp_path: Path) -> None:
    check_terminal(block, BLOCKS, tmp_path)


def test_the_tables_are_the_rules() -> None:
    written = {key: (row[1], row[2]) for key, row in ROWS.items()}
    assert written == {
        (ruleset, rule.name): (rule.severity, rule.sentence)
        for ruleset, rules in RULESETS.items()
        for rule in rules.values()
    }


@pytest.mark.parametrize(("ruleset", "rule"), ROWS, ids=lambda value: value)
def test_an_example_is_found_by_its_rule(ruleset: str, rule: str) -> None:
    assert not inspect(CLEAN.encode(), "clean.yaml", ruleset).findings
    found = inspect(
        changed(re.findall("`([^`]+)`", ROWS[ruleset, rule][3])), "changed.yaml", ruleset
    ).findings
    assert rule in {one.rule for one in found}
    assert {one.severity for one in found if one.rule == rule} == {ROWS[ruleset, rule][1]}


def changed(changes: list[str]) -> bytes:
    """Return the clean description with changes made to it."""
    assert changes
    document: Any = yaml.safe_load(CLEAN)
    before = ""
    for change in changes:
        if not change.startswith("/"):
            before += f"{change}\n"
            continue
        pointer, _, value = change.partition(": ") if ": " in change else (change[:-1], "", "")
        *parts, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))
        target = document
        for part in parts:
            target = target.setdefault(part, {})
        if value:
            target[last] = yaml.safe_load(value)
        else:
            del target[last]
    return (before + yaml.safe_dump(document, sort_keys=False)).encode()


def test_options() -> None:
    from pytest_apitest.cli import main

    with pytest.raises(SystemExit):
        main(["inspect"])
    assert documented(TEXT)["option"] == {
        "--ruleset",
        "--format",
        "--fail-on",
        "--shield",
        "--refs",
        "--ref-origin",
    }
