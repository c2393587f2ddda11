"""The Go runtime's description of its module, found without symbols.

Source: Go's ``runtime/symtab.go`` (``moduledata``): its first word points at the function table, the second at the
names, and word 22 is the address that entries of functions are relative to. These have not moved since Go 1.16.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from smidgen.elf.header import ElfFile
from smidgen.elf.relocation import places_of, pointer_at
from smidgen.elf.segments import PF_W, PF_X
from smidgen.errors import InvalidExecutable

_TEXT_WORD = 22
# The address of the function table can stand in other data as well, by chance or to lead astray.
_CANDIDATE_LIMIT = 1000
_HIT_LIMIT = 100_000


# Which word begins what, and how many there are until the first that is of no use here.
_FINDFUNCTAB, _ETEXT, _COUNTERS, _TYPES = 19, 23, 32, 37
_WORDS = 51
_READ_LIMIT = 8


@dataclass(frozen=True, slots=True)
class ModuleData:
    """What the runtime knows of the program's parts; addresses, and lengths in bytes.

    Attributes:
        address: Of the module data itself.
        size: How much of it was understood.
        text: Start and end of the code.
        buckets: Of the table that finds the function of an address.
        types: Start and end of the descriptions of types, and of whatever else the linker put with them.
        function_data: What the offsets of functions' data are relative to.
        type_links: Where the list of types is, and how many; (0, 0) since Go 1.27.
        table_links: Where the list of pointers to interface tables is, and how many; (0, 0) since Go 1.27.
        tables: Start and end of the interface tables; (0, 0) before Go 1.27.
    """

    address: int
    size: int
    text: tuple[int, int]
    buckets: int
    types: tuple[int, int]
    function_data: int
    type_links: tuple[int, int]
    table_links: tuple[int, int]
    tables: tuple[int, int]


def read_module_data(elf: ElfFile, table: int, names: int, *, counters: bool = True) -> ModuleData | None:
    """Read the module data that point at a function table, of Go 1.18 and newer; None where there are none.

    The layout is told from the values, so that a program whose version is hidden or made up can be read, too.

    Args:
        elf: The program.
        table: Where its function table is in the file, in bytes.
        names: Where in the table the names are.
        counters: There is room for counters of coverage, as there is since Go 1.20.

    Raises:
        InvalidExecutable: The function table is not loaded.
    """
    width = elf.bits // 8
    # Each candidate costs some dozens of searches in the table of relocations.
    for module in islice(find_modules(elf, table, names), _READ_LIMIT):
        try:
            words = [pointer_at(elf, module + index * width) for index in range(_WORDS)]
        except InvalidExecutable:
            continue
        if not counters:
            # As if it had them, so that everything behind them is where it has been since.
            words[_COUNTERS:_COUNTERS] = [0, 0]
        found = _interpreted(module, words, width)
        if elf.image.extent(found.types[0]) and elf.image.extent(found.function_data):
            return found
    return None


def _interpreted(module: int, words: list[int], width: int) -> ModuleData:
    start = words[_TYPES]
    tables = type_links = table_links = (0, 0)
    if start + words[38] <= words[39]:
        end, function_data, last = words[39], words[43], 48
        tables = (start + words[40], start + words[40] + words[41])
    else:
        # A slice's length and capacity are equal: the first that are so tell where textsectmap is.
        links = 44 if words[42] == words[43] else 45
        end, function_data, last = words[38], words[40], links + 6
        type_links = (words[links], words[links + 1])
        table_links = (words[links + 3], words[links + 4])
    return ModuleData(
        address=module,
        size=last * width,
        text=(words[_TEXT_WORD], words[_ETEXT]),
        buckets=words[_FINDFUNCTAB],
        types=(start, end),
        function_data=function_data,
        type_links=type_links,
        table_links=table_links,
        tables=tables,
    )


def find_modules(elf: ElfFile, table: int, names: int) -> Iterator[int]:
    """Give the addresses of the module data that point at a function table; a sound program has one.

    Args:
        elf: The program.
        table: Where its function table is in the file, in bytes.
        names: Where in the table the names are.

    Raises:
        InvalidExecutable: The function table is not loaded.
    """
    address = elf.image.address_of(table)
    if address is None:
        raise InvalidExecutable("the Go function table is not loaded", offset=table)
    width = elf.bits // 8
    for _, place in zip(range(_CANDIDATE_LIMIT), _places(elf, address), strict=False):
        try:
            if pointer_at(elf, place) == address and pointer_at(elf, place + width) == address + names:
                yield place
        except InvalidExecutable:
            # The bytes looked like an address at the very end of a segment.
            continue


def find_text_start(elf: ElfFile, table: int, names: int) -> int:
    """Find the address of the program's first function, which entries of functions are relative to.

    Args:
        elf: The program.
        table: Where its function table is in the file, in bytes.
        names: Where in the table the names are.

    Raises:
        InvalidExecutable: The program has no module data that points at this table.
    """
    for module in find_modules(elf, table, names):
        try:
            text = pointer_at(elf, module + _TEXT_WORD * elf.bits // 8)
        except InvalidExecutable:
            continue
        if any(segment.flags & PF_X and _holds(segment.address, segment.file_size, text) for segment in elf.segments):
            return text
    raise InvalidExecutable("the Go program has no module data that points at its function table", offset=table)


def _holds(start: int, size: int, address: int) -> bool:
    """Say whether *address* is in the range."""
    return start <= address < start + size


def _places(elf: ElfFile, value: int) -> Iterator[int]:
    """Give addresses at which the pointer *value* may stand: in the data, then by relocation."""
    width = elf.bits // 8
    pattern = elf.image.pack(value)
    # The linker puts it into writable data, or what is made read-only after relocation.
    for segment in sorted(elf.image.loaded, key=lambda segment: not segment.flags & PF_W):
        if segment.flags & PF_X:
            continue
        end = min(segment.offset + segment.file_size, len(elf.data))
        at = segment.offset - 1
        for _ in range(_HIT_LIMIT):
            at = elf.data.find(pattern, at + 1, end)
            if at < 0:
                break
            place = segment.address + at - segment.offset
            if place % width == 0:
                yield place
    yield from places_of(elf, value)
