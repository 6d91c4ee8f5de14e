"""Saves: found exactly, typed, used later; nothing found is a failure that names what is there."""

import pytest
from aiohttp import web

from tests.harness import Bench
from tests.hostile import answer, answering, answering_always, serve
from tests.system.engine.noting import Noting, fixed

BODY = """{"id": 7, "price": 1.10, "big": 12345678901234567890, "none": null, "text": "a1 b2 b3", "object": {"a": [1]},
 "items": [{"n": 1}, {"n": 2}, {"n": 3}], "empty": [], "yes": true}"""
THERE = "id, price, big, none, text, object, items, empty, yes"


def saving(
    bench: Bench, save: str, *, body: str | bytes = BODY, status: int = 200, more: str = ""
) -> list[str]:
    """Save something, send it back as JSON, and return what went wrong and then what arrived."""
    got: list[str] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.text())
        return web.json_response({})

    headers = (("X-One", "v1"), ("X-Two", "a"), ("X-Two", "b"), ("Set-Cookie", "sid=abc; Path=/"))
    ran = bench.run(
        f"""
        scenario: Saves
        endpoints: {{from: "{fixed(bench, body, *headers, status=status)}", to: "{bench.serve(("POST", "/", take))}"}}
        steps:
          - {{request: "GET ${{from}}/x", save: {{it: {save}}}{more}}}
          - {{request: {{POST: "${{to}}/", json: "${{it}}"}}}}
        """
    )
    return ran.messages + got


@pytest.mark.parametrize(
    ("save", "expected"),
    [
        ("$.id", "7"),
        ("$.price", "1.10"),
        ("$.big", "12345678901234567890"),
        ("$.none", "null"),
        ("$.yes", "true"),
        ("$.object", '{"a":[1]}'),
        ("$.empty", "[]"),
        ('"$.items[0].n"', "1"),
        ('"$.items[?@.n == 2].n"', "2"),
        ('{json: "$.items[*].n", take: all}', "[1,2,3]"),
        ('{json: "$.items[*].n", take: first}', "1"),
        ('{json: "$.items[*].n", take: last}', "3"),
        ("{json: $.text, regex: 'a(\\d)'}", '"1"'),
        ("{json: $.text, regex: 'b\\d', take: all}", '["b2","b3"]'),
        ("status", "200"),
        ("{header: x-one}", '"v1"'),
        ("{header: X-Two, take: all}", '["a","b"]'),
        ("{cookie: sid}", '"abc"'),
        ("{text: true, regex: '\"price\": ([0-9.]+)'}", '"1.10"'),
        ("{json: $, regex: 'x', take: all}", None),
    ],
)
def test_what_is_saved_keeps_its_type(bench: Bench, save: str, expected: str | None) -> None:
    found = saving(bench, save)
    if expected is None:
        assert found[0].startswith("save it: regex needs a text, got ")
        return
    assert found == [expected]


@pytest.mark.parametrize(
    ("save", "message"),
    [
        ("$.gone", f"save it: nothing at $.gone; there are {THERE}"),
        ("$.object.b", "save it: nothing at $.object.b; there is a"),
        ('"$.items[9]"', "save it: nothing at $.items[9]; the array has 3 elements"),
        ('"$.items[?@.n > 5]"', "save it: nothing at $.items[?@.n > 5]; the array has 3 elements"),
        ('"$.items[*].n"', "save it: found 3, expected one; say take: first, last or all"),
        ("{header: x-two}", "save it: found 2, expected one; say take: first, last or all"),
        ("{header: etag}", "save it: no header etag; there are content-type, x-one, x-two, set-cookie, content-length, date, server"),
        ("{cookie: other}", "save it: no cookie other was set; there are sid"),
        ("{json: $.text, regex: 'z'}", "save it: nothing matches z"),
        ("{json: $.text, regex: 'b(\\d)'}", "save it: found 2, expected one; say take: first, last or all"),
        ("{json: $.id, regex: '7'}", "save it: regex needs a text, got 7 (number)"),
        ('{json: "$.empty[*]", take: all}', "save it: nothing at $.empty[*]; the array is empty"),
    ],
)  # fmt: skip
def test_what_is_not_found_fails_the_step(bench: Bench, save: str, message: str) -> None:
    assert saving(bench, save) == [message]


def test_a_body_that_cannot_be_read_fails_the_save(bench: Bench) -> None:
    assert saving(bench, "$.id", body="<html>") == [
        "save it: body is not JSON: line 1, column 1: it looks like HTML or XML"
    ]
    assert saving(bench, "text", body=b"\xff") == ["save it: the body is no text: byte 0 is not utf-8"]


def test_a_wrong_status_is_told_first_and_the_lost_save_is_a_note(bench: Bench) -> None:
    assert saving(bench, "$.gone", status=500) == ["status: expected 2xx, got 500"]


@pytest.mark.parametrize("save", ["$.gone", "{header: etag}", "{cookie: other}", "{text: true, regex: 'zz'}"])
def test_an_optional_save_that_finds_nothing_fails_whoever_needs_it(bench: Bench, save: str) -> None:
    source = save if save.startswith("{") else f"{{json: {save}}}"
    [message] = saving(bench, source[:-1] + ", optional: true}")
    assert message.startswith("it has no value: ")
    assert message.endswith(" (save at line 5)")


def test_an_optional_save_does_not_forgive_several(bench: Bench) -> None:
    assert saving(bench, '{json: "$.items[*]", optional: true}') == [
        "save it: found 3, expected one; say take: first, last or all"
    ]


def test_a_save_replaces_an_earlier_one_and_a_variable_from_then_on(bench: Bench, api: Noting) -> None:
    ran = bench.run(
        f"""
        scenario: Replaces
        endpoints: {{api: "{api.url}"}}
        variables: {{name: before, label: "was-${{name}}"}}
        cases:
          - case: one
            steps:
              - {{request: "GET /200/${{name}}"}}
              - {{request: GET /200/first, save: {{name: $.name, number: $.number}}}}
              - {{request: "GET /200/${{name}}-${{label}}"}}
              - {{request: GET /200/second, save: {{name: $.name}}}}
              - {{request: "GET /200/${{name}}-${{number}}"}}
          - {{case: two, steps: [{{request: "GET /200/${{name}}"}}]}}
        """
    )
    assert ran.outcomes == ["passed", "passed"]
    assert api.asked == [
        f"GET {one}" for one in ("before", "first", "first-was-before", "second", "second-2", "before")
    ]


def test_a_save_is_there_for_the_checks_of_its_own_step(bench: Bench) -> None:
    ran = bench.run(
        f"""
        scenario: Own
        endpoints: {{api: "{fixed(bench, '{"a": 1, "b": 2}')}"}}
        steps: [{{request: GET /x, save: {{a: $.a}}, expect: {{json: {{$.b: "${{a}}"}}}}}}]
        """
    )
    assert ran.messages == ["$.b: expected 1, got 2"]


def test_a_saved_url_is_resolved_against_where_it_came_from(bench: Bench) -> None:
    body = b'{"relative": "next?page=2", "rooted": "/rooted", "up": "../up"}'
    with serve(answering_always(answer(body))) as address:
        ran = bench.run(
            f"""
            scenario: URLs
            endpoints: {{api: "{address.url}base"}}
            steps:
              - {{request: GET /list/all, save: {{relative: $.relative, rooted: $.rooted, up: $.up}}}}
              - {{request: "GET ${{relative}}"}}
              - {{request: "GET ${{rooted}}"}}
              - {{request: "GET ${{up}}"}}
            """
        )
        assert ran.outcomes == ["passed"]
        paths = [request.split(b" ")[1].decode() for request in address.requests]
    assert paths == ["/base/list/all", "/base/list/next?page=2", "/rooted", "/base/up"]


def test_saves_of_setup_are_there_for_every_case(bench: Bench, api: Noting) -> None:
    ran = bench.run(
        f"""
        scenario: Setup
        endpoints: {{api: "{api.url}"}}
        setup: [{{request: GET /200/made, save: {{made: $.name, number: $.number}}}}]
        cases:
          - {{case: one, steps: [{{request: "GET /200/${{made}}-${{number}}"}}]}}
          - {{case: two, steps: [{{request: "GET /200/${{made}}-${{number}}"}}]}}
        teardown: [{{request: "DELETE /200/${{made}}"}}]
        """
    )
    assert ran.outcomes == ["passed", "passed"]
    assert api.asked == ["GET made", "GET made-1", "GET made-1", "DELETE made"]


def test_the_last_url_and_the_hops_of_a_redirect(bench: Bench) -> None:
    away = answer(b"", "Location: /landed", status="302 Found")
    with serve(answering(away, answer(b"{}"))) as address:
        case = bench.run(
            f"""
            scenario: Landed
            endpoints: {{api: "{address.url}"}}
            steps: [{{request: GET /x, follow_redirects: true, save: {{where: url}}, report: {{at: {{url: true}}}}}}]
            """
        ).case
        assert case.steps[0].notes == [f'at: "{address.url}landed"']
