"""A whole flow: level after level, with artifacts from one to the next, and names in the end."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from smidgen.dockerfile.execute.builder import Builder
from smidgen.dockerfile.execute.report import Watcher
from smidgen.errors import SmidgenError
from smidgen.flow.artifacts import Placed, new_paths, place, remove
from smidgen.flow.bench import Bench
from smidgen.flow.build_file import Flow, FlowStep
from smidgen.flow.commands import run_here
from smidgen.flow.dockerfiles import all_needs
from smidgen.flow.levels import levels
from smidgen.flow.options import FlowOptions
from smidgen.flow.secret_server import serving
from smidgen.flow.secrets import read_secrets
from smidgen.flow.step import BuiltStep, build_step
from smidgen.image.image import Image
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore

_MOST_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneStep:
    """What became of a step.

    Attributes:
        step: Which.
        level: From 1.
        image: Of it.
        artifacts: What it gave.
        keeps_name: No other step depends on it, or all are kept: the image has its name in the end.
    """

    step: FlowStep
    level: int
    image: Image
    artifacts: tuple[Placed, ...]
    keeps_name: bool


def run_flow(flow: Flow, options: FlowOptions, store: ContentStore, watcher: Watcher) -> tuple[DoneStep, ...]:
    """Carry out *flow*; give its steps in the order of the file.

    Where something goes wrong, the names of the store's images are as they were, and so is the working directory, but
    for files that an artifact has taken the place of.

    Raises:
        ConfigError: The file says what cannot be done; shows where it stands.
        DockerfileError: An instruction cannot be done.
        StepFailed: A command failed.
        SmidgenError: Anything else.
    """
    needs = all_needs(flow, options.directory, options.build_args, options.platform)
    sorted_steps = levels(flow, needs)
    needed = {label for each in needs.values() for label in each}
    with contextlib.ExitStack() as stack:
        bench = _bench(flow, options, store, watcher, stack)
        stack.enter_context(store.writing())
        if not options.keep_artifacts:
            artifacts = [artifact for step in flow.steps for artifact in step.artifacts]
            stack.callback(remove, new_paths(artifacts, options.directory))
        passing = () if options.keep_all else tuple(step.name for step in flow.steps if step.label in needed)
        stack.enter_context(_names(store, flow, passing))
        run = _Run(bench)
        for number, level in enumerate(sorted_steps, 1):
            run.level(number, level, kept=lambda step: options.keep_all or step.label not in needed)
    return tuple(run.done[step.label] for step in flow.steps)


def _bench(
    flow: Flow, options: FlowOptions, store: ContentStore, watcher: Watcher, stack: contextlib.ExitStack
) -> Bench:
    for step in flow.steps:
        if step.after_build_command is not None and not options.after_build_commands:
            watcher.warn(f"the after_build_command of {step.label} is not run: give --after-build-commands")
    if not flow.secrets:
        return Bench(flow=flow, options=options, store=store, watcher=watcher)
    if not options.secret_providers:
        raise flow.error(
            "the flow has secrets, and nothing is to serve them",
            flow.secrets[0].mark,
            hint="give --secrets to let its commands read them",
        )
    found = read_secrets(flow, options.directory, options.environ, options.secret_providers)
    given = options.build_args
    user, password = given.get("habitus_user", ""), given.get("habitus_password", "")
    service = stack.enter_context(serving(found, port=options.port, user=user, password=password))
    return Bench(
        flow=flow,
        options=options,
        store=store,
        watcher=watcher,
        secrets={name: content for (_, name), content in found.items()},
        variables=service.variables,
    )


@contextlib.contextmanager
def _names(store: ContentStore, flow: Flow, passing: Sequence[Reference]) -> Iterator[None]:
    """Give the names *passing* back, in the end, to what had them before; all names where something went wrong."""
    tags = store.tags()
    before = {step.name: tags.get(step.name) for step in flow.steps}
    try:
        yield
    except BaseException:
        _restore(store, before)
        raise
    _restore(store, {name: before[name] for name in passing})


def _restore(store: ContentStore, tags: dict[Reference, Descriptor | None]) -> None:
    now = store.tags()
    for name, descriptor in tags.items():
        if descriptor is None:
            store.untag(name)
        elif now.get(name) != descriptor:
            store.tag(name, descriptor)


class _Run:
    """A flow being carried out."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._images: dict[str, str] = {}
        self.done: dict[str, DoneStep] = {}

    def level(self, number: int, steps: Sequence[FlowStep], *, kept: Callable[[FlowStep], bool]) -> None:
        """Build the steps of one level side by side, then take out their artifacts in the order of the file."""
        bench, directory = self._bench, self._bench.options.directory
        for built in _together(bench, steps, dict(self._images)):
            step = built.step
            image = built.image.tag(str(step.name))
            self._images[step.called] = step.name.pinned(image.digest)
            placed = tuple(place(bench.flow, artifact, built.view, directory) for artifact in step.artifacts)
            self.done[step.label] = DoneStep(
                step=step, level=number, image=image, artifacts=placed, keeps_name=kept(step)
            )
        if bench.options.after_build_commands:
            for step in steps:
                run_here(bench, step)


def _together(bench: Bench, steps: Sequence[FlowStep], images: dict[str, str]) -> list[BuiltStep]:
    """Build *steps* side by side; the first that goes wrong ends the others."""
    stops = _Stops()
    most = min(len(steps), _MOST_AT_ONCE, max(2, len(os.sched_getaffinity(0))))
    with stops, ThreadPoolExecutor(most, thread_name_prefix="flow") as pool:
        try:
            futures = [pool.submit(build_step, bench, step, images, begin=stops.add) for step in steps]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            _raise_first(done)
        except BaseException:
            stops.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _raise_first(futures: "set[Future[BuiltStep]]") -> None:
    errors = [error for future in futures if (error := future.exception()) is not None]
    for error in sorted(errors, key=lambda each: not isinstance(each, SmidgenError)):
        raise error


class _Stops(contextlib.AbstractContextManager["_Stops"]):
    """Ends builds that may be over already."""

    def __init__(self) -> None:
        self._events: list[int] = []
        self._is_set = False

    def add(self, builder: Builder) -> None:
        # A duplicate, as the builder closes its own when it is done, and the number may then be another file's.
        self._events.append(os.dup(builder.stop.fileno()))
        if self._is_set:
            builder.stop.set()

    def set(self) -> None:
        self._is_set = True
        for event in self._events:
            os.eventfd_write(event, 1)

    def __exit__(self, *_: object) -> None:
        for event in self._events:
            os.close(event)
