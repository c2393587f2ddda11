"""Makes ELF files byte by byte: of any class and byte order, with a Go function table of any kind, right or wrong."""

from dataclasses import dataclass, field
from struct import calcsize, pack

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
R, RX, RW = 4, 5, 6
BASE = 0x400000
MAGIC = {"1.2": 0xFFFFFFFB, "1.16": 0xFFFFFFFA, "1.18": 0xFFFFFFF0, "1.20": 0xFFFFFFF1}


@dataclass
class ElfMaker:
    """An ELF file under construction; each added part is loaded at the address that ``add`` gives back."""

    bits: int = 64
    endian: str = "<"
    machine: int = 62
    kind: int = 2
    entry: int = BASE
    base: int = BASE
    body: bytearray = field(default_factory=bytearray)
    segments: list[tuple[int, int, int, int]] = field(default_factory=list)
    sections: list[tuple[str, int, int, int]] = field(default_factory=list)

    @property
    def word(self) -> str:
        return "Q" if self.bits == 64 else "I"

    def words(self, *values: int) -> bytes:
        return pack(f"{self.endian}{len(values)}{self.word}", *values)

    def next_address(self) -> int:
        return self.base + self._head_size + -(-len(self.body) // 16) * 16

    # Room for twelve program headers, whatever is added later.
    @property
    def _head_size(self) -> int:
        return 1024

    def add(self, data: bytes, *, flags: int = R, kind: int = PT_LOAD, section: str = "", section_type: int = 1) -> int:
        address = self.next_address()
        self.body += b"\0" * (address - self.base - self._head_size - len(self.body)) + data
        self.segments.append((kind, flags, address, len(data)))
        if section:
            self.sections.append((section, section_type, address, len(data)))
        return address

    def _segment(self, kind: int, flags: int, address: int, size: int) -> bytes:
        offset = address - self.base
        if self.bits == 64:
            return pack(self.endian + "IIQQQQQQ", kind, flags, offset, address, address, size, size, 16)
        return pack(self.endian + "IIIIIIII", kind, offset, address, address, size, size, flags, 16)

    def _section(self, name: int, kind: int, address: int, offset: int, size: int) -> bytes:
        form = "IIQQQQIIQQ" if self.bits == 64 else "IIIIIIIIII"
        return pack(self.endian + form, name, kind, 2, address, offset, size, 0, 0, 16, 0)

    def build(self) -> bytes:
        """Give the file."""
        names = b"\0"
        rows = [self._section(0, 0, 0, 0, 0)]
        for name, kind, address, size in self.sections:
            rows.append(self._section(len(names), kind, address, address - self.base, size))
            names += name.encode() + b"\0"
        names_at = self._head_size + len(self.body)
        rows.append(self._section(0, 3, 0, names_at, len(names)))
        table_at = names_at + len(names)
        form = "HHIQQQIHHHHHH" if self.bits == 64 else "HHIIIIIHHHHHH"
        head_size = 16 + calcsize("<" + form)
        segments = b"".join(self._segment(*row) for row in self.segments)
        with_sections = bool(self.sections)
        head = b"\x7fELF" + bytes((self.bits // 32, 1 if self.endian == "<" else 2, 1)) + b"\0" * 9
        head += pack(
            self.endian + form,
            self.kind,
            self.machine,
            1,
            self.entry,
            head_size,
            table_at if with_sections else 0,
            0,
            head_size,
            56 if self.bits == 64 else 32,
            len(self.segments),
            64 if self.bits == 64 else 40,
            len(rows) if with_sections else 0,
            len(rows) - 1 if with_sections else 0,
        )
        start = (head + segments).ljust(self._head_size, b"\0") + bytes(self.body)
        return start + names + b"".join(rows) if with_sections else start


@dataclass(frozen=True)
class FunctionTableMaker:
    """A Go function table.

    Functions are (name, entry, line), entries relative to *text*; ``inlined`` are names without a function.
    """

    layout: str
    bits: int
    endian: str
    functions: tuple[tuple[str, int, int], ...]
    inlined: tuple[str, ...] = ()
    text: int = 0x401000
    quantum: int = 1
    text_in_head: bool = True

    def names(self) -> bytes:
        return b"".join(name.encode() + b"\0" for name in [*(name for name, _, _ in self.functions), *self.inlined])

    @property
    def names_offset(self) -> int:
        return 8 + (7 if self.layout == "1.16" else 8) * self.bits // 8

    def build(self) -> bytes:
        """Give the table's bytes."""
        word = "Q" if self.bits == 64 else "I"
        names = self.names()
        names += b"\0" * (-len(names) % 8)
        units = self.names_offset + len(names)
        rows_at = units + 24
        offsets = [self.names_offset, units, units + 8, units + 16, rows_at]
        if self.layout != "1.16":
            offsets.insert(0, self.text if self.text_in_head else 0)
        head = pack(f"{self.endian}IBBBB", MAGIC[self.layout], 0, 0, self.quantum, self.bits // 8)
        head += pack(f"{self.endian}{2 + len(offsets)}{word}", len(self.functions), 1, *offsets)
        return head + names + b"\x01" * 24 + self._rows(word)

    def _rows(self, word: str) -> bytes:
        row = word if self.layout == "1.16" else "I"
        base = self.text if self.layout == "1.16" else 0
        size = (2 * len(self.functions) + 1) * calcsize("<" + row)
        size += -size % 8
        rows = records = b""
        name_at = 0
        for name, entry, line in self.functions:
            rows += pack(f"{self.endian}2{row}", base + entry, size + len(records))
            records += self._record(row, base + entry, name_at, line)
            name_at += len(name.encode()) + 1
        rows += pack(f"{self.endian}{row}", base + self.functions[-1][1] + 64)
        return rows.ljust(size, b"\0") + records

    def _record(self, entry_form: str, entry: int, name: int, line: int) -> bytes:
        lines = {"1.20": (line,)}.get(self.layout, ())
        record = pack(f"{self.endian}{entry_form}I7I", entry, name, *[7] * 7)
        record += pack(f"{self.endian}{len(lines)}I4B", *lines, 0, 0, 0, 0)
        return record + b"\0" * (-len(record) % 8)

    def module_data(self, address: int) -> tuple[int, ...]:
        """Give the words of the runtime's module data for a table that is loaded at *address*."""
        return (address, address + self.names_offset, *[0] * 20, self.text, self.text + 0x1000)
