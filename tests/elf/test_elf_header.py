"""ELF headers: values from programs made here byte by byte, and faults that must not pass."""

import mmap
from pathlib import Path
from struct import pack, pack_into

import pytest

from smidgen.elf.header import parse_elf
from smidgen.errors import InvalidExecutable
from support.elf_maker import PT_DYNAMIC, PT_INTERP, RX, ElfMaker

CLASSES = [(64, "<"), (64, ">"), (32, "<"), (32, ">")]


def dynamic_program(bits: int = 64, endian: str = "<", *, kind: int = 3, flags: int = 0, entry: int = 64) -> ElfMaker:
    """Make a program that needs two libraries and a loader."""
    maker = ElfMaker(bits=bits, endian=endian, kind=kind, entry=entry)
    strings = b"\0libc.so.6\0libm.so.6\0/opt/lib\0"
    at = maker.add(strings, section=".dynstr", section_type=3)
    maker.add(b"/lib/ld.so.1\0", kind=PT_INTERP)
    rows = [(1, 1), (1, 11), (5, at), (10, len(strings)), (29, 21), (15, 21)]
    rows += [(0x6FFFFFFB, flags)] if flags else []
    maker.add(b"".join(maker.words(*row) for row in [*rows, (0, 0)]), kind=PT_DYNAMIC)
    maker.add(b"\x90" * 64, flags=RX, section=".text")
    return maker


def static_program(**fields: int) -> ElfMaker:
    maker = ElfMaker(**fields)  # type: ignore[arg-type]
    maker.add(b"\x90" * 64, flags=RX, section=".text")
    return maker


@pytest.mark.parametrize(("bits", "endian"), CLASSES)
def test_every_class_and_byte_order(bits: int, endian: str) -> None:
    maker = dynamic_program(bits, endian)
    elf = parse_elf(maker.build())
    assert (elf.bits, elf.endian, elf.entry) == (bits, endian, 64)
    assert elf.interpreter == "/lib/ld.so.1"
    assert elf.needed == ("libc.so.6", "libm.so.6")
    assert (elf.dynamic.rpath, elf.dynamic.runpath) == ("/opt/lib", "/opt/lib")
    assert [section.name for section in elf.sections] == ["", ".dynstr", ".text", ""]
    text = elf.section(".text")
    assert text is not None
    assert elf.image.read(text.address, text.size) == b"\x90" * 64
    assert not elf.is_static
    assert elf.is_pie


@pytest.mark.parametrize(
    ("machine", "bits", "endian", "name"),
    [
        (3, 32, "<", "386"),
        (62, 64, "<", "amd64"),
        (62, 32, "<", None),
        (40, 32, "<", "arm"),
        (183, 64, "<", "arm64"),
        (8, 32, ">", "mips"),
        (8, 32, "<", "mipsle"),
        (8, 64, ">", "mips64"),
        (8, 64, "<", "mips64le"),
        (21, 64, ">", "ppc64"),
        (21, 64, "<", "ppc64le"),
        (22, 64, ">", "s390x"),
        (243, 64, "<", "riscv64"),
        (258, 64, "<", "loong64"),
        (2, 32, ">", None),
    ],
)
def test_architecture(machine: int, bits: int, endian: str, name: str | None) -> None:
    maker = ElfMaker(bits=bits, endian=endian, machine=machine)
    maker.add(b"code", flags=RX)
    assert parse_elf(maker.build()).architecture == name


def test_static_program() -> None:
    elf = parse_elf(static_program().build())
    assert elf.is_static
    assert not elf.is_pie
    assert elf.interpreter is None
    assert not elf.has_symtab
    assert not elf.has_dwarf
    assert not elf.is_upx_packed


def test_static_pie() -> None:
    maker = static_program(kind=3)
    maker.add(maker.words(0x6FFFFFFB, 0x08000000, 0, 0), kind=PT_DYNAMIC)
    elf = parse_elf(maker.build())
    assert elf.is_static
    assert elf.is_pie


def test_shared_library_is_no_program() -> None:
    assert not parse_elf(static_program(kind=3, entry=0).build()).is_pie


def test_symbols_and_debugging_information() -> None:
    maker = static_program()
    maker.add(b"\0" * 24, section=".symtab", section_type=2)
    maker.add(b"\0" * 24, section=".debug_info")
    elf = parse_elf(maker.build())
    assert elf.has_symtab
    assert elf.has_dwarf


def test_upx_mark_counts_only_without_sections() -> None:
    maker = ElfMaker()
    maker.add(b"UPX!" + b"\0" * 100, flags=RX)
    packed = maker.build()
    assert not parse_elf(packed).is_upx_packed, "the mark is not where UPX puts it"
    assert parse_elf(packed[:200] + b"UPX!" + packed[204:]).is_upx_packed
    assert parse_elf(packed + b"UPX!").is_upx_packed
    assert not parse_elf(static_program().build() + b"UPX!").is_upx_packed


def test_stripped_section_table() -> None:
    whole = dynamic_program().build()
    data = bytearray(whole)
    pack_into("<Q", data, 40, 0)
    pack_into("<HH", data, 60, 0, 0)
    elf = parse_elf(bytes(data))
    assert elf.sections == ()
    assert elf.needed == ("libc.so.6", "libm.so.6")


def test_section_counts_in_the_first_row() -> None:
    data = bytearray(static_program().build())
    table = int.from_bytes(data[40:48], "little")
    pack_into("<HH", data, 60, 0, 0xFFFF)
    pack_into("<Q", data, table + 32, 3)
    pack_into("<I", data, table + 40, 2)
    assert [section.name for section in parse_elf(bytes(data)).sections] == ["", ".text", ""]


def test_smallest_program() -> None:
    """A program header may lie over the file header, and its bytes may end in the file's last page."""
    data = bytearray(103)
    data[:16] = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    pack_into("<HHIQQ", data, 16, 2, 62, 1, 0x10004, 47)
    pack_into("<IIQQQQQQ", data, 47, 1, 5, 0, 0x10100, 0x10100, 256, 256, 4096)
    # These lie over the segment's flags and offset, which becomes 256.
    pack_into("<HH", data, 54, 56, 1)
    elf = parse_elf(bytes(data))
    assert elf.is_static
    assert elf.sections == ()


@pytest.mark.parametrize("form", ["bytes", "memoryview", "slice", "mmap", "view of mmap"])
def test_forms_of_input(form: str, tmp_path: Path) -> None:
    data = dynamic_program().build()
    path = tmp_path / "program"
    path.write_bytes(data)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        if form == "mmap":
            assert parse_elf(mapped).needed == ("libc.so.6", "libm.so.6")
        elif form == "view of mmap":
            with memoryview(mapped) as view:
                assert parse_elf(view).data is mapped
    views: dict[str, bytes | memoryview] = {
        "bytes": data,
        "memoryview": memoryview(data),
        "slice": memoryview(b"xx" + data)[2:],
    }
    if form in views:
        assert parse_elf(views[form]).needed == ("libc.so.6", "libm.so.6")


def test_reading_by_address() -> None:
    maker = ElfMaker()
    first, second = maker.add(b"0123456789abcdef"), maker.add(b"xyz")
    image = parse_elf(maker.build()).image
    assert image.read(first + 4, 3) == b"456"
    assert image.word(first) == int.from_bytes(b"01234567", "little")
    assert image.extent(second + 3) is None
    offset = image.extent(second)
    assert offset is not None
    assert image.address_of(offset[0]) == second
    for address, size in [(second, 4), (0, 1), (first, -1), (1 << 70, 1)]:
        with pytest.raises(InvalidExecutable):
            image.read(address, size)


def test_rest_of_the_last_page_is_mapped() -> None:
    """patchelf writes segments that end before the strings they hold."""
    maker = dynamic_program()
    kind, flags, address, size = maker.segments[0]
    maker.segments[0] = (kind, flags, address, size - 20)
    assert parse_elf(maker.build()).needed == ("libc.so.6", "libm.so.6")


def faults() -> dict[str, tuple[bytes, int | None]]:
    """Give programs with one fault each, and the offset that the error must name."""
    good = dynamic_program().build()
    table = int.from_bytes(good[40:48], "little")

    def with_fault(form: str, offset: int, *values: int) -> bytes:
        data = bytearray(good)
        pack_into(form, data, offset, *values)
        return bytes(data)

    interp, dynamic = 64 + 56, 64 + 2 * 56
    dynamic_at = int.from_bytes(good[dynamic + 8 : dynamic + 16], "little")
    return {
        "not ELF": (b"#!/bin/sh\n", 0),
        "empty": (b"", 0),
        "short": (good[:40], 0),
        "class": (with_fault("<B", 4, 3), 4),
        "byte order": (with_fault("<B", 5, 0), 4),
        "object file": (with_fault("<H", 16, 1), 16),
        "core dump": (with_fault("<H", 16, 4), 16),
        "no segments": (with_fault("<H", 56, 0), 0),
        "too many segments": (with_fault("<H", 56, 0xFFFE), 64),
        "segments of another size": (with_fault("<H", 54, 32), 64),
        "segments outside": (with_fault("<Q", 32, len(good)), len(good)),
        "segment outside": (with_fault("<Q", 64 + 32, 1 << 40), 64),
        "segment larger than memory": (with_fault("<Q", 64 + 40, 0), 64),
        "segment past the last address": (with_fault("<Q", 64 + 16, (1 << 64) - 4), 64),
        "loader outside": (with_fault("<Q", interp + 8, len(good)), len(good)),
        "loader of no length": (with_fault("<Q", interp + 32, 0), None),
        "loader of great length": (with_fault("<Q", interp + 32, 1 << 40), None),
        "dynamic outside": (with_fault("<Q", dynamic + 8, len(good)), len(good)),
        "library outside of strings": (with_fault("<Q", dynamic_at + 8, 1 << 62), None),
        "strings outside": (with_fault("<Q", dynamic_at + 40, 0), None),
        "strings of no length": (with_fault("<Q", dynamic_at + 56, 0), None),
        "sections outside": (with_fault("<Q", 40, len(good) - 8), len(good) - 8),
        "too many sections": (with_fault("<H", 60, 0xFFF0), table),
        "section names outside": (with_fault("<H", 62, 9), table),
        "section outside": (with_fault("<Q", table + 64 + 32, 1 << 50), table + 64),
        "section name outside": (with_fault("<I", table + 64, 0xFFFF), None),
    }


@pytest.mark.parametrize("name", faults())
def test_fault(name: str) -> None:
    data, offset = faults()[name]
    with pytest.raises(InvalidExecutable) as caught:
        parse_elf(data)
    assert "offset" in str(caught.value)
    if offset is not None:
        assert caught.value.offset == offset


def test_cut_short_says_so() -> None:
    with pytest.raises(InvalidExecutable) as caught:
        parse_elf(static_program().build()[:-70])
    assert "cut short" in (caught.value.hint or "")


def test_endless_dynamic_section() -> None:
    maker = ElfMaker()
    maker.add(pack("<QQ", 1, 1) * 5000, kind=PT_DYNAMIC)
    with pytest.raises(InvalidExecutable, match="more than 4096 rows"):
        parse_elf(maker.build())
