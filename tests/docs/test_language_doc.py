"""The reference of the language says what is so: its examples run, its tables are complete, its links lead somewhere."""

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_apitest import jsonvalue
from pytest_apitest.auth import SCHEMES
from pytest_apitest.checks.evaluation import Look, evaluate
from pytest_apitest.checks.operators import OPERATORS
from pytest_apitest.engine.scope import RunScope
from pytest_apitest.extensions import Extensions
from pytest_apitest.formats import FORMATS
from pytest_apitest.functions import FILTERS, FUNCTIONS
from pytest_apitest.language import Library
from pytest_apitest.language.settings import SETTING_KEYS
from tests.docs.pages import (
    DOCS,
    Block,
    blocks_of,
    check_example,
    check_terminal,
    document_of,
    documented,
    prose,
    rows_of,
    said_about,
    write_files,
)
from tests.harness import bench_in
from tests.system.test_language_coverage import declared, noting, records

PAGE = DOCS / "language.md"
BLOCKS = blocks_of(PAGE)
EXAMPLES = [block for block in BLOCKS if block.language == "yaml"]
CONSOLES = [block for block in BLOCKS if block.language == "console"]
SETTINGS = (*SETTING_KEYS, "openapi")


# -- examples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "block", [block for block in EXAMPLES if not block.is_shown_by_terminal(BLOCKS)], ids=str
)
def test_example(block: Block, tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        check_example(block, BLOCKS, bench)


@pytest.mark.parametrize("block", CONSOLES, ids=str)
def test_terminal(block: Block, tmp_path: Path) -> None:
    check_terminal(block, BLOCKS, tmp_path)


def test_whole_documents_pass_under_pytest(tmp_path: Path) -> None:
    write_files(tmp_path, BLOCKS[-1], [block for block in BLOCKS if block.language != "yaml"])
    wanted = 0
    for block in EXAMPLES:
        if not block.part and not block.name and said_about(block, BLOCKS) is None:
            (tmp_path / f"line-{block.line}.apitest.yaml").write_text(block.text, encoding="utf-8")
            wanted += 1
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert wanted >= 3
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("status: 201", "status: 202"),
        ('expected "1" (text), got 1 (number)', 'expected "1", got 1'),
        ("{exists: true}, or {equals: {}}", "{exists: true} or {equals: {}}"),
    ],
)
def test_a_wrong_example_is_noticed(tmp_path: Path, written: str, instead: str) -> None:
    page = tmp_path / "language.md"
    text = PAGE.read_text(encoding="utf-8")
    assert written in text
    page.write_text(text.replace(written, instead), encoding="utf-8")
    blocks = blocks_of(page)
    changed = next(one for one, before in zip(blocks, BLOCKS, strict=True) if one.text != before.text)
    block = changed if changed.language == "yaml" else blocks[changed.index - 1]
    folder = tmp_path / "examples"
    folder.mkdir()
    with bench_in(folder) as bench, pytest.raises(AssertionError):
        check_example(block, blocks, bench)


# -- tables ---------------------------------------------------------------------------------------------


def known_words() -> dict[str, set[str]]:
    """Return the names that the language declares, by the head of the column they have to stand in."""
    words = {
        f"key of {record.what.removeprefix('the checks of ')}": set(record.by_name) for record in records()
    }
    words |= {
        f"setting of {name}": set(SCHEMES[name].settings or ()) for name in SCHEMES if SCHEMES[name].settings
    }
    return words | {
        "operator": set(OPERATORS),
        "function": set(FUNCTIONS),
        "filter": set(FILTERS),
        "scheme": set(SCHEMES),
        "setting": set(SETTINGS),
        "format": set(FORMATS),
    }


def gaps(text: str) -> list[str]:
    """Return what the tables of a page lack, and what they name that does not exist."""
    found = documented(text)
    out = []
    for head, words in known_words().items():
        out += [f"{head}: {word} is missing" for word in sorted(words - found.get(head, set()))]
        out += [f"{head}: there is no {word}" for word in sorted(found.get(head, set()) - words)]
    heads = [
        head for head in found if head.startswith(("key of", "setting of")) and head not in known_words()
    ]
    return out + [f"{head}: there is no such thing" for head in heads]


def test_every_word_has_a_row_and_every_row_a_word() -> None:
    assert gaps(PAGE.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("written", "instead", "gap"),
    [
        ("| `report` | labels", "| labels", "key of a step: report is missing"),
        ("| `sorted` | `asc", "| `ordered` | `asc", "operator: sorted is missing"),
        ("| `trim` |", "| `strip` |", "filter: there is no strip"),
        ("| `oauth2` |", "| `oauth` |", "scheme: oauth2 is missing"),
        ("| key of a retry |", "| key of poll |", "key of poll: there is no such thing"),
    ],
)
def test_a_gap_is_noticed(written: str, instead: str, gap: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert written in text
    assert gap in gaps(text.replace(written, instead))


def sections(text: str) -> dict[str, list[str]]:
    """Return the headings of the third level by the one of the second level above them."""
    found: dict[str, list[str]] = {}
    above = ""
    for line in prose(text):
        if match := re.match(r"(##|###) (.*)", line):
            above = match[2] if match[1] == "##" else above
            found.setdefault(above, []).extend([match[2]] if match[1] == "###" else [])
    return found


def test_operators_and_settings_have_headings() -> None:
    headings = sections(PAGE.read_text(encoding="utf-8"))
    operators = [name for heading in headings["Operators"] for name in re.split(", | and ", heading)]
    assert sorted(operators) == sorted(OPERATORS)
    assert headings["Settings"] == list(SETTINGS)
    parts = next(record for record in records() if record.what == "an expectation").by_name
    assert set(parts) - {"like"} <= set(headings["Checks"])


def test_every_word_has_an_example(tmp_path: Path) -> None:
    with noting() as used, bench_in(tmp_path) as bench:
        for block in EXAMPLES:
            write_files(tmp_path, block, BLOCKS)
            bench.write(document_of(block), "example.apitest.yaml")
            library = Library(Extensions(), [tmp_path], tmp_path, lambda spec, _: spec)
            library.fragment(tmp_path / "example.apitest.yaml", ())

    # The keys of a contract, a rule or a clean-up are often those of other records; one example is enough.
    def word(one: str) -> str:
        return re.sub("^(an?) [a-z _]+: |^[a-z_]+: ", "key ", one)

    missing = {word(one) for one in declared()} - {word(one) for one in used}
    missing = {one for one in missing if "'utf-16'" not in one}  # the demo scenarios send all encodings
    assert not missing, "no example has\n" + "\n".join(sorted(missing))


def test_the_table_of_operators_and_values_is_right(tmp_path: Path) -> None:
    table = next(rows for rows in rows_of(PAGE.read_text(encoding="utf-8")) if rows[0][0] == "check")
    values = [jsonvalue.loads(cell.strip("`").encode()) for cell in table[0][1:]]
    assert len(values) == 12
    checked = set()
    with bench_in(tmp_path) as bench:
        for row in table[1:]:
            written = row[0].strip("`")
            text = document_of(Block(PAGE, 1, "yaml", ("json",), f"$: {written}\n", "", 0))
            document = bench.load(text)
            expectation = document.cases[0].steps[-1].expect
            assert expectation is not None
            check = expectation.json[0][1]
            checked |= {use.operator.name for use in check.uses}
            look = Look(RunScope({}, bench.redactor, random.Random()))
            for value, cell in zip(values, row[1:], strict=True):
                found = evaluate(check, value, look)
                told = "P" if not found else "f" if all(one.miss.applies for one in found) else "x"
                assert told == cell, f"{written} on {jsonvalue.dumps(value)}: {told}"
    assert checked == set(OPERATORS)


# -- prose ----------------------------------------------------------------------------------------------


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that readers of Markdown make of the headings of a page."""
    headings = [
        match[1] for line in prose(page.read_text(encoding="utf-8")) if (match := re.match("#+ (.*)", line))
    ]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = "\n".join(prose(page.read_text(encoding="utf-8")))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if file.startswith("http"):
            continue
        there = page.parent / file if file else page
        assert there.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors_of(there), f"{page.name}: {target}"


@pytest.mark.parametrize("name", ["language.md", "cli.md", "editor.md"])
def test_lines_are_short(name: str) -> None:
    lines = prose((DOCS / name).read_text(encoding="utf-8"))
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []
    for block in blocks_of(DOCS / name):
        if block.language in ("yaml", "python", "json", "sh"):
            assert [line for line in block.text.splitlines() if len(line) > 120] == [], f"line {block.line}"


def test_blocks_are_of_known_kinds() -> None:
    kinds = {"yaml", "yml", "text", "console", "sh", "json", "csv", "python", "pem"}
    assert {block.language for block in BLOCKS} <= kinds
    for block in EXAMPLES:
        known = [block.part, block.name, "checked"]
        assert [word for word in block.words if word not in known] == [], f"line {block.line}"
    assert len(EXAMPLES) > 150
    assert len(CONSOLES) >= 8
