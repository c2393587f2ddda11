"""Hostile executables: whatever the bytes, what adds up or InvalidExecutable comes out, in bounded time and memory."""

import tracemalloc
from struct import pack_into
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smidgen.analyze.binary.attribute import explain_binary
from smidgen.elf.header import parse_elf
from smidgen.errors import InvalidExecutable
from support.go_releases import Build, releases

NEWEST = releases()[-1]
PROGRAMS = [
    Build(NEWEST).program(stripped=True).read_bytes(),
    Build("1.21.13", "arm64").program(stripped=False).read_bytes(),
    Build(NEWEST, "arm64", "pie").program(stripped=True).read_bytes(),
]


def check(data: bytes) -> None:
    """Explain it, and add up."""
    try:
        explained = explain_binary(data, lambda offset: offset)
    except InvalidExecutable:
        return
    assert sum(section.size for section in explained.sections) == len(data)
    assert sum(package.size for section in explained.sections for package in section.packages) == len(data)
    assert explained.exact <= explained.attributed <= len(data)


def interesting(data: bytes) -> list[int]:
    """Give the places that everything hangs on: headers, module data, the head and the rows of the function table."""
    elf = parse_elf(data)
    places = list(range(16, 64, 2)) + list(range(64, 1024, 8))
    for name, size in (
        (".gopclntab", 400),
        (".go.module", 600),
        (".typelink", 200),
        (".symtab", 400),
        (".rodata", 400),
    ):
        section = elf.section(name)
        if section is not None:
            places += range(section.offset, section.offset + min(size, section.size - 8), 4)
    places += range(len(data) - 64 * 24, len(data) - 8, 8)
    return places


@pytest.mark.parametrize("program", range(len(PROGRAMS)))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.data())
def test_numbers_that_everything_hangs_on(program: int, draw: st.DataObject) -> None:
    data = bytearray(PROGRAMS[program])
    places = interesting(PROGRAMS[program])
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.sampled_from(places))
        value = draw.draw(st.sampled_from([0, 1, 0x7F, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 64) - 1]))
        pack_into("<Q" if value > 0xFFFFFFFF or draw.draw(st.booleans()) else "<I", data, at, value)
    check(bytes(data))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, len(PROGRAMS[0]) - 64), st.binary(min_size=1, max_size=64)), max_size=30))
def test_bytes_anywhere(changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(PROGRAMS[0])
    for at, new in changes:
        data[at : at + len(new)] = new
    check(bytes(data))


def test_cut_anywhere() -> None:
    data = PROGRAMS[0]
    for size in range(0, len(data), len(data) // 12):
        check(data[:size])


def table_of(program: bytes) -> int:
    section = parse_elf(program).section(".gopclntab")
    assert section is not None
    return section.offset


@pytest.mark.parametrize("what", ["names", "records", "types"])
def test_tables_that_ask_for_too_much(what: str) -> None:
    data = bytearray(PROGRAMS[0])
    elf = parse_elf(PROGRAMS[0])
    table = table_of(PROGRAMS[0])
    names, units = (int.from_bytes(data[table + at : table + at + 8], "little") for at in (32, 40))
    if what == "names":
        data[table + names : table + units] = b"x" * (units - names - 1) + b"\0"
    elif what == "records":
        rows = int.from_bytes(data[table + 64 : table + 72], "little")
        size = next(section.size for section in elf.sections if section.name == ".gopclntab") - rows
        data[table + rows + 80 : table + rows + size] = b"\xff\x00\x00\x00" * ((size - 80) // 4) + b"\0" * (size % 4)
    else:
        section = elf.section(".go.type") or elf.section(".rodata")
        assert section is not None
        data[section.offset : section.offset + section.size] = data[section.offset : section.offset + 64] * (
            section.size // 64
        ) + bytes(section.size % 64)
    tracemalloc.start()
    try:
        begin = process_time()
        check(bytes(data))
        assert process_time() - begin < 60
        assert tracemalloc.get_traced_memory()[1] < 500 << 20
    finally:
        tracemalloc.stop()
