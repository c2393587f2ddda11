"""Flows carried out in this process, on an image of busybox."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from smidgen.flow.options import FlowOptions
from smidgen.flow.parse import parse_flow
from smidgen.flow.run import DoneStep, run_flow
from smidgen.image.image import Image
from support.dockerfile_bench import Bench, Log, Made


@dataclass(frozen=True)
class RunFlow:
    """What a flow gave."""

    steps: tuple[DoneStep, ...]
    log: Log

    def step(self, label: str) -> DoneStep:
        return next(one for one in self.steps if one.step.label == label)

    def made(self, label: str) -> Made:
        return Made(self.step(label).image, self.log)


@dataclass(frozen=True)
class FlowBench:
    """A working directory, and a store with the image ``busybox``."""

    bench: Bench
    log: Log = field(default_factory=Log)

    @property
    def directory(self) -> Path:
        return self.bench.context

    @property
    def names(self) -> list[str]:
        """The names in the store."""
        return [reference.familiar for reference in self.bench.store.tags()]

    def image(self, name: str) -> Image:
        return Image.resolve(self.bench.store, name)

    def write(self, files: Mapping[str, str]) -> None:
        self.bench.write(files)

    def run(
        self,
        steps: str,
        *,
        version: str = "2016-03-14",
        env: Mapping[str, str] = MappingProxyType({}),
        uid: str = "",
        **options: Any,
    ) -> RunFlow:
        """Carry out the flow whose steps are *steps*, the text below ``steps:``."""
        indented = "".join(f"    {line}\n" for line in steps.strip("\n").splitlines())
        text = f"build:\n  version: {version}\n  steps:\n{indented}"
        flow = parse_flow(text, env, uid=uid)
        given = replace(FlowOptions(directory=self.directory, environ={"PATH": "/usr/bin:/bin"}), **options)
        log = Log()
        done = run_flow(flow, given, self.bench.store, log)
        return RunFlow(done, log)
