"""The table of routes, and the application made of it."""

from dataclasses import dataclass

from aiohttp import web

from pytest_apitest.demo import auth, jobs, mirror, pages, quotes, service
from pytest_apitest.demo.auth import GATE, Gate, guarded
from pytest_apitest.demo.pages import FORMS
from pytest_apitest.demo.problems import Handler, answer_with_problems
from pytest_apitest.demo.store import STORE, Store

MAX_BODY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One route.

    Args:
        method: the method, `*` for any; GET answers HEAD too.
        path: the path, as in the OpenAPI description.
        handler: answers.

    """

    method: str
    path: str
    handler: Handler


ROUTES = (
    Entry("POST", "/quotes", guarded(quotes.create)),
    Entry("GET", "/quotes", quotes.list_all),
    Entry("GET", "/quotes/{id}", quotes.read),
    Entry("PUT", "/quotes/{id}", guarded(quotes.replace_all)),
    Entry("PATCH", "/quotes/{id}", guarded(quotes.change)),
    Entry("DELETE", "/quotes/{id}", guarded(quotes.remove)),
    Entry("POST", "/quotes/{id}/portrait", guarded(quotes.add_portrait)),
    Entry("POST", "/jobs", guarded(jobs.start)),
    Entry("GET", "/jobs/{id}", jobs.read),
    Entry("GET", "/auth/basic", auth.basic),
    Entry("GET", "/auth/digest", auth.digest),
    Entry("POST", "/oauth/token", auth.oauth_token),
    Entry("POST", "/login", auth.log_in),
    Entry("GET", "/me", auth.me),
    Entry("POST", "/logout", auth.log_out),
    Entry("GET", "/admin/report", guarded(auth.report)),
    Entry("*", "/echo", mirror.echo),
    Entry("POST", "/forms", mirror.form),
    Entry("POST", "/text", mirror.text),
    Entry("GET", "/html", pages.form_page),
    Entry("POST", "/html", pages.submit_form),
    Entry("GET", "/html/done", pages.done_page),
    Entry("GET", "/redirect/{n}", pages.redirect),
    Entry("POST", "/redirect-post", pages.redirect_post),
    Entry("GET", "/cookies/set", pages.set_cookies),
    Entry("GET", "/logo.png", pages.logo),
    Entry("GET", "/numbers", service.numbers),
    Entry("GET", "/slow", service.slow),
    Entry("GET", "/status/{code}", service.status),
    Entry("GET", "/flaky", service.flaky),
    Entry("POST", "/reset", service.reset),
    Entry("GET", "/health", service.health),
    Entry("GET", "/openapi.json", service.describe),
)


def build(*, publication_delay: float, job_delay: float, token: str) -> web.Application:
    """Make an application with an empty store."""
    app = web.Application(middlewares=[answer_with_problems], client_max_size=MAX_BODY)
    app[STORE] = Store(publication_delay, job_delay)
    app[GATE] = Gate(token)
    app[FORMS] = {}
    for entry in ROUTES:
        if entry.method == "GET":
            app.router.add_get(entry.path, entry.handler)
        else:
            app.router.add_route(entry.method, entry.path, entry.handler)
    return app
