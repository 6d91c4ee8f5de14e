"""What a person reads when a case failed: every screen is a golden file, to be read as a whole."""

import re
from itertools import takewhile
from pathlib import Path

import pytest

from pytest_apitest import demo
from tests.golden_files import FOLDER, Golden
from tests.plugin.project import APP, Project, Run, steady

SCREENS = FOLDER / "screen"
DESCRIPTION = Path(demo.__file__).with_name("quotes.openapi.yaml")
HEADING = re.compile(r"^_{3,} (.+?) _{3,}$", re.MULTILINE)


def documents(project: Project, *names: str) -> None:
    for name in names:
        text = (SCREENS / f"{name}.yaml").read_text("utf-8")
        project.write(f"{name}.apitest.yaml", text.replace("login.yaml", "login.apitest.yaml"))


def told(run: Run) -> str:
    """Return everything from the first screen to the end, without what differs from run to run."""
    start = min(at for at in map(run.out.find, ("= ERRORS =", "= FAILURES =")) if at >= 0)
    text = steady(run.out[run.out.rfind("\n", 0, start) + 1 :])
    text = re.sub(r"(?m)^(  < (?:Date|Server|ETag): ).*$", r"\1…", text)
    text = re.sub(r'"created": "[^"]+"', '"created": "…"', text)
    return re.sub(r"pytest-apitest/[\w.]+", "pytest-apitest/…", text)


def screens(text: str) -> dict[str, str]:
    """Return the screens of a run by the names in their headings."""
    parts = HEADING.split(re.split("(?m)^-+ API warnings -+$|= short test summary", text)[0])
    return {
        name: re.sub(r"\n=+(?: [A-Z]+ =+)?$", "", screen.strip("\n")).rstrip("=\n") + "\n"
        for name, screen in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_kind_of_failure_has_its_screen(project: Project, golden: Golden) -> None:
    documents(project, "cases", "login", "setup", "refused", "rules", "teardown")
    run = project.run(report=False)
    assert run.counts == {"failed": 13, "passed": 2, "xfailed": 1, "error": 3, "warned": 1}
    found = screens(told(run))
    assert len(found) == 16
    for name, screen in found.items():
        title = (
            name.rpartition(" > ")[2]
            if "ERROR" not in name
            else name.replace("ERROR ", "").replace(" > ", " ")
        )
        file = re.sub(r"[^\w]+", "-", title).strip("-").lower()
        golden.equal(SCREENS / f"{file}.txt", screen)
        last = screen.splitlines()[-1]
        assert re.match(r"[a-z]+\.apitest\.yaml:\d+: \S", last), screen


def test_a_request_of_an_operation_is_shown_as_any_other(project: Project, golden: Golden) -> None:
    documents(project, "described")
    project.write("quotes.openapi.yaml", DESCRIPTION.read_text("utf-8"))
    run = project.run(report=False)
    assert run.counts == {"failed": 2}
    for name, screen in screens(told(run)).items():
        file = re.sub(r"[^\w]+", "-", name.rpartition(" > ")[2]).strip("-").lower()
        golden.equal(
            SCREENS / f"{file}.txt", re.sub(r"quotes\.openapi\.yaml:\d+:\d+", "quotes.openapi.yaml:…", screen)
        )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tb-short", ("--tb=short",)),
        ("tb-line", ("--tb=line",)),
        ("q", ("-q",)),
        ("v", ("-v",)),
        ("vv", ("-vv",)),
    ],
)
def test_options_of_pytest_make_the_screen_longer_or_shorter(
    project: Project, golden: Golden, name: str, words: tuple[str, ...]
) -> None:
    documents(project, "short")
    run = project.run(*words, report=False)
    assert run.exit == 1
    shown = told(run)
    golden.equal(
        SCREENS / f"option-{name}.txt", shown[: shown.find("short test summary")].rstrip(" =\n") + "\n"
    )
    summary = run.line("FAILED short.apitest.yaml::Short")
    assert summary.startswith('FAILED short.apitest.yaml::Short - "tea": status: expected 200')


def test_without_tracebacks_the_summary_tells_the_story(project: Project) -> None:
    documents(project, "short", "setup")
    run = project.run("--tb=no", report=False)
    assert "checks failed" not in run.out
    assert 'FAILED short.apitest.yaml::Short - "tea": status: expected 200' in run.out
    assert run.line("ERROR setup.apitest.yaml::one").endswith('"prepare": status: expected 2xx, got 503')
    line = project.run("--tb=line", "-n", "2", report=False)
    assert line.out.count("short.apitest.yaml:13: ") == 1
    assert line.out.count("setup.apitest.yaml:4: ") == 2


def test_what_is_warned_or_expected_is_told_in_its_own_word(project: Project) -> None:
    documents(project, "rules", "cases", "login")
    run = project.run("-v", "-rxX", "-k", "A-1 or expected", report=False)
    assert "WARNED" in run.line("rules.apitest.yaml::A-1")
    assert "XFAIL" in run.line("cases.apitest.yaml::expected to fail ")
    assert "FAILED" in run.line("cases.apitest.yaml::expected to fail, but passes ")
    assert "known" in run.line("XFAIL cases.apitest.yaml::expected to fail")


WARNING = f"""\
scenario: Warning
endpoints:
  api: {{app: "{APP}"}}
  careful: {{app: "{APP}", openapi: {{file: api.yaml, undocumented: warn}}}}
cases:
  - case: green
    steps:
      - name: wished
        request: "GET ${{api}}/health"
        should: {{status: 404, json: {{$.x: 1}}}}
        report: {{quotes: $.quotes}}
      - {{name: strange, request: "GET ${{careful}}/health"}}
  - case: red
    steps:
      - {{name: warned before, request: "GET ${{api}}/numbers", should: {{status: 404}}}}
      - {{name: failed, request: "GET ${{api}}/health", expect: {{status: 404}}, should: {{json: {{$.y: 1}}}}}}
"""
WARNED_LINES = """\
warning.apitest.yaml:10: "wished": status: expected 404, got 200
warning.apitest.yaml:10: "wished": $.x: not found; there are status, quotes
warning.apitest.yaml:12: "strange": openapi: request: the path "/health" is not described (api.yaml:3:1)
warning.apitest.yaml:15: "warned before": status: expected 404, got 200
""".splitlines()


@pytest.fixture
def warning(project: Project) -> Project:
    project.write("api.yaml", 'openapi: 3.1.0\ninfo: {title: t, version: "1"}\npaths: {}\n')
    project.write("warning.apitest.yaml", WARNING)
    return project


def listed(run: Run, title: str) -> list[str]:
    """Return the lines of a section at the end of a run."""
    lines = run.out.splitlines()
    starts = [number for number, line in enumerate(lines) if re.fullmatch(f"-+ {title} -+", line)]
    if not starts:
        return []
    return list(
        takewhile(lambda line: not re.match(r"[-=]{4}|\d+ [a-z]+|FAILED |\Z", line), lines[starts[0] + 1 :])
    )


@pytest.mark.parametrize("words", [("-q",), ("-q", "-n", "2"), ("-qq", "--tb=no"), ("-W", "ignore")])
def test_warnings_are_told_at_the_end_of_the_run(warning: Project, words: tuple[str, ...]) -> None:
    run = warning.run(*words, report=False)
    assert run.exit == 1
    assert listed(run, "API warnings") == WARNED_LINES
    assert listed(run, "API notes") == []


def test_warnings_can_be_left_out_and_notes_asked_for(warning: Project) -> None:
    run = warning.run("-v", "-k", "green", "--disable-warnings", report=False)
    assert run.exit == 0
    assert listed(run, "API warnings") == []
    assert listed(run, "API notes") == ['warning.apitest.yaml:8: "wished": quotes: 0']


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_strict_run_shows_warnings_as_failures(
    warning: Project, golden: Golden, workers: tuple[str, ...]
) -> None:
    run = warning.run("--apitest-strict", "-k", "green", *workers, report=False)
    assert run.counts["failed"] == 1
    screen = re.sub(r"(?m)^\[gw\d\].*\n", "", screens(told(run))["Warning > green"])
    golden.equal(SCREENS / "warned-in-a-strict-run.txt", screen)
    assert listed(run, "API warnings") == []
    assert run.line("FAILED ").startswith(
        'FAILED warning.apitest.yaml::green - "wished": status: expected 404'
    )


def test_many_warnings_are_counted(project: Project) -> None:
    steps = "".join(
        f"  - {{request: GET /echo?n={number}, should: {{status: 404}}}}\n" for number in range(25)
    )
    project.steps("many.apitest.yaml", steps)
    cases = "parametrize: [{n: 1}, {n: 2}]\n"
    project.steps(
        "a.apitest.yaml", "  - {name: same, request: GET /health, should: {status: 404}}\n", head=cases
    )
    lines = listed(project.run("-q", report=False), "API warnings")
    assert lines[0] == 'a.apitest.yaml:5: "same": status: expected 404, got 200 (2 times)'
    assert lines[20:] == ["… and 6 more; --apitest-report DIR writes them all"]


def test_colours_are_for_terminals_only(project: Project) -> None:
    documents(project, "short")
    coloured = project.run("--color=yes", report=False).out
    assert "\x1b[1m\x1b[31mE   2 of 2 checks failed" in coloured or "\x1b[31m\x1b[1mE   2 of 2" in coloured
    assert "\x1b" not in project.run(report=False).out
