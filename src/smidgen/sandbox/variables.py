"""Environment variables as docker's ``-e`` and ``--env-file`` write them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from smidgen.errors import UsageError

_MAX_FILE: Final = 1 << 20


def parse_variables(texts: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Read ``NAME=VALUE``, or ``NAME`` alone, which takes the value of *environ* or is left out.

    Raises:
        UsageError: No name.
    """
    found: list[str] = []
    for text in texts:
        name, equals, _ = text.partition("=")
        if not name or "\0" in text:
            raise UsageError(f"invalid variable {text!r}", hint="expected NAME=VALUE, or NAME to pass one on")
        if equals:
            found.append(text)
        elif name in environ:
            found.append(f"{name}={environ[name]}")
    return tuple(found)


def read_variables(path: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Read a file with one variable a line; empty lines and those that begin with ``#`` are left out.

    Quotes are part of a value, as docker has it.

    Raises:
        UsageError: The file cannot be read, or a line has no name; says which.
    """
    try:
        with path.open(encoding="utf-8") as file:
            lines = file.read(_MAX_FILE).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read variables from {path}: {error}") from error
    found: list[str] = []
    for number, line in enumerate(lines, 1):
        text = line.lstrip()
        if not text or text.startswith("#"):
            continue
        if any(character.isspace() for character in text.partition("=")[0]):
            raise UsageError(f"{path}:{number}: a variable's name has no white space, got {text!r}")
        found += parse_variables([text], environ)
    return tuple(found)
