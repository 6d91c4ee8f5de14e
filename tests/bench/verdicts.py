"""Verdicts of the inspector on labelled descriptions, with those of openapi-spec-validator beside them.

A script, not a test: `PYTHONPATH=. python tests/bench/verdicts.py FOLDER [--seconds N]`. The folder has two folders,
`good` and `bad`, with descriptions of OpenAPI 3 as YAML or JSON in them, at any depth; what each is called is what its
own project says of it. Each tool runs in one process of its own, which is ended and started again when a file takes
longer than the bound. What ends in an exception that is no verdict is a crash, and counts as a reject.

Files that name other files are left out: the inspector reads one document.
"""

import argparse
import importlib
import json
import select
import subprocess
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

OURS, LIBRARY = "apitest inspect", "openapi-spec-validator"
GOOD, BAD = "good", "bad"
COLUMNS = ("right", "false reject", "false accept", "crash", "too slow")
_ENDINGS = frozenset({".json", ".yaml", ".yml"})


@dataclass(frozen=True)
class Verdict:
    """What a tool says of a file.

    Args:
        valid: whether it accepts it; None when it did not end in time.
        crashed: whether an exception ended it that is no verdict.
        cpu: seconds of CPU.
        words: the first thing it finds.

    """

    valid: bool | None
    crashed: bool
    cpu: float
    words: str


class Tool:
    """A tool in a process of its own.

    Args:
        name: which tool.
        seconds: how long one file may take.

    """

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None

    def verdict(self, file: Path) -> Verdict:
        """Return what it says of a file."""
        if self._process is None:
            words = [sys.executable, __file__, "--worker", self.name]
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._process.stdout is not None
            self._process.stdout.readline()  # it has imported what it needs
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{file}\n")
        process.stdin.flush()
        if select.select([process.stdout], [], [], self._seconds)[0] and (line := process.stdout.readline()):
            return Verdict(**json.loads(line))
        self.close()
        return Verdict(None, crashed=False, cpu=self._seconds, words="too slow")

    def close(self) -> None:
        """End its process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


# -- in the processes -----------------------------------------------------------------------------------


def of_ours(file: Path) -> tuple[bool, str]:
    """Return whether the inspector accepts a file, and the first error."""
    from pytest_apitest.openapi.inspector import inspect
    from pytest_apitest.openapi.reading import DescriptionError

    try:
        inspection = inspect(file, file.name)
    except DescriptionError as error:
        return False, f"{error.line or 1}:{error.column or 1}: {error.message} [unreadable]"
    errors = [one for one in inspection.findings if one.severity == "error"]
    first = f"{errors[0].line}:{errors[0].column}: {errors[0].message} [{errors[0].rule}]" if errors else ""
    return not errors, first


def of_the_library(file: Path) -> tuple[bool, str]:
    """Return whether openapi-spec-validator accepts a file, and the first error."""
    import openapi_spec_validator as library
    import yaml

    value = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    version = str(value.get("openapi"))[:3] if isinstance(value, dict) else ""
    known = {
        "3.0": library.OpenAPIV30SpecValidator,
        "3.1": library.OpenAPIV31SpecValidator,
        "3.2": library.OpenAPIV32SpecValidator,
    }
    if version not in known:
        return False, f"unknown version {version}"
    first = next(iter(known[version](value).iter_errors()), None)
    return first is None, "" if first is None else " ".join(str(first.message).split())[:120]


def work(name: str) -> None:
    """Answer every name of a file that is read with a verdict."""
    warnings.simplefilter("ignore")
    judge = of_ours if name == OURS else of_the_library
    # So that no file pays for it.
    importlib.import_module("pytest_apitest.openapi.inspector" if name == OURS else "openapi_spec_validator")
    print("ready", flush=True)
    for line in sys.stdin:
        begun = time.process_time()
        crashed = False
        try:
            valid, words = judge(Path(line.rstrip("\n")))
        except Exception as error:  # noqa: BLE001 - whatever ends it is what is counted
            valid, words, crashed = False, f"{type(error).__name__}: {str(error)[:80]}", True
        said = {"valid": valid, "crashed": crashed, "cpu": time.process_time() - begun, "words": words}
        print(json.dumps(said), flush=True)


# -- the table ------------------------------------------------------------------------------------------


def is_alone(file: Path) -> bool:
    """Tell whether a description names no other document."""
    from pytest_apitest.openapi.inspector import inspect
    from pytest_apitest.openapi.reading import DescriptionError

    try:
        return all(one.rule != "ref-external" for one in inspect(file, file.name).findings)
    except DescriptionError:
        return True
    except Exception:  # noqa: BLE001 - it is counted as a crash below
        return True


def outcome(verdict: Verdict, label: str) -> str:
    """Return the column that a verdict counts in."""
    if verdict.valid is None:
        return "too slow"
    if verdict.valid == (label == GOOD):
        return "right"
    return "false reject" if label == GOOD else "false accept"


def main() -> None:
    """Judge every file with both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long one file may take")
    parser.add_argument("--without-library", action="store_true", help="judge with the inspector only")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given.worker)
        return
    if given.folder is None:
        parser.error("name the folder with good and bad")
    tools = [Tool(name, given.seconds) for name in (OURS, LIBRARY)[: 1 if given.without_library else 2]]
    counts: dict[str, Counter[str]] = {tool.name: Counter() for tool in tools}
    cpu = dict.fromkeys(counts, 0.0)
    labels: Counter[str] = Counter()
    differing = []
    for label in (GOOD, BAD):
        for file in sorted((given.folder / label).rglob("*")):
            if file.suffix.lower() not in _ENDINGS or not file.is_file():
                continue
            if not is_alone(file):
                labels["left out"] += 1
                continue
            labels[label] += 1
            verdicts = [tool.verdict(file) for tool in tools]
            for tool, one in zip(tools, verdicts, strict=True):
                counts[tool.name][outcome(one, label)] += 1
                counts[tool.name]["crash"] += one.crashed
                cpu[tool.name] += one.cpu
            if any(outcome(one, label) != "right" for one in verdicts):
                differing.append((label, file.relative_to(given.folder), verdicts))
    for tool in tools:
        tool.close()
    for label, name, verdicts in differing:
        print(f"{name} (label: {label})")
        for tool, one in zip(tools, verdicts, strict=True):
            print(f"    {tool.name}: {outcome(one, label)}{f'; {one.words}' if one.words else ''}")
    print(
        f"\n{labels[GOOD]} good, {labels[BAD]} bad, {labels['left out']} left out since they name other files"
    )
    print(f"{'':24}" + "".join(f"{one:>14}" for one in (*COLUMNS, "CPU")))
    for tool in tools:
        numbers = "".join(f"{counts[tool.name][one]:>14}" for one in COLUMNS)
        print(f"{tool.name:24}{numbers}{cpu[tool.name]:>12.1f} s")


if __name__ == "__main__":
    main()
