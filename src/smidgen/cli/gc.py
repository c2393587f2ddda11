"""``smidgen gc``."""

from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options


@click.command(short_help="Delete content that no image uses.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be deleted.")
@click.option("--verify", is_flag=True, help="Also read all content that stays, and delete what is damaged.")
@click.option("--wait", type=click.FloatRange(min=0), default=30.0, help="Seconds to wait for builds.  [default: 30]")
@click.option(
    "--builds", is_flag=True, help="Also delete unpacked layers and cache mounts that builds of Dockerfiles keep."
)
@store_option
@json_option
@verbosity_options
def command(*, dry_run: bool, verify: bool, wait: float, builds: bool, store: Path | None, as_json: bool) -> int | None:
    """Delete content that no image uses. Builds that run at the same time are waited for.

    What builds of Dockerfiles keep for each other is deleted when it was not used for 30 days.
    """
    from smidgen.report.schema_store import CollectionReport
    from smidgen.report.text import human_size
    from smidgen.store.content import ContentStore

    content = ContentStore.open(store, create=False)
    if (content.root / "snapshots").is_dir():
        from smidgen.sandbox.own_namespace import inside  # files there belong to other ids

        if (code := inside(console.arguments)) is not None:
            return code
    collected = content.gc(dry_run=dry_run, verify=verify, builds=builds, wait=wait)
    reclaimed = collected.size + collected.abandoned
    if as_json:
        report = CollectionReport(
            dry_run=dry_run, deleted=collected.blobs, damaged=collected.damaged, reclaimed=reclaimed
        )
        console.json(report)
    else:
        would, deleted = ("Would reclaim", "Would delete") if dry_run else ("Total reclaimed space", "Deleted")
        for digest in collected.blobs:
            console.result(f"{deleted}: {digest}")
        console.result(f"{would}: {human_size(reclaimed)}")
    for digest in collected.damaged:
        console.warning(f"{digest} was damaged: build or load the images again that need it")
    return None
