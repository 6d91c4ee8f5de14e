"""Requests and responses as values."""

import pytest

from pytest_apitest.exchange import DIRECT, Request, Response, Route, TransportError, lines_of

HEADERS = (("Set-Cookie", "a=1"), ("ETag", '"x"'), ("set-cookie", "b=2"), ("X-Empty", ""))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("set-cookie", ["a=1", "b=2"]),
        ("SET-COOKIE", ["a=1", "b=2"]),
        ("etag", ['"x"']),
        ("x-empty", [""]),
        ("x-gone", []),
        ("", []),
    ],
)
def test_header_lines_by_name_whatever_its_case(name: str, lines: list[str]) -> None:
    response = Response(200, "OK", HEADERS, b"", 0, 0.1)
    assert response.header_lines(name) == lines_of(HEADERS, name) == lines
    assert response.header(name) == (lines[0] if lines else None)


def test_a_request_goes_directly_and_waits_forever_unless_told() -> None:
    request = Request("GET", "https://a.example/")
    assert (request.headers, request.body, request.route, request.deadline) == (
        (),
        None,
        DIRECT,
        float("inf"),
    )
    assert request.limits.body == 10 * 1024 * 1024


def test_equal_routes_are_one_and_show_no_secret() -> None:
    route = Route(cert="c.pem", password="swordfish", proxy="http://ada:swordfish@p.example:3128")
    same = Route(cert="c.pem", password="swordfish", proxy="http://ada:swordfish@p.example:3128")
    assert {route: 1}[same] == 1
    assert route != DIRECT
    assert "swordfish" not in repr(route)


def test_an_error_says_what_it_is() -> None:
    error = TransportError("closed", "the connection was closed", sent=True)
    assert (str(error), error.kind, error.message, error.sent) == (
        "the connection was closed", "closed", "the connection was closed", True,
    )  # fmt: skip
    assert TransportError("name", "unknown").sent is False
