"""A Dockerfile's text as a tree.

Source: Dockerfile reference; BuildKit's ``frontend/dockerfile/parser`` and ``instructions``.
"""

import re
from dataclasses import replace
from typing import Final

from smidgen.dockerfile.checks import check_form
from smidgen.dockerfile.flags import Flags, split_flags
from smidgen.dockerfile.forms import FORMS, Parts
from smidgen.dockerfile.heredoc import find_heredocs
from smidgen.dockerfile.instruction import (
    Arg,
    Dockerfile,
    Doubt,
    From,
    Heredoc,
    Instruction,
    Onbuild,
    Run,
    Stage,
    Transfer,
)
from smidgen.dockerfile.lexer import Lexer
from smidgen.dockerfile.location import Location, fault_at
from smidgen.dockerfile.spelling import did_you_mean
from smidgen.dockerfile.words import parse_json_list
from smidgen.errors import UsageError

MAX_INSTRUCTIONS: Final = 10_000
_WITH_DOCUMENTS: Final = frozenset({"ADD", "COPY", "RUN"})
_BLANK: Final = re.compile(r"[\t\v\f\r ]+")


def decode_dockerfile(data: bytes) -> str:
    """Give the text of a Dockerfile's bytes; what is no UTF-8 is refused where it matters, so not in comments."""
    return data.decode("utf-8", "surrogateescape")


def parse(text: str, *, name: str) -> Dockerfile:
    """Parse a Dockerfile.

    Args:
        text: Its content.
        name: As the user named it, for errors.

    Raises:
        DockerfileError: Anything is not of the language; shows the line with a caret.
        LimitExceeded: It is larger than any real one.
    """
    lexer = Lexer(text, file=name)
    meta_args: list[Arg] = []
    stages: list[tuple[From, list[Instruction]]] = []
    doubts: list[Doubt] = []
    count = 0
    while (line := lexer.next()) is not None:
        count += 1
        if count > MAX_INSTRUCTIONS:
            raise line.location.fault(f"more than {MAX_INSTRUCTIONS} instructions", hint="generate fewer")
        if line.blank is not None:
            doubts.append(Doubt("NoEmptyContinuation", "an empty line between continued lines", name, line.blank))
        instruction = parse_instruction(line.location, lexer)
        match instruction:
            case From():
                stages.append((instruction, []))
            case Arg() if not stages:
                meta_args.append(instruction)
            case _ if not stages:
                raise instruction.location.fault(
                    f"{instruction.keyword} before FROM", hint="begin with FROM; only ARG may stand before it"
                )
            case _:
                stages[-1][1].append(instruction)
    if not stages:
        raise fault_at("there is no FROM", file=name, line=1, column=1, text="", hint="begin with FROM BASE")
    dockerfile = Dockerfile(
        name=name,
        directives=lexer.directives,
        meta_args=tuple(meta_args),
        stages=tuple(Stage(number, first, tuple(rest)) for number, (first, rest) in enumerate(stages)),
        warnings=tuple(doubts),
    )
    return replace(dockerfile, warnings=(*doubts, *check_form(dockerfile)))


def parse_trigger(expression: str, location: Location) -> Instruction:
    """Parse what ONBUILD of a base image says; errors show *location*, the FROM that asked for it.

    Raises:
        DockerfileError: It is no instruction, several, or one that cannot be triggered.
    """
    try:
        lexer = Lexer(expression, file=location.file)
        line = lexer.next()
        instruction = None if line is None else parse_instruction(line.location, lexer, within_onbuild=True)
        if instruction is None or lexer.next() is not None:
            raise location.fault("ONBUILD of the base image is not one instruction", hint="build the base anew")
    except UsageError as error:
        raise location.fault(
            f"ONBUILD of the base image cannot be read: {error.message}", hint="build the base image anew"
        ) from error
    return replace(instruction, location=replace(location, code=instruction.location.code, segments=()))


def parse_instruction(location: Location, lexer: Lexer, *, within_onbuild: bool = False) -> Instruction:
    """Parse the instruction at *location*; its documents are taken from *lexer*.

    Raises:
        DockerfileError: It is none, or not of its form.
    """
    return _parse_at(0, location, lexer, within_onbuild=within_onbuild)


def _parse_at(start: int, location: Location, lexer: Lexer, *, within_onbuild: bool) -> Instruction:
    code = location.code.rstrip()
    start += len(code[start:]) - len(code[start:].lstrip())
    match = _BLANK.search(code, start)
    written, after = (code[start : match.start()], match.end()) if match else (code[start:], len(code))
    keyword = written.upper()
    if within_onbuild and keyword in {"ONBUILD", "FROM", "MAINTAINER"}:
        raise location.fault(f"ONBUILD cannot trigger {keyword}", at=start, hint="write another instruction")
    if keyword == "ONBUILD":
        return _parse_onbuild(after, location, lexer)
    form = FORMS.get(keyword)
    if form is None:
        hint = did_you_mean(keyword, (*FORMS, "ONBUILD")) or "instructions begin with a word such as RUN or COPY"
        raise location.fault(f"there is no instruction {written[:40]!r}", at=start, hint=hint)
    given, begin = split_flags(code, after)
    heredocs: tuple[Heredoc, ...] = ()
    if keyword in _WITH_DOCUMENTS:
        heredocs, location = _take_documents(code[begin:], location, lexer)
    flags = Flags(location, keyword, tuple(given))
    return form(
        Parts(
            keyword=keyword,
            location=location,
            flags=flags,
            rest=code[begin:],
            offset=begin,
            escape=lexer.directives.escape,
            heredocs=heredocs,
        )
    )


def _parse_onbuild(after: int, location: Location, lexer: Lexer) -> Onbuild:
    code = location.code
    given, begin = split_flags(code, after)
    Flags(location, "ONBUILD", tuple(given)).checked({})
    if begin >= len(code.rstrip()):
        raise location.fault("ONBUILD needs an instruction", at=begin, hint="write ONBUILD RUN COMMAND")
    trigger = _parse_at(begin, location, lexer, within_onbuild=True)
    documents = "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in _documents_of(trigger))
    return Onbuild(location=trigger.location, trigger=trigger, expression=code[begin:].rstrip() + documents)


def _documents_of(instruction: Instruction) -> tuple[Heredoc, ...]:
    if isinstance(instruction, Run):
        return instruction.command.heredocs
    return instruction.documents if isinstance(instruction, Transfer) else ()


def _take_documents(rest: str, location: Location, lexer: Lexer) -> tuple[tuple[Heredoc, ...], Location]:
    try:
        announced = find_heredocs(location.code)
    except UsageError as error:
        raise location.fault(error.message, at="<<", hint=error.hint) from error
    if not announced or _is_json(rest):
        return (), location
    taken: list[Heredoc] = []
    for heredoc in announced:
        document, location = lexer.document(heredoc, location)
        taken.append(document)
    return tuple(taken), location


def _is_json(text: str) -> bool:
    try:
        return parse_json_list(text) is not None
    except UsageError:
        return True
