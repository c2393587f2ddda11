"""``smidgen rebase``."""

import os
from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options


@click.command(short_help="Put an image onto another base, without building it again.")
@click.argument("image", metavar="REF")
@click.option("--onto", metavar="BASE", required=True, help="The new base: an image of a registry, static, store:NAME.")
@click.option("--from", "old", metavar="BASE", help="What it stands on.  [default: as its annotations say]")
@click.option("-t", "--tag", "names", metavar="NAME[:TAG]", multiple=True, help="Name of the result.  [default: REF]")
@click.option("--offline", envvar="SMIDGEN_OFFLINE", is_flag=True, help="Take bases from the store; ask no registry.")
@store_option
@json_option
@verbosity_options
def command(
    *,
    image: str,
    onto: str,
    old: str | None,
    names: tuple[str, ...],
    offline: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Put an image onto another base, without building it again.

    REF is an image of the store, or docker://REF, or a name with a registry that the store does not have: then all
    happens in the registry, and no layer of the image is fetched. All platforms of an index are done.

    Prints the references, with digests.
    """
    from smidgen.cli.progress import Progress
    from smidgen.gobuild.rebase import RebaseRequest, rebase_image
    from smidgen.report.rebase import rebase_report, render_rebase
    from smidgen.store.content import ContentStore

    request = RebaseRequest(image=image, onto=onto, old=old, names=names, offline=offline, environ=os.environ)
    with Progress() as progress:
        progress.say(f"rebasing {image}")
        outcome = rebase_image(request, ContentStore.open(store), warn=progress.warn, progress=progress)
    report = rebase_report(outcome)
    if as_json:
        console.json(report)
        return
    for reference in report.references:
        console.result(reference)
    console.note(render_rebase(report, style=console.style))
