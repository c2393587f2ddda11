"""Rules on ``go build``: what it is told, and what it should be told.

Source: ``go help build``, ``go help environment``, ``cmd/link``; the sizes are measured in ``benchmarks/lint.md``.
"""

import re
from collections.abc import Iterator
from typing import Final

from smidgen.lint.finding import Edit, Fix, Found, Severity
from smidgen.lint.go_commands import GoBuild, GoFlag
from smidgen.lint.marks import at_build, at_word, insertion, without_words
from smidgen.lint.rule import Rule
from smidgen.lint.subject import Subject

_STRIPS: Final = re.compile(r"(?:^|[\s='\"])-s(?:=true)?(?:[\s'\"]|\Z)")
_DROPS_DEBUG: Final = re.compile(r"(?:^|[\s='\"])-w(?:=true)?(?:[\s'\"]|\Z)")
# A variable that is not known and may stand for flags, unlike the value of an -X.
_MAY_BE_FLAGS: Final = re.compile(r"(?:^|[\s'\"])[$`]")
_STATIC: Final = re.compile(r"-extldflags[ =]['\"]?[^'\"]*-static")


def _not_stripped(subject: Subject) -> Iterator[Found]:
    for _, build in subject.program_builds:
        if not build.is_known or _STRIPS.search(build.ldflags) or _MAY_BE_FLAGS.search(build.ldflags):
            continue
        if any("dlv" in word or word == "-N" for word in build.ldflags.split()) or build.flag("gcflags"):
            continue
        if _DROPS_DEBUG.search(build.ldflags):
            message = "-w leaves debug data out and keeps the table of symbols"
        else:
            message = "the executable keeps its symbols and debug data, about a third of it"
        fix = _ldflags_fix(subject, build)
        yield at_build(subject, build, message, hint='add -ldflags="-s -w"; stack traces stay as they are', fix=fix)


def _ldflags_fix(subject: Subject, build: GoBuild) -> Fix | None:
    if not build.can_edit:
        return None
    title = "leave symbols and debug data out"
    flag = build.flag("ldflags")
    if flag is None:
        return Fix(title, (_after(subject, build, build.verb.end, ' -ldflags="-s -w"'),))
    if not flag.words:
        return None
    word = flag.words[-1]
    skipped = word.raw.find("=") + 1 if len(flag.words) == 1 else 0
    value = word.raw[skipped:]
    at = word.start + skipped
    added = "-s " if _DROPS_DEBUG.search(build.ldflags) else "-s -w "
    if value[:1] in {'"', "'"}:
        return Fix(title, (insertion(subject, build.script, at + 1, added),))
    if re.fullmatch(r"[\w.=/-]+", value):
        before = insertion(subject, build.script, at, f'"{added}')
        return Fix(title, (before, _after(subject, build, word.end, '"')))
    return None


def _after(subject: Subject, build: GoBuild, end: int, text: str) -> Edit:
    """Put *text* behind the character before *end*: what follows may stand on another line."""
    start = build.script.offset(subject.text, end - 1) + 1
    return Edit(start, start, text)


def _not_trimmed(subject: Subject) -> Iterator[Found]:
    for stage, build in subject.program_builds:
        # The flag is of Go 1.13.
        if not build.is_known or build.flag("trimpath") or not stage.has_release(1, 13):
            continue
        fix = None
        if build.can_edit:
            fix = Fix("leave directories out", (_after(subject, build, build.verb.end, " -trimpath"),))
        yield at_build(
            subject,
            build,
            "the executable has the directories of the build in it, and differs where they differ",
            hint="add -trimpath",
            fix=fix,
        )


def _cgo_not_off(subject: Subject) -> Iterator[Found]:
    base = subject.final.base
    if base.libc != "none":
        return
    for stage, build in subject.program_builds:
        if build.cgo is not None or _STATIC.search(build.ldflags) or build.step.variables.declares("CGO_ENABLED"):
            continue
        if stage.base.kind == "golang" and stage.base.libc == "musl":
            message = (
                f"CGO_ENABLED is not set: the executable runs on {base.name} only as long as "
                f"{stage.base.name} has no C compiler"
            )
        else:
            message = f"CGO_ENABLED is not set: net and os/user are linked with the C library, which {base.name} "
            "lacks"
        fix = None
        if build.can_edit:
            fix = Fix("switch cgo off", (insertion(subject, build.script, build.go.start, "CGO_ENABLED=0 "),))
        yield at_build(subject, build, message, hint="write CGO_ENABLED=0 before go build", fix=fix)


def _wrong_libc(subject: Subject) -> Iterator[Found]:
    base = subject.final.base
    for stage, build in subject.program_builds:
        if build.cgo != "1" or _STATIC.search(build.ldflags):
            continue
        where = stage.base.libc
        if base.libc is None or where is None or base.libc == where:
            continue
        has = "no C library" if base.libc == "none" else base.libc
        yield at_build(
            subject,
            build,
            f"with cgo the executable is linked with {where}, and {base.name} has {has}: "
            'it ends with "no such file or directory"',
            hint='take a base with the same C library, or link statically: -ldflags="-linkmode external -extldflags '
            "'-static'\" on Alpine",
        )


def _rebuild_all(subject: Subject) -> Iterator[Found]:
    for stage, build in subject.builds:
        if not stage.has_release(1, 10):
            continue
        flags = [flag for flag in build.flags if flag.name in {"a", "installsuffix"} and flag.words]
        if not flags:
            continue
        names = " ".join(f"-{flag.name}" for flag in flags)
        words = tuple(word for flag in flags for word in flag.words)
        fix = None
        if build.can_edit:
            fix = Fix(f"leave {names} out", without_words(subject, build.script, words))
        message = {
            "-a": "-a compiles the standard library again each time; Go knows by itself what has to be",
            "-installsuffix": "-installsuffix has done nothing of use since Go 1.10",
        }.get(names, "-a and -installsuffix were for Go before 1.10: they compile everything again and change nothing")
        yield at_word(subject, build.script, words[0], message, hint=f"leave {names} out", fix=fix)


def _without_effect(subject: Subject) -> Iterator[Found]:
    for stage, build in subject.builds:
        for word in build.command.assignments:
            if word.raw == "GO111MODULE=on" and stage.has_release(1, 16):
                fix = Fix("leave it out", without_words(subject, build.script, (word,)))
                # The first word of a RUN has a flag or RUN itself before it, which is not white space.
                yield at_word(
                    subject, build.script, word, "GO111MODULE=on is how Go is since 1.16", hint="leave it out", fix=fix
                )
        if build.cgo != "0":
            continue
        tags = build.flag("tags")
        if tags and tags.words and set(build.tags) & {"netgo", "osusergo"}:
            yield _needless_tags(subject, build, tags)
        ldflags = build.flag("ldflags")
        if ldflags and ldflags.words and _STATIC.search(ldflags.value):
            yield at_word(
                subject,
                build.script,
                ldflags.words[-1],
                "-extldflags is for the C linker, which is not called when CGO_ENABLED is 0",
                hint="leave -extldflags out: the executable is static already",
            )


def _needless_tags(subject: Subject, build: GoBuild, tags: GoFlag) -> Found:
    rest = [each for each in build.tags if each not in {"netgo", "osusergo"}]
    fix = None
    if build.can_edit and not rest:
        fix = Fix("leave the tags out", without_words(subject, build.script, tags.words))
    names = " and ".join(each for each in build.tags if each in {"netgo", "osusergo"})
    return at_word(
        subject,
        build.script,
        tags.words[0],
        f"CGO_ENABLED=0 says already what {names} {'says' if ' ' not in names else 'say'}",
        hint="leave them out",
        fix=fix,
    )


_CGO_DRIVERS: Final = {
    "github.com/mattn/go-sqlite3": "modernc.org/sqlite",
    "github.com/godror/godror": "github.com/sijms/go-ora",
    "github.com/confluentinc/confluent-kafka-go": "github.com/twmb/franz-go",
    "github.com/confluentinc/confluent-kafka-go/v2": "github.com/twmb/franz-go",
}


def _needs_cgo(subject: Subject) -> Iterator[Found]:
    context = subject.context
    if context is None or not (wanted := context.required() & _CGO_DRIVERS.keys()):
        return
    for _, build in subject.program_builds:
        if build.cgo != "0":
            continue
        program = subject.program
        if program is not None:
            wanted &= program.modules
        for module in sorted(wanted):
            yield at_build(
                subject,
                build,
                f"{module} is written in C: with CGO_ENABLED=0 the program compiles without it, or fails when it "
                f"is used",
                hint=f"take {_CGO_DRIVERS[module]}, which is Go, or CGO_ENABLED=1 and a base with a C library",
            )


def _go_get(subject: Subject) -> Iterator[Found]:
    for ran in subject.runs:
        for script in ran.scripts:
            for command in script.commands:
                if command.name == "go" and command.arguments[:1] == ("get",):
                    yield at_word(
                        subject,
                        script,
                        command.words[1],
                        "go get changes go.mod in the image, so that what is built is not what was committed",
                        hint="write go mod download, or go install PATH@VERSION for a tool",
                    )


RULES: Final = (
    Rule(
        id="SM005",
        name="not-stripped",
        title="The executable keeps symbols and debug data",
        reason="They are about a third of a Go executable. Stack traces do not come from them: Go's runtime has a "
        "table of "
        "its own, which stays.",
        instead='RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/app .',
        severity=Severity.WARNING,
        check=_not_stripped,
        fixes='adds `-ldflags="-s -w"`, or `-s -w` to those there are',
    ),
    Rule(
        id="SM006",
        name="not-trimmed",
        title="The executable has directories of the build in it",
        reason="Without -trimpath, file names in stack traces begin with the directory of the build: it tells "
        "about the "
        "machine, and the same source gives another executable elsewhere.",
        instead="RUN go build -trimpath -o /out/app .",
        severity=Severity.WARNING,
        check=_not_trimmed,
        fixes="adds `-trimpath`",
    ),
    Rule(
        id="SM007",
        name="cgo-not-off",
        title="CGO_ENABLED is not set, and the base has no C library",
        reason="Where a C compiler is found, Go links net and os/user with the C library, and the executable "
        "needs a dynamic "
        'loader. On scratch it ends with "no such file or directory", which names the loader, not the program.',
        instead="RUN CGO_ENABLED=0 go build -o /out/app .",
        severity=Severity.WARNING,
        check=_cgo_not_off,
        fixes="writes `CGO_ENABLED=0` before `go build`",
    ),
    Rule(
        id="SM008",
        name="wrong-c-library",
        title="The executable is linked with another C library than the base has",
        reason="An executable linked with musl (Alpine) does not start on glibc (Debian), nor the other way "
        "round, and with "
        "neither on scratch.",
        instead="FROM golang:1.25-alpine AS build   # musl\n…\nFROM alpine:3.22                   # musl",
        severity=Severity.ERROR,
        check=_wrong_libc,
    ),
    Rule(
        id="SM030",
        name="rebuilds-everything",
        title="-a and -installsuffix no longer do anything of use",
        reason="They made Go before 1.10 compile the standard library without cgo. Since then Go's cache tells "
        "apart what was "
        "compiled with other settings; -a only makes each build longer, and spoils cache mounts.",
        instead="RUN CGO_ENABLED=0 go build -o /out/app .",
        severity=Severity.WARNING,
        check=_rebuild_all,
        fixes="takes the flags out",
    ),
    Rule(
        id="SM031",
        name="without-effect",
        title="A flag or variable has no effect",
        reason="GO111MODULE=on is the default since Go 1.16. With CGO_ENABLED=0, netgo and osusergo are implied, "
        "and there is "
        "no C linker that -extldflags could reach. Who reads it thinks that it matters.",
        instead="RUN CGO_ENABLED=0 go build -o /out/app .",
        severity=Severity.INFO,
        check=_without_effect,
        fixes="takes it out, apart from `-extldflags`",
    ),
    Rule(
        id="SM036",
        name="library-needs-cgo",
        title="A library that is written in C is built without cgo",
        reason="go-sqlite3 compiles with CGO_ENABLED=0, and then every attempt to open a database fails at run time.",
        instead="use modernc.org/sqlite, or CGO_ENABLED=1 and a base with the same C library",
        severity=Severity.ERROR,
        check=_needs_cgo,
    ),
    Rule(
        id="SM037",
        name="go-get",
        title="go get changes what is built",
        reason="go get adds or raises requirements in go.mod. Since Go 1.18 it does not install anything.",
        instead="RUN go mod download",
        severity=Severity.WARNING,
        check=_go_get,
    ),
)
