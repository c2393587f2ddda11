"""What a RUN executes: shell scripts, each with where it stands in the file."""

import re
from dataclasses import dataclass, field
from typing import Final

from smidgen.dockerfile.instruction import Run
from smidgen.lint.shell import ShellCommand, ShellWord, parse_script
from smidgen.lint.text import DockerfileText

# A command that is nothing but a document, or a shell that reads one.
_READS_DOCUMENT: Final = re.compile(r"^(?:\S*/)?(?:sh|bash|ash)?(?:\s+-\S+)*\s*[0-9]*<<-?\s*['\"]?\w+['\"]?\s*\Z")


@dataclass(frozen=True, slots=True)
class Script:
    """A script of a RUN.

    Attributes:
        run: The instruction.
        text: What the shell is given; in the exec form its words, which cannot be edited one by one.
        base: Where the script begins: in the location's ``code``, or in the file for a document.
        is_document: It stands in a document.
        is_shell: A shell reads it.
        commands: Its simple commands.
    """

    run: Run
    text: str
    base: int
    is_document: bool = False
    is_shell: bool = True
    commands: tuple[ShellCommand, ...] = field(default=())

    def offset(self, text: DockerfileText, at: int) -> int:
        """Give where in the file the offset *at* of the script stands."""
        return self.base + at if self.is_document else text.offset(self.run.location, self.base + at)


def scripts_of(run: Run, text: DockerfileText) -> tuple[Script, ...]:
    """Give what *run* executes."""
    command = run.command
    if not command.is_shell:
        words = tuple(ShellWord(word, 0) for word in command.words)
        return (Script(run, " ".join(command.words), 0, is_shell=False, commands=(ShellCommand((), words),)),)
    written = command.words[0]
    if command.heredocs and _READS_DOCUMENT.match(written):
        return tuple(_documents(run, text))
    base = max(0, run.location.code.rfind(written))
    return (Script(run, written, base, commands=parse_script(written)),)


def _documents(run: Run, text: DockerfileText) -> list[Script]:
    heredocs = run.command.heredocs
    lines = sum(heredoc.content.count("\n") + 1 for heredoc in heredocs)
    line = run.location.last_line - lines + 1
    found: list[Script] = []
    for heredoc in heredocs:
        content = heredoc.content
        # A first line #!… may name another language; then there is nothing to say.
        if not content.startswith("#!") or re.match(r"^#!\s*\S*/(?:env\s+)?(?:ba|a|da)?sh\b", content):
            found.append(Script(run, content, text.start(line), is_document=True, commands=parse_script(content)))
        line += content.count("\n") + 1
    return found
