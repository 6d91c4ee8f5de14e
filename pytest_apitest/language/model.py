"""Documents as the engine sees them: read, checked and compiled, with the place of everything (language, 2-11).

Rules kept here:
- the model is data: it sends nothing and knows no pytest;
- everything that a failure can point at has a line and a column;
- what may hold references is a compiled `Value`; what may not is a plain Python value.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pytest_apitest.checks.evaluation import Check
from pytest_apitest.errors import Place
from pytest_apitest.jsonpath import JSONPathError, Path, compile_path, literal
from pytest_apitest.references import Reference, RenderError, Scope, Value
from pytest_apitest.source import Source


@dataclass(frozen=True, slots=True)
class Mark:
    """A position in the document's file.

    Args:
        line: line, from 1.
        column: column, from 1.
        width: marked characters.

    """

    line: int
    column: int
    width: int = 1

    def place(self, source: Source) -> Place:
        """Return the position with its file."""
        return Place(source.shown, self.line, self.column)


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A JSONPath that may hold references, which stand for literals.

    Args:
        parts: texts and references in order.
        dialect: `rfc9535` or `ng`.
        fixed: the compiled path when there is no reference.
        mark: where it stands.
        text: as written.
        singular: whether it finds at most one value.

    """

    parts: tuple[str | Reference, ...]
    dialect: str
    fixed: Path | None
    mark: Mark
    text: str
    singular: bool

    def path(self, scope: Scope) -> Path:
        """Return the compiled path; raises `RenderError`."""
        if self.fixed is not None:
            return self.fixed
        out: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                out.append(part)
                continue
            value = part.resolve(scope)
            try:
                out.append(literal(value))
            except JSONPathError as error:
                raise RenderError(f"{part.shown}: {error}", part.place) from None
        try:
            return compile_path("".join(out), self.dialect)
        except JSONPathError as error:
            raise RenderError(f"{''.join(out)}: {error}") from None


@dataclass(frozen=True, slots=True)
class Auth:
    """What is written behind `auth`.

    Args:
        scheme: name of a scheme, `none`, or the empty text when a credential is named.
        credential: a name of `credentials`, or a value that renders to one.
        settings: the rendered-to-be settings of the scheme: a value, or names to values.
        mark: where it stands.

    """

    scheme: str
    credential: Value | None
    settings: Any
    mark: Mark


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of an endpoint or step; None means not written.

    Args:
        auth: credentials to send.
        timeout: seconds of one try.
        follow_redirects: how many redirects are followed.
        verify: TLS verification: a boolean or a path.
        cert: client certificate: names `cert`, `key`, `password` to values.
        proxy: URL of a proxy.

    """

    auth: Auth | None = None
    timeout: Value | None = None
    follow_redirects: Value | None = None
    verify: Value | None = None
    cert: dict[str, Value] | None = None
    proxy: Value | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A named value of a request: a header, query parameter, form field, path value or cookie.

    Args:
        name: the name as written.
        value: the value, a list of values that are sent one by one, or None for a removal.
        mark: where the name stands.

    """

    name: str
    value: Value | tuple[Value, ...] | None
    mark: Mark


# The named values in written order, or one reference to a mapping.
Parts = tuple[Part, ...] | Value


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a multipart body that is not a plain value.

    Args:
        kind: `file`, `text` or `json`.
        value: the text or JSON value, or the path of the file.
        filename: name sent, or None.
        content_type: media type sent, or None.

    """

    kind: str
    value: Any
    filename: Value | None
    content_type: Value | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request.

    Args:
        kind: `json`, `form`, `multipart`, `text` or `file`.
        value: the value of `json` and `text`, the parts of `form`, the named parts of `multipart`, the path
            of `file`.
        mark: where it stands.

    """

    kind: str
    value: Any
    mark: Mark


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """A request as written.

    Args:
        method: the method, or None to take that of `like`.
        url: the URL, or None to take that of `like`.
        like: name of the request it starts from.
        parts: `path`, `query`, `headers`, `cookies` by name.
        body: the body, or None.
        set: changes of the JSON body, in order.
        remove: removals from the JSON body, in order.
        mark: where the request stands.
        url_mark: where its URL stands.

    """

    method: Value | None
    url: Value | None
    like: str | None
    parts: dict[str, Parts]
    body: Body | None
    set: tuple[tuple[PathTemplate, Value], ...]
    remove: tuple[PathTemplate, ...]
    mark: Mark
    url_mark: Mark


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is written behind `expect`, `should` or `give_up_when`, with its `like` already merged in.

    Args:
        status: check of the status code, or None.
        headers: checks by header name.
        content_type: checks of `type` and `charset`.
        cookies: checks by cookie name.
        duration: check of the duration in seconds.
        url: check of the last URL.
        text: check of the body as text.
        body: checks of the bytes by name.
        json: paths with their checks.
        mark: where it stands.

    """

    status: Check | None = None
    headers: tuple[tuple[str, Check], ...] = ()
    content_type: tuple[tuple[str, Check], ...] = ()
    cookies: tuple[tuple[str, Check], ...] = ()
    duration: Check | None = None
    url: Check | None = None
    text: Check | None = None
    body: tuple[tuple[str, Check], ...] = ()
    json: tuple[tuple[PathTemplate, Check], ...] = ()
    mark: Mark = Mark(1, 1)


@dataclass(frozen=True, slots=True)
class SaveSource:
    """Where a saved value comes from.

    Args:
        kind: `json`, `header`, `cookie`, `text`, `url` or `status`.
        path: the path of `json`.
        name: the name of `header` and `cookie`.
        regex: expression applied to each value, or None.
        take: `first`, `last`, `all`, or None for exactly one.
        optional: whether nothing found is fine.
        secret: whether the value is masked.
        mark: where it stands.

    """

    kind: str
    mark: Mark
    path: PathTemplate | None = None
    name: str = ""
    regex: Any = None
    take: str | None = None
    optional: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Save:
    """A name and where its value comes from."""

    name: str
    source: SaveSource
    mark: Mark


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how long a step is tried.

    Args:
        times: tries in all, or None.
        limit: seconds from the first try, or None.
        every: seconds between tries.
        give_up_when: an expectation that ends it, or None.

    """

    times: Value | None
    limit: Value | None
    every: Value
    give_up_when: Expectation | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of `for_each` or `parametrize`.

    Args:
        rows: rows as written: names to values; a row's label stands apart.
        labels: the `case` of each row, or None.
        product: names to a list of values, or to one value that renders to a list; instead of rows.
        mark: where they stand.

    """

    rows: tuple[dict[str, Value], ...]
    labels: tuple[str | None, ...]
    product: tuple[tuple[str, Value | tuple[Value, ...]], ...]
    mark: Mark
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """What is written behind `when`: names to checks, all of which must hold."""

    checks: tuple[tuple[str, Check], ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class FragmentUse:
    """The use of a fragment.

    Args:
        fragment: the fragment's document.
        inputs: names to values.
        once: whether it runs once per process.
        save: names here to outputs there.
        mark: where `use` stands.

    """

    fragment: "Document"
    inputs: tuple[tuple[str, Value], ...]
    once: bool
    save: tuple[tuple[str, str, Mark], ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Usage:
    """A reference with the part of the step it is evaluated in.

    Args:
        reference: the reference, or the name of a condition.
        phase: see `PHASES`.

    """

    name: str
    phase: int
    mark: Mark
    reference: Reference | None = None
    optional: bool = False


# The parts of a step in the order of their evaluation.
WHEN, ROWS, REQUEST, SAVE, CHECK, CLEANUP = range(6)


@dataclass(slots=True)
class Step:
    """One step.

    Args:
        name: as written, or the short form of its request.
        mark: where it begins.
        request: what is sent, for a request step.
        use: the fragment, for a step that uses one.

    """

    name: str
    mark: Mark
    request: RequestSpec | None = None
    use: FragmentUse | None = None
    when: Condition | None = None
    for_each: Rows | None = None
    save: tuple[Save, ...] = ()
    cleanup: "Step | None" = None
    retry: Retry | None = None
    expect: Expectation | None = None
    should: Expectation | None = None
    report: tuple[tuple[str, SaveSource], ...] = ()
    settings: Settings = Settings()
    usages: tuple[Usage, ...] = ()


@dataclass(slots=True)
class VariableSpec:
    """A declared variable or input.

    Args:
        name: its name.
        mark: where it is declared.
        default: its value when nothing else gives one, or None when there is no default.
        env: environment variable, or the empty text.
        file: file whose content is the value, or None.
        type: what text from outside is read as, or None.
        secret: whether it is masked.
        required: whether it must be set.
        has_default: whether `default` was written.
        usages: references in its value.

    """

    name: str
    mark: Mark
    default: Value | None = None
    env: str = ""
    file: FilePath | None = None
    type: str | None = None
    secret: bool = False
    required: bool = True
    usages: tuple[Usage, ...] = ()

    @property
    def can_be_unset(self) -> bool:
        """Whether a run may start without a value for it."""
        return self.default is None and self.file is None


@dataclass(slots=True)
class EndpointSpec:
    """A declared endpoint.

    Args:
        name: its name.
        mark: where it is declared.
        url: base URL, or None.
        app: `module:name` of an application, or the empty text.
        loaded: the application itself, imported at collection.
        env: environment variable, or the empty text.
        default: base URL when the environment variable is unset.
        required: whether it must be given, for endpoints without an address.
        headers: headers sent with every request.
        settings: settings of its requests.
        usages: references in its address and settings.

    """

    name: str
    mark: Mark
    url: Value | None = None
    app: str = ""
    loaded: Any = None
    env: str = ""
    default: Value | None = None
    required: bool = True
    headers: Parts = ()
    settings: Settings = Settings()
    usages: tuple[Usage, ...] = ()


@dataclass(slots=True)
class Named:
    """A credential, request or expectation declared by name, with the references in it."""

    name: str
    mark: Mark
    value: Any
    usages: tuple[Usage, ...] = ()


@dataclass(slots=True)
class RuleInfo:
    """What a rule of a contract says about itself.

    Args:
        id: unique in the contract.
        wording: the duty in words.
        source: where it is written.
        level: a value that renders to `must`, `should`, `may` or `ignore`; None means must.
        needs: names that must be set.

    """

    id: str
    wording: str
    source: str
    level: Value | None
    needs: tuple[tuple[str, Mark], ...]


@dataclass(slots=True)
class Case:
    """One case of a scenario, one rule of a contract, or the steps of a document without cases.

    Args:
        title: its title, empty for the steps of a document.
        mark: where it begins.
        steps: its steps, not empty.

    """

    title: str
    mark: Mark
    steps: tuple[Step, ...]
    description: str = ""
    when: Condition | None = None
    skip: str | None = None
    xfail: str | None = None
    marks: tuple[tuple[str, Mark], ...] = ()
    serial: str | None = None
    parametrize: Rows | None = None
    for_each: Rows | None = None
    variables: dict[str, VariableSpec] = field(default_factory=dict)
    rule: RuleInfo | None = None
    # References of its condition and rows, which are evaluated before its steps.
    usages: tuple[Usage, ...] = ()


@dataclass(slots=True)
class Document:
    """A document that was read without an error.

    Args:
        kind: `scenario`, `contract` or `fragment`.
        title: its title.
        source: the file.
        root: folder that files named in it must stay below.
        dialect: JSONPath dialect.

    """

    kind: str
    title: str
    source: Source
    root: FilePath
    dialect: str = "rfc9535"
    description: str = ""
    version: str = ""
    mark: Mark = Mark(1, 1)
    endpoints: dict[str, EndpointSpec] = field(default_factory=dict)
    variables: dict[str, VariableSpec] = field(default_factory=dict)
    fixtures: tuple[tuple[str, Mark], ...] = ()
    credentials: dict[str, Named] = field(default_factory=dict)
    requests: dict[str, Named] = field(default_factory=dict)
    expectations: dict[str, Named] = field(default_factory=dict)
    setup: tuple[Step, ...] = ()
    teardown: tuple[Step, ...] = ()
    before_each: tuple[Step, ...] = ()
    after_each: tuple[Step, ...] = ()
    cases: tuple[Case, ...] = ()
    # A document of `steps` is one case whose setup and teardown belong to its run.
    single: bool = False
    when: Condition | None = None
    marks: tuple[tuple[str, Mark], ...] = ()
    serial: str | None = None
    skip: str | None = None
    needs: tuple[tuple[str, Mark], ...] = ()
    inputs: dict[str, VariableSpec] = field(default_factory=dict)
    outputs: tuple[tuple[str, Value], ...] = ()
    usages: tuple[Usage, ...] = ()

    def all_steps(self) -> Iterator[Step]:
        """Every step of the document, set-up and clean-up included."""
        for steps in (self.setup, self.before_each, *(case.steps for case in self.cases)):
            yield from steps
        yield from self.after_each
        yield from self.teardown
