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
        return sorted(path.parent.name for path in self.root.glob("*/main.go"))

    def truth(self, program: str) -> Truth:
        head = (self.root / program / "main.go").read_text().split("package main")[0]
        said = {key: value.partition(".")[0] for key, value in re.findall(r"^// (\w+): (.*)$", head, re.MULTILINE)}
        needs = dict(part.split() for part in said["Needs"].split(",") if part != "nothing")
        reports = set(said["Reports"].split()) if "Reports" in said else None
        return Truth(needs=needs, reports=reports, facts=set(said.get("Facts", "").split()))

    def build(self, *flags: str, **environment: str) -> Path:
        """Build all programs if they are not there yet, and give the directory of the executables."""
        return _build(self, flags, tuple(sorted(environment.items())))

    def key(self) -> str:
        sources = sorted(path for path in self.root.rglob("*") if path.is_file())
        return sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]


@functools.cache
def _build(module: Module, flags: tuple[str, ...], environment: tuple[tuple[str, str], ...]) -> Path:
    command = (go(), "build", "-trimpath", "-buildvcs=false", *(flags or ("-ldflags=-s -w",)))
    own = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOOS": "linux", **dict(environment)}
    version = subprocess.run([go(), "env", "GOVERSION"], check=True, capture_output=True, text=True).stdout
    surroundings = sha256(repr((module.key(), version, command[1:], environment)).encode()).hexdigest()[:16]
    with locked(f"needs-{module.name}-{surroundings}") as cache:
        target = cache / "needs" / f"{module.name}-{surroundings}"
        if not target.exists():
            fresh = target.with_name(f"{target.name}.new")
            fresh.mkdir(parents=True, exist_ok=True)
            subprocess.run([*command, "-o", f"{fresh}/", "./..."], check=True, cwd=module.root, env=os.environ | own)
            fresh.rename(target)
    return target


STANDARD = Module("programs")
