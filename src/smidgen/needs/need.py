"""Needs: what an executable needs at run time, as values.

This module does no I/O; ``detect`` reads a need from an executable, ``provide`` makes the files that satisfy it.
"""

from dataclasses import dataclass
from enum import StrEnum


class NeedKind(StrEnum):
    """What can be needed. The values are the names that ``--with`` and ``--without`` take."""

    CA = "ca"
    TZ = "tz"
    PASSWD = "passwd"  # noqa: S105 (no password)
    TMP = "tmp"
    RESOLVER = "resolver"
    MIME = "mime"

    @property
    def label(self) -> str:
        """Name it for people."""
        return _LABELS[self]


_LABELS = {
    NeedKind.CA: "CA certificates",
    NeedKind.TZ: "time zones",
    NeedKind.PASSWD: "passwd and group",
    NeedKind.TMP: "/tmp",  # noqa: S108 (the image's)
    NeedKind.RESOLVER: "resolver files",
    NeedKind.MIME: "MIME types",
}


class Confidence(StrEnum):
    """How sure it is that the program fails somewhere without what it needs.

    CERTAIN: the program's own code calls a function that does nothing else than use it.
    LIKELY: a library that is linked in calls such a function, or code is linked that uses it in its ordinary use.
    POSSIBLE: code is linked that uses it in some configurations, or with some input.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that a program looks for outside of itself.

    Attributes:
        kind: What.
        confidence: How sure.
        symbol: The linked function that proves it, or the text where there is no function table.
        reason: Why, in one plain sentence.
        included: Whether it goes into the image unless the user says otherwise.
        callers: Functions of the program that lead to *symbol*, sorted; empty where they are not known.
    """

    kind: NeedKind
    confidence: Confidence
    symbol: str
    reason: str
    included: bool
    callers: tuple[str, ...] = ()


class FactKind(StrEnum):
    """What else a user should know before a program goes into an image with nothing beside it."""

    STARTS_PROGRAMS = "starts-programs"
    LOADS_PLUGINS = "loads-plugins"
    DYNAMIC = "dynamic"
    CGO = "cgo"
    PACKED = "packed"
    NOT_GO = "not-go"
    SYSLOG = "syslog"
    NAME_SERVICES = "name-services"
    CONVERSIONS = "conversions"
    LOCALES = "locales"
    ADDED = "added"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A fact that no file of ours can mend.

    Attributes:
        kind: Which.
        symbol: What proves it: a linked function, a library, an interpreter; or empty.
        message: One or two plain sentences for the user.
        warning: Whether the program may fail because of it; otherwise it is for information.
        callers: Functions of the program that lead to *symbol*, sorted; empty where they are not known.
    """

    kind: FactKind
    symbol: str
    message: str
    warning: bool
    callers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsReport:
    """What an executable needs.

    Attributes:
        needs: At most one of each kind, in the order of :class:`NeedKind`.
        facts: At most one of each kind, in the order of :class:`FactKind`.
        readable: Whether there was a function table to read; without one, needs are only guessed and none is included.
    """

    needs: tuple[Need, ...] = ()
    facts: tuple[Fact, ...] = ()
    readable: bool = True

    def need(self, kind: NeedKind) -> Need | None:
        """Give the need of that kind, or None."""
        return next((need for need in self.needs if need.kind is kind), None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user must be told, in sentences."""
        return tuple(fact.message for fact in self.facts if fact.warning)
