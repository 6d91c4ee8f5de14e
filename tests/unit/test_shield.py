"""Badges: the JSON form, the drawings byte for byte, hostile texts, contrast and widths.

The golden drawings were looked at in Chromium. When one changes on purpose, look at it again, then write what
`to_svg` returns to `tests/golden/shield/`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pytest_apitest.shield import MAX_TEXT, STYLES, Shield, to_json, to_svg

GOLDEN = Path(__file__).parent.parent / "golden" / "shield"
SVG = "{http://www.w3.org/2000/svg}"
SUCCESS = Shield("API Test Platform", "Success", "green", is_error=False)
NAMES = ["green", "red", "orange", "inactive", "blue"]


def shield(label: str = "label", message: str = "message", color: str = "green") -> Shield:
    return Shield(label, message, color, is_error=False)


def parse(svg: str) -> ET.Element:
    # Bytes, so that the parser also refuses what cannot be UTF-8.
    return ET.fromstring(svg.encode("utf-8"))


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in parse(svg).iter(f"{SVG}text")]


def luminance(color: str) -> float:
    channels = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrasts(svg: str) -> list[float]:
    """The contrast of each text with the box that it stands in."""
    root = parse(svg)
    boxes = [element for element in root.iter(f"{SVG}rect") if element.get("fill", "").startswith("#")]
    found = []
    for text in root.iter(f"{SVG}text"):
        x = float(text.attrib["x"])
        (box,) = (
            box
            for box in boxes
            if float(box.attrib["x"]) < x < float(box.attrib["x"]) + float(box.attrib["width"])
        )
        bright, dark = sorted((luminance(text.attrib["fill"]), luminance(box.attrib["fill"])), reverse=True)
        found.append((bright + 0.05) / (dark + 0.05))
    return found


@pytest.mark.parametrize(
    "made",
    [
        Shield("API Test Platform", "Success", "green", is_error=False),
        Shield("API Test Platform", "Failed", "red", is_error=True),
        Shield("", "<x>\x00" * 100, "#abcdef", is_error=False),
    ],
)
def test_the_json_form_has_exactly_five_keys(made: Shield) -> None:
    assert to_json(made) == {
        "schemaVersion": 1,
        "label": made.label,
        "message": made.message,
        "color": made.color,
        "isError": made.is_error,
    }
    assert list(to_json(made)) == ["schemaVersion", "label", "message", "color", "isError"]


def test_the_styles() -> None:
    assert STYLES == ("flat", "flat-square", "plastic", "for-the-badge")
    assert to_svg(SUCCESS) == to_svg(SUCCESS, "flat")
    assert len({to_svg(SUCCESS, style) for style in STYLES}) == len(STYLES)


@pytest.mark.parametrize("style", STYLES)
def test_a_drawing_is_as_it_was_looked_at(style: str) -> None:
    made = to_svg(SUCCESS, style)
    assert made == (GOLDEN / f"{style}.svg").read_text(encoding="utf-8")
    assert made == to_svg(SUCCESS, style)


def test_there_is_a_golden_drawing_for_each_style_and_no_other() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(STYLES)


def test_a_drawing_is_the_same_in_another_process() -> None:
    program = (
        "import sys; from pytest_apitest.shield import Shield, to_svg;"
        "sys.stdout.write(to_svg(Shield('API Test Platform', 'Success', 'green', False)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == to_svg(SUCCESS)


@pytest.mark.parametrize("style", STYLES)
def test_a_drawing_is_one_image_with_a_name(style: str) -> None:
    root = parse(to_svg(shield("rules", "41 of 43"), style))
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == "rules: 41 of 43"
    title = root[0]
    assert (title.tag, title.text) == (f"{SVG}title", "rules: 41 of 43")


@pytest.mark.parametrize("style", STYLES)
def test_a_drawing_asks_for_nothing_from_outside(style: str) -> None:
    svg = to_svg(shield("https://x.example/a.png", "url(https://x.example)"), style)
    root = parse(svg)
    kinds = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert kinds <= {"svg", "title", "g", "rect", "text", "clipPath", "linearGradient", "stop"}
    for element in root.iter():
        for name, value in element.attrib.items():
            assert "href" not in name
            if "url(" in value and name != "aria-label":
                assert re.fullmatch(r"url\(#b[0-9a-f]{8}[cs]\)", value)
                assert root.find(f".//*[@id='{value[5:-1]}']") is not None


def test_the_ids_of_two_drawings_in_one_page_differ_unless_the_drawings_are_equal() -> None:
    ids = {
        element.get("id")
        for made in (shield(), shield("other"), shield(message="other"), shield(color="red"))
        for style in ("flat", "plastic")
        for element in parse(to_svg(made, style)).iter()
        if element.get("id")
    }
    assert len(ids) == 4 * 2 * 2


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("</text><script>alert(1)</script>", "</text><script>alert(1)</script>"),
        ("\"'&<>", "\"'&<>"),
        ("' onload='x", "' onload='x"),
        ("]]>&amp;&#60;", "]]>&amp;&#60;"),
        ("<!--", "<!--"),
        ("a\x00b\x1bc\x7fd\x9fe", "a�b�c�d�e"),
        ("a\u202eb\u2066c\u200fd\u061ce", "a�b�c�d�e"),
        ("a\ud800b\ufffec\uffffd", "a�b�c�d"),
        (" a\n\tb\r\n c\u2028d ", "a b c d"),
        ("שלום", "שלום"),
        ("👩‍🚀 é e\u0301", "👩‍🚀 é e\u0301"),
    ],
)
def test_a_hostile_text_stays_a_text(hostile: str, shown: str, style: str) -> None:
    svg = to_svg(Shield(hostile, hostile, "green", is_error=False), style)
    root = parse(svg)
    expected = shown.upper() if style == "for-the-badge" else shown
    assert texts(svg) == [expected, expected]
    assert root.get("aria-label") == root.findtext(f"{SVG}title") == f"{shown}: {shown}"
    calm = to_svg(Shield("a", "b", "green", is_error=False), style)
    assert [(element.tag, set(element.attrib) - {"lengthAdjust"}) for element in root.iter()] == [
        (element.tag, set(element.attrib)) for element in parse(calm).iter()
    ]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("empty", ["", " ", "\n\t"])
def test_empty_texts(empty: str, style: str) -> None:
    without_label = to_svg(shield(empty, "m"), style)
    assert texts(without_label) == [("M" if style == "for-the-badge" else "m")]
    assert parse(without_label).get("aria-label") == "m"
    without_message = parse(to_svg(shield("a", empty), style))
    assert without_message.get("aria-label") == "a"
    assert len(list(without_message.iter(f"{SVG}text"))) == 1
    without_both = parse(to_svg(shield(empty, empty), style))
    assert without_both.get("aria-label") == ""
    assert int(without_both.attrib["width"]) > 0
    assert "nan" not in ET.tostring(without_both, encoding="unicode")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("color", NAMES)
def test_named_colors_can_be_read(color: str, style: str) -> None:
    svg = to_svg(shield(color=color), style)
    assert len(contrasts(svg)) == 2
    assert min(contrasts(svg)) >= 4.5
    assert {element.get("fill") for element in parse(svg).iter(f"{SVG}text")} == {"#ffffff"}


def test_named_colors_differ() -> None:
    assert len({to_svg(shield(color=color), "flat-square") for color in NAMES}) == len(NAMES)


@pytest.mark.parametrize("style", STYLES)
def test_any_color_can_be_read(style: str) -> None:
    # Greys pass through every luminance, among them the narrow band where white stops and black starts to do.
    greys = [f"#{value:02x}{value:02x}{value:02x}" for value in range(256)]
    others = [
        "#ff0000",
        "#00ff00",
        "#0000ff",
        "#ffff00",
        "#44cc11",
        "#97ca00",
        "#FE7D37",
        "#007ec6",
        "#767677",
    ]
    for color in [*greys, *others]:
        assert min(contrasts(to_svg(shield(color=color), style))) >= 4.5, color


@pytest.mark.parametrize(
    ("color", "ink"),
    [("#000000", "#ffffff"), ("#767676", "#ffffff"), ("#777777", "#000000"), ("#FFEE88", "#000000")],
)
def test_a_light_color_gets_dark_text(color: str, ink: str) -> None:
    root = parse(to_svg(shield(color=color)))
    label, message = root.iter(f"{SVG}text")
    assert (label.get("fill"), message.get("fill")) == ("#ffffff", ink)
    assert [box.get("fill") for box in root.iter(f"{SVG}rect")][-2] == color.lower()


@pytest.mark.parametrize("style", STYLES)
def test_letters_stand_where_nothing_shines(style: str) -> None:
    # The contrast that is computed from the colours alone holds for the letters only if this does.
    root = parse(to_svg(shield(), style))
    height = int(root.attrib["height"])
    size = float(root.findall(f"{SVG}g")[-1].attrib["font-size"])
    clear = [
        float(stop.attrib["offset"]) * height
        for stop in root.iter(f"{SVG}stop")
        if float(stop.attrib["stop-opacity"]) == 0
    ] or [0, height]
    for text in root.iter(f"{SVG}text"):
        foot = float(text.attrib["y"])
        capital = 0.73 * size
        assert clear[0] < foot - capital < foot <= clear[1]


@pytest.mark.parametrize("style", STYLES)
def test_a_drawing_grows_with_its_text(style: str) -> None:
    widths = [int(parse(to_svg(shield("a" * count, "b"), style)).attrib["width"]) for count in range(1, 121)]
    assert widths == sorted(set(widths))
    widths = [int(parse(to_svg(shield("a", "é日🎉W"[:count]), style)).attrib["width"]) for count in range(5)]
    assert widths == sorted(set(widths))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("message", ["i", "Wide MMMMM", "日本語 🎉", "e\u0301\u0301", "x" * 200])
def test_each_text_fits_its_box_with_room_on_both_sides(message: str, style: str) -> None:
    root = parse(to_svg(shield("some label", message), style))
    boxes = [element for element in root.iter(f"{SVG}rect") if element.get("fill", "").startswith("#")]
    assert len(boxes) == 2
    edge = 0.0
    for box, text in zip(boxes, root.iter(f"{SVG}text"), strict=True):
        left, width = float(box.attrib["x"]), float(box.attrib["width"])
        half = float(text.attrib["textLength"]) / 2
        assert left == edge
        assert float(text.attrib["x"]) - half - left == left + width - float(text.attrib["x"]) - half >= 5
        assert width == int(width)
        edge = left + width
    assert int(root.attrib["width"]) == edge


def test_narrow_wide_and_combining_characters_are_told_apart() -> None:
    def width(text: str) -> int:
        return int(parse(to_svg(shield("", text))).attrib["width"])

    assert width("iiii") < width("aaaa") < width("WWWW") < width("日本語文")
    assert width("e\u0301") == width("e")
    assert width("é") > width("i")
    assert width("👩\u200d🚀") == width("👩🚀")


def test_joined_scripts_are_stretched_not_pulled_apart() -> None:
    assert 'lengthAdjust="spacingAndGlyphs"' in to_svg(shield("مرحبا"))
    assert "lengthAdjust" not in to_svg(shield("Success 42/43 (a.b) {c}", "100 % fine…"))


def test_texts_are_cut_at_120_characters() -> None:
    exact, longer = "x" * MAX_TEXT, "x" * (MAX_TEXT + 1)
    assert MAX_TEXT == 120
    assert texts(to_svg(shield(exact, exact))) == [exact, exact]
    assert texts(to_svg(shield(longer, longer))) == ["x" * 119 + "…"] * 2
    assert len(to_svg(shield("&" * 100_000, '"' * 100_000))) < 10_000
    assert to_json(shield(longer))["label"] == longer


@pytest.mark.parametrize(
    ("style", "color", "message"),
    [
        ("flatt", "green", 'unknown style "flatt"; did you mean "flat"?'),
        ("for-the-bage", "green", 'unknown style "for-the-bage"; did you mean "for-the-badge"?'),
        ("social", "green", 'unknown style "social"; known: flat, flat-square, plastic, for-the-badge'),
        ("flat", "geen", 'unknown color "geen"; did you mean "green"?'),
        ("flat", "", 'unknown color ""; known: green, red, orange, inactive, blue, #rrggbb'),
        ("flat", "#12345", 'unknown color "#12345"; known: green, red, orange, inactive, blue, #rrggbb'),
        (
            "flat",
            '#123456"/>',
            'unknown color "#123456"/>"; known: green, red, orange, inactive, blue, #rrggbb',
        ),
        (
            "flat",
            "#123456\n",
            'unknown color "#123456\n"; known: green, red, orange, inactive, blue, #rrggbb',
        ),
        ("flat", "#12345٣", 'unknown color "#12345٣"; known: green, red, orange, inactive, blue, #rrggbb'),
    ],
)
def test_unknown_styles_and_colors(style: str, color: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        to_svg(shield(color=color), style)
    assert str(caught.value) == message
