"""Applications of every kind behind real sockets: what they see, what the client gets, how they end."""

import asyncio
import contextlib
import errno
import functools
import hashlib
import json
import logging
import os
import queue
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import flask
import httpx
import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pytest_apitest.hosting import AppError, Host
from pytest_apitest.hosting import host as host_module

Events = list[str]
FIVE_MIB = 5 * 1024 * 1024


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as made:
        yield made


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10, trust_env=False, verify=False) as made:
        yield made


def connect(base_url: str) -> socket.socket:
    url = httpx.URL(base_url)
    return socket.create_connection((url.host, url.port), timeout=10)


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def raw(base_url: str, *lines: str, body: bytes = b"") -> bytes:
    """Send a request as written, read until the server closes."""
    with connect(base_url) as connection:
        connection.sendall(
            "\r\n".join([*lines, "Host: h", "Connection: close", "", ""]).encode("latin-1") + body
        )
        return read_all(connection)


def wait_until(holds: Callable[[], object], seconds: float = 5.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "not within the time"
        time.sleep(0.01)


# A streaming application sends a piece and waits until the client has seen it.
turns: queue.SimpleQueue[None] = queue.SimpleQueue()


def wait_for_turn() -> None:
    turns.get(timeout=5)


# --- the same questions to every kind of application -------------------------------------------------


async def starlette_answer(request: Request) -> Response:
    if request.url.path == "/fail":
        message = "no answer today"
        raise ValueError(message)
    if request.url.path == "/stream":

        async def ticks() -> AsyncIterator[bytes]:
            for number in range(3):
                yield b"%d," % number
                await asyncio.to_thread(wait_for_turn)

        return StreamingResponse(ticks())
    body = await request.body()
    response = JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "traces": request.headers.getlist("x-trace"),
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
    )
    response.headers.append("set-cookie", "a=1")
    response.headers.append("set-cookie", "b=2; Path=/x")
    return response


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "SEARCH", "PROPFIND"]


def starlette_app() -> Starlette:
    return Starlette(routes=[Route("/{path:path}", starlette_answer, methods=METHODS)])


async def bare_asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        message = "only http here"
        raise NotImplementedError(message)
    if scope["path"] == "/fail":
        message = "no answer today"
        raise ValueError(message)
    body, more = b"", True
    while more:
        event = await receive()
        assert event["type"] == "http.request", event
        body += event["body"]
        more = event["more_body"]
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"%d," % number, "more_body": True})
            await asyncio.to_thread(wait_for_turn)
        await send({"type": "http.response.body"})
        return
    said = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "traces": [value.decode() for name, value in scope["headers"] if name == b"x-trace"],
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    headers = [
        (b"content-type", b"application/json"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2; Path=/x"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


def flask_app() -> flask.Flask:
    app = flask.Flask("hosted")

    @app.route("/", defaults={"path": ""}, methods=METHODS)
    @app.route("/<path:path>", methods=METHODS)
    def answer(path: str) -> flask.Response:
        if path == "fail":
            message = "no answer today"
            raise ValueError(message)
        if path == "stream":

            def ticks() -> Iterator[bytes]:
                for number in range(3):
                    yield b"%d," % number
                    wait_for_turn()

            return flask.Response(ticks())
        body = flask.request.get_data()
        response = flask.jsonify(
            method=flask.request.method,
            path=flask.request.path,
            query=flask.request.query_string.decode(),
            traces=flask.request.headers["X-Trace"].split(", ") if "X-Trace" in flask.request.headers else [],
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
        )
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2; Path=/x")
        return response

    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def bare_wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path = environ["PATH_INFO"].encode("latin-1").decode()
    if path == "/fail":
        message = "no answer today"
        raise ValueError(message)
    if path == "/stream":

        def ticks() -> Iterator[bytes]:
            for number in range(3):
                yield b"%d," % number
                wait_for_turn()

        start_response("200 OK", [])
        return ticks()
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    said = {
        "method": environ["REQUEST_METHOD"],
        "path": path,
        "query": environ["QUERY_STRING"],
        "traces": environ["HTTP_X_TRACE"].split(", ") if "HTTP_X_TRACE" in environ else [],
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    start_response(
        "200 OK",
        [("Content-Type", "application/json"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/x")],
    )
    return [json.dumps(said).encode()]


def aiohttp_app() -> web.Application:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/fail":
            message = "no answer today"
            raise ValueError(message)
        if request.path == "/stream":
            response = web.StreamResponse()
            await response.prepare(request)
            for number in range(3):
                await response.write(b"%d," % number)
                await asyncio.to_thread(wait_for_turn)
            return response
        body = await request.read()
        answered = web.json_response(
            {
                "method": request.method,
                "path": request.path,
                "query": request.rel_url.raw_query_string,
                "traces": request.headers.getall("X-Trace", []),
                "size": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
            }
        )
        answered.headers.add("Set-Cookie", "a=1")
        answered.headers.add("Set-Cookie", "b=2; Path=/x")
        return answered

    app = web.Application(client_max_size=2 * FIVE_MIB)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def async_aiohttp_app() -> web.Application:
    await asyncio.sleep(0)
    assert asyncio.get_running_loop()
    return aiohttp_app()


KINDS: dict[str, Callable[[], object]] = {
    "starlette": starlette_app,
    "starlette factory": lambda: starlette_app,
    "bare asgi": lambda: bare_asgi,
    "flask": flask_app,
    "bare wsgi": lambda: bare_wsgi,
    "aiohttp": aiohttp_app,
    "aiohttp factory": lambda: aiohttp_app,
    "aiohttp async factory": lambda: async_aiohttp_app,
}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
bridged = pytest.mark.parametrize("make", list(KINDS.values())[:5], ids=list(KINDS)[:5])


@every_kind
def test_request_and_response_arrive_whole(
    host: Host, client: httpx.Client, make: Callable[[], object]
) -> None:
    served = host.serve(make())
    headers = [("X-Trace", "one"), ("x-trace", "two")]

    answer = client.post(
        f"{served.base_url}/a%20b/caf%C3%A9?x=1&x=%20", headers=headers, content=b"some body"
    )

    assert answer.status_code == 200
    assert answer.json() == {
        "method": "POST",
        "path": "/a b/café",
        "query": "x=1&x=%20",
        "traces": ["one", "two"],
        "size": 9,
        "sha256": hashlib.sha256(b"some body").hexdigest(),
    }
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2; Path=/x"]
    assert answer.headers["content-type"].partition(";")[0] == "application/json"


@every_kind
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_upload_of_5_mib(
    host: Host, client: httpx.Client, make: Callable[[], object], chunked: bool
) -> None:
    served = host.serve(make())
    data = bytes(range(256)) * (FIVE_MIB // 256)

    answer = client.put(served.base_url, content=iter([data[:99], data[99:]]) if chunked else data)

    assert answer.json()["size"] == FIVE_MIB
    assert answer.json()["sha256"] == hashlib.sha256(data).hexdigest()


@every_kind
def test_a_streamed_response_arrives_in_pieces(
    host: Host, client: httpx.Client, make: Callable[[], object]
) -> None:
    served = host.serve(make())

    pieces = []
    with client.stream("GET", f"{served.base_url}/stream") as answer:
        for piece in answer.iter_raw():
            pieces.append(piece)
            turns.put(None)

    assert pieces == [b"0,", b"1,", b"2,"]
    assert answer.headers["transfer-encoding"] == "chunked"


@every_kind
def test_an_exception_is_a_500(
    host: Host, client: httpx.Client, make: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    served = host.serve(make())

    assert client.get(f"{served.base_url}/fail").status_code == 500
    assert client.get(f"{served.base_url}/after").status_code == 200
    assert "ValueError: no answer today" in caplog.text


@bridged
def test_the_traceback_is_logged_under_our_name(
    host: Host, client: httpx.Client, make: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    served = host.serve(make())

    client.get(f"{served.base_url}/fail?key=secret")

    wait_until(lambda: any(record.name == "pytest_apitest.hosting" for record in caplog.records))
    record = next(record for record in caplog.records if record.name == "pytest_apitest.hosting")
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.getMessage() == "GET /fail: the application failed"


@every_kind
def test_twenty_threads_at_once(host: Host, make: Callable[[], object]) -> None:
    served = host.serve(make())

    def ask(number: int) -> int:
        with httpx.Client(timeout=20, trust_env=False, verify=False) as own:
            answers = [own.post(f"{served.base_url}/{number}", content=b"x" * number) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["path"] for answer in answers} == {f"/{number}"}
        return answers[0].json()["size"]  # type: ignore[no-any-return]

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(20))) == list(range(20))


@every_kind
@pytest.mark.parametrize("method", METHODS)
def test_methods(host: Host, client: httpx.Client, make: Callable[[], object], method: str) -> None:
    served = host.serve(make())

    assert client.request(method, served.base_url).json()["method"] == method


@every_kind
def test_head_has_the_head_of_get_and_no_body(host: Host, make: Callable[[], object]) -> None:
    served = host.serve(make())

    received = raw(served.base_url, "HEAD /x HTTP/1.1")

    head, _, body = received.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == (
        b"HTTP/1.1 405 Method Not Allowed" if b"405" in head else b"HTTP/1.1 200 OK"
    )
    assert body == b""


@every_kind
def test_one_connection_carries_many_requests(host: Host, make: Callable[[], object]) -> None:
    served = host.serve(make())
    one = b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n%s\r\nab"

    with connect(served.base_url) as connection:
        connection.sendall(one % (1, b"") + one % (2, b"Connection: close\r\n"))
        received = read_all(connection)

    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert received.index(b'"/1"') < received.index(b'"/2"')


# --- ASGI ---------------------------------------------------------------------------------------------


def hosted(host: Host, handler: Callable[..., Any]) -> str:
    """Serve a function that answers ASGI http requests only."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            message = "no lifespan"
            raise RuntimeError(message)
        await handler(scope, receive, send)

    return host.serve(app).base_url


async def answer(send: Any, body: bytes = b"", status: int = 200, **headers: str) -> None:
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


def test_scope(host: Host) -> None:
    seen: dict[str, Any] = {}

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await answer(send)

    base_url = hosted(host, handler)
    raw(base_url, "GET /a%2Fb/%C3%A9//x/../y?q=%c3&r=a+b#part HTTP/1.1", "X-Case: \xe9", "x-case:  two")

    port = httpx.URL(base_url).port
    assert seen["type"] == "http"
    assert seen["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert seen["http_version"] == "1.1"
    assert seen["method"] == "GET"
    assert seen["scheme"] == "http"
    assert seen["path"] == "/a/b/é//x/../y"
    assert seen["raw_path"] == b"/a%2Fb/%C3%A9//x/../y"
    assert seen["query_string"] == b"q=%c3&r=a+b"
    assert seen["root_path"] == ""
    assert seen["headers"] == [
        (b"x-case", b"\xe9"),
        (b"x-case", b"two"),
        (b"host", b"h"),
        (b"connection", b"close"),
    ]
    assert seen["server"] == ("127.0.0.1", port)
    assert seen["client"][0] == "127.0.0.1"
    assert "state" not in seen


@pytest.mark.parametrize(
    ("target", "path"),
    [("http://h:1/abs?x", b"/abs"), ("*", b"*"), ("http://h", b"/")],
    ids=["absolute", "star", "bare"],
)
def test_other_forms_of_the_target(host: Host, target: str, path: bytes) -> None:
    seen: list[bytes] = []

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["raw_path"])
        await answer(send)

    raw(hosted(host, handler), f"OPTIONS {target} HTTP/1.1")

    assert seen == [path]


def test_the_response_is_what_the_application_sent(host: Host) -> None:
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        lines = [
            (b"X-B", b"1"),
            (b"x-a", b"\xe9"),
            (b"x-b", b"2"),
            (b"date", b"today"),
            (b"connection", b"x-b"),
        ]
        await send({"type": "http.response.start", "status": 299, "headers": lines})
        await send({"type": "http.response.body", "body": b"ab"})

    received = raw(hosted(host, handler), "GET / HTTP/1.1")

    assert received == (
        b"HTTP/1.1 299 \r\nX-B: 1\r\nx-a: \xe9\r\nx-b: 2\r\ndate: today\r\ncontent-length: 2\r\n"
        b"connection: close\r\n\r\nab"
    )


@pytest.mark.parametrize(
    ("method", "status", "sent", "expected"),
    [
        ("HEAD", 200, {"content_length": "2"}, b"content-length: 2"),
        ("HEAD", 200, {}, None),
        ("GET", 304, {"content_length": "2"}, b"content-length: 2"),
        ("GET", 204, {"content_length": "0"}, None),
        ("GET", 204, {}, None),
        ("GET", 205, {}, b"content-length: 2"),
    ],
)
def test_framing_of_answers(
    host: Host, method: str, status: int, sent: dict[str, str], expected: bytes | None
) -> None:
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"ab", status, **sent)

    received = raw(hosted(host, handler), f"{method} / HTTP/1.1")

    head, _, body = received.partition(b"\r\n\r\n")
    framing = [line for line in head.lower().split(b"\r\n") if line.startswith((b"content-l", b"transfer"))]
    assert framing == ([] if expected is None else [expected])
    assert body == (b"ab" if status == 205 else b"")


def test_an_application_can_end_the_connection(host: Host) -> None:
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"bye", connection="Close")

    with connect(hosted(host, handler)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        received = read_all(connection)

    assert received.endswith(b"connection: close\r\n\r\nbye")


def test_a_500_of_ours_ends_the_connection(host: Host) -> None:
    with connect(host.serve(bare_asgi).base_url) as connection:
        connection.sendall(b"GET /fail HTTP/1.1\r\nHost: h\r\n\r\n")
        received = read_all(connection)

    assert received.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert received.endswith(b"connection: close\r\n\r\n500 Internal Server Error\n")


def test_http_1_0_ends_a_body_of_unknown_length_by_closing(host: Host) -> None:
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        assert scope["http_version"] == "1.0"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})

    base_url = hosted(host, handler)
    with connect(base_url) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        received = read_all(connection)

    assert received.startswith(b"HTTP/1.0 200 OK\r\n")
    assert received.endswith(b"connection: close\r\n\r\nab")
    assert b"chunked" not in received


def test_the_head_does_not_wait_for_a_slow_body(host: Host, client: httpx.Client) -> None:
    go_on = threading.Event()

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await asyncio.to_thread(go_on.wait, 10)
        await send({"type": "http.response.body", "body": b"late"})

    with client.stream("GET", hosted(host, handler)) as response:
        assert response.status_code == 200
        go_on.set()
        assert response.read() == b"late"


def test_the_body_arrives_in_pieces(host: Host) -> None:
    pieces: list[tuple[bytes, bool]] = []
    arrived = threading.Event()

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            event = await receive()
            pieces.append((event["body"], event["more_body"]))
            more = event["more_body"]
            arrived.set()
        await answer(send)

    with connect(hosted(host, handler)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\nab")
        assert arrived.wait(5)
        assert pieces == [(b"ab", True)]
        connection.sendall(b"cd")
        assert read_all(connection).startswith(b"HTTP/1.1 200 OK")

    assert b"".join(body for body, _ in pieces) == b"abcd"
    assert pieces[-1][1] is False


@pytest.mark.parametrize("leave", ["shutdown", "close", "reset"])
@pytest.mark.parametrize("framing", ["Content-Length: 10", "Transfer-Encoding: chunked"])
def test_a_half_sent_body_never_looks_complete(host: Host, leave: str, framing: str) -> None:
    events: list[dict[str, Any]] = []
    over = threading.Event()

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(20):
            events.append(await receive())
            if events[-1]["type"] == "http.disconnect" or not events[-1]["more_body"]:
                break
        over.set()

    body = b"4\r\nhalf\r\n" if "chunked" in framing else b"half"
    with connect(hosted(host, handler)) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n".encode() + body)
        wait_until(lambda: events)
        if leave == "shutdown":
            connection.shutdown(socket.SHUT_WR)
            over.wait(5)
        elif leave == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert over.wait(5)
    assert [event for event in events if event["type"] == "http.request" and not event["more_body"]] == []
    assert events[0] == {"type": "http.request", "body": b"half", "more_body": True}
    assert events[-1] == {"type": "http.disconnect"}


def test_a_half_sent_body_never_reaches_starlette_as_whole(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    bodies: list[bytes] = []
    entered, left = threading.Event(), threading.Event()

    async def read(request: Request) -> Response:
        entered.set()
        try:
            bodies.append(await request.body())
        finally:
            left.set()
        return Response()

    served = host.serve(Starlette(routes=[Route("/", read, methods=["POST"])]))
    with connect(served.base_url) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf")
        assert entered.wait(5)

    assert left.wait(5)
    assert bodies == []
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_a_broken_chunk_never_looks_complete(host: Host) -> None:
    events: list[dict[str, Any]] = []
    over = threading.Event()

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        while not events or events[-1].get("more_body"):
            events.append(await receive())
        over.set()

    with connect(hosted(host, handler)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        wait_until(lambda: events)
        connection.sendall(b"zz\r\n0\r\n\r\n")

    assert over.wait(5)
    assert events == [
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.disconnect"},
    ]


def test_a_client_that_leaves_is_a_disconnect(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    events: list[dict[str, Any]] = []
    over = threading.Event()
    failures: list[type[BaseException]] = []

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        events.append(await receive())
        try:
            await answer(send)
        except OSError as error:
            failures.append(type(error))
            raise
        finally:
            over.set()

    with connect(hosted(host, handler)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_until(lambda: events)

    assert over.wait(5)
    assert events == [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
    assert failures == [ConnectionResetError]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_an_endless_response_ends_when_the_client_leaves(host: Host) -> None:
    over = threading.Event()

    async def ticks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.01)
        finally:
            over.set()

    async def stream(request: Request) -> Response:
        return StreamingResponse(ticks())

    served = host.serve(Starlette(routes=[Route("/", stream)]))
    with connect(served.base_url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.recv(100)

    assert over.wait(5)


def test_after_its_response_an_application_hears_only_of_a_disconnect(
    host: Host, client: httpx.Client
) -> None:
    events: list[dict[str, Any]] = []
    over = threading.Event()

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await answer(send)
        events.append(await receive())
        over.set()

    assert client.post(hosted(host, handler), content=b"unread").status_code == 200
    assert over.wait(5)
    assert events == [{"type": "http.disconnect"}]


@pytest.mark.parametrize("length", [None, "100"], ids=["chunked", "length"])
def test_an_exception_after_the_start_resets_the_connection(
    host: Host, client: httpx.Client, caplog: pytest.LogCaptureFixture, length: str | None
) -> None:
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        lines = [(b"content-length", length.encode())] if length else []
        await send({"type": "http.response.start", "status": 200, "headers": lines})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        message = "torn"
        raise ValueError(message)

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.get(hosted(host, handler))
    wait_until(lambda: "ValueError: torn" in caplog.text)


def test_a_torn_http_1_0_answer_is_reset_and_not_closed(host: Host) -> None:
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        await asyncio.sleep(0.1)
        message = "torn"
        raise ValueError(message)

    with connect(hosted(host, handler)) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            read_all(connection)


BAD_RESPONSES: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "no end": [{"type": "http.response.start", "status": 200}],
    "body first": [{"type": "http.response.body", "body": b""}],
    "two starts": [{"type": "http.response.start", "status": 200}] * 2,
    "interim": [{"type": "http.response.start", "status": 103}],
    "text in headers": [{"type": "http.response.start", "status": 200, "headers": [("a", "b")]}],
    "line break": [{"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]}],
    "bad name": [{"type": "http.response.start", "status": 200, "headers": [(b"a b", b"c")]}],
    "two lengths": [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")] * 2}
    ],
    "too long": [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]},
        {"type": "http.response.body", "body": b"ab"},
    ],
    "too short": [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]},
        {"type": "http.response.body", "body": b"ab"},
    ],
    "unknown": [{"type": "http.response.zerocopysend"}],
}


@pytest.mark.parametrize("messages", BAD_RESPONSES.values(), ids=BAD_RESPONSES.keys())
def test_a_bad_response_is_a_500_or_a_reset_and_logged(
    host: Host, client: httpx.Client, caplog: pytest.LogCaptureFixture, messages: list[dict[str, Any]]
) -> None:
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    try:
        status = client.get(hosted(host, handler)).status_code
    except httpx.TransportError:
        status = 0

    is_started = bool(messages) and messages[0] == BAD_RESPONSES["no end"][0]
    is_started = is_started or messages in (BAD_RESPONSES["too long"], BAD_RESPONSES["too short"])
    assert status == (0 if is_started else 500)
    wait_until(lambda: any(record.levelno == logging.ERROR for record in caplog.records))


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
def test_what_ends_other_programs_is_a_500_here(
    host: Host, client: httpx.Client, error: BaseException
) -> None:
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/fail":
            raise error
        await answer(send)

    base_url = hosted(host, handler)

    assert client.get(f"{base_url}/fail").status_code == 500
    assert client.get(base_url).status_code == 200


def test_expect_continue_is_answered_when_the_body_is_asked_for(host: Host) -> None:
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/read":
            await receive()
        await answer(send, b"done")

    base_url = hosted(host, handler)
    received = {}
    for path in ("/read", "/refuse"):
        with connect(base_url) as connection:
            connection.sendall(
                f"PUT {path} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode()
            )
            received[path] = connection.recv(100)
            if path == "/read":
                connection.sendall(b"ab")
                received[path] += connection.recv(1000)

    assert received["/read"].startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert received["/refuse"].startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_compressed_body_is_passed_on_as_sent(host: Host, client: httpx.Client) -> None:
    seen: list[bytes] = []

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["body"])
        await answer(send)

    client.post(hosted(host, handler), content=b"not gzip", headers={"content-encoding": "gzip"})

    assert seen == [b"not gzip"]


def test_background_tasks_run_on_while_the_connection_is_used_again(host: Host, client: httpx.Client) -> None:
    order: Events = []
    go_on = threading.Event()

    def later() -> None:
        go_on.wait(10)
        order.append("later")

    async def first(request: Request) -> Response:
        return Response("first", background=BackgroundTask(later))

    async def second(request: Request) -> Response:
        return Response("second")

    served = host.serve(Starlette(routes=[Route("/1", first), Route("/2", second)]))
    for path in ("1", "2"):
        order.append(client.get(f"{served.base_url}/{path}").text)
    go_on.set()

    wait_until(lambda: len(order) == 3)
    assert order == ["first", "second", "later"]


# --- lifespan -----------------------------------------------------------------------------------------


def with_lifespan(events: Events, failure: str = "") -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        events.append("startup")
        if failure:
            raise RuntimeError(failure)
        yield {"database": "open"}
        events.append("shutdown")

    async def state(request: Request) -> Response:
        events.append("request")
        keys = sorted(request.scope["state"])
        request.state.seen = True
        return JSONResponse({"database": request.state.database, "keys": keys})

    return Starlette(lifespan=lifespan, routes=[Route("/", state)])


def test_lifespan_order_and_state(host: Host, client: httpx.Client) -> None:
    events: Events = []
    served = host.serve(with_lifespan(events))
    assert events == ["startup"]

    first = client.get(served.base_url).json()
    second = client.get(served.base_url).json()
    host.close()

    assert first == second == {"database": "open", "keys": ["database"]}
    assert events == ["startup", "request", "request", "shutdown"]


def test_a_failed_startup_is_an_error_with_its_message(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AppError) as caught:
        host.serve(with_lifespan([], "no database"), name="orders.app:app")

    assert caught.value.message == "orders.app:app did not start: RuntimeError: no database"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"message": "the port is taken"}, "orders:app did not start: the port is taken"),
        ({}, "orders:app did not start and gave no reason"),
    ],
)
def test_a_startup_that_says_it_failed(host: Host, message: dict[str, str], text: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", **message})

    with pytest.raises(AppError) as caught:
        host.serve(app, name="orders:app")

    assert caught.value.message == text


def test_an_application_that_returns_on_lifespan_is_served(host: Host, client: httpx.Client) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await answer(send, b"ok")

    assert client.get(host.serve(app).base_url).text == "ok"


def test_a_startup_without_end_is_an_error(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "START_SECONDS", 0.2)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)

    with pytest.raises(AppError) as caught:
        host.serve(app, name="orders:app")

    assert caught.value.message == "orders:app did not start within 0.2 s"


@pytest.mark.parametrize("ending", ["fails", "hangs"])
def test_a_shutdown_that_fails_is_logged(host: Host, caplog: pytest.LogCaptureFixture, ending: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if ending == "hangs":
            await asyncio.sleep(60)
        message = "cannot let go"
        raise RuntimeError(message)

    host.serve(app, name="orders:app")
    started = time.monotonic()
    host.close()

    assert time.monotonic() - started < 5
    assert (
        "cannot let go" if ending == "fails" else "orders:app: the shutdown took more than"
    ) in caplog.text


# --- WSGI ---------------------------------------------------------------------------------------------


def test_environ(host: Host) -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read(), thread=threading.current_thread().name)
        start_response("200 OK", [])
        return []

    base_url = host.serve(app).base_url
    raw(
        base_url,
        "POST /a%2Fb/%C3%A9?q=%c3&r=a+b HTTP/1.1",
        "Content-Type: text/csv",
        "Content-Length: 3",
        "X-Trace: one",
        "Cookie: a=1",
        "x-trace: two",
        "cookie: b=2",
        "X_Trace: three",
        "X-Latin: \xe9",
        body=b"a;b",
    )

    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a/b/\xc3\xa9",
        "QUERY_STRING": "q=%c3&r=a+b",
        "CONTENT_TYPE": "text/csv",
        "CONTENT_LENGTH": "3",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(httpx.URL(base_url).port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_X_TRACE": "one, two",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_LATIN": "\xe9",
        "HTTP_HOST": "h",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "body": b"a;b",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & set(seen)
    assert seen["thread"].startswith("apitest-hosting-worker")
    assert all(isinstance(value, str) for name, value in seen.items() if name.isupper())


def test_a_chunked_body_has_a_length_for_wsgi(host: Host, client: httpx.Client) -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return []

    client.post(host.serve(app).base_url, content=iter([b"ab", b"cd"]))

    assert seen["CONTENT_LENGTH"] == "4"
    assert "HTTP_TRANSFER_ENCODING" not in seen


FAILURES = ("at once", "before the first byte", "torn")


class Pieces:
    """An iterable that notes its `close`; fails where a piece says so."""

    def __init__(self, *pieces: Any) -> None:
        self.pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        for piece in self.pieces:
            if piece in FAILURES:
                raise ValueError(piece)
            yield piece

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"a", b"", b"b"], b"ab"),
        ([], b""),
        (["at once"], 500),
        ([b"", "before the first byte"], 500),
        ([5], 500),
        ([b"a", "torn"], 0),
    ],
)
def test_what_wsgi_returns_is_sent_and_closed(
    host: Host, client: httpx.Client, pieces: list[Any], expected: bytes | int
) -> None:
    result = Pieces(*pieces)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return result

    got: bytes | int
    try:
        response = client.get(host.serve(app).base_url)
        got = response.content if response.status_code == 200 else response.status_code
    except httpx.TransportError:
        got = 0

    assert got == expected
    wait_until(lambda: result.closed == 1)


def test_write_sends_before_the_application_returns(host: Host, client: httpx.Client) -> None:
    go_on = threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("201 Made", [("X-A", "1")])
        write(b"first,")
        go_on.wait(10)
        return [b"last"]

    with client.stream("GET", host.serve(app).base_url) as response:
        assert (response.status_code, response.reason_phrase) == (201, "Made")
        pieces = response.iter_raw()
        assert next(pieces) == b"first,"
        go_on.set()
        assert b"".join(pieces) == b"last"


def test_start_response_again_with_exc_info(host: Host, client: httpx.Client) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [("X-First", "1")])
        if environ["PATH_INFO"] == "/late":
            write(b"part")
        try:
            int("late")
        except ValueError:
            start_response("503 Later", [("X-Second", "2")], sys.exc_info())
        return [b"sorry"]

    base_url = host.serve(app).base_url
    answered = client.get(base_url)

    assert (answered.status_code, answered.text) == (503, "sorry")
    assert "x-first" not in answered.headers
    assert answered.headers["x-second"] == "2"
    with pytest.raises(httpx.TransportError):
        client.get(f"{base_url}/late")


@pytest.mark.parametrize("mistake", ["twice", "never", "status", "header", "exit"])
def test_wsgi_mistakes_are_a_500(host: Host, client: httpx.Client, mistake: str) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if mistake == "exit":
            sys.exit(1)
        if mistake != "never":
            start_response(
                "OK" if mistake == "status" else "200 OK", [("A", "b\nc" if mistake == "header" else "b")]
            )
        if mistake == "twice":
            start_response("200 OK", [])
        return [b"done"]

    assert client.get(host.serve(app).base_url).status_code == 500


def test_a_half_sent_body_never_reaches_wsgi(host: Host) -> None:
    calls: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        calls.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return []

    base_url = host.serve(app).base_url
    for framing, body in (("Content-Length: 10", b"half"), ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n")):
        with connect(base_url) as connection:
            connection.sendall(f"POST /half HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n".encode() + body)
            time.sleep(0.05)
    raw(base_url, "POST /whole HTTP/1.1", "Content-Length: 2", body=b"ok")

    assert calls == ["/whole"]


def test_a_wsgi_body_over_the_limit_is_refused(host: Host) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    with connect(host.serve(app).base_url) as connection:
        connection.sendall(
            f"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {64 * 1024 * 1024 + 1}\r\n\r\n".encode()
        )
        received = connection.recv(1000)

    assert received.startswith(b"HTTP/1.1 413 ")


# --- serving and closing ------------------------------------------------------------------------------


def test_the_same_object_shares_one_server_until_the_last_one_lets_go(
    host: Host, client: httpx.Client
) -> None:
    events: Events = []
    app = with_lifespan(events)
    first, second = host.serve(app), host.serve(app)
    assert first.base_url == second.base_url

    first.close()
    first.close()
    assert client.get(second.base_url).status_code == 200
    second.close()

    assert events == ["startup", "request", "shutdown"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(second.base_url, trust_env=False, verify=False)


@pytest.mark.parametrize("make", [starlette_app, flask_app, aiohttp_app])
def test_an_object_can_be_served_again(host: Host, client: httpx.Client, make: Callable[[], object]) -> None:
    app = make()
    other = host.serve(bare_asgi)
    host.serve(app).close()

    assert client.get(f"{host.serve(app).base_url}/again").json()["path"] == "/again"
    assert client.get(f"{other.base_url}/other").json()["path"] == "/other"


def test_a_factory_makes_one_application_for_each_serve(host: Host) -> None:
    assert host.serve(aiohttp_app).base_url != host.serve(aiohttp_app).base_url


def test_many_threads_serve_the_same_object_once(host: Host) -> None:
    events: Events = []
    app = with_lifespan(events)

    with ThreadPoolExecutor(20) as pool:
        served = list(pool.map(lambda _: host.serve(app), range(20)))
        list(pool.map(lambda one: one.close(), served))

    assert len({one.base_url for one in served}) == 1
    assert events == ["startup", "shutdown"]


def test_a_port_can_be_chosen_and_a_taken_one_is_an_error(host: Host, client: httpx.Client) -> None:
    port = httpx.URL(host.serve(aiohttp_app).base_url).port
    assert port is not None

    with pytest.raises(AppError) as caught:
        host.serve(aiohttp_app, port=port)

    reason = os.strerror(errno.EADDRINUSE).lower()
    assert caught.value.message == f"cannot listen on 127.0.0.1:{port}: {reason}"


def failing() -> web.Application:
    message = "no settings\nat all"
    raise ValueError(message)


async def failing_late() -> web.Application:
    raise SystemExit(3)


def failing_at_startup() -> web.Application:
    async def startup(app: web.Application) -> None:
        message = "no database"
        raise ConnectionError(message)

    app = web.Application()
    app.on_startup.append(startup)
    return app


@pytest.mark.parametrize(
    ("app", "text"),
    [
        (failing, "orders:app failed: ValueError: no settings"),
        (failing_late, "orders:app failed: SystemExit: 3"),
        (failing_at_startup, "orders:app did not start: ConnectionError: no database"),
        (lambda: {"a": 1}, "orders:app returned a dict; expected an aiohttp, ASGI or WSGI application"),
        (
            lambda: lambda: None,
            "orders:app returned a function; expected an aiohttp, ASGI or WSGI application",
        ),
        (
            7,
            "orders:app is an int; expected an aiohttp, ASGI or WSGI application, or a function that makes one",
        ),
    ],
)
def test_what_cannot_be_served(host: Host, app: object, text: str) -> None:
    with pytest.raises(AppError) as caught:
        host.serve(app, name="orders:app")

    assert caught.value.message == text


def test_an_application_without_a_name_is_called_by_its_own(host: Host) -> None:
    with pytest.raises(AppError, match=rf"^{__name__}:failing failed: ValueError: no settings$"):
        host.serve(failing)


def alone(code: str) -> str:
    """Run Python in a process of its own, where no other host keeps the shared thread, and return what it prints."""
    head = "import threading\nfrom pytest_apitest.hosting import AppError, Host\nfrom tests.system.test_hosting import *\n"
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_hosts_share_the_thread_and_it_ends_with_the_last() -> None:
    printed = alone("""
        def hosting():
            return len([thread for thread in threading.enumerate() if thread.name == "apitest-hosting"])

        first, second = Host(), Host()
        kept = first.serve(bare_wsgi)
        second.serve(bare_asgi)
        print("two hosts:", hosting())
        second.close()
        print("answers:", httpx.get(f"{kept.base_url}/kept").json()["path"])
        first.close()
        print("no host:", hosting())
    """)

    assert printed.splitlines() == ["two hosts: 1", "answers: /kept", "no host: 0"]


def test_an_aiohttp_application_that_outlived_its_loop_is_named() -> None:
    printed = alone("""
        app = aiohttp_app()
        with Host() as first:
            first.serve(app)
        with Host() as second:
            try:
                second.serve(app, name="orders:app")
            except AppError as error:
                print(error.message)
    """)

    assert printed == (
        "orders:app is bound to a loop that has ended; give a function that makes the application\n"
    )


def test_a_closed_host_serves_no_more(client: httpx.Client) -> None:
    host = Host()
    served = host.serve(bare_asgi)
    assert client.get(served.base_url).status_code == 200

    host.close()
    host.close()
    served.close()

    with pytest.raises(httpx.ConnectError):
        httpx.get(served.base_url, trust_env=False, verify=False)
    with pytest.raises(RuntimeError, match="this host is closed"):
        host.serve(bare_asgi)


@pytest.mark.parametrize("is_shared", [False, True], ids=["alone", "beside another host"])
def test_a_host_that_closes_while_it_makes_an_application(is_shared: bool) -> None:
    entered, go_on = threading.Event(), threading.Event()

    async def slow_factory() -> object:
        entered.set()
        await asyncio.to_thread(go_on.wait, 10)
        return bare_asgi

    with Host() as other, ThreadPoolExecutor(1) as pool:
        if is_shared:
            other.serve(bare_wsgi)
        host = Host()
        serving = pool.submit(host.serve, slow_factory)
        assert entered.wait(5)
        host.close()
        go_on.set()
        with pytest.raises(RuntimeError, match="this host is closed"):
            serving.result(10)


FORKED = """
    import httpx, os
    from pytest_apitest.hosting import Host

    def app(environ, start_response):
        start_response("204 None", [])
        return []

    parent = Host()
    parent.serve(app)
    child = os.fork()
    if child == 0:
        host = Host()
        status = httpx.get(host.serve(app).base_url, trust_env=False, verify=False).status_code
        host.close()
        os._exit(0 if status == 204 else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    parent.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_gets_a_loop_of_its_own() -> None:
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORKED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)

    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_host_that_served_nothing_closes() -> None:
    before = threading.enumerate()
    Host().close()
    assert threading.enumerate() == before


def test_closing_does_not_wait_for_a_hanging_request(host: Host) -> None:
    entered = threading.Event()

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        entered.set()
        await asyncio.sleep(60)

    base_url = hosted(host, handler)
    with connect(base_url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert entered.wait(5)
        started = time.monotonic()
        host.close()

        assert time.monotonic() - started < 5
        with contextlib.suppress(ConnectionResetError):
            assert read_all(connection) == b""


BLOCKED = """
    import asyncio, gc, httpx, sys, threading, time
    from pytest_apitest.hosting import Host

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        time.sleep(60)

    def wsgi(environ, start_response):
        time.sleep(60)

    keeper = Host()  # still open while the other one gives up
    keeper.serve(wsgi)
    host = Host()
    served = host.serve(eval(sys.argv[1]))
    try:
        httpx.get(served.base_url, timeout=0.3, trust_env=False, verify=False)
    except httpx.ReadTimeout:
        pass
    started = time.monotonic()
    host.close()
    assert time.monotonic() - started < 5, time.monotonic() - started
    with Host() as other:
        async def alive(scope, receive, send):
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
        assert httpx.get(other.serve(alive).base_url, trust_env=False, verify=False).status_code == 204
    print("closed")
"""


@pytest.mark.parametrize("app", ["app", "wsgi"])
def test_an_application_that_blocks_is_left_behind(app: str) -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BLOCKED), app],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert done.stdout == "closed\n", done.stderr
    assert done.returncode == 0
    assert time.monotonic() - started < 30


CLEAN = """
    import asyncio, gc, httpx, socket, sys, threading
    import flask
    from aiohttp import web
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route
    from pytest_apitest.hosting import Host

    def by_thread(request):
        return Response("sync")

    async def by_loop(request):
        return Response(await asyncio.to_thread(lambda: "async"))

    def aiohttp_app():
        app = web.Application()
        async def ok(request):
            return web.Response(text="ok")
        app.router.add_get("/", ok)
        return app

    flask_app = flask.Flask("clean")
    flask_app.add_url_rule("/", "ok", lambda: "ok")

    before = set(threading.enumerate())
    host = Host()
    clients = []
    for app in (Starlette(routes=[Route("/", by_thread), Route("/loop", by_loop)]), aiohttp_app, flask_app):
        served = host.serve(app)
        client = httpx.Client(trust_env=False, verify=False)
        clients.append(client)  # idle connections are open while the host closes
        assert client.get(served.base_url).status_code == 200
        client.get(served.base_url + "/loop")
    host.close()
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if thread.name.startswith("apitest")], left
    for thread in left:
        thread.join(5)  # AnyIO's own end by themselves, a moment after their loop
    left = set(threading.enumerate()) - before
    for client in clients:
        client.close()
    del client, clients, served, app
    gc.collect()
    sockets = [thing for thing in gc.get_objects() if isinstance(thing, socket.socket) and thing.fileno() >= 0]
    print(left, sockets)
"""


def test_closing_leaves_no_thread_no_socket_and_no_warning() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(CLEAN)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == ("set() []\n", "")


def test_an_application_cannot_end_the_loop(host: Host, client: httpx.Client) -> None:
    async def exit_now(request: web.Request) -> web.Response:
        raise SystemExit(1)

    async def stop_loop(request: web.Request) -> web.Response:
        asyncio.get_running_loop().stop()
        return web.Response()

    async def ok(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/exit", exit_now)
    app.router.add_get("/stop", stop_loop)
    app.router.add_get("/", ok)
    base_url = host.serve(app).base_url

    with contextlib.suppress(httpx.TransportError):
        client.get(f"{base_url}/exit")
    client.get(f"{base_url}/stop")

    assert client.get(base_url).text == "ok"


def test_a_partial_is_served(host: Host, client: httpx.Client) -> None:
    def app(greeting: bytes, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [greeting]

    assert client.get(host.serve(functools.partial(app, b"hello")).base_url).text == "hello"
