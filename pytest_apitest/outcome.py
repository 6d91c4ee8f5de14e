"""What became of a run: the one versioned model that every report renders (design, promise 6).

Rules kept here (language, section 10):
- texts in an outcome are redacted already; nothing behind this module sees a secret;
- outcomes of steps and cases are words: passed, failed, error, skipped, not_run, warned, not_applicable;
- the verdict is that of the first row of the table that holds: failures before emptiness before gaps;
- `to_json` gives plain JSON values, so that an outcome can cross a process boundary and come back.
"""

from dataclasses import field
from typing import Any

from pytest_apitest.coverage import DescriptionCoverage, Minimum
from pytest_apitest.data import data, record

SCHEMA = "apitest-result/1"

PASSED = "passed"
FAILED = "failed"
ERROR = "error"
SKIPPED = "skipped"
NOT_RUN = "not_run"
WARNED = "warned"
OUTCOMES = (PASSED, FAILED, ERROR, SKIPPED, NOT_RUN, WARNED)

SUCCESS = "Success"
FAILURE = "Failed"
NOT_COMPLETED = "Not completed"
NO_RESULTS = "No results"


@data
class Failure:
    """One thing that is not as it was asked for, or that went wrong.

    Args:
        path: what was looked at: `status`, `$.id`, `headers.etag`, `save quote`, `request`…
        message: the whole sentence, with the path.
        expected: what was asked for; empty when the message says it all.
        got: what was found; empty when the message says it all.
        file: file of the expectation, as shown.
        line: its line, from 1.
        column: its column, from 1.
        width: number of characters marked in the excerpt.
        kind: `check`, `save`, `request`, `setup`, `cleanup`, `teardown` or `should`.

    """

    path: str
    message: str
    expected: str = ""
    got: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    width: int = 1
    kind: str = "check"

    def to_json(self) -> dict[str, Any]:
        """Return the failure as JSON values."""
        return {
            "path": self.path,
            "message": self.message,
            "expected": self.expected,
            "got": self.got,
            "kind": self.kind,
            "place": {"file": self.file, "line": self.line, "column": self.column, "width": self.width},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Failure":
        """Return the failure of its JSON values."""
        place = data["place"]
        return cls(
            data["path"],
            data["message"],
            data["expected"],
            data["got"],
            place["file"],
            place["line"],
            place["column"],
            place["width"],
            data["kind"],
        )


@record
class ExchangeRecord:
    """One request and what came back, as it is shown.

    Args:
        method: the method.
        url: the URL.
        request_headers: header lines that were sent; empty when only a summary is kept.
        request_body: beginning of the body as text; empty when there was none or only a summary is kept.
        request_size: bytes of the body.
        status: status code, or None when no answer came.
        reason: reason phrase.
        response_headers: header lines that came; empty when only a summary is kept.
        content_type: media type of the answer.
        response_body: beginning of the body as text; empty when only a summary is kept.
        response_size: bytes of the body after decoding.
        duration: seconds.
        error: why no answer came; empty when one did.
        response_excerpt: the part of a long JSON body that the first failed path points into.
        curl: a curl line that repeats the request, with environment variables for secrets.

    """

    method: str
    url: str
    request_size: int = 0
    status: int | None = None
    reason: str = ""
    content_type: str = ""
    response_size: int = 0
    duration: float = 0.0
    error: str = ""
    request_headers: list[tuple[str, str]] = field(default_factory=list)
    request_body: str = ""
    response_headers: list[tuple[str, str]] = field(default_factory=list)
    response_body: str = ""
    response_excerpt: str = ""
    curl: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the exchange as JSON values; details only where they were kept."""
        request: dict[str, Any] = {"method": self.method, "url": self.url, "size": self.request_size}
        if self.request_headers:
            request["headers"] = [list(pair) for pair in self.request_headers]
        if self.request_body:
            request["body"] = self.request_body
        if self.curl:
            request["curl"] = self.curl
        response: dict[str, Any] | None = None
        if self.status is not None:
            response = {
                "status": self.status,
                "reason": self.reason,
                "content_type": self.content_type,
                "size": self.response_size,
            }
            if self.response_headers:
                response["headers"] = [list(pair) for pair in self.response_headers]
            if self.response_body:
                response["body"] = self.response_body
            if self.response_excerpt:
                response["excerpt"] = self.response_excerpt
        out: dict[str, Any] = {
            "request": request,
            "response": response,
            "duration_ms": round(self.duration * 1000, 3),
        }
        if self.error:
            out["error"] = self.error
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ExchangeRecord":
        """Return the exchange of its JSON values."""
        request, response = data["request"], data["response"] or {}
        return cls(
            request["method"],
            request["url"],
            request_size=request["size"],
            status=response.get("status"),
            reason=response.get("reason", ""),
            content_type=response.get("content_type", ""),
            response_size=response.get("size", 0),
            duration=data["duration_ms"] / 1000,
            error=data.get("error", ""),
            request_headers=[(name, value) for name, value in request.get("headers", ())],
            request_body=request.get("body", ""),
            response_headers=[(name, value) for name, value in response.get("headers", ())],
            response_body=response.get("body", ""),
            response_excerpt=response.get("excerpt", ""),
            curl=request.get("curl", ""),
        )


@data
class VariableRecord:
    """A name that a failed step used, its value and where the value came from, as they are shown."""

    name: str
    value: str
    origin: str

    def to_json(self) -> dict[str, Any]:
        """Return the variable as JSON values."""
        return {"name": self.name, "value": self.value, "origin": self.origin}


@record
class StepOutcome:
    """What became of one step.

    Args:
        name: its name, with the name of the fragment it stands in before it.
        outcome: one of the words.
        line: line of the step in `file`.
        file: file of the step, as shown.
        reason: why it was skipped or not run; empty otherwise.
        row: label of the row it ran for; empty without rows.
        phase: `setup`, `before_each`, `steps`, `cleanup`, `after_each` or `teardown`.
        duration: seconds of the whole step.
        tries: how often the request was sent.
        checks: number of checks that were made.
        failures: everything that failed.
        warnings: what `should` asked for in vain.
        notes: sentences that judge nothing, values of `report` among them.
        exchanges: the exchanges of the last try, one for each redirect.
        variables: names that a failed step used.

    """

    name: str
    outcome: str
    file: str = ""
    line: int = 0
    reason: str = ""
    row: str = ""
    phase: str = "steps"
    duration: float = 0.0
    tries: int = 0
    checks: int = 0
    failures: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    exchanges: list[ExchangeRecord] = field(default_factory=list)
    variables: list[VariableRecord] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the step as JSON values."""
        out: dict[str, Any] = {
            "name": self.name,
            "outcome": self.outcome,
            "phase": self.phase,
            "file": self.file,
            "line": self.line,
            "duration_ms": round(self.duration * 1000, 3),
            "tries": self.tries,
            "checks": self.checks,
            "exchanges": [exchange.to_json() for exchange in self.exchanges],
            "failures": [failure.to_json() for failure in self.failures],
        }
        if self.reason:
            out["reason"] = self.reason
        if self.row:
            out["row"] = self.row
        if self.warnings:
            out["warnings"] = [warning.to_json() for warning in self.warnings]
        if self.notes:
            out["notes"] = list(self.notes)
        if self.variables:
            out["variables"] = [variable.to_json() for variable in self.variables]
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "StepOutcome":
        """Return the step of its JSON values."""
        return cls(
            data["name"],
            data["outcome"],
            file=data["file"],
            line=data["line"],
            reason=data.get("reason", ""),
            row=data.get("row", ""),
            phase=data["phase"],
            duration=data["duration_ms"] / 1000,
            tries=data["tries"],
            checks=data["checks"],
            failures=[Failure.from_json(one) for one in data["failures"]],
            warnings=[Failure.from_json(one) for one in data.get("warnings", ())],
            notes=list(data.get("notes", ())),
            exchanges=[ExchangeRecord.from_json(one) for one in data["exchanges"]],
            variables=[VariableRecord(**one) for one in data.get("variables", ())],
        )


@record
class CaseOutcome:
    """What became of one case or rule.

    Args:
        id: node id of the test, or document and case for a run without pytest.
        title: title of the case; that of the document for a document of steps.
        document: title of the document.
        file: file, as shown.
        line: line of the case.
        outcome: one of the words.
        reason: why it was skipped or not run; empty otherwise.
        rule: id of the rule; empty for cases.
        level: level of the rule; empty for cases.
        description: what the file says of it for readers, else of its document; empty when nothing.
        version: version of the document; empty when there is none.
        duration: seconds.
        steps: its steps in the order they ran, those that did not run behind them.

    """

    id: str
    title: str
    document: str
    file: str
    line: int
    outcome: str = PASSED
    reason: str = ""
    rule: str = ""
    level: str = ""
    description: str = ""
    version: str = ""
    duration: float = 0.0
    steps: list[StepOutcome] = field(default_factory=list)

    @property
    def failures(self) -> list[Failure]:
        """All failures, those of the first failing step first."""
        return [failure for step in self.steps for failure in step.failures]

    @property
    def checks(self) -> int:
        """Number of checks that were made."""
        return sum(step.checks for step in self.steps)

    @property
    def passed(self) -> bool:
        """Whether it passed, warnings or not."""
        return self.outcome in (PASSED, WARNED)

    def to_json(self) -> dict[str, Any]:
        """Return the case as JSON values."""
        out: dict[str, Any] = {
            "id": self.id,
            "title": self.title,
            "scenario": self.document,
            "file": self.file,
            "line": self.line,
            "outcome": self.outcome,
            "duration_ms": round(self.duration * 1000, 3),
            "checks": self.checks,
            "steps": [step.to_json() for step in self.steps],
        }
        if self.reason:
            out["reason"] = self.reason
        if self.rule:
            out["rule"] = self.rule
            out["level"] = self.level
        if self.description:
            out["description"] = self.description
        if self.version:
            out["version"] = self.version
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "CaseOutcome":
        """Return the case of its JSON values."""
        return cls(
            data["id"],
            data["title"],
            data["scenario"],
            data["file"],
            data["line"],
            outcome=data["outcome"],
            reason=data.get("reason", ""),
            rule=data.get("rule", ""),
            level=data.get("level", ""),
            description=data.get("description", ""),
            version=data.get("version", ""),
            duration=data["duration_ms"] / 1000,
            steps=[StepOutcome.from_json(step) for step in data["steps"]],
        )


@record
class RunOutcome:
    """What became of a run.

    Args:
        cases: the cases, in the order they were collected.
        started: when it began, RFC 3339 in UTC.
        duration: seconds.
        problems: number of documents that could not be collected.
        provider: whether the run was asked for as a provider run, so that no result is an error.
        coverage: what was exercised of each description; empty when nobody asked, or there is none.
        minimum: how much must be exercised; None when nobody asked.

    """

    cases: list[CaseOutcome]
    started: str = ""
    duration: float = 0.0
    problems: int = 0
    provider: bool = False
    coverage: list[DescriptionCoverage] = field(default_factory=list)
    minimum: Minimum | None = None

    @property
    def totals(self) -> dict[str, int]:
        """Number of cases by outcome, `total`, and the number of checks."""
        counts = dict.fromkeys(OUTCOMES, 0)
        for case in self.cases:
            counts[case.outcome] += 1
        return {"total": len(self.cases), **counts, "checks": sum(case.checks for case in self.cases)}

    @property
    def passed(self) -> bool:
        """Whether the verdict is Success."""
        return self.verdict == SUCCESS

    @property
    def failures(self) -> list[Failure]:
        """All failures of all cases."""
        return [failure for case in self.cases for failure in case.failures]

    @property
    def lacks_coverage(self) -> bool:
        """Whether less of the descriptions was exercised than must be."""
        return self.minimum is not None and not self.minimum.reached

    @property
    def verdict(self) -> str:
        """The verdict: the first row of the table that holds (language, section 10)."""
        totals = self.totals
        if self.problems or totals[FAILED] or totals[ERROR] or self.lacks_coverage:
            return FAILURE
        if not totals["checks"]:
            return NO_RESULTS
        return NOT_COMPLETED if totals[NOT_RUN] else SUCCESS

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON values."""
        from pytest_apitest import __version__  # noqa: PLC0415

        out: dict[str, Any] = {
            "schema": SCHEMA,
            "tool": {"name": "pytest-apitest", "version": __version__},
            "started": self.started,
            "duration_ms": round(self.duration * 1000, 3),
            "verdict": self.verdict,
            "totals": self.totals,
            "collection_errors": self.problems,
            "cases": [case.to_json() for case in self.cases],
        }
        if self.coverage:
            out["coverage"] = [one.to_json() for one in self.coverage]
        if self.minimum is not None:
            out["coverage_minimum"] = self.minimum.to_json()
        return out
