"""Finding the path item of a request, and the base paths of servers."""

import time

import pytest

from pytest_apitest.openapi.paths import Paths, base_path

TEMPLATES = (
    "/",
    "/quotes",
    "/quotes/",
    "/quotes/{id}",
    "/quotes/latest",
    "/quotes/{id}/lines/{line}",
    "/quotes/latest/words",
    "/reports/{year}-{month}.csv",
    "/reports/{name}",
    "/{kind}/count",
    "/a%20b",
    "/files/{path}:copy",
    "/x/{a}{b}",
)
BASES = {template: ["", "/api/v2"] for template in TEMPLATES}


@pytest.mark.parametrize(
    ("path", "template", "parameters"),
    [
        ("/", "/", {}),
        ("/quotes", "/quotes", {}),
        ("/quotes/", "/quotes/", {}),
        ("/quotes/7", "/quotes/{id}", {"id": "7"}),
        ("/quotes/7/", None, {}),
        ("/quotes/latest", "/quotes/latest", {}),
        ("/quotes/%6Catest", "/quotes/latest", {}),
        ("/quotes/a%2Fb", "/quotes/{id}", {"id": "a%2Fb"}),
        ("/quotes/latest/lines/1", "/quotes/{id}/lines/{line}", {"id": "latest", "line": "1"}),
        ("/quotes/latest/words", "/quotes/latest/words", {}),
        ("/quotes/7/words", None, {}),
        ("/quotes//lines/1", None, {}),
        ("/quotes/count", "/quotes/{id}", {"id": "count"}),
        ("/tags/count", "/{kind}/count", {"kind": "tags"}),
        ("/reports/2024-05.csv", "/reports/{year}-{month}.csv", {"year": "2024", "month": "05"}),
        ("/reports/2024-05.xml", "/reports/{name}", {"name": "2024-05.xml"}),
        ("/a%20b", "/a%20b", {}),
        ("/files/a:copy", "/files/{path}:copy", {"path": "a"}),
        ("/files/a%3Acopy", "/files/{path}:copy", {"path": "a"}),
        ("/files/a", None, {}),
        ("/Quotes", None, {}),
        ("/api/v2/quotes/7", "/quotes/{id}", {"id": "7"}),
        ("/api/v2", None, {}),
        ("/api/v3/quotes/7", None, {}),
    ],
)
def test_a_path_is_found(path: str, template: str | None, parameters: dict[str, str]) -> None:
    found = Paths(BASES).find(path, "")
    assert (found.template if found else None) == template
    if found is not None:
        assert found.parameters == parameters


def test_the_base_path_of_the_endpoint_stands_for_that_of_a_server() -> None:
    paths = Paths({"/quotes": ["/api/v2"], "/x/quotes": [""]})
    assert paths.find("/mirror/quotes", "") is None
    for path, base, template in [
        ("/mirror/quotes", "/mirror", "/quotes"),
        ("/api/v2/quotes", "", "/quotes"),
        ("/x/quotes", "/x", "/quotes"),
        ("/x/quotes", "", "/x/quotes"),
    ]:
        found = paths.find(path, base)
        assert found is not None, path
        assert found.template == template


@pytest.mark.parametrize(
    ("url", "variables", "base"),
    [
        ("/", {}, ""),
        ("/api/v2/", {}, "/api/v2"),
        ("https://quotes.example/api/v2", {}, "/api/v2"),
        ("https://quotes.example", {}, ""),
        ("https://{host}:{port}/{base}", {"base": {"default": "v7"}, "host": {"default": "x"}}, "/v7"),
        ("/{base}", {"base": {"default": "v7", "enum": ["v7", "v8"]}}, "/{base}"),
        ("//quotes.example/v1?x=1", {}, "/v1"),
        ("v1", {}, "/v1"),
    ],
)
def test_the_base_path_of_a_server(url: str, variables: object, base: str) -> None:
    assert base_path(url, variables) == base


def test_a_base_path_may_be_one_of_several() -> None:
    paths = Paths({"/quotes": ["/{version}"]})
    found = paths.find("/v8/quotes", "")
    assert found is not None
    assert found.template == "/quotes"


def test_the_number_of_paths_does_not_matter() -> None:
    def cpu(count: int) -> float:
        paths = Paths({f"/part{number}/things/{{id}}/rows/{{row}}": [""] for number in range(count)})
        best = float("inf")
        for _ in range(20):
            started = time.process_time()
            for _ in range(200):
                assert paths.find(f"/part{count - 1}/things/1/rows/2", "") is not None
            best = min(best, time.process_time() - started)
        return best

    assert cpu(5_000) < 3 * cpu(5)


def test_a_path_of_very_many_segments_is_not_described() -> None:
    paths = Paths({"/{a}" * 30: [""], "/a" * 30 + "/b": [""]})
    assert paths.find("/a" * 30 + "/c", "") is None
    assert paths.find("/a" * 5_000, "") is None
