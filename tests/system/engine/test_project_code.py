"""What a project adds to the language may break in any way: one line, no traceback, no secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_apitest.engine import Options
from pytest_apitest.extensions import Extensions
from tests.harness import Bench
from tests.system.engine.noting import Noting, fixed

SECRET = "a-secret-nobody-sees"


class UntellableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this works")


ERRORS: dict[str, tuple[Callable[[], Exception], str]] = {
    "ValueError": (lambda: ValueError("no such thing"), "ValueError: no such thing"),
    "KeyError": (lambda: KeyError("gone"), "KeyError: 'gone'"),
    "empty": (RuntimeError, "RuntimeError"),
    "lines": (lambda: TypeError("first\nsecond"), "TypeError: first"),
    "recursion": (lambda: RecursionError("too deep"), "RecursionError: too deep"),
    "untellable": (UntellableError, "UntellableError"),
    "secret": (lambda: LookupError(f"nothing for {SECRET}"), "LookupError: nothing for [redacted: key]"),
}
HERE = __name__


def broken(make: Callable[[], Exception]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        """Breaks."""
        raise make()

    return call


@pytest.fixture
def extended(bench: Bench) -> Callable[[str], Bench]:
    def extend(name: str) -> Bench:
        make = ERRORS[name][0]
        bench.extensions.add_operator("odd", broken(make))
        bench.extensions.add_filter("odd", broken(make))
        bench.extensions.add_auth("odd", broken(make), fields=("key",))
        bench.extensions.add_function("odd", broken_without(make))
        return bench

    return extend


def broken_without(make: Callable[[], Exception]) -> Callable[[], Any]:
    def call() -> Any:
        """Breaks."""
        raise make()

    return call


PLACES = {
    "operator": ("request: GET /x, expect: {json: {$.a: {odd: 1}}}", "failed", "$.a: the operator odd of {here} failed: "),
    "negated operator": ("request: GET /x, expect: {json: {$.a: {not: {odd: 1}}}}", "failed", "$.a: the operator odd of {here} failed: "),
    "filter": ('request: "GET /${word | odd}"', "failed", "the filter odd of {here} failed: "),
    "function": ('request: "GET /${odd()}"', "failed", "the function odd of {here} failed: "),
    "auth": ('request: GET /x, auth: {odd: {key: "${key}"}}', "error", "the auth scheme odd of {here} failed: "),
}  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("place", PLACES)
def test_whatever_it_raises_is_one_line_of_the_step(
    extended: Callable[[str], Bench], place: str, error: str
) -> None:
    bench = extended(error)
    step, outcome, beginning = PLACES[place]
    case = bench.run(
        f"""
        scenario: Broken
        endpoints: {{api: "{fixed(bench, '{"a": 1}')}"}}
        variables: {{key: {{env: KEY, secret: true}}, word: x}}
        steps: [{{request: {{GET: /first, headers: {{x-key: "${{key}}"}}}}}}, {{{step}}}, {{request: GET /behind}}]
        """,
        options=Options(environment={"KEY": SECRET}),
    ).case
    told = beginning.format(here=HERE) + ERRORS[error][1]
    if error == "ValueError" and place in ("filter", "function"):  # its way to say no
        told = "word | odd: no such thing" if place == "filter" else "odd: no such thing"
    assert [failure.message for failure in case.failures] == [told]
    assert [step.outcome for step in case.steps] == ["passed", outcome, "not_run"]
    assert case.outcome == outcome
    assert SECRET not in repr(case.to_json())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (True, None),
        (None, None),
        (False, "$.a: expected custom 2, got 1"),
        ("expected better, got worse", "$.a: expected better, got worse"),
        (AssertionError("not so"), "$.a: custom: not so"),
        (0, "$.a: expected custom 2, got 1"),
    ],
)
def test_what_an_operator_answers(bench: Bench, answer: Any, message: str | None) -> None:
    def custom(actual: Any, operand: Any) -> Any:
        """Answers as told."""
        assert (actual, operand) == (1, 2)
        if isinstance(answer, Exception):
            raise answer
        return answer

    bench.extensions.add_operator("custom", custom)
    url = fixed(bench, '{"a": 1}')
    ran = bench.run(
        f"scenario: x\nendpoints: {{api: '{url}'}}\nsteps: [{{request: GET /x, expect: {{json: {{$.a: {{custom: 2}}}}}}}}]\n"
    )
    assert ran.messages == ([] if message is None else [message])


@pytest.mark.parametrize("headers", [None, ["a"], {"X-A": 1}, {1: "a"}, "text"])
def test_headers_of_a_scheme_that_are_none_are_told(bench: Bench, api: Noting, headers: Any) -> None:
    def odd(request: Any, settings: Any) -> Any:
        """Gives something else."""
        return headers

    bench.extensions.add_auth("odd", odd)
    ran = bench.run(
        f"scenario: x\nendpoints: {{api: '{api.url}'}}\nsteps: [{{request: GET /200/x, auth: {{odd: abcd}}}}]\n"
    )
    assert ran.outcomes == ["error"]
    assert ran.messages[0].startswith(f"the auth scheme odd of {HERE} failed: ")
    assert api.asked == []


@pytest.mark.parametrize("value", ["a\r\nX-B: 1", "\u20ac"])
def test_a_header_of_a_scheme_that_cannot_be_sent_is_told(bench: Bench, api: Noting, value: str) -> None:
    def odd(request: Any, settings: Any) -> Any:
        """Gives something else."""
        return {"X-A": value}

    bench.extensions.add_auth("odd", odd)
    ran = bench.run(
        f"scenario: x\nendpoints: {{api: '{api.url}'}}\nsteps: [{{request: GET /200/x, auth: {{odd: abcd}}}}]\n"
    )
    assert ran.messages[0].startswith("the header X-A ")
    assert api.asked == []


class Odd:
    """An object that breaks whenever it is looked at."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = None  # type: ignore[assignment]


class OddMapping(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError(f"nothing for {SECRET}")


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("value", "step", "message"),
    [
        (Odd(), 'request: "GET /200/${odd}"', "odd is a Odd inside a text; use | json or | default('')"),
        (Odd(), 'request: {POST: /200/x, json: {a: "${odd}"}}', "json: Odd is no JSON value"),
        (Odd(), 'request: {POST: /200/x, text: "${odd | json}"}', "odd | json: Odd is no JSON value"),
        (Odd(), 'request: GET /200/x, expect: {json: {$.number: "${odd}"}}', "$.number: expected <Odd> (Odd), got 1 (number)"),
        (Odd(), "request: GET /200/x, when: {odd: 1}", None),
        (Odd(), 'request: {GET: /200/x, headers: {x-a: "${odd}"}}', "x-a: has no text form: <Odd> (Odd); use json"),
        (Odd(), 'for_each: {x: "${odd}"}, request: "GET /200/${x}"', "for_each: x needs a list, got <Odd>"),
        (float("nan"), 'request: {POST: /200/x, json: "${odd}"}', "json: nan is no JSON value"),
        (OddMapping(a=1), 'request: "GET /200/${odd}"', "the value of the fixture odd cannot be read: RuntimeError: nothing for "),
        (ENDLESS, 'request: "GET /200/${odd}"', "the value of the fixture odd cannot be read: RecursionError: "),
    ],
)  # fmt: skip
def test_values_of_fixtures_that_break_are_told(
    bench: Bench, api: Noting, value: Any, step: str, message: str | None
) -> None:
    ran = bench.run(
        f"scenario: x\nfixtures: [odd]\nendpoints: {{api: '{api.url}'}}\nsteps: [{{{step}}}]\n",
        fixtures={"odd": value},
    )
    if message is None:
        assert ran.outcomes == ["skipped"]
        return
    assert ran.outcomes[0] in ("failed", "error")
    [told] = ran.messages
    assert told.startswith(message)
    assert "\n" not in told


def test_the_fixture_of_setup_that_breaks_is_the_error_of_every_case(bench: Bench, api: Noting) -> None:
    ran = bench.run(
        f"""
        scenario: x
        fixtures: [odd]
        endpoints: {{api: "{api.url}"}}
        setup: [{{request: "GET /200/${{odd}}"}}]
        cases: [{{case: a, steps: [{{request: GET /200/x}}]}}, {{case: b, steps: [{{request: GET /200/x}}]}}]
        """,
        fixtures={"odd": OddMapping(a=1)},
    )
    told = f"the value of the fixture odd cannot be read: RuntimeError: nothing for {SECRET}"
    assert (ran.outcomes, ran.messages) == (["error", "error"], [told, told])


def test_extensions_of_one_run_do_not_leak_into_another(tmp_path: Path) -> None:
    first, second = Extensions(), Extensions()
    first.add_operator("mine", broken(ValueError))
    assert "mine" in first.operators
    assert "mine" not in second.operators
