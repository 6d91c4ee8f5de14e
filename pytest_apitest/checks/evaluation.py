"""Checks as they are written, and what holds of a value (language, section 7).

Rules kept here:
- all operators of a check are tried and every miss is kept, each with the place of its operator;
- a value that is missing fails every operator but `exists: false`, also under `not`;
- an operator that does not apply is never a pass, also under `not` and in `any_of`;
- `each`, `any` and `sorted` do not pass on an empty array unless a `length` beside them admits 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

from pytest_apitest.checks.operators import Miss, Operator, needs
from pytest_apitest.data import data, record
from pytest_apitest.jsonvalue import JSON_NUMBER, NotJSONError, Number, kind, number, show, show_typed
from pytest_apitest.references import RenderError, Scope, Value, template_parts, text_of
from pytest_apitest.regex import RegexError, compile_regex, escape

SHOWN_ELEMENTS = 5


class Missing:
    """Stands for a value that is not there.

    Args:
        reason: what is there instead, for the message.

    """

    def __init__(self, reason: str = "not found") -> None:
        self.reason = reason


@data
class Use:
    """An operator with its operand, as written in a check.

    Args:
        operator: the operator.
        operand: the compiled operand: a `Value`, a `Check`, a list of checks, a `RegexOperand`, pairs of
            operator and value for `length`, or a plain constant.
        line: line of the operator in the file.
        column: its column.
        width: its width.

    """

    operator: Operator
    operand: Any
    line: int
    column: int
    width: int = 1


@data
class Check:
    """Operators that must all hold.

    Args:
        uses: the operators in written order.
        line: line of the check.
        column: its column.

    """

    uses: tuple[Use, ...]
    line: int
    column: int

    def use(self, name: str) -> Use | None:
        """Return the use of an operator by name, or None."""
        return next((use for use in self.uses if use.operator.name == name), None)


@data
class RegexOperand:
    """A regular expression that may hold references, which stand for literal text.

    Args:
        text: the pattern as a value.

    """

    text: Value

    def render(self, scope: Scope) -> Any:
        """Return the compiled expression; raises `RenderError`."""
        try:
            return compile_regex(regex_text(self.text, scope))
        except RegexError as error:
            raise RenderError(f"matches: {error}") from None


def regex_text(value: Value, scope: Scope) -> str:
    """Return a pattern with its references inserted as literal text."""
    parts = template_parts(value)
    if parts is None:
        raise RenderError("a regular expression is a text")
    return "".join(
        part if isinstance(part, str) else escape(text_of(part.resolve(scope), part)) for part in parts
    )


@record
class Look:
    """How values are looked at while a check is evaluated.

    Args:
        scope: where references are looked up.
        numeric_texts: whether a text counts as a number where a number is asked for (headers).
        notes: sentences for the report that judge nothing.

    """

    scope: Scope
    numeric_texts: bool = False
    notes: list[str] = field(default_factory=list)


@data
class Found:
    """A miss with the place of the operator that was missed."""

    miss: Miss
    line: int
    column: int
    width: int


def evaluate(check: Check, actual: Any, look: Look, path: str = "") -> list[Found]:
    """Return every miss of a check on a value.

    Args:
        check: the check.
        actual: the value, or `Missing`.
        look: scope and manner of looking.
        path: where the value stands below the one the check was written for.

    """
    found: list[Found] = []
    for use in check.uses:
        for miss in _misses(use, check, actual, look):
            if isinstance(miss, Found):
                inner = miss.miss
                moved = Miss(inner.expected, inner.got, inner.message, inner.applies, path + inner.path)
                found.append(Found(moved, miss.line, miss.column, miss.width))
            else:
                moved = Miss(miss.expected, miss.got, miss.message, miss.applies, path + miss.path)
                found.append(Found(moved, use.line, use.column, use.width))
    return found


def _misses(use: Use, check: Check, actual: Any, look: Look) -> Sequence[Miss | Found]:
    name = use.operator.name
    if name == "any_of":
        return _any_of(use, actual, look)
    if isinstance(actual, Missing):
        if name == "exists" and use.operand is False:
            return []
        return [Miss("something", "nothing", actual.reason)]
    if name in ("each", "any"):
        return _elements(use, check, actual, look)
    if name == "not":
        return _not(use, actual, look)
    if name == "sorted" and actual == []:
        return [] if _admits_none(check, look) else [_saw_none("sorted")]
    operand = _operand(use, look.scope)
    if look.numeric_texts and isinstance(actual, str):
        actual = _as_number(actual, operand, use.operator)
    return use.operator.test(actual, operand)


def _operand(use: Use, scope: Scope) -> Any:
    """Render an operand and see that it is one the operator can work with."""
    kind_ = use.operator.operand
    if kind_ == "length":
        return [(operator, _number(operator.name, value.render(scope))) for operator, value in use.operand]
    if not isinstance(use.operand, Value | RegexOperand):
        return use.operand
    operand = use.operand.render(scope)
    name = use.operator.name
    if kind_ == "bound":
        return _number(name, operand)
    if kind_ == "text" and (not isinstance(operand, str) or not operand):
        raise RenderError(f"{name} needs a text that is not empty, got {show_typed(operand)}")
    if kind_ == "content" and operand in ("", [], {}):
        raise RenderError(f"{name} {show(operand)} is always true")
    if kind_ == "members" and (not isinstance(operand, list) or not operand):
        raise RenderError(f"{name} needs a list that is not empty, got {show_typed(operand)}")
    return operand


def _number(name: str, operand: Any) -> Any:
    if kind(operand) != "number":
        raise RenderError(f"{name} needs a number, got {show_typed(operand)}")
    return operand


def _as_number(text: str, operand: Any, operator: Operator) -> Any:
    """Return a header's text as a number where the check compares numbers."""
    wanted = operator.operand == "bound" or (
        operator.operand in ("value", "members")
        and any(
            isinstance(one, int | Number) and not isinstance(one, bool)
            for one in (operand if isinstance(operand, list) else [operand])
        )
    )
    if not wanted or not JSON_NUMBER.fullmatch(text):
        return text
    try:
        return number(text)
    except NotJSONError:
        return text


def _admits_none(check: Check, look: Look) -> bool:
    use = check.use("length")
    return use is not None and not use.operator.test([], _operand(use, look.scope))


def _saw_none(name: str) -> Miss:
    message = f"{name} saw no element; add length: {{at_least: 0}} if none is fine"
    return Miss("elements", "none", message, applies=False)


def _elements(use: Use, check: Check, actual: Any, look: Look) -> Sequence[Miss | Found]:
    name = use.operator.name
    if not isinstance(actual, list):
        return needs(name, "an array", actual)
    if not actual:
        return [] if _admits_none(check, look) else [_saw_none(name)]
    results = ((index, evaluate(use.operand, item, look, f"[{index}]")) for index, item in enumerate(actual))
    if name == "each":
        return _each(results)
    first: list[Found] = []
    odd = ""
    for index, found in results:
        if not found:
            return []
        first = first or found
        odd = odd or next((f"; [{index}]: {one.miss.sentence}" for one in found if not one.miss.applies), "")
    if len(actual) == 1:
        return first
    wanted = describe(use.operand, look)
    message = f"none of {len(actual)} elements is {wanted}: {show(actual, 120)}{odd}"
    return [Miss(f"an element that is {wanted}", show(actual, 120), message, applies=not odd)]


def _each(results: Iterator[tuple[int, list[Found]]]) -> list[Miss | Found]:
    out: list[Miss | Found] = []
    failing = 0
    applies = True
    for _, found in results:
        if found:
            failing += 1
            if failing <= SHOWN_ELEMENTS:
                out.extend(found)
            else:  # those that are only counted may not turn into a pass under `not` either
                applies = applies and all(one.miss.applies for one in found)
    if failing > SHOWN_ELEMENTS:
        more = failing - SHOWN_ELEMENTS
        out.append(Miss("", "", f"{more} more element{'s' * (more != 1)} failed", applies=applies))
    return out


def _any_of(use: Use, actual: Any, look: Look) -> list[Miss | Found]:
    tried: list[list[Found]] = []
    for check in use.operand:
        found = evaluate(check, actual, look)
        if not found:
            if isinstance(actual, Missing):
                look.notes.append("nothing seen")
            return []
        tried.append(found)
    reasons = "; ".join(found[0].miss.sentence for found in tried)
    got = "nothing" if isinstance(actual, Missing) else show(actual)
    message = f"none of {len(tried)} checks passed: {reasons}"
    applies = any(one.miss.applies for found in tried for one in found)
    return [Miss("one of several checks to pass", got, message, applies=applies)]


def _not(use: Use, actual: Any, look: Look) -> list[Miss | Found]:
    found = evaluate(use.operand, actual, look)
    odd = [one for one in found if not one.miss.applies]
    if odd:
        return list(odd)
    if found:
        return []
    return [Miss(f"not {describe(use.operand, look)}", show(actual))]


def describe(check: Check, look: Look) -> str:
    """Return the demand of a check in words."""
    words = []
    for use in check.uses:
        if use.operator.name == "not":
            words.append(f"not {describe(use.operand, look)}")
        elif use.operator.operand in ("check", "checks"):
            words.append(f"a value that passes {use.operator.name}")
        else:
            words.append(use.operator.wants(_operand(use, look.scope)))
    return " and ".join(words)
