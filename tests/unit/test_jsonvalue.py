"""JSON values: what is read, what is refused and why, how numbers are kept, compared, written and shown."""

import copy
import json
import pickle
import time
from decimal import Decimal
from typing import Any

import pytest

from pytest_apitest.jsonvalue import (
    MAX_DEPTH,
    MAX_DIGITS,
    NotJSONError,
    Number,
    differ,
    dumps,
    equal,
    from_python,
    kind,
    loads,
    number,
    show,
    show_typed,
    to_plain,
)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b" \t\r\n true ", True),
        (b'""', ""),
        (b'"\\u00e9\\ud83d\\ude00\\n\\/"', "é😀\n/"),
        ('"é😀"'.encode(), "é😀"),
        (b'"\xe2\x80\xa8"', "\u2028"),
        (b'"\\ud800"', "\ud800"),  # RFC 8259, section 8.2: not forbidden
        (b'{"a": {"a": [1, {"a": 2}]}}', {"a": {"a": [1, {"a": 2}]}}),
        (b'{"": 0, "a": 1, "A": 2}', {"": 0, "a": 1, "A": 2}),
        (b"9007199254740993", 9007199254740993),
        (b"-0", 0),
        (b"1" + b"0" * 999, 10**999),
        (b'"[[[[{{{{"', "[[[[{{{{"),
        (b'"' + b"1" * 2000 + b'"', "1" * 2000),
        (b'"\\"' + b"1" * 2000 + b'"', '"' + "1" * 2000),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
    ],
)
def test_what_is_read(body: bytes, value: Any) -> None:
    read = loads(body)
    if body.startswith(b"[["):
        for _ in range(MAX_DEPTH - 1):
            (read,) = read
        value = []
    assert type(read) is type(value)
    assert read == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"NaN", "NaN is no JSON value"),
        (b"[Infinity]", "Infinity is no JSON value"),
        (b'{"a": -Infinity}', "-Infinity is no JSON value"),
        (b'{"a": 1, "b": 2, "a": 1}', 'the name "a" stands twice in one object'),
        (b'[{"x": {"\\u0061": 1, "a": 2}}]', 'the name "a" stands twice in one object'),
        (b'{"' + b"n" * 200 + b'":1,"' + b"n" * 200 + b'":1}', f'the name "{"n" * 60}" stands twice in one object'),
        (b'"a\xff"', "byte 2 is not UTF-8"),
        (b'"\xed\xa0\x80"', "byte 1 is not UTF-8"),  # half a surrogate pair is no UTF-8
        (b'"\xc0\xaf"', "byte 1 is not UTF-8"),
        ("[1]".encode("utf-16"), "byte 0 is not UTF-8"),
        (b"\xef\xbb\xbf[1]", "it begins with a byte order mark"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper than 256"),
        (b'{"a":[' * 200 + b"]}" * 200, "nested deeper than 256"),
        (b"[" * 100_000, "nested deeper than 256"),
        (b'["a' + b"[" * 1000, 'line 1, column 2: unterminated string starting at "\\"a[[[[[[[[[["'),
        (b"1" * (MAX_DIGITS + 1), "a number of more than 1,000 digits"),
        (b"[0." + b"1" * (MAX_DIGITS + 1) + b"]", "a number of more than 1,000 digits"),
        (b"0." + b"1" * (MAX_DIGITS - 1), "a number of 1001 digits; at most 1,000"),
        (b"1e5001", "the number 1e5001 is out of range"),
        (b"1e-99999999999", "the number 1e-99999999999 is out of range"),
        (b"1e999999999999999999999", "the number 1e999999999999999999999 is out of range"),
        (b"<html>", "line 1, column 1: it looks like HTML or XML"),
        (b"  <?xml", "line 1, column 3: it looks like HTML or XML"),
        (b'{"a": 1', "line 1, column 8: it ends early"),
        (b"[1,\n2,!]", 'line 2, column 3: expecting value at "!]"'),
        (b"[1] [2]", 'line 1, column 5: extra data at "[2]"'),
        (b"{'a': 1}", "line 1, column 2: expecting property name enclosed in double quotes at \"'a': 1}\""),
        (b"01", 'line 1, column 2: extra data at "1"'),
        (b"[+1]", 'line 1, column 2: expecting value at "+1]"'),
        (b"[.5]", 'line 1, column 2: expecting value at ".5]"'),
        (b"[1.]", "line 1, column 3: expecting ',' delimiter at \".]\""),
        (b'"a\nb"', 'line 1, column 3: invalid control character at "\\nb\\""'),
        (b'"\\x41"', 'line 1, column 2: invalid \\escape at "\\\\x41\\""'),
        (b"True", 'line 1, column 1: expecting value at "True"'),
        ("[١]".encode(), 'line 1, column 2: expecting value at "١]"'),
        (b"\x00", 'line 1, column 1: expecting value at "\\u0000"'),
    ],
    ids=lambda one: repr(one[:24]) if isinstance(one, bytes) else "",
)  # fmt: skip
def test_what_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(NotJSONError) as caught:
        loads(body)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "body",
    [
        b'["' + b"\\" * 2_000_000,
        b'"' * 2_000_001,
        b"[1," * 700_000,
        b'{"a":' * 400_000,
        b"-" * 2_000_000,
        b'"' + b"1" * 2_000_000,
        (b"1" * 1000 + b".") * 2000,
        b'["' + b"[" * 2_000_000 + b'"' + b"1" * 1_000_000,
    ],
    ids=lambda one: repr(one[:6]),
)
def test_no_body_is_slow_to_refuse(body: bytes) -> None:
    begin = time.process_time()
    with pytest.raises(NotJSONError) as caught:
        loads(body)
    assert time.process_time() - begin < 5
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text", ["1.10", "1e2", "1E+2", "-0.0", "0.1", "12345678901234567890.123456789", "1e101"]
)
def test_a_number_keeps_its_digits(text: str) -> None:
    read = loads(text.encode())
    assert isinstance(read, Number)
    assert f"{read} {read:.3f}" == f"{text} {Decimal(text):.3f}"
    assert (str(read), repr(read), dumps(read), dumps([{"a": read}])) == (
        text,
        text,
        text,
        f'[{{"a":{text}}}]',
    )
    for same in (pickle.loads(pickle.dumps(read)), copy.deepcopy(read)):
        assert isinstance(same, Number)
        assert (same, str(same)) == (read, text)


@pytest.mark.parametrize("text", ["0", "-7", "123456789012345678901234567890"])
def test_an_integer_is_an_integer_of_any_size(text: str) -> None:
    assert type(number(text)) is int
    assert number(text) == int(text)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, Number("1.0")),
        (Number("1e2"), Number("100.00")),
        (Number("-0.0"), 0),
        (2**80, Number(f"{2**80}.0")),
        ([1, {"a": Number("1.0")}], [Number("1.0"), {"a": 1}]),
        ({"a": 1, "b": None}, {"b": None, "a": 1}),
        (None, None),
        (True, True),
        ("é", "é"),
        ({}, {}),
    ],
)
def test_equal_values(left: Any, right: Any) -> None:
    assert equal(left, right)
    assert equal(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (0, False),
        (0, None),
        (0, ""),
        (False, None),
        (1, "1"),
        ("", None),
        ([], {}),
        ([], None),
        ({}, None),
        ([1], [1, 1]),
        ([1, 2], [2, 1]),
        ([True], [1]),
        ({"a": 1}, {"a": 1, "b": 1}),
        ({"a": 1}, {"b": 1}),
        ({"a": False}, {"a": 0}),
        ("e\u0301", "\u00e9"),
        (2**53, 2**53 + 1),
        (Number("0.1"), Number("0.1000000000000000055511151231257827")),
        (b"a", "a"),
    ],
)
def test_values_that_differ(left: Any, right: Any) -> None:
    assert not equal(left, right)
    assert not equal(right, left)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "é\n"]}, '{"b":1,"a":[true,null,"é\\n"]}'),
        ([Number("1.50"), "\x7f\u2028"], '[1.50,"\x7f\u2028"]'),
        ((1, (2.5,)), "[1,[2.5]]"),
        ([Number("1.0"), 2.5, Decimal("3.0")], "[1.0,2.5,3.0]"),
        ({"a": Number("1.0"), "": {}}, '{"a":1.0,"":{}}'),
        ([Number("1.0"), False, None, "x"], '[1.0,false,null,"x"]'),
    ],
)
def test_what_is_written(value: Any, text: str) -> None:
    assert dumps(value) == text
    assert equal(loads(text.encode()), from_python(value))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"a", "bytes is no JSON value"),
        ([Number("1.5"), {1, 2}], "set is no JSON value"),
        (float("nan"), "nan is no JSON value"),
        ([float("-inf")], "-inf is no JSON value"),
        (Decimal("NaN"), "NaN is no JSON value"),
        ({Number("1.5"): 1}, "the member name 1.5 is not a text"),
        ({1: Number("1.5")}, "the member name 1 is not a text"),
    ],
)
def test_what_json_cannot_say(value: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=f"^{reason}$"):
        dumps(value)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0.1, Number("0.1")),
        (1e300, Number("1e300")),
        (1.0, Number("1.0")),
        ((1, [2.5]), [1, [Number("2.5")]]),
        ({"a": (0.5,)}, {"a": [Number("0.5")]}),
        (Decimal("1.10"), Number("1.10")),
        (Decimal("NaN"), None),
        (float("inf"), None),
        (Number("1.10"), Number("1.10")),
    ],
)
def test_what_python_hands_over(value: Any, read: Any) -> None:
    found = from_python(value)
    if read is None:
        assert found is value
    else:
        assert found == read
        assert not isinstance(found, float | tuple)


def test_numbers_for_libraries_are_plain() -> None:
    plain = to_plain({"a": [Number("1.5"), 2**70, {"b": Number("1e400")}], "c": "1.5"})
    assert plain == {"a": [1.5, 2**70, {"b": float("inf")}], "c": "1.5"}
    assert type(plain["a"][0]) is float


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"), (True, "boolean"), ("", "text"), (1, "number"), (1.5, "number"), (Number("1.5"), "number"),
        ([], "array"), ((), "array"), ({}, "object"), (b"", "bytes"), ({1}, "set"),
    ],
)  # fmt: skip
def test_kinds(value: Any, name: str) -> None:
    assert kind(value) == name


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        (None, 80, "null"),
        ("a\nb", 80, r'"a\nb"'),
        ("\u200b\u2028\x7f", 80, r'"\u200b\u2028\u007f"'),
        ("é", 80, '"é"'),
        ("\ud800", 80, r'"\ud800"'),
        ("abcdef", 3, '"abc"…'),
        ('""""', 2, r'"\"\""…'),  # an escape is never halved
        (b"abc", 80, "3 bytes"),
        (b"a" * 1234, 80, "1,234 bytes"),
        ([1, 2, 3], 80, "[1,2,3]"),
        ([1, 2, 3], 4, "[1,2…"),
        ({"a": Number("1.0")}, 80, '{"a":1.0}'),
        ({1, 2}, 80, "{1, 2}"),
        ([{1}], 80, "[{1}]"),
        (float("nan"), 80, "nan"),
        ({"k" * 100: 1}, 5, '{"kkk…'),
    ],
)
def test_how_a_value_is_shown(value: Any, limit: int, shown: str) -> None:
    assert show(value, limit) == shown


@pytest.mark.parametrize("value", ["x" * 10**7, ["x" * 1000] * 10**5, {str(n): n for n in range(10**5)}])
def test_showing_a_large_value_costs_no_more_than_what_is_shown(value: Any) -> None:
    begin = time.process_time()
    for _ in range(200):
        assert len(show(value)) <= 83
    assert time.process_time() - begin < 1


def test_types_are_named_where_they_differ() -> None:
    assert differ(1, 2) == ("1", "2")
    assert differ(1, "1") == ("1 (number)", '"1" (text)')
    assert differ(None, False) == ("null", "false (boolean)")
    assert (show_typed(None), show_typed([])) == ("null", "[] (array)")


def test_what_the_standard_library_writes_is_read_back() -> None:
    value = {"a": [1, -2, True, None, '\u0000\u001f"\\é😀'], "b": {"c": []}}
    assert loads(json.dumps(value).encode()) == value
    assert loads(dumps(value).encode()) == value
