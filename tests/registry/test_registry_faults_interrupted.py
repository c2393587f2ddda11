"""Transfers that are interrupted or killed: nothing half-written counts, and the next run goes on where it was."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import encoded
from smidgen.oci.manifest import decode_manifest
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.command import Smidgen
from support.faulty_registry import FOREVER, Plan, Rule
from support.registry import Habits, Registry
from support.registry_images import check_registry, check_store, publish, random_entries
from support.registry_wire import Server, serving, wait_until
from support.small_images import put_image

_SIZE = 16 << 20
# Then the registry sends or takes no more, until the process has ended.
_ENOUGH = 3 << 20
# What may have been on its way, in the buffers of both sides, when a process ended.
_IN_FLIGHT = 3 << 20
_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


def large_image(store: ContentStore) -> Descriptor:
    """Make an image with one large layer and a small one."""
    with store.writing():
        return put_image(store, random_entries(1, _SIZE), [Entry.file("small", b"small")], compression="none")


def layer_of(store: ContentStore, image: Descriptor) -> Descriptor:
    return max(decode_manifest(store.get(image)).layers, key=lambda layer: layer.size)


@contextmanager
def started(command: Smidgen, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start smidgen in a process group of its own, as a shell does."""
    with subprocess.Popen(
        [sys.executable, "-m", "smidgen", *arguments],
        cwd=command.cwd,
        env=os.environ | {"SMIDGEN_STORE": str(command.store)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal, and check that the process ended as it should: at once, with few words."""
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert stdout == ""
    assert "Traceback" not in stderr
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 128 + number, stderr
    if number == signal.SIGINT:
        assert "interrupted" in stderr


def sent(server: Server, digest: str) -> int:
    return sum(one.sent for one in server.asked("GET", digest))


def received(server: Server) -> int:
    return sum(one.received for one in server.asked(part="/blobs/uploads/"))


@pytest.mark.parametrize("number", _SIGNALS, ids=lambda one: one.name)
def test_a_pull_goes_on_where_it_was(tmp_path: Path, smidgen: Smidgen, number: signal.Signals) -> None:
    registry = Registry()
    source = ContentStore.open(tmp_path / "source")
    image = large_image(source)
    layer = layer_of(source, image)
    publish(registry, source, image, "team/app", "1")
    store = ContentStore.open(smidgen.store)
    half = store.root / "partial" / encoded(layer.digest)
    stuck = Rule("GET", layer.digest, act.stall(600, _ENOUGH))
    with serving(Plan([stuck]).around(registry)) as server:
        name = f"{server.host}/team/app:1"
        with started(smidgen, "pull", name) as process:
            wait_until(lambda: half.exists() and half.stat().st_size > _ENOUGH // 2)
            end(process, number)
        assert Reference.parse(name) not in store.tags()
        assert store.stat(layer.digest) is None
        smidgen("pull", name)
        ranges = [one.header("Range") for one in server.asked("GET", layer.digest)]
        assert len(ranges) == 2
        assert ranges[1] is not None
        assert sent(server, layer.digest) < layer.size + _IN_FLIGHT
    assert check_store(store, store.resolve(Reference.parse(name))) == 4
    assert_nothing_left(store)


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "forgotten"])
@pytest.mark.parametrize("number", _SIGNALS, ids=lambda one: one.name)
def test_a_push_goes_on_where_it_was(smidgen: Smidgen, number: signal.Signals, *, keeps: bool) -> None:
    """Registries may keep what came, or forget it; a push never counts before it is whole."""
    store = ContentStore.open(smidgen.store)
    image = large_image(store)
    slow = Habits(keeps=keeps, holds=_ENOUGH)
    registry = Registry(slow)
    with serving(registry) as server:
        name = f"{server.host}/team/app:1"
        store.tag(Reference.parse(name), image)
        with started(smidgen, "push", name) as process:
            wait_until(lambda: received(server) >= _ENOUGH)
            end(process, number)
        slow.goes_on.set()
        wait_until(server.is_idle)
        assert not registry.tags
        before = received(server)
        registry.habits = Habits(keeps=keeps)
        smidgen("push", name)
        assert registry.tags == {"team/app": {"1": image.digest}}
        if keeps:
            assert received(server) < _SIZE + _IN_FLIGHT
            assert received(server) - before < _SIZE
    check_registry(registry)
    assert_nothing_left(store)


@pytest.mark.parametrize("number", _SIGNALS, ids=lambda one: one.name)
def test_a_copy_begins_with_what_is_missing(tmp_path: Path, smidgen: Smidgen, number: signal.Signals) -> None:
    registry = Registry()
    source = ContentStore.open(tmp_path / "source")
    image = large_image(source)
    layer = layer_of(source, image)
    publish(registry, source, image, "team/app", "1")
    slow = Habits(holds=_ENOUGH)
    target = Registry(slow)
    with serving(registry) as server, serving(target) as other:
        names = (f"docker://{server.host}/team/app:1", f"docker://{other.host}/copied/app:2")
        with started(smidgen, "copy", *names) as process:
            wait_until(lambda: received(other) >= _ENOUGH)
            end(process, number)
        slow.goes_on.set()
        wait_until(other.is_idle)
        assert not target.tags
        target.habits = Habits()
        smidgen("copy", *names)
        assert target.tags == {"copied/app": {"2": image.digest}}
        small = [blob for blob in target.blobs if blob != layer.digest]
        for digest in small:
            assert sum(digest in one.target for one in other.asked("PUT")) <= 2
    check_registry(target)


def test_a_second_pull_waits_for_the_first(tmp_path: Path, smidgen: Smidgen) -> None:
    """Two processes that want the same blob fetch it once."""
    registry = Registry()
    source = ContentStore.open(tmp_path / "source")
    image = large_image(source)
    layer = layer_of(source, image)
    publish(registry, source, image, "team/app", "1", "2")
    slow = Rule("GET", layer.digest, act.drip(1 << 18, 0.01), FOREVER)
    with serving(Plan([slow]).around(registry)) as server:
        with (
            started(smidgen, "pull", f"{server.host}/team/app:1") as one,
            started(smidgen, "pull", f"{server.host}/team/app:2") as two,
        ):
            assert one.communicate(timeout=120)[1] is not None
            assert two.communicate(timeout=120)[1] is not None
            assert (one.returncode, two.returncode) == (0, 0)
        assert sent(server, layer.digest) == layer.size
    store = ContentStore.open(smidgen.store)
    assert len(store.tags()) == 2
    check_store(store, image)


def test_a_pull_of_what_is_half_there_and_wrong(tmp_path: Path, smidgen: Smidgen) -> None:
    """What a killed run left may be damaged by whatever killed it: a full disk, a power cut."""
    registry = Registry()
    source = ContentStore.open(tmp_path / "source")
    image = large_image(source)
    layer = layer_of(source, image)
    publish(registry, source, image, "team/app", "1")
    store = ContentStore.open(smidgen.store)
    half = store.root / "partial" / layer.digest.partition(":")[2]
    half.parent.mkdir(exist_ok=True)
    with serving(registry) as server:
        for at, content in enumerate((b"\0" * 100_000, bytes(layer.size), bytes(layer.size + 1), b"")):
            half.write_bytes(content)
            smidgen("pull", f"{server.host}/team/app:1")
            check_store(store, image)
            assert_nothing_left(store)
            if at < 3:
                smidgen("rm", f"{server.host}/team/app:1")
                smidgen("gc")
                assert store.stat(layer.digest) is None


def assert_nothing_left(store: ContentStore) -> None:
    """Check that no temporary file and no record is left."""
    for name in ("ingest", "partial"):
        directory = store.root / name
        assert not directory.exists() or os.listdir(directory) == [], name
    assert not list((store.root / "cache").rglob("upload*/*"))
