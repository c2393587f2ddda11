"""``smidgen logout``."""

import click

from smidgen.cli.console import console
from smidgen.cli.options import verbosity_options


@click.command(short_help="Log out of a registry.")
@click.argument("registry", metavar="[REGISTRY]", default="docker.io")
@verbosity_options
def command(*, registry: str) -> None:
    """Log out of a registry, Docker Hub if none is named: forget the credentials that `smidgen login` keeps."""
    from smidgen.registry.login import logout, parse_registry

    outcome = logout(parse_registry(registry))
    if outcome.places:
        console.note(f"logged out of {outcome.registry}: forgotten by {' and '.join(outcome.places)}")
    else:
        console.note(f"not logged in to {outcome.registry}")
    for place in outcome.remaining:
        console.warning(f"{place} still has credentials for {outcome.registry}; smidgen only reads that file")
