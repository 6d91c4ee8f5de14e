"""Every operator on every kind of value: which apply, which hold, and what is said of those that do not."""

from pathlib import Path
from typing import Any

import pytest

from pytest_apitest.checks.evaluation import Look, Missing, evaluate
from pytest_apitest.checks.operators import OPERATORS
from pytest_apitest.jsonvalue import Number, loads
from pytest_apitest.references import RenderError
from tests.authoring import Author, misses, scope

MISSING = Missing("not found; there is id")
VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "0": 0,
    "1": 1,
    "1.0": Number("1.0"),
    "1.5": Number("1.5"),
    "2^60+1": 2**60 + 1,
    "''": "",
    "'1'": "1",
    "[]": [],
    "[1]": [1],
    "{}": {},
    "{a:1}": {"a": 1},
    "missing": MISSING,
}

# P passes, f fails, x does not apply, which under `not` fails too; one letter for each of the values above.
#   null, true false, 0 1 1.0 1.5 2^60+1, '' '1', [] [1], {} {a:1}, missing
TABLE = {
    "{equals: 1}": "f ff fPPff ff ff ff f",
    "{equals: 1.0}": "f ff fPPff ff ff ff f",
    "{equals: 10e-1}": "f ff fPPff ff ff ff f",
    "{equals: -0}": "f ff Pffff ff ff ff f",
    "{equals: 0.0}": "f ff Pffff ff ff ff f",
    "{equals: 1.50}": "f ff fffPf ff ff ff f",
    "{equals: 1152921504606846977}": "f ff ffffP ff ff ff f",
    "{equals: 1152921504606846976}": "f ff fffff ff ff ff f",
    "{equals: 1152921504606846977.0}": "f ff ffffP ff ff ff f",
    "{equals: '1'}": "f ff fffff fP ff ff f",
    "{equals: ''}": "f ff fffff Pf ff ff f",
    "{equals: true}": "f Pf fffff ff ff ff f",
    "{equals: false}": "f fP fffff ff ff ff f",
    "{equals: null}": "P ff fffff ff ff ff f",
    "{equals: []}": "f ff fffff ff Pf ff f",
    "{equals: [1.0]}": "f ff fffff ff fP ff f",
    "{equals: {}}": "f ff fffff ff ff Pf f",
    "{equals: {a: 1e0}}": "f ff fffff ff ff fP f",
    "{not_equals: 1}": "P xx PffPP xx xx xx f",
    "{not_equals: null}": "f PP PPPPP PP PP PP f",
    "{not_equals: '1'}": "P xx xxxxx Pf xx xx f",
    "{not_equals: true}": "P fP xxxxx xx xx xx f",
    "{not_equals: [1]}": "P xx xxxxx xx Pf xx f",
    "{not_equals: {a: 1}}": "P xx xxxxx xx xx Pf f",
    "{one_of: [1, null]}": "P ff fPPff ff ff ff f",
    "{one_of: ['1', false]}": "f fP fffff fP ff ff f",
    "{one_of: [[], {a: 1}]}": "f ff fffff ff Pf fP f",
    "{contains: 1}": "x xx xxxxx xx fP xx f",
    "{contains: 1.0}": "x xx xxxxx xx fP xx f",
    "{contains: true}": "x xx xxxxx xx ff xx f",
    "{contains: '1'}": "x xx xxxxx fP ff xx f",
    "{contains: {a: 1}}": "x xx xxxxx xx ff fP f",
    "{contains: [1]}": "x xx xxxxx xx fP xx f",
    "{not_contains: 1}": "x xx xxxxx xx Pf xx f",
    "{not_contains: '1'}": "x xx xxxxx Pf PP xx f",
    "{not_contains: {a: 1}}": "x xx xxxxx xx PP Pf f",
    "{starts_with: '1'}": "x xx xxxxx fP xx xx f",
    "{ends_with: '1'}": "x xx xxxxx fP xx xx f",
    "{matches: '^[0-9]$'}": "x xx xxxxx fP xx xx f",
    "{format: duration}": "x xx xxxxx ff xx xx f",
    "{less_than: 1}": "x xx Pffff xx xx xx f",
    "{at_most: 1}": "x xx PPPff xx xx xx f",
    "{greater_than: 1}": "x xx fffPP xx xx xx f",
    "{at_least: 1}": "x xx fPPPP xx xx xx f",
    "{greater_than: 1152921504606846976.5}": "x xx ffffP xx xx xx f",
    "{type: 'null'}": "P ff fffff ff ff ff f",
    "{type: boolean}": "f PP fffff ff ff ff f",
    "{type: integer}": "f ff PPPfP ff ff ff f",
    "{type: number}": "f ff PPPPP ff ff ff f",
    "{type: string}": "f ff fffff PP ff ff f",
    "{type: array}": "f ff fffff ff PP ff f",
    "{type: object}": "f ff fffff ff ff PP f",
    "{type: [string, null]}": "P ff fffff PP ff ff f",
    "{schema: {type: integer}}": "f ff PPPfP ff ff ff f",
    "{schema: true}": "P PP PPPPP PP PP PP f",
    "{length: 1}": "x xx xxxxx fP fP fP f",
    "{length: {at_least: 0}}": "x xx xxxxx PP PP PP f",
    "{exists: true}": "P PP PPPPP PP PP PP f",
    "{exists: false}": "f ff fffff ff ff ff P",
    "{each: 1}": "x xx xxxxx xx xP xx f",
    "{any: 1}": "x xx xxxxx xx xP xx f",
    "{any: '1'}": "x xx xxxxx xx xf xx f",
    "{sorted: ascending}": "x xx xxxxx xx xP xx f",
    "{any_of: [{equals: 1}, {type: string}]}": "f ff fPPff PP ff ff f",
    "{any_of: [{exists: false}, {less_than: 1}]}": "f ff Pffff ff ff ff P",
    "{any_of: [{less_than: 1}, {length: 1}]}": "x xx Pffff fP fP fP f",
    "{not: {equals: 1}}": "P PP PffPP PP PP PP f",
    "{not: {less_than: 1}}": "x xx fPPPP xx xx xx f",
    "{not: {starts_with: '1', length: 1}}": "x xx xxxxx Pf xx xx f",
    "{not: {type: string}}": "P PP PPPPP ff PP PP f",
}


def cells() -> list[Any]:
    rows = ((text, letters.replace(" ", "")) for text, letters in TABLE.items())
    return [pytest.param(text, letters, id=text) for text, letters in rows]


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


@pytest.mark.parametrize(("text", "letters"), cells())
def test_an_operator_on_every_kind_of_value(author: Author, text: str, letters: str) -> None:
    check = author.check(text)
    seen = ""
    for actual in VALUES.values():
        found = evaluate(check, actual, Look(scope()))
        seen += "P" if not found else "f" if all(one.miss.applies for one in found) else "x"
    assert dict(zip(VALUES, seen, strict=True)) == dict(zip(VALUES, letters, strict=True))


@pytest.mark.parametrize(("text", "letters"), [one for one in cells() if "exists" not in str(one.id)])
def test_what_does_not_apply_or_is_missing_fails_under_not_too(
    author: Author, text: str, letters: str
) -> None:
    check = author.check(f"{{not: {text}}}")
    passed = {name for name, actual in VALUES.items() if not misses(check, actual)}
    assert passed == {
        name for name, letter in zip(VALUES, letters, strict=True) if letter == "f" and name != "missing"
    }


def test_every_operator_stands_in_the_table() -> None:
    assert {text[1:].partition(":")[0] for text in TABLE} == set(OPERATORS)


# Checks, what is found, and everything that is said.
MESSAGES: list[tuple[str, Any, list[str]]] = [
    ("7", "7", ['expected 7 (number), got "7" (text)']),
    ("7", 8, ["expected 7, got 8"]),
    ("'7'", 7, ['expected "7" (text), got 7 (number)']),
    ("true", 1, ["expected true (boolean), got 1 (number)"]),
    ("1", True, ["expected 1 (number), got true (boolean)"]),
    ("null", False, ["expected null, got false (boolean)"]),
    ("1.10", Number("1.1000001"), ["expected 1.10, got 1.1000001"]),
    ("[1, 2]", [2, 1], ["expected [1,2], got [2,1]"]),
    ("{equals: {a: 1}}", {"a": 1, "b": 2}, ['expected {"a":1}, got {"a":1,"b":2}']),
    ("a", "A", ['expected "a", got "A"']),
    ("e\u0301", "\u00e9", ['expected "e\u0301", got "\u00e9"']),
    ("a", "a\nb\u2028\x1b", [r'expected "a", got "a\nb\u2028\u001b"']),
    ("a", MISSING, ["not found; there is id"]),
    ("{not_equals: 1}", 1, ["expected anything but 1, got 1"]),
    ("{not_equals: 1}", "1", ['not_equals needs a value of the type of 1 (number), got "1" (text)']),
    ("{one_of: [1, 2]}", 3, ["expected one of 1, 2, got 3"]),
    ("{one_of: [1, 2]}", "1", ['expected one of 1, 2, got "1" (text)']),
    (
        "{one_of: [1,2,3,4,5,6,7,8,9,10,11,12,13]}",
        0,
        ["expected one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, …, got 0"],
    ),
    ("{contains: a}", "bc", ['expected a text that contains "a", got "bc"']),
    ("{contains: a}", ["b"], ['expected an array that contains "a", got ["b"]']),
    ("{contains: [1, 2]}", [1], ["expected an array that contains all of [1,2], got [1]"]),
    ("{contains: {a: 1}}", {"b": 1}, ['expected an object that contains {"a":1}, got {"b":1}']),
    ("{contains: 1}", "1", ['contains needs an array to look for 1 in, got "1" (text)']),
    ("{contains: 1}", {}, ["contains needs an array to look for 1 in, got {} (object)"]),
    ("{contains: [1]}", {}, ["contains needs an array to look for [1] in, got {} (object)"]),
    ("{contains: a}", {}, ['contains needs a text or an array to look for "a" in, got {} (object)']),
    ("{contains: {a: 1}}", "a", ['contains needs an array or an object to look for {"a":1} in, got "a" (text)']),
    ("{contains: 1}", 1, ["contains needs a text, an array or an object, got 1 (number)"]),
    ("{not_contains: a}", "cat", ['expected nothing that contains "a", got "cat"']),
    ("{not_contains: a}", None, ["not_contains needs a text, an array or an object, got null"]),
    ("{starts_with: a}", "b", ['expected a text that starts with "a", got "b"']),
    ("{starts_with: a}", 7, ["starts_with needs a text, got 7 (number)"]),
    ("{ends_with: a}", "b", ['expected a text that ends with "a", got "b"']),
    ("{ends_with: a}", [], ["ends_with needs a text, got [] (array)"]),
    ("{matches: '^a$'}", "ab", ['expected a text that matches ^a$, got "ab"']),
    ("{matches: '^a$'}", 7, ["matches needs a text, got 7 (number)"]),
    ("{type: string}", 7, ["expected string, got 7 (number)"]),
    ("{type: [integer, null]}", Number("1.5"), ["expected integer or null, got 1.5 (number)"]),
    ("{format: date}", "2023-02-29", ['expected a text of the format date, got "2023-02-29"']),
    ("{format: date}", 20230228, ["format needs a text, got 20230228 (number)"]),
    ("{length: 2}", "abc", ["expected length 2, got 3"]),
    ("{length: {at_least: 1, at_most: 2}}", [1, 2, 3], ["expected length at most 2, got 3"]),
    ("{length: 2}", True, ["length needs a text, an array or an object, got true (boolean)"]),
    ("{less_than: 1}", 1, ["expected less than 1, got 1"]),
    ("{at_most: 0.1}", Number("0.10001"), ["expected at most 0.1, got 0.10001"]),
    ("{greater_than: 1}", Number("1.0"), ["expected more than 1, got 1.0"]),
    ("{at_least: 1}", -1, ["expected at least 1, got -1"]),
    ("{at_least: 1}", "2", ['at_least needs a number, got "2" (text)']),
    ("{exists: false}", None, ["expected nothing there, got null"]),
    ("{exists: true}", MISSING, ["not found; there is id"]),
    ("{each: {type: string}}", [], ["each saw no element; add length: {at_least: 0} if none is fine"]),
    ("{each: {type: string}}", ["a", 1, 2], ["[1]: expected string, got 1 (number)", "[2]: expected string, got 2 (number)"]),
    ("{each: {type: string}}", {}, ["each needs an array, got {} (object)"]),
    ("{each: {each: 1}}", [[1], [1, 2]], ["[1][1]: expected 1, got 2"]),
    ("{any: 1}", [2, 3], ["none of 2 elements is 1: [2,3]"]),
    ("{any: 1}", [2], ["[0]: expected 1, got 2"]),
    ("{any: 1}", [], ["any saw no element; add length: {at_least: 0} if none is fine"]),
    ("{any: {less_than: 1}}", [2, "a"], ['none of 2 elements is less than 1: [2,"a"]; [1]: less_than needs a number, got "a" (text)']),
    ("{sorted: ascending}", [1, 3, 2], ["expected ascending order, but 3 at [1] stands before 2"]),
    ("{sorted: descending}", ["a", "b"], ['expected descending order, but "a" at [0] stands before "b"']),
    ("{sorted: ascending}", [1, "a"], ['sorted needs an array of numbers or of texts, got [1,"a"] (array)']),
    ("{sorted: ascending}", [True, False], ["sorted needs an array of numbers or of texts, got true (boolean)"]),
    ("{sorted: ascending}", [], ["sorted saw no element; add length: {at_least: 0} if none is fine"]),
    ("{any_of: [1, 2]}", 3, ["none of 2 checks passed: expected 1, got 3; expected 2, got 3"]),
    ("{not: {equals: 1}}", 1, ["expected not 1, got 1"]),
    ("{not: {starts_with: a, length: 1}}", "a", ['expected not a text that starts with "a" and length 1, got "a"']),
    ("{not: {starts_with: a}}", 1, ["starts_with needs a text, got 1 (number)"]),
    ("{not: {not: {equals: 1}}}", 2, ["expected not not 1, got 2"]),
    ("{not: {each: 1}}", [1], ["expected not a value that passes each, got [1]"]),
    ("{schema: {properties: {a: {type: string}}}}", {"a": 1}, [".a: schema: expected string, got 1 (number)"]),
    ("{type: string, length: {at_least: 3}, starts_with: b}", "a", ["expected length at least 3, got 1", 'expected a text that starts with "b", got "a"']),
]  # fmt: skip


@pytest.mark.parametrize(("text", "actual", "said"), MESSAGES, ids=[f"{one[0]} on {str(one[1])[:20]!r}" for one in MESSAGES])  # fmt: skip
def test_what_is_said_of_a_value(author: Author, text: str, actual: Any, said: list[str]) -> None:
    assert misses(author.check(text), actual) == said


@pytest.mark.parametrize(
    ("text", "actual"),
    [
        ("{contains: {a: {b: 1}}}", {"a": {"b": 1, "c": 2}, "d": 3}),
        ("{contains: {a: [1, {b: 2}]}}", {"a": [1, {"b": 2, "c": 3}]}),
        ("{contains: {id: 7}}", [{"id": 6}, {"id": Number("7.0"), "more": True}]),
        ("{contains: [2, {a: 1}]}", [{"a": 1, "b": 2}, 3, 2]),
        ("{contains: [1, 1]}", [1]),
        ("{contains: [[1]]}", [[1], [2]]),
        ("{contains: é}", "café"),
        ("{matches: 'b'}", "abc"),
        ("{matches: '(?i)^ABC$'}", "abc"),
        ("{length: 1}", "😀"),
        ("{length: {greater_than: 1, less_than: 3}}", {"a": 1, "b": 2}),
        ("{sorted: ascending}", [1, 1, Number("1.5"), 2**70]),
        ("{sorted: descending}", ["b", "a", "B", ""]),
        ("{each: {type: integer}, length: {at_least: 0}}", []),
        ("{any: 1, length: {less_than: 3}}", []),
        ("{sorted: ascending, length: {at_most: 5}}", []),
        ("{each: {not: {equals: 1}}}", [2, "1", None]),
        ("{any: {contains: Secure}}", ["a=b", "c=d; Secure"]),
        ("{not: {each: 1}}", [1, 2]),
        ("{not: {any: 1}}", [2, 3]),
        ("{type: integer}", Number("1e3")),
        ("{equals: 100000000000000000000000000000000000001}", 10**38 + 1),
        ("{equals: 0.30000000000000000001}", Number("0.30000000000000000001")),
        ("{any_of: [{type: string, length: 1}, {type: integer}]}", 5),
    ],
)
def test_what_passes(author: Author, text: str, actual: Any) -> None:
    assert misses(author.check(text), actual) == []


@pytest.mark.parametrize(
    ("text", "actual"),
    [
        ("{contains: {a: [1]}}", {"a": [1, 2]}),  # nested arrays have equal length
        ("{contains: {a: [1, 2]}}", {"a": [2, 1]}),  # and order
        ("{contains: {a: null}}", {}),
        ("{contains: {a: 1}}", {"a": True}),
        ("{contains: [[1]]}", [[1, 2]]),
        ("{each: {type: integer}, length: {at_least: 1}}", []),
        ("{not: {each: {type: string}}}", []),
        ("{equals: 0.3}", Number("0.30000000000000000001")),
        ("{equals: [1, [true]]}", [1, [1]]),
        ("{equals: {a: {b: '1'}}}", {"a": {"b": 1}}),
        ("{length: {less_than: 0.5}}", "a"),
        ("{sorted: ascending}", ["a", "B"]),  # by code points
        ("{not: {any: {less_than: 2}}}", [5, "a"]),
        ("{not: {each: {less_than: 2}}}", [5, 6, 7, 8, 9, "a"]),
        ("{not: {each: {less_than: 2}}}", [5, "a"]),
        ("{not: {any_of: [{less_than: 2}, {at_least: 9}]}}", "a"),
    ],
)
def test_what_fails(author: Author, text: str, actual: Any) -> None:
    assert misses(author.check(text), actual) != []


def test_each_names_five_elements_and_counts_the_others(author: Author) -> None:
    check = author.check("{each: 1}")
    shown = [f"[{index}]: expected 1, got 2" for index in range(5)]
    assert misses(check, [2] * 5) == shown
    assert misses(check, [2] * 6) == [*shown, "1 more element failed"]
    assert misses(check, [2] * 1000) == [*shown, "995 more elements failed"]


def test_a_miss_is_placed_at_its_operator(author: Author) -> None:
    check = author.check("{sorted: ascending, each: {starts_with: a, length: 2}}")
    places = [(one.line, one.column, one.width) for one in evaluate(check, ["b", "a"], Look(scope()))]
    line = (author.folder / "doc.yaml").read_text().splitlines()[2]
    words = ("sorted", "starts_with", "length", "length")
    assert places == [(3, line.index(word) + 1, len(word)) for word in words]


def test_that_nothing_was_seen_is_noted_when_it_was_what_passed(author: Author) -> None:
    check = author.check("{any_of: [{exists: false}, {equals: 1}]}")
    notes: dict[str, list[str]] = {"missing": [], "seen": []}
    assert evaluate(check, MISSING, Look(scope(), notes=notes["missing"])) == []
    assert evaluate(check, 1, Look(scope(), notes=notes["seen"])) == []
    assert notes == {"missing": ["nothing seen"], "seen": []}


@pytest.mark.parametrize(
    ("text", "x", "actual"),
    [
        ("'${x}'", {"less_than": 1}, {"less_than": 1}),  # data is never read as operators
        ("'${x}'", "${y}", "${y}"),
        ("{at_least: '${x}'}", Number("1.5"), 2),
        ("{one_of: '${x}'}", [1, 2], 2),
        ("{contains: '${x}'}", {"a": 1}, {"a": 1, "b": 2}),
        ("{matches: '^${x}$'}", "a.c*", "a.c*"),
        ("{length: '${x}'}", 2, "ab"),
        ("{starts_with: 'n-${x}'}", 7, "n-7!"),
    ],
)
def test_operands_by_reference(author: Author, text: str, x: Any, actual: Any) -> None:
    assert misses(author.check(text), actual, x=x) == []


def test_a_reference_in_a_regular_expression_is_literal_text(author: Author) -> None:
    check = author.check("{matches: '^${x}$'}")
    assert misses(check, "abc", x="a.c") == [r'expected a text that matches ^a\.c$, got "abc"']


@pytest.mark.parametrize(
    ("text", "x", "message"),
    [
        ("{at_least: '${x}'}", "1", 'at_least needs a number, got "1" (text)'),
        ("{at_least: '${x}'}", True, "at_least needs a number, got true (boolean)"),
        ("{starts_with: '${x}'}", 1, "starts_with needs a text that is not empty, got 1 (number)"),
        ("{ends_with: '${x}'}", "", 'ends_with needs a text that is not empty, got "" (text)'),
        ("{contains: '${x}'}", "", 'contains "" is always true'),
        ("{contains: '${x}'}", [], "contains [] is always true"),
        ("{not_contains: '${x}'}", {}, "not_contains {} is always true"),
        ("{one_of: '${x}'}", [], "one_of needs a list that is not empty, got [] (array)"),
        ("{one_of: '${x}'}", "a", 'one_of needs a list that is not empty, got "a" (text)'),
        ("{length: '${x}'}", None, "equals needs a number, got null"),
        ("{matches: '${x}'}", None, "x is null inside a text; use | json or | default('')"),
        ("{matches: '${x}'}", "\ud800", "matches: half a surrogate pair is no character to search for"),
    ],
)
def test_operands_by_reference_that_no_operator_can_work_with(
    author: Author, text: str, x: Any, message: str
) -> None:
    with pytest.raises(RenderError) as caught:
        misses(author.check(text), "a", x=x)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "header", "passes"),
    [
        ("{at_least: 1}", "10", True),
        ("{at_least: 1}", "0.5", False),
        ("{at_least: 1}", "010", False),  # no JSON number, so a text
        ("{at_least: 1}", "1" * 1001, False),
        ("5", "5.0", True),
        ("'5'", "5.0", False),
        ("{one_of: [5, a]}", "5", True),
        ("{one_of: [5, a]}", "a", True),
        ("{not_equals: 5}", "6", True),
        ("{not_equals: 5}", "a", False),
        ("{starts_with: '5'}", "55", True),
        ("{length: 2}", "55", True),
        ("{any_of: [{equals: 5}, {equals: a}]}", "5", True),
    ],
)
def test_a_header_counts_as_a_number_where_numbers_are_compared(
    author: Author, text: str, header: str, passes: bool
) -> None:
    assert (misses(author.check(text), header, numeric_texts=True) == []) is passes


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("200", 200, []),
        ("200", 201, ["expected 200, got 201"]),
        ("2xx", 204, []),
        ("2xx", 304, ["expected 2xx, got 304"]),
        ("[200, 3xx]", 302, []),
        ("[200, 3xx]", 201, ["expected one of 200, 3xx, got 201"]),
        ("{not_equals: 5xx}", 404, []),
        ("{not_equals: 5xx}", 503, ["expected anything but 5xx, got 503"]),
        ("{not: {equals: 4xx}}", 404, ["expected not 4xx, got 404"]),
        ("{not: {one_of: [4xx, 5xx]}}", 200, []),
        ("{at_least: 100}", 599, []),
        ("{less_than: 400}", 400, ["expected less than 400, got 400"]),
    ],
)
def test_the_status(author: Author, text: str, status: int, said: list[str]) -> None:
    assert misses(author.status(text), status) == said


@pytest.mark.parametrize("x", ["200", 99, 600, Number("200.0"), None, "6xx", True, [200]])
def test_a_status_by_reference_that_is_none(author: Author, x: Any) -> None:
    with pytest.raises(RenderError, match="expected a status from 100 to 599 or a class such as 2xx, got"):
        misses(author.status("'${x}'"), 200, x=x)


def test_a_status_by_reference(author: Author) -> None:
    assert misses(author.status("'${x}'"), 200, x="2xx") == []
    assert misses(author.status("{one_of: '${x}'}"), 302, x=[200, "3xx"]) == []


def test_numbers_of_a_body_are_compared_by_their_digits(author: Author) -> None:
    body = loads(b'{"price": 0.1, "big": 12345678901234567890.1, "e": 1E2, "zero": -0.0}')
    for text, name in (("0.10", "price"), ("12345678901234567890.10", "big"), ("100", "e"), ("0", "zero")):
        assert misses(author.check(text), body[name]) == []
    assert misses(author.check("12345678901234567890.0"), body["big"]) != []
