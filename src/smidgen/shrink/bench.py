"""The bench: variants of one program are compiled, put into images and measured; nothing of them is kept."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from smidgen.config.settings import Settings
from smidgen.errors import CompileError
from smidgen.gobuild.assembly import Part
from smidgen.gobuild.built import BuiltPlatform
from smidgen.gobuild.variants import Variants
from smidgen.image.base import Base
from smidgen.image.entry_key import content_digest
from smidgen.image.image import Image
from smidgen.shrink.advice import Figures
from smidgen.store.content import ContentStore
from smidgen.store.faults import reporting

_ARROW: Final = " -> "
_NO_SPACE: Final = "no space left on device"


@dataclass(frozen=True, slots=True)
class Made:
    """A variant.

    Attributes:
        part: Its executable, and what was read from it.
        image: The image; it is gone when the bench is.
        figures: What it takes.
        seconds: What packing its layers took.
    """

    part: Part
    image: Image
    figures: Figures
    seconds: float


@dataclass(frozen=True, slots=True)
class Bench:
    """A directory with a store of its own, in which variants are made.

    Attributes:
        variants: The program.
        directory: For files; gone when the bench is.
    """

    variants: Variants
    directory: Path
    _base: Base | None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    @contextmanager
    def open(cls, variants: Variants, store: ContentStore) -> "Iterator[Bench]":
        """Make a bench, and have the base of the program in *store*, which gets nothing else.

        Raises:
            SmidgenError: The base cannot be had.
            StoreError: There is no place for a directory.
        """
        with reporting("write", "a temporary directory", instead="name a directory with room in TMPDIR"):
            temporary = TemporaryDirectory(prefix="smidgen-shrink-", ignore_cleanup_errors=True)
        with temporary as directory, variants.base(variants.settings, store) as base:
            yield cls(variants, Path(directory), base)

    def compile(self, settings: Settings, *, heard: Callable[[str], bool] | None = None) -> Path:
        """Compile the program, and give the executable.

        Raises:
            CompileError: Go refused it.
        """
        try:
            return self.variants.compile(settings, self.fresh(), heard=heard)
        except CompileError as error:
            raise _in_few_words(error) from error

    def fresh(self) -> Path:
        """Make an empty directory."""
        path = self.directory / str(next(self._numbers))
        path.mkdir()
        return path

    def make(self, settings: Settings, binary: Path, *, like: Part | None = None) -> Made:
        """Put *binary* into an image, as a build would.

        Args:
            settings: How.
            binary: The executable.
            like: What is known of it from another form of it, where it cannot be read itself.

        Raises:
            SmidgenError: There can be no such image.
        """
        # A store for each, so that no layer is found ready and all are packed.
        store = ContentStore.open(self.fresh())
        begin = time.monotonic()
        if like is None:
            part = self.variants.examine(binary, settings, store)
        else:
            facts = msgspec.structs.replace(like.facts, digest=content_digest(binary), size=binary.stat().st_size)
            part = Part(platform=like.platform, facts=facts, path=binary, closure=like.closure)
        with self._base_of(settings, store) as base:
            built = self.variants.assemble(settings, part, store, base)
        seconds = time.monotonic() - begin
        return Made(part, built.image, figures_of(built), seconds)

    def _base_of(self, settings: Settings, store: ContentStore) -> "AbstractContextManager[Base | None]":
        if settings.base == self.variants.settings.base:
            return nullcontext(self._base)
        return self.variants.base(settings, store)


def _in_few_words(error: CompileError) -> CompileError:
    """Leave out what the linker tells of dependencies, and say what to do about a full disk."""
    lines = [line for line in error.output.splitlines() if _ARROW not in line]
    is_full = any(_NO_SPACE in line for line in lines)
    hint = "name a directory with room in TMPDIR" if is_full else error.hint
    return CompileError(error.message.partition("\n")[0], output="\n".join(lines), hint=hint)


def figures_of(built: BuiltPlatform) -> Figures:
    """Count the bytes of an image."""
    return Figures(
        binary=built.facts.size,
        size=sum(one.layer.size for one in built.layers),
        pull=built.image.pull_size,
    )
