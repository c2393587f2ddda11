"""Blobs into the store: whole or not at all, and gone on with where they broke off."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smidgen.errors import DigestMismatch, RegistryError, SizeMismatch
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import encoded
from smidgen.registry.client import Client
from smidgen.registry.repository import Repository
from smidgen.registry.retry import RetryPolicy
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import FOREVER, Plan, Rule
from support.registry import Habits, Registry
from support.registry_wire import Answer, Request, Server, Service, serving

_NAME = "team/app"
_DATA = os.urandom(1 << 20) * 3 + b"tail"
_BLOB = Descriptor.of(_DATA, media_type="application/octet-stream")
_RETRY = RetryPolicy(first=0.01, longest=0.02)


@contextmanager
def fetching(*rules: Rule, habits: Habits | None = None, data: bytes = _DATA) -> Iterator[tuple[Client, Server]]:
    registry = Registry(habits)
    registry.add_blob(_NAME, data)
    environ = {"HOME": "/nonexistent"}
    with serving(Plan(rules).around(registry)) as server, Session(environ=environ, retry=_RETRY) as opened:
        yield Client(opened, Repository(server.host, _NAME)), server


def half(store: ContentStore, data: bytes) -> Path:
    """Put the beginning of the blob where an earlier run would have left it."""
    path = store.root / "partial" / encoded(_BLOB.digest)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def ranges(server: Server) -> list[str | None]:
    return [one.header("Range") for one in server.asked("GET", "blobs/")]


def check_whole(store: ContentStore) -> None:
    assert store.blob_path(_BLOB.digest).read_bytes() == _DATA
    assert os.listdir(store.root / "partial") == []


def test_a_blob_is_fetched_once(store: ContentStore) -> None:
    with fetching() as (client, server):
        client.fetch_blob(_BLOB, store)
        client.fetch_blob(_BLOB, store)
        assert ranges(server) == [None]
    check_whole(store)


def test_an_empty_blob(store: ContentStore) -> None:
    empty = Descriptor.of(b"", media_type="application/octet-stream")
    with fetching(data=b"") as (client, _):
        client.fetch_blob(empty, store)
    assert store.get(empty) == b""


def test_it_goes_on_where_the_last_run_was(store: ContentStore) -> None:
    half(store, _DATA[:1_000_000])
    with fetching() as (client, server):
        client.fetch_blob(_BLOB, store)
        assert ranges(server) == ["bytes=1000000-"]
    check_whole(store)


def test_it_needs_nothing_where_all_had_come(store: ContentStore) -> None:
    half(store, _DATA)
    with fetching() as (client, server):
        client.fetch_blob(_BLOB, store)
        assert ranges(server) == []
    check_whole(store)


@pytest.mark.parametrize(
    "wrong", [b"x" * 1000, b"x" * len(_DATA), _DATA + b"x"], ids=["a part", "the whole", "too much"]
)
def test_what_is_there_may_be_wrong(store: ContentStore, wrong: bytes) -> None:
    half(store, wrong)
    with fetching() as (client, server):
        client.fetch_blob(_BLOB, store)
        assert ranges(server)[-1] is None
    check_whole(store)


def test_a_registry_without_ranges_gives_all_again(store: ContentStore) -> None:
    half(store, _DATA[:1_000_000])
    with fetching(habits=Habits(ranges=False)) as (client, _):
        client.fetch_blob(_BLOB, store)
    check_whole(store)


def test_a_wrong_range_is_not_believed(store: ContentStore) -> None:
    half(store, _DATA[:1_000_000])
    lie = Rule("GET", "blobs/", act.wrong_range(f"bytes 5-9/{_BLOB.size}"), header="Range")
    with fetching(lie) as (client, _):
        client.fetch_blob(_BLOB, store)
    check_whole(store)


def test_a_blob_that_shrank_is_not_taken(store: ContentStore) -> None:
    half(store, _DATA[:1_000_000])
    with fetching(Rule("GET", "blobs/", act.short(10), FOREVER)) as (client, server):
        with pytest.raises(RegistryError, match="ended after") as caught:
            client.fetch_blob(_BLOB, store)
        assert server.host in str(caught.value)
    assert store.stat(_BLOB.digest) is None


def test_a_blob_of_another_size_is_not_taken(store: ContentStore) -> None:
    with fetching(Rule("GET", "blobs/", act.longer(10), FOREVER)) as (client, server):
        with pytest.raises(SizeMismatch) as caught:
            client.fetch_blob(_BLOB, store)
        assert server.host in str(caught.value)
    assert store.stat(_BLOB.digest) is None


def test_an_end_that_is_too_early_is_no_end(store: ContentStore) -> None:
    """Without a length, the end of a connection is all that tells the end of a body."""

    def early(request: Request, service: Service) -> Answer:
        return act.unmeasured()(request, lambda same: act.short(1_000_000)(same, service))

    with fetching(Rule("GET", "blobs/", early)) as (client, server):
        client.fetch_blob(_BLOB, store)
        assert ranges(server) == [None, f"bytes={_BLOB.size - 1_000_000}-"]
    check_whole(store)


def test_wrong_bytes_are_fetched_once_more(store: ContentStore) -> None:
    with fetching(Rule("GET", "blobs/", act.corrupt(5))) as (client, server):
        client.fetch_blob(_BLOB, store)
        assert ranges(server) == [None, None]
    check_whole(store)


def test_wrong_bytes_are_not_kept(store: ContentStore) -> None:
    with fetching(Rule("GET", "blobs/", act.corrupt(5), FOREVER)) as (client, server):
        with pytest.raises(DigestMismatch) as caught:
            client.fetch_blob(_BLOB, store)
        assert ranges(server) == [None] * 5
        assert server.host in str(caught.value)
    assert store.stat(_BLOB.digest) is None
    assert os.listdir(store.root / "partial") == []


def test_what_came_before_it_failed_is_kept(store: ContentStore) -> None:
    rules = (
        Rule("GET", "blobs/", act.cut_body(1_500_000)),
        Rule("GET", "blobs/", act.status(403, message="no more"), FOREVER),
    )
    with fetching(*rules) as (client, _), pytest.raises(RegistryError, match="no more"):
        client.fetch_blob(_BLOB, store)
    kept = store.root / "partial" / encoded(_BLOB.digest)
    assert 0 < kept.stat().st_size <= 1_500_000
    with fetching() as (client, server):
        client.fetch_blob(_BLOB, store)
        assert ranges(server)[0] is not None
    check_whole(store)


def test_a_peer_that_breaks_off_after_each_byte_is_given_up(store: ContentStore) -> None:
    with (
        fetching(Rule("GET", "blobs/", act.cut_body(1, reset=False), FOREVER)) as (client, server),
        pytest.raises(RegistryError, match="broke off"),
    ):
        client.fetch_blob(_BLOB, store)
    assert len(server.asked("GET", "blobs/")) == _RETRY.attempts


def test_another_process_that_fetches_it_is_waited_for(store: ContentStore) -> None:
    path = half(store, b"")
    with fetching() as (client, server), path.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=client.fetch_blob, args=(_BLOB, store))
        thread.start()
        time.sleep(0.2)
        assert ranges(server) == []
        other.write(_DATA)
        other.flush()
        os.rename(path, store.blob_path(_BLOB.digest))
        other.close()
        thread.join()
        assert ranges(server) == []
    assert store.get(_BLOB) == _DATA


def test_a_link_in_the_place_of_the_beginning_is_not_followed(store: ContentStore, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    half(store, b"").unlink()
    (store.root / "partial" / encoded(_BLOB.digest)).symlink_to(victim)
    with fetching() as (client, _), pytest.raises(Exception, match="partial"):
        client.fetch_blob(_BLOB, store)
    assert victim.read_bytes() == b"precious"


def test_beginnings_are_swept_when_they_are_old(store: ContentStore) -> None:
    path = half(store, b"beginning")
    assert store.gc().abandoned == 0
    assert path.exists()
    os.utime(path, (0, 0))
    assert store.gc().abandoned == len(b"beginning")
    assert not path.exists()
