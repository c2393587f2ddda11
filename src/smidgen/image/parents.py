"""Parent directories of a layer's entries.

A layer must bring the directories above its files. Engines make missing ones up while they unpack a
layer, and do not agree on the mode: Docker 20.10 takes 0755 with overlay2 but 0600 with the vfs driver (seen), and
a program with a user of its own could then no longer read ``/etc/ssl/certs``. Each layer is unpacked into a
directory of its own, whose mode hides that of the layer below, so each layer brings them again. An
entry costs about 20 compressed bytes.
"""

from collections.abc import Iterable, Iterator, Mapping

from smidgen.layer.entry import Entry, Kind


def with_parents(entries: Iterable[Entry], known: Mapping[str, Entry]) -> Iterator[Entry]:
    """Give *entries* with each missing parent directory before its first child.

    Args:
        entries: Of one layer, in order.
        known: Directories of the whole image by path; others are 0755 and root's.
    """
    given: set[str] = set()
    for entry in entries:
        parts = entry.path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = "/".join(parts[:depth])
            if parent not in given:
                given.add(parent)
                yield known.get(parent) or Entry.directory(parent)
        if entry.kind is Kind.DIRECTORY:
            if entry.path in given:
                continue
            given.add(entry.path)
        yield entry
