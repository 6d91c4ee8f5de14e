"""The runs of a document: its cases, each with its rows, their names, and their outcomes before they run."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.engine.rows import row_label
from pytest_apitest.language.model import Case, Document, Rows
from pytest_apitest.outcome import CaseOutcome
from pytest_apitest.redaction import Redactor
from pytest_apitest.references import Literal, Value, template_parts


@data
class Run:
    """A case, or a row of its `parametrize`.

    Args:
        case: the case.
        row: number of the row, from 0, or None.
        name: the title, with the label of the row in brackets.

    """

    case: Case
    row: int | None
    name: str


def runs_of(document: Document) -> Iterator[Run]:
    """Yield the runs of a document in order."""
    for case in document.cases:
        title = case_title(document, case)
        if case.parametrize is None:
            yield Run(case, None, title)
            continue
        for number, label in enumerate(row_labels(case.parametrize)):
            yield Run(case, number, f"{title}[{label}]")


def outcome_of(document: Document, case: Case, id_: str, name: str, redactor: Redactor) -> CaseOutcome:
    """Return the outcome of a case before it runs.

    Args:
        document: the document.
        case: the case.
        id_: node id of the test, or document and case for a run without pytest.
        name: what it is called in reports.
        redactor: knows the secrets.

    """
    return CaseOutcome(
        id_,
        name,
        document.title,
        document.source.shown,
        case.mark.line,
        rule=case.rule.id if case.rule is not None else "",
        description=redactor.text(case.description or document.description),
        version=redactor.text(document.version),
    )


def case_title(document: Document, case: Case) -> str:
    """Return the name of a case in node ids."""
    rule = case.rule
    title = case.title or document.title if rule is None else f"{rule.id} {rule.wording}"
    # Two colons separate the parts of a node id, a bracket begins the label of a row.
    return title.replace("::", ": :").replace("[", "(").replace("]", ")")


def row_labels(rows: Rows) -> list[str]:
    """Return the label of each row: its own, else its scalar values as written."""
    if rows.product:
        columns = [values if isinstance(values, tuple) else (values,) for _, values in rows.product]
        return [_label(combination) for combination in product(*columns)]
    return [
        label if label is not None else _label(row.values()) or str(number)
        for number, (label, row) in enumerate(zip(rows.labels, rows.rows, strict=True), start=1)
    ]


def _label(values: Iterable[Value]) -> str:
    words: list[Any] = []
    for value in values:
        if isinstance(value, Literal):
            words.append(value.value)
        else:
            parts = template_parts(value)
            if parts is not None:
                words.append("".join(part if isinstance(part, str) else part.shown for part in parts))
    return " ".join(row_label(words).split())
