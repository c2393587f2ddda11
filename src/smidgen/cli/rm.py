"""``smidgen rm``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options

if TYPE_CHECKING:
    from smidgen.oci.descriptor import Descriptor
    from smidgen.oci.reference import Reference
    from smidgen.store.content import ContentStore


@click.command(short_help="Remove names of images.")
@click.argument("references", metavar="REF…", nargs=-1, required=True)
@click.option("-f", "--force", is_flag=True, help="With a digest, remove all names of the image.")
@store_option
@json_option
@verbosity_options
def command(*, references: tuple[str, ...], force: bool, store: Path | None, as_json: bool) -> None:
    """Remove names of images. The content goes with the next `smidgen gc`.

    REF is NAME[:TAG], or a digest or the first digits of one, for an image with one name.
    """
    from smidgen.report.schema_store import RemovalReport, TagReport
    from smidgen.store.content import ContentStore

    content = ContentStore.open(store, create=False)
    # All are found before any is removed, so that a wrong one changes nothing.
    found = [item for reference in references for item in _find(content, reference, force=force)]
    untagged = []
    for reference, descriptor in found:
        gone = content.untag(reference) if reference else content.drop(descriptor.digest)
        if gone:
            untagged.append(TagReport(reference=str(reference) if reference else None, digest=descriptor.digest))
            if not as_json:
                console.result(f"Untagged: {reference.familiar if reference else descriptor.digest}")
    if as_json:
        console.json(RemovalReport(untagged=tuple(untagged)))


def _find(content: "ContentStore", text: str, *, force: bool) -> "list[tuple[Reference | None, Descriptor]]":
    from smidgen.errors import NotFound, UsageError
    from smidgen.image.image import Image
    from smidgen.report.store_results import entries

    image = Image.resolve(content, text)
    if image.reference is not None and image.reference.tag:
        return [(image.reference, image.descriptor)]
    found = [item for item in entries(content) if item[1].digest == image.digest]
    if image.reference is not None:
        name = image.reference.name
        found = [item for item in found if item[0] is not None and item[0].name == name]
    if not found:
        raise NotFound(f"name of {text!r}", hint="it is a part of an image for several platforms: remove that one")
    if len(found) > 1 and not force:
        names = ", ".join(reference.familiar if reference else image.digest for reference, _ in found)
        raise UsageError(f"{text!r} has {len(found)} names: {names}", hint="name one of them, or use --force for all")
    return found
