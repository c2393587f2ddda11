"""Time zones: which, where, and each content once."""

import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import pytest

from smidgen.errors import UsageError
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.pack import pack
from smidgen.needs.zones import ROOT, zone_entries, zone_names


def contents(entries: tuple[Entry, ...]) -> dict[str, bytes]:
    """Give the content of each path, hard links followed; a link must come behind its target."""
    found: dict[str, bytes] = {}
    for entry in entries:
        if entry.kind is Kind.HARDLINK:
            found[entry.path] = found[entry.link]
        else:
            assert isinstance(entry.source, bytes)
            found[entry.path] = entry.source
    return found


def test_every_zone_has_its_content() -> None:
    found = contents(zone_entries())
    assert set(found) == {f"{ROOT}/{name}" for name in zone_names()}
    for name in zone_names():
        theirs = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        assert found[f"{ROOT}/{name}"] == theirs


def test_each_content_is_stored_once() -> None:
    stored = [entry.source for entry in zone_entries() if entry.kind is Kind.FILE]
    assert len(stored) == len(set(stored))


def test_links_still_follow_their_targets_when_sorted_by_path() -> None:
    contents(tuple(sorted(zone_entries(), key=lambda entry: entry.path)))


def test_only_the_zones_asked_for() -> None:
    entries = zone_entries(("Europe/Berlin", "America/New_York"))
    assert {entry.path for entry in entries} == {f"{ROOT}/Europe/Berlin", f"{ROOT}/America/New_York"}
    berlin = ZoneInfo.from_file(io.BytesIO(contents(entries)[f"{ROOT}/Europe/Berlin"]))
    assert datetime(2026, 7, 1, tzinfo=berlin).utcoffset() == timedelta(hours=2)


def test_alias_alone_is_a_file() -> None:
    (entry,) = zone_entries(("US/Eastern",))
    assert entry.kind is Kind.FILE


def test_alias_beside_its_zone_is_a_link() -> None:
    entries = zone_entries(("US/Eastern", "America/New_York", "US/Eastern"))
    assert [(entry.path, entry.kind, entry.link) for entry in entries] == [
        (f"{ROOT}/America/New_York", Kind.FILE, ""),
        (f"{ROOT}/US/Eastern", Kind.HARDLINK, f"{ROOT}/America/New_York"),
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berlinn", "did you mean Europe/Berlin or Europe/Dublin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("new york", "did you mean America/New_York?"),
        ("../../etc/passwd", "names are those of the IANA database: Europe/Berlin"),
        ("", "names are those of the IANA database: Europe/Berlin"),
    ],
)
def test_unknown_zone(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match="unknown time zone") as caught:
        zone_entries((name,))
    assert caught.value.hint == hint


def test_layer_is_smaller_than_with_a_file_a_name() -> None:
    plain = [Entry.file(path, content) for path, content in sorted(contents(zone_entries()).items())]
    assert packed_size(zone_entries()) < 0.7 * packed_size(plain)


def packed_size(entries: Iterable[Entry]) -> int:
    return pack(entries, bytes).descriptor.size
