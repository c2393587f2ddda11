"""``smidgen waste``."""

from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform


@click.command(short_help="Show the bytes of an image that no container can read.")
@click.argument("image", metavar="IMAGE")
@click.option("--files", "each", is_flag=True, help="A row for each file, not one for files alike.")
@click.option(
    "-n", "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Most rows; JSON has all."
)
@click.option("--no-trunc", is_flag=True, help="Do not shorten instructions.")
@platform_option
@store_option
@json_option
@verbosity_options
def command(
    *,
    image: str,
    each: bool,
    limit: int,
    no_trunc: bool,
    platform: Platform | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Show the bytes of an image that are stored and fetched, but that no container can read.

    These are files that a later layer replaced or deleted, alone or with a directory. The copy that
    is kept does not count, and a file with several hard links counts once.

    IMAGE is a reference, a digest or the first digits of one; an archive (of smidgen, docker, podman,
    buildah, ko …); or oci:DIR[:NAME].
    """
    from smidgen.analyze.image.walk import read_content
    from smidgen.analyze.target import opened_image
    from smidgen.report.waste import render_waste, waste_report

    with opened_image(image, store=store, platform=platform) as found:
        content = read_content(found)
        if as_json:
            console.json(waste_report(found, content))
            return
        for line in render_waste(found, content, each=each, limit=limit, full=no_trunc):
            console.result(line)
