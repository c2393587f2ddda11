"""``docker build`` of programs with C in two stages, and containers of what was built, with a daemon of their own."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.bases import LIBRARIES, Base, debian
from benchmarks.cgo_programs import Program
from benchmarks.contenders import start

from smidgen.needs.closure.closure import Library
from support.cgo_programs import SOURCES
from support.command import must, run
from support.dockerd import Docker
from support.go_tools import go

#: BuildKit needs a client that brings no builder of its own.
_CLIENT: Final = next(path for path in ("/usr/bin/docker", shutil.which("docker")) if path and Path(path).exists())
_PACKAGES: Final = ("g++", "gcc", "libc6-dev", "musl-tools")
_PLACES: Final = {"alpine": "alpine:3.11", "distroless/base": "distroless", "debian-slim": "debian:bookworm-slim"}
_DOCKERFILE: Final = """\
FROM compilers AS build
WORKDIR /src
ENV CC={compiler} CARGO_TARGET_DIR=/root/.cache/target OUT=/app
COPY . .
RUN {mount}{line}

FROM {base}
COPY --from=build /app /app
ENTRYPOINT ["/app"]
"""


@dataclass(frozen=True)
class Docker2Stages:
    """Builds by docker, and runs.

    Attributes:
        docker: The daemon.
    """

    docker: Docker

    def prepare(self, bases: Mapping[str, Base], work: Path) -> None:
        """Load the bases and an image of this machine's own compilers, and have the builders unpack them."""
        for name, base in bases.items():
            if base.is_real:
                self.docker("load", "--quiet", "--input", base.tar)
            else:
                self.docker("import", base.tar, self.place(name))
        self._compilers(work)
        for image in ("compilers", self.place("alpine"), self.place("debian-slim")):
            directory = work / "unpacking"
            directory.mkdir(exist_ok=True)
            (directory / "Dockerfile").write_text(f"FROM {image}\nRUN true\n")
            for builder in ("0", "1"):
                self._build(directory, "unpacking", builder)

    @staticmethod
    def place(name: str) -> str:
        """Give the name that the daemon has for a base."""
        return _PLACES.get(name, "gcr.io/distroless/base:latest")

    @staticmethod
    def base(program: Program) -> str:
        """Tell which base *program* is built for: Alpine where this machine's gcc can compile for it."""
        return "debian-slim" if program.by_zig else "alpine"

    def build(self, program: Program, sources: Path, *, buildkit: bool, again: bool = False) -> None:
        """Build *program* and tag it with its name; BuildKit keeps the compilers' caches from build to build.

        Args:
            program: Not one of Debian's.
            sources: Its directory.
            buildkit: By BuildKit, else by the classic builder.
            again: Do every step anew.
        """
        base = self.base(program)
        mount = f"--mount=type=cache,id={program.name},target=/root/.cache " if buildkit else ""
        line = program.musl if base == "alpine" else program.glibc
        compiler = "musl-gcc" if base == "alpine" else "gcc"
        text = _DOCKERFILE.format(compiler=compiler, mount=mount, line=line, base=self.place(base))
        (sources / "Dockerfile").write_text(text)
        self._build(sources, program.name, "1" if buildkit else "0", *(["--no-cache"] if again else []))

    def _build(self, directory: Path, tag: str, builder: str, *options: str) -> None:
        command = [_CLIENT, "build", "-q", "--network", "none", *options, "-t", tag, str(directory)]
        start(command, cwd=directory, env=self.docker.environment | {"DOCKER_BUILDKIT": builder})

    def run(self, image: str, words: Sequence[str]) -> None:
        """Run a container without a network, which must end well."""
        must(_CLIENT, "run", "--rm", "--network", "none", image, *words, env=self.docker.environment)

    def runs_on(self, base: str, program: Path, libraries: Sequence[Library], words: Sequence[str]) -> bool:
        """Tell whether *program* ends well on a base, with *libraries* beside those that it has."""
        with tempfile.TemporaryDirectory(prefix="smidgen-bench-") as name:
            # Where it is must not say which libraries are beside it.
            shutil.copy(program, Path(name) / "program")
            mounts = [f"{name}/program:/program:ro"]
            mounts += [f"{one.file}:/{LIBRARIES}/{one.name}:ro" for one in libraries]
            command = [_CLIENT, "run", "--rm", "--network", "none", "--entrypoint", "/program"]
            for mount in mounts:
                command += ["-v", mount]
            return not run(*command, self.place(base), *words, env=self.docker.environment).exit_code

    def _compilers(self, work: Path) -> None:
        """Import Debian's C compilers with this machine's own Go and Rust, and the modules that the programs need."""
        archive = work / "compilers.tar"
        shutil.copyfile(debian(work, "minbase", *_PACKAGES), archive)
        modules = work / "modules"
        environ = os.environ | {"GOMODCACHE": str(modules), "GOFLAGS": "-modcacherw"}
        subprocess.run([go(), "mod", "download"], cwd=SOURCES, env=environ, check=True)
        with tarfile.open(archive, "a") as tar:
            tar.add(start([go(), "env", "GOROOT"], cwd=work).strip(), "usr/local/go")
            tar.add(modules, "go/pkg/mod")
            if shutil.which("rustc"):
                _add_rust(tar, Path(start(["rustc", "--print", "sysroot"], cwd=work).strip()))
        shutil.rmtree(modules)
        paths = "/usr/local/go/bin:/usr/local/rust/bin:/usr/sbin:/usr/bin"
        variables = (f"PATH={paths}", "HOME=/root", "GOPATH=/go", "GOTOOLCHAIN=local", "GOPROXY=off", "CGO_ENABLED=1")
        changes = [part for value in variables for part in ("--change", f"ENV {value}")]
        self.docker("import", *changes, archive, "compilers")
        archive.unlink()


def _add_rust(tar: tarfile.TarFile, root: Path) -> None:
    """Add what compiles for this machine and for musl, without documentation and other programs."""
    for name in ("bin/cargo", "bin/rustc", *(f"lib/rustlib/x86_64-unknown-linux-{one}" for one in ("gnu", "musl"))):
        tar.add(root / name, f"usr/local/rust/{name}")
    for library in (root / "lib").glob("*.so*"):
        tar.add(library, f"usr/local/rust/lib/{library.name}")
