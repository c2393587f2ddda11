"""What a Compose file says of the image of a service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from smidgen.dockerfile.cache.flags import CachePlace, CacheTo
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference

Network: TypeAlias = Literal["default", "none", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBuild:
    """How the image of a service is built; every path is absolute.

    Attributes:
        service: Its name.
        names: Of the image: of ``image``, or of project and service, and those of ``tags``.
        is_named: Whether there is an ``image``: only such images are pushed.
        context: The directory that is built.
        dockerfile: The file.
        dockerfile_text: Instead of a file, or None.
        args: Values of ARG.
        target: The stage to build; empty for the last.
        labels: Of the image.
        platforms: Empty for this machine's.
        secrets: As ``--secret`` takes them.
        agents: As ``--ssh`` takes them.
        contexts: Further ones by name: a directory, or ``docker-image://REF``.
        needs: Services that are to be built before, as a context is their image.
        hosts: Names and addresses for ``/etc/hosts``.
        network: Of RUN commands.
        use_cache: Take outcomes of earlier builds.
        no_cache_stages: Stages that are done again in any case.
        pull: Ask the registry for base images although the store has them.
        cache_from: Caches of other machines.
        cache_to: Where the cache goes after the build.
    """

    service: str
    names: tuple[Reference, ...]
    is_named: bool
    context: Path
    dockerfile: Path
    dockerfile_text: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[Platform, ...] = ()
    secrets: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    contexts: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
    network: Network = "default"
    use_cache: bool = True
    no_cache_stages: frozenset[str] = frozenset()
    pull: bool = False
    cache_from: tuple[CachePlace, ...] = ()
    cache_to: tuple[CacheTo, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """A Compose file.

    Attributes:
        name: Of the project.
        builds: The services with a ``build`` section, in the order in which they are to be built.
        others: Services without.
        left_out: Services whose profiles are not active.
        environ: What variables were taken from.
        unset: Variables that were used and are nowhere.
    """

    name: str
    builds: tuple[ServiceBuild, ...]
    others: tuple[str, ...]
    left_out: tuple[str, ...]
    environ: Mapping[str, str]
    unset: tuple[str, ...]
