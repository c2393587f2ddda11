"""``smidgen shrink``."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.shrink.advice import Survey


@click.command(short_help="Build a program in ways that make its image smaller, and show the price of each.")
@click.argument("target", metavar="[TARGET]", default=".")
@click.option("--thorough", is_flag=True, help="Also try what compiles every package once more.")
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
    thorough: bool,
    config: Path | None,
    platform: Platform | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Build a Go program in ways that make its image smaller, and show what each saves, and what is lost by it.

    TARGET is what `smidgen build` takes: a directory, an import path, or PATH@VERSION; or the name of a target in
    smidgen.yaml. The program itself and each advice are built and measured; none of the images are kept. Advice that is
    followed already is not given.
    """
    from smidgen.report.shrink import render_shrink, shrink_report  # noqa: PLC0415

    report = shrink_report(_survey(target, config, platform, store, thorough=thorough))
    if as_json:
        console.json(report)
        return
    style = coloured if console.colours(sys.stdout) else uncoloured
    for line in render_shrink(report, style):
        console.result(line)


def _survey(
    target: str, config: Path | None, platform: Platform | None, store: Path | None, *, thorough: bool
) -> "Survey":
    from smidgen.cli.progress import Progress  # noqa: PLC0415
    from smidgen.shrink.survey import SurveyOptions, survey  # noqa: PLC0415
    from smidgen.shrink.target import find_program  # noqa: PLC0415
    from smidgen.store.content import ContentStore  # noqa: PLC0415

    with Progress() as progress:
        variants = find_program(
            target,
            directory=Path.cwd(),
            environ=os.environ,
            config=config,
            platform=platform,
            tell=progress.say,
        )
        return survey(variants, ContentStore.open(store), SurveyOptions(thorough=thorough), tell=progress.say)
