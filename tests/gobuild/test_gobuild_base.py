"""Builds on bases: what is inherited, what is not added twice, where bases come from, and that none is ever stale."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import smidgen
from smidgen.errors import DynamicExecutable, NotFound, NotInRegistry, UsageError
from smidgen.gobuild.built import Built
from smidgen.image.base import BASE_DIGEST, BASE_NAME
from smidgen.image.filetree import FileTree
from smidgen.image.image import Image
from smidgen.layer.entry import Entry
from smidgen.layer.tar_reader import read_tar
from smidgen.needs.selection import Origin
from smidgen.oci.config import Healthcheck, RunConfig
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.base_images import BUNDLE, PASSWD, RUN, put_base, put_base_index
from support.command import Smidgen
from support.registry import Registry
from support.registry_images import publish
from support.registry_wire import Server, serving
from support.small_images import put_image

pytestmark = pytest.mark.e2e

_HELLO = 'package main\n\nfunc main() { println("hello") }\n'
_NEEDY = """package main

import (
	"net/http"
	"os"
	"os/user"
	"time"
)

func main() {
	println(http.Get("https://example.com"))
	println(time.LoadLocation("Asia/Tokyo"))
	println(user.Current())
	println(os.CreateTemp("", ""))
}
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("base-source")
    files = {"go.mod": "module example.com/m\n\ngo 1.21\n", "hello/main.go": _HELLO, "needy/main.go": _NEEDY}
    for name, text in {**files, "run/main.go": _HELLO, "needy/kodata/page": "x"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return smidgen.open_store(tmp_path / "store")


@pytest.fixture
def registry() -> Iterator[tuple[Registry, Server]]:
    registry = Registry()
    with serving(registry) as server:
        yield registry, server


def _environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"GOFLAGS", "SOURCE_DATE_EPOCH"}}
    return kept | {"GOTOOLCHAIN": "local"}


def _built(source: Path, store: ContentStore, target: str = "./hello", **flags: Any) -> Built:
    asked = {name: flags.pop(name) for name in ("offline", "locked") if name in flags}
    request = smidgen.request([target], directory=source, environ=_environ(), flags=smidgen.Flags(**flags), **asked)
    (built,) = smidgen.build_all(request, store=store)
    return built


def _tag(store: ContentStore, descriptor: Any, name: str = "base:1") -> str:
    store.tag(Reference.parse(name), descriptor)
    return f"store:{name}"


def _tree(image: Image) -> FileTree:
    return FileTree.of(image.images[0])


def _read(image: Image, path: str) -> bytes:
    found = b""
    for layer in image.images[0].layers:
        with image.images[0].open_layer(layer) as stream:
            for member in read_tar(stream):
                if member.entry.path == path:
                    found = member.read()
    return found


# What is inherited


def test_what_the_base_says_is_inherited(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store))
    image = _built(source, store, base=base).image
    run = image.config.run
    assert (run.user, run.working_dir, run.stop_signal) == ("web", "/srv", "SIGQUIT")
    assert run.env == ("PATH=/usr/bin:/bin", "LANG=C.UTF-8", "COLOUR=red")
    assert (run.labels, run.exposed_ports, run.volumes) == (RUN.labels, RUN.exposed_ports, RUN.volumes)
    # These belong to the program.
    assert (run.entrypoint, run.cmd) == (("/hello",), None)
    assert image.diff_ids[:2] == Image.resolve(store, "base:1").diff_ids
    assert len(image.layers) == 3
    assert [one.created_by for one in image.config.history or ()] == ["layer 0", "layer 1", "/hello"]


def test_what_the_user_says_wins(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store))
    run = _built(
        source,
        store,
        base=base,
        user="1000:1000",
        env=("COLOUR=blue", "OWN=1"),
        workdir="/work",
        labels=("tier=app",),
        ports=("8080",),
        volumes=("/more",),
        stop_signal="SIGINT",
        cmd="serve",
    ).image.config.run
    assert (run.user, run.working_dir, run.stop_signal, run.cmd) == ("1000:1000", "/work", "SIGINT", ("serve",))
    assert run.env == ("PATH=/usr/bin:/bin", "LANG=C.UTF-8", "COLOUR=blue", "OWN=1")
    assert run.labels == {"vendor": "them", "tier": "app"}
    assert (list(run.exposed_ports or ()), list(run.volumes or ())) == (["80/tcp", "8080/tcp"], ["/data", "/more"])


def test_a_health_check_of_the_base_can_be_taken_away(source: Path, store: ContentStore) -> None:
    check = Healthcheck(test=("CMD", "/bin/check"))
    base = _tag(store, put_base(store, run=RunConfig(healthcheck=check, on_build=("RUN x",))))
    run = _built(source, store, base=base).image.config.run
    assert (run.healthcheck, run.on_build) == (check, None)
    assert _built(source, store, base=base, healthcheck="NONE").image.config.run.healthcheck is None


def test_a_base_without_a_user_gets_ours(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store, run=RunConfig()))
    built = _built(source, store, base=base)
    assert (built.image.config.run.user, built.warnings) == ("65534:65534", ())


def test_a_base_that_runs_as_root_is_told(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store, run=RunConfig(user="root")))
    warned = {}
    for user in ("", "0", "1000"):
        built = _built(source, store, base=base, **({"user": user} if user else {}))
        warned[user] = any("runs its programs as root" in warning for warning in built.warnings)
    assert warned == {"": True, "0": False, "1000": False}


def test_the_base_is_named_in_annotations(source: Path, store: ContentStore, registry: tuple[Registry, Server]) -> None:
    index = put_base_index(store)
    publish(registry[0], store, index, "team/base", "1")
    name = f"{registry[1].host}/team/base:1"
    built = _built(source, store, base=name, platforms=("linux/amd64", "linux/arm64"))
    assert built.image.index is not None
    assert built.image.index.annotations == {BASE_NAME: name, BASE_DIGEST: index.digest}
    bases = {one.platform: one.digest for one in Image(store, index).images}
    for single in built.image.images:
        assert single.manifest.annotations == {BASE_NAME: name, BASE_DIGEST: bases[single.platform]}
    assert _built(source, store, base=f"store:{name}").image.manifest.annotations is not None


# What is not added twice


def test_what_the_base_has_is_not_added(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store))
    built = _built(source, store, "./needy", base=base, kodata=False)
    (one,) = built.platforms
    assert len(one.layers) == 3
    assert {str(each.kind): each.why for each in one.needs.decisions if each.origin is Origin.BASE} == {
        "ca": "provided by the base: /etc/ssl/certs/ca-certificates.crt",
        "tz": "provided by the base: /usr/share/zoneinfo",
        "passwd": "provided by the base: /etc/passwd",
        "tmp": "provided by the base: /tmp",
    }


def test_what_the_base_lacks_is_added_beside_what_it_has(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store, with_data=False, run=RunConfig(user="1000:1000")))
    image = _built(source, store, "./needy", base=base, kodata=False).image
    tree = _tree(image)
    assert tree.find("etc/ssl/certs/ca-certificates.crt").entry.size > 100_000
    assert tree.find("usr/share/zoneinfo/Asia/Tokyo")
    assert tree.find("usr/bin/sh")
    passwd = _read(image, "etc/passwd")
    assert passwd == PASSWD + b"\nuser:x:1000:1000:user:/:/sbin/nologin\n"
    assert _read(image, "etc/group").endswith(b"nobody:x:65534:\nuser:x:1000:\n")
    assert tree.find("etc/private").entry.mode == 0o750


def test_what_the_user_wants_is_added_whatever_the_base_has(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store))
    image = _built(source, store, base=base, needs_with=("ca",)).image
    assert _tree(image).find("etc/ssl/certs/ca-certificates.crt").entry.size > 100_000
    image = _built(source, store, base=base, zones=("Europe/Berlin",)).image
    assert _tree(image).find("usr/share/zoneinfo/Europe/Berlin")
    assert len(_built(source, store, base=base, zones=("Europe/London",)).image.layers) == 3


def test_private_certificates_join_those_of_the_base(source: Path, store: ContentStore, tmp_path: Path) -> None:
    (tmp_path / "corp.pem").write_bytes(_other_certificate())
    base = _tag(store, put_base(store))
    image = _built(source, store, base=base, ca_bundles=(str(tmp_path / "corp.pem"),)).image
    assert _read(image, "etc/ssl/certs/ca-certificates.crt") == BUNDLE + _other_certificate()


def _other_certificate() -> bytes:
    return b"-----BEGIN CERTIFICATE-----\nMAcwADAAAwEA\n-----END CERTIFICATE-----\n"


def test_a_named_user_is_written_into_the_passwd_of_the_base(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store))
    image = _built(source, store, base=base, user="app:1000:1000").image
    assert _read(image, "etc/passwd").endswith(b"\napp:x:1000:1000:app:/home/app:/sbin/nologin\n")
    assert _tree(image).find("home/app").entry.uid == 1000
    assert len(_built(source, store, base=base, user="web:101:102").image.layers) == 3
    with pytest.raises(UsageError, match="has a user 'web' already, with number 101"):
        _built(source, store, base=base, user="web:7:7")


def test_files_go_where_the_base_has_their_directories(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store))
    (source / "x.so").write_text("x")
    for single in (False, True):
        image = _built(
            source, store, "./needy", base=base, add=("x.so:/lib/deep/x.so", "x.so:/tmp/x.so"), single_layer=single
        ).image
        tree = _tree(image)
        assert tree.find("lib", follow=False).entry.link == "usr/lib"
        assert tree.find("var/run", follow=False).entry.link == "/run"
        assert tree.find("lib/deep/x.so").entry.path == "usr/lib/deep/x.so"
        assert tree.find("run/ko/page").entry.path == "run/ko/page"
        assert tree.find("tmp").entry.mode == 0o1777


def test_a_program_does_not_hide_a_directory_of_the_base(source: Path, store: ContentStore) -> None:
    base = _tag(store, put_base(store))
    image = _built(source, store, "./run", base=base).image
    assert image.config.run.entrypoint == ("/usr/local/bin/run",)
    assert _tree(image).find("run").entry.kind == "directory"
    assert _built(source, store, "./run").image.config.run.entrypoint == ("/run",)


# Executables that are linked dynamically


def test_a_dynamic_executable_needs_a_base_that_has_its_libraries(store: ContentStore, tmp_path: Path) -> None:
    base = _tag(store, put_base(store), "empty:1")
    with pytest.raises(DynamicExecutable, match="the base store:empty:1 does not have"):
        smidgen.build(binary="/bin/ls", directory=tmp_path, store=store, flags=smidgen.Flags(base=base))
    found = subprocess.run(["ldd", "/bin/ls"], check=True, capture_output=True, text=True).stdout
    paths = [word for word in found.split() if word.startswith("/")]
    entries = [Entry.file(path.lstrip("/"), Path(path).resolve(), mode=0o755) for path in dict.fromkeys(paths)]
    whole = _tag(store, put_image(store, entries), "whole:1")
    image = smidgen.build(binary="/bin/ls", directory=tmp_path, store=store, flags=smidgen.Flags(base=whole))
    assert smidgen.run(image) == 0
    lacking = _tag(store, put_image(store, [one for one in entries if "libc.so" not in one.path]), "lacking:1")
    with pytest.raises(DynamicExecutable, match=r"does not have libc\.so\.6"):
        smidgen.build(binary="/bin/ls", directory=tmp_path, store=store, flags=smidgen.Flags(base=lacking))


# Where bases come from


def test_the_built_in_base(source: Path, store: ContentStore) -> None:
    built = _built(source, store, "./needy", base="static", platforms=("linux/amd64", "linux/s390x"))
    assert {one.origin for each in built.platforms for one in each.needs.decisions if one.included} == set()
    assert built.image.images[0].config.run.user == "65532"
    proof = smidgen.prove(_built(source, store, base="static").image)
    assert proof.passed


def test_a_layouts_image(source: Path, store: ContentStore, tmp_path: Path) -> None:
    other = smidgen.open_store(tmp_path / "other")
    other.tag(Reference.parse("base:1"), put_base(other))
    image = _built(source, store, base=f"oci:{tmp_path / 'other'}").image
    assert image.config.run.user == "web"
    with pytest.raises(NotFound, match="image layout"):
        _built(source, store, base="oci:/nowhere")


def test_a_registrys_tag_is_asked_for_at_each_build(
    source: Path, store: ContentStore, tmp_path: Path, registry: tuple[Registry, Server]
) -> None:
    there = smidgen.open_store(tmp_path / "there")
    name = f"{registry[1].host}/team/base:1"
    digests = []
    for mark in (b"1", b"2"):
        publish(registry[0], there, put_base(there, mark=mark), "team/base", "1")
        registry[1].log.clear()
        digests.append(_built(source, store, base=name).image.digest)
        assert len([one for one in registry[1].log if "/blobs/" in one.target]) in {2, 3}
        registry[1].log.clear()
        assert _built(source, store, base=name).image.digest == digests[-1]
        assert [one.method for one in registry[1].log if one.target != "/v2/"] == ["HEAD"]
    assert digests[0] != digests[1]
    # What was fetched has its name, so that --offline finds it, and is not garbage.
    store.gc()
    assert _built(source, store, base=name, offline=True).image.digest == digests[1]


def test_only_the_platforms_asked_for_are_fetched(
    source: Path, store: ContentStore, tmp_path: Path, registry: tuple[Registry, Server]
) -> None:
    there = smidgen.open_store(tmp_path / "there")
    index = put_base_index(there)
    publish(registry[0], there, index, "team/base", "1")
    _built(source, store, base=f"{registry[1].host}/team/base:1", platforms=("linux/arm64",))
    amd64, arm64 = (one.digest for one in Image(there, index).images)
    assert (store.stat(amd64), store.stat(arm64) is not None) == (None, True)
    registry[1].log.clear()
    with pytest.raises(NotFound, match=r"platform linux/s390x in the base .*team/base:1"):
        _built(source, store, base=f"{registry[1].host}/team/base:1", platforms=("linux/s390x",))
    assert not [one for one in registry[1].log if "/blobs/" in one.target]


def test_a_base_that_is_not_there_is_said_before_anything_is_compiled(
    source: Path, store: ContentStore, registry: tuple[Registry, Server], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(source, broken)
    (broken / "hello" / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    name = f"{registry[1].host}/team/nothing:1"
    with pytest.raises(NotInRegistry):
        _built(broken, store, base=name)
    store.tag(Reference.parse(name), put_base(store))
    with pytest.raises(NotInRegistry) as caught:
        _built(broken, store, base=name)
    assert caught.value.hint == f"write store:{name} to stand on the image of that name in the store"


def test_offline_says_what_is_missing_and_how_to_get_it(source: Path, store: ContentStore) -> None:
    with pytest.raises(NotFound, match=r"base ghcr.io/team/base:1 not found") as caught:
        _built(source, store, base="ghcr.io/team/base:1", offline=True)
    assert "`smidgen pull ghcr.io/team/base:1`" in (caught.value.hint or "")
    index = put_base_index(store)
    store.tag(Reference.parse("ghcr.io/team/base:1"), index)
    assert _built(source, store, base="ghcr.io/team/base:1", offline=True).image.config.run.user == "web"
    by_digest = f"ghcr.io/team/base@{index.digest}"
    assert _built(source, store, base=by_digest, offline=True).image.config.run.user == "web"
    store.blob_path(Image(store, index).images[0].layers[0].digest).unlink()
    with pytest.raises(NotFound) as caught:
        _built(source, store, base=by_digest, offline=True)
    assert "not in the store with all its layers" in (caught.value.hint or "")


# The lock file, and what must never be stale


@pytest.fixture
def project(source: Path, tmp_path: Path) -> Path:
    root = tmp_path / "project"
    shutil.copytree(source, root)
    return root


@pytest.fixture
def command(tmp_path: Path, project: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=project, environ=(("GOFLAGS", ""), ("HOME", os.environ["HOME"])))


def _publish(registry: Registry, directory: Path, mark: bytes) -> str:
    there = smidgen.open_store(directory)
    index = put_base_index(there, mark=mark)
    publish(registry, there, index, "team/base", "1")
    return index.digest


def _settle() -> None:
    # A file that was written just now cannot be vouched for by its times.
    time.sleep(0.05)


def test_a_lock_holds_what_a_tag_was(
    command: Smidgen, project: Path, tmp_path: Path, registry: tuple[Registry, Server]
) -> None:
    first = _publish(registry[0], tmp_path / "there", b"1")
    name = f"{registry[1].host}/team/base:1"
    (project / "smidgen.yaml").write_text(f"base: {name}\n")
    assert command("build", "./hello", "--locked", fails=True).stderr.count("pin it with `smidgen lock`") == 1
    assert command("lock", "--check", fails=True).exit_code == 1
    assert command("lock").lines == [f"{name}@{first}"]
    lock = json.loads((project / "smidgen.lock").read_text())
    assert list(lock["bases"][0]["platforms"]) == ["linux/amd64", "linux/arm64"]
    locked = command("build", "./hello", "--locked").stdout
    second = _publish(registry[0], tmp_path / "there", b"2")
    registry[1].log.clear()
    assert command("lock", "--check").lines == command("lock").lines == [f"{name}@{first}"]
    assert command("build", "./hello").stdout == command("build", "./hello", "--no-cache").stdout == locked
    # Pinned and stored: nobody is asked.
    assert registry[1].log == []
    assert command("lock", "--update").lines == [f"{name}@{second}"]
    assert command("build", "./hello", "--locked").stdout != locked


def test_a_base_that_the_lock_does_not_have_is_told(
    command: Smidgen, project: Path, tmp_path: Path, registry: tuple[Registry, Server]
) -> None:
    _publish(registry[0], tmp_path / "there", b"1")
    name = f"{registry[1].host}/team/base:1"
    assert command("lock", fails=True).exit_code == 2
    command("lock", "--base", name)
    assert "is not in smidgen.lock" not in command("build", "./hello", "--base", name).stderr
    (project / "smidgen.lock").write_text('{"schema": "smidgen.lock/v1", "bases": []}')
    assert "is not in smidgen.lock: pin it" in command("build", "./hello", "--base", name).stderr
    (project / "smidgen.lock").write_text("{}x")
    assert "is not a lock file" in command("build", "./hello", "--base", name, fails=True).stderr


def test_a_tag_that_moves_is_never_answered_from_a_note(
    command: Smidgen, tmp_path: Path, registry: tuple[Registry, Server]
) -> None:
    name = f"{registry[1].host}/team/base:1"
    seen = []
    for mark in (b"1", b"2", b"3"):
        _publish(registry[0], tmp_path / "there", mark)
        _settle()
        seen += [command("build", "./hello", "--base", name).stdout for _ in range(3)]
    assert [seen[at] for at in (0, 3, 6)] == [seen[at] for at in (2, 5, 8)]
    assert len(set(seen)) == 3
    assert not list((command.store / "cache").glob("quick/*"))


def test_notes_follow_the_lock_and_the_store(
    command: Smidgen, project: Path, tmp_path: Path, registry: tuple[Registry, Server]
) -> None:
    _publish(registry[0], tmp_path / "there", b"1")
    name = f"{registry[1].host}/team/base:1"
    (project / "smidgen.yaml").write_text(f"base: {name}\n")
    command("lock")
    _settle()
    first = [command("build", "./hello").stdout for _ in range(2)]
    assert list((command.store / "cache").glob("quick/*"))
    _publish(registry[0], tmp_path / "there", b"2")
    assert command("build", "./hello").stdout == first[1] == first[0]
    command("lock", "--update")
    second = command("build", "./hello").stdout
    assert second != first[0]
    (project / "smidgen.lock").unlink()
    _publish(registry[0], tmp_path / "there", b"3")
    assert command("build", "./hello").stdout not in {second, first[0]}


def test_a_base_of_the_store_may_be_answered_from_a_note_until_it_moves(command: Smidgen) -> None:
    store = smidgen.open_store(command.store)
    _tag(store, put_base(store, mark=b"1"))
    _settle()
    first = [command("build", "./hello", "--base", "store:base:1").stdout for _ in range(2)]
    assert list((command.store / "cache").glob("quick/*"))
    _tag(store, put_base(store, mark=b"2"))
    second = [command("build", "./hello", "--base", "store:base:1").stdout for _ in range(2)]
    assert (first[0], second[0]) == (first[1], second[1])
    assert first[0] != second[0]


def test_a_build_on_a_base_is_reproducible(command: Smidgen, tmp_path: Path, registry: tuple[Registry, Server]) -> None:
    _publish(registry[0], tmp_path / "there", b"1")
    name = f"{registry[1].host}/team/base:1"
    outcome = command("build", "./hello", "--base", name, "--verify-reproducible")
    assert "reproducible: the same digests" in outcome.stderr


def test_the_default_imports_nothing_of_bases(command: Smidgen) -> None:
    program = (
        "import sys\nfrom smidgen.cli.entry import run\nassert run(['build', './hello', '-q']) == 0\n"
        "print([name for name in sys.modules if 'base' in name and name.startswith('smidgen') or 'registry' in name])"
    )
    environ = os.environ | dict(command.environ) | {"SMIDGEN_STORE": str(command.store)}
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=command.cwd, env=environ, check=True, capture_output=True, text=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"
