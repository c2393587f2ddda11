"""``smidgen doctor``."""

import os
import sys
from pathlib import Path

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, store_option, verbosity_options


@click.command(short_help="Say what this machine can do, and how to get what is missing.")
@store_option
@json_option
@verbosity_options
def command(*, store: Path | None, as_json: bool) -> int:
    """Say what this machine can do for smidgen, and how to get what is missing.

    Runtimes are tried with a container. No registry is asked, and of credentials only the registries are said that
    they are for. The exit code is 1 where neither Go programs nor Dockerfiles can be built.
    """
    from smidgen.cli.progress import Progress
    from smidgen.doctor.examine import examine_machine
    from smidgen.report.doctor import doctor_report, render_doctor

    with Progress() as progress:
        report = doctor_report(examine_machine(os.environ, store=store, progress=progress.say))
    if as_json:
        console.json(report)
    else:
        style = coloured if console.colours(sys.stdout) else uncoloured
        console.result(render_doctor(report, style=style))
    return 0 if report.can_build else 1
