"""Rules on builds for several platforms.

Source: Dockerfile reference, "Automatic platform ARGs in the global scope"; BuildKit's documentation, "Multi-platform".
"""

import re
from collections.abc import Iterator
from typing import Final

from smidgen.dockerfile.instruction import Arg, Env
from smidgen.lint.finding import Edit, Fix, Found, Severity
from smidgen.lint.go_commands import GoBuild
from smidgen.lint.marks import at_build, at_text, at_word, insertion
from smidgen.lint.rule import Rule
from smidgen.lint.shell import ShellWord
from smidgen.lint.stages import StageFacts
from smidgen.lint.subject import Subject

_AUTOMATIC: Final = (
    "TARGETARCH",
    "TARGETOS",
    "TARGETPLATFORM",
    "TARGETVARIANT",
    "BUILDPLATFORM",
    "BUILDARCH",
    "BUILDOS",
)
_USE: Final = re.compile(r"\$\{?(TARGETARCH|TARGETOS|TARGETPLATFORM|TARGETVARIANT)\b")


def _is_for_several(subject: Subject) -> bool:
    """Tell whether the Dockerfile shows that it is built for several platforms."""
    if any("$" in stage.from_.platform for stage in subject.dockerfile.stages):
        return True
    for stage in subject.stages.all:
        for step in stage.steps:
            if isinstance(step.instruction, Arg) and any(n in _AUTOMATIC for n, _ in step.instruction.variables):
                return True
    return False


def _is_native(stage: StageFacts) -> bool:
    return any("BUILDPLATFORM" in one.stage.from_.platform for one in stage.chain())


def _fixed(subject: Subject) -> Iterator[Found]:
    several = _is_for_several(subject)
    severity = None if several else Severity.INFO
    for stage, build in subject.program_builds:
        architecture = build.variables.get("GOARCH", "")
        if not architecture or "$" in architecture:
            continue
        root = list(stage.chain())[-1]
        if root.stage.from_.platform and "$" not in root.stage.from_.platform:
            continue
        message = f"GOARCH is always {architecture}, whatever the image's platform is"
        hint = "write ARG TARGETARCH before it, and GOARCH=$TARGETARCH"
        word = next((one for one in build.command.assignments if one.raw.startswith("GOARCH=")), None)
        if word is not None:
            is_variable = "$" in word.raw
            fix = _fixed_fix(subject, build, word) if several and not is_variable else None
            if is_variable:
                hint = "leave the default of the ARG out: it beats what the builder gives"
            yield at_word(subject, build.script, word, message, hint=hint, fix=fix, severity=severity)
            continue
        step = next(
            (
                one
                for one in stage.all_steps()
                if isinstance(one.instruction, Env) and any(name == "GOARCH" for name, _ in one.instruction.pairs)
            ),
            None,
        )
        if step is not None:
            yield at_text(step, "GOARCH", message, hint=hint, severity=severity)
        else:
            yield at_build(subject, build, message, hint=hint, severity=severity)


def _fixed_fix(subject: Subject, build: GoBuild, word: ShellWord) -> Fix | None:
    if not build.can_edit:
        return None
    start = build.script.offset(subject.text, word.start)
    edits = [Edit(start, start + len(word.raw), "GOARCH=$TARGETARCH")]
    if not build.step.variables.declares("TARGETARCH"):
        edits.append(subject.insert_before(build.step, "ARG TARGETARCH"))
    return Fix("take the image's architecture", tuple(edits))


def _not_passed(subject: Subject) -> Iterator[Found]:
    for stage, build in subject.program_builds:
        if not _is_native(stage) or "GOARCH" in build.variables or build.step.variables.declares("GOARCH"):
            continue
        fix = None
        if build.can_edit:
            edits = [insertion(subject, build.script, build.go.start, "GOOS=$TARGETOS GOARCH=$TARGETARCH ")]
            missing = [name for name in ("TARGETOS", "TARGETARCH") if not build.step.variables.declares(name)]
            if missing:
                edits.append(subject.insert_before(build.step, f"ARG {' '.join(missing)}"))
            fix = Fix("compile for the image's platform", tuple(edits))
        yield at_build(
            subject,
            build,
            "the stage runs on the machine's own platform, and go build compiles for that one: "
            "every image gets the same executable",
            hint="write ARG TARGETOS TARGETARCH, and GOOS=$TARGETOS GOARCH=$TARGETARCH go build",
            fix=fix,
        )


def _not_declared(subject: Subject) -> Iterator[Found]:
    for ran in subject.runs:
        code = ran.run.location.code
        texts = [code, *(heredoc.content for heredoc in ran.run.command.heredocs)]
        missing = {
            match[1]: None
            for text in texts
            for match in _USE.finditer(text)
            if not ran.step.variables.declares(match[1])
        }
        if missing:
            names = " ".join(missing)
            fix = Fix(f"declare {names}", (subject.insert_before(ran.step, f"ARG {names}"),))
            yield at_text(
                ran.step,
                next(iter(missing)),
                f"{names} is empty here: no ARG in this stage declares it",
                hint=f"write ARG {names} before it; one before the first FROM does not count in a stage",
                fix=fix,
            )


def _final_on_builder(subject: Subject) -> Iterator[Found]:
    for stage in subject.final.chain():
        if "BUILDPLATFORM" in stage.stage.from_.platform:
            location = stage.stage.from_.location
            yield Found(
                location=location,
                message="the image is made from the base for the machine that builds, whatever platform it is for",
                at=max(0, location.code.find("--platform")),
                length=len(stage.stage.from_.platform) + len("--platform="),
                hint="leave --platform out of the last stage",
            )


RULES: Final = (
    Rule(
        id="SM019",
        name="architecture-fixed",
        title="GOARCH is fixed",
        reason="The image says the platform that it is built for, and the executable is for another one: on an "
        "ARM machine, or "
        'with --platform linux/arm64, the container ends with "exec format error". Information where nothing else '
        "in the "
        "Dockerfile is for several platforms.",
        instead="ARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build …",
        severity=Severity.WARNING,
        check=_fixed,
        fixes="writes `GOARCH=$TARGETARCH` and `ARG TARGETARCH`, where the Dockerfile is for several platforms",
    ),
    Rule(
        id="SM020",
        name="platform-not-passed",
        title="The stage runs on the machine's platform, and go build is not told the image's",
        reason="FROM --platform=$BUILDPLATFORM saves emulation, and leaves it to the Dockerfile to cross-compile.",
        instead="FROM --platform=$BUILDPLATFORM golang:1.25 AS build\nARG TARGETOS TARGETARCH\n"
        "RUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build …",
        severity=Severity.ERROR,
        check=_not_passed,
        fixes="writes `ARG TARGETOS TARGETARCH` and passes both to `go build`",
    ),
    Rule(
        id="SM041",
        name="image-for-the-builder",
        title="The last stage is for the machine that builds",
        reason="FROM --platform=$BUILDPLATFORM is for stages that compile. In the last one, every image of a build for "
        "several platforms has the base of one.",
        instead="FROM gcr.io/distroless/static-debian12:nonroot",
        severity=Severity.ERROR,
        check=_final_on_builder,
    ),
    Rule(
        id="SM039",
        name="platform-not-declared",
        title="TARGETARCH, or another such variable, is used without ARG",
        reason="A stage sees these variables only after an ARG of its own. Without it they are empty, and Go "
        "takes its default.",
        instead="ARG TARGETARCH",
        severity=Severity.ERROR,
        check=_not_declared,
        fixes="adds the ARG",
    ),
)
