"""CPU of starting pytest: without the plugin, with it, and for one scenario.

A script, not a test: `python tests/bench/startup.py [--rounds N]`. The rounds of all rows are interleaved, since a
shared machine is slower at one moment than at another; medians of CPU time of the whole process, read the ratios.

- warm: Python and pytest may keep bytecode from the round before; cold: pytest may not keep that of rewritten tests.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SCENARIO = """\
scenario: One
endpoints: {api: "http://127.0.0.1:1"}
steps:
  - {name: nobody is there, when: {api: {exists: false}}, request: GET /}
"""
ROWS = {
    "pytest, -p no:apitest": ("-p", "no:apitest", "test_empty.py"),
    "pytest with the plugin": ("test_empty.py",),
    "one scenario": ("one.apitest.yaml",),
}


def cpu(folder: Path, words: tuple[str, ...], *, cold: bool) -> float:
    """Return the seconds of CPU of one run."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    if cold:
        env["PYTHONDONTWRITEBYTECODE"] = "1"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    found: dict[tuple[str, bool], list[float]] = {(row, cold): [] for row in ROWS for cold in (False, True)}
    with tempfile.TemporaryDirectory() as name:
        folders = {}
        for cold in (False, True):
            folder = folders[cold] = Path(name) / ("cold" if cold else "warm")
            folder.mkdir()
            (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
            (folder / "test_empty.py").write_text("def test_empty():\n    pass\n", encoding="utf-8")
            (folder / "one.apitest.yaml").write_text(SCENARIO, encoding="utf-8")
        for number in range(rounds + 1):
            for (row, cold), times in found.items():
                seconds = cpu(folders[cold], ROWS[row], cold=cold)
                if number:  # the first round fills caches
                    times.append(seconds)
    base = {cold: statistics.median(found[next(iter(ROWS)), cold]) for cold in (False, True)}
    print(f"{'median CPU, ms':<26}{'warm':>8}{'ratio':>8}{'cold':>8}{'ratio':>8}")
    for row in ROWS:
        line = f"{row:<26}"
        for cold in (False, True):
            median = statistics.median(found[row, cold])
            line += f"{median * 1000:>8.0f}{median / base[cold]:>8.2f}"
        print(line)


if __name__ == "__main__":
    main()
