"""``make conformance``: all cases with all builders. ``make test`` takes a sample of them, as this takes minutes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.conformance_builders import Builder, running_builders
from support.conformance_cases import Case, read_cases
from support.conformance_check import faults

_PEERS = ("buildah", "classic", "docker", "buildkit")


@pytest.fixture(scope="module")
def builders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Builder]]:
    with running_builders(tmp_path_factory.mktemp("conformance"), _PEERS) as found:
        yield found


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in read_cases()])
def test_others_make_the_same(case: Case, builders: dict[str, Builder], tmp_path: Path) -> None:
    assert not faults(case, builders, tmp_path)
