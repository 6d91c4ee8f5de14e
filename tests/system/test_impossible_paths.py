"""Where paths that no response contains are told of before the run, and where nothing may be said."""

import time
from pathlib import Path

import pytest

from tests.authoring import Author, library

API = """
openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /things:
    get: {operationId: readThings, responses: {"200": {$ref: "#/components/responses/Thing"}, "404": {$ref: "#/components/responses/None"}}}
    head: {responses: {"200": {$ref: "#/components/responses/Thing"}}}
  /things/{id}:
    get: {operationId: readThing, responses: {2XX: {$ref: "#/components/responses/Thing"}, "302": {description: d}}}
    delete: {responses: {"204": {description: d}, "404": {$ref: "#/components/responses/None"}}}
  /things/me:
    get: {responses: {"200": {description: d, content: {application/json: {}}}}}
components:
  responses:
    Thing: {description: d, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
    None: {description: d, content: {application/problem+json: {schema: {properties: {why: {}}, additionalProperties: false}}}}
  schemas:
    Thing: {type: object, properties: {id: {type: integer}, name: {}}, additionalProperties: false}
"""
SCENARIO = """
scenario: t
endpoints: {{api: {{url: "http://localhost:1", openapi: {openapi}}}}}
variables: {{it: name}}
requests: {{named: {{GET: "/things/{{id}}", path: {{id: me}}}}, thing: GET /things}}
steps:
  - {step}
"""


@pytest.fixture
def author(tmp_path: Path) -> Author:
    made = Author(tmp_path)
    made.write({"api.yaml": API})
    return made


SAID = "no response of GET /things contains it: "


@pytest.mark.parametrize(
    ("step", "said"),
    [
        # where the paths stand
        ("{request: GET /things, expect: {json: {$.nme: 1}}}", '$.nme: no response of GET /things contains it: $ has no member "nme"; did you mean "name"? (api.yaml:18:94)'),
        ("{request: GET /things, expect: {json: {$.name: 1, $.nme: {exists: false}}}}", None),
        ("{request: GET /things, expect: {json: {$.nme: {any_of: [{exists: false}, {equals: 1}]}}}}", None),
        ("{request: GET /things, expect: {json: {$.nme: {any_of: [{equals: 2}, {equals: 1}]}}}}", SAID),
        ("{request: GET /things, expect: {json: {$.nme: {exists: true}}}}", SAID),
        ("{request: GET /things, should: {json: {$.nme: 1}}}", SAID),
        ("{request: GET /things, should: {status: 404, json: {$.nme: 1}}}", None),
        ("{request: GET /things, save: {a: $.nme}}", SAID),
        ("{request: GET /things, save: {a: {json: $.nme, regex: a}}}", SAID),
        ("{request: GET /things, save: {a: {json: $.nme, optional: true}}}", SAID),
        ("{request: GET /things, save: {a: {json: $.why, optional: true}}}", None),
        ("{request: GET /things, report: {a: $.why, b: status}}", None),
        ("{request: GET /things, report: {a: $.nme}}", SAID),
        ("{request: GET /things, save: {a: {header: nme}}, expect: {headers: {nme: 1}}}", None),
        ("{request: GET /things, retry: {times: 2, give_up_when: {json: {$.nme: 1}}}}", SAID),
        ("{request: GET /things, retry: {times: 2, give_up_when: {json: {$.why: 1}}}}", None),
        ("{request: GET /things/1, cleanup: {request: DELETE /things/1, expect: {status: [204, 404], json: {$.nme: 1}}}}", "$.nme: no response of DELETE /things/{id} contains it: "),
        ("{request: GET /things/1, cleanup: {request: DELETE /things/1, expect: {json: {$.why: 1}}}}", None),
        # values
        ("{request: GET /things, expect: {json: {$.id: x}}}", '$.id: no response of GET /things has "x" there: $.id is of type integer (api.yaml:18:51)'),
        ("{request: GET /things, expect: {json: {$.id: {equals: x}}}}", "$.id: no response of GET /things has "),
        ("{request: GET /things, expect: {json: {$.id: {not_equals: x}}}}", None),
        ('{request: GET /things, expect: {json: {$.id: "${it}"}}}', None),
        ("{request: GET /things, expect: {json: {$..id: [x]}}}", None),
        # references in paths
        ('{request: GET /things, expect: {json: {"$[${it}]": 1}}}', None),
        ('{request: GET /things, expect: {json: {"$.id[${it}]": 1}}}', "$.id[${it}]: no response of GET /things contains it: $.id is of type integer"),
        ('{request: GET /things, expect: {json: {"$[?@.id == ${it}].x": {contains: 1}}}}', None),
        ('{request: GET /things, expect: {json: {"$.id[?@ == ${it}]": {contains: 1}}}}', "$.id[?@ == ${it}]: no response of GET /things contains it: $.id is of type integer"),
        ('{request: GET /things, expect: {json: {"$.id[${it}:]": {contains: 1}}}}', None),
        # statuses
        ("{request: GET /things, expect: {status: 404, json: {$.nme: 1}}}", SAID),
        ("{request: GET /things, expect: {status: 404, json: {$.why: 1}}}", None),
        ("{request: GET /things, expect: {status: [200, 404], json: {$.why: 1}}}", None),
        ("{request: GET /things, expect: {status: [200, 404], json: {$.nme: 1}}}", SAID),
        ("{request: GET /things, expect: {status: {at_least: 300}, json: {$.name: 1}}}", SAID),
        ("{request: GET /things, expect: {status: {not: {equals: 2xx}}, json: {$.name: 1}}}", SAID),
        ("{request: GET /things, expect: {status: {not_equals: 404}, json: {$.why: 1}}}", SAID),
        ("{request: GET /things, expect: {status: 500, json: {$.nme: 1}}}", None),
        ('{request: GET /things, expect: {status: "${it}", json: {$.nme: 1}}}', None),
        # where requests go
        ("{request: GET /things?a=b, expect: {json: {$.nme: 1}}}", SAID),
        ('{request: "GET ${api}/things", expect: {json: {$.nme: 1}}}', SAID),
        ("{request: thing, expect: {json: {$.nme: 1}}}", SAID),
        ("{request: {like: thing, query: {a: b}}, expect: {json: {$.nme: 1}}}", SAID),
        ("{request: {like: thing, method: HEAD}, expect: {json: {$.nme: 1}}}", None),
        ("{request: named, expect: {json: {$.nme: 1}}}", None),
        ("{request: {like: named, path: {id: 7}}, expect: {json: {$.nme: 1}}}", "$.nme: no response of GET /things/{id} "),
        ('{request: {like: named, path: {id: "${it}"}}, expect: {json: {$.nme: 1}}}', None),
        ('{request: "GET /things/${it}", expect: {json: {$.nme: 1}}}', None),
        ('{request: "GET /things/x-${it}", expect: {json: {$.nme: 1}}}', "$.nme: no response of GET /things/{id} "),
        ('{request: "GET /${it | raw}", expect: {json: {$.nme: 1}}}', None),
        ('{request: "${it} /things", expect: {json: {$.nme: 1}}}', None),
        ("{request: POST /things, expect: {json: {$.nme: 1}}}", None),
        ("{request: GET /nowhere, expect: {json: {$.nme: 1}}}", None),
        ("{request: GET http://localhost:1/things, expect: {json: {$.nme: 1}}}", None),
        ("{request: {operation: readThings}, expect: {json: {$.nme: 1}}}", SAID),
        ("{request: {operation: readThings}, expect: {json: {$.name: 1}}}", None),
        ("{request: {operation: readThing, path: {id: 7}}, expect: {json: {$.nme: 1}}}", "$.nme: no response of GET /things/{id} "),
        ("{request: {operation: readThing, path: {id: me}}, expect: {json: {$.nme: 1}}}", None),
        ('{request: {operation: readThing, path: {id: "${it}"}}, expect: {json: {$.nme: 1}}}', None),
        ("{request: {like: thing, operation: readThing, path: {id: 7}}, expect: {json: {$.nme: 1}}}", "$.nme: no response of GET /things/{id} "),
        # what is not checked, or not this answer
        ("{request: GET /things, openapi: false, expect: {json: {$.nme: 1}}}", None),
        ("{request: GET /things, expect: {openapi: response, json: {$.nme: 1}}}", SAID),
        ("{request: GET /things/7, follow_redirects: true, expect: {json: {$.nme: 1}}}", None),
        ("{request: GET /things/7, follow_redirects: false, expect: {json: {$.nme: 1}}}", "$.nme: no response of GET /things/{id} "),
    ],
)  # fmt: skip
def test_what_is_said_of_a_step(author: Author, step: str, said: str | None) -> None:
    text = SCENARIO.format(openapi="api.yaml", step=step)
    found = [problem.message for problem in author.problems(text)]
    assert len(found) == (said is not None), found
    if said is not None:
        assert said in found[0]


@pytest.mark.parametrize(
    ("openapi", "is_said"),
    [
        ("{file: api.yaml}", True),
        ("{file: api.yaml, undocumented: fail}", True),
        ("{file: api.yaml, undocumented: warn}", False),
        ("{file: api.yaml, undocumented: allow}", False),
    ],
)
def test_only_where_the_description_has_the_last_word(author: Author, openapi: str, is_said: bool) -> None:
    step = "{request: GET /things, expect: {json: {$.nme: 1}}}"
    assert bool(author.problems(SCENARIO.format(openapi=openapi, step=step))) is is_said


@pytest.mark.parametrize(
    "case",
    ["skip: not ready", "xfail: the description lacks it", "description: none"],
)
def test_nothing_is_said_of_cases_that_do_not_run_or_are_to_fail(author: Author, case: str) -> None:
    text = f"""
scenario: t
endpoints: {{api: {{url: "http://localhost:1", openapi: api.yaml}}}}
cases:
  - case: a
    {case}
    steps: [{{request: GET /things, expect: {{json: {{$.nme: 1}}}}}}]
"""
    assert bool(author.problems(text)) is case.startswith("description")


@pytest.mark.parametrize(
    ("given", "is_said"),
    [('"${api}"', True), ('"${api}/v2"', False), ('"${other}"', False), ('"http://localhost:1"', False)],
)
def test_a_fragment_is_looked_at_with_the_endpoint_it_gets(author: Author, given: str, is_said: bool) -> None:
    inner = 'fragment: f\ninputs: {base: {required: true}}\nsteps: [{request: "GET ${base}/things", save: {a: $.nme}}]\n'
    outer = inner.replace(
        '{request: "GET ${base}/things", save: {a: $.nme}}', '{use: f.yaml, with: {base: "${base}"}}'
    )
    author.write({"f.yaml": inner, "g.yaml": outer})
    text = f"""
scenario: t
endpoints: {{api: {{url: "http://localhost:1", openapi: api.yaml}}, other: "http://localhost:2"}}
steps:
  - {{use: g.yaml, with: {{base: {given}}}}}
  - {{use: g.yaml, with: {{base: {given}}}}}
"""
    found = author.problems(text)
    assert [(one.place.path, one.place.line) for one in found] == ([("f.yaml", 3)] if is_said else [])


def test_fragments_that_use_each_other_many_times_are_looked_at_once(author: Author) -> None:
    head = "inputs: {base: {required: true}}\nsteps:\n"
    files = {"f0.yaml": f'fragment: f\n{head}  - request: "GET ${{base}}/things"\n'}
    for level in range(1, 19):
        use = f'  - {{use: f{level - 1}.yaml, with: {{base: "${{base}}"}}}}\n'
        files[f"f{level}.yaml"] = f"fragment: f\n{head}{use * 2}"
    author.write(files)
    text = SCENARIO.format(openapi="api.yaml", step='{use: f18.yaml, with: {base: "${api}"}}')
    begun = time.process_time()
    assert author.problems(text) == []
    assert time.process_time() - begun < 5  # one by one it would be half a million steps


def test_a_problem_of_the_description_is_left_to_the_run(author: Author) -> None:
    author.write(
        {
            "api.yaml": "{openapi: 3.1.0, paths: {/things: {$ref: '#/no'}, /b: {get: {responses: {200: {content: []}}}}}}"
        }
    )
    for path in ("/things", "/b"):
        step = f"{{request: GET {path}, expect: {{json: {{$.nme: 1}}}}}}"
        assert author.problems(SCENARIO.format(openapi="api.yaml", step=step)) == []


def test_the_problem_of_a_fragment_is_shown_with_its_line(author: Author) -> None:
    fragment = 'fragment: f\ninputs: {base: {required: true}}\nsteps: [{request: "GET ${base}/things", save: {a: $.nme}}]\n'
    text = SCENARIO.format(openapi="api.yaml", step='{use: f.yaml, with: {base: "${api}"}}')
    author.write({"f.yaml": fragment, "doc.yaml": text})
    said = author.report(text)
    assert said.startswith("f.yaml:3:51: $.nme: no response of GET /things contains it: ")
    assert "    3 | steps: [" in said
    # The fragment itself has no problem: another document may hand in another endpoint.
    library(author.folder).document(author.folder / "f.yaml")
