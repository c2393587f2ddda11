"""Direct calls: which functions call a function, read from the machine code.

The code is not disassembled. The bytes of a call to a given function are known at each address, and half of them are
the same over a wide stretch of addresses: that half is searched for, stretch by stretch, at the speed of memory, and
each hit compared with the whole. A hit by chance needs about 40 bits to agree.

Source: Intel SDM, CALL and JMP rel32; Arm ARM, BL and B; Power ISA, I-form branch; z/Architecture Principles of
Operation, BRASL and BRCL; LoongArch Reference Manual, B and BL; RISC-V ISA manual, JAL and AUIPC with JALR.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from smidgen.elf.functab import FunctionTable
from smidgen.elf.header import ElfFile
from smidgen.elf.relocation import places_of
from smidgen.needs.regions import code_region, data_regions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """One way in which a machine encodes a call, or the jump that replaces a call at a function's end.

    Attributes:
        encode: Distance from the bytes to the target → the bytes.
        stable: Start and end of those that change slowly.
        window: They change where the distance plus *skew* is a multiple of this.
        near: The same two for a short distance, where the bytes that change slowly are like those of many other calls.
        reach: The largest distance that can be encoded.
        align: Calls are at multiples of this.
        skew: See *window*.
        before: Bytes in front of the encoded ones, one of which must be there; none means no condition.
        is_stone: It can be a stepping stone, which other code calls to get to the target.
    """

    encode: Callable[[int], bytes]
    stable: tuple[int, int]
    window: int
    reach: int
    near: tuple[tuple[int, int], int] | None = None
    align: int = 4
    skew: int = 0
    before: tuple[bytes, ...] = ()
    is_stone: bool = False


class CallIndex:
    """Who calls what in one program."""

    def __init__(self, elf: ElfFile, table: FunctionTable) -> None:
        self._elf = elf
        self._table = table
        self._forms = _FORMS.get(elf.architecture or "", ())

    @cached_property
    def readable(self) -> bool:
        """Every direct call in the program can be found.

        The machine's calls are known here, and the code is not so large that the linker put stepping stones between.
        """
        start, end, _ = self._code
        return any(end - start < form.reach for form in self._forms)

    @cached_property
    def _code(self) -> tuple[int, int, int]:
        return code_region(self._elf, self._table)

    def callers(self, name: str) -> frozenset[str]:
        """Give the functions that call *name* directly, without itself.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        target = self._entry(name)
        if target is None:
            return frozenset()
        entries, names = self._table.entries, self._table.function_names
        found = (bisect_right(entries, site) - 1 for site in self._sites(target))
        # The last entry is no function's: it is where the last function ends.
        return frozenset(names[index] for index in found if 0 <= index < len(names)) - {name}

    def has_pointer(self, name: str) -> bool:
        """Say whether the address of *name* is held as data: a function value, or a method of an interface.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        target = self._entry(name)
        if target is None:
            return False
        width = self._elf.bits // 8
        pattern = self._elf.image.pack(target)
        for start, end in data_regions(self._elf):
            at = self._elf.data.find(pattern, start, end)
            while at >= 0:
                # Segments are loaded at addresses that agree with their offsets to a page.
                if at % width == 0:
                    return True
                at = self._elf.data.find(pattern, at + 1, end)
        return any(True for _ in places_of(self._elf, target))

    def _entry(self, name: str) -> int | None:
        names = self._table.function_names
        return self._table.entries[names.index(name)] if self._table.is_linked(name) else None

    def _sites(self, target: int) -> Iterator[int]:
        """Give the addresses of the calls of *target*."""
        for form in self._forms:
            for site in self._search(form, target):
                over = list(self._direct(site)) if form.is_stone else []
                yield from over or [site]

    def _direct(self, target: int) -> Iterator[int]:
        """Give the addresses of the calls that need no stepping stone."""
        for form in self._forms:
            if not form.is_stone:
                yield from self._search(form, target)

    def _search(self, form: _Form, target: int) -> Iterator[int]:
        first, last, shift = self._code
        start = max(first + shift, target - form.reach)
        end = min(last + shift, target + form.reach)
        at = -(-start // form.align) * form.align
        while at < end:
            stable, window = form.stable, form.window
            if form.near is not None and abs(target - at) <= 2 * form.window:
                stable, window = form.near
            # The stretch ends where the distance falls below a multiple of the window.
            stop = min(end, at + (target - at + form.skew) % window + 1)
            yield from self._stretch(form, stable, -shift, target, (at, stop))
            at = -(-stop // form.align) * form.align

    def _stretch(
        self, form: _Form, stable: tuple[int, int], shift: int, target: int, stretch: tuple[int, int]
    ) -> Iterator[int]:
        """Give the addresses in *stretch* at which the bytes are a call of *target*; *shift* makes offsets of them."""
        data = self._elf.data
        start, stop = stretch
        first, last = stable
        needle = form.encode(target - start)[first:last]
        limit = stop + shift + last
        hit = data.find(needle, start + shift + first, limit)
        while hit >= 0:
            at = hit - first
            address = at - shift
            if address % form.align == 0 and address < stop:
                expected = form.encode(target - address)
                if data[at : at + len(expected)] == expected and (not form.before or data[at - 1 : at] in form.before):
                    yield address
            hit = data.find(needle, hit + 1, limit)


def _relative_32(distance: int) -> bytes:
    """x86: counted from the end of the four bytes."""
    return ((distance - 4) & 0xFFFFFFFF).to_bytes(4, "little")


def _word(opcode: int, bits: int, shift: int, skew: int = 0) -> Callable[[int], bytes]:
    """Make an encoder of 32-bit instructions: *opcode*, and in its lowest bits the distance shifted right."""
    mask = (1 << bits) - 1

    def encode(distance: int) -> bytes:
        return (opcode | ((distance - skew) >> shift) & mask).to_bytes(4, "little")

    return encode


def _power_branch(link: int) -> Callable[[int], bytes]:
    """Make an encoder of ``b`` (0) or ``bl`` (1): the distance is in place, its two lowest bits are flags."""

    def encode(distance: int) -> bytes:
        return (0x48000000 | distance & 0x03FFFFFC | link).to_bytes(4, "little")

    return encode


def _s390x_branch(opcode: bytes) -> Callable[[int], bytes]:
    """Make an encoder of a branch that counts halfwords."""

    def encode(distance: int) -> bytes:
        return opcode + ((distance >> 1) & 0xFFFFFFFF).to_bytes(4, "big")

    return encode


def _riscv_jal(register: int) -> Callable[[int], bytes]:
    """Make an encoder of ``jal``, whose bits of distance are in the order 20, 10:1, 11, 19:12."""

    def encode(distance: int) -> bytes:
        word = (distance >> 20 & 1) << 31 | (distance >> 1 & 0x3FF) << 21 | (distance >> 11 & 1) << 20
        return (word | (distance >> 12 & 0xFF) << 12 | register << 7 | 0x6F).to_bytes(4, "little")

    return encode


def _riscv_far(base: int, link: int) -> Callable[[int], bytes]:
    """Make an encoder of ``auipc`` with ``jalr``, whose lower part of the distance is signed."""

    def encode(distance: int) -> bytes:
        upper = ((distance + 0x800) >> 12 & 0xFFFFF) << 12 | base << 7 | 0x17
        lower = (distance & 0xFFF) << 20 | base << 15 | link << 7 | 0x67
        return upper.to_bytes(4, "little") + lower.to_bytes(4, "little")

    return encode


def _loong_branch(opcode: int) -> Callable[[int], bytes]:
    """Make an encoder of ``b`` or ``bl``, whose bits of distance are in the order 17:2, 27:18."""

    def encode(distance: int) -> bytes:
        return (opcode | (distance >> 2 & 0xFFFF) << 10 | distance >> 18 & 0x3FF).to_bytes(4, "little")

    return encode


# E8 is CALL, E9 is JMP.
_X86 = (
    _Form(
        encode=_relative_32,
        stable=(2, 4),
        window=1 << 16,
        near=((1, 4), 1 << 8),
        reach=1 << 31,
        align=1,
        skew=-4,
        before=(b"\xe8", b"\xe9"),
    ),
)
_RA, _T6 = 1, 31
_FORMS: dict[str, tuple[_Form, ...]] = {
    "amd64": _X86,
    "386": _X86,
    "arm64": tuple(
        _Form(encode=_word(opcode, 26, 2), stable=(2, 4), window=1 << 18, near=((1, 4), 1 << 10), reach=1 << 27)
        for opcode in (0x94000000, 0x14000000)
    ),
    "arm": tuple(
        _Form(
            encode=_word(opcode, 24, 2, skew=8),
            stable=(2, 4),
            window=1 << 18,
            near=((1, 4), 1 << 10),
            reach=1 << 25,
            skew=-8,
        )
        for opcode in (0xEB000000, 0xEA000000)
    ),
    "loong64": tuple(
        _Form(encode=_loong_branch(opcode), stable=(0, 1), window=1 << 18, reach=1 << 27)
        for opcode in (0x54000000, 0x50000000)
    ),
    "ppc64le": tuple(
        _Form(encode=_power_branch(link), stable=(2, 4), window=1 << 16, near=((1, 4), 1 << 8), reach=1 << 25)
        for link in (1, 0)
    ),
    "s390x": tuple(
        _Form(
            encode=_s390x_branch(opcode), stable=(0, 4), window=1 << 17, near=((0, 5), 1 << 9), reach=1 << 32, align=2
        )
        for opcode in (b"\xc0\xe5", b"\xc0\xf4")
    ),
    # Instructions of two bytes lie between those of four.
    "riscv64": (
        *(
            _Form(encode=_riscv_jal(register), stable=(0, 2), window=1 << 12, reach=1 << 20, align=2)
            for register in (_RA, 0)
        ),
        _Form(encode=_riscv_far(_RA, _RA), stable=(0, 4), window=1 << 12, reach=1 << 31, align=2, skew=0x800),
        # Go's linker puts such jumps between functions, where a call does not reach far enough.
        _Form(
            encode=_riscv_far(_T6, 0), stable=(0, 4), window=1 << 12, reach=1 << 31, align=2, skew=0x800, is_stone=True
        ),
    ),
}
