"""References `${name}`: their grammar, and the compiled values that hold them (language, section 6)."""

from pytest_apitest.references.grammar import NAME, Compiler, ReferenceSyntaxError
from pytest_apitest.references.values import (
    ListValue,
    Literal,
    MapValue,
    NotSentError,
    Reference,
    RenderError,
    Scope,
    Single,
    Text,
    UnsetError,
    Value,
    template_parts,
    text_of,
)

__all__ = [
    "NAME",
    "Compiler",
    "ListValue",
    "Literal",
    "MapValue",
    "NotSentError",
    "Reference",
    "ReferenceSyntaxError",
    "RenderError",
    "Scope",
    "Single",
    "Text",
    "UnsetError",
    "Value",
    "template_parts",
    "text_of",
]
