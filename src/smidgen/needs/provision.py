"""Provisions: the needs of an image grouped into layers, each with a key that tells its content beforehand.

Public roots and time zones change a few times a year and are the same for every program, so each is a
layer of its own, which a registry and a node hold once. Accounts, ``/tmp`` and the small files are one layer.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from smidgen.layer.entry import Entry, Kind
from smidgen.needs.accounts import Account
from smidgen.needs.need import NeedKind
from smidgen.needs.provide import provide, source_versions

if TYPE_CHECKING:
    from smidgen.needs.on_base import OnBase

_SMALL = frozenset({NeedKind.PASSWD, NeedKind.TMP, NeedKind.RESOLVER, NeedKind.MIME})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """One layer for some needs.

    Attributes:
        entries: Makes the entries; not called where a layer of the same key is at hand.
        key: Equal keys give equal entries.
        description: For the image's history.
        directories: Entries of directories that are not simply 0755 and root's.
    """

    entries: Callable[[], Iterable[Entry]]
    key: str
    description: str
    directories: tuple[Entry, ...] = ()


def provisions(
    kinds: Collection[NeedKind],
    *,
    account: Account,
    zones: Sequence[str] = (),
    ca_bundles: Sequence[Path] = (),
    on_base: "OnBase | None" = None,
) -> tuple[Provision, ...]:
    """Group what satisfies *kinds*, what changes least first.

    Args:
        kinds: What is needed.
        account: The user that passwd and group name.
        zones: The only time zones, empty for all.
        ca_bundles: PEM files to add to the public roots.
        on_base: What the image stands on: its accounts and certificates are added to.

    Raises:
        UsageError: A bundle that cannot be read.
        InvalidContent: A bundle with anything but certificates.
    """
    found = []
    if small := _SMALL.intersection(kinds):
        entries = _small_entries(small, account, on_base)
        found.append(
            Provision(
                entries=lambda: entries,
                key="system\0" + hashlib.sha256(repr(entries).encode()).hexdigest(),
                description=", ".join(kind.label for kind in NeedKind if kind in small),
                directories=tuple(entry for entry in entries if entry.kind is Kind.DIRECTORY),
            )
        )
    if NeedKind.CA in kinds and ca_bundles and on_base is not None and on_base.place_of(NeedKind.CA):
        found.append(_joined_certificates(on_base, ca_bundles))
    elif NeedKind.CA in kinds:
        release = source_versions()["certifi"]
        private = "\0".join(_content_digest(path) for path in ca_bundles)
        found.append(
            Provision(
                entries=lambda: provide({NeedKind.CA}, ca_bundles=ca_bundles),
                key=f"ca\0{release}\0{private}",
                description=f"CA certificates (certifi {release}{', private CAs' if ca_bundles else ''})",
            )
        )
    if NeedKind.TZ in kinds:
        release = source_versions()["tzdata"]
        found.append(
            Provision(
                entries=lambda: provide({NeedKind.TZ}, zones=zones),
                key=f"tz\0{release}\0{' '.join(sorted(zones))}",
                description=f"time zones ({', '.join(zones) or 'all'}, tzdata {release})",
            )
        )
    return tuple(found)


def _small_entries(kinds: Collection[NeedKind], account: Account, on_base: "OnBase | None") -> tuple[Entry, ...]:
    if on_base is None or NeedKind.PASSWD not in kinds:
        return provide(kinds, account=account)
    return on_base.account_entries() + provide(set(kinds) - {NeedKind.PASSWD})


def _joined_certificates(on_base: "OnBase", ca_bundles: Sequence[Path]) -> Provision:
    entries = on_base.certificate_entries(ca_bundles) or ()
    return Provision(
        entries=lambda: entries,
        key="ca of base\0" + hashlib.sha256(repr(entries).encode()).hexdigest(),
        description=f"CA certificates (of {on_base.files.base.name}, private CAs)",
    )


def _content_digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        # Whoever makes the entries says what is wrong with the file.
        return f"unreadable {path}"
