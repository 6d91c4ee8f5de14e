"""Does on this machine what the README tells a newcomer, then what keeps the project in order.

Everything is installed into temporary folders; nothing that was installed by hand is used. Each part prints
how long it took; the first that fails ends the run.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The README is for people at a shell; these settings of a CI machine are not theirs.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("PYTEST_", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"))
}


def run(command: str, folder: Path, **variables: str) -> None:
    """Run a shell command; end the run when it fails."""
    print(f"$ {command}", flush=True)
    environment = {**ENVIRONMENT, **variables}
    status = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, check=False).returncode
    if status:
        sys.exit(f".ci/run: status {status} from: {command}")


def part(name: str, work: Callable[[], None]) -> None:
    """Do one part and print how long it took."""
    print(f"\n=== {name}", flush=True)
    started = time.monotonic()
    work()
    print(f"=== {name}: {time.monotonic() - started:.0f} s", flush=True)


def fresh_copy(folder: Path) -> Path:
    """Return a copy of the checkout as somebody who cloned it has it."""
    copy = folder / "pytest-apitest"
    files = (
        subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .split("\0")
    )
    for name in filter(None, files):
        source = ROOT / name
        if source.is_file():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return copy


def readme_commands() -> list[str]:
    """Return the commands of the README: each fenced block of `sh` holds one."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [block.strip() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
    assert len(commands) >= 2, "the README has a command that runs the main job and one that runs the tests"
    return commands


def main() -> None:
    """Run all parts."""
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="apitest-ci-") as name:
        folder = Path(name)
        main_job, tests, *_ = readme_commands()

        first = fresh_copy(folder / "first")
        part("README: the main job", lambda: main_job_of(main_job, first))
        second = fresh_copy(folder / "second")
        part("README: the tests", lambda: run(tests, second))
        bin_ = second / ".venv" / "bin"
        part("install what developers need", lambda: run(f"{bin_}/pip install -q -e '.[dev]'", second))
        part("lint", lambda: run(f"{bin_}/ruff check . && {bin_}/ruff format --check .", second))
        part("types", lambda: run(f"{bin_}/mypy", second))
        part("import layers", lambda: run("lint-imports", second, PATH=f"{bin_}:{ENVIRONMENT['PATH']}"))
        part("mutants", lambda: run(f"{bin_}/python tests/mutants/run.py", second))
        part("oldest pytest", lambda: oldest_pytest(folder, second))
        part("sizes", lambda: run(f"{bin_}/python .ci/sizes", second))
    print("\nall parts passed")


def main_job_of(command: str, folder: Path) -> None:
    """Run the README's first command and look at what it leaves behind."""
    run(command, folder)
    for file in ("result.json", "shield.json", "shield.svg"):
        if not (folder / "reports" / file).is_file():
            sys.exit(f".ci/run: the README's first command wrote no reports/{file}")
    # The installed package brings the scenario along: it runs in an empty folder too.
    empty = folder.parent / "empty"
    empty.mkdir()
    run(f'{folder}/.venv/bin/pytest --apitest-scenario "Demo API"', empty)


def oldest_pytest(folder: Path, checkout: Path) -> None:
    """Run the tests of the pytest side on the oldest pytest that is supported."""
    home = folder / "oldest"
    run(f"python3 -m venv {home}", folder)
    run(f"{home}/bin/pip install -q -e '.[test]' 'pytest==8.4.*'", checkout)
    run(f"{home}/bin/python -m pytest -q -n auto tests/plugin scenarios", checkout)


if __name__ == "__main__":
    main()
