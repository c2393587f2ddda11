"""What the program of a Dockerfile truly needs: it is compiled here, and read as ``smidgen build`` reads it.

Nothing of the Dockerfile is executed, and nothing of the program: Go's compiler alone is run, without cgo.
"""

import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from smidgen.errors import SmidgenError
from smidgen.lint.context import BuildContext
from smidgen.lint.go_commands import GoBuild
from smidgen.lint.places import in_context, placed
from smidgen.lint.stages import StageFacts, absolute
from smidgen.needs.need import NeedsReport

_MOST_PACKAGES: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that was compiled and read.

    Attributes:
        import_path: Of its main package.
        report: What it needs at run time.
        modules: Paths of the modules in it.
    """

    import_path: str
    report: NeedsReport
    modules: frozenset[str]


@dataclass(frozen=True, slots=True)
class Unread:
    """That a program could not be read, and why, in words that follow "because"."""

    reason: str


#: Reads the main package in a directory of this machine, with build tags; what stands in the way is an answer, too.
ProgramReader: TypeAlias = Callable[[Path, tuple[str, ...]], Program | Unread]


def no_reader(_directory: Path, _tags: tuple[str, ...]) -> Unread:
    """Read nothing: what ``--no-build`` asks for."""
    return Unread("--no-build is given, or lint.build is false")


def package_of(build: GoBuild, stage: StageFacts, context: BuildContext) -> str | Unread:
    """Give the directory of the context whose main package *build*, a command of *stage*, compiles."""
    packages = [package for package in build.packages if not package.endswith(".go")]
    files = [package for package in build.packages if package.endswith(".go")]
    if files and not packages:
        packages = [posixpath.dirname(files[0]) or "."]
    package = packages[0] if packages else "."
    if len(packages) > _MOST_PACKAGES or "..." in package or "$" in package:
        return Unread("which package is built cannot be read from the Dockerfile")
    if not package.startswith((".", "/")):
        return Unread(f"{package} is not a directory of the context")
    path = absolute(package, build.directory)
    found = in_context(path, list(placed(stage, context, build.step)))
    if found is None:
        return Unread(f"{path} does not come from the context")
    real = (context.root / found).resolve()
    if not real.is_relative_to(context.root.resolve()):
        return Unread(f"{found} leaves the context")
    if not real.is_dir():
        return Unread(f"the context has no directory {found}")
    return found


@dataclass(frozen=True, slots=True)
class CompilingReader:
    """Compiles with the toolchain of this machine.

    Attributes:
        environ: The environment.
        tell: Told in words what is being done.
    """

    environ: Mapping[str, str]
    tell: Callable[[str], None]
    # A file that is mended is linted again, and several Dockerfiles may be of one program.
    _known: dict[tuple[Path, tuple[str, ...]], Program | Unread] = field(default_factory=dict, compare=False)

    def __call__(self, directory: Path, tags: tuple[str, ...]) -> Program | Unread:
        """Compile and read the main package in *directory*."""
        key = (directory, tags)
        if key not in self._known:
            try:
                self._known[key] = self._read(directory, tags)
            except SmidgenError as error:
                self._known[key] = Unread(error.message.splitlines()[0])
            except OSError as error:
                self._known[key] = Unread(str(error))
        return self._known[key]

    def _read(self, directory: Path, tags: tuple[str, ...]) -> Program | Unread:
        # Not at the top: a Dockerfile whose program need not be read is not to pay for them.
        from tempfile import TemporaryDirectory

        from smidgen.elf.buildinfo import read_build_info
        from smidgen.elf.header import parse_elf
        from smidgen.gobuild.batch import Job
        from smidgen.gobuild.compile import compile_packages
        from smidgen.gobuild.environment import host_platform
        from smidgen.gobuild.options import BuildOptions
        from smidgen.gobuild.target import resolve_targets
        from smidgen.gobuild.toolchain import find_toolchain
        from smidgen.needs.detect import detect_needs
        from smidgen.needs.examine import mapped

        toolchain = find_toolchain(self.environ.get("SMIDGEN_GO"), self.environ)
        # git is not asked: a context may be anyone's.
        options = BuildOptions(tags=tags, goflags=("-buildvcs=false",), env=(("CGO_ENABLED", "0"),))
        resolution = resolve_targets(
            (".",), cwd=os.fspath(directory), toolchain=toolchain, environ=self.environ, options=options
        )
        package = resolution.packages[0]
        self.tell(f"compiling {package.import_path} to see what it needs")
        job = Job(package=package, options=options, platforms=(host_platform(),))
        with TemporaryDirectory(prefix="smidgen-lint-") as output:
            compiled = compile_packages([job], toolchain=toolchain, environ=self.environ, output=output)
            with mapped(Path(compiled.binaries[0].path)) as data:
                elf = parse_elf(data)
                info = read_build_info(elf)
                modules = frozenset(one.path for one in info.dependencies) if info else frozenset[str]()
                return Program(import_path=package.import_path, report=detect_needs(elf), modules=modules)
