"""Reading the use of a fragment: its file, its inputs and outputs (language, section 8, `use`)."""

from typing import Any

from pytest_apitest.errors import did_you_mean
from pytest_apitest.jsonvalue import Number, kind
from pytest_apitest.language.model import Document, FragmentUse, Mark
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.references import Literal, Value
from pytest_apitest.source import Mapping, Scalar

MAX_LEVELS = 20
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


def read_use(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> FragmentUse:
    """Return the use of a fragment, after comparing it with the inputs and outputs of the fragment."""
    node = mapping.entries["use"][1]
    fragment = _load(reader, node, got["use"])
    inputs: list[tuple[Scalar, Value]] = got.get("with", [])
    for key, value in inputs:
        _check_input(reader, fragment, key, value)
    given = {key.text for key, _ in inputs}
    for name, spec in fragment.inputs.items():
        if name not in given and spec.required and spec.default is None:
            reader.fail(node, f'the input "{name}" of {got["use"]} is not given: add with: {{{name}: …}}')
    saves = _outputs(reader, fragment, got)
    pairs = tuple((key.text, value) for key, value in inputs)
    return FragmentUse(fragment, pairs, got.get("once", False), saves, mark_of(node))


def _load(reader: Reader, node: Any, written: str) -> Document:
    file = reader.resolve_file(written)
    if isinstance(file, str):
        reader.fail(node, file)
    if file in reader.chain:
        names = [one.name for one in (*reader.chain[reader.chain.index(file) :], file)]
        reader.fail(node, f"fragments use each other: {' -> '.join(names)}")
    if len(reader.chain) > MAX_LEVELS:
        reader.fail(node, f"fragments are nested deeper than {MAX_LEVELS}")
    fragment, problems = reader.around.fragment(file, reader.chain)
    reader.problems.extend(problems)
    if fragment is None:
        reader.fail(node, f"{written} cannot be used: it has problems of its own")
    if fragment.kind != "fragment":
        reader.fail(node, f"{written} is a {fragment.kind}; only a fragment can be used")
    return fragment


def _check_input(reader: Reader, fragment: Document, key: Scalar, value: Value) -> None:
    spec = fragment.inputs.get(key.text)
    if spec is None:
        hint = did_you_mean(key.text, fragment.inputs)
        known = ", ".join(fragment.inputs) or "none"
        reader.fail(key, f'the fragment has no input "{key.text}"' + (hint or f"; there are {known}"))
    if spec.type is not None and isinstance(value, Literal) and not has_type(value.value, spec.type):
        found = kind(value.value)
        reader.fail(key, f'the input "{key.text}" is of type {spec.type}, got {found}')


def has_type(value: Any, type_: str) -> bool:
    """Tell whether a value is of a declared type; null fits every type."""
    if value is None:
        return True
    if kind(value) != TYPE_KINDS[type_]:
        return False
    return type_ != "integer" or not isinstance(value, Number) or value == value.to_integral_value()


def _outputs(reader: Reader, fragment: Document, got: dict[str, Any]) -> tuple[tuple[str, str, Mark], ...]:
    node = got.get("save")
    if node is None:
        return ()
    mapping = reader.mapping(node, "a mapping of names here to outputs of the fragment")
    outputs = [name for name, _ in fragment.outputs]
    found: list[tuple[str, str, Mark]] = []
    for key, value in mapping.entries.values():
        with reader.going_on():
            name = reader.name(key)
            if not isinstance(value, Scalar):
                reader.expected(value, "the name of an output")
            if value.text not in outputs:
                hint = did_you_mean(value.text, outputs)
                known = f"; there are {', '.join(outputs)}" if outputs else "; it has no outputs"
                reader.fail(value, f'the fragment has no output "{value.text}"{hint or known}')
            found.append((name, value.text, mark_of(key)))
    if len(found) != len(mapping.entries):
        raise BadNodeError
    return tuple(found)
