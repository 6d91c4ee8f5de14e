"""What of a description a run exercised: the part of the outcome that reports on coverage render.

Rules kept here:
- the unit is an operation with one of its documented statuses; percentages are of these pairs;
- percentages are cut, never rounded up: 100 is written only where nothing is missing;
- everything stands in the order of the description, so that parts of a run, made by several processes, are added
  up place by place;
- values of parameters and of bodies are never in it, only their names.
"""

from collections.abc import Iterable
from dataclasses import field
from math import floor
from typing import Any

from pytest_apitest.data import data, record

# Distinct things that a description does not have; a run against the wrong one would list every request.
MOST_UNDOCUMENTED = 100


@data
class Share:
    """How much of something was exercised.

    Args:
        exercised: how many.
        described: out of how many.

    """

    exercised: int
    described: int

    @property
    def percent(self) -> float | None:
        """The percentage with one decimal, cut; None when nothing is described."""
        return floor(1000 * self.exercised / self.described) / 10 if self.described else None

    def to_json(self) -> dict[str, Any]:
        """Return the share as JSON values."""
        return {"exercised": self.exercised, "described": self.described, "percent": self.percent}


@record
class PropertyCoverage:
    """A property of a body.

    Args:
        path: where, as JSONPath; `[*]` is each item, `.*` each member without a name of its own.
        seen: whether it was in a body.

    """

    path: str
    seen: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the property as JSON values."""
        return {"path": self.path, "seen": self.seen}


@record
class ParameterCoverage:
    """A parameter of an operation.

    Args:
        place: `path`, `query`, `header` or `cookie`.
        name: its name.
        required: whether it must be sent.
        sent: whether it was.

    """

    place: str
    name: str
    required: bool
    sent: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the parameter as JSON values."""
        return {"in": self.place, "name": self.name, "required": self.required, "sent": self.sent}


@record
class StatusCoverage:
    """A documented status of an operation.

    Args:
        status: its key in the description: `200`, `2XX`, `default`.
        exercised: number of answers that fell under it.
        violations: how many of these exchanges were not as described.
        properties: those of its bodies; none until an answer fell under it.

    """

    status: str
    exercised: int = 0
    violations: int = 0
    properties: list[PropertyCoverage] = field(default_factory=list)

    @property
    def word(self) -> str:
        """How it stands: `violated`, `exercised` or `missing`."""
        return "violated" if self.violations else "exercised" if self.exercised else "missing"

    @property
    def shown(self) -> str:
        """The number of answers, with a mark when some were not as described."""
        return f"{self.exercised:,}" + " !" * (self.violations > 0)

    def to_json(self) -> dict[str, Any]:
        """Return the status as JSON values."""
        return {
            "status": self.status,
            "exercised": self.exercised,
            "violations": self.violations,
            "properties": [one.to_json() for one in self.properties],
        }


@record
class OperationCoverage:
    """An operation of a description.

    Args:
        method: the method, in capitals.
        path: the path as written in the description.
        operation_id: its operationId; empty when it has none.
        line: its line in the description, from 1.
        exercised: number of exchanges.
        violations: how many of them were not as described.
        statuses: its documented statuses.
        parameters: its parameters.
        request: properties of its request bodies; none until it was called.

    """

    method: str
    path: str
    operation_id: str
    line: int
    exercised: int = 0
    violations: int = 0
    statuses: list[StatusCoverage] = field(default_factory=list)
    parameters: list[ParameterCoverage] = field(default_factory=list)
    request: list[PropertyCoverage] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"

    def status(self, key: str) -> StatusCoverage | None:
        """Return the documented status of a key in capitals, or None."""
        return next((one for one in self.statuses if one.status.upper() == key), None)

    @property
    def properties(self) -> list[tuple[str, PropertyCoverage]]:
        """The properties of all bodies, each with `request` or its status."""
        found = [("request", one) for one in self.request]
        return found + [(status.status, one) for status in self.statuses for one in status.properties]

    def to_json(self) -> dict[str, Any]:
        """Return the operation as JSON values."""
        out: dict[str, Any] = {
            "method": self.method,
            "path": self.path,
            "line": self.line,
            "exercised": self.exercised,
            "violations": self.violations,
            "statuses": [one.to_json() for one in self.statuses],
            "parameters": [one.to_json() for one in self.parameters],
            "request_properties": [one.to_json() for one in self.request],
        }
        if self.operation_id:
            out["operation_id"] = self.operation_id
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "OperationCoverage":
        """Return the operation of its JSON values."""
        return cls(
            data["method"],
            data["path"],
            data.get("operation_id", ""),
            data["line"],
            data["exercised"],
            data["violations"],
            [
                StatusCoverage(
                    one["status"], one["exercised"], one["violations"], _properties(one["properties"])
                )
                for one in data["statuses"]
            ],
            [
                ParameterCoverage(one["in"], one["name"], one["required"], one["sent"])
                for one in data["parameters"]
            ],
            _properties(data["request_properties"]),
        )

    def add(self, other: "OperationCoverage") -> None:
        """Add what another process exercised of it."""
        self.exercised += other.exercised
        self.violations += other.violations
        for own, status in zip(self.statuses, other.statuses, strict=False):
            own.exercised += status.exercised
            own.violations += status.violations
            own.properties = _either(own.properties, status.properties)
        for one, parameter in zip(self.parameters, other.parameters, strict=False):
            one.sent = one.sent or parameter.sent
        self.request = _either(self.request, other.request)


@record
class Undocumented:
    """Something that was met and that the description does not have.

    Args:
        what: `path`, `method` or `status`.
        method: the method.
        path: the path: of the request for `path`, else as written in the description.
        status: the status of the answer.
        exercised: how often.

    """

    what: str
    method: str
    path: str
    status: int
    exercised: int = 0

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What two of them have in common when they are one."""
        return self.path, self.method, self.what, self.status

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "what": self.what,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "exercised": self.exercised,
        }


@record
class DescriptionCoverage:
    """A description, and what of it was exercised.

    Args:
        file: the file, as shown.
        title: title of the API; may be empty.
        version: version of the API; may be empty.
        operations: its operations, in their order.
        undocumented: what was met beside them.
        left_out: exchanges with more undocumented things than are listed.

    """

    file: str
    title: str
    version: str
    operations: list[OperationCoverage] = field(default_factory=list)
    undocumented: list[Undocumented] = field(default_factory=list)
    left_out: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        """What parts of one description have in common; two that were read from the same name may differ."""
        shape = (
            word
            for one in self.operations
            for word in (one.method, *(status.status for status in one.statuses))
        )
        return self.file, self.title, self.version, *shape

    @property
    def name(self) -> str:
        """Title and version; the file when it has no title."""
        return " ".join(filter(None, (self.title or self.file, self.version)))

    @property
    def shares(self) -> dict[str, Share]:
        """The shares of operations, statuses (pairs with their operation), parameters and properties."""
        statuses = [status for one in self.operations for status in one.statuses]
        parameters = [parameter for one in self.operations for parameter in one.parameters]
        properties = [found for one in self.operations for _, found in one.properties]
        return {
            "operations": Share(sum(one.exercised > 0 for one in self.operations), len(self.operations)),
            "statuses": Share(sum(one.exercised > 0 for one in statuses), len(statuses)),
            "parameters": Share(sum(one.sent for one in parameters), len(parameters)),
            "properties": Share(sum(one.seen for one in properties), len(properties)),
        }

    @property
    def status_keys(self) -> list[str]:
        """Every status that an operation documents, each once: numbers, classes, `default`."""
        found = {status.status.upper() for one in self.operations for status in one.statuses}
        return sorted(found, key=lambda key: (key == "DEFAULT", key[1:] == "XX", key))

    @property
    def violations(self) -> int:
        """Number of exchanges with its operations that were not as described."""
        return sum(one.violations for one in self.operations)

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON values."""
        shares = self.shares
        return {
            "file": self.file,
            "title": self.title,
            "version": self.version,
            "percent": shares["statuses"].percent,
            "totals": {name: share.to_json() for name, share in shares.items()},
            "operations": [one.to_json() for one in self.operations],
            "undocumented": [one.to_json() for one in self.undocumented],
            "undocumented_left_out": self.left_out,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "DescriptionCoverage":
        """Return the description of its JSON values."""
        return cls(
            data["file"],
            data["title"],
            data["version"],
            [OperationCoverage.from_json(one) for one in data["operations"]],
            [Undocumented(**one) for one in data["undocumented"]],
            data["undocumented_left_out"],
        )

    def add(self, other: "DescriptionCoverage") -> None:
        """Add what another process exercised of it."""
        for own, operation in zip(self.operations, other.operations, strict=False):
            own.add(operation)
        self.undocumented, left_out = gathered([*self.undocumented, *other.undocumented])
        self.left_out += other.left_out + left_out


@data
class Minimum:
    """How much of the descriptions of a run must be exercised.

    Args:
        wanted: percentage of pairs of an operation and a documented status, 0 to 100, as it was given.
        share: what was reached, of all descriptions together; None when the run had no description.

    """

    wanted: str
    share: Share | None

    @property
    def reached(self) -> bool:
        """Whether it is enough; without a description, or with an empty one, only 0 is reached."""
        if self.share is None or not self.share.described:
            return not float(self.wanted)
        return 100 * self.share.exercised >= float(self.wanted) * self.share.described

    @property
    def sentence(self) -> str:
        """What is to be told of it, in one line."""
        if self.share is None:
            return f"coverage: no description was checked, wanted {self.wanted} % (--apitest-coverage-min)"
        if not self.share.described:
            return f"coverage: nothing is described, wanted {self.wanted} % (--apitest-coverage-min)"
        word = "reached" if self.reached else "only"
        count = f"{self.share.exercised:,} of {self.share.described:,} statuses of operations"
        return f"coverage: {word} {percent(self.share)}, wanted {self.wanted} %: {count}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "wanted": float(self.wanted),
            "percent": self.share.percent if self.share is not None else None,
            "reached": self.reached,
        }


def percent(share: Share) -> str:
    """Return a percentage as people read it: `62.5 %`, `100 %`; `–` when nothing is described."""
    return f"{share.percent:g} %" if share.percent is not None else "–"


def minimum_of(wanted: str, coverage: Iterable[DescriptionCoverage]) -> Minimum:
    """Return how the descriptions of a run stand to a percentage, all of them together."""
    shares = [one.shares["statuses"] for one in coverage]
    whole = Share(sum(one.exercised for one in shares), sum(one.described for one in shares))
    return Minimum(wanted, whole if shares else None)


def merged(parts: Iterable[DescriptionCoverage]) -> list[DescriptionCoverage]:
    """Return what several processes exercised as one list, by file, whoever was first."""
    found: dict[tuple[str, ...], DescriptionCoverage] = {}
    for one in parts:
        if one.key in found:
            found[one.key].add(one)
        else:
            found[one.key] = one
    return [found[key] for key in sorted(found)]


def gathered(found: Iterable[Undocumented]) -> tuple[list[Undocumented], int]:
    """Return undocumented things, each once and in order, and the number of exchanges with those left out."""
    known: dict[tuple[str, str, str, int], Undocumented] = {}
    for one in found:
        if one.key in known:
            known[one.key].exercised += one.exercised
        else:
            known[one.key] = one
    listed = [known[key] for key in sorted(known)]
    return listed[:MOST_UNDOCUMENTED], sum(one.exercised for one in listed[MOST_UNDOCUMENTED:])


def _properties(listed: list[dict[str, Any]]) -> list[PropertyCoverage]:
    return [PropertyCoverage(one["path"], one["seen"]) for one in listed]


def _either(own: list[PropertyCoverage], other: list[PropertyCoverage]) -> list[PropertyCoverage]:
    """Return properties that one of two processes saw; a process without any did not look."""
    if not own or not other:
        return own or other
    for one, same in zip(own, other, strict=False):
        one.seen = one.seen or same.seen
    return own
