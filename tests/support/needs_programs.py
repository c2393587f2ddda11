"""Small Go programs, each with the truth about what it needs written into it; built once and kept.

The first lines of a program's ``main.go`` say what detection must find::

    // Needs: ca likely, tmp possible
    // Reports: resolver
    // Facts: starts-programs

*Needs* are included and come with their confidence, *Reports* are found and not included. Words behind a full stop
are for people. Where a program says nothing about reports, anything may be reported.
"""

import functools
import os
import re
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from support.go_releases import toolchain
from support.go_tools import go, locked

_ROOT = Path(__file__).parent.parent / "needs"


@dataclass(frozen=True)
class Truth:
    """What detection must find."""

    needs: dict[str, str]
    reports: set[str] | None
    facts: set[str]


@dataclass(frozen=True)
class Module:
    """A Go module with one program a directory, below ``tests/needs``."""

    name: str

    @property
    def root(self) -> Path:
        return _ROOT / self.name

    @property
    def programs(self) -> list[str]:
        """The names of all programs."""
        return sorted(path.parent.name for path in self.root.glob("*/main.go"))

    def truth(self, program: str) -> Truth:
        """Read what detection must find in *program*."""
        head = (self.root / program / "main.go").read_text().split("package main")[0]
        said = {key: value.partition(".")[0] for key, value in re.findall(r"^// (\w+): (.*)$", head, re.MULTILINE)}
        needs = dict(part.split() for part in said["Needs"].split(",") if part != "nothing")
        reports = set(said["Reports"].split()) if "Reports" in said else None
        return Truth(needs=needs, reports=reports, facts=set(said.get("Facts", "").split()))

    def build(self, *flags: str, release: str = "", only: tuple[str, ...] = (), **environment: str) -> Path:
        """Build the programs if they are not there yet, and give the directory of the executables.

        Args:
            flags: Of ``go build``; ``-ldflags=-s -w`` if there are none.
            release: Of the Go toolchain; this machine's own if empty.
            only: The programs to build; all if empty.
            environment: Of ``go build``, such as GOARCH.
        """
        return _build(self, _Way(flags or ("-ldflags=-s -w",), release, only, tuple(sorted(environment.items()))))

    def key(self) -> str:
        """Name the sources by their content."""
        sources = sorted(path for path in self.root.rglob("*") if path.is_file())
        return sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]


@dataclass(frozen=True)
class _Way:
    flags: tuple[str, ...]
    release: str
    only: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


@functools.cache
def _build(module: Module, way: _Way) -> Path:
    command = str(toolchain(way.release) / "bin" / "go") if way.release else go()
    packages = [f"./{program}" for program in way.only] or ["./..."]
    arguments = (command, "build", "-trimpath", "-buildvcs=false", *way.flags)
    own = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOOS": "linux", "GOTOOLCHAIN": "local"}
    environment = os.environ | own | dict(way.environment)
    version = subprocess.run([command, "env", "GOVERSION"], check=True, capture_output=True, text=True).stdout
    name = f"{module.name}-{sha256(repr((module.key(), version, way)).encode()).hexdigest()[:16]}"
    with locked(f"needs-{name}") as cache:
        target = cache / "needs" / name
        if not target.exists():
            fresh = target.with_name(f"{name}.new")
            fresh.mkdir(parents=True, exist_ok=True)
            subprocess.run([*arguments, "-o", f"{fresh}/", *packages], check=True, cwd=module.root, env=environment)
            fresh.rename(target)
    return target


STANDARD = Module("programs")
LIBRARIES = Module("libraries")
