"""Credentials: every scheme, where they go, where they do not, and what is said when they cannot be made."""

import json
import time
import uuid
from typing import Any

import pytest
from aiohttp import web

from pytest_apitest.demo import TOKEN, create_app
from tests.harness import Bench, Ran
from tests.hostile import Peer, answer, serve, silent


@pytest.fixture
def demo(bench: Bench) -> str:
    return bench.host.serve(create_app()).base_url


def write(bench: Bench, demo: str, auth: str, more: str = "") -> Ran:
    """Write a quote with some credentials."""
    return bench.run(
        f"""
        scenario: Write
        endpoints: {{api: {{url: "{demo}"{more}}}}}
        credentials: {{editor: {{bearer: {TOKEN}}}, reader: {{token: reader-token}}, wrong: {{bearer: nobody-knows}}}}
        variables: {{who: editor}}
        steps:
          - {{request: {{POST: /quotes, json: {{text: a, author: b, lang: en}}}}, {auth}expect: {{status: 201}}}}
        """
    )


@pytest.mark.parametrize(
    ("auth", "status"),
    [
        (f"auth: {{token: {TOKEN}}}, ", 201),
        (f"auth: {{bearer: {TOKEN}}}, ", 201),
        ("auth: {basic: {username: ada, password: lovelace}}, ", 201),
        (f"auth: {{header: {{X-API-Key: {TOKEN}}}}}, ", 201),
        ("auth: {jwt: {client_id: demo, secret: demo-secret}}, ", 201),
        ("auth: {oauth2: {token_url: '{demo}/oauth/token', client_id: demo, client_secret: demo-secret}}, ", 201),
        ("auth: editor, ", 201),
        ('auth: "${who}", ', 201),
        ("auth: reader, ", 403),
        ("auth: wrong, ", 401),
        ("auth: {basic: {username: ada, password: wrong}}, ", 401),
        ("auth: {jwt: {client_id: demo, secret: another}}, ", 401),
        ("auth: none, ", 401),
        ("", 401),
    ],
)  # fmt: skip
def test_schemes_and_named_credentials(bench: Bench, demo: str, auth: str, status: int) -> None:
    ran = write(bench, demo, auth.replace("{demo}", demo))
    told = [] if status == 201 else [f"status: expected 201, got {status}"]
    assert [message for message in ran.messages if not message.startswith("$")] == told


def test_credentials_of_the_step_replace_those_of_the_endpoint(bench: Bench, demo: str) -> None:
    assert write(bench, demo, "", ", auth: editor").outcomes == ["passed"]
    assert write(bench, demo, "auth: none, ", ", auth: editor").messages == ["status: expected 201, got 401"]
    assert write(bench, demo, "auth: editor, ", ", auth: wrong").outcomes == ["passed"]


def test_a_credential_of_no_name_is_told(bench: Bench, demo: str) -> None:
    ran = write(bench, demo, 'auth: "${who | upper}", ')
    assert ran.messages == ['no credential is named "EDITOR"']


# -- digest ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["", "?algorithm=MD5", "?algorithm=SHA-256"])
@pytest.mark.parametrize(("password", "status"), [("lovelace", 200), ("wrong", 401)])
def test_digest_answers_the_challenge_once(
    bench: Bench, demo: str, algorithm: str, password: str, status: int
) -> None:
    case = bench.run(
        f"""
        scenario: Digest
        endpoints: {{api: "{demo}"}}
        steps:
          - request: GET /auth/digest{algorithm}
            auth: {{digest: {{username: ada, password: {password}}}}}
            expect: {{status: {status}}}
        """
    ).case
    assert case.outcome == "passed"
    assert len(case.steps[0].exchanges) == 1


def digest_server(challenge: str) -> Any:
    def behave(peer: Peer) -> None:
        while True:
            peer.read_request()
            peer.send(answer(b"", f"WWW-Authenticate: {challenge}", status="401 Unauthorized"))

    return behave


@pytest.mark.parametrize(
    ("challenge", "requests", "message"),
    [
        ('Digest realm="r", nonce="n", qop="auth"', 2, "status: expected 2xx, got 401"),
        ('Digest realm="r", nonce="n", qop="auth", stale=true', 2, "status: expected 2xx, got 401"),
        ('Digest realm="r", nonce="n"', 2, "status: expected 2xx, got 401"),
        ('Digest realm="r", nonce="n", qop="auth-int"', 1, "digest: the server asks for auth-int; only auth is known"),
        ('Digest realm="r", nonce="n", algorithm=ROT13', 1, "digest: the server asks for ROT13; known are SHA-512-256, SHA-256, MD5"),
        ('Basic realm="r"', 1, "status: expected 2xx, got 401"),
        ("Digest", 1, "status: expected 2xx, got 401"),
        ('Digest realm="' + '\\"' * 3000, 1, "status: expected 2xx, got 401"),
    ],
)  # fmt: skip
def test_what_digest_makes_of_challenges(bench: Bench, challenge: str, requests: int, message: str) -> None:
    with serve(digest_server(challenge)) as address:
        ran = bench.run(
            f"scenario: x\nendpoints: {{api: '{address.url}'}}\n"
            "steps: [{request: GET /x, auth: {digest: {username: ada, password: lovelace}}}]\n"
        )
        assert len(address.requests) == requests
    assert ran.messages == [message]


# -- oauth2 ---------------------------------------------------------------------------------------------


class Tokens:
    """A token endpoint and an API that takes its last token only."""

    def __init__(self, bench: Bench, given: Any = None, status: int = 200) -> None:
        self.given = given
        self.status = status
        self.issued = 0
        self.forms: list[dict[str, str]] = []
        self.refuse = False
        self.url = bench.serve(("POST", "/token", self._token), ("GET", "/x", self._answer))
        # Tokens are kept per process by URL and client; a port may come back.
        self.client = f"client-{uuid.uuid4()}"

    async def _token(self, request: web.Request) -> web.Response:
        self.issued += 1
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        given = (
            {"access_token": f"token-number-{self.issued}", "expires_in": 3600}
            if self.given is None
            else self.given
        )
        body = given if isinstance(given, str) else json.dumps(given)
        return web.Response(text=body.replace("NUMBER", str(self.issued)), status=self.status)

    async def _answer(self, request: web.Request) -> web.Response:
        right = (
            request.headers.get("Authorization") == f"Bearer token-number-{self.issued}" and not self.refuse
        )
        return web.json_response({}, status=200 if right else 401)

    def run(self, bench: Bench, times: int = 2, token_url: str = "") -> Ran:
        steps = "\n".join(
            ["          - {request: GET /x, expect: {status: [200, 401]}, save: {code: status}}"] * times
        )
        return bench.run(
            f"""
        scenario: OAuth
        endpoints:
          api: {{url: "{self.url}", timeout: 2s, auth: {{oauth2: {{token_url: "{token_url or self.url + "/token"}", client_id: {self.client}, client_secret: "very secret & odd", scope: a b}}}}}}
        steps:
{steps}
        """
        )

    def statuses(self, ran: Ran) -> list[int | None]:
        return [step.exchanges[0].status for step in ran.case.steps]


def test_a_token_is_fetched_once_and_kept(bench: Bench) -> None:
    tokens = Tokens(bench)
    assert tokens.statuses(tokens.run(bench, 3)) == [200, 200, 200]
    assert tokens.statuses(tokens.run(bench)) == [200, 200]
    assert tokens.forms == [{"grant_type": "client_credentials", "scope": "a b"}]


@pytest.mark.parametrize("lifetime", [60, 0, -5, "30"])
def test_a_token_that_is_about_to_end_is_fetched_anew(bench: Bench, lifetime: Any) -> None:
    tokens = Tokens(bench, {"access_token": "token-number-NUMBER", "expires_in": lifetime})
    assert tokens.statuses(tokens.run(bench, 3)) == [200, 200, 200]
    assert tokens.issued == 3


@pytest.mark.parametrize("lifetime", [10**400, "9" * 400, 1e300, 3600.5])
def test_an_odd_lifetime_is_taken(bench: Bench, lifetime: Any) -> None:
    tokens = Tokens(bench, {"access_token": "token-number-NUMBER", "expires_in": lifetime})
    assert tokens.statuses(tokens.run(bench)) == [200, 200]


def test_after_a_401_the_next_request_fetches_a_new_token(bench: Bench) -> None:
    tokens = Tokens(bench)
    assert tokens.statuses(tokens.run(bench)) == [200, 200]
    tokens.issued += 1  # what was issued before is not taken any more
    assert tokens.statuses(tokens.run(bench, 3)) == [401, 200, 200]
    assert tokens.issued == 3


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        ({"error": "invalid_client"}, 401, "oauth2: the token endpoint answered 401: invalid_client"),
        ("<html>", 500, "oauth2: the token endpoint answered 500: body is not JSON: line 1, column 1: it looks like HTML or XML"),
        ({}, 200, "oauth2: the token endpoint sent no access_token"),
        ([], 200, "oauth2: the token endpoint sent no access_token (no object)"),
        ("", 200, "oauth2: the token endpoint sent no access_token (body is not JSON: it is empty)"),
        ({"access_token": 7}, 200, "oauth2: the token endpoint sent no access_token"),
        ({"access_token": "abcdef", "expires_in": True}, 200, "oauth2: expires_in is true (boolean)"),
        ({"access_token": "abcdef", "expires_in": None}, 200, "oauth2: expires_in is null"),
        ({"access_token": "ab\r\ncd"}, 200, "the header Authorization would hold a line break or NUL"),
        ("[" * 5000, 200, "oauth2: the token endpoint sent no access_token ("),
        ({"error": "very secret & odd"}, 400, "oauth2: the token endpoint answered 400: [redacted]"),
    ],
)  # fmt: skip
def test_a_token_endpoint_that_fails_is_told(bench: Bench, given: Any, status: int, message: str) -> None:
    tokens = Tokens(bench, given, status)
    ran = tokens.run(bench, 1)
    assert ran.messages[0].startswith(message)
    assert ran.messages[0] == message or message.endswith("(")
    assert ran.outcomes[0] in ("error", "failed")
    assert tokens.issued == 1


def test_a_token_endpoint_that_is_silent_is_within_the_deadline(bench: Bench) -> None:
    tokens = Tokens(bench)
    with serve(silent) as address:
        started = time.monotonic()
        ran = tokens.run(bench, 1, address.url)
        assert time.monotonic() - started < 3
    assert ran.outcomes == ["error"]
    assert ran.messages[0].startswith("oauth2: no answer within 2 s")


# -- where they go --------------------------------------------------------------------------------------


class Listening:
    """An API that notes the credentials it gets and may send elsewhere."""

    def __init__(self, bench: Bench) -> None:
        self.got: list[tuple[str, str | None, str | None]] = []
        self.target = ""
        self.url = bench.serve(("*", "/{tail:.*}", self._answer))

    async def _answer(self, request: web.Request) -> web.Response:
        self.got.append((request.path, request.headers.get("Authorization"), request.headers.get("Cookie")))
        if request.path == "/away":
            return web.Response(status=307, headers={"Location": self.target})
        return web.json_response({"url": self.target})


@pytest.fixture
def two(bench: Bench) -> tuple[Listening, Listening]:
    here, there = Listening(bench), Listening(bench)
    here.target = f"{there.url}/landed"
    there.target = f"{here.url}/back"
    return here, there


HEAD = 'scenario: Two\nendpoints: {{api: {{url: "{url}", auth: {{bearer: for-here-only}}{more}}}{others}}}\nsteps:\n'


def go(bench: Bench, here: Listening, steps: str, more: str = "", others: str = "") -> Ran:
    return bench.run(HEAD.format(url=here.url, more=more, others=others) + steps)


MINE = "Bearer for-here-only"


def test_credentials_of_an_endpoint_go_to_its_origin_only(
    bench: Bench, two: tuple[Listening, Listening]
) -> None:
    here, there = two
    ran = go(
        bench,
        here,
        f"  - request: GET /x\n    save: {{next: $.url}}\n  - request: GET ${{next}}\n  - request: GET {there.url}/own\n",
    )
    assert ran.outcomes == ["passed"]
    assert here.got == [("/x", MINE, None)]
    assert there.got == [("/landed", None, None), ("/own", None, None)]


@pytest.mark.parametrize("url", ["${next}", "${next}/more", "${first}", "${built}"])
def test_credentials_of_a_step_do_not_go_where_an_answer_says(
    bench: Bench, two: tuple[Listening, Listening], url: str
) -> None:
    here, there = two
    row = {"${first}": '{first: ["${next}"]}', "${built}": '[{built: "${next}/more"}]'}.get(url)
    rows = f"\n    for_each: {row}" if row else ""
    ran = go(
        bench,
        here,
        f"  - request: GET /x\n    save: {{next: $.url}}\n"
        f"  - request: GET {url}\n    auth: {{bearer: for-a-friend}}{rows}\n",
    )
    assert ran.messages == [f"auth would go to {there.url}, which is no endpoint of this document"]
    assert ran.outcomes == ["error"]
    assert there.got == []


def test_credentials_and_cookies_of_a_request_do_not_follow_to_another_origin(
    bench: Bench, two: tuple[Listening, Listening]
) -> None:
    here, there = two
    ran = go(
        bench,
        here,
        "  - request: {GET: /away, cookies: {sid: mine}}\n    follow_redirects: true\n"
        "  - request: {GET: /away, headers: {authorization: Bearer by-hand, cookie: sid=by-hand}}\n    follow_redirects: true\n",
    )
    assert ran.outcomes == ["passed"]
    assert here.got == [("/away", MINE, "sid=mine"), ("/away", "Bearer by-hand", "sid=by-hand")]
    assert there.got == [("/landed", None, None)] * 2
    assert [exchange.status for exchange in ran.case.steps[0].exchanges] == [307, 200]


@pytest.mark.parametrize(
    ("auth", "expected"), [("", "Bearer for-there"), ("auth: none, ", None), ("auth: {bearer: mine-own}, ", "Bearer for-there")]
)  # fmt: skip
def test_a_redirect_to_another_endpoint_takes_the_credentials_of_that_one(
    bench: Bench, two: tuple[Listening, Listening], auth: str, expected: str | None
) -> None:
    here, there = two
    others = f', other: {{url: "{there.url}", auth: {{bearer: for-there}}}}'
    ran = go(
        bench, here, f'  - {{request: "GET ${{api}}/away", {auth}follow_redirects: true}}\n', others=others
    )
    assert ran.outcomes == ["passed"]
    assert there.got == [("/landed", expected, None)]


def test_null_removes_what_credentials_add(bench: Bench, two: tuple[Listening, Listening]) -> None:
    here, _ = two
    assert go(bench, here, "  - {request: {GET: /x, headers: {authorization: null}}}\n").outcomes == [
        "passed"
    ]
    assert here.got == [("/x", None, None)]
