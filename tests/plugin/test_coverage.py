"""Coverage of descriptions: in the report, on the terminal, as a minimum, with workers."""

import json
from typing import Any

import jsonschema
import pytest

from pytest_apitest.errors import UsageError
from pytest_apitest.reports.result_json import SCHEMA_FILE
from pytest_apitest.selection import percentage
from tests.plugin.project import APP, GOOD, Project, Run

# Six operations with twelve statuses, of which COVERED exercises six, one of them not as described.
DESCRIPTION = """\
openapi: 3.1.0
info: {title: Quotes, version: "7"}
paths:
  /health:
    get:
      operationId: health
      parameters: [{name: verbose, in: query, schema: {type: string}}]
      responses:
        "200": {description: fine, content: {application/json: {schema: {$ref: "#/components/schemas/Health"}}}}
        "503": {description: not fine}
  /quotes:
    get:
      parameters:
        - {name: size, in: query, schema: {type: integer, minimum: 1}}
        - {name: page, in: query, schema: {type: integer}}
      responses: {"200": {description: some}, "4XX": {description: refused}}
    post:
      requestBody: {content: {application/json: {schema: {properties: {author: {}, text: {}, tags: {}}}}}}
      responses: {"201": {description: made}, "401": {description: refused}, default: {description: other}}
  /quotes/{id}:
    delete:
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"204": {description: gone}, "404": {description: unknown}}
  /flaky:
    get: {responses: {"200": {description: fine}, "503": {description: not yet}}}
  /jobs:
    post: {responses: {"202": {description: begun}}}
components:
  schemas:
    Health: {type: object, properties: {status: {type: string}, since: {type: string}}}
"""
HEAD = f"""\
scenario: Covered
endpoints: {{api: {{app: "{APP}", openapi: {{file: api.yaml, undocumented: allow}}, auth: {{token: demo-token}}}}}}
variables: {{key: "${{random_text(9)}}"}}
"""
COVERED = (
    HEAD
    + """\
cases:
  - case: health
    steps: [{request: GET /health}]
  - case: pages
    steps:
      - {request: "GET /quotes?size=1"}
      - {request: "GET /quotes?size=-1", expect: {status: 422, openapi: response}}
  - case: wrong
    xfail: the request is not as described
    steps: [{request: "GET /quotes?size=0", expect: {status: 422}}]
  - case: cleaned
    steps:
      - request: {POST: /quotes, json: {author: Ada Lovelace, text: Measure.}}
        save: {quote: $.url}
        cleanup: DELETE ${quote}
        expect: {status: 201}
  - case: tried again
    steps:
      - request: GET /flaky?key=${key}&fails=1
        retry: {times: 3, every: 0s}
        expect: {status: 200}
  - case: beside it
    steps:
      - {request: GET /numbers}
      - {request: GET /numbers, openapi: false}
      - {request: GET /quotes/1, expect: {status: 4xx}}
"""
)
EXERCISED = {
    "GET /health": {"200": 1, "503": 0},
    "GET /quotes": {"200": 1, "4XX": 2},
    "POST /quotes": {"201": 1, "401": 0, "default": 0},
    "DELETE /quotes/{id}": {"204": 1, "404": 0},
    "GET /flaky": {"200": 1, "503": 1},
    "POST /jobs": {"202": 0},
}


def valid(run: Run) -> list[dict[str, Any]]:
    """Return the coverage of a run whose report follows its schema."""
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(run.json)
    found: list[dict[str, Any]] = run.json["coverage"]
    return found


@pytest.fixture
def covered(project: Project) -> Project:
    project.write("api.yaml", DESCRIPTION)
    project.write("covered.apitest.yaml", COVERED)
    return project


def statuses(coverage: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return how often each status of each operation was seen."""
    return {
        f"{one['method']} {one['path']}": {
            status["status"]: status["exercised"] for status in one["statuses"]
        }
        for one in coverage["operations"]
    }


@pytest.mark.parametrize("words", [(), ("-n", "2"), ("-p", "randomly")])
def test_the_report_says_what_was_exercised(covered: Project, words: tuple[str, ...]) -> None:
    covered.write(
        "other.apitest.yaml", HEAD.replace("Covered", "Other") + "steps: [{request: GET /health}]\n"
    )
    covered.write("pytest.ini", "[pytest]\naddopts = -W error\n")
    run = covered.run(*words)
    assert run.exit == 0, run.all
    [found] = valid(run)
    expected = {**EXERCISED, "GET /health": {"200": 2, "503": 0}}
    assert statuses(found) == expected
    assert list(statuses(found)) == list(EXERCISED)
    assert (found["file"], found["title"], found["version"], found["percent"]) == (
        "api.yaml",
        "Quotes",
        "7",
        58.3,
    )
    assert found["totals"] == {
        "operations": {"exercised": 5, "described": 6, "percent": 83.3},
        "statuses": {"exercised": 7, "described": 12, "percent": 58.3},
        "parameters": {"exercised": 2, "described": 4, "percent": 50},
        "properties": {"exercised": 3, "described": 5, "percent": 60},
    }
    health, quotes, made = found["operations"][:3]
    assert (health["operation_id"], health["line"]) == ("health", 5)
    assert health["statuses"][0]["properties"] == [
        {"path": "$.status", "seen": True},
        {"path": "$.since", "seen": False},
    ]
    assert (quotes["exercised"], quotes["violations"]) == (3, 1)
    assert [one["violations"] for one in quotes["statuses"]] == [0, 1]
    assert {one["name"]: one["sent"] for one in quotes["parameters"]} == {"size": True, "page": False}
    assert {one["path"]: one["seen"] for one in made["request_properties"]} == {
        "$.author": True, "$.text": True, "$.tags": False,
    }  # fmt: skip
    assert found["undocumented"] == [
        {"what": "path", "method": "GET", "path": "/numbers", "status": 200, "exercised": 1},
        {"what": "method", "method": "GET", "path": "/quotes/{id}", "status": 404, "exercised": 1},
    ]
    assert run.line("reports: ").endswith("shield.svg, coverage.html, coverage.svg")


def test_a_run_without_descriptions_is_reported_as_before(project: Project) -> None:
    project.write("good.apitest.yaml", GOOD)
    run = project.run()
    assert "coverage" not in run.json
    assert "coverage" not in run.all.lower()
    assert sorted(file.name for file in run.folder.iterdir()) == ["result.json", "shield.json", "shield.svg"]


def test_coverage_of_an_earlier_run_is_removed(covered: Project) -> None:
    assert (covered.run().folder / "coverage.html").exists()
    covered.write("good.apitest.yaml", GOOD)
    run = covered.run("good.apitest.yaml")
    assert not list(run.folder.glob("coverage.*"))


def test_only_what_ran_counts(covered: Project) -> None:
    run = covered.run("-k", "health or beside", "--apitest-coverage")
    [found] = valid(run)
    assert found["totals"]["statuses"]["exercised"] == 1
    skipped = covered.run("--apitest-coverage", "-k", "Off", "covered.apitest.yaml")
    assert "coverage" not in skipped.json
    # A case that ran and sent nothing to the description: it counts with nothing.
    covered.write(
        "off.apitest.yaml",
        HEAD.replace("Covered", "Off") + "steps: [{request: GET /health, openapi: false}]\n",
    )
    [found] = valid(covered.run("off.apitest.yaml"))
    assert found["totals"]["operations"] == {"exercised": 0, "described": 6, "percent": 0}
    covered.write("off.apitest.yaml", (covered.path / "off.apitest.yaml").read_text() + "skip: not today\n")
    assert "coverage" not in covered.run("off.apitest.yaml").json


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_run_that_stops_early_has_what_it_did(covered: Project, workers: tuple[str, ...]) -> None:
    covered.write(
        "covered.apitest.yaml",
        HEAD
        + "cases:\n"
        + "  - {case: first, steps: [{request: GET /health}]}\n"
        + "  - {case: second, steps: [{request: GET /health, expect: {status: 404}}]}\n"
        + "".join(f"  - {{case: c{number}, steps: [{{request: GET /quotes}}]}}\n" for number in range(40)),
    )
    run = covered.run("-x", *workers, "--apitest-coverage-min", "100")
    assert run.exit in (1, 2)
    [found] = valid(run)
    assert statuses(found)["GET /health"]["200"] == 2
    assert statuses(found)["GET /quotes"]["200"] < 40
    assert run.line("ERROR: coverage: only ")


@pytest.mark.parametrize("words", [(), ("-n", "2")])
def test_what_python_tests_run_counts(covered: Project, words: tuple[str, ...]) -> None:
    covered.write(
        "test_it.py",
        """\
        def test_it(apitest_run):
            assert apitest_run("covered.apitest.yaml").passed


        def test_again(apitest_run):
            assert apitest_run("short.apitest.yaml").passed
        """,
    )
    covered.write(
        "short.apitest.yaml", HEAD.replace("Covered", "Short") + "steps: [{request: GET /health}]\n"
    )
    covered.write(
        "covered.apitest.yaml",
        COVERED.replace("    xfail: the request is not as described\n", "")
        .replace("size=0", "size=-2")
        .replace("expect: {status: 422}}", "expect: {status: 422, openapi: response}}"),
    )
    run = covered.run("test_it.py", *words, "--apitest-coverage-min=58")
    assert run.exit == 0, run.all
    [found] = valid(run)
    assert statuses(found) == {**EXERCISED, "GET /health": {"200": 2, "503": 0}}
    # Without an option the controller learns of documents from its workers only.
    covered.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -W error\napitest_coverage_min = 59\n")
    run = covered.run("test_it.py", *words, report=False)
    assert run.exit == 1
    assert run.line("ERROR: ") == "ERROR: coverage: only 58.3 %, wanted 59 %: 7 of 12 statuses of operations"


@pytest.mark.parametrize("words", [(), ("-n", "2")])
def test_a_description_that_is_read_during_the_run_is_one(project: Project, words: tuple[str, ...]) -> None:
    for name in ("one", "two"):
        project.write(
            f"{name}.apitest.yaml",
            f"scenario: {name}\nendpoints: {{api: {{app: '{APP}', openapi: /openapi.json}}}}\n"
            "steps: [{request: GET /health}]\n",
        )
    run = project.run(*words)
    assert run.exit == 0, run.all
    [found] = valid(run)
    assert statuses(found)["GET /health"] == {"200": 2}
    assert found["totals"]["statuses"]["exercised"] == 1
    assert found["totals"]["statuses"]["described"] > 50


def test_reruns_count_too(covered: Project) -> None:
    covered.write("covered.apitest.yaml", HEAD + "steps: [{request: GET /health, expect: {status: 404}}]\n")
    [found] = valid(covered.run("--reruns", "2"))
    assert statuses(found)["GET /health"] == {"200": 3, "503": 0}


# -- the terminal ---------------------------------------------------------------------------------------


TERMINAL = """\
58.3 % of Quotes 7
  api.yaml
  statuses of operations      7 of     12   58.3 %
  operations                  5 of      6   83.3 %
  parameters                  2 of      4     50 %
  properties of bodies        3 of      5     60 %
not as described (!): 1
  ! GET /quotes: 4XX (1 of 2)
operations never called: 1
    POST /jobs
statuses never seen: 4
    GET /health: 503
    POST /quotes: 401, default
    DELETE /quotes/{id}: 404
parameters never sent: 2
    GET /health: query verbose
  ! GET /quotes: query page
properties never seen: 2
    GET /health: 200 $.since
    POST /quotes: request $.tags
met, but not described: 2
    GET /numbers: no such path, 200 (1)
    GET /quotes/{id}: no such method, 404 (1)
"""


@pytest.mark.parametrize("words", [("-n", "2", "-v"), ("-qq", "--tb=no")])
def test_the_terminal_says_what_is_missing(covered: Project, words: tuple[str, ...]) -> None:
    run = covered.run("--apitest-coverage", *words, report=False)
    assert run.exit == 0, run.all
    assert " API coverage -" in run.out
    assert TERMINAL in run.out


def test_the_terminal_can_be_asked_in_the_ini_file(covered: Project) -> None:
    covered.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -W error\napitest_coverage = true\n")
    assert TERMINAL in covered.run(report=False).out


def test_nothing_is_said_when_nobody_asked(covered: Project) -> None:
    assert "coverage" not in covered.run("-v", report=False).out
    assert "API coverage" not in covered.run("-v").out
    assert "coverage" not in covered.run("--co", "-q", "--apitest-coverage-min", "100", report=False).out


def test_a_run_without_a_description_says_so(project: Project) -> None:
    project.write("good.apitest.yaml", GOOD)
    run = project.run("--apitest-coverage", report=False)
    assert run.exit == 0
    assert run.line("no description was checked")


def test_long_lists_are_cut_and_lines_are_short(project: Project) -> None:
    paths = {
        f"/p{number}{'x' * 90}": {
            "get": {
                "parameters": [
                    {"name": "n" * 90 + str(name), "in": "query", "schema": {}} for name in range(20)
                ],
                "responses": {str(code): {"description": "d"} for code in range(400, 430)},
            }
        }
        for number in range(15)
    }
    paths["/health"] = {"get": {**paths[f"/p1{'x' * 90}"]["get"]}}
    project.write(
        "api.yaml",
        json.dumps({"openapi": "3.1.0", "info": {"title": "t" * 200, "version": "1"}, "paths": paths}),
    )
    steps = "".join(f"  - {{request: GET /no/{number}, expect: {{status: 404}}}}\n" for number in range(15))
    project.write("one.apitest.yaml", HEAD + "steps:\n  - request: GET /health\n" + steps)
    run = project.run("--apitest-coverage")
    assert run.exit == 0, run.all
    shown = run.out.partition("API coverage")[2].partition("API scenarios")[0].splitlines()[1:]
    assert len(shown) < 60
    assert max(map(len, shown)) <= 80
    everything = "--apitest-report DIR writes them all"
    for line in (f"    … and 5 more operations; {everything}", f"    … and 6 more; {everything}"):
        assert line in shown
    assert "        … and 18 more" in shown
    # A place and its name stand on one line.
    assert not [line for line in shown if line.endswith(" query")]
    assert len(valid(run)[0]["operations"]) == 16


# -- the minimum ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "minimum", "exit_status", "line"),
    [
        ((), "58.333", 0, "coverage: reached 58.3 %, wanted 58.333 %: 7 of 12 statuses of operations"),
        (
            ("-q",),
            "58.334",
            1,
            "ERROR: coverage: only 58.3 %, wanted 58.334 %: 7 of 12 statuses of operations",
        ),
        (("-q",), "0", 0, "coverage: reached 58.3 %, wanted 0 %: 7 of 12 statuses of operations"),
        (
            ("-q", "-n", "2"),
            "100",
            1,
            "ERROR: coverage: only 58.3 %, wanted 100 %: 7 of 12 statuses of operations",
        ),
    ],
)
def test_a_minimum_fails_the_run(
    covered: Project, minimum: str, exit_status: int, line: str, words: tuple[str, ...]
) -> None:
    run = covered.run("--apitest-coverage-min", minimum, *words)
    assert run.exit == exit_status, run.all
    assert line in run.out.splitlines()
    assert ("what is missing: --apitest-coverage" in run.out.splitlines()) is bool(exit_status)
    assert "never seen" not in run.out
    valid(run)
    assert run.json["coverage_minimum"] == {
        "wanted": float(minimum), "percent": 58.3, "reached": not exit_status,
    }  # fmt: skip
    assert run.json["verdict"] == ("Failed" if exit_status else "Success")
    assert json.loads((run.folder / "shield.json").read_text())["isError"] is bool(exit_status)
    assert line.removeprefix("ERROR: ") in (run.folder / "coverage.html").read_text("utf-8")


def test_a_minimum_can_stand_in_the_ini_file(covered: Project) -> None:
    covered.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -W error\napitest_coverage_min = 90\n")
    assert covered.run(report=False).exit == 1
    assert covered.run("--apitest-coverage-min=50", report=False).exit == 0
    # What has nothing to do with scenarios does not fail for it.
    covered.write("test_python.py", "def test_it():\n    pass\n")
    assert covered.run("test_python.py", report=False).exit == 0


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_nothing_passes_where_no_description_is(project: Project, workers: tuple[str, ...]) -> None:
    project.write("good.apitest.yaml", GOOD)
    run = project.run("--apitest-coverage-min", "1", *workers)
    assert run.exit == 1
    assert (
        run.line("ERROR: ")
        == "ERROR: coverage: no description was checked, wanted 1 % (--apitest-coverage-min)"
    )
    assert run.json["coverage_minimum"] == {"wanted": 1, "percent": None, "reached": False}
    assert run.json["verdict"] == "Failed"
    project.write("test_python.py", "def test_it():\n    pass\n")
    assert project.run("--apitest-coverage-min", "1", "test_python.py", *workers, report=False).exit == 1


def test_a_minimum_of_nothing_is_always_reached(project: Project) -> None:
    project.write("good.apitest.yaml", GOOD)
    run = project.run("--apitest-coverage-min", "0")
    assert run.exit == 0
    assert "ERROR" not in run.all
    assert run.json["coverage_minimum"] == {"wanted": 0, "percent": None, "reached": True}


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_documents_with_mistakes_are_the_only_error(covered: Project, workers: tuple[str, ...]) -> None:
    covered.write("broken.apitest.yaml", "scenario: X\n")
    run = covered.run("--apitest-coverage-min", "100", "--apitest-coverage", *workers)
    assert run.exit == 2
    assert "API coverage" not in run.out
    assert "coverage_minimum" not in run.json
    assert run.line("Failed: ") == "Failed: 1 document with mistakes, nothing ran, 0 checks"
    going_on = covered.run("--apitest-coverage-min", "100", "--continue-on-collection-errors")
    assert going_on.line("ERROR: coverage: only 58.3 %")


def test_that_a_worker_took_its_share_along_is_said(covered: Project) -> None:
    died = "incomplete: a worker died, and what ran there is not counted"
    covered.write("conftest.py", "import os, pytest\n\n@pytest.fixture\ndef deadly():\n    os._exit(1)\n")
    covered.write("deadly.apitest.yaml", GOOD.replace("Good", "Deadly") + "fixtures: [deadly]\n")
    run = covered.run("-n", "2", "--max-worker-restart=1", "--apitest-coverage", report=False)
    assert run.exit == 1
    assert run.line("incomplete: ") == died
    (covered.path / "deadly.apitest.yaml").unlink()
    assert died not in covered.run("-n", "2", "--apitest-coverage", report=False).out


def test_a_minimum_hides_no_worse_exit_status(covered: Project) -> None:
    words = ("--apitest-coverage-min", "100")
    assert covered.run(*words, "-k", "nothing_like_it").exit == 5
    covered.write("broken.apitest.yaml", "scenario: X\n")
    assert covered.run(*words).exit == 2
    (covered.path / "broken.apitest.yaml").unlink()
    assert covered.run(*words, "--apitest-var", "nope=1").exit == 4


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("eighty", ""), ("101", ""), ("100.1", ""), ("-1", ""), ("", ""), ("nan", ""), ("1e1", ""), ("٨٠", ""),
        ("80%", "; write 80 without %"), ("80 %", "; write 80 without %"), (" 80", "; write 80 without %"),
        ("8,5", ""), ("0.0001", ""),
    ],
)  # fmt: skip
def test_a_minimum_is_a_percentage(written: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        percentage("--apitest-coverage-min", written)
    expected = f'--apitest-coverage-min "{written}": expected a percentage from 0 to 100, such as 80{hint}'
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    ("written", "shown"), [("0", "0"), ("100", "100"), ("080.50", "80.5"), ("99.999", "99.999")]
)
def test_a_minimum_is_shown_in_its_shortest_form(written: str, shown: str) -> None:
    assert percentage("x", written) == shown


def test_a_wrong_minimum_is_a_usage_error(covered: Project) -> None:
    told = '"80%": expected a percentage from 0 to 100, such as 80; write 80 without %'
    run = covered.run("--apitest-coverage-min=80%", report=False)
    assert (run.exit, run.line("ERROR: ")) == (4, f"ERROR: --apitest-coverage-min {told}")
    covered.write("pytest.ini", "[pytest]\naddopts = -W error\napitest_coverage_min = 80%\n")
    run = covered.run(report=False)
    assert (run.exit, run.line("ERROR: ")) == (4, f"ERROR: apitest_coverage_min {told}")
    assert covered.run("--apitest-coverage-min=", report=False).exit == 4
