"""Finding the operation that a request names (language, sections 3 and 5, `operation`).

Rules kept here:
- the endpoint is the only one whose description has the operation, or the one that is named;
- a description that is read during the run has no operations when a document is read.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_apitest.errors import did_you_mean, near
from pytest_apitest.language.model import OperationUse, RequestSpec
from pytest_apitest.language.reader import BadNodeError, Reader, mark_of
from pytest_apitest.source import Mapping, Node, Scalar

if TYPE_CHECKING:
    from pytest_apitest.openapi.contract import Contract


def find_operation(reader: Reader, mapping: Mapping, name: str, endpoint: str | None) -> OperationUse:
    """Return the operation that a request names; raises `BadNodeError`.

    Args:
        reader: the reader, which has read the endpoints.
        mapping: the request.
        name: the operationId.
        endpoint: the endpoint that is named beside it, or None.

    """
    node = mapping.entries["operation"][1]
    if reader.kind == "fragment":
        base = next(iter(reader.endpoint_names), "api")
        reader.fail(node, f"a fragment has no descriptions: write a method and ${{{base}}}/path")
    if endpoint is not None:
        chosen = _named_endpoint(reader, mapping.entries["endpoint"][1], endpoint)
    else:
        chosen = _only_endpoint(reader, node, name)
    from pytest_apitest.openapi.calls import UnusableError, call_named, place_in  # noqa: PLC0415 - only where one is named

    contract = reader.contracts[chosen]
    try:
        call = call_named(contract, name)
    except UnusableError as error:
        message = f"{name} cannot be used: {error.message} ({place_in(contract, error.pointer)})"
        if all(problem.message != message for problem in reader.problems):
            reader.error(node, message)
        raise BadNodeError from None
    if call is None:
        others = [one for one, other in reader.contracts.items() if name in other.operations.ids]
        hint = f"; {others[0]} has it" if others else ""
        reader.fail(node, _no_operation(contract, name, f"the description of {chosen}", hint))
    return OperationUse(name, chosen, call, mark_of(node))


def _named_endpoint(reader: Reader, node: Node, name: str) -> str:
    if name not in reader.endpoint_names:
        if not reader.names_known:
            raise BadNodeError
        hint = did_you_mean(name, reader.endpoint_names) or "; declare it under endpoints"
        reader.fail(node, f'no endpoint is named "{name}"{hint}')
    if name not in reader.contracts:
        if not reader.endpoints_known:
            raise BadNodeError
        if name in reader.described_later:
            reader.fail_once(node, _later(reader, name))
        line = reader.endpoint_names[name].line
        others = f"; those with one: {', '.join(reader.contracts)}" if reader.contracts else ""
        reader.fail(node, f"{name} (line {line}) has no openapi description{others}")
    return name


def _later(reader: Reader, name: str) -> str:
    shown = reader.described_later[name]
    where = f"that of {name}, {shown}, is read during the run"
    return f"operation needs a description in files beside this document; {where}"


def _only_endpoint(reader: Reader, node: Node, name: str) -> str:
    """Return the only endpoint whose description has an operation."""
    contracts = reader.contracts
    if not contracts:
        if not (reader.endpoints_known and reader.names_known):
            raise BadNodeError
        if reader.described_later:
            reader.fail_once(node, _later(reader, next(iter(reader.described_later))))
        reader.fail(
            node, "operation needs a description: write openapi: FILE on the endpoint that it belongs to"
        )
    having = [endpoint for endpoint, contract in contracts.items() if name in contract.operations.ids]
    if len(having) > 1:
        choices = " or ".join(f"endpoint: {endpoint}" for endpoint in having[:3])
        reader.fail(node, f"which endpoint? {name} is an operation of each: write {choices}")
    if having:
        return having[0]
    if not reader.endpoints_known:
        raise BadNodeError
    first = next(iter(contracts.values()))
    files = {contract.description.shown for contract in contracts.values()}
    if len(files) == 1:
        reader.fail(node, _no_operation(first, name, "the description"))
    known = [one for contract in contracts.values() for one in contract.operations.ids]
    hint = did_you_mean(name, known)
    reader.fail(node, f'no operation "{name}" in any description{hint} ({", ".join(sorted(files))})')


def _no_operation(contract: "Contract", name: str, where: str, hint: str = "") -> str:
    from pytest_apitest.openapi.calls import place_in  # noqa: PLC0415

    ids = contract.operations.ids
    hint = hint or did_you_mean(name, ids)
    if not hint:
        listed = ", ".join(list(ids)[:5]) + (", …" if len(ids) > 5 else "")
        hint = f"; there are {listed}" if ids else "; none of its operations has an operationId"
    return f'no operation "{name}" in {where}{hint} ({place_in(contract, ("paths",))})'


def operation_named(reader: Reader, name: str) -> str | None:
    """Return the operation that is meant where the name of a request is expected, or None.

    Args:
        reader: the reader, which has read the endpoints.
        name: a name that no request has.

    """
    ids = [one for contract in reader.contracts.values() for one in contract.operations.ids]
    if name in ids or not reader.requests.known or near(name, reader.requests.entries) is not None:
        return name if name in ids else None
    return near(name, ids)


def places_of_parameter(reader: Reader, operation: str, name: str) -> list[str]:
    """Return the places in which an operation has a parameter of a name: `path`, `query`, `header`, `cookie`.

    Args:
        reader: the reader, which has read the endpoints.
        operation: an operationId, perhaps an unknown one.
        name: the name.

    """
    if not reader.contracts:
        return []
    from pytest_apitest.openapi.calls import UnusableError, call_named  # noqa: PLC0415

    found: list[str] = []
    for contract in reader.contracts.values():
        try:
            call = call_named(contract, operation)
        except UnusableError:
            continue
        for place, key in call.parameters if call is not None else ():
            if key == (name.lower() if place == "header" else name) and place not in found:
                found.append(place)
    return found


def calls_operation(reader: Reader, node: Node | None, methods: tuple[str, ...]) -> bool:
    """Tell whether a request is made of an operation, its own or that of `like`, before it is read.

    Args:
        reader: knows the named requests.
        node: the request.
        methods: the keys that a method and its URL may stand behind.

    """
    for _ in range(len(reader.requests.entries) + 1):
        name = node
        if isinstance(node, Mapping):
            if "operation" in node:
                return True
            if "url" in node or any(method in node for method in methods):
                return False
            name = node.get("like")
        entry = reader.requests.entries.get(name.text) if isinstance(name, Scalar) else None
        if entry is None:
            return False
        node = entry[1]
    return False


def with_bases(reader: Reader, node: Node, request: RequestSpec) -> Iterator[RequestSpec]:
    """Yield a request, the named one it is like, and so on.

    Args:
        reader: knows the named requests.
        node: where the request is written.
        request: the request.

    """
    yield request
    while request.like is not None:
        request = reader.requests.read(reader, node, request.like).value
        yield request
