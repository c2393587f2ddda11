"""What the tests of Dockerfiles share."""

from pathlib import Path

import pytest

from support.cache_machines import first, second
from support.command import Smidgen
from support.dockerfile_bench import Bench, public
from support.sandbox_rights import library
from support.served import remote

__all__ = ["first", "library", "public", "remote", "second"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path)


@pytest.fixture
def smidgen(bench: Bench) -> Smidgen:
    """The command line, with the store and in the context of ``bench``."""
    return Smidgen(store=bench.store.root, cwd=bench.context)
