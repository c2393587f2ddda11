"""What push, pull and copy have in common: a session, moving lines, references on standard output, a summary."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smidgen.cli.console import console
from smidgen.cli.progress import Progress

if TYPE_CHECKING:
    from smidgen.oci.platform import Platform
    from smidgen.transfer.endpoint import Endpoint
    from smidgen.transfer.move import Arrived


def move_images(
    verb: str,
    moves: "Sequence[tuple[Endpoint, Sequence[Endpoint]]]",
    *,
    store: Path | None,
    platforms: "tuple[Platform, ...] | None",
    referrers: bool = False,
    as_json: bool,
) -> None:
    """Move every image of *moves* to its destinations, and tell.

    Args:
        verb: What is done, such as ``pushing``.
        moves: Source and destinations.
        store: As of ``--store``.
        platforms: As of ``--platform``.
        referrers: As of ``--referrers``.
        as_json: As of ``--json``.
    """
    from smidgen.cli.registry_session import open_session  # noqa: PLC0415
    from smidgen.report.transfer import move_report, render_amounts, render_arrived  # noqa: PLC0415
    from smidgen.store.content import ContentStore  # noqa: PLC0415
    from smidgen.transfer.endpoint import Remote, Stored  # noqa: PLC0415
    from smidgen.transfer.move import MoveOptions, move  # noqa: PLC0415
    from smidgen.transfer.tally import Tally  # noqa: PLC0415

    needs_store = any(isinstance(end, Stored) for _, destinations in moves for end in destinations)
    content = ContentStore.open(store, create=needs_store)
    done: list[tuple[Endpoint, Sequence[Arrived]]] = []
    tally = Tally(progress := Progress())
    options = MoveOptions(platforms=platforms, referrers=referrers, progress=tally)
    try:
        with progress, open_session(progress.warn) as session:
            for source, destinations in moves:
                about = source if verb == "pulling" else destinations[0]
                progress.say(f"{verb} {str(about).removeprefix('docker://')}")
                done.append((source, move(session, content, source, destinations, options)))
    finally:
        # What is done is told, even where the next one failed.
        if not as_json:
            for _, arrived in done:
                for one in arrived:
                    console.result(render_arrived(one))
    if as_json:
        console.json(move_report(done, tally.amounts))
    if any(isinstance(end, Remote) for source, destinations in moves for end in (source, *destinations)):
        console.note(render_amounts(tally.amounts))
