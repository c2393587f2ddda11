"""``smidgen history``."""

from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform


@click.command(short_help="Show the layers of an image.")
@click.argument("image", metavar="IMAGE")
@click.option("--no-trunc", is_flag=True, help="Shorten nothing.")
@platform_option
@store_option
@json_option
@verbosity_options
def command(*, image: str, no_trunc: bool, platform: Platform | None, store: Path | None, as_json: bool) -> None:
    """Show the layers of an image and what made them, newest first.

    IMAGE is a reference, a digest or the first digits of one; an archive (of smidgen, docker, podman,
    buildah, ko …); or oci:DIR[:NAME].
    """
    from smidgen.analyze.target import opened_image
    from smidgen.report.history import render_history
    from smidgen.report.store_results import image_history

    with opened_image(image, store=store, platform=platform) as found:
        report = image_history(found)
    if as_json:
        console.json(report)
        return
    from datetime import UTC, datetime

    for line in render_history(report, now=datetime.now(UTC), truncate=not no_trunc):
        console.result(line)
