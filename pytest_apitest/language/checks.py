"""Reading checks: literals and operators, with what can be known to be wrong early (language, section 7).

Rules kept here:
- a literal is equality; a mapping is operators, all of which must hold; an empty one checks nothing;
- an operator is refused where it can never hold, or never fail, beside the others;
- what asks for one value is refused behind a path that may find several.
"""

import math
from typing import Any

from pytest_apitest.checks.evaluation import Check, RegexOperand, Use
from pytest_apitest.checks.operators import TYPES, Operator
from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean
from pytest_apitest.formats import FORMATS
from pytest_apitest.jsonvalue import dumps, kind
from pytest_apitest.language.reader import NEWER, BadNodeError, Reader
from pytest_apitest.language.shapes import DURATION, Book, Duration, Schema, Shape
from pytest_apitest.references import Literal, Value, template_parts
from pytest_apitest.regex import RegexError, compile_regex
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

LATER = frozenset({"template", "moment", "jwt"})
SLIPS = {
    "includes": "contains",
    "include": "contains",
    "regex": "matches",
    "pattern": "matches",
    "eq": "equals",
    "gt": "greater_than",
    "gte": "at_least",
    "lt": "less_than",
    "lte": "at_most",
    "min": "at_least",
    "max": "at_most",
    "in": "one_of",
    "all": "each",
}
TYPE_SLIPS = {
    "int": "integer",
    "list": "array",
    "text": "string",
    "str": "string",
    "bool": "boolean",
    "dict": "object",
    "map": "object",
    "float": "number",
    "none": "null",
}
BOUNDS = ("less_than", "at_most", "greater_than", "at_least")
_NEEDS_TYPE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("starts_with", "ends_with", "matches", "format"), ("string",)),
    **dict.fromkeys(("each", "any", "sorted"), ("array",)),
    **dict.fromkeys(("contains", "not_contains", "length"), ("string", "array", "object")),
    **dict.fromkeys(BOUNDS, ("number", "integer")),
}


@data
class CheckShape(Shape):
    """A check.

    Args:
        allowed: operators that may stand here; None means all.
        durations: whether bounds are durations.
        operators_only: whether a literal is refused.
        literals: kinds of values that it may be compared with; None means all.
        header: whether the value is a header, whose text also counts as a number.

    """

    allowed: tuple[str, ...] | None = None
    durations: bool = False
    operators_only: bool = False
    literals: tuple[str, ...] | None = None
    header: bool = False

    def read(self, reader: Reader, node: Node) -> Check:
        """Return the check."""
        if isinstance(node, Mapping):
            return self._operators(reader, node)
        if self.operators_only:
            reader.expected(node, f"operators ({', '.join(self.allowed or ())})", self._bound(node))
        value = reader.value(node)
        self._literal_fits(reader, node)
        equals = reader.extensions.operators["equals"]
        return Check((Use(equals, value, node.line, node.column, node.width),), node.line, node.column)

    def _bound(self, node: Node) -> str:
        if not self.durations or not isinstance(node, Scalar):
            return ""
        given = f"{node.text}s" if kind(node.value) == "number" else node.text
        return f"; write {{less_than: {given}}}" if DURATION.fullmatch(given) else ""

    def _literal_fits(self, reader: Reader, node: Node, *, members: bool = False) -> None:
        """Refuse a literal that the value here never equals, or a list with such a member."""
        if self.literals is None or (members and not isinstance(node, Sequence)):
            return
        for item in node.items if members and isinstance(node, Sequence) else [node]:
            fits = isinstance(item, Scalar) and ("${" in item.text or kind(item.value) in self.literals)
            if not fits and not item.reported:
                reader.expected(item, " or ".join(f"a {one}" for one in self.literals), self._instead(item))

    def _instead(self, item: Node) -> str:
        """Return what to write in the place of a literal that does not fit."""
        if not isinstance(item, Scalar):
            return "; use each, any or length for its lines" if self.header else ""
        if item.value is None:
            return "; write {exists: false} when it must be absent" if self.header else ""
        return "; quote it to compare with the text" if "text" in (self.literals or ()) else ""

    def _operators(self, reader: Reader, node: Mapping) -> Check:
        if not node.entries:
            instead = "{exists: true}, or {equals: {}} for an empty object"
            if self.allowed is not None:
                instead = "{less_than: 2s}" if self.durations else f"{{{self.allowed[-1]}: 1}}"
            reader.fail(node, f"{{}} checks nothing: write {instead}")
        uses: list[Use] = []
        bad = False
        for key, operand in node.entries.values():
            try:
                operator = self._operator(reader, key)
                read = self._operand(reader, operator, operand)
                uses.append(Use(operator, read, key.line, key.column, key.width))
            except BadNodeError:
                bad = True
        if bad:
            raise BadNodeError
        check = Check(tuple(uses), node.line, node.column)
        contradictions(reader, check, types=not self.header)
        return check

    def _operator(self, reader: Reader, key: Scalar) -> Operator:
        name = key.text
        operator = reader.extensions.operators.get(name)
        if operator is not None and (self.allowed is None or name in self.allowed):
            return operator
        if name in LATER:
            reader.fail(key, f'"{name}" is not available in this release')
        known = list(self.allowed) if self.allowed is not None else list(reader.extensions.operators)
        if operator is not None:
            reader.fail(key, f'"{name}" cannot be checked here; there are {", ".join(known)}')
        if SLIPS.get(name) in known:
            reader.fail(key, f'unknown operator "{name}"; did you mean "{SLIPS[name]}"?')
        hint = did_you_mean(name, known)
        if not hint and name.startswith("$"):
            hint = "; a path below a path is written in one: $.a.b"
        if not hint and self.allowed is not None:
            hint = f"; there are {', '.join(known)}"
        reader.fail(
            key, f'unknown operator "{name}"' + (hint or f", {NEWER}; an object is written {{equals: {{…}}}}")
        )

    # -- operands ---------------------------------------------------------------------------------------

    def _operand(self, reader: Reader, operator: Operator, node: Node) -> Any:
        read = getattr(self, f"_read_{operator.operand}")
        return read(reader, operator, node)

    def _read_value(self, reader: Reader, operator: Operator, node: Node) -> Value:  # noqa: ARG002
        value = reader.value(node)
        self._literal_fits(reader, node)
        return value

    def _read_content(self, reader: Reader, operator: Operator, node: Node) -> Value:
        value = reader.value(node)
        if isinstance(value, Literal) and value.value in ("", [], {}):
            reader.fail(node, f"{operator.name} {dumps(value.value)} is always true")
        self._literal_fits(reader, node)
        return value

    def _read_members(self, reader: Reader, operator: Operator, node: Node) -> Value:
        what = f"a list for {operator.name}"
        if isinstance(node, Scalar) and "${" in node.text:
            return reader.one_reference(node, what)
        value = reader.value(reader.sequence(node, what))
        self._literal_fits(reader, node, members=True)
        return value

    def _read_text(self, reader: Reader, operator: Operator, node: Node) -> Value:
        return reader.text(node, f"a text for {operator.name}")

    def _read_regex(self, reader: Reader, operator: Operator, node: Node) -> RegexOperand:  # noqa: ARG002
        return read_regex(reader, node)

    def _read_types(self, reader: Reader, operator: Operator, node: Node) -> tuple[str, ...]:  # noqa: ARG002
        nodes = reader.sequence(node, "a list of types").items if isinstance(node, Sequence) else [node]
        return tuple(reader.all_of(lambda item: _read_type(reader, item), nodes))

    def _read_schema(self, reader: Reader, operator: Operator, node: Node) -> Any:  # noqa: ARG002
        return read_schema(reader, node)

    def _read_format(self, reader: Reader, operator: Operator, node: Node) -> str:  # noqa: ARG002
        name = reader.plain_text(node, "a format")
        if name not in FORMATS:
            hint = did_you_mean(name, FORMATS)
            reader.fail(
                node, f'the format "{name}" is not checked here' + (hint or f"; known: {', '.join(FORMATS)}")
            )
        return name

    def _read_length(self, reader: Reader, operator: Operator, node: Node) -> Any:  # noqa: ARG002
        operators = reader.extensions.operators
        if isinstance(node, Mapping):
            inner = CheckShape(allowed=BOUNDS).read(reader, node)
            return tuple((use.operator, use.operand) for use in inner.uses)
        value = read_number(reader, node, "a number, or bounds such as {at_least: 1}", integer=True)
        if isinstance(value, Literal) and value.value < 0:
            reader.fail(node, f"a length is 0 or more, got {value.value}")
        return ((operators["equals"], value),)

    def _read_bound(self, reader: Reader, operator: Operator, node: Node) -> Value:
        if self.durations:
            return Duration().read(reader, node)
        return read_number(reader, node, f"a number for {operator.name}")

    def _read_boolean(self, reader: Reader, operator: Operator, node: Node) -> bool:  # noqa: ARG002
        scalar = reader.scalar(node, "true or false")
        if not isinstance(scalar.value, bool):
            reader.expected(node, "true or false")
        return scalar.value

    def _read_order(self, reader: Reader, operator: Operator, node: Node) -> str:  # noqa: ARG002
        scalar = reader.scalar(node, "ascending or descending")
        if scalar.text not in ("ascending", "descending"):
            reader.expected(node, "ascending or descending")
        return scalar.text

    def _read_check(self, reader: Reader, operator: Operator, node: Node) -> Check:  # noqa: ARG002
        return CheckShape(literals=self.literals, header=self.header).read(reader, node)

    def _read_checks(self, reader: Reader, operator: Operator, node: Node) -> tuple[Check, ...]:
        items = reader.sequence(node, f"a list of checks for {operator.name}").items
        if len(items) < 2:
            reader.fail(node, f"{operator.name} needs two or more checks")
        return tuple(reader.all_of(lambda item: self.read(reader, item), items))

    def _read_operators(self, reader: Reader, operator: Operator, node: Node) -> Check:
        if not isinstance(node, Mapping):
            reader.expected(node, f"a mapping of operators for {operator.name}")
        check = self._operators(reader, node)
        use = check.use("exists")
        if use is not None:
            reader.error_at(
                use.line, use.column, "not: {exists: …}: write exists: false or exists: true", use.width
            )
            raise BadNodeError
        return check

    def schema(self, book: Book) -> Schema:
        from pytest_apitest.language.check_schema import check_schema  # noqa: PLC0415 - only for the editor

        return check_schema(book, self)


def _read_type(reader: Reader, node: Node) -> str:
    scalar = reader.scalar(node, "a type")
    reader.no_reference(scalar)
    name = scalar.text
    if name not in TYPES:
        hint = f'; did you mean "{TYPE_SLIPS[name]}"?' if name in TYPE_SLIPS else did_you_mean(name, TYPES)
        reader.fail(node, f'unknown type "{name}"' + (hint or f"; there are {', '.join(TYPES)}"))
    return name


def read_number(reader: Reader, node: Node, what: str, *, integer: bool = False) -> Value:
    """Return a number, or one reference to a number.

    Args:
        reader: the reader.
        node: the node.
        what: what is expected, for the message.
        integer: whether it must have no fraction.

    """
    scalar = reader.scalar(node, what)
    if "${" in scalar.text:
        return reader.one_reference(scalar, what)
    value = reader.constant(scalar)
    if kind(value) != "number" or (integer and type(value) is not int):
        reader.expected(node, what)
    return Literal(value, node.line, node.column)


def read_regex(reader: Reader, node: Node) -> RegexOperand:
    """Return a regular expression; it is compiled once here to find what is wrong with it."""
    value = reader.text(node, "a regular expression")
    parts = template_parts(value) or ()
    probe = "".join(part if isinstance(part, str) else "x" for part in parts)
    try:
        compile_regex(probe)
    except RegexError as error:
        reader.fail(node, str(error))
    return RegexOperand(value)


def plain_value(reader: Reader, node: Node) -> Any:
    """Return a value in which no references are replaced."""
    if isinstance(node, Scalar):
        reader.no_reference(node)
        return reader.constant(node)
    if isinstance(node, Sequence):
        return [plain_value(reader, item) for item in node.items]
    assert isinstance(node, Mapping)
    return {name: plain_value(reader, item) for name, (_, item) in node.entries.items()}


def read_schema(reader: Reader, node: Node) -> Any:
    """Return a compiled JSON Schema, inline or from a file."""
    from pytest_apitest.json_schema import SchemaError, compile_schema  # noqa: PLC0415 - 70 ms, only when used
    from pytest_apitest.language.data import DataError, read_data  # noqa: PLC0415

    if isinstance(node, Scalar) and isinstance(node.value, str):
        file = reader.file(node, "a schema file")
        try:
            schema, base = read_data(file), file
        except DataError as error:
            reader.fail(node, f"{node.text}: {error}")
    elif isinstance(node, Mapping) or (isinstance(node, Scalar) and isinstance(node.value, bool)):
        schema, base = plain_value(reader, node), None
    else:
        reader.expected(node, "a JSON Schema: a mapping, true, false or a file")
    if not isinstance(schema, dict | bool):
        reader.fail(
            node, f"{node.text if isinstance(node, Scalar) else 'schema'}: a JSON Schema is an object"
        )
    try:
        return compile_schema(schema, base)
    except SchemaError as error:
        where = f" at {error.pointer}" if error.pointer else ""
        reader.fail(_inner(node, error.pointer), f"the schema{where}: {error.message}")


def _inner(node: Node, pointer: str) -> Node:
    """Return the node below another that a JSON pointer leads to, or the nearest one around it."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and name in node:
            node = node.entries[name][1]
        elif isinstance(node, Sequence) and name.isdigit() and int(name) < len(node.items):
            node = node.items[int(name)]
        else:
            break
    return node


# -- what can never hold --------------------------------------------------------------------------------


def contradictions(reader: Reader, check: Check, *, types: bool = True) -> None:
    """Record operators that exclude each other, or of which one says it all.

    Args:
        reader: the reader.
        check: the check.
        types: whether all operators look at a value of one type.

    """
    found = _contradiction(check) or (_excluded_type(check) if types else None)
    if found is not None:
        use, message = found
        reader.error_at(use.line, use.column, message, use.width)
        raise BadNodeError


def _contradiction(check: Check) -> tuple[Use, str] | None:
    by_name = {use.operator.name: use for use in check.uses}
    equals, exists = by_name.get("equals"), by_name.get("exists")
    if len(check.uses) > 1:
        if equals is not None:
            other = next(use for use in check.uses if use is not equals)
            return other, f"{other.operator.name} beside equals: equals says it all"
        if exists is not None and exists.operand is False:
            other = next(use for use in check.uses if use is not exists)
            return other, f"{other.operator.name} beside exists: false can never hold"
    if crossing := _crossing_bounds(by_name):
        return crossing
    for name in ("each", "any"):
        inner = by_name[name].operand.use("exists") if name in by_name else None
        if inner is not None and inner.operand is False:
            return inner, f"{name} looks at elements that are there: exists: false can never hold"
    length = by_name.get("length")
    return _impossible_length(by_name, length) if length is not None else None


def _impossible_length(by_name: dict[str, Use], length: Use) -> tuple[Use, str] | None:
    bounds = {
        operator.name: Use(operator, value, length.line, length.column, length.width)
        for operator, value in length.operand
    }
    if crossing := _crossing_bounds(bounds):
        return crossing
    longest = _longest(bounds)
    if longest is None:
        return None
    if longest < 0:
        return length, "a length is 0 or more: this can never hold"
    if longest == 0:
        for name in ("each", "any", "sorted"):
            if name in by_name:
                return by_name[name], f"{name} beside length: 0 can never hold"
    return None


def _longest(bounds: dict[str, Use]) -> Any:
    """Return the largest length that bounds admit, or None when it cannot be known."""
    for name in ("equals", "at_most", "less_than"):
        if name in bounds and (value := _constant(bounds[name])) is not None:
            return math.ceil(value) - 1 if name == "less_than" else math.floor(value)
    return None


def _crossing_bounds(by_name: dict[str, Use]) -> tuple[Use, str] | None:
    for low_name, strict_low in (("at_least", False), ("greater_than", True)):
        for high_name, strict_high in (("at_most", False), ("less_than", True)):
            low, high = by_name.get(low_name), by_name.get(high_name)
            if low is None or high is None:
                continue
            least, most = _constant(low), _constant(high)
            if least is None or most is None:
                continue
            if least > most or (least == most and (strict_low or strict_high)):
                bounds = f"{low_name} {_shown(least)} and {high_name} {_shown(most)}"
                return high, f"{bounds} can never both hold"
    return None


def _constant(use: Use) -> Any:
    operand = use.operand
    return operand.value if isinstance(operand, Literal) else None


def _shown(bound: Any) -> str:
    # Only durations are floats: what is written in a file is exact.
    return f"{bound:g}s" if isinstance(bound, float) else str(bound)


def _excluded_type(check: Check) -> tuple[Use, str] | None:
    types = check.use("type")
    if types is None:
        return None
    for use in check.uses:
        name = use.operator.name
        wanted = _NEEDS_TYPE.get(name)
        if wanted is not None and not any(type_ in wanted for type_ in types.operand):
            return use, f"{name} needs type {' or '.join(wanted)}, but type is {' or '.join(types.operand)}"
    return None


def refuse_for_several(reader: Reader, check: Check, path: str) -> None:
    """Record the operators of one value behind a path that may find several."""
    for use in check.uses:
        name = use.operator.name
        single = use.operator.single
        if name in ("equals", "not_equals") and isinstance(use.operand, Literal):
            single = not isinstance(use.operand.value, list)
        elif name == "not_equals":
            single = False
        if name == "not":
            refuse_for_several(reader, use.operand, path)
        elif name == "any_of":
            for inner in use.operand:
                refuse_for_several(reader, inner, path)
        elif single:
            reader.error_at(
                use.line,
                use.column,
                f"{path} may match several: use each, any, contains or a list",
                use.width,
            )
