"""What no container can read, counted: against what is left on a disk when the layers are unpacked."""

import io
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smidgen.analyze.image.walk import ImageContent, read_content
from smidgen.analyze.image.waste import WasteGroup, grouped, rolled_up
from smidgen.errors import ContentError, DigestMismatch, InvalidArchive
from smidgen.image.filetree import below
from smidgen.image.image import Image
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.pack import pack
from smidgen.layer.unpack import unpack
from smidgen.store.content import ContentStore
from support.small_images import put_image


def content_of(path: Path, *layers: list[Entry], compression: str = "none") -> ImageContent:
    store = ContentStore.open(path / "store")
    return read_content(Image(store, put_image(store, *layers, compression=compression)))


def hidden(path: str) -> Entry:
    directory, _, name = path.rpartition("/")
    return Entry.file(f"{directory}/.wh.{name}".strip("/"), b"")


def link(path: str, target: str) -> Entry:
    return Entry(path=path, kind=Kind.HARDLINK, mode=0o644, link=target)


def rows(content: ImageContent) -> list[tuple[str, int, int, str]]:
    return [(f"{one.made}>{one.lost} {one.path}", one.files, one.size, one.how) for one in grouped(content.wasted)]


class TestWhatIsWasted:
    def test_a_replaced_file_is_and_the_copy_that_is_kept_is_not(self, tmp_path: Path) -> None:
        content = content_of(
            tmp_path, [Entry.file("a", b"1234")], [Entry.file("a", b"123456")], [Entry.file("a", b"12")]
        )
        assert (content.content, content.wasted_size) == (12, 10)
        assert rows(content) == [("1>2 a", 1, 6, "replaced"), ("0>1 a", 1, 4, "replaced")]
        assert content.efficiency == pytest.approx(2 / 12)
        assert [layer.wasted for layer in content.layers] == [4, 6, 0]

    def test_a_deleted_directory_is_with_all_below_it(self, tmp_path: Path) -> None:
        base = [Entry.file("var/cache/a/1", b"1"), Entry.file("var/cache/2", b"22"), Entry.file("var/kept", b"333")]
        content = content_of(tmp_path, base, [hidden("var/cache")])
        assert rows(content) == [("0>1 var/cache", 2, 3, "deleted")]
        assert content.content == 6

    def test_an_opaque_directory_hides_what_was_below_and_not_what_comes_with_it(self, tmp_path: Path) -> None:
        base = [Entry.file("etc/a", b"1"), Entry.file("etc/deep/b", b"22")]
        upper = [Entry.file("etc/c", b"333"), Entry.file("etc/.wh..wh..opq", b"")]
        assert rows(content_of(tmp_path, base, upper)) == [("0>1 etc", 2, 3, "opaque")]

    def test_a_directory_that_a_file_or_a_link_replaces(self, tmp_path: Path) -> None:
        base = [Entry.file("lib/a", b"1"), Entry.file("lib/b", b"22")]
        content = content_of(tmp_path, base, [Entry.symlink("lib", "usr/lib")])
        assert rows(content) == [("0>1 lib", 2, 3, "replaced")]

    def test_hard_links_are_wasted_once_and_when_the_last_goes(self, tmp_path: Path) -> None:
        base = [Entry.file("a", b"12345"), link("b", "a"), link("c", "b")]
        first = content_of(tmp_path / "1", base, [hidden("a")], [hidden("b")])
        assert (first.content, first.wasted_size) == (5, 0)
        assert rows(content_of(tmp_path / "2", base, [hidden("a")], [hidden("b"), hidden("c")])) == [
            ("0>2 c", 1, 5, "deleted")
        ]
        # A link of an upper layer keeps the content of a lower one.
        assert content_of(tmp_path / "3", [Entry.file("a", b"1")], [link("b", "a"), hidden("a")]).wasted_size == 0

    def test_the_same_content_again(self, tmp_path: Path) -> None:
        base = [Entry.file("srv/a", b"12345"), Entry.file("srv/b", b"12345")]
        again = [Entry.file("srv/a", b"12345", mode=0o600), Entry.file("srv/b", b"1234x")]
        wasted = content_of(tmp_path, base, again).wasted
        assert [(one.path, one.is_same) for one in wasted] == [("srv/a", True), ("srv/b", False)]

    def test_a_path_that_a_layer_brings_twice(self, tmp_path: Path) -> None:
        store = ContentStore.open(tmp_path / "store")
        image = Image(store, put_image(store, [Entry.file("a", b"1"), Entry.file("a", b"22")]))
        assert rows(read_content(image)) == [("0>0 a", 1, 1, "replaced")]

    def test_nothing(self, tmp_path: Path) -> None:
        content = content_of(tmp_path, [Entry.directory("etc")])
        assert (content.content, content.wasted, content.efficiency, content.wasted_pull) == (0, (), 1.0, 0)

    def test_through_links_to_directories(self, tmp_path: Path) -> None:
        base = [Entry.file("usr/bin/sh", b"123"), Entry.symlink("bin", "usr/bin")]
        assert rows(content_of(tmp_path, base, [Entry.file("bin/sh", b"1")])) == [("0>1 usr/bin/sh", 1, 3, "replaced")]

    def test_a_name_that_is_not_utf_8(self, tmp_path: Path) -> None:
        name = os.fsdecode(b"caf\xe9")
        content = content_of(tmp_path, [Entry.file(name, b"1")], [hidden(name)])
        assert rows(content) == [(f"0>1 {name}", 1, 1, "deleted")]

    def test_127_layers(self, tmp_path: Path) -> None:
        layers = [[Entry.file("log", bytes(100 + at)), Entry.file(f"own/{at}", b"x")] for at in range(127)]
        content = content_of(tmp_path, *layers)
        assert len(content.layers) == 127
        assert content.wasted_size == sum(100 + at for at in range(126))
        assert len(rolled_up(grouped(content.wasted))) == 126


_NAMES = st.sampled_from(["a", "b", "c"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_ENTRIES = st.one_of(
    st.builds(lambda path, size: Entry.file(path, bytes(size)), _PATHS, st.integers(0, 9)),
    st.builds(Entry.directory, _PATHS),
    st.builds(Entry.symlink, _PATHS, st.sampled_from(["a", "b", "../a", "/b", "/a/b", ".."])),
    st.builds(link, _PATHS, _PATHS),
    st.builds(hidden, _PATHS),
    st.builds(lambda path: Entry.file(f"{path}/.wh..wh..opq", b""), _PATHS),
)
_LAYERS = st.lists(st.lists(_ENTRIES, max_size=6, unique_by=lambda entry: entry.path), min_size=1, max_size=3)


@given(layers=_LAYERS)
@settings(max_examples=100, deadline=None)
def test_what_is_not_wasted_is_what_a_disk_has(layers: list[list[Entry]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name, "root")
        root.mkdir()
        for entries in layers:
            tar = io.BytesIO()
            try:
                pack(entries, tar.write, compression=Compression.parse("none"))
                tar.seek(0)
                unpack(tar, root, preserve_owners=False)
            except InvalidArchive:
                assume(False)
        try:
            content = content_of(Path(name), *layers)
        except ContentError:
            assume(False)
        assert content.content - content.wasted_size == sum(on_disk(root).values())
        kept = {id(node.content): node.content.size for node in below(content.tree.root, deep=True) if node.content}
        assert sum(kept.values()) == content.content - content.wasted_size


def on_disk(root: Path) -> dict[int, int]:
    """Give the sizes of all files, each once, whatever its names."""
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            status = Path(directory, name).lstat()
            if stat.S_ISREG(status.st_mode):
                found[status.st_ino] = status.st_size
    return found


class TestGroups:
    def test_those_alike_are_one_row_at_the_directory_that_has_most(self) -> None:
        groups = [group(f"srv/app/lib/{at}", 100) for at in range(50)] + [group("etc/passwd", 10)]
        (row,) = rolled_up(groups)
        assert (row.path, row.files, row.size) == ("srv/app/lib", 51, 5010)

    def test_those_that_have_nothing_in_common_are_at_the_root(self) -> None:
        (row,) = rolled_up([group("etc/a", 10), group("srv/b", 10)])
        assert row.path == ""

    def test_others_stay_apart(self) -> None:
        groups = [group("a", 1), group("b", 2, lost=2), group("c", 3, is_same=True)]
        assert [row.path for row in rolled_up(groups)] == ["c", "b", "a"]


def group(path: str, size: int, *, lost: int = 1, is_same: bool = False) -> WasteGroup:
    return WasteGroup(path=path, files=1, size=size, made=0, lost=lost, how="replaced", is_same=is_same)


def test_a_damaged_layer_is_not_counted(tmp_path: Path) -> None:
    store = ContentStore.open(tmp_path / "store")
    image = Image(store, put_image(store, [Entry.file("a", os.urandom(5000))], compression="none"))
    path = store.blob_path(image.layers[0].digest)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DigestMismatch):
        read_content(image)
