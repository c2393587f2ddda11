"""The files of an image after each of its layers, as a browser shows them: what a layer added, changed and removed.

Pure: from the layers that ``smidgen.analyze`` read to a tree of nodes. No recursion, as paths may be deep.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from smidgen.analyze.explained import ExplainedFile, ExplainedLayer
from smidgen.layer.entry import Kind

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"


class Change(StrEnum):
    """What a layer did with a path."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    SAME = "unchanged"


class View(StrEnum):
    """What of an image is shown with a layer, and what its changes are against."""

    WHOLE = "the image as it is then"
    ALONE = "this layer alone"
    SINCE_FIRST = "the image as it is then, and all that changed since the first layer"


@dataclass(slots=True, eq=False)
class BrowsedFile:
    """A file or directory of the tree.

    Attributes:
        name: Last part of the path; "" for the root.
        path: Without a leading slash.
        file: What a layer says of it; None for a directory that no layer has an entry for.
        change: What the layer that is looked at did with it.
        size: Bytes of the content; of a directory those of all that is below, removed files left out.
        pull: Bytes to pull of the entries, likewise.
        touched: The layer did something with it, or with what is below it.
        children: By name.
    """

    name: str
    path: str
    file: ExplainedFile | None = None
    change: Change = Change.SAME
    size: int = 0
    pull: int = 0
    touched: bool = False
    children: dict[str, "BrowsedFile"] = field(default_factory=dict)

    @property
    def is_directory(self) -> bool:
        """Whether there can be something below."""
        return self.file is None or self.file.kind is Kind.DIRECTORY


def browse(layers: Sequence[ExplainedLayer], number: int, *, view: View) -> BrowsedFile:
    """Give the root of the tree after the layer *number*.

    Args:
        layers: Bottom first.
        number: Of the layer that is looked at, from 0.
        view: What is shown with it.
    """
    root = BrowsedFile("", "")
    first = {View.ALONE: number, View.WHOLE: 0, View.SINCE_FIRST: 0}[view]
    marked = min(1, number) if view is View.SINCE_FIRST else number
    for at in range(first, number + 1):
        _apply(root, layers[at], marks=at >= marked)
    _sum_up(root)
    return root


def walk(root: BrowsedFile) -> Iterator[BrowsedFile]:
    """Give all nodes, each before what is below it."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.children.values())


def matching(root: BrowsedFile, *, text: str, hidden: Collection[Change]) -> frozenset[str] | None:
    """Name the paths to show: those that have *text* in their path and are not of a hidden change, and what is above.

    Returns:
        Paths, or None for all.
    """
    if not text and not hidden:
        return None
    wanted = text.casefold()
    shown: set[str] = {""}
    for node in walk(root):
        # A directory is there for its files; alone it counts where it is what the layer brought.
        if node.change in hidden or wanted not in node.path.casefold():
            continue
        path = node.path
        while path and path not in shown:
            shown.add(path)
            path = path.rpartition("/")[0]
    return frozenset(shown)


def _apply(root: BrowsedFile, layer: ExplainedLayer, *, marks: bool) -> None:
    """Lay the files of *layer* over the tree; where *marks*, what goes stays as removed."""
    made: set[str] = set()
    # Files mostly stand behind others of the same directory, which then need not be walked to again.
    known: tuple[str, BrowsedFile] | None = None
    for file in layer.files:
        directory, _, name = file.path.rpartition("/")
        if name == _OPAQUE:
            parent = _directory(root, directory, made, marks=marks)
            for child in list(parent.children.values()):
                if child.path not in made:
                    _remove(parent, child, marks=marks)
        elif name.startswith(_WHITEOUT):
            parent = _directory(root, directory, made, marks=marks)
            _hide(parent, name.removeprefix(_WHITEOUT), made, marks=marks)
        elif not file.path:
            root.file = file
        else:
            parent = known[1] if known and known[0] == directory else _directory(root, directory, made, marks=marks)
            known = (directory, parent)
            if file.kind is Kind.DIRECTORY or name in parent.children:
                known = None
            _put(parent, file, name, marks=marks)
            made.add(file.path)
            continue
        known = None


def _hide(parent: BrowsedFile, name: str, made: set[str], *, marks: bool) -> None:
    path = f"{parent.path}/{name}" if parent.path else name
    child = parent.children.get(name)
    if child is None and marks:
        # Of a layer alone: what it removes is known by name only.
        child = parent.children[name] = BrowsedFile(name, path)
    if child is not None and path not in made:
        _remove(parent, child, marks=marks)


def _remove(parent: BrowsedFile, child: BrowsedFile, *, marks: bool) -> None:
    if not marks:
        del parent.children[child.name]
        return
    if child.change is Change.ADDED:
        # By an earlier layer of those whose changes are shown: it came and went.
        del parent.children[child.name]
        return
    for node in walk(child):
        node.change = Change.REMOVED
        node.children = {name: one for name, one in node.children.items() if one.change is not Change.ADDED}


def _put(parent: BrowsedFile, file: ExplainedFile, name: str, *, marks: bool) -> None:
    before = parent.children.get(name)
    change = Change.ADDED
    children: dict[str, BrowsedFile] = {}
    if before is not None and before.change is not Change.REMOVED:
        if before.is_directory and file.kind is Kind.DIRECTORY:
            children = before.children
        known = before.file
        is_same = known is not None and file.kind is Kind.DIRECTORY and _attributes(known) == _attributes(file)
        change = before.change if is_same or before.change is Change.ADDED else Change.CHANGED
    elif before is not None and not before.is_directory:
        # It went and came again.
        change = Change.CHANGED
    parent.children[name] = BrowsedFile(name, file.path, file, change if marks else Change.SAME, children=children)


def _attributes(file: ExplainedFile) -> tuple[object, ...]:
    return file.kind, file.mode, file.uid, file.gid


def _directory(root: BrowsedFile, path: str, made: set[str], *, marks: bool) -> BrowsedFile:
    """Find a directory, or make it: a layer need not have entries for those above its files."""
    node, at = root, ""
    for name in path.split("/") if path else ():
        at = f"{at}/{name}" if at else name
        child = node.children.get(name)
        if child is None or not child.is_directory or child.change is Change.REMOVED:
            child = node.children[name] = BrowsedFile(name, at, change=Change.ADDED if marks else Change.SAME)
            made.add(at)
        node = child
    return node


def _sum_up(root: BrowsedFile) -> None:
    nodes = list(walk(root))
    # Each stands behind the one that it is in, so that backwards all below is known.
    for node in reversed(nodes):
        node.touched = node.change is not Change.SAME or any(child.touched for child in node.children.values())
        if node.file is not None:
            node.pull += node.file.pull
            if not node.is_directory:
                node.size = node.file.size
        for child in node.children.values():
            if child.change is not Change.REMOVED:
                node.size += child.size
                node.pull += child.pull
