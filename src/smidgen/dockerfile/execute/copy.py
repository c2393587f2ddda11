"""COPY, ADD and WORKDIR: files put into an image without starting anything."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from smidgen.dockerfile.chmod import parse_chmod
from smidgen.dockerfile.execute.archives import is_archive, unpacked
from smidgen.dockerfile.execute.gathered import Sources
from smidgen.dockerfile.execute.placing import Places, Placing
from smidgen.dockerfile.execute.sources import Match
from smidgen.dockerfile.steps import CopyStep, WorkdirStep
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.merged import Merged
from smidgen.sandbox.users import resolve_user


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a COPY or ADD needs beside its sources.

    Attributes:
        from_context: Its sources are of a context, so that they come to belong to 0:0.
        created: Seconds since 1970, of what is made.
        fresh: Gives an empty directory that is there until the build ends.
    """

    from_context: bool
    created: int
    fresh: Callable[[], Path]


def owner_of(text: str, view: Merged) -> tuple[int, int] | None:
    """Give the ids that ``--chown`` or USER names, looked up in the image *view*; None for no text.

    Raises:
        SandboxError: The image has no such user or group.
    """
    if not text:
        return None
    name, colon, group = text.partition(":")
    if name.isascii() and name.isdecimal() and not colon:
        # A number alone is the group's, too.
        return int(name), int(name)
    user = resolve_user(
        f"{name}:{group}" if group else name,
        passwd=view.read_text("/etc/passwd"),
        group=view.read_text("/etc/group"),
    )
    return user.uid, user.gid


def copied(step: CopyStep, sources: Sources, view: Merged, where: Surroundings) -> tuple[Entry, ...]:
    """Work out the layer of a COPY or ADD over *view*.

    Raises:
        UsageError: The destination cannot take what is to be put there.
        SandboxError: ``--chown`` names somebody whom the image does not know.
        InvalidArchive: An archive is damaged, or tries to leave the destination.
    """
    owner = owner_of(step.chown, view)
    placing = Placing(
        destination=step.destination,
        owner=owner if owner is not None or not where.from_context else (0, 0),
        mode=parse_chmod(step.chmod) if step.chmod else None,
        created=where.created,
    )
    places = Places(view)
    several = sources.are_several
    for match in sources.matches:
        if step.is_add and step.unpack is not False and _is_archive(match):
            _unpack(places, placing, match.items[0].real, owner, where)
        else:
            below = places.put_parents(match, placing) if step.parents else placing
            places.put(match, below, several=several)
    for name, fetched in sources.fetched:
        if step.unpack and is_archive(fetched.path):
            _unpack(places, placing, fetched.path, owner, where)
            continue
        entry = Entry.file(name, Path(fetched.path), mode=0o600, mtime=fetched.mtime)
        places.put_file(entry, placing, several=several)
    for document in sources.documents:
        content = document.text.encode("utf-8", "surrogateescape")
        places.put_file(Entry.file(document.name, content, mtime=where.created), placing, several=several)
    return places.finished()


def made(step: WorkdirStep, view: Merged, *, created: int) -> tuple[Entry, ...]:
    """Work out the layer of a WORKDIR over *view*: what of the path is missing, and nothing where it is there."""
    owner = owner_of(step.user, view) or (0, 0)
    places = Places(view)
    places.make_directories(step.path, mode=0o755, owner=owner, created=created)
    entries = places.finished()
    return entries if any(view.find(entry.path) is None for entry in entries) else ()


def _is_archive(match: Match) -> bool:
    item = match.items[0]
    return item.kind is Kind.FILE and is_archive(item.real)


def _unpack(places: Places, placing: Placing, path: str, owner: tuple[int, int] | None, where: Surroundings) -> None:
    """Unpack an archive into the destination; owners and modes are its own, unless ``--chown`` says otherwise."""
    match = unpacked(path, where.fresh())
    destination = placing.destination.rstrip("/") + "/"
    places.put_archive(match, replace(placing, destination=destination, owner=owner, mode=None))
