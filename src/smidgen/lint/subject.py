"""What rules look at: a Dockerfile, its stages, its builds, its context and, where one asks, its program."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from smidgen.dockerfile.instruction import Dockerfile, Run
from smidgen.lint.context import BuildContext
from smidgen.lint.finding import Edit
from smidgen.lint.go_commands import GoBuild, go_builds
from smidgen.lint.program import Program, ProgramReader, Unread, no_reader, package_of
from smidgen.lint.script import Script, scripts_of
from smidgen.lint.stages import StageFacts, Stages, Step, read_stages
from smidgen.lint.text import DockerfileText


@dataclass(frozen=True, slots=True)
class Ran:
    """A RUN, what it executes, and the stage that it is part of."""

    stage: StageFacts
    step: Step
    run: Run
    scripts: tuple[Script, ...]


@dataclass
class Subject:
    """A Dockerfile with all that can be known of it without executing any of it.

    Attributes:
        dockerfile: As a tree.
        text: As it is written.
        context: What is built, or None where there is none at hand.
        path: The file, or None for standard input.
        reader: Reads the program.
        trusted: Where images may come from, HOST[:PORT][/PATH] or *.DOMAIN; empty for anywhere.
        unread: Why the program could not be read, once a rule has asked.
    """

    dockerfile: Dockerfile
    text: DockerfileText
    context: BuildContext | None = None
    path: Path | None = None
    reader: ProgramReader = no_reader
    trusted: tuple[str, ...] = ()
    unread: list[str] = field(default_factory=list)

    @cached_property
    def stages(self) -> Stages:
        """The stages."""
        return read_stages(self.dockerfile)

    @property
    def final(self) -> StageFacts:
        """The stage whose result is the image."""
        return self.stages.final

    @cached_property
    def runs(self) -> tuple[Ran, ...]:
        """Every RUN of the stages that the image needs."""
        return tuple(
            Ran(stage, step, step.instruction, scripts_of(step.instruction, self.text))
            for stage in self.needed
            for step in stage.steps
            if isinstance(step.instruction, Run)
        )

    @cached_property
    def needed(self) -> tuple[StageFacts, ...]:
        """The stages that the image needs, in order."""
        return tuple(stage for stage in self.stages.all if stage.index in self.stages.needed)

    @cached_property
    def builds(self) -> tuple[tuple[StageFacts, GoBuild], ...]:
        """Every ``go build`` of those stages, each with its stage."""
        return tuple((ran.stage, build) for ran in self.runs for build in go_builds(ran.step, ran.scripts))

    @cached_property
    def program_builds(self) -> tuple[tuple[StageFacts, GoBuild], ...]:
        """Those builds that make the program: not tools of elsewhere."""
        return tuple((stage, build) for stage, build in self.builds if not build.is_tool)

    @cached_property
    def program(self) -> Program | None:
        """The program, compiled and read; None where it cannot be, and then :attr:`unread` says why."""
        found = self._program()
        if isinstance(found, Unread):
            self.unread.append(found.reason)
            return None
        return found

    def _program(self) -> Program | Unread:
        if self.context is None:
            return Unread("there is no context")
        if not self.program_builds:
            return Unread("no go build is seen in the Dockerfile")
        places: set[tuple[str, tuple[str, ...]]] = set()
        for stage, build in self.program_builds:
            directory = package_of(build, stage, self.context)
            if isinstance(directory, Unread):
                return directory
            places.add((directory, build.tags))
        if len(places) > 1:
            return Unread("several programs are built")
        directory_, tags = places.pop()
        return self.reader(self.context.root / directory_, tags)

    def insert_before(self, step: Step, *lines: str) -> Edit:
        """Give the edit that puts *lines* before the instruction of *step*, and before the comments above it."""
        line = step.instruction.location.line
        while line > 1 and self.text.line(line - 1).lstrip().startswith("#"):
            line -= 1
        start = self.text.start(line)
        ending = self.text.ending(line)
        return Edit(start, start, "".join(f"{each}{ending}" for each in lines))

    def at(self, step: Step, offset: int) -> int:
        """Give where in the text the offset of a step's ``code`` stands."""
        return self.text.offset(step.instruction.location, offset)
