"""The keys of a stage's steps, each worked out from the one before it; nothing is built for that."""

import threading
from collections.abc import Callable
from typing import Protocol, TypeAlias

from smidgen.dockerfile.execute.gathered import Sources
from smidgen.dockerfile.execute.keys import key
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.mounts import BindMount, CacheMount, SecretMount
from smidgen.dockerfile.origins import MainContext, NamedContext, Origin
from smidgen.dockerfile.steps import ConfigStep, CopyStep, RunStep, Step, StepMount, WorkdirStep

Work: TypeAlias = RunStep | CopyStep | WorkdirStep


class Known(Protocol):
    """What keys are made from beside the steps."""

    options: ExecuteOptions

    def origin_key(self, origin: Origin, source: str | None = None) -> str:
        """Name the files of *origin*, or those of them at *source*, without building anything."""
        ...

    def sources_key(self, sources: Sources, *, with_owners: bool) -> str:
        """Name what a COPY or ADD takes by its content."""
        ...


class StepKeys:
    """Keys by the number of the step; asked for by several threads."""

    def __init__(
        self,
        known: Known,
        steps: tuple[Work, ...],
        base: Callable[[], str],
        gather: Callable[[int], Sources],
        platform: str,
    ) -> None:
        self._known = known
        self._steps = steps
        self._base = base
        self._gather = gather
        self._platform = platform
        self._keys: list[str] = []
        self._lock = threading.RLock()

    @property
    def last(self) -> str:
        """The key of what comes out of the stage."""
        return self.of(len(self._steps) - 1)

    def of(self, at: int) -> str:
        """Give the key of the step *at*; -1 is the base."""
        with self._lock:
            while len(self._keys) <= at:
                number = len(self._keys)
                self._keys.append(self._step(self._steps[number], number))
            return self._keys[at] if at >= 0 else self._base()

    def by_content(self, at: int, sources: Sources) -> str:
        """Give the key of the COPY *at* when the files that it takes from a stage are there."""
        step = self._steps[at]
        assert isinstance(step, CopyStep)  # noqa: S101
        return key(self._parent(at), _copy_parts(step), "files", self._known.sources_key(sources, with_owners=True))

    def _parent(self, at: int) -> str:
        step = self._steps[at]
        return "" if isinstance(step, CopyStep) and step.link and not step.chown else self.of(at - 1)

    def _step(self, step: Work, at: int) -> str:
        parent = self._parent(at)
        match step:
            case RunStep():
                return key(parent, "RUN", self._run_parts(step), self._platform)
            case CopyStep():
                return key(parent, _copy_parts(step), self._files(step, at))
            case WorkdirStep():
                return key(parent, "WORKDIR", step.path, step.user)

    def _files(self, step: CopyStep, at: int) -> str:
        if is_context(step.origin) or not step.sources:
            return self._known.sources_key(self._gather(at), with_owners=False)
        return key(
            self._known.origin_key(step.origin),
            tuple(repr(source) for source in step.sources),
            tuple((one.name, one.text) for one in step.documents),
        )

    def _run_parts(self, step: RunStep) -> tuple[object, ...]:
        options = self._known.options
        network = step.network if step.network != "default" else options.network
        mounts = tuple(self._mount_parts(one) for one in step.mounts)
        command = (step.arguments, step.environment, step.user, step.directory)
        return (*command, network, step.security, options.hosts, mounts, step.script)

    def _mount_parts(self, each: StepMount) -> tuple[object, ...]:
        mount = each.mount
        source = ""
        is_filled = isinstance(mount, BindMount) or (isinstance(mount, CacheMount) and mount.from_)
        if is_filled and isinstance(mount, BindMount | CacheMount) and each.origin is not None:
            source = self._known.origin_key(each.origin, mount.source)
        elif isinstance(mount, SecretMount):
            # Whether it is there changes what the command does; what it says must not leave a trace.
            source = "given" if mount.id in self._known.options.secrets else "not given"
        return (repr(mount), source)


def is_context(origin: Origin) -> bool:
    """Tell whether files come from a directory of this machine."""
    return isinstance(origin, MainContext | NamedContext)


def is_work(step: Step) -> bool:
    """Tell whether a step may make a layer."""
    return not isinstance(step, ConfigStep)


def _copy_parts(step: CopyStep) -> tuple[object, ...]:
    what = "ADD" if step.is_add else "COPY"
    how = (step.link, step.parents, step.exclude, step.checksum, step.keep_git_dir, step.unpack)
    return (what, step.destination, step.chown, step.chmod, how)
