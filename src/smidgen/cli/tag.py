"""``smidgen tag``."""

from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options


@click.command(short_help="Give an image another name.")
@click.argument("source")
@click.argument("target")
@store_option
@json_option
@verbosity_options
def command(*, source: str, target: str, store: Path | None, as_json: bool) -> None:
    """Give the image SOURCE the name TARGET too; what had that name loses it.

    SOURCE is NAME[:TAG][@DIGEST], a digest, or the first digits of one. TARGET is NAME[:TAG].
    """
    from smidgen.errors import InvalidReference
    from smidgen.image.image import Image
    from smidgen.oci.reference import Reference
    from smidgen.report.schema_store import NamingReport
    from smidgen.store.content import ContentStore

    name = Reference.parse(target).with_default_tag()
    if name.digest:
        raise InvalidReference(target, "a name that is given cannot have a digest")
    content = ContentStore.open(store, create=False)
    descriptor = Image.resolve(content, source).descriptor
    content.tag(name, descriptor)
    if as_json:
        console.json(NamingReport(reference=str(name), digest=descriptor.digest))
    else:
        console.detail(f"{name.familiar} is {descriptor.digest}")
