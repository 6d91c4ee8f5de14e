"""A run that does not use the plugin does not pay for it."""

import pytest

from tests.plugin.project import GOOD, Project

SHOW = """\
import sys


def pytest_unconfigure(config):
    ours = sorted(name for name in sys.modules if name.startswith("pytest_apitest"))
    heavy = ("yaml", "re2", "jsonpath_rfc9535", "jsonpath_ng", "aiohttp", "jsonschema_specifications", "ssl", "httpx")
    print("LOADED", *ours, *(name for name in heavy if name in sys.modules))


def test_it():
    pass
"""


def loaded(project: Project, *words: str) -> set[str]:
    run = project.run(*words, report=False)
    assert run.exit == 0, run.all
    return set(run.line("LOADED").split()[1:])


@pytest.mark.parametrize("words", [(), ("--co",), ("-k", "it"), ("-n", "2")])
def test_without_documents_nothing_but_the_entry_point_is_loaded(
    project: Project, words: tuple[str, ...]
) -> None:
    project.write("conftest.py", SHOW.partition("def test_it")[0])
    project.write("test_it.py", "def test_it():\n    pass\n")
    project.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -p no:anyio\napitest_var = a=b\n")
    allowed = {"pytest_apitest", "pytest_apitest.plugin", "pytest_apitest.hookspecs"}
    if "-n" in words:
        allowed |= {"pytest_apitest.controller", "pytest_apitest.errors", "pytest_apitest.data"}
    assert loaded(project, *words) <= allowed


def test_a_document_beside_the_test_that_was_asked_for_is_not_loaded(project: Project) -> None:
    project.write("conftest.py", SHOW.partition("def test_it")[0])
    project.write("test_it.py", "def test_it():\n    pass\n")
    project.write("good.apitest.yaml", GOOD)
    assert "pytest_apitest.language" not in loaded(project, "test_it.py::test_it")
    assert "pytest_apitest.language" in loaded(
        project, "./../" + project.path.name + "/good.apitest.yaml::Good"
    )


def test_a_document_with_a_url_loads_no_server(project: Project) -> None:
    project.write("conftest.py", SHOW.partition("def test_it")[0])
    project.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -p no:anyio\n")
    project.write("test_it.py", "def test_it():\n    pass\n")
    project.write(
        "good.apitest.yaml", GOOD.replace('{app: "pytest_apitest.demo:create_app"}', "'http://127.0.0.1:1'")
    )
    found = loaded(project, "--co")
    assert "pytest_apitest.language" in found
    assert not [name for name in found if name.startswith("pytest_apitest.openapi")]
    assert not found & {
        "aiohttp",
        "pytest_apitest.hosting",
        "pytest_apitest.transport",
        "ssl",
        "httpx",
        "jsonpath_ng",
    }
