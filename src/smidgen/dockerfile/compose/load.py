"""From the files of a Compose model to one mapping: files merged, ``extends`` and ``include`` carried out.

Source: Compose Specification, "Merge", "Extends", "Include".
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from smidgen.config.yaml_source import Entry, ListNode, MappingNode, Mark, Node, ScalarNode, read_document, shorten
from smidgen.dockerfile.compose.dot_env import read_dot_env
from smidgen.dockerfile.compose.merge import merge_files, merge_services
from smidgen.dockerfile.compose.place import Source
from smidgen.dockerfile.compose.values import Values
from smidgen.dockerfile.compose.variables import Variables
from smidgen.dockerfile.spelling import did_you_mean
from smidgen.errors import LimitExceeded

#: Far more than anybody has; files that include each other in many ways end here.
_MAX_FILES: Final = 200
_MAX_DEPTH: Final = 32
_INCLUDE_KEYS: Final = frozenset({"env_file", "path", "project_directory"})
_EXTENDS_KEYS: Final = frozenset({"file", "service"})
_OPTIONAL: Final = ("secrets", "services")


@dataclass(frozen=True, slots=True)
class Model:
    """What all files say together.

    Attributes:
        root: Without ``include`` and ``extends``; each mark knows its file.
        values: Reads values of the first file.
        unset: Variables that are nowhere, of all files; filled while values are read.
    """

    root: MappingNode
    values: Values
    unset: Mapping[str, None]


@dataclass(frozen=True, slots=True)
class _Chain:
    """The services that extend each other on the way here, or the files that include each other."""

    seen: tuple[tuple[Path, str], ...] = ()

    def and_then(self, step: tuple[Path, str], mark: Mark, values: Values) -> "_Chain":
        """Go on to a service of a file, or to a file; it is named at *mark*."""
        if step in self.seen:
            names = " → ".join(shorten(name or str(path)) for path, name in (*self.seen, step))
            raise values.error(f"this leads to itself again: {names}", mark)
        if len(self.seen) >= _MAX_DEPTH:
            raise values.error(f"this is the last of more than {_MAX_DEPTH} that name the next", mark)
        return _Chain((*self.seen, step))


def load_model(paths: Sequence[Path], known: Mapping[str, str]) -> Model:
    """Read the files at *paths*, the later over the earlier, and those that they name.

    Args:
        paths: Of the files; the paths in all of them are relative to the first.
        known: Variables.

    Raises:
        ConfigError: One cannot be read, or says what cannot be meant.
        LimitExceeded: There are too many.
    """
    directory = Path(os.path.abspath(paths[0])).parent
    variables = Variables(known)
    loader = _Loader(variables.missed)
    root = loader.files(paths, directory, variables, _Chain())
    assert loader.first is not None  # noqa: S101 (there is a file, so it was read)
    return Model(root, Values(loader.first), variables.missed)


@dataclass(slots=True)
class _Loader:
    missed: dict[str, None]
    first: Source | None = None
    _read: dict[tuple[Path, Path, int], Source] = field(default_factory=dict)

    def files(self, paths: Sequence[Path], directory: Path, variables: Variables, including: _Chain) -> MappingNode:
        """Read *paths* as one model."""
        first, *others = (self._source(path, directory, variables) for path in paths)
        root = self._with_extended(first, None, _Chain())
        for source in others:
            root = merge_files(root, self._with_extended(source, root, _Chain()))
        return self._with_included(root, Values(first), including)

    def _source(self, path: Path, directory: Path, variables: Variables) -> Source:
        key = (Path(os.path.abspath(path)), directory, id(variables))
        if key not in self._read:
            if len(self._read) >= _MAX_FILES:
                raise LimitExceeded("number of Compose files", limit=_MAX_FILES)
            self._read[key] = Source(read_document(path, str(path)), directory, variables)
            self.first = self.first or self._read[key]
        return self._read[key]

    # extends

    def _with_extended(self, source: Source, before: MappingNode | None, chain: _Chain) -> MappingNode:
        """Give what a file says, its services with what they extend; *before* are the files before it."""
        root = source.root
        entry = root.find("services")
        if entry is None or not isinstance(entry.value, MappingNode):
            return root
        services = tuple(
            Entry(one.key, one.key_mark, self._extended(one, source, before, chain)) for one in entry.value.entries
        )
        value = MappingNode(services, entry.value.mark)
        return _with_entry(root, Entry(entry.key, entry.key_mark, value))

    def _extended(self, entry: Entry, source: Source, before: MappingNode | None, chain: _Chain) -> Node:
        service = entry.value
        extends = service.find("extends") if isinstance(service, MappingNode) else None
        if not isinstance(service, MappingNode) or extends is None:
            return service
        values = Values(source)
        step = (Path(os.path.abspath(source.document.path)), entry.key)
        chain = chain.and_then(step, extends.key_mark, values)
        file, name = _extends(extends.value, values)
        if file is None:
            base = self._base(name, extends.value.mark, source, before, chain)
        else:
            path = _local(file, extends.value.mark, source, values)
            other = values.at(extends.value.mark, lambda: self._source(path, path.parent, source.variables))
            base = self._base(name, extends.value.mark, other, None, chain)
        own = MappingNode(tuple(one for one in service.entries if one.key != "extends"), service.mark)
        return merge_services(base, own)

    def _base(
        self,
        name: str,
        mark: Mark,
        source: Source,
        before: MappingNode | None,
        chain: _Chain,
    ) -> MappingNode:
        """Find the service *name*, which another one extends."""
        here = source.root.find("services")
        found = here.value.find(name) if here is not None and isinstance(here.value, MappingNode) else None
        if found is not None:
            node = self._extended(found, source, before, chain)
        else:
            there = before.find("services") if before is not None else None
            earlier = there.value.find(name) if there is not None and isinstance(there.value, MappingNode) else None
            if earlier is None:
                names = [one.key for one in here.value.entries] if here and isinstance(here.value, MappingNode) else []
                raise Values(source).error(
                    f"{source.document.name} has no service {shorten(name)!r}", mark, hint=did_you_mean(name, names)
                )
            node = earlier.value
        return Values(source).mapping(node, f"the service {name}")

    # include

    def _with_included(self, root: MappingNode, values: Values, chain: _Chain) -> MappingNode:
        entry = root.find("include")
        if entry is None:
            return root
        root = MappingNode(tuple(one for one in root.entries if one.key != "include"), root.mark)
        for node in entry.value.items if isinstance(entry.value, ListNode) else (entry.value,):
            if isinstance(node, ScalarNode) and node.text is None:
                continue
            included = self._included(node, values, chain)
            for key in _OPTIONAL:
                root = _joined(root, included, key, values)
        return root

    def _included(self, node: Node, values: Values, chain: _Chain) -> MappingNode:
        outside = values.source(node.mark)
        if isinstance(node, MappingNode):
            values.check_keys(node, _INCLUDE_KEYS, "include")
            entry = node.find("path")
            if entry is None:
                raise values.error("include has no path", node.mark)
            texts = values.texts(entry.value, "include.path")
        else:
            texts = ((values.text(node, "include"), node.mark),)
            node = MappingNode((), node.mark)
        paths = [_local(text, mark, outside, values) for text, mark in texts]
        if not paths:
            raise values.error("include has no path", node.mark)
        chain = chain.and_then((paths[0], ""), node.mark, values)
        own = node.find("project_directory")
        directory = paths[0].parent
        if own is not None:
            directory = Path(os.path.normpath(outside.directory / values.text(own.value, "project_directory")))
        variables = self._variables(node, values, directory)
        return values.at(node.mark, lambda: self.files(paths, directory, variables, chain))

    def _variables(self, node: MappingNode, values: Values, directory: Path) -> Variables:
        """Give the variables of an included file: those outside count first, its own ``.env`` fills in."""
        outside = values.source(node.mark)
        entry = node.find("env_file")
        default = directory / ".env"
        files = [default] if default.exists() else []
        if entry is not None:
            texts = values.texts(entry.value, "include.env_file")
            files = [outside.directory / os.path.expanduser(text) for text, _ in texts]
        found: dict[str, str] = {}
        for file in files:
            found |= read_dot_env(file, os.path.relpath(file), found | dict(outside.variables.values))
        return Variables(found | dict(outside.variables.values), self.missed)


def _extends(node: Node, values: Values) -> tuple[str | None, str]:
    """Give the file, or None for the same one, and the service that is extended."""
    if not isinstance(node, MappingNode):
        return None, values.text(node, "extends")
    values.check_keys(node, _EXTENDS_KEYS, "extends")
    file, service = node.find("file"), node.find("service")
    if service is None:
        raise values.error("extends has no service", node.mark)
    return (
        None if file is None else values.text(file.value, "extends.file"),
        values.text(service.value, "extends.service"),
    )


def _local(text: str, mark: Mark, source: Source, values: Values) -> Path:
    """Give the path of a file that *source* names."""
    if "://" in text or text.startswith("git@"):
        raise values.error(f"{shorten(text)!r} is no file", mark, hint="fetch it, and name the file")
    return Path(os.path.normpath(source.directory / os.path.expanduser(text)))


def _with_entry(root: MappingNode, entry: Entry) -> MappingNode:
    return MappingNode(tuple(entry if one.key == entry.key else one for one in root.entries), root.mark)


def _joined(root: MappingNode, included: MappingNode, key: str, values: Values) -> MappingNode:
    """Add what an included model has under *key*; what both have is an error, as in Compose."""
    theirs = included.find(key)
    if theirs is None:
        return root
    ours = root.find(key)
    if ours is None:
        return MappingNode((*root.entries, theirs), root.mark)
    mine, other = values.mapping(ours.value, key), values.mapping(theirs.value, key)
    for entry in other.entries:
        if (same := mine.find(entry.key)) is not None:
            _conflict(entry, same, values)
    value = MappingNode((*mine.entries, *other.entries), mine.mark)
    return _with_entry(root, Entry(key, ours.key_mark, value))


def _conflict(entry: Entry, same: Entry, values: Values) -> NoReturn:
    where = f"{values.source(same.key_mark).document.name}:{same.key_mark.line}"
    raise values.error(
        f"{shorten(entry.key)!r} is in {where}, too, and what is included is not merged",
        entry.key_mark,
        hint="give it another name, or merge the files with a further --compose",
    )
