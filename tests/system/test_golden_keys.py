"""Every key of every record, given what it does not take, and exactly what is said.

The keys are read off the declarations, so that a new one has no expected texts until they were looked at. The
expected texts of a record stand in `golden/keys`, a line for an input: `KEY: INPUT -> what is said`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_apitest.auth import SCHEMES
from pytest_apitest.language.records import Record
from tests.authoring import Author
from tests.golden_files import FOLDER, Golden
from tests.system.test_language_coverage import records

KEYS = FOLDER / "keys"
INPUTS = ("null", "true", "7", "some text", "''", "[]", "[7]", "{}", "{x: 1}")
FILES = {
    "part.yaml": "fragment: t\ninputs: {api: {required: true}}\nsteps: [{request: 'GET ${api}/a'}]\n",
    "data.json": "1\n",
    "client.pem": "a certificate\n",
    "api.yaml": "{openapi: 3.1.0, paths: {/a: {get: {operationId: getA}}}}\n",
}
HEAD = """\
scenario: t
endpoints: {api: http://localhost:8000}
requests: {known: GET /known}
expectations: {known: {status: 200}}
"""
STEP = f"{HEAD}steps:\n  - request: GET /a\n"
PART = {"use": "part.yaml", "with": "{api: '${api}'}", "once": "true"}
STEPS = "[{request: GET http://localhost/a}]"
CASES = f"[{{case: c, steps: {STEPS}}}]"


@dataclass(frozen=True)
class Place:
    """Where a record stands in a document, and what it has besides the key at hand.

    Args:
        around: the document; its last line ends where the record begins.
        bases: what stands beside a key: the first that has the key itself, else the first.

    """

    around: str
    bases: tuple[Mapping[str, str], ...]

    def document(self, record: Record, key: str, written: str, value: str) -> tuple[str, int]:
        """Return a document in which a key is written in some way and has some value, and its line."""
        base = next((one for one in self.bases if key in one), self.bases[0])
        excluded = {other for group in record.exclusive if key in group for other in group}
        excluded |= {other for pair in record.beside if key in pair[:2] for other in pair[:2]}
        entries = {name: given for name, given in base.items() if name == key or name not in excluded}
        entries[key] = value
        lines = [f"{written if name == key else name}: {given}" for name, given in entries.items()]
        indent = " " * (len(self.around) - self.around.rfind("\n") - 1)
        number = self.around.count("\n") + 1 + list(entries).index(key)
        return self.around + f"\n{indent}".join(lines) + "\n", number


PLACES = {
    "a scenario": Place(
        "",
        (
            {"scenario": "t", "endpoints": "{api: http://localhost:8000}", "steps": STEPS},
            *(
                {"scenario": "t", name: STEPS, "cases": CASES}
                for name in ("before_each", "after_each", "cases")
            ),
        ),
    ),
    "a contract": Place(
        "", ({"contract": "t", "rules": "[{id: A, rule: b, request: GET http://localhost/}]"},)
    ),
    "a fragment": Place("", ({"fragment": "t", "steps": STEPS},)),
    "a case": Place(f"{HEAD}cases:\n  - ", ({"case": "c", "steps": STEPS},)),
    "a rule": Place(
        f"{HEAD.replace('scenario', 'contract')}rules:\n  - ",
        (
            {"id": "A", "rule": "b", "request": "GET /a"},
            {"id": "A", "rule": "b", **PART},
            {"id": "A", "rule": "b", "steps": STEPS},
        ),
    ),
    "a step": Place(f"{HEAD}steps:\n  - ", ({"request": "GET /a"}, PART)),
    "a variable": Place(
        f"{STEP}variables:\n  v:\n    ", ({"default": "1"}, {"env": "X", "required": "true"})
    ),
    "a local variable": Place(
        f"{HEAD}cases:\n  - case: c\n    steps: {STEPS}\n    variables:\n      v:\n        ",
        ({"default": "1"},),
    ),
    "an input": Place(f"fragment: t\nsteps: {STEPS}\ninputs:\n  v:\n    ", ({"required": "true"},)),
    "an endpoint": Place(
        f"scenario: t\nsteps: {STEPS}\nendpoints:\n  e:\n    ",
        ({"url": "http://localhost"}, {"env": "X", "default": "http://localhost"}),
    ),
    "an openapi setting": Place(
        f"scenario: t\nsteps: {STEPS}\nendpoints:\n  e:\n    url: http://localhost\n    openapi:\n      ",
        ({"file": "api.yaml"},),
    ),
    "an expectation": Place(f"{STEP}    expect:\n      ", ({"status": "200"},)),
    "the checks of content_type": Place(f"{STEP}    expect:\n      content_type:\n        ", ({},)),
    "the checks of body": Place(f"{STEP}    expect:\n      body:\n        ", ({},)),
    "a request": Place(
        f"{HEAD.replace('http://localhost:8000', '{url: http://localhost:8000, openapi: api.yaml}')}"
        "steps:\n  - request:\n      ",
        (
            {"POST": "/a"},
            {"operation": "getA", "endpoint": "api"},
            {"method": "GET", "url": "/a"},
            {"like": "known"},
            {"POST": "/a", "json": "{b: 1}", "set": "{$.b: 2}", "remove": "[$.b]"},
            {"POST": "'/a/{x}'", "path": "{x: 1}"},
        ),
    ),
    "a part of multipart": Place(
        f"{HEAD}steps:\n  - request:\n      POST: /a\n      multipart:\n        part:\n          ",
        ({"text": "a"},),
    ),
    "a source of save": Place(f"{STEP}    save:\n      s:\n        ", ({"json": "$.a[*]"},)),
    "a client certificate": Place(f"{STEP}    cert:\n      ", ({"cert": "client.pem"},)),
    "a retry": Place(f"{STEP}    retry:\n      ", ({"times": "2"},)),
    "a cleanup": Place(f"{STEP}    cleanup:\n      ", ({"request": "DELETE /a", "auth": "none"},)),
}
RECORDS = {record.what: record for record in records()}


def said(author: Author, document: tuple[str, int]) -> str:
    """Return what is said of a document, in one line; where it is not of the key at hand, its line too."""
    text, line = document
    problems = author.problems(text)
    return " | ".join(
        problem.message if problem.place.line == line else f"(line {problem.place.line}) {problem.message}"
        for problem in problems
    )


def misspelt(key: str) -> Iterator[str]:
    """Yield a key with a letter dropped, and with two letters swapped."""
    middle = len(key) // 2
    yield key[:middle] + key[middle + 1 :]
    swapped = key[: middle - 1] + key[middle] + key[middle - 1] + key[middle + 1 :]
    if swapped != key:
        yield swapped


@pytest.fixture
def author(tmp_path: Path) -> Author:
    author = Author(tmp_path)
    author.write(FILES)
    return author


def test_every_record_has_its_place() -> None:
    assert set(PLACES) == set(RECORDS)


@pytest.mark.parametrize("what", PLACES)
def test_a_value_that_a_key_does_not_take(what: str, author: Author, golden: Golden) -> None:
    record, lines = RECORDS[what], []
    for key in record.by_name:
        for value in INPUTS:
            message = said(author, PLACES[what].document(record, key, key, value))
            lines.append(f"{key}: {value} -> {message or 'accepted'}\n")
        refused = [
            line for line in lines if line.startswith(f"{key}: ") and not line.endswith("> accepted\n")
        ]
        assert refused or RECORDS[what].by_name[key].name in ("json", "default"), f"{key} takes everything"
    golden.equal(KEYS / f"{re.sub('^(an?|the) ', '', what).replace(' ', '-')}.txt", "".join(lines))


@pytest.mark.parametrize("what", PLACES)
def test_a_key_without_a_value(what: str, author: Author) -> None:
    record = RECORDS[what]
    for key in record.by_name:
        text, line = PLACES[what].document(record, key, key, "")
        first, *others = author.problems(text)
        assert (first.place.line, first.message) == (
            line,
            f'nothing after "{key}:"; write null if null is meant',
        )
        assert not others, (key, others)


@pytest.mark.parametrize("what", PLACES)
def test_a_misspelt_key(what: str, author: Author) -> None:
    """The key that is meant is named, and nobody says that it is missing."""
    record = RECORDS[what]
    for key in record.by_name:
        right, _ = PLACES[what].document(record, key, key, "1")
        value = next(
            (line.partition(": ")[2] for line in right.splitlines() if line.strip() == f"{key}: 1"), "1"
        )
        for wrong in misspelt(key):
            if wrong in record.by_name or wrong in record.slips or wrong in record.elsewhere:
                continue
            message = said(author, PLACES[what].document(record, key, wrong, value))
            assert message.endswith(f'did you mean "{key}"?'), wrong
            assert " | " not in message, wrong


SCHEME_SETTINGS = [
    (name, setting) for name in SCHEMES if SCHEMES[name].settings for setting in SCHEMES[name].settings or ()
]


@pytest.mark.parametrize("name", SCHEMES)
def test_a_setting_of_a_scheme(name: str, author: Author, golden: Golden) -> None:
    scheme, lines = SCHEMES[name], []
    given = {
        "username": "ada", "password": "abcd", "client_id": "ci", "secret": "abcdefgh", "client_secret": "abcd",
        "token_url": "https://login.example",
    }  # fmt: skip
    fields = scheme.settings or {}
    wanted = {field: given[field] for field in fields if fields[field].required}
    for setting in fields or ("",):
        for value in INPUTS:
            entries = {**wanted, setting: value}
            written = (
                "{" + ", ".join(f"{one}: {two}" for one, two in entries.items()) + "}" if setting else value
            )
            line = STEP.count("\n") + 1
            message = said(author, (f"{STEP}    auth: {{{name}: {written}}}\n", line))
            lines.append(f"{setting or name}: {value} -> {message or 'accepted'}\n")
    golden.equal(KEYS / f"auth-{name}.txt", "".join(lines))
