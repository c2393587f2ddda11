"""The lock file: which image each base was when it was last looked at, so that all build on the same.

It stands beside the configuration file and is meant to be committed. Builds read it and never write it: a file that
a build changes would make the source tree differ from the commit that Go stamps into the program.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from smidgen.errors import ConfigError, StoreError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DigestField
from smidgen.oci.reference import Reference
from smidgen.store.replace import replace_file

LOCK_NAME: Final = "smidgen.lock"
_MAX_SIZE: Final = 4 << 20
_ANEW: Final = "write it anew with `smidgen lock`"


class Pin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a base is.

    Attributes:
        reference: Whole, with a tag.
        digest: Of the manifest or index.
        media_type: Of the same.
        size: Of the same, in bytes.
        platforms: What it has an image for, each with the digest of that image's manifest.
    """

    reference: str
    digest: DigestField
    media_type: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    platforms: dict[str, DigestField]

    @property
    def descriptor(self) -> Descriptor:
        """The manifest or index."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=self.size)


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["smidgen.lock/v1"] = "smidgen.lock/v1"
    bases: tuple[Pin, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file as it was read.

    Attributes:
        path: Where it is, there or not.
        pins: By reference, or None where there is no file.
    """

    path: Path
    pins: Mapping[str, Pin] | None

    def pin(self, reference: Reference) -> Pin | None:
        """Give what *reference* is pinned to, or None."""
        return (self.pins or {}).get(str(reference))


def read_lock(path: Path) -> Lock:
    """Read the lock file at *path*.

    Raises:
        ConfigError: It is none, or says what no lock file says.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SIZE + 1)
    except FileNotFoundError:
        return Lock(path, None)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=str(path)) from error
    if len(data) > _MAX_SIZE:
        raise ConfigError(f"is larger than {_MAX_SIZE} bytes", path=str(path), hint=_ANEW)
    try:
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"is not a lock file: {error}", path=str(path), hint=_ANEW) from error
    return Lock(path, {pin.reference: pin for pin in document.bases})


def write_lock(path: Path, pins: Iterable[Pin]) -> bool:
    """Replace the lock file at once; tells whether that changed it. The same pins give the same bytes.

    Raises:
        StoreError: It cannot be written.
    """
    document = _Document(bases=tuple(sorted(pins, key=lambda pin: pin.reference)))
    data = msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=2) + b"\n"
    try:
        with suppress(FileNotFoundError):
            if path.read_bytes() == data:
                return False
        replace_file(path, data)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
    return True
