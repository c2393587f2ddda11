"""A flow as one Dockerfile with stages, which every builder understands.

Each step becomes a stage, artifacts become ``COPY --from``, and names of images become names of stages. What one
Dockerfile cannot say is a comment in it, or an error where leaving it out would give another image.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from smidgen.dockerfile.instruction import Add, Arg, Copy, Instruction, Onbuild, Run
from smidgen.dockerfile.location import Location
from smidgen.dockerfile.mounts import from_of
from smidgen.dockerfile.origins import NamedContext, Origin, StageOrigin
from smidgen.dockerfile.plan import BuildOptions, Plan, PlannedStage, origins_of, plan
from smidgen.errors import DockerfileError, UsageError
from smidgen.flow.build_file import Flow, FlowStep, one_line
from smidgen.flow.dockerfiles import Place, all_needs, find_place, point, read_dockerfile
from smidgen.flow.levels import levels
from smidgen.flow.one_transfer import Available, rewrite
from smidgen.oci.platform import host_platform

_NOWHERE = "flow.invalid/"


def to_dockerfile(flow: Flow, directory: Path, build_args: Mapping[str, str]) -> str:
    """Render *flow* as one Dockerfile, whose context is *directory*.

    Raises:
        ConfigError: The flow is wrong, or a step's Dockerfile is not there.
        DockerfileError: A Dockerfile is wrong, or has what one Dockerfile cannot say; shows the line.
    """
    needs = all_needs(flow, directory, build_args, host_platform())
    sorted_steps = levels(flow, needs)
    names = _stage_names(flow)
    needed = {label for each in needs.values() for label in each}
    results = (step for step in flow.steps if step.label not in needed)
    lines = [f"# Made by smidgen flow --to-dockerfile from {one_line(flow.document.path.name)}"]
    lines += [f"# docker build --target {names[step.label]} -t {step.name.familiar} ." for step in results]
    before: list[FlowStep] = []
    for level in sorted_steps:
        for step in level:
            place = find_place(flow, step, directory)
            found = {
                artifact.target: (names[other.label], artifact.source)
                for other in before
                for artifact in other.artifacts
            }
            one = _One(flow, step, build_args, names, Available(place, step.context, found))
            lines += ["", *one.lines()]
        before += level
    return "\n".join(lines) + "\n"


def _stage_names(flow: Flow) -> dict[str, str]:
    """Give each step a name that a stage can have."""
    found: dict[str, str] = {}
    for step in flow.steps:
        plain = re.sub(r"[^a-z0-9_.-]", "-", step.label.lower())
        name = plain if plain[:1].isalpha() and plain not in {"scratch", "context"} else f"step-{plain}"
        while name in found.values():
            name += "-2"
        found[step.label] = name
    return found


@dataclass(frozen=True, slots=True)
class _One:
    """One step, being rendered."""

    flow: Flow
    step: FlowStep
    build_args: Mapping[str, str]
    names: Mapping[str, str]
    available: Available

    def lines(self) -> Iterator[str]:
        """Give the lines of its stages."""
        planned, text = self._plan(self.available.place)
        yield from self._notes(planned)
        for stage in sorted(planned.stages, key=lambda each: (each is planned.target, each.index)):
            yield self._from(planned, stage)
            for instruction in stage.stage.instructions:
                written = text[instruction.location.line - 1 : instruction.location.last_line]
                yield from self._instruction(planned, stage, instruction, "\n".join(written))
        for command in self.step.cleanup:
            yield f"RUN {json.dumps(shlex.split(command.value))}"

    def _plan(self, place: Place) -> tuple[Plan, list[str]]:
        dockerfile = read_dockerfile(self.flow, self.step, place)
        if dockerfile.directives.escape != "\\":
            raise _cannot(dockerfile.stages[0].from_.location, "its escape character is not that of the others")
        called = {other.called: f"{_NOWHERE}{other.label}" for other in self.flow.steps if other is not self.step}
        pointed = point(dockerfile, called)
        host = host_platform()
        options = BuildOptions(
            build_platform=host,
            target_platform=host,
            target=self.step.target,
            build_args={**self.build_args, **self.step.args},
            contexts=pointed.contexts,
        )
        text = place.dockerfile.read_bytes().decode("utf-8", "surrogateescape")
        return plan(pointed.dockerfile, options), text.split("\n")

    def _notes(self, planned: Plan) -> Iterator[str]:
        step = self.step
        yield f"# {one_line(step.label)}: {step.name.familiar}"
        if step.no_cache:
            yield f"# no_cache: build with --no-cache-filter {self._name(planned, planned.target)}"
        for secret in step.secrets:
            where = f"src={secret.value}" if secret.provider == "file" else f"env=HABITUS_{secret.value}"
            given = one_line(f"id={secret.name},{where}")
            yield f"# secret: build with --secret {given}; read it with RUN --mount=type=secret"
        if step.cleanup:
            yield "# cleanup: its commands are at the end of the stage, and layers are not squashed"
        for key, command in (("command", step.command), ("after_build_command", step.after_build_command)):
            if command is not None:
                yield f"# {key}, which is not done here: {command.shown}"
        if self.available.context and any(self.available.place.context.glob("*.dockerignore")):
            yield f"# the ignore file of {one_line(self.available.context)} is not looked at"

    def _name(self, planned: Plan, stage: PlannedStage) -> str:
        own = self.names[self.step.label]
        if stage.index == planned.target.index:
            return own
        name = f"{own}-{stage.name}"
        while name in self.names.values():
            name += "-stage"
        return name

    def _origin(self, planned: Plan, origin: Origin) -> str | None:
        """Name the stage that *origin* is now; None where it is not one."""
        if isinstance(origin, StageOrigin):
            return self._name(planned, planned.all_stages[origin.index])
        if isinstance(origin, NamedContext):
            return next(self.names[step.label] for step in self.flow.steps if step.called == origin.name)
        return None

    def _from(self, planned: Plan, stage: PlannedStage) -> str:
        from_ = stage.stage.from_
        platform = f"--platform={from_.platform} " if from_.platform else ""
        base = self._origin(planned, stage.base) or stage.base_name
        if base.startswith(_NOWHERE):
            base = self.names[base.removeprefix(_NOWHERE)]
        return f"FROM {platform}{base} AS {self._name(planned, stage)}"

    def _instruction(self, planned: Plan, stage: PlannedStage, instruction: Instruction, written: str) -> Iterator[str]:
        match instruction:
            case Arg():
                yield self._arg(planned, instruction) or written
            case Copy(from_="") | Add():
                yield from self._transfer(instruction, written)
            case Copy() | Run():
                yield self._renamed(planned, stage, instruction, written)
            case Onbuild(trigger=Copy() | Add() | Run() | Arg()):
                raise _cannot(instruction.location, "ONBUILD would do it in stages that have another context")
            case _:
                yield written

    def _arg(self, planned: Plan, arg: Arg) -> str | None:
        """Give the values that ARG has in this step; None where it can stay as it is."""
        known = {name for each in planned.dockerfile.meta_args for name, _ in each.variables}
        words: list[str] = []
        is_changed = False
        for name, default in arg.variables:
            value = self.step.args.get(name)
            if value is None and default is None and name in known:
                value = planned.arguments.get(name)
            is_changed |= value is not None
            if value is None:
                words.append(name if default is None else f"{name}={default}")
            elif "\n" in value or "\r" in value:
                raise _cannot(arg.location, f"the value of {name} has several lines")
            else:
                words.append(f"{name}={_quoted(value)}")
        return f"ARG {' '.join(words)}" if is_changed else None

    def _transfer(self, transfer: Copy | Add, written: str) -> Iterator[str]:
        try:
            lines = rewrite(transfer, self.available)
        except UsageError as error:
            raise _cannot(transfer.location, error.message) from error
        yield from [written] if lines is None else lines

    def _renamed(self, planned: Plan, stage: PlannedStage, instruction: Copy | Run, written: str) -> str:
        """Have ``from`` of COPY and of mounts name the stages of the new Dockerfile."""
        named = [instruction.from_] if isinstance(instruction, Copy) else list(map(from_of, instruction.mounts))
        for name, origin in zip(filter(None, named), origins_of(instruction, stage.stage, planned.names), strict=True):
            new = self._origin(planned, origin)
            if new is not None:
                written = re.sub(rf"(?<=from=){re.escape(name)}(?=[,\s])", new, written)
        if isinstance(instruction, Run) and (self.available.context or any(self.available.seen)):
            for mount in instruction.mounts:
                if not re.search(r"type=(?!bind\b)", mount) and not from_of(mount):
                    raise _cannot(instruction.location, "a mount of the context, which is another one here")
        return written


def _cannot(location: Location, why: str) -> DockerfileError:
    return location.fault(f"one Dockerfile cannot say this: {why}", hint="build the flow with smidgen flow")


def _quoted(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./:@%+,-]*", value):
        return value
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'
