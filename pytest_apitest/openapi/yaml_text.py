"""Values of a YAML text, and where they stand in it: the nodes of the YAML reader, kept."""

from typing import Any

import yaml

from pytest_apitest.jsonvalue import MAX_DEPTH, NotJSONError, number
from pytest_apitest.openapi.reading import MAX_NODES, TOO_DEEP, DescriptionError, Pointer, error_at
from pytest_apitest.patterns import deferred

_CONSTANTS: dict[str, Any] = {
    "": None,
    **dict.fromkeys(("null", "Null", "NULL", "~")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STARTS_NUMBER = frozenset("-+.0123456789")
_DECIMAL = deferred(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OTHER_BASE = deferred(r"0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}")
_UNREADABLE = deferred("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
_ANCHOR = deferred(r"(?:^|[\s,:\[{])&[^\s,\[\]{}]")
_ALIAS = deferred(r"(?:^|[\s,:\[{])\*[^\s,\[\]{}]")
_OTHER_BREAKS = deferred("[\x85\u2028\u2029]")
_TEXT_TAG = "tag:yaml.org,2002:str"
_TYPED_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null"))
_PLAIN = "plain"
# Collections and a scalar in the innermost.
_MAX_OPEN = MAX_DEPTH + 1


class _TooDeepError(Exception):
    """A text is nested deeper than any description may be, which the reader would not survive."""


class _Resolver:
    """In place of PyYAML's resolver, which finds YAML 1.1 types with an expression for each scalar."""

    depth = 0

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:  # noqa: ARG002 - the signature is PyYAML's
        return _PLAIN if kind is yaml.ScalarNode and implicit[0] else _TEXT_TAG

    def descend_resolver(self, parent: Any, index: Any) -> None:  # noqa: ARG002
        """Hear that a node begins: the reader itself has no bound, and its stack has."""
        self.depth += 1
        if self.depth > _MAX_OPEN:
            raise _TooDeepError

    def ascend_resolver(self) -> None:
        """Hear that a node ends."""
        self.depth -= 1


class _Loader(_Resolver, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    pass


def from_yaml(text: str) -> tuple[Any, "YamlPlaces"]:
    if (found := _UNREADABLE.search(text)) is not None:
        raise error_at(text, found.start(), f"control character U+{ord(found[0]):04X} cannot stand in YAML")
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _mistake(error, text) from None
    except yaml.YAMLError:
        raise DescriptionError("not YAML: a character cannot stand in it") from None
    except (_TooDeepError, RecursionError):
        raise DescriptionError(TOO_DEEP) from None
    if root is None:
        raise DescriptionError("it is empty")
    # An alias needs both; in most texts such characters stand in prose only, which costs a little and harms nothing.
    shared = _Sharing(text, root) if _ANCHOR.search(text) and _ALIAS.search(text) else None
    builder = _Builder(text, shared)
    value = builder.build(root, 1)
    return value, YamlPlaces(root, twice=builder.twice)


def _mistake(error: yaml.MarkedYAMLError, text: str) -> DescriptionError:
    words = _yaml_words(error, text)
    if words or _OTHER_BREAKS.search(text):  # the reader counts lines at these, and nobody else does
        mark = error.problem_mark or error.context_mark
        words = words or f"not YAML: {error.problem or 'it cannot be understood'}"
        return error_at(text, mark.index if mark is not None else 0, words)
    from pytest_apitest.source.slips import BEGIN_BEFORE, from_yaml_error  # noqa: PLC0415 - only for a mistake

    problem = from_yaml_error(error, text.split("\n"), "")
    # A message about a description quotes nothing of its text.
    message = problem.message.partition(BEGIN_BEFORE)[0].removeprefix("not YAML: ")
    return DescriptionError(f"not YAML: {message}", problem.place.line, problem.place.column)


def _yaml_words(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return what the reader stumbled over; an empty text where the text around it says more."""
    problem = error.problem or ""
    if "maximum depth" in problem.lower() or "nesting" in problem.lower():
        return TOO_DEEP
    if "another document" in problem or "expected a single document" in (error.context or ""):
        return "not one document: it has a second one"
    if "undefined alias" in problem:
        return "not YAML: an alias without an anchor before it"
    if "duplicate anchor" in problem:
        return "not YAML: an anchor that was set already"
    if "undefined tag" in problem:
        return "not YAML: a tag that was not declared"
    mark = error.problem_mark
    if "cannot start any token" in problem and mark is not None:
        start = text[mark.index : mark.index + 1]
        wrong = (
            "a tab; indent with blanks" if start == "\t" else f'a text that begins with "{start}"; quote it'
        )
        return f"not YAML: {wrong}"
    return ""


class _Builder:
    """Makes plain values of YAML nodes."""

    def __init__(self, text: str, shared: "_Sharing | None") -> None:
        self._text = text
        self._made: dict[int, Any] | None = {} if shared is not None and shared.found else None
        self._keys: dict[str, str] = {}
        self.twice = False

    def build(self, node: Any, depth: int) -> Any:
        """Return the value of a node; `depth` counts the collections around it and itself."""
        kind = type(node)
        if kind is yaml.ScalarNode:
            return self._scalar(node)
        if depth > MAX_DEPTH:
            raise self._wrong(node, TOO_DEEP)
        made = self._made
        if made is not None and id(node) in made:
            return made[id(node)]
        below = depth + 1
        value: Any
        if kind is yaml.SequenceNode:
            value = [self.build(item, below) for item in node.value]
        else:
            value = {}
            merges = False
            for key, item in node.value:
                if type(key) is not yaml.ScalarNode:
                    raise self._wrong(key, "a key is one text, neither a list nor a mapping")
                name = key.value
                if name == "<<" and key.tag == _PLAIN:
                    merges = True
                    continue
                if name in value:
                    self.twice = True
                # One text for all keys of a name: there are few names.
                value[self._keys.setdefault(name, name)] = self.build(item, below)
            if merges:
                self._merge(node, value, below)
        if made is not None:
            made[id(node)] = value
        return value

    def _merge(self, node: Any, value: dict[str, Any], depth: int) -> None:
        for key, item in node.value:
            if key.value != "<<" or key.tag != _PLAIN:
                continue
            for source in item.value if type(item) is yaml.SequenceNode else [item]:
                if type(source) is not yaml.MappingNode:
                    raise self._wrong(key, "a merge key takes a mapping, or a list of them")
                for name, one in self.build(source, depth).items():
                    value.setdefault(name, one)

    def _scalar(self, node: Any) -> Any:
        text, tag = node.value, node.tag
        if tag != _PLAIN and tag not in _TYPED_TAGS:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[0] not in _STARTS_NUMBER:
            return text
        if _DECIMAL.fullmatch(text):
            try:
                return number(_as_json(text))
            except NotJSONError:
                raise self._wrong(node, "a number is out of range; quote it if it is a text") from None
        if _OTHER_BASE.fullmatch(text):
            return int(text, 0)
        return text

    def _wrong(self, node: Any, message: str) -> DescriptionError:
        return error_at(self._text, node.start_mark.index, message)


def _as_json(text: str) -> str:
    """Return a decimal number of YAML as JSON writes it: no plus, no leading zeros, digits around the point."""
    sign = "-" if text[0] == "-" else ""
    whole, point, rest = text.lstrip("+-").partition(".")
    if not point:
        digits = len(whole) - len(whole.lstrip("0123456789"))
        whole, rest = whole[:digits], whole[digits:]
        return sign + (whole.lstrip("0") or "0") + rest
    if not rest[:1].isdigit():
        rest = "0" + rest
    return f"{sign}{whole.lstrip('0') or '0'}.{rest}"


class _Sharing:
    """Bounds what aliases stand for, before anything is made of them."""

    def __init__(self, text: str, root: Any) -> None:
        self.found = False
        self._text = text
        # By identity of a collection: how many values it stands for and how deep it is; None while it is open.
        self._measured: dict[int, tuple[int, int] | None] = {}
        waiting: list[tuple[Any, bool]] = [(root, False)]
        while waiting:
            node, is_done = waiting.pop()
            if type(node) is yaml.ScalarNode:
                continue
            if is_done:
                self._measured[id(node)] = self._measure(node)
                continue
            if id(node) in self._measured:
                self.found = True
                if self._measured[id(node)] is None:
                    raise self._wrong(node, "an alias inside of what it stands for")
                continue
            self._measured[id(node)] = None
            waiting.append((node, True))
            waiting += [(item, False) for item in reversed(_items(node))]

    def _measure(self, node: Any) -> tuple[int, int]:
        size, depth = 1, 0
        for item in _items(node):
            below, deep = self._measured.get(id(item)) or (1, 0)
            size += below
            depth = max(depth, deep)
        if size > MAX_NODES:
            raise self._wrong(node, f"its aliases stand for more than {MAX_NODES:,} values")
        if depth >= MAX_DEPTH:
            raise self._wrong(node, TOO_DEEP)
        return size, depth + 1

    def _wrong(self, node: Any, message: str) -> DescriptionError:
        return error_at(self._text, node.start_mark.index, message)


def _items(node: Any) -> list[Any]:
    return node.value if type(node) is yaml.SequenceNode else [item for _, item in node.value]


class YamlPlaces:
    """Finds where things stand among YAML nodes."""

    def __init__(self, root: Any, *, twice: bool) -> None:
        self._root = root
        self._twice = twice
        self._members: dict[int, dict[str, tuple[Any, Any]]] = {}

    def duplicates(self) -> list[tuple[Pointer, int]]:
        found: list[tuple[Pointer, int]] = []
        waiting: list[tuple[Pointer, Any]] = [((), self._root)] if self._twice else []
        looked_at = set()
        while waiting:
            pointer, node = waiting.pop()
            if type(node) is yaml.ScalarNode or id(node) in looked_at:
                continue
            looked_at.add(id(node))
            if type(node) is yaml.SequenceNode:
                waiting += [((*pointer, index), item) for index, item in enumerate(node.value)]
                continue
            seen = set()
            for key, item in node.value:
                if key.value in seen and key.value != "<<":
                    found.append(((*pointer, key.value), key.start_mark.index))
                seen.add(key.value)
                waiting.append(((*pointer, key.value), item))
        return sorted(found, key=lambda one: one[1])

    def offset(self, pointer: Pointer, key: bool) -> int:
        node, name = self._root, None
        for part in pointer:
            if type(node) is yaml.SequenceNode and isinstance(part, int) and part < len(node.value):
                name, node = None, node.value[part]
            elif type(node) is yaml.MappingNode and isinstance(part, str) and part in self._members_of(node):
                name, node = self._members_of(node)[part]
            else:
                return _start(node)
        return _start(name if key and name is not None else node)

    def _members_of(self, node: Any) -> dict[str, tuple[Any, Any]]:
        if id(node) not in self._members:
            found: dict[str, tuple[Any, Any]] = {}
            for key, item in node.value:
                if key.value == "<<" and key.tag == _PLAIN:
                    for source in reversed(item.value if type(item) is yaml.SequenceNode else [item]):
                        found = {**self._members_of(source), **found}
            found.update(
                (key.value, (key, item)) for key, item in node.value if key.tag != _PLAIN or key.value != "<<"
            )
            self._members[id(node)] = found
        return self._members[id(node)]


def _start(node: Any) -> int:
    return int(node.start_mark.index)
