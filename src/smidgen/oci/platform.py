"""Platforms: operating system, architecture, variant.

Source: OCI image-spec v1.1.1, ``image-index.md`` (platform); the normal forms are those of
containerd's ``platforms`` package, which every engine follows.
"""

import os
import re
from collections.abc import Iterable
from typing import Self, TypeVar

import msgspec

from smidgen.errors import InvalidPlatform

_T = TypeVar("_T")
_COMPONENT = re.compile(r"^[A-Za-z0-9_.-]+\Z")
_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
    "i386": "386",
    "i686": "386",
}


class Platform(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, order=True):
    """What a manifest of an index runs on.

    Attributes:
        architecture: GOARCH, such as ``amd64``.
        os: GOOS, such as ``linux``.
        os_version: Used by Windows only.
        os_features: Used by Windows only.
        variant: ``v6``, ``v7``, ``v8`` for arm; ``v2``, ``v3``, ``v4`` for amd64. Empty where there is one only.
    """

    architecture: str
    os: str
    os_version: str = msgspec.field(default="", name="os.version")
    os_features: tuple[str, ...] = msgspec.field(default=(), name="os.features")
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``os/architecture[/variant]`` into its normal form.

        Raises:
            InvalidPlatform: Not two or three components of letters, digits, ``_``, ``.``, ``-``.
        """
        parts = text.split("/")
        if len(parts) not in (2, 3):
            raise InvalidPlatform(text, f"{len(parts)} component(s) between slashes, expected 2 or 3")
        if not all(_COMPONENT.match(part) for part in parts):
            raise InvalidPlatform(text, "a component is empty or has characters other than letters, digits, _ . -")
        os, architecture, variant = (*(part.lower() for part in parts), "")[:3]
        return cls(os=os, architecture=architecture, variant=variant).normalized()

    def normalized(self) -> Self:
        """Give the form in which engines compare platforms."""
        architecture = _ARCHITECTURES.get(self.architecture, self.architecture)
        variant = self.variant
        if self.architecture == "armel" and not variant:
            variant = "v6"
        elif architecture == "arm":
            variant = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}.get(variant, variant)
        elif (architecture, variant) in {("arm64", "v8"), ("arm64", "8"), ("amd64", "v1")}:
            variant = ""
        return msgspec.structs.replace(self, architecture=architecture, variant=variant)

    def __str__(self) -> str:
        """Render ``os/architecture[/variant]``."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def runs(self, image: "Platform") -> bool:
        """Tell whether a machine of this platform runs *image*; both normalized. It runs lower variants, too."""
        # "" < "v2" < "v3" as texts; an unnamed variant of the machine means the architecture's first.
        return (image.os, image.architecture) == (self.os, self.architecture) and image.variant <= self.variant


def host_platform() -> Platform:
    """The platform of this machine; always linux, as that is what containers run on."""
    return Platform.parse(f"linux/{os.uname().machine}")


def best_fit(candidates: Iterable[tuple[Platform, _T]], machine: Platform) -> _T | None:
    """Pick the one that *machine* runs best, so the highest variant; the first of equals; None where it runs none."""
    fitting = [(platform.normalized(), found) for platform, found in candidates]
    wanted = machine.normalized()
    best = max((one for one in fitting if wanted.runs(one[0])), key=lambda one: one[0].variant, default=None)
    return None if best is None else best[1]
