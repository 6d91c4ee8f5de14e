"""The files that the references of a description lead to, read as far as they are allowed.

Rules kept here, each with its source:
- nothing is read that was not allowed: files below the folder of the description, links resolved; for a description
  from a URL what is of its origin; and origins that are named;
- what is refused is neither read nor looked for: nobody learns whether it exists;
- a relative reference is resolved against the file that it stands in (RFC 3986, section 5; OpenAPI 3.1, section
  4.6), and is rewritten: from then on the name of a file is the same in all of them;
- what an example, a default or an enum holds is no reference; below a schema with an `$id` references are those of
  JSON Schema (Core 2020-12, section 8.2.1) and stay as they are;
- a file is read once, at most 100 of them with 64 MiB together and within one deadline; what is left out is a dead
  reference with the reason.
"""

import posixpath
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_apitest.data import data, record
from pytest_apitest.json_schema.words import pointer as json_pointer
from pytest_apitest.openapi.description import NOT_READ, OTHER_ORIGIN, Description, bytes_of, read_description
from pytest_apitest.openapi.reading import DescriptionError, Pointer, shown_url
from pytest_apitest.patterns import deferred

if TYPE_CHECKING:
    from pytest_apitest.openapi.fetching import Fetcher

MAX_FILES = 100
MAX_TOTAL = 64 * 1024 * 1024

_OUT_OF_FOLDER = "leads out of the folder of the description, and is not read"

_SCHEME = deferred(r"[A-Za-z][A-Za-z0-9+.-]*:")
_DATA = frozenset({"example", "default", "const", "enum", "value", "dataValue", "serializedValue"})
# Below these stand names that authors choose.
_NAMES = frozenset(
    {
        *(
            "properties",
            "patternProperties",
            "$defs",
            "definitions",
            "dependentSchemas",
            "schemas",
            "responses",
        ),
        *("parameters", "requestBodies", "headers", "securitySchemes", "links", "callbacks", "pathItems"),
        *("mediaTypes", "paths", "webhooks", "content", "encoding", "variables", "scopes"),
    }
)
_ENDINGS = (".json", ".yaml", ".yml")


@data
class Allowed:
    """What references may lead to.

    Args:
        refs: whether files below the folder of the description, or of its origin, are read.
        origins: further origins that are, such as `https://schemas.example:443`.

    """

    refs: bool = False
    origins: tuple[str, ...] = ()


@data
class _Reference:
    """A reference in a file.

    Args:
        holder: the object or mapping that holds it.
        member: the name under which.
        target: the name of the file it leads to, in all files.
        fragment: what stands behind its `#`; None when there is none.

    """

    holder: dict[str, Any]
    member: str
    target: str
    fragment: str | None


@record
class _File:
    """A file that was read.

    Args:
        description: what is in it.
        public: whether it came from a public address.
        references: its references, those that are refused left out.
        anchors: places of schemas by the names of their anchors.

    """

    description: Description
    public: bool
    references: list[_Reference]
    anchors: dict[str, Pointer]


class _RefusedError(Exception):
    """A reference leads to what must not be read; the message says so."""


def link(
    description: Description,
    own: "Path | str | None",
    allowed: Allowed,
    fetcher: "Fetcher",
    *,
    public: bool = False,
) -> None:
    """Read the files that a description refers to, and make it one with them.

    Args:
        description: the description.
        own: its file, or its URL; None when it has neither.
        allowed: what may be read.
        fetcher: reads URLs; its deadline holds for files too.
        public: whether the description came from a public address.

    """
    if isinstance(description.value, dict):
        _Linking(description, own, allowed, fetcher).link(public=public)


class _Linking:
    """Reads the files of one description."""

    def __init__(
        self, description: Description, own: "Path | str | None", allowed: Allowed, fetcher: "Fetcher"
    ) -> None:
        self.root = description
        self.allowed = allowed
        self.fetcher = fetcher
        self.folder = own.parent if isinstance(own, Path) else None
        self.name = own.name if isinstance(own, Path) else own or ""
        self.files: dict[str, _File] = {}
        self.unread: dict[str, str] = {}
        self.ids: set[str] = set()
        self.size = len(description.text)

    def link(self, *, public: bool) -> None:
        """Read everything, then give every reference its name."""
        self.files[self.name] = root = self._scanned(self.name, self.root, public=public)
        waiting = [(reference.target, root.public) for reference in root.references]
        done = 0
        while done < len(waiting):
            target, from_public = waiting[done]
            done += 1
            if target in self.files or target in self.unread or target in self.ids:
                continue
            try:
                file = self._read(target, public=from_public)
            except (_RefusedError, DescriptionError) as error:
                self.unread[target] = str(error)
                continue
            self.files[target] = file
            waiting += [(reference.target, file.public) for reference in file.references]
        for file in self.files.values():
            for reference in file.references:
                if reference.target in self.ids and reference.target not in self.files:
                    continue  # the name of a schema that stands in one of the files
                reference.holder[reference.member] = self._rewritten(reference)
        linked = {name: file.description for name, file in self.files.items() if name != self.name}
        self.root.link(linked, self.unread)

    # -- reading ----------------------------------------------------------------------------------------

    def _read(self, name: str, *, public: bool) -> _File:
        from pytest_apitest.openapi.fetching import FetchError, is_url  # noqa: PLC0415 - loads the transport

        if len(self.files) >= MAX_FILES:
            raise _RefusedError(f"is not read: a description has at most {MAX_FILES} files")
        if self.size > MAX_TOTAL:
            raise _RefusedError("is not read: the files together are larger than 64 MiB")
        if self.fetcher.late:
            raise _RefusedError("is not read: the time for all files together is over")
        if is_url(name):
            shown = shown_url(name)
            try:
                found = self.fetcher.read(name, public=public, origins=self._origins())
            except FetchError as error:
                raise _RefusedError(f"cannot be read: {error}") from None
            content, public = found.content, found.public
        else:
            assert self.folder is not None
            shown = posixpath.normpath(posixpath.join(posixpath.dirname(self.root.shown), name))
            content = _content(self.folder, name)
        self.size += len(content)
        if self.size > MAX_TOTAL:
            raise _RefusedError("is not read: the files together are larger than 64 MiB")
        try:
            description = read_description(content, shown)
        except DescriptionError as error:
            where = f"line {error.line}: " if error.line > 1 else ""
            raise _RefusedError(f"cannot be read: {where}{error.message}") from None
        if not isinstance(description.value, dict | list):
            # Any text is a YAML scalar, and a message about it would show it.
            raise _RefusedError("cannot be read: neither an object nor a list")
        return self._scanned(name, description, public=public)

    def _origins(self) -> set[str]:
        from pytest_apitest.openapi.fetching import is_url, origin_of  # noqa: PLC0415

        own = {origin_of(self.name)} if self.allowed.refs and is_url(self.name) else set()
        return own | set(self.allowed.origins)

    # -- names ------------------------------------------------------------------------------------------

    def _named(self, written: str, base: str) -> str:
        """Return the name of the file that a reference leads to; raises `_RefusedError`.

        Args:
            written: the reference without its fragment.
            base: name of the file it stands in.

        """
        from pytest_apitest.openapi.fetching import FetchError, is_url, origin_of, sendable  # noqa: PLC0415

        if is_url(written) or is_url(base):
            try:
                url = sendable(urllib.parse.urljoin(base, written) if is_url(base) else written)
                origin = origin_of(url)
            except (FetchError, ValueError):
                raise _RefusedError(
                    "leads to no http or https URL, or holds a user, and is not read"
                ) from None
            if url != self.name and origin not in self._origins():
                raise _RefusedError(OTHER_ORIGIN if self.allowed.refs or self.allowed.origins else NOT_READ)
            return url
        if not self.allowed.refs:
            raise _RefusedError(NOT_READ)
        if self.folder is None:
            raise _RefusedError("leads to a file beside this description, which has no folder")
        path = urllib.parse.unquote(written.partition("?")[0])
        odd = "\\" in path or ":" in path or not path.isprintable() or path.startswith("/")
        if odd or _SCHEME.match(written):
            raise _RefusedError(_OUT_OF_FOLDER)
        name = posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
        if name == ".." or name.startswith("../"):
            raise _RefusedError(_OUT_OF_FOLDER)
        return name

    def _rewritten(self, reference: _Reference) -> str:
        """Return a reference by the name of its file."""
        name = "" if reference.target == self.name else reference.target
        fragment = reference.fragment
        if fragment is None:
            return name or "#"
        file = self.files.get(reference.target)
        if name and file is not None and fragment and not fragment.startswith("/"):
            place = file.anchors.get(urllib.parse.unquote(fragment))
            if place is not None:
                fragment = urllib.parse.quote(json_pointer(place), safe="/~")
        return f"{name}#{fragment}"

    # -- looking for references -------------------------------------------------------------------------

    def _scanned(self, name: str, description: Description, *, public: bool) -> _File:
        """Return a file with its references."""
        file = _File(description, public, [], {})
        is_root = name == self.name
        for holder, member in self._found_in(description.value, file.anchors):
            written, mark, fragment = holder[member].partition("#")
            if not written and is_root:
                continue
            try:
                target = self._named(written, name) if written else name
            except _RefusedError as error:
                self.unread.setdefault(written, str(error))
                continue
            file.references.append(_Reference(holder, member, target, fragment if mark else None))
        return file

    def _found_in(self, value: Any, anchors: dict[str, Pointer]) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield the holders and names of references, and fill the anchors.

        Args:
            value: the value of a file.
            anchors: gets places of schemas.

        """
        newer = self.root.version != "3.0"
        waiting: list[tuple[Any, Pointer, str]] = [(value, (), "top")]
        seen: set[int] = set()
        while waiting:
            one, at, what = waiting.pop()
            if not isinstance(one, dict | list) or id(one) in seen:
                continue
            seen.add(id(one))
            if isinstance(one, dict) and what != "names":
                if newer and what != "example" and isinstance(one.get("$id"), str):
                    self.ids.add(one["$id"].rstrip("#"))
                    continue
                yield from _members(one)
                for keyword in ("$anchor", "$dynamicAnchor") if newer and what != "example" else ():
                    if isinstance(name := one.get(keyword), str):
                        anchors.setdefault(name, at)
            waiting += reversed(list(_below(one, at, what)))


def _below(one: dict[str, Any] | list[Any], at: Pointer, what: str) -> Iterator[tuple[Any, Pointer, str]]:
    """Yield what stands in an object or list and may hold references: it, its place, and what it is."""
    if what == "example":
        return
    if isinstance(one, list):
        yield from ((item, (*at, index), "object") for index, item in enumerate(one))
        return
    for name, below in one.items():
        if what == "names":
            yield below, (*at, name), "object"
        elif name == "examples":
            named = below.items() if isinstance(below, dict) else ()
            yield from ((item, (*at, name, key), "example") for key, item in named)
        elif what == "top" or not (name in _DATA or name.startswith("x-")):
            yield below, (*at, name), "names" if name in _NAMES else "object"


def _content(folder: Path, name: str) -> bytes:
    """Return the bytes of a file below a folder; raises `_RefusedError` and `DescriptionError`."""
    root = folder.resolve()
    try:
        file = (root / name).resolve()
    except (OSError, ValueError, RuntimeError):  # links in a ring, a name that is none
        raise _RefusedError("cannot be read: no such file or directory") from None
    if not file.is_relative_to(root):
        raise _RefusedError(_OUT_OF_FOLDER)
    return bytes_of(file)


def _members(one: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield what refers to something in an object itself."""
    for name in ("$ref", "operationRef"):
        if isinstance(one.get(name), str):
            yield one, name
    mapping = one.get("mapping")
    if isinstance(mapping, dict) and "propertyName" in one:
        for name, target in mapping.items():
            if isinstance(target, str) and ("/" in target or "#" in target or target.endswith(_ENDINGS)):
                yield mapping, name
