"""Writing the lock file: which image each base is now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET

from smidgen.config.discover import load_config
from smidgen.config.file_layer import Config
from smidgen.config.flag_layer import layer_of_ko_environment
from smidgen.config.registries import registry_hosts
from smidgen.errors import PolicyError, UsageError
from smidgen.gobuild.bases import lock_path
from smidgen.image.base_name import BaseName
from smidgen.image.base_source import BaseSource
from smidgen.image.lock_file import Pin, read_lock, write_lock
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """What is asked for.

    Attributes:
        directory: Where the command was started, absolute.
        config: The configuration file, or None to look for it.
        bases: Bases beside those of the configuration, as ``--base`` takes them.
        update: Ask what every base is now, rather than only those that are not pinned.
        only: With *update*, ask for these only.
        check: Write nothing and ask nobody; fail where the file would have to change.
        environ: The environment.
    """

    directory: Path
    config: Path | None = None
    bases: tuple[str, ...] = ()
    update: bool = False
    only: tuple[str, ...] = ()
    check: bool = False
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock file after the work.

    Attributes:
        path: Where it is.
        pins: What is in it, by reference.
        before: What each reference was pinned to.
        removed: References that were in it and are in no configuration any more.
        changed: Whether it was written.
    """

    path: Path
    pins: tuple[Pin, ...]
    before: Mapping[str, str]
    removed: tuple[str, ...]
    changed: bool


def lock_bases(request: LockRequest, store: ContentStore, *, warn: Callable[[str], None] | None = None) -> Locked:
    """Pin the bases of a configuration in the lock file beside it.

    Raises:
        UsageError: There is nothing that could name a base, or something is to be updated that is none.
        PolicyError: With *check*, the file is not what it has to be.
        RegistryError: A registry did not answer, or refused.
        StoreError: The file cannot be written.
    """
    config = load_config(request.directory, file=request.config, directory=request.directory, environ=request.environ)
    names = {str(name): name for name in _names(request, config) if name.needs_lock}
    path = lock_path(config, request.directory)
    lock = read_lock(path)
    pinned = dict(lock.pins or {})
    if config is None and not names and not pinned:
        raise UsageError(
            "there is no base to pin, and no configuration file that could name one",
            hint="write base: into smidgen.yaml, or name one with --base",
        )
    asked = _asked(request, names, pinned)
    removed = tuple(reference for reference in pinned if reference not in names)
    if request.check and (asked or removed):
        raise PolicyError(
            f"{path} is not up to date: {', '.join((*asked, *removed))}", hint="write it with `smidgen lock`"
        )
    hosts = registry_hosts(request.directory, file=request.config, environ=request.environ)
    with store.writing(), Session(environ=request.environ, hosts=hosts, warn=warn) as session:
        source = BaseSource(store=store, open_session=lambda: session)
        fresh = {reference: source.pin(names[reference]) for reference in asked}
    pins = tuple(fresh.get(reference) or pinned[reference] for reference in sorted(names))
    changed = not request.check and bool(pins or lock.pins is not None) and write_lock(path, pins)
    return Locked(path, pins, {name: pin.digest for name, pin in pinned.items()}, removed, changed)


def _names(request: LockRequest, config: Config | None) -> Iterator[BaseName]:
    for text in request.bases:
        yield BaseName.parse(text, root=request.directory)
    if config is None:
        return
    targets = config.file.targets if config.file.targets is not UNSET else []
    for options in (config.file, *targets):
        if isinstance(options.base, str):
            yield BaseName.parse(options.base, root=config.directory)
    if config.kind == "ko":
        given = layer_of_ko_environment(request.environ, directory=request.directory).texts.get("base")
        if given is not None:
            yield given.parsed(BaseName.parse)


def _asked(request: LockRequest, names: Mapping[str, BaseName], pinned: Mapping[str, Pin]) -> Sequence[str]:
    """Give the references to ask registries for."""
    only = [str(BaseName.parse(text)) for text in request.only]
    for reference in only:
        if reference not in names:
            raise UsageError(
                f"{reference} is not among the bases to pin", hint=f"they are {', '.join(sorted(names)) or 'none'}"
            )
    updated = (only or list(names)) if request.update else []
    return [reference for reference in sorted(names) if reference not in pinned or reference in updated]
