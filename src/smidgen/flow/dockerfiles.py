"""The Dockerfiles of a flow, and what they say of the images of other steps."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from smidgen.dockerfile.instruction import Dockerfile, Stage
from smidgen.dockerfile.origins import NamedContext
from smidgen.dockerfile.parse import decode_dockerfile, parse
from smidgen.dockerfile.plan import BuildOptions, plan
from smidgen.errors import LimitExceeded
from smidgen.flow.build_file import Flow, FlowStep, below
from smidgen.oci.platform import Platform, host_platform

_MOST: Final = 16 << 20
_IMAGE: Final = "docker-image://"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step is built.

    Attributes:
        context: Its directory.
        dockerfile: The file.
    """

    context: Path
    dockerfile: Path


def find_place(flow: Flow, step: FlowStep, directory: Path) -> Place:
    """Find the context and the Dockerfile of *step* below *directory*.

    Raises:
        ConfigError: A symbolic link leads out of it, or the context is no directory.
    """
    for what, path in (("context", step.context), ("Dockerfile", f"{step.context}/{step.dockerfile}")):
        if below(directory, path.lstrip("/")) is None:
            raise flow.error(f"the {what} {path} of {step.label!r} is not below the working directory", step.mark)
    context = directory / step.context
    if not context.is_dir():
        raise flow.error(f"the context {step.context or '.'} of {step.label!r} is not a directory", step.mark)
    return Place(context, context / step.dockerfile)


def read_dockerfile(flow: Flow, step: FlowStep, place: Place) -> Dockerfile:
    """Read the Dockerfile of *step*.

    Raises:
        ConfigError: It cannot be read.
        DockerfileError: It is no Dockerfile.
    """
    try:
        with place.dockerfile.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise flow.error(
            f"the Dockerfile of {step.label!r} cannot be read from {place.dockerfile}: {error.strerror}", step.mark
        ) from error
    if len(data) > _MOST:
        raise LimitExceeded(f"size of {place.dockerfile} in bytes", limit=_MOST)
    return parse(decode_dockerfile(data), name=str(place.dockerfile))


def all_needs(
    flow: Flow, directory: Path, build_args: Mapping[str, str], platform: Platform
) -> dict[str, tuple[str, ...]]:
    """Give the labels that each step depends on: those that it says, and those whose images its Dockerfile names.

    A Dockerfile that is not there yet may be an artifact of another step; nothing is known of it.

    Raises:
        ConfigError: A context is none.
        DockerfileError: A Dockerfile is wrong.
    """
    found: dict[str, tuple[str, ...]] = {}
    for step in flow.steps:
        place = find_place(flow, step, directory)
        named: tuple[str, ...] = ()
        if place.dockerfile.exists() or not step.depends_on:
            named = named_steps(read_dockerfile(flow, step, place), flow, step, build_args, platform)
        found[step.label] = tuple(dict.fromkeys((*step.depends_on, *named)))
    return found


def named_steps(
    dockerfile: Dockerfile, flow: Flow, step: FlowStep, build_args: Mapping[str, str], platform: Platform
) -> tuple[str, ...]:
    """Give the labels of the steps whose images *dockerfile* names where *step* needs them."""
    labels = {other.called: other.label for other in flow.steps if other is not step}
    pointed = point(dockerfile, {name: f"{_NOWHERE}{number}" for number, name in enumerate(labels)})
    options = BuildOptions(
        build_platform=host_platform(),
        target_platform=platform,
        target=step.target,
        build_args={**build_args, **step.args},
        contexts=pointed.contexts,
    )
    needed: dict[str, None] = {}
    for stage in plan(pointed.dockerfile, options).stages:
        for origin in stage.origins:
            if isinstance(origin, NamedContext):
                needed[origin.name] = None
        if stage.base_name.startswith(_NOWHERE):
            needed[list(labels)[int(stage.base_name.removeprefix(_NOWHERE))]] = None
    return tuple(labels[name] for name in needed)


#: Stands for images while only their names matter.
_NOWHERE: Final = "flow.invalid/step-"


@dataclass(frozen=True, slots=True)
class Pointed:
    """A Dockerfile in which the images of other steps are found.

    Attributes:
        dockerfile: Perhaps with other bases.
        contexts: For the plan.
    """

    dockerfile: Dockerfile
    contexts: Mapping[str, str]


def point(dockerfile: Dockerfile, images: Mapping[str, str]) -> Pointed:
    """Have the names of *images* mean the references that they map to, wherever *dockerfile* has them.

    A name that a stage has too means the stage, once that was begun.
    """
    stages = {stage.from_.name for stage in dockerfile.stages}
    contexts = {name: _IMAGE + image for name, image in images.items() if name not in stages}
    changed = tuple(_pointed(stage, dockerfile.stages, images, stages) for stage in dockerfile.stages)
    return Pointed(replace(dockerfile, stages=changed), contexts)


def _pointed(stage: Stage, stages: tuple[Stage, ...], images: Mapping[str, str], names: Collection[str]) -> Stage:
    base = stage.from_.base
    if base not in images or base not in names or any(each.from_.name == base for each in stages[: stage.index]):
        return stage
    return replace(stage, from_=replace(stage.from_, base=images[base]))
