"""Pushing to a registry that fails: all arrives whole in the end, or no tag says that it did."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smidgen.errors import AccessDenied, InvalidAnswer, RegistryError, SmidgenError, TooManyRequests
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.reference import Reference
from smidgen.registry.push import push
from smidgen.registry.transport import Limits
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import FOREVER, Action, Plan, Rule
from support.registry import Habits, Registry
from support.registry_access import Access
from support.registry_images import check_registry, check_store, image, index, publish
from support.registry_session import IMPATIENT, LIMITS, credentials, session
from support.registry_wire import Server, serving

_NAME = "team/app"
_START = r"/blobs/uploads/(\?|$)"
_UPLOAD = r"/blobs/uploads/[0-9a-f]"
_BLOB = r"/blobs/sha256:"
_MANIFEST = r"/manifests/"


@contextmanager
def receiving(
    *rules: Rule, habits: Habits | None = None, access: Access | None = None
) -> Iterator[tuple[Server, Registry, Plan]]:
    """Serve an empty registry with faults."""
    registry = Registry(habits)
    plan = Plan(rules)
    with serving(plan.around(access.around(registry) if access else registry)) as server:
        yield server, registry, plan
    check_registry(registry)


def send(
    server: Server,
    store: ContentStore,
    root: Descriptor,
    environ: dict[str, str] | None = None,
    limits: Limits = LIMITS,
) -> None:
    with session(environ, limits=limits) as opened:
        push(opened, store, root, (Reference.parse(f"{server.host}/{_NAME}:1"),))


def arrived(registry: Registry, store: ContentStore, root: Descriptor) -> bool:
    """Tell whether the tag is there; then all must be there that it leads to, byte by byte."""
    if registry.tags.get(_NAME) is None:
        return False
    assert registry.tags == {_NAME: {"1": root.digest}}
    stored = registry.blobs | {digest: data for (_, digest), (_, data) in registry.manifests.items()}
    assert check_store(store, root) == len(stored)
    assert all(store.blob_path(Digest(digest)).read_bytes() == data for digest, data in stored.items())
    return True


_ODD = act.status(404, reason="BLOB_UPLOAD_UNKNOWN")
_PASSING: dict[str, tuple[str, str, Action, int]] = {
    **{
        f"{code} at {what}": (method, target, act.status(code, retry_after=after), 2)
        for code, after in ((429, "0"), (500, None), (502, None), (503, "0"), (504, None))
        for what, method, target in (
            ("the look", "HEAD", _BLOB),
            ("the start", "POST", _START),
            ("the upload", "PATCH|PUT", _UPLOAD),
            ("the manifest", "PUT", _MANIFEST),
        )
    },
    "an error page": ("POST|PUT", ".", act.page(502), 2),
    "a drop at the look": ("HEAD", _BLOB, act.drop(), 2),
    "a drop at the start": ("POST", _START, act.drop(), 2),
    "a drop at the upload": ("PATCH|PUT", _UPLOAD, act.drop(), 2),
    "a drop in the first byte": ("PATCH|PUT", _UPLOAD, act.drop_body(1), 2),
    "a drop in the middle": ("PATCH|PUT", _UPLOAD, act.drop_body(10_000), 2),
    "a drop at the manifest": ("PUT", _MANIFEST, act.drop_body(1), 2),
    "a lost answer of the start": ("POST", _START, act.lost(), 2),
    "a lost answer of the upload": ("PATCH|PUT", _UPLOAD, act.lost(), 2),
    "a lost answer of the manifest": ("PUT", _MANIFEST, act.lost(reset=False), 2),
    "a late 500 of the start": ("POST", _START, act.late(500), 2),
    "a late 500 of the upload": ("PATCH|PUT", _UPLOAD, act.late(500), 2),
    "a late 503 of the manifest": ("PUT", _MANIFEST, act.late(503), 2),
    "an upload that is gone": ("PATCH|PUT", _UPLOAD, _ODD, 2),
    "bytes that changed on their way": ("PATCH|PUT", _UPLOAD, act.status(400, reason="DIGEST_INVALID"), 1),
    "416 at the upload": ("PATCH", _UPLOAD, act.status(416, reason="BLOB_UPLOAD_INVALID"), 1),
    "a cut answer of the upload": ("PATCH|PUT", _UPLOAD, act.cut(20), 2),
    "a stall of the answer": ("PUT", _MANIFEST, act.stall(10, -1), 1),
}


@pytest.mark.parametrize("name", _PASSING)
def test_a_fault_that_passes_is_overcome(store: ContentStore, name: str) -> None:
    method, target, action, times = _PASSING[name]
    root = index(store)
    with receiving(Rule(method, target, action, times)) as (server, registry, plan):
        send(server, store, root, limits=IMPATIENT if "stall" in name else LIMITS)
    assert arrived(registry, store, root)
    assert plan.hits or method == "PATCH"


_HABITS = {
    "relative locations": Habits(relative=True),
    "locations that change": Habits(moving=True),
    "both": Habits(relative=True, moving=True),
    "chunks of at least 8 kB": Habits(chunk_minimum=8192),
    "chunks of at least 1 MB": Habits(chunk_minimum=1 << 20),
    "no mounts": Habits(mounts=False),
    "no referrers": Habits(referrers=False),
    "no digest in headers": Habits(digest_header=False),
}


@pytest.mark.parametrize("name", _HABITS)
@pytest.mark.parametrize(
    "fault", [None, act.drop_body(10_000), act.lost(), act.late(500)], ids=["", "drop", "lost", "late"]
)
def test_habits_of_registries(store: ContentStore, name: str, fault: Action | None) -> None:
    root = index(store)
    rules = [Rule("PATCH|PUT", _UPLOAD, fault, 2)] if fault else []
    with receiving(*rules, habits=_HABITS[name]) as (server, registry, _plan):
        send(server, store, root)
    assert arrived(registry, store, root)


@pytest.mark.parametrize("uses", [1, 2, 3, 7])
def test_tokens_that_expire_in_the_middle(tmp_path: Path, store: ContentStore, uses: int) -> None:
    root = index(store)
    access = Access({"me": "secret"}, token_uses=uses)
    with receiving(access=access) as (server, registry, _plan):
        send(server, store, root, credentials(tmp_path / "docker", {server.host: ("me", "secret")}))
    assert arrived(registry, store, root)
    assert len(access.tokens) > 1


_LASTING: dict[str, tuple[str, str, Action, type[SmidgenError], str]] = {
    "401": ("POST", _START, act.unauthorized(), AccessDenied, "login"),
    "403": ("POST", _START, act.status(403, reason="DENIED", message="not yours"), AccessDenied, "not yours"),
    "403 at the manifest": (
        "PUT",
        _MANIFEST,
        act.status(403, reason="DENIED", message="tag kept"),
        AccessDenied,
        "kept",
    ),
    "405": ("POST", _START, act.status(405, reason="UNSUPPORTED", message="read only"), RegistryError, "read only"),
    "413": ("PATCH|PUT", _UPLOAD, act.page(413), RegistryError, "413"),
    "429": ("POST", _START, act.status(429, retry_after="0", message="too many"), TooManyRequests, "too many"),
    "503": ("PUT", _MANIFEST, act.status(503, message="closed"), RegistryError, "closed"),
    "507": ("PATCH|PUT", _UPLOAD, act.status(507, message="disk full"), RegistryError, "disk full"),
    "a digest that is never right": (
        "PATCH|PUT",
        _UPLOAD,
        act.status(400, reason="DIGEST_INVALID", message="did not match"),
        RegistryError,
        "did not match",
    ),
    "a manifest that does not please": (
        "PUT",
        _MANIFEST,
        act.status(400, reason="MANIFEST_INVALID", message="manifest invalid"),
        RegistryError,
        "manifest invalid",
    ),
    "no location": ("POST", _START, act.header("Location"), InvalidAnswer, "location"),
    "a location at a private address": (
        "POST",
        _START,
        act.header("Location", "http://10.255.255.1/v2/x/blobs/uploads/1"),
        InvalidAnswer,
        "10.255.255.1",
    ),
    "a location at the address of a cloud's secrets": (
        "POST",
        _START,
        act.header("Location", "http://169.254.169.254/latest/meta-data"),
        InvalidAnswer,
        "169.254.169.254",
    ),
    "a location of a file": ("POST", _START, act.header("Location", "file:///etc/passwd"), InvalidAnswer, "file"),
    "a location with a password": ("POST", _START, act.header("Location", "http://u:p@[::1]/"), InvalidAnswer, "locat"),
    "a redirect of an upload": (
        "PATCH|PUT",
        _UPLOAD,
        act.redirect("http://10.255.255.1/"),
        InvalidAnswer,
        "10.255.255.1",
    ),
    "another digest for the manifest": ("PUT", _MANIFEST, act.other_digest(), SmidgenError, "stored as"),
}


@pytest.mark.parametrize("name", _LASTING)
def test_a_fault_that_lasts_is_told_and_no_tag_is_set(store: ContentStore, name: str) -> None:
    method, target, action, leaf, words = _LASTING[name]
    root = index(store)
    with receiving(Rule(method, target, action, FOREVER)) as (server, registry, plan):
        with pytest.raises(leaf) as caught:
            send(server, store, root)
        text = f"{caught.value} {caught.value.hint}"
        assert server.host in text
    assert words.lower() in text.lower()
    assert plan.hits
    # The registry that lies about what it stored has stored it.
    assert not registry.tags or "another digest" in name


def test_what_is_there_is_not_sent_again(store: ContentStore) -> None:
    root = index(store)
    with receiving() as (server, registry, _plan):
        publish(registry, store, root, _NAME, "1")
        send(server, store, root)
        assert not server.asked("POST")
        assert not server.asked("PATCH")


def test_a_blob_that_another_push_brings_meanwhile(store: ContentStore) -> None:
    """The registry says that it has it only when we have begun to send."""
    root = image(store)
    rule = Rule("HEAD", _BLOB, act.status(404, reason="BLOB_UNKNOWN"), FOREVER)
    with receiving(rule) as (server, registry, _plan):
        publish(registry, store, root, _NAME)
        send(server, store, root)
    assert arrived(registry, store, root)


def test_a_damaged_blob_never_leaves(store: ContentStore) -> None:
    root = image(store, layers=1)
    layer = max(store.root.glob("blobs/sha256/*"), key=lambda path: path.stat().st_size)
    data = bytearray(layer.read_bytes())
    data[1000] ^= 1
    layer.chmod(0o644)
    layer.write_bytes(data)
    with receiving() as (server, registry, _plan), pytest.raises(SmidgenError, match=r"digest|gc --verify"):
        send(server, store, root)
    assert not registry.tags
