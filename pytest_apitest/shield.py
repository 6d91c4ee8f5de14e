"""From the words of a verdict to a badge: as JSON for a shields.io server, or drawn as SVG right here.

Rules kept here, each with its source:
- the JSON has exactly the keys `schemaVersion`, `label`, `message`, `color`, `isError` (the endpoint form of
  shields.io, which refuses keys that it does not know);
- a drawing asks the network for nothing: no fonts, no links, no images. It names fonts that are usually
  there, and `textLength` makes the text as wide as its box in whatever font is found (SVG 2, section 11.5);
- text and its ground differ by 4.5:1 or more (WCAG 2.2, success criterion 1.4.3); the words alone carry the
  meaning, never the colour;
- programs that read aloud get one image with a name (`role`, `aria-label`, `title`; SVG-AAM 1.0, section 5);
- a hostile text stays a text: characters that XML 1.0 (section 2.2) refuses, and those that turn the reading
  direction around, become U+FFFD;
- the same shield gives the same bytes; ids are made from the content, so that several drawings can stand in
  one page.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytest_apitest.errors import did_you_mean

MAX_TEXT = 120

_WHITE, _BLACK = "#ffffff", "#000000"
_LABEL_GROUND = "#484848"
_ENOUGH_CONTRAST = 4.5
# White on each of these has a contrast of 5.3 or more; the well-known brighter shades have 2 to 3.6.
_COLORS = {
    "green": "#2b7a0b",
    "red": "#b42318",
    "orange": "#b04b00",
    "inactive": "#6b6b6b",
    "blue": "#0b62a8",
}
_HEX_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")

# What XML refuses, C1 controls, marks and overrides of the reading direction.
_REFUSED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})

# Widths in hundredths of the font size, as of fonts of Verdana's kind; near enough, textLength does the rest.
_WIDTHS = {
    character: width
    for width, characters in {
        28: "ijlI'",
        34: " ,./\\:;|f",
        39: "!()-[]rt",
        52: '"*?_`csz',
        60: "aekovxyEFLPTY",
        64: "$0123456789bdghnpqu{}S",
        69: "ABCKRVXZJ",
        77: "DGHNOQU&",
        84: "#+<=>^~wM",
        98: "%@mW…\ufffd",
    }.items()
    for character in characters
}
_WIDTH_OF_OTHERS = 64
_WIDTH_OF_WIDE = 110
_BOLDER = 1.13


@dataclass(frozen=True, slots=True)
class Shield:
    """A badge: two texts and a colour.

    Args:
        label: left text, what it is about.
        message: right text, how it stands.
        color: `green`, `red`, `orange`, `inactive`, `blue` or `#rrggbb`.
        is_error: whether a server that draws it may not give it another colour.

    """

    label: str
    message: str
    color: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class _Style:
    """Measures in pixels.

    Args:
        height: height of the badge.
        radius: radius of the corners, 0 for none.
        font_size: size of both texts.
        baseline: distance from the top to the foot of the letters.
        padding: space left and right of each text.
        spacing: added between two letters.
        loud: capitals, and a bold message.
        shine: opacity of the light upper and the dark lower edge; both stay clear of the letters.

    """

    height: int
    radius: int
    font_size: int
    baseline: int
    padding: int
    spacing: float = 0
    loud: bool = False
    shine: str = ""


_STYLES = {
    "flat": _Style(20, 3, 11, 14, 6, shine=".12"),
    "flat-square": _Style(20, 0, 11, 14, 6),
    "plastic": _Style(18, 4, 11, 13, 6, shine=".35"),
    "for-the-badge": _Style(28, 0, 10, 18, 11, spacing=1.1, loud=True),
}
STYLES = tuple(_STYLES)


@dataclass(frozen=True, slots=True)
class _Half:
    """One of the two boxes: what stands in it, where, and in which colours."""

    text: str
    left: int
    width: int
    ground: str
    bold: bool


def to_json(shield: Shield) -> dict[str, Any]:
    """Return the badge in the form that a shields.io server reads from an endpoint; texts are not cut."""
    return {
        "schemaVersion": 1,
        "label": shield.label,
        "message": shield.message,
        "color": shield.color,
        "isError": shield.is_error,
    }


def to_svg(shield: Shield, style: str = "flat") -> str:
    """Return the badge as the text of an SVG file.

    Args:
        shield: what to draw; each text is cut at 120 characters.
        style: one of `STYLES`.

    Raises:
        ValueError: there is no such style or colour.

    """
    if style not in _STYLES:
        raise ValueError(
            f'unknown style "{style}"{did_you_mean(style, STYLES) or f"; known: {_list(STYLES)}"}'
        )
    measures = _STYLES[style]
    label, message = drawable(shield.label), drawable(shield.message)
    halves: list[_Half] = []
    if label:
        halves.append(_half(label, 0, _LABEL_GROUND, measures, bold=False))
    left = halves[0].width if halves else 0
    halves.append(_half(message, left, _ground(shield.color), measures, bold=measures.loud))
    name = ": ".join(filter(None, (label, message))).translate(_ESCAPES)
    content = f"{style}\n{label}\n{message}\n{halves[-1].ground}"  # one line each, so the parts stay apart
    mark = f"b{zlib.crc32(content.encode()):08x}"
    return _draw(halves, measures, name, mark)


def _draw(halves: list[_Half], style: _Style, name: str, mark: str) -> str:
    width, height = halves[-1].left + halves[-1].width, style.height
    boxes = "".join(
        f'<rect x="{half.left}" width="{half.width}" height="{height}" fill="{half.ground}"/>'
        for half in halves
    )
    definitions = ""
    if style.shine:
        # Light above the letters, dark below them, nothing where they stand: the contrast stays as it is.
        boxes += f'<rect width="{width}" height="{height}" fill="url(#{mark}s)"/>'
        definitions += (
            f'<linearGradient id="{mark}s" x2="0" y2="1">'
            f'<stop offset="0" stop-color="{_WHITE}" stop-opacity="{style.shine}"/>'
            f'<stop offset=".25" stop-color="{_WHITE}" stop-opacity="0"/>'
            f'<stop offset=".78" stop-color="{_BLACK}" stop-opacity="0"/>'
            f'<stop offset="1" stop-color="{_BLACK}" stop-opacity="{style.shine}"/></linearGradient>'
        )
    if style.radius:
        boxes = f'<g clip-path="url(#{mark}c)">{boxes}</g>'
        definitions += (
            f'<clipPath id="{mark}c"><rect width="{width}" height="{height}" rx="{style.radius}"/></clipPath>'
        )
    else:
        boxes = f'<g shape-rendering="crispEdges">{boxes}</g>'
    texts = "".join(_text(half, style) for half in halves if half.text)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" '
        f'aria-label="{name}"><title>{name}</title>{definitions}{boxes}'
        f'<g font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="{style.font_size}" '
        f'text-anchor="middle" text-rendering="geometricPrecision">{texts}</g></svg>\n'
    )


def _text(half: _Half, style: _Style) -> str:
    length = half.width - 2 * style.padding
    weight = ' font-weight="bold"' if half.bold else ""
    # Where the width is a guess the letters are stretched too: pulled apart, joined scripts fall to pieces.
    stretch = "" if _WIDTHS.keys() >= set(half.text) else ' lengthAdjust="spacingAndGlyphs"'
    return (
        f'<text x="{half.left + half.width / 2:g}" y="{style.baseline}" textLength="{length}"{stretch} '
        f'fill="{_ink(half.ground)}"{weight}>{half.text.translate(_ESCAPES)}</text>'
    )


def _half(text: str, left: int, ground: str, style: _Style, *, bold: bool) -> _Half:
    shown = text.upper() if style.loud else text
    inner = text_width(shown, style.font_size, bold=bold) + len(shown) * style.spacing
    # Whole pixels, so that the edge between the two boxes is sharp.
    return _Half(shown, left, round(inner) + 2 * style.padding, ground, bold)


def _width(character: str) -> int:
    known = _WIDTHS.get(character)
    if known is not None:
        return known
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return _WIDTH_OF_WIDE if unicodedata.east_asian_width(character) in {"W", "F"} else _WIDTH_OF_OTHERS


def drawable(text: str, most: int = MAX_TEXT) -> str:
    """Return a text on one line, cut, without characters that cannot or should not be drawn.

    Args:
        text: the text.
        most: number of characters that are left of it.

    """
    visible = _REFUSED.sub("\ufffd", " ".join(text[: 4 * most].split()))
    return visible if len(visible) <= most else visible[: most - 1] + "…"


def escaped(text: str, most: int = MAX_TEXT) -> str:
    """Return a text for XML or HTML, between tags or in quotes: drawable, and without a character of theirs."""
    return drawable(text, most).translate(_ESCAPES)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how many pixels a text is wide.

    Args:
        text: the text.
        size: of the font, in pixels.
        bold: whether it is bold.

    """
    return sum(map(_width, text)) * size / 100 * (_BOLDER if bold else 1)


def _ground(color: str) -> str:
    if _HEX_COLOR.fullmatch(color):
        return color.lower()
    if color not in _COLORS:
        known = f"; known: {_list(_COLORS)}, #rrggbb"
        raise ValueError(f'unknown color "{color}"{did_you_mean(color, _COLORS) or known}')
    return _COLORS[color]


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)


def _ink(ground: str) -> str:
    """Return white where it can be read on a colour, else black; one of the two always can."""
    return _WHITE if 1.05 / (_luminance(ground) + 0.05) >= _ENOUGH_CONTRAST else _BLACK


def _luminance(color: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.2, definition of that name)."""
    parts = (int(color[index : index + 2], 16) / 255 for index in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
