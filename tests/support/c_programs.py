"""Small programs and libraries in C, compiled by this machine's compiler into a directory of the test."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workshop:
    """A directory in which things are compiled."""

    root: Path
    compiler: str = "gcc"

    def library(self, path: str, source: str = "", *flags: str, soname: str | None = None) -> Path:
        """Make a shared library; its SONAME is the name of its file, unless another one, or "", is given."""
        name = Path(path).name if soname is None else soname
        named = [f"-Wl,-soname,{name}"] if name else []
        return self._compile(path, source or "int nothing;", "-shared", "-fPIC", *named, *flags)

    def program(self, path: str, source: str = "int main(void) { return 0; }", *flags: str) -> Path:
        """Make a program."""
        return self._compile(path, source, *flags)

    def _compile(self, path: str, source: str, *flags: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        language = "c++" if "++" in self.compiler else "c"
        command = [self.compiler, "-O1", "-w", "-x", language, "-", "-x", "none", "-o", str(target), *flags]
        done = subprocess.run(command, input=source, text=True, capture_output=True, check=False, cwd=self.root)
        assert done.returncode == 0, done.stderr
        return target


def loaded_by_the_system(program: Path, environment: Mapping[str, str] | None = None) -> set[str]:
    """Ask the loader itself what it loads, as ldd does: the paths, without the kernel's own."""
    done = subprocess.run(
        [program],
        env={"LD_TRACE_LOADED_OBJECTS": "1", **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    paths = set()
    for line in done.stdout.splitlines():
        name, arrow, rest = line.strip().partition(" => ")
        path = (rest if arrow else name).rpartition(" (")[0]
        if path.startswith("/"):
            paths.add(path)
    return paths
