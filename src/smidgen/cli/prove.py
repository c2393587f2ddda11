"""``smidgen prove``: an image under hostile conditions."""

import os
import re
from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, runtime_option, store_option, verbosity_options
from smidgen.cli.reference_command import ReferenceCommand

_DURATION = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(ms|s|m)?\Z")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    match = _DURATION.match(text)
    if match is None or float(match[1]) == 0:
        raise click.BadParameter(f"{text!r} is not a duration; expected 10s, 500ms or 1m")
    return float(match[1]) * _UNITS[match[2] or "s"]


@click.command(cls=ReferenceCommand, context_settings={"allow_interspersed_args": False})
@click.argument("reference", metavar="REF")
@click.argument("arguments", metavar="[ARG]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--http", metavar=":PORT/PATH", help="Request this until it answers with 2xx.")
@click.option(
    "--timeout",
    callback=_seconds,
    default="10s",
    metavar="DURATION",
    show_default=True,
    help="How long it may take to answer with --http.",
)
@click.option(
    "--grace",
    callback=_seconds,
    metavar="DURATION",
    default="2s",
    show_default=True,
    help="How long to watch a program that is not asked by --http, if it does not end before.",
)
@click.option(
    "--expect-exit", type=click.IntRange(0, 255), default=0, show_default=True, help="Exit code of a program that ends."
)
@click.option("-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="Set a variable, or pass one on.")
@click.option(
    "--env-file", multiple=True, type=click.Path(path_type=Path, dir_okay=False), help="Read variables from a file."
)
@click.option("--volume", multiple=True, metavar="SRC:DST[:ro]", help="Show a directory or file of the host.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Run as another user, by name or number.")
@click.option("--entrypoint", metavar="PROGRAM", help="Start another program.")
@runtime_option("the container")
@click.option("--platform", metavar="OS/ARCH", help="Which image of an index.  [default: this machine's]")
@json_option
@store_option
@verbosity_options
def command(
    *,
    reference: str,
    arguments: tuple[str, ...],
    http: str | None,
    timeout: float,
    grace: float,
    expect_exit: int,
    env: tuple[str, ...],
    env_file: tuple[Path, ...],
    volume: tuple[str, ...],
    user: str | None,
    entrypoint: str | None,
    runtime: str,
    platform: str | None,
    as_json: bool,
    store: Path | None,
) -> None:
    """Run an image under conditions as hostile as production's, and report what it missed.

    Read-only root file system, no capabilities, no new privileges, its own user, a network with loopback
    only. It can write to /tmp and to its volumes, where it has them. Arguments are the program's; the first of
    them ends the options, and so does --.
    """
    from smidgen.errors import PolicyError
    from smidgen.image.image import Image
    from smidgen.oci.platform import Platform
    from smidgen.report.proof import failure_text, proof_report, render_proof
    from smidgen.sandbox.launch import Wishes
    from smidgen.sandbox.prove import HttpCheck, ProveOptions, prove_image
    from smidgen.sandbox.variables import parse_variables, read_variables
    from smidgen.sandbox.volumes import Volume
    from smidgen.store.content import ContentStore

    from_files = (line for path in env_file for line in read_variables(path, os.environ))
    wishes = Wishes(
        arguments=arguments,
        entrypoint=None if entrypoint is None else (entrypoint,),
        environment=(*from_files, *parse_variables(env, os.environ)),
        user=user,
        volumes=tuple(Volume.parse(text) for text in volume),
        runtime=runtime,
    )
    options = ProveOptions(
        wishes=wishes,
        http=None if http is None else HttpCheck.parse(http),
        timeout=timeout,
        grace=grace,
        expect_exit=expect_exit,
        platform=None if platform is None else Platform.parse(platform),
    )
    image = Image.resolve(ContentStore.open(store, create=False), reference)
    report = proof_report(prove_image(image, options))
    if as_json:
        console.json(report)
    else:
        console.result(render_proof(report, style=console.style, verbose=console.verbosity > 0))
    if not report.passed:
        raise PolicyError(failure_text(report))
