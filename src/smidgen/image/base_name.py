"""What a user may name as a base: ``scratch``, ``static``, a registry's image, one of the store, a layout's."""

import os.path
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from smidgen.errors import InvalidReference, UsageError
from smidgen.oci.reference import Reference

_REGISTRY: Final = "docker://"
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
            return cls(kind=BaseKind.STORE, text=_rest(text, _STORE, "store:app:1.0"))
        if text.startswith(_LAYOUT):
            directory, tag = _layout(_rest(text, _LAYOUT, "oci:DIR:TAG"))
            return cls(kind=BaseKind.LAYOUT, text=os.path.normpath((root or Path.cwd()) / directory), tag=tag)
        for transport in ("oci-archive:", "docker-archive:", "docker-daemon:"):
            if text.startswith(transport):
                raise UsageError(
                    f"a base cannot be read from {transport.removesuffix(':')}",
                    hint="put the image into the store with `smidgen load`, and write store:NAME",
                )
        try:
            reference = Reference.parse(text.removeprefix(_REGISTRY))
        except InvalidReference as error:
            raise InvalidReference(text, error.reason) from error
        return cls(kind=BaseKind.REGISTRY, reference=reference.with_default_tag())

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


def _rest(text: str, transport: str, example: str) -> str:
    rest = text.removeprefix(transport)
    if not rest:
        raise UsageError(f"nothing behind {transport!r}", hint=f"expected a base such as {example}")
    return rest


def _layout(text: str) -> tuple[str, str]:
    """Split ``DIR[:TAG]`` as skopeo does: at the first colon; a directory with one in its name is not to be had."""
    directory, _, tag = text.partition(":")
    return directory, tag
