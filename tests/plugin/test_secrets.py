"""No secret leaves a run: one failing project, every output that it can make, every form of every secret."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from pytest_apitest.regex import escape
from tests import hostile
from tests.plugin.project import Project, Run

# Each has characters that some form writes in another way.
SECRETS = {
    "password": 'pass"wörd/+one&two',
    "token": "tok en-<three>\\four",
    "api_key": "key=five%six?seven",
    "session": "sess-eight-nine-ten",
    "fixture": "fix-eleven+twelve==",
    "signing": "sign-thirteen/fourteen",
    "literal": "lit-fifteen-sixteen",
    "computed": "comp-seventeen",
}
APP = """\
from aiohttp import web


def create_app():
    async def answer(request):
        said = {"method": request.method, "url": str(request.url), "raw": request.raw_path,
                "headers": [[k, v] for k, v in request.headers.items()],
                "cookies": dict(request.cookies), "body": await request.text()}
        response = web.json_response(said)
        response.set_cookie("sid", "sess-eight-nine-ten")
        if request.path.startswith("/echo"):
            response.headers["X-Back"] = "sess-eight-nine-ten"
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app
"""
DOCUMENT = """\
scenario: Secrets
fixtures: [fixture_secret]
endpoints:
  api: {app: "mirror:create_app", auth: {basic: {username: ada, password: "${password}"}}}
  other: {app: "mirror:create_app", auth: {jwt: {client_id: ci, secret: "${signing}"}}}
variables:
  password: {env: THE_PASSWORD, secret: true}
  token: {env: THE_TOKEN, secret: true}
  api_key: {file: key.txt, secret: true}
  signing: {env: THE_SIGNING, secret: true}
  literal: {default: lit-fifteen-sixteen, secret: true}
  fixture: {default: "${fixture_secret}", secret: true}
  computed: {default: "comp-${literal | slice(0, 0)}seventeen", secret: true}
cases:
  - case: a body
    steps:
      - name: say all
        request:
          POST: "${api}/echo/${token}?key=${api_key}"
          headers: {X-Fixture: "${fixture}", X-Token: "Token ${token}"}
          json: {password: "${password}", nested: ["${token}"], encoded: "${password | base64}", "computed": "${computed}"}
        save: {sid: {cookie: sid, secret: true}}
        expect:
          status: 404
          headers: {x-back: "${token}"}
          json: {$.body: "${password}", $.raw: "${api_key}", $.nothing: "${fixture}"}
          text: {contains: "${signing}"}
  - case: a form and cookies
    steps:
      - {request: "GET ${other}/login", save: {sid: {cookie: sid, secret: true}}}
      - name: form
        request: {POST: "${other}/form", form: {password: "${password}", key: "${api_key}"}, cookies: {mine: "${literal}"}}
        expect: {status: 500}
  - case: a text and a bearer
    steps:
      - {name: text, request: {POST: "${api}/text", text: "${fixture} ${literal}"}, auth: {bearer: "${token}"}, expect: {text: "${password}"}}
  - case: a header
    steps:
      - {name: header, request: "GET ${api}/x?k=${api_key}", auth: {header: {X-Key: "${api_key}"}}, expect: {json: {$.url: {matches: '^${token}$'}}}}
  - case: code of the project
    steps:
      - {name: raises, request: "GET ${api}/x?q=${token | explode}"}
  - case: an operator of the project
    steps:
      - {name: judges, request: "GET ${api}/x", expect: {json: {$.method: {never: "${password}"}}}}
  - case: nobody there
    steps:
      - {name: nobody, request: "GET http://127.0.0.1:1/${token}?k=${api_key}", auth: none}
  - case: a literal
    steps:
      - {name: literal, request: "GET ${api}/x", auth: {token: lit-fifteen-sixteen}, expect: {status: 404}}
"""
CONFTEST = '''\
import pytest


@pytest.fixture(scope="session")
def fixture_secret():
    return "fix-eleven+twelve=="


@pytest.fixture
def broken(fixture_secret):
    local_value = "tok en-<three>\\\\four"
    try:
        raise KeyError(f"inner {local_value}")
    except KeyError as error:
        raise RuntimeError(f"outer {local_value}") from error


def pytest_apitest_extend(extensions):
    def explode(value):
        """Raise with the value."""
        try:
            raise KeyError(value)
        except KeyError as error:
            raise RuntimeError(f"cannot use {value}") from error

    def never(actual, operand):
        """Fail with the operand."""
        raise ValueError(f"got {actual}, not {operand}")

    extensions.add_filter("explode", explode)
    extensions.add_operator("never", never)
'''


def forms(secret: str) -> Iterator[str]:
    """Return a secret as the formats of HTTP, JSON, Python, XML and shells write it."""
    yield secret
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    for ascii_only in (True, False):
        written = secret
        for _ in range(4):
            written = json.dumps(written, ensure_ascii=ascii_only)[1:-1]
            yield written
    yield escape(secret)
    yield re.escape(secret)
    yield repr(secret)[1:-1]
    yield secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
    yield base64.b64encode(f"ada:{secret}".encode()).decode().rstrip("=")


def leaks(text: str) -> list[str]:
    """Return the names of secrets that stand in a text, with the form they stand in."""
    return [f"{name}: {form}" for name, secret in SECRETS.items() for form in forms(secret) if form in text]


@pytest.fixture
def secretive(project: Project) -> Project:
    project.write("mirror.py", APP)
    project.write("conftest.py", CONFTEST)
    project.write("key.txt", SECRETS["api_key"])
    project.write("secrets.apitest.yaml", DOCUMENT.replace('"GET ${other}/login"', '"GET ${other}/login"'))
    names = {"THE_PASSWORD": "password", "THE_TOKEN": "token", "THE_SIGNING": "signing"}
    project.env |= {variable: SECRETS[name] for variable, name in names.items()}
    return project


def everything(run: Run, folder: Path) -> str:
    """Return all that a run printed and wrote."""
    files = [*sorted((folder / "report").iterdir()), folder / "junit.xml"]
    return run.all + "".join(file.read_text("utf-8") for file in files)


@pytest.mark.parametrize(
    "words",
    [
        ("-q",),
        (),
        ("-vv", "--showlocals", "--tb=long", "--full-trace"),
        ("-vv", "--tb=short", "-rA", "-n", "2"),
        ("--tb=native", "-o", "junit_logging=all", "-o", "log_cli=true", "-o", "log_cli_level=DEBUG", "-s"),
        ("--setup-show", "--durations=0", "-x"),
    ],
)
def test_no_form_of_a_secret_is_in_any_output(secretive: Project, words: tuple[str, ...]) -> None:
    run = secretive.run(*words, "--junit-xml=junit.xml", "--apitest-seed", "1")
    assert run.exit == 1
    if "-x" not in words:
        assert [word for word in run.outcomes.values() if word == "passed"] == []
        assert len(run.outcomes) == 8
    text = everything(run, secretive.path)
    assert "[redacted: password]" in text
    assert leaks(text) == [], text


def test_what_pytest_shows_of_fixtures_is_masked_too(secretive: Project) -> None:
    # The first case makes the secrets known; the second ends in a fixture that holds one.
    document = secretive.path / "secrets.apitest.yaml"
    text = document.read_text("utf-8")
    secretive.write("z.apitest.yaml", text.replace("[fixture_secret]", "[fixture_secret, broken]"))
    run = secretive.run("-vv", "--showlocals", "--tb=long", "--junit-xml=junit.xml")
    assert run.exit == 1
    assert "RuntimeError" in run.out
    assert leaks(everything(run, secretive.path)) == []


def test_problems_and_warnings_of_documents_are_masked(secretive: Project) -> None:
    document = secretive.path / "secrets.apitest.yaml"
    text = document.read_text("utf-8")
    document.write_text(
        text.replace("auth: {token: lit-fifteen-sixteen}", "auth: {tokn: lit-fifteen-sixteen}")
    )
    for words in ((), ("--co",), ("-n", "2")):
        run = secretive.run(*words)
        assert run.exit == 2
        assert 'did you mean "token"' in run.out
        assert leaks(run.all) == []


def test_values_of_options_are_not_repeated(secretive: Project) -> None:
    secretive.env = {name: value for name, value in secretive.env.items() if not name.startswith("THE_")}
    given = {name: SECRETS[name] for name in ("password", "token", "signing")}
    secretive.write("given.json", json.dumps(given))
    run = secretive.run("--apitest-vars", "given.json", "--junit-xml=junit.xml", "-vv")
    assert run.exit == 1
    assert leaks(everything(run, secretive.path)) == []
    wrong = secretive.run("--apitest-var", SECRETS["password"], report=False)
    assert wrong.exit == 4
    assert leaks(wrong.err) == []


def test_what_a_hosted_application_logs_prints_and_warns_of_is_masked(project: Project) -> None:
    secret = 's3cr3t+tok/en="<&-42'
    project.write(
        "chatty.py",
        """\
        import json, logging, sys, warnings

        def app(environ, start_response):
            seen = environ["HTTP_AUTHORIZATION"]
            print("printed", seen)
            print("complained", seen, file=sys.stderr)
            logging.getLogger("chatty").warning("logged %s", seen)
            warnings.warn(f"warned {seen}", stacklevel=1)
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [json.dumps(json.dumps(seen)).replace("/", "\\\\/").encode()]
        """,
    )
    project.write(
        "chatty.apitest.yaml",
        f"""\
        scenario: Chatty
        endpoints: {{api: {{app: "chatty:app"}}}}
        variables: {{token: {{default: '{secret}', secret: true}}}}
        steps: [{{request: GET /, auth: {{bearer: "${{token}}"}}, expect: {{status: 500, text: nothing}}}}]
        """,
    )
    run = project.run(
        "chatty.apitest.yaml", "-vv", "-W", "default", "--junit-xml", "junit.xml", "-o", "junit_logging=all"
    )
    assert run.exit == 1
    for word in ("printed", "complained", "logged", "warned"):
        assert f"{word} Bearer [redacted: token]" in run.out, word
    written = run.all + (project.path / "junit.xml").read_text("utf-8") + json.dumps(run.json)
    assert "s3cr3t" not in written


SECRET_URLS = {
    "of a query": "{url}/404?k=QueryS3cr3tTok&fine=yes",
    "of a user": "{user}/openapi.json",
    "of another scheme": "ftp://ada-lovelace:Us3rS3cr3tTok@a.example/?k=QueryS3cr3tTok",
    "of a bad port": "http://ada-lovelace:Us3rS3cr3tTok@a.example:port/x",
    "of no description": "{url}/broken?k=Query%53cr3tTok",
    "of a path": "/404?QueryS3cr3tTok",
    "with a reference": "http://ada-lovelace:Us3rS3cr3tTok@a.example/${{x}}?k=QueryS3cr3tTok",
    "with one slash": "http:/ada-lovelace:Us3rS3cr3tTok@a.example/?k=QueryS3cr3tTok",
}
OF_URLS = ("QueryS3cr3tTok", "Query%53cr3tTok", "Us3rS3cr3tTok", "ada-lovelace")


FORMS = ['"{0}"', "'{0}'", "{{file: '{0}'}}", ">-\n    {0}"]


def test_what_is_secret_in_the_url_of_a_description_is_masked(project: Project) -> None:
    files = {"/broken": hostile.answer(b"openapi: [")}
    with hostile.serve(hostile.serving(files)) as address:
        url = address.url.removesuffix("/")
        user = url.replace("//", "//ada-lovelace:Us3rS3cr3tTok@")
        for name, text in SECRET_URLS.items():
            written = text.format(url=url, user=user)
            for number, form in enumerate(FORMS):
                project.write(
                    f"{name}-{number}.apitest.yaml",
                    f'scenario: t\nendpoints:\n api:\n  url: "{url}"\n  openapi: {form.format(written)}\n'
                    "steps: [{request: GET /a}]\n",
                )
        run = project.run("-vv", "--continue-on-collection-errors", "--junit-xml=junit.xml")
    assert run.exit == 1
    said = everything(run, project.path)
    for name in SECRET_URLS:
        for number in range(len(FORMS)):
            assert f"{name}-{number}.apitest.yaml:5" in said
    assert [one for one in OF_URLS if one in said] == []


def test_common_words_of_a_url_are_overwritten_in_the_excerpt_only(project: Project) -> None:
    with hostile.serve(hostile.serving({})) as address:
        project.write(
            "t.apitest.yaml",
            f"""\
            scenario: yaml
            endpoints: {{api: {{url: "{address.url}", openapi: "/404?format=yaml&k=a"}}}}
            steps: [{{request: GET /a}}]
            """,
        )
        run = project.run()
    assert "t.apitest.yaml:2" in run.out
    assert 'openapi: "/404?format=****&k=*"}}' in run.out
