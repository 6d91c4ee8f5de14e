"""The JSON Schema for editors: the file that comes with the package is current, and it sees what it can see."""

import json
from pathlib import Path

import jsonschema
import pytest

import pytest_apitest
from pytest_apitest.errors import ProblemsError
from pytest_apitest.extensions import Extensions
from pytest_apitest.language.editor_schema import editor_schema
from pytest_apitest.selection import documents_below
from pytest_apitest.source.loading import load, read_file
from tests.authoring import Author, as_editors_see
from tests.golden_files import Golden
from tests.system.test_golden_bad import BAD, DOCUMENTS, NAMES
from tests.system.test_golden_keys import FILES, INPUTS, PLACES, RECORDS, said

SHIPPED = Path(pytest_apitest.__file__).with_name("apitest.schema.json")
SCHEMA = editor_schema(Extensions())
ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def verdict(file: Path) -> str:
    """Return whether an editor with the schema marks a document."""
    try:
        root, _ = load(read_file(file))
    except ProblemsError:
        return "not read"
    return "accepted" if VALIDATOR.is_valid(as_editors_see(root)) else "refused"


def test_the_schema_is_valid_and_the_file_current(golden: Golden) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    golden.equal(SHIPPED, json.dumps(SCHEMA, indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("file", documents_below(ROOT / "scenarios"), ids=lambda file: file.name)
def test_a_document_that_runs_is_accepted(file: Path) -> None:
    assert verdict(file) == "accepted"


# What is said of names, files and lengths that a schema does not know.
ONLY_THE_READER = (
    " is not defined; ",
    "no operation ",
    "no file some text ",
    " cannot be masked; ",
    "the input ",
)


@pytest.mark.parametrize("what", PLACES)
def test_the_schema_and_the_reader_agree(what: str, tmp_path: Path) -> None:
    """Each key of each record, with values of every type, is refused by both or by none."""
    author = Author(tmp_path)
    author.write(FILES)
    for key in RECORDS[what].by_name:
        for value in INPUTS:
            text, line = PLACES[what].document(RECORDS[what], key, key, value)
            message = said(author, (text, line))
            seen = verdict(tmp_path / "doc.yaml")
            agreed = (
                "refused" if message and not any(one in message for one in ONLY_THE_READER) else "accepted"
            )
            assert seen == agreed, f"{key}: {value}: {message}"


def test_what_the_schema_sees_of_the_bad_documents(golden: Golden) -> None:
    lines = [f"{name}: {verdict(file)}\n" for name, file in sorted(zip(NAMES, DOCUMENTS, strict=True))]
    golden.equal(BAD / "schema.txt", "".join(lines))
