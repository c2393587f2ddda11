"""Images from one repository to others, without the store."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from smidgen.errors import DigestMismatch, NotInRegistry
from smidgen.layer.entry import Entry
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import Manifest, decode_index, decode_manifest, encode
from smidgen.oci.media_types import OCI_EMPTY, OCI_MANIFEST
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.registry.copy import Copied, copy
from smidgen.registry.retry import RetryPolicy
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import FOREVER, Plan, Rule
from support.registry import Habits, Registry
from support.registry_images import check_registry, index, publish
from support.registry_wire import Answer, Request, Server, Service, serving
from support.small_images import put_image

_NAME = "team/app"
_UPLOAD = r"/blobs/uploads/[0-9a-f]"
_LARGE = 3_000_000


@dataclass(frozen=True)
class Scene:
    """Two registries; the first has an image."""

    source: Server
    origin: Registry
    target: Server
    copied: Registry
    root: Descriptor

    def copy(
        self,
        *names: str,
        platforms: Sequence[str] | None = None,
        referrers: bool = False,
        here: bool = False,
        memory: Path | None = None,
    ) -> Copied:
        host = self.source.host if here else self.target.host
        references = tuple(Reference.parse(f"{host}/{name}") for name in names or ("copy/app:2",))
        wanted = None if platforms is None else tuple(Platform.parse(one) for one in platforms)
        retry = RetryPolicy(first=0.01, longest=0.02)
        with Session(environ={"HOME": "/nonexistent"}, retry=retry) as opened:
            return copy(
                opened,
                Reference.parse(f"{self.source.host}/{_NAME}:1"),
                references,
                platforms=wanted,
                referrers=referrers,
                memory=memory,
            )


@contextmanager
def scene(
    store: ContentStore, root: Descriptor, *, reading: Sequence[Rule] = (), writing: Sequence[Rule] = ()
) -> Iterator[Scene]:
    origin, copied = Registry(), Registry(Habits(keeps=True))
    publish(origin, store, root, _NAME, "1")
    with serving(Plan(reading).around(origin)) as source, serving(Plan(writing).around(copied)) as target:
        yield Scene(source, origin, target, copied, root)
    check_registry(copied)


def large(store: ContentStore) -> Descriptor:
    return put_image(store, [Entry.file("large", os.urandom(_LARGE))], compression="none")


def layer_of(store: ContentStore, root: Descriptor) -> Descriptor:
    return decode_manifest(store.get(root)).layers[0]


def test_an_index_is_copied_whole(store: ContentStore) -> None:
    root = index(store)
    with scene(store, root) as one:
        done = one.copy()
        assert one.copied.tags == {"copy/app": {"2": root.digest}}
        assert one.copied.blobs == one.origin.blobs
        assert done.sent == sum(map(len, one.origin.blobs.values()))
        before = len(one.target.log)
        assert one.copy().sent == 0
        assert [entry.method for entry in one.target.log[before:] if entry.target != "/v2/"] == ["HEAD"]


def test_a_platform_and_several_names(store: ContentStore) -> None:
    root = index(store)
    wanted = decode_index(store.get(root)).manifests[1]
    with scene(store, root) as one:
        done = one.copy("copy/app:a", "copy/app:b", "other/app", platforms=["linux/arm64"])
        assert done.descriptor.digest == wanted.digest
        assert one.copied.tags == {
            "copy/app": {"a": wanted.digest, "b": wanted.digest},
            "other/app": {"latest": wanted.digest},
        }
        assert len(one.copied.mounted) == len(one.copied.blobs)


def test_within_a_registry_nothing_is_read(store: ContentStore) -> None:
    root = index(store)
    with scene(store, root) as one:
        done = one.copy(here=True)
        assert one.origin.tags["copy/app"] == {"2": root.digest}
        assert one.source.asked("GET", "/blobs/") == []
        assert done.mounted == sum(map(len, one.origin.blobs.values()))
        assert done.sent == 0


def test_another_tag_of_a_repository(store: ContentStore) -> None:
    root = index(store)
    with scene(store, root) as one:
        one.copy(f"{_NAME}:2", here=True)
        assert one.origin.tags[_NAME] == {"1": root.digest, "2": root.digest}
        assert one.source.asked(part="/blobs/") == []


@pytest.mark.parametrize("habits", [Habits(), Habits(referrers=False)], ids=["api", "tag"])
def test_referrers_on_request(store: ContentStore, habits: Habits) -> None:
    root = large(store)
    empty = store.put(b"{}", media_type=OCI_EMPTY)
    signature = Manifest(schema_version=2, media_type=OCI_MANIFEST, config=empty, layers=(empty,), subject=root)
    described = store.put(encode(signature), media_type=OCI_MANIFEST)
    with scene(store, root) as one:
        publish(one.origin, store, described, _NAME)
        one.copied.habits = habits
        one.copy()
        assert ("copy/app", described.digest) not in one.copied.manifests
        one.copy(referrers=True)
        assert ("copy/app", described.digest) in one.copied.manifests
        assert (root.digest.replace(":", "-") in one.copied.tags["copy/app"]) is not habits.referrers


def test_a_source_that_breaks_off_is_read_on(store: ContentStore) -> None:
    root = large(store)
    layer = layer_of(store, root)
    with scene(store, root, reading=[Rule("GET", layer.digest, act.cut_body(2_000_000), 2)]) as one:
        one.copy()
        assert one.copied.tags == {"copy/app": {"2": root.digest}}
        starts = [entry.header("Range") for entry in one.source.asked("GET", layer.digest)]
        assert starts[0] is None
        assert None not in starts[1:]
        assert len(one.target.asked("PUT", "/blobs/uploads/")) == len(one.copied.blobs)


def test_a_target_that_breaks_off_is_written_on(store: ContentStore) -> None:
    root = large(store)
    layer = layer_of(store, root)

    def keep_some(request: Request, service: Service) -> Answer:
        upload = one.copied.uploads[request.path.rsplit("/", 1)[-1]]
        upload.data += request.body[:2_500_000]
        return act.status(503, retry_after="0")(request, service)

    with scene(store, root, writing=[Rule("PUT", f"{_UPLOAD}.*{layer.digest}", keep_some)]) as one:
        one.copy()
        assert one.copied.tags == {"copy/app": {"2": root.digest}}
        # Read again from the last mark before, not from the start.
        assert [entry.header("Range") for entry in one.source.asked("GET", layer.digest)] == [None, "bytes=2097152-"]


def test_the_next_run_goes_on_writing(store: ContentStore, tmp_path: Path) -> None:
    root = large(store)
    layer = layer_of(store, root)

    def keep_some(request: Request, service: Service) -> Answer:
        upload = one.copied.uploads[request.path.rsplit("/", 1)[-1]]
        upload.data += request.body[:2_500_000]
        return act.status(403)(request, service)

    with scene(store, root, writing=[Rule("PUT", f"{_UPLOAD}.*{layer.digest}", keep_some)]) as one:
        with pytest.raises(Exception, match="403"):
            one.copy(memory=tmp_path / "uploads")
        one.copy(memory=tmp_path / "uploads")
        (patch,) = one.target.asked("PATCH")
        assert patch.header("Content-Range") == f"2500000-{layer.size - 1}"
        assert one.copied.tags == {"copy/app": {"2": root.digest}}


def test_wrong_bytes_never_arrive(store: ContentStore) -> None:
    root = large(store)
    layer = layer_of(store, root)
    with scene(store, root, reading=[Rule("GET", layer.digest, act.corrupt(70), FOREVER)]) as one:
        with pytest.raises(DigestMismatch) as caught:
            one.copy()
        assert one.source.host in str(caught.value)
        assert not one.copied.tags
        assert layer.digest not in one.copied.blobs


def test_bytes_that_were_wrong_once(store: ContentStore) -> None:
    root = large(store)
    layer = layer_of(store, root)
    with scene(store, root, reading=[Rule("GET", layer.digest, act.corrupt(70))]) as one:
        one.copy()
        assert one.copied.tags == {"copy/app": {"2": root.digest}}


def test_nothing_to_copy(store: ContentStore) -> None:
    with scene(store, index(store)) as one:
        one.origin.tags.clear()
        with pytest.raises(NotInRegistry):
            one.copy()
        assert not one.target.log
