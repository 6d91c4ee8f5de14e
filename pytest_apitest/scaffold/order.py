"""The order of steps: what is made first is read, changed and removed afterwards.

Rules kept here:
- resources come in the order of the description, each with what is below it;
- of a collection: create, read one, list, what else can be asked of it, replace and change, what is below one, remove;
- of anything else: read, do, replace and change, what is below it, remove.
"""

from collections.abc import Iterator, Sequence
from dataclasses import field

from pytest_apitest.data import record
from pytest_apitest.scaffold.flow import is_parameter, segments_of
from pytest_apitest.scaffold.operations import METHODS, Operation

_READING = ("GET", "HEAD", "OPTIONS", "TRACE")
_CHANGING = ("PUT", "PATCH")


@record
class _Place:
    """A path with its operations and the paths below it."""

    operations: list[Operation] = field(default_factory=list)
    below: dict[str, "_Place"] = field(default_factory=dict)


def ordered(operations: Sequence[Operation]) -> list[Operation]:
    """Return operations in the order in which their steps stand.

    Args:
        operations: in the order of the description.

    """
    root = _Place()
    for operation in operations:
        place = root
        for segment in segments_of(operation.path):
            place = place.below.setdefault("{}" if is_parameter(segment) else segment, _Place())
        place.operations.append(operation)
    return list(_walked(root))


def _of(place: _Place, *methods: str) -> Iterator[Operation]:
    known = sorted(place.operations, key=lambda one: METHODS.index(one.method.lower()))
    return (one for one in known if one.method in methods)


def _walked(place: _Place) -> Iterator[Operation]:
    item = place.below.get("{}")
    literal = [below for segment, below in place.below.items() if segment != "{}"]
    if item is None:
        yield from _of(place, *_READING)
        yield from _of(place, "POST")
        yield from _of(place, *_CHANGING)
        for below in literal:
            yield from _walked(below)
        yield from _of(place, "DELETE")
        return
    yield from _of(place, "POST")
    made_by_put = [one for one in _of(item, "PUT") if any(answer.key == "201" for answer in one.responses)]
    first = made_by_put if not list(_of(place, "POST")) else []
    yield from first
    yield from _of(item, *_READING)
    yield from _of(place, *_READING)
    for below in literal:
        yield from _walked(below)
    yield from (one for one in _of(item, *_CHANGING) if one not in first)
    yield from _of(item, "POST")
    for below in item.below.values():
        yield from _walked(below)
    yield from _of(item, "DELETE")
    yield from _of(place, *_CHANGING)
    yield from _of(place, "DELETE")
