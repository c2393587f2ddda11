"""What files may say of registries: mirrors, other locations, and how far a server is trusted.

Source: containers-registries.conf(5).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from smidgen.registry.repository import Repository

_PLACE = re.compile(r"^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)(?::[0-9]{1,5})?(?:/[a-z0-9._/-]+)?\Z")
_WILDCARD = re.compile(r"^\*\.[A-Za-z0-9.-]+\Z")

Pulls = Literal["all", "digest-only", "tag-only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far a server is trusted, and what we show it.

    Attributes:
        verified: Whether its certificate has to be one that somebody vouches for.
        ca_files: PEM files of those who vouch, beside those whom the system knows.
        client_cert: PEM file of our own certificate, perhaps with its key, or None.
        client_key: PEM file of its key, or None.
    """

    verified: bool = True
    ca_files: tuple[Path, ...] = ()
    client_cert: Path | None = None
    client_key: Path | None = None


TRUSTED: Final = Trust()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A place that has copies.

    Attributes:
        location: Host[:port] and perhaps a path, which take the place of the rule's prefix.
        insecure: Whether plain http and unknown certificates will do.
        pulls: Which references it is asked for.
    """

    location: str
    insecure: bool = False
    pulls: Pulls = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds for repositories whose names begin with a prefix.

    Attributes:
        prefix: Host[:port] and perhaps a path, or ``*.`` and a domain.
        location: Where they really are, to read from; takes the place of the prefix. None: where they say.
        insecure: Whether plain http and unknown certificates will do.
        blocked: Whether to ask for them at all is refused.
        mirrors: Where to look first, to read from.
        trust: Certificates of the registry, beside those of ``certs.d``.
        source: The file that says so.
    """

    prefix: str
    location: str | None = None
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()
    trust: Trust = TRUSTED
    source: str = ""

    def matches(self, repository: Repository) -> bool:
        """Tell whether *repository* is below the prefix."""
        if self.prefix.startswith("*."):
            return repository.registry.endswith(self.prefix[1:])
        name = str(repository)
        return name == self.prefix or name.startswith(self.prefix + "/")

    def moved(self, repository: Repository, location: str) -> Repository:
        """Give *repository* with *location* in the place of the prefix."""
        if self.prefix.startswith("*."):
            rest = f"/{repository.name}" if repository.name else ""
        else:
            rest = str(repository)[len(self.prefix) :]
        registry, _, name = f"{location}{rest}".partition("/")
        return Repository(registry, name)


def is_place(text: str, *, with_wildcard: bool = False) -> bool:
    """Tell whether *text* is ``HOST[:PORT][/PATH]``, or perhaps ``*.DOMAIN``."""
    return bool(_PLACE.match(text) or (with_wildcard and _WILDCARD.match(text)))
