"""Blobs to a registry: whole, in pieces, mounted, and gone on with by the next run."""

import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from smidgen.errors import AccessDenied, DigestMismatch, InvalidAnswer, RegistryError
from smidgen.oci.descriptor import Descriptor
from smidgen.registry.client import Client
from smidgen.registry.progress import Outcome
from smidgen.registry.repository import Repository
from smidgen.registry.retry import RetryPolicy
from smidgen.registry.session import Session
from smidgen.registry.upload import StoredBlob, push_blob
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import FOREVER, Action, Plan, Rule
from support.registry import Habits, Registry
from support.registry_images import check_registry
from support.registry_wire import Answer, Request, Server, Service, serving

_NAME = "team/app"
_UPLOAD = r"/blobs/uploads/[0-9a-f]"
_DATA = os.urandom(1 << 20) * 2 + b"tail"
_RETRY = RetryPolicy(first=0.01, longest=0.02)


@dataclass(frozen=True)
class Scene:
    """A registry, a client of it, and a store with a blob."""

    registry: Registry
    server: Server
    client: Client
    store: ContentStore
    blob: Descriptor

    @property
    def memory(self) -> Path:
        return self.store.root / "cache" / "uploads"

    def push(self, *mounts: str) -> Outcome:
        places = tuple(Repository(self.server.host, name) for name in mounts)
        source = StoredBlob(self.store, self.blob)
        return push_blob(self.client, source, mounts=places, memory=self.memory)

    def requests(self, *methods: str) -> list[str]:
        return [one.method for one in self.server.asked(part="/blobs/") if one.method in methods]

    def check(self) -> None:
        assert self.registry.blobs == {self.blob.digest: _DATA}
        assert not self.registry.uploads
        assert not self.memory.exists() or os.listdir(self.memory) == []
        check_registry(self.registry)


@contextmanager
def scene(store: ContentStore, *rules: Rule, habits: Habits | None = None) -> Iterator[Scene]:
    registry = Registry(habits)
    with store.writer() as writer:
        blob = Descriptor.of(_DATA, media_type="application/octet-stream")
        writer.write(_DATA)
        writer.commit(blob.digest, blob.size)
    environ = {"HOME": "/nonexistent"}
    with serving(Plan(rules).around(registry)) as server, Session(environ=environ, retry=_RETRY) as opened:
        client = Client(opened, Repository(server.host, _NAME), actions=("pull", "push"))
        yield Scene(registry, server, client, store, blob)


def test_a_blob_goes_in_one_piece(store: ContentStore) -> None:
    with scene(store) as one:
        assert one.push() == "pushed"
        assert one.requests("HEAD", "POST", "PATCH", "PUT") == ["HEAD", "POST", "PUT"]
        assert one.push() == "there"
        one.check()


def test_an_empty_blob(store: ContentStore) -> None:
    empty = store.put(b"", media_type="application/octet-stream")
    with scene(store) as one:
        one.client.push_blob(empty, store)
        assert one.registry.blobs == {empty.digest: b""}


def test_what_broke_off_is_gone_on_with(store: ContentStore) -> None:
    with scene(store, Rule("PUT", _UPLOAD, act.drop_body(1_000_000)), habits=Habits(keeps=True)) as one:
        assert one.push() == "pushed"
        assert one.requests("POST") == ["POST"]
        one.check()


def test_the_rest_goes_from_where_the_registry_is(store: ContentStore) -> None:
    """Some registries keep what came before a connection broke."""

    def keep_half(request: Request, _service: Service) -> Answer:
        upload = one.registry.uploads[request.path.rsplit("/", 1)[-1]]
        upload.data += request.body[:1_500_000]
        return act.status(503)(request, _service)

    with scene(store, Rule("PUT", _UPLOAD, keep_half)) as one:
        assert one.push() == "pushed"
        assert one.requests("POST", "GET", "PATCH", "PUT") == ["POST", "PUT", "GET", "PATCH", "PUT"]
        patch = one.server.asked("PATCH")[0]
        assert patch.header("Content-Range") == f"1500000-{len(_DATA) - 1}"
        one.check()


def test_a_registry_that_takes_pieces_only(store: ContentStore) -> None:
    with scene(store, Rule("PUT", rf"{_UPLOAD}.*digest", act.page(413))) as one:
        assert one.push() == "pushed"
        assert "PATCH" in one.requests("PATCH")
        one.check()


def test_a_registry_that_takes_nothing(store: ContentStore) -> None:
    with (
        scene(store, Rule("PUT|PATCH", _UPLOAD, act.page(413), FOREVER)) as one,
        pytest.raises(RegistryError, match="413"),
    ):
        one.push()
    assert len(one.requests("PUT", "PATCH")) == 2


@pytest.mark.parametrize("habits", [Habits(relative=True), Habits(moving=True), Habits(relative=True, moving=True)])
@pytest.mark.parametrize("action", [act.page(413), act.status(416), act.status(503, retry_after="0"), act.late(500)])
def test_locations_are_followed(store: ContentStore, habits: Habits, action: Action) -> None:
    with scene(store, Rule("PUT", _UPLOAD, action), habits=habits) as one:
        one.push()
        assert one.registry.blobs == {one.blob.digest: _DATA}


def test_pieces_follow_what_the_registry_has(store: ContentStore) -> None:
    """After a PATCH of which the registry kept less than was sent, the next begins there."""

    def keep_less(request: Request, service: Service) -> Answer:
        body = request.body
        upload = one.registry.uploads[request.path.rsplit("/", 1)[-1]]
        upload.data += body[:100_000]
        return Answer(202, (("Location", request.target), ("Range", "0-99999")))

    rules = (Rule("PUT", _UPLOAD, act.page(413)), Rule("PATCH", _UPLOAD, keep_less))
    with scene(store, *rules) as one:
        one.push()
        second = one.server.asked("PATCH")[1]
        assert (second.header("Content-Range") or "").startswith("100000-")
        one.check()


def test_416_asks_and_goes_on(store: ContentStore) -> None:
    rules = (Rule("PUT", _UPLOAD, act.page(413)), Rule("PATCH", _UPLOAD, act.status(416)))
    with scene(store, *rules) as one:
        one.push()
        one.check()


def test_a_lost_answer_is_no_second_upload(store: ContentStore) -> None:
    with scene(store, Rule("PUT", _UPLOAD, act.lost())) as one:
        assert one.push() == "pushed"
        assert one.requests("PUT") == ["PUT"]
        one.check()


@pytest.mark.parametrize("answer", [202, 400, 403, 404])
def test_a_mount_that_is_refused_is_an_upload(store: ContentStore, answer: int) -> None:
    rule = Rule("POST", "mount=", act.status(answer), FOREVER)
    with scene(store, *([rule] if answer != 202 else [])) as one:
        assert one.push("other/app") == "pushed"
        assert one.registry.blobs == {one.blob.digest: _DATA}


def test_a_blob_is_mounted(store: ContentStore) -> None:
    with scene(store) as one:
        one.registry.add_blob("other/app", _DATA)
        assert one.push("no/such", "other/app") == "mounted"
        assert one.requests("PUT") == []
        assert (one.client.repository.name, one.blob.digest) in one.registry.links


def test_the_next_run_goes_on(store: ContentStore) -> None:
    def keep_half(request: Request, _service: Service) -> Answer:
        upload = one.registry.uploads[request.path.rsplit("/", 1)[-1]]
        upload.data += request.body[:1_500_000]
        return act.status(403, message="closed for today")(request, _service)

    with scene(store, Rule("PUT", _UPLOAD, keep_half)) as one:
        with pytest.raises(AccessDenied, match="closed"):
            one.push()
        (record,) = one.memory.iterdir()
        assert stat.S_IMODE(record.stat().st_mode) == 0o600
        assert json.loads(record.read_text())["repository"] == str(one.client.repository)
        assert one.push() == "pushed"
        assert one.requests("POST") == ["POST"]
        assert one.server.asked("PATCH")[0].header("Content-Range") == f"1500000-{len(_DATA) - 1}"
        one.check()


@pytest.mark.parametrize("record", [b"", b"{", b'{"location": 3}', None], ids=["empty", "cut", "wrong", "expired"])
def test_a_record_that_is_of_no_use(store: ContentStore, record: bytes | None) -> None:
    with scene(store, Rule("PUT", _UPLOAD, act.status(403))) as one:
        with pytest.raises(AccessDenied):
            one.push()
        (path,) = one.memory.iterdir()
        one.registry.uploads.clear()
        if record is not None:
            path.write_bytes(record)
        assert one.push() == "pushed"
        one.check()


def test_what_another_process_uploads_is_left_to_it(store: ContentStore) -> None:
    with scene(store, Rule("PUT", _UPLOAD, act.status(403))) as one:
        with pytest.raises(AccessDenied):
            one.push()
        (path,) = one.memory.iterdir()
        with path.open("r+b") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            assert one.push() == "pushed"
        assert len(one.registry.uploads) == 1


def test_damage_in_the_store_is_told(store: ContentStore) -> None:
    with scene(store) as one:
        path = store.blob_path(one.blob.digest)
        path.write_bytes(b"x" + _DATA[1:])
        with pytest.raises(DigestMismatch) as caught:
            one.push()
        assert "gc --verify" in (caught.value.hint or "")
        assert not one.registry.blobs


def test_damage_on_the_way_is_mended(store: ContentStore) -> None:
    with scene(store, Rule("PUT", _UPLOAD, act.status(400, reason="DIGEST_INVALID"))) as one:
        assert one.push() == "pushed"
        assert one.registry.blobs == {one.blob.digest: _DATA}


@pytest.mark.parametrize(
    "location", [None, "file:///etc/passwd", "http://169.254.169.254/x", "http://user:secret@[::1]/x"]
)
def test_a_location_that_leads_astray(store: ContentStore, location: str | None) -> None:
    rule = Rule("POST", "/blobs/uploads/", act.header("Location", *([location] if location else [])), FOREVER)
    with scene(store, rule) as one, pytest.raises(InvalidAnswer, match=r"(?i)location|address") as caught:
        one.push()
    assert one.server.host in str(caught.value)
    assert not re.search("secret", str(caught.value))
