"""The formats that checks and schemas can assert, and adding a duration to a date or a date-time.

Rules kept here, each with its source:
- the names and what they stand for: JSON Schema Validation 2020-12, section 7.3;
- date, time, date-time: RFC 3339, section 5.6, with real calendar days; an offset is required; `t` and `z`
  may be lower case; second 60 only in the last minute of a UTC day (section 5.7);
- duration: the grammar of RFC 3339, appendix A: whole numbers, no unit left out between two others, weeks
  alone. Letters may be of either case, as in every ABNF text (RFC 5234, section 2.3);
- email: the Mailbox of RFC 5321, section 4.1.2, and its lengths, section 4.5.3.1;
- uri: RFC 3986, section 3: a scheme is required; a zone in an IPv6 host is refused;
  http and https need a host (RFC 9110, section 4.2.1);
- uuid: the text form of RFC 9562, section 4, of any version;
- hostname: RFC 1123, section 2.1, with the lengths of RFC 1035, section 2.3.4;
- ipv4: four decimal numbers without leading zeros (RFC 3986, section 3.2.2, IPv4address);
- ipv6: RFC 4291, section 2.2, without a zone.

Only ASCII digits and letters count. Every check reads its text a fixed number of times: no expression here
repeats a repetition, so a text made to be slow is refused as fast as any other.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from pytest_apitest.patterns import deferred

_DATE = deferred(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = deferred(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))")
_DURATION = deferred(
    r"P(?:[0-9]+W"
    r"|(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)?"
    r"(?:T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S))?)",
    re.IGNORECASE | re.ASCII,
)
_UUID = deferred(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
_LABEL = deferred(r"[0-9A-Za-z-]{1,63}")
_DECIMAL = deferred(r"0|[1-9][0-9]{0,2}")
_HEX_GROUP = deferred(r"[0-9A-Fa-f]{1,4}")

_ATOM = deferred(r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+")
_QUOTED_CHARACTER = deferred(r"[\x20\x21\x23-\x5B\x5D-\x7E]|\\[\x20-\x7E]")
_MAILBOX_LENGTH = 254  # the 256 of a path, less its angle brackets
_LOCAL_LENGTH = 64
_HOST_LENGTH = 253

_SCHEME = deferred(r"[A-Za-z][0-9A-Za-z+.-]*")
_BAD_ESCAPE = deferred(r"%(?![0-9A-Fa-f]{2})")
# Escapes are looked at once, over the whole text; here `%` is a character like the others.
_UNRESERVED_AND_SUB_DELIMITERS = r"0-9A-Za-z._~!$&'()*+,;=%-"
_HOST = deferred(f"[{_UNRESERVED_AND_SUB_DELIMITERS}]*")
_USER = deferred(f"[{_UNRESERVED_AND_SUB_DELIMITERS}:]*")
_PATH = deferred(f"[{_UNRESERVED_AND_SUB_DELIMITERS}:@/]*")
_QUERY = deferred(f"[{_UNRESERVED_AND_SUB_DELIMITERS}:@/?]*")
_FUTURE_ADDRESS = deferred(r"[vV][0-9A-Fa-f]+\.[0-9A-Za-z._~!$&'()*+,;=:-]+")

_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MINUTES_OF_DAY = 24 * 60
_FEBRUARY = 2


def _days_in(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == _FEBRUARY and leap else _MONTH_LENGTHS[month - 1]


def is_date(text: str) -> bool:
    """Tell whether a text is a full-date that is in the calendar."""
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    year, month, day = map(int, found.groups())
    return 1 <= month <= 12 and 1 <= day <= _days_in(year, month)


def is_time(text: str) -> bool:
    """Tell whether a text is a full-time: a time of the day with its offset from UTC."""
    found = _TIME.fullmatch(text)
    if found is None:
        return False
    hour, minute, second = map(int, found.groups()[:3])
    sign, offset_hour, offset_minute = found[4], int(found[5] or 0), int(found[6] or 0)
    if hour > 23 or minute > 59 or offset_hour > 23 or offset_minute > 59:
        return False
    if second < 60:
        return True
    shift = offset_hour * 60 + offset_minute
    utc = hour * 60 + minute + (shift if sign == "-" else -shift)
    return second == 60 and utc % _MINUTES_OF_DAY == _MINUTES_OF_DAY - 1


def is_date_time(text: str) -> bool:
    """Tell whether a text is a date-time."""
    return text[10:11] in {"T", "t"} and is_date(text[:10]) and is_time(text[11:])


def is_duration(text: str) -> bool:
    """Tell whether a text is a duration: at least one number with its unit."""
    return len(text) > 1 and _DURATION.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID in its hyphenated form."""
    return _UUID.fullmatch(text) is not None


def is_hostname(text: str) -> bool:
    """Tell whether a text is a host name of one or more labels, without a final dot."""
    return len(text) <= _HOST_LENGTH and all(map(_is_label, text.split(".")))


def _is_label(text: str) -> bool:
    return _LABEL.fullmatch(text) is not None and text[0] != "-" and text[-1] != "-"


def is_ipv4(text: str) -> bool:
    """Tell whether a text is an IPv4 address in dotted decimal form."""
    parts = text.split(".", 4)
    return len(parts) == 4 and all(_DECIMAL.fullmatch(part) and int(part) <= 255 for part in parts)


def is_ipv6(text: str) -> bool:
    """Tell whether a text is an IPv6 address."""
    if len(text) > 45:  # the longest: six groups and an IPv4 address
        return False
    head, gap, tail = text.partition("::")
    before = head.split(":") if head else []
    after = tail.split(":") if tail else []
    last = after if gap else before
    missing = 8 - len(before) - len(after)
    if last and "." in last[-1]:
        if not is_ipv4(last.pop()):
            return False
        missing -= 1
    groups_are_hex = all(map(_HEX_GROUP.fullmatch, before + after))
    return groups_are_hex and (missing >= 1 if gap else missing == 0)


def is_email(text: str) -> bool:
    """Tell whether a text is a mailbox: `local@domain` or `local@[address]`."""
    local, at, domain = text.rpartition("@")
    if not at or len(text) > _MAILBOX_LENGTH or not 1 <= len(local) <= _LOCAL_LENGTH:
        return False
    if domain.startswith("["):
        return domain.endswith("]") and _is_address_literal(domain[1:-1]) and _is_local_part(local)
    return is_hostname(domain) and _is_local_part(local)


def _is_local_part(text: str) -> bool:
    if len(text) > 1 and text[0] == text[-1] == '"':
        # What is left after taking every allowed character away is what is not allowed.
        return not _QUOTED_CHARACTER.sub("", text[1:-1])
    return all(map(_ATOM.fullmatch, text.split(".")))


def _is_address_literal(text: str) -> bool:
    if text[:5].lower() == "ipv6:":
        return is_ipv6(text[5:])
    return is_ipv4(text)


def is_uri(text: str) -> bool:
    """Tell whether a text is a URI with a scheme, every character of it legal where it stands."""
    scheme, colon, rest = text.partition(":")
    if not colon or _SCHEME.fullmatch(scheme) is None or _BAD_ESCAPE.search(rest):
        return False
    rest, _, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    if _QUERY.fullmatch(fragment) is None or _QUERY.fullmatch(query) is None:
        return False
    needs_host = scheme.lower() in {"http", "https"}
    if not rest.startswith("//"):
        return not needs_host and _PATH.fullmatch(rest) is not None
    authority, _, path = rest[2:].partition("/")
    return _is_authority(authority, needs_host) and _PATH.fullmatch(path) is not None


def _is_authority(text: str, needs_host: bool) -> bool:
    user, _, host = text.rpartition("@")
    if _USER.fullmatch(user) is None:
        return False
    if host.startswith("["):
        address, bracket, port = host[1:].partition("]")
        if not bracket or not (is_ipv6(address) or _FUTURE_ADDRESS.fullmatch(address)):
            return False
        return not port or (port[0] == ":" and _is_port(port[1:]))
    name, _, port = host.partition(":")
    return bool(name or not needs_host) and _HOST.fullmatch(name) is not None and _is_port(port)


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


FORMATS: dict[str, Callable[[str], bool]] = {
    "date": is_date,
    "date-time": is_date_time,
    "time": is_time,
    "duration": is_duration,
    "email": is_email,
    "uri": is_uri,
    "uuid": is_uuid,
    "hostname": is_hostname,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
}

# Wider than the format above: a sign, units left out, weeks beside others; what people write to shift a date.
_SHIFT = deferred(
    r"([+-]?)P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?"
    r"(T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?"
)
_MOMENT = deferred(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:([Tt])([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)
_MAX_NUMBER_LENGTH = 9


def plus_duration(moment: str, duration: str) -> str:
    """Return a date or a date-time with an ISO 8601 duration added, in the form of the moment.

    Years and months come first, and a day that the month does not have becomes its last; then weeks, days,
    and the time parts. The offset is fixed, so clocks are never put forward or back. A fraction of a second
    and the offset stay as written; a date-time may be without an offset.

    Args:
        moment: for example `2024-02-29` or `2024-02-29T10:00:00.5+01:00`.
        duration: for example `P10Y`, `-P1M`, `P1Y2M10DT2H30M`.

    Raises:
        ValueError: one of the two cannot be read, a date would need hours, or the result is out of range.

    """
    months, span, has_time = read_shift(duration)
    found = _MOMENT.fullmatch(moment)
    if found is None or not _is_moment(found):
        raise ValueError(f'"{_cut(moment)}" is neither a date nor a date-time (RFC 3339)')
    day, letter, clock, fraction, offset = found.groups()
    if has_time and letter is None:
        raise ValueError(f'"{moment}" is a date, so "{duration}" may not have hours, minutes or seconds')
    try:
        result = _add_months(date.fromisoformat(day), months)
        if letter is None:
            return (result + span).isoformat()
        hour, minute, second = map(int, clock.split(":"))
        # A leap second is read as the second after :59, since no other day is sure to have one.
        exact = datetime.combine(result, time(hour, minute)) + timedelta(seconds=second) + span
    except (ValueError, OverflowError):
        raise ValueError(f'"{_cut(moment)}" plus "{duration}" is outside the years 1 to 9999') from None
    return f"{exact.date().isoformat()}{letter}{exact.time().isoformat()}{fraction or ''}{offset or ''}"


def read_shift(duration: str) -> tuple[int, timedelta, bool]:
    """Return months, the rest, and whether time parts were given.

    Args:
        duration: for example `P10Y`, `-P1M`, `P1Y2M10DT2H30M`.

    Raises:
        ValueError: it is no ISO 8601 duration.

    """
    found = _SHIFT.fullmatch(duration)
    numbers = [] if found is None else [part for part in found.group(2, 3, 4, 5, 7, 8, 9) if part is not None]
    if found is None or not numbers or found[6] == "T":
        raise ValueError(f'"{_cut(duration)}" is no ISO 8601 duration, such as P10Y, -P1M or PT1H')
    if any(len(number) > _MAX_NUMBER_LENGTH for number in numbers):
        raise ValueError(f'"{_cut(duration)}" is too long a time')
    years, months, weeks, days, hours, minutes, seconds = (
        int(part or 0) for part in found.group(2, 3, 4, 5, 7, 8, 9)
    )
    sign = -1 if found[1] == "-" else 1
    try:
        span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError(f'"{_cut(duration)}" is too long a time') from None
    return sign * (years * 12 + months), sign * span, found[6] is not None


def _is_moment(found: re.Match[str]) -> bool:
    day, letter, clock, _, offset = found.groups()
    if letter is None:
        return is_date(day)
    if offset is None:  # then it cannot be known which minute a leap second may end
        clock, offset = re.sub(":60$", ":59", clock), "Z"
    return is_date(day) and is_time(f"{clock}{offset}")


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, _days_in(year, month + 1)))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"
