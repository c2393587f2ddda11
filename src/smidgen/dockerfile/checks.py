"""Doubtful places that the text alone shows; named as BuildKit names its checks.

Source: BuildKit's ``frontend/dockerfile/linter/ruleset.go``.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from smidgen.dockerfile.instruction import (
    Arg,
    Cmd,
    Dockerfile,
    Doubt,
    Entrypoint,
    Env,
    Healthcheck,
    Instruction,
    Label,
    Maintainer,
    Shell,
    Stage,
)
from smidgen.errors import DockerfileError

# What BuildKit takes for a name of a secret, and what it knows to be public.
_SECRET: Final = re.compile(
    r"(?i)(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|\Z)"
)
_PUBLIC: Final = re.compile(r"(?i)(?:_|^)public(?:_|\Z)")
_ONCE: Final = (Cmd, Entrypoint, Healthcheck)


def judge(dockerfile: Dockerfile, doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """Give those of *doubts* that the Dockerfile's ``check`` directive lets through.

    Raises:
        DockerfileError: The directive makes errors of them, and there are some.
    """
    skipped = {name.lower() for name in dockerfile.directives.skipped_checks}
    kept = () if "all" in skipped else tuple(doubt for doubt in doubts if doubt.rule.lower() not in skipped)
    if kept and dockerfile.directives.doubts_are_errors:
        first = kept[0]
        raise DockerfileError(
            f"{first.message} ({first.rule})" + (f", and {len(kept) - 1} more" if kept[1:] else ""),
            path=first.file,
            line=first.line,
            column=1,
            hint="correct them, or leave error=true out of the check directive",
        )
    return kept


def check_form(dockerfile: Dockerfile) -> Iterator[Doubt]:
    """Give the doubtful places of *dockerfile*, in order."""
    yield from _casing(dockerfile)
    names: set[str] = set()
    for stage in dockerfile.stages:
        yield from _stage_name(stage, names)
        yield from _stage(stage)


def _doubt(rule: str, instruction: Instruction, message: str) -> Doubt:
    return Doubt(rule, message, instruction.location.file, instruction.location.line)


def _stage_name(stage: Stage, names: set[str]) -> Iterator[Doubt]:
    name = stage.from_.name
    if not name:
        return
    words = stage.from_.location.code.split()
    if words[-1] != name:
        yield _doubt("StageNameCasing", stage.from_, f"the stage's name {words[-1]!r} counts in lower case")
    if words[-2].islower() != words[0].islower():
        yield _doubt("FromAsCasing", stage.from_, f"{words[0]!r} and {words[-2]!r} are written in different cases")
    if name in {"scratch", "context"}:
        yield _doubt("ReservedStageName", stage.from_, f"{name!r} has a meaning of its own")
    if name in names:
        yield _doubt("DuplicateStageName", stage.from_, f"another stage is named {name!r}; the last one counts")
    names.add(name)


def check_from(stage: Stage, *, missing: Iterable[str]) -> Iterator[Doubt]:
    """Give the doubtful places of a FROM.

    Args:
        stage: The stage that it begins.
        missing: Variables of it that are not set.
    """
    for name in sorted(missing):
        yield _doubt("UndefinedArgInFrom", stage.from_, f"${name} is not set before the first FROM")
    platform = stage.from_.platform
    if platform in {"$TARGETPLATFORM", "${TARGETPLATFORM}"}:
        yield _doubt("RedundantTargetPlatform", stage.from_, f"--platform={platform} is what there is without the flag")
    elif platform and "$" not in platform and not any(part in stage.from_.name for part in platform.split("/")):
        yield _doubt(
            "FromPlatformFlagConstDisallowed", stage.from_, f"--platform={platform} holds for every platform of a build"
        )


def _stage(stage: Stage) -> Iterator[Doubt]:
    seen: set[type[Instruction]] = set()
    has_shell = False
    for instruction in stage.instructions:
        yield from _names(instruction)
        match instruction:
            case Shell():
                has_shell = True
            case Maintainer():
                yield _doubt("MaintainerDeprecated", instruction, "use LABEL org.opencontainers.image.authors=NAME")
            case Cmd() | Entrypoint() if instruction.command.is_shell and not has_shell:
                yield _doubt(
                    "JSONArgsRecommended",
                    instruction,
                    f"{instruction.keyword} as a text runs in a shell, which gets the signals; write a JSON list",
                )
        if isinstance(instruction, _ONCE):
            if type(instruction) in seen:
                message = f"{instruction.keyword} stands twice in this stage; the last one counts"
                yield _doubt("MultipleInstructionsDisallowed", instruction, message)
            seen.add(type(instruction))


def _names(instruction: Instruction) -> Iterator[Doubt]:
    names: tuple[str, ...] = ()
    if isinstance(instruction, Arg):
        names = tuple(name for name, _ in instruction.variables)
    elif isinstance(instruction, Env | Label):
        if instruction.legacy:
            message = f"write {instruction.keyword} NAME=VALUE"
            yield _doubt("LegacyKeyValueFormat", instruction, message)
        if isinstance(instruction, Env):
            names = tuple(name for name, _ in instruction.pairs)
    for name in names:
        if _SECRET.search(name) and not _PUBLIC.search(name):
            message = f"{name!r} looks like a secret, and stays in the image; use RUN --mount=type=secret"
            yield _doubt("SecretsUsedInArgOrEnv", instruction, message)


def _casing(dockerfile: Dockerfile) -> Iterator[Doubt]:
    instructions: list[Instruction] = [*dockerfile.meta_args]
    for stage in dockerfile.stages:
        instructions += (stage.from_, *stage.instructions)
    written = [(each, each.location.code.split(maxsplit=1)[0]) for each in instructions]
    lower = sum(word.islower() for _, word in written)
    upper = sum(word.isupper() for _, word in written)
    for instruction, word in written:
        wanted = word.lower() if lower > upper else word.upper()
        if word != wanted:
            yield _doubt(
                "ConsistentInstructionCasing", instruction, f"{word!r} is not written as the others are: {wanted!r}"
            )
