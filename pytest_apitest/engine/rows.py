"""Rows of `for_each` and `parametrize` with their labels and values (language, section 9)."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from pytest_apitest.engine.scope import Entry, RunScope, Unset
from pytest_apitest.jsonvalue import show
from pytest_apitest.language.model import Rows
from pytest_apitest.references import RenderError, Value

# A value, the URL that it came from, and whether it is secret.
_Cell = tuple[Any, str, bool]
Row = tuple[str, dict[str, Entry | Unset]]


def render_rows(rows: Rows, scope: RunScope) -> list[Row]:
    """Return rows with their labels and values; raises `RenderError`."""
    if rows.product:
        columns = [(name, _column(name, value, scope)) for name, value in rows.product]
        names = [name for name, _ in columns]
        combinations = product(*(values for _, values in columns))
        return [_row(None, dict(zip(names, cells, strict=True)), rows) for cells in combinations]
    found: list[Row] = []
    for label, row in zip(rows.labels, rows.rows, strict=True):
        found.append(_row(label, {name: _cell(value, scope) for name, value in row.items()}, rows))
    return found


def _cell(value: Value, scope: RunScope) -> _Cell:
    return value.render(scope), scope.came_from(value), scope.is_secret(value)


def _column(name: str, value: Value | tuple[Value, ...], scope: RunScope) -> list[_Cell]:
    if isinstance(value, tuple):
        return [_cell(one, scope) for one in value]
    items, base_url, secret = _cell(value, scope)
    if not isinstance(items, list):
        raise RenderError(f"for_each: {name} needs a list, got {show(items, 40)}")
    return [(item, base_url, secret) for item in items]


def _row(label: str | None, cells: Mapping[str, _Cell], rows: Rows) -> Row:
    entries: dict[str, Entry | Unset] = {
        name: Entry(value, "row", f"row, line {rows.mark.line}", secret=secret, base_url=base_url)
        for name, (value, base_url, secret) in cells.items()
    }
    return label or row_label(value for value, _, secret in cells.values() if not secret), entries


def row_label(values: Iterable[Any]) -> str:
    """Return what a row without a label is called: its scalar values."""
    words = []
    for value in values:
        if isinstance(value, str):
            words.append(value if value.strip() else show(value))
        elif not isinstance(value, dict | list | bytes):
            words.append(show(value))
    return "-".join(words)[:80]
