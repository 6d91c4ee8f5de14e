"""What the demo scenarios take from pytest: a mark and a fixture."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks of the demo scenarios, for projects with strict markers."""
    config.addinivalue_line("markers", "demo: scenarios against the demo API")
    config.addinivalue_line("markers", "slow: takes more than a second")


@pytest.fixture(scope="session")
def editor() -> dict[str, str]:
    """Return a user that the demo API knows."""
    return {"user": "ada", "password": "lovelace"}
