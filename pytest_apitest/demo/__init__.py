"""The demo API: quotes, with everything around them that a scenario has to cope with.

Rules kept here:
- one application instance holds all its data in memory; two instances share nothing;
- importing this package costs nothing, aiohttp comes with the first application.

Scenarios name it as `pytest_apitest.demo:create_app`; people start it with `python -m pytest_apitest.demo`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

TOKEN = "demo-token"  # noqa: S105 - printed for everybody who starts the demo


def create_app(
    *, publication_delay: float = 0.3, job_delay: float = 0.3, token: str = TOKEN
) -> "web.Application":
    """Make a demo API with an empty store.

    Args:
        publication_delay: seconds from the creation of a quote to its publication or rejection.
        job_delay: seconds that a job takes; the first third it waits, then it runs.
        token: the token that may write.

    """
    from pytest_apitest.demo.app import build  # noqa: PLC0415 - keeps the import of aiohttp out of `import`

    return build(publication_delay=publication_delay, job_delay=job_delay, token=token)


def serve(port: int) -> None:
    """Serve the demo API on a port of 127.0.0.1 until Ctrl-C; 0 lets the system choose the port.

    Raises:
        pytest_apitest.hosting.AppError: nothing can listen on that port.

    """
    from pytest_apitest.demo.serving import run  # noqa: PLC0415

    run(port)
