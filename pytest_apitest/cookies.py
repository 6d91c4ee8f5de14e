"""The cookies of one run: what `Set-Cookie` lines store, and what the `Cookie` header of a request says.

Rules kept here, each with its source (RFC 6265 where nothing else is named):
- a line is read by section 5.2: attribute names without case, unknown attributes skipped, quotes kept; a
  line with control characters, without `=` or without a name sets nothing (RFC 6265bis, section 5.6);
- Expires is read by the lenient algorithm of section 5.1.1; Max-Age wins over it (section 5.3, step 3);
- a cookie belongs to its host alone or, with Domain, to the hosts below it too (section 5.1.3). Domain must
  cover the host that sets it; a Domain without a dot is taken only from that host itself, which stands in
  for a list of public suffixes (section 5.3, step 5); IP addresses never have hosts below them;
- paths by section 5.1.4; ports do not separate (section 8.5); the case of hosts does not count;
- Secure cookies, and names that begin with `__Secure-` or `__Host-`, are set and sent over https only, and
  plain http leaves them alone (RFC 6265bis, section 5.7). Loopback hosts count as https, as in browsers;
- HttpOnly and SameSite are about scripts and pages, of which there are none here: kept, without effect;
- order of sending: longest path first, then as first set (section 5.4, step 2);
- a cookie of more than 4,096 bytes, or a 181st cookie, is ignored (section 6.1 asks for at least as much
  per cookie).

The time is handed in, so a jar gives the same answer for the same history.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

MAX_COOKIES = 180
MAX_COOKIE_BYTES = 4_096

_BLANKS = " \t"  # WSP of the grammar; str.strip() alone takes the no-break space of latin-1 too
_CONTROL = re.compile(r"[\x00-\x08\x0A-\x1F\x7F]")
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_MAX_AGE = re.compile(r"-?[0-9]+", re.ASCII)
_MAX_AGE_DIGITS = 12  # more seconds than any clock here will see

_DATE_TOKEN = re.compile(r"[^\t\x20-/;-@\[-`{-~]+")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9].*)?")
_DAY = re.compile(r"([0-9]{1,2})(?:[^0-9].*)?")
_YEAR = re.compile(r"([0-9]{2,4})(?:[^0-9].*)?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class SetCookie:
    """One `Set-Cookie` line, taken apart but not judged.

    Args:
        name: name, never empty.
        value: value as sent, quotes included; often a secret, so no part of the repr.
        attributes: name in lower case and value of each attribute, in order; repeats are kept.

    """

    name: str
    value: str = field(repr=False)
    attributes: tuple[tuple[str, str], ...] = ()

    def attribute(self, name: str) -> str | None:
        """Return the last value of an attribute, or None when it was not sent."""
        return next((value for key, value in reversed(self.attributes) if key == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Cookie:
    """One stored cookie.

    Args:
        name: name.
        value: value as sent; often a secret, so no part of the repr.
        domain: host, or domain of hosts, in lower case.
        path: the path it is sent to and below.
        host_only: whether hosts below `domain` do not get it.
        secure: whether it is sent over https only.
        expires: seconds since 1970 from which on it is gone; infinity for the end of the run.

    """

    name: str
    value: str = field(repr=False)
    domain: str
    path: str
    host_only: bool
    secure: bool
    expires: float

    def is_for(self, host: str, path: str) -> bool:
        """Tell whether requests to a path of a host get this cookie; `secure` is not looked at."""
        of_host = host == self.domain if self.host_only else _domain_matches(host, self.domain)
        return of_host and _path_matches(path, self.path)


@dataclass(frozen=True, slots=True)
class _Origin:
    """What cookies look at in a URL."""

    host: str
    path: str
    secure: bool


class CookieJar:
    """The cookies of one run; iterating gives those stored, in the order in which they were first set."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}

    def __iter__(self) -> Iterator[Cookie]:
        return iter(tuple(self._cookies.values()))

    def __len__(self) -> int:
        return len(self._cookies)

    def clear(self) -> None:
        """Forget all cookies."""
        self._cookies.clear()

    def store(self, url: str, set_cookie_lines: Iterable[str], now: float) -> None:
        """Store, replace and delete cookies as one response asks.

        Args:
            url: absolute URL of the request that was answered; a host of other than ASCII letters is in its
                `xn--` form.
            set_cookie_lines: the values of its `Set-Cookie` headers, in order, as latin-1 texts.
            now: seconds since 1970.

        """
        origin = _origin(url)
        self._drop_expired(now)
        for line in set_cookie_lines:
            parsed = parse_set_cookie(line)
            cookie = None if parsed is None else _cookie(parsed, origin, now)
            if cookie is not None and self._may_set(cookie, origin):
                self._put(cookie, now)

    def header_for(self, url: str, now: float, extra: Mapping[str, str] | None = None) -> str | None:
        """Return the value of the `Cookie` header for a request, or None when there is nothing to send.

        Args:
            url: absolute URL of the request.
            now: seconds since 1970.
            extra: cookies of this request only; they replace those of the jar of the same name, stand
                last, and are sent as they are.

        """
        own = {} if extra is None else extra
        origin = _origin(url)
        self._drop_expired(now)
        sent = [
            cookie
            for cookie in self._cookies.values()
            if cookie.name not in own
            and (origin.secure or not cookie.secure)
            and cookie.is_for(origin.host, origin.path)
        ]
        sent.sort(key=lambda cookie: -len(cookie.path))  # stable: equal lengths stay in order of creation
        pairs = [f"{cookie.name}={cookie.value}" for cookie in sent]
        pairs += [f"{name}={value}" for name, value in own.items()]
        return "; ".join(pairs) or None

    def _may_set(self, cookie: Cookie, origin: _Origin) -> bool:
        if origin.secure:
            return True
        return not cookie.secure and not any(
            other.secure
            and other.name == cookie.name
            and (_domain_matches(other.domain, cookie.domain) or _domain_matches(cookie.domain, other.domain))
            and _path_matches(cookie.path, other.path)
            for other in self._cookies.values()
        )

    def _put(self, cookie: Cookie, now: float) -> None:
        key = (cookie.name, cookie.domain, cookie.path)
        if cookie.expires <= now:
            self._cookies.pop(key, None)
        elif key in self._cookies or len(self._cookies) < MAX_COOKIES:
            self._cookies[key] = cookie  # a key that is there keeps its place, so the time of creation too

    def _drop_expired(self, now: float) -> None:
        gone = [key for key, cookie in self._cookies.items() if cookie.expires <= now]
        for key in gone:
            del self._cookies[key]


def parse_set_cookie(line: str) -> SetCookie | None:
    """Return a `Set-Cookie` line taken apart, or None when it sets nothing."""
    if _CONTROL.search(line):
        return None
    pair, *rest = line.split(";")
    name, equals, value = pair.partition("=")
    name = name.strip(_BLANKS)
    if not equals or not name:
        return None
    attributes = []
    for part in rest:
        key, _, text = part.partition("=")
        attributes.append((key.strip(_BLANKS).lower(), text.strip(_BLANKS)))
    return SetCookie(name, value.strip(_BLANKS), tuple(attributes))


def cookies_set_by(lines: Iterable[str]) -> dict[str, str]:
    """Return name and value of each cookie that `Set-Cookie` lines name; of a repeated name the last."""
    parsed = map(parse_set_cookie, lines)
    return {cookie.name: cookie.value for cookie in parsed if cookie is not None}


def _origin(url: str) -> _Origin:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return _Origin(host, parts.path or "/", parts.scheme == "https" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    return (
        host in {"localhost", "::1"}
        or host.endswith(".localhost")
        or (host.startswith("127.") and _is_address(host))
    )


def _is_address(host: str) -> bool:
    return ":" in host or _IPV4.fullmatch(host) is not None


def _domain_matches(host: str, domain: str) -> bool:
    return host == domain or (host.endswith(f".{domain}") and not _is_address(host))


def _path_matches(path: str, cookie_path: str) -> bool:
    return path == cookie_path or (
        path.startswith(cookie_path) and (cookie_path.endswith("/") or path[len(cookie_path)] == "/")
    )


def _default_path(path: str) -> str:
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


def _cookie(parsed: SetCookie, origin: _Origin, now: float) -> Cookie | None:
    """Return the cookie that a line asks for, or None when it may not be set by this origin."""
    if len(parsed.name) + len(parsed.value) > MAX_COOKIE_BYTES:
        return None
    path = parsed.attribute("path")
    cookie = Cookie(
        name=parsed.name,
        value=parsed.value,
        domain=origin.host,
        path=path if path is not None and path.startswith("/") else _default_path(origin.path),
        host_only=True,
        secure=parsed.attribute("secure") is not None,
        expires=_expires(parsed, now),
    )
    domain = _domain(parsed)
    if not _keeps_prefix(cookie, has_domain=bool(domain), path=path):
        return None
    if not domain or (domain == origin.host and ("." not in domain or _is_address(domain))):
        return cookie
    if "." not in domain or not _domain_matches(origin.host, domain):
        return None
    return replace(cookie, domain=domain, host_only=False)


def _domain(parsed: SetCookie) -> str:
    """Return the Domain asked for, or an empty text; an empty attribute is as none (section 5.2.3)."""
    asked = [text.removeprefix(".").lower() for key, text in parsed.attributes if key == "domain" and text]
    return asked[-1] if asked else ""


def _keeps_prefix(cookie: Cookie, *, has_domain: bool, path: str | None) -> bool:
    name = cookie.name.lower()
    if name.startswith("__host-"):
        return cookie.secure and not has_domain and path == "/"
    return cookie.secure or not name.startswith("__secure-")


def _expires(parsed: SetCookie, now: float) -> float:
    """Return the moment of expiry: by the last readable Max-Age, else the last readable Expires."""
    ages = [text for key, text in parsed.attributes if key == "max-age" and _MAX_AGE.fullmatch(text)]
    if ages:
        digits = ages[-1].lstrip("0")
        if not digits or digits.startswith("-"):
            return float("-inf")
        return now + int(digits) if len(digits) <= _MAX_AGE_DIGITS else float("inf")
    dates = [_date(text) for key, text in parsed.attributes if key == "expires"]
    return next((moment for moment in reversed(dates) if moment is not None), float("inf"))


def _date(text: str) -> float | None:
    """Return a cookie-date as seconds since 1970, or None when it is none (section 5.1.1)."""
    clock: re.Match[str] | None = None
    day = month = year = None
    for token in _DATE_TOKEN.findall(text):
        if clock is None and (found := _CLOCK.fullmatch(token)):
            clock = found
        elif day is None and (found := _DAY.fullmatch(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.fullmatch(token)):
            year = int(found[1])
    if clock is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 2000 if year < 70 else 1900
    if year < 1601:
        return None
    try:
        hour, minute, second = map(int, clock.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
