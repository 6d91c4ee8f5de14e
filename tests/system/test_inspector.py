"""The inspector on bad descriptions, hostile ones and clean ones, as people run it."""

import json
import os
import resource
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_apitest.openapi.inspector import inspect
from pytest_apitest.openapi.inspector.reporting import as_text
from pytest_apitest.openapi.inspector.rules import ADR_RULES, OAS_RULES
from tests.golden_files import FOLDER, Golden

BAD = FOLDER / "inspector"
FILES = sorted(BAD.glob("*.yaml"))
DEMO = Path(__file__).resolve().parents[2] / "pytest_apitest" / "demo" / "quotes.openapi.yaml"
APITEST = [sys.executable, "-W", "error", "-m", "pytest_apitest.cli", "inspect"]
HEAD = b"openapi: 3.1.0\ninfo: {title: Quotes, version: 1.0.0}\n"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([*APITEST, *words], cwd=folder, env=variables, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)  # fmt: skip


# -- bad descriptions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_said_of_a_bad_description(file: Path, golden: Golden) -> None:
    inspection = inspect(file, file.name)
    assert inspection.findings
    places = [(one.line, one.column, one.severity) for one in inspection.findings]
    assert len(places) == len(set(places)), "one mistake is said twice"
    golden.equal(file.with_suffix(".txt"), as_text([inspection]))


def test_there_are_enough_bad_descriptions_and_no_text_without_one() -> None:
    assert len(FILES) >= 60
    assert {file.stem for file in BAD.glob("*.txt")} == {file.stem for file in FILES}


def test_every_rule_has_a_bad_description() -> None:
    found = {one.rule for file in FILES for one in inspect(file, file.name).findings}
    assert found == set(OAS_RULES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_same_is_found_in_json(file: Path) -> None:
    if file.stem == "duplicate-key":
        pytest.skip("a dict holds no key twice")
    value = yaml.safe_load(file.read_text(encoding="utf-8"))
    as_json = inspect(json.dumps(value, indent="\t").encode(), "api.json")
    assert {(one.rule, one.pointer) for one in as_json.findings} == {
        (one.rule, one.pointer) for one in inspect(file, file.name).findings
    }


# Where the verdict differs from openapi-spec-validator's, and why.
RULE = "a rule of OpenAPI that the library does not check"
DIFFERENCES = {
    "array-items": RULE,
    "bad-value-url": RULE,
    "component-name": RULE,
    "conflicting-examples": RULE,
    "discriminator": RULE,
    "header-name": RULE,
    "link-operation": RULE,
    "path-duplicate": RULE,
    "path-characters-32": RULE,
    "path-name-twice-32": RULE,
    "path-with-query-32": RULE,
    "querystring-twice": RULE,
    "ref-kind": "the library looks at what a reference leads to as a value, not as an object of its kind",
    "ref-into-a-path": "as ref-kind",
    "security-scheme": RULE,
    "server-variable-default": RULE,
    "server-variable-undeclared": RULE,
    "duplicate-key": "the YAML reader keeps the last one before the library looks",
    "version-swagger": "the library inspects Swagger 2.0 too, which is another format",
    "default-null": "as default-mismatch",
    "default-null-30": "as default-mismatch",
    "default-mismatch": "a default that does not fit is a warning here, as an example is",
    "schema-pattern-of-names": "as schema-pattern",
    "schema-pattern": "a pattern is a warning here: JSON Schema asks for no certain expressions",
}
# The library reads and fetches what these name, which a test is not to do.
NOT_GIVEN = {"ref-external", "ref-external-file", "ref-external-http"}


def verdict_of_the_library(file: Path) -> bool:
    import openapi_spec_validator as library

    value: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    version = str(value.get("openapi"))[:3] if isinstance(value, dict) else ""
    known = {
        "3.0": "OpenAPIV30SpecValidator",
        "3.1": "OpenAPIV31SpecValidator",
        "3.2": "OpenAPIV32SpecValidator",
    }
    try:
        if version in known:
            return not list(getattr(library, known[version])(value).iter_errors())
        library.validate(value)
    except Exception:  # noqa: BLE001 - whatever ends it, it is no verdict of validity
        return False
    return True


@pytest.mark.filterwarnings("ignore")
def test_verdicts_differ_from_those_of_the_library_only_where_a_reason_is_known() -> None:
    differing = {
        file.stem
        for file in FILES
        if file.stem not in NOT_GIVEN and inspect(file, file.name).valid != verdict_of_the_library(file)
    }
    assert differing == set(DIFFERENCES)


# -- good descriptions ----------------------------------------------------------------------------------


def test_the_demo_is_clean() -> None:
    assert [*inspect(DEMO).findings] == []


OF_32 = b"""\
openapi: 3.2.0
$self: https://quotes.example/api
info: {title: Quotes, version: 1.0.0}
tags: [{name: quotes, summary: Quotes, kind: nav}, {name: old, parent: quotes}]
servers: [{url: /, name: here}]
paths:
  /quotes:
    query:
      summary: Find quotes
      parameters: [{name: q, in: querystring, content: {application/x-www-form-urlencoded: {schema: {type: object}}}}]
      responses: {"200": {summary: fine, content: {text/event-stream: {itemSchema: {type: object}}}}}
    get:
      summary: Find quotes
      parameters:
        - {name: c, in: cookie, style: cookie, schema: {type: string}}
        - {name: d, in: cookie, allowReserved: true, schema: {type: string}}
        - {name: page, in: query, allowEmptyValue: true, example: 1, content: {application/json: {}}}
      responses: {"204": {}}
    additionalOperations:
      COPY: {summary: Copy quotes, responses: {default: {$ref: "#/components/responses/Fine"}}}
components:
  responses: {Fine: {content: {application/json: {$ref: "#/components/mediaTypes/Json"}}}}
  mediaTypes: {Json: {schema: true, examples: {one: {dataValue: 1, serializedValue: "1"}}}}
"""
OF_31 = b"""\
openapi: 3.1.1
info: {title: Quotes, version: 1.0.0}
jsonSchemaDialect: https://quotes.example/dialect
webhooks:
  made: {$ref: "#/components/pathItems/Made"}
components:
  pathItems:
    Made:
      post:
        summary: A quote was made
        requestBody: {content: {application/json: {schema: {$ref: "#quote"}}}}
        responses: {2XX: {description: fine, links: {again: {operationId: again, server: {url: /}}}}}
        operationId: again
  schemas:
    Quote:
      $anchor: quote
      type: [object, "null"]
      properties:
        id: {$ref: "#/components/schemas/Quote/$defs/id", description: beside a reference}
        either: {oneOf: [{type: string}, {$ref: "#/components/schemas/Quote/properties/either/oneOf/0"}]}
        parts: {type: array, prefixItems: [true, false], items: {$ref: "#/components/schemas/Quote"}}
      $defs: {id: {type: integer, exclusiveMinimum: 0, example: 1}}
      x-made-by: me
      anything: goes
"""
OF_30 = b"""\
openapi: 3.0.4
info: {title: Quotes, version: 1.0.0, x-made-by: me}
x-more: {$ref: nowhere.yaml}
paths:
  x-paths: 1
  /quotes/{id}:
    $ref: "#/x-items/quote"
x-items:
  quote:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get:
      summary: Read a quote
      responses: {default: {description: fine, content: {application/json: {schema: {$ref: "#/components/schemas/Quote"}}}}}
      callbacks: {done: {"{$request.query.url}": {post: {summary: Done, responses: {"204": {description: fine}}}}}}
components:
  schemas:
    Quote:
      type: object
      nullable: true
      discriminator: {propertyName: kind}
      required: [kind]
      properties:
        kind: {type: string}
        id: {type: integer, minimum: 0, exclusiveMinimum: true, readOnly: true}
        secret: {type: string, writeOnly: true, pattern: '^(?<year>\\d{4})-(?=x)\\p{L}$'}
      example: {kind: Short, id: 1}
    Short: {allOf: [{$ref: "#/components/schemas/Quote"}]}
"""


@pytest.mark.parametrize("content", [OF_30, OF_31, OF_32], ids=["3.0", "3.1", "3.2"])
def test_what_a_version_allows_is_no_finding(content: bytes) -> None:
    inspection = inspect(content, "api.yaml")
    assert as_text([inspection]) == "api.yaml: nothing found\n"
    assert inspection.valid


# -- hostile descriptions -------------------------------------------------------------------------------


def bomb(entry: bytes, level: bytes, deep: int, wide: int) -> bytes:
    lines = [b"x0: &x0 " + entry]
    for number in range(1, deep):
        several = b", ".join(b"k%d: *x%d" % (index, number - 1) for index in range(wide))
        lines.append(b"x%d: &x%d " % (number, number) + level % several)
    return b"\n".join(lines).replace(b"\nx", b"\nx-").replace(b"x0:", b"x-0:", 1) + b"\n"


HOSTILE = {
    "brackets": (b"[" * 100_000, 2),
    "brackets in JSON": (b'{"a": ' + b"[" * 100_000, 2),
    "indentation": (b"".join(b" " * depth + b"a:\n" for depth in range(1_200)), 2),
    "bomb": (HEAD + bomb(b"{type: object}", b"{type: object, properties: {%s}}", 9, 10), 2),
    "schemas just below the bound": (
        HEAD
        + bomb(b"{type: object}", b"{type: object, properties: {%s}}", 6, 9)
        + b"paths: {}\ncomponents: {schemas: {A: *x5}}\n",
        0,
    ),
    "a schema that is itself": (
        HEAD + b"paths: {}\ncomponents: {schemas: {A: {$ref: '#/components/schemas/A'}}}\n",
        1,
    ),
    "a schema in itself": (
        HEAD
        + b"paths: {}\ncomponents: {schemas: {A: {properties: {a: {$ref: '#/components/schemas/A'}}, example: {a: {a: 1}}}}}\n",
        0,
    ),
    "a chain of references": (
        HEAD
        + b"paths: {}\ncomponents:\n  schemas:\n"
        + b"".join(b"    A%d: {$ref: '#/components/schemas/A%d'}\n" % (n, n + 1) for n in range(5_000))
        + b"    A5000: {type: string}\n",
        0,
    ),
    "schemas as deep as can be": (
        HEAD
        + b"paths: {}\ncomponents: {schemas: {A: "
        + b"{not: " * 250
        + b"{type: strin}"
        + b"}" * 250
        + b"}}\n",
        1,
    ),
    "a hundred thousand mistakes": (HEAD + b"paths: {}\ntags: [" + b"7," * 100_000 + b"]\n", 1),
    "a slow pattern": (
        HEAD
        + b"paths: {}\ncomponents: {schemas: {A: {pattern: '^(a+)+$', example: "
        + b"a" * 100
        + b"!}}}\n",
        0,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_description_ends_soon(name: str, tmp_path: Path) -> None:
    content, status = HOSTILE[name]
    (tmp_path / "api.yaml").write_bytes(content)
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run(tmp_path, "api.yaml")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == status, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    # CPU, which other work on the machine does not change; the time is bounded by `run`.
    assert used.ru_utime + used.ru_stime - begun.ru_utime - begun.ru_stime < 20
    if status == 2:
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1


def test_nothing_else_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("description: the secret\n", encoding="utf-8")
    reference = b"paths: {/a: {get: {summary: a, responses: {'200': {$ref: %s}}}}}\n"
    for target in (b"secret.yaml", b"./secret.yaml#/x", str(tmp_path / "secret.yaml").encode()):
        (tmp_path / "api.yaml").write_bytes(HEAD + reference % target)
        done = run(tmp_path, "api.yaml", "--format", "json")
        assert [one["rule"] for one in json.loads(done.stdout)["findings"]] == ["ref-external"]
        assert "the secret" not in done.stdout + done.stderr


# -- the command ----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a clean description, one with a warning, one with an error, and what is none."""
    for name in ("schema-bounds", "missing-title"):
        (tmp_path / f"{name}.yaml").write_bytes((BAD / f"{name}.yaml").read_bytes())
    (tmp_path / "clean.yaml").write_bytes(DEMO.read_bytes())
    (tmp_path / "none.yaml").write_text("a: [1\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["clean.yaml"], 0),
        (["clean.yaml", "--fail-on", "warning"], 0),
        (["schema-bounds.yaml"], 0),
        (["schema-bounds.yaml", "--fail-on", "warning"], 1),
        (["missing-title.yaml"], 1),
        (["clean.yaml", "missing-title.yaml"], 1),
        (["missing-title.yaml", "--format", "json"], 1),
        (["missing-title.yaml", "--format", "sarif"], 1),
        (["missing-title.yaml", "--format", "junit"], 1),
        (["clean.yaml", "--ruleset", "adr"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_status(folder: Path, words: list[str], status: int) -> None:
    done = run(folder, *words)
    assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.yaml"], 'none.yaml:1:4: not YAML: this "[" is not closed\n'),
        (["gone.yaml"], "gone.yaml: cannot be read: no such file or directory\n"),
        (["."], ".: cannot be read: is a directory\n"),
        (["http://127.0.0.1:0/a.yaml?token=hush"], "http://127.0.0.1:0/a.yaml: the port of the URL must be between 1 and 65535\n"),
        (["http://ada:hush@127.0.0.1/a.yaml"], "http://127.0.0.1/a.yaml: the URL holds a user or password, which is not sent\n"),
        (["file:///a.yaml"], "file:///a.yaml: not a URL: it begins with http:// or https:// and a host\n"),
        (["http://127.0.0.1:x/a.yaml"], "http://127.0.0.1:x/a.yaml: not a URL: its host or port is malformed\n"),
        (["clean.yaml", "--ref-origin", "a.example"], "apitest inspect: --ref-origin a.example is no origin: write scheme and host, such as https://schemas.example\n"),
        (["clean.yaml", "--ref-origin", "https://u:hush@a.example/x?y=hush"], "apitest inspect: --ref-origin https://a.example/x is no origin: write scheme and host, such as https://schemas.example\n"),
        (["clean.yaml", "--shield", "a.svg"], "apitest inspect: --shield needs a ruleset with a score: --ruleset adr\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(folder: Path, words: list[str], said: str) -> None:
    done = run(folder, *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_json(folder: Path) -> None:
    found = json.loads(run(folder, "missing-title.yaml", "--format", "json").stdout)
    assert found == {
        "schema": "apitest-inspect/1",
        "file": "missing-title.yaml",
        "version": "3.0.3",
        "valid": False,
        "score": None,
        "findings": [
            {
                "rule": "missing-field",
                "severity": "error",
                "message": '"title" is missing in an Info Object',
                "file": "missing-title.yaml",
                "pointer": "/info",
                "line": 2,
                "column": 1,
            }
        ],
    }
    several = json.loads(run(folder, "clean.yaml", "missing-title.yaml", "--format", "json").stdout)
    assert [(one["file"], one["valid"]) for one in several] == [
        ("clean.yaml", True),
        ("missing-title.yaml", False),
    ]


def test_sarif(folder: Path) -> None:
    (folder / "missing-title.yaml").rename(folder / "no title é.yaml")
    log = json.loads(run(folder, "clean.yaml", "no title é.yaml", "--format", "sarif").stdout)
    (one_run,) = log["runs"]
    (result,) = one_run["results"]
    assert log["version"] == "2.1.0"
    assert (
        one_run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "missing-field"
    )
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "no%20title%20%C3%A9.yaml"},
        "region": {"startLine": 2, "startColumn": 1, "endColumn": 5},
    }


def test_junit(folder: Path) -> None:
    root = ET.fromstring(run(folder, "schema-bounds.yaml", "missing-title.yaml", "--format", "junit").stdout)
    assert {
        suite.attrib["name"]: {
            case.attrib["name"]: (child.tag, child.text) for case in suite for child in case
        }
        for suite in root
    } == {
        "schema-bounds.yaml": {
            "schema-bounds": ("system-out", "schema-bounds.yaml:15:18: minLength 5 is over maxLength 3")
        },
        "missing-title.yaml": {
            "missing-field": ("failure", 'missing-title.yaml:2:1: "title" is missing in an Info Object')
        },
    }
    assert {(len(suite), suite.attrib["tests"]) for suite in root} == {(len(OAS_RULES), str(len(OAS_RULES)))}
    failing = ET.fromstring(
        run(folder, "schema-bounds.yaml", "--format", "junit", "--fail-on", "warning").stdout
    )
    assert failing[0].attrib["failures"] == "1"


def test_the_badge_shows_the_score(folder: Path) -> None:
    done = run(folder, "missing-title.yaml", "--ruleset", "adr", "--format", "json", "--shield", "score.svg")
    score = json.loads(done.stdout)["score"]
    assert 0 < score < 100
    root = ET.fromstring((folder / "score.svg").read_text(encoding="utf-8"))
    assert root.attrib["aria-label"] == f"API Design Rules: {score}%"


def test_the_badge_is_of_the_lowest_score(folder: Path) -> None:
    files = ["clean.yaml", "missing-title.yaml"]
    found = json.loads(run(folder, *files, *ADR, "--format", "json", "--shield", "all.svg").stdout)
    assert badge(folder, "all.svg") == f"API Design Rules: {min(one['score'] for one in found)}%"


ADR = ["--ruleset", "adr"]
NOT_INSPECTED = {
    "swagger2.yaml": "swagger: '2.0'\n",
    "newer.yaml": "openapi: 4.0.0\n",
    "async.yaml": "asyncapi: 3.0.0\n",
    "list.yaml": "[1, 2]\n",
    "text.yaml": "hello\n",
}


def badge(folder: Path, name: str) -> str:
    return ET.fromstring((folder / name).read_text(encoding="utf-8")).attrib["aria-label"]


@pytest.mark.parametrize("name", NOT_INSPECTED)
def test_what_is_no_description_of_a_known_version_has_no_score(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(NOT_INSPECTED[name], encoding="utf-8")
    done = run(tmp_path, name, *ADR, "--shield", "a.svg")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith(f"{name}: 1 error; nothing else was inspected\n")
    assert badge(tmp_path, "a.svg") == "API Design Rules: not inspected"
    assert json.loads(run(tmp_path, name, *ADR, "--format", "json").stdout)["score"] is None
    (suite,) = ET.fromstring(run(tmp_path, name, *ADR, "--format", "junit").stdout)
    tags = [child.tag for case in suite for child in case]
    assert {tag: tags.count(tag) for tag in tags} == {"failure": 1, "skipped": len(ADR_RULES) - 1}
    assert (suite.attrib["failures"], suite.attrib["skipped"]) == ("1", str(len(ADR_RULES) - 1))


UNREAD = ["missing-title.yaml", "gone.yaml", "none.yaml", "clean.yaml"]
SAID = "gone.yaml: cannot be read: no such file or directory\nnone.yaml:1:4: not YAML: "


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit"])
def test_what_cannot_be_read_takes_no_findings_away(folder: Path, form: str) -> None:
    done = run(folder, *UNREAD, "--format", form)
    assert done.returncode == 2
    assert done.stderr.startswith(SAID)
    assert "missing in an Info Object" in done.stdout
    if form == "text":
        assert done.stdout.endswith("missing-title.yaml: 1 error\nclean.yaml: nothing found\n")
    elif form == "json":
        found = json.loads(done.stdout)
        assert [(one["file"], one["valid"], len(one["findings"]), "error" in one) for one in found] == [
            ("missing-title.yaml", False, 1, False),
            ("gone.yaml", False, 0, True),
            ("none.yaml", False, 0, True),
            ("clean.yaml", True, 0, False),
        ]
        why = "cannot be read: no such file or directory"
        assert found[1]["error"] == {"message": why, "line": None, "column": None}
        assert (found[2]["error"]["line"], found[2]["error"]["column"]) == (1, 4)
    elif form == "sarif":
        (one_run,) = json.loads(done.stdout)["runs"]
        (invocation,) = one_run["invocations"]
        assert [one["ruleId"] for one in one_run["results"]] == ["missing-field"]
        assert invocation["executionSuccessful"] is False
        gone, none = invocation["toolExecutionNotifications"]
        assert gone["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "gone.yaml"}}}]
        assert none["locations"][0]["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 4}
    else:
        suites = {suite.attrib["name"]: suite for suite in ET.fromstring(done.stdout)}
        assert {name: (one.attrib["errors"], one.attrib["failures"]) for name, one in suites.items()} == {
            "missing-title.yaml": ("0", "1"),
            "gone.yaml": ("1", "0"),
            "none.yaml": ("1", "0"),
            "clean.yaml": ("0", "0"),
        }
        assert f"{suites['gone.yaml'][0][0].text}\n" == SAID[: SAID.index("\n") + 1]


@pytest.mark.parametrize("form", ["json", "sarif", "junit"])
def test_a_report_of_nothing_but_what_cannot_be_read_is_one(folder: Path, form: str) -> None:
    done = run(folder, "gone.yaml", "--format", form)
    assert done.returncode == 2
    read = ET.fromstring if form == "junit" else json.loads
    assert read(done.stdout)


def test_a_badge_that_cannot_be_written_takes_no_findings_away(folder: Path) -> None:
    done = run(folder, "missing-title.yaml", *ADR, "--shield", "no/a.svg")
    assert done.returncode == 2
    assert done.stderr == "apitest inspect: no/a.svg: cannot be written: no such file or directory\n"
    assert done.stdout == run(folder, "missing-title.yaml", *ADR).stdout


def test_what_cannot_be_read_has_a_badge_without_a_score(folder: Path) -> None:
    assert run(folder, "clean.yaml", "gone.yaml", *ADR, "--shield", "a.svg").returncode == 2
    assert badge(folder, "a.svg") == "API Design Rules: not inspected"


def test_names_of_the_description_are_text_for_every_reader(tmp_path: Path) -> None:
    hostile = 'info: {title: t, version: "1"}\npaths: {}\n"a\\u001b[31m<&\\u202e\\ufffe": 1\nopenapi: 3.1.0\n'
    (tmp_path / "api.yaml").write_text(hostile, encoding="utf-8")
    for form in ("text", "json", "sarif", "junit"):
        done = run(tmp_path, "api.yaml", "--format", form)
        assert (done.returncode, done.stderr) == (1, "")
        assert "\x1b" not in done.stdout
        assert "\u202e" not in done.stdout or form != "text"
        if form == "junit":
            ET.fromstring(done.stdout)
        elif form != "text":
            json.loads(done.stdout)


# -- anything at all ------------------------------------------------------------------------------------

ODD: list[Any] = [None, True, 0, -1, 1.5, "", "x", "#/x", "#", [], {}, [None], {"$ref": 1}, {"$ref": "#"}, {"": None}, [{}], {"x": {"x": []}}, "a\x7f", [[]], {"$ref": "#/paths"}]  # fmt: skip


def places_of(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the places of everything below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in items for place in ((*at, key), *places_of(one, (*at, key)))]


@pytest.mark.parametrize(
    "content", [OF_30, OF_31, OF_32, DEMO.read_bytes()], ids=["3.0", "3.1", "3.2", "demo"]
)
def test_whatever_stands_anywhere_is_inspected(content: bytes) -> None:
    document = json.loads(json.dumps(yaml.safe_load(content)))
    places = places_of(document)
    chosen = places if len(places) < 150 else places[:: len(places) // 40]
    for number, place in enumerate(chosen):
        # Every place gets every odd value in turn over the places around it.
        for odd in (ODD[number % len(ODD)], ODD[(number * 7 + 3) % len(ODD)]):
            *path, last = place
            target = document
            for part in path:
                target = target[part]
            kept, target[last] = target[last], odd
            for ruleset in ("oas", "adr"):
                inspection = inspect(json.dumps(document).encode(), "api.json", ruleset)
                assert all(one.line >= 1 and one.column >= 1 for one in inspection.findings), place
            target[last] = kept
