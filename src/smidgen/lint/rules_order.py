"""Rules on order and caches: what has to be done again when a source file changes."""

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from smidgen.dockerfile.instruction import Add, Copy
from smidgen.lint.context import BuildContext
from smidgen.lint.finding import Edit, Fix, Found, Severity
from smidgen.lint.go_commands import GoBuild
from smidgen.lint.marks import at_build, at_text
from smidgen.lint.named_images import at_base
from smidgen.lint.places import context_sources, destination_of
from smidgen.lint.rule import Rule
from smidgen.lint.stages import StageFacts, Step, parse_release
from smidgen.lint.subject import Subject

# What directories of sources are mostly called, where there is no context to look at.
_SOURCES: Final = frozenset({"src", "cmd", "pkg", "internal", "app", "api", "server"})
_TARGET: Final = re.compile(r"(?:^|,)(?:target|dst|destination)=([^,]+)")
_MODULE_CACHES: Final = re.compile(r"/go(?:/pkg(?:/mod)?)?/?\Z|GOMODCACHE|GOPATH")
_BUILD_CACHES: Final = re.compile(r"/\.cache/?\Z|/go-build/?\Z|gocache|GOCACHE")


def _sources_first(subject: Subject) -> Iterator[Found]:
    seen: set[int] = set()
    for stage, build in subject.program_builds:
        if stage.index in seen or _has_cache(build, _MODULE_CACHES):
            continue
        seen.add(stage.index)
        step = _sources_before_modules(subject, stage, build)
        if step is None or _needs_no_download(subject, step):
            continue
        fix = _modules_fix(subject, step)
        yield at_text(
            step,
            "",
            "the sources are copied before the modules are downloaded: every change downloads them all again",
            hint="before it, COPY go.mod go.sum ./ and RUN go mod download",
            fix=fix,
        )


def _has_cache(build: GoBuild, place: re.Pattern[str]) -> bool:
    """Tell whether a cache is mounted there, or where a variable of Go says that the cache is."""
    run = build.script.run
    own = {build.variables.get(name) for name in ("GOCACHE", "GOMODCACHE", "GOPATH")} - {None}
    for mount in run.mounts:
        match = _TARGET.search(mount)
        if "type=cache" in mount and match and (place.search(match[1]) or match[1] in own):
            return True
    return False


def _sources_before_modules(subject: Subject, stage: StageFacts, build: GoBuild) -> Step | None:
    """Give the COPY of sources that comes before any download of modules, or None."""
    for step in stage.all_steps():
        if step is build.step:
            return None
        if isinstance(step.instruction, Copy | Add):
            if any(_is_directory(source, subject.context) for source in context_sources(step)):
                return step
        elif _downloads(step):
            return None
    return None


def _is_directory(source: str, context: BuildContext | None) -> bool:
    name = posixpath.basename(source)
    if source == "." or ("*" in name and not name.startswith("go.")):
        return True
    if context is not None:
        return (context.root / source).is_dir()
    return name in _SOURCES


def _downloads(step: Step) -> bool:
    code = step.instruction.location.code
    return any(text in code for text in ("mod download", "mod vendor", "mod tidy", "go get ", "go list"))


def _needs_no_download(subject: Subject, step: Step) -> bool:
    """Tell whether there is nothing to download: no requirement, or everything is in a vendor directory."""
    context = subject.context
    if context is None:
        return False
    if context.has("vendor/modules.txt"):
        return True
    directory = context_sources(step)[0] if context_sources(step) else "."
    for place in dict.fromkeys((directory, ".")):
        if context.module(place) is not None:
            return not context.required(place)
    return False


def _modules_fix(subject: Subject, step: Step) -> Fix | None:
    context = subject.context
    if context is None or context_sources(step) != (".",) or not (context.has("go.mod") and context.has("go.sum")):
        return None
    module = context.module()
    if module is None or module.replaced or context.has("go.work"):
        # Modules of the context itself would have to be copied first, too.
        return None
    destination = destination_of(step).rstrip("/") + "/"
    if destination.rstrip("/") != step.directory.rstrip("/"):
        return None
    edit: Edit = subject.insert_before(step, "COPY go.mod go.sum ./", "RUN go mod download")
    return Fix("download the modules first", (edit,))


def _sum_missing(subject: Subject) -> Iterator[Found]:
    context = subject.context
    if context is None or not context.has("go.sum") or not context.required():
        return
    for stage, build in subject.program_builds:
        sources: set[str] = set()
        first: Step | None = None
        for step in stage.all_steps():
            if step is build.step:
                break
            here = context_sources(step)
            sources.update(here)
            if "go.mod" in here and first is None:
                first = step
        covers = sources & {".", "go.sum", "go.*", "go.su*", "*"}
        if first is not None and not covers:
            yield at_text(
                first,
                "go.mod",
                "go.mod is copied and go.sum is not: go build does not take modules whose checksums it does not know",
                hint="write COPY go.mod go.sum ./",
            )
            return


def _no_cache_mounts(subject: Subject) -> Iterator[Found]:
    for stage, build in subject.program_builds:
        if _has_cache(build, _BUILD_CACHES) or not build.is_known or not stage.has_release(1, 10):
            continue
        if not any(isinstance(step.instruction, Copy | Add) for step in stage.all_steps()):
            continue
        location = build.step.instruction.location
        at = len(location.code.split(maxsplit=1)[0])
        start = subject.at(build.step, at - 1) + 1
        escape, ending = subject.dockerfile.directives.escape, subject.text.ending(location.line)
        mounts = (f" --mount=type=cache,target={place}" for place in ("/go/pkg/mod", "/root/.cache/go-build"))
        text = f" {escape}{ending}   ".join(mounts) + f" {escape}{ending}   "
        yield at_build(
            subject,
            build,
            "every change of a source file compiles all packages again, those of the standard library too",
            hint="RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build go build …",
            fix=Fix("keep Go's caches from build to build", (Edit(start, start, text),), is_safe=False),
        )
        return


def _too_old(subject: Subject) -> Iterator[Found]:
    context = subject.context
    module = context.module() if context else None
    wanted = parse_release(module.go) if module else None
    if wanted is None:
        return
    seen: set[int] = set()
    for stage, build in subject.program_builds:
        root, have = list(stage.chain())[-1], stage.release
        if have is None or have >= wanted[: len(have)] or root.index in seen:
            continue
        if build.variables.get("GOTOOLCHAIN", "local") != "local":
            continue
        seen.add(root.index)
        yield at_base(
            root,
            f"go.mod asks for go {module.go if module else ''}, and {root.base_name} is older and downloads "
            "no other (GOTOOLCHAIN=local)",
            hint="take a newer image, or lower the go line of go.mod",
        )


# Every release before this one gets no fixes any more; Go keeps the two newest alive.
# Source: Go's release policy and history.
_OLDEST_ALIVE: Final = 24


def _unsupported(subject: Subject) -> Iterator[Found]:
    seen: set[int] = set()
    for stage, _ in subject.program_builds:
        root, release = list(stage.chain())[-1], stage.release
        if release is None or root.index in seen or release >= (1, _OLDEST_ALIVE):
            continue
        seen.add(root.index)
        yield at_base(
            root,
            f"Go {release[0]}.{release[1]} gets no security fixes any more, and its standard library is in the program",
            hint="take one of the two newest releases",
        )


RULES: Final = (
    Rule(
        id="SM009",
        name="modules-not-first",
        title="Sources are copied before modules are downloaded",
        reason="A builder takes a step from its cache as long as nothing before it changed. With all sources "
        "copied first, "
        "every change downloads every module again.",
        instead="COPY go.mod go.sum ./\nRUN go mod download\nCOPY . .\nRUN go build …",
        severity=Severity.WARNING,
        check=_sources_first,
        fixes="puts `COPY go.mod go.sum ./` and `RUN go mod download` before `COPY . .`, where both files are in "
        "the context",
    ),
    Rule(
        id="SM010",
        name="no-go-sum",
        title="go.mod is copied without go.sum",
        reason='With requirements and without go.sum, go build ends with "missing go.sum entry".',
        instead="COPY go.mod go.sum ./",
        severity=Severity.ERROR,
        check=_sum_missing,
    ),
    Rule(
        id="SM032",
        name="go-too-old",
        title="The image's Go is older than go.mod asks for",
        reason="The golang images set GOTOOLCHAIN=local, so that Go does not download the release that go.mod "
        "asks for: the "
        'build ends with "go.mod requires go >= …".',
        instead="FROM golang:1.25 AS build",
        severity=Severity.ERROR,
        check=_too_old,
    ),
    Rule(
        id="SM040",
        name="unsupported-go",
        title="The release of Go gets no security fixes any more",
        reason="The standard library, TLS and HTTP with it, is compiled into the program. Go mends the two newest "
        "releases.",
        instead="FROM golang:1.25 AS build",
        severity=Severity.WARNING,
        check=_unsupported,
    ),
    Rule(
        id="SM034",
        name="no-cache-mounts",
        title="Go's caches are not kept from build to build",
        reason="With cache mounts a change compiles what changed; without, all packages that are linked. "
        "BuildKit, buildah and "
        "smidgen have them, docker's old builder has not.",
        instead="RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \\\n   "
        " go build …",
        severity=Severity.INFO,
        check=_no_cache_mounts,
        fixes="adds the two mounts",
        is_fix_safe=False,
    ),
)
