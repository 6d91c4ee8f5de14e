"""One redactor for every sink: terminal, reports, exception texts (design, promise 3).

Rules kept here:
- a secret is masked by value in the forms it travels in: plain, percent-encoded, base64 at any offset,
  escaped for JSON, HTML or a regex, and each line of a secret of several lines;
- what is secret by its place is masked without being known: `Authorization`, cookies, headers with
  token-like names, `token=` and `jwt=` in a query, members such as `"password"`, and whatever looks like
  a JSON Web Token;
- texts are redacted before they are cut, and what is left of a cut-off secret is dropped;
- a secret handed to Python code is a `SecretText`, whose `repr` shows nothing.
"""

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_apitest.patterns import deferred
from pytest_apitest.regex import escape

SHORTEST = 4
MASK = "[redacted]"

_SECRET_HEADER = deferred(
    r"^(?:proxy-)?authorization$|token|secret|api-?key|apikey|password|passwd|^x-auth|credential|signature|csrf|xsrf",
    re.IGNORECASE,
)
_AUTH_SCHEMES = ("token", "bearer", "basic", "digest", "negotiate", "apikey", "key")
_COOKIE_PAIR = deferred(r"(^|;\s*)([^=;\s]+)=([^;]*)")
_QUERY_VALUE = deferred(
    r"(?i)([?&;](?:[\w.-]*token|jwt|[\w.-]*secret|password|passwd|api[_-]?key|signature|sig)=)[^&#\s\"'<>\\]+"
)
# The patterns of place hold for a text that is cut off too: its end stands for what would close it.
_MEMBER = deferred(
    r'(?i)("(?:password|passwd|access_token|refresh_token|id_token|client_secret|api_?key|secret)"\s*+:\s*+")'
    r'((?:[^"\\]|\\.)++)("|\\?\Z)'
)
_MASKED = deferred(r"\[redacted(?:: ([^\]]+))?\]")
_ONLY_MASKED = deferred(r"(?:[A-Za-z]+ )?\[redacted(?:: [^\]]+)?\]")
_JWT = deferred(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{4,}+\.eyJ[A-Za-z0-9_-]{2,}+(?:\.[A-Za-z0-9_-]*+)?")
# What is left of a quotation mark or an object behind a text that was cut before it came here.
_CUT_OFF = deferred(r"[\"'}\]]*…")
# What the first reference of a URL leaves as it is.
_URL_SAFE = "%/:?#[]@!$&'()*+,;=-._~"


class SecretText(str):
    """A secret as handed to Python code: a text like any other whose `repr` shows nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'"


class Redactor:
    """Knows the secrets of a run and masks them in whatever is about to leave."""

    def __init__(self) -> None:
        self._known: set[str | bytes] = set()
        self._forms: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self._longest = 0
        self._headers: set[str] = set()
        # Names of secrets to the environment variables they can be read from, for lines to paste.
        self.variables: dict[str, str] = {}

    def add_header(self, name: str) -> None:
        """Remember that a header carries credentials, whatever its name looks like."""
        self._headers.add(name.lower())

    def add(self, value: Any, name: str = "") -> None:
        """Remember a secret.

        Args:
            value: a text, a number or bytes; of arrays and objects every one of these in them; anything else
                is nothing that can be masked. Texts under four characters are left out: masking them
                would hide half of every report.
            name: what the secret is called, shown in its place.

        """
        if isinstance(value, bytes):
            self._remember(value, name)
        elif isinstance(value, str):
            self._remember(str(value), name)
        elif isinstance(value, Mapping):
            for item in value.values():
                self.add(item, name)
        elif isinstance(value, list | tuple):
            for item in value:
                self.add(item, name)
        elif value is not None and not isinstance(value, bool):
            self._remember(str(value), name)

    def _remember(self, secret: str | bytes, name: str) -> None:
        if len(secret) < SHORTEST or secret in self._known:
            return
        self._known.add(secret)
        mask = f"[redacted: {name}]" if name else MASK
        for form in _forms(secret):
            self._forms.setdefault(form, mask)
            self._longest = max(self._longest, len(form))
        self._pattern = None

    def text(self, text: str) -> str:
        """Return a text with every secret in it masked, and no half of a character, which cannot be written."""
        if self._forms:
            text = self._masked(text)
        if "=" in text:
            text = _QUERY_VALUE.sub(rf"\1{MASK}", text)
        if '":' in text or '" :' in text:
            text = _MEMBER.sub(_mask_member, text)
        if "eyJ" in text:
            text = _JWT.sub(MASK, text)
        if not text.isascii():
            text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        return text

    def _masked(self, text: str) -> str:
        if self._pattern is None:
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        out: list[str] = []
        position = 0
        while (match := self._pattern.search(text, position)) is not None:
            out += (text[position : match.start()], self._forms[match.group()])
            position = self._end_of_secrets(text, match)
        out.append(text[position:])
        text = "".join(out)
        return self._without_beginnings(text) if "…" in text else text

    def _end_of_secrets(self, text: str, match: re.Match[str]) -> int:
        """Return where a secret ends, and those that begin inside it and reach further."""
        assert self._pattern is not None
        start, end = match.span()
        while (other := self._pattern.search(text, start + 1, end + self._longest)) is not None:
            start = other.start()
            if start >= end:
                break
            end = max(end, other.end())
        return end

    def _without_beginnings(self, text: str) -> str:
        """Mask what is left of a secret that somebody cut off, which the sign for a cut stands behind."""
        out: list[str] = []
        position = 0
        for match in _CUT_OFF.finditer(text):
            before = text[position : match.start()]
            out += (self._without_beginning(before), match.group())
            position = match.end()
        out.append(text[position:])
        return "".join(out)

    def _without_beginning(self, text: str) -> str:
        best, mask = 0, ""
        if len(text) < SHORTEST:
            return text
        for form, form_mask in self._forms.items():
            for size in range(min(len(form) - 1, len(text)), max(best, SHORTEST - 1), -1):
                if text.endswith(form[:size]):
                    best, mask = size, form_mask
                    break
        return text[: len(text) - best] + mask

    def pieces(self, text: str) -> list[tuple[str, str | None]]:
        """Return a text in pieces, each with the name of the secret that stands there, or None.

        The piece of a secret is its name again; an unnamed secret is called `secret`.
        """
        masked = self.text(text)
        out: list[tuple[str, str | None]] = []
        position = 0
        for match in _MASKED.finditer(masked):
            if match.start() > position:
                out.append((masked[position : match.start()], None))
            name = match.group(1) or "secret"
            out.append((name, name))
            position = match.end()
        if position < len(masked):
            out.append((masked[position:], None))
        return out

    def cut(self, text: str, limit: int) -> str:
        """Return the beginning of a text, at most `limit` characters, with every secret in it masked."""
        if len(text) <= limit:
            return self.text(text)
        # Enough is looked at for any secret that begins before the limit; what may be the beginning of
        # one that was cut off at the end is dropped.
        margin = self._longest
        shown = self.text(text[: limit + 2 * margin])
        return shown[: max(0, min(limit, len(shown) - margin))]

    def value(self, value: Any) -> Any:
        """Return a JSON value with every text in it, member names too, and every secret number redacted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, bool):
            return value
        shown = self.text(str(value))
        return value if shown == str(value) else shown

    def headers(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return header lines with secrets masked, by value and by the name of the header."""
        return [(name, self.header(name, value)) for name, value in headers]

    def header(self, name: str, value: str) -> str:
        """Return the value of one header with its secrets masked."""
        lowered = name.lower()
        if lowered in ("cookie", "set-cookie"):
            first_only = lowered == "set-cookie"
            return self.text(_COOKIE_PAIR.sub(_mask_cookie, value, count=1 if first_only else 0))
        if lowered in self._headers or _SECRET_HEADER.search(lowered):
            known = self.text(value)
            if known != value and _ONLY_MASKED.fullmatch(known):
                return known
            scheme, _, rest = value.partition(" ")
            # Elsewhere the first word may be part of what is secret.
            shown = rest and (lowered.endswith("authorization") or scheme.lower() in _AUTH_SCHEMES)
            return f"{self.text(scheme)} {MASK}" if shown and scheme.isalpha() else MASK
        return self.text(value)


def _mask_member(match: re.Match[str]) -> str:
    inner = match.group(2)
    return match.group() if inner.startswith("[redacted") else f"{match.group(1)}{MASK}{match.group(3)}"


def _mask_cookie(match: re.Match[str]) -> str:
    return f"{match.group(1)}{match.group(2)}={MASK}"


def _json_forms(text: str) -> set[str]:
    """Return a text as it stands in JSON, in JSON that is a text in JSON, and in that once more."""
    forms = {text}
    for _ in range(3):
        forms |= {json.dumps(form, ensure_ascii=plain)[1:-1] for form in forms for plain in (False, True)}
        if "/" in text:
            # Some writers of JSON escape it too.
            forms |= {re.sub(r"(?<!\\)/", r"\\/", form) for form in forms}
    return forms


def _forms(secret: str | bytes) -> set[str]:
    """Return the forms a secret travels in."""
    if isinstance(secret, bytes):
        text, data = secret.decode("latin-1"), secret
    else:
        # Half a surrogate pair, which JSON may hold, travels as it would in JSON only.
        text, data = secret, secret.encode("utf-8", "surrogatepass")
    forms = {
        text,
        urllib.parse.quote(data, safe=""),
        urllib.parse.quote(data),
        urllib.parse.quote(data, safe=_URL_SAFE),
        urllib.parse.quote_plus(data),
        *_json_forms(text),
        html.escape(text),
        escape(text),
        repr(str(text))[1:-1],
    }
    forms |= {
        re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), form) for form in forms if "%" in form
    }
    if "\n" in text:
        forms |= {line.strip() for line in text.splitlines() if len(line.strip()) >= SHORTEST}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data).decode("ascii").rstrip("=")
        # Characters that mix in bits of what stands before or behind the secret are left out.
        start = (0, 2, 3)[offset]
        end = len(encoded) - (1 if (offset + len(data)) % 3 else 0)
        core = encoded[start:end]
        forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= SHORTEST}
