"""Descriptions from URLs, over real sockets: what is said of servers that are wrong, slow or hostile."""

import gzip
import json
import ssl
import time
from pathlib import Path

import pytest
import trustme

from pytest_apitest.exchange import Request, Response, Route, Send
from pytest_apitest.openapi.addresses import Reach
from pytest_apitest.openapi.fetching import Fetcher, FetchError
from pytest_apitest.openapi.inspector import DescriptionError, inspect
from pytest_apitest.openapi.inspector.command import run
from tests import hostile
from tests.hostile import Behaviour, answer, answering_always, redirecting, serve, serving

CLEAN = b'openapi: 3.1.0\ninfo: {title: Quotes, version: "1"}\npaths: {}\n'
WRONG = b"openapi: 3.1.0\ninfo: {title: Quotes, version: 1}\npaths: {}\n"


def said(url: str, seconds: float = 10.0, reach: Reach | None = None) -> str:
    """Return what is said of a URL that cannot be read."""
    with pytest.raises(DescriptionError) as caught:
        inspect(url, seconds=seconds, reach=reach)
    return caught.value.message


@pytest.mark.parametrize(
    "headers",
    [(), ("Content-Type: text/html",), ("Content-Type: image/png; charset=x",)],
    ids=["none", "html", "png"],
)
def test_the_text_decides_and_not_the_content_type(headers: tuple[str, ...]) -> None:
    with serve(serving({"/a?token=hush": answer(WRONG, *headers)})) as address:
        found = inspect(f"{address.url}a?token=hush#/info")
    assert [str(one) for one in found.findings] == [
        f"{address.url}a:2:32: error: expected a text, got 1 (number); quote it [wrong-type]"
    ]


def test_gzip() -> None:
    raw = answer(gzip.compress(CLEAN), "Content-Encoding: gzip")
    with serve(serving({"/": raw})) as address:
        assert inspect(address.url).valid


def test_nothing_that_identifies_anybody_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://ada:hush@127.0.0.1:1")
    with serve(serving({"/": answer(CLEAN, "Set-Cookie: a=b")})) as address:
        inspect(address.url)
    (request,) = address.requests
    names = {line.partition(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line}
    assert names == {b"host", b"user-agent", b"accept", b"accept-encoding"}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (answer(b"hush", status="404 Not Found"), "answered 404"),
        (answer(b"hush", status="401 Unauthorized"), "answered 401"),
        (answer(b"hush", status="500 Oops"), "answered 500"),
        (answer(b"", status="302 Found"), "answered 302 without a Location"),
        (answer(b"\xef\xbb\xbf \n<!doctype html><p>hush</p>"), "answered with HTML or XML, not with a description"),
        (answer(b"hush", "Content-Encoding: br"), "answered in a content coding that was not asked for"),
        (answer(b""), "it is empty"),
        (answer(b"", status="204 No Content"), "it is empty"),
        (answer(b"\xff\xfehush"), "not UTF-8: byte 0"),
        (answer(b"a: [hush"), 'not YAML: this "[" is not closed'),
        (answer(b"[" * 100_000), "nested deeper than 256 levels"),
        (answer(b'{"a":' * 100_000), "nested deeper than 256 levels"),
        (answer(b"x" * ((16 << 20) + 1)), "body larger than 16 MiB"),
        (answer(gzip.compress(bytes(64 << 20)), "Content-Encoding: gzip"), "decompresses to more than 200 times its size"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_description(raw: bytes, message: str) -> None:
    with serve(answering_always(raw)) as address:
        assert said(address.url) == message


def test_who_does_not_answer() -> None:
    with hostile.refused_port() as address:
        assert said(address.url) == f"cannot reach {address.peer}: connection refused"
    with serve(lambda peer: peer.send(answer(status="400 Bad Request"))) as address:
        assert said(address.url.replace("http:", "https:")) == (
            f"TLS with {address.peer}: the server does not speak TLS on this port"
        )


def test_an_unknown_host() -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(DescriptionError) as caught:
        inspect("http://nowhere.example/a", resolver=resolver)
    assert caught.value.message.startswith("cannot resolve nowhere.example: ")


@pytest.mark.parametrize("name", sorted(hostile.ENDLESS))
def test_what_has_no_end_is_over_in_time(name: str) -> None:
    behaviour: Behaviour = hostile.ENDLESS[name]
    if name == "trickled_handshake":
        pytest.skip("of TLS")
    began = time.monotonic()
    with serve(behaviour) as address:
        message = said(address.url, seconds=0.7)
    assert time.monotonic() - began < 5
    assert message in {"not read within 0.7 s", "body larger than 16 MiB"} or "more than" in message, message


def test_a_handshake_without_end_is_over_in_time() -> None:
    with serve(hostile.trickled_handshake) as address:
        assert said(address.url.replace("http:", "https:"), seconds=0.5) == "not read within 0.5 s"


@pytest.mark.parametrize("name", sorted(hostile.WRONG))
def test_what_ends_wrongly_is_one_line(name: str) -> None:
    with serve(hostile.WRONG[name]) as address:
        status, out, message = run([f"{address.url}a?token=hush"], "oas", "text", "error", None)
    assert (status, out) == (2, "")
    assert message.startswith(f"{address.url}a: ")
    assert message.count("\n") == 1
    assert "hush" not in message


# -- redirects --------------------------------------------------------------------------------------------


def test_redirects_are_followed_to_another_origin() -> None:
    with (
        serve(serving({"/v2/api.yaml": answer(WRONG)})) as there,
        serve(redirecting(f"{there.url}v2/api.yaml")) as here,
    ):
        (finding,) = inspect(f"{here.url}a").findings
    assert finding.file == f"{here.url}a"


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("/a", "more than 5 redirects"),
        ("ftp://quotes.example/a", "redirected to what is no http or https URL, or holds a user"),
        ("http://ada:hush@127.0.0.1/a", "redirected to what is no http or https URL, or holds a user"),
        ("file:///etc/hosts", "redirected to what is no http or https URL, or holds a user"),
        ("http://[hush/", "redirected to what is no http or https URL, or holds a user"),
        ("//127.0.0.1:x/", "redirected to what is no http or https URL, or holds a user"),
    ],
)  # fmt: skip
def test_redirects_that_are_not_followed(to: str, message: str) -> None:
    with serve(redirecting(to)) as address:
        assert said(f"{address.url}a") == message
        assert len(address.requests) == (6 if to == "/a" else 1)


def test_a_redirect_from_https_to_http_is_not_followed(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)

    def trusting(send: Send, request: Request) -> Response:
        return send(
            Request(
                "GET",
                request.url,
                request.headers,
                None,
                request.deadline,
                Route(verify=str(tmp_path / "ca.pem")),
            )
        )

    with serve(serving({})) as plain, serve(redirecting(plain.url), tls=tls) as address:
        fetcher = Fetcher(dressed=trusting)
        with pytest.raises(FetchError, match="redirected from https to http, which is not followed"):
            fetcher.read(address.url)
        fetcher.close()
        assert not plain.requests


REFUSED = "an address of this machine or of a private network is not read from here"


@pytest.mark.parametrize("guarded", [False, True])
def test_what_is_public_leads_to_no_address_of_this_machine(guarded: bool) -> None:
    with (
        serve(serving({"/": answer(CLEAN)})) as inside,
        serve(redirecting(inside.url), host="127.0.0.2") as outside,
    ):
        reach = Reach(guarded, (outside.port, inside.port), ("127.0.0.2/32",))
        assert said(outside.url, reach=reach) == f"{inside.peer} is refused: {REFUSED}"
        assert not inside.connections
        assert len(outside.requests) == 1


@pytest.mark.parametrize("to", ["http://169.254.169.254/latest", "http://[::1]/", "http://0.0.0.0/", "http://2130706433/", "http://127.1/", "http://[::ffff:127.0.0.1]/", "http://10.0.0.1/"])  # fmt: skip
def test_no_disguise_helps(to: str) -> None:
    with serve(redirecting(to), host="127.0.0.2") as outside:
        message = said(outside.url, reach=Reach(networks=("127.0.0.2/32",)))
    assert message.endswith(f" is refused: {REFUSED}")


def test_who_asks_for_strangers_reads_public_addresses_only() -> None:
    with serve(serving({"/": answer(CLEAN)})) as address:
        guarded = Reach(guarded=True)
        assert (
            said(address.url, reach=guarded)
            == f"{address.peer} is refused: port {address.port} is not read from"
        )
        message = f"{address.peer} is refused: {REFUSED}"
        assert said(address.url, reach=Reach(guarded=True, ports=(address.port,))) == message
        by_name = address.url.replace("127.0.0.1", "localhost")
        assert said(by_name, reach=Reach(guarded=True, ports=(address.port,))).endswith(REFUSED)
        assert not address.connections
        assert inspect(address.url, reach=Reach(True, (address.port,), ("127.0.0.0/8",))).valid


def test_a_text_of_strangers_names_no_file(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_bytes(CLEAN)
    assert inspect(str(tmp_path / "api.yaml")).valid
    message = "not a URL: it begins with http:// or https:// and a host"
    for source in (
        str(tmp_path / "api.yaml"),
        f"file://{tmp_path}/api.yaml",
        "C:\\api.yaml",
        "//127.0.0.1/api.yaml",
    ):
        for refs in (False, True):
            with pytest.raises(DescriptionError, match=message):
                inspect(source, reach=Reach(guarded=True), refs=refs)


def test_the_address_that_was_looked_at_is_the_one_connected_to() -> None:
    with serve(serving({"/": answer(CLEAN)}), host="127.0.0.2") as outside:
        asked: list[str] = []

        def resolver(host: str, port: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.3"]

        url = f"http://quotes.example:{outside.port}/"
        reach = Reach(True, (outside.port,), ("127.0.0.2/32",))
        assert inspect(url, reach=reach, resolver=resolver).valid
        assert asked == ["quotes.example"]
        assert outside.requests[0].startswith(b"GET / HTTP/1.1\r\nHost: quotes.example:")
        with pytest.raises(DescriptionError, match=REFUSED):
            inspect(url, reach=reach, resolver=resolver)
        assert outside.connections == 1


def test_a_name_with_one_address_that_is_refused_is_refused() -> None:
    with serve(serving({"/": answer(CLEAN)}), host="127.0.0.2") as outside:
        reach = Reach(True, (outside.port,), ("127.0.0.2/32",))
        with pytest.raises(DescriptionError, match=REFUSED):
            inspect(
                f"http://quotes.example:{outside.port}/",
                reach=reach,
                resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"],
            )
        assert not outside.connections


# -- references ---------------------------------------------------------------------------------------------


def described(refs: list[str]) -> bytes:
    """Return a description with references to responses."""
    operations = {
        f"/p{at}": {"get": {"summary": "s", "responses": {"200": {"$ref": ref}}}}
        for at, ref in enumerate(refs)
    }
    return json.dumps(
        {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": operations}
    ).encode()


OTHER = b"Fine: {description: fine}\nWrong: {descripton: wrong}\n"


def test_references_of_the_same_origin() -> None:
    files = {
        "/v1/api.json?token=hush": answer(
            described(["more/responses.yaml#/Fine", "/v1/more/responses.yaml#/Wrong"])
        ),
        "/v1/more/responses.yaml": answer(OTHER),
    }
    with serve(serving(files)) as address:
        found = inspect(f"{address.url}v1/api.json?token=hush", refs=True).findings
        assert [str(one).replace(address.url, "URL/") for one in found] == [
            'URL/v1/more/responses.yaml:2:9: error: unknown field "descripton" in a Response Object; did you mean "description"? [unknown-field]',
        ]
        assert len(address.requests) == 2
        without = inspect(f"{address.url}v1/api.json?token=hush").findings
        assert {one.rule for one in without} == {"ref-external"}
        assert len(address.requests) == 3


def test_other_origins_are_read_when_they_are_named() -> None:
    with serve(serving({"/r.yaml": answer(OTHER)})) as there:
        ref = f"{there.url}r.yaml#/Fine"
        with serve(serving({"/api.json": answer(described([ref]))})) as here:
            (finding,) = inspect(f"{here.url}api.json", refs=True).findings
            why = "is of an origin that is not allowed, and is not read"
            origin = there.url.rstrip("/")
            assert finding.message == f'"{ref}" {why}; --ref-origin {origin} reads it'
            assert not there.connections
            assert not inspect(f"{here.url}api.json", refs=True, ref_origins=[there.url]).findings


def test_a_reference_redirected_to_an_origin_that_is_not_named_is_not_followed() -> None:
    with serve(serving({"/r.yaml": answer(OTHER)})) as there:
        moved = answer(b"", f"Location: {there.url}r.yaml", status="302 Found")
        files = {"/api.json": answer(described(["r.yaml#/Fine"])), "/r.yaml": moved}
        with serve(serving(files)) as here:
            (finding,) = inspect(f"{here.url}api.json", refs=True).findings
        assert (
            finding.message
            == f'"{here.url}r.yaml#/Fine" cannot be read: redirected to another origin, which is not followed'
        )
        assert not there.connections


def test_a_reference_of_a_public_description_leads_to_no_address_of_this_machine() -> None:
    with serve(serving({"/r.yaml": answer(OTHER)})) as inside:
        text = described([f"{inside.url}r.yaml#/Fine"])
        with serve(serving({"/api.json": answer(text)}), host="127.0.0.2") as outside:
            reach = Reach(networks=("127.0.0.2/32",))
            (finding,) = inspect(
                f"{outside.url}api.json", refs=True, ref_origins=[inside.url], reach=reach
            ).findings
        assert finding.message.endswith(f"{inside.peer} is refused: {REFUSED}")
        assert not inside.connections


def test_a_file_is_read_once_however_many_references_lead_to_it() -> None:
    refs = [f"r{at % 10}.yaml#/Fine" for at in range(10_000)]
    files = {"/api.json": answer(described(refs)), **{f"/r{at}.yaml": answer(OTHER) for at in range(10)}}
    with serve(serving(files)) as address:
        assert not inspect(f"{address.url}api.json", refs=True).findings
        assert len(address.requests) == 11


def test_all_files_together_have_one_deadline() -> None:
    def behave(peer: hostile.Peer) -> None:
        while True:
            target = peer.read_request().split(b" ")[1]
            if target == b"/api.json":
                peer.send(answer(described([f"r{at}.yaml#/Fine" for at in range(50)])))
            else:
                peer.pause(0.2)
                peer.send(answer(OTHER))

    began = time.monotonic()
    with serve(behave) as address:
        found = inspect(f"{address.url}api.json", refs=True, seconds=1).findings
    assert time.monotonic() - began < 4
    reasons = {one.message.partition('" ')[2] for one in found}
    assert "is not read: the time for all files together is over" in reasons
    assert reasons <= {
        "is not read: the time for all files together is over",
        "cannot be read: not read within 1 s",
    }


def test_a_trickled_file_does_not_hide_what_is_known() -> None:
    def behave(peer: hostile.Peer) -> None:
        if peer.read_request().startswith(b"GET /api.json"):
            peer.send(answer(described(["r.yaml#/Fine", "#/gone"]), "Connection: close"))
            return
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        peer.trickle(b"x" * 100_000, 0.03)

    with serve(behave) as address:
        found = inspect(f"{address.url}api.json", refs=True, seconds=0.7).findings
    assert [one.message.partition('" ')[2] for one in found] == [
        "cannot be read: not read within 0.7 s",
        "leads to nothing",
    ]


def test_a_file_that_refers_to_a_url(tmp_path: Path) -> None:
    with serve(serving({"/r.yaml": answer(OTHER)})) as address:
        (tmp_path / "api.json").write_bytes(described([f"{address.url}r.yaml#/Fine", "r.yaml#/Fine"]))
        found = inspect(tmp_path / "api.json", "api.json", ref_origins=[address.url]).findings
        assert [one.message for one in found] == [
            '"r.yaml#/Fine" leads out of this document, and nothing else is read; --refs reads it'
        ]
