"""An API that answers with what its path asks for and notes every request."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from tests.harness import Bench


class Noting:
    """An API: `/<status>/<name>` answers with that status and `{"name": …, "number": …}`.

    Args:
        bench: hosts it.

    """

    def __init__(self, bench: Bench) -> None:
        # What was asked, in order: `METHOD name`.
        self.asked: list[str] = []
        self.url = bench.serve(("*", "/{status}/{name:.+}", self._answer))

    async def _answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked.append(f"{request.method} {name}")
        return web.json_response(
            {"name": name, "number": len(self.asked)}, status=int(request.match_info["status"])
        )


def fixed(
    bench: Bench,
    body: bytes | str = b"",
    *headers: tuple[str, str],
    status: int = 200,
    type_: str = "application/json",
) -> str:
    """Host an API that always gives this answer and return its base URL."""
    data = body.encode() if isinstance(body, str) else body

    async def answer(_: web.Request) -> web.Response:
        response = web.Response(body=data, status=status)
        if type_:
            response.headers["Content-Type"] = type_
        for name, value in headers:
            response.headers.add(name, value)
        return response

    return bench.serve(("*", "/{tail:.*}", answer))


@contextmanager
def refusing() -> Iterator[int]:
    """Give a port that is taken and listens to nobody, so that connections to it are refused."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield int(sock.getsockname()[1])
