"""``smidgen copy``."""

from pathlib import Path

import click

from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platforms_option
from smidgen.oci.platform import Platform


@click.command(short_help="Copy an image between registries, the store, layouts, archives and Docker.")
@click.argument("source", metavar="SOURCE")
@click.argument("destinations", metavar="DESTINATION…", nargs=-1, required=True)
@platforms_option
@click.option("--referrers", is_flag=True, help="Copy what refers to the image, too: signatures, SBOMs, provenance.")
@store_option
@json_option
@verbosity_options
def command(
    *,
    source: str,
    destinations: tuple[str, ...],
    platforms: tuple[Platform, ...] | None,
    referrers: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Copy an image from anywhere to anywhere.

    Places are docker://REF (a registry), oci:DIRECTORY[:NAME] (an OCI image layout), oci-archive:FILE[:NAME] (one in
    a tar), docker-archive:FILE[:NAME] (what `docker save` writes), docker-daemon:NAME (Docker's images), and NAME
    (the store).

    Between registries nothing is written to disk, and what the destination has is not sent. Prints the
    references, with digests.
    """
    from smidgen.cli.moving import move_images  # noqa: PLC0415
    from smidgen.transfer.endpoint import parse_endpoint  # noqa: PLC0415

    found = parse_endpoint(source, default="store")
    ends = tuple(parse_endpoint(text, default="store") for text in destinations)
    move_images("copying", [(found, ends)], store=store, platforms=platforms, referrers=referrers, as_json=as_json)
