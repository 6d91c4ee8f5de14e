"""The redactor: no form a secret travels in gets through, and what is no secret does."""

import base64
import html
import json
import string
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest

from pytest_apitest.jsonvalue import Number
from pytest_apitest.redaction import MASK, Redactor, SecretText

ODD = "p&ss/w?rd é\"\\<'+="


def knowing(*secrets: Any, name: str = "") -> Redactor:
    redactor = Redactor()
    for secret in secrets:
        redactor.add(secret, name)
    return redactor


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "percent-encoded": lambda text: urllib.parse.quote(text, safe=""),
    "percent-encoded path": urllib.parse.quote,
    "percent-encoded lower case": lambda text: urllib.parse.quote(text, safe="").replace("%3F", "%3f").replace("%C3%A9", "%c3%a9").replace("%2F", "%2f").replace("%5C", "%5c").replace("%3C", "%3c").replace("%2B", "%2b").replace("%3D", "%3d"),
    "form": urllib.parse.quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with slashes escaped": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "HTML": html.escape,
    "repr": lambda text: repr(text)[1:-1],
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", ["s3cr3t-value", ODD, "pass word/é"])
def test_a_secret_is_masked_in_every_form(secret: str, form: str) -> None:
    encoded = FORMS[form](secret)
    assert knowing(secret, name="key").text(f"<<{encoded}>>") == "<<[redacted: key]>>"


@pytest.mark.parametrize("offset", [0, 1, 2])
@pytest.mark.parametrize("tail", ["", "z", "zz", ":more"])
@pytest.mark.parametrize(
    "secret", ["swordfish", "swordfis", "swordfi", "schlüssel", "\u00ff\u00fe\u00ff\u00fb\u00ef\u00be"]
)
@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_masked_in_base64_at_any_offset(
    offset: int, tail: str, secret: str, alphabet: Any
) -> None:
    encoded = alphabet(("u" * offset + secret + tail).encode()).decode()
    shown = knowing(secret).text(f"Basic {encoded}!")
    assert MASK in shown
    # Whatever is left, and however it is lined up, decodes to nothing of the secret.
    left = shown.removeprefix("Basic ").removesuffix("!").replace(MASK, "")
    assert len(left) <= len(encoded) - len(secret)


def test_basic_credentials_are_masked_by_their_password() -> None:
    encoded = base64.b64encode(b"ada:swordfish").decode()
    assert "c3dvcmRmaXNo"[:8] not in knowing("swordfish").text(f"Authorization: Basic {encoded}")


@pytest.mark.parametrize("character", string.printable)
def test_no_character_of_a_secret_lets_it_through(character: str) -> None:
    secret = f"ab{character}cd{character}ef"
    redactor = knowing(secret)
    for encode in FORMS.values():
        assert secret not in redactor.text(f"x{encode(secret)}x")
        assert encode(secret).strip() not in redactor.text(f"x{encode(secret)}x")


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (["abcdef", "defghi"], "abcdefghi!", "[redacted]!"),
        (["abcd", "abcdefgh"], "abcdefgh abcd", "[redacted] [redacted]"),
        (["abcdefgh", "cdef"], "xabcdefghx", "x[redacted]x"),
        (["aaaa"], "aaaaaaaaa", "[redacted]"),
        (["aaaa"], "aaa", "aaa"),
        (["abcd"], "abcdabcd-abcd", "[redacted][redacted]-[redacted]"),
        (["abcdxyz", "xyz1", "yz123"], "abcdxyz123.", "[redacted]."),
        (["a.c*"], "abcc a.c*", "abcc [redacted]"),
        (["line one\nline two"], "only line two here", "only [redacted] here"),
        (["one\nline two"], "one is too short alone", "one is too short alone"),
    ],
)
def test_secrets_that_overlap_and_secrets_of_several_lines(secrets: list[str], text: str, shown: str) -> None:
    assert knowing(*secrets).text(text) == shown
    assert knowing(*reversed(secrets)).text(text) == shown


def test_a_text_under_four_characters_is_no_secret() -> None:
    redactor = knowing("", "a", "abc", b"abc", 123)
    assert redactor.text("a abc 123") == "a abc 123"
    redactor.add("abcd")
    assert redactor.text("abcd") == MASK


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        (12345, "id 12345", "id [redacted]"),
        (Number("1.2345"), "at 1.2345", "at [redacted]"),
        (
            b"\x00\xffraw",
            base64.b64encode(b"\x00\xffraw").decode(),
            f"{MASK}c=",
        ),  # what is left are bits of its last byte
        (b"bytes", "some bytes", "some [redacted]"),
        ({"a": ["first1", {"b": "second2"}]}, "first1 second2 a b", "[redacted] [redacted] a b"),
        (("tuple1",), "tuple1", MASK),
        (None, "None null", "None null"),
        (True, "True true", "True true"),
        (SecretText("hidden"), "hidden", MASK),
    ],
)
def test_what_can_be_secret(value: Any, text: str, shown: str) -> None:
    assert knowing(value).text(text) == shown


def test_a_secret_shows_its_name_and_the_first_name_stays() -> None:
    redactor = Redactor()
    redactor.add("swordfish", "password")
    redactor.add("swordfish", "again")
    redactor.add("other-one")
    assert redactor.text("swordfish other-one") == "[redacted: password] [redacted]"
    assert redactor.pieces("a swordfish b other-one") == [
        ("a ", None), ("password", "password"), (" b ", None), ("secret", "secret"),
    ]  # fmt: skip
    assert redactor.pieces("") == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /a?token=abc&b=1", "GET /a?token=[redacted]&b=1"),
        ("/a?b=1&access_token=abc#f", "/a?b=1&access_token=[redacted]#f"),
        ("/a?API-KEY=x&sig=y;password=z", "/a?API-KEY=[redacted]&sig=[redacted]"),
        ("/a?jwt=x.y", "/a?jwt=[redacted]"),
        ("/a?page=2&q=token", "/a?page=2&q=token"),
        ("token=abc", "token=abc"),
        ('{"password": "abc", "user": "ada"}', '{"password": "[redacted]", "user": "ada"}'),
        ('{"access_token":"a\\"b","n":1}', '{"access_token":"[redacted]","n":1}'),
        ('{"Client_Secret" : "x"}', '{"Client_Secret" : "[redacted]"}'),
        ('{"password": "cut of', '{"password": "[redacted]'),
        ('{"password": 1, "secretary": "ann"}', '{"password": 1, "secretary": "ann"}'),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1 end", "[redacted] end"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIi", "[redacted]"),
        ("heyJude.eyJude", "heyJude.eyJude"),
        ("nothing to see", "nothing to see"),
    ],
)
def test_what_is_secret_by_its_place_is_masked_unknown(text: str, shown: str) -> None:
    redactor = Redactor()
    assert redactor.text(text) == shown
    assert redactor.text(shown) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc", "Bearer [redacted]"),
        ("authorization", "abc", MASK),
        ("Proxy-Authorization", "Basic YTpi", "Basic [redacted]"),
        ("X-Api-Key", "k", MASK),
        ("x-csrf-token", "k", MASK),
        ("X-Auth-User", "k", MASK),
        ("Cookie", "a=1; sid=abc", "a=[redacted]; sid=[redacted]"),
        ("Set-Cookie", "sid=abc; Path=/; Max-Age=5", "sid=[redacted]; Path=/; Max-Age=5"),
        ("Accept", "*/*", "*/*"),
        ("Location", "/a?token=abc", "/a?token=[redacted]"),
        ("X-Own", "mine-mine", "mine-mine"),
    ],
)
def test_headers(name: str, value: str, shown: str) -> None:
    assert Redactor().headers([(name, value)]) == [(name, shown)]


def test_a_header_that_carries_credentials_is_masked_whatever_its_name() -> None:
    redactor = knowing("swordfish", name="key")
    redactor.add_header("X-Own")
    assert redactor.header("x-own", "anything") == MASK
    assert redactor.header("X-Own", "swordfish") == "[redacted: key]"
    assert redactor.header("X-Own", "Key swordfish") == "Key [redacted: key]"
    assert redactor.header("X-Own", "swordfish and more") == MASK
    assert redactor.header("X-Own", "correct horse") == MASK
    assert redactor.header("X-Own", "Bearer horse") == "Bearer [redacted]"
    assert redactor.header("Authorization", "swordfish horse") == "[redacted: key] [redacted]"
    assert redactor.header("Accept", "text/swordfish") == "text/[redacted: key]"


def test_values_are_redacted_to_their_ends() -> None:
    redactor = knowing("swordfish", 12345)
    value = {
        "swordfish": ["a swordfish", {"n": 12345, "m": 1234, "t": True, "z": None}],
        "f": Number("9.12345"),
    }
    assert redactor.value(value) == {
        MASK: [f"a {MASK}", {"n": MASK, "m": 1234, "t": True, "z": None}],
        "f": f"9.{MASK}",
    }
    assert redactor.value(("swordfish",)) == [MASK]


@pytest.mark.parametrize("limit", range(40))
def test_a_cut_leaves_no_beginning_of_a_secret(limit: int) -> None:
    secret = "Xwordfish-and-more"
    shown = knowing(secret).cut(f"0123456789{secret}0123456789{secret}", limit)
    assert len(shown) <= limit
    assert "X" not in shown


def test_a_short_text_is_not_cut() -> None:
    assert knowing("swordfish").cut("a swordfish", 30) == f"a {MASK}"
    assert Redactor().cut("x" * 50, 50) == "x" * 50
    assert Redactor().cut("x" * 50, 49) == "x" * 49


@pytest.mark.parametrize("kept", range(4, 9))
@pytest.mark.parametrize("end", ["…", '"…', "'}…"])
def test_what_is_left_of_a_secret_that_was_cut_before_is_masked(kept: int, end: str) -> None:
    assert (
        knowing("swordfish", name="key").text(f"got {'swordfish'[:kept]}{end} end")
        == f"got [redacted: key]{end} end"
    )


def test_a_beginning_of_three_characters_is_left() -> None:
    assert knowing("swordfish").text("swo…") == "swo…"


def test_a_secret_for_python_code_is_a_text_that_does_not_show_itself() -> None:
    secret = SecretText("swordfish")
    assert (secret, str(secret), len(secret), secret[0], f"{secret}") == (
        "swordfish",
        "swordfish",
        9,
        "s",
        "swordfish",
    )
    assert hash(secret) == hash("swordfish")
    assert json.dumps({"a": secret}) == '{"a": "swordfish"}'
    for shown in (repr(secret), repr([secret]), f"{secret!r}", repr({"a": secret})):
        assert "swordfish" not in shown
        assert MASK in shown


def test_half_a_surrogate_pair_can_be_secret() -> None:
    redactor = knowing("abc\ud800def")
    assert redactor.text("x abc\ud800def x") == f"x {MASK} x"
    assert redactor.text(json.dumps("abc\ud800def")) == f'"{MASK}"'


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * 100_000,
        "eyJa" + "a" * 300_000,
        '"password": "' * 30_000,
        '"password"' + " " * 300_000,
        '{"secret":"' + "\\" * 300_000,
        "?" + "a-" * 150_000 + "=",
        "?a" + ";token=" * 40_000,
        "swordfis" * 40_000,
        "…" * 100_000,
        ("swordfis" + "…") * 10_000,
    ],
    ids=lambda text: text[:12],
)
def test_no_text_is_slow_to_redact(text: str) -> None:
    redactor = knowing(*(f"swordfish{number}" for number in range(20)))
    begin = time.process_time()
    redactor.text(text)
    assert time.process_time() - begin < 5
