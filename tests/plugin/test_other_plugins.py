"""Runs beside other plugins and options of pytest: workers, reruns, timeouts, order, selection of failures."""

import itertools
import re

import pytest

from tests.plugin.project import APP, BAD, CASES, GOOD, Project

# An application whose first answers fail, told from later runs of a case by a file beside it.
FLAKY = """\
from pathlib import Path

from aiohttp import web

SEEN = Path(__file__).with_name("seen.txt")


def create_app():
    async def answer(request):
        seen = SEEN.read_text() if SEEN.exists() else ""
        SEEN.write_text(seen + "x")
        return web.json_response({"times": len(seen) + 1}, status=200 if seen else 500)

    app = web.Application()
    app.router.add_get("/", answer)
    return app
"""
# An application that stays away for a while, and writes down when a request came and went.
SLOW = """\
import asyncio
import time
from pathlib import Path

from aiohttp import web

LOG = Path(__file__).with_name("log.txt")


def create_app():
    async def answer(request):
        begin = time.monotonic()
        await asyncio.sleep(float(request.query.get("for", "0.05")))
        with LOG.open("a") as file:
            file.write(f"{begin} {time.monotonic()}\\n")
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/", answer)
    return app
"""
DIE = """\
import os

import pytest


@pytest.fixture
def deadly():
    os._exit(3)
"""


def many(project: Project) -> list[str]:
    """Write eight cases in three documents, one of which fails; return the titles in their order."""
    project.write("a.apitest.yaml", CASES)
    project.write("b.apitest.yaml", BAD)
    project.write(
        "c.apitest.yaml", CASES.replace("Cases", "More").replace("case: ", "case: c-") + "marks: [wide]\n"
    )
    project.write("d.apitest.yaml", GOOD)
    project.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -W error\nmarkers = wide: all of c\n")
    return ["one", "two", "three", "Bad", "c-one", "c-two", "c-three", "Good"]


@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "each"])
def test_workers_make_one_complete_report_in_the_order_of_collection(project: Project, dist: str) -> None:
    titles = many(project)
    workers = ["--dist", "each", "--tx", "popen"] if dist == "each" else ["-n", "2", "--dist", dist]
    run = project.run(*workers, "--junit-xml=junit.xml")
    assert run.exit == 1, run.all
    assert list(run.outcomes) == titles
    assert run.json["totals"] == {
        "total": 8, "passed": 7, "failed": 1, "error": 0, "skipped": 0, "not_run": 0, "warned": 0, "checks": 8,
    }  # fmt: skip
    assert all(case["steps"][0]["exchanges"][0]["response"] for case in run.json["cases"])
    assert run.out.count('b.apitest.yaml:5: "GET /health": status: expected 404, got 200') == 1
    assert (project.path / "junit.xml").read_text("utf-8").count("<testcase") == 8


def test_workers_end_like_a_run_without_workers(project: Project) -> None:
    many(project)
    one, two = project.run(), project.run("-n", "2")
    assert (one.exit, one.counts, one.outcomes) == (two.exit, two.counts, two.outcomes)
    assert re.sub(r":\d{2,5}\b", "", one.line("E   1 of")) == re.sub(r":\d{2,5}\b", "", two.line("E   1 of"))
    none = project.run("-n", "2", "-k", "nothing_like_it")
    assert (none.exit, none.json["verdict"]) == (5, "No results")


@pytest.mark.parametrize("dist", ["load", "loadgroup", "worksteal"])
def test_serial_cases_never_overlap(project: Project, dist: str) -> None:
    project.write("slow.py", SLOW)
    for name in "abcd":
        cases = "".join(f"  - {{case: {name}{n}, steps: [{{request: GET /}}]}}\n" for n in range(3))
        project.write(
            f"{name}.apitest.yaml",
            f"scenario: {name}\nserial: one\nendpoints: {{api: {{app: 'slow:create_app'}}}}\ncases:\n{cases}",
        )
    run = project.run("-n", "3", "--dist", dist)
    assert (run.exit, len(run.outcomes)) == (0, 12)
    spans = sorted(
        tuple(map(float, line.split())) for line in (project.path / "log.txt").read_text("utf-8").splitlines()
    )
    assert len(spans) == 12
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))


def test_a_worker_that_dies_does_not_make_green(project: Project) -> None:
    project.write("conftest.py", DIE)
    project.write("a.apitest.yaml", CASES)
    project.write("deadly.apitest.yaml", GOOD.replace("Good", "Deadly") + "fixtures: [deadly]\n")
    project.write("z.apitest.yaml", GOOD)
    run = project.run("-n", "2", "--max-worker-restart=2")
    assert run.exit == 1
    assert run.json["verdict"] == "Failed"
    assert run.outcomes["Deadly"] == "error"
    assert {run.outcomes[title] for title in ("one", "two", "three", "Good")} == {"passed"}
    assert list(run.outcomes) == ["one", "two", "three", "Deadly", "Good"]
    last = project.run("-n", "1", "--max-worker-restart=0", "deadly.apitest.yaml")
    assert last.exit in (1, 2)
    assert (last.json["verdict"], last.outcomes) == ("Failed", {"Deadly": "error"})


def test_a_case_that_passes_the_second_time_counts_once(project: Project) -> None:
    project.write("flaky.py", FLAKY)
    project.write(
        "flaky.apitest.yaml",
        "scenario: Flaky\nendpoints: {api: {app: 'flaky:create_app'}}\nsteps: [{request: GET /}]\n",
    )
    for workers in ((), ("-n", "1")):
        (project.path / "seen.txt").unlink(missing_ok=True)
        assert project.run(*workers).exit == 1
        (project.path / "seen.txt").unlink()
        run = project.run("--reruns", "1", *workers)
        assert (run.exit, run.outcomes) == (0, {"Flaky": "passed"})
        assert run.counts == {"passed": 1, "rerun": 1}
        assert run.json["totals"]["total"] == run.json["totals"]["checks"] == 1
        assert run.json["verdict"] == "Success"


def test_a_timeout_ends_a_case_with_its_exchange_and_its_clean_up(project: Project) -> None:
    project.write("slow.py", SLOW)
    project.write(
        "slow.apitest.yaml",
        """\
        scenario: Slow
        endpoints: {api: {app: "slow:create_app"}}
        steps:
          - {name: quick, request: GET /, cleanup: {name: tidy, request: GET /}}
          - {name: slow, request: GET /?for=20}
        """,
    )
    project.write("z.apitest.yaml", GOOD)
    run = project.run("--timeout=1", "--timeout-method=signal")
    assert (run.exit, run.outcomes) == (1, {"Slow": "error", "Good": "passed"})
    assert "Timeout" in run.line("E   ")
    steps = {step["name"]: step["outcome"] for step in run.json["cases"][0]["steps"]}
    assert steps["quick"] == "passed"
    assert steps["tidy"] == "passed"
    assert len((project.path / "log.txt").read_text("utf-8").splitlines()) == 2


@pytest.mark.parametrize("words", [("-x",), ("--maxfail=1",), ("-x", "-n", "1")])
def test_cases_behind_the_first_failure_did_not_run(project: Project, words: tuple[str, ...]) -> None:
    many(project)
    run = project.run(*words)
    assert run.exit in (1, 2)
    outcomes = run.outcomes
    assert [outcomes[title] for title in ("one", "two", "three", "Bad")] == ["passed"] * 3 + ["failed"]
    if "-n" not in words:
        assert {outcomes[title] for title in ("c-one", "c-two", "c-three", "Good")} == {"not_run"}
        assert run.json["cases"][-1]["reason"] == "the run ended before it"
    assert run.json["verdict"] == "Failed"


def test_failures_can_be_run_again_first_or_alone(project: Project) -> None:
    titles = many(project)
    project.run()
    alone = project.run("--lf")
    assert (alone.exit, alone.outcomes) == (1, {"Bad": "failed"})
    first = project.run("--ff")
    assert list(first.outcomes) == ["Bad", *(title for title in titles if title != "Bad")]
    project.write("b.apitest.yaml", GOOD.replace("Good", "Bad"))
    assert project.run("--lf").exit == 0
    assert project.run("--nf").exit == 0


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_rows_and_titles_with_brackets_are_run_again_too(project: Project, workers: tuple[str, ...]) -> None:
    project.write(
        "rows.apitest.yaml",
        f"""\
        scenario: Rows
        endpoints: {{api: {{app: "{APP}"}}}}
        cases:
          - case: row
            parametrize: {{code: [200, 404, 500]}}
            steps: [{{request: "GET /status/${{code}}"}}]
          - {{case: "a [b] c", steps: [{{request: GET /status/404}}]}}
          - {{case: fine, steps: [{{request: GET /health}}]}}
        """,
    )
    bad = {"row[404]": "failed", "row[500]": "failed", "a (b) c": "failed"}
    run = project.run("rows.apitest.yaml", *workers)
    assert run.outcomes == {"row[200]": "passed", **bad, "fine": "passed"}
    again = project.run("--lf", "rows.apitest.yaml", *workers)
    assert (again.exit, again.outcomes) == (1, bad)


def test_order_is_irrelevant(project: Project) -> None:
    titles = many(project)
    project.write("pytest.ini", "[pytest]\nmarkers = wide: all of c\n")
    orders = set()
    for seed in ("1", "2", "3"):
        run = project.run("--randomly-seed", seed)
        assert run.exit == 1
        assert sorted(run.outcomes) == sorted(titles)
        assert {title for title, word in run.outcomes.items() if word != "passed"} == {"Bad"}
        orders.add(tuple(run.outcomes))
    assert len(orders) > 1


def test_durations_setup_show_and_strict_warnings(project: Project) -> None:
    project.write(
        "conftest.py", "import pytest\n\n\n@pytest.fixture(scope='module')\ndef size():\n    yield 3\n"
    )
    project.steps("show.apitest.yaml", "  - request: GET /quotes?size=${size}\n", head="fixtures: [size]\n")
    run = project.run("--durations=3", "--durations-min=0", "--setup-show", "-W", "error", "-vv")
    assert run.exit == 0
    assert "show.apitest.yaml::show" in run.line(" call ")
    assert "fixtures used: size" in run.line("show.apitest.yaml::show (fixtures used")
    assert "SETUP    M size" in run.out
    assert "TEARDOWN M size" in run.out
    plan = project.run("--setup-plan", report=False)
    assert plan.exit == 0


def test_import_modes_and_missing_plugins(project: Project) -> None:
    project.write("sub/slow.py", SLOW)
    project.write(
        "sub/slow.apitest.yaml",
        "scenario: Slow\nendpoints: {api: {app: 'slow:create_app'}}\nsteps: [{request: GET /}]\n",
    )
    project.write("good.apitest.yaml", GOOD)
    for words in (
        ("--import-mode=importlib",),
        ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:terminal"),
    ):
        run = project.run(*words)
        assert (run.exit, run.outcomes) == (0, {"Good": "passed", "Slow": "passed"}), words
