"""ELF headers: values from programs made here byte by byte, and faults that must not pass."""

from struct import pack

import pytest

from smidgen.elf.header import parse_elf
from smidgen.errors import InvalidExecutable


def tiny(*, phoff: int = 64, machine: int = 62, kind: int = 2, file_size: int = 200, shentsize: int = 0) -> bytes:
    """Make a static program of one segment, as large as it says."""
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head = pack("<HHIQQQIHHHHHH", kind, machine, 1, 0x400078, phoff, 0, 0, 64, 56, 1, shentsize, 0, 0)
    load = pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, file_size, file_size, 4096)
    return (ident + head + load).ljust(200, b"\x90")


def test_tiny_program() -> None:
    elf = parse_elf(tiny())
    assert (elf.bits, elf.endian, elf.architecture, elf.entry) == (64, "<", "amd64", 0x400078)
    assert elf.is_static
    assert not elf.is_pie
    assert elf.sections == ()
    assert elf.image.read(0x400001, 3) == b"ELF"


@pytest.mark.parametrize("size", [0, 3, 4, 16, 63, 64, 119])
def test_truncated(size: int) -> None:
    with pytest.raises(InvalidExecutable):
        parse_elf(tiny()[:size])
