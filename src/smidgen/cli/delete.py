"""``smidgen delete``."""

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, verbosity_options


@click.command(short_help="Delete tags or images from a registry.")
@click.argument("references", metavar="REF…", nargs=-1, required=True)
@json_option
@verbosity_options
def command(*, references: tuple[str, ...], as_json: bool) -> None:
    """Delete tags or images from a registry; nothing is asked.

    REF is [REGISTRY/]NAME:TAG, which deletes this tag alone and leaves the image, or [REGISTRY/]NAME@DIGEST,
    which deletes the image with all its tags. When the space is free again is up to the registry.
    """
    from smidgen.cli.registry_session import open_session
    from smidgen.report.schema_transfer import DeletedImage, DeletionReport
    from smidgen.transfer.delete import delete, parse_target

    targets = [parse_target(text) for text in references]
    done = []
    with open_session() as session:
        for target in targets:
            deleted = delete(session, target)
            done.append(deleted)
            if not as_json:
                with_tags = "" if deleted.what == "tag" else " and all its tags"
                console.result(f"Deleted {deleted.what}: {deleted.reference.familiar}{with_tags}")
    if as_json:
        report = [DeletedImage(reference=str(one.reference), what=one.what, digest=one.digest) for one in done]
        console.json(DeletionReport(deleted=tuple(report)))
