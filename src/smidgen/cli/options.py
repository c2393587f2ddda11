"""Options that several commands share, so that they read and behave alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from smidgen.cli.console import console

#: A command, or the function that is to become one.
Command = TypeVar("Command", bound=Callable[..., Any])


def store_option(command: Command) -> Command:
    """Add ``--store``, passed as ``store: Path | None``."""
    return click.option(
        "--store",
        envvar="SMIDGEN_STORE",
        type=click.Path(path_type=Path, file_okay=False),
        help="Content store: an OCI image layout.  [default: $XDG_DATA_HOME/smidgen/store]",
    )(command)


def json_option(command: Command) -> Command:
    """Add ``--json``, passed as ``as_json: bool``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def verbosity_options(command: Command) -> Command:
    """Add ``-v`` and ``-q`` after the command's name too, where most people write them. Nothing is passed."""

    def louder(_context: click.Context, _parameter: click.Parameter, value: int) -> None:
        console.verbosity += value

    def quiet(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            console.verbosity = -1

    command = click.option("-v", "--verbose", count=True, expose_value=False, callback=louder, help="Say more.")(
        command
    )
    return click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=quiet, help="Say nothing but results and warnings."
    )(command)


def many(*names: str, metavar: str, says: str) -> Callable[[Command], Command]:
    """Add an option that may be given several times, passed as a tuple of str; *says* is its line of help."""
    return click.option(*names, multiple=True, metavar=metavar, help=says)


def runtime_option(what: str) -> Callable[[Command], Command]:
    """Add ``--runtime``, passed as ``runtime: str``; help says that it runs *what*."""
    return click.option(
        "--runtime",
        type=click.Choice(["auto", "runc", "crun", "bwrap"]),
        default="auto",
        envvar="SMIDGEN_RUNTIME",
        show_default=True,
        help=f"What runs {what}.",
    )


def engine_option(command: Command) -> Command:
    """Add ``--load``, passed as ``engine: Engine | None``."""
    return click.option(
        "--load", "engine", type=click.Choice(["docker", "podman"]), help="Also load into this engine."
    )(command)
