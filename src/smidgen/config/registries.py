"""``registries`` in ``smidgen.yaml``: mirrors, certificates and plain http, for all that is pulled and pushed."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET

from smidgen.config.discover import load_config
from smidgen.registry.host_rules import Mirror, Rule, Trust, is_place
from smidgen.registry.hosts import Hosts

if TYPE_CHECKING:
    from smidgen.config.file_layer import Config
    from smidgen.config.schema import Registry
    from smidgen.config.yaml_source import Entry


def registry_hosts(
    start: Path | None = None, *, file: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Hosts:
    """Give what ``smidgen.yaml`` and ``registries.conf`` say of registries.

    Args:
        start: Where the search for ``smidgen.yaml`` begins; without it the current directory.
        file: What ``--config`` gave.
        environ: The environment.

    Raises:
        ConfigError: A file cannot be read, or says what cannot be meant.
    """
    config = load_config(start or Path.cwd(), file=file, environ=environ)
    return Hosts.read(environ=environ, rules=registry_rules(config) if config is not None else ())


def registry_rules(config: "Config") -> tuple[Rule, ...]:
    """Give what *config* says of registries.

    Raises:
        ConfigError: A name or a mirror is no registry, or a file is not there.
    """
    from smidgen.config.yaml_source import MappingNode  # the YAML reader, where there is YAML

    section = config.document.root.find("registries")
    if config.file.registries is UNSET or section is None or not isinstance(section.value, MappingNode):
        return ()
    return tuple(_rule(config, entry, config.file.registries[entry.key]) for entry in section.value.entries)


def _rule(config: "Config", entry: "Entry", registry: "Registry | None") -> Rule:
    from smidgen.config.schema import Registry

    registry = registry or Registry()
    if not is_place(entry.key, with_wildcard=True):
        raise config.document.error(
            f"{entry.key!r} is not a registry", entry.key_mark, hint="expected HOST[:PORT][/PATH] or *.DOMAIN"
        )
    for mirror in _texts(registry.mirrors):
        if not is_place(mirror):
            raise config.document.error(
                f"the mirror {mirror!r} is not a registry",
                entry.value.mark,
                hint="expected HOST[:PORT][/PATH], without https://; what is insecure has an entry of its own",
            )
    files = {
        name: tuple(_file(config, entry, text) for text in _texts(getattr(registry, name)))
        for name in ("ca", "client_cert", "client_key")
    }
    if files["client_key"] and not files["client_cert"]:
        raise config.document.error("client_key stands without client_cert", entry.value.mark, hint="write both")
    return Rule(
        prefix=entry.key.rstrip("/"),
        insecure=registry.insecure is True,
        mirrors=tuple(Mirror(location=text.rstrip("/")) for text in _texts(registry.mirrors)),
        trust=Trust(
            ca_files=files["ca"],
            client_cert=next(iter(files["client_cert"]), None),
            client_key=next(iter(files["client_key"]), None),
        ),
        source=config.document.name,
    )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from value


def _file(config: "Config", entry: "Entry", text: str) -> Path:
    path = config.directory / text
    if not path.is_file():
        raise config.document.error(f"{text} is not there, or is no file", entry.value.mark)
    return path
