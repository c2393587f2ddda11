"""Where values of a Compose model come from: its files are merged, and each value still knows its own."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from smidgen.config.yaml_source import Document, Entry, ListNode, MappingNode, Mark, Node, ScalarNode
from smidgen.dockerfile.compose.variables import Variables


# No slots: what is placed is kept.
@dataclass(frozen=True, eq=False)
class Source:
    """One file.

    Attributes:
        document: What it says.
        directory: What its paths are relative to.
        variables: What ``${…}`` in it means.
    """

    document: Document
    directory: Path
    variables: Variables

    @cached_property
    def root(self) -> MappingNode:
        """What the file says; its marks know the file."""
        root = self.document.root
        return MappingNode(tuple(self._entry(entry) for entry in root.entries), self._place(root.mark))

    def _place(self, mark: Mark) -> "Place":
        return Place(mark.line, mark.column, self)

    def _entry(self, entry: Entry) -> Entry:
        return Entry(entry.key, self._place(entry.key_mark), self._node(entry.value))

    def _node(self, node: Node) -> Node:
        match node:
            case ScalarNode():
                return ScalarNode(node.text, self._place(node.mark))
            case ListNode():
                return ListNode(tuple(map(self._node, node.items)), self._place(node.mark))
            case MappingNode():
                return MappingNode(tuple(map(self._entry, node.entries)), self._place(node.mark))


class Place(Mark, frozen=True):
    """A place in one of several files."""

    source: Source
