"""The page, the picture and the lines of coverage: complete, readable, and safe with whatever a description says."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from pytest_apitest.coverage import (
    DescriptionCoverage,
    OperationCoverage,
    ParameterCoverage,
    PropertyCoverage,
    StatusCoverage,
    Undocumented,
    minimum_of,
)
from pytest_apitest.outcome import RunOutcome
from pytest_apitest.reports import coverage_html
from pytest_apitest.reports.coverage_html import page_of
from pytest_apitest.reports.coverage_svg import MOST_COLUMNS, MOST_ROWS, picture_of
from pytest_apitest.reports.coverage_text import lines_of

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "]]>&amp;&lt;",
    "</title></svg><svg onload=x>",
    "a\x00\x1b[31m\x9b\u202e\ud800\ufffe\r\nb",
    "ﷺ" * 400,
    "w" * 5_000,
    "javascript:alert(1)",
)


def a_run(text: str, operations: int = 2, keys: tuple[str, ...] = ("200", "4XX", "default")) -> RunOutcome:
    """Return the outcome of a run whose description says the same text wherever it can say one."""
    listed = []
    for number in range(operations):
        statuses = [StatusCoverage(key) for key in keys]
        statuses[0].exercised = 12_345
        statuses[0].properties = [PropertyCoverage(f"$.{text}", True), PropertyCoverage("$.b")]
        statuses[1].exercised, statuses[1].violations = 3, 1
        operation = OperationCoverage(
            "GET", f"/{text}", text, 7 + number, 12_348, 1, statuses, [ParameterCoverage("query", text, True)]
        )
        operation.request = [PropertyCoverage(f"$.{text}")]
        listed.append(operation)
    listed.append(OperationCoverage("POST", "/never", "", 99, statuses=[StatusCoverage("201")]))
    undocumented = [Undocumented("path", text, text, 404, 2)]
    coverage = DescriptionCoverage(text, text, text, listed, undocumented, 3)
    run = RunOutcome([], "2026-01-02T03:04:05Z", coverage=[coverage, coverage])
    run.minimum = minimum_of("99", run.coverage)
    return run


class Page(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_description_stays_a_text_in_the_page(text: str) -> None:
    source = page_of(a_run(text))
    source.encode("utf-8")
    page, plain = Page(source), Page(page_of(a_run("plain")))
    assert page.open == []
    # The same elements with the same attributes, whatever the texts say.
    assert [(tag, sorted(attrs)) for tag, attrs in page.tags] == [
        (tag, sorted(attrs)) for tag, attrs in plain.tags
    ]
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"script", "img", "svg", "link", "iframe", "object", "base"}
    )
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", source)
    for _, attrs in page.tags:
        assert not any(name.startswith("on") for name in attrs)
        assert (attrs.get("href") or "#").startswith("#")
    assert "http" not in source.replace("http-equiv", "")
    assert max(len(line) for line in page.text.splitlines()) < 2_000


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_description_stays_a_text_in_the_picture(text: str) -> None:
    source = picture_of(a_run(text))
    root, plain = ET.fromstring(source.encode("utf-8")), ET.fromstring(picture_of(a_run("plain")))
    assert [one.tag for one in root.iter()] == [one.tag for one in plain.iter()]
    assert {one.tag.rpartition("}")[2] for one in root.iter()} == {"svg", "title", "g", "rect", "text"}
    assert root.get("role") == "img"
    title = root.find("{*}title")
    assert title is not None
    assert root.get("aria-label") == title.text
    assert str(title.text).startswith("Coverage: ")
    # Nothing stands outside of the picture, however long it is.
    assert int(str(root.get("width"))) < 2_000
    assert source.count("http") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_description_stays_a_text_on_the_terminal(text: str) -> None:
    lines = [line.text for line in lines_of(a_run(text))]
    assert len(lines) < 100
    for line in lines:
        assert len(line) <= 80, line
        line.encode("utf-8")
        assert line == "" or line.isprintable()


def test_the_page_names_its_parts_for_programs_that_read_aloud() -> None:
    source = page_of(a_run("plain"))
    page = Page(source)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        for name in ("href", "aria-labelledby"):
            if name in attrs:
                assert str(attrs[name]).removeprefix("#") in ids
    assert [attrs for tag, attrs in page.tags if tag == "html"] == [{"lang": "en"}]
    assert {attrs["scope"] for tag, attrs in page.tags if tag == "th"} == {"row", "col"}
    [first, *_] = [attrs for _, attrs in page.tags if attrs.get("role") == "region"]
    assert (first["tabindex"], first["aria-label"]) == ("0", "Operations and statuses of plain plain")
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(headings))
    assert "never seen" in page.text
    assert "12,345" in page.text
    assert "3 !" in page.text
    assert "coverage: only 66.6" not in page.text
    assert "coverage: only 57.1 %, wanted 99 %: 8 of 14 statuses of operations" in page.text
    assert "and 3 more exchanges" in page.text


def test_a_large_description_is_cut_in_the_picture_and_whole_in_the_page() -> None:
    keys = tuple(str(code) for code in range(200, 240))
    run = a_run("plain", MOST_ROWS + 20, keys)
    root = ET.fromstring(picture_of(run))
    texts = [one.text for one in root.iter() if one.tag.endswith("}text")]
    assert texts.count("GET /plain") == 2 * MOST_ROWS
    assert "… and 21 more operations" in texts
    assert texts.count("239") == 0
    assert texts.count(keys[MOST_COLUMNS - 1]) == 2
    assert page_of(run).count('<th scope="row">') == 2 * (MOST_ROWS + 21)
    assert max(int(str(one.get("y"))) for one in root.iter() if one.tag.endswith("}text")) < int(
        str(root.get("height"))
    )


def luminance(color: str) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    color = "#" + "".join(character * 2 for character in color[1:]) if len(color) == 4 else color
    parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_everything_can_be_read_in_light_and_dark() -> None:
    themes = [
        dict(re.findall(r"--([a-z-]+):(#[0-9a-f]+)", part))
        for part in re.findall(r":root\{([^}]*)\}", coverage_html._STYLE)
    ]
    assert len(themes) == 2
    for theme in themes:
        for ink, ground in (
            ("ink", "ground"), ("dim", "ground"), ("link", "ground"), ("none-ink", "none"),
        ):  # fmt: skip
            assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
        for ground in ("good", "bad"):
            assert contrast("#ffffff", theme[ground]) >= 4.5, ground
    root = ET.fromstring(picture_of(a_run("plain")))
    ground = "#ffffff"
    pairs = set()
    for one in root.iter():
        if one.tag.endswith("rect"):
            ground = str(one.get("fill"))
        elif one.tag.endswith("text"):
            # A text stands on the box that was drawn right before it, or on the ground of the picture.
            in_cell = one.get("text-anchor") == "middle" and not re.fullmatch(
                "[2-5](?:[0-9]{2}|XX)|default", str(one.text)
            )
            pairs.add((str(one.get("fill")), ground if in_cell else "#ffffff"))
    assert len(pairs) >= 5
    assert all(contrast(*pair) >= 4.5 for pair in pairs), pairs


def test_the_same_run_makes_the_same_files() -> None:
    assert page_of(a_run("x")) == page_of(a_run("x"))
    assert picture_of(a_run("x")) == picture_of(a_run("x"))


def test_every_operation_of_the_page_leads_to_its_part() -> None:
    bare = OperationCoverage("GET", "/bare", "", 1, statuses=[StatusCoverage("200")])
    full = OperationCoverage("GET", "/full", "", 2, parameters=[ParameterCoverage("query", "n", False, True)])
    source = page_of(RunOutcome([], coverage=[DescriptionCoverage("api.yaml", "A", "1", [bare, full])]))
    links = [str(attrs["href"]) for tag, attrs in Page(source).tags if tag == "a"]
    assert links == ["#o1-1", "#o1-2"]
    assert [attrs["id"] for tag, attrs in Page(source).tags if tag == "details"] == ["o1-1", "o1-2"]
    assert "no parameters, no properties</span>" in source
    assert "none described</span>" in source
    assert "0 of 0" not in source
    assert ">1 of 1 parameters</span>" in source
