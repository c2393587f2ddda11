"""Everything that smidgen reads from an executable in one go."""

import hashlib
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from smidgen.elf.buildinfo import read_build_info
from smidgen.elf.header import ElfFile, parse_elf
from smidgen.errors import InvalidExecutable, WrongArchitecture
from smidgen.needs.detect import detect_needs
from smidgen.needs.need import NeedsReport
from smidgen.oci.platform import Platform


class BinaryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an executable; small, and kept from one build to the next.

    Attributes:
        digest: SHA-256 of the file, 64 hex digits.
        size: Length of the file in bytes.
        go_version: Such as ``go1.26.8``; empty for what is no Go program.
        report: What it needs at run time, and what else there is to know.
        interpreter: The dynamic loader that it starts with; empty for one that is linked statically.
        libraries: Shared libraries that it names, in order.
        library_paths: Where it wants them sought first.
        versions: Library and version, such as ``GLIBC_2.34``, without which the loader does not start it.
    """

    digest: str
    size: int
    go_version: str
    report: NeedsReport
    interpreter: str = ""
    libraries: tuple[str, ...] = ()
    library_paths: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()


def examine(path: Path, platform: Platform, *, digest: str | None = None) -> BinaryFacts:
    """Read the executable at *path*.

    Args:
        path: An ELF executable.
        platform: What the image is for.
        digest: SHA-256 of the file in hex, where it is known.

    Raises:
        InvalidExecutable: Not an ELF executable, or a damaged one.
        WrongArchitecture: It is not for *platform*.
    """
    with mapped(path) as data:
        elf = parse_elf(data)
        _check_architecture(elf, path, platform)
        info = read_build_info(elf)
        return BinaryFacts(
            digest=digest or hashlib.sha256(data).hexdigest(),
            size=len(data),
            go_version=info.go_version if info else "",
            report=detect_needs(elf),
            interpreter=elf.interpreter or "",
            libraries=elf.needed,
            library_paths=tuple(f"{elf.dynamic.rpath or ''}:{elf.dynamic.runpath or ''}".strip(":").split(":"))
            if elf.dynamic.rpath or elf.dynamic.runpath
            else (),
            versions=_versions(elf) if elf.needed else (),
        )


def _versions(elf: ElfFile) -> tuple[tuple[str, str], ...]:
    from smidgen.elf.versions import read_needed_versions  # few programs have libraries

    return tuple((one.library, one.version) for one in read_needed_versions(elf) if not one.is_weak)


def platform_of(path: Path) -> Platform:
    """Tell which platform the executable at *path* is for.

    Raises:
        InvalidExecutable: Not an ELF executable, a damaged one, or one for an unknown machine.
    """
    with mapped(path) as data:
        elf = parse_elf(data)
        info = read_build_info(elf)
        if elf.architecture is None:
            raise InvalidExecutable(f"ELF machine {elf.machine} is none that an image architecture stands for")
        variant = info.variant if info else ""
        return Platform(os="linux", architecture=elf.architecture, variant=variant).normalized()


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """Map a file for reading, without a copy.

    Raises:
        InvalidExecutable: It is empty, or what is done with it finds that it is none.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise InvalidExecutable(f"{path} is empty") from error
        with data:
            try:
                yield data
            except InvalidExecutable as error:
                # The readers know bytes, not files.
                raise InvalidExecutable(f"{path}: {error.reason}", offset=error.offset, hint=error.hint) from error


def _check_architecture(elf: ElfFile, path: Path, platform: Platform) -> None:
    if elf.architecture != platform.architecture:
        raise WrongArchitecture(
            f"{path} is for {elf.architecture or f'ELF machine {elf.machine}'}, the image is for {platform}",
            hint=f"build it for {platform.architecture}, or choose its own architecture with --platform",
        )
