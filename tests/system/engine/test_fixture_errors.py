"""A fixture whose value is a variable may fail with a secret before any value is computed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECRET = "a-secret-nobody-sees"
CONFTEST = """
import os
import pytest

@pytest.fixture
def token():
    raise ValueError("cannot log in with " + os.environ["KEY"])
"""
SCENARIO = """
scenario: Fixture
endpoints: {api: {app: "pytest_apitest.demo:create_app"}}
fixtures: [token]
variables: {key: {env: KEY, secret: true}, literal: {default: a-secret-nobody-sees-2, secret: true}}
steps: [{request: {GET: /health, headers: {x: "${token}${key}"}}}]
"""


@pytest.mark.parametrize("option", [[], ["--tb=long", "-l"], ["--tb=short"]])
def test_a_secret_in_the_error_of_a_fixture_is_masked(tmp_path: Path, option: list[str]) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "a.apitest.yaml").write_text(SCENARIO)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "--apitest-report", "report", *option]
    done = subprocess.run(
        [*command, "--junit-xml", "junit.xml"],
        cwd=tmp_path,
        env={**os.environ, "KEY": SECRET},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ValueError: cannot log in with [redacted: key]" in done.stdout
    written = [file.read_text() for file in (tmp_path / "report" / "result.json", tmp_path / "junit.xml")]
    assert SECRET not in done.stdout + done.stderr + "".join(written)
    assert "setup: cannot log in with [redacted: key]" in written[0]
