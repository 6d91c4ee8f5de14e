"""Hooks that a project may implement in its conftest.py or in a plugin."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_apitest.extensions import Extensions
    from pytest_apitest.outcome import RunOutcome


@pytest.hookspec(historic=True)
def pytest_apitest_extend(extensions: "Extensions") -> None:
    """Add auth schemes, operators, functions, filters and reports to the language.

    Called once for every implementation, before the first document is read; in a conftest.py of a folder,
    when pytest loads it. Reports belong in a conftest.py that is loaded at the start: the process that
    writes them with pytest-xdist loads no other.

    Args:
        extensions: the tables to add to.

    """


def pytest_apitest_outcome(run: "RunOutcome") -> None:
    """Look at the outcome of the whole run, after the reports were written.

    Called once, in the process that writes the reports.

    Args:
        run: the outcome; what it holds is redacted.

    """
