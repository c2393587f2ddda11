"""One image from a place to others: between registries straight, else through what this machine has of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from smidgen.errors import UsageError
from smidgen.image.image import Image
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.registry.progress import SILENT, Progress
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore
from smidgen.transfer.destination import check_destination, deliver
from smidgen.transfer.endpoint import Endpoint, Remote, Stored
from smidgen.transfer.source import Found, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOptions:
    """What is moved of an image.

    Attributes:
        platforms: Of an index, only the images for these: one of them gives its manifest, several a smaller index.
            All of it where None.
        referrers: What refers to it too: signatures, lists of parts, provenance.
        progress: Is told of blobs.
        environ: Says where Docker's engine is; this process's by default.
    """

    platforms: tuple[Platform, ...] | None = None
    referrers: bool = False
    progress: Progress = SILENT
    environ: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """An image where it was to go.

    Attributes:
        reference: Its name there, or None where it has none.
    """

    destination: Endpoint
    reference: Reference | None
    descriptor: Descriptor


_ALL: Final = MoveOptions()


def move(
    session: Session,
    store: ContentStore,
    source: Endpoint,
    destinations: Sequence[Endpoint],
    options: MoveOptions = _ALL,
) -> tuple[Arrived, ...]:
    """Bring the image *source* to every one of *destinations*.

    What comes from a registry and goes elsewhere is fetched into *store* and stays there, without a name, until
    the next collection: what was fetched once is not fetched again.

    Raises:
        UsageError: The request cannot be meant.
        NotFound: There is no such image, or not for the platform.
        ContentError: It is damaged.
        RegistryError: A registry did not answer, or refused.
        StoreError: A place cannot be written.
        SandboxError: An engine cannot be asked.
    """
    remote = tuple(one for one in destinations if isinstance(one, Remote))
    local = tuple(one for one in destinations if not isinstance(one, Remote))
    for destination in local:
        check_destination(destination)
    if options.referrers and not all(isinstance(end, Remote | Stored) for end in (source, *destinations)):
        raise UsageError(
            "referrers travel between registries and the store only", hint="leave --referrers out, or copy twice"
        )
    # Uploads that broke off are remembered beside what is stored, whatever it is that was uploaded.
    memory = store.root / "cache" / "uploads"
    if isinstance(source, Remote) and not local:
        return _copied(session, source, remote, options, memory)
    is_kept = isinstance(source, Remote) or any(isinstance(one, Stored) for one in local)
    arrived: list[Arrived] = []
    with (
        store.writing() if is_kept else nullcontext(),
        _found(session, store, source, options, keep=is_kept) as found,
    ):
        if local:
            # What comes from a registry is what was picked already.
            chosen = found if isinstance(source, Remote) else _narrowed(found, options.platforms)
            arrived += (
                Arrived(one, deliver(chosen, one, store, environ=options.environ), chosen.descriptor) for one in local
            )
        if remote:
            arrived += _pushed(session, found, remote, options, memory)
    order = {destination: at for at, destination in enumerate(destinations)}
    return tuple(sorted(arrived, key=lambda one: order[one.destination]))


@contextmanager
def _found(
    session: Session, store: ContentStore, source: Endpoint, options: MoveOptions, *, keep: bool
) -> Iterator[Found]:
    if isinstance(source, Remote):
        from smidgen.registry.pull import pull

        descriptor = pull(
            session,
            source.reference,
            store,
            platforms=options.platforms,
            referrers=options.referrers,
            progress=options.progress,
        )
        yield Found(store, descriptor, source.reference)
        return
    with opened(source, store, keep=keep, environ=options.environ) as found:
        yield found


def _narrowed(found: Found, platforms: tuple[Platform, ...] | None) -> Found:
    """Pick the image for the only one of *platforms*; a smaller index would have to be made, and kept somewhere."""
    if platforms is None:
        return found
    image = Image(found.store, found.descriptor, found.reference)
    first, *more = platforms
    if image.index is None:
        first = next((one for one in platforms if one.runs(image.platform)), first)
    elif more:
        raise UsageError(
            "several platforms can be picked only from a registry or on the way to one",
            hint="name one platform, or leave --platform out to have all",
        )
    return replace(found, descriptor=image.for_platform(first).descriptor)


def _pushed(
    session: Session, found: Found, destinations: Sequence[Remote], options: MoveOptions, memory: Path
) -> tuple[Arrived, ...]:
    from smidgen.registry.push import push

    _check_digests(destinations, found.descriptor.digest, options)
    pushed = push(
        session,
        found.store,
        found.descriptor,
        tuple(one.reference for one in destinations),
        platforms=options.platforms,
        referrers=options.referrers,
        progress=options.progress,
        memory=memory,
    )
    return tuple(Arrived(one, one.reference, pushed.descriptor) for one in destinations)


def _copied(
    session: Session, source: Remote, destinations: Sequence[Remote], options: MoveOptions, memory: Path
) -> tuple[Arrived, ...]:
    from smidgen.registry.copy import copy

    _check_digests(destinations, source.reference.digest, options)
    copied = copy(
        session,
        source.reference,
        tuple(one.reference for one in destinations),
        platforms=options.platforms,
        referrers=options.referrers,
        progress=options.progress,
        memory=memory,
    )
    return tuple(Arrived(one, one.reference, copied.descriptor) for one in destinations)


def _check_digests(destinations: Sequence[Remote], digest: Digest | None, options: MoveOptions) -> None:
    """Refuse a destination with another digest than that of what goes there, or with one that is not known yet."""
    for destination in destinations:
        if (wanted := destination.reference.digest) and (wanted != digest or options.platforms):
            raise UsageError(
                f"{destination}: a digest follows from the content"
                + (f", which is {digest}" if digest and not options.platforms else ""),
                hint="leave @sha256:… out, or name a tag",
            )
