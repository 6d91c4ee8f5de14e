"""The scenarios that come with the plugin: they pass as a user runs them, and fail where they must.

What the demo API cannot show, since it speaks plain HTTP to anybody, runs here against real TLS and a real proxy.
"""

import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pytest_apitest.engine import Options
from pytest_apitest.selection import documents_below, package_scenarios, title_of
from tests.harness import bench_in

DEMO = package_scenarios() / "demo"
FILES = documents_below(DEMO)
# Cases that say themselves that they do not run, by the reason that is shown.
NOT_MEANT_TO_RUN = {
    "Q-9 quotes can be searched": "not built yet",
    "Q-10 quotes can be sorted by text": "expected to fail: known since the first release",
    "Q-11 a partner may write": "not run: partner is not set",
    "Q-12 quotes are printed on paper": "level is ignore",
    "not built yet": "the demo API has no search",
    "known to be wrong": "expected to fail: the demo API cannot sort by text",
    "Demo search": "the demo API has no search yet",
    "Demo sorting": "expected to fail: the demo API cannot sort by language or text",
    "not run without a nickname": "not run: nickname is not set",
    "not run without the spare endpoint": "not run: spare is not set",
}


def run_pytest(folder: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Run pytest in a folder and return what it said, and the outcome of the run."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--apitest-report", "report", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(("DEMO_", "PYTEST_"))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    result = folder / "report" / "result.json"
    return done, json.loads(result.read_text(encoding="utf-8")) if result.is_file() else {}


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    """Return the outcomes of a run by document and case."""
    return {f"{case['scenario']} > {case['title']}": case["outcome"] for case in result["cases"]}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return the folder of somebody else's project, which is strict about everything."""
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n", encoding="utf-8"
    )
    return tmp_path


# -- as a user runs them --------------------------------------------------------------------------------


def test_all_pass_by_name_in_a_strict_project(elsewhere: Path) -> None:
    done, result = run_pytest(elsewhere, "--apitest-scenario", "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {case["title"]: case for case in result["cases"]}
    assert {title for title, case in found.items() if case["outcome"] != "passed"} == set(NOT_MEANT_TO_RUN)
    assert {title: found[title]["reason"] for title in NOT_MEANT_TO_RUN} == NOT_MEANT_TO_RUN
    assert all(case["checks"] for case in found.values() if case["outcome"] == "passed")
    documents = {case["scenario"] for case in result["cases"]}
    runnable = {found[1] for found in map(title_of, FILES) if found is not None and found[0] != "fragment"}
    assert documents == runnable
    assert "lovelace" not in done.stdout + done.stderr + json.dumps(result)


def test_all_pass_in_random_order_on_workers(elsewhere: Path) -> None:
    done, result = run_pytest(elsewhere, "--apitest-scenario", "demo", "-n", "4", "-p", "randomly")
    assert done.returncode == 0, done.stdout + done.stderr
    words = {word for word in outcomes(result).values() if word != "passed"}
    assert words == {"skipped", "not_run"}


def test_the_first_one_is_quick_and_goes_by_its_title(elsewhere: Path) -> None:
    done, result = run_pytest(elsewhere, "--apitest-scenario", "Demo API")
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcomes(result) == {"Demo API > Demo API": "passed"}
    assert result["verdict"] == "Success"
    # The quote is published after 0.3 seconds; nothing else waits.
    assert result["duration_ms"] < 10_000
    assert len((DEMO / "quotes.apitest.yaml").read_text(encoding="utf-8").splitlines()) < 80


def test_titles_are_unique_and_say_that_they_are_the_demo() -> None:
    titles = [found[1] for found in map(title_of, FILES) if found is not None]
    assert len(set(titles)) == len(FILES) >= 14
    assert [title for title in titles if not title.startswith("Demo ")] == []


# -- able to fail ---------------------------------------------------------------------------------------


class _Unable(BaseHTTPRequestHandler):
    """Answers 501 to everything."""

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_error(501)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[str]:
    """Serve while the block runs and give the base URL."""
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_no_case_passes_against_a_server_that_can_do_nothing(elsewhere: Path) -> None:
    with running(ThreadingHTTPServer(("127.0.0.1", 0), _Unable)) as url:
        done, result = run_pytest(
            elsewhere, "--apitest-scenario", "demo", f"--apitest-endpoint=api={url}", "-n", "2"
        )
    assert done.returncode == 1, done.stdout + done.stderr
    assert [name for name, word in outcomes(result).items() if word in ("passed", "warned")] == []
    assert result["verdict"] == "Failed"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.partition(".")[0])
def test_every_document_is_written_for_readers(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert [line for line in lines if len(line) > 120] == []
    assert [line for line in lines if "\t" in line or line != line.rstrip()] == []


# -- TLS and proxies ------------------------------------------------------------------------------------

# Settings that mean something only with TLS or a proxy, at every place where they may stand.
SECURE = {
    "scenario": """
        scenario: Over TLS
        endpoints:
          trusting: {url: "${base}", verify: ca.pem, cert: {cert: client.pem, key: client.key, password: sesame}}
          unchecked: {url: "${base}/below", verify: false, cert: both.pem}
        variables: {base: {required: true}}
        cases:
          - case: the settings of the endpoint
            steps:
              - {request: "GET ${trusting}/", expect: {json: {$.client: ada}}}
              - {request: "GET ${unchecked}/", expect: {json: {$.client: ada}}}
          - case: the settings of the step
            steps:
              - request: GET ${unchecked}/
                verify: ca.pem
                cert: {cert: client.pem, key: client.key, password: sesame}
                cleanup: {request: "GET ${unchecked}/clean", verify: ca.pem, cert: both.pem}
                expect: {json: {$.client: ada}}
          - case: without a certificate of the client
            steps:
              - request: GET ${trusting}/
                cert: {cert: stranger.pem}
                retry: {times: 2, every: 0s}
        """,
    "contract": """
        contract: Over TLS
        endpoints: {api: {required: true}}
        rules:
          - id: T-1
            rule: the client is known by its certificate
            request: GET /
            verify: ca.pem
            cert: both.pem
            expect: {json: {$.client: ada}}
        """,
    "untrusted": """
        scenario: Without the authority
        endpoints: {api: {required: true}}
        steps: [{request: GET /, cert: both.pem}]
        """,
}
PROXIED = {
    "scenario": """
        scenario: Through a proxy
        endpoints: {api: {app: "pytest_apitest.demo:create_app", proxy: "${proxy}"}, direct: {url: "${api}"}}
        variables: {proxy: {required: true}}
        steps:
          - {request: "GET ${api}/echo", expect: {headers: {via: 1.1 test}, json: {$.method: GET}}}
          - {request: "GET ${direct}/echo", expect: {headers: {via: {exists: false}}}}
          - request: GET ${direct}/echo
            proxy: ${proxy}
            expect: {headers: {via: 1.1 test}}
            cleanup: {request: "GET ${direct}/echo", proxy: "${proxy}", expect: {headers: {via: 1.1 test}}}
        """,
    "contract": """
        contract: Through a proxy
        endpoints: {api: {app: "pytest_apitest.demo:create_app"}}
        variables: {proxy: {required: true}}
        rules:
          - {id: P-1, rule: the proxy is used, request: GET /echo, proxy: "${proxy}", expect: {headers: {via: 1.1 test}}}
        """,
}
PEM_FILES = ("ca.pem", "client.pem", "client.key", "both.pem", "stranger.pem")


def settings(**given: Any) -> Options:
    """Return what the command line gives, and an empty environment."""
    return Options(**given, environment={})


class _Known(BaseHTTPRequestHandler):
    """Answers who the client is by its certificate."""

    def do_GET(self) -> None:
        assert isinstance(self.connection, ssl.SSLSocket)
        certificate = self.connection.getpeercert() or {}
        alternatives: Any = certificate.get("subjectAltName", ())
        names = [value for kind, value in alternatives if kind == "DNS"]
        body = json.dumps({"client": names[0].partition(".")[0] if names else None}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _TlsServer(ThreadingHTTPServer):
    """Asks every client for a certificate of the authority."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Known)
        self.context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(10)
        try:
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:
            pass  # the handshake failed, which is what a test is about


def write_certificates(folder: Path) -> ssl.SSLContext:
    """Write the PEM files of the documents and return the context of the server."""
    authority, other = trustme.CA(), trustme.CA()
    mine, stranger = authority.issue_cert("ada.example.org"), other.issue_cert("eve.example.org")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    key = load_pem_private_key(mine.private_key_pem.bytes(), None)
    (folder / "client.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"sesame"))
    )
    mine.cert_chain_pems[0].write_to_path(folder / "client.pem")
    mine.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    stranger.private_key_and_cert_chain_pem.write_to_path(folder / "stranger.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def test_tls_settings_of_endpoints_steps_cleanups_and_rules(tmp_path: Path) -> None:
    with running(_TlsServer(write_certificates(tmp_path))) as plain, bench_in(tmp_path) as bench:
        url = plain.replace("http://", "https://")
        ran = bench.run(SECURE["scenario"], options=settings(variables={"base": url}))
        assert ran.outcomes == ["passed", "passed", "error"], ran.messages
        assert re.search("certificate|handshake|closed|reset|TLS", ran.messages[-1]), ran.messages
        assert [name for name, _ in ran.steps].count("GET ${unchecked}/clean") == 1
        options = settings(endpoints={"api": url})
        assert bench.run(SECURE["contract"], options=options).outcomes == ["passed"]
        untrusted = bench.run(SECURE["untrusted"], options=options)
        assert untrusted.outcomes == ["error"]
        assert "certificate not trusted" in untrusted.messages[0]
        assert "sesame" not in str(ran.cases) + str(ran.messages)


class _Proxy(BaseHTTPRequestHandler):
    """Hands requests on and says so in the header Via."""

    def do_GET(self) -> None:
        split = urllib.parse.urlsplit(self.path)
        assert split.hostname is not None
        connection = http.client.HTTPConnection(split.hostname, split.port, timeout=10)
        try:
            connection.request("GET", split.path or "/")
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        self.send_response(answer.status)
        self.send_header("Via", "1.1 test")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_the_proxy_of_endpoints_steps_cleanups_and_rules(tmp_path: Path) -> None:
    with running(ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)) as proxy, bench_in(tmp_path) as bench:
        options = settings(variables={"proxy": proxy})
        for text in PROXIED.values():
            ran = bench.run(text, options=options)
            assert ran.outcomes == ["passed"], ran.messages
        nobody = settings(variables={"proxy": "http://127.0.0.1:1"})
        assert bench.run(PROXIED["contract"], options=nobody).outcomes == ["error"]
