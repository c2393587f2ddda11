"""Putting an image somewhere on this machine: the places to copy to, but registries."""

from collections.abc import Mapping

import msgspec

from smidgen.errors import InvalidReference, UsageError
from smidgen.oci.digest import encoded
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from smidgen.transfer.endpoint import ArchiveFile, DaemonImage, LayoutDirectory, Stored
from smidgen.transfer.source import Found

LocalDestination = Stored | LayoutDirectory | ArchiveFile | DaemonImage


def check_destination(destination: LocalDestination) -> None:
    """Refuse what can only be a source, before anything is moved.

    Raises:
        UsageError: It names content, which follows from what is copied.
        InvalidReference: The name is none.
    """
    match destination:
        case Stored(name):
            stored_name(name)
        case LayoutDirectory(digest=digest) if digest is not None:
            raise UsageError(f"{destination}: a digest follows from the content", hint="leave @sha256:… out")
        case DaemonImage(name) if name.startswith("sha256:"):
            raise UsageError(f"{destination}: an ID follows from the content", hint="give a name")
        case ArchiveFile() | LayoutDirectory() | DaemonImage():
            pass


def stored_name(name: str) -> Reference:
    """Parse a name that an image of the store is to have.

    Raises:
        InvalidReference: It is none, or has a digest.
    """
    reference = Reference.parse(name).with_default_tag()
    if reference.digest is not None:
        raise InvalidReference(name, "a name that is given cannot have a digest")
    return reference


def deliver(
    found: Found, destination: LocalDestination, store: ContentStore, *, environ: Mapping[str, str] | None = None
) -> Reference | None:
    """Put *found* to *destination*; give its name there, or None where it has none.

    Args:
        found: What; for a destination in *store* it must be there already, and ``store.writing()`` be held.
        destination: Where to.
        store: The content store.
        environ: Says where Docker's engine is.

    Raises:
        NotFound: Content of the image is missing.
        StoreError: A place cannot be written.
        SandboxError: The engine does not take it.
    """
    match destination:
        case Stored(name):
            reference = stored_name(name)
            store.tag(reference, found.descriptor)
            return reference
        case LayoutDirectory(path, name):
            from smidgen.store.archive import write_layout  # as all of these: not for registries

            reference_there = renamed(found.reference, name)
            write_layout(found.store, [(reference_there, found.descriptor)], path, ref_name=name)
            return reference_there
        case ArchiveFile(form, path, name):
            from smidgen.store.archive import write_archive_file

            reference_there = renamed(found.reference, name)
            ref_name = name if form == "oci" else ""
            write_archive_file(found.store, [(reference_there, found.descriptor)], path, ref_name=ref_name)
            return reference_there
        case DaemonImage(name):
            from smidgen.transfer.engine import load_into

            reference_there = renamed(found.reference, name)
            load_into("docker", found.store, [(reference_there, found.descriptor)], environ=environ)
            return reference_there


def renamed(reference: Reference | None, name: str) -> Reference | None:
    """Give the reference of what was *reference* and is called *name* now: a whole name, a bare tag, or nothing new."""
    if not name:
        return None if reference is None else msgspec.structs.replace(reference, digest=None).with_default_tag()
    if {"/", ":"}.intersection(name):
        return _parsed(name)
    return None if reference is None else _parsed(f"{reference.name}:{name}")


def name_in_store(reference: Reference) -> Reference:
    """Name what *reference* names in a registry; by its digest where it has no tag, as the store keeps only tags."""
    if reference.digest is None or reference.tag:
        return msgspec.structs.replace(reference, digest=None).with_default_tag()
    return msgspec.structs.replace(reference, tag=encoded(reference.digest)[:12], digest=None)


def _parsed(name: str) -> Reference | None:
    try:
        return Reference.parse(name).with_default_tag()
    except InvalidReference:
        # A name of an image layout may be any text.
        return None
