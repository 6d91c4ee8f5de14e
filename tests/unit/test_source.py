"""YAML to nodes: where they stand, what plain scalars mean, what is refused and within which bounds."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_apitest.errors import Place, Problem, ProblemsError
from pytest_apitest.jsonvalue import Number
from pytest_apitest.source import (
    MAX_DEPTH,
    MAX_NUMBER,
    MAX_SIZE,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Source,
    load,
    loading,
    read_file,
)
from pytest_apitest.source.slips import NO_ALIASES, NO_DIRECTIVES, ONE_DOCUMENT

DOUBTFUL = "looks like a number to some readers: quote it, or write a JSON number"


@pytest.fixture(params=["libyaml", "python"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use both readers of PyYAML: which one there is depends on how it was built."""
    chosen = yaml.SafeLoader if request.param == "python" else yaml.CSafeLoader
    monkeypatch.setattr(loading, "_Loader", chosen)


def tree(text: str) -> Mapping:
    root, problems = load(Source(Path("/doc.yaml"), "doc.yaml", text))
    assert problems == []
    return root


def problems(text: str) -> list[str]:
    try:
        _, found = load(Source(Path("/doc.yaml"), "doc.yaml", text))
    except ProblemsError as error:
        found = list(error.problems)
    return [f"{one.place.line}:{one.place.column}: {one.message}" for one in found]


def written(folder: Path, content: bytes) -> Source:
    file = folder / "doc.yaml"
    file.write_bytes(content)
    return read_file(file, "doc.yaml")


def unreadable(folder: Path, content: bytes) -> Problem:
    with pytest.raises(ProblemsError) as caught:
        written(folder, content)
    (problem,) = caught.value.problems
    return problem


def places(node: Node, name: str = "") -> dict[str, tuple[int, int, int]]:
    """Return line, column and width of every node below another, by its path."""
    found = {name: (node.line, node.column, node.width)}
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            found |= places(item, f"{name}[{index}]")
    if isinstance(node, Mapping):
        for key, (key_node, value) in node.entries.items():
            found[f"{name}.{key}:"] = (key_node.line, key_node.column, key_node.width)
            found |= places(value, f"{name}.{key}")
    return found


# -- places ---------------------------------------------------------------------------------------------

BLOCK = """\
# a comment
first: one
  # another
second:
  - two words
  - third: 'it''s'
    "fourth": "a\\tb"
  -
    fifth: |
      text
  - [x, {y: z}]
ключ: значение # behind
"""


@pytest.mark.usefixtures("reader")
def test_places_in_block_style() -> None:
    assert places(tree(BLOCK)) == {
        "": (2, 1, 1),
        ".first:": (2, 1, 5), ".first": (2, 8, 3),
        ".second:": (4, 1, 6), ".second": (5, 3, 1),
        ".second[0]": (5, 5, 9),
        ".second[1]": (6, 5, 1),
        ".second[1].third:": (6, 5, 5), ".second[1].third": (6, 12, 7),
        ".second[1].fourth:": (7, 5, 8), ".second[1].fourth": (7, 15, 6),
        ".second[2]": (9, 5, 1),
        ".second[2].fifth:": (9, 5, 5), ".second[2].fifth": (9, 12, 1),
        ".second[3]": (11, 5, 1),
        ".second[3][0]": (11, 6, 1),
        ".second[3][1]": (11, 9, 1),
        ".second[3][1].y:": (11, 10, 1), ".second[3][1].y": (11, 13, 1),
        ".ключ:": (12, 1, 4), ".ключ": (12, 7, 8),
    }  # fmt: skip


@pytest.mark.usefixtures("reader")
def test_places_in_flow_style() -> None:
    assert places(tree('{a: [1, "two", {b: null}],\n  c: {}, "d": \'e\', f: 😀 g, h: i}')) == {
        "": (1, 1, 1),
        ".a:": (1, 2, 1), ".a": (1, 5, 1),
        ".a[0]": (1, 6, 1), ".a[1]": (1, 9, 5), ".a[2]": (1, 16, 1),
        ".a[2].b:": (1, 17, 1), ".a[2].b": (1, 20, 4),
        ".c:": (2, 3, 1), ".c": (2, 6, 1),
        ".d:": (2, 10, 3), ".d": (2, 15, 3),
        ".f:": (2, 20, 1), ".f": (2, 23, 3),
        ".h:": (2, 28, 1), ".h": (2, 31, 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"a: 1\nb:\n  c: x\n",
        b"a: 1\r\nb:\r\n  c: x\r\n",
        b"a: 1\rb:\r  c: x\r",
        b"\xef\xbb\xbfa: 1\nb:\n  c: x",
    ],
)
def test_line_ends_and_a_byte_order_mark_move_nothing(content: bytes, tmp_path: Path) -> None:
    source = written(tmp_path, content)
    root, _ = load(source)
    assert places(root)[".b.c"] == (3, 6, 1)
    assert places(root)[".a:"] == (1, 1, 1)
    assert "\r" not in source.text
    assert "\ufeff" not in source.text


def test_a_text_on_several_lines_has_line_feeds(tmp_path: Path) -> None:
    root, _ = load(written(tmp_path, b"a: |\r\n  one\r\n  two\r\n"))
    assert value_of(root, "a") == "one\ntwo\n"


# -- values ---------------------------------------------------------------------------------------------


def value_of(root: Mapping, key: str) -> Any:
    node = root.get(key)
    assert isinstance(node, Scalar)
    return node.value


@pytest.mark.parametrize("style", ["a: {}", "a: [{}]", "{{a: {}}}"], ids=["block", "list", "braces"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, None) for word in ("null", "Null", "NULL", "~")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((word, word) for word in ("no", "No", "on", "ON", "yes", "y", "n", "off", "tRUE", "nULL", "none", "None")),
        *((word, word) for word in ("22:22", "1:30:15", "2024-01-01", "2024-01-01T10:00:00Z", "1_000")),
        *((word, word) for word in ("--1", "1e", "e3", "1.2.3", "10.0.0.1", "0b11", "1 2", "12a", "Infinity", "NaN")),
        ("0", 0), ("-0", 0), ("7", 7), ("-12", -12), ("12345678901234567890123", 12345678901234567890123),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_of_the_core_types(text: str, value: Any, style: str) -> None:
    node = tree(style.format(text)).get("a")
    scalar = node.items[0] if isinstance(node, Sequence) else node
    assert isinstance(scalar, Scalar)
    assert (scalar.value, type(scalar.value)) == (value, type(value))
    assert not scalar.doubtful


@pytest.mark.parametrize(
    "text", ["1.10", "1e3", "-1E-3", "0.0", "-0.0", "1e400", "0.1", "123456789012345678901.5"]
)
def test_a_decimal_number_is_exact_and_keeps_its_digits(text: str) -> None:
    value = value_of(tree(f"a: {text}"), "a")
    assert isinstance(value, Number)
    assert Decimal(value) == Decimal(text)
    assert str(value) == text


@pytest.mark.parametrize(
    "text",
    ["01234", "00", "-01", "007.5", "+1", "+31612345678", "+1.5", "0x1F", "0xff", "0o17", "0o7", "-0x1",
     ".5", "-.5", "+.5", "5.", "-5.", "1.e3", ".5e3", ".inf", "-.inf", "+.INF", ".nan", ".NaN"],
)  # fmt: skip
def test_what_other_readers_take_for_a_number_is_doubtful(text: str) -> None:
    for quoted in (f"'{text}'", f'"{text}"'):
        node = tree(f"a: {quoted}").get("a")
        assert isinstance(node, Scalar)
        assert (node.value, node.doubtful) == (text, False)
    node = tree(f"a: {text}").get("a")
    assert isinstance(node, Scalar)
    assert (node.value, node.doubtful) == (text, True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'true'", "true"), ('"null"', "null"), ("'1'", "1"), ("''", ""), ('""', ""),
        ("'it''s'", "it's"), ('"a\\nb\\t\\u00e9\\""', 'a\nb\té"'), ("'a\\nb'", "a\\nb"),
        ("|\n  1\n", "1\n"), ("|-\n  true", "true"), (">\n  a\n  b\n", "a b\n"), ("|\n   a\n    b\n", "a\n b\n"),
        ("a\n  b", "a b"), ("a # b", "a"), ("a#b", "a#b"), ("a:b", "a:b"), ("${x}/y", "${x}/y"), ("- a", None),
    ],
)  # fmt: skip
def test_quotes_and_blocks_make_text(text: str, value: str | None) -> None:
    if value is None:
        assert problems(f"a: {text}") == ["1:4: a list begins on a line of its own"]
    else:
        assert value_of(tree(f"a: {text}"), "a") == value


@pytest.mark.parametrize(
    "key",
    [
        "$.a[?@.b == 'x']",
        "$['x','y']",
        "$.a[1:2]",
        "$.a[*]",
        "$..b",
        "${x}",
        "a b",
        "1",
        "true",
        "~",
        "$",
        "'<<'",
    ],
)
def test_a_key_is_its_written_text(key: str) -> None:
    assert list(tree(f"{key}: 1").entries) == [key.strip("'")]


@pytest.mark.usefixtures("reader")
def test_what_is_accepted_unquoted_in_block_style() -> None:
    root = tree(
        "a: ${x}/y\nb:\n  - ${x}\n  - $.items[0].id\nc: GET /a?b={c}&d=[e]\nd: */*x".replace("*/*x", "x*/*")
    )
    assert [value_of(root, key) for key in "acd"] == ["${x}/y", "GET /a?b={c}&d=[e]", "x*/*"]


# -- refused --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: 2\na: 3\n", ['3:1: key "a" twice, first at line 1']),
        ("a:\n  b: 1\n  'b': 2\n  \"b\": 3\n", ['3:3: key "b" twice, first at line 2', '4:3: key "b" twice, first at line 2']),
        ("{1: a, '1': b}", ['1:8: key "1" twice, first at line 1']),
        ("a: {true: 1}\nb: {True: 1, true: 2}\n", []),
        ("a: &x 1", [f"1:4: {NO_ALIASES}"]),
        ("a: &x [1]", [f"1:4: {NO_ALIASES}"]),
        ("&x a: 1", [f"1:1: {NO_ALIASES}"]),
        ("a: *x", [f"1:4: {NO_ALIASES}"]),
        ("a: [*x, b]", [f"1:5: {NO_ALIASES}"]),
        ("a:\n  <<: {b: 1}\n", [f"2:3: {NO_ALIASES}"]),
        ("a:\n  <<: *x\n", [f"2:3: {NO_ALIASES}"]),
        ("a: !!str 1", [f"1:4: {NO_ALIASES}"]),
        ("a: !x {b: 1}", [f"1:4: {NO_ALIASES}"]),
        ("a: ! b", [f"1:4: {NO_ALIASES}"]),
        ("%YAML 1.2\n---\na: 1\n", [f"1:1: {NO_DIRECTIVES}"]),
        ("a: 1\n---\nb: 2\n", [f"2:1: {ONE_DOCUMENT}"]),
        ("---\na: 1\n...\n", []),
        ("a:\n", ['1:1: nothing after "a:"; write null if null is meant']),
        ("a:\n  -\n  - b\n", ['2:3: nothing after "-"; write null if null is meant']),
        ("a:\n\t- b\n", ["2:1: tab used to indent; use spaces"]),
        ("a:\n  b: 1\n\tc: 2\n", ["3:1: tab used to indent; use spaces"]),
        ("- a\n", ["1:1: expected a mapping that begins with scenario, contract, fragment or session_type"]),
        ("", ["1:1: expected a mapping that begins with scenario, contract, fragment or session_type"]),
    ],
)  # fmt: skip
def test_what_is_said_of_a_slip(text: str, found: list[str]) -> None:
    assert problems(text) == found


def test_a_tab_may_stand_between_words() -> None:
    assert list(tree("a:\tb\nc: d\t# e\n").entries) == ["a", "c"]


@pytest.mark.usefixtures("reader")
def test_after_a_syntax_error_only_that_is_said() -> None:
    assert problems("a: 1\na: 2\nb: [\n") == ['3:4: this "[" is not closed']


# -- bounds ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_depth_is_bounded(opening: str, closing: str) -> None:
    head = "a:\n " if opening == "- " else "a: "
    inside = MAX_DEPTH - 1

    def nested(depth: int) -> str:
        return head + opening * depth + "b" + closing * depth + "\n"

    assert problems(nested(inside)) == []
    (problem,) = problems(nested(inside + 1))
    assert problem.endswith(f": nested deeper than {MAX_DEPTH}")
    assert problem.startswith("2:" if opening == "- " else "1:")


def test_a_very_deep_file_is_refused_at_once() -> None:
    (problem,) = problems("a: " + "[" * 500_000)
    assert problem.endswith(f"nested deeper than {MAX_DEPTH}")


@pytest.mark.parametrize("sign", ["", "-"])
def test_the_length_of_a_number_is_bounded(sign: str) -> None:
    longest = sign + "9" * (MAX_NUMBER - len(sign))
    assert value_of(tree(f"a: {longest}"), "a") == int(longest)
    (problem,) = problems(f"a: {longest}99")
    assert problem.endswith("digits; at most 100: quote it if it is a text")
    assert problems(f"a: '{longest}99'") == []


def test_the_size_of_a_file_is_bounded(tmp_path: Path) -> None:
    head = b"a: 1\n#"
    assert written(tmp_path, head + b"x" * (MAX_SIZE - len(head))).text.startswith("a: 1\n")
    problem = unreadable(tmp_path, head + b"x" * (MAX_SIZE - len(head) + 1))
    assert problem.message == "1,048,577 bytes; a document has at most 1,048,576 (1 MiB)"


@pytest.mark.parametrize(
    ("content", "line", "column", "beginning"),
    [
        (b"a: \xff\n", 1, 4, "not UTF-8: byte 3 (0xff)"),
        ("é: 1\n".encode() + b"b: \xe9", 2, 4, "not UTF-8: byte 9 (0xe9)"),
        (b"\xef\xbb\xbfa: \xe9", 1, 4, "not UTF-8: byte 6 (0xe9)"),
        (b"a: 1\r\nb: \x01", 2, 4, "control character U+0001 (byte 9)"),
        ("a: é\nb: \u2028".encode(), 2, 4, "U+2028 (byte 9) ends a line for some readers"),
        (b"a: \x00", 1, 4, "control character U+0000 (byte 3)"),
        ("a: \ufffe".encode(), 1, 4, "control character U+FFFE (byte 3)"),
    ],
)
def test_the_place_of_what_cannot_be_read(
    content: bytes, line: int, column: int, beginning: str, tmp_path: Path
) -> None:
    problem = unreadable(tmp_path, content)
    assert problem.place == Place("doc.yaml", line, column)
    assert problem.message.startswith(beginning)


@pytest.mark.parametrize(
    "text", ["a: \u00e9\u4e2d\U0001f600", 'a: "\\u2028\\x01"', "a: b\u00a0c", "a: \ufeffb"]
)
def test_what_can_be_read(text: str, tmp_path: Path) -> None:
    source = written(tmp_path, text.encode())
    assert source.text == text
    assert problems(source.text) == []
