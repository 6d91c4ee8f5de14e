"""Every word of the language is used by a document that the tests run: those of the demo, those over TLS.

What is declared is read off the declarations themselves, what is used off the documents while they are read, so
that a new keyword without a use fails here.
"""

import importlib
import pkgutil
import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pytest_apitest import language
from pytest_apitest.auth import SCHEMES
from pytest_apitest.checks.operators import OPERATORS, TYPES
from pytest_apitest.checks.status import STATUS_OPERATORS
from pytest_apitest.extensions import Extensions
from pytest_apitest.formats import FORMATS
from pytest_apitest.functions import FILTERS, FUNCTIONS
from pytest_apitest.hosting import load_app
from pytest_apitest.language import Library
from pytest_apitest.language.cases import LEVELS, Level
from pytest_apitest.language.checks import BOUNDS, CheckShape
from pytest_apitest.language.documents import RECORDS
from pytest_apitest.language.expectations import StatusShape
from pytest_apitest.language.reader import Reader
from pytest_apitest.language.records import Record
from pytest_apitest.language.saves import SourceShape
from pytest_apitest.language.settings import AuthShape
from pytest_apitest.language.shapes import Choice
from pytest_apitest.references import Value
from pytest_apitest.selection import documents_below, package_scenarios
from pytest_apitest.source import Mapping, Node, Scalar, Sequence
from tests.system.test_demo_scenarios import PEM_FILES, PROXIED, SECURE

SCENARIOS = package_scenarios()
SHORT_SOURCES = ("status", "url", "text")
ORDERS = ("ascending", "descending")
TYPE_NAMES = ("string", "integer", "number", "boolean", "array", "object", "bytes")

# -- what is declared -----------------------------------------------------------------------------------


def records() -> list[Record]:
    """Return every record of the language."""
    found: dict[int, Record] = {}
    for module in pkgutil.walk_packages(language.__path__, f"{language.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Record):
                found[id(value)] = value
    return list(found.values())


def choices_in(shape: Any) -> Iterator[Choice]:
    """Return the choices that a shape is made of, those of records left out."""
    if isinstance(shape, Choice):
        yield shape
    elif is_dataclass(shape) and not isinstance(shape, Record):
        for field in fields(shape):
            yield from choices_in(getattr(shape, field.name))


def declared() -> set[str]:
    """Return everything that an author can write."""
    words = {f"{record.what}: {key.name}" for record in records() for key in record.keys}
    for record in records():
        for key in record.keys:
            words |= {
                f"choice {word} of {choice.words}"
                for choice in choices_in(key.shape)
                for word in choice.words
            }
    words |= {f"operator {name}" for name in OPERATORS}
    words |= {f"operator {name} on a status" for name in STATUS_OPERATORS}
    words |= {f"operator {name} of a length" for name in BOUNDS}
    words |= {f"operator {name} of a duration" for name in BOUNDS}
    words |= {f"function {name}" for name in FUNCTIONS} | {f"filter {name}" for name in FILTERS}
    for name in SCHEMES:
        words |= {f"scheme {name}"} | {f"setting {field} of {name}" for field in SCHEMES[name].settings or ()}
    words |= {f"format {name}" for name in FORMATS} | {f"type {name}" for name in TYPES}
    words |= {f"order {word}" for word in ORDERS} | {f"level {word}" for word in LEVELS}
    return words | {f"source {word}" for word in SHORT_SOURCES} | {"auth none", "auth by name"}


# -- what is used ---------------------------------------------------------------------------------------


@contextmanager
def noting() -> Iterator[set[str]]:
    """Give the words that documents use while they are read."""
    used: set[str] = set()

    def spy(shape: type[Any], note: Callable[[Any, Any], Iterable[str]], method: str = "read") -> Any:
        original = getattr(shape, method)

        def spied(self: Any, *given: Any) -> Any:
            used.update(note(self, given[-1]))
            return original(self, *given)

        return mock.patch.object(shape, method, spied)

    with (
        spy(Record, of_record),
        spy(Choice, of_choice),
        spy(CheckShape, of_check),
        spy(StatusShape, of_status),
        spy(AuthShape, of_auth),
        spy(SourceShape, of_source),
        spy(Level, lambda _, node: [f"level {text}" for text in texts_of(node)]),
        spy(Reader, of_value, "note"),
    ):
        yield used


def texts_of(node: Node | None) -> list[str]:
    """Return the text of a scalar, or those of a list."""
    if isinstance(node, Sequence):
        return [item.text for item in node.items if isinstance(item, Scalar)]
    return [node.text] if isinstance(node, Scalar) else []


def of_record(record: Record, node: Node) -> Iterator[str]:
    if isinstance(node, Mapping):
        yield from (f"{record.what}: {name}" for name in node.entries)


def of_choice(choice: Choice, node: Node) -> Iterator[str]:
    yield from (f"choice {text} of {choice.words}" for text in texts_of(node))


def of_check(shape: CheckShape, node: Node) -> Iterator[str]:
    if not isinstance(node, Mapping):
        return
    where = " of a duration" if shape.durations else " of a length" if shape.allowed == BOUNDS else ""
    for name in node.entries:
        yield f"operator {name}{where}"
    yield from (f"format {text}" for text in texts_of(node.get("format")))
    yield from (f"type {text}" for text in texts_of(node.get("type")))
    yield from (f"order {text}" for text in texts_of(node.get("sorted")))


def of_status(_: StatusShape, node: Node) -> Iterator[str]:
    if isinstance(node, Mapping):
        yield from (f"operator {name} on a status" for name in node.entries)
    else:
        # A code stands for equality, a list for one of its members.
        yield f"operator {'one_of' if isinstance(node, Sequence) else 'equals'} on a status"


def of_auth(_: AuthShape, node: Node) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield "auth none" if node.text == "none" else "auth by name"
        return
    assert isinstance(node, Mapping)
    for name, (_key, settings) in node.entries.items():
        yield f"scheme {name}"
        if isinstance(settings, Mapping):
            yield from (f"setting {field} of {name}" for field in settings.entries)


def of_source(_: SourceShape, node: Node) -> Iterator[str]:
    yield from (f"source {text}" for text in texts_of(node))


def of_value(_: Reader, value: Value) -> Iterator[str]:
    for reference in value.references():
        if reference.function is not None:
            yield f"function {reference.function.name}"
        yield from (f"filter {callee.name}" for callee, _ in reference.filters)


def used_by(files: Iterable[Path], root: Path) -> set[str]:
    """Return the words that documents use."""
    with noting() as used:
        library = Library(Extensions(), [root], root, load_app)
        for file in files:
            library.document(file)
    return used


def used_over_tls(folder: Path) -> set[str]:
    """Return the words of the documents that run over TLS and through a proxy."""
    for name in PEM_FILES:
        (folder / name).write_text("", encoding="utf-8")
    for number, text in enumerate((*SECURE.values(), *PROXIED.values())):
        (folder / f"{number}.apitest.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    return used_by(documents_below(folder), folder)


# -- the tests ------------------------------------------------------------------------------------------


def test_every_word_of_the_language_is_used(tmp_path: Path) -> None:
    missing = declared() - used_by(documents_below(SCENARIOS), SCENARIOS) - used_over_tls(tmp_path)
    assert not missing, "no document uses\n" + "\n".join(sorted(missing))


def test_there_is_something_to_use() -> None:
    words = declared()
    assert {
        "a scenario: steps",
        "a rule: retry",
        "a cleanup: auth",
        "operator sorted",
        "filter plus",
    } <= words
    assert {
        "choice ng of ('rfc9535', 'ng')",
        f"choice bytes of {TYPE_NAMES}",
        "setting claims of jwt",
    } <= words
    assert len(records()) >= 19
    assert len(words) > 300
    assert set(RECORDS) == {"scenario", "contract", "fragment"}


@pytest.mark.parametrize(
    ("file", "written", "instead", "word"),
    [
        ("values", "| swapcase", "| lower", "filter swapcase"),
        ("values", "${unix_time()}", "1700000001", "function unix_time"),
        ("checks", "sorted: descending, ", "", "order descending"),
        ("values", "{default: [a, b], type: array}", "[a, b]", f"choice array of {TYPE_NAMES}"),
        ("contract", "level: may", "level: must", "level may"),
        ("accounts", "          name: remove the second\n", "", "a cleanup: name"),
        ("saves", "        should: #", "        expect: #", "a step: should"),
        ("authentication", ", scope: write", "", "setting scope of oauth2"),
        ("browsing", "status: 401", "status: 400", ""),
    ],
)
def test_a_use_that_is_removed_is_noticed(
    tmp_path: Path, file: str, written: str, instead: str, word: str
) -> None:
    copy = tmp_path / "scenarios"
    shutil.copytree(SCENARIOS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    changed = copy / "demo" / f"{file}.apitest.yaml"
    text = changed.read_text(encoding="utf-8")
    assert written in text
    changed.write_text(text.replace(written, instead), encoding="utf-8")
    before = used_by(documents_below(SCENARIOS), SCENARIOS)
    gone = (before - used_by(documents_below(copy), copy)) & declared()
    assert gone == ({word} if word else set())
