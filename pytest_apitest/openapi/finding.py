"""Finding the operations of a description: by method and path, by operationId (OpenAPI 3.1, sections 4.8.8 to 4.8.10).

Rules kept here:
- of an operationId that is written twice the first counts;
- methods are those of the version: `query` and `additionalOperations` belong to 3.2;
- operations are made when they are first needed, and kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from pytest_apitest.openapi.description import Description, Pointer
from pytest_apitest.openapi.operations import Library, Operation, UnusableError
from pytest_apitest.openapi.paths import PathFound, Paths, base_path

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Operations:
    """The operations of a description.

    Args:
        description: the description, whose `paths` are an object or missing.
        library: where parts of the description are looked up.

    """

    def __init__(self, description: Description, library: Library) -> None:
        self.items: dict[str, Any] = description.value.get("paths", {})
        self._library = library
        self._newer = description.version == "3.2"
        self._made: dict[tuple[str, str], Operation | None] = {}
        common = _bases(description.value)
        self._paths = Paths({template: _bases_of(item, common) for template, item in self.items.items()})

    def path(self, path: str, base: str) -> PathFound | None:
        """Return the path item that the path of a URL belongs to, or None.

        Args:
            path: the path of the URL, percent-encoded.
            base: path of the endpoint's base URL, without a final slash.

        """
        return self._paths.find(path or "/", base)

    def at(self, method: str, path: str, base: str = "") -> Operation | None:
        """Return the operation that a request belongs to, or None; raises `UnusableError`.

        Args:
            method: the method, in capitals.
            path: the path of its URL, percent-encoded.
            base: path of the endpoint's base URL, without a final slash.

        """
        found = self.path(path, base)
        return None if found is None else self.of(found.template, method)

    def of(self, template: str, method: str) -> Operation | None:
        """Return the operation of a path as written and a method in capitals, or None; raises `UnusableError`."""
        key = (template, method)
        if key not in self._made:
            item, pointer = self._library.followed(self.items[template], ("paths", template))
            self._made[key] = self._make(item, pointer, template, method)
        return self._made[key]

    def only(self, method: str, path: Sequence[str | None]) -> Operation | None:
        """Return the operation that all requests of one form belong to; None when it is not one.

        Args:
            method: the method, in capitals.
            path: the path below the base path, in pieces, see `Paths.only`.

        Raises:
            UnusableError: its part of the description is wrong.

        """
        template = self._paths.only(path)
        return None if template is None else self.of(template, method)

    def named(self, operation_id: str) -> Operation | None:
        """Return the operation with an operationId, or None; raises `UnusableError`."""
        found = self.ids.get(operation_id)
        return None if found is None else self.of(*found)

    @cached_property
    def ids(self) -> dict[str, tuple[str, str]]:
        """Every operationId with path and method; those of a path item that cannot be used are left out."""
        found: dict[str, tuple[str, str]] = {}
        for template, written in self.items.items():
            try:
                item, _ = self._library.followed(written, ("paths", template))
            except UnusableError:
                continue
            for method in _methods(item):
                _, value = self._written(item, method)
                name = value.get("operationId") if isinstance(value, dict) else None
                if isinstance(name, str):
                    found.setdefault(name, (template, method))
        return found

    def every(self) -> Iterator[Operation]:
        """Yield every operation that can be used, in the order of the description."""
        for template, written in self.items.items():
            if not template.startswith("/"):
                continue
            try:
                item, _ = self._library.followed(written, ("paths", template))
            except UnusableError:
                continue
            for method in _methods(item):
                with suppress(UnusableError):
                    operation = self.of(template, method)
                    if operation is not None:
                        yield operation

    def _written(self, item: dict[str, Any], method: str) -> tuple[Pointer, Any]:
        """Return where an operation stands in its path item, and what is there."""
        word = method.lower() if method.isupper() else ""
        others = item.get("additionalOperations") if self._newer else None
        if word in METHODS or (self._newer and word == "query"):
            return (word,), item.get(word)
        if isinstance(others, dict) and method in others:
            return ("additionalOperations", method), others[method]
        return (), None

    def _make(self, item: dict[str, Any], pointer: Pointer, template: str, method: str) -> Operation | None:
        where, value = self._written(item, method)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise UnusableError("an operation is an object", (*pointer, *where))
        return Operation(self._library, (*pointer, *where), value, (item, pointer), template, method)


def _methods(item: dict[str, Any]) -> list[str]:
    """Return the methods that a path item may have operations for, as it writes them."""
    others = item.get("additionalOperations")
    own = [name.upper() for name in item if name in METHODS or name == "query"]
    return [*own, *(others if isinstance(others, dict) else ())]


def _bases_of(item: Any, common: list[str]) -> list[str]:
    """Return the base paths of a path item: its own, those of its operations, else those of the description."""
    if not isinstance(item, dict):
        return common
    own = [base for name in METHODS if isinstance(item.get(name), dict) for base in _bases(item[name], [])]
    return own + (_bases(item, []) or common)


def _bases(holder: dict[str, Any], default: Iterable[str] = ("",)) -> list[str]:
    """Return the base paths of the servers of an object; where it has none, those of the default."""
    servers = holder.get("servers")
    found = [
        base_path(server["url"], server.get("variables"))
        for server in (servers if isinstance(servers, list) else ())
        if isinstance(server, dict) and isinstance(server.get("url"), str)
    ]
    return found or list(default)
