"""Finds the application that a scenario names as `package.module:attribute` and tells its kind.

Rules kept here:
- whatever is wrong with the name or the module ends in an `AppError` of one plain sentence; a traceback of
  the imported module is kept as the cause, never in the text;
- the folders of a search are looked at only when the named top module is found nowhere else, so that a
  scenario cannot replace an installed package; a folder that did not help is taken from `sys.path` again;
- a kind is read off the object (its class, the parameters it needs), nothing is called to find out;
- nothing here imports a web framework.
"""

import difflib
import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal

Kind = Literal["aiohttp", "asgi", "wsgi", "factory"]

EXPECTED = "expected an aiohttp, ASGI or WSGI application"


class AppError(Exception):
    """An application cannot be found, made or started.

    Args:
        message: one sentence for people.

    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def load_app(spec: str, search: Sequence[Path]) -> object:
    """Import the application, or the function that makes one, that a spec names.

    Args:
        spec: `package.module:attribute`; the attribute may be dotted.
        search: folders to look in when the top module is not on `sys.path`; the one that holds it stays on
            `sys.path`, since an application imports more of itself later.

    Raises:
        AppError: the spec is malformed, names nothing, names something else, or importing it failed.

    """
    name, colon, attribute = spec.partition(":")
    if not colon:
        message = f'"{spec}" has no colon; write package.module:attribute'
        raise AppError(message)
    if not _is_dotted(name) or not _is_dotted(attribute):
        message = f'"{spec}" is not of the form package.module:attribute'
        raise AppError(message)
    found: object = _import(name, search)
    place = name
    for index, part in enumerate(attribute.split(".")):
        found = _member(found, part, place)
        place += f"{'.' if index else ':'}{part}"
    if kind_of(found) is None:
        message = f"{spec} is {describe(found)}; {EXPECTED}, or a function that makes one"
        raise AppError(message)
    return found


def kind_of(app: object) -> Kind | None:
    """Tell what an object is, or None when it is nothing that can be hosted.

    An ASGI application takes scope, receive and send; a WSGI application takes environ and start_response;
    a factory needs no argument at all.
    """
    if is_aiohttp(app):
        return "aiohttp"
    if not callable(app):
        return None
    parameters = _required(app)
    if parameters is None:
        return None
    names, variadic = parameters
    is_async = _is_async(app)
    if not names:
        # `async def app(*args)` is how ASGI middleware is often wrapped; a factory has no use for `*args`.
        return "asgi" if is_async and variadic else "factory"
    if len(names) == 3 and (is_async or names == ("scope", "receive", "send")):
        return "asgi"
    if len(names) == 2 and not is_async:
        return "wsgi"
    return None


def is_aiohttp(app: object) -> bool:
    """Tell whether an object is an aiohttp application, without importing aiohttp to ask."""
    module = sys.modules.get("aiohttp.web_app")
    return module is not None and isinstance(app, module.Application)


def describe(app: object) -> str:
    """Name what an object is, with its article, as the subject of an error message."""
    if app is None:
        return "None"
    if inspect.isroutine(app) or inspect.isclass(app):
        noun = "a class" if inspect.isclass(app) else "a function"
        parameters = _required(app)
        if parameters is not None and parameters[0]:
            return f"{noun} that needs {', '.join(parameters[0])}"
        return noun
    return with_article(type(app).__name__)


def with_article(noun: str) -> str:
    """Put the indefinite article before a noun."""
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"


def first_line(error: BaseException) -> str:
    """Render an exception as `Type: first line of its message`."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _import(name: str, search: Sequence[Path]) -> ModuleType:
    top = name.partition(".")[0]
    try:
        return _import_once(name)
    except ModuleNotFoundError as error:
        if error.name != top:
            raise AppError(_missing(name, error)) from error
    for folder in search:
        if str(folder) in sys.path:
            continue
        sys.path.append(str(folder))
        importlib.invalidate_caches()
        try:
            return _import_once(name)
        except ModuleNotFoundError as error:
            if error.name != top:
                raise AppError(_missing(name, error)) from error
            sys.path.remove(str(folder))
    folders = ", ".join(str(folder) for folder in search)
    looked = f"sys.path and in {folders}" if folders else "sys.path"
    modules = (entry.name for entry in pkgutil.iter_modules([str(folder) for folder in search]))
    message = f'no module "{top}"; looked on {looked}{_near(top, modules)}'
    raise AppError(message)


def _import_once(name: str) -> ModuleType:
    """Import a module; only its own absence stays a ModuleNotFoundError."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise
        raise AppError(_failed(name, error)) from error
    except (Exception, SystemExit) as error:
        raise AppError(_failed(name, error)) from error


def _failed(name: str, error: BaseException) -> str:
    return f"importing {name} failed: {first_line(error)}"


def _missing(name: str, error: ModuleNotFoundError) -> str:
    """Say which part of a dotted module name is missing below one that exists."""
    missing = error.name or name
    parent = missing.rpartition(".")[0]
    package = sys.modules.get(parent)
    folders = getattr(package, "__path__", None)
    if folders is None:
        return f'no module "{missing}"; {parent} is a module, not a package'
    near = _near(missing, (f"{parent}.{entry.name}" for entry in pkgutil.iter_modules(folders)))
    return f'no module "{missing}"; looked in {", ".join(str(folder) for folder in folders)}{near}'


def _member(owner: object, name: str, place: str) -> object:
    try:
        return getattr(owner, name)
    except AttributeError as error:
        near = _near(name, (known for known in dir(owner) if not known.startswith("_")))
        message = f'{place} has no attribute "{name}"{near}'
        raise AppError(message) from error
    except (Exception, SystemExit) as error:
        message = f"reading {name} of {place} failed: {first_line(error)}"
        raise AppError(message) from error


def _near(name: str, known: Iterable[str]) -> str:
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f'; did you mean "{matches[0]}"?' if matches else ""


def _required(app: object) -> tuple[tuple[str, ...], bool] | None:
    """Return the parameters that a call must give by position, and whether `*args` takes more.

    None when the signature cannot be read or a parameter can be given by keyword only.
    """
    assert callable(app)
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.KEYWORD_ONLY and one.default is one.empty for one in parameters):
        return None
    by_position = tuple(
        one.name
        for one in parameters
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) and one.default is one.empty
    )
    return by_position, any(one.kind is one.VAR_POSITIONAL for one in parameters)


def _is_async(app: object) -> bool:
    plain = app
    while isinstance(plain, functools.partial):
        plain = plain.func
    if inspect.iscoroutinefunction(plain):
        return True
    return not inspect.isclass(plain) and inspect.iscoroutinefunction(getattr(plain, "__call__", None))  # noqa: B004
