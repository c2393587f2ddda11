"""What a dynamic executable loads without saying so in its dynamic section, read from its symbols and texts.

Source: glibc's ``sysdeps/nptl/libgcc_s.h``, ``misc/unwind-link.c`` (``libgcc_s.so.1`` for pthread_exit, pthread_cancel
and backtrace), ``nss/nsswitch.c`` and NEWS of 2.34 (``files`` and ``dns`` are a part of libc since); nsswitch.conf(5).
"""

import posixpath
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from smidgen.elf.library_names import LibraryName
from smidgen.needs.closure.closure import Reason
from smidgen.needs.closure.directories import is_musl
from smidgen.needs.closure.opened import Opened
from smidgen.needs.need import Confidence

_OF_C_LIBRARY: Final = re.compile(
    r"(?:ld-.*|lib(?:c|m|mvec|pthread|dl|rt|util|resolv|anl|nsl|crypt|nss_[a-z]+|thread_db|BrokenLocale|gcc_s)"
    r"(?:-[0-9.]+)?)\.so(?:\.[0-9]+)*"
)
_UNWINDING: Final = frozenset({"pthread_cancel", "pthread_exit", "backtrace"})
LOADING: Final = frozenset({"dlopen", "dlmopen"})
HOSTS: Final = frozenset(
    {"getaddrinfo", "gethostbyname", "gethostbyname2", "gethostbyname_r", "gethostbyname2_r", "gethostbyaddr"}
    | {"gethostbyaddr_r", "getnameinfo"}
)
ACCOUNTS: Final = frozenset(
    {f"get{kind}{by}{again}" for kind in ("pw", "gr") for by in ("nam", "uid", "gid", "ent") for again in ("", "_r")}
    | {"getgrouplist", "initgroups"}
)
_UNKNOWN: Final = (1 << 30, 0)


@dataclass(frozen=True, slots=True)
class Unseen:
    """A library that may be loaded.

    Attributes:
        name: A name, or an absolute path.
        asking: Path of the object that loads it.
        reason: Why it is believed.
        confidence: How sure.
    """

    name: str
    asking: str
    reason: Reason
    confidence: Confidence


def is_of_c_library(path: str) -> bool:
    """Tell whether an object belongs to the C library: what it imports says nothing about the program."""
    return _OF_C_LIBRARY.fullmatch(posixpath.basename(path)) is not None


def users(objects: Sequence[Opened], symbols: frozenset[str]) -> Iterator[tuple[Opened, str]]:
    """Give the objects outside of the C library that import one of *symbols*, the program first."""
    for one in objects:
        if is_of_c_library(one.path) and one is not objects[0]:
            continue
        if found := sorted(symbols & one.imports):
            yield one, found[0]


def unseen_libraries(objects: Sequence[Opened], added: Sequence[Opened], interpreter: str) -> Iterator[Unseen]:
    """Tell what the objects may load later.

    Args:
        objects: The program first, then its libraries.
        added: Libraries that the image has anyway.
        interpreter: The program's loader.
    """
    packed = objects[0].packed
    every = (*objects, *packed, *added)
    if not is_musl(interpreter):
        for one, _ in users(every, _UNWINDING):
            yield Unseen("libgcc_s.so.1", one.path, Reason.RUNTIME, Confidence.LIKELY)
        if _version(objects) < (2, 34):
            yield from _name_services(every)
    there = {name for one in (*packed, *added) for name in (posixpath.basename(one.path), one.elf.dynamic.soname)}
    yield from _asked_by(packed, Reason.PACKED, Confidence.CERTAIN, there)
    yield from _asked_by(added, Reason.ADDED, Confidence.LIKELY, there)
    has_python = any(one.is_python for one in every)
    for one, _ in users(every, LOADING):
        if one is objects[0] and one.is_by_pyinstaller:
            # What PyInstaller's own start loads by name is for a picture that is shown meanwhile.
            continue
        for found in named_libraries(one):
            if found.name in there or (has_python and posixpath.basename(found.name).startswith("libpython")):
                continue
            confidence = Confidence.LIKELY if found.stands_alone else Confidence.POSSIBLE
            yield Unseen(found.name, one.path, Reason.DLOPEN, confidence)


def named_libraries(one: Opened) -> tuple[LibraryName, ...]:
    """Give the names of libraries in the texts of an object, without its own and those that it needs anyway."""
    own = {one.elf.dynamic.soname, posixpath.basename(one.path), *one.elf.needed}
    return tuple(found for found in one.library_names if posixpath.basename(found.name) not in own)


def blind_loaders(objects: Sequence[Opened]) -> tuple[str, ...]:
    """Give the paths of the objects that load libraries without a name of any in their texts, or unpack them."""
    program = objects[0]
    closed = (program.path,) if program.unpacks_itself and not program.packed else ()
    return (*closed, *(one.path for one, _ in users(objects, LOADING) if not named_libraries(one)))


def _asked_by(
    libraries: Sequence[Opened], reason: Reason, confidence: Confidence, there: Container[str | None]
) -> Iterator[Unseen]:
    """Give what libraries need that are loaded with the program, but for each other."""
    for one in libraries:
        for name in one.elf.needed:
            if name not in there:
                yield Unseen(name, one.path, reason, confidence)


def _name_services(objects: Sequence[Opened]) -> Iterator[Unseen]:
    """Give the modules that a C library before 2.34 has as files."""
    for one, _ in users(objects, HOSTS):
        for name in ("libnss_files.so.2", "libnss_dns.so.2"):
            yield Unseen(name, one.path, Reason.NSS, Confidence.LIKELY)
    for one, _ in users(objects, ACCOUNTS):
        yield Unseen("libnss_files.so.2", one.path, Reason.NSS, Confidence.LIKELY)


def c_library(objects: Sequence[Opened], interpreter: str) -> str:
    """Name the C library: ``glibc 2.36``, ``musl``."""
    if is_musl(interpreter):
        return "musl"
    version = _version(objects)
    return f"glibc {'.'.join(map(str, version))}" if version < _UNKNOWN else "glibc"


def _version(objects: Sequence[Opened]) -> tuple[int, ...]:
    """Give the release of glibc: the newest version that its libc defines; a high one where there is no libc."""
    libc = next((one for one in objects if one.elf.dynamic.soname == "libc.so.6"), None)
    if libc is None:
        return _UNKNOWN
    texts = (one.version.removeprefix("GLIBC_") for one in libc.defined_versions if one.version.startswith("GLIBC_"))
    releases = [tuple(map(int, text.split("."))) for text in texts if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})+", text)]
    return max(releases, default=_UNKNOWN)


def openssl_directory(objects: Sequence[Opened]) -> str:
    """Give where OpenSSL looks for its settings and certificates, as its library says; empty without OpenSSL."""
    asked = (one for one in objects if one is objects[0] or posixpath.basename(one.path).startswith("libcrypto"))
    return next((one.openssl for one in asked if one.openssl), "")
