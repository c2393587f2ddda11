"""What is counted in an image."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from smidgen.image.image import Image
from smidgen.journey.measure import ImageFigures, measure_image
from smidgen.layer.entry import Entry, Kind
from smidgen.oci.config import RunConfig
from smidgen.store.content import ContentStore
from support.needs_programs import STANDARD
from support.small_images import put_image


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


def figures(store: ContentStore, *layers: Sequence[Entry], user: str = "") -> ImageFigures:
    with store.writing():
        descriptor = put_image(store, *layers, run=RunConfig(user=user))
        return measure_image(Image(store, descriptor))


def test_an_image_with_one_program(store: ContentStore) -> None:
    found = figures(store, [Entry.file("app", b"12345", mode=0o755)], user="65534:65534")
    assert (found.size, found.layers, found.files, found.executables) == (5, 1, 1, 1)
    assert (found.shells, found.packages, found.user) == ((), 0, "65534:65534")
    assert found.pull_size > 100


def test_what_a_later_layer_hides_does_not_count(store: ContentStore) -> None:
    first = [Entry.file("a", b"x" * 100), Entry.file("b", b"x" * 10), Entry.directory("d"), Entry.file("d/c", b"x" * 7)]
    found = figures(store, first, [Entry.file("a", b"y"), Entry.file(".wh.b", b""), Entry.file("d/.wh..wh..opq", b"")])
    assert (found.size, found.layers, found.files, found.user) == (1, 2, 1, "root")


def test_shells(store: ContentStore) -> None:
    """Names of one file are one shell, and what may not be executed is none."""
    found = figures(
        store,
        [
            Entry.file("bin/busybox", b"x", mode=0o755),
            Entry.symlink("bin/sh", "/bin/busybox"),
            Entry(path="bin/ash", kind=Kind.HARDLINK, mode=0o755, link="bin/busybox"),
            Entry.file("usr/bin/bash", b"x", mode=0o755),
            Entry.file("usr/bin/zsh", b"x", mode=0o644),
            Entry.file("home/sh", b"x", mode=0o755),
            Entry.symlink("usr/bin/dash", "nowhere"),
        ],
    )
    assert found.shells == ("/bin/busybox", "/usr/bin/bash")
    assert (found.size, found.executables) == (4, 4)


def test_packages(store: ContentStore) -> None:
    dpkg = b"Package: a\nStatus: ok\n\nPackage: b\n Package: no\n"
    assert figures(store, [Entry.file("var/lib/dpkg/status", dpkg)]).packages == 2
    apk = b"C:Q1\nP:musl\nV:1\n\nP:busybox\n\nP:zlib\n"
    # What a later layer writes counts, not what was there before.
    assert (
        figures(store, [Entry.file("var/lib/dpkg/status", dpkg)], [Entry.file("lib/apk/db/installed", apk)]).packages
        == 5
    )
    assert (
        figures(
            store, [Entry.file("lib/apk/db/installed", apk)], [Entry.file("lib/apk/db/installed", b"P:x\n")]
        ).packages
        == 1
    )
    single = [Entry.file(f"var/lib/dpkg/status.d/{name}", b"Package: x\n") for name in ("tz", "base", "base.md5sums")]
    assert figures(store, single).packages == 2


def test_go_modules_in_executables(store: ContentStore) -> None:
    """Each once, with the release of Go; what may not be run, is hidden or is damaged counts for nothing."""
    program = (STANDARD.build() / "hello").read_bytes()
    first = [Entry.file("a", program, mode=0o755), Entry.file("b", program, mode=0o755), Entry.file("c", program)]
    assert figures(store, first).modules == 2
    broken = [Entry.file(name, program[:9000], mode=0o755) for name in "ab"]
    assert figures(store, first, broken).modules == 0
    assert figures(store, [Entry.file("sh", b"#!/bin/sh", mode=0o755), Entry.file("x", b"", mode=0o755)]).modules == 0


def test_the_release_of_go_is_that_of_the_program(store: ContentStore) -> None:
    program = (STANDARD.build() / "hello").read_bytes()
    for path, found in (("/bin/app", True), ("/bin/other", False)):
        layer = [Entry.file("bin/app", program, mode=0o755), Entry.file("bin/other", b"#!/bin/sh", mode=0o755)]
        with store.writing():
            image = Image(store, put_image(store, layer, run=RunConfig(entrypoint=(path,))))
            release = measure_image(image).go
        assert release.startswith("go1.") is found
