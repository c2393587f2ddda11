"""Which files C code reads: those that ``#include`` lines name, wherever they are found, and libraries.

Go looks at the files beside a package's Go files only, so that it takes an old object for a new one when a header
elsewhere changed. More files may be found than are read, as conditions are not decided; never less.

Source: C11 (ISO/IEC 9899:2011) 6.10.2; clang's manual, "Include path management"; ``go help c``, ``cmd/cgo``.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

_INCLUDE: Final = re.compile(rb'#\s*(?:include|include_next|import|embed)\s*(?:"([^"\n]{1,4096})"|<([^>\n]{1,4096})>)')
_COMPUTED: Final = re.compile(rb"^[ \t]*(?:/[/*]+[ \t]*)?#[ \t]*include(?:_next)?[ \t]+[A-Za-z_]", re.MULTILINE)
_CODE: Final = re.compile(r".*\.(?:go|c|cc|cpp|cxx|m|h|hh|hpp|hxx|s|S|sx)\Z", re.DOTALL)
_MOST_FILES: Final = 20_000
_MOST_BYTES: Final = 64 << 20
_PATH_FLAGS: Final = ("-I", "-isystem", "-iquote", "-idirafter")


@dataclass(slots=True)
class Reading:
    """What was found to be read.

    Attributes:
        files: Absolute paths, each with the text that includes call it.
        absent: Where such a file would have been found before.
        doubt: Why there may be more; "" where there is not.
    """

    files: dict[str, str] = field(default_factory=dict)
    absent: dict[str, None] = field(default_factory=dict)
    doubt: str = ""


def include_directories(flags: Iterable[str], directory: str) -> Iterator[str]:
    """Give the directories that compiler flags name; relative ones are below *directory*."""
    rest = iter(flags)
    for flag in rest:
        for name in _PATH_FLAGS:
            if flag == name:
                yield os.path.normpath(os.path.join(directory, next(rest, "")))
            elif flag.startswith(name):
                yield os.path.normpath(os.path.join(directory, flag.removeprefix(name)))


def included_files(flags: Iterable[str], directory: str) -> Iterator[str]:
    """Give the files that compiler flags themselves name: ``-include FILE``, archives, objects."""
    rest = iter(flags)
    for flag in rest:
        if flag in {"-include", "-imacros"}:
            yield os.path.normpath(os.path.join(directory, next(rest, "")))
        elif flag.endswith((".a", ".o", ".so", ".ld")) and not flag.startswith("-"):
            yield os.path.normpath(os.path.join(directory, flag))


def read_includes(sources: Iterable[str], directories: Iterable[str], reading: Reading) -> None:
    """Follow the includes of *sources*, files of C or Go, into *reading*.

    Args:
        sources: Absolute paths.
        directories: Where includes are sought beside the directory of who includes.
        reading: Added to.
    """
    places = tuple(dict.fromkeys(directories))
    waiting = list(sources)
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        for name, is_quoted in _includes_of(path, reading):
            found = _find(name, (os.path.dirname(path), *places) if is_quoted else places, reading)
            if found is not None and found not in seen:
                seen.add(found)
                reading.files.setdefault(found, name)
                waiting.append(found)
        if len(seen) > _MOST_FILES:
            reading.doubt = f"C code includes more than {_MOST_FILES} files"
            return


def code_files(directory: str) -> list[str]:
    """Give the files in *directory* that may be code."""
    try:
        return [os.path.join(directory, name) for name in sorted(os.listdir(directory)) if _CODE.match(name)]
    except OSError:
        return []


def _includes_of(path: str, reading: Reading) -> list[tuple[str, bool]]:
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError:
        return []
    if len(data) > _MOST_BYTES or _COMPUTED.search(data):
        reading.doubt = reading.doubt or f"{path} includes what only a compiler can tell"
    pairs = _INCLUDE.findall(data)
    return [(os.fsdecode(quoted or angled), bool(quoted)) for quoted, angled in pairs]


def _find(name: str, places: Iterable[str], reading: Reading) -> str | None:
    for place in places:
        path = os.path.normpath(os.path.join(place, name))
        if os.path.isfile(path):
            return path
        reading.absent[path] = None
    return None
