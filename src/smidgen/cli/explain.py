"""``smidgen explain``."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.report.explain import Selection
    from smidgen.report.explain_text import Order
    from smidgen.report.schema_explain import ExplainReport

_DEPTHS = ("image", "layer", "file", "section", "package", "function")


@click.command(short_help="Show where every byte of an image or an executable is.")
@click.argument("target", metavar="REF|BINARY|TARBALL|oci:DIR")
@click.option("--depth", type=click.Choice(_DEPTHS), default="package", show_default=True, help="How far down to go.")
@click.option(
    "--package",
    "packages",
    metavar="PATH",
    multiple=True,
    help="Only this package, and what is below it; may be repeated.",
)
@click.option("--top", type=click.IntRange(min=0), default=15, show_default=True, help="Rows of a table; 0 shows all.")
@click.option(
    "--sort",
    "order",
    type=click.Choice(("size", "pull", "name")),
    default="size",
    show_default=True,
    help="What tables are sorted by.",
)
@platform_option
@store_option
@json_option
@verbosity_options
def command(
    *,
    target: str,
    depth: str,
    packages: tuple[str, ...],
    top: int,
    order: str,
    platform: Platform | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Show where every byte of an image or an executable is, on disk and to pull.

    TARGET is an executable, an archive of an image (of docker, podman, skopeo, smidgen), oci:DIRECTORY[:NAME], or any
    other place that `smidgen copy` reads, or an image of the store.

    A Go executable is told apart down to its packages and functions, stripped or not. What its own
    tables say is exact; the rest of its data is given to the package that uses it, as an estimate.
    """
    from smidgen.report.explain import Depth, Selection  # noqa: PLC0415

    selection = Selection(Depth[depth.upper()], packages)
    report = _explain(target, selection, platform, store)
    if as_json:
        console.json(report)
        return
    _show(report, selection, top=top, order=cast("Order", order))


def _explain(target: str, selection: "Selection", platform: Platform | None, store: Path | None) -> "ExplainReport":
    from smidgen.analyze.target import is_executable, opened_image  # noqa: PLC0415
    from smidgen.analyze.walk_file import explain_file  # noqa: PLC0415
    from smidgen.analyze.walk_image import WalkOptions, explain_image  # noqa: PLC0415
    from smidgen.report.explain import Depth, binary_report, image_report  # noqa: PLC0415

    if is_executable(target):
        return binary_report(target, explain_file(Path(target)), selection)
    options = (
        WalkOptions(binaries=True, progress=lambda path: console.detail(f"looking into {path}"))
        if selection.depth >= Depth.SECTION
        else WalkOptions(binaries=False)
    )
    with opened_image(target, store=store, platform=platform) as image:
        return image_report(explain_image(image, options), selection)


def _show(report: "ExplainReport", selection: "Selection", *, top: int, order: "Order") -> None:
    import sys  # noqa: PLC0415

    from smidgen.report.explain_text import View, render_explanation  # noqa: PLC0415

    style = coloured if console.colours(sys.stdout) else uncoloured
    for line in render_explanation(report, View(selection, top, order, style)):
        console.result(line)
