"""Where a loader looks for libraries beyond what the program itself says: its own directories, and those configured.

Source: ld.so(8), ldconfig(8); glibc's ``elf/dl-load.c`` (``system_dirs``) and ``elf/ldconfig.c`` (``parse_conf``);
musl's ``ldso/dynlink.c`` (``sys_path``).
"""

import fnmatch
import posixpath
import re
from dataclasses import dataclass
from typing import Final

from smidgen.elf.header import ElfFile
from smidgen.needs.closure.root import Root

_PATH: Final = rb"/[A-Za-z0-9_.+\-/]{0,200}lib[A-Za-z0-9_.+\-/]{0,200}"
_GLIBC_DIRECTORIES: Final = re.compile(rb"(?<=\0)(?:" + _PATH + rb"/\0){1,16}")
_MUSL_DIRECTORIES: Final = re.compile(rb"(?<=\0)" + _PATH + rb"(?::" + _PATH + rb"){1,15}(?=\0)")
_USUAL_OF_GLIBC: Final = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_USUAL_OF_MUSL: Final = ("/lib", "/usr/local/lib", "/usr/lib")
_MAX_FILES: Final = 1000
_MAX_DEPTH: Final = 16
_MAX_SIZE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that is looked into.

    Attributes:
        path: Absolute, in the root.
        origin: Why, such as ``/etc/ld.so.conf.d/local.conf``; empty for one that is built into the loader.
    """

    path: str
    origin: str = ""


def is_musl(interpreter: str) -> bool:
    """Tell whether a loader is musl's, by its name."""
    return posixpath.basename(interpreter).startswith("ld-musl-")


def built_in_directories(loader: ElfFile, interpreter: str) -> tuple[str, ...]:
    """Read the directories that are built into a loader, first one first, without a slash at the end."""
    musl = is_musl(interpreter)
    match = (_MUSL_DIRECTORIES if musl else _GLIBC_DIRECTORIES).search(loader.data)
    if match is None:
        return _USUAL_OF_MUSL if musl else _USUAL_OF_GLIBC
    parts = match[0].decode().split(":" if musl else "\0")
    return tuple(dict.fromkeys(part.rstrip("/") for part in parts if part))


def configured_directories(root: Root, interpreter: str) -> tuple[Directory, ...]:
    """Read the directories that the system is configured with: ``ld.so.conf``, or musl's ``.path`` file."""
    if is_musl(interpreter):
        architecture = posixpath.basename(interpreter).removeprefix("ld-musl-").removesuffix(".so.1")
        name = f"/etc/ld-musl-{architecture}.path"
        text = _read(root, name) or ""
        return tuple(Directory(part, name) for part in re.split(r"[:\n]", text) if part.startswith("/"))
    found: dict[str, Directory] = {}
    _read_conf(root, "/etc/ld.so.conf", found, seen=set(), depth=0)
    return tuple(found.values())


def _read_conf(root: Root, path: str, found: dict[str, Directory], *, seen: set[str], depth: int) -> None:
    text = _read(root, path)
    if text is None or path in seen or depth > _MAX_DEPTH or len(seen) > _MAX_FILES:
        return
    seen.add(path)
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] == "hwcap":
            continue
        if words[0] == "include":
            for pattern in words[1:]:
                for one in _matches(root, posixpath.join(posixpath.dirname(path), pattern)):
                    _read_conf(root, one, found, seen=seen, depth=depth + 1)
        elif words[0].startswith("/"):
            # "DIRECTORY=TYPE" is an old form, which still is accepted.
            directory = posixpath.normpath(words[0].partition("=")[0])
            found.setdefault(directory, Directory(directory, path))


def _matches(root: Root, pattern: str) -> list[str]:
    """Give the files that a pattern names; patterns of directories are not in use."""
    directory, name = posixpath.split(pattern)
    return [
        posixpath.join(directory, one)
        for one in root.names(directory)
        if fnmatch.fnmatchcase(one, name) and (not one.startswith(".") or name.startswith("."))
    ][:_MAX_FILES]


def _read(root: Root, path: str) -> str | None:
    file = root.file(path)
    try:
        if file is None:
            return None
        with file.open("rb") as stream:
            return stream.read(_MAX_SIZE).decode("utf-8", "surrogateescape")
    except OSError:
        return None
