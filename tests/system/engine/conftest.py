"""A bench for each test of the engine, and an API that notes what it was asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Bench, bench_in
from tests.system.engine.noting import Noting, refusing


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


@pytest.fixture
def api(bench: Bench) -> Noting:
    return Noting(bench)


@pytest.fixture
def closed() -> Iterator[str]:
    """Give the host and port of an address that refuses every connection."""
    with refusing() as port:
        yield f"127.0.0.1:{port}"
