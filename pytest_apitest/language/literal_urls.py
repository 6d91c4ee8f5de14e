"""Secrets in URLs that are written in a document (language, section 3, openapi).

Rules kept here:
- user, password and the values of a query are overwritten in excerpts of the file, wherever the URL stands in it;
- what is long enough to be no common word is masked in every other output too; a password always is. A report in
  which every `yaml` of `?format=yaml` is masked could not be read.
"""

from urllib.parse import unquote_plus

from pytest_apitest.language.reader import Reader
from pytest_apitest.patterns import deferred
from pytest_apitest.redaction import SHORTEST
from pytest_apitest.source import Node, Scalar

# From here on a user or a value of a query is masked in every output.
_LONG = 8
_USER = deferred(r"^[^/?#]*:?//?([^/?#\s]*)@")
_QUERY = deferred(r"[?&#](?:[^=&#]*=)?([^&#]*)")


def secret_spans(url: str) -> list[tuple[int, int]]:
    """Return where in a URL, perhaps a malformed one, user, password and the values of its query stand."""
    found = [match.span(1) for match in _QUERY.finditer(url.partition("#/")[0])]
    user = _USER.search(url)
    if user is not None:
        start, end = user.span(1)
        colon = url.find(":", start, end)
        found += [(start, end)] if colon < 0 else [(start, colon), (colon + 1, end)]
    return [(start, end) for start, end in found if start < end and "${" not in url[start:end]]


def secrets_of(url: str) -> tuple[str, ...]:
    """Return the texts in a URL, perhaps a malformed one, that are masked in every output."""
    spans = secret_spans(url)
    texts = [url[start:end] for start, end in spans if end - start >= _least(url, start)]
    return tuple(dict.fromkeys(one for text in texts for one in (text, unquote_plus(text))))


def _least(url: str, start: int) -> int:
    """Return the length from which what stands at a place is masked in every output."""
    return SHORTEST if url[start - 1] == ":" else _LONG


def keep_secrets_of_url(reader: Reader, node: Node) -> None:
    """Remember what may be secret in a URL before it is read: an excerpt of a broken one must not show it."""
    if isinstance(node, Scalar) and "/" in node.text:
        reader.secret_spans += [(node, spans)] if (spans := secret_spans(node.text)) else []
        reader.secrets += [(one, "") for one in secrets_of(node.text)]
