"""The first page shows what is so: its examples run, its screens are what is printed, its links lead somewhere."""

import json
import re
from pathlib import Path

import pytest

from pytest_apitest.openapi.inspector.rules import RULESETS
from tests.docs.pages import ROOT, Block, blocks_of, check_terminal
from tests.system.test_demo_scenarios import run_pytest

PAGE = ROOT / "README.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "console"], ids=str)
def test_terminal(block: Block, tmp_path: Path) -> None:
    check_terminal(block, BLOCKS, tmp_path)


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_first_command_leaves_what_is_said(tmp_path: Path) -> None:
    job = next(block for block in BLOCKS if block.language == "sh")
    words = job.text.partition(".venv/bin/pytest ")[2]
    assert words.strip() == '--apitest-scenario "Demo API" --apitest-report reports'

    done, _ = run_pytest(tmp_path, "--apitest-scenario", "Demo API", "--apitest-report", "reports")

    assert done.returncode == 0, done.stdout
    named = set(re.findall(r"`reports/([\w.]+)`", TEXT))
    assert named == {file.name for file in (tmp_path / "reports").iterdir()}
    result = json.loads((tmp_path / "reports" / "result.json").read_text(encoding="utf-8"))
    assert result["verdict"] == "Success"
    assert [case["title"] for case in result["cases"]] == ["Demo API"]


def test_the_number_of_rules_is_right() -> None:
    assert re.findall(r"inspector with (\d+) rules", TEXT) == [str(len(RULESETS["oas"]))]
