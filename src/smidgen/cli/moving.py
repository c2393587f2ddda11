"""What push, pull and copy have in common: a session, moving lines, references on standard output, a summary."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from smidgen.cli.console import console
from smidgen.cli.options import Command, json_option, store_option, verbosity_options
from smidgen.cli.platform_option import platforms_option
from smidgen.cli.progress import Progress
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.transfer.endpoint import Endpoint
    from smidgen.transfer.move import Arrived


class Moving(TypedDict):
    """What ``moving_options`` passes."""

    platforms: tuple[Platform, ...] | None
    referrers: bool
    store: Path | None
    as_json: bool


def moving_options(verb: str) -> Callable[[Command], Command]:
    """Add what these commands have in common, passed as ``Moving``; *verb* is what help says they do."""

    def decorate(command: Command) -> Command:
        referrers = click.option(
            "--referrers", is_flag=True, help=f"{verb} what refers to the image, too: signatures, SBOMs, provenance."
        )
        return platforms_option(referrers(store_option(json_option(verbosity_options(command)))))

    return decorate


def move_images(
    verb: str,
    moves: "Sequence[tuple[Endpoint, Sequence[Endpoint]]]",
    given: Moving,
) -> None:
    """Move every image of *moves* to its destinations, and tell.

    Args:
        verb: What is done, such as ``pushing``.
        moves: Source and destinations.
        given: What ``moving_options`` passed.
    """
    from smidgen.cli.registry_session import open_session
    from smidgen.report.transfer import move_report, render_amounts, render_arrived
    from smidgen.store.content import ContentStore
    from smidgen.transfer.endpoint import Remote, Stored
    from smidgen.transfer.move import MoveOptions, move
    from smidgen.transfer.tally import Tally

    needs_store = any(isinstance(end, Stored) for _, destinations in moves for end in destinations)
    content = ContentStore.open(given["store"], create=needs_store)
    done: list[tuple[Endpoint, Sequence[Arrived]]] = []
    tally = Tally(progress := Progress())
    options = MoveOptions(platforms=given["platforms"], referrers=given["referrers"], progress=tally)
    try:
        with progress, open_session(progress.warn) as session:
            for source, destinations in moves:
                about = source if verb == "pulling" else destinations[0]
                progress.say(f"{verb} {str(about).removeprefix('docker://')}")
                done.append((source, move(session, content, source, destinations, options)))
    finally:
        # What is done is told, even where the next one failed.
        if not given["as_json"]:
            for _, arrived in done:
                for one in arrived:
                    console.result(render_arrived(one))
    if given["as_json"]:
        console.json(move_report(done, tally.amounts))
    if any(isinstance(end, Remote) for source, destinations in moves for end in (source, *destinations)):
        console.note(render_amounts(tally.amounts))
