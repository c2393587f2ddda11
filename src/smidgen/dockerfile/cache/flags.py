"""What ``--cache-from`` and ``--cache-to`` say."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from smidgen.dockerfile.fields import parse_fields, read_truth
from smidgen.errors import UsageError
from smidgen.oci.reference import Reference

_FROM_KEYS: Final = {"local": {"src", "tag"}, "registry": {"ref"}}
_TO_KEYS: Final = {
    "local": {"dest", "tag", "mode", "mounts"},
    "registry": {"ref", "mode", "mounts"},
    "inline": set[str](),
}
_DEFAULT_TAG: Final = "latest"


@dataclass(frozen=True, slots=True)
class LocalCache:
    """A cache in an image layout.

    Attributes:
        directory: Of the layout.
        tag: Its ``ref.name`` there.
    """

    directory: Path
    tag: str = _DEFAULT_TAG

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.directory}:{self.tag}"


@dataclass(frozen=True, slots=True)
class RegistryCache:
    """A cache, or an image that carries one, in a registry."""

    reference: Reference

    def __str__(self) -> str:
        """Name it for people."""
        return self.reference.familiar


CachePlace: TypeAlias = LocalCache | RegistryCache


@dataclass(frozen=True, slots=True)
class CacheTo:
    """Where a cache goes.

    Attributes:
        place: None for the image itself.
        mode: ``min`` has the layers of the image, ``max`` those of all stages.
        mounts: Also the directories that commands keep.
    """

    place: CachePlace | None
    mode: Literal["min", "max"] = "min"
    mounts: bool = False


def parse_cache_from(texts: Iterable[str]) -> tuple[CachePlace, ...]:
    """Parse ``REF`` and ``type=local,src=DIR[,tag=TAG]`` or ``type=registry,ref=REF``.

    Raises:
        UsageError: A type or key that is not known, or one that is missing.
    """
    return tuple(_place("--cache-from", text, _fields("--cache-from", text, _FROM_KEYS), "src") for text in texts)


def parse_cache_to(texts: Iterable[str]) -> tuple[CacheTo, ...]:
    """Parse ``REF`` and ``type=local,dest=DIR``, ``type=registry,ref=REF`` or ``type=inline``.

    Raises:
        UsageError: A type or key that is not known, or one that is missing.
    """
    return tuple(_to(text, _fields("--cache-to", text, _TO_KEYS)) for text in texts)


def _to(text: str, fields: dict[str, str]) -> CacheTo:
    mode = fields.get("mode", "min")
    if mode not in {"min", "max"}:
        raise UsageError(f"--cache-to {text}: mode is {mode!r}", hint="expected min or max")
    mounts = read_truth(fields, "mounts", flag=f"--cache-to {text}", default=False)
    place = None if fields["type"] == "inline" else _place("--cache-to", text, fields, "dest")
    if isinstance(place, RegistryCache) and place.reference.digest:
        raise UsageError(f"--cache-to {text}: a digest cannot be written to", hint="give a tag")
    return CacheTo(place, "max" if mode == "max" else "min", mounts)


def _place(flag: str, text: str, fields: dict[str, str], path: str) -> CachePlace:
    if fields["type"] == "registry":
        return RegistryCache(Reference.parse(_needed(flag, text, fields, "ref")).with_default_tag())
    return LocalCache(Path(_needed(flag, text, fields, path)), fields.get("tag") or _DEFAULT_TAG)


def _needed(flag: str, text: str, fields: dict[str, str], key: str) -> str:
    if not fields.get(key):
        raise UsageError(f"{flag} {text}: there is no {key}", hint=f"add ,{key}=…")
    return fields[key]


def _fields(flag: str, text: str, known: dict[str, set[str]]) -> dict[str, str]:
    if "=" not in text:
        return {"type": "registry", "ref": text}
    values = parse_fields(text, flag=flag)
    kind = values.get("type", "")
    if kind not in known:
        raise UsageError(f"{flag} {text}: the type is {kind!r}", hint=f"expected type={' or type='.join(known)}")
    for key in values.keys() - known[kind] - {"type"}:
        keys = ", ".join(sorted(known[kind])) or "none"
        raise UsageError(f"{flag} {text}: {key} is not known for type={kind}", hint=f"keys are: {keys}")
    return values
