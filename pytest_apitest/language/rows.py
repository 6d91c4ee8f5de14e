"""Reading conditions and rows: `when`, `for_each`, `parametrize` (language, sections 7 and 9)."""

from typing import Any

from pytest_apitest.checks.evaluation import Check
from pytest_apitest.data import changed, data
from pytest_apitest.jsonvalue import show
from pytest_apitest.language.checks import CheckShape
from pytest_apitest.language.data import DataError, read_rows
from pytest_apitest.language.model import Condition, Rows, Usage
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.shapes import Book, Schema, Shape, name_schema, one_reference
from pytest_apitest.references import NAME, Literal, Value
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

# More rows than anyone writes; a product of a few lists gets there by a slip.
MAX_ROWS = 100_000


@data
class ConditionShape(Shape):
    """Names to checks, all of which must hold."""

    def read(self, reader: Reader, node: Node) -> Condition:
        """Return the condition; its names are noted."""
        if isinstance(node, Scalar):
            reader.expected(node, "a mapping of names to checks for when", "; write {name: value}")
        mapping = reader.mapping(node, "a mapping of names to checks for when")
        checks: list[tuple[str, Check]] = []
        for key, value in mapping.entries.values():
            with reader.going_on():
                if key.text.startswith("${") and key.text.endswith("}"):
                    reader.fail(key, f"write the name without ${{}}: {key.text[2:-1]}")
                name = reader.name(key)
                reader.usages.append(Usage(name, reader.phase, mark_of(key), None, optional=True))
                checks.append((name, CheckShape().read(reader, value)))
        if len(checks) != len(mapping.entries):
            raise BadNodeError
        return Condition(tuple(checks), mark_of(mapping))

    def schema(self, book: Book) -> Schema:
        return book.refer(
            "condition",
            lambda inner: {
                "type": "object",
                "description": "Name to a check; all must hold.",
                "additionalProperties": CheckShape().schema(inner),
                "minProperties": 1,
                "propertyNames": name_schema(inner),
            },
        )


@data
class ForEach(Shape):
    """Rows inside one test: a list of mappings, or names to lists (all combinations)."""

    def read(self, reader: Reader, node: Node) -> Rows:
        """Return the rows."""
        return read_rows_node(reader, node, "for_each", lists_only=False)

    def schema(self, book: Book) -> Schema:
        return book.refer("for_each", lambda inner: rows_schema(inner, lists_only=False))


def read_rows_node(reader: Reader, node: Node, what: str, *, lists_only: bool) -> Rows:
    """Return rows written as a list of mappings or as names to lists.

    Args:
        reader: the reader.
        node: the node.
        what: the key that they stand behind.
        lists_only: whether a list may not be a reference, because the rows must be known early.

    """
    before = len(reader.usages)
    if isinstance(node, Sequence):
        rows = _row_list(reader, node, what)
    elif isinstance(node, Mapping):
        rows = _product(reader, node, what, lists_only=lists_only)
    else:
        hint = ""
        if isinstance(node, Scalar) and "${" in node.text and not lists_only:
            hint = f'; write {what}: {{name: "{node.text}"}}'
        reader.expected(node, f"a list of rows, or a mapping of names to lists, for {what}", hint)
    return changed(rows, usages=tuple(reader.usages[before:]))


def names_of_rows(node: Node, key: str) -> Rows | None:
    """Return rows with nothing but the names in them, for those of a mapping that cannot be used."""
    rows = node.get(key) if isinstance(node, Mapping) else None
    if isinstance(rows, Sequence) and rows.items:
        rows = rows.items[0]
    if not isinstance(rows, Mapping):
        return None
    marks = {name: mark_of(one) for name, (one, _) in rows.entries.items() if name != "case"}
    return Rows((), (), (), mark_of(rows), tuple(marks), marks=marks)


def _product(reader: Reader, node: Mapping, what: str, *, lists_only: bool) -> Rows:
    mapping = reader.mapping(node, f"a mapping of names to lists for {what}")
    product: list[tuple[str, Value | tuple[Value, ...]]] = []
    marks = {name: mark_of(key) for name, (key, _) in mapping.entries.items()}
    count = 1
    for key, value in mapping.entries.values():
        with reader.going_on():
            name = _row_name(reader, key)
            if isinstance(value, Scalar) and "${" in value.text and not lists_only:
                product.append((name, reader.one_reference(value, f"a list of values for {name}")))
                continue
            items = reader.sequence(value, f"a list of values for {name}").items
            count *= len(items)
            product.append((name, tuple(reader.all_of(reader.value, items))))
    if count > MAX_ROWS:
        reader.fail(mapping, f"{what} makes {count:,} rows; at most {MAX_ROWS:,}")
    if len(product) != len(mapping.entries):
        raise BadNodeError
    return Rows((), (), tuple(product), mark_of(mapping), tuple(marks), marks=marks)


def _row_name(reader: Reader, key: Scalar) -> str:
    name = reader.name(key)
    if name == "case":
        reader.fail(key, '"case" is the label of a row; choose another name')
    return name


def _row_list(reader: Reader, node: Sequence, what: str) -> Rows:
    items = reader.sequence(node, f"a list of rows for {what}").items
    read = reader.all_of(lambda item: _row(reader, item, what), items)
    names = tuple(read[0][1])
    for item, (_, row) in zip(items, read, strict=True):
        if set(row) != set(names):
            odd = ", ".join(sorted(set(row) ^ set(names)))
            verb = "are" if "," in odd else "is"
            reader.fail(item, f"rows have the same names: {odd} {verb} not in all of them")
    rows = tuple(row for _, row in read)
    first = items[0]
    assert isinstance(first, Mapping)
    marks = {name: mark_of(first.key(name)) for name in names}
    return Rows(rows, tuple(label for label, _ in read), (), mark_of(node), names, marks=marks)


def _row(reader: Reader, node: Node, what: str) -> tuple[str | None, dict[str, Value]]:
    """Return the label and the values of a row."""
    mapping = reader.mapping(node, f"a row, a mapping of names to values, for {what}")
    label: str | None = None
    row: dict[str, Value] = {}
    bad = False
    for key, value in mapping.entries.values():
        try:
            if key.text == "case":
                label = reader.as_written(value, "a label")
            else:
                row[reader.name(key)] = reader.value(value)
        except BadNodeError:
            bad = True
    if bad:
        raise BadNodeError
    if not row:
        reader.fail(mapping, "a row needs a name beside its label")
    return label, row


def rows_schema(book: Book, *, lists_only: bool) -> Schema:
    """Return the schema of rows."""
    lists: Schema = {"type": "array", "minItems": 1}
    if not lists_only:
        lists = {"type": ["array", "string"], "minItems": 1, **one_reference("a list of values")}
    names = name_schema(book)
    return {
        "type": ["array", "object"],
        "minItems": 1,
        "minProperties": 1,
        "items": {"type": "object", "minProperties": 1, "propertyNames": names},
        "propertyNames": {**names, "not": {"const": "case"}},
        "additionalProperties": lists,
    }


@data
class Parametrize(Shape):
    """Rows that are tests of their own: a list of mappings, names to lists, or a file of rows."""

    def read(self, reader: Reader, node: Node) -> Rows:
        """Return the rows."""
        if not isinstance(node, Scalar):
            return read_rows_node(reader, node, "parametrize", lists_only=True)
        known, reader.names_known = reader.names_known, False
        file = reader.file(
            node, "a list of rows, a mapping of names to lists, or a .csv, .json or .yaml file"
        )
        try:
            rows = read_rows(file)
        except DataError as error:
            reader.fail(node, f"{node.text}: {error}")
        if not rows:
            reader.fail(node, f"{node.text}: there are no rows")
        if len(rows) > MAX_ROWS:
            reader.fail(node, f"{node.text}: {len(rows):,} rows; at most {MAX_ROWS:,}")
        found = self._from_file(reader, node, rows)
        # Of a file that cannot be used, nobody knows which names it has.
        reader.names_known = known
        return found

    def _from_file(self, reader: Reader, node: Scalar, rows: list[dict[str, Any]]) -> Rows:
        names = [name for name in rows[0] if name != "case"]
        for number, row in enumerate(rows, start=1):
            if {name for name in row if name != "case"} != set(names):
                reader.fail(node, f"{node.text}: row {number} has other names than the first")
        for name in names:
            if not NAME.fullmatch(name):
                reader.fail(node, f"{node.text}: {show(name, 40)} is no name: letters, digits, _ and -")
        if not names:
            reader.fail(node, f"{node.text}: a row needs a name beside its label")
        values: list[dict[str, Value]] = [
            {name: Literal(row[name], node.line, node.column) for name in names} for row in rows
        ]
        labels = tuple(str(row["case"]) if "case" in row else None for row in rows)
        return Rows(tuple(values), labels, (), mark_of(node), tuple(names))

    def schema(self, book: Book) -> Schema:
        return book.refer(
            "parametrize",
            lambda inner: {
                **rows_schema(inner, lists_only=True),
                "type": ["array", "object", "string"],
                "minLength": 1,
            },
        )
