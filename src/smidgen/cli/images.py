"""``smidgen images``."""

from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option


@click.command(short_help="List the images of the store.")
@click.argument("name", required=False)
@click.option("-q", "--quiet", "only_ids", is_flag=True, help="Print identifiers only.")
@click.option("--digests", is_flag=True, help="Add a column with whole digests.")
@click.option("--no-trunc", is_flag=True, help="Shorten nothing.")
@store_option
@json_option
def command(
    *, name: str | None, only_ids: bool, digests: bool, no_trunc: bool, store: Path | None, as_json: bool
) -> None:
    """List the images of the store.

    NAME is a repository or REPOSITORY:TAG, perhaps with * and ?; all images without it.

    SIZE is that of the uncompressed layers and PULL SIZE of what is stored and travels, of all
    platforms together.
    """
    from smidgen.report.images import identifier, render_images
    from smidgen.report.store_results import entries, list_images, matches
    from smidgen.store.content import ContentStore

    content = ContentStore.open(store, create=False)
    if only_ids and not as_json:
        found = (descriptor.digest for reference, descriptor in entries(content) if matches(reference, name))
        for digest in dict.fromkeys(found):
            console.result(identifier(digest, truncate=not no_trunc))
        return
    report = list_images(content, name)
    if as_json:
        console.json(report)
        return
    from datetime import UTC, datetime

    for line in render_images(report.images, now=datetime.now(UTC), digests=digests, truncate=not no_trunc):
        console.result(line)
    for image in report.images:
        if image.problem:
            console.warning(f"{image.repository}:{image.tag}: {image.problem}")
