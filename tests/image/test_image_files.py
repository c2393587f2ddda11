"""Files of this machine as entries."""

import os
from pathlib import Path

import pytest

from smidgen.errors import UsageError
from smidgen.image.entry_key import entries_key
from smidgen.image.files import Ownership, added_entries, tree_entries
from smidgen.layer.entry import Entry, Kind


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "conf" / "d").mkdir(parents=True)
    (tmp_path / "conf" / "empty").mkdir()
    (tmp_path / "conf" / "b.yaml").write_text("b")
    (tmp_path / "conf" / "a.yaml").write_text("a")
    (tmp_path / "conf" / "d" / "run.sh").write_text("#!")
    (tmp_path / "conf" / "d" / "run.sh").chmod(0o751)
    (tmp_path / "conf" / "link").symlink_to("a.yaml")
    return tmp_path


def _paths(source: str, destination: str, directory: Path, ownership: Ownership | None = None) -> list[str]:
    found = added_entries(source, destination, directory=directory, ownership=ownership or Ownership())
    return [entry.path for entry in found]


@pytest.mark.parametrize(
    ("source", "destination", "paths"),
    [
        ("conf/a.yaml", "/etc/app.yaml", ["etc/app.yaml"]),
        ("conf/a.yaml", "/etc/", ["etc/a.yaml"]),
        ("conf/a.yaml", "etc//./x", ["etc/x"]),
        ("conf/*.yaml", "/etc/", ["etc/a.yaml", "etc/b.yaml"]),
        ("conf", "/c", ["c/a.yaml", "c/b.yaml", "c/d/run.sh", "c/empty", "c/link"]),
        ("conf", "/", ["a.yaml", "b.yaml", "d/run.sh", "empty", "link"]),
        ("conf/**/*.sh", "/s/", ["s/run.sh"]),
    ],
)
def test_where_added_files_go(tree: Path, source: str, destination: str, paths: list[str]) -> None:
    assert _paths(source, destination, tree) == paths


@pytest.mark.parametrize(
    ("source", "destination", "message"),
    [
        ("missing", "/x", "nothing at"),
        ("*.none", "/x/", "matches nothing"),
        ("conf/*.yaml", "/x", "matches 2 files"),
        ("conf/a.yaml", "/", None),
        ("conf/a.yaml", "/../x", "leaves the image's root"),
        ("/dev/null", "/x", "neither a file, a directory nor a link"),
    ],
)
def test_what_cannot_be_added(tree: Path, source: str, destination: str, message: str | None) -> None:
    if message is None:
        assert _paths(source, destination, tree) == ["a.yaml"]
        return
    with pytest.raises(UsageError, match=message):
        _paths(source, destination, tree)


def test_only_the_owners_x_decides_the_mode(tree: Path) -> None:
    entries = {entry.path: entry for entry in tree_entries(tree / "conf", "", ownership=Ownership())}
    assert entries["d/run.sh"].mode == 0o755
    assert entries["a.yaml"].mode == 0o644
    assert entries["link"].kind is Kind.SYMLINK
    given = Ownership(mode=0o600, uid=5, gid=6)
    owned = {entry.path: entry for entry in tree_entries(tree / "conf", "c", ownership=given)}
    assert (owned["c/a.yaml"].mode, owned["c/a.yaml"].uid, owned["c/a.yaml"].gid) == (0o600, 5, 6)
    assert owned["c/d"].uid == 5


def test_links_can_be_followed_but_not_in_circles(tree: Path) -> None:
    followed = {
        entry.path: entry for entry in tree_entries(tree / "conf", "", ownership=Ownership(), follow_links=True)
    }
    assert followed["link"].kind is Kind.FILE
    (tree / "conf" / "d" / "up").symlink_to("..")
    with pytest.raises(UsageError, match="link to a directory that holds it"):
        list(tree_entries(tree / "conf", "", ownership=Ownership(), follow_links=True))


def test_a_key_depends_on_content_and_nothing_of_the_host(tree: Path) -> None:
    path = tree / "conf" / "a.yaml"
    first = entries_key([Entry.file("a", path)])
    os.utime(path, (1, 1))
    path.chmod(0o600)
    assert entries_key([Entry.file("a", path)]) == first
    assert entries_key([Entry.file("a", b"a")]) == first
    path.write_text("b")
    assert entries_key([Entry.file("a", path)]) != first
    assert entries_key([Entry.file("b", b"a")]) != first
