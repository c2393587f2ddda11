"""Several layers as one: what stands above the base, without what was removed on the way.

Source: Habitus 1.0 (``squash/squasher.go``): the layers of the base stay as they are.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from smidgen.layer.entry import Entry
from smidgen.layer.merged import Merged, Node
from smidgen.layer.snapshot import EntryMaker, Times, attributes, whiteout


def difference(base: Merged, whole: Merged, *, times: Times, stubs: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """Give the entries of the one layer that makes *whole* of *base*, sorted by path, parents first.

    Args:
        base: The lower directories of *whole*.
        whole: All of them.
        times: Which times entries get.
        stubs: Paths that were only there to mount something on; they are left out while nothing is in them.
    """
    root = whole.root
    if root is not None:
        yield from _Walk(base, whole, times, stubs, EntryMaker(times)).directory(root, base.root)


@dataclass(slots=True)
class _Walk:
    base: Merged
    whole: Merged
    times: Times
    stubs: frozenset[str]
    maker: EntryMaker

    def directory(self, node: Node, under: Node | None) -> Iterator[Entry]:
        entry = self.maker.entry(node.status, node.source, node.path)
        is_said = entry is not None and not self.is_unchanged(node, under) and not self.is_stub(node, under)
        if is_said and entry is not None:
            yield entry
        for each in self.content(node, under):
            if not is_said and entry is not None and node.path:
                yield entry
            is_said = True
            yield each

    def content(self, node: Node, under: Node | None) -> Iterator[Entry]:
        under = under if under is not None and under.is_directory else None
        here = set(self.whole.names(node))
        there = set(self.base.names(under)) if under is not None else set[str]()
        for name in sorted(here | there, key=os.fsencode):
            child = self.whole.child(node, name) if name in here else None
            hidden = self.base.child(under, name) if under is not None and name in there else None
            if child is None:
                if hidden is not None:
                    yield whiteout(hidden.path)
            elif hidden is not None and hidden.places == child.places:
                continue  # all of it is the base's
            elif child.is_directory:
                yield from self.directory(child, hidden)
            elif not self.is_stub(child, hidden):
                entry = self.maker.entry(child.status, child.source, child.path)
                if entry is not None:
                    yield entry

    def is_stub(self, node: Node, under: Node | None) -> bool:
        is_empty = node.is_directory or not node.status.st_size
        return under is None and is_empty and node.path in self.stubs

    def is_unchanged(self, node: Node, under: Node | None) -> bool:
        if under is None or not under.is_directory:
            return False
        now, then = node.status, under.status
        return (
            (stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid)
            == (stat.S_IMODE(then.st_mode), then.st_uid, then.st_gid)
            and (not self.times.keep or int(now.st_mtime) == int(then.st_mtime))
            and attributes(node.source) == attributes(under.source)
        )
