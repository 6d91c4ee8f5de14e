"""An API that answers with what its path asks for and notes every request."""

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
