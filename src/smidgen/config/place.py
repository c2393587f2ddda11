"""Where a text stood, so that an error about it can say so; and texts together with their places."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from smidgen.config.settings import Origin
from smidgen.errors import UsageError
from smidgen.oci.config import Healthcheck

T = TypeVar("T")
_Result = TypeVar("_Result")


class Place(Protocol):
    """Where a value stood."""

    @property
    @abstractmethod
    def origin(self) -> Origin:
        """What to tell people who ask where a value came from."""

    @abstractmethod
    def error(self, fault: UsageError) -> UsageError:
        """Make an error that says what *fault* says, and where."""


class FlagPlace(msgspec.Struct, frozen=True):
    """A flag of the command line, such as ``--user``."""

    name: str

    @property
    def origin(self) -> Origin:
        """The flag."""
        return Origin(kind="flag", name=self.name)

    def error(self, fault: UsageError) -> UsageError:
        """Put the flag before the message."""
        return UsageError(f"{self.name}: {fault.message}", hint=fault.hint)


class EnvironmentPlace(msgspec.Struct, frozen=True):
    """A variable of the environment, such as ``SMIDGEN_GO``."""

    name: str

    @property
    def origin(self) -> Origin:
        """The variable."""
        return Origin(kind="environment", name=self.name)

    def error(self, fault: UsageError) -> UsageError:
        """Put the variable before the message."""
        return UsageError(f"{self.name}: {fault.message}", hint=fault.hint)


class Given(msgspec.Struct, Generic[T], frozen=True):
    """A value that somebody gave.

    Attributes:
        value: What it is.
        place: Where it stood.
        root: The directory that relative paths in it are relative to.
        is_confined: Whether such paths have to stay below *root*.
        key_place: Where its name stood, if it has one of its own, as in a mapping.
    """

    value: T
    place: Place
    root: Path
    is_confined: bool = False
    key_place: Place | None = None

    def moved(self, value: _Result) -> "Given[_Result]":
        """Give another value that stood at the same place."""
        return Given(value, self.place, self.root, is_confined=self.is_confined)

    def parsed(self, parse: Callable[[T], _Result]) -> _Result:
        """Parse the value.

        Raises:
            UsageError: What *parse* raised, with the place.
        """
        try:
            return parse(self.value)
        except UsageError as fault:
            raise self.place.error(fault) from fault


Texts = tuple[Given[str], ...]


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """What one source says: one file's global part, one target's part, the flags. Keys are fields of ``Settings``.

    Attributes:
        texts: Fields that are one text.
        lists: Fields that are a list of texts, each with a place of its own.
        maps: Fields that are a mapping of names to texts.
        switches: Fields that are true or false.
        healthcheck: Typed, as its two spellings differ; its test is ``("NONE",)`` to take one away.
        replaced_maps: Fields of *maps* that do not join those of the layers below, but take their place.
    """

    texts: Mapping[str, Given[str]] = msgspec.field(default_factory=dict)
    lists: Mapping[str, Given[Texts]] = msgspec.field(default_factory=dict)
    maps: Mapping[str, Mapping[str, Given[str]]] = msgspec.field(default_factory=dict)
    switches: Mapping[str, Given[bool]] = msgspec.field(default_factory=dict)
    healthcheck: Given[Healthcheck] | None = None
    replaced_maps: frozenset[str] = frozenset()
