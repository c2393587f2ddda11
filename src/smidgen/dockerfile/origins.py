"""Where files come from: the context, a stage, an image, a named context, or nowhere.

Source: Dockerfile reference, "FROM", "COPY --from", "RUN --mount"; ``docker buildx build --build-context``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from smidgen.dockerfile.instruction import Stage
from smidgen.dockerfile.location import Location
from smidgen.errors import DockerfileError, InvalidReference
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference

SCRATCH: Final = "scratch"
# These two names mean what they mean, whatever contexts the user gives.
_FIXED: Final = frozenset({SCRATCH, "context"})


@dataclass(frozen=True, slots=True)
class MainContext:
    """The directory that is built."""


@dataclass(frozen=True, slots=True)
class NamedContext:
    """What ``--build-context NAME=…`` says."""

    name: str


@dataclass(frozen=True, slots=True)
class StageOrigin:
    """The result of a stage of this Dockerfile."""

    index: int


@dataclass(frozen=True, slots=True)
class ImageOrigin:
    """An image, with a tag or a digest."""

    reference: Reference
    platform: Platform


@dataclass(frozen=True, slots=True)
class ScratchOrigin:
    """No files at all."""


Origin: TypeAlias = MainContext | NamedContext | StageOrigin | ImageOrigin | ScratchOrigin


@dataclass(frozen=True, slots=True)
class Names:
    """What names mean in one Dockerfile.

    Attributes:
        stages: Its stages.
        contexts: Names that ``--build-context`` gave.
        platform: Of images that are named without one.
    """

    stages: Sequence[Stage]
    contexts: Collection[str]
    platform: Platform

    def base(self, name: str, stage: Stage, platform: Platform, *, unset: Collection[str] = ()) -> Origin:
        """Give what ``FROM name`` of *stage* means: a stage before it, a named context or an image.

        Args:
            name: Expanded.
            stage: Which begins with it.
            platform: Of the image.
            unset: Variables of it that are not set, which may be why it is no name.

        Raises:
            DockerfileError: The name is none of an image.
        """
        for earlier in reversed(self.stages[: stage.index]):
            if earlier.from_.name and earlier.from_.name == name.lower():
                return self.replaced(earlier) or StageOrigin(earlier.index)
        return self._outside(name, stage.from_.location, platform, unset)

    def replaced(self, stage: Stage) -> NamedContext | None:
        """Give the named context that stands in for *stage* as a whole, or None where there is none."""
        return self._context(stage.from_.name)

    def source(self, name: str, stage: Stage, location: Location, *, later: bool = False) -> Origin:
        """Give what ``--from=name`` or ``from=name`` in *stage* means: also a stage's number.

        Args:
            name: As it is written.
            stage: Whose instruction it is.
            location: Of the instruction.
            later: It may be a later stage. A stage that nothing needs may say so, as in BuildKit.

        Raises:
            DockerfileError: It is this stage or a later one, there is no such stage, or the name is none of an image.
        """
        if name.isascii() and name.isdigit():
            return self._stage(int(name[:9]), name, stage, location, later=later)
        for each in reversed(self.stages):
            if each.from_.name and each.from_.name == name.lower():
                return self._stage(each.index, name, stage, location, later=later)
        return self._outside(name, location, self.platform)

    def _stage(self, index: int, name: str, stage: Stage, location: Location, *, later: bool) -> Origin:
        if index == stage.index:
            raise location.fault(
                f"the stage {stage.name!r} is to get files from itself", at=f"={name}", hint="name an earlier stage"
            )
        if index >= len(self.stages):
            raise location.fault(
                f"there is no stage {index}; stages are numbered 0 to {len(self.stages) - 1}",
                at=f"={name}",
                hint="write the stage's name",
            )
        origin = self.replaced(self.stages[index]) or StageOrigin(index)
        if index > stage.index and isinstance(origin, StageOrigin) and not later:
            raise location.fault(
                f"the stage {name!r} comes after this one, which is to get files from it",
                at=f"={name}",
                hint=f"put the stage {name!r} first",
            )
        return origin

    def _outside(self, name: str, location: Location, platform: Platform, unset: Collection[str] = ()) -> Origin:
        if name == SCRATCH:
            return ScratchOrigin()
        if context := self._context(name):
            return context
        try:
            reference = Reference.parse(name).with_default_tag()
        except InvalidReference as error:
            raise self._no_image(location, error, unset, at=name) from error
        if context := self._context(reference.familiar) or self._context(reference.familiar_name, reference):
            return context
        return ImageOrigin(reference, platform)

    def _context(self, name: str, reference: Reference | None = None) -> NamedContext | None:
        if reference is not None and (reference.tag != "latest" or reference.digest):
            return None
        return NamedContext(name) if name in self.contexts and name.lower() not in _FIXED else None

    def _no_image(
        self, location: Location, error: InvalidReference, unset: Collection[str], *, at: str
    ) -> DockerfileError:
        names = [stage.from_.name for stage in self.stages if stage.from_.name]
        hint = error.hint
        if unset:
            hint = f"{', '.join(sorted(unset))} is not set: give it with ARG before the first FROM, or with --build-arg"
        elif names:
            hint = f"{hint}; stages are {', '.join(names)}"
        return location.fault(error.message, at=at if at in location.code else "$", hint=hint)
