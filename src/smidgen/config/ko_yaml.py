"""``.ko.yaml`` as it is, put into the shape of ``smidgen.yaml``; every value keeps its place in ko's file.

Keys are read without regard to case, as ko reads them. A key that ko does not know it passes over, and so it is passed
over here, but said. What ko does with a key and smidgen cannot do is an error, for the targets that it concerns.

Source: ko's documentation, "Configuration", and ``pkg/build/config.go``.
"""

import os.path
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from smidgen.config.decode import decode_file
from smidgen.config.file_layer import Config
from smidgen.config.words import parse_assignment, split_commas
from smidgen.config.yaml_source import Document, Entry, ListNode, MappingNode, Node, ScalarNode, shorten
from smidgen.errors import ConfigError, UsageError

_T = TypeVar("_T")
_GLOBAL: Final = {
    "defaultappdirectory": "defaultAppDirectory",
    "defaultbaseimage": "defaultBaseImage",
    "baseimageoverrides": "baseImageOverrides",
    "defaultplatforms": "defaultPlatforms",
    "defaultenv": "defaultEnv",
    "defaultflags": "defaultFlags",
    "defaultldflags": "defaultLdflags",
    "builds": "builds",
}
_BUILD: Final = {key: key for key in ("id", "dir", "main", "env", "flags", "ldflags", "linux_capabilities")}


def ko_config(document: Document, *, directory: Path) -> Config:
    """Give what ko's file says.

    Args:
        document: The file.
        directory: What ``dir`` and ``main`` are relative to.

    Raises:
        ConfigError: A value is of another kind than its key takes.
    """
    reader = _Reader(document)
    translated = replace(document, root=reader.root())
    return Config(
        document=translated,
        file=decode_file(translated),
        kind="ko",
        directory=directory,
        warnings=tuple(reader.warnings),
    )


class _Reader:
    """Builds the nodes of a ``smidgen.yaml`` from those of a ``.ko.yaml``."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.warnings: list[str] = []

    def root(self) -> MappingNode:
        node = self._document.root
        entries: list[Entry] = []
        overrides: list[Node] = []
        builds: list[Node] = []
        targets: Entry | None = None
        for entry in self._known(node, _GLOBAL):
            match entry.key:
                case "defaultBaseImage":
                    entries.append(self._text(entry, "base"))
                case "defaultPlatforms":
                    entries += self._list(entry, "platforms", split_at_commas=True)
                case "defaultEnv":
                    entries += self._environment(entry)
                case "defaultFlags":
                    entries += self._flags(entry)
                case "defaultLdflags":
                    entries += self._list(entry, "ldflags")
                case "baseImageOverrides":
                    targets = entry
                    overrides += self._overrides(entry)
                case "builds":
                    targets = entry
                    builds = list(self._builds(entry))
                case _:
                    self._refuse(entry, "where the binary is in the image cannot be chosen")
        if targets is not None:
            entries.append(replace(targets, key="targets", value=ListNode((*builds, *overrides), targets.value.mark)))
        return MappingNode(tuple(entries), node.mark)

    def _known(self, node: MappingNode, keys: dict[str, str]) -> Iterator[Entry]:
        """Give the entries that ko knows, with their keys as ko writes them; warn of the others."""
        seen: dict[str, Entry] = {}
        for entry in node.entries:
            key = keys.get(entry.key.lower())
            if key is None:
                from smidgen.config.explain import did_you_mean  # most files are right

                close = did_you_mean(entry.key, keys.values())
                self.warnings.append(
                    f"{self._document.name}:{entry.key_mark.line}:{entry.key_mark.column}: unknown key "
                    f"{shorten(entry.key)!r} is passed over, as ko does" + (f"; {close}" if close else "")
                )
            elif key in seen:
                raise self._document.error(
                    f"the key {key!r} stands twice but for its case", entry.key_mark, hint="keep one"
                )
            else:
                seen[key] = replace(entry, key=key)
                # An empty value is no value to ko.
                if not (isinstance(entry.value, ScalarNode) and entry.value.text is None):
                    yield seen[key]

    def _refuse(self, entry: Entry, why: str) -> None:
        raise self._document.error(f"{entry.key} is not possible: {why}", entry.key_mark, hint="remove the key")

    def _text(self, entry: Entry, key: str) -> Entry:
        if not isinstance(entry.value, ScalarNode):
            raise self._wrong(entry, "a string")
        return replace(entry, key=key)

    def _strings(self, entry: Entry) -> tuple[ScalarNode, ...]:
        """Give the texts of a list; one text is a list of one."""
        items = entry.value.items if isinstance(entry.value, ListNode) else (entry.value,)
        for item in items:
            if not isinstance(item, ScalarNode) or item.text is None:
                raise self._wrong(entry, "a list of strings", item)
        return tuple(item for item in items if isinstance(item, ScalarNode))

    def _list(self, entry: Entry, key: str, *, split_at_commas: bool = False) -> Iterator[Entry]:
        items = self._strings(entry)
        if split_at_commas and isinstance(entry.value, ScalarNode):
            texts = self._parsed(entry.value, split_commas)
            items = tuple(ScalarNode(text, entry.value.mark) for text in texts)
        if items:  # an empty list is no list to ko
            yield replace(entry, key=key, value=ListNode(items, entry.value.mark))

    def _flags(self, entry: Entry) -> Iterator[Entry]:
        items = self._strings(entry)
        if isinstance(entry.value, ScalarNode):
            items = tuple(ScalarNode(text, entry.value.mark) for text in (entry.value.text or "").split())
        if items:
            yield replace(entry, key="flags", value=ListNode(items, entry.value.mark))

    def _capabilities(self, entry: Entry) -> Iterator[Entry]:
        items = self._strings(entry)
        if isinstance(entry.value, ScalarNode):
            items = tuple(ScalarNode(text, entry.value.mark) for text in (entry.value.text or "").split())
        # A name alone is permitted to ko, and not in force.
        clauses = tuple(
            item if any(character in (item.text or "") for character in "+-=") else replace(item, text=f"{item.text}=p")
            for item in items
        )
        if clauses:
            yield replace(entry, value=ListNode(clauses, entry.value.mark))

    def _environment(self, entry: Entry) -> Iterator[Entry]:
        entries: dict[str, Entry] = {}
        for item in self._strings(entry):
            name, value = self._parsed(item, parse_assignment)
            entries[name] = Entry(
                name, item.mark, ScalarNode(value, item.mark)
            )  # the last counts, as in an environment
        if entries:
            yield replace(entry, key="build_env", value=MappingNode(tuple(entries.values()), entry.value.mark))

    def _parsed(self, item: ScalarNode, parse: Callable[[str], _T]) -> _T:
        try:
            return parse(item.text or "")
        except UsageError as fault:
            raise self._document.error(fault.message, item.mark, hint=fault.hint) from fault

    def _overrides(self, entry: Entry) -> Iterator[Node]:
        if not isinstance(entry.value, MappingNode):
            raise self._wrong(entry, "a mapping of import paths to images")
        for override in entry.value.entries:
            target = Entry("target", override.key_mark, ScalarNode(override.key, override.key_mark))
            yield MappingNode((target, self._text(override, "base")), override.key_mark)

    def _builds(self, entry: Entry) -> Iterator[Node]:
        if not isinstance(entry.value, ListNode):
            raise self._wrong(entry, "a list of mappings")
        for item in entry.value.items:
            if not isinstance(item, MappingNode):
                raise self._wrong(entry, "a list of mappings", item)
            yield self._build(item)

    def _build(self, node: MappingNode) -> MappingNode:
        entries: list[Entry] = []
        places = {"dir": ".", "main": "."}
        for entry in self._known(node, _BUILD):
            match entry.key:
                case "dir" | "main":
                    text = self._text(entry, entry.key).value
                    places[entry.key] = (text.text if isinstance(text, ScalarNode) else None) or "."
                case "env":
                    entries += self._environment(entry)
                case "flags":
                    entries += self._flags(entry)
                case "ldflags":
                    entries += self._list(entry, "ldflags")
                case "linux_capabilities":
                    entries += self._capabilities(entry)
                case _:
                    self._text(entry, "id")  # only tells builds apart in ko's messages
        main = os.path.dirname(places["main"]) if places["main"].endswith(".go") else places["main"]
        # ko takes both as relative, whatever they look like.
        path = os.path.normpath(f"./{places['dir']}/{main}")
        target = path if path == "." or path.startswith("../") or path == ".." else f"./{path}"
        return MappingNode((Entry("target", node.mark, ScalarNode(target, node.mark)), *entries), node.mark)

    def _wrong(self, entry: Entry, expected: str, node: Node | None = None) -> ConfigError:
        from smidgen.config.explain import got  # most files are right

        node = node or entry.value
        return self._document.error(f"{entry.key}: expected {expected}, got {got(node)}", node.mark)
