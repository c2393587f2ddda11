"""Hostile executables: whatever the bytes, a value or InvalidExecutable comes out, soon and in little memory."""

import tracemalloc
from struct import pack_into
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.elf.buildinfo import read_build_info
from smidgen.elf.functab import read_function_table
from smidgen.elf.header import parse_elf
from support.elf_maker import MAGIC, PT_DYNAMIC, PT_INTERP, RW, RX, ElfMaker, FunctionTableMaker
from support.elf_use import use

MACHINES = {(64, "<"): 62, (64, ">"): 22, (32, "<"): 40, (32, ">"): 8}
QUANTA = {62: 1, 22: 2, 40: 4, 8: 4}
MODULES = b"x" * 16 + b'path\ta\nmod\ta\tv1\th1:=\n=>\tb\nbuild\t"k"="v\\x41"\n' + b"y" * 16


def program(bits: int, endian: str, layout: str, *, sections: bool, kind: int) -> bytes:
    """Make a small program that has one of everything that is read."""
    machine = MACHINES[bits, endian]
    maker = ElfMaker(bits=bits, endian=endian, machine=machine, kind=kind)

    def named(name: str) -> str:
        return name if sections else ""

    text = maker.add(b"\x90" * 64, flags=RX, section=named(".text"))
    functions = (("main.a", 0, 1), ("main.b", 16, 2), ("runtime.main", 32, 3))
    table = FunctionTableMaker(
        layout, bits, endian, functions, ("main.c",), text=text, quantum=QUANTA[machine], text_in_head=kind == 2
    )
    address = maker.add(table.build(), section=named(".gopclntab"))
    place = maker.add(maker.words(*table.module_data(address)), flags=RW, section=named(".noptrdata"))
    head = (b"\xff Go buildinf:\x08\x02").ljust(32, b"\0")
    maker.add(head + b"\x06go1.26" + bytes((len(MODULES),)) + MODULES, flags=RW, section=named(".go.buildinfo"))
    strings = maker.add(b"\0libc.so\0", section=named(".dynstr"))
    relocations = maker.add(maker.words(place, 8, address))
    rows = (1, 1, 5, strings, 10, 9, 14, 1, 7, relocations, 8, 24, 0, 0)
    maker.add(maker.words(*rows), kind=PT_DYNAMIC)
    maker.add(b"/lib/ld.so\0", kind=PT_INTERP)
    return maker.build()


PROGRAMS = [
    program(bits, endian, layout, sections=sections, kind=kind)
    for bits, endian in MACHINES
    for layout in ("1.16", "1.18", "1.20")
    for sections in (True, False)
    for kind in (2, 3)
]


def test_the_programs_are_right_to_begin_with() -> None:
    for data in PROGRAMS:
        elf = parse_elf(data)
        table = read_function_table(elf)
        assert table is not None
        assert [function.name for function in table.functions()] == ["main.a", "main.b", "runtime.main"]
        info = read_build_info(elf)
        assert info is not None
        assert info.settings == {"k": "vA"}


def test_truncation_at_every_byte() -> None:
    for data in PROGRAMS[::5]:
        for size in [*range(1200), *range(1200, len(data), 7)]:
            use(data[:size])


def test_every_byte_of_the_headers_set_to_extremes() -> None:
    for data in PROGRAMS[::11]:
        for offset in range(16, 420):
            for value in (0, 1, 0x7F, 0xFF):
                changed = bytearray(data)
                changed[offset] = value
                use(bytes(changed))


EDITS = st.lists(
    st.tuples(
        st.integers(0, len(PROGRAMS[0]) + 400),
        st.one_of(
            st.binary(min_size=1, max_size=8),
            st.sampled_from([b"\xff" * 4, b"\xff" * 8, b"\0" * 8, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x01" * 8]),
        ),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PROGRAMS), EDITS)
def test_changed_bytes(data: bytes, edits: list[tuple[int, bytes]]) -> None:
    changed = bytearray(data)
    for offset, value in edits:
        changed[offset : offset + len(value)] = value
    use(bytes(changed))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([1, 2]), st.sampled_from([1, 2]), st.binary(max_size=600))
def test_random_headers(elf_class: int, order: int, rest: bytes) -> None:
    use(b"\x7fELF" + bytes((elf_class, order, 1)) + b"\0" * 9 + (b"\x02\0" if order == 1 else b"\0\x02") + rest)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    use(data)


def huge_tables() -> dict[str, bytes]:
    """Give files whose numbers promise far more than they hold, or whose bytes lead a search astray."""
    plain = bytearray(program(64, "<", "1.20", sections=True, kind=2))
    at = plain.find(MAGIC["1.20"].to_bytes(4, "little"))

    def with_words(offset: int, *values: int) -> bytes:
        data = bytearray(plain)
        pack_into(f"<{len(values)}Q", data, offset, *values)
        return bytes(data)

    def filled(pattern: bytes, flags: int = RW) -> bytes:
        maker = ElfMaker(kind=3)
        maker.add((pattern * (2_000_000 // len(pattern)))[:2_000_000], flags=flags)
        relocations = maker.segments[0][2]
        maker.add(maker.words(7, relocations, 8, 2_000_000, 0, 0), kind=PT_DYNAMIC)
        maker.entry = int.from_bytes((pattern * 8)[:8], "little")
        return maker.build()

    table_offset = int.from_bytes(plain[40:48], "little")
    return {
        "functions": with_words(at + 8, 1 << 62),
        "functions of 32 bits": with_words(at + 8, 0xFFFFFFFF),
        "sections": with_words(table_offset + 32, 1 << 60) + b"\0" * 100_000,
        "sections in the first row": with_words(60, 0) + b"\0" * 100_000,
        "magic of the table everywhere": filled(b"\xf1\xff\xff\xff\0\0\x01\x08"),
        "magic of the build information everywhere": filled(b"\xff Go buildinf:"),
        "zeros": filled(b"\0"),
        "ones": filled(b"\xff"),
        "address of itself": filled((0x400400).to_bytes(8, "little")),
    }


@pytest.mark.parametrize("name", huge_tables())
def test_bounded_time_and_memory(name: str) -> None:
    data = huge_tables()[name]
    start = process_time()
    use(data)
    assert process_time() - start < 2
    tracemalloc.start()
    try:
        use(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The names and the rows may be copied once; nothing may grow with what a header promises.
    assert peak < 8 * len(data) + 1_000_000
