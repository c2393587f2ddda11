"""Renders smidgen.yaml. A pure function; smidgen finds out by itself what a program needs, so little is to be said."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

import msgspec

from smidgen.project.program import IMAGES, Program, Project

_PLAIN: Final = re.compile(r"^[A-Za-z./_][A-Za-z0-9./_-]*\Z")
_PLAIN_WORD: Final = re.compile(r"^[A-Za-z0-9./_-]+\Z")
# What YAML readers take for something else than a text.
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "."})


def render_yaml(project: Project) -> str:
    """Render the whole file."""
    lines = [
        "# Written by `smidgen init`. `smidgen config schema` prints all keys; `smidgen config show` what is in force."
    ]
    if len(project.programs) == 1:
        (program,) = project.programs
        lines += _keys(program)
    else:
        lines.append("targets:")
        for program in project.programs:
            lines.append(f"  - target: {quoted(program.directory)}")
            lines += [f"    {line}" for line in _keys(program)]
    return "\n".join(lines) + "\n"


def _keys(program: Program) -> Iterator[str]:
    for reason in program.why:
        yield f"# {comment(reason)}"
    if program.uses_cgo:
        yield "# The machine that builds needs a C compiler, and no newer a C library than the base."
        yield f"base: {IMAGES[program.base]}"
        yield 'build_env: {CGO_ENABLED: "1"}'
    if program.scanned.ports:
        places = ", ".join(comment(str(place)) for place in program.scanned.ports.values())
        yield f"ports: [{', '.join(map(str, program.scanned.ports))}]  # {places}"
    for port, place in program.scanned.loopback.items():
        yield f"# {comment(str(place))} listens on port {port} of the loopback, which nobody outside can reach."
    if program.health:
        yield f"healthcheck: {quoted(program.health)}"
    if program.scanned.files:
        yield "add:  # opened while it runs"
        for path, place in program.scanned.files.items():
            yield f"  - {quoted(f'{path}:/{PurePosixPath(path)}')}  # {comment(str(place))}"


def quoted(text: str) -> str:
    """Render a text as YAML, with quotes only where it would not be read as itself."""
    return text if _PLAIN.match(text) and text.lower() not in _WORDS else msgspec.json.encode(text).decode()


def word(text: str) -> str:
    """Render a text as one word of a shell."""
    return text if _PLAIN_WORD.match(text) else "'" + text.replace("'", "'\\''") + "'"


def comment(text: str) -> str:
    """Render a text behind a ``#``: names of files can have anything in them."""
    return text if text.isprintable() else repr(text)
