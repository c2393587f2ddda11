"""``smidgen closure``."""

import sys
from pathlib import Path

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, verbosity_options


@click.command(short_help="Show the libraries of an executable, who needs each, and what is missing.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--sysroot",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory in which the libraries are, as /lib and /usr/lib below it.  [default: this machine's]",
)
@click.option("--library", "libraries", multiple=True, metavar="NAME", help="One more that the program may load.")
@json_option
@verbosity_options
def command(*, file: Path, sysroot: Path | None, libraries: tuple[str, ...], as_json: bool) -> None:
    """Show the libraries of a dynamic executable: who needs each, where it was found, and what is missing.

    They are sought as the executable's own loader does it, and nothing is started. What the program may load
    by itself is read from its symbols and texts, and said to be likely or possible. Ends with 1 if it cannot start
    with these files.
    """
    from smidgen.api import closure
    from smidgen.needs.closure.whole import check_whole
    from smidgen.report.closure import closure_report, render_closure

    found = closure(file, sysroot=sysroot, libraries=libraries)
    report = closure_report(found)
    if as_json:
        console.json(report)
    else:
        console.result(render_closure(report, style=coloured if console.colours(sys.stdout) else uncoloured))
    check_whole(found)
