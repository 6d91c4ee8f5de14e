"""What the rules after the walk share: the description, what was gathered, and where references lead."""

import functools
from typing import Any

from pytest_apitest.openapi.description import DeadReferenceError, Description
from pytest_apitest.openapi.inspector.walk import Walk
from pytest_apitest.openapi.reading import Pointer

_MAX_HOPS = 100


class Context:
    """A description and what a walk gathered from it.

    Args:
        description: what was read.
        walk: the walk.

    """

    def __init__(self, description: Description, walk: Walk) -> None:
        self.description = description
        self.walk = walk
        self.version = walk.version
        self.objects = walk.objects
        self.add = walk.add
        self.missing = walk.missing
        self.root: dict[str, Any] = description.value
        self.used: set[Pointer] = set()
        self._targets: dict[str, tuple[Pointer, Any] | None] = {}

    def target(self, ref: str) -> tuple[Pointer, Any] | None:
        """Return where a reference leads and what is there, or None."""
        if ref not in self._targets:
            try:
                self._targets[ref] = self.description.resolve(ref)
            except DeadReferenceError:
                self._targets[ref] = None
        return self._targets[ref]

    def followed(self, value: Any, pointer: Pointer) -> tuple[Pointer, Any] | None:
        """Return an object, or what the reference in its place leads to in the end; None where that is nothing."""
        for _ in range(_MAX_HOPS):
            if not isinstance(value, dict):
                return None
            ref = value.get("$ref")
            if not isinstance(ref, str):
                return pointer, value
            found = self.target(ref)
            if found is None:
                return None
            pointer, value = found
        return None

    @functools.cached_property
    def components(self) -> dict[str, dict[str, Any]]:
        """The components by section and name, as far as they are maps."""
        found = self.root.get("components")
        sections = found if isinstance(found, dict) else {}
        return {name: section for name, section in sections.items() if isinstance(section, dict)}
