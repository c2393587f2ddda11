"""Rules on what the image is made from."""

import re
from collections.abc import Iterator
from typing import Final

from smidgen.dockerfile.location import Location
from smidgen.lint.bases import base_facts, repository, tag
from smidgen.lint.finding import Found, Severity
from smidgen.lint.named_images import at_base, named_images
from smidgen.lint.rule import Rule
from smidgen.lint.stages import StageFacts
from smidgen.lint.subject import Subject

# Packages that bring compilers, by the names of apk, apt and dnf.
_COMPILERS: Final = frozenset({"go", "golang", "golang-go", "gcc", "g++", "clang", "build-base", "build-essential"})
_INSTALLERS: Final = {
    "apk": ("add",),
    "apt-get": ("install",),
    "apt": ("install",),
    "dnf": ("install",),
    "microdnf": ("install",),
    "yum": ("install",),
}
# Tags that mean another release tomorrow; a code name such as bookworm stands for one.
_MOVING: Final = frozenset({"latest", "stable", "oldstable", "testing", "unstable", "sid", "rolling", "devel", "edge"})
_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}\Z")


def installed(subject: Subject, stage: StageFacts) -> Iterator[tuple[str, Found]]:
    """Give each package that a command of *stage*, or one below it, installs; with a place to complain at."""
    below = {one.index for one in stage.chain()}
    for ran in subject.runs:
        if ran.stage.index not in below:
            continue
        for script in ran.scripts:
            for command in script.commands:
                if not set(command.arguments) & set(_INSTALLERS.get(command.name, ())):
                    continue
                for word in command.words[1:]:
                    name = word.plain.partition("=")[0]
                    if not name.startswith("-"):
                        at = script.offset(subject.text, word.start)
                        place = Found(location=ran.run.location, message="", at=at, length=len(word.raw), is_raw=True)
                        yield name, place


def _toolchain(subject: Subject) -> Iterator[Found]:
    final = subject.final
    root = list(final.chain())[-1]
    if final.base.go:
        yield at_base(
            root,
            f"the image is made from {final.base.name}, so the Go toolchain is in it",
            hint="compile in a stage of its own, and copy the executable to FROM scratch or a distroless image",
        )
    for name, place in installed(subject, final):
        if name in _COMPILERS:
            yield Found(
                location=place.location,
                message=f"{name}, a compiler, is installed in the stage that becomes the image",
                at=place.at,
                length=place.length,
                is_raw=True,
                hint="install it in the stage that compiles",
            )


def _single_stage(subject: Subject) -> Iterator[Found]:
    below = {one.index for one in subject.final.chain()}
    for stage, build in subject.program_builds:
        if stage.index in below:
            yield Found(
                location=build.step.instruction.location,
                message="the program is compiled in the stage that becomes the image, which keeps its source, "
                "Go's caches and everything else that compiling left",
                at=build.script.offset(subject.text, build.go.start),
                length=max(2, build.verb.end - build.go.start),
                is_raw=True,
                hint="begin another stage after this, with FROM scratch, and COPY --from the executable into it",
            )
            return


def _heavy_base(subject: Subject) -> Iterator[Found]:
    final = subject.final
    if final.base.kind != "distribution" or not subject.program_builds:
        return
    if any(stage.index in {one.index for one in final.chain()} for stage, _ in subject.program_builds):
        return
    if any(build.cgo == "1" for _, build in subject.program_builds):
        return
    root = list(final.chain())[-1]
    yield at_base(
        root,
        f"{final.base.name} is a whole distribution, of which a static Go program uses nothing",
        hint="take scratch or gcr.io/distroless/static; what the program needs beside itself, SM014 to SM017 say",
    )


def _unpinned(subject: Subject) -> Iterator[Found]:
    for name, location, at in named_images(subject):
        yield from _unpinned_image(name, location, at)
    yield from _unpinned_tools(subject)


def _unpinned_image(name: str, location: Location, at: int) -> Iterator[Found]:
    label, facts = tag(name), base_facts(name)
    if name == "scratch" or _DIGEST.search(name):
        return
    if facts.kind == "distroless":
        # There are no versions in its tags: the name says the release of Debian, and only a digest says more.
        moves = label.startswith("latest") or (not label and "-debian" not in repository(name))
    elif facts.kind in {"golang", "alpine", "busybox"}:
        moves = not any(letter.isdigit() for letter in label)
    else:
        moves = not label or label.partition("-")[0] in _MOVING
    if not moves:
        return
    said = f"{name} has no tag, which means latest" if not label else f"the tag {label!r} names no version"
    yield Found(
        location=location,
        message=f"{said}: tomorrow's build is made from another image",
        at=at,
        length=len(name),
        hint="name a version, such as golang:1.25 or alpine:3.22, and best a digest too",
    )


def _unpinned_tools(subject: Subject) -> Iterator[Found]:
    for _, build in subject.builds:
        for word in build.command.words:
            if word.plain.endswith(("@latest", "@master", "@main")):
                yield Found(
                    location=build.step.instruction.location,
                    message=f"{word.plain} is another version tomorrow",
                    at=build.script.offset(subject.text, word.start),
                    length=len(word.raw),
                    is_raw=True,
                    hint="name a version, such as @v1.2.3",
                )


RULES: Final = (
    Rule(
        id="SM001",
        name="toolchain-in-image",
        title="The image has a compiler in it",
        reason="The Go toolchain is some 250 MB on disk and the Debian or Alpine below it has shells, package "
        "managers "
        "and hundreds of known vulnerabilities. A compiled program uses nothing of this.",
        instead="FROM golang:1.25 AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -trimpath "
        '-ldflags="-s -w" -o /out/app .\n\nFROM scratch\nCOPY --from=build /out/app /app\n'
        'USER 65532:65532\nENTRYPOINT ["/app"]',
        severity=Severity.WARNING,
        check=_toolchain,
    ),
    Rule(
        id="SM002",
        name="single-stage",
        title="The program is compiled in the stage that becomes the image",
        reason="Source, the module cache and the build cache stay in its layers, also where a later RUN deletes them.",
        instead="FROM golang:1.25 AS build\n…\nFROM scratch\nCOPY --from=build /out/app /app",
        severity=Severity.WARNING,
        check=_single_stage,
    ),
    Rule(
        id="SM003",
        name="distribution-as-base",
        title="The image stands on a whole distribution",
        reason="A static Go program needs no C library, shell or package manager. They cost tens of megabytes to "
        "pull, "
        "and each of their vulnerabilities is one of the image.",
        instead="FROM scratch\n# or, with certificates, time zones and a user:\nFROM "
        "gcr.io/distroless/static-debian12:nonroot",
        severity=Severity.INFO,
        check=_heavy_base,
    ),
    Rule(
        id="SM004",
        name="moving-version",
        title="A base or a tool has no version",
        reason="`latest`, or no tag at all, is another image tomorrow: what was tested is not what is shipped, "
        "and a build "
        "that worked fails without a change.",
        instead="FROM golang:1.25.4-alpine3.22",
        severity=Severity.WARNING,
        check=_unpinned,
        replaces=("DL3006", "DL3007"),
    ),
)
