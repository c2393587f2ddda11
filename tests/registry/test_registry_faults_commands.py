"""Bad input at the command line: which registry, which request, what it answered, what to do."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.command import Smidgen
from support.faulty_registry import FOREVER, Action, Plan, Rule
from support.registry import INDEX, Registry
from support.registry_access import Access
from support.registry_certificates import Authority
from support.registry_images import check_registry, check_store, index, published
from support.registry_session import credentials
from support.registry_wire import Server, serving
from support.serving import free_port


@dataclass(frozen=True)
class Place:
    """A registry with ``team/app:1``, and a store with ``app:2``."""

    server: Server
    registry: Registry
    smidgen: Smidgen

    def name(self, text: str) -> str:
        return f"{self.server.host}/{text}"


@contextmanager
def place(smidgen: Smidgen, *rules: Rule, access: Access | None = None, whole: bool = True) -> Iterator[Place]:
    registry = Registry()
    published(smidgen.cwd / "published", registry)
    store = ContentStore.open(smidgen.store)
    with store.writing():
        store.tag(Reference.parse("app:2"), index(store, seed=2))
    with serving(Plan(rules).around(access.around(registry) if access else registry)) as server:
        yield Place(server, registry, smidgen)
    if whole:
        check_registry(registry)


def refused(smidgen: Smidgen, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run what must fail, as a command does that knows what is wrong; gives what it wrote."""
    outcome = smidgen(*arguments, fails=True, env=env or {})
    assert outcome.stdout == ""
    assert "Traceback" not in outcome.stderr
    assert "\nhint: " in outcome.stderr or "hint:" not in outcome.stderr
    assert all(character.isprintable() or character == "\n" for character in outcome.stderr), repr(outcome.stderr)
    return outcome.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("team/APP:1", "upper case"),
        ("team/app:", "tag"),
        ("team/app:a b", "tag"),
        ("team/app@sha256:0815", "digest"),
        ("team//app:1", "empty"),
        ("", "invalid reference"),
        ("../etc/passwd", "invalid reference"),
        ("team/app:1\x1b[31m", "invalid reference"),
    ],
)
def test_a_wrong_name(smidgen: Smidgen, name: str, words: str) -> None:
    with place(smidgen) as at:
        text = refused(smidgen, "pull", at.name(name) if name else " ")
        assert words in text
        assert not at.server.log


def test_no_such_tag(smidgen: Smidgen) -> None:
    with place(smidgen) as at:
        text = refused(smidgen, "pull", at.name("team/app:nine"))
        assert at.server.host in text
        assert "GET" in text
        assert "team/app" in text
        assert "404" in text
        assert "manifest unknown" in text
        assert "hint: " in text


def test_no_such_repository(smidgen: Smidgen) -> None:
    with place(smidgen) as at:
        assert "404" in refused(smidgen, "pull", at.name("no/such:1"))
        assert "404" in refused(smidgen, "tags", at.name("no/such"))
        assert "404" in refused(smidgen, "delete", at.name("no/such:1"))
        assert "404" in refused(smidgen, "copy", f"docker://{at.name('no/such:1')}", f"docker://{at.name('team/x:1')}")


def test_no_such_image_to_push(smidgen: Smidgen) -> None:
    with place(smidgen) as at:
        assert "not found" in refused(smidgen, "push", "nothing:1", at.name("team/app:2"))
        assert not at.server.log


@pytest.mark.parametrize("bearer", [True, False], ids=["bearer", "basic"])
def test_no_permission(smidgen: Smidgen, *, bearer: bool) -> None:
    access = Access({"me": "right"}, bearer=bearer, public=frozenset({"team/app"}))
    with place(smidgen, access=access) as at:
        smidgen("pull", at.name("team/app:1"))
        text = refused(smidgen, "push", "app:2", at.name("team/app:2"))
        assert "401" in text
        assert f"smidgen login {at.server.host}" in text
        wrong = credentials(smidgen.cwd / "wrong", {at.server.host: ("me", "wrong-word-4711")})
        text = refused(smidgen, "push", "app:2", at.name("team/app:2"), env=wrong)
        assert "401" in text
        assert "me" in text
        assert "wrong-word-4711" not in text


def test_403_says_what_the_registry_says(smidgen: Smidgen) -> None:
    rule = Rule("POST", "uploads", act.status(403, reason="DENIED", message="quota of team used up"), FOREVER)
    with place(smidgen, rule) as at:
        text = refused(smidgen, "push", "app:2", at.name("team/app:2"))
        assert "quota of team used up" in text
        assert "POST" in text
        assert not at.registry.tags["team/app"].get("2")


def test_no_network(smidgen: Smidgen) -> None:
    port = free_port()
    for arguments in (("pull", f"127.0.0.1:{port}/a/b:1"), ("tags", f"127.0.0.1:{port}/a/b")):
        text = refused(smidgen, *arguments)
        assert f"127.0.0.1:{port}" in text
        assert "refused" in text.lower()


def test_no_such_host(smidgen: Smidgen) -> None:
    text = refused(smidgen, "pull", "no-such-host.invalid/a/b:1")
    assert "no-such-host.invalid" in text
    assert "host" in text


def test_a_bad_certificate(smidgen: Smidgen, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "tls")
    for name, names, words in (
        ("unknown", "IP:127.0.0.1", "certificate"),
        ("wrong", "DNS:example.com", "127.0.0.1"),
    ):
        trusted = {"SSL_CERT_FILE": str(authority.bundle)} if name == "wrong" else {}
        with serving(Registry(), tls=authority.sign(name, names=names).server()) as server:
            text = refused(smidgen, "pull", f"{server.host}/team/app:1", env=trusted)
            assert server.host in text
            assert words in text
            assert "hint: " in text
            assert not server.log


def test_http_where_tls_is_due(smidgen: Smidgen) -> None:
    """By a name that is not this machine's own as we see it, a registry that only speaks http."""
    with serving(Registry(), address="0.0.0.0") as server:
        address = own_address()
        text = refused(smidgen, "pull", f"{address}:{server.port}/team/app:1")
        assert f"{address}:{server.port}" in text
        assert "http" in text
        assert "insecure" in text
        assert not server.log


def own_address() -> str:
    """Give an address of this machine that is not the loopback's; its hostname's, or one of an interface."""
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    assert found, "this machine has no address but the loopback one"
    return found[0]


def test_an_index_without_our_platform(smidgen: Smidgen) -> None:
    with place(smidgen) as at:
        text = refused(smidgen, "pull", "--platform", "linux/s390x", at.name("team/app:1"))
        assert "linux/s390x" in text
        assert "linux/amd64" in text
        assert "linux/arm64" in text
        assert at.server.host in text


def test_an_unknown_media_type(smidgen: Smidgen) -> None:
    rule = Rule("GET|HEAD", "/manifests/", act.document({"schemaVersion": 2}, "application/vnd.example"), FOREVER)
    with place(smidgen, rule) as at:
        text = refused(smidgen, "pull", at.name("team/app:1"))
        assert "application/vnd.example" in text
        assert at.server.host in text


def test_words_made_for_terminals(smidgen: Smidgen) -> None:
    for code in (400, 403, 404):
        with place(smidgen, Rule("GET|HEAD", "/v2/team", act.nasty(code), FOREVER)) as at:
            text = refused(smidgen, "pull", at.name("team/app:1"))
            assert "evil" in text
            refused(smidgen, "tags", at.name("team/app"))


def test_tags_and_warnings_made_for_terminals(smidgen: Smidgen) -> None:
    tags = act.document({"name": "team/app", "tags": ["1", act.NASTY, "2\n3"]}, "application/json")
    warning = act.header("Warning", '299 - "old \x1b[2J registry"', '299 - "second"', '199 - "not for people"')
    with place(smidgen, Rule("GET", "/tags/", tags), Rule("GET|HEAD", "/manifests/", warning, FOREVER)) as at:
        outcome = smidgen("tags", at.name("team/app"))
        assert all(line.isprintable() for line in outcome.stdout.split("\n")), outcome.stdout
        outcome = smidgen("pull", at.name("team/app:1"))
        assert outcome.stderr.count("second") == 1
        assert "registry" in outcome.stderr
        assert "not for people" not in outcome.stderr
        assert "\x1b[2J" not in outcome.stderr


def test_pages_of_tags(smidgen: Smidgen) -> None:
    with place(smidgen) as at:
        at.registry.tags["team/app"] |= {f"t{number:04}": at.registry.tags["team/app"]["1"] for number in range(2500)}
        assert len(smidgen("tags", at.name("team/app")).lines) == 2501


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ('</v2/team/app/tags/list?n=1000>; rel="next"', "never end"),
        ('<http://example.com/v2/team/app/tags/list?last=x>; rel="next"', "another server"),
        ('<file:///etc/passwd>; rel="next"', "file"),
        ('<http://[::>; rel="next"', "link"),
    ],
)
def test_links_that_lead_astray(smidgen: Smidgen, link: str, words: str) -> None:
    with place(smidgen, Rule("GET", "/tags/", act.header("Link", link), FOREVER)) as at:
        assert words in refused(smidgen, "tags", at.name("team/app"))


def test_links_without_an_end(smidgen: Smidgen) -> None:
    """Each page links to a new one."""
    pages = iter(range(1 << 30))

    def page(action_of: object = None) -> Action:
        return lambda request, service: service(request).with_header(
            "Link", f'</v2/team/app/tags/list?n=1000&last=0&page={next(pages)}>; rel="next"'
        )

    with place(smidgen, Rule("GET", "/tags/", page(), FOREVER)) as at:
        assert "never end" in refused(smidgen, "tags", at.name("team/app"))
        assert len(at.server.log) < 4000


def test_an_index_that_is_deep_or_names_itself(smidgen: Smidgen) -> None:
    """1000 indexes, each naming the next; and one that the registry gives for every digest."""
    with place(smidgen) as at:
        registry = at.registry
        entry: dict[str, object] = {"mediaType": INDEX, "digest": registry.tags["team/app"]["1"], "size": 1}
        document = b""
        for _ in range(1000):
            document = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
            digest = registry.add_manifest("team/app", document, media_type=INDEX)
            entry = {"mediaType": INDEX, "digest": digest, "size": len(document)}
        registry.add_manifest("team/app", document, "deep", media_type=INDEX)
        text = refused(smidgen, "pull", at.name("team/app:deep"))
        assert "depth" in text
        assert len(at.server.log) < 100


def test_an_index_of_very_many(smidgen: Smidgen) -> None:
    with place(smidgen, whole=False) as at:
        entries = [{"mediaType": INDEX, "digest": f"sha256:{number:064x}", "size": 7} for number in range(25_000)]
        document = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        at.registry.add_manifest("team/app", document, "wide", media_type=INDEX)
        text = refused(smidgen, "pull", at.name("team/app:wide"))
        assert "limit" in text
        assert len(at.server.log) < 100


def test_a_foreign_layer_is_not_fetched(smidgen: Smidgen) -> None:
    """What its URLs say is not followed: they could lead anywhere."""
    with serving(Registry()) as elsewhere, place(smidgen) as at:
        config = at.registry.add_blob("team/win", b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}}')
        layer = {
            "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "digest": f"sha256:{7:064x}",
            "size": 100,
            "urls": [f"{elsewhere.url}/layer"],
        }
        media_type = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "digest": config,
                "size": len(at.registry.blobs[config]),
            },
            "layers": [layer],
        }
        at.registry.add_manifest("team/win", json.dumps(manifest).encode(), "1", media_type=media_type)
        smidgen("copy", f"docker://{at.name('team/win:1')}", f"docker://{at.name('team/copied:1')}")
        assert at.registry.tags["team/copied"]["1"] == at.registry.tags["team/win"]["1"]
        assert not elsewhere.log


# Space, memory and rights

_FULL = """
set -e
mount -t tmpfs -o size=3m,mode=755 tmpfs "$1"
shift
if "$@" >"$OUT" 2>&1; then exit 99; fi
cat "$OUT"
find "$SMIDGEN_STORE/ingest" -type f | sed 's/^/left: /'
mount -o remount,size=64m "$(dirname "$SMIDGEN_STORE")"
"$@"
"""


def test_a_full_disk(smidgen: Smidgen, tmp_path: Path) -> None:
    registry = Registry()
    root = published(tmp_path / "published", registry)
    big = os.urandom(6 << 20)
    manifest = json.loads(registry.manifests["team/app", root.digest][1])
    first = json.loads(registry.manifests["team/app", manifest["manifests"][0]["digest"]][1])
    layer = dict(first["layers"][0]) | {"digest": registry.add_blob("team/app", big), "size": len(big)}
    first["layers"].append(layer)
    registry.add_manifest("team/app", json.dumps(first).encode(), "big")
    disk = tmp_path / "disk"
    disk.mkdir()
    namespace: list[str | Path] = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _FULL, "sh", disk]
    if os.geteuid() != 0:
        namespace[1:1] = ["--user", "--map-root-user"]
    with serving(registry) as server:
        environment = {"SMIDGEN_STORE": str(disk / "store"), "OUT": str(tmp_path / "out")}
        outcome = smidgen.through(namespace, "pull", f"{server.host}/team/app:big", env=environment)
        assert outcome.exit_code == 0, outcome
        failed, _, succeeded = outcome.stdout.rpartition("\n" + server.host)
        assert "No space left" in failed, outcome
        assert "Traceback" not in failed
        assert "left: " not in outcome.stdout
        assert "sha256:" in succeeded
        # The second run goes on where the disk was full.
        ranges = [one.header("Range") for one in server.asked("GET", str(layer["digest"]))]
        assert ranges[0] is None
        assert int(str(ranges[-1]).removeprefix("bytes=").rstrip("-")) > 1 << 20


_PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(code)
"""
_LARGE = 160 << 20
_MEMORY = 100 << 20


def peak(smidgen: Smidgen, *arguments: str) -> int:
    """Run smidgen from a small process, so that our own memory is not counted; gives the peak in bytes."""
    outcome = smidgen.through([sys.executable, "-S", "-c", _PEAK], *arguments)
    assert outcome.exit_code == 0, outcome
    return int(outcome.stdout.rpartition("peak ")[2])


def test_memory_is_bounded(smidgen: Smidgen) -> None:
    """A layer of 160 MB, more than the memory it may take: pulled, pushed and copied."""
    registry = Registry()
    source = ContentStore.open(smidgen.cwd / "published")
    with serving(registry) as server, serving(Registry()) as other:
        data = bytes(_LARGE)
        config = registry.add_blob("big/app", b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}}')
        layer = registry.add_blob("big/app", data)
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config,
                "size": len(registry.blobs[config]),
            },
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": len(data)}],
        }
        registry.add_manifest("big/app", json.dumps(manifest).encode(), "1")
        name = f"{server.host}/big/app:1"
        assert peak(smidgen, "pull", name) < _MEMORY
        assert peak(smidgen, "push", name, f"{other.host}/big/pushed:1") < _MEMORY
        assert peak(smidgen, "copy", f"docker://{name}", f"docker://{other.host}/big/copied:1") < _MEMORY
    assert source.root


@pytest.mark.parametrize("verb", ["pull", "tags"])
def test_memory_is_bounded_where_the_registry_is_not(smidgen: Smidgen, verb: str) -> None:
    rules = [
        Rule("GET", r"^/token", act.flood(10 << 30, content_type="application/json", start=b'{"token":"'), FOREVER),
        Rule("GET|HEAD", "/manifests/", act.flood(1 << 30, content_type=INDEX, start=b'{"schemaVersion":'), FOREVER),
        Rule("GET", "/tags/", act.flood(1 << 30, content_type="application/json", start=b'{"tags":["'), FOREVER),
    ]
    for rule in rules:
        access = Access({"me": "right"}) if "token" in rule.target else None
        with place(smidgen, rule, access=access) as at:
            arguments = (sys.executable, "-S", "-c", _PEAK)
            outcome = smidgen.through(arguments, verb, at.name("team/app:1" if verb == "pull" else "team/app"))
            assert (outcome.exit_code != 0) == (rule.hits > 0)
            assert rule.hits == 0 or "limit" in outcome.stderr
            assert int(outcome.stdout.rpartition("peak ")[2]) < _MEMORY


def test_what_was_pulled_is_what_is_published(smidgen: Smidgen) -> None:
    with place(smidgen) as at:
        outcome = smidgen("pull", at.name("team/app:1"))
        store = ContentStore.open(smidgen.store)
        root = store.resolve(Reference.parse(at.name("team/app:1")))
        assert root.digest == at.registry.tags["team/app"]["1"]
        assert root.digest in outcome.stdout
        check_store(store, root)
