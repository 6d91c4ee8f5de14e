"""The command `apitest inspect`: files and URLs in, findings out, and an exit status."""

from collections.abc import Sequence
from pathlib import Path

from pytest_apitest.openapi.inspector.findings import Inspection
from pytest_apitest.openapi.inspector.inspection import inspect
from pytest_apitest.openapi.inspector.reporting import as_json, as_junit, as_sarif, as_text
from pytest_apitest.openapi.inspector.rules import ERROR, WARNING
from pytest_apitest.openapi.reading import DescriptionError, shown_url
from pytest_apitest.shield import Shield, to_svg

FAILING = {ERROR: (ERROR,), WARNING: (ERROR, WARNING)}
_ENOUGH = 75


def run(
    files: Sequence[str],
    ruleset: str,
    form: str,
    fail_on: str,
    shield: str | None,
    *,
    refs: bool = False,
    ref_origins: Sequence[str] = (),
) -> tuple[int, str, str]:
    """Return the exit status and what goes to standard output and standard error.

    Args:
        files: names of files, and URLs.
        ruleset: `oas` or `adr`.
        form: `text`, `json`, `sarif` or `junit`.
        fail_on: `error` or `warning`.
        shield: file for the badge with the score, or None.
        refs: whether references may lead to files below the folder of each, or to what is of its origin.
        ref_origins: further origins that they may lead to.

    """
    inspections: list[Inspection] = []
    for name in files:
        is_url = "://" in name
        shown = shown_url(name) if is_url else name
        try:
            source = name if is_url else Path(name)
            found = inspect(source, shown, ruleset, refs=refs, ref_origins=ref_origins)
        except DescriptionError as error:
            place = "" if is_url and (error.line, error.column) == (1, 1) else f"{error.line}:{error.column}:"
            return 2, "", f"{shown}:{place} {error.message}\n"
        except ValueError as error:
            return 2, "", f"apitest inspect: --ref-origin {error}\n"
        inspections.append(found)
    if shield is not None:
        if ruleset != "adr":
            return 2, "", "apitest inspect: --shield needs a ruleset with a score: --ruleset adr\n"
        try:
            Path(shield).write_text(to_svg(_shield_of(inspections)), encoding="utf-8")
        except OSError as error:
            return (
                2,
                "",
                f"apitest inspect: {shield}: cannot be written: {(error.strerror or 'error').lower()}\n",
            )
    failing = FAILING[fail_on]
    failed = any(one.severity in failing for inspection in inspections for one in inspection.findings)
    return int(failed), _shown(inspections, ruleset, form, failing), ""


def _shown(inspections: Sequence[Inspection], ruleset: str, form: str, failing: Sequence[str]) -> str:
    if form == "json":
        return as_json(inspections)
    if form == "sarif":
        return as_sarif(inspections, ruleset)
    if form == "junit":
        return as_junit(inspections, ruleset, failing)
    return as_text(inspections)


def _shield_of(inspections: Sequence[Inspection]) -> Shield:
    """Return the badge of the lowest score."""
    score = min(one.score or 0 for one in inspections)
    color = "green" if score == 100 else "orange" if score >= _ENOUGH else "red"
    return Shield("API Design Rules", f"{score}%", color, is_error=False)
