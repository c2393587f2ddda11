"""What programs are put on: bases and their sizes, and what a layer on top of them takes."""

import gzip
import hashlib
import os
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from benchmarks.contenders import start

from smidgen.needs.closure.closure import Closure, Library
from support.go_tools import locked
from support.real_images import ALPINE, DISTROLESS, real_image

#: With a package in place of one that needs perl, as the real debian:bookworm-slim has it.
_SLIM: Final = (
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    "--include=usr-is-merged",
)
_LEFT_OUT: Final = (
    "./var/lib/apt/lists/",
    "./var/cache/",
    *(f"./usr/share/{name}/" for name in ("doc", "man", "locale", "info", "lintian")),
)
_WEEK: Final = 7 * 24 * 3600
_DISTROLESS: Final = ("base-files", "netbase", "tzdata", "media-types", "ca-certificates", "libc6", "libssl3")
#: Where a library that a base lacks is put.
LIBRARIES: Final = "usr/lib/x86_64-linux-gnu"


@dataclass(frozen=True)
class Size:
    """An image's size in bytes."""

    pull: int
    disk: int

    def __add__(self, other: "Size") -> "Size":
        return Size(self.pull + other.pull, self.disk + other.disk)

    def __str__(self) -> str:
        return f"{self.pull / 1e6:.2f} ({self.disk / 1e6:.1f})"


@dataclass(frozen=True)
class Base:
    """A base image.

    Attributes:
        about: What it is.
        size: Of its layers.
        names: Of its files, without directories.
        tar: Its files, or an archive of ``docker save``.
        is_real: The archive is that of its makers.
    """

    about: str
    size: Size
    names: frozenset[str]
    tar: Path
    is_real: bool = False

    def lacks(self, closure: Closure) -> list[Library]:
        """Give the libraries of *closure* that are not in here."""
        return [one for one in closure.libraries if not {one.name, os.path.basename(one.file)} & self.names]


def bases(work: Path) -> Mapping[str, Base]:
    """Make and get the bases, by the name that a table calls them."""
    return {
        "alpine": real("Alpine 3.11.5 of 2020, the real one, with musl 1.1.24", ALPINE, work),
        "distroless/base": stand_in(
            "a stand-in, of the packages of Debian 12 that the real one has", work, "extract", *_DISTROLESS
        ),
        "debian-slim": stand_in("a stand-in, made of Debian 12 as the real one is", work, "minbase"),
    }


def old_distroless(work: Path) -> Base:
    """Get the real image of distroless/base, whose C library is too old for what is compiled here."""
    return real("the real one, of 2019: Debian 9, glibc 2.24", DISTROLESS, work)


def real(about: str, name: str, work: Path) -> Base:
    """Get an image as its makers published it."""
    archive = real_image(name)
    size, names = Size(0, 0), set[str]()
    with tarfile.open(archive) as outer:
        for layer in _layers(outer):
            file = outer.extractfile(layer)
            assert file is not None, layer
            (target := work / "layer.tar").write_bytes(file.read())
            size += _gzipped(target)
            names |= _names(target)
    return Base(about, size, frozenset(names), archive, is_real=True)


def _layers(outer: tarfile.TarFile) -> Sequence[str]:
    file = outer.extractfile("manifest.json")
    assert file is not None, outer.name
    (image,) = msgspec.json.decode(file.read(), type=list[dict[str, object]])
    return msgspec.convert(image["Layers"], list[str])


def stand_in(about: str, work: Path, variant: str, *packages: str) -> Base:
    """Make a Debian 12 with *packages*, without documentation; *variant* is mmdebstrap's."""
    target = debian(work, variant, *packages)
    return Base(about, _gzipped(target), _names(target), target)


def debian(work: Path, variant: str, *packages: str) -> Path:
    """Give a tar of a Debian 12 with *packages*, without documentation; it is made anew once a week."""
    more = _SLIM if variant == "minbase" else ()
    command = ["mmdebstrap", "--quiet", "--aptopt=APT::Install-Recommends false", f"--variant={variant}", *more]
    command += [f"--include={','.join(packages)}"] if packages else []
    key = hashlib.sha256("\n".join((*command, *_LEFT_OUT)).encode()).hexdigest()[:16]
    with locked(f"bench-base-{key}") as root:
        target = root / "bench-bases" / f"{key}.tar"
        if not target.exists() or time.time() - target.stat().st_mtime > _WEEK:
            target.parent.mkdir(exist_ok=True)
            start([*command, "bookworm", str(work / "whole.tar")], cwd=work)
            fresh = target.with_suffix(".new")
            _without_documentation(work / "whole.tar", fresh)
            fresh.rename(target)
            (work / "whole.tar").unlink()
    return target


def _without_documentation(whole: Path, target: Path) -> None:
    with tarfile.open(whole) as tar, tarfile.open(target, "w") as kept:
        for member in tar:
            if not member.name.startswith(_LEFT_OUT):
                kept.addfile(member, tar.extractfile(member) if member.isreg() else None)


def _names(tar_file: Path) -> frozenset[str]:
    with tarfile.open(tar_file) as tar:
        return frozenset(os.path.basename(name) for name in tar.getnames())


def packed(work: Path, files: Sequence[Path]) -> Size:
    """Measure a layer of *files*."""
    target = work / "layer.tar"
    with tarfile.open(target, "w") as tar:
        for file in files:
            tar.add(file, file.name)
    return _gzipped(target)


def _gzipped(tar: Path) -> Size:
    return Size(len(gzip.compress(tar.read_bytes(), 6, mtime=0)), tar.stat().st_size)
