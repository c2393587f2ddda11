"""``smidgen check``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.config.budget import Limit


_EXAMPLE = "write one into smidgen.yaml, such as\n  budget:\n    pull_size: 10MB\n    no_root: true"


@click.command(short_help="Hold an image against the budget in smidgen.yaml.")
@click.argument("image", metavar="IMAGE")
@click.option("--against", metavar="IMAGE", help="Another image, for limits of growth; such as the one in production.")
@click.option("--config", "config_file", metavar="FILE", type=click.Path(path_type=Path), help="Configuration file.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write a comment for a pull request.")
@click.option("--sarif", type=click.Path(path_type=Path, dir_okay=False), help="Write what is over as SARIF 2.1.0.")
@platform_option
@store_option
@json_option
@verbosity_options
def command(
    *,
    image: str,
    against: str | None,
    config_file: Path | None,
    markdown: Path | None,
    sarif: Path | None,
    platform: Platform | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Hold an image against the budget in smidgen.yaml; exit with 1 where it is over.

    IMAGE is a reference, a digest or the first digits of one; an archive of images; or oci:DIR[:NAME].
    """
    from smidgen.analyze.image.budget import check, measure
    from smidgen.analyze.target import opened_image
    from smidgen.cli.output_file import write_output
    from smidgen.errors import PolicyError
    from smidgen.report.check import check_report, failure_text, render_check, render_markdown

    limits = _limits(config_file)
    other = None
    if against is not None:
        with opened_image(against, store=store, platform=platform) as found:
            other = measure(found, [limit for limit in limits if "growth" in limit.key])
    with opened_image(image, store=store, platform=platform) as found:
        measured = measure(found, limits)
        report = check_report(measured, other, check(limits, measured, other))
    if markdown is not None:
        write_output(markdown, render_markdown(report))
    if sarif is not None:
        from smidgen.report.check_sarif import render_sarif

        write_output(sarif, render_sarif(report))
    if as_json:
        console.json(report)
    else:
        style = coloured if console.colours(sys.stdout) else uncoloured
        for line in render_check(report, style=style):
            console.result(line)
    if not report.passed:
        raise PolicyError(failure_text(report), hint="`smidgen explain` and `smidgen waste` tell where the bytes are")


def _limits(config_file: Path | None) -> "tuple[Limit, ...]":
    from smidgen.config.budget import budget_limits
    from smidgen.config.discover import load_config
    from smidgen.errors import UsageError

    config = load_config(Path.cwd(), file=config_file)
    if config is None:
        raise UsageError("there is no smidgen.yaml here or above, so there is no budget", hint=_EXAMPLE)
    limits = budget_limits(config)
    if not limits:
        raise UsageError(f"{config.document.name} has no budget", hint=_EXAMPLE)
    return limits
