"""Comments that silence rules.

``# smidgen ignore=SM005,SM006`` holds for the instruction below it, or in whose lines it stands; ``# smidgen global
ignore=SM005`` for the whole file. Hadolint's comments of the same form are read by hadolint itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from smidgen.dockerfile.instruction import Dockerfile, Instruction
from smidgen.lint.text import DockerfileText

_COMMENT: Final = re.compile(r"^\s*#\s*smidgen\s+(global\s+)?ignore\s*=\s*([\w-]+(?:\s*,\s*[\w-]+)*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Suppressions:
    """What comments silence.

    Attributes:
        everywhere: Ids and names for the whole file.
        by_line: First line of an instruction → ids and names.
    """

    everywhere: frozenset[str]
    by_line: dict[int, frozenset[str]]

    def silences(self, names: Iterable[str], line: int) -> bool:
        """Tell whether any of *names* is silenced for the instruction that begins in *line*."""
        here = self.by_line.get(line, frozenset())
        return any(name in self.everywhere or name in here for name in names)


def read_suppressions(dockerfile: Dockerfile, text: DockerfileText) -> Suppressions:
    """Read the comments of a file."""
    instructions: list[Instruction] = [*dockerfile.meta_args]
    for stage in dockerfile.stages:
        instructions += (stage.from_, *stage.instructions)
    everywhere: set[str] = set()
    by_line: dict[int, frozenset[str]] = {}
    before = 1
    for instruction in sorted(instructions, key=lambda one: one.location.line):
        location = instruction.location
        here: set[str] = set()
        for number in range(before, location.line):
            _read(text.line(number), everywhere, here)
        # Comments between continued lines; what is in a document is not a comment of ours.
        last = location.segments[-1].line if location.segments else location.line
        for number in range(location.line + 1, last + 1):
            _read(text.line(number), everywhere, here)
        if here:
            by_line[location.line] = frozenset(here)
        before = location.last_line + 1
    for number in range(before, text.count + 1):
        _read(text.line(number), everywhere, set())
    return Suppressions(frozenset(everywhere), by_line)


def _read(line: str, everywhere: set[str], here: set[str]) -> None:
    match = _COMMENT.match(line)
    if match is None:
        return
    names = {name for name in re.split(r"[,\s]+", match[2]) if name}
    (everywhere if match[1] else here).update(name.upper() if name[:2].upper() == "SM" else name for name in names)
