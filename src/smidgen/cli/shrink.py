"""``smidgen shrink``."""

import os
import sys
from pathlib import Path

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform


@click.command(short_help="Build a program in ways that make its image smaller, and show the price of each.")
@click.argument("target", metavar="[TARGET]", default=".")
@click.option("--apply", "write", is_flag=True, help="Write what is safe to smidgen.yaml.")
@click.option("--only", multiple=True, metavar="ADVICE,…", help="Try only these.")
@click.option("--thorough", is_flag=True, help="Also try what compiles every package once more.")
@click.option(
    "--http", metavar=":PORT/PATH", help="Request this of what runs another way, and take processor time a request."
)
@click.option("--timeout", metavar="TIME", help="Begin no further trial after this time, such as 90s or 15m.")
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file.  [default: found upwards]"
)
@platform_option
@store_option
@json_option
@verbosity_options
def command(
    *,
    target: str,
    write: bool,
    only: tuple[str, ...],
    thorough: bool,
    http: str | None,
    timeout: str | None,
    config: Path | None,
    platform: Platform | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Build a Go program in ways that make its image smaller, and show what each saves, and what is lost by it.

    TARGET is what `smidgen build` takes: a directory, an import path, or PATH@VERSION; or the name of a target in
    smidgen.yaml. The program itself and each advice are built and measured; none of the images are kept. Advice that is
    followed already is not given.

    With UPX on this machine, or with --http, the program and what runs another way are started in a sandbox without
    a network.
    """
    from smidgen.cli.progress import Progress
    from smidgen.dockerfile.execute.flags import parse_duration
    from smidgen.report.shrink import render_applied, render_shrink, shrink_report, with_applied
    from smidgen.sandbox.prove import HttpCheck
    from smidgen.shrink.apply import apply, check_applicable
    from smidgen.shrink.survey import SurveyOptions, survey
    from smidgen.shrink.target import find_program
    from smidgen.store.content import ContentStore

    options = SurveyOptions(
        thorough=thorough,
        http=None if http is None else HttpCheck.parse(http),
        only=frozenset(name for text in only for name in text.split(",")),
        timeout=parse_duration(timeout) if timeout else None,
    )
    with Progress() as progress:
        variants = find_program(
            target, directory=Path.cwd(), environ=os.environ, config=config, platform=platform, tell=progress.say
        )
        if write:
            check_applicable(variants)
        found = survey(variants, ContentStore.open(store), options, tell=progress.say)
    report = shrink_report(found)
    if not as_json:
        style = coloured if console.colours(sys.stdout) else uncoloured
        for line in render_shrink(report, style):
            console.result(line)
    if write and found.safe:
        applied = apply(variants, found.safe)
        report = with_applied(report, applied)
        console.note(render_applied(applied))
    elif write:
        console.note("nothing safe is left to write")
    if as_json:
        console.json(report)
