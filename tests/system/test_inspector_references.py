"""Descriptions of several files: what is said of each, and what is never read."""

import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pytest_apitest.openapi.inspector import Inspection, inspect
from pytest_apitest.openapi.inspector.reporting import as_text
from tests.golden_files import FOLDER, Golden

LINKED = FOLDER / "linked"
FOLDERS = sorted(folder for folder in LINKED.iterdir() if folder.is_dir())
HEAD = 'openapi: 3.1.0\ninfo: {title: t, version: "1"}\npaths: {}\n'
APITEST = [sys.executable, "-W", "error", "-m", "pytest_apitest.cli", "inspect"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_said_of_several_files(folder: Path, golden: Golden, tmp_path: Path) -> None:
    # A file of the repository must not stand where a reference leads out of the folder.
    copy = tmp_path / "api"
    shutil.copytree(folder, copy)
    found = inspect(copy / "api.yaml", "api.yaml", refs=True)
    said = as_text([found])
    assert "secret" not in said.replace("ada:secret@", "")
    golden.equal(folder.with_suffix(".txt"), said)
    again = inspect(copy / "api.yaml", "elsewhere/api.yaml", refs=True)
    assert as_text([again]).replace("elsewhere/", "") == said


def said(text: str, folder: Path, **given: bool) -> list[str]:
    """Return the messages about a description with these responses."""
    file = folder / "api.yaml"
    file.write_text(HEAD + text, encoding="utf-8")
    found = inspect(file, "api.yaml", **{"refs": True, **given})  # type: ignore[arg-type]
    return [one.message for one in found.findings if one.rule != "unused-component"]


def responses(*refs: str) -> str:
    lines = [f"    R{at}: {{$ref: {json.dumps(ref)}}}\n" for at, ref in enumerate(refs)]
    return "components:\n  responses:\n" + "".join(lines)


OUT = "leads out of the folder of the description, and is not read"


def test_a_link_out_of_the_folder_is_refused_whether_it_leads_to_something_or_not(tmp_path: Path) -> None:
    folder = tmp_path / "api"
    (folder / "in").mkdir(parents=True)
    (tmp_path / "outside.yaml").write_text("a: {description: secret}\n", encoding="utf-8")
    (folder / "in" / "fine.yaml").write_text("a: {description: fine}\n", encoding="utf-8")
    (folder / "there.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "gone.yaml").symlink_to(tmp_path / "nothing.yaml")
    (folder / "folder").symlink_to(tmp_path)
    (folder / "inside.yaml").symlink_to(folder / "in" / "fine.yaml")
    (folder / "device.yaml").symlink_to("/dev/zero")
    refs = ["there.yaml#/a", "gone.yaml#/a", "folder/outside.yaml#/a", "folder/nothing.yaml", "device.yaml"]
    assert said(responses(*refs, "inside.yaml#/a"), folder) == [f'"{ref}" {OUT}' for ref in refs]


def test_the_folder_itself_may_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "api").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "r.yaml").write_text("a: {description: fine}\n", encoding="utf-8")
    assert said(responses("r.yaml#/a"), tmp_path / "api") == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    began = time.monotonic()
    assert said(responses("pipe.yaml#/a"), tmp_path) == ['"pipe.yaml#/a" cannot be read: not a regular file']
    assert time.monotonic() - began < 5


def test_a_ring_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "b.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    (message,) = said(responses("a.yaml#/a"), tmp_path)
    assert message.startswith('"a.yaml#/a" cannot be read: ')


def test_at_most_a_hundred_files(tmp_path: Path) -> None:
    for at in range(120):
        (tmp_path / f"r{at}.yaml").write_text("a: {description: fine}\n", encoding="utf-8")
    found = said(responses(*(f"r{at}.yaml#/a" for at in range(120))), tmp_path)
    assert found == [
        f'"r{at}.yaml#/a" is not read: a description has at most 100 files' for at in range(99, 120)
    ]


def test_a_large_file_and_many_large_files(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"#" * ((16 << 20) + 1))
    text = b"a: {description: fine}\n" + (b"#" * 1023 + b"\n") * (15 << 10)
    for at in range(6):
        (tmp_path / f"r{at}.yaml").write_bytes(text)
    found = said(responses("large.yaml#/a", *(f"r{at}.yaml#/a" for at in range(6))), tmp_path)
    late = "is not read: the files together are larger than 64 MiB"
    assert found == [
        '"large.yaml#/a" cannot be read: larger than 16,777,216 bytes (16 MiB)',
        *(f'"r{at}.yaml#/a" {late}' for at in range(3, 6)),
    ]


def test_the_time_is_over(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("a: {description: fine}\n", encoding="utf-8")
    (tmp_path / "api.yaml").write_text(HEAD + responses("r.yaml#/a"), encoding="utf-8")
    found = inspect(tmp_path / "api.yaml", refs=True, seconds=0)
    assert '"r.yaml#/a" is not read: the time for all files together is over' in {
        one.message for one in found.findings
    }


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "a: " * 50 + "1"])
def test_a_file_that_is_too_deep(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    (message,) = said(responses("r.yaml#/a"), tmp_path)
    assert message.startswith('"r.yaml#/a" cannot be read: ')


def test_two_files_that_refer_to_each_other_ten_thousand_times(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        schemas = {
            f"S{at}": {"properties": {"next": {"$ref": f"{other}.json#/S{at}"}}} for at in range(10_000)
        }
        (tmp_path / f"{one}.json").write_text(json.dumps(schemas), encoding="utf-8")
    began = time.monotonic()
    text = "components: {schemas: {S: {$ref: a.json#/S1}}}\n"
    assert said(text, tmp_path) == []
    assert time.monotonic() - began < 10


def test_bytes_have_no_folder() -> None:
    found: Inspection = inspect((HEAD + responses("r.yaml#/a")).encode(), "api.yaml", refs=True)
    assert '"r.yaml#/a" leads to a file beside this description, which has no folder' in {
        one.message for one in found.findings
    }


def test_every_form_names_the_file_of_a_finding(tmp_path: Path) -> None:
    shutil.copytree(LINKED / "mistakes", tmp_path / "v1")

    def run(*words: str) -> str:
        done = subprocess.run([*APITEST, "v1/api.yaml", "--refs", *words], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)  # fmt: skip
        assert (done.returncode, done.stderr) == (1, "")
        return done.stdout

    found = json.loads(run("--format", "json"))["findings"]
    (one,) = (one for one in found if "sumary" in one["message"])
    assert one == {
        "rule": "unknown-field",
        "severity": "error",
        "message": 'unknown field "sumary" in an Operation Object; did you mean "summary"?',
        "file": "v1/parts/paths.yaml",
        "pointer": "/quote/get/sumary",
        "line": 3,
        "column": 5,
    }
    (one_run,) = json.loads(run("--format", "sarif"))["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in one_run["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {one["file"] for one in found}
    assert {
        "artifactLocation": {"uri": "v1/parts/paths.yaml"},
        "region": {"startLine": 3, "startColumn": 5, "endColumn": 11},
    } in places
    (case,) = ET.fromstring(run("--format", "junit")).findall(".//testcase[@name='unknown-field']/failure")
    assert f"v1/parts/paths.yaml:3:5: {one['message']}" in (case.text or "").splitlines()
    assert run().count("sumary: Read a quote\n") == 1


def test_rules_of_adr_look_at_operations_in_other_files(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(
        'openapi: 3.1.0\ninfo: {title: t, version: "1.0.0"}\npaths:\n  /quotes: {$ref: "paths.yaml#/quotes"}\n',
        encoding="utf-8",
    )
    (tmp_path / "paths.yaml").write_text(
        "quotes:\n  post:\n    summary: s\n    responses: {'204': {description: d}}\n", encoding="utf-8"
    )
    found = inspect(tmp_path / "api.yaml", "api.yaml", "adr", refs=True).findings
    assert (
        "paths.yaml:4:5: error: this operation takes input, and cannot answer 400 [nlgov:problem-invalid-input]"
        in {str(one) for one in found}
    )
