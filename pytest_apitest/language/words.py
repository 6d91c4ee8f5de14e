"""What stands somewhere, in the words of messages."""

import re

from pytest_apitest.jsonvalue import show
from pytest_apitest.source import Mapping, Node, Scalar, Sequence

_ONE_WORD = re.compile(r"[\w$.-]{1,40}")


def as_list(node: Node) -> str:
    """Return how a list is written of what stands where one is expected, as far as that can be told."""
    if isinstance(node, Mapping):
        return "; each item begins with -"
    if isinstance(node, Scalar) and isinstance(node.value, str) and _ONE_WORD.fullmatch(node.text):
        return f"; write [{node.text}]"
    return ""


def describe(node: Node) -> str:
    """Return what a node is, in the words of a message."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    assert isinstance(node, Scalar)
    if "${" in node.text:
        return f"a reference: {show(node.text, 40)}"
    value = node.value
    if isinstance(value, str):
        return f"text {show(value, 40)}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"number {node.text[:40]}"
