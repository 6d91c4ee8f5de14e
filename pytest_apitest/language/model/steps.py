"""Steps with their rows, conditions, fragments and references (language, sections 4, 8 and 9)."""

from dataclasses import field
from typing import TYPE_CHECKING

from pytest_apitest.checks.evaluation import Check
from pytest_apitest.data import data, record
from pytest_apitest.language.model.answers import Expectation, Retry, Save, SaveSource
from pytest_apitest.language.model.requests import NO_SETTINGS, Mark, RequestSpec, Settings
from pytest_apitest.references import Reference, Value

if TYPE_CHECKING:
    from pytest_apitest.language.model.documents import Document


@data
class Rows:
    """Rows of `for_each` or `parametrize`.

    Args:
        rows: rows as written: names to values; a row's label stands apart.
        labels: the `case` of each row, or None.
        product: names to a list of values, or to one value that renders to a list; instead of rows.
        mark: where they stand.
        names: the names in every row.
        usages: the references in them.
        marks: where each name stands, when it stands in the document.

    """

    rows: tuple[dict[str, Value], ...]
    labels: tuple[str | None, ...]
    product: tuple[tuple[str, Value | tuple[Value, ...]], ...]
    mark: Mark
    names: tuple[str, ...] = ()
    usages: tuple["Usage", ...] = ()
    marks: dict[str, Mark] = field(default_factory=dict)

    def mark_of(self, name: str) -> Mark:
        """Return where a name stands."""
        return self.marks.get(name, self.mark)


@data
class Condition:
    """What is written behind `when`: names to checks, all of which must hold."""

    checks: tuple[tuple[str, Check], ...]
    mark: Mark


@data
class FragmentUse:
    """The use of a fragment.

    Args:
        fragment: the fragment's document.
        inputs: names to values.
        once: whether it runs once per process.
        save: names here to outputs there.
        mark: where `use` stands.

    """

    fragment: "Document"
    inputs: tuple[tuple[str, Value], ...]
    once: bool
    save: tuple[tuple[str, str, Mark], ...]
    mark: Mark


@data
class Usage:
    """A reference with the part of the step it is evaluated in.

    Args:
        name: the name that is referred to.
        phase: the part of the step.
        mark: where it is referred to.
        reference: the reference; None for a name of a condition.
        optional: whether the name may be unset: a condition, or a `default` filter.

    """

    name: str
    phase: int
    mark: Mark
    reference: Reference | None = None
    optional: bool = False


# The parts of a step in the order of their evaluation.
WHEN, ROWS, REQUEST, SAVE, CHECK, CLEANUP = range(6)


@record
class Step:
    """One step.

    Args:
        name: as written, or the short form of its request.
        mark: where it begins.
        request: what is sent, for a request step.
        use: the fragment, for a step that uses one.

    """

    name: str
    mark: Mark
    request: RequestSpec | None = None
    use: FragmentUse | None = None
    when: Condition | None = None
    for_each: Rows | None = None
    save: tuple[Save, ...] = ()
    cleanup: "Step | None" = None
    retry: Retry | None = None
    expect: Expectation | None = None
    should: Expectation | None = None
    report: tuple[tuple[str, SaveSource], ...] = ()
    settings: Settings = NO_SETTINGS
    usages: tuple[Usage, ...] = ()
