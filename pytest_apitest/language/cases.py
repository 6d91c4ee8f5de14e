"""Reading cases of scenarios and rules of contracts (language, sections 2 and 11)."""

from typing import Any

from pytest_apitest.data import data
from pytest_apitest.language.declarations import LOCAL, Variables
from pytest_apitest.language.model import REQUEST, ROWS, WHEN, Case, Mark, RuleInfo, Step
from pytest_apitest.language.reader import Reader, mark_of
from pytest_apitest.language.records import Key, Record
from pytest_apitest.language.rows import ConditionShape, ForEach, Parametrize, names_of_rows
from pytest_apitest.language.shapes import (
    REFERENCE,
    Book,
    Choice,
    NameText,
    PlainText,
    Schema,
    Shape,
    name_schema,
    pattern,
    plain_schema,
)
from pytest_apitest.language.steps import (
    ELSEWHERE,
    LATER_KEYS,
    SLIPS,
    STEP_KEYS,
    Steps,
    build_step,
    judge,
    step_or_rest,
)
from pytest_apitest.references import Literal, Value
from pytest_apitest.source import Mapping, Node, Scalar

LEVELS = ("must", "should", "may", "ignore")
_CASE_KEYS = frozenset({"when", "for_each"})
_INLINE = {key.name: key for key in STEP_KEYS if key.name not in _CASE_KEYS}

# -- shared keys ----------------------------------------------------------------------------------------


@data
class MarkedNames(Shape):
    """A list of names with their places."""

    what: str

    def read(self, reader: Reader, node: Node) -> tuple[tuple[str, Mark], ...]:
        """Return the names."""
        items = reader.sequence(node, f"a list of {self.what}").items
        return tuple(reader.all_of(lambda item: self._one(reader, item), items))

    def _one(self, reader: Reader, node: Node) -> tuple[str, Mark]:
        return reader.name(reader.scalar(node, "a name")), mark_of(node)

    def schema(self, book: Book) -> Schema:
        return {"type": "array", "items": name_schema(book), "minItems": 1}


@data
class Level(Shape):
    """must, should, may, ignore, or a reference to one of them."""

    def read(self, reader: Reader, node: Node) -> Value:
        """Return the level as a value."""
        scalar = reader.scalar(node, f"one of {', '.join(LEVELS)}")
        if "${" in scalar.text:
            return reader.one_reference(scalar, "a level")
        return Literal(Choice(LEVELS).read(reader, node), node.line, node.column)

    def schema(self, book: Book) -> Schema:
        return book.refer(
            "level",
            lambda _: {
                "type": "string",
                **pattern(f"^({'|'.join(LEVELS)})$|{REFERENCE}", "must, should, may or ignore"),
                "description": "must fails, should warns, may reports, ignore does not run.",
                "examples": list(LEVELS),
            },
        )


@data
class RuleSource(Shape):
    """Where a rule is written: a text."""

    def read(self, reader: Reader, node: Node) -> str:
        """Return the text."""
        if isinstance(node, Mapping):
            reader.fail(node, '"source" as a mapping is not available in this release')
        return reader.plain_text(node, "a text that says where the rule is written")

    def schema(self, book: Book) -> Schema:  # noqa: ARG002
        return plain_schema()


TITLE = PlainText("a title", one_line=True)
REASON = PlainText("a reason in words", one_line=True)
DESCRIPTION = Key("description", PlainText("a description"), "For readers; shown in reports.")
WHEN_KEY = Key(
    "when", ConditionShape(), "Names to checks, all of which must hold; else it is skipped.", phase=WHEN
)
SKIP = Key("skip", REASON, "Reason: never run.")
XFAIL = Key("xfail", REASON, "Reason: must fail; passing is a failure.")
MARKS = Key("marks", MarkedNames("pytest marks"), "pytest marks without arguments.")
SERIAL = Key(
    "serial", PlainText("the name of a lock"), "Tests with the same lock never run at the same time."
)
FOR_EACH = Key("for_each", ForEach(), "Rows inside one test, each a run of its own.", phase=ROWS)
PARAMETRIZE = Key("parametrize", Parametrize(), "Rows, each a test of its own.", phase=ROWS)
STEPS = Key("steps", Steps("steps"), "What happens, in order.")
NEEDS = Key("needs", MarkedNames("names"), "Names that must be set; else it is not run.")
_LOCALS = Key(
    "variables", Variables(LOCAL, "local variable"), "Local variables; may replace those of the document."
)

# -- cases and rules ------------------------------------------------------------------------------------


def _fields(mapping: Mapping, got: dict[str, Any]) -> dict[str, Any]:
    names = ("description", "when", "skip", "xfail", "marks", "serial", "for_each", "variables")
    return {"for_each": names_of_rows(mapping, "for_each")} | {
        name: got[name] for name in names if name in got
    }


def _build_case(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Case:
    del reader
    head = mapping.key("case") if "case" in mapping else mapping
    rows = got.get("parametrize") or names_of_rows(mapping, "parametrize")
    fields = _fields(mapping, got)
    return Case(got.get("case", ""), mark_of(head), got.get("steps", ()), parametrize=rows, **fields)


CASE = Record(
    "a case",
    (
        Key("case", TITLE, "Title of the case; unique in the document, no references."),
        DESCRIPTION,
        WHEN_KEY,
        SKIP,
        XFAIL,
        MARKS,
        SERIAL,
        PARAMETRIZE,
        _LOCALS,
        FOR_EACH,
        STEPS,
    ),
    _build_case,
    required=("case", "steps"),
    exclusive=(("skip", "xfail"),),
    slips={"name": "case", "title": "case"},
    elsewhere={
        **{key.name: f'"{key.name}" belongs on a step' for key in STEP_KEYS if key.name not in _CASE_KEYS},
        **{
            name: f'"{name}" belongs on the document, beside cases'
            for name in ("setup", "teardown", "before_each", "after_each")
        },
        "cases": "a case has no cases of its own; rows are parametrize or for_each",
    },
    example="{case: title, steps: [...]}",
    lenient=True,
    define="case",
)


def _build_rule(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Case:
    inline = {name: value for name, value in got.items() if name in _INLINE}
    if "steps" in mapping or not ("request" in mapping or "use" in mapping):
        steps: tuple[Step, ...] = got.get("steps", ())
    else:
        step = step_or_rest(mapping, lambda: build_step(reader, mapping, inline))
        step.usages = tuple(usage for usage in reader.usages if usage.phase >= REQUEST)
        reader.usages[:] = [usage for usage in reader.usages if usage.phase < REQUEST]
        steps = (step,)
    head = mapping.key("id") if "id" in mapping else mapping
    words = got.get("rule", "")
    info = RuleInfo(got.get("id", ""), words, got.get("source", ""), got.get("level"), got.get("needs", ()))
    return Case(words, mark_of(head), steps, rule=info, **_fields(mapping, got))


RULE = Record(
    "a rule",
    (
        Key("id", NameText("an id"), "Unique in the contract."),
        Key(
            "rule",
            PlainText("the duty in words", one_line=True),
            "The duty in words, affirmative and present.",
        ),
        Key("source", RuleSource(), "Where the rule is written."),
        Key("level", Level(), "must fails, should warns, may reports, ignore does not run.", phase=WHEN),
        NEEDS,
        DESCRIPTION,
        WHEN_KEY,
        SKIP,
        XFAIL,
        MARKS,
        SERIAL,
        _LOCALS,
        FOR_EACH,
        STEPS,
        *_INLINE.values(),
    ),
    _build_rule,
    later=LATER_KEYS | {"effects", "control", "mutants", "faults"},
    required=("id", "rule"),
    some=((("steps", "request", "use"), "a rule has steps, request or use"),),
    exclusive=(("skip", "xfail"), ("request", "use")),
    beside=tuple((name, "steps", f'"{name}" beside steps: write it on a step') for name in _INLINE),
    slips={**SLIPS, "cases": "for_each", "parametrize": "for_each", "case": "rule"},
    elsewhere={name: why for name, why in ELSEWHERE.items() if name not in ("cases", "parametrize")},
    judge=judge,
    example="{id: A-1, rule: the duty in words, request: GET /path}",
    lenient=True,
    define="rule",
)


@data
class Cases(Shape):
    """A list of cases or rules; titles and ids are unique.

    Args:
        record: the shape of one.
        key: what is unique: `case` or `id`.

    """

    record: Record
    key: str

    def read(self, reader: Reader, node: Node) -> tuple[Case, ...]:
        """Return the cases, also those with problems: their names are looked at all the same."""
        what = "a list of cases" if self.key == "case" else "a list of rules"
        found: list[Case] = []
        seen: dict[str, int] = {}
        for item in reader.sequence(node, what).items:
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
