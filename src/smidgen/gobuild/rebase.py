"""Rebasing from names to names: an image of the store or of a registry, onto any base that a build could have."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from smidgen.config.registries import registry_hosts
from smidgen.errors import NotFound, UsageError
from smidgen.image.base import Base
from smidgen.image.base_name import BaseKind, BaseName
from smidgen.image.base_source import BaseSource
from smidgen.image.image import Image
from smidgen.image.lock_file import Lock
from smidgen.image.rebase import Rebased, rebase
from smidgen.image.rebase_remote import deliver_rebased, fetch_app
from smidgen.needs.static_base import static_image, static_part
from smidgen.oci.platform import Platform
from smidgen.oci.reference import DEFAULT_REGISTRY, Reference
from smidgen.oci.transport import parse_registry_name
from smidgen.registry.progress import SILENT, Progress
from smidgen.registry.pushable import check_pushable
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore
from smidgen.transfer.endpoint import Remote, Stored, parse_endpoint

_NO_LOCK = Lock(Path(), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RebaseRequest:
    """What is asked for.

    Attributes:
        image: Of the store, or of a registry: ``docker://REF``, or a name with a registry that the store does not have.
        onto: The new base, as ``--base`` takes it.
        old: What it stands on, where its annotations do not say it.
        names: What to call the new image; nothing means as before.
        offline: Ask no registry.
        environ: The environment.
    """

    image: str
    onto: str
    old: str | None = None
    names: tuple[str, ...] = ()
    offline: bool = False
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RebaseOutcome:
    """What came of it.

    Attributes:
        rebased: The new image, what it stood on and what it stands on.
        references: Its names.
        remote: Whether they are of registries, rather than of the store.
        sent: Bytes of blobs that were sent to a registry.
    """

    rebased: Rebased
    references: tuple[Reference, ...]
    remote: bool
    sent: int = 0


def rebase_image(
    request: RebaseRequest,
    store: ContentStore,
    *,
    warn: Callable[[str], None] | None = None,
    progress: Progress = SILENT,
) -> RebaseOutcome:
    """Put an image onto another base.

    Raises:
        UsageError: The image does not stand on its old base, or nobody knows what that is.
        NotFound: There is no such image, or no base for one of its platforms.
        RegistryError: A registry did not answer, or refused.
    """
    with ExitStack() as stack:
        stack.enter_context(store.writing())
        hosts = registry_hosts(environ=request.environ)
        session = stack.enter_context(Session(environ=request.environ, hosts=hosts, warn=warn))
        source = BaseSource(store=store, open_session=lambda: session, offline=request.offline, progress=progress)
        app, remote = _image(request, source)
        platforms = app.platforms
        onto_name = BaseName.parse(request.onto)
        onto = _base(onto_name, source, platforms)
        old_name = BaseName.parse(request.old) if request.old is not None else None
        old = (_base(old_name, source, platforms), old_name) if old_name is not None else None
        done = rebase(app, onto, onto_name, source, old=old, known=static_part)
        references = _references(request.names, app.reference, remote=remote is not None)
        if remote is None:
            source.fetch(onto, onto_name, platforms)
            store.tag_all(dict.fromkeys(references, done.image.descriptor))
            return RebaseOutcome(done, references, remote=False)
        delivered = deliver_rebased(
            done, source, app=remote, onto=onto_name.reference, references=references, progress=progress
        )
        return RebaseOutcome(done, references, remote=True, sent=delivered.sent)


def _image(request: RebaseRequest, source: BaseSource) -> tuple[Image, Reference | None]:
    """Find the image, and its place in a registry if it is of one."""
    place = parse_endpoint(request.image, default="store")
    if isinstance(place, Remote):
        return fetch_app(source, place.reference), place.reference
    if not isinstance(place, Stored):
        raise UsageError(f"{request.image} is neither of the store nor of a registry", hint="`smidgen load` it first")
    try:
        return Image.resolve(source.store, place.name), None
    except NotFound:
        reference = Reference.parse(place.name).with_default_tag()
        # A misspelt name of the store is none of Docker Hub's.
        if request.offline or reference.registry == DEFAULT_REGISTRY:
            raise
        return fetch_app(source, reference), reference


def _base(name: BaseName, source: BaseSource, platforms: Sequence[Platform]) -> Base:
    if name.kind is BaseKind.SCRATCH:
        raise UsageError("an image cannot be rebased onto or from scratch", hint="build it again without a base")
    if name.kind is BaseKind.STATIC:
        return Base(name=str(name), image=static_image(source.store, tuple(platforms)), decided_by=())
    return source.find(name, _NO_LOCK)


def _references(names: Sequence[str], own: Reference | None, *, remote: bool) -> tuple[Reference, ...]:
    found = [parse_registry_name(name).with_default_tag() for name in names]
    if not found and own is not None and own.tag:
        found = [msgspec.structs.replace(own, digest=None)]
    if not found:
        raise UsageError("the image was named by its digest, so the new one has no name", hint="give it one with -t")
    for reference in found:
        if reference.digest is not None:
            raise UsageError(f"cannot tag as {reference.familiar!r}: a digest follows from the content")
        if remote:
            check_pushable(reference)
    return tuple(found)
