"""What an image is, in figures."""

import posixpath
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from smidgen.elf.buildinfo import Module, read_build_info
from smidgen.elf.header import parse_elf
from smidgen.errors import InvalidExecutable
from smidgen.image.filetree import FileTree, Node, below
from smidgen.image.image import Image
from smidgen.layer.entry import Kind
from smidgen.layer.tar_reader import read_tar
from smidgen.oci.digest import Digest

#: Programs that are given commands as text.
_SHELLS: Final = frozenset(("sh", "ash", "bash", "dash", "ksh", "zsh", "fish", "busybox", "csh", "tcsh"))
_PATHS: Final = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "busybox")
#: Files that list what is installed, each with how the line of a package begins.
_DATABASES: Final = {
    "var/lib/dpkg/status": b"Package:",
    "lib/apk/db/installed": b"P:",
    "usr/lib/apk/db/installed": b"P:",
}
#: Of distroless images: a file for each package.
_DISTROLESS: Final = "var/lib/dpkg/status.d"
_EXECUTABLE: Final = 0o111
_MAX_DATABASE: Final = 64 << 20
_ELF: Final = b"\x7fELF"
#: Larger ones than any real program are not looked into.
_MAX_PROGRAM: Final = 512 << 20
_STDLIB: Final = "stdlib"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFigures:
    """What an image is.

    Attributes:
        size: Bytes of all files in it; one with several names counts once.
        pull_size: Bytes that a machine with nothing fetches.
        layers: How many.
        files: How many, directories not counted.
        executables: Files that may be executed.
        shells: Paths of those that are shells, sorted.
        packages: Of the distribution, as its own database lists them.
        modules: Go modules in its executables, and releases of Go, each once, as build information lists them.
        user: As whom it runs; ``root`` where the configuration names nobody.
        go: The release of Go that its program was compiled by, such as ``go1.26.8``; empty for what is not Go's.
    """

    size: int
    pull_size: int
    layers: int
    files: int
    executables: int
    shells: tuple[str, ...]
    packages: int
    modules: int
    user: str
    go: str = ""


def measure_image(image: Image) -> ImageFigures:
    """Count what is in a single image.

    Raises:
        ContentError: It is damaged.
    """
    tree = FileTree.of(image)
    nodes = [node for node in below(tree.root, deep=True) if node.entry.kind is not Kind.DIRECTORY]
    executables = [node for node in nodes if node.entry.kind in {Kind.FILE, Kind.HARDLINK} and _may_run(node)]
    listed = _read_lists(image, tree, executables)
    return ImageFigures(
        size=sum(node.entry.size for node in nodes),
        pull_size=image.pull_size,
        layers=len(image.layers),
        files=len(nodes),
        executables=len(executables),
        shells=tuple(sorted(_shells(tree))),
        packages=listed.packages,
        modules=len(listed.modules),
        user=image.config.run.user or "root",
        go=listed.releases.get(_program(image), ""),
    )


def _program(image: Image) -> str:
    run = image.config.run
    return next(iter((*(run.entrypoint or ()), *(run.cmd or ()))), "").lstrip("/")


def _may_run(node: Node) -> bool:
    return bool(node.entry.mode & _EXECUTABLE)


def _shells(tree: FileTree) -> set[str]:
    """Give the shells; those that are links to one file, as busybox's are, count once."""
    found = set()
    for directory in _PATHS:
        for name in _SHELLS:
            node = tree.get(f"{directory}/{name}")
            if node is not None and node.entry.kind in {Kind.FILE, Kind.HARDLINK} and _may_run(node):
                found.add(f"/{node.entry.link or node.entry.path}")
    return found


@dataclass(slots=True)
class _Lists:
    """What scanners know of an image.

    Attributes:
        packages: Of the distribution.
        modules: That Go's build information names.
        releases: Path of a Go program → the release of Go that compiled it.
    """

    packages: int = 0
    modules: set[tuple[str, str]] = field(default_factory=set)
    releases: dict[str, str] = field(default_factory=dict)


def _read_lists(image: Image, tree: FileTree, executables: list[Node]) -> _Lists:
    """Read databases of packages and Go's build information, each layer once."""
    databases: dict[Digest, dict[str, bytes]] = defaultdict(dict)
    programs: dict[Digest, set[str]] = defaultdict(set)
    for path, begin in _DATABASES.items():
        node = tree.get(path)
        if node is not None and node.layer is not None and node.entry.kind is Kind.FILE:
            databases[node.layer][node.entry.path] = begin
    for node in executables:
        if node.layer is not None and node.entry.kind is Kind.FILE and node.entry.size <= _MAX_PROGRAM:
            programs[node.layer].add(node.entry.path)
    found = _Lists()
    for layer in {*databases, *programs}:
        _read_layer(image, layer, databases[layer], programs[layer], found)
    single = tree.get(_DISTROLESS)
    if single is not None:
        found.packages += sum(posixpath.splitext(name)[1] != ".md5sums" for name in single.children)
    return found


def _read_layer(image: Image, layer: Digest, databases: dict[str, bytes], programs: set[str], found: _Lists) -> None:
    """Read what one layer has of both; the last file of a name counts, as when it is unpacked."""
    packages: dict[str, int] = {}
    modules: dict[str, set[tuple[str, str]]] = {}
    (descriptor,) = {one for one in image.layers if one.digest == layer}
    with image.open_layer(descriptor) as stream:
        for member in read_tar(stream):
            path = member.entry.path
            if (begin := databases.get(path)) is not None:
                lines = member.read(_MAX_DATABASE).split(b"\n")
                packages[path] = sum(line.startswith(begin) for line in lines)
            elif path in programs and (start := member.read(len(_ELF))) == _ELF:
                modules[path] = _modules(start + member.read(_MAX_PROGRAM))
    found.packages += sum(packages.values())
    found.modules.update(*modules.values())
    found.releases |= {path: version for path, each in modules.items() for name, version in each if name == _STDLIB}


def _modules(data: bytes) -> set[tuple[str, str]]:
    """Give the modules of an executable, and the release of Go as ``stdlib``; nothing for what is not Go's."""
    try:
        info = read_build_info(parse_elf(data))
    except InvalidExecutable:
        return set()
    if info is None:
        return set()
    modules = [*info.dependencies, *([info.main] if info.main else [])]
    return {(_STDLIB, info.go_version), *map(_last, modules)}


def _last(module: Module) -> tuple[str, str]:
    """Give what a replace directive put in the place of a module, else itself."""
    used = module.replace or module
    return used.path, used.version
