"""What the user says about a build beside what the plan has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smidgen.layer.compression import DEFAULT, Compression

if TYPE_CHECKING:
    from smidgen.dockerfile.cache.flags import CachePlace, CacheTo


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteOptions:
    """How a plan is carried out.

    Attributes:
        context: The directory that is built, or None where there is none.
        dockerfile: Where it is, for its own ignore file; None where it is no file.
        use_cache: Take outcomes of earlier builds.
        no_cache_stages: Stages, by name, that are done again in any case.
        network: Of commands that say ``default``.
        hosts: Names and addresses for ``/etc/hosts``.
        secrets: Content by id.
        agents: Sockets of SSH agents by id.
        timeout: Most seconds that a command may take, or None.
        labels: Of the image.
        annotations: Of the manifest.
        compression: Of layers.
        keep_times: Layers keep modification times.
        runtime: ``auto`` or the name of one.
        cache_from: Caches of other machines.
        cache_to: Where the cache goes after the build.
        pull: Ask the registry for base images although the store has them.
    """

    context: Path | None
    dockerfile: Path | None = None
    use_cache: bool = True
    no_cache_stages: frozenset[str] = frozenset()
    network: Literal["default", "none", "host"] = "default"
    hosts: tuple[tuple[str, str], ...] = ()
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    agents: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    compression: Compression = DEFAULT
    keep_times: bool = False
    runtime: str = "auto"
    pull: bool = False
    cache_from: "tuple[CachePlace, ...]" = ()
    cache_to: "tuple[CacheTo, ...]" = ()
