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

# What every run with a report folder leaves there.
FILES = (result_json.FILE, shield_files.JSON_FILE, shield_files.SVG_FILE)

ReportWriter = Callable[[RunOutcome, Path], None]


def write_reports(run: RunOutcome, folder: Path, extra: Table[ReportWriter] | None = None) -> list[Path]:
    """Write every report of a run into a folder and return the files.

    Args:
        run: the outcome.
        folder: where to; it is made when it is not there.
        extra: reports of extensions: names to functions of outcome and folder.

    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [result_json.write(run, folder), *shield_files.write(run, folder)]
    if extra is not None:
        for name in extra:
            extra[name](run, folder)
    return written
