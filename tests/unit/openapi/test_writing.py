"""Writing parameters by style: what is written is read again as the same value, for every style and kind of value."""

import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from pytest_apitest.openapi.decoding import decoded
from pytest_apitest.openapi.operations import Parameter
from pytest_apitest.openapi.parameters import query_pairs
from pytest_apitest.openapi.writing import (
    WritingError,
    written_cookies,
    written_header,
    written_path,
    written_query,
)
from tests.unit.openapi.described import contract

STYLES = [
    *(("path", style, explode) for style in ("simple", "label", "matrix") for explode in (False, True)),
    *(
        ("query", style, explode)
        for style in ("form", "spaceDelimited", "pipeDelimited")
        for explode in (False, True)
    ),
    ("query", "deepObject", True),
    *(("header", "simple", explode) for explode in (False, True)),
    *(("cookie", "form", explode) for explode in (False, True)),
]
KINDS = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "numbers": {"type": "array", "items": {"type": ["integer", "null"]}},
    "object": {
        "type": "object",
        "properties": {"R": {"type": "integer"}, "a b": {"type": "string"}, "äö[]": {"type": "string"}, "t": {"type": "boolean"}},
    },
    "free": {"type": "object"},
    "deep": {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"type": "integer"}}, "a&b": {"type": "string"}},
    },
}  # fmt: skip
# Every character that some style, or a URL, gives a meaning; and letters that take several bytes.
CHARACTERS = "aZ09-._~ %+&=#?/:;,|[]{}()'\"!$*@<>^`\\éß漢😀"


def parameter(place: str, style: str, explode: bool, schema: Any, **more: Any) -> tuple[Any, Parameter]:
    """Return a contract and its parameter."""
    written = {"name": "p q" if place == "query" else "p", "in": place, "schema": schema, "style": style, "explode": explode, "required": place == "path", **more}  # fmt: skip
    made = contract({"/a/{p}": {"get": {"parameters": [written]}}})
    operation = made.operations.of("/a/{p}", "GET")
    assert operation is not None
    return made, operation.parameters[0]


def write_and_read(made: Any, one: Parameter, value: Any) -> Any:
    """Return what the contract reads of what is written."""
    looks = made._library.looks
    sent: Any
    if one.place == "path":
        sent = written_path(one, value, looks)
        found = made.operations.path(f"/a/{sent}", "")
        assert found is not None
        assert found.parameters == {"p": sent}
    elif one.place == "query":
        sent = query_pairs("&".join(written_query(one, value, looks)))
    elif one.place == "header":
        sent = written_header(one, value, looks)
    else:
        line = "; ".join(f"{name}={text}" for name, text in written_cookies(one, value, looks).items())
        sent = [(name, text) for name, _, text in (piece.partition("=") for piece in line.split("; "))]
    assert list(made.wrong_parameter(one, sent)) == []
    return decoded(one, sent, looks)


def texts(chosen: random.Random, place: str, style: str, *, apart: bool) -> Iterator[str]:
    """Yield texts that a style can write."""
    refused = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(style, "") if not apart else ""
    refused += ",=" if place == "header" else ""
    characters = [one for one in CHARACTERS if one not in refused and (place != "header" or one.isascii())]
    yield from characters if place != "header" else (one for one in characters if one.strip())
    for _ in range(40):
        text = "".join(chosen.choices(characters, k=chosen.randint(1, 6)))
        yield text.strip() or "x" if place == "header" else text


def values(kind: str, place: str, style: str, explode: bool) -> Iterator[Any]:
    """Yield values of a kind."""
    chosen = random.Random(f"{kind} {place} {style} {explode}")
    apart = kind == "text" or (explode and (kind != "object" or style == "form"))
    some = list(texts(chosen, place, style, apart=apart))
    numbers = [0, -1, 10**20, 2**53]
    if kind == "text":
        yield from some
    elif kind == "number":
        yield from numbers
    elif kind == "boolean":
        yield from (True, False)
    elif kind == "texts":
        yield from ([one] for one in some)
        yield from (chosen.choices(some, k=chosen.randint(2, 4)) for _ in range(30))
    elif kind == "numbers":
        yield from ([1], numbers, [1, None, 2])
    elif kind == "free":
        yield from ({"a": "b"}, {"x": "1", "y": "true"})
    elif kind == "object":
        names: dict[str, list[Any]] = {"R": numbers, "t": [True, False]}
        if place not in ("header", "cookie") and (style != "spaceDelimited"):
            names |= {"a b": some, "äö[]": some}
        for _ in range(30):
            members = chosen.sample(list(names), k=chosen.randint(1, len(names)))
            yield {name: chosen.choice(names[name]) for name in members}
    else:
        yield from ({"tags": [1, 2], "a&b": one} for one in some)


def combinations() -> Iterator[Any]:
    for place, style, explode in STYLES:
        for kind in KINDS:
            if (kind == "deep") != (style == "deepObject") and kind == "deep":
                continue
            if style == "deepObject" and kind in ("texts", "numbers"):
                continue
            yield pytest.param(place, style, explode, kind, id=f"{place}-{style}-{explode}-{kind}")


@pytest.mark.parametrize(("place", "style", "explode", "kind"), [*combinations()])
def test_what_is_written_is_read_again(place: str, style: str, explode: bool, kind: str) -> None:
    made, one = parameter(place, style, explode, KINDS[kind])
    count = 0
    for value in values(kind, place, style, explode):
        assert write_and_read(made, one, value) == value
        count += 1
    assert count >= 2


@pytest.mark.parametrize("explode", [False, True])
@pytest.mark.parametrize("kind", ["text", "texts", "object"])
def test_with_reserved_characters_too(kind: str, explode: bool) -> None:
    made, one = parameter("query", "form", explode, KINDS[kind], allowReserved=True)
    for value in values(kind, "query", "form", explode):
        assert write_and_read(made, one, value) == value
    assert written_query(parameter("query", "form", True, KINDS["text"], allowReserved=True)[1], "/a:b,c?#&+[é", made._library.looks) == [
        "p%20q=/a:b,c?%23%26%2B%5B%C3%A9"
    ]  # fmt: skip


# The table "Style Examples" of the specification, and what is not in it.
COLOR, COLORS = {"R": 100, "G": 200, "B": 150}, ["blue", "black", "brown"]
EXAMPLES: list[tuple[str, str, bool, Any, Any]] = [
    ("path", "matrix", False, "blue", ";color=blue"),
    ("path", "matrix", False, COLORS, ";color=blue,black,brown"),
    ("path", "matrix", False, COLOR, ";color=R,100,G,200,B,150"),
    ("path", "matrix", True, COLORS, ";color=blue;color=black;color=brown"),
    ("path", "matrix", True, COLOR, ";R=100;G=200;B=150"),
    ("path", "label", False, "blue", ".blue"),
    ("path", "label", False, COLORS, ".blue,black,brown"),
    ("path", "label", False, COLOR, ".R,100,G,200,B,150"),
    ("path", "label", True, COLORS, ".blue.black.brown"),
    ("path", "label", True, COLOR, ".R=100.G=200.B=150"),
    ("path", "simple", False, "blue", "blue"),
    ("path", "simple", False, COLORS, "blue,black,brown"),
    ("path", "simple", False, COLOR, "R,100,G,200,B,150"),
    ("path", "simple", True, COLOR, "R=100,G=200,B=150"),
    ("query", "form", False, "blue", ["color=blue"]),
    ("query", "form", False, "", ["color="]),
    ("query", "form", False, COLORS, ["color=blue,black,brown"]),
    ("query", "form", False, COLOR, ["color=R,100,G,200,B,150"]),
    ("query", "form", True, COLORS, ["color=blue", "color=black", "color=brown"]),
    ("query", "form", True, COLOR, ["R=100", "G=200", "B=150"]),
    ("query", "spaceDelimited", False, COLORS, ["color=blue%20black%20brown"]),
    ("query", "spaceDelimited", False, COLOR, ["color=R%20100%20G%20200%20B%20150"]),
    ("query", "pipeDelimited", False, COLORS, ["color=blue%7Cblack%7Cbrown"]),
    ("query", "pipeDelimited", False, COLOR, ["color=R%7C100%7CG%7C200%7CB%7C150"]),
    ("query", "deepObject", True, COLOR, ["color%5BR%5D=100", "color%5BG%5D=200", "color%5BB%5D=150"]),
    ("header", "simple", False, COLORS, "blue,black,brown"),
    ("header", "simple", False, COLOR, "R,100,G,200,B,150"),
    ("header", "simple", True, COLOR, "R=100,G=200,B=150"),
    ("header", "simple", False, "a b%,é", "a b%,é"),
    ("cookie", "form", True, "a b/c=", {"color": "a%20b/c="}),
    ("cookie", "form", False, COLORS, {"color": "blue,black,brown"}),
    ("cookie", "form", True, COLORS, {"color": "blue; color=black; color=brown"}),
    ("cookie", "form", True, COLOR, {"R": "100", "G": "200", "B": "150"}),
]
WRITERS: dict[str, Callable[..., Any]] = {
    "path": written_path,
    "query": written_query,
    "header": written_header,
    "cookie": written_cookies,
}


@pytest.mark.parametrize(("place", "style", "explode", "value", "expected"), EXAMPLES)
def test_as_the_specification_shows_it(
    place: str, style: str, explode: bool, value: Any, expected: Any
) -> None:
    kind = "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "string"
    written = {"name": "color", "in": place, "style": style, "explode": explode, "schema": {"type": kind}}
    made = contract({"/a": {"get": {"parameters": [written]}}})
    operation = made.operations.of("/a", "GET")
    assert operation is not None
    assert WRITERS[place](operation.parameters[0], value, made._library.looks) == expected


def of_json(place: str, schema: Any) -> tuple[Any, Parameter]:
    written = {"name": "p", "in": place, "content": {"application/json": {"schema": schema}}}
    made = contract({"/a/{p}": {"get": {"parameters": [written]}}})
    operation = made.operations.of("/a/{p}", "GET")
    assert operation is not None
    return made, operation.parameters[0]


@pytest.mark.parametrize("place", ["path", "query", "header", "cookie"])
def test_json_is_read_again(place: str) -> None:
    made, one = of_json(place, {})
    for value in ({"a": [1, {"b": None}], "ü&=;,": True}, [1, "2"], "a b", 7, False):
        assert write_and_read(made, one, value) == value


def test_a_text_is_sent_as_the_json_value_that_the_schema_takes_it_for() -> None:
    made, one = of_json("query", {"type": "integer"})
    assert written_query(one, "7", made._library.looks) == ["p=7"]
    made, one = of_json("query", {"type": "array", "items": {"type": "boolean"}})
    text = quote('[true,"x"]', safe="")
    assert written_query(one, ["true", "x"], made._library.looks) == [f"p={text}"]


def test_a_parameter_of_another_media_type_is_a_text() -> None:
    written = {"name": "p", "in": "query", "content": {"text/plain": {}}}
    made = contract({"/a": {"get": {"parameters": [written]}}})
    operation = made.operations.of("/a", "GET")
    assert operation is not None
    assert write_and_read(made, operation.parameters[0], "a b") == "a b"


@pytest.mark.parametrize(
    ("place", "style", "explode", "value", "message"),
    [
        ("path", "simple", False, "", "is empty: the URL would be another one"),
        ("path", "label", True, "", "is empty: the URL would be another one"),
        ("path", "simple", False, [], "is an empty list: leave it out, or write one value"),
        ("query", "form", True, [], "is an empty list: leave it out, or write one value"),
        ("query", "form", True, {}, "is an empty object: leave it out, or write one member"),
        ("query", "form", True, {"a": [1]}, "holds a list, which its style cannot write"),
        ("query", "deepObject", True, {"a": {"b": 1}}, "holds an object, which its style cannot write"),
        ("query", "form", True, [[1]], "holds a list, which its style cannot write"),
        ("query", "spaceDelimited", False, ["a b"], "holds a blank, which stands between the parts of spaceDelimited"),
        ("query", "pipeDelimited", False, {"a": "b|c"}, "holds a |, which stands between the parts of pipeDelimited"),
        ("header", "simple", False, ["a,b"], "holds a comma, which stands between the parts of a header"),
        ("header", "simple", True, {"a=b": "c"}, "has a name with =, which the style of a header cannot write"),
        ("query", "form", True, b"\xff", "byte 0 is not UTF-8"),
    ],
)  # fmt: skip
def test_what_cannot_be_written(place: str, style: str, explode: bool, value: Any, message: str) -> None:
    made, one = parameter(place, style, explode, {})
    with pytest.raises(WritingError) as caught:
        WRITERS[place](one, value, made._library.looks)
    assert str(caught.value) == message
