"""Time zones: the files of the ``tzdata`` package at /usr/share/zoneinfo, each content once.

Half of the 598 names are aliases with the same content, so they become hard links: a program that walks the tree sees
regular files. Zones with the same present rule follow each other, so that the compressor finds what they share.
Measured with gzip -6 (tzdata 2026.6): a file a name 104.3 kB, links in the order of names 77.1 kB, links ordered as
here 65.8 kB. A single zoneinfo.zip takes 92.5 kB, and only Go reads one, when $ZONEINFO is set.

Source: Go's ``time/zoneinfo_unix.go`` (the path); RFC 8536 (TZif: a footer with the rule ends version 2 files).
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import resources

from smidgen.errors import InvalidContent, UsageError
from smidgen.layer.entry import Entry, Kind

ROOT = "usr/share/zoneinfo"

_MAGIC = b"TZif"


def zone_entries(names: Sequence[str] = ()) -> tuple[Entry, ...]:
    """Make the files of the zones *names*, aliases among them, or of all zones.

    Raises:
        UsageError: There is no such zone; close names are in the hint.
    """
    known = zone_names()
    for name in names:
        if name not in known:
            raise _unknown(name, known)
    return tuple(_entries(_read(names or known)))


def zone_names() -> frozenset[str]:
    """Give all names that the tzdata package has, aliases included."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def _entries(contents: dict[str, bytes]) -> Iterable[Entry]:
    """Write each content once, under its first name, then the other names as hard links to it."""
    first: dict[bytes, str] = {}
    for name in sorted(contents):
        first.setdefault(contents[name], name)
    for content, name in sorted(first.items(), key=lambda item: (_rule(item[0]), item[1])):
        yield Entry.file(f"{ROOT}/{name}", content)
    for name in sorted(contents, key=lambda name: (first[contents[name]], name)):
        target = first[contents[name]]
        if target != name:
            yield Entry(path=f"{ROOT}/{name}", kind=Kind.HARDLINK, mode=0o644, link=f"{ROOT}/{target}")


def _rule(content: bytes) -> bytes:
    """Give the footer of a zone file: the rule from its last transition on, such as CET-1CEST,M3.5.0,M10.5.0/3."""
    return content[content.rfind(b"\n", 0, -1) + 1 :]


def _read(names: Iterable[str]) -> dict[str, bytes]:
    root = resources.files("tzdata").joinpath("zoneinfo")
    contents: dict[str, bytes] = {}
    for name in names:
        content = root.joinpath(*name.split("/")).read_bytes()
        if not content.startswith(_MAGIC):
            raise InvalidContent(f"zone {name} of the tzdata package", f"starts with {content[:4]!r}, expected TZif")
        contents[name] = content
    return contents


def _unknown(name: str, known: frozenset[str]) -> UsageError:
    folded = {candidate.lower().replace("_", " "): candidate for candidate in sorted(known)}
    sought = name.lower().replace("_", " ")
    # Someone who writes Berlin means Europe/Berlin, which is not close by letters.
    cities = [candidate for key, candidate in folded.items() if key.rpartition("/")[2] == sought.rpartition("/")[2]]
    close = cities or [folded[match] for match in get_close_matches(sought, folded, n=3, cutoff=0.8)]
    hint = f"did you mean {' or '.join(close[:3])}?" if close else "names are those of the IANA database: Europe/Berlin"
    return UsageError(f"unknown time zone {name!r}", hint=hint)
