"""What an image is, in figures."""

import posixpath
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

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
        user: As whom it runs; ``root`` where the configuration names nobody.
    """

    size: int
    pull_size: int
    layers: int
    files: int
    executables: int
    shells: tuple[str, ...]
    packages: int
    user: str


def measure_image(image: Image) -> ImageFigures:
    """Count what is in a single image.

    Raises:
        ContentError: It is damaged.
    """
    tree = FileTree.of(image)
    nodes = [node for node in below(tree.root, deep=True) if node.entry.kind is not Kind.DIRECTORY]
    executables = [node for node in nodes if node.entry.kind in {Kind.FILE, Kind.HARDLINK} and _may_run(node)]
    return ImageFigures(
        size=sum(node.entry.size for node in nodes),
        pull_size=image.pull_size,
        layers=len(image.layers),
        files=len(nodes),
        executables=len(executables),
        shells=tuple(sorted(_shells(tree))),
        packages=_packages(image, tree),
        user=image.config.run.user or "root",
    )


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


def _packages(image: Image, tree: FileTree) -> int:
    wanted: dict[Digest, dict[str, bytes]] = defaultdict(dict)
    for path, begin in _DATABASES.items():
        node = tree.get(path)
        if node is not None and node.layer is not None and node.entry.kind is Kind.FILE:
            wanted[node.layer][node.entry.path] = begin
    count = sum(_listed(image, layer, files) for layer, files in wanted.items())
    single = tree.get(_DISTROLESS)
    if single is not None:
        count += sum(posixpath.splitext(name)[1] != ".md5sums" for name in single.children)
    return count


def _listed(image: Image, layer: Digest, files: dict[str, bytes]) -> int:
    """Count the packages that databases in one layer list; the last of a name counts, as when it is unpacked."""
    found: dict[str, int] = {}
    (descriptor,) = {one for one in image.layers if one.digest == layer}
    with image.open_layer(descriptor) as stream:
        for member in read_tar(stream):
            begin = files.get(member.entry.path)
            if begin is not None:
                lines = member.read(_MAX_DATABASE).split(b"\n")
                found[member.entry.path] = sum(line.startswith(begin) for line in lines)
    return sum(found.values())
