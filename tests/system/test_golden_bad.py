"""Every bad document and exactly what is said of it.

A file `bad/NAME.yaml` is a document; a folder `bad/NAME` holds a document `doc.yaml` and the files that it names.
What is said of it stands in `bad/NAME.txt`.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from pytest_apitest.source import loading
from tests.authoring import report
from tests.golden_files import FOLDER, Golden

BAD = FOLDER / "bad"
DOCUMENTS = sorted([*BAD.glob("*.yaml"), *BAD.glob("*/doc.yaml")])
NAMES = [file.parent.name if file.name == "doc.yaml" else file.stem for file in DOCUMENTS]


@pytest.mark.parametrize("file", DOCUMENTS, ids=NAMES)
def test_what_is_said_of_a_bad_document(file: Path, tmp_path: Path, golden: Golden) -> None:
    folder = tmp_path.resolve() / "documents"
    if file.name == "doc.yaml":
        shutil.copytree(file.parent, folder)
    else:
        folder.mkdir()
        shutil.copy(file, folder)
    said = report(folder, file.name)
    assert said, f"nothing is said of {file}"
    places = re.findall(r"(?m)^\S+:\d+:\d+(?=: )", said)
    assert len(places) == len(set(places)), "one mistake is said twice"
    assert not re.search("(?m)^\\S.*(NoneType|Traceback|Error\\b|<class|object at)", said), (
        "Python's own words"
    )
    golden.equal((file.parent if file.name == "doc.yaml" else file).with_suffix(".txt"), said)


@pytest.mark.parametrize("file", sorted(BAD.glob("yaml-*.yaml")), ids=lambda file: file.stem)
def test_the_same_is_said_without_libyaml(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_Loader", yaml.SafeLoader)
    (tmp_path / "documents").mkdir()
    shutil.copy(file, tmp_path / "documents")
    said = report((tmp_path / "documents").resolve(), file.name)
    assert said == file.with_suffix(".txt").read_text(encoding="utf-8")


def test_every_expected_text_belongs_to_a_document() -> None:
    assert {file.stem for file in BAD.glob("*.txt")} - {"schema", "unreadable"} == set(NAMES)


# What cannot be kept as a file of the repository, or not well: name, and what is on the disk under it.
UNREADABLE: dict[str, bytes | None] = {
    "missing": None,
    "utf-16-le-with-mark": "\ufeffscenario: t\n".encode("utf-16-le"),
    "utf-16-be-with-mark": "\ufeffscenario: t\n".encode("utf-16-be"),
    "utf-16-without-mark": "scenario: t\n".encode("utf-16-le"),
    "utf-32": "scenario: t\n".encode("utf-32"),
    "latin-1-on-the-second-line": "scenario: t\ndescription: caf\xe9\n".encode("latin-1"),
    "picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "archive": b"PK\x03\x04\x14\x00\x00\x00",
    "nul": b"scenario: a\x00b\n",
    "half-a-surrogate": b"scenario: \xed\xa0\x80\n",
    "cut-in-a-character": b"scenario: caf\xc3",
    "mark-in-the-middle": "scenario: t\n\ufeffsteps: []\n".encode(),
    "delete-character": b"scenario: a\x7f\n",
    "next-line-character": "scenario: a\x85b\n".encode(),
    "no-byte": b"",
    "only-a-mark": b"\xef\xbb\xbf",
    "only-blanks": b"  \n\n",
    "only-a-sign": b"---\n",
    "two-documents": b"scenario: t\nsteps: [{request: GET http://localhost/}]\n---\nscenario: u\n",
    "too-large": b"scenario: t\n" + b"#" * 1024 * 1024,
    "deep-brackets": b"scenario: " + b"[" * 100_000,
    "deep-braces": b"scenario: " + b"{a: " * 100_000,
}


def test_what_is_said_of_a_file_that_cannot_be_read(tmp_path: Path, golden: Golden) -> None:
    folder = tmp_path.resolve()
    for name, content in UNREADABLE.items():
        if content is not None:
            (folder / f"{name}.yaml").write_bytes(content)
    (folder / "folder.yaml").mkdir()
    os.mkfifo(folder / "pipe.yaml")
    (folder / "broken-link.yaml").symlink_to("nowhere.yaml")
    (folder / "ring.yaml").symlink_to("ring.yaml")
    names = (*UNREADABLE, "folder", "pipe", "broken-link", "ring")
    golden.equal(BAD / "unreadable.txt", "".join(report(folder, f"{name}.yaml") for name in names))


def test_what_is_said_of_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path.resolve() / "closed.yaml"
    file.write_text("scenario: t\n")
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user may read everything")
    assert report(file.parent, file.name) == "closed.yaml:1:1: cannot be read: permission denied\n"
