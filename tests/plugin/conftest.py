"""What the tests of the pytest side share."""

from pathlib import Path

import pytest

from tests.plugin.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give an empty project and pytest runs in it."""
    return Project(tmp_path)
