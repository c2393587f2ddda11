"""What a user may name as a base: ``scratch``, ``static``, a registry's image, one of the store, a layout's."""

import os.path
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from smidgen.errors import UsageError
from smidgen.oci.reference import Reference
from smidgen.oci.transport import parse_registry_name, split_path

_STORE: Final = "store:"
_LAYOUT: Final = "oci:"


class BaseKind(StrEnum):
    """Where a base comes from."""

    SCRATCH = "scratch"
    STATIC = "static"
    REGISTRY = "registry"
    STORE = "store"
    LAYOUT = "layout"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseName:
    """The name of a base, whole: nothing is left to be guessed.

    Attributes:
        kind: Where it comes from.
        reference: Of a registry's image: with a tag, a digest, or both.
        text: Of the store: a name or a digest. Of a layout: its absolute directory.
        tag: Of a layout: the name of the entry, or empty where it has but one.
    """

    kind: BaseKind
    reference: Reference | None = None
    text: str = ""
    tag: str = ""

    @classmethod
    def parse(cls, text: str, *, root: Path | None = None) -> "BaseName":
        """Parse ``scratch``, ``static``, ``[docker://]REF``, ``store:NAME`` or ``oci:DIR[:TAG]``.

        Args:
            text: As it was written.
            root: What a relative DIR is relative to; the current directory by default.

        Raises:
            InvalidReference: It is no name of an image.
            UsageError: A transport with nothing behind it, or one that a base cannot come from.
        """
        if text in {BaseKind.SCRATCH, BaseKind.STATIC}:
            return cls(kind=BaseKind(text))
        if text.startswith(_STORE):
            if text == _STORE:
                raise UsageError(f"nothing behind {text!r}", hint="expected a base such as store:app:1.0")
            return cls(kind=BaseKind.STORE, text=text.removeprefix(_STORE))
        if text.startswith(_LAYOUT):
            directory, tag = split_path(text, text.removeprefix(_LAYOUT))
            return cls(kind=BaseKind.LAYOUT, text=os.path.normpath((root or Path.cwd()) / directory), tag=tag)
        for transport in ("oci-archive:", "docker-archive:", "docker-daemon:"):
            if text.startswith(transport):
                raise UsageError(
                    f"a base cannot be read from {transport.removesuffix(':')}",
                    hint="put the image into the store with `smidgen load`, and write store:NAME",
                )
        return cls(kind=BaseKind.REGISTRY, reference=parse_registry_name(text).with_default_tag())

    @property
    def needs_lock(self) -> bool:
        """Whether it can mean another image tomorrow although nothing here changed."""
        return self.reference is not None and self.reference.digest is None

    @property
    def familiar(self) -> str:
        """The name for people, as short as docker shows it."""
        return self.reference.familiar if self.reference is not None else str(self)

    def __str__(self) -> str:
        """Render it; ``parse`` gives it back."""
        if self.reference is not None:
            return str(self.reference)
        if self.kind is BaseKind.STORE:
            return _STORE + self.text
        if self.kind is BaseKind.LAYOUT:
            return f"{_LAYOUT}{self.text}" + (f":{self.tag}" if self.tag else "")
        return str(self.kind)
