"""What a build with C depended on beyond what Go looks at, and a digest of it that makes Go look again."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from smidgen.gobuild.cgo.compiler import INPUTS_DEFINITION, Compiler
from smidgen.gobuild.cgo.graph import CPackage
from smidgen.gobuild.cgo.includes import Reading, code_files, include_directories, included_files, read_includes
from smidgen.gobuild.cgo.sysroot import Sysroot
from smidgen.gobuild.flags import split_quoted
from smidgen.gobuild.process import run

_VARIABLES = ("CGO_CPPFLAGS", "CGO_CFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS")
# What Go has in these variables where they are not set. Source: ``go help environment``; ``-g`` goes to nobody here.
_DEFAULT = "-O2 -g"


@dataclass(frozen=True, slots=True)
class CInputs:
    """What C code reads outside of the directories of its packages.

    Attributes:
        files: Absolute paths.
        absent: Where other files would have been taken instead.
        listings: Directories in which any new name may matter.
        digest: Of the files' names and contents, the same wherever they are; "" where there are none.
        doubt: Why more may have been read than is known; "" where that is not so.
    """

    files: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    listings: tuple[str, ...] = ()
    digest: str = ""
    doubt: str = ""

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Give what Go is told, so that it compiles and links again when the digest is another one."""
        if not self.digest:
            return {}
        word = f"-D{INPUTS_DEFINITION}={self.digest}"
        return {
            "CGO_CPPFLAGS": f"{environ.get('CGO_CPPFLAGS', '')} {word}".strip(),
            "CGO_LDFLAGS": f"{environ.get('CGO_LDFLAGS') or _DEFAULT} {word}",
        }


def find_c_inputs(
    packages: Sequence[CPackage], compiler: Compiler, sysroot: Sysroot, environ: Mapping[str, str]
) -> CInputs:
    """Find what *packages* read.

    Args:
        packages: Those with C.
        compiler: Whose pkg-config is asked; its scripts are there.
        sysroot: Where libraries are sought.
        environ: Go's environment.

    Raises:
        BuildError: pkg-config cannot be started.
    """
    flags = [word for name in _VARIABLES for word in split_quoted(environ.get(name, ""))]
    reading = Reading()
    texts: list[str] = []
    libraries: dict[str, None] = {}
    for package in packages:
        own = [*flags, *package.cppflags, *package.cflags, *package.cxxflags, *package.ldflags]
        if package.pkg_config and sysroot.root:
            said = run(
                [dict(compiler.variables())["PKG_CONFIG"], "--cflags", "--libs", "--", *package.pkg_config], environ
            )
            texts.append(said.stdout.decode(errors="replace"))
            own += texts[-1].split()
        places = list(dict.fromkeys(include_directories(own, package.dir)))
        is_closed = not sysroot.root and all(_is_within(place, package.dir) for place in places)
        if package.is_fixed and is_closed:
            # Of one version of a module nothing changes, and it reads nothing else.
            continue
        for path in included_files(own, package.dir):
            reading.files.setdefault(path, os.path.basename(path))
        read_includes(code_files(package.dir), (*places, *sysroot.headers), reading)
        libraries |= dict.fromkeys(_libraries(own, package.dir, sysroot, reading))
    fixed = tuple(package.dir for package in packages if package.is_fixed)
    seen = {path for package in packages for path in package.seen_by_go}
    files = {path: name for path, name in reading.files.items() if path not in seen and not _is_below(path, fixed)}
    files |= {path: os.path.basename(path) for path in libraries}
    descriptions = sysroot.descriptions if any(package.pkg_config for package in packages) else ()
    return CInputs(
        files=tuple(files),
        absent=(*reading.absent, *sysroot.absent),
        listings=tuple(place for place in (*sysroot.libraries, *descriptions) if os.path.isdir(place)),
        digest=_digest(files, texts, sysroot.root),
        doubt=reading.doubt,
    )


def _libraries(flags: Iterable[str], directory: str, sysroot: Sysroot, reading: Reading) -> Iterator[str]:
    """Give the libraries that ``-l`` takes, and note where others would be taken before."""
    words = list(flags)
    named = [word[2:] for word in words if word.startswith("-L") and len(word) > 2]
    places = [*(os.path.normpath(os.path.join(directory, place)) for place in named), *sysroot.libraries]
    for word in words:
        if not word.startswith("-l") or len(word) < 3:
            continue
        for place in places:
            path = os.path.join(place, f"lib{word[2:]}.a")
            if os.path.isfile(path):
                yield path
                break
            reading.absent[path] = None


def _is_within(path: str, root: str) -> bool:
    return path == root or path.startswith(root + "/")


def _is_below(path: str, roots: tuple[str, ...]) -> bool:
    return any(_is_within(path, root) for root in roots)


def _digest(files: Mapping[str, str], texts: Iterable[str], root: str) -> str:
    """Name the contents; paths of this machine are left out, so that another one comes to the same."""
    parts = sorted(f"{name}\0{_content(path)}" for path, name in files.items())
    parts += [text.replace(root, "") if root not in {"", "/"} else text for text in texts]
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()[:16] if parts else ""


def _content(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
