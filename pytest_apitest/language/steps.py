"""Reading steps: request, save, cleanup, retry, rows, conditions and the use of fragments (language, 4, 8, 9)."""

from collections.abc import Callable
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.errors import near
from pytest_apitest.language.bodies import BODIES
from pytest_apitest.language.described import OpenApiOff
from pytest_apitest.language.expectations import ExpectationShape
from pytest_apitest.language.fragments import OutputName, read_use
from pytest_apitest.language.model import (
    CHECK,
    CLEANUP,
    REQUEST,
    ROWS,
    SAVE,
    WHEN,
    Retry,
    Save,
    SaveSource,
    Step,
)
from pytest_apitest.language.model.requests import NO_SETTINGS
from pytest_apitest.language.parts import NAMED_PARTS
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.language.records import Key, Record, described, forbidding
from pytest_apitest.language.requests import METHODS, RequestShape, request_schema, short_name
from pytest_apitest.language.rows import ConditionShape, ForEach, names_of_rows
from pytest_apitest.language.saves import SaveShape, SourceShape
from pytest_apitest.language.security import settings_of
from pytest_apitest.language.settings import SETTING_KEYS, build_settings
from pytest_apitest.language.shapes import (
    Book,
    Boolean,
    Duration,
    Integer,
    NameMap,
    PlainText,
    Schema,
    Shape,
    name_schema,
)
from pytest_apitest.references import Literal, Value
from pytest_apitest.source import Mapping, Node, Scalar

# -- retry ----------------------------------------------------------------------------------------------


def _build_retry(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Retry:
    del reader
    every = got.get("every", Literal(1.0, mapping.line, mapping.column))
    return Retry(got.get("times"), got.get("for"), every, got.get("give_up_when"), mark_of(mapping))


def _judge_retry(reader: Reader, mapping: Mapping, key: Scalar) -> str | None:
    del reader, mapping
    return 'unknown key "until" in a retry: write it as expect of the step' if key.text == "until" else None


RETRY = Record(
    "a retry",
    (
        Key("times", Integer(2), "Tries in all, two or more."),
        Key("for", Duration(zero=False), "How long it is tried, from the first try."),
        Key("every", Duration(), "Pause between tries; 1s unless written, 0s for none."),
        Key(
            "give_up_when",
            ExpectationShape(),
            "Fails at once when this holds after a failed try.",
            phase=CHECK,
        ),
    ),
    _build_retry,
    slips={
        "delay": "every",
        "interval": "every",
        "max": "times",
        "count": "times",
        "timeout": "for",
    },
    judge=_judge_retry,
    some=((("times", "for"), "retry needs times or for"),),
    example="{times: 3} or {for: 30s}",
    define="retry",
)


OPENAPI_OFF = Key(
    "openapi",
    OpenApiOff(),
    "false: the exchange is not checked against the description of the endpoint.",
)

# -- cleanup --------------------------------------------------------------------------------------------


def _build_cleanup(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Step:
    node, request, expect = mapping.entries["request"][1], got["request"], got.get("expect")
    settings = settings_of(reader, node, request, build_settings(got), expect, CLEANUP)
    name = got.get("name", "") or short_name(node, request)
    return Step(name, mark_of(mapping), request=request, expect=expect, settings=settings)


CLEANUP_STEP = Record(
    "a cleanup",
    (
        Key("name", PlainText("a name", one_line=True), "Shown in reports."),
        Key("request", RequestShape(), "What is sent."),
        *(Key(name, shape, doc) for name, (shape, doc) in SETTING_KEYS.items()),
        OPENAPI_OFF,
        Key("expect", ExpectationShape(), "Left out: 2xx, 404 or 410."),
    ),
    _build_cleanup,
    elsewhere={
        **{
            name: f'"{name}" belongs in request: {{{name}: …}}'
            for name in (*METHODS, "method", "url", "operation", "like")
        },
        **{
            name: f'"{name}" belongs in request: {{DELETE: …, {name}: …}}'
            for name in (*BODIES, *NAMED_PARTS, "set", "remove")
        },
        **{
            name: f'"{name}" cannot stand in a cleanup, which is one request'
            for name in ("save", "when", "for_each", "retry", "cleanup", "should", "report", "use")
        },
    },
    some=((("request",), "a cleanup with settings or expect has its request behind request"),),
)


@data
class CleanupShape(Shape):
    """`METHOD URL`, a request, or a step with request, expect and settings."""

    def read(self, reader: Reader, node: Node) -> Step:
        """Return the cleanup as a step."""
        before = len(reader.usages)
        if isinstance(node, Mapping) and not _is_long_request(node):
            step: Step = CLEANUP_STEP.read(reader, node)
        else:
            request = RequestShape().read(reader, node)
            settings = settings_of(reader, node, request, NO_SETTINGS, None, CLEANUP)
            step = Step(short_name(node, request), mark_of(node), request=request, settings=settings)
        step.usages = tuple(reader.usages[before:])
        return step

    def schema(self, book: Book) -> Schema:
        return book.refer("cleanup", cleanup_schema)


def _is_long_request(node: Mapping) -> bool:
    """Tell whether a mapping is a request, and not a step around one, by the keys that only steps have."""
    return not any(name in CLEANUP_STEP.by_name for name in node.entries)


def cleanup_schema(book: Book) -> Schema:
    """Return the schema of a cleanup in all its forms."""
    out = request_schema(book)
    properties = dict(out["properties"])
    for key in CLEANUP_STEP.keys:
        properties[key.name] = described(key.shape.schema(book), key.doc)
    parts = {name: False for name in out["properties"] if name not in CLEANUP_STEP.by_name}
    out["dependentSchemas"] |= {key.name: {"properties": parts} for key in CLEANUP_STEP.keys}
    out["properties"] = properties
    out["then"] = {"anyOf": [*out["then"]["anyOf"], {"required": ["request"]}]}
    out["description"] = "METHOD URL, a request or a step that removes what this step made."
    del out["defaultSnippets"]
    return out


# -- steps ----------------------------------------------------------------------------------------------

LATER_KEYS = frozenset(
    [
        "id",
        "unchanged",
        "repeat",
        "across",
        "connection",
        "hang_up",
        "since",
        "until",
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
    ]
)
_ONLY_REQUEST = ("expect", "should", "report", "retry", "cleanup", *SETTING_KEYS, "openapi")
SLIPS = {
    "poll": "retry",
    "loop": "retry",
    "repeat_until": "retry",
    "assert": "expect",
    "response": "expect",
    "capture": "save",
    "extract": "save",
    "if": "when",
    "include": "use",
    "finally": "cleanup",
}
ELSEWHERE = {
    **{
        name: f'"{name}" belongs in request: {{POST: …, {name}: …}}'
        for name in (*BODIES, *NAMED_PARTS, "set", "remove")
    },
    **{name: f'"{name}" belongs in request: {{{name}: …}}' for name in (*METHODS, "operation", "like")},
    "endpoint": '"endpoint" belongs in request: {operation: …, endpoint: …}',
    **{name: f'"{name}" belongs in request: {{method: …, url: …}}' for name in ("method", "url")},
    **{
        name: f'"{name}" belongs in expect: {{{name}: …}}'
        for name in ("status", "content_type", "duration", "body")
    },
    "cases": '"cases" belongs on the document; rows of a step are for_each',
    "parametrize": '"parametrize" belongs on a case or document; rows of a step are for_each',
}


def judge(reader: Reader, mapping: Mapping, key: Scalar) -> str | None:
    """Return what is said of `until` and `wait` in a request step, where a retry is meant."""
    del reader
    node = mapping.get(key.text)
    meant = key.text == "wait" or (key.text == "until" and isinstance(node, Mapping))
    if meant and "exchanges" not in mapping:
        return f'unknown key "{key.text}" in a step; did you mean "retry"?'
    return None


@data
class InputValues(Shape):
    """Inputs of a fragment."""

    def read(self, reader: Reader, node: Node) -> list[tuple[Scalar, Value]]:
        """Return the inputs in written order."""
        mapping = reader.mapping(node, "a mapping of inputs to values")
        found = []
        for key, value in mapping.entries.values():
            with reader.going_on():
                reader.name(key, "the name of an input")
                found.append((key, reader.value(value)))
        if len(found) != len(mapping.entries):
            raise BadNodeError
        return found

    def schema(self, book: Book) -> Schema:
        return {"type": "object", "minProperties": 1, "propertyNames": name_schema(book)}


def _setting_keys() -> tuple[Key, ...]:
    return tuple(Key(name, shape, doc, phase=REQUEST) for name, (shape, doc) in SETTING_KEYS.items())


@data
class StepSave(Shape):
    """`save` of a step: names to sources, or, beside `use`, names to outputs of the fragment."""

    def read(self, reader: Reader, node: Node) -> Node:
        """Return the node: what it must be depends on what stands beside it, see `build_step`."""
        if not isinstance(node, Mapping):
            reader.names_known = False
            hint = (
                f"; write {{name: {node.text}}}" if isinstance(node, Scalar) and node.text[:1] == "$" else ""
            )
            reader.expected(node, "a mapping of names to sources for save", hint)
        return reader.mapping(node, "a mapping of names to sources for save")

    def schema(self, book: Book) -> Schema:
        sources = {"type": ["string", "object"]}
        names = name_schema(book)
        return {"type": "object", "minProperties": 1, "propertyNames": names, "additionalProperties": sources}


STEP_KEYS = (
    Key("name", PlainText("a name", one_line=True), "Shown in reports; no references."),
    Key(
        "when",
        ConditionShape(),
        "Names to checks, all of which must hold; else the step is skipped.",
        phase=WHEN,
    ),
    Key("for_each", ForEach(), "The step for each row, inside one test.", phase=ROWS),
    Key("request", RequestShape(), "What is sent.", phase=REQUEST),
    *_setting_keys(),
    OPENAPI_OFF,
    Key("save", StepSave(), "Names to what the response holds.", phase=SAVE),
    Key("expect", ExpectationShape(), "What the response must be; left out: a 2xx status.", phase=CHECK),
    Key(
        "should",
        ExpectationShape(),
        "As expect; a failure is a warning and the step stays green.",
        phase=CHECK,
    ),
    Key(
        "report",
        NameMap(SourceShape(), "a mapping of labels to sources", any_key=True),
        "Labels to values that are shown, never judged.",
        phase=SAVE,
    ),
    Key("retry", RETRY, "The request is sent again until saves are found and checks hold.", phase=REQUEST),
    Key(
        "cleanup",
        CleanupShape(),
        "Request that removes what this step made; runs at the end of the case.",
        phase=CLEANUP,
    ),
    Key("use", PlainText("a fragment file"), "Fragment file whose steps run here."),
    Key("with", InputValues(), "Inputs of the fragment.", phase=REQUEST),
    Key("once", Boolean(), "true: the fragment runs once per process and its outputs are shared."),
)


@data
class StepShape(Shape):
    """One step."""

    def read(self, reader: Reader, node: Node) -> Step:
        """Return the step; of a broken one, what its neighbours need: references and saved names."""
        with reader.noting() as usages:
            step = step_or_rest(node, lambda: self._whole(reader, node))
        step.usages = tuple(usages)
        return step

    def _whole(self, reader: Reader, node: Node) -> Step:
        step: Step = STEP.read(reader, node)
        return step

    def schema(self, book: Book) -> Schema:
        return book.refer("step", step_schema)


def step_or_rest(node: Node, read: Callable[[], Step]) -> Step:
    """Return a step, or of a broken one what its neighbours need: the names that it saves and its rows.

    Args:
        node: where the step is written.
        read: reads it; its problems are recorded when it raises `BadNodeError`.

    """
    try:
        return read()
    except BadNodeError:
        return Step("", mark_of(node), save=_names_saved(node), for_each=names_of_rows(node, "for_each"))


def _names_saved(node: Node) -> tuple[Save, ...]:
    save = node.get("save") if isinstance(node, Mapping) else None
    if not isinstance(save, Mapping):
        return ()
    return tuple(
        Save(name, SaveSource("status", mark_of(key)), mark_of(key))
        for name, (key, _) in save.entries.items()
    )


def build_step(reader: Reader, mapping: Mapping, got: dict[str, Any]) -> Step:
    """Return a step from the values of its keys.

    Args:
        reader: the reader.
        mapping: the step as written.
        got: the values of the keys that have no problem.

    """
    kinds = [name for name in ("request", "use") if name in mapping]
    if len(kinds) != 1:
        if kinds:
            reader.fail(mapping.key("use"), '"use" beside "request" in a step: write one of them')
        if any(name in ELSEWHERE or near(name, ("request", "use")) for name in mapping.entries):
            raise BadNodeError  # what was said of that key says this too
        reader.fail(mapping, "a step has one of request, use")
    step = Step(got.get("name", ""), mark_of(mapping), when=got.get("when"), for_each=got.get("for_each"))
    if kinds == ["use"]:
        return _use_step(reader, mapping, got, step)
    for name in ("with", "once"):
        if name in got:
            reader.fail(mapping.key(name), f'"{name}" belongs beside use')
    if "save" in got:
        step.save = _read_saves(reader, got["save"])
    if "request" not in got:
        raise BadNodeError
    step.request = got["request"]
    node = mapping.entries["request"][1]
    step.name = step.name or short_name(node, step.request)
    step.cleanup = got.get("cleanup")
    step.retry = got.get("retry")
    step.expect = got.get("expect")
    step.should = got.get("should")
    step.report = tuple((key.text, source) for key, source in got.get("report", ()))
    step.settings = build_settings(got)
    _look_at_openapi(reader, mapping, step)
    if all(
        name in got or name not in mapping for name in ("auth", "openapi", "expect")
    ):  # else it is not known
        step.settings = settings_of(reader, node, step.request, step.settings, step.expect, REQUEST)
    return step


def _look_at_openapi(reader: Reader, mapping: Mapping, step: Step) -> None:
    if step.expect is not None and step.expect.openapi and step.settings.openapi is not None:
        reader.error(
            mapping.key("openapi"), "openapi: false beside an expectation of openapi: write one of them"
        )
    give_up_when = step.retry.give_up_when if step.retry is not None else None
    for key, expectation in (("should", step.should), ("retry", give_up_when)):
        if expectation is not None and expectation.openapi:
            reader.error(mapping.key(key), "openapi belongs in expect; for warnings write undocumented: warn")


def _read_saves(reader: Reader, node: Node) -> tuple[Save, ...]:
    before, reader.phase = reader.phase, SAVE
    try:
        return SaveShape().read(reader, node)
    finally:
        reader.phase = before


def _use_step(reader: Reader, mapping: Mapping, got: dict[str, Any], step: Step) -> Step:
    refused = [name for name in _ONLY_REQUEST if name in mapping]
    for name in refused:
        message = f'"{name}" cannot stand beside use; write it on a step of the fragment'
        reader.error(mapping.key(name), message)
    if "use" not in got:
        raise BadNodeError
    step.use = read_use(reader, mapping, got)
    step.name = step.name or step.use.fragment.title
    if refused:
        raise BadNodeError
    return step


STEP = Record(
    "a step",
    STEP_KEYS,
    build_step,
    later=LATER_KEYS,
    slips=SLIPS,
    elsewhere=ELSEWHERE,
    judge=judge,
    example="{request: GET /path}",
    lenient=True,
)


def step_schema(book: Book) -> Schema:
    """Return the schema of a step."""
    out = STEP.record_schema(book)
    request_only = dict.fromkeys(("with", "once"), False)
    use_only: Schema = dict.fromkeys(_ONLY_REQUEST, False)
    outputs = NameMap(OutputName()).schema(book)
    out["dependentSchemas"] = {
        **forbidding((("request", "use"),)),
    }
    out["dependentSchemas"]["request"]["properties"] |= {**request_only, "save": SaveShape().schema(book)}
    out["dependentSchemas"]["use"]["properties"] |= {**use_only, "save": outputs}
    out["anyOf"] = [{"required": ["request"]}, {"required": ["use"]}]
    out["description"] = "One request, or the use of a fragment."
    out["defaultSnippets"] = [{"label": "request", "body": {"request": "GET ${1:url}"}}]
    return out


@data
class Steps(Shape):
    """A list of steps."""

    what: str = "steps"

    def read(self, reader: Reader, node: Node) -> tuple[Step, ...]:
        """Return the steps."""
        what = "a list of steps" if self.what == "steps" else f"a list of steps for {self.what}"
        items = reader.sequence(node, what).items
        return tuple(StepShape().read(reader, item) for item in items)

    def schema(self, book: Book) -> Schema:
        return book.refer(
            "steps", lambda inner: {"type": "array", "minItems": 1, "items": StepShape().schema(inner)}
        )
