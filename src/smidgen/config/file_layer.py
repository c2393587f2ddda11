"""What a configuration file says, as layers: its global part, and each entry of ``targets`` that matches.

Source of the patterns: ``go help packages``.
"""

import os.path
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import UNSET

from smidgen.config.fields import LISTS, is_local, split_text
from smidgen.config.healthcheck import parse_duration, parse_instruction, parse_retries, parse_test
from smidgen.config.place import Given, Layer, Texts
from smidgen.config.schema import File, Needs, Options, Target
from smidgen.config.schema import Healthcheck as HealthcheckKeys
from smidgen.config.settings import Origin
from smidgen.config.yaml_source import Document, Entry, ListNode, MappingNode, Mark, Node
from smidgen.errors import UsageError
from smidgen.oci.config import Healthcheck

_DURATIONS = ("interval", "timeout", "start_period", "start_interval")


class FilePlace(msgspec.Struct, frozen=True):
    """A value in a configuration file.

    Attributes:
        document: The file.
        line: Line of the key, for people who look for it; 1-based.
        mark: Where the value itself begins.
    """

    document: Document
    line: int
    mark: Mark

    @property
    def origin(self) -> Origin:
        """The file and the line."""
        return Origin(kind="file", name=self.document.name, line=self.line)

    def error(self, fault: UsageError) -> UsageError:
        """Show the line, with a caret under the value."""
        return self.document.error(fault.message, self.mark, hint=fault.hint)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration file that was read.

    Attributes:
        document: Its text, with positions, in the shape of ``smidgen.yaml``.
        file: Its values.
        kind: Whose file it is.
        directory: What relative targets and sources are relative to.
        warnings: What the user has to be told about the file.
    """

    document: Document
    file: File
    kind: Literal["smidgen", "ko"]
    directory: Path
    warnings: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.document.path

    def layers(self, *, path: Path | None, import_path: str | None) -> tuple[Layer, ...]:
        """Give the layers that count for one target, the strongest last.

        Args:
            path: Directory of the package, or the file of a ready binary; None where there is none on this machine.
            import_path: Without ``@VERSION``; None where it is not known.

        Raises:
            ConfigError: A value is not of its form.
        """
        layers = [self._layer(self.file, self.document.root)]
        for target, node in self._targets():
            if not _matches(target.target, self.directory, path=path, import_path=import_path):
                continue
            layers.append(self._layer(target, node))
        return tuple(layers)

    def missing_targets(self) -> tuple[str, ...]:
        """Say which entries of ``targets`` name a file or directory that is not there, and so never match."""
        return tuple(
            f"{self.document.name}:{node.mark.line}: the target {target.target} is not there"
            for target, node in self._targets()
            if is_local(target.target) and "..." not in target.target and not (self.directory / target.target).exists()
        )

    def _targets(self) -> Iterator[tuple[Target, MappingNode]]:
        entry = self.document.root.find("targets")
        if self.file.targets is not UNSET and entry is not None and isinstance(entry.value, ListNode):
            for target, node in zip(self.file.targets, entry.value.items, strict=True):
                if isinstance(node, MappingNode):  # it is: the schema says so
                    yield target, node

    def _layer(self, options: Options, node: MappingNode) -> Layer:
        # ko's per-build environment replaces the default one; nothing else of ko's is a map.
        is_replacing = self.kind == "ko" and isinstance(options, Target)
        collector = _Collector(self)
        for name in Options.__struct_fields__:
            value = getattr(options, name)
            entry = node.find(name)
            if value is not UNSET and entry is not None:
                collector.take(name, value, entry)
        return Layer(
            texts=collector.texts,
            lists=collector.lists,
            maps=collector.maps,
            switches=collector.switches,
            healthcheck=collector.healthcheck,
            replaced_maps=frozenset(collector.maps) if is_replacing else frozenset(),
        )


class _Collector:
    """Sorts the values of one mapping by kind, each with its place."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.texts: dict[str, Given[str]] = {}
        self.lists: dict[str, Given[Texts]] = {}
        self.maps: dict[str, Mapping[str, Given[str]]] = {}
        self.switches: dict[str, Given[bool]] = {}
        self.healthcheck: Given[Healthcheck] | None = None

    def take(self, name: str, value: object, entry: Entry) -> None:
        match value:
            case bool():
                self.switches[name] = Given(value, self._place(entry), self._config.directory)
            case str() if name == "healthcheck":
                given = self._given(value, entry)
                self.healthcheck = given.moved(given.parsed(parse_instruction))
            case str() if name not in LISTS:
                self.texts[name] = self._given(value, entry)
            case str():
                given = self._given(value, entry)
                self.lists[name] = Given(split_text(name, given), given.place, given.root)
            case list():
                self._take_list(name, value, entry)
            case dict():
                self.maps[name] = {e.key: self._named(value[e.key], e) for e in _entries(entry.value)}
            case HealthcheckKeys():
                self.healthcheck = Given(self._healthcheck(value, entry), self._place(entry), self._config.directory)
            case Needs():
                self._take_needs(value, entry)

    def _take_list(self, name: str, value: list[str], entry: Entry) -> None:
        nodes = entry.value.items if isinstance(entry.value, ListNode) else ()
        items = tuple(self._given(text, entry, node) for text, node in zip(value, nodes, strict=True))
        self.lists[name] = Given(items, self._place(entry), self._config.directory)

    def _take_needs(self, needs: Needs, entry: Entry) -> None:
        fields = {"with": "needs_with", "without": "needs_without", "zones": "zones", "ca_bundles": "ca_bundles"}
        values = {"with": needs.with_, "without": needs.without, "zones": needs.zones, "ca_bundles": needs.ca_bundles}
        for inner in _entries(entry.value):
            self.take(fields[inner.key], values[inner.key], inner)

    def _healthcheck(self, keys: HealthcheckKeys, entry: Entry) -> Healthcheck:
        times: dict[str, int] = {}
        tested: Given[str | list[str]] | None = None
        for inner in _entries(entry.value):
            value = getattr(keys, inner.key)
            if inner.key in _DURATIONS:
                times[inner.key] = self._given(value, inner).parsed(parse_duration)
            elif inner.key == "retries":
                times[inner.key] = self._given(value, inner).parsed(parse_retries)
            else:
                tested = Given(value, self._place(inner), self._config.directory)
        # Last, as the probe is told how long it may wait.
        timeout = times.get("timeout", 0)
        test = tested.parsed(lambda words: parse_test(words, timeout=timeout)) if tested else ()
        return Healthcheck(test=test, **times)

    def _given(self, text: str, entry: Entry, node: Node | None = None) -> Given[str]:
        return Given(text, self._place(entry, node), self._config.directory, is_confined=True)

    def _named(self, text: str, entry: Entry) -> Given[str]:
        key_place = FilePlace(self._config.document, entry.key_mark.line, entry.key_mark)
        return Given(text, self._place(entry), self._config.directory, is_confined=True, key_place=key_place)

    def _place(self, entry: Entry, node: Node | None = None) -> FilePlace:
        return FilePlace(self._config.document, entry.key_mark.line, (node or entry.value).mark)


def _entries(node: Node) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, MappingNode) else ()


def _matches(pattern: str, directory: Path, *, path: Path | None, import_path: str | None) -> bool:
    if not is_local(pattern):
        return import_path is not None and name_expression(pattern.partition("@")[0]).match(import_path) is not None
    # Lexically, so that a symbolic link is matched by the name that was used for it.
    absolute = os.path.normpath(directory / pattern)
    return path is not None and name_expression(absolute).match(os.path.normpath(path)) is not None


def name_expression(pattern: str) -> re.Pattern[str]:
    """Translate a name in which ``...`` is any text, and a final ``/...`` also matches nothing."""
    below = "(?:/.*)?" if pattern.endswith("/...") else ""
    first, *rest = (re.escape(part) for part in pattern.removesuffix("/..." if below else "").split("..."))
    # Only the last wildcard needs to be tried again: a hostile pattern must not make the search slow.
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    last = f".*{rest[-1]}" if rest else ""
    return re.compile(rf"^{first}{middle}{last}{below}\Z", re.DOTALL)
