"""The bases of a build: each is looked for once, beside other work, and is whole in the store when it is needed.

Only a build with a base imports this.
"""

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from smidgen.config.search import ConfigSearch
from smidgen.config.settings import Settings
from smidgen.image.base import Base
from smidgen.image.base_name import BaseKind, BaseName
from smidgen.image.base_source import BaseSource
from smidgen.image.lock_file import LOCK_NAME, Lock, read_lock
from smidgen.needs.static_base import static_image
from smidgen.oci.media_types import INDEXES
from smidgen.oci.platform import Platform
from smidgen.registry.progress import SILENT, Progress
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.config.file_layer import Config
    from smidgen.registry.session import Session

# Seconds to wait for a search that nobody wants any more.
_PATIENCE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one program stands on.

    Attributes:
        settings: Name the base, and the platforms.
        lock: Where its lock file is, there or not.
    """

    settings: Settings
    lock: Path


def lock_path(config: "Config | None", directory: Path) -> Path:
    """Say where the lock file of a target is: beside its configuration, without one where the command was started."""
    return (directory if config is None else directory / config.path.parent) / LOCK_NAME


class Bases:
    """Bases that are being looked for. Hold ``store.writing()`` as long as they are used."""

    def __init__(
        self,
        wanted: Sequence[Wanted],
        store: ContentStore,
        *,
        configs: ConfigSearch,
        offline: bool,
        locked: bool,
        progress: Callable[[str], None],
        transfers: Progress | None = None,
    ) -> None:
        """Begin to look for the bases of all programs.

        Args:
            wanted: What each stands on.
            store: Where bases go.
            configs: Says how registries are reached.
            offline: Ask no registry.
            locked: Take no tag that the lock file does not pin.
            progress: Told what is going on.
            transfers: Told of blobs on their way.
        """
        self._store = store
        self._progress = progress
        self._configs = configs
        self._source = BaseSource(
            store=store,
            open_session=self._open_session,
            offline=offline,
            locked=locked,
            progress=transfers or SILENT,
        )
        together: dict[tuple[str, Path], dict[Platform, None]] = {}
        for one in wanted:
            if one.settings.base != BaseKind.SCRATCH:
                platforms = together.setdefault((one.settings.base, one.lock), {})
                platforms.update(dict.fromkeys(one.settings.platforms))
        self._warnings: list[str] = []
        self._keys = [(one.settings.base, one.lock) for one in wanted]
        self._searches = {
            key: _Search(functools.partial(self._found, *key, tuple(platforms))) for key, platforms in together.items()
        }

    def check(self) -> None:
        """Wait until it is known that each base is there, for every platform; not until it is fetched.

        Raises:
            SmidgenError: One is not.
        """
        for search in self._searches.values():
            search.check()

    def of(self, number: int) -> Base | None:
        """Give the base of the program of that number, from 0, whole in the store; None for scratch.

        Raises:
            SmidgenError: It could not be found or fetched.
        """
        search = self._searches.get(self._keys[number])
        return replace(search.result(), warnings=tuple(dict.fromkeys(self._warnings))) if search is not None else None

    @property
    def decided_by(self) -> tuple[str, ...] | None:
        """The files that decided which bases there are; None where a registry did, which nobody can watch."""
        files: dict[str, None] = {}
        for search in self._searches.values():
            decided_by = search.result().decided_by
            if decided_by is None:
                return None
            files.update(dict.fromkeys(decided_by))
        return tuple(files)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # What is not wanted any more ends with its connections.
            self._source.close()
        for search in self._searches.values():
            search.join(_PATIENCE if kind is not None else None)
        self._source.close()

    def _found(self, text: str, lock_file: Path, platforms: tuple[Platform, ...], is_there: threading.Event) -> Base:
        name = BaseName.parse(text)
        if name.kind is BaseKind.STATIC:
            return Base(name=str(name), image=static_image(self._store, platforms), decided_by=())
        lock = read_lock(lock_file) if name.needs_lock else Lock(lock_file, None)
        base = self._source.find(name, lock)
        if lock.pins is not None and base.decided_by is None:
            self._warnings.append(f"the base {base.name} is not in {lock_file.name}: pin it with `smidgen lock`")
        if base.image.descriptor.media_type in INDEXES:
            for platform in platforms:
                base.pick(platform)
        is_there.set()
        self._progress(f"fetching the base {base.name}")
        self._source.fetch(base, name, platforms)
        return base

    def _open_session(self) -> "Session":
        from smidgen.config.registries import registry_hosts  # for bases of registries
        from smidgen.registry.session import Session

        hosts = registry_hosts(self._configs.directory, file=self._configs.file, environ=self._configs.environ)
        return Session(environ=self._configs.environ, hosts=hosts, warn=self._warnings.append)


class _Search:
    """Work in a thread, whose outcome, good or bad, is asked for later."""

    def __init__(self, work: Callable[[threading.Event], Base]) -> None:
        self._work = work
        self._found: Base | None = None
        self._error: BaseException | None = None
        self._is_there = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def check(self) -> None:
        self._is_there.wait()
        if self._error is not None:
            raise self._error

    def result(self) -> Base:
        self.join()
        if self._found is None:
            raise self._error or AssertionError("a search ended with nothing")
        return self._found

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._found = self._work(self._is_there)
        except BaseException as error:  # noqa: BLE001 (raised where it is asked for)
            self._error = error
        finally:
            self._is_there.set()
