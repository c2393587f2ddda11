"""``smidgen inspect``."""

from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform


@click.command(short_help="Show manifest and configuration of an image.")
@click.argument("references", metavar="REF…", nargs=-1, required=True)
@platform_option
@store_option
@json_option
@verbosity_options
def command(*, references: tuple[str, ...], platform: Platform | None, store: Path | None, as_json: bool) -> None:  # noqa: ARG001
    """Show manifest and configuration of images as a JSON list, each document as it is stored.

    REF is NAME[:TAG][@DIGEST], a digest, or the first digits of one. The output is always JSON.
    """
    from smidgen.report.store_results import inspect_image
    from smidgen.store.content import ContentStore

    content = ContentStore.open(store, create=False)
    console.json([inspect_image(content, reference, platform) for reference in references])
