"""``smidgen copy``."""

from typing import Unpack

import click

from smidgen.cli.moving import Moving, move_images, moving_options


@click.command(short_help="Copy an image between registries, the store, layouts, archives and Docker.")
@click.argument("source", metavar="SOURCE")
@click.argument("destinations", metavar="DESTINATION…", nargs=-1, required=True)
@moving_options("Copy")
def command(
    *,
    source: str,
    destinations: tuple[str, ...],
    **options: Unpack[Moving],
) -> None:
    """Copy an image from anywhere to anywhere.

    Places are docker://REF (a registry), oci:DIRECTORY[:NAME] (an OCI image layout), oci-archive:FILE[:NAME] (one in
    a tar), docker-archive:FILE[:NAME] (what `docker save` writes), docker-daemon:NAME (Docker's images), and NAME
    (the store).

    Between registries nothing is written to disk, and what the destination has is not sent. Prints the
    references, with digests.
    """
    from smidgen.transfer.endpoint import parse_endpoint

    found = parse_endpoint(source, default="store")
    ends = tuple(parse_endpoint(text, default="store") for text in destinations)
    move_images("copying", [(found, ends)], options)
