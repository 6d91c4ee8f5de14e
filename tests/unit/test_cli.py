"""The console script, run as people run it: its texts and its exit statuses."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from pytest_apitest import __version__

APITEST = [sys.executable, "-W", "error", "-m", "pytest_apitest.cli"]
GOOD = "scenario: good\nsteps: [{request: 'GET https://a.example/'}]\n"
BAD = "scenario: bad\nstep: []\n"
SLIP = 'bad.apitest.yaml:2:1: unknown key "step" in a scenario; did you mean "steps"?\n    2 | step: []\n      | ^^^^\n'
WARNED = "scenario: warned\nsteps: [{request: {GET: 'https://a.example/', headers: {if-match: \"abc\"}}}]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with documents, good and bad."""
    (tmp_path / "below").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "good.apitest.yaml").write_text(GOOD)
    (tmp_path / "bad.apitest.yaml").write_text(BAD)
    (tmp_path / "below" / "more.apitest.yml").write_text(GOOD)
    (tmp_path / "below" / "other.yaml").write_text(BAD)
    return tmp_path


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run([*APITEST, *words], cwd=folder, env=variables, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["check", "good.apitest.yaml"], 0, "1 document fine\n"),
        (["check", "below"], 0, "1 document fine\n"),
        (["check", "good.apitest.yaml", "good.apitest.yaml", "below"], 0, "2 documents fine\n"),
        (["check", "bad.apitest.yaml"], 1, f"{SLIP}1 of 1 document cannot be run\n"),
        (["check", "."], 1, f"{SLIP}1 of 3 documents cannot be run\n"),
        (["check", "empty"], 1, "no documents (*.apitest.yaml) found\n"),
        (["--version"], 0, f"apitest {__version__}\n"),
    ],
)
def test_what_is_printed(project: Path, words: list[str], status: int, said: str) -> None:
    done = run(project, *words)
    assert (done.stdout, done.stderr, done.returncode) == (said, "", status)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "apitest: error: the following arguments are required: COMMAND"),
        (["chek"], 'apitest: error: argument COMMAND: unknown: "chek"; did you mean "check"?'),
        (["check"], "apitest check: error: the following arguments are required: PATH"),
        (["check", "gone", "good.apitest.yaml"], "apitest check: no such file or folder: gone\n"),
        (["x"], 'argument COMMAND: unknown: "x"; there are check, init, schema, inspect, demo'),
        (["--verson"], 'apitest: error: unknown option --verson; did you mean "--version"?'),
        (["schema", "more"], "apitest schema: error: not expected: more"),
        (["schema", "--reslut"], 'apitest schema: error: unknown option --reslut; did you mean "--result"?'),
        (["check", "--strict", "x"], "apitest check: error: unknown option --strict\n"),
        (["check", "-q", "x"], "apitest check: error: unknown option -q\n"),
        (["demo", "--ports=1"], 'apitest demo: error: unknown option --ports; did you mean "--port"?'),
        (
            ["init", "--form-openapi", "x"],
            'apitest init: error: unknown option --form-openapi; did you mean "--from-openapi"?',
        ),
        (["init"], "apitest init: error: the following arguments are required: --from-openapi"),
        (
            ["inspect", "--formt", "json", "x"],
            'apitest inspect: error: unknown option --formt; did you mean "--format"?',
        ),
        (["inspect", "--format", "jsn", "x"], 'argument --format: unknown: "jsn"; did you mean "json"?'),
        (
            ["inspect", "--format", "html", "x"],
            'argument --format: unknown: "html"; there are text, json, sarif, junit',
        ),
        (
            ["inspect", "x", "--ref"],
            "apitest inspect: error: ambiguous option: --ref could match --refs, --ref-origin",
        ),
        (["demo", "--port", "x"], "argument --port: expected a port from 0 to 65535, got 'x'"),
        (["demo", "--port", "65536"], "argument --port: expected a port from 0 to 65535, got '65536'"),
    ],
)
def test_what_cannot_be_carried_out(project: Path, words: list[str], said: str) -> None:
    done = run(project, *words)
    assert (done.stdout, done.returncode) == ("", 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if ": error: " in said:  # the usage is that of the command
        assert done.stderr.startswith(f"usage: {said.partition(': error')[0]} ")


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["check", "--help"],
        ["schema", "--help"],
        ["demo", "--help"],
        ["inspect", "--help"],
        ["init", "--help"],
    ],
)
def test_help(project: Path, words: list[str]) -> None:
    done = run(project, *words)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.startswith(f"usage: apitest {' '.join(words[:-1])}".rstrip())
    if len(words) == 1:
        assert all(
            re.search(rf"^ +{name} ", done.stdout, re.MULTILINE)
            for name in ("check", "init", "inspect", "schema", "demo")
        )


def test_warnings_are_told_and_fine(tmp_path: Path) -> None:
    (tmp_path / "warned.apitest.yaml").write_text(WARNED)
    done = run(tmp_path, "check", "warned.apitest.yaml")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.startswith("warned.apitest.yaml:2:")
    assert ": warning: the quotes are YAML's" in done.stdout
    assert done.stdout.endswith("\n1 document fine, 1 warning\n")


def test_what_a_conftest_adds_is_known(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "def even(actual, operand):\n    '''The number is even.'''\n    return (actual % 2 == 0) is operand\n"
        "def pytest_apitest_extend(extensions):\n    extensions.add_operator('even', even)\n"
    )
    check = "expect: {json: {$.n: {even: true}}}"
    (tmp_path / "a.apitest.yaml").write_text(
        f"scenario: a\nsteps: [{{request: 'GET https://a.example/', {check}}}]\n"
    )
    assert run(tmp_path, "check", ".").stdout == "1 document fine\n"
    assert '"even"' in run(tmp_path, "schema").stdout
    (tmp_path / "conftest.py").unlink()
    assert 'unknown operator "even"' in run(tmp_path, "check", ".").stdout


def test_a_conftest_that_breaks_is_told(project: Path) -> None:
    (project / "conftest.py").write_text("1 / 0\n")
    done = run(project, "check", ".")
    assert (done.stdout, done.returncode) == ("", 2)
    assert "ZeroDivisionError" in done.stderr


def test_options_for_test_runs_are_not_for_this(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    done = run(project, "check", "good.apitest.yaml", PYTEST_ADDOPTS="--neither-this")
    assert (done.stdout, done.returncode) == ("1 document fine\n", 0)


@pytest.mark.parametrize("words", [["schema"], ["schema", "--result"]])
def test_the_schemas_are_schemas(project: Path, words: list[str]) -> None:
    import jsonschema

    done = run(project, *words)
    assert (done.stderr, done.returncode) == ("", 0)
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_a_terminal_without_the_character_gets_its_code(tmp_path: Path) -> None:
    (tmp_path / "é.apitest.yaml").write_text("scenario: é\nschritte: [é→]\n", encoding="utf-8")
    done = run(tmp_path, "check", ".", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert done.stdout.startswith("\\xe9.apitest.yaml:1:1: ")


def test_a_reader_that_goes_away_is_no_traceback(project: Path) -> None:
    process = subprocess.Popen(
        [*APITEST, "schema"], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as stream:
        said = stream.read()
    assert (process.wait(timeout=60), said) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="the shell of POSIX closes the stream")
def test_a_closed_standard_output_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("openapi: 3.1.0\n", encoding="utf-8")
    command = f"{shlex.join([*APITEST, 'inspect', 'bad.yaml'])} >&-"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize(
    "words", [["schema"], ["check", "good.apitest.yaml"], ["inspect", "bad.apitest.yaml"]]
)
def test_an_output_that_is_full_is_one_line(project: Path, words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*APITEST, *words], cwd=project, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)  # fmt: skip
        assert done.stderr == "apitest: the output cannot be written: no space left on device\n"
        assert done.returncode == 2
        both = subprocess.run([*APITEST, *words], cwd=project, stdout=full, stderr=full, timeout=60, check=False)  # fmt: skip
    assert both.returncode == 2


def test_the_demo_on_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(tmp_path, "demo", "--port", str(port))
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr == f"apitest demo: cannot listen on 127.0.0.1:{port}: address already in use\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_the_demo_serves_until_it_is_stopped(tmp_path: Path) -> None:
    process = subprocess.Popen([*APITEST, "demo", "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        url = re.fullmatch(r"Demo API on (http://127\.0\.0\.1:\d+\S*)\n", first)
        assert url is not None, first
        with urllib.request.urlopen(f"{url[1]}/openapi.json", timeout=30) as answer:
            assert json.load(answer)["openapi"].startswith("3.")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, "")
