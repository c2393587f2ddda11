"""A file is written whole or not at all."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smidgen.store.replace import keep_file, replace_file


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_bytes(b"old, and longer")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["record"]


def test_what_cannot_be_written_leaves_all_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(path, b"new")
    assert os.listdir(tmp_path) == ["taken"]
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "missing" / "record", b"new")


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    keep_file(tmp_path / "file" / "record", b"new")
    keep_file(tmp_path / "cache" / "records" / "record", b"new")
    assert (tmp_path / "cache" / "records" / "record").read_bytes() == b"new"


def test_a_new_file_has_the_rights_that_the_user_wants(tmp_path: Path) -> None:
    replace_file(tmp_path / "record", b"")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "record").stat().st_mode) == 0o666 & ~umask


def test_of_many_writers_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "record"
    wanted = [bytes([number]) * 100_000 for number in range(32)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: replace_file(path, data), wanted))
    assert path.read_bytes() in wanted
    assert os.listdir(tmp_path) == ["record"]
