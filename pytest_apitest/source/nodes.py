"""The nodes of a YAML file and the values of its scalars (language, section 1)."""

from pathlib import Path
from typing import Any

from pytest_apitest.data import record
from pytest_apitest.errors import Place
from pytest_apitest.jsonvalue import JSON_NUMBER, Number
from pytest_apitest.patterns import deferred

_CONSTANTS: dict[str, Any] = {
    "null": None,
    "Null": None,
    "NULL": None,
    "~": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
# What some YAML readers take for a number and JSON does not: octal and hexadecimal, a leading zero or
# plus, a bare point, infinity.
_DOUBTFUL = deferred(
    r"[-+]?(?:0[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|0x[0-9a-fA-F]+|0o[0-7]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
    r"|[0-9]+\.(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF|nan|NaN|NAN))|\+[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?"
)
_MAYBE_NUMBER = frozenset("-+.0123456789")


@record
class Source:
    """One file: where it is, how it is shown, its text and what was found wrong while reading it.

    Args:
        file: the file itself, absolute.
        shown: its path in messages.
        text: its decoded text.

    """

    file: Path
    shown: str
    text: str

    def place(self, node: "Node") -> Place:
        """Return the place of a node in this file."""
        return Place(self.shown, node.line, node.column)


class Node:
    """A node of the tree; `line` and `column` are those of its first character, from 1."""

    __slots__ = ("column", "line")
    line: int
    column: int
    # Whether it cannot be used, and a problem says so already.
    reported = False

    @property
    def width(self) -> int:
        """Number of characters a caret line marks."""
        return 1


class Scalar(Node):
    """A scalar as written.

    Args:
        text: its characters, after the escapes of its style.
        style: the empty text for a plain scalar, else the quote or the sign of a block.
        line: line of its first character.
        column: column of its first character.
        length: number of characters in the file when it stands on one line, else 1.

    """

    __slots__ = ("length", "style", "text")

    def __init__(self, text: str, style: str, line: int, column: int, length: int) -> None:
        self.text = text
        self.style = style
        self.line = line
        self.column = column
        self.length = length

    @property
    def width(self) -> int:
        return self.length

    @property
    def doubtful(self) -> bool:
        """Whether some readers take this for a number though it is no JSON number."""
        return (
            not self.style
            and self.text[:1] in _MAYBE_NUMBER
            and not JSON_NUMBER.fullmatch(self.text)
            and _DOUBTFUL.fullmatch(self.text) is not None
        )

    @property
    def value(self) -> Any:
        """The value: null, a boolean, an exact number or a text."""
        text = self.text
        if self.style:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[:1] in _MAYBE_NUMBER and JSON_NUMBER.fullmatch(text):
            return int(text) if text.lstrip("-").isdigit() else Number(text)
        return text

    def __repr__(self) -> str:
        return f"Scalar({self.text!r} at {self.line}:{self.column})"


class ReportedScalar(Scalar):
    """Stands where nothing usable was written; a problem says so already."""

    __slots__ = ()
    reported = True


class Sequence(Node):
    """A list.

    Args:
        line: line of its first character.
        column: column of its first character.

    """

    __slots__ = ("items",)

    def __init__(self, line: int, column: int) -> None:
        self.items: list[Node] = []
        self.line = line
        self.column = column

    def __repr__(self) -> str:
        return f"Sequence({self.items!r})"


class Mapping(Node):
    """A mapping from written keys to nodes, in the order of the file.

    Args:
        line: line of its first character.
        column: column of its first character.

    """

    __slots__ = ("entries",)

    def __init__(self, line: int, column: int) -> None:
        self.entries: dict[str, tuple[Scalar, Node]] = {}
        self.line = line
        self.column = column

    def get(self, key: str) -> Node | None:
        """Return the node of a key, or None."""
        entry = self.entries.get(key)
        return entry[1] if entry is not None else None

    def key(self, key: str) -> Scalar:
        """Return the node of the key itself."""
        return self.entries[key][0]

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def __repr__(self) -> str:
        return f"Mapping({self.entries!r})"
