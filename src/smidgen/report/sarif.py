"""SARIF 2.1.0, the form in which code hosts take findings. What is not used here is left out.

Source: OASIS "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
"""

from typing import Literal

import msgspec

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A text (3.11)."""

    text: str


class Region(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a file (3.30); columns count characters, as ``columnKind`` says."""

    start_line: int
    start_column: int
    end_column: int


class ArtifactLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A file (3.4)."""

    uri: str


class PhysicalLocation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where in which file (3.29)."""

    artifact_location: ArtifactLocation
    region: Region


class SarifLocation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A place (3.28)."""

    physical_location: PhysicalLocation


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """How bad a rule's results are (3.50)."""

    level: Literal["error", "warning", "note"]


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A rule (3.49)."""

    id: str
    name: str
    short_description: Message
    full_description: Message | None = None
    help: Message | None = None
    help_uri: str = ""
    default_configuration: Configuration | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A finding (3.27)."""

    rule_id: str
    rule_index: int
    level: Literal["error", "warning", "note"]
    message: Message
    locations: tuple[SarifLocation, ...] = ()


class Component(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The program that found it, with its rules (3.19)."""

    name: str
    version: str
    rules: tuple[Descriptor, ...]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What was run (3.18)."""

    driver: Component


class Run(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One run (3.14)."""

    tool: Tool
    results: tuple[Result, ...]
    column_kind: Literal["unicodeCodePoints"] = "unicodeCodePoints"


class SarifLog(msgspec.Struct, frozen=True, kw_only=True):
    """A file of SARIF (3.13)."""

    schema_: str = msgspec.field(name="$schema", default=_SCHEMA)
    version: Literal["2.1.0"] = "2.1.0"
    runs: tuple[Run, ...]
