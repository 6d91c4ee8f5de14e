"""The page about editors says what is so: the schema sees what it is said to see, and nothing else."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_apitest.extensions import Extensions
from pytest_apitest.language.editor_schema import editor_schema
from pytest_apitest.selection import documents_below, package_scenarios
from pytest_apitest.source.loading import load, read_file
from tests.authoring import as_editors_see
from tests.docs.pages import DOCS, Block, blocks_of, check_example, document_of, run_command, said_about
from tests.harness import bench_in

PAGE = DOCS / "editor.md"
BLOCKS = blocks_of(PAGE)
EXAMPLES = [block for block in BLOCKS if block.language == "yaml"]
SCHEMA = editor_schema(Extensions())


def complaints(text: str, folder: Path) -> list[str]:
    """Return what an editor marks in a document."""
    file = folder / "example.apitest.yaml"
    file.write_text(text, encoding="utf-8")
    return complaints_about(file)


def complaints_about(file: Path) -> list[str]:
    """Return what an editor marks in a file."""
    root, _ = load(read_file(file))
    return [f"{error.json_path} {error.message}" for error in _validator().iter_errors(as_editors_see(root))]


def _validator() -> Any:
    return jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_example(block: Block, tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        check_example(block, BLOCKS, bench)
    seen = complaints(document_of(block), tmp_path)
    assert bool(seen) is (block.heading == "What an editor sees")


def test_each_mistake_of_the_first_list_is_seen_alone(tmp_path: Path) -> None:
    block = next(block for block in EXAMPLES if block.heading == "What an editor sees")
    right = {
        ", POST: /health": "",
        "timeout: 5": "timeout: 5s",
        "expct": "expect",
        '"200"': "200",
        "lenght": "length",
    }
    for wrong in right:
        text = block.text
        for written, instead in right.items():
            assert written in text
            text = text if written == wrong else text.replace(written, instead)
        assert complaints(text, tmp_path), wrong
    for written, instead in right.items():
        block = Block(block.page, block.line, "yaml", (), block.text.replace(written, instead), "", 0)
    assert complaints(block.text, tmp_path) == []


def test_the_command_writes_the_schema(tmp_path: Path) -> None:
    assert run_command("apitest schema > apitest.schema.json", tmp_path) == ""
    written = json.loads((tmp_path / "apitest.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(written)
    assert written == json.loads(json.dumps(SCHEMA))


def test_the_comment_leads_to_the_schema() -> None:
    block = next(block for block in BLOCKS if block.name == "scenarios/first.apitest.yaml")
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", block.text)
    assert found is not None
    assert (Path("/project") / block.name).parent.joinpath(found[1]) == Path(
        "/project/scenarios/../apitest.schema.json"
    )


def test_the_settings_are_json_and_match_documents() -> None:
    settings = json.loads(next(block for block in BLOCKS if block.language == "json").text)
    (patterns,) = settings["yaml.schemas"].values()
    assert all(
        any(fnmatch(f"a{suffix}", pattern) for pattern in patterns)
        for suffix in (".apitest.yaml", ".apitest.yml")
    )
    assert set(settings["files.associations"]) == set(patterns)


@pytest.mark.parametrize(
    "file", documents_below(package_scenarios()), ids=lambda file: file.name.partition(".")[0]
)
def test_the_schema_takes_the_demo_scenarios(file: Path) -> None:
    assert complaints_about(file) == []


def test_the_schema_takes_the_examples_of_the_reference(tmp_path: Path) -> None:
    blocks = blocks_of(DOCS / "language.md")
    taken = 0
    for block in blocks:
        wanted = block.language == "yaml" and said_about(block, blocks) is None
        if wanted and not block.is_shown_by_terminal(blocks):
            assert complaints(document_of(block), tmp_path) == [], f"line {block.line}"
            taken += 1
    assert taken > 60
