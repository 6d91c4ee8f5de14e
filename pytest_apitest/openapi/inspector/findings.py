"""What an inspection found, and how people read it."""

from collections.abc import Mapping
from dataclasses import field

from pytest_apitest.data import data
from pytest_apitest.errors import excerpt
from pytest_apitest.openapi.inspector.rules import ERROR, SEVERITIES

_MOST_SHOWN = 200
_FIRST = 3


@data
class Finding:
    """One thing that a rule finds.

    Args:
        rule: id of the rule.
        severity: `error`, `warning` or `info`.
        message: what is wrong, one sentence without a final stop.
        pointer: where in its file, as a JSON pointer (RFC 6901).
        line: line in the file, from 1.
        column: column in characters, from 1.
        width: number of characters that it is about.
        file: the file that it is in, as messages name it.

    """

    rule: str
    severity: str
    message: str
    pointer: str
    line: int
    column: int
    width: int = 1
    file: str = ""

    def __repr__(self) -> str:
        """Return the finding as people read it."""
        return f"<{self}>"

    def __str__(self) -> str:
        """Return place, severity, message and rule in one line."""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message} [{self.rule}]"


@data
class Inspection:
    """What was found in a description.

    Args:
        file: its name in messages.
        text: its text, for excerpts.
        version: the version that it says it is, such as `3.1.0`; empty where it says none.
        findings: all findings in the order of the file, those of files that it refers to behind them.
        score: how many of the rules that apply hold, in percent; None where the ruleset has no score, and where it
            is not `inspected`.
        texts: texts of the files that it refers to, by their names in messages.
        inspected: whether it is a description of a known version, of which alone the other rules know something.

    """

    file: str
    text: str
    version: str
    findings: tuple[Finding, ...]
    score: int | None
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    inspected: bool = True

    def text_of(self, file: str) -> str:
        """Return the text of a file by its name in messages."""
        return self.text if file == self.file else self.texts.get(file, "")

    def __repr__(self) -> str:
        """Return the verdict and the first findings in one line, for a test that fails."""
        shown = [str(one) for one in self.findings[:_FIRST]]
        more = len(self.findings) - len(shown)
        return f"<{'; '.join([_verdict(self), *shown, *([f'and {more:,} more'] if more else [])])}>"

    def __str__(self) -> str:
        """Return the report."""
        return self.report

    @property
    def report(self) -> str:
        """The findings with their lines, and a line that sums up; as `apitest inspect` prints them."""
        return _text_of(self)

    @property
    def valid(self) -> bool:
        """Whether there is no error."""
        return all(one.severity != ERROR for one in self.findings)


@data
class Unread:
    """A description that cannot be read.

    Args:
        file: its name in messages.
        message: why, one sentence without a final stop.
        line: line, from 1; 0 when it is about the whole file.
        column: column in characters, from 1; 0 when it is about the whole file.

    """

    file: str
    message: str
    line: int
    column: int


def _text_of(inspection: Inspection) -> str:
    out = []
    for one in inspection.findings[:_MOST_SHOWN]:
        out.append(str(one))
        if shown := excerpt(inspection.text_of(one.file), one.line, one.column, one.width):
            out.append(shown)
    if len(inspection.findings) > _MOST_SHOWN:
        out.append(f"and {len(inspection.findings) - _MOST_SHOWN:,} more; all of them are in --format json")
    return "\n".join([*out, _verdict(inspection)])


def _verdict(inspection: Inspection) -> str:
    counts = [_counted(inspection, severity) for severity in SEVERITIES]
    said = f"{inspection.file}: {', '.join(filter(None, counts)) or 'nothing found'}"
    if inspection.score is not None:
        said += f"; score {inspection.score}%"
    elif not inspection.inspected:
        said += "; nothing else was inspected"
    return said


def _counted(inspection: Inspection, severity: str) -> str:
    number = sum(one.severity == severity for one in inspection.findings)
    noun = "note" if severity == "info" else severity
    return f"{number:,} {noun}{'s' * (number != 1)}" if number else ""
