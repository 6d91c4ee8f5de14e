"""What a project may add to the language: auth schemes, operators, functions, filters and reports.

Rules kept here:
- the built-in tables are copied, so that what one run adds does not leak into another of the same process;
- whatever is added needs a docstring, which is its entry in the reference and the editor schema;
- a name that exists is refused.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pytest_apitest.auth import SCHEMES, AuthError, Field, Scheme, SignedRequest
from pytest_apitest.checks.operators import OPERATORS, Miss, Operator
from pytest_apitest.errors import in_one_line
from pytest_apitest.functions import FILTERS, FUNCTIONS, Callee, FilterError, ForeignError, callee
from pytest_apitest.jsonvalue import from_python, show, show_typed
from pytest_apitest.patterns import deferred
from pytest_apitest.registry import Table

_NAME = deferred(r"[A-Za-z_][A-Za-z0-9_]*")
ReportWriter = Callable[[Any, Any], None]


class Extensions:
    """The tables of one run; the hook `pytest_apitest_extend` receives them."""

    def __init__(self) -> None:
        self.operators: Table[Operator] = OPERATORS.copy()
        self.functions: Table[Callee] = FUNCTIONS.copy()
        self.filters: Table[Callee] = FILTERS.copy()
        self.schemes: Table[Scheme] = SCHEMES.copy()
        self.reports: Table[ReportWriter] = Table("report")

    def add_function(self, name: str, call: Callable[..., Any]) -> None:
        """Add a function for references, `${name(…)}`.

        Args:
            name: its name: letters, digits and _.
            call: the Python function; its signature says how many arguments a reference may give; a
                ValueError it raises fails the step with its text, anything else with its type too.

        Raises:
            ValueError: the name is taken or malformed, or the function has no docstring.

        """
        _check(name, call)
        self.functions.add(name, callee(name, _converting("function", name, call), skip=0))

    def add_filter(self, name: str, call: Callable[..., Any]) -> None:
        """Add a filter for references, `${x | name}`.

        Args:
            name: its name: letters, digits and _.
            call: the Python function; the value is its first argument; a ValueError it raises fails the
                step with its text, anything else with its type too.

        Raises:
            ValueError: the name is taken or malformed, or the function has no docstring.

        """
        _check(name, call)
        self.filters.add(name, callee(name, _converting("filter", name, call), skip=1))

    def add_operator(self, name: str, test: Callable[[Any, Any], bool | str | None]) -> None:
        """Add an operator for checks, `{name: operand}`.

        Args:
            name: its name: letters, digits and _.
            test: called with the value found and the operand; returns True or None when the check holds,
                False or a sentence (`expected …, got …` or any other) when it does not. An AssertionError
                it raises is such a sentence; anything else fails the check, also under `not`.

        Raises:
            ValueError: the name is taken or malformed, or the function has no docstring.

        """
        _check(name, test)

        def run(actual: Any, operand: Any) -> list[Miss]:
            wanted = f"{name} {show(operand)}"
            answer: object
            try:
                answer = test(actual, operand)
            except AssertionError as error:
                answer = f"{name}: {in_one_line(error).removeprefix('AssertionError: ')}"
            except Exception as error:  # noqa: BLE001 - whatever a project's code raises, the check failed
                return [Miss(wanted, show(actual), _broke("operator", name, test, error), applies=False)]
            if answer is None or answer is True:
                return []
            return [Miss(wanted, show(actual), answer if isinstance(answer, str) else "")]

        run.__doc__ = inspect.getdoc(test)
        self.operators.add(name, Operator(name, "value", run, lambda operand: f"{name} {show(operand)}"))

    def add_auth(
        self,
        name: str,
        sign: Callable[[SignedRequest, Mapping[str, Any]], Mapping[str, str]],
        fields: tuple[str, ...] = (),
        optional: tuple[str, ...] = (),
    ) -> None:
        """Add an auth scheme, `auth: {name: …}`.

        Args:
            name: its name: letters, digits and _.
            sign: called with the request and the settings; returns the headers to send.
            fields: names of the settings that must be written; none at all means one text, given to
                `sign` as `{"value": text}`.
            optional: names of settings that may be left out.

        Raises:
            ValueError: the name is taken or malformed, or the function has no docstring.

        """
        _check(name, sign)
        if name == "none":
            raise ValueError("auth scheme 'none' exists already; choose another name")
        settings = {field: Field() for field in fields} | {field: Field(required=False) for field in optional}
        scheme = Scheme(name, settings or None, headers=_signing(name, sign), documented=sign)
        self.schemes.add(name, scheme)

    def add_report(self, name: str, write: ReportWriter) -> None:
        """Add a report that is written beside the others into the folder of `--apitest-report`.

        Args:
            name: its name.
            write: called with the outcome of the run and the folder.

        Raises:
            ValueError: the name is taken or malformed, or the function has no docstring.

        """
        _check(name, write)
        self.reports.add(name, write)


def _check(name: str, call: Callable[..., Any]) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name: letters, digits and _")
    if not inspect.getdoc(call):
        raise ValueError(f"{name!r} needs a docstring: its first paragraph is the entry in the reference")


def _broke(what: str, name: str, call: Callable[..., Any], error: Exception) -> str:
    """Return what is said when the code of a project raised what it was not asked to raise."""
    module = getattr(call, "__module__", None) or type(call).__module__
    return f"the {what} {name} of {module} failed: {in_one_line(error)}"


def _signing(
    name: str, sign: Callable[[SignedRequest, Mapping[str, Any]], Mapping[str, str]]
) -> Callable[[SignedRequest, Mapping[str, Any]], Mapping[str, str]]:
    def signed(request: SignedRequest, settings: Mapping[str, Any]) -> Mapping[str, str]:
        try:
            headers = dict(sign(request, settings))
            for header, value in headers.items():
                if not isinstance(header, str) or not isinstance(value, str):
                    got = f"{show_typed(header)}: {show_typed(value)}"
                    raise TypeError(f"headers are texts, got {got}")  # noqa: TRY301 - told as all others are
        except AuthError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a project's code raises, nothing is sent
            raise AuthError(_broke("auth scheme", name, sign, error)) from None
        return headers

    return signed


def _converting(what: str, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def converted(*args: Any) -> Any:
        try:
            return from_python(call(*args))
        except FilterError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a project's code raises, the step failed
            if type(error) is ValueError and str(error):
                raise FilterError(str(error)) from None
            raise ForeignError(_broke(what, name, call, error)) from None

    converted.__doc__ = inspect.getdoc(call)
    converted.__signature__ = inspect.signature(call)  # type: ignore[attr-defined]
    return converted
