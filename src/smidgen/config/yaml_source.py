"""YAML with positions: text → events of libyaml → nodes that know where they stood.

Scalars stay text. What a text means is decided by the key it stands under, so that YAML 1.1's readings (``on`` as
true, ``0755`` as 493, ``8080:80`` as 484880, ``1.10`` as 1.1) never happen.

Source: YAML 1.2.2; null of the Core schema (section 10.3.2) is the one kind of scalar that is told apart here.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

import msgspec
import yaml

from smidgen.errors import ConfigError

MAX_SIZE: Final = 1 << 20
MAX_DEPTH: Final = 32
MAX_NODES: Final = 50_000
_MAX_SHOWN: Final = 300
_NULLS: Final = ("", "~", "null", "Null", "NULL")
_MERGE: Final = "<<"
_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_TAGS: Final = ("str", "int", "float", "bool", "null", "map", "seq")
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Mark(msgspec.Struct, frozen=True):
    """A place in a file; line and column count from 1, in characters."""

    line: int
    column: int


class ScalarNode(msgspec.Struct, frozen=True):
    """A text as it was written, or None for nothing: an empty value, or ``~`` or ``null`` without quotes."""

    text: str | None
    mark: Mark


class ListNode(msgspec.Struct, frozen=True):
    """A list."""

    items: tuple["Node", ...]
    mark: Mark


class Entry(msgspec.Struct, frozen=True):
    """A key with its value."""

    key: str
    key_mark: Mark
    value: "Node"


class MappingNode(msgspec.Struct, frozen=True):
    """A mapping; each key stands once."""

    entries: tuple[Entry, ...]
    mark: Mark

    def find(self, key: str) -> Entry | None:
        """Give the entry of *key*, or None."""
        return next((entry for entry in self.entries if entry.key == key), None)


Node = ScalarNode | ListNode | MappingNode
Plain = str | list["Plain"] | dict[str, "Plain"] | None


def shorten(text: str, most: int = 60) -> str:
    """Cut what a user wrote to a length that fits a message."""
    return text if len(text) <= most else text[: most - 1] + "…"


def plain(node: Node) -> Plain:
    """Give the value of *node* without positions."""
    match node:
        case ScalarNode():
            return node.text
        case ListNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {entry.key: plain(entry.value) for entry in node.entries}


class Document(msgspec.Struct, frozen=True):
    """A file that was read.

    Attributes:
        path: Where it is.
        name: How it is shown to people.
        lines: Its text.
        root: What it says.
    """

    path: Path
    name: str
    lines: tuple[str, ...]
    root: MappingNode

    def error(self, message: str, mark: Mark, *, hint: str | None = None) -> ConfigError:
        """Make an error that shows the line at *mark*."""
        return _error(message, mark, self.lines, name=self.name, hint=hint)


def read_document(path: Path, name: str) -> Document:
    """Read and parse the file at *path*; an empty one is an empty mapping.

    Raises:
        ConfigError: It cannot be read, is larger than ``MAX_SIZE`` bytes, or is not YAML of the kind that is wanted.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=name) from error
    if len(data) > MAX_SIZE:
        raise ConfigError(f"is larger than {MAX_SIZE} bytes, which no configuration needs", path=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"line {line} is not UTF-8 text", path=name, hint="save the file as UTF-8") from error
    return parse_document(text, path=path, name=name)


def parse_document(text: str, *, path: Path, name: str) -> Document:
    """Parse *text* as the contents of the file at *path*.

    Raises:
        ConfigError: It is not YAML, has two documents, a key twice, an unknown tag, or is too deep or too large.
    """
    lines = tuple(_BREAK.split(text))
    return Document(path, name, lines, _Builder(text, lines, name).root())


def _error(message: str, mark: Mark, lines: tuple[str, ...], *, name: str, hint: str | None) -> ConfigError:
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    shown = line if len(line) <= _MAX_SHOWN and mark.column <= len(line) + 1 else None
    return ConfigError(message, path=name, line=mark.line, column=mark.column, source_line=shown, hint=hint)


def _mark(event: yaml.Event) -> Mark:
    at = event.start_mark
    return Mark(at.line + 1, at.column + 1) if at else Mark(1, 1)


class _Builder:
    """Builds nodes from events. Anchors are shared, so that only their uses count against the bound."""

    def __init__(self, text: str, lines: tuple[str, ...], name: str) -> None:
        self._text = text
        self._lines = lines
        self._name = name
        self._events = self._read()
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0

    def root(self) -> MappingNode:
        """Build the one document of the stream."""
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return MappingNode((), Mark(1, 1))
        node = self._node(next(self._events), 0)
        next(self._events)  # the document's end
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            self._fail("a second document begins here", _mark(following), hint="keep one document in the file")
        if isinstance(node, ScalarNode) and node.text is None:
            return MappingNode((), node.mark)
        if not isinstance(node, MappingNode):
            self._fail("expected a mapping of keys to values", node.mark, hint="write KEY: VALUE lines")
        return node

    def _read(self) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(self._text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            marks = [Mark(at.line + 1, at.column + 1) for at in (error.problem_mark, error.context_mark) if at]
            mark = marks[0] if marks else Mark(1, 1)
            line = self._lines[mark.line - 1] if mark.line <= len(self._lines) else ""
            if not line and len(marks) > 1:
                # What was opened and never closed is noticed at the end of the file, where nothing is to be seen.
                mark = marks[1]
            is_tab = line[mark.column - 1 : mark.column] == "\t"
            hint = "indent with spaces: YAML takes no tabs there" if is_tab else self._template_hint(mark)
            context = f" {error.context}" if error.context else ""
            self._fail(f"not YAML: {error.problem}{context}", mark, hint=hint)
        except yaml.reader.ReaderError as error:
            # Its position counts UTF-8 bytes.
            before = self._text.encode()[: error.position].decode(errors="replace")
            rows = _BREAK.split(before)
            mark = Mark(len(rows), len(rows[-1]) + 1)
            where = f"line {mark.line}, column {mark.column}"
            # The line is not shown: what it holds could steer a terminal.
            raise ConfigError(
                f"not YAML: control character {error.character:#x} at {where}", path=self._name
            ) from error

    def _node(self, event: yaml.Event, depth: int) -> Node:
        mark = _mark(event)
        if depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH} levels", mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, mark)
        before = self._nodes
        self._count(1, mark)
        node: Node
        match event:
            case yaml.ScalarEvent():
                self._check_tag(event.tag, mark)
                node = ScalarNode(_text(event), mark)
            case yaml.SequenceStartEvent():
                self._check_tag(event.tag, mark)
                node = ListNode(tuple(self._items(depth)), mark)
            case yaml.MappingStartEvent():
                self._check_tag(event.tag, mark)
                node = self._mapping(mark, depth)
            case _:  # libyaml's grammar allows no other event here
                self._fail(f"unexpected {type(event).__name__}", mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._nodes - before)
        return node

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, mark: Mark, depth: int) -> MappingNode:
        entries: dict[str, Entry] = {}
        merged: list[Entry] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key_mark = _mark(event)
            if not isinstance(event, yaml.ScalarEvent):
                self._fail("a key has to be text", key_mark, hint=self._template_hint(key_mark))
            key = event.value
            value = self._node(next(self._events), depth + 1)
            if key == _MERGE and not event.style:
                merged += self._merged(value)
            elif key in entries:
                first = entries[key].key_mark.line
                self._fail(f"the key {shorten(key)!r} stands twice, first in line {first}", key_mark, hint="keep one")
            else:
                self._count(1, key_mark)
                entries[key] = Entry(key, key_mark, value)
        for entry in merged:
            entries.setdefault(entry.key, entry)
        return MappingNode(tuple(entries.values()), mark)

    def _merged(self, value: Node) -> tuple[Entry, ...]:
        # The earlier of several mappings wins, and keys of the mapping itself before them all.
        nodes = value.items if isinstance(value, ListNode) else (value,)
        entries: list[Entry] = []
        for node in nodes:
            if not isinstance(node, MappingNode):
                self._fail("<< takes a mapping, or a list of mappings", node.mark)
            self._count(len(node.entries), node.mark)
            entries += node.entries
        return tuple(entries)

    def _alias(self, event: yaml.AliasEvent, mark: Mark) -> Node:
        name = event.anchor or ""
        if name not in self._anchors:
            self._fail(f"*{shorten(name)} stands before, or inside, the & that it means", mark)
        node, weight = self._anchors[name]
        self._count(weight, mark)
        return node

    def _count(self, nodes: int, mark: Mark) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._fail(f"more than {MAX_NODES} values, counting those that *aliases repeat", mark)

    def _check_tag(self, tag: str | None, mark: Mark) -> None:
        if tag is not None and tag != "!" and tag.removeprefix(_TAG_PREFIX) not in _TAGS:
            self._fail(f"unknown tag {shorten(tag.replace(_TAG_PREFIX, '!!'))}", mark, hint="leave the tag out")

    def _template_hint(self, mark: Mark) -> str | None:
        # Braces begin a mapping, so that templates are the fault that is made most.
        line = self._lines[mark.line - 1] if mark.line <= len(self._lines) else ""
        return "put quotes around a text that has {{ }} in it" if "{{" in line else None

    def _fail(self, message: str, mark: Mark, *, hint: str | None = None) -> NoReturn:
        raise _error(message, mark, self._lines, name=self._name, hint=hint)


def _text(event: yaml.ScalarEvent) -> str | None:
    is_null = event.tag is None and not event.style and event.value in _NULLS
    return None if is_null or event.tag == f"{_TAG_PREFIX}null" else event.value
