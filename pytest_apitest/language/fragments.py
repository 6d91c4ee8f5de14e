"""Reading the use of a fragment: its file, its inputs and outputs (language, section 8, `use`)."""

from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.jsonvalue import Number, kind, show_typed
from pytest_apitest.language.model import Document, FragmentUse, Mark
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.shapes import Book, Schema, Shape, name_schema
from pytest_apitest.references import Literal, Value
from pytest_apitest.source import Mapping, Node, Scalar

MAX_LEVELS = 20
_TOO_DEEP = f"fragments are nested deeper than {MAX_LEVELS}"
# How the types of a declaration are called in messages about values.
TYPE_KINDS = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
    "bytes": "bytes",
}


class TooDeepError(Exception):
    """Fragments use fragments so deep that reading them must stop; none of them is kept as broken."""


def read_use(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> FragmentUse:
    """Return the use of a fragment, after comparing it with the inputs and outputs of the fragment.

    Args:
        reader: the reader.
        mapping: the step as written.
        got: the values of its keys that have no problem.

    """
    node = mapping.entries["use"][1]
    fragment = _load(reader, node, got["use"])
    inputs: list[tuple[Scalar, Value]] = got.get("with", [])
    fine = not [key for key, value in inputs if not _check_input(reader, fragment, key, value)]
    written = mapping.get("with")
    given = written.entries if isinstance(written, Mapping) else {}
    # Where `with` cannot be read, or is misspelt, nothing is known to be missing.
    inputs_known = bool(given) or not any(near(name, ("with",)) for name in mapping.entries)
    for name, spec in fragment.inputs.items():
        if inputs_known and name not in given and spec.required and spec.default is None:
            reader.error(node, f'the input "{name}" of {got["use"]} is not given: add with: {{{name}: …}}')
            fine = False
    saves = _outputs(reader, fragment, got)
    if not fine:
        raise BadNodeError
    pairs = tuple((key.text, value) for key, value in inputs)
    return FragmentUse(fragment, pairs, got.get("once", False), saves, mark_of(node))


def _load(reader: Reader, node: Node, written: str) -> Document:
    file = reader.resolve_file(written)
    if isinstance(file, str):
        reader.fail(node, file)
    if file in reader.chain:
        names = [one.name for one in (*reader.chain[reader.chain.index(file) :], file)]
        reader.fail(node, f"fragments use each other: {' -> '.join(names)}")
    if len(reader.chain) > 2 * MAX_LEVELS:
        raise TooDeepError
    try:
        fragment, problems = reader.around.fragment(file, reader.chain)
    except TooDeepError:
        if len(reader.chain) > 1:
            raise
        reader.fail(node, _TOO_DEEP)
    reader.problems.extend(problem for problem in problems if problem not in reader.problems)
    if fragment is None:
        reader.fail(node, f"{written} cannot be used: it has problems of its own")
    if fragment.kind != "fragment":
        reader.fail(node, f"{written} is a {fragment.kind}; only a fragment can be used")
    reader.levels = max(reader.levels, fragment.levels + 1)
    if reader.levels > MAX_LEVELS:
        reader.fail(node, _TOO_DEEP)
    return fragment


def _check_input(reader: Reader, fragment: Document, key: Scalar, value: Value) -> bool:
    spec = fragment.inputs.get(key.text)
    if spec is None:
        hint = did_you_mean(key.text, fragment.inputs)
        known = f"; there are {', '.join(fragment.inputs)}" if fragment.inputs else "; it has no inputs"
        reader.error(key, f'the fragment has no input "{key.text}"{hint or known}')
        return False
    if spec.secret and isinstance(value, Literal):
        reader.secrets.append((value.value, ""))
    if spec.type is not None and isinstance(value, Literal) and not has_type(value.value, spec.type):
        message = f'the input "{key.text}" is of type {spec.type}, got {show_typed(value.value, 40)}'
        reader.error(key, message)
        return False
    return True


def has_type(value: Any, type_: str) -> bool:
    """Tell whether a value is of a declared type; null fits every type."""
    if value is None:
        return True
    if kind(value) != TYPE_KINDS[type_]:
        return False
    return type_ != "integer" or not isinstance(value, Number) or value == value.to_integral_value()


@data
class OutputName(Shape):
    """The name of an output."""

    def read(self, reader: Reader, node: Node) -> str:
        """Return the name."""
        return reader.name(reader.scalar(node, "the name of an output"), "the name of an output")

    def schema(self, book: Book) -> Schema:
        return name_schema(book)


def _outputs(reader: Reader, fragment: Document, got: dict[str, Any]) -> tuple[tuple[str, str, Mark], ...]:
    if "save" not in got:
        return ()
    outputs = [name for name, _ in fragment.outputs]
    found: list[tuple[str, str, Mark]] = []
    for key, node in got["save"].entries.values():
        with reader.going_on():
            name = reader.name(key)
            output = OutputName().read(reader, node)
            if output not in outputs:
                hint = did_you_mean(output, outputs)
                known = f"; there are {', '.join(outputs)}" if outputs else "; it has no outputs"
                reader.fail(node, f'the fragment has no output "{output}"{hint or known}')
            found.append((name, output, mark_of(key)))
    if len(found) != len(got["save"].entries):
        raise BadNodeError
    return tuple(found)
