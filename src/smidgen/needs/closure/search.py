"""The rules by which a loader finds a library.

Source: ld.so(8), "DESCRIPTION" and "Dynamic string tokens"; glibc's ``elf/dl-load.c`` (``_dl_map_object``); musl's
``ldso/dynlink.c`` (``load_library``, ``fixup_rpath``). ``LD_LIBRARY_PATH`` and ``glibc-hwcaps`` are not looked at: an
image has neither.
"""

import posixpath
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smidgen.elf.machine import goarch
from smidgen.errors import InvalidExecutable
from smidgen.needs.closure.directories import Directory
from smidgen.needs.closure.opened import Opened, open_object
from smidgen.needs.closure.root import Root

_TOKEN: Final = re.compile(r"\$(?:(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_])|\{(ORIGIN|LIB|PLATFORM)\})")
_OWN: Final = "the loader's own directories"
# What AT_PLATFORM is on the machines where it is not the name of the machine.
_PLATFORMS: Final = {"amd64": "x86_64", "386": "i686", "arm64": "aarch64", "arm": "v7l"}


@dataclass(frozen=True, slots=True)
class Place:
    """A directory in which one library is sought, and the rule that says so."""

    root: Root
    directory: str
    rule: str


@dataclass(slots=True)
class Search:
    """How one library was sought.

    Attributes:
        found: The object, or None.
        rule: Which rule found it.
        sought: The places that were looked at, in order.
        rejected: What was found and is none, each with why.
    """

    found: Opened | None = None
    rule: str = ""
    sought: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One loader's rules.

    Attributes:
        root: Where absolute paths are.
        program: The program, whose RPATH counts for all.
        built_in: The loader's own directories.
        configured: Those of ld.so.conf, or of musl's ``.path``.
        musl: Whether the loader is musl's.
        stack: Keeps files mapped.
    """

    root: Root
    program: Opened
    built_in: tuple[str, ...]
    configured: tuple[Directory, ...]
    musl: bool
    stack: ExitStack

    def search(self, name: str, asking: Opened) -> Search:
        """Look for the library *name* that the object *asking* needs."""
        result = Search()
        if "/" in name:
            self._take(Place(asking.root, posixpath.dirname(name), "its path"), name, result)
            return result
        for place in self._places(asking):
            shown = posixpath.normpath(place.directory)
            if shown not in result.sought:
                result.sought.append(shown)
                if self._take(place, posixpath.join(place.directory, name), result):
                    return result
        for path in filter(None, f"{asking.elf.dynamic.rpath or ''}:{asking.elf.dynamic.runpath or ''}".split(":")):
            if not self._expand(asking, path).startswith("/"):
                result.rejected.append(
                    f"its path for libraries {path!r} is relative to wherever the program is started: it was left out"
                )
        return result

    def search_in(self, root: Root, path: str) -> Search:
        """Look for the file at *path* in *root*, as the kernel does for the loader."""
        result = Search(sought=[posixpath.dirname(path)])
        self._take(Place(root, posixpath.dirname(path), "the program's header (PT_INTERP)"), path, result)
        return result

    def _take(self, place: Place, path: str, result: Search) -> bool:
        """Open the file at *path* if it is a library for this machine; a loader goes on where it is for another one."""
        if "/" in path and not path.startswith("/"):
            result.rejected.append(f"{path} is relative to wherever the program is started")
            return False
        file = place.root.file(path)
        if file is None:
            return False
        try:
            opened = open_object(place.root, posixpath.normpath(path), file, self.stack)
        except (InvalidExecutable, OSError) as error:
            reason = error.reason if isinstance(error, InvalidExecutable) else error.strerror or str(error)
            reason = reason.removeprefix(f"{file}: ")
            result.rejected.append(f"{path} cannot be read as a library: {reason}")
            return False
        ours, its = self.program.elf, opened.elf
        if (its.machine, its.bits, its.endian) != (ours.machine, ours.bits, ours.endian):
            what = goarch(its.machine, its.bits, its.endian) or f"ELF machine {its.machine}"
            result.rejected.append(f"{path} is for {what}, the program for {ours.architecture}")
            return False
        result.found, result.rule = opened, place.rule
        return True

    def _places(self, asking: Opened) -> Iterator[Place]:
        yield from self._of_musl(asking) if self.musl else self._of_glibc(asking)
        for one in self.configured:
            # What the system is configured with names the loader's own directories as well, as a rule.
            yield Place(self.root, one.path, _OWN if one.path in self.built_in else one.origin)
        # musl's file stands in for the directories that are built in.
        if not (self.musl and self.configured) and not asking.elf.dynamic.skips_default_directories:
            for directory in self.built_in:
                yield Place(self.root, directory, _OWN)

    def _of_glibc(self, asking: Opened) -> Iterator[Place]:
        if asking.elf.dynamic.runpath is None:
            above: Opened | None = asking
            while above is not None:
                if above.elf.dynamic.runpath is None:
                    yield from self._expanded(above, above.elf.dynamic.rpath, "RPATH")
                above = above.loader
            if self.program.elf.dynamic.runpath is None:
                yield from self._expanded(self.program, self.program.elf.dynamic.rpath, "RPATH")
        yield from self._expanded(asking, asking.elf.dynamic.runpath, "RUNPATH")

    def _of_musl(self, asking: Opened) -> Iterator[Place]:
        above: Opened | None = asking
        while above is not None:
            dynamic = above.elf.dynamic
            if dynamic.runpath is not None:
                yield from self._expanded(above, dynamic.runpath, "RUNPATH")
            else:
                yield from self._expanded(above, dynamic.rpath, "RPATH")
            above = above.loader

    def _expanded(self, owner: Opened, paths: str | None, tag: str) -> Iterator[Place]:
        """Give the directories of an RPATH or a RUNPATH; the empty one, which means the current, is left out."""
        for path in (paths or "").split(":"):
            directory = self._expand(owner, path)
            if directory.startswith("/"):
                yield Place(owner.root, directory, f"{tag} of {owner.path}")

    def _expand(self, owner: Opened, path: str) -> str:
        # What "lib" is called is a part of the loader's own directories.
        lib = next((one.lstrip("/") for one in self.built_in if one.startswith("/lib")), "lib")
        values = {"ORIGIN": owner.origin, "LIB": lib, "PLATFORM": _PLATFORMS.get(owner.elf.architecture or "", "")}
        if self.musl:
            values = {"ORIGIN": owner.origin}
        return _TOKEN.sub(lambda match: values.get(match[1] or match[2], match[0]), path)


def path_of(program: Path, root: Root) -> tuple[Root, str]:
    """Tell where a program is: in *root*, or else on this machine."""
    inside = root.inside(program)
    if inside is not None:
        return root, inside
    return Root(Path("/")), str(program.resolve())
