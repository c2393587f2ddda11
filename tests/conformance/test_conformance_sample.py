"""A few of the cases that ``make conformance`` builds, with the builders that Debian has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.conformance_builders import Builder, running_builders
from support.conformance_cases import Case, read_cases
from support.conformance_check import faults, known, reasons

pytestmark = pytest.mark.e2e
_CASES = read_cases()


@pytest.fixture(scope="module")
def builders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Builder]]:
    with running_builders(tmp_path_factory.mktemp("conformance"), ("buildah", "classic", "docker")) as found:
        yield found


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in _CASES if case.sample])
def test_others_make_the_same(case: Case, builders: dict[str, Builder], tmp_path: Path) -> None:
    assert not faults(case, builders, tmp_path)


def test_differences_are_of_cases() -> None:
    peers = {case.name: case.peers for case in _CASES}
    assert [(name, peer) for name, peer in known() if peer not in peers.get(name, ())] == []
    assert len(_CASES) >= 200


def test_differences_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/dockerfile.md").read_text()
    assert [reason for reason in reasons() if reason not in page] == []
