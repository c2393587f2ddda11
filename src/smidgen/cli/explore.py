"""``smidgen explore``."""

import sys
from importlib.util import find_spec
from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.errors import UsageError
from smidgen.oci.platform import Platform


@click.command(short_help="Browse layers, files and packages of an image, on the full screen.")
@click.argument("target", metavar="REF|TARBALL|oci:DIR")
@platform_option
@store_option
@verbosity_options
def command(*, target: str, platform: Platform | None, store: Path | None) -> None:
    """Browse layers, files and packages of an image, on the full screen.

    For each layer: what made it, and which files it added, changed and removed, alone or over the layers below. For the
    image: bytes that no container can read. For a program: the bytes of each package.

    TARGET is an image of the store, an archive of an image (of docker, podman, skopeo, smidgen), or
    oci:DIRECTORY[:NAME].
    """
    if find_spec("textual") is None:
        raise UsageError("textual is not installed, which draws the screen", hint="pip install 'smidgen[tui]'")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "this is no terminal to draw on", hint="`smidgen explain`, `smidgen waste` and `smidgen ls` print the same"
        )
    from smidgen.analyze.image.walk import read_content
    from smidgen.analyze.target import opened_image
    from smidgen.analyze.walk_image import WalkOptions, explain_image
    from smidgen.cli.explore_screen import Explorer

    with opened_image(target, store=store, platform=platform) as image:
        console.note(f"reading {image.name}")
        explained = explain_image(image, WalkOptions(binaries=False))
        Explorer(image, explained, read_content(image)).run()
