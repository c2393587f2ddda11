"""``smidgen login``."""

import sys
from typing import Final

import click

from smidgen.cli.console import console
from smidgen.cli.options import verbosity_options
from smidgen.errors import UsageError

_MOST: Final = 64 << 10


@click.command(short_help="Log in to a registry.")
@click.argument("registry", metavar="[REGISTRY]", default="docker.io")
@click.option("-u", "--username", metavar="NAME", help="Who you are there.")
@click.option("--password-stdin", is_flag=True, help="Read the password, or the token, from standard input.")
@verbosity_options
def command(*, registry: str, username: str | None, password_stdin: bool) -> None:
    """Log in to a registry, Docker Hub if none is named.

    User name and password are asked for on a terminal. They are tried at the registry first, then kept where docker
    keeps them, in config.json or in the credential helper that it names, so that other tools are logged in too.
    """
    from smidgen.cli.registry_session import open_session
    from smidgen.registry.credentials import Credentials
    from smidgen.registry.login import Given, login, parse_registry

    host = parse_registry(registry)
    username, password = _ask(host, username, from_input=password_stdin)
    given = Given(Credentials(username, password, source="what was entered"))
    with open_session(credentials=given) as session:
        outcome = login(session, host, username, password)
    if not outcome.was_asked:
        console.warning(f"{host} did not ask for credentials, so nobody knows whether these are right")
    if outcome.is_plain:
        console.warning(
            f"the password is kept in {outcome.place}, where whoever can read your files can read it; "
            "a credential helper keeps it better"
        )
    console.note(f"logged in to {host} as {username}, kept in {outcome.place}")


def _ask(host: str, username: str | None, *, from_input: bool) -> tuple[str, str]:
    """Get what was not given: from standard input as it is told, or from a person at a terminal."""
    if from_input:
        if not username:
            raise UsageError("--password-stdin needs --username", hint=f"smidgen login -u NAME --password-stdin {host}")
        text = sys.stdin.read(_MOST + 1)
        password = text.removesuffix("\n").removesuffix("\r")
    elif sys.stdin.isatty():
        username = username or click.prompt(f"User name at {host}", err=True)
        password = click.prompt("Password", hide_input=True, err=True)
    else:
        raise UsageError(
            "there is no terminal to ask for the password at",
            hint=f"smidgen login -u NAME --password-stdin {host}, and the password on standard input",
        )
    if not username or ":" in username or not username.isprintable():
        raise UsageError(f"{username!r} is no user name", hint="it may not be empty, nor have a colon in it")
    # Several lines are allowed: Google's keys are JSON documents.
    if not password or len(password) > _MOST or "\0" in password:
        raise UsageError("that is no password: it is empty, or over 64 KiB")
    return username, password
