"""Regular expressions of our own: compiled when they are first used, since a run needs few of them.

Compiling all of them took a quarter of the import. What users write is another matter: see `regex`.
"""

import re
from typing import Any, AnyStr, cast


def deferred(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a pattern that is compiled on its first use.

    Args:
        text: the regular expression.
        flags: flags of `re`.

    """
    return cast("re.Pattern[AnyStr]", _Deferred(text, flags))


class _Deferred:
    def __init__(self, text: str | bytes, flags: int) -> None:
        self._source: tuple[Any, int] = (text, flags)

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(*self._source)
        # From now on an attribute is found without coming here.
        for one in ("match", "fullmatch", "search", "sub", "split", "findall", "finditer", "pattern", name):
            setattr(self, one, getattr(compiled, one))
        return getattr(self, name)
