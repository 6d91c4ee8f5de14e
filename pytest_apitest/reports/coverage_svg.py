"""`coverage.svg`: operations and their documented statuses as a picture.

Rules kept here:
- as a badge it asks the network for nothing, is one image with a name for programs that read aloud, and takes
  texts as texts (`shield` has the sources);
- text and its ground differ by 4.5:1 or more (WCAG 2.2, success criterion 1.4.3), and the number in a cell says
  what its colour says.
"""

from collections.abc import Iterator

from pytest_apitest.coverage import DescriptionCoverage, OperationCoverage, StatusCoverage, percent
from pytest_apitest.outcome import RunOutcome
from pytest_apitest.shield import drawable, escaped, text_width

# A picture with more rows helps nobody; the page has them all.
MOST_ROWS = 150
MOST_COLUMNS = 24

_SIZE = 12
_ROW, _CELL, _HEAD = 22, 46, 62
_MARGIN, _GAP = 16, 12
_LONGEST = 60
_GROUND, _INK, _DIM, _EDGE = "#ffffff", "#1f2328", "#59636e", "#8c959f"
# The fill and the ink of a cell.
_CELLS = {
    "exercised": ("#1a6b34", "#ffffff"),
    "violated": ("#b42318", "#ffffff"),
    "missing": ("#f3f4f6", "#454c54"),
}
_LEGEND = "number of answers; 0 never seen; ! not as described; empty: not documented"


def picture_of(run: RunOutcome) -> str:
    """Return the text of the SVG file."""
    names = max(
        (text_width(_label(one), _SIZE) for part in run.coverage for one in part.operations[:MOST_ROWS]),
        default=0,
    )
    left = _MARGIN + round(names) + _GAP
    columns = max((len(part.status_keys[:MOST_COLUMNS]) for part in run.coverage), default=0)
    least = round(max(text_width(_LEGEND, _SIZE), *(text_width(_head(one), 15) for one in run.coverage)))
    width = max(left + columns * _CELL, least + _MARGIN) + _MARGIN
    parts: list[str] = []
    top = _MARGIN
    for coverage in run.coverage:
        parts += _matrix(coverage, left, top)
        top += _HEAD + _rows(coverage) * _ROW + _MARGIN
    parts.append(_text(_MARGIN, top + 8, _LEGEND, _DIM))
    height = top + 8 + _MARGIN
    name = "; ".join(escaped(_head(one)) for one in run.coverage)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="Coverage: {name}"><title>Coverage: {name}</title>'
        f'<rect width="{width}" height="{height}" rx="8" fill="{_GROUND}"/>'
        f'<g font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="{_SIZE}">{"".join(parts)}</g></svg>\n'
    )


def _head(coverage: DescriptionCoverage) -> str:
    share = coverage.shares["statuses"]
    count = f"{share.exercised:,} of {share.described:,} statuses of operations"
    # The name comes last: one that is written from right to left turns around what stands behind it.
    return f"{percent(share)}, {count}: {drawable(coverage.name, _LONGEST)}"


def _label(operation: OperationCoverage) -> str:
    return drawable(operation.name, _LONGEST)


def _rows(coverage: DescriptionCoverage) -> int:
    return min(len(coverage.operations), MOST_ROWS) + (len(coverage.operations) > MOST_ROWS)


def _matrix(coverage: DescriptionCoverage, left: int, top: int) -> Iterator[str]:
    yield _text(_MARGIN, top + 14, _head(coverage), _INK, ' font-size="15" font-weight="bold"')
    keys = coverage.status_keys[:MOST_COLUMNS]
    for column, key in enumerate(keys):
        shown = "default" if key == "DEFAULT" else key
        yield _text(
            left + column * _CELL + _CELL // 2, top + _HEAD - 10, shown, _INK, ' text-anchor="middle"'
        )
    for row, operation in enumerate(coverage.operations[:MOST_ROWS]):
        y = top + _HEAD + row * _ROW
        yield _text(_MARGIN, y + 15, _label(operation), _INK if operation.exercised else _DIM)
        for column, key in enumerate(keys):
            status = operation.status(key)
            if status is not None:
                yield _cell(left + column * _CELL, y, status)
    more = len(coverage.operations) - MOST_ROWS
    if more > 0:
        y = top + _HEAD + MOST_ROWS * _ROW
        yield _text(_MARGIN, y + 15, f"… and {more:,} more operations", _DIM)


def _cell(x: int, y: int, status: StatusCoverage) -> str:
    fill, ink = _CELLS[status.word]
    stroke = f' stroke="{_EDGE}" stroke-dasharray="2 2"' if status.word == "missing" else ""
    box = f'<rect x="{x + 2}.5" y="{y + 1}.5" width="{_CELL - 5}" height="{_ROW - 4}" rx="3" fill="{fill}"{stroke}/>'
    return box + _text(x + _CELL // 2, y + 15, _short_count(status), ink, ' text-anchor="middle"')


def _short_count(status: StatusCoverage) -> str:
    return status.shown if status.exercised < 10_000 else "9999+" + " !" * (status.violations > 0)


def _text(x: int, y: int, text: str, ink: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" fill="{ink}"{more}>{escaped(text)}</text>'
