"""Secrets of a flow: read once, before anything is built.

Source: Habitus 1.0 (``secrets/file_provider.go``, ``secrets/env_provider.go``).
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from smidgen.errors import ConfigError
from smidgen.flow.build_file import Flow, Provider, SecretSource

PREFIX: Final = "HABITUS_"
_MOST: Final = 500 * 1024  # as BuildKit has it

Secrets = Mapping[tuple[Provider, str], bytes]


def read_secrets(flow: Flow, directory: Path, environ: Mapping[str, str], providers: Collection[str]) -> Secrets:
    """Read what the steps of *flow* declare.

    Args:
        flow: Declares them.
        directory: What relative paths are relative to.
        environ: Has ``HABITUS_NAME`` for the variable ``NAME``.
        providers: Those that may be used.

    Raises:
        ConfigError: A secret is not there, is too large, or means two things; shows where it stands.
    """
    found: dict[tuple[Provider, str], bytes] = {}
    sources: dict[tuple[Provider, str], SecretSource] = {}
    for secret in flow.secrets:
        key = secret.provider, secret.name
        if secret.provider not in providers:
            raise flow.error(
                f"the secret {secret.name!r} is of type {secret.provider}, which is not allowed",
                secret.mark,
                hint="allow it with --sec-providers",
            )
        if key in sources and sources[key].value != secret.value:
            raise flow.error(f"the secret {secret.name!r} means something else in another step", secret.mark)
        if key not in sources:
            sources[key] = secret
            found[key] = _read(flow, secret, directory, environ)
    return found


def _read(flow: Flow, secret: SecretSource, directory: Path, environ: Mapping[str, str]) -> bytes:
    if secret.provider == "env":
        name = PREFIX + secret.value
        if name not in environ:
            raise flow.error(
                f"the secret {secret.name!r} is the variable {name}, which is not set", secret.mark, hint=f"set {name}"
            )
        return environ[name].encode(errors="surrogateescape")
    try:
        with open(directory / secret.value, "rb") as file:
            content = file.read(_MOST + 1)
    except OSError as error:
        raise _unreadable(flow, secret, error) from error
    if len(content) > _MOST:
        raise flow.error(f"the secret {secret.name!r} is larger than {_MOST} bytes", secret.mark)
    return content


def _unreadable(flow: Flow, secret: SecretSource, error: OSError) -> ConfigError:
    return flow.error(
        f"the secret {secret.name!r} cannot be read from {secret.value}: {error.strerror}",
        secret.mark,
        hint="relative paths start at the working directory",
    )
