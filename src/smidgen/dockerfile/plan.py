"""What is to be built: the stages that the target needs, and where each begins.

What can be known before any image is looked at is known here. A stage's instructions are expanded when the config of
its base is there: see :mod:`smidgen.dockerfile.resolve`.

Source: BuildKit's ``frontend/dockerfile/dockerfile2llb``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from smidgen.dockerfile.arguments import automatic_arguments, expand_at, global_arguments, proxy_variables
from smidgen.dockerfile.checks import check_from, judge
from smidgen.dockerfile.expand import expand
from smidgen.dockerfile.graph import find_cycle, needed_stages
from smidgen.dockerfile.instruction import Arg, Copy, Dockerfile, Doubt, Instruction, Onbuild, Run, Stage
from smidgen.dockerfile.location import Location
from smidgen.dockerfile.mounts import from_of
from smidgen.dockerfile.origins import Names, Origin, StageOrigin
from smidgen.dockerfile.spelling import did_you_mean
from smidgen.errors import DockerfileError, InvalidPlatform, UsageError
from smidgen.oci.platform import Platform

_EPOCH: Final = re.compile(r"^[0-9]{1,12}\Z")
# Stages of a cycle; more say nothing to anybody.
_MOST_SHOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What the user says beside the Dockerfile.

    Attributes:
        build_platform: Of this machine.
        target_platform: Of the image.
        target: Name or number of the stage to build; empty for the last.
        build_args: What ``--build-arg`` gives.
        contexts: What ``--build-context`` gives: names, each with where it is.
    """

    build_platform: Platform
    target_platform: Platform
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A stage that is to be built.

    Attributes:
        stage: As it is written; without instructions where a named context stands in for it.
        base: Where it begins.
        base_name: What its FROM says, expanded.
        platform: What its FROM says, or None where it says nothing and its base decides.
        needs: Where its instructions get files from, apart from its base, in order; none twice.
    """

    stage: Stage
    base: Origin
    base_name: str
    platform: Platform | None
    needs: tuple[Origin, ...]

    @property
    def index(self) -> int:
        """Its number in the Dockerfile."""
        return self.stage.index

    @property
    def name(self) -> str:
        """Its name, or ``stage-N``."""
        return self.stage.name

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Everything that must be there before it can be built."""
        return (self.base, *(origin for origin in self.needs if origin != self.base))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be built.

    Attributes:
        dockerfile: The whole.
        options: What the user says.
        stages: The stages that are needed, each after those that it needs; the target is the last.
        all_stages: Every stage, for what ONBUILD of a base image may ask for.
        arguments: What FROM sees; a stage gets one with ARG and a name alone.
        proxies: Variables for RUN that are in no cache key.
        names: What names mean.
        source_date_epoch: Seconds since 1970 that times are set to, or None.
        warnings: Doubtful places.
    """

    dockerfile: Dockerfile
    options: BuildOptions
    stages: tuple[PlannedStage, ...]
    all_stages: tuple[PlannedStage, ...]
    arguments: Mapping[str, str]
    proxies: Mapping[str, str]
    names: Names
    source_date_epoch: int | None
    warnings: tuple[Doubt, ...]

    @property
    def target(self) -> PlannedStage:
        """The stage whose result is the image."""
        return self.stages[-1]


def plan(dockerfile: Dockerfile, options: BuildOptions) -> Plan:
    """Plan the build of *dockerfile*.

    Raises:
        DockerfileError: A base is empty or no name, a platform is none, a stage that is needed names one that is not
            before it, stages need each other, or a place is doubtful and the check directive makes an error of that.
        UsageError: There is no such target, or SOURCE_DATE_EPOCH is no number.
    """
    target = _find_target(dockerfile, options.target)
    automatic = automatic_arguments(
        build=options.build_platform,
        target=options.target_platform,
        stage=options.target or target.from_.name or "default",
    )
    arguments = global_arguments(dockerfile, automatic, options.build_args)
    names = Names(dockerfile.stages, options.contexts.keys(), options.target_platform)
    planned = tuple(_plan_stage(stage, dockerfile, arguments, names) for stage in dockerfile.stages)
    needs = {each.index: [o.index for o in each.origins if isinstance(o, StageOrigin)] for each in planned}
    if cycle := find_cycle(needs):
        raise _cycle_fault([planned[index] for index in cycle], names)
    needed = tuple(planned[index] for index in needed_stages(target.index, needs))
    for each in needed:
        _check_order(each, names)
    return Plan(
        dockerfile=dockerfile,
        options=options,
        stages=needed,
        all_stages=planned,
        arguments=arguments,
        proxies=proxy_variables(options.build_args),
        names=names,
        source_date_epoch=_epoch(options.build_args.get("SOURCE_DATE_EPOCH") or arguments.get("SOURCE_DATE_EPOCH")),
        warnings=judge(dockerfile, (*dockerfile.warnings, *_doubts(dockerfile, arguments))),
    )


def unused_build_args(planned: Plan) -> tuple[str, ...]:
    """Give the names of ``--build-arg`` that no ARG of the Dockerfile has, in the order in which they were given."""
    declared = {name for arg in planned.dockerfile.meta_args for name, _ in arg.variables}
    for stage in planned.dockerfile.stages:
        for instruction in stage.instructions:
            each = instruction.trigger if isinstance(instruction, Onbuild) else instruction
            if isinstance(each, Arg):
                declared.update(name for name, _ in each.variables)
    known = declared | planned.proxies.keys() | planned.arguments.keys() | {"SOURCE_DATE_EPOCH"}
    return tuple(name for name in planned.options.build_args if name not in known and not name.startswith("BUILDKIT_"))


def _find_target(dockerfile: Dockerfile, target: str) -> Stage:
    if not target:
        return dockerfile.stages[-1]
    for stage in reversed(dockerfile.stages):
        if stage.from_.name and stage.from_.name == target.lower():
            return stage
    if target.isascii() and target.isdigit() and int(target[:9]) < len(dockerfile.stages):
        return dockerfile.stages[int(target)]
    names = [stage.from_.name for stage in dockerfile.stages if stage.from_.name]
    raise UsageError(
        f"{dockerfile.name} has no stage {target!r}",
        hint=did_you_mean(target, names) or (f"its stages are {', '.join(names)}" if names else "it names no stages"),
    )


def _doubts(dockerfile: Dockerfile, arguments: Mapping[str, str]) -> Iterator[Doubt]:
    for stage in dockerfile.stages:
        texts = (stage.from_.base, stage.from_.platform)
        expansions = [expand(text, arguments, escape=dockerfile.directives.escape) for text in texts]
        yield from check_from(stage, missing=frozenset().union(*(each.missing for each in expansions)))


def _plan_stage(stage: Stage, dockerfile: Dockerfile, arguments: Mapping[str, str], names: Names) -> PlannedStage:
    location, escape = stage.from_.location, dockerfile.directives.escape
    base = expand_at(stage.from_.base, arguments, location=location, escape=escape)
    unset = expand(stage.from_.base, arguments, escape=escape).missing
    if not base:
        raise location.fault(
            f"the base {stage.from_.base!r} is empty",
            at=stage.from_.base,
            hint="give the variable a default with ARG before the first FROM, or a value with --build-arg",
        )
    platform = _platform(stage.from_.platform, location, arguments, escape) if stage.from_.platform else None
    if context := names.replaced(stage):
        emptied = replace(stage, instructions=())
        return PlannedStage(stage=emptied, base=context, base_name=base, platform=platform, needs=())
    needs: dict[Origin, None] = {}
    for instruction in stage.instructions:
        for origin in origins_of(instruction, stage, names, later=True):
            needs.setdefault(origin)
    return PlannedStage(
        stage=stage,
        base=names.base(base, stage, platform or names.platform, unset=unset),
        base_name=base,
        platform=platform,
        needs=tuple(needs),
    )


def _check_order(planned: PlannedStage, names: Names) -> None:
    """Refuse a stage that gets files from a later one."""
    for instruction in planned.stage.instructions:
        origins_of(instruction, planned.stage, names)


def _cycle_fault(cycle: Sequence[PlannedStage], names: Names) -> DockerfileError:
    """Make the error of stages of which each needs the next; one of them has to name a later one, and is shown."""
    stage, later = next((a, b) for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True) if a.index < b.index)
    location, name = next(
        (instruction.location, name)
        for instruction in stage.stage.instructions
        for name in _names_in(instruction)
        if names.source(name, stage.stage, instruction.location, later=True) == StageOrigin(later.index)
    )
    at = cycle.index(stage)
    shown = [repr(each.name) for each in (*cycle[at:], *cycle[:at])]
    if len(shown) > _MOST_SHOWN:
        shown = [*shown[: _MOST_SHOWN - 1], f"… ({len(shown) - _MOST_SHOWN} more)", shown[-1]]
    ring = ", which needs ".join((*shown, shown[0]))
    return location.fault(f"stages need each other: {ring}", at=f"={name}", hint="copy into a further stage instead")


def origins_of(instruction: Instruction, stage: Stage, names: Names, *, later: bool = False) -> tuple[Origin, ...]:
    """Give where *instruction* of *stage* gets files from, apart from the context.

    Args:
        instruction: Any.
        stage: Whose it is.
        names: What names mean.
        later: It may be a later stage.

    Raises:
        DockerfileError: It names a stage that is not before this one.
    """
    location = instruction.location
    return tuple(names.source(name, stage, location, later=later) for name in _names_in(instruction))


def _names_in(instruction: Instruction) -> tuple[str, ...]:
    """Give the names by which *instruction* says where its files come from."""
    found: tuple[str, ...] = ()
    if isinstance(instruction, Copy):
        found = (check_constant(instruction.from_, instruction.location),)
    elif isinstance(instruction, Run):
        found = tuple(from_of(mount) for mount in instruction.mounts)
    return tuple(name for name in found if name)


def check_constant(name: str, location: Location) -> str:
    """Give *name*, what ``--from`` says, which has no variables.

    Raises:
        DockerfileError: It has one.
    """
    if re.search(r"\$.", name):
        raise location.fault(
            f"--from={name} has a variable",
            at=name,
            hint="begin a stage with FROM and the variable, and name that stage here",
        )
    return name


def _platform(text: str, location: Location, arguments: Mapping[str, str], escape: str) -> Platform:
    expanded = expand_at(text, arguments, location=location, escape=escape)
    try:
        return Platform.parse(expanded)
    except InvalidPlatform as error:
        raise location.fault(f"--platform: {error.message}", at=text, hint=error.hint) from error


def _epoch(text: str | None) -> int | None:
    if not text:
        return None
    if not _EPOCH.match(text):
        raise UsageError(f"SOURCE_DATE_EPOCH is {text!r}", hint="expected seconds since 1970, such as 1700000000")
    return int(text)
