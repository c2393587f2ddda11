"""Rules on the context: what ``COPY .`` takes along."""

import re
from collections.abc import Iterator
from typing import Final

from smidgen.dockerfile.instruction import Add, Copy
from smidgen.lint.finding import Fix, Found, Severity
from smidgen.lint.marks import at_text
from smidgen.lint.places import context_sources
from smidgen.lint.rule import Rule
from smidgen.lint.rules_secrets import SECRET_FILES
from smidgen.lint.stages import Step
from smidgen.lint.subject import Subject

_USES_GIT: Final = re.compile(
    r"\bgit\s+(?:-\S+\s+)*(?:describe|rev-parse|log|rev-list|status|tag|show)\b|buildvcs=true"
)
_MOST_NAMED: Final = 3


def _takes_all(subject: Subject) -> Step | None:
    """Give the first COPY or ADD of the whole context, or None."""
    for stage in subject.needed:
        for step in stage.steps:
            if isinstance(step.instruction, Copy | Add) and set(context_sources(step)) & {".", "*"}:
                return step
    return None


def _no_ignore_file(subject: Subject) -> Iterator[Found]:
    context = subject.context
    step = _takes_all(subject)
    if context is None or step is None or context.ignore_file is not None:
        return
    yield at_text(
        step,
        "",
        "there is no .dockerignore: everything in the directory is sent to the builder, and any change of it is a "
        "change",
        hint="write one, with .git, build results, and files of secrets such as .env",
        fix=None if _asks_git(subject) else _leave_git_out(subject, "write .dockerignore with .git"),
    )


def _asks_git(subject: Subject) -> bool:
    return any(_USES_GIT.search(ran.run.location.code) for ran in subject.runs)


def _leave_git_out(subject: Subject, title: str) -> Fix:
    """Give the fix; it is safe where no program could have had git's stamp (vcs.revision) with .git there."""
    is_safe = not subject.context or ".git" not in subject.context.names
    is_safe = is_safe or all(
        (build.flag("buildvcs") is not None and not build.truth("buildvcs"))
        or (stage.base.kind == "golang" and "alpine" in stage.base_name and not _installs_git(subject))
        for stage, build in subject.program_builds
    )
    return Fix(title, (), is_safe=is_safe, ignore=(".git",))


def _installs_git(subject: Subject) -> bool:
    return any(re.search(r"\bgit\b", ran.run.location.code) for ran in subject.runs)


def _git(subject: Subject) -> Iterator[Found]:
    context = subject.context
    step = _takes_all(subject)
    if context is None or step is None or context.ignore_file is None:
        return
    if context.rules.hides(".git") or _asks_git(subject):
        return
    yield at_text(
        step,
        "",
        f"{context.ignore_file.name} lets .git in: each commit changes the context, and the history is copied",
        hint=f"write .git into {context.ignore_file.name}",
        fix=_leave_git_out(subject, f"write .git into {context.ignore_file.name}"),
    )


def _secrets(subject: Subject) -> Iterator[Found]:
    context = subject.context
    step = _takes_all(subject)
    if context is None or step is None:
        return
    found = [name for name in context.names if SECRET_FILES.match(name) and not context.rules.hides(name)]
    if found:
        names = ", ".join(found[:_MOST_NAMED]) + (
            f" and {len(found) - _MOST_NAMED} more" if found[_MOST_NAMED:] else ""
        )
        yield at_text(
            step,
            "",
            f"it takes {names} along, which usually {'holds' if len(found) == 1 else 'hold'} secrets",
            hint="write them into .dockerignore",
            # The program may embed one of them.
            fix=Fix("write them into .dockerignore", (), is_safe=False, ignore=_escaped(found)),
        )


def _escaped(names: list[str]) -> tuple[str, ...]:
    """Give names as patterns that match nothing else; those that no line can hold are left out."""
    plain = (re.sub(r"([\\*?\[\]])", r"\\\1", name) for name in names if name.isprintable() and name == name.strip())
    return tuple(f"/{name}" for name in plain)


RULES: Final = (
    Rule(
        id="SM024",
        name="no-ignore-file",
        title="There is no .dockerignore",
        reason="COPY . . takes .git, results of earlier builds and whatever lies in the directory. The build is "
        "slower, the "
        "cache of the step is spoilt by files that do not matter, and secrets get into layers.",
        instead=".git\n.env*\n*.md\ndist/",
        severity=Severity.WARNING,
        check=_no_ignore_file,
        fixes="writes one with `.git`, where no command asks git; with `--unsafe-fixes` also where Go may have stamped "
        "the program with the commit",
    ),
    Rule(
        id="SM025",
        name="git-in-context",
        title=".dockerignore lets .git in",
        reason="The repository's history is often larger than the source. It says nothing where a command of the "
        "Dockerfile "
        "asks git.",
        instead=".git",
        severity=Severity.WARNING,
        check=_git,
        fixes="adds `.git`; with `--unsafe-fixes` also where Go may have stamped the program with the commit",
    ),
    Rule(
        id="SM026",
        name="secrets-in-context",
        title="COPY takes files along that usually hold secrets",
        reason="They are in a layer of that stage, and in the caches of the machine that builds.",
        instead=".env*\n*.key",
        severity=Severity.WARNING,
        check=_secrets,
        fixes="adds the names of the files, which the program might embed",
        is_fix_safe=False,
    ),
)
