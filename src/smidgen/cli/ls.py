"""``smidgen ls``."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.report.schema_store import ListingReport

_TRANSPORTS: Final = ("oci", "oci-archive", "docker-archive")


@click.command(short_help="List the files of an image.")
@click.argument("target", metavar="IMAGE[:PATH]")
@click.option("-l", "--long", "details", is_flag=True, help="With mode, owner, size and time.")
@click.option("-R", "--recursive", is_flag=True, help="All below the directory, with whole paths.")
@click.option(
    "--layer",
    "number",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    help="What this layer adds (+), changes (~) and deletes (-); 1 is the bottom one.",
)
@platform_option
@store_option
@json_option
@verbosity_options
def command(
    *,
    target: str,
    details: bool,
    recursive: bool,
    number: int | None,
    platform: Platform | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """List the files of an image as a container sees them, all layers together.

    IMAGE is a reference, a digest or the first digits of one; an archive (of smidgen, docker, podman,
    buildah, ko …); or oci:DIR[:NAME]. PATH is absolute, such as in web:1.0:/etc, and the root without it.
    """
    from smidgen.analyze.target import opened_image
    from smidgen.report.store_results import list_files, list_layer

    name, path = _divided(target)
    with opened_image(name, store=store, platform=platform) as image:
        if number is not None:
            report = list_layer(image, path.removeprefix("/"), number)
        else:
            # As ls does: without -l, a link to a directory means that directory.
            follow = not details or path.endswith("/")
            report = list_files(image, path or "/", recursive=recursive, follow=follow)
    _print(report, details=details, whole_paths=recursive or number is not None, as_json=as_json)


def _divided(target: str) -> tuple[str, str]:
    """Give the image's name and the path in it, or "" for none."""
    # No reference has ":/" in it, whatever its registry's port and its digest; "oci:/srv/layout" has.
    transport, colon, rest = target.partition(":/")
    if transport in _TRANSPORTS:
        rest, colon, path = rest.partition(":/")
        return f"{transport}:/{rest}", f"/{path}" if colon else ""
    return transport, f"/{rest}" if colon else ""


def _print(report: "ListingReport", *, details: bool, whole_paths: bool, as_json: bool) -> None:
    from smidgen.report.listing import render_files

    if as_json:
        console.json(report)
        return
    for line in render_files(report.files, details=details, whole_paths=whole_paths):
        console.result(line)
