"""How an image carries its name in a layout or an archive that leaves the store.

Source: OCI image-spec v1.1.1, ``annotations.md`` and ``image-layout.md`` (``ref.name`` is a tag such as
``v1.0`` there); containerd's ``images/annotations.go`` for the whole name.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from smidgen.errors import InvalidReference
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.reference import Reference
from smidgen.store.tags import CONTAINERD_NAME, REF_NAME, untagged

#: An image to be written or that was read: its name, if it has one, and its manifest or index.
Item: TypeAlias = "tuple[Reference | None, Descriptor]"


def entries_of(items: Iterable[Item], kept: Sequence[Descriptor] = ()) -> tuple[Descriptor, ...]:
    """Give the entries of an ``index.json`` with *items*, and those of *kept* that none of them replaces.

    ``ref.name`` is the bare tag where these tell all entries apart, as in the specification's examples
    and as skopeo and umoci expect it on their command lines; else it is the whole name for all of *items*.
    """
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


def _whole_name(reference: Reference) -> str:
    return str(msgspec.structs.replace(reference, digest=None))


def _entry(reference: Reference | None, descriptor: Descriptor, *, bare: bool) -> Descriptor:
    entry = untagged(descriptor)
    if reference is None or not reference.tag:
        return entry
    whole = _whole_name(reference)
    names = {REF_NAME: reference.tag if bare else whole, CONTAINERD_NAME: whole}
    return msgspec.structs.replace(entry, annotations={**(entry.annotations or {}), **names})
