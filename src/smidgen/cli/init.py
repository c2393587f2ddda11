"""``smidgen init``."""

import os
from pathlib import Path
from typing import Literal

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, verbosity_options


@click.command(short_help="Look at a project, and write smidgen.yaml, a Dockerfile, a Compose file or a pipeline.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".")
@click.option("--dockerfile", is_flag=True, help="Write a Dockerfile and .dockerignore instead of smidgen.yaml.")
@click.option("--compose", is_flag=True, help="Also write compose.yaml, with the servers that the programs talk to.")
@click.option("--ci", "pipeline", type=click.Choice(["github", "gitlab"]), help="Also write a pipeline.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@json_option
@verbosity_options
def command(
    *,
    directory: Path,
    dockerfile: bool,
    compose: bool,
    pipeline: Literal["github", "gitlab"] | None,
    force: bool,
    as_json: bool,
) -> None:
    """Look at the Go programs of DIRECTORY, and write what they are built with.

    The programs are built once, to see what they need. Ports, health checks, variables and files come from the
    sources, each with its line: look through what was written. A file that is there is left alone, unless --force.

    Prints the paths of the files that were written.
    """
    from smidgen.cli.progress import Progress
    from smidgen.project.init import InitOptions, render_files
    from smidgen.project.look import look
    from smidgen.project.write import write_files
    from smidgen.report.init import init_report, render_init

    root = Path(os.path.realpath(directory))
    with Progress() as progress:
        project = look(root, os.environ, by_hand=dockerfile, progress=progress.say)
    files = render_files(
        project, InitOptions(dockerfile=dockerfile, compose=compose, pipeline=pipeline, force=force), root
    )
    console.note(render_init(project, style=console.style))
    written = write_files(root, files, force=force)
    if as_json:
        console.json(init_report(project, files, written))
        return
    for name in files:
        if name in written:
            console.result(os.path.join(directory, name) if str(directory) != "." else name)
        else:
            console.note(f"{name} is as it was")
