"""What loading the transport costs: nothing that a request over plain http does not need."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


UNWANTED = {"httpx", "httpcore", "h11", "h2", "anyio", "aiohttp", "asyncio", "requests", "http.client", "email", "queue",
            "base64", "ssl", "_ssl", "zlib", "gzip", "encodings.idna"}  # fmt: skip

SCRIPT = """
import socket, sys, time
from pytest_apitest.exchange import Request, TransportError
from pytest_apitest.transport import Network
print(sorted(set(sys.modules) & UNWANTED))
with socket.create_server(("127.0.0.1", 0)) as server, Network() as network:
    try:
        network.send(Request("GET", "http://localhost:%d/" % server.getsockname()[1], deadline=time.monotonic() + 0.1))
    except TransportError as error:
        print(error.kind)
print(sorted(set(sys.modules) & UNWANTED))
"""


def test_neither_the_import_nor_a_plain_request_brings_what_it_does_not_need() -> None:
    code = f"UNWANTED = {UNWANTED!r}\n{SCRIPT}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\ntimeout\n[]\n"


def test_no_http_engine_is_imported() -> None:
    users = [
        path
        for path in (ROOT / "pytest_apitest").rglob("*.py")
        if re.search(r"^\s*(import|from) (httpcore|h11)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert users == []
