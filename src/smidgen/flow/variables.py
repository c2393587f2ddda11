"""``_env(NAME)`` in build files.

Habitus puts values into the text before it reads it as YAML. Here they go into the values that were read, so that a
value cannot become a key, and faults are shown where they stand.
"""

import re
from collections.abc import Mapping
from typing import Final

from smidgen.errors import UsageError

VARIABLE: Final = re.compile(r"_env\((.*?)\)")


def substitute(text: str, environ: Mapping[str, str]) -> str:
    """Put the values of variables into *text*; what they hold is not looked into again.

    Raises:
        UsageError: There is no such variable.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environ:
            raise UsageError(
                f"{match[0]}: there is no variable {name!r}", hint=f"set it, or give it with --env {name or 'NAME'}=…"
            )
        return environ[name]

    return VARIABLE.sub(value, text)
