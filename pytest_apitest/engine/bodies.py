"""The bytes of a body and its media type: JSON, form, multipart, text, file (language, section 5)."""

import random
import urllib.parse
from pathlib import Path
from typing import Any

from pytest_apitest.engine.drafts import Draft
from pytest_apitest.jsonvalue import dumps
from pytest_apitest.language.data import DataError, read_bytes
from pytest_apitest.references import RenderError

_UNKNOWN = "application/octet-stream"


def encode(draft: Draft, generator: random.Random) -> tuple[bytes | None, str]:
    """Return the bytes of the body and its media type; None and an empty text without a body.

    Args:
        draft: the request with values.
        generator: source of the boundary of multipart bodies.

    Raises:
        RenderError: the content cannot be written so.

    """
    content = draft.content
    if draft.body == "json":
        return json_bytes(content), draft.media_type or "application/json"
    if draft.body == "text":
        return content.encode("utf-8"), draft.media_type or "text/plain; charset=utf-8"
    if draft.body == "form":
        pairs = [(name, value) for name, values in content.items() for value in values or ()]
        return urllib.parse.urlencode(pairs).encode("ascii"), "application/x-www-form-urlencoded"
    if draft.body == "multipart":
        return _multipart(content, generator)
    if draft.body == "file":
        return _file(content), _type_of(content.name)
    return None, ""


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON bytes; raises `RenderError` when JSON cannot say it."""
    try:
        return dumps(value).encode("utf-8")
    except TypeError as error:
        hint = "; use | base64 or | text" if "bytes" in str(error) else ""
        raise RenderError(f"json: {error}{hint}") from None
    except UnicodeEncodeError:
        raise RenderError("json: a lone surrogate is no text") from None


def _file(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except DataError as error:
        raise RenderError(f"{path.name}: {error}") from None


def _multipart(parts: list[tuple[str, list[Any]]], generator: random.Random) -> tuple[bytes, str]:
    boundary = f"apitest-{generator.getrandbits(96):024x}"
    out = bytearray()
    for name, values in parts:
        for kind, content, filename, media_type in values:
            head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
            if filename is not None:
                head += f'; filename="{_quoted(filename)}"'
            data, default = _part(kind, content)
            chosen = media_type or default
            if chosen:
                head += f"\r\nContent-Type: {chosen}"
            if any(character in head.replace("\r\n", "") for character in "\r\n"):
                raise RenderError("multipart: a line break cannot stand in the head of a part")
            out += f"--{boundary}\r\n{head}\r\n\r\n".encode()
            out += data
            out += b"\r\n"
    out += f"--{boundary}--\r\n".encode()
    return bytes(out), f"multipart/form-data; boundary={boundary}"


def _part(kind: str, content: Any) -> tuple[bytes, str]:
    if kind == "json":
        return json_bytes(content), "application/json"
    if kind == "file":
        return _file(content), _type_of(content.name)
    return content.encode("utf-8"), ""


def _quoted(text: str) -> str:
    """Escape a name as browsers do (WHATWG HTML, multipart/form-data encoding)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _type_of(name: str) -> str:
    import mimetypes  # noqa: PLC0415 - few bodies are files

    return mimetypes.guess_type(name)[0] or _UNKNOWN
