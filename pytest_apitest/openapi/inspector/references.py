"""References: that they lead somewhere, to an object of the kind that is due, and not back to themselves."""

from collections.abc import Iterator
from typing import Any

from pytest_apitest.errors import near
from pytest_apitest.openapi.description import DeadReferenceError, Elsewhere
from pytest_apitest.openapi.inspector.context import Context
from pytest_apitest.openapi.inspector.objects import called
from pytest_apitest.openapi.inspector.walk import Use
from pytest_apitest.openapi.reading import Pointer

SECTIONS = {
    "schemas": "Schema",
    "responses": "Response",
    "parameters": "Parameter",
    "examples": "Example",
    "requestBodies": "RequestBody",
    "headers": "Header",
    "securitySchemes": "SecurityScheme",
    "links": "Link",
    "callbacks": "Callback",
    "pathItems": "PathItem",
    "mediaTypes": "MediaType",
}
_SECTION_OF = {kind: section for section, kind in SECTIONS.items()}
_SHOWN = 80
# Below these a schema is looked at with the same value as the schema around it.
_SAME_VALUE = frozenset({"allOf", "anyOf", "oneOf"})


def check_references(context: Context) -> None:
    """Check every reference; what only references lead to is walked through on the way."""
    done = 0
    uses = context.walk.uses
    wrong: dict[tuple[str, str], tuple[str, str] | None] = {}
    anchors, ids = _named(context)
    known: dict[Pointer, str] | None = None
    passed: set[Pointer] = set()
    while done < len(uses):
        use = uses[done]
        done += 1
        case = (use.ref, use.kind)
        if case not in wrong:
            wrong[case] = _dead(context, use, anchors, ids)
            if wrong[case] is None and (found := context.target(use.ref)) is not None:
                pointer, value = found
                name = _component_kind(pointer)
                if name is None:
                    if known is None:
                        known = {one.pointer: kind for kind, seen in context.objects.items() for one in seen}
                    name = known.get(pointer)
                    if name is None and not _is_reference(value):
                        known[pointer] = name = use.kind
                        context.walk.walk(use.kind, value, pointer)
                    elif name is None and pointer not in passed and isinstance((*pointer, "")[0], Elsewhere):
                        # Of another file only what references lead to is looked at, references among it.
                        passed.add(pointer)
                        if isinstance(value["$ref"], str):
                            uses.append(Use((*pointer, "$ref"), value["$ref"], use.kind))
                if name is not None and name != use.kind:
                    words = f"leads to {called(name)}, where {called(use.kind)} is due"
                    wrong[case] = ("ref-kind", words)
                context.used.add(pointer[:3])
        if (found_wrong := wrong[case]) is not None:
            if found_wrong[0] == "ref-dead":
                _use_the_nearest(context, use)
            context.add(found_wrong[0], f'"{use.ref[:_SHOWN]}" {found_wrong[1]}', use.pointer)
    _loops(context)


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and "$ref" in value


def _component_kind(pointer: Pointer) -> str | None:
    if len(pointer) == 3 and pointer[0] == "components":
        return SECTIONS.get(str(pointer[1]))
    return None


def _use_the_nearest(context: Context, use: Use) -> None:
    """Count the component that a misspelt reference means as used: that nothing leads to it is the same mistake."""
    before, _, name = use.ref.rpartition("/")
    section = before.removeprefix("#/components/")
    nearest = near(name, context.components.get(section, {}))
    if nearest is not None:
        context.used.add(("components", section, nearest))


def _named(context: Context) -> tuple[set[str], set[str]]:
    """Return the anchors and ids of schemas (JSON Schema Core 2020-12, section 8.2)."""
    anchors: set[str] = set()
    ids: set[str] = set()
    if context.version == "3.0":
        return anchors, ids
    for seen in context.objects["Schema"]:
        schema = seen.value
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(name := schema.get(keyword), str):
                anchors.add(name)
        if isinstance(name := schema.get("$id"), str):
            ids.add(name.rstrip("#"))
    if isinstance(own := context.root.get("$self"), str):
        ids.add(own)
    return anchors, ids


def _dead(context: Context, use: Use, anchors: set[str], ids: set[str]) -> tuple[str, str] | None:
    """Return rule and words for a reference that leads to nothing."""
    ref = use.ref
    try:
        context.description.resolve(ref)
    except DeadReferenceError as error:
        if use.kind == "Schema" and context.version != "3.0":
            if ref.startswith("#") and ref[1:] in anchors:
                return None
            if ids and (ref.startswith("#") or any(_below(one, ref) for one in ids)):
                return None  # it leads into a resource of its own, which no evaluator of ours looks for here
        elsewhere = error.external and ("#" in ref or ":" in ref)
        hint = _meant(context, use) if not elsewhere and "did you mean" not in error.message else ""
        hint = hint or error.cure("--refs reads it", "--ref-origin {} reads it")
        return ("ref-external" if error.external else "ref-dead"), error.message + hint
    return None


def _meant(context: Context, use: Use) -> str:
    """Return `; did you mean …?` for a component whose name alone, or behind another way, is the reference."""
    section = _SECTION_OF.get(use.kind, "")
    name = use.ref.rpartition("/")[2].removeprefix("#")
    if name not in context.components.get(section, {}):
        return ""
    context.used.add(("components", section, name))
    return f'; did you mean "#/components/{section}/{name[:_SHOWN]}"?'


def _below(base: str, ref: str) -> bool:
    return base.rpartition("/")[2] == ref.partition("#")[0].rpartition("/")[2]


def _loops(context: Context) -> None:
    """Report references that lead back to themselves before anything is said."""
    edges: dict[Pointer, list[tuple[Use, Pointer]]] = {}
    for use in context.walk.uses:
        target = context.target(use.ref)
        if target is not None:
            for holder in _with_the_same_value(use.pointer[:-1]):
                edges.setdefault(holder, []).append((use, target[0]))
    state: dict[Pointer, int] = {}
    for start, first in edges.items():
        if start in state:
            continue
        state[start] = 1
        path: list[tuple[Pointer, Iterator[tuple[Use, Pointer]]]] = [(start, iter(first))]
        while path:
            node, following = path[-1]
            step = next(following, None)
            if step is None:
                state[node] = 2
                path.pop()
                continue
            use, target_pointer = step
            if state.get(target_pointer) == 1:
                message = f'"{use.ref[:_SHOWN]}" leads back to itself without end'
                context.add("ref-loop", message, use.pointer)
            elif target_pointer not in state and target_pointer in edges:
                state[target_pointer] = 1
                path.append((target_pointer, iter(edges[target_pointer])))


def _with_the_same_value(pointer: Pointer) -> Iterator[Pointer]:
    """Yield a schema and the schemas around it that look at the same value."""
    yield pointer
    while len(pointer) > 2 and isinstance(pointer[-1], int) and pointer[-2] in _SAME_VALUE:
        pointer = pointer[:-2]
        yield pointer


def unused_components(context: Context) -> None:
    """Report components that nothing leads to."""
    used = context.used
    for seen in context.objects["SecurityRequirement"]:
        used |= {("components", "securitySchemes", name) for name in seen.value}
    for seen in (*context.objects["OpenAPI"], *context.objects["Operation"]):
        if isinstance(
            written := seen.value.get("security"), dict
        ):  # a mapping without its list is told already
            used |= {("components", "securitySchemes", name) for name in written}
    parents = set()
    for seen in context.objects["Discriminator"]:
        parents.add(seen.pointer[:-1])
        for name in _texts(seen.value.get("mapping")):
            target = context.target(name) if "/" in name or "#" in name else None
            used.add(target[0][:3] if target is not None else ("components", "schemas", name))
    for section, components in context.components.items():
        for name, value in components.items():
            pointer: Pointer = ("components", section, name)
            if section not in SECTIONS or pointer in used or not isinstance(value, dict | bool):
                continue
            if section == "schemas" and parents and _is_child(context, value, parents):
                continue
            message = f'nothing leads to the component "{name[:_SHOWN]}"'
            context.add("unused-component", message, pointer, key=True)


def _texts(mapping: Any) -> list[str]:
    return [one for one in mapping.values() if isinstance(one, str)] if isinstance(mapping, dict) else []


def _is_child(context: Context, schema: Any, parents: set[Pointer]) -> bool:
    """Tell whether a schema is one that a discriminator finds by its name (OpenAPI 3.1, section 4.8.25)."""
    branches = schema.get("allOf") if isinstance(schema, dict) else None
    for branch in branches if isinstance(branches, list) else ():
        ref = branch.get("$ref") if isinstance(branch, dict) else None
        target = context.target(ref) if isinstance(ref, str) else None
        if target is not None and target[0] in parents:
            return True
    return False
