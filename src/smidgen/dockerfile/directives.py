"""Parser directives: ``# syntax=``, ``# escape=`` and ``# check=`` before anything else.

Source: Dockerfile reference, "Parser directives": each at most once, any case, white space around the parts; the first
line that is not one ends them, be it a comment, an empty line or an instruction. Unknown ones are comments.
"""

import re
from collections.abc import Sequence

from smidgen.dockerfile.instruction import Directives
from smidgen.dockerfile.location import fault_at

_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_KNOWN = frozenset({"syntax", "escape", "check"})


def read_directives(lines: Sequence[str], *, file: str) -> Directives:
    """Read the directives of a file, given as its lines.

    A first line that begins with ``#!`` is passed over, but ``escape`` does not count after it, as in BuildKit.

    Raises:
        DockerfileError: A directive stands twice, or ``escape`` is neither a backslash nor a backtick.
    """
    found: dict[str, str] = {}
    shebang = bool(lines) and lines[0].startswith("#!")
    for number, line in enumerate(lines[shebang:], start=1 + shebang):
        match = _DIRECTIVE.match(line.strip())
        key = match[1].lower() if match else ""
        if not match or key not in _KNOWN:
            break
        if key in found:
            raise fault_at(
                f"the directive {key!r} stands twice",
                file=file,
                line=number,
                column=1 + line.index(match[1]),
                text=line,
                hint="keep one of them",
            )
        found[key] = match[2]
        if key == "escape" and match[2] not in {"\\", "`"}:
            raise fault_at(
                f"the escape character is {match[2]!r}, expected \\ or `",
                file=file,
                line=number,
                column=1 + line.rindex(match[2]),
                text=line,
                hint="write # escape=` or leave the line out",
            )
    return Directives(
        syntax=found.get("syntax", ""),
        escape="\\" if shebang else found.get("escape", "\\"),
        check=found.get("check", ""),
    )
