"""Judging a value by a schema, without recursion.

Rules kept here:
- a schema looks at a value once, however many ways lead there, so that no data and no schema makes it slow;
- depth costs no stack: one loop serves the calls that parts of schemas ask for with `yield`;
- where a schema fails otherwise, what is left unevaluated is not reported beside it.
"""

from collections.abc import Generator, Iterable
from typing import Any

from pytest_apitest.json_schema.nodes import Call, EndlessError, Finding, Known, Node, Result
from pytest_apitest.jsonpath import Location
from pytest_apitest.jsonvalue import MAX_DEPTH

# Far over what any schema needs on one value, far under what a loop of dynamic references does.
_MAX_HOPS = 10_000

TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"


def findings(root: Node, value: Any, limit: int) -> list[Finding]:
    """Return what is wrong with a value, without repeats.

    Raises:
        EndlessError: the schema calls itself on one value again and again.

    """
    if is_too_deep(value):
        return [((), TOO_DEEP, root, "")]
    result = _run(Call(root, value, (), (root.base,), limit))
    once: dict[tuple[Location, str], Finding] = {}
    for finding in result.found:
        once.setdefault(finding[:2], finding)
    return list(once.values())[:limit]


def _run(first: Call) -> Result:
    """Evaluate a call and all that it asks for."""
    known: Known = {}
    running: list[tuple[Call, Generator[Call, Result, Result]]] = []
    wanted: Call | None = first
    answer: Result | None = None
    while True:
        if wanted is not None:
            answer = _at_once(wanted, known)
            if answer is None:
                running.append((wanted, _evaluate(wanted)))
        if not running:
            assert answer is not None
            return answer
        call, steps = running[-1]
        try:
            wanted = steps.send(answer)  # type: ignore[arg-type]  # None starts a generator
        except StopIteration as end:
            wanted, answer = None, end.value
            if isinstance(call.value, dict | list):
                known[call.node, id(call.value), call.scope] = (call, end.value)
            running.pop()


def _at_once(call: Call, known: Known) -> Result | None:
    """Return the result of a call that asks for no other, or that was made before."""
    if not call.node.parts:
        return Result(call.node.own(call.value, call.place))
    if call.hops > _MAX_HOPS:
        raise EndlessError
    if not isinstance(call.value, dict | list):
        return None  # soon done again; and one text or number may be at many places
    before, result = known.get((call.node, id(call.value), call.scope), (None, None))
    if before is None or result is None or before.place != call.place:
        return None
    return result if not result.found or before.limit >= call.limit else None


def _evaluate(call: Call) -> Generator[Call, Result, Result]:
    result = Result(call.node.own(call.value, call.place))
    for _, part in call.node.parts:
        if len(result.found) >= call.limit:
            break
        yield from part(call, result)
    return result


def is_too_deep(value: Any) -> bool:
    """Tell whether a value is nested deeper than any document may be."""
    level = [value]
    for _ in range(MAX_DEPTH):
        # By identity: a value of Python's own making may hold one list a million times, or itself.
        below = {id(item): item for outer in level for item in _items(outer) if isinstance(item, dict | list)}
        level = list(below.values())
        if not level:
            return False
    return True


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
