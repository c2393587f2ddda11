"""Unpacking: what a layer makes of a directory, whiteouts, and that nothing leaves the root."""

import io
import os
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.errors import InvalidArchive, LimitExceeded, UsageError
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.pack import pack
from smidgen.layer.tar_reader import Limits
from smidgen.layer.unpack import Unpacked, unpack

IS_ROOT = os.geteuid() == 0


def link(path: str, target: str) -> Entry:
    return Entry(path=path, kind=Kind.HARDLINK, mode=0o644, link=target)


def file(path: str, content: bytes = b"", mode: int = 0o644) -> Entry:
    return Entry.file(path, content, mode=mode)


def apply(root: Path, *entries: Entry, preserve_owners: bool = False) -> Unpacked:
    tar = io.BytesIO()
    pack(entries, tar.write, compression=Compression.parse("none"))
    tar.seek(0)
    return unpack(tar, root, preserve_owners=preserve_owners)


def tree(root: Path) -> dict[str, str]:
    """Show every path: '/' for a directory, '->' and the target of a symlink, else the content."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in names + files:
            path = Path(directory, name)
            if path.is_symlink():
                shown = "->" + os.readlink(path)
            else:
                shown = "/" if path.is_dir() else path.read_bytes().decode("ascii", "replace")
            found[str(path.relative_to(root))] = shown
    return found


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A root beside a directory that must stay as it is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("precious")
    before = outside.stat()
    root = tmp_path / "root"
    root.mkdir()
    yield root
    assert tree(outside) == {"file": "precious"}
    after = outside.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert (outside / "file").stat().st_nlink == 1
    assert sorted(os.listdir(tmp_path)) == ["outside", "root"]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# What entries make


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_modes_and_times_whatever_the_umask(root: Path, mask: int) -> None:
    with umask(mask):
        apply(
            root,
            Entry.directory("d", mode=0o1777, mtime=1000),
            Entry.file("d/f", b"content", mode=0o4755, mtime=2000),
            Entry.symlink("d/s", "f", mtime=3000),
            Entry(path="d/p", kind=Kind.FIFO, mode=0o622, mtime=4000),
            file("new/parent/f"),
        )
    modes = {path: stat.S_IMODE((root / path).lstat().st_mode) for path in ("d", "d/f", "d/p", "new", "new/parent")}
    assert modes == {"d": 0o1777, "d/f": 0o4755, "d/p": 0o622, "new": 0o755, "new/parent": 0o755}
    times = [(root / path).lstat().st_mtime for path in ("d", "d/f", "d/s", "d/p", "new", "new/parent")]
    assert times == [1000, 2000, 3000, 4000, 0, 0]


def test_root_directory_gets_its_mode_too(root: Path) -> None:
    apply(root, Entry.directory("", mode=0o711, mtime=7), file("f"))
    assert stat.S_IMODE(root.stat().st_mode) == 0o711
    assert root.stat().st_mtime == 7


def test_directory_that_is_only_passed_keeps_its_mode_and_time(root: Path) -> None:
    apply(root, Entry.directory("d", mode=0o555, mtime=1000), file("d/old"))
    apply(root, file("d/new"), file("d/.wh.old"))
    assert tree(root) == {"d": "/", "d/new": ""}
    assert ((root / "d").stat().st_mode & 0o7777, (root / "d").stat().st_mtime) == (0o555, 1000)


def test_hard_links_are_one_file_and_break_when_replaced(root: Path) -> None:
    apply(root, file("a", b"one"), link("b", "a"), link("d/c", "b"))
    assert (root / "a").stat().st_ino == (root / "d/c").stat().st_ino
    apply(root, file("a", b"two"))
    assert tree(root) == {"a": "two", "b": "one", "d": "/", "d/c": "one"}


def test_owners_are_kept_or_dropped(root: Path) -> None:
    # A user may give files to itself, which is all that a test without root can ask for.
    uid, gid = (1234, 5678) if IS_ROOT else (os.getuid(), os.getgid())
    entries = (
        Entry.directory("d", uid=uid, gid=gid),
        Entry.file("d/f", b"", mode=0o4755, uid=uid, gid=gid),
        Entry.symlink("d/s", "nowhere", uid=uid, gid=gid),
    )
    apply(root, *entries, preserve_owners=True)
    for path in ("d", "d/f", "d/s"):
        assert ((root / path).lstat().st_uid, (root / path).lstat().st_gid) == (uid, gid)
    assert stat.S_IMODE((root / "d/f").stat().st_mode) == 0o4755
    apply(root, *entries)
    assert (root / "d/f").stat().st_uid == os.geteuid()


def test_devices_need_root_and_are_skipped_without_owners(root: Path) -> None:
    null = Entry(path="null", kind=Kind.CHARACTER_DEVICE, mode=0o666, device=(1, 3))
    hidden = Entry(path="overlay", kind=Kind.CHARACTER_DEVICE, mode=0o666, device=(0, 0))
    assert apply(root, null, hidden, link("zero", "null")).skipped == ("null", "overlay", "zero")
    assert tree(root) == {}
    if IS_ROOT:
        assert apply(root, null, hidden, preserve_owners=True).skipped == ("overlay",)
        made = (root / "null").stat()
        assert (stat.S_ISCHR(made.st_mode), made.st_rdev, stat.S_IMODE(made.st_mode)) == (True, os.makedev(1, 3), 0o666)
    else:
        with pytest.raises(UsageError, match="null"):
            apply(root, null, preserve_owners=True)


def test_attributes_that_an_image_may_have(root: Path) -> None:
    wanted = (("user.note", b"a\0b"),)
    overlay = (("trusted.overlay.opaque", b"y"), ("user.overlay.redirect", b"/etc"), ("security.selinux", b"x"))
    apply(root, Entry.file("f", b"", xattrs=wanted + overlay))
    # A file system without attributes, such as an old tmpfs, leaves them out without an error.
    with suppress(OSError):
        assert os.listxattr(root / "f") in (["user.note"], [])


def test_capability_is_kept_with_owners(root: Path) -> None:
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    entry = Entry.file("ping", b"", mode=0o755, xattrs=(("security.capability", capability),))
    apply(root, entry)
    assert "security.capability" not in os.listxattr(root / "ping")
    if IS_ROOT:
        apply(root, entry, preserve_owners=True)
        assert os.getxattr(root / "ping", "security.capability") == capability


# Replacing


MAKERS = {
    "file": (file("x", b"new"),),
    "directory": (Entry.directory("x"), file("x/inner", b"new")),
    "symlink": (Entry.symlink("x", "../outside"),),
    "hardlink": (file("other"), link("x", "other")),
    "fifo": (Entry(path="x", kind=Kind.FIFO, mode=0o644),),
}


@pytest.mark.parametrize("before", MAKERS)
@pytest.mark.parametrize("after", MAKERS)
@pytest.mark.parametrize("layers", [1, 2])
def test_every_kind_replaces_every_other(root: Path, before: str, after: str, layers: int) -> None:
    if layers == 1:
        apply(root, *MAKERS[before], *MAKERS[after])
    else:
        apply(root, *MAKERS[before])
        apply(root, *MAKERS[after])
    mode = (root / "x").lstat().st_mode
    kinds = {"file": stat.S_ISREG, "directory": stat.S_ISDIR, "symlink": stat.S_ISLNK, "fifo": stat.S_ISFIFO}
    assert kinds.get(after, stat.S_ISREG)(mode)
    if after == "directory":
        assert (root / "x/inner").read_bytes() == b"new"


def test_directory_replaces_a_symlink_and_is_not_put_behind_it(root: Path) -> None:
    apply(root, file("real/old"), Entry.symlink("d", "real"))
    apply(root, Entry.directory("d"), file("d/new"))
    assert tree(root) == {"real": "/", "real/old": "", "d": "/", "d/new": ""}


def test_replaced_directory_is_not_remembered(root: Path) -> None:
    # The directories kept open must not outlive what they were opened for.
    apply(root, file("d/one"), Entry.symlink("d", "e"), file("d/two"), file("e/three"))
    assert tree(root) == {"d": "->e", "e": "/", "e/two": "", "e/three": ""}


# Whiteouts


def test_whiteouts(root: Path) -> None:
    apply(root, file("a"), file("d/f"), file("d/sub/g"), file("keep/h"), Entry.symlink("s", "keep"))
    apply(root, file(".wh.a"), file(".wh.d"), file(".wh.s"), file(".wh.nothing"), file("no/.wh.where"))
    assert tree(root) == {"keep": "/", "keep/h": ""}


@pytest.mark.parametrize("opaque_first", [True, False])
def test_opaque_hides_only_what_is_below(root: Path, opaque_first: bool) -> None:  # noqa: FBT001
    apply(root, file("d/old"), file("d/both"), file("d/sub/old"), file("e/x"))
    opaque = file("d/.wh..wh..opq")
    new = (Entry.directory("d"), file("d/new"), file("d/both", b"2"), file("d/sub/new"))
    apply(root, *((opaque, *new) if opaque_first else (*new, opaque)))
    assert tree(root) == {"d": "/", "d/new": "", "d/both": "2", "d/sub": "/", "d/sub/new": "", "e": "/", "e/x": ""}


def test_whiteout_does_not_hide_its_own_layer(root: Path) -> None:
    apply(root, file("f", b"old"), file("d/old"))
    apply(root, file("f", b"new"), file(".wh.f"), file("d/new"), file(".wh.d"))
    assert tree(root) == {"f": "new", "d": "/", "d/new": ""}


@pytest.mark.parametrize("path", [".wh.", ".wh..", ".wh...", "d/.wh...", "d/.wh..", ".wh.d/f"])
def test_whiteouts_that_would_hide_the_root_are_refused(root: Path, path: str) -> None:
    apply(root, file("d/f"))
    with pytest.raises(InvalidArchive):
        apply(root, file(path))
    assert tree(root) == {"d": "/", "d/f": ""}


def test_what_aufs_left_is_ignored(root: Path) -> None:
    apply(root, file(".wh..wh.plnk/1"), file(".wh..wh.aufs"), file("a.wh.b"))
    assert tree(root) == {"a.wh.b": ""}


def test_whiteout_below_a_symlink_stays_in_the_root(root: Path) -> None:
    apply(root, Entry.symlink("d", "../outside"), Entry.symlink("e", str(root.parent / "outside")))
    apply(root, file("d/.wh.file"), file("e/.wh..wh..opq"))


# Hostile archives


@pytest.mark.parametrize("target", ["../outside", "../../outside", "/../outside", "{outside}", "a/../../outside"])
def test_symlinks_never_lead_out(root: Path, target: str) -> None:
    target = target.replace("{outside}", str(root.parent / "outside"))
    apply(root, Entry.symlink("door", target), file("door/file", b"evil"), Entry.directory("door/file2", mode=0o777))
    # It went where a process whose root this is would have put it.
    assert any(path.endswith("outside/file") and shown == "evil" for path, shown in tree(root).items())
    apply(root, Entry.directory("door", mode=0o777, mtime=1))
    assert not (root / "door").is_symlink()


@pytest.mark.parametrize("target", ["door/file", "file"])
def test_hard_links_never_lead_out(root: Path, target: str) -> None:
    outside = str(root.parent / "outside")
    with pytest.raises(InvalidArchive):
        apply(root, Entry.symlink("door", outside), link("stolen", target))


def test_hard_link_to_a_symlink_is_that_symlink(root: Path) -> None:
    outside = str(root.parent / "outside" / "file")
    apply(root, Entry.symlink("s", outside), link("h", "s"), file("h", b"evil"))
    assert tree(root) == {"s": "->" + outside, "h": "evil"}


@pytest.mark.parametrize("target", ["missing", "no/where", "d", "itself"])
def test_hard_links_that_cannot_be(root: Path, target: str) -> None:
    with pytest.raises(InvalidArchive):
        apply(root, Entry.directory("d"), file("itself"), link("itself" if target == "itself" else "h", target))


def test_symlinks_in_circles(root: Path) -> None:
    with pytest.raises(InvalidArchive, match="symlinks"):
        apply(root, Entry.symlink("a", "b"), Entry.symlink("b", "a"), file("a/f"))


def test_file_where_a_directory_should_be(root: Path) -> None:
    with pytest.raises(InvalidArchive):
        apply(root, file("f"), file("f/below"))


@pytest.mark.parametrize("path", ["x" * 300, "/".join("a" * 300)])
def test_names_that_no_file_system_takes(root: Path, path: str) -> None:
    with pytest.raises(InvalidArchive):
        apply(root, file(path))


def test_deep_directories_can_be_removed(root: Path) -> None:
    deep = "/".join("a" * 250)
    apply(root, file(deep))
    apply(root, file(".wh.a"))
    assert tree(root) == {}


def test_directory_replaced_by_a_door_gets_no_mode(root: Path) -> None:
    outside = str(root.parent / "outside")
    apply(root, Entry.directory("a/b", mode=0o777, mtime=1), Entry.symlink("a", outside))
    apply(root, Entry.directory("c", mode=0o777, mtime=1), Entry.symlink("c", outside))


def test_modes_of_a_replaced_directory_go_to_no_other(root: Path) -> None:
    private = Entry.directory("real/d", mode=0o700, mtime=5)
    apply(root, private, Entry.directory("door/d", mode=0o777, mtime=1), Entry.symlink("door", "real"))
    assert stat.S_IMODE((root / "real/d").stat().st_mode) == 0o700
    assert (root / "real/d").stat().st_mtime == 5


@pytest.mark.parametrize("name", ["../outside/evil", "d/../../outside/evil"])
def test_dots_are_refused(root: Path, name: str) -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    tar.seek(0)
    with pytest.raises(InvalidArchive):
        unpack(tar, root, preserve_owners=False)


def test_limits(root: Path) -> None:
    tar = io.BytesIO()
    pack([file("f", b"12345")], tar.write, compression=Compression.parse("none"))
    tar.seek(0)
    with pytest.raises(LimitExceeded):
        unpack(tar, root, preserve_owners=False, limits=Limits(size=4))


def test_many_directories_do_not_run_out_of_descriptors(root: Path) -> None:
    apply(root, *(file(f"d{i}/e/f") for i in range(300)), *(file(f"d{i}/e/g") for i in range(300)))
    assert len(tree(root)) == 1200


NAMES = st.sampled_from(["a", "b", "a/b", "b/a", "a/b/c", "a/a", ".wh.a", "a/.wh.b", "a/.wh..wh..opq"])
TARGETS = st.sampled_from(["a", "b", "..", "../outside", "/", "../../outside/file", "b/../..", ".", "a/b"])
ENTRIES = st.one_of(
    NAMES.map(lambda path: file(path, b"evil", 0o777)),
    NAMES.map(lambda path: Entry.directory(path, mode=0o777, mtime=1)),
    st.builds(Entry.symlink, NAMES, TARGETS),
    st.builds(link, NAMES, st.sampled_from(["a", "b", "a/b", "a/file", "b/file", "a/b/c"])),
)


def open_below(directory: Path) -> list[str]:
    """Name the files below *directory* that this process has open; others come and go as other tests' threads end."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return [path for path in found if path.startswith(str(directory))]


@settings(max_examples=300, deadline=None)
@given(layers=st.lists(st.lists(ENTRIES, max_size=8), min_size=1, max_size=3))
def test_no_sequence_of_entries_leaves_the_root(layers: list[list[Entry]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory)
        (top / "outside").mkdir(mode=0o700)
        (top / "outside/file").write_text("precious")
        (top / "root").mkdir()
        before = [(top / path).stat() for path in ("outside", "outside/file")]
        for entries in layers:
            with suppress(InvalidArchive):
                apply(top / "root", *entries)
        after = [(top / path).stat() for path in ("outside", "outside/file")]
        assert [(s.st_mode, s.st_mtime_ns, s.st_nlink, s.st_size) for s in before] == [
            (s.st_mode, s.st_mtime_ns, s.st_nlink, s.st_size) for s in after
        ]
        assert tree(top / "outside") == {"file": "precious"}
        assert sorted(os.listdir(top)) == ["outside", "root"]
        assert open_below(top) == []


# Without privilege


UNPRIVILEGED = """
import io, os, stat, sys
from pathlib import Path
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.pack import pack
from smidgen.layer.unpack import unpack
root = Path(sys.argv[1])
if os.geteuid() == 0:
    # All is imported by now: this user may not even read the interpreter.
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
def apply(*entries):
    tar = io.BytesIO()
    pack(entries, tar.write, compression=Compression.parse("none"))
    tar.seek(0)
    unpack(tar, root, preserve_owners=False)
apply(
    Entry.directory("closed", mode=0), Entry.file("closed/f", b"1", mode=0, uid=0),
    Entry.directory("closed/in", mode=0o500), Entry.file("closed/in/g", b"2"),
)
apply(Entry.file("closed/in/h", b"3"), Entry.file("closed/.wh.f", b""), Entry.directory("gone/in", mode=0))
apply(Entry.file(".wh.gone", b""))
assert stat.S_IMODE((root / "closed").stat().st_mode) == 0
(root / "closed").chmod(0o700)
assert sorted(os.listdir(root / "closed")) == ["in"] and os.listdir(root) == ["closed"]
assert stat.S_IMODE((root / "closed/in").stat().st_mode) == 0o500
assert sorted(os.listdir(root / "closed/in")) == ["g", "h"]
(root / "closed/in").chmod(0o700)
"""


def test_user_without_privilege_can_fill_directories_that_are_closed() -> None:
    with tempfile.TemporaryDirectory() as directory:
        if IS_ROOT:
            os.chown(directory, 65534, 65534)
        run = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, directory], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
