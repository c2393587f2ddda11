"""What a build is done with: every option, typed, and where each value came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from smidgen.config.values import AddSpec, Port, User
from smidgen.layer.compression import Compression
from smidgen.oci.config import Healthcheck
from smidgen.oci.platform import Platform


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value came from.

    Attributes:
        kind: Which layer; a later one of this list wins: default, file, environment, flag.
        name: The variable, the file as it is shown to people, or the flag. Empty for a default.
        line: 1-based line of a file, or None.
    """

    kind: Literal["default", "environment", "file", "flag"]
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        """Render ``default``, ``environment SMIDGEN_GO``, ``smidgen.yaml:3`` or ``flag --user``."""
        if self.kind == "default":
            return self.kind
        if self.kind == "file":
            return f"{self.name}:{self.line}"
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line gave, as text. None means that the flag was not given.

    Several uses of a flag, and lists with commas where the flag takes them (platforms, needs, zones, build tags),
    are one tuple; its elements may still hold commas.

    Attributes:
        names: ``-t NAME[:TAG]``: replaces repository, name and tags of the file.
        flags: Further arguments of ``go build``, split into words as Go splits GOFLAGS.
        variables: ``-X NAME=VALUE``.
        build_env: ``NAME=VALUE`` for ``go build``.
        sysroot: A directory.
        base: ``scratch``, ``static``, an image of a registry, ``store:NAME`` or ``oci:DIR[:TAG]``.
        env: ``NAME=VALUE``, or ``NAME`` to take the value from the environment, as docker does.
        healthcheck: As in a Dockerfile: ``NONE`` or ``[--interval=30s ...] [CMD] COMMAND``; or an address in
            the place of the command.
        entrypoint: One text, split into words as a shell does; or a JSON list.
        cmd: As *entrypoint*.
    """

    names: tuple[str, ...] | None = None
    go: str | None = None
    bin: str | None = None
    flags: str | None = None
    ldflags: tuple[str, ...] | None = None
    gcflags: tuple[str, ...] | None = None
    strip: bool | None = None
    disable_optimizations: bool | None = None
    build_tags: tuple[str, ...] | None = None
    variables: tuple[str, ...] | None = None
    build_env: tuple[str, ...] | None = None
    cgo: bool | None = None
    sysroot: str | None = None
    libc: str | None = None
    libraries: tuple[str, ...] | None = None
    platforms: tuple[str, ...] | None = None
    base: str | None = None
    user: str | None = None
    entrypoint: str | None = None
    cmd: str | None = None
    env: tuple[str, ...] | None = None
    ports: tuple[str, ...] | None = None
    workdir: str | None = None
    volumes: tuple[str, ...] | None = None
    stop_signal: str | None = None
    healthcheck: str | None = None
    linux_capabilities: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    annotations: tuple[str, ...] | None = None
    add: tuple[str, ...] | None = None
    kodata: bool | None = None
    single_layer: bool | None = None
    compression: str | None = None
    needs_with: tuple[str, ...] | None = None
    needs_without: tuple[str, ...] | None = None
    zones: tuple[str, ...] | None = None
    ca_bundles: tuple[str, ...] | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every option of a build of one target. Texts that are *templates* still hold ``{{.Git.Tag}}`` and the like.

    Attributes:
        target: The target as it was asked for.
        names: Names from ``-t``, templates; if there are any, repository, name and tags do not matter.
        repository: Prefix of the image's name, or empty.
        name: Last part of the image's name, or None to take the last element of the import path.
        tags: Tags of the image, templates.
        go: Path or name of the go command, or None to look for it.
        build: Lines of the script that makes the program, where there is one.
        bin: Which executable is meant, where that is not plain; or empty.
        flags: Further arguments of ``go build``, templates, one argument an element.
        ldflags: Texts of ``-ldflags``, templates, to be joined with a space; ``-s -w`` is *strip*'s business.
        gcflags: Arguments of ``-gcflags``, each a flag of its own.
        strip: Whether symbols and debug information are left out (``-s -w``).
        disable_optimizations: Whether to compile for a debugger.
        build_tags: For ``-tags``.
        variables: Name → value of ``-X``, values are templates, such as ``main.version``.
        build_env: Environment of ``go build``, over this process's own.
        cgo: Whether C in Go packages is compiled too, and linked statically.
        sysroot: A directory with headers and libraries for C, absolute; empty for none.
        libc: ``glibc`` to link Go programs with C dynamically, and take the libraries along; empty for static ones.
        libraries: Names or paths of libraries that a dynamic program may load, beside those that it needs.
        platforms: What to build for, at least one, each once, in the order asked for.
        base: What the image stands on: ``scratch``, ``static``, or another name that ``image.base_name`` parses.
        user: Who the program runs as.
        entrypoint: None means the binary itself.
        cmd: Arguments of the entrypoint.
        env: Environment of the container.
        ports: What the program listens on, sorted.
        workdir: Absolute path, or empty.
        volumes: Absolute paths.
        stop_signal: Such as ``SIGTERM``, or empty.
        healthcheck: Or None.
        linux_capabilities: What the program's file may do; clauses that ``layer.capabilities`` parses.
        labels: Of the image's configuration.
        annotations: Of the manifest.
        add: Files to put in.
        kodata: Whether a ``kodata`` directory of the package is put in.
        single_layer: Whether all files are in one layer.
        compression: Of the layers.
        needs_with: Needs to put in even if the binary does not show them; names of ``values.NEEDS``.
        needs_without: Needs to leave out.
        zones: The only time zones to put in; empty means all, if any are needed.
        ca_bundles: PEM files to add to the certificates, absolute.
        provenance: Field name → origin; for maps and needs ``env.LOG_LEVEL``, ``needs.ca``, one a key.
        warnings: What the user has to be told about the configuration.
    """

    target: str
    names: tuple[str, ...]
    repository: str
    name: str | None
    tags: tuple[str, ...]
    go: str | None
    build: tuple[str, ...]
    bin: str
    flags: tuple[str, ...]
    ldflags: tuple[str, ...]
    gcflags: tuple[str, ...]
    strip: bool
    disable_optimizations: bool
    build_tags: tuple[str, ...]
    variables: Mapping[str, str]
    build_env: Mapping[str, str]
    cgo: bool
    sysroot: str
    libc: str
    libraries: tuple[str, ...]
    platforms: tuple[Platform, ...]
    base: str
    user: User
    entrypoint: tuple[str, ...] | None
    cmd: tuple[str, ...]
    env: Mapping[str, str]
    ports: tuple[Port, ...]
    workdir: str
    volumes: tuple[str, ...]
    stop_signal: str
    healthcheck: Healthcheck | None
    linux_capabilities: tuple[str, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    add: tuple[AddSpec, ...]
    kodata: bool
    single_layer: bool
    compression: Compression
    needs_with: frozenset[str]
    needs_without: frozenset[str]
    zones: tuple[str, ...]
    ca_bundles: tuple[Path, ...]
    provenance: Mapping[str, Origin]
    warnings: tuple[str, ...] = ()

    def image_names(self, default_name: str) -> tuple[str, ...]:
        """Give the names to tag the image with, templates unexpanded: of ``-t``, else REPOSITORY/NAME:TAG.

        Args:
            default_name: What to call the image where the configuration does not, such as ``app`` for ``./cmd/app``.
        """
        if self.names:
            return self.names
        name = "/".join(part for part in (self.repository, self.name or default_name) if part)
        return tuple(f"{name}:{tag}" for tag in self.tags)
