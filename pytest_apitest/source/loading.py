"""Reading a file and building its tree from the YAML event stream (language, section 1)."""

from pathlib import Path
from typing import Any

import yaml

from pytest_apitest.errors import Place, Problem, ProblemsError, shown_path
from pytest_apitest.source import slips
from pytest_apitest.source.nodes import Mapping, Node, Scalar, Sequence, Source

MAX_SIZE = 1024 * 1024
MAX_DEPTH = 64
MAX_NUMBER = 100
BEGINNING = "expected a mapping that begins with scenario, contract, fragment or session_type"

# libyaml's parser when PyYAML was built with it (every published wheel is), else the slower one.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_file(file: Path, shown: str | None = None) -> Source:
    """Return the text of a file that may be a document.

    Args:
        file: the file.
        shown: its path in messages; by default relative to the current folder.

    Raises:
        ProblemsError: the file cannot be read, is too large or is not UTF-8; exactly one problem.

    """
    name = shown or shown_path(file)
    try:
        size = file.stat().st_size
        data = file.read_bytes() if size <= MAX_SIZE else b""
    except OSError as error:
        reason = "is a directory" if file.is_dir() else (error.strerror or str(error)).lower()
        raise _stop(name, f"cannot be read: {reason}") from None
    if size > MAX_SIZE:
        raise _stop(name, f"{size:,} bytes; a document has at most {MAX_SIZE:,} (1 MiB)")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _stop(name, f"not UTF-8: byte {error.start} (0x{data[error.start]:02x})") from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return Source(file, name, text)


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
        problem = slips.from_yaml_error(error, source.text.split("\n"), source.shown)
        raise ProblemsError([problem], {source.shown: source.text}) from None


class _Builder:
    """Builds the tree with a stack of its own; keeps what it finds wrong."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.lines = source.text.split("\n")
        self.hash_lines = slips.hash_lines(source.text)
        # The open collections, each with the key that waits for its value (None in a list).
        self.stack: list[tuple[Mapping | Sequence, Scalar | None]] = []
        self.root: Node | None = None

    def build(self) -> Node | None:
        loader = _Loader(self.source.text)
        documents = 0
        try:
            while True:
                event = loader.get_event()
                kind = type(event)
                if kind is yaml.ScalarEvent:
                    self._scalar(event)
                elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                    self._open(event, kind is yaml.MappingStartEvent)
                elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                    self._close()
                elif kind is yaml.AliasEvent:
                    self._problem(event.start_mark, slips.NO_ALIASES)
                    self._add(self._make_scalar(event, "alias", "'"))
                elif kind is yaml.DocumentStartEvent:
                    documents += 1
                    if documents > 1:
                        self._problem(event.start_mark, slips.ONE_DOCUMENT, 3)
                        return self.root
                    if event.version or event.tags:
                        self._problem(event.start_mark, slips.NO_DIRECTIVES)
                elif kind is yaml.StreamEndEvent or event is None:
                    return self.root
        finally:
            loader.dispose()

    def _problem(self, mark: Any, message: str, width: int = 1) -> None:
        self._problem_at(mark.line + 1, mark.column + 1, message, width)

    def _problem_at(self, line: int, column: int, message: str, width: int = 1) -> None:
        self.problems.append(Problem(Place(self.source.shown, line, column), message, width))

    def _make_scalar(self, event: Any, text: str, style: str) -> Scalar:
        start, end = event.start_mark, event.end_mark
        length = end.column - start.column if end.line == start.line else 1
        return Scalar(text, style, start.line + 1, start.column + 1, max(1, length))

    def _scalar(self, event: Any) -> None:
        # libyaml says '' for a plain scalar, the pure reader None.
        scalar = self._make_scalar(event, event.value, event.style or "")
        if event.anchor is not None or event.tag is not None:
            self._problem(event.start_mark, slips.NO_ALIASES)
        if not scalar.style:
            self._look_at_plain(scalar, event)
        self._add(scalar)

    def _look_at_plain(self, scalar: Scalar, event: Any) -> None:
        text = scalar.text
        end = event.end_mark
        if text and end.line in self.hash_lines:
            rest = self.lines[end.line][end.column :]
            if slips.swallowed_by_comment(text, rest):
                offset = len(rest) - len(rest.lstrip())
                self._problem_at(end.line + 1, end.column + offset + 1, slips.COMMENT)
        if text.startswith("$") and slips.unbalanced_path(text):
            self._problem_at(scalar.line, scalar.column, slips.QUOTE_PATH, scalar.length)
        elif len(text) > MAX_NUMBER and text.strip("-+.eE0123456789") == "":
            self._problem_at(
                scalar.line,
                scalar.column,
                f"a number of {len(text)} digits; at most {MAX_NUMBER}",
                scalar.length,
            )

    def _open(self, event: Any, is_mapping: bool) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise ProblemsError(
                [
                    Problem(
                        Place(self.source.shown, event.start_mark.line + 1, event.start_mark.column + 1),
                        f"nested deeper than {MAX_DEPTH}",
                    )
                ],
                {self.source.shown: self.source.text},
            )
        if event.anchor is not None or event.tag is not None:
            self._problem(event.start_mark, slips.NO_ALIASES)
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        flow = bool(event.flow_style)
        node = Mapping(line, column, flow=flow) if is_mapping else Sequence(line, column, flow=flow)
        self._add(node)
        self.stack.append((node, None))

    def _close(self) -> None:
        self.stack.pop()

    def _add(self, node: Node) -> None:
        """Hang a node into the collection that is open."""
        if not self.stack:
            if self.root is None:
                self.root = node
            return
        parent, key = self.stack[-1]
        if isinstance(parent, Sequence):
            if isinstance(node, Scalar) and node.empty:
                self._problem_at(
                    node.line, max(1, node.column - 1), 'nothing after "-"; write null if null is meant'
                )
            parent.items.append(node)
        elif key is None:
            self.stack[-1] = (parent, self._as_key(node))
        else:
            self.stack[-1] = (parent, None)
            if isinstance(node, Scalar) and node.empty:
                self._empty_value(key)
            self._enter(parent, key, node)

    def _as_key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            self._problem_at(node.line, node.column, slips.KEY_IS_TEXT)
            return Scalar("", "'", node.line, node.column, 1)
        if node.text == "<<" and not node.style:
            self._problem_at(node.line, node.column, slips.NO_ALIASES, 2)
        return node

    def _empty_value(self, key: Scalar) -> None:
        line = self.lines[key.line - 1]
        message = slips.nothing_after(key.text, key.column - 1 + key.length, line)
        if message is slips.COMMENT:
            self._problem_at(key.line, line.index("#", key.column - 1 + key.length) + 1, message)
        else:
            self._problem_at(key.line, key.column, message, key.length)

    def _enter(self, parent: Mapping, key: Scalar, node: Node) -> None:
        earlier = parent.entries.get(key.text)
        if earlier is None:
            parent.entries[key.text] = (key, node)
        elif key.text or key.style == "":
            self._problem_at(
                key.line, key.column, f'key "{key.text}" twice, first at line {earlier[0].line}', key.length
            )
