"""Documents, their cases and what they declare by name (language, sections 2, 3 and 11)."""

from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from pytest_apitest.data import record
from pytest_apitest.language.model.requests import NO_SETTINGS, START, Mark, Parts, Settings
from pytest_apitest.language.model.steps import Condition, Rows, Step, Usage
from pytest_apitest.references import Value
from pytest_apitest.source import Source


@record
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
    file: Path | None = None
    type: str | None = None
    secret: bool = False
    required: bool = True
    usages: tuple[Usage, ...] = ()


@record
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
    settings: Settings = NO_SETTINGS
    usages: tuple[Usage, ...] = ()


@record
class Named:
    """A credential, request or expectation declared by name, with the references in it."""

    name: str
    mark: Mark
    value: Any
    usages: tuple[Usage, ...] = ()


@record
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


@record
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


@record
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
    root: Path
    dialect: str = "rfc9535"
    description: str = ""
    version: str = ""
    mark: Mark = START
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
    # How deep the fragments that it uses use others.
    levels: int = 0

    def all_steps(self) -> Iterator[Step]:
        """Every step of the document, set-up and clean-up included."""
        for steps in (self.setup, self.before_each, *(case.steps for case in self.cases)):
            yield from steps
        yield from self.after_each
        yield from self.teardown
