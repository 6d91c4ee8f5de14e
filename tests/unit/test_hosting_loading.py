"""Loading an application by name: what is found, what is told apart, and the exact text of every refusal."""

import functools
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_apitest.hosting import AppError, kind_of, load_app

Make = Callable[..., str]

_numbers = itertools.count()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for modules, not on sys.path; whatever the test imports is forgotten afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def module(folder: Path) -> Make:
    """Write a module with a name of its own and return the name."""

    def make(source: str) -> str:
        name = f"hosted_{next(_numbers)}"
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        return name

    return make


def refusal(spec: str, *search: Path) -> str:
    with pytest.raises(AppError) as caught:
        load_app(spec, search)
    assert str(caught.value) == caught.value.message
    return caught.value.message


def test_an_attribute_of_a_module_in_a_search_folder_is_found(folder: Path, module: Make) -> None:
    name = module("def create_app():\n    return 1\n")

    app = load_app(f"{name}:create_app", [folder / "empty", folder])

    assert app is sys.modules[name].create_app
    assert str(folder) in sys.path
    assert str(folder / "empty") not in sys.path


def test_a_dotted_attribute_and_a_dotted_module_are_found(folder: Path) -> None:
    package = folder / "hosted_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "app.py").write_text("class Site:\n    @staticmethod\n    def make():\n        return 7\n")

    app: Any = load_app("hosted_package.app:Site.make", [folder])

    assert app() == 7


def test_a_search_folder_does_not_replace_what_is_installed(folder: Path) -> None:
    (folder / "json.py").write_text("def loads():\n    return 'mine'\n")

    assert "is a function that needs s" in refusal("json:loads", folder)
    assert str(folder) not in sys.path


def test_no_colon() -> None:
    assert refusal("orders.app") == '"orders.app" has no colon; write package.module:attribute'


@pytest.mark.parametrize("spec", [":app", "orders:", "orders/app.py:app", "orders.app:a:b", "..orders:app"])
def test_not_of_the_form(spec: str) -> None:
    assert refusal(spec) == f'"{spec}" is not of the form package.module:attribute'


def test_module_not_found_without_search() -> None:
    assert refusal("hosted_nowhere.app:app") == 'no module "hosted_nowhere"; looked on sys.path'


def test_module_not_found_in_search_folders(tmp_path: Path) -> None:
    before = list(sys.path)
    (tmp_path / "hosted_orders.py").touch()

    assert refusal("hosted_ordres:app", tmp_path / "a", tmp_path) == (
        f'no module "hosted_ordres"; looked on sys.path and in {tmp_path / "a"}, {tmp_path}; '
        f'did you mean "hosted_orders"?'
    )
    assert sys.path == before


def test_submodule_not_found(folder: Path) -> None:
    package = folder / "hosted_shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "web.py").touch()

    assert refusal("hosted_shop.wep:app", folder) == (
        f'no module "hosted_shop.wep"; looked in {package}; did you mean "hosted_shop.web"?'
    )
    assert refusal("hosted_shop.web.app:app", folder) == (
        'no module "hosted_shop.web.app"; hosted_shop.web is a module, not a package'
    )


def test_attribute_not_found(folder: Path, module: Make) -> None:
    name = module("class Site:\n    routes = {}\n\ndef create_app():\n    return 1\n")

    assert refusal(f"{name}:creat_app", folder) == (
        f'{name} has no attribute "creat_app"; did you mean "create_app"?'
    )
    assert refusal(f"{name}:Site.route", folder) == (
        f'{name}:Site has no attribute "route"; did you mean "routes"?'
    )
    assert refusal(f"{name}:Site.routes.zzz", folder) == f'{name}:Site.routes has no attribute "zzz"'


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("raise ValueError('no database\\nat all')", "ValueError: no database"),
        ("raise ValueError", "ValueError"),
        ("import hosted_driver", "ModuleNotFoundError: No module named 'hosted_driver'"),
        ("import sys; sys.exit('use the other one')", "SystemExit: use the other one"),
        ("1 +", "SyntaxError: invalid syntax"),
    ],
)
def test_an_import_that_fails(folder: Path, module: Make, source: str, end: str) -> None:
    name = module(source)

    message = refusal(f"{name}:app", folder)

    assert message.startswith(f"importing {name} failed: {end}")
    assert "\n" not in message


def test_an_import_that_fails_keeps_its_cause(folder: Path, module: Make) -> None:
    name = module("raise ValueError('no database')")

    with pytest.raises(AppError) as caught:
        load_app(f"{name}:app", [folder])

    assert isinstance(caught.value.__cause__, ValueError)


def test_a_module_that_fails_when_asked_for_its_attribute(folder: Path, module: Make) -> None:
    name = module(
        "def __getattr__(name):\n    if name == 'app':\n        raise OSError('no port')\n    raise AttributeError(name)\n"
    )

    assert refusal(f"{name}:app", folder) == f"reading app of {name} failed: OSError: no port"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("x = {}", "a dict"),
        ("x = 5", "an int"),
        ("x = None", "None"),
        ("def x(config): pass", "a function that needs config"),
        ("def x(*, config): pass", "a function"),
        ("async def x(environ, start_response): pass", "a function that needs environ, start_response"),
        ("class x:\n    def __init__(self, a, b, c): pass", "a class that needs a, b, c"),
        ("import decimal as x", "a module"),
    ],
)
def test_an_attribute_that_is_no_application(folder: Path, module: Make, source: str, what: str) -> None:
    name = module(source)

    assert refusal(f"{name}:x", folder) == (
        f"{name}:x is {what}; expected an aiohttp, ASGI or WSGI application, or a function that makes one"
    )


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...
async def asgi_of_other_names(a: Any, b: Any, c: Any) -> None: ...
async def asgi_by_position(*args: Any) -> None: ...
def asgi_that_returns_a_coroutine(scope: Any, receive: Any, send: Any) -> Any: ...
def wsgi(environ: Any, start_response: Any) -> Any: ...
def configured_wsgi(settings: Any, environ: Any, start_response: Any) -> Any: ...
async def configured_asgi(settings: Any, scope: Any, receive: Any, send: Any) -> None: ...
def factory(delay: float = 1.0, *, token: str = "t") -> None: ...
async def async_factory() -> None: ...
def three(a: Any, b: Any, c: Any) -> None: ...
def asgi_2(scope: Any) -> None: ...


class AsgiObject:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class WsgiObject:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class WsgiClass:
    def __init__(self, environ: Any, start_response: Any) -> None: ...


@pytest.mark.parametrize(
    ("app", "kind"),
    [
        (asgi, "asgi"),
        (asgi_of_other_names, "asgi"),
        (asgi_by_position, "asgi"),
        (asgi_that_returns_a_coroutine, "asgi"),
        (AsgiObject(), "asgi"),
        (AsgiObject().__call__, "asgi"),
        (functools.partial(configured_asgi, {}), "asgi"),
        (wsgi, "wsgi"),
        (WsgiObject(), "wsgi"),
        (WsgiClass, "wsgi"),
        (functools.partial(configured_wsgi, {}), "wsgi"),
        (factory, "factory"),
        (async_factory, "factory"),
        (AsgiObject, "factory"),
        (functools.partial(three, 1, 2, 3), "factory"),
        (three, None),
        (asgi_2, None),
        ("orders.app", None),
        (min, None),
    ],
)
def test_kinds(app: object, kind: str | None) -> None:
    assert kind_of(app) == kind


def test_kinds_of_real_frameworks() -> None:
    import flask
    from aiohttp import web
    from starlette.applications import Starlette

    assert kind_of(web.Application()) == "aiohttp"
    assert kind_of(Starlette()) == "asgi"
    assert kind_of(flask.Flask("orders")) == "wsgi"


def test_importing_the_package_and_loading_imports_no_server() -> None:
    code = (
        "import sys; from pytest_apitest.hosting import Host, load_app; load_app('platform:node', []); Host().close(); "
        "print(sorted(name for name in sys.modules if name.partition('.')[0] in {'aiohttp', 'starlette', 'flask'}))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")
