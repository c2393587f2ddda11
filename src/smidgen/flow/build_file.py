"""A build file as values: what Habitus's ``build.yml`` says, with everything checked that can be without building.

Source: Habitus 1.0 (``build/manifest.go``), schema versions 2016-02-13 and 2016-03-14.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from smidgen.config.yaml_source import Document, Mark
from smidgen.errors import ConfigError
from smidgen.oci.reference import Reference

Provider: TypeAlias = Literal["file", "env"]


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the file.

    Attributes:
        value: With the values of variables; may be confidential.
        written: As it stands in the file: this is what people are shown.
        mark: Where.
    """

    value: str
    written: str
    mark: Mark

    @property
    def shown(self) -> str:
        """The text as it stands in the file, in one line, without what a terminal would obey."""
        return one_line(self.written)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file or directory that goes from the image of a step to the working directory.

    Attributes:
        source: Absolute path in the image.
        directory: Where it goes, relative to the working directory; empty for that itself.
        mark: Where it stands.
    """

    source: str
    directory: str
    mark: Mark

    @property
    def target(self) -> str:
        """What it becomes, relative to the working directory: the name is that of the source."""
        return posixpath.join(self.directory, posixpath.basename(self.source))


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret comes from.

    Attributes:
        name: What builds call it.
        provider: ``file`` or ``env``.
        value: A path, or the name of a variable without ``HABITUS_`` in front.
        mark: Where it stands.
    """

    name: str
    provider: Provider
    value: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """One Dockerfile to be built.

    Attributes:
        label: Its key in the file, which is what others depend on.
        name: Of the image, with a tag, and with the unique id if there is one.
        called: How Dockerfiles and other steps call its image.
        dockerfile: Relative to the context.
        context: Relative to the working directory; empty for that itself.
        target: The stage to build, or empty for the last.
        args: Build arguments.
        artifacts: What is taken out of the image.
        cleanup: Commands that are run in the image before it is squashed.
        depends_on: Labels.
        command: Is run in the image when it is built.
        after_build_command: Is run on this machine after that.
        no_cache: Do it again in any case.
        secrets: What it declares.
        mark: Where it stands.
    """

    label: str
    name: Reference
    called: str
    dockerfile: str
    context: str = ""
    target: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    cleanup: tuple[Text, ...] = ()
    depends_on: tuple[str, ...] = ()
    command: Text | None = None
    after_build_command: Text | None = None
    no_cache: bool = False
    secrets: tuple[SecretSource, ...] = ()
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A build file.

    Attributes:
        document: As it was read, to show where something stands.
        version: Of the schema.
        steps: In the order of the file.
    """

    document: Document
    version: str
    steps: tuple[FlowStep, ...]

    def error(self, message: str, mark: Mark, *, hint: str | None = None) -> ConfigError:
        """Make an error that shows the line at *mark*."""
        return self.document.error(message, mark, hint=hint)

    def step(self, label: str) -> FlowStep:
        """Find a step that is there."""
        return next(step for step in self.steps if step.label == label)

    @property
    def secrets(self) -> tuple[SecretSource, ...]:
        """What all its steps declare."""
        return tuple(secret for step in self.steps for secret in step.secrets)


def one_line(text: str) -> str:
    """Give *text* with a space for everything that is not to be seen."""
    return "".join(each if each.isprintable() else " " for each in text)


def inside(text: str) -> str | None:
    """Give a relative path without dots, also for one with a slash in front; None where it leads out."""
    path = posixpath.normpath(text.lstrip("/") or ".")
    if path == ".." or path.startswith("../") or "\0" in path:
        return None
    return "" if path == "." else path


def below(directory: Path, path: str) -> Path | None:
    """Give *path* below *directory*, or None where symbolic links lead out of it."""
    root = directory.resolve()
    found = (root / path).resolve()
    return found if found == root or root in found.parents else None
