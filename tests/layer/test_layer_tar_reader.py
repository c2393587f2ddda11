"""Reading tars: what Python's tarfile writes in every format, what is refused, and that nothing else comes out."""

import io
import tarfile
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smidgen.errors import InvalidArchive, LimitExceeded
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.tar_reader import Limits, read_tar

LONG = "/".join(["directory" * 5] * 8)


def tar_of(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT, **options: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, **options) as archive:  # type: ignore[call-overload]
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, **attributes: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def entries(data: bytes, **limits: int) -> list[tuple[Entry, bytes]]:
    return [(found.entry, found.read()) for found in read_tar(io.BytesIO(data), limits=Limits(**limits))]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_formats_of_tarfile(form: int) -> None:
    data = tar_of(
        (member("./d/", tarfile.DIRTYPE, mode=0o1777), b""),
        (member("/d/f", mode=0o4755, uid=1000, gid=1001, mtime=1_700_000_000), b"content"),
        (member("d/s", tarfile.SYMTYPE, linkname="../../etc"), b""),
        (member("d/h", tarfile.LNKTYPE, linkname="./d/f"), b""),
        (member("d/c", tarfile.CHRTYPE, devmajor=1, devminor=3), b""),
        (member("d/b", tarfile.BLKTYPE, devmajor=8, devminor=17), b""),
        (member("d/p", tarfile.FIFOTYPE), b""),
        form=form,
    )
    found = entries(data)
    assert [(entry.path, entry.kind) for entry, _ in found] == [
        ("d", Kind.DIRECTORY),
        ("d/f", Kind.FILE),
        ("d/s", Kind.SYMLINK),
        ("d/h", Kind.HARDLINK),
        ("d/c", Kind.CHARACTER_DEVICE),
        ("d/b", Kind.BLOCK_DEVICE),
        ("d/p", Kind.FIFO),
    ]
    file, content = found[1]
    assert (file.mode, file.uid, file.gid, file.mtime, file.size) == (0o4755, 1000, 1001, 1_700_000_000, 7)
    assert content == b"content"
    assert [entry.link for entry, _ in found[2:4]] == ["../../etc", "d/f"]
    assert [entry.device for entry, _ in found[4:6]] == [(1, 3), (8, 17)]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_big_numbers(form: int) -> None:
    data = tar_of(
        (member(f"{LONG}/ü", uid=3_000_000, mtime=2**34), b"x"),
        (member("s", tarfile.SYMTYPE, linkname=LONG), b""),
        (member("h", tarfile.LNKTYPE, linkname=f"{LONG}/ü"), b""),
        form=form,
    )
    (file, _), (symlink, _), (hardlink, _) = entries(data)
    assert (file.path, file.uid, file.mtime) == (f"{LONG}/ü", 3_000_000, 2**34)
    assert symlink.link == LONG
    assert hardlink.link == file.path


def test_name_that_is_not_utf8() -> None:
    info = member("caf\udce9")
    ((entry, _),) = entries(tar_of((info, b""), form=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"))
    assert entry.path == "caf\udce9"


def test_pax_records_and_globals() -> None:
    info = member("f", pax_headers={"SCHILY.xattr.user.a": "1=2\n", "mtime": "-1.5"})
    ((entry, _),) = entries(tar_of((info, b""), pax_headers={"uid": "7", "comment": "of all"}))
    assert (entry.uid, entry.mtime) == (7, -2)
    assert entry.xattrs == (("user.a", b"1=2\n"),)


def test_skips_what_is_not_read_and_ends_without_zero_blocks() -> None:
    data = tar_of((member("a"), b"x" * 3_000_000), (member("b"), b"y"))
    cut = io.BytesIO(data[: 512 + 3_000_320 + 1024])
    seen = [(found.entry.path, found.read(2)) for found in read_tar(cut)]
    assert seen == [("a", b"xx"), ("b", b"y")]


def test_member_is_closed_once_passed() -> None:
    first, _ = list(read_tar(io.BytesIO(tar_of((member("a"), b"x"), (member("b"), b"y")))))
    with pytest.raises(ValueError, match="'a'"):
        first.read()


@pytest.mark.parametrize("name", ["..", "a/../../b", "../x", "/..", "a/.."])
def test_dots_are_refused(name: str) -> None:
    with pytest.raises(InvalidArchive, match=r"\.\."):
        entries(tar_of((member(name), b"")))
    with pytest.raises(InvalidArchive, match=r"\.\."):
        entries(tar_of((member("a", tarfile.LNKTYPE, linkname=name), b"")))


def patched(data: bytes, at: int, new: bytes) -> bytes:
    block = bytearray(data[:512])
    block[at : at + len(new)] = new
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data[512:]


@pytest.mark.parametrize(
    ("at", "new"),
    [
        (124, b"-0000000001\0"),
        (124, b"\xff" * 12),
        (124, b"0o7_7\0"),
        (124, b"99999999999\0"),
        (156, b"S"),
        (156, b"V"),
        (156, b"M"),
        (0, bytes(100)),
        (108, b"\xff" * 8),
        (136, b"\x80" + b"\x7f" * 11),
    ],
)
def test_bad_fields_are_refused(at: int, new: bytes) -> None:
    data = tar_of((member("name"), b"content"), form=tarfile.USTAR_FORMAT)
    assert entries(patched(data, 0, b"NAME"))
    with pytest.raises(InvalidArchive):
        entries(patched(data, at, new))


def test_wrong_checksum_cut_and_garbage_are_refused() -> None:
    data = tar_of((member("name"), b"content" * 100), form=tarfile.USTAR_FORMAT)
    for bad in (b"N" + data[1:], data[:300], data[:600], b"garbage" * 100, data[:1536] + bytes(512) + b"x" * 512):
        with pytest.raises(InvalidArchive):
            entries(bad)


def test_signed_checksum_is_accepted() -> None:
    block = bytearray(tar_of((member("\udcff"), b""), form=tarfile.USTAR_FORMAT, errors="surrogateescape")[:512])
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % (sum(block) - 256)
    assert entries(bytes(block))[0][0].path == "\udcff"


def pax(body: bytes, kind: bytes = b"x") -> bytes:
    head = patched(tar_of((member("pax"), body), form=tarfile.USTAR_FORMAT), 156, kind)
    return head[: 512 + len(body) + -len(body) % 512] + tar_of((member("file"), b""))


@pytest.mark.parametrize(
    "body",
    [
        b"4 a=\n",
        b"99 path=a\n",
        b"10 path=a\n\n",
        b"9 path=a",
        b"x path=a\n",
        b"6 =ab\n",
        b"11 size=-1\n",
        b"12 size=1_0\n",
        b"11 mtime=x\n",
        b"12 path=a\0b\n",
        b"22 GNU.sparse.major=1\n",
        b"-1 \n",
        b" 9 path=a\n",
        b"18 SCHILY.xattr.=\n",
    ],
)
def test_bad_pax_records_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidArchive):
        entries(pax(body))


def test_extended_header_must_have_a_member() -> None:
    data = pax(b"9 path=a\n")
    with pytest.raises(InvalidArchive):
        entries(data[:1024])
    with pytest.raises(InvalidArchive):
        entries(data[:1024] + bytes(1024))
    with pytest.raises(InvalidArchive):
        entries(pax(b"9 path=a\n", b"g"))


def test_pax_size_beats_the_header() -> None:
    data = tar_of((member("f"), b"content"), form=tarfile.USTAR_FORMAT)
    head = pax(b"9 size=7\n")[:1024]
    assert entries(head + patched(data, 124, b"00000000000\0"))[0][1] == b"content"


def test_limits() -> None:
    data = tar_of((member("a"), b"x" * 10), (member("b"), b"y" * 10))
    assert len(entries(data, entries=2, size=20)) == 2
    with pytest.raises(LimitExceeded):
        entries(data, entries=1)
    with pytest.raises(LimitExceeded):
        entries(data, size=19)
    with pytest.raises(LimitExceeded):
        entries(pax(b"13 comment=ab\n"), header=12)
    with pytest.raises(LimitExceeded):
        entries(pax(b"13 comment=ab\n", b"g"), header=8)


class OneByteAtATime(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1) if size != 0 else 0)


def test_short_reads_of_the_stream() -> None:
    data = tar_of((member("a" * 120), b"content"), (member("b"), b""))
    found = [(m.entry.path, m.read()) for m in read_tar(OneByteAtATime(data))]
    assert found == [("a" * 120, b"content"), ("b", b"")]


SEED = tar_of(
    (member("d", tarfile.DIRTYPE), b""),
    (member("ü" * 80, pax_headers={"SCHILY.xattr.user.a": "b"}), b"content"),
    (member("s", tarfile.SYMTYPE, linkname="x" * 200), b""),
)


@settings(max_examples=300, deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, len(SEED) - 1), st.integers(0, 255)), max_size=8),
    fix=st.sampled_from(["checksum", ""]),
    cut=st.integers(0, len(SEED)) | st.just(len(SEED)),
)
@example(edits=[], fix="", cut=len(SEED))
def test_damaged_archives_give_entries_or_our_errors(edits: list[tuple[int, int]], fix: str, cut: int) -> None:
    data = bytearray(SEED)
    for at, value in edits:
        data[at] = value
        if fix:
            # A right checksum lets the damage through to what reads the fields.
            start = at - at % 512
            data[start : start + 512] = patched(bytes(data[start : start + 512]), 0, b"")
    with suppress(InvalidArchive, LimitExceeded):
        for found in read_tar(io.BytesIO(bytes(data[:cut])), limits=Limits(size=1 << 20, entries=100, header=4096)):
            found.read(1000)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_as_pax_body(body: bytes) -> None:
    with suppress(InvalidArchive, LimitExceeded):
        entries(pax(body))
