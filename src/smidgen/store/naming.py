"""How an image carries its name in a layout or an archive that leaves the store.

Source: OCI image-spec v1.1.1, ``annotations.md`` and ``image-layout.md`` (``ref.name`` is a tag such as
``v1.0`` there); containerd's ``images/annotations.go`` for the whole name.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from smidgen.errors import InvalidReference, NotFound, UsageError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.reference import Reference
from smidgen.store.tags import CONTAINERD_NAME, REF_NAME, untagged

_MAX_SHOWN: Final = 10
#: An image to be written or that was read: its name, if it has one, and its manifest or index.
Item: TypeAlias = "tuple[Reference | None, Descriptor]"


def entries_of(items: Iterable[Item], kept: Sequence[Descriptor] = (), *, ref_name: str = "") -> tuple[Descriptor, ...]:
    """Give the entries of an ``index.json`` with *items*, and those of *kept* that none of them replaces.

    ``ref.name`` is the bare tag where these tell all entries apart, as in the specification's examples
    and as skopeo and umoci expect it on their command lines; else it is the whole name for all of *items*.

    Args:
        items: What to name.
        kept: Entries that are there.
        ref_name: The very ``ref.name`` that the only one of *items* is to have.
    """
    if ref_name:
        return _exactly_named(items, kept, ref_name)
    new = [(reference.with_default_tag() if reference else None, descriptor) for reference, descriptor in items]
    names = {_whole_name(reference) for reference, _ in new if reference is not None}
    digests = {descriptor.digest for reference, descriptor in new if reference is None}
    old = [
        entry
        for entry in kept
        if (name_of(entry) not in names if name_of(entry) is not None else entry.digest not in digests)
    ]
    tags = [reference.tag for reference, _ in new if reference is not None]
    taken = {(entry.annotations or {}).get(REF_NAME) for entry in old}
    bare = len(set(tags)) == len(tags) and taken.isdisjoint(tags)
    made = [_entry(reference, descriptor, bare=bare) for reference, descriptor in new]
    return (*old, *(entry for at, entry in enumerate(made) if entry not in made[:at]))


def name_of(entry: Descriptor) -> str | None:
    """Give the name that an entry carries, the whole one where it has both."""
    annotations = entry.annotations or {}
    return annotations.get(CONTAINERD_NAME) or annotations.get(REF_NAME)


def parse_name(entry: Descriptor) -> Reference | None:
    """Give the reference that an entry carries, or None: a bare tag names no image."""
    name = name_of(entry)
    if name is None or not {"/", ":"}.intersection(name):
        return None
    try:
        reference = Reference.parse(name)
    except InvalidReference:
        return None
    return msgspec.structs.replace(reference, digest=None).with_default_tag()


def choose(entries: Sequence[Descriptor], name: str = "", *, digest: Digest | None = None, where: str) -> Descriptor:
    """Pick the one entry of an ``index.json`` that is called *name*; the only one where nothing is asked for.

    Args:
        entries: With the annotations that name them.
        name: ``ref.name``, or the whole name or the familiar one of an image.
        digest: Instead of a name.
        where: What to call the place in errors.

    Raises:
        NotFound: None is it.
        UsageError: Several images, and nothing was asked for.
    """
    if digest is not None:
        found = [entry for entry in entries if entry.digest == digest]
    elif name:
        found = [entry for entry in entries if name in _names(entry)]
    else:
        found = list(entries)
    # One image may have several names, and be named twice.
    if len({entry.digest for entry in found}) == 1:
        return found[0]
    there = ", ".join(dict.fromkeys(name_of(entry) or entry.digest for entry in entries[:_MAX_SHOWN]))
    if not found:
        asked = f"image {digest or name!r}" if digest or name else "image"
        raise NotFound(f"{asked} in {where}", hint=f"it has {there}" if there else "it is empty")
    raise UsageError(f"{where} has several images: {there}", hint="say which: put :NAME after the path")


def _names(entry: Descriptor) -> set[str]:
    names = {(entry.annotations or {}).get(REF_NAME, ""), (entry.annotations or {}).get(CONTAINERD_NAME, "")}
    if (reference := parse_name(entry)) is not None:
        names |= {str(reference), reference.familiar}
    return names - {""}


def _exactly_named(items: Iterable[Item], kept: Sequence[Descriptor], ref_name: str) -> tuple[Descriptor, ...]:
    ((_, descriptor),) = items
    names = {REF_NAME: ref_name}
    made = msgspec.structs.replace(untagged(descriptor), annotations=names)
    if (whole := parse_name(made)) is not None:
        names[CONTAINERD_NAME] = str(whole)
    made = msgspec.structs.replace(made, annotations={**(untagged(descriptor).annotations or {}), **names})
    return (*(entry for entry in kept if (entry.annotations or {}).get(REF_NAME) != ref_name), made)


def _whole_name(reference: Reference) -> str:
    return str(msgspec.structs.replace(reference, digest=None))


def _entry(reference: Reference | None, descriptor: Descriptor, *, bare: bool) -> Descriptor:
    entry = untagged(descriptor)
    if reference is None or not reference.tag:
        return entry
    whole = _whole_name(reference)
    names = {REF_NAME: reference.tag if bare else whole, CONTAINERD_NAME: whole}
    return msgspec.structs.replace(entry, annotations={**(entry.annotations or {}), **names})
