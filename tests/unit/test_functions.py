"""Functions and filters of references: what they make, what they refuse and in which words."""

import hashlib
import random
import re
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pytest_apitest.functions import (
    FILTERS,
    FUNCTIONS,
    MAX_TEXT,
    Callee,
    FilterError,
    callee,
    seconds,
)
from pytest_apitest.jsonvalue import Number, equal, kind

BIG = "x" * (MAX_TEXT // 2 + 1)


def call(name: str, *arguments: Any, seed: int = 1) -> Any:
    function = FUNCTIONS[name]
    if function.check is not None:
        function.check(*arguments)
    leading = (random.Random(seed),) if function.takes_random else ()
    return function.call(*leading, *arguments)


def apply(name: str, value: Any, *arguments: Any) -> Any:
    return FILTERS[name].call(value, *arguments)


# A filter, a value, arguments and what comes of it.
MADE: list[tuple[str, Any, tuple[Any, ...], Any]] = [
    ("raw", [1], (), [1]),
    ("text", 7, (), "7"),
    ("text", Number("1.10"), (), "1.10"),
    ("text", True, (), "true"),
    ("text", False, (), "false"),
    ("text", "a", (), "a"),
    ("text", "é".encode(), (), "é"),
    ("int", "7", (), 7),
    ("int", " -7\n", (), -7),
    ("int", "1e3", (), 1000),
    ("int", Number("2.00"), (), 2),
    ("int", 5, (), 5),
    ("int", "9" * 50, (), int("9" * 50)),
    ("number", "1.50", (), Number("1.50")),
    ("number", "7", (), 7),
    ("number", Number("0.1"), (), Number("0.1")),
    ("json", {"a": [Number("1.0"), None, "é\n"]}, (), '{"a":[1.0,null,"é\\n"]}'),
    ("json", "a", (), '"a"'),
    ("json", None, (), "null"),
    ("from_json", '{"a": 1.0}', (), {"a": Number("1.0")}),
    ("from_json", " null ", (), None),
    ("base64", "é?>", (), "w6k/Pg=="),
    ("base64", b"\xff\x00", (), "/wA="),
    ("base64", "", (), ""),
    ("from_base64", "w6k/Pg==", (), "é?>"),
    ("from_base64", "w6k_Pg", (), "é?>"),
    ("from_base64", " YQ==\n", (), "a"),
    ("from_base64", "", (), ""),
    ("urlencode", "a b/é&=%", (), "a%20b%2F%C3%A9%26%3D%25"),
    ("urlencode", "-._~", (), "-._~"),
    ("urlencode", 7, (), "7"),
    ("urlencode", b"\xff", (), "%FF"),
    ("lower", "ÀB", (), "àb"),
    ("upper", "ßa", (), "SSA"),
    ("swapcase", "aB", (), "Ab"),
    ("trim", " \t a b\n", (), "a b"),
    ("sha256", "é", (), hashlib.sha256("é".encode()).hexdigest()),
    ("sha256", b"\xff", (), hashlib.sha256(b"\xff").hexdigest()),
    ("split", "a,b,,c", (",",), ["a", "b", "", "c"]),
    ("split", "", (",",), [""]),
    ("split", "a--b", ("--",), ["a", "b"]),
    ("first", [1, 2], (), 1),
    ("first", "ab", (), "a"),
    ("last", [1, 2], (), 2),
    ("last", "ab", (), "b"),
    ("replace", "aXbX", ("X", ""), "ab"),
    ("replace", "a", ("b", "c"), "a"),
    ("replace", "a.c", (".", "\\1"), "a\\1c"),
    ("slice", "abcd", (1,), "bcd"),
    ("slice", "abcd", (0, -1), "abc"),
    ("slice", [1, 2, 3], (-2,), [2, 3]),
    ("slice", "abc", (5, 9), ""),
    ("plus", "2024-02-29", ("P1Y",), "2025-02-28"),
    ("plus", "2024-02-29T10:00:00Z", ("-PT10H",), "2024-02-29T00:00:00Z"),
    ("default", None, ("x",), "x"),
    ("default", "", ("x",), ""),
    ("default", False, ("x",), False),
    ("default", None, (None,), None),
    ("each_key", {"a": 1, "b": 2}, (FILTERS["upper"],), {"A": 1, "B": 2}),
    ("each_key", {"ab": 1}, (FILTERS["slice"], 1), {"b": 1}),
    ("each_key", {"7": 1}, (FILTERS["int"],), {"7": 1}),
    ("each_key", {}, (FILTERS["upper"],), {}),
    ("each_value", {"a": " x ", "b": ""}, (FILTERS["trim"],), {"a": "x", "b": ""}),
    ("each_value", {"a": {"b": "c"}}, (FILTERS["each_value"], FILTERS["upper"]), {"a": {"b": "C"}}),
]

TEXT = "needs a text, got"
# A filter, a value, arguments and why it fails.
REFUSED: list[tuple[str, Any, tuple[Any, ...], str]] = [
    ("text", None, (), "has no text form: null; use json"),
    ("text", [1], (), "has no text form: [1] (array); use json"),
    ("text", b"\xff", (), "byte 0 is not UTF-8"),
    ("int", "1.5", (), "1.5 is no integer"),
    ("int", "1e101", (), "1e101 is no integer"),
    ("int", "", (), '"" is no number'),
    ("int", "0x10", (), '"0x10" is no number'),
    ("int", "١", (), '"١" is no number'),
    ("int", True, (), "needs a text or a number, got true (boolean)"),
    ("int", None, (), "needs a text or a number, got null"),
    ("number", "NaN", (), '"NaN" is no number'),
    ("number", "01", (), '"01" is no number'),
    ("number", "1_000", (), '"1_000" is no number'),
    ("number", "1" * 1001, (), "a number of 1001 digits; at most 1,000"),
    ("number", "1e9999999999999999999", (), "the number 1e9999999999999999999 is out of range"),
    ("number", [1], (), "needs a text or a number, got [1] (array)"),
    ("json", b"a", (), "bytes is no JSON value"),
    ("from_json", "{", (), "not JSON: line 1, column 2: it ends early"),
    ("from_json", '{"a":1,"a":2}', (), 'not JSON: the name "a" stands twice in one object'),
    ("from_json", 1, (), f"{TEXT} 1 (number)"),
    ("from_json", '"\ud800"', (), "character 1 is half a surrogate pair, which has no UTF-8"),
    ("base64", 1, (), f"{TEXT} 1 (number)"),
    ("base64", "a\ud800", (), "character 1 is half a surrogate pair, which has no UTF-8"),
    ("from_base64", "a", (), "not base64"),
    ("from_base64", "é", (), "not base64"),
    ("from_base64", "a b=", (), "not base64"),
    ("from_base64", "/w==", (), "the decoded bytes are not UTF-8"),
    ("from_base64", None, (), f"{TEXT} null"),
    ("urlencode", None, (), "has no text form: null; use json"),
    ("urlencode", "\udc00", (), "character 0 is half a surrogate pair, which has no UTF-8"),
    ("lower", 1, (), f"{TEXT} 1 (number)"),
    ("upper", None, (), f"{TEXT} null"),
    ("swapcase", [], (), f"{TEXT} [] (array)"),
    ("trim", True, (), f"{TEXT} true (boolean)"),
    ("sha256", {}, (), f"{TEXT} {{}} (object)"),
    ("split", 1, (",",), f"{TEXT} 1 (number)"),
    ("split", "a", ("",), 'needs a text that is not empty, got "" (text)'),
    ("split", "a", (1,), "needs a text that is not empty, got 1 (number)"),
    ("first", [], (), "nothing in it"),
    ("first", "", (), "nothing in it"),
    ("first", {"a": 1}, (), 'needs an array or a text, got {"a":1} (object)'),
    ("last", 7, (), "needs an array or a text, got 7 (number)"),
    ("replace", "a", ("", "b"), 'needs two texts, the first not empty, got "" (text) and "b" (text)'),
    ("replace", "a", ("a", 1), 'needs two texts, the first not empty, got "a" (text) and 1 (number)'),
    ("replace", 1, ("a", "b"), f"{TEXT} 1 (number)"),
    ("replace", BIG, ("x", "xx"), "the text would be longer than 1,048,576 characters"),
    ("slice", 7, (0,), "needs an array or a text, got 7 (number)"),
    ("slice", "a", ("0",), 'needs integers, got "0" (text)'),
    ("slice", "a", (0, Number("1.0")), "needs integers, got 1.0 (number)"),
    ("slice", "a", (True,), "needs integers, got true (boolean)"),
    ("plus", "yesterday", ("P1D",), '"yesterday" is neither a date nor a date-time (RFC 3339)'),
    ("plus", "2024-01-01", ("1 day",), '"1 day" is no ISO 8601 duration, such as P10Y, -P1M or PT1H'),
    ("plus", "9999-12-31", ("P1D",), '"9999-12-31" plus "P1D" is outside the years 1 to 9999'),
    ("plus", 7, ("P1D",), f"{TEXT} 7 (number)"),
    ("each_key", {"a": 1, "A": 2}, (FILTERS["upper"],), "upper makes one name of several"),
    ("each_key", "a", (FILTERS["upper"],), 'needs an object, got "a" (text)'),
    ("each_value", [1], (FILTERS["text"],), "needs an object, got [1] (array)"),
    ("each_value", {"a": 1}, (FILTERS["upper"],), f"{TEXT} 1 (number)"),
]


def named(rows: list[tuple[str, Any, tuple[Any, ...], Any]]) -> list[Any]:
    return [pytest.param(*row, id=f"{str(row[1])[:15]!r}-{row[0]}") for row in rows]


@pytest.mark.parametrize(("name", "value", "arguments", "made"), named(MADE))
def test_what_a_filter_makes(name: str, value: Any, arguments: tuple[Any, ...], made: Any) -> None:
    found = apply(name, value, *arguments)
    assert kind(found) == kind(made)
    assert equal(found, made)
    assert str(found) == str(made)


@pytest.mark.parametrize(("name", "value", "arguments", "reason"), named(REFUSED))
def test_what_a_filter_refuses(name: str, value: Any, arguments: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(FilterError) as caught:
        apply(name, value, *arguments)
    assert str(caught.value) == reason


def test_every_filter_is_tried() -> None:
    assert {row[0] for row in MADE} == set(FILTERS)
    assert {row[0] for row in REFUSED} == set(FILTERS) - {"raw", "default"}


@pytest.mark.parametrize(
    "value", [None, True, 7, Number("1.5"), "a\ud800", b"\xff", [1], {"a": 1}, (), {1}, 1.5]
)
@pytest.mark.parametrize("name", sorted(set(FILTERS) - {"each_key", "each_value"}))
def test_no_value_makes_a_filter_raise_anything_else(name: str, value: Any) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "split": (",",), "replace": ("a", "b"), "slice": (0,), "plus": ("P1D",), "default": ("",)
    }  # fmt: skip
    with suppress(FilterError):
        apply(name, value, *arguments.get(name, ()))


def test_a_uuid_is_one_of_version_four() -> None:
    made = {call("uuid", seed=seed) for seed in range(50)}
    assert len(made) == 50
    for one in made:
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one)
        assert (uuid.UUID(one).version, uuid.UUID(one).variant) == (4, uuid.RFC_4122)


@pytest.mark.parametrize(
    ("name", "arguments"), [("uuid", ()), ("random_int", (0, 10**12)), ("random_text", (20,))]
)
def test_a_seed_repeats_what_is_random(name: str, arguments: tuple[Any, ...]) -> None:
    generators = [random.Random(5), random.Random(5)]
    first, second = ([FUNCTIONS[name].call(one, *arguments) for _ in range(5)] for one in generators)
    assert first == second
    assert len(set(map(str, first))) == 5
    assert call(name, *arguments, seed=6) not in first


def test_both_ends_of_a_random_integer_are_included() -> None:
    assert {call("random_int", -1, 1, seed=seed) for seed in range(50)} == {-1, 0, 1}
    assert call("random_int", 7, 7) == 7


def test_a_random_text_is_of_letters_and_digits() -> None:
    assert re.fullmatch("[A-Za-z0-9]{2000}", call("random_text", 2000))
    assert call("random_text", 0) == ""


@pytest.mark.parametrize(
    ("shift", "delta"),
    [
        ((), timedelta()),
        (("-2h",), timedelta(hours=-2)),
        (("+90s",), timedelta(seconds=90)),
        (("1.5d",), timedelta(days=1.5)),
        (("500ms",), timedelta(seconds=0.5)),
        (("10m",), timedelta(minutes=10)),
    ],
)
def test_moments(shift: tuple[str, ...], delta: timedelta) -> None:
    before = datetime.now(UTC).replace(microsecond=0) + delta
    text, day = call("now", *shift), call("today", *shift)
    after = datetime.now(UTC) + delta
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    assert before - timedelta(seconds=1) <= datetime.fromisoformat(text) <= after
    assert day in (before.date().isoformat(), after.date().isoformat())


def test_the_time_in_whole_seconds() -> None:
    before = int(time.time())
    found = call("unix_time")
    assert type(found) is int
    assert before <= found <= time.time()


def test_a_text_in_a_row() -> None:
    assert call("repeat", "ab", 3) == "ababab"
    assert call("repeat", "a", 0) == ""
    assert len(call("repeat", "a", MAX_TEXT)) == MAX_TEXT


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("now", ("2 h",), "\"2 h\" (text) is no shift; write a number and ms, s, m, h or d, as in '-2h'"),
        ("now", (2,), "2 (number) is no shift; write a number and ms, s, m, h or d, as in '-2h'"),
        ("today", ("P1D",), "\"P1D\" (text) is no shift; write a number and ms, s, m, h or d, as in '-2h'"),
        ("now", ("9999999d",), "9999999d from now is no date"),
        ("now", ("9" * 400 + "d",), "9" * 400 + "d from now is no date"),
        ("today", ("-9999999d",), "-9999999d from now is no date"),
        ("random_int", (2, 1), "the first end, 2, is larger than the second, 1"),
        ("random_int", ("1", 2), 'needs two integers, got "1" (text) and 2 (number)'),
        ("random_int", (1, Number("2.0")), "needs two integers, got 1 (number) and 2.0 (number)"),
        ("random_int", (False, True), "needs two integers, got false (boolean) and true (boolean)"),
        ("random_text", (-1,), "needs an integer from 0 to 1,048,576, got -1 (number)"),
        ("random_text", (MAX_TEXT + 1,), "needs an integer from 0 to 1,048,576, got 1048577 (number)"),
        ("random_text", ("8",), 'needs an integer from 0 to 1,048,576, got "8" (text)'),
        ("random_text", (True,), "needs an integer from 0 to 1,048,576, got true (boolean)"),
        ("repeat", (1, 2), "needs a text, got 1 (number)"),
        ("repeat", ("a", "2"), 'needs an integer from 0 to 1,048,576, got "2" (text)'),
        ("repeat", ("ab", MAX_TEXT), "makes a text of at most 1,048,576 characters"),
    ],
)  # fmt: skip
def test_what_a_function_refuses_when_a_document_is_read(
    name: str, arguments: tuple[Any, ...], reason: str
) -> None:
    check = FUNCTIONS[name].check
    assert check is not None
    with pytest.raises(FilterError) as caught:
        check(*arguments)
    assert str(caught.value) == reason


def test_every_function_is_tried() -> None:
    assert set(FUNCTIONS) == {"uuid", "now", "today", "unix_time", "random_int", "random_text", "repeat"}


@pytest.mark.parametrize("table", [FUNCTIONS, FILTERS])
def test_each_has_a_sentence_for_the_reference(table: Any) -> None:
    for name in table:
        assert re.fullmatch(r"[A-Z].*[.`]", table[name].doc), name


@pytest.mark.parametrize(
    ("text", "found"), [("2h", 7200), ("-2h", -7200), ("+1.5m", 90), ("10ms", 0.01), ("1d", 86400), ("0s", 0)]
)
def test_shifts_in_seconds(text: str, found: float) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "2H", "1h30m", "--2h", "1.h", ".5h", "١h", "2h\n"])
def test_what_is_no_shift(text: str) -> None:
    with pytest.raises(FilterError):
        seconds(text)


def described(call: Any, skip: int = 0) -> tuple[int, int | None]:
    found: Callee = callee("name", call, skip=skip)
    return found.least, found.most


def test_arguments_are_counted_by_the_signature() -> None:
    assert described(lambda: 0) == (0, 0)
    assert described(lambda a, b: 0) == (2, 2)
    assert described(lambda a, b=1: 0) == (1, 2)
    assert described(lambda value, a: 0, skip=1) == (1, 1)
    assert described(lambda *all_of_them: 0) == (0, None)
    assert described(lambda value, a, *more: 0, skip=1) == (1, None)
    assert described(lambda a, *, quiet=True: 0) == (1, 1)


def test_what_must_be_given_by_name_cannot_stand_in_a_reference() -> None:
    def loud(text: str, *, volume: int) -> str:
        return text * volume

    with pytest.raises(ValueError, match=r"^'loud' asks for volume by name, which a reference cannot give$"):
        callee("loud", loud, skip=1)
