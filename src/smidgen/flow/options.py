"""What the user says about a flow beside its build file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from smidgen.oci.platform import Platform, host_platform


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowOptions:
    """How a flow is carried out.

    Attributes:
        directory: The working directory: contexts, Dockerfiles and artifacts are below it.
        build_args: For every step; those of a step beat them.
        use_cache: Take outcomes of earlier builds.
        cleanup: Run cleanup commands, and squash.
        keep_all: Images that other steps depend on keep their names in the end.
        keep_artifacts: Artifacts stay in the working directory in the end.
        after_build_commands: Run commands on this machine.
        secret_providers: Where secrets may come from; none where there is nothing to serve them.
        port: Where secrets are served, or 0 for any.
        network: Of commands.
        platform: Of the images.
        timeout: Most seconds that a command may take, or None.
        runtime: ``auto`` or the name of one.
        environ: Has secrets, and is that of commands on this machine.
    """

    directory: Path
    build_args: Mapping[str, str] = field(default_factory=dict)
    use_cache: bool = True
    cleanup: bool = True
    keep_all: bool = False
    keep_artifacts: bool = False
    after_build_commands: bool = False
    secret_providers: frozenset[str] = frozenset()
    port: int = 0
    network: Literal["default", "none", "host"] = "default"
    platform: Platform = field(default_factory=host_platform)
    timeout: float | None = None
    runtime: str = "auto"
    environ: Mapping[str, str] = field(default_factory=dict)
