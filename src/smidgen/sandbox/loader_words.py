"""The words with which a dynamic loader refuses to start a program: then it was executed, and never ran.

The same of languages that load parts of a program by themselves before it begins: they end with a code that any program
may end with.

Source: glibc's ``elf/rtld.c``, ``elf/dl-version.c`` and ``elf/dl-error-skeleton.c``; musl's ``ldso/dynlink.c``.
"""

import re
from typing import Final

#: The codes with which loaders end: glibc's over a version, all others.
_CODES: Final = frozenset({1, 127})
_GLIBC: Final = (
    r"\S+: version `[^']+' not found \(required by [^)]+\)",
    r"error while loading shared libraries: .+",
    r"(?:symbol lookup|relocation) error: .+",
)
_MUSL: Final = (r"Error relocating \S+: .+", r"Error loading shared library \S*: .+")
_LANGUAGES: Final = re.compile(
    # Python, Python as PyInstaller packs it, and Nim.
    r"^(?:Fatal Python error: .+|(?:ModuleNotFoundError|ImportError): .+|\[PYI-\d+:ERROR\] Failed to load .+"
    r"|could not load: \S+\.so\S*)\r?$",
    re.MULTILINE,
)
_REFUSED: Final = re.compile(rf"^(?:\S+: (?:{'|'.join(_GLIBC)})|{'|'.join(_MUSL)})\r?$", re.MULTILINE)


def refusal(exit_code: int | None, output: str) -> str:
    """Give the line with which a loader refused to start the program that ended so; empty where none did."""
    found = _REFUSED.search(output) if exit_code in _CODES else None
    return found[0].strip() if found else ""


def unready(exit_code: int | None, output: str) -> str:
    """Give the line with which a language said that a part of the program cannot be loaded; empty where none did."""
    found = _LANGUAGES.search(output) if exit_code else None
    return found[0].strip() if found else ""
