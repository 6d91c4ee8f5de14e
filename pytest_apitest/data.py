"""The decorator of our data classes: a dataclass with slots that only gets what it needs.

A plain `dataclass(frozen=True, slots=True)` compiles six methods when its module is imported, about 1 ms each
time; with well over a hundred of them, that was a fifth of a run of one scenario. This one compiles
`__init__` alone. Type checkers treat its instances as frozen; comparing two of them compares identity.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def data(cls: type[Class]) -> type[Class]:
    """Make a class of data: its annotated names become parameters and slots."""
    cls.__repr__ = _shown  # type: ignore[method-assign]
    return dataclass(slots=True, eq=False, repr=False, match_args=False)(cls)


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def record(cls: type[Class]) -> type[Class]:
    """Make a class of data that is filled in step by step; otherwise as `data`."""
    cls.__repr__ = _shown  # type: ignore[method-assign]
    return dataclass(slots=True, eq=False, repr=False, match_args=False)(cls)


def _shown(self: object) -> str:
    names = getattr(type(self), "__slots__", ())
    return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name, None)!r}' for name in names)})"
