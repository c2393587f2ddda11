"""What a transfer came to, for people and for ``--json``."""

from collections.abc import Sequence

from smidgen.report.schema_build import PushResult
from smidgen.report.schema_transfer import MoveReport, PlacedImage
from smidgen.report.text import human_size
from smidgen.transfer.endpoint import Endpoint, Remote, Stored
from smidgen.transfer.move import Arrived
from smidgen.transfer.tally import Amounts


def move_report(moved: Sequence[tuple[Endpoint, Sequence[Arrived]]], amounts: Amounts) -> MoveReport:
    """Say in plain values what went where."""
    return MoveReport(
        images=tuple(
            PlacedImage(
                source=str(source),
                destination=str(one.destination),
                reference=str(one.reference) if one.reference else None,
                digest=one.descriptor.digest,
                media_type=one.descriptor.media_type,
            )
            for source, arrived in moved
            for one in arrived
        ),
        sent=amounts.sent,
        fetched=amounts.fetched,
        moved=amounts.moved,
        mounted=amounts.mounted,
        there=amounts.there,
        seconds=round(amounts.seconds, 3),
    )


def push_result(amounts: Amounts) -> PushResult:
    """Say in plain values what a push after a build came to."""
    return PushResult(
        sent=amounts.sent,
        moved=amounts.moved,
        mounted=amounts.mounted,
        there=amounts.there,
        seconds=round(amounts.seconds, 3),
    )


def render_arrived(arrived: Arrived) -> str:
    """Render what a script goes on with: the reference with its digest, or the place where it has none."""
    if isinstance(arrived.destination, Remote | Stored) and arrived.reference is not None:
        return arrived.reference.pinned(arrived.descriptor.digest)
    return f"{arrived.destination}@{arrived.descriptor.digest}"


def render_amounts(amounts: Amounts) -> str:
    """Render one sentence on what travelled and what did not have to."""
    parts = []
    if amounts.sent:
        parts.append(f"{human_size(amounts.sent)} sent")
    if amounts.fetched:
        parts.append(f"{human_size(amounts.fetched)} fetched")
    if not parts:
        parts.append("nothing had to travel" if not amounts.moved else "")
    if amounts.mounted:
        parts.append(f"{amounts.mounted} mounted")
    if amounts.there:
        parts.append(f"{amounts.there} there already")
    return f"{', '.join(part for part in parts if part)}, {amounts.seconds:.1f} s"
