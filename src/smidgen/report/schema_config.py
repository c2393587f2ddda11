"""The shape of ``smidgen config show --json``."""

from typing import Literal

import msgspec


class OriginResult(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value came from.

    Attributes:
        kind: The strongest is ``flag``, then ``environment``, ``file``, ``default``.
        name: The flag, the variable or the file; empty for a default.
        line: Line of the file, from 1.
    """

    kind: Literal["default", "environment", "file", "flag"]
    name: str
    line: int | None


class SettingResult(msgspec.Struct, frozen=True, kw_only=True):
    """One option.

    Attributes:
        key: As in smidgen.yaml.
        name: The key within *key*, for those that are mappings; else empty.
        value: Text, list or switch, in the form in which it can be written; null where nothing is set.
        origins: Where it came from; several where lists were joined.
    """

    key: str
    name: str
    value: str | bool | tuple[str, ...] | None
    origins: tuple[OriginResult, ...]


class ConfigReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        target: What was asked about.
        file: The configuration file in use.
    """

    schema: Literal["smidgen.config/v1"] = "smidgen.config/v1"
    target: str
    file: str | None
    settings: tuple[SettingResult, ...]
    warnings: tuple[str, ...]
