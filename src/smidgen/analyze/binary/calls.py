"""Direct calls between a Go program's functions, all of them at once.

Bytes that look like a call and lead to the very first byte of a function are one: by chance that happens once in a
hundred thousand times.

Source: Intel SDM, CALL and JMP rel32; Arm ARM, BL and B.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator

from smidgen.elf.functab import FunctionTable
from smidgen.elf.header import ElfFile

_X86 = re.compile(rb"[\xe8\xe9](?=(...[\x00-\x03\xfc-\xff]))", re.DOTALL)
_ARM = re.compile(rb"[\x94-\x97\x14-\x17]")


def direct_calls(elf: ElfFile, table: FunctionTable) -> Iterator[tuple[str, str]]:
    """Give who calls whom, for amd64 and arm64; nothing for other machines.

    Raises:
        InvalidExecutable: The function table is damaged.
    """
    entries, names = table.entries, table.function_names
    extent = elf.image.extent(entries[0])
    scan = {"amd64": _x86_calls, "arm64": _arm_calls}.get(elf.architecture or "")
    if extent is None or scan is None:
        return
    code = elf.data[extent[0] : min(extent[1], extent[0] + entries[-1] - entries[0])]
    starts = {entry: index for index, entry in enumerate(entries[:-1])}
    for site, target in scan(code, entries[0]):
        callee = starts.get(target)
        if callee is not None:
            caller = min(bisect_right(entries, site) - 1, len(names) - 1)
            if caller != callee:
                yield names[caller], names[callee]


def _x86_calls(code: bytes, address: int) -> Iterator[tuple[int, int]]:
    for match in _X86.finditer(code):
        at = match.start()
        yield address + at, address + at + 5 + int.from_bytes(match[1], "little", signed=True)


def _arm_calls(code: bytes, address: int) -> Iterator[tuple[int, int]]:
    words = array("I")
    words.frombytes(code[: len(code) // 4 * 4])
    for match in _ARM.finditer(code[3::4]):
        index = match.start()
        distance = words[index] & 0x3FFFFFF
        distance -= (distance & 1 << 25) << 1
        yield address + 4 * index, address + 4 * (index + distance)
