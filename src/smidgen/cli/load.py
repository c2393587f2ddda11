"""``smidgen load``."""

import sys
from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options

_PIPE = Path("-")


@click.command(short_help="Read images from an archive or an OCI layout.")
@click.option(
    "-i",
    "--input",
    "source",
    type=click.Path(path_type=Path),
    default=_PIPE,
    help="Archive or layout directory, or - for standard input, the default.",
)
@click.option("--name", metavar="NAME[:TAG]", help="Name for an image that brings none.")
@store_option
@json_option
@verbosity_options
def command(*, source: Path, name: str | None, store: Path | None, as_json: bool) -> None:
    """Read images from an archive (of smidgen, docker, podman, skopeo, …) or from an OCI layout.

    The names in it are given to the images; what had such a name loses it.
    """
    from smidgen.errors import UsageError
    from smidgen.report.schema_store import TagReport, TransferReport
    from smidgen.store.content import ContentStore
    from smidgen.transfer.load import load_images

    if source == _PIPE and sys.stdin.isatty():
        raise UsageError("standard input is a terminal", hint="use -i FILE, or pipe an archive into it")
    images = load_images(ContentStore.open(store), sys.stdin.buffer if source == _PIPE else source, name=name)
    if as_json:
        loaded = tuple(TagReport(reference=str(image.reference), digest=image.digest) for image in images)
        console.json(TransferReport(images=loaded))
        return
    for image in images:
        console.result(f"Loaded image: {image.name}")
