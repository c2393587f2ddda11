"""A plan being carried out: stages side by side, and what they share."""

import contextlib
import functools
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smidgen.dockerfile.execute.bases import Bases
from smidgen.dockerfile.execute.contexts import Contexts, excluding
from smidgen.dockerfile.execute.digests import Digests
from smidgen.dockerfile.execute.gathered import FetchedFile, Sources
from smidgen.dockerfile.execute.keys import content_key, key
from smidgen.dockerfile.execute.layers import Chain, Format, Layers, chain_name, name_of
from smidgen.dockerfile.execute.located import located
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.records import Records
from smidgen.dockerfile.execute.report import Watcher
from smidgen.dockerfile.execute.sources import Match, Tree
from smidgen.dockerfile.execute.stage import StageRun
from smidgen.dockerfile.origins import ImageOrigin, MainContext, NamedContext, Origin, ScratchOrigin, StageOrigin
from smidgen.dockerfile.plan import Plan, PlannedStage
from smidgen.dockerfile.resolve import resolve_stage
from smidgen.dockerfile.sources import GitSource, UrlSource
from smidgen.dockerfile.state import StageState, state_of_image, state_of_stage
from smidgen.dockerfile.steps import CopyStep, StepMount
from smidgen.errors import SmidgenError
from smidgen.layer.merged import OPAQUE, USER_OPAQUE
from smidgen.layer.packed import Layer
from smidgen.layer.snapshot import Times
from smidgen.sandbox.stop import Stop, Stopped
from smidgen.store.content import ContentStore
from smidgen.store.snapshots import Snapshots, own_domain

if TYPE_CHECKING:
    from smidgen.dockerfile.cache.imports import Imports
    from smidgen.dockerfile.execute.cache_mounts import CacheMounts
    from smidgen.dockerfile.execute.run import Kitchen

_ONE_ID: Final = (
    "all files belong to one user while commands run, as there are no subordinate ids here "
    "(/etc/subuid, /etc/subgid, newuidmap): chown and other users will not work"
)


class Builder:
    """What the stages of one build share; used by several threads.

    Attributes:
        plan: What is built.
        options: What the user says.
        watcher: Is told.
        layers: Outcomes.
        records: Of earlier builds.
        stop: Ends everything.
        keeps_owners: Files can belong to any user.
        imports: Caches of other machines, or None.
        created: Seconds since 1970, for what is made.
        is_remote: Files came from addresses, which may give others the next time.
    """

    def __init__(
        self,
        plan: Plan,
        store: ContentStore,
        options: ExecuteOptions,
        watcher: Watcher,
        imports: "Imports | None" = None,
    ) -> None:
        self.plan = plan
        self.options = options
        self.watcher = watcher
        self.created = plan.source_date_epoch or 0
        self.is_remote = False
        self.imports = imports
        self._store = store
        self.stop = Stop()
        self.records = Records(store.root)
        domain = own_domain()
        self._user_xattr = domain.name != "root"
        self._snapshots = Snapshots(store.root, domain.name)
        self._snapshots.sweep()
        self.keeps_owners = domain.has_many_ids
        if not self.keeps_owners:
            watcher.warn(_ONE_ID)
        times = Times(keep=options.keep_times, fixed=self.created)
        self.layers = Layers(
            store,
            self._snapshots,
            Format(compression=options.compression, times=times),
            user_xattr=self._user_xattr,
            keeps_owners=self.keeps_owners,
            imports=imports,
        )
        self.contexts = Contexts(plan, options)
        self._bases = Bases(store, self.layers, options, watcher)
        self._context_digests = Digests(_digests_file(store, options))
        self._digests = Digests(None)
        self._stages: dict[int, StageRun] = {}
        self._copies: dict[Origin, Path] = {}
        self._drafts = contextlib.ExitStack()
        self._lock = threading.RLock()
        self._error: BaseException | None = None
        self._exported = frozenset(_with_bases(plan, plan.target))

    @functools.cached_property
    def kitchen(self) -> "Kitchen":
        """What all commands have in common; made for the first one."""
        from smidgen.dockerfile.execute.run import Kitchen
        from smidgen.sandbox.identity import find_identity

        return Kitchen(
            layers=self.layers,
            identity=find_identity(),
            options=self.options,
            caches=self.cache_mounts,
            directories=self._directories,
            stop=self.stop,
            user_xattr=self._user_xattr,
            opaque=USER_OPAQUE if self._user_xattr else OPAQUE,
            keeps_owners=self.keeps_owners,
        )

    @functools.cached_property
    def cache_mounts(self) -> "CacheMounts":
        """The directories that commands keep."""
        from smidgen.dockerfile.execute.cache_mounts import CacheMounts

        if self.imports is None:
            return CacheMounts(self._snapshots, self.stop)
        from smidgen.dockerfile.cache.mounts import Restores

        restores = Restores(self.imports, self._store, self.keeps_owners, self.watcher.warn)
        return CacheMounts(self._snapshots, self.stop, restore=restores)

    # The whole

    def run(self) -> tuple[StageRun, Chain]:
        """Build the target; give it and its layers.

        Raises:
            SmidgenError: The first that went wrong.
        """
        target = self.stage(self.plan.target.index)
        chain = target.peek()
        if chain is not None:
            self._tell_cached()
            return target, chain
        try:
            return target, target.start().result()
        except BaseException as error:
            self.stop.set()
            if self._error is None or self._error is error or not isinstance(error, Stopped | SmidgenError):
                raise
            # Other stages were ended because of the first one that failed.
            raise self._error from None

    def _tell_cached(self) -> None:
        for index in sorted(self._exported):
            self.stage(index).tell_cached()

    def packed(self, chain: Chain) -> list[Layer]:
        """Pack what is not packed yet of *chain*, which is the target's.

        Raises:
            StoreError: The disk is full, or the like.
        """
        steps = [step for index in sorted(self._exported) for step in self.stage(index).steps]
        base, found = len(chain) - len(steps), []
        for at in range(len(chain)):
            pack = functools.partial(self.layers.packed, chain[: at + 1])
            found.append(pack() if at < base else located(steps[at - base], pack))
        return found

    def close(self) -> None:
        """Wait for what still goes on, and let go of everything."""
        for stage in list(self._stages.values()):
            stage.join()
        self._drafts.close()
        self.layers.close()
        self.stop.close()

    def save(self, chain: Chain) -> None:
        """Remember what the next build can use; *chain* is the target's."""
        self._context_digests.save()
        for index in self._exported:
            stage = self.stage(index)
            count = len(stage.peek() or ())
            if count:
                stage.save_layers(chain[:count])
        for index, stage in list(self._stages.items()):
            if index not in self._exported and stage.is_built:
                stage.save_layers(stage.peek() or ())

    def fail(self, error: BaseException) -> None:
        """Note what went wrong first, and end everything else."""
        with self._lock:
            if self._error is None and not isinstance(error, Stopped):
                self._error = error
        self.stop.set()

    def check_stop(self) -> None:
        """Leave off when something has gone wrong elsewhere.

        Raises:
            Stopped: It has.
        """
        if self.stop.is_set:
            raise Stopped

    def new_name(self) -> str:
        """Give a name that nothing else has."""
        return os.urandom(16).hex()

    # Stages

    def stage(self, index: int) -> StageRun:
        """Give a stage of the Dockerfile, also one that only ONBUILD of a base asks for."""
        with self._lock:
            if index not in self._stages:
                planned = self.plan.all_stages[index]
                resolved = resolve_stage(self.plan, planned, self._begin(planned))
                for doubt in resolved.warnings:
                    self.watcher.warn(str(doubt))
                self._stages[index] = StageRun(self, planned, resolved)
            return self._stages[index]

    def _begin(self, planned: PlannedStage) -> StageState:
        base = self.contexts.image_of(planned.base)
        platform = planned.platform or self.plan.options.target_platform
        if isinstance(base, StageOrigin):
            return state_of_stage(self.stage(base.index).resolved.state)
        if isinstance(base, ImageOrigin):
            try:
                found = self._bases.get(base)
            except SmidgenError as error:
                raise planned.stage.from_.location.fault(
                    f"no image for {planned.base_name}: {error.message}",
                    at=planned.stage.from_.base,
                    hint=error.hint or "`smidgen images` lists those of the store",
                ) from error
            return state_of_image(found.config, found.config.platform)
        if isinstance(base, ScratchOrigin):
            return state_of_image(None, platform)
        raise planned.stage.from_.location.fault(
            f"{planned.base_name!r} is a directory, and a stage begins with an image",
            at=planned.stage.from_.base,
            hint="begin FROM scratch, and COPY --from the directory",
        )

    def is_exported(self, index: int) -> bool:
        """Tell whether the layers of a stage are the image's."""
        return index in self._exported

    def start_all(self, origins: Iterable[Origin]) -> None:
        """Begin to build the stages among *origins*."""
        for origin in origins:
            if isinstance(origin, StageOrigin):
                stage = self.stage(origin.index)
                if stage.peek() is None:
                    stage.start()

    def still_gives(self, index: int, name: str) -> bool:
        """Tell whether a stage still comes to *name*; what is lost is taken to."""
        stage = self.stage(index)
        if stage.is_forced and not stage.is_built:
            return False
        chain = stage.peek()
        return chain is None or name_of(chain) == name or chain_name(self.layers, chain) == name

    def all_begun(self) -> list[StageRun]:
        """Give the stages that this build had to do with."""
        return [self._stages[index] for index in sorted(self._stages)]

    # Origins

    def peek(self, origin: Origin) -> Chain | None:
        """Give the layers of *origin* if nothing need be built for that."""
        origin = self.contexts.image_of(origin)
        if isinstance(origin, StageOrigin):
            return self.stage(origin.index).peek()
        if isinstance(origin, ImageOrigin):
            return self._bases.get(origin).chain
        return ()

    def chain(self, origin: Origin) -> Chain:
        """Give the layers of *origin*, built if need be."""
        found = self.peek(origin)
        if found is None:
            assert isinstance(origin, StageOrigin)  # noqa: S101
            return self.stage(origin.index).start().result()
        return found

    def origin_key(self, origin: Origin, source: str | None = None) -> str:
        """Name the files of *origin*, or those of a context at *source*, without building anything."""
        origin = self.contexts.image_of(origin)
        if isinstance(origin, StageOrigin):
            return self.stage(origin.index).keys.last
        if isinstance(origin, ImageOrigin):
            base = self._bases.get(origin)
            facts = (str(base.config.platform), base.config.run, self.keeps_owners)
            return key("image", name_of(base.chain), facts)
        if isinstance(origin, ScratchOrigin):
            return key("scratch", self.keeps_owners)
        matches = self.tree(origin).match(source or "/")
        return key("files", content_key(matches, self._context_digests.of, with_owners=False))

    def sources_key(self, sources: Sources, *, with_owners: bool) -> str:
        """Name what a COPY or ADD takes by its content."""
        digest = self._digests.of if with_owners else self._context_digests.of
        files = content_key(sources.matches, digest, with_owners=with_owners)
        fetched = tuple((name, one.digest, one.mtime) for name, one in sources.fetched)
        return key(files, fetched, tuple((one.name, one.text) for one in sources.documents))

    def tree(self, origin: Origin) -> Tree:
        """Give the files of *origin*, which is built if need be."""
        origin = self.contexts.image_of(origin)
        if isinstance(origin, MainContext | NamedContext):
            return self.contexts.tree(origin)
        return Tree(self.layers.view(self.chain(origin)), hint="sources are paths in the other stage or image")

    def without(self, tree: Tree, patterns: tuple[str, ...]) -> Tree:
        """Give *tree* without what ``--exclude`` names."""
        return excluding(tree, patterns)

    def fetch(self, source: UrlSource, checksum: str) -> FetchedFile:
        """Get what an address names."""
        from smidgen.dockerfile.execute.fetch import fetch  # few Dockerfiles need it

        self.is_remote = True

        return fetch(source.url, checksum=checksum, directory=self.records.root / "cache" / "fetched")

    def clone(self, source: GitSource, step: CopyStep) -> Match:
        """Get a repository."""
        from smidgen.dockerfile.execute.clone import clone, directory_of  # few Dockerfiles need it

        self.is_remote = True
        agent = self.options.agents.get("default")
        directory = self.fresh_directory()
        tree = clone(source, directory, checksum=step.checksum, keep_git_dir=step.keep_git_dir, agent=agent)
        return directory_of(excluding(tree, step.exclude) if step.exclude else tree, source)

    def fresh_directory(self) -> Path:
        """Give an empty directory that is there until the build ends."""
        with self._lock:
            return self._drafts.enter_context(self.layers.snapshots.draft()).content

    def _visible(self, origin: MainContext | NamedContext) -> Path:
        """Give a directory with what can be seen of a context: itself where no rules hide anything."""
        if not self.contexts.has_rules(origin):
            return self.contexts.directory(origin)
        from smidgen.dockerfile.execute.placing import copy_tree

        with self._lock:
            if origin not in self._copies:
                directory = self.fresh_directory()
                copy_tree(self.tree(origin), "/", directory)
                self._copies[origin] = directory
            return self._copies[origin]

    def _directories(self, mount: StepMount) -> list[Path]:
        assert mount.origin is not None  # noqa: S101
        origin = self.contexts.image_of(mount.origin)
        if isinstance(origin, MainContext | NamedContext):
            return [self._visible(origin)]
        return self.layers.directories(self.chain(origin))


def _digests_file(store: ContentStore, options: ExecuteOptions) -> Path | None:
    if options.context is None:
        return None
    return store.root / "cache" / "contexts" / key(str(options.context.resolve()))


def _with_bases(plan: Plan, planned: PlannedStage) -> Iterable[int]:
    """Give the stages that *planned* stands on, and itself."""
    while True:
        yield planned.index
        if not isinstance(planned.base, StageOrigin):
            return
        planned = plan.all_stages[planned.base.index]
