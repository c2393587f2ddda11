"""Resolve: from a dynamic executable to its closure, as its loader would find it.

Breadth first, in the order of DT_NEEDED, each name once: what answers to a name already is not sought again. What the
program may load later (dlopen, name services, unwinding of threads) follows when all that it needs is there.
"""

import posixpath
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from smidgen.errors import DynamicExecutable, InvalidExecutable, LimitExceeded
from smidgen.needs.closure.added import Added, Addition, is_in_place, read_added
from smidgen.needs.closure.behaviour import closure_needs
from smidgen.needs.closure.checks import check_symbols, check_versions
from smidgen.needs.closure.closure import STARTING, Closure, Fault, Library, Missing, Reason, family
from smidgen.needs.closure.directories import built_in_directories, configured_directories, is_musl
from smidgen.needs.closure.opened import Opened, open_object
from smidgen.needs.closure.packages import advise, advise_on_optional
from smidgen.needs.closure.root import Root
from smidgen.needs.closure.search import Rules, Search, path_of
from smidgen.needs.closure.unseen import Unseen, blind_loaders, c_library, openssl_directory, unseen_libraries
from smidgen.needs.closure.whole import said_of
from smidgen.needs.detect import detect_needs
from smidgen.needs.need import Confidence

_MAX_OBJECTS: Final = 5000
_MAX_ADVISED: Final = 10
# What musl's loader answers to itself.
_OF_MUSL: Final = ("c", "pthread", "rt", "m", "dl", "util", "xnet", "crypt", "resolv")


@dataclass(slots=True)
class _Entry:
    """A library on its way into the closure."""

    opened: Opened
    name: str
    rule: str
    reason: Reason
    confidence: Confidence
    needed_by: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)


def resolve_closure(
    program: Path,
    *,
    sysroot: Path | None = None,
    asked: Sequence[str] = (),
    added: Sequence[Addition] = (),
    program_at: str = "",
    advises: bool = False,
) -> Closure:
    """Find everything that the dynamic executable at *program* is loaded with.

    Args:
        program: An ELF executable with an interpreter.
        sysroot: Where its libraries are; None means this machine.
        asked: Names or paths of libraries to take beside those that it needs.
        added: Files that go into the image beside it, libraries among them.
        program_at: Where the program is in the image, if it is one of these files.
        advises: Look for packages with what it may do without, too, which takes a while.

    Returns:
        The closure; what is missing is in it, so that all of it can be said at once.

    Raises:
        InvalidExecutable: It, or a library, is no ELF file or a damaged one.
        DynamicExecutable: It is static, so that it has no closure.
        OSError: It cannot be read.
    """
    with ExitStack() as stack:
        return (
            _Resolver(program, Root(sysroot or Path("/")), stack).add(added, program_at).resolve(asked, advises=advises)
        )


class _Resolver:
    """One search."""

    def __init__(self, program: Path, root: Root, stack: ExitStack) -> None:
        self._root = root
        self._program = open_object(*path_of(program, root), program, stack)
        self._file = program
        self._stack = stack
        self._check()
        self._entries: dict[str, _Entry] = {}
        self._names: dict[str, Opened] = {}
        self._missing: dict[str, Missing] = {}
        self._needs: dict[str, list[str]] = {self._program.path: []}
        self._added: dict[tuple[int, int], Added] = {}
        self._placed: list[Opened] = []
        self._program_at = ""
        self._loader = self._open_loader()

    def add(self, additions: Sequence[Addition], program_at: str) -> Self:
        """Tell what the image has beside the program."""
        self._added = {one.opened.identity: one for one in read_added(additions, self._program)}
        self._program_at = program_at
        return self

    def _check(self) -> None:
        elf = self._program.elf
        if elf.interpreter is None:
            what = "a library" if elf.needed or not elf.is_static or elf.dynamic.soname else "a static executable"
            raise DynamicExecutable(
                f"{self._file} is {what}: it names no loader (PT_INTERP), so nothing follows from it",
                libraries=elf.needed,
                hint="smidgen build --binary takes a static executable as it is"
                if what == "a static executable"
                else "name the program that uses it",
            )
        if elf.architecture is None:
            raise InvalidExecutable(
                f"{self._file}: ELF machine {elf.machine} is none that an image architecture stands for"
            )

    @property
    def _interpreter(self) -> str:
        return self._program.elf.interpreter or ""

    def _open_loader(self) -> Opened | None:
        path = self._interpreter
        rules = Rules(root=self._root, program=self._program, built_in=(), configured=(), musl=False, stack=self._stack)
        search = rules.search_in(self._root, path)
        if search.found is None:
            self._miss(path, Reason.INTERPRETER, [self._program.path], search)
            return None
        self._add(search, path, Reason.INTERPRETER, Confidence.CERTAIN, self._program)
        return search.found

    def resolve(self, asked: Sequence[str], *, advises: bool) -> Closure:
        musl = is_musl(self._interpreter)
        elf = self._loader.elf if self._loader is not None else self._program.elf
        rules = Rules(
            root=self._root,
            program=self._program,
            built_in=built_in_directories(elf, self._interpreter),
            configured=configured_directories(self._root, self._interpreter),
            musl=musl,
            stack=self._stack,
        )
        if self._loader is not None:
            self._follow(rules, [(name, self._program) for name in self._program.elf.needed])
            self._ask(rules, asked)
            self._follow_unseen(rules)
        if advises:
            self._advise_on_optional()
        objects = [self._program, *(one.opened for one in self._entries.values())]
        beside = [*self._program.packed, *(one.opened for one in self._added.values())]
        faults = self._faults(objects)
        lacking = [said_of(one) for one in self._missing.values() if one.reason is Reason.ADDED]
        lacking += [one.message for one in (() if musl else check_versions(beside, self._names))]
        return Closure(
            program=str(self._file),
            size=len(self._program.elf.data),
            architecture=self._program.elf.architecture or "",
            interpreter=self._interpreter,
            c_library=c_library(objects, self._interpreter),
            directories=rules.built_in,
            needs=tuple(dict.fromkeys(self._needs[self._program.path])),
            libraries=tuple(map(self._library, self._entries.values())),
            missing=tuple(self._missing.values()),
            faults=faults,
            openssl=openssl_directory([*objects, *beside]),
            report=closure_needs(
                [*objects, *beside],
                detect_needs(self._program.elf),
                self._root,
                musl=musl,
                unknown=blind_loaders(objects),
                lacking=lacking,
                has_added=bool(self._added),
            ),
        )

    def _faults(self, objects: list[Opened]) -> tuple[Fault, ...]:
        """Check versions and symbols; what is loaded later, if at all, stops no program from starting."""
        faults = () if is_musl(self._interpreter) else check_versions(objects, self._names)
        if not any(one.is_fatal for one in self._missing.values()):
            faults += check_symbols(objects, self._placed)
        optional = {path for path, one in self._entries.items() if one.reason not in STARTING}
        return tuple(replace(one, is_fatal=one.is_fatal and one.path not in optional) for one in faults)

    def _follow(
        self,
        rules: Rules,
        wanted: Iterable[tuple[str, Opened]],
        reason: Reason = Reason.NEEDED,
        confidence: Confidence = Confidence.CERTAIN,
    ) -> None:
        """Find what is wanted, and what that needs, breadth first."""
        queue = list(wanted)
        for name, asking in queue:
            known = self._known(name)
            if known is not None:
                if reason is not Reason.NEEDED:
                    # Whether it will have been loaded by its other name then, nobody knows.
                    known.names.add(name)
                self._uses(asking, known.path)
                continue
            search = rules.search(name, asking)
            if search.found is None:
                self._miss(name, reason, [asking.path], search)
            elif (there := self._in_place(search.found, asking)) is not None:
                self._names.setdefault(name, search.found)
                self._placed.append(search.found)
                there.loader = asking
                queue += [(each, there) for each in there.elf.needed]
            elif (entry := self._add(search, name, reason, confidence, asking)) is not None:
                queue += [(each, entry) for each in entry.elf.needed]

    def _ask(self, rules: Rules, asked: Sequence[str]) -> None:
        for name in asked:
            self._follow(rules, [(name, self._program)], Reason.ASKED)

    def _follow_unseen(self, rules: Rules) -> None:
        """Take what the objects may load while they run; that may load more."""
        done: set[Unseen] = set()
        for _ in range(_MAX_OBJECTS):
            objects = [self._program, *(one.opened for one in self._entries.values())]
            added = [one.opened for one in self._added.values()]
            fresh = [one for one in unseen_libraries(objects, added, self._interpreter) if one not in done]
            if not fresh:
                return
            askers = {one.path: one for one in (*objects, *self._program.packed, *added)}
            for one in fresh:
                done.add(one)
                asking = askers[one.asking]
                self._follow(rules, [(one.name, asking)], one.reason, one.confidence)

    def _in_place(self, found: Opened, asking: Opened) -> Opened | None:
        """Give what was found if it is added, and where the loader looks for it in the image as well."""
        one = self._added.get(found.identity)
        known = self._added.get(asking.identity)
        asking_at = self._program_at if asking is self._program else known.image_path if known is not None else ""
        return one.opened if one is not None and is_in_place(one, found, asking, asking_at) else None

    def _known(self, name: str) -> Opened | None:
        known = self._names.get(name)
        if known is None and self._loader is not None and is_musl(self._interpreter):
            stem = name.removeprefix("lib").partition(".")[0]
            return self._loader if name.startswith("lib") and stem in _OF_MUSL else None
        return known

    def _add(self, search: Search, name: str, reason: Reason, confidence: Confidence, asking: Opened) -> Opened | None:
        """Take what was found; None where the same file is there already under another name."""
        opened = search.found
        assert opened is not None  # noqa: S101 (who calls has looked)
        same = next((one.opened for one in self._entries.values() if one.opened.identity == opened.identity), None)
        if same is not None:
            self._answer(same, name)
            self._uses(asking, same.path)
            return None
        if len(self._entries) >= _MAX_OBJECTS:
            raise LimitExceeded(f"the number of libraries of {self._file}", limit=_MAX_OBJECTS)
        opened.loader = asking
        self._entries[opened.path] = _Entry(opened, name, search.rule, reason, confidence)
        self._needs[opened.path] = []
        self._answer(opened, name)
        self._uses(asking, opened.path)
        return opened

    def _answer(self, opened: Opened, name: str) -> None:
        opened.names.add(name)
        for one in (name, opened.elf.dynamic.soname):
            if one:
                self._names.setdefault(one, opened)

    def _uses(self, asking: Opened, path: str) -> None:
        entry = self._entries.get(path)
        if path == asking.path or entry is None:
            return
        if asking.path not in entry.needed_by:
            entry.needed_by.append(asking.path)
        self._needs.setdefault(asking.path, []).append(path)

    def _miss(self, name: str, reason: Reason, needed_by: list[str], search: Search) -> None:
        known = self._missing.get(name)
        if known is not None:
            needed_by = [*known.needed_by, *(one for one in needed_by if one not in known.needed_by)]
            reason = known.reason
        missing = Missing(
            name=name,
            reason=reason,
            needed_by=tuple(needed_by),
            sought=tuple(search.sought),
            rejected=tuple(search.rejected),
            advice=known.advice if known else "",
        )
        if known is None:
            near = ((one.opened.root, posixpath.join(one.opened.origin, name)) for one in self._entries.values())
            found = next((path for root, path in near if root.file(path)), "") if "/" not in name else ""
            advice = advise(missing, self._program.elf.architecture or "", self._root, found)
            missing = replace(missing, advice=advice)
        self._missing[name] = missing

    def _advise_on_optional(self) -> None:
        """Say where what may be loaded later is from, if none of the names that a program tries was found."""
        found = {family(one.name) for one in self._entries.values()}
        groups: dict[str, list[str]] = {}
        for one in self._missing.values():
            if one.reason is Reason.DLOPEN and one.family not in found:
                groups.setdefault(one.family, []).append(one.name)
        for _, names in zip(range(_MAX_ADVISED), groups.values(), strict=False):
            advice = advise_on_optional(names, self._program.elf.architecture or "", self._root)
            self._missing[names[0]] = replace(self._missing[names[0]], advice=advice)

    def _library(self, entry: _Entry) -> Library:
        return Library(
            name=entry.name,
            path=entry.opened.path,
            file=str(entry.opened.file),
            size=len(entry.opened.elf.data),
            found_by=entry.rule,
            reason=entry.reason,
            confidence=entry.confidence,
            needed_by=tuple(entry.needed_by),
            needs=tuple(dict.fromkeys(self._needs[entry.opened.path])),
            aliases=_aliases(entry),
        )


def _aliases(entry: _Entry) -> tuple[str, ...]:
    """Give the other names that a library needs a file for; to its SONAME it answers itself once it is loaded."""
    answers = entry.opened.elf.dynamic.soname if entry.reason in {Reason.INTERPRETER, Reason.NEEDED} else None
    return tuple(sorted(entry.opened.names - {entry.name, answers or ""}))
