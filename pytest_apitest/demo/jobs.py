"""The routes of jobs."""

from aiohttp import web

from pytest_apitest.demo.problems import RefusedError, invalid
from pytest_apitest.demo.store import STORE, now_utc
from pytest_apitest.demo.validation import check_fields, one_of, read_json

FIELDS = {"kind": one_of("succeed", "fail")}


async def start(request: web.Request) -> web.StreamResponse:
    """Start a job that succeeds or fails, as it is told."""
    fields, errors = check_fields(await read_json(request), FIELDS, ("kind",))
    if errors:
        raise invalid(errors)
    job = request.app[STORE].create_job(fields["kind"], {})
    return web.json_response(job.as_json(now_utc()), status=202, headers={"Location": job.path})


async def read(request: web.Request) -> web.StreamResponse:
    """Answer how far a job is."""
    key = request.match_info["id"]
    job = request.app[STORE].jobs.get(key)
    if job is None:
        message = f"there is no job {key}"
        raise RefusedError(404, message)
    return web.json_response(job.as_json(now_utc()))
