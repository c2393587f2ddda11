"""``smidgen run``: an image in the foreground."""

import os
from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import store_option
from smidgen.cli.reference_command import ReferenceCommand

RUNTIMES = ("auto", "runc", "crun", "bwrap", "docker", "podman")


@click.command(cls=ReferenceCommand, context_settings={"allow_interspersed_args": False})
@click.argument("reference", metavar="REF")
@click.argument("arguments", metavar="[ARG]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "-p",
    "--publish",
    multiple=True,
    metavar="[IP:]HOST:PORT",
    help="Reach PORT of the container at HOST; a HOST of 0, or none, takes a free one. The container gets a "
    "network of its own.",
)
@click.option("-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="Set a variable, or pass one on.")
@click.option(
    "--env-file", multiple=True, type=click.Path(path_type=Path, dir_okay=False), help="Read variables from a file."
)
@click.option("-v", "--volume", multiple=True, metavar="SRC:DST[:ro]", help="Show a directory or file of the host.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Run as another user, by name or number.")
@click.option("-w", "--workdir", metavar="DIR", help="Start in another directory.")
@click.option("--entrypoint", metavar="PROGRAM", help="Start another program.")
@click.option("--read-only", is_flag=True, help="Mount the root file system read-only, but for its volumes.")
@click.option(
    "--network",
    type=click.Choice(["auto", "private", "host", "none"]),
    default="auto",
    show_default=True,
    help="private and none have a loopback only; auto is private with -p and host without.",
)
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default="auto",
    envvar="SMIDGEN_RUNTIME",
    show_default=True,
    help="What runs the container; docker and podman take the image over.",
)
@click.option("--platform", metavar="OS/ARCH", help="Which image of an index.  [default: this machine's]")
@click.option("-i", "--interactive", is_flag=True, help="Let the program read standard input.")
@click.option("-t", "--tty", is_flag=True, help="Give the program a terminal, where standard input is one.")
@store_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what the program says.")
def command(
    *,
    reference: str,
    arguments: tuple[str, ...],
    publish: tuple[str, ...],
    env: tuple[str, ...],
    env_file: tuple[Path, ...],
    volume: tuple[str, ...],
    user: str | None,
    workdir: str | None,
    entrypoint: str | None,
    read_only: bool,
    network: str,
    runtime: str,
    platform: str | None,
    interactive: bool,
    tty: bool,
    store: Path | None,
    quiet: bool,
) -> int:
    """Run an image.

    Arguments take the place of the image's command; the first of them ends the options, and so does --.
    The exit code is the program's, or 128 + N where signal N ended it; 127 where the image does not have
    the program.
    """
    from smidgen.image.image import Image
    from smidgen.oci.platform import Platform
    from smidgen.sandbox.launch import Wishes
    from smidgen.sandbox.ports import Publish
    from smidgen.sandbox.run import RunOptions, run_image
    from smidgen.sandbox.variables import parse_variables, read_variables
    from smidgen.sandbox.volumes import Volume
    from smidgen.store.content import ContentStore

    if quiet:
        console.verbosity = -1
    from_files = (line for path in env_file for line in read_variables(path, os.environ))
    wishes = Wishes(
        arguments=arguments,
        entrypoint=None if entrypoint is None else (entrypoint,),
        environment=(*from_files, *parse_variables(env, os.environ)),
        user=user,
        directory=workdir,
        volumes=tuple(Volume.parse(text) for text in volume),
        read_only=read_only,
        terminal=tty and os.isatty(0),
        runtime=runtime,
    )
    options = RunOptions(
        wishes=wishes,
        publish=tuple(Publish.parse(text) for text in publish),
        network=network,
        platform=None if platform is None else Platform.parse(platform),
        interactive=interactive or (tty and os.isatty(0)),
    )
    image = Image.resolve(ContentStore.open(store, create=False), reference)
    return run_image(image, options, note=console.note)
