"""Selection: what goes into the image, and who decided it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from smidgen.errors import UsageError
from smidgen.needs.need import Need, NeedKind, NeedsReport


class Origin(StrEnum):
    """Who decided whether a need is in the image."""

    DETECTED = "detected"
    ASKED = "asked"
    REFUSED = "refused"
    BASE = "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether one kind goes into the image.

    Attributes:
        kind: Which.
        included: Whether our files for it go in.
        origin: Who decided.
        why: The reason in words, such as ``asked for with --with``.
        need: What detection found, or None where it found nothing of this kind.
    """

    kind: NeedKind
    included: bool
    origin: Origin
    why: str
    need: Need | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The decisions, at most one a kind, in the order of NeedKind; a kind that nobody mentioned has none."""

    decisions: tuple[Decision, ...]

    @property
    def kinds(self) -> frozenset[NeedKind]:
        """What to provide."""
        return frozenset(decision.kind for decision in self.decisions if decision.included)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was refused although the program needs it, in sentences."""
        return tuple(
            f"{one.kind.label} left out ({one.why}), but {one.need.reason[:1].lower()}{one.need.reason[1:]}"
            for one in self.decisions
            if one.origin is Origin.REFUSED and one.need is not None and one.need.included
        )


def select(
    report: NeedsReport,
    *,
    asked: Mapping[NeedKind, str] | None = None,
    refused: Mapping[NeedKind, str] | None = None,
    base: Collection[NeedKind] = (),
) -> Selection:
    """Decide each kind: the user's word first, then what the base has, then what was detected.

    Args:
        report: What the program needs.
        asked: Kinds to include, each with where that was said: ``--with``, ``--tz``, ``smidgen.yaml:7``.
        refused: Kinds to leave out, likewise.
        base: What the base image has already, see ``provide.provided_by``.

    Raises:
        UsageError: A kind is asked for and refused.
    """
    asked, refused = asked or {}, refused or {}
    for kind in asked:
        if kind in refused:
            raise UsageError(
                f"{kind} is asked for with {asked[kind]} and refused with {refused[kind]}", hint="keep one of the two"
            )
    decisions = (_decide(kind, report.need(kind), asked, refused, base) for kind in NeedKind)
    return Selection(tuple(decision for decision in decisions if decision is not None))


def _decide(
    kind: NeedKind,
    need: Need | None,
    asked: Mapping[NeedKind, str],
    refused: Mapping[NeedKind, str],
    base: Collection[NeedKind],
) -> Decision | None:
    if kind in asked:
        return Decision(kind=kind, included=True, origin=Origin.ASKED, why=f"asked for with {asked[kind]}", need=need)
    if kind in refused:
        return Decision(
            kind=kind, included=False, origin=Origin.REFUSED, why=f"refused with {refused[kind]}", need=need
        )
    if need is None:
        return None
    if need.included and kind in base:
        return Decision(kind=kind, included=False, origin=Origin.BASE, why="the base image has it", need=need)
    return Decision(kind=kind, included=need.included, origin=Origin.DETECTED, why=need.reason, need=need)
