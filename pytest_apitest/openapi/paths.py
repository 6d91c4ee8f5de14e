"""Finding the path item of a request: a tree of path segments (OpenAPI 3.1, sections 4.8.2 "Path Templating", 4.8.8).

Rules kept here:
- a literal segment goes before a templated one ("concrete definitions are matched before their templated
  counterparts"), a segment that is templated in part before one that is templated whole;
- segments are compared after percent-decoding; a parameter is one segment, or a part of one, and never empty;
- the time depends on the number of segments, not on that of the paths.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any
from urllib.parse import unquote, urlsplit

from pytest_apitest.data import data, record
from pytest_apitest.patterns import deferred

_VARIABLE = deferred(r"\{([^{}]*)\}")


@data
class PathFound:
    """A path item that a request belongs to.

    Args:
        template: the path as written in the description.
        parameters: the texts of its parameters, still percent-encoded.

    """

    template: str
    parameters: Mapping[str, str]


@record
class _Segment:
    literal: dict[str, "_Segment"] = field(default_factory=dict)
    # A segment that is templated in part, with the names of its parameters.
    mixed: list[tuple[re.Pattern[str], "_Segment"]] = field(default_factory=list)
    whole: "_Segment | None" = None
    template: str = ""
    names: tuple[str, ...] = ()


class Paths:
    """The paths of a description below the base paths of its servers.

    Args:
        bases: for each path the base paths below which it is served, without a final slash.

    """

    def __init__(self, bases: Mapping[str, Sequence[str]]) -> None:
        self._bare = _Segment()
        self._based = _Segment()
        for template, below in bases.items():
            if template.startswith("/"):
                _add(self._bare, template, template)
                for base in below:
                    _add(self._based, base + template, template)

    def find(self, path: str, base: str) -> PathFound | None:
        """Return the path item of a request, or None.

        Args:
            path: the path of its URL, percent-encoded.
            base: base path of the endpoint that it was sent to, without a final slash: it stands for that of a
                server, since a test seldom runs where the description says.

        """
        if path == base or path.startswith(base + "/"):
            found = _find(self._bare, path[len(base) :] or "/")
            if found is not None:
                return found
        return _find(self._based, path)

    def only(self, path: Sequence[str | None]) -> str | None:
        """Return the template that requests of one form belong to; None when it is not one for all of them.

        Args:
            path: the path below a base path, in pieces: texts, percent-encoded, and None for a value that is not
                known, never empty and within one segment.

        """
        text = "".join(_UNKNOWN if piece is None else piece for piece in path)
        segments = _segments(text or "/")
        found: list[str] = []
        certain = len(segments) <= _MAX_SEGMENTS and _collect(self._bare, segments, 0, found)
        return found[0] if certain and len(set(found)) == 1 else None


def base_path(url: str, variables: Any) -> str:
    """Return the path of a server's URL without a final slash, variables of known value filled in.

    Args:
        url: URL of a Server Object, absolute or relative, with `{variables}`.
        variables: its `variables`.

    """

    def value(match: re.Match[str]) -> str:
        spec = variables.get(match[1]) if isinstance(variables, dict) else None
        choices = spec.get("enum") if isinstance(spec, dict) else None
        if isinstance(spec, dict) and isinstance(spec.get("default"), str) and not choices:
            return str(spec["default"])
        return match[0]

    filled = _VARIABLE.sub(value, url)
    # Braces in a host are no URL to the parser.
    path = urlsplit(re.sub(r"^([A-Za-z][^/]*:)?//[^/]*", "", filled)).path
    return ("/" + path.strip("/")) if path.strip("/") else ""


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/")


def _add(root: _Segment, path: str, template: str) -> None:
    node, names = root, []
    for segment in _segments(path):
        found = _VARIABLE.findall(segment)
        names += found
        if not found:
            node = node.literal.setdefault(unquote(segment), _Segment())
        elif segment == f"{{{found[0]}}}":
            node.whole = node.whole or _Segment()
            node = node.whole
        else:
            pieces = _VARIABLE.split(segment)
            # Every second piece is a name; the lazy groups make the first of two parameters the shorter one.
            pattern = "".join(
                "(.+?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
            )
            below = next((one for known, one in node.mixed if known.pattern == pattern), None)
            if below is None:
                below = _Segment()
                node.mixed.append((re.compile(pattern, re.DOTALL), below))
            node = below
    if not node.template:
        node.template, node.names = template, tuple(names)


def _find(root: _Segment, path: str) -> PathFound | None:
    segments = _segments(path)
    values: list[str] = []

    def walk(node: _Segment, index: int) -> _Segment | None:
        if index == len(segments):
            return node if node.template else None
        segment = segments[index]
        plain = unquote(segment) if "%" in segment else segment
        if (below := node.literal.get(plain)) is not None and (end := walk(below, index + 1)) is not None:
            return end
        for pattern, below in node.mixed:
            match = pattern.fullmatch(segment) or pattern.fullmatch(plain)
            if match is not None:
                count = len(values)
                values.extend(match.groups())
                if (end := walk(below, index + 1)) is not None:
                    return end
                del values[count:]
        if node.whole is not None and segment:
            values.append(segment)
            if (end := walk(node.whole, index + 1)) is not None:
                return end
            values.pop()
        return None

    if len(segments) > _MAX_SEGMENTS:
        return None
    end = walk(root, 0)
    if end is None:
        return None
    return PathFound(end.template, dict(zip(end.names, values, strict=True)))


def _collect(node: _Segment, segments: list[str], index: int, found: list[str]) -> bool:
    """Collect the templates that segments may belong to, in the order of `_find`, up to the first certain one.

    Args:
        node: where the search is.
        segments: the segments, with a mark for what is not known.
        index: the next segment.
        found: grows by the templates.

    Returns:
        Whether there is a template for whatever the unknown parts are.

    """
    if index == len(segments):
        found += [node.template] if node.template else []
        return bool(node.template)
    segment = segments[index]
    plain = unquote(segment)
    if _UNKNOWN not in segment:
        below = node.literal.get(plain)
        if below is not None and _collect(below, segments, index + 1, found):
            return True
    else:
        fits = re.compile("(?s:.+)".join(map(re.escape, plain.split(_UNKNOWN)))).fullmatch
        for name, below in node.literal.items():
            if fits(name):
                _collect(below, segments, index + 1, found)
    for pattern, below in node.mixed:
        certain = _UNKNOWN not in segment
        if certain and not (pattern.fullmatch(segment) or pattern.fullmatch(plain)):
            continue
        if _collect(below, segments, index + 1, found) and certain:
            return True
    return node.whole is not None and bool(segment) and _collect(node.whole, segments, index + 1, found)


_MAX_SEGMENTS = 200
# Stands for a value that is not known; no URL can hold it.
_UNKNOWN = "\x00"
