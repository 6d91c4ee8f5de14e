"""Inspecting a description: reading, walking, checking, ignoring, placing."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_apitest.errors import did_you_mean
from pytest_apitest.json_schema.words import pointer as json_pointer
from pytest_apitest.jsonvalue import show
from pytest_apitest.openapi.description import Description
from pytest_apitest.openapi.inspector.adr import check_adr, score_of, under_names_of_adr
from pytest_apitest.openapi.inspector.context import Context
from pytest_apitest.openapi.inspector.examples import check_examples
from pytest_apitest.openapi.inspector.findings import Finding, Inspection
from pytest_apitest.openapi.inspector.operations import check_operations
from pytest_apitest.openapi.inspector.parts import check_parts
from pytest_apitest.openapi.inspector.references import check_references, unused_components
from pytest_apitest.openapi.inspector.rules import ADR_RULES, OAS_RULES, RULESETS
from pytest_apitest.openapi.inspector.schema_rules import check_schemas
from pytest_apitest.openapi.inspector.walk import Found, Walk
from pytest_apitest.openapi.reading import Pointer, collection_paused
from pytest_apitest.openapi.sources import read_source
from pytest_apitest.patterns import deferred

if TYPE_CHECKING:
    from pytest_apitest.openapi.addresses import Reach
    from pytest_apitest.transport import Resolver

_SHOWN = 60
_BREAKS_SCHEMAS = frozenset({"wrong-type", "bad-value", "ref-dead", "ref-loop", "ref-kind", "ref-external"})
_IN_SCHEMAS = frozenset({"schema", "schemas", "items", "properties"})
_QUOTED = deferred(r"""\"(?:[^"\\]|\\.)*"|'[^']*'""")
_PLAIN = deferred(r"[^\s,\[\]{}]+")


def inspect(
    source: Path | str | bytes,
    shown: str | None = None,
    ruleset: str = "oas",
    *,
    refs: bool = False,
    ref_origins: Collection[str] = (),
    reach: "Reach | None" = None,
    seconds: float = 30.0,
    resolver: "Resolver | None" = None,
) -> Inspection:
    """Return everything that the rules find in a description.

    Args:
        source: the file, its URL, or its bytes.
        shown: its name in messages; by default the path, or the URL without its query.
        ruleset: `oas` or `adr`.
        refs: whether references may lead to files below its folder or, for a URL, to what is of its origin.
        ref_origins: further origins that they may lead to, such as `https://schemas.example`.
        reach: what may be read over the network; `Reach(guarded=True)` where strangers say what is inspected.
        seconds: time for all that is read together.
        resolver: given a host name and a port, returns the addresses to use, or None to ask the system.

    Raises:
        DescriptionError: it cannot be read.
        ValueError: there is no such ruleset, or an origin is none.

    """
    check_ruleset(ruleset)
    # What is read is gone again before garbage is looked for.
    with collection_paused():
        description = read_source(
            source, shown, refs=refs, ref_origins=ref_origins, reach=reach, seconds=seconds, resolver=resolver
        )
        return _inspected(description, ruleset)


def check_ruleset(name: str) -> None:
    """Raise `ValueError` when there is no ruleset of a name.

    Args:
        name: what was asked for, such as `oas`.

    """
    if name not in RULESETS:
        raise ValueError(f'unknown ruleset "{name}"; known: {", ".join(RULESETS)}')


def _inspected(description: Description, ruleset: str) -> Inspection:
    found, context = _found_in(description)
    score = None
    applying: set[str] = set()
    if ruleset == "adr":
        # Ignored under either name is ignored.
        found = under_names_of_adr(
            _not_ignored(found, context) if context is not None else found, description
        )
        if context is not None:
            before = len(context.walk.found)
            applying = check_adr(context)
            found += context.walk.found[before:]
    if context is not None:
        found = _not_ignored(found, context)
        if ruleset == "adr":
            score = score_of(found, applying)
    return Inspection(
        description.shown,
        description.text,
        _said_version(description),
        _placed(found, description),
        score,
        {file.shown: file.text for file in description.files.values()},
        inspected=context is not None,
    )


def _said_version(description: Description) -> str:
    value = description.value if isinstance(description.value, dict) else {}
    found = value.get("openapi", value.get("swagger", ""))
    return (
        str(found)[:_SHOWN]
        if isinstance(found, str) or (found is not None and not isinstance(found, dict | list))
        else ""
    )


def _found_in(description: Description) -> tuple[list[Found], Context | None]:
    found = [
        Found(
            "duplicate-key", f'the key "{str(one.pointer[-1])[:_SHOWN]}" is written twice', one.pointer, True
        )
        for one in description.duplicates
    ]
    if (wrong := description.version_mistake()) is not None:
        found.append(Found("openapi-version", *wrong))
    if description.version not in ("3.0", "3.1", "3.2"):
        return found, None
    walk = Walk(description.version)
    walk.walk("OpenAPI", description.value)
    context = Context(description, walk)
    check_references(context)
    check_operations(context)
    check_parts(context)
    check_schemas(context)
    if not any(one.rule in _BREAKS_SCHEMAS and not _IN_SCHEMAS.isdisjoint(one.pointer) for one in walk.found):
        # Schemas that are none judge nothing; their own mistakes are to be mended first.
        check_examples(context)
    unused_components(context)
    _unknown_ignores(context)
    return found + walk.found, context


# -- ignoring -------------------------------------------------------------------------------------------


def _unknown_ignores(context: Context) -> None:
    known = [*OAS_RULES, *ADR_RULES]
    for pointer, names in context.walk.ignored:
        at = (*pointer, "x-apitest-ignore")
        if not isinstance(names, list):
            context.add("unknown-ignore", "a list of rules is due here", at)
            continue
        for index, name in enumerate(names):
            if name not in known:
                hint = did_you_mean(name, known) if isinstance(name, str) else ""
                context.add("unknown-ignore", f"there is no rule {show(name, _SHOWN)}{hint}", (*at, index))


def _not_ignored(found: list[Found], context: Context) -> list[Found]:
    ignored: dict[Pointer, set[str]] = {}
    for pointer, names in context.walk.ignored:
        if isinstance(names, list):
            ignored.setdefault(pointer, set()).update(name for name in names if isinstance(name, str))
    if not ignored:
        return found

    def holds(one: Found) -> bool:
        return not any(
            one.rule in ignored[one.pointer[:end]]
            for end in range(len(one.pointer) + 1)
            if one.pointer[:end] in ignored
        )

    return [one for one in found if holds(one)]


# -- placing --------------------------------------------------------------------------------------------


def _placed(found: Sequence[Found], description: Description) -> tuple[Finding, ...]:
    rules = {**OAS_RULES, **ADR_RULES}
    twice = {one.pointer: (one.line, one.column) for one in description.duplicates}
    placed: dict[tuple[Any, ...], Finding] = {}
    texts: dict[str, list[str]] = {}
    for one in found:
        key = (one.rule, one.pointer, one.message)
        if key in placed:
            continue
        holder, inner = description.holder(one.pointer)
        if holder.shown not in texts:
            texts[holder.shown] = holder.text.split("\n")
        lines = texts[holder.shown]
        line, column = description.place(one.pointer, key=one.key)
        if one.rule == "duplicate-key":
            line, column = twice[one.pointer]
        message = one.message
        if not message.isprintable():
            message = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in message)
        width = _width(one, lines[line - 1] if line <= len(lines) else "", column)
        severity = rules[one.rule].severity
        placed[key] = Finding(
            one.rule, severity, message, json_pointer(inner), line, column, width, holder.shown
        )
    order = {
        name: at
        for at, name in enumerate((description.shown, *(f.shown for f in description.files.values())))
    }
    return tuple(
        sorted(
            placed.values(),
            key=lambda one: (order[one.file], one.line, one.column, one.rule, one.message),
        )
    )


def _width(one: Found, line: str, column: int) -> int:
    """Return how many characters a finding is about: a name, or a scalar on one line."""
    quoted = _QUOTED.match(line, column - 1)
    if quoted is not None:
        return len(quoted[0])
    if one.key and one.pointer and line.startswith(str(one.pointer[-1]), column - 1):
        return len(str(one.pointer[-1]))
    plain = _PLAIN.match(line, column - 1)
    return len(plain[0].rstrip(":")) or 1 if plain is not None else 1
