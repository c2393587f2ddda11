"""From a program's facts and settings to an image in the store: one a platform, an index where there are several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from smidgen.config.settings import Settings
from smidgen.gobuild.built import Built, BuiltPlatform
from smidgen.gobuild.recipe import Program, image_recipe, program_path
from smidgen.image.assemble import assemble, assemble_index
from smidgen.layer.capabilities import parse_capabilities
from smidgen.needs.accounts import Account
from smidgen.needs.examine import BinaryFacts
from smidgen.needs.need import FactKind, NeedKind
from smidgen.needs.provision import Provision, provisions
from smidgen.needs.selection import Selection, select
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.image.assemble import LayerRecipe
    from smidgen.image.base import Base
    from smidgen.needs.closure.closure import Closure
    from smidgen.needs.on_base import OnBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A program for one platform.

    Attributes:
        path: Its executable, or None where only a layer of the store still has it.
        closure: What a dynamic one starts with, to go into the image; None for a static one, or where the base has it.
        at: Where it is in the image, relative to the root, if that is said by what is added; else empty.
    """

    platform: Platform
    facts: BinaryFacts
    path: Path | None
    closure: "Closure | None" = None
    at: str = ""


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
    store: ContentStore,
    settings: Settings,
    identity: Identity,
    parts: Sequence[Part],
    *,
    cached: bool,
    base: "Base | None" = None,
) -> Built:
    """Make the image of one program; it gets its tags later, so hold ``store.writing()``.

    Args:
        store: Where it goes, and where the base is.
        settings: Everything the user said.
        identity: What it is called.
        parts: The program for each platform.
        cached: Nothing had changed.
        base: What it stands on, with an image for each platform; None for the empty image.

    Raises:
        DynamicExecutable: A program that needs a loader or libraries that the image would not have.
        NotFound: The base has no image for a platform.
        ProgramGone: An executable is needed that only a layer had, and the layer is gone.
        UsageError: Something the user asked for cannot be had, such as a zone that does not exist.
    """
    platforms = tuple(_assemble_part(store, settings, identity, part, base) for part in parts)
    image = platforms[0].image
    if len(platforms) > 1:
        annotations = {**_index_annotations(base), **identity.annotations}
        image = assemble_index(store, [one.image for one in platforms], annotations=annotations)
    warnings = dict.fromkeys(warning for one in platforms for warning in (*one.warnings, *one.needs.warnings))
    return Built(
        target=identity.target,
        names=identity.names,
        image=replace(image, reference=identity.names[0]),
        platforms=platforms,
        cached=cached,
        warnings=(*settings.warnings, *(base.warnings if base is not None else ()), *warnings),
        notes=_notes(settings, parts),
    )


def _notes(settings: Settings, parts: Sequence[Part]) -> tuple[str, ...]:
    """Say who brings C, to those who asked for it to be compiled."""
    facts = (fact for part in parts for fact in part.facts.report.facts)
    told = dict.fromkeys(fact.message for fact in facts if fact.kind is FactKind.CGO and not fact.warning)
    return tuple(told) if settings.cgo else ()


def _assemble_part(
    store: ContentStore, settings: Settings, identity: Identity, part: Part, base: "Base | None"
) -> BuiltPlatform:
    program = Program(
        name=part.at or identity.program,
        digest=part.facts.digest,
        path=part.path,
        capabilities=parse_capabilities(settings.linux_capabilities),
    )
    on_base, warnings = None, part.facts.report.warnings
    if base is not None:
        from smidgen.gobuild.standing import stand_on, warnings_of

        program = replace(program, name=program_path(program.name))
        on_base = stand_on(base.for_platform(part.platform), settings)
        warnings = warnings_of(part.facts, settings, on_base)
    if part.closure is not None:
        program = replace(program, name=program_path(program.name))
    else:
        _check_linking(identity.program, settings, part.facts, on_base)
    zones = _zones(settings, part.facts)
    needs = _selection(settings, part.facts, on_base, zones)
    recipe = image_recipe(
        settings,
        program,
        part.platform,
        provisions=(
            *_probe(settings, part.platform, store),
            *provisions(
                needs.kinds,
                account=Account(uid=settings.user.uid, gid=settings.user.gid, name=settings.user.name),
                zones=zones,
                ca_bundles=settings.ca_bundles,
                on_base=on_base,
            ),
        ),
        libraries=_library_layers(part.closure, needs),
        kodata=identity.kodata,
        annotations=identity.annotations,
        created=identity.created,
        base=on_base.files if on_base is not None else None,
    )
    assembled = assemble(store, recipe)
    return BuiltPlatform(
        platform=part.platform,
        image=assembled.image,
        facts=part.facts,
        needs=needs,
        layers=assembled.layers,
        warnings=warnings,
        base=recipe.base,
        closure=part.closure,
    )


def _library_layers(closure: "Closure | None", needs: Selection) -> "tuple[LayerRecipe, ...]":
    if closure is None:
        return ()
    from smidgen.needs.closure.placing import closure_layers  # few programs are linked like that

    return closure_layers(closure, certificates=NeedKind.CA in needs.kinds)


def _index_annotations(base: "Base | None") -> Mapping[str, str]:
    if base is None:
        return {}
    from smidgen.gobuild.standing import index_annotations

    return index_annotations(base)


def _probe(settings: Settings, platform: Platform, store: ContentStore) -> tuple[Provision, ...]:
    """Give the layer with the probe, where the health check asks by it."""
    if settings.healthcheck is None or not settings.healthcheck.test:
        return ()
    from smidgen.needs.probe.address import probed_address  # few images have a health check

    if probed_address(settings.healthcheck.test) is None:
        return ()
    from smidgen.needs.probe.binary import probe_provision

    return (probe_provision(platform, store.root / "cache" / "probes"),)


def _check_linking(program: str, settings: Settings, facts: BinaryFacts, on_base: "OnBase | None") -> None:
    if facts.interpreter or facts.libraries:
        from smidgen.needs.linking import check_linking  # few programs are linked like that

        files, env = (on_base.files, on_base.env) if on_base is not None else (None, {})
        check_linking(facts, program, files, env=env, has_added=bool(settings.add))


def _selection(settings: Settings, facts: BinaryFacts, on_base: "OnBase | None", zones: Sequence[str]) -> Selection:
    """Decide the needs; an option that only makes sense with a need asks for it."""
    asked = {NeedKind(name): _said(settings, f"needs.{name}") for name in sorted(settings.needs_with)}
    refused = {NeedKind(name): _said(settings, f"needs.{name}") for name in sorted(settings.needs_without)}
    implied = (
        (NeedKind.TZ, bool(settings.zones), "zones"),
        (NeedKind.TZ, bool(_local_zone(settings)), "env.TZ"),
        (NeedKind.CA, bool(settings.ca_bundles), "ca_bundles"),
        (NeedKind.PASSWD, bool(settings.user.name), "user"),
    )
    wanted = {
        kind: _said(settings, field)
        for kind, is_implied, field in reversed(implied)
        if is_implied and kind not in refused
    }
    if settings.ca_bundles and NeedKind.CA in wanted:
        # Whatever the base has, it does not have these.
        asked.setdefault(NeedKind.CA, wanted[NeedKind.CA])

    def place_in_base(kind: NeedKind) -> str:
        return on_base.place_of(kind, zones=zones) if on_base is not None else ""

    return select(facts.report, asked=asked, refused=refused, implied=wanted, place_in_base=place_in_base)


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
