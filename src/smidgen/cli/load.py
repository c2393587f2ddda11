"""``smidgen load``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options

if TYPE_CHECKING:
    from smidgen.oci.descriptor import Descriptor
    from smidgen.oci.reference import Reference
    from smidgen.store.content import ContentStore

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
    from smidgen.oci.reference import Reference  # noqa: PLC0415
    from smidgen.report.schema_store import TagReport, TransferReport  # noqa: PLC0415
    from smidgen.store.content import ContentStore  # noqa: PLC0415

    wanted = Reference.parse(name).with_default_tag() if name else None
    content = ContentStore.open(store)
    with content.writing():
        named = [(_name(reference, found, wanted), found) for reference, found in _read(content, source)]
        content.tag_all(dict(named))
    if as_json:
        loaded = tuple(TagReport(reference=str(reference), digest=found.digest) for reference, found in named)
        console.json(TransferReport(images=loaded))
        return
    for reference, _ in named:
        console.result(f"Loaded image: {reference.familiar}")


def _read(content: "ContentStore", source: Path) -> "tuple[tuple[Reference | None, Descriptor], ...]":
    from smidgen.errors import UsageError  # noqa: PLC0415
    from smidgen.store.archive import read_archive, read_layout  # noqa: PLC0415
    from smidgen.store.faults import ELSEWHERE, reporting  # noqa: PLC0415

    if source == _PIPE:
        if sys.stdin.isatty():
            raise UsageError("standard input is a terminal", hint="use -i FILE, or pipe an archive into it")
        return read_archive(content, sys.stdin.buffer)
    if source.is_dir():
        return read_layout(content, source)
    with reporting("read", source, instead=ELSEWHERE):
        file = source.open("rb")
    with file:
        return read_archive(content, file)


def _name(reference: "Reference | None", found: "Descriptor", wanted: "Reference | None") -> "Reference":
    """Give an image without a name one that says which it is, as what has no tag cannot be kept."""
    from smidgen.oci.digest import encoded  # noqa: PLC0415
    from smidgen.oci.reference import Reference  # noqa: PLC0415

    return reference or wanted or Reference.parse(f"loaded:{encoded(found.digest)[:12]}")
