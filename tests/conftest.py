"""What all tests share: golden files, and the option that rewrites them."""

import pytest

from tests.golden_files import Golden


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--update-golden`."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare texts with the files they are expected to equal."""
    return Golden(update=bool(request.config.getoption("--update-golden")))
