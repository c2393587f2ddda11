"""``smidgen ls --layer``: what one layer does to those below it."""

from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.small_images import put_image

_BASE = [
    Entry.directory("etc"),
    Entry.file("etc/a", b"1"),
    Entry.file("etc/b", b"1"),
    Entry.file("var/x/y", b"1"),
    Entry.file("opt/z", b"1"),
]
_UPPER = [
    Entry.file("etc/a", b"22"),
    Entry.file("etc/new", b"333"),
    Entry.file("etc/.wh.b", b""),
    Entry.file("var/.wh.x", b""),
    Entry.file("opt/.wh..wh..opq", b""),
]


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    smidgen = Smidgen(store=tmp_path / "store", cwd=tmp_path)
    store = ContentStore.open(smidgen.store)
    store.tag(Reference.parse("web:1"), put_image(store, _BASE, _UPPER))
    return smidgen


def test_what_a_layer_does(smidgen: Smidgen) -> None:
    assert smidgen("ls", "web:1", "--layer", "1").lines == [
        *("+ /etc/", "+ /etc/a", "+ /etc/b", "+ /opt/z", "+ /var/x/y")
    ]
    assert smidgen("ls", "web:1", "--layer", "2").lines == [
        *("~ /etc/a", "- /etc/b", "+ /etc/new", "- /opt/*", "- /var/x/")
    ]
    assert smidgen("ls", "web:1:/etc", "--layer", "2").lines == ["~ /etc/a", "- /etc/b", "+ /etc/new"]
    assert smidgen("ls", "-l", "web:1:/etc/new", "--layer", "2").lines == [
        "+ -rw-r--r-- 0/0 3 1970-01-01 00:00 /etc/new"
    ]


def test_json(smidgen: Smidgen) -> None:
    report = smidgen("ls", "web:1", "--layer", "2", "--json").json
    assert [file["change"] for file in report["files"]] == ["changed", "deleted", "added", "hidden", "deleted"]
    assert [file["layer"] is None for file in report["files"]] == [False, True, False, True, True]


def test_a_layer_that_is_not_there(smidgen: Smidgen) -> None:
    assert "it has 2" in smidgen("ls", "web:1", "--layer", "3", fails=True).stderr
