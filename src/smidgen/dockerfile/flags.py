"""Flags of instructions: ``--name=value`` and ``--name`` before the arguments.

Source: BuildKit's ``parser/split_command.go`` and ``instructions/bflag.go``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from smidgen.dockerfile.location import Location
from smidgen.dockerfile.spelling import did_you_mean

Kind: TypeAlias = Literal["text", "texts", "truth"]


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag as it is written.

    Attributes:
        name: Without the dashes.
        value: What follows ``=``, with quotes and escapes taken away, or None where there is no ``=``.
        offset: Where it begins in the logical line.
    """

    name: str
    value: str | None
    offset: int


def split_flags(code: str, start: int) -> tuple[list[Flag], int]:
    """Take the flags that stand at *start* of *code*; give them, and where the arguments begin.

    A quoted value keeps its white space. ``--`` alone ends the flags.
    """
    flags: list[Flag] = []
    position = start
    while True:
        while position < len(code) and code[position].isspace():
            position += 1
        if not code.startswith("--", position):
            return flags, position
        begin = position
        text, position = _word(code, position)
        if text == "--":
            return flags, position
        name, equals, value = text[2:].partition("=")
        flags.append(Flag(name, value if equals else None, begin))


def _word(code: str, position: int) -> tuple[str, int]:
    letters: list[str] = []
    quote = ""
    while position < len(code):
        letter = code[position]
        if not quote and letter.isspace():
            break
        position += 1
        if letter == "\\":
            # Always a backslash here, whatever the escape directive says, as in BuildKit.
            letters.append(code[position : position + 1])
            position += 1
        elif letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
        else:
            letters.append(letter)
    return "".join(letters), min(position, len(code))


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of one instruction, checked against what it has.

    Attributes:
        location: The instruction.
        keyword: Its name.
        given: The flags, in order.
    """

    location: Location
    keyword: str
    given: tuple[Flag, ...]

    def checked(self, kinds: Mapping[str, Kind]) -> "Flags":
        """Give these flags, all of which the instruction has.

        Raises:
            DockerfileError: A flag is unknown, stands twice, lacks its value or has one of another kind.
        """
        seen: set[str] = set()
        for flag in self.given:
            kind = kinds.get(flag.name)
            if kind is None:
                raise self.location.fault(
                    f"{self.keyword} has no flag --{flag.name}", at=flag.offset, hint=_which(flag.name, kinds)
                )
            if flag.name in seen and kind != "texts":
                raise self.location.fault(f"the flag --{flag.name} stands twice", at=flag.offset, hint="keep one")
            seen.add(flag.name)
            if kind == "truth":
                _truth(flag, self.location)
            elif flag.value is None:
                raise self.location.fault(
                    f"the flag --{flag.name} has no value", at=flag.offset, hint=f"write --{flag.name}=VALUE"
                )
        return self

    def text(self, name: str) -> str:
        """Give the value of a flag, or an empty text."""
        return next((flag.value or "" for flag in self.given if flag.name == name), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """Give the values of a flag that may stand several times."""
        return tuple(flag.value or "" for flag in self.given if flag.name == name)

    def truth(self, name: str) -> bool | None:
        """Give the value of a flag that is true or false, or None where it is not given."""
        return next((_truth(flag, self.location) for flag in self.given if flag.name == name), None)

    def at(self, name: str) -> int:
        """Give where a flag stands, for a caret."""
        return next((flag.offset for flag in self.given if flag.name == name), 0)


def _truth(flag: Flag, location: Location) -> bool:
    value = "true" if flag.value is None else flag.value.lower()
    if value not in {"true", "false"}:
        raise location.fault(
            f"the flag --{flag.name} is {flag.value!r}, expected true or false",
            at=flag.offset,
            hint=f"write --{flag.name} or --{flag.name}=false",
        )
    return value == "true"


def _which(name: str, kinds: Mapping[str, Kind]) -> str:
    if not kinds:
        return "it has no flags at all"
    names = [f"--{each}" for each in sorted(kinds)]
    return did_you_mean(f"--{name}", names) or "it has " + ", ".join(names)
