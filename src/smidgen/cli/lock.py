"""``smidgen lock``."""

import os
from pathlib import Path

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options


@click.command(short_help="Pin the bases of smidgen.yaml in smidgen.lock.")
@click.argument("only", metavar="[BASE]…", nargs=-1)
@click.option("--update", is_flag=True, help="Ask again for what is pinned already: for all bases, or those named.")
@click.option("--check", is_flag=True, help="Write nothing, ask nobody; fail if the file would have to change.")
@click.option("--base", "bases", metavar="BASE", multiple=True, help="Pin this, too, though no file names it.")
@click.option("--config", "config_file", metavar="FILE", envvar="SMIDGEN_CONFIG", help="Configuration file.")
@store_option
@json_option
@verbosity_options
def command(
    *,
    only: tuple[str, ...],
    update: bool,
    check: bool,
    bases: tuple[str, ...],
    config_file: str | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Pin the bases of smidgen.yaml in smidgen.lock, which stands beside it and is meant to be committed.

    A base that is pinned already stays as it is, unless --update is given. Builds take what is pinned, and never
    write the file. Prints each base with its digest.
    """
    from smidgen.errors import UsageError
    from smidgen.gobuild.lock import LockRequest, lock_bases
    from smidgen.report.rebase import lock_report, render_lock
    from smidgen.store.content import ContentStore

    if only and not update:
        raise UsageError("a BASE says what --update is to ask for, but there is no --update", hint="add --update")
    request = LockRequest(
        directory=Path.cwd(),
        config=Path(config_file) if config_file else None,
        bases=bases,
        update=update,
        only=only,
        check=check,
        environ=os.environ,
    )
    report = lock_report(lock_bases(request, ContentStore.open(store), warn=console.warning))
    if as_json:
        console.json(report)
        return
    for pin in report.bases:
        console.result(f"{pin.reference}@{pin.digest}")
    console.note(render_lock(report, style=console.style))
