"""One program, built with other settings than its own: each variant gives an executable, and an image to look at.

Images are put together as ``smidgen build`` does it, so that their sizes are those that a build would give, and get
no names.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from smidgen.config.resolve import SCRATCH
from smidgen.config.settings import Settings
from smidgen.errors import UsageError
from smidgen.gobuild.assembly import Part, assemble_image
from smidgen.gobuild.batch import Job
from smidgen.gobuild.built import BuiltPlatform
from smidgen.gobuild.compile import compile_packages
from smidgen.gobuild.git import start_git
from smidgen.gobuild.options import build_options
from smidgen.gobuild.pipeline import (
    BuildRequest,
    find_bases,
    identity_of,
    package_settings,
    packages_of,
    part_of,
)
from smidgen.gobuild.target import MainPackage
from smidgen.gobuild.template_values import TemplateSource
from smidgen.gobuild.toolchain import Toolchain
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.image.base import Base

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """A program, and all that is needed to build it in another way.

    Attributes:
        request: How it was asked for.
        settings: Its own, for the first of its platforms only.
    """

    request: BuildRequest
    package: MainPackage
    settings: Settings
    toolchain: Toolchain
    templates: TemplateSource
    tell: Tell

    @classmethod
    def of(cls, request: BuildRequest, *, tell: Tell = lambda _text: None) -> "Variants":
        """Find the one program that *request* means.

        Raises:
            UsageError: It means several.
            NotMainPackage: It means none.
            ToolchainNotFound: There is no Go.
        """
        packages, toolchain = packages_of(request)
        if len(packages) != 1:
            raise UsageError(f"{' '.join(request.targets)} means {len(packages)} programs", hint="name one of them")
        settings = package_settings(request, packages[0])
        settings = msgspec.structs.replace(settings, platforms=settings.platforms[:1])
        git = start_git(str(request.directory), request.environ)
        try:
            facts = git.result()
        finally:
            git.stop()
        source = TemplateSource(environ=request.environ, git=facts, now=int(time.time()))
        return cls(
            request=request,
            package=packages[0],
            settings=settings,
            toolchain=toolchain,
            templates=source,
            tell=tell,
        )

    @property
    def place(self) -> Path | None:
        """The directory of its package, where it has one here."""
        return Path(self.package.directory) if self.package.directory else None

    def compile(self, settings: Settings, output: Path, *, heard: Callable[[str], bool] | None = None) -> Path:
        """Compile it below the empty directory *output* give the executable.

        Args:
            settings: How.
            output: Where.
            heard: Told each line that Go, or its linker, writes; tells whether it has use for it.

        Raises:
            CompileError: Go refused it.
        """
        job = Job(package=self.package, options=build_options(settings), platforms=settings.platforms)
        compiled = compile_packages(
            [job],
            toolchain=self.toolchain,
            environ=self.request.environ,
            output=str(output),
            templates=self.templates,
            progress=self.tell,
            heard=heard,
        )
        return Path(compiled.binaries[0].path)

    def examine(self, binary: Path, settings: Settings, store: ContentStore) -> Part:
        """Read an executable, and pack its layer into *store*."""
        return part_of(binary, settings.platforms[0], settings, store)

    @contextmanager
    def base(self, settings: Settings, store: ContentStore) -> "Iterator[Base | None]":
        """Find what the image stands on in *store*, or fetch it into it; None for the empty image.

        Raises:
            SmidgenError: It cannot be had.
        """
        if settings.base == SCRATCH:
            yield None
            return
        with store.writing(), find_bases(self.request, [settings], [self.place], store, self.tell) as bases:
            yield bases.of(0) if bases is not None else None

    def assemble(self, settings: Settings, part: Part, store: ContentStore, base: "Base | None") -> BuiltPlatform:
        """Put the image of one variant together in *store*; it gets no name.

        Raises:
            DynamicExecutable: It needs what the image would not have.
        """
        identity = identity_of(self.package, settings, self.templates.git, self.templates)
        with store.writing():
            built = assemble_image(store, settings, identity, [part], cached=False, base=base)
        return built.platforms[0]
