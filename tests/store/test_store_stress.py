"""A store that is killed, crowded, full or not ours: the work is done by ``support.store_stress``."""

import errno
import os
import sys
import tempfile
from pathlib import Path

import pytest

from smidgen.errors import StoreError
from smidgen.oci.media_types import OCI_LAYER
from smidgen.store.content import ContentStore
from smidgen.store.faults import store_error
from support.command import must

_TESTS = Path(__file__).parent.parent


def stress(action: str, root: Path, *before: str, **environment: str) -> None:
    must(
        *before,
        sys.executable,
        "-m",
        "support.store_stress",
        action,
        root,
        env={**os.environ, "PYTHONPATH": str(_TESTS), **environment},
    )


def test_killed_at_any_moment_it_is_whole(tmp_path: Path) -> None:
    stress("crash", tmp_path / "store")


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    stress("concurrent", tmp_path / "store")


def test_full_or_unwritable_it_is_as_it_was() -> None:
    # What is mounted in a mount namespace of its own is gone with it, however the test ends.
    with tempfile.TemporaryDirectory(prefix="store-") as name:
        Path(name).chmod(0o755)
        if os.geteuid() == 0:
            stress("full", Path(name), "unshare", "--mount")
        else:
            as_root = ("unshare", "--mount", "--user", "--map-root-user")
            stress("full", Path(name), *as_root, SMIDGEN_TEST_USER_NAMESPACE="1")


def test_a_file_where_the_store_should_be(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    for root in (tmp_path / "store", tmp_path / "store" / "below"):
        with pytest.raises(StoreError, match=r"cannot (make|open) the store at") as raised:
            ContentStore.open(root)
        assert "--store" in (raised.value.hint or "")


def test_a_store_that_vanishes_while_it_is_open(tmp_path: Path) -> None:
    store = ContentStore.open(tmp_path / "store")
    (tmp_path / "store").rename(tmp_path / "moved")
    assert store.tags() == {}
    with pytest.raises(StoreError), store.writing():
        pass
    store.put(b"{}", media_type=OCI_LAYER)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.ENOLCK])
def test_what_the_system_refuses_is_said_with_what_to_do(number: int) -> None:
    error = store_error(OSError(number, os.strerror(number)), "write", Path("/data/store"))
    assert error.message == f"cannot write /data/store: {os.strerror(number)}"
    assert error.hint
