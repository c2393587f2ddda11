"""What makes the programs of a target: one of these for each language."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from smidgen.gobuild.assembly import Part
from smidgen.gobuild.sources.target import Language, Source
from smidgen.gobuild.template import expand, has_template
from smidgen.gobuild.template_values import TemplateSource
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.gobuild.pipeline import BuildRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What a program is made with, beside its source.

    Attributes:
        request: What was asked for.
        created: Seconds since 1970, for what writes its time down.
        templates: Values for templates in flags.
        store: Where what is read from programs is remembered.
        stack: Ends when the executables are no longer needed.
        use_cache: Whether what is remembered may be taken.
        progress: Told what begins.
    """

    request: "BuildRequest"
    created: int
    templates: TemplateSource
    store: ContentStore
    stack: ExitStack
    use_cache: bool
    progress: Callable[[str], None]

    def flags(self, source: Source) -> tuple[str, ...]:
        """Give the further arguments of *source*'s compiler, their templates expanded.

        Raises:
            UsageError: A template is wrong.
        """
        values = self.templates.values(self.request.environ, source.settings.go or "go", source.directory)
        return tuple(expand(text, values) if has_template(text) else text for text in source.settings.flags)


class Maker(Protocol):
    """Makes a program for each platform."""

    @property
    def name(self) -> str:
        """Name the program, and the image if nobody else does."""
        ...

    def make(self, making: Making) -> tuple[str, tuple[Part, ...]]:
        """Give the program's name in the image, and its parts in the order of the platforms.

        Raises:
            BuildError: A compiler is missing, failed, or made something that cannot run alone.
            UsageError: Something cannot be meant.
        """
        ...


def maker_of(request: "BuildRequest", source: Source) -> Maker:
    """Give what makes *source*.

    Raises:
        SmidgenError: The compiler is missing, or there is no such program.
    """
    match source.language:
        case Language.SCRIPT:
            from smidgen.gobuild.sources.scripted import ScriptMaker  # one of these is needed

            return ScriptMaker(source)
        case Language.RUST:
            from smidgen.gobuild.sources.crates import crate_maker

            return crate_maker(source, request.environ)
        case Language.ZIG:
            from smidgen.gobuild.sources.zig_project import ZigMaker

            return ZigMaker(source)
