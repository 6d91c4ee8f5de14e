"""What of a description exchanges exercise: operations, statuses, parameters, properties."""

import json
from typing import Any

import pytest

from pytest_apitest.coverage import (
    MOST_UNDOCUMENTED,
    DescriptionCoverage,
    OperationCoverage,
    Share,
    merged,
    minimum_of,
    percent,
)
from pytest_apitest.openapi.contract import Contract, Exchange, Trace
from pytest_apitest.openapi.coverage import MOST_LEVELS, MOST_PROPERTIES, Sheet
from tests.unit.openapi.described import JSON, contract, exchange, of_schema

PATHS = """
/a:
  parameters:
    - {name: trace, in: header, schema: {type: string}}
  get:
    operationId: listA
    parameters:
      - {name: page, in: query, schema: {type: integer}}
      - {name: filter, in: query, style: deepObject, schema: {type: object, properties: {name: {type: string}}}}
      - {name: open, in: query, schema: {type: object, properties: {from: {type: string}}}}
      - {name: session, in: cookie, schema: {type: string}}
    responses:
      200: {description: d, content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/A"}}}}}
      4XX: {description: d}
      404: {description: d}
      default: {description: d}
      x-note: {description: none}
  post:
    requestBody:
      content:
        application/json: {schema: {$ref: "#/components/schemas/A"}}
        application/x-www-form-urlencoded: {schema: {type: object, properties: {word: {type: string}}}}
    responses:
      201: {description: d, content: {application/json: {schema: {$ref: "#/components/schemas/A"}}}}
  head: {responses: {200: {description: d, content: {application/json: {schema: {properties: {x: {}}}}}}}}
/a/{id}:
  get:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    responses: {200: {description: d}}
/broken: {get: {parameters: 7, responses: {200: {$ref: "#/nowhere"}}}}
/wrong: {get: [], put: {responses: {204: {description: d}}}}
/lost: {$ref: "#/nowhere"}
"""
COMPONENTS = {
    "schemas": {
        "A": {
            "type": "object",
            "properties": {
                "id": {"type": "integer", "readOnly": True},
                "secret": {"$ref": "#/components/schemas/Hidden"},
                "name": {"type": "string"},
                "parts": {"type": "array", "items": {"properties": {"kind": {"type": "string"}}}},
                "odd name": {"type": "object", "additionalProperties": {"properties": {"deep": {}}}},
            },
        },
        "Hidden": {"type": "string", "writeOnly": True},
    }
}


class Noting:
    """A description, and what exchanges with it exercise."""

    def __init__(self, against: Contract) -> None:
        self.against = against
        self.sheet = Sheet(against)

    def __call__(
        self, *args: Any, violated: bool | None = None, part: Any = "exchange", **words: Any
    ) -> None:
        self.note(exchange(*args, **words), violated, part)

    def note(self, one: Exchange, violated: bool | None = None, part: Any = "exchange") -> None:
        trace = Trace()
        found = self.against.violations(one, "fail", part, trace)
        self.sheet.note(one, trace, violated=bool(found) if violated is None else violated)

    @property
    def coverage(self) -> DescriptionCoverage:
        """What was exercised, after a round through JSON."""
        return DescriptionCoverage.from_json(json.loads(json.dumps(self.sheet.coverage(str).to_json())))

    def operation(self, name: str) -> OperationCoverage:
        """Return an operation by method and path."""
        return next(one for one in self.coverage.operations if one.name == name)

    def seen(self, name: str) -> dict[str, bool]:
        """Return the properties of an operation."""
        return {f"{where} {one.path}": one.seen for where, one in self.operation(name).properties}

    def sent(self, name: str) -> dict[str, bool]:
        """Return the parameters of an operation."""
        return {f"{one.place} {one.name}": one.sent for one in self.operation(name).parameters}


@pytest.fixture
def noting() -> Noting:
    return Noting(contract(PATHS, components=COMPONENTS))


def test_operations_and_statuses_are_those_of_the_description_in_its_order(noting: Noting) -> None:
    found = noting.coverage
    assert [one.name for one in found.operations] == [
        "GET /a", "POST /a", "HEAD /a", "GET /a/{id}", "GET /broken", "PUT /wrong",
    ]  # fmt: skip
    assert [one.status for one in found.operations[0].statuses] == ["200", "4XX", "404", "default"]
    assert found.operations[0].operation_id == "listA"
    assert found.status_keys == ["200", "201", "204", "404", "4XX", "DEFAULT"]
    assert found.shares["statuses"].exercised == found.shares["operations"].exercised == 0
    assert found.shares["statuses"].described == 9
    assert (found.file, found.title, found.version) == ("api.json", "t", "1")


def test_a_status_falls_under_the_most_exact_key(noting: Noting) -> None:
    for status in (200, 404, 400, 422, 500, 301):
        noting(status=status, violated=status == 400)
    found = {one.status: (one.exercised, one.violations) for one in noting.operation("GET /a").statuses}
    assert found == {"200": (1, 0), "404": (1, 0), "4XX": (2, 1), "default": (2, 0)}
    assert (noting.operation("GET /a").exercised, noting.operation("GET /a").violations) == (6, 1)
    assert noting.coverage.shares["statuses"].to_json() == {"exercised": 4, "described": 9, "percent": 44.4}


def test_what_is_not_described_is_listed_beside_the_operations(noting: Noting) -> None:
    for _ in range(2):
        noting("GET", "/base/nowhere?token=1", 404, base="/base")
    noting("DELETE", "/a", 405)
    noting("POST", "/a", 500, sent={})
    found = noting.coverage
    assert [(one.what, one.method, one.path, one.status, one.exercised) for one in found.undocumented] == [
        ("method", "DELETE", "/a", 405, 1),
        ("status", "POST", "/a", 500, 1),
        ("path", "GET", "/nowhere", 404, 2),
    ]
    # The operation was called all the same.
    assert noting.operation("POST /a").exercised == 1
    assert noting.operation("POST /a").violations == 1
    assert found.shares["statuses"].exercised == 0


def test_undocumented_things_are_bounded_and_counted(noting: Noting) -> None:
    for number in range(MOST_UNDOCUMENTED + 3):
        noting("GET", f"/nowhere/{number}/{'x' * 500}", 404)
    found = noting.coverage
    assert (len(found.undocumented), found.left_out) == (MOST_UNDOCUMENTED, 3)
    assert max(len(one.path) for one in found.undocumented) <= 200


def test_a_broken_part_of_the_description_breaks_nothing(noting: Noting) -> None:
    noting("GET", "/broken")
    noting("GET", "/wrong")
    noting("GET", "/lost")
    assert noting.seen("GET /broken") == noting.sent("GET /broken") == {}
    assert [(one.exercised, one.violations) for one in noting.operation("GET /broken").statuses] == [(1, 1)]
    assert noting.coverage.undocumented == []


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/a", (), set()),
        ("/a?page=2", (), {"query page"}),
        ("/a?pages=2", (), set()),
        ("/a?filter%5Bname%5D=x", (), {"query filter"}),
        ("/a?from=x", (), {"query open"}),
        ("/a", (("TRACE", "1"),), {"header trace"}),
        ("/a", (("Cookie", "other=1; session=2"),), {"cookie session"}),
        ("/a?session=1", (("Cookie", "page=1"),), set()),
    ],
)
def test_parameters_that_were_sent(
    noting: Noting, path: str, headers: tuple[tuple[str, str], ...], expected: set[str]
) -> None:
    noting("GET", path, sent_headers=headers)
    found = noting.sent("GET /a")
    assert set(found) == {"header trace", "query page", "query filter", "query open", "cookie session"}
    assert {name for name, sent in found.items() if sent} == expected
    noting("GET", "/a?page=1", violated=False)
    assert {name for name, sent in noting.sent("GET /a").items() if sent} == expected | {"query page"}


def test_a_parameter_of_the_path_is_sent_with_every_request(noting: Noting) -> None:
    assert noting.sent("GET /a/{id}") == {"path id": False}
    noting("GET", "/a/17")
    assert noting.sent("GET /a/{id}") == {"path id": True}


def test_what_was_sent_counts_where_only_the_response_is_checked(noting: Noting) -> None:
    noting("GET", "/a?page=x", 404, part="response")
    assert noting.sent("GET /a")["query page"]


def test_properties_are_listed_by_direction_and_seen_one_by_one(noting: Noting) -> None:
    noting("POST", "/a", 201, {"id": 1, "parts": [{}, {"kind": "x"}]}, sent={"name": "n", "parts": []})
    assert noting.seen("POST /a") == {
        "request $.secret": False,
        "request $.name": True,
        "request $.parts": True,
        "request $['odd name']": False,
        "request $.word": False,
        "request $.parts[*].kind": False,
        "request $['odd name'].*.deep": False,
        "201 $.id": True,
        "201 $.name": False,
        "201 $.parts": True,
        "201 $['odd name']": False,
        "201 $.parts[*].kind": True,
        "201 $['odd name'].*.deep": False,
    }
    form = "application/x-www-form-urlencoded"
    noting("POST", "/a", 201, {"odd name": {"any": {"deep": 1}}}, sent=b"word=1", sent_type=form)
    found = noting.seen("POST /a")
    assert found["request $.word"]
    assert found["201 $['odd name'].*.deep"]
    assert not found["request $['odd name'].*.deep"]
    assert found["201 $.id"]


def test_items_of_a_list_are_looked_through_until_nothing_is_missing(noting: Noting) -> None:
    first = [{"name": "a"}, 7, {"id": 1}, {"parts": [{"kind": 1}]}]
    noting("GET", "/a", 200, first)
    found = noting.seen("GET /a")
    assert {path for path, seen in found.items() if not seen} == {
        "200 $[*]['odd name']",
        "200 $[*]['odd name'].*.deep",
    }
    noting("GET", "/a", 200, [*first, {"odd name": {"x": {"deep": 1}}}])
    assert all(noting.seen("GET /a").values())
    noting("GET", "/a", 200, first)
    assert all(noting.seen("GET /a").values())


def test_bodies_that_cannot_be_read_or_never_come_have_nothing_in_them(noting: Noting) -> None:
    noting("POST", "/a", 201, b"{", sent=b"{")
    noting("POST", "/a", 201, b"x", "text/plain", sent=b"\xff", sent_type="text/plain")
    assert not any(noting.seen("POST /a").values())
    noting("HEAD", "/a")
    assert noting.seen("HEAD /a") == {}
    assert noting.operation("HEAD /a").statuses[0].exercised == 1


def test_properties_stand_in_branches_and_behind_references() -> None:
    schema = {
        "allOf": [{"properties": {"a": {}}}, {"$ref": "#/components/schemas/B"}],
        "oneOf": [{"properties": {"c": {}}}],
        "anyOf": [{"properties": {"d": {"properties": {"one": {}}}}}, {"properties": {"d": {"properties": {"two": {}}}}}],
        "if": {"properties": {"e": {}}},
        "then": {"properties": {"f": {}}},
        "else": {"properties": {"g": {}, "never": False}},
        "dependentSchemas": {"a": {"properties": {"h": {}}}},
        "$ref": "#/components/schemas/C",
    }  # fmt: skip
    components = {
        "B": {"properties": {"b": {}}},
        "C": {"properties": {"i": {}}, "$ref": "#/components/schemas/D"},
        "D": {"$ref": "#/components/schemas/None"},
    }
    noting = Noting(of_schema(schema, components=components))
    noting("POST", "/a", body={"b": 1, "d": {"two": 2}}, violated=False)
    found = noting.seen("POST /a")
    assert set(found) == {
        *(f"200 $.{name}" for name in "abcdefghi"), "200 $.d.one", "200 $.d.two",
    }  # fmt: skip
    assert {path for path, seen in found.items() if seen} == {"200 $.b", "200 $.d", "200 $.d.two"}


def test_a_reference_of_3_0_has_no_siblings() -> None:
    schema = {"$ref": "#/components/schemas/B", "properties": {"a": {}}}
    noting = Noting(of_schema(schema, "3.0.3", {"B": {"properties": {"b": {}}}}))
    noting("POST", "/a", body={"a": 1})
    assert noting.seen("POST /a") == {"200 $.b": False}


def test_of_an_endless_schema_there_is_a_beginning() -> None:
    node = {"properties": {"value": {}, "next": {"$ref": "#/components/schemas/Node"}}}
    deep: dict[str, Any] = {"properties": {}}
    inner = deep
    for _ in range(30):
        inner["properties"]["x"] = inner = {"properties": {}}
    wide: dict[str, Any] = {"properties": {f"p{number}": {} for number in range(MOST_PROPERTIES + 50)}}
    noting = Noting(of_schema({"$ref": "#/components/schemas/Node"}, components={"Node": node}))
    noting("POST", "/a", body={"value": 1, "next": {"value": 2}})
    assert noting.seen("POST /a") == {"200 $.value": True, "200 $.next": True}
    noting = Noting(of_schema(deep))
    noting("POST", "/a", body={})
    assert list(noting.seen("POST /a"))[-1] == "200 $" + ".x" * MOST_LEVELS
    noting = Noting(of_schema(wide))
    noting("POST", "/a", body={})
    assert len(noting.seen("POST /a")) == MOST_PROPERTIES


def test_schemas_that_all_lead_to_each_other_end() -> None:
    names = [f"S{number}" for number in range(40)]
    components = {
        name: {"properties": {f"to{other}": {"$ref": f"#/components/schemas/{other}"} for other in names}}
        for name in names
    }
    noting = Noting(of_schema({"$ref": "#/components/schemas/S0"}, components=components))
    noting("POST", "/a", body={"toS1": {"toS2": {}}})
    found = noting.seen("POST /a")
    assert len(found) == MOST_PROPERTIES
    assert found["200 $.toS1"]
    assert found["200 $.toS1.toS2"]


def test_parts_of_several_processes_are_added_up_whatever_their_order() -> None:
    def part(*exchanges: tuple[Any, ...]) -> DescriptionCoverage:
        noting = Noting(contract(PATHS, components=COMPONENTS))
        for one in exchanges:
            noting(*one[:4], sent=one[4] if len(one) > 4 else None)
        return noting.coverage

    first = ("POST", "/a", 201, {"id": 1}, {"name": "n"})
    second: tuple[Any, ...] = ("POST", "/a", 201, {"name": "n"}, {"parts": []})
    third, fourth = ("GET", "/a?page=1", 404, None), ("GET", "/nowhere", 404, None)
    alone = part(first, second, third, fourth, fourth).to_json()
    for parts in (
        [(first, fourth), (second, third, fourth)],
        [(fourth, third, second), (fourth, first)],
        [(), (first, second), (third,), (fourth, fourth)],
    ):
        [found] = merged(part(*some) for some in parts)
        assert found.to_json() == alone
    assert alone["totals"]["statuses"]["exercised"] == 2
    assert [one["exercised"] for one in alone["undocumented"]] == [2]


def test_descriptions_are_listed_by_file() -> None:
    found = merged(
        [DescriptionCoverage("b", "", ""), DescriptionCoverage("a", "", ""), DescriptionCoverage("b", "", "")]
    )
    assert [one.file for one in found] == ["a", "b"]
    assert [one.name for one in found] == ["a", "b"]


def test_two_descriptions_of_one_name_stay_two() -> None:
    other = Noting(contract({"/a": {"get": {"responses": {"200": {"description": "d"}}}}}))
    other()
    found = merged([Noting(contract(PATHS)).coverage, other.coverage, other.coverage])
    assert [(len(one.operations), one.shares["statuses"].exercised) for one in found] == [(1, 1), (6, 0)]
    assert found[0].operations[0].exercised == 2


def test_masking_reaches_what_was_met_and_what_is_described(noting: Noting) -> None:
    noting("GET", "/hush/1", 404)
    found = noting.sheet.coverage(lambda text: text.replace("hush", "***").replace("listA", "***"))
    assert [one.path for one in found.undocumented] == ["/***/1"]
    assert found.operations[0].operation_id == "***"


def test_no_value_of_an_exchange_is_kept(noting: Noting) -> None:
    headers = (("Trace", "val-1"), ("Cookie", "session=val-2"))
    noting("GET", "/a?page=val-3&val-4=1", 200, [{"name": "val-5", "val-6": 1}], sent_headers=headers)
    noting("GET", "/a/val-7", 404)
    noting("POST", "/a", 201, {"odd name": {"val-8": {"deep": "val-9"}}}, sent={"name": "val-10"})
    assert "val-" not in json.dumps(noting.coverage.to_json())


@pytest.mark.parametrize(
    ("exercised", "described", "shown"),
    [
        (0, 7, "0 %"),
        (2, 3, "66.6 %"),
        (1999, 2000, "99.9 %"),
        (9999, 10000, "99.9 %"),
        (7, 7, "100 %"),
        (0, 0, "–"),
    ],
)
def test_percentages_are_cut(exercised: int, described: int, shown: str) -> None:
    assert percent(Share(exercised, described)) == shown


@pytest.mark.parametrize(
    ("wanted", "reached", "sentence"),
    [
        ("44.4", True, "coverage: reached 44.4 %, wanted 44.4 %: 4 of 9 statuses of operations"),
        ("44.5", False, "coverage: only 44.4 %, wanted 44.5 %: 4 of 9 statuses of operations"),
        ("0", True, "coverage: reached 44.4 %, wanted 0 %: 4 of 9 statuses of operations"),
    ],
)
def test_a_minimum_is_compared_with_all_descriptions_together(
    noting: Noting, wanted: str, reached: bool, sentence: str
) -> None:
    for status in (200, 404, 400, 500):
        noting(status=status)
    found = minimum_of(wanted, [noting.coverage, DescriptionCoverage("empty", "", "")])
    assert (found.reached, found.sentence) == (reached, sentence)
    twice = minimum_of(wanted, [noting.coverage, Noting(contract(PATHS)).coverage])
    assert twice.share is not None
    assert (twice.share.exercised, twice.share.described) == (4, 18)


def test_nothing_but_a_minimum_of_nothing_is_enough_where_nothing_is_described() -> None:
    for coverage in ([], [DescriptionCoverage("empty", "", "")]):
        assert not minimum_of("0.1", coverage).reached
        assert minimum_of("0", coverage).reached
    assert minimum_of("1", []).to_json() == {"wanted": 1.0, "percent": None, "reached": False}


def test_json_in_a_parameter_is_a_parameter() -> None:
    paths = {
        "/a": {
            "get": {
                "parameters": [{"name": "q", "in": "query", "content": {JSON: {"schema": {}}}}],
                "responses": {"200": {"description": "d"}},
            }
        }
    }
    noting = Noting(contract(paths))
    noting("GET", "/a?q=%7B")
    assert noting.sent("GET /a") == {"query q": True}


def test_methods_that_only_3_2_knows_are_operations_there() -> None:
    paths = {
        "/a": {
            "query": {"responses": {"200": {"description": "d"}}},
            "additionalOperations": {"COPY": {"responses": {"200": {"description": "d"}}}},
        }
    }
    noting = Noting(contract(paths, "3.2.0"))
    noting("COPY", "/a")
    assert [(one.name, one.exercised) for one in noting.coverage.operations] == [
        ("QUERY /a", 0),
        ("COPY /a", 1),
    ]
    assert Noting(contract(paths)).coverage.operations == []
