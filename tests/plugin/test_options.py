"""Options and ini values: what they do, and the one clear error when they are wrong."""

import pytest

from tests.plugin.project import APP, GOOD, Project

ECHO = f"""\
scenario: Echo
endpoints: {{api: {{app: "{APP}"}}}}
variables: {{author: {{default: Ada}}, number: {{default: 1}}}}
steps:
  - request: GET /echo?author=${{author}}&number=${{number}}
    expect: {{json: {{$.query: author=Grace&number=2}}}}
"""


@pytest.fixture
def echo(project: Project) -> Project:
    project.write("scenarios/echo.apitest.yaml", ECHO)
    return project


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--apitest-scenario", "Ecko"), '"Ecko": no document has this title; did you mean "Echo"?'),
        (("--apitest-scenario", "Nothing alike"), "no document has this title; there are "),
        (
            ("--apitest-scenario", "scenarios/eco.apitest.yaml"),
            'no such file; did you mean "echo.apitest.yaml"?',
        ),
        (("--apitest-scenario", "pytest.ini"), "a document's name ends in .apitest.yaml or .apitest.yml"),
        (("--apitest-scenario", "nowhere/*.yaml"), "no document matches"),
        (("--apitest-scenario", ""), "--apitest-scenario: a title, a kit, a path or a glob is needed"),
        (("--apitest-var", "author"), "--apitest-var: write N=V"),
        (("--apitest-var", "=author"), "--apitest-var: write N=V"),
        (("--apitest-var", "autor=Grace"), 'no document has a variable "autor"; did you mean "author"?'),
        (("--apitest-var", "api=x"), "api is an endpoint: --apitest-endpoint api=URL"),
        (("--apitest-vars", "none.json"), "--apitest-vars none.json: no such file"),
        (("--apitest-vars", "list.json"), "--apitest-vars list.json: a mapping of names to values is needed"),
        (("--apitest-vars", "broken.json"), "--apitest-vars broken.json: "),
        (("--apitest-vars", "other.yaml"), '--apitest-vars other.yaml: no document has a variable "autor"'),
        (("--apitest-endpoint", "api"), "--apitest-endpoint: write N=URL"),
        (("--apitest-endpoint", "api="), "--apitest-endpoint api: "),
        (("--apitest-endpoint", "api=127.0.0.1:80"), "api: a base URL begins with http:// or https://"),
        (
            ("--apitest-endpoint", "apy=http://127.0.0.1:1"),
            'no document has an endpoint "apy"; did you mean "api"?',
        ),
        (("--apitest-endpoint", "author=http://127.0.0.1:1"), "author is a variable: --apitest-var author=…"),
        (("--apitest-report", "pytest.ini"), "--apitest-report pytest.ini: "),
        (("--apitest-report", "pytest.ini/below"), "--apitest-report pytest.ini/below: "),
        (("--apitest-report="), "--apitest-report: a folder is needed"),
        (("--apitest-strict=maybe",), "--apitest-strict"),
        (("--apitest-seed",), "--apitest-seed"),
    ],
)
def test_a_bad_option_is_one_usage_error(echo: Project, words: tuple[str, ...] | str, message: str) -> None:
    echo.write("list.json", "[1]")
    echo.write("broken.json", '{"a": ')
    echo.write("other.yaml", "autor: Grace\n")
    run = echo.run(*([words] if isinstance(words, str) else words), report=False)
    assert run.exit == 4, run.all
    assert message in run.err
    assert run.err.count("ERROR") == 1
    assert "Traceback" not in run.all
    assert "passed" not in run.out


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("apitest_var = author", "--apitest-var: write N=V"),
        ("apitest_var = autor=Grace", 'no document has a variable "autor"; did you mean "author"?'),
        ("apitest_vars = none.json", "none.json: no such file"),
        ("apitest_endpoint = api=ftp://127.0.0.1", "--apitest-endpoint api: a base URL begins with http://"),
        ("apitest_report = pytest.ini", "--apitest-report pytest.ini: "),
        ("apitest_strict = maybe", "apitest_strict in pytest's configuration: write true or false"),
        ("apitest_coverage = maybe", "apitest_coverage in pytest's configuration: write true or false"),
    ],
)
def test_a_bad_ini_value_is_one_usage_error(echo: Project, ini: str, message: str) -> None:
    echo.write("pytest.ini", f"[pytest]\naddopts = -p no:randomly\n{ini}\n")
    for workers in ("0", "2") if "autor" in ini or "none" in ini else ("0",):
        run = echo.run("-n", workers, report=False)
        assert run.exit == 4, run.all
        assert message in run.err
        assert "Traceback" not in run.all


def test_unused_ini_values_cost_nothing_where_there_are_no_documents(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\napitest_var = author\napitest_report = pytest.ini\n")
    project.write("test_python.py", "def test_it():\n    pass\n")
    assert project.run(report=False).exit == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--apitest-var", "author=Grace", "--apitest-var", "number=2"),
        ("--apitest-vars", "given.yaml"),
        ("--apitest-vars", "other.json", "--apitest-vars", "given.yaml"),
        ("--apitest-vars", "other.json", "--apitest-var", "author=Grace"),
    ],
)
def test_options_give_values_to_variables(echo: Project, words: tuple[str, ...]) -> None:
    echo.write("given.yaml", "author: Grace\nnumber: 2\n")
    echo.write("other.json", '{"author": "Lin", "number": 2}')
    assert echo.run().exit == 1
    run = echo.run(*words)
    assert (run.exit, run.outcomes) == (0, {"Echo": "passed"})


def test_ini_values_are_defaults_of_the_options(echo: Project) -> None:
    echo.write(
        "pytest.ini",
        """\
        [pytest]
        addopts = -p no:randomly
        apitest_paths = elsewhere scenarios
        apitest_report = out
        apitest_strict = true
        apitest_seed = seven
        apitest_vars = given.json
        apitest_var = author=Lin
            number=2
        """,
    )
    echo.write("given.json", '{"author": "Grace"}')
    wrong = echo.run(report=False)
    assert wrong.exit == 1
    assert "author = Lin" in wrong.out
    assert (echo.path / "out/result.json").is_file()
    right = echo.run("--apitest-var", "author=Grace", "--apitest-report", "mine", report=False)
    assert right.exit == 0
    assert (echo.path / "mine/result.json").is_file()


def test_an_endpoint_is_moved_by_the_option(project: Project) -> None:
    project.write("good.apitest.yaml", GOOD)
    run = project.run("--apitest-endpoint", "api=http://127.0.0.1:1", "-n", "0")
    assert (run.exit, run.outcomes) == (1, {"Good": "error"})
    assert "--apitest-endpoint" in run.line("  variables  api = http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Echo", ["Echo"]),
        ("kit", ["Good", "Other"]),
        ("scenarios/kit/other.apitest.yaml", ["Other"]),
        ("scenarios/**/o*.apitest.yaml", ["Other"]),
        ("scenarios/kit", ["Good", "Other"]),
    ],
)
def test_a_scenario_is_chosen_by_title_kit_path_or_glob(
    echo: Project, name: str, expected: list[str]
) -> None:
    echo.write("scenarios/kit/good.apitest.yaml", GOOD)
    echo.write("scenarios/kit/other.apitest.yaml", GOOD.replace("Good", '"Other"'))
    echo.write("test_python.py", "def test_it():\n    assert False\n")
    run = echo.run("--apitest-scenario", name, "--co", "-q", report=False)
    assert run.exit == 0
    assert sorted(line.rpartition("::")[2] for line in run.out.splitlines() if "::" in line) == expected


def test_a_scenario_of_the_package_is_found_by_its_title(project: Project) -> None:
    run = project.run("--apitest-scenario", "Demo API")
    assert (run.exit, run.outcomes) == (0, {"Demo API": "passed"})
    assert run.line("Success: ").startswith("Success: 1 passed, ")
    assert run.line("pytest_apitest/").startswith("pytest_apitest/scenarios/demo/quotes.apitest.yaml .")
    assert run.json["cases"][0]["id"] == "pytest_apitest/scenarios/demo/quotes.apitest.yaml::Demo API"


def test_a_provider_run_without_results_is_no_success(project: Project) -> None:
    project.steps("skipped.apitest.yaml", "  - request: GET /health\n", head="skip: not today\n")
    assert project.run().exit == 0
    run = project.run("--apitest-scenario", "skipped.apitest.yaml")
    assert (run.exit, run.json["verdict"]) == (5, "No results")


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_strict_makes_warnings_and_cases_that_did_not_run_failures(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write(
        "soft.apitest.yaml",
        f"""\
        contract: Soft
        endpoints: {{api: {{app: "{APP}"}}}}
        variables: {{partner: {{required: false}}}}
        rules:
          - {{id: A-1, rule: it should be fast, source: s, level: should, request: GET /health, expect: {{status: 404}}}}
          - {{id: A-2, rule: it may be fast, source: s, level: may, request: GET /health, expect: {{status: 404}}}}
          - {{id: A-3, rule: a partner reads, source: s, needs: [partner], request: GET /health}}
          - {{id: A-4, rule: it is there, source: s, request: GET /health}}
        """,
    )
    soft = project.run(*workers)
    assert soft.exit == 0
    words = {"A-1 it should be fast": "warned", "A-2 it may be fast": "warned"}
    words |= {"A-3 a partner reads": "not_run", "A-4 it is there": "passed"}
    assert soft.outcomes == words
    assert soft.counts == {"passed": 1, "warned": 2, "skipped": 1}
    assert soft.json["verdict"] == "Not completed"
    strict = project.run("--apitest-strict", *workers)
    assert strict.exit == 1
    assert strict.counts == {"passed": 1, "warned": 1, "failed": 2}


def test_a_seed_repeats_random_values(project: Project) -> None:
    project.steps(
        "random.apitest.yaml",
        "  - {request: 'GET /echo?v=${random_text(20)}', report: {v: $.query}, expect: {json: {$.query: x}}}\n",
    )

    def values(*words: str) -> list[str]:
        run = project.run(*words)
        return [failure["got"] for case in run.json["cases"] for failure in case["steps"][0]["failures"]]

    first = values("--apitest-seed", "one")
    assert first == values("--apitest-seed", "one") != values("--apitest-seed", "two")
    assert values() != values()


def test_without_the_plugin_pytest_is_quiet(project: Project) -> None:
    project.write("good.apitest.yaml", GOOD)
    project.write("test_python.py", "def test_it():\n    pass\n")
    run = project.run("-p", "no:apitest", report=False)
    assert (run.exit, run.counts) == (0, {"passed": 1})
    assert "apitest" not in run.out.replace("apitest-", "")
