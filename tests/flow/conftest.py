"""What the tests of flows share."""

from pathlib import Path

import pytest

from support.command import Smidgen
from support.dockerfile_bench import Bench, public
from support.flow_bench import FlowBench
from support.sandbox_rights import library

__all__ = ["library", "public"]


@pytest.fixture
def bench(tmp_path: Path) -> FlowBench:
    return FlowBench(Bench.at(tmp_path))


@pytest.fixture
def smidgen(bench: FlowBench) -> Smidgen:
    """The command line, with the store and in the working directory of ``bench``."""
    return Smidgen(store=bench.bench.store.root, cwd=bench.directory)
