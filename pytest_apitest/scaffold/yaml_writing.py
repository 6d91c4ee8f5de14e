"""Writing documents as YAML in the way of an author: short things on one line, quotes only where they are needed.

Rules kept here:
- what is written is read back as the same value, by the language's reader (YAML 1.2.2, section 10.3.2, with JSON's
  numbers) and, as to texts such as `no`, by readers of YAML 1.1 too;
- lines have at most 100 columns where a break is possible; the same value gives the same text.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.jsonvalue import dumps
from pytest_apitest.patterns import deferred
from pytest_apitest.source import Scalar

WIDTH = 100
_DEEPEST = 4
_OF_STEPS = 2
# These are written on lines of their own, however short they are.
_TALL = frozenset({"endpoints", "variables", "credentials", "setup", "steps", "request"})
# Texts that readers of YAML 1.1 take for booleans (YAML 1.1, type bool), and signs of YAML.
_OTHERS = frozenset({"yes", "no", "on", "off", "=", "<<", "null", "true", "false"})
_BEGIN = deferred(r"[\w/$^.(<\\]")
# What readers of YAML 1.1 take for a number (YAML 1.1, types int and float), and what looks like one.
_MAYBE_NUMBER = deferred(
    r"[-+]?(?:0[xob][0-9a-fA-F_]+|[0-9][0-9_,]*(?::[0-9]+)*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?)"
    r"|[-+]?\.[A-Za-z]+"
)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_DATE = deferred(r"\d{4}-\d\d-\d\d(T[0-9:.]+Z)?")


@data
class Remark:
    """A comment in the place of an item of a list.

    Args:
        text: what it says.
        beside: whether it belongs to the item behind it.

    """

    text: str
    beside: bool = False


def written(document: Mapping[str, Any], remark: str = "") -> str:
    """Return a document as YAML.

    Args:
        document: keys to values; a list may hold remarks.
        remark: a comment for its head; empty for none.

    """
    lines = _remark(remark, 0) if remark else []
    tall = False
    for key, value in document.items():
        entry = _entry(key, value, 0)
        # What takes several lines is set apart.
        if lines and (tall or len(entry) > 1):
            lines.append("")
        tall = len(entry) > 1
        lines += entry
    return "\n".join(lines) + "\n"


def one_line(text: str) -> str:
    """Return a text with every run of blanks, line breaks and unprintable characters as one blank."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def shortened(text: str, most: int) -> str:
    """Return a text on one line, cut between words when it has more characters than these."""
    line = one_line(text)
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    return (cut.rpartition(" ")[0] if " " in cut[most // 2 :] else cut).rstrip(" ,;:.") + "…"


# -- lines ----------------------------------------------------------------------------------------------


def _remark(text: str, indent: int) -> list[str]:
    lines = [""]
    for word in one_line(text).split(" "):
        if lines[-1] and indent + len(lines[-1]) + len(word) + 3 > WIDTH:
            lines.append("")
        lines[-1] += f" {word}"
    return [f"{' ' * indent}#{line}" for line in lines]


def _entry(key: str, value: Any, indent: int) -> list[str]:
    """Return the lines of a member of a mapping."""
    head = " " * indent + _scalar(key, flow=False, key=True) + ":"
    if isinstance(value, dict | list) and value:
        if key not in _TALL and (flow := _flow(value, WIDTH - len(head) - 1)) is not None:
            return [f"{head} {flow}"]
        return [head, *_block(value, indent + 2)]
    return _with_scalar(head, value, indent)


def _with_scalar(head: str, value: Any, indent: int) -> list[str]:
    one = (
        f"{head} {_flow(value, None)}"
        if isinstance(value, dict | list)
        else f"{head} {_scalar(value, flow=False)}"
    )
    if not isinstance(value, str) or (len(one) <= WIDTH and "\n" not in value):
        return [one]
    margin = " " * (indent + 2)
    if _is_block(value):
        ends = "" if value.endswith("\n") else "-"
        return [
            f"{head} |{ends}",
            *(margin + line if line else "" for line in value.removesuffix("\n").split("\n")),
        ]
    if "\n" not in value and value.isprintable() and value == " ".join(value.split()) and " " in value:
        lines = [""]
        for word in value.split(" "):
            if lines[-1] and len(margin) + len(lines[-1]) + len(word) + 1 > WIDTH:
                lines.append("")
            lines[-1] += f" {word}" if lines[-1] else word
        if not any(line.startswith("#") for line in lines[:1]):
            return [f"{head} >-", *(margin + line for line in lines)]
    return [one]


def _is_block(value: str) -> bool:
    """Tell whether a text of several lines can stand behind a |."""
    lines = value.split("\n")
    return (
        len(lines) > 1
        and all(line.isprintable() and line == line.rstrip() for line in lines)
        and not value.startswith((" ", "\n"))
        and not value.endswith("\n\n")
    )


def _block(value: dict[str, Any] | list[Any], indent: int) -> list[str]:
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _entry(key, item, indent)]
    lines: list[str] = []
    apart = False
    for item in value:
        entry = _item(item, indent)
        # Steps are set apart, and a remark that is about none.
        beside = bool(lines) and not apart and lines[-1].lstrip().startswith("#")
        if (
            lines
            and indent == _OF_STEPS
            and not beside
            and (apart or len(entry) > 1 or isinstance(item, Remark))
        ):
            lines.append("")
        apart = not item.beside if isinstance(item, Remark) else len(entry) > 1
        lines += entry
    return lines


def _item(item: Any, indent: int) -> list[str]:
    margin = " " * indent
    if isinstance(item, Remark):
        return _remark(item.text, indent)
    if isinstance(item, dict) and item and ("request" in item or _flow(item, WIDTH - indent - 2) is None):
        lines = _block(item, indent + 2)
        lines[0] = f"{margin}- {lines[0][indent + 2 :]}"
        return lines
    if isinstance(item, dict | list):
        flow = _flow(item, WIDTH - indent - 2)
        if flow is None and item:
            return [f"{margin}-", *_block(item, indent + 2)]
        return [f"{margin}- {flow if flow is not None else _flow(item, None)}"]
    return _with_scalar(f"{margin}-", item, indent)


def _flow(value: Any, room: int | None, depth: int = 0) -> str | None:
    """Return a value on one line; None when it does not fit there."""
    if isinstance(value, dict | list):
        if room is not None and depth >= _DEEPEST:
            return None
        found = []
        for item in value.items() if isinstance(value, dict) else value:
            inner = item[1] if isinstance(value, dict) else item
            text = _flow(inner, room, depth + 1)
            if text is None or (room is not None and "\n" in text):
                return None
            found.append(
                f"{_scalar(item[0], flow=True, key=True)}: {text}" if isinstance(value, dict) else text
            )
        line = ", ".join(found)
        line = f"{{{line}}}" if isinstance(value, dict) else f"[{line}]"
    elif isinstance(value, Remark):
        return None
    else:
        line = _scalar(value, flow=True)
    return line if room is None or len(line) <= room else None


# -- scalars --------------------------------------------------------------------------------------------


def _scalar(value: Any, *, flow: bool, key: bool = False) -> str:
    if not isinstance(value, str):
        return dumps(value) if not isinstance(value, Decimal) else str(value)
    if _is_plain(value, flow=flow, key=key):
        return value
    if value.isprintable() and "'" not in value and ('"' in value or "\\" in value):
        return f"'{value}'"
    return _double_quoted(value)


def _is_plain(text: str, *, flow: bool, key: bool) -> bool:
    if not text or not text.isprintable() or text != text.strip() or not _BEGIN.match(text):
        return False
    if text.lower() in _OTHERS or text.endswith(":") or ": " in text or " #" in text:
        return False
    if flow and (any(char in text for char in "[]{},*") or "://" in text or ":" in text.rstrip("/")[-1:]):
        return False
    if key and (":" in text or text.startswith("?")):
        return False
    if _MAYBE_NUMBER.fullmatch(text) and not _DATE.fullmatch(text):
        return False
    read = Scalar(text, "", 1, 1, len(text))
    return read.value == text and not read.doubtful


def _double_quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    return f"\\U{ord(char):08X}" if ord(char) > 0xFFFF else f"\\u{ord(char):04x}"
