"""Provide: the files that satisfy needs, the same bytes on every machine.

Directories above files are left to the packer. Nothing is read from the host but the Python packages certifi and
tzdata, and the user's own CA bundles.
"""

from collections.abc import Collection, Sequence
from importlib import import_module, resources
from pathlib import Path

import certifi

from smidgen.layer.entry import Entry
from smidgen.needs.accounts import Account, account_entries
from smidgen.needs.ca import ca_entries, read_bundles
from smidgen.needs.need import NeedKind
from smidgen.needs.zones import zone_entries


def provide(
    kinds: Collection[NeedKind],
    *,
    account: Account | None = None,
    zones: Sequence[str] = (),
    ca_bundles: Sequence[Path] = (),
) -> tuple[Entry, ...]:
    """Make the entries that satisfy *kinds*, in the order of NeedKind, to be packed in this order.

    Args:
        kinds: What is needed.
        account: The user that passwd and group name beside root; None means nobody.
        zones: Names of the time zones; none means all.
        ca_bundles: PEM files of certificates to add to the public roots.

    Raises:
        UsageError: An unknown zone, a bundle that cannot be read.
        InvalidContent: A bundle with anything but certificates.
    """
    entries: tuple[Entry, ...] = ()
    if NeedKind.CA in kinds:
        entries += ca_entries(read_bundles(ca_bundles))
    if NeedKind.TZ in kinds:
        entries += zone_entries(zones)
    if NeedKind.PASSWD in kinds:
        entries += account_entries(account or Account())
    if NeedKind.TMP in kinds:
        entries += (Entry.directory("tmp", mode=0o1777),)
    if NeedKind.RESOLVER in kinds:
        # What Go does without the file too; some C libraries ask DNS before /etc/hosts then.
        entries += (Entry.file("etc/nsswitch.conf", b"hosts: files dns\n"),)
    if NeedKind.MIME in kinds:
        entries += (Entry.file("etc/mime.types", mime_types()),)
    return entries


def source_versions() -> dict[str, str]:
    """Give the releases of the packages that decide bytes: ``certifi`` and ``tzdata`` (the IANA release, as 2026b)."""
    return {"certifi": certifi.__version__, "tzdata": str(import_module("tzdata").IANA_VERSION)}


def mime_types() -> bytes:
    """Give our table of media types by extension, in the form of mime.types, without its comments.

    Python's ``mimetypes`` is no source: its table changes with its version, and it reads the host's files.
    """
    lines = resources.files("smidgen.needs").joinpath("mime.types").read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"#"))
