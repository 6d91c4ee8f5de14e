"""The rules of the NLGov REST API Design Rules: where each finds what, beyond the examples of the page."""

import json
from typing import Any

import pytest

from pytest_apitest.openapi.inspector import inspect
from tests.docs.test_inspector_doc import CLEAN, changed

PROPERTIES = "/components/schemas/Quote/properties"
GET = "/paths/~1quotes/get"


def found_in(*changes: str) -> set[tuple[str, str]]:
    """Return rules and places of what is found in the clean description with changes made to it."""
    content = changed(list(changes)) if changes else CLEAN.encode()
    return {(one.rule, one.pointer) for one in inspect(content, "api.yaml", "adr").findings}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([f"{PROPERTIES}/birthDate: {{type: string, format: date-time}}"], {("nlgov:use-date-instead-of-datetime", f"{PROPERTIES}/birthDate/format")}),
        ([f"{PROPERTIES}/expiration_date: {{type: string}}"], {("nlgov:specify-format-for-date-and-time", f"{PROPERTIES}/expiration_date")}),
        ([f"{PROPERTIES}/datum: {{$ref: '#/components/schemas/Day'}}", "/components/schemas/Day: {type: string, format: date-time}"], {("nlgov:use-date-instead-of-datetime", "/components/schemas/Day/format")}),
        ([f"{PROPERTIES}/dayDate: {{allOf: [{{$ref: '#/components/schemas/Day'}}]}}", "/components/schemas/Day: {type: string, format: date-time}"], {("nlgov:use-date-instead-of-datetime", "/components/schemas/Day/format")}),
        ([f"{PROPERTIES}/dayDate: {{allOf: [{{$ref: '#/components/schemas/Day'}}]}}", "/components/schemas/Day: {type: string, format: date}"], set()),
        ([f"{PROPERTIES}/dayDate: {{allOf: [{{type: string}}]}}"], {("nlgov:specify-format-for-date-and-time", f"{PROPERTIES}/dayDate")}),
        ([f"{PROPERTIES}/update: {{type: string}}"], set()),
        ([f"{PROPERTIES}/date-time-local: {{type: string, format: date-time-local}}"], {("nlgov:date-time-ensure-timezone", f"{PROPERTIES}/date-time-local/format")}),
        (["/components/schemas/Problem/properties/detail:"], {("nlgov:problem-schema-members", "/components/schemas/Problem/properties")}),
        (["/components/schemas/Problem/properties:"], set()),
        ([f"{GET}/responses/200/headers: {{api-version: {{schema: {{type: string}}}}}}"], set()),
        ([f"{GET}/responses/200/headers: {{API-version: {{schema: {{type: string}}}}}}"], set()),
        ([f"{GET}/responses/204: {{description: nothing}}"], {("nlgov:missing-header", f"{GET}/responses/204")}),
        ([f"{GET}/responses/default: {{description: anything}}"], set()),
        ([f"{GET}/responses/503: {{description: later, content: {{text/plain: {{}}}}}}"], {("nlgov:use-problem-schema", f"{GET}/responses/503/content")}),
        ([f"{GET}/responses/503: {{description: later}}"], set()),
        ([f"{GET}/parameters:", f"{GET}/responses/400: {{$ref: '#/components/responses/Invalid'}}"], set()),
        (["/servers: [{url: /v1}, {url: /v2}]"], set()),
        (["/servers: []"], {("oas3-api-servers", "/servers")}),
        (["/servers:"], {("oas3-api-servers", "")}),
        (["/paths/~1my-quotes~1_search: {}"], set()),
        (["/paths/~1openapi.json: {}"], set()),
        (["/paths/~1: {}"], set()),
        (["/info/version: 1.0"], {("oas3-schema", "/info/version")}),
        (["/info/version: 1.0.0-rc.1+build.5"], set()),
        (["/info/version: 01.0.0"], {("nlgov:semver", "/info/version")}),
        (["/components/parameters/Page/name: $page"], set()),
        (["/components/parameters/Page/name: Page"], {("nlgov:query-keys-camel-case", "/components/parameters/Page/name")}),
        (["/components/schemas/UrlOf2: {type: object}", "/components/schemas/FooB: {type: object}"], set()),
        (["/components/schemas/URLOf2: {type: object}"], {("nlgov:schema-camel-case", "/components/schemas/URLOf2")}),
        ([f"{PROPERTIES}/_links: {{nextURL: {{}}}}"], {("nlgov:property-casing", f"{PROPERTIES}/_links/nextURL")}),
        (["/info/contact: {}"], {("nlgov:info-contact-fields-exist", "/info/contact")}),
        ([f"{GET}/responses/200/headers: {{}}"], {("nlgov:missing-version-header", f"{GET}/responses/200/headers")}),
        (["/openapi: 3.0.4", "/servers: [{url: 'https://{host}.example/v1', variables: {host: {enum: [], default: one}}}]"], {("oas3-server-variables", "/servers/0/variables/host/default")}),
        (["/info/contact: {name: Quotes}"], {("nlgov:info-contact-fields-exist", "/info/contact")}),
        (["/info/contact/email:", "/info/x-apitest-ignore: ['nlgov:info-contact-fields-exist']"], set()),
        (["/info/titel: Quotes", "/info/x-apitest-ignore: [unknown-field]"], set()),
        (["/info/titel: Quotes", "/info/x-apitest-ignore: [oas3-schema]"], set()),
        (["/openapi:", "/swagger: '2.0'"], {("nlgov:openapi-root-exists", "/swagger")}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)  # fmt: skip
def test_what_is_found(changes: list[str], found: set[tuple[str, str]]) -> None:
    assert found_in(*changes) == found


def test_what_oas_only_advises_is_no_part_of_it() -> None:
    assert found_in(f"{GET}/summary:") == set()


def test_the_score_is_the_part_of_the_rules_that_hold() -> None:
    def score(*changes: str) -> int:
        found: Any = inspect(changed(list(changes)) if changes else CLEAN.encode(), "api.yaml", "adr").score
        return int(found)

    assert score() == 100
    one = score("/info/version: one")
    # Two findings of one rule cost what one does; a second rule costs as much again.
    assert score("/info/version: one", "/paths/~1a_b: {}") == score(
        "/info/version: one", "/paths/~1a_b: {}", "/paths/~1c_d: {}"
    )
    assert 90 < one < 100
    assert score("/info/version: one", "/paths/~1a_b: {}") < one
    assert score("/info/version: one", "/x-apitest-ignore: ['nlgov:semver']") == 100


@pytest.mark.parametrize(
    "content", [b"swagger: '2.0'", b"openapi: 4.0.0", b"asyncapi: 3.0.0", b"[1]", b"hello"], ids=str
)
def test_what_was_not_inspected_has_no_score(content: bytes) -> None:
    found = inspect(content, "api.yaml", "adr")
    assert (found.score, found.valid, found.inspected) == (None, False, False)
    assert str(found).endswith("\napi.yaml: 1 error; nothing else was inspected")


def test_without_the_ruleset_there_is_no_score() -> None:
    assert inspect(CLEAN.encode()).score is None


def test_json_and_yaml_have_one_score() -> None:
    content = changed(["/info/version: one"])
    import yaml

    as_json = json.dumps(yaml.safe_load(content)).encode()
    assert inspect(as_json, "api.json", "adr").score == inspect(content, "api.yaml", "adr").score


def test_an_unknown_ruleset_is_refused() -> None:
    with pytest.raises(ValueError, match='unknown ruleset "ads"; known: oas, adr'):
        inspect(CLEAN.encode(), "api.yaml", "ads")
