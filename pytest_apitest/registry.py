"""A table of named things that extensions may add to: refuses duplicates, suggests near names."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from pytest_apitest.errors import did_you_mean

Entry = TypeVar("Entry")


class Table(Generic[Entry]):
    """Named entries of one kind, in the order they were added.

    Args:
        kind: what an entry is called in messages, for example `operator`.

    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, entry: Entry) -> None:
        """Add an entry.

        Raises:
            ValueError: the name is taken.

        """
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} exists already; choose another name")
        self._entries[name] = entry

    def get(self, name: str) -> Entry | None:
        """Return the entry of a name, or None."""
        return self._entries.get(name)

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def unknown(self, name: str) -> str:
        """Return the message for a name that is not in the table."""
        hint = did_you_mean(name, self._entries) or f"; known: {', '.join(self._entries)}"
        return f'unknown {self.kind} "{name}"{hint}'

    def copy(self) -> "Table[Entry]":
        """Return a table of its own with the same entries."""
        other: Table[Entry] = Table(self.kind)
        other._entries.update(self._entries)
        return other
