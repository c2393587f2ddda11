"""UPX: the executable packed, so that it unpacks itself into memory whenever it starts."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from smidgen.errors import BuildError
from smidgen.shrink.advice import Row, Standing
from smidgen.shrink.bench import Bench, Made
from smidgen.shrink.subject import Subject

#: How to get it.
HINT: Final = "install upx (Debian's upx-ucl, in Debian 12 from backports; https://upx.github.io)"
_WAYS: Final = {"upx": ("-9",), "upx-lzma": ("--best", "--lzma")}
# Seconds; a program of 100 MB takes minutes with --best.
_LIMIT: Final = 600


@dataclass(frozen=True, slots=True)
class Packer:
    """UPX on this machine.

    Attributes:
        path: The executable.
        version: As it names itself.
    """

    path: str
    version: str

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> "Packer | None":
        """Find it on PATH."""
        path = shutil.which("upx", path=environ.get("PATH", os.defpath)) or shutil.which(
            "upx-ucl", path=environ.get("PATH", os.defpath)
        )
        if path is None:
            return None
        said = _run([path, "--version"], 10).stdout.partition(b"\n")[0]
        return cls(path, said.decode(errors="replace").strip()[:40])

    def pack(self, binary: Path, options: tuple[str, ...], output: Path) -> Path:
        """Pack a copy of *binary* into the directory *output*, and give it.

        Raises:
            BuildError: UPX refused it, or took too long.
        """
        packed = output / binary.name
        ended = _run([self.path, *options, "-q", "-o", str(packed), str(binary)], _LIMIT)
        if ended.returncode != 0 or not packed.is_file():
            words = (ended.stderr or ended.stdout).decode(errors="replace").strip().splitlines()
            raise BuildError(f"upx refused it: {words[-1] if words else f'exit code {ended.returncode}'}")
        return packed


def _run(command: list[str], limit: int) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"upx took more than {limit} s") from error
    except OSError as error:
        raise BuildError(f"upx cannot be started: {error.strerror or error}") from error


def upx_rows(bench: Bench, subject: Subject, wants: Callable[[str], bool]) -> Iterator[tuple[Row, Made | None]]:
    """Pack the program in each way that is wanted; rows without a variant say why there is none."""
    ways = {name: options for name, options in _WAYS.items() if wants(name)}
    if not ways:
        return
    packer = Packer.find(bench.variants.request.environ)
    if packer is None:
        yield replace(_row("upx", ""), fault=f"upx is not on this machine: {HINT}"), None
        return
    for name, options in ways.items():
        row = _row(name, f"upx {' '.join(options)} (smidgen build --binary takes what it gives), {packer.version}")
        try:
            made = bench.make(
                subject.settings, packer.pack(subject.binary, options, bench.fresh()), like=subject.made.part
            )
        except BuildError as error:
            yield replace(row, fault=error.message), None
        else:
            yield replace(row, figures=made.figures), made


def _row(name: str, how: str) -> Row:
    lzma = ", by LZMA" if name.endswith("lzma") else ""
    return Row(
        name=name,
        title=f"the executable packed by UPX{lzma}",
        how=how,
        loses="each start unpacks it, into memory that no two containers share; `go version -m`, and with it lists of "
        "its modules; some scanners refuse packed programs",
        standing=Standing.PRICE,
    )
