"""YAML text to nodes: every mapping, list and scalar with its place (language, section 1).

Rules kept here:
- a file is a tree: anchors, aliases, merge keys and tags are refused, so every node has one place;
- a key is its written text, and stands once in its mapping;
- plain scalars have the YAML 1.2 core types with JSON numbers; what other readers take for a number is
  refused; everything else is text;
- nodes are built from the event stream and stopped at depth 64, since building them by recursion dies on
  a file of brackets;
- after a YAML syntax error only that error is reported, in the words of `slips`; what is found in a
  well-formed file is collected.
"""

from pytest_apitest.source.loading import MAX_DEPTH, MAX_NUMBER, MAX_SIZE, load, read_file
from pytest_apitest.source.nodes import Mapping, Node, Scalar, Sequence, Source

__all__ = [
    "MAX_DEPTH",
    "MAX_NUMBER",
    "MAX_SIZE",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Source",
    "load",
    "read_file",
]
