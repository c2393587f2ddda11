"""Which packages of a program have C in them, as Go itself says it.

Source: ``go help list``; ``load.PackagePublic`` in ``cmd/go``.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from smidgen.gobuild.process import Command, Outcome

_FIELDS: Final = (
    "ImportPath,Dir,Standard,CgoFiles,CFiles,CXXFiles,HFiles,CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS,CgoLDFLAGS,"
    "CgoPkgConfig,Module"
)

# Far more than the packages of any program come to.
_MOST = 64 << 20


class _Module(msgspec.Struct, frozen=True):
    path: str = msgspec.field(name="Path", default="")
    version: str = msgspec.field(name="Version", default="")
    main: bool = msgspec.field(name="Main", default=False)


class CPackage(msgspec.Struct, frozen=True, rename="pascal"):
    """A package with C in it.

    Attributes:
        import_path: Such as ``github.com/mattn/go-sqlite3``.
        dir: Where it is.
        standard: It is of Go's standard library.
        cgo_files: Go files with ``import "C"``.
        c_files: Files of C; Go refuses them where no file imports "C".
        cxx_files: Files of C++.
        h_files: Headers; like the others, those that are for the platform.
        cflags: What its files say with ``#cgo CFLAGS``; the others likewise.
        pkg_config: Libraries that pkg-config is asked about.
        module: Which module it is of, or None.
    """

    import_path: str
    dir: str = ""
    standard: bool = False
    cgo_files: tuple[str, ...] = ()
    c_files: tuple[str, ...] = ()
    cxx_files: tuple[str, ...] = msgspec.field(name="CXXFiles", default=())
    h_files: tuple[str, ...] = ()
    cflags: tuple[str, ...] = msgspec.field(name="CgoCFLAGS", default=())
    cppflags: tuple[str, ...] = msgspec.field(name="CgoCPPFLAGS", default=())
    cxxflags: tuple[str, ...] = msgspec.field(name="CgoCXXFLAGS", default=())
    ldflags: tuple[str, ...] = msgspec.field(name="CgoLDFLAGS", default=())
    pkg_config: tuple[str, ...] = msgspec.field(name="CgoPkgConfig", default=())
    module: _Module | None = None

    @property
    def seen_by_go(self) -> tuple[str, ...]:
        """Files whose content Go itself looks at."""
        names = (*self.cgo_files, *self.c_files, *self.cxx_files, *self.h_files)
        return tuple(f"{self.dir}/{name}" for name in names)

    @property
    def is_fixed(self) -> bool:
        """It is of the module cache, where nothing changes under a version."""
        return self.module is not None and bool(self.module.version) and f"@{self.module.version}" in self.dir


def list_command(
    go: str, root: str, flags: Sequence[str], arguments: Sequence[str], environ: Mapping[str, str]
) -> Command:
    """Give the command that tells which packages of *arguments* have C in them, were cgo on.

    Args:
        go: The ``go`` executable.
        root: Where it runs.
        flags: Flags of ``go build`` that decide which files count.
        arguments: Main packages.
        environ: With GOOS and GOARCH.
    """
    words = (go, "list", "-C", root, "-e", "-deps", f"-json={_FIELDS}", *flags, "--", *arguments)
    return Command(words, {**environ, "CGO_ENABLED": "1"})


def c_packages(outcome: Outcome) -> tuple[CPackage, ...]:
    """Read what the command of ``list_command`` said; empty where Go does not know.

    Packages that only the standard library brings do not count: ``net`` and ``os/user`` can be had without C.
    """
    if len(outcome.stdout) > _MOST:
        return ()
    try:
        # One object after the other.
        text = b"[" + outcome.stdout.replace(b"\n}\n{", b"\n},\n{") + b"]"
        found = msgspec.json.decode(text, type=list[CPackage])
    except msgspec.DecodeError:
        return ()
    return tuple(one for one in found if one.cgo_files and not one.standard)


class _Action(msgspec.Struct):
    package: str = msgspec.field(name="Package", default="")


def imported_packages(graph: str) -> frozenset[str]:
    """Give the import paths of all packages that ``go build -debug-actiongraph`` wrote down; none where it did not."""
    try:
        with open(graph, "rb") as file:
            actions = msgspec.json.decode(file.read(), type=list[_Action])
    except (OSError, msgspec.DecodeError):
        return frozenset()
    return frozenset(action.package for action in actions if action.package)
