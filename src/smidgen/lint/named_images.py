"""The images that a Dockerfile names: in FROM, in COPY --from, and in mounts."""

from collections.abc import Iterator

from smidgen.dockerfile.instruction import Copy, Run
from smidgen.dockerfile.location import Location
from smidgen.dockerfile.mounts import from_of
from smidgen.lint.bases import base_facts
from smidgen.lint.finding import Found
from smidgen.lint.stages import StageFacts, expand_known
from smidgen.lint.subject import Subject


def named_images(subject: Subject) -> Iterator[tuple[str, Location, int]]:
    """Give each image that a needed stage names, expanded, with the place where; what is not known is left out."""
    for stage in subject.needed:
        if stage.parent is None and "$" not in stage.base_name:
            yield stage.base_name, stage.stage.from_.location, _base_at(stage)
        for step in stage.steps:
            names: tuple[str, ...] = ()
            if isinstance(step.instruction, Copy):
                names = (step.instruction.from_,)
            elif isinstance(step.instruction, Run):
                names = tuple(from_of(mount) for mount in step.instruction.mounts)
            for written in names:
                name = expand_known(written, subject.stages.arguments)
                # A name alone may be that of a --build-context.
                is_image = ("/" in name or ":" in name or base_facts(name).kind != "other") and "$" not in name
                if is_image and subject.stages.find(name, before=stage.index) is None:
                    location = step.instruction.location
                    yield name, location, max(0, location.code.find(written))


def _base_at(stage: StageFacts) -> int:
    """Give where in its FROM a stage names its base."""
    return max(0, stage.stage.from_.location.code.find(stage.stage.from_.base))


def at_base(stage: StageFacts, message: str, *, hint: str) -> Found:
    """Say *message* of the base that a stage names."""
    line = stage.stage.from_
    return Found(location=line.location, message=message, at=_base_at(stage), length=len(line.base), hint=hint)
