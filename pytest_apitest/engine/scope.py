"""Names and their values while a case runs (language, section 3).

Rules kept here:
- every value knows where it came from, for the failure screen, and whether it is secret;
- a value made from a secret is secret; secrets are texts whose `repr` shows nothing;
- a saved URL remembers the URL of the response it came from;
- a name without a value says what becomes of the step that needs it.
"""

import random
from typing import Any

from pytest_apitest.data import data
from pytest_apitest.functions import Callee
from pytest_apitest.redaction import SHORTEST, Redactor, SecretText
from pytest_apitest.references import RenderError, UnsetError, Value, template_parts


@data
class Entry:
    """The value of a name.

    Args:
        value: the value.
        kind: `endpoint`, `variable`, `row`, `save`, `fixture`, `input`, or `base` for an input that is the
            base URL of an endpoint.
        origin: where it came from, in words: `line 12`, `env API_BASE`.
        secret: whether it is masked.
        base_url: URL of the response it came from; empty when it came from none.

    """

    value: Any
    kind: str
    origin: str
    secret: bool = False
    base_url: str = ""


@data
class Unset:
    """A name without a value.

    Args:
        message: why, for people.
        outcome: what becomes of a step that needs it: `failed`, `error`, `skipped` or `not_run`.
        kind: as of `Entry`.

    """

    message: str
    outcome: str
    kind: str = "save"


class RunScope:
    """The names of one run of a case.

    Args:
        entries: names to values.
        redactor: hears of every secret.
        generator: source of random values.

    """

    __slots__ = ("entries", "generator", "redactor", "touched")

    def __init__(
        self, entries: dict[str, Entry | Unset], redactor: Redactor, generator: random.Random
    ) -> None:
        self.entries = entries
        self.redactor = redactor
        self.generator = generator
        # Names that were looked up since the last time this was emptied, for the failure screen.
        self.touched: dict[str, Entry] = {}

    def copy(self) -> "RunScope":
        """Return a scope with the same values, whose changes do not come back."""
        return RunScope(dict(self.entries), self.redactor, self.generator)

    def lookup(self, name: str) -> Any:
        """Return the value of a name; raises `UnsetError`."""
        entry = self.entries.get(name)
        if isinstance(entry, Entry):
            self.touched[name] = entry
            return entry.value
        if entry is None:
            raise UnsetError(f"{name} has no value yet", name, "error")
        raise UnsetError(entry.message, name, entry.outcome)

    def entry(self, name: str) -> Entry | None:
        """Return the entry of a name, or None when it has no value."""
        entry = self.entries.get(name)
        return entry if isinstance(entry, Entry) else None

    def call(self, function: Callee, arguments: tuple[Any, ...]) -> Any:
        """Return the value of a function; raises `FilterError`."""
        if function.takes_random:
            return function.call(self.generator, *arguments)
        return function.call(*arguments)

    def derived(self, name: str, value: Any) -> None:
        """Hear of a value made from a name by filters: what is made of a secret is secret."""
        entry = self.entries.get(name)
        if isinstance(entry, Entry) and entry.secret:
            # Under a name of its own: a variable of the shell holds the secret itself, not this.
            keep_secret(self.redactor, value, f"{name} filtered")

    def is_secret(self, value: Value) -> bool:
        """Tell whether a value is made from a secret."""
        for reference in value.references():
            entry = self.entries.get(reference.name)
            if isinstance(entry, Entry) and entry.secret:
                return True
        return False

    def set(self, name: str, entry: Entry | Unset) -> None:
        """Give a name a value; a secret one is remembered by the redactor."""
        if isinstance(entry, Entry) and entry.secret:
            value = keep_secret(self.redactor, entry.value, name)
            entry = Entry(value, entry.kind, entry.origin, secret=True, base_url=entry.base_url)
        self.entries[name] = entry

    def came_from(self, value: Value) -> str:
        """Return the URL of the response that the beginning of a value came from, or an empty text."""
        first = (template_parts(value) or ("",))[0]
        entry = None if isinstance(first, str) else self.entry(first.name)
        return "" if entry is None else entry.base_url


def keep_secret(redactor: Redactor, value: Any, name: str) -> Any:
    """Remember a secret and return it as a text whose `repr` shows nothing.

    Raises:
        RenderError: a text of one to three characters cannot be masked.

    """
    if isinstance(value, str):
        if 0 < len(value) < SHORTEST:
            raise RenderError(
                f"{name} is secret and has {len(value)} characters: it cannot be masked, {SHORTEST} are needed"
            )
        redactor.add(value, name)
        return SecretText(value)
    redactor.add(value, name)
    if isinstance(value, dict):
        return {key: SecretText(item) if isinstance(item, str) else item for key, item in value.items()}
    if isinstance(value, list):
        return [SecretText(item) if isinstance(item, str) else item for item in value]
    return value
