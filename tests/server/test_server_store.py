"""The store under a server: kept whole, shared with other programs, and left in order."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import smidgen
from smidgen.errors import StoreError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import sha256
from smidgen.oci.media_types import OCI_MANIFEST
from smidgen.oci.reference import Reference
from smidgen.server.lease import Lease
from smidgen.server.listen import serving
from smidgen.server.options import ServeOptions
from smidgen.server.refusal import Refusal
from smidgen.store.blobs import Blobs
from smidgen.store.closure import is_whole
from smidgen.store.content import ContentStore
from support.asking import CONFIG, Asker, image
from support.command import Smidgen
from support.serving_process import serving_process

DATA = random.Random(5).randbytes(3_000_000)


def check(store: ContentStore) -> None:
    """Check that every blob is what it is called, and every image whole."""
    for digest in Blobs(store.root).digests():
        assert sha256(store.blob_path(digest).read_bytes()) == digest
    for descriptor in store.tags().values():
        assert is_whole(store, descriptor)


def half_an_upload(ask: Asker) -> socket.socket:
    """Send half of a blob, and give the connection."""
    place = ask("POST", "/v2/app/blobs/uploads/").place
    host, _, port = ask.address.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.sendall(f"PUT {place}?digest={sha256(DATA)} HTTP/1.1\r\nHost: x\r\n".encode())
    connection.sendall(f"Content-Length: {len(DATA)}\r\n\r\n".encode() + DATA[:2_000_000])
    while ask("GET", place).headers["Range"] == "0-0":
        time.sleep(0.01)
    return connection


def test_the_address_is_all_that_it_prints(store: ContentStore) -> None:
    with serving_process(store.root, "-v") as running:
        running.ask.push_image("1.0")
        running.ask("GET", "/v2/app/manifests/%1b[31m")
        exit_code, stdout, stderr = running.end()
    assert (exit_code, stdout) == (0, "")
    assert "PUT /v2/app/manifests/1.0 201" in stderr
    assert "\x1b[31m" not in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_under_way_comes_to_its_end(store: ContentStore, number: int) -> None:
    with serving_process(store.root) as running, half_an_upload(running.ask) as connection:
        idle = socket.create_connection(connection.getpeername(), timeout=60)
        running.process.send_signal(number)
        # Who is not in the middle of something is cut off at once; reset, where nobody had taken the call yet.
        with contextlib.suppress(ConnectionResetError):
            assert idle.recv(1) == b""
        idle.close()
        connection.sendall(DATA[2_000_000:])
        answer = connection.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 201 Created")
        assert b"Connection: close" in answer
        assert running.process.wait(60) == 0
    assert store.stat(sha256(DATA)) == len(DATA)


def test_a_second_signal_does_not_wait(store: ContentStore) -> None:
    with serving_process(store.root) as running, half_an_upload(running.ask) as connection:
        running.process.send_signal(signal.SIGINT)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
        assert connection.recv(1) == b""
    assert os.listdir(store.root / "ingest") == []


def test_killed_in_the_middle(store: ContentStore) -> None:
    with serving_process(store.root) as running:
        running.ask.push_image("1.0")
        with half_an_upload(running.ask):
            running.end(signal.SIGKILL)
    assert len(os.listdir(store.root / "ingest")) == 1
    check(store)
    with serving_process(store.root) as running:
        # The first who writes clears away what the dead one left.
        running.ask.push_image("2.0", text=b"other")
        assert os.listdir(store.root / "ingest") == []
        assert running.ask("GET", "/v2/app/manifests/1.0").content == image()
    check(store)


def test_a_full_disk(store: ContentStore) -> None:
    with serving_process(store.root, under=("prlimit", "--fsize=1000000")) as running:
        for _ in range(2):
            reply = running.ask("POST", f"/v2/app/blobs/uploads/?digest={sha256(DATA)}", DATA)
            assert (reply.status, reply.code) == (507, "INSUFFICIENT_STORAGE")
            assert str(store.root) not in reply.content.decode()
        place = running.ask("POST", "/v2/app/blobs/uploads/").place
        assert running.ask("PATCH", place, DATA).status == 507
        assert running.ask("GET", place).status == 404
        assert os.listdir(store.root / "ingest") == []
        assert list(Blobs(store.root).digests()) == []
        running.ask.push_image("1.0")


def test_a_store_that_cannot_be_written(store: ContentStore) -> None:
    with serving_process(store.root) as running:
        running.ask.push_image("1.0")
        running.end()
    places = [store.root, *(path for path in store.root.rglob("*"))]
    for path in places:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        # For the superuser rights count when it has no capabilities.
        under = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
        with serving_process(store.root, "-v", under=under) as running:
            assert running.ask("GET", "/v2/app/manifests/1.0").content == image()
            assert running.ask("HEAD", f"/v2/app/blobs/{sha256(CONFIG)}").status == 200
            for method, target in (
                ("POST", "/v2/app/blobs/uploads/"),
                ("PUT", "/v2/app/manifests/2.0"),
                ("DELETE", "/v2/app/manifests/1.0"),
                ("DELETE", f"/v2/app/blobs/{sha256(CONFIG)}"),
            ):
                reply = running.ask(method, target, image())
                assert (reply.status, reply.code) == (500, "UNKNOWN")
                assert str(store.root) not in reply.content.decode()
            _, _, stderr = running.end()
        assert stderr.count(f"{store.root}") == 4
        assert "Permission denied" in stderr
    finally:
        for path in places:
            path.chmod(0o755 if path.is_dir() else 0o644)
    check(store)


def test_two_servers_on_one_store(store: ContentStore) -> None:
    with serving_process(store.root) as one, serving_process(store.root) as two:

        def push(number: int) -> Descriptor:
            return (one, two)[number % 2].ask.push_image(f"{number}", text=b"%d" % (number // 4))

        with ThreadPoolExecutor(8) as pool:
            pushed = list(pool.map(push, range(24)))
        assert one.ask("GET", "/v2/app/tags/list").json == two.ask("GET", "/v2/app/tags/list").json
        # Each has its own uploads.
        assert two.ask("GET", one.ask("POST", "/v2/app/blobs/uploads/").place).code == "BLOB_UPLOAD_UNKNOWN"
    assert {reference.tag: found for reference, found in store.tags().items()} == {
        str(number): descriptor for number, descriptor in enumerate(pushed)
    }
    check(store)


def test_collection_waits_for_a_push(ask: Asker, store: ContentStore) -> None:
    for blob in (CONFIG, b"layer"):
        ask.push_blob(blob)
    with pytest.raises(StoreError, match="was held"):
        store.gc(wait=0.1)
    assert ask.push_manifest(image(), "1.0").status == 201
    # All that was pushed is named: nobody is waited for any more.
    assert store.gc(wait=0).blobs == ()


def test_collection_waits_for_who_was_told_that_a_blob_is_there(ask: Asker, store: ContentStore) -> None:
    for blob in (CONFIG, b"layer"):
        store.put(blob, media_type="x")
    assert ask("HEAD", f"/v2/app/blobs/{sha256(CONFIG)}").status == 200
    assert ask("POST", f"/v2/app/blobs/uploads/?mount={sha256(b'layer')}&from=x").status == 201
    with pytest.raises(StoreError, match="was held"):
        store.gc(wait=0.1)
    assert ask.push_manifest(image(), "1.0").status == 201
    assert store.gc(wait=0).blobs == ()


def test_a_push_that_was_given_up_is_not_waited_for(store: ContentStore) -> None:
    now = 1000.0
    lease = Lease(store, quiet=15, clock=lambda: now)
    with lease.working():
        blob = store.put(b"nobody names me", media_type="x")
        lease.rely(blob.digest)
    now += 14
    lease.expire()
    with pytest.raises(StoreError, match="was held"):
        store.gc(wait=0)
    now += 2
    lease.expire()
    assert store.gc(wait=0).blobs == (blob.digest,)


def test_a_deletion_during_a_build_is_asked_for_again(store: ContentStore) -> None:
    lease = Lease(store, wait=0.05)
    with lease.working():
        with store.writing(), pytest.raises(Refusal) as caught, lease.deleting():
            pass
        assert caught.value.headers["Retry-After"]
        # The lease is held again, whatever became of the deletion.
        with lease.deleting():
            pass
        with pytest.raises(StoreError, match="was held"):
            store.gc(wait=0)
    assert store.gc(wait=0).blobs == ()


def test_pushes_deletions_and_collections_at_once(ask: Asker, store: ContentStore) -> None:
    ended = threading.Event()

    def collect() -> None:
        while not ended.is_set():
            # Pushes may hold it all the time.
            with suppress(StoreError):
                ContentStore.open(store.root).gc(wait=0.05)

    def push(number: int) -> None:
        text = b"layer %d" % (number % 3)
        data = image(text)
        # A collection between two pushes may take what no image has: the client pushes it again then.
        for _ in range(50):
            for blob in (CONFIG, text):
                ask.push_blob(blob)
            reply = ask.push_manifest(data, f"{number}")
            if reply.status == 201:
                break
            assert reply.code == "MANIFEST_BLOB_UNKNOWN"
        else:
            pytest.fail("never pushed")
        if number % 4 == 0:
            assert ask("DELETE", f"/v2/app/manifests/{number}").status == 202
        if number % 6 == 1:
            assert ask("DELETE", f"/v2/app/blobs/{sha256(text)}").status in {404, 405, 503}

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(push, range(24)))
    finally:
        ended.set()
        collector.join()
    assert {reference.tag for reference in store.tags()} == {str(number) for number in range(24) if number % 4}
    check(store)


def test_options_of_the_command(smidgen: Smidgen, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    cases = [
        (("--listen", "0.0.0.0:0"), "--allow-remote"),
        (("--listen", "nonsense"), "no address to listen on"),
        (("--user", "me"), "--password-file"),
        (("--password-file", "password"), "--user"),
        (("--user", "a:b", "--password-file", "password"), "without a colon"),
        (("--user", "me", "--password-file", "none"), "cannot read the password"),
        (("--tls-cert", "password"), "--tls-key"),
        (("--tls-cert", "password", "--tls-key", "password"), "cannot use the certificate"),
    ]
    for options, said in cases:
        outcome = smidgen("serve", *options, fails=True)
        assert (outcome.exit_code, outcome.stdout) == (2, ""), outcome
        assert said in outcome.stderr


def test_from_python(store: ContentStore) -> None:
    lines: list[str] = []
    for _ in range(2):
        with smidgen.serve(store, account=("me", "secret"), log=lines.append) as registry:
            assert Asker(registry.address)("GET", "/v2/").status == 401
            assert registry.url == f"http://{registry.address}"
        with pytest.raises(ConnectionRefusedError):
            Asker(registry.address)("GET", "/v2/")
    assert len(lines) == 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("serve")]


def test_nothing_is_imported_for_other_commands() -> None:
    program = "import smidgen.api, smidgen.cli.root, sys; print([n for n in sys.modules if 'smidgen.server' in n])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_a_tag_of_the_command_line_is_served(ask: Asker, store: ContentStore, smidgen: Smidgen) -> None:
    ask.push_image("1.0")
    smidgen("tag", "app:1.0", "ghcr.io/me/app:2.0")
    assert ask("GET", "/v2/ghcr.io/me/app/manifests/2.0").headers["Content-Type"] == OCI_MANIFEST
    smidgen("rm", "app:1.0")
    assert ask("GET", "/v2/app/tags/list").status == 404
    assert store.resolve(Reference.parse("ghcr.io/me/app:2.0"))


def test_connections_are_closed_at_the_end(store: ContentStore) -> None:
    with serving(store, ServeOptions(port=0)) as server:
        host, _, port = server.address.partition(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1000)
            server.stop()
            assert connection.recv(1) == b""
