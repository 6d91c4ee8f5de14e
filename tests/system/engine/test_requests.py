"""Requests as they arrive: every byte that a server sees."""

import gzip
import re
import zlib

import pytest

from tests.harness import Bench, Ran
from tests.hostile import answer, answering, answering_always, serve

VARIABLES = r"""{a: a b/ü?&, number: 1.10, list: [x, y], object: {default: {k: v}}, empty: "", raw: "x/y?z=1",
  yes: true, nothing: {default: null}, nl: {default: "\r\nX-B: 1"}, euro: "\u20ac", key: gone,
  user: "http://a:b@127.0.0.1/", port: "http://127.0.0.1:99999/"}"""


def sent(
    bench: Bench, request: str, *, head: str = "", files: dict[str, str] | None = None
) -> tuple[Ran, bytes]:
    """Send one request and return what ran and what arrived."""
    with serve(answering_always(answer(b'{"ok": true}', "Content-Type: application/json"))) as address:
        text = (
            f"scenario: Sent\nendpoints: {{api: '{address.url}base/'}}\nvariables: {VARIABLES}\n"
            f"{head}steps:\n  - request: {request}\n"
        )
        ran = bench.run(text, files=files)
        raw = b"".join(address.requests).replace(address.peer.encode(), b"HOST")
    return ran, raw


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        ("GET /x", "GET /base/x"),
        ("GET /", "GET /base/"),
        ("GET ${api}", "GET /base/"),
        ("GET ${api}?q=1", "GET /base?q=1"),
        ("GET /a%20b/ü/../.%2e/%zz", "GET /base/a%20b/%C3%BC/../.%2e/%zz"),
        ('"GET /${a}/c"', "GET /base/a%20b%2F%C3%BC%3F%26/c"),
        ('"GET /${raw | raw}"', "GET /base/x/y?z=1"),
        ('"GET /${number}/${yes}"', "GET /base/1.10/true"),
        ('"GET /x?q=${a}"', "GET /base/x?q=a%20b%2F%C3%BC%3F%26"),
        ('{GET: "/{a}/{b}", path: {a: "${a}", b: 1.10}}', "GET /base/a%20b%2F%C3%BC%3F%26/1.10"),
        ('{GET: /x, query: {a: "${a}", b: [1, "2"], c: "${list}", d: "", e: true, f: 01}}',
         "GET /base/x?a=a%20b%2F%C3%BC%3F%26&b=1&b=2&c=x&c=y&d=&e=true&f=01"),
        ('{GET: "/x?q=1", query: {"a&=": "+"}}', "GET /base/x?q=1&a%26%3D=%2B"),
        ('{GET: /x, query: "${object}"}', "GET /base/x?k=v"),
        ("DELETE /x", "DELETE /base/x"),
        ("OPTIONS /x", "OPTIONS /base/x"),
        ("TRACE /x", "TRACE /base/x"),
        ('{method: "${a | slice(0, 1) | upper}", url: /x}', "A /base/x"),
    ],
)  # fmt: skip
def test_the_request_line(bench: Bench, request_: str, line: str) -> None:
    ran, raw = sent(bench, request_)
    assert ran.messages == []
    assert raw.split(b"\r\n")[0].decode() == f"{line} HTTP/1.1"


STANDARD = "Host: HOST\nUser-Agent: pytest-apitest/*\nAccept: */*\nAccept-Encoding: gzip, deflate\n"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("GET /x", STANDARD),
        ("POST /x", STANDARD + "Content-Length: 0\n"),
        ("{GET: /x, headers: {X-A: [a, b], accept: null, user-agent: mine, host: other.example}}",
         "host: other.example\nuser-agent: mine\nAccept-Encoding: gzip, deflate\nX-A: a\nX-A: b\n"),
        ('{GET: /x, headers: {x-a: "${list}", x-b: 1.10, x-c: "é", x-d: "  a  "}}', STANDARD + "x-a: x\nx-a: y\nx-b: 1.10\nx-c: é\nx-d: a\n"),
        ('{GET: /x, headers: "${object}"}', STANDARD + "k: v\n"),
        ("{GET: /x, cookies: {a: b, c: d}}", STANDARD + "Cookie: a=b; c=d\n"),
        ("{POST: /x, json: null}", STANDARD + "Content-Type: application/json\nContent-Length: 4\n\nnull"),
        ('{POST: /x, json: {n: 1.10, big: 12345678901234567890, a: "${a}", l: "${list}", k: "${nothing}"}}',
         STANDARD + 'Content-Type: application/json\nContent-Length: 72\n\n{"n":1.10,"big":12345678901234567890,"a":"a b/ü?&","l":["x","y"],"k":null}'),
        ('{POST: /x, json: "${object}", set: {$.k: 2, "$.l": []}, headers: {content-type: application/x+json}}',
         STANDARD + 'content-type: application/x+json\nContent-Length: 14\n\n{"k":2,"l":[]}'),
        ('{POST: /x, form: {a: "${a}", b: [1, 2], c: ""}}',
         STANDARD + "Content-Type: application/x-www-form-urlencoded\nContent-Length: 38\n\na=a+b%2F%C3%BC%3F%26&b=1&b=2&c="),
        ("{POST: /x, text: 'a;ü'}", STANDARD + "Content-Type: text/plain; charset=utf-8\nContent-Length: 4\n\na;ü"),
        ("{POST: /x, text: ''}", STANDARD + "Content-Type: text/plain; charset=utf-8\nContent-Length: 0\n"),
        ("{PUT: /x, file: data.csv}", STANDARD + "Content-Type: text/csv\nContent-Length: 4\n\na,b\n"),
        ("{GET: /x, json: []}", STANDARD + "Content-Type: application/json\nContent-Length: 2\n\n[]"),
    ],
)  # fmt: skip
def test_headers_and_bodies_as_they_are_written(bench: Bench, request_: str, expected: str) -> None:
    ran, raw = sent(bench, request_, files={"data.csv": "a,b\n"})
    assert ran.messages == []
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")[1:]
    shown = "\n".join(re.sub(r"pytest-apitest/\S+", "pytest-apitest/*", line) for line in lines) + "\n"
    if body:
        shown += "\n" + body.decode()
        expected = re.sub(r"Content-Length: \d+", f"Content-Length: {len(body)}", expected)
    assert shown == expected


def test_a_multipart_body(bench: Bench) -> None:
    request = (
        '{POST: /x, multipart: {title: "${a}", both: [{text: a}, {json: {b: 1}}], '
        'image: {file: data.csv, content_type: image/png, filename: "q\\"uote.png"}}}'
    )
    ran, raw = sent(bench, request, files={"data.csv": "a,b\n"})
    assert ran.messages == []
    boundary = re.search(rb"boundary=(\S+)", raw)
    assert boundary is not None
    assert raw.partition(b"\r\n\r\n")[2].replace(boundary[1], b"B").decode() == (
        '--B\r\nContent-Disposition: form-data; name="title"\r\n\r\na b/ü?&\r\n'
        '--B\r\nContent-Disposition: form-data; name="both"\r\n\r\na\r\n'
        '--B\r\nContent-Disposition: form-data; name="both"\r\nContent-Type: application/json\r\n\r\n{"b":1}\r\n'
        '--B\r\nContent-Disposition: form-data; name="image"; filename="q%22uote.png"\r\n'
        "Content-Type: image/png\r\n\r\na,b\n\r\n--B--\r\n"
    )


NAMED = """requests:
  base: {POST: "/named/${a}", headers: {X-A: "1", X-B: "2"}, query: {q: 1}, json: {text: a, tags: [x], deep: {b: 1}}, set: {$.added: 1}}
  middle: {like: base, headers: {X-B: null, X-C: "3"}, remove: [$.tags]}
"""


@pytest.mark.parametrize(
    ("request_", "line", "headers", "body"),
    [
        ("base", "POST /base/named/a%20b%2F%C3%BC%3F%26?q=1", ["X-A: 1", "X-B: 2"], '{"text":"a","tags":["x"],"deep":{"b":1},"added":1}'),
        ("middle", "POST /base/named/a%20b%2F%C3%BC%3F%26?q=1", ["X-A: 1", "X-C: 3"], '{"text":"a","deep":{"b":1},"added":1}'),
        ('{like: middle, PUT: /other, query: {q: null, r: 2}, set: {"$.deep.c": [], "$.deep.c[0]": y}, remove: [$.text]}',
         "PUT /base/other?r=2", ["X-A: 1", "X-C: 3"], '{"deep":{"b":1,"c":["y"]},"added":1}'),
        ("{like: base, method: PATCH, text: plain}", "PATCH /base/named/a%20b%2F%C3%BC%3F%26?q=1", ["X-A: 1", "X-B: 2"], "plain"),
    ],
)  # fmt: skip
def test_named_requests_and_their_likes(
    bench: Bench, request_: str, line: str, headers: list[str], body: str
) -> None:
    ran, raw = sent(bench, request_, head=NAMED)
    assert ran.messages == []
    head, _, content = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == f"{line} HTTP/1.1"
    assert [one for one in lines if one.startswith("X-")] == headers
    assert content.decode() == body


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ('"GET /${empty}/x"', "empty is empty: the URL would be another one"),
        ('{GET: "/{a}", path: {a: "${empty}"}}', "{a} is empty: the URL would be another one"),
        ('"GET /${list}"', "list is an array inside a text; use | json or | default('')"),
        ('{GET: /x, query: {a: "${nothing}"}}', "a is null; query needs a text, a number or a boolean"),
        ('{GET: /x, query: {a: "${object}"}}', "a is object; query needs a text, a number or a boolean"),
        ('{GET: /x, query: "${list}"}', "query needs an object, got array"),
        ('{GET: /x, headers: {a: "x${nl}"}}', "the header a would hold a line break or NUL"),
        ('{GET: /x, headers: {a: "${euro}"}}', "the header a holds a character outside of latin-1"),
        ('{GET: /x, cookies: {a: "x${nl}y"}}', "the header cookie a would hold a line break or NUL"),
        ('{method: "${a}", url: /x}', 'a method is a word such as GET, POST, PUT: got "a b/ü?&"'),
        ('{POST: /x, json: "${object}", remove: [$.gone]}', "remove $.gone: nothing there"),
        ('{POST: /x, json: "${object}", set: {$.a.b: 1}}', "set $.a.b: nothing at $.a"),
        ('{POST: /x, json: "${object}", set: {"$.k[0]": 1}}', "set $.k[0]: $.k is text, no array"),
        ('{POST: /x, json: "${list}", set: {"$[3]": 1}}', "set $[3]: the array has 2 elements"),
        ('"GET ${a}"', 'not a URL: "a%20b/%C3%BC?&"'),
        ('"GET ${user}"', "a URL with user and password: write auth: {basic: …} instead"),
        ('"GET ${port}"', 'the host or port of "http://127.0.0.1:99999/" is malformed'),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_fails_the_step_and_sends_nothing(
    bench: Bench, request_: str, message: str
) -> None:
    ran, raw = sent(bench, request_)
    assert ran.messages == [message]
    assert ran.outcomes[0] in ("failed", "error")
    assert raw == b""


# -- redirects ------------------------------------------------------------------------------------------


def redirected(
    bench: Bench, follow: str, *answers: bytes, method: str = "GET", expect: str = ""
) -> tuple[Ran, list[bytes]]:
    with serve(answering(*answers)) as address:
        ran = bench.run(
            f"scenario: Redirects\nendpoints: {{api: {{url: '{address.url}', follow_redirects: {follow}}}}}\n"
            f"steps: [{{request: {{{method}: /start, {'json: {a: 1}' if method != 'GET' else 'headers: {x-a: b}'}}}{expect}}}]\n"
        )
        return ran, [
            request.split(b"\r\n\r\n")[0].split(b" HTTP")[0] + b" " + request.partition(b"\r\n\r\n")[2]
            for request in address.requests
        ]


def away(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {to}", status=status)


OK = answer(b"{}")


@pytest.mark.parametrize(
    ("follow", "answers", "requests", "message"),
    [
        ("false", [away("/a")], ["/start"], "status: expected 2xx, got 302"),
        ("true", [away("/a"), away("b"), away("?c=1"), OK], ["/start", "/a", "/b", "/b?c=1"], None),
        ("true", [away("/a b\u00fc"), OK], ["/start", "/a%20b%C3%BC"], None),
        ("true", [away("/a#frag"), OK], ["/start", "/a"], None),
        ("1", [away("/a"), away("/b")], ["/start", "/a"], "redirects: more than 1 redirect"),
        ("0", [away("/a")], ["/start"], "status: expected 2xx, got 302"),
        ("true", [away("")], ["/start"], "status: expected 2xx, got 302"),
        ("true", [away("ftp://a.example/")], ["/start"], 'redirects: cannot follow Location "ftp://a.example/"'),
        ("true", [away("http://[bad/")], ["/start"], 'redirects: cannot follow Location "http://[bad/"'),
        ("true", [away("http://a:b@127.0.0.1/")], ["/start"], 'redirects: cannot follow Location "http://a:b@127.0.0.1/"'),
        ("true", [away("http://127.0.0.1:99999/")], ["/start"], 'redirects: cannot follow Location "http://127.0.0.1:99999/"'),
        ("true", [away("http:///x")], ["/start"], 'redirects: cannot follow Location "http:///x"'),
        ("true", [away("javascript:alert(1)")], ["/start"], 'redirects: cannot follow Location "javascript:alert(1)"'),
    ],
)  # fmt: skip
def test_redirects(
    bench: Bench, follow: str, answers: list[bytes], requests: list[str], message: str | None
) -> None:
    ran, seen = redirected(bench, follow, *answers)
    assert [one.decode().strip() for one in seen] == [f"GET {path}" for path in requests]
    assert [one for one in ran.messages if "got 302" not in one or one == message] == (
        [message] if message else []
    )
    assert ran.outcomes == ["failed" if message else "passed"]
    assert len(ran.case.steps[0].exchanges) == len(requests)


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        ("301 Moved", "POST", "GET /a "),
        ("302 Found", "POST", "GET /a "),
        ("303 See", "POST", "GET /a "),
        ("303 See", "PUT", "GET /a "),
        ("302 Found", "PUT", 'PUT /a {"a":1}'),
        ("307 Same", "POST", 'POST /a {"a":1}'),
        ("308 Same", "POST", 'POST /a {"a":1}'),
    ],
)
def test_methods_and_bodies_of_redirects(bench: Bench, status: str, method: str, then: str) -> None:
    ran, seen = redirected(bench, "true", away("/a", status), OK, method=method)
    assert ran.messages == []
    assert seen[1].decode() == then


def test_endless_redirects_end(bench: Bench) -> None:
    with serve(answering_always(away("/again"))) as address:
        ran = bench.run(
            f"scenario: x\nendpoints: {{api: {{url: '{address.url}', follow_redirects: true}}}}\nsteps: [{{request: GET /x, expect: {{status: 302}}}}]\n"
        )
        assert len(address.requests) == 11
    assert ran.messages == ["redirects: more than 10 redirects"]


# -- cookies and compression ----------------------------------------------------------------------------


def test_cookies_live_as_long_as_a_run_of_a_case(bench: Bench) -> None:
    raw = answer(b"{}", "Set-Cookie: sid=one; Path=/", "Set-Cookie: gone=1; Path=/other")
    with serve(answering_always(raw)) as address:
        ran = bench.run(
            f"""
            scenario: Cookies
            endpoints: {{api: "{address.url}"}}
            before_each: [{{request: GET /before}}]
            cases:
              - case: first
                steps:
                  - {{request: GET /a}}
                  - {{request: {{GET: /b, cookies: {{own: x}}}}}}
                  - {{request: {{GET: /c, cookies: none}}}}
                  - {{request: {{GET: /other/d}}}}
              - {{case: second, for_each: {{n: [1, 2]}}, steps: [{{request: "GET /e${{n}}"}}]}}
            """
        )
        assert ran.outcomes == ["passed", "passed"]
        cookies = {}
        for number, request in enumerate(address.requests):
            path = request.split(b" ")[1].decode()
            found = re.search(rb"\r\nCookie: (.*)\r\n", request)
            cookies[f"{number} {path}"] = found[1].decode() if found else None
    assert cookies == {
        "0 /before": None,
        "1 /a": "sid=one",
        "2 /b": "sid=one; own=x",
        "3 /c": None,
        "4 /other/d": "gone=1; sid=one",
        "5 /before": None,
        "6 /e1": "sid=one",
        "7 /before": None,
        "8 /e2": "sid=one",
    }


def test_compressed_bodies_are_read(bench: Bench) -> None:
    body = b'{"text": "' + b"long " * 100 + b'"}'
    for coding, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body))):
        with serve(answering(answer(packed, f"Content-Encoding: {coding}"))) as address:
            ran = bench.run(
                f"scenario: x\nendpoints: {{api: '{address.url}'}}\n"
                f"steps: [{{request: GET /x, expect: {{json: {{$.text: {{length: 500}}}}, body: {{size: {len(body)}}}}}}}]\n"
            )
        assert ran.messages == []


def test_null_by_reference_removes_as_null_does(bench: Bench) -> None:
    ran = bench.run("""
        scenario: Nothing
        endpoints: {api: {app: "pytest_apitest.demo:create_app", headers: {X-Kept: a, X-Gone: b}}}
        variables: {nothing: null}
        steps:
          - request: {GET: /echo, headers: {X-Gone: "${nothing}"}}
            expect: {text: {contains: X-Kept, not_contains: X-Gone}}
    """)
    assert (ran.outcomes, ran.messages) == (["passed"], [])
