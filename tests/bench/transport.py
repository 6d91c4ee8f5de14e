"""CPU per keep-alive request: `Network.send` beside `httpx.Client.request` and raw httpcore, against one tiny server.

A script, not a test: `PYTHONPATH=. python tests/bench/transport.py [requests per round] [rounds]`. The server runs in
a process of its own, the rounds of the clients take turns, and CPU time of this process alone is counted. Both
processes are kept on one core, where the system allows it: waking a sleeping core costs a client some 50 us that are
not its own. A bare socket that neither knows deadlines nor reads what it gets shows what the system still takes.
"""

import importlib.util
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

import httpx

from pytest_apitest.exchange import Request
from pytest_apitest.transport import Network

_BODY = b'{"id": 17, "author": "Ada", "text": "It works here"}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: tiny\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)
_PATH = "/quotes/17"


def main() -> None:
    """Run the rounds and print microseconds of CPU per request."""
    if sys.argv[1:2] == ["serve"]:
        _serve()
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            with ExitStack() as stack:
                _compare(_clients(int(server.stdout.readline()), stack), count, rounds)
        finally:
            server.terminate()


def _clients(port: int, stack: ExitStack) -> dict[str, Callable[[], object]]:
    """Return what each client does for one request, which gives the body."""
    host = f"127.0.0.1:{port}"
    url = f"http://{host}{_PATH}"
    headers = (("Host", host), ("Accept", "*/*"), ("User-Agent", "bench"), ("X-Request-Id", "0123456789"))
    fields = dict(headers)
    network = stack.enter_context(Network())
    client = stack.enter_context(httpx.Client(trust_env=False))
    sock = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
    raw = f"GET {_PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def bare() -> bytes:
        sock.send(raw)
        return sock.recv(65536)[-len(_BODY) :]

    def ours() -> bytes:
        return network.send(Request("GET", url, headers, deadline=time.monotonic() + 30)).body

    def theirs() -> bytes:
        return client.request("GET", url, headers=fields).content

    clients: dict[str, Callable[[], object]] = {"bare socket": bare, "Network.send": ours}
    if importlib.util.find_spec("httpcore"):
        import httpcore

        pool = stack.enter_context(httpcore.ConnectionPool())
        timeouts = {"timeout": {"connect": 30.0, "read": 30.0, "write": 30.0, "pool": 30.0}}

        def engine() -> object:
            return pool.request("GET", url, headers=headers, extensions=timeouts).content

        clients["httpcore.ConnectionPool"] = engine
    return clients | {"httpx.Client.request": theirs}


def _compare(clients: dict[str, Callable[[], object]], count: int, rounds: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name in clients}
    for round_number in range(rounds + 1):
        for name, request in clients.items():
            assert request() == _BODY
            begun = time.process_time()
            for _ in range(count):
                request()
            if round_number:  # the first one warms up
                taken[name].append((time.process_time() - begun) / count * 1e6)
    for name, figures in taken.items():
        print(f"{name:24} {statistics.median(figures):6.0f} us CPU per request (best {min(figures):.0f})")


def _serve() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # One client at a time would block the other one's connection, so each gets a thread.
            _in_thread(sock)


def _in_thread(sock: socket.socket) -> None:
    import threading

    def answer() -> None:
        with sock:
            while sock.recv(65536):
                sock.sendall(_ANSWER)

    threading.Thread(target=answer, daemon=True).start()


if __name__ == "__main__":
    main()
