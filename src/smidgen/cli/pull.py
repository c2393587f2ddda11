"""``smidgen pull``."""

from typing import Unpack

import click

from smidgen.cli.moving import Moving, move_images, moving_options


@click.command(short_help="Pull images from a registry into the store.")
@click.argument("references", metavar="REF…", nargs=-1, required=True)
@click.option("-t", "--tag", "name", metavar="NAME[:TAG]", help="Call it this in the store.  [default: REF]")
@moving_options("Pull")
def command(
    *,
    references: tuple[str, ...],
    name: str | None,
    **options: Unpack[Moving],
) -> None:
    """Pull images from a registry into the store, under their names.

    REF is [REGISTRY/]NAME[:TAG][@DIGEST]; without a registry it is one of Docker Hub. Only what the store does
    not have is fetched; a pull that was interrupted goes on where it was. Prints the references, with digests.
    """
    from smidgen.errors import UsageError
    from smidgen.transfer.destination import name_in_store
    from smidgen.transfer.endpoint import Remote, Stored, parse_endpoint

    if name is not None and len(references) > 1:
        raise UsageError(f"--tag gives one name, and there are {len(references)} images", hint="pull them one by one")
    moves = []
    for text in references:
        source = parse_endpoint(text, default="registry")
        if not isinstance(source, Remote):
            raise UsageError(f"{text} is no registry", hint="use `smidgen load`, or `smidgen copy`")
        moves.append((source, (Stored(name or str(name_in_store(source.reference))),)))
    move_images("pulling", moves, options)
