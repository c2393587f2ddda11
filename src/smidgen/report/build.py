"""The summary of a build, for people: what is in the image, and why."""

from collections.abc import Callable, Sequence

import msgspec

from smidgen.gobuild.built import Built, BuiltPlatform
from smidgen.needs.selection import Decision, Origin
from smidgen.report.schema_build import BaseResult, BuildReport, ImageResult, LayerResult, NeedResult, PlatformResult
from smidgen.report.text import columns, human_size

Style = Callable[..., str]


def build_report(images: Sequence[Built], *, seconds: float) -> BuildReport:
    """Say in plain values what was built, for ``--json`` and for ``render_build``."""
    return BuildReport(images=tuple(_image_result(built) for built in images), seconds=round(seconds, 3))


def _image_result(built: Built) -> ImageResult:
    platforms = tuple(_platform_result(one) for one in built.platforms)
    index_size = built.image.descriptor.size if len(platforms) > 1 else 0
    return ImageResult(
        reference=f"{built.names[0].familiar}@{built.image.digest}",
        digest=built.image.digest,
        media_type=built.image.descriptor.media_type,
        tags=tuple(name.familiar for name in built.names),
        target=built.target,
        cached=built.cached,
        pull_size=index_size + sum(one.pull_size for one in platforms),
        size=sum(one.size for one in platforms),
        platforms=platforms,
        warnings=built.warnings,
        notes=built.notes,
    )


def _platform_result(built: BuiltPlatform) -> PlatformResult:
    return PlatformResult(
        platform=str(built.platform),
        digest=built.image.digest,
        pull_size=built.image.pull_size,
        size=sum(one.layer.size for one in built.layers),
        binary_size=built.facts.size,
        go_version=built.facts.go_version,
        layers=tuple(
            LayerResult(
                created_by=one.created_by,
                digest=one.layer.descriptor.digest,
                diff_id=one.layer.diff_id,
                media_type=one.layer.descriptor.media_type,
                pull_size=one.layer.descriptor.size,
                size=one.layer.size,
                of_base=one.is_of_base,
            )
            for one in built.layers
        ),
        needs=tuple(_need_result(decision) for decision in built.needs.decisions),
        base=BaseResult(name=built.base.name, digest=built.base.image.digest) if built.base is not None else None,
    )


def _need_result(decision: Decision) -> NeedResult:
    need = decision.need
    return NeedResult(
        kind=decision.kind,
        included=decision.included,
        confidence=str(need.confidence) if need else str(Origin.ASKED),
        symbol=need.symbol if need else "",
        reason=decision.why,
        origin=str(decision.origin),
    )


def unchanged(report: BuildReport) -> BuildReport:
    """Give the report that the same build gives when it is asked for again."""
    images = tuple(msgspec.structs.replace(image, cached=True) for image in report.images)
    return msgspec.structs.replace(report, images=images)


def render_build(report: BuildReport, *, style: Style) -> str:
    """Render the summary of a whole build: warnings first, as they are most easily missed.

    Args:
        report: What was built.
        style: ``style(text, "bold", …)`` colours or leaves alone.
    """
    return render_warnings(report, style=style) + "".join(f"{_image(image, style)}\n" for image in report.images)


def render_warnings(report: BuildReport, *, style: Style) -> str:
    """Render what may hurt, a line each."""
    warnings = dict.fromkeys(warning for image in report.images for warning in image.warnings)
    return "".join(f"{style('warning:', 'yellow', 'bold')} {warning}\n" for warning in warnings)


def _image(image: ImageResult, style: Style) -> str:
    name = image.tags[0] if image.tags else image.digest
    state = "  (nothing changed)" if image.cached else ""
    lines = [f"{style(name, 'bold')}  {style(image.digest[:19], 'dim')}{state}"]
    for platform in image.platforms:
        lines += _platform(platform, style)
    lines += [f"  {style('note:', 'yellow')} {note}" for note in image.notes]
    if len(image.platforms) > 1:
        lines.append(f"  {len(image.platforms)} platforms, {human_size(image.pull_size)} in all")
    return "\n".join(lines)


def _platform(platform: PlatformResult, style: Style) -> list[str]:
    made_by = f", {platform.go_version}" if platform.go_version else ""
    lines = [f"  {style(platform.platform, 'cyan')}{made_by}"]
    rows = [] if platform.base is None else [_base_row(platform.base, [one for one in platform.layers if one.of_base])]
    rows += [
        (layer.created_by, human_size(layer.size), human_size(layer.pull_size))
        for layer in platform.layers
        if not layer.of_base
    ]
    rows.append(("image", human_size(platform.size), human_size(platform.pull_size)))
    lines += [f"    {line}" for line in columns([("", "on disk", "to pull"), *rows], align="<>>")]
    lines += [f"    {line}" for line in _needs(platform.needs, style)]
    return lines


def _base_row(base: BaseResult, layers: Sequence[LayerResult]) -> tuple[str, str, str]:
    size, pull_size = sum(one.size for one in layers), sum(one.pull_size for one in layers)
    return f"{base.name} ({base.digest[7:19]})", human_size(size), human_size(pull_size)


def _needs(needs: Sequence[NeedResult], style: Style) -> list[str]:
    lines = []
    for need in needs:
        mark = style("+", "green") if need.included else style("=" if need.origin == Origin.BASE else "-", "dim")
        proof = f" [{need.symbol}]" if need.symbol else ""
        lines.append(f"{mark} {need.kind} ({need.confidence}): {need.reason}{style(proof, 'dim')}")
    return lines
