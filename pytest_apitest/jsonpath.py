"""JSONPath: compiled once, exact on the values found, told apart by syntax into one value or many.

Rules kept here (RFC 9535; language, section 7, JSONPath):
- plain chains of names and indexes need no library; everything else is the library's, so that a run of
  plain paths does not pay its import (20 ms);
- filters compare plain integers and floats; what they find is looked up again in the exact document;
- `match` and `search` use RE2, so that no document can make a path slow;
- the dialect `ng` is the library jsonpath-ng with its extensions, for documents that say so.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from pytest_apitest import jsonvalue
from pytest_apitest.data import data
from pytest_apitest.jsonvalue import JSON_NUMBER, NotJSONError, number
from pytest_apitest.patterns import deferred
from pytest_apitest.regex import RegexError, compile_regex

# Nobody writes a longer path; each step is a level of recursion in the library.
MAX_STEPS = 100
Location = tuple[str | int, ...]
Search = Callable[["Document"], list[tuple[Location, Any]]]

_PLAIN = deferred(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]*|\[(?:0|-?[1-9][0-9]{0,9})\]|\['[^'\\\x00-\x1f]*'\])*")
_PLAIN_STEP = deferred(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(-?[0-9]+)\]|\['([^']*)'\]")
_ASSIGNED = deferred(r"\?[^'\"]*[^=!<>'\"]=[^=]")
_NAME = deferred(r"[A-Za-z_][A-Za-z0-9_]*")


class JSONPathError(ValueError):
    """A text is no JSONPath; the message says why and how it is written rightly."""


class Document:
    """A JSON document that paths are looked up in.

    Args:
        value: the exact value.

    """

    __slots__ = ("_plain", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._plain: Any = None

    @property
    def plain(self) -> Any:
        """The document with plain numbers, for filters."""
        if self._plain is None:
            self._plain = (jsonvalue.to_plain(self.value),)
        return self._plain[0]


# What one part of a segment selects: a member, an element, a range of elements; None for any of those below.
Selector = str | int | slice | None


@data
class Segment:
    """One segment of a path (RFC 9535, section 2.5).

    Args:
        selectors: what it selects.
        descends: whether it looks at everything below, as `..` does.

    """

    selectors: tuple[Selector, ...]
    descends: bool = False


@data
class Path:
    """A compiled path.

    Args:
        text: as written.
        singular: whether it can find at most one value, by its syntax.
        steps: the chain of a plain path, or None.
        search: finds the places and values of a document, for paths that are no plain chain.
        prefixes: paths of all beginnings of this one, shortest first, to say where a search ended.
        parts: the segments of a path that is no plain chain; None when they are not known.

    """

    text: str
    singular: bool
    steps: Location | None
    search: Search | None = None
    prefixes: tuple["Path", ...] = ()
    parts: tuple[Segment, ...] | None = None

    @property
    def segments(self) -> tuple[Segment, ...] | None:
        """What each segment selects; None when the dialect does not say."""
        return self.parts if self.steps is None else tuple(Segment((step,)) for step in self.steps)

    def find(self, document: Document) -> list[tuple[Location, Any]]:
        """Return the places and values found, in the order of the document."""
        if self.steps is not None:
            found = _walk(document.value, self.steps)
            return [] if found is None else [found]
        assert self.search is not None
        return self.search(document)

    def missing(self, document: Document) -> str:
        """Return why nothing was found: what stands at the last place that was reached."""
        reached, value, missed = self._last_reached(document)
        if isinstance(value, dict):
            names = list(value)
            listed = ", ".join(map(_shown, names[:12])) + (", …" if len(names) > 12 else "")
            there = f"there {'are' if len(names) > 1 else 'is'} {listed}" if names else "the object is empty"
        elif isinstance(value, list):
            count = len(value)
            there = f"the array has {count} element{'s' * (count != 1)}" if count else "the array is empty"
        else:
            there = f"{reached} is {jsonvalue.show_typed(value, 40)}"
        return f"not found; {there}" if missed else f"nothing found; {there}"

    def _last_reached(self, document: Document) -> tuple[str, Any, bool]:
        if self.steps is not None:
            value: Any = document.value
            reached: Location = ()
            for index in range(len(self.steps)):
                found = _walk(value, self.steps[index : index + 1])
                if found is None:
                    break
                value, reached = found[1], self.steps[: index + 1]
            return normalized(reached), value, True
        reached_text, value = "$", document.value
        for prefix in self.prefixes:
            found_all = prefix.find(document)
            if not found_all:
                break
            reached_text, value = normalized(found_all[0][0]), found_all[0][1]
        return reached_text, value, self.singular


def _shown(name: str) -> str:
    return name if name.isprintable() and 0 < len(name) <= 60 else jsonvalue.show(name, 60)


def _walk(value: Any, steps: Location) -> tuple[Location, Any] | None:
    location = steps
    for index, step in enumerate(steps):
        if type(step) is str:
            if not isinstance(value, dict) or step not in value:
                return None
            value = value[step]
        else:
            assert isinstance(step, int)
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                return None
            if step < 0:
                location = (*location[:index], len(value) + step, *location[index + 1 :])
            value = value[step]
    return location, value


def value_at(value: Any, location: Location) -> Any:
    """Return the value at a place that exists."""
    for step in location:
        value = value[step]
    return value


def normalized(location: Iterable[str | int]) -> str:
    """Return a place as a path people read: `$.items[0].name`, `$['odd name']`."""
    out = ["$"]
    for step in location:
        if isinstance(step, int):
            out.append(f"[{step}]")
        elif _NAME.fullmatch(step):
            out.append(f".{step}")
        else:
            out.append(f"[{literal(step)}]")
    return "".join(out)


@lru_cache(maxsize=4096)
def compile_path(text: str, dialect: str = "rfc9535") -> Path:
    """Return the compiled path.

    Args:
        text: the path.
        dialect: `rfc9535` or `ng`.

    Raises:
        JSONPathError: with the right spelling where it can be known.

    """
    if _PLAIN.fullmatch(text):
        steps = tuple(
            int(index) if index else name or quoted for name, index, quoted in _PLAIN_STEP.findall(text)
        )
        return Path(text, singular=True, steps=steps)
    if dialect == "ng":
        return _compile_ng(text)
    return _compile_rfc(text)


def literal(value: Any) -> str:
    """Return a value as a JSONPath literal; a text is quoted by us (language, section 6).

    Raises:
        JSONPathError: arrays and objects are no literals.

    """
    if isinstance(value, str):
        escaped = jsonvalue.dumps(str(value))[1:-1].replace('\\"', '"').replace("'", "\\'")
        return f"'{escaped}'"
    if value is None or isinstance(value, bool | int | jsonvalue.Number):
        return jsonvalue.dumps(value)
    raise JSONPathError(f"an {jsonvalue.kind(value)} cannot stand in a JSONPath")


# -- RFC 9535 -------------------------------------------------------------------------------------------


def _comparison() -> Any:
    """Return the library's comparison, but that arrays and objects are equal only with equal types inside."""
    from jsonpath_rfc9535.filter_expressions import ComparisonExpression  # noqa: PLC0415
    from jsonpath_rfc9535.node import JSONPathNodeList  # noqa: PLC0415

    def value(side: Any) -> Any:
        return side[0].value if isinstance(side, JSONPathNodeList) and len(side) == 1 else side

    class Comparison(ComparisonExpression):
        def evaluate(self, context: Any) -> bool:
            found = bool(super().evaluate(context))
            if self.operator not in ("==", "!=") or found is (self.operator == "!="):
                return found
            left, right = value(self.left.evaluate(context)), value(self.right.evaluate(context))
            containers = isinstance(left, list | dict) and isinstance(right, list | dict)
            return not found if containers and not jsonvalue.equal(left, right) else found

    return Comparison


def _expression(name: str, begin: str, end: str) -> Any:
    """Return `match` or `search` over RE2 (RFC 9535, sections 2.4.6 and 2.4.7)."""
    from jsonpath_rfc9535.function_extensions import ExpressionType, FilterFunction  # noqa: PLC0415

    def call(_: Any, text: object, pattern: object) -> bool:
        if not isinstance(text, str) or not isinstance(pattern, str):
            return False
        try:
            return compile_regex(begin + _dots(pattern) + end).search(text)
        except RegexError:
            return False

    members = {
        "arg_types": [ExpressionType.VALUE, ExpressionType.VALUE],
        "return_type": ExpressionType.LOGICAL,
        "__call__": call,
    }
    return type(name, (FilterFunction,), members)()


def _parser() -> Any:
    """Return the library's parser, with our comparison, exact integers, and expressions that are looked at."""
    from jsonpath_rfc9535 import JSONPathSyntaxError, parse  # noqa: PLC0415
    from jsonpath_rfc9535 import filter_expressions as parts  # noqa: PLC0415

    Comparison = _comparison()  # noqa: N806 - a class

    class Parser(parse.Parser):
        def parse_infix_expression(self, stream: Any, left: Any) -> Any:
            made = super().parse_infix_expression(stream, left)
            if not isinstance(made, parts.ComparisonExpression):
                return made
            return Comparison(made.token, made.left, made.operator, made.right)

        def parse_function_extension(self, stream: Any) -> Any:
            made: Any = super().parse_function_extension(stream)
            pattern = made.args[1] if made.name in ("match", "search") and len(made.args) == 2 else None
            if isinstance(pattern, parts.StringLiteral):
                try:
                    compile_regex(_dots(pattern.value))
                except RegexError as error:
                    raise JSONPathSyntaxError(f"{made.name}: {error}", token=pattern.token) from None
            return made

        def parse_integer_literal(self, stream: Any) -> Any:
            # The library reads an integer by way of a float, which ends at 2^53; identifiers do not.
            token = stream.current
            try:
                if JSON_NUMBER.fullmatch(token.value):
                    return parts.IntegerLiteral(token, value=jsonvalue.to_plain(number(token.value)))
                reason = f"{token.value} is no JSON number"
            except NotJSONError as error:
                reason = str(error)
            raise JSONPathSyntaxError(reason, token=token)

    return Parser


@lru_cache(maxsize=1)
def _environment() -> Any:
    import jsonpath_rfc9535 as library  # noqa: PLC0415 - 20 ms, only for paths that need it

    class Environment(library.JSONPathEnvironment):
        parser_class = _parser()
        max_recursion_depth = jsonvalue.MAX_DEPTH + 50

        def setup_function_extensions(self) -> None:
            super().setup_function_extensions()
            self.function_extensions["match"] = _expression("Match", r"\A(?:", r")\z")
            self.function_extensions["search"] = _expression("Search", "(?:", ")")

    return Environment()


def _dots(pattern: str) -> str:
    """Rewrite the dots of an I-Regexp (RFC 9485), which match no carriage return either."""
    out = []
    escaped = in_class = False
    for character in pattern:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "[":
            in_class = True
        elif character == "]":
            in_class = False
        elif character == "." and not in_class:
            out.append(r"[^\n\r]")
            continue
        out.append(character)
    return "".join(out)


def _compile_rfc(text: str) -> Path:
    import jsonpath_rfc9535 as library  # noqa: PLC0415

    environment = _environment()
    try:
        query = environment.compile(text)
    except library.JSONPathError as error:
        raise JSONPathError(_hint(text) or f"not a JSONPath: {str(error).split(', line')[0]}") from None
    except RecursionError:
        raise JSONPathError("not a JSONPath: nested too deep") from None
    if len(query.segments) > MAX_STEPS:
        raise JSONPathError(f"a path of {len(query.segments):,} steps; at most {MAX_STEPS}")
    if query.singular_query():
        names = (segment.selectors[0] for segment in query.segments)
        return Path(text, singular=True, steps=tuple(_selector(one) for one in names))
    filtered = "?" in text

    def searching(segments: Any) -> Search:
        part = library.JSONPathQuery(env=environment, segments=segments)

        def search(document: Document) -> list[tuple[Location, Any]]:
            places = (
                tuple(n.location) for n in part.finditer(document.plain if filtered else document.value)
            )
            return [(place, value_at(document.value, place)) for place in places]

        return search

    prefixes = tuple(
        Path("", singular=False, steps=None, search=searching(query.segments[:count]))
        for count in range(1, len(query.segments))
    )
    search = searching(query.segments)
    return Path(text, singular=False, steps=None, search=search, prefixes=prefixes, parts=_parts(query))


def _parts(query: Any) -> tuple[Segment, ...]:
    """Return the segments of a query of the library."""
    from jsonpath_rfc9535.segments import JSONPathRecursiveDescentSegment as Descent  # noqa: PLC0415
    from jsonpath_rfc9535.selectors import IndexSelector, NameSelector, SliceSelector  # noqa: PLC0415

    def selected(selector: Any) -> Selector:
        if isinstance(selector, NameSelector | IndexSelector):
            return _selector(selector)
        found: slice | None = selector.slice if isinstance(selector, SliceSelector) else None
        return found

    return tuple(
        Segment(tuple(map(selected, segment.selectors)), isinstance(segment, Descent))
        for segment in query.segments
    )


def _selector(selector: Any) -> str | int:
    found: str | int = selector.name if hasattr(selector, "name") else selector.index
    return found


def _hint(text: str) -> str | None:
    """Return the right spelling of what is usually meant by a path that is none."""
    if text != text.strip():
        return _hint(text.strip()) or f"not a JSONPath: write {text.strip()} without blanks around it"
    if not text.startswith("$"):
        name = text.lstrip(".")
        suggestion = f"$.{name}" if name and not name.startswith("[") else f"${name}"
        return f"a JSONPath starts with $: write {suggestion}"
    rest = text[1:] if text[1:2] in (".", "[") else f".{text[1:]}"
    suggestion = "$" + "".join(map(_respell, re.split(r"(?=\.)", rest)))
    if suggestion != text:
        try:
            compile_path(suggestion)
        except JSONPathError:
            pass
        else:
            return f"not a JSONPath: write {suggestion}"
    return "not a JSONPath: write == to compare" if _ASSIGNED.search(text) else None


def _respell(step: str) -> str:
    name, bracket, rest = step[1:].partition("[")
    if not step.startswith(".") or not name or name == "*" or _NAME.fullmatch(name):
        return step
    if name.isdigit():
        return f"[{int(name)}]{bracket}{rest}"
    if name.isascii() and "'" not in name and "?" not in name:
        return f"['{name}']{bracket}{rest}"
    return step


# -- jsonpath-ng ----------------------------------------------------------------------------------------


def _compile_ng(text: str) -> Path:
    from jsonpath_ng import Child, Fields, Index, Root, This  # noqa: PLC0415 - only for documents that say ng
    from jsonpath_ng.ext.parser import parse  # noqa: PLC0415

    try:
        parsed = parse(text)
    except Exception as error:  # noqa: BLE001 - what the library raises is not said anywhere
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip("!")
        raise JSONPathError(f"not a JSONPath (jsonpath-ng): {reason[0].lower()}{reason[1:]}") from None

    def steps(node: Any) -> Location:
        if isinstance(node, Child):
            return (*steps(node.left), *steps(node.right))
        if isinstance(node, Fields):
            return (str(node.fields[0]),)
        if isinstance(node, Index):
            return (int(_ng_indices(node)[0]),)
        return ()

    def single(node: Any) -> bool:
        if isinstance(node, Child):
            return single(node.left) and single(node.right)
        if isinstance(node, Fields):
            return len(node.fields) == 1 and node.fields[0] != "*"
        return isinstance(node, Root | This) or (isinstance(node, Index) and len(_ng_indices(node)) == 1)

    def search(document: Document) -> list[tuple[Location, Any]]:
        return [
            _ng_value(document, steps(datum.full_path), datum.value) for datum in parsed.find(document.plain)
        ]

    return Path(text, single(parsed), None, search)


def _ng_value(document: Document, place: Location, found: Any) -> tuple[Location, Any]:
    """Return the exact value of a place, or what an extension of the library made of it."""
    try:
        if value_at(document.plain, place) is found:
            return place, value_at(document.value, place)
    except (KeyError, IndexError, TypeError):
        pass
    return place, jsonvalue.from_python(found)


def _ng_indices(node: Any) -> tuple[Any, ...]:
    """Return the indexes of an index step; older releases of the library know only one."""
    return tuple(node.indices) if hasattr(node, "indices") else (node.index,)
