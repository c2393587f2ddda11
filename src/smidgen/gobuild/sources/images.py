"""Targets that are not Go, built into images; they get their tags later."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smidgen.errors import UsageError
from smidgen.gobuild.assembly import Identity, assemble_image
from smidgen.gobuild.built import Built
from smidgen.gobuild.git import start_git
from smidgen.gobuild.metadata import created_at, image_annotations, image_names
from smidgen.gobuild.pipeline import find_bases
from smidgen.gobuild.recipe import ProgramGone
from smidgen.gobuild.sources.makers import Maker, Making, maker_of
from smidgen.gobuild.sources.standing import standing_maker
from smidgen.gobuild.sources.target import GO_ONLY, Language, Source
from smidgen.gobuild.template_values import TemplateSource
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.gobuild.bases import Bases
    from smidgen.gobuild.pipeline import BuildRequest

_OF_SCRIPTS: Final = (*GO_ONLY, "flags")


def build_sources(
    request: "BuildRequest", sources: Sequence[Source], store: ContentStore, *, progress: Callable[[str], None]
) -> tuple[Built, ...]:
    """Build *sources* into images; hold ``store.writing()``, as tags come later.

    Raises:
        UsageError: Something was asked for that these programs do not have.
        BuildError: A compiler is missing, a program could not be built, or cannot run alone.
    """
    for source in sources:
        _check_flags(source)
    settings = [source.settings for source in sources]
    places = [Path(source.directory) for source in sources]
    with find_bases(request, settings, places, store, progress) as bases:
        if bases is not None:
            bases.check()
        return tuple(
            _built(request, source, store, bases, number, progress=progress) for number, source in enumerate(sources)
        )


def _check_flags(source: Source) -> None:
    """Refuse options of the command line that would have no effect; in a file they are there for Go programs."""
    refused = _OF_SCRIPTS if source.language is Language.SCRIPT else GO_ONLY
    for key, origin in source.settings.provenance.items():
        if origin.kind == "flag" and key.partition(".")[0] in refused:
            raise UsageError(
                f"{origin.name} is for Go's compiler, and {source.target} is built by {source.language}",
                hint="what else is to be known there, say with --build-env NAME=VALUE",
            )


def _built(
    request: "BuildRequest",
    source: Source,
    store: ContentStore,
    bases: "Bases | None",
    number: int,
    *,
    progress: Callable[[str], None],
) -> Built:
    git = start_git(source.directory, request.environ)
    try:
        facts = git.result()
    finally:
        git.stop()
    created = created_at(facts, request.environ)
    templates = TemplateSource(environ=request.environ, git=facts, now=created)
    base = bases.of(number) if bases is not None else None

    with ExitStack() as stack:
        # Executables live until the image has its layers.
        making = Making(
            request=request,
            created=created,
            templates=templates,
            store=store,
            stack=stack,
            use_cache=True,
            progress=progress,
        )

        def image(maker: Maker, making: Making) -> Built:
            names = image_names(source.settings, maker.name, templates)
            request.check_names(names)
            program, parts = maker.make(making)
            identity = Identity(
                target=source.target,
                program=program,
                names=names,
                annotations=image_annotations(source.settings, facts, created),
                created=created,
            )
            cached = all(part.path is None for part in parts)
            return assemble_image(store, source.settings, identity, parts, cached=cached, base=base)

        known = standing_maker(source, making) if source.language is not Language.SCRIPT else None
        try:
            return image(known or maker_of(request, source), making)
        except ProgramGone:
            progress(f"building {source.target}, as a layer of the last build is no longer stored")
            return image(maker_of(request, source), replace(making, use_cache=False))
