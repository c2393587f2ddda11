"""Packing: the tar that others read, the digests, the same bytes everywhere."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from smidgen.errors import InvalidArchive, SourceChanged, UsageError
from smidgen.layer.compression import DEFAULT, Compression
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.pack import pack
from smidgen.layer.packed import Layer
from smidgen.oci.digest import DiffID, sha256


def packed(entries: list[Entry], compression: Compression = DEFAULT) -> tuple[Layer, bytes]:
    pieces: list[bytes] = []
    layer = pack(entries, pieces.append, compression=compression)
    return layer, b"".join(pieces)


def test_one_file_is_header_content_and_two_zero_blocks() -> None:
    layer, blob = packed([Entry.file("app", b"x" * 600, mode=0o755)])
    tar = gzip.decompress(blob)
    assert len(tar) == layer.size == 512 + 1024 + 1024
    assert layer.diff_id == DiffID(sha256(tar))
    assert layer.descriptor.digest == sha256(blob)
    assert layer.descriptor.size == len(blob)


def test_every_kind_is_read_by_tarfile() -> None:
    entries = [
        Entry.directory("d", mode=0o1777, uid=5, gid=6, mtime=7),
        Entry.file("d/f", b"content", mode=0o4755, xattrs=(("user.a", b"\0\n="),)),
        Entry.symlink("d/s", "../elsewhere"),
        Entry(path="d/h", kind=Kind.HARDLINK, mode=0o644, link="d/f"),
        Entry(path="d/c", kind=Kind.CHARACTER_DEVICE, mode=0o600, device=(1, 3)),
        Entry(path="d/b", kind=Kind.BLOCK_DEVICE, mode=0o600, device=(8, 1)),
        Entry(path="d/p", kind=Kind.FIFO, mode=0o600),
    ]
    _, blob = packed(entries)
    with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
        members = archive.getmembers()
        assert [m.name for m in members] == [e.path for e in entries]
        assert [m.type for m in members] == [b"5", b"0", b"2", b"1", b"3", b"4", b"6"]
        assert (members[0].mode, members[0].uid, members[0].gid, members[0].mtime) == (0o1777, 5, 6, 7)
        stream = archive.extractfile("d/f")
        assert stream is not None
        assert stream.read() == b"content"
        assert (members[4].devmajor, members[4].devminor) == (1, 3)


@pytest.mark.parametrize("text", ["gzip", "gzip:1", "zstd", "none"])
def test_many_chunks_join(text: str, tmp_path: Path) -> None:
    content = hashlib.shake_256(b"seed").digest(9_000_001)
    (tmp_path / "big").write_bytes(content)
    compression = Compression.parse(text)
    layer, blob = packed([Entry.file("big", tmp_path / "big")], compression)
    other, _ = packed([Entry.file("big", content)], Compression.parse("none"))
    assert layer.diff_id == other.diff_id
    assert layer.descriptor.media_type == compression.media_type
    if compression.algorithm == "gzip":
        assert layer.diff_id == DiffID(sha256(gzip.decompress(blob)))


@pytest.mark.parametrize("change", [b"longer by some", b"short", None])
def test_file_that_changes_is_an_error(tmp_path: Path, change: bytes | None) -> None:
    source = tmp_path / "f"
    source.write_bytes(b"0123456789")
    entry = Entry.file("f", source)
    if change is None:
        source.unlink()
    else:
        source.write_bytes(change)
    with pytest.raises(SourceChanged) as caught:
        packed([entry])
    assert caught.value.want == 10
    assert caught.value.got == (None if change is None else len(change))


@pytest.mark.parametrize("path", ["", "/a", "a/", "./a", "a/../b", "..", "a//b", "a\0b", "x" * 5000])
def test_bad_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidArchive):
        Entry.file(path, b"")


@pytest.mark.parametrize("text", ["lz4", "gzip:", "gzip:0", "gzip:13", "zstd:23", "zstd:x", "none:1", "gzip:²"])
def test_bad_compression_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Compression.parse(text)


def test_a_small_file_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    (file := tmp_path / "file").write_bytes(b"")
    empty = Entry.file("empty", file)
    file.write_bytes(b"more")
    four = Entry.file("four", file)
    with pytest.raises(SourceChanged):
        pack([empty], lambda _: None)
    for content in (b"les", b"longer"):
        file.write_bytes(content)
        with pytest.raises(SourceChanged):
            pack([four], lambda _: None)
    file.unlink()
    for entry in (empty, four):
        with pytest.raises(SourceChanged):
            pack([entry], lambda _: None)
