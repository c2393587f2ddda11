"""``smidgen save``."""

import sys
from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform

_PIPE = Path("-")


@click.command(short_help="Write images to an archive that other tools load.")
@click.argument("references", metavar="REF…", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=_PIPE,
    help="File, or - for standard output, the default.",
)
@click.option("--oci-layout", type=click.Path(path_type=Path, file_okay=False), help="Write a directory instead.")
@platform_option
@store_option
@json_option
@verbosity_options
def command(
    *,
    references: tuple[str, ...],
    output: Path,
    oci_layout: Path | None,
    platform: Platform | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Write images to one archive that docker, podman, skopeo and containerd load.

    REF is NAME[:TAG][@DIGEST], a digest, or the first digits of one. All platforms of an image are
    written, or the one that --platform names.
    """
    from smidgen.errors import UsageError
    from smidgen.image.image import Image
    from smidgen.report.schema_store import TagReport, TransferReport
    from smidgen.store.archive import write_archive, write_archive_file, write_layout
    from smidgen.store.content import ContentStore

    to_stdout = oci_layout is None and output == _PIPE
    if to_stdout and sys.stdout.isatty():
        raise UsageError(
            "an archive is nothing for a terminal", hint="use -o FILE, or pipe it: smidgen save … | docker load"
        )
    if to_stdout and as_json:
        raise UsageError("--json and an archive cannot both go to standard output", hint="use -o FILE")
    content = ContentStore.open(store, create=False)
    images = [Image.resolve(content, reference) for reference in references]
    chosen = [image.for_platform(platform) if platform else image for image in images]
    items = [(image.reference, image.descriptor) for image in chosen]
    if oci_layout is not None:
        write_layout(content, items, oci_layout)
    elif to_stdout:
        write_archive(content, items, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        write_archive_file(content, items, output)
    if as_json:
        saved = tuple(TagReport(reference=str(name) if name else None, digest=found.digest) for name, found in items)
        console.json(TransferReport(images=saved))
    else:
        where = "standard output" if to_stdout else oci_layout or output
        console.detail(f"wrote {len(items)} image(s) to {where}")
