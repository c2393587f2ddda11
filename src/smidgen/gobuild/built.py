"""What a build gives: images, with what is known of each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smidgen.image.assemble import AssembledLayer
from smidgen.image.image import Image
from smidgen.needs.examine import BinaryFacts
from smidgen.needs.need import FactKind
from smidgen.needs.selection import Selection
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference

if TYPE_CHECKING:
    from smidgen.image.base import BaseImage
    from smidgen.needs.closure.closure import Closure


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltPlatform:
    """An image for one platform.

    Attributes:
        image: A single image.
        facts: What its executable told.
        needs: What was decided for each need, and why.
        layers: Bottom first, with their uncompressed sizes.
        warnings: What the user must be told of the program in this image, in sentences.
        base: What it stands on, or None for the empty image.
        closure: The libraries that were put in with a dynamic program, or None.
    """

    platform: Platform
    image: Image
    facts: BinaryFacts
    needs: Selection
    layers: tuple[AssembledLayer, ...]
    warnings: tuple[str, ...] = ()
    base: "BaseImage | None" = None
    closure: "Closure | None" = None

    @property
    def is_opaque(self) -> bool:
        """Whether not all that the program needs can be read from it, so that only running it tells."""
        if self.closure is not None or not self.facts.go_version:
            return True
        facts = self.facts.report.facts
        return any(fact.kind is FactKind.CGO and fact.symbol and not fact.warning for fact in facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One image, or an index with one image a platform.

    Attributes:
        target: What it was built from.
        names: The tags it was given, the first one is what it is called.
        cached: Nothing had changed, and the compiler was not started.
        warnings: What may hurt, in sentences.
        notes: What is good to know, likewise.
    """

    target: str
    names: tuple[Reference, ...]
    image: Image
    platforms: tuple[BuiltPlatform, ...]
    cached: bool
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
