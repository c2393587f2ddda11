"""Tags: the entries of ``index.json``, one a name.

Source: OCI image-spec v1.1.1, ``image-layout.md`` ("index.json file") and ``annotations.md``
(``org.opencontainers.image.ref.name``).

Entries that name nothing we can parse (another tool wrote into the layout) are kept as they are and
count as roots for garbage collection, but they are no tags.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from smidgen.errors import InvalidReference, LimitExceeded, NotFound, StoreError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import Index
from smidgen.oci.media_types import OCI_INDEX
from smidgen.oci.reference import Reference
from smidgen.store.blobs import Blobs
from smidgen.store.faults import reporting, store_error

REF_NAME: Final = "org.opencontainers.image.ref.name"
#: containerd's own annotation for the same.
CONTAINERD_NAME: Final = "io.containerd.image.name"
EMPTY: Final = Index(schema_version=2, media_type=OCI_INDEX, manifests=())
# 100 000 tags; a bound for a file that somebody else may have written.
_MAX_INDEX: Final = 64 << 20
_MAX_NAMED: Final = 5


def read_index(root: Path) -> Index:
    """Read ``index.json`` of the layout at *root*; an absent layout is an empty one.

    Raises:
        StoreError: It cannot be read, or is no index.
    """
    path = f"{root}/index.json"
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size > _MAX_INDEX:
                raise LimitExceeded(f"size of {path} in bytes", limit=_MAX_INDEX, got=size)
            data = file.readall()
    except FileNotFoundError:
        return EMPTY
    except OSError as error:
        raise store_error(error, "read", path) from error
    try:
        return msgspec.json.decode(data, type=Index)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(
            f"{path} is not an image index: {error}",
            hint="it was damaged by something else than smidgen: restore it, or choose another store with --store",
        ) from error


def write_index(root: Path, blobs: Blobs, index: Index) -> None:
    """Replace ``index.json`` at once.

    Unlike a blob it cannot be made again, so it is synced first: 2 to 5 ms, once in a build that
    made something new.
    """
    with blobs.ingest() as ingest:
        ingest.write(msgspec.json.encode(index, order="deterministic"))
        ingest.sync()
        with reporting("write", f"{root}/index.json"):
            ingest.move(f"{root}/index.json")


def tags_of(index: Index) -> dict[Reference, Descriptor]:
    """Give the tags of *index*, sorted by name. Where a name stands twice the later entry counts."""
    found: dict[Reference, Descriptor] = {}
    for entry in index.manifests:
        reference = reference_of(entry)
        if reference is not None:
            found[reference] = untagged(entry)
    return dict(sorted(found.items(), key=lambda item: str(item[0])))


def find(index: Index, reference: Reference) -> Descriptor:
    """Find the entry of *reference*, which has a tag, a digest, or both.

    Raises:
        NotFound: There is none; the hint has the closest names.
    """
    wanted = str(msgspec.structs.replace(reference, digest=None))
    for entry in reversed(index.manifests):
        name = (entry.annotations or {}).get(REF_NAME)
        if name is None or (reference.digest is not None and entry.digest != reference.digest):
            continue
        if name == wanted or (not reference.tag and name.startswith(wanted + ":")):
            return untagged(entry)
    raise not_found(reference.familiar, tags_of(index))


def changed(
    index: Index,
    new: Mapping[Reference, Descriptor],
    gone: Iterable[Reference] = (),
    dropped: Digest | None = None,
) -> Index:
    """Give *index* with tags set or removed; equal if that changes nothing.

    Args:
        index: As it is.
        new: Tags to set.
        gone: Tags to remove.
        dropped: A digest to remove all entries of, those that are no tags too.
    """
    out = {str(reference) for reference in (*new, *gone)}
    kept = [
        entry
        for entry in index.manifests
        if (entry.annotations or {}).get(REF_NAME) not in out and entry.digest != dropped
    ]
    made = [_tagged(descriptor, reference) for reference, descriptor in new.items()]
    # Sorted, so that the same tags give the same file whatever the order of the builds.
    entries = sorted((*kept, *made), key=lambda entry: ((entry.annotations or {}).get(REF_NAME, ""), entry.digest))
    return msgspec.structs.replace(index, manifests=tuple(entries))


def reference_of(entry: Descriptor) -> Reference | None:
    """Parse the name of an entry, or None where it has none that is a reference."""
    name = (entry.annotations or {}).get(REF_NAME)
    if name is None:
        return None
    try:
        return Reference.parse(name)
    except InvalidReference:
        return None


def untagged(entry: Descriptor) -> Descriptor:
    """Give the descriptor without the annotations that name it."""
    annotations = {
        key: value for key, value in (entry.annotations or {}).items() if key not in {REF_NAME, CONTAINERD_NAME}
    }
    return msgspec.structs.replace(entry, annotations=annotations or None)


def not_found(name: str, tags: Iterable[Reference]) -> NotFound:
    """Say that there is no image *name*, and which names are close to it."""
    import difflib  # for a failure only

    familiar = [reference.familiar for reference in tags]
    close = difflib.get_close_matches(name, familiar, n=_MAX_NAMED, cutoff=0.6)
    repository = name.partition("@")[0].rpartition(":")[0] or name
    close += [one for one in familiar if one.rpartition(":")[0] == repository and one not in close]
    if close:
        return NotFound(f"image {name!r}", hint=f"did you mean {', '.join(close[:_MAX_NAMED])}?")
    return NotFound(f"image {name!r}", hint="`smidgen images` lists what there is")


def _tagged(descriptor: Descriptor, reference: Reference) -> Descriptor:
    annotations = {**(descriptor.annotations or {}), REF_NAME: str(reference)}
    return msgspec.structs.replace(descriptor, annotations=annotations)
