"""The linked functions of a program by address and by name, read once for all questions."""

from bisect import bisect_right

from smidgen.elf.functab import FunctionTable


class FunctionList:
    """Functions in the order of their addresses.

    Attributes:
        names: As the table has them.

    Raises:
        InvalidExecutable: The function table is damaged.
    """

    def __init__(self, table: FunctionTable) -> None:
        self.names: list[str] = []
        self._entries: list[int] = []
        for function in table.functions():
            self.names.append(function.name)
            self._entries.append(function.entry)
        self._entry_of = dict(zip(self.names, self._entries, strict=True))

    def entry(self, name: str) -> int | None:
        """Give the address of a function, or None."""
        return self._entry_of.get(name)

    def at(self, address: int) -> str | None:
        """Give the function that an address is in, or None where it is before the first one."""
        index = bisect_right(self._entries, address) - 1
        return self.names[index] if index >= 0 else None
