"""The cookies of a run: a jar that is made when the first cookie comes, since most runs see none."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_apitest.cookies import CookieJar


class Jar:
    """The cookies of one run of a case; empty at its start."""

    __slots__ = ("_jar",)

    def __init__(self) -> None:
        self._jar: CookieJar | None = None

    def store(self, url: str, lines: Iterable[str], now: float) -> None:
        """Keep the cookies that a response from a URL set."""
        self._made().store(url, lines, now)

    def header_for(self, url: str, now: float, extra: Mapping[str, str]) -> str | None:
        """Return the Cookie header for a URL, with the request's own cookies, or None when there are none."""
        if self._jar is None and not extra:
            return None
        return self._made().header_for(url, now, extra)

    def _made(self) -> "CookieJar":
        if self._jar is None:
            from pytest_apitest.cookies import CookieJar  # noqa: PLC0415 - only for runs with cookies

            self._jar = CookieJar()
        return self._jar
