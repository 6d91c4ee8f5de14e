"""The fixture `apitest_inspect`, in tests as people write them."""

import pytest

from tests.hostile import answer, serve, serving
from tests.plugin.project import Project

BAD = 'openapi: 3.1.0\ninfo: {titel: t, version: "1"}\npaths: {}\n'
NO_SOURCE = "TypeError: apitest_inspect takes a path, a URL or the bytes of a description, not"
FINE = BAD.replace("titel", "title")


@pytest.fixture
def described(project: Project) -> Project:
    project.write("bad.yaml", BAD)
    project.write("tests/fine.yaml", FINE)
    return project


def said_by(project: Project, body: str) -> str:
    """Run a test with a body and return what it said."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    project.write("tests/test_it.py", f"import pathlib\n\ndef test_it(apitest_inspect):\n{lines}")
    run = project.run("tests/test_it.py", report=False)
    assert run.exit in (0, 1), run.all
    return "passed" if run.exit == 0 else run.all


def failed_at(project: Project, body: str) -> str:
    """Return what failed the only line of a test; nothing else is shown than the test and its line."""
    said = said_by(project, body)
    [error] = [line.removeprefix("E       ") for line in said.splitlines() if line.startswith("E ")]
    assert f">       {body}\n" in said, said
    assert "\ntests/test_it.py:4: " in said
    assert "pytest_apitest/" not in said
    assert "During handling" not in said
    return error


def test_what_a_failing_test_shows(described: Project) -> None:
    said = said_by(described, 'found = apitest_inspect("bad.yaml")\nassert found.valid, found.report')
    assert (
        'E       AssertionError: bad.yaml:2:8: error: unknown field "titel" in an Info Object; did you mean "title"? [unknown-field]'
        in said
    )
    assert 'E             2 | info: {titel: t, version: "1"}' in said
    assert "E         bad.yaml: 1 error" in said
    said = said_by(described, 'assert apitest_inspect("bad.yaml").valid')
    assert 'where False = <bad.yaml: 1 error; bad.yaml:2:8: error: unknown field "titel"' in said
    said = said_by(described, 'assert apitest_inspect("bad.yaml").findings == ()')
    assert '<bad.yaml:2:8: error: unknown field "titel" in an Info Object' in said


def test_where_a_description_is_looked_for(described: Project) -> None:
    assert said_by(described, 'assert apitest_inspect("fine.yaml").valid') == "passed"
    assert (
        said_by(described, 'assert apitest_inspect(pathlib.Path("fine.yaml")).file == "fine.yaml"')
        == "passed"
    )
    assert said_by(described, 'assert not apitest_inspect("bad.yaml").valid') == "passed"
    assert said_by(described, f"assert apitest_inspect({FINE.encode()!r}).valid") == "passed"
    assert (
        said_by(described, 'assert 0 <= apitest_inspect("fine.yaml", ruleset="adr").score < 100') == "passed"
    )


def test_a_description_that_cannot_be_read_fails_the_test_at_its_line(described: Project) -> None:
    told = failed_at(described, 'apitest_inspect("gone.yaml")')
    assert told == "Failed: gone.yaml: cannot be read: no such file or directory"
    described.write("tests/none.yaml", "a: [1\n")
    assert failed_at(described, 'apitest_inspect("none.yaml")').startswith(
        "Failed: none.yaml:1:4: not YAML: "
    )
    with serve(serving({})) as address:
        told = failed_at(described, f'apitest_inspect("{address.url}a.yaml?token=hush")')
        assert told == f"Failed: {address.url}a.yaml: answered 404"


def test_a_url_and_what_it_refers_to(described: Project) -> None:
    files = {
        "/a.yaml": answer((FINE + "components: {schemas: {A: {$ref: b.yaml}}}\n").encode()),
        "/b.yaml": answer(b"type: strin\n"),
    }
    with serve(serving(files)) as address:
        body = f'found = apitest_inspect("{address.url}a.yaml", refs=True)\nassert found.valid'
        assert f"{address.url}b.yaml:1:7: error: " in said_by(described, body)


def test_an_application_is_hosted_once(described: Project) -> None:
    described.write(
        "tests/app.py",
        f"""
        from aiohttp import web

        async def describe(request):
            return web.Response(text={BAD!r})

        def create():
            app = web.Application()
            app.router.add_get("/v1/openapi.yaml", describe)
            return app
        """,
    )
    body = """\
import sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import app
found = [apitest_inspect("/v1/openapi.yaml", app=app.create) for _ in range(3)]
assert [str(one.findings[0]) for one in found] == [
    '/v1/openapi.yaml:2:8: error: unknown field "titel" in an Info Object; did you mean "title"? [unknown-field]'
] * 3
assert "app:create" not in repr(apitest_inspect("/v1/openapi.yaml", app="app:create"))
"""
    assert said_by(described, body) == "passed"
    told = failed_at(described, 'apitest_inspect("/a.yaml", app="pytest_apitest.demo:creat_app")')
    assert "apitest_inspect: pytest_apitest.demo has no attribute" in told
    assert told.endswith('"creat_app"; did you mean "create_app"?')
    told = failed_at(described, 'apitest_inspect("a.yaml", app="pytest_apitest.demo:create_app")')
    assert told.endswith("apitest_inspect: with app the source is a path there, such as /openapi.json")
    told = failed_at(described, 'apitest_inspect("/gone.yaml", app="pytest_apitest.demo:create_app")')
    assert told == "Failed: /gone.yaml: answered 404"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            '"fine.yaml", ruleset="ads"',
            'ValueError: unknown ruleset "ads"; known: oas, adr',
        ),
        (
            '"fine.yaml", ref_origins=["schemas.example"]',
            "ValueError: schemas.example is no origin: write scheme and host, such as https://schemas.example",
        ),
        (
            '"fine.yaml", ref_origins="https://schemas.example"',
            'TypeError: ref_origins is a list: write ref_origins=["https://schemas.example"]',
        ),
        (
            '{"openapi": "3.1.0"}',
            f"{NO_SOURCE} dict; write json.dumps(…).encode()",
        ),
        (
            "None",
            f"{NO_SOURCE} NoneType",
        ),
    ],
)
def test_mistakes_of_the_call(described: Project, arguments: str, told: str) -> None:
    assert failed_at(described, f"apitest_inspect({arguments})") == told
