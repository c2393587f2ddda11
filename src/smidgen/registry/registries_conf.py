"""Reads ``registries.conf``, version 2, of the tools around podman.

Short names are not resolved by its lists: a name without a registry is Docker Hub's, always, so that nobody can put
another image in its place.

Source: containers-registries.conf(5) and containers-registries.conf.d(5).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import msgspec

from smidgen.errors import ConfigError
from smidgen.registry.credentials import Keeper
from smidgen.registry.host_rules import Mirror, Pulls, Rule, is_place

_VARIABLE: Final = "CONTAINERS_REGISTRIES_CONF"
_MOST: Final = 1 << 20
_FILES: Final = 256


class _MirrorTable(msgspec.Struct, frozen=True, rename="kebab"):
    location: str = ""
    insecure: bool = False
    pull_from_mirror: Literal["all", "digest-only", "tag-only", ""] = ""


class _RegistryTable(msgspec.Struct, frozen=True, rename="kebab"):
    prefix: str = ""
    location: str = ""
    insecure: bool = False
    blocked: bool = False
    mirror_by_digest_only: bool = False
    mirror: list[_MirrorTable] = []


class _Document(msgspec.Struct, frozen=True, rename="kebab"):
    registry: list[_RegistryTable] = []
    registries: dict[str, object] = {}
    credential_helpers: list[str] | None = None


@dataclass(frozen=True, slots=True)
class RegistriesConf:
    """What the files say.

    Attributes:
        rules: One for each prefix.
        keepers: Where credentials are, the first to be asked first; empty where no file says it.
    """

    rules: tuple[Rule, ...] = ()
    keepers: tuple[Keeper, ...] = ()


def read_registries_conf(environ: Mapping[str, str], *, user: Path, system: Path) -> RegistriesConf:
    """Read the file that counts and those beside it: of the user if there is one, else of the system.

    Args:
        environ: ``CONTAINERS_REGISTRIES_CONF`` names another file.
        user: The user's directory, such as ``~/.config/containers``.
        system: ``/etc/containers``.

    Raises:
        ConfigError: A file cannot be read, or says what cannot be meant.
    """
    chosen = environ.get(_VARIABLE)
    own, common = user / "registries.conf", system / "registries.conf"
    if chosen:
        main, directories = Path(chosen), [system, user]
    elif own.exists():
        main, directories = own, [user]
    else:
        main, directories = common, [system, user]
    files = [main] if chosen or main.exists() else []
    for directory in directories:
        files += sorted((directory / "registries.conf.d").glob("*.conf"))[:_FILES]
    rules: dict[str, Rule] = {}
    keepers: tuple[Keeper, ...] = ()
    for file in files:
        document = _read(file)
        rules |= {rule.prefix: rule for rule in (_rule(table, file) for table in document.registry)}
        if document.credential_helpers is not None:
            keepers = tuple(Keeper(name, str(file)) for name in document.credential_helpers)
    return RegistriesConf(tuple(rules.values()), keepers)


def _read(path: Path) -> _Document:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=str(path)) from error
    if len(data) > _MOST:
        raise ConfigError(f"is larger than {_MOST} bytes, which no configuration needs", path=str(path))
    try:
        document = msgspec.convert(tomllib.loads(data.decode()), _Document, strict=False)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(str(error), path=str(path), hint="see containers-registries.conf(5)") from error
    if document.registries:
        raise ConfigError(
            "is of version 1, which is not read",
            path=str(path),
            hint="write [[registry]] tables instead of [registries.…], as containers-registries.conf(5) says",
        )
    return document


def _rule(table: _RegistryTable, path: Path) -> Rule:
    prefix = table.prefix or table.location
    if not is_place(prefix, with_wildcard=bool(table.prefix)):
        raise ConfigError(f"{prefix!r} is not the beginning of an image's name", path=str(path))
    if table.location and not is_place(table.location):
        raise ConfigError(f"the location {table.location!r} is not a registry, perhaps with a path", path=str(path))
    rule = Rule(
        prefix=prefix.rstrip("/"),
        location=table.location.rstrip("/") or None,
        insecure=table.insecure,
        blocked=table.blocked,
        source=str(path),
    )
    return replace(rule, mirrors=tuple(_mirror(mirror, table, path) for mirror in table.mirror))


def _mirror(mirror: _MirrorTable, table: _RegistryTable, path: Path) -> Mirror:
    if not is_place(mirror.location):
        raise ConfigError(f"the mirror {mirror.location!r} is not a registry, perhaps with a path", path=str(path))
    if table.mirror_by_digest_only and mirror.pull_from_mirror:
        raise ConfigError(
            f"the mirror {mirror.location} has pull-from-mirror beside mirror-by-digest-only",
            path=str(path),
            hint="keep one of them",
        )
    pulls: Pulls = "digest-only" if table.mirror_by_digest_only else mirror.pull_from_mirror or "all"
    return Mirror(location=mirror.location.rstrip("/"), insecure=mirror.insecure, pulls=pulls)
