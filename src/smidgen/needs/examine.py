"""Everything that smidgen reads from an executable in one go, and the refusal of those that cannot run alone."""

import hashlib
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from smidgen.elf.buildinfo import read_build_info
from smidgen.elf.header import ElfFile, parse_elf
from smidgen.errors import DynamicExecutable, InvalidExecutable, WrongArchitecture
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
    """

    digest: str
    size: int
    go_version: str
    report: NeedsReport


def examine(path: Path, platform: Platform, *, digest: str | None = None) -> BinaryFacts:
    """Read the executable at *path*.

    Args:
        path: An ELF executable.
        platform: What the image is for.
        digest: SHA-256 of the file in hex, where it is known.

    Raises:
        InvalidExecutable: Not an ELF executable, or a damaged one.
        DynamicExecutable: It needs an interpreter or libraries.
        WrongArchitecture: It is not for *platform*.
    """
    with mapped(path) as data:
        elf = parse_elf(data)
        _check_architecture(elf, path, platform)
        _check_static(elf, path)
        info = read_build_info(elf)
        return BinaryFacts(
            digest=digest or hashlib.sha256(data).hexdigest(),
            size=len(data),
            go_version=info.go_version if info else "",
            report=detect_needs(elf),
        )


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


def _check_static(elf: ElfFile, path: Path) -> None:
    if elf.is_static:
        return
    libraries = elf.needed
    wanted = ", ".join(([elf.interpreter] if elf.interpreter else []) + list(libraries))
    raise DynamicExecutable(
        f"{path} is dynamically linked: it needs {wanted}, and an image from scratch has none of them",
        interpreter=elf.interpreter,
        libraries=libraries,
        hint="build Go programs with CGO_ENABLED=0, C programs with -static, Rust programs for a musl target",
    )
