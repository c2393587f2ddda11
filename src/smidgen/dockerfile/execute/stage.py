"""One stage: its steps found done, or done one after the other."""

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from smidgen.dockerfile.execute.gathered import Sources, gather
from smidgen.dockerfile.execute.layers import Chain, Result, chain_name, name_of
from smidgen.dockerfile.execute.located import located
from smidgen.dockerfile.execute.promise import Promise
from smidgen.dockerfile.execute.records import Record
from smidgen.dockerfile.execute.report import StepName
from smidgen.dockerfile.execute.step_keys import StepKeys, Work, is_context
from smidgen.dockerfile.origins import Origin, StageOrigin
from smidgen.dockerfile.plan import PlannedStage
from smidgen.dockerfile.resolve import ResolvedStage
from smidgen.dockerfile.sources import LocalSource
from smidgen.dockerfile.steps import CopyStep, RunStep, WorkdirStep
from smidgen.errors import StepFailed, StepTimeout
from smidgen.layer.merged import Merged

if TYPE_CHECKING:
    from smidgen.dockerfile.execute.builder import Builder
    from smidgen.dockerfile.execute.output_tail import OutputTail


class StageRun:
    """A stage; its methods may be called from several threads.

    Attributes:
        planned: As it was planned.
        resolved: Its steps.
        keys: Their keys.
    """

    def __init__(self, builder: "Builder", planned: PlannedStage, resolved: ResolvedStage) -> None:
        self.planned = planned
        self.resolved = resolved
        self._builder = builder
        self._steps: tuple[Work, ...] = tuple(
            step for step in resolved.work if isinstance(step, RunStep | CopyStep | WorkdirStep)
        )
        self.keys = StepKeys(
            builder,
            self._steps,
            lambda: builder.origin_key(planned.base),
            self._gather,
            str(resolved.state.platform),
        )
        self._sources: dict[int, Sources] = {}
        self._records: dict[int, list[tuple[str, Record]]] = {}
        self._lock = threading.RLock()
        self._future: Promise[Chain] | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_forced(self) -> bool:
        """Whether its steps are done again in any case."""
        options = self._builder.options
        return not options.use_cache or self.planned.name in options.no_cache_stages

    @property
    def is_built(self) -> bool:
        """Whether this build has built it."""
        return self._future is not None and self._future.is_kept

    def join(self) -> None:
        """Wait until nothing of it goes on."""
        if self._thread is not None:
            self._thread.join()

    def tell_cached(self) -> None:
        """Tell that all its steps need not be done."""
        for at in range(len(self._steps)):
            self._builder.watcher.cached(self._name(at))

    # What is there already

    def peek(self) -> Chain | None:
        """Give what it came to, if it is built, or if all of it was done by earlier builds; else None."""
        if self._future is not None and self.is_built:
            return self._future.result()
        base = self._builder.peek(self.planned.base)
        if base is None:
            return None
        found, at = self._known(base)
        return found if at == len(self._steps) else None

    def _known(self, base: Chain) -> tuple[Chain, int]:
        """Give what earlier builds did on *base*, and how many steps that is."""
        found = self._walk(base, imported_first=False)
        if self._builder.imports is not None and found[1] < len(self._steps):
            # What a cache has stands on what that cache has, and may go further than what was done here.
            other = self._walk(base, imported_first=True)
            found = other if other[1] > found[1] else self._walk(base, imported_first=False)
        return found

    def _walk(self, base: Chain, *, imported_first: bool) -> tuple[Chain, int]:
        chain = base
        for at in range(len(self._steps)):
            found = None
            if not self.is_forced:
                found = self._recorded(at, self._key(at), chain, imported_first=imported_first)
            if found is None:
                return chain, at
            chain = (*chain, found)
        return chain, len(self._steps)

    def known(self) -> tuple[Chain, int]:
        """Give its layers as far as they are known by now, and how many of its steps that is."""
        if self.is_built:
            return self.peek() or (), len(self._steps)
        base = self._builder.peek(self.planned.base)
        return ((), 0) if base is None else self._known(base)

    def outcome(self, at: int) -> tuple[str, Record] | None:
        """Give the key and the record of a step that is known."""
        key = self._key(at)
        return next(((key, record) for found, record in self._records.get(at, ()) if found == key), None)

    @property
    def steps(self) -> tuple[Work, ...]:
        """The steps that may make layers."""
        return self._steps

    def _key(self, at: int) -> str:
        return located(self._steps[at], lambda: self.keys.of(at))

    def _recorded(self, at: int, key: str, chain: Chain, *, imported_first: bool = False) -> Result | None:
        """Give the outcome of the step *at*, done on *chain* before, if it is still there."""
        local, imported = self._own_record(at, key, chain), self._imported(at, key, chain)
        for found in (*imported, *local) if imported_first else (*local, *imported):
            return found
        return None

    def _own_record(self, at: int, key: str, chain: Chain) -> Iterator[Result]:
        record = self._builder.records.get(key)
        if record is None or (record.parent != name_of(chain) and not _is_alone(self._steps[at])):
            return
        if not self._stages_of(at).issuperset(record.sources):
            return  # it is of another Dockerfile, where the same files were of a stage
        for stage, name in record.sources.items():
            if not self._builder.still_gives(int(stage), name):
                return
        result = Result(record.name, frozenset(record.stubs))
        layers = self._builder.layers
        if (stored := record.layers.get(layers.format.name)) is not None:
            layers.know_layer(result, stored.layer)
        if layers.is_there(result):
            self._records[at] = [(key, record)]
            yield result

    def _stages_of(self, at: int) -> set[str]:
        """Give the numbers of the stages that a step takes files from, as records have them."""
        return {str(origin.index) for origin in _origins(self._steps[at]) if isinstance(origin, StageOrigin)}

    def _imported(self, at: int, key: str, chain: Chain) -> Iterator[Result]:
        """Find the outcome of the step *at* in a cache of another machine, which may say anything."""
        builder, step = self._builder, self._steps[at]
        if builder.imports is None:
            return
        origins = self._stages_of(at)
        names = {name_of(chain), chain_name(builder.layers, chain)}
        for cached in builder.imports.steps(key):
            sources = cached.sources if cached.key == key else {}
            if (cached.parent not in names and not _is_alone(step)) or not origins.issuperset(sources):
                continue
            if all(builder.still_gives(int(stage), name) for stage, name in sources.items()):
                result = Result(cached.name)
                builder.layers.know_elsewhere(result, cached.layer, cached.format)
                parent = name_of(chain)
                record = Record(name=cached.name, parent=parent, sources=sources, content=cached.content)
                self._records[at] = [(key, record)]
                yield result

    # Building

    def start(self) -> Promise[Chain]:
        """Build it in a thread of its own, unless that was begun before."""
        with self._lock:
            if self._future is None:
                self._future = Promise()
                self._thread = threading.Thread(target=self._build, args=(self._future,), name=self.planned.name)
                self._thread.start()
            return self._future

    def _build(self, future: Promise[Chain]) -> None:
        try:
            chain = self._done()
        except BaseException as error:  # noqa: BLE001 (it is raised again where the outcome is waited for)
            self._builder.fail(error)
            future.breach(error)
        else:
            future.keep(chain)

    def _done(self) -> Chain:
        chain, at = self._known(self._builder.chain(self.planned.base))
        for number in range(at):
            self._builder.watcher.cached(self._name(number))
        self._builder.start_all(origin for step in self._steps[at:] for origin in _origins(step))
        for number in range(at, len(self._steps)):
            self._builder.check_stop()
            chain = (*chain, self._step(number, chain))
            if self._builder.is_exported(self.planned.index):
                self._builder.layers.start_packing(chain)
        return chain

    def save_layers(self, chain: Chain) -> None:
        """Remember the packed layers of its steps; *chain* is all that it came to."""
        layers = self._builder.layers
        for at, records in self._records.items():
            layer = layers.layer_of(chain[len(chain) - len(self._steps) + at])
            for key, record in records:
                if layer is not None and layers.format.name not in record.layers:
                    self._builder.records.put(key, record.with_layer(layers.format.name, layer))

    def _step(self, at: int, chain: Chain) -> Result:
        step, key, name = self._steps[at], self._key(at), self._name(at)
        found = None if self.is_forced else self._recorded(at, key, chain)
        if found is not None:
            self._builder.watcher.cached(name)
            return found
        # Waiting for other stages is not this step's time.
        sources = {str(o.index): name_of(self._builder.chain(o)) for o in _origins(step) if isinstance(o, StageOrigin)}
        record = Record(name=self._builder.new_name(), parent=name_of(chain), sources=sources)
        if isinstance(step, CopyStep) and not is_context(step.origin) and step.sources and not self.is_forced:
            by_content = located(step, lambda: self.keys.by_content(at, self._gather(at)))
            found = self._recorded(at, by_content, chain)
            if found is not None:
                _, old = self._records[at][0]
                same = msgspec.structs.replace(old, parent=name_of(chain), sources=sources)
                self._remember(at, key, same)
                self._builder.watcher.cached(name)
                return found
            record = msgspec.structs.replace(record, content=by_content)
            self._remember(at, by_content, msgspec.structs.replace(record, sources={}))
        self._builder.watcher.started(name)
        started = time.monotonic()
        result = self._do(at, chain, record.name)
        self._remember(at, key, msgspec.structs.replace(record, stubs=tuple(sorted(result.stubs))))
        self._builder.watcher.finished(name, time.monotonic() - started)
        return result

    def _remember(self, at: int, key: str, record: Record) -> None:
        self._builder.records.put(key, record)
        self._records.setdefault(at, []).append((key, record))

    def _do(self, at: int, chain: Chain, name: str) -> Result:
        step = self._steps[at]
        if isinstance(step, RunStep):
            return self._run(step, at, chain, name)
        from smidgen.dockerfile.execute.copy import Surroundings, copied, made  # cached steps do without

        result, created = Result(name), self._builder.created
        view = Merged(()) if _is_alone(step) else self._builder.layers.view(chain)
        if isinstance(step, CopyStep):
            sources = self._gather(at)
            where = Surroundings(
                from_context=is_context(step.origin), created=created, fresh=self._builder.fresh_directory
            )
            entries = located(step, lambda: copied(step, sources, view, where))
        else:
            entries = located(step, lambda: made(step, view, created=created))
        self._builder.layers.know_entries(result, entries)
        return result

    def _run(self, step: RunStep, at: int, chain: Chain, name: str) -> Result:
        from smidgen.dockerfile.execute.output_tail import OutputTail  # cached steps do without
        from smidgen.dockerfile.execute.run import run

        builder, shown = self._builder, self._name(at)
        if step.security == "insecure":
            raise step.location.fault(
                "RUN --security=insecure is not supported: commands never get the machine's rights",
                at="--security",
                hint="leave it out, or run that command outside of the build",
            )
        tail = OutputTail(lambda line: builder.watcher.wrote(shown, line), builder.options.secrets.values())
        try:
            with builder.kitchen.turns.turn(builder.stop):
                result, code = located(step, lambda: run(builder.kitchen, step, chain, name, tail.take))
        except StepTimeout as error:
            tail.finish()
            raise self._failed(step, f"it took more than {error.seconds:g} seconds", 124, tail, error.hint) from error
        tail.finish()
        if code:
            raise self._failed(step, f"exit code {code}", code, tail, _HINTS.get(code))
        return result

    def _failed(self, step: RunStep, why: str, code: int, tail: "OutputTail", hint: str | None) -> StepFailed:
        fault = step.location.fault(f"the command failed: {why}")
        output = tail.text
        text = f"{fault.message}\nthe end of what it wrote:\n{output}" if output else fault.message
        return StepFailed(text, status=code, output=output, hint=hint)

    # Details

    def _gather(self, at: int) -> Sources:
        """Find what a COPY or ADD takes; where that is another stage, it is built by now."""
        step = self._steps[at]
        assert isinstance(step, CopyStep)  # noqa: S101
        with self._lock:
            if at not in self._sources:
                local = any(isinstance(source, LocalSource) for source in step.sources)
                tree = self._builder.tree(step.origin) if local else None
                if tree is not None and step.exclude:
                    tree = self._builder.without(tree, step.exclude)
                self._sources[at] = located(step, lambda: gather(step, tree, self._builder.fetch, self._builder.clone))
            return self._sources[at]

    def _name(self, at: int) -> StepName:
        titles = [step.title for step in self.resolved.steps]
        number = next(i for i, step in enumerate(self.resolved.steps) if step is self._steps[at])
        return StepName(self.planned.name, number + 2, len(titles) + 1, titles[number])


_HINTS = {
    126: "the program is there and cannot be executed: is it for this machine, and is its mode right?",
    127: "a program was not found: install it in an earlier RUN, or choose a base that has it",
    137: "it was killed, most likely as there was no memory left",
}


def _is_alone(step: Work) -> bool:
    """Tell whether a step does not look at what is below it."""
    return isinstance(step, CopyStep) and step.link and not step.chown


def _origins(step: Work) -> tuple[Origin, ...]:
    """Give where a step gets files from."""
    if isinstance(step, CopyStep):
        return (step.origin,) if step.sources else ()
    if isinstance(step, RunStep):
        return tuple(mount.origin for mount in step.mounts if mount.origin is not None)
    return ()
