"""Findings about a machine, and what follows from them, as values."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something stands.

    GOOD: it is there, and works as far as it was tried.
    ABSENT: it is not there, and only some people need it.
    BAD: it is missing or broken, and something that smidgen does cannot be done.
    """

    GOOD = "good"
    ABSENT = "absent"
    BAD = "bad"


class Area(StrEnum):
    """What a finding is about."""

    BUILD = "build"
    STORE = "store"
    CONTAINERS = "containers"
    ENGINES = "engines"
    REGISTRIES = "registries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: Such as ``go``; several findings can have one.
        said: What was found, in a few words; never a secret.
        advice: What to do about it; empty where nothing is to be done.
    """

    area: Area
    name: str
    state: State
    said: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """Something that smidgen does, and whether it can be done here.

    Attributes:
        name: A few words, such as ``build Go programs``.
        because: What is in the way; empty where nothing is.
    """

    name: str
    because: str

    @property
    def can(self) -> bool:
        """Whether nothing is in the way."""
        return not self.because


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything about this machine.

    Attributes:
        version: Of smidgen.
        platform: Such as ``linux/amd64``.
        kernel: Its release.
        python: The release that runs this.
        packages: Name → release of what decides bytes of a layer.
        abilities: The most important first.
        findings: In the order of :class:`Area`.
    """

    version: str
    platform: str
    kernel: str
    python: str
    packages: dict[str, str]
    abilities: tuple[Ability, ...]
    findings: tuple[Finding, ...]

    @property
    def can_build(self) -> bool:
        """Whether anything can be built at all."""
        return any(ability.can for ability in self.abilities if ability.name.startswith("build"))
