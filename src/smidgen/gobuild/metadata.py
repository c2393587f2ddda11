"""What an image says of itself: names, annotations, time."""

from collections.abc import Mapping

from smidgen.config.settings import Settings
from smidgen.errors import InvalidReference, UsageError
from smidgen.gobuild.git import GitFacts, git_annotations
from smidgen.gobuild.template import expand, has_template
from smidgen.gobuild.template_values import TemplateSource
from smidgen.oci.reference import Reference

_CREATED = "org.opencontainers.image.created"


def created_at(git: GitFacts | None, environ: Mapping[str, str]) -> int:
    """Give the image's time in seconds since 1970: SOURCE_DATE_EPOCH, else the commit's, else 0.

    The clock has no say, so that two builds of one source are one image.

    Raises:
        UsageError: SOURCE_DATE_EPOCH is not a whole number of seconds.
    """
    fallback = git.committed_at if git is not None else 0
    return TemplateSource(environ=environ, git=git, now=fallback).timestamp


def image_annotations(settings: Settings, git: GitFacts | None, created: int) -> dict[str, str]:
    """Join what git knows with what the user said, who wins; sorted by name.

    Source: OCI image-spec v1.1.1, ``annotations.md``. Where neither git nor SOURCE_DATE_EPOCH gives a time,
    none is invented.
    """
    from smidgen.image.assemble import timestamp

    found = git_annotations(git)
    if created:
        found[_CREATED] = timestamp(created)
    return dict(sorted((found | dict(settings.annotations)).items()))


def image_names(settings: Settings, default_name: str, source: TemplateSource) -> tuple[Reference, ...]:
    """Give the tags of an image, templates name; at least one.

    Raises:
        UsageError: A name with a digest, or a template that is wrong.
        InvalidReference: What comes out is no image name.
    """
    names: dict[Reference, None] = {}
    for text in settings.image_names(_as_component(default_name)):
        name = text
        if has_template(text):
            name = expand(text, source.values(source.environ, settings.go or "go", "."))
        reference = Reference.parse(name).with_default_tag()
        if reference.digest is not None:
            raise UsageError(f"cannot tag as {name!r}: a digest follows from the content", hint="leave @sha256:… out")
        names[reference] = None
    return tuple(names)


def _as_component(name: str) -> str:
    """Make the name of a program one that an image can have: lower case, single separators inside."""
    kept = "".join(character if character.isascii() and character.isalnum() else "-" for character in name.lower())
    component = "-".join(part for part in kept.split("-") if part)
    if "_" in name or "." in name:
        try:
            Reference.parse(name.lower())
        except InvalidReference:
            return component
        return name.lower()
    return component or "program"
