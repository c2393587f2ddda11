"""What Go says of the packages that a program is made of.

Source: ``go help list``.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from smidgen.errors import BuildError, CompileError
from smidgen.gobuild.environment import go_environment, host_platform
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.process import run
from smidgen.gobuild.target import MainPackage
from smidgen.gobuild.toolchain import Toolchain

_FIELDS: Final = "ImportPath,Dir,Standard,GoFiles,CgoFiles,EmbedFiles,Imports,Module"
_MOST: Final = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package, as it is with cgo.

    Attributes:
        module: The module it is part of.
        own: It is part of a module of this project.
        files: Its Go sources, absolute.
        cgo: It has C in it.
        embedded: Files that are put into it, absolute.
    """

    import_path: str
    directory: str
    module: str
    standard: bool
    own: bool
    files: tuple[str, ...]
    cgo: bool
    embedded: tuple[str, ...]
    imports: tuple[str, ...]


def list_packages(
    mains: Sequence[MainPackage], toolchain: Toolchain, environ: Mapping[str, str]
) -> dict[str, tuple[Package, ...]]:
    """Give the packages that each of *mains* is made of, by its import path.

    Raises:
        CompileError: Go refuses; modules may be missing.
    """
    known: dict[str, Package] = {}
    for root in dict.fromkeys(main.root for main in mains):
        paths = [main.import_path for main in mains if main.root == root]
        command = [toolchain.path, "list", "-C", root, "-deps", f"-json={_FIELDS}", "--", *paths]
        # With cgo, as what would be missing without it is to be seen. Nothing is compiled.
        outcome = run(command, go_environment({**environ, "CGO_ENABLED": "1"}, BuildOptions(), host_platform()))
        if outcome.exit_code != 0:
            raise CompileError("Go does not know all packages", output=outcome.stderr.decode(errors="replace"))
        known |= {package.import_path: package for package in _decoded(outcome.stdout)}
    return {main.import_path: tuple(_reached(main.import_path, known)) for main in mains}


def _decoded(data: bytes) -> Iterator[Package]:
    if len(data) > _MOST:
        raise BuildError(f"`go list` said {len(data)} bytes, which is more than any project has")
    decoder, text, at = json.JSONDecoder(), data.decode("utf-8", "replace"), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        at += len(text[at : at + 16]) - len(text[at : at + 16].lstrip())
        yield _package(value)


def _package(value: dict[str, Any]) -> Package:
    directory = value.get("Dir", "")
    module = value.get("Module") or {}

    def paths(*names: str) -> tuple[str, ...]:
        return tuple(os.path.join(directory, file) for name in names for file in value.get(name) or ())

    return Package(
        import_path=value["ImportPath"],
        directory=directory,
        module=module.get("Path", ""),
        standard=bool(value.get("Standard")),
        own=bool(module.get("Main")),
        files=paths("GoFiles", "CgoFiles"),
        cgo=bool(value.get("CgoFiles")),
        embedded=paths("EmbedFiles"),
        imports=tuple(value.get("Imports") or ()),
    )


def _reached(start: str, known: Mapping[str, Package]) -> Iterator[Package]:
    waiting, seen = [start], {start}
    while waiting:
        package = known.get(waiting.pop())
        if package is not None:
            yield package
            fresh = [path for path in package.imports if path not in seen]
            seen |= set(fresh)
            waiting += fresh
