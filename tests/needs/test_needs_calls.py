"""Calls in machine code: on instructions that Go's own disassembler read for us, and beside plain decoders."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from smidgen.elf.functab import FunctionTable, read_function_table
from smidgen.elf.header import ElfFile, parse_elf
from smidgen.needs.calls import _FORMS, CallIndex
from support.elf_maker import RW, RX, ElfMaker, FunctionTableMaker


@dataclass(frozen=True)
class Machine:
    """An ELF machine, and one call on it."""

    number: int
    bits: int
    endian: str
    site: int
    call: bytes
    target: int


MACHINES = {
    "amd64": Machine(62, 64, "<", 0x49F520, bytes.fromhex("e85b83ffff"), 0x497880),
    "386": Machine(3, 32, "<", 0x80EA33A, bytes.fromhex("e81184ffff"), 0x80E2750),
    "arm": Machine(40, 32, "<", 0xC0DD0, bytes.fromhex("18ddffeb"), 0xB8238),
    "arm64": Machine(183, 64, "<", 0xA75AC, bytes.fromhex("b9e3ff97"), 0xA0490),
    "loong64": Machine(258, 64, "<", 0xB5B2C, bytes.fromhex("ff378857"), 0xAE360),
    "ppc64le": Machine(21, 64, "<", 0xB8DC4, bytes.fromhex("fd7fff4b"), 0xB0DC0),
    "riscv64": Machine(243, 64, "<", 0x8DEC6, bytes.fromhex("efa0af88"), 0x87F50),
    "s390x": Machine(22, 64, ">", 0xC6580, bytes.fromhex("c0e5ffffb620"), 0xBD1C0),
}


def program(
    machine: Machine, code: bytes, start: int, functions: dict[str, int], data: tuple[int, ...] = ()
) -> tuple[ElfFile, FunctionTable]:
    """Make a program of *code* at the address *start*, with functions at offsets in it, and pointers as data."""
    maker = ElfMaker(bits=machine.bits, endian=machine.endian, machine=machine.number, base=start - 1024)
    assert maker.add(code, flags=RX, section=".text") == start
    rows = tuple((name, offset, 1) for name, offset in functions.items())
    table = FunctionTableMaker("1.20", machine.bits, machine.endian, rows, text=start)
    # The table maker ends the last function 64 bytes behind its beginning.
    assert len(code) <= rows[-1][1] + 64
    address = maker.add(table.build(), section=".gopclntab")
    maker.add(maker.words(*table.module_data(address), *data), flags=RW)
    elf = parse_elf(maker.build())
    found = read_function_table(elf)
    assert found is not None
    return elf, found


def one_call(machine: Machine, *, moved: int = 0, noise: int = 0) -> tuple[ElfFile, FunctionTable]:
    """Make a program in which main.caller calls main.target, in an idle program or in random bytes."""
    size = machine.site - machine.target + 32
    code = bytearray(random.Random(noise).randbytes(size) if noise else size)
    at = machine.site - machine.target + moved
    code[at : at + len(machine.call)] = machine.call
    functions = {"main.target": 0, "main.idle": 16, "main.caller": (machine.site - machine.target) // 16 * 16}
    return program(machine, bytes(code), machine.target, functions)


@pytest.mark.parametrize("name", MACHINES)
def test_caller_is_found(name: str) -> None:
    elf, table = one_call(MACHINES[name])
    assert elf.architecture == name
    index = CallIndex(elf, table)
    assert index.readable
    assert index.callers("main.target") == {"main.caller"}
    assert index.callers("main.idle") == frozenset()
    assert index.callers("main.nobody") == frozenset()


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("noise", range(1, 6))
def test_random_bytes_are_no_calls(name: str, noise: int) -> None:
    assert CallIndex(*one_call(MACHINES[name], noise=noise)).callers("main.target") == {"main.caller"}


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("moved", [-1, 1, 2, 3])
def test_call_of_another_address_is_none(name: str, moved: int) -> None:
    assert CallIndex(*one_call(MACHINES[name], moved=moved)).callers("main.target") == frozenset()


def test_unknown_machine_is_said() -> None:
    mips = Machine(8, 64, "<", 0x49F520, b"", 0x497880)
    elf, table = one_call(mips)
    assert elf.architecture == "mips64le"
    assert not CallIndex(elf, table).readable


@pytest.mark.parametrize("name", MACHINES)
def test_pointer_is_found(name: str) -> None:
    start = MACHINES[name].target
    functions = {"main.a": 0, "main.b": 16, "main.c": 32}
    index = CallIndex(*program(MACHINES[name], bytes(64), start, functions, data=(start + 16,)))
    # The runtime's own data points to the first function.
    assert [index.has_pointer(function) for function in ("main.b", "main.c", "main.nobody")] == [True, False, False]


def signed(value: int, bits: int) -> int:
    """Read the lowest *bits* as a signed number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def x86(code: bytes, at: int) -> int | None:
    is_call = code[at] in (0xE8, 0xE9)
    return at + 5 + signed(int.from_bytes(code[at + 1 : at + 5], "little"), 32) if is_call else None


def arm64(code: bytes, at: int) -> int | None:
    word = int.from_bytes(code[at : at + 4], "little")
    return at + 4 * signed(word, 26) if at % 4 == 0 and word >> 26 in (0x25, 0x05) else None


def s390x(code: bytes, at: int) -> int | None:
    is_call = at % 2 == 0 and code[at : at + 2] in (b"\xc0\xe5", b"\xc0\xf4")
    return at + 2 * signed(int.from_bytes(code[at + 2 : at + 6]), 32) if is_call else None


def riscv64(code: bytes, at: int) -> int | None:
    word = int.from_bytes(code[at : at + 4], "little")
    if at % 2 or word & 0xFFF not in (0x0EF, 0x06F):
        return None
    bits = (word >> 31) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
    return at + signed(bits, 21)


@pytest.mark.parametrize(("name", "decode"), [("amd64", x86), ("arm64", arm64), ("s390x", s390x), ("riscv64", riscv64)])
@pytest.mark.parametrize("seed", range(3))
def test_same_calls_as_a_plain_decoder_finds(name: str, decode: Callable[[bytes, int], int | None], seed: int) -> None:
    """Over half a megabyte of calls and noise, so that calls are at the edges of what is searched as one stretch."""
    chance = random.Random(seed)
    size, target = 1 << 19, chance.randrange(1 << 17, 1 << 18) // 64 * 64
    code = bytearray(chance.randbytes(size))
    edges = [target + sign * (1 << power) + near for power in range(7, 18) for sign in (1, -1) for near in (-8, 4, 8)]
    form = _FORMS[name][0]
    for site in (*edges, *(chance.randrange(64, size // 8) * 4 for _ in range(200))):
        if 8 < site < size - 8 and site % 64:
            # A call on x86 begins one byte before its distance.
            call = form.before[0] + form.encode(target - site) if form.before else form.encode(target - site)
            start = site - len(form.before[:1])
            code[start : start + len(call)] = call
    final = bytes(code)
    functions = {f"main.f{at}": at for at in range(0, size, 64)}
    index = CallIndex(*program(MACHINES[name], final, 0x400000, functions))
    plain = {f"main.f{at // 64 * 64}" for at in range(size - 8) if decode(final, at) == target}
    assert len(plain) > 150
    assert index.callers(f"main.f{target}") == plain - {f"main.f{target}"}
