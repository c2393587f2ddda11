"""Parser directives: ``# syntax=``, ``# escape=`` and ``# check=`` before anything else.

Source: Dockerfile reference, "Parser directives": each at most once, any case, white space around the parts; the first
line that is not one ends them, be it a comment, an empty line or an instruction. Unknown ones are comments.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from smidgen.dockerfile.instruction import Directives
from smidgen.dockerfile.location import fault_at
from smidgen.errors import UsageError

_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_KNOWN = frozenset({"syntax", "escape", "check"})
_FRONT_ENDS = frozenset({"dockerfile", "dockerfile-upstream"})


def read_directives(lines: Sequence[str], *, file: str) -> Directives:
    """Read the directives of a file, given as its lines.

    A first line that begins with ``#!`` is passed over, but ``escape`` does not count after it, as in BuildKit.

    Raises:
        DockerfileError: A directive stands twice, or has a value that it cannot have.
    """
    found = Directives()
    seen: set[str] = set()
    shebang = bool(lines) and lines[0].startswith("#!")
    for number, line in enumerate(lines[shebang:], start=1 + shebang):
        match = _DIRECTIVE.match(line.strip())
        key = match[1].lower() if match else ""
        if not match or key not in _KNOWN:
            break
        if key in seen:
            column, twice = 1 + line.index(match[1]), f"the directive {key!r} stands twice"
            raise fault_at(twice, file=file, line=number, column=column, text=line, hint="keep one of them")
        column = 1 + line.rindex(match[2])
        try:
            if not (key == "escape" and shebang):
                found = _READERS[key](found, match[2])
        except UsageError as error:
            raise fault_at(error.message, file=file, line=number, column=column, text=line, hint=error.hint) from error
        seen.add(key)
    return found


def _escape(found: Directives, value: str) -> Directives:
    if value not in {"\\", "`"}:
        raise UsageError(f"the escape character is {value!r}, expected \\ or `", hint="write # escape=`, or nothing")
    return replace(found, escape=value)


def _syntax(found: Directives, value: str) -> Directives:
    """Take the front ends that are docker's; another one would be another language."""
    image = value.split(maxsplit=1)[0]
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if name not in _FRONT_ENDS:
        raise UsageError(
            f"the front end {image!r} is not supported", hint="only docker/dockerfile is; its features are built in"
        )
    return replace(found, syntax=value)


def _check(found: Directives, value: str) -> Directives:
    for part in value.split(";"):
        key, equals, text = (each.strip() for each in part.partition("="))
        if key == "skip" and equals:
            found = replace(found, skipped_checks=frozenset(name.strip() for name in text.split(",")))
        elif key == "error" and text.lower() in {"true", "false"}:
            found = replace(found, doubts_are_errors=text.lower() == "true")
        else:
            raise UsageError(f"the option {part!r} of check is not known", hint="expected skip=NAME,NAME;error=true")
    return found


_READERS: Final[Mapping[str, Callable[[Directives, str], Directives]]] = {
    "escape": _escape,
    "syntax": _syntax,
    "check": _check,
}
