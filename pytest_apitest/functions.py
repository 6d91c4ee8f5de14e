"""The functions and filters of references (language, section 6).

Rules kept here:
- a function makes a value, a filter changes one; both are plain Python functions with a docstring, which
  is their entry in the reference, and their number of arguments is their signature;
- a filter that cannot convert raises `FilterError` with a sentence; the step fails with it;
- random values come from the run's own generator, so that a seed repeats them.
"""

import base64
import inspect
import random
import time
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_apitest import jsonvalue
from pytest_apitest.data import data
from pytest_apitest.jsonvalue import JSON_NUMBER, NotJSONError, Number, show_typed
from pytest_apitest.patterns import deferred
from pytest_apitest.registry import Table

MAX_TEXT = 1024 * 1024
_SHIFT = deferred(r"([+-]?)([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class FilterError(ValueError):
    """A function or filter cannot do what it was asked for; the message says why."""


class ForeignError(FilterError):
    """A function or filter of a project broke; the message says which, where it is from and how."""


@data
class Callee:
    """A function or filter.

    Args:
        name: as written in a reference.
        call: the Python function; a function of ours gets the generator of random values first, a filter
            the value.
        least: smallest number of arguments in the reference.
        most: largest number, or None for any.
        takes_random: whether the run's random generator is the first argument.
        check: called with the arguments of a reference when a document is read; raises `FilterError` for
            those that can never do.

    """

    name: str
    call: Callable[..., Any]
    least: int
    most: int | None
    takes_random: bool = False
    check: Callable[..., Any] | None = None

    @property
    def doc(self) -> str:
        """The first paragraph of the docstring, on one line."""
        return " ".join((inspect.getdoc(self.call) or "").split("\n\n")[0].split())


def callee(
    name: str,
    call: Callable[..., Any],
    *,
    skip: int,
    takes_random: bool = False,
    check: Callable[..., Any] | None = None,
) -> Callee:
    """Describe a Python function by its signature.

    Args:
        name: its name in references.
        call: the function.
        skip: number of leading parameters that the reference does not give.
        takes_random: whether the first parameter is the random generator.
        check: looks at the arguments of a reference, see `Callee`.

    Raises:
        ValueError: the function cannot be called with arguments in order.

    """
    parameters = list(inspect.signature(call).parameters.values())
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            raise ValueError(f"{name!r} asks for {parameter.name} by name, which a reference cannot give")
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][skip:]
    least = sum(1 for p in positional if p.default is p.empty)
    unlimited = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return Callee(name, call, least, None if unlimited else len(positional), takes_random, check)


def seconds(text: str) -> float:
    """Return a shift such as `-2h` or `+90s` in seconds.

    Raises:
        FilterError: the text is no shift.

    """
    match = _SHIFT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise FilterError(f"{show_typed(text)} is no shift; write a number and ms, s, m, h or d, as in '-2h'")
    sign, amount, unit = match.groups()
    return float(amount) * _UNITS[unit] * (-1 if sign == "-" else 1)


def _moment(shift: str | None = None) -> datetime:
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds(shift) if shift is not None else 0)
    except OverflowError:
        raise FilterError(f"{shift} from now is no date") from None


def uuid(generator: random.Random) -> str:
    """A random UUID of version 4 in lower case."""
    bits = generator.getrandbits(128)
    bits = bits & ~(0xF << 76) | (4 << 76)
    bits = bits & ~(0x3 << 62) | (2 << 62)
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def now(shift: str | None = None) -> str:
    """This moment in UTC as RFC 3339 with `Z`, or shifted: `now('-2h')`."""
    return _moment(shift).isoformat(timespec="seconds").replace("+00:00", "Z")


def today(shift: str | None = None) -> str:
    """The date of today in UTC, or shifted: `today('-1d')`."""
    return _moment(shift).date().isoformat()


def unix_time() -> int:
    """Whole seconds since 1970."""
    return int(time.time())


def random_int(generator: random.Random, low: int, high: int) -> int:
    """A random integer; both ends are included."""
    _ends(low, high)
    return generator.randint(low, high)


def _ends(low: Any, high: Any) -> None:
    if type(low) is not int or type(high) is not int:
        raise FilterError(f"needs two integers, got {show_typed(low)} and {show_typed(high)}")
    if low > high:
        raise FilterError(f"the first end, {low}, is larger than the second, {high}")


def random_text(generator: random.Random, length: int) -> str:
    """A random text of so many letters and digits."""
    return "".join(generator.choices(_LETTERS, k=_count(length)))


def repeat(text: str, times: int) -> str:
    """A text so many times in a row."""
    _fits(text, times)
    return text * times


def _fits(text: Any, times: Any) -> None:
    if len(_text(text)) * _count(times) > MAX_TEXT:
        raise FilterError(f"makes a text of at most {MAX_TEXT:,} characters")


def _count(number: Any) -> int:
    if type(number) is not int or not 0 <= number <= MAX_TEXT:
        raise FilterError(f"needs an integer from 0 to {MAX_TEXT:,}, got {show_typed(number)}")
    return number


# -- filters --------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise FilterError(f"needs a text, got {show_typed(value)}")
    return value


def _utf8(value: Any) -> bytes:
    """Return bytes as they are and a text as UTF-8, which has no form for half a surrogate pair."""
    if isinstance(value, bytes):
        return value
    try:
        return _text(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise FilterError(f"character {error.start} is half a surrogate pair, which has no UTF-8") from None


def as_text(value: Any) -> str:
    """A number, boolean or text as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | Number):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FilterError(f"byte {error.start} is not UTF-8") from None
    raise FilterError(f"has no text form: {show_typed(value)}; use json")


def to_int(value: Any) -> int:
    """A text or a number without fraction as an integer."""
    found = to_number(value)
    if isinstance(found, Number):
        if found != found.to_integral_value() or found.adjusted() > 100:
            raise FilterError(f"{found} is no integer")
        return int(found)
    return found


def to_number(value: Any) -> int | Number:
    """A text that is a JSON number as that number."""
    if isinstance(value, bool) or not isinstance(value, str | int | Number):
        raise FilterError(f"needs a text or a number, got {show_typed(value)}")
    if not isinstance(value, str):
        return value
    if not JSON_NUMBER.fullmatch(value.strip()):
        raise FilterError(f"{jsonvalue.show(value)} is no number")
    try:
        return jsonvalue.number(value.strip())
    except NotJSONError as error:
        raise FilterError(str(error)) from None


def to_json(value: Any) -> str:
    """The value as JSON text."""
    try:
        return jsonvalue.dumps(value)
    except TypeError as error:
        raise FilterError(str(error)) from None


def from_json(value: Any) -> Any:
    """A JSON text as its value."""
    try:
        return jsonvalue.loads(_utf8(_text(value)))
    except NotJSONError as error:
        raise FilterError(f"not JSON: {error}") from None


def to_base64(value: Any) -> str:
    """Text (as UTF-8) or bytes in base64."""
    return base64.b64encode(_utf8(value)).decode("ascii")


def from_base64(value: Any) -> str:
    """Base64, also of the URL alphabet, as text."""
    text = _text(value).strip().replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8")
    except UnicodeDecodeError:
        raise FilterError("the decoded bytes are not UTF-8") from None
    except ValueError:
        raise FilterError("not base64") from None


def urlencode(value: Any) -> str:
    """A text percent-encoded, `/` too."""
    return urllib.parse.quote(value if isinstance(value, bytes) else _utf8(as_text(value)), safe="")


def lower(value: Any) -> str:
    """A text in lower case."""
    return _text(value).lower()


def upper(value: Any) -> str:
    """A text in upper case."""
    return _text(value).upper()


def swapcase(value: Any) -> str:
    """A text with small and capital letters exchanged."""
    return _text(value).swapcase()


def trim(value: Any) -> str:
    """A text without blanks at both ends."""
    return _text(value).strip()


def sha256(value: Any) -> str:
    """The SHA-256 of a text (as UTF-8) or of bytes, in hexadecimal."""
    import hashlib  # noqa: PLC0415 - only when used

    return hashlib.sha256(_utf8(value)).hexdigest()


def split(value: Any, separator: str) -> list[str]:
    """The parts of a text between separators: `split(',')`."""
    _separator(separator)
    return _text(value).split(separator)


def _separator(separator: Any) -> None:
    if not isinstance(separator, str) or not separator:
        raise FilterError(f"needs a text that is not empty, got {show_typed(separator)}")


def first(value: Any) -> Any:
    """The first element of an array or character of a text."""
    return _end(value, 0)


def last(value: Any) -> Any:
    """The last element of an array or character of a text."""
    return _end(value, -1)


def _end(value: Any, index: int) -> Any:
    if not isinstance(value, list | str):
        raise FilterError(f"needs an array or a text, got {show_typed(value)}")
    if not value:
        raise FilterError("nothing in it")
    return value[index]


def replace(value: Any, old: str, new: str) -> str:
    """A text with every `old` replaced: `replace('a', 'b')`."""
    _exchanged(old, new)
    text = _text(value)
    if len(text) + text.count(old) * (len(new) - len(old)) > MAX_TEXT:
        raise FilterError(f"the text would be longer than {MAX_TEXT:,} characters")
    return text.replace(old, new)


def _exchanged(old: Any, new: Any) -> None:
    if not isinstance(old, str) or not old or not isinstance(new, str):
        given = f"{show_typed(old)} and {show_typed(new)}"
        raise FilterError(f"needs two texts, the first not empty, got {given}")


def slice_(value: Any, start: int, end: int | None = None) -> Any:
    """A part of a text or array from `start` up to, not including, `end`: `slice(0, -1)`."""
    if not isinstance(value, list | str):
        raise FilterError(f"needs an array or a text, got {show_typed(value)}")
    _bounds(start, end)
    return value[start:end]


def _bounds(start: Any, end: Any = None) -> None:
    if type(start) is not int or not (end is None or type(end) is int):
        odd = start if type(start) is not int else end
        raise FilterError(f"needs integers, got {show_typed(odd)}")


def plus(value: Any, duration: str) -> str:
    """A date or date-time moved by an ISO 8601 duration: `plus('P10Y')`."""
    from pytest_apitest.formats import plus_duration  # noqa: PLC0415 - only when used

    try:
        return plus_duration(_text(value), _text(duration))
    except ValueError as error:
        raise FilterError(str(error)) from None


def _is_duration(duration: Any) -> None:
    from pytest_apitest.formats import read_shift  # noqa: PLC0415 - only when used

    try:
        read_shift(_text(duration))
    except ValueError as error:
        raise FilterError(str(error)) from None


def default(value: Any, other: Any) -> Any:
    """Another value when the name is unset, missing or null: `default('')`."""
    return other if value is None else value


def raw(value: Any) -> Any:
    """In a URL: inserted as it is, without percent-encoding."""
    return value


def each_key(value: Any, inner: Callee, *args: Any) -> Any:
    """A filter applied to every name of an object: `each_key('upper')`."""
    changed = {as_text(inner.call(key, *args)): item for key, item in _mapping(value).items()}
    if len(changed) != len(value):
        raise FilterError(f"{inner.name} makes one name of several")
    return changed


def each_value(value: Any, inner: Callee, *args: Any) -> Any:
    """A filter applied to every value of an object: `each_value('trim')`."""
    return {key: inner.call(item, *args) for key, item in _mapping(value).items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise FilterError(f"needs an object, got {show_typed(value)}")
    return value


# The filters that apply another one, whose name is their first argument.
NESTING = ("each_key", "each_value")

FUNCTIONS: Table[Callee] = Table("function")
for _function, _random, _check in (
    (uuid, True, None),
    (now, False, _moment),
    (today, False, _moment),
    (unix_time, False, None),
    (random_int, True, _ends),
    (random_text, True, _count),
    (repeat, False, _fits),
):
    FUNCTIONS.add(
        _function.__name__,
        callee(_function.__name__, _function, skip=1 if _random else 0, takes_random=_random, check=_check),
    )

FILTERS: Table[Callee] = Table("filter")
_CHANGING: dict[str, Callable[..., Any]] = {
    "raw": raw,
    "text": as_text,
    "int": to_int,
    "number": to_number,
    "json": to_json,
    "from_json": from_json,
    "base64": to_base64,
    "from_base64": from_base64,
    "urlencode": urlencode,
    "lower": lower,
    "upper": upper,
    "swapcase": swapcase,
    "trim": trim,
    "sha256": sha256,
    "split": split,
    "first": first,
    "last": last,
    "replace": replace,
    "slice": slice_,
    "plus": plus,
    "default": default,
    "each_key": each_key,
    "each_value": each_value,
}
_CHECKS: dict[str, Callable[..., Any]] = {
    "split": _separator,
    "replace": _exchanged,
    "slice": _bounds,
    "plus": _is_duration,
}
for _name, _filter in _CHANGING.items():
    FILTERS.add(_name, callee(_name, _filter, skip=1, check=_CHECKS.get(_name)))
