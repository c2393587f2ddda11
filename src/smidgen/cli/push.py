"""``smidgen push``."""

from typing import Unpack

import click

from smidgen.cli.moving import Moving, move_images, moving_options


@click.command(short_help="Push images to a registry.")
@click.argument("source", metavar="SOURCE")
@click.argument("destinations", metavar="[DESTINATION]…", nargs=-1)
@moving_options("Push")
def command(
    *,
    source: str,
    destinations: tuple[str, ...],
    **options: Unpack[Moving],
) -> None:
    """Push an image to a registry, under its own name or under others.

    SOURCE is an image of the store: NAME[:TAG][@DIGEST], a digest, or the first digits of one. Or it is
    oci:DIRECTORY[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME] or docker-daemon:NAME.
    DESTINATION is [REGISTRY/]NAME[:TAG].

    Only what the registry does not have is sent; a push that was interrupted goes on where it was. Prints the
    references, with digests.
    """
    from smidgen.errors import UsageError
    from smidgen.registry.pushable import parse_pushable
    from smidgen.transfer.endpoint import Remote, Stored, parse_endpoint

    found = parse_endpoint(source, default="store")
    if not destinations and not isinstance(found, Stored):
        raise UsageError(f"{source} says what to push, but not where to", hint="name a destination after it")
    ends = tuple(parse_endpoint(text, default="registry") for text in destinations or (source,))
    for text, end in zip(destinations or (source,), ends, strict=True):
        if not isinstance(end, Remote):
            raise UsageError(f"{text} is no registry", hint="use `smidgen copy`, which copies anywhere")
        parse_pushable(text)
    move_images("pushing", [(found, ends)], options)
