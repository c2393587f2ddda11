"""The caches of one build: taken from while it goes on, written when it is done."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from smidgen.dockerfile.cache.collect import collect_steps
from smidgen.dockerfile.cache.export import Collected, Exports
from smidgen.dockerfile.cache.imports import CacheLost, Imports
from smidgen.dockerfile.cache.mounts import collect_mounts
from smidgen.dockerfile.cache.places import Registries
from smidgen.errors import SmidgenError
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.dockerfile.execute.builder import Builder
    from smidgen.dockerfile.execute.options import ExecuteOptions
    from smidgen.dockerfile.execute.report import Watcher

_Built = TypeVar("_Built")


class CacheSession:
    """What ``--cache-from`` and ``--cache-to`` ask for; ``close`` it in the end."""

    def __init__(self, options: "ExecuteOptions", store: ContentStore, watcher: "Watcher") -> None:
        self._options = options
        self._store = store
        self._watcher = watcher
        self._registries = Registries(watcher.warn)
        self._collected = Collected()
        self._imports: Imports | None = None
        if options.cache_from:
            self._imports = Imports(options.cache_from, store, self._registries, watcher.warn)

    def close(self) -> None:
        """Let go of the connections."""
        self._registries.close()

    def build(self, build: Callable[[Imports | None], _Built]) -> _Built:
        """Do *build*, and again without it when a cache turns out not to have what it promised."""
        for _ in range(len(self._options.cache_from) + 1):
            try:
                return build(self._imports)
            except CacheLost:
                continue  # a warning has said which; what was done so far is found again
        return build(None)

    def collect(self, builder: "Builder") -> None:
        """Take from a build that is done, and not closed yet, what is to be written."""
        wanted = [to for to in self._options.cache_to if to.place is not None]
        try:
            for mode in {to.mode for to in wanted}:
                steps = collect_steps(builder, all_stages=mode == "max")
                self._collected.steps[mode] = (*self._collected.steps.get(mode, ()), *steps)
            if any(to.mounts for to in wanted):
                self._collected.mounts.update(collect_mounts(builder, self._store))
        except SmidgenError as error:
            self._watcher.warn(f"the cache is not whole: {error.message}")

    def write(self) -> None:
        """Write what was collected to where it was asked for."""
        exports = Exports(self._store, self._registries, self._imports, self._watcher.warn)
        exports.write(self._collected, self._options.cache_to)
