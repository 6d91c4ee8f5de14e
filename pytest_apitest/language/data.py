"""Files that hold data for a document: JSON and YAML values, CSV rows, text, bytes (language, 3 and 9).

Rules kept here:
- what a file holds is data: no references, no anchors, no tags;
- JSON is read as strictly as a response, YAML with the rules of a document;
- a CSV file is RFC 4180 with a header line; its cells are texts.
"""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

from pytest_apitest import jsonvalue
from pytest_apitest.errors import ProblemsError
from pytest_apitest.source import Mapping, Node, Scalar, Sequence
from pytest_apitest.source.loading import load_any, read_file
from pytest_apitest.source.slips import DOUBTFUL

MAX_DATA = 10 * 1024 * 1024


class DataError(ValueError):
    """A data file cannot be used; the message says why, without the name of the file."""


def read_bytes(file: Path) -> bytes:
    """Return the bytes of a file; raises `DataError`."""
    try:
        if file.stat().st_size > MAX_DATA:
            raise DataError(f"more than {MAX_DATA // 1024 // 1024} MiB")
        return file.read_bytes()
    except OSError as error:
        raise DataError((error.strerror or str(error)).lower()) from None


def read_text(file: Path) -> str:
    """Return the text of a file; raises `DataError`."""
    try:
        return read_bytes(file).decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8: byte {error.start}") from None


def read_data(file: Path) -> Any:
    """Return the value of a JSON or YAML file, by the ending of its name; raises `DataError`."""
    if file.suffix == ".json":
        try:
            return jsonvalue.loads(read_bytes(file))
        except jsonvalue.NotJSONError as error:
            raise DataError(f"not JSON: {error}") from None
    try:
        root, problems = load_any(read_file(file, file.name))
    except ProblemsError as error:
        raise DataError(_first(error)) from None
    if problems:
        raise DataError(f"line {problems[0].place.line}: {problems[0].message}")
    if root is None:
        raise DataError("it is empty")
    return plain(root)


def _first(error: ProblemsError) -> str:
    problem = error.problems[0]
    return f"line {problem.place.line}: {problem.message}" if problem.place.line > 1 else problem.message


def plain(node: Node) -> Any:
    """Return the value of a tree without references; raises `DataError`."""
    if isinstance(node, Scalar):
        if node.doubtful:
            raise DataError(f"line {node.line}: {DOUBTFUL}")
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Mapping)
    return {name: plain(item) for name, (_, item) in node.entries.items()}


def read_rows(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a .csv, .json or .yaml file; raises `DataError`."""
    if file.suffix == ".csv":
        return _csv_rows(read_text(file))
    if file.suffix not in (".json", ".yaml", ".yml"):
        raise DataError(f"rows stand in a .csv, .json or .yaml file, not in {file.suffix or 'this'}")
    rows = read_data(file)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError("rows are a list of mappings")
    return rows


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"


def _csv_rows(text: str) -> list[dict[str, Any]]:
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise DataError(f"not CSV: {error}") from None
    if not lines:
        return []
    names = lines[0]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"the column {jsonvalue.show(twice[0], 40)} stands twice")
    rows = []
    for number, cells in enumerate(lines[1:], start=2):
        if not cells:
            continue
        if len(cells) != len(names):
            raise DataError(f"line {number} has {_count(len(cells))}, the header {len(names)}")
        rows.append(dict(zip(names, cells, strict=True)))
    return rows
