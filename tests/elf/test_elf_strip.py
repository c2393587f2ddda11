"""Executables without their symbols: what is loaded stays, and readers still take them."""

import subprocess
from pathlib import Path

import pytest

from smidgen.elf.header import parse_elf
from smidgen.elf.strip import stripped


@pytest.mark.e2e
@pytest.mark.parametrize("words", [("-static",), ("-static-pie",), ("-pie",)], ids=str)
def test_a_program_runs_without_its_symbols(words: tuple[str, ...], tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    source = b'#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n'
    subprocess.run(["gcc", "-g", *words, "-o", whole, "-xc", "-"], input=source, check=True)
    before = parse_elf(whole.read_bytes())
    small = stripped(before)
    after = parse_elf(small)
    assert before.has_symtab
    assert not after.has_symtab
    assert not after.has_dwarf
    assert (after.segments, after.entry, after.needed) == (before.segments, before.entry, before.needed)
    assert stripped(after) == small
    program = tmp_path / "small"
    program.write_bytes(small)
    program.chmod(0o755)
    assert subprocess.run([program], check=True, capture_output=True).stdout == b"hello\n"
    listed = subprocess.run(["readelf", "-SWl", program], check=True, capture_output=True, text=True)
    assert not listed.stderr
    assert ".symtab" not in listed.stdout
    assert ".shstrtab" in listed.stdout
