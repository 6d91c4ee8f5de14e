"""Every refusal of the demo API, as `application/problem+json` (RFC 9457).

Rules kept here:
- handlers raise `RefusedError`; what the router refuses (unknown path, wrong method, too large) and what
  fails by mistake takes the same shape;
- a body that is not valid is refused once, with all its errors.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Headers = Sequence[tuple[str, str]]

PROBLEM_TYPE = "application/problem+json"

logger = logging.getLogger("pytest_apitest.demo")


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a body or one parameter of a query.

    Args:
        field: its name; `tags[1]` is an element, an empty name is the body itself.
        code: one of required, type, empty, too_long, format, out_of_range, unknown.
        message: one sentence for people.

    """

    field: str
    code: str
    message: str


class RefusedError(Exception):
    """A request is refused.

    Args:
        status: the status of the answer.
        detail: one sentence for people.
        errors: the errors of single fields, for 422.
        headers: header lines that belong to the status, such as `WWW-Authenticate`.

    """

    def __init__(
        self, status: int, detail: str, *, errors: Iterable[FieldError] = (), headers: Headers = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = tuple(headers)


def invalid(errors: Sequence[FieldError]) -> RefusedError:
    """Make the refusal of a request whose fields are not valid."""
    fields = "field is" if len(errors) == 1 else "fields are"
    return RefusedError(422, f"{len(errors)} {fields} not valid", errors=errors)


def problem(
    status: int, detail: str, *, errors: Sequence[FieldError] = (), headers: Headers = ()
) -> web.Response:
    """Make a problem response."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
    body: dict[str, object] = {"type": "about:blank", "title": phrase, "status": status, "detail": detail}
    if errors:
        body["errors"] = [asdict(error) for error in errors]
    response = web.Response(
        status=status, body=json.dumps(body, ensure_ascii=False).encode(), content_type=PROBLEM_TYPE
    )
    for name, value in headers:
        response.headers.add(name, value)
    return response


@web.middleware
async def answer_with_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals and failures into problem responses; answer OPTIONS for every known path."""
    try:
        return await handler(request)
    except RefusedError as refusal:
        return problem(refusal.status, refusal.detail, errors=refusal.errors, headers=refusal.headers)
    except web.HTTPMethodNotAllowed as refusal:
        allowed = ", ".join(sorted({*refusal.allowed_methods, "OPTIONS"}))
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={"Allow": allowed})
        return problem(405, f"{request.method} is not possible here", headers=[("Allow", allowed)])
    except web.HTTPNotFound:
        return problem(404, f"there is nothing at {request.path}")
    except web.HTTPRequestEntityTooLarge:
        return problem(413, "the body is too large")
    except web.HTTPException as refusal:
        return problem(refusal.status, refusal.reason)
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return problem(500, "the demo API failed")
