"""``smidgen explain``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.page_option import page_option, write_page
from smidgen.cli.platform_option import platform_option
from smidgen.errors import UsageError
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smidgen.analyze.explained import ExplainedBinary, ExplainedImage
    from smidgen.report.explain import Selection
    from smidgen.report.explain_text import Order
    from smidgen.report.schema_explain import ExplainReport

_MOST_JOURNEY = 8 << 20
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
@page_option("Write a page with a treemap down to the function; it needs no network.")
@click.option("--against", metavar="REF|BINARY", help="With --html: put what changed since that one into the page.")
@click.option(
    "--journey",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="With --html: put the charts of a journey into the page; FILE is what `smidgen journey --json` wrote.",
)
@click.option(
    "--twin",
    metavar="BINARY|TARGET",
    help="Of an executable: the same program with its symbols, or what it was built from, so that data are exact.",
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
    page: Path | None,
    against: str | None,
    journey: Path | None,
    twin: str | None,
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
    from smidgen.report.explain import Depth, Selection

    if page is None and (against or journey):
        raise UsageError("--against and --journey are parts of a page", hint="add --html FILE, or use smidgen diff")
    # A file that is none is known at once, what changed is not.
    charts = _charts(journey)
    more = [*_changes(against, target, platform, store), *charts]
    selection = Selection(Depth[depth.upper()], packages)
    programs = page is not None or selection.depth >= Depth.SECTION
    explained = _explain(target, platform, store, programs=programs) if twin is None else _with_twin(target, twin)
    if page is not None:
        from smidgen.report.page_html import render_page

        write_page(page, render_page(_report(target, explained, Selection(Depth.FUNCTION, packages)), more=more))
    if as_json:
        console.json(_report(target, explained, selection))
    elif page is None:
        _show(_report(target, explained, selection), selection, top=top, order=cast("Order", order))


def _explain(
    target: str, platform: Platform | None, store: Path | None, *, programs: bool
) -> "ExplainedBinary | ExplainedImage":
    from smidgen.analyze.target import is_executable, opened_image
    from smidgen.analyze.walk_file import explain_file
    from smidgen.analyze.walk_image import WalkOptions, explain_image

    if is_executable(target):
        return explain_file(Path(target))
    options = WalkOptions(binaries=programs, progress=lambda path: console.detail(f"looking into {path}"))
    with opened_image(target, store=store, platform=platform) as image:
        return explain_image(image, options)


def _with_twin(target: str, twin: str) -> "ExplainedBinary":
    from smidgen.analyze.target import is_executable
    from smidgen.analyze.walk_file import explain_file

    if not is_executable(target):
        raise UsageError(
            f"--twin names the data of an executable, and {target} is none",
            hint="take the executable out of the image first",
        )
    if is_executable(twin):
        return explain_file(Path(target), twin=Path(twin))
    import tempfile

    from smidgen.gobuild.relink import RelinkRequest, relink
    from smidgen.needs.examine import platform_of

    with tempfile.TemporaryDirectory(prefix="smidgen-twin-") as directory:
        request = RelinkRequest(
            target=twin,
            directory=Path.cwd(),
            environ=os.environ,
            platform=platform_of(Path(target)),
            ldflags=("-w",),
            strip=False,
            progress=console.detail,
        )
        return explain_file(Path(target), twin=relink(request, directory))


def _report(target: str, explained: "ExplainedBinary | ExplainedImage", selection: "Selection") -> "ExplainReport":
    from smidgen.analyze.explained import ExplainedBinary
    from smidgen.report.explain import binary_report, image_report

    if isinstance(explained, ExplainedBinary):
        return binary_report(target, explained, selection)
    return image_report(explained, selection)


def _changes(against: str | None, target: str, platform: Platform | None, store: Path | None) -> "Iterable[str]":
    """Give the sections of a page on what changed since *against*."""
    if against is None:
        return ()
    from smidgen.analyze.image.compare import compare
    from smidgen.analyze.target import opened_subject
    from smidgen.report.diff import diff_report
    from smidgen.report.page_diff import diff_sections

    with (
        opened_subject(against, store=store, platform=platform) as one,
        opened_subject(target, store=store, platform=platform) as other,
    ):
        return tuple(diff_sections(diff_report(compare(one, other))))


def _charts(path: Path | None) -> "Iterable[str]":
    """Give the sections of a page on a journey that was made before."""
    if path is None:
        return ()
    from smidgen.report.page_journey import journey_sections
    from smidgen.report.schema_journey import read_journey

    try:
        with path.open("rb") as file:
            data = file.read(_MOST_JOURNEY)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="name a file that is readable") from error
    return journey_sections(read_journey(data, name=str(path)))


def _show(report: "ExplainReport", selection: "Selection", *, top: int, order: "Order") -> None:
    import sys

    from smidgen.report.explain_text import View, render_explanation

    style = coloured if console.colours(sys.stdout) else uncoloured
    for line in render_explanation(report, View(selection, top, order, style)):
        console.result(line)
