"""Reading documents: scenario, contract and fragment, their cases and rules (language, sections 2 and 11)."""

from dataclasses import dataclass
from typing import Any

from pytest_apitest import __version__
from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.language.declarations import (
    INPUT,
    LOCAL,
    VARIABLE,
    Credential,
    Endpoints,
    NamedNodes,
    Variables,
)
from pytest_apitest.language.expectations import ExpectationShape
from pytest_apitest.language.model import REQUEST, ROWS, WHEN, Case, Document, Mark, RuleInfo, Step
from pytest_apitest.language.reader import BadNodeError, Declared, Reader, mark_of
from pytest_apitest.language.requests import RequestShape
from pytest_apitest.language.rows import ConditionShape, ForEach, Parametrize
from pytest_apitest.language.shapes import (
    REFERENCE,
    AnyValue,
    Book,
    Choice,
    Key,
    NameMap,
    PlainText,
    Record,
    Schema,
    Shape,
    WrittenText,
    name_schema,
)
from pytest_apitest.language.steps import STEP_KEYS, Steps, build_step
from pytest_apitest.references import Literal, Value
from pytest_apitest.source import Mapping, Node, Scalar

KINDS = ("scenario", "contract", "fragment", "session_type")
LANGUAGE = 1
LEVELS = ("must", "should", "may", "ignore")

# -- shared keys ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Title(Shape):
    """A title: one line, no references."""

    def read(self, reader: Reader, node: Node) -> str:
        """Return the title."""
        return PlainText("a title", one_line=True).read(reader, node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Language(Shape):
    """The version of the language; a newer one was refused before."""

    def read(self, reader: Reader, node: Node) -> int:
        """Return the version."""
        scalar = reader.scalar(node, "1")
        if scalar.value != LANGUAGE or isinstance(scalar.value, bool):
            reader.expected(node, "1")
        return LANGUAGE

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"const": LANGUAGE}


@dataclass(frozen=True)
class MarkedNames(Shape):
    """A list of names with their places."""

    what: str

    def read(self, reader: Reader, node: Node) -> tuple[tuple[str, Mark], ...]:
        """Return the names."""
        items = reader.sequence(node, f"a list of {self.what}").items
        found = []
        for item in items:
            with reader.going_on():
                found.append((reader.name(reader.scalar(item, "a name")), mark_of(item)))
        if len(found) != len(items):
            raise BadNodeError
        return tuple(found)

    def schema(self, book: Book) -> Schema:
        return {"type": "array", "items": name_schema(book), "minItems": 1}


@dataclass(frozen=True)
class Level(Shape):
    """must, should, may, ignore, or a reference to one of them."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the level as a value."""
        scalar = reader.scalar(node, f"one of {', '.join(LEVELS)}")
        if "${" in scalar.text:
            return reader.template(scalar)
        return Literal(Choice(LEVELS).read(reader, node), node.line, node.column)

    def schema(self, book: Book) -> Schema:
        return book.refer(
            "level",
            lambda _: {
                "type": "string",
                "pattern": f"^({'|'.join(LEVELS)})$|{REFERENCE}",
                "patternErrorMessage": "must, should, may or ignore",
                "description": "must fails, should warns, may reports, ignore does not run.",
                "examples": list(LEVELS),
            },
        )


@dataclass(frozen=True)
class RuleSource(Shape):
    """Where a rule is written: a text."""

    def read(self, reader: Reader, node: Node) -> str:
        """Return the text."""
        if isinstance(node, Mapping):
            reader.fail(node, '"source" as a mapping is not available in this release')
        return reader.plain_text(node, "where the rule is written")

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class SkipReason(Shape):
    """The reason behind `skip` and `xfail`."""

    def read(self, reader: Reader, node: Node) -> str:
        """Return the reason."""
        return PlainText("a reason in words", one_line=True).read(reader, node)

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return {"type": "string", "minLength": 1}


_DESCRIPTION = Key("description", PlainText("a description"), "For readers; shown in reports.")
_WHEN = Key(
    "when", ConditionShape(), "Names to checks, all of which must hold; else it is skipped.", phase=WHEN
)
_SKIP = Key("skip", SkipReason(), "Reason: never run.")
_XFAIL = Key("xfail", SkipReason(), "Reason: must fail; passing is a failure.")
_MARKS = Key("marks", MarkedNames("pytest marks"), "pytest marks without arguments.")
_SERIAL = Key(
    "serial", PlainText("the name of a lock"), "Tests with the same lock never run at the same time."
)
_FOR_EACH = Key("for_each", ForEach(), "Rows inside one test, each a run of its own.", phase=ROWS)
_PARAMETRIZE = Key("parametrize", Parametrize(), "Rows, each a test of its own.", phase=ROWS)
_STEPS = Key("steps", Steps("steps"), "What happens, in order.")
_NEEDS = Key("needs", MarkedNames("names"), "Names that must be set; else it is not run.")
_HEAD = (
    Key("language", Language(), "Version of the language."),
    _DESCRIPTION,
    Key("version", WrittenText("a version"), "Version of the document, as written."),
    Key("jsonpath", Choice(("rfc9535", "ng")), "JSONPath dialect of the document."),
)
_DECLARED = (
    Key("endpoints", Endpoints(), "Names to base URLs or applications."),
    Key("variables", Variables(VARIABLE, "variable"), "Names to values or declarations."),
    Key("fixtures", MarkedNames("pytest fixtures"), "pytest fixtures whose values become variables."),
    Key("credentials", NamedNodes(Credential(), "credentials"), "Names to auth schemes."),
    Key("requests", NamedNodes(RequestShape(), "requests"), "Names to requests, for like and short forms."),
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
_FIRST = ("jsonpath", "endpoints", "credentials", "expectations", "requests")

# -- cases and rules ------------------------------------------------------------------------------------


def _case_fields(got: dict[str, Any]) -> dict[str, Any]:
    names = ("description", "when", "skip", "xfail", "marks", "serial", "for_each", "variables")
    return {name: got[name] for name in names if name in got}


def _build_case(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Case:
    del reader
    return Case(
        got["case"],
        mark_of(mapping.key("case")),
        got["steps"],
        parametrize=got.get("parametrize"),
        **_case_fields(got),
    )


CASE = Record(
    "a case",
    (
        Key("case", Title(), "Title of the case; unique in the document, no references."),
        _DESCRIPTION,
        _WHEN,
        _SKIP,
        _XFAIL,
        _MARKS,
        _SERIAL,
        _PARAMETRIZE,
        Key(
            "variables",
            Variables(LOCAL, "local variable"),
            "Local variables; may replace those of the document.",
        ),
        _FOR_EACH,
        _STEPS,
    ),
    _build_case,
    required=("case", "steps"),
    exclusive=(("skip", "xfail"),),
    slips={"name": "case", "title": "case", "request": "steps: [{request: …}]"},
    define="case",
)


def _build_rule(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Case:
    inline = [name for name in got if name in _INLINE]
    if "steps" in got:
        if inline:
            reader.fail(mapping.key(inline[0]), f'"{inline[0]}" beside steps: write it on a step')
        steps: tuple[Step, ...] = got["steps"]
    else:
        step = build_step(reader, mapping, {name: got[name] for name in inline})
        step.usages = tuple(usage for usage in reader.usages if usage.phase >= REQUEST)
        reader.usages[:] = [usage for usage in reader.usages if usage.phase < REQUEST]
        steps = (step,)
    info = RuleInfo(got["id"], got["rule"], got.get("source", ""), got.get("level"), got.get("needs", ()))
    return Case(got["rule"], mark_of(mapping.key("id")), steps, rule=info, **_case_fields(got))


_INLINE = {key.name: key for key in STEP_KEYS if key.name not in ("when", "for_each")}
RULE = Record(
    "a rule",
    (
        Key("id", PlainText("an id", one_line=True), "Unique in the contract."),
        Key(
            "rule",
            PlainText("the duty in words", one_line=True),
            "The duty in words, affirmative and present.",
        ),
        Key("source", RuleSource(), "Where the rule is written."),
        Key("level", Level(), "must fails, should warns, may reports, ignore does not run."),
        _NEEDS,
        _DESCRIPTION,
        _WHEN,
        _SKIP,
        _XFAIL,
        _MARKS,
        _SERIAL,
        Key(
            "variables",
            Variables(LOCAL, "local variable"),
            "Local variables; may replace those of the document.",
        ),
        _FOR_EACH,
        _STEPS,
        *_INLINE.values(),
    ),
    _build_rule,
    later=frozenset(
        [
            "effects",
            "control",
            "mutants",
            "faults",
            "since",
            "until",
            "unchanged",
            "repeat",
            "across",
            "connection",
            "hang_up",
            "python",
            "value",
            "exchanges",
            "from",
            "where",
            "after",
            "before",
            "wait",
            "count",
            "each",
            "last",
            "sequence",
            "openapi",
        ]
    ),
    required=("id", "rule"),
    some=((("steps", "request", "use"), "a rule has steps, request or use"),),
    exclusive=(("skip", "xfail"), ("steps", "request", "use")),
    slips={"cases": "for_each", "parametrize": "for_each", "name": "rule", "case": "rule"},
    define="rule",
)


@dataclass(frozen=True)
class Cases(Shape):
    """A list of cases or rules; titles and ids are unique.

    Args:
        record: the shape of one.
        key: what is unique: `case` or `id`.

    """

    record: Record
    key: str

    def read(self, reader: Reader, node: Node) -> tuple[Case, ...]:
        """Return the cases without problems."""
        items = reader.sequence(node, "a list of cases" if self.key == "case" else "a list of rules").items
        found: list[Case] = []
        seen: dict[str, int] = {}
        for item in items:
            with reader.noting() as usages, reader.going_on():
                self._unique(reader, item, seen)
                case: Case = self.record.read(reader, item)
                case.usages = tuple(usages)
                found.append(case)
        return tuple(found)

    def _unique(self, reader: Reader, node: Node, seen: dict[str, int]) -> None:
        title = node.get(self.key) if isinstance(node, Mapping) else None
        if not isinstance(title, Scalar):
            return
        if title.text in seen:
            word = "case" if self.key == "case" else "rule id"
            reader.error(
                title, f'the {word} "{title.text[:60]}" stands twice, first at line {seen[title.text]}'
            )
        seen.setdefault(title.text, title.line)

    def schema(self, book: Book) -> Schema:
        return {"type": "array", "items": self.record.schema(book), "minItems": 1}


@dataclass(frozen=True)
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
    return document


def _only_case(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Case:
    """Return the one case of a document of steps."""
    rows = {name: got[name] for name in ("parametrize", "for_each", "xfail") if name in got}
    case = Case("", mark_of(mapping.key("steps")), got.get("steps", ()), **rows)
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
        Key("scenario", Title(), "A test of a provider, step by step: its title."),
        *_HEAD,
        *_DECLARED,
        _WHEN,
        _SKIP,
        _XFAIL,
        _MARKS,
        _SERIAL,
        _PARAMETRIZE,
        _FOR_EACH,
        _STEPS,
        Key("cases", Cases(CASE, "case"), "Cases that are tests of their own."),
    ),
    _build_scenario,
    slips=_SLIPS,
    elsewhere={"rules": '"rules" belongs in a contract', "inputs": '"inputs" belongs in a fragment'},
    exclusive=(
        ("steps", "cases"),
        ("skip", "xfail"),
        ("cases", "parametrize"),
        ("cases", "for_each"),
        ("cases", "xfail"),
        ("steps", "before_each"),
        ("steps", "after_each"),
    ),
    some=((("steps", "cases"), "a scenario has steps or cases"),),
    first=_FIRST,
    lenient=True,
    define="scenario",
)
CONTRACT = Record(
    "a contract",
    (
        Key("contract", Title(), "Numbered rules, each one test: the title."),
        *_HEAD,
        *_DECLARED,
        _NEEDS,
        _MARKS,
        _SERIAL,
        Key("rules", Cases(RULE, "id"), "The rules, each one test."),
    ),
    _build_contract,
    later=frozenset(
        ["parts", "part_of", "versions", "sources", "effects", "control", "since", "until", "faults", "prove"]
    ),
    slips={**_SLIPS, "steps": "rules"},
    elsewhere={"cases": '"cases" belongs in a scenario; a contract has rules'},
    some=((("rules", "parts", "part_of"), "a contract has rules"),),
    first=_FIRST,
    lenient=True,
    define="contract",
)
FRAGMENT = Record(
    "a fragment",
    (
        Key("fragment", Title(), "Steps to reuse from other documents: the title."),
        *_HEAD,
        Key("inputs", Variables(INPUT, "input", plain=False), "What the using document gives."),
        _STEPS,
        Key("outputs", Outputs(), "Names to values that the using document may save."),
        Key("teardown", Steps("teardown"), "At the end of the using case, always, in written order."),
    ),
    _build_fragment,
    slips=_SLIPS,
    elsewhere={
        name: f'"{name}" is not for a fragment: take what it needs as inputs'
        for name in ("endpoints", "variables", "fixtures", "credentials", "requests", "expectations", "setup")
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
        reader.error(root.key(kind), '"session_type" is not available in this release')
        return None
    reader.kind = kind
    # A misspelt "variables" would make every name in the document unknown.
    reader.names_known = not any(
        name not in RECORDS[kind].by_name and near(name, _DECLARING) for name in root.entries
    )
    _declare(reader, root)
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
    reader.error_at(
        1, 1, f"expected a mapping that begins with scenario, contract, fragment or session_type{shown}{hint}"
    )


def _declare(reader: Reader, root: Mapping) -> None:
    """Tell the reader which names the document declares, before anything that uses them is read."""
    dialect = root.get("jsonpath")
    if isinstance(dialect, Scalar) and dialect.text == "ng":
        reader.dialect = "ng"
    names = _quiet(root, "inputs" if reader.kind == "fragment" else "endpoints")
    reader.endpoint_names = {name: key for name, (key, _) in names.items()}
    schemes = reader.extensions.schemes
    credentials = _quiet(root, "credentials")
    for name, (key, _) in credentials.items():
        if name in schemes or name == "none":
            reader.error(key, f'a credential cannot be called "{name}", which is a scheme')
    reader.credentials = Declared("credential", credentials, Credential().read)
    reader.requests = Declared("request", _quiet(root, "requests"), RequestShape().read)
    reader.expectations = Declared("expectation", _quiet(root, "expectations"), ExpectationShape().read)


def _quiet(root: Mapping, key: str) -> dict[str, tuple[Scalar, Node]]:
    node = root.get(key)
    return dict(node.entries) if isinstance(node, Mapping) else {}
