"""``smidgen ls``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.report.schema_store import ListingReport


@click.command(short_help="List the files of an image.")
@click.argument("target", metavar="REF[:PATH]")
@click.option("-l", "--long", "details", is_flag=True, help="With mode, owner, size and time.")
@click.option("-R", "--recursive", is_flag=True, help="All below the directory, with whole paths.")
@click.option(
    "--layer",
    "number",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    help="What this layer adds (+), changes (~) and deletes (-); 1 is the bottom one.",
)
@platform_option
@store_option
@json_option
@verbosity_options
def command(
    *,
    target: str,
    details: bool,
    recursive: bool,
    number: int | None,
    platform: Platform | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """List the files of an image as a container sees them, all layers together.

    REF is NAME[:TAG][@DIGEST], a digest, or the first digits of one; PATH is absolute, such as
    in web:1.0:/etc, and the root without it.
    """
    from smidgen.image.image import Image  # noqa: PLC0415
    from smidgen.report.store_results import list_files, list_layer  # noqa: PLC0415
    from smidgen.store.content import ContentStore  # noqa: PLC0415

    # No reference has ":/" in it, whatever its registry's port and its digest.
    reference, colon, path = target.partition(":/")
    image = Image.resolve(ContentStore.open(store, create=False), reference).for_platform(platform)
    if number is not None:
        report = list_layer(image, path, number)
        _print(report, details=details, whole_paths=True, as_json=as_json)
        return
    # As ls does: without -l, a link to a directory means that directory.
    report = list_files(
        image, f"/{path}" if colon else "/", recursive=recursive, follow=not details or path.endswith("/")
    )
    _print(report, details=details, whole_paths=recursive, as_json=as_json)


def _print(report: "ListingReport", *, details: bool, whole_paths: bool, as_json: bool) -> None:
    from smidgen.report.listing import render_files  # noqa: PLC0415

    if as_json:
        console.json(report)
        return
    for line in render_files(report.files, details=details, whole_paths=whole_paths):
        console.result(line)
