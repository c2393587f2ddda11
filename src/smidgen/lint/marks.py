"""Findings at a word of a command, or at a text of an instruction."""

from smidgen.lint.finding import Edit, Fix, Found, Severity
from smidgen.lint.go_commands import GoBuild
from smidgen.lint.script import Script
from smidgen.lint.shell import ShellWord
from smidgen.lint.stages import Step
from smidgen.lint.subject import Subject


def at_word(
    subject: Subject,
    script: Script,
    word: ShellWord,
    message: str,
    *,
    hint: str = "",
    fix: Fix | None = None,
    severity: Severity | None = None,
) -> Found:
    """Say *message* of *word*, which stands in *script*."""
    if not script.is_shell:
        location = script.run.location
        at = max(0, location.code.find(word.raw))
        return Found(location=location, message=message, at=at, length=len(word.raw), hint=hint, severity=severity)
    return Found(
        location=script.run.location,
        message=message,
        at=script.offset(subject.text, word.start),
        length=len(word.raw),
        hint=hint,
        fix=fix,
        severity=severity,
        is_raw=True,
    )


def at_build(
    subject: Subject,
    build: GoBuild,
    message: str,
    *,
    hint: str = "",
    fix: Fix | None = None,
    severity: Severity | None = None,
) -> Found:
    """Say *message* of ``go build`` as a whole."""
    word = ShellWord("go " + build.verb.raw, build.go.start) if build.can_edit else build.go
    return at_word(subject, build.script, word, message, hint=hint, fix=fix, severity=severity)


def at_text(
    step: Step, text: str, message: str, *, hint: str = "", fix: Fix | None = None, severity: Severity | None = None
) -> Found:
    """Say *message* of the first *text* in an instruction, or of its first word where it is not there."""
    location = step.instruction.location
    at = location.code.find(text) if text else -1
    length = len(text)
    if at < 0:
        at, length = 0, len(location.code.split(maxsplit=1)[0])
    return Found(location=location, message=message, at=at, length=length, hint=hint, fix=fix, severity=severity)


def insertion(subject: Subject, script: Script, at: int, text: str) -> Edit:
    """Give the edit that puts *text* at an offset of *script*."""
    start = script.offset(subject.text, at)
    return Edit(start, start, text)


def without_words(subject: Subject, script: Script, words: tuple[ShellWord, ...]) -> tuple[Edit, ...]:
    """Give the edits that take *words* out, in order, with the white space that they leave."""
    spans: list[tuple[int, int]] = []
    for word in words:
        start = script.offset(subject.text, word.start)
        end = script.offset(subject.text, word.end - 1) + 1
        if spans and not subject.text.text[spans[-1][1] : start].strip(" \t"):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return tuple(_without(subject, script, start, end) for start, end in spans)


def _without(subject: Subject, script: Script, start: int, end: int) -> Edit:
    text = subject.text
    line, _ = text.position(start)
    begin, after = text.start(line), text.start(line + 1)
    is_first = not text.text[begin:start].strip()
    if is_first and text.text[end:after].strip() in {"\\", "`"} and line > script.run.location.line:
        # They have a line of their own, which goes with them.
        return Edit(begin, after, "")
    if is_first:
        while text.text[end : end + 1] in {" ", "\t"}:
            end += 1
    else:
        while start > begin and text.text[start - 1] in " \t":
            start -= 1
    return Edit(start, end, "")
