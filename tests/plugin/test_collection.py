"""Documents as pytest sees them: ids, selection, marks, and what cannot be collected."""

import pytest

from tests.plugin.project import APP, BAD, CASES, GOOD, Project

BROKEN = """\
scenario: Broken
endpoints: {api: "http://127.0.0.1:1"}
steps:
  - request: GTE /x
    expct: {}
  - request: GET /${nam}
"""
PROBLEMS = (
    'broken.apitest.yaml:4:14: unknown method "GTE"; did you mean "GET"?',
    'broken.apitest.yaml:5:5: unknown key "expct" in a step; did you mean "expect"?',
    'broken.apitest.yaml:6:19: "nam" is not defined',
    "      |              ^^^",
)
MANY = f"""\
scenario: Many
endpoints: {{api: {{app: "{APP}"}}}}
cases:
  - case: "rows :: and colons"
    parametrize: {{size: [1, 2], page: [5, 6]}}
    steps: [{{request: "GET /quotes?size=${{size}}&page=${{page}}"}}]
  - case: labelled
    parametrize: [{{case: same, size: 1}}, {{case: same, size: 2}}]
    steps: [{{request: "GET /quotes?size=${{size}}"}}]
  - case: marked
    marks: [wide]
    steps: [{{request: GET /quotes}}]
"""


def ids(text: str) -> list[str]:
    return [line for line in text.splitlines() if "::" in line]


def with_marks(project: Project, *marks: str) -> None:
    lines = "".join(f"\n    {mark}: for this test" for mark in marks)
    project.write("pytest.ini", f"[pytest]\naddopts = -p no:randomly -W error\nmarkers ={lines}\n")


def test_node_ids_name_case_and_row_and_select_it(project: Project) -> None:
    with_marks(project, "wide")
    project.write("many.apitest.yaml", MANY)
    project.write("sub/good.apitest.yml", GOOD)
    collected = ids(project.run("--co", "-q", report=False).out)
    assert collected == [
        "many.apitest.yaml::rows : : and colons[1-5]",
        "many.apitest.yaml::rows : : and colons[1-6]",
        "many.apitest.yaml::rows : : and colons[2-5]",
        "many.apitest.yaml::rows : : and colons[2-6]",
        "many.apitest.yaml::labelled[same]",
        "many.apitest.yaml::labelled[same-2]",
        "many.apitest.yaml::marked",
        "sub/good.apitest.yml::Good",
    ]
    run = project.run(collected[3], collected[5], "-v")
    assert run.outcomes == {"rows : : and colons[2-6]": "passed", "labelled[same-2]": "passed"}
    assert [case["id"] for case in run.json["cases"]] == [collected[3], collected[5]]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("-k", "labelled"), ["labelled[same]", "labelled[same-2]"]),
        (("-k", "many and not (rows or labelled)"), ["marked"]),
        (("-m", "wide"), ["marked"]),
        (("-m", "not wide", "-k", "colons and 6"), ["rows : : and colons[1-6]", "rows : : and colons[2-6]"]),
    ],
)
def test_pytest_selects_cases(project: Project, words: tuple[str, ...], expected: list[str]) -> None:
    with_marks(project, "wide")
    project.write("many.apitest.yaml", MANY)
    run = project.run(*words, "--strict-markers")
    assert (run.exit, list(run.outcomes)) == (0, expected)
    assert run.counts == {"passed": len(expected), "deselected": 7 - len(expected)}


def test_an_unknown_mark_is_a_problem_of_the_document_with_strict_markers(project: Project) -> None:
    project.write("many.apitest.yaml", MANY)
    assert project.run("-k", "marked").exit == 0
    run = project.run("--strict-markers")
    assert run.exit == 2
    place = run.line("many.apitest.yaml:11:13: ")
    assert place.endswith('the mark "wide" is not registered: add it to markers in pytest\'s configuration')
    assert "   11 |     marks: [wide]" in run.out
    assert run.line("ERROR many").startswith("ERROR many.apitest.yaml - line 11: the mark")


def test_a_broken_document_gives_one_error_with_all_problems_and_nothing_is_sent(project: Project) -> None:
    project.write("broken.apitest.yaml", BROKEN)
    project.write("good.apitest.yaml", GOOD)
    for words in ((), ("-n", "2"), ("--co",), ("--tb=short",), ("-q", "--tb=line")):
        run = project.run(*words)
        assert run.exit == 2, run.all
        assert run.counts["error"] == 1
        for text in PROBLEMS:
            assert run.out.count(text) == 1, (words, run.out)
        summary = run.line("ERROR broken.apitest.yaml")
        assert summary.startswith('ERROR broken.apitest.yaml - line 4: unknown method "GTE"'), words
        assert "Traceback" not in run.all
    assert (run.json["verdict"], run.json["collection_errors"]) == ("Failed", 1)
    assert set(run.outcomes.values()) == {"not_run"}


def test_continue_on_collection_errors_runs_the_rest_and_is_not_green(project: Project) -> None:
    project.write("broken.apitest.yaml", BROKEN)
    project.write("good.apitest.yaml", GOOD)
    run = project.run("--continue-on-collection-errors")
    assert run.exit == 1
    assert run.outcomes == {"Good": "passed"}
    assert run.json["verdict"] == "Failed"
    assert run.line("Failed: ") == "Failed: 1 passed, 1 check"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: expected a mapping that begins with scenario, contract, fragment or session_type"),
        ("- 1\n", "1:1: expected a mapping that begins with scenario, contract, fragment or session_type"),
        ("scenari: X\n", 'did you mean "scenario"?'),
        ("title: X\nsteps: []\n", "1:1: "),
        ("scenario: X\nsteps: [{request: GET /}\n", "odd.apitest.yaml:"),
        ("session_type: X\nendpoints: {api: {required: true}}\n", "not available in this release"),
    ],
)
def test_what_is_no_document_is_one_problem_with_its_place(project: Project, text: str, message: str) -> None:
    project.write("odd.apitest.yaml", text)
    run = project.run()
    assert run.exit == 2
    assert run.counts == {"error": 1}
    assert message in run.line("odd.apitest.yaml:")


def test_fragments_and_other_files_are_left_alone(project: Project) -> None:
    project.write("login.apitest.yaml", 'fragment: Log in\nsteps: [{request: "GET http://127.0.0.1:1/"}]\n')
    project.write("data.yaml", "scenario: no document\n")
    run = project.run(report=False)
    assert (run.exit, run.counts) == (5, {})


def test_two_documents_with_one_title_run_side_by_side_but_not_by_title(project: Project) -> None:
    project.write("one.apitest.yaml", GOOD)
    project.write("two.apitest.yaml", GOOD)
    run = project.run()
    assert run.exit == 0
    assert [case["id"] for case in run.json["cases"]] == ["one.apitest.yaml::Good", "two.apitest.yaml::Good"]
    named = project.run("--apitest-scenario", "Good", report=False)
    assert named.exit == 4
    place = "the title stands in one.apitest.yaml and two.apitest.yaml; name the file"
    assert place in named.line("ERROR: ")


def test_collect_only_sends_and_writes_nothing(project: Project) -> None:
    project.write("bad.apitest.yaml", BAD)
    project.write("cases.apitest.yaml", CASES)
    run = project.run("--co")
    assert run.exit == 0
    assert "4 tests collected" in run.out
    assert "API scenarios" not in run.out
    assert not run.folder.exists()


def test_documents_and_python_tests_share_a_run(project: Project) -> None:
    project.write("test_python.py", "def test_it():\n    pass\n")
    project.write("good.apitest.yaml", GOOD)
    run = project.run("--import-mode=importlib", "-p", "no:cacheprovider")
    assert (run.exit, run.counts) == (0, {"passed": 2})
    assert list(run.outcomes) == ["Good"]


def test_an_application_is_one_instance_for_all_cases_of_a_document(project: Project) -> None:
    project.write(
        "kept.apitest.yaml",
        f"""\
        scenario: Kept
        endpoints: {{api: {{app: "{APP}", auth: {{token: demo-token}}}}}}
        cases:
          - case: make
            steps: [{{request: {{POST: /quotes, json: {{author: Ada, text: Measure.}}}}, expect: {{status: 201}}}}]
          - case: find
            steps: [{{request: GET /quotes, expect: {{json: {{$.items: {{length: 1}}}}}}}}]
        """,
    )
    run = project.run("kept.apitest.yaml", "-p", "no:randomly")
    assert run.outcomes == {"make": "passed", "find": "passed"}


@pytest.mark.parametrize(
    "wrong",
    [
        'endpoints: {api: {url: "http://127.0.0.1:1"}}',
        "endpoints: {api: {required: true}}",
        f'endpoints: {{api: {{app: "{APP}"}}}}\nsetup: [{{request: GET /status/404}}]',
    ],
)
def test_an_error_is_not_what_xfail_expects(project: Project, wrong: str) -> None:
    project.write(
        "later.apitest.yaml",
        f"scenario: Later\n{wrong}\ncases:\n  - {{case: one, xfail: later, steps: [{{request: GET /status/404}}]}}\n",
    )
    run = project.run("later.apitest.yaml")
    assert (run.exit, run.outcomes) == (1, {"one": "error"})
    project.write(
        "later.apitest.yaml",
        f'scenario: Later\nendpoints: {{api: {{app: "{APP}"}}}}\nxfail: later\nsteps: [{{request: GET /status/404}}]\n',
    )
    assert project.run("later.apitest.yaml").outcomes == {"Later": "skipped"}
