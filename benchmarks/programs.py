"""The programs that are built: the example server, and four that people know, of different sizes."""

import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from support.go_tools import go_module

_ROOT = Path(__file__).resolve().parent.parent
_EDIT = """package main

import "os"

func init() {{
	if len(os.Args) > 10000 {{
		println("{text}")
	}}
}}
"""


@dataclass(frozen=True)
class Program:
    """A main package.

    Attributes:
        name: What the table calls it.
        module: ``PATH@VERSION`` from the module proxy, or empty for the example.
        package: The main package, from the root of the module.
    """

    name: str
    module: str
    package: str


PROGRAMS = (
    Program("web", "", "."),
    Program("mkcert", "filippo.io/mkcert@v1.4.4", "."),
    Program("yq", "github.com/mikefarah/yq/v4@v4.45.1", "."),
    Program("crane", "github.com/google/go-containerregistry@v0.21.9", "./cmd/crane"),
    Program("caddy", "github.com/caddyserver/caddy/v2@v2.11.9", "./cmd/caddy"),
)


@dataclass(frozen=True)
class Checkout:
    """A program's sources, in a directory that may be changed."""

    program: Program
    directory: Path

    @classmethod
    def make(cls, program: Program, parent: Path) -> "Checkout":
        """Copy the sources of *program* below *parent*."""
        source = go_module(program.module) if program.module else _ROOT / "examples" / program.name
        directory = Path(shutil.copytree(source, parent / program.name))
        # The module cache is read-only.
        for path in (directory, *directory.rglob("*")):
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
        # ko and smidgen would both read it, and build with other flags than go build does here.
        (directory / ".ko.yaml").unlink(missing_ok=True)
        return cls(program, directory)

    def edit(self, number: int) -> None:
        """Change one line of the program, so that its binary differs; *number* must not have been used before."""
        target = self.directory / self.program.package / "benchmark_edit.go"
        target.write_text(_EDIT.format(text=f"edit {number:06}"))
