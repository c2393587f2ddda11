"""``smidgen doctor --json``."""

from typing import Literal

import msgspec


class AbilityResult(msgspec.Struct, frozen=True, kw_only=True):
    """Something that smidgen does.

    Attributes:
        name: ``build Go programs``, ``pack ready binaries``, ``build Dockerfiles`` or ``run and prove images``.
        can: It can be done here.
        because: What is in the way, or empty.
    """

    name: str
    can: bool
    because: str


class FindingResult(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        area: ``build``, ``store``, ``containers``, ``engines`` or ``registries``.
        name: Such as ``go``; several findings can have one.
        state: ``good``; ``absent`` where only some people need it; ``bad`` where something cannot be done.
        said: What was found. No secret and no name of a user is in it.
        advice: What to do, or empty.
    """

    area: str
    name: str
    state: Literal["good", "absent", "bad"]
    said: str
    advice: str


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        can_build: Go programs or Dockerfiles can be built; the exit code is 1 where it is false.
        version: Of smidgen.
        packages: Name → release of the packages that decide bytes of a layer.
    """

    schema: Literal["smidgen.doctor/v1"] = "smidgen.doctor/v1"
    can_build: bool
    version: str
    platform: str
    kernel: str
    python: str
    packages: dict[str, str]
    abilities: tuple[AbilityResult, ...]
    findings: tuple[FindingResult, ...]
