"""Report files and JUnit: complete, valid, and never there by halves."""

import json
import os
import sys
import xml.etree.ElementTree as ET
from typing import Any

import jsonschema
import pytest

from pytest_apitest.reports.result_json import SCHEMA_FILE
from tests.plugin.project import APP, BAD, CASES, GOOD, Project, Run

# One case of every outcome.
ALL = f"""\
scenario: All
endpoints: {{api: {{app: "{APP}"}}, none: "http://127.0.0.1:1"}}
variables: {{spare: {{required: false}}}}
cases:
  - case: passes
    steps: [{{request: "GET ${{api}}/health"}}]
  - case: warns
    steps: [{{request: "GET ${{api}}/health", should: {{status: 404}}}}]
  - case: fails
    steps:
      - {{name: first, request: "GET ${{api}}/health", expect: {{status: 404}}}}
      - {{name: second, request: "GET ${{api}}/health"}}
  - case: errs
    steps: [{{request: "GET ${{none}}/"}}]
  - case: skipped
    skip: not today
    steps: [{{request: "GET ${{api}}/health"}}]
  - case: lacks a name
    steps: [{{request: "GET ${{api}}/health?q=${{spare}}"}}]
  - case: known
    xfail: known since long
    steps: [{{request: "GET ${{api}}/status/500"}}]
  - case: mended
    xfail: known since long
    steps: [{{request: "GET ${{api}}/health"}}]
"""
WORDS = {
    "passes": "passed", "warns": "warned", "fails": "failed", "errs": "error", "skipped": "skipped",
    "lacks a name": "not_run", "known": "skipped", "mended": "failed",
}  # fmt: skip


def valid(run: Run) -> dict[str, Any]:
    """Return the outcome of a run after it was held against the schema that comes with the plugin."""
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(run.json)
    return run.json


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_every_outcome_is_in_the_report_and_the_report_follows_its_schema(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("all.apitest.yaml", ALL)
    run = project.run(*workers)
    found = valid(run)
    assert run.exit == 1
    assert run.outcomes == WORDS
    assert found["totals"] == {
        "total": 8, "passed": 1, "failed": 2, "error": 1, "skipped": 2, "not_run": 1, "warned": 1, "checks": 6,
    }  # fmt: skip
    assert found["verdict"] == "Failed"
    fails = found["cases"][2]
    assert [(step["name"], step["outcome"]) for step in fails["steps"]] == [
        ("first", "failed"),
        ("second", "not_run"),
    ]
    assert fails["steps"][1]["reason"] == 'after "first" failed'
    assert fails["line"] == 9
    assert fails["steps"][0]["failures"][0]["place"] == {
        "file": "all.apitest.yaml", "line": 11, "column": 70, "width": 3,
    }  # fmt: skip
    reasons = {case["title"]: case.get("reason") for case in found["cases"]}
    assert reasons["skipped"] == "not today"
    assert "spare" in str(reasons["lacks a name"])
    assert reasons["known"] == "expected to fail: known since long"
    assert reasons["mended"] == "expected to fail, but passed: known since long"


@pytest.mark.parametrize(
    ("text", "verdict", "color", "is_error", "exit_status"),
    [
        (GOOD, "Success", "green", False, 0),
        (BAD, "Failed", "red", True, 1),
        (GOOD + "skip: not today\n", "No results", "inactive", False, 0),
        (GOOD + "variables: {a: {required: false}}\nwhen: {a: 1}\n", "No results", "inactive", False, 0),
        (
            CASES + "  - {case: four, steps: [{request: 'GET /${a}'}]}\nvariables: {a: {required: false}}\n",
            "Not completed", "orange", False, 0,
        ),
        ("scenario: X\n", "Failed", "red", True, 2),
        ("", "Failed", "red", True, 2),
    ],
)  # fmt: skip
def test_verdict_badge_and_exit_status_agree(
    project: Project, text: str, verdict: str, color: str, is_error: bool, exit_status: int
) -> None:
    project.write("one.apitest.yaml", text)
    run = project.run()
    assert (run.exit, valid(run)["verdict"]) == (exit_status, verdict), run.all
    badge = json.loads((run.folder / "shield.json").read_text("utf-8"))
    assert badge == {
        "schemaVersion": 1, "label": "API Test Platform", "message": verdict, "color": color, "isError": is_error,
    }  # fmt: skip
    root = ET.fromstring((run.folder / "shield.svg").read_text("utf-8"))
    assert root.get("aria-label") == f"API Test Platform: {verdict}"
    assert sorted(file.name for file in run.folder.iterdir()) == ["result.json", "shield.json", "shield.svg"]


def test_a_run_without_documents_has_no_results(project: Project) -> None:
    project.write("test_python.py", "def test_it():\n    pass\n")
    run = project.run()
    assert (run.exit, valid(run)["verdict"], run.json["cases"]) == (0, "No results", [])


def test_a_report_of_an_earlier_run_is_replaced_as_a_whole(project: Project) -> None:
    project.write("one.apitest.yaml", BAD)
    project.run()
    project.write("one.apitest.yaml", GOOD)
    run = project.run()
    assert (run.json["verdict"], list(run.outcomes)) == ("Success", ["Good"])


def test_reports_go_to_the_folder_that_pytest_was_called_in(project: Project) -> None:
    project.write("sub/one.apitest.yaml", GOOD)
    run = project.run("sub", "--rootdir", "sub", "-c", "pytest.ini")
    assert run.exit == 0
    assert run.json["cases"][0]["file"] == "sub/one.apitest.yaml"
    assert run.line("reports: ") == "reports: report/result.json, shield.json, shield.svg"


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_folder_that_vanished_is_an_error_beside_the_failures(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("bad.apitest.yaml", BAD)
    project.write(
        "conftest.py",
        """\
        import shutil
        from pathlib import Path

        import pytest


        @pytest.hookimpl(tryfirst=True)
        def pytest_sessionfinish(session):
            if not hasattr(session.config, "workerinput"):
                shutil.rmtree("report")
                Path("report").write_text("in the way")
        """,
    )
    run = project.run(*workers)
    assert run.exit == 1
    assert "expected 404, got 200" in run.out
    assert run.line("ERROR: no reports in report: ")
    project.write("bad.apitest.yaml", GOOD)
    (project.path / "report").unlink()
    assert project.run(*workers).exit == 4


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="rights do not bind this user")
def test_a_folder_without_rights_is_an_error_before_anything_is_sent(project: Project) -> None:
    project.write("good.apitest.yaml", GOOD)
    (project.path / "report").mkdir(mode=0o500)
    run = project.run()
    assert (run.exit, "passed" in run.out) == (4, False)


def test_junit_tells_each_case_by_itself(project: Project) -> None:
    project.write("all.apitest.yaml", ALL)
    project.write("sub/all.apitest.yaml", ALL)
    project.write(
        "setup.apitest.yaml",
        CASES.replace("cases:", "setup: [{name: prepare, request: GET /status/503}]\ncases:", 1),
    )
    for workers in ((), ("-n", "2")):
        run = project.run("--junit-xml=junit.xml", "-k", "not (sub and (errs or fails))", *workers)
        assert run.exit == 1
        suite = ET.parse(project.path / "junit.xml").getroot()[0]
        cases = {(case.get("classname"), case.get("name")): case for case in suite.iter("testcase")}
        assert len(cases) == len(list(suite.iter("testcase"))) == 17
        assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("4", "3", "6")
        fails = cases["all.apitest.yaml", "fails"]
        failure = fails.find("failure")
        assert failure is not None
        assert failure.get("message") == '"first": status: expected 404, got 200'
        assert (
            str(failure.text).rstrip().endswith('all.apitest.yaml:11: "first": status: expected 404, got 200')
        )
        properties = {one.get("name"): one.get("value") for one in fails.iter("property")}
        assert properties == {"file": "all.apitest.yaml", "line": "9", "scenario": "All"}
        error = cases["setup.apitest.yaml", "one"].find("error")
        assert error is not None
        assert error.get("message") == 'failed on setup with ""prepare": status: expected 2xx, got 503"'
        skips = {
            name: (skip.get("type"), skip.get("message"))
            for (folder, name), case in cases.items()
            if (skip := case.find("skipped")) is not None and folder == "all.apitest.yaml"
        }
        assert skips["skipped"] == ("pytest.skip", "not today")
        assert skips["known"] == ("pytest.xfail", "known since long")
        assert "spare" in str(skips["lacks a name"][1])
        mended = cases["all.apitest.yaml", "mended"].find("failure")
        assert mended is not None
        assert "expected to fail, but passed: known since long" in str(mended.get("message"))


def test_bytes_that_no_report_can_hold_are_written_safely(project: Project) -> None:
    project.write(
        "odd.py",
        """\
        from aiohttp import web


        def create_app():
            async def answer(request):
                body = b'{"a": "\\\\ud800 \\\\u0000 \\\\u001b[31m \\xf0\\x9f\\x92\\xa9", "b": "\\\\u202e]]>"}'
                return web.Response(body=body, content_type="application/json")

            app = web.Application()
            app.router.add_get("/", answer)
            return app
        """,
    )
    project.write(
        "odd.apitest.yaml",
        "scenario: Odd\nendpoints: {api: {app: 'odd:create_app'}}\n"
        "steps: [{request: GET /, expect: {json: {$.a: x, $.b: y}}}]\n",
    )
    run = project.run("--junit-xml=junit.xml", "-vv")
    assert run.exit == 1
    valid(run)
    assert len(list(ET.parse(project.path / "junit.xml").getroot().iter("failure"))) == 1
    assert "\x1b" not in run.out
    assert "\u202e" not in run.out


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("--apitest-scenario", "nope"), None),
        (("--apitest-vars", "nope.yaml"), None),
        (("--apitest-var", "nope=1", "good.apitest.yaml"), "Failed"),
        (("nowhere",), "Failed"),
    ],
)
def test_a_run_that_is_refused_leaves_no_success_of_an_earlier_one(
    project: Project, words: tuple[str, ...], left: str | None
) -> None:
    project.write("good.apitest.yaml", GOOD)
    assert project.run("good.apitest.yaml").json["verdict"] == "Success"
    run = project.run(*words)
    assert run.exit == 4
    files = {file.name for file in run.folder.iterdir()}
    if left is None:
        assert files == set()
    else:
        assert run.json["verdict"] == left
        assert json.loads((run.folder / "shield.json").read_text("utf-8"))["color"] == "red"


def test_a_case_that_ctrl_c_ended_is_told_with_what_it_did(project: Project) -> None:
    project.write(
        "slow.apitest.yaml",
        f"""\
        scenario: Slow
        endpoints: {{api: {{app: "{APP}"}}}}
        cases:
          - case: slow
            steps:
              - {{name: first, request: GET /health}}
              - {{name: second, request: GET /health, auth: {{stop: {{at: once}}}}}}
        after_each: [{{name: last, request: GET /status/404}}]
        """,
    )
    project.write(
        "conftest.py",
        '''\
        def pytest_apitest_extend(extensions):
            def stop(request, settings):
                """Press Ctrl-C."""
                raise KeyboardInterrupt

            extensions.add_auth("stop", stop, ("at",))
        ''',
    )
    run = project.run("slow.apitest.yaml")
    assert run.exit == 2
    [case] = run.json["cases"]
    words = {step["name"]: step["outcome"] for step in case["steps"]}
    assert (words["first"], words["last"]) == ("passed", "failed"), case
    assert case["outcome"] != "passed"
    assert run.json["verdict"] != "Success"


def test_descriptions_and_versions_are_in_the_report(project: Project) -> None:
    project.write(
        "told.apitest.yaml",
        f"""\
        scenario: Told
        description: What it is for.
        version: "1.10"
        endpoints: {{api: {{app: "{APP}"}}}}
        cases:
          - {{case: own, description: Of the case., steps: [{{request: GET /health}}]}}
          - {{case: none, steps: [{{request: GET /health}}]}}
        """,
    )
    for words in ((), ("-n", "2")):
        run = project.run("told.apitest.yaml", *words)
        jsonschema.validate(run.json, json.loads(SCHEMA_FILE.read_text("utf-8")))
        assert [(case["description"], case["version"]) for case in run.json["cases"]] == [
            ("Of the case.", "1.10"),
            ("What it is for.", "1.10"),
        ]
