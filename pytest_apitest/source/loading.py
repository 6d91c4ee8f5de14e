"""Reading a file and building its tree from the YAML event stream (language, section 1)."""

import stat
from pathlib import Path
from typing import Any

import yaml

from pytest_apitest.errors import Place, Problem, ProblemsError, shown_path
from pytest_apitest.jsonvalue import JSON_NUMBER, NotJSONError, number
from pytest_apitest.patterns import deferred
from pytest_apitest.source import slips
from pytest_apitest.source.nodes import Mapping, Node, ReportedScalar, Scalar, Sequence, Source

MAX_SIZE = 1024 * 1024
MAX_DEPTH = 64
MAX_NUMBER = 100
BEGINNING = "expected a mapping that begins with scenario, contract, fragment or session_type"

# libyaml's parser when PyYAML was built with it (every published wheel is), else the slower one.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML forbids, and what ends a line for YAML 1.1 but not for 1.2, an editor or us.
_UNREADABLE = deferred("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_UTF_16 = "; it looks like UTF-16: save it as UTF-8"
_LINE_ENDS = "\x85\u2028\u2029"
# Of these bytes nothing needs to be looked at; deleting them all is the cheapest way to see that.
_PLAIN = bytes((9, 10, 13, *range(32, 127)))


def read_file(file: Path, shown: str | None = None) -> Source:
    """Return the text of a file that may be a document.

    Args:
        file: the file.
        shown: its path in messages; by default relative to the current folder.

    Raises:
        ProblemsError: the file cannot be read, is too large, is not UTF-8 or holds characters that YAML
            forbids; exactly one problem.

    """
    name = shown or shown_path(file)
    data = _bytes(file, name)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = _UTF_16 if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "; save the file as UTF-8"
        message = f"not UTF-8: byte {error.start} (0x{data[error.start]:02x}){hint}"
        readable = data.decode("utf-8", "replace")
        offset = len(data[: error.start].decode("utf-8"))
        raise _at_character(name, readable, offset, message) from None
    if data.translate(None, _PLAIN) and (found := _UNREADABLE.search(text)) is not None:
        raise _at_character(name, text, found.start(), _unreadable(text, found.start()))
    return Source(file, name, _lines_ended(text.removeprefix("\ufeff")))


def _lines_ended(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _bytes(file: Path, name: str) -> bytes:
    try:
        found = file.stat()
        if stat.S_ISDIR(found.st_mode):
            raise _stop(name, "cannot be read: is a directory")
        if not stat.S_ISREG(found.st_mode):
            raise _stop(name, "cannot be read: not a regular file")
        if found.st_size > MAX_SIZE:
            raise _stop(name, f"{found.st_size:,} bytes; a document has at most {MAX_SIZE:,} (1 MiB)")
        return file.read_bytes()
    except OSError as error:
        raise _stop(name, f"cannot be read: {(error.strerror or str(error)).lower()}") from None


def _unreadable(text: str, offset: int) -> str:
    character = text[offset]
    code = f"U+{ord(character):04X} (byte {len(text[:offset].encode())})"
    if character in _LINE_ENDS:
        escape = f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"
        return f"{code} ends a line for some readers: write {escape} inside double quotes"
    return f"control character {code} cannot stand in YAML" + (_UTF_16 if "\0" in text[:2] else "")


def _at_character(shown: str, text: str, offset: int, message: str) -> ProblemsError:
    before = _lines_ended(text[:offset].removeprefix("\ufeff"))
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    texts = {shown: _lines_ended(text.removeprefix("\ufeff"))}
    return ProblemsError([Problem(Place(shown, line, column), message)], texts)


def _stop(shown: str, message: str) -> ProblemsError:
    return ProblemsError([Problem(Place(shown, 1, 1), message)], {})


def load(source: Source) -> tuple[Mapping, list[Problem]]:
    """Return the tree of a document and what is wrong with its nodes.

    Args:
        source: the file.

    Raises:
        ProblemsError: the text is no YAML, or no mapping, or too deep; exactly one problem.

    """
    root, problems = load_any(source)
    if not isinstance(root, Mapping):
        raise ProblemsError([Problem(Place(source.shown, 1, 1), BEGINNING)], {source.shown: source.text})
    return root, problems


def load_any(source: Source) -> tuple[Node | None, list[Problem]]:
    """Return the tree of a YAML file of any form, and what is wrong with its nodes.

    Raises:
        ProblemsError: the text is no YAML, or too deep; exactly one problem.

    """
    builder = _Builder(source)
    try:
        return builder.build(), builder.problems
    except yaml.YAMLError as error:
        problem = slips.from_yaml_error(error, builder.lines, source.shown)
        raise ProblemsError([problem], {source.shown: source.text}) from None


class _Builder:
    """Builds the tree with a stack of its own; keeps what it finds wrong."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.lines = source.text.split("\n")
        self.hash_lines = slips.hash_lines(self.lines) if "#" in source.text else frozenset()
        self.root: Node | None = None
        # The open collection and, in a mapping, the key that waits for its value; around them the others.
        self.parent: Mapping | Sequence | None = None
        self.key: Scalar | None = None
        self.around: list[tuple[Mapping | Sequence | None, Scalar | None]] = []

    def build(self) -> Node | None:
        loader = _Loader(self.source.text)
        next_event, scalar = loader.get_event, yaml.ScalarEvent
        mapping, mapping_end = yaml.MappingStartEvent, yaml.MappingEndEvent
        try:
            while True:
                event = next_event()
                kind = type(event)
                if kind is scalar:
                    self._scalar(event)
                elif kind is mapping:
                    self._open(event, Mapping(event.start_mark.line + 1, event.start_mark.column + 1))
                elif kind is mapping_end or kind is yaml.SequenceEndEvent:
                    self.parent, self.key = self.around.pop()
                elif kind is yaml.SequenceStartEvent:
                    self._open(event, Sequence(event.start_mark.line + 1, event.start_mark.column + 1))
                elif kind is yaml.StreamEndEvent or not self._odd(event):
                    return self.root
        finally:
            loader.dispose()

    def _odd(self, event: Any) -> bool:
        """Look at what is rarely there; return whether the file goes on."""
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            if self.key is None or not self.key.reported:  # of a merge key it was said already
                self._problem(mark, slips.NO_ALIASES)
            self._add(ReportedScalar("", "'", mark.line + 1, mark.column + 1, 1))
        elif isinstance(event, yaml.DocumentStartEvent):
            if self.root is not None:
                self._problem(mark, slips.ONE_DOCUMENT, 3)
                return False
            if event.version or event.tags:
                self._problem(mark, slips.NO_DIRECTIVES)
        return True

    def _problem(self, mark: Any, message: str, width: int = 1) -> None:
        self._problem_at(mark.line + 1, mark.column + 1, message, width)

    def _problem_at(self, line: int, column: int, message: str, width: int = 1) -> None:
        self.problems.append(Problem(Place(self.source.shown, line, column), message, width))

    # -- scalars ----------------------------------------------------------------------------------------

    def _scalar(self, event: Any) -> None:
        start, end, text = event.start_mark, event.end_mark, event.value
        row = end.line
        length = end.column - start.column or 1 if start.line == row else 1
        # libyaml says '' for a plain scalar, the pure reader None.
        scalar = Scalar(text, event.style or "", start.line + 1, start.column + 1, length)
        if event.anchor is not None or event.tag is not None:
            self._problem(start, slips.NO_ALIASES)
            if not text:
                scalar = _reported(scalar)
        elif not event.style:
            if not text:
                scalar = self._nothing(scalar, end)
            elif row in self.hash_lines and slips.swallowed_by_comment(text, self.lines[row], end.column):
                scalar = self._swallowed(scalar, row, end.column)
            elif text[0] == "$" and slips.unbalanced_path(text):
                self._problem_at(scalar.line, scalar.column, slips.QUOTE_PATH, length)
                scalar = _reported(scalar)
            elif (len(text) > MAX_NUMBER or "e" in text or "E" in text) and (odd := _odd_number(text)):
                self._problem_at(scalar.line, scalar.column, f"{odd}: quote it if it is a text", length)
                scalar = _reported(scalar)
        self._add(scalar)

    def _swallowed(self, scalar: Scalar, row: int, column: int) -> Scalar:
        self._problem_at(row + 1, self.lines[row].index("#", column) + 1, slips.COMMENT)
        return _reported(scalar)

    def _nothing(self, scalar: Scalar, end: Any) -> Scalar:
        """Say what is wrong with a place where nothing is written."""
        key = self.key
        if isinstance(self.parent, Mapping) and key is None:
            return scalar  # an empty key, which the mapping around it does not know
        row, column = end.line, end.column
        message = 'nothing after "-"; write null if null is meant'
        if key is not None:
            row, column = key.line - 1, key.column - 1 + key.length
            message = slips.nothing_after(key.text, key.column - 1, column, self.lines[row])
            column = slips.behind_colon(self.lines[row], column)
        if row in self.hash_lines and slips.swallowed_by_comment("", self.lines[row], column):
            return self._swallowed(scalar, row, column)
        if key is not None:
            self._problem_at(key.line, key.column, message, key.length)
        elif self.parent is not None:
            self._problem_at(scalar.line, max(1, scalar.column - 1), message)
        return _reported(scalar)

    # -- collections ------------------------------------------------------------------------------------

    def _open(self, event: Any, node: Mapping | Sequence) -> None:
        if len(self.around) >= MAX_DEPTH:
            place = Place(self.source.shown, node.line, node.column)
            problem = Problem(place, f"nested deeper than {MAX_DEPTH}")
            raise ProblemsError([problem], {self.source.shown: self.source.text})
        if event.anchor is not None or event.tag is not None:
            self._problem(event.start_mark, slips.NO_ALIASES)
        self._add(node)
        self.around.append((self.parent, self.key))
        self.parent, self.key = node, None

    def _add(self, node: Node) -> None:
        """Hang a node into the collection that is open."""
        parent = self.parent
        if parent is None:
            self.root = node
        elif isinstance(parent, Sequence):
            parent.items.append(node)
        elif self.key is None:
            self.key = self._as_key(node)
        else:
            key, self.key = self.key, None
            self._enter(parent, key, node)

    def _as_key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            self._problem_at(node.line, node.column, slips.KEY_IS_TEXT)
            return ReportedScalar("", "'", node.line, node.column, 1)
        if node.text == "<<" and not node.style:
            self._problem_at(node.line, node.column, slips.NO_ALIASES, 2)
            return _reported(node)
        return node

    def _enter(self, parent: Mapping, key: Scalar, node: Node) -> None:
        if key.reported:
            return
        earlier = parent.entries.setdefault(key.text, (key, node))
        if earlier[0] is not key:
            self._problem_at(
                key.line, key.column, f'key "{key.text}" twice, first at line {earlier[0].line}', key.length
            )


def _reported(scalar: Scalar) -> ReportedScalar:
    return ReportedScalar(scalar.text, scalar.style, scalar.line, scalar.column, scalar.length)


def _odd_number(text: str) -> str:
    """Return why a text that is a JSON number is none that anyone can mean, or an empty text."""
    if not JSON_NUMBER.fullmatch(text):
        return ""
    if len(text) > MAX_NUMBER:
        return f"a number of {sum(map(str.isdigit, text))} digits; at most {MAX_NUMBER}"
    try:
        number(text)
    except NotJSONError as error:
        return str(error)
    return ""
