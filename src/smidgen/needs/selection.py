"""Selection: what goes into the image, and who decided it."""

from collections.abc import Callable, Mapping
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
    implied: Mapping[NeedKind, str] | None = None,
    place_in_base: Callable[[NeedKind], str] | None = None,
) -> Selection:
    """Decide each kind: the user's word first, then what the base has, then what was detected.

    Args:
        report: What the program needs.
        asked: Kinds to include, each with where that was said: ``--with``, ``--tz``, ``smidgen.yaml:7``.
        refused: Kinds to leave out, likewise.
        implied: Kinds that something else makes necessary, likewise; what the base has satisfies them.
        place_in_base: Where the base has it, "" where it has not; None for an image without a base.

    Raises:
        UsageError: A kind is asked for and refused.
    """
    asked, refused, implied = asked or {}, refused or {}, implied or {}
    for kind in asked:
        if kind in refused:
            raise UsageError(
                f"{kind} is asked for with {asked[kind]} and refused with {refused[kind]}", hint="keep one of the two"
            )
    decider = _Decider(asked=asked, refused=refused, implied=implied, place_in_base=place_in_base or (lambda _: ""))
    decisions = (decider.decide(kind, report.need(kind)) for kind in NeedKind)
    return Selection(tuple(decision for decision in decisions if decision is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decider:
    asked: Mapping[NeedKind, str]
    refused: Mapping[NeedKind, str]
    implied: Mapping[NeedKind, str]
    place_in_base: Callable[[NeedKind], str]

    def decide(self, kind: NeedKind, need: Need | None) -> Decision | None:
        if kind in self.asked:
            why = f"asked for with {self.asked[kind]}"
            return Decision(kind=kind, included=True, origin=Origin.ASKED, why=why, need=need)
        if kind in self.refused:
            why = f"refused with {self.refused[kind]}"
            return Decision(kind=kind, included=False, origin=Origin.REFUSED, why=why, need=need)
        if kind not in self.implied and need is None:
            return None
        if (kind in self.implied or (need and need.included)) and (place := self.place_in_base(kind)):
            why = f"provided by the base: {place}"
            return Decision(kind=kind, included=False, origin=Origin.BASE, why=why, need=need)
        if kind in self.implied:
            why = f"asked for with {self.implied[kind]}"
            return Decision(kind=kind, included=True, origin=Origin.ASKED, why=why, need=need)
        assert need is not None  # noqa: S101 (else it would be implied)
        return Decision(kind=kind, included=need.included, origin=Origin.DETECTED, why=need.reason, need=need)
