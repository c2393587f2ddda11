"""``smidgen diff``."""

import sys
from pathlib import Path

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.page_option import page_option, write_page
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform


@click.command(short_help="Show how two images, or two programs, differ.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    default=15,
    show_default=True,
    help="Most rows of a table; JSON has all.",
)
@page_option("Write a page with all that differs; it needs no network.")
@platform_option
@store_option
@json_option
@verbosity_options
def command(
    *,
    before: str,
    after: str,
    limit: int,
    page: Path | None,
    platform: Platform | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Show how two images differ: files, configuration, and what is inside of the programs that differ.

    A and B are references, digests or the first digits of one; archives of images; oci:DIR[:NAME]; or
    executables. With an executable, the other one is that of the image. Times are not compared.
    """
    from smidgen.analyze.image.compare import compare
    from smidgen.analyze.target import opened_subject
    from smidgen.report.diff import diff_report, render_diff

    with (
        opened_subject(before, store=store, platform=platform) as one,
        opened_subject(after, store=store, platform=platform) as other,
    ):
        found = compare(one, other)
    if page is not None:
        from smidgen.report.page_diff import render_diff_page

        write_page(page, render_diff_page(diff_report(found)))
    if as_json:
        console.json(diff_report(found))
    if as_json or page is not None:
        return
    style = coloured if console.colours(sys.stdout) else uncoloured
    for line in render_diff(found, limit=limit, style=style):
        console.result(line)
