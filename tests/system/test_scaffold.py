"""`apitest init --from-openapi`, as people run it: what it writes, that it runs, and what it says of wrong uses."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web

from pytest_apitest.extensions import Extensions
from pytest_apitest.jsonvalue import from_python
from pytest_apitest.language.editor_schema import editor_schema
from pytest_apitest.language.static import RESERVED
from pytest_apitest.openapi.description import read_description
from pytest_apitest.scaffold.command import Request, run, scenarios
from pytest_apitest.scaffold.naming import Names, file_stem, identifier, title
from pytest_apitest.scaffold.yaml_writing import WIDTH, written
from pytest_apitest.source import Source, load
from tests.authoring import as_editors_see, report
from tests.golden_files import FOLDER, Golden
from tests.harness import Bench, bench_in
from tests.system.test_described_scenarios import DESCRIPTION, MUTANTS, broken

SCAFFOLD = FOLDER / "scaffold"
FILES = sorted(file for file in SCAFFOLD.glob("*.yaml"))
APP = "pytest_apitest.demo:create_app"
APITEST = [sys.executable, "-W", "error", "-m", "pytest_apitest.cli"]
WHO = {
    "API_TOKEN": "Token demo-token",
    "API_BASIC_USERNAME": "ada",
    "API_BASIC_PASSWORD": "lovelace",
    "API_DIGEST_USERNAME": "ada",
    "API_DIGEST_PASSWORD": "lovelace",
}
OPERATIONS = re.compile(r"^    (get|put|post|delete|options|head|patch|trace):$", re.MULTILINE)
HEAD = "openapi: 3.1.0\ninfo: {title: t, version: '1'}\n"
PATHS = "paths: {/a: {get: {tags: [one], responses: {'200': {description: d}}}}}\n"


PART = "get: {tags: [one], operationId: readA, responses: {'200': {$ref: 'answers.yaml#/fine'}}}\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


def environment(**more: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("API_", "PYTEST_", "DEMO_"))
    }
    return {**kept, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100", **more}


def init(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*APITEST, "init", *words], cwd=folder, env=environment(), capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)  # fmt: skip


def pytest_in(folder: Path, *words: str, **more: str) -> tuple[int, dict[str, Any], str]:
    """Run pytest; return its exit status, the outcome of the run and what was said."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-W",
            "error",
            "--apitest-report",
            "report",
            *words,
        ],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    result = folder / "report" / "result.json"
    return (
        done.returncode,
        json.loads(result.read_text("utf-8")) if result.is_file() else {},
        done.stdout + done.stderr,
    )


def documents_of(file: Path, app: str | None = None) -> str:
    """Return everything that is written for a description, and what cannot be."""
    made, more = scenarios(read_description(file, file.name), file.name, None, app)
    texts = [
        f"==== {one.name}: {one.steps} steps, unset: {', '.join(one.unset) or '-'}\n{one.text}"
        for one in made
    ]
    return "\n".join([*texts, *(f"==== not written: {one}\n" for one in more)])


# -- what is written ------------------------------------------------------------------------------------


def test_there_are_enough_descriptions_and_no_text_without_one() -> None:
    assert len(FILES) >= 7
    assert {file.stem for file in SCAFFOLD.glob("*.txt")} == {*(file.stem for file in FILES), "demo", "wrong"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_written(file: Path, golden: Golden) -> None:
    text = documents_of(file)
    assert text == documents_of(file), "the same description gives the same text"
    golden.equal(file.with_suffix(".txt"), text)


def test_what_is_written_for_the_demo(golden: Golden) -> None:
    golden.equal(SCAFFOLD / "demo.txt", documents_of(DESCRIPTION, APP))


@pytest.mark.parametrize("file", [*FILES, DESCRIPTION], ids=lambda file: file.stem)
def test_it_is_a_document_for_the_check_and_for_editors(file: Path, tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    shutil.copy(file, folder)
    status, out, said = run(Request(str(folder / file.name), str(folder), None, None, force=False))
    assert (status, said) == (0, "")
    made = sorted(folder.glob("*.apitest.yaml"))
    assert len(made) == out.count(".apitest.yaml")
    validator = jsonschema.Draft202012Validator(editor_schema(Extensions()))
    for one in made:
        text = one.read_text(encoding="utf-8")
        assert report(folder, one.name) == ""
        tree, problems = loaded(one, text)
        assert not problems
        assert not list(validator.iter_errors(as_editors_see(tree)))
        assert not [line for line in text.splitlines() if len(line) > WIDTH or line != line.rstrip()]
        assert "\n\n\n" not in text


def loaded(file: Path, text: str) -> tuple[Any, list[Any]]:
    return load(Source(file, file.name, text))


# -- it runs --------------------------------------------------------------------------------------------


def test_what_is_written_for_the_demo_passes_and_calls_every_operation(tmp_path: Path) -> None:
    shutil.copy(DESCRIPTION, tmp_path / "quotes.yaml")
    done = init(tmp_path, "--from-openapi", "quotes.yaml", "--app", APP)
    assert (done.returncode, done.stderr) == (0, "")
    *_, last = done.stdout.splitlines()
    needed, command = re.fullmatch(r"Set (.*); then run: pytest (\S+)", last).groups()  # type: ignore[union-attr]
    hint = " (the whole value of the header Authorization)"  # `Token demo-token`, as WHO has it
    assert f"API_TOKEN{hint}" in needed
    assert set(needed.replace(hint, "").split(", ")) == set(WHO)
    status, result, said = pytest_in(tmp_path, command, **WHO)
    assert status == 0, said
    assert {case["outcome"] for case in result["cases"]} == {"passed"}
    steps = [step for case in result["cases"] for step in case["steps"]]
    assert len(steps) == len(OPERATIONS.findall(DESCRIPTION.read_text(encoding="utf-8")))
    assert "demo-token" not in said + json.dumps(result)


@pytest.mark.parametrize(
    "mutant", sorted(set(MUTANTS) - {"a clean-up that is answered wrongly", "a wrong type in a list"})
)
def test_a_mutant_of_the_demo_makes_it_fail(bench: Bench, mutant: str) -> None:
    method, path, change, message = MUTANTS[mutant]
    url = bench.host.serve(broken(method, path, change)).base_url
    shutil.copy(DESCRIPTION, bench.folder / "quotes.openapi.yaml")
    name = str(bench.folder / "quotes.openapi.yaml")
    assert run(Request(name, str(bench.folder), url, None, force=False))[0] == 0
    text = (bench.folder / "quotes.apitest.yaml").read_text(encoding="utf-8")
    ran = bench.run(text.replace("{env: API_TOKEN, secret: true}", "Token demo-token"))
    assert ran.outcomes == ["failed"]
    assert any(message in one for one in ran.messages), ran.messages


def library() -> web.Application:
    """Return an application that the description `deep` is of, and that forgets nothing but what is removed."""
    things: dict[str, Any] = {}
    app = web.Application()

    async def make(request: web.Request) -> web.Response:
        body = await request.json()
        number = len(things) + 1
        path = f"{request.path}/{number}"
        if "bookId" in body and not any(key.endswith(f"/books/{body['bookId']}") for key in things):
            return web.json_response({"no": "book"}, status=422)
        if request.path.count("/") > 1 and request.path.rpartition("/")[0] not in things:
            return web.json_response({"no": "shelf"}, status=404)
        things[path] = body
        if request.path == "/loans":
            return web.json_response({"ticket": {"no": str(number)}, **body}, status=201)
        if request.path == "/shelves":
            return web.Response(status=201, headers={"Location": path, "ETag": '"1"'})
        return web.json_response({"data": {"id": number}}, status=201)

    async def other(request: web.Request) -> web.Response:
        found = next((key for key in things if request.path in (key, f"{key}/books", f"{key}/pages/1")), None)
        if request.path != "/shelves" and found is None:
            return web.Response(status=404)
        if request.method == "DELETE":
            del things[request.path]
            return web.Response(status=204)
        if request.method == "PUT" and request.headers.get("If-Match") != '"1"':
            return web.Response(status=412)
        return web.Response()

    app["things"] = things
    app.router.add_post("/{path:.*}", make)
    app.router.add_route("*", "/{path:.*}", other)
    return app


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
@pytest.mark.parametrize("name", ["shelves", "books", "pages", "loans", "returns"])
def test_what_one_step_makes_reaches_those_that_need_it_and_is_gone_at_the_end(
    bench: Bench, name: str
) -> None:
    app = library()
    url = bench.host.serve(app).base_url
    shutil.copy(SCAFFOLD / "deep.yaml", bench.folder)
    file = str(bench.folder / "deep.yaml")
    assert run(Request(file, str(bench.folder), url, None, force=False))[0] == 0
    ran = bench.run((bench.folder / f"{name}.apitest.yaml").read_text(encoding="utf-8"))
    assert ran.outcomes == ["passed"], ran.messages
    assert not app["things"]


def test_hostile_values_arrive_as_the_description_has_them(bench: Bench) -> None:
    got: list[tuple[str, str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        got.append((request.method, request.raw_path, json.loads(body) if body else None))
        if request.path == "/b" and body:
            return web.json_response({})
        return web.Response(status=201 if request.path == "/a" and request.method == "POST" else 200)

    url = bench.serve(("*", "/{path:.*}", answer))
    shutil.copy(SCAFFOLD / "hostile.yaml", bench.folder)
    assert run(Request(str(bench.folder / "hostile.yaml"), str(bench.folder), url, None, force=False))[0] == 0
    for file in sorted(bench.folder.glob("*.apitest.yaml")):
        ran = bench.run(file.read_text(encoding="utf-8"))
        assert ran.outcomes == ["passed"], ran.messages
    value = read_description(SCAFFOLD / "hostile.yaml", "h").value
    example = value["paths"]["/a"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert ("POST", "/a", json.loads(json.dumps(example, default=float))) in got
    assert ("POST", "/b", {"${key}": "${value}"}) in got
    paths = [path for _, path, _ in got]
    assert "/a/%24%7Bx%7D%2Fy%3Fz/no/true/%E6%97%A5%E6%9C%AC/01/1" in paths
    assert "/$metadata/a%20b/%C3%BC/%24x?%24%7Bq%7D=%24%7Bv%7D&f%5Ba%20b%5D=a%20%26%20b" in paths


# -- files ----------------------------------------------------------------------------------------------


def test_a_description_below_the_folder_is_named_and_not_copied(tmp_path: Path) -> None:
    (tmp_path / "scenarios" / "api").mkdir(parents=True)
    shutil.copy(SCAFFOLD / "only-gets.yaml", tmp_path / "scenarios" / "api" / "museum.yaml")
    done = init(
        tmp_path, "--from-openapi", "scenarios/api/museum.yaml", "--endpoint", "http://127.0.0.1:8000/v1"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(file.name for file in (tmp_path / "scenarios").iterdir()) == ["api", "museum.apitest.yaml"]
    text = (tmp_path / "scenarios" / "museum.apitest.yaml").read_text(encoding="utf-8")
    assert '{url: "http://127.0.0.1:8000/v1", openapi: api/museum.yaml}' in text
    assert done.stdout.splitlines()[-1] == "Run them: pytest scenarios"


def test_an_application_serves_below_the_path_of_the_server(tmp_path: Path) -> None:
    shutil.copy(SCAFFOLD / "three-zero.yaml", tmp_path)
    assert init(tmp_path, "--from-openapi", "three-zero.yaml", "--app", APP).returncode == 0
    text = (tmp_path / "scenarios" / "products.apitest.yaml").read_text(encoding="utf-8")
    assert "POST: /shop/products\n" in text
    assert "GET /shop/products/${product_id}\n" in text


def test_nothing_is_written_over_unless_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(HEAD + PATHS, encoding="utf-8")
    words = ("--from-openapi", "api.yaml", "--output", "my scenarios")
    assert init(tmp_path, *words).stdout.splitlines()[-1] == "Set API_URL; then run: pytest 'my scenarios'"
    file = tmp_path / "my scenarios" / "one.apitest.yaml"
    first = file.read_text(encoding="utf-8")
    file.write_text("mine", encoding="utf-8")
    (tmp_path / "my scenarios" / "api.yaml").write_text("mine", encoding="utf-8")
    done = init(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "apitest init: my scenarios/one.apitest.yaml, my scenarios/api.yaml are there already; "
        "nothing was written. Write over with --force, or name another --output\n"
    )
    assert file.read_text(encoding="utf-8") == "mine"
    assert init(tmp_path, *words, "--force").returncode == 0
    assert file.read_text(encoding="utf-8") == first
    assert (tmp_path / "my scenarios" / "api.yaml").read_text(encoding="utf-8") == HEAD + PATHS


def test_a_description_in_several_files_is_read_copied_and_checked_against_with_refs(bench: Bench) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"name": 7 if request.query else "Ada"})

    folder = bench.folder / "api"
    (folder / "paths").mkdir(parents=True)
    (folder / "api.yaml").write_text(HEAD + "paths: {/a: {$ref: paths/a.yaml}}\n", encoding="utf-8")
    (folder / "paths" / "a.yaml").write_text(PART, encoding="utf-8")
    said = "{type: object, required: [name], properties: {name: {type: string}}}"
    (folder / "paths" / "answers.yaml").write_text(
        f"fine: {{description: d, content: {{application/json: {{schema: {said}}}}}}}\n", encoding="utf-8"
    )
    url = bench.serve(("GET", "/a", answer))
    for output in ("copied", "."):
        status, out, error = run(
            Request(str(folder / "api.yaml"), str(bench.folder / output), url, None, force=False, refs=True)
        )
        assert (status, error) == (0, "")
        text = (bench.folder / output / "one.apitest.yaml").read_text(encoding="utf-8")
        where = "api.yaml" if output == "copied" else "api/api.yaml"
        assert f"openapi: {{file: {where}, refs: true}}" in text
        copies = sorted(one.name for one in (bench.folder / "copied").rglob("a*.yaml"))
        assert copies == ["a.yaml", "answers.yaml", "api.yaml"]
        assert out.count("a part of it") == (2 if output == "copied" else 0)
        ran = bench.run(text.replace("file: ", "file: copied/") if output == "copied" else text)
        assert ran.outcomes == ["passed"], ran.messages
    ran = bench.run(text.replace("GET /a", "GET /a?x=1"))
    assert ran.outcomes == ["failed"]
    assert any("$.name: expected string, got 7" in one for one in ran.messages), ran.messages


# -- wrong uses -----------------------------------------------------------------------------------------

WRONG: list[tuple[str, str]] = [
    ("", ""),
    ("--from-openapi ''", ""),
    ("--from-openapi gone.yaml", ""),
    ("--from-openapi folder", ""),
    ("--from-openapi https://ada:k3y@quotes.example/openapi.yaml?key=k3y", ""),
    ("--from-openapi api.yaml", "a: ["),
    ("--from-openapi api.yaml", "scenario: t\n"),
    ("--from-openapi api.yaml", "swagger: '2.0'\ninfo: {title: t, version: '1'}\npaths: {}\n"),
    ("--from-openapi api.yaml", "openapi: 4.0.0\n"),
    ("--from-openapi api.yaml", HEAD + "paths: {/a: {get: {response: {}}}}\n"),
    ("--from-openapi api.yaml", HEAD + "paths: {/a: {gett: {}, get: {responses: {'200': {}}}}}\n"),
    ("--from-openapi api.yaml", HEAD + "paths: {}\n"),
    ("--from-openapi api.yaml", HEAD + "paths: {/a: {get: {servers: [{url: /b}], responses: {'200': {description: d}}}}}\n"),
    ("--from-openapi api.yaml", HEAD + "paths: {/a: {$ref: paths/a.yaml}}\n"),
    ("--from-openapi api.yaml", HEAD + "paths: {/a: {$ref: paths/a.yaml}, /b: {gett: {}}}\n"),
    ("--from-openapi api.yaml", HEAD + "paths: {/a: {$ref: 'https://quotes.example/a.yaml'}}\n"),
    ("--from-openapi api.yaml --refs", HEAD + "paths: {/a: {$ref: paths/a.yaml}}\n"),
    ("--from-openapi api.yaml --refs", HEAD + "paths: {/a: {$ref: ../a.yaml}}\n"),
    ("--from-openapi api.yaml --refs", HEAD + "paths: {/a: {$ref: 'wrong/a.yaml'}}\n"),
    ("--from-openapi api.yaml --refs", HEAD + "paths: {/a: {$ref: 'wrong/a.apitest.yaml'}}\n"),
    ("--from-openapi api.yaml --endpoint quotes.example", HEAD + PATHS),
    ("--from-openapi api.yaml --endpoint https://ada:k3y@quotes.example", HEAD + PATHS),
    ("--from-openapi api.yaml --endpoint https://ada:k3y/x@quotes.example", HEAD + PATHS),
    ("--from-openapi api.yaml --endpoint https://quotes.example?key=k3y", HEAD + PATHS),
    ("--from-openapi api.yaml --app quotes", HEAD + PATHS),
    ("--from-openapi api.yaml --app pytest_apitest.demo:creat_app", HEAD + PATHS),
    ("--from-openapi api.yaml --app nowhere:app", HEAD + PATHS),
    ("--from-openapi api.yaml --app a:b --endpoint https://quotes.example", HEAD + PATHS),
    ("--from-openapi api.yaml --output ''", HEAD + PATHS),
    ("--from-openapi api.yaml --output api.yaml", HEAD + PATHS),
    ("--from-openapi api.yaml --output api.yaml/below", HEAD + PATHS),
    ("--from-openapi api.yaml --outptu there", HEAD + PATHS),
]  # fmt: skip


def test_what_is_said_of_wrong_uses(tmp_path: Path, golden: Golden) -> None:
    out = []
    for index, (words, text) in enumerate(WRONG):
        folder = tmp_path / str(index)
        (folder / "folder").mkdir(parents=True)
        if text:
            (folder / "api.yaml").write_text(text, encoding="utf-8")
            if "wrong/a" in text:
                (folder / "wrong").mkdir()
                (folder / "wrong" / "a.yaml").write_text("gett: {}\n", encoding="utf-8")
                (folder / "wrong" / "a.apitest.yaml").write_text(PART, encoding="utf-8")
                (folder / "wrong" / "answers.yaml").write_text("fine: {description: d}\n", encoding="utf-8")
        before = sorted(folder.rglob("*"))
        done = init(folder, *shlex.split(words))
        assert done.returncode in (1, 2)
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        assert "k3y" not in done.stderr
        assert sorted(folder.rglob("*")) == before, "nothing is written"
        said = done.stderr.replace("usage: apitest", "usage: ").replace(str(folder), "<here>")
        said = re.sub(r"(?s)^usage: .*?(?=apitest)", "", said)
        out.append(f"$ apitest init {words}\n{said}exit {done.returncode}\n")
    golden.equal(SCAFFOLD / "wrong.txt", "\n".join(out))


# -- writing YAML ---------------------------------------------------------------------------------------

ODD = [
    "", " ", "a", "no", "No", "yes", "on", "off", "y", "~", "null", "true", "1", "01", "1e3", "0x1F", "+1", ".5", "1_000", "12:30", "2026-01-31",
    "2xx", "-", "- a", "?", "? a", ":", "a:", "a: b", "a #b", "#a", "*a", "&a", "!a", "|", ">", "@a", "`a", "%a", "[a]", "{a}", "a, b", "'a'", '"a"',
    "a'b\"c", "a\\b", "a\nb", "a\n\nb\n", "\na", "a\n ", "tab\there", "\u0007", "é", "日本", "😀", "\u2028", "\ufeff", "${a}", "$${a}", "x" * 300, "word " * 60,
    "word " * 60 + "end", "# " + "word " * 40 + "end", "---", "...", "=", "<<", "http://a.example", "a:b", "/a:b", "$.a", "$['a b']", "<a>", "(a)", "a\\", "__a",
]  # fmt: skip


@pytest.mark.parametrize("make", [lambda text: text, lambda text: [text], lambda text: {text: text}, lambda text: {"a": [{"b": text, text: [text]}]}, lambda text: [["x" * 99, {text: [[text]]}]]], ids=["value", "list", "key", "inside", "deep"])  # fmt: skip
def test_every_text_is_read_back_as_it_is(make: Any, tmp_path: Path) -> None:
    for text in ODD:
        for value in (make(text), make(text * 2)):
            got = written({"scenario": "t", "variables": {"x": value}, "steps": [value]})
            tree, problems = loaded(tmp_path / "a.yaml", got)
            assert not problems, got
            found = as_editors_see(tree)
            assert found["variables"]["x"] == value, got
            assert found["steps"] == [value], got


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    values = [0, -1, 10**30, from_python(1.5), from_python(1e-7), True, False, None]
    tree, problems = loaded(tmp_path / "a.yaml", written({"x": values}))
    assert not problems
    assert as_editors_see(tree)["x"] == [0, -1, 10**30, 1.5, 1e-7, True, False, None]


# -- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stem", "name"),
    [
        ("Quotes & Notes", "quotes-notes", "quotes_notes"),
        ("petId", "pet-id", "pet_id"),
        ("Über-Höhe", "uber-hohe", "uber_hohe"),
        ("日本", "日本", "value"),
        ("../..", "api", "value"),
        ("NUL", "nul-api", "nul"),
        ("9 lives", "9-lives", "n9_lives"),
        ("a" * 200, "a" * 60, "a" * 40),
    ],
)
def test_names(text: str, stem: str, name: str) -> None:
    assert file_stem(text) == stem
    assert identifier(text) == name


def test_names_are_handed_out_once() -> None:
    names = Names(("api",))
    assert [names.new(one) for one in ("api", "a", "A", "a", *RESERVED)] == ["api_2", "a", "A_2", "a_3", *(f"{one}_2" for one in RESERVED)]  # fmt: skip


def test_titles_are_one_line_without_references() -> None:
    assert title("a\n${b}\t c") == "a {b} c"
    assert len(title("word " * 100)) <= 80
