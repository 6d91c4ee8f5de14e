"""Reading documents: scenario, contract and fragment (language, sections 2 and 11)."""

from typing import Any

from pytest_apitest import __version__
from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.language.cases import (
    CASE,
    DESCRIPTION,
    FOR_EACH,
    MARKS,
    NEEDS,
    PARAMETRIZE,
    RULE,
    SERIAL,
    SKIP,
    STEPS,
    TITLE,
    WHEN_KEY,
    XFAIL,
    Cases,
    MarkedNames,
)
from pytest_apitest.language.declarations import (
    INPUT,
    VARIABLE,
    Credential,
    Endpoints,
    NamedNodes,
    Variables,
)
from pytest_apitest.language.expectations import ExpectationShape
from pytest_apitest.language.model import ROWS, WHEN, Case, Document
from pytest_apitest.language.reader import BadNodeError, Declared, Reader, mark_of
from pytest_apitest.language.records import Key, Record, later
from pytest_apitest.language.requests import RequestShape
from pytest_apitest.language.rows import names_of_rows
from pytest_apitest.language.shapes import AnyValue, Book, Choice, NameMap, Schema, Shape, WrittenText
from pytest_apitest.language.steps import Steps
from pytest_apitest.references import Value
from pytest_apitest.source import Mapping, Node, Scalar, Sequence
from pytest_apitest.source.loading import BEGINNING

KINDS = ("scenario", "contract", "fragment", "session_type")
LANGUAGE = 1


@data
class Language(Shape):
    """The version of the language; a newer one was refused before."""

    def read(self, reader: Reader, node: Node) -> int:
        """Return the version."""
        scalar = reader.scalar(node, "1, the version of the language")
        if scalar.value != LANGUAGE or isinstance(scalar.value, bool):
            reader.expected(node, "1, the version of the language")
        return LANGUAGE

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"const": LANGUAGE}


_HEAD = (
    Key("language", Language(), "Version of the language."),
    DESCRIPTION,
    Key("version", WrittenText("a version"), "Version of the document, as written."),
    Key("jsonpath", Choice(("rfc9535", "ng")), "JSONPath dialect of the document."),
)
_DECLARED = (
    Key("endpoints", Endpoints(), "Names to base URLs or applications."),
    Key("variables", Variables(VARIABLE, "variable"), "Names to values or declarations."),
    Key("fixtures", MarkedNames("pytest fixtures"), "pytest fixtures whose values become variables."),
    Key("credentials", NamedNodes(Credential(), "credentials"), "Names to auth schemes."),
    Key(
        "requests",
        NamedNodes(RequestShape(declared=True), "requests"),
        "Names to requests, for like and short forms.",
    ),
    Key("expectations", NamedNodes(ExpectationShape(), "expectations"), "Names to expectations."),
    Key("setup", Steps("setup"), "Once, before the first case."),
    Key("teardown", Steps("teardown"), "Once, at the end, always, in written order."),
    Key("before_each", Steps("before_each"), "Before every case, rule or row."),
    Key("after_each", Steps("after_each"), "After every case, rule or row, always, in written order."),
)
_SLIPS = {
    "defaults": "write it on the endpoint",
    "auth": "write it on the endpoint",
    "openapi": "write it on the endpoint",
    "base_url": "endpoints",
    "vars": "variables",
    "tests": "cases",
    "before": "setup",
    "after": "teardown",
    "title": "scenario",
    "name": "scenario",
}
_DECLARING = ("endpoints", "variables", "fixtures", "setup", "inputs", "before_each")
_LISTS = ("fixtures", "setup", "before_each")
_FIRST = ("jsonpath", "endpoints", "credentials", "expectations", "requests")


@data
class Outputs(Shape):
    """Names to values, whose references are looked up when the fragment has run."""

    def read(self, reader: Reader, node: Node) -> list[tuple[Scalar, Value]]:
        """Return the outputs in written order."""
        with reader.noting():
            found: list[tuple[Scalar, Value]] = self._map.read(reader, node)
        return found

    @property
    def _map(self) -> NameMap:
        return NameMap(AnyValue(), "a mapping of names to values")

    def schema(self, book: Book) -> Schema:
        return self._map.schema(book)


# -- documents ------------------------------------------------------------------------------------------


def _document(reader: Reader, mapping: Mapping, got: dict[str, Any], kind: str) -> Document:
    if any(name in mapping and name not in got for name in _DECLARING):
        reader.names_known = False
    document = Document(
        kind,
        got.get(kind, ""),
        reader.source,
        reader.root,
        dialect=reader.dialect,
        description=got.get("description", ""),
        version=got.get("version", ""),
        mark=mark_of(mapping.key(kind)),
    )
    for name in [
        "endpoints",
        "variables",
        "fixtures",
        "credentials",
        "requests",
        "expectations",
        "setup",
        "teardown",
        "before_each",
        "after_each",
        "when",
        "marks",
        "serial",
        "skip",
        "needs",
        "inputs",
    ]:
        if name in got:
            setattr(document, name, got[name])
    document.usages = tuple(usage for usage in reader.usages if usage.phase == WHEN)
    document.levels = reader.levels
    return document


def _only_case(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Case:
    """Return the one case of a document of steps."""
    parametrize = got.get("parametrize") or names_of_rows(mapping, "parametrize")
    for_each = got.get("for_each") or names_of_rows(mapping, "for_each")
    head = mapping.key("steps") if "steps" in mapping else mapping
    case = Case("", mark_of(head), got.get("steps", ()), parametrize=parametrize, for_each=for_each)
    case.xfail = got.get("xfail")
    case.usages = tuple(usage for usage in reader.usages if usage.phase == ROWS)
    return case


def _build_scenario(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Document:
    document = _document(reader, mapping, got, "scenario")
    if "cases" in mapping:
        document.cases = got.get("cases", ())
        return document
    document.single = True
    document.cases = (_only_case(reader, mapping, got),)
    return document


def _build_contract(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Document:
    document = _document(reader, mapping, got, "contract")
    document.cases = got.get("rules", ())
    return document


def _build_fragment(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Document:
    document = _document(reader, mapping, got, "fragment")
    document.single = True
    document.cases = (_only_case(reader, mapping, got),)
    document.outputs = tuple((key.text, value) for key, value in got.get("outputs", ()))
    return document


SCENARIO = Record(
    "a scenario",
    (
        Key("scenario", TITLE, "A test of a provider, step by step: its title."),
        *_HEAD,
        *_DECLARED,
        WHEN_KEY,
        SKIP,
        XFAIL,
        MARKS,
        SERIAL,
        PARAMETRIZE,
        FOR_EACH,
        STEPS,
        Key("cases", Cases(CASE, "case"), "Cases that are tests of their own."),
    ),
    _build_scenario,
    slips=_SLIPS,
    elsewhere={
        **{name: f'"{name}" belongs in a contract' for name in ("rules", "needs")},
        **{name: f'"{name}" belongs in a fragment' for name in ("inputs", "outputs")},
    },
    exclusive=(
        ("steps", "cases"),
        ("skip", "xfail"),
    ),
    beside=(
        *(
            (name, "steps", f'"{name}" is for documents of cases; write its steps among the others')
            for name in ("before_each", "after_each")
        ),
        *(
            (name, "cases", f'"{name}" belongs on a case when there are cases')
            for name in ("parametrize", "for_each", "xfail")
        ),
    ),
    some=((("steps", "cases"), "a scenario has steps or cases"),),
    first=_FIRST,
    lenient=True,
    define="scenario",
)
CONTRACT = Record(
    "a contract",
    (
        Key("contract", TITLE, "Numbered rules, each one test: the title."),
        *_HEAD,
        *_DECLARED,
        NEEDS,
        MARKS,
        SERIAL,
        Key("rules", Cases(RULE, "id"), "The rules, each one test."),
    ),
    _build_contract,
    later=frozenset(
        ["parts", "part_of", "versions", "sources", "effects", "control", "since", "until", "faults", "prove"]
    ),
    slips={**_SLIPS, "steps": "rules"},
    elsewhere={
        "cases": '"cases" belongs in a scenario; a contract has rules',
        **{
            name: f'"{name}" belongs on a rule'
            for name in ("when", "skip", "xfail", "for_each", "request", "expect", "level", "source")
        },
        **{name: f'"{name}" belongs in a fragment' for name in ("inputs", "outputs")},
        "parametrize": '"parametrize" is not for a contract: a rule is one test; rows in it are for_each',
    },
    some=((("rules", "parts", "part_of"), "a contract has rules"),),
    first=_FIRST,
    lenient=True,
    define="contract",
)
FRAGMENT = Record(
    "a fragment",
    (
        Key("fragment", TITLE, "Steps to reuse from other documents: the title."),
        *_HEAD,
        Key("inputs", Variables(INPUT, "input", plain=False), "What the using document gives."),
        STEPS,
        Key("outputs", Outputs(), "Names to values that the using document may save."),
        Key("teardown", Steps("teardown"), "At the end of the using case, always, in written order."),
    ),
    _build_fragment,
    slips=_SLIPS,
    elsewhere={
        **{
            name: f'"{name}" is not for a fragment: take what it needs as inputs'
            for name in (*_FIRST[1:], "variables", "fixtures", "setup")
        },
        **{
            name: f'"{name}" belongs in a scenario; a fragment has steps' for name in ("cases", "parametrize")
        },
        **{
            name: f'"{name}" belongs on the step that uses the fragment, or on a step in it'
            for name in ("when", "for_each")
        },
    },
    required=("steps",),
    first=("jsonpath", "inputs"),
    lenient=True,
    define="fragment",
)
RECORDS = {"scenario": SCENARIO, "contract": CONTRACT, "fragment": FRAGMENT}


def read_document(reader: Reader, root: Mapping) -> Document | None:
    """Return the document of a tree, or None when it cannot be used; problems are with the reader."""
    if not _language(reader, root):
        return None
    kinds = [kind for kind in KINDS if kind in root]
    if len(kinds) != 1:
        _no_kind(reader, root, kinds)
        return None
    kind = kinds[0]
    if kind == "session_type":
        reader.error(root.key(kind), later(kind))
        return None
    reader.kind = kind
    # A misspelt "variables" would make every name in the document unknown.
    reader.names_known = not any(_misread(root, name, RECORDS[kind]) for name in _DECLARING)
    _declare(reader, root, RECORDS[kind])
    try:
        document: Document = RECORDS[kind].read(reader, root)
    except BadNodeError:
        return None
    return document


def _language(reader: Reader, root: Mapping) -> bool:
    node = root.get("language")
    if isinstance(node, Scalar) and type(node.value) is int and node.value > LANGUAGE:
        reader.problems.clear()
        reader.error(node, f"needs a newer pytest-apitest (this is {__version__}, language {LANGUAGE})")
        return False
    return True


def _no_kind(reader: Reader, root: Mapping, kinds: list[str]) -> None:
    if len(kinds) > 1:
        key = root.key(kinds[1])
        reader.error(key, f'"{kinds[1]}" beside "{kinds[0]}": a document is one of {", ".join(KINDS)}')
        return
    nearest = next((name for name in root.entries if near(name, KINDS)), None)
    hint = did_you_mean(nearest, KINDS) if nearest is not None else ""
    shown = f', got "{nearest}"' if nearest is not None else ""
    reader.error_at(1, 1, f"{BEGINNING}{shown}{hint}")


def _misread(root: Mapping, name: str, record: Record) -> bool:
    """Tell whether a key that declares names is misspelt, or does not hold a mapping or list."""
    if name in root:
        return isinstance(root.get(name), Scalar if name in _LISTS else Scalar | Sequence)
    others = [other for other in root.entries if other not in record.by_name]
    return any(record.slips.get(other) == name or near(other, (name,)) for other in others)


def _declare(reader: Reader, root: Mapping, record: Record) -> None:
    """Tell the reader which names the document declares, before anything that uses them is read."""
    dialect = root.get("jsonpath")
    if isinstance(dialect, Scalar) and dialect.text == "ng":
        reader.dialect = "ng"
    names = _quiet(root, "inputs" if reader.kind == "fragment" else "endpoints")
    reader.endpoint_names = {name: key for name, (key, _) in names.items()}
    # The security schemes of a description are called as they are, and their credentials like them.
    described = any(isinstance(node, Mapping) and "openapi" in node for _, node in names.values())
    schemes = () if described else tuple(reader.extensions.schemes)
    credentials = _quiet(root, "credentials")
    for name, (key, _) in credentials.items():
        if name in schemes or name == "none":
            meaning = "means that nothing is sent" if name == "none" else "is a scheme"
            reader.error(key, f'a credential cannot be called "{name}", which {meaning}')
    reader.credentials = Declared("credential", credentials, Credential().read)
    reader.requests = Declared("request", _quiet(root, "requests"), RequestShape(declared=True).read)
    reader.expectations = Declared("expectation", _quiet(root, "expectations"), ExpectationShape().read)
    for table in (reader.credentials, reader.requests, reader.expectations):
        table.known = not _misread(root, f"{table.what}s", record)


def _quiet(root: Mapping, key: str) -> dict[str, tuple[Scalar, Node]]:
    node = root.get(key)
    return dict(node.entries) if isinstance(node, Mapping) else {}
