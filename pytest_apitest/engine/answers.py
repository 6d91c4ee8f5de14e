"""An answer as checks and saves look at it: JSON, text, headers, cookies, read once and only when asked.

Rules kept here (language, section 7): the content type is not consulted for JSON; text is decoded by the
charset of the content type, else as UTF-8; cookies are those that this response set.
"""

import codecs
from collections.abc import Mapping

from pytest_apitest import jsonvalue
from pytest_apitest.exchange import Response
from pytest_apitest.jsonpath import Document
from pytest_apitest.jsonvalue import NotJSONError


class NotTextError(ValueError):
    """The body is no text in its charset; the message says where."""


class Answer:
    """A response with its readings.

    Args:
        response: the response.
        url: the URL that it came from.
        duration: seconds of the try.

    """

    def __init__(self, response: Response, url: str, duration: float) -> None:
        self.response = response
        self.url = url
        self.duration = duration
        self._json: Document | NotJSONError | None = None
        self._text: str | NotTextError | None = None
        self._cookies: Mapping[str, str] | None = None

    @property
    def json(self) -> Document:
        """The body as a JSON document; raises `NotJSONError`."""
        if self._json is None:
            try:
                self._json = Document(jsonvalue.loads(self.response.body))
            except NotJSONError as error:
                self._json = error
        if isinstance(self._json, NotJSONError):
            raise self._json
        return self._json

    @property
    def text(self) -> str:
        """The body as text; raises `NotTextError`."""
        if self._text is None:
            self._text = self._decode()
        if isinstance(self._text, NotTextError):
            raise self._text
        return self._text

    def _decode(self) -> str | NotTextError:
        charset = self.charset or "utf-8"
        try:
            codecs.lookup(charset)
        except (LookupError, ValueError):
            return NotTextError(f"the charset {charset[:40]} is unknown")
        try:
            return self.response.body.decode(charset)
        except UnicodeDecodeError as error:
            return NotTextError(f"byte {error.start} is not {charset}")
        except (ValueError, TypeError, AttributeError, LookupError):  # a codec that makes no text: base64
            return NotTextError(f"the charset {charset[:40]} is no encoding of text")

    @property
    def cookies(self) -> Mapping[str, str]:
        """Cookies set by this response, name to value."""
        if self._cookies is None:
            from pytest_apitest.cookies import cookies_set_by  # noqa: PLC0415 - only for checks of cookies

            self._cookies = cookies_set_by(self.response.header_lines("set-cookie"))
        return self._cookies

    @property
    def media_type(self) -> str | None:
        """The media type of the content type in lower case, or None."""
        value = self.response.header("content-type")
        return value.partition(";")[0].strip().lower() if value is not None else None

    @property
    def charset(self) -> str | None:
        """The charset of the content type in lower case without quotes, or None."""
        value = self.response.header("content-type") or ""
        for parameter in value.split(";")[1:]:
            name, _, content = parameter.partition("=")
            if name.strip().lower() == "charset":
                return content.strip().strip('"').lower() or None
        return None
