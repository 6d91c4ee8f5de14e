"""Reports: files written from the outcome of a run, one module for each format (design, promise 6).

Rules kept here:
- a report reads the outcome and nothing else; what it writes was redacted before;
- a file appears whole or not at all: it is written beside its name and moved there.
"""

from collections.abc import Callable
from pathlib import Path

from pytest_apitest.outcome import RunOutcome
from pytest_apitest.registry import Table
from pytest_apitest.reports import result_json, shield_files
from pytest_apitest.reports.files import write_whole

COVERAGE_FILES = ("coverage.html", "coverage.svg")
# What every run with a report folder leaves there, those of descriptions only when there is one.
FILES = (result_json.FILE, shield_files.JSON_FILE, shield_files.SVG_FILE, *COVERAGE_FILES)

ReportWriter = Callable[[RunOutcome, Path], None]


def files_of(run: RunOutcome) -> tuple[str, ...]:
    """Return the names of the files that are written of a run."""
    return tuple(name for name in FILES if run.coverage or name not in COVERAGE_FILES)


def write_reports(run: RunOutcome, folder: Path, extra: Table[ReportWriter] | None = None) -> list[Path]:
    """Write every report of a run into a folder and return the files.

    Args:
        run: the outcome.
        folder: where to; it is made when it is not there.
        extra: reports of extensions: names to functions of outcome and folder.

    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [result_json.write(run, folder), *shield_files.write(run, folder)]
    if run.coverage:
        from pytest_apitest.reports import coverage_html, coverage_svg  # noqa: PLC0415 - only with descriptions

        page, picture = COVERAGE_FILES
        written += [
            write_whole(folder / page, coverage_html.page_of(run)),
            write_whole(folder / picture, coverage_svg.picture_of(run)),
        ]
    if extra is not None:
        for name in extra:
            extra[name](run, folder)
    return written
