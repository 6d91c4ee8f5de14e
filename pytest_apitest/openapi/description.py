"""Reading an OpenAPI description: plain values, and the place of each in its YAML or JSON text.

Rules kept here, each with its source:
- JSON and YAML say the same (OpenAPI 3.1, section 4.2 "Format"): keys are texts, so `200:` is "200"; plain scalars
  have the YAML 1.2 core types (YAML 1.2.2, section 10.3.2), so `on` and `2024-01-01` are texts; numbers are exact;
  what JSON cannot say, `.inf` and `.nan`, stays a text;
- anchors and aliases are followed, and merge keys as most readers follow them; they may not blow up the document;
- of a key written twice the last counts, and the description tells of it;
- no other file is read here: a reference that leads out of the document is refused, unless `linked` made it one with
  the file that it leads to;
- a description that cannot be read is one line without any text of it: it may be anybody's file.

Places are looked up when they are asked for, since most never are: in the nodes of the YAML reader, and for JSON in
the output of a scanner that runs at the first question.
"""

import json
import stat
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from pytest_apitest.data import data
from pytest_apitest.errors import did_you_mean
from pytest_apitest.jsonvalue import show
from pytest_apitest.openapi.json_text import JsonPlaces, from_json, json_mistake
from pytest_apitest.openapi.reading import MAX_SIZE, DescriptionError, Pointer, collection_paused
from pytest_apitest.patterns import deferred

if TYPE_CHECKING:
    from pytest_apitest.openapi.yaml_text import YamlPlaces

NOT_READ = "leads out of this document, and nothing else is read"
# How scenarios allow what a reference leads to, for `DeadReferenceError.cure`.
ALLOWING = ('"refs: true" in "openapi" reads it', '"refs: [\'{}\']" in "openapi" reads it')
OTHER_ORIGIN = "is of an origin that is not allowed, and is not read"

_SHOWN = 60
_ORIGIN = deferred(r"(?i:https?)://[A-Za-z0-9.-]+(?::[0-9]+)?(?=/|$)")
_VERSION = deferred(r"(3\.[012])\.[0-9]+(?:-\S*)?")

__all__ = [
    "DeadReferenceError",
    "Description",
    "DescriptionError",
    "Duplicate",
    "Elsewhere",
    "Pointer",
    "bytes_of",
    "read_description",
]


class DeadReferenceError(Exception):
    """A reference leads to nothing in this document; the message says why.

    Args:
        message: one sentence without a final stop.
        external: whether it leads out of the document.
        allowed_by: what would allow to read it: `refs`, an origin such as `https://a.example`, or nothing.

    """

    def __init__(self, message: str, *, external: bool = False, allowed_by: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.external = external
        self.allowed_by = allowed_by

    def cure(self, refs: str, origin: str) -> str:
        """Return `; …` with what allows to read it; an empty text where nothing does.

        Args:
            refs: how references to files below the folder are allowed.
            origin: how an origin is, which stands for its `{}`.

        """
        if not self.allowed_by:
            return ""
        return f"; {refs if self.allowed_by == 'refs' else origin.format(self.allowed_by)}"


@data
class Duplicate:
    """A key that is written again in its mapping.

    Args:
        pointer: the member.
        line: line of the later key, from 1.
        column: its column in characters, from 1.

    """

    pointer: Pointer
    line: int
    column: int


class Elsewhere(str):
    """The first part of a pointer into another file: the name of that file.

    Args:
        name: the name of the file in references.

    """

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Return the part; no member of an object is named like it."""
        return super().__new__(cls, f"{name}#")

    @property
    def name(self) -> str:
        """The name of the file in references."""
        return self[:-1]


class _Root(dict[str, Any]):
    """The value of a description, with those of other files under names that nobody sees."""

    def __init__(self, value: dict[str, Any], files: "Mapping[str, Description]") -> None:
        super().__init__(value)
        self._files = files

    def __missing__(self, key: str) -> Any:
        if isinstance(key, Elsewhere):
            return self._files[key.name].value
        raise KeyError(key)


class Description:
    """A description that was read: its value, and the place of everything in it.

    Args:
        shown: its name in messages.
        text: its text, lines ended by line feeds.
        value: None, bool, int, exact number, str, list or dict; aliases share their values.
        places: where things stand.

    """

    def __init__(self, shown: str, text: str, value: Any, places: "YamlPlaces | JsonPlaces") -> None:
        self.shown = shown
        self.text = text
        self.value = value
        self.version = _version(value)
        self.files: Mapping[str, Description] = {}
        self.unread: Mapping[str, str] = {}
        self._places = places
        self._line_starts: list[int] | None = None
        self._resolved: dict[str, tuple[Pointer, Any]] = {}
        self.duplicates: tuple[Duplicate, ...] = tuple(
            Duplicate(pointer, *self._line_and_column(offset)) for pointer, offset in places.duplicates()
        )

    def version_mistake(self) -> tuple[str, Pointer, bool] | None:
        """Return what is wrong with the version that is written, where, and whether the key is meant; None if nothing.

        Where `version` is 3.0, 3.1 or 3.2 all the same, it is clear which is meant.
        """
        value = self.value
        if not isinstance(value, dict):
            return "this is no OpenAPI description: an object with the field openapi is due", (), False
        if "openapi" not in value:
            return _without_version(value)
        written, at = value["openapi"], ("openapi",)
        if not isinstance(written, str):
            return f'the version is a text such as "3.1.0", got {show(written, _SHOWN)}', at, False
        if not self.version:
            shown = show(written, _SHOWN)
            return f"the version {shown} is not known here; known: 3.0.x, 3.1.x and 3.2.x", at, False
        if written == self.version:
            return f'the version has three numbers, such as "{written}.0"', at, False
        return None

    def link(self, files: "Mapping[str, Description]", unread: Mapping[str, str]) -> None:
        """Make this description one with other files.

        Args:
            files: them by their names in references, which are the same in all files.
            unread: why the others were not read, by their names.

        """
        self.files = files
        self.unread = unread
        if files:
            self.value = _Root(self.value, files)
            self._resolved.clear()
            self.duplicates += tuple(
                Duplicate((Elsewhere(name), *one.pointer), one.line, one.column)
                for name, file in files.items()
                for one in file.duplicates
            )

    def holder(self, pointer: Pointer) -> "tuple[Description, Pointer]":
        """Return the file that a pointer leads into, and the pointer there.

        Args:
            pointer: names and indexes from the root; the first may be an `Elsewhere`.

        """
        if pointer and isinstance(pointer[0], Elsewhere):
            return self.files[pointer[0].name], pointer[1:]
        return self, pointer

    def is_read(self, ref: str) -> bool:
        """Tell whether a reference leads to another file that was read.

        Args:
            ref: its text.

        """
        return bool(self.files) and ref.partition("#")[0] in self.files

    def why_unread(self, ref: str) -> str:
        """Return why the file that a reference leads to was not read; an empty text when nothing is known of it.

        Args:
            ref: its text.

        """
        return self.unread.get(ref.partition("#")[0], "")

    def place(self, pointer: Pointer, key: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of a value; of what is missing, those of what it is missing from.

        They are those of the file that holds it.

        Args:
            pointer: names and indexes from the root.
            key: whether the place of the member's name is wanted instead; of an item it is the item's own.

        """
        if pointer and isinstance(pointer[0], Elsewhere):
            return self.files[pointer[0].name].place(pointer[1:], key)
        return self._line_and_column(self._places.offset(pointer, key))

    def _line_and_column(self, offset: int) -> tuple[int, int]:
        if self._line_starts is None:
            ends = accumulate(len(line) + 1 for line in self.text.split("\n"))
            self._line_starts = [0, *ends]
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def resolve(self, ref: str) -> tuple[Pointer, Any]:
        """Return where a reference leads, and the value there (RFC 6901, section 6).

        Args:
            ref: `#`, or `#/…` with percent and tilde escapes, behind the name of a file where it leads to another.

        Raises:
            DeadReferenceError: it leads to nothing, or out of the document.

        """
        if ref not in self._resolved:
            self._resolved[ref] = self._looked_up(ref)
        return self._resolved[ref]

    def _looked_up(self, ref: str) -> tuple[Pointer, Any]:
        if not ref.startswith("#"):
            name, _, fragment = ref.partition("#")
            if name in self.files:
                below, found = self.files[name].resolve(f"#{fragment}")
                return (Elsewhere(name), *below), found
            why = self.unread.get(name, NOT_READ)
            by = _allowed_by(name) if why in (NOT_READ, OTHER_ORIGIN) else ""
            raise DeadReferenceError(why, external=True, allowed_by=by)
        fragment = unquote(ref[1:])
        if not fragment:
            return (), self.value
        if not fragment.startswith("/"):
            raise DeadReferenceError('is no JSON pointer: it begins with "#/"')
        value: Any = self.value
        pointer: list[str | int] = []
        for token in fragment[1:].split("/"):
            name = token.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict):
                if name not in value:
                    raise DeadReferenceError(f"leads to nothing{did_you_mean(name, value)}")
                pointer.append(name)
                value = value[name]
            elif isinstance(value, list) and _is_index(name) and int(name) < len(value):
                pointer.append(int(name))
                value = value[int(name)]
            else:
                raise DeadReferenceError("leads to nothing")
        return tuple(pointer), value


def read_description(source: Path | bytes, shown: str) -> Description:
    """Return the description in a file.

    Args:
        source: the file, or its bytes: UTF-8, YAML or JSON, at most 16 MiB.
        shown: its name in messages.

    Raises:
        DescriptionError: it cannot be read, is neither YAML nor JSON, or is nested deeper than 256 levels, or its
            aliases stand for more than 1,000,000 values.

    """
    text = _text(source if isinstance(source, bytes) else bytes_of(source))
    begun = text.lstrip()[:1]
    with collection_paused():
        if begun in ("{", "["):
            try:
                return Description(shown, text, *from_json(text))
            except json.JSONDecodeError as error:
                if shown.lower().endswith(".json"):
                    raise json_mistake(error, text) from None
        from pytest_apitest.openapi.yaml_text import from_yaml  # noqa: PLC0415 - JSON needs no YAML reader

        return Description(shown, text, *from_yaml(text))


def bytes_of(file: Path) -> bytes:
    """Return the bytes of a regular file, 16 MiB and one at most; raises `DescriptionError`."""
    try:
        found = file.stat()
        if stat.S_ISDIR(found.st_mode):
            raise DescriptionError("cannot be read: is a directory")
        if not stat.S_ISREG(found.st_mode):
            raise DescriptionError("cannot be read: not a regular file")
        with file.open("rb") as stream:
            return stream.read(MAX_SIZE + 1)
    except OSError as error:
        raise DescriptionError(f"cannot be read: {(error.strerror or 'error').lower()}") from None
    except ValueError:
        raise DescriptionError("cannot be read: no such file or directory") from None


def _text(content: bytes) -> str:
    if len(content) > MAX_SIZE:
        raise DescriptionError(f"larger than {MAX_SIZE:,} bytes (16 MiB)")
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise DescriptionError(f"not UTF-8: byte {error.start}", line, column) from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise DescriptionError("it is empty")
    return text


def _version(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    if "openapi" in value:
        found = _VERSION.fullmatch(str(value["openapi"]))
        # A number such as 3.1 is a mistake, but says which version is meant.
        written = found[1] if found is not None else str(value["openapi"])
        return written if written in ("3.0", "3.1", "3.2") else ""
    return "2.0" if str(value.get("swagger", "")) == "2.0" else ""


def _without_version(value: dict[str, Any]) -> tuple[str, Pointer, bool]:
    if "swagger" in value:
        shown = show(value["swagger"], _SHOWN)
        message = f"this is Swagger {shown}; OpenAPI 3.0, 3.1 and 3.2 are known here: convert it first"
        return message, ("swagger",), False
    other = next((name for name in value if name.lower() == "openapi"), None)
    if other is not None:
        return f'"{other}" is written "openapi"', (other,), True
    return 'this is no OpenAPI description: the field "openapi" is missing', (), False


def _allowed_by(file: str) -> str:
    """Return what would allow to read the file that a reference names."""
    if (found := _ORIGIN.match(file)) is not None:
        return found[0].lower()
    is_name = "." in file.rpartition("/")[2] and not file.startswith(("/", "../"))
    return "refs" if is_name and ":" not in file and "\\" not in file else ""


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 10 and str(int(name)) == name
