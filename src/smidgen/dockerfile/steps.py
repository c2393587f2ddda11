"""Steps: instructions with everything expanded, as the engine does them.

A step that makes no layer is done already: it is in the state that :func:`smidgen.dockerfile.resolve.resolve_stage`
gives. What is left are RUN, COPY, ADD and WORKDIR.
"""

from dataclasses import dataclass
from typing import TypeAlias

from smidgen.dockerfile.instruction import Network, Security
from smidgen.dockerfile.location import Location
from smidgen.dockerfile.mounts import Mount
from smidgen.dockerfile.origins import Origin
from smidgen.dockerfile.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBase:
    """What all steps have.

    Attributes:
        location: The instruction, for errors.
        title: The instruction in one line, for people.
        created_by: What the history says of it.
        from_onbuild: It comes from ONBUILD of the base.
    """

    location: Location
    title: str
    created_by: str
    from_onbuild: bool = False


@dataclass(frozen=True, slots=True)
class StepMount:
    """A mount of a RUN.

    Attributes:
        mount: What it is; its target is absolute, if it has one.
        origin: Where its files come from; None for those that have none.
    """

    mount: Mount
    origin: Origin | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep(StepBase):
    """A command to run.

    Attributes:
        arguments: The program and its arguments, with the shell.
        environment: Names and values, in order: all that the program gets, apart from proxies and secrets.
        proxies: More variables, which are in no cache key; those of *environment* beat them.
        user: ``USER[:GROUP]`` or empty.
        directory: The working directory, absolute.
        mounts: In order.
        network: As ``--network`` says.
        security: As ``--security`` says.
        script: A file to be mounted at its path (``/dev/pipes/NAME``), read-only and executable, or None.
    """

    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    proxies: tuple[tuple[str, str], ...]
    user: str
    directory: str
    mounts: tuple[StepMount, ...]
    network: Network
    security: Security
    script: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file whose content stands in the Dockerfile; its mode is 0644.

    Attributes:
        name: Of the file.
        text: Expanded, if it was to be.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyStep(StepBase):
    """Files to be put into the image.

    Attributes:
        origin: Where local sources are.
        sources: In order.
        documents: After the sources.
        destination: Absolute; ends in ``/`` where it is to be a directory.
        chown: ``USER[:GROUP]`` or empty.
        chmod: Octal or symbolic, checked, or empty; :func:`smidgen.dockerfile.chmod.parse_chmod` reads it.
        link: Into a layer of its own, whatever is below it.
        parents: Keep directories of the sources.
        exclude: Patterns of what is left out.
        is_add: Archives are unpacked, unless *unpack* says otherwise.
        checksum: Of the one remote source, or empty.
        keep_git_dir: Keep ``.git`` of a repository.
        unpack: What ``--unpack`` says, or None.
    """

    origin: Origin
    sources: tuple[Source, ...]
    documents: tuple[Document, ...]
    destination: str
    chown: str
    chmod: str
    link: bool
    parents: bool
    exclude: tuple[str, ...]
    is_add: bool
    checksum: str = ""
    keep_git_dir: bool = False
    unpack: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkdirStep(StepBase):
    """A directory to be made where it is not there, with its parents, mode 0755.

    Attributes:
        path: Absolute; never ``/``.
        user: Who owns what is made: ``USER[:GROUP]`` or empty.
    """

    path: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigStep(StepBase):
    """A change of the config alone."""


Step: TypeAlias = RunStep | CopyStep | WorkdirStep | ConfigStep
