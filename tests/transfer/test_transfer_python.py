"""Registries from Python: the functions of ``smidgen``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import smidgen
from smidgen.errors import UsageError
from smidgen.image.image import Image
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.registry_images import image, index
from support.served import Images, Served, served


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    """A registry; nobody's credentials or settings are looked at."""
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    with served() as serving:
        yield serving


@pytest.fixture
def images(tmp_path: Path) -> Images:
    store = ContentStore.open(tmp_path / "store")
    app, one = index(store), image(store, seed=7)
    store.tag_all({Reference.parse("app:1.0"): app, Reference.parse("one:1.0"): one})
    return Images(store, app, one)


def test_push_tags_pull_delete(remote: Served, images: Images, tmp_path: Path) -> None:
    name = remote.name("team/app:1")
    assert smidgen.push("app:1.0", name, store=images.store) == (f"{name}@{images.app.digest}",)
    assert smidgen.tags(remote.name("team/app")) == ("1",)
    other = ContentStore.open(tmp_path / "other")
    pulled = smidgen.pull(name, platforms=["linux/arm64"], tag="arm:1", store=other)
    assert (pulled.name, pulled.digest) == ("arm:1", images.platforms[1].digest)
    assert str(pulled.for_platform(pulled.platform).platform) == "linux/arm64"
    smidgen.delete(name)
    assert smidgen.tags(remote.name("team/app")) == ()


def test_an_image_pushes_itself(remote: Served, images: Images) -> None:
    found = smidgen.find_image("one:1.0", store=images.store)
    (reference,) = found.push(remote.name("team/one:2"))
    assert reference == f"{remote.name('team/one:2')}@{images.one.digest}"
    renamed = found.tag(remote.name("team/one:3"))
    assert renamed.push() == (f"{remote.name('team/one:3')}@{images.one.digest}",)
    assert remote.tag("team/one", "3") == images.one.digest


def test_names_that_cannot_be_pushed(images: Images) -> None:
    with pytest.raises(UsageError, match="names no registry"):
        smidgen.push("one:1.0", store=images.store)
    with pytest.raises(UsageError, match="no name to push it under"):
        Image(images.store, images.one).push()


def test_copy(remote: Served, images: Images) -> None:
    place = f"docker://{remote.name('team/app:1')}"
    assert smidgen.copy("app:1.0", place, "oci:layout:x", store=images.store) == (images.app.digest,) * 2
    assert smidgen.copy("oci:layout:x", "back:1", store=images.store) == (images.app.digest,)
    assert remote.tag("team/app", "1") == images.app.digest
