"""The decorators of our data classes: dataclasses that cost next to nothing until they are used.

A `dataclass(frozen=True, slots=True)` compiles six methods when its module is imported, about 1 ms each time, and
with well over a hundred of them that was a fifth of a run of one scenario. These classes compile only `__init__`,
and that only for a class of which many instances are made; the first few are filled by a loop. Type checkers
treat the instances of `data` as frozen; comparing two of them compares identity.
"""

import sys
from dataclasses import MISSING, Field, field
from typing import Any, TypeVar, dataclass_transform

Class = TypeVar("Class")
Instance = TypeVar("Instance")
# From this instance on a class has a compiled `__init__`: it takes 0.1 ms to make and saves 1 us a time.
MANY = 16


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def data(cls: type[Class]) -> type[Class]:
    """Make a class of data: its annotated names become parameters and attributes."""
    return _made(cls)


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def record(cls: type[Class]) -> type[Class]:
    """Make a class of data that is filled in step by step; otherwise as `data`."""
    return _made(cls)


def changed(instance: Instance, **changes: Any) -> Instance:
    """Return a copy of an instance of a data class, with some of its attributes changed."""
    copy = object.__new__(type(instance))
    copy.__dict__.update(instance.__dict__, **changes)
    return copy


def _made(cls: type[Class]) -> type[Class]:
    fields: dict[str, Field[Any]] = {}
    for name in _annotations(cls):
        default = cls.__dict__.get(name, MISSING)
        if isinstance(default, Field):
            fields[name] = default
            if default.default is MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, default.default)
        else:
            fields[name] = field(default=default)
    hidden = {name for name, one in fields.items() if not one.repr}
    if hidden:
        cls._hidden = hidden  # type: ignore[attr-defined]
    cls.__init__ = _initializer(cls, fields)  # type: ignore[method-assign]
    if "__repr__" not in cls.__dict__:
        cls.__repr__ = _shown  # type: ignore[method-assign]
    return cls


if sys.version_info >= (3, 14):
    from annotationlib import Format, get_annotations

    def _annotations(cls: type) -> dict[str, Any]:
        return get_annotations(cls, format=Format.FORWARDREF)

else:

    def _annotations(cls: type) -> dict[str, Any]:
        annotations: dict[str, Any] = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 - importing inspect costs 8 ms
        return annotations


def _initializer(cls: type, fields: dict[str, Field[Any]]) -> Any:
    """Return an `__init__` that fills the first instances by itself, and then has itself replaced."""
    names = [name for name, one in fields.items() if one.init]
    known = frozenset(names)
    required = {name for name in names if fields[name].default is fields[name].default_factory is MISSING}
    after = getattr(cls, "__post_init__", None)
    made = 0

    def __init__(self: object, *args: Any, **given: Any) -> None:  # noqa: N807
        nonlocal made
        made += 1
        values = {**dict(zip(names, args, strict=False)), **given}
        # Too many arguments are lost above, as is one that is given twice.
        whole = len(values) == len(args) + len(given) and required <= values.keys() <= known
        if made > MANY or not whole:
            # A call that is wrong gets Python's own words for it.
            cls.__init__ = _compiled(cls, fields)  # type: ignore[misc]
            cls.__init__(self, *args, **given)  # type: ignore[misc]
            return
        for name in names:
            if name in values:
                value = values[name]
            else:
                one = fields[name]
                value = one.default if one.default_factory is MISSING else one.default_factory()
            setattr(self, name, value)
        if after is not None:
            after(self)

    return __init__


def _compiled(cls: type, fields: dict[str, Field[Any]]) -> Any:
    """Return an `__init__` with a parameter for each field."""
    names: dict[str, Any] = {"_made_anew": _MADE_ANEW}
    parameters, lines = ["self"], []
    for name, one in fields.items():
        if not one.init:
            continue
        value = name
        if one.default_factory is not MISSING:
            names[f"_make_{name}"] = one.default_factory
            parameters.append(f"{name}=_made_anew")
            value = f"_make_{name}() if {name} is _made_anew else {name}"
        elif one.default is not MISSING:
            names[f"_default_{name}"] = one.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f"    self.{name} = {value}\n")
    if hasattr(cls, "__post_init__"):
        lines.append("    self.__post_init__()\n")
    code = f"def __init__({', '.join(parameters)}):\n{''.join(lines) or '    pass'}\n"
    exec(code, names)  # noqa: S102
    names["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    return names["__init__"]


_MADE_ANEW = object()


def _shown(self: object) -> str:
    hidden = getattr(self, "_hidden", ())
    shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name not in hidden)
    return f"{type(self).__name__}({shown})"
