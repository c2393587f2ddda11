"""Whatever is packed, others read it as it was meant: tarfile, our reader, and the file system."""

import gzip
import io
import tarfile
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.layer.compression import Compression
from smidgen.layer.decompress import decompressed
from smidgen.layer.entry import Entry, Kind, check_path
from smidgen.layer.pack import pack
from smidgen.layer.tar_reader import read_tar
from smidgen.layer.unpack import unpack

NONE = Compression.parse("none")


def _is_path(text: str) -> bool:
    try:
        check_path(text)
    except Exception:  # noqa: BLE001 - the filter of a strategy
        return False
    return len(text.encode("utf-8", "surrogateescape")) < 2000


# Bytes that are no UTF-8 are held as U+DC80 to U+DCFF; only those of bytes that really are none come back the same.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0/")
NAMES = st.text(CHARACTERS, min_size=1, max_size=60) | st.sampled_from(["a", "b" * 99, "c" * 150, "é" * 70, "\udcff"])
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join).filter(_is_path)
LINKS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200)
OWNERS = st.integers(0, 2**32 - 2)
TIMES = st.integers(-(2**40), 2**40)
MODES = st.integers(0, 0o7777)
XATTRS = st.dictionaries(st.sampled_from(["user.a", "user.ü", "security.capability"]), st.binary(max_size=50)).map(
    lambda found: tuple(sorted(found.items()))
)
ENTRIES = st.one_of(
    st.builds(
        Entry.file, PATHS, st.binary(max_size=2000), mode=MODES, uid=OWNERS, gid=OWNERS, mtime=TIMES, xattrs=XATTRS
    ),
    st.builds(Entry.directory, PATHS | st.just(""), mode=MODES, uid=OWNERS, gid=OWNERS, mtime=TIMES),
    st.builds(Entry.symlink, PATHS, LINKS, uid=OWNERS, gid=OWNERS, mtime=TIMES),
    st.builds(Entry, path=PATHS, kind=st.just(Kind.HARDLINK), mode=MODES, link=PATHS),
    st.builds(
        Entry,
        path=PATHS,
        kind=st.sampled_from([Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE]),
        mode=MODES,
        device=st.tuples(st.integers(0, 4095), st.integers(0, 2**20 - 1)),
    ),
    st.builds(Entry, path=PATHS, kind=st.just(Kind.FIFO), mode=MODES),
)
TARFILE_TYPES = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARDLINK: tarfile.LNKTYPE,
    Kind.CHARACTER_DEVICE: tarfile.CHRTYPE,
    Kind.BLOCK_DEVICE: tarfile.BLKTYPE,
    Kind.FIFO: tarfile.FIFOTYPE,
}


def packed(entries: list[Entry], compression: Compression = NONE) -> bytes:
    out = io.BytesIO()
    pack(entries, out.write, compression=compression)
    return out.getvalue()


@settings(max_examples=200, deadline=None)
@given(st.lists(ENTRIES, max_size=6))
def test_tarfile_reads_what_was_packed(entries: list[Entry]) -> None:
    data = packed(entries)
    with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as archive:
        members = archive.getmembers()
        assert len(members) == len(entries)
        for entry, member in zip(entries, members, strict=True):
            assert member.type == TARFILE_TYPES[entry.kind]
            assert member.name == (entry.path or ".")
            assert (member.mode, member.uid, member.gid) == (entry.mode, entry.uid, entry.gid)
            assert (int(member.mtime), member.uname, member.gname) == (entry.mtime, "", "")
            assert (member.devmajor, member.devminor) == entry.device
            assert member.linkname == entry.link
            if isinstance(entry.source, bytes):
                content = archive.extractfile(member)
                assert content is not None
                assert content.read() == entry.source


@settings(max_examples=300, deadline=None)
@given(st.lists(ENTRIES, max_size=6), st.sampled_from(["none", "gzip:1", "zstd:1"]))
def test_reader_gives_the_entries_back(entries: list[Entry], compression: str) -> None:
    how = Compression.parse(compression)
    stream = decompressed(io.BytesIO(packed(entries, how)), how.algorithm)
    found = [(member.entry, member.read()) for member in read_tar(stream)]
    for entry, (read, content) in zip(entries, found, strict=True):
        assert content == (entry.source or b"")
        assert read == Entry(**{name: getattr(entry, name) for name in Entry.__slots__} | {"source": None})


@settings(max_examples=100, deadline=None)
@given(st.lists(ENTRIES, max_size=6))
def test_packing_what_was_read_gives_the_same_bytes(entries: list[Entry]) -> None:
    data = packed(entries)
    again = [
        Entry(**{name: getattr(member.entry, name) for name in Entry.__slots__} | {"source": content})
        if member.entry.kind is Kind.FILE
        else member.entry
        for member in read_tar(io.BytesIO(data))
        for content in [member.read()]
    ]
    assert packed(again) == data


DISK_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    files=st.dictionaries(
        DISK_NAMES.filter(lambda name: _is_path(name) and not name.startswith(".wh.")),
        st.tuples(st.binary(max_size=3000), st.integers(0o400, 0o777).map(lambda mode: mode | 0o400), TIMES.map(abs)),
        max_size=8,
    )
)
def test_unpacking_gives_the_files(files: dict[str, tuple[bytes, int, int]]) -> None:
    entries = [
        Entry.file(f"d/{name}", content, mode=mode, mtime=mtime % 2**31)
        for name, (content, mode, mtime) in files.items()
    ]
    with tempfile.TemporaryDirectory() as directory:
        unpack(io.BytesIO(packed(entries)), Path(directory), preserve_owners=False)
        for name, (content, mode, mtime) in files.items():
            path = Path(directory, "d", name)
            status = path.stat()
            assert path.read_bytes() == content
            assert (status.st_mode & 0o7777, int(status.st_mtime)) == (mode, mtime % 2**31)


def test_sizes_around_blocks_and_chunks() -> None:
    for size in (0, 1, 511, 512, 513, (1 << 20) - 513, (1 << 20) - 512, (1 << 20) - 511, (1 << 20), 2 << 20):
        blob = packed([Entry.file("f", b"x" * size), Entry.file("last", b"y")], Compression.parse("gzip:1"))
        (first, last) = [member.read() for member in read_tar(io.BytesIO(gzip.decompress(blob)))]
        assert (len(first), last) == (size, b"y")


def test_names_at_the_edges_of_ustar() -> None:
    for name in (
        "n" * 100,
        "n" * 101,
        "p" * 155 + "/" + "n" * 100,
        "p" * 156 + "/n",
        "p/" + "n" * 101,
        "a/" * 49 + "bb",
    ):
        for entry in (Entry.file(name, b""), Entry.directory(name), Entry.symlink("s", name)):
            data = packed([entry])
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                (member,) = archive.getmembers()
            assert (member.name, member.linkname) == (entry.path, entry.link)
    # A long path that ustar's two fields can hold costs no PAX header.
    assert len(packed([Entry.file("p" * 155 + "/" + "n" * 100, b"")])) == 3 * 512
