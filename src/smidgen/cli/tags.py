"""``smidgen tags``."""

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, verbosity_options


@click.command(short_help="List the tags of a repository.")
@click.argument("repository", metavar="[REGISTRY/]NAME")
@json_option
@verbosity_options
def command(*, repository: str, as_json: bool) -> None:
    """List the tags of a repository of a registry, one a line."""
    from smidgen.cli.registry_session import open_session
    from smidgen.errors import UsageError
    from smidgen.oci.transport import parse_registry_name
    from smidgen.registry.client import Client
    from smidgen.registry.repository import Repository
    from smidgen.report.printable import printable
    from smidgen.report.schema_transfer import RepositoryTags

    reference = parse_registry_name(repository)
    if reference.tag or reference.digest:
        raise UsageError(f"{repository} names an image", hint=f"name the repository: {reference.familiar_name}")
    with open_session() as session:
        tags = tuple(Client(session, Repository.of(reference)).tags())
    if as_json:
        console.json(RepositoryTags(repository=reference.name, tags=tags))
        return
    for tag in tags:
        console.result(printable(tag))
