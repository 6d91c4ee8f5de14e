"""Bodies and parameters that are neither JSON nor a plain form: XML, streams of JSON, the query as a whole."""

from typing import Any

import pytest

from tests.unit.openapi.described import contract, exchange, told

ROW = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


def of_content(key: str, media: Any, version: str = "3.2.0") -> Any:
    return contract(
        {"/a": {"get": {"responses": {"200": {"description": "d", "content": {key: media}}}}}}, version
    )


@pytest.mark.parametrize(
    "content_type", ["application/xml", "text/xml; charset=utf-8", "application/atom+xml"]
)
@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"<a><b>1</b></a>", []),
        (b'<?xml version="1.0"?><a/>', []),
        (b"<a><b></a>", ["body response: the body cannot be read: no well-formed XML, line 1, column 9: mismatched tag"]),
        (b"{}", ["body response: the body cannot be read: no well-formed XML, line 1, column 1: not well-formed (invalid token)"]),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', ["body response: the body cannot be read: a document type is not read"]),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>', ["body response: the body cannot be read: a document type is not read"]),
        (b"<a>" * 100_000 + b"</a>" * 100_000, []),
    ],
)  # fmt: skip
def test_xml_is_looked_at_for_its_form(content_type: str, body: bytes, found: list[str]) -> None:
    one = of_content(content_type.partition(";")[0], {"schema": {"type": "object"}}, "3.0.3")
    got = exchange(body=body, content_type=content_type)
    first = told(one.violations(got))
    told_once = "description: the schema of XML is not checked, only that it is well-formed (warning)"
    assert first == [*found, told_once]
    assert told(one.violations(got)) == found


def test_xml_without_a_schema_is_not_told_of() -> None:
    assert (
        of_content("application/xml", {}).violations(exchange(body=b"<a/>", content_type="application/xml"))
        == []
    )


@pytest.mark.parametrize(
    ("content_type", "body", "found"),
    [
        ("application/jsonl", b'{"id": 1}\n{"id": 2}\n', []),
        (
            "application/x-ndjson",
            b'{"id": 1}\r\n\r\n{"id": "2"}',
            ['body response $[1].id: expected integer, got "2" (text)'],
        ),
        ("application/jsonl", b"\n", []),
        (
            "application/jsonl",
            b'{"id": 1}\n{',
            ["body response: the body cannot be read: line 2 is no JSON: "],
        ),
        ("application/json-seq", b'\x1e{"id": 1}\n\x1e{}\n', ["body response $[1].id: missing"]),
        (
            "application/geo+json-seq",
            b"\x1e[\n",
            ["body response: the body cannot be read: value 1 is no JSON: "],
        ),
    ],
)
def test_each_value_of_a_stream(content_type: str, body: bytes, found: list[str]) -> None:
    one = of_content(content_type, {"itemSchema": ROW})
    said = told(one.violations(exchange(body=body, content_type=content_type)))
    assert len(said) == len(found)
    assert all(got.startswith(expected) for got, expected in zip(said, found, strict=True)), said


def test_a_stream_as_a_whole() -> None:
    one = of_content("application/jsonl", {"schema": {"type": "array", "maxItems": 1}, "itemSchema": ROW})
    got = exchange(body=b'{"id": 1}\n{}', content_type="application/jsonl")
    assert told(one.violations(got)) == [
        "body response $: expected at most 1 item, got 2",
        "body response $[1].id: missing",
    ]


def test_streams_are_not_of_3_1() -> None:
    one = of_content("application/jsonl", {"itemSchema": ROW}, "3.1.0")
    assert one.violations(exchange(body=b"{", content_type="application/jsonl")) == []


def with_query(content: Any, *, required: bool = False, version: str = "3.2.0") -> Any:
    parameter = {"in": "querystring", "name": "all", "required": required, "content": content}
    operation = {"parameters": [parameter], "responses": {"200": {"description": "d"}}}
    return contract({"/a": {"get": operation}}, version)


FORM = {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {"page": {"type": "integer"}, "tag": {"type": "array", "items": {"enum": ["a", "b"]}}}, "additionalProperties": False}}}  # fmt: skip
WHOLE = {"application/json": {"schema": {"type": "array", "items": {"type": "integer"}}}}


@pytest.mark.parametrize(
    ("content", "query", "found"),
    [
        (FORM, "?page=1&tag=a&tag=b", []),
        (FORM, "?page=x", ['parameter request querystring all at .page: expected integer, got "x" (text)']),
        (FORM, "?tag=a&tag=c", ['parameter request querystring all at .tag[1]: expected one of "a", "b", got "c" (text)']),
        (FORM, "?pgae=1", ['parameter request querystring all at .pgae: not allowed; did you mean "page"?']),
        (FORM, "", []),
        (WHOLE, "?%5B1%2C2%5D", []),
        (WHOLE, "?%5B1%2C%22a%22%5D", ['parameter request querystring all at [1]: expected integer, got "a" (text)']),
        (WHOLE, "?%5B", ["parameter request querystring all: is no JSON: "]),
        ({"text/plain": {"schema": False}}, "?anything", []),
        ({}, "?anything", []),
    ],
)  # fmt: skip
def test_the_query_as_a_whole(content: Any, query: str, found: list[str]) -> None:
    said = told(with_query(content).violations(exchange(path=f"/a{query}")))
    assert len(said) == len(found)
    assert all(got.startswith(expected) for got, expected in zip(said, found, strict=True)), said


def test_a_query_that_is_missing() -> None:
    one = with_query(FORM, required=True)
    assert told(one.violations(exchange())) == ["parameter request querystring all: missing, it is required"]
    older = told(with_query(FORM, version="3.1.0").violations(exchange()))
    assert older[0].startswith("description: the description cannot be used: in is ")
