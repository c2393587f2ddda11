"""``smidgen config``."""

import os
from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, verbosity_options


@click.group(short_help="Show the configuration and where each value came from.")
def command() -> None:
    """Show the configuration and where each value came from."""


@command.command(short_help="Print the options that a build would use.")
@click.argument("target", default=".", metavar="[TARGET]")
@click.option("--config", "config_file", metavar="FILE", envvar="SMIDGEN_CONFIG", help="Configuration file.")
@json_option
@verbosity_options
def show(*, target: str, config_file: str | None, as_json: bool) -> None:
    """Print the options that `smidgen build TARGET` would use, each with where it came from.

    The output is itself a smidgen.yaml. No TARGET means the current directory.
    """
    from smidgen.config.discover import load_config
    from smidgen.config.fields import is_local
    from smidgen.config.resolve import resolve_settings
    from smidgen.errors import NotFound, UsageError
    from smidgen.report.config import config_report, render_config

    directory = Path.cwd()
    if "..." in target:
        raise UsageError(f"{target!r} may mean several programs", hint="name one of them")
    start = directory / target if is_local(target) else directory
    if not start.is_dir():
        raise NotFound(f"the directory {target}", hint="name a program's directory or its import path")
    config = load_config(
        start, file=Path(config_file) if config_file else None, directory=directory, environ=os.environ
    )
    import_path = _import_path(os.path.normpath(start)) if is_local(target) else None
    settings = resolve_settings(target, directory=directory, config=config, environ=os.environ, import_path=import_path)
    report = config_report(settings, file=config.document.name if config else None)
    for warning in settings.warnings:
        console.warning(warning)
    if as_json:
        console.json(report)
        return
    console.note(f"{report.file or 'no configuration file'}, for {target}")
    console.result(render_config(report))


def _import_path(directory: str) -> str | None:
    """Give the import path of the package in *directory*, which entries of the file may go by."""
    from smidgen.gobuild.modfile import parents, read_module_file

    for above in parents(directory):
        if module := read_module_file(os.path.join(above, "go.mod")):
            below = os.path.relpath(directory, above)
            return module.module if below == "." else f"{module.module}/{below}"
    return None


@command.command(short_help="Print the JSON schema of smidgen.yaml.")
def schema() -> None:
    """Print the JSON schema of smidgen.yaml, for editors."""
    from smidgen.config.schema import render_json_schema

    console.result(render_json_schema().removesuffix("\n"))
