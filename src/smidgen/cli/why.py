"""``smidgen why``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platform_option
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.report.schema_why import WhyReport


@click.command(short_help="Show why a package or a function is linked in.")
@click.argument("target", metavar="TARGET|REF|BINARY")
@click.argument("wanted", metavar="PACKAGE|SYMBOL")
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file.  [default: found upwards]"
)
@platform_option
@store_option
@json_option
@verbosity_options
def command(
    *, target: str, wanted: str, config: Path | None, platform: Platform | None, store: Path | None, as_json: bool
) -> None:
    """Show the shortest chain from main that links a package or a function into a Go program.

    TARGET is what `smidgen build` takes: a directory, an import path, or PATH@VERSION. The program is linked once
    more, so its source must be at hand: of an image or an executable it is, where that was built from a version of
    a module, which its build information says.
    """
    import sys

    from smidgen.report.why import render_why

    source, built_for = _source(target, store, platform)
    report = _why(source, wanted, config, platform or built_for)
    if as_json:
        console.json(report)
        return
    style = coloured if console.colours(sys.stdout) else uncoloured
    for line in render_why(report, style):
        console.result(line)


def _source(target: str, store: Path | None, platform: Platform | None) -> tuple[str, Platform | None]:
    """Give what to link for *target*, and for which platform."""
    from smidgen.analyze.source import source_of_binary, source_of_image
    from smidgen.analyze.target import is_executable, opened_image

    if is_executable(target):
        return source_of_binary(Path(target))
    looks_local = target.startswith((".", "/")) or os.path.isdir(target) or "@v" in target or "@latest" in target
    if looks_local and not os.path.isfile(target):
        return target, None
    from smidgen.errors import InvalidReference, NotFound

    try:
        with opened_image(target, store=store, platform=platform) as image:
            return source_of_image(image)
    except (NotFound, InvalidReference):
        # An import path reads like the name of an image.
        return target, None


def _why(source: str, wanted: str, config: Path | None, platform: Platform | None) -> "WhyReport":
    import tempfile

    from smidgen.analyze.walk_file import explain_file
    from smidgen.analyze.why import LinkGraph, add_calls_of
    from smidgen.gobuild.relink import RelinkRequest, relink
    from smidgen.report.why import why_report

    graph = LinkGraph()
    with tempfile.TemporaryDirectory(prefix="smidgen-why-") as directory:
        request = RelinkRequest(
            target=source,
            directory=Path.cwd(),
            environ=os.environ,
            config=config,
            platform=platform,
            ldflags=("-dumpdep",),
            progress=console.detail,
            heard=graph.add_line,
        )
        program = relink(request, directory)
        add_calls_of(program, graph)
        return why_report(source, graph.why(wanted), explain_file(program))
