"""The own tests of modules with C: compiled as ``smidgen build --cgo`` compiles programs, run here or by qemu."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smidgen.gobuild.cgo.compiler import compiler_for
from smidgen.gobuild.cgo.sysroot import Sysroot
from smidgen.gobuild.cgo.target import c_target
from smidgen.gobuild.cgo.zig import find_zig
from support.go_tools import go, go_module, locked

#: Modules with C and with tests, each in one package.
MODULES: Final = (
    "github.com/mattn/go-sqlite3@v1.14.53",
    "github.com/DataDog/zstd@v1.5.7",
    "github.com/valyala/gozstd@v1.24.0",
    "github.com/chai2010/webp@v1.4.0",
    "github.com/smacker/go-tree-sitter@v0.0.0-20240827094217-dd81d9e9be82",
)
#: GOARCH → what its programs are run by on amd64.
EMULATORS: Final[Mapping[str, tuple[str, ...]]] = {"amd64": (), "arm64": ("qemu-aarch64-static",)}
_FLAGS: Final = "-trimpath '-ldflags=-s -w -linkmode=external -extldflags=-static'"
_OUTCOME: Final = re.compile(r"^--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)


@dataclass
class Tally:
    """How the tests of a package ended.

    Attributes:
        passed: How many passed.
        skipped: How many left themselves out.
        failed: Names of those that failed.
        trouble: What kept them from being run, or from ending; "" where nothing did.
    """

    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    trouble: str = ""

    def __str__(self) -> str:
        counts = f"{self.passed} passed, {len(self.failed)} failed, {self.skipped} skipped"
        return f"{counts}; {self.trouble}" if self.trouble else counts


def module_source(module: str, directory: Path) -> Path:
    """Copy *module* (``PATH@VERSION``) out of the module cache into *directory*, where its tests may write."""
    source = directory / module.replace("/", "-")
    shutil.copytree(go_module(module), source)
    for path in (source, *source.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    if not (source / "go.mod").exists():
        (source / "go.mod").write_text(f"module {module.partition('@')[0]}\n\ngo 1.24\n")
    return source


def cgo_variables(architecture: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Give *environ* with what makes ``go`` compile C for *architecture* as smidgen does."""
    compiler = compiler_for(c_target({"GOARCH": architecture}), find_zig(environ), Sysroot(), environ)
    compiler.write()
    return {**environ, **compiler.variables(), "GOOS": "linux", "GOARCH": architecture, "GOFLAGS": _FLAGS}


def kept_tests(module: str, variables: Mapping[str, str], source: Path) -> Path:
    """Give the executable of a module's tests, as it was compiled before with the same compiler, or compiled now."""
    release = subprocess.run([go(), "env", "GOVERSION"], check=True, capture_output=True, text=True).stdout
    # A directory of scripts is called after their text, which names the compiler and its flags.
    parts = (module, release, Path(variables["CC"]).parent.name, _FLAGS)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    with locked(f"cgo-tests-{key}") as root:
        kept = root / "cgo-tests" / key
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            fresh = kept.with_name(f"{key}.new")
            said = compile_tests(source, variables, fresh)
            assert not said, said
            fresh.rename(kept)
    return kept


def compile_tests(package: Path, variables: Mapping[str, str], output: Path) -> str:
    """Compile the tests of the package in the directory *package*; gives what Go complained about, or ""."""
    command = [go(), "test", "-c", "-vet=off", "-o", str(output), "."]
    made = subprocess.run(command, cwd=package, env=variables, capture_output=True, text=True, check=False)
    return made.stderr.strip() if made.returncode else ""


def run_tests(program: Path, package: Path, emulator: tuple[str, ...], *arguments: str) -> Tally:
    """Run the tests in *program* with the directory *package* as its own."""
    command = [*emulator, str(program), "-test.v", *arguments]
    # Their files go where nothing stays.
    environ = os.environ | {"TMPDIR": str(package)}
    ran = subprocess.run(
        command, cwd=package, env=environ, capture_output=True, text=True, errors="replace", check=False
    )
    tally = Tally()
    for outcome, name in _OUTCOME.findall(ran.stdout):
        tally.passed += outcome == "PASS"
        tally.skipped += outcome == "SKIP"
        if outcome == "FAIL":
            tally.failed.append(name)
    if ran.returncode != 0 and not tally.failed:
        last = (ran.stderr or ran.stdout).strip().splitlines()[-1:]
        tally.trouble = f"ended with {ran.returncode}: {' '.join(last)[:100]}"
    return tally
