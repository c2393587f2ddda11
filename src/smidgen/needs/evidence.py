"""Evidence: which functions a Go program has, and who uses them."""

from collections.abc import Iterable
from functools import cached_property

from smidgen.elf.functab import FunctionTable
from smidgen.elf.header import ElfFile
from smidgen.needs.calls import CallIndex
from smidgen.needs.functions import FunctionList
from smidgen.needs.inlining import InlineIndex

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

    def first(self, names: Iterable[str]) -> str | None:
        """Give the first of *names* that the program has, or None."""
        return next((name for name in names if self._table.has(name)), None)

    def with_suffix(self, suffix: str) -> tuple[str, ...]:
        """Give the functions whose names end so."""
        if suffix.encode() + b"\0" not in self._table.names_blob:
            return ()
        return tuple(name for name in self._table.names() if name.endswith(suffix))

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
        found = self._all_users(name)
        if not found:
            return () if not (self._is_method(name) and self.keeps_methods) else None
        return tuple(sorted(user for user in found if not user.startswith(besides))) or None

    @cached_property
    def readable(self) -> bool:
        """Users can be told.

        Raises:
            InvalidExecutable: The function table is damaged.
        """
        return self._inlining.readable and self._calls.readable

    @cached_property
    def keeps_methods(self) -> bool:
        """The linker kept all exported methods, because the program looks methods up by name, as templates do.

        Measured: no program without such a look-up has these two, every program with one has.
        """
        return self._table.has("time.(*Time).GobDecode") or self._table.has("reflect.(*rtype).MethodByName")

    def _all_users(self, name: str) -> frozenset[str]:
        if not self.readable:
            return frozenset()
        found = self._inlining.inlined_into(name) | self._calls.callers(name)
        return found | {POINTER} if self._calls.has_pointer(name) else found

    @staticmethod
    def _is_method(name: str) -> bool:
        return ".(" in name

    @cached_property
    def _functions(self) -> FunctionList:
        return FunctionList(self._table)

    @cached_property
    def _calls(self) -> CallIndex:
        return CallIndex(self._elf, self._functions)

    @cached_property
    def _inlining(self) -> InlineIndex:
        return InlineIndex(self._elf, self._table, self._functions)
