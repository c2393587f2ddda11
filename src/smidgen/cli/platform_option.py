"""``--platform``, for commands that look at one image of several."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from smidgen.oci.platform import Platform

_Command = TypeVar("_Command", bound=Callable[..., Any])


def platform_option(command: _Command) -> _Command:
    """Add ``--platform``, passed as ``platform: Platform | None``."""

    def parse(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Platform | None:
        return None if value is None else Platform.parse(value)

    return click.option(
        "--platform",
        metavar="OS/ARCH[/VARIANT]",
        callback=parse,
        help="Which image, where there is one for each of several platforms.  [default: this machine's]",
    )(command)
