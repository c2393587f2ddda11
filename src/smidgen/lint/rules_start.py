"""Rules on what is started: where there is no shell, and where the program is not."""

import posixpath
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from smidgen.dockerfile.instruction import (
    Add,
    Cmd,
    CommandLine,
    Copy,
    Entrypoint,
    Healthcheck,
    Instruction,
    Run,
    Shell,
)
from smidgen.lint.finding import Edit, Fix, Found, Severity
from smidgen.lint.marks import at_text, at_word
from smidgen.lint.places import destination_of
from smidgen.lint.rule import Rule
from smidgen.lint.stages import Step, absolute
from smidgen.lint.subject import Subject

# Words without anything that a shell would do something with.
_SIMPLE: Final = re.compile(r"^[\w./:=,@%+-]+(?:[ \t]+[\w./:=,@%+-]+)*\Z")
_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash"})
_FETCHERS: Final = frozenset({"curl", "wget", "nc", "pg_isready", "redis-cli"})


def _has_no_shell(subject: Subject) -> bool:
    """Tell whether the final image surely has no shell."""
    if subject.final.base.has_shell is not False:
        return False
    for step in subject.final.all_steps():
        if isinstance(step.instruction, Copy | Add) and _may_bring_shell(step):
            return False
        if isinstance(step.instruction, Shell):
            return False
    return True


def _may_bring_shell(step: Step) -> bool:
    instruction = step.instruction
    assert isinstance(instruction, Copy | Add)  # noqa: S101 (the caller looks)
    texts = [step.expand(text) for text in (*instruction.sources, instruction.destination)]
    if any(part in {"busybox", "sh", "bash", "bin"} for text in texts for part in text.split("/")):
        return True
    # A whole root, or an archive that is unpacked over it.
    root = texts[-1] in {"/", "."} and step.directory == "/"
    return root and any(
        text.endswith(("/", "/.", ".tar", ".gz", ".xz", ".tgz")) or text in {".", "rootfs"} for text in texts[:-1]
    )


def _health(subject: Subject) -> Iterator[Found]:
    if not _has_no_shell(subject):
        return
    for step in subject.final.all_steps():
        if isinstance(step.instruction, Healthcheck) and step.instruction.command is not None:
            yield from _health_of(subject, step, step.instruction.command)


def _health_of(subject: Subject, step: Step, command: CommandLine) -> Iterator[Found]:
    name = subject.final.base.name
    first = posixpath.basename(command.words[0])
    if command.is_shell:
        message = f"HEALTHCHECK CMD as a text runs in /bin/sh, which {name} does not have: it is always unhealthy"
    elif first in _SHELLS | _FETCHERS and not _is_copied(subject, first):
        message = f"{name} has no {first}: the container is always unhealthy"
    else:
        return
    yield at_text(
        step,
        command.words[0],
        message,
        hint='let the program ask itself: HEALTHCHECK CMD ["/app", "-health"]',
    )


def _is_copied(subject: Subject, name: str) -> bool:
    return any(
        name in posixpath.basename(text)
        for step in subject.final.all_steps()
        if isinstance(step.instruction, Copy | Add)
        for text in (*step.instruction.sources, step.instruction.destination)
    )


def _start(subject: Subject) -> Iterator[Found]:
    if not _has_no_shell(subject):
        return
    for step in _last_of_each(subject):
        instruction = step.instruction
        assert isinstance(instruction, Cmd | Entrypoint)  # noqa: S101 (they are given)
        command = instruction.command
        if not command.words or not (command.is_shell or posixpath.basename(command.words[0]) in _SHELLS):
            continue
        written = command.words[0]
        fix = None
        if command.is_shell and _SIMPLE.match(written):
            at = instruction.location.code.rfind(written)
            start = subject.at(step, at)
            end = subject.at(step, at + len(written) - 1) + 1
            words = ", ".join(msgspec.json.encode(word).decode() for word in written.split())
            fix = Fix("write a JSON list", (Edit(start, end, f"[{words}]"),))
        yield at_text(
            step,
            written,
            f"{instruction.keyword} needs /bin/sh, which {subject.final.base.name} does not have: "
            "the container does not start",
            hint=f'write a JSON list: {instruction.keyword} ["/app"]',
            fix=fix,
        )


def _last_of_each(subject: Subject) -> Iterator[Step]:
    last: dict[type[Instruction], Step] = {}
    for step in subject.final.steps:
        if isinstance(step.instruction, Cmd | Entrypoint):
            last[type(step.instruction)] = step
    yield from last.values()


def _run(subject: Subject) -> Iterator[Found]:
    for stage in subject.needed:
        if stage.base.has_shell is not False:
            continue
        for step in stage.all_steps():
            instruction = step.instruction
            if isinstance(instruction, Copy | Add):
                break
            if isinstance(instruction, Run) and instruction.command.is_shell:
                yield at_text(
                    step,
                    "",
                    f"RUN needs /bin/sh, which {stage.base.name} does not have: the build fails here",
                    hint="do it in the stage that compiles, and COPY --from what it makes",
                )
                break


def _not_there(subject: Subject) -> Iterator[Found]:
    final = subject.final
    if final.base.kind != "scratch":
        return
    step = next((one for one in reversed(final.steps) if isinstance(one.instruction, Entrypoint)), None)
    step = step or next((one for one in reversed(final.steps) if isinstance(one.instruction, Cmd)), None)
    if step is None:
        return
    assert isinstance(step.instruction, Cmd | Entrypoint)  # noqa: S101 (sought as such)
    command = step.instruction.command
    if command.is_shell or not command.words or "/" not in command.words[0]:
        return
    path = absolute(command.words[0], final.directory)
    places: list[str] = []
    for each in final.all_steps():
        if isinstance(each.instruction, Run):
            return
        if isinstance(each.instruction, Copy | Add):
            made = _made(each)
            if made is None:
                return
            places += made
    if path not in places:
        there = ", ".join(place for place in places[:4]) or "nothing"
        yield at_text(
            step,
            command.words[0],
            f"{path} is not in the image: {there} is copied",
            hint="start what is copied, by its whole path",
        )


def _made(step: Step) -> list[str] | None:
    """Give the files that a COPY makes, or None where its sources may be directories with anything in them."""
    instruction = step.instruction
    assert isinstance(instruction, Copy | Add)  # noqa: S101 (the caller looks)
    destination = destination_of(step)
    sources = [step.expand(text) for text in instruction.sources]
    if isinstance(instruction, Add) or any("*" in one or "?" in one or "$" in one for one in (*sources, destination)):
        return None
    made: list[str] = []
    for source in (*sources, *(document.name for document in instruction.documents)):
        name = posixpath.basename(source.rstrip("/"))
        if not name or name == "." or source.endswith("/"):
            return None
        made.append(posixpath.join(destination, name) if destination.endswith("/") else destination)
    return made


def _packed(subject: Subject) -> Iterator[Found]:
    for ran in subject.runs:
        for script in ran.scripts:
            for command in script.commands:
                if command.name == "upx" and command.words:
                    yield at_word(
                        subject,
                        script,
                        command.words[0],
                        "UPX makes the file smaller and hardly the download, which is compressed anyway; each "
                        "start unpacks "
                        "all of it into memory, and scanners cannot read it",
                        hint="measure: smidgen build --json has both sizes",
                    )


RULES: Final = (
    Rule(
        id="SM027",
        name="health-without-shell",
        title="HEALTHCHECK needs a program that the image does not have",
        reason="scratch and distroless have no shell, curl or wget. The container runs, and is restarted as unhealthy.",
        instead='HEALTHCHECK CMD ["/app", "-health"]',
        severity=Severity.ERROR,
        check=_health,
    ),
    Rule(
        id="SM028",
        name="start-without-shell",
        title="CMD or ENTRYPOINT needs a shell that the image does not have",
        reason='As a text they run in /bin/sh -c. Without it the container ends with "exec: /bin/sh: no such file".',
        instead='ENTRYPOINT ["/app"]',
        severity=Severity.ERROR,
        check=_start,
        replaces=("DL3025", "JSONArgsRecommended"),
        fixes="writes a JSON list, where a shell would do nothing with the words",
    ),
    Rule(
        id="SM029",
        name="run-without-shell",
        title="RUN needs a shell that the image does not have",
        reason="The build fails there.",
        instead="do it in another stage, and COPY --from what it makes",
        severity=Severity.ERROR,
        check=_run,
    ),
    Rule(
        id="SM033",
        name="program-not-there",
        title="What is started is not in the image",
        reason='The container ends with "no such file or directory".',
        instead='COPY --from=build /out/app /app\nENTRYPOINT ["/app"]',
        severity=Severity.ERROR,
        check=_not_there,
    ),
    Rule(
        id="SM035",
        name="packed",
        title="The executable is packed with UPX",
        reason="Measured on a small server: 59 % less on disk, 5 % less to pull with gzip and 10 % more with "
        "zstd, first answer after "
        "64 ms instead of 5 ms, 6.5 MB of memory of its own instead of 0.9 MB. `go version -m`, and so "
        "every scanner, finds no modules in it.",
        instead='leave it out: -ldflags="-s -w" is what helps',
        severity=Severity.INFO,
        check=_packed,
    ),
)
