"""The cookie jar: which lines store what, who gets it back, for how long, and in what order."""

import email.message
import http.cookiejar
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime

import pytest

from pytest_apitest import cookies
from pytest_apitest.cookies import Cookie, CookieJar, SetCookie, cookies_set_by, parse_set_cookie

NOW = 1_700_000_000.0
HOME = "https://api.example.org/a/b"


def stored(*lines: str, url: str = HOME) -> list[Cookie]:
    jar = CookieJar()
    jar.store(url, lines, NOW)
    return list(jar)


def one(line: str, url: str = HOME) -> Cookie:
    (cookie,) = stored(line, url=url)
    return cookie


@pytest.mark.parametrize(
    ("line", "name", "value", "attributes"),
    [
        ("a=b", "a", "b", ()),
        ("a=", "a", "", ()),
        (" \ta \t=\t b c \t", "a", "b c", ()),
        ("a=b=c", "a", "b=c", ()),
        ('a="b; c"', "a", '"b', (('c"', ""),)),
        ('a="b"', "a", '"b"', ()),
        ("a=b;", "a", "b", (("", ""),)),
        ("a=b; Secure;HttpOnly", "a", "b", (("secure", ""), ("httponly", ""))),
        ("a=b; PATH = /x=y ", "a", "b", (("path", "/x=y"),)),
        ("a=b; Path=/1; path=/2", "a", "b", (("path", "/1"), ("path", "/2"))),
        ("a=\xa0b\xa0", "a", "\xa0b\xa0", ()),
        ("a=b\tc", "a", "b\tc", ()),
        ("a b=c,d", "a b", "c,d", ()),
        ("\xe9=\xe8", "\xe9", "\xe8", ()),
    ],
)
def test_a_line_is_taken_apart(
    line: str, name: str, value: str, attributes: tuple[tuple[str, str], ...]
) -> None:
    assert parse_set_cookie(line) == SetCookie(name, value, attributes)


@pytest.mark.parametrize(
    "line", ["", "a", ";a=b", "=b", " \t=b", "a; b=c", "a=b\n", "a=\x00", "a=b; Path=/\x7f", "a=\x1f", "\r=b"]
)
def test_a_line_that_sets_nothing(line: str) -> None:
    assert parse_set_cookie(line) is None
    assert stored(line) == []


def test_an_attribute_is_found_without_case_and_the_last_counts() -> None:
    found = parse_set_cookie("a=b; Path=/1; PATH=/2; Secure")
    assert found is not None
    assert found.attribute("Path") == "/2"
    assert found.attribute("secure") == ""
    assert found.attribute("domain") is None


def test_cookies_set_by_a_response_the_last_of_a_name_wins() -> None:
    lines = ["a=1; Path=/x", "b=2", "nothing", "a=3; Max-Age=0", "A=4"]
    assert cookies_set_by(lines) == {"a": "3", "b": "2", "A": "4"}
    assert cookies_set_by([]) == {}


def test_a_value_is_no_part_of_the_repr() -> None:
    cookie = one("sid=hush")
    assert cookie.value == "hush"
    assert "hush" not in repr(cookie)
    assert "hush" not in repr(parse_set_cookie("sid=hush"))


EXAMPLE_ORG = "https://example.org/"
IP = "https://192.0.2.7/"
IP6 = "https://[2001:db8::7]/"
LOCAL = "http://localhost:8000/"


@pytest.mark.parametrize(
    ("url", "domain", "expected"),
    [
        (HOME, None, ("api.example.org", True)),
        (HOME, "", ("api.example.org", True)),
        (HOME, ".", ("api.example.org", True)),
        (HOME, "example.org", ("example.org", False)),
        (HOME, ".example.org", ("example.org", False)),
        (HOME, "EXAMPLE.org", ("example.org", False)),
        (HOME, "api.example.org", ("api.example.org", False)),
        (HOME, "..example.org", None),
        (HOME, "org", None),
        (HOME, ".org", None),
        (HOME, "other.org", None),
        (HOME, "pi.example.org", None),
        (HOME, "v1.api.example.org", None),
        (HOME, "example.org.", None),
        (HOME, "example.org:443", None),
        ("https://API.Example.ORG:8443/", "example.org", ("example.org", False)),
        ("https://API.Example.ORG:8443/", None, ("api.example.org", True)),
        (EXAMPLE_ORG, "example.org", ("example.org", False)),
        (IP, None, ("192.0.2.7", True)),
        (IP, "192.0.2.7", ("192.0.2.7", True)),
        (IP, "0.2.7", None),
        (IP, ".2.7", None),
        (IP6, None, ("2001:db8::7", True)),
        (IP6, "2001:db8::7", ("2001:db8::7", True)),
        (LOCAL, "localhost", ("localhost", True)),
        (LOCAL, ".localhost", ("localhost", True)),
        (LOCAL, "local", None),
        ("http://app.localhost/", "localhost", None),
    ],
)
def test_domain(url: str, domain: str | None, expected: tuple[str, bool] | None) -> None:
    found = stored("a=b" if domain is None else f"a=b; Domain={domain}", url=url)
    assert [(cookie.domain, cookie.host_only) for cookie in found] == ([] if expected is None else [expected])


def test_an_empty_domain_leaves_an_earlier_one_standing() -> None:
    assert one("a=b; Domain=example.org; Domain=").domain == "example.org"
    assert stored("a=b; Domain=example.org; Domain=other.org") == []


@pytest.mark.parametrize(
    ("line", "url", "sent"),
    [
        ("a=b", "https://api.example.org/a/x", True),
        ("a=b", "https://API.EXAMPLE.ORG:99/a/x", True),
        ("a=b", "http://api.example.org/a/x", True),
        ("a=b", "https://v1.api.example.org/a/x", False),
        ("a=b", "https://example.org/a/x", False),
        ("a=b; Domain=example.org", "https://example.org/a/x", True),
        ("a=b; Domain=example.org", "https://v1.api.example.org/a/x", True),
        ("a=b; Domain=example.org", "https://badexample.org/a/x", False),
        ("a=b; Domain=example.org", "https://org/a/x", False),
        ("a=b", "https://api.example.org/a", True),
        ("a=b", "https://api.example.org/a?x", True),
        ("a=b", "https://api.example.org/ab", False),
        ("a=b", "https://api.example.org/", False),
        ("a=b", "https://api.example.org", False),
        ("a=b; Path=/", "https://api.example.org", True),
        ("a=b; Path=/a/", "https://api.example.org/a", False),
        ("a=b; Path=/a/", "https://api.example.org/a/", True),
        ("a=b; Path=/a/", "https://api.example.org/a/x", True),
        ("a=b; Path=/A", "https://api.example.org/a", False),
        ("a=b; Secure", "https://api.example.org/a", True),
        ("a=b; Secure", "http://api.example.org/a", False),
    ],
)
def test_who_gets_a_cookie(line: str, url: str, sent: bool) -> None:
    jar = CookieJar()
    jar.store(HOME, [line], NOW)
    assert jar.header_for(url, NOW) == ("a=b" if sent else None)


@pytest.mark.parametrize(
    ("url", "attribute", "path"),
    [
        ("https://h.example/a/b", "", "/a"),
        ("https://h.example/a/b/", "", "/a/b"),
        ("https://h.example/a", "", "/"),
        ("https://h.example/", "", "/"),
        ("https://h.example", "", "/"),
        ("https://h.example?x=/a/b", "", "/"),
        ("https://h.example/a/b?c=/d/e", "", "/a"),
        ("https://h.example/a/b", "; Path", "/a"),
        ("https://h.example/a/b", "; Path=", "/a"),
        ("https://h.example/a/b", "; Path=x/y", "/a"),
        ("https://h.example/a/b", "; Path=/x/y", "/x/y"),
        ("https://h.example/a/b", "; Path=/x; Path=", "/a"),
        ("https://h.example/a/b", "; Path=; Path=/x", "/x"),
        ("https://h.example/a/b", '; Path="/x"', "/a"),
    ],
)
def test_path(url: str, attribute: str, path: str) -> None:
    assert one(f"a=b{attribute}", url=url).path == path


@pytest.mark.parametrize(
    ("host", "secure"),
    [
        ("localhost:8000", True),
        ("LOCALHOST", True),
        ("app.localhost", True),
        ("127.0.0.1:8000", True),
        ("127.9.9.9", True),
        ("[::1]:8000", True),
        ("127.0.0.1.example", False),
        ("notlocalhost", False),
        ("localhost.example", False),
        ("192.0.2.7", False),
        ("128.0.0.1", False),
        ("api.example.org", False),
    ],
)
def test_secure_is_for_https_and_loopback(host: str, secure: bool) -> None:
    jar = CookieJar()
    jar.store(f"http://{host}/", ["a=b; Secure", "__Secure-c=d; secure", "__Host-e=f; Secure; Path=/"], NOW)
    assert len(jar) == (3 if secure else 0)
    jar.store(f"https://{host}/", ["a=b; Secure"], NOW)
    assert jar.header_for(f"https://{host}/", NOW) is not None
    assert (jar.header_for(f"http://{host}/", NOW) is not None) is secure


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["a=plain"], "a=safe"),
        (["a=plain; Max-Age=0"], "a=safe"),
        (["a=plain; Domain=example.org"], "a=safe"),
        (["a=plain; Path=/a/b"], "a=safe"),
        (["b=plain"], "a=safe; b=plain"),
        (["a=plain; Path=/"], "a=safe; a=plain"),
    ],
)
def test_plain_http_leaves_secure_cookies_alone(lines: list[str], kept: str) -> None:
    jar = CookieJar()
    jar.store(HOME, ["a=safe; Secure"], NOW)
    jar.store(HOME.replace("https", "http"), lines, NOW)
    assert jar.header_for(HOME, NOW) == kept


def test_a_secure_cookie_that_has_expired_is_in_nobodys_way() -> None:
    jar = CookieJar()
    jar.store(HOME, ["a=safe; Secure; Max-Age=10"], NOW)
    jar.store(HOME.replace("https", "http"), ["a=plain"], NOW + 10)
    assert jar.header_for(HOME, NOW + 10) == "a=plain"


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("__Secure-a=b; Secure", True),
        ("__Secure-a=b; Secure; Domain=example.org", True),
        ("__Secure-a=b", False),
        ("__SECURE-a=b", False),
        ("__Host-a=b; Secure; Path=/", True),
        ("__host-a=b; Secure; Path=/", True),
        ("__Host-a=b; Path=/", False),
        ("__Host-a=b; Secure", False),
        ("__HOST-a=b; Secure", False),
        ("__Host-a=b; Secure; Path=/a", False),
        ("__Host-a=b; Secure; Path=/; Domain=api.example.org", False),
        ("__Host-a=b; Secure; Path=/; Domain=", True),
        ("__Hosta=b", True),
    ],
)
def test_prefixes(line: str, taken: bool) -> None:
    assert bool(stored(line)) is taken


def test_a_host_prefix_needs_its_path_to_be_written() -> None:
    assert stored("__Host-a=b; Secure", url="https://h.example/") == []
    assert len(stored("__Host-a=b; Secure; Path=/", url="https://h.example/")) == 1


DATE = datetime(2024, 2, 29, 10, 20, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 29 Feb 2024 10:20:30 GMT",
        "Thursday, 29-Feb-24 10:20:30 GMT",
        "Thu Feb 29 10:20:30 2024",
        "29 february 2024 10:20:30",
        "10:20:30 2024 FEBxyz 29th",
        "2024,29@10:20:30_feb",
        "Thu, 29 Feb 2024 10:20:30 +0100",
        "29-Feb-2024/10:20:30.5Z",
        "29 Feb 024 10:20:30",
        "Feb 29 24th 10:20:30junk",
        "29 Feb 2024 10:20:30 11:22:33 30 Mar 2025",
    ],
)
def test_dates_are_read_leniently(text: str) -> None:
    assert one(f"a=b; Expires={text}").expires == DATE


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1 Jan 69 00:00:00", datetime(2069, 1, 1, tzinfo=UTC)),
        ("1 Jan 00 00:00:00", datetime(2000, 1, 1, tzinfo=UTC)),
        ("1 Jan 70 00:00:00", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1 Jan 99 00:00:00", datetime(1999, 1, 1, tzinfo=UTC)),
        ("1 Jan 1601 0:0:0", datetime(1601, 1, 1, tzinfo=UTC)),
        ("31 Dec 9999 23:59:59", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("1 Jan 1600 00:00:00", None),
        ("1 Jan 100 00:00:00", None),
        ("1 Jan 12024 00:00:00", None),
        ("30 Feb 2030 00:00:00", None),
        ("0 Jan 2030 00:00:00", None),
        ("32 Jan 2030 00:00:00", None),
        ("1 Jan 2030 24:00:00", None),
        ("1 Jan 2030 00:60:00", None),
        ("1 Jan 2030 00:00:60", None),
        ("1 Jan 2030 00:00", None),
        ("1 Jan 2030", None),
        ("Jan 2030 00:00:00", None),
        ("1 2030 00:00:00", None),
        ("1 Jan 00:00:00", None),
        ("1 Foo 2030 00:00:00", None),
        ("", None),
        ("0", None),
    ],
)
def test_the_bounds_of_dates(text: str, moment: datetime | None) -> None:
    jar = CookieJar()
    jar.store(HOME, [f"a=b; Expires={text}"], -2e10)
    (cookie,) = jar
    assert cookie.expires == (float("inf") if moment is None else moment.timestamp())


@pytest.mark.parametrize(
    ("attributes", "lifetime"),
    [
        ("", float("inf")),
        ("; Max-Age=60", 60),
        ("; max-age=060", 60),
        ("; Max-Age=0", None),
        ("; Max-Age=000000000000000", None),
        ("; Max-Age=-1", None),
        ("; Max-Age=-0", None),
        ("; Max-Age=99999999999999999999", float("inf")),
        ("; Max-Age=" + "9" * 5_000, float("inf")),
        ("; Max-Age=1.5", float("inf")),
        ("; Max-Age=+5", float("inf")),
        ("; Max-Age=", float("inf")),
        ("; Max-Age=-", float("inf")),
        ("; Max-Age=60; Max-Age=30", 30),
        ("; Max-Age=60; Max-Age=soon", 60),
        ("; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 60),
        ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", 60),
        ("; Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT", None),
        ("; Max-Age=soon; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("; Expires=never", float("inf")),
        ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=never", None),
        ("; Expires=Tue, 14 Nov 2023 22:14:20 GMT", 60),
        ("; Expires=Tue, 14 Nov 2023 22:13:20 GMT", None),
    ],
)
def test_lifetime(attributes: str, lifetime: float | None) -> None:
    found = stored(f"a=b{attributes}")
    assert [cookie.expires for cookie in found] == ([] if lifetime is None else [NOW + lifetime])


def test_a_cookie_is_gone_from_its_moment_of_expiry_on() -> None:
    jar = CookieJar()
    jar.store(HOME, ["a=b; Max-Age=60"], NOW)
    assert jar.header_for(HOME, NOW + 59.9) == "a=b"
    assert len(jar) == 1
    assert jar.header_for(HOME, NOW + 60) is None
    assert len(jar) == 0


def test_a_past_expiry_deletes_only_the_cookie_of_the_same_name_domain_and_path() -> None:
    jar = CookieJar()
    jar.store(HOME, ["a=1", "a=2; Path=/", "a=3; Domain=example.org", "b=4"], NOW)
    jar.store(HOME, ["a=; Max-Age=0"], NOW)
    assert [cookie.value for cookie in jar] == ["2", "3", "4"]
    jar.store(HOME, ["a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"], NOW)
    assert [cookie.value for cookie in jar] == ["3", "4"]
    jar.store(HOME, ["a=; Max-Age=-1; Domain=example.org"], NOW)
    assert [cookie.value for cookie in jar] == ["4"]


def test_longest_path_first_then_earliest_and_a_new_value_keeps_its_place() -> None:
    jar = CookieJar()
    jar.store(HOME, ["a=1; Path=/", "b=2; Path=/a/b", "c=3", "d=4; Path=/"], NOW)
    jar.store(HOME, ["a=5; Path=/"], NOW + 1)
    assert jar.header_for(HOME, NOW + 2) == "b=2; c=3; a=5; d=4"
    jar.store(HOME, ["a=; Path=/; Max-Age=0", "a=6; Path=/"], NOW + 2)
    assert jar.header_for(HOME, NOW + 2) == "b=2; c=3; d=4; a=6"


def test_extra_cookies_replace_those_of_their_name_and_stand_last() -> None:
    jar = CookieJar()
    jar.store(HOME, ["a=1; Path=/", "a=2", "b=3", "A=4"], NOW)
    assert jar.header_for(HOME, NOW, {"z": "9", "a": "8"}) == "b=3; A=4; z=9; a=8"
    assert jar.header_for(HOME, NOW, {}) == "a=2; b=3; A=4; a=1"
    assert jar.header_for(HOME, NOW) == "a=2; b=3; A=4; a=1"
    assert CookieJar().header_for(HOME, NOW, {"z": ""}) == "z="
    assert CookieJar().header_for(HOME, NOW, {}) is None


def test_clear_and_iteration() -> None:
    jar = CookieJar()
    jar.store(HOME, ["a=1; Secure; Max-Age=5; Path=/x; Domain=example.org", "b=2"], NOW)
    assert list(jar) == [
        Cookie("a", "1", "example.org", "/x", host_only=False, secure=True, expires=NOW + 5),
        Cookie("b", "2", "api.example.org", "/a", host_only=True, secure=False, expires=float("inf")),
    ]
    for _ in jar:
        jar.clear()  # what is iterated over is a copy
    assert (len(jar), jar.header_for(HOME, NOW)) == (0, None)


def test_too_long_a_cookie_is_ignored() -> None:
    fits, too_long = "a=" + "x" * 4_095, "a=" + "x" * 4_096
    assert len(one(fits).value) == 4_095
    assert stored(too_long) == []
    jar = CookieJar()
    jar.store(HOME, ["a=short", too_long], NOW)
    assert jar.header_for(HOME, NOW) == "a=short"
    assert one("a=b; x=" + "y" * 10_000).value == "b"


def test_the_181st_cookie_is_ignored_but_those_there_can_change_and_make_room() -> None:
    jar = CookieJar()
    jar.store(HOME, [f"c{index}=0; Max-Age={10 if index == 7 else 99}" for index in range(200)], NOW)
    assert [cookie.name for cookie in jar] == [f"c{index}" for index in range(180)]
    jar.store(HOME, ["c0=1", "d=1"], NOW)
    assert len(jar) == 180
    assert next(iter(jar)).value == "1"
    jar.store(HOME, ["d=2"], NOW + 10)
    assert [cookie.name for cookie in jar][-1] == "d"
    assert len(jar) == 180
    jar.store(HOME, ["c1=; Max-Age=0", "e=1", "f=1"], NOW + 10)
    assert [cookie.name for cookie in jar][-1] == "e"
    assert len(jar) == 180


def test_hostile_lines_take_no_time() -> None:
    jar = CookieJar()
    began = time.perf_counter()
    for piece in (";", "=", " ", "a=b;", "Max-Age=1;", "Expires=1:1:1 ", "1", "1:", "\t"):
        jar.store(HOME, ["a=b;" + piece * 50_000, "a=b; Expires=" + piece * 50_000], NOW)
    assert time.perf_counter() - began < 30


class _Answer:
    """The part of a urllib response that http.cookiejar reads."""

    def __init__(self, line: str) -> None:
        self._message = email.message.Message()
        self._message["Set-Cookie"] = line

    def info(self) -> email.message.Message:
        return self._message


@pytest.mark.parametrize(
    "lines",
    [
        ["a=b"],
        ["a=b; Path=/"],
        ["a=b; Path=/a/b", "a=c; Path=/a", "a=d; Path=/"],
        ["a=b; Domain=example.org; Path=/"],
        ["a=b; Domain=.example.org; Path=/"],
        ["a=b; Domain=other.org; Path=/"],
        ["a=b; Domain=org; Path=/"],
        ["a=b; Secure; Path=/"],
        ["a=b; Max-Age=100; Path=/"],
        ["a=b; Path=/", "a=; Max-Age=0; Path=/"],
        ["a=b; Path=/", "a=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"],
        ["a=b; Expires=Fri, 01-Jan-2100 00:00:00 GMT; Path=/"],
        ["a=1; Path=/", "b=2; Path=/", "a=3; Path=/"],
        ['a="quoted"; Path=/', "b=x=y; Path=/"],
        ["a=1; HttpOnly; SameSite=Lax; Path=/"],
    ],
    ids=" | ".join,
)
def test_agrees_with_the_standard_library_where_both_follow_one_rule(lines: list[str]) -> None:
    now = time.time()
    jar = CookieJar()
    jar.store(HOME, lines, now)
    # Without this the library gives host cookies to the hosts below, as Netscape did.
    policy = http.cookiejar.DefaultCookiePolicy(
        strict_ns_domain=http.cookiejar.DefaultCookiePolicy.DomainStrictNonDomain
    )
    other = http.cookiejar.CookieJar(policy)
    for line in lines:  # one answer each: within one answer the library deletes before it stores
        other.extract_cookies(_Answer(line), urllib.request.Request(HOME))  # type: ignore[arg-type]
    urls = [
        HOME,
        "https://api.example.org/a/c",
        "https://api.example.org/a/b/c?d",
        "https://api.example.org/",
        "https://api.example.org/other",
        "http://api.example.org/a/b",
        "https://example.org/a/b",
        "https://v1.api.example.org/a/b",
        "https://example.com/a/b",
    ]
    for url in urls:
        request = urllib.request.Request(url)
        other.add_cookie_header(request)
        theirs = request.get_header("Cookie")
        assert sorted((jar.header_for(url, now) or "").split("; ")) == sorted((theirs or "").split("; ")), url


def test_the_standard_jar_is_not_imported() -> None:
    program = f"import sys, {cookies.__name__}; print('http.cookiejar' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
