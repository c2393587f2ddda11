"""``smidgen push``."""

import json
from pathlib import Path

import pytest

from smidgen.oci.reference import Reference
from support.command import Smidgen
from support.registry_images import check_registry
from support.served import Images, Served


def test_an_index_goes_with_all_its_platforms(smidgen: Smidgen, images: Images, remote: Served) -> None:
    name = remote.name("team/app:1.0")
    outcome = smidgen("push", "app:1.0", name)
    assert outcome.lines == [f"{name}@{images.app.digest}"]
    assert remote.tag("team/app", "1.0") == images.app.digest
    assert {digest for _, digest in remote.registry.manifests} == {
        images.app.digest,
        *(one.digest for one in images.platforms),
    }
    check_registry(remote.registry)
    assert "sent" in outcome.stderr


def test_an_image_goes_under_its_own_name(smidgen: Smidgen, images: Images, remote: Served) -> None:
    name = remote.name("team/one:2")
    images.store.tag(Reference.parse(name), images.one)
    assert smidgen("push", name).lines == [f"{name}@{images.one.digest}"]
    assert remote.tag("team/one", "2") == images.one.digest


def test_several_names(smidgen: Smidgen, images: Images, remote: Served) -> None:
    names = [remote.name(text) for text in ("team/one:1", "team/one", "other/one:1")]
    assert smidgen("push", "one:1.0", *names).lines == [
        f"{name}@{images.one.digest}" for name in (names[0], f"{names[1]}:latest", names[2])
    ]
    assert remote.tag("team/one", "latest") == remote.tag("other/one", "1") == images.one.digest


def test_what_is_there_is_not_sent_again(smidgen: Smidgen, images: Images, remote: Served) -> None:
    name = remote.name("team/app:1.0")
    smidgen("push", "app:1.0", name)
    before = len(remote.asked())
    outcome = smidgen("push", "app:1.0", name)
    assert outcome.lines == [f"{name}@{images.app.digest}"]
    assert "nothing had to travel" in outcome.stderr
    assert [one.method for one in remote.asked()[before:] if one.target != "/v2/"] == ["HEAD"]


@pytest.mark.usefixtures("images")
def test_json(smidgen: Smidgen, images: Images, remote: Served) -> None:
    name = remote.name("team/one:1")
    report = smidgen("push", "--json", "one:1.0", name).json
    assert report["schema"] == "smidgen.copy/v1"
    assert report["images"] == [
        {
            "source": "one:1.0",
            "destination": f"docker://{name}",
            "reference": name,
            "digest": images.one.digest,
            "media_type": images.one.media_type,
        }
    ]
    # Three layers, the configuration, and the manifest.
    assert report["moved"] == 5
    assert report["sent"] > 60_000
    assert report["fetched"] == report["mounted"] == report["there"] == 0


def test_one_platform_goes_as_a_single_image(smidgen: Smidgen, images: Images, remote: Served) -> None:
    arm64 = images.platforms[1]
    outcome = smidgen("push", "--platform", "linux/arm64", "app:1.0", remote.name("team/app:arm"))
    assert outcome.lines == [f"{remote.name('team/app:arm')}@{arm64.digest}"]
    assert list(remote.registry.manifests) == [("team/app", arm64.digest)]


def test_some_platforms_go_as_a_smaller_index(smidgen: Smidgen, remote: Served, images: Images) -> None:
    both = smidgen("push", "--platform", "linux/amd64,linux/arm64", "app:1.0", remote.name("team/app:both"))
    assert both.lines[0].endswith(images.app.digest)
    assert (
        "riscv64"
        in smidgen("push", "--platform", "linux/riscv64", "app:1.0", remote.name("team/app:none"), fails=True).stderr
    )


def test_a_layout_is_pushed_and_not_written(smidgen: Smidgen, images: Images, remote: Served, tmp_path: Path) -> None:
    smidgen("copy", "app:1.0", "oci:layout:x")
    files = sorted(path.relative_to(tmp_path) for path in (tmp_path / "layout").rglob("*"))
    smidgen("push", "oci:layout:x", remote.name("team/app:1"))
    assert remote.tag("team/app", "1") == images.app.digest
    assert sorted(path.relative_to(tmp_path) for path in (tmp_path / "layout").rglob("*")) == files


def test_an_archive_is_pushed_without_touching_the_store(
    smidgen: Smidgen, images: Images, remote: Served, tmp_path: Path
) -> None:
    smidgen("save", "one:1.0", "-o", tmp_path / "one.tar")
    away = Smidgen(store=tmp_path / "none", cwd=tmp_path, environ=(("TMPDIR", str(tmp_path)),))
    away("push", "docker-archive:one.tar", remote.name("team/one:1"))
    assert remote.tag("team/one", "1") == images.one.digest
    assert not list(tmp_path.glob("smidgen-copy-*"))


def test_a_name_without_a_registry_is_refused(smidgen: Smidgen, images: Images) -> None:
    outcome = smidgen("push", "one:1.0", fails=True)
    assert outcome.exit_code == 2
    assert "names no registry" in outcome.stderr
    assert "ghcr.io/OWNER/one:1.0" in outcome.stderr
    assert images.one.digest not in outcome.stdout


def test_by_digest(smidgen: Smidgen, images: Images, remote: Served) -> None:
    name = remote.name(f"team/one@{images.one.digest}")
    assert smidgen("push", "one:1.0", name).lines == [name]
    assert ("team/one", images.one.digest) in remote.registry.manifests
    assert not remote.registry.tags.get("team/one")
    other = smidgen("push", "app:1.0", remote.name(f"team/app@{images.one.digest}"), fails=True)
    assert other.exit_code == 2
    assert f"which is {images.app.digest}" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("oci:layout",), "not where to"),
        (("one:1.0", "oci:layout"), "use `smidgen copy`"),
        (("one:1.0", "HOST.example/UPPER"), "upper case"),
        (("one:1.0", "dir:x"), "not supported"),
        (("none:1.0", "ghcr.io/me/none"), "image 'none:1.0' not found"),
    ],
)
def test_wrong_requests(smidgen: Smidgen, images: Images, arguments: tuple[str, ...], message: str) -> None:
    outcome = smidgen("push", *arguments, fails=True)
    assert message in outcome.stderr
    assert outcome.stdout == ""


def test_quiet_and_verbose(smidgen: Smidgen, images: Images, remote: Served) -> None:
    assert smidgen("push", "-q", "one:1.0", remote.name("team/one:1")).stderr == ""
    told = smidgen("push", "-v", "one:1.0", remote.name("other/one:1")).stderr
    assert f"pushing {remote.name('other/one:1')}" in told
    assert told.count("blob sha256:") == 4
    assert f"pushed manifest {images.one.digest}" in told


def test_a_damaged_store_pushes_nothing(smidgen: Smidgen, images: Images, remote: Served) -> None:
    layer = json.loads(images.store.get(images.one))["layers"][0]["digest"]
    images.store.blob_path(layer).write_bytes(b"")
    outcome = smidgen("push", "one:1.0", remote.name("team/one:1"), fails=True)
    assert "not whole" in outcome.stderr
    assert remote.tag("team/one", "1") is None
