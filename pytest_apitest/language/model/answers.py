"""What is looked at in an answer: expectations, sources of saves, retries (language, sections 7 to 9)."""

from typing import Any

from pytest_apitest.checks.evaluation import Check
from pytest_apitest.data import data
from pytest_apitest.language.model.requests import START, Mark, PathTemplate
from pytest_apitest.references import Value


@data
class Expectation:
    """What is written behind `expect`, `should` or `give_up_when`, with its `like` already merged in.

    Args:
        status: check of the status code, or None.
        headers: checks by header name.
        content_type: checks of `type` and `charset`.
        cookies: checks by cookie name.
        duration: check of the duration in seconds.
        url: check of the last URL.
        text: check of the body as text.
        body: checks of the bytes by name.
        json: paths with their checks.
        openapi: `exchange` or `response`: what must follow the description; empty when not written.
        mark: where it stands.

    """

    status: Check | None = None
    headers: tuple[tuple[str, Check], ...] = ()
    content_type: tuple[tuple[str, Check], ...] = ()
    cookies: tuple[tuple[str, Check], ...] = ()
    duration: Check | None = None
    url: Check | None = None
    text: Check | None = None
    body: tuple[tuple[str, Check], ...] = ()
    json: tuple[tuple[PathTemplate, Check], ...] = ()
    openapi: str = ""
    mark: Mark = START


@data
class SaveSource:
    """Where a saved value comes from.

    Args:
        kind: `json`, `header`, `cookie`, `text`, `url` or `status`.
        path: the path of `json`.
        name: the name of `header` and `cookie`.
        regex: expression applied to each value, or None.
        take: `first`, `last`, `all`, or None for exactly one.
        optional: whether nothing found is fine.
        secret: whether the value is masked.
        mark: where it stands.

    """

    kind: str
    mark: Mark
    path: PathTemplate | None = None
    name: str = ""
    regex: Any = None
    take: str | None = None
    optional: bool = False
    secret: bool = False


@data
class Save:
    """A name and where its value comes from."""

    name: str
    source: SaveSource
    mark: Mark


@data
class Retry:
    """How often and how long a step is tried.

    Args:
        times: tries in all, or None.
        limit: seconds from the first try, or None.
        every: seconds between tries.
        give_up_when: an expectation that ends it, or None.

    """

    times: Value | None
    limit: Value | None
    every: Value
    give_up_when: Expectation | None
    mark: Mark
