"""Images of an executable that is already built, of any language."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from smidgen.config.resolve import resolve_settings
from smidgen.config.settings import Settings
from smidgen.elf.header import ET_DYN, parse_elf
from smidgen.errors import DynamicExecutable, UsageError
from smidgen.gobuild.additions import place_of
from smidgen.gobuild.assembly import Identity, Part, assemble_image
from smidgen.gobuild.built import Built
from smidgen.gobuild.git import start_git
from smidgen.gobuild.metadata import created_at, image_annotations, image_names
from smidgen.gobuild.pipeline import BuildRequest, find_bases
from smidgen.gobuild.template_values import TemplateSource
from smidgen.needs.examine import examine, mapped, platform_of
from smidgen.oci.platform import Platform
from smidgen.store.content import ContentStore


def build_ready(request: BuildRequest, binary: Path, store: ContentStore, *, progress: Callable[[str], None]) -> Built:
    """Make the image of *binary*; it gets its tags later, so hold ``store.writing()``.

    Git is asked for templates and annotations: an executable is as a rule built where it stands.

    Raises:
        UsageError: Targets beside it, or more than one platform.
        InvalidExecutable: Not an ELF executable, or a damaged one.
        DynamicExecutable: It cannot run alone.
        WrongArchitecture: It is not for the platform that was asked for.
    """
    if request.targets:
        raise UsageError(f"--binary {binary} and the target {request.targets[0]!r}", hint="give one of the two")
    path = request.directory / binary
    _check_program(path)
    git = start_git(str(path.parent), request.environ)
    try:
        # The executable knows its platform best; one that was asked for is checked against it.
        flags = request.flags
        if flags.platforms is None:
            flags = replace(flags, platforms=(str(platform_of(path)),))
        settings = resolve_settings(
            str(binary),
            directory=request.directory,
            flags=flags,
            config=request.configs.config(path.parent),
            environ=request.environ,
            path=path,
        )
        facts = git.result()
    finally:
        git.stop()
    _check_libc(settings, path)
    platform = _one(settings.platforms)
    created = created_at(facts, request.environ)
    identity = Identity(
        target=str(binary),
        program=path.name,
        names=image_names(settings, path.name, TemplateSource(environ=request.environ, git=facts, now=created)),
        annotations=image_annotations(settings, facts, created),
        created=created,
    )
    request.check_names(identity.names)
    with find_bases(request, [settings], [path.parent], store, progress) as bases:
        part = Part(
            platform=platform,
            facts=examine(path, platform),
            path=path,
            at=place_of(path, settings) if settings.add else "",
        )
        if part.facts.interpreter:
            from smidgen.gobuild.dynamic import with_closure  # few programs are linked like that

            part = with_closure(part, settings)
        base = bases.of(0) if bases is not None else None
        return assemble_image(store, settings, identity, [part], cached=False, base=base)


def _check_program(path: Path) -> None:
    """Check that there is a program at *path*, and no library: that has no start of its own."""
    if not path.is_file():
        what = "a directory" if path.is_dir() else "no such file" if not path.exists() else "no regular file"
        raise UsageError(f"--binary {path}: {what}", hint="name an executable file")
    with mapped(path) as data:
        elf = parse_elf(data)
        # A static program that can be loaded anywhere is of the same type, and has a start.
        if elf.type == ET_DYN and elf.interpreter is None and not elf.is_pie:
            raise DynamicExecutable(
                f"{path} is a library, and no program",
                libraries=elf.needed,
                hint="name the program that uses it: what it needs goes into its image",
            )


def _check_libc(settings: Settings, path: Path) -> None:
    origin = settings.provenance["libc"]
    # In a file it is there for the Go programs beside this one.
    if settings.libc and origin.kind == "flag":
        raise UsageError(
            f"--libc {settings.libc} says how Go programs are linked, and {path} is linked already",
            hint="leave --libc out: a dynamic executable gets its libraries anyway",
        )


def _one(platforms: tuple[Platform, ...]) -> Platform:
    first, *others = platforms
    if others:
        raise UsageError(
            f"one executable cannot be for {len(platforms)} platforms: {', '.join(map(str, platforms))}",
            hint="leave --platform out, or build an image for each executable",
        )
    return first
