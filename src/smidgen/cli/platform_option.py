"""``--platform``, for commands that take some of an image for several platforms."""

import click

from smidgen.cli.options import Command
from smidgen.oci.platform import Platform


def platform_option(command: Command) -> Command:
    """Add ``--platform``, passed as ``platform: Platform | None``; None is this machine's."""

    def parse(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Platform | None:
        return None if value is None else Platform.parse(value)

    return click.option(
        "--platform",
        metavar="OS/ARCH[/VARIANT]",
        callback=parse,
        help="Which image, where there is one for each of several platforms.  [default: this machine's]",
    )(command)


def platforms_option(command: Command) -> Command:
    """Add ``--platform``, passed as ``platforms: tuple[Platform, ...] | None``; None is all of them."""

    def parse(
        _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
    ) -> tuple[Platform, ...] | None:
        texts = (text.strip() for value in given for text in value.split(","))
        return tuple(dict.fromkeys(Platform.parse(text) for text in texts)) or None

    return click.option(
        "--platform",
        "platforms",
        metavar="OS/ARCH[/VARIANT],…",
        multiple=True,
        callback=parse,
        help="Only the images for these platforms, where there are several.  [default: all]",
    )(command)
