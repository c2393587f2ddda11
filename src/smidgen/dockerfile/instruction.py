"""The instructions of a Dockerfile as values, as they are written: nothing is expanded yet.

Source: Dockerfile reference; BuildKit's ``frontend/dockerfile/instructions`` for what is accepted.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from smidgen.dockerfile.location import Location

Network: TypeAlias = Literal["default", "none", "host"]
Security: TypeAlias = Literal["sandbox", "insecure"]
Pairs: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A document that stands in the Dockerfile (``<<NAME``).

    Attributes:
        name: The delimiter, without quotes; also the name of the file that COPY makes.
        content: The lines up to the delimiter, each with its end, tabs not yet stripped.
        expands: No part of the delimiter was quoted, so that COPY and ADD expand variables in it.
        strips_tabs: Written ``<<-``: leading tabs of each line do not count.
        descriptor: The number before ``<<``, 0 where there is none.
    """

    name: str
    content: str
    expands: bool = True
    strips_tabs: bool = False
    descriptor: int = 0

    @property
    def text(self) -> str:
        """The content as it is meant: without leading tabs where they do not count."""
        if not self.strips_tabs:
            return self.content
        return "".join(line.lstrip("\t") for line in self.content.splitlines(keepends=True))


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What RUN, CMD, ENTRYPOINT and HEALTHCHECK CMD start.

    Attributes:
        words: The program and its arguments; in the shell form one text for the shell, or none.
        is_shell: Written in the shell form, so that SHELL stands before it.
        heredocs: The documents of a RUN, in order.
    """

    words: tuple[str, ...]
    is_shell: bool
    heredocs: tuple[Heredoc, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What all instructions have."""

    keyword: ClassVar[str] = ""
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class From(Instruction):
    """The base of a stage.

    Attributes:
        base: A stage, an image, a named context or ``scratch``; may have variables.
        name: What ``AS`` says, in lower case, or empty.
        platform: What ``--platform`` says, or empty; may have variables.
    """

    keyword: ClassVar[str] = "FROM"
    base: str
    name: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Instruction):
    """A command that is run while building.

    Attributes:
        command: What is run.
        mounts: What each ``--mount`` says; :func:`smidgen.dockerfile.mounts.parse_mount` reads them once they are
            expanded.
        network: ``--network``.
        security: ``--security``.
    """

    keyword: ClassVar[str] = "RUN"
    command: CommandLine
    mounts: tuple[str, ...] = ()
    network: Network = "default"
    security: Security = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Instruction):
    """What COPY and ADD have in common.

    Attributes:
        sources: Paths, patterns and, for ADD, addresses; in order.
        documents: The sources that stand in the Dockerfile; each makes a file with its name.
        destination: A path; a relative one is relative to the working directory.
        chown: ``USER[:GROUP]``, names or numbers, or empty.
        chmod: Octal or symbolic, or empty.
        link: Files go into a layer of their own, whatever is below it.
        parents: Directories of the sources are kept below the destination.
        exclude: Patterns of what is left out.
    """

    sources: tuple[str, ...]
    documents: tuple[Heredoc, ...] = ()
    destination: str
    chown: str = ""
    chmod: str = ""
    link: bool = False
    parents: bool = False
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(Transfer):
    """Files of the context, of a stage or of an image.

    Attributes:
        from_: A stage's name or number, an image or a named context; empty for the context.
    """

    keyword: ClassVar[str] = "COPY"
    from_: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Transfer):
    """Files of the context, archives, addresses and git repositories.

    Attributes:
        checksum: ``sha256:HEX`` that the one remote source must have, or empty; may have variables.
        keep_git_dir: Keep ``.git`` of a repository, or not; None where it is not said.
        unpack: Unpack archives, or not; None for local ones only.
    """

    keyword: ClassVar[str] = "ADD"
    checksum: str = ""
    keep_git_dir: bool | None = None
    unpack: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Env(Instruction):
    """Variables of the image.

    Attributes:
        pairs: Names and values.
        legacy: Written ``ENV NAME VALUE``.
    """

    keyword: ClassVar[str] = "ENV"
    pairs: Pairs
    legacy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg(Instruction):
    """Variables of the build.

    Attributes:
        variables: Names, each with its default, or None where it has none.
    """

    keyword: ClassVar[str] = "ARG"
    variables: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Instruction):
    """Labels of the image.

    Attributes:
        pairs: Names and values.
        legacy: Written ``LABEL NAME VALUE``.
    """

    keyword: ClassVar[str] = "LABEL"
    pairs: Pairs
    legacy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintainer(Instruction):
    """The author; replaced by a label long ago."""

    keyword: ClassVar[str] = "MAINTAINER"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdir(Instruction):
    """The working directory; a relative one is relative to the one before."""

    keyword: ClassVar[str] = "WORKDIR"
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Instruction):
    """Who runs commands: ``USER[:GROUP]``, names or numbers."""

    keyword: ClassVar[str] = "USER"
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmd(Instruction):
    """What a container starts, or the arguments of its entry point."""

    keyword: ClassVar[str] = "CMD"
    command: CommandLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint(Instruction):
    """What a container starts. No words at all clears what the base has."""

    keyword: ClassVar[str] = "ENTRYPOINT"
    command: CommandLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Expose(Instruction):
    """Ports: ``80``, ``80/udp``, ``8000-8010/tcp``; may have variables that hold several."""

    keyword: ClassVar[str] = "EXPOSE"
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Instruction):
    """Paths that engines keep outside the container."""

    keyword: ClassVar[str] = "VOLUME"
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopsignal(Instruction):
    """The signal that stops a container."""

    keyword: ClassVar[str] = "STOPSIGNAL"
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck(Instruction):
    """How an engine asks whether a container is well. Times in nanoseconds, 0 for the engine's default.

    Attributes:
        command: What is run, or None for ``NONE``, which switches off what the base has.
    """

    keyword: ClassVar[str] = "HEALTHCHECK"
    command: CommandLine | None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Instruction):
    """What stands before the shell form."""

    keyword: ClassVar[str] = "SHELL"
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Onbuild(Instruction):
    """An instruction for images that are built on this one.

    Attributes:
        trigger: That instruction.
        expression: Its text, with its documents, as the image config keeps it.
    """

    keyword: ClassVar[str] = "ONBUILD"
    trigger: Instruction
    expression: str


@dataclass(frozen=True, slots=True)
class Stage:
    """FROM and what follows it.

    Attributes:
        index: Its number, from 0.
        from_: How it begins.
        instructions: The rest, in order.
    """

    index: int
    from_: From
    instructions: tuple[Instruction, ...]

    @property
    def name(self) -> str:
        """Its name, or ``stage-N``."""
        return self.from_.name or f"stage-{self.index}"


@dataclass(frozen=True, slots=True)
class Directives:
    """What the first lines say (``# key=value``).

    Attributes:
        syntax: The front end that is asked for, or empty.
        escape: The character that escapes and that continues lines.
        skipped_checks: Checks that are not to be made, by name; ``all`` for every one.
        doubts_are_errors: A doubtful place ends the build.
    """

    syntax: str = ""
    escape: str = "\\"
    skipped_checks: frozenset[str] = frozenset()
    doubts_are_errors: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """A doubtful place.

    Attributes:
        rule: The name that BuildKit gives the check, such as ``StageNameCasing``.
        message: What is doubtful, and what to write.
        file: Name of the Dockerfile.
        line: 1-based.
    """

    rule: str
    message: str
    file: str
    line: int

    def __str__(self) -> str:
        """Render it for a person."""
        return f"{self.file}:{self.line}: {self.message} ({self.rule})"


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A Dockerfile as a tree.

    Attributes:
        name: As the user named the file.
        directives: What its first lines say.
        meta_args: The ARG instructions before the first FROM.
        stages: All of them, in order; at least one.
        warnings: Doubtful places, in order.
    """

    name: str
    directives: Directives
    meta_args: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    warnings: tuple[Doubt, ...] = ()
