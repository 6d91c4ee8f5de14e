"""A project of a user in a folder of its own, and pytest runs in it as sub-processes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

APP = "pytest_apitest.demo:create_app"

# One document that passes and one that fails, both against the demo API.
GOOD = f"""\
scenario: Good
endpoints: {{api: {{app: "{APP}"}}}}
steps:
  - request: GET /health
"""
BAD = GOOD.replace("Good", "Bad") + "    expect: {status: 404}\n"
CASES = f"""\
scenario: Cases
endpoints: {{api: {{app: "{APP}"}}}}
cases:
  - case: one
    steps: [{{request: GET /health}}]
  - case: two
    steps: [{{request: GET /numbers}}]
  - case: three
    steps: [{{request: GET /quotes}}]
"""


class Run:
    """What a run of pytest said and left behind.

    Args:
        done: the process.
        folder: the folder of `--apitest-report`.

    """

    def __init__(self, done: subprocess.CompletedProcess[str], folder: Path) -> None:
        self.exit = done.returncode
        self.out = done.stdout
        self.err = done.stderr
        self.all = f"{self.out}\n{self.err}"
        self.folder = folder

    @property
    def counts(self) -> dict[str, int]:
        """Numbers by word of pytest's last line, deselected ones and warnings among them."""
        last = [line for line in self.out.splitlines() if re.search(r" in [\d.]+s\b", line)][-1:]
        words = re.findall(r"(\d+) ([a-z]+)", last[0].partition(" in ")[0]) if last else []
        return {
            word.rstrip("s") if word in ("errors", "warnings") else word: int(count) for count, word in words
        }

    @property
    def json(self) -> dict[str, Any]:
        """The outcome of the run as it was written."""
        found: dict[str, Any] = json.loads((self.folder / "result.json").read_text("utf-8"))
        return found

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcomes of the cases by title, in the order of the report."""
        return {case["title"]: case["outcome"] for case in self.json["cases"]}

    def line(self, text: str) -> str:
        """Return the first line that holds a text; fails with the whole output when none does."""
        for line in self.all.splitlines():
            if text in line:
                return line
        raise AssertionError(f"no line with {text!r} in:\n{self.all}")


class Project:
    """A folder with documents, and pytest in it.

    Args:
        path: the folder.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Neither what runs this test nor what is set on this machine speaks to the runs.
        strange = ("PYTEST_", "DEMO_", "COV_", "CI", "GITHUB_", "COLUMNS", "NO_COLOR", "FORCE_COLOR")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
        self.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -W error\n")

    def write(self, name: str, text: str) -> Path:
        """Write a file and return it."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        return file

    def steps(self, name: str, steps: str, head: str = "") -> Path:
        """Write a document of steps against the demo API."""
        title = name.partition(".")[0].replace("/", " ")
        body = f'scenario: {title}\nendpoints: {{api: {{app: "{APP}"}}}}\n{dedent(head)}steps:\n'
        return self.write(name, body + dedent(steps))

    def run(self, *words: str, report: bool = True) -> Run:
        """Run pytest; without `report` no option of ours is added."""
        own = ["--apitest-report", "report"] if report else []
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *own, *words],
            cwd=self.path,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Run(done, self.path / "report")


_TIME = re.compile(r"\b\d+(?:\.\d+)? ms\b|\b\d+\.\d+s\b")


def steady(text: str) -> str:
    """Return a text without what differs from run to run: times, ports, the folder's place, blanks at ends."""
    text = _TIME.sub("<time>", text)
    text = re.sub(r"127\.0\.0\.1:\d+|localhost:\d+", "127.0.0.1:<port>", text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
