"""Programs that are a directory: PyInstaller's and Nuitka's look beside themselves for Python and its modules."""

from dataclasses import dataclass
from pathlib import Path

from smidgen.elf.header import parse_elf
from smidgen.elf.nuitka import is_by_nuitka
from smidgen.elf.pyinstaller import is_by_pyinstaller, packed_libraries
from smidgen.needs.examine import mapped


@dataclass(frozen=True, slots=True)
class Beside:
    """What a program needs beside itself.

    Attributes:
        tool: What made it so.
        name: What it looks for.
    """

    tool: str
    name: str


def needed_beside(program: Path) -> Beside | None:
    """Tell what the executable at *program* needs beside itself; None for most.

    Raises:
        InvalidExecutable: It is none, or a damaged one.
    """
    directory = program.resolve().parent
    with mapped(program) as data:
        elf = parse_elf(data)
        if is_by_pyinstaller(elf):
            return None if next(packed_libraries(elf), None) else Beside("PyInstaller", "_internal")
        if any(directory.glob("*.so")) and is_by_nuitka(elf):
            return Beside("Nuitka", "Python's modules")
    return None
