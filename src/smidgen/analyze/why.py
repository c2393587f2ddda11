"""Why something is in a Go program: the shortest way from ``main`` to it.

The linker tells for everything that it keeps what made it keep that (``-dumpdep``): a tree, in which each symbol has
one reason. The direct calls in the code are added to it, so that the shortest way is found and not just one.

Source: Go's ``cmd/link/internal/ld/deadcode.go`` (``mark``).
"""

import difflib
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.analyze.binary.calls import direct_calls
from smidgen.analyze.binary.owners import package_of
from smidgen.elf.functab import read_function_table
from smidgen.elf.header import parse_elf
from smidgen.errors import NotFound
from smidgen.needs.examine import mapped

_ARROW: Final = " -> "
_FLAGS = re.compile(r"(?: <[A-Za-z0-9]+>)+$")
_BRACKETS = re.compile(r"\[[^\[\]]*(?:\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\][^\[\]]*)*\]")
_LOOKS_UP: Final = "<ReflectMethod>"
_CONTENT = re.compile(r"\.(?:arginfo\d|argliveinfo|stkobj|opendefer|args_stackmap|wrapinfo)(?: <\w+>)*$")
_ROOT: Final = "_"
_MAIN: Final = ("main.main", "main.init")


@dataclass(frozen=True, slots=True)
class Step:
    """One symbol on the way.

    Attributes:
        symbol: As the linker names it, type arguments left out.
        package: Its package; "" for what has none.
    """

    symbol: str
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Why something is linked in.

    Attributes:
        wanted: The package or the symbol that was asked for.
        is_package: It is a package.
        from_main: The chain begins in the program's own code; else where the runtime begins.
        steps: From the begin to what was asked for; each uses the next.
    """

    wanted: str
    is_package: bool
    from_main: bool
    steps: tuple[Step, ...]

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages on the way, each where it comes first in a row."""
        found: list[str] = []
        for step in self.steps:
            if step.package and (not found or found[-1] != step.package):
                found.append(step.package)
        return tuple(found)


class LinkGraph:
    """What uses what in one program."""

    def __init__(self) -> None:
        self._uses: dict[str, dict[str, None]] = {}
        self._known: set[str] = set()
        self._looking_up: dict[str, None] = {}

    def add_line(self, line: str) -> bool:
        """Take in a line that the linker wrote; what is no edge is passed over, and False comes back."""
        user, arrow, used = line.partition(_ARROW)
        if arrow and _LOOKS_UP in user:
            self._looking_up[_canonical(_FLAGS.sub("", user))] = None
        # What is known of a function's stack is stored once for all with the same content, under the name of any of
        # them; and what debuggers are told is no reason to keep anything.
        if arrow and not used.startswith("go:info.") and not _CONTENT.search(used):
            self.add_edge(_FLAGS.sub("", user), _FLAGS.sub("", used))
        return bool(arrow)

    def add_calls(self, calls: Iterable[tuple[str, str]]) -> None:
        """Take in direct calls: who calls whom."""
        for caller, callee in calls:
            self.add_edge(caller, callee)

    def add_edge(self, user: str, used: str) -> None:
        """Note that one symbol uses another."""
        first, second = _canonical(user), _canonical(used)
        self._known.add(second)
        self._uses.setdefault(first, {})[second] = None

    @property
    def looking_up(self) -> tuple[str, ...]:
        """The functions that look methods up by names known only at run time, so that no method can be left out."""
        return tuple(self._looking_up)

    @property
    def is_empty(self) -> bool:
        """Nothing was told."""
        return not self._known

    def why(self, wanted: str) -> Chain:
        """Find the shortest way to a package or a symbol.

        Raises:
            NotFound: It is not linked in; the hint has close names.
        """
        symbol = _canonical(wanted)
        is_package = symbol not in self._known
        targets = self._of_package(wanted) if is_package else {symbol}
        if not targets:
            raise NotFound(f"{wanted} in the program", hint=self._near(wanted))
        starts = [one for one in self._uses if one == _MAIN[0] or one.startswith(_MAIN[1])]
        for from_main, begin in ((True, starts), (False, [_ROOT])):
            way = self._shortest(begin, targets)
            if way is not None:
                steps = tuple(Step(one, package_of(one)) for one in way if one != _ROOT)
                return Chain(wanted=wanted, is_package=is_package, from_main=from_main, steps=steps)
        raise NotFound(f"a way to {wanted}", hint="the linker keeps it without saying why")

    def _of_package(self, package: str) -> set[str]:
        """Give the symbols of a package: its functions and variables; its types only where it has nothing else."""
        found = {one for one in self._known if package in one and package_of(one) == package}
        return {one for one in found if _is_own(one)} or found

    def _shortest(self, begin: Iterable[str], targets: set[str]) -> list[str] | None:
        before: dict[str, str | None] = dict.fromkeys(begin)
        waiting = deque(before)
        while waiting:
            here = waiting.popleft()
            if here in targets:
                return _way(before, here)
            for following in self._uses.get(here, ()):
                if following not in before:
                    before[following] = here
                    waiting.append(following)
        return None

    def _near(self, wanted: str) -> str:
        packages = {package_of(one) for one in self._known if _is_own(one)} - {""}
        last = wanted.rpartition("/")[2]
        near = sorted(one for one in packages if last and one.rpartition("/")[2] == last)
        near += difflib.get_close_matches(wanted, sorted(packages), n=3)
        if "." in last:
            near += difflib.get_close_matches(
                wanted, [one for one in self._known if last in one][:1000], n=3, cutoff=0.3
            )
        if not near:
            return "`smidgen explain` lists the packages of a program"
        return f"did you mean {', '.join(dict.fromkeys(near))}?"


def _is_own(symbol: str) -> bool:
    """Say whether a symbol is a function or a variable, and not made by the compiler beside one."""
    return not symbol.startswith(("type:", "go:", ".")) and ".." not in symbol


def add_calls_of(program: Path, graph: LinkGraph) -> None:
    """Add the direct calls in the code of an executable.

    Raises:
        InvalidExecutable: It is no Go program, or a damaged one.
    """
    with mapped(program) as data:
        elf = parse_elf(data)
        table = read_function_table(elf)
        if table is not None:
            graph.add_calls(direct_calls(elf, table))


def _way(before: dict[str, str | None], last: str) -> list[str]:
    way = [last]
    while (previous := before[way[-1]]) is not None:
        way.append(previous)
    return way[::-1]


def _canonical(symbol: str) -> str:
    """Give a symbol as the function table has it: without type arguments and the calling convention."""
    text = symbol.removesuffix(".abi0")
    if "[" in text and not text.startswith(("type:", "go:")):
        text = _BRACKETS.sub("[...]", text)
    return text
