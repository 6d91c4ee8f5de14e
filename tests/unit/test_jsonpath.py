"""JSONPath: what paths find and where, what is no path and how it is written, and that no path is slow."""

import time
from typing import Any

import pytest

from pytest_apitest.jsonpath import (
    MAX_STEPS,
    Document,
    JSONPathError,
    Path,
    compile_path,
    literal,
    normalized,
    value_at,
)
from pytest_apitest.jsonvalue import MAX_DEPTH, Number, loads

SHOP = loads(
    b"""{"store": {"book": [
        {"category": "reference", "author": "Nigel", "title": "Sayings", "price": 8.95},
        {"category": "fiction", "author": "Evelyn", "title": "Sword", "price": 12.99},
        {"category": "fiction", "author": "Herman", "title": "Moby", "isbn": "0-553-21311-3", "price": 8.99},
        {"category": "fiction", "author": "Tolkien", "title": "Rings", "isbn": "0-395-19395-8", "price": 22.990}
    ], "bicycle": {"color": "red", "price": 399}}}"""
)
LETTERS = ["a", "b", "c", "d", "e", "f", "g"]


def find(path: str, value: Any, dialect: str = "rfc9535") -> list[Any]:
    """Return the values found; every one of them is looked up again at the place that was reported."""
    found = compile_path(path, dialect).find(Document(value))
    for place, one in found:
        assert value_at(value, place) is one
        assert compile_path(normalized(place)).find(Document(value)) == [(place, one)]
    return [one for _, one in found]


def titles(path: str) -> list[Any]:
    return [one["title"] for one in find(path, SHOP)]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.store.book[*].author", ["Nigel", "Evelyn", "Herman", "Tolkien"]),
        ("$..author", ["Nigel", "Evelyn", "Herman", "Tolkien"]),
        ("$.store..price", [Number("8.95"), Number("12.99"), Number("8.99"), Number("22.99"), 399]),
        ("$..book[2].title", ["Moby"]),
        ("$..book[-1].title", ["Rings"]),
        ("$..book[0,1].title", ["Sayings", "Sword"]),
        ("$..book[:2].title", ["Sayings", "Sword"]),
        ("$..book[?@.isbn].title", ["Moby", "Rings"]),
        ("$..book[?@.price<10].title", ["Sayings", "Moby"]),
        ("$..book[?@.price == 22.99].title", ["Rings"]),
        ("$.store.bicycle['color','price']", ["red", 399]),
        ("$.store.bicycle.*", ["red", 399]),
        ("$..nothing", []),
    ],
)
def test_the_example_of_the_standard(path: str, found: list[Any]) -> None:
    assert find(path, SHOP) == found


def test_what_is_found_keeps_its_digits() -> None:
    (price,) = find("$..book[?@.price > 20].price", SHOP)
    assert str(price) == "22.990"


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("$", 5, [5]),
        ("$.a", {"a": None}, [None]),
        ("$.a", [1], []),
        ("$.a", "text", []),
        ("$.a.b.c", {"a": {"b": {"c": 1}}}, [1]),
        ("$['a']", {"a": 1}, [1]),
        ('$["a"]', {"a": 1}, [1]),
        ("$[ 'a' ]", {"a": 1}, [1]),
        ("$ .a", {"a": 1}, [1]),
        ("$['']", {"": 1}, [1]),
        ("$['a b'].c", {"a b": {"c": 1}}, [1]),
        ("$['a.b']", {"a.b": 1, "a": {"b": 2}}, [1]),
        ("$['it\\'s']", {"it's": 1}, [1]),
        ('$["it\'s"]', {"it's": 1}, [1]),
        ("$['\\u00e9']", {"é": 1}, [1]),
        ("$['\\ud83d\\ude00']", {"😀": 1}, [1]),
        ("$.é", {"é": 1, "e\u0301": 2}, [1]),
        ("$.😀", {"😀": 1}, [1]),
        ("$['a\\\\b']", {"a\\b": 1}, [1]),
        ("$['$']", {"$": 1}, [1]),
        ("$.true", {"true": 1}, [1]),
        ("$.length", [1, 2], []),
        ("$[0]", [1], [1]),
        ("$[-1]", [1, 2], [2]),
        ("$[-3]", [1, 2], []),
        ("$[2]", [1, 2], []),
        ("$[0]", {"0": 1}, []),
        ("$['0']", [1], []),
        ("$[0]", "text", []),
        ("$[9999999999]", [1], []),
        ("$[1:3]", LETTERS, ["b", "c"]),
        ("$[5:]", LETTERS, ["f", "g"]),
        ("$[1:5:2]", LETTERS, ["b", "d"]),
        ("$[5:1:-2]", LETTERS, ["f", "d"]),
        ("$[::-1]", LETTERS, LETTERS[::-1]),
        ("$[1:3:0]", LETTERS, []),
        ("$[-2:]", LETTERS, ["f", "g"]),
        ("$[:-5]", LETTERS, ["a", "b"]),
        ("$[10:20]", LETTERS, []),
        ("$[0, 0]", [1], [1, 1]),
        ("$[*]", {"a": 1, "b": [2]}, [1, [2]]),
        ("$[*]", 5, []),
        ("$..*", [[1], {"a": 2}], [[1], {"a": 2}, 1, 2]),
        ("$..[0]", [[1], 2], [[1], 1]),
        ("$..['a','b']", {"a": {"b": 1}}, [{"b": 1}, 1]),
    ],
)
def test_names_indexes_slices_and_wildcards(path: str, value: Any, found: list[Any]) -> None:
    assert find(path, value) == found


@pytest.mark.parametrize(
    ("condition", "items", "found"),
    [
        ("@.a", [{"a": None}, {"a": False}, {}, 1, [1]], [{"a": None}, {"a": False}]),
        ("!@.a", [{"a": 1}, {}], [{}]),
        ("@ == 1", [1, Number("1.0"), True, "1"], [1, 1]),
        ("@ == true", [1, True, "true"], [True]),
        ("@ == '1'", [1, "1"], ["1"]),
        ("@.a == null", [{"a": None}, {}], [{"a": None}]),
        ("@.a == @.b", [{}, {"a": 1}, {"a": 1, "b": 1}], [{}, {"a": 1, "b": 1}]),
        ("@.a != 1", [{"a": 1}, {"a": "1"}, {}], [{"a": "1"}, {}]),
        ("@ < 'b'", ["a", "b", 1, None], ["a"]),
        ("@ >= 2", [1, 2, 3, "3", True], [2, 3]),
        ("@ > 1 && @ < 4 || @ == 9", [1, 2, 9], [2, 9]),
        ("@.a == 1 || @.b == 1 && @.c", [{"a": 1}, {"b": 1}, {"b": 1, "c": 0}], [{"a": 1}, {"b": 1, "c": 0}]),
        ("(@.a == 1 || @.b == 1) && @.c", [{"a": 1}, {"b": 1, "c": 0}], [{"b": 1, "c": 0}]),
        ("@ == $[0]", [1, 2, 1], [1, 1]),
        ("@['a'][0] == 1", [{"a": [1]}, {"a": 1}], [{"a": [1]}]),
        ("@ == $[0]", [[True], [1], [True]], [[True], [True]]),
        ("@ != $[0]", [[1], [True], [Number("1.0")]], [[True]]),
        (
            "@.a == @.b",
            [{"a": {"x": 0}, "b": {"x": False}}, {"a": {"x": [0]}, "b": {"x": [0]}}],
            [{"a": {"x": [0]}, "b": {"x": [0]}}],
        ),
        ("@.a == value(@..b)", [{"a": 1}, {}, {"a": 1, "c": {"b": 1}}], [{}, {"a": 1, "c": {"b": 1}}]),
        ("@ == -3", [-3, 3], [-3]),
        ("@ == 1e2", [100, Number("1.00e2"), 10], [100, 100]),
        ("@ == 1e-2", [Number("0.01"), 0], [Number("0.01")]),
        ("@ == -0", [0, Number("-0.0"), 1], [0, 0]),
        ("@ == 9007199254740993", [2**53, 2**53 + 1, 2**53 + 2], [2**53 + 1]),
        ("@ == 1e400", [Number("1e400"), 1], [Number("1e400")]),
        ("length(@) == 1", ["😀", "ab", [1], {"a": 1}, 1, None], ["😀", [1], {"a": 1}]),
        ("count(@.*) == 2", [[1, 2], {"a": 1}, "ab"], [[1, 2]]),
        ("value(@..a) == 1", [{"a": 1}, {"b": {"a": 1}}, [{"a": 1}, {"a": 1}]], [{"a": 1}, {"b": {"a": 1}}]),
        ("match(@, 'a.c')", ["abc", "a\nc", "a\rc", "xabc", "abcx", 1], ["abc"]),
        ("match(@, 'a|bc')", ["a", "bc", "ac"], ["a", "bc"]),
        ("search(@, '[.]x')", ["a.xb", "axb"], ["a.xb"]),
        ("search(@, '\\\\d$')", ["a1", "1a"], ["a1"]),
        ("search('[', @)", ["["], []),  # from the data: nothing is found, RFC 9535, section 2.4.7
        ("@[?@.b == 1]", [[{"b": 1}], [{"b": 2}], {"x": {"b": 1}}], [[{"b": 1}], {"x": {"b": 1}}]),
        ("@.a == '\\u00e9'", [{"a": "é"}], [{"a": "é"}]),
    ],
)
def test_filters(condition: str, items: list[Any], found: list[Any]) -> None:
    assert find(f"$[?{condition}]", items) == found


def test_an_expression_from_the_document_that_no_engine_can_read_finds_nothing() -> None:
    value = loads(b'[{"text": "a", "like": "a"}, {"text": "\\ud800", "like": "\\ud800"}]')
    assert find("$[?search(@.text, @.like)].text", value) == ["a"]


@pytest.mark.parametrize(
    ("path", "singular"),
    [
        ("$", True), ("$.a[0]['b']", True), ("$[-1]", True), ('$["a"]', True), ("$.é", True), ("$[ 0 ]", True),
        ("$.*", False), ("$..a", False), ("$[0,1]", False), ("$[0:1]", False), ("$[?@.a]", False),
        ("$['a','b']", False), ("$.a[*].b", False),
    ],
)  # fmt: skip
def test_whether_a_path_finds_one_value_is_decided_by_its_syntax(path: str, singular: bool) -> None:
    assert compile_path(path).singular is singular


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "a JSONPath starts with $: write $"),
        ("id", "a JSONPath starts with $: write $.id"),
        (".id", "a JSONPath starts with $: write $.id"),
        ("[0]", "a JSONPath starts with $: write $[0]"),
        ("a.b", "a JSONPath starts with $: write $.a.b"),
        ("$id", "not a JSONPath: write $.id"),
        ("$.a-b", "not a JSONPath: write $['a-b']"),
        ("$.@id", "not a JSONPath: write $['@id']"),
        ("$.a.0", "not a JSONPath: write $.a[0]"),
        ("$.a.0.b", "not a JSONPath: write $.a[0].b"),
        ("$.a b", "not a JSONPath: write $['a b']"),
        ("$.a-b[0].c-d", "not a JSONPath: write $['a-b'][0]['c-d']"),
        (" $.a", "not a JSONPath: write $.a without blanks around it"),
        ("$.a ", "not a JSONPath: write $.a without blanks around it"),
        (" a", "a JSONPath starts with $: write $.a"),
        ("$[?@.a = 1]", "not a JSONPath: write == to compare"),
        ("$.", "not a JSONPath: unexpected end of expression"),
        ("$..", "not a JSONPath: bald descendant segment"),
        ("$[", "not a JSONPath: unbalanced brackets"),
        ("$[01]", "not a JSONPath: leading zero in index selector"),
        ("$[9007199254740992]", "not a JSONPath: index out of range"),
        ("$['a", "not a JSONPath: unclosed string starting at index 3"),
        ("$['\\x']", "not a JSONPath: invalid escape"),
        ("$['\\ud800']", "not a JSONPath: incomplete escape sequence at index 3"),
        ("$[?@.a == 01]", "not a JSONPath: 01 is no JSON number"),
        ("$[?@.a == -01]", "not a JSONPath: -01 is no JSON number"),
        ("$[?@.a == 1e99999]", "not a JSONPath: the number 1e99999 is out of range"),
        ("$[?@.a[*] == 1]", "not a JSONPath: non-singular query is not comparable"),
        ("$[?length(@.a)]", "not a JSONPath: result of length() must be compared"),
        ("$[?size(@.a) == 1]", "not a JSONPath: function 'size' is not defined"),
        ("$[?match(@.a)]", "not a JSONPath: 'match'() requires 2 arguments"),
        ("$[*]" + ".a" * 100, "a path of 101 steps; at most 100"),
        ("$[?" + "(" * 3000 + "@.a" + ")" * 3000 + "]", "not a JSONPath: nested too deep"),
        ("$[?" + "!" * 3000 + "@.a]", "not a JSONPath: nested too deep"),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_path_and_how_it_is_written(path: str, message: str) -> None:
    with pytest.raises(JSONPathError) as caught:
        compile_path(path)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("$.idd", {"id": 1, "author": 2}, "not found; there are id, author"),
        ("$.a", {"b": 1}, "not found; there is b"),
        ("$.a", {}, "not found; the object is empty"),
        ("$.a", {str(n): n for n in range(13)}, "not found; there are " + ", ".join(map(str, range(12))) + ", …"),
        ("$.a", {"a b": 1, "\n": 2, "": 3}, r'not found; there are a b, "\n", ""'),
        ("$.a.b.c", {"a": {"b": "x"}}, 'not found; $.a.b is "x" (text)'),
        ("$.a[2]", {"a": [1, 2]}, "not found; the array has 2 elements"),
        ("$[1]", [1], "not found; the array has 1 element"),
        ("$[0]", [], "not found; the array is empty"),
        ("$.a", None, "not found; $ is null"),
        ("$.a[-1].b", {"a": [1, {"c": 2}]}, "not found; there is c"),
        ("$.a[*].b", {"a": [{"c": 1}]}, "nothing found; there is c"),
        ("$.a[*].b", {"a": []}, "nothing found; the array is empty"),
        ("$.items[?@.id == 7].name", {"items": [{"id": 6}]}, "nothing found; the array has 1 element"),
        ("$..a", {"b": 1}, "nothing found; there is b"),
    ],
)  # fmt: skip
def test_what_is_said_when_nothing_is_found(path: str, value: Any, said: str) -> None:
    document = Document(value)
    compiled = compile_path(path)
    assert compiled.find(document) == []
    assert compiled.missing(document) == said


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ((), "$"),
        (("a", 0, "b_1"), "$.a[0].b_1"),
        (("a b", "it's", "a\\b", "", "é"), "$['a b']['it\\'s']['a\\\\b']['']['é']"),
        (("\n",), "$['\\n']"),
        (("\x00", "'\\"), "$['\\u0000']['\\'\\\\']"),
    ],
)
def test_a_place_as_a_path(location: tuple[str | int, ...], text: str) -> None:
    assert normalized(location) == text


@pytest.mark.parametrize(
    "text",
    ["", "a", "it's", 'say "a"', "\\", "\\'", '\\"', "\n\t\x00\x1f", "é😀", "$[?@.a]", "'] || true || ['", "\x7f\u2028", "\ud800"],
)  # fmt: skip
def test_a_text_stands_for_itself_in_a_path_whatever_it_holds(text: str) -> None:
    assert find(f"$[{literal(text)}]", {text: 1, "other": 2}) == [1]
    assert find(f"$[?@.id == {literal(text)}].n", [{"id": "other", "n": 1}, {"id": text, "n": 2}]) == [2]


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), (Number("1.50"), "1.50"), (True, "true"), (None, "null"), (-2, "-2")]
)
def test_other_values_as_literals(value: Any, text: str) -> None:
    assert literal(value) == text
    assert find(f"$[?@ == {text}]", [value, "other"]) == [value]


@pytest.mark.parametrize(("value", "kind"), [([1], "array"), ({}, "object"), (b"a", "bytes")])
def test_what_cannot_stand_in_a_path(value: Any, kind: str) -> None:
    with pytest.raises(JSONPathError, match=f"^an? {kind} cannot stand in a JSONPath$"):
        literal(value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$..*", loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)),
        ("$..a", loads(b'{"b":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH)),
        ("$[?@..a]", loads(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH)),
        ("$" + "[*]" * MAX_STEPS, loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)),
        ("$.items[?@.id == 7]", {"items": [{"id": n} for n in range(20_000)]}),
        ("$[?search(@, '^(a+)+$')]", ["a" * 20_000 + "!"] * 5),
        ("$[?match(@, '(a|aa)+')]", ["a" * 20_000 + "!"] * 5),
        ("$.a" + ".b" * 2_000, {"a": 1}),
    ],
    ids=lambda one: one[:24] if isinstance(one, str) else "",
)
def test_no_document_makes_a_path_slow_or_breaks_it(path: str, value: Any) -> None:
    begin = time.process_time()
    compile_path(path).find(Document(value))
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("path", "value", "singular", "found"),
    [
        ("$.a[0]", {"a": [Number("1.50")]}, True, [Number("1.50")]),
        ("$.a[*]", {"a": [1, 2]}, False, [1, 2]),
        ("$.a[?(@.b > 1)].b", {"a": [{"b": 1}, {"b": 2}]}, False, [2]),
        ("$..b", {"a": {"b": 1}, "b": 2}, False, [1, 2]),
        ("$.a.`len`", {"a": [1, 2]}, False, [2]),
        ("$.'a b'", {"a b": 1}, True, [1]),
    ],
)
def test_the_other_dialect(path: str, value: Any, singular: bool, found: list[Any]) -> None:
    compiled: Path = compile_path(path, "ng")
    assert compiled.singular is singular
    assert sorted(str(one) for _, one in compiled.find(Document(value))) == sorted(map(str, found))


@pytest.mark.parametrize("path", ["$.a[", "$.a[?(@.b", "a b c", "$.a[?(@.b ~= '[')]x"])
def test_what_is_no_path_of_the_other_dialect(path: str) -> None:
    with pytest.raises(JSONPathError, match=r"^not a JSONPath \(jsonpath-ng\): \S"):
        compile_path(path, "ng")


@pytest.mark.parametrize(
    "path", ["$[?match(@, '(?=a)a')]", "$[?!search(@.a, '(?=b)')]", "$[?search(@.a, '(')]"]
)
def test_an_expression_that_is_written_in_a_path_is_looked_at(path: str) -> None:
    with pytest.raises(JSONPathError, match="RE2"):
        compile_path(path)
