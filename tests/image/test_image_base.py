"""Bases: their names, what an image takes from one, and where its files really are."""

import shutil
from pathlib import Path

import msgspec
import pytest

from smidgen.errors import ConfigError, DigestMismatch, InvalidContent, InvalidReference, NotFound, UsageError
from smidgen.image.assemble import LayerRecipe, Recipe, assemble
from smidgen.image.base import BASE_DIGEST, BASE_NAME, Base, BaseImage
from smidgen.image.base_files import BaseFiles
from smidgen.image.base_name import BaseKind, BaseName
from smidgen.image.image import Image
from smidgen.image.lock_file import Pin, read_lock, write_lock
from smidgen.layer.compression import DEFAULT
from smidgen.layer.entry import Entry, Kind
from smidgen.oci.config import History, RootFS, encode_config
from smidgen.oci.digest import DiffID, Digest
from smidgen.oci.manifest import Manifest, encode
from smidgen.oci.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
)
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from smidgen.store.sizes import layer_size
from support.base_images import BUNDLE, PASSWD, put_base, put_base_index
from support.small_images import AMD64, put_image, put_index

_DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


@pytest.mark.parametrize(
    ("text", "kind", "rendered"),
    [
        ("scratch", BaseKind.SCRATCH, "scratch"),
        ("static", BaseKind.STATIC, "static"),
        ("alpine", BaseKind.REGISTRY, "docker.io/library/alpine:latest"),
        ("docker://alpine:3.20", BaseKind.REGISTRY, "docker.io/library/alpine:3.20"),
        (f"ghcr.io/me/base@{_DIGEST}", BaseKind.REGISTRY, f"ghcr.io/me/base@{_DIGEST}"),
        ("library/static", BaseKind.REGISTRY, "docker.io/library/static:latest"),
        ("store:me/base:1", BaseKind.STORE, "store:me/base:1"),
        ("oci:/images/base:v1", BaseKind.LAYOUT, "oci:/images/base:v1"),
        ("oci:base", BaseKind.LAYOUT, "oci:/there/base"),
    ],
)
def test_names_of_bases(text: str, kind: BaseKind, rendered: str) -> None:
    name = BaseName.parse(text, root=Path("/there"))
    assert (name.kind, str(name)) == (kind, rendered)
    assert BaseName.parse(rendered) == name


@pytest.mark.parametrize("text", ["", "Alpine", "store:", "oci:", "docker-daemon:x", "a b", "x@sha256:1"])
def test_what_names_no_base(text: str) -> None:
    with pytest.raises((UsageError, InvalidReference)):
        BaseName.parse(text)


def test_only_a_tag_needs_a_lock() -> None:
    needing = [text for text in ("a:1", f"a:1@{_DIGEST}", "static", "store:a") if BaseName.parse(text).needs_lock]
    assert needing == ["a:1"]


def _base(store: ContentStore, descriptor: object) -> Base:
    assert isinstance(descriptor, msgspec.Struct)
    return Base(name="base:1", reference="docker.io/library/base:1", image=Image(store, descriptor))  # type: ignore[arg-type]


def _for(*platforms: str) -> list[Platform]:
    return [Platform.parse(platform) for platform in platforms]


@pytest.mark.parametrize(
    ("there", "wanted", "picked"),
    [
        (("linux/arm/v6", "linux/arm/v7"), "linux/arm/v7", "linux/arm/v7"),
        (("linux/arm/v5", "linux/arm/v6"), "linux/arm/v7", "linux/arm/v6"),
        (("linux/amd64",), "linux/amd64/v3", "linux/amd64"),
        (("linux/amd64", "linux/amd64/v2", "linux/amd64/v4"), "linux/amd64/v3", "linux/amd64/v2"),
        (("linux/arm64",), "linux/arm64", "linux/arm64"),
    ],
)
def test_the_highest_variant_that_runs_is_picked(
    store: ContentStore, there: tuple[str, ...], wanted: str, picked: str
) -> None:
    images = [
        (platform, put_image(store, [Entry.file(str(platform).replace("/", "-"), b"")], platform=platform))
        for platform in _for(*there)
    ]
    base = _base(store, put_index(store, images))
    assert str(base.pick(Platform.parse(wanted)).platform) == picked


@pytest.mark.parametrize("wanted", ["linux/s390x", "linux/arm/v6"])
def test_a_missing_platform_is_an_error_that_lists_those_there_are(store: ContentStore, wanted: str) -> None:
    images = [(platform, put_image(store, [], platform=platform)) for platform in _for("linux/amd64", "linux/arm/v7")]
    with pytest.raises(NotFound, match=f"platform {wanted} in the base base:1") as caught:
        _base(store, put_index(store, images)).pick(Platform.parse(wanted))
    assert caught.value.hint is not None
    assert "it has linux/amd64, linux/arm/v7:" in caught.value.hint


def test_a_single_image_is_for_its_own_platform_only(store: ContentStore) -> None:
    base = _base(store, put_base(store))
    assert base.pick(Platform.parse("linux/amd64/v2")).digest == base.image.digest
    with pytest.raises(NotFound, match="linux/arm64"):
        base.pick(Platform.parse("linux/arm64"))


def _as_docker(store: ContentStore, image: Image, *, history: tuple[History, ...] | None = None) -> Image:
    """Put *image* as docker pushes it: its media types are Docker's."""
    config = msgspec.structs.replace(image.config, history=history or image.config.history)
    manifest = Manifest(
        schema_version=2,
        media_type=DOCKER_MANIFEST,
        config=store.put(encode_config(config), media_type=DOCKER_CONFIG),
        layers=tuple(msgspec.structs.replace(one, media_type=DOCKER_LAYER_GZIP) for one in image.layers),
    )
    return Image(store, store.put(encode(manifest), media_type=DOCKER_MANIFEST))


def _on(store: ContentStore, base: BaseImage) -> Image:
    layer = LayerRecipe(entries=lambda: (Entry.file("app", b"program", mode=0o755),), created_by="/app")
    recipe = Recipe(
        platform=AMD64,
        layers=(layer,),
        run=base.run,
        annotations=base.annotations,
        created=0,
        compression=DEFAULT,
        base=base,
    )
    return assemble(store, recipe).image


def test_an_image_on_dockers_is_wholly_of_oci(store: ContentStore) -> None:
    docker = _as_docker(store, Image(store, put_base(store)))
    image = _on(store, BaseImage.of(docker, name="base:1", reference="docker.io/library/base:1"))
    assert image.descriptor.media_type == OCI_MANIFEST
    assert image.manifest.config.media_type == OCI_CONFIG
    assert {layer.media_type for layer in image.layers} == {OCI_LAYER_GZIP}
    assert [layer.digest for layer in image.layers[:2]] == [layer.digest for layer in docker.layers]
    assert image.diff_ids[:2] == docker.diff_ids
    assert [one.created_by for one in image.config.history or ()] == ["layer 0", "layer 1", "/app"]
    assert image.manifest.annotations == {BASE_NAME: "docker.io/library/base:1", BASE_DIGEST: docker.digest}


def test_layers_of_zstd_stay_what_they_are(store: ContentStore) -> None:
    image = _on(store, BaseImage.of(Image(store, put_base(store, compression="zstd")), name="base"))
    assert [layer.media_type for layer in image.layers] == [OCI_LAYER_ZSTD, OCI_LAYER_ZSTD, OCI_LAYER_GZIP]
    assert image.manifest.annotations is not None
    assert BASE_NAME not in image.manifest.annotations


@pytest.mark.parametrize(
    "history",
    [
        (History(created_by="only"), History(created_by="ENV A=1", empty_layer=True)),
        (History(created_by="a"), History(created_by="b"), History(created_by="c")),
    ],
)
def test_the_history_has_a_line_for_each_layer(store: ContentStore, history: tuple[History, ...]) -> None:
    docker = _as_docker(store, Image(store, put_base(store)), history=history)
    image = _on(store, BaseImage.of(docker, name="base"))
    lines = [one for one in image.config.history or () if not one.empty_layer]
    assert len(lines) == len(image.layers)
    assert lines[-1].created_by == "/app"


def test_what_no_image_can_be_made_of_is_refused(store: ContentStore) -> None:
    image = Image(store, put_base(store))
    layers = (msgspec.structs.replace(image.layers[0], media_type="application/x-thing"), image.layers[1])
    manifest = msgspec.structs.replace(image.manifest, layers=layers)
    odd = Image(store, store.put(encode(manifest), media_type=OCI_MANIFEST))
    with pytest.raises(InvalidContent, match="application/x-thing"):
        BaseImage.of(odd, name="base")
    manifest = msgspec.structs.replace(image.manifest, layers=image.layers[:1])
    short = Image(store, store.put(encode(manifest), media_type=OCI_MANIFEST))
    with pytest.raises(InvalidContent, match="1 layers in the manifest, 2 in the configuration"):
        BaseImage.of(short, name="base")


def _files(store: ContentStore, *layers: list[Entry]) -> BaseFiles:
    descriptor = put_image(store, *layers) if layers else put_base(store)
    return BaseFiles(BaseImage.of(Image(store, descriptor), name="base"))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("app", "app"),
        ("lib/x.so", "usr/lib/x.so"),
        ("lib/deep/new/x.so", "usr/lib/deep/new/x.so"),
        ("var/run/ko/page", "run/ko/page"),
        ("etc/ssl/new.pem", "etc/ssl/new.pem"),
        # The last component is replaced, not followed.
        ("bin", "bin"),
        ("nowhere/at/all", "nowhere/at/all"),
        ("loop/x", "loop/x"),
        ("up/x", "usr/x"),
        ("out/x", "etc/x"),
    ],
)
def test_a_path_is_where_a_container_finds_it(store: ContentStore, path: str, place: str) -> None:
    links = [Entry.symlink("loop", "loop"), Entry.symlink("up", "usr/lib/.."), Entry.symlink("out", "../../../etc")]
    base = put_base(store)
    config, manifest = Image(store, base).config, Image(store, base).manifest
    extra = Image(store, put_image(store, links))
    config = msgspec.structs.replace(
        config,
        rootfs=msgspec.structs.replace(config.rootfs, diff_ids=(*config.rootfs.diff_ids, *extra.diff_ids)),
    )
    joined = msgspec.structs.replace(
        manifest,
        config=store.put(encode_config(config), media_type=OCI_CONFIG),
        layers=(*manifest.layers, *extra.layers),
    )
    image = Image(store, store.put(encode(joined), media_type=OCI_MANIFEST))
    files = BaseFiles(BaseImage.of(image, name="base"))
    assert files.real_path(path) == place


def test_entries_are_placed_and_directories_stay_as_they_are(store: ContentStore) -> None:
    files = _files(store)
    entries = [
        Entry.file("lib/a", b"a"),
        Entry(path="lib/b", kind=Kind.HARDLINK, mode=0o644, link="lib/a"),
        Entry.file("app", b""),
    ]
    assert [(one.path, one.link) for one in files.placed(entries)] == [
        ("usr/lib/a", ""),
        ("usr/lib/b", "usr/lib/a"),
        ("app", ""),
    ]
    kept = {one.path: (one.mode, one.gid) for one in files.directories}
    assert kept == {"etc/private": (0o750, 102), "root": (0o700, 0), "tmp": (0o1777, 0)}
    assert files.key != _files(store, [Entry.file("x", b"")]).key == ""


def test_files_are_found_through_links_and_whiteouts(store: ContentStore) -> None:
    lower = [
        Entry.file("etc/passwd", PASSWD),
        Entry.file("etc/gone", b"x"),
        Entry.file("etc/empty", b""),
        Entry.symlink("etc/link", "passwd"),
        Entry(path="etc/hard", kind=Kind.HARDLINK, mode=0o644, link="etc/passwd"),
    ]
    upper = [Entry.file("etc/.wh.gone", b""), Entry.file("etc/new", b"new")]
    for _ in range(2):
        # The second time from what was kept.
        files = _files(store, lower, upper)
        assert [name for name in ("link", "hard", "new") if files.is_file(f"etc/{name}")] == ["link", "hard", "new"]
        assert not any(map(files.is_file, ("etc/gone", "etc/empty", "etc", "nowhere")))
        assert (files.read("etc/link"), files.read("etc/hard"), files.read("etc/new")) == (PASSWD, PASSWD, b"new")
        assert files.read("etc/gone") is None
    assert list((store.root / "cache" / "bases").iterdir())


def test_what_is_kept_of_a_base_may_be_lost_or_damaged(store: ContentStore) -> None:
    assert _files(store).is_file("/etc/ssl/cert.pem")
    (kept,) = (store.root / "cache" / "bases").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    files = _files(store)
    assert files.read("etc/ssl/cert.pem") == BUNDLE
    store.blob_path(files.base.layers[0].digest).unlink()
    assert BaseFiles(files.base).is_file("etc/passwd")
    kept.unlink()
    with pytest.raises(NotFound, match="blob"):
        BaseFiles(files.base).is_file("etc/passwd")


def test_a_layer_that_is_not_what_the_configuration_says_is_refused(store: ContentStore) -> None:
    image = Image(store, put_base(store))
    wrong = (DiffID(_DIGEST), image.diff_ids[1])
    config = msgspec.structs.replace(image.config, rootfs=RootFS(type="layers", diff_ids=wrong))
    stored = store.put(encode_config(config), media_type=OCI_CONFIG)
    manifest = store.put(encode(msgspec.structs.replace(image.manifest, config=stored)), media_type=OCI_MANIFEST)
    files = BaseFiles(BaseImage.of(Image(store, manifest), name="base"))
    with pytest.raises(DigestMismatch, match="uncompressed layer of base"):
        files.is_file("etc/passwd")


def test_the_sizes_of_layers_are_known_once_they_were_read(store: ContentStore) -> None:
    base = _files(store).base
    shutil.rmtree(store.root / "cache", ignore_errors=True)
    assert BaseFiles(base).is_file("etc/passwd")
    assert len(list((store.root / "cache" / "sizes").iterdir())) == 2
    assert all(layer_size(store, layer) for layer in base.layers)


def _pin(store: ContentStore, text: str) -> Pin:
    index = put_base_index(store)
    return Pin(
        reference=str(Reference.parse(text)),
        digest=index.digest,
        media_type=index.media_type,
        size=index.size,
        platforms={"linux/amd64": Digest(_DIGEST)},
    )


def test_a_lock_file_is_read_as_it_was_written(store: ContentStore, tmp_path: Path) -> None:
    path = tmp_path / "smidgen.lock"
    assert read_lock(path).pins is None
    pins = [_pin(store, "ghcr.io/b/b:2"), _pin(store, "alpine:3")]
    assert write_lock(path, pins)
    assert not write_lock(path, reversed(pins))
    lock = read_lock(path)
    assert lock.pin(Reference.parse("alpine:3")) == pins[1]
    assert lock.pin(Reference.parse("alpine:4")) is None
    assert path.read_text().endswith("}\n")
    assert [one.name for one in tmp_path.iterdir() if "lock" in one.name] == ["smidgen.lock"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"schema":"smidgen.lock/v2","bases":[]}',
        '{"schema":"smidgen.lock/v1","bases":[{"reference":"a"}]}',
        '{"schema":"smidgen.lock/v1","other":1}',
    ],
)
def test_what_is_no_lock_file_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "smidgen.lock"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is not a lock file") as caught:
        read_lock(path)
    assert caught.value.hint == "write it anew with `smidgen lock`"
