"""Pulling from a registry that fails: it succeeds in the end, or says what was wrong; a wrong byte never stays."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smidgen.errors import (
    ContentError,
    InvalidAnswer,
    LimitExceeded,
    NotInRegistry,
    RegistryError,
    SmidgenError,
    TooManyRequests,
)
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.reference import Reference
from smidgen.registry.pull import pull
from smidgen.registry.transport import Limits
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import FOREVER, Action, Plan, Rule
from support.registry import MANIFEST, Habits, Registry, digest_of
from support.registry_images import check_store, published
from support.registry_session import IMPATIENT, LIMITS, session
from support.registry_wire import Server, serving

_BLOB = r"/blobs/sha256:"
_MANIFEST = r"/manifests/"
_NAME = "team/app"


@contextmanager
def hostile(directory: Path, *rules: Rule, habits: Habits | None = None) -> Iterator[tuple[Server, Descriptor, Plan]]:
    """Serve an index of two platforms as ``team/app:1`` with faults; gives the server and what a pull must give."""
    registry = Registry(habits)
    root = published(directory, registry)
    plan = Plan(rules)
    with serving(plan.around(registry)) as server:
        yield server, root, plan


def fetch(server: Server, store: ContentStore, limits: Limits = LIMITS) -> Descriptor:
    with session(limits=limits) as opened, store.writing():
        return pull(opened, Reference.parse(f"{server.host}/{_NAME}:1"), store)


_PASSING: dict[str, tuple[str, str, Action, int]] = {
    **{f"{code} for a blob": ("GET", _BLOB, act.status(code), 2) for code in (408, 429, 499, 500, 502, 503, 504, 522)},
    **{f"{code} for a manifest": ("GET|HEAD", _MANIFEST, act.status(code), 2) for code in (429, 500, 502, 503, 504)},
    "Retry-After of 0 seconds": ("GET", _BLOB, act.status(429, retry_after="0"), 2),
    "Retry-After of a second": ("GET", _BLOB, act.status(503, retry_after="1"), 1),
    "Retry-After of a date": ("GET", _BLOB, act.after_date(429, 1), 1),
    "Retry-After of a date that is past": ("GET", _BLOB, act.after_date(429, -1000), 2),
    "Retry-After of nonsense": ("GET", _BLOB, act.status(429, retry_after="soon"), 1),
    "Retry-After below 0": ("GET", _BLOB, act.status(429, retry_after="-5"), 1),
    "Retry-After of a fraction": ("GET", _BLOB, act.status(429, retry_after="0.5"), 1),
    "an error page of a proxy": ("GET", _BLOB, act.page(502), 2),
    "reset before an answer": ("GET", _BLOB, act.drop(), 2),
    "end before an answer": ("GET|HEAD", _MANIFEST, act.drop(reset=False), 2),
    "a byte of the body changed": ("GET", _BLOB, act.corrupt(1234), 1),
    "the last byte of the body changed": ("GET", _BLOB, act.corrupt(-1), 1),
    "a byte of the manifest changed": ("GET", _MANIFEST, act.corrupt(30), 1),
    "a body that is too short": ("GET", _BLOB, act.short(1), 1),
    "a body that is too long": ("GET", _BLOB, act.longer(1), 1),
    "an empty body": ("GET", _BLOB, act.short(10**6), 1),
    "a body with less than was announced": ("GET", _BLOB, act.length(10**6), 1),
    "a stall": ("GET", _BLOB, act.stall(10, 100), 1),
    "a stall before the body": ("GET", _BLOB, act.stall(10), 1),
    "a stall before the answer": ("GET", _BLOB, act.stall(10, -1), 1),
    "bodies in small pieces": ("GET", _BLOB, act.drip(777, 0.001), FOREVER),
    "bodies without a length": ("GET", _BLOB, act.unmeasured(), FOREVER),
    "bodies in chunks": ("GET", _BLOB, act.chunked(), FOREVER),
    "no Docker-Content-Digest": ("GET|HEAD", _MANIFEST, act.header("Docker-Content-Digest"), FOREVER),
    "no length of a manifest": ("GET", _MANIFEST, act.unmeasured(), FOREVER),
}


@pytest.mark.parametrize("name", _PASSING)
def test_a_fault_that_passes_is_overcome(tmp_path: Path, store: ContentStore, name: str) -> None:
    method, target, action, times = _PASSING[name]
    with hostile(tmp_path / "source", Rule(method, target, action, times)) as (server, root, plan):
        got = fetch(server, store, IMPATIENT if "stall" in name else LIMITS)
    assert plan.hits >= min(times, 2)
    assert got == root
    assert check_store(store, got) == 8
    assert os.listdir(store.root / "ingest") == []


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "end"])
@pytest.mark.parametrize("at", [0, 1, 8, 17, 60, 120])
@pytest.mark.parametrize("target", [_BLOB, _MANIFEST])
def test_an_answer_may_break_off_at_any_byte_of_its_head(
    tmp_path: Path, store: ContentStore, target: str, at: int, *, reset: bool
) -> None:
    rule = Rule("GET|HEAD", target, act.cut(at, reset=reset), 2)
    with hostile(tmp_path / "source", rule) as (server, root, _plan):
        assert fetch(server, store) == root
    check_store(store, root)


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "end"])
@pytest.mark.parametrize("at", [0, 1, 1000, 19_999, 20_000])
def test_a_blob_that_breaks_off_is_resumed(tmp_path: Path, store: ContentStore, at: int, *, reset: bool) -> None:
    rule = Rule("GET", _BLOB, act.cut_body(at, reset=reset), 3)
    with hostile(tmp_path / "source", rule) as (server, root, _plan):
        assert fetch(server, store) == root
        ranges = [one.header("Range") for one in server.asked("GET", _BLOB) if one.header("Range")]
    check_store(store, root)
    # What broke off before it gave anything is asked for anew; a reset may lose what was on its way.
    assert reset or at == 0 or f"bytes={at}-" in ranges, ranges


_RANGES: dict[str, Action] = {
    "the whole, status 200": act.ignore_range(),
    "another part": act.wrong_range("bytes 5-10/20"),
    "a part from the start": act.wrong_range("bytes 0-99/100"),
    "nonsense": act.wrong_range("all of it"),
    "a part without saying which": act.header("Content-Range"),
    "416": act.status(416, reason="RANGE_INVALID"),
    "500": act.status(500),
    "a wrong byte": act.corrupt(3),
}


@pytest.mark.parametrize("name", _RANGES)
def test_the_rest_of_a_blob_may_come_in_odd_ways(tmp_path: Path, store: ContentStore, name: str) -> None:
    rules = (
        Rule("GET", _BLOB, _RANGES[name], times=2, header="Range"),
        Rule("GET", _BLOB, act.cut_body(5000, reset=False), times=4),
    )
    with hostile(tmp_path / "source", *rules) as (server, root, plan):
        assert fetch(server, store) == root
    assert plan.rules[0].hits
    check_store(store, root)


def test_a_registry_without_ranges(tmp_path: Path, store: ContentStore) -> None:
    rule = Rule("GET", _BLOB, act.cut_body(5000, reset=False), 3)
    with hostile(tmp_path / "source", rule, habits=Habits(ranges=False)) as (server, root, _plan):
        assert fetch(server, store) == root
    check_store(store, root)


def _flood(content_type: str, **more: bool) -> Action:
    return act.flood(100 << 20, content_type=content_type, start=b'{"schemaVersion":2,', **more)


_LASTING: dict[str, tuple[str, str, Action, type[SmidgenError], str]] = {
    "429 for ever": ("GET", _BLOB, act.status(429, retry_after="0", message="slow down"), TooManyRequests, "slow down"),
    "Retry-After of a year": ("GET", _BLOB, act.status(429, retry_after="31536000"), TooManyRequests, "429"),
    "503 for ever": ("GET", _BLOB, act.status(503, message="we are closed"), RegistryError, "we are closed"),
    "an error page for ever": ("GET|HEAD", _MANIFEST, act.page(502), RegistryError, "502"),
    "an error page, status 200": ("GET|HEAD", _MANIFEST, act.page(200), SmidgenError, "text/html"),
    "403 for a blob": ("GET", _BLOB, act.status(403, reason="DENIED", message="not yours"), RegistryError, "not yours"),
    "404 for a blob": ("GET", _BLOB, act.status(404, reason="BLOB_UNKNOWN", message="gone"), NotInRegistry, "gone"),
    "a changed byte each time": ("GET", _BLOB, act.corrupt(77), ContentError, "digest"),
    "a missing byte each time": ("GET", _BLOB, act.short(1), SmidgenError, "bytes"),
    "an additional byte each time": ("GET", _BLOB, act.longer(1), SmidgenError, "bytes"),
    "compressed though not asked": ("GET", _BLOB, act.encoded(), SmidgenError, "gzip"),
    "a changed manifest": ("GET", r"/manifests/sha256:", act.corrupt(9), ContentError, "digest"),
    "a lie about the digest": ("GET|HEAD", r"/manifests/1$", act.other_digest(), SmidgenError, "digest"),
    "a redirect to itself": ("GET", _BLOB, act.loop(), InvalidAnswer, "redirects"),
    "a redirect to a file": ("GET", _BLOB, act.redirect("file:///etc/passwd"), InvalidAnswer, "file"),
    "a redirect to nowhere": ("GET", _BLOB, act.redirect("http://127.0.0.1:1/x"), RegistryError, "127.0.0.1:1"),
    "a redirect to nonsense": ("GET", _BLOB, act.redirect("http://[:::/x"), InvalidAnswer, "leads to"),
    "a manifest of 100 MB": ("GET", _MANIFEST, _flood(MANIFEST), LimitExceeded, "limit"),
    "a manifest of 100 MB that says so": (
        "GET|HEAD",
        _MANIFEST,
        _flood(MANIFEST, measured=True),
        SmidgenError,
        "limit",
    ),
    "a manifest that unpacks to 100 MB": ("GET", _MANIFEST, act.squeezed(100 << 20, MANIFEST), SmidgenError, "gzip"),
    "no manifest but a list": ("GET", _MANIFEST, act.document([], MANIFEST), SmidgenError, "manifest"),
    "no manifest but depth": ("GET", _MANIFEST, act.document(b"[" * 100_000, MANIFEST), SmidgenError, "manifest"),
    "a manifest of version 1": (
        "GET|HEAD",
        _MANIFEST,
        act.document({"schemaVersion": 1}, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        SmidgenError,
        "v1+prettyjws",
    ),
    "an unknown media type": (
        "GET|HEAD",
        _MANIFEST,
        act.document({"schemaVersion": 2}, "application/vnd.example+json"),
        SmidgenError,
        "application/vnd.example",
    ),
    "an answer that is not HTTP": ("GET|HEAD", _MANIFEST, act.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), RegistryError, "HTTP"),
    "a head without an end": ("GET|HEAD", _MANIFEST, act.endless_head(), RegistryError, "not HTTP"),
}


@pytest.mark.parametrize("name", _LASTING)
def test_a_fault_that_lasts_is_told_and_nothing_stays(tmp_path: Path, store: ContentStore, name: str) -> None:
    method, target, action, leaf, words = _LASTING[name]
    with hostile(tmp_path / "source", Rule(method, target, action, FOREVER)) as (server, _root, plan):
        with pytest.raises(leaf) as caught:
            fetch(server, store)
        # Which registry, which request, what it answered.
        assert server.host in str(caught.value), caught.value
    assert words.lower() in str(caught.value).lower(), caught.value
    assert plan.hits
    assert os.listdir(store.root / "ingest") == []
    for path in store.root.glob("blobs/sha256/*"):
        assert digest_of(path.read_bytes()) == f"sha256:{path.name}"
