"""What ``smidgen explain`` found as a tree for a treemap, small enough for a page."""

from collections.abc import Iterable
from typing import Any, Final

from smidgen.report.made_by import instruction
from smidgen.report.printable import printable
from smidgen.report.schema_explain import (
    ExplainedEntry,
    ExplainedPackage,
    ExplainedProgram,
    ExplainedTar,
    ExplainReport,
)

#: What a node is, for people; nodes have the index.
KINDS: Final = (
    *("", "image", "layer", "directory", "file", "section", "Go package", "code that is not Go", "shared"),
    *("file format", "unknown", "code", "padding", "table", "type", "data", "symbol", "debugging information"),
)
_OF: Final = {kind: at for at, kind in enumerate(KINDS)} | {"debug": KINDS.index("debugging information")}
_OWNERS: Final = {
    "package": "Go package",
    "code": "code that is not Go",
    "shared": "shared",
    "format": "file format",
    "unknown": "unknown",
}
# Brackets, commas, five numbers.
_NODE_COST: Final = 36


class Item:
    """A node, until it is written: a name, a kind, bytes on disk, to pull and exact, and what is in it."""

    __slots__ = ("children", "exact", "kind", "name", "pull", "size")

    def __init__(self, name: str, kind: str, size: int, pull: int, exact: int = 0) -> None:
        self.name = printable(name)
        self.kind = _OF.get(kind, 0)
        self.size = size
        self.pull = pull
        self.exact = exact
        self.children: list[Item] = []

    @property
    def cost(self) -> int:
        """About how many bytes it takes in the page."""
        return len(self.name.encode("utf-8", "replace")) + _NODE_COST


def report_tree(report: ExplainReport) -> Item:
    """Make the whole tree: image, layer, directory, file, section, package, function."""
    sums = report.bytes
    if report.binary is not None:
        root = Item(report.name, "file", sums.total, sums.pull, sums.exact)
        root.children = _sections(report.binary)
        return root
    root = Item(report.name, "image", sums.total, sums.pull, sums.exact)
    layers = report.image.layers if report.image else ()
    root.children = [_layer(number, layer) for number, layer in enumerate(layers, 1)]
    rest = sums.pull - sum(layer.pull for layer in layers)
    if rest > 0:
        root.children.append(Item("manifest and configuration", "file", 0, rest))
    return root


def _layer(number: int, layer: ExplainedTar) -> Item:
    made_by = instruction(layer.created_by)
    item = Item(f"{number} {made_by[:120] or layer.digest[7:19]}", "layer", layer.size, layer.pull)
    directories: dict[str, Item] = {"": item}
    for file in layer.files:
        if file.size:
            _directory(directories, file.path.rpartition("/")[0].strip("/")).children.append(_file(file))
    _add_up(item.children)
    framing = layer.pull - sum(child.pull for child in item.children)
    tar = Item("headers and padding of the tar", "file format", layer.framing, max(0, framing), layer.framing)
    item.children.append(tar)
    item.exact = sum(child.exact for child in item.children)
    return item


def _directory(directories: dict[str, Item], path: str) -> Item:
    """Find or make a directory, and those above it."""
    missing = []
    while path not in directories:
        missing.append(path)
        path = path.rpartition("/")[0]
    above = directories[path]
    for one in reversed(missing):
        made = directories[one] = Item(one.rpartition("/")[2] + "/", "directory", 0, 0)
        above.children.append(made)
        above = made
    return above


def _add_up(items: Iterable[Item]) -> None:
    """Give each directory the sums of what is in it."""
    waiting = [(item, False) for item in items if item.kind == _OF["directory"]]
    while waiting:
        item, is_done = waiting.pop()
        if is_done:
            for child in item.children:
                item.size, item.pull, item.exact = (
                    item.size + child.size,
                    item.pull + child.pull,
                    item.exact + child.exact,
                )
            continue
        waiting.append((item, True))
        waiting += [(child, False) for child in item.children if child.kind == _OF["directory"]]


def _file(file: ExplainedEntry) -> Item:
    exact = file.binary.exact if file.binary else file.size
    item = Item(file.path.rpartition("/")[2], "file", file.size, file.pull, exact)
    item.children = _sections(file.binary) if file.binary else []
    return item


def _sections(program: ExplainedProgram) -> list[Item]:
    found = []
    for section in program.sections:
        if section.size:
            item = Item(section.name, "section", section.size, section.pull, section.exact)
            item.children = [_package(package) for package in section.packages]
            found.append(item)
    return found


def _package(package: ExplainedPackage) -> Item:
    item = Item(package.name, _OWNERS.get(package.kind, ""), package.size, package.pull, package.exact)
    item.children = [Item(part.name, part.kind, part.size, part.pull, part.exact) for part in package.parts]
    return item


def written(root: Item, *, most: int) -> list[Any]:
    """Give *root* as nested lists of name, kind, size, pull, exact and, where there are any, children.

    Args:
        root: The tree.
        most: About how many bytes it may take as JSON. The largest nodes are kept; what is left out of a node is
            summed up in one more.
    """
    everything: list[tuple[int, int, Item]] = []
    waiting = [(root, 0)]
    while waiting:
        item, depth = waiting.pop()
        everything.append((max(item.size, item.pull), -depth, item))
        waiting += [(child, depth + 1) for child in item.children]
    everything.sort(key=lambda one: one[:2], reverse=True)
    kept: set[int] = set()
    spent = 0
    for _, _, item in everything:
        spent += item.cost
        if spent > most:
            break
        kept.add(id(item))
    return _written(root, kept)


def _written(item: Item, kept: set[int]) -> list[Any]:
    row: list[Any] = [item.name, item.kind, item.size, item.pull, item.exact]
    children = [child for child in item.children if id(child) in kept]
    rest = [child for child in item.children if id(child) not in kept]
    if item.children:
        row.append([_written(child, kept) for child in sorted(children, key=lambda one: -one.size)])
        if rest:
            sums = [sum(getattr(one, name) for one in rest) for name in ("size", "pull", "exact")]
            row[-1].append([f"{len(rest):,} smaller", 0, *sums])
    return row
