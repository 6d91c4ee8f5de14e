"""Breaks our own code, one promise at a time, and looks whether a test goes red (design, promise 7).

Run it as a script: `python tests/mutants/run.py [NAME…]`. Each `*.patch` beside it begins with three lines,

    promise: which promise it breaks, by its number in the design and in words
    breaks: what the change does
    killed-by: tests that must fail, separated by blanks

followed by the change as a diff. The package is copied, the change applied, and only the named tests are run: they
must fail, not merely fail to start. All of them pass without the change, which the whole suite shows.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COPIED = ("pytest_apitest", "scenarios", "tests", "docs", "conftest.py", "pyproject.toml", "README.md")
FAILED = 1


@dataclass(frozen=True)
class Mutant:
    """A change that breaks a promise.

    Args:
        file: the patch.
        promise: which promise it breaks.
        breaks: what the change does.
        tests: tests that must fail.

    """

    file: Path
    promise: str
    breaks: str
    tests: tuple[str, ...]

    @classmethod
    def read(cls, file: Path) -> "Mutant":
        """Return the mutant of a patch."""
        head = dict(
            line.split(": ", 1) for line in file.read_text(encoding="utf-8").splitlines()[:3] if ": " in line
        )
        return cls(file, head["promise"], head["breaks"], tuple(head["killed-by"].split()))


def kill(mutant: Mutant) -> tuple[Mutant, str, str]:
    """Return a mutant, the test that killed it, and else what kept it alive; one of both is empty."""
    with tempfile.TemporaryDirectory(prefix="apitest-mutant-") as name:
        copy = Path(name)
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__", "mutants"))
            elif source.is_file():
                shutil.copy2(source, copy / part)
        applied = subprocess.run(
            ["git", "apply", "--recount", "-C1", str(mutant.file)],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        if applied.returncode:
            return mutant, "", f"the patch does not apply: {applied.stderr.strip()}"
        environment = {**os.environ, "PYTHONPATH": str(copy)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "--timeout",
            "60",
            *mutant.tests,
        ]
        tests = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
        red = re.search(r"(?m)^FAILED (\S+)", tests.stdout)
        if tests.returncode == FAILED and red is not None:
            return mutant, red.group(1), ""
        return mutant, "", f"pytest ended with {tests.returncode}:\n{tests.stdout[-1500:]}"


def main(names: Sequence[str]) -> int:
    """Try every mutant, or those named, and return the exit status."""
    files = sorted(HERE.glob("*.patch"))
    mutants = [Mutant.read(file) for file in files if not names or file.stem in names]
    if not mutants:
        print("no such mutant")
        return 2
    alive = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for mutant, red, reason in pool.map(kill, mutants):
            print(
                f"{'ALIVE' if reason else 'killed'}  {mutant.file.stem}: {mutant.breaks} [{mutant.promise}]",
                flush=True,
            )
            print(f"        {reason or f'red: {red}'}", flush=True)
            alive += bool(reason)
    print(f"{len(mutants) - alive} of {len(mutants)} mutants killed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
