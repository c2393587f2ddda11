"""From what a Compose file says of a service to a build."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from smidgen.dockerfile.compose.service import ServiceBuild
from smidgen.dockerfile.execute.flags import parse_agents, parse_build_args, parse_secrets
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.request import DockerfileRequest
from smidgen.dockerfile.instruction import Dockerfile
from smidgen.dockerfile.parse import decode_dockerfile, parse
from smidgen.dockerfile.plan import BuildOptions
from smidgen.errors import LimitExceeded, UsageError
from smidgen.layer.compression import DEFAULT, Compression
from smidgen.oci.platform import host_platform

_MAX_DOCKERFILE = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOptions:
    """What holds for all services, whatever the file says.

    Attributes:
        build_args: Beat those of the file.
        agents: As ``--ssh`` takes them.
        use_cache: Take outcomes of earlier builds.
        pull: Ask the registry for base images although the store has them.
        timeout: Most seconds that a command may take, or None.
        runtime: ``auto`` or the name of one.
        compression: Of layers.
    """

    build_args: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    use_cache: bool = True
    pull: bool = False
    timeout: float | None = None
    runtime: str = "auto"
    compression: Compression = field(default=DEFAULT)


def request_of(build: ServiceBuild, shared: SharedOptions, environ: Mapping[str, str]) -> DockerfileRequest:
    """Make the request of *build*; its Dockerfile and its secrets are read.

    Raises:
        DockerfileError: The Dockerfile's syntax is wrong.
        UsageError: The Dockerfile, a secret or an agent is not there.
    """
    host = host_platform()
    own = tuple(f"{name}={value}" for name, value in build.args.items())
    return DockerfileRequest(
        dockerfile=_dockerfile(build),
        platforms=build.platforms,
        build=BuildOptions(
            build_platform=host,
            target_platform=build.platforms[0] if build.platforms else host,
            target=build.target,
            build_args=parse_build_args((*own, *shared.build_args), environ),
            contexts=build.contexts,
        ),
        execute=ExecuteOptions(
            context=build.context,
            dockerfile=None if build.dockerfile_text is not None else build.dockerfile,
            use_cache=build.use_cache and shared.use_cache,
            no_cache_stages=build.no_cache_stages,
            network=build.network,
            hosts=build.hosts,
            secrets=parse_secrets(build.secrets, environ),
            agents=parse_agents((*build.agents, *shared.agents), environ),
            timeout=shared.timeout,
            labels=build.labels,
            compression=shared.compression,
            runtime=shared.runtime,
            pull=build.pull or shared.pull,
            cache_from=build.cache_from,
            cache_to=build.cache_to,
        ),
        names=build.names,
    )


def _dockerfile(build: ServiceBuild) -> Dockerfile:
    if build.dockerfile_text is not None:
        return parse(build.dockerfile_text, name=f"{build.service}'s dockerfile_inline")
    shown = os.path.relpath(build.dockerfile)
    try:
        with build.dockerfile.open("rb") as file:
            data = file.read(_MAX_DOCKERFILE + 1)
    except OSError as error:
        raise UsageError(
            f"the Dockerfile of {build.service} cannot be read from {shown}: {error.strerror}",
            hint="say where it is with dockerfile:, relative to the context",
        ) from error
    if len(data) > _MAX_DOCKERFILE:
        raise LimitExceeded(f"size of {shown} in bytes", limit=_MAX_DOCKERFILE)
    return parse(decode_dockerfile(data), name=shown)
