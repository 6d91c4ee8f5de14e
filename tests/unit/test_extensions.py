"""What a project adds to the language: how it acts in documents, and what is refused."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_apitest.auth import AuthError, SignedRequest
from pytest_apitest.checks.evaluation import Missing
from pytest_apitest.extensions import Extensions
from pytest_apitest.functions import FilterError
from pytest_apitest.jsonvalue import Number
from pytest_apitest.registry import Table
from tests.authoring import Author, misses, scope

REQUEST = SignedRequest("GET", "https://a.example/", (), b"body")
PLACES: dict[str, Callable[[Extensions], Table[Any]]] = {
    "function": lambda extensions: extensions.functions,
    "filter": lambda extensions: extensions.filters,
    "operator": lambda extensions: extensions.operators,
    "auth": lambda extensions: extensions.schemes,
    "report": lambda extensions: extensions.reports,
}


def documented(value: Any = "", other: Any = "") -> Any:
    """Return what it is given."""
    return value if other == "" else (value, other)


def raising(error: Exception) -> Callable[..., Any]:
    def call(value: Any = "", other: Any = "") -> Any:
        """Raise."""
        raise error

    return call


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


def rendered(author: Author, text: str, **names: Any) -> Any:
    """Render a value that stands in a check."""
    operand = author.check(f'{{equals: "{text}"}}').uses[0].operand
    return operand.render(scope(**names))


@pytest.mark.parametrize("kind", PLACES)
def test_an_addition_stays_in_its_own_tables(kind: str) -> None:
    extensions = Extensions()
    getattr(extensions, f"add_{kind}")("brand_new", documented)
    assert "brand_new" in PLACES[kind](extensions)
    assert "brand_new" not in PLACES[kind](Extensions())


@pytest.mark.parametrize("kind", [kind for kind in PLACES if kind != "report"])
def test_an_addition_is_described_by_its_docstring(kind: str) -> None:
    extensions = Extensions()
    getattr(extensions, f"add_{kind}")("brand_new", documented)
    assert PLACES[kind](extensions)["brand_new"].doc == "Return what it is given."


@pytest.mark.parametrize(
    ("kind", "name"),
    [("function", "uuid"), ("filter", "upper"), ("operator", "equals"), ("auth", "basic"), ("auth", "none")],
)
def test_a_name_that_exists_is_refused(kind: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' exists already; choose another name$"):
        getattr(Extensions(), f"add_{kind}")(name, documented)


@pytest.mark.parametrize("kind", PLACES)
def test_a_name_that_was_added_is_refused(kind: str) -> None:
    extensions = Extensions()
    add = getattr(extensions, f"add_{kind}")
    add("brand_new", documented)
    with pytest.raises(ValueError, match=r"'brand_new' exists already; choose another name$"):
        add("brand_new", documented)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", ["", "a-b", "a b", "1a", "é", "a\n", "a.b", "$a"])
def test_a_malformed_name_is_refused(kind: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"is no name: letters, digits and _$"):
        getattr(Extensions(), f"add_{kind}")(name, documented)


@pytest.mark.parametrize("kind", PLACES)
def test_what_has_no_docstring_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"^'x' needs a docstring: its first paragraph is the entry"):
        getattr(Extensions(), f"add_{kind}")("x", lambda value, other: None)


@pytest.mark.parametrize("kind", ["function", "filter"])
def test_a_function_that_a_reference_cannot_call_is_refused(kind: str) -> None:
    def loud(text: str, *, volume: int) -> str:
        """Shout."""
        return text * volume

    with pytest.raises(ValueError, match=r"^'loud' asks for volume by name, which a reference cannot give$"):
        getattr(Extensions(), f"add_{kind}")("loud", loud)


def test_functions_and_filters_in_references(author: Author) -> None:
    def twice(value: Any, times: int = 2) -> Any:
        """Return it twice."""
        return (value,) * times

    author.extensions.add_function("pair", documented)
    author.extensions.add_filter("twice", twice)
    assert rendered(author, "${pair('a', 1)}") == ["a", 1]  # a tuple is a list here
    assert rendered(author, "${pair(0.5) | twice}") == [Number("0.5")] * 2
    assert rendered(author, "${x | twice(1) | first}", x="a") == "a"
    assert author.messages("scenario: t\nvariables: {a: '${pair(1, 2, 3)}'}\nsteps: [{request: 'GET https://a.example/'}]\n") == [
        "2:17: function pair takes 0 to 2 arguments, got 3"
    ]  # fmt: skip


def test_floats_of_python_become_exact() -> None:
    def half(value: int) -> float:
        """Return the half."""
        return value / 2

    extensions = Extensions()
    extensions.add_filter("half", half)
    found = extensions.filters["half"].call(3)
    assert (found, type(found)) == (Number("1.5"), Number)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FilterError("own words"), "own words"),
        (ValueError("too small"), "too small"),
        (KeyError("gone"), "the function f of tests.unit.test_extensions failed: KeyError: 'gone'"),
        (ZeroDivisionError(), "the function f of tests.unit.test_extensions failed: ZeroDivisionError"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "the function f of tests.unit.test_extensions failed: UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: bad"),
        (RuntimeError("one\ntwo"), "the function f of tests.unit.test_extensions failed: RuntimeError: one"),
    ],
)  # fmt: skip
def test_a_function_that_raises_fails_the_step_in_one_line(error: Exception, said: str) -> None:
    extensions = Extensions()
    extensions.add_function("f", raising(error))
    with pytest.raises(FilterError) as caught:
        extensions.functions["f"].call()
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (True, []),
        (None, []),
        (False, ["expected odd 1, got 2"]),
        ("expected an odd number, got 2", ["expected an odd number, got 2"]),
        (0, ["expected odd 1, got 2"]),
        ("", ["expected odd 1, got 2"]),
    ],
)
def test_what_an_operator_returns(author: Author, answer: Any, said: list[str]) -> None:
    def odd(actual: Any, operand: Any) -> Any:
        """Tell whether it is odd."""
        assert (actual, operand) == (2, 1)
        return answer

    author.extensions.add_operator("odd", odd)
    assert misses(author.check("{odd: 1}"), 2) == said
    assert misses(author.check("{odd: '${x}'}"), 2, x=1) == said
    assert (misses(author.check("{not: {odd: 1}}"), 2) == []) is bool(said)


@pytest.mark.parametrize(
    ("error", "said", "applies"),
    [
        (AssertionError("too long"), "odd: too long", True),
        (TypeError("no"), "the operator odd of tests.unit.test_extensions failed: TypeError: no", False),
        (
            ZeroDivisionError(),
            "the operator odd of tests.unit.test_extensions failed: ZeroDivisionError",
            False,
        ),
    ],
)
def test_an_operator_that_raises_is_never_a_pass(
    author: Author, error: Exception, said: str, applies: bool
) -> None:
    author.extensions.add_operator("odd", raising(error))
    assert misses(author.check("{odd: 1}"), 2) == [said]
    assert (misses(author.check("{not: {odd: 1}}"), 2) == []) is applies


def test_a_value_that_is_missing_does_not_reach_an_operator(author: Author) -> None:
    author.extensions.add_operator("fine", documented)
    assert misses(author.check("{fine: true}"), Missing("not sent")) == ["not sent"]


def test_a_scheme_is_read_by_its_settings(author: Author) -> None:
    def sign(request: SignedRequest, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """Sign it."""
        return {"X-Sign": f"{request.method} {settings['key']} {settings.get('more')}"}

    author.extensions.add_auth("signed", sign, ("key",), ("more",))
    author.extensions.add_auth("plain", documented)
    text = "scenario: t\nsteps: [{{request: 'GET https://a.example/', auth: {}}}]\n"
    for fine in ("{signed: {key: abcd}}", "{signed: {key: abcd, more: efgh}}", "{plain: abcd}"):
        assert author.messages(text.format(fine)) == []
    assert [one.partition(": ")[2] for one in author.messages(text.format("{signed: {more: efgh}}"))] != []
    assert [one for one in author.messages(text.format("{signed: {key: abcd, mor: efgh}}")) if "more" in one]
    scheme = author.extensions.schemes["signed"]
    assert scheme.headers(REQUEST, {"key": "abcd"}) == {"X-Sign": "GET abcd None"}
    assert scheme.settings is not None
    assert {name: field.secret for name, field in scheme.settings.items()} == {"key": True, "more": True}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"X-A": 1}, 'the auth scheme s of tests.unit.test_extensions failed: TypeError: headers are texts, got "X-A" (text): 1 (number)'),
        (5, "the auth scheme s of tests.unit.test_extensions failed: TypeError: 'int' object is not iterable"),
    ],
)  # fmt: skip
def test_a_scheme_that_returns_no_headers(answer: Any, said: str) -> None:
    def sign(request: SignedRequest, settings: Mapping[str, Any]) -> Any:
        """Sign it."""
        return answer

    extensions = Extensions()
    extensions.add_auth("s", sign)
    with pytest.raises(AuthError) as caught:
        extensions.schemes["s"].headers(REQUEST, {"value": "x"})
    assert str(caught.value) == said


def test_a_scheme_that_raises_is_told_without_a_traceback() -> None:
    extensions = Extensions()
    extensions.add_auth("s", raising(RuntimeError("no key")))
    extensions.add_auth("own", raising(AuthError("own words")))
    with pytest.raises(AuthError, match=r"^the auth scheme s of .* failed: RuntimeError: no key$"):
        extensions.schemes["s"].headers(REQUEST, {})
    with pytest.raises(AuthError, match=r"^own words$"):
        extensions.schemes["own"].headers(REQUEST, {})
