"""From a program's facts and settings to an image in the store: one a platform, an index where there are several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smidgen.config.settings import Settings
from smidgen.gobuild.built import Built, BuiltPlatform
from smidgen.gobuild.recipe import Program, image_recipe
from smidgen.image.assemble import assemble, assemble_index
from smidgen.needs.accounts import Account
from smidgen.needs.examine import BinaryFacts
from smidgen.needs.need import NeedKind
from smidgen.needs.provision import provisions
from smidgen.needs.selection import Selection, select
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A program for one platform.

    Attributes:
        path: Its executable, or None where only a layer of the store still has it.
    """

    platform: Platform
    facts: BinaryFacts
    path: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What an image is called and says of itself.

    Attributes:
        target: What was asked for.
        program: File name of the executable in the image.
        names: Tags, at least one.
        annotations: Of manifest and index.
        created: Seconds since 1970.
        kodata: The package's data directory, or None.
    """

    target: str
    program: str
    names: tuple[Reference, ...]
    annotations: Mapping[str, str]
    created: int
    kodata: Path | None = None


def assemble_image(
    store: ContentStore, settings: Settings, identity: Identity, parts: Sequence[Part], *, cached: bool
) -> Built:
    """Make the image of one program; it gets its tags later, so hold ``store.writing()``.

    Raises:
        ProgramGone: An executable is needed that only a layer had, and the layer is gone.
        UsageError: Something the user asked for cannot be had, such as a zone that does not exist.
    """
    platforms = tuple(_assemble_part(store, settings, identity, part) for part in parts)
    image = platforms[0].image
    if len(platforms) > 1:
        image = assemble_index(store, [one.image for one in platforms], annotations=identity.annotations)
    warnings = dict.fromkeys(
        warning for one in platforms for warning in (*one.facts.report.warnings, *one.needs.warnings)
    )
    return Built(
        target=identity.target,
        names=identity.names,
        image=replace(image, reference=identity.names[0]),
        platforms=platforms,
        cached=cached,
        warnings=(*settings.warnings, *warnings),
    )


def _assemble_part(store: ContentStore, settings: Settings, identity: Identity, part: Part) -> BuiltPlatform:
    needs = _selection(settings, part.facts)
    zones = _zones(settings, part.facts)
    recipe = image_recipe(
        settings,
        Program(name=identity.program, digest=part.facts.digest, path=part.path),
        part.platform,
        provisions=provisions(
            needs.kinds,
            account=Account(uid=settings.user.uid, gid=settings.user.gid, name=settings.user.name),
            zones=zones,
            ca_bundles=settings.ca_bundles,
        ),
        kodata=identity.kodata,
        annotations=identity.annotations,
        created=identity.created,
    )
    assembled = assemble(store, recipe)
    return BuiltPlatform(
        platform=part.platform, image=assembled.image, facts=part.facts, needs=needs, layers=assembled.layers
    )


def _selection(settings: Settings, facts: BinaryFacts) -> Selection:
    """Decide the needs; an option that only makes sense with a need asks for it."""
    asked = {NeedKind(name): _said(settings, f"needs.{name}") for name in sorted(settings.needs_with)}
    refused = {NeedKind(name): _said(settings, f"needs.{name}") for name in sorted(settings.needs_without)}
    implied = (
        (NeedKind.TZ, bool(settings.zones), "zones"),
        (NeedKind.TZ, bool(_local_zone(settings)), "env.TZ"),
        (NeedKind.CA, bool(settings.ca_bundles), "ca_bundles"),
        (NeedKind.PASSWD, bool(settings.user.name), "user"),
    )
    for kind, is_implied, field in implied:
        if is_implied and kind not in refused:
            asked.setdefault(kind, _said(settings, field))
    return select(facts.report, asked=asked, refused=refused)


def _zones(settings: Settings, facts: BinaryFacts) -> tuple[str, ...]:
    """Give the only zones to put in, none for all: those asked for; else that of TZ where nothing else is looked up."""
    local = _local_zone(settings)
    if settings.zones:
        return settings.zones if not local or local in settings.zones else (*settings.zones, local)
    need = facts.report.need(NeedKind.TZ)
    return (local,) if local and not (need and need.included) else ()


def _local_zone(settings: Settings) -> str:
    """Name the zone that the image's environment makes the local one; "" for none that has a file.

    Source: ``time.initLocal``: an absolute path is a file of the user's own, an empty text means UTC.
    """
    zone = settings.env.get("TZ", "").removeprefix(":")
    return "" if zone in {"", "UTC"} or zone.startswith("/") else zone


def _said(settings: Settings, field: str) -> str:
    origin = settings.provenance.get(field)
    return (origin.name or origin.kind) if origin and origin.kind == "flag" else str(origin)
