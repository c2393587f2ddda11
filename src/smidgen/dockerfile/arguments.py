"""Arguments of a build: those that every build has, those of ``--build-arg``, and those before the first FROM.

Source: Dockerfile reference, "ARG"; BuildKit's ``dockerfile2llb`` (``defaultArgs``, ``buildMetaArgs``).
"""

from collections.abc import Mapping
from typing import Final

from smidgen.dockerfile.expand import expand
from smidgen.dockerfile.instruction import Dockerfile
from smidgen.dockerfile.location import Location
from smidgen.errors import UsageError
from smidgen.oci.platform import Platform

# Usable without ARG; never in a cache key, so that a build at home and one behind a proxy share their results.
PROXIES: Final = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"})


def automatic_arguments(*, build: Platform, target: Platform, stage: str) -> dict[str, str]:
    """Give the arguments that every build has: the machine's platform, the image's, and the target's name."""
    found: dict[str, str] = {}
    for prefix, platform in (("BUILD", build), ("TARGET", target)):
        found[f"{prefix}PLATFORM"] = str(platform)
        found[f"{prefix}OS"] = platform.os
        found[f"{prefix}OSVERSION"] = platform.os_version
        found[f"{prefix}ARCH"] = platform.architecture
        found[f"{prefix}VARIANT"] = platform.variant
    found["TARGETSTAGE"] = stage
    return found


def proxy_variables(build_args: Mapping[str, str]) -> dict[str, str]:
    """Give the variables of proxies among *build_args*, in both cases, as programs look for either."""
    found: dict[str, str] = {}
    for name, value in build_args.items():
        if name.upper() in PROXIES:
            found[name.upper()] = found[name.lower()] = value
    return found


def global_arguments(
    dockerfile: Dockerfile, automatic: Mapping[str, str], build_args: Mapping[str, str]
) -> dict[str, str]:
    """Give the arguments that FROM sees, and that a stage gets with ARG and a name alone.

    Each ARG before the first FROM sees those before it. What the user gives beats its default.

    Raises:
        DockerfileError: A default cannot be expanded.
    """
    values = {name: build_args.get(name, value) for name, value in automatic.items()}
    for instruction in dockerfile.meta_args:
        for name, default in instruction.variables:
            if name in build_args:
                values[name] = build_args[name]
            elif default is not None:
                values[name] = expand_at(
                    default, values, location=instruction.location, escape=dockerfile.directives.escape
                )
    return values


def expand_at(text: str, variables: Mapping[str, str], *, location: Location, escape: str) -> str:
    """Expand *text* of the instruction at *location*.

    Raises:
        DockerfileError: It cannot be; the caret stands under it.
    """
    try:
        return expand(text, variables, escape=escape).text
    except UsageError as error:
        raise location.fault(error.message, at=text, hint=error.hint) from error
