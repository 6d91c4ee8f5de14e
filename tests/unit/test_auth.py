"""Auth schemes: their headers against what other code computes, and what they refuse."""

import base64
import hashlib
import itertools
import re
import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from pytest_apitest.auth import SCHEMES, AuthError, Field, SignedRequest, sign_jwt
from pytest_apitest.exchange import Response
from pytest_apitest.jsonvalue import Number

URL = "https://a.example/dir/index.html?x=1"
REQUEST = SignedRequest("GET", URL, (), None)
ADA = {"username": "ada", "password": "swordfish"}


def authorization(name: str, **settings: Any) -> str:
    headers = SCHEMES[name].headers(REQUEST, settings)
    assert list(headers) == ["Authorization"]
    return headers["Authorization"]


def test_token_and_bearer() -> None:
    assert authorization("token", value="abc") == "Token abc"
    assert authorization("bearer", value="abc") == "Bearer abc"


@pytest.mark.parametrize(
    ("username", "password"),
    [("ada", "s3cret"), ("ada", ""), ("ada", "a:b:c"), ("test", "123\u00a3"), ("é", "😀")],
)
def test_basic_is_utf_8_in_base64(username: str, password: str) -> None:
    scheme, encoded = authorization("basic", username=username, password=password).split(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded, validate=True) == f"{username}:{password}".encode()


def test_basic_of_the_standard() -> None:
    assert (
        authorization("basic", username="Aladdin", password="open sesame")
        == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    )


def test_headers_are_sent_as_they_are_written() -> None:
    settings = {"X-User": "ada", "X-Key": "abc"}
    assert SCHEMES["header"].headers(REQUEST, settings) == settings


# -- jwt ------------------------------------------------------------------------------------------------


def decoded(value: str, key: str, algorithm: str = "HS256") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, read and verified by another library."""
    token = value.removeprefix("Bearer ")
    options: Any = {"verify_aud": False, "enforce_minimum_key_length": False}
    return jwt.get_unverified_header(token), jwt.decode(token, key, algorithms=[algorithm], options=options)


KEY = "k" * 64


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_is_verified_by_another_library(algorithm: str) -> None:
    before = int(time.time())
    header, claims = decoded(authorization("jwt", client_id="ci", secret=KEY, alg=algorithm), KEY, algorithm)
    assert header == {"typ": "JWT", "alg": algorithm, "client_identifier": "ci"}
    assert before <= claims.pop("iat") <= time.time()
    assert claims == {"iss": "ci", "client_id": "ci", "user_id": "", "user_representation": ""}


def test_without_alg_it_is_signed_with_hs256() -> None:
    header, _ = decoded(authorization("jwt", client_id="ci", secret=KEY), KEY)
    assert header["alg"] == "HS256"


def test_header_and_claims_add_and_replace() -> None:
    value = authorization(
        "jwt",
        client_id="ci",
        secret=KEY,
        header={"kid": "é", "typ": "at+jwt"},
        claims={"iss": "me", "n": [1]},
    )
    header, claims = decoded(value, KEY)
    assert header == {"typ": "at+jwt", "alg": "HS256", "client_identifier": "ci", "kid": "é"}
    assert (claims["iss"], claims["n"], claims["client_id"]) == ("me", [1], "ci")


def test_a_token_of_the_standard() -> None:
    claims = {"sub": "1234567890", "name": "John Doe", "iat": 1516239022}
    token = sign_jwt({"alg": "HS256", "typ": "JWT"}, claims, "your-256-bit-secret", "HS256")
    assert token == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
        "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    )


@pytest.mark.parametrize("key", ["", "x", "é" * 40])
def test_any_key_signs(key: str) -> None:
    token = sign_jwt({"alg": "HS256"}, {"a": Number("1.50")}, key, "HS256")
    signed, _, signature = token.rpartition(".")
    import hmac

    expected = hmac.digest(key.encode(), signed.encode(), "sha256")
    assert base64.urlsafe_b64decode(signature + "=") == expected
    assert base64.urlsafe_b64decode(signed.partition(".")[2] + "==") == b'{"a":1.50}'


# -- digest ---------------------------------------------------------------------------------------------


def response(*challenges: str) -> Response:
    return Response(401, "", tuple(("WWW-Authenticate", one) for one in challenges), b"", 0, 0.1)


def answer(*challenges: str, request: SignedRequest = REQUEST, **settings: Any) -> dict[str, str] | None:
    """Return the parameters of the answer to challenges, or None."""
    challenge = SCHEMES["digest"].challenge
    assert challenge is not None
    headers = challenge(request, settings or ADA, response(*challenges))
    if headers is None:
        return None
    scheme, _, rest = headers["Authorization"].partition(" ")
    assert scheme == "Digest"
    pairs = re.findall(r'([\w*]+)=(?:"((?:[^"\\]|\\.)*)"|([^",]+))', rest)
    found = {name: plain or re.sub(r"\\(.)", r"\1", quoted) for name, quoted, plain in pairs}
    assert len(found) == len(pairs)
    return found


def expected(
    parts: Mapping[str, str], method: str, user: str, password: str, *, session: bool = False
) -> str:
    """Compute the answer as RFC 7616, section 3.4.1, tells."""
    name = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
    algorithm = name[parts.get("algorithm", "MD5").upper().removesuffix("-SESS")]

    def h(*words: str) -> str:
        return hashlib.new(algorithm, ":".join(words).encode()).hexdigest()

    secret = h(user, parts["realm"], password)
    if session:
        secret = h(secret, parts["nonce"], parts["cnonce"])
    request = h(method, parts["uri"])
    if "qop" not in parts:
        return h(secret, parts["nonce"], request)
    return h(secret, parts["nonce"], parts["nc"], parts["cnonce"], parts["qop"], request)


ALGORITHMS = ["", "MD5", "SHA-256", "SHA-512-256", "sha-256"]
SESSIONS = ["MD5-sess", "SHA-256-sess", "SHA-512-256-sess"]
QOPS = ["auth", "auth,auth-int", "AUTH"]


@pytest.mark.parametrize(
    ("algorithm", "qop"),
    # Without qop the server could not know the nonce of the client, which a session needs.
    [*itertools.product(ALGORITHMS, ["", *QOPS]), *itertools.product(SESSIONS, QOPS)],
)
def test_a_digest_is_what_the_standard_computes(algorithm: str, qop: str) -> None:
    challenge = 'Digest realm="the realm", nonce="abc="'
    challenge += f", algorithm={algorithm}" if algorithm else ""
    challenge += f', qop="{qop}"' if qop else ""
    found = answer(challenge)
    assert found is not None
    assert (found["username"], found["realm"], found["nonce"]) == ("ada", "the realm", "abc=")
    assert found["uri"] == "/dir/index.html?x=1"
    assert found.get("algorithm", "") == algorithm
    assert found["response"] == expected(found, "GET", "ada", "swordfish", session=algorithm.endswith("sess"))
    assert ("cnonce" in found) is ("nc" in found) is bool(qop)
    if qop:
        assert (found["qop"], found["nc"]) == ("auth", "00000001")
        assert len(found["cnonce"]) >= 16


def test_the_nonce_of_the_client_is_another_each_time() -> None:
    challenge = 'Digest realm="r", nonce="n", qop="auth"'
    first, second = answer(challenge), answer(challenge)
    assert first is not None
    assert second is not None
    assert first["cnonce"] != second["cnonce"]


def test_method_path_and_opaque_are_part_of_the_answer() -> None:
    request = SignedRequest("DELETE", "https://a.example", (), b"body")
    found = answer('Digest realm="r", nonce="n", opaque="o\\"p"', request=request)
    assert found is not None
    assert (found["uri"], found["opaque"]) == ("/", 'o"p')
    assert found["response"] == expected(found, "DELETE", "ada", "swordfish")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.example/a%20b;v=1?q=a%26b&c", "/a%20b;v=1?q=a%26b&c"),
        ("https://a.example/?", "/?"),
        ("https://a.example?", "/?"),
        ("https://a.example?a=1", "/?a=1"),
        ("https://a.example//a//b", "//a//b"),
        ("https://a.example/a?b?c", "/a?b?c"),
    ],
)
def test_the_target_is_the_one_of_the_request_line(url: str, target: str) -> None:
    found = answer('Digest realm="r", nonce="n"', request=SignedRequest("GET", url, (), None))
    assert found is not None
    assert found["uri"] == target


def test_names_and_realms_with_quotes() -> None:
    found = answer('Digest realm="say \\"hi\\" \\\\", nonce="n"', username='a"d\\a', password="p:w")
    assert found is not None
    assert (found["username"], found["realm"]) == ('a"d\\a', 'say "hi" \\')
    assert found["response"] == expected(found, "GET", 'a"d\\a', "p:w")


def test_a_name_beyond_ascii_is_sent_in_the_extended_form() -> None:
    found = answer('Digest realm="r", nonce="n", charset=UTF-8', username="Jäsøn Doe", password="é")
    assert found is not None
    assert "username" not in found
    assert found["username*"] == "UTF-8''J%C3%A4s%C3%B8n%20Doe"
    assert found["response"] == expected(found, "GET", "Jäsøn Doe", "é")


def test_a_hashed_name() -> None:
    found = answer('Digest realm="r", nonce="n", userhash=true, algorithm=SHA-256')
    assert found is not None
    assert found["username"] == hashlib.sha256(b"ada:r").hexdigest()
    assert found["userhash"] == "true"
    assert found["response"] == expected(found, "GET", "ada", "swordfish")


@pytest.mark.parametrize(
    ("challenges", "algorithm"),
    [
        (('Digest realm="r", nonce="n", algorithm=MD5, Digest realm="r", nonce="n", algorithm=SHA-256',), "SHA-256"),
        (('Digest realm="r", nonce="n", algorithm=MD5', 'Digest realm="r", nonce="n", algorithm=SHA-512-256'), "SHA-512-256"),
        (('Digest realm="r", nonce="n", algorithm=SHA3', 'Digest realm="r", nonce="n", algorithm=MD5'), "MD5"),
        (('Basic realm="x, Digest realm=y"', 'Digest realm="r", nonce="n", algorithm=MD5'), "MD5"),
        (('Negotiate abc==, Digest realm="r", nonce="n", algorithm=MD5',), "MD5"),
        (('Negotiate, digest realm="r",nonce="n",algorithm=MD5',), "MD5"),
    ],
)  # fmt: skip
def test_the_strongest_of_several_challenges_is_answered(challenges: tuple[str, ...], algorithm: str) -> None:
    found = answer(*challenges)
    assert found is not None
    assert (found["realm"], found["nonce"], found["algorithm"]) == ("r", "n", algorithm)


@pytest.mark.parametrize(
    "challenges", [(), ('Basic realm="r"',), ("Bearer",), ('Basic realm="Digest nonce=1"',)]
)
def test_other_challenges_are_not_answered(challenges: tuple[str, ...]) -> None:
    assert answer(*challenges) is None


@pytest.mark.parametrize(
    ("challenge", "message"),
    [
        ('Digest realm="r", nonce="n", algorithm=SHA3', "digest: the server asks for SHA3; known are SHA-512-256, SHA-256, MD5"),
        ('Digest realm="r", nonce="n", qop="auth-int"', "digest: the server asks for auth-int; only auth is known"),
    ],
)  # fmt: skip
def test_a_challenge_that_cannot_be_answered(challenge: str, message: str) -> None:
    with pytest.raises(AuthError) as caught:
        answer(challenge)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "challenge", ["Digest " + 'a="' * 50_000, "Digest " + "a" * 200_000, 'Digest realm="' + "\\" * 200_001]
)
def test_no_challenge_is_slow_to_read(challenge: str) -> None:
    begin = time.process_time()
    answer(challenge)
    assert time.process_time() - begin < 5


# -- all of them ----------------------------------------------------------------------------------------

HALF = "a\ud800"


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("basic", {"username": "a:b", "password": "c"}, "basic: a user name holds no colon"),
        ("basic", {"username": HALF, "password": "c"}, "basic: half a surrogate pair has no UTF-8"),
        ("basic", {"username": "a", "password": HALF}, "basic: half a surrogate pair has no UTF-8"),
        ("jwt", {"client_id": "a", "secret": HALF}, "jwt: half a surrogate pair has no UTF-8"),
        ("jwt", {"client_id": HALF, "secret": "a"}, "jwt: half a surrogate pair has no UTF-8"),
        (
            "jwt",
            {"client_id": "a", "secret": "a", "claims": [1]},
            "jwt: claims needs an object, got [1] (array)",
        ),
        (
            "jwt",
            {"client_id": "a", "secret": "a", "header": "x"},
            'jwt: header needs an object, got "x" (text)',
        ),
        ("jwt", {"client_id": "a", "secret": "a", "claims": {"a": b"x"}}, "jwt: bytes is no JSON value"),
    ],
)
def test_credentials_that_cannot_be_made(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(AuthError) as caught:
        authorization(name, **settings)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "settings", [{"username": HALF, "password": "a"}, {"username": "a", "password": HALF}]
)
def test_a_digest_of_half_a_surrogate_pair_cannot_be_made(settings: dict[str, Any]) -> None:
    with pytest.raises(AuthError, match=r"^digest: half a surrogate pair has no UTF-8$"):
        answer('Digest realm="r", nonce="n"', **settings)


@pytest.mark.parametrize(
    ("name", "settings", "secret"),
    [
        ("token", {"value": "a"}, ["a"]),
        ("bearer", {"value": "a"}, ["a"]),
        ("basic", ADA, ["swordfish"]),
        ("digest", ADA, ["swordfish"]),
        ("header", {"X-User": "ada", "X-Key": "k"}, ["ada", "k"]),
        ("jwt", {"client_id": "a", "secret": "b", "alg": "HS256", "claims": {}}, ["b"]),
        ("oauth2", {"token_url": "u", "client_id": "a", "client_secret": "b", "scope": "s"}, ["b"]),
    ],
)
def test_what_is_secret_of_a_scheme(name: str, settings: dict[str, Any], secret: list[str]) -> None:
    known = SCHEMES[name].settings
    assert [value for key, value in settings.items() if not known or known[key].secret] == secret


def test_every_scheme_and_setting_has_a_sentence_for_the_reference() -> None:
    assert list(SCHEMES) == ["token", "bearer", "basic", "digest", "header", "jwt", "oauth2"]
    for name in SCHEMES:
        assert re.fullmatch(r"\S.*[.`]", SCHEMES[name].doc), name
        fields: Mapping[str, Field] = SCHEMES[name].settings or {}
        for field in fields.values():
            assert field.doc.endswith(".")
