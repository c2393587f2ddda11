"""``smidgen waste`` as text: what no container can read, and which instructions are to blame."""

from collections.abc import Sequence
from typing import Final

from smidgen.analyze.image.walk import ImageContent
from smidgen.analyze.image.waste import WasteGroup, grouped, rolled_up
from smidgen.image.image import Image
from smidgen.report.made_by import instruction
from smidgen.report.printable import encodable, printable
from smidgen.report.schema_waste import LayerUse, WastedFiles, WasteReport
from smidgen.report.text import columns, human_size

_SHORT: Final = 34
_LONG: Final = 200
_HOW: Final = {"replaced": "replaced", "deleted": "deleted", "opaque": "hidden"}
_ADVICE: Final = {
    "same": "Files that come again with the same content: set owner and mode with COPY --chown and --chmod, "
    "or in the instruction that makes them.",
    "deleted": "Deleted files: delete them in the instruction that makes them, use RUN --mount=type=cache, "
    "or copy what is needed from another stage.",
}


def waste_report(image: Image, content: ImageContent) -> WasteReport:
    """Put together ``smidgen waste --json`` for a single image."""
    return WasteReport(
        name=image.name,
        digest=image.digest,
        platform=str(image.platform),
        size=sum(layer.size for layer in content.layers),
        pull_size=image.pull_size,
        content=content.content,
        wasted=content.wasted_size,
        wasted_pull=content.wasted_pull,
        efficiency=round(content.efficiency, 6),
        layers=layer_uses(content),
        groups=tuple(map(_wasted_files, grouped(content.wasted))),
    )


def layer_uses(content: ImageContent) -> tuple[LayerUse, ...]:
    """Give the layers of an image as JSON has them."""
    return tuple(
        LayerUse(
            number=number,
            digest=layer.descriptor.digest,
            diff_id=layer.diff_id,
            created_by=layer.created_by,
            size=layer.size,
            pull_size=layer.descriptor.size,
            files=layer.files,
            content=layer.content,
            wasted=layer.wasted,
        )
        for number, layer in enumerate(content.layers, 1)
    )


def _wasted_files(group: WasteGroup) -> WastedFiles:
    return WastedFiles(
        path=encodable(f"/{group.path}"),
        files=group.files,
        size=group.size,
        made=group.made + 1,
        lost=group.lost + 1,
        how=group.how,
        same_content=group.is_same,
    )


def render_waste(image: Image, content: ImageContent, *, each: bool = False, limit: int, full: bool) -> list[str]:
    """Render what a person wants to know.

    Args:
        image: A single image.
        content: What is in it.
        each: A row for each file, or directory that was deleted; else those alike are put together.
        limit: At most so many rows.
        full: Shorten nothing.
    """
    lines = _summary(image, content)
    if not content.wasted:
        return lines
    groups = grouped(content.wasted)
    rows = groups if each else rolled_up(groups)
    lines += ["", *_table(rows[:limit], content, full=full)]
    if len(rows) > limit:
        rest = sum(row.size for row in rows[limit:])
        lines.append(f"… and {len(rows) - limit:,} more, {human_size(rest)}: --limit shows more")
    return [*lines, *_advice(groups)]


def _summary(image: Image, content: ImageContent) -> list[str]:
    count = len(content.layers)
    head = f"{printable(image.name)}, {image.platform}: {count} {'layer' if count == 1 else 'layers'}, "
    files = sum(layer.files for layer in content.layers)
    head += f"{files:,} files of {human_size(content.content)}, {human_size(image.pull_size)} to pull"
    if not content.wasted:
        return [head, "Nothing is wasted: every byte of every layer can be read."]
    share = min(content.efficiency, 0.999)
    wasted = f"Wasted: {human_size(content.wasted_size)} of {len(content.wasted):,} files, "
    return [head, f"{wasted}about {human_size(content.wasted_pull)} to pull. Efficiency: {share:.1%}"]


def _table(rows: Sequence[WasteGroup], content: ImageContent, *, full: bool) -> list[str]:
    table = [["WASTED", "FILES", "PATH", "HOW", "MADE BY", "LOST TO"]]
    for row in rows:
        how = "same content again" if row.is_same else _HOW[row.how]
        made, lost = (_layer(content, at, full=full) for at in (row.made, row.lost))
        path = f"/{row.path}" + ("/…" if row.files > 1 and row.path else "…" if row.files > 1 else "")
        table.append([human_size(row.size), f"{row.files:,}", printable(path), how, made, lost])
    return columns(table, align=">><<<<")


def _layer(content: ImageContent, at: int, *, full: bool) -> str:
    text = printable(instruction(content.layers[at].created_by))
    most = _LONG if full else _SHORT
    return f"{at + 1} {text if len(text) <= most else text[: most - 1] + '…'}".rstrip()


def _advice(groups: Sequence[WasteGroup]) -> list[str]:
    kinds = {"same" if group.is_same else group.how for group in groups}
    advice = [text for kind, text in _ADVICE.items() if kind in kinds]
    return ["", *advice] if advice else []
