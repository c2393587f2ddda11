"""Which drafts of snapshots are taken for abandoned."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from smidgen.store.snapshots import Snapshots


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    (tmp_path / "snapshots/root").mkdir(parents=True)
    return Snapshots(tmp_path, "root")


def begun(snapshots: Snapshots, name: str, *, age: float = 0) -> Path:
    """Make a draft as it is before its lock is held, of so many seconds ago."""
    directory = snapshots.root / "snapshots/root" / name
    directory.mkdir()
    (directory / "lock").touch()
    then = time.time() - age
    os.utime(directory, (then, then))
    return directory


def test_a_draft_that_is_being_made_stays(snapshots: Snapshots) -> None:
    """Its lock is there before it is held."""
    fresh, old = begun(snapshots, ".draft-1-a"), begun(snapshots, ".draft-1-b", age=3600)
    snapshots.sweep()
    assert fresh.exists()
    assert not old.exists()


def test_a_draft_without_its_maker_goes(snapshots: Snapshots) -> None:
    left, held = begun(snapshots, "draft-1-a"), begun(snapshots, "draft-1-b")
    lock = os.open(held / "lock", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        snapshots.sweep()
    finally:
        os.close(lock)
    assert not left.exists()
    assert held.exists()


def test_a_draft_is_swept_by_nobody_while_it_is_filled(snapshots: Snapshots) -> None:
    with snapshots.draft() as draft:
        snapshots.sweep()
        assert draft.content.is_dir()
    assert not draft.directory.exists()
