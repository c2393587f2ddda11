"""``--html FILE``: a page of a result, for people who read it elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from smidgen.cli.console import console
from smidgen.errors import UsageError

_F = TypeVar("_F", bound=Callable[..., object])


def page_option(words: str) -> Callable[[_F], _F]:
    """Add ``--html FILE``, with *words* as its help; the parameter is ``page``."""
    kind = click.Path(path_type=Path, dir_okay=False)
    return click.option("--html", "page", metavar="FILE", type=kind, callback=_checked, help=words)


def _checked(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Refuse at once what could not be written after minutes of work."""
    if path is not None and not path.absolute().parent.is_dir():
        raise UsageError(
            f"there is no directory {path.parent} for {path.name}", hint="make it, or choose another place"
        )
    return path


def write_page(path: Path, page: str) -> None:
    """Write *page* to *path* and say so.

    Raises:
        StoreError: It cannot be written.
    """
    from smidgen.cli.output_file import write_output

    write_output(path, page)
    console.note(f"wrote {path}, {len(page.encode('utf-8', 'replace')) / 1000:,.0f} kB: open it in a browser")
