"""Names for files, variables and steps, made of whatever a description says.

Rules kept here:
- a name of the language is letters, digits and `_`; `request` and `exposed` are taken (language, section 3);
- a name of a file is one on every system: no blanks, no signs, none of the names that Windows keeps for itself;
- names that become the same are told apart by a number, in the order of the description.
"""

import unicodedata

from pytest_apitest.language.static import RESERVED
from pytest_apitest.patterns import deferred
from pytest_apitest.scaffold.yaml_writing import shortened

_PIECE = deferred(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_A-Za-z0-9]+")
_LONGEST_NAME = 40
_LONGEST_FILE = 60
_LONGEST_TITLE = 80
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
)


def pieces(text: str) -> list[str]:
    """Return the words and numbers of a name in lower case, without accents."""
    plain = unicodedata.normalize("NFKD", text)
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return [found[0].lower() for found in _PIECE.finditer(bare)]


def title(text: str) -> str:
    """Return a text as a title or as the name of a step: one line, no reference, not too long."""
    return shortened(text.replace("${", "{"), _LONGEST_TITLE)


def file_stem(text: str) -> str:
    """Return the beginning of a file's name."""
    stem = "-".join(pieces(text))[:_LONGEST_FILE].strip("-") or "api"
    return f"{stem}-api" if stem in _DEVICES else stem


def identifier(*texts: str) -> str:
    """Return a name of the language, made of texts."""
    words = [word for text in texts for word in pieces(text) if word.isascii()]
    name = "_".join(words)[:_LONGEST_NAME].strip("_") or "value"
    return f"n{name}" if name[0].isdigit() else name


class Names:
    """Hands out names, each once.

    Args:
        taken: names that are not to be handed out.

    """

    def __init__(self, taken: tuple[str, ...] = ()) -> None:
        self._taken = {*taken, *RESERVED}

    def new(self, name: str, between: str = "_") -> str:
        """Return a name, with a number behind it when it is taken."""
        found, number = name, 1
        while found.casefold() in self._taken:
            number += 1
            found = f"{name}{between}{number}"
        self._taken.add(found.casefold())
        return found
