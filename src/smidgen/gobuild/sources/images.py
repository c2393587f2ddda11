"""Targets that are not Go, built into images; they get their tags later."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smidgen.errors import UsageError
from smidgen.gobuild.assembly import Identity, Part, assemble_image
from smidgen.gobuild.built import Built
from smidgen.gobuild.git import GitFacts, start_git
from smidgen.gobuild.metadata import created_at, image_annotations, image_names
from smidgen.gobuild.pipeline import find_bases
from smidgen.gobuild.recipe import ProgramGone
from smidgen.gobuild.sources.scripted import scripted_parts
from smidgen.gobuild.sources.target import GO_ONLY, Source
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
    for key, origin in source.settings.provenance.items():
        if origin.kind == "flag" and key.partition(".")[0] in _OF_SCRIPTS:
            raise UsageError(
                f"{origin.name} is for Go's compiler, and {source.target} is built by a script (`build:`)",
                hint="what the script is to know, say with --build-env NAME=VALUE",
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
    identity = _identity(request, source, facts)
    request.check_names(identity.names)
    base = bases.of(number) if bases is not None else None

    def image(parts: Sequence[Part]) -> Built:
        cached = all(part.path is None for part in parts)
        return assemble_image(store, source.settings, identity, parts, cached=cached, base=base)

    with ExitStack() as stack:
        # Work places live until the image has its layers.
        parts = scripted_parts(request, source, identity, store, stack=stack, use_cache=True, progress=progress)
        try:
            return image(parts)
        except ProgramGone:
            progress(f"building {source.target}, as a layer of the last build is no longer stored")
        parts = scripted_parts(request, source, identity, store, stack=stack, use_cache=False, progress=progress)
        return image(parts)


def _identity(request: "BuildRequest", source: Source, git: GitFacts | None) -> Identity:
    created = created_at(git, request.environ)
    name = Path(source.settings.bin or source.directory).name or "app"
    templates = TemplateSource(environ=request.environ, git=git, now=created)
    return Identity(
        target=source.target,
        program=name,
        names=image_names(source.settings, name, templates),
        annotations=image_annotations(source.settings, git, created),
        created=created,
    )
