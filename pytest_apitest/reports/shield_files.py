"""`shield.json` and `shield.svg`: the verdict as a badge (platform facts, section 1.7)."""

import json
from pathlib import Path

from pytest_apitest.outcome import FAILURE, NO_RESULTS, NOT_COMPLETED, SUCCESS, RunOutcome
from pytest_apitest.reports.files import write_whole
from pytest_apitest.shield import Shield, to_json, to_svg

JSON_FILE = "shield.json"
SVG_FILE = "shield.svg"
LABEL = "API Test Platform"
_COLORS = {SUCCESS: "green", FAILURE: "red", NOT_COMPLETED: "orange", NO_RESULTS: "inactive"}


def shield_of(run: RunOutcome, label: str = LABEL) -> Shield:
    """Return the badge of a run: verdict word and colour; an empty provider run is an error."""
    verdict = run.verdict
    is_error = verdict == FAILURE or (verdict == NO_RESULTS and run.provider)
    return Shield(label, verdict, _COLORS[verdict], is_error)


def write(run: RunOutcome, folder: Path) -> list[Path]:
    """Write both badges into a folder and return the files."""
    shield = shield_of(run)
    text = json.dumps(to_json(shield)) + "\n"
    return [write_whole(folder / JSON_FILE, text), write_whole(folder / SVG_FILE, to_svg(shield))]
