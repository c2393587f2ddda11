"""Ill treatment of a content store, as a program of its own: ``python -m support.store_stress ACTION ROOT``.

It forks, kills and mounts, which a test process with threads had better not do itself. An exit code
other than 0, with a traceback, is a fault of the store.

crash        A worker builds, tags, untags and collects in a loop, and is killed with SIGKILL at random
             moments; after each, the store must be whole and the next build work.
concurrent   Many workers build and tag at once while another collects; no tag and no blob may be lost.
full         On a file system that is full, then read-only, then not ours. Run it under ``unshare --mount``.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Loaded now, as who gives up his rights may not be able to read it later.
import smidgen.store.collect  # noqa: F401
from smidgen.errors import StoreError
from smidgen.layer.entry import Entry
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.reference import Reference
from smidgen.store.blobs import CHUNK, Blobs
from smidgen.store.closure import children, is_whole, read_document, walk
from smidgen.store.content import ContentStore
from support.small_images import AMD64, put_image, put_index

KILLS = 120
WORKERS = 6
IMAGES = 25
_NOBODY = 65534


def build(store: ContentStore, number: int) -> Descriptor:
    """Make an index of an image with a layer that others share and one that they do not."""
    shared = [Entry.file("shared", b"shared" * (number % 3))]
    own = [Entry.file("own", hashlib.sha512(b"%d" % number).digest() * 2000)]
    return put_index(store, [(AMD64, put_image(store, shared, own, compression="none"))])


def name(number: int) -> Reference:
    return Reference.parse(f"web:{number}")


def check(store: ContentStore) -> None:
    """Check all of the store: every blob, every document that has come to be, every tag."""
    for digest in Blobs(store.root).digests():
        data = store.blob_path(digest).read_bytes()
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest, digest
        if read_document(data) is not None:
            document = Descriptor(media_type="application/json", digest=digest, size=len(data))
            assert all(store.has(child) for child in children(store, document)), data
    for reference, descriptor in store.tags().items():
        assert is_whole(store, descriptor), reference
        for found in walk(store, [descriptor]):
            with store.open_blob(found) as stream:
                while stream.read(CHUNK):
                    pass


def fork(work: Callable[[], None]) -> int:
    """Run *work* in a child; its exit code is 1 if that raises."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # noqa: BLE001 (whatever it is, this child must not go on as its parent)
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def crash(root: Path) -> None:
    chance = random.Random(7)
    for at in range(KILLS):
        # The first ones fall into the making of the store itself.
        target = root if at >= KILLS // 4 else root.with_name(f"{root.name}-{at}")
        child = fork(lambda seed=at, target=target: misuse(target, seed))  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.004 if target != root else 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        store = ContentStore.open(target)
        check(store)
        with store.writing():
            assert os.listdir(target / "ingest") == []
            built = build(store, 1000 + at)
            store.tag(name(0), built)
        assert store.resolve(name(0)) == built
        check(store)
    store.gc(wait=1)
    check(store)


def misuse(root: Path, seed: int) -> None:
    chance = random.Random(seed)
    while True:
        store = ContentStore.open(root)
        number = chance.randrange(40)
        match chance.randrange(4):
            case 0:
                store.gc(wait=1)
            case 1:
                store.untag(name(number))
            case _:
                with store.writing():
                    store.tag_all({name(number): build(store, number), name(number + 1): build(store, number)})


def concurrent(root: Path) -> None:
    def work(worker: int) -> None:
        store = ContentStore.open(root)
        for at in range(IMAGES):
            number = worker * IMAGES + at
            with store.writing():
                built = build(store, number)
                time.sleep(0.001)
                store.tag(name(number), built)
                assert is_whole(store, store.resolve(name(number)))

    def collect() -> None:
        store = ContentStore.open(root)
        while True:
            try:
                store.gc(wait=0.05)
            except StoreError as error:
                if "was held" not in error.message:
                    raise

    # All make the store at once, too.
    workers = [fork(lambda worker=worker: work(worker)) for worker in range(WORKERS)]  # type: ignore[misc]
    collector = fork(collect)
    try:
        failed = [os.waitpid(child, 0)[1] for child in workers]
    finally:
        os.kill(collector, signal.SIGKILL)
        os.waitpid(collector, 0)
    assert not any(failed), failed
    store = ContentStore.open(root)
    assert set(store.tags()) == {name(number) for number in range(WORKERS * IMAGES)}
    check(store)
    store.gc(wait=1)
    check(store)


def full(root: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", root], check=True)
    store = ContentStore.open(root / "store")
    store.tag(name(1), build(store, 1))
    before = state(store)

    refused(lambda: put_image(store, [Entry.file("big", random.Random(1).randbytes(4 << 20))]), "No space left")
    assert state(store) == before
    ballast = root / "ballast"
    with suppress(OSError):
        ballast.write_bytes(bytes(4 << 20))
    refused(lambda: store.tag(name(2), store.resolve(name(1))), "No space left")
    refused(lambda: build(store, 2), "No space left")
    refused(lambda: ContentStore.open(root / "another"), "No space left")
    assert state(store) == before
    store.get(store.resolve(name(1)))
    ballast.unlink()
    ContentStore.open(root / "another")
    store.tag(name(2), build(store, 2))

    if os.geteuid() == 0 and "SMIDGEN_TEST_USER_NAMESPACE" not in os.environ:
        child = fork(lambda: as_nobody(store))
        assert os.waitpid(child, 0)[1] == 0
    before = state(store)
    subprocess.run(["mount", "-o", "remount,ro", root], check=True)
    unwritable(store, "Read-only file system")
    assert state(store) == before
    check(store)


def as_nobody(store: ContentStore) -> None:
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    unwritable(store, "Permission denied")
    check(store)


def unwritable(store: ContentStore, reason: str) -> None:
    reopened = ContentStore.open(store.root)
    assert reopened.tags() == store.tags()
    refused(lambda: build(store, 3), reason)
    refused(lambda: store.tag(name(3), store.resolve(name(1))), reason)
    refused(lambda: store.untag(name(1)), reason)
    refused(store.gc, reason)
    refused(lambda: store.writing().__enter__(), reason)
    refused(lambda: ContentStore.open(store.root.with_name("third")), reason)


def refused(work: Callable[[], object], reason: str) -> None:
    """Check that *work* is refused with an error that says where, why, and what to do."""
    try:
        work()
    except StoreError as error:
        found = error
    else:
        raise AssertionError(f"not refused: {reason}")
    assert reason in found.message, found
    assert any(place in found.message for place in ("/store", "/another", "/third")), found
    assert "--store" in (found.hint or ""), found


def state(store: ContentStore) -> tuple[dict[str, int], list[str], bytes]:
    blobs = {str(digest): size for digest, size in Blobs(store.root).digests().items()}
    return blobs, os.listdir(store.root / "ingest"), (store.root / "index.json").read_bytes()


if __name__ == "__main__":
    {"crash": crash, "concurrent": concurrent, "full": full}[sys.argv[1]](Path(sys.argv[2]))
