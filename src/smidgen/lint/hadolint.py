"""Hadolint's findings, where it is there (``smidgen[lint]`` brings it). It executes nothing.

Source: hadolint's README: ``--format json``, ``--no-fail``, ``-`` for standard input, levels.
"""

import os
import subprocess
import sysconfig
from collections.abc import Mapping
from typing import Final

import msgspec

from smidgen.errors import NotFound, SmidgenError
from smidgen.gobuild.process import find_executable
from smidgen.lint.finding import Finding, Severity
from smidgen.lint.text import DockerfileText

_SECONDS: Final = 60
_MOST: Final = 10_000
_SEVERITIES: Final = {
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
    "style": Severity.INFO,
}
_HINT: Final = "pip install 'smidgen[lint]' brings hadolint; --no-hadolint does without"


class _Said(msgspec.Struct):
    """A finding as hadolint writes it."""

    code: str
    level: str
    line: int
    message: str
    column: int = 1


def find_hadolint(environ: Mapping[str, str]) -> str | None:
    """Find the program: on PATH, or where pip puts programs beside this Python."""
    here = os.path.join(sysconfig.get_path("scripts"), "hadolint")
    found = find_executable("hadolint", environ.get("PATH", os.defpath))
    return found or (here if os.access(here, os.X_OK) else None)


def run_hadolint(program: str, text: DockerfileText, environ: Mapping[str, str]) -> tuple[Finding, ...]:
    """Give what hadolint finds in *text*.

    Raises:
        NotFound: It cannot be started.
        SmidgenError: It does not end in time, or does not answer as it does.
    """
    data = text.text.encode("utf-8", "surrogateescape")
    try:
        outcome = subprocess.run(
            [program, "--no-fail", "--format", "json", "-"],
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=dict(environ),
        )
    except OSError as error:
        raise NotFound(f"hadolint at {program}: {error.strerror}, so it", hint=_HINT) from error
    except subprocess.TimeoutExpired as error:
        raise SmidgenError(f"hadolint took more than {_SECONDS} seconds", hint="go on with --no-hadolint") from error
    try:
        said = msgspec.json.decode(outcome.stdout, type=list[_Said])
    except msgspec.DecodeError as error:
        words = outcome.stderr.decode(errors="replace").strip()[:400] or f"exit code {outcome.returncode}"
        raise SmidgenError(f"hadolint did not answer: {words}", hint="go on with --no-hadolint") from error
    return tuple(_finding(one, text) for one in said[:_MOST])


def _finding(said: _Said, text: DockerfileText) -> Finding:
    line = max(1, said.line)
    return Finding(
        rule=said.code,
        source="hadolint",
        severity=_SEVERITIES.get(said.level, Severity.INFO),
        message=" ".join(said.message.split()),
        file=text.name,
        line=line,
        column=max(1, said.column),
        source_line=text.line(line) if line <= text.count else "",
        last_line=line,
    )
