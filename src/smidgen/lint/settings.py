"""``lint`` in ``smidgen.yaml``: what is left out, how bad the rest is, and where images may come from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec import UNSET

from smidgen.config.file_layer import Config
from smidgen.config.yaml_source import Entry, ListNode, MappingNode, Mark
from smidgen.errors import UsageError
from smidgen.lint.catalog import ids_of
from smidgen.lint.finding import Severity
from smidgen.registry.host_rules import is_place


@dataclass(frozen=True, slots=True, kw_only=True)
class LintSettings:
    """What a project says of its Dockerfiles.

    Attributes:
        ignored: Ids of rules to leave out.
        severities: Id of a rule → how bad its findings are.
        fail_on: ``error``, ``warning``, ``info`` or ``never``; empty where it is not said.
        trusted: Where images may come from, HOST[:PORT][/PATH] or *.DOMAIN; empty for anywhere.
        build: Whether the program is compiled; None where it is not said.
        hadolint: Whether hadolint is asked; None where it is not said.
    """

    ignored: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    fail_on: str = ""
    trusted: tuple[str, ...] = ()
    build: bool | None = None
    hadolint: bool | None = None


NOTHING: Final = LintSettings()


def lint_settings(config: Config | None) -> LintSettings:
    """Give what the file says of linting.

    Raises:
        ConfigError: A rule or a registry is none; with line and caret.
    """
    section = config.document.root.find("lint") if config is not None else None
    if config is None or section is None or not config.file.lint or not isinstance(section.value, MappingNode):
        return NOTHING
    entries = {entry.key: entry for entry in section.value.entries}
    lint = config.file.lint
    severities: dict[str, Severity] = {}
    if (entry := entries.get("severity")) is not None and isinstance(entry.value, MappingNode) and lint.severity:
        for inner in entry.value.entries:
            for rule in _rule(config, inner.key, inner.key_mark):
                severities[rule] = Severity(lint.severity[inner.key])
    return LintSettings(
        ignored=frozenset(
            rule for text, mark in _texts(entries.get("ignore"), lint.ignore) for rule in _rule(config, text, mark)
        ),
        severities=severities,
        fail_on=lint.fail_on or "",
        trusted=tuple(
            _place(config, text, mark)
            for text, mark in _texts(entries.get("trusted_registries"), lint.trusted_registries)
        ),
        build=None if lint.build is UNSET else lint.build,
        hadolint=None if lint.hadolint is UNSET else lint.hadolint,
    )


def _texts(entry: Entry | None, value: object) -> Iterator[tuple[str, Mark]]:
    """Give each text of a list with its place; one text alone is a list of one."""
    if entry is None:
        return
    if isinstance(value, list) and isinstance(entry.value, ListNode):
        yield from ((text, node.mark) for text, node in zip(value, entry.value.items, strict=True))
    elif isinstance(value, str):
        yield value, entry.value.mark


def _rule(config: Config, name: str, mark: Mark) -> frozenset[str]:
    try:
        return ids_of((name,))
    except UsageError as fault:
        raise config.document.error(fault.message, mark, hint=fault.hint) from fault


def _place(config: Config, text: str, mark: Mark) -> str:
    if not is_place(text, with_wildcard=True):
        raise config.document.error(
            f"{text!r} is not a registry", mark, hint="expected HOST[:PORT][/PATH] or *.DOMAIN, without https://"
        )
    return text.rstrip("/")
