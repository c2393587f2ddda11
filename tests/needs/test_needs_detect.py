"""Detection is exact on programs whose needs are known."""

from pathlib import Path

import pytest

from smidgen.elf.header import parse_elf
from smidgen.needs.detect import detect_needs
from smidgen.needs.need import NeedsReport
from support.needs_programs import STANDARD, Module


def report(path: Path) -> NeedsReport:
    return detect_needs(parse_elf(path.read_bytes()))


def check(found: NeedsReport, module: Module, program: str, *, also: frozenset[str] = frozenset()) -> None:
    truth = module.truth(program)
    assert {str(need.kind): str(need.confidence) for need in found.needs if need.included} == truth.needs
    assert {str(fact.kind) for fact in found.facts} == truth.facts | also
    if truth.reports is not None:
        assert {str(need.kind) for need in found.needs if not need.included} == truth.reports
    assert found.readable
    for need in found.needs:
        assert need.symbol
        assert need.reason.endswith(".")


@pytest.mark.e2e
@pytest.mark.parametrize("program", STANDARD.programs)
def test_standard_library(program: str) -> None:
    check(report(STANDARD.build() / program), STANDARD, program)


SAMPLE = ["server", "server_form", "tls_client", "temporary_path", "https_get"]


@pytest.mark.e2e
@pytest.mark.parametrize("program", SAMPLE)
@pytest.mark.parametrize("flags", [("-ldflags=",), ("-gcflags=all=-l", "-ldflags=-s -w")], ids=" ".join)
def test_other_ways_to_build(program: str, flags: tuple[str, ...]) -> None:
    check(report(STANDARD.build(*flags) / program), STANDARD, program)


@pytest.mark.e2e
@pytest.mark.parametrize("program", SAMPLE)
def test_position_independent(program: str) -> None:
    flags = ("-buildmode=pie", "-ldflags=-s -w")
    check(report(STANDARD.build(*flags) / program), STANDARD, program, also=frozenset({"dynamic"}))


@pytest.mark.e2e
def test_reason_names_who_needs_it() -> None:
    need = report(STANDARD.build() / "temporary_file").needs[0]
    assert need.symbol == "os.CreateTemp"
    assert need.callers == ("main.main",)
    assert need.reason == "The program (main.main) makes temporary files."


@pytest.mark.e2e
def test_warning_names_who_starts_programs() -> None:
    found = report(STANDARD.build() / "starts_command")
    (warning,) = found.warnings
    assert "main.main" in warning
    assert "--add" in warning
