"""Evidence: which functions a Go program has, and who uses them."""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain

from smidgen.elf.functab import FunctionTable
from smidgen.elf.header import ElfFile
from smidgen.needs.calls import CallIndex
from smidgen.needs.inlining import InlineIndex
from smidgen.needs.regions import data_regions

#: Stands for whoever calls a function through a pointer, where its name cannot be told.
POINTER = "a function value"


class Evidence:
    """Answers about one program; nothing is read before it is asked for.

    Attributes:
        own: What the names of the program's own functions start with, so not those of its libraries.
    """

    def __init__(self, elf: ElfFile, table: FunctionTable, *, own: tuple[str, ...] = ("main.",)) -> None:
        self._elf = elf
        self._table = table
        self.own = own

    def has(self, name: str) -> bool:
        """Say whether the program has a function, with a body of its own or inlined."""
        return self._table.has(name)

    def has_prefix(self, prefix: str) -> bool:
        """Say whether the program has a function whose name starts so."""
        return self._table.has_prefix(prefix)

    @property
    def has_c_code(self) -> bool:
        """C code was linked in, with the texts of a C library."""
        return self._table.uses_cgo

    @property
    def keeps_methods(self) -> bool:
        """The linker kept methods that nobody calls, because the program looks some up by name."""
        return self._table.method_elimination_off

    def first(self, names: Iterable[str]) -> str | None:
        """Give the first of *names* that the program has, or None."""
        return next((name for name in names if self._table.has(name)), None)

    def with_suffix(self, suffix: str) -> tuple[str, ...]:
        """Give the functions whose names end so."""
        blob, sought = self._table.names_blob, suffix.encode() + b"\0"
        found = []
        at = blob.find(sought)
        while at >= 0:
            name = blob[blob.rfind(b"\0", 0, at) + 1 : at + len(sought) - 1]
            found.append(name.decode("utf-8", "backslashreplace"))
            at = blob.find(sought, at + 1)
        return tuple(found)

    def users(self, name: str, *, besides: tuple[str, ...] = ()) -> tuple[str, ...] | None:
        """Give who calls *name* or has it inlined, sorted; None means that nobody does.

        Where that cannot be read, or where no user is found for a function that must have one, the answer is an
        empty tuple: somebody does.

        Args:
            name: A function.
            besides: Users whose names start so do not count.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        if not self._table.has(name):
            return None
        found = self._direct_users(name)
        rest = tuple(sorted(user for user in found if not user.startswith(besides)))
        if rest:
            return rest
        if self._is_pointed_at(name):
            return (POINTER,)
        if found:
            return None
        return None if self.readable and self._is_method(name) and self.keeps_methods else ()

    def text(self, start: bytes, pattern: re.Pattern[bytes]) -> str | None:
        """Give the first text in the program's data that begins with *start* and matches *pattern*, or None.

        The function table is left out: it has the paths of source files.
        """
        table = self._table.header
        for first, last in data_regions(self._elf):
            before = self._places(start, first, min(last, table.offset))
            behind = self._places(start, max(first, table.end), last)
            for at in chain(before, behind):
                if match := pattern.match(self._elf.data, at):
                    return match.group().decode("ascii", "backslashreplace")
        return None

    def _places(self, text: bytes, first: int, last: int) -> Iterator[int]:
        at = self._elf.data.find(text, first, last)
        while at >= 0:
            yield at
            at = self._elf.data.find(text, at + 1, last)

    @cached_property
    def readable(self) -> bool:
        """Users can be told.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        return self._inlining.readable and self._calls.readable

    def _direct_users(self, name: str) -> frozenset[str]:
        """Give who calls *name* or has it inlined; nobody where some of them could not be told."""
        if not self._inlining.readable:
            return frozenset()
        inlined = self._inlining.inlined_into(name)
        if not self._table.is_linked(name):
            return inlined
        return inlined | self._calls.callers(name) if self._calls.readable else frozenset()

    def _is_pointed_at(self, name: str) -> bool:
        return self.readable and self._table.is_linked(name) and self._calls.has_pointer(name)

    @staticmethod
    def _is_method(name: str) -> bool:
        return ".(" in name

    @cached_property
    def _calls(self) -> CallIndex:
        return CallIndex(self._elf, self._table)

    @cached_property
    def _inlining(self) -> InlineIndex:
        return InlineIndex(self._elf, self._table)
