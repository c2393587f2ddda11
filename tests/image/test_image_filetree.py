"""The files of an image without unpacking it: the same as what unpacking gives."""

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smidgen.errors import DigestMismatch, InvalidArchive, NotFound
from smidgen.image.filetree import FileTree, Node, below
from smidgen.image.image import Image
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.pack import pack
from smidgen.layer.unpack import unpack
from smidgen.oci.digest import Digest
from smidgen.store.content import ContentStore
from support.small_images import put_image

LAYER = Digest("sha256:" + "0" * 64)
UPPER = Digest("sha256:" + "0" * 63 + "1")

_NAMES = st.sampled_from(["a", "b", "c"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)


def _hidden(path: str) -> Entry:
    directory, _, name = path.rpartition("/")
    return Entry.file(f"{directory}/.wh.{name}".strip("/"), b"")


_ENTRIES = st.one_of(
    st.builds(lambda path, size: Entry.file(path, bytes(size)), _PATHS, st.integers(0, 3)),
    st.builds(Entry.directory, _PATHS),
    st.builds(Entry.symlink, _PATHS, st.sampled_from(["a", "b", "../a", "/b", "/a/b", "..", "c/c"])),
    st.builds(_hidden, _PATHS),
    st.builds(lambda path: Entry.file(f"{path}/.wh..wh..opq", b""), _PATHS),
)
_LAYERS = st.lists(st.lists(_ENTRIES, max_size=6, unique_by=lambda entry: entry.path), min_size=1, max_size=3)


def _memory() -> str | None:
    """Where files cost nothing, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def tree_of(*layers: list[Entry]) -> FileTree:
    tree = FileTree()
    for at, entries in enumerate(layers):
        tree.apply(entries, Digest(f"sha256:{at:064}"))
    return tree


def listed(tree: FileTree) -> dict[str, tuple[str, str]]:
    return {f"/{node.entry.path}": described(node) for node in below(tree.root, deep=True)}


def described(node: Node) -> tuple[str, str]:
    entry = node.entry
    return entry.kind.value, entry.link if entry.kind is Kind.SYMLINK else str(entry.size)


def on_disk(root: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    for directory, directories, names in os.walk(root):
        for name in (*directories, *names):
            path = Path(directory, name)
            status = path.lstat()
            kind = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}[
                stat.S_IFMT(status.st_mode)
            ]
            about = str(path.readlink()) if kind == "symlink" else str(status.st_size if kind == "file" else 0)
            yield f"/{path.relative_to(root)}", (kind, about)


@given(layers=_LAYERS)
@settings(max_examples=400, deadline=None)
def test_it_is_what_unpacking_gives(layers: list[list[Entry]]) -> None:
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        root = Path(name)
        for entries in layers:
            tar = io.BytesIO()
            pack(entries, tar.write, compression=Compression.parse("none"))
            tar.seek(0)
            try:
                unpack(tar, root, preserve_owners=False)
            except InvalidArchive:
                assume(False)
        assert listed(tree_of(*layers)) == dict(on_disk(root))


def test_a_layer_hides_what_is_below_and_not_what_it_brings() -> None:
    lower = [Entry.file("etc/a", b"1"), Entry.file("etc/b", b"1"), Entry.file("gone", b"1")]
    upper = [Entry.file("etc/c", b"2"), Entry.file("etc/.wh..wh..opq", b""), Entry.file(".wh.gone", b"")]
    assert set(listed(tree_of(lower, upper))) == {"/etc", "/etc/c"}
    # Whatever the order in the layer.
    assert set(listed(tree_of(lower, upper[::-1]))) == {"/etc", "/etc/c"}


def test_where_a_file_comes_from() -> None:
    tree = tree_of([Entry.file("etc/a", b"1"), Entry.directory("etc")], [Entry.file("etc/b", b"2")])
    assert tree.find("/etc/a").layer == LAYER
    assert tree.find("/etc/b").layer == UPPER
    assert tree.find("/etc").layer == LAYER
    assert tree_of([Entry.file("etc/a", b"1")]).find("/etc").layer is None


def test_links_are_followed_within_the_root() -> None:
    tree = tree_of(
        [
            Entry.file("usr/bin/sh", b"#!"),
            Entry.symlink("bin", "usr/bin"),
            Entry.symlink("up", "../../../../usr"),
            Entry.symlink("loop", "loop"),
            Entry.symlink("absolute", "/bin/sh"),
        ]
    )
    assert tree.find("/bin/sh").entry.path == "usr/bin/sh"
    assert tree.find("/up/bin/sh").entry.path == "usr/bin/sh"
    assert tree.find("/absolute").entry.path == "usr/bin/sh"
    assert tree.find("/bin", follow=False).entry.kind is Kind.SYMLINK
    assert tree.find("/").entry.kind is Kind.DIRECTORY
    for missing in ("/loop", "/loop/x", "/bin/sh/x", "/nothing"):
        with pytest.raises(NotFound):
            tree.find(missing)


def test_a_hard_link_has_the_mode_of_its_file() -> None:
    file = Entry.file("a", b"12345", mode=0o755, uid=7)
    link = Entry(path="b", kind=Kind.HARDLINK, mode=0o600, link="a")
    found = tree_of([file, link]).find("/b").entry
    assert (found.kind, found.link, found.mode, found.uid, found.size) == (Kind.HARDLINK, "a", 0o755, 7, 0)


def test_a_damaged_layer_is_not_listed(tmp_path: Path) -> None:
    store = ContentStore.open(tmp_path / "store")
    image = Image(store, put_image(store, [Entry.file("a", os.urandom(5000))], compression="none"))
    assert set(listed(FileTree.of(image))) == {"/a"}
    path = store.blob_path(image.layers[0].digest)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DigestMismatch):
        FileTree.of(image)
