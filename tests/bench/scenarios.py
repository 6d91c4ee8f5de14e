"""200 scenarios of three requests, against the same tests written by hand, and against Tavern.

Run it as a script: `python tests/bench/scenarios.py [--rounds N] [--scenarios N] [--tavern]`. Everything is
measured in one run, in turns, since a shared machine is slower at one moment than at another: read the ratios.

- `hand`: pytest with one shared httpx client, 20 files of ten tests;
- `ours`: 200 documents, with result.json and shield written;
- `Tavern`: 200 documents of its own, in an environment of its own (made on the first `--tavern`), `pytest<9.2`;
- warm: pytest may keep bytecode of rewritten tests from the round before; cold: it may not, as in a container.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER = """
import asyncio, sys
BODY = b'{"id": 7, "name": "Ada", "ok": true}'
ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(BODY), BODY)

class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.received = transport, b""
    def data_received(self, data):
        self.received += data
        while b"\\r\\n\\r\\n" in self.received:
            head, _, rest = self.received.partition(b"\\r\\n\\r\\n")
            length = 0
            for line in head.lower().split(b"\\r\\n"):
                if line.startswith(b"content-length:"):
                    length = int(line[15:])
            if len(rest) < length:
                return
            self.received = rest[length:]
            self.transport.write(ANSWER)

async def main():
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""

SCENARIO = """\
scenario: Scenario {n}
endpoints: {{api: "{url}"}}
steps:
  - name: read
    request: GET /users/{n}
    save: {{id: $.id}}
    expect:
      status: 200
      json:
        $.name: Ada
        $.id: {{at_least: 1}}
  - name: read what was saved
    request: GET /users/${{id}}
  - name: create
    request:
      POST: /users
      json: {{name: Ada, number: {n}}}
    expect:
      json: {{$.ok: true}}
"""

HAND = """
def test_{n}(client):
    response = client.get("/users/{n}")
    assert response.status_code == 200
    body = response.json()
    assert body["name"] == "Ada"
    assert body["id"] >= 1
    response = client.get(f"/users/{{body['id']}}")
    assert response.is_success
    response = client.post("/users", json={{"name": "Ada", "number": {n}}})
    assert response.is_success
    assert response.json()["ok"] is True
"""

CLIENT = """
import httpx, pytest
@pytest.fixture(scope="session")
def client():
    with httpx.Client(base_url="{url}") as client:
        yield client
"""

TAVERN = """\
test_name: Scenario {n}
stages:
  - name: read
    request: {{url: "{url}/users/{n}", method: GET}}
    response:
      status_code: 200
      json: {{name: Ada, id: 7}}
      strict: false
      save: {{json: {{id: id}}}}
  - name: read what was saved
    request: {{url: "{url}/users/{{id}}", method: GET}}
    response: {{status_code: 200}}
  - name: create
    request: {{url: "{url}/users", method: POST, json: {{name: Ada, number: {n}}}}}
    response:
      status_code: 200
      json: {{ok: true}}
      strict: false
"""


@contextmanager
def serving() -> Iterator[str]:
    """Serve from a process of its own and give its base URL."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def write_suites(folder: Path, url: str, count: int) -> None:
    """Write the three suites."""
    for name in ("ours", "hand", "tavern", "empty"):
        (folder / name).mkdir()
    (folder / "empty" / "test_empty.py").write_text("def test_nothing(): pass\n")
    (folder / "hand" / "conftest.py").write_text(CLIENT.format(url=url))
    for n in range(count):
        (folder / "ours" / f"s{n:03}.apitest.yaml").write_text(SCENARIO.format(n=n, url=url))
        (folder / "tavern" / f"test_{n:03}.tavern.yaml").write_text(TAVERN.format(n=n, url=url))
    for start in range(0, count, 10):
        tests = "".join(HAND.format(n=n) for n in range(start, min(start + 10, count)))
        (folder / "hand" / f"test_{start:03}.py").write_text(textwrap.dedent(tests))


def run(command: list[str], folder: Path, *, cold: bool) -> tuple[float, float, float]:
    """Run a command; return CPU seconds, wall seconds and the largest memory in MiB."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if cold:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        for cache in folder.rglob("__pycache__"):
            shutil.rmtree(cache)
    before = os.times().elapsed
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output.decode()[-3000:]}")
    return usage.ru_utime + usage.ru_stime, os.times().elapsed - before, usage.ru_maxrss / 1024


def tavern_python() -> str:
    """Return the interpreter of Tavern's own environment, and make that when it is not there."""
    home = Path(tempfile.gettempdir()) / "pytest-apitest-bench-tavern"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "tavern", "pytest<9.2"], check=True)
    return str(python)


def commands(folder: Path, *, tavern: bool) -> dict[str, list[str]]:
    """Return the command of each column."""
    bare = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:rerunfailures", "-p", "no:timeout"]
    pytest = [sys.executable, "-m", "pytest", *bare, "-p", "no:xdist"]
    found = {
        "empty": [*pytest, "-p", "no:apitest", "empty"],
        "one": [*pytest, "ours/s000.apitest.yaml"],
        "hand": [*pytest, "-p", "no:apitest", "hand"],
        "ours": [*pytest, "ours", "--apitest-report", str(folder / "reports")],
    }
    if tavern:
        found["Tavern"] = [tavern_python(), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tavern"]
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU of 200 scenarios against hand-written tests and Tavern")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scenarios", type=int, default=200)
    parser.add_argument("--tavern", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving() as url:
        folder = Path(name)
        write_suites(folder, url, given.scenarios)
        columns = commands(folder, tavern=given.tavern)
        figures: dict[tuple[str, bool], list[tuple[float, float, float]]] = {}
        for command in columns.values():
            run(command, folder, cold=False)
        for _ in range(given.rounds):
            for cold in (False, True):
                for column, command in columns.items():
                    figures.setdefault((column, cold), []).append(run(command, folder, cold=cold))
        print_table(columns, figures)


def print_table(
    columns: dict[str, list[str]], figures: dict[tuple[str, bool], list[tuple[float, float, float]]]
) -> None:
    """Print CPU, wall and memory, and the ratios that matter."""
    print(f"{'':8}{'':6}{'CPU s min':>10}{'median':>9}{'wall s':>9}{'MiB':>7}")
    for cold in (False, True):
        for column in columns:
            rounds = figures[column, cold]
            cpu = [one[0] for one in rounds]
            wall = statistics.median(one[1] for one in rounds)
            memory = max(one[2] for one in rounds)
            word = "cold" if cold else "warm"
            print(f"{column:8}{word:6}{min(cpu):10.2f}{statistics.median(cpu):9.2f}{wall:9.2f}{memory:7.0f}")
    for cold in (False, True):
        low = {column: min(one[0] for one in figures[column, cold]) for column in columns}
        word = "cold" if cold else "warm"
        ratios = [f"one/empty {low['one'] / low['empty']:.2f}", f"ours/hand {low['ours'] / low['hand']:.2f}"]
        if "Tavern" in low:
            ratios.append(f"ours/Tavern {low['ours'] / low['Tavern']:.2f}")
        print(f"{word}: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
