"""What reading JSON and reading YAML share: the bounds, the error, where an offset is."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_apitest.jsonvalue import MAX_DEPTH

MAX_SIZE = 16 * 1024 * 1024
MAX_NODES = 1_000_000
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"

Pointer = tuple[str | int, ...]


class DescriptionError(Exception):
    """A description cannot be read.

    Args:
        message: why, one line that quotes nothing of the text.
        line: line, from 1; 0 when it is about the whole file.
        column: column in characters, from 1; 0 when it is about the whole file.

    """

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column

    def of(self, shown: str) -> str:
        """Return place and message in one line.

        Args:
            shown: the name of the description in messages.

        """
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{shown}{place}: {self.message}"


def error_at(text: str, offset: int, message: str) -> DescriptionError:
    """Return the error about what stands at an offset of a text, in characters."""
    before = text[:offset]
    return DescriptionError(message, before.count("\n") + 1, len(before) - before.rfind("\n"))


def shown_url(url: str) -> str:
    """Return a URL as messages show it: without user, query and fragment, which may hold secrets."""
    head = url.partition("#")[0].partition("?")[0]
    scheme, mark, rest = head.rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{mark}{authority.rpartition('@')[2]}{slash}{path}"


@contextmanager
def collection_paused() -> Iterator[None]:
    """Let nobody look for garbage: where very many objects are made to be kept, that takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
