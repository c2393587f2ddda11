"""Executables that are not Go, not whole, or made to do harm."""

from contextlib import suppress
from struct import pack_into
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.elf.header import parse_elf
from smidgen.errors import InvalidExecutable
from smidgen.needs.detect import detect_needs
from smidgen.needs.need import Confidence, FactKind, NeedKind
from support.elf_maker import PT_DYNAMIC, PT_INTERP, RW, RX, ElfMaker, FunctionTableMaker


def c_program(*texts: str, interpreter: str = "") -> bytes:
    maker = ElfMaker()
    maker.add(b"\x90" * 64, flags=RX, section=".text")
    maker.add("\0".join(texts).encode() + b"\0", section=".rodata")
    if interpreter:
        maker.add(interpreter.encode() + b"\0", kind=PT_INTERP)
        strings = maker.add(b"\0libc.so.6\0")
        maker.add(maker.words(1, 1, 5, strings, 10, 11, 0, 0), kind=PT_DYNAMIC)
    return maker.build()


def test_other_language_is_said_and_nothing_included() -> None:
    found = detect_needs(
        parse_elf(c_program("/etc/ssl/certs/ca-certificates.crt", "/etc/passwd", "/usr/share/zoneinfo"))
    )
    assert not found.readable
    assert [(need.kind, need.confidence, need.included) for need in found.needs] == [
        (NeedKind.CA, Confidence.POSSIBLE, False),
        (NeedKind.TZ, Confidence.POSSIBLE, False),
        (NeedKind.PASSWD, Confidence.POSSIBLE, False),
    ]
    assert found.needs[0].reason == 'The program has the text "/etc/ssl/certs", which may be a path that it reads.'
    assert [fact.kind for fact in found.facts] == [FactKind.NOT_GO]
    assert not found.warnings


def test_other_language_without_texts() -> None:
    assert detect_needs(parse_elf(c_program("hello"))).needs == ()


def test_dynamic_is_a_warning() -> None:
    found = detect_needs(parse_elf(c_program("hello", interpreter="/lib64/ld-linux-x86-64.so.2")))
    assert found.warnings == (
        "The program is dynamically linked: it does not start without /lib64/ld-linux-x86-64.so.2, libc.so.6.",
    )


def test_packed_is_a_warning() -> None:
    data = bytearray(ElfMaker(segments=[(1, RX, 0x400000, 1024)]).build())
    data[512:516] = b"UPX!"
    found = detect_needs(parse_elf(bytes(data)))
    assert [fact.kind for fact in found.facts] == [FactKind.PACKED]
    assert "packed with UPX" in found.warnings[0]
    assert not found.readable


NAMES = (
    "main.main",
    "crypto/x509.loadSystemRoots",
    "crypto/tls.Client",
    "os.CreateTemp",
    "os/user.Current",
    "time.LoadLocation",
    "os/exec.(*Cmd).Start",
)


def go_program(*, machine: int = 62) -> bytes:
    """Make a Go program in which every function calls the next."""
    maker = ElfMaker(machine=machine)
    code = b"".join(b"\xe8" + (16 - 5).to_bytes(4, "little") + b"\x90" * 11 for _ in NAMES)
    text = maker.add(code, flags=RX, section=".text")
    functions = tuple((name, 16 * index, 1) for index, name in enumerate(NAMES))
    table = FunctionTableMaker("1.20", 64, "<", functions, text=text)
    address = maker.add(table.build(), section=".gopclntab")
    maker.add(maker.words(*table.module_data(address), *[0] * 60), flags=RW)
    return maker.build()


GO_PROGRAM = go_program()


def test_made_program_is_read() -> None:
    found = detect_needs(parse_elf(GO_PROGRAM))
    assert found.readable
    assert {need.kind for need in found.needs if need.included} == {
        NeedKind.CA,
        NeedKind.TZ,
        NeedKind.PASSWD,
        NeedKind.TMP,
    }
    assert [fact.kind for fact in found.facts] == [FactKind.STARTS_PROGRAMS]


def test_unknown_machine_misses_nothing() -> None:
    mips = parse_elf(go_program(machine=8))
    assert mips.architecture == "mips64le"
    known, unknown = detect_needs(parse_elf(GO_PROGRAM)), detect_needs(mips)
    assert {need.kind for need in known.needs} == {need.kind for need in unknown.needs}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GO_PROGRAM) - 1), st.integers(0, 255)), min_size=1, max_size=20))
def test_any_bytes_give_a_report_or_the_error(changes: list[tuple[int, int]]) -> None:
    data = bytearray(GO_PROGRAM)
    for at, value in changes:
        data[at] = value
    with suppress(InvalidExecutable):
        detect_needs(parse_elf(bytes(data)))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(GO_PROGRAM)))
def test_any_end_gives_a_report_or_the_error(end: int) -> None:
    with suppress(InvalidExecutable):
        detect_needs(parse_elf(GO_PROGRAM[:end]))


def test_same_bytes_loaded_many_times_are_searched_once() -> None:
    maker = ElfMaker()
    text = maker.add(b"\x90" * (4 << 20), flags=RX, section=".text")
    functions = tuple((name, (1 << 18) * index, 1) for index, name in enumerate(NAMES))
    table = FunctionTableMaker("1.20", 64, "<", functions, text=text)
    address = maker.add(table.build(), section=".gopclntab")
    maker.add(maker.words(*table.module_data(address), *[0] * 60), flags=RW)
    # The room before the body holds twelve program headers: make it the whole table of them.
    maker.segments += [(1, flags, text, 4 << 20) for flags in (RX, RW) for _ in range(4)]
    elf = parse_elf(maker.build())
    start = process_time()
    detect_needs(elf)
    assert process_time() - start < 2


@pytest.mark.parametrize("at", range(0, 44, 4))
def test_records_that_point_outside(at: int) -> None:
    data = bytearray(GO_PROGRAM)
    record = data.rindex(b"\x07\0\0\0" * 7)
    pack_into("<I", data, record + at - 8, 0x7FFFFFF0)
    with suppress(InvalidExecutable):
        detect_needs(parse_elf(bytes(data)))
