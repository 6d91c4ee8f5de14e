"""Locks between processes: one holder at a time, and none after its holder died."""

import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import pytest

from pytest_apitest.locks import file_lock

# Adds one to a number in a file, many times, in a way that loses additions without a lock.
ADDING = """
import pathlib, sys
from pytest_apitest.locks import file_lock
file = pathlib.Path(sys.argv[2])
for _ in range(100):
    with file_lock(sys.argv[1]):
        file.write_text(str(int(file.read_text()) + 1))
"""
HOLDING = """
import sys
from pytest_apitest.locks import file_lock
with file_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""
WAITING = """
import sys
from pytest_apitest.locks import file_lock
print("waits", flush=True)
with file_lock(sys.argv[1]):
    print("held", flush=True)
"""


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a lock that nobody else uses, whose file goes with the folder of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return f"a test/{uuid.uuid4()} é"


def start(script: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_additions_of_several_processes_are_all_there(name: str, tmp_path: Path) -> None:
    file = tmp_path / "number"
    file.write_text("0")
    processes = [start(ADDING, name, str(file)) for _ in range(3)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["", "", ""]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert file.read_text() == "300"


def test_a_lock_is_waited_for_and_another_name_is_another_lock(name: str) -> None:
    with file_lock(name):
        waiting = start(WAITING, name)
        assert line(waiting) == "waits"
        other = start(WAITING, f"{name} other")
        assert other.communicate(timeout=60)[0] == "waits\nheld\n"
        assert waiting.poll() is None
    assert waiting.communicate(timeout=60)[0] == "held\n"


def test_the_lock_of_a_process_that_died_is_free(name: str) -> None:
    holder = start(HOLDING, name)
    assert line(holder) == "held"
    holder.kill()
    holder.communicate(timeout=60)
    with file_lock(name):
        pass


def test_a_lock_is_given_back_when_what_it_guards_fails(name: str) -> None:
    with pytest.raises(ZeroDivisionError), file_lock(name):
        _ = 1 / 0
    with file_lock(name):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="files have no mode there")
def test_only_the_user_can_read_the_file(name: str, tmp_path: Path) -> None:
    with file_lock(name):
        (file,) = tmp_path.glob("pytest-apitest-*.lock")
        assert file.stat().st_mode & 0o777 == 0o600
        assert "test" not in file.name.removeprefix("pytest-apitest-")
