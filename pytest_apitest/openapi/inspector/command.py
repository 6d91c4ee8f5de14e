"""The command `apitest inspect`: files and URLs in, findings out, and an exit status."""

from collections.abc import Sequence
from pathlib import Path

from pytest_apitest.openapi.inspector.findings import Inspection, Unread
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

    What cannot be read or written takes nothing away from what was found elsewhere; the status is 2 all the same.

    Args:
        files: names of files, and URLs.
        ruleset: `oas` or `adr`.
        form: `text`, `json`, `sarif` or `junit`.
        fail_on: `error` or `warning`.
        shield: file for the badge with the score, or None.
        refs: whether references may lead to files below the folder of each, or to what is of its origin.
        ref_origins: further origins that they may lead to.

    """
    if shield is not None and ruleset != "adr":
        return 2, "", "apitest inspect: --shield needs a ruleset with a score: --ruleset adr\n"
    found: list[Inspection | Unread] = []
    said = ""
    for name in files:
        is_url = "://" in name
        shown = shown_url(name) if is_url else name
        try:
            source = name if is_url else Path(name)
            found.append(inspect(source, shown, ruleset, refs=refs, ref_origins=ref_origins))
        except DescriptionError as error:
            found.append(Unread(shown, error.message, error.line, error.column))
            said += f"{error.of(shown)}\n"
        except ValueError as error:
            return 2, "", f"apitest inspect: --ref-origin {error}\n"
    if shield is not None:
        try:
            Path(shield).write_text(to_svg(_shield_of(found)), encoding="utf-8")
        except OSError as error:
            why = (error.strerror or "error").lower()
            said += f"apitest inspect: {shield}: cannot be written: {why}\n"
    failing = FAILING[fail_on]
    failed = any(
        one.severity in failing
        for inspection in found
        if isinstance(inspection, Inspection)
        for one in inspection.findings
    )
    return 2 if said else int(failed), _shown(found, ruleset, form, failing), said


def _shown(found: Sequence[Inspection | Unread], ruleset: str, form: str, failing: Sequence[str]) -> str:
    if form == "json":
        return as_json(found)
    if form == "sarif":
        return as_sarif(found, ruleset)
    if form == "junit":
        return as_junit(found, ruleset, failing)
    return as_text(found)


def _shield_of(found: Sequence[Inspection | Unread]) -> Shield:
    """Return the badge of the lowest score; there is none where something was not inspected."""
    scores = [one.score if isinstance(one, Inspection) else None for one in found]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return Shield("API Design Rules", "not inspected", "inactive", is_error=True)
    score = min(known)
    color = "green" if score == 100 else "orange" if score >= _ENOUGH else "red"
    return Shield("API Design Rules", f"{score}%", color, is_error=False)
