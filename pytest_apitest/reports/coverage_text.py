"""Coverage of descriptions for the terminal: percentages, then what is missing, most important first.

Rules kept here:
- 80 columns are enough; what is long is cut, with the number of what was left out;
- what is missing because its operation was never called is not said again for its statuses and parameters.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator

from pytest_apitest.coverage import DescriptionCoverage, OperationCoverage, percent
from pytest_apitest.data import data
from pytest_apitest.outcome import RunOutcome
from pytest_apitest.shield import drawable

WIDTH = 80
# Lines of one group of missing things; names of one operation in it.
MOST_LINES = 10
MOST_NAMES = 12
_LONGEST = 56
# Texts of a description have no control characters here.
_NO_BREAK = "\0"
_ALL = "--apitest-report DIR writes them all"


@data
class Line:
    """A line for the terminal.

    Args:
        text: the line.
        style: `bold`, `red`, or an empty text.

    """

    text: str
    style: str = ""


@data
class _Group:
    """A kind of missing things.

    Args:
        title: what is said of them.
        names: returns those of an operation; None when it has none of the kind.
        style: of the title.

    """

    title: str
    names: Callable[[OperationCoverage], list[str] | None]
    style: str = ""


def lines_of(run: RunOutcome) -> Iterator[Line]:
    """Yield the lines of a run, without a heading."""
    if not run.coverage:
        yield Line("no description was checked")
    for number, one in enumerate(run.coverage):
        if number:
            yield Line("")
        yield from _description(one)


def _description(coverage: DescriptionCoverage) -> Iterator[Line]:
    shares = coverage.shares
    yield Line(f"{percent(shares['statuses'])} of {_short(coverage.name)}", "bold")
    if coverage.title:
        yield Line(f"  {_short(coverage.file)}")
    for name, words in (
        ("statuses", "statuses of operations"),
        ("operations", "operations"),
        ("parameters", "parameters"),
        ("properties", "properties of bodies"),
    ):
        one = shares[name]
        if one.described:
            yield Line(f"  {words:<22} {one.exercised:>6,} of {one.described:>6,}  {percent(one):>7}")
    for group in _GROUPS:
        yield from _missing(group, coverage.operations)
    yield from _undocumented(coverage)


def _missing(group: _Group, operations: Iterable[OperationCoverage]) -> Iterator[Line]:
    found = [(one, names) for one in operations if (names := group.names(one)) is not None]
    if not found:
        return
    yield Line(f"{group.title}: {sum(len(names) or 1 for _, names in found):,}", group.style)
    for one, names in found[:MOST_LINES]:
        # A line may end between two names, not inside of one.
        listed = [_short(name).replace(" ", _NO_BREAK) for name in names[:MOST_NAMES]]
        if len(names) > MOST_NAMES:
            listed.append(f"… and {len(names) - MOST_NAMES:,} more".replace(" ", _NO_BREAK))
        text = _short(one.name) + (": " + ", ".join(listed) if listed else "")
        indent = "  ! " if one.violations else "    "
        lines = textwrap.wrap(
            text, WIDTH, initial_indent=indent, subsequent_indent=" " * 8, break_on_hyphens=False
        )
        yield from (Line(line.replace(_NO_BREAK, " ")) for line in lines)
    if len(found) > MOST_LINES:
        yield Line(f"    … and {len(found) - MOST_LINES:,} more operations; {_ALL}")


def _violated(operation: OperationCoverage) -> list[str] | None:
    names = [
        f"{one.status} ({one.violations:,} of {one.exercised:,})"
        for one in operation.statuses
        if one.violations
    ]
    others = operation.violations - sum(one.violations for one in operation.statuses)
    return [*names, *([f"other statuses ({others:,})"] if others else [])] or None


def _uncalled(operation: OperationCoverage) -> list[str] | None:
    return None if operation.exercised else []


def _unseen_statuses(operation: OperationCoverage) -> list[str] | None:
    return _of_called(operation, (one.status for one in operation.statuses if not one.exercised))


def _unsent(operation: OperationCoverage) -> list[str] | None:
    return _of_called(operation, (f"{one.place} {one.name}" for one in operation.parameters if not one.sent))


def _unseen_properties(operation: OperationCoverage) -> list[str] | None:
    names: list[str] = []
    lost: set[tuple[str, str]] = set()
    for where, one in operation.properties:
        # What stands below something that never came is not said again; what is above comes first.
        if not one.seen and not any((where, above) in lost for above in _above(one.path)):
            names.append(f"{where} {one.path}")
        if not one.seen:
            lost.add((where, one.path))
    return _of_called(operation, names)


def _above(path: str) -> Iterator[str]:
    return (path[:index] for index, character in enumerate(path) if character in ".[")


def _of_called(operation: OperationCoverage, names: Iterable[str]) -> list[str] | None:
    return (list(names) or None) if operation.exercised else None


_GROUPS = (
    _Group("not as described (!)", _violated, "red"),
    _Group("operations never called", _uncalled),
    _Group("statuses never seen", _unseen_statuses),
    _Group("parameters never sent", _unsent),
    _Group("properties never seen", _unseen_properties),
)


def _undocumented(coverage: DescriptionCoverage) -> Iterator[Line]:
    found = coverage.undocumented
    if not found:
        return
    yield Line(f"met, but not described: {len(found):,}" + "+" * bool(coverage.left_out))
    for one in found[:MOST_LINES]:
        name = drawable(f"{one.method} {one.path}", _LONGEST - 12)
        yield Line(f"    {name}: no such {one.what}, {one.status} ({one.exercised:,})")
    if len(found) > MOST_LINES:
        yield Line(f"    … and {len(found) - MOST_LINES:,} more; {_ALL}")


def _short(text: str) -> str:
    return drawable(text, _LONGEST)
