"""Detection is exact on programs whose needs are known."""

from pathlib import Path

import pytest

from smidgen.elf.header import parse_elf
from smidgen.needs.detect import detect_needs
from smidgen.needs.need import NeedsReport
from support.go_releases import releases
from support.go_tools import CRANE, go_tool
from support.needs_programs import LIBRARIES, STANDARD, Module


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


SAMPLE = ("server", "server_form", "tls_client", "temporary_path", "https_get", "zone_value", "server_verify")
# Programs without HTTP, whose packages compile in a few seconds for one more machine.
SMALL = ("certificate_pool", "starts_command", "temporary_file", "user_lookup", "verify", "zone")


@pytest.mark.e2e
@pytest.mark.parametrize("program", SAMPLE)
@pytest.mark.parametrize("flags", [("-ldflags=",), ("-gcflags=all=-l", "-ldflags=-s -w")], ids=" ".join)
def test_other_ways_to_build(program: str, flags: tuple[str, ...]) -> None:
    check(report(STANDARD.build(*flags, only=SAMPLE) / program), STANDARD, program)


@pytest.mark.e2e
@pytest.mark.parametrize("program", SAMPLE)
def test_position_independent(program: str) -> None:
    flags = ("-buildmode=pie", "-ldflags=-s -w")
    check(report(STANDARD.build(*flags, only=SAMPLE) / program), STANDARD, program, also=frozenset({"dynamic"}))


@pytest.mark.e2e
@pytest.mark.parametrize("program", STANDARD.programs)
@pytest.mark.parametrize("release", [releases()[0], releases()[-1]])
def test_oldest_and_newest_release(program: str, release: str) -> None:
    check(report(STANDARD.build(release=release) / program), STANDARD, program)


@pytest.mark.e2e
@pytest.mark.parametrize("program", STANDARD.programs)
def test_arm64(program: str) -> None:
    check(report(STANDARD.build(GOARCH="arm64") / program), STANDARD, program)


@pytest.mark.e2e
@pytest.mark.parametrize("program", SMALL)
@pytest.mark.parametrize("architecture", ["386", "arm", "loong64", "ppc64le", "riscv64", "s390x"])
def test_other_machines(program: str, architecture: str) -> None:
    check(report(STANDARD.build(only=SMALL, GOARCH=architecture) / program), STANDARD, program)


@pytest.mark.e2e
def test_calls_over_stepping_stones() -> None:
    """A call on riscv64 reaches one megabyte, so that Go's linker puts jumps in between in a program of this size."""
    program = "temporary_file_server"
    check(report(STANDARD.build(only=(program,), GOARCH="riscv64") / program), STANDARD, program)


@pytest.mark.e2e
@pytest.mark.parametrize("program", SMALL)
def test_machine_whose_calls_are_not_known(program: str) -> None:
    """Nothing is missed then, though what is found is less sure."""
    found = report(STANDARD.build(only=SMALL, GOARCH="mips64le") / program)
    assert {str(need.kind) for need in found.needs if need.included} == set(STANDARD.truth(program).needs)


@pytest.mark.e2e
@pytest.mark.parametrize("program", LIBRARIES.programs)
def test_libraries(program: str) -> None:
    check(report(LIBRARIES.build() / program), LIBRARIES, program)


# What well-known programs need, from what they are known to do.
REAL = {
    "filippo.io/age/cmd/age@v1.3.2": ({"tmp": "certain"}, {"starts-programs"}),
    "filippo.io/mkcert@v1.4.4": ({"ca": "possible", "passwd": "certain"}, {"starts-programs"}),
    "github.com/evanw/esbuild/cmd/esbuild@v0.28.2": ({}, set()),
    "github.com/prometheus/node_exporter@v1.12.1": ({"ca": "likely", "passwd": "certain"}, set()),
    "github.com/rakyll/hey@v0.1.5": ({"ca": "likely"}, set()),
    "honnef.co/go/tools/cmd/staticcheck@v0.8.2": ({"tmp": "certain"}, {"starts-programs"}),
    "mvdan.cc/sh/v3/cmd/shfmt@v3.14.1": ({"tmp": "likely"}, set()),
    CRANE: ({"ca": "likely", "passwd": "likely", "tmp": "certain"}, {"starts-programs"}),
}


@pytest.mark.e2e
@pytest.mark.parametrize("package", REAL)
def test_well_known_programs(package: str) -> None:
    found = report(go_tool(package))
    needs, facts = REAL[package]
    assert {str(need.kind): str(need.confidence) for need in found.needs if need.included} == needs
    assert {str(fact.kind) for fact in found.facts} == facts


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
