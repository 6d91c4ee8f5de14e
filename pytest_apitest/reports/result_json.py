"""`result.json`: the outcome of a run as JSON, described by `result.schema.json` in this package."""

import json
from pathlib import Path

from pytest_apitest.outcome import RunOutcome
from pytest_apitest.reports.files import write_whole

FILE = "result.json"
SCHEMA_FILE = Path(__file__).with_name("result.schema.json")


def write(run: RunOutcome, folder: Path) -> Path:
    """Write the outcome into a folder and return the file."""
    # surrogates that a body may hold are no UTF-8; JSON can say them all the same
    text = json.dumps(run.to_json(), ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(run.to_json(), separators=(",", ":"))
    return write_whole(folder / FILE, text + "\n")
