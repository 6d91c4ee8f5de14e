"""What all tests share: golden files, the option that rewrites them, and Ctrl-C for programs that are started."""

import signal

import pytest

pytest.register_assert_rewrite("tests.golden_files", "tests.docs.pages", "tests.harness")

from tests.golden_files import Golden  # noqa: E402 - what is imported before is not rewritten

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background deaf to Ctrl-C, and programs started from there inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--update-golden`."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare texts with the files they are expected to equal."""
    return Golden(update=bool(request.config.getoption("--update-golden")))
