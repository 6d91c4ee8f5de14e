"""CPU per keep-alive request: `Network.send` beside `httpx.Client.request`, against one tiny server.

A script, not a test: `PYTHONPATH=. python tests/bench/transport.py [requests per round] [rounds]`. The server runs in
a process of its own, the rounds of the two clients take turns, and CPU time of this process alone is counted.
"""

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import httpx

from pytest_apitest.exchange import Request
from pytest_apitest.transport import Network

_BODY = b'{"id": 17, "author": "Ada", "text": "It works here"}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: tiny\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


def main() -> None:
    """Run the rounds and print microseconds of CPU per request."""
    if sys.argv[1:2] == ["serve"]:
        _serve()
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/quotes/17"
        try:
            _compare(url, count, rounds)
        finally:
            server.terminate()


def _compare(url: str, count: int, rounds: int) -> None:
    with Network() as network, httpx.Client(trust_env=False) as client:
        host = url.split("/")[2]
        headers = (("Host", host), ("Accept", "*/*"), ("User-Agent", "bench"), ("X-Request-Id", "0123456789"))

        def ours() -> None:
            answer = network.send(Request("GET", url, headers, deadline=time.monotonic() + 30))
            assert answer.body == _BODY

        def theirs() -> None:
            answer = client.request("GET", url, headers=dict(headers))
            assert answer.content == _BODY

        clients: dict[str, Callable[[], None]] = {"Network.send": ours, "httpx.Client.request": theirs}
        taken: dict[str, list[float]] = {name: [] for name in clients}
        for round_number in range(rounds + 1):
            for name, request in clients.items():
                begun = time.process_time()
                for _ in range(count):
                    request()
                if round_number:  # the first one warms up
                    taken[name].append((time.process_time() - begun) / count * 1e6)
        for name, figures in taken.items():
            print(f"{name:22} {statistics.median(figures):6.0f} us CPU per request (best {min(figures):.0f})")


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
