"""What a project does in Python: fixtures of the plugin, its own fixtures as variables, hooks, marks."""

import pytest

from tests.plugin.project import APP, BAD, CASES, GOOD, Project

EXTEND = '''\
import hashlib


def pytest_apitest_extend(extensions):
    def signed(request, settings):
        """Sign a request with a key."""
        digest = hashlib.sha256(f"{request.method} {settings['key']}".encode()).hexdigest()
        return {"X-Signature": f"{settings['user']}:{digest[:8]}"}

    def divisible_by(actual, operand):
        """Pass for numbers that can be divided by the operand."""
        return actual % operand == 0

    def week():
        """Return the number of a week."""
        return 47

    def shout(value, mark="!"):
        """Return a text in capitals."""
        return value.upper() + mark

    extensions.add_auth("signed", signed, fields=("user", "key"))
    extensions.add_operator("divisible_by", divisible_by)
    extensions.add_function("week", week)
    extensions.add_filter("shout", shout)
    extensions.add_report("names", write)


def write(run, folder):
    """Write the titles of the cases."""
    (folder / "names.txt").write_text("\\n".join(case.title for case in run.cases))
'''
EXTENDED = f"""\
scenario: Extended
endpoints: {{api: {{app: "{APP}"}}}}
variables: {{name: ada, key: {{default: a-long-key, secret: true}}}}
steps:
  - request: {{POST: /echo, json: {{week: "${{week()}}", name: "${{name | shout('?')}}"}}}}
    auth: {{signed: {{user: augusta, key: "${{key}}"}}}}
    expect:
      json:
        $.json.week: {{at_most: 47, not: {{divisible_by: 2}}}}
        $.size: {{divisible_by: 1}}
        $.json.name: ADA?
        $.headers[?@[0] == 'X-Signature'][1]: {{each: {{matches: '^augusta:[0-9a-f]{{8}}$'}}}}
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
@pytest.mark.parametrize("folder", ["", "sub/"])
def test_a_conftest_adds_to_the_language(project: Project, folder: str, workers: tuple[str, ...]) -> None:
    project.write(f"{folder}conftest.py", EXTEND)
    project.write(f"{folder}extended.apitest.yaml", EXTENDED)
    project.write("good.apitest.yaml", GOOD)
    run = project.run(*workers)
    assert run.exit == 0, run.all
    assert run.outcomes == {"Extended": "passed", "Good": "passed"}
    if folder and workers:  # the controller, which writes reports, loads no conftest of a sub-folder
        return
    assert sorted((run.folder / "names.txt").read_text("utf-8").split("\n")) == ["Extended", "Good"]


def test_a_slip_in_an_added_name_is_found_at_collection(project: Project) -> None:
    project.write("conftest.py", EXTEND)
    text = (
        EXTENDED.replace("divisible_by: 2", "divisble_by: 2")
        .replace("week()", "wek()")
        .replace("| shout", "| shot")
    )
    project.write("extended.apitest.yaml", text)
    run = project.run()
    assert run.exit == 2
    for name in ("divisible_by", "week", "shout"):
        assert f'did you mean "{name}"' in run.out


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("extensions.add_filter('lower', str)", "lower"),
        ("extensions.add_function('f', lambda: 1)", "needs a docstring"),
        ("extensions.add_operator('a b', print)", "is no name"),
    ],
)
def test_a_bad_extension_names_itself(project: Project, body: str, message: str) -> None:
    project.write("conftest.py", f"def pytest_apitest_extend(extensions):\n    {body}\n")
    project.write("good.apitest.yaml", GOOD)
    run = project.run(report=False)
    assert run.exit not in (0, 5)
    assert message in run.all


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_the_hook_sees_the_outcome_once_in_the_process_that_reports(
    project: Project, workers: tuple[str, ...]
) -> None:
    hook = """\
    import os


    def pytest_apitest_outcome(run):
        with open("NAME", "a") as file:
            titles = [case.title for case in run.cases]
            reported = os.path.exists("report/result.json")
            print(run.verdict, len(titles), run.totals["checks"], reported, file=file)
    """
    project.write("conftest.py", hook.replace("NAME", "root.txt"))
    project.write("sub/conftest.py", hook.replace("NAME", "sub.txt"))
    project.write("sub/bad.apitest.yaml", BAD)
    project.write("cases.apitest.yaml", CASES)
    run = project.run(*workers)
    assert run.exit == 1
    assert (project.path / "root.txt").read_text("utf-8") == "Failed 4 4 True\n"
    if not workers:  # a controller loads no conftest of a sub-folder
        assert (project.path / "sub.txt").read_text("utf-8") == "Failed 4 4 True\n"


FIXTURES = """\
import asyncio

import pytest

SETUPS = []


@pytest.fixture(scope="session")
def session_size():
    SETUPS.append("session")
    yield 11


@pytest.fixture(scope="module")
def module_size(session_size):
    SETUPS.append("module")
    yield session_size + 1


@pytest.fixture
def function_size(module_size, request):
    SETUPS.append(f"function {request.node.name}")
    yield {"size": module_size + 1, "list": [1, 2.5, None, True]}


@pytest.fixture(autouse=True)
def around(request):
    SETUPS.append(f"autouse {request.node.name}")
    yield
    SETUPS.append("end")


@pytest.fixture(autouse=True, scope="module")
def around_module(request):
    SETUPS.append(f"autouse module {request.module.__name__}")
    yield


@pytest.fixture
def marker():
    SETUPS.append("used")


def pytest_sessionfinish():
    with open("setups.txt", "w") as file:
        print(*SETUPS, sep="\\n", file=file)
"""


def test_fixtures_of_every_scope_are_variables(project: Project) -> None:
    project.write("conftest.py", FIXTURES)
    project.write(
        "sizes.apitest.yaml",
        f"""\
        scenario: Sizes
        fixtures: [function_size, module_size, session_size]
        endpoints: {{api: {{app: "{APP}"}}}}
        cases:
          - case: one
            steps: [{{request: {{POST: /echo, json: "${{function_size}}"}}, expect: {{json: {{$.json: {{equals: {{size: 13, list: [1, 2.5, null, true]}}}}}}}}}}]
          - case: two
            steps: [{{request: "GET /echo?a=${{module_size}}&b=${{session_size}}", expect: {{json: {{$.query: a=12&b=11}}}}}}]
        """,
    )
    run = project.run()
    assert run.exit == 0, run.all
    seen = (project.path / "setups.txt").read_text("utf-8").splitlines()
    assert sorted(seen[:3]) == ["autouse module sizes", "module", "session"]
    assert seen[3:] == ["autouse one", "function one", "end", "autouse two", "function two", "end"]


@pytest.mark.parametrize(
    ("fixture", "setup", "message"),
    [
        ("sizze", "", 'there is no fixture "sizze"'),
        (
            "function_size",
            "${function_size.size}",
            'setup uses the fixture "function_size" of function scope',
        ),
    ],
)
def test_a_fixture_that_cannot_be_used_is_a_problem_with_its_place(
    project: Project, fixture: str, setup: str, message: str
) -> None:
    project.write("conftest.py", FIXTURES)
    project.write(
        "sizes.apitest.yaml",
        f"""\
        scenario: Sizes
        fixtures: [{fixture}]
        endpoints: {{api: {{app: "{APP}"}}}}
        setup: [{{request: "GET /echo?{setup}"}}]
        cases: [{{case: one, steps: [{{request: GET /health}}]}}]
        """,
    )
    run = project.run()
    assert run.exit == 2, run.all
    assert message in run.line("sizes.apitest.yaml:2:12: ")


def test_a_fixture_that_raises_is_the_error_of_its_cases(project: Project) -> None:
    project.write(
        "conftest.py",
        """\
        import pytest


        @pytest.fixture
        def size():
            raise RuntimeError("no size today")


        @pytest.fixture
        def skipped():
            pytest.skip("not on this machine")


        @pytest.fixture
        def later():
            yield 1
            raise RuntimeError("not put away")
        """,
    )
    for name in ("size", "skipped", "later"):
        project.write(f"{name}.apitest.yaml", GOOD.replace("Good", name) + f"fixtures: [{name}]\n")
    run = project.run()
    assert run.exit == 1
    assert run.outcomes == {"later": "error", "size": "error", "skipped": "skipped"}
    reasons = {case["title"]: case.get("reason", "") for case in run.json["cases"]}
    assert reasons["size"] == "setup: no size today"
    assert reasons["skipped"] == "not on this machine"
    assert "not put away" in reasons["later"]
    assert 'raise RuntimeError("no size today")' in run.out


def test_a_coroutine_as_fixture_is_an_error_not_a_value(project: Project) -> None:
    project.write("conftest.py", "import pytest\n\n\n@pytest.fixture\nasync def size():\n    return 3\n")
    project.write("one.apitest.yaml", GOOD.replace("/health", "/echo?${size}") + "fixtures: [size]\n")
    run = project.run()
    assert run.exit == 1
    assert run.outcomes == {"Good": "error"}


def test_marks_of_a_document_select_and_use_fixtures_like_those_of_tests(project: Project) -> None:
    project.write("conftest.py", FIXTURES)
    project.write(
        "test_run.py",
        """\
        import pytest


        @pytest.mark.usefixtures("marker")
        def test_it(apitest_run):
            assert apitest_run("good.apitest.yaml").passed
        """,
    )
    project.write("good.apitest.yaml", GOOD)
    run = project.run()
    assert (run.exit, run.counts) == (0, {"passed": 2})
    assert "used" in (project.path / "setups.txt").read_text("utf-8").split("\n")


def test_python_tests_run_documents_and_make_badges(project: Project) -> None:
    project.write("scenarios/bad.apitest.yaml", BAD.replace("404", '"${code}"') + "variables: {code: 404}\n")
    project.write("cases.apitest.yaml", CASES)
    project.write("broken.yaml", "scenario: X\n")
    project.write(
        "test_run.py",
        """\
        import pytest

        from pytest_apitest.errors import ProblemsError


        def test_outcome(apitest_run, apitest_shield):
            run = apitest_run("Bad")
            assert (run.verdict, run.passed, run.totals["failed"]) == ("Failed", False, 1)
            assert [failure.message for failure in run.failures] == ["status: expected 404, got 200"]
            assert apitest_run("Bad", code=200).passed
            assert apitest_run("scenarios/bad.apitest.yaml", code=200).passed
            shield = apitest_shield(run, label="mine", style="for-the-badge")
            assert (shield.json["message"], shield.json["label"]) == ("Failed", "mine")
            assert shield.svg.startswith("<svg ")
            assert apitest_shield(run.cases[0]).json["color"] == "red"


        def test_cases(apitest_run):
            run = apitest_run("cases.apitest.yaml")
            assert [case.title for case in run.cases] == ["one", "two", "three"]
            assert run.totals["checks"] == 3


        def test_endpoint(apitest_run):
            run = apitest_run("Bad", endpoints={"api": "http://127.0.0.1:1"})
            assert run.cases[0].outcome == "error"


        @pytest.mark.parametrize(
            ("name", "given", "message"),
            [
                ("Bat", {}, 'apitest_run "Bat": no document has this title; did you mean "Bad"'),
                ("Bad", {"cod": 1}, 'no document has a variable "cod"; did you mean "code"'),
                ("nowhere.apitest.yaml", {}, "no such file"),
            ],
        )
        def test_mistakes(apitest_run, name, given, message):
            with pytest.raises(pytest.UsageError) as error:
                apitest_run(name, **given)
            assert message in str(error.value)


        def test_problems(apitest_run):
            with pytest.raises(ProblemsError):
                apitest_run("broken.yaml")
        """,
    )
    for workers in ((), ("-n", "2")):
        run = project.run("test_run.py", *workers, report=False)
        assert (run.exit, run.counts) == (0, {"passed": 7}), run.all
