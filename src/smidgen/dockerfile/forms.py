"""The form of each instruction: which flags and which arguments it has.

Source: Dockerfile reference; BuildKit's ``frontend/dockerfile/instructions/parse.go``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from smidgen.config.healthcheck import parse_duration
from smidgen.dockerfile.flags import Flags, Kind
from smidgen.dockerfile.heredoc import parse_heredoc
from smidgen.dockerfile.instruction import (
    Add,
    Arg,
    Cmd,
    CommandLine,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Heredoc,
    Instruction,
    Label,
    Maintainer,
    Network,
    Pairs,
    Run,
    Security,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
)
from smidgen.dockerfile.location import Location
from smidgen.dockerfile.mounts import check_mount
from smidgen.dockerfile.words import Word, parse_json_list, split_blanks, split_first, split_quoted
from smidgen.errors import DockerfileError, UsageError

_T = TypeVar("_T")
_STAGE_NAME: Final = re.compile(r"^[a-z][a-z0-9-_.]*\Z")
_NETWORKS: Final[dict[str, Network]] = {"default": "default", "none": "none", "host": "host"}
_SECURITIES: Final[dict[str, Security]] = {"sandbox": "sandbox", "insecure": "insecure"}
_TRANSFER_FLAGS: Final[Mapping[str, Kind]] = {
    "chown": "text",
    "chmod": "text",
    "link": "truth",
    "exclude": "texts",
}
_TIMES: Final = ("interval", "timeout", "start-period", "start-interval")
_RETRIES: Final = re.compile(r"^[0-9]{1,9}\Z")


@dataclass(frozen=True, slots=True)
class Parts:
    """An instruction cut into its parts.

    Attributes:
        keyword: In upper case.
        location: Where it stands.
        flags: As written, not yet checked.
        rest: Its arguments, without white space around them.
        offset: Where *rest* begins in the logical line.
        escape: The escape character.
        heredocs: Its documents, with their text.
    """

    keyword: str
    location: Location
    flags: Flags
    rest: str
    offset: int
    escape: str
    heredocs: tuple[Heredoc, ...] = ()

    def fault(self, message: str, *, at: int | None = None, hint: str | None) -> DockerfileError:
        """Give an error with its caret at *at*, or under the arguments."""
        return self.location.fault(message, at=self.offset if at is None else at, hint=hint)

    def json(self) -> tuple[str, ...] | None:
        """Give the arguments where they are a JSON list."""
        return self.json_of(self.rest, self.offset)

    def json_of(self, text: str, offset: int) -> tuple[str, ...] | None:
        """Give *text* where it is a JSON list."""
        try:
            return parse_json_list(text)
        except UsageError as error:
            raise self.fault(error.message, at=offset, hint=error.hint) from error

    def one(self, what: str) -> str:
        """Give the arguments as the one text that they are to be."""
        if not self.rest:
            raise self.fault(f"{self.keyword} needs {what}", hint=f"write it after {self.keyword}")
        return self.rest


def parse_from(parts: Parts) -> From:
    """``FROM [--platform=P] BASE [AS NAME]``."""
    flags = parts.flags.checked({"platform": "text"})
    words = split_blanks(parts.rest, parts.offset)
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].text.lower() != "as"):
        at = words[1].offset if len(words) > 1 else parts.offset
        raise parts.fault("FROM has one base, and perhaps AS and a name", at=at, hint="write FROM BASE AS NAME")
    name = words[2].text.lower() if len(words) == 3 else ""
    if name and not _STAGE_NAME.match(name):
        raise parts.fault(
            f"{words[2].text!r} is no name of a stage",
            at=words[2].offset,
            hint="a name begins with a letter, and goes on with letters, digits, - _ .",
        )
    return From(location=parts.location, base=words[0].text, name=name, platform=flags.text("platform"))


def parse_run(parts: Parts) -> Run:
    """``RUN [--mount=…] [--network=…] [--security=…] COMMAND``."""
    if parts.flags.at("device"):
        raise parts.fault("--device is not supported", at=parts.flags.at("device"), hint="leave the flag out")
    flags = parts.flags.checked({"mount": "texts", "network": "text", "security": "text"})
    for mount in flags.given:
        if mount.name == "mount":
            try:
                check_mount(mount.value or "")
            except UsageError as error:
                raise parts.fault(error.message, at=mount.offset, hint=error.hint) from error
    command = _command(parts)
    if not any(command.words):
        raise parts.fault("RUN needs a command", hint="write RUN COMMAND")
    return Run(
        location=parts.location,
        command=command,
        mounts=flags.texts("mount"),
        network=_choice(parts, "network", _NETWORKS),
        security=_choice(parts, "security", _SECURITIES),
    )


def _choice(parts: Parts, name: str, choices: Mapping[str, _T]) -> _T:
    given = next((flag for flag in parts.flags.given if flag.name == name), None)
    if given is None or given.value is None:
        return next(iter(choices.values()))
    if given.value not in choices:
        raise parts.fault(
            f"--{name} is {given.value!r}, expected {', '.join(choices)}", at=given.offset, hint="write one of these"
        )
    return choices[given.value]


def parse_copy(parts: Parts) -> Copy:
    """``COPY [FLAGS] SOURCE… DESTINATION``, or a JSON list of these."""
    flags = parts.flags.checked({**_TRANSFER_FLAGS, "from": "text", "parents": "truth"})
    if flags.at("from") and not flags.text("from"):
        raise parts.fault("--from is empty", at=flags.at("from"), hint="name a stage, an image or a context")
    sources, documents, destination = _transfer(parts)
    return Copy(
        location=parts.location,
        sources=sources,
        documents=documents,
        destination=destination,
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=flags.truth("link") or False,
        parents=flags.truth("parents") or False,
        exclude=flags.texts("exclude"),
        from_=flags.text("from"),
    )


def parse_add(parts: Parts) -> Add:
    """``ADD [FLAGS] SOURCE… DESTINATION``, or a JSON list of these."""
    flags = parts.flags.checked({**_TRANSFER_FLAGS, "checksum": "text", "keep-git-dir": "truth", "unpack": "truth"})
    sources, documents, destination = _transfer(parts)
    if flags.text("checksum") and len(sources) + len(documents) != 1:
        raise parts.fault("--checksum with several sources", at=flags.at("checksum"), hint="write one ADD for each")
    return Add(
        location=parts.location,
        sources=sources,
        documents=documents,
        destination=destination,
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=flags.truth("link") or False,
        exclude=flags.texts("exclude"),
        checksum=flags.text("checksum"),
        keep_git_dir=flags.truth("keep-git-dir"),
        unpack=flags.truth("unpack"),
    )


def _transfer(parts: Parts) -> tuple[tuple[str, ...], tuple[Heredoc, ...], str]:
    listed = parts.json()
    words = listed if listed is not None else tuple(word.text for word in split_blanks(parts.rest, parts.offset))
    if len(words) < 2:
        raise parts.fault(
            f"{parts.keyword} needs a source and a destination", hint=f"write {parts.keyword} SOURCE DESTINATION"
        )
    by_name = {heredoc.name: heredoc for heredoc in parts.heredocs}
    sources: list[str] = []
    documents: list[Heredoc] = []
    for word in words:
        announced = _announced(parts, word) if by_name else None
        if announced is None:
            sources.append(word)
        elif word is words[-1]:
            raise parts.fault("a document cannot be the destination", hint="write the destination last")
        else:
            documents.append(by_name.get(announced.name, announced))
    destination = sources.pop()
    return tuple(sources), tuple(documents), destination


def _announced(parts: Parts, word: str) -> Heredoc | None:
    try:
        return parse_heredoc(word)
    except UsageError as error:
        raise parts.fault(error.message, hint=error.hint) from error


def parse_env(parts: Parts) -> Env:
    """``ENV NAME=VALUE…``, or ``ENV NAME VALUE`` of old."""
    parts.flags.checked({})
    pairs, legacy = _pairs(parts)
    return Env(location=parts.location, pairs=pairs, legacy=legacy)


def parse_label(parts: Parts) -> Label:
    """``LABEL NAME=VALUE…``, or ``LABEL NAME VALUE`` of old."""
    parts.flags.checked({})
    pairs, legacy = _pairs(parts)
    return Label(location=parts.location, pairs=pairs, legacy=legacy)


def _pairs(parts: Parts) -> tuple[Pairs, bool]:
    words = split_quoted(parts.rest, parts.offset, escape=parts.escape)
    if not words:
        raise parts.fault(f"{parts.keyword} needs NAME=VALUE", hint=f"write {parts.keyword} NAME=VALUE")
    if "=" not in words[0].text:
        name, begin = split_first(parts.rest)
        if begin >= len(parts.rest):
            raise parts.fault(f"{parts.keyword} {name} has no value", hint=f"write {parts.keyword} {name}=VALUE")
        return ((name, parts.rest[begin:]),), True
    return tuple(_pair(parts, word) for word in words), False


def _pair(parts: Parts, word: Word) -> tuple[str, str]:
    name, equals, value = word.text.partition("=")
    if not equals:
        raise parts.fault(
            f"{word.text!r} is not NAME=VALUE",
            at=word.offset,
            hint="put a value with white space in quotes, and write no white space around =",
        )
    if not name:
        raise parts.fault("there is no name before =", at=word.offset, hint="write NAME=VALUE")
    return name, value


def parse_arg(parts: Parts) -> Arg:
    """``ARG NAME[=DEFAULT]…``."""
    parts.flags.checked({})
    words = split_quoted(parts.rest, parts.offset, escape=parts.escape)
    if not words:
        raise parts.fault("ARG needs a name", hint="write ARG NAME or ARG NAME=DEFAULT")
    return Arg(
        location=parts.location,
        variables=tuple(_pair(parts, word) if "=" in word.text else (word.text, None) for word in words),
    )


def parse_maintainer(parts: Parts) -> Maintainer:
    """``MAINTAINER NAME``."""
    parts.flags.checked({})
    return Maintainer(location=parts.location, name=parts.one("a name"))


def parse_workdir(parts: Parts) -> Workdir:
    """``WORKDIR PATH``; the path may have white space."""
    parts.flags.checked({})
    return Workdir(location=parts.location, path=parts.one("a path"))


def parse_user(parts: Parts) -> User:
    """``USER USER[:GROUP]``."""
    parts.flags.checked({})
    return User(location=parts.location, user=parts.one("a user"))


def parse_stopsignal(parts: Parts) -> Stopsignal:
    """``STOPSIGNAL SIGNAL``."""
    parts.flags.checked({})
    return Stopsignal(location=parts.location, signal=parts.one("a signal"))


def parse_cmd(parts: Parts) -> Cmd:
    """``CMD COMMAND``."""
    parts.flags.checked({})
    return Cmd(location=parts.location, command=_command(parts))


def parse_entrypoint(parts: Parts) -> Entrypoint:
    """``ENTRYPOINT COMMAND``."""
    parts.flags.checked({})
    return Entrypoint(location=parts.location, command=_command(parts))


def _command(parts: Parts) -> CommandLine:
    listed = parts.json()
    if listed is not None:
        return CommandLine(listed, is_shell=False)
    return CommandLine((parts.rest,) if parts.rest else (), is_shell=True, heredocs=parts.heredocs)


def parse_expose(parts: Parts) -> Expose:
    """``EXPOSE PORT[-PORT][/PROTOCOL]…``."""
    parts.flags.checked({})
    words = split_blanks(parts.rest, parts.offset)
    if not words:
        raise parts.fault("EXPOSE needs a port", hint="write EXPOSE 80 or EXPOSE 53/udp")
    # Sorted here, before variables are expanded, as in BuildKit; it shows in the history only.
    return Expose(location=parts.location, ports=tuple(sorted(word.text for word in words)))


def parse_volume(parts: Parts) -> Volume:
    """``VOLUME PATH…``, or a JSON list."""
    parts.flags.checked({})
    listed = parts.json()
    paths = listed if listed is not None else tuple(word.text for word in split_blanks(parts.rest, parts.offset))
    if not paths or not all(path.strip() for path in paths):
        raise parts.fault("VOLUME needs a path", hint='write VOLUME /data or VOLUME ["/data"]')
    return Volume(location=parts.location, paths=tuple(path.strip() for path in paths))


def parse_shell(parts: Parts) -> Shell:
    """``SHELL ["PROGRAM", "ARGUMENT"…]``."""
    parts.flags.checked({})
    listed = parts.json()
    if not listed:
        raise parts.fault("SHELL needs a JSON list", hint='write SHELL ["/bin/bash", "-c"]')
    return Shell(location=parts.location, words=listed)


def parse_healthcheck(parts: Parts) -> Healthcheck:
    """``HEALTHCHECK [OPTIONS] CMD COMMAND``, or ``HEALTHCHECK NONE``."""
    flags = parts.flags.checked({**dict.fromkeys(_TIMES, "text"), "retries": "text"})
    kind, begin = split_first(parts.rest)
    rest, offset = parts.rest[begin:], parts.offset + begin
    if kind.upper() == "NONE":
        if rest or flags.given:
            raise parts.fault("HEALTHCHECK NONE has neither options nor arguments", hint="write HEALTHCHECK NONE")
        return Healthcheck(location=parts.location, command=None)
    if kind.upper() != "CMD":
        raise parts.fault(
            f"HEALTHCHECK {kind or 'without CMD'}, expected CMD or NONE", hint="write HEALTHCHECK CMD COMMAND"
        )
    listed = parts.json_of(rest, offset)
    words = listed if listed is not None else (rest,)
    if not words or not rest:
        raise parts.fault("HEALTHCHECK CMD needs a command", at=offset, hint="write HEALTHCHECK CMD COMMAND")
    return Healthcheck(
        location=parts.location,
        command=CommandLine(words, is_shell=listed is None),
        interval=_time(parts, "interval"),
        timeout=_time(parts, "timeout"),
        start_period=_time(parts, "start-period"),
        start_interval=_time(parts, "start-interval"),
        retries=_retries(parts),
    )


def _time(parts: Parts, name: str) -> int:
    text = parts.flags.text(name)
    try:
        return parse_duration(text) if text else 0
    except UsageError as error:
        raise parts.fault(f"--{name}: {error.message}", at=parts.flags.at(name), hint=error.hint) from error


def _retries(parts: Parts) -> int:
    text = parts.flags.text("retries")
    if text and not _RETRIES.match(text):
        raise parts.fault(f"--retries is {text!r}", at=parts.flags.at("retries"), hint="expected a number, 0 or more")
    return int(text or 0)


FORMS: Final[Mapping[str, Callable[[Parts], Instruction]]] = {
    "ADD": parse_add,
    "ARG": parse_arg,
    "CMD": parse_cmd,
    "COPY": parse_copy,
    "ENTRYPOINT": parse_entrypoint,
    "ENV": parse_env,
    "EXPOSE": parse_expose,
    "FROM": parse_from,
    "HEALTHCHECK": parse_healthcheck,
    "LABEL": parse_label,
    "MAINTAINER": parse_maintainer,
    "RUN": parse_run,
    "SHELL": parse_shell,
    "STOPSIGNAL": parse_stopsignal,
    "USER": parse_user,
    "VOLUME": parse_volume,
    "WORKDIR": parse_workdir,
}
