"""The commands of the store, as a person or a script runs them."""

import gzip
import io
import json
import os
import pty
import subprocess
import sys
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import decode_manifest
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.small_images import AMD64, ARM64, put_image, put_index
from support.tiny_executable import tiny_executable

BASE = [
    Entry.directory("etc"),
    Entry.file("etc/passwd", b"root:x:0:0\n"),
    Entry.file("etc/motd", b"hello\n"),
    Entry.symlink("config", "etc"),
]
PROGRAM = [Entry.file("web", bytes(20_000), mode=0o755), Entry.file("etc/.wh.motd", b"")]
CREATED = "2024-05-06T07:08:09Z"


@dataclass(frozen=True)
class Filled:
    """A store with ``web:1.0``, for two platforms, and ``api:2`` and ``api:latest``, the same image for one."""

    store: ContentStore
    web: Descriptor
    amd64: Descriptor
    arm64: Descriptor
    api: Descriptor


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path)


@pytest.fixture
def filled(smidgen: Smidgen) -> Filled:
    store = ContentStore.open(smidgen.store)
    run = RunConfig(entrypoint=("/web",), env=("PORT=80",))
    amd64 = put_image(store, BASE, PROGRAM, run=run)
    arm64 = put_image(store, BASE, PROGRAM, platform=ARM64, run=run)
    web = put_index(store, [(AMD64, amd64), (ARM64, arm64)])
    api = put_image(store, [Entry.file("api", bytes(10_000))], compression="none")
    names = {"ghcr.io/team/web:1.0": web, "api:2": api, "api": api}
    store.tag_all({Reference.parse(name): descriptor for name, descriptor in names.items()})
    return Filled(store, web, amd64, arm64, api)


def short(descriptor: Descriptor) -> str:
    return descriptor.digest[7:19]


class TestImages:
    def test_table(self, smidgen: Smidgen, filled: Filled) -> None:
        lines = smidgen("images").lines
        assert lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "PLATFORMS", "SIZE", "PULL", "SIZE"]
        rows = [line.split("  ") for line in lines[1:]]
        assert [[cell.strip() for cell in row if cell][:3] for row in rows] == [
            ["api", "2", short(filled.api)],
            ["api", "latest", short(filled.api)],
            ["ghcr.io/team/web", "1.0", short(filled.web)],
        ]
        assert "linux/amd64,linux/arm64" in lines[3]

    @pytest.mark.usefixtures("filled")
    def test_names_are_filtered(self, smidgen: Smidgen) -> None:
        for name, count in (
            ("api", 2),
            ("api:2", 1),
            ("docker.io/library/api", 2),
            ("*/web", 1),
            ("ap?:*", 2),
            ("x", 0),
        ):
            assert len(smidgen("images", name).lines) == 1 + count, name

    def test_identifiers_only(self, smidgen: Smidgen, filled: Filled) -> None:
        assert smidgen("images", "-q").lines == [short(filled.api), short(filled.web)]
        assert smidgen("images", "-q", "--no-trunc", "api").lines == [filled.api.digest]

    def test_json(self, smidgen: Smidgen, filled: Filled) -> None:
        report = smidgen("images", "--json").json
        assert report["schema"] == "smidgen.images/v1"
        web = report["images"][2]
        assert (web["reference"], web["digest"], web["created"]) == ("ghcr.io/team/web:1.0", filled.web.digest, CREATED)
        assert [one["platform"] for one in web["platforms"]] == ["linux/amd64", "linux/arm64"]
        # Both platforms have the same layers here, which count once.
        assert web["size"] == web["platforms"][0]["size"] == sum(tar_sizes(filled, filled.amd64))
        manifest = decode_manifest(filled.store.get(filled.amd64))
        pull_size = filled.amd64.size + manifest.config.size + sum(layer.size for layer in manifest.layers)
        assert web["platforms"][0]["pull_size"] == pull_size
        assert report["images"][0]["size"] == decode_manifest(filled.store.get(filled.api)).layers[0].size

    def test_a_damaged_image_does_not_hide_the_others(self, smidgen: Smidgen, filled: Filled) -> None:
        filled.store.blob_path(filled.api.digest).write_bytes(b"")
        outcome = smidgen("images")
        assert len(outcome.lines) == 4
        assert "damaged" in outcome.lines[1]
        assert "warning: api:2: blob" in outcome.stderr

    def test_no_store_is_an_empty_store(self, smidgen: Smidgen) -> None:
        assert len(smidgen("images").lines) == 1
        assert smidgen("images", "--json").json["images"] == []
        assert not smidgen.store.exists()

    def test_what_others_put_there_without_a_name(self, smidgen: Smidgen, filled: Filled) -> None:
        index = json.loads((smidgen.store / "index.json").read_text())
        index["manifests"].append({key: index["manifests"][0][key] for key in ("mediaType", "digest", "size")})
        (smidgen.store / "index.json").write_text(json.dumps(index))
        assert smidgen("images").lines[4].split()[:2] == ["<none>", "<none>"]
        assert smidgen("rm", "--force", short(filled.api)).lines[-1] == f"Untagged: {filled.api.digest}"
        assert len(smidgen("images").lines) == 2

    def test_what_only_a_digest_names(self, smidgen: Smidgen, filled: Filled) -> None:
        index = json.loads((smidgen.store / "index.json").read_text())
        for entry in index["manifests"]:
            entry.pop("annotations", None)
        (smidgen.store / "index.json").write_text(json.dumps(index))
        assert smidgen("inspect", filled.api.digest, "--json").json
        assert smidgen("rm", "--force", short(filled.api)).lines == [f"Untagged: {filled.api.digest}"]
        assert len(smidgen("images").lines) == 2


def tar_sizes(filled: Filled, image: Descriptor) -> list[int]:
    return [len(gzip.decompress(filled.store.get(layer))) for layer in decode_manifest(filled.store.get(image)).layers]


class TestHistory:
    def test_table_and_json(self, smidgen: Smidgen, filled: Filled) -> None:
        lines = smidgen("history", "ghcr.io/team/web:1.0").lines
        assert lines[0].split() == ["LAYER", "CREATED", "CREATED", "BY", "SIZE", "PULL", "SIZE", "COMMENT"]
        layers = decode_manifest(filled.store.get(filled.amd64)).layers
        assert [line.split()[0] for line in lines[1:]] == [short(layer) for layer in reversed(layers)]
        report = smidgen("history", "--json", "--platform", "linux/arm64", filled.web.digest).json
        assert report["digest"] == filled.arm64.digest
        assert [step["created_by"] for step in report["history"]] == ["layer 1", "layer 0"]
        assert [step["size"] for step in report["history"]] == tar_sizes(filled, filled.amd64)[::-1]
        assert smidgen("history", "--no-trunc", "api").lines[1].startswith("sha256:")

    @pytest.mark.usefixtures("filled")
    def test_a_platform_that_is_not_there(self, smidgen: Smidgen) -> None:
        outcome = smidgen("history", "--platform", "linux/s390x", "ghcr.io/team/web:1.0", fails=True)
        assert outcome.exit_code == 1
        assert "it has linux/amd64, linux/arm64" in outcome.stderr


class TestInspect:
    def test_documents_are_as_stored(self, smidgen: Smidgen, filled: Filled) -> None:
        web, api = smidgen("inspect", "ghcr.io/team/web:1.0", "api:2", "--platform", "linux/amd64").json
        assert (web["digest"], web["index_digest"]) == (filled.amd64.digest, filled.web.digest)
        assert web["index"] == json.loads(filled.store.get(filled.web))
        assert web["manifest"] == json.loads(filled.store.get(filled.amd64))
        assert web["config"]["config"]["Entrypoint"] == ["/web"]
        assert web["tags"] == ["ghcr.io/team/web:1.0"]
        assert api["tags"] == ["api:2", "api:latest"]
        assert api["index"] is None


class TestLs:
    @pytest.mark.usefixtures("filled")
    def test_directories_and_paths(self, smidgen: Smidgen) -> None:
        name = "ghcr.io/team/web:1.0"
        assert smidgen("ls", name).lines == ["config", "etc/", "web"]
        assert smidgen("ls", f"{name}:/etc").lines == ["passwd"]
        assert smidgen("ls", f"{name}:/config/").lines == ["passwd"]
        assert smidgen("ls", "-R", name).lines == ["/config", "/etc/", "/etc/passwd", "/web"]
        assert smidgen("ls", "-l", f"{name}:/web").lines == ["-rwxr-xr-x 0/0 20000 1970-01-01 00:00 web"]
        assert smidgen("ls", "-l", f"{name}:/config").lines[0].endswith("config -> etc")

    def test_json(self, smidgen: Smidgen, filled: Filled) -> None:
        report = smidgen("ls", "--json", "-R", filled.arm64.digest).json
        assert (report["digest"], report["platform"]) == (filled.arm64.digest, "linux/arm64")
        passwd = report["files"][2]
        assert (passwd["path"], passwd["kind"], passwd["mode"], passwd["size"]) == ("/etc/passwd", "file", "0644", 11)
        assert passwd["layer"] == decode_manifest(filled.store.get(filled.arm64)).layers[0].digest

    @pytest.mark.usefixtures("filled")
    def test_what_is_not_there(self, smidgen: Smidgen) -> None:
        assert "/etc/motd not found" in smidgen("ls", "ghcr.io/team/web:1.0:/etc/motd", fails=True).stderr
        assert "did you mean ghcr.io/team/web:1.0?" in smidgen("ls", "ghcr.io/team/wep:1.0", fails=True).stderr

    def test_names_that_are_no_text(self, smidgen: Smidgen, filled: Filled) -> None:
        image = put_image(filled.store, [Entry.file("\udcff\x1b[2J", b"")])
        filled.store.tag(Reference.parse("evil"), image)
        assert replace(smidgen, environ=(("LC_ALL", "C"),))("ls", "evil").lines == ["\\xff\\x1b[2J"]
        assert smidgen("ls", "--json", "evil").json["files"][0]["path"] == "/\\xff\x1b[2J"


class TestTagAndRm:
    def test_a_name_more_and_a_name_less(self, smidgen: Smidgen, filled: Filled) -> None:
        assert smidgen("tag", "api:2", "localhost:5000/api").stdout == ""
        assert smidgen("tag", "--json", short(filled.api), "api:3").json == {
            "schema": "smidgen.tag/v1",
            "reference": "docker.io/library/api:3",
            "digest": filled.api.digest,
        }
        assert len(smidgen("images", "-q", "localhost:5000/api:latest").lines) == 1
        assert smidgen("rm", "api", "api:3").lines == ["Untagged: api:latest", "Untagged: api:3"]
        removed = smidgen("rm", "--json", "localhost:5000/api").json["untagged"]
        assert removed == [{"reference": "localhost:5000/api:latest", "digest": filled.api.digest}]
        assert smidgen("rm", short(filled.api)).lines == ["Untagged: api:2"]

    def test_a_digest_with_several_names_needs_force(self, smidgen: Smidgen, filled: Filled) -> None:
        outcome = smidgen("rm", filled.api.digest, fails=True)
        assert outcome.exit_code == 2
        assert "has 2 names: api:2, api:latest" in outcome.stderr
        assert "part of an image" in smidgen("rm", filled.arm64.digest, fails=True).stderr
        assert len(smidgen("rm", "-f", filled.api.digest).lines) == 2

    def test_one_wrong_name_and_nothing_is_removed(self, smidgen: Smidgen, filled: Filled) -> None:
        outcome = smidgen("rm", "api:2", "apj:2", fails=True)
        assert "did you mean api:2" in outcome.stderr
        assert Reference.parse("api:2") in filled.store.tags()

    @pytest.mark.usefixtures("filled")
    @pytest.mark.parametrize("name", ["", "UPPER", "a@sha256:" + "0" * 64, "a:b:c"])
    def test_a_name_that_is_none(self, smidgen: Smidgen, name: str) -> None:
        outcome = smidgen("tag", "api", name, fails=True)
        assert outcome.exit_code == 2
        assert "invalid reference" in outcome.stderr
        assert "Traceback" not in outcome.stderr


class TestGc:
    def test_what_has_no_name_goes(self, smidgen: Smidgen, filled: Filled) -> None:
        assert smidgen("gc").lines == ["Total reclaimed space: 0B"]
        smidgen("rm", "ghcr.io/team/web:1.0")
        trial = smidgen("gc", "--dry-run").lines
        assert trial[0] == f"Would delete: {filled.web.digest}"
        assert trial[-1].startswith("Would reclaim: ")
        report = smidgen("gc", "--json").json
        assert len(report["deleted"]) == len(trial) - 1
        assert report["reclaimed"] > 0
        assert not filled.store.has(filled.web)
        assert filled.store.has(filled.api)

    def test_damage_is_found(self, smidgen: Smidgen, filled: Filled) -> None:
        layer = decode_manifest(filled.store.get(filled.api)).layers[0]
        filled.store.blob_path(layer.digest).write_bytes(b"x" * layer.size)
        outcome = smidgen("gc", "--verify")
        assert f"{layer.digest} was damaged" in outcome.stderr
        assert "build or load it again" in smidgen("ls", "api", fails=True).stderr

    def test_a_build_that_goes_on(self, smidgen: Smidgen, filled: Filled) -> None:
        with filled.store.writing():
            outcome = smidgen("gc", "--wait", "0.1", fails=True)
        assert "held by another smidgen" in outcome.stderr
        assert outcome.exit_code == 1

    def test_no_store(self, smidgen: Smidgen) -> None:
        assert smidgen("gc").lines == ["Total reclaimed space: 0B"]


class TestSaveAndLoad:
    def test_there_and_back(self, smidgen: Smidgen, filled: Filled, tmp_path: Path) -> None:
        other = Smidgen(store=tmp_path / "other", cwd=tmp_path)
        assert smidgen("save", "ghcr.io/team/web:1.0", "api:2", "-o", "images.tar").stdout == ""
        assert other("load", "-i", "images.tar").lines == ["Loaded image: ghcr.io/team/web:1.0", "Loaded image: api:2"]
        assert other("inspect", "ghcr.io/team/web:1.0").json == smidgen("inspect", "ghcr.io/team/web:1.0").json
        smidgen("save", "api:2", "--oci-layout", "layout")
        assert other("load", "--json", "-i", "layout").json["images"][0]["digest"] == filled.api.digest

    @pytest.mark.usefixtures("filled")
    def test_through_a_pipe(self, smidgen: Smidgen, tmp_path: Path) -> None:
        environ = os.environ | {"SMIDGEN_STORE": str(smidgen.store)}
        command = [sys.executable, "-m", "smidgen"]
        saved = subprocess.run([*command, "save", "api:2"], env=environ, capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(saved.stdout)) as archive:
            assert archive.getnames()[0] == "oci-layout"
        environ["SMIDGEN_STORE"] = str(tmp_path / "other")
        loaded = subprocess.run([*command, "load"], env=environ, input=saved.stdout, capture_output=True, check=True)
        assert loaded.stdout == b"Loaded image: api:2\n"

    def test_one_platform(self, smidgen: Smidgen, filled: Filled, tmp_path: Path) -> None:
        smidgen("save", "--platform", "linux/arm64", "ghcr.io/team/web:1.0", "-o", "arm.tar")
        other = Smidgen(store=tmp_path / "other", cwd=tmp_path)
        other("load", "-i", "arm.tar")
        assert other("inspect", "ghcr.io/team/web:1.0").json[0]["digest"] == filled.arm64.digest

    def test_an_image_without_a_name(self, smidgen: Smidgen, filled: Filled, tmp_path: Path) -> None:
        smidgen("save", filled.api.digest, "-o", "api.tar")
        other = Smidgen(store=tmp_path / "other", cwd=tmp_path)
        assert other("load", "-i", "api.tar").lines == [f"Loaded image: loaded:{short(filled.api)}"]
        assert other("load", "-i", "api.tar", "--name", "mine").lines == ["Loaded image: mine:latest"]

    @pytest.mark.usefixtures("filled")
    def test_terminals_are_refused(self, smidgen: Smidgen) -> None:
        leader, follower = pty.openpty()
        try:
            for arguments, words in ((["save", "api:2"], "nothing for a terminal"), (["load"], "is a terminal")):
                outcome = subprocess.run(
                    [sys.executable, "-m", "smidgen", *arguments],
                    env=os.environ | {"SMIDGEN_STORE": str(smidgen.store)},
                    stdin=follower,
                    stdout=follower,
                    stderr=subprocess.PIPE,
                    text=True,
                    check=False,
                )
                assert outcome.returncode == 2
                assert words in outcome.stderr
        finally:
            os.close(leader)
            os.close(follower)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, "cannot read images.tar: No such file"),
            (b"not an archive", "expected a tar"),
            (b"", "neither an OCI layout"),
            (bytes(1024), "neither an OCI layout"),
        ],
    )
    def test_what_is_no_archive(self, smidgen: Smidgen, tmp_path: Path, content: bytes | None, words: str) -> None:
        if content is not None:
            (tmp_path / "images.tar").write_bytes(content)
        outcome = smidgen("load", "-i", "images.tar", fails=True)
        assert outcome.exit_code == 1
        assert words in outcome.stderr
        assert "Traceback" not in outcome.stderr
        assert smidgen("images", "-q").lines == []

    @pytest.mark.usefixtures("filled")
    def test_json_and_archive_do_not_mix(self, smidgen: Smidgen) -> None:
        assert smidgen("save", "--json", "api:2", fails=True).exit_code == 2
        assert (
            smidgen("save", "--json", "api:2", "-o", "a.tar").json["images"][0]["reference"]
            == "docker.io/library/api:2"
        )


@pytest.mark.parametrize("command", ["ls", "history", "waste"])
def test_the_program_of_an_image_beside_it_is_not_in_the_way(smidgen: Smidgen, filled: Filled, command: str) -> None:
    """A program often has the name of the image that was made of it."""
    assert filled.api
    for name in ("api", "no-image"):
        (smidgen.cwd / name).write_bytes(tiny_executable(b"hello"))
    assert smidgen(command, "api").stdout == smidgen(command, "api:latest").stdout
    for target in ("./api", "no-image"):
        assert f"{target} is an executable, not an image" in smidgen(command, target, fails=True).stderr
