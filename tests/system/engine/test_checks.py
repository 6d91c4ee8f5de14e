"""What an answer over the wire is checked for, and the words of every failure."""

from hashlib import sha256

import pytest

from tests.harness import Bench, Ran
from tests.system.engine.noting import fixed

BODY = """{"id": 7, "text": "7", "yes": true, "none": null, "pi": 3.10, "big": 12345678901234567890123,
 "items": [{"n": 1}, {"n": "2"}, {"n": 3}], "empty": [], "nested": {"a": {"b": 1}}}"""

CAFE = "café".encode("latin-1")


def checked(bench: Bench, url: str, expect: str) -> Ran:
    return bench.run(
        f"scenario: Checks\nendpoints: {{api: '{url}'}}\nsteps: [{{request: GET /x, expect: {expect}}}]\n"
    )


def test_all_failed_checks_are_told_in_the_order_of_their_kinds(bench: Bench) -> None:
    url = fixed(bench, BODY, ("X-Count", "3"), ("Set-Cookie", "sid=abc"), status=201)
    ran = bench.run(
        f"""
        scenario: All
        endpoints: {{api: "{url}"}}
        steps:
          - request: GET /x
            expect:
              json: {{$.id: "7", "$.items[*].n": {{each: {{type: integer}}}}, $.idd: 1}}
              body: {{size: 1, empty: true}}
              text: {{contains: Traceback}}
              url: https://other.example/
              duration: {{less_than: 0ms}}
              cookies: {{sid: abd, other: {{exists: true}}}}
              content_type: {{type: text/html, charset: utf-8}}
              headers: {{x-count: {{at_least: 4}}, etag: {{exists: true}}}}
              status: 200
        """
    )
    assert ran.outcomes == ["failed"]
    there = "id, text, yes, none, pi, big, items, empty, nested"
    shown = [message.partition(', got "{')[0] for message in ran.messages]  # without the whole body
    messages = [message for message in shown if not message.startswith("duration: ")]
    assert len(ran.messages) == len(messages) + 1
    assert messages == [
        "status: expected 200, got 201",
        "headers.x-count: expected at least 4, got 3",
        "headers.etag: not sent",
        'content_type.type: expected "text/html", got "application/json"',
        "content_type.charset: not sent",
        'cookies.sid: expected "abd", got "abc"',
        "cookies.other: not set by this response",
        f'url: expected "https://other.example/", got "{url}/x"',
        'text: expected a text that contains "Traceback"',
        f"body.size: expected 1, got {len(BODY)}",
        "body.empty: expected true, got false",
        '$.id: expected "7" (text), got 7 (number)',
        '$.items[1].n: expected integer, got "2" (text)',
        f"$.idd: not found; there are {there}",
    ]
    assert ran.case.checks == 15


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("{$.id: 7}", ""),
        ("{$.id: 7.0}", ""),
        ("{$.pi: 3.1}", ""),
        ("{$.big: 12345678901234567890123}", ""),
        ("{$.big: 12345678901234567890124}", "$.big: expected 12345678901234567890124, got 12345678901234567890123"),
        ("{$.text: 7}", '$.text: expected 7 (number), got "7" (text)'),
        ("{$.yes: 1}", "$.yes: expected 1 (number), got true (boolean)"),
        ('{$.yes: "true"}', '$.yes: expected "true" (text), got true (boolean)'),
        ("{$.none: false}", "$.none: expected false (boolean), got null"),
        ("{$.none: null}", ""),
        ("{$.id: {matches: '7'}}", "$.id: matches needs a text, got 7 (number)"),
        ("{$.id: {not: {matches: '8'}}}", "$.id: matches needs a text, got 7 (number)"),
        ("{$.id: {not_contains: x}}", "$.id: not_contains needs a text, an array or an object, got 7 (number)"),
        ("{$.text: {not: {at_least: 8}}}", '$.text: at_least needs a number, got "7" (text)'),
        ("{$.text: {not_equals: 8}}", '$.text: not_equals needs a value of the type of 8 (number), got "7" (text)'),
        ("{$.gone: {not_equals: 8}}", "$.gone: not found; there are {there}"),
        ("{$.gone: {not: {equals: 8}}}", "$.gone: not found; there are {there}"),
        ("{$.gone: {exists: false}}", ""),
        ("{$.id: {exists: false}}", "$.id: expected nothing there, got 7"),
        ("{$.nested.a.c: 1}", "$.nested.a.c: not found; there is b"),
        ("{'$.empty[*]': {each: {type: integer}}}", "$.empty[*]: nothing found; the array is empty"),
        ("{$.empty: {each: {type: integer}}}", "$.empty: each saw no element; add length: {at_least: 0} if none is fine"),
        ("{$.empty: {each: {type: integer}, length: {at_least: 0}}}", ""),
        ("{$.empty: {sorted: ascending}}", "$.empty: sorted saw no element; add length: {at_least: 0} if none is fine"),
        ("{'$.items[?@.n == 9]': {length: 0}}", "$.items[?@.n == 9]: nothing found; the array has 3 elements"),
        ("{'$.items[*].n': {any: 4}}", '$.items[*].n: none of 3 elements is 4: [1,"2",3]'),
    ],
)  # fmt: skip
def test_values_are_compared_with_their_types(bench: Bench, check: str, message: str) -> None:
    ran = checked(bench, fixed(bench, BODY), f"{{json: {check}}}")
    there = "id, text, yes, none, pi, big, items, empty, nested"
    assert ran.messages == ([message.replace("{there}", there)] if message else [])
    assert ran.outcomes == ["failed" if message else "passed"]


@pytest.mark.parametrize(
    ("status", "expect", "message"),
    [
        (204, "{}", ""),
        (302, "{}", "status: expected 2xx, got 302"),
        (404, "{status: 4xx}", ""),
        (500, "{status: [200, 4xx]}", "status: expected one of 200, 4xx, got 500"),
        (500, "{status: {not: {equals: 5xx}}}", "status: expected not 5xx, got 500"),
        (418, "{status: {at_least: 100}}", ""),
        (418, "{status: {one_of: [200, 3xx]}}", "status: expected one of 200, 3xx, got 418"),
        (418, "{status: {less_than: 400}}", "status: expected less than 400, got 418"),
    ],
)
def test_forms_of_the_status(bench: Bench, status: int, expect: str, message: str) -> None:
    expect = expect if expect != "{}" else "{headers: {content-type: {exists: true}}}"
    ran = checked(bench, fixed(bench, b"" if status == 204 else b"{}", status=status), expect)
    assert ran.messages == ([message] if message else [])


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{headers: {x-one: a}}", ""),
        ("{headers: {X-ONE: b}}", 'headers.x-one: expected "b", got "a"'),
        ("{headers: {x-two: a}}", "headers.x-two: sent 2 times; use each, any or length"),
        ("{headers: {x-two: {exists: true}}}", ""),
        ("{headers: {x-two: {any: b, length: 2}}}", ""),
        ("{headers: {x-two: {each: a}}}", 'headers.x-two[1]: expected "a", got "b"'),
        ("{headers: {x-two: {length: 3}}}", "headers.x-two: expected length 3, got 2"),
        ("{headers: {x-number: 7}}", ""),
        ("{headers: {x-number: 8}}", "headers.x-number: expected 8, got 7"),
        ("{headers: {x-one: 8}}", 'headers.x-one: expected 8 (number), got "a" (text)'),
        ("{headers: {x-none: {not: {equals: a}}}}", "headers.x-none: not sent"),
        ("{headers: {x-none: {exists: false}}}", ""),
        ("{cookies: {sid: a b}}", 'cookies.sid: expected "a b", got "abc"'),
        ("{cookies: {sid: abc, gone: {exists: false}}}", ""),
        ("{content_type: {type: text/plain, charset: iso-8859-1}}", ""),
        ("{text: 'caf\u00e9'}", ""),
        ("{body: {decodes_as: utf-8}}", "body.decodes_as: byte 3 is not utf-8"),
        ("{body: {sha256: '00'}}", f'body.sha256: expected "00", got "{sha256(CAFE).hexdigest()}"'),
        ("{body: {matches: '^caf'}}", ""),
    ],
)  # fmt: skip
def test_headers_cookies_text_and_bytes(bench: Bench, expect: str, message: str) -> None:
    url = fixed(
        bench,
        CAFE,
        ("X-One", "a"),
        ("X-Two", "a"),
        ("x-two", "b"),
        ("X-Number", "7"),
        ("Set-Cookie", "sid=abc; Path=/"),
        type_='Text/Plain; Charset="ISO-8859-1"',
    )
    assert checked(bench, url, expect).messages == ([message] if message else [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it is empty"),
        (b"<html>", "line 1, column 1: it looks like HTML or XML"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1, "a": 1}', 'the name "a" stands twice in one object'),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"[" * 200_000 + b"]" * 200_000, "deeper than 256"),
        (b'{"a": 1} {}', 'line 1, column 10: extra data at "{}"'),
        (b"[1,]", "]"),
        (b"01", 'line 1, column 2: extra data at "1"'),
        (b"{'a': 1}", "'"),
        (b'["\t"]', "control"),
        (b"1e999999999999999999999", "1e"),
    ],
    ids=[
        "empty", "html", "nan", "infinity", "duplicate", "bytes", "bom", "deep", "two", "comma", "zero", "quotes",
        "tab", "exponent",
    ],
)  # fmt: skip
def test_a_body_that_is_not_json_is_one_named_failure(bench: Bench, body: bytes, reason: str) -> None:
    ran = checked(bench, fixed(bench, body), "{json: {$.a: {exists: false}, $.b: 1, $: {type: object}}}")
    assert ran.outcomes == ["failed"]
    [message] = ran.messages
    assert message.startswith("json: body is not JSON: ")
    assert reason in message
    assert len(message) < 300


def test_a_body_that_is_too_large_fails(bench: Bench) -> None:
    ran = checked(bench, fixed(bench, b"[" + b"1," * (6 << 20) + b"1]"), "{json: {'$[0]': 1}}")
    assert ran.outcomes == ["failed"]
    assert "10 MiB" in ran.messages[0] or "10,485,760" in ran.messages[0]


@pytest.mark.parametrize(
    ("type_", "expect", "message"),
    [
        ("text/plain; charset=nonsense", "{text: x}", "text: the body is no text: the charset nonsense is unknown"),
        ("text/plain; charset=utf-8", "{text: x}", "text: the body is no text: byte 0 is not utf-8"),
        ("text/plain; charset=base64", "{text: x}", "text: the body is no text: the charset base64 is no encoding of text"),
        ("", "{content_type: {type: text/plain}}", 'content_type.type: expected "text/plain", got "application/octet-stream"'),
    ],
)  # fmt: skip
def test_a_body_that_is_no_text_fails(bench: Bench, type_: str, expect: str, message: str) -> None:
    assert checked(bench, fixed(bench, b"\xff\xfe", type_=type_), expect).messages == [message]


def test_many_failing_elements_are_counted(bench: Bench) -> None:
    ran = checked(bench, fixed(bench, "[" + ",".join(["0"] * 40) + "]"), "{json: {'$[*]': {each: 1}}}")
    assert ran.messages == [f"$[{index}]: expected 1, got 0" for index in range(5)] + [
        "$[*]: 35 more elements failed"
    ]


def test_an_operand_from_the_answer_is_data_and_not_a_check(bench: Bench) -> None:
    ran = bench.run(
        f"""
        scenario: Data
        endpoints: {{api: "{fixed(bench, '{"a": {"exists": true}, "b": "${c}", "r": "a.c"}')}"}}
        steps:
          - {{request: GET /x, save: {{a: $.a, b: $.b, r: $.r}}}}
          - {{request: GET /x, expect: {{json: {{$.a: "${{a}}", $.b: "${{b}}", $.r: {{matches: '^${{r}}$'}}}}}}}}
          - {{request: GET /x, expect: {{json: {{$.b: "${{a}}"}}}}}}
          - {{request: GET /x}}
        """
    )
    assert ran.messages == ['$.b: expected {"exists":true} (object), got "${c}" (text)']
    assert [outcome for _, outcome in ran.steps] == ["passed", "passed", "failed", "not_run"]
